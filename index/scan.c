#include "index/scan.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/put.h"
#include "index/stage.h"
#include "spool/buf.h"
#include "spool/head.h"

#define BATCH 128
#define QUEUE 32		/* batches waiting for a reader */
#define FLUSH ((size_t)64 * 1024)
#define LOCK_WAIT_S 60
#define PROGRESS_US 200000
#define ENCODED_MAX ((size_t)1 << 30)

/* What the index already has of this spool: fingerprints to rows. Read-only while readers run, but for `seen`. */
struct known {
	struct known_row { uint64_t fp; int64_t row; } *row;
	atomic_uchar *seen;
	uint32_t *slot;		/* 1 + number of the row, by fingerprint */
	size_t n, cap;
	struct row_at { int64_t row; uint32_t i; } *by_row;	/* sorted, made when publishing needs it */
};

struct batch {
	struct batch *next;
	struct arena arena;
	struct spool_item item[BATCH];
	size_t n;
};

struct scan {
	struct index *ix;
	struct spool *sp;
	const struct scan_options *opt;
	struct scan_stats *out;
	struct known known;
	struct stage *stage;
	int64_t spool_id, started, clock, last_progress;
	int64_t scan, before;		/* this scan's row, once the transaction has begun, and that of the last one, 0 none */
	int full;			/* unchanged files are read again */

	struct sys_mutex *lock;		/* all below */
	struct sys_cond *more;
	struct batch *todo, **todo_end, *spare;
	size_t waiting;
	int walked;
	atomic_int failed;
	struct err err;
	uint64_t found, read;
	struct top { char *key; uint64_t n; } *top;	/* running counts of accounts, for progress only */
	size_t ntop;
	char top_name[256];
	uint64_t top_n;
};

/* ---- what is known ---- */

static size_t
known_slot(const struct known *k, uint64_t fp)
{
	size_t i = (size_t)fp & (k->cap - 1);

	while (k->slot[i] != 0 && k->row[k->slot[i] - 1].fp != fp)
		i = (i + 1) & (k->cap - 1);
	return i;
}

static int
known_load(struct known *k, struct index *ix, int64_t spool, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT id, fp FROM message NOT INDEXED WHERE spool = ? AND gone_scan IS NULL", e);
	size_t cap = 0, i;
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, spool);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && k->n < UINT32_MAX - 1) {
		if (k->n == cap) {
			cap = cap != 0 ? cap * 2 : 4096;
			k->row = mem_grow(k->row, cap * sizeof *k->row);
		}
		k->row[k->n].row = sqlite3_column_int64(st, 0);
		k->row[k->n++].fp = (uint64_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE)
		return index_err(ix, e, "read");
	for (k->cap = 1024; k->cap < k->n * 2; k->cap *= 2)
		;
	k->slot = mem_new(k->cap * sizeof *k->slot);
	k->seen = mem_new(k->n * sizeof *k->seen + 1);
	for (i = 0; i < k->n; i++)
		k->slot[known_slot(k, k->row[i].fp)] = (uint32_t)i + 1;
	return 0;
}

static void
known_free(struct known *k)
{
	free(k->row);
	free(k->seen);
	free(k->slot);
	free(k->by_row);
}

/* Is this fingerprint in the index? Marks its row as seen. */
static int
known_seen(struct known *k, uint64_t fp)
{
	uint32_t i = k->slot[known_slot(k, fp)];

	if (i == 0)
		return 0;
	atomic_store_explicit(&k->seen[i - 1], 1, memory_order_relaxed);
	return 1;
}

static int
row_compare(const void *a, const void *b)
{
	const struct row_at *x = a, *y = b;

	return x->row < y->row ? -1 : x->row > y->row;
}

static atomic_uchar *
known_row(struct known *k, int64_t row)
{
	struct row_at want = { row, 0 }, *got;
	size_t i;

	if (k->n == 0)
		return NULL;
	if (k->by_row == NULL) {
		k->by_row = mem_new(k->n * sizeof *k->by_row);
		for (i = 0; i < k->n; i++) {
			k->by_row[i].row = k->row[i].row;
			k->by_row[i].i = (uint32_t)i;
		}
		qsort(k->by_row, k->n, sizeof *k->by_row, row_compare);
	}
	got = bsearch(&want, k->by_row, k->n, sizeof *k->by_row, row_compare);
	return got != NULL ? &k->seen[got->i] : NULL;
}

