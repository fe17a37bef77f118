#ifndef SPOOL_BUF_H
#define SPOOL_BUF_H
/*
 * A growing byte buffer with a ceiling given at birth. What does not fit is
 * dropped and `cut` is set: input can make a buffer full, never make it grow
 * without end. Data may hold any bytes; buf_cstr adds a NUL behind them.
 */
#include <stddef.h>

struct buf {
	char *p;
	size_t n, cap;
	size_t max;	/* ceiling in bytes */
	int cut;	/* something was dropped */
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
void buf_clear(struct buf *b);				/* n = 0, cut = 0; keeps the memory */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_byte(struct buf *b, int c);
void buf_puts(struct buf *b, const char *s);
void buf_fmt(struct buf *b, const char *fmt, ...);
const char *buf_cstr(struct buf *b);			/* valid until the next change */

#endif
