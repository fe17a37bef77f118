/* A message's body: fed in pieces it must tell what it tells at once; entities open and close in order, text is valid UTF-8. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/mime.h"
#include "spool/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct told {
	struct buf all, text, bytes;
	unsigned open, parts;
};

static void
begin(void *arg, const struct mime_part *p)
{
	struct told *t = arg;

	if (p->depth != t->open++ || p->number != t->parts++ || p->depth > MIME_DEPTH_MAX || p->type == NULL)
		abort();
	if (p->name != NULL && !text_valid(p->name, strlen(p->name)))
		abort();
	buf_fmt(&t->all, "%u %s %s\n", p->depth, p->type, p->name != NULL ? p->name : "");
}

static void
bytes(void *arg, const struct mime_part *p, const void *s, size_t n)
{
	struct told *t = arg;

	if (p->is_container || p->depth + 1 != t->open)
		abort();
	buf_add(&t->bytes, s, n);
}

static void
text(void *arg, const struct mime_part *p, const char *s, size_t n)
{
	struct told *t = arg;

	if (!p->is_text || !text_valid(s, n))
		abort();
	buf_add(&t->text, s, n);
}

static void
url(void *arg, const struct mime_part *p, const struct url *u)
{
	struct told *t = arg;

	if (!p->is_text || strlen(u->host) >= URL_HOST_MAX || !text_plain(u->host, strlen(u->host)))
		abort();
	buf_fmt(&t->all, "%s\n", u->host);
}

static void
end(void *arg, const struct mime_part *p)
{
	struct told *t = arg;

	if (p->depth != --t->open)
		abort();
	buf_fmt(&t->all, "end %llu\n", (unsigned long long)p->size);
}

static void
note(void *arg, const char *s)
{
	struct told *t = arg;

	if (!text_valid(s, strlen(s)))
		abort();
	buf_fmt(&t->all, "%s\n", s);
}

static void
tell(struct told *t, const uint8_t *data, size_t n, size_t step, uint64_t max)
{
	const struct mime_sink sink = { begin, bytes, text, url, end, note, t };
	struct mime *m = mime_new(&sink);
	size_t i;

	memset(t, 0, sizeof *t);
	buf_init(&t->all, (size_t)1 << 24);
	buf_init(&t->text, (size_t)1 << 24);
	buf_init(&t->bytes, (size_t)1 << 24);
	mime_begin(m, max);
	for (i = 0; i < n && mime_feed(m, data + i, n - i < step ? n - i : step) == 0; i += step)
		;
	mime_end(m);
	mime_free(m);
	if (t->open != 0 || t->parts == 0)
		abort();
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
	struct told whole, pieces;
	uint64_t max;

	if (n < 2)
		return 0;
	max = data[1] < 200 ? 0 : (uint64_t)data[1] * 4;
	tell(&whole, data + 2, n - 2, n, max);
	tell(&pieces, data + 2, n - 2, (size_t)data[0] + 1, max);
	same(&whole.all, &pieces.all);
	same(&whole.text, &pieces.text);
	same(&whole.bytes, &pieces.bytes);
	return 0;
}
