#include "addr.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "buf.h"
#include "sys.h"
#include "words.h"

#define DOMAIN_ASCII_MAX 256	/* RFC 1035: 255 */

static void
lower_ascii(char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] >= 'A' && s[i] <= 'Z')
			s[i] = (char)(s[i] - 'A' + 'a');
	}
}

/* Lower case and NFC, but not the full folding: "straße.example" and "strasse.example" are two domains (IDNA 2008). */
static const char *
lower_domain(struct arena *a, const char *s)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s;
	utf8proc_ssize_t len, n = (utf8proc_ssize_t)strlen(s);
	utf8proc_uint8_t ch[4];
	utf8proc_int32_t cp;
	struct buf b;
	const char *out;

	buf_init(&b, (size_t)n * 3);
	for (; n > 0 && (len = utf8proc_iterate(p, n, &cp)) > 0; p += len, n -= len)
		buf_add(&b, ch, (size_t)utf8proc_encode_char(utf8proc_tolower(cp), ch));
	out = text_nfc(a, b.n != 0 ? b.p : "", b.n, 0);
	buf_free(&b);
	return out;
}

/* What is not UTF-8 becomes U+FFFD and is not guessed at as in a subject: no charset was ever allowed in an envelope (RFC 6531). */
static char *
clean_bytes(struct arena *a, const void *p, size_t n)
{
	struct buf b;
	char *s;

	if (text_plain(p, n))
		return arena_dup(a, p, n);
	buf_init(&b, n * 3);
	text_add_utf8(&b, p, n);
	s = arena_dup(a, b.p, b.n);
	buf_free(&b);
	return s;
}

const char *
addr_clean(struct arena *a, const void *bytes, size_t n)
{
	const char *p = bytes, *domain;
	char *s;
	size_t at;

	if (n >= 2 && p[0] == '<' && p[n - 1] == '>') {
		p++;
		n -= 2;
	}
	s = clean_bytes(a, p, n);
	domain = addr_domain(s);
	if (domain == NULL)
		return s;
	at = (size_t)(domain - s);
	if (text_plain(domain, strlen(domain))) {
		lower_ascii(s + at, strlen(domain));
		return s;
	}
	return arena_fmt(a, "%.*s%s", (int)at, s, lower_domain(a, domain));
}

/* The last '@' outside quotes; *is_open tells that a quote was not closed. */
static const char *
last_at(const char *s, int heed_quotes, int *is_open)
{
	const char *at = NULL;
	int in_quotes = 0;

	for (; *s != '\0'; s++) {
		if (heed_quotes && *s == '\\' && s[1] != '\0')
			s++;
		else if (heed_quotes && *s == '"')
			in_quotes = !in_quotes;
		else if (*s == '@' && !in_quotes)
			at = s;
	}
	*is_open = in_quotes;
	return at;
}

const char *
addr_domain(const char *addr)
{
	const size_t n = strlen(addr);
	int is_open = 0;
	const char *at;

	if (memchr(addr, '"', n) == NULL && memchr(addr, '\\', n) == NULL)	/* nearly all */
		at = strrchr(addr, '@');
	else
		at = last_at(addr, 1, &is_open);
	if (is_open)	/* o"brien@example.com: the quote is a plain character */
		at = last_at(addr, 0, &is_open);
	return at != NULL && at[1] != '\0' ? at + 1 : NULL;
}

const char *
addr_fold(struct arena *a, const char *s)
{
	size_t n = strlen(s);
	char *copy = clean_bytes(a, s, n);

	if (!text_plain(copy, strlen(copy)))
		return text_nfc(a, copy, strlen(copy), 1);
	lower_ascii(copy, n);
	return copy;
}

/* RFC 5321 Atom; RFC 6531 adds all that is not ASCII. */
static int
is_atom(char c)
{
	if ((unsigned char)c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return 1;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

/* RFC 5321 Dot-string: what may stand without quotes. */
static int
is_dot_string(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] == '.' ? i == 0 || i + 1 == n || s[i - 1] == '.' : !is_atom(s[i]))
			return 0;
	}
	return n > 0;
}

/* A quoted local part with as few quotes and backslashes as it needs; any other as it is. */
static void
add_local(struct buf *out, const char *s, size_t n)
{
	struct buf plain;
	size_t i;

	if (n < 2 || s[0] != '"' || s[n - 1] != '"') {
		buf_add(out, s, n);
		return;
	}
	buf_init(&plain, n);
	for (i = 1; i < n - 1; i++) {
		if (s[i] == '\\' && i + 1 < n - 1)
			i++;
		buf_byte(&plain, s[i]);
	}
	if (is_dot_string(plain.p, plain.n)) {
		buf_add(out, plain.p, plain.n);
	} else {
		buf_byte(out, '"');
		for (i = 0; i < plain.n; i++) {
			if (plain.p[i] == '"' || plain.p[i] == '\\')
				buf_byte(out, '\\');
			buf_byte(out, plain.p[i]);
		}
		buf_byte(out, '"');
	}
	buf_free(&plain);
}

