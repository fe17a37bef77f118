#ifndef INDEX_REPORT_H
#define INDEX_REPORT_H
/*
 * The facts of an incident, for people and for other programs: cmd/report_*.c
 * only write them down. Its messages are those of the selection that are in a spool
 * ("queued", what `list` counts) and those that a plan of ours has taken out of it
 * ("removed"), as long as the index knows them: after a purge the report still tells
 * what was there. Messages that left otherwise (delivered, bounced, removed by hand) are
 * counted ("left") and nothing else. All tables are ranks (index/rank.h) of queued and
 * removed ones together; without a plan they are those of `rank`.
 *
 * Texts are as strangers wrote them. All of it lives until report_free.
 */
#include <stdint.h>

#include "index/evidence.h"
#include "index/journal.h"
#include "index/proof.h"
#include "index/query.h"
#include "index/rank.h"
#include "index/reply.h"
#include "spool/arena.h"

#define REPORT_SERIES 7		/* of the timeline; the last one may be all others together */
#define REPORT_RECIPIENTS 5	/* of a sample */

struct report_spool {
	const char *kind, *root;
	int64_t scanned;		/* microseconds */
	const char *unknown;		/* JSON array of queues not wholly read, "[]" none */
	int64_t queued, removed;
};

struct report_row {
	struct rank_row r;		/* its messages are queued and removed ones */
	int64_t queued, removed, left;	/* of an account; -1 in other tables */
	int64_t damaged;		/* of the queued ones: no purge by account takes them */
};

struct report_table {
	struct report_row *row;
	size_t n;
	int64_t messages;
	struct rank *rank;
};

struct report_series {
	const char *key, *kind;		/* an account; key NULL and is_rest 0: messages without one */
	int is_rest;			/* all other accounts */
	const struct rank_row *row;	/* NULL of the rest */
	int64_t *count;			/* a number for each bucket */
	int64_t messages;
};

struct report_timeline {
	int64_t from, width;		/* microseconds; from is a multiple of the width */
	size_t buckets;			/* 0: no message has a known arrival */
	struct report_series series[REPORT_SERIES];
	size_t nseries;
	int64_t most;			/* in one bucket */
	int64_t before, after;		/* far away: not in any bucket */
};

struct report_reply {
	enum reply_class class;
	const char *text;		/* of one of them */
	int64_t messages, different;	/* how many texts that differ only in ids and addresses */
};

struct report_sample {
	struct query_row row;
	struct query_rcpt recipient[REPORT_RECIPIENTS];
	size_t nrecipients;
	int64_t all_recipients;
	int is_removed;
};

struct report_plan {
	struct plan plan;
	int64_t here;			/* messages of this report that it took */
	int is_of_spools;		/* it is about a spool of this index */
	struct plan_archive *archive;
	size_t narchives;
	struct proof proof;		/* when has_proof */
	int has_proof;
};

struct report_restore {
	struct restore_run run;
	int64_t messages;
};

struct report {
	int64_t made, since;		/* microseconds: now; start of the oldest scan that the index remembers, MSG_NO_TIME none */
	const char *host;
	const char *selection;		/* as typed, "" none */
	int64_t queued, removed, left;
	int64_t damaged;		/* of the queued ones */
	int64_t unread, cut;		/* of queued and removed ones: bodies not read; read up to a limit */
	int64_t timeless;		/* of queued and removed ones: their arrival is not known */
	int64_t first, last;		/* arrival, MSG_NO_TIME unknown */
	struct report_spool *spool;
	size_t nspools;
	int is_partial;			/* a queue was not wholly read, or no spool was */
	int has_contents;		/* bodies were searched (--contains) */
	struct report_table table[RANK_COUNT];
	struct report_timeline timeline;
	struct report_reply *reply;	/* most first */
	size_t nreplies;
	int64_t replied;		/* messages whose last reply is known */
	struct evidence *evidence;	/* what the replies say of us; of gone messages too when plans removed some */
	struct report_sample *sample;
	size_t nsamples;
	struct report_plan *plan;	/* that touched a spool and have a message here; without selectors all that are about these spools */
	size_t nplans;
	int64_t dry_runs;		/* plans that touched nothing */
	struct report_restore *restore;
	size_t nrestores;
	int64_t *row;			/* row numbers of the messages, sorted */
	unsigned char *is_removed;	/* of each of them */
	size_t nrows;
	struct arena arena;
};

#define REPORT_PAGE (1u << RANK_ACCOUNT | 1u << RANK_CLIENT | 1u << RANK_RECIPIENT_DOMAIN | 1u << RANK_SUBJECT | 1u << RANK_SCRIPT | \
    1u << RANK_URL | 1u << RANK_CAMPAIGN)
#define REPORT_ALL ((1u << RANK_COUNT) - 1)

/* tables: a bit (1 << rank_by) for each that is wanted, with that of accounts; the others stay empty. j: NULL when there is no journal. */
int report_make(struct report **out, struct index *ix, struct journal *j, struct selection *s, unsigned tables, int64_t now, const char *host,
    struct err *e);
void report_free(struct report *r);

/* The account to be dealt with first: the likely or possible one with most messages, likely before possible; NULL none. With `after` the next one. */
const struct report_row *report_suspect(const struct report *r, const struct report_row *after);

/* A reply without what differs from message to message (queue ids, addresses), so that like ones are one. */
const char *report_reply_key(struct arena *a, const char *text);

/* Width and start of the timeline of n > 0 sorted times. */
void report_scale(struct report_timeline *t, const int64_t *arrived, size_t n);

#endif
