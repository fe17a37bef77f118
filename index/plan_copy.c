#include "index/plan_copy.h"

#include <stdio.h>
#include <string.h>

#include "index/purge_in.h"

/* ---- writing ---- */

static void
put_text(struct buf *b, const char *key, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	buf_fmt(b, "%s\"", key);
	for (; *s != '\0'; s++) {
		if (strchr(plain, *s) != NULL)
			buf_byte(b, (unsigned char)*s);
		else
			buf_fmt(b, "=%02X", (unsigned)(unsigned char)*s);
	}
	buf_byte(b, '"');
}

void
plan_copy_head(struct buf *b, const struct plan *p, const struct place *pl)
{
	buf_fmt(b, "{\"spoolsweep\":1,\"plan\":%lld", (long long)p->id);
	put_text(b, ",\"kind\":", p->kind == PLAN_PURGE ? "purge" : "hold");
	buf_fmt(b, ",\"created\":%lld", (long long)p->created);
	put_text(b, ",\"who\":", p->who);
	put_text(b, ",\"host\":", p->host);
	put_text(b, ",\"selection\":", p->selection);
	put_text(b, ",\"mta\":", pl->kind);
	buf_fmt(b, ",\"dev\":%llu,\"ino\":%llu}\n", (unsigned long long)pl->dev, (unsigned long long)pl->ino);
}

void
plan_copy_line(struct buf *b, const struct item *it, size_t part, const struct item_part *p)
{
	buf_fmt(b, "{\"item\":%lld,\"part\":%zu", (long long)it->n, part);
	put_text(b, ",\"private\":", p->private);
	put_text(b, ",\"role\":", part_role_name(p->role));
	put_text(b, ",\"dir\":", p->dir);
	put_text(b, ",\"name\":", p->name);
	put_text(b, ",\"queue\":", it->queue);
	put_text(b, ",\"id\":", it->id);
	if (it->arrived == MSG_NO_TIME)
		buf_puts(b, ",\"arrived\":null}\n");
	else
		buf_fmt(b, ",\"arrived\":%lld}\n", (long long)it->arrived);
}

/* ---- reading ---- */

/* A line at hand: each step takes what it expects, after the first that fails all do. */
struct scan {
	const char *p, *end;
	struct arena *a;
	int bad;
};

