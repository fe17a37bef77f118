/* Addresses, account keys, IP addresses: spool/addr.c. */
#include <string.h>
#include "unit.h"

#include "spool/addr.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))

struct pair {
	const char *in, *out;
};

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
test_clean(void **state)
{
	static const struct pair t[] = {
		{ "joe@example.com", "joe@example.com" }, { "Joe+Tag@EXAMPLE.Com", "Joe+Tag@example.com" },
		{ "<Joe@Example.com>", "Joe@example.com" }, { "<>", "" }, { "", "" }, { "<", "<" }, { "Joe", "Joe" },
		{ "\"A b@C\"@Example.COM", "\"A b@C\"@example.com" }, { "\"A@B\"", "\"A@B\"" },
		{ "j@B\xC3\x9C" "CHER.example", "j@bücher.example" }, { "j@Stra\xC3\x9F" "e.example", "j@straße.example" },
		{ "J\xC3\x96@EXAMPLE.com", "JÖ@example.com" }, { "j\xF6@example.com", "j\xEF\xBF\xBD@example.com" },
		{ "j@\xFF.Example", "j@\xEF\xBF\xBD.example" }, { "a@b@C.example", "a@b@c.example" }, { "Joe@", "Joe@" },
	};
	struct arena a = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		assert_text(addr_clean(&a, t[i].in, strlen(t[i].in)), t[i].out);
	assert_text(addr_clean(&a, "a\0b@X.com", 9), "a\xEF\xBF\xBD" "b@x.com");
	arena_free(&a);
}

