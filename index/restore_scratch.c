/*
 * The scratch spool: a message of an archive is unpacked into a folder below TMPDIR, shaped as its spool was, so that
 * its MTA's driver reads it as any other, and is removed again. One message is on the disk at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/restore_in.h"
#include "spool/sys.h"

#define PIECE ((size_t)64 * 1024)

struct scratch {
	struct sys_dir *top;
	char *path;
	const char **made;		/* folders below top, in the order they were made */
	size_t nmade, cap;
	struct scratch_spool *spool;
	size_t nspool;
	struct arena arena;		/* as long as the scratch */
	unsigned char piece[PIECE];
};

/* ---- the folder ---- */

int
restore_scratch_new(struct scratch **out, struct err *e)
{
	struct scratch *sc = *out = mem_new(sizeof *sc);
	uint64_t random[2];
	char *tmp;
	size_t n;

	if (sys_random(random, sizeof random, e) < 0)
		return -1;
	tmp = sys_temp_dir();
	n = strlen(tmp) + 64;
	sc->path = mem_new(n);
	snprintf(sc->path, n, "%s/spoolsweep-%016llx%016llx", tmp, (unsigned long long)random[0], (unsigned long long)random[1]);
	free(tmp);
	return sys_make_path(sc->path, e) < 0 ? -1 : sys_dir_open(&sc->top, sc->path, e);
}

/* The open folder above a path below the scratch, and the path's last component. */
static struct sys_dir *
folder_above(const char **name, struct scratch *sc, const char *rel, struct err *e)
{
	const char *slash = strrchr(rel, '/');
	struct sys_dir *up = NULL;
	char *dir = mem_new(strlen(rel) + 1);

	memcpy(dir, rel, slash != NULL ? (size_t)(slash - rel) : 0);
	*name = slash != NULL ? slash + 1 : rel;
	(void)sys_dir_sub(&up, sc->top, dir, e);
	free(dir);
	return up;
}

void
restore_scratch_free(struct scratch *sc)
{
	struct sys_dir *up = NULL;
	const char *name;
	char *folder;
	size_t i;

	if (sc == NULL)
		return;
	for (i = 0; i < sc->nspool; i++) {
		spool_reader_free(sc->spool[i].r);
		spool_close(sc->spool[i].sp);
	}
	if (sc->top != NULL) {
		for (i = sc->nmade; i > 0; i--) {
			up = folder_above(&name, sc, sc->made[i - 1], NULL);
			if (up != NULL)
				(void)sys_rmdir(up, name);
			sys_dir_close(up);
			up = NULL;
		}
		folder = sys_parent(sc->path, &name);
		if (sys_dir_open(&up, folder, NULL) == 0)
			(void)sys_rmdir(up, name);
		sys_dir_close(up);
		free(folder);
	}
	sys_dir_close(sc->top);
	free(sc->path);
	free(sc->made);
	free(sc->spool);
	arena_free(&sc->arena);
	free(sc);
}

static int
make_folder(struct scratch *sc, const char *rel, struct err *e)
{
	const char *name;
	struct sys_dir *up = folder_above(&name, sc, rel, e);
	int rc;

	if (up == NULL)
		return -1;
	rc = sys_mkdir(up, name, 0700);
	sys_dir_close(up);
	if (rc != 0)
		return rc == EEXIST ? 0 : err_set(e, rc, "make %s/%s", sc->path, rel);
	if (sc->nmade == sc->cap) {
		sc->cap = sc->cap != 0 ? 2 * sc->cap : 64;
		sc->made = mem_grow(sc->made, sc->cap * sizeof *sc->made);
	}
	sc->made[sc->nmade++] = rel;
	return 0;
}

/* Makes each folder of a path below the scratch. */
static int
make_folders(struct scratch *sc, const char *rel, struct err *e)
{
	const char *slash = rel;
	int rc;

	do {
		slash = strchr(slash, '/');
		rc = make_folder(sc, arena_dup(&sc->arena, rel, slash != NULL ? (size_t)(slash - rel) : strlen(rel)), e);
	} while (rc == 0 && slash++ != NULL);
	return rc;
}

