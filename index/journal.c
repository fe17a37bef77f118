#include "index/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/index.h"
#include "spool/sys.h"

#define JOURNAL_APPLICATION_ID 0x5350534a	/* "SPSJ" */

enum {
	J_PLAN_NEW, J_PLACE_NEW, J_ITEM_NEW, J_FATE_NEW, J_PLAN, J_PLAN_AFTER, J_PLACE, J_ITEM_AFTER, J_PARTS, J_PLAN_STATE, J_PLAN_FOLDER,
	J_PLAN_ARCHIVE,
	J_ITEM_STATE, J_ITEMS_MOVE, J_PARTS_DROP, J_PART_PUT, J_PART_SHA, J_HISTORY, J_COUNTS, J_FOLDER, J_STOPS, J_STARTED,
	J_WAITING, J_ARCHIVE_PUT, J_ARCHIVES, J_PARTS_OF, J_ITEM_FROM, J_ITEMS_STATE, J_COUNT
};

#define PLAN_COLUMNS "id, parent, kind, state, created, started, finished, who, host, selection, archive, mainlog," \
    " archive_size, sha256, level, archive_dir, (SELECT name FROM service s WHERE s.plan = id)," \
    " (SELECT started IS NULL FROM service s WHERE s.plan = id)"
#define PART_COLUMNS "role, dir, name, private, dev, ino, size, nlink, mode, uid, gid, mtime, ctime, sha256"
#define ITEM_COLUMNS "place, queue, qid, path, inode, arrived, size, sender, account_kind, account_key, json"

static const char *const journal_sql[J_COUNT] = {
	"INSERT INTO plan(parent, kind, state, created, who, host, selection, mainlog, level) VALUES(?,?,?,?,?,?,?,?,?)",
	"INSERT INTO place VALUES(?,?,?,?,?,?,?)",
	"INSERT INTO item(plan, n, " ITEM_COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
	"INSERT INTO fate VALUES(?,?,?,?,NULL)",
	"SELECT " PLAN_COLUMNS " FROM plan WHERE id = ?",
	"SELECT " PLAN_COLUMNS " FROM plan WHERE id > ? AND state BETWEEN ? AND ? ORDER BY id LIMIT 1",
	"SELECT n, kind, root, dev, ino, folder FROM place WHERE plan = ? AND n = ?",
	"SELECT f.n, f.state, f.why, f.archive, " ITEM_COLUMNS " FROM fate f CROSS JOIN item i ON i.plan = f.plan AND i.n = f.n"
	" WHERE f.plan = ? AND f.n > ? AND (1 << f.state) & ? ORDER BY f.n LIMIT ?",
	"SELECT " PART_COLUMNS " FROM part WHERE plan = ? AND item = ? ORDER BY n",
	"UPDATE plan SET state = ?2, started = iif(?2 = 1 AND started IS NULL, ?3, started),"
	" finished = iif(?2 IN (2, 6, 8), ?3, finished) WHERE id = ?1",
	"UPDATE plan SET archive_dir = ?2 WHERE id = ?1",
	"UPDATE plan SET archive = ?2, archive_size = ?3, sha256 = ?4 WHERE id = ?1",
	"UPDATE fate SET state = ?3, why = ?4 WHERE plan = ?1 AND n = ?2",
	"UPDATE fate SET state = ?3, archive = coalesce(?4, archive) WHERE plan = ?1 AND state = ?2",
	"DELETE FROM part WHERE plan = ? AND item = ?",
	"INSERT OR REPLACE INTO part VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	"UPDATE part SET sha256 = ?4 WHERE plan = ?1 AND item = ?2 AND n = ?3",
	"SELECT i.plan, i.n FROM item i JOIN place p ON p.plan = i.plan AND p.n = i.place"
	" WHERE i.qid = ? AND p.root = ? ORDER BY i.plan",
	"SELECT state, count(*) FROM fate WHERE plan = ? GROUP BY state",
	"SELECT plan FROM place WHERE root = ? AND folder = ?",
	"INSERT OR REPLACE INTO service VALUES(?,?,?,NULL)",
	"UPDATE service SET started = ?2 WHERE plan = ?1",
	"SELECT plan FROM service WHERE started IS NULL AND plan > ? ORDER BY plan LIMIT 1",
	"INSERT INTO archive VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET size = excluded.size, sha256 = excluded.sha256",
	"SELECT path, size, sha256, count(*) FROM archive a JOIN fate f ON f.plan = a.plan AND f.archive = a.path WHERE a.plan = ?"
	" GROUP BY a.rowid ORDER BY a.rowid",
	"SELECT " PART_COLUMNS ", item FROM part WHERE plan = ? AND item BETWEEN ? AND ? ORDER BY item, n",
	"SELECT f.n, f.state, f.why, f.archive, " ITEM_COLUMNS " FROM fate f CROSS JOIN item i ON i.plan = f.plan AND i.n = f.n"
	" WHERE f.plan = ?1 AND f.n > ?2 AND f.state = ?3 AND EXISTS(SELECT 1 FROM part p WHERE p.plan = f.plan AND p.item = f.n AND p.n = 0"
	" AND (CAST(p.dir AS TEXT) = ?4 OR substr(CAST(p.dir AS TEXT), 1, length(?4) + 1) = ?4 || '/')) ORDER BY f.n LIMIT 1",
	"UPDATE fate SET state = ?5, why = NULL WHERE plan = ?1 AND n BETWEEN ?2 AND ?3 AND state = ?4"
};

