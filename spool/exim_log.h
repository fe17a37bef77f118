#ifndef SPOOL_EXIM_LOG_H
#define SPOOL_EXIM_LOG_H
/*
 * The message log of one Exim message (msglog/ID): plain lines with a time
 * stamp, written by deliver.c at every attempt. It grows with each attempt and can be
 * twenty times its message, so only its tail is read. Remote servers choose most
 * of the text: nothing here trusts it beyond being text.
 */
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "rd.h"

#define EXIM_LOG_TAIL ((uint64_t)256 * 1024)

struct exim_reply {
	const unsigned char *address;	/* the recipient it speaks of, as written */
	size_t naddress;
	const unsigned char *text;	/* contract "reason", still escaped */
	size_t ntext;
	int is_weak;			/* no answer of a server, only what Exim made of earlier ones ("retry time not reached") */
	int is_success;			/* delivered: no text */
};

/* One line without its LF. 1 a reply or a success, 0 a line that has none. */
int exim_log_line(struct exim_reply *out, const unsigned char *p, size_t n);

/* Undoes what deliver.c and string_printing did to a reply (octal bytes, \n) and makes it UTF-8. */
const char *exim_log_text(struct arena *a, const unsigned char *p, size_t n);

/* Calls put for every reply in the last EXIM_LOG_TAIL bytes, oldest first; what it gets is valid during the call. 1 when the log
 * is longer than that, 0 when all was read, -1 when the reader failed. */
int exim_log_read(struct rd *r, void (*put)(void *arg, const struct exim_reply *reply), void *arg);

#endif
