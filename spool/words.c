#include "words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "ascii.h"
#include "head.h"
#include "sys.h"

#define REPLACEMENT "\xEF\xBF\xBD"
#define CHARSET_MAX 63

/* iconv may load a table from disk at each change of charset: a quarter of a megabyte of changes takes most of a second. */
#define CONVERSIONS_MAX 64

/* UAX #15 (stream-safe text): no text of any language has more marks on one letter. */
#define MARKS_MAX 30

int
text_plain(const void *bytes, size_t n)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const unsigned char *p = bytes;
	uint64_t w;
	size_t i;

	for (i = 0; n - i >= 8; i += 8) {	/* eight at a time: nearly every text of every header comes by */
		memcpy(&w, p + i, sizeof w);
		if (((w | (w - ones)) & ones * 0x80) != 0)
			return 0;
	}
	for (; i < n; i++) {
		if (p[i] >= 0x80 || p[i] == 0)
			return 0;
	}
	return 1;
}

int
text_folded(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] >= 0x80 || p[i] == 0 || (p[i] >= 'A' && p[i] <= 'Z'))
			return 0;
	}
	return 1;
}

/* The length of the valid UTF-8 character at p, 0 when there is none. */
static size_t
char_len(const unsigned char *p, size_t n, int32_t *cp)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t len;

	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	len = utf8proc_iterate(p, n < 4 ? (utf8proc_ssize_t)n : 4, &c);
	*cp = c;
	return len > 0 ? (size_t)len : 0;
}

int
text_valid(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t i, len;
	int32_t cp;

	for (i = 0; i < n; i += len) {
		len = char_len(p + i, n - i, &cp);
		if (len == 0)
			return 0;
	}
	return 1;
}

void
text_add_utf8(struct buf *out, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t i, from = 0, len;
	int32_t cp;

	for (i = 0; i < n; i += len) {
		len = char_len(p + i, n - i, &cp);
		if (len != 0 && cp != 0)
			continue;
		buf_add(out, p + from, i - from);
		buf_puts(out, REPLACEMENT);
		len = 1;
		from = i + 1;
	}
	buf_add(out, p + from, n - from);
}

static const uint16_t cp1252[32] = {
	0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D, 0x017D, 0x008F,
	0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178
};

void
text_add_1252(struct buf *out, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	utf8proc_uint8_t ch[4];
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] == 0) {
			buf_puts(out, REPLACEMENT);
		} else if (p[i] < 0x80) {
			buf_byte(out, p[i]);
		} else {
			int32_t cp = p[i] < 0xA0 ? cp1252[p[i] - 0x80] : p[i];

			buf_add(out, ch, (size_t)utf8proc_encode_char(cp, ch));
		}
	}
}

/*
 * utf8proc sorts a run of combining marks by insertion, so a quarter of a
 * megabyte of them takes minutes. Such text stays as it is.
 */
static int
has_mark_flood(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i, len, run = 0;
	int32_t cp;

	for (i = 0; i < n; i += len) {
		len = char_len(p + i, n - i, &cp);
		if (len == 0)
			return 1;
		if (cp < 0x300 || utf8proc_get_property(cp)->combining_class == 0)
			run = 0;
		else if (++run > MARKS_MAX)
			return 1;
	}
	return 0;
}

/* U+0300 is the first character that NFC can change, and its first byte is 0xCC. */
static int
is_nfc_surely(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] >= 0xCC)
			return 0;
	}
	return 1;
}

const char *
text_nfc(struct arena *a, const char *s, size_t n, int fold)
{
	const utf8proc_option_t opt = (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE |
	    (fold ? UTF8PROC_CASEFOLD : 0));
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s;
	utf8proc_int32_t small[512], *cps = small;
	utf8proc_ssize_t have = (utf8proc_ssize_t)(sizeof small / sizeof *small) - 1, need;
	const char *out;

	if ((!fold && is_nfc_surely(s, n)) || has_mark_flood(s, n))
		return arena_dup(a, s, n);
	need = utf8proc_decompose(p, (utf8proc_ssize_t)n, cps, have, opt);
	if (need > have) {
		cps = mem_grow(NULL, ((size_t)need + 1) * sizeof *cps);
		need = utf8proc_decompose(p, (utf8proc_ssize_t)n, cps, need, opt);
	}
	if (need >= 0)
		need = utf8proc_reencode(cps, need, opt);
	out = need >= 0 ? arena_dup(a, cps, (size_t)need) : arena_dup(a, s, n);
	if (cps != small)
		free(cps);
	return out;
}

