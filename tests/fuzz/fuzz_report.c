/* Texts of strangers on their way into a report: HTML holds no markup of theirs, like replies become one, redaction leaves no address whole. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "cmd/report_out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must_be_inert(const struct buf *b)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t k;
	size_t i;

	for (i = 0; i < b->n; i += (size_t)k) {
		k = utf8proc_iterate((const utf8proc_uint8_t *)b->p + i, (utf8proc_ssize_t)(b->n - i), &c);
		if (k <= 0 || c < 0x20 || (c >= 0x7F && c < 0xA0) || strchr("<>\"'`", c < 0x7F ? c : 'x') != NULL ||
		    (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069))
			abort();
		if (c == '&' && memchr(b->p + i, ';', b->n - i < 8 ? b->n - i : 8) == NULL)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint64_t secret[2] = { 1, 2 };
	struct arena a = { 0 };
	struct query_row row = { 0 };
	const char *text = arena_dup(&a, data, n);
	struct buf b;

	buf_init(&b, (size_t)1 << 24);
	text_html(&b, (const char *)data, n);
	must_be_inert(&b);
	if (strlen(report_reply_key(&a, text)) > strlen(text))
		abort();
	row.account = row.sender = row.client = row.script = row.from = row.subject = row.reason = text;
	report_redact_row(&row, &a, secret);
	if (strlen(text) > 3 && strchr(text, ' ') == NULL && text[0] == 'a' && text[1] == 'b' && text[2] == '@' && strcmp(row.sender, text) == 0)
		abort();
	buf_free(&b);
	arena_free(&a);
	return 0;
}
