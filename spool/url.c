#include "url.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "ascii.h"
#include "sys.h"

#define AUTHORITY_MAX 1024

static int
is_letter(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

/* ---- hosts ---- */

/* Does p begin with word (lower case)? Its length, 0 no. */
static size_t
begins(const char *p, size_t n, const char *word)
{
	size_t i;

	for (i = 0; word[i] != '\0'; i++)
		if (i == n || ascii_lower(p[i]) != word[i])
			return 0;
	return i;
}

/* Spellings of the dot: those that browsers take (UTS #46: U+3002 U+FF0E U+FF61), and those that keep a link from being one. */
static size_t
odd_dot(const char *p, size_t n)
{
	static const char *const dots[] = {
		"\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1", "[.]", "(.)", "{.}", "[.", ".]", "[dot]", "(dot)", "{dot}", "\\."
	};
	size_t i, len;

	for (i = 0; i < sizeof dots / sizeof dots[0]; i++)
		if ((len = begins(p, n, dots[i])) != 0)
			return len;
	return 0;
}

/* Characters that nobody sees and browsers drop: soft hyphen, zero-width ones, the byte order mark. */
static size_t
invisible(const char *p, size_t n)
{
	static const char *const none[] = {
		"\xc2\xad", "\xe2\x80\x8b", "\xe2\x80\x8c", "\xe2\x80\x8d", "\xe2\x81\xa0", "\xef\xbb\xbf"
	};
	size_t i, len;

	for (i = 0; i < sizeof none / sizeof none[0]; i++)
		if ((len = begins(p, n, none[i])) != 0)
			return len;
	return 0;
}

/* Percent signs undone, dots made dots, lower case. Returns the length, at most max. */
static size_t
plain_host(char *out, size_t max, const char *p, size_t n)
{
	char raw[AUTHORITY_MAX];
	size_t i, len, m = 0, o = 0;

	for (i = 0; i < n && m < sizeof raw; i++) {
		if (p[i] == '%' && n - i > 2 && ascii_hex(p[i + 1]) >= 0 && ascii_hex(p[i + 2]) >= 0) {
			raw[m++] = (char)(ascii_hex(p[i + 1]) << 4 | ascii_hex(p[i + 2]));
			i += 2;
		} else if (p[i] != '\t' && p[i] != '\r' && p[i] != '\n') {
			raw[m++] = p[i];
		}
	}
	for (i = 0; i < m && o < max; ) {
		if (ascii_is_alnum(raw[i])) {	/* nearly all: nothing below begins with one */
			out[o++] = ascii_lower(raw[i++]);
		} else if ((len = odd_dot(raw + i, m - i)) != 0) {
			out[o++] = '.';
			i += len;
		} else if ((len = invisible(raw + i, m - i)) != 0) {
			i += len;
		} else {
			out[o++] = ascii_lower(raw[i++]);
		}
	}
	return o;
}

/* One number of an IPv4 address as browsers take it: decimal, 0 octal, 0x hexadecimal. -1: no number. */
static int64_t
part_of(const char *p, size_t n)
{
	int64_t v = 0;
	int base = 10, d;
	size_t i = 0;

	if (n > 2 && p[0] == '0' && p[1] == 'x') {
		base = 16;
		i = 2;
	} else if (n > 1 && p[0] == '0') {
		base = 8;
		i = 1;
	}
	if (i == n)
		return -1;
	for (; i < n; i++) {
		d = ascii_hex(p[i]);
		if (d < 0 || d >= base || v > UINT32_MAX)
			return -1;
		v = v * base + d;
	}
	return v;
}

/* An IPv4 address of one to four numbers, of which the last fills what is left (WHATWG URL). 0, or -1. */
static int
ipv4(char *out, const char *p, size_t n)
{
	uint64_t v = 0, last;
	size_t i, from = 0;
	int64_t x;
	int parts = 0;

	for (i = 0; i <= n; i++) {
		if (i < n && p[i] != '.')
			continue;
		x = part_of(p + from, i - from);
		if (x < 0 || ++parts > 4)
			return -1;
		from = i + 1;
		last = (uint64_t)x;
		if (i < n) {
			if (last > 255)
				return -1;
			v = v << 8 | last;
		} else {
			if (last >> (8 * (5 - parts)) != 0)
				return -1;
			v = v << (8 * (5 - parts)) | last;
		}
	}
	snprintf(out, URL_HOST_MAX, "%u.%u.%u.%u", (unsigned)(v >> 24 & 255), (unsigned)(v >> 16 & 255), (unsigned)(v >> 8 & 255),
	    (unsigned)(v & 255));
	return 0;
}

/* The last label decides, as in browsers: a number there makes the whole an address. */
static int
ends_in_number(const char *p, size_t n)
{
	size_t from = n;

	while (from > 0 && p[from - 1] != '.')
		from--;
	return from < n && (ascii_is_digit(p[from]) && part_of(p + from, n - from) >= 0);
}

/* "[2001:db8::1]", "[::ffff:192.0.2.1]", and what only looks so; 0: no, as "a[.]example" */
static size_t
ipv6_len(const char *p, size_t n)
{
	const char *end = n > 0 && p[0] == '[' ? memchr(p, ']', n) : NULL;
	const size_t len = end != NULL ? (size_t)(end - p) : 0;

	return len > 2 && (memchr(p, '.', len) == NULL || memchr(p, ':', len) != NULL) ? len + 1 : 0;
}

static int
ipv6(char *out, const char *p, size_t n)
{
	char text[64];
	struct arena a = { 0 };
	const char *s;
	int rc = -1;

	if (n < 4 || n >= sizeof text || p[0] != '[' || p[n - 1] != ']')
		return -1;
	memcpy(text, p + 1, n - 2);
	text[n - 2] = '\0';
	s = strchr(text, ':') != NULL ? addr_ip(&a, text, 0) : NULL;
	if (s != NULL) {
		snprintf(out, URL_HOST_MAX, "%s", s);
		rc = 0;
	}
	arena_free(&a);
	return rc;
}

static int
is_name(const char *p, size_t n)
{
	size_t i, label = 0, labels = 1;

	for (i = 0; i < n; i++) {
		if (p[i] == '.') {
			if (label == 0)
				return 0;
			label = 0;
			labels++;
		} else if (is_letter(p[i]) || ascii_is_digit(p[i]) || p[i] == '-' || p[i] == '_') {
			if (++label > 63)
				return 0;
		} else {
			return 0;
		}
	}
	return labels > 1 && label > 0;
}

static int
name_of(char out[URL_HOST_MAX], const char *p, size_t n)
{
	char text[URL_HOST_MAX * 2];
	size_t i;

	if (n == 0 || n >= sizeof text)
		return -1;
	for (i = 0; i < n && (unsigned char)p[i] < 0x80; i++)
		;
	if (i == n && n < URL_HOST_MAX) {
		memcpy(out, p, n);
		out[n] = '\0';
	} else {
		memcpy(text, p, n);
		text[n] = '\0';
		if (memchr(text, '\0', n) != NULL || (sys_idn_ascii(out, URL_HOST_MAX, text) < 0 &&
		    sys_idn_symbols(out, URL_HOST_MAX, text) < 0))
			return -1;
	}
	n = strlen(out);
	return is_name(out, n) ? 0 : -1;
}

/* The host of an authority: behind the last @ (what stands before it is a user name, however much it looks like a host), before the port. */
static int
authority_host(char out[URL_HOST_MAX], const char *p, size_t n)
{
	char host[AUTHORITY_MAX];
	size_t i, from = 0;

	for (i = 0; i < n; i++)
		if (p[i] == '@')
			from = i + 1;
	p += from;
	n -= from;
	if ((i = ipv6_len(p, n)) != 0)
		return ipv6(out, p, i);
	for (i = n; i > 0 && ascii_is_digit(p[i - 1]); i--)
		;
	if (i > 0 && p[i - 1] == ':')
		n = i - 1;
	if (n > 2 && memcmp(p + n - 3, "[:]", 3) == 0)	/* a defanged port */
		n -= 3;
	n = plain_host(host, sizeof host, p, n);
	while (n > 0 && host[n - 1] == '.')
		n--;
	if (ends_in_number(host, n))
		return ipv4(out, host, n);
	return name_of(out, host, n);
}

static size_t
authority_len(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] == '/' || p[i] == '?' || p[i] == '#')
			break;
		if (p[i] == '\\' && !(n - i > 1 && p[i + 1] == '.'))	/* a slash for browsers */
			break;
	}
	return i;
}

