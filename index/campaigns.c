#include "index/campaigns.h"

#include <stdlib.h>
#include <string.h>

#include "index/hash.h"
#include "spool/arena.h"
#include "spool/part.h"
#include "spool/sys.h"

#ifndef PRINTS_MAX		/* a test comes this far with few */
#define PRINTS_MAX 65536	/* so many prints are thinned, so that memory stays within bounds */
#endif

struct stored {			/* one print of the index */
	int64_t id, campaign;	/* campaign: 0 none yet */
	uint32_t times;		/* messages that have it now */
	uint32_t n;		/* its numbers; in the pool they stand behind those of the one before */
};

struct campaigns {
	struct index *ix;
	struct stored *v;
	size_t n, cap;		/* n: also those that campaigns_add did not keep */
	uint32_t *pool;
	size_t used, pool_cap;
	uint64_t digest;	/* of which prints how many messages have */
	struct campaign_item *item;	/* those with a number in them, in the order of v */
	size_t nitems;
	int has_others;		/* prints that no message has now */
	/* of those told by campaigns_add */
	struct sys_mutex *lock;	/* all of it, until campaigns_end */
	struct hash known;	/* number in v + 1 by the hash of the print: copies of a message have one */
	int64_t first;		/* row of v[0]; 0: they were read from the index */
};

static struct stored *
add_stored(struct campaigns *c)
{
	struct stored *s;

	if (c->n == c->cap) {
		c->cap = c->cap != 0 ? c->cap * 2 : 1024;
		c->v = mem_grow(c->v, c->cap * sizeof *c->v);
	}
	s = &c->v[c->n++];
	memset(s, 0, sizeof *s);
	return s;
}

/* To the pool; n may be 0. */
static void
keep_print(struct campaigns *c, struct stored *s, const uint32_t *print, size_t n)
{
	s->n = (uint32_t)n;
	if (c->used + n > c->pool_cap) {
		c->pool_cap = (c->used + n) * 2;
		c->pool = mem_grow(c->pool, c->pool_cap * sizeof *c->pool);
	}
	if (n != 0)
		memcpy(c->pool + c->used, print, n * sizeof *print);
	c->used += n;
}

static void
count_in(struct campaigns *c, const struct stored *s)
{
	c->digest += campaign_mix((uint64_t)s->id * 0x100000001 + s->times + CAMPAIGN_FORMAT);
}

static int
load_counts(struct campaigns *c, struct err *e)
{
	sqlite3_stmt *st = index_prepare(c->ix, "SELECT print, count(*) FROM message NOT INDEXED WHERE print IS NOT NULL AND gone_scan IS NULL"
	    " GROUP BY print ORDER BY print", e);
	struct stored *s;
	int rc;

	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		s = add_stored(c);
		s->id = sqlite3_column_int64(st, 0);
		s->times = (uint32_t)sqlite3_column_int64(st, 1);
		count_in(c, s);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(c->ix, e, "read");
}

/* Is this what was grouped last? 1, 0, -1. */
static int
is_same(const struct campaigns *c, struct err *e)
{
	sqlite3_stmt *st = index_prepare(c->ix, "SELECT value = ? FROM meta WHERE key = 'campaigns'", e);
	int rc, same;

	if (st == NULL)
		return -1;
	sqlite3_bind_blob(st, 1, &c->digest, sizeof c->digest, SQLITE_STATIC);
	rc = sqlite3_step(st);
	same = rc == SQLITE_ROW && sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? same : index_err(c->ix, e, "read");
}

/* So many are thinned; those of a first load are read back from the index then. */
static int
is_full(const struct campaigns *c)
{
	return c->n >= PRINTS_MAX;
}

/* Of each block, which its three top bits tell, one in k: the smallest, so that all prints keep the same of what they share. */
static uint32_t
thin(uint32_t *print, size_t n, size_t k)
{
	uint32_t out = 0;
	size_t i, end, keep;

	for (i = 0; i < n; i = end) {
		for (end = i; end < n && print[end] >> 29 == print[i] >> 29; end++)
			;
		for (keep = (end - i + k - 1) / k; keep > 0; keep--)
			print[out++] = print[i++];
	}
	return out;
}

