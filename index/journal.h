#ifndef INDEX_JOURNAL_H
#define INDEX_JOURNAL_H
/*
 * The journal: plans, what they froze, and what became of each message, in a
 * database of its own beside the index (journal.db, WAL, synchronous FULL), so that
 * no scan ever blocks a purge. It is written ahead of or right behind the file
 * system, never instead of it: every step of a resume looks first whether its work is
 * already done. One struct journal is used by one thread.
 *
 * A plan has places (one a spool) with a private folder each, items (one a
 * message) and parts (one a file). Numbers of places and items count from 0 in a plan.
 */
#include <stdint.h>
#include <sqlite3.h>

#include "spool/arena.h"
#include "spool/arc.h"
#include "spool/err.h"
#include "spool/msg.h"
#include "spool/part.h"

#define JOURNAL_VERSION 7

enum plan_kind { PLAN_PURGE, PLAN_HOLD };

enum plan_state {		/* names: plan_state_name */
	PLAN_PLANNED,		/* a dry run: nothing was touched */
	PLAN_TAKING,		/* the spool may have changed from here on */
	PLAN_TAKEN,		/* a hold ends here: "held" */
	PLAN_ARCHIVING,
	PLAN_VERIFIED,		/* the archive stands under its name, whole */
	PLAN_DELETING,
	PLAN_DONE,
	PLAN_UNDOING,
	PLAN_UNDONE
};

enum item_state {		/* contract: purge --json "state"; names: item_state_name */
	ITEM_PLANNED, ITEM_TAKEN, ITEM_ARCHIVED, ITEM_VERIFIED, ITEM_DELETED, ITEM_CHANGED, ITEM_BUSY, ITEM_GONE, ITEM_FAILED,
	ITEM_RELEASED,		/* put back by undo or release */
	ITEM_STATES
};

struct plan {
	int64_t id, parent;	/* parent: the first plan of a --watch, 0 none */
	enum plan_kind kind;
	enum plan_state state;
	int64_t created, started, finished;	/* microseconds, 0 not yet */
	const char *who, *host, *selection;
	const char *archive;	/* absolute path of the last one (journal_archives), NULL none yet */
	const char *archive_dir;	/* absolute; where the run that began it puts its archive, for a resume; NULL not begun */
	const char *mainlog;	/* --mainlog FILE, NULL none */
	int64_t archive_size;	/* -1 not known */
	unsigned char sha[ARC_SHA256];
	int has_sha;
	int64_t level;
	const char *service;	/* that this plan has stopped, NULL none */
	int service_waits;	/* it must still be started again */
	int64_t count[ITEM_STATES];	/* items by state; filled by journal_plan */
};

/* One that was published: a plan that was resumed with messages that had been busy has several. */
struct plan_archive {
	const char *path;	/* absolute */
	int64_t size;		/* -1 not known */
	unsigned char sha[ARC_SHA256];
	int has_sha;
	int64_t messages;	/* of the plan, that it holds */
};

struct place {
	int64_t n;
	const char *kind, *root;
	uint64_t dev, ino;	/* of the root when the plan was made */
	const char *folder;	/* name of the private folder below the spool's .spoolsweep, chosen with the plan */
};

struct item {
	int64_t n, place;
	const char *queue, *id, *path;		/* path: main part, bytes */
	uint64_t inode;				/* identity: main_inode of the index */
	int64_t arrived, size;
	const char *sender, *account_kind, *account_key;
	enum item_state state;
	const char *why;			/* for changed, busy, gone, failed; NULL */
	const char *json;			/* the list --json object at the time of the plan */
	const char *archive;			/* path of the archive that has it, NULL none yet */
};

struct item_part {
	enum part_role role;
	const char *dir, *name;			/* where it was taken from */
	const char *private;			/* its name in the private folder */
	struct sys_stat st;			/* when taken */
	unsigned char sha[ARC_SHA256];
	int has_sha;
};

struct journal;
struct index;

/* Opens journal.db in the folder of the index; made when missing (0600). Errors as index_open. */
int journal_open(struct journal **out, const char *index_path, int write, struct err *e);
void journal_close(struct journal *j);
sqlite3 *journal_db(struct journal *j);
struct index *journal_index(struct journal *j);		/* the same connection, for the helpers of index.h */

/* One transaction around many calls; commit is on stable storage when it returns. */
int journal_begin(struct journal *j, struct err *e);
int journal_commit(struct journal *j, struct err *e);
void journal_rollback(struct journal *j);

/* One snapshot around many reads: each alone would take and drop the file's lock, which costs more than the read. Nothing is written inside. */
int journal_begin_read(struct journal *j, struct err *e);
void journal_end_read(struct journal *j);

/* Making a plan. p->id is set. */
int journal_plan_new(struct journal *j, struct plan *p, struct err *e);
int journal_place_new(struct journal *j, int64_t plan, const struct place *pl, struct err *e);
int journal_item_new(struct journal *j, int64_t plan, const struct item *it, struct err *e);

/* Reading. 1 found, 0 no such, -1. Texts go to a. */
int journal_plan(struct plan *out, struct journal *j, int64_t id, struct arena *a, struct err *e);
/* The next plan after id whose state lies in [from, to]; ascending ids. */
int journal_plan_after(struct plan *out, struct journal *j, int64_t id, enum plan_state from, enum plan_state to, struct arena *a,
    struct err *e);
