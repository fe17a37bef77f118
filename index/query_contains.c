/*
 * --contains: bytes in the files of a message as they are now, in the message as it
 * is read, and in its decoded parts. All is read in windows, so size costs time and no memory. What cannot be read is an
 * error: a message must not escape a purge because its file could not be opened.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/select_in.h"
#include "spool/mime.h"
#include "spool/spool.h"

struct needle {
	const unsigned char *p;
	size_t n;
};

/* A search through a stream in pieces: what could be the begin of a match is carried over to the next piece. */
struct search {
	struct needle *needle;
	size_t n, longest;
	unsigned char *carry;	/* 2 * longest bytes */
	size_t carried;
	int found;
};

struct opened {			/* one spool that was asked so far */
	char *kind, *root;
	struct spool *sp;
	struct spool_reader *reader;
};

struct contains {
	struct search search, decoded, text;	/* through files and the message as read; a part's decoded bytes; its text */
	struct mime *mime;
	int is_found;
	struct opened *spool;
	size_t nspools;
	struct arena arena;
};

static int
has_bytes(const unsigned char *p, size_t n, const struct needle *x)
{
	const unsigned char *at;

	while (n >= x->n) {
		at = memchr(p, x->p[0], n - x->n + 1);
		if (at == NULL)
			return 0;
		if (memcmp(at, x->p, x->n) == 0)
			return 1;
		n -= (size_t)(at - p) + 1;
		p = at + 1;
	}
	return 0;
}

static int
any_needle(const struct search *s, const unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (has_bytes(p, n, &s->needle[i]))
			return 1;
	return 0;
}

static void
search_begin(struct search *s)
{
	s->carried = 0;
	s->found = 0;
}

static void
search_push(struct search *s, const unsigned char *p, size_t n)
{
	size_t keep = s->longest - 1, head = n < keep ? n : keep, all;

	if (s->found || n == 0)
		return;
	/* A match across the edge lies within the carried bytes and as many of this piece. */
	memcpy(s->carry + s->carried, p, head);
	all = s->carried + head;
	s->found = any_needle(s, s->carry, all) || any_needle(s, p, n);
	if (n >= keep) {
		memcpy(s->carry, p + n - keep, keep);
		s->carried = keep;
	} else if (all > keep) {
		memmove(s->carry, s->carry + all - keep, keep);
		s->carried = keep;
	} else {
		s->carried = all;
	}
}

static void part_begins(void *arg, const struct mime_part *p);
static void part_bytes(void *arg, const struct mime_part *p, const void *bytes, size_t n);
static void part_text(void *arg, const struct mime_part *p, const char *s, size_t n);

struct contains *
contains_new(const struct selection *s)
{
	struct contains *c;
	const void *p;
	size_t i, n;

	if (!selection_has(s, SEL_CONTAINS))
		return NULL;
	c = mem_new(sizeof *c);
	for (i = 0; (n = selection_contains(s, i, &p)) != 0; i++) {
		c->search.needle = mem_grow(c->search.needle, (i + 1) * sizeof *c->search.needle);
		c->search.needle[i].p = p;
		c->search.needle[i].n = n;
		c->search.longest = n > c->search.longest ? n : c->search.longest;
	}
	c->search.n = i;
	c->search.carry = mem_new(2 * c->search.longest);
	c->decoded = c->text = c->search;
	c->decoded.carry = mem_new(2 * c->search.longest);
	c->text.carry = mem_new(2 * c->search.longest);
	c->mime = mime_new(&(struct mime_sink){ .begin = part_begins, .bytes = part_bytes, .text = part_text, .arg = c });
	return c;
}

void
contains_free(struct contains *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->nspools; i++) {
		spool_reader_free(c->spool[i].reader);
		spool_close(c->spool[i].sp);
		free(c->spool[i].kind);
		free(c->spool[i].root);
	}
	free(c->spool);
	free(c->search.needle);
	free(c->search.carry);
	free(c->decoded.carry);
	free(c->text.carry);
	mime_free(c->mime);
	arena_free(&c->arena);
	free(c);
}

static char *
copy(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(mem_new(n), s, n);
}

