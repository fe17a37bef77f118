/*
 * Taking, deleting, putting back. The only caller of sys_rename and sys_unlink
 * on a spool beside restore.c.
 *
 * A message is taken part by part in its MTA's removal order: from the moment the first part has been renamed, the MTA no
 * longer sees the message, and the journal's intent (written before) says where each part came from. So at any point a kill
 * leaves each part either under its queue name or under its private name.
 */
#include "index/plan_copy.h"
#include "index/purge_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 3			/* an MTA may move a message while we reach for it */

#define STRAY "stray-"		/* in the private folder: a late log, see drop_strays */

#define BIT(state) (1u << (state))

/* ---- the two calls ---- */

static int
move(struct run *run, struct sys_dir *from, const char *name, struct sys_dir *to, const char *new_name)
{
	int rc = sys_rename(from, name, to, new_name);

	if (rc == 0)
		run->out->spool_changed = 1;
	return rc;
}

int
run_unlink(struct run *run, struct sys_dir *d, const char *name)
{
	int rc = sys_unlink(d, name);

	if (rc == 0)
		run->out->spool_changed = 1;
	return rc;
}

void
run_progress(struct run *run, const char *phase, uint64_t done, uint64_t all)
{
	struct purge_progress p = { phase, done, all };

	if (run->opt->progress != NULL)
		run->opt->progress(run->opt->progress_arg, &p);
}

int
run_should_stop(struct run *run)
{
	if (!run->stopped && run->opt->stop != NULL)
		run->stopped = run->opt->stop(run->opt->stop_arg);
	return run->stopped;
}

/* A mail server that was stopped for this, or was found stopped, must be so still. */
static int
may_go_on(struct run *run, struct err *e)
{
	return run->opt->guard != NULL ? run->opt->guard(run->opt->guard_arg, e) : 0;
}

static void
settle(struct work *w, enum item_state s, const char *why)
{
	w->state = s;
	w->why = why;
}

/* ---- where a message is now ---- */

static void
intend(struct work *w, const struct part_list *l, struct arena *a)
{
	size_t i;

	w->n = 0;
	w->is_noted = 0;
	for (i = 0; i < l->n; i++) {
		if (l->v[i].absent)
			continue;
		w->part[w->n].role = l->v[i].role;
		w->part[w->n].dir = arena_str(a, l->v[i].dir);
		w->part[w->n].name = arena_str(a, l->v[i].name);
		w->part[w->n].st = l->v[i].st;
		w->part[w->n].private = run_private(a, w->it.n, w->n);
		w->part[w->n].has_sha = 0;
		w->n++;
	}
}

static int
find(struct run *run, struct work *w, struct err *e)
{
	int rc = w->pl->sp->driver->find(&w->si, w->pl->sp, w->pl->r, &run->batch, w->it.queue, w->it.id, w->it.path, e);

	if (rc < 0) {
		settle(w, ITEM_FAILED, arena_str(&run->batch, e->text));
		return 0;
	}
	if (rc == 0) {
		settle(w, ITEM_GONE, NULL);
		return 0;
	}
	intend(w, &w->si.parts, &run->batch);
	return 1;
}

/* Renames between a queue folder and the private one. A folder that cannot be opened is an error of its own, not a part that has gone. */
static int
take_part(struct run *run, struct work *w, size_t k)
{
	struct err e;
	struct sys_dir *d;

	err_clear(&e);
	d = spool_reader_dir(w->pl->r, w->part[k].dir, &e);
	return d != NULL ? move(run, d, w->part[k].name, w->pl->private, w->part[k].private) : e.sys != 0 ? e.sys : EIO;
}

static int
return_part(struct run *run, struct work *w, size_t k)
{
	struct err e;
	struct sys_dir *d;

	err_clear(&e);
	d = spool_reader_dir(w->pl->r, w->part[k].dir, &e);
	return d != NULL ? move(run, w->pl->private, w->part[k].private, d, w->part[k].name) : e.sys != 0 ? e.sys : EIO;
}

/* Is name below rel the file `st`? Then its folder, else NULL. */
static struct sys_dir *
has_file(struct run_place *pl, const char *rel, const char *name, const struct sys_stat *st)
{
	struct sys_dir *d = spool_reader_dir(pl->r, rel, NULL);
	struct sys_stat there;

	return d != NULL && sys_stat_at(&there, d, name) == 0 && there.ino == st->ino && there.dev == st->dev ? d : NULL;
}

/* On a file system that cannot rename without replacing, a rename is a link and an unlink (sys.h), and a run may have died between them. The
 * folder and name that the spool has beside the private one for this very file: `rel`, or where its MTA has moved it since. NULL: none. */
static struct sys_dir *
second_name(const char **name, struct run *run, const struct work *w, size_t k, const char *rel, const struct sys_stat *st)
{
	const struct item_part *p = &w->part[k];
	struct spool_item si;
	struct sys_dir *d;
	struct err e;
	size_t i;

	if (st->nlink < 2)
		return NULL;
	*name = p->name;
	d = has_file(w->pl, rel, p->name, st);
	if (d != NULL || w->pl->sp->driver->find(&si, w->pl->sp, w->pl->r, &run->batch, w->it.queue, w->it.id, w->it.path, &e) != 1)
		return d;
	for (i = 0; i < si.parts.n && d == NULL; i++) {
		if (si.parts.v[i].role != p->role || si.parts.v[i].absent)
			continue;
		*name = si.parts.v[i].name;
		d = has_file(w->pl, si.parts.v[i].dir, *name, st);
	}
	return d;
}

