/* Delivery status notifications: what is taken from them, and from broken ones. */
#include "unit.h"

#include <stdlib.h>

#include "spool/dsn.h"

static const char report[] =
    "Reporting-MTA: dns; mail.example.net\r\nDiagnostic-Code: x; not of a recipient\r\n\r\n"
    "Final-Recipient: rfc822;John@Partner.Example\r\nAction: failed\r\nStatus: 5.7.1\r\nRemote-MTA: dns; mx.partner.example\r\n"
    "Diagnostic-Code: smtp; 550-5.7.1 One\r\n 550 5.7.1\ttwo\r\n\r\n"
    "FINAL-RECIPIENT: rfc822; a@b.example\r\nACTION: Delayed\r\nDIAGNOSTIC-CODE:451 later\r\nOriginal-Recipient: rfc822;<orig@c.example>\r\n\r\n"
    "Final-Recipient: rfc822; ok@b.example\r\nAction: delivered\r\nDiagnostic-Code: smtp; 250 ok\r\n\r\n"
    "Final-Recipient: rfc822; none@b.example\r\nAction: failed\r\n\r\n"
    "Diagnostic-Code: smtp; 550 nobody";

static void
test_report(void **state)
{
	struct arena a = { 0 };
	const struct dsn_rcpt *r;
	size_t n;

	(void)state;
	r = dsn_read(&n, report, sizeof report - 1, &a);
	assert_int_equal(n, 4);
	assert_null(r[0].address);
	assert_string_equal(r[0].reply, "not of a recipient");
	assert_string_equal(r[1].address, "John@partner.example");
	assert_string_equal(r[1].reply, "550-5.7.1 One 550 5.7.1\ttwo");
	assert_string_equal(r[2].address, "orig@c.example");
	assert_string_equal(r[2].reply, "451 later");
	assert_null(r[3].address);
	assert_string_equal(r[3].reply, "550 nobody");
	arena_free(&a);
}

/* Cut at every byte and changed at every byte, as an exact block of memory; many recipients; long lines. */
static void
test_damage(void **state)
{
	const size_t len = sizeof report - 1;
	struct arena a = { 0 };
	char *copy, *many;
	size_t n, i, k;

	(void)state;
	for (i = 0; i <= len; i++) {
		copy = malloc(i + 1);
		assert_non_null(copy);
		memcpy(copy, report, i);
		dsn_read(&n, copy, i, &a);
		assert_true(n <= 4);
		for (k = 0; i > 0 && k < 3; k++) {
			copy[i - 1] = "\n:\0"[k];
			dsn_read(&n, copy, i, &a);
			assert_true(n <= 5);
		}
		free(copy);
		arena_reset(&a);
	}
	dsn_read(&n, "", 0, &a);
	assert_int_equal(n, 0);
	many = malloc(2 * DSN_MAX);
	assert_non_null(many);
	for (i = 0; i + 22 <= 2 * DSN_MAX; i += 22)
		memcpy(many + i, "Diagnostic-Code:x;55\n\n", 22);
	dsn_read(&n, many, i, &a);
	assert_int_equal(n, DSN_RECIPIENTS);
	memset(many, ' ', 2 * DSN_MAX);
	memcpy(many, "Diagnostic-Code:x", 17);
	dsn_read(&n, many, 2 * DSN_MAX, &a);
	assert_int_equal(n, 1);
	memset(many, '\n', 2 * DSN_MAX);
	dsn_read(&n, many, 2 * DSN_MAX, &a);
	assert_int_equal(n, 0);
	free(many);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_report), cmocka_unit_test(test_damage) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
