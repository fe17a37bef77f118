/* What a restore computes: new queue ids, ages, the edit of an Exim -H, the order and choice of parts. */
#include "unit.h"

#include "index/restore_in.h"
#include "spool/putback.h"

/* ---- Postfix ---- */

static void
test_new_ids(void **state)
{
	static const struct {
		const char *old;
		int64_t arrived;
		uint64_t inode;
		const char *want;
	} cases[] = {
		{ "39D6B12C13A", 0, 0x12c13b, "39D6B12C13B" },
		{ "39D6B12C13A", 0, 0xfedcba9876543210, "39D6BFEDCBA9876543210" },
		{ "000001", 0, 1, "000001" },
		/* 1 is the digit behind 0; 50 is y, the last one below z; 51 is 10 */
		{ "4bXYZ31wHkz1P", 0, 1, "4bXYZ31wHkz1" },
		{ "4bXYZ31wHkz1P", 0, 50, "4bXYZ31wHkzy" },
		{ "4bXYZ31wHkz1P", 0, 51, "4bXYZ31wHkz10" },
		{ "4bXYZ31wHkz1P", 0, 51 * 51 * 10 + 51 * 11 + 49, "4bXYZ31wHkzBCx" },
		{ "zzzzzzzzzzz1", 0, 5, "zzzzzzzzzzz5" },		/* its last z is the one that counts */
		{ "ABCDEz1", 0, 255, "ABCDEFF" },			/* a z too early: a short one */
		/* nothing of the old id can be kept: the time of arrival */
		{ "x", 1795000000123456, 255, "1E240FF" },
		{ "12345", 1795000000000001, 16, "0000110" },
		{ "ghijklmnop", MSG_NO_TIME, 16, "0000010" },
	};
	struct arena a = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(postfix_new_id(&a, cases[i].old, cases[i].arrived, cases[i].inode), cases[i].want);
	arena_free(&a);
}

/* A record: type, length below 128, payload. */
static size_t
rec(unsigned char *p, int type, const char *text)
{
	size_t n = strlen(text);

	p[0] = (unsigned char)type;
	p[1] = (unsigned char)n;
	memcpy(p + 2, text, n);
	return n + 2;
}

static void
test_create_time(void **state)
{
	unsigned char b[2000];
	size_t n;

	(void)state;
	n = rec(b, 'C', "              1              2");
	n += rec(b + n, 'T', "1790000000  123456");
	assert_int_equal(postfix_create_time(b, n), 1790000000);
	n += rec(b + n, 'A', "create_timed=5");
	assert_int_equal(postfix_create_time(b, n), 1790000000);
	n += rec(b + n, 'A', "create_time=1795000001");
	assert_int_equal(postfix_create_time(b, n), 1795000001);
	assert_int_equal(postfix_create_time(b, n - 1), 1790000000);	/* cut within the record: not believed */
	assert_int_equal(postfix_create_time(b, 0), -1);

	n = rec(b, 'T', "1790000000");
	n += rec(b + n, 'M', "");
	n += rec(b + n, 'A', "create_time=1");				/* behind the envelope: content */
	assert_int_equal(postfix_create_time(b, n), 1790000000);
	n = rec(b, 'c', "     1795000002");
	assert_int_equal(postfix_create_time(b, n), 1795000002);
	n = rec(b, 'A', "create_time=never");
	n += rec(b + n, 'T', "soon");
	assert_int_equal(postfix_create_time(b, n), -1);
}

/* ---- Exim ---- */

#define TOP "1xTfNm-0000Gr-1z-H\nDebian-exim 104 106\n<a@b.example>\n"
#define REST "-helo_name x\n-aclm 0 12\n-frozen 123\n\nXX\n1\nc@d.example\n\n018  Subject: frozen\n"

static void
check_edit(const char *in, size_t n, int freeze, int reset, const char *want, size_t nwant)
{
	struct arena a = { 0 };
	const char *out;
	size_t got = 0;

	out = exim_edit_head(&got, &a, in, n, freeze, reset, 1795000000);
	assert_non_null(out);
	assert_int_equal(got, nwant);
	assert_memory_equal(out, want, nwant);
	arena_free(&a);
}
#define EDIT(in, freeze, reset, want) check_edit(in, sizeof in - 1, freeze, reset, want, sizeof want - 1)

static void
test_edit(void **state)
{
	(void)state;
	EDIT(TOP "1790000000 0\n" REST, 1, 0, TOP "1790000000 0\n-frozen 1795000000\n" REST);
	EDIT(TOP "1790000000 3\n" REST, 0, 1, TOP "1795000000 3\n" REST);
	EDIT(TOP "1790000000 3\n" REST, 1, 1, TOP "1795000000 3\n-frozen 1795000000\n" REST);
	EDIT(TOP "1790000000 3\n" REST, 0, 0, TOP "1790000000 3\n" REST);
	EDIT(TOP "1790000000 0\n" "-x \0\xff\nXX\n", 1, 0, TOP "1790000000 0\n-frozen 1795000000\n" "-x \0\xff\nXX\n");
	EDIT(TOP "7 0\n", 1, 1, TOP "1795000000 0\n-frozen 1795000000\n");
}

