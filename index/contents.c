/*
 * The run: this thread hands out batches of rows and writes what comes back,
 * readers parse. Numbers of rows are all that is held of the selection.
 */
#include "index/contents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/campaigns.h"
#include "index/contents_in.h"
#include "index/query.h"
#include "index/scan.h"
#include "index/select_in.h"
#include "spool/buf.h"
#include "spool/mime.h"
#include "spool/sys.h"

#define BATCH 64
#define AHEAD 2			/* batches for each reader: one to read, one that waits */
#define COMMIT_EVERY 4096
#define LINES_MAX 20
#define SQL_MAX ((size_t)16 * 1024 * 1024)

struct job {			/* one message */
	int64_t row, fp;
	struct body_of of;
	struct body body;
};

struct batch {
	struct batch *next;
	struct arena arena;
	struct job job[BATCH];
	size_t n;
};

struct run {
	struct index *ix;
	struct spool *sp;
	const struct contents_options *opt;
	struct contents_stats *out;
	struct body_shared *shared;
	int64_t spool_id, started;
	int64_t *row;
	size_t nrow, cap, given;
	sqlite3_stmt *ask, *ask_rcpt;
	struct contents_put *put;
	size_t uncommitted, written;

	struct sys_mutex *lock;		/* all below */
	struct sys_cond *more, *done_more;
	struct batch *todo, *done;
	int is_over;
};

struct reader {
	struct run *r;
	struct body_reader *body;
	struct sys_thread *thread;
};

/* ---- readers ---- */

static struct batch *
take(struct run *r)
{
	struct batch *b;

	sys_mutex_lock(r->lock);
	while (r->todo == NULL && !r->is_over)
		sys_cond_wait(r->more, r->lock);
	b = r->todo;
	if (b != NULL)
		r->todo = b->next;
	sys_mutex_unlock(r->lock);
	return b;
}

static void
give_back(struct run *r, struct batch *b)
{
	sys_mutex_lock(r->lock);
	b->next = r->done;
	r->done = b;
	sys_cond_wake(r->done_more);
	sys_mutex_unlock(r->lock);
}

static void
reader_run(void *arg)
{
	struct reader *rd = arg;
	struct batch *b;
	struct job *j;
	size_t i;

	while ((b = take(rd->r)) != NULL) {
		for (i = 0; i < b->n; i++) {
			j = &b->job[i];
			body_read(&j->body, rd->body, &b->arena, &j->of);
		}
		give_back(rd->r, b);
	}
}

/* ---- which messages ---- */

static void
add_row(struct run *r, int64_t row)
{
	if (r->nrow == r->cap) {
		r->cap = r->cap != 0 ? r->cap * 2 : 4096;
		r->row = mem_grow(r->row, r->cap * sizeof *r->row);
	}
	r->row[r->nrow++] = row;
}

static int
is_of(const struct run *r, const struct query_row *q)
{
	return strcmp(q->spool, r->sp->root) == 0 && strcmp(q->kind, r->sp->driver->name) == 0;
}

/* --contains is answered by the files. */
static int
select_contained(struct run *r, struct selection *s, struct err *e)
{
	struct query_row row;
	struct query *q;
	int rc;

	if (query_open(&q, r->ix, s, 0, e) < 0)
		return -1;
	while ((rc = query_next(&row, q, e)) == 1)
		if (is_of(r, &row))
			add_row(r, row.rowid);
	query_close(q);
	return rc;
}

