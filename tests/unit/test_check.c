/* The judging of a health check: index/check.c. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "index/check.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))

static struct check_limits limits;
static struct check_facts facts;
static struct check_account accounts[3];

/* A quiet small host: everything known, nothing wrong. */
static int
quiet(void **state)
{
	int i;

	(void)state;
	check_defaults(&limits);
	memset(&facts, 0, sizeof facts);
	memset(accounts, 0, sizeof accounts);
	for (i = 0; i < CHECK_COUNT; i++)
		facts.fact[i].how = FACT_KNOWN;
	facts.fact[CHECK_MESSAGES].v = 6;
	facts.messages = 6;
	facts.fact[CHECK_OLDEST].v = 1800;
	facts.fact[CHECK_DEFERRED].v = 100;
	facts.fact[CHECK_DISK_FREE].v = 5e10;
	facts.fact[CHECK_INODES_FREE].v = 1e6;
	facts.fact[CHECK_MTA].v = 1;
	facts.is_ours = 1;
	facts.kind = "postfix";
	facts.root = "/var/spool/postfix";
	facts.accounts.how = FACT_KNOWN;
	accounts[0] = (struct check_account){ "auth", "info@shop.example", 4, 2, 1, 60, -1, 0 };
	accounts[1] = (struct check_account){ "auth", "anna@kunde.example", 2, 1, 2, 60, -1, 0 };
	facts.account = accounts;
	facts.naccounts = 2;
	return 0;
}

static enum check_state
worst(void)
{
	struct check_result r[CHECK_COUNT];
	enum check_state s = CHECK_OK;
	int i;

	check_judge_all(r, &limits, &facts);
	for (i = 0; i < CHECK_COUNT; i++)
		s = check_worse(s, r[i].state);
	return s;
}

static enum check_state
state_of(enum check_id id)
{
	struct check_result r;

	check_judge(&r, id, &limits, &facts);
	return r.state;
}

static void
test_quiet(void **state)
{
	(void)state;
	assert_int_equal(worst(), CHECK_OK);	/* also with all of a handful deferred */
}

/* Every default, at its edge. */
static void
test_defaults(void **state)
{
	static const struct { enum check_id id; double ok, warning, critical; } t[] = {
		{ CHECK_MESSAGES, 500, 501, 2001 }, { CHECK_OLDEST, 518400, 518401, 1209601 }, { CHECK_FROZEN, 100, 101, 1001 },
		{ CHECK_GROWTH, 6, 6.1, 20.1 }, { CHECK_NEW_ACCOUNTS, 5, 6, -1 }, { CHECK_BLOCKLISTED, 10, 11, 101 }, { CHECK_DAMAGED, 10, 11, 101 },
		{ CHECK_DISK_FREE, 1073741824, 1073741823, 268435455 }, { CHECK_INODES_FREE, 20000, 19999, 4999 },
		{ CHECK_SCAN_AGE, 3600, 3601, 21601 }, { CHECK_UNFINISHED, 3600, 3601, 86401 }, { CHECK_INDEX, 0, -1, 1 }, { CHECK_MTA, 1, -1, 0 },
	};
	struct check_limits fresh;
	size_t i;

	(void)state;
	check_defaults(&fresh);
	for (i = 0; i < COUNT(t); i++) {
		facts.fact[t[i].id].v = t[i].ok;
		assert_int_equal(state_of(t[i].id), CHECK_OK);
		facts.fact[t[i].id].v = t[i].warning;
		if (t[i].warning >= 0 && state_of(t[i].id) != CHECK_WARNING)
			fail_msg("%s with %g is no warning", check_info[t[i].id].name, t[i].warning);
		facts.fact[t[i].id].v = t[i].critical;
		if (t[i].critical >= 0 && state_of(t[i].id) != CHECK_CRITICAL)
			fail_msg("%s with %g is not critical", check_info[t[i].id].name, t[i].critical);
	}
}

static void
test_shares_of_few(void **state)
{
	struct err e;

	(void)state;
	facts.messages = 199;
	facts.fact[CHECK_DEFERRED].v = 99;
	assert_int_equal(state_of(CHECK_DEFERRED), CHECK_OK);
	facts.messages = 200;
	assert_int_equal(state_of(CHECK_DEFERRED), CHECK_WARNING);
	facts.messages = 5;
	assert_int_equal(check_limit_set(&limits, 1, "deferred=50%", &e), 0);	/* who gives a range means it */
	assert_int_equal(state_of(CHECK_DEFERRED), CHECK_CRITICAL);
}

