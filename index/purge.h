#ifndef INDEX_PURGE_H
#define INDEX_PURGE_H
/*
 * The one loop that takes messages away, archives, verifies, deletes, and
 * its mirror that puts back what is still in the private folder. Every step first
 * asks whether it is already done, so a resume is the same run again. The file
 * system is the truth, the journal says what was meant.
 *
 * Order: intent in the journal (parts and where they are) -> rename into the
 * private folder -> "taken"; archive under a temporary name, fsync, read back,
 * publish -> "verified"; unlink only what stands in an archive that was verified in
 * this run -> "deleted".
 */
#include <stdint.h>

#include "index/journal.h"
#include "index/scan.h"
#include "spool/spool.h"

struct purge_progress {
	const char *phase;		/* "take" "archive" "verify" "delete" "put back" */
	uint64_t done, all;
};

struct purge_options {
	const char *archive_dir;	/* folder for the archive, made when missing (0700) */
	unsigned threads;		/* zstd workers */
	int64_t retry_busy_s;		/* how long busy messages are tried again */
	int live;			/* SmarterMail: although its service runs */
	int stops_service;		/* the caller stops it, after the checks */
	int (*guard)(void *arg, struct err *e);	/* asked before each batch that is taken or deleted: -1 and err end the run, resumable; NULL: none */
	void *guard_arg;
	void (*progress)(void *arg, const struct purge_progress *p);	/* NULL: none */
	void *progress_arg;
	int (*stop)(void *arg);		/* asked between messages: non-zero ends the run cleanly, resumable; NULL: never */
	void *stop_arg;
	void (*found)(void *arg, const char *root, const struct item *it);	/* told of each message that a run before this took and, killed, could
					 * not note: the journal has it as not taken; NULL: none */
	void *found_arg;
};

struct purge_result {
	int spool_changed;		/* something was renamed or removed: failure is exit 2 */
	int64_t in_delivery;		/* taken from an active queue while an agent delivers: archived, or put back, later */
	int64_t meant;			/* undo, release: messages that were there to be put back, also those in_delivery and those that failed */
	int64_t failed;			/* undo, release: could not be put back; of a dry run: of which it is not known */
	int64_t delivered;		/* nothing was pending any more when archived */
	int64_t moved_place;		/* undo, release: went to another queue than they came from */
	int64_t past_life;		/* undo, release: past their lifetime, will bounce at the first try */
	char note[400];			/* one sentence for the user, "" none */
};

/* Carries out plan `id` from wherever it stands; for a hold, taking only. 0 done as far as it can be (the states of items tell what was
 * skipped); -1 and err: result->spool_changed tells whether it must be resumed. */
int purge_run(struct purge_result *out, struct journal *j, int64_t id, const struct purge_options *opt, struct err *e);

/* Puts back everything of a plan that was not deleted; only items that `want` accepts (NULL: all; 1, 0, -1 it cannot
 * be told). Never over an existing name. With dry != 0
 * nothing is touched, only counted into out and told to fn. */
int purge_undo(struct purge_result *out, struct journal *j, int64_t id, int (*want)(void *arg, const struct item *it), void *arg,
    int dry, const struct purge_options *opt, struct err *e);

/* Checks before anything is taken: archive folder (made, writable, not inside a spool of the plan, not open to others), free space against `need` bytes,
 * the private folder's file system, the service of SmarterMail. -1 and err with the command that works. */
int purge_check(struct journal *j, int64_t id, uint64_t need, const struct purge_options *opt, struct err *e);

struct purge_leftover {			/* a folder in a spool's private place */
	const char *folder;		/* its name */
	const char *path;		/* absolute */
	int64_t plan;			/* 0: the journal knows none */
	int64_t since;			/* microseconds: when something was last moved into it or out of it */
	int64_t holder;			/* process that works on it now, 0 none */
};
/* Calls fn for each. For scan and check. */
int purge_leftovers(struct spool *sp, struct journal *j, void (*fn)(void *arg, const struct purge_leftover *l), void *arg, struct err *e);

#endif
