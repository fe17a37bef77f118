/* One pass over the selected messages, those that have gone included, then the ranks of the ones that count. */
#include "index/report.h"

#include <stdlib.h>
#include <string.h>

#include "index/proof.h"
#include "index/report_in.h"
#include "spool/msg.h"

#define SQL_MAX ((size_t)16 * 1024 * 1024)

/* ---- which messages ---- */

enum { M_ROW, M_ACCOUNT, M_ARRIVED, M_REASON, M_SUBJECT, M_DAMAGED, M_LIVE, M_SPOOL, M_INODE, M_QID, M_CONTENTS };

static int
add_spool(struct report_pass *p, struct err *e)
{
	sqlite3_stmt *st = index_prepare(p->ix, "SELECT id, kind, root FROM spool ORDER BY id", e);
	struct report_place *pl;
	int rc;

	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		p->place = mem_grow(p->place, (p->nplaces + 1) * sizeof *p->place);
		pl = &p->place[p->nplaces++];
		memset(pl, 0, sizeof *pl);
		pl->id = sqlite3_column_int64(st, 0);
		pl->kind = arena_str(&p->out->arena, (const char *)sqlite3_column_text(st, 1));
		pl->root = arena_str(&p->out->arena, (const char *)sqlite3_column_text(st, 2));
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(p->ix, e, "read");
}

static struct report_place *
place_of(struct report_pass *p, int64_t spool)
{
	size_t i;

	for (i = 0; i < p->nplaces; i++)
		if (p->place[i].id == spool)
			return &p->place[i];
	return NULL;
}

/* Has one of our plans taken this message? Notes it with every plan that did. */
static int
is_taken(struct report_pass *p, const struct report_place *pl, const char *qid, uint64_t inode)
{
	size_t i;
	int found = 0;

	if (pl == NULL || p->nsets == 0 || !message_set_has(p->taken, pl->root, qid, inode))
		return 0;
	for (i = 0; i < p->nsets; i++) {
		if (message_set_has(p->set[i], pl->root, qid, inode)) {
			p->out->plan[i].here++;
			found = 1;
		}
	}
	return found;
}

static void
add_message(struct report_pass *p, sqlite3_stmt *st, struct report_place *pl, int is_live, int is_removed)
{
	struct report_message *m;

	if (p->n == p->cap) {
		p->cap = p->cap != 0 ? p->cap * 2 : 4096;
		p->m = mem_grow(p->m, p->cap * sizeof *p->m);
	}
	m = &p->m[p->n++];
	m->row = sqlite3_column_int64(st, M_ROW);
	m->account = sqlite3_column_int64(st, M_ACCOUNT);
	m->arrived = sqlite3_column_type(st, M_ARRIVED) != SQLITE_NULL ? sqlite3_column_int64(st, M_ARRIVED) : MSG_NO_TIME;
	m->reason = sqlite3_column_int64(st, M_REASON);
	m->subject = sqlite3_column_int64(st, M_SUBJECT);
	m->fate = is_live ? REPORT_QUEUED : is_removed ? REPORT_REMOVED : REPORT_LEFT;
	if (is_live && pl != NULL)
		pl->queued++;
	else if (is_removed && pl != NULL)
		pl->removed++;
	p->out->queued += is_live;
	p->out->removed += !is_live && is_removed;
	p->out->left += !is_live && !is_removed;
	p->out->unread += (is_live || is_removed) && sqlite3_column_int(st, M_CONTENTS) == 0;
	p->out->cut += (is_live || is_removed) && sqlite3_column_int(st, M_CONTENTS) == 2;
	m->is_damaged = is_live && sqlite3_column_int(st, M_DAMAGED);
	p->out->damaged += m->is_damaged;
}

static int
compare_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* --contains is answered by files, so by messages that are there. */
static int
find_contained(struct report_pass *p, struct selection *s, struct err *e)
{
	struct query_row row;
	struct query *q;
	size_t cap = 0;
	int rc;

	p->out->has_contents = selection_has(s, SEL_CONTAINS);
	if (!p->out->has_contents)
		return 0;
	if (query_open(&q, p->ix, s, 0, e) < 0)
		return -1;
	query_brief(q);
	while ((rc = query_next(&row, q, e)) == 1) {
		if (p->ncontained == cap) {
			cap = cap != 0 ? cap * 2 : 1024;
			p->contained = mem_grow(p->contained, cap * sizeof *p->contained);
		}
		p->contained[p->ncontained++] = row.rowid;
	}
	query_close(q);
	if (p->ncontained != 0)
		qsort(p->contained, p->ncontained, sizeof *p->contained, compare_number);
	return rc;
}

static int
is_wanted(const struct report_pass *p, int64_t row)
{
	return !p->out->has_contents ||
	    (p->ncontained != 0 && bsearch(&row, p->contained, p->ncontained, sizeof *p->contained, compare_number) != NULL);
}

