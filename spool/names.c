#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "part.h"

#define BLOCK 4096		/* entries a block: pointers stay valid while the table grows */

struct names {
	struct arena text;
	struct name **block;
	size_t n, nblock;
	uint32_t *slot;		/* 1 + number of the entry, 0 free */
	size_t nslot;		/* a power of two */
	uint64_t key[2];
};

struct names *
names_new(void)
{
	struct names *t = mem_new(sizeof *t);

	t->nslot = 1024;
	t->slot = mem_new(t->nslot * sizeof *t->slot);
	/* Without randomness the table still works, only a flood of chosen names would be slow. */
	(void)sys_random(t->key, sizeof t->key, NULL);
	return t;
}

void
names_free(struct names *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < t->nblock; i++)
		free(t->block[i]);
	free(t->block);
	free(t->slot);
	arena_free(&t->text);
	free(t);
}

struct name *
names_at(struct names *t, size_t i)
{
	return &t->block[i / BLOCK][i % BLOCK];
}

size_t
names_count(const struct names *t)
{
	return t->n;
}

static uint32_t *
slot_of(struct names *t, const char *key, size_t n)
{
	size_t i = (size_t)part_hash(key, n, t->key) & (t->nslot - 1);
	const struct name *e;

	for (; t->slot[i] != 0; i = (i + 1) & (t->nslot - 1)) {
		e = names_at(t, t->slot[i] - 1);
		if (strncmp(e->key, key, n) == 0 && e->key[n] == '\0')
			break;
	}
	return &t->slot[i];
}

static void
grow(struct names *t)
{
	size_t i;

	free(t->slot);
	t->nslot *= 2;
	t->slot = mem_new(t->nslot * sizeof *t->slot);
	for (i = 0; i < t->n; i++) {
		const char *key = names_at(t, i)->key;

		*slot_of(t, key, strlen(key)) = (uint32_t)i + 1;
	}
}

struct name *
names_get(struct names *t, const char *key, size_t n)
{
	uint32_t i = *slot_of(t, key, n);

	return i != 0 ? names_at(t, i - 1) : NULL;
}

struct name *
names_put(struct names *t, const char *key, size_t n)
{
	uint32_t *slot;
	struct name *e;

	if ((t->n + 1) * 3 > t->nslot * 2)
		grow(t);
	slot = slot_of(t, key, n);
	if (*slot != 0)
		return names_at(t, *slot - 1);
	if (t->n == t->nblock * BLOCK) {
		t->block = mem_grow(t->block, (t->nblock + 1) * sizeof *t->block);
		t->block[t->nblock++] = mem_new(BLOCK * sizeof **t->block);
	}
	e = names_at(t, t->n++);
	*slot = (uint32_t)t->n;
	e->key = arena_dup(&t->text, key, n);
	return e;
}
