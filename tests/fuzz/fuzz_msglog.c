/* An Exim message log: every reply lies within its line, and its text can be made readable. */
#include <stdlib.h>

#include "spool/exim_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct arena *arena;
	const uint8_t *data, *end;
};

static void
put(void *arg, const struct exim_reply *reply)
{
	const struct seen *s = arg;

	if (reply->text < s->data || reply->text + reply->ntext > s->end || reply->address < s->data ||
	    reply->address + reply->naddress > s->end || exim_log_text(s->arena, reply->text, reply->ntext) == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct seen seen = { &a, data, data + size };
	struct rd r;

	rd_mem(&r, data, size);
	if (exim_log_read(&r, put, &seen) < 0)
		abort();
	arena_free(&a);
	return 0;
}
