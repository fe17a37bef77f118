#include "index/query.h"

#include <stdlib.h>
#include <string.h>

#include "index/select_in.h"
#include "spool/arena.h"
#include "spool/msg.h"

#define SQL_MAX ((size_t)16 * 1024 * 1024)
#define CACHE_SLOTS 256
#define CACHE_TEXT 4096		/* longer texts are not kept from row to row */

/* Columns of the row statement; those up to COL_ACCOUNT_DOMAIN are numbers of texts, accounts and spools. */
enum column {
	COL_QUEUE, COL_SENDER, COL_SENDER_DOMAIN, COL_CLIENT, COL_CLIENT_NAME, COL_HELO, COL_PROTOCOL, COL_LOCAL_USER, COL_SCRIPT,
	COL_FROM, COL_SUBJECT, COL_REASON, COL_SPELLING, COL_SPOOL, COL_SPOOL_KIND, COL_ACCOUNT, COL_ACCOUNT_KIND, COL_ACCOUNT_DOMAIN,
	COL_NUMBERED,
	COL_QID = COL_NUMBERED, COL_UID, COL_ARRIVED, COL_FRACTION, COL_SIZE, COL_RECIPIENTS, COL_PENDING, COL_MESSAGE_ID, COL_STATE,
	COL_DAMAGE, COL_NOTES, COL_PATH
};

static const char row_sql[] = "SELECT queue, sender, sender_domain, client, client_name, helo, protocol, local_user, script, \"from\","
    " subject, reason, spelling, spool, spool, account, account, account, qid, uid, arrived, arrived_fraction, size, recipients, pending,"
    " message_id, CASE WHEN gone_scan IS NULL THEN state ELSE 'gone' END, damage, " INDEX_NOTES ", path FROM message m WHERE id = ?";

enum { ASK_TEXT, ASK_SPOOL, ASK_ACCOUNT, ASK_COUNT };
static const char *const ask_sql[ASK_COUNT] = {
	"SELECT text FROM text WHERE id = ?", "SELECT root, kind FROM spool WHERE id = ?",
	"SELECT name, kind, domain FROM account WHERE id = ?"
};

struct cached {
	int64_t id;		/* 0: empty */
	char *text;		/* NULL: the value is NULL */
	size_t cap;
};

/* Texts by number, one cache a column: the texts of one row never push each other out. */
struct cache {
	int ask, column;
	struct cached slot[CACHE_SLOTS];
	struct cached large;
};

struct key {			/* what the order needs */
	int64_t row, arrived;
	const char *spool, *queue, *qid;
};

struct name {			/* a spool's root or a queue's name by number: few */
	int64_t id;
	const char *text;
};

struct names {
	struct name *v;
	size_t n, last;
};

struct query {
	struct index *ix;
	struct selection *s;
	int began, is_brief;
	sqlite3_stmt *row, *ask[ASK_COUNT];
	struct cache *cache;		/* COL_NUMBERED of them */
	struct contains *contains;
	struct key *key;
	const int64_t *given;		/* numbers of rows instead of keys */
	size_t n, cap, at;
	struct arena arena;
};

/* ---- texts by number ---- */

static void
keep(struct cached *c, int64_t id, const char *text)
{
	size_t n = text != NULL ? strlen(text) + 1 : 0;

	c->id = id;
	if (text == NULL) {
		free(c->text);
		c->text = NULL;
		c->cap = 0;
		return;
	}
	if (n > c->cap) {
		c->text = mem_grow(c->text, n);
		c->cap = n;
	}
	memcpy(c->text, text, n);
}

/* 0 and *out, NULL for a number that is 0 (NULL in the row) or stands for nothing. */
static int
text_of(const char **out, struct query *q, struct cache *c, int64_t id, struct err *e)
{
	struct cached *slot = &c->slot[(uint64_t)id % CACHE_SLOTS];
	sqlite3_stmt *st = q->ask[c->ask];
	const char *text;
	int rc;

	*out = NULL;
	if (id == 0)
		return 0;
	if (slot->id != id) {
		sqlite3_bind_int64(st, 1, id);
		rc = sqlite3_step(st);
		text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, c->column) : NULL;
		if (text != NULL && strlen(text) > CACHE_TEXT)
			slot = &c->large;
		keep(slot, id, text);
		sqlite3_reset(st);
		if (rc != SQLITE_ROW && rc != SQLITE_DONE)
			return index_err(q->ix, e, "read");
	}
	*out = slot->text;
	return 0;
}