static int
load_prints(struct campaigns *c, struct err *e)
{
	sqlite3_stmt *st = index_prepare(c->ix, "SELECT id, print, campaign FROM print ORDER BY id", e);
	uint32_t print[CAMPAIGN_PRINT_MAX];
	size_t k = c->n / PRINTS_MAX + 1, i = 0, n;
	struct stored *s;
	int rc;

	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		while (i < c->n && c->v[i].id < sqlite3_column_int64(st, 0))
			i++;
		if (i == c->n || c->v[i].id != sqlite3_column_int64(st, 0) ||
		    campaign_decode(print, &n, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1)) < 0) {
			c->has_others = 1;
			continue;
		}
		s = &c->v[i];
		s->campaign = sqlite3_column_int64(st, 2);
		keep_print(c, s, print, thin(print, n, k));
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(c->ix, e, "read");
}

/* The pool does not move any more. */
static void
make_items(struct campaigns *c)
{
	uint32_t *print = c->pool;
	size_t i;

	c->item = mem_new((c->n + 1) * sizeof *c->item);
	for (i = 0; i < c->n; print += c->v[i++].n) {
		if (c->v[i].n == 0)
			continue;
		c->item[c->nitems].print = print;
		c->item[c->nitems].n = c->v[i].n;
		c->item[c->nitems++].times = c->v[i].times;
	}
}

int
campaigns_begin(struct campaigns **out, struct index *ix, struct err *e)
{
	struct campaigns *c = mem_new(sizeof *c);
	int same;

	*out = c;
	c->ix = ix;
	if (load_counts(c, e) < 0 || (same = is_same(c, e)) < 0)
		return -1;
	if (same)
		return 0;
	if (is_full(c))		/* those many small blocks that reading and writing left behind are of no use for the large ones to come */
		sys_memory_return();
	if (load_prints(c, e) < 0)
		return -1;
	make_items(c);
	return 1;
}

/* ---- a first load ---- */

struct campaigns *
campaigns_new(struct index *ix, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT coalesce(max(id), 0) FROM print", e);
	struct campaigns *c;
	int rc;

	if (st == NULL)
		return NULL;
	c = mem_new(sizeof *c);
	c->ix = ix;
	c->known.has_numbers = 1;
	c->lock = sys_mutex_new();
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		c->first = sqlite3_column_int64(st, 0) + 1;
	sqlite3_finalize(st);
	if (rc == SQLITE_ROW)
		return c;
	index_err(ix, e, "read");
	campaigns_free(c);
	return NULL;
}

/* campaign: 0 none yet. */
static int
insert(struct campaigns *c, sqlite3_stmt *st, int64_t id, const uint32_t *print, size_t n, int64_t campaign, struct err *e)
{
	uint8_t bytes[4 * CAMPAIGN_PRINT_MAX];
	int rc;

	sqlite3_bind_int64(st, 1, id);
	sqlite3_bind_blob(st, 2, bytes, (int)campaign_encode(bytes, print, n), SQLITE_STATIC);
	if (campaign != 0)
		sqlite3_bind_int64(st, 3, campaign);
	else
		sqlite3_bind_null(st, 3);
	rc = sqlite3_step(st);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : index_err(c->ix, e, "write");
}

static const char insert_sql[] = "INSERT INTO print(id, print, campaign) VALUES(?,?,?)";

int64_t
campaigns_add(int *is_kept, struct campaigns *c, const uint32_t *print, size_t n)
{
	uint64_t key = part_hash(print, n * sizeof *print, c->ix->key);
	struct stored *s;
	int64_t id;
	uint32_t at;

	*is_kept = 1;
	if (n == 0)
		return 0;
	key += key == 0;
	sys_mutex_lock(c->lock);
	at = hash_get(&c->known, key);
	id = c->first + (int64_t)(at != 0 ? at - 1 : c->n);
	if (at != 0 && !is_full(c)) {
		c->v[at - 1].times++;
	} else if (at == 0) {
		*is_kept = c->n + 1 < PRINTS_MAX;
		if (*is_kept) {
			s = add_stored(c);
			s->id = id;
			s->times = 1;
			keep_print(c, s, print, n);
		} else {
			c->n++;
		}
		if (c->n <= UINT32_MAX)
			hash_put(&c->known, key, (uint32_t)c->n);
	}
	sys_mutex_unlock(c->lock);
	return id;
}

