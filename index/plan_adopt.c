/*
 * A plan again from the private folder alone, when the journal is lost. What the copy says is held against what is there: a message of
 * which a file is missing, or which has a file that the copy does not name, is never called taken, so that half a message is never put back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/index.h"
#include "index/plan_copy.h"
#include "index/purge_in.h"

#define WHY_TORN "some of its files are gone: it was being deleted, and is in an archive; what is left stays in the private folder"
#define WHY_GONE "neither in the private folder nor where it came from"

struct adopt {
	struct plan_adopted *out;
	struct journal *j;
	struct run_place place;
	struct plan plan;
	struct place from;		/* what the copy says of the spool */
	sqlite3_stmt *json, *named;
	int is_cut;			/* some messages were taken in part */
	struct arena arena, batch;
};

/* ---- lines ---- */

/* The object of list --json, of which nothing but the names is known. */
static const char *
object(struct adopt *ad, const struct item *it, struct err *e)
{
	sqlite3_stmt *st = ad->json;
	const char *text = NULL;

	sqlite3_reset(st);
	sqlite3_bind_text(st, 1, ad->place.sp->root, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, ad->place.sp->driver->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, it->queue, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, it->id, -1, SQLITE_STATIC);
	if (it->arrived == MSG_NO_TIME)
		sqlite3_bind_null(st, 5);
	else
		sqlite3_bind_int64(st, 5, it->arrived / 1000000);
	if (sqlite3_step(st) == SQLITE_ROW)
		text = arena_str(&ad->batch, (const char *)sqlite3_column_text(st, 0));
	else
		index_err(journal_index(ad->j), e, "read the journal");
	sqlite3_reset(st);
	return text;
}

static int
add_line(void *arg, const struct plan_copy_part *part, struct err *e)
{
	struct adopt *ad = arg;
	struct item it, have;
	struct item_part p = part->p;
	int rc;

	arena_reset(&ad->batch);
	rc = journal_item_after(&have, ad->j, ad->plan.id, part->item.n - 1, ~0u, &ad->batch, e);
	if (rc < 0)
		return -1;
	if (rc == 0 || have.n != part->item.n) {
		it = part->item;
		it.path = spool_path(&ad->batch, p.dir, p.name);
		it.size = -1;
		it.state = ITEM_PLANNED;
		it.json = object(ad, &it, e);
		if (it.json == NULL || journal_item_new(ad->j, ad->plan.id, &it, e) < 0)
			return -1;
	}
	if (part->part == 0 && journal_parts_drop(ad->j, ad->plan.id, part->item.n, e) < 0)
		return -1;
	if (sys_stat_at(&p.st, ad->place.private, p.private) != 0)
		memset(&p.st, 0, sizeof p.st);
	return journal_part_put(ad->j, ad->plan.id, part->item.n, part->part, &p, e);
}

/* ---- what is there ---- */

/* 1 there, 0 not, -1. */
static int
is_at(struct sys_dir *d, const char *name, struct err *e)
{
	struct sys_stat st;
	int rc = sys_stat_at(&st, d, name);

	return rc == 0 ? 1 : rc == ENOENT ? 0 : err_set(e, rc, "look at %s", name);
}

static int
is_home(struct adopt *ad, const struct item_part *p, struct err *e)
{
	struct err why = { 0, "" };
	struct sys_dir *d = spool_reader_dir(ad->place.r, p->dir, &why);

	if (d == NULL)
		return why.sys == ENOENT ? 0 : err_set(e, why.sys, "open %s", p->dir);
	return is_at(d, p->name, e);
}

static int
is_log(enum part_role role)
{
	return role != PART_MESSAGE && role != PART_ENVELOPE;
}

/* The state of an item by where its files are: all in the folder; or the taking was cut off, or an MTA has removed a log: then it stays planned, with
 * its parts, and a resume goes on with it, or an undo puts it back. */
