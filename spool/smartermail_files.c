#include "smartermail_files.h"

#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)32 * 1024)

static const struct { const char *extension; enum part_role role; } roles[SMARTERMAIL_ROLES] = {
	{ ".hdr", PART_ENVELOPE }, { ".eml", PART_MESSAGE }, { ".em_", PART_LEFTOVER }
};

static int
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

int
smartermail_compare(const char *a, size_t an, const char *b, size_t bn)
{
	size_t i;

	for (i = 0; i < an && i < bn; i++)
		if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
			return lower(a[i]) - lower(b[i]);
	return an < bn ? -1 : an > bn;
}

/* The server passes over added suffixes such as .hdr.sort and .hdr.pending (traced in
 * sm-tagger2): only the very end counts. */
int
smartermail_role(size_t *base, const char *name)
{
	size_t n = strlen(name);
	int i;

	if (n < 5 || n > UINT16_MAX)
		return -1;
	*base = n - 4;
	for (i = 0; i < SMARTERMAIL_ROLES; i++)
		if (smartermail_compare(name + n - 4, 4, roles[i].extension, 4) == 0)
			return i;
	return -1;
}

const char *
smartermail_extension(int role)
{
	return roles[role].extension;
}

/* Names are packed without the arena's alignment: a folder may hold a million. */
static const char *
keep_name(struct smartermail_files *f, const char *name)
{
	size_t n = strlen(name) + 1;
	char *s;

	if (n > f->left) {
		f->left = n > PIECE ? n : PIECE;
		f->room = arena_get(&f->arena, f->left);
	}
	s = f->room;
	memcpy(s, name, n);
	f->room += n;
	f->left -= n;
	return s;
}

void
smartermail_files_add(struct smartermail_files *f, const char *name, uint64_t ino)
{
	size_t base;
	int role = smartermail_role(&base, name);

	if (role < 0)
		return;
	if (f->n == f->cap) {
		f->cap = f->cap != 0 ? f->cap * 2 : 64;
		f->v = mem_grow(f->v, f->cap * sizeof *f->v);
	}
	f->v[f->n].name = keep_name(f, name);
	f->v[f->n].ino = ino;
	f->v[f->n].base = (uint16_t)base;
	f->v[f->n++].role = (uint16_t)role;
}

void
smartermail_files_clear(struct smartermail_files *f)
{
	f->n = 0;
	arena_reset(&f->arena);
	f->room = NULL;
	f->left = 0;
}

void
smartermail_files_free(struct smartermail_files *f)
{
	free(f->v);
	arena_free(&f->arena);
	memset(f, 0, sizeof *f);
}

static int
same_spelling(const struct smartermail_file *a, const struct smartermail_file *b)
{
	return a->base == b->base && memcmp(a->name, b->name, a->base) == 0;
}

static int
by_name(const void *x, const void *y)
{
	const struct smartermail_file *a = x, *b = y;
	int c = smartermail_compare(a->name, a->base, b->name, b->base);

	if (c == 0)
		c = memcmp(a->name, b->name, a->base);
	if (c == 0)
		c = (int)a->role - (int)b->role;
	return c != 0 ? c : strcmp(a->name, b->name);
}

void
smartermail_files_sort(struct smartermail_files *f)
{
	if (f->n > 1)
		qsort(f->v, f->n, sizeof *f->v, by_name);
}

size_t
smartermail_files_run(int *is_case, const struct smartermail_files *f, size_t at)
{
	const struct smartermail_file *first = &f->v[at], *x;
	unsigned seen = 0;

	*is_case = 0;
	for (; at < f->n; at++) {
		x = &f->v[at];
		if (smartermail_compare(first->name, first->base, x->name, x->base) != 0)
			break;
		*is_case |= (seen & 1u << x->role) != 0;
		seen |= 1u << x->role;
	}
	return at;
}

size_t
smartermail_files_spelling(const struct smartermail_files *f, size_t at)
{
	const struct smartermail_file *first = &f->v[at];

	while (at < f->n && same_spelling(first, &f->v[at]))
		at++;
	return at;
}

/* The id is the base name of the .eml, the file that people know; of the .hdr or .em_ without one. */
static const struct smartermail_file *
namesake(const struct smartermail_file *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].role == SMARTERMAIL_EML)
			return &v[i];
	return &v[0];
}

void
smartermail_item(struct spool_item *out, struct arena *a, const char *queue,
    const struct smartermail_file *v, size_t n, unsigned flags)
{
	const struct smartermail_file *main_file = namesake(v, n);
	unsigned seen = 0;
	size_t i;
	int role;

	memset(out, 0, sizeof *out);
	out->queue = arena_str(a, queue);
	out->id = arena_dup(a, main_file->name, main_file->base);
	out->flags = flags;
	for (role = 0; role < SMARTERMAIL_ROLES; role++) {
		for (i = 0; i < n; i++) {
			if (v[i].role != role)
				continue;
			seen |= 1u << role;
			(void)part_add(&out->parts, roles[role].role, out->queue, arena_str(a, v[i].name));
		}
	}
	if ((seen & 1u << SMARTERMAIL_HDR) != 0)
		out->is_orphan = seen == 1u << SMARTERMAIL_HDR;
	else
		out->is_orphan = (seen & 1u << SMARTERMAIL_EML) == 0 || (flags & SMARTERMAIL_PLAIN) == 0;
}

static void
seen_grow(struct smartermail_seen *s)
{
	size_t i, j, cap = s->cap != 0 ? s->cap * 2 : 1024;
	uint64_t *fresh = mem_new(cap * sizeof *fresh);

	for (i = 0; i < s->cap; i++) {
		if (s->slot[i] == 0)
			continue;
		for (j = (size_t)s->slot[i] & (cap - 1); fresh[j] != 0; j = (j + 1) & (cap - 1))
			continue;
		fresh[j] = s->slot[i];
	}
	free(s->slot);
	s->slot = fresh;
	s->cap = cap;
}

static int
seen_one(struct smartermail_seen *s, const struct smartermail_file *v)
{
	uint64_t w[2] = { part_hash(v->name, v->base, s->key), v->ino }, h = part_hash(w, sizeof w, s->key);
	size_t i;

	h += h == 0;
	if ((s->n + 1) * 2 > s->cap)
		seen_grow(s);
	for (i = (size_t)h & (s->cap - 1); s->slot[i] != 0; i = (i + 1) & (s->cap - 1))
		if (s->slot[i] == h)
			return 1;
	s->slot[i] = h;
	s->n++;
	return 0;
}

int
smartermail_seen(struct smartermail_seen *s, const struct smartermail_file *v, size_t n)
{
	int is_seen = 0;
	size_t i;

	for (i = 0; i < n; i++)
		is_seen |= seen_one(s, &v[i]);
	return is_seen;
}

void
smartermail_seen_free(struct smartermail_seen *s)
{
	free(s->slot);
	memset(s, 0, sizeof *s);
}
