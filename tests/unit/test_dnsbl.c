/* Names to ask, codes of answers, zones of the table. The queries themselves: tests/t/5210-dnsbl.t. */
#include "unit.h"

#include "index/dnsbl.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

static void
test_names(void **state)
{
	static const struct { const char *subject, *want; } t[] = {
		{ "192.0.2.25", "25.2.0.192.bl.example" }, { "0.0.0.0", "0.0.0.0.bl.example" },
		{ "2001:db8:1::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example" },
		{ "spam.example", "spam.example.bl.example" },
	};
	struct arena a = { 0 };
	char longest[260];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		assert_string_equal(dnsbl_name(t[i].subject, "bl.example", &a), t[i].want);
	for (i = 0; i < 240; i++)
		longest[i] = i % 60 == 59 ? '.' : 'a';
	longest[239] = longest[240] = 'a';
	longest[241] = '\0';
	assert_non_null(dnsbl_name(longest, "bl.example", &a));
	assert_null(dnsbl_name(longest, "bl.example.example", &a));
	assert_string_equal(dnsbl_test_name(DNSBL_IP4, 1, "z", &a), "2.0.0.127.z");
	assert_string_equal(dnsbl_test_name(DNSBL_IP4, 0, "z", &a), "1.0.0.127.z");
	assert_string_equal(dnsbl_test_name(DNSBL_IP6, 1, "z", &a), "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.z");
	assert_string_equal(dnsbl_test_name(DNSBL_IP6, 0, "z", &a), "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.z");
	assert_string_equal(dnsbl_test_name(DNSBL_DOMAIN, 1, "z", &a), "test.z");
	assert_string_equal(dnsbl_test_name(DNSBL_DOMAIN, 0, "z", &a), "invalid.z");
	arena_free(&a);
}

static void
test_subjects(void **state)
{
	static const struct { const char *s, *want; } t[] = {
		{ "192.0.2.1", "192.0.2.1" }, { "[2001:DB8::1]", "2001:db8::1" }, { "::ffff:192.0.2.1", "192.0.2.1" }, { "IPv6:2001:db8::1", "2001:db8::1" },
		{ "Spam.Example.", "spam.example" }, { "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" }, { "localhost", "localhost" },
		{ "1.2.3", NULL }, { "300.1.1.1", NULL }, { "", NULL }, { ".", NULL }, { "a..b", NULL }, { ".a", NULL }, { "a b", NULL }, { "a@b.example", NULL },
		{ "http://a.example/", NULL }, { "\xff", NULL }, { "a\n", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", NULL },	/* 64 */
	};
	struct arena a = { 0 };
	const char *got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		got = dnsbl_subject(t[i].s, &a);
		if ((got == NULL) != (t[i].want == NULL) || (got != NULL && strcmp(got, t[i].want) != 0))
			fail_msg("\"%s\" is %s", t[i].s, got != NULL ? got : "nothing");
	}
	arena_free(&a);
}

