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

#define RUN_BATCH 512		/* items between two commits of the journal */

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
	int verified;			/* the archive was verified in this very run */
	int finished;			/* the plan is over */
	int stopped;			/* the user asked to stop */
};

/* Opens the plan's places: the spools, and the private folders (made when `make` is set, else private stays NULL where there is none). Takes the lock of
 * each private folder. -1 and err. */
int run_open(struct run *run, struct journal *j, int64_t id, const struct purge_options *opt, struct purge_result *out, int make,
    struct err *e);
void run_close(struct run *run);

/* Appends to the plan file in the private folder: how each part is called there and where it came from: for a person
 * who has lost the journal; no command reads it yet. Synced. 1: the disk is full, so the journal alone knows: a full spool is when a hold
 * is needed most. */
int run_note_plan(struct run_place *pl, const char *text, size_t n, struct err *e);

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

/* Reads the archive of what is VERIFIED once more and compares it with the journal: sets run->verified. */
int run_verify(struct run *run, struct err *e);

/* sys_unlink, for files of our own in the private folder; purge.c. */
int run_unlink(struct run *run, struct sys_dir *d, const char *name);

#endif