static void
caches_new(struct query *q)
{
	int i;

	q->cache = mem_new(COL_NUMBERED * sizeof *q->cache);
	for (i = 0; i < COL_NUMBERED; i++)
		q->cache[i].ask = i < COL_SPOOL ? ASK_TEXT : i < COL_ACCOUNT ? ASK_SPOOL : ASK_ACCOUNT;
	q->cache[COL_SPOOL_KIND].column = 1;
	q->cache[COL_ACCOUNT_KIND].column = 1;
	q->cache[COL_ACCOUNT_DOMAIN].column = 2;
}

static void
caches_free(struct cache *c)
{
	size_t i, k;

	for (i = 0; c != NULL && i < COL_NUMBERED; i++) {
		for (k = 0; k < CACHE_SLOTS; k++)
			free(c[i].slot[k].text);
		free(c[i].large.text);
	}
	free(c);
}

/* ---- the order ---- */

static int
name_of(const char **out, struct query *q, struct names *names, struct cache *c, int64_t id, struct err *e)
{
	const char *text;
	size_t i;

	if (names->n != 0 && names->v[names->last].id == id) {
		*out = names->v[names->last].text;
		return 0;
	}
	for (i = 0; i < names->n && names->v[i].id != id; i++)
		;
	if (i == names->n) {
		if (text_of(&text, q, c, id, e) < 0)
			return -1;
		names->v = mem_grow(names->v, (i + 1) * sizeof *names->v);
		names->v[i].id = id;
		names->v[i].text = arena_str(&q->arena, text != NULL ? text : "");
		names->n++;
	}
	names->last = i;
	*out = names->v[i].text;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int c;

	if (x->arrived != y->arrived)
		return x->arrived < y->arrived ? -1 : 1;
	if ((c = strcmp(x->spool, y->spool)) != 0 || (c = strcmp(x->queue, y->queue)) != 0 || (c = strcmp(x->qid, y->qid)) != 0)
		return c;
	return x->row < y->row ? -1 : x->row > y->row;
}

static int
add_key(struct query *q, sqlite3_stmt *st, struct names *spools, struct names *queues, struct err *e)
{
	const char *qid = (const char *)sqlite3_column_text(st, 4);
	struct key *k;

	if (q->n == q->cap) {
		q->cap = q->cap != 0 ? q->cap * 2 : 1024;
		q->key = mem_grow(q->key, q->cap * sizeof *q->key);
	}
	k = &q->key[q->n];
	k->row = sqlite3_column_int64(st, 0);
	k->arrived = sqlite3_column_type(st, 1) != SQLITE_NULL ? sqlite3_column_int64(st, 1) : INT64_MAX;	/* no time: last */
	k->qid = arena_str(&q->arena, qid != NULL ? qid : "");
	if (name_of(&k->spool, q, spools, &q->cache[COL_SPOOL], sqlite3_column_int64(st, 2), e) < 0 ||
	    name_of(&k->queue, q, queues, &q->cache[COL_QUEUE], sqlite3_column_int64(st, 3), e) < 0)
		return -1;
	q->n++;
	return 0;
}

static sqlite3_stmt *
prepare(struct query *q, const char *columns, int with_gone, struct err *e)
{
	sqlite3_stmt *st = NULL;
	struct buf sql;

	buf_init(&sql, SQL_MAX);
	buf_fmt(&sql, "SELECT %s FROM %s WHERE %s", columns, selection_source(q->s, q->ix, with_gone),
	    with_gone ? "1" : "m.gone_scan IS NULL");
	if (selection_sql(&sql, q->s, q->ix, e) == 0)
		st = index_prepare(q->ix, buf_cstr(&sql), e);
	buf_free(&sql);
	return st;
}

