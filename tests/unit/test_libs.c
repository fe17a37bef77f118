/* The libraries that each system builds for itself answer alike. */
#include "unit.h"

#include <ares.h>
#include <libpsl.h>
#include <magic.h>
#include <stdlib.h>

#include "spool/sys.h"

static void
file_types(void **state)
{
	static const char html[] = "<!DOCTYPE html>\n<html><head><title>x</title></head><body>y</body></html>\n";
	static const char zip[] =
	    "PK\003\004\024\000\000\000\000\000s/v]\206\246\020\066\005\000\000\000\005\000\000\000\005\000\000\000a.txthel"
	    "loPK\001\002\024\003\024\000\000\000\000\000s/v]\206\246\020\066\005\000\000\000\005\000\000\000\005\000\000"
	    "\000\000\000\000\000\000\000\000\000\200\001\000\000\000\000a.txtPK\005\006\000\000\000\000\001\000\001\000"
	    "\063\000\000\000(\000\000\000\000\000";
	magic_t m = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS);
	void *db;
	size_t n;
	struct err e = { 0 };

	(void)state;
	assert_non_null(m);
	assert_int_equal(sys_magic_db(&db, &n, &e), 0);
	assert_int_equal(db != NULL ? magic_load_buffers(m, &db, &n, 1) : magic_load(m, NULL), 0);
	assert_string_equal(magic_buffer(m, html, sizeof html - 1), "text/html");
	assert_string_equal(magic_buffer(m, zip, sizeof zip - 1), "application/zip");
	magic_close(m);
	free(db);
}

/* The lists that are built into libpsl differ in age, not in these. Names are in their ASCII form: the Windows build has no other. */
static void
public_suffixes(void **state)
{
	static const struct { const char *domain, *registrable; } cases[] = {
		{ "a.b.example.co.uk", "example.co.uk" }, { "example.co.uk", "example.co.uk" }, { "co.uk", NULL }, { "mail.example.com", "example.com" },
		{ "a.b.xn--55qx5d.cn", "b.xn--55qx5d.cn" }, { "www.ck", "www.ck" }, { "a.b.c.ck", "b.c.ck" },
	};
	const psl_ctx_t *psl = psl_builtin();
	size_t i;

	(void)state;
	assert_non_null(psl);
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *got = psl_registrable_domain(psl, cases[i].domain);

		if (got == NULL || cases[i].registrable == NULL)
			assert_ptr_equal(got, cases[i].registrable);
		else
			assert_string_equal(got, cases[i].registrable);
	}
}

static void
dns_library(void **state)
{
	ares_channel channel;

	(void)state;
	assert_int_equal(ares_library_init(ARES_LIB_INIT_ALL), ARES_SUCCESS);
	assert_int_equal(ares_init(&channel), ARES_SUCCESS);
	assert_int_equal(ares_set_servers_ports_csv(channel, "127.0.0.1:5353"), ARES_SUCCESS);
	ares_destroy(channel);
	ares_library_cleanup();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_types),
		cmocka_unit_test(public_suffixes),
		cmocka_unit_test(dns_library),
	};

	return cmocka_run_group_tests_name("libs", tests, NULL, NULL);
}