static int
collect(struct report_pass *p, struct selection *s, struct err *e)
{
	sqlite3_stmt *st = NULL;
	struct report_place *pl;
	struct buf sql;
	int rc, is_live, is_removed;

	buf_init(&sql, SQL_MAX);
	buf_fmt(&sql, "SELECT m.id, m.account, m.arrived, m.reason, m.subject, m.damage IS NOT NULL, m.gone_scan IS NULL, m.spool, m.inode, m.qid, m.contents"
	    " FROM %s WHERE 1", selection_source(s, p->ix, 1));
	if (selection_sql(&sql, s, p->ix, e) == 0)
		st = index_prepare(p->ix, buf_cstr(&sql), e);
	buf_free(&sql);
	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (!is_wanted(p, sqlite3_column_int64(st, M_ROW)))
			continue;
		pl = place_of(p, sqlite3_column_int64(st, M_SPOOL));
		is_live = sqlite3_column_int(st, M_LIVE);
		is_removed = is_taken(p, pl, (const char *)sqlite3_column_text(st, M_QID), (uint64_t)sqlite3_column_int64(st, M_INODE));
		add_message(p, st, pl, is_live, is_removed);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(p->ix, e, "selection");
}

static int
compare_row(const void *a, const void *b)
{
	return compare_number(&((const struct report_message *)a)->row, &((const struct report_message *)b)->row);
}

/* Messages that left of themselves go behind the others, p->n is without them; p->all is with them. */
static void
sort_messages(struct report_pass *p)
{
	struct report_message *left = mem_new((p->n + 1) * sizeof *left);
	struct report *r = p->out;
	size_t i, k = 0, nleft = 0;

	for (i = 0; i < p->n; i++)
		if (p->m[i].fate == REPORT_LEFT)
			left[nleft++] = p->m[i];
		else
			p->m[k++] = p->m[i];
	if (nleft != 0)
		memcpy(p->m + k, left, nleft * sizeof *left);
	free(left);
	p->all = p->n;
	p->n = k;
	if (k != 0)
		qsort(p->m, k, sizeof *p->m, compare_row);
	r->row = mem_new((k + 1) * sizeof *r->row);
	r->is_removed = mem_new(k + 1);
	r->nrows = k;
	for (i = 0; i < k; i++) {
		r->row[i] = p->m[i].row;
		r->is_removed[i] = p->m[i].fate == REPORT_REMOVED;
	}
}

/* ---- accounts ---- */

static int
compare_account(const void *a, const void *b)
{
	return compare_number(&((const struct report_account *)a)->id, &((const struct report_account *)b)->id);
}

static struct report_account *
account_of(struct report_pass *p, int64_t id)
{
	struct report_account key = { .id = id };

	return p->naccounts != 0 ? bsearch(&key, p->account, p->naccounts, sizeof key, compare_account) : NULL;
}

static int
compare_message_account(const void *a, const void *b)
{
	const struct report_message *x = *(const struct report_message *const *)a, *y = *(const struct report_message *const *)b;

	return compare_number(&x->account, &y->account);
}

/* Distinct accounts with their fates, sorted by number. */
static void
count_accounts(struct report_pass *p)
{
	const struct report_message **order = mem_new((p->all + 1) * sizeof *order);
	struct report_account *acc = NULL;
	size_t i;

	for (i = 0; i < p->all; i++)
		order[i] = &p->m[i];
	if (p->all != 0)
		qsort(order, p->all, sizeof *order, compare_message_account);
	for (i = 0; i < p->all; i++) {
		if (acc == NULL || acc->id != order[i]->account) {
			p->account = mem_grow(p->account, (p->naccounts + 1) * sizeof *p->account);
			acc = &p->account[p->naccounts++];
			memset(acc, 0, sizeof *acc);
			acc->id = order[i]->account;
		}
		acc->n[order[i]->fate]++;
		acc->damaged += order[i]->is_damaged;
	}
	free(order);
}

static const char *
same(const char *s)
{
	return s != NULL ? s : "\377";	/* no text: behind all */
}

static int
compare_key(const void *a, const void *b)
{
	const struct report_row *x = *(struct report_row *const *)a, *y = *(struct report_row *const *)b;
	int c = strcmp(same(x->r.key), same(y->r.key));

	return c != 0 ? c : strcmp(same(x->r.kind), same(y->r.kind));
}

