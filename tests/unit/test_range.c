/* Ranges of monitoring plugins: index/range.c. */
#include "unit.h"

#include <math.h>

#include "index/range.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))

static const struct good {
	const char *text;
	enum range_unit unit;
	int is_inside;
	double lo, hi;
	const char *shown;
} good[] = {
	{ "10", RANGE_NUMBER, 0, 0, 10, "10" }, { "0", RANGE_NUMBER, 0, 0, 0, "0" }, { "10:", RANGE_NUMBER, 0, 10, HUGE_VAL, "10:" },
	{ "0:", RANGE_NUMBER, 0, 0, HUGE_VAL, "0:" }, { "~:10", RANGE_NUMBER, 0, -HUGE_VAL, 10, "~:10" },
	{ "~:", RANGE_NUMBER, 0, -HUGE_VAL, HUGE_VAL, "~:" }, { "10:20", RANGE_NUMBER, 0, 10, 20, "10:20" },
	{ ":20", RANGE_NUMBER, 0, 0, 20, "20" }, { "@10:20", RANGE_NUMBER, 1, 10, 20, "@10:20" }, { "@10", RANGE_NUMBER, 1, 0, 10, "@10" },
	{ "-20:-10", RANGE_NUMBER, 0, -20, -10, "-20:-10" }, { "@-1:1", RANGE_NUMBER, 1, -1, 1, "@-1:1" },
	{ "1.5", RANGE_NUMBER, 0, 0, 1.5, "1.5" }, { "999999999999999", RANGE_NUMBER, 0, 0, 999999999999999.0, "999999999999999" },
	{ "90m", RANGE_SECONDS, 0, 0, 5400, "5400" }, { "1h:2d", RANGE_SECONDS, 0, 3600, 172800, "3600:172800" },
	{ "1.5h", RANGE_SECONDS, 0, 0, 5400, "5400" }, { "1w", RANGE_SECONDS, 0, 0, 604800, "604800" }, { "2min", RANGE_SECONDS, 0, 0, 120, "120" },
	{ "5GiB:", RANGE_BYTES, 0, 5368709120.0, HUGE_VAL, "5368709120:" }, { "10k", RANGE_BYTES, 0, 0, 10240, "10240" },
	{ "10kB", RANGE_BYTES, 0, 0, 10000, "10000" }, { "1TB", RANGE_BYTES, 0, 0, 1e12, "1000000000000" }, { "3B", RANGE_BYTES, 0, 0, 3, "3" },
	{ "80%", RANGE_PERCENT, 0, 0, 80, "80" }, { "80", RANGE_PERCENT, 0, 0, 80, "80" },
};

static const struct bad { const char *text; enum range_unit unit; } bad[] = {
	{ ":", RANGE_NUMBER }, { "@", RANGE_NUMBER }, { "@:", RANGE_NUMBER }, { "~", RANGE_NUMBER }, { "20:10", RANGE_NUMBER },
	{ "10:~", RANGE_NUMBER }, { "ten", RANGE_NUMBER }, { "1e3", RANGE_NUMBER }, { "0x10", RANGE_NUMBER }, { "10 ", RANGE_NUMBER },
	{ " 10", RANGE_NUMBER }, { "+10", RANGE_NUMBER }, { "--1", RANGE_NUMBER }, { "10:20:30", RANGE_NUMBER }, { "1.", RANGE_NUMBER },
	{ ".5", RANGE_NUMBER }, { "1.2.3", RANGE_NUMBER }, { "-", RANGE_NUMBER }, { "10m", RANGE_NUMBER }, { "10%", RANGE_NUMBER },
	{ "1000000000000000", RANGE_NUMBER }, { "nan", RANGE_NUMBER }, { "inf", RANGE_NUMBER }, { "10k", RANGE_SECONDS },
	{ "10S", RANGE_SECONDS }, { "h", RANGE_SECONDS }, { "10h", RANGE_BYTES }, { "10kiB", RANGE_BYTES }, { "@@1", RANGE_NUMBER },
};