/* For put_find. */
static int
row_state(void *arg, int64_t row)
{
	const atomic_uchar *seen = known_row(arg, row);

	if (seen == NULL)
		return PUT_WRITTEN;
	return atomic_load_explicit(seen, memory_order_relaxed) != 0 ? PUT_SEEN : PUT_FREE;
}

/* ---- readers ---- */

static void
fail(struct scan *s, const struct err *e)
{
	sys_mutex_lock(s->lock);
	if (!s->failed)
		s->err = *e;
	s->failed = 1;
	sys_cond_wake(s->more);
	sys_mutex_unlock(s->lock);
}

/* A message that the system would not let us read still gets a row, and its queue is not wholly read. */
static void
unreadable(struct msg *m, struct scan *s, const struct spool_item *it, struct arena *a, const struct err *e)
{
	msg_init(m, a);
	m->queue = it->queue;
	m->id = it->id;
	m->state = MSG_CORRUPT;
	m->parts = it->parts;
	msg_damage(m, "cannot be read: %s", head_text(a, e->text, strlen(e->text), NULL));
	msg_finish(m);
	spool_unknown(s->sp, it->queue, "%s", e->text);
}

static int
is_known(struct scan *s, struct spool_reader *r, const struct spool_item *it)
{
	struct part_list parts;

	if (s->known.n == 0 || s->full)
		return 0;
	memset(&parts, 0, sizeof parts);
	if (s->sp->driver->look(&parts, s->sp, r, it) < 0)
		return 0;
	return known_seen(&s->known, part_fingerprint(&parts, it->queue, it->id, s->ix->key));
}

static void
count_top(struct scan *s, const struct msg *m)
{
	size_t i, n = s->ntop;
	struct top *t;

	if (m->account == NULL)
		return;
	for (i = 0; i < n && strcmp(s->top[i].key, m->account_key) != 0; i++)
		;
	if (i == n) {
		if (n == 64)	/* a progress line needs no more; the busiest come early */
			return;
		s->top = mem_grow(s->top, (n + 1) * sizeof *s->top);
		t = &s->top[s->ntop++];
		t->key = mem_new(strlen(m->account_key) + 1);
		memcpy(t->key, m->account_key, strlen(m->account_key));
		t->n = 0;
	}
	t = &s->top[i];
	if (++t->n > s->top_n) {
		s->top_n = t->n;
		snprintf(s->top_name, sizeof s->top_name, "%s", m->account);
	}
}

static int
read_item(struct scan *s, struct spool_reader *r, const struct spool_item *it, struct arena *a, struct buf *b)
{
	struct msg m;
	struct err e;
	uint64_t fp;
	int bad;

	if (is_known(s, r, it))
		return 0;
	arena_reset(a);
	err_clear(&e);
	bad = spool_read(&m, r, it, a, &e) < 0;
	if (bad)
		unreadable(&m, s, it, a, &e);
	else if (m.is_taken_mid_way)
		return 0;
	fp = bad ? 0 : part_fingerprint(&m.parts, m.queue, m.id, s->ix->key);
	m.id = head_text(a, m.id, strlen(m.id), NULL);
	m.queue = head_text(a, m.queue, strlen(m.queue), NULL);
	stage_encode(b, &m, fp, bad);
	if (s->opt->progress != NULL) {
		sys_mutex_lock(s->lock);
		count_top(s, &m);
		sys_mutex_unlock(s->lock);
	}
	return bad;
}

static int
read_batch(struct scan *s, struct spool_reader *r, const struct batch *batch, struct arena *a, struct buf *b)
{
	struct err e;
	size_t i;

	for (i = 0; i < batch->n; i++) {
		read_item(s, r, &batch->item[i], a, b);
		if (b->cut) {
			err_set(&e, 0, "a message is too large to index");
			fail(s, &e);
			return -1;
		}
		if (b->n >= FLUSH) {
			if (stage_add(s->stage, b, &e) < 0) {
				fail(s, &e);
				return -1;
			}
		}
	}
	return 0;
}

static struct batch *
next_batch(struct scan *s, int wait)
{
	struct batch *b = NULL;

	sys_mutex_lock(s->lock);
	while (wait && s->todo == NULL && !s->walked && !s->failed)
		sys_cond_wait(s->more, s->lock);
	if (!s->failed && s->todo != NULL) {
		b = s->todo;
		s->todo = b->next;
		if (s->todo == NULL)
			s->todo_end = &s->todo;
		s->waiting--;
	}
	sys_mutex_unlock(s->lock);
	return b;
}

