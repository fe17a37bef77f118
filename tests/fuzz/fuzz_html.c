/* HTML and URLs in text: in pieces as at once, hosts as url.h has them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/buf.h"
#include "spool/mime_text.h"
#include "spool/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct told {
	struct buf text, hosts;
};

static void
text(void *arg, const char *s, size_t n)
{
	struct told *t = arg;

	if (!text_valid(s, n))
		abort();
	buf_add(&t->text, s, n);
}

static void
url(void *arg, const struct url *u)
{
	struct told *t = arg;
	size_t i, n = strlen(u->host);

	if (n < 2 || n >= URL_HOST_MAX)
		abort();
	for (i = 0; i < n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789.-_:", u->host[i]) == NULL)
			abort();
	buf_fmt(&t->hosts, "%s\n", u->host);
}

static void
tell(struct told *out, const char *charset, int is_html, const uint8_t *data, size_t n, size_t step)
{
	const struct mime_text_sink sink = { text, url, out };
	struct mime_text *t = malloc(sizeof *t);
	size_t i;

	buf_init(&out->text, (size_t)1 << 24);
	buf_init(&out->hosts, (size_t)1 << 24);
	mime_text_init(t, &sink);
	mime_text_begin(t, charset, is_html);
	for (i = 0; i < n; i += step)
		mime_text_push(t, (const char *)data + i, n - i < step ? n - i : step);
	mime_text_end(t);
	mime_text_free(t);
	free(t);
}

static void
same(struct buf *a, struct buf *b)
{
	if (a->n != b->n || (a->n != 0 && memcmp(a->p, b->p, a->n) != 0))
		abort();
	buf_free(a);
	buf_free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const charsets[] = { "", "utf-8", "iso-8859-9", "iso-2022-jp", "gb18030", "utf-7", "utf-16", "no-such" };
	struct told a, b;

	if (n < 2)
		return 0;
	tell(&a, charsets[data[0] >> 1 & 7], data[0] & 1, data + 2, n - 2, n);
	tell(&b, charsets[data[0] >> 1 & 7], data[0] & 1, data + 2, n - 2, (size_t)data[1] + 1);
	same(&a.text, &b.text);
	same(&a.hosts, &b.hosts);
	return 0;
}