static struct scratch_spool *
spool_of(struct scratch *sc, const struct arc_message *m, struct err *e)
{
	struct scratch_spool *s;
	struct spool *sp = NULL;
	size_t i;

	for (i = 0; i < sc->nspool; i++)
		if (strcmp(sc->spool[i].name, m->spool_name) == 0)
			return &sc->spool[i];
	/* a folder without which a driver sees no spool */
	if (make_folders(sc, arena_fmt(&sc->arena, "%s/%s", m->spool_name, strcmp(m->kind, "exim") == 0 ? "input" : "hold"), e) < 0 ||
	    spool_open(&sp, arena_fmt(&sc->arena, "%s:%s/%s", m->kind, sc->path, m->spool_name), NULL, e) != 0)
		return NULL;
	if (spool_begin(sp, e) < 0) {
		spool_close(sp);
		return NULL;
	}
	sc->spool = mem_grow(sc->spool, (sc->nspool + 1) * sizeof *sc->spool);
	s = &sc->spool[sc->nspool++];
	s->name = arena_str(&sc->arena, m->spool_name);
	s->sp = sp;
	s->r = spool_reader_new(sp);
	return s;
}

/* ---- one message ---- */

static int
write_part(struct scratch *sc, struct scratch_spool *s, const struct arc_part *p, struct arc_reader *r, struct err *e)
{
	const char *slash = strrchr(p->path, '/'), *name = slash != NULL ? slash + 1 : p->path;
	char *dir = arena_dup(&sc->arena, p->path, slash != NULL ? (size_t)(slash - p->path) : 0);
	struct sys_file f = SYS_FILE_CLOSED;
	struct sys_dir *d;
	int64_t got = 0;
	int rc;

	if (*dir != '\0' && spool_reader_dir(s->r, dir, NULL) == NULL &&
	    make_folders(sc, arena_fmt(&sc->arena, "%s/%s", s->name, dir), e) < 0)
		return -1;
	d = spool_reader_dir(s->r, dir, e);
	if (d == NULL)
		return -1;
	rc = sys_create_at(&f, d, name, p->mode & 0700);
	while (rc == 0 && (got = arc_read(sc->piece, PIECE, r, e)) > 0)
		rc = sys_write(f, sc->piece, (size_t)got);
	sys_close(&f);
	if (rc != 0)
		return err_set(e, rc, "write %s/%s/%s (TMPDIR names another place)", sc->path, s->name, p->path);
	return got < 0 ? -1 : 0;
}

int
restore_scratch_put(struct scratch_spool **out, struct scratch *sc, const struct arc_message *m, struct arc_reader *r, struct err *e)
{
	struct scratch_spool *s = *out = spool_of(sc, m, e);
	struct arc_entry ent;
	size_t k;
	int rc = s == NULL ? -1 : 0;

	for (k = 0; k < m->nparts && rc == 0; k++) {
		rc = arc_next(&ent, r, e);
		if (rc != 1 || ent.spool == NULL || strcmp(ent.spool, m->spool_name) != 0 || strcmp(ent.path, m->part[k].path) != 0)
			rc = rc < 0 ? -1 : err_set(e, 0, "the archive changed while it was read");
		else
			rc = write_part(sc, s, &m->part[k], r, e);
	}
	return rc;
}

void
restore_scratch_drop(struct scratch_spool *s, const struct arc_message *m, struct arena *a)
{
	const char *slash;
	struct sys_dir *d;
	size_t i;

	for (i = 0; i < m->nparts; i++) {
		slash = strrchr(m->part[i].path, '/');
		d = spool_reader_dir(s->r, slash != NULL ? arena_dup(a, m->part[i].path, (size_t)(slash - m->part[i].path)) : "", NULL);
		if (d != NULL)
			(void)sys_unlink(d, slash != NULL ? slash + 1 : m->part[i].path);
	}
}
