#include "cmd/out.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/msg.h"
#include "spool/sys.h"

#define FLUSH_AT ((size_t)256 * 1024)
#define ROW_MAX ((size_t)1 << 30)

void
out_init(struct out *o, enum out_format format)
{
	const char *no_colour = getenv("NO_COLOR");

	memset(o, 0, sizeof *o);
	o->format = format;
	buf_init(&o->b, ROW_MAX);
	buf_init(&o->cell, ROW_MAX);
	o->is_terminal = sys_is_terminal(1);
	o->is_pipe = sys_is_pipe(1);
	/* no-color.org: set and not empty */
	o->colour = (no_colour == NULL || no_colour[0] == '\0') && sys_terminal_colours(1);
	if (o->is_terminal)
		o->width = (size_t)sys_terminal_width();
}

int
out_flush(struct out *o)
{
	if (o->b.cut && o->error == 0)
		o->error = EFBIG;
	if (o->is_memory)
		return o->error != 0 ? -1 : 0;
	if (o->error == 0 && o->b.n > 0 && fwrite(o->b.p, 1, o->b.n, stdout) != o->b.n)
		o->error = errno != 0 ? errno : EIO;
	if (o->error == 0 && fflush(stdout) != 0)
		o->error = errno != 0 ? errno : EIO;
	buf_clear(&o->b);
	return o->error != 0 ? -1 : 0;
}

int
out_end(struct out *o)
{
	int r = out_flush(o);

	/* a full disk or a network file system may tell only now */
	if (fclose(stdout) != 0 && o->error == 0) {
		o->error = errno != 0 ? errno : EIO;
		r = -1;
	}
	buf_free(&o->b);
	buf_free(&o->cell);
	return r;
}

void
out_raw(struct out *o, const char *s)
{
	buf_puts(&o->b, s);
	if (o->b.n >= FLUSH_AT)
		out_flush(o);
}

void
out_plain(struct out *o, const char *s)
{
	text_inert(&o->b, s, strlen(s));
	if (o->b.n >= FLUSH_AT)
		out_flush(o);
}

void
out_keys(struct out *o, const char *const *key, size_t nkey)
{
	size_t i;

	o->key = key;
	o->nkey = nkey;
	o->at = 0;
	if (o->format != OUT_CSV)
		return;
	for (i = 0; i < nkey; i++) {
		if (i > 0)
			buf_byte(&o->b, ',');
		buf_puts(&o->b, key[i]);
	}
	buf_byte(&o->b, '\n');
}

/* What stands before a JSON value: the comma, and the key where there is one. */
static void
json_before(struct out *o)
{
	const char *key = NULL;
	size_t i;

	if (o->in_group) {
		i = o->group_at++;
		if (i > 0)
			buf_byte(&o->b, ',');
		if (o->group_key != NULL)
			key = o->group_key[i];
	} else if (o->in_list) {
		if (o->items++ > 0)
			buf_byte(&o->b, ',');
	} else {
		assert(o->at < o->nkey);
		buf_byte(&o->b, o->at == 0 ? '{' : ',');
		key = o->key[o->at++];
	}
	if (key != NULL) {
		buf_byte(&o->b, '"');
		buf_puts(&o->b, key);
		buf_add(&o->b, "\":", 2);
	}
}

/* One CSV cell, RFC 4180 with LF. Spreadsheets take a cell with one of these first characters for a formula. */
static void
csv_cell(struct out *o, const char *s, size_t n)
{
	struct buf *b = &o->b;
	size_t start, i, end;
	int quote;

	if (o->at++ > 0)
		buf_byte(b, ',');
	if (n == 0)
		return;
	start = b->n;
	if (strchr("=+-@\t\r", s[0]) != NULL && s[0] != '\0')
		buf_byte(b, '\'');
	text_inert(b, s, n);
	end = b->n;
	quote = memchr(b->p + start, ',', end - start) != NULL || memchr(b->p + start, '"', end - start) != NULL ||
	    b->p[start] == ' ' || b->p[end - 1] == ' ';
	if (!quote)
		return;
	buf_clear(&o->cell);
	buf_add(&o->cell, b->p + start, end - start);
	b->n = start;
	buf_byte(b, '"');
	for (i = 0; i < o->cell.n; i++) {
		if (o->cell.p[i] == '"')
			buf_byte(b, '"');
		buf_byte(b, o->cell.p[i]);
	}
	buf_byte(b, '"');
}

