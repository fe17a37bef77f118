#ifndef INDEX_MAP_H
#define INDEX_MAP_H
/* A table from numbers of the index (texts, accounts, rows; never 0) to small values (never 0). All zero is an empty one. */
#include <stddef.h>
#include <stdint.h>

struct map {
	struct map_slot { int64_t key; uint32_t value; } *slot;
	size_t cap, n;
};

uint32_t map_get(const struct map *m, int64_t key);	/* 0: not there */
void map_put(struct map *m, int64_t key, uint32_t value);
void map_free(struct map *m);

#endif