/* The schemes that lead to a host, and what is written for them to keep a link from being one. */
static size_t
scheme_len(const char *p, size_t n)
{
	static const char *const schemes[] = {
		"https", "http", "ftps", "ftp", "hxxps", "hxxp", "hxtps", "hxtp", "htxps", "htxp", "h**ps", "h**p", "fxp", "wss", "ws"
	};
	static const char *const colons[] = { ":", "[:]", "(:)" };
	size_t i, k, len, more;

	for (i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		if ((len = begins(p, n, schemes[i])) == 0)
			continue;
		if (begins(p + len, n - len, "[://]") != 0)
			return len + 5;
		for (k = 0; k < sizeof colons / sizeof colons[0]; k++)
			if ((more = begins(p + len, n - len, colons[k])) != 0)
				return len + more;
	}
	return 0;
}

int
url_host(char out[URL_HOST_MAX], const char *p, size_t n)
{
	size_t len;

	while (n > 0 && (unsigned char)*p <= ' ') {
		p++;
		n--;
	}
	len = scheme_len(p, n);
	if (len == 0 && !(n > 2 && (p[0] == '/' || p[0] == '\\') && (p[1] == '/' || p[1] == '\\')))
		return -1;
	p += len;
	n -= len;
	while (n > 0 && (*p == '/' || *p == '\\' || *p == '\t' || *p == '\r' || *p == '\n')) {
		p++;
		n--;
	}
	return authority_host(out, p, authority_len(p, n));
}

