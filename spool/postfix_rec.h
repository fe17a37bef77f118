#ifndef SPOOL_POSTFIX_REC_H
#define SPOOL_POSTFIX_REC_H
/*
 * Postfix queue file records: the reader of one record, and the parser that
 * turns a whole file (any struct rd: a file, a memory block) into a message.
 * The format is Postfix's src/global/rec_type.h and record.c: type byte, length in
 * base 128, payload; three groups, envelope up to M, content up to X, extracted up
 * to E; p records lead elsewhere. The parser follows what qmgr would read, bounded
 * in jumps and bytes, and goes on behind a bad record where SIZE tells how. It opens
 * nothing and knows no folder: what mode, owner and place mean is postfix.c's.
 */
#include <stddef.h>
#include <stdint.h>

#include "msg.h"
#include "rd.h"

struct postfix_rec {
	int type; /* the type byte; -1 at the end of the file */
	uint64_t at; /* offset of the type byte */
	uint64_t n; /* payload bytes, compared with what remains */
	const char *why; /* what is wrong with it, after -1 */
};

/* Reads type and length; the reader stands at the payload then. 1 a record, 0 end of the file, -1 a bad one (why) or r->error. */
int postfix_rec_get(struct postfix_rec *rec, struct rd *r);

struct postfix_how {
	int is_maildrop; /* written by postdrop(1): no SIZE, size is the file's */
	int is_unfinished; /* cleanup(8) still writes it: shortcomings are notes, not damage */
	int (*sink)(
	    void *arg, const void *p, size_t n); /* takes the content instead of head.h; nonzero: no more wanted. Or NULL */
	void *arg;
	int is_whole; /* the sink wants the body, too, however long it is */
};

/* What the records say besides what goes into the message at once. Strings live in m->arena; NULL when absent. */
struct postfix_env {
	const char *sasl_username;
	const char *log_client_address, *log_client_name, *log_helo_name, *log_protocol_name;
	const char *client_address, *client_name, *helo_name, *protocol_name;
	const char *received; /* the top Received: header */
	int64_t created; /* create_time, seconds; -1 none */
	int64_t size[6]; /* fields of SIZE, record C */
	size_t nsize;
	int has_offsets; /* size[0] and size[1] are usable */
};

/*
 * Fills sender, recipients (key = offset of their record), arrived, size, the header fields, damage and notes of m, and env. 0, or -1
 * when r had an I/O error (r->error); then m is half filled.
 */
int postfix_parse(struct msg *m, struct postfix_env *env, struct rd *r, const struct postfix_how *how);

/* The number in a `Received: by NAME (Postfix, from userid N)` as pickup(8) writes it, -1 in any other. */
int64_t postfix_received_uid(const char *received);

#endif
