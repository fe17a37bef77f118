/* The Windows half of sys.h: charsets to UTF-8, domains. Tables are those of Windows; what it has not, or not strictly, is decoded here. */
#include "windows/win.h"

#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"

#define BAD 0xfffdu

struct sink {
	char *out;
	size_t n, max;
	int is_full;
};

struct source {
	const unsigned char *p;
	size_t n;
};

static void
put(struct sink *k, uint32_t c)
{
	size_t n, i;

	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = BAD;
	n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	if (k->is_full || k->max - k->n < n) {
		k->is_full = 1;
		return;
	}
	for (i = n - 1; i > 0; i--, c >>= 6)
		k->out[k->n + i] = (char)(0x80 | (c & 0x3f));
	k->out[k->n] = (char)(n == 1 ? c : (0xf00u >> n & 0xf0) | c);
	k->n += n;
}

/* UTF-16 of one conversion. Undefined bytes of a table come as control characters (Windows-125x) or as private ones (F8xx). */
static void
put_wide(struct sink *k, const wchar_t *w, size_t n, const struct win_charset *cs)
{
	uint32_t c;
	size_t i;

	for (i = 0; i < n; i++) {
		c = w[i];
		if (c >= 0xd800 && c < 0xdc00 && i + 1 < n && w[i + 1] >= 0xdc00 && w[i + 1] < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) + (w[++i] - 0xdc00u);
		if ((!cs->has_c1 && c >= 0x80 && c < 0xa0) || (cs->how == WIN_TABLE && c >= 0xf8c0 && c < 0xf900))
			c = BAD;
		put(k, c);
	}
}

static void
skip(struct source *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/* The four-byte form begins as the two-byte one; its second byte is a digit. */
static int
is_gb18030_four(const struct source *s, const struct win_charset *cs)
{
	return cs->how == WIN_GB18030 && s->n > 1 && s->p[0] >= 0x81 && s->p[0] <= 0xfe && s->p[1] >= 0x30 && s->p[1] <= 0x39;
}

static void
one_gb18030_four(struct sink *k, struct source *s)
{
	int32_t c = s->n >= 4 ? win_gb18030(s->p) : -1;

	put(k, c >= 0 ? (uint32_t)c : BAD);
	skip(s, s->n < 4 ? s->n : c >= 0 ? 4 : 1);	/* a character that is cut ends the text */
}

/* One character of so many bytes by a table; the first byte is dropped as U+FFFD when they are none. */
static void
one_by_table(struct sink *k, struct source *s, size_t bytes, const struct win_charset *cs)
{
	wchar_t w[4];
	int got = 0;

	if (bytes <= s->n)
		got = MultiByteToWideChar(cs->code_page, MB_ERR_INVALID_CHARS, (const char *)s->p, (int)bytes, w, 4);
	if (got > 0) {
		put_wide(k, w, (size_t)got, cs);
		skip(s, bytes);
		return;
	}
	put(k, BAD);
	skip(s, bytes > s->n ? s->n : 1);	/* a character that is cut ends the text */
}

static size_t
char_bytes(const struct source *s, const struct win_charset *cs)
{
	const int is_gb18030 = cs->code_page == 54936 && s->p[0] >= 0x81 && s->p[0] <= 0xfe;	/* IsDBCSLeadByteEx knows none of it */

	return IsDBCSLeadByteEx(cs->code_page, s->p[0]) || is_gb18030 ? 2 : 1;
}

/* The whole text at once, which a correct one allows; else character by character. */
static void
by_table(struct sink *k, struct source s, const struct win_charset *cs)
{
	wchar_t *w = mem_grow(NULL, (s.n + 1) * sizeof *w);
	/* GBK, which may stand for it, can take one half of a four-byte character for another: each is looked at. */
	const int is_whole = s.n <= INT32_MAX && cs->how != WIN_GB18030;
	int got = is_whole ? MultiByteToWideChar(cs->code_page, MB_ERR_INVALID_CHARS, (const char *)s.p, (int)s.n, w, (int)s.n) : 0;

	if (got > 0)
		put_wide(k, w, (size_t)got, cs);
	else
		while (s.n != 0 && !k->is_full) {
			if (is_gb18030_four(&s, cs))
				one_gb18030_four(k, &s);
			else
				one_by_table(k, &s, char_bytes(&s, cs), cs);
		}
	free(w);
}

static void
by_utf7(struct sink *k, struct source s, const struct win_charset *cs)
{
	wchar_t *w = mem_grow(NULL, (s.n + 1) * sizeof *w);
	int got = s.n <= INT32_MAX ? MultiByteToWideChar(CP_UTF7, 0, (const char *)s.p, (int)s.n, w, (int)s.n) : 0;

	put_wide(k, w, got > 0 ? (size_t)got : 0, cs);
	free(w);
}

static void
one_of_utf8(struct sink *k, struct source *s)
{
	const unsigned char *p = s->p;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0, i;
	uint32_t c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));

	for (i = 1; i < n && i < s->n && (p[i] & 0xc0) == 0x80; i++)
		c = c << 6 | (p[i] & 0x3fu);
	if (n == 0 || (i < n && i < s->n) || (i == n && ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff))))) {
		put(k, BAD);
		skip(s, 1);
	} else if (i < n) {	/* cut */
		put(k, BAD);
		skip(s, s->n);
	} else {
		put(k, c);
		skip(s, n);
	}
}

