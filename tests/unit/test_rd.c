/* The bounded reader: over memory and over a file, at every window edge. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "spool/rd.h"

#define WINDOW 4096

static unsigned char window[WINDOW];

/* A new file that has no name any more. */
static struct sys_file
empty_file(void)
{
	struct sys_file f = SYS_FILE_CLOSED;
	struct sys_dir *d;
	struct err e;
	char name[40];
	unsigned char random[8];

	assert_int_equal(sys_random(random, sizeof random, &e), 0);
	snprintf(name, sizeof name, "test_rd-%02x%02x%02x%02x%02x%02x%02x%02x", random[0], random[1], random[2], random[3], random[4], random[5],
	    random[6], random[7]);
	assert_int_equal(sys_dir_open(&d, "/tmp", &e), 0);
	assert_int_equal(sys_create_at(&f, d, name, 0600), 0);
	assert_int_equal(sys_unlink(d, name), 0);
	sys_dir_close(d);
	return f;
}

/* A file with n bytes that name their own offset, opened as the reader wants it. */
static struct sys_file
file_of(size_t n)
{
	struct sys_file f = empty_file();
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)(i * 7 + i / 251);

		assert_int_equal(sys_write(f, &c, 1), 0);
	}
	return f;
}

static int
byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

static void
bytes_in_order(void **state)
{
	struct sys_file f = file_of(10000);
	struct rd r;
	size_t i;

	(void)state;
	rd_file(&r, f, 10000, window, WINDOW);
	for (i = 0; i < 10000; i++)
		assert_int_equal(rd_byte(&r), byte_at(i));
	assert_int_equal(rd_byte(&r), -1);
	assert_int_equal(r.error, 0);
	sys_close(&f);
}

static void
seeks_and_takes(void **state)
{
	static const struct { uint64_t at; size_t n; int ok; } t[] = {
		{ 0, 1, 1 }, { 4095, 2, 1 }, { 4096, 4096, 1 }, { 9999, 1, 1 }, { 100, 4096, 1 }, { 9990, 10, 1 },
		{ 9990, 11, 0 }, { 0, WINDOW + 1, 0 }, { 10000, 1, 0 }, { 10001, 0, 0 }, { UINT64_MAX, 1, 0 }
	};
	struct sys_file f = file_of(10000);
	const unsigned char *p;
	struct rd r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		rd_file(&r, f, 10000, window, WINDOW);
		p = rd_seek(&r, t[i].at) == 0 ? rd_take(&r, t[i].n) : NULL;
		assert_int_equal(p != NULL, t[i].ok);
		if (p != NULL)
			assert_int_equal(p[t[i].n - 1], byte_at((size_t)t[i].at + t[i].n - 1));
		else
			assert_int_equal(r.error, EINVAL);
		if (!t[i].ok)	/* the error stays */
			assert_int_equal(rd_byte(&r), -1);
	}
	sys_close(&f);
}

static void
lines(void **state)
{
	static const char text[] = "one\n\nthree\r\nlast";
	static const char *const want[] = { "one", "", "three\r", "last" };
	const unsigned char *p;
	struct rd r;
	size_t n, i;
	int more, lf;

	(void)state;
	rd_mem(&r, text, sizeof text - 1);
	for (i = 0; i < 4; i++) {
		assert_int_equal(rd_line(&p, &n, &more, &lf, &r, 100), 1);
		assert_int_equal(n, strlen(want[i]));
		assert_memory_equal(p, want[i], n);
		assert_int_equal(more, 0);
		assert_int_equal(lf, i < 3);
	}
	assert_int_equal(rd_line(&p, &n, &more, &lf, &r, 100), 0);
}

static void
long_lines_come_in_pieces(void **state)
{
	const unsigned char *p;
	struct sys_file f = empty_file();
	size_t n, sum = 0, i, pieces = 0;
	int more = 1, lf = 0;
	struct rd r;

	(void)state;
	for (i = 0; i < 3; i++) {
		char block[5000];

		memset(block, 'a' + (int)i, sizeof block);
		assert_int_equal(sys_write(f, block, sizeof block), 0);
	}
	assert_int_equal(sys_write(f, "\nz\n", 3), 0);
	rd_file(&r, f, 15003, window, WINDOW);
	while (more) {
		assert_int_equal(rd_line(&p, &n, &more, &lf, &r, 100000), 1);
		sum += n;
		pieces++;
	}
	assert_int_equal(sum, 15000);
	assert_true(pieces > 2);
	assert_int_equal(lf, 1);
	assert_int_equal(rd_line(&p, &n, &more, &lf, &r, 100000), 1);
	assert_int_equal(n, 1);
	assert_int_equal(rd_line(&p, &n, &more, &lf, &r, 100000), 0);
	sys_close(&f);
}

static void
a_file_that_shrank(void **state)
{
	struct sys_file f = file_of(100);
	struct rd r;
	size_t i;

	(void)state;
	rd_file(&r, f, 5000, window, WINDOW);
	for (i = 0; i < 100; i++)
		assert_int_equal(rd_byte(&r), byte_at(i));
	assert_int_equal(rd_byte(&r), -1);
	assert_int_equal(r.shrunk, 1);
	assert_int_equal(rd_left(&r), 0);
	sys_close(&f);
}

static void
an_io_error_sticks(void **state)
{
	struct sys_file f = file_of(10), same = f;
	struct rd r;

	(void)state;
	rd_file(&r, f, 10, window, WINDOW);
	sys_close(&same);
	assert_int_equal(rd_byte(&r), -1);
	assert_int_equal(r.error, EBADF);
	assert_int_equal(rd_seek(&r, 0), -1);
}

int
main(void)
{
	static const struct CMUnitTest t[] = {
		cmocka_unit_test(bytes_in_order), cmocka_unit_test(seeks_and_takes), cmocka_unit_test(lines),
		cmocka_unit_test(long_lines_come_in_pieces), cmocka_unit_test(a_file_that_shrank),
		cmocka_unit_test(an_io_error_sticks)
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}
