/* The message record: counts, reason, and the order of proof of the account: spool/msg.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "spool/msg.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))

static void
assert_text(const char *got, const char *want)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_non_null(got);
	if (want != NULL)
		assert_string_equal(got, want);
}

static void
test_account(void **state)
{
	static const struct {
		const char *auth, *sender, *login;
		int64_t uid;
		int is_mta_user;
		const char *client;
		enum account_kind kind;
		const char *account, *key, *domain;
	} t[] = {
		/* auth before all, also for a null sender */
		{ "Joe@Example.com", "x@y.z", "joe", 5, 0, "192.0.2.1", ACCOUNT_AUTH, "Joe@Example.com", "joe@example.com", "example.com" },
		{ "joe", "", NULL, -1, 0, "192.0.2.1", ACCOUNT_AUTH, "joe", "joe", NULL },
		{ "joe", NULL, NULL, -1, 0, NULL, ACCOUNT_AUTH, "joe", "joe", NULL },
		{ "", "x@y.z", NULL, -1, 0, NULL, ACCOUNT_SENDER, "x@y.z", "x@y.z", "y.z" },
		/* the null sender, unless a local user other than the MTA's own */
		{ NULL, "", NULL, -1, 0, NULL, ACCOUNT_BOUNCE, "<>", "<>", NULL },
		{ NULL, "", NULL, -1, 0, "192.0.2.1", ACCOUNT_BOUNCE, "<>", "<>", NULL },
		{ NULL, "", "Debian-exim", 999, 1, NULL, ACCOUNT_BOUNCE, "<>", "<>", NULL },
		{ NULL, "", NULL, 101, 1, NULL, ACCOUNT_BOUNCE, "<>", "<>", NULL },
		{ NULL, "", "joe", 1000, 0, NULL, ACCOUNT_LOCAL, "joe", "joe", NULL },
		{ NULL, "", NULL, 33, 0, NULL, ACCOUNT_LOCAL, "uid:33", "uid:33", NULL },
		/* local: the login, else the uid; root's is 0 */
		{ NULL, "x@y.z", "Joe", 1000, 0, "192.0.2.1", ACCOUNT_LOCAL, "Joe", "joe", NULL },
		{ NULL, "x@y.z", NULL, 33, 0, NULL, ACCOUNT_LOCAL, "uid:33", "uid:33", NULL },
		{ NULL, "x@y.z", "", 33, 0, NULL, ACCOUNT_LOCAL, "uid:33", "uid:33", NULL },
		{ NULL, "x@y.z", NULL, 0, 0, NULL, ACCOUNT_LOCAL, "uid:0", "uid:0", NULL },
		{ NULL, NULL, "joe", -1, 0, NULL, ACCOUNT_LOCAL, "joe", "joe", NULL },
		{ NULL, "x@y.z", "Debian-exim", 999, 1, NULL, ACCOUNT_LOCAL, "Debian-exim", "debian-exim", NULL },
		/* the client, in one spelling */
		{ NULL, "x@y.z", NULL, -1, 0, "[::ffff:192.0.2.1]:25", ACCOUNT_CLIENT, "192.0.2.1", "192.0.2.1", NULL },
		{ NULL, NULL, NULL, -1, 0, "IPv6:2001:DB8::1", ACCOUNT_CLIENT, "2001:db8::1", "2001:db8::1", NULL },
		{ NULL, "x@y.z", NULL, -1, 0, "192.0.2.1.4711", ACCOUNT_CLIENT, "192.0.2.1", "192.0.2.1", NULL },
		/* the sender, and nothing */
		{ NULL, "X@Y.Z", NULL, -1, 0, "unknown", ACCOUNT_SENDER, "X@Y.Z", "x@y.z", "y.z" },
		{ NULL, "x", NULL, -1, 0, NULL, ACCOUNT_SENDER, "x", "x", NULL },
		{ NULL, "x@BÜCHER.example", NULL, -1, 0, NULL, ACCOUNT_SENDER, "x@BÜCHER.example", "x@xn--bcher-kva.example", "bücher.example" },
		{ NULL, NULL, NULL, -1, 0, NULL, ACCOUNT_NONE, NULL, NULL, NULL },
		{ NULL, NULL, NULL, -1, 0, "unknown", ACCOUNT_NONE, NULL, NULL, NULL },
	};
	struct arena a = { 0 };
	struct msg m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		msg_init(&m, &a);
		m.auth = t[i].auth;
		m.sender = t[i].sender;
		m.local_user = t[i].login;
		m.uid = t[i].uid;
		m.is_mta_user = t[i].is_mta_user;
		m.client = t[i].client;
		msg_finish(&m);
		assert_int_equal(m.account_kind, t[i].kind);
		assert_text(m.account, t[i].account);
		assert_text(m.account_key, t[i].key);
		assert_text(m.domain, t[i].domain);
	}
	arena_free(&a);
}

static void
test_domains(void **state)
{
	struct arena a = { 0 };
	struct msg m;

	(void)state;
	msg_init(&m, &a);
	m.sender = "Joe@Example.COM";
	m.client = "unknown";
	m.auth = "joe";
	msg_rcpt(&m, "a@ONE.example", RCPT_PENDING);
	msg_rcpt(&m, "\"x@y\"@two.example", RCPT_DONE);
	msg_rcpt(&m, "local", RCPT_DONE);
	msg_finish(&m);
	assert_text(m.sender_domain, "example.com");
	assert_text(m.sender, "Joe@Example.COM");
	assert_text(m.client, NULL);
	assert_text(m.rcpt[0].domain, "one.example");
	assert_text(m.rcpt[1].domain, "two.example");
	assert_text(m.rcpt[2].domain, NULL);
	msg_init(&m, &a);
	m.sender = "";
	msg_finish(&m);
	assert_text(m.sender_domain, NULL);
	arena_free(&a);
}