/* Puts back what was taken of one message, last part first, so that the MTA sees it again only when it is whole. */
static int
put_back(struct run *run, struct work *w, size_t taken)
{
	size_t i;
	int rc = 0;

	for (i = taken; i > 0 && rc == 0; i--)
		rc = return_part(run, w, i - 1);
	return rc;
}

static void
undo_take(struct run *run, struct work *w, size_t taken, enum item_state s, const char *why)
{
	int rc = put_back(run, w, taken);

	if (rc == 0)
		settle(w, s, why);
	else	/* kept in the private folder: nothing is lost, --undo tries again */
		settle(w, ITEM_FAILED, arena_fmt(&run->batch, "%s, and it could not be put back: %s", why, sys_error(rc)));
}

/* Parts without which a message is still that message: its MTA makes and removes them as it likes. */
static int
is_log(enum part_role role)
{
	return role == PART_LOG || role == PART_BOUNCE_LOG || role == PART_TRACE_LOG || role == PART_LEFTOVER || role == PART_JOURNAL;
}

/* A file that somebody holds open without sharing it (sys.h) may be free at the next try. */
static enum item_state
failed_as(int rc)
{
	return rc == EBUSY ? ITEM_BUSY : ITEM_FAILED;
}

static const char *
rename_failed(struct run *run, const struct work *w, size_t k, int rc)
{
	const char *path = spool_path(&run->batch, w->part[k].dir, w->part[k].name);

	if (rc == EBUSY)
		return arena_fmt(&run->batch, "another program holds %s open", path);
	return arena_fmt(&run->batch, "rename %s: %s%s", path, sys_error(rc),
	    rc == EXDEV ? " (the spool lies on several file systems)" : "");
}

/* A run before this one was cut off: is the message already ours (its first part has its private name)? Then the rest follows it. 1 settled, 0 it
 * is not ours, -1 that cannot be told. */
static int
continue_taking(struct run *run, struct work *w, struct err *e)
{
	struct sys_stat st;
	struct sys_dir *d;
	const char *name;
	size_t i, kept = 0;
	int rc = w->n != 0 ? sys_stat_at(&st, w->pl->private, w->part[0].private) : ENOENT;

	for (i = 0; i < w->n && rc == 0; i++) {
		rc = sys_stat_at(&st, w->pl->private, w->part[i].private);
		if (rc == ENOENT) {
			rc = take_part(run, w, i);
			if (rc == ENOENT && is_log(w->part[i].role)) {
				rc = 0;
				continue;
			}
			if (rc != 0) {
				undo_take(run, w, kept, failed_as(rc), rename_failed(run, w, i, rc));
				return 1;
			}
			rc = sys_stat_at(&st, w->pl->private, w->part[i].private);
		} else if (rc == 0 && (d = second_name(&name, run, w, i, w->part[i].dir, &st)) != NULL) {
			rc = sys_sync_dir(w->pl->private);
			if (rc == 0)
				rc = run_unlink(run, d, name);
			if (rc == 0)
				rc = sys_stat_at(&st, w->pl->private, w->part[i].private);
		}
		w->part[kept] = w->part[i];
		w->part[kept++].st = st;
	}
	if (rc == ENOENT && kept == 0)
		return 0;
	if (rc != 0)
		return err_set(e, rc, "look at %s of message %s", w->pl->path, w->it.id);
	w->n = kept;
	settle(w, ITEM_TAKEN, NULL);
	return 1;
}

/* ---- identity ---- */

static int
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* NULL: it is the message of the plan. What a retry changes does not count; what makes it the same message to its MTA and to the
 * selection does. A local time is no identity: which zone it was read in is the scan's affair. */
static const char *
difference(const struct item *it, const struct msg *m, const struct spool_driver *driver)
{
	if (it->inode != 0 && part_main_inode(&m->parts) != it->inode)
		return "another file has this id now";
	if (m->arrived != it->arrived && !driver->has_local_times)
		return "another time of arrival";
	if (!same_text(m->sender, it->sender))
		return "another envelope sender";
	if (!same_text(account_kind_name(m->account_kind), it->account_kind != NULL ? it->account_kind : "") ||
	    !same_text(m->account_key, it->account_key))
		return "another account";
	if (m->damage.n != 0 && strstr(it->json, "\"damage\":[]") != NULL)
		return "it is damaged since";
	return NULL;
}

/* ---- taking ---- */

/* The rename itself changes the ctime: it is that of the taking when the message is archived. */
int
run_is_same_file(const struct sys_stat *a, const struct sys_stat *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime == b->mtime && a->mode == b->mode &&
	    a->uid == b->uid && a->gid == b->gid && a->nlink == b->nlink;
}

/* Renames the parts. 1 taken (or settled otherwise), 0 it moved away under our hands: look again. */
static int
take_parts(struct run *run, struct work *w)
{
	struct sys_stat st;
	size_t i, kept = 0;
	int rc;

	for (i = 0; i < w->n; i++) {
		rc = take_part(run, w, i);
		if (rc == ENOENT && kept == 0)
			return 0;
		if (rc == ENOENT && is_log(w->part[i].role))
			continue;	/* the MTA has removed it meanwhile */
		if (rc != 0) {
			undo_take(run, w, kept, failed_as(rc), rename_failed(run, w, i, rc));
			return 1;
		}
		w->part[kept++] = w->part[i];
		/* Between reading and renaming another file may have got the name: the inode tells. Logs are replaced at every try. */
		rc = sys_stat_at(&st, w->pl->private, w->part[kept - 1].private);
		if (rc != 0 || (!is_log(w->part[kept - 1].role) && st.ino != w->part[kept - 1].st.ino)) {
			undo_take(run, w, kept, rc != 0 ? ITEM_FAILED : ITEM_CHANGED, rc != 0 ? rename_failed(run, w, i, rc) :
			    "another file has this id now");
			return 1;
		}
		w->is_noted = w->is_noted && run_is_same_file(&st, &w->part[kept - 1].st);
		w->part[kept - 1].st = st;
	}
	w->is_noted = w->is_noted && kept == w->n;
	w->n = kept;
	settle(w, ITEM_TAKEN, NULL);
	return 1;
}

