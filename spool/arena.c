#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)64 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	max_align_t data[];
};

static void *
must(void *p)
{
	if (p == NULL) {
		fputs("spoolsweep: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *
mem_grow(void *p, size_t n)
{
	return must(realloc(p, n != 0 ? n : 1));
}

/* calloc knows which pages are zero already and leaves them untouched. */
void *
mem_new(size_t n)
{
	return must(calloc(1, n != 0 ? n : 1));
}

static void
add_chunk(struct arena *a, size_t n)
{
	size_t size = n > CHUNK ? n : CHUNK;
	struct arena_chunk *c;

	if (size > SIZE_MAX - sizeof *c)
		size = SIZE_MAX - sizeof *c;
	c = mem_grow(NULL, sizeof *c + size);
	c->next = a->head;
	c->size = size;
	a->head = c;
	a->used = 0;
}

void *
arena_get(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	void *p;

	if (n > SIZE_MAX / 2) {
		fputs("spoolsweep: out of memory\n", stderr);
		abort();
	}
	n = (n + align - 1) / align * align;
	if (a->head == NULL || n > a->head->size - a->used)
		add_chunk(a, n);
	p = (unsigned char *)a->head->data + a->used;
	a->used += n;
	a->total += n;
	return p;
}

void *
arena_zero(struct arena *a, size_t n)
{
	return memset(arena_get(a, n), 0, n);
}

char *
arena_dup(struct arena *a, const void *p, size_t n)
{
	char *s = arena_get(a, n + 1);

	if (n != 0)
		memcpy(s, p, n);
	s[n] = '\0';
	return s;
}

char *
arena_str(struct arena *a, const char *s)
{
	return arena_dup(a, s, strlen(s));
}

char *
arena_fmt(struct arena *a, const char *fmt, ...)
{
	char small[256], *s;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	if (n < 0)
		return arena_str(a, "");
	if ((size_t)n < sizeof small)
		return arena_dup(a, small, (size_t)n);
	s = arena_get(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void
arena_reset(struct arena *a)
{
	struct arena_chunk *c = a->head, *next;

	if (c == NULL)
		return;
	for (c = a->head->next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	a->head->next = NULL;
	if (a->head->size > CHUNK) {	/* one giant message must not pin its memory */
		free(a->head);
		a->head = NULL;
	}
	a->used = a->total = 0;
}

void
arena_free(struct arena *a)
{
	struct arena_chunk *c, *next;

	for (c = a->head; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	a->head = NULL;
	a->used = a->total = 0;
}