static void
test_mta_elsewhere(void **state)
{
	struct err e;

	(void)state;
	facts.fact[CHECK_MTA].v = 0;
	assert_int_equal(state_of(CHECK_MTA), CHECK_CRITICAL);
	facts.is_ours = 0;	/* a copy of somebody's spool */
	assert_int_equal(state_of(CHECK_MTA), CHECK_OK);
	facts.fact[CHECK_MTA].how = FACT_UNKNOWN;
	assert_int_equal(state_of(CHECK_MTA), CHECK_OK);
	assert_int_equal(check_limit_set(&limits, 1, "mta=1:", &e), 0);
	assert_int_equal(state_of(CHECK_MTA), CHECK_UNKNOWN);
}

/* What is not known is never OK, and what is partly known can only be critical. */
static void
test_unknown(void **state)
{
	(void)state;
	facts.fact[CHECK_MESSAGES].how = FACT_UNKNOWN;
	facts.fact[CHECK_MESSAGES].v = 1e6;
	assert_int_equal(worst(), CHECK_UNKNOWN);
	facts.fact[CHECK_MESSAGES].how = FACT_AT_LEAST;
	assert_int_equal(state_of(CHECK_MESSAGES), CHECK_CRITICAL);
	facts.fact[CHECK_MESSAGES].v = 2000;
	assert_int_equal(state_of(CHECK_MESSAGES), CHECK_UNKNOWN);	/* no WARNING */
	facts.fact[CHECK_MESSAGES].v = 0;
	assert_int_equal(state_of(CHECK_MESSAGES), CHECK_UNKNOWN);
	facts.fact[CHECK_MESSAGES].how = FACT_NONE;
	assert_int_equal(state_of(CHECK_MESSAGES), CHECK_OK);
}

static void
test_accounts(void **state)
{
	struct check_result r;

	(void)state;
	check_judge(&r, CHECK_ACCOUNT_MESSAGES, &limits, &facts);
	assert_string_equal(r.account->name, "info@shop.example");
	check_judge(&r, CHECK_CLIENTS, &limits, &facts);
	assert_string_equal(r.account->name, "anna@kunde.example");
	accounts[0].messages = 4812;
	accounts[0].per_minute = 480;
	facts.messages = 4814;
	assert_int_equal(state_of(CHECK_ACCOUNT_MESSAGES), CHECK_CRITICAL);
	assert_int_equal(state_of(CHECK_ACCOUNT_RATE), CHECK_CRITICAL);
	assert_int_equal(state_of(CHECK_ACCOUNT_SHARE), CHECK_WARNING);
	facts.accounts.how = FACT_AT_LEAST;
	assert_int_equal(state_of(CHECK_ACCOUNT_MESSAGES), CHECK_CRITICAL);
	assert_int_equal(state_of(CHECK_ACCOUNT_SHARE), CHECK_UNKNOWN);
	facts.naccounts = 0;
	facts.accounts.how = FACT_KNOWN;
	check_judge(&r, CHECK_ACCOUNT_MESSAGES, &limits, &facts);
	assert_null(r.account);
	assert_int_equal(r.state, CHECK_OK);
}

static void
test_known(void **state)
{
	static const char text[] = "# our newsletters\n\nauth:Info@SHOP.example 5000  \r\n\t local:uid:33\nsender:\"odd 7\"@x.example\n";
	struct check_known known = { NULL, 0 };
	struct arena a = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(check_known_parse(&known, text, strlen(text), &a, &e), 0);
	assert_int_equal(known.n, 3);
	assert_int_equal(known.v[0].most, 5000);
	assert_int_equal(known.v[1].most, -1);
	assert_string_equal(known.v[2].kind, "sender");
	accounts[0].messages = 4812;
	check_known_mark(accounts, 2, &known);
	assert_true(accounts[0].is_known && !accounts[1].is_known);
	assert_int_equal(state_of(CHECK_ACCOUNT_MESSAGES), CHECK_OK);
	accounts[0].clients = 100;	/* a newsletter is not sent from a hundred places */
	assert_int_equal(state_of(CHECK_CLIENTS), CHECK_CRITICAL);
	accounts[0].is_known = 0;
	accounts[0].messages = 5001;
	check_known_mark(accounts, 2, &known);
	assert_false(accounts[0].is_known);
	free(known.v);
	arena_free(&a);
}

