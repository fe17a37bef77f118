/* The writer: every hostile character inert, CSV cells whole, tables aligned. */
#include <stdio.h>

#include "unit.h"

#include "cmd/out.h"
#include "cmd/table.h"
#include "spool/msg.h"

#define FFFD "\xEF\xBF\xBD"

struct escape_case {
	const char *in;
	size_t n;
	const char *plain, *json;
};
#define IN(s) s, sizeof(s) - 1

static void
test_escape(void **state)
{
	static const struct escape_case cases[] = {
		{ IN("plain text ~"), "plain text ~", "plain text ~" },
		{ IN("\"\\/"), "\"\\/", "\\\"\\\\/" },
		{ IN("\033[31mred"), FFFD "[31mred", "\\u001b[31mred" },
		{ IN("a\0b"), "a" FFFD "b", "a\\u0000b" },
		{ IN("a\tb\nc\rd"), "a b" FFFD "c" FFFD "d", "a\\u0009b\\u000ac\\u000dd" },
		{ IN("\x7F"), FFFD, "\\u007f" },
		{ IN("\xC2\x9B" "2J"), FFFD "2J", "\\u009b2J" },
		{ IN("\xE2\x80\xAE" "exe.fdp"), FFFD "exe.fdp", "\\u202eexe.fdp" },
		{ IN("\xE2\x80\xAA\xE2\x81\xA6\xE2\x81\xA9"), FFFD FFFD FFFD, "\\u202a\\u2066\\u2069" },
		{ IN("\xE2\x80\xA8\xE2\x80\xA9"), FFFD FFFD, "\\u2028\\u2029" },
		{ IN("\xFFz"), FFFD "z", FFFD "z" },
		{ IN("\xED\xA0\x80"), FFFD FFFD FFFD, FFFD FFFD FFFD },	/* a surrogate */
		{ IN("\xC0\xAF"), FFFD FFFD, FFFD FFFD },			/* overlong '/' */
		{ IN("cut \xE2\x82"), "cut " FFFD FFFD, "cut " FFFD FFFD },
		{ IN("\xC3\xBC \xE4\xB8\xAD \xF0\x9F\x98\x80"), "\xC3\xBC \xE4\xB8\xAD \xF0\x9F\x98\x80",
		    "\xC3\xBC \xE4\xB8\xAD \xF0\x9F\x98\x80" },
	};
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 4096);
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		buf_clear(&b);
		text_inert(&b, cases[i].in, cases[i].n);
		assert_string_equal(buf_cstr(&b), cases[i].plain);
		buf_clear(&b);
		text_json(&b, cases[i].in, cases[i].n);
		assert_string_equal(buf_cstr(&b), cases[i].json);
	}
	buf_free(&b);
}

/* Every code point of the contract's list, one by one, against the rule itself. */
static void
test_every_control(void **state)
{
	struct buf b;
	char utf8[4], want[16];
	unsigned c;
	size_t n;
	int listed;

	(void)state;
	buf_init(&b, 64);
	for (c = 1; c < 0x2100; c++) {
		if (c < 0x80) {
			utf8[0] = (char)c;
			n = 1;
		} else if (c < 0x800) {
			utf8[0] = (char)(0xC0 | c >> 6);
			utf8[1] = (char)(0x80 | (c & 0x3F));
			n = 2;
		} else {
			utf8[0] = (char)(0xE0 | c >> 12);
			utf8[1] = (char)(0x80 | (c >> 6 & 0x3F));
			utf8[2] = (char)(0x80 | (c & 0x3F));
			n = 3;
		}
		listed = c < 0x20 || c == 0x7F || (c >= 0x80 && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) ||
		    (c >= 0x2066 && c <= 0x2069);
		buf_clear(&b);
		text_json(&b, utf8, n);
		if (listed) {
			snprintf(want, sizeof want, "\\u%04x", c);
			assert_string_equal(buf_cstr(&b), want);
		} else if (c != '"' && c != '\\' && c != 0x2028 && c != 0x2029) {
			assert_int_equal(b.n, n);
			assert_memory_equal(b.p, utf8, n);
		}
		buf_clear(&b);
		text_inert(&b, utf8, n);
		if (listed)
			assert_string_equal(buf_cstr(&b), c == '\t' ? " " : FFFD);
	}
	buf_free(&b);
}

