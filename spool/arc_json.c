/*
 * messages.jsonl, both ways. The reader takes one JSON object (RFC 8259), strictly: valid UTF-8,
 * no key twice, no NUL in a text, whole numbers of 64 bits where we use them, and a limit on depth and keys.
 */
#include "arc_in.h"

#include <stdio.h>
#include <string.h>

#include "msg.h"
#include "words.h"

#define DEPTH 8
#define KEYS 100	/* in one object */

struct json {
	const char *p, *end;
	struct arena *a;
	int depth;
};

/* Called for each key of an object; reads its value. 0 or -1. */
typedef int json_member(void *arg, struct json *j, const char *key);

static int json_skip(struct json *j);

static int
json_peek(struct json *j)
{
	while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\r' || *j->p == '\n'))
		j->p++;
	return j->p < j->end ? (unsigned char)*j->p : -1;
}

static int
json_take(struct json *j, int c)
{
	if (json_peek(j) != c)
		return -1;
	j->p++;
	return 0;
}

static int
json_word(struct json *j, const char *word)
{
	size_t n = strlen(word);

	if (json_peek(j) < 0 || (size_t)(j->end - j->p) < n || memcmp(j->p, word, n) != 0)
		return -1;
	j->p += n;
	return 0;
}

static int
hex4(uint32_t *v, struct json *j)
{
	int i, c;

	*v = 0;
	if (j->end - j->p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		c = (unsigned char)*j->p++;
		if (c >= '0' && c <= '9')
			c -= '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			c = (c | 32) - 'a' + 10;
		else
			return -1;
		*v = *v << 4 | (uint32_t)c;
	}
	return 0;
}

static char *
put_char(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 63));
		*out++ = (char)(0x80 | (c & 63));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 63));
		*out++ = (char)(0x80 | (c >> 6 & 63));
		*out++ = (char)(0x80 | (c & 63));
	}
	return out;
}

/* \uXXXX, a pair of them for a character above U+FFFF. An escape is never shorter than its UTF-8. */
static char *
unicode_escape(char *out, struct json *j)
{
	uint32_t c, low;

	if (hex4(&c, j) < 0 || c == 0 || (c >= 0xdc00 && c < 0xe000))
		return NULL;
	if (c >= 0xd800 && c < 0xdc00) {
		if (j->end - j->p < 2 || j->p[0] != '\\' || j->p[1] != 'u')
			return NULL;
		j->p += 2;
		if (hex4(&low, j) < 0 || low < 0xdc00 || low >= 0xe000)
			return NULL;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	return put_char(out, c);
}

static char *
escape(char *out, struct json *j)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int c;

	if (j->p == j->end)
		return NULL;
	c = *j->p++;
	if (c == 'u')
		return unicode_escape(out, j);
	at = c != '\0' ? strchr(from, c) : NULL;
	if (at == NULL)
		return NULL;
	*out++ = to[at - from];
	return out;
}

