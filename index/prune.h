#ifndef INDEX_PRUNE_H
#define INDEX_PRUNE_H
/*
 * Forgets what is old: in the index messages that have gone and the history of scans, in the journal plans that
 * are finished. Never an archive, never a message that is in a spool, never a plan that is unfinished or has messages in a private folder,
 * nor what the index knows of those messages. One code path: a dry run is the same transaction, rolled back, so its numbers are exact.
 */
#include <stdint.h>

#include "index/index.h"
#include "index/journal.h"

struct prune_counts {
	int64_t messages, texts, scans;		/* of the index; texts: subjects, addresses, replies that nothing names any more */
	int64_t plans, items, restores;		/* of the journal */
	int64_t kept_plans;			/* as old, but unfinished, or with messages in a private folder */
	int64_t index_before, index_after, journal_before, journal_after;	/* bytes of the files; after: -1 in a dry run */
};

/* Forgets what ended before `cutoff` (microseconds). ix and j (NULL none) are open for writing; the caller holds the lock of scans (scan_lock). */
int prune(struct prune_counts *out, struct index *ix, struct journal *j, int64_t cutoff, int execute, struct err *e);

#endif
