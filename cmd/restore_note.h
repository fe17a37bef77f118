#ifndef CMD_RESTORE_NOTE_H
#define CMD_RESTORE_NOTE_H
/*
 * What a restore that is carried out leaves behind: a line in the system's log at its
 * begin and one at its end, and in the journal beside the index, where there
 * is one, who put back what. Nothing of it is needed for a restore: what cannot
 * be noted is said, and the messages go back all the same.
 */
#include "cmd/cmd.h"
#include "index/journal.h"
#include "index/restore.h"
#include "spool/arena.h"

struct restore_note {
	const struct context *c;
	struct journal *j;		/* NULL: there is none */
	int64_t run;
	char who[128];
	const char *archive, *selection, *as;	/* archive: absolute; as: "", "--as eml " … */
	struct arena arena;		/* as long as the run */
	struct restored *v;		/* not yet in the journal */
	size_t n;
	struct arena batch;		/* their texts */
	int is_new_time;
	size_t most;			/* of v: each transaction is an fsync */
};

/* must: the journal is made where there is none. */
void restore_note_begin(struct restore_note *n, const struct context *c, const struct restore_options *opt, int must);

/* A message that has been put back. */
void restore_note_add(struct restore_note *n, const struct restore_item *it);

/* why: it failed, NULL it did not. Frees. */
void restore_note_end(struct restore_note *n, const struct restore_result *r, const char *why);
#endif
