#include "index/check_past.h"

#include <string.h>

#include "spool/sys.h"

/* ?1, ?2: the spool. Numbers of scans, not times: a clock that was set back makes nothing newer. */
#define LAST_SCAN "coalesce((SELECT max(s.id) FROM scan s JOIN spool p ON p.id = s.spool WHERE p.kind = ?1 AND p.root = ?2), 0)"

static sqlite3_stmt *
prepare(struct index *ix, const char *sql, const char *kind, const char *root, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, sql, e);

	if (st != NULL) {
		sqlite3_bind_text(st, 1, kind, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, root, -1, SQLITE_STATIC);
	}
	return st;
}

static char *
text(sqlite3_stmt *st, int column, struct arena *a)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return s != NULL ? arena_str(a, s) : NULL;
}

static void
take(struct check_past *out, sqlite3_stmt *st, struct arena *a)
{
	struct check_account *account;

	out->fact.how = sqlite3_column_int(st, 1) != 0 ? FACT_KNOWN : FACT_AT_LEAST;
	out->fact.v = sqlite3_column_double(st, 2);
	out->fact.why = out->fact.how == FACT_KNOWN ? text(st, 3, a) : NULL;
	out->at = sqlite3_column_int64(st, 4);
	if (sqlite3_column_type(st, 5) == SQLITE_NULL || sqlite3_column_type(st, 6) == SQLITE_NULL)
		return;
	account = arena_zero(a, sizeof *account);
	account->kind = text(st, 5, a);
	account->name = text(st, 6, a);
	account->messages = sqlite3_column_int64(st, 7);
	account->seconds = sqlite3_column_int64(st, 8);
	account->usual = sqlite3_column_int64(st, 9);
	account->per_minute = account->clients = -1;
	out->account = account;
}

int
past_load(struct check_past out[CHECK_COUNT], struct index *ix, const char *kind, const char *root, struct arena *a, struct err *e)
{
	sqlite3_stmt *st = prepare(ix, "SELECT name, is_known, value, why, at, account_kind, account, messages, seconds, usual FROM judged"
	    " WHERE kind = ?1 AND root = ?2 AND scan = " LAST_SCAN, kind, root, e);
	const char *name;
	int rc, id;

	memset(out, 0, CHECK_COUNT * sizeof *out);
	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		name = (const char *)sqlite3_column_text(st, 0);
		id = check_named(name, strlen(name));
		if (id >= 0)
			take(&out[id], st, a);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(ix, e, "read");
}

static int
put(sqlite3_stmt *st, struct index *ix, const struct check_result *r, struct err *e)
{
	const struct check_account *a = r->account;

	sqlite3_bind_text(st, 3, check_info[r->id].name, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 4, r->fact.how == FACT_KNOWN);
	sqlite3_bind_double(st, 5, r->fact.v);
	sqlite3_bind_text(st, 6, r->fact.why, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 7, sys_now_us());
	sqlite3_bind_text(st, 8, a != NULL ? a->kind : NULL, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 9, a != NULL ? a->name : NULL, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 10, a != NULL ? a->messages : -1);
	sqlite3_bind_int64(st, 11, a != NULL ? a->seconds : -1);
	sqlite3_bind_int64(st, 12, a != NULL ? a->usual : -1);
	sqlite3_step(st);
	return sqlite3_reset(st) == SQLITE_OK ? 0 : index_err(ix, e, "write");
}

int
past_store(struct index *ix, const struct check_facts *f, const struct check_result r[CHECK_COUNT], struct err *e)
{
	sqlite3_stmt *st;
	int id, rc = 0;

	if (f->kind == NULL)	/* it could not be opened */
		return 0;
	st = prepare(ix, "INSERT INTO judged(kind, root, name, scan, is_known, value, why, at, account_kind, account, messages, seconds, usual)"
	    " VALUES(?1, ?2, ?3, " LAST_SCAN ", ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT(kind, root, name) DO UPDATE SET"
	    " scan = excluded.scan, is_known = excluded.is_known, value = excluded.value, why = excluded.why, at = excluded.at,"
	    " account_kind = excluded.account_kind, account = excluded.account, messages = excluded.messages, seconds = excluded.seconds,"
	    " usual = excluded.usual WHERE excluded.is_known OR excluded.value > value OR excluded.scan IS NOT scan", f->kind, f->root, e);
	if (st == NULL || index_exec(ix, "BEGIN IMMEDIATE", e) < 0) {
		sqlite3_finalize(st);
		return -1;
	}
	for (id = 0; id < CHECK_COUNT && rc == 0; id++)
		if (id != CHECK_INDEX && (r[id].fact.how == FACT_KNOWN || r[id].fact.how == FACT_AT_LEAST))
			rc = put(st, ix, &r[id], e);
	sqlite3_finalize(st);
	if (rc < 0 || index_exec(ix, "COMMIT", e) < 0) {
		sqlite3_exec(ix->db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return 0;
}