/* One step a version; a step that was released is never edited. */
static const char *const schema[JOURNAL_VERSION] = {
    "CREATE TABLE plan("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES plan, kind INTEGER NOT NULL, state INTEGER NOT NULL,"
    " created INTEGER NOT NULL, started INTEGER, finished INTEGER,"
    " who TEXT NOT NULL, host TEXT NOT NULL, selection TEXT NOT NULL,"
    " archive TEXT, mainlog TEXT, archive_size INTEGER, sha256 BLOB, level INTEGER NOT NULL, archive_dir TEXT) STRICT;"
    "CREATE TABLE place("
    " plan INTEGER NOT NULL REFERENCES plan, n INTEGER NOT NULL, kind TEXT NOT NULL, root TEXT NOT NULL,"
    " dev INTEGER NOT NULL, ino INTEGER NOT NULL, folder TEXT NOT NULL, PRIMARY KEY(plan, n)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE item("
    " plan INTEGER NOT NULL REFERENCES plan, n INTEGER NOT NULL, place INTEGER NOT NULL,"
    " queue TEXT NOT NULL, qid TEXT NOT NULL, path BLOB NOT NULL,"
    " inode INTEGER, arrived INTEGER, size INTEGER, sender TEXT, account_kind TEXT, account_key TEXT,"
    " state INTEGER NOT NULL, why TEXT, json TEXT NOT NULL, archive TEXT, PRIMARY KEY(plan, n)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX item_qid ON item(qid);"
    "CREATE TABLE part("
    " plan INTEGER NOT NULL, item INTEGER NOT NULL, n INTEGER NOT NULL, role INTEGER NOT NULL,"
    " dir BLOB NOT NULL, name BLOB NOT NULL, private TEXT NOT NULL,"
    " dev INTEGER, ino INTEGER, size INTEGER NOT NULL, nlink INTEGER, mode INTEGER NOT NULL,"
    " uid INTEGER NOT NULL, gid INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER, sha256 BLOB,"
    " PRIMARY KEY(plan, item, n)) STRICT, WITHOUT ROWID;",
    "CREATE TABLE service("
    " plan INTEGER PRIMARY KEY REFERENCES plan, name TEXT NOT NULL, stopped INTEGER NOT NULL, started INTEGER) STRICT;",
    "CREATE TABLE restore("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, started INTEGER NOT NULL, finished INTEGER,"
    " who TEXT NOT NULL, host TEXT NOT NULL, archive TEXT NOT NULL, selection TEXT NOT NULL) STRICT;"
    "CREATE TABLE restored("
    " restore INTEGER NOT NULL REFERENCES restore, root TEXT NOT NULL, qid TEXT NOT NULL,"
    " new_root TEXT NOT NULL, new_qid TEXT NOT NULL, arrived INTEGER, is_new_time INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX restored_qid ON restored(qid);"
    "CREATE INDEX restored_new_qid ON restored(new_qid);",
    /* What changes of an item, four times in a purge, apart from what was frozen: its row is a twentieth of that. */
    "CREATE TABLE fate("
    " plan INTEGER NOT NULL, n INTEGER NOT NULL, state INTEGER NOT NULL, why TEXT, archive TEXT, PRIMARY KEY(plan, n),"
    " FOREIGN KEY(plan, n) REFERENCES item ON DELETE CASCADE) STRICT, WITHOUT ROWID;"
    "INSERT INTO fate SELECT plan, n, state, why, archive FROM item;"
    "ALTER TABLE item DROP COLUMN state; ALTER TABLE item DROP COLUMN why; ALTER TABLE item DROP COLUMN archive;",
    "CREATE TABLE archive("
    " plan INTEGER NOT NULL REFERENCES plan, path TEXT NOT NULL, size INTEGER, sha256 BLOB, UNIQUE(plan, path)) STRICT;"
    "INSERT INTO archive SELECT DISTINCT f.plan, f.archive, iif(f.archive = p.archive, p.archive_size, NULL),"
    " iif(f.archive = p.archive, p.sha256, NULL) FROM fate f JOIN plan p ON p.id = f.plan WHERE f.archive IS NOT NULL"
    " ORDER BY f.plan, f.archive IS p.archive;",
    /* A restore stops a service too: its plan is minus the number of the restore. */
    "ALTER TABLE service RENAME TO service_of_plan;"
    "CREATE TABLE service(plan INTEGER PRIMARY KEY, name TEXT NOT NULL, stopped INTEGER NOT NULL, started INTEGER) STRICT;"
    "INSERT INTO service SELECT plan, name, stopped, started FROM service_of_plan; DROP TABLE service_of_plan;",
    /* Of the last run of a plan that came to its end (proof.h). */
    "CREATE TABLE proof("
    " plan INTEGER PRIMARY KEY REFERENCES plan, at INTEGER NOT NULL, before INTEGER NOT NULL, arrived INTEGER NOT NULL, after INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, kept INTEGER NOT NULL, vanished INTEGER NOT NULL, wrong INTEGER NOT NULL, is_whole INTEGER NOT NULL) STRICT;"
};

