/* The spool that messages go into, and the private folder in it where their files are written. No walk and no MTA enters that folder. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/restore_in.h"
#include "spool/sys.h"

#define FOLDER "restore"
#define LOCK_FILE "lock"
#define INTENT_MAX ((size_t)8 << 20)	/* a batch's files, each name at its longest */

const char *
restore_private(struct arena *a, size_t slot, size_t k)
{
	return arena_fmt(a, "%zu.%zu", slot, k);
}

/* ---- opening ---- */

static int
open_base(struct restore_place *p, struct err *e)
{
	struct spool *sp = p->ps.sp;
	const char *name;
	char *above;
	int rc;

	if (!sp->driver->private_beside) {
		p->shelf = SPOOL_PRIVATE;
		p->path = arena_fmt(&p->ps.arena, "%s/%s/" FOLDER, sp->root, p->shelf);
		return sys_dir_sub(&p->base, sp->dir, "", e);
	}
	above = sys_parent(sp->root, &name);
	p->shelf = arena_fmt(&p->ps.arena, "%s-%s", SPOOL_PRIVATE, name);
	p->path = arena_fmt(&p->ps.arena, "%s/%s/" FOLDER, above, p->shelf);
	rc = sys_dir_open(&p->base, above, e);
	free(above);
	return rc;
}

int
restore_place_open(struct restore_place **out, const char *arg, const char *kind, const struct putback_options *opt, struct err *e)
{
	struct restore_place *p = mem_new(sizeof *p);
	int rc;

	p->opt = *opt;
	p->ps.opt = &p->opt;
	rc = spool_open(&p->ps.sp, arg, NULL, e);
	if (rc == 0 && strcmp(p->ps.sp->driver->name, kind) != 0) {
		err_set(e, 0, "%s is a spool of %s, the archive has messages of %s: --kind %s selects those that fit it", p->ps.sp->root,
		    p->ps.sp->driver->name, kind, p->ps.sp->driver->name);
		rc = -2;
	}
	if (rc == 0) {
		p->driver = putback_driver_named(kind);
		p->ps.r = spool_reader_new_live(p->ps.sp);
		rc = open_base(p, e);
	}
	if (rc != 0) {
		restore_place_close(p);
		return rc;
	}
	*out = p;
	return 0;
}

int
restore_place_begin(struct restore_place *p, struct err *e)
{
	return spool_begin(p->ps.sp, e) < 0 ? -1 : p->driver->begin(&p->ps, e);
}

void
restore_place_close(struct restore_place *p)
{
	if (p == NULL)
		return;
	sys_lock_free(p->lock);
	sys_dir_close(p->private);
	sys_dir_close(p->base);
	if (p->driver != NULL && p->driver->end != NULL)
		p->driver->end(&p->ps);
	spool_reader_free(p->ps.r);
	spool_close(p->ps.sp);
	arena_free(&p->ps.arena);
	free(p->touched);
	free(p);
}

/* Ours alone: looked at on the open folder, so that nobody can change it between look and use. */
static int
open_own(struct sys_dir **out, struct sys_dir *d, const char *name, const char *path, struct err *e)
{
	struct sys_stat st;
	int rc = sys_mkdir(d, name, 0700);

	if (rc != 0 && rc != EEXIST)
		return err_set(e, rc, "make the private folder %s", path);
	if (sys_dir_sub(out, d, name, e) < 0 || sys_dir_stat(&st, *out, e) < 0)
		return -1;
	if (st.uid != sys_uid() || (st.mode & 077) != 0)
		return err_set(e, 0, "%s belongs to another user or is open to others: left alone", path);
	return 0;
}

int
restore_place_make(struct restore_place *p, struct err *e)
{
	struct sys_dir *shelf = NULL;
	int64_t holder;
	int rc;

	rc = open_own(&shelf, p->base, p->shelf, p->path, e);
	if (rc == 0)
		rc = open_own(&p->private, shelf, FOLDER, p->path, e);
	sys_dir_close(shelf);
	if (rc == 0)
		rc = sys_lock_take(&p->lock, arena_fmt(&p->ps.arena, "%s/" LOCK_FILE, p->path), 0, &holder, e);
	return rc == 1 ? err_set(e, 0, "process %lld is restoring into this spool", (long long)holder) : rc;
}

/* ---- folders of the spool ---- */

struct sys_dir *
restore_place_dir(struct restore_place *p, const struct putback *b, const char *rel, struct err *e)
{
	const char *slash = rel;
	struct sys_dir *d = spool_reader_dir(p->ps.r, rel, e), *up;
	char level[4096], name[256];
	size_t n, start = 0;
	int rc;

	if (d != NULL || e->sys != ENOENT || strlen(rel) >= sizeof level)
		return d;
	do {
		slash = strchr(slash, '/');
		n = slash != NULL ? (size_t)(slash - rel) : strlen(rel);
		snprintf(level, sizeof level, "%.*s", start > 0 ? (int)start - 1 : 0, rel);
		snprintf(name, sizeof name, "%.*s", (int)(n - start), rel + start);
		up = spool_reader_dir(p->ps.r, level, e);
		if (up == NULL)
			return NULL;
		rc = sys_mkdir_owned(up, name, b->dir_mode, b->uid, b->gid);
		if (rc != 0 && rc != EEXIST) {
			err_set(e, rc, "make %s/%.*s", p->ps.sp->root, (int)n, rel);
			return NULL;
		}
		if (rc == 0)
			restore_place_touch(p, level);
		start = n + 1;
	} while (slash++ != NULL);
	return spool_reader_dir(p->ps.r, rel, e);
}