/* A domain for comparison: IDNA's ASCII form, without the root's dot. What IDNA refuses is folded. */
static void
add_domain(struct buf *out, struct arena *a, const char *s)
{
	char ascii[DOMAIN_ASCII_MAX];
	size_t n;

	if (text_plain(s, strlen(s)) || sys_idn_ascii(ascii, sizeof ascii, s) != 0)
		s = addr_fold(a, s);
	else
		s = ascii;
	n = strlen(s);
	if (n > 1 && s[n - 1] == '.')
		n--;
	buf_add(out, s, n);
}

/* Most names are their own key. */
static int
is_simple_key(const char *s, size_t n)
{
	return text_folded(s, n) && memchr(s, '"', n) == NULL && (n == 0 || s[n - 1] != '.');
}

const char *
addr_key(struct arena *a, const char *s)
{
	const char *domain, *local, *key;
	struct buf b;
	size_t n = strlen(s);

	if (is_simple_key(s, n))
		return arena_dup(a, s, n);
	s = clean_bytes(a, s, n);
	domain = addr_domain(s);
	n = domain != NULL ? (size_t)(domain - s) - 1 : strlen(s);
	local = addr_fold(a, arena_dup(a, s, n));
	buf_init(&b, (size_t)1 << 24);
	add_local(&b, local, strlen(local));
	if (domain != NULL) {
		buf_byte(&b, '@');
		add_domain(&b, a, domain);
	}
	key = arena_dup(a, b.p, b.n);
	buf_free(&b);
	return key;
}

/* ---- IP addresses: 16 bytes, IPv4 as ::ffff:0:0/96 ---- */

struct ip {
	unsigned char v[16];
};

static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };

static int
is_v4(const struct ip *ip)
{
	return memcmp(ip->v, mapped, sizeof mapped) == 0;
}

/* A decimal number of at most `digits` digits without leading zeros; returns the bytes used, 0 for none. */
static size_t
number(unsigned *out, const char *s, const char *end, size_t digits, unsigned max)
{
	unsigned v = 0;
	size_t i = 0;

	while (s + i < end && i < digits && s[i] >= '0' && s[i] <= '9')
		v = v * 10 + (unsigned)(s[i++] - '0');
	if (i == 0 || v > max || (i > 1 && s[0] == '0'))
		return 0;
	*out = v;
	return i;
}

/* Four numbers and no more; 0, or -1. */
static int
parse_v4(unsigned char out[4], const char *s, const char *end)
{
	unsigned i, v;
	size_t n;

	for (i = 0; i < 4; i++) {
		n = number(&v, s, end, 3, 255);
		if (n == 0)
			return -1;
		out[i] = (unsigned char)v;
		s += n;
		if (i < 3 && (s == end || *s++ != '.'))
			return -1;
	}
	return s == end ? 0 : -1;
}

