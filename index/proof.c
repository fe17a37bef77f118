#include "index/proof.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "index/query.h"
#include "index/scan.h"
#include "spool/arena.h"
#include "spool/part.h"
#include "spool/sys.h"

#define PLACES_MAX 1000

struct member {
	uint64_t id, inode;		/* keyed hash of spool and id: 64 bits of a secret key, two ids do not meet */
};

struct message_set {
	struct index *ix;
	struct member *v;
	size_t n, cap;
	int is_sorted;
};

struct message_set *
message_set_new(struct index *ix)
{
	struct message_set *s = mem_new(sizeof *s);

	s->ix = ix;
	return s;
}

void
message_set_free(struct message_set *s)
{
	if (s == NULL)
		return;
	free(s->v);
	free(s);
}

static struct member
member_of(const struct message_set *s, const char *root, const char *id, uint64_t inode)
{
	uint64_t place[2] = { s->ix->key[0] ^ part_hash(root, strlen(root), s->ix->key), s->ix->key[1] };
	struct member m = { part_hash(id, strlen(id), place), inode };

	return m;
}

static void
add(struct message_set *s, struct member m)
{
	if (s->n == s->cap) {
		s->cap = s->cap != 0 ? s->cap * 2 : 1024;
		s->v = mem_grow(s->v, s->cap * sizeof *s->v);
	}
	s->v[s->n++] = m;
	s->is_sorted = 0;
}

static int
compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static void
sort(struct message_set *s)
{
	size_t i, n = 0;

	if (s->is_sorted)
		return;
	if (s->n != 0)
		qsort(s->v, s->n, sizeof *s->v, compare);
	for (i = 0; i < s->n; i++)
		if (i == 0 || compare(&s->v[i], &s->v[n - 1]) != 0)
			s->v[n++] = s->v[i];
	s->n = n;
	s->is_sorted = 1;
}

static int
has(struct message_set *s, struct member m)
{
	sort(s);
	return s->n != 0 && bsearch(&m, s->v, s->n, sizeof *s->v, compare) != NULL;
}

size_t
message_set_count(struct message_set *s)
{
	sort(s);
	return s->n;
}

int
message_set_has(struct message_set *s, const char *root, const char *id, uint64_t inode)
{
	return has(s, member_of(s, root, id, inode));
}

/* ---- filling ---- */

void
message_set_add(struct message_set *s, const char *root, const char *id, uint64_t inode)
{
	add(s, member_of(s, root, id, inode));
}

static int
add_spool(struct message_set *s, const struct place *pl, struct err *e)
{
	int64_t spool = scan_spool_id(s->ix, pl->kind, pl->root, 0, e);
	sqlite3_stmt *st;
	int rc;

	if (spool <= 0)
		return spool < 0 ? -1 : 0;
	st = index_prepare(s->ix, "SELECT qid, inode FROM message WHERE spool = ? AND gone_scan IS NULL", e);
	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, spool);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		add(s, member_of(s, pl->root, (const char *)sqlite3_column_text(st, 0), (uint64_t)sqlite3_column_int64(st, 1)));
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(s->ix, e, "read");
}

int
message_set_spools(struct message_set *s, struct journal *j, int64_t plan, struct err *e)
{
	struct arena a = { 0 };
	struct place pl;
	int64_t n;
	int rc = 1;

	for (n = 0; n < PLACES_MAX && (rc = journal_place(&pl, j, plan, n, &a, e)) == 1; n++)
		if ((rc = add_spool(s, &pl, e)) < 0)
			break;
	arena_free(&a);
	return rc < 0 ? -1 : 0;
}

int
message_set_selection(struct message_set *s, struct selection *sel, struct err *e)
{
	sqlite3_stmt *st = index_prepare(s->ix, "SELECT inode FROM message WHERE id = ?", e);
	struct query *q = NULL;
	struct query_row r;
	int rc = -1;

	if (st == NULL || query_open(&q, s->ix, sel, 1, e) < 0)
		goto out;
	while ((rc = query_next(&r, q, e)) > 0) {
		sqlite3_bind_int64(st, 1, r.rowid);
		rc = index_row(s->ix, st, e);
		if (rc < 0)
			break;
		if (rc == 1)
			add(s, member_of(s, r.spool, r.id, (uint64_t)sqlite3_column_int64(st, 0)));
		sqlite3_reset(st);
	}
out:
	query_close(q);
	sqlite3_finalize(st);
	return rc;
}

