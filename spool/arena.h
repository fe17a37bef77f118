#ifndef SPOOL_ARENA_H
#define SPOOL_ARENA_H
/*
 * A bump allocator for parsed text: everything of one message or one batch
 * lives in one arena and goes at once by arena_reset or arena_free. Memory is
 * not zeroed unless said. Running out of memory ends the program (any point is
 * safe to die at). Not shared between threads.
 */
#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *head;	/* the chunk in use; older ones behind it */
	size_t used;			/* bytes used of head */
	size_t total;			/* bytes handed out since the last reset */
};

/* n bytes, aligned for any object. Owned by the arena. */
void *arena_get(struct arena *a, size_t n);

/* The same, zeroed. */
void *arena_zero(struct arena *a, size_t n);

/* A copy of n bytes with a NUL behind it. */
char *arena_dup(struct arena *a, const void *p, size_t n);
char *arena_str(struct arena *a, const char *s);

/* printf into the arena. */
char *arena_fmt(struct arena *a, const char *fmt, ...);

/* Forgets all, keeps one chunk for the next use. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

/* malloc and realloc that end the program when memory is out. */
void *mem_new(size_t n);
void *mem_grow(void *p, size_t n);

#endif
