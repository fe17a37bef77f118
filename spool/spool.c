#include "spool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ODD_KEPT 1000
#define MISSING_US 1000000

const struct spool_driver *const spool_drivers[] = { &spool_postfix, &spool_exim, &spool_smartermail, NULL };

const struct spool_driver *
spool_driver_named(const char *name)
{
	size_t i;

	for (i = 0; spool_drivers[i] != NULL; i++)
		if (strcmp(spool_drivers[i]->name, name) == 0)
			return spool_drivers[i];
	return NULL;
}

/* "KIND:DIR" with a known kind; a drive letter or a plain path is none. Sets *dir behind the colon. */
static const struct spool_driver *
kind_of(const char **dir, const char *arg, int *unknown)
{
	const char *colon = strchr(arg, ':');
	const struct spool_driver *d;
	char name[32];
	size_t n;

	*dir = arg;
	*unknown = 0;
	n = colon != NULL ? (size_t)(colon - arg) : 0;
	if (n < 2 || n >= sizeof name || strspn(arg, "abcdefghijklmnopqrstuvwxyz") != n)
		return NULL;
	memcpy(name, arg, n);
	name[n] = '\0';
	d = spool_driver_named(name);
	*unknown = d == NULL;
	if (d != NULL)
		*dir = colon + 1;
	return d;
}

static int
no_spool(struct err *e, const char *dir)
{
	char looked[400] = "";
	size_t i, n = 0;

	for (i = 0; spool_drivers[i] != NULL && n < sizeof looked; i++)
		n += (size_t)snprintf(looked + n, sizeof looked - n, "%s%s: %s", i > 0 ? "; " : "", spool_drivers[i]->name,
		    spool_drivers[i]->looks_for);
	err_set(e, 0, "%s is no mail spool that is known here (looked for %s)", dir, looked);
	return -2;
}

static const struct spool_driver *
probe(struct sys_dir *dir)
{
	const struct spool_driver *best = NULL;
	int sure = 0, got;
	size_t i;

	for (i = 0; spool_drivers[i] != NULL; i++) {
		got = spool_drivers[i]->probe(dir);
		if (got > sure) {
			sure = got;
			best = spool_drivers[i];
		}
	}
	return sure >= 50 ? best : NULL;
}

int
spool_open(struct spool **out, const char *arg, const struct spool_options *opt, struct err *e)
{
	const struct spool_driver *driver;
	struct spool *sp = NULL;
	const char *dir;
	int unknown, rc = -1;

	driver = kind_of(&dir, arg, &unknown);
	if (unknown) {
		err_set(e, 0, "%s: no such kind of spool (postfix, exim, smartermail)", arg);
		return -2;
	}
	sp = mem_new(sizeof *sp);
	sp->lock = sys_mutex_new();
	if (opt != NULL)
		sp->opt = *opt;
	sp->root = sys_realpath(dir, e);
	if (sp->root == NULL || sys_dir_open(&sp->dir, sp->root, e) < 0)
		goto out;
	if (driver == NULL)
		driver = probe(sp->dir);
	if (driver == NULL) {
		rc = no_spool(e, dir);
		goto out;
	}
	sp->driver = driver;
	*out = sp;
	return 0;
out:
	spool_close(sp);
	return rc;
}

static void
forget_counts(struct spool *sp)
{
	size_t i;

	for (i = 0; i < sp->nunknown; i++) {
		free(sp->unknown[i].queue);
		free(sp->unknown[i].why);
	}
	for (i = 0; i < sp->nodd; i++)
		free(sp->odd[i]);
	free(sp->unknown);
	free(sp->odd);
	free(sp->notice);
	sp->unknown = NULL;
	sp->odd = NULL;
	sp->notice = NULL;
	sp->nunknown = sp->nodd = 0;
	memset(&sp->stats, 0, sizeof sp->stats);
}

void
spool_close(struct spool *sp)
{
	if (sp == NULL)
		return;
	if (sp->state != NULL)
		sp->driver->end(sp);
	forget_counts(sp);
	sys_dir_close(sp->dir);
	sys_mutex_free(sp->lock);
	free(sp->root);
	free(sp);
}