static void
expect(struct scan *s, const char *text)
{
	size_t n = strlen(text);

	if (s->bad || (size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
		s->bad = 1;
	else
		s->p += n;
}

static uint64_t
number(struct scan *s, const char *key, uint64_t most)
{
	uint64_t v = 0;
	int digits = 0;

	expect(s, key);
	for (; !s->bad && s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++, digits++) {
		if (v > (most - (uint64_t)(*s->p - '0')) / 10)
			s->bad = 1;
		v = v * 10 + (uint64_t)(*s->p - '0');
	}
	s->bad |= digits == 0;
	return v;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "" after an error, never NULL. */
static const char *
text(struct scan *s, const char *key)
{
	char *out = arena_get(s->a, (size_t)(s->end - s->p) + 1), *to = out;
	int high, low;

	expect(s, key);
	expect(s, "\"");
	while (!s->bad && s->p < s->end && *s->p != '"') {
		if (*s->p != '=') {
			*to++ = *s->p++;
			continue;
		}
		high = s->end - s->p > 2 ? hex(s->p[1]) : -1;
		low = high >= 0 ? hex(s->p[2]) : -1;
		if (low < 0 || (high == 0 && low == 0)) {
			s->bad = 1;
			break;
		}
		*to++ = (char)(high * 16 + low);
		s->p += 3;
	}
	expect(s, "\"");
	*to = '\0';
	return out;
}

static int
is_name(const char *s)
{
	return *s != '\0' && strchr(s, '/') == NULL && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && strlen(s) < 256;
}

/* Components without "", "." and ".."; "" is the root itself. */
static int
is_dir(const char *s)
{
	const char *end;
	size_t n;

	if (*s == '\0')
		return 1;
	for (;; s = end + 1) {
		end = s + strcspn(s, "/");
		n = (size_t)(end - s);
		if (n == 0 || n > 255 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return 0;
		if (*end == '\0')
			return 1;
	}
}

static int
role(struct scan *s, enum part_role *out)
{
	const char *name = text(s, ",\"role\":");
	int r;

	for (r = PART_MESSAGE; r <= PART_LEFTOVER; r++) {
		if (strcmp(part_role_name((enum part_role)r), name) == 0) {
			*out = (enum part_role)r;
			return 0;
		}
	}
	return -1;
}

static int
parse_head(struct plan *p, struct place *pl, struct scan *s)
{
	const char *kind;

	expect(s, "{\"spoolsweep\":1");
	p->id = (int64_t)number(s, ",\"plan\":", INT64_MAX);
	kind = text(s, ",\"kind\":");
	p->kind = strcmp(kind, "purge") == 0 ? PLAN_PURGE : PLAN_HOLD;
	p->created = (int64_t)number(s, ",\"created\":", INT64_MAX);
	p->who = text(s, ",\"who\":");
	p->host = text(s, ",\"host\":");
	p->selection = text(s, ",\"selection\":");
	pl->kind = text(s, ",\"mta\":");
	pl->dev = number(s, ",\"dev\":", UINT64_MAX);
	pl->ino = number(s, ",\"ino\":", UINT64_MAX);
	expect(s, "}");
	return s->bad || s->p != s->end || (p->kind == PLAN_HOLD && strcmp(kind, "hold") != 0) ? -1 : 0;
}

static int
parse_line(struct plan_copy_part *out, struct scan *s)
{
	static const char null[] = ",\"arrived\":null";

	memset(out, 0, sizeof *out);
	out->item.n = (int64_t)number(s, "{\"item\":", (uint64_t)PLAN_COPY_ITEMS);
	out->part = (size_t)number(s, ",\"part\":", PART_MAX - 1);
	out->p.private = text(s, ",\"private\":");
	if (role(s, &out->p.role) < 0)
		return -1;
	out->p.dir = text(s, ",\"dir\":");
	out->p.name = text(s, ",\"name\":");
	out->item.queue = text(s, ",\"queue\":");
	out->item.id = text(s, ",\"id\":");
	out->item.arrived = MSG_NO_TIME;
	if ((size_t)(s->end - s->p) > sizeof null - 1 && memcmp(s->p, null, sizeof null - 1) == 0)
		expect(s, null);
	else
		out->item.arrived = (int64_t)number(s, ",\"arrived\":", INT64_MAX);
	expect(s, "}");
	return s->bad || s->p != s->end || !is_dir(out->p.dir) || !is_name(out->p.name) || !is_name(out->item.id) ||
	    strcmp(out->p.private, run_private(s->a, out->item.n, out->part)) != 0 ? -1 : 0;
}

/* The next line, at most PLAN_COPY_LINE bytes, copied. 1; 0 the end; -1 too long or not readable. *lf: it has its end. */
static int
next_line(struct scan *s, int *lf, struct rd *rd, struct arena *a)
{
	const unsigned char *p;
	size_t n;
	int more, rc = rd_line(&p, &n, &more, lf, rd, PLAN_COPY_LINE);

	if (rc != 1)
		return rc;
	s->p = arena_dup(a, p, n);
	s->end = s->p + n;
	s->a = a;
	s->bad = 0;
	return more ? -1 : 1;
}

int
plan_copy_read(struct plan *p, struct place *pl, struct rd *rd, struct arena *a,
    int (*fn)(void *arg, const struct plan_copy_part *part, struct err *e), void *arg, struct err *e)
{
	struct plan_copy_part part;
	struct arena line = { 0 };
	struct scan s;
	unsigned long long n = 1, torn = 0;
	int rc, lf, is_ended = 1;

	memset(p, 0, sizeof *p);
	memset(pl, 0, sizeof *pl);
	rc = next_line(&s, &lf, rd, a);
	if (rc != 1 || !lf || parse_head(p, pl, &s) < 0)
		return err_set(e, rd->error, "the copy of the plan has no head");
	for (n = 2; (rc = next_line(&s, &lf, rd, &line)) == 1; n++) {
		is_ended = lf;
		if (s.p == s.end && lf) {
			torn = 0;	/* an empty line: a later run went on behind what a killed one left */
		} else if (torn != 0 || parse_line(&part, &s) < 0 || !lf) {
			if (torn != 0)
				break;
			torn = n;
		} else if ((rc = fn(arg, &part, e)) < 0) {
			arena_free(&line);
			return -1;
		}
		arena_reset(&line);
	}
	arena_free(&line);
	if (rc < 0 || rd->error != 0)
		return err_set(e, rd->error, "the copy of the plan is damaged in line %llu", n);
	/* The last line may have been cut by a kill; one that has its end may not be wrong. */
	return torn != 0 && (rc == 1 || is_ended) ? err_set(e, 0, "the copy of the plan is damaged in line %llu", torn) : 0;
}
