/* What came back from archives. A restore does not stand on it: it answers "is this the mail that was purged, and who put it back". */
#include <string.h>

#include "index/index.h"
#include "index/journal.h"
#include "spool/sys.h"

static void
put_text(sqlite3_stmt *st, int i, const char *s)
{
	sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
}

static int
run_once(struct index *ix, sqlite3_stmt *st, struct err *e)
{
	int rc = sqlite3_step(st);

	if (rc != SQLITE_DONE)
		index_err(ix, e, "write the journal");
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
journal_restore_new(struct journal *j, struct restore_run *r, struct err *e)
{
	struct index *ix = journal_index(j);
	sqlite3_stmt *st;
	int rc;

	st = index_prepare(ix, "INSERT INTO restore(started, who, host, archive, selection) VALUES(?,?,?,?,?)", e);
	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, r->started);
	put_text(st, 2, r->who);
	put_text(st, 3, r->host);
	put_text(st, 4, r->archive);
	put_text(st, 5, r->selection);
	rc = run_once(ix, st, e);
	r->id = sqlite3_last_insert_rowid(ix->db);
	sqlite3_finalize(st);
	return rc;
}

static int
add_all(struct index *ix, sqlite3_stmt *st, int64_t run, const struct restored *v, size_t n, struct err *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		sqlite3_bind_int64(st, 1, run);
		put_text(st, 2, v[i].root);
		put_text(st, 3, v[i].id);
		put_text(st, 4, v[i].new_root);
		put_text(st, 5, v[i].new_id);
		if (v[i].arrived != MSG_NO_TIME)
			sqlite3_bind_int64(st, 6, v[i].arrived);
		else
			sqlite3_bind_null(st, 6);
		sqlite3_bind_int(st, 7, v[i].is_new_time);
		sqlite3_bind_int64(st, 8, v[i].at);
		rc = run_once(ix, st, e);
	}
	return rc;
}

int
journal_restore_add(struct journal *j, int64_t run, const struct restored *v, size_t n, struct err *e)
{
	sqlite3_stmt *st = index_prepare(journal_index(j), "INSERT INTO restored VALUES(?,?,?,?,?,?,?,?)", e);
	int rc = st == NULL ? -1 : journal_begin(j, e);

	if (rc == 0 && (add_all(journal_index(j), st, run, v, n, e) < 0 || journal_commit(j, e) < 0)) {
		journal_rollback(j);
		rc = -1;
	}
	sqlite3_finalize(st);
	return rc;
}

int
journal_restore_end(struct journal *j, int64_t run, struct err *e)
{
	sqlite3_stmt *st = index_prepare(journal_index(j), "UPDATE restore SET finished = ? WHERE id = ?", e);
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, sys_now_us());
	sqlite3_bind_int64(st, 2, run);
	rc = run_once(journal_index(j), st, e);
	sqlite3_finalize(st);
	return rc;
}

static const char *
get_text(sqlite3_stmt *st, int i)
{
	const char *s = (const char *)sqlite3_column_text(st, i);

	return s != NULL ? s : "";
}

/* The first seven columns. */
static void
get_run(struct restore_run *r, sqlite3_stmt *st)
{
	r->id = sqlite3_column_int64(st, 0);
	r->started = sqlite3_column_int64(st, 1);
	r->finished = sqlite3_column_int64(st, 2);
	r->who = get_text(st, 3);
	r->host = get_text(st, 4);
	r->archive = get_text(st, 5);
	r->selection = get_text(st, 6);
}

static void
tell_row(sqlite3_stmt *st, void (*fn)(void *arg, const struct restore_run *r, const struct restored *m), void *arg)
{
	struct restore_run r;
	struct restored m;

	get_run(&r, st);
	m.root = get_text(st, 7);
	m.id = get_text(st, 8);
	m.new_root = get_text(st, 9);
	m.new_id = get_text(st, 10);
	m.arrived = sqlite3_column_type(st, 11) == SQLITE_NULL ? MSG_NO_TIME : sqlite3_column_int64(st, 11);
	m.is_new_time = sqlite3_column_int(st, 12);
	m.at = sqlite3_column_int64(st, 13);
	fn(arg, &r, &m);
}

int
journal_restores(struct journal *j, const char *root, const char *id, void (*fn)(void *arg, const struct restore_run *r,
    const struct restored *m), void *arg, struct err *e)
{
	struct index *ix = journal_index(j);
	sqlite3_stmt *st;
	int rc;

	st = index_prepare(ix, "SELECT r.id, r.started, r.finished, r.who, r.host, r.archive, r.selection, m.root, m.qid, m.new_root,"
	    " m.new_qid, m.arrived, m.is_new_time, m.at FROM restored m JOIN restore r ON r.id = m.restore"
	    " WHERE (m.qid = ?2 AND m.root = ?1) OR (m.new_qid = ?2 AND m.new_root = ?1) ORDER BY m.at, m.rowid", e);
	if (st == NULL)
		return -1;
	put_text(st, 1, root);
	put_text(st, 2, id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		tell_row(st, fn, arg);
	if (rc != SQLITE_DONE)
		index_err(ix, e, "read the journal");
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
journal_restore_runs(struct journal *j, void (*fn)(void *arg, const struct restore_run *r, int64_t messages), void *arg, struct err *e)
{
	struct index *ix = journal_index(j);
	sqlite3_stmt *st = index_prepare(ix, "SELECT id, started, finished, who, host, archive, selection,"
	    " (SELECT count(*) FROM restored m WHERE m.restore = r.id) FROM restore r ORDER BY id", e);
	struct restore_run r;
	int rc;

	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		get_run(&r, st);
		fn(arg, &r, sqlite3_column_int64(st, 7));
	}
	if (rc != SQLITE_DONE)
		index_err(ix, e, "read the journal");
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}
