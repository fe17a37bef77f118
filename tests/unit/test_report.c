/* What a report makes of texts and times: HTML, like replies, redaction, the scale of the timeline. */
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

#include "cmd/report_out.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))
#define FFFD "\xEF\xBF\xBD"
#define MINUTE INT64_C(60000000)
#define T (INT64_C(1700000000) * 1000000)

static void
test_html(void **state)
{
	static const struct { const char *in; size_t n; const char *out; } cases[] = {
#define IN(s) s, sizeof(s) - 1
		{ IN("plain text"), "plain text" },
		{ IN("<script>alert(1)</script>"), "&lt;script&gt;alert(1)&lt;/script&gt;" },
		{ IN("\" onerror='x' `y`"), "&quot; onerror=&#39;x&#39; &#96;y&#96;" },
		{ IN("&lt; &amp; &#60;"), "&amp;lt; &amp;amp; &amp;#60;" },
		{ IN("a\tb\nc\rd\0e\x7F"), "a b" FFFD "c" FFFD "d" FFFD "e" FFFD },
		{ IN("\033[2J \xC2\x9B" "31m"), FFFD "[2J " FFFD "31m" },
		{ IN("fdp\xE2\x80\xAE" "exe"), "fdp" FFFD "exe" },
		{ IN("\xE2\x80\xAA\xE2\x80\xAB\xE2\x80\xAC\xE2\x80\xAD"), FFFD FFFD FFFD FFFD },
		{ IN("\xE2\x81\xA6\xE2\x81\xA7\xE2\x81\xA8\xE2\x81\xA9"), FFFD FFFD FFFD FFFD },
		{ IN("\xE2\x80\xA8\xE2\x80\xA9"), FFFD FFFD },
		{ IN("\xFF \xC0\xBC" "script \xED\xA0\x80 cut \xE2\x82"), FFFD " " FFFD FFFD "script " FFFD FFFD FFFD " cut " FFFD FFFD },
		{ IN("\xC3\xBC \xE4\xB8\xAD \xF0\x9F\x98\x80 \xD7\xA9"), "\xC3\xBC \xE4\xB8\xAD \xF0\x9F\x98\x80 \xD7\xA9" },
		/* eight marks stay on a letter, the others go */
		{ IN("a\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81z"),
		    "a\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81z" },
#undef IN
	};
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 4096);
	for (i = 0; i < COUNT(cases); i++) {
		buf_clear(&b);
		text_html(&b, cases[i].in, cases[i].n);
		assert_string_equal(buf_cstr(&b), cases[i].out);
	}
	buf_free(&b);
}

static void
test_replies(void **state)
{
	static const struct { const char *a, *b; int is_same; } cases[] = {
		{ "450 4.2.0 <a@one.example>: Greylisted", "450 4.2.0 <longer@two.example>: Greylisted", 1 },
		{ "250 queued as 4bXYZ31wHkz1P", "250 queued as 5cXYZ99wHkz2Q", 1 },
		{ "421 4.7.0 try later d9443c01a7336-2a1b2c3d", "421 4.7.0 try later 98e67ed59e1d1-31b2c3d4", 1 },
		{ "554 blocked using zen.spamhaus.org", "554 blocked using bl.spamcop.net", 0 },
		{ "550 5.7.1 spam", "552 5.7.1 spam", 0 },
		{ "blocked [198.51.100.25]", "blocked [198.51.100.26]", 0 },	/* two of our addresses are two facts */
		{ "", "", 1 },
	};
	struct arena a = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(strcmp(report_reply_key(&a, cases[i].a), report_reply_key(&a, cases[i].b)) == 0, cases[i].is_same);
	arena_free(&a);
}

static const char *
redacted(struct arena *a, const char *subject)
{
	static const uint64_t secret[2] = { 7, 8 };
	struct query_row row = { 0 };

	row.subject = subject;
	report_redact_row(&row, a, secret);
	return row.subject;
}

