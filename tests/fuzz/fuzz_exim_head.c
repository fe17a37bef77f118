/* An Exim -H: any bytes are read to an end; its headers go through the header parser, its addresses through the lookup. */
#include <stdlib.h>

#include "spool/exim_head.h"
#include "spool/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
push(void *arg, const void *p, size_t n)
{
	(void)head_push(arg, p, n);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 }, scratch = { 0 };
	struct head_parser parser;
	struct exim_head h;
	struct msg m;
	struct rd r;
	size_t i;

	rd_mem(&r, data, size);
	msg_init(&m, &a);
	head_init(&parser, &a, 0);
	if (exim_head_read(&h, &m, &r, "1qDO9M-0003B3-2p-H", &scratch, push, &parser) != 0)
		abort();
	head_to_msg(&m, head_end(&parser));
	if (h.nrcpt != m.nrcpt || h.nrcpt > EXIM_RCPT_MAX || h.live_size > (int64_t)size || (h.live_size < 0 && m.damage.n == 0))
		abort();
	for (i = 0; i < h.nrcpt; i++)
		if (exim_rcpt_next(&h, h.rcpt[i].p, h.rcpt[i].n, 1, 0) == SIZE_MAX)
			abort();
	msg_finish(&m);
	arena_free(&a);
	arena_free(&scratch);
	return 0;
}