static int
look_at_item(struct adopt *ad, const struct item *it, struct err *e)
{
	struct item_part *p;
	size_t n, i, here = 0, lost = 0, home = 0;
	int rc;

	if (journal_parts(&p, &n, ad->j, ad->plan.id, it->n, &ad->batch, e) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		rc = is_at(ad->place.private, p[i].private, e);
		here += rc == 1;
		if (rc == 0 && !is_log(p[i].role)) {
			rc = is_home(ad, &p[i], e);
			home += rc == 1;
			lost += rc == 0;
		}
		if (rc < 0)
			return -1;
	}
	ad->out->messages++;
	ad->out->taken += here > 0 && lost == 0;
	ad->out->torn += here > 0 && lost > 0;
	ad->out->gone += here == 0 && home == 0;
	if (here > 0 && lost > 0)
		return journal_item_state(ad->j, ad->plan.id, it->n, ITEM_DELETED, WHY_TORN, e);
	if (here > 0 && here == n)
		return journal_item_state(ad->j, ad->plan.id, it->n, ITEM_TAKEN, NULL, e);
	ad->is_cut |= here > 0;
	return here > 0 || home > 0 ? 0 : journal_item_state(ad->j, ad->plan.id, it->n, ITEM_GONE, WHY_GONE, e);
}

static int
look_at_all(struct adopt *ad, struct err *e)
{
	struct item it;
	int64_t last = -1;
	int rc;

	for (;; last = it.n) {
		arena_reset(&ad->batch);
		rc = journal_item_after(&it, ad->j, ad->plan.id, last, ~0u, &ad->batch, e);
		if (rc != 1)
			return rc;
		if (look_at_item(ad, &it, e) < 0)
			return -1;
	}
}