static void
test_redact(void **state)
{
	static const uint64_t secret[2] = { 7, 8 };
	static const char *const whole[] = { "plain", "@", "a @ b", "@example.org", "user@", "1/2", "12:30" };
	struct query_row row = { 0 };
	struct arena a = { 0 };
	const char *one, *two;
	size_t i;

	(void)state;
	for (i = 0; i + 2 < COUNT(whole); i++)
		if (strcmp(whole[i], "user@") != 0)
			assert_string_equal(redacted(&a, whole[i]), whole[i]);
	one = redacted(&a, "to info@shop.example, now");
	assert_non_null(strstr(one, "to i***-"));
	assert_non_null(strstr(one, "@shop.example, now"));
	assert_null(strstr(one, "info"));
	two = redacted(&a, "to INFO@Shop.example, now");
	assert_memory_equal(strstr(one, "***-"), strstr(two, "***-"), 10);	/* one person, whatever the case */
	assert_memory_not_equal(strstr(one, "***-"), strstr(redacted(&a, "to anna@shop.example, now"), "***-"), 10);
	assert_null(strstr(redacted(&a, "a@b.example,secret@c.example;x@d.example"), "secret"));
	assert_null(strstr(redacted(&a, "mailto:secret@c.example?cc=hidden@d.example"), "hidden"));
	assert_string_equal(redacted(&a, "from 203.0.113.77!"), "from 203.0.113.77!");	/* no address as a word */
	assert_string_equal(redacted(&a, "from [203.0.113.77]"), "from [203.0.113.x]");
	assert_string_equal(redacted(&a, "from 2001:db8:1:2::77"), "from 2001:db8:1::x");
	row.account = "mehmet";
	row.account_kind = "auth";
	row.local_user = "uid:33";
	row.script = "/home/anna/www/x.php";
	row.helo = row.client_name = "anna.example";
	report_redact_row(&row, &a, secret);
	assert_memory_equal(row.account, "m***-", 5);
	assert_string_equal(row.local_user, "uid:33");
	assert_string_equal(row.script, "…/x.php");
	assert_null(row.helo);
	assert_null(row.client_name);
	arena_free(&a);
}

static void
test_scale(void **state)
{
	static const struct { int64_t span; int64_t width; } cases[] = {	/* minutes */
		{ 0, 1 }, { 30, 1 }, { 58, 1 }, { 59, 2 }, { 600, 15 }, { 24 * 60, 30 }, { 5 * 1440, 180 }, { 400 * 1440, 7 * 1440 }
	};
	struct report_timeline t;
	int64_t at[100];
	size_t i, k;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		for (k = 0; k < 100; k++)
			at[k] = T + cases[i].span * MINUTE * (int64_t)k / 99;
		memset(&t, 0, sizeof t);
		report_scale(&t, at, 100);
		assert_int_equal(t.width / MINUTE, cases[i].width);
		assert_int_equal(t.from % t.width, 0);
		assert_true(t.from <= at[0] && t.from + (int64_t)t.buckets * t.width > at[99]);
		assert_in_range(t.buckets, 1, 60);
	}
	/* a few old ones do not hide the burst; a clock that was wrong neither */
	at[0] = at[1] = T - 400 * 1440 * MINUTE;
	at[98] = at[99] = T + INT64_C(4000) * 1440 * MINUTE;
	for (k = 2; k < 98; k++)
		at[k] = T + (int64_t)k * MINUTE / 4;
	report_scale(&t, at, 100);
	assert_int_equal(t.width / MINUTE, 1);
	at[99] = INT64_MAX / 2;
	at[98] = INT64_MAX / 2;
	at[0] = -INT64_C(62135596800) * 1000000;
	report_scale(&t, at, 100);
	assert_in_range(t.buckets, 1, 60);
}

/* One bar a bucket that has messages, none of it outside of the picture. */
static void
test_svg(void **state)
{
	struct report_timeline t = { .from = T - T % (30 * MINUTE), .width = 30 * MINUTE, .buckets = 4, .nseries = 1, .most = 1000000007 };
	int64_t count[4] = { 0, 1, 1000000007, 12 };
	const char *p;
	struct buf b;
	int bars = 0;
	double y, height;

	(void)state;
	t.series[0].key = "<b>";
	t.series[0].count = count;
	buf_init(&b, 65536);
	report_svg(&b, &t, 1);
	for (p = buf_cstr(&b); (p = strstr(p, "<rect ")) != NULL; p++, bars++) {
		y = strtod(strstr(p, " y=\"") + 4, NULL);
		height = strtod(strstr(p, " height=\"") + 9, NULL);
		assert_true(y >= 0 && height >= 0 && y + height <= 280);
	}
	assert_int_equal(bars, 3);
	assert_null(strstr(buf_cstr(&b), "<b>"));
	assert_non_null(strstr(buf_cstr(&b), "&lt;b&gt;"));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html), cmocka_unit_test(test_replies), cmocka_unit_test(test_redact), cmocka_unit_test(test_scale),
		cmocka_unit_test(test_svg)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