int
spool_begin(struct spool *sp, struct err *e)
{
	if (sp->state != NULL)
		sp->driver->end(sp);
	sp->state = NULL;
	forget_counts(sp);
	return sp->driver->open(sp, e);
}

int
spool_next(struct spool_item *out, struct spool *sp, struct arena *a, struct err *e)
{
	memset(out, 0, sizeof *out);
	return sp->driver->next(out, sp, a, e);
}

int
spool_read(struct msg *m, struct spool_reader *r, const struct spool_item *it, struct arena *a, struct err *e)
{
	msg_init(m, a);
	if (r->sp->driver->read(m, r->sp, r, it, e) < 0)
		return -1;
	msg_finish(m);
	return 0;
}

struct spool_reader *
spool_reader_new(struct spool *sp)
{
	struct spool_reader *r = mem_new(sizeof *r);

	r->sp = sp;
	r->window = mem_new(SPOOL_WINDOW);
	r->window2 = mem_new(SPOOL_WINDOW);
	r->kept.f.h = -1;
	return r;
}

struct spool_reader *
spool_reader_new_live(struct spool *sp)
{
	struct spool_reader *r = spool_reader_new(sp);

	r->is_live = 1;
	return r;
}

void
spool_reader_let_go(struct spool_reader *r)
{
	size_t i;

	for (i = 0; i < sizeof r->dirs / sizeof r->dirs[0]; i++) {
		sys_dir_close(r->dirs[i].dir);
		free(r->dirs[i].rel);
	}
	sys_close(&r->kept.f);
	memset(r->dirs, 0, sizeof r->dirs);
}

void
spool_reader_free(struct spool_reader *r)
{
	if (r == NULL)
		return;
	spool_reader_let_go(r);
	arena_free(&r->scratch);
	free(r->window);
	free(r->window2);
	free(r);
}

/* FNV-1a: the names are our own or digits of ids. */
static uint64_t
hash_rel(const char *rel, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ (unsigned char)rel[i]) * UINT64_C(0x100000001b3);
	return h;
}

static struct sys_dir *
known_dir(struct spool_reader *r, const char *rel, uint64_t hash)
{
	struct reader_dir *d;
	size_t i;

	for (i = 0; i < sizeof r->dirs / sizeof r->dirs[0]; i++) {
		d = &r->dirs[i];
		if (d->rel != NULL && d->hash == hash && strcmp(d->rel, rel) == 0) {
			d->used = ++r->tick;
			return d->dir;
		}
	}
	return NULL;
}

static void
remember_dir(struct spool_reader *r, const char *rel, uint64_t hash, struct sys_dir *dir)
{
	struct reader_dir *old = &r->dirs[0];
	size_t i, n = strlen(rel);

	for (i = 1; i < sizeof r->dirs / sizeof r->dirs[0]; i++)
		if (r->dirs[i].used < old->used)
			old = &r->dirs[i];
	sys_dir_close(old->dir);
	old->rel = mem_grow(old->rel, n + 1);
	memcpy(old->rel, rel, n + 1);
	old->hash = hash;
	old->dir = dir;
	old->used = ++r->tick;
}

static struct reader_missing *
missing_slot(struct spool_reader *r, const char *rel, size_t n)
{
	return &r->missing[hash_rel(rel, n) % (sizeof r->missing / sizeof r->missing[0])];
}

/* Was the folder, or one above it, not there when it was last looked for? */
static int
is_missing(struct spool_reader *r, const char *rel)
{
	const struct reader_missing *m;
	const char *p = rel;
	size_t n;

	do {
		p += strcspn(p, "/");
		n = (size_t)(p - rel);
		m = missing_slot(r, rel, n);
		if (strncmp(m->rel, rel, n) == 0 && m->rel[n] == '\0' && m->until > sys_clock_us())
			return 1;
	} while (*p++ != '\0');
	return 0;
}

