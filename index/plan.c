#include "index/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spool/arena.h"
#include "spool/msg.h"
#include "spool/smartermail_find.h"
#include "spool/sys.h"

#define PLACES_MAX 1000		/* spools of one plan */
#define SELECTION_MAX ((size_t)64 * 1024)

struct maker {
	struct index *ix;
	struct journal *j;
	const struct plan_options *opt;
	struct plan_left *left;
	int with_damaged, with_incomplete, with_folders;	/* named by the selection */
	int64_t *row;			/* numbers of the rows of the plan */
	size_t n, cap;
	sqlite3_stmt *identity;
	struct place place[PLACES_MAX];
	size_t nplaces;
	struct arena arena;		/* of the places */
	struct buf path;
};

/* ---- which messages ---- */

/* Folders that another tool or an administrator owns (SmarterMail staff: proc is Declude's, Drop ignores the envelope). */
static int
is_own_folder(const struct query_row *r)
{
	static const char *const own[] = { "proc", "Quarantine", "Drop", "delay" };
	size_t i;

	if (strcmp(r->kind, "smartermail") != 0)
		return 0;
	for (i = 0; i < sizeof own / sizeof own[0]; i++)
		if (smartermail_in_folder(r->queue, own[i]))
			return 1;
	return 0;
}

static int
is_left_out(struct maker *m, const struct query_row *r)
{
	int64_t *count = NULL;

	if (strcmp(r->state, "incomplete") == 0 && !m->with_incomplete)
		count = &m->left->incomplete;
	else if (strcmp(r->damage, "[]") != 0 && !m->with_damaged)
		count = &m->left->damaged;
	else if (is_own_folder(r) && !m->with_folders)
		count = &m->left->folders;
	if (count != NULL)
		(*count)++;
	return count != NULL;
}

static int
is_full(const struct maker *m)
{
	return m->opt->limit > 0 && m->n >= (uint64_t)m->opt->limit;
}

static int
choose_rows(struct maker *m, struct query *q, struct err *e)
{
	struct query_row r;
	int rc = 0;

	while (!is_full(m) && (rc = query_next(&r, q, e)) > 0) {
		if (is_left_out(m, &r))
			continue;
		if (m->n == m->cap) {
			m->cap = m->cap != 0 ? m->cap * 2 : 1024;
			m->row = mem_grow(m->row, m->cap * sizeof *m->row);
		}
		m->row[m->n++] = r.rowid;
	}
	return rc;
}

/* ---- places ---- */

/* "20260102T030405Z-plan7-0123abcd": the time for people, the random half so that no folder is ever met twice. */
static int
folder_name(const char **out, struct arena *a, int64_t plan, struct err *e)
{
	time_t now = (time_t)(sys_now_us() / 1000000);
	const struct tm *tm = gmtime(&now);
	char when[32];
	uint32_t tail;

	if (tm == NULL || strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", tm) == 0)
		return err_set(e, 0, "the clock of this machine cannot be read");
	if (sys_random(&tail, sizeof tail, e) < 0)
		return -1;
	*out = arena_fmt(a, "%s-plan%" PRId64 "-%08" PRIx32, when, plan, tail);
	return 0;
}

static int
root_identity(struct place *pl, struct err *e)
{
	struct sys_dir *d = NULL;
	struct sys_stat st;
	int rc = -1;

	if (sys_dir_open(&d, pl->root, e) == 0 && sys_dir_stat(&st, d, e) == 0) {
		pl->dev = st.dev;
		pl->ino = st.ino;
		rc = 0;
	}
	sys_dir_close(d);
	return rc == 0 ? 0 : err_wrap(e, "a selected spool (--spool DIR names the others)");
}

/* The number of the row's spool among the places of the plan, made when it is new; -1. */
static int64_t
place_of(struct maker *m, int64_t plan, const struct query_row *r, struct err *e)
{
	struct place *pl;
	size_t i;

	for (i = 0; i < m->nplaces; i++)
		if (strcmp(m->place[i].root, r->spool) == 0 && strcmp(m->place[i].kind, r->kind) == 0)
			return (int64_t)i;
	if (m->nplaces == PLACES_MAX)
		return err_set(e, 0, "more than %d spools in one plan: --spool names one", PLACES_MAX);
	pl = &m->place[m->nplaces];
	pl->n = (int64_t)m->nplaces;
	pl->kind = arena_str(&m->arena, r->kind);
	pl->root = arena_str(&m->arena, r->spool);
	if (root_identity(pl, e) < 0 || folder_name(&pl->folder, &m->arena, plan, e) < 0 ||
	    journal_place_new(m->j, plan, pl, e) < 0)
		return -1;
	return (int64_t)m->nplaces++;
}

/* ---- items ---- */

static int
put_item(struct maker *m, int64_t plan, int64_t n, const struct query_row *r, struct err *e)
{
	sqlite3_stmt *st = m->identity;
	struct item it;
	int rc;

	memset(&it, 0, sizeof it);
	it.n = n;
	it.place = place_of(m, plan, r, e);
	if (it.place < 0)
		return -1;
	buf_clear(&m->path);
	buf_add(&m->path, r->path, r->path_len);
	it.queue = r->queue;
	it.id = r->id;
	it.path = buf_cstr(&m->path);
	it.arrived = r->arrived;
	it.size = r->size;
	it.sender = r->sender;
	it.state = ITEM_PLANNED;
	it.json = m->opt->json(m->opt->json_arg, r);
	sqlite3_bind_int64(st, 1, r->rowid);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		it.inode = (uint64_t)sqlite3_column_int64(st, 0);
		it.account_kind = (const char *)sqlite3_column_text(st, 1);
		it.account_key = (const char *)sqlite3_column_text(st, 2);
		rc = journal_item_new(m->j, plan, &it, e);
	} else {
		rc = index_err(m->ix, e, "read");
	}
	sqlite3_reset(st);
	return rc;
}