/* The length of the UTF-8 character at p, 0 when it is not one (RFC 3629: no surrogates, nothing longer than needed). */
static size_t
char_bytes(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0, i;

	if (len == 0 || len > n)
		return 0;
	for (i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return len;
}

/* How many bytes from p on stand for themselves in a text. */
static size_t
plain_bytes(const char *p, const char *end)
{
	const char *at;

	for (at = p; at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '\\'; at++)
		continue;
	return (size_t)(at - p);
}

static int
json_text(const char **out, struct json *j)
{
	const char *close;
	char *at, *start;
	size_t n;

	if (json_take(j, '"') < 0)
		return -1;
	for (close = j->p; close < j->end && *close != '"'; close++)
		if (*close == '\\' && close + 1 < j->end)
			close++;
	if (close == j->end)
		return -1;
	start = at = arena_get(j->a, (size_t)(close - j->p) + 1);
	while (j->p < close) {
		if (*j->p == '\\') {
			j->p++;
			if ((at = escape(at, j)) == NULL)
				return -1;
			continue;
		}
		n = plain_bytes(j->p, close);
		if (n == 0)
			n = char_bytes(j->p, (size_t)(close - j->p));
		if (n == 0 || (unsigned char)*j->p < 0x20)
			return -1;
		memcpy(at, j->p, n);
		at += n;
		j->p += n;
	}
	j->p = close + 1;
	*at = '\0';
	*out = start;
	return 0;
}

static int
json_text_or_null(const char **out, struct json *j)
{
	*out = NULL;
	return json_peek(j) == 'n' ? json_word(j, "null") : json_text(out, j);
}

/* A whole number in [min, max]. */
static int
json_int(int64_t *v, struct json *j, int64_t min, int64_t max)
{
	uint64_t u = 0, limit;
	int is_negative = json_peek(j) == '-', digits = 0;

	j->p += is_negative;
	limit = is_negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	for (; j->p < j->end && *j->p >= '0' && *j->p <= '9'; j->p++, digits++) {
		unsigned d = (unsigned)(*j->p - '0');

		if ((digits == 1 && u == 0) || u > (limit - d) / 10)
			return -1;
		u = u * 10 + d;
	}
	if (digits == 0 || (j->p < j->end && strchr(".eE", *j->p) != NULL && *j->p != '\0'))
		return -1;
	*v = is_negative ? (u > (uint64_t)INT64_MAX ? INT64_MIN : -(int64_t)u) : (int64_t)u;
	return *v < min || *v > max ? -1 : 0;
}

static size_t
digits(struct json *j)
{
	size_t n = 0;

	for (; j->p < j->end && *j->p >= '0' && *j->p <= '9'; j->p++)
		n++;
	return n;
}

/* Any number, its value not kept. */
static int
skip_number(struct json *j)
{
	const char *first;

	if (j->p < j->end && *j->p == '-')
		j->p++;
	first = j->p;
	if (digits(j) == 0 || (*first == '0' && j->p - first > 1))
		return -1;
	if (j->p < j->end && *j->p == '.') {
		j->p++;
		if (digits(j) == 0)
			return -1;
	}
	if (j->p < j->end && (*j->p | 32) == 'e') {
		j->p++;
		if (j->p < j->end && (*j->p == '+' || *j->p == '-'))
			j->p++;
		return digits(j) == 0 ? -1 : 0;
	}
	return 0;
}

static int
json_object(struct json *j, json_member *member, void *arg)
{
	const char *key[KEYS];
	size_t n = 0, i;

	if (json_take(j, '{') < 0 || ++j->depth > DEPTH)
		return -1;
	if (json_peek(j) != '}') {
		do {
			if (n == KEYS || json_text(&key[n], j) < 0 || json_take(j, ':') < 0)
				return -1;
			for (i = 0; i < n; i++)
				if (key[i][0] == key[n][0] && strcmp(key[i], key[n]) == 0)
					return -1;
			if (member(arg, j, key[n++]) < 0)
				return -1;
		} while (json_take(j, ',') == 0);
	}
	j->depth--;
	return json_take(j, '}');
}

static int
json_array(struct json *j, int (*item)(void *arg, struct json *j), void *arg)
{
	if (json_take(j, '[') < 0 || ++j->depth > DEPTH)
		return -1;
	if (json_peek(j) != ']') {
		do {
			if (item(arg, j) < 0)
				return -1;
		} while (json_take(j, ',') == 0);
	}
	j->depth--;
	return json_take(j, ']');
}

static int
skip_member(void *arg, struct json *j, const char *key)
{
	(void)arg;
	(void)key;
	return json_skip(j);
}

static int
skip_item(void *arg, struct json *j)
{
	(void)arg;
	return json_skip(j);
}

/* Any value. */
static int
json_skip(struct json *j)
{
	const char *text;

	switch (json_peek(j)) {
	case '{': return json_object(j, skip_member, NULL);
	case '[': return json_array(j, skip_item, NULL);
	case '"': return json_text(&text, j);
	case 't': return json_word(j, "true");
	case 'f': return json_word(j, "false");
	case 'n': return json_word(j, "null");
	default: return skip_number(j);
	}
}

/* ---- a message ---- */

#define HAS_ROLE 1u
#define HAS_NAME 2u
#define HAS_SIZE 4u
#define HAS_MODE 8u
#define HAS_UID 16u
#define HAS_GID 32u
#define HAS_MTIME 64u
#define HAS_SHA 128u
#define HAS_ALL 255u

struct part_state {
	struct arc_message *m;
	unsigned has;
};

static int
part_name(struct arc_message *m, struct arc_part *p, struct json *j)
{
	const char *text, *slash, *spool;

	if (json_text(&text, j) < 0 || (slash = strchr(text, '/')) == NULL || !arc_is_spool(text, (size_t)(slash - text)))
		return -1;
	spool = arena_dup(j->a, text, (size_t)(slash - text));
	if (m->spool_name != NULL && strcmp(m->spool_name, spool) != 0)
		return -1;
	m->spool_name = spool;
	p->path = arc_decode_name(j->a, slash + 1);
	return p->path != NULL ? 0 : -1;
}

static int
part_u32(uint32_t *v, struct json *j, int64_t max)
{
	int64_t n;

	if (json_int(&n, j, 0, max) < 0)
		return -1;
	*v = (uint32_t)n;
	return 0;
}

static int
part_member(void *arg, struct json *j, const char *key)
{
	struct part_state *s = arg;
	struct arc_part *p = &s->m->part[s->m->nparts];
	const char *text;
	int64_t n;

	if (strcmp(key, "role") == 0) {
		s->has |= HAS_ROLE;
		return json_text(&p->role, j);
	}
	if (strcmp(key, "name") == 0) {
		s->has |= HAS_NAME;
		return part_name(s->m, p, j);
	}
	if (strcmp(key, "size") == 0) {
		s->has |= HAS_SIZE;
		if (json_int(&n, j, 0, INT64_MAX) < 0)
			return -1;
		p->size = (uint64_t)n;
		return 0;
	}
	if (strcmp(key, "mode") == 0) {
		s->has |= HAS_MODE;
		return part_u32(&p->mode, j, 07777);
	}
	if (strcmp(key, "uid") == 0) {
		s->has |= HAS_UID;
		return part_u32(&p->uid, j, UINT32_MAX);
	}
	if (strcmp(key, "gid") == 0) {
		s->has |= HAS_GID;
		return part_u32(&p->gid, j, UINT32_MAX);
	}
	if (strcmp(key, "mtime") == 0) {
		s->has |= HAS_MTIME;
		return json_int(&p->mtime, j, INT64_MIN, INT64_MAX);
	}
	if (strcmp(key, "sha256") == 0) {
		s->has |= HAS_SHA;
		return json_text(&text, j) < 0 ? -1 : arc_unhex(p->sha, text, strlen(text));
	}
	return json_skip(j);
}

static int
part_item(void *arg, struct json *j)
{
	struct part_state s = { arg, 0 };

	if (s.m->nparts == PART_MAX || json_object(j, part_member, &s) < 0 || s.has != HAS_ALL)
		return -1;
	s.m->nparts++;
	return 0;
}

static int
message_member(void *arg, struct json *j, const char *key)
{
	struct arc_message *m = arg;
	const struct { const char *key, **value; } texts[] = {
		{ "spool", &m->spool }, { "kind", &m->kind }, { "queue", &m->queue }, { "id", &m->id }, { "account", &m->account },
		{ "account_kind", &m->account_kind }, { "sender", &m->sender }, { "state", &m->state }
	};
	const char *text;
	size_t i;

	for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (strcmp(key, texts[i].key) == 0)
			return json_text_or_null(texts[i].value, j);
	if (strcmp(key, "arrived") == 0) {
		if (json_text_or_null(&text, j) < 0)
			return -1;
		return text != NULL ? arc_parse_time(&m->arrived, text) : 0;
	}
	if (strcmp(key, "parts") == 0)
		return json_array(j, part_item, m);
	return json_skip(j);
}

/* "KIND-N" is of the message's own kind. */
static int
is_of_kind(const struct arc_message *m)
{
	size_t n = strlen(m->kind);

	return strncmp(m->spool_name, m->kind, n) == 0 && m->spool_name[n] == '-';
}

int
arc_parse_message(struct arc_message *out, struct arena *a, const char *line, size_t n, struct err *e)
{
	struct json j = { line, line + n, a, 0 };

	memset(out, 0, sizeof *out);
	out->arrived = MSG_NO_TIME;
	if (n > ARC_LINE_MAX)
		return err_set(e, 0, "a message's line of %zu bytes", n);
	if (json_object(&j, message_member, out) < 0)
		return err_set(e, 0, "not the object of a message at byte %zu", (size_t)(j.p - line) + 1);
	if (json_peek(&j) >= 0)
		return err_set(e, 0, "more than one object in a line");
	if (out->spool == NULL || out->kind == NULL || out->queue == NULL || out->id == NULL || out->nparts == 0)
		return err_set(e, 0, "a message without spool, kind, queue, id or parts");
	if (!is_of_kind(out))
		return err_set(e, 0, "message %s: a %s message among the files of %s", out->id, out->kind, out->spool_name);
	out->json = arena_dup(a, line, n);
	return 0;
}

/* ---- writing ---- */

/* Text for people, in quotes: what is not UTF-8 becomes U+FFFD, controls are escaped (contract "Output": C0, DEL, C1, U+202A-202E, U+2066-2069). */
static void
add_text(struct buf *b, const char *s)
{
	struct buf text;
	size_t i, n;
	uint32_t c;

	buf_init(&text, 3 * strlen(s) + 3);
	text_add_utf8(&text, s, strlen(s));
	buf_byte(b, '"');
	for (i = 0; i < text.n; i += n) {
		n = char_bytes(text.p + i, text.n - i);
		n = n != 0 ? n : 1;
		c = (unsigned char)text.p[i];
		if (n == 2)
			c = (c & 31) << 6 | ((unsigned char)text.p[i + 1] & 63u);
		else if (n == 3)
			c = (c & 15) << 12 | ((unsigned char)text.p[i + 1] & 63u) << 6 | ((unsigned char)text.p[i + 2] & 63u);
		if (c == '"' || c == '\\')
			buf_byte(b, '\\');
		if (n < 4 && (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)))
			buf_fmt(b, "\\u%04x", (unsigned)c);
		else
			buf_add(b, text.p + i, n);
	}
	buf_byte(b, '"');
	buf_free(&text);
}