int
campaigns_end(struct campaigns *c)
{
	size_t i;

	hash_free(&c->known);
	if (is_full(c))
		return 0;
	c->has_others = c->first != 1;
	for (i = 0; i < c->n; i++)
		count_in(c, &c->v[i]);
	make_items(c);
	return 1;
}

/* Those that were kept go to the others. */
static int
write_kept(struct campaigns *c, struct err *e)
{
	sqlite3_stmt *st = index_prepare(c->ix, insert_sql, e);
	const uint32_t *print = c->pool;
	int rc = st != NULL ? 0 : -1;
	size_t i;

	for (i = 0; rc == 0 && i < c->n && i < PRINTS_MAX - 1; print += c->v[i++].n)
		rc = insert(c, st, c->v[i].id, print, c->v[i].n, 0, e);
	sqlite3_finalize(st);
	return rc;
}

int
campaigns_reload(struct campaigns **c, struct err *e)
{
	struct index *ix = (*c)->ix;

	if (write_kept(*c, e) < 0)
		return -1;
	campaigns_free(*c);
	*c = NULL;
	return campaigns_begin(c, ix, e);
}

/* ---- any ---- */

void
campaigns_group(struct campaigns *c)
{
	campaign_group(c->item, c->nitems);
}

static int
store_ids(struct campaigns *c, struct err *e)
{
	sqlite3_stmt *st = index_prepare(c->ix, c->first != 0 ? insert_sql : "UPDATE print SET campaign = ? WHERE id = ?", e);
	const struct campaign_item *item = c->item;
	const struct stored *s;
	int rc = st != NULL ? 0 : -1;
	size_t i;

	for (i = 0; rc == 0 && i < c->n; i++) {
		s = &c->v[i];
		if (s->n == 0)
			continue;
		if (c->first != 0) {
			rc = insert(c, st, s->id, item->print, item->n, (int64_t)item->id, e);
		} else if ((int64_t)item->id != s->campaign) {
			sqlite3_bind_int64(st, 1, (int64_t)item->id);
			sqlite3_bind_int64(st, 2, s->id);
			if (sqlite3_step(st) != SQLITE_DONE)
				rc = index_err(c->ix, e, "write");
			sqlite3_reset(st);
		}
		item++;
	}
	sqlite3_finalize(st);
	return rc;
}

/* Also drops prints that no message has any more, and notes what was grouped. */
int
campaigns_store(struct campaigns *c, struct err *e)
{
	sqlite3_stmt *st;
	int rc;

	if (store_ids(c, e) < 0 || (c->has_others &&
	    index_exec(c->ix, "DELETE FROM print WHERE id NOT IN (SELECT print FROM message WHERE print IS NOT NULL)", e) < 0))
		return -1;
	st = index_prepare(c->ix, "INSERT OR REPLACE INTO meta VALUES('campaigns', ?)", e);
	if (st == NULL)
		return -1;
	sqlite3_bind_blob(st, 1, &c->digest, sizeof c->digest, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(c->ix, e, "write");
}

void
campaigns_free(struct campaigns *c)
{
	if (c == NULL)
		return;
	sys_mutex_free(c->lock);
	hash_free(&c->known);
	free(c->v);
	free(c->pool);
	free(c->item);
	free(c);
}

int
campaigns_assign(struct index *ix, struct err *e)
{
	struct campaigns *c = NULL;
	int rc;

	if (index_exec(ix, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	rc = campaigns_begin(&c, ix, e);
	if (rc == 1) {
		campaigns_group(c);
		rc = campaigns_store(c, e);
	}
	if (rc == 0)
		rc = index_exec(ix, "COMMIT", e);
	if (rc < 0)
		sqlite3_exec(ix->db, "ROLLBACK", NULL, NULL, NULL);
	campaigns_free(c);
	return rc;
}

int
campaigns_of(char out[CAMPAIGN_ID_SIZE], struct index *ix, int64_t row, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT p.campaign FROM message m JOIN print p ON p.id = m.print WHERE m.id = ? AND p.campaign IS NOT NULL", e);
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, row);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		campaign_id_text(out, (uint64_t)sqlite3_column_int64(st, 0));
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : index_err(ix, e, "read");
}
