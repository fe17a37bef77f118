#include "cmd/table.h"

#include <assert.h>
#include <string.h>

#define WAIT_MAX ((size_t)16 * 1024 * 1024)
#define NATURAL_MAX 60		/* one very long text must not push all others aside */
#define GAP 2

/*
 * A waiting cell is a colour byte, a byte for its width (WIDE: that is to be measured), its text, and a NUL: texts are
 * inert by then and hold none. A row has ncol cells. A note is a cell of colour NOTE.
 */
enum { NOTE = 100, WIDE = 255 };

static const char *const colour_on[] = { "", "\033[31m", "\033[33m", "\033[32m" };

void
table_init(struct table *t, struct out *o, const struct table_column *col, size_t ncol)
{
	size_t i;

	assert(ncol <= TABLE_COLUMNS);
	memset(t, 0, sizeof *t);
	t->o = o;
	t->col = col;
	t->ncol = ncol;
	buf_init(&t->rows, (size_t)1 << 30);
	for (i = 0; i < ncol; i++)
		t->width[i] = strlen(col[i].title);
}

static void
spaces(struct table *t, size_t n)
{
	static const char blanks[] = "                                ";
	size_t k;

	for (; n > 0; n -= k) {
		k = n < sizeof blanks - 1 ? n : sizeof blanks - 1;
		buf_add(&t->o->b, blanks, k);
	}
}

/* The column that ends the line needs no padding. */
static size_t
last_column(const struct table *t)
{
	size_t i = t->ncol;

	while (i > 0 && t->dropped[i - 1])
		i--;
	return i - 1;
}

static void
write_cell(struct table *t, size_t i, const char *s, size_t n, size_t w, int colour)
{
	struct buf *b = &t->o->b;
	size_t width = t->width[i];
	int cut = t->o->width > 0 && w > width && !t->col[i].is_number;

	if (t->col[i].is_number && w < width)
		spaces(t, width - w);
	if (colour != TABLE_PLAIN && t->o->colour)
		buf_puts(b, colour_on[colour]);
	if (cut) {
		n = text_fit(s, n, width - 1);
		w = text_width(s, n) + 1;
	}
	buf_add(b, s, n);
	if (cut)
		buf_puts(b, "\xE2\x80\xA6");	/* U+2026 */
	if (colour != TABLE_PLAIN && t->o->colour)
		buf_puts(b, "\033[0m");
	if (i != last_column(t)) {
		if (!t->col[i].is_number && w < width)
			spaces(t, width - w);
		spaces(t, GAP);
	}
}

static size_t
least(const struct table *t, size_t i)
{
	size_t min = t->col[i].min > strlen(t->col[i].title) ? t->col[i].min : strlen(t->col[i].title);

	return t->col[i].is_number || t->width[i] < min ? t->width[i] : min;
}

static size_t
line_width(const struct table *t, int narrow)
{
	size_t i, w = 0;

	for (i = 0; i < t->ncol; i++)
		if (!t->dropped[i])
			w += (narrow ? least(t, i) : t->width[i]) + (w > 0 ? GAP : 0);
	return w;
}

/* Leaves out the column of the highest rank. 0 when none may go. */
static int
drop_one(struct table *t)
{
	size_t i, found = t->ncol;

	for (i = 0; i < t->ncol; i++)
		if (!t->dropped[i] && t->col[i].drop > 0 && (found == t->ncol || t->col[i].drop > t->col[found].drop))
			found = i;
	if (found == t->ncol)
		return 0;
	t->dropped[found] = 1;
	return 1;
}

/* Takes a column's width from the widest that can give. */
static int
shrink_one(struct table *t)
{
	size_t i, found = t->ncol;

	for (i = 0; i < t->ncol; i++)
		if (!t->dropped[i] && t->width[i] > least(t, i) && (found == t->ncol || t->width[i] > t->width[found]))
			found = i;
	if (found == t->ncol)
		return 0;
	t->width[found]--;
	return 1;
}

static void
lay_out(struct table *t)
{
	size_t i;

	t->laid = 1;
	if (t->o->width > 0) {
		while (line_width(t, 1) > t->o->width && drop_one(t))
			continue;
		while (line_width(t, 0) > t->o->width && shrink_one(t))
			continue;
	}
	if (t->o->colour)
		out_raw(t->o, "\033[1m");
	for (i = 0; i < t->ncol; i++)
		if (!t->dropped[i])
			write_cell(t, i, t->col[i].title, strlen(t->col[i].title), strlen(t->col[i].title), TABLE_PLAIN);
	if (t->o->colour)
		out_raw(t->o, "\033[0m");
	out_raw(t->o, "\n");
}

static void
write_waiting(struct table *t)
{
	const char *p, *end;
	size_t i = 0, n, w;
	int colour;

	if (t->rows.n == 0)
		return;
	if (!t->laid)
		lay_out(t);
	for (p = t->rows.p, end = p + t->rows.n; p < end; p += n + 1) {
		colour = *p++;
		w = (unsigned char)*p++;
		n = strlen(p);
		if (colour == NOTE) {
			out_raw(t->o, "    ");
			out_raw(t->o, p);
			out_raw(t->o, "\n");
			continue;
		}
		if (!t->dropped[i])
			write_cell(t, i, p, n, w != WIDE ? w : text_width(p, n), colour);
		if (++i == t->ncol) {
			i = 0;
			out_raw(t->o, "\n");
		}
	}
	buf_clear(&t->rows);
}

void
table_colour(struct table *t, enum table_colour colour, const char *s)
{
	size_t w, start, n;

	assert(t->at < t->ncol);
	if (s == NULL)
		s = "-";
	n = strlen(s);
	buf_byte(&t->rows, (int)colour);
	buf_byte(&t->rows, 0);
	start = t->rows.n;
	if (text_is_ascii(s, n)) {
		buf_add(&t->rows, s, n + 1);
		w = n;
	} else {
		text_inert(&t->rows, s, n);
		w = text_width(t->rows.p + start, t->rows.n - start);
		buf_byte(&t->rows, '\0');
	}
	if (!t->rows.cut)
		t->rows.p[start - 1] = (char)(w < WIDE ? w : WIDE);
	if (t->laid)
		w = 0;
	if (w > NATURAL_MAX)
		w = NATURAL_MAX;
	if (w > t->width[t->at])
		t->width[t->at] = w;
	t->at++;
}

void
table_cell(struct table *t, const char *s)
{
	table_colour(t, TABLE_PLAIN, s);
}

void
table_number(struct table *t, int64_t v)
{
	char text[32];

	text_number(text, v);
	table_cell(t, v < 0 ? NULL : text);
}

void
table_row(struct table *t)
{
	assert(t->at == t->ncol);
	t->at = 0;
	t->nrows++;
	if (t->rows.n >= WAIT_MAX)
		write_waiting(t);
}

void
table_note(struct table *t, const char *s)
{
	assert(t->at == 0);
	buf_byte(&t->rows, NOTE);
	buf_byte(&t->rows, 0);
	text_inert(&t->rows, s, strlen(s));
	buf_byte(&t->rows, '\0');
}

void
table_end(struct table *t)
{
	write_waiting(t);
	buf_free(&t->rows);
}
