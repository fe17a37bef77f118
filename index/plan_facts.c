/*
 * What a dry run prints: groups and facts of a plan from the journal alone, so that a stored plan tells the same later;
 * what is near it from the index as it stands.
 */
#include "index/plan.h"

#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"
#include "spool/msg.h"

/* Sorting 100,000 keys stays in memory: a full disk must not keep a dry run from telling what it found. */
#define CACHE_KIB 16384
#define CACHE_USUAL_KIB 8192	/* as journal_open sets it */

struct ids {			/* numbers of rows, sorted */
	int64_t *v;
	size_t n, cap;
};

struct plan_near {
	struct index *ix;
	struct ids subject, account;	/* of the plan, as the index numbers them */
	int64_t *count;			/* for each subject */
	int64_t all;
	sqlite3_stmt *find;
};

static void
cache(struct journal *j, int kib)
{
	char pragma[64];

	sqlite3_snprintf((int)sizeof pragma, pragma, "PRAGMA cache_size = -%d", kib);
	sqlite3_exec(journal_db(j), pragma, NULL, NULL, NULL);
}

static sqlite3_stmt *
prepare(struct journal *j, const char *sql, int64_t plan, struct err *e)
{
	sqlite3_stmt *st = NULL;

	cache(j, CACHE_KIB);
	if (sqlite3_prepare_v2(journal_db(j), sql, -1, &st, NULL) != SQLITE_OK) {
		err_set(e, 0, "journal: %s", sqlite3_errmsg(journal_db(j)));
		return NULL;
	}
	sqlite3_bind_int64(st, 1, plan);
	return st;
}

/* Ends a statement whose last step gave rc. */
static int
finish(struct journal *j, sqlite3_stmt *st, int rc, struct err *e)
{
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		err_set(e, 0, "journal: %s", sqlite3_errmsg(journal_db(j)));
	sqlite3_finalize(st);
	cache(j, CACHE_USUAL_KIB);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

/* ---- near ---- */

static void
ids_add(struct ids *s, int64_t id)
{
	if (s->n == s->cap) {
		s->cap = s->cap != 0 ? s->cap * 2 : 256;
		s->v = mem_grow(s->v, s->cap * sizeof *s->v);
	}
	s->v[s->n++] = id;
}

static int
compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void
ids_sort(struct ids *s)
{
	size_t i, n = 0;

	if (s->n != 0)
		qsort(s->v, s->n, sizeof *s->v, compare);
	for (i = 0; i < s->n; i++)
		if (i == 0 || s->v[i] != s->v[n - 1])
			s->v[n++] = s->v[i];
	s->n = n;
}

/* The place of id, -1 when it is not there. */
static ptrdiff_t
ids_find(const struct ids *s, int64_t id)
{
	const int64_t *p = s->n != 0 ? bsearch(&id, s->v, s->n, sizeof *s->v, compare) : NULL;

	return p != NULL ? p - s->v : -1;
}

/* The index's number of a text, 0 when it has none. Found by the keyed hash that put.c stores. */
static int
text_number(int64_t *id, struct plan_near *n, const char *text, struct err *e)
{
	uint64_t hash = part_hash(text, strlen(text), n->ix->key);
	int rc;

	sqlite3_bind_int64(n->find, 1, (int64_t)(hash != 0 ? hash : 1));
	sqlite3_bind_text(n->find, 2, text, -1, SQLITE_STATIC);
	rc = index_row(n->ix, n->find, e);
	*id = rc == 1 ? sqlite3_column_int64(n->find, 0) : 0;
	sqlite3_reset(n->find);
	return rc < 0 ? -1 : 0;
}

static int
load_subjects(struct plan_near *n, struct journal *j, int64_t plan, struct err *e)
{
	sqlite3_stmt *st = prepare(j, "SELECT DISTINCT json_extract(json, '$.subject') FROM item WHERE plan = ?", plan, e);
	const char *text;
	int64_t id;
	int rc, failed = 0;

	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(st, 0);
		if (text == NULL || text[0] == '\0')
			continue;
		if ((failed = text_number(&id, n, text, e)) < 0)
			break;
		if (id != 0)
			ids_add(&n->subject, id);
	}
	ids_sort(&n->subject);
	return finish(j, st, rc, e) < 0 || failed ? -1 : 0;
}

