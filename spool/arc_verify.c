/*
 * Verify: one pass that reads everything once. While the payload goes by, the digest of the manifest that it should have, and of a record of
 * each file, is made; the manifest's own bytes and the parts in messages.jsonl, which come later in the same order, must give the same
 * digests. So nothing is kept but 8 bytes a file (a keyed hash of its name, against doubles). Only an archive that differs is read again, to
 * say where (arc_diff.c).
 */
#include "arc_in.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOUBLES 16	/* so many hashes of doubled names are looked up */

struct check {
	struct arc_report *r;
	void (*problem)(void *arg, const char *text);
	void *arg;
	const struct arc_input *in;
	struct arc_tar *t;
	const char *want_top;		/* by the file's name, NULL: no name of ours */
	char *top;			/* by the first member */
	enum arc_kind last;
	int is_seen[ARC_KINDS];
	unsigned char sha[ARC_KINDS][ARC_SHA256];
	struct sys_sha256 *whole, *member, *manifest, *files, *parts;
	uint64_t *hash;			/* of the payload's names */
	size_t nhash, cap;
	uint64_t key[2];
	uint64_t manifest_size;		/* what it should be */
	int64_t time;			/* mtime of the tag files, seconds */
	struct buf record, info, tags;
	struct arena a;
};