int journal_place(struct place *out, struct journal *j, int64_t plan, int64_t n, struct arena *a, struct err *e);
/* Items in order of number after n (start with -1) with a state whose bit (1 << state) is in mask. */
int journal_item_after(struct item *out, struct journal *j, int64_t plan, int64_t n, unsigned mask, struct arena *a, struct err *e);
/* The same, up to max of them at once: *n. 0, -1. */
int journal_items(struct item *out, size_t *n, size_t max, struct journal *j, int64_t plan, int64_t after, unsigned mask, struct arena *a,
    struct err *e);
int journal_parts(struct item_part **out, size_t *n, struct journal *j, int64_t plan, int64_t item, struct arena *a, struct err *e);

/* Calls fn for the parts of the items from..to, in order of item and part; their texts go to a. fn returns 0, or -1 to end. */
int journal_parts_of(struct journal *j, int64_t plan, int64_t from, int64_t to, int (*fn)(void *arg, int64_t item, const struct item_part *p),
    void *arg, struct arena *a, struct err *e);
/* The next item after n that was taken from a queue folder (also from one below it) and whose state is `state`. As journal_item_after. */
int journal_item_from(struct item *out, struct journal *j, int64_t plan, int64_t n, enum item_state state, const char *folder,
    struct arena *a, struct err *e);

/* Writing states. */
int journal_plan_state(struct journal *j, int64_t plan, enum plan_state s, struct err *e);
int journal_plan_folder(struct journal *j, int64_t plan, const char *dir, struct err *e);
int journal_plan_archive(struct journal *j, int64_t plan, const char *path, int64_t size, const unsigned char *sha, struct err *e);
/* A service that a plan stops, or (id: minus its number) a restore: noted before it is stopped, so that whoever goes on after a kill knows it must be
 * started again; and that it runs again. waiting: the next after `after` whose service is not started again; 1, 0 none, -1. */
int journal_service_stops(struct journal *j, int64_t id, const char *name, struct err *e);
int journal_service_started(struct journal *j, int64_t id, struct err *e);
int journal_service_waiting(int64_t *id, struct journal *j, int64_t after, struct err *e);
int journal_item_state(struct journal *j, int64_t plan, int64_t item, enum item_state s, const char *why, struct err *e);
/* The items first..last that are in state `from`; why becomes NULL. */
int journal_items_state(struct journal *j, int64_t plan, int64_t first, int64_t last, enum item_state from, enum item_state to, struct err *e);
/* All items of a plan in state `from` go to state `to`; archive (may be NULL: left as it is) is noted with them. */
int journal_items_move(struct journal *j, int64_t plan, enum item_state from, enum item_state to, const char *archive, struct err *e);
int journal_parts_drop(struct journal *j, int64_t plan, int64_t item, struct err *e);
int journal_part_put(struct journal *j, int64_t plan, int64_t item, size_t n, const struct item_part *p, struct err *e);
int journal_part_sha(struct journal *j, int64_t plan, int64_t item, size_t n, const unsigned char sha[ARC_SHA256], struct err *e);

/* The archives of a plan that hold messages of it, in the order they were published. */
int journal_archives(struct journal *j, int64_t plan, void (*fn)(void *arg, const struct plan_archive *x), void *arg, struct err *e);

/* The fate of a message for `show`: calls fn for each plan that had it, oldest first. */
int journal_history(struct journal *j, const char *root, const char *id, void (*fn)(void *arg, const struct plan *p,
    const struct item *it), void *arg, struct err *e);

/* The plan whose private folder has this name below the spool `root`. 1 found, 0 none (*plan is 0), -1. */
int journal_plan_of_folder(int64_t *plan, struct journal *j, const char *root, const char *folder, struct err *e);

/* ---- journal_restore.c: what came back from archives ---- */

struct restore_run {		/* one restore --execute */
	int64_t id;
	int64_t started, finished;	/* microseconds, 0 not yet */
	const char *who, *host, *archive, *selection;
};

struct restored {		/* a message that it put back */
	const char *root, *id;		/* spool and queue id that the archive names */
	const char *new_root, *new_id;	/* where it is now */
	int64_t arrived;		/* microseconds, MSG_NO_TIME */
	int is_new_time;		/* it arrived anew (--reset-time) */
	int64_t at;			/* microseconds */
};

/* Sets r->id. */
int journal_restore_new(struct journal *j, struct restore_run *r, struct err *e);
int journal_restore_add(struct journal *j, int64_t run, const struct restored *v, size_t n, struct err *e);	/* one transaction */
int journal_restore_end(struct journal *j, int64_t run, struct err *e);

/* Calls fn for each run of restore with the number of messages that it put back, oldest first. */
int journal_restore_runs(struct journal *j, void (*fn)(void *arg, const struct restore_run *r, int64_t messages), void *arg, struct err *e);

/* Calls fn for each restore of a message, by its old id and spool or its new ones, oldest first. */
int journal_restores(struct journal *j, const char *root, const char *id, void (*fn)(void *arg, const struct restore_run *r,
    const struct restored *m), void *arg, struct err *e);

const char *plan_state_name(enum plan_kind k, enum plan_state s);
const char *item_state_name(enum item_state s);
int item_state_named(enum item_state *out, const char *name);

#endif
