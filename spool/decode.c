#include "decode.h"

#include <string.h>

#include "ascii.h"

/* Where quoted-printable stands. */
enum { PLAIN, ESCAPE, DIGIT, SOFT };	/* behind "=", "=X", "=" and a blank or CR */

/* Where uuencode stands. */
enum { UU_BEGIN, UU_LENGTH, UU_DATA, UU_SKIP, UU_ENDED };

#define NO 0xFF		/* no code */
#define PAD 0xFE
#define BLANK 0xFD

#define X4(v) v, v, v, v
#define X16(v) X4(v), X4(v), X4(v), X4(v)

static const unsigned char sextets[256] = {
	NO, NO, NO, NO, NO, NO, NO, NO, NO, BLANK, BLANK, NO, NO, BLANK, NO, NO, X16(NO),
	BLANK, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO, NO, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, PAD, NO, NO,
	NO, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, NO,
	NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
	X16(NO), X16(NO), X16(NO), X16(NO), X16(NO), X16(NO), X16(NO), X16(NO)
};

static int
is_word(const char *s, const char *word)
{
	for (; *word != '\0'; s++, word++)
		if ((*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s) != *word)
			return 0;
	return *s == '\0';
}

enum decode_kind
decode_named(const char *word, int *is_known)
{
	static const struct { const char *word; enum decode_kind kind; } names[] = {
		{ "7bit", DECODE_NONE }, { "8bit", DECODE_NONE }, { "binary", DECODE_NONE }, { "base64", DECODE_BASE64 },
		{ "quoted-printable", DECODE_QUOTED }, { "x-uuencode", DECODE_UU }, { "uuencode", DECODE_UU },
		{ "x-uue", DECODE_UU }, { "uue", DECODE_UU }, { "", DECODE_NONE }
	};
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (is_word(word, names[i].word))
			break;
	if (is_known != NULL)
		*is_known = i < sizeof names / sizeof names[0];
	return i < sizeof names / sizeof names[0] ? names[i].kind : DECODE_NONE;
}

void
decode_init(struct decode *d, enum decode_kind kind)
{
	memset(d, 0, sizeof *d);
	d->kind = kind;
}

/* ---- base64 ---- */

/* The bytes of a group that padding or the end cut short. A lone sextet says nothing. */
static size_t
end_group(struct decode *d, char *out)
{
	size_t n = d->have > 1 ? d->have - 1 : 0;

	if (n > 0)
		out[0] = (char)(d->bits >> (d->have * 6 - 8) & 0xFF);
	if (n > 1)
		out[1] = (char)(d->bits >> (d->have * 6 - 16) & 0xFF);
	d->have = 0;
	d->bits = 0;
	return n;
}

static size_t
add_sextet(struct decode *d, char *out, unsigned v)
{
	d->bits = d->bits << 6 | v;
	if (++d->have < 4)
		return 0;
	out[0] = (char)(d->bits >> 16 & 0xFF);
	out[1] = (char)(d->bits >> 8 & 0xFF);
	out[2] = (char)(d->bits & 0xFF);
	d->have = 0;
	d->bits = 0;
	return 3;
}

/* Padding may be missing, or stand between two encoded pieces that somebody joined. */
static size_t
base64_push(struct decode *d, char *out, const char *in, size_t n)
{
	const unsigned char *p = (const unsigned char *)in;
	size_t i = 0, o = 0;
	uint32_t a, b, c, e;

	while (i < n) {
		while (d->have == 0 && n - i >= 4) {
			a = sextets[p[i]];
			b = sextets[p[i + 1]];
			c = sextets[p[i + 2]];
			e = sextets[p[i + 3]];
			if (((a | b | c | e) & 0xC0) != 0)
				break;
			a = a << 18 | b << 12 | c << 6 | e;
			out[o] = (char)(a >> 16 & 0xFF);
			out[o + 1] = (char)(a >> 8 & 0xFF);
			out[o + 2] = (char)(a & 0xFF);
			o += 3;
			i += 4;
		}
		if (i == n)
			break;
		a = sextets[p[i++]];
		if (a < 64)
			o += add_sextet(d, out + o, a);
		else if (a == PAD)
			o += end_group(d, out + o);
		else
			d->bad += a == NO;
	}
	return o;
}

/* ---- quoted-printable ---- */

static size_t
flush_held(struct decode *d, char *out)
{
	size_t n = d->nheld;

	memcpy(out, d->held, n);
	d->nheld = 0;
	return n;
}

/* Blanks that may stand at the end of a line, where they do not count (RFC 2045 section 6.7, rule 3), or behind a "=". */
static size_t
hold(struct decode *d, char *out, char c)
{
	size_t n = 0;

	if (d->nheld == DECODE_HELD) {
		n = flush_held(d, out);
		d->state = PLAIN;
	}
	d->held[d->nheld++] = c;
	return n;
}

/* The bytes held are no escape: they stand as they are. */
static size_t
no_escape(struct decode *d, char *out)
{
	d->bad++;
	d->state = PLAIN;
	return flush_held(d, out);
}

