/*
 * Records of bodies to rows, and rows back to who asks.
 */
#include <stdlib.h>
#include <string.h>

#include "index/campaign.h"
#include "index/contents_in.h"
#include "index/hash.h"
#include "index/put.h"
#include "spool/addr.h"
#include "spool/part.h"

enum { SET, DROP_PARTS, DROP_URLS, DROP_REPLIES, PART, URL, HOST, PRINT, REPLY, COUNT };

static const char *const sqls[COUNT] = {
	"UPDATE message SET contents = ?3, body_limit = ?4, body_notes = ?5, body_flags = ?6, print = ?7 WHERE id = ?1 AND fp = ?2",
	"DELETE FROM part WHERE message = ?",
	"DELETE FROM url WHERE message = ?",
	"DELETE FROM body_reply WHERE message = ?",
	("INSERT INTO part(message, seq, depth, type, name, charset, encoding, disposition, is_attachment, detected, size, sha256)"
	" VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"),
	"INSERT INTO url VALUES(?,?)",
	"INSERT OR IGNORE INTO host VALUES(?,?,?)",
	"INSERT INTO print(id, print) VALUES(?,?)",
	"INSERT INTO body_reply(message, seq, address, domain, reply) VALUES(?,?,?,?,?)"
};

struct contents_put {
	struct index *ix;
	struct put *put, *own;	/* for the dictionary of texts; own: NULL it is the caller's */
	uint64_t max_body;
	sqlite3_stmt *st[COUNT];
	int had_rows;		/* of messages read before: a first scan has none to delete */
	int64_t *hosts;		/* numbers of hosts that have their row: open addressing, 0 free */
	size_t n, cap;
	struct hash prints;	/* row of each print written in this run: copies of a message have one */
};

/* 1, 0, -1. */
static int
has_rows(struct index *ix, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT EXISTS(SELECT 1 FROM part) OR EXISTS(SELECT 1 FROM url) OR EXISTS(SELECT 1 FROM body_reply)", e);
	int rc, has = 0;

	if (st == NULL)
		return -1;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		has = sqlite3_column_int(st, 0);
	else
		has = index_err(ix, e, "read");
	sqlite3_finalize(st);
	return has;
}

struct contents_put *
contents_put_new(struct index *ix, struct put *put, int64_t spool, uint64_t max_body, struct err *e)
{
	struct contents_put *p = mem_new(sizeof *p);
	size_t i;

	p->ix = ix;
	p->max_body = max_body;
	p->prints.has_numbers = 1;
	p->own = put == NULL ? put_new(ix, spool, 0, e) : NULL;
	p->put = put != NULL ? put : p->own;
	for (i = 0; i < COUNT && p->put != NULL; i++)
		if ((p->st[i] = index_prepare(ix, sqls[i], e)) == NULL)
			break;
	if (i == COUNT && (p->had_rows = has_rows(ix, e)) >= 0)
		return p;
	contents_put_free(p);
	return NULL;
}

void
contents_put_free(struct contents_put *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < COUNT; i++)
		sqlite3_finalize(p->st[i]);
	put_free(p->own);
	hash_free(&p->prints);
	free(p->hosts);
	free(p);
}

static int
run(struct contents_put *p, int which, struct err *e)
{
	int rc = sqlite3_step(p->st[which]);

	sqlite3_reset(p->st[which]);
	return rc == SQLITE_DONE ? 0 : index_err(p->ix, e, "write");
}

/* Binds the number of a text, NULL for none. */
static int
bind_text(struct contents_put *p, int which, int at, const char *s, struct err *e)
{
	int64_t id = put_text(p->put, s, e);

	if (id < 0)
		return -1;
	if (id == 0)
		sqlite3_bind_null(p->st[which], at);
	else
		sqlite3_bind_int64(p->st[which], at, id);
	return 0;
}

static int
put_part(struct contents_put *p, int64_t row, size_t seq, const struct body_part *b, struct err *e)
{
	sqlite3_stmt *st = p->st[PART];

	sqlite3_bind_int64(st, 1, row);
	sqlite3_bind_int64(st, 2, (int64_t)seq);
	sqlite3_bind_int64(st, 3, b->depth);
	if (bind_text(p, PART, 4, b->type, e) < 0 || bind_text(p, PART, 5, b->name, e) < 0 || bind_text(p, PART, 6, b->charset, e) < 0 ||
	    bind_text(p, PART, 7, b->encoding, e) < 0 || bind_text(p, PART, 8, b->disposition, e) < 0 ||
	    bind_text(p, PART, 10, b->detected, e) < 0)
		return -1;
	sqlite3_bind_int(st, 9, b->is_attachment);
	if (b->size >= 0)
		sqlite3_bind_int64(st, 11, b->size);
	else
		sqlite3_bind_null(st, 11);
	if (b->has_sha256)
		sqlite3_bind_blob(st, 12, b->sha256, sizeof b->sha256, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, 12);
	return run(p, PART, e);
}

