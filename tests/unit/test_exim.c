/* spool/exim*.c: -H in all its forms, every kind of damage, msglog lines, the walk over a spool with everything odd in it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "spool/buf.h"
#include "spool/exim_head.h"
#include "spool/exim_log.h"
#include "spool/exim_walk.h"
#include "spool/spool.h"

#define ID "1qDO9M-0003B3-2p"
#define LONG_ID "1qDO9M-00000000B3x-2pQr"
#define TOP ID "-H\nwww-data 33 33\n<Web@Shop.Example>\n1687693404 0\n"
#define OPTIONS "-received_time_usec .878082\n-received_protocol local\n-deliver_firsttime\n"
#define HEADERS "026P Received: by mx.example 1\n014  Subject: test\n034F From: tester <a@nnnnnnnn.example>\n"
#define HEADERS_SIZE (26 + 14 + 34)

/* ---- the parser over memory ---- */

struct parsed {
	struct arena arena, scratch;
	struct msg m;
	struct exim_head h;
	struct buf headers;
	int rc;
};

static int
keep(void *arg, const void *p, size_t n)
{
	buf_add(arg, p, n);
	return 0;
}

static void
parse(struct parsed *out, const char *text, size_t n)
{
	struct rd r;

	memset(out, 0, sizeof *out);
	buf_init(&out->headers, 1 << 20);
	msg_init(&out->m, &out->arena);
	rd_mem(&r, text, n);
	out->rc = exim_head_read(&out->h, &out->m, &r, ID "-H", &out->scratch, keep, &out->headers);
}

static void
drop(struct parsed *p)
{
	arena_free(&p->arena);
	arena_free(&p->scratch);
	buf_free(&p->headers);
}

static int
has_word(const struct msg_list *l, const char *word)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strstr(l->v[i], word) != NULL)
			return 1;
	return 0;
}

static void
test_whole(void **state)
{
	static const char text[] = TOP OPTIONS "XX\n2\na@one.example\n\"odd one\"@Two.Example\n\n" HEADERS;
	struct parsed p;

	(void)state;
	parse(&p, text, sizeof text - 1);
	assert_int_equal(p.rc, 0);
	assert_int_equal(p.m.damage.n, 0);
	assert_int_equal(p.m.notes.n, 0);
	assert_string_equal(p.h.login, "www-data");
	assert_int_equal(p.h.uid, 33);
	assert_string_equal(p.h.sender, "Web@shop.example");
	assert_true(p.h.arrived == INT64_C(1687693404878082));
	assert_string_equal(p.h.protocol, "local");
	assert_true(p.h.is_first && !p.h.is_frozen && p.h.has_options);
	assert_int_equal(p.m.nrcpt, 2);
	assert_string_equal(p.m.rcpt[1].address, "\"odd one\"@two.example");
	assert_int_equal(p.h.live_size, HEADERS_SIZE);
	assert_int_equal(p.headers.n, HEADERS_SIZE);
	drop(&p);
}

/* Upstream's test 0699: handed in by nobody 9999, short id, one recipient. 0910: an unknown line of 20 KB. 1100: a lone backslash at the end. */
static void
test_upstream_cases(void **state)
{
	struct parsed p;
	struct buf b;
	int i;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_puts(&b, ID "-H\nnobody 9999 9999\n<>\n1687693404 0\n-tls_peerdn shop.example\\\n-foo ");
	for (i = 0; i < 20 * 1024; i++)
		buf_byte(&b, 'x');
	buf_puts(&b, "\n-body_linecount 48\n-localerror\n-frozen 1687693405\n-tls_resumption A\nXX\n1\nroot@x.example\n\n" HEADERS);
	parse(&p, b.p, b.n);
	assert_int_equal(p.m.damage.n, 0);
	assert_int_equal(p.m.notes.n, 0);
	assert_string_equal(p.h.login, "nobody");
	assert_int_equal(p.h.uid, 9999);
	assert_string_equal(p.h.sender, "");
	assert_int_equal(p.h.body_lines, 48);
	assert_true(p.h.is_frozen && p.h.is_local_error && !p.h.is_first);
	assert_int_equal(p.m.nrcpt, 1);
	drop(&p);
	buf_free(&b);
}

static void
test_login_line(void **state)
{
	static const struct { const char *line, *login; int64_t uid; } cases[] = {
		{ "a b c 5 6", "a b c", 5 }, { "x -2 -2", "x", -2 }, { " 7 8", "", 7 }, { "5 6", NULL, -1 }, { "me 5", NULL, -1 },
		{ "me 5 x", NULL, -1 }, { "", NULL, -1 }, { "me 99999999999999999999 1", NULL, -1 },
	};
	char text[400];
	struct parsed p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int n = snprintf(text, sizeof text, ID "-H\n%s\n<a@b.example>\n1 0\nXX\n1\nc@d.example\n\n" HEADERS, cases[i].line);

		parse(&p, text, (size_t)n);
		if (cases[i].login == NULL)
			assert_null(p.h.login);
		else
			assert_string_equal(p.h.login, cases[i].login);
		assert_true(p.h.uid == cases[i].uid);
		assert_int_equal(has_word(&p.m.damage, "line 2"), cases[i].login == NULL);
		assert_int_equal(p.m.nrcpt, 1);
		drop(&p);
	}
}