/* Do these parts stand in the journal? Another file under a noted name (*differs) is no reason to note it before it is taken. */
static int
is_intended(int *differs, const struct work *w, const struct part_list *l)
{
	size_t i, k = 0;

	*differs = 0;
	if (!w->is_noted)
		return 0;
	for (i = 0; i < l->n; i++) {
		if (l->v[i].absent)
			continue;
		if (k == w->n || strcmp(l->v[i].dir, w->part[k].dir) != 0 || strcmp(l->v[i].name, w->part[k].name) != 0)
			return 0;
		*differs |= !run_is_same_file(&l->v[i].st, &w->part[k].st);
		k++;
	}
	return k == w->n;
}

/* Was it found elsewhere than it was read? Its logs are then those of the other place: qmgr moves active/ID to deferred/ID after the first
 * defer/ID was written (qmgr_active.c), so who looked before saw no log. */
static int
has_moved(const struct work *w, struct msg *m)
{
	struct part_list found = w->si.parts;
	const struct part *a = part_find(&found, PART_MESSAGE), *b = part_find(&m->parts, PART_MESSAGE);

	return a != NULL && b != NULL && strcmp(a->dir, b->dir) != 0;
}

static int note_intent(struct run *run, struct work *w, size_t n, struct err *e);

/* Reads it under its MTA's lock, compares, takes. 1 settled, 0 look again, -1 the journal or the private folder failed. */
static int
take_locked(struct run *run, struct work *w, struct err *e)
{
	const char *why;
	struct err why_not;
	struct msg m;
	int rc, differs;

	err_clear(&why_not);
	arena_reset(&run->message);
	if (spool_read(&m, w->pl->r, &w->si, &run->message, &why_not) < 0) {
		settle(w, failed_as(why_not.sys), arena_str(&run->batch, why_not.text));
		return 1;
	}
	if (m.is_taken_mid_way || has_moved(w, &m))
		return 0;
	why = difference(&w->it, &m, w->pl->sp->driver);
	if (why != NULL) {
		settle(w, ITEM_CHANGED, why);
		return 1;
	}
	rc = is_intended(&differs, w, &m.parts);
	if (!rc && run->in_crew) {
		w->is_late = 1;
		return 1;
	}
	intend(w, &m.parts, &run->batch);
	w->is_noted = rc && !differs;
	if (!rc) {	/* it is elsewhere than the journal says: say so before it is touched */
		if (journal_begin(run->j, e) < 0 || note_intent(run, w, 1, e) < 0 || journal_commit(run->j, e) < 0)
			return -1;
	}
	return take_parts(run, w);
}

static int
take_one(struct run *run, struct work *w, struct err *e)
{
	const struct spool_driver *d = w->pl->sp->driver;
	struct sys_file lock = SYS_FILE_CLOSED;
	int try, rc = 0, got;

	for (try = 0; try < TRIES && rc == 0; try++) {
		if (try > 0 && !find(run, w, e))
			return 0;
		got = d->lock != NULL ? d->lock(&lock, w->pl->sp, w->pl->r, &w->si) : 0;
		if (got == EAGAIN) {
			settle(w, ITEM_BUSY, "its MTA holds the lock");
			return 0;
		}
		if (got != 0 && got != ENOENT) {
			settle(w, ITEM_FAILED, arena_fmt(&run->batch, "lock: %s", sys_error(got)));
			return 0;
		}
		if (got == 0)
			rc = take_locked(run, w, e);
		sys_close(&lock);
	}
	if (rc == 0 && find(run, w, e))	/* settles it as gone when it is */
		settle(w, ITEM_BUSY, "its MTA moves it from queue to queue");
	return rc < 0 ? -1 : 0;
}

/* ---- a batch: intents, then renames, then states ---- */

/* The plan's copy in the private folder. */
static int
copy_lines(struct run *run, struct run_place *pl, const struct buf *b, struct err *e)
{
	struct buf head;
	int rc;

	buf_init(&head, 4 * PLAN_COPY_LINE);
	plan_copy_head(&head, &run->plan, &pl->pl);
	rc = run_note_plan(pl, &head, b, e);
	buf_free(&head);
	if (rc > 0 && run->out->note[0] == '\0')
		snprintf(run->out->note, sizeof run->out->note, "%s is full: no whole copy of the plan is there, only the journal has it", pl->path);
	return rc < 0 ? -1 : 0;
}

static int
note_intent(struct run *run, struct work *w, size_t n, struct err *e)
{
	struct buf b;
	size_t i, k;
	int rc = 0;

	buf_init(&b, (size_t)64 << 20);
	for (i = 0; rc == 0 && i < n; i++) {
		if (w[i].state != ITEM_PLANNED)
			continue;
		if (w[i].has_parts)
			rc = journal_parts_drop(run->j, run->plan.id, w[i].it.n, e);
		w[i].has_parts = w[i].is_noted = 1;
		for (k = 0; rc == 0 && k < w[i].n; k++) {
			rc = journal_part_put(run->j, run->plan.id, w[i].it.n, k, &w[i].part[k], e);
			plan_copy_line(&b, &w[i].it, k, &w[i].part[k]);
		}
		if (rc == 0 && b.n != 0 && (i + 1 == n || w[i + 1].pl != w[i].pl)) {
			rc = copy_lines(run, w[i].pl, &b, e);
			buf_clear(&b);
		}
	}
	if (rc == 0 && b.n != 0)
		rc = copy_lines(run, w[n - 1].pl, &b, e);
	buf_free(&b);
	return rc;
}

