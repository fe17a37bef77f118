#ifndef INDEX_PLAN_H
#define INDEX_PLAN_H
/*
 * A plan freezes a selection by identity: which messages, of which spools, as
 * the index knew them. Made by a dry run, carried out by purge.c. Also the
 * facts that a dry run prints about it, read from the journal alone, and from the
 * index what is near the plan and stays. Nothing here touches a spool but the
 * stat of its root.
 */
#include <stdint.h>

#include "index/index.h"
#include "index/journal.h"
#include "index/query.h"
#include "index/select.h"

struct plan_options {
	enum plan_kind kind;
	int64_t limit;			/* at most so many messages, the oldest; 0: all */
	int64_t parent;			/* first plan of a --watch, 0 none */
	const char *mainlog;		/* absolute path, NULL none */
	int64_t level;			/* of zstd, 0: the default */
	const char *who;		/* login that runs us */
	const char *(*json)(void *arg, const struct query_row *r);	/* the list --json object; valid until the next call */
	void *json_arg;
};

struct plan_left {			/* selected, but kept out of the plan */
	int64_t damaged, incomplete;
	int64_t folders;		/* in SmarterMail's proc, Quarantine, Drop or delay */
};

/* Makes a plan from the index as it stands. Damaged messages are left out unless --damaged or --id names them, incomplete ones unless --id does,
 * those in SmarterMail's own folders unless --queue or --id does. 0 and *id; 1: no message is left (no plan is stored, *id is 0); -1. */
int plan_make(int64_t *id, struct plan_left *left, struct index *ix, struct journal *j, struct selection *s, const struct plan_options *opt,
    struct err *e);

/* What there is near a plan and stays: messages with a subject of it that belong to accounts that are not in it. */
struct plan_near;
int plan_near_new(struct plan_near **out, struct index *ix, struct journal *j, int64_t plan, struct err *e);
int64_t plan_near_all(const struct plan_near *n);
void plan_near_free(struct plan_near *n);

/* One counted group of a plan, for the dry run. */
struct plan_group {
	const char *what;	/* "spool" "queue" "account" "sender domain" "subject" */
	const char *key;	/* NULL: none */
	int64_t messages, bytes;
	int64_t near;		/* subject: messages with it of accounts that are not in the plan; else 0 */
	int64_t groups;		/* how many of this sort there are */
};
/* Calls fn for the groups of the plan's messages, sort by sort, largest first, at most `most` a sort. near may be NULL. */
int plan_groups(struct journal *j, int64_t plan, struct plan_near *near, int most,
    void (*fn)(void *arg, const struct plan_group *g), void *arg, struct err *e);

struct plan_facts {
	int64_t messages, bytes;
	int64_t oldest, newest;		/* arrival, microseconds, MSG_NO_TIME */
	int64_t damaged, incomplete, held, busy;	/* busy: in an active queue when it was scanned */
	int64_t other_accounts;		/* accounts in the plan beside the largest */
	int64_t other_messages;		/* and their messages */
	int64_t expected;		/* bytes that the archive may need at most (no compression assumed) for what is in no whole archive yet */
};
int plan_facts(struct plan_facts *out, struct journal *j, int64_t plan, struct err *e);

#endif