static void
tell(void *arg, const char *fmt, ...)
{
	struct check *c = arg;
	char text[1500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->r->problems++;
	if (c->problem != NULL)
		c->problem(c->arg, text);
}

/* ---- the members ---- */

/* What must be equal for a file in the tar and in messages.jsonl, as one line into a digest. */
static void
add_record(struct sys_sha256 *h, struct buf *b, const char *name, const struct arc_part *p)
{
	char hex[2 * ARC_SHA256 + 1];

	arc_hex(hex, p->sha);
	buf_clear(b);
	buf_puts(b, name);
	buf_fmt(b, " %llu %o %u %u %lld %s\n", (unsigned long long)p->size, (unsigned)p->mode, (unsigned)p->uid, (unsigned)p->gid,
	    (long long)p->mtime, hex);
	sys_sha256_add(h, b->p, b->n);
}

/* The digest of the member at hand; its bytes go to b too when it is not NULL. */
static int
hash_member(unsigned char sha[ARC_SHA256], struct check *c, struct buf *b, struct err *e)
{
	const unsigned char *p;
	size_t n;
	int rc;

	while ((rc = arc_tar_some(&p, &n, c->t, SIZE_MAX, e)) > 0) {
		sys_sha256_add(c->member, p, n);
		if (b != NULL)
			buf_add(b, p, n);
	}
	sys_sha256_end(sha, c->member);
	return rc;
}

static int
keep_name(struct check *c, const char *name, struct err *e)
{
	if (c->nhash == ARC_FILES_MAX)
		return err_set(e, 0, "member \"%s\": more files than an archive may have", c->t->name);
	if (c->nhash == c->cap) {
		c->cap = c->cap != 0 ? 2 * c->cap : 1024;
		c->hash = mem_grow(c->hash, c->cap * sizeof *c->hash);
	}
	c->hash[c->nhash++] = part_hash(name, strlen(name), c->key);
	return 0;
}

static int
check_payload(struct check *c, const char *name, struct err *e)
{
	const struct arc_head *h = &c->t->head;
	struct arc_part p = { .size = h->size, .mode = h->mode, .uid = h->uid, .gid = h->gid, .mtime = h->mtime };
	char hex[2 * ARC_SHA256 + 1];

	if (keep_name(c, name, e) < 0 || hash_member(p.sha, c, NULL, e) < 0)
		return -1;
	arc_hex(hex, p.sha);
	buf_clear(&c->record);
	buf_fmt(&c->record, "%s  data/", hex);
	buf_puts(&c->record, name);
	buf_byte(&c->record, '\n');
	sys_sha256_add(c->manifest, c->record.p, c->record.n);
	c->manifest_size += c->record.n;
	add_record(c->files, &c->record, name, &p);
	c->r->files++;
	c->r->bytes += h->size;
	return 0;
}

static void
check_message(struct check *c, const char *line, size_t n)
{
	struct arc_message m;
	struct buf name;
	struct err why;
	size_t i;

	arena_reset(&c->a);
	if (arc_parse_message(&m, &c->a, line, n, &why) < 0) {
		tell(c, "%s line %llu: %s", arc_kind_name[ARC_MESSAGES], (unsigned long long)c->r->messages, why.text);
		return;
	}
	buf_init(&name, ARC_NAME_MAX);
	for (i = 0; i < m.nparts; i++) {
		buf_clear(&name);
		buf_fmt(&name, "%s/", m.spool_name);
		arc_add_name(&name, m.part[i].path);
		add_record(c->parts, &c->record, buf_cstr(&name), &m.part[i]);
	}
	buf_free(&name);
}

static int
check_messages(struct check *c, struct err *e)
{
	const char *line;
	size_t n;
	int rc;

	/* A message has at least one file, and a line a limit: more is no list of ours, and not worth a disk's time. */
	if (c->t->head.size / (ARC_LINE_MAX + 1) > c->r->files)
		return err_set(e, 0, "member \"%s\": too large for %llu files", c->t->name, (unsigned long long)c->r->files);
	while ((rc = arc_tar_line(&line, &n, c->t, e)) > 0) {
		sys_sha256_add(c->member, line, n);
		sys_sha256_add(c->member, "\n", 1);
		c->r->messages++;
		check_message(c, line, n);
	}
	sys_sha256_end(c->sha[ARC_MESSAGES], c->member);
	return rc;
}

/* A small member, kept as a whole. */
static int
keep_member(struct check *c, struct buf *b, enum arc_kind kind, struct err *e)
{
	if (c->t->head.size > b->max)
		return err_set(e, 0, "member \"%s\": larger than such a file may be", c->t->name);
	buf_clear(b);
	return hash_member(c->sha[kind], c, b, e);
}

/* The files that are about the payload have one owner, mode and time. */
static void
check_tag_head(struct check *c, enum arc_kind kind)
{
	const struct arc_head *h = &c->t->head;

	if (h->mode != 0600 || h->uid != 0 || h->gid != 0)
		tell(c, "%s: its owner or mode was changed", arc_kind_name[kind]);
	if (kind == ARC_BAGIT)
		c->time = h->mtime / 1000000000;
	if (h->mtime % 1000000000 != 0 || h->mtime / 1000000000 != c->time)
		tell(c, "%s: its time was changed", arc_kind_name[kind]);
}

static int
check_member(struct check *c, enum arc_kind kind, const char *rest, struct err *e)
{
	if (kind == ARC_DATA)
		return check_payload(c, rest, e);
	check_tag_head(c, kind);
	switch (kind) {
	case ARC_MESSAGES:
		return check_messages(c, e);
	case ARC_MANIFEST:
		if (c->t->head.size > c->manifest_size && c->t->head.size - c->manifest_size > ARC_LINE_MAX)
			return err_set(e, 0, "member \"%s\": too large for %llu files", c->t->name, (unsigned long long)c->r->files);
		return hash_member(c->sha[kind], c, NULL, e);
	case ARC_INFO:
		return keep_member(c, &c->info, kind, e);
	default:
		return keep_member(c, &c->tags, kind, e);
	}
}

/* The folder of the first member is that of all; a file that was renamed is one finding, not one for each member. */
static void
learn_top(struct check *c)
{
	size_t n = strcspn(c->t->name, "/");

	c->top = mem_new(n + 1);
	memcpy(c->top, c->t->name, n);
	if (c->want_top == NULL || strcmp(c->top, c->want_top) != 0)
		tell(c, "the archive's name is not the one that it was made with, %s%s", c->top, ARC_SUFFIX);
}

/* One member: where it stands, what it is, what is in it. */
static int
check_next(struct check *c, struct err *e)
{
	const char *rest;
	enum arc_kind kind;
	int rc = arc_tar_next(c->t, e);

	if (rc <= 0)
		return rc;
	kind = arc_kind_of(&rest, c->top, c->top != NULL ? strlen(c->top) : 0, c->t->name);
	if (kind == ARC_STRANGE) {
		tell(c, "member \"%s\": not a name that a member of an archive has", c->t->name);
		return 1;
	}
	if (c->top == NULL)
		learn_top(c);
	if (kind != ARC_DATA && c->is_seen[kind]) {
		tell(c, "member \"%s\": there twice", c->t->name);
		return 1;
	}
	if (kind < c->last || (kind != ARC_BAGIT && !c->is_seen[ARC_BAGIT]))
		tell(c, "member \"%s\": out of its place", c->t->name);
	c->last = kind > c->last ? kind : c->last;
	c->is_seen[kind] = 1;
	if (check_member(c, kind, rest, e) < 0)
		return -1;
	if (kind == ARC_BAGIT && (c->tags.n != strlen(ARC_BAGIT_TEXT) || memcmp(c->tags.p, ARC_BAGIT_TEXT, c->tags.n) != 0))
		tell(c, "%s: not what it has to be", arc_kind_name[kind]);
	return 1;
}

/* ---- the lists ---- */

static int
by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Names the members whose name's hash is one of these; the first of each is told too. */
static int
tell_doubles(struct check *c, const uint64_t *hash, size_t n, struct err *e)
{
	struct arc_tar *t = arc_tar_new(c->in, NULL);
	const char *rest;
	uint64_t h;
	size_t i;
	int rc;

	while ((rc = arc_tar_next(t, e)) > 0) {
		if (arc_kind_of(&rest, c->top, strlen(c->top), t->name) != ARC_DATA)
			continue;
		h = part_hash(rest, strlen(rest), c->key);
		for (i = 0; i < n; i++)
			if (hash[i] == h)
				tell(c, "data/%s: there more than once", rest);
	}
	arc_tar_free(t);
	return rc;
}

static int
check_doubles(struct check *c, struct err *e)
{
	uint64_t doubled[DOUBLES];
	size_t i, n = 0;

	if (c->nhash == 0)
		return 0;
	qsort(c->hash, c->nhash, sizeof *c->hash, by_value);
	for (i = 1; i < c->nhash && n < DOUBLES; i++)
		if (c->hash[i] == c->hash[i - 1] && (n == 0 || doubled[n - 1] != c->hash[i]))
			doubled[n++] = c->hash[i];
	return n != 0 ? tell_doubles(c, doubled, n, e) : 0;
}

/* When the digests of the payload and of a list differ: where. */
static int
check_list(struct check *c, struct sys_sha256 *want, const unsigned char *got, enum arc_kind kind, struct err *e)
{
	unsigned char sha[ARC_SHA256];
	uint64_t before = c->r->problems;

	sys_sha256_end(sha, want);
	if (!c->is_seen[kind] || memcmp(sha, got, ARC_SHA256) == 0)
		return 0;
	if (arc_diff(c->in, c->top, kind, tell, c, e) < 0)
		return -1;
	if (c->r->problems == before)
		tell(c, "%s is not the list of the files in this archive", arc_kind_name[kind]);
	return 0;
}

/* The tag manifest has one form. */
static void
check_tags(struct check *c)
{
	static const enum arc_kind listed[] = { ARC_BAGIT, ARC_MESSAGES, ARC_MANIFEST, ARC_INFO };
	char hex[2 * ARC_SHA256 + 1], line[200];
	size_t i, n, at = 0;

	for (i = 0; i < sizeof listed / sizeof listed[0]; i++) {
		arc_hex(hex, c->sha[listed[i]]);
		n = (size_t)snprintf(line, sizeof line, "%s  %s\n", hex, arc_kind_name[listed[i]]);
		if (c->tags.n - at < n || memcmp(c->tags.p + at, line, n) != 0) {
			tell(c, "%s: its content is not what %s says", arc_kind_name[listed[i]], arc_kind_name[ARC_TAGS]);
			n = c->tags.n - at < n ? c->tags.n - at : n;
		}
		at += n;
	}
	if (at != c->tags.n)
		tell(c, "%s: more lines than it has to have", arc_kind_name[ARC_TAGS]);
}

/* The value of a label that stands exactly once, in bag-info.txt. */
static const char *
info_value(struct check *c, const char *label)
{
	const char *p = buf_cstr(&c->info), *value = NULL, *end;
	size_t n = strlen(label);
	int count = 0;

	for (; *p != '\0'; p = end + (*end != '\0')) {
		end = p + strcspn(p, "\n");
		if (strncmp(p, label, n) != 0 || strncmp(p + n, ": ", 2) != 0)
			continue;
		value = arena_dup(&c->a, p + n + 2, (size_t)(end - p) - n - 2);
		count++;
	}
	return count == 1 ? value : "";
}

static void
check_info(struct check *c)
{
	char oxum[64];
	int64_t us;

	arena_reset(&c->a);
	snprintf(oxum, sizeof oxum, "%llu.%llu", (unsigned long long)c->r->bytes, (unsigned long long)c->r->files);
	if (strcmp(info_value(c, "Payload-Oxum"), oxum) != 0)
		tell(c, "%s: Payload-Oxum is not %s", arc_kind_name[ARC_INFO], oxum);
	if (arc_parse_time(&us, info_value(c, "Bagging-Time")) < 0 || us != c->time * 1000000)
		tell(c, "%s: Bagging-Time is not the time of the members", arc_kind_name[ARC_INFO]);
}

static int
check_all(struct check *c, struct err *e)
{
	unsigned char parts[ARC_SHA256];
	int rc, k;

	while ((rc = check_next(c, e)) > 0)
		;
	if (rc < 0)
		return -1;
	for (k = 0; k < ARC_KINDS; k++)
		if (k != ARC_DATA && !c->is_seen[k])
			tell(c, "%s is missing", arc_kind_name[k]);
	sys_sha256_end(parts, c->parts);
	if (check_list(c, c->manifest, c->sha[ARC_MANIFEST], ARC_MANIFEST, e) < 0 ||
	    check_list(c, c->files, parts, ARC_MESSAGES, e) < 0 || check_doubles(c, e) < 0)
		return -1;
	if (c->is_seen[ARC_INFO])
		check_info(c);
	if (c->is_seen[ARC_TAGS])
		check_tags(c);
	return 0;
}

int
arc_check(struct arc_report *out, const struct arc_input *in, const char *top,
    void (*problem)(void *arg, const char *text), void *arg, struct err *e)
{
	struct check c = { .r = out, .problem = problem, .arg = arg, .in = in };
	int rc = -1;

	memset(out, 0, sizeof *out);
	c.want_top = top;
	c.whole = sys_sha256_new();
	c.member = sys_sha256_new();
	c.manifest = sys_sha256_new();
	c.files = sys_sha256_new();
	c.parts = sys_sha256_new();
	c.t = arc_tar_new(in, c.whole);
	buf_init(&c.record, 2 * ARC_NAME_MAX);
	buf_init(&c.info, ARC_INFO_MAX);
	buf_init(&c.tags, 64 * 1024);
	if (sys_random(c.key, sizeof c.key, e) == 0)
		rc = check_all(&c, e);
	out->size = in->size;
	sys_sha256_end(out->sha, c.whole);
	arc_tar_free(c.t);
	sys_sha256_free(c.whole);
	sys_sha256_free(c.member);
	sys_sha256_free(c.manifest);
	sys_sha256_free(c.files);
	sys_sha256_free(c.parts);
	free(c.hash);
	free(c.top);
	buf_free(&c.record);
	buf_free(&c.info);
	buf_free(&c.tags);
	arena_free(&c.a);
	return rc;
}

int
arc_verify(struct arc_report *out, struct sys_dir *folder, const char *name,
    void (*problem)(void *arg, const char *text), void *arg, struct err *e)
{
	struct arena a = { 0 };
	struct arc_input in;
	int rc;

	memset(out, 0, sizeof *out);
	rc = arc_input_open(&in, folder, name, e);
	if (rc == 0) {
		rc = arc_check(out, &in, arc_top_of(&a, name), problem, arg, e);
		if (rc < 0)
			err_wrap(e, "%s", name);
		sys_close(&in.file);
	}
	arena_free(&a);
	return rc;
}