static size_t
hex_group(unsigned *out, const char *s, const char *end)
{
	unsigned v = 0;
	size_t i;

	for (i = 0; s + i < end && i < 5; i++) {
		char c = s[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (unsigned)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (unsigned)(c - 'A' + 10);
		else
			break;
	}
	*out = v;
	return i <= 4 ? i : 0;
}

/*
 * RFC 4291 section 2.2, all three forms. v takes the groups from the left; those
 * behind "::" (which began at byte `gap`, 17 for none) move to the right end at last.
 */
static int
parse_v6(struct ip *ip, const char *s, const char *end)
{
	unsigned char v[16] = { 0 };
	size_t at = 0, gap = 17, n;
	unsigned group;

	if (end - s >= 2 && s[0] == ':' && s[1] == ':') {
		gap = 0;
		s += 2;
	}
	while (s < end) {
		n = hex_group(&group, s, end);
		if (n != 0 && s + n < end && s[n] == '.' && at <= 12 && parse_v4(v + at, s, end) == 0) {
			at += 4;
			s = end;
			break;
		}
		if (n == 0 || at > 14)
			return -1;
		v[at++] = (unsigned char)(group >> 8);
		v[at++] = (unsigned char)(group & 0xFF);
		s += n;
		if (s == end)
			break;
		if (*s++ != ':' || s == end)
			return -1;
		if (*s == ':') {
			if (gap <= 16)
				return -1;
			gap = at;
			s++;
		}
	}
	if (gap > 16 ? at != 16 : at == 16)
		return -1;
	memset(ip->v, 0, sizeof ip->v);
	if (gap > 16)
		gap = at;
	memcpy(ip->v, v, gap);
	memcpy(ip->v + 16 - (at - gap), v + gap, at - gap);
	return 0;
}

/* An address alone. The zone says which link of the MTA's host it came by: nothing about the client. */
static int
parse_plain(struct ip *ip, const char *s, const char *end)
{
	const char *zone = memchr(s, '%', (size_t)(end - s));

	if (zone != NULL && zone > s)
		end = zone;
	if (parse_v6(ip, s, end) == 0)
		return 0;
	memcpy(ip->v, mapped, sizeof mapped);
	return parse_v4(ip->v + 12, s, end);
}

/* Cuts "<sep>PORT" off the end; NULL when there is none. */
static const char *
before_port(const char *s, const char *end, char sep)
{
	const char *p = end;
	unsigned port;

	while (p > s && p[-1] >= '0' && p[-1] <= '9')
		p--;
	if (p == end || p - 1 <= s || p[-1] != sep || number(&port, p, end, 5, 65535) != (size_t)(end - p))
		return NULL;
	return p - 1;
}

static int
has_prefix(const char *s, const char *end, const char *lower)
{
	for (; *lower != '\0'; s++, lower++) {
		if (s == end || (*s | 0x20) != (*lower | 0x20))
			return 0;
	}
	return 1;
}

/*
 * Exim up to 4.95 writes "addr.port", 4.96 "[addr]:port"; Postfix's log_client_address
 * has "IPv6:" before an IPv6 address, its client_address has not.
 */
static int
parse_ip(struct ip *ip, const char *s, int exim_port)
{
	const char *end = s + strlen(s), *cut;

	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (has_prefix(s, end, "ipv6:"))
		s += 5;
	if (s < end && *s == '[') {	/* what stands behind the bracket is a port */
		cut = memchr(s, ']', (size_t)(end - s));
		if (cut == NULL || (cut + 1 != end && before_port(s, end, cut[1]) != cut + 1))
			return -1;
		if (cut + 1 != end && cut[1] != ':' && cut[1] != '.')
			return -1;
		s++;
		end = cut;
		if (has_prefix(s, end, "ipv6:"))
			s += 5;
		return parse_plain(ip, s, end);
	}
	if (parse_plain(ip, s, end) == 0)
		return 0;
	cut = before_port(s, end, exim_port ? '.' : ':');
	if (cut == NULL || (!exim_port && memchr(s, ':', (size_t)(cut - s)) != NULL))
		return -1;
	return parse_plain(ip, s, cut);
}

/* RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as "::". */
static const char *
format_v6(struct arena *a, const struct ip *ip)
{
	unsigned g[8], i, run, best = 8, best_n = 1;
	char text[48];
	size_t n = 0;

	for (i = 0; i < 8; i++)
		g[i] = (unsigned)ip->v[2 * i] << 8 | ip->v[2 * i + 1];
	for (i = 0; i < 8; i += run + 1) {
		for (run = 0; i + run < 8 && g[i + run] == 0; run++)
			;
		if (run > best_n) {
			best = i;
			best_n = run;
		}
	}
	for (i = 0; i < 8; i++) {
		if (i == best) {
			n += (size_t)snprintf(text + n, sizeof text - n, "::");
			i += best_n - 1;
		} else {
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%x",
			    i == 0 || i == best + best_n ? "" : ":", g[i]);
		}
	}
	return arena_dup(a, text, n);
}

const char *
addr_ip(struct arena *a, const char *s, int exim_port)
{
	struct ip ip;

	if (parse_ip(&ip, s, exim_port) != 0)
		return NULL;
	if (is_v4(&ip))
		return arena_fmt(a, "%u.%u.%u.%u", ip.v[12], ip.v[13], ip.v[14], ip.v[15]);
	return format_v6(a, &ip);
}

int
addr_ip_bytes(unsigned char out[16], const char *s)
{
	struct ip ip;

	if (parse_ip(&ip, s, 0) != 0)
		return 0;
	memcpy(out, ip.v, sizeof ip.v);
	return is_v4(&ip) ? 4 : 6;
}

/* The network and the number of leading bits of a 16-byte address that count. */
static int
parse_cidr(struct ip *net, unsigned *bits, const char *cidr)
{
	const char *slash = strchr(cidr, '/'), *end;
	char addr[64];
	size_t n = slash != NULL ? (size_t)(slash - cidr) : strlen(cidr);

	if (n >= sizeof addr)
		return -1;
	memcpy(addr, cidr, n);
	addr[n] = '\0';
	if (parse_ip(net, addr, 0) != 0)
		return -1;
	*bits = 128;
	if (slash == NULL)
		return 0;
	end = slash + strlen(slash);
	n = number(bits, slash + 1, end, 3, 128);
	if (n == 0 || slash + 1 + n != end)
		return -1;
	if (is_v4(net) && memchr(addr, ':', strlen(addr)) == NULL) {
		if (*bits > 32)
			return -1;
		*bits += 96;
	}
	return 0;
}

int
addr_ip_in(const char *ip, const char *cidr)
{
	struct ip addr, net;
	unsigned bits, i;

	if (parse_cidr(&net, &bits, cidr) != 0)
		return -1;
	if (parse_ip(&addr, ip, 0) != 0 || is_v4(&addr) != is_v4(&net))
		return 0;
	for (i = 0; i < bits / 8; i++) {
		if (addr.v[i] != net.v[i])
			return 0;
	}
	return bits % 8 == 0 || (addr.v[i] ^ net.v[i]) >> (8 - bits % 8) == 0;
}