/* A file of the folder: 1 the copy names it, 0 it does not, and a message that it would belong to is not whole then; -1. */
static int
check_name(struct adopt *ad, const char *name, struct err *e)
{
	const char *dot = strchr(name, '.');
	char *end;
	long long n = strtoll(name, &end, 10);
	int rc;

	sqlite3_reset(ad->named);
	sqlite3_bind_int64(ad->named, 1, ad->plan.id);
	sqlite3_bind_int64(ad->named, 2, n);
	sqlite3_bind_text(ad->named, 3, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(ad->named);
	sqlite3_reset(ad->named);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		return index_err(journal_index(ad->j), e, "read the journal");
	ad->out->unnamed++;
	if (dot == NULL || end != dot || n < 0)
		return 0;
	return journal_item_state(ad->j, ad->plan.id, n, ITEM_DELETED, "the copy of the plan does not name all of its files", e) < 0 ? -1 : 0;
}

static int
look_for_unnamed(struct adopt *ad, struct err *e)
{
	struct sys_entry ent;
	struct sys_dir *d;
	int rc;

	if (sys_dir_sub(&d, ad->place.private, "", e) < 0)
		return -1;
	while ((rc = sys_dir_next(&ent, d, e)) == 1)
		if (strcmp(ent.name, "plan") != 0 && strcmp(ent.name, "lock") != 0 && check_name(ad, ent.name, e) < 0)
			break;
	sys_dir_close(d);
	return rc == 0 ? 0 : -1;
}

/* ---- the folder ---- */

/* ROOT/.spoolsweep/NAME or, beside the root, .spoolsweep-ROOTNAME/NAME. */
static int
open_spool(struct adopt *ad, const char *folder, struct err *e)
{
	char *real = sys_realpath(folder, e), *shelf = NULL, *above = NULL;
	const char *name, *shelf_name, *root = NULL;
	const size_t n = strlen(SPOOL_PRIVATE);
	int rc = -1;

	if (real == NULL)
		return -1;
	shelf = sys_parent(real, &name);
	above = sys_parent(shelf, &shelf_name);
	if (strcmp(shelf_name, SPOOL_PRIVATE) == 0)
		root = above;
	else if (strncmp(shelf_name, SPOOL_PRIVATE "-", n + 1) == 0)
		root = arena_fmt(&ad->arena, "%s/%s", above, shelf_name + n + 1);
	ad->place.pl.folder = arena_str(&ad->arena, name);
	if (root == NULL)
		err_set(e, 0, "%s is no private folder of spoolsweep", folder);
	else if (spool_open(&ad->place.sp, root, NULL, e) == 0)
		rc = 0;
	free(above);
	free(shelf);
	free(real);
	return rc;
}

static int
open_folder(struct adopt *ad, const char *folder, struct err *e)
{
	struct run_place *pl = &ad->place;
	struct sys_stat st;
	int64_t plan;
	int rc;

	if (open_spool(ad, folder, e) < 0 || sys_dir_stat(&st, pl->sp->dir, e) < 0)
		return -1;
	rc = journal_plan_of_folder(&plan, ad->j, pl->sp->root, pl->pl.folder, e);
	if (rc != 0)
		return rc < 0 ? -1 : err_set(e, 0, "plan %lld of this journal is the one of %s", (long long)plan, folder);
	pl->pl.kind = pl->sp->driver->name;
	pl->pl.root = pl->sp->root;
	pl->pl.dev = st.dev;
	pl->pl.ino = st.ino;
	pl->r = spool_reader_new_live(pl->sp);
	rc = run_private_open(pl, &ad->arena, 0, e);
	return rc == 0 && pl->private == NULL ? err_set(e, ENOENT, "open %s", folder) : rc;
}

static int
prepare(struct adopt *ad, struct err *e)
{
	struct index *ix = journal_index(ad->j);

	ad->json = index_prepare(ix, "SELECT json_object('spool', ?1, 'kind', ?2, 'queue', ?3, 'id', ?4, 'account', NULL, 'account_kind', NULL,"
	    " 'sender', NULL, 'arrived', strftime('%Y-%m-%dT%H:%M:%SZ', ?5, 'unixepoch'), 'state', 'queued', 'damage', json('[]'), 'notes', json('[]'))", e);
	ad->named = index_prepare(ix, "SELECT 1 FROM part WHERE plan = ? AND item = ? AND private = ?", e);
	return ad->json != NULL && ad->named != NULL ? 0 : -1;
}

/* ---- the plan ---- */

/* Which spool the copy was made for. Its device may have another number since the last mount. */
static int
check_spool(struct adopt *ad, struct err *e)
{
	const struct place *is = &ad->place.pl, *was = &ad->from;

	if (strcmp(is->kind, was->kind) != 0 || is->ino != was->ino)
		return err_set(e, 0, "%s is not the folder that the plan was made for: it was replaced or copied", is->root);
	return 0;
}

static int
no_line(void *arg, const struct plan_copy_part *part, struct err *e)
{
	(void)arg;
	(void)part;
	(void)e;
	return 0;
}

/* Twice over the copy: that it is whole and of this spool is known before anything of it is believed. */
static int
read_copy(struct adopt *ad, int with_lines, struct err *e)
{
	struct sys_file f = SYS_FILE_CLOSED;
	unsigned char *space = mem_new(SPOOL_WINDOW);
	struct sys_stat st;
	struct plan again;
	struct rd rd;
	int rc = run_copy_open(&f, &st, &ad->place);

	if (rc != 0) {
		free(space);
		return err_set(e, rc, "open the copy of the plan in %s", ad->place.path);
	}
	rd_file(&rd, f, st.size, space, SPOOL_WINDOW);
	rc = plan_copy_read(with_lines ? &again : &ad->plan, &ad->from, &rd, &ad->arena, with_lines ? add_line : no_line, ad, e);
	sys_close(&f);
	free(space);
	return rc < 0 ? err_wrap(e, "%s", ad->place.path) : 0;
}

static int
make_plan(struct adopt *ad, struct err *e)
{
	struct plan *p = &ad->plan;

	p->state = PLAN_PLANNED;
	if (journal_plan_new(ad->j, p, e) < 0 || journal_place_new(ad->j, p->id, &ad->place.pl, e) < 0 ||
	    journal_plan_state(ad->j, p->id, PLAN_TAKING, e) < 0 || read_copy(ad, 1, e) < 0 || look_at_all(ad, e) < 0 ||
	    look_for_unnamed(ad, e) < 0)
		return -1;
	/* A hold is over when all is taken; a purge has its other half before it. */
	return p->kind == PLAN_HOLD && !ad->is_cut ? journal_plan_state(ad->j, p->id, PLAN_TAKEN, e) : 0;
}

int
plan_adopt(struct plan_adopted *out, struct journal *j, const char *folder, struct err *e)
{
	struct adopt *ad = mem_new(sizeof *ad);
	int rc;

	memset(out, 0, sizeof *out);
	ad->out = out;
	ad->j = j;
	rc = prepare(ad, e) < 0 || open_folder(ad, folder, e) < 0 || read_copy(ad, 0, e) < 0 || check_spool(ad, e) < 0 ? -1 : 0;
	if (rc == 0)
		rc = journal_begin(j, e);
	if (rc == 0 && (make_plan(ad, e) < 0 || journal_commit(j, e) < 0)) {
		journal_rollback(j);
		rc = -1;
	}
	out->plan = rc == 0 ? ad->plan.id : 0;
	sqlite3_finalize(ad->json);
	sqlite3_finalize(ad->named);
	sys_lock_free(ad->place.lock);
	sys_dir_close(ad->place.private);
	sys_dir_close(ad->place.base);
	spool_reader_free(ad->place.r);
	spool_close(ad->place.sp);
	arena_free(&ad->arena);
	arena_free(&ad->batch);
	free(ad);
	return rc;
}
