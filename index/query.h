#ifndef INDEX_QUERY_H
#define INDEX_QUERY_H
/*
 * From a selection to messages, one at a time, in the order of arrival (then
 * spool, queue, id). A row's texts are valid until the next call. Also what the
 * index knows of its own age and of queues that were not wholly read.
 */
#include <stdint.h>

#include "index/index.h"
#include "index/select.h"
#include "spool/spool.h"

struct query_row {	/* contract "list --json"; NULL and -1 (MSG_NO_TIME for arrived) are null */
	int64_t rowid;
	const char *spool, *kind, *queue, *id, *account, *account_kind, *domain, *sender, *sender_domain, *client, *client_name,
	    *helo, *protocol, *local_user, *script;
	int64_t uid;		/* -1 none */
	int64_t arrived;	/* microseconds */
	int arrived_fraction;
	int64_t size, recipients, pending;
	const char *from, *subject, *message_id, *state, *reason;
	const char *damage, *notes;	/* JSON arrays as text, "[]" when empty */
	const char *path;		/* main file, bytes relative to the root */
	size_t path_len;
};

struct query;

/* Messages now in their spools (not gone ones, unless with_gone). */
int query_open(struct query **out, struct index *ix, struct selection *s, int with_gone, struct err *e);
/* The same for a table: rows have the spool, queue, id, account, sender, subject, state, damage, size, times in seconds and counts, and no more need be
 * in them. They are read with the order, as far as some MiB hold them: half the time of fetching each. */
int query_open_lines(struct query **out, struct index *ix, struct selection *s, struct err *e);
/* The messages of n row numbers, in that order; row is kept by the caller. */
int query_open_rows(struct query **out, struct index *ix, const int64_t *row, size_t n, struct err *e);
int query_next(struct query_row *out, struct query *q, struct err *e);	/* 1, 0, -1 */

/* From now on rows need only what a line of a table shows: client, HELO, protocol, script, local user, From, the reason and domains are NULL,
 * and not looked up. */
void query_brief(struct query *q);
void query_close(struct query *q);

/* A copy whose texts live in the arena. */
struct arena;
void query_keep(struct query_row *to, struct arena *a, const struct query_row *from);

/* One snapshot for several queries: begins a read transaction unless one is open; the end ends what this one began. */
int query_snapshot(int *began, struct index *ix, struct err *e);
void query_snapshot_end(int began, struct index *ix);

/* The number of messages selected; -1 and err. */
int64_t query_count(struct index *ix, struct selection *s, struct err *e);

struct query_rcpt {
	const char *address, *domain, *state, *reply;
};
/* The recipients of a message in order; calls fn for each. */
int query_recipients(struct index *ix, int64_t rowid, void (*fn)(void *arg, const struct query_rcpt *r), void *arg, struct err *e);

struct query_scan {		/* the newest scan of each spool that has been scanned */
	const char *spool, *kind;
	int64_t finished;	/* microseconds */
	const char *unknown;	/* JSON array of queue names, "[]" when all was read */
	const char *timezone;
};
/* Calls fn for each spool that the selection may speak of (--spool, --kind and --queue narrow it: `unknown` then has only matching queues). */
int query_scans(struct index *ix, struct selection *s, void (*fn)(void *arg, const struct query_scan *sc), void *arg, struct err *e);

#endif