static void
test_known_mistakes(void **state)
{
	static const char *const bad[] = { "info@shop.example", "auth:", ":x", "bounce:<>", "auth 5", "smtp:x 7" };
	struct check_known known = { NULL, 0 };
	struct arena a = { 0 };
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		if (check_known_parse(&known, bad[i], strlen(bad[i]), &a, &e) == 0)
			fail_msg("\"%s\" is taken", bad[i]);
	assert_int_equal(check_known_parse(&known, "auth:x\nnonsense\n", 16, &a, &e), -1);
	assert_non_null(strstr(e.text, "line 2"));
	assert_int_equal(check_known_parse(&known, "auth:x\0y", 8, &a, &e), -1);
	free(known.v);
	arena_free(&a);
}

static void
test_limits(void **state)
{
	static const char *const bad[] = { "messages", "=5", "message=5", "messages=5m", "oldest=5k", "disk_free=1GiB:2MiB", "deferred=9:8" };
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		if (check_limit_set(&limits, 0, bad[i], &e) == 0)
			fail_msg("%s is taken", bad[i]);
	assert_int_equal(check_limit_set(&limits, 0, "oldest=", &e), 0);
	assert_int_equal(check_limit_set(&limits, 1, "oldest=", &e), 0);
	facts.fact[CHECK_OLDEST].v = 1e9;
	assert_int_equal(state_of(CHECK_OLDEST), CHECK_OK);
	facts.fact[CHECK_OLDEST].how = FACT_UNKNOWN;	/* a check that is off says nothing */
	assert_int_equal(state_of(CHECK_OLDEST), CHECK_OK);
}

static void
test_history(void **state)
{
	double odd[] = { 12, 10, 4000, 11, 14 }, even[] = { 3, 1, 2, 100 }, flat[] = { 0, 0, 0 }, m;

	(void)state;
	m = check_median(odd, 5);
	assert_true(m > 11.9 && m < 12.1);	/* one incident does not move it */
	m = check_mad(odd, 5, m);
	assert_true(m > 1.9 && m < 2.1);
	m = check_median(even, 4);
	assert_true(m > 2.4 && m < 2.6);
	assert_true(check_mad(flat, 3, check_median(flat, 3)) < 0.001);
	assert_true(check_growth(0, 12, 2) < 0.001);		/* a shrinking queue is no growth */
	assert_true(check_growth(50, 0, 0) > 1.9 && check_growth(50, 0, 0) < 2.1);
	assert_true(check_growth(4812, 12, 2) > 100);
	assert_true(check_growth(1100, 1000, 2) < 1.1);		/* a tenth of a thousand is noise */
	assert_true(check_growth(2000, 1000, 400) < 2);		/* so is what varies widely anyway */
}

/* Once per change of state, again after --repeat, and until the command has succeeded. */
static void
test_alert(void **state)
{
	static const int64_t minute = 60000000, hour = 3600000000;
	struct check_alert a = { 0, CHECK_OK, 0, 0 };
	int64_t t = 1000 * hour;

	(void)state;
	assert_int_equal(check_alert_due(&a, CHECK_OK, 0, t), 0);		/* OK from the start */
	assert_int_equal(check_alert_due(&a, CHECK_OK, hour, t + 2 * hour), 0);
	assert_int_equal(check_alert_due(&a, CHECK_CRITICAL, hour, t), CHECK_LOG | CHECK_RUN);
	assert_int_equal(a.told, 0);
	assert_int_equal(check_alert_due(&a, CHECK_CRITICAL, 0, t + minute), CHECK_RUN);	/* the command failed */
	a.told = t + minute;
	assert_int_equal(check_alert_due(&a, CHECK_CRITICAL, 0, t + 9 * hour), 0);
	assert_int_equal(check_alert_due(&a, CHECK_CRITICAL, hour, t + 60 * minute), 0);
	assert_int_equal(check_alert_due(&a, CHECK_CRITICAL, hour, t + 61 * minute), CHECK_RUN);
	a.told = t + 61 * minute;
	assert_int_equal(check_alert_due(&a, CHECK_CRITICAL, hour, t), CHECK_RUN);		/* the clock was set back */
	a.told = t;
	assert_int_equal(check_alert_due(&a, CHECK_WARNING, 0, t), CHECK_LOG | CHECK_RUN);
	assert_int_equal(a.since, t);
	assert_int_equal(check_alert_due(&a, CHECK_OK, 0, t), CHECK_LOG | CHECK_RUN);	/* back to OK is a change too */
	a.told = t;
	assert_int_equal(check_alert_due(&a, CHECK_OK, minute, t + hour), 0);		/* OK is never repeated */
	memset(&a, 0, sizeof a);
	assert_int_equal(check_alert_due(&a, CHECK_UNKNOWN, 0, t), CHECK_LOG | CHECK_RUN);	/* the very first */
}