struct journal {
	struct index ix;		/* for its error texts and helpers; not an index database */
	sqlite3_stmt *st[J_COUNT];
};

sqlite3 *
journal_db(struct journal *j)
{
	return j->ix.db;
}

struct index *
journal_index(struct journal *j)
{
	return &j->ix;
}

/* ---- opening ---- */

static char *
beside(const char *index_path)
{
	const char *slash = strrchr(index_path, '/');
	size_t n = slash != NULL ? (size_t)(slash - index_path) + 1 : 0;
	char *path = mem_new(n + sizeof "journal.db");

	memcpy(path, index_path, n);
	memcpy(path + n, "journal.db", sizeof "journal.db");
	return path;
}

static int
identify(int64_t *version, struct journal *j, struct err *e)
{
	sqlite3_stmt *st = index_prepare(&j->ix, "SELECT (SELECT application_id FROM pragma_application_id),"
	    " (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)", e);
	int64_t app;
	int rc;

	if (st == NULL)
		return -1;
	rc = sqlite3_step(st);
	app = sqlite3_column_int64(st, 0);
	*version = sqlite3_column_int64(st, 1);
	if (rc != SQLITE_ROW)
		rc = index_err(&j->ix, e, "open");
	else if (app == 0 && *version == 0 && sqlite3_column_int(st, 2) == 0)
		rc = 0;
	else if (app != JOURNAL_APPLICATION_ID)
		rc = err_set(e, 0, "%s is not a journal of spoolsweep: left as it is", j->ix.path);
	else if (*version < 0 || *version > JOURNAL_VERSION)
		rc = err_set(e, 0, "%s has version %lld, this program knows version %d: use the newer spoolsweep", j->ix.path,
		    (long long)*version, JOURNAL_VERSION);
	else
		rc = 0;
	sqlite3_finalize(st);
	return rc;
}