struct loading {
	struct work *w;
	size_t n, at;
};

/* What an earlier run meant to do with an item of the batch. */
static int
load_part(void *arg, int64_t item, const struct item_part *p)
{
	struct loading *l = arg;
	struct work *w;

	while (l->at < l->n && l->w[l->at].it.n < item)
		l->at++;
	w = l->at < l->n && l->w[l->at].it.n == item ? &l->w[l->at] : NULL;
	if (w != NULL && w->n < PART_MAX) {
		w->part[w->n++] = *p;
		w->has_parts = 1;
	}
	return 0;
}

static int
load_items(struct run *run, struct work *w, size_t *n, int64_t *last, unsigned mask, struct err *e)
{
	struct item *it = arena_get(&run->batch, RUN_BATCH * sizeof *it);
	struct loading l = { w, 0, 0 };
	size_t i;

	if (journal_items(it, n, RUN_BATCH, run->j, run->plan.id, *last, mask, &run->batch, e) < 0)
		return -1;
	for (i = 0; i < *n; i++) {
		memset(&w[i], 0, sizeof w[i]);
		w[i].it = it[i];
		if (it[i].place < 0 || (size_t)it[i].place >= run->nplace)
			return err_set(e, 0, "the journal is damaged: plan %lld has no place %lld", (long long)run->plan.id,
			    (long long)it[i].place);
		w[i].pl = &run->place[it[i].place];
		w[i].state = it[i].state;
		w[i].why = it[i].why;
	}
	l.n = *n;
	if (*n == 0)
		return 0;
	*last = it[*n - 1].n;
	return journal_parts_of(run->j, run->plan.id, it[0].n, *last, load_part, &l, &run->batch, e);
}

int
run_load(struct run *run, struct work *w, size_t *n, int64_t *last, unsigned mask, struct err *e)
{
	int rc;

	arena_reset(&run->batch);
	run_crew_reset(run->crew);
	if (journal_begin_read(run->j, e) < 0)
		return -1;
	rc = load_items(run, w, n, last, mask, e);
	journal_end_read(run->j);
	return rc;
}

static int
save_parts(struct run *run, struct work *w, struct err *e)
{
	size_t k;
	int rc = 0;

	if (w->state != ITEM_TAKEN || w->is_noted)
		return 0;
	rc = journal_parts_drop(run->j, run->plan.id, w->it.n, e);
	for (k = 0; rc == 0 && k < w->n; k++)
		rc = journal_part_put(run->j, run->plan.id, w->it.n, k, &w->part[k], e);
	return rc;
}

/* The end of the items from `at` on that went from one state to one other, with no word about it. */
static size_t
same_fate(const struct work *w, size_t at, size_t n)
{
	size_t i;

	for (i = at; i < n && w[i].why == NULL && w[i].it.state == w[at].it.state && w[i].state == w[at].state; i++)
		continue;
	return i;
}

int
run_save_states(struct run *run, const struct work *w, size_t n, struct err *e)
{
	size_t i, end;
	int rc = 0;

	for (i = 0; rc == 0 && i < n; i = end) {
		end = same_fate(w, i, n);
		if (end - i > 1)
			rc = journal_items_state(run->j, run->plan.id, w[i].it.n, w[end - 1].it.n, w[i].it.state, w[i].state, e);
		else {
			end = i + 1;
			rc = journal_item_state(run->j, run->plan.id, w[i].it.n, w[i].state, w[i].why, e);
		}
	}
	return rc;
}

/* is_whole: a batch as run_load gave it, nothing left out; with_parts: also where they were taken from. */
static int
save_states(struct run *run, struct work *w, size_t n, int is_whole, int with_parts, struct err *e)
{
	size_t i;
	int rc = journal_begin(run->j, e);

	if (rc == 0 && is_whole)
		rc = run_save_states(run, w, n, e);
	for (i = 0; rc == 0 && i < n && !is_whole; i++)
		rc = journal_item_state(run->j, run->plan.id, w[i].it.n, w[i].state, w[i].why, e);
	for (i = 0; rc == 0 && i < n && with_parts; i++)
		rc = save_parts(run, &w[i], e);
	if (rc == 0)
		return journal_commit(run->j, e);
	journal_rollback(run->j);
	return -1;
}

static int
sync_private(struct run *run, struct err *e)
{
	size_t i;
	int rc;

	for (i = 0; i < run->nplace; i++) {
		rc = run->place[i].private != NULL ? sys_sync_dir(run->place[i].private) : 0;
		if (rc != 0)
			return err_set(e, rc, "write the private folder %s", run->place[i].path);
	}
	return 0;
}

static int
look_for(struct run *run, struct work *w, struct err *e)
{
	struct err why;
	int rc = continue_taking(run, w, e);

	if (rc != 0 || w->it.state == ITEM_FAILED)
		return rc < 0 ? -1 : 0;	/* what failed is ours only when the private folder has it */
	settle(w, ITEM_PLANNED, NULL);
	find(run, w, &why);
	return 0;
}

static int
take_planned(struct run *run, struct work *w, struct err *e)
{
	return w->state == ITEM_PLANNED ? take_one(run, w, e) : 0;
}

