#ifndef SPOOL_RD_H
#define SPOOL_RD_H
/*
 * The bounded reader: the only way bytes of a spool reach a parser. It has its
 * end from birth (a file's fstat size, a memory block's length), a window that
 * the caller lends, and a sticky error: after the first one every call fails.
 * No call returns bytes past the end; no length from disk is trusted before it
 * was compared with what remains.
 */
#include <stddef.h>
#include <stdint.h>

#include "sys.h"

struct rd {
	const unsigned char *win;	/* bytes [base, base + len) of the input */
	uint64_t base;
	size_t len, at;			/* at: the next byte in the window */
	uint64_t size;			/* the end; nothing is read past it */
	unsigned char *space;		/* lent memory, NULL over memory */
	size_t cap;
	struct sys_file file;
	int error;			/* 0, or errno: EIO …, EINVAL for a bad seek or a length past the end */
	int shrunk;			/* the file ended before `size` */
};

void rd_mem(struct rd *r, const void *p, size_t n);

/* space: cap bytes (at least 4096) that stay the caller's. The first byte is read on first need. */
void rd_file(struct rd *r, struct sys_file f, uint64_t size, void *space, size_t cap);

uint64_t rd_pos(const struct rd *r);
uint64_t rd_left(const struct rd *r);

/* The next byte, or -1 at the end or after an error. */
int rd_byte(struct rd *r);
int rd_peek(struct rd *r);

/* Goes to an offset in [0, size]. 0, or -1 and EINVAL. */
int rd_seek(struct rd *r, uint64_t off);
int rd_skip(struct rd *r, uint64_t n);

/* n bytes in one piece, valid until the next call; NULL (and EINVAL) when fewer remain or n is above the window's size. */
const unsigned char *rd_take(struct rd *r, size_t n);

/* What is at hand of the next bytes, maybe none; they are not consumed. Valid until the next call. */
const unsigned char *rd_at_hand(size_t *n, const struct rd *r);

/* The next bytes that are at hand without a copy, at most max, at least 1; *n is 0 at the end. They are consumed. */
const unsigned char *rd_some(size_t *n, struct rd *r, size_t max);

/* A line without its LF (a CR before it stays). Longer than the window or max: the first part comes with *more = 1 and the rest with
 * the next calls. Returns 1 a line or piece, 0 end of input, -1 error. *lf (may be NULL) tells whether an LF ended it. */
int rd_line(const unsigned char **p, size_t *n, int *more, int *lf, struct rd *r, size_t max);

#endif