/* Those that were not read, or only up to a limit lower than today's. */
static int
select_rows(struct run *r, struct selection *s, struct err *e)
{
	sqlite3_stmt *st = NULL;
	struct buf sql;
	int rc = -1, step;

	if (s != NULL && selection_has(s, SEL_CONTAINS))
		return select_contained(r, s, e);
	buf_init(&sql, SQL_MAX);
	buf_fmt(&sql, "SELECT m.id FROM message m WHERE m.spool = %lld AND m.gone_scan IS NULL", (long long)r->spool_id);
	if (!r->opt->full)
		buf_fmt(&sql, " AND (m.contents = %d OR (m.contents = %d AND m.body_limit < %lld))", CONTENTS_NOT, CONTENTS_PARTLY,
		    (long long)r->opt->max_body);
	if (s == NULL || selection_sql(&sql, s, r->ix, e) == 0)
		st = index_prepare(r->ix, buf_cstr(&sql), e);
	buf_free(&sql);
	if (st == NULL)
		return -1;
	while ((step = sqlite3_step(st)) == SQLITE_ROW)
		add_row(r, sqlite3_column_int64(st, 0));
	rc = step == SQLITE_DONE ? 0 : index_err(r->ix, e, "selection");
	sqlite3_finalize(st);
	return rc;
}

/* ---- batches ---- */

static void
fill_of(struct body_of *of, struct run *r, struct arena *a)
{
	const void *path = sqlite3_column_blob(r->ask, 3);

	memset(of, 0, sizeof *of);
	of->queue = arena_str(a, (const char *)sqlite3_column_text(r->ask, 1));
	of->id = arena_str(a, (const char *)sqlite3_column_text(r->ask, 2));
	of->path = arena_dup(a, path != NULL ? path : "", (size_t)sqlite3_column_bytes(r->ask, 3));
	if (sqlite3_column_type(r->ask, 4) != SQLITE_NULL)
		of->subject = arena_str(a, (const char *)sqlite3_column_text(r->ask, 4));
}