/* New or older: brought to our version in one transaction. Another process may have done it meanwhile. */
static int
upgrade(struct journal *j, struct err *e)
{
	char sql[128];
	int64_t version;
	int rc;

	if (index_set_log(&j->ix, e) < 0 || index_exec(&j->ix, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	sqlite3_snprintf((int)sizeof sql, sql, "PRAGMA application_id = %d; PRAGMA user_version = %d", JOURNAL_APPLICATION_ID,
	    JOURNAL_VERSION);
	rc = identify(&version, j, e);
	if (rc < 0 && index_roll_back(&j->ix))
		rc = identify(&version, j, e);
	for (; rc == 0 && version < JOURNAL_VERSION; version++)
		rc = index_exec(&j->ix, schema[version], e);
	if (rc < 0 || index_exec(&j->ix, sql, e) < 0 || index_exec(&j->ix, "COMMIT", e) < 0) {
		sqlite3_exec(j->ix.db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return 0;
}

static int
open_journal(struct journal **out, int64_t *version, const char *index_path, int write, struct err *e)
{
	struct journal *j = mem_new(sizeof *j);
	int i, rc;

	*version = -1;
	j->ix.path = beside(index_path);
	if (sys_is_odd(j->ix.path)) {
		err_set(e, 0, "journal %s is no regular file", j->ix.path);
		goto out;
	}
	if (write && sys_make_private(j->ix.path, e) < 0)
		goto out;
	rc = sqlite3_open_v2(j->ix.path, &j->ix.db, (write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) |
	    SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		err_set(e, sys_errno_of(sqlite3_system_errno(j->ix.db)), "open journal %s", j->ix.path);
		goto out;
	}
	sqlite3_extended_result_codes(j->ix.db, 1);
	sqlite3_busy_timeout(j->ix.db, 60000);
	if (identify(version, j, e) < 0 && ((!index_roll_back(&j->ix) && (write || !index_open_fixed(&j->ix))) || identify(version, j, e) < 0))
		goto out;
	if (*version == 0 && !write) {
		err_set(e, ENOENT, "journal %s is empty", j->ix.path);	/* made, and killed: nothing was planned */
		goto out;
	}
	if (*version < JOURNAL_VERSION && (!write || upgrade(j, e) < 0)) {
		if (!write)
			err_set(e, 0, "journal %s has version %lld", j->ix.path, (long long)*version);
		goto out;
	}
	/* FULL: a commit is on the disk when it returns; the purge's promises stand on that. */
	if (write && index_exec(&j->ix, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -8192", e) < 0)
		goto out;
	for (i = 0; i < J_COUNT; i++)
		if ((j->st[i] = index_prepare(&j->ix, journal_sql[i], e)) == NULL)
			goto out;
	*out = j;
	return 0;
out:
	journal_close(j);
	return -1;
}

int
journal_open(struct journal **out, const char *index_path, int write, struct err *e)
{
	struct journal *j;
	int64_t version;
	int rc = open_journal(out, &version, index_path, write, e);

	if (rc == 0 || write || version < 1 || version >= JOURNAL_VERSION)
		return rc;
	/* An older one that is only to be read: what plans it has must not become unknown by a new version of the program. */
	err_clear(e);
	if (open_journal(&j, &version, index_path, 1, e) < 0)
		return -1;
	journal_close(j);
	return open_journal(out, &version, index_path, 0, e);
}

void
journal_close(struct journal *j)
{
	int i;

	if (j == NULL)
		return;
	for (i = 0; i < J_COUNT; i++)
		sqlite3_finalize(j->st[i]);
	sqlite3_close(j->ix.db);
	free(j->ix.path);
	free(j);
}

int
journal_begin(struct journal *j, struct err *e)
{
	return index_exec(&j->ix, "BEGIN IMMEDIATE", e);
}

int
journal_commit(struct journal *j, struct err *e)
{
	return index_exec(&j->ix, "COMMIT", e);
}

void
journal_rollback(struct journal *j)
{
	sqlite3_exec(j->ix.db, "ROLLBACK", NULL, NULL, NULL);
}

int
journal_begin_read(struct journal *j, struct err *e)
{
	return index_exec(&j->ix, "BEGIN", e);
}

void
journal_end_read(struct journal *j)
{
	journal_rollback(j);
}

/* ---- small binding and reading tools ---- */

static void
text_in(sqlite3_stmt *st, int i, const char *s)
{
	if (s != NULL)
		sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, i);
}

static void
bytes_in(sqlite3_stmt *st, int i, const char *s)
{
	sqlite3_bind_blob(st, i, s, (int)strlen(s), SQLITE_STATIC);
}

static const char *
text_out(sqlite3_stmt *st, int i, struct arena *a)
{
	const void *p = sqlite3_column_type(st, i) == SQLITE_BLOB ? sqlite3_column_blob(st, i) : sqlite3_column_text(st, i);

	if (sqlite3_column_type(st, i) == SQLITE_NULL)
		return NULL;
	return arena_dup(a, p, (size_t)sqlite3_column_bytes(st, i));
}

static int64_t
int_out(sqlite3_stmt *st, int i, int64_t null)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL ? null : sqlite3_column_int64(st, i);
}

static int
sha_out(unsigned char sha[ARC_SHA256], sqlite3_stmt *st, int i)
{
	if (sqlite3_column_bytes(st, i) != ARC_SHA256)
		return 0;
	memcpy(sha, sqlite3_column_blob(st, i), ARC_SHA256);
	return 1;
}

/* Runs a statement that gives no row. */
static int
done(struct journal *j, sqlite3_stmt *st, struct err *e)
{
	int rc = sqlite3_step(st);

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		index_err(&j->ix, e, "write the journal");
	sqlite3_reset(st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

/* ---- writing ---- */

int
journal_plan_new(struct journal *j, struct plan *p, struct err *e)
{
	sqlite3_stmt *st = j->st[J_PLAN_NEW];

	if (p->parent != 0)
		sqlite3_bind_int64(st, 1, p->parent);
	else
		sqlite3_bind_null(st, 1);
	sqlite3_bind_int(st, 2, (int)p->kind);
	sqlite3_bind_int(st, 3, (int)p->state);
	sqlite3_bind_int64(st, 4, p->created);
	text_in(st, 5, p->who);
	text_in(st, 6, p->host);
	text_in(st, 7, p->selection);
	text_in(st, 8, p->mainlog);
	sqlite3_bind_int64(st, 9, p->level);
	if (done(j, st, e) < 0)
		return -1;
	p->id = sqlite3_last_insert_rowid(j->ix.db);
	return 0;
}

int
journal_place_new(struct journal *j, int64_t plan, const struct place *pl, struct err *e)
{
	sqlite3_stmt *st = j->st[J_PLACE_NEW];

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, pl->n);
	text_in(st, 3, pl->kind);
	text_in(st, 4, pl->root);
	sqlite3_bind_int64(st, 5, (int64_t)pl->dev);
	sqlite3_bind_int64(st, 6, (int64_t)pl->ino);
	text_in(st, 7, pl->folder);
	return done(j, st, e);
}

int
journal_item_new(struct journal *j, int64_t plan, const struct item *it, struct err *e)
{
	sqlite3_stmt *st = j->st[J_ITEM_NEW];

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, it->n);
	sqlite3_bind_int64(st, 3, it->place);
	text_in(st, 4, it->queue);
	text_in(st, 5, it->id);
	bytes_in(st, 6, it->path);
	sqlite3_bind_int64(st, 7, (int64_t)it->inode);
	if (it->arrived == MSG_NO_TIME)
		sqlite3_bind_null(st, 8);
	else
		sqlite3_bind_int64(st, 8, it->arrived);
	if (it->size < 0)
		sqlite3_bind_null(st, 9);
	else
		sqlite3_bind_int64(st, 9, it->size);
	text_in(st, 10, it->sender);
	text_in(st, 11, it->account_kind);
	text_in(st, 12, it->account_key);
	text_in(st, 13, it->json);
	if (done(j, st, e) < 0)
		return -1;
	st = j->st[J_FATE_NEW];
	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, it->n);
	sqlite3_bind_int(st, 3, (int)it->state);
	text_in(st, 4, it->why);
	return done(j, st, e);
}

int
journal_plan_state(struct journal *j, int64_t plan, enum plan_state s, struct err *e)
{
	sqlite3_stmt *st = j->st[J_PLAN_STATE];

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int(st, 2, (int)s);
	sqlite3_bind_int64(st, 3, sys_now_us());
	return done(j, st, e);
}

int
journal_plan_folder(struct journal *j, int64_t plan, const char *dir, struct err *e)
{
	sqlite3_stmt *st = j->st[J_PLAN_FOLDER];

	sqlite3_bind_int64(st, 1, plan);
	text_in(st, 2, dir);
	return done(j, st, e);
}

int
journal_plan_archive(struct journal *j, int64_t plan, const char *path, int64_t size, const unsigned char *sha, struct err *e)
{
	sqlite3_stmt *st = j->st[J_PLAN_ARCHIVE];
	int rc;

	sqlite3_bind_int64(st, 1, plan);
	text_in(st, 2, path);
	if (sha != NULL) {
		sqlite3_bind_int64(st, 3, size);
		sqlite3_bind_blob(st, 4, sha, ARC_SHA256, SQLITE_STATIC);
	} else {
		sqlite3_bind_null(st, 3);
		sqlite3_bind_null(st, 4);
	}
	rc = done(j, st, e);
	if (rc < 0 || sha == NULL)
		return rc;
	st = j->st[J_ARCHIVE_PUT];
	sqlite3_bind_int64(st, 1, plan);
	text_in(st, 2, path);
	sqlite3_bind_int64(st, 3, size);
	sqlite3_bind_blob(st, 4, sha, ARC_SHA256, SQLITE_STATIC);
	return done(j, st, e);
}

int
journal_service_stops(struct journal *j, int64_t id, const char *name, struct err *e)
{
	sqlite3_stmt *st = j->st[J_STOPS];

	sqlite3_bind_int64(st, 1, id);
	text_in(st, 2, name);
	sqlite3_bind_int64(st, 3, sys_now_us());
	return done(j, st, e);
}

int
journal_service_started(struct journal *j, int64_t id, struct err *e)
{
	sqlite3_stmt *st = j->st[J_STARTED];

	sqlite3_bind_int64(st, 1, id);
	sqlite3_bind_int64(st, 2, sys_now_us());
	return done(j, st, e);
}

int
journal_service_waiting(int64_t *id, struct journal *j, int64_t after, struct err *e)
{
	sqlite3_stmt *st = j->st[J_WAITING];
	int rc;

	sqlite3_bind_int64(st, 1, after);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*id = sqlite3_column_int64(st, 0);
	else if (rc != SQLITE_DONE)
		index_err(&j->ix, e, "read the journal");
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

int
journal_item_state(struct journal *j, int64_t plan, int64_t item, enum item_state s, const char *why, struct err *e)
{
	sqlite3_stmt *st = j->st[J_ITEM_STATE];

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, item);
	sqlite3_bind_int(st, 3, (int)s);
	text_in(st, 4, why);
	return done(j, st, e);
}

int
journal_items_state(struct journal *j, int64_t plan, int64_t first, int64_t last, enum item_state from, enum item_state to, struct err *e)
{
	sqlite3_stmt *st = j->st[J_ITEMS_STATE];

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, first);
	sqlite3_bind_int64(st, 3, last);
	sqlite3_bind_int(st, 4, (int)from);
	sqlite3_bind_int(st, 5, (int)to);
	return done(j, st, e);
}

int
journal_items_move(struct journal *j, int64_t plan, enum item_state from, enum item_state to, const char *archive, struct err *e)
{
	sqlite3_stmt *st = j->st[J_ITEMS_MOVE];

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int(st, 2, (int)from);
	sqlite3_bind_int(st, 3, (int)to);
	text_in(st, 4, archive);
	return done(j, st, e);
}

int
journal_parts_drop(struct journal *j, int64_t plan, int64_t item, struct err *e)
{
	sqlite3_stmt *st = j->st[J_PARTS_DROP];

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, item);
	return done(j, st, e);
}

int
journal_part_put(struct journal *j, int64_t plan, int64_t item, size_t n, const struct item_part *p, struct err *e)
{
	const int64_t v[] = {
		(int64_t)p->st.dev, (int64_t)p->st.ino, (int64_t)p->st.size, (int64_t)p->st.nlink, p->st.mode, p->st.uid, p->st.gid,
		p->st.mtime, p->st.ctime
	};
	sqlite3_stmt *st = j->st[J_PART_PUT];
	size_t i;

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, item);
	sqlite3_bind_int64(st, 3, (int64_t)n);
	sqlite3_bind_int(st, 4, (int)p->role);
	bytes_in(st, 5, p->dir);
	bytes_in(st, 6, p->name);
	text_in(st, 7, p->private);
	for (i = 0; i < sizeof v / sizeof v[0]; i++)
		sqlite3_bind_int64(st, 8 + (int)i, v[i]);
	if (p->has_sha)
		sqlite3_bind_blob(st, 17, p->sha, ARC_SHA256, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, 17);
	return done(j, st, e);
}

