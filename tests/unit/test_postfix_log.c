/* spool/postfix_log.c: which reply goes to which recipient. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/buf.h"
#include "spool/postfix_log.h"

struct fixture {
	struct arena a, scratch;
	struct msg m;
};

static void
begin(struct fixture *x)
{
	memset(x, 0, sizeof *x);
	msg_init(&x->m, &x->a);
	msg_rcpt(&x->m, "a@one.example", RCPT_PENDING)->key = 500;
	msg_rcpt(&x->m, "b c@two.example", RCPT_PENDING)->key = 600;
	msg_rcpt(&x->m, "d@three.example", RCPT_DONE)->key = 700;
	msg_rcpt(&x->m, "a@one.example", RCPT_PENDING)->key = 800;
}

static void
join(struct fixture *x, const char *text, size_t n, enum part_role role)
{
	struct rd r;

	rd_mem(&r, text, n);
	assert_int_equal(postfix_log_join(&x->m, &r, role, &x->scratch), 0);
}

static void
finish(struct fixture *x)
{
	arena_free(&x->a);
	arena_free(&x->scratch);
}

static const struct {
	const char *what, *log;
	const char *reply[4];
} table[] = {
    {"by offset, not by address", "<a@one.example>: r\nrecipient=a@one.example\noffset=800\ndiag_text=450 4.2.0 b\n\n",
	{NULL, NULL, NULL, "450 4.2.0 b"}},
    {"diag_text before reason before the old line",
	"<x>: old\noffset=500\nreason=why\ndiag_text=550 no\n\n<x>: old\noffset=600\nreason=why\n",
	{"550 no", "why", NULL, NULL}},
    {"only an old line: by address, all that have it", "<a@one.example>: connect to mx[192.0.2.1]:25: refused\n",
	{"connect to mx[192.0.2.1]:25: refused", NULL, NULL, "connect to mx[192.0.2.1]:25: refused"}},
    {"quoted local part", "<\"b c\"@two.example>: no\nrecipient=\"b c\"@two.example\nreason=quoted\n",
	{NULL, "quoted", NULL, NULL}},
    {"quoted local part, old line alone", "<\"b c\"@two.example>: old only\n", {NULL, "old only", NULL, NULL}},
    {"the later block counts", "<x>: 1\noffset=500\nreason=first\n\n<x>: 2\noffset=500\nreason=second\n\n",
	{"second", NULL, NULL, NULL}},
    {"a value with = in it", "<x>: 1\noffset=500\nreason=a=b=c\n\n", {"a=b=c", NULL, NULL, NULL}},
    {"an offset of nobody falls back to the address", "<d@three.example>: x\nrecipient=d@three.example\noffset=1\nreason=late\n",
	{NULL, NULL, "late", NULL}},
    {"an offset that is no number", "<d@three.example>: x\noffset=99999999999999999999999\nreason=big\n",
	{NULL, NULL, "big", NULL}},
    {"an unknown recipient", "<z@nowhere.example>: x\nreason=nobody\n\n", {NULL, NULL, NULL, NULL}},
    {"an empty diag_text is none", "<x>: 1\noffset=500\nreason=full\ndiag_text=\n\n", {"full", NULL, NULL, NULL}},
    {"CRLF between blocks", "<x>: 1\r\noffset=500\r\n\r\n<x>: 2\noffset=600\nreason=two\n\r\n", {NULL, "two", NULL, NULL}},
    {"garbage", "=\n=x\n\xff\xfe\n<\n<>\n<a@one.example>\nreason\n\n\n<d@three.example>:\n", {NULL, NULL, NULL, NULL}},
    {"8-bit that is no UTF-8", "<x>: 1\noffset=500\ndiag_text=550 caf\xe9\n", {"550 caf\xc3\xa9", NULL, NULL, NULL}},
};

static void
test_table(void **state)
{
	struct fixture x;
	const char *got, *want;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		begin(&x);
		join(&x, table[i].log, strlen(table[i].log), PART_LOG);
		for (k = 0; k < 4; k++) {
			got = x.m.rcpt[k].reply;
			want = table[i].reply[k];
			if ((got == NULL) != (want == NULL) || (got != NULL && strcmp(got, want) != 0))
				fail_msg("%s: recipient %zu: %s", table[i].what, k, got != NULL ? got : "(none)");
		}
		finish(&x);
	}
}

/* Trace first, then bounce, then defer, as the driver reads them. */
static void
test_roles(void **state)
{
	static const char trace[] =
	    "<x>: t\noffset=500\nreason=trace\n\n<x>: t\noffset=700\nreason=trace\n\n<x>: t\noffset=600\nreason=trace\n";
	static const char bounce[] = "<x>: b\noffset=700\nreason=bounced\n";
	static const char defer[] = "<x>: d\noffset=500\nreason=deferred\n\n<x>: d\noffset=700\nreason=old\n";
	struct fixture x;

	(void)state;
	begin(&x);
	join(&x, trace, sizeof trace - 1, PART_TRACE_LOG);
	join(&x, bounce, sizeof bounce - 1, PART_BOUNCE_LOG);
	join(&x, defer, sizeof defer - 1, PART_LOG);
	assert_string_equal(x.m.rcpt[0].reply, "deferred");
	assert_string_equal(x.m.rcpt[1].reply, "trace");
	assert_string_equal(x.m.rcpt[2].reply, "bounced");
	finish(&x);
}