/* ---- in text ---- */

/* Ends p with the bracket of an address, "http://[2001:db8::1]"? */
static int
ends_in_ipv6(const char *p, size_t n)
{
	size_t from = n;

	if (p[n - 1] != ']')
		return 0;
	while (from > 0 && n - from < 64 && p[from - 1] != '[')
		from--;
	return from > 0 && p[from - 1] == '[' && ipv6_len(p + from - 1, n - from + 1) == n - from + 1;
}

/* What closes a sentence or a bracket is not part of a link. */
static size_t
trim(const char *p, size_t n)
{
	while (n > 0 && strchr(".,;:!?)]}>*_~|", p[n - 1]) != NULL && p[n - 1] != '\0' && !ends_in_ipv6(p, n))
		n--;
	return n;
}

/* How a URL is known: by its scheme, by "www.", or by its shape alone. */
enum shape { SCHEME, WWW, BARE };

static int
tell(const char *p, size_t n, enum shape shape, url_found *found, void *arg)
{
	char host[URL_HOST_MAX];
	struct url u = { host, p, n, shape == BARE };
	int rc = shape != SCHEME ? authority_host(host, p, authority_len(p, n)) : url_host(host, p, n);

	if (rc == 0)
		found(arg, &u);
	return rc;
}

/* "%3A%2F%2F": a URL in the query of another one. Undone once, in place. */
static size_t
undo_percent(char *p, size_t n)
{
	size_t i, o = 0;

	for (i = 0; i < n; i++) {
		if (p[i] == '%' && n - i > 2 && ascii_hex(p[i + 1]) >= 0 && ascii_hex(p[i + 2]) >= 0 && (ascii_hex(p[i + 1]) << 4 | ascii_hex(p[i + 2])) > ' ') {
			p[o++] = (char)(ascii_hex(p[i + 1]) << 4 | ascii_hex(p[i + 2]));
			i += 2;
		} else {
			p[o++] = p[i];
		}
	}
	return o;
}

/* Does a slash, of either kind or defanged, follow the scheme's colon? Then it is one, wherever in a word it stands. */
static size_t
scheme_at(const char *p, size_t n, size_t i)
{
	size_t len;

	if ((p[i] | 0x20) != 'h' && (p[i] | 0x20) != 'f' && (p[i] | 0x20) != 'w')
		return 0;
	len = scheme_len(p + i, n - i);
	if (len == 0 || i + len >= n)
		return 0;
	if (p[i + len - 1] == ']' && p[i + len - 2] == '/')	/* "[://]" */
		return len;
	return n - i - len > 1 && (p[i + len] == '/' || p[i + len] == '\\') && (p[i + len + 1] == '/' || p[i + len + 1] == '\\') ? len : 0;
}

/* Tells all that has a scheme. Returns how many. */
static int
with_scheme(const char *p, size_t n, url_found *found, void *arg)
{
	size_t i, len;
	int any = 0;

	for (i = 0; i + 4 < n; i++) {
		len = scheme_at(p, n, i);
		if (len == 0)
			continue;
		any += tell(p + i, trim(p + i, n - i), SCHEME, found, arg) == 0;
		i += len;
	}
	return any;
}

