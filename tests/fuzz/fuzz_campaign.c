/* Text to a print: the same in one piece, in two and byte by byte, in bounds, in order, read back as it was; grouping takes any prints. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "index/campaign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t
print_of(uint32_t *out, struct campaign_reader *r, const uint8_t *data, size_t n, size_t step)
{
	char head[64];
	size_t k = n < sizeof head - 1 ? n : sizeof head - 1, i;

	memset(head, 0, sizeof head);
	if (k != 0)
		memcpy(head, data, k);
	campaign_begin(r);
	campaign_name(r, head);
	campaign_subject(r, head);
	for (i = 0; i < n; i += step)
		campaign_text(r, n & 1, data + i, n - i < step ? n - i : step);
	campaign_text_end(r, n & 1);
	campaign_url(r, head, head, n & 2);
	return campaign_end(out, r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct campaign_reader *r = campaign_reader_new();
	uint32_t a[CAMPAIGN_PRINT_MAX], b[CAMPAIGN_PRINT_MAX], any[CAMPAIGN_PRINT_MAX];
	size_t na = print_of(a, r, data, n, n + 1), nb = print_of(b, r, data, n, n / 2 + 1), nc, nany;
	uint8_t bytes[4 * CAMPAIGN_PRINT_MAX];
	struct campaign_item item[3] = { { a, 0, 1, 0 }, { b, 0, 2, 0 }, { any, 0, 3, 0 } };

	if (na != nb || na > CAMPAIGN_PRINT_MAX || memcmp(a, b, na * sizeof *a) != 0)
		abort();
	nb = print_of(b, r, data, n, 1);
	if (na != nb || memcmp(a, b, na * sizeof *a) != 0)
		abort();
	if (campaign_decode(b, &nc, bytes, campaign_encode(bytes, a, na)) < 0 || nc != na || memcmp(a, b, na * sizeof *a) != 0)
		abort();
	if (na != 0 && campaign_decode(any, &nany, data, n < sizeof bytes ? n / 4 * 4 : sizeof bytes) == 0 && nany != 0) {
		item[0].n = item[1].n = (uint32_t)na;
		item[2].n = (uint32_t)nany;
		campaign_group(item, 3);
		if (item[0].id != item[1].id || item[2].id >> 48 != 0)
			abort();
	}
	campaign_reader_free(r);
	return 0;
}
