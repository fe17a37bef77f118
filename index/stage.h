#ifndef INDEX_STAGE_H
#define INDEX_STAGE_H
/*
 * Message records on their way from the reader threads to the publishing
 * transaction: encoded into an unlinked temporary file, so that neither memory nor
 * the index's write lock is held while a spool is read; or, when the index is
 * empty and nobody can miss that lock, through memory to a thread that writes
 * meanwhile. stage_add may be called by any thread; stage_next by one.
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
	const void *more;	/* what stage_extend put behind it, nmore bytes */
	size_t nmore;
};

/* A temporary file in the folder of `near`. NULL and err. */
struct stage *stage_new(const char *near, struct err *e);

/* Through memory: stage_add waits while stage_next is far behind, stage_next waits for stage_add. */
struct stage *stage_pipe(void);

/* Before it is used: stage_next waits until so many bytes are there, or all was added. What is read is first, what is written can wait. */
void stage_hold(struct stage *s, size_t bytes);
void stage_free(struct stage *s);

/* Where the longer texts stand in a buffer of records, so that a record can point back to one instead of having it again: few answers of other
 * servers make up most of a spool. All zero at first; begins anew by itself with an empty buffer. Only what stands behind the last record may be taken
 * out of that buffer, and its records can be read by stage_next alone. */
#define STAGE_SEEN 512
struct stage_seen { uint32_t at[STAGE_SEEN]; };

/* Appends the encoding of a message to b. seen: that of b; NULL: a record that can stand by itself. */
void stage_encode(struct buf *b, const struct msg *m, uint64_t fp, int unreadable, struct stage_seen *seen);

/* Makes all that was appended to b since a part of the record that begins at byte `start`. */
void stage_extend(struct buf *b, size_t start);

/* Appends a list that is not empty as a JSON array. */
void stage_list(struct buf *json, const struct msg_list *l);

/* Takes what stage_encode made, whole records only; b is empty then. -1 and err (disk full). */
int stage_add(struct stage *s, struct buf *b, struct err *e);

/* All has been added. A file is read from its start then. */
int stage_end(struct stage *s, struct err *e);

/* stage_next will not be called again: nobody waits for it any more. */
void stage_stop(struct stage *s);

int stage_next(struct staged *out, struct stage *s, struct err *e);	/* 1, 0 end, -1 */

/* The bytes of the record that stage_next gave last, valid until the next call; and such bytes read back later: they may have come from a
 * disk, so 0 or -1 when they are no record. out points into them and into s. */
#define STAGE_FORMAT 2	/* raised when the encoding changes */
const void *stage_record(size_t *n, const struct stage *s);
int stage_decode(struct staged *out, struct stage *s, const void *record, size_t n);

/* For what is put behind a record: a text, NULL too, and back. */
void stage_text(struct buf *b, const char *s);

struct stage_source {		/* bad: it ended too early, or a text has no end */
	const unsigned char *p, *end;
	int bad;
};

int stage_get(void *out, size_t n, struct stage_source *src);		/* 0, or -1 and all zero */
const char *stage_get_text(struct stage_source *src);			/* points into the source */

#endif
