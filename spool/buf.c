#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof *b);
	b->max = max < SIZE_MAX / 4 ? max : SIZE_MAX / 4;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->cut = 0;
}

static void
reserve(struct buf *b, size_t want)
{
	size_t cap = b->cap != 0 ? b->cap : 256;

	while (cap < want)
		cap *= 2;
	if (cap != b->cap)
		b->p = mem_grow(b->p, cap);
	b->cap = cap;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n > b->max - b->n) {
		n = b->max - b->n;
		b->cut = 1;
	}
	if (n == 0)
		return;
	if (b->cap - b->n < n)
		reserve(b, b->n + n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
buf_byte(struct buf *b, int c)
{
	char ch = (char)c;

	if (b->n < b->cap && b->n < b->max)
		b->p[b->n++] = ch;
	else
		buf_add(b, &ch, 1);
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_fmt(struct buf *b, const char *fmt, ...)
{
	char small[256], *big;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n < sizeof small) {
		buf_add(b, small, (size_t)n);
		return;
	}
	big = mem_grow(NULL, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_add(b, big, (size_t)n);
	free(big);
}

const char *
buf_cstr(struct buf *b)
{
	if (b->cap < b->n + 1)
		reserve(b, b->n + 1);
	b->p[b->n] = '\0';
	return b->p;
}
