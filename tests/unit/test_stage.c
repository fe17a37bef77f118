/* Records of messages on their way to the index, also read back from a disk (index/stage.c), and sums over them (index/partial.c). */
#include "unit.h"

#include <stdlib.h>

#include "index/contents_in.h"
#include "index/partial.h"
#include "index/stage.h"
#include "spool/sys.h"

static struct arena arena;

/* One message with everything that a record can have. */
static void
encode(struct buf *b)
{
	struct msg m;

	msg_init(&m, &arena);
	m.queue = "deferred";
	m.id = "4bXYZ31wHkz1P";
	m.sender = "a@shop.example";
	m.state = MSG_DEFERRED;
	m.arrived = INT64_C(1790000000000000);
	m.account_kind = ACCOUNT_AUTH;
	m.account = "Info@Shop.example";
	m.account_key = "info@shop.example";
	m.domain = "shop.example";
	m.subject = "Gr\xc3\xbc\xc3\x9f""e";
	m.reason = "blocked using zen.spamhaus.org";
	msg_rcpt(&m, "b@one.example", RCPT_PENDING)->reply = "blocked";
	msg_rcpt(&m, "c@two.example", RCPT_DONE)->reply = "blocked";
	msg_damage(&m, "a \"quoted\" mark");
	buf_init(b, (size_t)1 << 20);
	stage_encode(b, &m, 42, 0, NULL);
}

/* stage_encode writes the length before the record. */
static const unsigned char *
record_of(size_t *n, struct buf *b)
{
	*n = b->n - sizeof(uint32_t);
	return (const unsigned char *)b->p + sizeof(uint32_t);
}

static void
test_round(void **state)
{
	struct stage *s = stage_pipe();
	struct staged m;
	struct buf b;
	size_t n;
	const unsigned char *record;

	(void)state;
	encode(&b);
	record = record_of(&n, &b);
	assert_int_equal(stage_decode(&m, s, record, n), 0);
	assert_true(m.fp == 42 && !m.unreadable && m.msg.state == MSG_DEFERRED && m.msg.nrcpt == 2);
	assert_string_equal(m.msg.id, "4bXYZ31wHkz1P");
	assert_string_equal(m.msg.account_key, "info@shop.example");
	assert_string_equal(m.msg.rcpt[1].address, "c@two.example");
	assert_string_equal(m.damage, "[\"a \\\"quoted\\\" mark\"]");
	assert_null(m.notes);
	buf_free(&b);
	stage_free(s);
}

/* Cut at any byte, or with any four bytes turned into a huge number or into nothing: refused or read within its bounds, which ASan watches. */
static void
test_damage(void **state)
{
	static const unsigned char huge[4] = { 0xff, 0xff, 0xff, 0xff }, none[4] = { 0, 0, 0, 0 };
	struct stage *s = stage_pipe();
	struct staged m;
	struct buf b;
	unsigned char *copy;
	const unsigned char *record;
	size_t n, i;
	int refused = 0;

	(void)state;
	encode(&b);
	record = record_of(&n, &b);
	for (i = 0; i < n; i++) {
		copy = mem_new(i + 1);	/* of its own, so that one byte too many is seen */
		memcpy(copy, record, i);
		assert_int_equal(stage_decode(&m, s, copy, i), -1);
		free(copy);
	}
	for (i = 0; i + 4 <= n; i++) {
		copy = mem_new(n);
		memcpy(copy, record, n);
		memcpy(copy + i, huge, 4);
		refused += stage_decode(&m, s, copy, n) < 0;
		memcpy(copy + i, none, 4);
		refused += stage_decode(&m, s, copy, n) < 0;
		free(copy);
	}
	assert_true(refused > 100);
	buf_free(&b);
	stage_free(s);
}

/* One body with everything that its record can have. */
static void
encode_body(struct buf *b)
{
	static const char *host[] = { "shop.example", "bit.example" };
	static const uint32_t print[] = { 1, 0xffffffff, 3 };
	static const struct dsn_rcpt reply[] = { { "b@one.example", "550 no" }, { NULL, "451 later" } };
	struct body_part part[] = {
		{ .type = "multipart/mixed", .size = -1 },
		{ .depth = 1, .type = "application/pdf", .name = "invoice.pdf", .encoding = "base64", .detected = "application/zip", .size = 77,
		    .sha256 = { 1, 2, 3 }, .has_sha256 = 1, .is_attachment = 1 }
	};
	const struct body body = {
		.state = CONTENTS_PARTLY, .part = part, .nparts = 2, .host = host, .nhosts = 2, .reply = reply, .nreplies = 2,
		.notes = "[\"cut\"]", .print = print, .nprint = 3, .flags = BODY_LIES
	};

	buf_init(b, (size_t)1 << 20);
	body_encode(b, &body);
}