/* Numbers of rows in memory and sorted there, rows fetched one by one: half the time of sorting whole rows in SQL, and no temporary file. */
static int
fill(struct query *q, int with_gone, struct err *e)
{
	struct names spools = { 0 }, queues = { 0 };
	sqlite3_stmt *st = prepare(q, "m.id, m.arrived, m.spool, m.queue, m.qid", with_gone, e);
	int rc = -1, step;

	if (st == NULL)
		return -1;
	while ((step = sqlite3_step(st)) == SQLITE_ROW)
		if (add_key(q, st, &spools, &queues, e) < 0)
			goto out;
	if (step != SQLITE_DONE) {
		index_err(q->ix, e, "selection");
		goto out;
	}
	if (q->n != 0)
		qsort(q->key, q->n, sizeof *q->key, compare);
	rc = 0;
out:
	sqlite3_finalize(st);
	free(spools.v);
	free(queues.v);
	return rc;
}

static int
open_parts(struct query *q, struct err *e)
{
	int i;

	if (selection_begin(&q->began, q->ix, e) < 0)
		return -1;
	caches_new(q);
	for (i = 0; i < ASK_COUNT; i++) {
		q->ask[i] = index_prepare(q->ix, ask_sql[i], e);
		if (q->ask[i] == NULL)
			return -1;
	}
	q->row = index_prepare(q->ix, row_sql, e);
	return q->row != NULL ? 0 : -1;
}

int
query_open(struct query **out, struct index *ix, struct selection *s, int with_gone, struct err *e)
{
	struct query *q = mem_new(sizeof *q);

	q->ix = ix;
	q->s = s;
	q->contains = contains_new(s);
	if (open_parts(q, e) < 0 || fill(q, with_gone, e) < 0) {
		query_close(q);
		return -1;
	}
	*out = q;
	return 0;
}

int
query_open_rows(struct query **out, struct index *ix, const int64_t *row, size_t n, struct err *e)
{
	struct query *q = mem_new(sizeof *q);

	q->ix = ix;
	if (open_parts(q, e) < 0) {
		query_close(q);
		return -1;
	}
	q->given = row;
	q->n = n;
	*out = q;
	return 0;
}

void
query_close(struct query *q)
{
	int i;

	if (q == NULL)
		return;
	sqlite3_finalize(q->row);
	for (i = 0; i < ASK_COUNT; i++)
		sqlite3_finalize(q->ask[i]);
	selection_end(q->began, q->ix);
	contains_free(q->contains);
	caches_free(q->cache);
	free(q->key);
	arena_free(&q->arena);
	free(q);
}

int
query_snapshot(int *began, struct index *ix, struct err *e)
{
	return selection_begin(began, ix, e);
}

void
query_snapshot_end(int began, struct index *ix)
{
	selection_end(began, ix);
}

/* ---- rows ---- */

static const char *
column_text(sqlite3_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(st, i);
}

static int64_t
column_number(sqlite3_stmt *st, int i, int64_t none)
{
	return sqlite3_column_type(st, i) != SQLITE_NULL ? sqlite3_column_int64(st, i) : none;
}

static int
row_texts(struct query_row *out, struct query *q, struct err *e)
{
	const char *spelling;	/* the account as this message has it, where that is another spelling */
	const char **const field[COL_NUMBERED] = {
		[COL_QUEUE] = &out->queue, [COL_SENDER] = &out->sender, [COL_SENDER_DOMAIN] = &out->sender_domain,
		[COL_CLIENT] = &out->client, [COL_CLIENT_NAME] = &out->client_name, [COL_HELO] = &out->helo,
		[COL_PROTOCOL] = &out->protocol, [COL_LOCAL_USER] = &out->local_user, [COL_SCRIPT] = &out->script,
		[COL_FROM] = &out->from, [COL_SUBJECT] = &out->subject, [COL_REASON] = &out->reason, [COL_SPELLING] = &spelling,
		[COL_SPOOL] = &out->spool,
		[COL_SPOOL_KIND] = &out->kind, [COL_ACCOUNT] = &out->account, [COL_ACCOUNT_KIND] = &out->account_kind,
		[COL_ACCOUNT_DOMAIN] = &out->domain
	};
	static const int is_shown[COL_NUMBERED] = {
		[COL_QUEUE] = 1, [COL_SENDER] = 1, [COL_SUBJECT] = 1, [COL_SPELLING] = 1, [COL_SPOOL] = 1, [COL_SPOOL_KIND] = 1,
		[COL_ACCOUNT] = 1
	};
	int i;

	spelling = NULL;
	for (i = 0; i < COL_NUMBERED; i++)
		if ((!q->is_brief || is_shown[i]) &&
		    text_of(field[i], q, &q->cache[i], sqlite3_column_int64(q->row, i), e) < 0)
			return -1;
	if (spelling != NULL)
		out->account = spelling;
	return 0;
}