static void
test_counts(void **state)
{
	struct arena a = { 0 };
	struct msg m, none;
	int i;

	(void)state;
	msg_init(&m, &a);
	for (i = 0; i < 3000; i++)
		msg_rcpt(&m, "r@example.com", i % 3 == 0 ? RCPT_PENDING : i % 3 == 1 ? RCPT_DONE : RCPT_REMOVED)->key = (uint64_t)i;
	msg_finish(&m);
	assert_int_equal(m.recipients, 2000);
	assert_int_equal(m.pending, 1000);
	assert_int_equal(m.rcpt[2999].key, 2999);
	/* none met: zero only where the envelope was read to its end */
	for (i = 0; i < 4; i++) {
		msg_init(&none, &a);
		none.state = i == 1 ? MSG_INCOMPLETE : MSG_QUEUED;
		none.pending_known = i != 2;
		if (i == 3)
			msg_damage(&none, "cut");
		msg_finish(&none);
		assert_int_equal(none.recipients, i == 0 ? 0 : -1);
		assert_int_equal(none.pending, i == 0 ? 0 : -1);
	}
	m.pending_known = 0;
	msg_finish(&m);
	assert_int_equal(m.recipients, 2000);
	assert_int_equal(m.pending, -1);
	msg_init(&m, &a);
	msg_finish(&m);
	assert_int_equal(m.recipients, 0);
	assert_int_equal(m.pending, 0);
	arena_free(&a);
}

static void
test_reason(void **state)
{
	static const struct {
		enum rcpt_state states[3];
		const char *replies[3], *given, *reason;
	} t[] = {
		{ { RCPT_PENDING, RCPT_PENDING, RCPT_DONE }, { "one", "two", "three" }, NULL, "two" },
		{ { RCPT_PENDING, RCPT_PENDING, RCPT_DONE }, { "one", NULL, "three" }, NULL, "one" },
		{ { RCPT_PENDING, RCPT_DONE, RCPT_DONE }, { NULL, "two", "three" }, NULL, "three" },
		{ { RCPT_DONE, RCPT_DONE, RCPT_REMOVED }, { "one", NULL, "three" }, NULL, "one" },
		{ { RCPT_PENDING, RCPT_REMOVED, RCPT_DONE }, { "", "two", NULL }, NULL, NULL },
		{ { RCPT_PENDING, RCPT_PENDING, RCPT_DONE }, { "one", "two", "three" }, "given", "given" },
	};
	struct arena a = { 0 };
	struct msg m;
	size_t i, k;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		msg_init(&m, &a);
		m.reason = t[i].given;
		for (k = 0; k < 3; k++)
			msg_rcpt(&m, "r@example.com", t[i].states[k])->reply = t[i].replies[k];
		msg_finish(&m);
		assert_text(m.reason, t[i].reason);
	}
	arena_free(&a);
}

static void
test_lists(void **state)
{
	struct arena a = { 0 };
	struct msg m;
	int i;

	(void)state;
	msg_init(&m, &a);
	msg_damage(&m, "record at %d", 7);
	msg_damage(&m, "record at %d", 7);
	msg_damage(&m, "record at %d", 8);
	msg_note(&m, "record at %d", 7);
	assert_int_equal(m.damage.n, 2);
	assert_text(m.damage.v[0], "record at 7");
	assert_text(m.damage.v[1], "record at 8");
	assert_int_equal(m.notes.n, 1);
	for (i = 0; i < 1000; i++)
		msg_note(&m, "oddity %d", i);
	assert_int_equal(m.notes.n, 65);
	assert_text(m.notes.v[63], "oddity 62");
	assert_text(m.notes.v[64], "more, not listed");
	arena_free(&a);
}

static void
test_init_and_names(void **state)
{
	static const char *const states[] = { "incomplete", "active", "deferred", "held", "frozen", "queued", "corrupt",
		"gone", "taken", "deleted" };
	static const char *const kinds[] = { "", "auth", "local", "client", "sender", "bounce" };
	struct arena a = { 0 };
	struct msg m;
	size_t i;

	(void)state;
	msg_init(&m, &a);
	assert_true(m.arrived == MSG_NO_TIME);
	assert_int_equal(m.size, -1);
	assert_int_equal(m.uid, -1);
	assert_int_equal(m.parts.n, 0);
	for (i = 0; i < COUNT(states); i++)
		assert_string_equal(msg_state_name((enum msg_state)i), states[i]);
	for (i = 0; i < COUNT(kinds); i++)
		assert_string_equal(account_kind_name((enum account_kind)i), kinds[i]);
	assert_string_equal(rcpt_state_name(RCPT_PENDING), "pending");
	assert_string_equal(rcpt_state_name(RCPT_DONE), "done");
	assert_string_equal(rcpt_state_name(RCPT_REMOVED), "removed");
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_account), cmocka_unit_test(test_domains), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_reason), cmocka_unit_test(test_lists), cmocka_unit_test(test_init_and_names),
	};

	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
