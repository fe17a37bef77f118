/* The small tools: arena, buf, err, names, part. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "spool/arena.h"
#include "spool/buf.h"
#include "spool/err.h"
#include "spool/names.h"
#include "spool/part.h"

static void
arena_keeps_all(void **state)
{
	struct arena a = { 0 };
	char *v[300], want[64];
	size_t i;

	(void)state;
	for (i = 0; i < 300; i++)
		v[i] = arena_fmt(&a, "%zu:%0*d", i, (int)(i * 7 % 900) + 1, 1);
	for (i = 0; i < 300; i++) {
		snprintf(want, sizeof want, "%zu:", i);
		assert_memory_equal(v[i], want, strlen(want));
		assert_int_equal(strlen(v[i]), strlen(want) + i * 7 % 900 + 1);
	}
	assert_int_equal((uintptr_t)arena_get(&a, 1) % _Alignof(max_align_t), 0);
	assert_non_null(arena_get(&a, 1000000));
	arena_reset(&a);
	assert_int_equal(a.total, 0);
	arena_free(&a);
}

static void
buf_has_a_ceiling(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_puts(&b, "12345");
	buf_fmt(&b, "%s", "678901");
	assert_int_equal(b.n, 10);
	assert_int_equal(b.cut, 1);
	assert_string_equal(buf_cstr(&b), "1234567890");
	buf_byte(&b, 'x');
	assert_int_equal(b.n, 10);
	buf_free(&b);
}

static void
err_is_cut_not_overrun(void **state)
{
	char big[2000];
	struct err e;

	(void)state;
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	assert_int_equal(err_set(&e, ENOENT, "open %s", "a"), -1);
	assert_string_equal(e.text, "open a: No such file or directory");
	err_wrap(&e, "message %s", "AB");
	assert_string_equal(e.text, "message AB: open a: No such file or directory");
	err_set(&e, EIO, "%s", big);
	err_wrap(&e, "%s", big);
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
	assert_int_equal(err_set(NULL, 0, "nobody listens"), -1);
}

static void
names_join(void **state)
{
	struct names *t = names_new(3);
	struct name *first = names_put(t, "ABC", 3), *n, *large;
	static char key[300000];
	size_t i, at = 0;

	(void)state;
	assert_non_null(first);
	assert_int_equal(first->dir[0] + first->dir[1] + first->dir[2] + first->flags, 0);
	first->dir[2] = 7;
	memset(key, 'x', sizeof key - 1);	/* larger than a block of the table */
	large = names_put(t, key, sizeof key - 1);
	for (i = 0; i < 20000; i++) {
		snprintf(key, sizeof key, "K%zu", i);
		names_put(t, key, strlen(key))->flags = (uint8_t)i;
	}
	assert_ptr_equal(names_put(t, "ABCD", 3), first);
	assert_int_equal(first->dir[2], 7);
	assert_int_equal(names_count(t), 20002);
	assert_null(names_get(t, "AB", 2));
	assert_null(names_get(t, "ABCD", 4));
	assert_ptr_equal(names_next(&at, t), first);
	n = names_next(&at, t);
	assert_ptr_equal(n, large);
	assert_int_equal(strlen(names_key(n)), sizeof key - 1);
	for (i = 0; i < 20000; i++) {
		snprintf(key, sizeof key, "K%zu", i);
		n = names_get(t, key, strlen(key));
		assert_non_null(n);
		assert_int_equal(n->flags, (uint8_t)i);
		assert_ptr_equal(names_next(&at, t), n);
		assert_string_equal(names_key(n), key);
	}
	assert_null(names_next(&at, t));
	names_free(t);
}

/* The published test vector of SipHash-2-4: key 00..0f, input 00..0e. */
static void
hash_is_siphash(void **state)
{
	const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	unsigned char in[15];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof in; i++)
		in[i] = (unsigned char)i;
	assert_true(part_hash(in, sizeof in, key) == 0xa129ca6149be45e5u);
}

static void
fingerprint_sees_every_change(void **state)
{
	const uint64_t key[2] = { 1, 2 };
	struct part_list l = { 0 }, m;
	uint64_t fp;
	size_t i;

	(void)state;
	part_add(&l, PART_MESSAGE, "deferred/A", "AB12")->st.ino = 5;
	part_add(&l, PART_LOG, "defer/A", "AB12")->st.size = 9;
	fp = part_fingerprint(&l, "deferred", "AB12", key);
	assert_true(fp == part_fingerprint(&l, "deferred", "AB12", key));
	m = l;	/* another order of parts is the same message */
	m.v[0] = l.v[1];
	m.v[1] = l.v[0];
	assert_true(fp == part_fingerprint(&m, "deferred", "AB12", key));
	for (i = 0; i < 9; i++) {
		m = l;
		switch (i) {
		case 0: m.v[0].st.ino++; break;
		case 1: m.v[0].st.size++; break;
		case 2: m.v[0].st.mtime++; break;
		case 3: m.v[0].st.ctime++; break;
		case 4: m.v[0].st.mode = 0700; break;
		case 5: m.v[1].absent = 1; break;
		case 6: m.v[1].dir = "defer/B"; break;
		case 7: m.v[1].role = PART_BOUNCE_LOG; break;
		default: m.n = 1; break;
		}
		assert_true(fp != part_fingerprint(&m, "deferred", "AB12", key));
	}
	assert_true(fp != part_fingerprint(&l, "active", "AB12", key));
	while (l.n < PART_MAX)
		assert_non_null(part_add(&l, PART_LEFTOVER, "", "x"));
	assert_null(part_add(&l, PART_LEFTOVER, "", "x"));
}

int
main(void)
{
	static const struct CMUnitTest t[] = {
		cmocka_unit_test(arena_keeps_all), cmocka_unit_test(buf_has_a_ceiling), cmocka_unit_test(err_is_cut_not_overrun),
		cmocka_unit_test(names_join), cmocka_unit_test(hash_is_siphash), cmocka_unit_test(fingerprint_sees_every_change)
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}