static int
fill_names(struct body_of *of, struct run *r, int64_t row, struct arena *a, struct err *e)
{
	int rc;

	sqlite3_bind_int64(r->ask_rcpt, 1, row);
	while ((rc = sqlite3_step(r->ask_rcpt)) == SQLITE_ROW && of->nrcpt < CONTENTS_RCPTS_MAX)
		of->rcpt[of->nrcpt++] = arena_str(a, (const char *)sqlite3_column_text(r->ask_rcpt, 0));
	sqlite3_reset(r->ask_rcpt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : index_err(r->ix, e, "read");
}

/* Fills a batch with the next rows. Rows that have gone since are left out. */
static int
fill(struct run *r, struct batch *b, struct err *e)
{
	struct job *j;
	int rc;

	b->n = 0;
	arena_reset(&b->arena);
	while (b->n < BATCH && r->given < r->nrow) {
		sqlite3_bind_int64(r->ask, 1, r->row[r->given++]);
		rc = sqlite3_step(r->ask);
		if (rc == SQLITE_ROW) {
			j = &b->job[b->n++];
			j->row = r->row[r->given - 1];
			j->fp = sqlite3_column_int64(r->ask, 0);
			fill_of(&j->of, r, &b->arena);
			if (fill_names(&j->of, r, j->row, &b->arena, e) < 0)
				return -1;
		} else if (rc == SQLITE_DONE) {
			r->out->gone++;
		}
		sqlite3_reset(r->ask);
		if (rc != SQLITE_ROW && rc != SQLITE_DONE)
			return index_err(r->ix, e, "read");
	}
	return 0;
}

static void
hand_out(struct run *r, struct batch *b)
{
	sys_mutex_lock(r->lock);
	b->next = r->todo;
	r->todo = b;
	sys_cond_wake(r->more);
	sys_mutex_unlock(r->lock);
}

static struct batch *
wait_done(struct run *r)
{
	struct batch *b;

	sys_mutex_lock(r->lock);
	while (r->done == NULL)
		sys_cond_wait(r->done_more, r->lock);
	b = r->done;
	r->done = b->next;
	sys_mutex_unlock(r->lock);
	return b;
}

static void
tell_why(struct contents_stats *st, const struct job *j)
{
	size_t n = strlen(j->of.id) + strlen(j->body.why) + 64;

	st->unreadable++;
	if (st->nlines == LINES_MAX)
		return;
	st->lines = mem_grow(st->lines, (st->nlines + 1) * sizeof *st->lines);
	st->lines[st->nlines] = mem_new(n);
	snprintf(st->lines[st->nlines++], n, "contents of %s not read: %s", j->of.id, j->body.why);
}

static int
write_job(struct run *r, const struct job *j, struct err *e)
{
	int rc;

	if (j->body.why != NULL && !j->body.is_gone) {
		tell_why(r->out, j);
		return 0;
	}
	if (j->body.is_gone) {
		r->out->gone++;
		return 0;
	}
	rc = contents_put(r->put, j->row, j->fp, &j->body, e);
	if (rc < 0)
		return -1;
	r->out->gone += rc == 0;
	r->out->read += rc;
	r->out->partly += rc && j->body.state == CONTENTS_PARTLY;
	return 0;
}

static int
commit(struct run *r, struct err *e)
{
	if (sqlite3_get_autocommit(r->ix->db))
		return 0;
	r->uncommitted = 0;
	return index_exec(r->ix, "COMMIT", e);
}

/* The write lock is held for a few thousand messages, never while nothing is ready to be written. */
static int
write_batch(struct run *r, const struct batch *b, struct err *e)
{
	size_t i;

	if (sqlite3_get_autocommit(r->ix->db) && index_exec(r->ix, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	for (i = 0; i < b->n; i++)
		if (write_job(r, &b->job[i], e) < 0)
			return -1;
	r->written += b->n;
	r->uncommitted += b->n;
	if (r->opt->progress != NULL)
		r->opt->progress(r->opt->progress_arg, r->written, r->nrow, (double)(sys_clock_us() - r->started) / 1e6);
	return r->uncommitted >= COMMIT_EVERY ? commit(r, e) : 0;
}

static void
batch_free(struct batch *b)
{
	struct batch *next;

	for (; b != NULL; b = next) {
		next = b->next;
		arena_free(&b->arena);
		free(b);
	}
}

/* Keeps `ahead` batches with the readers until all rows are written. */
static int
pump(struct run *r, size_t ahead, struct err *e)
{
	struct batch *b = NULL;
	size_t out = 0, i;
	int rc = 0;

	for (i = 0; i < ahead && rc == 0 && r->given < r->nrow; i++) {
		b = mem_new(sizeof *b);
		rc = fill(r, b, e);
		if (rc == 0 && b->n != 0) {
			hand_out(r, b);
			out++;
		} else {
			batch_free(b);
		}
	}
	while (out > 0) {
		b = wait_done(r);
		b->next = NULL;
		out--;
		if (rc == 0)
			rc = write_batch(r, b, e);
		if (rc == 0)
			rc = fill(r, b, e);
		if (rc == 0 && b->n != 0) {
			hand_out(r, b);
			out++;
		} else {
			batch_free(b);
		}
	}
	return rc == 0 ? commit(r, e) : -1;
}

static int
read_all(struct run *r, struct err *e)
{
	unsigned n = r->opt->threads != 0 ? r->opt->threads : sys_cpus(), i, started = 0;
	struct reader *rd;
	int rc = -1;

	if (n > 8 && r->opt->threads == 0)
		n = 8;
	if (n > (r->nrow + BATCH - 1) / BATCH)
		n = (unsigned)((r->nrow + BATCH - 1) / BATCH);
	rd = mem_new(n * sizeof *rd);
	for (i = 0; i < n; i++) {
		rd[i].r = r;
		if (body_reader_new(&rd[i].body, r->shared, r->sp, NULL, e) < 0 ||
		    sys_thread_start(&rd[i].thread, reader_run, &rd[i], e) < 0)
			break;
		started++;
	}
	if (started > 0)	/* fewer will do */
		rc = pump(r, (size_t)started * AHEAD, e);
	sys_mutex_lock(r->lock);
	r->is_over = 1;
	sys_cond_wake(r->more);
	sys_mutex_unlock(r->lock);
	for (i = 0; i < n; i++) {
		if (i < started)
			sys_thread_join(rd[i].thread);
		body_reader_free(rd[i].body);
	}
	free(rd);
	return rc;
}

/* ---- the whole ---- */

int
contents_read(struct contents_stats *out, struct index *ix, struct spool *sp, struct selection *s, const struct contents_options *opt,
    struct err *e)
{
	struct contents_options o = *opt;
	struct run r = { .ix = ix, .sp = sp, .opt = &o, .out = out, .started = sys_clock_us() };
	int rc = -1;

	memset(out, 0, sizeof *out);
	if (o.max_body == 0)
		o.max_body = MIME_BODY_MAX;
	r.lock = sys_mutex_new();
	r.more = sys_cond_new();
	r.done_more = sys_cond_new();
	r.spool_id = scan_spool_id(ix, sp->driver->name, sp->root, 0, e);
	if (r.spool_id < 0 || select_rows(&r, s, e) < 0)
		goto out;
	out->wanted = (int64_t)r.nrow;
	rc = r.nrow == 0 ? 0 : -1;
	if (rc == 0)
		goto out;
	r.ask = index_prepare(ix, "SELECT m.fp, t.text, m.qid, m.path, s.text FROM message m JOIN text t ON t.id = m.queue"
	    " LEFT JOIN text s ON s.id = m.subject"
	    " WHERE m.id = ? AND m.gone_scan IS NULL", e);
	r.ask_rcpt = r.ask != NULL ? index_prepare(ix, "SELECT address FROM recipient WHERE message = ? ORDER BY seq LIMIT 8", e) : NULL;
	r.put = r.ask_rcpt != NULL ? contents_put_new(ix, NULL, r.spool_id, o.max_body, e) : NULL;
	/* every row that a new one refers to is there: no need to look each up */
	if (r.put != NULL && index_exec(ix, "PRAGMA foreign_keys = OFF", e) == 0 && body_shared_new(&r.shared, o.max_body, e) == 0)
		rc = read_all(&r, e);
out:
	if (!sqlite3_get_autocommit(ix->db))
		sqlite3_exec(ix->db, rc < 0 ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL);
	sqlite3_finalize(r.ask);
	sqlite3_finalize(r.ask_rcpt);
	contents_put_free(r.put);
	body_shared_free(r.shared);
	batch_free(r.todo);
	batch_free(r.done);
	sys_cond_free(r.more);
	sys_cond_free(r.done_more);
	sys_mutex_free(r.lock);
	free(r.row);
	if (rc == 0)	/* without all that: it needs the memory */
		rc = campaigns_assign(ix, e);
	sqlite3_exec(ix->db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	return rc;
}

void
contents_stats_free(struct contents_stats *s)
{
	size_t i;

	for (i = 0; i < s->nlines; i++)
		free(s->lines[i]);
	free(s->lines);
	memset(s, 0, sizeof *s);
}

/* Of the selection only what names spools counts: whether the rest would be selected is what cannot be known. */
int
contents_missing(int64_t *missing, int64_t *cut, int64_t *all, struct index *ix, const struct selection *s, struct err *e)
{
	struct selection *place = selection_new();
	static const enum select_key keys[] = { SEL_SPOOL, SEL_KIND, SEL_QUEUE };
	sqlite3_stmt *st = NULL;
	const char *value;
	struct buf sql;
	size_t i, k;
	int rc = 0;

	for (i = 0; s != NULL && i < sizeof keys / sizeof keys[0]; i++)
		for (k = 0; rc == 0 && (value = selection_value(s, keys[i], k)) != NULL; k++)
			rc = selection_add(place, keys[i], value, e);
	buf_init(&sql, SQL_MAX);
	buf_puts(&sql, "SELECT coalesce(sum(m.contents = 0), 0), coalesce(sum(m.contents = 2), 0), count(*) FROM message m WHERE m.gone_scan IS NULL");
	if (rc == 0 && (rc = selection_sql(&sql, place, ix, e)) == 0)
		st = index_prepare(ix, buf_cstr(&sql), e);
	buf_free(&sql);
	rc = -1;
	if (st != NULL && sqlite3_step(st) == SQLITE_ROW) {
		*missing = sqlite3_column_int64(st, 0);
		*cut = sqlite3_column_int64(st, 1);
		*all = sqlite3_column_int64(st, 2);
		rc = 0;
	} else if (st != NULL) {
		index_err(ix, e, "read");
	}
	sqlite3_finalize(st);
	selection_free(place);
	return rc;
}