/* "host/path" or "evil[.]com": letters in the last label, and what keeps numbers, file names and dates out. */
static int
is_bare(const char *p, size_t n)
{
	size_t len = authority_len(p, n), dot = len;

	if (memchr(p, '@', len) != NULL || len < 4)
		return 0;
	while (dot > 0 && p[dot - 1] != '.' && p[dot - 1] != ']' && p[dot - 1] != ')')
		dot--;
	if (dot == 0 || len - dot < 2 || !is_letter(p[dot]))
		return 0;
	if (p[dot - 1] != '.')
		return (dot > 3 && odd_dot(p + dot - 3, 3) == 3) || (dot > 5 && odd_dot(p + dot - 5, 5) == 5);
	return len < n && n - len > 1 && p[len] == '/';
}

/* "www." that begins a name. n: none. */
static size_t
www_at(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i + 4 < n; i++)
		if (begins(p + i, n - i, "www.") != 0 && (i == 0 || (!is_letter(p[i - 1]) && !ascii_is_digit(p[i - 1]) && strchr(".@-_", p[i - 1]) == NULL)))
			return i;
	return n;
}

static void
one_word(char *p, size_t n, url_found *found, void *arg)
{
	size_t i;

	while (n > 0 && strchr("([{<*_~|", *p) != NULL && *p != '\0') {
		p++;
		n--;
	}
	n = trim(p, n);
	if (n < 4)
		return;
	if (with_scheme(p, n, found, arg) == 0) {
		i = www_at(p, n);
		if (i < n)
			(void)tell(p + i, n - i, WWW, found, arg);
		else if (is_bare(p, n))
			(void)tell(p, n, BARE, found, arg);
	}
	if (memchr(p, '%', n) == NULL)
		return;
	n = undo_percent(p, n);
	if (n > 1)
		(void)with_scheme(p + 1, n - 1, found, arg);
}

/* What ends a word: white space, controls, and what no URL holds (RFC 3986) and markup or scripts put around one. And what no URL is without. */
enum { BREAK = 1, MARK = 2 };

static const unsigned char classes[256] = {
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	[' '] = BREAK, ['"'] = BREAK, ['<'] = BREAK, ['>'] = BREAK, ['\''] = BREAK, ['`'] = BREAK, [0x7F] = BREAK,
	['.'] = MARK, [':'] = MARK, ['\\'] = MARK, ['['] = MARK
};

static int
is_break(char c)
{
	return classes[(unsigned char)c] == BREAK;
}

/* Up to where p goes on without a break; *has gets the classes that were met. */
static size_t
word_len(unsigned *has, const char *p, size_t n)
{
	unsigned met = 0, k;
	size_t i;

	for (i = 0; i < n && (k = classes[(unsigned char)p[i]]) != BREAK; i++)
		met |= k;
	*has = met;
	return i;
}

/* Nearly all words are none. */
static int
may_be_url(const char *p, size_t n)
{
	unsigned has;

	(void)word_len(&has, p, n);
	return n > 3 && has != 0;
}

static void
end_word(struct url_scan *s)
{
	if (may_be_url(s->word, s->n))
		one_word(s->word, s->n, s->found, s->arg);
	s->n = 0;
}

void
url_scan_init(struct url_scan *s, url_found *found, void *arg)
{
	s->n = 0;
	s->found = found;
	s->arg = arg;
}

/* On to the next word that has a mark, or to one that ends with the input. */
static size_t
next_marked(const char *p, size_t i, size_t n)
{
	size_t k = i;

	while (k < n && classes[(unsigned char)p[k]] != MARK)
		k++;
	while (k > i && !is_break(p[k - 1]))
		k--;
	return k;
}

void
url_scan_push(struct url_scan *s, const char *p, size_t n)
{
	size_t i, len, room;
	unsigned has;
	int is_end;

	for (i = 0; i < n; i += len) {
		if (s->n == 0) {
			i = next_marked(p, i, n);
			if (i == n)
				break;
		}
		room = sizeof s->word - s->n;
		len = word_len(&has, p + i, n - i < room ? n - i : room);
		is_end = i + len < n && is_break(p[i + len]);
		if (s->n != 0 || !is_end || has != 0) {
			memcpy(s->word + s->n, p + i, len);
			s->n += len;
			if (s->n == sizeof s->word || is_end)
				end_word(s);
		}
		while (i + len < n && is_break(p[i + len]))
			i++;
	}
}

void
url_scan_end(struct url_scan *s)
{
	end_word(s);
}

void
url_link(const char *value, size_t n, url_found *found, void *arg)
{
	struct url_scan s;
	char host[URL_HOST_MAX];
	struct url u = { host, value, n, 0 };

	if (url_host(host, value, n) == 0)
		found(arg, &u);
	url_scan_init(&s, found, arg);
	url_scan_push(&s, value, n);
	url_scan_end(&s);
}
