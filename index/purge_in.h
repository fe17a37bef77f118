#ifndef INDEX_PURGE_IN_H
#define INDEX_PURGE_IN_H
/*
 * Shared by purge.c (the phases; the only caller of sys_rename and sys_unlink on
 * a spool), purge_place.c (the private folder) and purge_archive.c (archive and
 * proof). One struct run is one carrying out of one plan.
 */
#include <stdint.h>

#include "index/purge.h"
#include "spool/arena.h"
#include "spool/buf.h"

#define RUN_BATCH 1024		/* items between two commits of the journal */

struct run_place {
	struct place pl;
	struct spool *sp;
	struct spool_reader *r;
	struct sys_dir *base;		/* the folder that holds the private place: the root, or the one above it */
	const char *shelf;		/* ".spoolsweep" or ".spoolsweep-NAME" */
	struct sys_dir *private;	/* this plan's own folder, NULL not made yet */
	char *path;			/* its absolute path */
	struct sys_lock *lock;
	char *archive_name;		/* "KIND-N" */
};

struct run {
	struct journal *j;
	struct plan plan;
	const struct purge_options *opt;
	struct purge_result *out;
	struct run_place *place;
	size_t nplace;
	struct arena arena;		/* as long as the run */
	struct arena batch;		/* as long as a batch */
	struct arena message;		/* as long as a message is read: one may have thousands of recipients */
	int verified;			/* the archive was verified in this very run */
	int finished;			/* the plan is over */
	int stopped;			/* the user asked to stop */
	int64_t patience_end;		/* of run_in_delivery, 0: not asked yet */
	struct run_crew *crew;		/* purge_crew.c, NULL: not needed yet */
	int in_crew;			/* inside run_each, and not alone: the journal is not to be touched */
};

/* An item at work. */
struct work {
	struct item it;
	struct run_place *pl;
	struct spool_item si;
	struct item_part part[PART_MAX];
	size_t n;
	int has_parts;			/* the journal knows some */
	int is_noted;			/* it knows these very ones */
	int is_late;			/* its intent is to be noted anew: not taken in a crew */
	enum item_state state;
	const char *why;
};

/* The next batch after item *last with a state in mask, at most RUN_BATCH of them, with the parts that the journal knows: *n. Their texts live in
 * run->batch, which is emptied first. */
int run_load(struct run *run, struct work *w, size_t *n, int64_t *last, unsigned mask, struct err *e);

/* Calls fn for each item of a batch (until the first -1, or until the user asks to stop); for many items in two threads when is_shared: fn then
 * keeps to its item and its run, and the driver must be one that can be asked so. 0, or -1 and the first error. */
int run_each(struct run *run, struct work *w, size_t n, int is_shared, int (*fn)(struct run *run, struct work *w, struct err *e), struct err *e);
void run_crew_reset(struct run_crew *c);	/* a new batch: forgets the texts of the last */
void run_crew_free(struct run_crew *c);

/* Is it the file as it was? The ctime, which a rename changes, does not count. */
int run_is_same_file(const struct sys_stat *a, const struct sys_stat *b);

/* Notes the states of such a batch, or of its first n, in the journal, inside a transaction. */
int run_save_states(struct run *run, const struct work *w, size_t n, struct err *e);

/* Opens the plan's places: the spools, and the private folders (made when `make` is set, else private stays NULL where there is none). Takes the lock of
 * each private folder. -1 and err. */
int run_open(struct run *run, struct journal *j, int64_t id, const struct purge_options *opt, struct purge_result *out, int make,
    struct err *e);
void run_close(struct run *run);

/* Appends lines to the plan's copy in the private folder (plan_copy.h), behind the head where it is new. Synced. 1: the disk is full, so the journal
 * alone knows: a full spool is when a hold is needed most. */
int run_note_plan(struct run_place *pl, const struct buf *head, const struct buf *lines, struct err *e);

/* Opens the private folder of a place whose spool is open (made when `make` is set) and takes its lock. 0: private is NULL
 * when it is not there; -1. */
int run_private_open(struct run_place *pl, struct arena *a, int make, struct err *e);

/* Opens the plan's copy in it. errno. */
int run_copy_open(struct sys_file *f, struct sys_stat *st, struct run_place *pl);

/* Removes the plan file, the lock file, the folder and the shelf when they are empty. */
int run_clear(struct run *run, struct run_place *pl, struct err *e);

/* The name of part k of item n in the private folder. */
const char *run_private(struct arena *a, int64_t item, size_t k);

void run_progress(struct run *run, const char *phase, uint64_t done, uint64_t all);
int run_should_stop(struct run *run);

/* Archive and proof: everything TAKEN goes into an archive, is read back, published and noted as VERIFIED. */
int run_archive(struct run *run, struct err *e);

/* For an undo: removes what an archive that never got its name has left, and says so when it cannot. */
void run_drop_unfinished(struct run *run);

/* Before that: an archive that an earlier run published without noting it is noted (run->verified), or what it held is archived anew. */
int run_adopt(struct run *run, struct err *e);

/* arc_verify, where any finding is an error. */
int run_verify_file(struct arc_report *rep, struct sys_dir *folder, const char *name, struct err *e);

/* Everything ARCHIVED is VERIFIED: it stands in the archive `path`, which was verified in this run. path lives as long as the run. */
int run_note_archive(struct run *run, const char *path, const struct arc_report *rep, struct err *e);

/* "deferred/A/ABC123", as it is named in an archive. */
const char *run_part_path(struct arena *a, const struct item_part *p);

/* Reads the archive of what is VERIFIED once more and compares it with the journal: sets run->verified. */
int run_verify(struct run *run, struct err *e);

/* Is a message that was taken from an active queue still in an agent's hands? p: its first part. All questions of a run together wait as
 * long as --retry-busy says. A file that cannot be opened is not: whoever goes on with it says why. */
int run_in_delivery(struct run *run, const struct item_part *p, struct run_place *pl);

/* sys_unlink, for files of our own in the private folder; purge.c. */
int run_unlink(struct run *run, struct sys_dir *d, const char *name);

#endif