/* Can messages of all these places be taken by several threads? */
static int
is_threaded(const struct work *w, size_t n)
{
	size_t i;

	for (i = 0; i < n && w[i].pl->sp->driver->is_threaded; i++)
		continue;
	return i == n;
}

static int
take_batch(struct run *run, struct work *w, size_t n, struct err *e)
{
	const int is_shared = is_threaded(w, n);
	size_t i;
	int rc;

	if (run_each(run, w, n, is_shared, look_for, e) < 0)
		return -1;
	for (i = 0; i < n && run->opt->found != NULL; i++)
		if (w[i].state == ITEM_TAKEN)
			run->opt->found(run->opt->found_arg, w[i].pl->pl.root, &w[i].it);
	if (journal_begin(run->j, e) < 0)
		return -1;
	rc = note_intent(run, w, n, e);
	if (rc < 0 || journal_commit(run->j, e) < 0) {
		journal_rollback(run->j);
		return -1;
	}
	rc = run_each(run, w, n, is_shared, take_planned, e);
	for (i = 0; rc == 0 && i < n && !run_should_stop(run); i++)
		if (w[i].is_late)
			rc = take_planned(run, &w[i], e);
	if (rc < 0)
		return -1;
	return sync_private(run, e) < 0 ? -1 : save_states(run, w, n, 1, 1, e);
}

static int
take_pass(struct run *run, struct work *w, unsigned mask, struct err *e)
{
	uint64_t done = 0, all = (uint64_t)(run->plan.count[ITEM_PLANNED] + run->plan.count[ITEM_BUSY]);
	int64_t last = -1;
	size_t n = RUN_BATCH;

	while (n == RUN_BATCH && !run_should_stop(run)) {
		if (run_load(run, w, &n, &last, mask, e) < 0 || (n != 0 && (may_go_on(run, e) < 0 || take_batch(run, w, n, e) < 0)))
			return -1;
		done += n;
		run_progress(run, "take", done, all);
	}
	return 0;
}

static int64_t
count(struct run *run, enum item_state s, struct err *e)
{
	struct plan p;

	return journal_plan(&p, run->j, run->plan.id, &run->batch, e) == 1 ? p.count[s] : -1;
}

static int
take(struct run *run, struct err *e)
{
	struct work *w = mem_new(RUN_BATCH * sizeof *w);
	int64_t end = sys_clock_us() + run->opt->retry_busy_s * 1000000;
	int rc = take_pass(run, w, BIT(ITEM_PLANNED) | BIT(ITEM_BUSY) | BIT(ITEM_FAILED), e);

	while (rc == 0 && !run_should_stop(run) && sys_clock_us() < end && count(run, ITEM_BUSY, e) > 0) {
		sys_sleep_ms(500);
		rc = take_pass(run, w, BIT(ITEM_BUSY), e);
	}
	free(w);
	return rc;
}

/* ---- deleting ---- */

static int
delete_one(struct run *run, struct work *w)
{
	struct sys_stat st;
	size_t i;
	int rc;

	for (i = 0; i < w->n; i++) {	/* all of it must be what was archived, before any of it goes */
		rc = sys_stat_at(&st, w->pl->private, w->part[i].private);
		if (rc == ENOENT)
			continue;	/* an earlier run was here */
		if (rc != 0)
			return rc;
		if (!w->part[i].has_sha || st.ino != w->part[i].st.ino || st.size != w->part[i].st.size ||
		    st.mtime != w->part[i].st.mtime) {
			settle(w, ITEM_FAILED, "it changed after it was archived: kept in the private folder");
			return 0;
		}
	}
	for (i = w->n; i > 0; i--) {
		rc = run_unlink(run, w->pl->private, w->part[i - 1].private);
		if (rc != 0 && rc != ENOENT)
			return rc;
	}
	settle(w, ITEM_DELETED, NULL);
	return 0;
}

static void
log_removed(struct run *run, const struct work *w)
{
	char now[32];

	if (run->plan.mainlog == NULL || strcmp(w->pl->pl.kind, "exim") != 0)
		return;
	sys_local_time(now, sizeof now);
	/* A log line that cannot be written is no reason to stop: what was done stands in the journal. */
	if (sys_append_line(run->plan.mainlog, arena_fmt(&run->batch, "%s %s removed by %s", now, w->it.id, run->plan.who)) != 0 ||
	    sys_append_line(run->plan.mainlog, arena_fmt(&run->batch, "%s %s Completed", now, w->it.id)) != 0)
		snprintf(run->out->note, sizeof run->out->note, "the lines for %s could not all be written", run->plan.mainlog);
}

static int
delete_item(struct run *run, struct work *w, struct err *e)
{
	const int rc = delete_one(run, w);

	return rc == 0 ? 0 : err_set(e, rc, "delete %s", w->it.id);
}

static int
delete_all(struct run *run, struct err *e)
{
	struct work *w = mem_new(RUN_BATCH * sizeof *w);
	uint64_t done = 0, all = (uint64_t)count(run, ITEM_VERIFIED, e);
	int64_t last = -1;
	size_t n = RUN_BATCH, i;
	int rc = 0;

	while (rc == 0 && n == RUN_BATCH && !run_should_stop(run)) {
		rc = run_load(run, w, &n, &last, BIT(ITEM_VERIFIED), e);
		if (rc == 0 && n != 0)
			rc = may_go_on(run, e);
		if (rc == 0 && run->verified)
			rc = run_each(run, w, n, 1, delete_item, e);
		if (rc == 0)
			rc = sync_private(run, e);
		if (rc == 0 && n != 0)
			rc = save_states(run, w, n, 1, 0, e);
		for (i = 0; rc == 0 && i < n; i++)
			if (w[i].state == ITEM_DELETED)
				log_removed(run, &w[i]);
		done += n;
		run_progress(run, "delete", done, all);
	}
	free(w);
	return rc == 0 ? 0 : -1;
}