/* Calls fn for each item of the plan with the root of its spool. */
static int
each_item(struct journal *j, int64_t plan, unsigned mask, int (*fn)(void *arg, const char *root, const struct item *it), void *arg,
    struct err *e)
{
	struct arena places = { 0 }, a = { 0 };
	struct place pl = { -1, NULL, "", 0, 0, NULL };
	struct item it;
	int64_t n = -1;
	int rc;

	if (journal_begin_read(j, e) < 0)
		return -1;
	while ((rc = journal_item_after(&it, j, plan, n, mask, &a, e)) == 1) {
		n = it.n;
		if (it.place != pl.n && (rc = journal_place(&pl, j, plan, it.place, &places, e)) != 1)
			break;
		if ((rc = fn(arg, pl.root, &it)) < 0)
			break;
		arena_reset(&a);
	}
	journal_end_read(j);
	arena_free(&places);
	arena_free(&a);
	return rc < 0 ? -1 : 0;
}

static int
add_item(void *arg, const char *root, const struct item *it)
{
	struct message_set *s = arg;

	add(s, member_of(s, root, it->id, it->inode));
	return 0;
}

int
message_set_items(struct message_set *s, struct journal *j, int64_t plan, unsigned mask, struct err *e)
{
	return each_item(j, plan, mask, add_item, s, e);
}

/* ---- the proof ---- */

struct proving {
	struct message_set *after, *deleted, *kept;
	struct journal *j;
	sqlite3_stmt *ask;
	int64_t plan, wrong, unread;
	void (*fn)(void *arg, const struct item *it);
	void *arg;
	struct err *e;
};

/* A busy or failed message is in the private folder when the journal knows parts of it that were taken, and the spool has it not. */
static int
is_kept(struct proving *p, struct member m, const struct item *it)
{
	struct arena a = { 0 };
	struct item_part *part;
	size_t n = 0;

	if (it->state != ITEM_BUSY && it->state != ITEM_FAILED)
		return 1;
	if (journal_parts(&part, &n, p->j, p->plan, it->n, &a, p->e) < 0)
		n = 0;
	arena_free(&a);
	return n > 0 && !has(p->after, m);
}

/* Is a message of the index in a queue that the last scan read? What it could not read stays in the index as it was. */
static const char ask_read[] =
    "SELECT count(*) FROM spool p JOIN message m ON m.spool = p.id JOIN text q ON q.id = m.queue"
    " JOIN scan c ON c.id = (SELECT max(x.id) FROM scan x WHERE x.spool = p.id)"
    " WHERE p.root = ? AND m.qid = ? AND m.inode = ? AND m.gone_scan IS NULL AND NOT EXISTS(SELECT 1 FROM json_each(c.unknown) u"
    "  WHERE u.value IN ('*', q.text) OR u.value <> '' AND substr(q.text, 1, length(u.value) + 1) = u.value || '/')";

