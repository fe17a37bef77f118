/* A Postfix defer, bounce or trace log, joined to three recipients. The first byte says which. */
#include "spool/postfix_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum part_role roles[] = {PART_LOG, PART_BOUNCE_LOG, PART_TRACE_LOG};
	struct arena a = {0}, scratch = {0};
	struct msg m;
	struct rd r;

	if (size == 0)
		return 0;
	msg_init(&m, &a);
	msg_rcpt(&m, "a@b.c", RCPT_PENDING)->key = 5;
	msg_rcpt(&m, "x y@b.c", RCPT_DONE)->key = 10;
	msg_rcpt(&m, "a@b.c", RCPT_REMOVED)->key = 12;
	rd_mem(&r, data + 1, size - 1);
	(void)postfix_log_join(&m, &r, roles[data[0] % 3], &scratch);
	msg_finish(&m);
	arena_free(&a);
	arena_free(&scratch);
	return 0;
}