static int64_t *
host_slot(const struct contents_put *p, int64_t id)
{
	size_t i = (size_t)((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (p->cap - 1);

	while (p->hosts[i] != 0 && p->hosts[i] != id)
		i = (i + 1) & (p->cap - 1);
	return &p->hosts[i];
}

static void
host_add(struct contents_put *p, int64_t id)
{
	int64_t *old = p->hosts;
	size_t n = p->cap, i;

	if ((p->n + 1) * 2 > p->cap) {
		p->cap = n != 0 ? n * 2 : 1024;
		p->hosts = mem_new(p->cap * sizeof *p->hosts);
		for (i = 0; i < n; i++)
			if (old[i] != 0)
				*host_slot(p, old[i]) = old[i];
		free(old);
	}
	*host_slot(p, id) = id;
	p->n++;
}

/* What is known of a host stands once. */
static int
put_host(struct contents_put *p, int64_t id, const char *host, struct err *e)
{
	if (p->cap != 0 && *host_slot(p, id) != 0)
		return 0;
	sqlite3_bind_int64(p->st[HOST], 1, id);
	if (bind_text(p, HOST, 2, body_domain(host), e) < 0)
		return -1;
	sqlite3_bind_int(p->st[HOST], 3, contents_is_shortener(host));
	if (run(p, HOST, e) < 0)
		return -1;
	host_add(p, id);
	return 0;
}

static int
put_url(struct contents_put *p, int64_t row, const char *host, struct err *e)
{
	int64_t id = put_text(p->put, host, e);

	if (id < 0 || put_host(p, id, host, e) < 0)
		return -1;
	sqlite3_bind_int64(p->st[URL], 1, row);
	sqlite3_bind_int64(p->st[URL], 2, id);
	return run(p, URL, e);
}

/* row: 0 the next one. */
static int
write_print(struct contents_put *p, int64_t row, const uint8_t *bytes, size_t n, struct err *e)
{
	sqlite3_stmt *st = p->st[PRINT];

	if (row != 0)
		sqlite3_bind_int64(st, 1, row);
	else
		sqlite3_bind_null(st, 1);
	sqlite3_bind_blob(st, 2, bytes, (int)n, SQLITE_STATIC);
	return run(p, PRINT, e);
}

/* The row of its print: 0 when it has none, -1 and err. */
static int64_t
put_print(struct contents_put *p, const struct body *b, struct err *e)
{
	uint8_t bytes[4 * CAMPAIGN_PRINT_MAX];
	size_t n = campaign_encode(bytes, b->print, b->nprint);
	uint64_t key = part_hash(bytes, n, p->ix->key);
	int64_t row;

	if (b->print_row != 0)
		return n == 0 || write_print(p, b->print_row, bytes, n, e) == 0 ? b->print_row : -1;
	if (n == 0)
		return 0;
	key += key == 0;
	row = hash_get(&p->prints, key);
	if (row != 0)
		return row;
	if (write_print(p, 0, bytes, n, e) < 0)
		return -1;
	row = sqlite3_last_insert_rowid(p->ix->db);
	if (row <= UINT32_MAX)
		hash_put(&p->prints, key, (uint32_t)row);
	return row;
}

static int
put_reply(struct contents_put *p, int64_t row, size_t seq, const struct dsn_rcpt *r, struct err *e)
{
	const char *domain = r->address != NULL ? addr_domain(r->address) : NULL;

	sqlite3_bind_int64(p->st[REPLY], 1, row);
	sqlite3_bind_int64(p->st[REPLY], 2, (int64_t)seq);
	if (r->address != NULL)
		sqlite3_bind_text(p->st[REPLY], 3, r->address, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(p->st[REPLY], 3);
	if (bind_text(p, REPLY, 4, domain, e) < 0 || bind_text(p, REPLY, 5, r->reply, e) < 0)
		return -1;
	return run(p, REPLY, e);
}

int
contents_put_columns(struct put_body *out, struct contents_put *p, const struct body *b, struct err *e)
{
	out->state = b->state;
	out->limit = (int64_t)p->max_body;
	out->notes = b->notes;
	out->flags = b->flags;
	out->print = put_print(p, b, e);
	return out->print < 0 ? -1 : 0;
}

/* The row's columns. 1, 0 it has another fingerprint now, -1. */
static int
set_row(struct contents_put *p, int64_t row, int64_t fp, const struct body *b, struct err *e)
{
	sqlite3_stmt *st = p->st[SET];
	struct put_body column;

	if (contents_put_columns(&column, p, b, e) < 0)
		return -1;
	sqlite3_bind_int64(st, 1, row);
	sqlite3_bind_int64(st, 2, fp);
	put_bind_body(st, 3, &column);
	return run(p, SET, e) < 0 ? -1 : sqlite3_changes(p->ix->db) != 0;
}

static int
drop_rows(struct contents_put *p, int64_t row, struct err *e)
{
	sqlite3_bind_int64(p->st[DROP_PARTS], 1, row);
	sqlite3_bind_int64(p->st[DROP_URLS], 1, row);
	sqlite3_bind_int64(p->st[DROP_REPLIES], 1, row);
	return run(p, DROP_PARTS, e) < 0 || run(p, DROP_URLS, e) < 0 || run(p, DROP_REPLIES, e) < 0 ? -1 : 0;
}

int
contents_put(struct contents_put *p, int64_t row, int64_t fp, const struct body *b, struct err *e)
{
	int rc = set_row(p, row, fp, b, e);

	if (rc <= 0)
		return rc;
	if (p->had_rows && drop_rows(p, row, e) < 0)
		return -1;
	return contents_put_rows(p, row, b, e) < 0 ? -1 : 1;
}

int
contents_put_rows(struct contents_put *p, int64_t row, const struct body *b, struct err *e)
{
	size_t i;

	for (i = 0; i < b->nparts; i++)
		if (put_part(p, row, i, &b->part[i], e) < 0)
			return -1;
	for (i = 0; i < b->nhosts; i++)
		if (put_url(p, row, b->host[i], e) < 0)
			return -1;
	for (i = 0; i < b->nreplies; i++)
		if (put_reply(p, row, i, &b->reply[i], e) < 0)
			return -1;
	return 0;
}

/* ---- back ---- */

static const char *
text_at(sqlite3_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(st, i);
}

static void
tell_part(sqlite3_stmt *st, void (*fn)(void *arg, const struct contents_part *p), void *arg)
{
	const struct contents_part p = {
		.depth = sqlite3_column_int64(st, 0), .type = text_at(st, 1), .name = text_at(st, 2), .charset = text_at(st, 3),
		.encoding = text_at(st, 4), .size = sqlite3_column_type(st, 5) != SQLITE_NULL ? sqlite3_column_int64(st, 5) : -1,
		.detected = text_at(st, 6), .sha256 = text_at(st, 7), .is_attachment = sqlite3_column_int(st, 8)
	};

	fn(arg, &p);
}

static void
tell_url(sqlite3_stmt *st, void (*fn)(void *arg, const struct contents_url *u), void *arg)
{
	const struct contents_url u = { text_at(st, 0), text_at(st, 1), sqlite3_column_int(st, 2) };

	fn(arg, &u);
}

int
contents_of(struct index *ix, int64_t row, void (*part)(void *arg, const struct contents_part *p),
    void (*url)(void *arg, const struct contents_url *u), void *arg, struct err *e)
{
	static const char *const ask[3] = {
		"SELECT contents FROM message WHERE id = ?",
		"SELECT p.depth, t.text, n.text, c.text, en.text, p.size, d.text, nullif(lower(hex(p.sha256)), ''), p.is_attachment FROM part p"
		" JOIN text t ON t.id = p.type LEFT JOIN text n ON n.id = p.name LEFT JOIN text c ON c.id = p.charset"
		" LEFT JOIN text en ON en.id = p.encoding LEFT JOIN text d ON d.id = p.detected WHERE p.message = ? ORDER BY p.seq",
		("SELECT t.text, d.text, h.is_shortener FROM url u JOIN text t ON t.id = u.host JOIN host h ON h.host = u.host"
		" LEFT JOIN text d ON d.id = h.domain WHERE u.message = ? ORDER BY t.text")
	};
	int state = CONTENTS_NOT, i, rc = SQLITE_DONE;
	sqlite3_stmt *st;

	for (i = 0; i < 3; i++) {
		st = index_prepare(ix, ask[i], e);
		if (st == NULL)
			return -1;
		sqlite3_bind_int64(st, 1, row);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			if (i == 0)
				state = sqlite3_column_int(st, 0);
			else if (i == 1 && part != NULL)
				tell_part(st, part, arg);
			else if (i == 2 && url != NULL)
				tell_url(st, url, arg);
		}
		sqlite3_finalize(st);
		if (rc != SQLITE_DONE)
			return index_err(ix, e, "read");
		if (state == CONTENTS_NOT)
			break;
	}
	return state;
}