int
journal_part_sha(struct journal *j, int64_t plan, int64_t item, size_t n, const unsigned char sha[ARC_SHA256], struct err *e)
{
	sqlite3_stmt *st = j->st[J_PART_SHA];

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, item);
	sqlite3_bind_int64(st, 3, (int64_t)n);
	sqlite3_bind_blob(st, 4, sha, ARC_SHA256, SQLITE_STATIC);
	return done(j, st, e);
}

/* ---- reading ---- */

static void
plan_out(struct plan *p, sqlite3_stmt *st, struct arena *a)
{
	memset(p, 0, sizeof *p);
	p->id = sqlite3_column_int64(st, 0);
	p->parent = sqlite3_column_int64(st, 1);
	p->kind = (enum plan_kind)sqlite3_column_int(st, 2);
	p->state = (enum plan_state)sqlite3_column_int(st, 3);
	p->created = sqlite3_column_int64(st, 4);
	p->started = sqlite3_column_int64(st, 5);
	p->finished = sqlite3_column_int64(st, 6);
	p->who = text_out(st, 7, a);
	p->host = text_out(st, 8, a);
	p->selection = text_out(st, 9, a);
	p->archive = text_out(st, 10, a);
	p->mainlog = text_out(st, 11, a);
	p->archive_size = int_out(st, 12, -1);
	p->has_sha = sha_out(p->sha, st, 13);
	p->level = sqlite3_column_int64(st, 14);
	p->archive_dir = text_out(st, 15, a);
	p->service = text_out(st, 16, a);
	p->service_waits = sqlite3_column_int(st, 17);
}

