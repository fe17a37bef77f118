#include "index/keep.h"

#include <string.h>

#include "spool/sys.h"

#define SAFE_EACH 1000		/* messages: who is killed for being late has not read them in vain */

/* Is what is there of our encoding? 1, 0, -1. */
static int
is_usable(struct index *ix, int64_t spool, const char *zone, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT 1 FROM unfinished WHERE spool = ?1 AND format = ?2 AND (?3 IS NULL OR timezone IS ?3)", e);
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, spool);
	sqlite3_bind_int(st, 2, STAGE_FORMAT);
	sqlite3_bind_text(st, 3, zone, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : index_err(ix, e, "read");
}

int
keep_load(struct keep *k, struct index *ix, int64_t spool, const char *zone, struct err *e)
{
	int rc = is_usable(ix, spool, zone, e);

	if (rc <= 0)
		return rc;
	k->ix = ix;
	k->spool = spool;
	if (known_load(&k->known, ix, "SELECT id, fp FROM staged WHERE spool = ?", spool, e) < 0)
		return -1;
	k->st = index_prepare(ix, "SELECT record FROM staged WHERE id = ?", e);
	k->room = stage_pipe();
	return k->st != NULL ? 0 : -1;
}

void
keep_free(struct keep *k)
{
	known_free(&k->known);
	sqlite3_finalize(k->st);
	stage_free(k->room);
	memset(k, 0, sizeof *k);
}

int
keep_next(struct staged *out, struct keep *k, struct err *e)
{
	int rc;

	sqlite3_reset(k->st);
	while (k->at < k->known.n && atomic_load_explicit(&k->known.seen[k->at], memory_order_relaxed) == 0)
		k->at++;
	if (k->at == k->known.n)
		return 0;
	sqlite3_bind_int64(k->st, 1, k->known.row[k->at].row);
	rc = sqlite3_step(k->st);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? err_set(e, 0, "index %s: what an earlier scan had read has gone meanwhile", k->ix->path) :
		    index_err(k->ix, e, "read");
	if (stage_decode(out, k->room, sqlite3_column_blob(k->st, 0), (size_t)sqlite3_column_bytes(k->st, 0)) < 0 ||
	    out->fp != k->known.row[k->at].fp) {
		k->is_damaged = 1;
		return err_set(e, 0, "index %s: what an earlier scan had read is damaged; the next scan reads it anew", k->ix->path);
	}
	k->at++;
	return 1;
}

static int
note_scan(struct index *ix, int64_t spool, const char *zone, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "INSERT INTO unfinished VALUES(?1,?2,?3,?4) ON CONFLICT(spool) DO UPDATE SET format = ?2,"
	    " timezone = ?3", e);
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, spool);
	sqlite3_bind_int(st, 2, STAGE_FORMAT);
	sqlite3_bind_text(st, 3, zone, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, sys_now_us());
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(ix, e, "write");
}

int
keep_store(struct index *ix, int64_t spool, const char *zone, struct stage *s, void (*fn)(void *arg, const struct staged *m), void *arg,
    struct err *e)
{
	sqlite3_stmt *st;
	struct staged m;
	const void *record;
	size_t n, kept = 0;
	int rc, step;

	if (note_scan(ix, spool, zone, e) < 0)
		return -1;
	st = index_prepare(ix, "INSERT OR IGNORE INTO staged(spool, fp, record) VALUES(?,?,?)", e);
	if (st == NULL)
		return -1;
	while ((rc = stage_next(&m, s, e)) == 1) {
		fn(arg, &m);
		if (m.fp == 0)	/* something of it could not be read, and may be next time */
			continue;
		record = stage_record(&n, s);
		sqlite3_bind_int64(st, 1, spool);
		sqlite3_bind_int64(st, 2, (int64_t)m.fp);
		sqlite3_bind_blob(st, 3, record, (int)n, SQLITE_STATIC);
		step = sqlite3_step(st);
		sqlite3_reset(st);
		if (step != SQLITE_DONE) {
			rc = index_err(ix, e, "write");
			break;
		}
		if (++kept % SAFE_EACH == 0 && index_exec(ix, "COMMIT; BEGIN IMMEDIATE", e) < 0) {
			rc = -1;
			break;
		}
	}
	sqlite3_finalize(st);
	return rc;
}

int
keep_drop(struct index *ix, int64_t spool, struct err *e)
{
	static const char *const sql[] = { "DELETE FROM staged WHERE spool = ?", "DELETE FROM unfinished WHERE spool = ?" };
	sqlite3_stmt *st;
	size_t i;
	int rc;

	for (i = 0; i < 2; i++) {
		st = index_prepare(ix, sql[i], e);
		if (st == NULL)
			return -1;
		sqlite3_bind_int64(st, 1, spool);
		rc = sqlite3_step(st);
		sqlite3_finalize(st);
		if (rc != SQLITE_DONE)
			return index_err(ix, e, "write");
	}
	return 0;
}
