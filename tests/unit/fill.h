#ifndef FILL_H
#define FILL_H
/* An index in memory, filled by plain INSERTs: for the tests of selections, queries and ranks. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index/index.h"

struct fill_row {
	int64_t arrived;		/* seconds; 0: NULL */
	const char *spool;		/* "KIND:ROOT" */
	const char *queue, *qid, *kind, *account, *domain;	/* of the account; kind NULL: none */
	const char *sender, *sender_domain, *client, *subject, *script, *script_path, *state, *reason, *list_id, *damage;
	int64_t size;			/* -1: NULL */
	int is_report, gone;
	const char *rcpt[4];		/* "address domain", a leading '-' for a removed one */
};

static inline void
fill_open(struct index *ix)
{
	struct err e;

	memset(ix, 0, sizeof *ix);
	ix->path = "test";
	if (sqlite3_open_v2(":memory:", &ix->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK ||
	    schema_upgrade(ix, 0, &e) < 0 ||
	    index_exec(ix, "CREATE INDEX IF NOT EXISTS message_qid ON message(qid);"
	    "CREATE INDEX IF NOT EXISTS message_live ON message(account) WHERE gone_scan IS NULL", &e) < 0)
		abort();
}

/* Runs SQL with texts bound; returns the first column of the first row, 0 when there is none. */
static inline int64_t
fill_sql(struct index *ix, const char *sql, const char *a, const char *b, const char *c, const char *d)
{
	const char *v[4] = { a, b, c, d };
	sqlite3_stmt *st = NULL;
	int64_t got = 0;
	int i, rc;

	if (sqlite3_prepare_v2(ix->db, sql, -1, &st, NULL) != SQLITE_OK)
		abort();
	for (i = 0; i < 4 && i < sqlite3_bind_parameter_count(st); i++)
		v[i] != NULL ? sqlite3_bind_text(st, i + 1, v[i], -1, SQLITE_TRANSIENT) : sqlite3_bind_null(st, i + 1);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		got = sqlite3_column_int64(st, 0);
	else if (rc != SQLITE_DONE)
		abort();
	sqlite3_finalize(st);
	return got;
}

static inline int64_t
fill_text(struct index *ix, const char *s)
{
	int64_t id;

	if (s == NULL)
		return 0;
	id = fill_sql(ix, "SELECT id FROM text WHERE text = ?", s, NULL, NULL, NULL);
	if (id != 0)
		return id;
	fill_sql(ix, "INSERT INTO text(hash, text) VALUES(1, ?)", s, NULL, NULL, NULL);
	return sqlite3_last_insert_rowid(ix->db);
}

static inline int64_t
fill_spool(struct index *ix, const char *spool)
{
	const char *root = strchr(spool, ':') + 1;
	char kind[32] = "";
	int64_t id;

	memcpy(kind, spool, (size_t)(root - spool - 1));
	id = fill_sql(ix, "SELECT id FROM spool WHERE kind = ? AND root = ?", kind, root, NULL, NULL);
	if (id != 0)
		return id;
	fill_sql(ix, "INSERT INTO spool(kind, root) VALUES(?, ?)", kind, root, NULL, NULL);
	id = sqlite3_last_insert_rowid(ix->db);
	fill_sql(ix, "INSERT INTO scan(spool, started, finished, seconds, unknown) VALUES((SELECT max(id) FROM spool), 0, 1, 0, '[]')",
	    NULL, NULL, NULL, NULL);
	return id;
}

static inline int64_t
fill_account(struct index *ix, const char *kind, const char *name, const char *domain)
{
	int64_t id;

	if (kind == NULL)
		return 0;
	id = fill_sql(ix, "SELECT id FROM account WHERE kind = ? AND name = ?", kind, name, NULL, NULL);
	if (id != 0)
		return id;
	fill_sql(ix, "INSERT INTO account(kind, key, name, domain) VALUES(?, lower(?), ?2, ?3)", kind, name, domain, NULL);
	return sqlite3_last_insert_rowid(ix->db);
}

static inline void
fill_number(sqlite3_stmt *st, int i, int64_t n)
{
	n != 0 ? sqlite3_bind_int64(st, i, n) : sqlite3_bind_null(st, i);
}

static inline void
fill_recipients(struct index *ix, int64_t message, const struct fill_row *r)
{
	char address[128], number[32];
	const char *p, *domain;
	int i;

	sqlite3_snprintf((int)sizeof number, number, "%lld", (long long)message);
	for (i = 0; i < 4 && r->rcpt[i] != NULL; i++) {
		p = r->rcpt[i] + (*r->rcpt[i] == '-');
		domain = strchr(p, ' ') + 1;
		sqlite3_snprintf((int)sizeof address, address, "%.*s", (int)(domain - p - 1), p);
		fill_text(ix, domain);
		fill_sql(ix, "INSERT INTO recipient SELECT CAST(?1 AS INTEGER), (SELECT count(*) FROM recipient WHERE message ="
		    " CAST(?1 AS INTEGER)), CAST(?4 AS INTEGER), ?2, (SELECT id FROM text WHERE text = ?3), NULL", number,
		    address, domain, *r->rcpt[i] == '-' ? "2" : "0");
	}
}

static inline void
fill_message(struct index *ix, const struct fill_row *r)
{
	const char *texts[] = { r->sender, r->sender_domain, r->client, r->subject, r->script, r->script_path, r->reason, r->list_id,
	    r->queue != NULL ? r->queue : "deferred" };
	int64_t id[9], spool = fill_spool(ix, r->spool != NULL ? r->spool : "postfix:/srv/postfix"),
	    account = fill_account(ix, r->kind, r->account, r->domain), n = 0;
	sqlite3_stmt *st = NULL;
	int i;

	for (i = 0; i < 9; i++)
		id[i] = fill_text(ix, texts[i]);
	for (i = 0; i < 4 && r->rcpt[i] != NULL; i++)
		n += *r->rcpt[i] != '-';
	if (sqlite3_prepare_v2(ix->db, "INSERT INTO message(sender, sender_domain, client, subject, script, script_path, reason, list_id,"
	    " queue, spool, account, arrived, size, recipients, qid, state, damage, is_report, gone_scan, fp, arrived_fraction, path,"
	    " new_scan) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,1,0,x'61',1)", -1, &st, NULL) != SQLITE_OK)
		abort();
	for (i = 0; i < 9; i++)
		fill_number(st, i + 1, id[i]);
	sqlite3_bind_int64(st, 10, spool);
	fill_number(st, 11, account);
	fill_number(st, 12, r->arrived * 1000000);
	r->size >= 0 ? sqlite3_bind_int64(st, 13, r->size) : sqlite3_bind_null(st, 13);
	sqlite3_bind_int64(st, 14, n != 0 ? n : 1);
	sqlite3_bind_text(st, 15, r->qid != NULL ? r->qid : "X", -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 16, r->state != NULL ? r->state : "deferred", -1, SQLITE_STATIC);
	r->damage != NULL ? sqlite3_bind_text(st, 17, r->damage, -1, SQLITE_STATIC) : sqlite3_bind_null(st, 17);
	sqlite3_bind_int(st, 18, r->is_report);
	fill_number(st, 19, r->gone);
	if (sqlite3_step(st) != SQLITE_DONE)
		abort();
	sqlite3_finalize(st);
	fill_recipients(ix, sqlite3_last_insert_rowid(ix->db), r);
}

#endif