static uint32_t
unit16(const unsigned char *p, int is_big)
{
	return is_big ? (uint32_t)(p[0] << 8 | p[1]) : (uint32_t)(p[1] << 8 | p[0]);
}

static void
by_utf16(struct sink *k, struct source s, int is_big)
{
	uint32_t c, d;

	if (s.n >= 2 && unit16(s.p, 0) == 0xfffe)
		is_big = !is_big;
	if (s.n >= 2 && unit16(s.p, is_big) == 0xfeff)
		skip(&s, 2);
	while (s.n >= 2 && !k->is_full) {
		c = unit16(s.p, is_big);
		skip(&s, 2);
		d = c >= 0xd800 && c < 0xdc00 && s.n >= 2 ? unit16(s.p, is_big) : 0;
		if (d >= 0xdc00 && d < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (d - 0xdc00);
			skip(&s, 2);
		}
		put(k, c);
	}
	if (s.n != 0)
		put(k, BAD);
}

static void
by_utf32(struct sink *k, struct source s, int is_big)
{
	uint32_t c;

	for (; s.n >= 4 && !k->is_full; skip(&s, 4)) {
		c = is_big ? unit16(s.p, 1) << 16 | unit16(s.p + 2, 1) : unit16(s.p + 2, 0) << 16 | unit16(s.p, 0);
		if (c != 0xfeff)
			put(k, c);
	}
	if (s.n != 0)
		put(k, BAD);
}

/* A pair of 7-bit bytes of a double-byte set: the same pair with the eighth bits, in the table that has it. */
static void
one_pair(struct sink *k, struct source *s, const struct win_charset *cs)
{
	unsigned char pair[2];
	struct source two = { pair, 2 };

	if (s->n < 2 || (s->p[1] & 0x7f) < 0x21) {
		put(k, BAD);
		skip(s, 1);
		return;
	}
	pair[0] = s->p[0] | 0x80;
	pair[1] = s->p[1] | 0x80;
	one_by_table(k, &two, 2, cs);
	skip(s, 2);
}

/* RFC 1468 and 1554: what an escape sequence begins. 'A' ASCII or JIS roman, 'J' JIS X 0208, 'K' half-width kana, '?' another set. */
static int
escape(struct source *s)
{
	static const struct { const char *seq; int set; } known[] = {
		{ "\033(B", 'A' }, { "\033(J", 'A' }, { "\033$@", 'J' }, { "\033$B", 'J' }, { "\033(I", 'K' }, { "\033$(D", '?' },
		{ "\033$A", '?' }, { "\033$(C", '?' }, { "\033.A", 0 }, { "\033.F", 0 }, { "\033$)C", 0 },
	};
	size_t i, n;

	for (i = 0; i < sizeof known / sizeof known[0]; i++) {
		n = strlen(known[i].seq);
		if (s->n >= n && memcmp(s->p, known[i].seq, n) == 0) {
			skip(s, n);
			return known[i].set;
		}
	}
	skip(s, 1);
	return -1;
}

