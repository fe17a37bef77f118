/*
 * Where the payload of an archive and one of its lists differ. Two readers go through the same archive side by side, one in data/ and one in the
 * list, a window of files each: what stands in one window alone is missing or extra, and a swapped or lost file does not make all that
 * follows look wrong.
 */
#include "arc_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 32

struct item {
	struct buf name;		/* "KIND-N/path" encoded */
	struct buf id;			/* of the message, empty when the list does not say */
	struct arc_part is;
};

struct side {
	struct arc_tar *t;
	enum arc_kind kind;
	const char *top;
	struct item item[WINDOW];	/* the first n, in order */
	size_t n;
	int is_end;
	struct arena a;
	struct arc_message m;		/* of the line at hand */
	size_t part;			/* its next part */
	struct sys_sha256 *sha;
};

static int
payload_item(struct item *it, struct side *s, struct err *e)
{
	const struct arc_head *h = &s->t->head;
	const unsigned char *p;
	const char *rest = NULL;
	size_t n;
	int rc;

	do {
		rc = arc_tar_next(s->t, e);
	} while (rc > 0 && arc_kind_of(&rest, s->top, strlen(s->top), h->name) != ARC_DATA);
	if (rc <= 0)
		return rc;
	buf_puts(&it->name, rest);
	it->is.size = h->size;
	it->is.mode = h->mode;
	it->is.uid = h->uid;
	it->is.gid = h->gid;
	it->is.mtime = h->mtime;
	while ((rc = arc_tar_some(&p, &n, s->t, SIZE_MAX, e)) > 0)
		sys_sha256_add(s->sha, p, n);
	sys_sha256_end(it->is.sha, s->sha);
	return rc < 0 ? -1 : 1;
}

static int
manifest_item(struct item *it, struct side *s, struct err *e)
{
	const char *line, *name = "";
	size_t n;
	int rc;

	do {	/* a malformed line names no file: the file that it should name is told */
		rc = arc_tar_line(&line, &n, s->t, e);
	} while (rc > 0 && arc_parse_manifest(&name, it->is.sha, line, n) < 0);
	if (rc > 0)
		buf_puts(&it->name, name);
	return rc;
}

static int
message_item(struct item *it, struct side *s, struct err *e)
{
	const char *line;
	size_t n;
	int rc;

	while (s->part == s->m.nparts) {
		rc = arc_tar_line(&line, &n, s->t, e);
		if (rc <= 0)
			return rc;
		arena_reset(&s->a);
		s->part = 0;
		if (arc_parse_message(&s->m, &s->a, line, n, NULL) < 0)
			s->m.nparts = 0;	/* told in the first pass */
	}
	it->is = s->m.part[s->part++];
	buf_fmt(&it->name, "%s/", s->m.spool_name);
	arc_add_name(&it->name, it->is.path);
	buf_puts(&it->id, s->m.id);
	return 1;
}

static int
fill(struct side *s, struct err *e)
{
	struct item *it;
	int rc = 1;

	for (; rc > 0 && s->n < WINDOW && !s->is_end; s->n += rc > 0) {
		it = &s->item[s->n];
		buf_clear(&it->name);
		buf_clear(&it->id);
		rc = s->kind == ARC_DATA ? payload_item(it, s, e) : s->kind == ARC_MANIFEST ? manifest_item(it, s, e) : message_item(it, s, e);
		s->is_end = rc == 0;
	}
	return rc < 0 ? -1 : 0;
}

static int
side_open(struct side *s, const struct arc_input *in, const char *top, enum arc_kind kind, struct err *e)
{
	const char *rest;
	size_t i;
	int rc = 1;

	memset(s, 0, sizeof *s);
	s->t = arc_tar_new(in, NULL);
	s->kind = kind;
	s->top = top;
	s->sha = sys_sha256_new();
	for (i = 0; i < WINDOW; i++) {
		buf_init(&s->item[i].name, ARC_NAME_MAX);
		buf_init(&s->item[i].id, 300);
	}
	if (kind == ARC_DATA)
		return 0;
	do {
		rc = arc_tar_next(s->t, e);
	} while (rc > 0 && arc_kind_of(&rest, top, strlen(top), s->t->name) != kind);
	s->is_end = rc == 0;
	return rc < 0 ? -1 : 0;
}

