/* Replies: one normalised is normal already, an address found is one, and one text is judged one way. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "index/reply.h"
#include "spool/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct replies *r;	/* made once: it takes longer than a text */
	struct arena a = { 0 };
	struct reply one, two;
	char *text = arena_dup(&a, data, n);
	const char *ip;

	if (r == NULL)
		r = replies_new();
	reply_read(&one, r, text, &a);
	if (one.address != NULL && ((ip = addr_ip(&a, one.address, 0)) == NULL || strcmp(ip, one.address) != 0))
		abort();
	if ((one.row == NULL) != (one.category == REPLY_UNKNOWN) || (one.has_url && strstr(one.url, "://") == NULL))
		abort();
	reply_read(&two, r, text, &a);
	if (one.row != two.row || one.category != two.category || reply_class(r, text) > REPLY_MESSAGE)
		abort();
	arena_free(&a);
	return 0;
}