/* Values made from mail look like envelope lines; only their length tells. */
static void
test_variables(void **state)
{
	static const char spoof[] = "-frozen 123\nXX\n1\nliar@evil.example\n\n-auth_id liar\n";
	struct parsed p;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 16);
	buf_puts(&b, TOP "-helo_name one\n");
	buf_fmt(&b, "-aclm _phpscript %zu\n%s\n", sizeof spoof - 1, spoof);
	buf_fmt(&b, "--aclc 0 %zu\n%s\n", sizeof spoof - 1, spoof);
	buf_fmt(&b, "--(mysql)aclm 1 %zu\n%s\n", sizeof spoof - 1, spoof);
	buf_fmt(&b, "-acl 12 %zu\n%s\n", sizeof spoof - 1, spoof);
	buf_puts(&b, "-aclm empty 0\n\n--helo_name two\n--(lsearch)host_name three\n-auth_idx four\n-N\n");
	buf_puts(&b, "XX\n1\na@one.example\n\n" HEADERS);
	parse(&p, b.p, b.n);
	assert_int_equal(p.m.damage.n, 0);
	assert_false(p.h.is_frozen);
	assert_null(p.h.auth_id);
	assert_true(p.h.is_never);
	assert_string_equal(p.h.helo, "two");
	assert_string_equal(p.h.host_name, "three");
	assert_int_equal(p.m.nrcpt, 1);
	assert_string_equal(p.m.rcpt[0].address, "a@one.example");
	drop(&p);
	buf_free(&b);
}

static void
test_recipient_lines(void **state)
{
	static const struct { const char *line, *address; int is_odd; } cases[] = {
		{ "x@y.example", "x@y.example", 0 },
		{ "x@y.example  0,2  0,-1#3", "x@y.example", 0 },
		{ "x@y.example rfc822;orig+2Bu4@x.example 26,28  0,-1#3", "x@y.example", 0 },
		{ "m@z.example  0,0 owner@h.example 15,0#3", "m@z.example", 0 },
		{ "m@z.example owner@h.example 15,0#1", "m@z.example", 0 },
		{ "\"a b 3\"@z.example  0,-1#1", "\"a b 3\"@z.example", 0 },
		{ "m@z.example 7", "m@z.example", 0 },
		{ "m@z.example 1,2,3", "m@z.example", 0 },
		{ "m@[192.0.2.7]", "m@[192.0.2.7]", 0 },
		{ "user7", "user7", 0 },
		{ "m@z.example x 99,-1#1", NULL, 1 },
		{ "m@z.example  0,-1 #3", NULL, 1 },
		{ "m@z.example#3", "m@z.example", 1 },
		{ "#1", NULL, 1 },
		{ "12345", "12345", 0 },
	};
	char text[600];
	struct parsed p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int n = snprintf(text, sizeof text, TOP "XX\n2\n%s\nlast@b.example\n\n" HEADERS, cases[i].line);

		parse(&p, text, (size_t)n);
		assert_int_equal(p.m.nrcpt, 2);
		if (cases[i].address != NULL)
			assert_string_equal(p.m.rcpt[0].address, cases[i].address);
		assert_string_equal(p.m.rcpt[1].address, "last@b.example");
		assert_int_equal(has_word(&p.m.damage, "recipient 1 has odd extensions"), cases[i].is_odd);
		drop(&p);
	}
}