static int
put_plan(int64_t *id, struct maker *m, struct selection *s, struct err *e)
{
	struct plan p;
	struct buf text;
	char host[256];
	int rc;

	memset(&p, 0, sizeof p);
	buf_init(&text, SELECTION_MAX);
	selection_text(&text, s);
	p.kind = m->opt->kind;
	p.parent = m->opt->parent;
	p.state = PLAN_PLANNED;
	p.created = sys_now_us();
	p.who = m->opt->who;
	p.host = sys_hostname(host, sizeof host);
	p.selection = buf_cstr(&text) + strspn(buf_cstr(&text), " ");
	p.mainlog = m->opt->mainlog;
	p.level = m->opt->level;
	rc = journal_plan_new(m->j, &p, e);
	*id = p.id;
	buf_free(&text);
	return rc;
}

static int
put_all(int64_t *id, struct maker *m, struct query *q, struct selection *s, struct err *e)
{
	struct query_row r;
	int64_t n = 0;
	int rc;

	if (journal_begin(m->j, e) < 0)
		return -1;
	rc = put_plan(id, m, s, e);
	while (rc == 0 && (rc = query_next(&r, q, e)) > 0)
		rc = put_item(m, *id, n++, &r, e);
	if (rc == 0)
		rc = journal_commit(m->j, e);
	if (rc < 0) {
		journal_rollback(m->j);
		*id = 0;
	}
	return rc;
}

/* Twice over the rows, in one snapshot: files are read for --contains before the journal's write lock is held, not under it. */
int
plan_make(int64_t *id, struct plan_left *left, struct index *ix, struct journal *j, struct selection *s, const struct plan_options *opt,
    struct err *e)
{
	struct maker *m = mem_new(sizeof *m);
	struct query *q = NULL;
	int rc = -1, began = 0, by_id = selection_has(s, SEL_ID);

	*id = 0;
	memset(left, 0, sizeof *left);
	m->ix = ix;
	m->j = j;
	m->opt = opt;
	m->left = left;
	m->with_damaged = by_id || selection_has(s, SEL_DAMAGED);
	m->with_incomplete = by_id;
	m->with_folders = by_id || selection_has(s, SEL_QUEUE);
	buf_init(&m->path, (size_t)1 << 20);
	m->identity = index_prepare(ix, "SELECT m.inode, a.kind, a.key FROM message m LEFT JOIN account a ON a.id = m.account"
	    " WHERE m.id = ?", e);
	if (m->identity == NULL || query_snapshot(&began, ix, e) < 0 || query_open(&q, ix, s, 0, e) < 0 || choose_rows(m, q, e) < 0)
		goto out;
	query_close(q);
	q = NULL;
	if (m->n == 0)
		rc = 1;
	else if (query_open_rows(&q, ix, m->row, m->n, e) == 0)
		rc = put_all(id, m, q, s, e);
out:
	query_close(q);
	query_snapshot_end(began, ix);
	sqlite3_finalize(m->identity);
	buf_free(&m->path);
	arena_free(&m->arena);
	free(m->row);
	free(m);
	return rc;
}
