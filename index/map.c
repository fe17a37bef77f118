#include "index/map.h"

#include <stdlib.h>

#include "spool/arena.h"

static struct map_slot *
map_slot(const struct map *m, int64_t key)
{
	size_t i = (size_t)((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 16) & (m->cap - 1);

	while (m->slot[i].key != 0 && m->slot[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slot[i];
}

uint32_t
map_get(const struct map *m, int64_t key)
{
	return m->cap != 0 ? map_slot(m, key)->value : 0;
}

void
map_put(struct map *m, int64_t key, uint32_t value)
{
	struct map old = *m;
	size_t i;

	if ((m->n + 1) * 2 > m->cap) {
		m->cap = m->cap != 0 ? m->cap * 2 : 256;
		m->slot = mem_new(m->cap * sizeof *m->slot);
		for (i = 0; i < old.cap; i++)
			if (old.slot[i].key != 0)
				*map_slot(m, old.slot[i].key) = old.slot[i];
		free(old.slot);
	}
	map_slot(m, key)->key = key;
	map_slot(m, key)->value = value;
	m->n++;
}

void
map_free(struct map *m)
{
	free(m->slot);
	m->slot = NULL;
	m->cap = m->n = 0;
}