static struct opened *
spool_of(struct contains *c, const char *kind, const char *root, struct err *e)
{
	struct opened *o;
	struct spool *sp = NULL;
	size_t i;

	for (i = 0; i < c->nspools; i++)
		if (strcmp(c->spool[i].kind, kind) == 0 && strcmp(c->spool[i].root, root) == 0)
			return &c->spool[i];
	arena_reset(&c->arena);
	if (spool_open(&sp, arena_fmt(&c->arena, "%s:%s", kind, root), NULL, e) < 0)
		return NULL;
	if (spool_begin(sp, e) < 0) {	/* drivers find messages by what they learn here */
		spool_close(sp);
		return NULL;
	}
	c->spool = mem_grow(c->spool, (c->nspools + 1) * sizeof *c->spool);
	o = &c->spool[c->nspools++];
	o->kind = copy(kind);
	o->root = copy(root);
	o->sp = sp;
	o->reader = spool_reader_new(sp);
	return o;
}

/* 0 searched (or not there any more), -1 not readable. */
static int
search_part(struct search *s, struct part *p, struct spool_reader *r, struct err *e)
{
	const unsigned char *bytes;
	struct sys_file f = SYS_FILE_CLOSED;
	struct rd rd;
	size_t n;
	int code;

	code = spool_part_open(&rd, &f, p, r, 0);
	if (code == ENOENT)
		return 0;
	if (code != 0)
		return err_set(e, code, "--contains: open %s/%s", p->dir, p->name);
	search_begin(s);
	while (!s->found) {
		bytes = rd_some(&n, &rd, SPOOL_WINDOW);
		if (n == 0)
			break;
		search_push(s, bytes, n);
	}
	code = s->found ? 0 : rd.error;
	sys_close(&f);
	return code != 0 ? err_set(e, code, "--contains: read %s/%s", p->dir, p->name) : 0;
}

static int
search_sink(void *arg, const void *p, size_t n)
{
	struct search *s = arg;

	search_push(s, p, n);
	return s->found ? -1 : 0;
}

/* Text and bytes of a part are searched one behind the other: each begins anew with its part. */
static void
part_begins(void *arg, const struct mime_part *p)
{
	struct contains *c = arg;

	(void)p;
	search_begin(&c->decoded);
	search_begin(&c->text);
}

static void
part_bytes(void *arg, const struct mime_part *p, const void *bytes, size_t n)
{
	struct contains *c = arg;

	(void)p;
	search_push(&c->decoded, bytes, n);
	c->is_found |= c->decoded.found;
}

static void
part_text(void *arg, const struct mime_part *p, const char *s, size_t n)
{
	struct contains *c = arg;

	(void)p;
	search_push(&c->text, (const unsigned char *)s, n);
	c->is_found |= c->text.found;
}

/* The message as a reader sees it, its records joined, and its parts decoded. */
static int
message_sink(void *arg, const void *p, size_t n)
{
	struct contains *c = arg;

	search_push(&c->search, p, n);
	c->is_found |= c->search.found;
	(void)mime_feed(c->mime, p, n);
	return c->is_found ? -1 : 0;
}

static int
search_joined(struct contains *c, struct opened *o, const struct spool_item *it, struct err *e)
{
	const struct spool_driver *d = o->sp->driver;
	int rc;

	search_begin(&c->search);
	c->is_found = 0;
	mime_begin(c->mime, UINT64_MAX);	/* the files are searched to their end, too */
	rc = (d->message != NULL ? d->message : d->content)(o->sp, o->reader, it, message_sink, c, e);
	mime_end(c->mime);
	if (rc == 0 || c->is_found)
		return 0;
	/* half a message has no body to be joined; its headers may be there */
	if (e->sys == ENOENT && d->headers(o->sp, o->reader, it, search_sink, &c->search, e) == 0)
		c->is_found = c->search.found;
	return e->sys == ENOENT || c->is_found ? 0 : err_wrap(e, "--contains: %s", it->id);
}

static int
file_contains(struct contains *c, struct opened *o, struct spool_item *it, struct err *e)
{
	struct search *s = &c->search;
	size_t i;

	for (i = 0; i < it->parts.n; i++) {
		if (search_part(s, &it->parts.v[i], o->reader, e) < 0)
			return -1;
		if (s->found)
			return 1;
	}
	if (search_joined(c, o, it, e) < 0)
		return -1;
	return c->is_found;
}

int
contains_test(struct contains *c, const char *kind, const char *root, const char *queue, const char *id, const char *path,
    struct err *e)
{
	struct opened *o = spool_of(c, kind, root, e);
	struct spool_item it;
	int rc;

	if (o == NULL)
		return err_wrap(e, "--contains");
	arena_reset(&c->arena);
	memset(&it, 0, sizeof it);
	err_clear(e);
	rc = o->sp->driver->find(&it, o->sp, o->reader, &c->arena, queue, id, path, e);
	if (rc < 0)
		return err_wrap(e, "--contains: message %s", id);
	return rc == 0 ? 0 : file_contains(c, o, &it, e);
}
