/* Ranges from bytes: what is taken can be shown and read back as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "index/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct range r, again;
	struct buf b, shown;
	int unit;

	buf_init(&b, 4096);
	buf_init(&shown, 4096);
	buf_add(&b, data, n);
	for (unit = RANGE_NUMBER; unit <= RANGE_PERCENT; unit++) {
		if (range_parse(&r, buf_cstr(&b), (enum range_unit)unit) < 0 || !r.is_on)
			continue;
		buf_clear(&shown);
		range_text(&shown, &r);
		if (r.lo > r.hi || strlen(buf_cstr(&shown)) > 100)
			abort();
		/* 15 digits are shown: more than a unit of a range can hold is not read again */
		if (range_parse(&again, buf_cstr(&shown), RANGE_NUMBER) == 0 && again.is_inside != r.is_inside)
			abort();
		if (range_alerts_from(&r, 5) && !range_alerts(&r, 7))
			abort();
	}
	buf_free(&shown);
	buf_free(&b);
	return 0;
}
