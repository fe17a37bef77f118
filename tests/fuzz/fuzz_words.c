/* RFC 2047 words and addresses from bytes: what comes out is valid UTF-8 without NUL; an IP address once read is read again as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/addr.h"
#include "spool/head.h"
#include "spool/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(const char *s)
{
	if (s != NULL && !text_valid(s, strlen(s)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = { 0 };
	const char *clean, *ip, *text;
	int raw8;

	check(head_decode(&a, data, n, NULL));
	text = head_text(&a, data, n, &raw8);
	check(text);
	if (text_plain(data, n) && (raw8 != 0 || strlen(text) != n))
		abort();
	clean = addr_clean(&a, data, n);
	check(clean);
	check(addr_key(&a, clean));
	check(addr_fold(&a, clean));
	ip = addr_ip(&a, clean, 1);
	if (ip != NULL && (strcmp(addr_ip(&a, ip, 0), ip) != 0 || addr_ip_in(ip, ip) != 1))
		abort();
	arena_free(&a);
	return 0;
}