static void
recycle(struct scan *s, struct batch *b)
{
	arena_reset(&b->arena);
	sys_mutex_lock(s->lock);
	s->read += b->n;
	b->n = 0;
	b->next = s->spare;
	s->spare = b;
	sys_mutex_unlock(s->lock);
}

struct worker {
	struct scan *s;
	struct spool_reader *r;
	struct arena arena;
	struct buf buf;
};

static void
worker_init(struct worker *w, struct scan *s)
{
	memset(w, 0, sizeof *w);
	w->s = s;
	w->r = spool_reader_new(s->sp);
	buf_init(&w->buf, ENCODED_MAX);
}

static void
worker_end(struct worker *w)
{
	struct err e;

	if (!w->s->failed && w->buf.n != 0 && stage_add(w->s->stage, &w->buf, &e) < 0)
		fail(w->s, &e);
	buf_free(&w->buf);
	arena_free(&w->arena);
	spool_reader_free(w->r);
}

static void
worker_run(void *arg)
{
	struct worker *w = arg;
	struct batch *b;

	while ((b = next_batch(w->s, 1)) != NULL) {
		read_batch(w->s, w->r, b, &w->arena, &w->buf);
		recycle(w->s, b);
	}
	worker_end(w);
}

/* ---- the walk ---- */

static void
progress(struct scan *s, int publishing)
{
	struct scan_progress p;
	int64_t now;

	if (s->opt->progress == NULL)
		return;
	now = sys_clock_us();
	if (!publishing && now - s->last_progress < PROGRESS_US)
		return;
	s->last_progress = now;
	sys_mutex_lock(s->lock);
	p.read = s->read;
	p.found = s->found;
	p.seconds = (double)(now - s->clock) / 1e6;
	p.top = s->top_n != 0 ? s->top_name : NULL;
	p.top_messages = s->top_n;
	p.publishing = publishing;
	s->opt->progress(s->opt->progress_arg, &p);
	sys_mutex_unlock(s->lock);
}

static struct batch *
fresh_batch(struct scan *s)
{
	struct batch *b;

	sys_mutex_lock(s->lock);
	b = s->spare;
	if (b != NULL)
		s->spare = b->next;
	sys_mutex_unlock(s->lock);
	return b != NULL ? b : mem_new(sizeof *b);
}

/* Hands a batch to the readers. Returns how many wait. */
static size_t
push_batch(struct scan *s, struct batch *b)
{
	size_t n;

	sys_mutex_lock(s->lock);
	b->next = NULL;
	*s->todo_end = b;
	s->todo_end = &b->next;
	s->found += b->n;
	n = ++s->waiting;
	sys_cond_wake(s->more);
	sys_mutex_unlock(s->lock);
	return n;
}

/* Reads one waiting batch. 0: none was waiting. */
static int
help_once(struct scan *s, struct worker *self)
{
	struct batch *b = next_batch(s, 0);

	if (b == NULL)
		return 0;
	read_batch(s, self->r, b, &self->arena, &self->buf);
	recycle(s, b);
	progress(s, 0);
	return 1;
}

/* Walks and, when the readers cannot keep up or the walk is done, reads along. */
static int
walk(struct scan *s, struct worker *self, struct err *e)
{
	struct batch *b = fresh_batch(s);
	int rc = 1;

	while (rc == 1 && !s->failed) {
		rc = spool_next(&b->item[b->n], s->sp, &b->arena, e);
		if (rc == 1)
			b->n++;
		if (b->n == BATCH || (rc != 1 && b->n != 0)) {
			if (push_batch(s, b) > QUEUE)
				help_once(s, self);
			b = fresh_batch(s);
			progress(s, 0);
		}
	}
	recycle(s, b);
	sys_mutex_lock(s->lock);
	s->walked = 1;
	sys_cond_wake(s->more);
	sys_mutex_unlock(s->lock);
	while (help_once(s, self))
		;
	return rc < 0 ? -1 : 0;
}

