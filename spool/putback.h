#ifndef SPOOL_PUTBACK_H
#define SPOOL_PUTBACK_H
/*
 * Putting archived messages back: what each MTA wants. A putback_driver says whether
 * a message may come back, whether it is there already, where its files go, under which
 * names, owners and modes, and the one edit that is ever made (Exim's -H). It computes and
 * reads; it never changes the spool: index/restore.c alone creates and renames there. What an
 * archive says is hostile: ids, queues and paths are checked before they become names.
 */
#include <stddef.h>
#include <stdint.h>

#include "arc.h"
#include "arena.h"
#include "err.h"
#include "spool.h"

#define PUTBACK_DAY ((int64_t)24 * 3600)

enum putback_state { PUTBACK_GO, PUTBACK_EXISTS, PUTBACK_FAILED };

struct putback_part {
	enum part_role role;
	int stays;			/* left in the archive */
	const char *dir, *name;		/* where it goes, below the root; the name is known after name() */
	uint32_t mode, uid, gid;
	const void *bytes;		/* its content where that is edited, NULL: as archived */
	size_t nbytes;
};

struct putback {			/* one message on its way back */
	const struct arc_message *msg;
	struct putback_part part[PART_MAX];	/* in the order of the archive */
	size_t order[PART_MAX], norder;	/* how they are put; the last one makes the MTA see the message */
	const char *new_id;
	uint32_t dir_mode, uid, gid;	/* of folders that have to be made */
	int is_old;			/* past its lifetime: the MTA bounces it at the first try */
	const char *why;		/* one reason for people, with PUTBACK_EXISTS and PUTBACK_FAILED */
};

struct putback_options {
	const char *to_queue;		/* --to-queue, NULL none */
	int reset_time;			/* Exim: line 4 becomes now */
	int thaw;			/* Exim: no -frozen line is added */
	int64_t frozen_life;		/* Exim: seconds after which a frozen message is failed; 0 never */
	int64_t now;			/* seconds since 1970 */
};

struct putback_spool {
	struct spool *sp;
	struct spool_reader *r;
	const struct putback_options *opt;
	struct arena arena;		/* as long as the run */
	void *state;			/* the driver's */
};

struct putback_driver {
	const char *kind;
	enum part_role visible;		/* the part that makes the MTA see the message */
	enum part_role judged;		/* the part whose first bytes judge() reads */
	size_t head;			/* so many of them at most */
	int edits;			/* judge() may edit that part: it is kept in memory whole */

	/* Looks at the spool and at the options. 0; -1 it cannot be read; -2 an option does not fit this MTA. */
	int (*begin)(struct putback_spool *ps, struct err *e);

	/* Folders, modes, owners, what stays; is it there already? A putback_state, -1 and err. */
	int (*plan)(struct putback *b, struct putback_spool *ps, struct arena *a, struct err *e);

	/* With the first bytes of the judged part. A putback_state. */
	int (*judge)(struct putback *b, struct putback_spool *ps, const void *p, size_t n, struct arena *a);

	/* The names, from the identity that the visible part's new file has. A putback_state, -1 and err. */
	int (*name)(struct putback *b, struct putback_spool *ps, const struct sys_stat *st, struct arena *a, struct err *e);

	/* Takes the MTA's own lock on a part that is about to get its name; it ends when f is closed. errno. NULL: there is none. */
	int (*lock)(const struct putback *b, const struct putback_part *p, struct sys_file f);

	void (*end)(struct putback_spool *ps);
};

extern const struct putback_driver putback_postfix, putback_exim, putback_smartermail;

/* By kind, NULL none. */
const struct putback_driver *putback_driver_named(const char *kind);

/* Fills part[] roles from the archive (an unknown role stays there), new_id by the old one, and the order: last in the archive first, the visible one last. */
void putback_init(struct putback *b, const struct putback_driver *d, const struct arc_message *m);

/* Sets the reason; returns PUTBACK_FAILED. */
int putback_fail(struct putback *b, struct arena *a, const char *fmt, ...);

/* For the begin of an MTA that neither freezes messages nor has a time in them that can be set: 0, or -2 and err when that is asked for. */
int putback_only_exim(const struct putback_spool *ps, struct err *e);

/* The first part of a role that does not stay, NULL none. */
struct putback_part *putback_find(struct putback *b, enum part_role role);

/* ---- for tests ---- */

/* The name a queue file needs that has this inode (mail_queue.h: MQID_…): the old id's time, the new inode. */
const char *postfix_new_id(struct arena *a, const char *old, int64_t arrived, uint64_t inode);

/* The time from which Postfix reckons a queue file's lifetime, from its first records; -1 none found. */
int64_t postfix_create_time(const void *p, size_t n);

/* Edits a -H: `now` > 0 with freeze: one "-frozen NOW" line behind line 4; with reset: line 4's time becomes now. NULL when lines 1 to 4 are not there. */
const char *exim_edit_head(size_t *nout, struct arena *a, const char *p, size_t n, int freeze, int reset, int64_t now);

#endif
