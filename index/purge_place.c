/* The private folder of a plan: made exclusively, opened without following links, refused when it is somebody else's. */
#include "index/purge_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_FILE "plan"
#define LOCK_FILE "lock"

const char *
run_private(struct arena *a, int64_t item, size_t k)
{
	return arena_fmt(a, "%08lld.%zu", (long long)item, k);
}

/* Ours alone: owner and mode are looked at on the open folder, so nobody can change it between look and use. */
static int
check_owner(struct sys_dir *d, const char *what, struct err *e)
{
	struct sys_stat st;

	if (sys_dir_stat(&st, d, e) < 0)
		return -1;
	if (st.uid != sys_uid() || (st.mode & 077) != 0)
		return err_set(e, 0, "%s belongs to another user or is open to others: left alone", what);
	return 0;
}

/* Opens name below d, made when `make` is set. 1 there, 0 not there and not to be made, -1. */
static int
open_own(struct sys_dir **out, struct sys_dir *d, const char *name, int make, struct err *e)
{
	struct sys_stat st;
	int rc;

	rc = make ? sys_mkdir(d, name, 0700) : EEXIST;
	if (rc != 0 && rc != EEXIST)
		return err_set(e, rc, "make the private folder %s", name);
	if (!make && (rc = sys_stat_at(&st, d, name)) != 0)
		return rc == ENOENT ? 0 : err_set(e, rc, "look at the private folder %s", name);
	/* Also when it was there: the run that made it may have been killed before it was on the disk, and all that we take will hang on it. */
	if (make && (rc = sys_sync_dir(d)) != 0)
		return err_set(e, rc, "write the folder of %s", name);
	if (sys_dir_sub(out, d, name, e) < 0)
		return -1;
	if (check_owner(*out, name, e) < 0) {
		sys_dir_close(*out);
		*out = NULL;
		return -1;
	}
	return 1;
}

/* A device number is good until the next mount: a volume may have another one after the power cut that a resume or an undo is for. What was
 * taken then is in our own folder, whose name no other plan has, and each message proves itself. */
static int
same_root(const struct run_place *pl, enum plan_state state, struct err *e)
{
	struct sys_stat st;

	if (sys_dir_stat(&st, pl->sp->dir, e) < 0)
		return -1;
	if (st.ino != pl->pl.ino || (st.dev != pl->pl.dev && state == PLAN_PLANNED))
		return err_set(e, 0, "%s is not the folder that the plan was made for: it was replaced or mounted anew", pl->pl.root);
	return 0;
}

static int
open_base(struct run_place *pl, struct arena *a, struct err *e)
{
	const char *name;
	char *dir;
	int rc;

	if (!pl->sp->driver->private_beside) {
		pl->shelf = SPOOL_PRIVATE;
		return sys_dir_sub(&pl->base, pl->sp->dir, "", e);
	}
	dir = sys_parent(pl->sp->root, &name);
	pl->shelf = arena_fmt(a, "%s-%s", SPOOL_PRIVATE, name);
	rc = sys_dir_open(&pl->base, dir, e);
	free(dir);
	return rc;
}

static char *
private_path(struct run_place *pl, struct arena *a)
{
	const char *name;
	char *dir, *path;

	if (!pl->sp->driver->private_beside)
		return arena_fmt(a, "%s/%s/%s", pl->sp->root, pl->shelf, pl->pl.folder);
	dir = sys_parent(pl->sp->root, &name);
	path = arena_fmt(a, "%s/%s/%s", dir, pl->shelf, pl->pl.folder);
	free(dir);
	return path;
}

static int
take_lock(struct run_place *pl, struct arena *a, struct err *e)
{
	int64_t holder;
	int rc = sys_lock_take(&pl->lock, arena_fmt(a, "%s/" LOCK_FILE, pl->path), 0, &holder, e);

	if (rc == 1)
		return err_set(e, 0, "process %lld is carrying out this plan", (long long)holder);
	return rc;
}

int
run_private_open(struct run_place *pl, struct arena *a, int make, struct err *e)
{
	struct sys_dir *shelf = NULL;
	int rc;

	if (pl->base == NULL && open_base(pl, a, e) < 0)
		return -1;
	pl->path = private_path(pl, a);
	rc = open_own(&shelf, pl->base, pl->shelf, make, e);
	if (rc == 1)
		rc = open_own(&pl->private, shelf, pl->pl.folder, make, e);
	sys_dir_close(shelf);
	if (rc != 1)
		return rc;
	return take_lock(pl, a, e);
}