static void
test_body_round(void **state)
{
	struct body out;
	struct buf b;

	(void)state;
	encode_body(&b);
	assert_int_equal(body_decode(&out, &arena, b.p, b.n), 0);
	assert_true(out.state == CONTENTS_PARTLY && out.flags == BODY_LIES && out.nparts == 2 && out.nhosts == 2 && out.nreplies == 2);
	assert_string_equal(out.notes, "[\"cut\"]");
	assert_true(out.nprint == 3 && out.print[0] == 1 && out.print[1] == 0xffffffff && out.print[2] == 3);
	assert_true(out.part[0].size == -1 && out.part[0].name == NULL && !out.part[0].has_sha256 && !out.part[0].is_attachment);
	assert_string_equal(out.part[1].name, "invoice.pdf");
	assert_string_equal(out.part[1].detected, "application/zip");
	assert_true(out.part[1].depth == 1 && out.part[1].size == 77 && out.part[1].has_sha256 && out.part[1].is_attachment);
	assert_true(out.part[1].sha256[0] == 1 && out.part[1].sha256[2] == 3 && out.part[1].sha256[31] == 0);
	assert_string_equal(out.host[1], "bit.example");
	assert_null(out.reply[1].address);
	assert_string_equal(out.reply[1].reply, "451 later");
	buf_free(&b);
}

/* The row of its print is told behind the record, and the print goes or stays; what stands before it in the buffer is left alone. */
static void
test_body_told(void **state)
{
	struct body out;
	struct buf b, before;
	size_t n;
	int has_print;

	(void)state;
	for (has_print = 0; has_print < 2; has_print++) {
		encode_body(&before);
		encode_body(&b);
		n = b.n;
		buf_add(&b, before.p, n);
		body_tell(&b, n, INT64_C(0x123456789), has_print);
		assert_memory_equal(b.p, before.p, n);
		assert_int_equal(body_decode(&out, &arena, b.p + n, b.n - n), 0);
		assert_true(out.print_row == INT64_C(0x123456789) && out.nprint == (has_print ? 3u : 0u));
		assert_int_equal(b.n, 2 * n - (has_print ? 0 : 3 * sizeof *out.print));
		assert_string_equal(out.reply[1].reply, "451 later");
		assert_int_equal(body_decode(&out, &arena, b.p, n), 0);
		assert_true(out.print_row == 0 && out.nprint == 3);
		buf_free(&b);
		buf_free(&before);
	}
}

struct drain {
	struct stage *s;
	uint64_t next;	/* fp of the record that is next */
};

static void
drain_run(void *arg)
{
	struct drain *d = arg;
	struct staged m;
	struct err e;

	while (stage_next(&m, d->s, &e) == 1 && m.fp == d->next)
		d->next++;
}

/* What is held back comes in order, whether it stays below what is to be held, reaches it or goes far above what a pipe takes. */
static void
test_hold(void **state)
{
	static const size_t hold[] = { 0, 1, 1000, 300000, (size_t)1 << 20, (size_t)1 << 30 };
	struct sys_thread *t;
	struct drain d;
	struct err e;
	struct msg m;
	struct buf b;
	uint64_t fp;
	size_t i;

	(void)state;
	msg_init(&m, &arena);
	m.queue = "deferred";
	m.id = "4bXYZ31wHkz1P";
	for (i = 0; i < sizeof hold / sizeof hold[0]; i++) {
		memset(&d, 0, sizeof d);
		d.s = stage_pipe();
		stage_hold(d.s, hold[i]);
		assert_int_equal(sys_thread_start(&t, drain_run, &d, &e), 0);
		buf_init(&b, (size_t)1 << 20);
		for (fp = 0; fp < 40000; fp++) {
			stage_encode(&b, &m, fp, 0, NULL);
			if (fp % 100 == 99)
				assert_int_equal(stage_add(d.s, &b, &e), 0);
		}
		assert_int_equal(stage_end(d.s, &e), 0);
		sys_thread_join(t);
		assert_int_equal(d.next, 40000);
		buf_free(&b);
		stage_free(d.s);
	}
}

static const char long_reply[] = "421 4.7.0 Messages from 198.51.100.25 temporarily deferred; see https://mail.example/a";
static const char other_reply[] = "421 4.7.0 Messages from 198.51.100.26 temporarily deferred; see https://mail.example/a";