static void
test_width(void **state)
{
	(void)state;
	assert_int_equal(text_width("abc", 3), 3);
	assert_int_equal(text_width("\xE4\xB8\xAD\xE6\x96\x87", 6), 4);		/* two wide ones */
	assert_int_equal(text_width("e\xCC\x81", 3), 1);				/* a combining accent */
	assert_int_equal(text_width("\xFF", 1), 1);
	assert_int_equal(text_fit("\xE4\xB8\xAD\xE6\x96\x87", 6, 3), 3);
	assert_int_equal(text_fit("abc", 3, 10), 3);
	assert_int_equal(text_fit("abc", 3, 0), 0);
}

static void
test_json_array(void **state)
{
	static const char text[] = "[\"a\\\"b\",\"\\u00fc\\ud83d\\ude00\",\"\",\"\\n\\ud800x\"]";
	static const char *const want[] = { "a\"b", "\xC3\xBC\xF0\x9F\x98\x80", "", "\n" FFFD "x" };
	static const char *const broken[] = { "[\"", "[\"a", "[\"a\\", "[\"\\u12", "[\"\\ud83d\\u", "\"\\u", "" };
	const char *p = text;
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 4096);
	for (i = 0; i < 4; i++) {
		assert_int_equal(text_string(&b, &p), 1);
		assert_string_equal(buf_cstr(&b), want[i]);
	}
	assert_int_equal(text_string(&b, &p), 0);
	for (i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		p = broken[i];
		while (text_string(&b, &p))
			assert_true(p <= broken[i] + strlen(broken[i]));
		assert_int_equal(*p, '\0');
	}
	buf_clear(&b);
	text_join(&b, text, "; ");
	assert_string_equal(buf_cstr(&b), "a\"b; \xC3\xBC\xF0\x9F\x98\x80; ; \n" FFFD "x");
	buf_free(&b);
}

static void
test_time_and_size(void **state)
{
	char out[40], number[24];

	(void)state;
	assert_string_equal(text_time(out, 0, 0, 0, 1), "1970-01-01T00:00:00Z");
	assert_string_equal(text_time(out, 951782400, 0, 0, 1), "2000-02-29T00:00:00Z");
	assert_string_equal(text_time(out, 1790000000, 42, 6, 1), "2026-09-21T14:13:20.000042Z");
	assert_string_equal(text_time(out, 1790000000, 0, 0, 0), "2026-09-21 14:13:20");
	assert_string_equal(text_time(out, -1, 0, 0, 1), "1969-12-31T23:59:59Z");
	assert_string_equal(text_time(out, 253402300799, 0, 0, 1), "9999-12-31T23:59:59Z");
	assert_null(text_time(out, 253402300800, 0, 0, 1));
	assert_null(text_time(out, INT64_MIN, 0, 0, 1));
	assert_string_equal(text_size(out, 0), "0");
	assert_ptr_equal(text_number(number, 0), number + 1);
	assert_string_equal(number, "0");
	assert_ptr_equal(text_number(number, INT64_MIN), number + 20);
	assert_string_equal(number, "-9223372036854775808");
	text_number(number, INT64_MAX);
	assert_string_equal(number, "9223372036854775807");
	assert_string_equal(text_size(out, 999), "999");
	assert_string_equal(text_size(out, 1024), "1.0K");
	assert_string_equal(text_size(out, 1024 * 1024 - 1), "1.0M");
	assert_string_equal(text_size(out, INT64_MAX), "8.0E");
	assert_string_equal(text_size(out, -1), "-");
}

static const char *const keys[] = { "text", "n", "list", "objects", "when" };
static const char *const members[] = { "a", "b" };

static void
put_row(struct out *o, const char *text)
{
	out_text(o, text);
	out_count(o, -1);
	out_strings(o, "[\"x\",\"y;\\u001b\"]");
	out_list(o);
	out_group(o, members);
	out_text(o, "1,");
	out_text(o, NULL);
	out_group_end(o);
	out_group(o, NULL);
	out_text(o, "n");
	out_bool(o, 1);
	out_group_end(o);
	out_list_end(o);
	out_time(o, MSG_NO_TIME, 0);
	out_row(o);
}