static int
was_read(int *out, struct proving *p, const char *root, const struct item *it)
{
	int rc;

	sqlite3_bind_text(p->ask, 1, root, -1, SQLITE_STATIC);
	sqlite3_bind_text(p->ask, 2, it->id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(p->ask, 3, (int64_t)it->inode);
	rc = index_row(p->after->ix, p->ask, p->e);
	*out = rc == 1 && sqlite3_column_int64(p->ask, 0) > 0;
	sqlite3_reset(p->ask);
	sqlite3_clear_bindings(p->ask);
	return rc < 0 ? -1 : 0;
}

/* A message that was taken, and the index has it all the same. */
static int
meet_again(struct proving *p, const char *root, const struct item *it)
{
	int is_there;

	if (was_read(&is_there, p, root, it) < 0)
		return -1;
	if (!is_there) {
		p->unread++;
		return 0;
	}
	p->wrong++;
	p->fn(p->arg, it);
	return 0;
}

static int
sort_out(void *arg, const char *root, const struct item *it)
{
	struct proving *p = arg;
	struct member m = member_of(p->after, root, it->id, it->inode);

	if ((1u << it->state & PROOF_TAKEN) != 0 && has(p->after, m) && meet_again(p, root, it) < 0)
		return -1;
	if (it->state == ITEM_DELETED)
		add(p->deleted, m);
	else if (is_kept(p, m, it))
		add(p->kept, m);
	return 0;
}

/* How many members of s are in none of the others (NULL: not asked). */
static int64_t
count_outside(struct message_set *s, struct message_set *a, struct message_set *b, struct message_set *c)
{
	int64_t n = 0;
	size_t i;

	sort(s);
	for (i = 0; i < s->n; i++)
		n += !has(a, s->v[i]) && (b == NULL || !has(b, s->v[i])) && (c == NULL || !has(c, s->v[i]));
	return n;
}

int
proof_make(struct proof *out, struct message_set *before, struct index *ix, struct journal *j, int64_t plan,
    void (*fn)(void *arg, const struct item *it), void *arg, struct err *e)
{
	struct proving p = { message_set_new(ix), message_set_new(ix), message_set_new(ix), j, index_prepare(ix, ask_read, e), plan, 0, 0, fn, arg, e };
	const unsigned mask = PROOF_TAKEN | 1u << ITEM_BUSY | 1u << ITEM_FAILED;
	int rc = -1;

	memset(out, 0, sizeof *out);
	if (p.ask == NULL || message_set_spools(p.after, j, plan, e) < 0 || each_item(j, plan, mask, sort_out, &p, e) < 0)
		goto out;
	out->before = (int64_t)message_set_count(before);
	out->after = (int64_t)message_set_count(p.after) - p.unread;
	out->deleted = (int64_t)message_set_count(p.deleted);
	out->kept = (int64_t)message_set_count(p.kept);
	/* what this plan took and no scan saw before it had arrived too */
	out->arrived = count_outside(p.after, before, p.deleted, p.kept) + count_outside(p.deleted, before, NULL, NULL) +
	    count_outside(p.kept, before, p.deleted, NULL);
	out->vanished = count_outside(before, p.after, p.deleted, p.kept);
	out->wrong = p.wrong;
	out->at = sys_now_us();
	rc = 0;
out:
	sqlite3_finalize(p.ask);
	message_set_free(p.after);
	message_set_free(p.deleted);
	message_set_free(p.kept);
	return rc;
}

int
proof_holds(const struct proof *p)
{
	return p->is_whole && p->wrong == 0 && p->before + p->arrived == p->after + p->deleted + p->kept + p->vanished;
}

/* Between those: the columns of both statements below. */
static const size_t numbers[] = {
	offsetof(struct proof, at), offsetof(struct proof, before), offsetof(struct proof, arrived), offsetof(struct proof, after),
	offsetof(struct proof, deleted), offsetof(struct proof, kept), offsetof(struct proof, vanished), offsetof(struct proof, wrong)
};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

int
proof_store(struct journal *j, int64_t plan, const struct proof *p, struct err *e)
{
	struct index *ix = journal_index(j);
	sqlite3_stmt *st = index_prepare(ix, "INSERT OR REPLACE INTO proof(at, before, arrived, after, deleted, kept, vanished, wrong, is_whole, plan)"
	    " VALUES(?,?,?,?,?,?,?,?,?,?)", e);
	int i, rc;

	if (st == NULL)
		return -1;
	for (i = 0; i < NUMBERS; i++)
		sqlite3_bind_int64(st, i + 1, *(const int64_t *)(const void *)((const char *)p + numbers[i]));
	sqlite3_bind_int(st, NUMBERS + 1, p->is_whole);
	sqlite3_bind_int64(st, NUMBERS + 2, plan);
	rc = sqlite3_step(st);
	if (rc != SQLITE_DONE)
		index_err(ix, e, "write the journal");
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
proof_load(struct proof *out, struct journal *j, const struct plan *plan, struct err *e)
{
	struct index *ix = journal_index(j);
	sqlite3_stmt *st = index_prepare(ix, "SELECT at, before, arrived, after, deleted, kept, vanished, wrong, is_whole FROM proof WHERE plan = ?", e);
	int i, rc;

	memset(out, 0, sizeof *out);
	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, plan->id);
	rc = sqlite3_step(st);
	for (i = 0; rc == SQLITE_ROW && i < NUMBERS; i++)
		*(int64_t *)(void *)((char *)out + numbers[i]) = sqlite3_column_int64(st, i);
	if (rc == SQLITE_ROW)
		out->is_whole = sqlite3_column_int(st, NUMBERS);
	else if (rc != SQLITE_DONE)
		index_err(ix, e, "read the journal");
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? 0 : -1;
	return out->deleted == plan->count[ITEM_DELETED] && plan->count[ITEM_RELEASED] == 0 && plan->state != PLAN_UNDOING && plan->state != PLAN_UNDONE;
}
