#include "index/query.h"

#include <stdlib.h>
#include <string.h>

#include "index/map.h"
#include "index/select_in.h"
#include "spool/arena.h"
#include "spool/msg.h"

#define SQL_MAX ((size_t)16 * 1024 * 1024)
#define CACHE_SLOTS 256
#define CACHE_TEXT 4096		/* longer texts are not kept from row to row */
#define LINES_MAX ((size_t)12 * 1024 * 1024)	/* bytes of lines in memory; beyond that rows are fetched one by one */
#define RUN ((size_t)1 << 16)	/* keys sorted at once: qsort of glibc takes their size again */

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

/* A queue of a spool, by numbers: few. */
struct place {
	int64_t spool_id, queue_id;
	const char *spool, *queue;
};

struct places {
	struct place **v;
	size_t n, last;
};

/* What a line of a table shows beside what orders it; its texts last as long as the query. */
struct line {
	const char *sender, *subject, *account, *state, *damage;
	int64_t size, recipients, pending;
};

/* An arena gives 16 bytes at least, and a million messages have a million of these. */
struct name {
	char is_lined;			/* a struct line stands before it; else the row is fetched */
	char qid[];
};

/* What the order needs. 32 bytes: up to that qsort of glibc moves the keys themselves. */
struct key {
	int64_t row, arrived;
	const struct place *place;
	const struct name *name;
};

