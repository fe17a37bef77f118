/* Records on their way to the index, of a message and of its body. A body that is read is written as the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "index/contents_in.h"
#include "index/stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
body(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct body first, second;
	struct buf once, again;

	buf_init(&once, 64 << 20);
	buf_init(&again, 64 << 20);
	if (body_decode(&first, &a, data, size) == 0) {
		body_encode(&once, &first);
		if (body_decode(&second, &a, once.p, once.n) < 0)
			abort();
		body_encode(&again, &second);
		if (again.n != once.n || memcmp(again.p, once.p, once.n) != 0)
			abort();
	}
	buf_free(&once);
	buf_free(&again);
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stage *s = stage_pipe();
	struct staged m;

	if (stage_decode(&m, s, data, size) == 0 && m.nmore != 0)
		body(m.more, m.nmore);
	body(data, size);
	stage_free(s);
	return 0;
}