void
query_brief(struct query *q)
{
	q->is_brief = 1;
}

static int
row_fill(struct query_row *out, struct query *q, struct err *e)
{
	sqlite3_stmt *st = q->row;

	if (row_texts(out, q, e) < 0)
		return -1;
	out->id = column_text(st, COL_QID);
	out->uid = column_number(st, COL_UID, -1);
	out->arrived = column_number(st, COL_ARRIVED, MSG_NO_TIME);
	out->arrived_fraction = sqlite3_column_int(st, COL_FRACTION);
	out->size = column_number(st, COL_SIZE, -1);
	out->recipients = column_number(st, COL_RECIPIENTS, -1);
	out->pending = column_number(st, COL_PENDING, -1);
	out->message_id = column_text(st, COL_MESSAGE_ID);
	out->state = column_text(st, COL_STATE);
	out->damage = column_text(st, COL_DAMAGE);
	out->notes = column_text(st, COL_NOTES);
	if (out->damage == NULL)
		out->damage = "[]";
	if (out->notes == NULL)
		out->notes = "[]";
	out->path = sqlite3_column_blob(st, COL_PATH);
	out->path_len = (size_t)sqlite3_column_bytes(st, COL_PATH);
	return 0;
}

void
query_keep(struct query_row *to, struct arena *a, const struct query_row *from)
{
	const char **const text[] = {
		&to->spool, &to->kind, &to->queue, &to->id, &to->account, &to->account_kind, &to->domain, &to->sender, &to->sender_domain,
		&to->client, &to->client_name, &to->helo, &to->protocol, &to->local_user, &to->script, &to->from, &to->subject,
		&to->message_id, &to->state, &to->reason, &to->damage, &to->notes
	};
	size_t i;

	*to = *from;
	for (i = 0; i < sizeof text / sizeof text[0]; i++)
		if (*text[i] != NULL)
			*text[i] = arena_str(a, *text[i]);
	to->path = arena_dup(a, from->path != NULL ? from->path : "", from->path_len);
}

/* The files of one row; its texts stay as they are. */
static int
is_contained(struct query *q, const struct query_row *r, struct err *e)
{
	char *path = mem_new(r->path_len + 1);
	int rc;

	if (r->path_len != 0)
		memcpy(path, r->path, r->path_len);
	rc = contains_test(q->contains, r->kind, r->spool, r->queue, r->id, path, e);
	free(path);
	return rc;
}

int
query_next(struct query_row *out, struct query *q, struct err *e)
{
	int rc;

	while (q->at < q->n) {
		memset(out, 0, sizeof *out);
		sqlite3_reset(q->row);
		out->rowid = q->given != NULL ? q->given[q->at] : q->key[q->at].row;
		q->at++;
		sqlite3_bind_int64(q->row, 1, out->rowid);
		rc = sqlite3_step(q->row);
		if (rc != SQLITE_ROW)
			return rc == SQLITE_DONE ? err_set(e, 0, "index %s: a message vanished during the query", q->ix->path) :
			    index_err(q->ix, e, "read");
		if (row_fill(out, q, e) < 0)
			return -1;
		rc = q->contains != NULL ? is_contained(q, out, e) : 1;
		if (rc != 0)
			return rc;
	}
	sqlite3_reset(q->row);
	return 0;
}