static void
test_good(void **state)
{
	struct range r;
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 1000);
	for (i = 0; i < COUNT(good); i++) {
		if (range_parse(&r, good[i].text, good[i].unit) < 0)
			fail_msg("%s is refused", good[i].text);
		buf_clear(&b);
		range_text(&b, &r);
		if (!r.is_on || r.is_inside != good[i].is_inside || r.lo < good[i].lo || r.lo > good[i].lo || r.hi < good[i].hi || r.hi > good[i].hi ||
		    strcmp(buf_cstr(&b), good[i].shown) != 0)
			fail_msg("%s became %s (%g to %g)", good[i].text, buf_cstr(&b), r.lo, r.hi);
	}
	buf_free(&b);
}

static void
test_bad(void **state)
{
	struct range r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		if (range_parse(&r, bad[i].text, bad[i].unit) == 0 || r.is_on)
			fail_msg("\"%s\" is taken", bad[i].text);
}

static void
test_off(void **state)
{
	struct range r;
	struct buf b;

	(void)state;
	assert_int_equal(range_parse(&r, "", RANGE_BYTES), 0);
	assert_false(r.is_on);
	assert_false(range_alerts(&r, -1e9) || range_alerts(&r, 0) || range_alerts_from(&r, 1e9));
	buf_init(&b, 100);
	range_text(&b, &r);
	assert_string_equal(buf_cstr(&b), "");
	buf_free(&b);
}

/* The table of the guidelines, and what is certain of a value of which only a lower bound is known. */
static void
test_alerts(void **state)
{
	static const struct { const char *range; double v; int alerts, from; } t[] = {
		{ "10", -1, 1, 0 }, { "10", 0, 0, 0 }, { "10", 10, 0, 0 }, { "10", 10.5, 1, 1 }, { "10:", 9, 1, 0 }, { "10:", 10, 0, 0 },
		{ "10:", 1e9, 0, 0 }, { "~:10", -1e9, 0, 0 }, { "~:10", 11, 1, 1 }, { "10:20", 9, 1, 0 }, { "10:20", 15, 0, 0 }, { "10:20", 21, 1, 1 },
		{ "@10:20", 9, 0, 0 }, { "@10:20", 10, 1, 0 }, { "@10:20", 20, 1, 0 }, { "@10:20", 21, 0, 0 }, { "@10:", 10, 1, 1 },
		{ "@10:", 9, 0, 0 }, { "~:", 5, 0, 0 }, { "@~:", 5, 1, 1 },
	};
	struct range r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		assert_int_equal(range_parse(&r, t[i].range, RANGE_NUMBER), 0);
		if (range_alerts(&r, t[i].v) != t[i].alerts || range_alerts_from(&r, t[i].v) != t[i].from)
			fail_msg("%s with %g: %d, from there on %d", t[i].range, t[i].v, range_alerts(&r, t[i].v), range_alerts_from(&r, t[i].v));
	}
}

/* For people: a unit that leaves no rest; what is written is read as the same range. */
static void
test_words(void **state)
{
	static const struct { const char *range, *words; enum range_unit unit; } t[] = {
		{ "518400", "6d", RANGE_SECONDS }, { "90m", "90m", RANGE_SECONDS }, { "61", "61s", RANGE_SECONDS }, { "@1h:36h", "@1h:36h", RANGE_SECONDS },
		{ "~:0", "~:0", RANGE_SECONDS }, { "1073741824:", "1GiB:", RANGE_BYTES }, { "1GB:", "1000000000:", RANGE_BYTES }, { "80", "80%", RANGE_PERCENT },
		{ "0.5", "0.5", RANGE_PERCENT }, { "86400", "86400", RANGE_NUMBER }, { "", "", RANGE_BYTES },
	};
	struct range r, again;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		buf_init(&b, 200);
		assert_int_equal(range_parse(&r, t[i].range, t[i].unit), 0);
		range_words(&b, &r, t[i].unit);
		assert_string_equal(buf_cstr(&b), t[i].words);
		assert_int_equal(range_parse(&again, buf_cstr(&b), t[i].unit), 0);
		assert_true(again.is_on == r.is_on && again.is_inside == r.is_inside && again.lo == r.lo && again.hi == r.hi);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_bad), cmocka_unit_test(test_off), cmocka_unit_test(test_alerts), cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
