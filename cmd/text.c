/*
 * The text tools of cmd/out.h: making bytes inert, measuring them, reading
 * the index's JSON arrays, times and sizes for people.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "cmd/out.h"

#define MARKS 8	/* marks on one letter: no script needs more, and hundreds of them cover the lines above */
#define REPLACEMENT "\xEF\xBF\xBD"	/* U+FFFD */

/* Terminals act on these, or show the text behind them in another order (UAX #9): contract "Output". */
static int
is_control(int32_t c)
{
	return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/* Line ends to some readers and to no others: as dangerous in a list of lines. */
static int
is_separator(int32_t c)
{
	return c == 0x2028 || c == 0x2029;
}

/* The next character of n > 0 bytes; -1, one byte long, when it is not UTF-8. */
static int32_t
next_char(size_t *len, const char *s, size_t n)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t k;

	/* not all of n: a character has at most four bytes, and the length is a signed type there */
	k = utf8proc_iterate((const utf8proc_uint8_t *)s, n < 4 ? (utf8proc_ssize_t)n : 4, &c);
	*len = k > 0 ? (size_t)k : 1;
	return k > 0 ? c : -1;
}

/* Is any of these eight bytes zero? (Exactly so only for the whole: a high bit may also be set above a zero byte.) */
static int
has_zero(uint64_t w)
{
	return ((w - UINT64_C(0x0101010101010101)) & ~w & UINT64_C(0x8080808080808080)) != 0;
}

/* Are eight bytes printable ASCII? The same as below, at once: nearly all text is. */
static int
is_plain_word(const char *s, int is_json)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t w;

	memcpy(&w, s, sizeof w);
	if (((w | (w - ones * 0x20)) & ones * 0x80) != 0 || has_zero(w ^ ones * 0x7F))
		return 0;
	return !is_json || !(has_zero(w ^ ones * '"') || has_zero(w ^ ones * '\\'));
}

/* How many bytes from here are printable ASCII, for JSON without the two that are escaped. */
static size_t
ascii_run(const char *s, size_t n, int is_json)
{
	size_t i = 0;
	unsigned char c;

	while (n - i >= 8 && is_plain_word(s + i, is_json))
		i += 8;
	for (; i < n; i++) {
		c = (unsigned char)s[i];
		if (c < 0x20 || c >= 0x7F || (is_json && (c == '"' || c == '\\')))
			break;
	}
	return i;
}

int
text_is_ascii(const char *s, size_t n)
{
	return ascii_run(s, n, 0) == n;
}

void
text_inert(struct buf *b, const char *s, size_t n)
{
	size_t i, k;
	int32_t c;

	for (i = 0; i < n; i += k) {
		k = ascii_run(s + i, n - i, 0);
		if (k > 0) {
			buf_add(b, s + i, k);
			continue;
		}
		c = next_char(&k, s + i, n - i);
		if (c == '\t')
			buf_byte(b, ' ');
		else if (c < 0 || is_control(c) || is_separator(c))
			buf_puts(b, REPLACEMENT);
		else
			buf_add(b, s + i, k);
	}
}

/* NULL: the character may stand as it is. */
static const char *
html_entity(int32_t c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	case '`': return "&#96;";
	case '\t': return " ";
	default: return NULL;
	}
}

void
text_html(struct buf *b, const char *s, size_t n)
{
	const char *entity;
	size_t i, k, marks = 0;
	int32_t c;

	for (i = 0; i < n; i += k) {
		c = next_char(&k, s + i, n - i);
		marks = c > 0 && utf8proc_charwidth(c) == 0 ? marks + 1 : 0;
		if (marks > MARKS)
			continue;
		entity = html_entity(c);
		if (entity != NULL)
			buf_puts(b, entity);
		else if (c < 0 || is_control(c) || is_separator(c))
			buf_puts(b, REPLACEMENT);
		else
			buf_add(b, s + i, k);
	}
}

void
text_json(struct buf *b, const char *s, size_t n)
{
	size_t i, k;
	int32_t c;

	for (i = 0; i < n; i += k) {
		k = ascii_run(s + i, n - i, 1);
		if (k > 0) {
			buf_add(b, s + i, k);
			continue;
		}
		c = next_char(&k, s + i, n - i);
		if (c < 0) {
			buf_puts(b, REPLACEMENT);
		} else if (c == '"' || c == '\\') {
			buf_byte(b, '\\');
			buf_byte(b, (int)c);
		} else if (is_control(c) || is_separator(c)) {
			buf_fmt(b, "\\u%04" PRIx32, (uint32_t)c);
		} else {
			buf_add(b, s + i, k);
		}
	}
}

size_t
text_width(const char *s, size_t n)
{
	size_t i, k, w = 0;
	int32_t c;
	int cw;

	for (i = 0; i < n; i += k) {
		k = ascii_run(s + i, n - i, 0);
		if (k > 0) {
			w += k;
			continue;
		}
		c = next_char(&k, s + i, n - i);
		cw = c < 0 ? 1 : utf8proc_charwidth(c);
		w += cw > 0 ? (size_t)cw : 0;
	}
	return w;
}