static int64_t
count_rows(struct query *q, struct err *e)
{
	struct query_row row;
	int64_t n = 0;
	int rc;

	while ((rc = query_next(&row, q, e)) == 1)
		n++;
	return rc < 0 ? -1 : n;
}

int64_t
query_count(struct index *ix, struct selection *s, struct err *e)
{
	struct query *q, part = { .ix = ix, .s = s };
	sqlite3_stmt *st;
	int64_t n = -1;

	if (selection_has(s, SEL_CONTAINS)) {
		if (query_open(&q, ix, s, 0, e) < 0)
			return -1;
		n = count_rows(q, e);
		query_close(q);
		return n;
	}
	if (selection_begin(&part.began, ix, e) < 0)
		return -1;
	st = prepare(&part, "count(*)", 0, e);
	if (st != NULL && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	else if (st != NULL)
		index_err(ix, e, "selection");
	sqlite3_finalize(st);
	selection_end(part.began, ix);
	return n;
}

/* ---- recipients, scans ---- */

int
query_recipients(struct index *ix, int64_t rowid, void (*fn)(void *arg, const struct query_rcpt *r), void *arg, struct err *e)
{
	static const char *const states[] = { "pending", "done", "removed" };
	sqlite3_stmt *st = index_prepare(ix, "SELECT r.address, d.text, r.state, y.text FROM recipient r LEFT JOIN text d ON"
	    " d.id = r.domain LEFT JOIN text y ON y.id = r.reply WHERE r.message = ? ORDER BY r.seq", e);
	struct query_rcpt r;
	int rc, state;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, rowid);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		state = sqlite3_column_int(st, 2);
		r.address = column_text(st, 0);
		r.domain = column_text(st, 1);
		r.state = state >= 0 && state < 3 ? states[state] : NULL;
		r.reply = column_text(st, 3);
		fn(arg, &r);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(ix, e, "read");
}

/* Of the queues that were not read, those that --queue names; "*", the whole spool, always. */
static void
scans_sql(struct buf *sql, const struct selection *s)
{
	struct buf kinds;

	buf_puts(sql, "SELECT p.root, p.kind, c.finished, ");
	if (selection_has(s, SEL_QUEUE)) {
		buf_puts(sql, "(SELECT json_group_array(j.value) FROM json_each(c.unknown) j WHERE j.value = '*' OR (1");
		selection_test(sql, s, SEL_QUEUE, "j.value");
		buf_puts(sql, "))");
	} else {
		buf_puts(sql, "c.unknown");
	}
	buf_puts(sql, ", c.timezone FROM spool p JOIN scan c ON c.id = (SELECT max(x.id) FROM scan x WHERE x.spool = p.id) WHERE 1");
	if (selection_has(s, SEL_SPOOL))
		selection_test(sql, s, SEL_SPOOL, "p.kind || ':' || p.root");
	buf_init(&kinds, SQL_MAX);
	if (selection_spool_kinds(&kinds, s)) {
		buf_puts(sql, " AND p.kind IN (");
		buf_add(sql, kinds.p, kinds.n);
		buf_byte(sql, ')');
	}
	buf_free(&kinds);
	buf_puts(sql, " ORDER BY p.root, p.kind");
}

int
query_scans(struct index *ix, struct selection *s, void (*fn)(void *arg, const struct query_scan *sc), void *arg, struct err *e)
{
	struct query_scan sc;
	sqlite3_stmt *st;
	struct buf sql;
	int rc;

	if (selection_register(s, ix, e) < 0)
		return -1;
	buf_init(&sql, SQL_MAX);
	scans_sql(&sql, s);
	st = index_prepare(ix, buf_cstr(&sql), e);
	buf_free(&sql);
	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		sc.spool = column_text(st, 0);
		sc.kind = column_text(st, 1);
		sc.finished = sqlite3_column_int64(st, 2);
		sc.unknown = column_text(st, 3);
		sc.timezone = column_text(st, 4);
		fn(arg, &sc);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(ix, e, "read");
}
