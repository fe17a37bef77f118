/* Transfer encodings: in pieces as at once, within the room that is asked for; base64 of our own making comes back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t
decode(char *out, enum decode_kind kind, const char *in, size_t n, size_t step)
{
	struct decode d;
	size_t i, k, got, o = 0;
	char *room;

	decode_init(&d, kind);
	for (i = 0; i < n; i += k) {
		k = n - i < step ? n - i : step;
		room = malloc(k + DECODE_SLACK);	/* of that size alone, so that a byte too many is found */
		got = decode_push(&d, room, in + i, k);
		memcpy(out + o, room, got);
		o += got;
		free(room);
	}
	return o + decode_end(&d, out + o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char code[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *a, *b;
	size_t na, nb, i, o = 0;
	uint32_t v;
	enum decode_kind kind;

	if (n < 2)
		return 0;
	kind = (enum decode_kind)(data[0] % 4);
	a = malloc(n * 2 + DECODE_SLACK);
	b = malloc(n * 2 + DECODE_SLACK);
	na = decode(a, kind, (const char *)data + 2, n - 2, n);
	nb = decode(b, kind, (const char *)data + 2, n - 2, (size_t)data[1] + 1);
	if (na != nb || memcmp(a, b, na) != 0)
		abort();
	for (i = 0; i < n; i += 3) {
		v = (uint32_t)data[i] << 16 | (i + 1 < n ? (uint32_t)data[i + 1] << 8 : 0) | (i + 2 < n ? data[i + 2] : 0);
		a[o++] = code[v >> 18];
		a[o++] = code[v >> 12 & 63];
		a[o++] = i + 1 < n ? code[v >> 6 & 63] : '=';
		a[o++] = i + 2 < n ? code[v & 63] : '=';
	}
	if (decode(b, DECODE_BASE64, a, o, (size_t)data[1] + 1) != n || memcmp(b, data, n) != 0)
		abort();
	free(a);
	free(b);
	return 0;
}
