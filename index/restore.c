/*
 * Restoring. The only caller of sys_rename and sys_unlink on a spool beside purge.c.
 *
 * The archive is read three times: arc_verify proves it, restore_list.c takes its list (which stands behind the files), and here the
 * files stream by in the order of that list. What is written is compared with the list's digests once more, so an archive that changes
 * between the readings is found before anything of it becomes visible.
 *
 * Messages go in batches: the files of a batch are all on their way to the disk before the first is waited for, which makes
 * one wait of hundreds. Then each message gets its names, one after the other.
 */
#include "index/restore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/restore_in.h"
#include "spool/buf.h"
#include "spool/sys.h"

#define PIECE ((size_t)64 * 1024)
#define BATCH ((size_t)128)		/* messages */
#define BATCH_FILES ((size_t)400)	/* open at a time */
#define BATCH_BYTES ((uint64_t)64 << 20)

struct restore {
	const struct restore_options *opt;
	struct restore_result *out;
	struct restore_list *list;
	struct arc_reader *reader;
	struct restore_place **place;
	const char **place_name;	/* "KIND-N" of each */
	size_t nplace;
	struct arena arena, batch;	/* as long as the run, as a batch */
	struct work *work;		/* the batch */
	size_t nwork, nfiles;
	uint64_t bytes;			/* written in it */
	struct sys_sha256 *sha;
	unsigned char *piece;
	struct buf head;		/* of the judged part */
	int64_t last;			/* sys_clock_us when the last message was put back */
	uint64_t done, all;
};

/* One message on its way. */
struct work {
	struct arc_message m;
	struct putback b;
	struct restore_place *pl;
	size_t slot;
	struct sys_file file[PART_MAX];	/* in the private folder */
	uint64_t ino[PART_MAX];		/* of each */
	int state;			/* putback_state */
};

const char *
restore_state_name(enum restore_state s)
{
	static const char *const name[RESTORE_STATES] = { "planned", "restored", "exists", "failed" };

	return name[s];
}

/* ---- the two calls ---- */

static int
move(struct restore *run, struct sys_dir *from, const char *name, struct sys_dir *to, const char *new_name)
{
	int rc = sys_rename(from, name, to, new_name);

	if (rc == 0)
		run->out->spool_changed = 1;
	return rc;
}

/* Files of our own in the private folder. */
static int
drop(struct restore_place *p, const char *name)
{
	int rc = sys_unlink(p->private, name);

	return rc == ENOENT ? 0 : rc;
}

/* ---- what a killed run left ---- */

/* 1 it is in the private folder, 0 it is not, -1. */
static int
is_private(struct restore_place *p, const char *name, struct err *e)
{
	struct sys_stat st;
	int rc = sys_stat_at(&st, p->private, name);

	return rc == 0 ? 1 : rc == ENOENT ? 0 : err_set(e, rc, "look at %s/%s", p->path, name);
}

/* Takes a part back, when the file under its name is ours. */
static int
take_back_part(struct restore *run, struct restore_place *p, const struct restore_intent *v, struct err *e)
{
	struct err why = { 0, "" };
	struct sys_stat st;
	struct sys_dir *d = spool_reader_dir(p->ps.r, v->dir, &why);
	int rc = d != NULL ? sys_stat_at(&st, d, v->name) : why.sys != 0 ? why.sys : EIO;

	if (rc == 0 && st.ino == v->ino)
		rc = move(run, d, v->name, p->private, v->private);
	return rc == 0 || rc == ENOENT ? 0 : err_set(e, rc, "take back %s/%s", v->dir, v->name);
}