/* Pre-order with letters for the subtrees; an address on it that is no recipient (a child of an alias) counts nowhere. */
static void
test_tree(void **state)
{
	static const char text[] = TOP "YY d@x.example\nYN b@x.example\nNN a@x.example\nNY f@x.example\nNN child@x.example\n4\n"
	    "a@x.example\nc@x.example\nF@x.example\nf@x.example\n\n" HEADERS;
	static const enum rcpt_state want[] = { RCPT_DONE, RCPT_PENDING, RCPT_PENDING, RCPT_DONE };
	struct parsed p;
	size_t i;

	(void)state;
	parse(&p, text, sizeof text - 1);
	assert_int_equal(p.m.damage.n, 0);
	assert_int_equal(p.m.nrcpt, 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(p.m.rcpt[i].state, want[i]);
	assert_int_equal(p.h.live_size, HEADERS_SIZE);
	drop(&p);
}

/* A tree that only ever goes left must cost no stack, and one that lies about its end no more than its lines. */
static void
test_deep_tree(void **state)
{
	struct parsed p;
	struct buf b;
	int i;

	(void)state;
	buf_init(&b, 16 << 20);
	buf_puts(&b, TOP);
	for (i = 0; i < 200000; i++)
		buf_fmt(&b, "YN n%d@x.example\n", i);
	buf_puts(&b, "NN n7@x.example\n1\nn7@x.example\n\n" HEADERS);
	parse(&p, b.p, b.n);
	assert_int_equal(p.m.damage.n, 0);
	assert_int_equal(p.m.rcpt[0].state, RCPT_DONE);
	drop(&p);
	buf_clear(&b);
	buf_puts(&b, TOP "YY n1@x.example\nNN n2@x.example\n1\nn1@x.example\n\n" HEADERS);
	parse(&p, b.p, b.n);
	assert_true(has_word(&p.m.damage, "tree of delivered addresses is broken after 2"));
	assert_int_equal(p.m.nrcpt, 1);
	assert_int_equal(p.h.live_size, HEADERS_SIZE);
	drop(&p);
	buf_clear(&b);	/* as many equal nodes as equal recipients: one look a node, not one a pair */
	buf_puts(&b, TOP);
	for (i = 0; i < 60000; i++)
		buf_puts(&b, "NY n@x.example\n");
	buf_puts(&b, "NN n@x.example\n16384\n");
	for (i = 0; i < 16384; i++)
		buf_puts(&b, "n@x.example\n");
	buf_puts(&b, "\n" HEADERS);
	parse(&p, b.p, b.n);
	assert_int_equal(p.m.nrcpt, 16384);
	for (i = 0; i < 16384; i++)
		assert_int_equal(p.m.rcpt[i].state, RCPT_DONE);
	drop(&p);
	buf_free(&b);
}

static void
test_many_recipients(void **state)
{
	struct parsed p;
	struct buf b;
	int i;

	(void)state;
	buf_init(&b, 1 << 21);
	buf_puts(&b, TOP "NN u9999@x.example\n16385\n");
	for (i = 0; i < 16385; i++)
		buf_fmt(&b, "u%d@x.example\n", i);
	buf_puts(&b, "\n" HEADERS);
	parse(&p, b.p, b.n);
	assert_true(has_word(&p.m.damage, "recipient count 16385 is above"));
	assert_int_equal(p.m.nrcpt, EXIM_RCPT_MAX);
	assert_int_equal(p.m.rcpt[9999].state, RCPT_DONE);
	assert_int_equal(p.m.rcpt[9998].state, RCPT_PENDING);
	assert_int_equal(p.h.live_size, HEADERS_SIZE);
	drop(&p);
	buf_free(&b);
}

static void
test_headers(void **state)
{
	static const char text[] = TOP "XX\n1\na@b.example\n\n"
	    "026P Received: by mx.example 1\n022* Subject: deleted line\n012R Reply-To: x\n019  Subject: a\n folded\n"
	    "011  X-Last: end";
	struct parsed p;

	(void)state;
	parse(&p, text, sizeof text - 1);
	assert_int_equal(p.m.damage.n, 0);
	assert_true(has_word(&p.m.notes, "header 5 has no line end"));
	assert_int_equal(p.h.live_size, 26 + 12 + 19 + 11);
	assert_null(strstr(buf_cstr(&p.headers), "deleted"));
	assert_non_null(strstr(buf_cstr(&p.headers), "Subject: a\n folded\nX-Last: end\n"));
	drop(&p);
}

#define REST "XX\n1\na@b.example\n\n" HEADERS

static const struct {
	const char *text, *word;
	int rcpts, has_size;
	const char *sender;
} damaged[] = {
	{ "", "empty", 0, 0, NULL },
	{ "1qDO9M-0003B3-2q-H\nme 5 6\n<s@x.example>\n1 0\n" REST, "line 1 is not", 1, 1, "s@x.example" },
	{ ID "-D\nme 5 6\n<s@x.example>\n1 0\n" REST, "line 1 is not", 1, 1, "s@x.example" },
	{ ID "-H\nme 5 6\ns@x.example\n1 0\n" REST, "line 3 is not a sender", 1, 1, NULL },
	{ ID "-H\nme 5 6\n<s@x.example>\nnow\n" REST, "line 4 is not", 1, 1, "s@x.example" },
	{ ID "-H\nme 5 6\n<s@x.example>\n999999999999999 0\n" REST, "line 4 is not", 1, 1, "s@x.example" },
	{ ID "-H\nme 5 6\n<s@x.example>\n1 0", "ends in line 4", 0, 0, "s@x.example" },
	{ TOP "-helo_name x", "ends in the options", 0, 0, "Web@shop.example" },
	{ TOP "-aclm x 99999\nabc\n" REST, "variable claims 99999 bytes", 0, 0, "Web@shop.example" },
	{ TOP "-aclm x -5\nabc\n" REST, "variable without a length", 0, 0, "Web@shop.example" },
	{ TOP "-aclm x 9223372036854775807\nabc\n" REST, "variable without a length", 0, 0, "Web@shop.example" },
	{ TOP "-aclm x 2\nabc\n" REST, "does not end there", 0, 0, "Web@shop.example" },
	{ TOP "QQ a@b.example\n1\na@b.example\n\n" HEADERS, "tree of delivered", 1, 1, "Web@shop.example" },
	{ TOP "1\na@b.example\n\n" HEADERS, "tree of delivered", 1, 1, "Web@shop.example" },
	{ TOP "XX\n100000\na@b.example\nc@b.example\nd@b.example\n\n" HEADERS, "recipient count 100000, 3 present", 3, 1, "Web@shop.example" },
	{ TOP "XX\n1\na@b.example\nc@b.example\n\n" HEADERS, "recipient count 1, 2 present", 2, 1, "Web@shop.example" },
	{ TOP "XX\nmany\na@b.example\n\n" HEADERS, "recipient count is not a number", 1, 1, "Web@shop.example" },
	{ TOP "XX\n\n" HEADERS, "no recipients", 0, 1, "Web@shop.example" },
	{ TOP "XX\n1\na@b.example\n" HEADERS, "no blank line", 1, 1, "Web@shop.example" },
	{ TOP "XX\n1\na@b.example\n", "ends in the recipients", 1, 0, "Web@shop.example" },
	{ TOP "XX\n1\na@b.example\n\n", "no headers", 1, 0, "Web@shop.example" },
	{ TOP "XX\n1\na@b.example\n\nReceived: x\n", "header 1 has no length", 1, 0, "Web@shop.example" },
	{ TOP "XX\n1\na@b.example\n\n999999999999  Subject: x\n", "header 1 claims 999999999999 bytes, 11 remain", 1, 0, "Web@shop.example" },
	{ TOP REST "050  Subject: x\n", "header 4 claims 50 bytes, 11 remain", 1, 0, "Web@shop.example" },
	{ TOP REST "010", "header 4 has no length", 1, 0, "Web@shop.example" },
};

static void
test_damage(void **state)
{
	struct parsed p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
		parse(&p, damaged[i].text, strlen(damaged[i].text));
		assert_int_equal(p.rc, 0);
		if (!has_word(&p.m.damage, damaged[i].word))
			fail_msg("case %zu: no \"%s\" but \"%s\"", i, damaged[i].word, p.m.damage.n > 0 ? p.m.damage.v[0] : "nothing");
		if ((int)p.m.nrcpt != damaged[i].rcpts || (p.h.live_size >= 0) != damaged[i].has_size)
			fail_msg("case %zu (%s): %zu recipients, size %lld", i, damaged[i].word, p.m.nrcpt, (long long)p.h.live_size);
		if (damaged[i].sender != NULL)
			assert_string_equal(p.h.sender, damaged[i].sender);
		else
			assert_null(p.h.sender);
		drop(&p);
	}
}

