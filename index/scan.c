#include "index/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/campaigns.h"
#include "index/contents_in.h"
#include "index/hash.h"
#include "index/keep.h"
#include "index/known.h"
#include "index/put.h"
#include "index/stage.h"
#include "spool/buf.h"
#include "spool/head.h"

#define BATCH 128
#define QUEUE 32		/* batches waiting for a reader */
#define FLUSH ((size_t)64 * 1024)
#define LOCK_WAIT_S 60
#define PUBLISH_US 20		/* a message, on a busy machine */
#define PROGRESS_US 200000
#define HOLD_BYTES ((size_t)40 << 20)	/* of records with bodies, not yet written */
#define ENCODED_MAX ((size_t)1 << 30)

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
	struct keep kept;		/* read by an earlier scan that was cut short */
	struct stage *stage;
	int64_t spool_id, started, clock, last_progress;
	int64_t scan, before;		/* this scan's row, once the transaction has begun, and that of the last one, 0 none */
	int full;			/* unchanged files are read again */
	int is_first, has_sums;		/* into an empty index: what is put is all there is */
	struct body_shared *shared;	/* NULL: bodies are not read */
	struct campaigns *campaigns;	/* of bodies that were read */
	struct sys_thread *grouping;	/* of them, as long as it runs */
	int is_grouped;			/* it began */
	struct hash met;		/* messages, as is_first has them */

	struct sys_mutex *lock;		/* all below */
	struct sys_cond *more;
	struct batch *todo, **todo_end, *spare;
	size_t waiting;
	int walked;
	atomic_int failed;
	atomic_size_t nstaged;		/* messages in stage */
	atomic_int is_cut;		/* something was left unread: read_until was passed */
	struct err err;
	uint64_t found, read;
	struct top { char *key; uint64_t n; } *top;	/* running counts of accounts, for progress only */
	size_t ntop;
	char top_name[256];
	uint64_t top_n;
};

/* ---- readers ---- */

/* For put_find. */
static int
row_state(void *arg, int64_t row)
{
	const atomic_uchar *seen = known_row(arg, row);

	if (seen == NULL)
		return PUT_WRITTEN;
	return atomic_load_explicit(seen, memory_order_relaxed) != 0 ? PUT_SEEN : PUT_FREE;
}

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
is_past(int64_t until)
{
	return until != 0 && sys_clock_us() > until;
}

