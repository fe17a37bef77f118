/* Delivery status notifications: whatever stands in one, addresses and replies are valid text, and not too many. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/dsn.h"
#include "spool/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = { 0 };
	const struct dsn_rcpt *r;
	size_t i, found;

	r = dsn_read(&found, data, n, &a);
	if (found > DSN_RECIPIENTS)
		abort();
	for (i = 0; i < found; i++)
		if (r[i].reply == NULL || !text_valid(r[i].reply, strlen(r[i].reply)) ||
		    (r[i].address != NULL && !text_valid(r[i].address, strlen(r[i].address))))
			abort();
	arena_free(&a);
	return 0;
}
