#ifndef INDEX_RESTORE_H
#define INDEX_RESTORE_H
/*
 * The mirror of a purge: messages of an archive go back into a spool. Nothing is
 * needed but the archive. It is verified first; one that is not whole is refused
 * before anything is touched. Each message is written into a private folder of the
 * spool that no MTA looks into, synced, and gets its names by renames that never replace,
 * the one that makes its MTA see it last: a kill at any point leaves a whole message or
 * none, and the same restore again skips what is back and goes on.
 */
#include <stdint.h>

#include "index/select.h"
#include "spool/arc.h"
#include "spool/putback.h"

enum restore_state { RESTORE_PLANNED, RESTORE_RESTORED, RESTORE_EXISTS, RESTORE_FAILED, RESTORE_STATES };

struct restore_item {			/* what became of one selected message */
	const char *id, *new_id;	/* new_id NULL: it has none (planned, failed); exists: of the one that is there */
	const char *spool;		/* root of the spool it goes into */
	const char *old_spool;		/* root that the archive names */
	int64_t arrived;		/* microseconds, MSG_NO_TIME */
	enum restore_state state;
	const char *why;		/* exists, failed; exported: what is not whole about it; NULL */
	const char *path;		/* exported: its file, absolute; NULL */
	int is_old;			/* past its lifetime */
};

enum restore_as { RESTORE_AS_MESSAGES, RESTORE_AS_EML, RESTORE_AS_MBOX };

struct restore_options {
	enum restore_as as;		/* not into a spool, but into mail files for reading */
	const char *as_path;		/* folder of .eml files, made when missing; or the mbox, which must not be there */
	const char *to;			/* SPOOL argument; NULL: the spool that the archive names */
	int execute;			/* 0: nothing is touched */
	int64_t gap;			/* microseconds at least between two messages put back, 0 no limit */
	struct putback_options putback;
	int64_t (*frozen_life)(void *arg, const char *root);	/* what the Exim of this spool says, -1 nothing: then putback.frozen_life holds; NULL: never asked */
	void (*item)(void *arg, const struct restore_item *it);		/* for each selected message; texts valid until it returns */
	void (*problem)(void *arg, const char *text);			/* what arc_verify found */
	void (*progress)(void *arg, const char *phase, uint64_t done, uint64_t all);	/* NULL: none */
	int (*before)(void *arg, struct spool *sp, struct err *e);	/* with execute: once for each spool, before it is touched; -1: nothing is restored; NULL */
	int (*guard)(void *arg, struct err *e);	/* asked before messages get their names: -1 and err end the run, and the same restore goes on; NULL: none */
	int (*stop)(void *arg);		/* asked between messages: non-zero ends the run; NULL: never */
	void *arg;
};

struct restore_result {
	struct arc_report report;	/* of the archive */
	uint64_t messages;		/* in the archive */
	uint64_t count[RESTORE_STATES];
	uint64_t damaged;		/* exported ones that are not whole */
	uint64_t old;			/* of planned and restored ones: past their lifetime */
	int spool_changed;		/* something got a name in a spool: a failure is exit 2 */
	int is_stopped;
};

/* 0 done, as item and count tell; -1 and err; -2 a usage error (no such spool, an option that does not fit its MTA). */
int restore_run(struct restore_result *out, const char *archive, struct selection *s, const struct restore_options *opt, struct err *e);

const char *restore_state_name(enum restore_state s);

#endif
