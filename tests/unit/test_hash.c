#include "index/hash.h"

#include <string.h>

#include "spool/part.h"
#include "unit.h"

#define KEYS 30000

static uint64_t
key_of(uint64_t i)
{
	static const uint64_t secret[2] = { 1, 2 };

	return part_hash(&i, sizeof i, secret);
}

/* Small ones are in it too: a key tells the part and the place by different bits. */
static void
numbers(void **state)
{
	struct hash h = { .has_numbers = 1 };
	uint64_t i;

	(void)state;
	assert_int_equal(hash_get(&h, 1), 0);
	assert_false(hash_has(&h, 1));
	for (i = 0; i < KEYS; i++)
		assert_int_equal(hash_put(&h, key_of(i), (uint32_t)i + 1), 1);
	for (i = 1; i < 500; i++)
		assert_int_equal(hash_put(&h, i, (uint32_t)i), 1);
	assert_int_equal(h.n, KEYS + 499);
	assert_int_equal(hash_put(&h, key_of(7), 70), 0);
	assert_int_equal(hash_get(&h, key_of(7)), 70);
	for (i = 8; i < KEYS; i++)
		assert_int_equal(hash_get(&h, key_of(i)), i + 1);
	for (i = 1; i < 500; i++)
		assert_int_equal(hash_get(&h, i), i);
	for (i = KEYS; i < 2 * KEYS; i++)
		assert_int_equal(hash_get(&h, key_of(i)), 0);
	hash_free(&h);
	assert_int_equal(h.n, 0);
	assert_false(hash_has(&h, key_of(7)));
	assert_int_equal(hash_put(&h, key_of(7), 1), 1);
	hash_free(&h);
}

static void
set(void **state)
{
	struct hash h = { .n = 0 };
	size_t i, room = 0;

	(void)state;
	for (i = 0; i < KEYS; i++) {
		assert_int_equal(hash_put(&h, key_of(i), 0), 1);
		assert_int_equal(hash_put(&h, key_of(i / 2), 0), 0);
		assert_false(hash_has(&h, key_of(i + 1)));
	}
	for (i = 0; i < HASH_PARTS; i++) {
		assert_null(h.part[i].number);
		room += h.part[i].cap;
	}
	assert_true(room < 2 * KEYS);
	hash_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(numbers), cmocka_unit_test(set) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
