#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "part.h"

#define BLOCK ((size_t)256 * 1024)	/* bytes of entries: pointers stay valid while the table grows */
#define UNIT sizeof(uint16_t)		/* an entry begins at a multiple of it */

/* An entry is known by its place: number of the block times BLOCK, and the bytes before it in its block. One that is larger than a block has
 * a block to itself. */
struct names {
	struct block { unsigned char *p; size_t used; } *block;
	size_t n, nblock;
	uint32_t *slot;		/* 1 + place / UNIT of the entry, 0 free */
	size_t nslot;		/* a power of two */
	uint64_t key[2];
	int roles;
};

struct names *
names_new(int roles)
{
	struct names *t = mem_new(sizeof *t);

	t->roles = roles;
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
		free(t->block[i].p);
	free(t->block);
	free(t->slot);
	free(t);
}

size_t
names_count(const struct names *t)
{
	return t->n;
}

const char *
names_key(const struct name *n)
{
	return (const char *)(n->dir + n->roles);
}

static struct name *
entry_at(const struct names *t, size_t place)
{
	return (struct name *)(void *)(t->block[place / BLOCK].p + place % BLOCK);
}

static size_t
entry_size(const struct names *t, size_t key_len)
{
	size_t n = sizeof(struct name) + (size_t)t->roles * sizeof(uint16_t) + key_len + 1;

	return (n + UNIT - 1) / UNIT * UNIT;
}

/* Moves a place behind the last entry of a block to the next one. 0: there is none. */
static int
is_entry(size_t *place, const struct names *t)
{
	size_t block = *place / BLOCK;

	if (block < t->nblock && *place % BLOCK >= t->block[block].used)
		*place = ++block * BLOCK;
	return block < t->nblock;
}

/* The place behind an entry. */
static size_t
behind(const struct names *t, size_t place)
{
	size_t next = place + entry_size(t, strlen(names_key(entry_at(t, place))));

	return next / BLOCK == place / BLOCK ? next : (place / BLOCK + 1) * BLOCK;
}

struct name *
names_next(size_t *at, const struct names *t)
{
	size_t place = *at;

	if (!is_entry(&place, t))
		return NULL;
	*at = behind(t, place);
	return entry_at(t, place);
}

static uint32_t *
slot_of(struct names *t, const char *key, size_t n)
{
	size_t i = (size_t)part_hash(key, n, t->key) & (t->nslot - 1);
	const char *have;

	for (; t->slot[i] != 0; i = (i + 1) & (t->nslot - 1)) {
		have = names_key(entry_at(t, (size_t)(t->slot[i] - 1) * UNIT));
		if (strncmp(have, key, n) == 0 && have[n] == '\0')
			break;
	}
	return &t->slot[i];
}

static void
grow(struct names *t)
{
	const char *key;
	size_t place;

	free(t->slot);
	t->nslot *= 2;
	t->slot = mem_new(t->nslot * sizeof *t->slot);
	for (place = 0; is_entry(&place, t); place = behind(t, place)) {
		key = names_key(entry_at(t, place));
		*slot_of(t, key, strlen(key)) = (uint32_t)(place / UNIT) + 1;
	}
}

/* Room for an entry: its place. */
static size_t
new_entry(struct names *t, size_t size)
{
	struct block *b = t->nblock != 0 ? &t->block[t->nblock - 1] : NULL;

	if (b == NULL || b->used + size > BLOCK) {
		t->block = mem_grow(t->block, (t->nblock + 1) * sizeof *t->block);
		b = &t->block[t->nblock++];
		b->p = mem_grow(NULL, size > BLOCK ? size : BLOCK);
		b->used = 0;
	}
	b->used += size;
	return (t->nblock - 1) * BLOCK + b->used - size;
}

struct name *
names_get(struct names *t, const char *key, size_t n)
{
	uint32_t i = *slot_of(t, key, n);

	return i != 0 ? entry_at(t, (size_t)(i - 1) * UNIT) : NULL;
}

struct name *
names_put(struct names *t, const char *key, size_t n)
{
	uint32_t *slot;
	struct name *e;
	size_t place;

	if ((t->n + 1) * 4 > t->nslot * 3)
		grow(t);
	slot = slot_of(t, key, n);
	if (*slot != 0)
		return entry_at(t, (size_t)(*slot - 1) * UNIT);
	place = new_entry(t, entry_size(t, n));
	e = entry_at(t, place);
	e->flags = 0;
	e->roles = (uint8_t)t->roles;
	memset(e->dir, 0, (size_t)t->roles * sizeof *e->dir);
	memcpy(e->dir + t->roles, key, n);
	((char *)(e->dir + t->roles))[n] = '\0';
	t->n++;
	*slot = (uint32_t)(place / UNIT) + 1;
	return e;
}