static int
load_accounts(struct plan_near *n, struct journal *j, int64_t plan, struct err *e)
{
	sqlite3_stmt *st = prepare(j, "SELECT DISTINCT account_kind, account_key FROM item WHERE plan = ?"
	    " AND account_key IS NOT NULL", plan, e), *find;
	int rc = SQLITE_DONE, found = 0;

	if (st == NULL)
		return -1;
	find = index_prepare(n->ix, "SELECT id FROM account WHERE kind = ? AND key = ?", e);
	while (find != NULL && found >= 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		sqlite3_bind_text(find, 1, (const char *)sqlite3_column_text(st, 0), -1, SQLITE_STATIC);
		sqlite3_bind_text(find, 2, (const char *)sqlite3_column_text(st, 1), -1, SQLITE_STATIC);
		found = index_row(n->ix, find, e);
		if (found == 1)
			ids_add(&n->account, sqlite3_column_int64(find, 0));
		sqlite3_reset(find);
	}
	ids_sort(&n->account);
	sqlite3_finalize(find);
	return finish(j, st, rc, e) < 0 || find == NULL || found < 0 ? -1 : 0;
}

static int
count_near(struct plan_near *n, struct err *e)
{
	sqlite3_stmt *st = index_prepare(n->ix, "SELECT subject, account FROM message NOT INDEXED WHERE gone_scan IS NULL"
	    " AND subject IS NOT NULL AND account IS NOT NULL", e);
	ptrdiff_t at;
	int rc;

	if (st == NULL)
		return -1;
	n->count = mem_new((n->subject.n + 1) * sizeof *n->count);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		at = ids_find(&n->subject, sqlite3_column_int64(st, 0));
		if (at < 0 || ids_find(&n->account, sqlite3_column_int64(st, 1)) >= 0)
			continue;
		n->count[at]++;
		n->all++;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(n->ix, e, "read");
}

int
plan_near_new(struct plan_near **out, struct index *ix, struct journal *j, int64_t plan, struct err *e)
{
	struct plan_near *n = mem_new(sizeof *n);

	n->ix = ix;
	n->find = index_prepare(ix, "SELECT id FROM text WHERE hash = ? AND text = ?", e);
	if (n->find == NULL || load_subjects(n, j, plan, e) < 0 || load_accounts(n, j, plan, e) < 0 || count_near(n, e) < 0) {
		plan_near_free(n);
		return -1;
	}
	*out = n;
	return 0;
}

int64_t
plan_near_all(const struct plan_near *n)
{
	return n->all;
}

void
plan_near_free(struct plan_near *n)
{
	if (n == NULL)
		return;
	sqlite3_finalize(n->find);
	free(n->subject.v);
	free(n->account.v);
	free(n->count);
	free(n);
}

/* ---- groups ---- */

static const struct {
	const char *what, *key;
} sorts[] = {
	{ "spool", "(SELECT p.kind || ':' || p.root FROM place p WHERE p.plan = item.plan AND p.n = item.place)" },
	{ "queue", "queue" },
	{ "account", "max(json_extract(json, '$.account')) || ' (' || account_kind || ')'" },
	{ "sender domain", "iif(sender = '', '<>', json_extract(json, '$.sender_domain'))" },
	{ "subject", "json_extract(json, '$.subject')" }
};
static const char *const grouped_by[] = { "place", "queue", "account_kind, account_key", "1", "1" };

/* How many messages of others have a group's subject. */
static int
count_beside(struct plan_group *g, struct plan_near *near, struct err *e)
{
	ptrdiff_t at;
	int64_t id;

	g->near = 0;
	if (near == NULL || g->key == NULL || strcmp(g->what, "subject") != 0)
		return 0;
	if (text_number(&id, near, g->key, e) < 0)
		return -1;
	at = ids_find(&near->subject, id);
	g->near = at >= 0 ? near->count[at] : 0;
	return 0;
}

