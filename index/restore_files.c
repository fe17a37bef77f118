/*
 * Selectors that messages.jsonl cannot answer (recipients, --contains): each message of the archive is
 * unpacked into a scratch spool, read there by its MTA's driver as any other, and removed again. One message is on
 * the disk at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/put.h"
#include "index/restore_in.h"
#include "index/select_in.h"
#include "spool/sys.h"

#define PIECE ((size_t)64 * 1024)

struct scratch_spool {
	const char *name;		/* "KIND-N" */
	struct spool *sp;
	struct spool_reader *r;
};

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

int
restore_files_needed(const struct selection *s)
{
	return selection_has(s, SEL_RECIPIENT) || selection_has(s, SEL_RECIPIENT_DOMAIN) || selection_has(s, SEL_CONTAINS);
}

/* ---- the folder ---- */

static int
scratch_open(struct scratch *sc, struct err *e)
{
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

static void
scratch_close(struct scratch *sc)
{
	struct sys_dir *up = NULL;
	const char *name;
	char *folder;
	size_t i;

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

static void
remove_parts(struct scratch_spool *s, const struct arc_message *m, struct arena *a)
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

static int
put_recipients(struct index *ix, struct put *put, sqlite3_stmt *st, const struct msg *m, int64_t row, struct err *e)
{
	int64_t domain;
	size_t i;

	for (i = 0; i < m->nrcpt; i++) {
		domain = put_text(put, m->rcpt[i].domain, e);
		if (domain < 0)
			return -1;
		sqlite3_bind_int64(st, 1, row);
		sqlite3_bind_int64(st, 2, (int64_t)i);
		sqlite3_bind_int(st, 3, (int)m->rcpt[i].state);
		sqlite3_bind_text(st, 4, m->rcpt[i].address, -1, SQLITE_STATIC);
		domain != 0 ? sqlite3_bind_int64(st, 5, domain) : sqlite3_bind_null(st, 5);
		if (sqlite3_step(st) != SQLITE_DONE)
			return index_err(ix, e, "write");
		sqlite3_reset(st);
	}
	return 0;
}

struct job {
	struct scratch sc;
	struct restore_list *l;
	struct arc_reader *r;
	struct contains *contains;
	struct put *put;
	sqlite3_stmt *insert;
	unsigned char *selected;
};

static int
read_message(struct job *job, struct scratch_spool *s, const struct arc_message *m, uint64_t n, struct arena *a, struct err *e)
{
	struct spool_item it;
	struct msg msg;
	int rc = s->sp->driver->find(&it, s->sp, s->r, a, m->queue, m->id, m->part[0].path, e);

	if (rc == 1)
		rc = spool_read(&msg, s->r, &it, a, e) < 0 ? -1 : 1;
	if (rc == 1 && !msg.is_taken_mid_way)
		rc = put_recipients(restore_list_index(job->l), job->put, job->insert, &msg, (int64_t)n + 1, e);
	if (rc >= 0 && job->contains != NULL) {
		rc = contains_test(job->contains, m->kind, s->sp->root, m->queue, m->id, m->part[0].path, e);
		job->selected[n] = rc == 1;
	}
	return rc < 0 ? err_wrap(e, "message %s of the archive", m->id) : 0;
}

static int
one_message(struct job *job, uint64_t n, struct arena *a, struct err *e)
{
	struct arc_message m;
	struct arc_entry ent;
	struct scratch_spool *s;
	size_t k;
	int rc, is_selected;

	if (restore_list_get(&m, &is_selected, job->l, n, a, e) < 0 || (s = spool_of(&job->sc, &m, e)) == NULL)
		return -1;
	for (k = 0, rc = 0; k < m.nparts && rc == 0; k++) {
		rc = arc_next(&ent, job->r, e);
		if (rc != 1 || ent.spool == NULL || strcmp(ent.spool, m.spool_name) != 0 || strcmp(ent.path, m.part[k].path) != 0)
			rc = rc < 0 ? -1 : err_set(e, 0, "the archive changed while it was read");
		else
			rc = write_part(&job->sc, s, &m.part[k], job->r, e);
	}
	if (rc == 0)
		rc = read_message(job, s, &m, n, a, e);
	remove_parts(s, &m, a);
	return rc;
}

static int
all_messages(struct job *job, struct err *e)
{
	struct arena a = { 0 };
	struct arc_entry ent;
	uint64_t n, all = restore_list_count(job->l);
	int rc = arc_next(&ent, job->r, e) == 1 ? 0 : -1;	/* bagit.txt */

	for (n = 0; rc == 0 && n < all; n++) {
		arena_reset(&a);
		rc = one_message(job, n, &a, e);
	}
	arena_free(&a);
	return rc;
}

int
restore_files_read(unsigned char *selected, struct restore_list *l, const char *archive, const struct selection *s, struct err *e)
{
	struct job *job = mem_new(sizeof *job);
	struct index *ix = restore_list_index(l);
	int rc = -1;

	job->l = l;
	job->selected = selected;
	job->contains = contains_new(s);
	job->put = put_new(ix, 0, 1, e);
	job->insert = index_prepare(ix, "INSERT INTO recipient VALUES(?, ?, ?, ?, ?, NULL)", e);
	if (job->put != NULL && job->insert != NULL && scratch_open(&job->sc, e) == 0 && arc_open(&job->r, archive, e) == 0 &&
	    index_exec(ix, "BEGIN", e) == 0 && all_messages(job, e) == 0)
		rc = index_exec(ix, "COMMIT", e);
	sqlite3_finalize(job->insert);
	put_free(job->put);
	contains_free(job->contains);
	arc_reader_close(job->r);
	scratch_close(&job->sc);
	free(job);
	return rc;
}