/* Cut at every byte; every byte turned: no reply that was not in the text. */
static void
test_damaged(void **state)
{
	static const char whole[] =
	    "<a@one.example>: host mx said\nrecipient=a@one.example\noffset=500\nstatus=4.7.1\ndiag_text=450 4.7.1 wait\n\n";
	char text[sizeof whole];
	struct fixture x;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof whole; n++) {
		begin(&x);
		join(&x, whole, n, PART_LOG);
		assert_null(x.m.rcpt[1].reply);
		assert_int_equal(x.m.damage.n, 0);
		finish(&x);
		begin(&x);
		memcpy(text, whole, sizeof whole);
		text[n] = (char)(text[n] ^ 0x80);
		join(&x, text, sizeof whole - 1, PART_LOG);
		assert_null(x.m.rcpt[2].reply);
		finish(&x);
	}
}

/* A line of 10 MiB: cut between two characters, the next block is read. */
static void
test_long_line(void **state)
{
	struct fixture x;
	struct buf b;
	size_t i, n;

	(void)state;
	begin(&x);
	buf_init(&b, (size_t)64 << 20);
	buf_puts(&b, "<x>: 1\noffset=500\nreason=a");
	for (i = 0; i < ((size_t)10 << 20) / 2; i++)
		buf_puts(&b, "\xc3\xa4");
	buf_puts(&b, "\ndiag_text=short\n\n<x>: 2\noffset=600\nreason=");
	for (i = 0; i < 5000; i++)
		buf_puts(&b, "\xc3\xa4");
	buf_puts(&b, "\n\n");
	join(&x, b.p, b.n, PART_LOG);
	assert_string_equal(x.m.rcpt[0].reply, "short");
	n = strlen(x.m.rcpt[1].reply);
	assert_true(n >= 4000 && n <= 4096 && n % 2 == 0);
	assert_int_equal(memcmp(x.m.rcpt[1].reply + n - 2, "\xc3\xa4", 2), 0);
	buf_free(&b);
	finish(&x);
}

/* Of a log beyond the bound the end is read, and said so. */
static void
test_tail(void **state)
{
	struct fixture x;
	struct buf b;

	(void)state;
	begin(&x);
	buf_init(&b, (size_t)64 << 20);
	buf_puts(&b, "<x>: 1\noffset=500\nreason=early\n\n");
	while (b.n < POSTFIX_LOG_TAIL)
		buf_puts(&b, "<nobody@nowhere.example>: this block is one of very many\noffset=1\n\n");
	buf_puts(&b, "<x>: 1\noffset=600\nreason=last\n\n");
	join(&x, b.p, b.n, PART_LOG);
	assert_null(x.m.rcpt[0].reply);
	assert_string_equal(x.m.rcpt[1].reply, "last");
	assert_int_equal(x.m.notes.n, 1);
	assert_non_null(strstr(x.m.notes.v[0], "only its end was read"));
	buf_free(&b);
	finish(&x);
}

/* 20,000 recipients, a block each, half of them by address: one text for all in memory. */
static void
test_many(void **state)
{
	struct fixture x = {0};
	struct buf b;
	char text[64];
	unsigned i;

	(void)state;
	msg_init(&x.m, &x.a);
	buf_init(&b, (size_t)64 << 20);
	for (i = 0; i < 20000; i++) {
		snprintf(text, sizeof text, "user%u@example.org", i);
		msg_rcpt(&x.m, arena_str(&x.a, text), RCPT_PENDING)->key = 1000 + 20 * (uint64_t)i;
		buf_fmt(&b, "<%s>: x\n", text);
		if (i % 2 == 0)
			buf_fmt(&b, "offset=%u\n", 1000 + 20 * i);
		buf_puts(&b, "reason=the same for all of them\n\n");
	}
	join(&x, b.p, b.n, PART_LOG);
	for (i = 0; i < 20000; i++) {
		assert_non_null(x.m.rcpt[i].reply);
		assert_ptr_equal(x.m.rcpt[i].reply, x.m.rcpt[0].reply);
	}
	buf_free(&b);
	finish(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_roles),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_long_line),
	    cmocka_unit_test(test_tail),
	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("postfix_log", tests, NULL, NULL);
}