/* ---- the end of a run ---- */

/* Those that an earlier run took and could not remove any more. */
static int
drop_old_strays(struct run *run, struct run_place *pl, struct err *e)
{
	struct sys_entry ent;
	struct sys_dir *d = NULL;
	int rc = pl->private != NULL ? sys_dir_sub(&d, pl->private, "", e) : 0;

	while (d != NULL && (rc = sys_dir_next(&ent, d, e)) == 1)
		if (strncmp(ent.name, STRAY, strlen(STRAY)) == 0)
			(void)run_unlink(run, pl->private, ent.name);
	sys_dir_close(d);
	return rc < 0 ? -1 : 0;
}

/* A delivery under way when its message was taken may report later: Postfix' bounce daemon then makes defer/ID anew. Such a log, of an id of this plan
 * and with no message of that id in any queue, belongs to nothing. Only what was taken from active was being delivered, wherever the plan saw it. */
static int
drop_strays(struct run *run, struct err *e)
{
	struct part_list l;
	struct run_place *pl;
	struct item it;
	struct sys_dir *d;
	int64_t last = -1;
	const char *name;
	size_t i;
	int rc;

	for (i = 0; i < run->nplace; i++)
		if (drop_old_strays(run, &run->place[i], e) < 0)
			return -1;
	if (journal_begin_read(run->j, e) < 0)
		return -1;
	for (;;) {
		arena_reset(&run->batch);
		rc = journal_item_from(&it, run->j, run->plan.id, last, ITEM_DELETED, "active", &run->batch, e);
		if (rc != 1)
			break;
		last = it.n;
		pl = &run->place[it.place];
		memset(&l, 0, sizeof l);
		if (pl->sp->driver->strays == NULL || pl->sp->driver->strays(&l, pl->sp, pl->r, &run->batch, it.id) != 0)
			continue;
		for (i = 0; i < l.n; i++) {
			name = arena_fmt(&run->batch, STRAY "%08lld.%zu", (long long)it.n, i);
			d = spool_reader_dir(pl->r, l.v[i].dir, NULL);
			if (d != NULL && pl->private != NULL && move(run, d, l.v[i].name, pl->private, name) == 0)
				(void)run_unlink(run, pl->private, name);	/* what stays goes with the next --resume */
		}
	}
	journal_end_read(run->j);
	return rc < 0 ? -1 : 0;
}

/* Is nothing of the plan in its private folders any more? Counts by state would do, but the folder is the truth; one that cannot be read is
 * -1 and err. */
static int
is_empty(struct run *run, struct err *e)
{
	struct sys_entry ent;
	struct sys_dir *d;
	size_t i;
	int rc = 0, left = 0;

	for (i = 0; i < run->nplace && !left && rc >= 0; i++) {
		if (run->place[i].private == NULL)
			continue;
		if (sys_dir_sub(&d, run->place[i].private, "", e) < 0)
			return -1;
		while (!left && (rc = sys_dir_next(&ent, d, e)) == 1)
			left = strcmp(ent.name, "plan") != 0 && strcmp(ent.name, "lock") != 0;
		sys_dir_close(d);
	}
	return rc < 0 ? -1 : !left;
}

/* When nothing of the plan is left in its private folders, they go and the plan is over (run->finished); else it stays as it is. */
static int
finish_empty(struct run *run, enum plan_state s, struct err *e)
{
	int empty = is_empty(run, e);
	size_t i;

	if (empty != 1)
		return empty;
	for (i = 0; i < run->nplace; i++)
		if (run_clear(run, &run->place[i], e) < 0)
			return -1;
	run->finished = 1;
	return journal_plan_state(run->j, run->plan.id, s, e);
}

/* What the MTA held is still to be taken: such a plan goes back to the taking, so that a resume tries again. */
static int
finish_run(struct run *run, struct err *e)
{
	const int64_t busy = count(run, ITEM_BUSY, e);

	return busy < 0 ? -1 : finish_empty(run, busy > 0 ? PLAN_TAKING : PLAN_DONE, e);
}

static int
step(struct run *run, enum plan_state s, struct err *e)
{
	if (run->plan.state >= s)
		return 0;
	run->plan.state = s;
	return journal_plan_state(run->j, run->plan.id, s, e);
}

static int
run_purge(struct run *run, struct err *e)
{
	if (run_adopt(run, e) < 0 || (!run->verified && count(run, ITEM_VERIFIED, e) > 0 && run_verify(run, e) < 0))
		return -1;
	if (delete_all(run, e) < 0)		/* of an earlier run, before anything new */
		return -1;
	if (run_should_stop(run))
		return err_set(e, 0, "stopped");
	if (run->plan.state < PLAN_ARCHIVING && journal_plan_state(run->j, run->plan.id, PLAN_ARCHIVING, e) < 0)
		return -1;
	if (run_archive(run, e) < 0)
		return -1;
	if (run_should_stop(run))
		return err_set(e, 0, "stopped");
	if (journal_plan_state(run->j, run->plan.id, PLAN_DELETING, e) < 0 || delete_all(run, e) < 0)
		return -1;
	if (run_should_stop(run))
		return err_set(e, 0, "stopped");
	if (drop_strays(run, e) < 0)
		return -1;
	return finish_run(run, e);
}