static void
by_iso_jp(struct sink *k, struct source s, const struct win_charset *cs)
{
	int set = 'A', next;

	while (s.n != 0 && !k->is_full) {
		if (s.p[0] == 0x1b) {
			next = escape(&s);
			if (next < 0)
				put(k, BAD);
			set = next > 0 ? next : set;
		} else if (s.p[0] >= 0x80) {
			put(k, BAD);
			skip(&s, 1);
		} else if (s.p[0] < 0x21 || set == 'A') {
			set = s.p[0] == '\n' ? 'A' : set;	/* each line begins in ASCII */
			put(k, s.p[0]);
			skip(&s, 1);
		} else if (set == 'K') {
			put(k, s.p[0] < 0x60 ? 0xff61u + s.p[0] - 0x21u : BAD);
			skip(&s, 1);
		} else if (set == 'J') {
			one_pair(k, &s, cs);
		} else {
			put(k, BAD);
			skip(&s, s.n >= 2 ? 2 : 1);
		}
	}
}

static void
by_iso_kr(struct sink *k, struct source s, const struct win_charset *cs)
{
	int is_korean = 0;

	while (s.n != 0 && !k->is_full) {
		if (s.p[0] == 0x1b && escape(&s) >= 0)
			continue;
		if (s.p[0] == 0x0e || s.p[0] == 0x0f) {
			is_korean = s.p[0] == 0x0e;
			skip(&s, 1);
		} else if (is_korean && s.p[0] >= 0x21 && s.p[0] < 0x7f) {
			one_pair(k, &s, cs);
		} else {
			put(k, s.p[0] < 0x80 ? s.p[0] : BAD);
			skip(&s, 1);
		}
	}
}

/* RFC 1843 */
static void
by_hz(struct sink *k, struct source s, const struct win_charset *cs)
{
	int is_chinese = 0, c;

	while (s.n != 0 && !k->is_full) {
		c = s.p[0] == '~' && s.n > 1 ? s.p[1] : 0;
		if (c == '{' || c == '}' || c == '\n') {
			is_chinese = c == '{' || (is_chinese && c == '\n');
			skip(&s, 2);
		} else if (c == '~' && !is_chinese) {
			put(k, '~');
			skip(&s, 2);
		} else if (is_chinese && s.p[0] >= 0x21 && s.p[0] < 0x7f) {
			one_pair(k, &s, cs);
		} else {
			is_chinese &= s.p[0] != '\n';
			put(k, s.p[0] < 0x80 ? s.p[0] : BAD);
			skip(&s, 1);
		}
	}
}

static void
by_bytes(struct sink *k, struct source s, const struct win_charset *cs)
{
	for (; s.n != 0 && !k->is_full; skip(&s, 1))
		put(k, s.p[0] < 0x80 || (cs->own != NULL && s.p[0] < 0xa0) ? s.p[0] : cs->own != NULL ? cs->own[s.p[0] - 0xa0] : BAD);
}

/* Code pages that a smaller Windows (and Wine) has not, by their nearest. 0, or -1. */
static int
settle_page(struct win_charset *cs)
{
	if (cs->code_page == 0 || cs->how == WIN_UTF7 || cs->how == WIN_UTF8 || IsValidCodePage(cs->code_page))
		return 0;
	cs->code_page = cs->code_page == 54936 ? 936 : cs->code_page == 858 ? 850 : 0;
	return cs->code_page != 0 && IsValidCodePage(cs->code_page) ? 0 : -1;
}

int64_t
sys_iconv(char *out, size_t max, const char *charset, const void *in, size_t n)
{
	struct sink k = { out, 0, max, 0 };
	struct source s = { in, n };
	struct win_charset cs;

	if (win_charset(&cs, charset) < 0 || settle_page(&cs) < 0)
		return -1;
	if (n == 0)
		return 0;
	switch (cs.how) {
	case WIN_TABLE:
	case WIN_GB18030:	by_table(&k, s, &cs); break;
	case WIN_UTF8:
		while (s.n != 0 && !k.is_full)
			one_of_utf8(&k, &s);
		break;
	case WIN_ASCII:
	case WIN_OWN:		by_bytes(&k, s, &cs); break;
	case WIN_UTF16:
	case WIN_UTF16BE:	by_utf16(&k, s, cs.how == WIN_UTF16BE); break;
	case WIN_UTF32:
	case WIN_UTF32BE:	by_utf32(&k, s, cs.how == WIN_UTF32BE); break;
	case WIN_UTF7:		by_utf7(&k, s, &cs); break;
	case WIN_ISO_JP:	by_iso_jp(&k, s, &cs); break;
	case WIN_ISO_KR:	by_iso_kr(&k, s, &cs); break;
	case WIN_HZ:		by_hz(&k, s, &cs); break;
	}
	return (int64_t)k.n;
}