/* Message number i: its answers are long, and most are those of the messages before it. */
static void
make_common(struct msg *m, unsigned i)
{
	struct rcpt *r;

	arena_reset(&arena);
	msg_init(m, &arena);
	m->queue = "deferred";
	m->id = arena_fmt(&arena, "4bXYZ31wHkz%u", i);
	m->reason = i % 3 != 0 ? long_reply : other_reply;
	r = msg_rcpt(m, "b@one.example", RCPT_PENDING);
	r->domain = "one.example";
	r->reply = long_reply;
	r = msg_rcpt(m, "c@TWO.example", RCPT_DONE);
	r->domain = "two.example";
	r->reply = i % 2 != 0 ? other_reply : NULL;
	r = msg_rcpt(m, "root", RCPT_PENDING);
	r->domain = NULL;
	r->reply = arena_fmt(&arena, "%s; %u", long_reply, i);
	r = msg_rcpt(m, "\"d@e\"@three.example", RCPT_PENDING);
	r->domain = "three.example";
	r->reply = long_reply;
}

static void
assert_same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a != NULL)
		assert_string_equal(a, b);
}

/* Answers that stand in the buffer already are pointed to; each message comes out as it went in, also behind an emptied buffer. */
static void
test_common(void **state)
{
	struct stage *s = stage_pipe();
	struct stage_seen seen = { { 0 } };
	struct staged got;
	struct msg m;
	struct buf b, alone;
	struct err e;
	unsigned i, k;

	(void)state;
	buf_init(&b, (size_t)1 << 20);
	buf_init(&alone, (size_t)1 << 20);
	for (i = 0; i < 200; i++) {
		make_common(&m, i);
		stage_encode(&b, &m, i, 0, &seen);
		stage_encode(&alone, &m, i, 0, NULL);
		if (i == 98)
			assert_true(b.n + 99 * 200 < alone.n);
		if (i % 99 == 98)
			assert_int_equal(stage_add(s, &b, &e), 0);
	}
	assert_int_equal(stage_add(s, &b, &e), 0);
	assert_int_equal(stage_end(s, &e), 0);
	for (i = 0; i < 200; i++) {
		assert_int_equal(stage_next(&got, s, &e), 1);
		make_common(&m, i);
		assert_int_equal(got.fp, i);
		assert_string_equal(got.msg.id, m.id);
		assert_string_equal(got.msg.reason, m.reason);
		assert_int_equal(got.msg.nrcpt, m.nrcpt);
		for (k = 0; k < m.nrcpt; k++) {
			assert_int_equal(got.msg.rcpt[k].state, m.rcpt[k].state);
			assert_string_equal(got.msg.rcpt[k].address, m.rcpt[k].address);
			assert_same_text(got.msg.rcpt[k].domain, m.rcpt[k].domain);
			assert_same_text(got.msg.rcpt[k].reply, m.rcpt[k].reply);
		}
	}
	assert_int_equal(stage_next(&got, s, &e), 0);
	buf_free(&b);
	buf_free(&alone);
	stage_free(s);
}

/* The same of records that point back: each four bytes in turn are a huge number, nothing, or a small one that points elsewhere. */
static void
test_common_damage(void **state)
{
	static const unsigned char put[][4] = { { 0xff, 0xff, 0xff, 0xff }, { 0xfe, 0xff, 0xff, 0xff }, { 0, 0, 0, 0 }, { 1, 0, 0, 0 }, { 90, 0, 0, 0 } };
	struct stage *s = stage_pipe();
	struct stage_seen seen = { { 0 } };
	struct staged got;
	struct msg m;
	struct buf b;
	unsigned char *copy;
	size_t n, i, k;
	int refused = 0, pointed = 0;

	(void)state;
	make_common(&m, 1);
	buf_init(&b, (size_t)1 << 20);
	stage_encode(&b, &m, 42, 0, &seen);
	n = b.n - sizeof(uint32_t);
	for (i = 0; i + 4 <= n; i++) {
		pointed += memcmp(b.p + 4 + i, put[1], 4) == 0;
		for (k = 0; k < sizeof put / sizeof put[0]; k++) {
			copy = mem_new(n);	/* of its own, so that a byte too many is seen */
			memcpy(copy, b.p + 4, n);
			memcpy(copy + i, put[k], 4);
			refused += stage_decode(&got, s, copy, n) < 0;
			free(copy);
		}
	}
	assert_int_equal(pointed, 2);
	assert_true(refused > 100);
	assert_int_equal(stage_decode(&got, s, b.p + 4, n), 0);
	assert_string_equal(got.msg.rcpt[3].reply, long_reply);
	/* cut off from what stands before it, a record points to nothing */
	stage_encode(&b, &m, 43, 0, &seen);
	n = b.n - n - 2 * sizeof(uint32_t);
	assert_int_equal(stage_decode(&got, s, b.p + b.n - n, n), -1);
	buf_free(&b);
	stage_free(s);
}