static int
plan_counts(struct plan *p, struct journal *j, struct err *e)
{
	sqlite3_stmt *st = j->st[J_COUNTS];
	int rc, s;

	sqlite3_bind_int64(st, 1, p->id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		s = sqlite3_column_int(st, 0);
		if (s >= 0 && s < ITEM_STATES)
			p->count[s] = sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 1 : index_err(&j->ix, e, "read the journal");
}

static int
one_plan(struct plan *out, struct journal *j, sqlite3_stmt *st, struct arena *a, struct err *e)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		plan_out(out, st, a);
	else if (rc != SQLITE_DONE)
		index_err(&j->ix, e, "read the journal");
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? plan_counts(out, j, e) : rc == SQLITE_DONE ? 0 : -1;
}

int
journal_plan(struct plan *out, struct journal *j, int64_t id, struct arena *a, struct err *e)
{
	sqlite3_bind_int64(j->st[J_PLAN], 1, id);
	return one_plan(out, j, j->st[J_PLAN], a, e);
}

int
journal_plan_after(struct plan *out, struct journal *j, int64_t id, enum plan_state from, enum plan_state to, struct arena *a,
    struct err *e)
{
	sqlite3_stmt *st = j->st[J_PLAN_AFTER];

	sqlite3_bind_int64(st, 1, id);
	sqlite3_bind_int(st, 2, (int)from);
	sqlite3_bind_int(st, 3, (int)to);
	return one_plan(out, j, st, a, e);
}