static void
remember_missing(struct spool_reader *r, const char *rel, int64_t until)
{
	const size_t n = strlen(rel);
	struct reader_missing *m = missing_slot(r, rel, n);

	if (n < sizeof m->rel) {
		memcpy(m->rel, rel, n + 1);
		m->until = until;
	}
}

static struct sys_dir *dir_at(struct spool_reader *r, const char *rel, int is_part, struct err *e);

/* One call in the folder above it, which is mostly open already. */
static int
is_missing_now(struct spool_reader *r, const char *rel)
{
	const char *slash = strrchr(rel, '/');
	struct sys_dir *above;
	struct sys_stat st;
	struct err why;
	char *name;

	if (slash == NULL)
		return 0;
	/* Not in the scratch arena: whoever looks for a million messages without reading one never resets it. */
	name = mem_new((size_t)(slash - rel) + 1);
	memcpy(name, rel, (size_t)(slash - rel));
	above = dir_at(r, name, 1, &why);
	free(name);
	return above != NULL ? sys_stat_at(&st, above, slash + 1) == ENOENT : why.sys == ENOENT;
}

/* Messages are looked for in hash folders that were never made: for a part one look a second is enough, but for a decision. */
static struct sys_dir *
dir_at(struct spool_reader *r, const char *rel, int is_part, struct err *e)
{
	const uint64_t hash = hash_rel(rel, strlen(rel));
	struct sys_dir *dir = known_dir(r, rel, hash);
	struct err why;

	if (dir != NULL)
		return dir;
	if (is_part && (r->is_live ? is_missing_now(r, rel) : is_missing(r, rel))) {
		err_set(e, ENOENT, "open %s", rel);
		return NULL;
	}
	if (sys_dir_sub(&dir, r->sp->dir, rel, &why) == 0) {
		remember_missing(r, rel, 0);
		remember_dir(r, rel, hash, dir);
		return dir;
	}
	if (why.sys == ENOENT)
		remember_missing(r, rel, sys_clock_us() + MISSING_US);
	if (e != NULL)
		*e = why;
	return NULL;
}

/* A reader that takes nothing out of a spool gives up the folders that it keeps open when no descriptor is left for another; one that does has
 * callers who hold some of them. */
static int
can_let_go(struct spool_reader *r, int sys)
{
	if (!sys_is_short(sys) || r->is_live)
		return 0;
	spool_reader_let_go(r);
	return 1;
}

static struct sys_dir *
open_dir(struct spool_reader *r, const char *rel, int is_part, struct err *e)
{
	struct sys_dir *d;
	struct err why;

	err_clear(&why);
	d = dir_at(r, rel, is_part, &why);
	if (d == NULL && can_let_go(r, why.sys))
		d = dir_at(r, rel, is_part, &why);
	if (d == NULL && e != NULL)
		*e = why;
	return d;
}

struct sys_dir *
spool_reader_dir(struct spool_reader *r, const char *rel, struct err *e)
{
	return open_dir(r, rel, 0, e);
}

/* NULL and errno: the folder of the part cannot be opened. */
static struct sys_dir *
part_dir(struct spool_reader *r, const struct part *p, int *sys)
{
	struct err e;
	struct sys_dir *d = open_dir(r, p->dir, 1, &e);

	*sys = d != NULL ? 0 : e.sys != 0 ? e.sys : EIO;
	return d;
}

int
spool_part_stat(struct part *p, struct spool_reader *r)
{
	struct sys_dir *d;
	int rc;

	d = part_dir(r, p, &rc);
	rc = d != NULL ? sys_stat_at(&p->st, d, p->name) : rc;
	p->absent = rc == ENOENT;
	p->no_folder = p->absent && d == NULL;
	return rc == ENOENT ? 0 : rc;
}

void
spool_reader_keep(struct spool_reader *r, int keeps)
{
	r->keeps = keeps;
	sys_close(&r->kept.f);
}

