#include "index/index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"
#include "spool/sys.h"

#define BUSY_MS 60000

int
index_err(struct index *ix, struct err *e, const char *what)
{
	int rc = sqlite3_errcode(ix->db) & 0xff;

	if (rc == SQLITE_FULL || rc == SQLITE_READONLY || rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN)
		return err_set(e, 0, "index %s: %s: %s (--index FILE puts it on another disk)", ix->path, what,
		    sqlite3_errmsg(ix->db));
	if (rc == SQLITE_BUSY)
		return err_set(e, 0, "index %s: %s: another program holds the write lock", ix->path, what);
	return err_set(e, 0, "index %s: %s: %s%s", ix->path, what, sqlite3_errmsg(ix->db), rc == SQLITE_CORRUPT && ix->is_made_again ?
	    " (move it away, and scan again)" : "");
}

int
index_roll_back(struct index *ix)
{
	sqlite3 *db = NULL;
	int rc = SQLITE_ERROR;

	if (sqlite3_extended_errcode(ix->db) == SQLITE_READONLY_ROLLBACK && sqlite3_open_v2(ix->path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
		rc = sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	sqlite3_close(db);
	return rc == SQLITE_OK;
}

sqlite3_stmt *
index_prepare(struct index *ix, const char *sql, struct err *e)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(ix->db, sql, -1, &st, NULL) != SQLITE_OK)
		index_err(ix, e, "query");
	return st;
}

int
index_row(struct index *ix, sqlite3_stmt *st, struct err *e)
{
	const int rc = sqlite3_step(st);

	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : index_err(ix, e, "read");
}

int
index_exec(struct index *ix, const char *sql, struct err *e)
{
	if (sqlite3_exec(ix->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return index_err(ix, e, "write");
	return 0;
}

/* Says whose database it is: *version 0 for an empty new one. Nothing was written so far. One statement, so that another process
 * that is just making the index is seen before or after, never half way. */
static int
identify(int64_t *version, struct index *ix, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT (SELECT application_id FROM pragma_application_id),"
	    " (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)", e);
	int64_t app = 0, tables = 0;
	int rc = SQLITE_ERROR;

	if (st != NULL)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		app = sqlite3_column_int64(st, 0);
		*version = sqlite3_column_int64(st, 1);
		tables = sqlite3_column_int64(st, 2);
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW && (sqlite3_errcode(ix->db) & 0xff) == SQLITE_NOTADB)
		return err_set(e, 0, "%s is not an index of spoolsweep: left as it is", ix->path);
	if (rc != SQLITE_ROW)
		return index_err(ix, e, "open");
	if (app == 0 && *version == 0 && tables == 0)
		return 0;
	if (app != INDEX_APPLICATION_ID)
		return err_set(e, 0, "%s is another program's database: left as it is", ix->path);
	if (*version > INDEX_VERSION)
		return err_set(e, 0, "index %s has version %lld, this program knows version %d: use the newer spoolsweep",
		    ix->path, (long long)*version, INDEX_VERSION);
	return 0;
}

static int
new_key(struct index *ix, struct err *e)
{
	sqlite3_stmt *st;
	uint64_t key[2];
	int rc;

	if (sys_random(key, sizeof key, e) < 0)
		return -1;
	st = index_prepare(ix, "INSERT OR IGNORE INTO meta VALUES('fingerprint', ?)", e);
	if (st == NULL)
		return -1;
	sqlite3_bind_blob(st, 1, key, (int)sizeof key, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(ix, e, "write");
}

static int
load_key(struct index *ix, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT value FROM meta WHERE key = 'fingerprint'", e);
	int rc;

	if (st == NULL)
		return -1;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW && sqlite3_column_bytes(st, 0) == (int)sizeof ix->key)
		memcpy(ix->key, sqlite3_column_blob(st, 0), sizeof ix->key);
	else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		rc = index_err(ix, e, "open");
	else
		rc = err_set(e, 0, "index %s is damaged: no fingerprint key (move it away, and scan again)", ix->path);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : -1;
}

int
index_set_log(struct index *ix, struct err *e)
{
	const int64_t end = sys_clock_us() + BUSY_MS * INT64_C(1000);

	while (index_exec(ix, "PRAGMA journal_mode = WAL", e) < 0) {
		if ((sqlite3_errcode(ix->db) & 0xff) != SQLITE_BUSY || sys_clock_us() > end)
			return -1;
		sys_sleep_ms(10);
	}
	return 0;
}