static int
read_spool(struct scan *s, struct err *e)
{
	unsigned n = s->opt->threads != 0 ? s->opt->threads : sys_cpus(), i;
	struct worker self, *w;
	struct sys_thread **t;
	int rc;

	if (n > 8 && s->opt->threads == 0)
		n = 8;
	w = mem_new(n * sizeof *w);
	t = mem_new(n * sizeof *t);
	worker_init(&self, s);
	for (i = 1; i < n; i++) {
		worker_init(&w[i], s);
		if (sys_thread_start(&t[i], worker_run, &w[i], NULL) < 0) {	/* fewer will do */
			worker_end(&w[i]);
			t[i] = NULL;
			break;
		}
	}
	rc = walk(s, &self, e);
	for (i = 1; i < n; i++)
		sys_thread_join(t[i]);
	worker_end(&self);
	free(w);
	free(t);
	if (rc == 0 && s->failed) {
		*e = s->err;
		rc = -1;
	}
	return rc;
}

/* ---- publishing ---- */

int64_t
scan_spool_id(struct index *ix, const char *kind, const char *root, int create, struct err *e)
{
	sqlite3_stmt *st;
	int64_t id = 0;
	int pass, rc;

	for (pass = 0; pass < (create ? 2 : 1) && id == 0; pass++) {
		st = index_prepare(ix, pass == 0 ? "SELECT id FROM spool WHERE kind = ? AND root = ?" :
		    "INSERT INTO spool(kind, root) VALUES(?,?) RETURNING id", e);
		if (st == NULL)
			return -1;
		sqlite3_bind_text(st, 1, kind, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, root, -1, SQLITE_STATIC);
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW)
			id = sqlite3_column_int64(st, 0);
		else if (rc != SQLITE_DONE)
			id = index_err(ix, e, "spool");
		sqlite3_finalize(st);
	}
	return id;
}

/* One number from a statement with up to two integer parameters; -1 and err on failure, 0 for NULL. */
static int
number(int64_t *out, struct index *ix, const char *sql, int64_t a, int64_t b, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, sql, e);
	int rc, n;

	if (st == NULL)
		return -1;
	n = sqlite3_bind_parameter_count(st);
	if (n >= 1)
		sqlite3_bind_int64(st, 1, a);
	if (n >= 2)
		sqlite3_bind_int64(st, 2, b);
	rc = sqlite3_step(st);
	*out = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : index_err(ix, e, "write");
}

/* The same file can be met twice when its MTA moves it while we walk: id and inode tell. */
struct once {
	uint64_t *slot;
	size_t n, cap;
};

static int
once_add(struct once *o, const struct staged *m, const uint64_t key[2])
{
	uint64_t h = part_hash(m->msg.id, strlen(m->msg.id), key) ^ m->inode * 0x9e3779b97f4a7c15u, *old = o->slot;
	size_t i, j;

	if (m->inode == 0)
		return 1;
	if (m->is_linked)
		h ^= part_hash(m->path, strlen(m->path), key);
	h += h == 0;
	if ((o->n + 1) * 2 > o->cap) {
		o->slot = mem_new((o->cap != 0 ? o->cap * 2 : 4096) * sizeof *o->slot);
		for (j = 0; j < o->cap; j++) {
			if (old[j] == 0)
				continue;
			for (i = (size_t)old[j] & (o->cap * 2 - 1); o->slot[i] != 0; i = (i + 1) & (o->cap * 2 - 1))
				;
			o->slot[i] = old[j];
		}
		o->cap = o->cap != 0 ? o->cap * 2 : 4096;
		free(old);
	}
	for (i = (size_t)h & (o->cap - 1); o->slot[i] != 0; i = (i + 1) & (o->cap - 1))
		if (o->slot[i] == h)
			return 0;
	o->slot[i] = h;
	o->n++;
	return 1;
}

static int
publish_one(struct scan *s, struct put *put, const struct staged *m, struct err *e)
{
	int64_t row = 0;
	atomic_uchar *seen;

	if (s->known.n != 0) {
		row = put_find(put, m, row_state, &s->known, e);
		if (row < 0)
			return -1;
	}
	if (row != 0 && (seen = known_row(&s->known, row)) != NULL)
		atomic_store_explicit(seen, 2, memory_order_relaxed);
	if (row != 0 && m->unreadable) {	/* what is known of it is better than nothing */
		s->out->unchanged++;
		return 0;
	}
	if (row == 0)
		s->out->new_++;
	else
		s->out->changed++;
	return put_message(put, m, row, e) < 0 ? -1 : 0;
}