const char *
head_text(struct arena *a, const void *p, size_t n, int *raw8)
{
	struct buf out;
	const char *s;
	int is_valid;

	if (raw8 != NULL)
		*raw8 = 0;
	if (text_plain(p, n))
		return arena_dup(a, p, n);
	is_valid = text_valid(p, n);
	buf_init(&out, n * 3);
	if (is_valid)
		text_add_utf8(&out, p, n);
	else
		text_add_1252(&out, p, n);
	s = text_nfc(a, out.p, out.n, 0);
	if (raw8 != NULL) {
		size_t i;

		for (i = 0; i < n && ((const unsigned char *)p)[i] < 0x80; i++)
			;
		*raw8 = i == n ? 0 : is_valid ? 1 : 2;
	}
	buf_free(&out);
	return s;
}

/* ---- RFC 2047 ---- */

struct word {
	const char *charset;
	size_t charset_n;	/* without an RFC 2231 language */
	const char *text;
	size_t text_n;
	int is_b;
	size_t end;		/* the first byte behind the word */
};

struct decoder {
	const char *p;
	size_t n;
	size_t stop, stop_from;	/* the first "?=" at or after stop_from (n when none): looked for once */
	struct buf out;
	struct buf joined;	/* decoded bytes of adjacent words of one charset */
	char charset[CHARSET_MAX + 1];
	int conversions;	/* by iconv so far */
	int is_valid;		/* the text around the words is UTF-8 as a whole */
	struct head_parser *notes_to;
};

static size_t
find_pair(const char *p, size_t n, size_t from, char first, char second)
{
	while (from + 1 < n) {
		const char *hit = memchr(p + from, first, n - 1 - from);

		if (hit == NULL)
			break;
		from = (size_t)(hit - p);
		if (p[from + 1] == second)
			return from;
		from++;
	}
	return n;
}

/* Sextets; 64 '=', 65 blank, 66 not base64. */
static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return c == '=' ? 64 : ascii_is_blank(c) ? 65 : 66;
}

static int
is_base64(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (sextet(p[i]) == 66)
			return 0;
	}
	return 1;
}

/* Padding may be missing, or stand between two encoded pieces; a lone last sextet says nothing. */
static void
add_base64(struct buf *out, const char *p, size_t n)
{
	unsigned bits = 0, have = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		int v = sextet(p[i]);

		if (v == 64)
			have = 0;
		if (v >= 64)
			continue;
		bits = (bits << 6 | (unsigned)v) & 0xFFFF;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_byte(out, (int)(bits >> have & 0xFF));
		}
	}
}

static void
add_quoted(struct buf *out, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] == '=' && n - i > 2 && ascii_hex(p[i + 1]) >= 0 && ascii_hex(p[i + 2]) >= 0) {
			buf_byte(out, ascii_hex(p[i + 1]) << 4 | ascii_hex(p[i + 2]));
			i += 2;
		} else {
			buf_byte(out, p[i] == '_' ? ' ' : p[i]);
		}
	}
}

/* The charset and the encoding of a word whose "=?" stands at `at`; its text begins at the result, 0 when it is no word. */
static size_t
word_head(struct word *w, const struct decoder *d, size_t at)
{
	size_t i = at + 2, from = i;

	while (i < d->n && i - from <= CHARSET_MAX && d->p[i] > ' ' && d->p[i] < 0x7F && d->p[i] != '?')
		i++;
	if (d->n - i < 3 || d->p[i] != '?' || d->p[i + 2] != '?')
		return 0;
	w->charset = d->p + from;
	w->charset_n = i - from;
	if (memchr(w->charset, '*', w->charset_n) != NULL)
		w->charset_n = (size_t)((const char *)memchr(w->charset, '*', w->charset_n) - w->charset);
	if (w->charset_n > CHARSET_MAX || strchr("bBqQ", d->p[i + 1]) == NULL || d->p[i + 1] == '\0')
		return 0;
	w->is_b = d->p[i + 1] == 'b' || d->p[i + 1] == 'B';
	return i + 3;
}

