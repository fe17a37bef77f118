#include "index/rank.h"

#include <stdlib.h>
#include <string.h>

#include "index/campaign.h"
#include "index/rank_in.h"
#include "index/select_in.h"
#include "spool/msg.h"

#define MINUTE INT64_C(60000000)
#define NULL_CLIENT_MIN 50	/* contract: a client with 50 or more null-sender messages gets a row */

const char *const rank_by_name[RANK_COUNT] = {
	"account", "domain", "sender", "sender-domain", "client", "recipient-domain", "subject", "script",
	"url", "campaign"
};

static void
tally_begin(struct tally *t, size_t n)
{
	size_t want = 16;

	while (want < n * 2)
		want *= 2;
	if (want > t->cap) {
		free(t->slot);
		t->slot = mem_new(want * sizeof *t->slot);
		t->cap = want;
		t->turn = 0;
	}
	t->mask = want - 1;	/* a small group stays within a few cache lines */
	if (++t->turn == 0) {
		memset(t->slot, 0, t->cap * sizeof *t->slot);
		t->turn = 1;
	}
}

/* How often the key was met in this turn, this time included. */
static uint32_t
tally_add(struct tally *t, uint32_t key)
{
	size_t i = (size_t)((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & t->mask;
	struct count *c;

	while (t->slot[i].turn == t->turn && t->slot[i].key != key)
		i = (i + 1) & t->mask;
	c = &t->slot[i];
	if (c->turn != t->turn) {
		c->turn = t->turn;
		c->key = key;
		c->n = 0;
	}
	return ++c->n;
}

/* ---- counting within a group ---- */

struct counted {
	struct facts facts;
	uint32_t subject;
};

/* The field of a hit that is counted. */
static uint32_t
hit_value(const struct hit *h, int what)
{
	switch (what) {
	case 0: return h->sender;
	case 1: return h->client;
	case 2: return h->subject;
	case 3: return (h->flags & (HIT_FOREIGN | HIT_OPEN)) != 0 ? h->domain : 0;
	case 6: return h->account;
	case 4: return (h->flags & HIT_OPEN) != 0 ? h->domain : 0;
	default: return h->arrived != MSG_NO_TIME ? (uint32_t)(h->arrived / MINUTE) : 0;
	}
}

/* Distinct values other than 0, the commonest and how often it came. */
static int64_t
distinct(uint32_t *most, uint32_t *most_n, struct pass *p, const uint32_t *order, size_t n, int what)
{
	int64_t found = 0;
	uint32_t v, times;
	size_t i;

	*most = *most_n = 0;
	tally_begin(&p->tally, n);
	for (i = 0; i < n; i++) {
		v = hit_value(&p->hit[order[i]], what);
		if (v == 0)
			continue;
		times = tally_add(&p->tally, v);
		found += times == 1;
		if (times > *most_n || (times == *most_n && v < *most)) {
			*most = v;
			*most_n = times;
		}
	}
	return found;
}

/* A letter that three people pass on is no campaign. */
static void
count_campaign(struct facts *f, const struct campaign *c)
{
	if (c->accounts < 3 || c->messages < 10)
		return;
	f->shared++;
	if (c->accounts > f->shared_accounts)
		f->shared_accounts = c->accounts;
}

static void
count_flags(struct facts *f, const struct pass *p, const uint32_t *order, size_t n)
{
	uint32_t flags;
	size_t i;

	for (i = 0; i < n; i++) {
		flags = p->hit[order[i]].flags;
		f->named += (flags & HIT_NAMED) != 0;
		f->foreign += (flags & HIT_FOREIGN) != 0;
		f->open += (flags & HIT_OPEN) != 0;
		f->replied += (flags & HIT_REPLIED) != 0;
		f->content += (flags & HIT_CONTENT) != 0;
		f->server += (flags & HIT_SERVER) != 0;
		f->odd_scripts += (flags & HIT_ODD) != 0;
		f->lists += (flags & HIT_LIST) != 0;
		f->reports += (flags & HIT_REPORT) != 0;
		f->bounces += (flags & HIT_BOUNCE) != 0;
		f->lies += (flags & HIT_LIES) != 0;
		f->shorteners += (flags & HIT_SHORTENER) != 0;
		f->other_from += (flags & HIT_FROM) != 0;
		if (p->hit[order[i]].campaign != 0 && (flags & (HIT_LIST | HIT_REPORT | HIT_BOUNCE | HIT_NULL)) == 0)
			count_campaign(f, &p->campaign[p->hit[order[i]].campaign - 1]);
		if ((flags & HIT_NULL) != 0) {
			f->nulls += 1;
			f->nulls_unlike += (flags & HIT_REPORT) == 0;
		}
	}
}

static void
count_group(struct counted *c, struct pass *p, const uint32_t *order, size_t n)
{
	struct facts *f = &c->facts;
	uint32_t most, times;

	memset(c, 0, sizeof *c);
	f->by = p->by;
	f->n = (int64_t)n;
	f->all = p->messages;
	count_flags(f, p, order, n);
	f->senders = distinct(&most, &times, p, order, n, 0);
	f->clients = distinct(&most, &times, p, order, n, 1);
	f->accounts = distinct(&most, &times, p, order, n, 6);
	distinct(&c->subject, &times, p, order, n, 2);
	f->subject_count = times;
	f->domains = distinct(&most, &times, p, order, n, 3);
	distinct(&most, &times, p, order, n, 4);
	f->open_commonest = times;
	distinct(&most, &times, p, order, n, 5);
	f->peak = times;
	f->others = p->messages - f->n;
	f->others_server = p->all_server - f->content - f->server;
}

/* Hits in the order of their groups: a counting sort. */
static void
sort_by_group(struct pass *p)
{
	uint32_t at = 0;
	size_t i;

	for (i = 0; i < p->ngroups; i++) {
		p->group[i].at = at;
		at += p->group[i].n;
	}
	p->order = mem_new((p->n + 1) * sizeof *p->order);
	for (i = 0; i < p->n; i++)
		p->order[p->group[p->hit[i].group].at++] = (uint32_t)i;
	for (i = 0; i < p->ngroups; i++)
		p->group[i].at -= p->group[i].n;
}

/* ---- rows ---- */

static void
row_key(struct rank_row *row, struct facts *f, struct pass *p, int64_t key)
{
	struct arena *a = p->out->arena;
	const struct account *acc;
	char id[CAMPAIGN_ID_SIZE];

	if (key != 0 && p->by == RANK_ACCOUNT) {
		acc = pass_account(p, key);
		row->key = pass_keep(a, acc->name);
		row->kind = pass_keep(a, acc->kind);
		f->domain = acc->domain;
	} else if (key != 0 && p->by == RANK_DOMAIN) {
		row->key = pass_keep(a, pass_account(p, key)->domain);
		f->domain = row->key;
	} else if (key != 0 && p->by == RANK_CAMPAIGN) {
		campaign_id_text(id, (uint64_t)key);
		row->key = pass_keep(a, id);
	} else if (key != 0) {
		row->key = pass_keep(a, pass_text(p, key));
	}
	f->key = row->key;
	f->kind = row->kind;
}

static void
row_make(struct rank_row *row, struct counted *c, struct pass *p, const struct group *g)
{
	struct facts *f = &c->facts;

	memset(row, 0, sizeof *row);
	row->messages = g->n;
	row->recipients = g->recipients;
	row->bytes = g->bytes;
	row->deferred = g->deferred;
	row->senders = f->senders;
	row->clients = f->clients;
	row->accounts = f->accounts;
	row->peak_per_minute = g->last != MSG_NO_TIME ? f->peak : -1;
	row->share = p->messages != 0 ? (double)g->n / (double)p->messages : 0;
	row->first = row->last = MSG_NO_TIME;
	if (g->last != MSG_NO_TIME) {
		row->first = g->first;
		row->last = g->last;
		f->minutes = (g->last - g->first) / MINUTE + 1;
	}
	row->subject = pass_keep(p->out->arena, pass_text(p, c->subject));
	row_key(row, f, p, g->key);
	if (f->odd_scripts != 0)
		f->script = pass_keep(p->out->arena, pass_text(p, g->script));
}

static int
compare_rows(const void *a, const void *b)
{
	const struct rank_row *x = a, *y = b;
	int c;

	if (x->messages != y->messages)
		return x->messages > y->messages ? -1 : 1;
	if (x->key == NULL || y->key == NULL)
		return (x->key == NULL) - (y->key == NULL);
	c = strcmp(x->key, y->key);
	return c != 0 || x->kind == NULL || y->kind == NULL ? c : strcmp(x->kind, y->kind);
}

/* ---- clients behind bounces ---- */

struct by_client { uint32_t client, hit; };

static int
compare_client(const void *a, const void *b)
{
	const struct by_client *x = a, *y = b;

	if (x->client != y->client)
		return x->client < y->client ? -1 : 1;
	return x->hit < y->hit ? -1 : x->hit > y->hit;
}

/* Both reasons and the worse of two verdicts on one row. */
static void
merge_verdicts(struct rank_row *row, const struct rank_row *before, struct arena *a)
{
	const char **all = arena_get(a, (row->nreasons + before->nreasons) * sizeof *all);
	int *points = arena_get(a, (row->nreasons + before->nreasons) * sizeof *points);

	memcpy(all, row->reasons, row->nreasons * sizeof *all);
	memcpy(all + row->nreasons, before->reasons, before->nreasons * sizeof *all);
	memcpy(points, row->points, row->nreasons * sizeof *points);
	memcpy(points + row->nreasons, before->points, before->nreasons * sizeof *points);
	row->reasons = all;
	row->points = points;
	row->nreasons += before->nreasons;
	if (before->score > row->score) {
		row->score = before->score;
		row->verdict = before->verdict;
	}
}

/* The row of one client that handed in `n` null-sender messages: its own row when it has one, else a new one with no messages. */
static void
accuse_client(struct pass *p, const uint32_t *order, size_t n, uint32_t client)
{
	struct rank *r = p->out;
	const char *key = pass_keep(r->arena, pass_text(p, client)), *kind = account_kind_name(ACCOUNT_CLIENT);
	struct rank_row *row = NULL, before;
	struct counted c;
	size_t i;

	count_group(&c, p, order, n);
	if (key == NULL || c.facts.nulls < NULL_CLIENT_MIN || c.facts.nulls_unlike * 2 <= c.facts.nulls)
		return;
	for (i = 0; i < r->n && row == NULL; i++)
		if (r->row[i].key != NULL && strcmp(r->row[i].key, key) == 0 && strcmp(r->row[i].kind, kind) == 0)
			row = &r->row[i];
	if (row == NULL) {
		row = &r->row[r->n++];	/* rank_make left room: one in 50 messages at most */
		memset(row, 0, sizeof *row);
		row->key = key;
		row->kind = kind;
		row->peak_per_minute = c.facts.peak;
		row->first = row->last = MSG_NO_TIME;
		row->subject = pass_keep(r->arena, pass_text(p, c.subject));
	}
	before = *row;
	c.facts.by = RANK_CLIENT;	/* as "rank --by client" would judge these */
	c.facts.key = key;
	c.facts.kind = kind;
	rank_judge(row, r->arena, &c.facts);
	if (before.nreasons != 0)
		merge_verdicts(row, &before, r->arena);
}

static void
accuse_clients(struct pass *p, const struct group *g)
{
	struct by_client *v = mem_new((g->n + 1) * sizeof *v);
	uint32_t *order = mem_new((g->n + 1) * sizeof *order);
	size_t i, k, n = 0;
	uint32_t at;

	for (i = 0; i < g->n; i++) {
		at = p->order[g->at + i];
		if (p->hit[at].client != 0 && (p->hit[at].flags & HIT_NULL) != 0) {
			v[n].client = p->hit[at].client;
			v[n++].hit = at;
		}
	}
	if (n != 0)
		qsort(v, n, sizeof *v, compare_client);
	for (i = 0; i < n; i = k) {
		for (k = i; k < n && v[k].client == v[i].client; k++)
			order[k] = v[k].hit;
		if (k - i >= NULL_CLIENT_MIN)
			accuse_client(p, order + i, k - i, v[i].client);
	}
	free(order);
	free(v);
}

static void
make_rows(struct pass *p)
{
	struct rank *r = p->out;
	struct counted c;
	struct group *g;
	size_t i, most = 0;

	sort_by_group(p);
	for (i = 0; i < p->ngroups; i++)	/* room for the largest at once */
		most = p->group[i].n > most ? p->group[i].n : most;
	tally_begin(&p->tally, most);
	r->messages = p->messages;
	r->blocklisted = p->blocklisted;
	r->row = mem_new((p->ngroups + p->n / NULL_CLIENT_MIN + 1) * sizeof *r->row);
	for (i = 0; i < p->ngroups; i++) {
		g = &p->group[i];
		count_group(&c, p, p->order + g->at, g->n);
		row_make(&r->row[r->n], &c, p, g);
		rank_judge(&r->row[r->n++], r->arena, &c.facts);
	}
	for (i = 0; p->by == RANK_ACCOUNT && i < p->ngroups; i++)
		if (p->group[i].key != 0 && pass_account(p, p->group[i].key)->is_bounce)
			accuse_clients(p, &p->group[i]);
	if (r->n != 0)
		qsort(r->row, r->n, sizeof *r->row, compare_rows);
}

static int
make(struct rank **out, struct pass *p, struct selection *s, struct err *e)
{
	int began = 0, rc = -1;

	p->out = mem_new(sizeof *p->out);
	p->out->arena = mem_new(sizeof *p->out->arena);
	if (selection_begin(&began, p->ix, e) < 0 || pass_collect(p, s, e) < 0)
		goto out;
	make_rows(p);
	if (p->is_unread) {
		*e = p->unread;
		goto out;
	}
	*out = p->out;
	p->out = NULL;
	rc = 0;
out:
	rank_free(p->out);
	pass_free(p);
	selection_end(began, p->ix);
	return rc;
}

int
rank_make(struct rank **out, struct index *ix, struct selection *s, enum rank_by by, struct err *e)
{
	struct pass p = { .ix = ix, .by = by };

	return make(out, &p, s, e);
}

int
rank_make_rows(struct rank **out, struct index *ix, struct selection *s, enum rank_by by, const int64_t *row, size_t n, struct err *e)
{
	struct pass p = { .ix = ix, .by = by, .only = row, .nonly = n, .with_gone = 1 };

	return make(out, &p, s, e);
}

void
rank_free(struct rank *r)
{
	if (r == NULL)
		return;
	arena_free(r->arena);
	free(r->arena);
	free(r->row);
	free(r);
}

const struct rank_row *
rank_find(const struct rank *r, const char *kind, const char *key)
{
	size_t i;

	for (i = 0; key != NULL && i < r->n; i++) {
		if (r->row[i].key == NULL || strcmp(r->row[i].key, key) != 0)
			continue;
		if (kind == NULL || r->row[i].kind == NULL || strcmp(r->row[i].kind, kind) == 0)
			return &r->row[i];
	}
	return NULL;
}