int
journal_place(struct place *out, struct journal *j, int64_t plan, int64_t n, struct arena *a, struct err *e)
{
	sqlite3_stmt *st = j->st[J_PLACE];
	int rc;

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, n);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		out->n = sqlite3_column_int64(st, 0);
		out->kind = text_out(st, 1, a);
		out->root = text_out(st, 2, a);
		out->dev = (uint64_t)sqlite3_column_int64(st, 3);
		out->ino = (uint64_t)sqlite3_column_int64(st, 4);
		out->folder = text_out(st, 5, a);
	} else if (rc != SQLITE_DONE)
		index_err(&j->ix, e, "read the journal");
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static void
item_out(struct item *out, sqlite3_stmt *st, struct arena *a)
{
	out->n = sqlite3_column_int64(st, 0);
	out->state = (enum item_state)sqlite3_column_int(st, 1);
	out->why = text_out(st, 2, a);
	out->archive = text_out(st, 3, a);
	out->place = sqlite3_column_int64(st, 4);
	out->queue = text_out(st, 5, a);
	out->id = text_out(st, 6, a);
	out->path = text_out(st, 7, a);
	out->inode = (uint64_t)sqlite3_column_int64(st, 8);
	out->arrived = int_out(st, 9, MSG_NO_TIME);
	out->size = int_out(st, 10, -1);
	out->sender = text_out(st, 11, a);
	out->account_kind = text_out(st, 12, a);
	out->account_key = text_out(st, 13, a);
	out->json = text_out(st, 14, a);
}

/* Up to max rows of a statement that has all its values. */
static int
items_out(struct item *out, size_t *n, size_t max, struct journal *j, sqlite3_stmt *st, struct arena *a, struct err *e)
{
	int rc = SQLITE_DONE;

	for (*n = 0; *n < max && (rc = sqlite3_step(st)) == SQLITE_ROW; (*n)++)
		item_out(&out[*n], st, a);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		index_err(&j->ix, e, "read the journal");
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

int
journal_items(struct item *out, size_t *n, size_t max, struct journal *j, int64_t plan, int64_t after, unsigned mask, struct arena *a,
    struct err *e)
{
	sqlite3_stmt *st = j->st[J_ITEM_AFTER];

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, after);
	sqlite3_bind_int64(st, 3, mask);
	sqlite3_bind_int64(st, 4, (int64_t)max);
	return items_out(out, n, max, j, st, a, e);
}

int
journal_item_from(struct item *out, struct journal *j, int64_t plan, int64_t n, enum item_state state, const char *folder,
    struct arena *a, struct err *e)
{
	sqlite3_stmt *st = j->st[J_ITEM_FROM];
	size_t got;

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, n);
	sqlite3_bind_int(st, 3, (int)state);
	text_in(st, 4, folder);
	return items_out(out, &got, 1, j, st, a, e) < 0 ? -1 : (int)got;
}

int
journal_item_after(struct item *out, struct journal *j, int64_t plan, int64_t n, unsigned mask, struct arena *a, struct err *e)
{
	size_t got;

	return journal_items(out, &got, 1, j, plan, n, mask, a, e) < 0 ? -1 : (int)got;
}

static void
part_out(struct item_part *p, sqlite3_stmt *st, struct arena *a)
{
	p->role = (enum part_role)sqlite3_column_int(st, 0);
	p->dir = text_out(st, 1, a);
	p->name = text_out(st, 2, a);
	p->private = text_out(st, 3, a);
	p->st.dev = (uint64_t)sqlite3_column_int64(st, 4);
	p->st.ino = (uint64_t)sqlite3_column_int64(st, 5);
	p->st.size = (uint64_t)sqlite3_column_int64(st, 6);
	p->st.nlink = (uint64_t)sqlite3_column_int64(st, 7);
	p->st.mode = (uint32_t)sqlite3_column_int64(st, 8);
	p->st.uid = (uint32_t)sqlite3_column_int64(st, 9);
	p->st.gid = (uint32_t)sqlite3_column_int64(st, 10);
	p->st.mtime = sqlite3_column_int64(st, 11);
	p->st.ctime = sqlite3_column_int64(st, 12);
	p->st.type = SYS_FILE;
	p->has_sha = sha_out(p->sha, st, 13);
}