int
purge_run(struct purge_result *out, struct journal *j, int64_t id, const struct purge_options *opt, struct err *e)
{
	struct run run;
	int rc = -1;

	if (run_open(&run, j, id, opt, out, 1, e) < 0) {
		out->spool_changed = run.plan.state > PLAN_PLANNED;	/* what an earlier run did is not known */
		goto out;
	}
	/* From here on a failure is one that must be resumed, when an earlier run has touched the spool. */
	out->spool_changed = run.plan.state > PLAN_PLANNED && is_empty(&run, e) != 1;
	if (run.plan.state >= PLAN_DONE) {
		rc = err_set(e, 0, "plan %lld is %s already", (long long)id, plan_state_name(run.plan.kind, run.plan.state));
		goto out;
	}
	if (step(&run, PLAN_TAKING, e) < 0 || take(&run, e) < 0)
		goto out;
	if (run_should_stop(&run)) {
		err_set(e, 0, "stopped");
		goto out;
	}
	if (run.plan.kind == PLAN_PURGE)
		rc = run_purge(&run, e);
	else if ((rc = finish_run(&run, e)) == 0 && !run.finished && count(&run, ITEM_BUSY, e) == 0)
		rc = step(&run, PLAN_TAKEN, e);
out:
	run_close(&run);
	return rc;
}

/* ---- putting back ---- */

/* The folder is made when it is missing, as its MTA makes it: mode 0700, owner of the folder above. */
static struct sys_dir *
home_dir(struct run_place *pl, const char *rel, struct err *e)
{
	struct sys_dir *up, *d;
	struct sys_stat st;
	const char *name;
	char *above;

	d = spool_reader_dir(pl->r, rel, e);
	if (d != NULL || e->sys != ENOENT || strchr(rel, '/') == NULL)
		return d;
	above = sys_parent(rel, &name);
	up = spool_reader_dir(pl->r, above, e);
	free(above);
	if (up == NULL || sys_dir_stat(&st, up, e) < 0)
		return NULL;
	if (sys_mkdir_owned(up, name, st.mode & 0777, st.uid, st.gid) != 0)
		return NULL;
	return spool_reader_dir(pl->r, rel, e);
}

static const char *
home_of(struct run *run, struct work *w, size_t k)
{
	const struct spool_driver *d = w->pl->sp->driver;

	return d->home == NULL ? w->part[k].dir :
	    d->home(&run->batch, w->pl->sp, w->pl->r, w->part[k].role, w->part[k].dir, w->it.id);
}

static int
put_home(struct run *run, struct work *w, int dry)
{
	struct err e;
	struct sys_dir *dir;
	struct sys_stat st;
	const char *to, *name;
	size_t i;
	int rc = 0, elsewhere = 0;

	err_clear(&e);
	for (i = w->n; i > 0; i--) {
		rc = sys_stat_at(&st, w->pl->private, w->part[i - 1].private);
		if (rc == ENOENT) {
			rc = 0;
			continue;
		}
		if (rc != 0) {
			settle(w, w->it.state, arena_fmt(&run->batch, "look at %s: %s", w->part[i - 1].private, sys_error(rc)));
			return -1;
		}
		to = home_of(run, w, i - 1);
		elsewhere |= strcmp(to, w->part[i - 1].dir) != 0;
		if (dry)
			continue;
		dir = second_name(&name, run, w, i - 1, to, &st);
		if (dir != NULL && sys_sync_dir(dir) == 0 && run_unlink(run, w->pl->private, w->part[i - 1].private) == 0)
			continue;	/* an undo that was cut off: the spool has it */
		dir = home_dir(w->pl, to, &e);
		rc = dir != NULL ? move(run, w->pl->private, w->part[i - 1].private, dir, w->part[i - 1].name) : e.sys != 0 ? e.sys : EIO;
		/* The MTA may have made a log of that name meanwhile: the newer one counts, ours goes (manual, WHAT CAN GO WRONG). */
		if (rc == EEXIST && (w->part[i - 1].role == PART_LOG || w->part[i - 1].role == PART_BOUNCE_LOG ||
		    w->part[i - 1].role == PART_TRACE_LOG))
			rc = run_unlink(run, w->pl->private, w->part[i - 1].private);
		if (rc == 0 && (dir == NULL || (rc = sys_sync_dir(dir)) != 0))
			rc = rc != 0 ? rc : EIO;
		if (rc != 0) {
			settle(w, w->it.state, arena_fmt(&run->batch, "put back %s/%s: %s", to, w->part[i - 1].name, sys_error(rc)));
			return -1;
		}
	}
	run->out->moved_place += elsewhere;
	return 0;
}

static int
is_past_life(const struct work *w)
{
	const int64_t day = (int64_t)86400 * 1000000;

	/* maximal_queue_lifetime of Postfix: 5 days; the retry cutoff of Exim's default rule: 4 days. */
	return w->it.arrived != MSG_NO_TIME && strcmp(w->pl->pl.kind, "smartermail") != 0 &&
	    sys_now_us() - w->it.arrived > (strcmp(w->pl->pl.kind, "exim") == 0 ? 4 : 5) * day;
}

/* How much of a message the private folder still has. */
enum left { LEFT_NONE, LEFT_SOME, LEFT_UNKNOWN, LEFT_TORN };

/* TORN: an earlier run has deleted some of its files already. A part that is neither in the private folder nor, by its inode, where an earlier undo has
 * put it is deleted; only what is VERIFIED is ever deleted. */
