#include "mime_text.h"

#include <string.h>

#include "words.h"

/* Text that is seen. */
static void
told(void *arg, const char *p, size_t n)
{
	struct mime_text *t = arg;

	url_scan_push(&t->scan, p, n);
	t->sink.text(t->sink.arg, p, n);
}

static void
attribute(void *arg, const char *name, const char *value, size_t n)
{
	struct mime_text *t = arg;

	if (n > 3 && strncmp(name, "xmlns", 5) != 0)	/* the name of a markup language is no link */
		url_link(value, n, t->sink.url, t->sink.arg);
}

/* Scripts, styles and comments: not seen, but what they lead to counts. */
static void
hidden(void *arg, const char *p, size_t n)
{
	struct mime_text *t = arg;

	url_scan_push(&t->scan, p, n);
}

void
mime_text_init(struct mime_text *t, const struct mime_text_sink *sink)
{
	memset(t, 0, sizeof *t);
	t->sink = *sink;
	buf_init(&t->piece, MIME_PIECE);
	buf_init(&t->utf8, MIME_PIECE * 6 + 64);
	url_scan_init(&t->scan, sink->url, sink->arg);
}

void
mime_text_free(struct mime_text *t)
{
	buf_free(&t->piece);
	buf_free(&t->utf8);
}

void
mime_text_begin(struct mime_text *t, const char *charset, int is_html)
{
	const struct html_sink sink = { told, attribute, hidden, t };

	t->charset = charset;
	t->is_html = is_html;
	t->is_plain_charset = text_charset_is_plain(charset);
	t->is_unknown = 0;
	if (is_html)
		html_init(&t->html, &sink);
}

static void
pass_on(struct mime_text *t, const char *p, size_t n)
{
	if (n == 0)
		return;
	if (t->is_html)
		html_push(&t->html, p, n);
	else
		told(t, p, n);
}

/* UTF-16 and UTF-32 have no single byte for a line end: they wait for a full piece. */
static int
has_lines(const struct mime_text *t)
{
	return strncmp(t->charset, "utf-16", 6) != 0 && strncmp(t->charset, "utf-32", 6) != 0 && strncmp(t->charset, "ucs-", 4) != 0;
}

/* Line by line, so that the result does not depend on where the input was cut. */
static void
convert(struct mime_text *t, const char *p, size_t n)
{
	const char *lf;
	size_t use;

	if (t->is_plain_charset && text_plain(p, n)) {
		pass_on(t, p, n);
		return;
	}
	for (; n > 0; p += use, n -= use) {
		lf = has_lines(t) ? memchr(p, '\n', n) : NULL;
		use = lf != NULL ? (size_t)(lf - p) + 1 : n;
		buf_clear(&t->utf8);
		if (text_add_charset(&t->utf8, t->charset, p, use) < 0)
			t->is_unknown = 1;
		pass_on(t, t->utf8.p, t->utf8.n);
	}
}

/* How much of p can be converted now: up to its last line end. */
static size_t
to_line_end(const struct mime_text *t, const char *p, size_t n)
{
	if (!has_lines(t))
		return 0;
	while (n > 0 && p[n - 1] != '\n')
		n--;
	return n;
}

static void
take_piece(struct mime_text *t)
{
	convert(t, t->piece.p, t->piece.n);
	buf_clear(&t->piece);
}

void
mime_text_push(struct mime_text *t, const char *p, size_t n)
{
	size_t use, room;

	while (n > 0) {
		room = MIME_PIECE - t->piece.n;
		use = to_line_end(t, p, n < room ? n : room);
		if (use == 0 && n < room) {
			buf_add(&t->piece, p, n);
			return;
		}
		if (use == 0)
			use = room;
		if (t->piece.n != 0) {
			buf_add(&t->piece, p, use);
			take_piece(t);
		} else {
			convert(t, p, use);
		}
		p += use;
		n -= use;
	}
}

void
mime_text_end(struct mime_text *t)
{
	if (t->piece.n != 0)
		take_piece(t);
	if (t->is_html)
		html_end(&t->html);
	url_scan_end(&t->scan);
}