static size_t
plain_char(struct decode *d, char *out, char c)
{
	size_t o = 0;
	int is_cr;

	if (c == ' ' || c == '\t' || c == '\r')
		return hold(d, out, c);
	if (c == '\n') {
		is_cr = d->nheld > 0 && d->held[d->nheld - 1] == '\r';
		d->nheld = 0;
		if (is_cr)
			out[o++] = '\r';
		out[o++] = '\n';
		return o;
	}
	o = flush_held(d, out);
	if (c == '=') {
		d->held[d->nheld++] = c;
		d->state = ESCAPE;
	} else {
		out[o++] = c;
	}
	return o;
}

/* One byte behind a "=". *again: it is to be looked at once more, as plain. */
static size_t
escaped_char(struct decode *d, char *out, char c, int *again)
{
	if (c == '\n' && d->state != DIGIT) {
		d->state = PLAIN;
		d->nheld = 0;
		return 0;
	}
	if (d->state == ESCAPE && ascii_hex(c) >= 0) {
		d->state = DIGIT;
		return hold(d, out, c);
	}
	if (d->state == DIGIT && ascii_hex(c) >= 0) {
		out[0] = (char)(ascii_hex(d->held[1]) << 4 | ascii_hex(c));
		d->state = PLAIN;
		d->nheld = 0;
		return 1;
	}
	if (d->state != DIGIT && (c == ' ' || c == '\t' || c == '\r')) {
		d->state = SOFT;
		return hold(d, out, c);
	}
	*again = 1;
	return no_escape(d, out);
}

static size_t
quoted_push(struct decode *d, char *out, const char *in, size_t n)
{
	size_t i = 0, o = 0;
	int again;

	while (i < n) {
		while (d->nheld == 0 && i < n && in[i] != '=' && in[i] != ' ' && in[i] != '\t' && in[i] != '\r')
			out[o++] = in[i++];
		if (i == n)
			break;
		again = 0;
		if (d->state != PLAIN)
			o += escaped_char(d, out + o, in[i], &again);
		else
			o += plain_char(d, out + o, in[i]);
		i += !again;
	}
	return o;
}

/* ---- uuencode ---- */

/* One byte of a line of data. A line says how many bytes it holds; blanks at its end may have been lost on the way and count as 0. */
static size_t
uu_data(struct decode *d, char *out, char c)
{
	char group[3];
	size_t n;

	if (c != '\n' && c != '\r' && (c < ' ' || c > '`')) {
		d->bad++;
		c = ' ';
	}
	n = add_sextet(d, group, c == '\n' || c == '\r' ? 0 : (unsigned)(c - ' ') & 63);
	n = n < d->left ? n : d->left;
	memcpy(out, group, n);
	d->left -= (unsigned)n;
	return n;
}

static void
uu_line_end(struct decode *d)
{
	if (d->state == UU_BEGIN && d->nheld >= 6 && memcmp(d->held, "begin ", 6) == 0)
		d->state = UU_LENGTH;
	else if (d->state == UU_BEGIN)
		d->bad += d->nheld;	/* text before it, or instead of it */
	else if (d->state != UU_ENDED)
		d->state = UU_LENGTH;
	d->nheld = 0;
}

static size_t
uu_push(struct decode *d, char *out, const char *in, size_t n)
{
	size_t i, o = 0;

	for (i = 0; i < n; i++) {
		if (in[i] == '\n') {
			/* at most three groups fit what a lost blank can hide; more is a broken line */
			while (d->state == UU_DATA && d->have != 0)
				o += uu_data(d, out + o, '\n');
			uu_line_end(d);
		} else if (d->state == UU_BEGIN && d->nheld < 6) {
			d->held[d->nheld++] = in[i];
		} else if (d->state == UU_LENGTH && in[i] != '\r') {
			d->left = (unsigned)(in[i] - ' ') & 63;
			d->state = in[i] < ' ' || in[i] > '`' ? UU_ENDED : d->left != 0 ? UU_DATA : UU_SKIP;
			d->have = 0;
		} else if (d->state == UU_DATA && in[i] != '\r') {
			o += uu_data(d, out + o, in[i]);
			d->state = d->left != 0 ? UU_DATA : UU_SKIP;
		}
	}
	return o;
}

/* ---- all ---- */

size_t
decode_push(struct decode *d, char *out, const char *in, size_t n)
{
	switch (d->kind) {
	case DECODE_BASE64:
		return base64_push(d, out, in, n);
	case DECODE_QUOTED:
		return quoted_push(d, out, in, n);
	case DECODE_UU:
		return uu_push(d, out, in, n);
	case DECODE_NONE:
		break;
	}
	memcpy(out, in, n);
	return n;
}

size_t
decode_end(struct decode *d, char *out)
{
	if (d->kind == DECODE_BASE64)
		return end_group(d, out);
	if (d->kind != DECODE_QUOTED || d->nheld == 0)
		return 0;
	if (d->state == PLAIN) {	/* blanks at the end of the last line */
		d->nheld = 0;
		return 0;
	}
	if (d->state == SOFT || d->nheld == 1) {
		d->nheld = 0;
		return 0;
	}
	return no_escape(d, out);
}
