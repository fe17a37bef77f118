#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H
/*
 * The index: one SQLite database, its schema public through the views v_message,
 * v_account and v_domain, upgraded step by step, never written to when it is not
 * ours or newer than this program. WAL; readers see the last published scan.
 * One struct index is used by one thread.
 */
#include <stdint.h>
#include <sqlite3.h>

#include "spool/err.h"

#define INDEX_APPLICATION_ID 0x53505357	/* "SPSW" */
#define INDEX_VERSION 6

/* The notes of a message m as one JSON array: those of its envelope and header, then those of its body. */
/* The drivers' note of a log that could not be read ("bounce log cannot be read: Permission denied", "msglog cannot be read"): its replies are not known. */
#define INDEX_UNLOGGED "coalesce(m.notes LIKE '%log cannot be read%', 0)"

#define INDEX_NOTES "CASE WHEN m.notes IS NULL THEN coalesce(m.body_notes, '[]') WHEN m.body_notes IS NULL THEN m.notes" \
    " ELSE substr(m.notes, 1, length(m.notes) - 1) || ',' || substr(m.body_notes, 2) END"

struct index {
	sqlite3 *db;
	char *path;
	uint64_t key[2];	/* secret of the fingerprints (part_fingerprint) */
	int is_made_again;	/* nothing in it that a scan does not tell: not so a journal */
};

enum index_mode {
	INDEX_READ,		/* must exist; opened read-only */
	INDEX_WRITE		/* made when missing (folders too, 0700; file 0600), upgraded when older */
};

/* Opens. Errors name the file and what to do: no index yet ("run spoolsweep scan first"), not our database, a newer version (both versions
 * named), no permission, disk full or read-only (names --index). Free with index_close. */
int index_open(struct index **out, const char *path, enum index_mode mode, struct err *e);
void index_close(struct index *ix);

/* Fills err from the connection's last error ("index FILE: disk is full …"). Returns -1. */
int index_err(struct index *ix, struct err *e, const char *what);

/* A program that was killed while it made the file has left a rollback journal, which a reader may not undo. 1 if that was the connection's last
 * error and it is undone now: look again. */
int index_roll_back(struct index *ix);

/* A database in WAL mode cannot be opened on a read-only disk, but for reading as one that nobody changes, when no log is left beside it. 1 if that
 * was the connection's last error and it is open so now: look again. */
int index_open_fixed(struct index *ix);

/* Gives the file a write-ahead log. Waits for others as a transaction does: where two processes turn a new file into one with a log, SQLite asks its
 * busy handler for neither and tells one at once that it is busy. */
int index_set_log(struct index *ix, struct err *e);

/* Prepares; NULL and err on failure. */
sqlite3_stmt *index_prepare(struct index *ix, const char *sql, struct err *e);

/* One step of a statement: 1 a row, 0 no (further) one, -1 and err: what could not be read is never "none". */
int index_row(struct index *ix, sqlite3_stmt *st, struct err *e);

/* Runs SQL text without results. */
int index_exec(struct index *ix, const char *sql, struct err *e);

/* The steps of the schema (schema.c): brings a database at version `from` to INDEX_VERSION inside the open transaction. */
int schema_upgrade(struct index *ix, int from, struct err *e);

#endif