/* A message that was read again although its fingerprint is known (--full): the row is written anew, but nothing changed. */
static int
publish_same(struct scan *s, struct put *put, const struct staged *m, struct err *e)
{
	uint32_t i = m->fp != 0 && s->known.n != 0 ? s->known.slot[known_slot(&s->known, m->fp)] : 0;

	if (i == 0)
		return 0;
	if (atomic_exchange(&s->known.seen[i - 1], 1) != 0)
		return 1;
	return put_message(put, m, s->known.row[i - 1].row, e) < 0 ? -1 : 1;
}

static int
publish_staged(struct scan *s, struct err *e)
{
	struct put *put = put_new(s->ix, s->spool_id, s->scan, e);
	struct once once = { NULL, 0, 0 };
	struct staged m;
	int rc = -1;

	if (put == NULL)
		goto out;
	while ((rc = stage_next(&m, s->stage, e)) == 1) {
		if (!once_add(&once, &m, s->ix->key))
			continue;
		rc = publish_same(s, put, &m, e);
		if (rc == 0)
			rc = publish_one(s, put, &m, e);
		if (rc < 0)
			break;
	}
out:
	put_free(put);
	free(once.slot);
	return rc;
}

/* Is this queue, or a folder above it, one that was not wholly read? NULL stands for the whole spool. */
static int
is_unknown_queue(const struct spool *sp, const char *queue)
{
	const char *u;
	size_t i, n;

	for (i = 0; i < sp->nunknown; i++) {
		u = sp->unknown[i].queue;
		if (u == NULL || strcmp(u, queue) == 0)
			return 1;
		n = strlen(u);
		if (n != 0 && strncmp(u, queue, n) == 0 && queue[n] == '/')
			return 1;
	}
	return 0;
}

static int
mark_gone(struct scan *s, struct err *e)
{
	sqlite3_stmt *ask = index_prepare(s->ix, "SELECT t.text FROM message m JOIN text t ON t.id = m.queue WHERE m.id = ?", e);
	sqlite3_stmt *set = index_prepare(s->ix, "UPDATE message SET gone_scan = ? WHERE id = ?", e);
	struct known *k = &s->known;
	int rc = ask != NULL && set != NULL ? 0 : -1;
	size_t i;

	for (i = 0; rc == 0 && i < k->n; i++) {
		if (atomic_load_explicit(&k->seen[i], memory_order_relaxed) != 0)
			continue;
		if (s->sp->nunknown != 0) {
			sqlite3_bind_int64(ask, 1, k->row[i].row);
			if (sqlite3_step(ask) == SQLITE_ROW &&
			    is_unknown_queue(s->sp, (const char *)sqlite3_column_text(ask, 0))) {
				sqlite3_reset(ask);
				continue;
			}
			sqlite3_reset(ask);
		}
		sqlite3_bind_int64(set, 1, s->scan);
		sqlite3_bind_int64(set, 2, k->row[i].row);
		if (sqlite3_step(set) != SQLITE_DONE)
			rc = index_err(s->ix, e, "write");
		sqlite3_reset(set);
		s->out->gone++;
	}
	sqlite3_finalize(ask);
	sqlite3_finalize(set);
	return rc;
}

static void
count_unchanged(struct scan *s)
{
	size_t i;

	for (i = 0; i < s->known.n; i++)
		s->out->unchanged += atomic_load_explicit(&s->known.seen[i], memory_order_relaxed) == 1;
	s->out->messages = s->out->new_ + s->out->changed + s->out->unchanged;
}

/* The totals of this scan by queue, account and domain: what later trends are drawn from. (Here and above, the table in its own
 * order is read several times faster than by way of an index on nearly all of it.) */
static const char put_totals[] =
    "INSERT INTO total WITH sums AS MATERIALIZED (SELECT queue, account, count(*) AS n, total(size) AS b, total(recipients) AS r"
    "  FROM message NOT INDEXED WHERE spool = ?2 AND gone_scan IS NULL GROUP BY queue, account)"
    " SELECT ?1, 'queue', '', q.text, sum(n), sum(b), sum(r) FROM sums JOIN text q ON q.id = queue GROUP BY queue"
    " UNION ALL SELECT ?1, 'account', coalesce(a.kind, ''), coalesce(a.key, ''), sum(n), sum(b), sum(r)"
    "  FROM sums LEFT JOIN account a ON a.id = account GROUP BY account"
    " UNION ALL SELECT ?1, 'domain', '', coalesce(a.domain, ''), sum(n), sum(b), sum(r)"
    "  FROM sums LEFT JOIN account a ON a.id = account GROUP BY coalesce(a.domain, '')";