/* Cut anywhere, only two kinds of place can pass: between two headers (Exim does not see it either) and nowhere else. */
static void
test_cut_everywhere(void **state)
{
	static const char text[] = TOP OPTIONS "-aclm x 3\nabc\nNY a@b.example\nNN c@b.example\n2\na@b.example\nd@b.example  0,2  0,-1#3\n\n"
	    HEADERS;
	const size_t whole = sizeof text - 1;
	const size_t edges[] = { whole, whole - 39, whole - 58 };
	struct parsed p;
	size_t n, i;

	(void)state;
	for (n = 0; n <= whole; n++) {
		char *copy = malloc(n + 1);	/* its own block: a byte too far is seen by the sanitizer */
		int is_edge = 0;

		assert_non_null(copy);
		memcpy(copy, text, n);
		parse(&p, copy, n);
		for (i = 0; i < 3; i++)
			is_edge |= n == edges[i];
		if ((p.m.damage.n == 0) != is_edge)
			fail_msg("cut at %zu: damage %s", n, p.m.damage.n > 0 ? p.m.damage.v[0] : "none");
		drop(&p);
		free(copy);
	}
}

static void
test_nul(void **state)
{
	char text[] = TOP REST "012  X-Last: end\n            ";
	struct parsed p;

	(void)state;
	memset(text + sizeof text - 13, 0, 12);
	parse(&p, text, sizeof text - 1);
	assert_true(has_word(&p.m.damage, "NUL bytes in place of header 5"));
	assert_int_equal(p.h.live_size, -1);
	drop(&p);
	memset(strstr(text, "X-Last"), 0, 3);
	parse(&p, text, sizeof text - 1);
	assert_true(has_word(&p.m.damage, "NUL in header 4"));
	assert_int_equal(p.m.nrcpt, 1);
	drop(&p);
}

/* ---- msglog ---- */

#define AT "2026-01-02 03:04:05 "

static const struct {
	const char *line, *address, *text;
	int is_weak;
} log_line[] = {
	{ AT "x@y.example R=dnslookup T=remote_smtp defer (-44) H=mx.y.example [192.0.2.1]:25: SMTP error from remote mail server after "
	    "RCPT TO:<x@y.example>: 450 4.2.0 Greylisted", "x@y.example", "450 4.2.0 Greylisted", 0 },
	{ "2026-01-02 03:04:05.678 +0100 x@y.example R=r T=t defer (111): Connection refused", "x@y.example", "Connection refused", 0 },
	{ AT "x@y.example R=r T=t defer (110) H=mx [192.0.2.1]:25: Connection timed out: SMTP timeout after initial connection",
	    "x@y.example", "Connection timed out: SMTP timeout after initial connection", 0 },
	{ AT "H=mx [192.0.2.1] SMTP error from remote mail server after RCPT TO:<x@y.example>: 451 later", "x@y.example", "451 later", 0 },
	{ AT "H=mx [192.0.2.1] SMTP error from remote mail server after initial connection: 554 no", NULL, NULL, 0 },
	{ AT "x@y.example R=r T=t H=mx [192.0.2.1]:25 X=TLS1.3:AES:256 CV=yes: SMTP error from remote mail server after end of data: 550 spam: no",
	    "x@y.example", "550 spam: no", 0 },
	{ AT "x@y.example R=r T=t defer (-46): SMTP error from remote mail server after end of data: host mx [192.0.2.1]: 451 old form",
	    "x@y.example", "451 old form", 0 },
	{ AT "child@z.example (mid@y.example) <x@y.example> R=r T=t defer (-45): SMTP error from remote mail server after MAIL FROM:<> "
	    "SIZE=99: 451 a\\n451 \\320\\277", "x@y.example", "451 a\n451 \xd0\xbf", 0 },
	{ AT "\"odd: part\"@y.example R=r defer (-1): host lookup did not complete", "\"odd: part\"@y.example", "host lookup did not complete", 0 },
	{ AT "x@y.example R=r T=t defer (-53): retry time not reached for any host", "x@y.example", "retry time not reached for any host", 1 },
	{ AT "x@y.example: retry timeout exceeded", "x@y.example", "retry timeout exceeded", 1 },
	{ AT "x@y.example: local_delivery transport succeeded", "x@y.example", "", 1 },
	{ AT "child@y.example <x@y.example>: remote_smtp transport succeeded", "x@y.example", "", 1 },
	{ AT "x@y.example: children all complete", "x@y.example", "", 1 },
	{ AT "x@y.example R=r defer (-1): nobody succeeded", "x@y.example", "nobody succeeded", 0 },
	{ AT "*** Frozen (delivery error message)", NULL, NULL, 0 },
	{ AT "Received from x@y.example H=a [192.0.2.1] P=esmtp S=1 T=\"a: defer (-1): b\"", NULL, NULL, 0 },
	{ "x@y.example R=r defer (-1): no stamp", NULL, NULL, 0 },
	{ AT "x@y.example R=r defer (-1)", NULL, NULL, 0 },
	{ AT, NULL, NULL, 0 },
	{ "", NULL, NULL, 0 },
};

