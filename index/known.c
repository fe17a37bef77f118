#include "index/known.h"

#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"

size_t
known_slot(const struct known *k, uint64_t fp)
{
	size_t i = (size_t)(((fp & UINT32_MAX) * k->cap) >> 32);

	while (k->slot[i] != 0 && k->row[k->slot[i] - 1].fp != fp)
		i = i + 1 < k->cap ? i + 1 : 0;
	return i;
}

int
known_load(struct known *k, struct index *ix, const char *sql, int64_t spool, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, sql, e);
	size_t cap = 0, i;
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, spool);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && k->n < UINT32_MAX / 2) {
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
	k->cap = k->n + k->n / 2 + 1;
	k->slot = mem_new(k->cap * sizeof *k->slot);
	k->seen = mem_new(k->n * sizeof *k->seen + 1);
	for (i = 0; i < k->n; i++)
		k->slot[known_slot(k, k->row[i].fp)] = (uint32_t)i + 1;
	return 0;
}

void
known_free(struct known *k)
{
	free(k->row);
	free(k->seen);
	free(k->slot);
	memset(k, 0, sizeof *k);
}

int
known_seen(struct known *k, uint64_t fp)
{
	uint32_t i = k->n != 0 ? k->slot[known_slot(k, fp)] : 0;

	if (i == 0)
		return 0;
	atomic_store_explicit(&k->seen[i - 1], 1, memory_order_relaxed);
	return 1;
}

static int
row_compare(const void *a, const void *b)
{
	const struct known_row *x = a, *y = b;

	return x->row < y->row ? -1 : x->row > y->row;
}

atomic_uchar *
known_row(struct known *k, int64_t row)
{
	const struct known_row want = { 0, row }, *got;

	got = k->n != 0 ? bsearch(&want, k->row, k->n, sizeof *k->row, row_compare) : NULL;
	return got != NULL ? &k->seen[got - k->row] : NULL;
}