static void
side_close(struct side *s)
{
	size_t i;

	for (i = 0; i < WINDOW; i++) {
		buf_free(&s->item[i].name);
		buf_free(&s->item[i].id);
	}
	arc_tar_free(s->t);
	sys_sha256_free(s->sha);
	arena_free(&s->a);
}

/* Takes the first k items away; their memory goes to the end for the next ones. */
static void
drop(struct side *s, size_t k)
{
	struct item kept;
	size_t i, j;

	for (i = 0; i < k; i++) {
		kept = s->item[0];
		for (j = 1; j < WINDOW; j++)
			s->item[j - 1] = s->item[j];
		s->item[WINDOW - 1] = kept;
	}
	s->n -= k;
}

static int
is_same_name(const struct item *a, const struct item *b)
{
	return a->name.n == b->name.n && memcmp(a->name.p, b->name.p, a->name.n) == 0;
}

/* The nearest pair of one name in the two windows; the whole windows when there is none. */
static void
find_pair(size_t *i, size_t *j, const struct side *a, const struct side *b)
{
	size_t sum;

	for (sum = 0; sum < a->n + b->n; sum++)
		for (*i = 0; *i <= sum; ++*i) {
			*j = sum - *i;
			if (*i < a->n && *j < b->n && is_same_name(&a->item[*i], &b->item[*j]))
				return;
		}
	*i = a->n;
	*j = b->n;
}

/* " (message ID)" */
static const char *
whose(char *out, size_t n, struct item *it)
{
	out[0] = '\0';
	if (it->id.n != 0)
		snprintf(out, n, " (message %s)", buf_cstr(&it->id));
	return out;
}

static void
compare(struct item *file, struct item *listed, enum arc_kind kind, arc_tell *tell, void *arg)
{
	const struct arc_part *is = &file->is, *was = &listed->is;
	const char *name = buf_cstr(&file->name), *list = arc_kind_name[kind];
	char id[320];

	whose(id, sizeof id, listed);
	if (memcmp(is->sha, was->sha, ARC_SHA256) != 0)
		tell(arg, "data/%s%s: its content is not that of %s", name, id, list);
	if (kind == ARC_MANIFEST)
		return;
	if (is->size != was->size)
		tell(arg, "data/%s%s: its size is %llu and not %llu", name, id, (unsigned long long)is->size, (unsigned long long)was->size);
	if (is->mode != was->mode)
		tell(arg, "data/%s%s: its mode is %04o and not %04o", name, id, (unsigned)is->mode, (unsigned)was->mode);
	if (is->uid != was->uid || is->gid != was->gid)
		tell(arg, "data/%s%s: its owner is %u:%u and not %u:%u", name, id, (unsigned)is->uid, (unsigned)is->gid,
		    (unsigned)was->uid, (unsigned)was->gid);
	if (is->mtime != was->mtime)
		tell(arg, "data/%s%s: its time is %lld ns and not %lld ns", name, id, (long long)is->mtime, (long long)was->mtime);
}

static void
tell_unpaired(struct side *files, size_t nfiles, struct side *list, size_t nlist, arc_tell *tell, void *arg)
{
	char id[320];
	size_t i;

	for (i = 0; i < nfiles; i++)
		tell(arg, "data/%s: %s does not name it at this place", buf_cstr(&files->item[i].name), arc_kind_name[list->kind]);
	for (i = 0; i < nlist; i++)
		tell(arg, "data/%s%s: %s names it, and it is not there at this place", buf_cstr(&list->item[i].name),
		    whose(id, sizeof id, &list->item[i]), arc_kind_name[list->kind]);
}

int
arc_diff(const struct arc_input *in, const char *top, enum arc_kind with, arc_tell *tell, void *arg, struct err *e)
{
	struct side *files = mem_new(sizeof *files), *list = mem_new(sizeof *list);
	size_t i, j;
	int rc;

	rc = side_open(files, in, top, ARC_DATA, e);
	if (side_open(list, in, top, with, e) < 0)
		rc = -1;
	while (rc == 0 && (rc = fill(files, e)) == 0 && (rc = fill(list, e)) == 0 && (files->n != 0 || list->n != 0)) {
		find_pair(&i, &j, files, list);
		tell_unpaired(files, i, list, j, tell, arg);
		if (i < files->n && j < list->n) {
			compare(&files->item[i], &list->item[j], with, tell, arg);
			i++;
			j++;
		}
		drop(files, i);
		drop(list, j);
	}
	side_close(files);
	side_close(list);
	free(files);
	free(list);
	return rc;
}