static int
is_known(struct scan *s, struct spool_reader *r, const struct spool_item *it)
{
	struct part_list parts;

	uint64_t fp;

	if (s->full || (s->known.n == 0 && s->kept.known.n == 0))
		return 0;
	memset(&parts, 0, sizeof parts);
	if (s->sp->driver->look(&parts, s->sp, r, it) < 0)
		return 0;
	fp = part_fingerprint(&parts, it->queue, it->id, s->ix->key);
	return known_seen(&s->known, fp) || known_seen(&s->kept.known, fp);
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

/* The same file can be met twice when its MTA moves it while we walk: id and inode tell; path: NULL, or of one that has several names. */
static int
is_first(struct scan *s, const char *id, uint64_t inode, const char *path)
{
	const uint64_t *key = s->ix->key;
	uint64_t h = part_hash(id, strlen(id), key) ^ inode * 0x9e3779b97f4a7c15u;

	if (inode == 0)
		return 1;
	if (path != NULL)
		h ^= part_hash(path, strlen(path), key);
	return hash_put(&s->met, h != 0 ? h : 1, 0);
}

struct worker {
	struct scan *s;
	struct spool_reader *r;
	struct body_reader *body;
	int has_no_body;		/* it could not be made: contents_read will say why */
	struct arena arena;
	struct buf buf;
	struct stage_seen seen;		/* of buf */
};

/* Bodies are counted as they are read: what was met before is not read again. */
static int
is_first_met(struct worker *w, const struct msg *m)
{
	const struct part *p = m->parts.n != 0 ? &m->parts.v[0] : NULL;
	const char *path = p != NULL && part_is_linked(&m->parts) ? spool_path(&w->arena, p->dir, p->name) : NULL;
	int rc;

	sys_mutex_lock(w->s->lock);
	rc = is_first(w->s, m->id, part_main_inode(&m->parts), path);
	sys_mutex_unlock(w->s->lock);
	return rc;
}

/* Behind the message's record, which begins at start. What cannot be read is left to contents_read. */
static void
read_body(struct worker *w, const struct msg *m, size_t start)
{
	struct body_of of = { .queue = m->queue, .id = m->id, .subject = m->subject };
	const size_t end = w->buf.n;
	struct body body;
	struct err e;
	int64_t row;
	int is_kept;

	if (w->body == NULL && !w->has_no_body)
		w->has_no_body = body_reader_new(&w->body, w->s->shared, w->s->sp, w->r, &e) < 0;
	if (w->body == NULL || m->parts.n == 0)
		return;
	of.path = spool_path(&w->arena, m->parts.v[0].dir, m->parts.v[0].name);
	for (; of.nrcpt < CONTENTS_RCPTS_MAX && of.nrcpt < m->nrcpt; of.nrcpt++)
		of.rcpt[of.nrcpt] = m->rcpt[of.nrcpt].address;
	body_read(&body, w->body, &w->arena, &of);
	if (body.state == CONTENTS_NOT)
		return;
	body_encode(&w->buf, &body);
	if (w->buf.cut) {	/* a body never keeps a message out */
		w->buf.n = end;
		w->buf.cut = 0;
		return;
	}
	row = campaigns_add(&is_kept, w->s->campaigns, body.print, body.nprint);
	body_tell(&w->buf, end, row, !is_kept);
	stage_extend(&w->buf, start);
}

static int
read_item(struct worker *w, const struct spool_item *it)
{
	struct scan *s = w->s;
	struct spool_reader *r = w->r;
	struct arena *a = &w->arena;
	struct buf *b = &w->buf;
	size_t start = b->n;
	struct msg m;
	struct err e;
	uint64_t fp;
	int bad;

	if (is_known(s, r, it))
		return 0;
	arena_reset(a);
	err_clear(&e);
	if (s->campaigns != NULL)
		spool_reader_keep(r, 1);
	bad = spool_read(&m, r, it, a, &e) < 0;
	if (bad && sys_is_short(e.sys)) {	/* nothing is known of it, and nothing forgotten: its queue is UNKNOWN */
		spool_unknown(s->sp, it->queue, "%s", e.text);
		goto out;
	}
	if (bad)
		unreadable(&m, s, it, a, &e);
	else if (m.is_taken_mid_way)
		return 0;
	fp = bad || m.is_log_unread ? 0 : part_fingerprint(&m.parts, m.queue, m.id, s->ix->key);
	m.id = head_text(a, m.id, strlen(m.id), NULL);
	m.queue = head_text(a, m.queue, strlen(m.queue), NULL);
	if (s->campaigns == NULL || is_first_met(w, &m)) {
		stage_encode(b, &m, fp, bad, s->campaigns != NULL ? &w->seen : NULL);
		if (s->campaigns != NULL && !bad && !b->cut)
			read_body(w, &m, start);
	}
	s->nstaged++;
	if (s->opt->progress != NULL) {
		sys_mutex_lock(s->lock);
		count_top(s, &m);
		sys_mutex_unlock(s->lock);
	}
out:
	if (s->campaigns != NULL)
		spool_reader_keep(r, 0);
	return bad;
}

static int
read_batch(struct worker *w, const struct batch *batch)
{
	struct scan *s = w->s;
	struct buf *b = &w->buf;
	struct err e;
	size_t i;

	for (i = 0; i < batch->n; i++) {
		if (is_past(s->opt->read_until)) {
			s->is_cut = 1;
			break;
		}
		read_item(w, &batch->item[i]);
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
	if (s->todo != NULL && is_past(s->opt->read_until))
		s->is_cut = 1;
	else if (!s->failed && s->todo != NULL) {
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
	body_reader_free(w->body);
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
		read_batch(w, b);
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
	read_batch(self, b);
	recycle(s, b);
	progress(s, 0);
	return 1;
}

/* A full batch to the readers, or, past the time for reading, only counted. Returns the next one. */
static struct batch *
hand_on(struct scan *s, struct worker *self, struct batch *b)
{
	if (is_past(s->opt->read_until)) {
		s->is_cut = 1;
		s->found += b->n;
		b->n = 0;
		arena_reset(&b->arena);
		return b;
	}
	if (push_batch(s, b) > QUEUE)
		help_once(s, self);
	progress(s, 0);
	return fresh_batch(s);
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
		if (rc == 1 && is_past(s->opt->walk_until)) {
			s->is_cut = 1;
			break;
		}
		if (b->n == BATCH || (rc != 1 && b->n != 0))
			b = hand_on(s, self, b);
	}
	s->found += b->n;
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

/* A new message with its body, as body_encode left it behind the record. */
static int
publish_body(struct scan *s, struct put *put, struct contents_put *contents, const struct staged *m, struct arena *a, struct err *e)
{
	struct put_body column;
	struct body body;
	int64_t row;

	arena_reset(a);
	if (body_decode(&body, a, m->more, m->nmore) < 0)
		return err_set(e, 0, "the scan's temporary file was changed");
	if (contents_put_columns(&column, contents, &body, e) < 0 || (row = put_message(put, m, 0, &column, e)) < 0)
		return -1;
	s->out->new_++;
	s->out->bodies++;
	s->out->bodies_partly += body.state == CONTENTS_PARTLY;
	return contents_put_rows(contents, row, &body, e);
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
	return put_message(put, m, row, NULL, e) < 0 ? -1 : 0;
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
	return put_message(put, m, s->known.row[i - 1].row, NULL, e) < 0 ? -1 : 1;
}

/* What this scan has read, then what an earlier one had: by then it is known which of that is still there. */
static int
next_staged(struct staged *m, struct scan *s, int *from_kept, struct err *e)
{
	int rc;

	if (!*from_kept) {
		rc = stage_next(m, s->stage, e);
		if (rc != 0 || s->kept.known.n == 0)
			return rc;
		*from_kept = 1;
	}
	return keep_next(m, &s->kept, e);
}

static int
publish_staged(struct scan *s, struct err *e)
{
	struct put *put = put_new(s->ix, s->spool_id, s->scan, e);
	struct contents_put *contents = NULL;
	struct arena arena = { 0 };
	struct staged m;
	int rc = -1, from_kept = 0;

	if (put == NULL)
		goto out;
	if (s->campaigns != NULL && (contents = contents_put_new(s->ix, put, s->spool_id, s->opt->max_body, e)) == NULL)
		goto out;
	while ((rc = next_staged(&m, s, &from_kept, e)) == 1) {
		s->out->taken_over += from_kept;
		if ((contents == NULL || from_kept) && !is_first(s, m.msg.id, m.inode, m.is_linked ? m.path : NULL))
			continue;
		if (contents != NULL && m.nmore != 0)
			rc = publish_body(s, put, contents, &m, &arena, e);
		else if ((rc = publish_same(s, put, &m, e)) == 0)
			rc = publish_one(s, put, &m, e);
		if (rc < 0)
			break;
	}
	if (rc == 0 && s->is_first) {
		rc = put_sums(put, e);
		s->has_sums = rc == 0;
	}
out:
	arena_free(&arena);
	contents_put_free(contents);
	put_free(put);
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
	int rc = ask != NULL && set != NULL ? 0 : -1, is_unknown;
	size_t i;

	for (i = 0; rc == 0 && i < k->n; i++) {
		if (atomic_load_explicit(&k->seen[i], memory_order_relaxed) != 0)
			continue;
		if (s->sp->nunknown != 0) {
			sqlite3_bind_int64(ask, 1, k->row[i].row);
			rc = index_row(s->ix, ask, e);
			is_unknown = rc == 1 && is_unknown_queue(s->sp, (const char *)sqlite3_column_text(ask, 0));
			sqlite3_reset(ask);
			if (rc < 0)
				break;
			rc = 0;
			if (is_unknown)
				continue;
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
#define TOTALS_OF_SUMS \
    " SELECT ?1, 'queue', '', q.text, sum(n), sum(b), sum(r) FROM sums JOIN text q ON q.id = queue GROUP BY queue" \
    " UNION ALL SELECT ?1, 'account', coalesce(a.kind, ''), coalesce(a.key, ''), sum(n), sum(b), sum(r)" \
    "  FROM sums LEFT JOIN account a ON a.id = account GROUP BY account" \
    " UNION ALL SELECT ?1, 'domain', '', coalesce(a.domain, ''), sum(n), sum(b), sum(r)" \
    "  FROM sums LEFT JOIN account a ON a.id = account GROUP BY coalesce(a.domain, '')"

static const char put_totals[] =
    "INSERT INTO total WITH sums AS MATERIALIZED (SELECT queue, account, count(*) AS n, total(size) AS b, total(recipients) AS r"
    "  FROM message NOT INDEXED WHERE spool = ?2 AND gone_scan IS NULL GROUP BY queue, account)" TOTALS_OF_SUMS;
static const char put_first_totals[] = "INSERT INTO total" TOTALS_OF_SUMS;	/* of temp.sums: a first load has them */

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

#define INDEX_DAMAGED "CREATE INDEX IF NOT EXISTS message_damaged ON message(spool) WHERE gone_scan IS NULL AND damage IS NOT NULL;"
static const char make_indexes[] =
    "CREATE INDEX IF NOT EXISTS text_hash ON text(hash);"
    "CREATE INDEX IF NOT EXISTS message_qid ON message(qid);"
    "CREATE INDEX IF NOT EXISTS message_live ON message(account) WHERE gone_scan IS NULL;"
    INDEX_DAMAGED;

/* Of a spool that was not wholly read not one message was: what is 0 is not known. Empty queues and logs may have been read. */
static void
forget_zeros(struct scan_stats *out)
{
	int64_t *const n[] = {
		&out->messages, &out->new_, &out->changed, &out->unchanged, &out->gone, &out->damaged, &out->orphans, &out->files
	};
	size_t i;

	out->bytes = -1;	/* those of messages that were there in the scan before */
	for (i = 0; i < sizeof n / sizeof n[0]; i++)
		if (*n[i] == 0)
			*n[i] = -1;
}

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
	if (changed ? number(&none, s->ix, s->has_sums ? put_first_totals : put_totals, s->scan, s->spool_id, e) < 0 :
	    number(&totals, s->ix, "SELECT totals FROM scan WHERE id = ?", s->before, 0, e) < 0)
		return -1;
	if (s->has_sums && index_exec(s->ix, "DROP TABLE temp.sums", e) < 0)
		return -1;
	if (number(&s->out->bytes, s->ix, changed ? "SELECT iif(total(bytes) > 0, total(bytes),"
	    " (SELECT iif(count(*) > count(size) AND count(size) = 0, -1, 0) FROM message WHERE spool = ?2 AND gone_scan IS NULL))"
	    " FROM total WHERE scan = ?1 AND what = 'queue'" :
	    "SELECT coalesce(bytes, -1) FROM scan WHERE id = ?", changed ? s->scan : s->before, s->spool_id, e) < 0)
		return -1;
	if (s->sp->nunknown != 0 && s->out->messages == 0)
		forget_zeros(s->out);
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
	/* A first load is quicker without secondary indexes: they are built in one go behind it. But for one of few rows. */
	return empty ? index_exec(s->ix, "DROP INDEX IF EXISTS text_hash; DROP INDEX IF EXISTS message_qid; DROP INDEX IF EXISTS message_live;"
	    INDEX_DAMAGED, e) : 0;
}

static void
group_run(void *arg)
{
	campaigns_group(arg);
}

static void
group(struct scan *s)
{
	s->is_grouped = 1;
	if (sys_thread_start(&s->grouping, group_run, s->campaigns, NULL) < 0) {
		s->grouping = NULL;
		campaigns_group(s->campaigns);
	}
}

/* Bodies that were read on the way are grouped while the rest is written, indexes are built and all is counted. */
static int
finish_all(struct scan *s, struct err *e)
{
	int fresh = s->is_grouped;

	if (s->campaigns != NULL && !fresh) {
		hash_free(&s->met);	/* all is read and written: what follows needs the memory */
		body_shared_free(s->shared);
		s->shared = NULL;
		fresh = campaigns_reload(&s->campaigns, e);
		if (fresh > 0)
			group(s);
	}
	if (fresh < 0 || index_exec(s->ix, make_indexes, e) < 0 || finish_counts(s, e) < 0)
		return -1;
	if (s->grouping != NULL)	/* what COMMIT would have to write alone; it fails when this did */
		sqlite3_db_cacheflush(s->ix->db);
	sys_thread_join(s->grouping);
	s->grouping = NULL;
	return fresh > 0 ? campaigns_store(s->campaigns, e) : 0;
}

static int
publish(struct scan *s, struct err *e)
{
	if (mark_gone(s, e) < 0 || keep_drop(s->ix, s->spool_id, e) < 0 || finish_all(s, e) < 0 || index_exec(s->ix, "COMMIT", e) < 0)
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

/* Grouping goes on for as long as writing, and can begin when the last body was read: so what is read is written as late as memory allows. */
static int
with_bodies(struct scan *s, struct err *e)
{
	struct err why;

	if (s->opt->max_body == 0 || body_shared_new(&s->shared, s->opt->max_body, &why) < 0)	/* contents_read says why */
		return 0;
	stage_hold(s->stage, HOLD_BYTES);
	s->campaigns = campaigns_new(s->ix, e);
	return s->campaigns != NULL ? 0 : -1;
}

static int
load(struct scan *s, struct err *e)
{
	struct sys_thread *writer;
	struct err end;
	int rc;

	s->is_first = 1;
	s->stage = stage_pipe();
	/* Every row that a new one refers to is made in the same transaction: no need to look each up. */
	if (index_exec(s->ix, "PRAGMA foreign_keys = OFF", e) < 0 || begin(s, e) < 0 || with_bodies(s, e) < 0 ||
	    spool_begin(s->sp, e) < 0 || sys_thread_start(&writer, write_run, s, e) < 0)
		return -1;
	rc = read_spool(s, e);
	progress(s, 1);
	if (rc == 0 && s->campaigns != NULL && campaigns_end(s->campaigns))
		group(s);
	stage_end(s->stage, &end);
	sys_thread_join(writer);
	if (rc == 0 && s->failed) {
		*e = s->err;
		rc = -1;
	}
	return rc;
}

/* ---- cut short ---- */

static int64_t
count_until(const struct scan *s)
{
	return (s->opt->walk_until + s->opt->end) / 2;
}

/* Publishing that is killed by a time limit has all to be read again: what is new is made safe first. When nothing is, it must be tried. */
static int
is_too_late(const struct scan *s)
{
	return s->opt->end != 0 && s->nstaged != 0 && sys_clock_us() + (int64_t)s->nstaged * PUBLISH_US > s->opt->end;
}

static void
count_staged(void *arg, const struct staged *m)
{
	const struct msg *g = &m->msg;
	const struct partial_message one = {
		g->account != NULL ? account_kind_name(g->account_kind) : NULL, g->account_key, g->account, g->client, g->reason, g->arrived,
		g->state == MSG_FROZEN || g->state == MSG_HELD, m->damage != NULL
	};

	partial_add(arg, &one);
}

/* The messages of the last scan that were met unchanged. */
static int
count_known(struct scan *s, struct partial *p, struct err *e)
{
	sqlite3_stmt *st = index_prepare(s->ix, "SELECT m.id, a.kind, a.key, a.name, c.text, r.text, m.arrived, m.state IN ('frozen', 'held'),"
	    " m.damage IS NOT NULL FROM message m LEFT JOIN account a ON a.id = m.account LEFT JOIN text c ON c.id = m.client"
	    " LEFT JOIN text r ON r.id = m.reason WHERE m.spool = ? AND m.gone_scan IS NULL", e);
	struct partial_message one;
	atomic_uchar *seen;
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, s->spool_id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && !is_past(count_until(s))) {
		seen = known_row(&s->known, sqlite3_column_int64(st, 0));
		if (seen == NULL || atomic_load_explicit(seen, memory_order_relaxed) == 0)
			continue;
		one.kind = (const char *)sqlite3_column_text(st, 1);
		one.key = (const char *)sqlite3_column_text(st, 2);
		one.name = (const char *)sqlite3_column_text(st, 3);
		one.client = (const char *)sqlite3_column_text(st, 4);
		one.reason = (const char *)sqlite3_column_text(st, 5);
		one.arrived = sqlite3_column_type(st, 6) != SQLITE_NULL ? sqlite3_column_int64(st, 6) : MSG_NO_TIME;
		one.is_frozen = sqlite3_column_int(st, 7);
		one.is_damaged = sqlite3_column_int(st, 8);
		partial_add(p, &one);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : index_err(s->ix, e, "read");
}

/* Nothing is published. What was read stays for the next scan, and is counted: first it is safe, then we look how much there is time for. */
static int
keep(struct scan *s, struct err *e)
{
	struct partial *p = partial_new(s->ix->key);
	struct staged m;
	int rc = 0;

	s->out->partial = p;
	s->out->is_cut = 1;
	s->out->found = (int64_t)s->found;
	if (index_exec(s->ix, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	s->spool_id = scan_spool_id(s->ix, s->sp->driver->name, s->sp->root, 1, e);
	if (s->spool_id < 0 || (s->kept.st == NULL && keep_drop(s->ix, s->spool_id, e) < 0) ||
	    keep_store(s->ix, s->spool_id, s->opt->zone, s->stage, count_staged, p, e) < 0 || index_exec(s->ix, "COMMIT", e) < 0)
		return -1;
	while (s->kept.known.n != 0 && !is_past(count_until(s)) && (rc = keep_next(&m, &s->kept, e)) == 1) {
		count_staged(p, &m);
		s->out->taken_over++;
	}
	if (rc >= 0 && s->known.n != 0)
		rc = count_known(s, p, e);
	partial_end(p);
	s->out->read = p->messages;
	return rc < 0 ? -1 : 0;
}

/* Any other is written to when all has been read. */
static int
gather(struct scan *s, struct err *e)
{
	s->stage = stage_new(s->ix->path, e);
	if (s->stage == NULL || spool_begin(s->sp, e) < 0 || read_spool(s, e) < 0 || stage_end(s->stage, e) < 0)
		return -1;
	if (s->is_cut || is_too_late(s))
		return keep(s, e);
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
	sys_thread_join(s->grouping);
	hash_free(&s->met);
	known_free(&s->known);
	keep_free(&s->kept);
	stage_free(s->stage);
	body_shared_free(s->shared);
	campaigns_free(s->campaigns);
	sys_mutex_free(s->lock);
	sys_cond_free(s->more);
}

int
scan_lock(struct sys_lock **out, int64_t *locked_by, const struct index *ix, int wait_s, struct err *e)
{
	size_t n = strlen(ix->path) + sizeof ".scan";
	char *path = mem_grow(NULL, n);
	int64_t holder;
	int rc;

	*locked_by = 0;
	snprintf(path, n, "%s.scan", ix->path);
	wait_s = wait_s == 0 ? LOCK_WAIT_S : wait_s < 0 ? 0 : wait_s;
	rc = sys_lock_take(out, path, wait_s, &holder, e);
	if (rc == 1) {
		*locked_by = holder > 0 ? holder : -1;
		rc = err_set(e, 0, "another scan (process %lld) is writing index %s: gave up after %d s", (long long)holder,
		    ix->path, wait_s);
	}
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

static const char live_sql[] = "SELECT id, fp FROM message NOT INDEXED WHERE spool = ? AND gone_scan IS NULL ORDER BY id";

int
scan_spool(struct scan_stats *out, struct index *ix, struct spool *sp, const struct scan_options *opt, struct err *e)
{
	struct scan s = { .ix = ix, .sp = sp, .opt = opt, .out = out };
	struct sys_lock *lock = NULL;
	int64_t empty;
	int rc = -1, is_other;

	memset(out, 0, sizeof *out);
	if (scan_lock(&lock, &out->locked_by, ix, opt->lock_wait_s, e) < 0)
		return -1;
	s.lock = sys_mutex_new();
	s.more = sys_cond_new();
	s.todo_end = &s.todo;
	s.started = sys_now_us();
	s.clock = sys_clock_us();
	s.spool_id = scan_spool_id(ix, sp->driver->name, sp->root, 0, e);
	if (s.spool_id < 0 || known_load(&s.known, ix, live_sql, s.spool_id, e) < 0 || (is_other = is_other_zone(&s, e)) < 0)
		goto out;
	s.full = opt->full || is_other;
	if (!s.full && keep_load(&s.kept, ix, s.spool_id, sp->driver->has_local_times ? opt->zone : NULL, e) < 0)
		goto out;
	if (is_empty(&empty, ix, e) < 0 || (empty && opt->read_until == 0 ? load(&s, e) : gather(&s, e)) < 0)
		goto out;
	tell(out, sp);
	rc = out->is_cut ? 0 : publish(&s, e);
out:
	if (rc < 0)
		sqlite3_exec(ix->db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_exec(ix->db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	if (s.kept.is_damaged)
		keep_drop(ix, s.kept.spool, NULL);
	scan_end(&s);
	sqlite3_db_release_memory(ix->db);	/* a purge goes on for long after its scan */
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
	partial_free(s->partial);
	free(s->unknown);
	free(s->lines);
	memset(s, 0, sizeof *s);
}