int
journal_parts(struct item_part **out, size_t *n, struct journal *j, int64_t plan, int64_t item, struct arena *a, struct err *e)
{
	sqlite3_stmt *st = j->st[J_PARTS];
	int rc;

	*out = arena_zero(a, PART_MAX * sizeof **out);
	*n = 0;
	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, item);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && *n < PART_MAX)
		part_out(&(*out)[(*n)++], st, a);
	sqlite3_reset(st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : index_err(&j->ix, e, "read the journal");
}

int
journal_parts_of(struct journal *j, int64_t plan, int64_t from, int64_t to, int (*fn)(void *arg, int64_t item, const struct item_part *p),
    void *arg, struct arena *a, struct err *e)
{
	sqlite3_stmt *st = j->st[J_PARTS_OF];
	struct item_part p;
	int rc;

	sqlite3_bind_int64(st, 1, plan);
	sqlite3_bind_int64(st, 2, from);
	sqlite3_bind_int64(st, 3, to);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		memset(&p, 0, sizeof p);
		part_out(&p, st, a);
		if (fn(arg, sqlite3_column_int64(st, 14), &p) < 0)
			break;
	}
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : rc == SQLITE_ROW ? -1 : index_err(&j->ix, e, "read the journal");
}

int
journal_history(struct journal *j, const char *root, const char *id, void (*fn)(void *arg, const struct plan *p,
    const struct item *it), void *arg, struct err *e)
{
	sqlite3_stmt *st = j->st[J_HISTORY];
	struct arena a = { 0 };
	struct plan p;
	struct item it;
	int rc, got = 1;

	text_in(st, 1, id);
	text_in(st, 2, root);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && got == 1) {
		arena_reset(&a);
		got = journal_plan(&p, j, sqlite3_column_int64(st, 0), &a, e);
		if (got == 1)
			got = journal_item_after(&it, j, p.id, sqlite3_column_int64(st, 1) - 1, ~0u, &a, e);
		if (got == 1)
			fn(arg, &p, &it);
	}
	if (rc != SQLITE_DONE && got == 1)
		got = index_err(&j->ix, e, "read the journal");
	sqlite3_reset(st);
	arena_free(&a);
	return got < 0 ? -1 : 0;
}

int
journal_archives(struct journal *j, int64_t plan, void (*fn)(void *arg, const struct plan_archive *x), void *arg, struct err *e)
{
	sqlite3_stmt *st = j->st[J_ARCHIVES];
	struct plan_archive x;
	int rc;

	sqlite3_bind_int64(st, 1, plan);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		x.path = (const char *)sqlite3_column_text(st, 0);
		x.size = sqlite3_column_type(st, 1) != SQLITE_NULL ? sqlite3_column_int64(st, 1) : -1;
		x.has_sha = sqlite3_column_bytes(st, 2) == ARC_SHA256;
		if (x.has_sha)
			memcpy(x.sha, sqlite3_column_blob(st, 2), ARC_SHA256);
		x.messages = sqlite3_column_int64(st, 3);
		fn(arg, &x);
	}
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : index_err(&j->ix, e, "read the journal");
}

int
journal_plan_of_folder(int64_t *plan, struct journal *j, const char *root, const char *folder, struct err *e)
{
	sqlite3_stmt *st = j->st[J_FOLDER];
	int rc;

	text_in(st, 1, root);
	text_in(st, 2, folder);
	rc = index_row(&j->ix, st, e);
	*plan = rc == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return rc;
}

/* ---- names ---- */

const char *
plan_state_name(enum plan_kind k, enum plan_state s)
{
	static const char *const name[] = {
		"planned", "taking", "taken", "archiving", "verified", "deleting", "done", "undoing", "undone"
	};

	return k == PLAN_HOLD && s == PLAN_TAKEN ? "held" : name[s];
}

static const char *const item_name[ITEM_STATES] = {
	"planned", "taken", "archived", "verified", "deleted", "changed", "busy", "gone", "failed", "released"
};

const char *
item_state_name(enum item_state s)
{
	return item_name[s];
}

int
item_state_named(enum item_state *out, const char *name)
{
	int i;

	for (i = 0; i < ITEM_STATES; i++) {
		if (strcmp(item_name[i], name) == 0) {
			*out = (enum item_state)i;
			return 0;
		}
	}
	return -1;
}