static void
unknown_json(struct buf *b, const struct scan_stats *st)
{
	const char *p;
	size_t i;

	buf_byte(b, '[');
	for (i = 0; i < st->nunknown; i++) {
		buf_puts(b, i == 0 ? "\"" : ",\"");
		for (p = st->unknown[i]; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				buf_byte(b, '\\');
			if ((unsigned char)*p < 0x20)
				buf_fmt(b, "\\u%04x", (unsigned)*p);
			else
				buf_byte(b, *p);
		}
		buf_byte(b, '"');
	}
	buf_byte(b, ']');
}

static void
bind_total(sqlite3_stmt *st, int i, int64_t n)
{
	if (n < 0)
		sqlite3_bind_null(st, i);
	else
		sqlite3_bind_int64(st, i, n);
}

/* Writes the scan's own row again with everything that is known at the end. totals: the scan whose totals hold. */
static int
put_scan(struct scan *s, int64_t totals, struct err *e)
{
	const struct scan_stats *o = s->out;
	const int64_t n[] = { o->messages, o->new_, o->changed, o->unchanged, o->gone, o->damaged, o->orphans, o->files, o->bytes };
	sqlite3_stmt *st = index_prepare(s->ix, "UPDATE scan SET messages = ?, new = ?, changed = ?, unchanged = ?, gone = ?,"
	    " damaged = ?, orphans = ?, files = ?, bytes = ?, finished = ?, seconds = ?, unknown = ?, timezone = ?, totals = ?"
	    " WHERE id = ?", e);
	struct buf json;
	int rc;
	size_t i;

	if (st == NULL)
		return -1;
	buf_init(&json, (size_t)16 << 20);
	unknown_json(&json, o);
	for (i = 0; i < sizeof n / sizeof n[0]; i++)
		bind_total(st, (int)i + 1, n[i]);
	sqlite3_bind_int64(st, 10, sys_now_us());
	sqlite3_bind_double(st, 11, o->seconds);
	sqlite3_bind_text(st, 12, buf_cstr(&json), -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 13, s->opt->zone, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 14, totals);
	sqlite3_bind_int64(st, 15, s->scan);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	buf_free(&json);
	return rc == SQLITE_DONE ? 0 : index_err(s->ix, e, "write");
}

static const char make_indexes[] =
    "CREATE INDEX IF NOT EXISTS text_hash ON text(hash);"
    "CREATE INDEX IF NOT EXISTS message_qid ON message(qid);"
    "CREATE INDEX IF NOT EXISTS message_live ON message(account) WHERE gone_scan IS NULL;"
    "CREATE INDEX IF NOT EXISTS message_damaged ON message(spool) WHERE gone_scan IS NULL AND damage IS NOT NULL;";

/* Totals, and numbers that a re-scan without change takes over from the scan before. */
static int
finish_counts(struct scan *s, struct err *e)
{
	int changed = s->out->new_ + s->out->changed + s->out->gone != 0 || s->before == 0;
	int64_t totals = s->scan, none;

	count_unchanged(s);
	if (number(&s->out->damaged, s->ix, "SELECT count(*) FROM message WHERE spool = ? AND gone_scan IS NULL"
	    " AND damage IS NOT NULL", s->spool_id, 0, e) < 0)
		return -1;
	s->out->damaged += (int64_t)s->sp->stats.odd;
	if (changed ? number(&none, s->ix, put_totals, s->scan, s->spool_id, e) < 0 :
	    number(&totals, s->ix, "SELECT totals FROM scan WHERE id = ?", s->before, 0, e) < 0)
		return -1;
	if (number(&s->out->bytes, s->ix, changed ? "SELECT iif(total(bytes) > 0, total(bytes),"
	    " (SELECT iif(count(*) > count(size) AND count(size) = 0, -1, 0) FROM message WHERE spool = ?2 AND gone_scan IS NULL))"
	    " FROM total WHERE scan = ?1 AND what = 'queue'" :
	    "SELECT coalesce(bytes, -1) FROM scan WHERE id = ?", changed ? s->scan : s->before, s->spool_id, e) < 0)
		return -1;
	if (s->sp->nunknown != 0 && s->out->messages == 0 && s->sp->stats.files == 0)	/* nothing was read: not zero, but unknown */
		s->out->messages = s->out->new_ = s->out->changed = s->out->unchanged = s->out->gone = s->out->damaged =
		    s->out->orphans = s->out->files = s->out->bytes = -1;
	s->out->seconds = (double)(sys_clock_us() - s->clock) / 1e6;
	return put_scan(s, totals, e);
}

