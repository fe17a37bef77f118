/* Parameters of MIME fields: any bytes give valid text. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/mime_param.h"
#include "spool/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const names[] = { "filename", "name", "charset", "boundary", "" };
	struct arena a = { 0 };
	struct mime_value v;
	const char *s;
	size_t i, len;

	mime_value_parse(&v, &a, (const char *)data, n);
	if (!text_valid(v.word, strlen(v.word)) || v.n > MIME_PARAMS_MAX)
		abort();
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		s = mime_value_text(&v, &a, names[i]);
		if (s != NULL && !text_valid(s, strlen(s)))
			abort();
		s = mime_value_raw(&len, &v, &a, names[i]);
		if (s != NULL && (s[len] != '\0' || len > n))
			abort();
	}
	arena_free(&a);
	return 0;
}
