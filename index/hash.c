#include "index/hash.h"

#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"

#define FIRST 32

static struct hash_part *
part_of(const struct hash *h, uint64_t key)
{
	return (struct hash_part *)(uintptr_t)&h->part[key >> 56];
}

/* The place of a key, or the free one where it belongs; cap is not 0. */
static size_t
place_of(const struct hash_part *p, uint64_t key)
{
	size_t i = (size_t)(((key & UINT32_MAX) * p->cap) >> 32);

	while (p->key[i] != 0 && p->key[i] != key)
		i = i + 1 < p->cap ? i + 1 : 0;
	return i;
}

static void
grow(struct hash_part *p, int has_numbers)
{
	struct hash_part old = *p;
	size_t i, to;

	p->cap = old.cap != 0 ? old.cap + old.cap / 2 : FIRST;
	p->key = mem_new(p->cap * sizeof *p->key);
	p->number = has_numbers ? mem_new(p->cap * sizeof *p->number) : NULL;
	for (i = 0; i < old.cap; i++) {
		if (old.key[i] == 0)
			continue;
		to = place_of(p, old.key[i]);
		p->key[to] = old.key[i];
		if (has_numbers)
			p->number[to] = old.number[i];
	}
	free(old.key);
	free(old.number);
}

uint32_t
hash_get(const struct hash *h, uint64_t key)
{
	const struct hash_part *p = part_of(h, key);

	return p->n != 0 && h->has_numbers ? p->number[place_of(p, key)] : 0;
}

int
hash_has(const struct hash *h, uint64_t key)
{
	const struct hash_part *p = part_of(h, key);

	return p->n != 0 && p->key[place_of(p, key)] == key;
}

int
hash_put(struct hash *h, uint64_t key, uint32_t number)
{
	struct hash_part *p = part_of(h, key);
	size_t i;
	int is_new;

	if ((uint64_t)(p->n + 1) * 5 > (uint64_t)p->cap * 4)
		grow(p, h->has_numbers);
	i = place_of(p, key);
	is_new = p->key[i] == 0;
	p->key[i] = key;
	if (h->has_numbers)
		p->number[i] = number;
	p->n += (uint32_t)is_new;
	h->n += (size_t)is_new;
	return is_new;
}

void
hash_free(struct hash *h)
{
	size_t i;

	for (i = 0; i < HASH_PARTS; i++) {
		free(h->part[i].key);
		free(h->part[i].number);
	}
	memset(h->part, 0, sizeof h->part);
	h->n = 0;
}
