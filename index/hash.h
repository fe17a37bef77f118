#ifndef INDEX_HASH_H
#define INDEX_HASH_H
/*
 * A set of 64-bit keyed hashes, each with a small number: what a scan must
 * remember of a million messages. It grows in 256 parts, each alone and by half, so
 * that it is never much larger than what is in it, also while it grows: 8 to 16 bytes a
 * key, with numbers 12 to 24. Keys must be as good as random (part_hash of a secret key) and not 0.
 * All zero is an empty set without numbers.
 */
#include <stddef.h>
#include <stdint.h>

#define HASH_PARTS 256

struct hash {
	struct hash_part { uint64_t *key; uint32_t *number; uint32_t n, cap; } part[HASH_PARTS];
	int has_numbers;
	size_t n;
};

/* The number of a key, 0 when it is not there (or has none). */
uint32_t hash_get(const struct hash *h, uint64_t key);

/* Adds a key, or gives it another number. 1 it is new, 0 it was there. */
int hash_put(struct hash *h, uint64_t key, uint32_t number);
int hash_has(const struct hash *h, uint64_t key);
void hash_free(struct hash *h);		/* an empty one again */

#endif