/* Out of time: what was critical stays so, what was not is unknown; a number of then is none of now. */
static void
test_past(void **state)
{
	const struct check_account then = { "auth", "info@shop.example", 1001, -1, -1, 60, -1, 0 };
	struct check_past past[CHECK_COUNT] = { { { FACT_NONE, 0, NULL }, NULL, 0 } };
	struct known_account newsletter = { "auth", "info@shop.example", -1 };
	struct check_known known = { &newsletter, 1 };
	struct check_result r;
	struct err e;

	(void)state;
	past[CHECK_ACCOUNT_MESSAGES] = (struct check_past){ { FACT_AT_LEAST, 1001, NULL }, &then, 5 };
	past[CHECK_MTA] = (struct check_past){ { FACT_KNOWN, 0, NULL }, NULL, 5 };
	past[CHECK_FROZEN] = (struct check_past){ { FACT_KNOWN, 1000, NULL }, NULL, 5 };
	facts.past = past;
	facts.accounts.how = FACT_AT_LEAST;
	facts.fact[CHECK_MTA].how = facts.fact[CHECK_FROZEN].how = FACT_UNKNOWN;
	assert_int_equal(state_of(CHECK_ACCOUNT_MESSAGES), CHECK_UNKNOWN);	/* not for want of time */
	facts.is_late = 1;
	check_judge(&r, CHECK_ACCOUNT_MESSAGES, &limits, &facts);
	assert_int_equal(r.state, CHECK_CRITICAL);
	assert_int_equal(r.fact.how, FACT_UNKNOWN);
	assert_int_equal(r.past, 5);
	assert_true(r.was_least);
	assert_string_equal(r.account->name, "info@shop.example");
	assert_int_equal(state_of(CHECK_MTA), CHECK_CRITICAL);
	assert_int_equal(state_of(CHECK_FROZEN), CHECK_UNKNOWN);
	facts.known = &known;
	assert_int_equal(state_of(CHECK_ACCOUNT_MESSAGES), CHECK_UNKNOWN);
	facts.known = NULL;
	assert_int_equal(check_limit_set(&limits, 1, "account_messages=1001", &e), 0);	/* judged by the range of now */
	assert_int_equal(state_of(CHECK_ACCOUNT_MESSAGES), CHECK_UNKNOWN);
	facts.accounts.how = FACT_KNOWN;
	assert_int_equal(state_of(CHECK_ACCOUNT_MESSAGES), CHECK_OK);
	past[CHECK_MTA].at = 0;
	assert_int_equal(state_of(CHECK_MTA), CHECK_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_quiet, quiet), cmocka_unit_test_setup(test_defaults, quiet),
		cmocka_unit_test_setup(test_shares_of_few, quiet), cmocka_unit_test_setup(test_mta_elsewhere, quiet),
		cmocka_unit_test_setup(test_unknown, quiet), cmocka_unit_test_setup(test_accounts, quiet),
		cmocka_unit_test_setup(test_known, quiet), cmocka_unit_test_setup(test_known_mistakes, quiet),
		cmocka_unit_test_setup(test_limits, quiet), cmocka_unit_test_setup(test_history, quiet), cmocka_unit_test(test_alert),
		cmocka_unit_test_setup(test_past, quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
