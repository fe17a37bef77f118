#ifndef INDEX_STAGE_H
#define INDEX_STAGE_H
/*
 * Message records on their way from the reader threads to the publishing
 * transaction: encoded into an unlinked temporary file, so that neither memory nor
 * the index's write lock is held while a spool is read. stage_add may be called by
 * any thread; the rest by one.
 */
#include <stdint.h>

#include "spool/buf.h"
#include "spool/msg.h"

struct stage;

struct staged {			/* one record read back */
	struct msg msg;		/* texts point into the stage's buffer: valid until the next stage_next */
	uint64_t fp;		/* part_fingerprint */
	uint64_t inode;		/* of the main part, 0 unknown */
	const char *path;	/* main part below the root, bytes */
	const char *damage, *notes;	/* JSON arrays, NULL when empty */
	int is_linked;		/* a file of it has another name too: the inode alone does not tell it */
	int unreadable;		/* an I/O error hid it: only to be shown when nothing better is known */
};

/* A temporary file in the folder of `near`. NULL and err. */
struct stage *stage_new(const char *near, struct err *e);
void stage_free(struct stage *s);

/* Appends the encoding of a message to b. */
void stage_encode(struct buf *b, const struct msg *m, uint64_t fp, int unreadable);

/* Writes what stage_encode made, whole records only. -1 and err (disk full). */
int stage_add(struct stage *s, const void *p, size_t n, struct err *e);

int stage_rewind(struct stage *s, struct err *e);
int stage_next(struct staged *out, struct stage *s, struct err *e);	/* 1, 0 end, -1 */

#endif