static enum left
look_left(struct run *run, struct work *w)
{
	struct sys_stat st;
	struct sys_dir *d;
	struct err e;
	enum left left = LEFT_NONE;
	size_t i;
	int rc;

	for (i = 0; i < w->n; i++) {
		rc = sys_stat_at(&st, w->pl->private, w->part[i].private);
		if (rc != 0 && rc != ENOENT)
			return LEFT_UNKNOWN;
		if (rc == 0)
			left = LEFT_SOME;
		if (rc == 0 || w->it.state != ITEM_VERIFIED || is_log(w->part[i].role))
			continue;
		err_clear(&e);
		d = spool_reader_dir(w->pl->r, home_of(run, w, i), &e);
		rc = d != NULL ? sys_stat_at(&st, d, w->part[i].name) : e.sys;
		if (rc != 0 && rc != ENOENT)
			return LEFT_UNKNOWN;
		if (rc != 0 || st.ino != w->part[i].st.ino)
			return LEFT_TORN;
	}
	return left;
}

/* A message of which files are gone already is not put back: half a message is none. It is in the archive; once that is proven anew, the rest goes too. */
static int
finish_deleting(struct run *run, struct work *w, struct err *e)
{
	if (!run->verified && run_verify(run, e) < 0)
		return -1;
	return delete_item(run, w, e);
}

static int
undo_one(struct run *run, struct work *w, int dry, int *failed, struct err *e)
{
	enum left left = look_left(run, w);
	int rc = 0;

	if (left == LEFT_UNKNOWN) {
		run->out->meant++;
		*failed += 1;
		settle(w, w->it.state, arena_fmt(&run->batch, "the private folder %s cannot be read", w->pl->path));
		return 0;
	}
	if (left == LEFT_TORN)
		return dry ? 0 : finish_deleting(run, w, e);
	if (left == LEFT_NONE && w->it.state != ITEM_TAKEN && w->it.state != ITEM_ARCHIVED && w->it.state != ITEM_VERIFIED)
		return 0;	/* was never taken; the others an undo that was cut off has put back */
	run->out->meant++;
	if (left == LEFT_SOME && run_in_delivery(run, &w->part[0], w->pl)) {
		/* In a queue it would be tried at once, while the agent at work tells the recipients that are done only at its end. */
		run->out->in_delivery++;
		settle(w, ITEM_BUSY, "its MTA is delivering it: kept in the private folder");
		return 0;
	}
	run->out->past_life += is_past_life(w);
	rc = put_home(run, w, dry);
	if (rc < 0)
		*failed += 1;
	else
		settle(w, ITEM_RELEASED, NULL);
	return 0;
}

static int
undo_batch(struct run *run, struct work *w, size_t n, int (*want)(void *arg, const struct item *it), void *arg, int dry,
    int *failed, struct err *e)
{
	size_t i, kept = 0;
	int is_wanted;

	for (i = 0; i < n && !run_should_stop(run); i++) {
		is_wanted = want == NULL ? 1 : want(arg, &w[i].it);
		if (is_wanted < 0)
			return err_set(e, 0, "it cannot be told whether %s is selected", w[i].it.id);
		if (!is_wanted)
			continue;
		if (w[i].n != 0 && w[i].pl->private != NULL && undo_one(run, &w[i], dry, failed, e) < 0)
			return -1;
		if (*failed == 1 && run->out->note[0] == '\0' && w[i].why != NULL)
			snprintf(run->out->note, sizeof run->out->note, "%s: %s", w[i].it.id, w[i].why);
		w[kept++] = w[i];
	}
	if (dry || kept == 0)
		return 0;
	return sync_private(run, e) < 0 ? -1 : save_states(run, w, kept, 0, 0, e);
}

int
purge_undo(struct purge_result *out, struct journal *j, int64_t id, int (*want)(void *arg, const struct item *it), void *arg,
    int dry, const struct purge_options *opt, struct err *e)
{
	/* Everything whose parts may be in the private folder: a failed or busy one too. */
	const unsigned mask = BIT(ITEM_TAKEN) | BIT(ITEM_ARCHIVED) | BIT(ITEM_VERIFIED) | BIT(ITEM_BUSY) | BIT(ITEM_FAILED) |
	    BIT(ITEM_PLANNED) | BIT(ITEM_CHANGED);
	struct work *w = mem_new(RUN_BATCH * sizeof *w);
	struct run run;
	int64_t last = -1;
	size_t n = RUN_BATCH, i;
	int rc = -1, failed = 0;

	if (run_open(&run, j, id, opt, out, 0, e) < 0) {
		out->spool_changed = !dry && run.plan.state > PLAN_PLANNED;
		goto out;
	}
	out->spool_changed = !dry && is_empty(&run, e) != 1;
	if (!dry && run.plan.state < PLAN_DONE && want == NULL && journal_plan_state(j, id, PLAN_UNDOING, e) < 0)
		goto out;
	for (rc = 0; rc == 0 && n == RUN_BATCH && !run_should_stop(&run); ) {
		rc = run_load(&run, w, &n, &last, mask, e);
		if (rc == 0)
			rc = undo_batch(&run, w, n, want, arg, dry, &failed, e);
		run_progress(&run, "put back", (uint64_t)(last + 1), 0);
	}
	out->failed = failed;
	if (rc == 0 && run_should_stop(&run))
		rc = err_set(e, 0, "stopped");
	if (rc == 0 && failed > 0 && !dry)
		rc = err_set(e, 0, "%d message%s could not be put back", failed, failed == 1 ? "" : "s");
	for (i = 0; rc == 0 && !dry && i < run.nplace; i++)
		rc = drop_old_strays(&run, &run.place[i], e);
	if (rc == 0 && !dry && want == NULL)
		run_drop_unfinished(&run);
	if (rc == 0 && !dry)
		rc = finish_empty(&run, count(&run, ITEM_DELETED, e) > 0 ? PLAN_DONE : PLAN_UNDONE, e);
out:
	run_close(&run);
	free(w);
	return rc;
}