/* Is it the part that was kept? Then it goes over to the caller; else it is closed, for its window is to hold another. */
static int
take_kept(struct rd *rd, struct sys_file *f, struct part *p, struct spool_reader *r)
{
	struct reader_kept *k = &r->kept;

	if (strcmp(k->name, p->name) != 0 || strcmp(k->dir, p->dir) != 0) {
		sys_close(&k->f);
		return 0;
	}
	*f = k->f;
	k->f.h = -1;
	p->st = k->st;
	p->absent = 0;
	*rd = k->rd;
	(void)rd_seek(rd, 0);
	return 1;
}

void
spool_part_close(struct sys_file *f, const struct part *p, const struct rd *rd, struct spool_reader *r)
{
	struct reader_kept *k = &r->kept;
	const size_t dir = strlen(p->dir), name = strlen(p->name);

	if (!r->keeps || f->h < 0 || rd->space != r->window || rd->error != 0 || rd->shrunk || dir >= sizeof k->dir || name >= sizeof k->name) {
		sys_close(f);
		return;
	}
	sys_close(&k->f);
	k->f = *f;
	f->h = -1;
	k->st = p->st;
	k->rd = *rd;
	memcpy(k->dir, p->dir, dir + 1);
	memcpy(k->name, p->name, name + 1);
}

int
spool_part_open(struct rd *rd, struct sys_file *f, struct part *p, struct spool_reader *r, int window)
{
	struct sys_dir *d;
	int rc;

	f->h = -1;
	if (window == 0 && r->kept.f.h >= 0 && take_kept(rd, f, p, r))
		return 0;
	d = part_dir(r, p, &rc);
	rc = d != NULL ? sys_open_at(f, &p->st, d, p->name) : rc;
	if (can_let_go(r, rc)) {
		d = part_dir(r, p, &rc);
		rc = d != NULL ? sys_open_at(f, &p->st, d, p->name) : rc;
	}
	p->absent = rc == ENOENT;
	if (rc == 0)
		rd_file(rd, *f, p->st.size, window == 0 ? r->window : r->window2, SPOOL_WINDOW);
	return rc;
}

static char *
copy(const char *s)
{
	char *c;

	if (s == NULL)
		return NULL;
	c = mem_grow(NULL, strlen(s) + 1);
	memcpy(c, s, strlen(s) + 1);
	return c;
}

static int
same_queue(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

void
spool_unknown(struct spool *sp, const char *queue, const char *fmt, ...)
{
	char why[600];
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	sys_mutex_lock(sp->lock);
	for (i = 0; i < sp->nunknown; i++)
		if (same_queue(sp->unknown[i].queue, queue))
			break;
	if (i == sp->nunknown) {
		sp->unknown = mem_grow(sp->unknown, (i + 1) * sizeof *sp->unknown);
		sp->unknown[i].queue = copy(queue);
		sp->unknown[i].why = copy(why);
		sp->nunknown++;
	}
	sys_mutex_unlock(sp->lock);
}

void
spool_odd(struct spool *sp, const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;

	sys_mutex_lock(sp->lock);
	sp->stats.odd++;
	if (sp->nodd < ODD_KEPT) {
		sp->odd = mem_grow(sp->odd, (sp->nodd + 1) * sizeof *sp->odd);
		sp->odd[sp->nodd] = mem_grow(NULL, n);
		snprintf(sp->odd[sp->nodd++], n, "%s%s%s", dir, *dir != '\0' ? "/" : "", name);
	}
	sys_mutex_unlock(sp->lock);
}

struct part *
spool_place(struct spool_item *out, struct arena *a, enum part_role role, const char *queue, const char *id, const char *path)
{
	const char *slash = strrchr(path, '/');

	memset(out, 0, sizeof *out);
	out->queue = queue;
	out->id = id;
	return part_add(&out->parts, role, slash != NULL ? arena_dup(a, path, (size_t)(slash - path)) : "", slash != NULL ? slash + 1 : path);
}

char *
spool_path(struct arena *a, const char *dir, const char *name)
{
	return *dir != '\0' ? arena_fmt(a, "%s/%s", dir, name) : arena_str(a, name);
}