/*
 * A whole word at `at`. Blanks in the text are against RFC 2047 but common;
 * they are taken unless another word begins before the end, which shows that
 * this one has none of its own.
 */
static int
parse_word(struct word *w, struct decoder *d, size_t at)
{
	size_t text = word_head(w, d, at);

	if (text == 0)
		return 0;
	if (text < d->stop_from || text > d->stop) {
		d->stop = find_pair(d->p, d->n, text, '?', '=');
		d->stop_from = text;
	}
	if (d->stop == d->n)
		return 0;
	w->text = d->p + text;
	w->text_n = d->stop - text;
	w->end = d->stop + 2;
	if (w->is_b)
		return is_base64(w->text, w->text_n);
	return find_pair(w->text, w->text_n, 0, '=', '?') == w->text_n;
}

/*
 * What senders mean by a name, where that is wider than what the name stands
 * for, and names of old mail programs. "" is text without a charset: UTF-8 when
 * valid, else Windows-1252, which is also what is meant by ISO-8859-1.
 */
static const struct alias {
	const char *name, *use;
} aliases[] = {
	{ "", "" }, { "us-ascii", "" }, { "ascii", "" }, { "ansi_x3.4-1968", "" }, { "unknown-8bit", "" },
	{ "x-unknown", "" }, { "unknown", "" }, { "8bit", "" }, { "default", "" }, { "utf8", "utf-8" },
	{ "unicode-1-1-utf-8", "utf-8" }, { "unicode-1-1-utf-7", "utf-7" },
	{ "iso-8859-1", "windows-1252" }, { "iso8859-1", "windows-1252" }, { "iso_8859-1", "windows-1252" },
	{ "iso88591", "windows-1252" }, { "latin1", "windows-1252" }, { "latin-1", "windows-1252" },
	{ "cp1252", "windows-1252" }, { "iso-8859-9", "windows-1254" }, { "iso8859-9", "windows-1254" },
	{ "iso-8859-8-i", "iso-8859-8" }, { "iso-8859-8-e", "iso-8859-8" }, { "iso-8859-6-i", "iso-8859-6" },
	{ "iso-8859-11", "cp874" }, { "windows-874", "cp874" }, { "koi8r", "koi8-r" }, { "win-1251", "windows-1251" },
	{ "x-windows-1251", "windows-1251" }, { "gb2312", "gb18030" }, { "gb_2312-80", "gb18030" },
	{ "gbk", "gb18030" }, { "x-gbk", "gb18030" }, { "euc-cn", "gb18030" }, { "cp936", "gb18030" },
	{ "x-big5", "big5" }, { "euc-kr", "cp949" }, { "ks_c_5601-1987", "cp949" }, { "ks_c_5601", "cp949" },
	{ "ksc5601", "cp949" }, { "x-euc-kr", "cp949" }, { "shift_jis", "cp932" }, { "shift-jis", "cp932" },
	{ "sjis", "cp932" }, { "x-sjis", "cp932" }, { "windows-31j", "cp932" }, { "x-euc-jp", "euc-jp" }
};

static const char *
charset_meant(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof aliases / sizeof *aliases; i++) {
		if (aliases[i].name[0] == name[0] && strcmp(aliases[i].name, name) == 0)
			return aliases[i].use;
	}
	return name;
}

/* Text without a charset. */
static void
add_best(struct buf *out, const char *p, size_t n)
{
	if (text_valid(p, n))
		text_add_utf8(out, p, n);
	else
		text_add_1252(out, p, n);
}