/* Has no scan left anything yet? */
static int
is_empty(int64_t *out, struct index *ix, struct err *e)
{
	return number(out, ix, "SELECT NOT EXISTS(SELECT 1 FROM message) AND NOT EXISTS(SELECT 1 FROM text)", 0, 0, e);
}

static int
begin(struct scan *s, struct err *e)
{
	int64_t empty;

	if (index_exec(s->ix, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	s->spool_id = scan_spool_id(s->ix, s->sp->driver->name, s->sp->root, 1, e);
	if (s->spool_id < 0 ||
	    number(&s->before, s->ix, "SELECT max(id) FROM scan WHERE spool = ?", s->spool_id, 0, e) < 0 ||
	    number(&s->scan, s->ix, "INSERT INTO scan(spool, started, finished, seconds, unknown) VALUES(?1, ?2, ?2, 0, '[]')"
	    " RETURNING id", s->spool_id, s->started, e) < 0 || is_empty(&empty, s->ix, e) < 0)
		return -1;
	/* A first load is quicker without secondary indexes: they are built in one go behind it. */
	return empty ? index_exec(s->ix, "DROP INDEX IF EXISTS text_hash; DROP INDEX IF EXISTS message_qid;"
	    "DROP INDEX IF EXISTS message_live; DROP INDEX IF EXISTS message_damaged", e) : 0;
}

static int
publish(struct scan *s, struct err *e)
{
	if (mark_gone(s, e) < 0 || index_exec(s->ix, make_indexes, e) < 0 || finish_counts(s, e) < 0 ||
	    index_exec(s->ix, "COMMIT", e) < 0)
		return -1;
	if (s->out->new_ + s->out->changed + s->out->gone > 1000)	/* a large log behind it would slow every reader */
		sqlite3_exec(s->ix->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	return 0;
}

/* An empty index is loaded while the spool is read: nobody can miss its write lock, and readers see it empty until the end. */
static void
write_run(void *arg)
{
	struct scan *s = arg;
	struct err e;

	if (publish_staged(s, &e) < 0)
		fail(s, &e);
	stage_stop(s->stage);
}

static int
load(struct scan *s, struct err *e)
{
	struct sys_thread *writer;
	struct err end;
	int rc;

	s->stage = stage_pipe();
	/* Every row that a new one refers to is made in the same transaction: no need to look each up. */
	if (index_exec(s->ix, "PRAGMA foreign_keys = OFF", e) < 0 || begin(s, e) < 0 ||
	    spool_begin(s->sp, e) < 0 || sys_thread_start(&writer, write_run, s, e) < 0)
		return -1;
	rc = read_spool(s, e);
	progress(s, 1);
	stage_end(s->stage, &end);
	sys_thread_join(writer);
	if (rc == 0 && s->failed) {
		*e = s->err;
		rc = -1;
	}
	return rc;
}

/* Any other is written to when all has been read. */
static int
gather(struct scan *s, struct err *e)
{
	s->stage = stage_new(s->ix->path, e);
	if (s->stage == NULL || spool_begin(s->sp, e) < 0 || read_spool(s, e) < 0 || stage_end(s->stage, e) < 0)
		return -1;
	progress(s, 1);
	return begin(s, e) < 0 ? -1 : publish_staged(s, e);
}

/* ---- the whole ---- */

static void
add_line(struct scan_stats *st, const char *a, const char *b, const char *c)
{
	size_t n = strlen(a) + strlen(b) + strlen(c) + 1;

	st->lines = mem_grow(st->lines, (st->nlines + 1) * sizeof *st->lines);
	st->lines[st->nlines] = mem_grow(NULL, n);
	snprintf(st->lines[st->nlines++], n, "%s%s%s", a, b, c);
}

static void
tell(struct scan_stats *st, const struct spool *sp)
{
	const char *queue;
	size_t i;

	for (i = 0; i < sp->nunknown; i++) {
		queue = sp->unknown[i].queue != NULL ? sp->unknown[i].queue : "*";
		st->unknown = mem_grow(st->unknown, (st->nunknown + 1) * sizeof *st->unknown);
		st->unknown[st->nunknown] = mem_grow(NULL, strlen(queue) + 1);
		memcpy(st->unknown[st->nunknown++], queue, strlen(queue) + 1);
		add_line(st, "UNKNOWN, not wholly read: queue ", queue[0] != '\0' ? queue : "\"\"", "");
		add_line(st, "  ", sp->unknown[i].why, "");
	}
	for (i = 0; i < sp->nodd; i++)
		add_line(st, "no regular file, not opened: ", sp->odd[i], "");
	if (sp->notice != NULL)
		add_line(st, sp->notice, "", "");
	st->orphans = (int64_t)sp->stats.orphans;
	st->files = (int64_t)sp->stats.files;
}

static void
scan_end(struct scan *s)
{
	struct batch *b, *next;
	size_t i;

	for (b = s->spare; b != NULL; b = next) {
		next = b->next;
		arena_free(&b->arena);
		free(b);
	}
	for (b = s->todo; b != NULL; b = next) {
		next = b->next;
		arena_free(&b->arena);
		free(b);
	}
	for (i = 0; i < s->ntop; i++)
		free(s->top[i].key);
	free(s->top);
	known_free(&s->known);
	stage_free(s->stage);
	sys_mutex_free(s->lock);
	sys_cond_free(s->more);
}

/* One scan at a time an index: the lock ends with the process, whatever ends it. */
static int
lock_index(struct sys_lock **out, const struct index *ix, struct err *e)
{
	size_t n = strlen(ix->path) + sizeof ".scan";
	char *path = mem_grow(NULL, n);
	int64_t holder;
	int rc;

	snprintf(path, n, "%s.scan", ix->path);
	rc = sys_lock_take(out, path, LOCK_WAIT_S, &holder, e);
	if (rc == 1)
		rc = err_set(e, 0, "another scan (process %lld) is writing index %s: gave up after %d s", (long long)holder,
		    ix->path, LOCK_WAIT_S);
	free(path);
	return rc;
}

/* Was the last scan of this spool made in another zone? Then the times that it left are to be read anew. 1, 0, -1. */
static int
is_other_zone(const struct scan *s, struct err *e)
{
	sqlite3_stmt *st;
	int rc, is_other;

	if (!s->sp->driver->has_local_times || s->opt->zone == NULL)
		return 0;
	st = index_prepare(s->ix, "SELECT timezone IS NOT ?2 FROM scan WHERE spool = ?1 ORDER BY id DESC LIMIT 1", e);
	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, s->spool_id);
	sqlite3_bind_text(st, 2, s->opt->zone, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	is_other = rc == SQLITE_ROW && sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? is_other : index_err(s->ix, e, "read");
}

int
scan_spool(struct scan_stats *out, struct index *ix, struct spool *sp, const struct scan_options *opt, struct err *e)
{
	struct scan s = { .ix = ix, .sp = sp, .opt = opt, .out = out };
	struct sys_lock *lock = NULL;
	int64_t empty;
	int rc = -1, is_other;

	memset(out, 0, sizeof *out);
	if (lock_index(&lock, ix, e) < 0)
		return -1;
	s.lock = sys_mutex_new();
	s.more = sys_cond_new();
	s.todo_end = &s.todo;
	s.started = sys_now_us();
	s.clock = sys_clock_us();
	s.spool_id = scan_spool_id(ix, sp->driver->name, sp->root, 0, e);
	if (s.spool_id < 0 || known_load(&s.known, ix, s.spool_id, e) < 0 || (is_other = is_other_zone(&s, e)) < 0)
		goto out;
	s.full = opt->full || is_other;
	if (is_empty(&empty, ix, e) < 0 || (empty ? load(&s, e) : gather(&s, e)) < 0)
		goto out;
	tell(out, sp);
	rc = publish(&s, e);
out:
	if (rc < 0)
		sqlite3_exec(ix->db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_exec(ix->db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	scan_end(&s);
	sys_lock_free(lock);
	return rc;
}

int
scan_is_unclean(const struct scan_stats *s)
{
	/* half a message of Exim or SmarterMail is a damaged row; a log that Postfix left behind is none */
	return s->damaged != 0 || s->nunknown != 0;
}

void
scan_stats_free(struct scan_stats *s)
{
	size_t i;

	for (i = 0; i < s->nunknown; i++)
		free(s->unknown[i]);
	for (i = 0; i < s->nlines; i++)
		free(s->lines[i]);
	free(s->unknown);
	free(s->lines);
	memset(s, 0, sizeof *s);
}