size_t
text_fit(const char *s, size_t n, size_t columns)
{
	size_t i, k, w = 0;
	int32_t c;
	int cw;

	for (i = 0; i < n; i += k) {
		c = next_char(&k, s + i, n - i);
		cw = c < 0 ? 1 : utf8proc_charwidth(c);
		w += cw > 0 ? (size_t)cw : 0;
		if (w > columns)
			break;
	}
	return i;
}

/* Four hexadecimal digits, or -1. */
static int32_t
hex4(const char *s)
{
	int32_t v = 0;
	int i;

	for (i = 0; i < 4; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			v = v * 16 + (s[i] - '0');
		else if (s[i] >= 'a' && s[i] <= 'f')
			v = v * 16 + (s[i] - 'a' + 10);
		else if (s[i] >= 'A' && s[i] <= 'F')
			v = v * 16 + (s[i] - 'A' + 10);
		else
			return -1;
	}
	return v;
}

/* \uXXXX, with its second half where it is a pair. Returns the bytes read behind "\u", 0 when it is broken. */
static size_t
unescape_u(struct buf *b, const char *s)
{
	utf8proc_uint8_t utf8[4];
	utf8proc_ssize_t n;
	int32_t c = hex4(s), low;
	size_t used = 4;

	if (c < 0)
		return 0;
	if (c >= 0xD800 && c <= 0xDBFF && s[4] == '\\' && s[5] == 'u' && (low = hex4(s + 6)) >= 0xDC00 && low <= 0xDFFF) {
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
		used = 10;
	}
	n = c == 0 || (c >= 0xD800 && c <= 0xDFFF) ? 0 : utf8proc_encode_char(c, utf8);
	if (n > 0)
		buf_add(b, utf8, (size_t)n);
	else
		buf_puts(b, REPLACEMENT);
	return used;
}

static char
unescape_letter(char c)
{
	switch (c) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	default: return c;
	}
}

int
text_string(struct buf *b, const char **json)
{
	const char *p = *json + strcspn(*json, "\"");
	size_t k;

	buf_clear(b);
	if (*p == '\0') {
		*json = p;
		return 0;
	}
	for (p++; *p != '\0' && *p != '"'; ) {
		k = strcspn(p, "\"\\");
		buf_add(b, p, k);
		p += k;
		if (p[0] != '\\')
			continue;
		if (p[1] == '\0') {
			p++;
		} else if (p[1] == 'u') {
			p += 2;
			p += unescape_u(b, p);
		} else {
			buf_byte(b, unescape_letter(p[1]));
			p += 2;
		}
	}
	*json = *p == '"' ? p + 1 : p;
	return 1;
}

void
text_join(struct buf *b, const char *json, const char *between)
{
	struct buf item;
	int n = 0;

	buf_init(&item, (size_t)1 << 24);
	while (json != NULL && text_string(&item, &json)) {
		if (n++ > 0)
			buf_puts(b, between);
		buf_add(b, item.p, item.n);
	}
	buf_free(&item);
}

/* Days since 1970-01-01 to a date of the proleptic Gregorian calendar, in eras of 400 years that begin in March. */
static void
civil(int64_t *year, int *month, int *day, int64_t days)
{
	int64_t z = days + 719468, era, doe, yoe, doy, mp;

	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2);
}

static void
two_digits(char *out, int v)
{
	out[0] = (char)('0' + v / 10);
	out[1] = (char)('0' + v % 10);
}

const char *
text_time(char out[40], int64_t sec, int64_t fraction, int digits, int is_json)
{
	int64_t days, rest, year;
	int month, day, n;

	/* RFC 3339 has four digits for the year */
	if (sec < INT64_C(-62167219200) || sec > INT64_C(253402300799))
		return NULL;
	days = sec / 86400;
	rest = sec % 86400;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	civil(&year, &month, &day, days);
	memcpy(out, "0000-00-00 00:00:00", 20);
	two_digits(out, (int)year / 100);
	two_digits(out + 2, (int)year % 100);
	two_digits(out + 5, month);
	two_digits(out + 8, day);
	out[10] = is_json ? 'T' : ' ';
	two_digits(out + 11, (int)(rest / 3600));
	two_digits(out + 14, (int)(rest / 60 % 60));
	two_digits(out + 17, (int)(rest % 60));
	n = 19;
	if (digits > 0)
		n += snprintf(out + n, 40 - (size_t)n, ".%0*" PRId64, digits, fraction);
	if (is_json)
		snprintf(out + n, 40 - (size_t)n, "Z");
	return out;
}

char *
text_number(char *out, int64_t n)
{
	char digits[24];
	size_t at = sizeof digits;
	uint64_t v = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	digits[--at] = '\0';
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	if (n < 0)
		digits[--at] = '-';
	memcpy(out, digits + at, sizeof digits - at);
	return out + (sizeof digits - at) - 1;
}

const char *
text_size(char out[16], int64_t bytes)
{
	static const char unit[] = "KMGTPE";
	double v = (double)bytes;
	int u = -1;

	if (bytes < 0)
		return "-";
	while (v >= 999.5 && u < 5) {
		v /= 1024;
		u++;
	}
	if (u < 0)
		text_number(out, bytes);
	else
		snprintf(out, 16, v < 9.95 ? "%.1f%c" : "%.0f%c", v, unit[u]);
	return out;
}