/* The parts v[0 .. n) of a message: those that have their names are taken back when the last, its visible one, has not. */
static int
take_back_message(struct restore *run, struct restore_place *p, const struct restore_intent *v, size_t n, struct err *e)
{
	int rc = is_private(p, v[n - 1].private, e);

	if (rc != 1)
		return rc;
	while (n-- > 0) {
		rc = is_private(p, v[n].private, e);
		if (rc == 0)
			rc = take_back_part(run, p, &v[n], e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* Names that were given, or that go now, and the folders made for them: nobody has brought them to the disk yet. */
static void
touch_intended(struct restore *run, struct restore_place *p, const struct restore_intent *v)
{
	struct err why = { 0, "" };
	char *dir = arena_str(&run->batch, v->dir), *slash;

	for (; spool_reader_dir(p->ps.r, dir, &why) != NULL; *slash = '\0') {
		restore_place_touch(p, dir);
		slash = strrchr(dir, '/');
		if (slash == NULL)
			break;
	}
	restore_place_touch(p, "");
}

/* Ends with all of it on the disk, for the intents go next. */
static int
take_back(struct restore *run, struct restore_place *p, struct err *e)
{
	struct restore_intent *v;
	size_t n, i, k;

	if (restore_place_read_intents(&v, &n, p, &run->batch, e) < 0)
		return -1;
	for (i = 0; i < n; i++)
		touch_intended(run, p, &v[i]);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && v[k].slot == v[i].slot; k++)
			;
		if (take_back_message(run, p, v + i, k - i, e) < 0)
			return -1;
	}
	return n != 0 ? restore_place_sync(p, e) : 0;
}

static int
empty_private(struct restore_place *p, struct err *e)
{
	struct sys_entry ent;
	struct sys_dir *d;
	int rc, sys = 0;

	if (sys_dir_sub(&d, p->private, "", e) < 0)
		return -1;
	while ((rc = sys_dir_next(&ent, d, e)) == 1)
		if (strcmp(ent.name, "lock") != 0 && strcmp(ent.name, RESTORE_INTENT) != 0 && (sys = drop(p, ent.name)) != 0)
			break;
	sys_dir_close(d);
	if (sys == 0 && rc >= 0)	/* last: as long as it stands, the others are known */
		sys = drop(p, RESTORE_INTENT);
	return sys != 0 ? err_set(e, sys, "empty %s", p->path) : rc < 0 ? -1 : 0;
}

/* Everything is done or given up: the private folder goes. What cannot be removed is left for the next run. */
static void
leave_place(struct restore *run, struct restore_place *p)
{
	struct sys_dir *shelf = NULL;

	if (p->private == NULL || p->lock == NULL || take_back(run, p, NULL) < 0 || empty_private(p, NULL) < 0)
		return;
	/* What is open keeps its name on some systems, and a folder with it. */
	sys_lock_free(p->lock);
	p->lock = NULL;
	(void)drop(p, "lock");
	sys_dir_close(p->private);
	p->private = NULL;
	if (sys_dir_sub(&shelf, p->base, p->shelf, NULL) == 0)
		(void)sys_rmdir(shelf, "restore");
	sys_dir_close(shelf);
	(void)sys_rmdir(p->base, p->shelf);
}

/* ---- the spools ---- */

static struct restore_place *
place_of(struct restore *run, const char *name)
{
	size_t i;

	for (i = 0; i < run->nplace; i++)
		if (strcmp(run->place_name[i], name) == 0)
			return run->place[i];
	return NULL;
}

static int
open_place(struct restore *run, const struct arc_message *m, struct err *e)
{
	const char *to = run->opt->to;
	struct restore_place *p;
	int64_t life;
	int rc;

	if (to == NULL && !sys_path_is_absolute(m->spool) && strchr(m->spool, ':') == NULL)
		return err_set(e, 0, "the archive names no spool to put %s back: --to SPOOL does", m->spool_name);
	if (to == NULL)
		to = arena_fmt(&run->arena, "%s:%s", m->kind, m->spool);
	rc = restore_place_open(&p, to, m->kind, &run->opt->putback, e);
	if (rc != 0 && run->opt->to == NULL)
		err_wrap(e, "%s, which the archive names (--to SPOOL puts it elsewhere)", to);
	if (rc != 0)
		return rc;
	life = run->opt->frozen_life != NULL && strcmp(m->kind, "exim") == 0 ? run->opt->frozen_life(run->opt->arg, p->ps.sp->root) : -1;
	if (life >= 0)
		p->opt.frozen_life = life;
	run->place = mem_grow(run->place, (run->nplace + 1) * sizeof *run->place);
	run->place_name = mem_grow(run->place_name, (run->nplace + 1) * sizeof *run->place_name);
	run->place[run->nplace] = p;
	run->place_name[run->nplace++] = arena_str(&run->arena, m->spool_name);
	if (run->opt->execute && run->opt->before != NULL && run->opt->before(run->opt->arg, p->ps.sp, e) < 0)
		return -1;
	if (run->opt->execute && (restore_place_make(p, e) < 0 || take_back(run, p, e) < 0 || empty_private(p, e) < 0))
		return -1;
	rc = restore_place_begin(p, e);
	return rc == -1 ? err_wrap(e, "%s", p->ps.sp->root) : rc;
}

/* Opens every spool that a selected message goes into, before a message is put into one of them. */
static int
open_places(struct restore *run, uint64_t *bytes, struct err *e)
{
	uint64_t n, all = restore_list_count(run->list);
	struct arc_message m;
	int is_selected, rc;
	size_t i;

	*bytes = 0;
	for (n = 0; n < all; n++) {
		arena_reset(&run->batch);
		if (restore_list_get(&m, &is_selected, run->list, n, &run->batch, e) < 0)
			return -1;
		if (!is_selected)
			continue;
		run->all++;
		for (i = 0; i < m.nparts; i++)
			*bytes += m.part[i].size;
		if (place_of(run, m.spool_name) == NULL && (rc = open_place(run, &m, e)) != 0)
			return rc;
	}
	return 0;
}

static int
check_space(struct restore *run, uint64_t bytes, struct err *e)
{
	struct restore_place *p;
	uint64_t space;
	size_t i;

	for (i = 0; i < run->nplace; i++) {
		p = run->place[i];
		if (sys_space(&space, p->base) == 0 && space < bytes)
			return err_set(e, 0, "%s has %llu MiB free, the messages need %llu MiB", p->ps.sp->root,
			    (unsigned long long)(space >> 20), (unsigned long long)(bytes >> 20) + 1);
	}
	return 0;
}

/* ---- one part ---- */

static int
is_judged(const struct work *w, size_t k)
{
	const struct putback_driver *d = w->pl->driver;

	return !w->b.part[k].stays && w->b.part[k].role == d->judged;
}

static int
begin_file(struct restore *run, struct work *w, size_t k, struct err *e)
{
	int rc = sys_create_at(&w->file[k], w->pl->private, restore_private(&run->batch, w->slot, k), 0600);

	run->nfiles++;
	run->bytes += w->m.part[k].size;
	return rc != 0 ? err_set(e, rc, "write %s/%zu", w->pl->path, k) : 0;
}

static int
write_file(struct work *w, size_t k, const void *p, size_t n, struct err *e)
{
	int rc = n != 0 ? sys_write(w->file[k], p, n) : 0;

	return rc != 0 ? err_set(e, rc, "write %s/%zu", w->pl->path, k) : 0;
}

/* A part that is edited is kept whole; else its first bytes do. */
static void
add_head(struct restore *run, const struct putback_driver *d, size_t n)
{
	size_t left = run->head.n < d->head ? d->head - run->head.n : 0;

	buf_add(&run->head, run->piece, d->edits || n < left ? n : left);
}

/* Reads part k to its end: into its file, into the head for judge(), and through the hash. */
static int
read_part(struct restore *run, struct work *w, size_t k, int to_file, struct err *e)
{
	unsigned char sha[ARC_SHA256];
	int64_t got;

	if (to_file && begin_file(run, w, k, e) < 0)
		return -1;
	while ((got = arc_read(run->piece, PIECE, run->reader, e)) > 0) {
		sys_sha256_add(run->sha, run->piece, (size_t)got);
		if (is_judged(w, k))
			add_head(run, w->pl->driver, (size_t)got);
		if (to_file && write_file(w, k, run->piece, (size_t)got, e) < 0)
			return -1;
	}
	sys_sha256_end(sha, run->sha);
	if (got < 0)
		return -1;
	if (memcmp(sha, w->m.part[k].sha, ARC_SHA256) != 0)
		return err_set(e, 0, "message %s: the archive changed while it was read", w->m.id);
	return 0;
}

static int
judge(struct restore *run, struct work *w, size_t k, struct err *e)
{
	const struct putback_driver *d = w->pl->driver;
	struct putback_part *p = &w->b.part[k];

	if (d->edits && run->head.cut)
		w->state = putback_fail(&w->b, &run->batch, "its envelope is larger than the MTA reads");
	else
		w->state = d->judge(&w->b, &w->pl->ps, buf_cstr(&run->head), run->head.n, &run->batch);
	if (!d->edits || w->state != PUTBACK_GO || !run->opt->execute)
		return 0;
	if (begin_file(run, w, k, e) < 0)
		return -1;
	return write_file(w, k, p->bytes != NULL ? p->bytes : run->head.p, p->bytes != NULL ? p->nbytes : run->head.n, e);
}

/* The next member must be part k. */
static int
next_part(struct restore *run, struct work *w, size_t k, struct err *e)
{
	struct arc_entry ent;
	int rc = arc_next(&ent, run->reader, e);
	int to_file;

	if (rc < 0)
		return -1;
	if (rc == 0 || ent.spool == NULL || strcmp(ent.spool, w->m.spool_name) != 0 || strcmp(ent.path, w->m.part[k].path) != 0)
		return err_set(e, 0, "message %s: the archive changed while it was read", w->m.id);
	if (w->state != PUTBACK_GO || w->b.part[k].stays)
		return 0;
	to_file = run->opt->execute && !(is_judged(w, k) && w->pl->driver->edits);
	if (is_judged(w, k))
		buf_clear(&run->head);
	if (read_part(run, w, k, to_file, e) < 0)
		return -1;
	return is_judged(w, k) ? judge(run, w, k, e) : 0;
}

/* ---- putting ---- */

/* Owner, mode and time as they have to be, while no MTA can see it; its bytes set out for the disk. */
static int
finish_file(struct work *w, size_t k, struct err *e)
{
	const struct putback_part *p = &w->b.part[k];
	struct sys_stat st;
	int rc = sys_fstat(&st, w->file[k]);

	if (rc == 0 && (st.uid != p->uid || st.gid != p->gid))
		rc = sys_set_owner(w->file[k], p->uid, p->gid);
	if (rc == EPERM)
		return err_set(e, rc, "give a file to user %u (restoring into this spool needs root)", (unsigned)p->uid);
	if (rc == 0)
		rc = sys_set_mode(w->file[k], p->mode);
	if (rc == 0)
		rc = sys_set_mtime(w->file[k], w->m.part[k].mtime);
	if (rc == 0)
		sys_forget_cache(w->file[k]);	/* starts the writing */
	return rc != 0 ? err_set(e, rc, "write %s/%zu", w->pl->path, k) : 0;
}

static int
visible_part(const struct work *w)
{
	return (int)w->b.order[w->b.norder - 1];
}

/* Some parts have their names and one cannot get its own: they are taken back, so that nothing of the message is left. */
static int
unput(struct restore *run, struct work *w, size_t done, struct err *e)
{
	const struct putback_part *p;
	struct sys_dir *d;
	int rc = 0;

	while (done-- > 0 && rc == 0) {
		p = &w->b.part[w->b.order[done]];
		d = spool_reader_dir(w->pl->ps.r, p->dir, e);
		rc = d != NULL ? move(run, d, p->name, w->pl->private, restore_private(&run->batch, w->slot, w->b.order[done])) : EIO;
	}
	w->pl->is_stuck |= rc != 0;
	return rc != 0 ? err_set(e, rc, "message %s could be put back in part only", w->m.id) : 0;
}

static int
give_names(struct restore *run, struct work *w, struct err *e)
{
	const struct putback_driver *drv = w->pl->driver;
	const struct putback_part *p;
	struct sys_dir *d;
	size_t i, k;
	int rc;

	for (i = 0; i < w->b.norder; i++) {
		k = w->b.order[i];
		p = &w->b.part[k];
		d = restore_place_dir(w->pl, &w->b, p->dir, e);
		rc = d == NULL ? -1 : sys_inherit(w->file[k], d);
		if (rc == 0)
			rc = drv->lock != NULL ? drv->lock(&w->b, p, w->file[k]) : 0;
		if (rc == 0)
			rc = move(run, w->pl->private, restore_private(&run->batch, w->slot, k), d, p->name);
		if (rc == EEXIST) {
			w->state = putback_fail(&w->b, &run->batch, "%s%s%s is there already", p->dir, *p->dir != '\0' ? "/" : "", p->name);
			return unput(run, w, i, e);
		}
		if (rc != 0) {
			struct err later;

			if (rc > 0)
				err_set(e, rc, "rename into %s/%s%s", p->dir, p->name,
				    rc == EXDEV ? " (the spool lies on several file systems)" : "");
			(void)unput(run, w, i, &later);
			return -1;
		}
		restore_place_touch(w->pl, p->dir);
	}
	return 0;
}

static int
sync_places(struct restore *run, struct err *e)
{
	size_t i;

	for (i = 0; i < run->nplace; i++)
		if (restore_place_sync(run->place[i], e) < 0)
			return -1;
	return 0;
}

/* The names that a message is going to get, and what its files will be known by. */
static int
choose_names(struct restore *run, struct work *w, struct err *e)
{
	struct sys_stat st;
	size_t i, k;
	int rc;

	for (i = 0; i < w->b.norder; i++) {	/* the visible part comes last */
		k = w->b.order[i];
		rc = sys_fstat(&st, w->file[k]);
		if (rc != 0)
			return err_set(e, rc, "stat %s/%zu", w->pl->path, k);
		w->ino[k] = st.ino;
	}
	w->state = w->pl->driver->name(&w->b, &w->pl->ps, &st, &run->batch, e);
	return w->state < 0 ? -1 : 0;
}

static void
add_intents(struct restore_intent *v, size_t *n, struct restore *run, const struct work *w)
{
	size_t i, k;

	for (i = 0; i < w->b.norder; i++) {
		k = w->b.order[i];
		v[*n].slot = w->slot;
		v[*n].private = restore_private(&run->batch, w->slot, k);
		v[*n].dir = w->b.part[k].dir;
		v[*n].name = w->b.part[k].name;
		v[(*n)++].ino = w->ino[k];
	}
}

/* The intents of the batch's messages that go into one spool; a message of one file needs none. */
static int
write_intents(struct restore *run, struct restore_place *p, struct err *e)
{
	struct restore_intent *v = arena_zero(&run->batch, (run->nfiles + 1) * sizeof *v);
	size_t i, n = 0;

	for (i = 0; i < run->nwork; i++)
		if (run->work[i].pl == p && run->work[i].state == PUTBACK_GO && run->work[i].b.norder > 1)
			add_intents(v, &n, run, &run->work[i]);
	return n != 0 ? restore_place_write_intents(p, v, n, e) : 0;
}

static int
drop_intents(struct restore *run, struct err *e)
{
	struct restore_place *p;
	size_t i;
	int rc;

	for (i = 0; i < run->nplace; i++) {
		p = run->place[i];
		rc = p->has_intents ? drop(p, RESTORE_INTENT) : 0;
		if (rc != 0)
			return err_set(e, rc, "remove %s/" RESTORE_INTENT, p->path);
		p->has_intents = 0;
	}
	return 0;
}

/* Closes the files, which ends their locks, and removes those that got no name: the visible part first, for as long as it is there a later run takes
 * the message for one that is to be taken back. */
static int
clean(struct restore *run, struct work *w, struct err *e)
{
	size_t k, first = w->b.norder != 0 ? (size_t)visible_part(w) : 0;
	int rc, sys = 0;

	if (w->state != PUTBACK_GO && !w->pl->is_stuck && w->file[first].h >= 0)
		sys = drop(w->pl, restore_private(&run->batch, w->slot, first));
	for (k = 0; k < w->m.nparts; k++) {
		if (w->file[k].h < 0)
			continue;
		sys_close(&w->file[k]);
		rc = w->state != PUTBACK_GO && !w->pl->is_stuck && sys == 0 ? drop(w->pl, restore_private(&run->batch, w->slot, k)) : 0;
		sys = rc != 0 ? rc : sys;
	}
	return sys != 0 ? err_set(e, sys, "empty %s", w->pl->path) : 0;
}

/* ---- the run ---- */

static void
tell(struct restore *run, const struct work *w)
{
	struct restore_item it;

	memset(&it, 0, sizeof it);
	it.state = w->state == PUTBACK_EXISTS ? RESTORE_EXISTS : w->state != PUTBACK_GO ? RESTORE_FAILED :
	    run->opt->execute ? RESTORE_RESTORED : RESTORE_PLANNED;
	it.id = w->m.id;
	it.new_id = it.state == RESTORE_RESTORED || it.state == RESTORE_EXISTS ? w->b.new_id : NULL;
	it.spool = w->pl->ps.sp->root;
	it.old_spool = w->m.spool;
	it.arrived = w->m.arrived;
	it.why = it.state == RESTORE_EXISTS || it.state == RESTORE_FAILED ? w->b.why : NULL;
	it.is_old = it.why == NULL && w->b.is_old;
	run->out->count[it.state]++;
	if (it.state == RESTORE_RESTORED)
		run->last = sys_clock_us();
	run->out->old += (uint64_t)it.is_old;
	if (run->opt->item != NULL)
		run->opt->item(run->opt->arg, &it);
}

static int
is_stopped(struct restore *run)
{
	if (!run->out->is_stopped && run->opt->stop != NULL && run->opt->stop(run->opt->arg))
		run->out->is_stopped = 1;
	return run->out->is_stopped;
}

/* --rate: from one message to the next, so that a slow disk or a long way to the first one is never made up for by a burst. */
static void
wait_turn(struct restore *run)
{
	int64_t now;

	if (run->opt->gap <= 0 || run->out->count[RESTORE_RESTORED] == 0)
		return;
	while ((now = sys_clock_us()) < run->last + run->opt->gap && !is_stopped(run))
		sys_sleep(run->last + run->opt->gap - now);
}

/* Every file of the batch is waited for before any gets its name. */
static int
sync_files(struct restore *run, struct err *e)
{
	struct work *w;
	size_t i, k;
	int rc = 0;

	for (i = 0; i < run->nwork; i++) {
		w = &run->work[i];
		for (k = 0; k < w->b.norder && w->state == PUTBACK_GO && rc == 0; k++)
			rc = sys_sync(w->file[w->b.order[k]]);
		if (rc != 0)
			return err_set(e, rc, "write %s", w->pl->path);
	}
	return 0;
}

/* Everything that must be on the disk before the first message of the batch gets a name. */
static int
prepare_batch(struct restore *run, struct err *e)
{
	size_t i;

	if (sync_files(run, e) < 0 || (run->opt->guard != NULL && run->nwork != 0 && run->opt->guard(run->opt->arg, e) < 0))
		return -1;
	for (i = 0; i < run->nwork; i++)
		if (run->work[i].state == PUTBACK_GO && choose_names(run, &run->work[i], e) < 0)
			return -1;
	for (i = 0; i < run->nplace; i++)
		if (write_intents(run, run->place[i], e) < 0)
			return -1;
	return 0;
}

/* Gives the messages of the batch their names and tells what became of each. */
static int
end_batch(struct restore *run, int failed, struct err *e)
{
	struct work *w;
	size_t i;
	int rc = failed || (run->opt->execute && prepare_batch(run, e) < 0) ? -1 : 0;

	for (i = 0; i < run->nwork; i++) {
		w = &run->work[i];
		if (rc == 0 && w->state == PUTBACK_GO && run->opt->execute)
			rc = give_names(run, w, e);
		if (rc < 0)
			w->state = PUTBACK_FAILED;
		if (clean(run, w, rc < 0 ? NULL : e) < 0)
			rc = -1;
		if (rc == 0)
			tell(run, w);
	}
	if (rc == 0)
		rc = sync_places(run, e);
	if (rc == 0)	/* only now: until the names are on the disk a power cut may part them */
		rc = drop_intents(run, e);
	run->nwork = run->nfiles = 0;
	run->bytes = 0;
	arena_reset(&run->batch);
	return rc;
}

static int
is_batch_full(const struct restore *run)
{
	return run->nwork == BATCH || run->nfiles + PART_MAX > BATCH_FILES || run->bytes > BATCH_BYTES || run->batch.total > BATCH_BYTES ||
	    run->opt->gap > 0;
}

/* Writes the files of a message into the private folder; a dry run only looks at it. */
static int
selected_message(struct restore *run, struct work *w, struct err *e)
{
	size_t k;
	int rc = 0;

	w->pl = place_of(run, w->m.spool_name);
	putback_init(&w->b, w->pl->driver, &w->m);
	for (k = 0; k < PART_MAX; k++)
		w->file[k].h = -1;
	w->slot = run->nwork++;
	w->state = w->pl->driver->plan(&w->b, &w->pl->ps, &run->batch, e);
	if (w->state < 0)
		return -1;
	for (k = 0; k < w->m.nparts && rc == 0; k++)
		rc = next_part(run, w, k, e);
	for (k = 0; k < w->b.norder && rc == 0 && w->state == PUTBACK_GO && run->opt->execute; k++)
		rc = finish_file(w, w->b.order[k], e);
	return rc;
}

static int
skip_message(struct restore *run, const struct arc_message *m, struct err *e)
{
	struct arc_entry ent;
	size_t k;

	for (k = 0; k < m->nparts; k++)
		if (arc_next(&ent, run->reader, e) != 1 || ent.spool == NULL)
			return err_set(e, 0, "message %s: the archive changed while it was read", m->id);
	return 0;
}

static int
next_message(struct restore *run, uint64_t n, struct err *e)
{
	struct work *w = &run->work[run->nwork];
	int is_selected;

	memset(w, 0, sizeof *w);
	if (restore_list_get(&w->m, &is_selected, run->list, n, &run->batch, e) < 0)
		return -1;
	if (!is_selected)
		return skip_message(run, &w->m, e);
	wait_turn(run);
	if (is_stopped(run))
		return 0;
	if (selected_message(run, w, e) < 0)
		return -1;
	if (run->opt->progress != NULL)
		run->opt->progress(run->opt->arg, run->opt->execute ? "restore" : "look", ++run->done, run->all);
	return 0;
}

static int
all_messages(struct restore *run, struct err *e)
{
	uint64_t n, all = restore_list_count(run->list);
	struct arc_entry ent;
	int rc = arc_next(&ent, run->reader, e) == 1 ? 0 : -1;	/* bagit.txt */

	for (n = 0; n < all && rc == 0 && !is_stopped(run); n++) {
		rc = next_message(run, n, e);
		if (rc == 0 && is_batch_full(run))
			rc = end_batch(run, 0, e);
	}
	return end_batch(run, rc < 0, e) < 0 ? -1 : 0;
}

/* Proves the archive, whose name is the user's path. */
static int
prove(struct restore *run, const char *archive, struct err *e)
{
	const struct restore_options *opt = run->opt;
	struct arc_report *rep = &run->out->report;
	struct sys_dir *folder = NULL;
	char *real = sys_realpath(archive, e), *dir;
	const char *name;
	int rc;

	if (real == NULL)
		return -1;
	dir = sys_parent(real, &name);
	if (opt->progress != NULL)
		opt->progress(opt->arg, "verify", 0, 0);
	rc = sys_dir_open(&folder, dir, e);
	if (rc == 0)
		rc = arc_verify(rep, folder, name, opt->problem, opt->arg, e);
	if (rc == 0 && rep->problems != 0)
		rc = err_set(e, 0, "%s is not whole (%llu findings): nothing was restored", archive, (unsigned long long)rep->problems);
	sys_dir_close(folder);
	free(dir);
	free(real);
	return rc;
}

static size_t
head_max(void)
{
	return putback_exim.head;	/* the largest; a buffer grows only with what is there */
}

static int
run_all(struct restore *run, const char *archive, struct selection *s, struct err *e)
{
	uint64_t bytes;
	int rc;

	if (prove(run, archive, e) < 0 || restore_list_new(&run->list, archive, e) < 0 ||
	    restore_list_select(run->list, archive, s, e) < 0)
		return -1;
	run->out->messages = restore_list_count(run->list);
	if (run->opt->as != RESTORE_AS_MESSAGES)
		return restore_export(run->out, archive, run->list, run->opt, e);
	rc = open_places(run, &bytes, e);
	if (rc == 0 && run->opt->execute)
		rc = check_space(run, bytes, e);
	if (rc == 0)
		rc = arc_open(&run->reader, archive, e);
	return rc == 0 ? all_messages(run, e) : rc;
}

int
restore_run(struct restore_result *out, const char *archive, struct selection *s, const struct restore_options *opt, struct err *e)
{
	struct restore run;
	size_t i;
	int rc;

	memset(&run, 0, sizeof run);
	memset(out, 0, sizeof *out);
	run.opt = opt;
	run.out = out;
	run.sha = sys_sha256_new();
	run.piece = mem_new(PIECE);
	run.work = mem_new((BATCH + 1) * sizeof *run.work);
	buf_init(&run.head, head_max());
	rc = run_all(&run, archive, s, e);
	for (i = 0; i < run.nplace; i++) {
		if (rc == 0 || restore_place_sync(run.place[i], NULL) == 0)
			leave_place(&run, run.place[i]);
		restore_place_close(run.place[i]);
	}
	free(run.place);
	free(run.place_name);
	arc_reader_close(run.reader);
	restore_list_free(run.list);
	sys_sha256_free(run.sha);
	free(run.piece);
	free(run.work);
	buf_free(&run.head);
	arena_free(&run.arena);
	arena_free(&run.batch);
	return rc;
}