struct query {
	struct index *ix;
	struct selection *s;
	int began, is_brief, with_lines;
	sqlite3_stmt *row, *ask[ASK_COUNT];
	struct cache *cache;		/* COL_NUMBERED of them */
	struct contains *contains;
	struct key *key;		/* runs of RUN, each sorted */
	size_t *head, nheads;		/* the next of each run that is not over: a heap, the first of all in front */
	const int64_t *given;		/* numbers of rows instead of keys */
	size_t n, cap, at;		/* at: of those */
	struct arena arena;
	struct map texts;		/* number of a text, or of an account below 0, to 1 + its place in text */
	const char **text;
	size_t ntexts;
	const char *state;		/* of the line before */
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
place_of(const struct place **out, struct query *q, struct places *p, int64_t spool, int64_t queue, struct err *e)
{
	struct place *new;
	const char *text;
	size_t i = p->last;

	if (i >= p->n || p->v[i]->spool_id != spool || p->v[i]->queue_id != queue)
		for (i = 0; i < p->n && (p->v[i]->spool_id != spool || p->v[i]->queue_id != queue); i++)
			;
	if (i == p->n) {
		new = arena_get(&q->arena, sizeof *new);
		new->spool_id = spool;
		new->queue_id = queue;
		if (text_of(&text, q, &q->cache[COL_SPOOL], spool, e) < 0)
			return -1;
		new->spool = arena_str(&q->arena, text != NULL ? text : "");
		if (text_of(&text, q, &q->cache[COL_QUEUE], queue, e) < 0)
			return -1;
		new->queue = arena_str(&q->arena, text != NULL ? text : "");
		p->v = mem_grow(p->v, (i + 1) * sizeof *p->v);
		p->v[p->n++] = new;
	}
	p->last = i;
	*out = p->v[i];
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int c;

	if (x->arrived != y->arrived)
		return x->arrived < y->arrived ? -1 : 1;
	if (x->place != y->place && ((c = strcmp(x->place->spool, y->place->spool)) != 0 ||
	    (c = strcmp(x->place->queue, y->place->queue)) != 0))
		return c;
	if ((c = strcmp(x->name->qid, y->name->qid)) != 0)
		return c;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* The head at i sinks to its place. */
static void
sink(struct query *q, size_t i)
{
	size_t least, child, head;

	for (;; i = least) {
		least = i;
		for (child = 2 * i + 1; child <= 2 * i + 2 && child < q->nheads; child++)
			if (compare(&q->key[q->head[child]], &q->key[q->head[least]]) < 0)
				least = child;
		if (least == i)
			return;
		head = q->head[i];
		q->head[i] = q->head[least];
		q->head[least] = head;
	}
}

static void
sort_keys(struct query *q)
{
	size_t i, from;

	q->head = mem_new((q->n / RUN + 1) * sizeof *q->head);
	for (from = 0; from < q->n; from += RUN) {
		qsort(q->key + from, q->n - from < RUN ? q->n - from : RUN, sizeof *q->key, compare);
		q->head[q->nheads++] = from;
	}
	for (i = q->nheads; i > 0; i--)
		sink(q, i - 1);
}

/* The next in order, NULL behind the last. */
static const struct key *
next_key(struct query *q)
{
	const struct key *k;
	size_t next;

	if (q->nheads == 0)
		return NULL;
	k = &q->key[q->head[0]];
	next = q->head[0] + 1;
	q->head[0] = next == q->n || next % RUN == 0 ? q->head[--q->nheads] : next;
	sink(q, 0);
	return k;
}

enum line_column { LINE_ROW, LINE_ARRIVED, LINE_SPOOL, LINE_QUEUE, LINE_QID, LINE_SIZE, LINE_RECIPIENTS, LINE_PENDING, LINE_STATE,
    LINE_DAMAGE, LINE_SUBJECT, LINE_SPELLING, LINE_ACCOUNT, LINE_SENDER };

static const char key_columns[] = "m.id, m.arrived, m.spool, m.queue, m.qid";
static const char line_columns[] = "m.id, m.arrived, m.spool, m.queue, m.qid, m.size, m.recipients, m.pending,"
    " CASE WHEN m.gone_scan IS NULL THEN m.state ELSE 'gone' END, m.damage, m.subject, m.spelling, m.account,"
    " (SELECT x.text FROM text x WHERE x.id = m.sender)";

/* The text of a number that many lines share. */
static int
shared_text(const char **out, struct query *q, struct cache *c, int64_t id, struct err *e)
{
	const int64_t key = c->ask == ASK_ACCOUNT ? -id : id;
	uint32_t got = id != 0 ? map_get(&q->texts, key) : 0;
	const char *text;

	*out = NULL;
	if (id == 0)
		return 0;
	if (got == 0) {
		if (text_of(&text, q, c, id, e) < 0)
			return -1;
		if ((q->ntexts & (q->ntexts - 1)) == 0)
			q->text = mem_grow(q->text, (q->ntexts != 0 ? q->ntexts * 2 : 1) * sizeof *q->text);
		q->text[q->ntexts++] = text != NULL ? arena_str(&q->arena, text) : NULL;
		got = (uint32_t)q->ntexts;
		map_put(&q->texts, key, got);
	}
	*out = q->text[got - 1];
	return 0;
}

static const char *
copy_text(struct query *q, const char *text)
{
	return text != NULL ? arena_str(&q->arena, text) : NULL;
}

static int64_t
column_number(sqlite3_stmt *st, int i, int64_t none)
{
	int64_t n = sqlite3_column_int64(st, i);

	return n != 0 || sqlite3_column_type(st, i) != SQLITE_NULL ? n : none;
}

static const char *
column_text(sqlite3_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(st, i);
}

static const struct line *
line_of(const struct name *name)
{
	return name->is_lined ? (const struct line *)(const void *)((const char *)name - sizeof(struct line)) : NULL;
}

static int
fill_line(struct line *l, struct query *q, sqlite3_stmt *st, struct err *e)
{
	const char *state = column_text(st, LINE_STATE), *spelling;

	if (shared_text(&l->subject, q, &q->cache[COL_SUBJECT], sqlite3_column_int64(st, LINE_SUBJECT), e) < 0 ||
	    shared_text(&spelling, q, &q->cache[COL_SPELLING], sqlite3_column_int64(st, LINE_SPELLING), e) < 0 ||
	    shared_text(&l->account, q, &q->cache[COL_ACCOUNT], sqlite3_column_int64(st, LINE_ACCOUNT), e) < 0)
		return -1;
	if (spelling != NULL)
		l->account = spelling;
	if (state != NULL && (q->state == NULL || strcmp(q->state, state) != 0))
		q->state = arena_str(&q->arena, state);
	l->state = state != NULL ? q->state : NULL;
	l->sender = copy_text(q, column_text(st, LINE_SENDER));
	l->damage = copy_text(q, column_text(st, LINE_DAMAGE));
	l->size = column_number(st, LINE_SIZE, -1);
	l->recipients = column_number(st, LINE_RECIPIENTS, -1);
	l->pending = column_number(st, LINE_PENDING, -1);
	return 0;
}

static int
add_key(struct query *q, sqlite3_stmt *st, struct places *places, struct err *e)
{
	const char *qid = column_text(st, LINE_QID);
	const size_t n = qid != NULL ? strlen(qid) : 0, before = q->with_lines && q->arena.total < LINES_MAX ? sizeof(struct line) : 0;
	struct name *name;
	struct line *line;
	struct key *k;

	if (q->n == q->cap) {
		q->cap = q->cap != 0 ? q->cap * 2 : 1024;
		q->key = mem_grow(q->key, q->cap * sizeof *q->key);
	}
	k = &q->key[q->n];
	k->row = sqlite3_column_int64(st, LINE_ROW);
	k->arrived = column_number(st, LINE_ARRIVED, INT64_MAX);	/* no time: last */
	if (place_of(&k->place, q, places, sqlite3_column_int64(st, LINE_SPOOL), sqlite3_column_int64(st, LINE_QUEUE), e) < 0)
		return -1;
	line = arena_get(&q->arena, before + sizeof *name + n + 1);
	k->name = name = (struct name *)(void *)((char *)line + before);
	memcpy(name->qid, qid != NULL ? qid : "", n + 1);
	name->is_lined = before != 0;
	if (before != 0 && fill_line(line, q, st, e) < 0)
		return -1;
	q->n++;
	return 0;
}

static sqlite3_stmt *
prepare(struct query *q, const char *columns, const char *source, int with_gone, struct err *e)
{
	sqlite3_stmt *st = NULL;
	struct buf sql;

	buf_init(&sql, SQL_MAX);
	buf_fmt(&sql, "SELECT %s FROM %s WHERE %s", columns, source, with_gone ? "1" : "m.gone_scan IS NULL");
	if (selection_sql(&sql, q->s, q->ix, e) == 0)
		st = index_prepare(q->ix, buf_cstr(&sql), e);
	buf_free(&sql);
	return st;
}

/* Numbers of rows in memory and sorted there, rows fetched one by one: half the time of sorting whole rows in SQL, and no temporary file. */
static int
fill(struct query *q, int with_gone, struct err *e)
{
	struct places places = { 0 };
	sqlite3_stmt *st = prepare(q, q->with_lines ? line_columns : key_columns,
	    selection_source_of_rows(q->s, q->ix, with_gone), with_gone, e);
	int rc = -1, step;

	if (st == NULL)
		return -1;
	while ((step = sqlite3_step(st)) == SQLITE_ROW)
		if (add_key(q, st, &places, e) < 0)
			goto out;
	if (step != SQLITE_DONE) {
		index_err(q->ix, e, "selection");
		goto out;
	}
	sort_keys(q);
	rc = 0;
out:
	sqlite3_finalize(st);
	free(places.v);
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

static int
open_query(struct query **out, struct index *ix, struct selection *s, int with_gone, int with_lines, struct err *e)
{
	struct query *q = mem_new(sizeof *q);

	q->ix = ix;
	q->s = s;
	q->contains = contains_new(s);
	q->is_brief = with_lines;
	q->with_lines = with_lines && q->contains == NULL;
	if (open_parts(q, e) < 0 || fill(q, with_gone, e) < 0) {
		query_close(q);
		return -1;
	}
	*out = q;
	return 0;
}

int
query_open(struct query **out, struct index *ix, struct selection *s, int with_gone, struct err *e)
{
	return open_query(out, ix, s, with_gone, 0, e);
}

int
query_open_lines(struct query **out, struct index *ix, struct selection *s, struct err *e)
{
	return open_query(out, ix, s, 0, 1, e);
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
	free(q->head);
	free(q->text);
	map_free(&q->texts);
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

static void
line_fill(struct query_row *out, const struct key *k)
{
	const struct line *l = line_of(k->name);

	out->rowid = k->row;
	out->spool = k->place->spool;
	out->queue = k->place->queue;
	out->id = k->name->qid;
	out->account = l->account;
	out->sender = l->sender;
	out->subject = l->subject;
	out->state = l->state;
	out->damage = l->damage != NULL ? l->damage : "[]";
	out->notes = "[]";
	out->uid = -1;
	out->arrived = k->arrived != INT64_MAX ? k->arrived : MSG_NO_TIME;
	out->size = l->size;
	out->recipients = l->recipients;
	out->pending = l->pending;
}

int
query_next(struct query_row *out, struct query *q, struct err *e)
{
	const struct key *k = NULL;
	int rc;

	while (q->given != NULL ? q->at < q->n : (k = next_key(q)) != NULL) {
		memset(out, 0, sizeof *out);
		if (k != NULL && k->name->is_lined) {
			line_fill(out, k);
			return 1;
		}
		sqlite3_reset(q->row);
		out->rowid = k != NULL ? k->row : q->given[q->at++];
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
	st = prepare(&part, "count(*)", selection_source(s, ix, 0), 0, e);
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