static int
place_open(struct run *run, size_t i, int make, struct err *e)
{
	struct run_place *pl = &run->place[i];
	char *arg;

	if (journal_place(&pl->pl, run->j, run->plan.id, (int64_t)i, &run->arena, e) < 0)
		return -1;
	arg = arena_fmt(&run->arena, "%s:%s", pl->pl.kind, pl->pl.root);
	if (spool_open(&pl->sp, arg, NULL, e) != 0 || same_root(pl, run->plan.state, e) < 0 || open_base(pl, &run->arena, e) < 0)
		return -1;
	pl->r = spool_reader_new_live(pl->sp);
	pl->archive_name = arena_fmt(&run->arena, "%s-%zu", pl->pl.kind, i + 1);
	return run_private_open(pl, &run->arena, make, e);
}

int
run_open(struct run *run, struct journal *j, int64_t id, const struct purge_options *opt, struct purge_result *out, int make,
    struct err *e)
{
	struct place pl;
	size_t i;
	int rc;

	memset(run, 0, sizeof *run);
	memset(out, 0, sizeof *out);
	run->j = j;
	run->opt = opt;
	run->out = out;
	rc = journal_plan(&run->plan, j, id, &run->arena, e);
	if (rc == 0)
		return err_set(e, 0, "there is no plan %lld", (long long)id);
	while (rc == 1 && (rc = journal_place(&pl, j, id, (int64_t)run->nplace, &run->arena, e)) == 1)
		run->nplace++;
	if (rc < 0)
		return -1;
	run->place = mem_new((run->nplace + 1) * sizeof *run->place);
	for (i = 0; i < run->nplace; i++)
		if (place_open(run, i, make, e) < 0)
			return -1;
	return 0;
}

void
run_close(struct run *run)
{
	size_t i;

	run_crew_free(run->crew);
	for (i = 0; i < run->nplace; i++) {
		if (run->place == NULL)
			break;
		sys_lock_free(run->place[i].lock);
		sys_dir_close(run->place[i].private);
		sys_dir_close(run->place[i].base);
		spool_reader_free(run->place[i].r);
		spool_close(run->place[i].sp);
	}
	free(run->place);
	arena_free(&run->arena);
	arena_free(&run->batch);
	arena_free(&run->message);
}

int
run_copy_open(struct sys_file *f, struct sys_stat *st, struct run_place *pl)
{
	return sys_open_at(f, st, pl->private, PLAN_FILE);
}

int
run_note_plan(struct run_place *pl, const struct buf *head, const struct buf *lines, struct err *e)
{
	struct sys_file f;
	struct sys_stat st;
	int rc, made = 0;

	memset(&st, 0, sizeof st);
	rc = sys_open_rw_at(&f, &st, pl->private, PLAN_FILE);
	if (rc == ENOENT) {
		rc = sys_create_at(&f, pl->private, PLAN_FILE, 0600);
		made = 1;
	}
	if (rc == 0)
		rc = made ? 0 : sys_seek_end(f);
	if (rc == 0)	/* what a killed run left of a line is ended by an empty one */
		rc = made || st.size == 0 ? sys_write(f, head->p, head->n) : sys_write(f, "\n\n", 2);
	if (rc == 0)
		rc = sys_write(f, lines->p, lines->n);
	if (rc == 0)
		rc = sys_sync(f);
	sys_close(&f);
	if (rc == 0 && made)
		rc = sys_sync_dir(pl->private);
	if (rc == ENOSPC)
		return 1;
	return rc == 0 ? 0 : err_set(e, rc, "write %s/" PLAN_FILE, pl->path);
}

