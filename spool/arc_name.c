/* Names and numbers of an archive as text. */
#include "arc_in.h"

#include <stdio.h>
#include <string.h>

#include "ascii.h"
#include "msg.h"

const char *const arc_kind_name[ARC_KINDS] = {
	"bagit.txt", "data/", "messages.jsonl", "manifest-sha256.txt", "bag-info.txt", "tagmanifest-sha256.txt"
};

static const char hex_upper[] = "0123456789ABCDEF";

/* Bytes that stand for themselves in data/. */
static int
is_plain(int c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("._#+,/-", c) != NULL);
}

int
arc_is_plain_word(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || n > 200 || s[0] == '.' || s[0] == '-')
		return 0;
	for (i = 0; i < n; i++)
		if (!ascii_is_alnum(s[i]) && (s[i] == '\0' || strchr("._+,@-", s[i]) == NULL))
			return 0;
	return 1;
}

int
arc_is_spool(const char *s, size_t n)
{
	size_t i = 0, digits;

	while (i < n && s[i] >= 'a' && s[i] <= 'z')
		i++;
	if (i == 0 || i > 40 || i == n || s[i] != '-')
		return 0;
	digits = ++i;
	while (i < n && s[i] >= '0' && s[i] <= '9')
		i++;
	return i == n && i > digits && i - digits <= 6 && s[digits] != '0';
}

void
arc_add_name(struct buf *b, const char *path)
{
	const unsigned char *p;

	for (p = (const unsigned char *)path; *p != '\0'; p++) {
		if (is_plain(*p)) {
			buf_byte(b, *p);
			continue;
		}
		buf_byte(b, '=');
		buf_byte(b, hex_upper[*p >> 4]);
		buf_byte(b, hex_upper[*p & 15]);
	}
}

const char *
arc_encode_name(struct arena *a, const char *path)
{
	struct buf b;
	char *s;

	buf_init(&b, 3 * strlen(path));
	arc_add_name(&b, path);
	s = arena_dup(a, b.p, b.n);
	buf_free(&b);
	return s;
}

/* The byte of "XX", or -1; only what the encoder writes: a second spelling of a name would be a second member of one file. */
static int
escaped_byte(const char *p)
{
	const char *hi, *lo;
	int c;

	if (p[0] == '\0' || p[1] == '\0' || (hi = strchr(hex_upper, p[0])) == NULL || (lo = strchr(hex_upper, p[1])) == NULL)
		return -1;
	c = (int)((hi - hex_upper) << 4 | (lo - hex_upper));
	return c == 0 || is_plain(c) ? -1 : c;
}

/* Walks an encoded path; out (room for strlen(name) + 1) may be NULL. 0, or -1 when it is not one. */
static int
decode(char *out, const char *name)
{
	const char *p, *start = name;
	size_t n = 0, len;
	int c;

	for (p = name;; p++) {
		if (*p == '/' || *p == '\0') {
			len = (size_t)(p - start);
			if (len == 0 || (len == 1 && start[0] == '.') || (len == 2 && start[0] == '.' && start[1] == '.'))
				return -1;
			start = p + 1;
		}
		if (*p == '\0')
			break;
		c = (unsigned char)*p;
		if (c == '=') {
			c = escaped_byte(p + 1);
			p += 2;
		} else if (!is_plain(c)) {
			c = -1;
		}
		if (c < 0)
			return -1;
		if (out != NULL)
			out[n] = (char)c;
		n++;
	}
	if (out != NULL)
		out[n] = '\0';
	return n <= ARC_PATH_MAX ? 0 : -1;
}

const char *
arc_decode_name(struct arena *a, const char *name)
{
	char *s;

	if (decode(NULL, name) < 0)
		return NULL;
	s = arena_get(a, strlen(name) + 1);
	(void)decode(s, name);
	return s;
}

char *
arc_top_of(struct arena *a, const char *name)
{
	static const char suffix[] = ARC_SUFFIX, temp[] = ARC_SUFFIX ".tmp";
	size_t n = strlen(name);

	if (name[0] == '.' && n > sizeof temp && strcmp(name + n - (sizeof temp - 1), temp) == 0) {
		name++;
		n -= sizeof temp;
	} else if (n >= sizeof suffix && strcmp(name + n - (sizeof suffix - 1), suffix) == 0) {
		n -= sizeof suffix - 1;
	} else {
		return NULL;
	}
	return arc_is_plain_word(name, n) ? arena_dup(a, name, n) : NULL;
}

/* Is it "KIND-N/" and an encoded path? */
static int
is_payload(const char *name)
{
	const char *slash = strchr(name, '/');

	return slash != NULL && arc_is_spool(name, (size_t)(slash - name)) && decode(NULL, slash + 1) == 0;
}

