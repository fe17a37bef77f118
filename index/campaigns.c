#include "index/campaigns.h"

#include <stdlib.h>

#include "spool/arena.h"

#define ITEMS_MAX 65536		/* more prints than this are thinned, so that memory stays within bounds */

struct stored {			/* one print of the index */
	int64_t id, campaign;	/* campaign: 0 none yet */
	uint32_t times;		/* messages that have it now */
	size_t at;		/* of its numbers in the pool */
	uint32_t n;
};

struct campaigns {
	struct index *ix;
	struct stored *v;
	size_t n, cap;
	uint32_t *pool;
	size_t used, pool_cap;
	uint64_t digest;	/* of which prints how many messages have */
	struct campaign_item *item;	/* those with a number in them, in the order of v */
	size_t nitems;
	int has_others;		/* prints that no message has now */
};

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
		if (c->n == c->cap) {
			c->cap = c->cap != 0 ? c->cap * 2 : 1024;
			c->v = mem_grow(c->v, c->cap * sizeof *c->v);
		}
		s = &c->v[c->n++];
		s->id = sqlite3_column_int64(st, 0);
		s->times = (uint32_t)sqlite3_column_int64(st, 1);
		s->campaign = 0;
		s->n = 0;
		c->digest += campaign_mix((uint64_t)s->id * 0x100000001 + s->times + CAMPAIGN_FORMAT);
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
	size_t k = c->n / ITEMS_MAX + 1, i = 0, n;
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
		s->n = thin(print, n, k);
		s->at = c->used;
		if (c->used + s->n > c->pool_cap) {
			c->pool_cap = (c->used + s->n) * 2;
			c->pool = mem_grow(c->pool, c->pool_cap * sizeof *c->pool);
		}
		for (n = 0; n < s->n; n++)
			c->pool[c->used++] = print[n];
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(c->ix, e, "read");
}

/* The pool does not move any more. */
static void
make_items(struct campaigns *c)
{
	size_t i;

	c->item = mem_new((c->n + 1) * sizeof *c->item);
	for (i = 0; i < c->n; i++) {
		if (c->v[i].n == 0)
			continue;
		c->item[c->nitems].print = c->pool + c->v[i].at;
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
	if (load_prints(c, e) < 0)
		return -1;
	make_items(c);
	return 1;
}

void
campaigns_group(struct campaigns *c)
{
	campaign_group(c->item, c->nitems);
}

static int
store_ids(struct campaigns *c, struct err *e)
{
	sqlite3_stmt *st = index_prepare(c->ix, "UPDATE print SET campaign = ? WHERE id = ?", e);
	const struct campaign_item *item = c->item;
	const struct stored *s;
	int rc = st != NULL ? 0 : -1;
	size_t i;

	for (i = 0; rc == 0 && i < c->n; i++) {
		s = &c->v[i];
		if (s->n == 0)
			continue;
		if ((int64_t)item->id != s->campaign) {
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