void
restore_place_touch(struct restore_place *p, const char *rel)
{
	size_t i;

	for (i = 0; i < p->ntouched; i++)
		if (strcmp(p->touched[i], rel) == 0)
			return;
	if (p->ntouched == p->cap) {
		p->cap = p->cap != 0 ? 2 * p->cap : 32;
		p->touched = mem_grow(p->touched, p->cap * sizeof *p->touched);
	}
	p->touched[p->ntouched] = mem_grow(NULL, strlen(rel) + 1);
	memcpy((char *)(uintptr_t)p->touched[p->ntouched++], rel, strlen(rel) + 1);
}

int
restore_place_sync(struct restore_place *p, struct err *e)
{
	struct sys_dir *d;
	size_t i;
	int rc = 0, sys;

	for (i = 0; i < p->ntouched; i++) {
		d = rc == 0 ? spool_reader_dir(p->ps.r, p->touched[i], e) : NULL;
		if (rc == 0 && d == NULL)
			rc = -1;
		else if (rc == 0 && (sys = sys_sync_dir(d)) != 0)
			rc = err_set(e, sys, "write the folder %s/%s", p->ps.sp->root, p->touched[i]);
		free((char *)(uintptr_t)p->touched[i]);
	}
	p->ntouched = 0;
	return rc;
}

/* ---- intents ---- */

int
restore_place_write_intents(struct restore_place *p, const struct restore_intent *v, size_t n, struct err *e)
{
	struct sys_file f = SYS_FILE_CLOSED;
	struct arena a = { 0 };
	struct buf text;
	size_t i;
	int rc;

	buf_init(&text, INTENT_MAX);
	for (i = 0; i < n; i++)
		buf_fmt(&text, "%zu %s %s %s %llu\n", v[i].slot, v[i].private, *v[i].dir != '\0' ? arc_encode_name(&a, v[i].dir) : ".",
		    arc_encode_name(&a, v[i].name), (unsigned long long)v[i].ino);
	rc = text.cut ? EFBIG : sys_create_at(&f, p->private, RESTORE_INTENT, 0600);
	p->has_intents |= rc == 0;
	if (rc == 0)
		rc = sys_write(f, text.p, text.n);
	if (rc == 0)
		rc = sys_sync(f);
	sys_close(&f);
	if (rc == 0)	/* the private names too: what is neither there nor in the spool would pass for given */
		rc = sys_sync_dir(p->private);
	buf_free(&text);
	arena_free(&a);
	return rc == 0 ? 0 : err_set(e, rc, "write %s/" RESTORE_INTENT, p->path);
}

/* The next word of a line, which ends at a blank or at the end of the line; NULL none. */
static char *
next_word(char **line)
{
	char *word = *line, *end = word + strcspn(word, " ");

	if (*word == '\0' || *word == ' ')
		return NULL;
	*line = *end != '\0' ? end + 1 : end;
	*end = '\0';
	return word;
}

static int
parse_intent(struct restore_intent *out, char *line, struct arena *a)
{
	const char *slot = next_word(&line), *private = next_word(&line), *dir = next_word(&line), *name = next_word(&line),
	    *ino = next_word(&line);

	if (ino == NULL || *line != '\0' || strspn(slot, "0123456789") != strlen(slot) || strspn(ino, "0123456789") != strlen(ino))
		return -1;
	out->slot = (size_t)strtoull(slot, NULL, 10);
	out->private = private;
	out->dir = strcmp(dir, ".") == 0 ? "" : arc_decode_name(a, dir);
	out->name = arc_decode_name(a, name);
	out->ino = strtoull(ino, NULL, 10);
	return out->dir != NULL && out->name != NULL && strchr(out->name, '/') == NULL && strspn(private, "0123456789.") == strlen(private) ? 0 : -1;
}

/* A line that cannot be read ends the list: a kill cut it, so no name was given yet. */
static int
parse_intents(struct restore_intent **out, size_t *n, char *text, struct arena *a)
{
	struct restore_intent *v;
	char *line, *end;
	size_t cap = 0;

	for (line = text; (line = strchr(line, '\n')) != NULL; line++)
		cap++;
	v = arena_zero(a, (cap + 1) * sizeof *v);
	for (line = text; *n < cap && (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (parse_intent(&v[*n], line, a) < 0)
			break;
		(*n)++;
	}
	*out = v;
	return 0;
}

int
restore_place_read_intents(struct restore_intent **out, size_t *n, struct restore_place *p, struct arena *a, struct err *e)
{
	struct sys_file f = SYS_FILE_CLOSED;
	struct sys_stat st;
	char *text;
	int64_t got;
	int rc = sys_open_at(&f, &st, p->private, RESTORE_INTENT);

	*n = 0;
	if (rc == ENOENT)
		return 0;
	if (rc != 0)
		return err_set(e, rc, "open %s/" RESTORE_INTENT, p->path);
	p->has_intents = 1;
	if (st.size > INTENT_MAX) {
		sys_close(&f);
		return err_set(e, 0, "%s/" RESTORE_INTENT " is larger than any of ours", p->path);
	}
	text = arena_get(a, (size_t)st.size + 1);
	got = sys_pread(f, text, (size_t)st.size, 0);
	rc = errno;
	sys_close(&f);
	if (got < 0)
		return err_set(e, rc, "read %s/" RESTORE_INTENT, p->path);
	text[got] = '\0';
	return parse_intents(out, n, text, a);
}