static void
test_domain(void **state)
{
	static const struct pair t[] = {
		{ "joe@example.com", "example.com" }, { "joe", NULL }, { "joe@", NULL }, { "", NULL }, { "@x", "x" },
		{ "\"a@b\"@c", "c" }, { "\"a@b\"", NULL }, { "\"a\\\"@b\"@c", "c" }, { "a@b@c", "c" }, { "o\"brien@c", "c" },
		{ "a\\@b@c", "c" }, { "a@[192.0.2.1]", "[192.0.2.1]" }, { "a@b\\", "b\\" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		assert_text(addr_domain(t[i].in), t[i].out);
}

static void
test_fold(void **state)
{
	static const struct pair t[] = {
		{ "abc", "abc" }, { "ABC", "abc" }, { "", "" }, { "Ärger", "ärger" }, { "A\xCC\x88", "ä" },
		{ "STRASSE", "strasse" }, { "Straße", "strasse" }, { "ΣΑΣ", "σασ" }, { "\xFF", "\xEF\xBF\xBD" },
	};
	struct arena a = { 0 };
	char marks[4001];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		assert_text(addr_fold(&a, t[i].in), t[i].out);
	for (i = 0; i < 4000; i += 2)	/* too many marks for one letter: left alone */
		memcpy(marks + i, i % 4 == 0 ? "\xCC\x81" : "\xCC\xA3", 2);
	marks[4000] = '\0';
	assert_text(addr_fold(&a, marks), marks);
	arena_free(&a);
}

static void
test_key(void **state)
{
	static const struct pair t[] = {
		{ "joe@example.com", "joe@example.com" }, { "JOE@EXAMPLE.COM", "joe@example.com" }, { "Joe", "joe" },
		{ "joe+Tag@example.com", "joe+tag@example.com" }, { "j@example.com.", "j@example.com" },
		{ "\"joe\"@example.com", "joe@example.com" }, { "\"j.o\"@X.com", "j.o@x.com" },
		{ "\"j\\o\"@x.com", "jo@x.com" }, { "\"j o\"@x.com", "\"j o\"@x.com" }, { "\"j\\ o\"@x.com", "\"j o\"@x.com" },
		{ "\"j..o\"@x.com", "\"j..o\"@x.com" }, { "\".j\"@x.com", "\".j\"@x.com" }, { "\"\"@x.com", "\"\"@x.com" },
		{ "\"a\\\"b\"@x.com", "\"a\\\"b\"@x.com" }, { "\"a@b\"@x.com", "\"a@b\"@x.com" },
		{ "j@bücher.example", "j@xn--bcher-kva.example" }, { "j@BÜCHER.example", "j@xn--bcher-kva.example" },
		{ "j@xn--bcher-kva.example", "j@xn--bcher-kva.example" }, { "j@XN--BCHER-KVA.example", "j@xn--bcher-kva.example" },
		{ "j@straße.example", "j@xn--strae-oqa.example" }, { "j@strasse.example", "j@strasse.example" },
		{ "JÖ@x.com", "jö@x.com" }, { "uid:33", "uid:33" }, { "<>", "<>" }, { "", "" }, { "192.0.2.1", "192.0.2.1" },
		{ "j@\xFF", "j@\xEF\xBF\xBD" },
	};
	struct arena a = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		assert_text(addr_key(&a, t[i].in), t[i].out);
	arena_free(&a);
}

static void
test_ip(void **state)
{
	static const struct pair t[] = {
		{ "192.0.2.1", "192.0.2.1" }, { "[192.0.2.1]", "192.0.2.1" }, { "[192.0.2.1]:25", "192.0.2.1" },
		{ "[192.0.2.1]:0", "192.0.2.1" }, { "192.0.2.1:25", "192.0.2.1" }, { " 192.0.2.1 ", "192.0.2.1" },
		{ "::1", "::1" }, { "[::1]:25", "::1" }, { "IPv6:2001:db8::1", "2001:db8::1" }, { "ipv6:::1", "::1" },
		{ "[IPv6:2001:DB8::1]", "2001:db8::1" }, { "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" }, { "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "1:0:0:2:0:0:0:3", "1:0:0:2::3" }, { "::", "::" }, { "1::", "1::" }, { "0:0:0:0:0:0:0:1", "::1" },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" }, { "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ "::ffff:192.0.2.1", "192.0.2.1" }, { "::FFFF:c000:0201", "192.0.2.1" }, { "[::ffff:192.0.2.1]:99", "192.0.2.1" },
		{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" }, { "fe80::1%eth0", "fe80::1" }, { "[fe80::1%2]:25", "fe80::1" },
		/* none */
		{ "unknown", NULL }, { "local", NULL }, { "", NULL }, { "[]", NULL }, { "[::1", NULL }, { "[::1]x", NULL },
		{ "[::1]:", NULL }, { "[::1]:99999", NULL }, { "1.2.3", NULL }, { "1.2.3.256", NULL }, { "1.2.3.04", NULL },
		{ "1.2.3.4.5", NULL }, { "1.2.3.4 x", NULL }, { "1:2:3:4:5:6:7", NULL }, { "1:2:3:4:5:6:7:8:9", NULL },
		{ "1::2::3", NULL }, { ":::", NULL }, { ":1", NULL }, { "1:", NULL }, { "12345::", NULL }, { "1:2:3:4::5:6:7:8", NULL },
		{ "::1.2.3", NULL }, { "1:2:3:4:5:6:7:1.2.3.4", NULL }, { "::g", NULL }, { "%eth0", NULL }, { "host:25", NULL },
	};
	static const struct pair exim[] = {
		{ "1.2.3.4.5678", "1.2.3.4" }, { "1.2.3.4", "1.2.3.4" }, { "2001:db8::1.25", "2001:db8::1" },
		{ "::ffff:1.2.3.4.25", "1.2.3.4" }, { "[1.2.3.4]:5678", "1.2.3.4" }, { "1.2.3.4.99999", NULL },
		{ "1.2.3.4.", NULL }, { "::1", "::1" },
	};
	struct arena a = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		assert_text(addr_ip(&a, t[i].in, 0), t[i].out);
	for (i = 0; i < COUNT(exim); i++)
		assert_text(addr_ip(&a, exim[i].in, 1), exim[i].out);
	arena_free(&a);
}

static void
test_ip_in(void **state)
{
	static const struct {
		const char *ip, *cidr;
		int is_in;
	} t[] = {
		{ "192.0.2.1", "192.0.2.1", 1 }, { "192.0.2.1", "192.0.2.2", 0 }, { "192.0.2.1", "192.0.2.0/24", 1 },
		{ "192.0.3.1", "192.0.2.0/24", 0 }, { "192.0.3.1", "192.0.2.0/23", 1 }, { "192.0.2.1", "192.0.2.99/24", 1 },
		{ "192.0.2.1", "0.0.0.0/0", 1 }, { "192.0.2.1", "::/0", 0 }, { "2001:db8::1", "0.0.0.0/0", 0 },
		{ "2001:db8::1", "2001:db8::/32", 1 }, { "2001:db9::1", "2001:db8::/32", 0 }, { "::ffff:10.1.1.1", "10.0.0.0/8", 1 },
		{ "10.1.1.1", "::ffff:10.0.0.0/104", 1 }, { "10.1.1.1", "[::ffff:10.1.1.1]", 1 }, { "2001:db8::1", "2001:DB8:0::1/128", 1 },
		{ "unknown", "10.0.0.0/8", 0 }, { "10.1.1.1", "10.0.0.0/33", -1 }, { "::1", "::/129", -1 }, { "::1", "::/", -1 },
		{ "10.1.1.1", "10.0.0.0/8x", -1 }, { "10.1.1.1", "10.0.0.0/-1", -1 }, { "10.1.1.1", "ten", -1 }, { "10.1.1.1", "", -1 },
		{ "10.1.1.1", "10.0.0.0/08", -1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		assert_int_equal(addr_ip_in(t[i].ip, t[i].cidr), t[i].is_in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean), cmocka_unit_test(test_domain), cmocka_unit_test(test_fold),
		cmocka_unit_test(test_key), cmocka_unit_test(test_ip), cmocka_unit_test(test_ip_in),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
