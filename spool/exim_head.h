#ifndef SPOOL_EXIM_HEAD_H
#define SPOOL_EXIM_HEAD_H
/*
 * The parser of an Exim -H file (spool_in.c: spool_read_header). It takes
 * bytes from a bounded reader only, adds recipients, damage and notes to the
 * message, and streams every live header to a sink. Lengths of variables and headers
 * are obeyed, so nothing inside a value is ever taken for a line of the envelope. A
 * broken file is data: what can still be read is read, each break is a damage word that
 * begins with "-H:". Memory is bounded by 16384 recipients of 4 KiB.
 */
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "msg.h"
#include "rd.h"

#define EXIM_RCPT_MAX 16384	/* spool_in.c: more is a format error */

struct exim_rcpt {
	const unsigned char *p;	/* the address as on disk */
	uint32_t n;
	uint32_t index;		/* of m->rcpt */
};

struct exim_head {
	const char *login;		/* line 2; NULL when it was not readable, may be "" */
	int64_t uid, gid;
	const char *sender;		/* line 3; "" null sender, NULL not readable */
	int64_t arrived;		/* line 4 and -received_time_usec, microseconds; MSG_NO_TIME when not readable */
	int64_t usec;			/* -1: no fraction */
	int64_t body_lines;		/* -1 when absent */

	/* values of the option lines, NULL when absent */
	const char *host_address, *host_name, *helo, *host_auth, *auth_id, *protocol, *ident;
	int is_frozen, is_first, is_local, is_local_error, is_never, is_wireformat;
	int has_options;		/* the option lines ended where they should: the flags are sure */

	struct exim_rcpt *rcpt;		/* sorted for exim_rcpt_next */
	size_t nrcpt, rcpt_cap;
	uint64_t tree_at, tree_nodes;	/* the non-recipients tree: where, how many lines */

	int64_t live_size;		/* bytes of all headers that are not deleted; -1 when they are broken */
	size_t nheaders, nlive;
};

typedef int (*exim_sink)(void *arg, const void *p, size_t n);

/* Reads a whole -H. name: the file's own name, compared with line 1. Strings of out go to m->arena, what only serves
 * the lookup to scratch. sink may be NULL; when it returns < 0 reading ends. 0, or -1 when rd failed (r->error) or the
 * sink did. */
int exim_head_read(struct exim_head *out, struct msg *m, struct rd *r, const char *name, struct arena *scratch, exim_sink sink,
    void *arg);

/* The recipients with this address, one a call: pass 0 first, then the last result + 1. SIZE_MAX: no more. Exact as
 * Exim compares its tree and journal, else ASCII letters without case as its logs write addresses. */
size_t exim_rcpt_next(const struct exim_head *h, const void *p, size_t n, int exact, size_t from);

#endif
