#include "dsn.h"

#include <string.h>

#include "addr.h"
#include "buf.h"
#include "head.h"

#define VALUE_MAX ((size_t)16 * 1024)

struct group {			/* fields about one recipient: those of a paragraph (RFC 3464 section 2.1) */
	const char *final, *original, *reply;
	int is_good;		/* delivered, relayed, expanded: no failure */
};

struct line {
	const char *p;
	size_t n;
};

/* The next line without its end; 0 at the end of the text. */
static int
next_line(struct line *out, const char **at, const char *end)
{
	const char *lf;

	if (*at >= end)
		return 0;
	lf = memchr(*at, '\n', (size_t)(end - *at));
	out->p = *at;
	out->n = (size_t)((lf != NULL ? lf : end) - *at);
	*at = lf != NULL ? lf + 1 : end;
	if (out->n > 0 && out->p[out->n - 1] == '\r')
		out->n--;
	return 1;
}

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Without case; word is lower case. */
static int
begins(const char *p, size_t n, const char *word)
{
	size_t i;

	for (i = 0; word[i] != '\0'; i++)
		if (i == n || (p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]) != word[i])
			return 0;
	return 1;
}

static int
is_field(const struct line *l, const char *name)
{
	size_t n = strlen(name);

	return l->n > n && l->p[n] == ':' && begins(l->p, l->n, name);
}

/* The value of a field with its folded lines, behind "type;" when it has one (RFC 3464 section 2.1.2). */
static const char *
value_of(struct buf *b, const struct line *l, size_t name, const char **at, const char *end)
{
	const char *p = l->p + name + 1, *semicolon;
	struct line more;
	const char *next;
	size_t n = l->n - name - 1;

	semicolon = memchr(p, ';', n < 20 ? n : 20);
	if (semicolon != NULL) {
		n -= (size_t)(semicolon + 1 - p);
		p = semicolon + 1;
	}
	for (; n > 0 && is_blank(*p); n--)
		p++;
	buf_clear(b);
	buf_add(b, p, n);
	for (next = *at; next_line(&more, &next, end) && more.n > 0 && is_blank(more.p[0]); *at = next) {
		for (; more.n > 0 && is_blank(*more.p); more.n--)
			more.p++;
		buf_byte(b, ' ');
		buf_add(b, more.p, more.n);
	}
	return buf_cstr(b);
}

static void
end_group(struct dsn_rcpt *out, size_t *n, struct group *g)
{
	if (g->reply != NULL && *g->reply != '\0' && !g->is_good && *n < DSN_RECIPIENTS) {
		out[*n].address = g->original != NULL ? g->original : g->final;
		out[(*n)++].reply = g->reply;
	}
	memset(g, 0, sizeof *g);
}

static void
read_field(struct group *g, struct buf *b, const struct line *l, const char **at, const char *end, struct arena *a)
{
	if (is_field(l, "final-recipient")) {
		value_of(b, l, strlen("final-recipient"), at, end);
		g->final = addr_clean(a, b->p != NULL ? b->p : "", b->n);
	} else if (is_field(l, "original-recipient")) {
		value_of(b, l, strlen("original-recipient"), at, end);
		g->original = addr_clean(a, b->p != NULL ? b->p : "", b->n);
	} else if (is_field(l, "diagnostic-code")) {
		value_of(b, l, strlen("diagnostic-code"), at, end);
		g->reply = head_text(a, b->p != NULL ? b->p : "", b->n, NULL);
	} else if (is_field(l, "action")) {
		value_of(b, l, strlen("action"), at, end);
		g->is_good = b->n > 0 && !begins(b->p, b->n, "failed") && !begins(b->p, b->n, "delayed");
	}
}

const struct dsn_rcpt *
dsn_read(size_t *n, const void *p, size_t len, struct arena *a)
{
	struct dsn_rcpt *out = arena_get(a, DSN_RECIPIENTS * sizeof *out);
	const char *at = p, *end = at + (len < DSN_MAX ? len : DSN_MAX);
	struct group g = { NULL, NULL, NULL, 0 };
	struct line l;
	struct buf b;

	*n = 0;
	buf_init(&b, VALUE_MAX);
	while (next_line(&l, &at, end)) {
		if (l.n == 0)
			end_group(out, n, &g);
		else
			read_field(&g, &b, &l, &at, end, a);
	}
	end_group(out, n, &g);
	buf_free(&b);
	return out;
}