/* New or older: brought to our version in one transaction. Another process may have done it meanwhile. */
static int
upgrade(struct index *ix, struct err *e)
{
	char app[64];
	int64_t version;

	/* The log is set on the empty or older file before the transaction: it cannot be set inside one. Pages of 8 KiB: a first load
	 * is nearly a tenth quicker than with 4. */
	if (index_exec(ix, "PRAGMA page_size = 8192", e) < 0 || index_set_log(ix, e) < 0 || index_exec(ix, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	sqlite3_snprintf((int)sizeof app, app, "PRAGMA application_id = %d", INDEX_APPLICATION_ID);
	if (identify(&version, ix, e) < 0 || index_exec(ix, app, e) < 0 ||
	    schema_upgrade(ix, (int)version, e) < 0 || new_key(ix, e) < 0 || index_exec(ix, "COMMIT", e) < 0) {
		sqlite3_exec(ix->db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return 0;
}

static int
make_file(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int rc = 0;

	if (slash != NULL && slash != path) {
		dir = mem_new((size_t)(slash - path) + 1);
		memcpy(dir, path, (size_t)(slash - path));
		rc = sys_make_path(dir, e);
		free(dir);
	}
	return rc == 0 ? sys_make_private(path, e) : -1;
}

/* With a log that is not in the database yet it would be read as it was before: old news, told as new. */
static int
has_log(const char *path)
{
	char *log = sqlite3_mprintf("%s-wal", path), *real = sys_realpath(log, NULL);
	const int has = real != NULL;

	free(real);
	sqlite3_free(log);
	return has;
}

int
index_open_fixed(struct index *ix)
{
	char *uri;
	int rc;

	if ((sqlite3_errcode(ix->db) & 0xff) != SQLITE_CANTOPEN || strpbrk(ix->path, "?#%") != NULL || has_log(ix->path))
		return 0;
	uri = sqlite3_mprintf("file:%s?immutable=1", ix->path);
	sqlite3_close(ix->db);
	ix->db = NULL;
	rc = sqlite3_open_v2(uri, &ix->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	sqlite3_free(uri);
	return rc == SQLITE_OK;
}

static int
settle(struct index *ix, enum index_mode mode, struct err *e)
{
	int64_t version;

	sqlite3_extended_result_codes(ix->db, 1);
	sqlite3_busy_timeout(ix->db, BUSY_MS);
	if (identify(&version, ix, e) < 0 && (!index_roll_back(ix) || identify(&version, ix, e) < 0)) {
		if (mode == INDEX_WRITE || !index_open_fixed(ix) || identify(&version, ix, e) < 0)
			return -1;
	}
	if (mode == INDEX_READ && version == 0)
		return err_set(e, 0, "index %s is empty: run \"spoolsweep scan\" first", ix->path);
	if (mode == INDEX_READ && version < INDEX_VERSION)
		return err_set(e, 0, "index %s has version %lld, this program writes %d: \"spoolsweep scan\" upgrades it",
		    ix->path, (long long)version, INDEX_VERSION);
	if (mode == INDEX_WRITE && version < INDEX_VERSION && upgrade(ix, e) < 0)
		return -1;
	if (mode == INDEX_WRITE && (index_set_log(ix, e) < 0 || index_exec(ix, "PRAGMA synchronous = NORMAL;"
	    "PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864", e) < 0))
		return -1;
	/* A reader of many rows is a quarter quicker without a copy of each page; but what is mapped counts as ours. */
	if (mode == INDEX_READ && index_exec(ix, "PRAGMA mmap_size = 33554432; PRAGMA cache_size = -8192", e) < 0)
		return -1;
	return load_key(ix, e);
}

int
index_open(struct index **out, const char *path, enum index_mode mode, struct err *e)
{
	struct index *ix = mem_new(sizeof *ix);
	int flags = mode == INDEX_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
	int rc;

	ix->is_made_again = 1;
	ix->path = mem_new(strlen(path) + 1);
	memcpy(ix->path, path, strlen(path));
	if (sys_is_odd(path)) {
		err_set(e, 0, "index %s is no regular file", path);
		goto out;
	}
	if (mode == INDEX_WRITE && make_file(path, e) < 0) {
		err_wrap(e, "index");
		goto out;
	}
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);	/* else every allocation takes a lock to be counted; refused once SQLite runs */
	rc = sqlite3_open_v2(path, &ix->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		if (rc == SQLITE_CANTOPEN && sys_errno_of(sqlite3_system_errno(ix->db)) == ENOENT)
			err_set(e, 0, "no index at %s: run \"spoolsweep scan\" first", path);
		else
			err_set(e, sys_errno_of(sqlite3_system_errno(ix->db)), "open index %s", path);
		goto out;
	}
	if (settle(ix, mode, e) < 0)
		goto out;
	*out = ix;
	return 0;
out:
	index_close(ix);
	return -1;
}

void
index_close(struct index *ix)
{
	if (ix == NULL)
		return;
	sqlite3_close(ix->db);
	free(ix->path);
	free(ix);
}