/* 0, or -1 and nothing added when the charset is not known. */
static int
add_converted(struct buf *out, const char *charset, const char *p, size_t n)
{
	char small[1024], *big = NULL;
	size_t max = n * 6 + 16;	/* one byte can mean two characters of three bytes */
	int64_t got;

	if (max > sizeof small)
		big = mem_grow(NULL, max);
	got = sys_iconv(big != NULL ? big : small, max, charset, p, n);
	if (got >= 0)
		text_add_utf8(out, big != NULL ? big : small, (size_t)got);
	free(big);
	return got >= 0 ? 0 : -1;
}

int
text_add_charset(struct buf *out, const char *charset, const void *p, size_t n)
{
	const char *use = charset_meant(charset);
	int is_known = 1;

	if (strcmp(use, "utf-8") == 0)
		text_add_utf8(out, p, n);
	else if (strcmp(use, "windows-1252") == 0)
		text_add_1252(out, p, n);
	else if (use[0] == '\0' || !(is_known = add_converted(out, use, p, n) == 0))
		add_best(out, p, n);
	return is_known ? 0 : -1;
}

int
text_charset_is_plain(const char *charset)
{
	const char *use = charset_meant(charset);

	return use[0] == '\0' || strcmp(use, "utf-8") == 0 || strncmp(use, "windows-125", 11) == 0 || strncmp(use, "iso-8859-", 9) == 0;
}

/* Converts what adjacent words of one charset gave together: a character may be cut across two of them. */
static void
end_words(struct decoder *d)
{
	const char *use = charset_meant(d->charset);
	const char *p = d->joined.p;
	size_t n = d->joined.n;
	int is_by_iconv;

	if (n == 0)
		return;
	is_by_iconv = use[0] != '\0' && strcmp(use, "utf-8") != 0 && strcmp(use, "windows-1252") != 0;
	if (is_by_iconv && d->conversions++ == CONVERSIONS_MAX) {
		d->conversions = CONVERSIONS_MAX;
		head_note(d->notes_to, "too many charsets in one field");
		add_best(&d->out, p, n);
	} else if (text_add_charset(&d->out, d->charset, p, n) < 0) {
		head_note(d->notes_to, "unknown charset %s", d->charset);
	}
	buf_clear(&d->joined);
}

static void
add_word(struct decoder *d, const struct word *w)
{
	char charset[CHARSET_MAX + 1];
	size_t i;

	for (i = 0; i < w->charset_n; i++) {
		char c = w->charset[i];

		charset[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	charset[i] = '\0';
	if (strcmp(charset, d->charset) != 0) {
		end_words(d);
		memcpy(d->charset, charset, i + 1);
	}
	if (w->is_b)
		add_base64(&d->joined, w->text, w->text_n);
	else
		add_quoted(&d->joined, w->text, w->text_n);
}

/* Text between words; blanks alone between two words are no text. */
static void
add_plain(struct decoder *d, size_t from, size_t to, int is_between)
{
	size_t i = from;

	while (is_between && i < to && ascii_is_blank(d->p[i]))
		i++;
	if (i == to)
		return;
	end_words(d);
	if (d->is_valid)
		text_add_utf8(&d->out, d->p + from, to - from);
	else
		text_add_1252(&d->out, d->p + from, to - from);
}

const char *
head_decode(struct arena *a, const void *bytes, size_t n, struct head_parser *notes_to)
{
	struct decoder d = { .p = bytes, .n = n, .notes_to = notes_to };
	size_t done = 0, at = find_pair(bytes, n, 0, '=', '?');
	int words = 0;
	struct word w;
	const char *s;

	if (at == n)
		return head_text(a, bytes, n, NULL);
	buf_init(&d.out, n * 6 + 64);
	buf_init(&d.joined, n);
	d.is_valid = text_valid(bytes, n);
	for (; at < n; at = find_pair(d.p, n, at, '=', '?')) {
		if (!parse_word(&w, &d, at)) {
			at += 2;
			continue;
		}
		add_plain(&d, done, at, words > 0);
		add_word(&d, &w);
		done = at = w.end;
		words++;
	}
	add_plain(&d, done, n, 0);
	end_words(&d);
	s = text_nfc(a, d.out.n != 0 ? d.out.p : "", d.out.n, 0);
	buf_free(&d.out);
	buf_free(&d.joined);
	return s;
}
