/* SmarterMail .hdr envelopes from bytes: any input must end in a message, with text that is text. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/smartermail_hdr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = { 0 };
	struct smartermail_hdr h;
	struct msg m;
	struct rd r;
	size_t i;

	if (n == 0)
		return 0;
	msg_init(&m, &a);
	rd_mem(&r, data + 1, n - 1);
	if (smartermail_hdr_read(&h, &m, &r, data[0] & 1) != 0)	/* memory has no I/O errors */
		abort();
	msg_finish(&m);
	if (h.status == SMARTERMAIL_WRITTEN && m.nrcpt == 0 && m.damage.n + m.notes.n == 0)
		abort();
	for (i = 0; i < m.nrcpt; i++)
		if (m.rcpt[i].address == NULL || strlen(m.rcpt[i].address) > (size_t)16 * 4096)
			abort();
	rd_mem(&r, data + 1, n - 1);
	if (smartermail_hdr_status(NULL, &r) != h.status && h.status != SMARTERMAIL_OTHER && memchr(data + 1, 0, n - 1) == NULL)
		abort();
	arena_free(&a);
	return 0;
}