/* Which row of the ranking each account has. */
static int
match_accounts(struct report_pass *p, struct err *e)
{
	struct report_table *t = &p->out->table[RANK_ACCOUNT];
	sqlite3_stmt *st = index_prepare(p->ix, "SELECT name, kind FROM account WHERE id = ?", e);
	struct report_row **order = mem_new((t->n + 1) * sizeof *order), **found, *key, probe;
	size_t i;
	int rc = st != NULL ? 0 : -1;

	for (i = 0; i < t->n; i++)
		order[i] = &t->row[i];
	if (t->n != 0)
		qsort(order, t->n, sizeof *order, compare_key);
	for (i = 0; rc >= 0 && i < p->naccounts && t->n != 0; i++) {
		memset(&probe, 0, sizeof probe);
		key = &probe;
		sqlite3_bind_int64(st, 1, p->account[i].id);
		rc = p->account[i].id != 0 ? index_row(p->ix, st, e) : 0;
		if (rc == 1) {
			probe.r.key = (const char *)sqlite3_column_text(st, 0);
			probe.r.kind = (const char *)sqlite3_column_text(st, 1);
		}
		found = bsearch(&key, order, t->n, sizeof *order, compare_key);
		if (found != NULL) {
			p->account[i].row = *found;
			(*found)->queued += p->account[i].n[REPORT_QUEUED];
			(*found)->damaged += p->account[i].damaged;
			(*found)->removed += p->account[i].n[REPORT_REMOVED];
			(*found)->left += p->account[i].n[REPORT_LEFT];
		}
		sqlite3_reset(st);
	}
	free(order);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

static int
make_table(struct report_pass *p, struct selection *s, enum rank_by by, struct err *e)
{
	struct report_table *t = &p->out->table[by];
	size_t i;

	if (rank_make_rows(&t->rank, p->ix, s, by, p->out->row, p->out->nrows, e) < 0)
		return -1;
	t->n = t->rank->n;
	t->messages = t->rank->messages;
	t->row = arena_zero(&p->out->arena, (t->n + 1) * sizeof *t->row);
	for (i = 0; i < t->n; i++) {
		t->row[i].r = t->rank->row[i];
		if (by != RANK_ACCOUNT)
			t->row[i].queued = t->row[i].removed = t->row[i].left = -1;
	}
	return 0;
}

static int
is_suspect(const struct report_row *row, const char *verdict)
{
	return strcmp(row->r.verdict, verdict) == 0;
}

const struct report_row *
report_suspect(const struct report *r, const struct report_row *after)
{
	static const char *const verdicts[] = { "likely", "possible" };
	const struct report_table *t = &r->table[RANK_ACCOUNT];
	int is_next = after == NULL;
	size_t v, i;

	for (v = 0; v < 2; v++) {
		for (i = 0; i < t->n; i++) {
			if (!is_suspect(&t->row[i], verdicts[v]))
				continue;
			if (is_next)
				return &t->row[i];
			is_next = &t->row[i] == after;
		}
	}
	return NULL;
}

/* ---- samples ---- */

static void
add_recipient(void *arg, const struct query_rcpt *r)
{
	struct report_pass *p = arg;
	struct report_sample *s = &p->out->sample[p->out->nsamples];
	struct query_rcpt *to;

	if (strcmp(r->state != NULL ? r->state : "", "removed") == 0)
		return;
	if (s->all_recipients++ >= REPORT_RECIPIENTS)
		return;
	to = &s->recipient[s->nrecipients++];
	to->address = arena_str(&p->out->arena, r->address);
	to->domain = r->domain != NULL ? arena_str(&p->out->arena, r->domain) : NULL;
	to->state = r->state;
	to->reply = r->reply != NULL ? arena_str(&p->out->arena, r->reply) : NULL;
}

/* The oldest message of each of a suspect's first subjects: its own, not three of one template. */
static size_t
choose_samples(int64_t *row, struct report_pass *p, const struct report_row *suspect)
{
	int64_t subject[SAMPLES_EACH];
	struct report_account *acc;
	size_t i, k, n = 0;

	for (i = 0; i < p->n && n < SAMPLES_EACH; i++) {
		acc = account_of(p, p->m[i].account);
		if (acc == NULL || acc->row != suspect)
			continue;
		for (k = 0; k < n && subject[k] != p->m[i].subject; k++)
			;
		if (k < n)
			continue;
		subject[n] = p->m[i].subject;
		row[n++] = p->m[i].row;
	}
	return n;
}

static int
was_removed(const struct report *r, int64_t row)
{
	const int64_t *at = r->nrows != 0 ? bsearch(&row, r->row, r->nrows, sizeof row, compare_number) : NULL;

	return at != NULL && r->is_removed[at - r->row];
}

static int
make_samples(struct report_pass *p, struct err *e)
{
	struct report *r = p->out;
	const struct report_row *suspect = NULL;
	int64_t row[SAMPLES_EACH * SAMPLE_SUSPECTS];
	struct query *q = NULL;
	struct query_row got;
	size_t n = 0, i;
	int rc = 0;

	for (i = 0; i < SAMPLE_SUSPECTS && (suspect = report_suspect(r, suspect)) != NULL; i++)
		n += choose_samples(row + n, p, suspect);
	if (n == 0)
		return 0;
	r->sample = arena_zero(&r->arena, n * sizeof *r->sample);
	if (query_open_rows(&q, p->ix, row, n, e) < 0)
		return -1;
	while ((rc = query_next(&got, q, e)) == 1) {
		query_keep(&r->sample[r->nsamples].row, &r->arena, &got);
		r->sample[r->nsamples].is_removed = was_removed(r, got.rowid);
		if (query_recipients(p->ix, got.rowid, add_recipient, p, e) < 0) {
			rc = -1;
			break;
		}
		r->nsamples++;
	}
	query_close(q);
	return rc;
}

/* ---- spools ---- */

static void
add_scan(void *arg, const struct query_scan *sc)
{
	struct report_pass *p = arg;
	struct report *r = p->out;
	struct report_spool *sp;
	size_t i;

	r->spool = mem_grow(r->spool, (r->nspools + 1) * sizeof *r->spool);
	sp = &r->spool[r->nspools++];
	memset(sp, 0, sizeof *sp);
	sp->kind = arena_str(&r->arena, sc->kind);
	sp->root = arena_str(&r->arena, sc->spool);
	sp->scanned = sc->finished;
	sp->unknown = arena_str(&r->arena, sc->unknown);
	r->is_partial |= strcmp(sc->unknown, "[]") != 0;
	for (i = 0; i < p->nplaces; i++) {
		if (strcmp(p->place[i].root, sp->root) == 0 && strcmp(p->place[i].kind, sp->kind) == 0) {
			sp->queued = p->place[i].queued;
			sp->removed = p->place[i].removed;
		}
	}
}

static int
oldest_scan(struct report_pass *p, struct err *e)
{
	sqlite3_stmt *st = index_prepare(p->ix, "SELECT min(started) FROM scan", e);
	int rc;

	if (st == NULL)
		return -1;
	rc = index_row(p->ix, st, e);
	if (rc == 1 && sqlite3_column_type(st, 0) != SQLITE_NULL)
		p->out->since = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* ---- all ---- */

static int
make(struct report_pass *p, struct journal *j, struct selection *s, unsigned tables, struct err *e)
{
	int by;

	if (add_spool(p, e) < 0 || report_plans(p, j, e) < 0 || find_contained(p, s, e) < 0 || collect(p, s, e) < 0)
		return -1;
	sort_messages(p);
	count_accounts(p);
	for (by = 0; by < RANK_COUNT; by++)
		if ((tables >> by & 1) != 0 && make_table(p, s, (enum rank_by)by, e) < 0)
			return -1;
	if (match_accounts(p, e) < 0 || query_scans(p->ix, s, add_scan, p, e) < 0 || oldest_scan(p, e) < 0)
		return -1;
	p->out->is_partial |= p->out->nspools == 0;
	report_timeline(p);
	report_plans_end(p, selection_is_empty(s));
	if (evidence_make(&p->out->evidence, p->ix, s, p->out->removed > 0 && !p->out->has_contents, e) < 0)
		return -1;
	return report_replies(p, e) < 0 || make_samples(p, e) < 0 ? -1 : 0;
}

static void
pass_free(struct report_pass *p)
{
	size_t i;

	for (i = 0; i < p->nsets; i++)
		message_set_free(p->set[i]);
	message_set_free(p->taken);
	free(p->set);
	free(p->place);
	free(p->m);
	free(p->account);
	free(p->contained);
}

int
report_make(struct report **out, struct index *ix, struct journal *j, struct selection *s, unsigned tables, int64_t now, const char *host,
    struct err *e)
{
	struct report_pass p = { .ix = ix };
	struct buf text;
	int began = 0, rc;

	p.out = mem_new(sizeof *p.out);
	p.out->made = now;
	p.out->since = p.out->first = p.out->last = MSG_NO_TIME;
	p.out->host = arena_str(&p.out->arena, host);
	buf_init(&text, SQL_MAX);
	selection_text(&text, s);
	p.out->selection = arena_str(&p.out->arena, buf_cstr(&text) + (text.n > 0 && text.p[0] == ' '));
	buf_free(&text);
	rc = query_snapshot(&began, ix, e);
	if (rc == 0)
		rc = make(&p, j, s, tables, e);
	query_snapshot_end(began, ix);
	pass_free(&p);
	if (rc == 0)
		*out = p.out;
	else
		report_free(p.out);
	return rc;
}

void
report_free(struct report *r)
{
	int by;

	if (r == NULL)
		return;
	for (by = 0; by < RANK_COUNT; by++)
		rank_free(r->table[by].rank);
	evidence_free(r->evidence);
	free(r->spool);
	free(r->row);
	free(r->is_removed);
	free(r->plan);
	free(r->restore);
	arena_free(&r->arena);
	free(r);
}