static int
one_sort(size_t i, struct journal *j, int64_t plan, struct plan_near *near, int most,
    void (*fn)(void *arg, const struct plan_group *g), void *arg, struct err *e)
{
	char *sql = sqlite3_mprintf("SELECT k, n, b, count(*) OVER () FROM (SELECT %s AS k, count(*) AS n, total(size) AS b"
	    " FROM item WHERE plan = ? GROUP BY %s) ORDER BY n DESC, b DESC, k LIMIT ?", sorts[i].key, grouped_by[i]);
	sqlite3_stmt *st = prepare(j, sql, plan, e);
	struct plan_group g;
	int rc = SQLITE_ROW, near_rc = 0;

	sqlite3_free(sql);
	if (st == NULL)
		return -1;
	sqlite3_bind_int(st, 2, most);
	while (near_rc == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		g.what = sorts[i].what;
		g.key = (const char *)sqlite3_column_text(st, 0);
		g.messages = sqlite3_column_int64(st, 1);
		g.bytes = sqlite3_column_int64(st, 2);
		g.groups = sqlite3_column_int64(st, 3);
		near_rc = count_beside(&g, near, e);
		if (near_rc == 0)
			fn(arg, &g);
	}
	return finish(j, st, rc, e) < 0 || near_rc < 0 ? -1 : 0;
}

int
plan_groups(struct journal *j, int64_t plan, struct plan_near *near, int most,
    void (*fn)(void *arg, const struct plan_group *g), void *arg, struct err *e)
{
	size_t i;

	for (i = 0; i < sizeof sorts / sizeof sorts[0]; i++)
		if (one_sort(i, j, plan, near, most, fn, arg, e) < 0)
			return -1;
	return 0;
}

/* ---- facts ---- */

/* Of a file the index knows the message's size, not its own: envelope, logs and the tar's headers are guessed high, so that a purge never
 * begins what the disk cannot end. */
#define FILES_OF_A_MESSAGE "4096 + 256 * coalesce(recipients, 0) + 2 * length(CAST(json AS BLOB))"

#define NOT_ARCHIVED "0, 1, 2, 6, 8"	/* planned, taken, archived (into a file that is not whole yet), busy, failed */

static int64_t
number(sqlite3_stmt *st, int i, int64_t none)
{
	return sqlite3_column_type(st, i) != SQLITE_NULL ? sqlite3_column_int64(st, i) : none;
}

static int
other_accounts(struct plan_facts *out, struct journal *j, int64_t plan, struct err *e)
{
	sqlite3_stmt *st = prepare(j, "SELECT count(*) - 1, sum(n) - max(n) FROM (SELECT count(*) AS n FROM item WHERE plan = ?"
	    " GROUP BY account_kind, account_key)", plan, e);
	int rc;

	if (st == NULL)
		return -1;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		out->other_accounts = number(st, 0, 0);
		out->other_messages = number(st, 1, 0);
	}
	return finish(j, st, rc, e);
}

int
plan_facts(struct plan_facts *out, struct journal *j, int64_t plan, struct err *e)
{
	sqlite3_stmt *st = prepare(j, "SELECT count(*), total(size), min(arrived), max(arrived),"
	    " total(json_extract(json, '$.damage') <> '[]'), total(s = 'incomplete'), total(s IN ('held', 'frozen')), total(s = 'active'),"
	    " total(CASE WHEN state IN (" NOT_ARCHIVED ") THEN coalesce(size, 65536) + " FILES_OF_A_MESSAGE " ELSE 0 END) FROM"
	    " (SELECT size, arrived, json, state, json_extract(json, '$.state') AS s, json_extract(json, '$.recipients') AS recipients"
	    " FROM item JOIN fate USING (plan, n) WHERE plan = ?)", plan, e);
	int rc;

	memset(out, 0, sizeof *out);
	if (st == NULL)
		return -1;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		out->messages = sqlite3_column_int64(st, 0);
		out->bytes = sqlite3_column_int64(st, 1);
		out->oldest = number(st, 2, MSG_NO_TIME);
		out->newest = number(st, 3, MSG_NO_TIME);
		out->damaged = sqlite3_column_int64(st, 4);
		out->incomplete = sqlite3_column_int64(st, 5);
		out->held = sqlite3_column_int64(st, 6);
		out->busy = sqlite3_column_int64(st, 7);
		out->expected = sqlite3_column_int64(st, 8);
	}
	if (finish(j, st, rc, e) < 0)
		return -1;
	return other_accounts(out, j, plan, e);
}