static int
clear_own(struct run *run, struct run_place *pl, struct err *e)
{
	struct sys_dir *shelf = NULL;
	int rc = run_unlink(run, pl->private, PLAN_FILE);

	/* What is open keeps its name on some systems, and a folder with it: the lock goes first, and the folder is let go, by the reader too
	 * (it has read there what became of an active message). A run that gets the lock now finds nothing to do. */
	spool_reader_let_go(pl->r);
	sys_lock_free(pl->lock);
	pl->lock = NULL;
	if (rc == 0 || rc == ENOENT)
		rc = run_unlink(run, pl->private, LOCK_FILE);
	if (rc != 0 && rc != ENOENT)
		return err_set(e, rc, "empty %s", pl->path);
	sys_dir_close(pl->private);
	pl->private = NULL;
	if (sys_dir_sub(&shelf, pl->base, pl->shelf, e) < 0)
		return -1;
	rc = sys_rmdir(shelf, pl->pl.folder);
	if (rc == 0)
		rc = sys_sync_dir(shelf);
	sys_dir_close(shelf);
	return rc != 0 && rc != ENOENT ? err_set(e, rc, "remove %s", pl->path) : 0;
}

int
run_clear(struct run *run, struct run_place *pl, struct err *e)
{
	int rc;

	if (pl->private != NULL && clear_own(run, pl, e) < 0)
		return -1;
	rc = sys_rmdir(pl->base, pl->shelf);	/* other plans may still have theirs in it; and a run before may have stopped right here */
	return rc == 0 || rc == ENOENT || rc == ENOTEMPTY || rc == EEXIST ? 0 : err_set(e, rc, "remove %s", pl->shelf);
}

/* Who works in a private folder: its lock file has the process id. Asking for the lock itself could make a purge fail that just begins. */
static int64_t
holder_of(struct sys_dir *private)
{
	struct sys_file f = SYS_FILE_CLOSED;
	struct sys_stat st;
	char text[24];
	int64_t n = -1, pid = 0;
	int i;

	if (sys_open_at(&f, &st, private, LOCK_FILE) == 0)
		n = sys_pread(f, text, sizeof text - 1, 0);
	sys_close(&f);
	for (i = 0; i < n && text[i] >= '0' && text[i] <= '9' && pid < INT32_MAX; i++)
		pid = pid * 10 + (text[i] - '0');
	return pid > 0 && sys_process_is(pid, "spoolsweep") == 1 ? pid : 0;
}

/* A folder that is gone meanwhile was of a run that ended. */
static int
leftover(struct sys_dir *shelf, const char *name, const char *path, struct spool *sp, struct journal *j,
    void (*fn)(void *arg, const struct purge_leftover *l), void *arg, struct err *e)
{
	struct purge_leftover l = { name, path, 0, 0, 0 };
	struct sys_dir *private = NULL;
	struct sys_stat st;

	if (j != NULL && journal_plan_of_folder(&l.plan, j, sp->root, name, e) < 0)
		return -1;
	if (sys_dir_sub(&private, shelf, name, e) < 0) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (sys_dir_stat(&st, private, e) < 0) {
		sys_dir_close(private);
		return -1;
	}
	l.since = st.mtime / 1000;
	l.holder = holder_of(private);
	sys_dir_close(private);
	fn(arg, &l);
	return 0;
}

/* SYS_UNKNOWN: there is none. */
static int
shelf_type(enum sys_type *out, const struct run_place *pl, struct err *e)
{
	struct sys_stat st;
	const int rc = sys_stat_at(&st, pl->base, pl->shelf);

	*out = rc == 0 ? st.type : SYS_UNKNOWN;
	return rc == 0 || rc == ENOENT ? 0 : err_set(e, rc, "look at %s in %s", pl->shelf, pl->sp->root);
}

int
purge_leftovers(struct spool *sp, struct journal *j, void (*fn)(void *arg, const struct purge_leftover *l), void *arg, struct err *e)
{
	struct run_place pl = { .sp = sp };
	struct sys_dir *shelf = NULL;
	struct sys_entry ent;
	struct arena a = { 0 };
	enum sys_type type = SYS_UNKNOWN;
	int rc;

	rc = open_base(&pl, &a, e);
	if (rc == 0)
		rc = shelf_type(&type, &pl, e);
	if (rc == 0 && type == SYS_DIR) {
		rc = sys_dir_sub(&shelf, pl.base, pl.shelf, e);
		while (rc >= 0 && (rc = sys_dir_next(&ent, shelf, e)) == 1) {
			pl.pl.folder = ent.name;
			if (ent.type == SYS_DIR)
				rc = leftover(shelf, ent.name, private_path(&pl, &a), sp, j, fn, arg, e);
		}
	}
	sys_dir_close(shelf);
	sys_dir_close(pl.base);
	arena_free(&a);
	return rc < 0 ? -1 : 0;
}