static void
test_edit_broken(void **state)
{
	static const char *const broken[] = { "", "\n", TOP, TOP "1790000000 0", TOP "x 0\n", TOP "\n", TOP "179x 0\n", TOP "-frozen 1\n" };
	struct arena a = { 0 };
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof broken / sizeof broken[0]; i++)
		assert_null(exim_edit_head(&n, &a, broken[i], strlen(broken[i]), 1, 1, 5));
	arena_free(&a);
}

/* Whatever is cut off, either nothing comes out or the rest is as it was. */
static void
test_edit_every_cut(void **state)
{
	static const char in[] = TOP "1790000000 0\n" REST, line[] = "-frozen 5\n";
	struct arena a = { 0 };
	size_t n, got, top = sizeof TOP "1790000000 0\n" - 1;
	const char *out;

	(void)state;
	for (n = 0; n < sizeof in; n++) {
		out = exim_edit_head(&got, &a, in, n, 1, 0, 5);
		assert_int_equal(out != NULL, n >= top);
		if (out == NULL)
			continue;
		assert_int_equal(got, n + sizeof line - 1);
		assert_memory_equal(out, in, top);
		assert_memory_equal(out + top, line, sizeof line - 1);
		assert_memory_equal(out + top + sizeof line - 1, in + top, n - top);
	}
	arena_free(&a);
}

/* ---- parts ---- */

static void
set_parts(struct arc_message *m, const char *const *role, size_t n)
{
	size_t i;

	memset(m, 0, sizeof *m);
	m->id = "X";
	m->nparts = n;
	for (i = 0; i < n; i++) {
		m->part[i].role = role[i];
		m->part[i].path = "input/X";
	}
}

static void
test_order(void **state)
{
	static const char *const exim[] = { "envelope", "message", "journal", "log", "log", "leftover", "nothing known" };
	static const char *const postfix[] = { "message", "log", "bounce log", "trace log" };
	struct arc_message m;
	struct putback b;

	(void)state;
	set_parts(&m, exim, 7);
	putback_init(&b, &putback_exim, &m);
	assert_int_equal(b.norder, 4);
	assert_int_equal(b.order[0], 3);		/* msglog, -J, -D, and -H last: then Exim sees it */
	assert_int_equal(b.order[1], 2);
	assert_int_equal(b.order[2], 1);
	assert_int_equal(b.order[3], 0);
	assert_true(b.part[4].stays && b.part[5].stays && b.part[6].stays);	/* the second log, what a crash left, the unknown */
	assert_ptr_equal(putback_find(&b, PART_LOG), &b.part[3]);
	assert_null(putback_find(&b, PART_LEFTOVER));

	set_parts(&m, postfix, 4);
	putback_init(&b, &putback_postfix, &m);
	assert_int_equal(b.norder, 4);
	assert_int_equal(b.order[0], 3);
	assert_int_equal(b.order[3], 0);		/* the logs first, the message last */
}

static void
test_drivers(void **state)
{
	(void)state;
	assert_ptr_equal(putback_driver_named("postfix"), &putback_postfix);
	assert_ptr_equal(putback_driver_named("exim"), &putback_exim);
	assert_ptr_equal(putback_driver_named("smartermail"), &putback_smartermail);
	assert_null(putback_driver_named("qmail"));
}

/* ---- names of exported files ---- */

static void
test_export_names(void **state)
{
	static const struct {
		const char *id, *spool, *want;
	} cases[] = {
		{ "4bXYZ31wHkz1P", "postfix-1", "4bXYZ31wHkz1P.eml" },
		{ "1rxYzA-000000-AB", "exim-2", "1rxYzA-000000-AB.exim-2.eml" },
		{ "..", "postfix-1", "=2E=2E.eml" },
		{ "../../etc/passwd", "postfix-1", "=2E=2E=2F=2E=2E=2Fetc=2Fpasswd.eml" },
		{ ".hidden", "smartermail-1", "=2Ehidden.eml" },
		{ "a b\n\x1b\xff\\:*", "smartermail-10", "a=20b=0A=1B=FF=5C=3A=2A.smartermail-10.eml" },
	};
	struct arena a = { 0 };
	char longest[202];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(restore_export_name(&a, cases[i].id, cases[i].spool), cases[i].want);
	assert_null(restore_export_name(&a, "", "postfix-1"));
	memset(longest, 'x', sizeof longest);
	longest[196] = '\0';
	assert_non_null(restore_export_name(&a, longest, "postfix-1"));
	longest[196] = 'x';
	longest[197] = '\0';
	assert_null(restore_export_name(&a, longest, "postfix-1"));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_ids), cmocka_unit_test(test_create_time), cmocka_unit_test(test_edit), cmocka_unit_test(test_edit_broken),
		cmocka_unit_test(test_edit_every_cut), cmocka_unit_test(test_order), cmocka_unit_test(test_drivers),
		cmocka_unit_test(test_export_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