static void
test_log_lines(void **state)
{
	struct exim_reply reply;
	struct arena a = { 0 };
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof log_line / sizeof log_line[0]; i++) {
		int got = exim_log_line(&reply, (const unsigned char *)log_line[i].line, strlen(log_line[i].line));

		if (got != (log_line[i].text != NULL))
			fail_msg("line %zu: %d", i, got);
		if (!got)
			continue;
		n = strlen(log_line[i].address);
		assert_int_equal(reply.naddress, n);
		assert_memory_equal(reply.address, log_line[i].address, n);
		assert_string_equal(exim_log_text(&a, reply.text, reply.ntext), log_line[i].text);
		assert_int_equal(reply.is_weak, log_line[i].is_weak);
		assert_int_equal(reply.is_success, log_line[i].text[0] == '\0');
	}
	arena_free(&a);
}

static void
test_log_escapes(void **state)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "a\\r\\nb", "a\nb" }, { "a\\", "a\\" }, { "\\777", "\\777" }, { "\\32", "\\32" }, { "a\\n", "a" }, { "C:\\x", "C:\\x" },
		{ "\\303\\266", "\xc3\xb6" },
	};
	struct arena a = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(exim_log_text(&a, (const unsigned char *)cases[i].in, strlen(cases[i].in)), cases[i].out);
	arena_free(&a);
}

static void
count_reply(void *arg, const struct exim_reply *reply)
{
	int *last = arg;

	*last = (int)reply->text[0];
}

/* Only the tail of a long log is read, whole lines of it, and the last word is the newest. */
static void
test_log_tail(void **state)
{
	struct buf b;
	struct rd r;
	int last = 0;

	(void)state;
	buf_init(&b, 4 << 20);
	while (b.n < 300 * 1024)
		buf_puts(&b, AT "x@y.example R=r defer (-1): old\n");
	buf_puts(&b, AT "x@y.example R=r defer (-1): new\n");
	rd_mem(&r, b.p, b.n);
	assert_int_equal(exim_log_read(&r, count_reply, &last), 1);
	assert_int_equal(last, 'n');
	last = 0;
	rd_mem(&r, b.p, strlen(AT "x@y.example R=r defer (-1): old\n"));
	assert_int_equal(exim_log_read(&r, count_reply, &last), 0);
	assert_int_equal(last, 'o');
	buf_free(&b);
}

/* ---- a spool on disk ---- */

static char root[64];