/* One answer of many recipients is kept once; another, and none, are not taken for it. */
static void
test_replies(void **state)
{
	static const char *const reply[] = { "450 later", "450 later", NULL, "450 later", "", "", "550 no", "550 no" };
	struct stage *s = stage_pipe();
	struct staged got;
	struct msg m;
	struct buf b;
	const unsigned char *record;
	size_t i, n;

	(void)state;
	msg_init(&m, &arena);
	m.queue = "deferred";
	m.id = "4bXYZ31wHkz1P";
	for (i = 0; i < sizeof reply / sizeof reply[0]; i++)
		msg_rcpt(&m, "b@one.example", RCPT_PENDING)->reply = reply[i];
	buf_init(&b, (size_t)1 << 20);
	stage_encode(&b, &m, 42, 0, NULL);
	record = record_of(&n, &b);
	assert_int_equal(stage_decode(&got, s, record, n), 0);
	for (i = 0; i < sizeof reply / sizeof reply[0]; i++) {
		if (reply[i] == NULL)
			assert_null(got.msg.rcpt[i].reply);
		else
			assert_string_equal(got.msg.rcpt[i].reply, reply[i]);
	}
	buf_free(&b);
	stage_free(s);
}

static void
test_body_damage(void **state)
{
	static const unsigned char huge[4] = { 0xff, 0xff, 0xff, 0xff };
	struct body out;
	struct buf b;
	unsigned char *copy;
	size_t i;
	int refused = 0;

	(void)state;
	encode_body(&b);
	for (i = 0; i < b.n; i++) {
		copy = mem_new(i + 1);
		memcpy(copy, b.p, i);
		assert_int_equal(body_decode(&out, &arena, copy, i), -1);
		free(copy);
	}
	for (i = 0; i + 4 <= b.n; i++) {
		copy = mem_new(b.n);
		memcpy(copy, b.p, b.n);
		memcpy(copy + i, huge, 4);
		refused += body_decode(&out, &arena, copy, b.n) < 0;
		free(copy);
	}
	assert_true(refused > 100);
	buf_free(&b);
}

static void
add(struct partial *p, const char *kind, const char *key, int64_t arrived, const char *client, const char *reason, int is_frozen)
{
	const struct partial_message m = { kind, key, NULL, client, reason, arrived, is_frozen, 0 };

	partial_add(p, &m);
}

static void
test_partial(void **state)
{
	static const uint64_t key[2] = { 1, 2 };
	struct partial *p = partial_new(key);
	char name[32];
	int64_t t = INT64_C(1790000000000000);
	int i;

	(void)state;
	for (i = 0; i < 3000; i++) {	/* more accounts than the first table holds */
		name[0] = (char)('a' + i % 26);
		name[1] = (char)('a' + i / 26 % 26);
		name[2] = (char)('a' + i / 676);
		name[3] = '\0';
		add(p, "auth", name, MSG_NO_TIME, NULL, NULL, 0);
	}
	for (i = 0; i < 10; i++)
		add(p, "auth", "info", t + i * INT64_C(20000000), i % 3 != 0 ? "192.0.2.1" : "192.0.2.2", "blocked using zen.spamhaus.org", i == 0);
	add(p, "local", "info", t - 5, NULL, "mailbox full", 0);
	add(p, "bounce", "<>", t, NULL, NULL, 0);
	add(p, NULL, NULL, t, NULL, NULL, 0);
	partial_end(p);
	assert_int_equal(p->messages, 3013);
	assert_int_equal(p->naccounts, 3002);	/* neither bounces nor what has no account */
	assert_int_equal(p->blocklisted, 10);
	assert_int_equal(p->frozen, 1);
	assert_int_equal(p->oldest, t - 5);
	assert_string_equal(p->account[0].name, "info");
	assert_string_equal(p->account[0].kind, "auth");
	assert_int_equal(p->account[0].messages, 10);
	assert_int_equal(p->account[0].clients, 2);
	assert_int_equal(p->account[0].per_minute, 3);
	assert_int_equal(p->account[0].last - p->account[0].first, INT64_C(180000000));
	partial_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round), cmocka_unit_test(test_damage), cmocka_unit_test(test_body_round),
		cmocka_unit_test(test_body_damage), cmocka_unit_test(test_body_told), cmocka_unit_test(test_hold), cmocka_unit_test(test_replies),
		cmocka_unit_test(test_common), cmocka_unit_test(test_common_damage), cmocka_unit_test(test_partial),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	arena_free(&arena);
	return rc;
}