void
arc_parts_json(struct buf *b, const char *spool_name, const struct arc_part *part, size_t n)
{
	char hex[2 * ARC_SHA256 + 1];
	size_t i;

	buf_byte(b, '[');
	for (i = 0; i < n; i++) {
		buf_puts(b, i != 0 ? ",{\"role\":" : "{\"role\":");
		add_text(b, part[i].role);
		buf_fmt(b, ",\"name\":\"%s/", spool_name);
		arc_add_name(b, part[i].path);
		buf_puts(b, "\",\"path\":");
		add_text(b, part[i].path);
		arc_hex(hex, part[i].sha);
		buf_fmt(b, ",\"size\":%llu,\"mode\":%u,\"uid\":%u,\"gid\":%u,\"mtime\":%lld,\"sha256\":\"%s\"}",
		    (unsigned long long)part[i].size, (unsigned)part[i].mode, (unsigned)part[i].uid, (unsigned)part[i].gid,
		    (long long)part[i].mtime, hex);
	}
	buf_byte(b, ']');
}

/* ---- a line that fits ---- */

/* The length of a JSON string from its quote on, both quotes included; all that is left when it has no end. */
static size_t
string_len(const char *s, size_t n)
{
	size_t i;

	for (i = 1; i < n && s[i] != '"'; i++)
		if (s[i] == '\\')
			i++;
	return i < n ? i + 1 : n;
}