static void
test_codes(void **state)
{
	static const struct { const char *list; unsigned char ip[4]; enum dnsbl_state want; const char *meaning; } t[] = {
		{ NULL, { 127, 0, 0, 2 }, DNSBL_LISTED, NULL }, { NULL, { 127, 0, 0, 255 }, DNSBL_LISTED, NULL }, { NULL, { 127, 1, 2, 3 }, DNSBL_LISTED, NULL },
		{ NULL, { 127, 0, 0, 1 }, DNSBL_UNKNOWN, NULL }, { NULL, { 127, 0, 0, 0 }, DNSBL_UNKNOWN, NULL },
		{ NULL, { 127, 255, 255, 252 }, DNSBL_UNKNOWN, NULL }, { NULL, { 127, 255, 255, 254 }, DNSBL_UNKNOWN, NULL },
		{ NULL, { 127, 255, 255, 255 }, DNSBL_UNKNOWN, NULL }, { NULL, { 127, 255, 255, 1 }, DNSBL_UNKNOWN, NULL },
		{ NULL, { 10, 0, 0, 1 }, DNSBL_UNKNOWN, NULL }, { NULL, { 0, 0, 0, 0 }, DNSBL_UNKNOWN, NULL }, { NULL, { 128, 0, 0, 2 }, DNSBL_UNKNOWN, NULL },
		{ NULL, { 126, 255, 255, 255 }, DNSBL_UNKNOWN, NULL },
		{ "spamhaus-zen", { 127, 0, 0, 2 }, DNSBL_LISTED, "SBL: source of spam" },
		{ "spamhaus-zen", { 127, 0, 0, 5 }, DNSBL_LISTED, "XBL: infected or abused host" },
		{ "spamhaus-zen", { 127, 0, 0, 200 }, DNSBL_LISTED, NULL }, { "spamhaus-zen", { 127, 255, 255, 254 }, DNSBL_UNKNOWN, NULL },
		{ "spamhaus-dbl", { 127, 0, 1, 255 }, DNSBL_UNKNOWN, NULL }, { "spamhaus-dbl", { 127, 0, 1, 2 }, DNSBL_LISTED, "spam domain" },
		{ "hostkarma", { 127, 0, 0, 1 }, DNSBL_CLEAN, "white" }, { "hostkarma", { 127, 0, 0, 3 }, DNSBL_CLEAN, "yellow: mixed" },
		{ "hostkarma", { 127, 0, 0, 2 }, DNSBL_LISTED, "black" },
		{ "mailspike", { 127, 0, 0, 18 }, DNSBL_CLEAN, "good reputation" }, { "mailspike", { 127, 0, 0, 10 }, DNSBL_LISTED, "bad reputation" },
		{ "uribl", { 127, 0, 0, 1 }, DNSBL_UNKNOWN, NULL }, { "uribl", { 127, 0, 0, 14 }, DNSBL_LISTED, "black; grey; red" },
		{ "surbl", { 127, 0, 0, 80 }, DNSBL_LISTED, "malware; abuse" },
	};
	static const unsigned char two[2][4] = { { 127, 0, 0, 2 }, { 127, 0, 0, 10 } }, bad[2][4] = { { 127, 0, 0, 2 }, { 10, 0, 0, 1 } },
	    again[3][4] = { { 127, 0, 0, 2 }, { 127, 0, 0, 10 }, { 127, 0, 0, 2 } };
	struct dnsbl_answer an;
	struct arena a = { 0 };
	unsigned char one[1][4];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		memset(&an, 0, sizeof an);
		memcpy(one[0], t[i].ip, 4);
		dnsbl_judge(&an, t[i].list != NULL ? blocklist_named(t[i].list) : NULL, (const unsigned char (*)[4])one, 1, &a);
		if (an.state != t[i].want || (an.why == NULL) != (an.state != DNSBL_UNKNOWN) || (an.meaning == NULL) != (t[i].meaning == NULL) ||
		    (an.meaning != NULL && strcmp(an.meaning, t[i].meaning) != 0))
			fail_msg("%s %s: %s, %s", t[i].list != NULL ? t[i].list : "any", an.codes, dnsbl_state_name[an.state], an.meaning != NULL ? an.meaning : "-");
	}
	dnsbl_judge(&an, blocklist_named("spamhaus-zen"), two, 2, &a);
	assert_int_equal(an.state, DNSBL_LISTED);
	assert_string_equal(an.codes, "127.0.0.2, 127.0.0.10");
	assert_string_equal(an.meaning, "SBL: source of spam; PBL: policy, a range that should not send mail directly");
	dnsbl_judge(&an, NULL, bad, 2, &a);
	assert_int_equal(an.state, DNSBL_UNKNOWN);
	dnsbl_judge(&an, blocklist_named("spamhaus-zen"), again, 3, &a);
	assert_string_equal(an.codes, "127.0.0.2, 127.0.0.10");
	assert_string_equal(an.meaning, "SBL: source of spam; PBL: policy, a range that should not send mail directly");
	dnsbl_judge(&an, NULL, two, 0, &a);
	assert_int_equal(an.state, DNSBL_CLEAN);
	assert_null(an.codes);
	arena_free(&a);
}

static void
test_zones(void **state)
{
	struct arena a = { 0 };
	const struct dnsbl_zone *v, *z;
	size_t i, n;

	(void)state;
	v = dnsbl_zones(&n, &a);
	assert_in_range(n, 15, 100);
	for (i = 0; i < n; i++) {
		assert_non_null(v[i].row->list);
		assert_null(v[i].row->closed);
		assert_int_not_equal(v[i].asks, 0);
		assert_string_equal(dnsbl_subject(v[i].zone, &a), v[i].zone);
		assert_true((v[i].asks & DNSBL_DOMAIN) == 0 || v[i].asks == DNSBL_DOMAIN);	/* never a domain list about an address */
	}
	z = dnsbl_zone("spamhaus-zen", &a);
	assert_string_equal(z->zone, "zen.spamhaus.org");
	assert_int_equal(z->asks, DNSBL_IP4 | DNSBL_IP6);
	assert_string_equal(dnsbl_zone("MULTI.uribl.com", &a)->test, "test.uribl.com");
	z = dnsbl_zone("bl.hoster.example", &a);
	assert_null(z->row);
	assert_int_equal(z->asks, DNSBL_IP4 | DNSBL_IP6 | DNSBL_DOMAIN);
	assert_null(dnsbl_zone("sorbs", &a));
	assert_null(dnsbl_zone("192.0.2.1", &a));
	assert_null(dnsbl_zone("", &a));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_subjects), cmocka_unit_test(test_codes), cmocka_unit_test(test_zones)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