enum arc_kind
arc_kind_of(const char **rest, const char *top, size_t ntop, const char *name)
{
	const char *slash = strchr(name, '/');
	size_t n = slash != NULL ? (size_t)(slash - name) : 0;
	int k;

	*rest = name;
	if (slash == NULL || !arc_is_plain_word(name, n) || (ntop != 0 && (n != ntop || memcmp(name, top, n) != 0)))
		return ARC_STRANGE;
	*rest = slash + 1;
	if (strncmp(*rest, arc_kind_name[ARC_DATA], 5) == 0) {
		*rest += 5;
		return is_payload(*rest) ? ARC_DATA : ARC_STRANGE;
	}
	for (k = 0; k < ARC_KINDS; k++)
		if (strcmp(*rest, arc_kind_name[k]) == 0)
			return (enum arc_kind)k;
	return ARC_STRANGE;
}

void
arc_hex(char out[2 * ARC_SHA256 + 1], const unsigned char sha[ARC_SHA256])
{
	static const char hex[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < ARC_SHA256; i++) {
		out[2 * i] = hex[sha[i] >> 4];
		out[2 * i + 1] = hex[sha[i] & 15];
	}
	out[2 * i] = '\0';
}

static int
hex_value(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
arc_unhex(unsigned char sha[ARC_SHA256], const char *hex, size_t n)
{
	size_t i;
	int hi, lo;

	if (n != 2 * ARC_SHA256)
		return -1;
	for (i = 0; i < ARC_SHA256; i++) {
		hi = hex_value(hex[2 * i]);
		lo = hex_value(hex[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return -1;
		sha[i] = (unsigned char)(hi << 4 | lo);
	}
	return 0;
}

int
arc_parse_manifest(const char **name, unsigned char sha[ARC_SHA256], const char *line, size_t n)
{
	const size_t head = 2 * ARC_SHA256;

	if (n < head + 7 || arc_unhex(sha, line, head) < 0 || memcmp(line + head, "  data/", 7) != 0)
		return -1;
	*name = line + head + 7;
	return is_payload(*name) ? 0 : -1;
}

/* ---- time ---- */

/* Days since 1970 of a Gregorian date, the year beginning in March (the leap day comes last). */
static int64_t
days_of(int64_t y, int64_t m, int64_t d)
{
	y -= m <= 2;
	m += m <= 2 ? 9 : -3;
	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + d - 1 - 719468;
}

static void
date_of(int64_t *y, int64_t *m, int64_t *d, int64_t days)
{
	*y = (days + 719468) * 400 / 146097 + 1;
	while (days_of(*y, 1, 1) > days)
		--*y;
	for (*m = 12; days_of(*y, *m, 1) > days; --*m)
		;
	*d = days - days_of(*y, *m, 1) + 1;
}

void
arc_time_text(char out[24], int64_t sec)
{
	int64_t y, m, d, days = sec / 86400, left = sec % 86400;

	date_of(&y, &m, &d, days);
	snprintf(out, 24, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(y % 10000), (unsigned)m, (unsigned)d, (unsigned)(left / 3600),
	    (unsigned)(left / 60 % 60), (unsigned)(left % 60));
}

/* Reads as many digits as the pattern has, and its other characters as they are. */
static const char *
time_fields(int64_t v[6], const char *s, const char *pattern)
{
	int f = 0;

	for (; *pattern != '\0'; pattern++, s++) {
		if (*pattern != '0') {
			if (*s != *pattern)
				return NULL;
			f++;
			continue;
		}
		if (*s < '0' || *s > '9')
			return NULL;
		v[f] = v[f] * 10 + (*s - '0');
	}
	return s;
}

int
arc_parse_time(int64_t *us, const char *s)
{
	int64_t v[6] = { 0 }, fraction = 0, scale = 100000, y, m, d;

	s = time_fields(v, s, "0000-00-00T00:00:00");
	if (s == NULL || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23 || v[4] > 59 || v[5] > 60)
		return -1;
	date_of(&y, &m, &d, days_of(v[0], v[1], v[2]));
	if (d != v[2])
		return -1;
	if (*s == '.') {
		for (s++; *s >= '0' && *s <= '9'; s++, scale /= 10)
			fraction += (*s - '0') * scale;
	}
	if (strcmp(s, "Z") != 0)
		return -1;
	*us = (days_of(v[0], v[1], v[2]) * 86400 + v[3] * 3600 + v[4] * 60 + v[5]) * 1000000 + fraction;
	return 0;
}
