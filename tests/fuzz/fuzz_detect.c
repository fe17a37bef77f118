/* What an attachment is said to be: any first bytes, any name; libmagic itself is left to its own fuzzers. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/detect.h"
#include "spool/head.h"
#include "spool/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const types[] = { "application/pdf", "application/zip", "text/html", "application/ms-tnef", "application/x-dosexec", "x" };
	struct arena a = { 0 };
	struct mime_part p = { 0 };
	struct buf out;
	uint8_t *copy;
	size_t len;

	if (n < 3)
		return 0;
	len = data[0] < n - 3 ? data[0] : n - 3;
	p.name = len != 0 ? head_text(&a, data + 3, len, NULL) : NULL;
	p.type = types[data[1] % 6];
	n -= 3 + len;
	copy = malloc(n + 1);	/* of that size alone, so that a byte too many is found */
	memcpy(copy, data + 3 + len, n);
	buf_init(&out, 100000);
	(void)detect_is_texty(copy, n);
	if ((detect_note(&out, &p, data[2] < 6 ? types[data[2]] : NULL, copy, n, data[1] > 127) != 0) != (out.n != 0) || !text_valid(out.p, out.n))
		abort();
	buf_free(&out);
	free(copy);
	arena_free(&a);
	return 0;
}