static void
test_json_row(void **state)
{
	struct out o;

	(void)state;
	out_init(&o, OUT_JSON);
	out_keys(&o, keys, 5);
	put_row(&o, "h\"i");
	assert_string_equal(buf_cstr(&o.b), "{\"text\":\"h\\\"i\",\"n\":null,\"list\":[\"x\",\"y;\\u001b\"],"
	    "\"objects\":[{\"a\":\"1,\",\"b\":null},[\"n\",true]],\"when\":null}\n");
	buf_free(&o.b);
	buf_free(&o.cell);
}

static void
test_csv_rows(void **state)
{
	static const struct { const char *in, *cell; } cases[] = {
		{ NULL, "" }, { "", "" }, { "plain", "plain" }, { "a,b", "\"a,b\"" }, { "say \"x\"", "\"say \"\"x\"\"\"" },
		{ "=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0" }, { "+1", "'+1" }, { "-1", "'-1" }, { "@SUM(1,2)", "\"'@SUM(1,2)\"" },
		{ "\t=1", "' =1" }, { "\r=1", "'" FFFD "=1" }, { "two\nlines", "two" FFFD "lines" }, { " led", "\" led\"" },
		{ "1=2", "1=2" }
	};
	struct out o;
	struct buf want;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		out_init(&o, OUT_CSV);
		buf_init(&want, 4096);
		out_keys(&o, keys, 5);
		put_row(&o, cases[i].in);
		buf_fmt(&want, "text,n,list,objects,when\n%s,,x; y;" FFFD ",\"1,; n true\",\n", cases[i].cell);
		assert_string_equal(buf_cstr(&o.b), buf_cstr(&want));
		buf_free(&want);
		buf_free(&o.b);
		buf_free(&o.cell);
	}
}

static const struct table_column columns[] = {
	{ "N", 1, 0, 0 }, { "NAME", 0, 4, 0 }, { "EXTRA", 0, 5, 1 }, { "SUBJECT", 0, 7, 0 }
};

static const char *
table_of(struct out *o, size_t width)
{
	struct table t;

	out_init(o, OUT_TABLE);
	o->width = width;
	o->colour = 0;
	table_init(&t, o, columns, 4);
	table_number(&t, 5);
	table_cell(&t, "\xE4\xB8\xAD\xE6\x96\x87");
	table_cell(&t, "more");
	table_cell(&t, "first \033[2J");
	table_row(&t);
	table_note(&t, "because\n");
	table_number(&t, 12345);
	table_cell(&t, "longer-name");
	table_cell(&t, NULL);
	table_colour(&t, TABLE_RED, "second and long");
	table_row(&t);
	table_end(&t);
	return buf_cstr(&o->b);
}

static void
test_table(void **state)
{
	struct out o;

	(void)state;
	assert_string_equal(table_of(&o, 0),
	    "    N  NAME         EXTRA  SUBJECT\n"
	    "    5  \xE4\xB8\xAD\xE6\x96\x87         more   first " FFFD "[2J\n"
	    "    because" FFFD "\n"
	    "12345  longer-name  -      second and long\n");
	buf_free(&o.b);
	assert_string_equal(table_of(&o, 32),		/* the widest texts give first */
	    "    N  NAME      EXTRA  SUBJECT\n"
	    "    5  \xE4\xB8\xAD\xE6\x96\x87      more   first " FFFD "\xE2\x80\xA6\n"
	    "    because" FFFD "\n"
	    "12345  longer-\xE2\x80\xA6  -      second \xE2\x80\xA6\n");
	buf_free(&o.b);
	assert_string_equal(table_of(&o, 21),		/* EXTRA is left out */
	    "    N  NAME   SUBJECT\n"
	    "    5  \xE4\xB8\xAD\xE6\x96\x87   first \xE2\x80\xA6\n"
	    "    because" FFFD "\n"
	    "12345  long\xE2\x80\xA6  second\xE2\x80\xA6\n");
	buf_free(&o.b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_every_control),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_json_array),
		cmocka_unit_test(test_time_and_size),
		cmocka_unit_test(test_json_row),
		cmocka_unit_test(test_csv_rows),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