static const char *
at(const char *path)
{
	static char full[512];

	snprintf(full, sizeof full, "%s/%s", root, path);
	return full;
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(at(path), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static void
put_message(const char *dir, const char *id, const char *options)
{
	char path[300], text[2000];

	snprintf(path, sizeof path, "%s/%s-D", dir, id);
	snprintf(text, sizeof text, "%s-D\nbody\n", id);
	put(path, text);
	snprintf(path, sizeof path, "%s/%s-H", dir, id);
	snprintf(text, sizeof text, "%s-H\nanna 1000 1000\n<anna@x.example>\n1687693404 0\n%sXX\n2\na@b.example\nc@b.example\n\n" HEADERS, id,
	    options);
	put(path, text);
}

static int
make_root(void **state)
{
	static const char *const dir[] = {
		"", "input", "input/A", "input/M", "msglog", "msglog/M", "db", "scan", ("scan/" ID), "lists", "lists/input", "lists/msglog", "lists/input/x",
		"a", "a/b", "a/b/input", "Finput", "Finput/M", "Fmsglog", ".spoolsweep", ".spoolsweep/input", "tls"
	};
	size_t i;

	(void)state;
	snprintf(root, sizeof root, "/tmp/spoolsweep-exim-XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	for (i = 1; i < sizeof dir / sizeof dir[0]; i++)
		if (mkdir(at(dir[i]), 0750) < 0)
			return -1;
	return 0;
}

static int
drop_root(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	return system(command) == 0 ? 0 : -1;
}

/* A walk with everything read: one line a message, sorted by nothing, looked up by queue and id. */
struct walked {
	struct spool *sp;
	struct spool_reader *r;
	struct arena items, text;
	struct spool_item item[64];
	struct msg m[64];
	size_t n;
};

static void
walk(struct walked *w)
{
	char arg[80];
	struct err e;

	memset(w, 0, sizeof *w);
	snprintf(arg, sizeof arg, "exim:%s", root);
	assert_int_equal(spool_open(&w->sp, arg, NULL, &e), 0);
	assert_int_equal(spool_begin(w->sp, &e), 0);
	w->r = spool_reader_new(w->sp);
	while (w->n < 64 && spool_next(&w->item[w->n], w->sp, &w->items, &e) == 1) {
		assert_int_equal(spool_read(&w->m[w->n], w->r, &w->item[w->n], &w->text, &e), 0);
		w->n++;
	}
}

static void
unwalk(struct walked *w)
{
	spool_reader_free(w->r);
	spool_close(w->sp);
	arena_free(&w->items);
	arena_free(&w->text);
}

static size_t
where(const struct walked *w, const char *queue, const char *id)
{
	size_t i, found = w->n;

	for (i = 0; i < w->n; i++)
		if (strcmp(w->m[i].queue, queue) == 0 && strcmp(w->m[i].id, id) == 0) {
			assert_true(found == w->n);	/* no message twice */
			found = i;
		}
	assert_true(found < w->n);
	return found;
}

static struct msg *
msg_of(struct walked *w, const char *queue, const char *id)
{
	return &w->m[where(w, queue, id)];
}

static int
is_unknown(const struct spool *sp, const char *queue)
{
	size_t i;

	for (i = 0; i < sp->nunknown; i++)
		if (strcmp(sp->unknown[i].queue, queue) == 0)
			return 1;
	return 0;
}

static void
test_places(void **state)
{
	struct walked w;
	struct msg *m;

	(void)state;
	put_message("input", "1qDO9A-0003B3-01", "-received_protocol local\n-auth_id anna\n-deliver_firsttime\n");
	put_message("input/M", LONG_ID, "-received_protocol esmtpsa\n-host_auth login\n-auth_id Anna@X.example\n-host_address [::ffff:192.0.2.9]:4711\n");
	put_message("lists/input/x", "1qDO9x-0003B3-02", "-received_protocol esmtp\n-host_address 192.0.2.9.4711\n-host_name h.example\n-ident joe\n");
	put_message("a/b/input", "1qDO9x-0003B3-03", "-received_protocol utf8esmtpa\n");
	put_message("Finput/M", "1qDO9M-0003B3-04", "");
	put_message(".spoolsweep/input", "1qDO9M-0003B3-05", "");
	put("Fmsglog/1qDO9M-0003B3-04", AT "a@b.example R=r defer (-1): moved\n");
	put("input/M/" LONG_ID "-J", "c@b.example\nnobody@b.example\n");
	put("msglog/" LONG_ID, AT "A@B.example R=r defer (-44): SMTP error from remote mail server after DATA: 451 wait\n"
	    AT "a@b.example R=r defer (-53): retry time not reached\n" AT "c@b.example R=r defer (-1): late\n"
	    AT "c@b.example: remote_smtp transport succeeded\n" AT "a@b.example: remote_smtp transport succeeded\n");
	put("input/hdr." LONG_ID, "x");
	put("input/M/" LONG_ID "-K", "x");
	put("scan/" ID "/" ID ".eml", "x");
	put("msglog/1qDO9M-0003B3-0z", "alone");
	put("input/1qDO9M-0003B3-0y-J", "alone@x.example\n");
	put("input/README", "no message");
	put("input/1qDO9M-0003B3-0-H", "no id");
	walk(&w);
	assert_int_equal(w.n, 5);
	assert_int_equal(w.sp->nunknown, 0);
	assert_int_equal(w.sp->stats.orphans, 0);
	assert_int_equal(w.sp->stats.files, 5 * 2 + 1 + 2 + 2 + 1 + 1);

	m = msg_of(&w, "", "1qDO9A-0003B3-01");
	assert_int_equal(m->state, MSG_QUEUED);
	assert_int_equal(m->account_kind, ACCOUNT_LOCAL);
	assert_string_equal(m->account, "anna");
	assert_null(m->auth);
	assert_int_equal(m->uid, 1000);
	assert_int_equal(m->size, HEADERS_SIZE + 5 + 1);
	assert_true(m->arrived == INT64_C(1687693404000000) && !m->arrived_fraction);

	m = msg_of(&w, "", LONG_ID);
	assert_int_equal(m->state, MSG_DEFERRED);
	assert_int_equal(m->account_kind, ACCOUNT_AUTH);
	assert_string_equal(m->client, "192.0.2.9");
	assert_null(m->local_user);
	assert_int_equal(m->uid, -1);
	assert_int_equal(m->pending, 1);
	assert_int_equal(m->rcpt[1].state, RCPT_DONE);
	assert_string_equal(m->rcpt[0].reply, "451 wait");
	assert_null(m->rcpt[1].reply);		/* what was overcome is no reason */
	assert_string_equal(m->reason, "451 wait");
	assert_int_equal(m->size, HEADERS_SIZE + 5 + 1);
	assert_int_equal(m->parts.n, 6);
	assert_int_equal(m->parts.v[0].role, PART_ENVELOPE);
	assert_int_equal(m->parts.v[1].role, PART_MESSAGE);
	assert_int_equal(m->parts.v[2].role, PART_JOURNAL);
	assert_string_equal(m->parts.v[3].dir, "msglog");
	assert_string_equal(m->parts.v[4].name, "hdr." LONG_ID);

	m = msg_of(&w, "lists", "1qDO9x-0003B3-02");
	assert_int_equal(m->account_kind, ACCOUNT_CLIENT);
	assert_string_equal(m->account, "192.0.2.9");
	assert_true(has_word(&m->notes, "ident says joe"));
	m = msg_of(&w, "a/b", "1qDO9x-0003B3-03");
	assert_string_equal(m->protocol, "utf8esmtpa");
	assert_int_equal(m->account_kind, ACCOUNT_LOCAL);	/* no host: a program here, whatever -oMr said */
	m = msg_of(&w, "Finput", "1qDO9M-0003B3-04");
	assert_int_equal(m->state, MSG_FROZEN);
	assert_string_equal(m->reason, "moved");
	unwalk(&w);
}

static void
test_oddities(void **state)
{
	char other[512];
	struct walked w;
	struct msg *m;

	(void)state;
	put_message("input", "1qDO9M-0003B3-01", "");
	put_message("input/M", "1qDO9M-0003B3-01", "");			/* in both places */
	put_message("input", "1qDO9M-0003B3-02", "");
	assert_int_equal(unlink(at("input/1qDO9M-0003B3-02-D")), 0);	/* -H without -D */
	put("input/A/1qDO9A-0003B3-03-D", "1qDO9A-0003B3-03-D\nin reception\n");
	put_message("input", "1qDO9M-0003B3-04", "");
	assert_int_equal(unlink(at("input/1qDO9M-0003B3-04-D")), 0);
	assert_int_equal(symlink("/etc/passwd", at("input/1qDO9M-0003B3-04-D")), 0);
	assert_int_equal(symlink("/etc/passwd", at("input/1qDO9M-0003B3-05-H")), 0);
	assert_int_equal(mkfifo(at("input/1qDO9M-0003B3-06-H"), 0600), 0);
	put("input/1qDO9M-0003B3-06-D", "1qDO9M-0003B3-06-D\n");
	put_message("input", "1qDO9M-0003B3-07", "");
	put("input/1qDO9M-0003B3-07-D", "1qDO9M");
	put("input/1qDO9M-0003B3-08-H", "");
	put("input/1qDO9M-0003B3-08-D", "1qDO9M-0003B3-08-D\n");
	put_message("input", "1qDO9M-0003B3-09", "");
	snprintf(other, sizeof other, "%s", at("input/keep"));
	assert_int_equal(link(at("input/1qDO9M-0003B3-09-D"), other), 0);
	assert_int_equal(symlink("input", at("elsewhere")), 0);
	assert_int_equal(symlink("/etc", at("lists/input/y")), 0);
	assert_int_equal(mkdir(at("input/1qDO9M-0003B3-0a-H"), 0700), 0);
	walk(&w);
	assert_int_equal(w.n, 8);
	assert_int_equal(w.sp->stats.orphans, 2);
	assert_int_equal(w.sp->stats.odd, 4);
	assert_true(is_unknown(w.sp, "lists") && is_unknown(w.sp, "elsewhere") && !is_unknown(w.sp, ""));

	m = msg_of(&w, "", "1qDO9M-0003B3-01");
	assert_true(has_word(&m->damage, "a second -H") && has_word(&m->damage, "a second -D"));
	assert_int_equal(m->parts.n, 4);
	m = msg_of(&w, "", "1qDO9M-0003B3-02");
	assert_true(has_word(&m->damage, "no -D"));
	assert_int_equal(m->size, -1);
	assert_int_equal(m->recipients, 2);
	m = msg_of(&w, "", "1qDO9A-0003B3-03");
	assert_true(has_word(&m->damage, "no -H"));
	assert_int_equal(m->state, MSG_INCOMPLETE);
	assert_null(m->sender);
	assert_true(m->arrived == INT64_C(1687693392000000));
	assert_true(has_word(&msg_of(&w, "", "1qDO9M-0003B3-04")->damage, "-D is not a regular file"));
	m = msg_of(&w, "", "1qDO9M-0003B3-06");
	assert_true(has_word(&m->damage, "-H is not a regular file"));
	assert_int_equal(m->state, MSG_CORRUPT);
	assert_true(has_word(&msg_of(&w, "", "1qDO9M-0003B3-07")->damage, "shorter than its id line"));
	m = msg_of(&w, "", "1qDO9M-0003B3-08");
	assert_true(has_word(&m->damage, "-H: empty"));
	assert_int_equal(m->state, MSG_CORRUPT);
	assert_true(m->arrived == INT64_C(1687693404000000));
	m = msg_of(&w, "", "1qDO9M-0003B3-09");
	assert_int_equal(m->damage.n, 0);
	assert_true(has_word(&m->notes, "-D has 2 links"));
	unwalk(&w);
}

/* look and find must tell what read told; what left meanwhile is neither damage nor a message. */
static void
test_look_and_find(void **state)
{
	const uint64_t key[2] = { 3, 4 };
	struct spool_item found;
	struct part_list list;
	struct walked w;
	struct msg m;
	struct err e;
	size_t i;

	(void)state;
	put_message("input", "1qDO9M-0003B3-01", "");
	put_message("input/M", "1qDO9M-0003B3-02", "");
	put_message("lists/input", "1qDO9M-0003B3-03", "");
	put("msglog/M/1qDO9M-0003B3-02", "x\n");
	put("input/1qDO9M-0003B3-02-K", "x\n");
	put("input/1qDO9M-0003B3-04-D", "1qDO9M-0003B3-04-D\n");
	walk(&w);
	assert_int_equal(w.n, 4);
	for (i = 0; i < w.n; i++) {
		const struct spool_item *it = &w.item[i];

		assert_int_equal(spool_exim.look(&list, w.sp, w.r, it), 0);
		assert_true(part_fingerprint(&list, it->queue, it->id, key) == part_fingerprint(&w.m[i].parts, it->queue, it->id, key));
		assert_int_equal(spool_exim.find(&found, w.sp, w.r, &w.text, it->queue, it->id,
		    spool_path(&w.text, it->parts.v[0].dir, it->parts.v[0].name), &e), 1);
		assert_int_equal(found.parts.n, it->parts.n);
		assert_int_equal(found.flags, it->flags);
		assert_int_equal(found.is_orphan, it->is_orphan);
	}
	assert_int_equal(spool_exim.find(&found, w.sp, w.r, &w.text, "", "../../etc/pass-H", "x", &e), 0);
	assert_int_equal(spool_exim.find(&found, w.sp, w.r, &w.text, "gone", "1qDO9M-0003B3-03", NULL, &e), 1);
	assert_string_equal(found.queue, "lists");

	i = where(&w, "", "1qDO9M-0003B3-01");
	assert_int_equal(unlink(at("input/1qDO9M-0003B3-01-H")), 0);
	assert_int_equal(unlink(at("input/1qDO9M-0003B3-01-D")), 0);
	assert_int_equal(spool_exim.look(&list, w.sp, w.r, &w.item[i]), -1);
	assert_int_equal(spool_read(&m, w.r, &w.item[i], &w.text, &e), 0);
	assert_true(m.is_taken_mid_way);
	assert_int_equal(m.damage.n, 0);

	/* reception ended between the walk and the read */
	i = where(&w, "", "1qDO9M-0003B3-04");
	put_message("input", "1qDO9M-0003B3-04", "-deliver_firsttime\n");
	assert_int_equal(spool_read(&m, w.r, &w.item[i], &w.text, &e), 0);
	assert_int_equal(m.damage.n, 0);
	assert_int_equal(m.state, MSG_QUEUED);

	/* moved to a named queue meanwhile */
	i = where(&w, "", "1qDO9M-0003B3-02");
	put_message("lists/input", "1qDO9M-0003B3-02", "");
	assert_int_equal(unlink(at("input/M/1qDO9M-0003B3-02-H")), 0);
	assert_int_equal(unlink(at("input/M/1qDO9M-0003B3-02-D")), 0);
	assert_int_equal(spool_read(&m, w.r, &w.item[i], &w.text, &e), 0);
	assert_false(m.is_taken_mid_way);
	assert_string_equal(m.queue, "lists");
	unwalk(&w);
}

static int
keep_log(void *arg, const void *p, size_t n)
{
	buf_add(arg, p, n);
	return 0;
}

static int
refuse(void *arg, const void *p, size_t n)
{
	(void)p;
	(void)n;
	(void)arg;
	return -1;
}

static void
test_show(void **state)
{
	struct walked w;
	struct buf b;
	struct err e;

	(void)state;
	put_message("input", "1qDO9M-0003B3-01", "");
	put("msglog/1qDO9M-0003B3-01", AT "Received from x\n");
	walk(&w);
	assert_int_equal(w.n, 1);
	buf_init(&b, 1 << 16);
	assert_int_equal(spool_exim.headers(w.sp, w.r, &w.item[0], keep_log, &b, &e), 0);
	assert_non_null(strstr(buf_cstr(&b), "\nSubject: test\nFrom: "));
	assert_int_equal(spool_exim.headers(w.sp, w.r, &w.item[0], refuse, NULL, &e), -1);
	buf_clear(&b);
	assert_int_equal(spool_exim.log(w.sp, w.r, &w.item[0], keep_log, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), AT "Received from x\n");
	buf_free(&b);
	unwalk(&w);
}

static int
probed(void)
{
	struct sys_dir *d;
	struct err e;
	int sure;

	assert_int_equal(sys_dir_open(&d, root, &e), 0);
	sure = spool_exim.probe(d);
	sys_dir_close(d);
	return sure;
}

static void
test_probe(void **state)
{
	(void)state;
	assert_true(probed() >= 50);		/* empty and fresh */
	put_message("input/M", "1qDO9M-0003B3-01", "");
	assert_true(probed() > 80);
	assert_int_equal(rmdir(at("db")), 0);	/* a copy without the rest */
	assert_int_equal(rmdir(at("msglog/M")), 0);
	assert_int_equal(rmdir(at("msglog")), 0);
	assert_true(probed() > 80);
	assert_int_equal(unlink(at("input/M/1qDO9M-0003B3-01-H")), 0);
	assert_int_equal(unlink(at("input/M/1qDO9M-0003B3-01-D")), 0);
	assert_true(probed() < 50);
	assert_int_equal(mkdir(at("msglog"), 0700), 0);
	assert_true(probed() >= 50);
	assert_int_equal(mkdir(at("active"), 0700), 0);
	assert_int_equal(mkdir(at("deferred"), 0700), 0);
	assert_int_equal(probed(), 0);		/* Postfix, whatever else lies there */
}

/* A missing input/ is not an empty queue. */
static void
test_no_input(void **state)
{
	struct walked w;

	(void)state;
	assert_int_equal(rmdir(at("input/A")), 0);
	assert_int_equal(rmdir(at("input/M")), 0);
	assert_int_equal(rmdir(at("input")), 0);
	walk(&w);
	assert_true(is_unknown(w.sp, ""));
	unwalk(&w);
	assert_int_equal(symlink("lists/input", at("input")), 0);
	walk(&w);
	assert_true(is_unknown(w.sp, ""));
	unwalk(&w);
}

#define on_disk(f) cmocka_unit_test_setup_teardown(f, make_root, drop_root)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_upstream_cases),
		cmocka_unit_test(test_login_line),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_recipient_lines),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_deep_tree),
		cmocka_unit_test(test_many_recipients),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_log_lines),
		cmocka_unit_test(test_log_escapes),
		cmocka_unit_test(test_log_tail),
		on_disk(test_places),
		on_disk(test_oddities),
		on_disk(test_look_and_find),
		on_disk(test_show),
		on_disk(test_probe),
		on_disk(test_no_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
