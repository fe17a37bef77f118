/* A Postfix queue file: any bytes are read to an end, as a message in all its forms. */
#include <stdlib.h>

#include "spool/postfix_rec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
count(void *arg, const void *p, size_t n)
{
	*(size_t *)arg += n;
	return p == NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t content = 0;
	const struct postfix_how how[] = {{0, 0, NULL, NULL, 0}, {1, 0, NULL, NULL, 0}, {0, 1, NULL, NULL, 0}, {0, 0, count, &content, 0}};
	struct arena a = {0};
	struct postfix_env env;
	struct msg m;
	struct rd r;
	size_t i;

	for (i = 0; i < sizeof how / sizeof how[0]; i++) {
		rd_mem(&r, data, size);
		msg_init(&m, &a);
		if (postfix_parse(&m, &env, &r, &how[i]) != 0 || (how[i].is_unfinished && m.damage.n > 0))
			abort();
		m.uid = postfix_received_uid(env.received);
		msg_finish(&m);
		arena_reset(&a);
	}
	arena_free(&a);
	return 0;
}