/* One character of a JSON string: an escape (two for a pair of surrogates) or a UTF-8 sequence. */
static size_t
char_len(const char *s, size_t n)
{
	const unsigned char c = (unsigned char)s[0];

	if (c == '\\' && n >= 6 && s[1] == 'u')
		return (s[2] | 0x20) == 'd' && s[3] != '\0' && strchr("89abAB", s[3]) != NULL ? 12 : 6;
	if (c == '\\')
		return 2;
	return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* A string as it is, or its beginning of at most `most` bytes and "…". */
static void
add_beginning(struct buf *out, const char *s, size_t n, size_t most)
{
	size_t i = 1, len;

	if (n > most) {
		while (i < most && (len = char_len(s + i, n - i)) <= most - i)
			i += len;
		buf_add(out, s, i);
		buf_puts(out, "\xe2\x80\xa6\"");
	} else
		buf_add(out, s, n);
}

/* The first four values say which message it is: spool, kind, queue, id. */
static void
add_shortened(struct buf *out, const char *s, size_t n, size_t most)
{
	size_t i, len, values = 0;

	for (i = 0; i < n; i += len) {
		len = s[i] == '"' ? string_len(s + i, n - i) : 1;
		if (s[i] != '"' || (i + len < n && s[i + len] == ':') || values++ < 4)
			buf_add(out, s + i, len);
		else
			add_beginning(out, s + i, len, most);
	}
}

void
arc_message_json(struct buf *out, const char *json, size_t n, const char *spool_name, const struct arc_part *part, size_t nparts)
{
	struct buf parts;
	size_t most;

	buf_init(&parts, SIZE_MAX);
	buf_puts(&parts, ",\"parts\":");
	arc_parts_json(&parts, spool_name, part, nparts);
	buf_byte(&parts, '}');
	buf_clear(out);
	n -= n > 0;	/* its } comes behind the parts */
	buf_add(out, json, n);
	for (most = 16384; out->n + parts.n > ARC_LINE_MAX && most >= 64; most /= 4) {
		buf_clear(out);
		add_shortened(out, json, n, most);
	}
	buf_add(out, parts.p, parts.n);
	buf_free(&parts);
}