/* A member of a list waits in o->cell; members of a group are parted by a space. */
static void
csv_put(struct out *o, const char *s)
{
	if (!o->in_list) {
		csv_cell(o, s != NULL ? s : "", s != NULL ? strlen(s) : 0);
		return;
	}
	if (s == NULL)
		return;
	if (o->in_group ? o->group_at++ > 0 : o->items++ > 0)
		buf_puts(&o->cell, o->in_group ? " " : "; ");
	buf_puts(&o->cell, s);
}

static void
put(struct out *o, const char *s, int is_text)
{
	if (o->format == OUT_CSV) {
		csv_put(o, s);
		return;
	}
	json_before(o);
	if (s == NULL) {
		buf_add(&o->b, "null", 4);
	} else if (!is_text) {
		buf_puts(&o->b, s);
	} else {
		buf_byte(&o->b, '"');
		text_json(&o->b, s, strlen(s));
		buf_byte(&o->b, '"');
	}
}

void
out_text(struct out *o, const char *s)
{
	put(o, s, 1);
}

void
out_int(struct out *o, int64_t v)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRId64, v);
	put(o, text, 0);
}

void
out_count(struct out *o, int64_t v)
{
	if (v < 0)
		put(o, NULL, 0);
	else
		out_int(o, v);
}

void
out_real(struct out *o, double v, int digits)
{
	char text[64];

	snprintf(text, sizeof text, "%.*f", digits, v);
	put(o, text, 0);
}

void
out_bool(struct out *o, int v)
{
	put(o, v < 0 ? NULL : v ? "true" : "false", 0);
}

/* Division that rounds down, also before 1970. */
static int64_t
divide_down(int64_t a, int64_t b, int64_t *rest)
{
	int64_t q = a / b, r = a % b;

	if (r < 0) {
		r += b;
		q--;
	}
	*rest = r;
	return q;
}

void
out_time(struct out *o, int64_t us, int digits)
{
	char text[40];
	int64_t sec, rest;

	if (us == MSG_NO_TIME) {
		put(o, NULL, 1);
		return;
	}
	sec = divide_down(us, 1000000, &rest);
	put(o, text_time(text, sec, rest, digits, 1), 1);
}

void
out_time_ns(struct out *o, int64_t ns)
{
	char text[40];
	int64_t sec, rest;

	sec = divide_down(ns, 1000000000, &rest);
	put(o, text_time(text, sec, rest, 9, 1), 1);
}

void
out_strings(struct out *o, const char *json)
{
	struct buf item;

	if (json == NULL) {
		put(o, NULL, 0);
		return;
	}
	if (strcmp(json, "[]") == 0) {
		put(o, o->format == OUT_CSV ? NULL : json, 0);
		return;
	}
	buf_init(&item, ROW_MAX);
	out_list(o);
	while (text_string(&item, &json))
		put(o, buf_cstr(&item), 1);
	out_list_end(o);
	buf_free(&item);
}

void
out_list(struct out *o)
{
	if (o->format == OUT_CSV) {
		buf_clear(&o->cell);
	} else {
		json_before(o);
		buf_byte(&o->b, '[');
	}
	o->in_list = 1;
	o->items = 0;
}

void
out_group(struct out *o, const char *const *key)
{
	if (o->items++ > 0) {
		if (o->format == OUT_CSV)
			buf_puts(&o->cell, "; ");
		else
			buf_byte(&o->b, ',');
	}
	if (o->format == OUT_JSON)
		buf_byte(&o->b, key != NULL ? '{' : '[');
	o->in_group = 1;
	o->group_at = 0;
	o->group_key = key;
}

void
out_group_end(struct out *o)
{
	if (o->format == OUT_JSON)
		buf_byte(&o->b, o->group_key != NULL ? '}' : ']');
	o->in_group = 0;
}

void
out_list_end(struct out *o)
{
	struct buf joined;

	o->in_list = 0;
	if (o->format == OUT_JSON) {
		buf_byte(&o->b, ']');
		return;
	}
	joined = o->cell;	/* csv_cell needs o->cell for itself */
	buf_init(&o->cell, ROW_MAX);
	csv_cell(o, joined.p, joined.n);
	buf_free(&o->cell);
	o->cell = joined;
}

void
out_row(struct out *o)
{
	assert(o->at == o->nkey && !o->in_list);
	if (o->format == OUT_JSON)
		buf_byte(&o->b, '}');
	buf_byte(&o->b, '\n');
	o->at = 0;
	if (o->b.n >= FLUSH_AT)
		out_flush(o);
}
