#include "index/rank.h"

#include <stdlib.h>
#include <string.h>

#include "index/query.h"
#include "index/rank_in.h"
#include "index/select_in.h"
#include "spool/addr.h"
#include "spool/msg.h"
#include "spool/part.h"
#include "spool/sys.h"

#define SQL_MAX ((size_t)16 * 1024 * 1024)
#define MINUTE INT64_C(60000000)
#define NULL_CLIENT_MIN 50	/* contract: a client with 50 or more null-sender messages gets a row */

const char *const rank_by_name[RANK_COUNT] = {
	"account", "domain", "sender", "sender-domain", "client", "recipient-domain", "subject", "script"
};

enum {
	HIT_FOREIGN = 1, HIT_OPEN = 2, HIT_CONTENT = 4, HIT_SERVER = 8, HIT_REPLIED = 16, HIT_REPORT = 32, HIT_LIST = 64,
	HIT_NULL = 128, HIT_BOUNCE = 256, HIT_ODD = 512, HIT_NAMED = 1024
};

/* One message of one group: 32 bytes, so that a million fit. Numbers of texts fit 32 bits (checked). */
struct hit {
	int64_t arrived;
	uint32_t group, sender, domain, client, subject, flags;
};

struct group {
	int64_t key;		/* number of a text or account; 0: none */
	int64_t row;		/* the last message that was counted */
	int64_t recipients, bytes, deferred, first, last;
	uint32_t n, at;
	uint32_t script;	/* text of one odd script */
};

/* From a number (never 0) to a value (never 0). */
struct map {
	struct map_slot { int64_t key; uint32_t value; } *slot;
	size_t cap, n;
};

/* Counts of numbers within one group; cleared by a new generation. */
struct tally {
	struct count { uint32_t key, n, turn; } *slot;
	size_t cap, mask;
	uint32_t turn;
};

struct account {
	const char *kind, *name, *domain;
	int is_bounce;
};

struct pass {
	struct index *ix;
	enum rank_by by;
	struct rank *out;
	struct arena arena;		/* of the pass alone */
	sqlite3_stmt *text, *account_st;
	struct replies *replies;
	struct map groups, names, accounts, reasons, scripts, own, nulls;
	struct account *account;
	size_t naccounts;
	struct group *group;
	size_t ngroups, groups_cap;
	struct hit *hit;
	uint32_t *order;		/* hits, group by group */
	size_t n, cap;
	struct tally tally;
	int64_t *only;			/* rows that --contains left, sorted; NULL: all */
	size_t nonly;
	int64_t all_server, messages, last_row;
};

/* ---- small tables ---- */

static struct map_slot *
map_slot(const struct map *m, int64_t key)
{
	size_t i = (size_t)((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 16) & (m->cap - 1);

	while (m->slot[i].key != 0 && m->slot[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slot[i];
}

static uint32_t
map_get(const struct map *m, int64_t key)
{
	return m->cap != 0 ? map_slot(m, key)->value : 0;
}

static void
map_put(struct map *m, int64_t key, uint32_t value)
{
	struct map old = *m;
	size_t i;

	if ((m->n + 1) * 2 > m->cap) {
		m->cap = m->cap != 0 ? m->cap * 2 : 256;
		m->slot = mem_new(m->cap * sizeof *m->slot);
		for (i = 0; i < old.cap; i++)
			if (old.slot[i].key != 0)
				*map_slot(m, old.slot[i].key) = old.slot[i];
		free(old.slot);
	}
	map_slot(m, key)->key = key;
	map_slot(m, key)->value = value;
	m->n++;
}

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

/* ---- texts and accounts ---- */

/* A text by number, valid until the next call; NULL when there is none. */
static const char *
text_of(struct pass *p, int64_t id)
{
	sqlite3_reset(p->text);
	if (id == 0)
		return NULL;
	sqlite3_bind_int64(p->text, 1, id);
	return sqlite3_step(p->text) == SQLITE_ROW ? (const char *)sqlite3_column_text(p->text, 0) : NULL;
}

static const char *
keep_text(struct arena *a, const char *s)
{
	return s != NULL ? arena_str(a, s) : NULL;
}

static const struct account *
account_of(struct pass *p, int64_t id)
{
	uint32_t at = map_get(&p->accounts, id);
	sqlite3_stmt *st = p->account_st;
	struct account *a;

	if (at != 0)
		return &p->account[at - 1];
	if ((p->naccounts & (p->naccounts - 1)) == 0)
		p->account = mem_grow(p->account, (p->naccounts != 0 ? p->naccounts * 2 : 1) * sizeof *p->account);
	a = &p->account[p->naccounts++];
	memset(a, 0, sizeof *a);
	sqlite3_bind_int64(st, 1, id);
	if (sqlite3_step(st) == SQLITE_ROW) {
		a->kind = keep_text(&p->arena, (const char *)sqlite3_column_text(st, 0));
		a->name = keep_text(&p->arena, (const char *)sqlite3_column_text(st, 1));
		a->domain = keep_text(&p->arena, (const char *)sqlite3_column_text(st, 2));
		a->is_bounce = a->kind != NULL && strcmp(a->kind, account_kind_name(ACCOUNT_BOUNCE)) == 0;
	}
	sqlite3_reset(st);
	map_put(&p->accounts, id, (uint32_t)p->naccounts);
	return a;
}

/* A domain in the one spelling in which domains are compared. */
static const char *
canonical(struct arena *a, const char *domain)
{
	char ascii[1024];
	const char *s;

	for (s = domain; *s != '\0' && (unsigned char)*s < 0x80; s++)
		;
	if (*s != '\0' && sys_idn_ascii(ascii, sizeof ascii, domain) == 0)
		return arena_str(a, ascii);
	return addr_fold(a, domain);
}

static int
is_below(const char *sub, const char *domain)
{
	size_t n = strlen(sub), k = strlen(domain);

	return n > k && sub[n - k - 1] == '.' && strcmp(sub + n - k, domain) == 0;
}

/* Is a sender's domain the account's own, above or below it? Once for each pair. */
static int
is_own(struct pass *p, int64_t account, const char *domain, int64_t sender_domain)
{
	int64_t pair = (int64_t)((uint64_t)account << 32 | (uint64_t)sender_domain);
	uint32_t got = map_get(&p->own, pair);
	const char *mine, *other;
	struct arena a = { 0 };

	if (got == 0) {
		other = text_of(p, sender_domain);
		mine = canonical(&a, domain);
		other = canonical(&a, other != NULL ? other : "");
		got = strcmp(mine, other) == 0 || is_below(mine, other) || is_below(other, mine) ? 2 : 1;
		arena_free(&a);
		map_put(&p->own, pair, got);
	}
	return got == 2;
}

static uint32_t
reply_of(struct pass *p, int64_t reason)
{
	uint32_t got = map_get(&p->reasons, reason);
	const char *text;

	if (got == 0) {
		text = text_of(p, reason);
		got = 1 + (uint32_t)(text != NULL ? replies_classify(p->replies, text) : REPLY_OTHER);
		map_put(&p->reasons, reason, got);
	}
	return got - 1 == REPLY_CONTENT ? HIT_CONTENT : got - 1 == REPLY_SERVER ? HIT_SERVER : 0;
}

static int
is_odd_script(struct pass *p, int64_t script)
{
	uint32_t got = map_get(&p->scripts, script);
	const char *text;

	if (got == 0) {
		text = text_of(p, script);
		got = text != NULL && rank_script_is_odd(text) ? 2 : 1;
		map_put(&p->scripts, script, got);
	}
	return got == 2;
}

static int
is_null_sender(struct pass *p, int64_t sender)
{
	uint32_t got = map_get(&p->nulls, sender);
	const char *text;

	if (got == 0) {
		text = text_of(p, sender);
		got = text != NULL && *text == '\0' ? 2 : 1;
		map_put(&p->nulls, sender, got);
	}
	return got == 2;
}

/* ---- groups ---- */

static uint32_t
new_group(struct pass *p, int64_t key)
{
	struct group *g;

	if (p->ngroups == p->groups_cap) {
		p->groups_cap = p->groups_cap != 0 ? p->groups_cap * 2 : 64;
		p->group = mem_grow(p->group, p->groups_cap * sizeof *p->group);
	}
	g = &p->group[p->ngroups];
	memset(g, 0, sizeof *g);
	g->key = key;
	g->row = -1;
	g->first = INT64_MAX;
	g->last = MSG_NO_TIME;
	return (uint32_t)p->ngroups++;
}

static int
is_domain_rank(enum rank_by by)
{
	return by == RANK_DOMAIN || by == RANK_SENDER_DOMAIN || by == RANK_RECIPIENT_DOMAIN;
}

/* What the rows of two numbers have in common when they are one domain in two spellings; the hash is keyed: names come from strangers. */
static int64_t
domain_key(struct pass *p, int64_t key)
{
	const char *domain = p->by == RANK_DOMAIN ? account_of(p, key)->domain : text_of(p, key);
	struct arena a = { 0 };
	int64_t h = 0;

	if (domain != NULL && *domain != '\0') {
		domain = canonical(&a, domain);
		h = (int64_t)part_hash(domain, strlen(domain), p->ix->key);
		h = h != 0 ? h : 1;
	}
	arena_free(&a);
	return h;
}

/* The group of a key (0: none). The maps hold 1 + its index. */
static uint32_t
group_of(struct pass *p, int64_t key)
{
	int64_t slot = key != 0 ? key : INT64_MIN, name;
	uint32_t got = map_get(&p->groups, slot);

	if (got != 0)
		return got - 1;
	name = is_domain_rank(p->by) && key != 0 ? domain_key(p, key) : key;
	if (name == 0)
		name = INT64_MIN;
	got = map_get(&p->names, name);
	if (got == 0) {
		got = 1 + new_group(p, name != INT64_MIN ? key : 0);
		map_put(&p->names, name, got);
	}
	map_put(&p->groups, slot, got);
	return got - 1;
}

/* ---- the pass ---- */

enum { C_KEY, C_ACCOUNT, C_ARRIVED, C_SENDER, C_SENDER_DOMAIN, C_CLIENT, C_SUBJECT, C_SCRIPT, C_DEFERRED, C_RECIPIENTS, C_SIZE, C_REASON,
    C_REPORT, C_LIST, C_ROW };

static uint32_t
flags_of(struct pass *p, const struct account *a, const int64_t *v)
{
	uint32_t flags = 0;

	if (v[C_REASON] != 0)
		flags |= HIT_REPLIED | reply_of(p, v[C_REASON]);
	if (v[C_REPORT])
		flags |= HIT_REPORT;
	if (v[C_LIST])
		flags |= HIT_LIST;
	if (a != NULL && a->is_bounce)
		flags |= HIT_BOUNCE;
	if (v[C_SCRIPT] != 0 && is_odd_script(p, v[C_SCRIPT]))
		flags |= HIT_ODD;
	if (v[C_SENDER] == 0)
		return flags;
	if (v[C_SENDER_DOMAIN] == 0)
		return flags | (is_null_sender(p, v[C_SENDER]) ? HIT_NULL : HIT_NAMED);
	flags |= HIT_NAMED;
	if (a == NULL || a->domain == NULL)
		flags |= HIT_OPEN;
	else if (!is_own(p, v[C_ACCOUNT], a->domain, v[C_SENDER_DOMAIN]))
		flags |= HIT_FOREIGN;
	return flags;
}

static void
group_add(struct group *g, const int64_t *v, int has_time)
{
	g->row = v[C_ROW];
	g->n++;
	g->recipients += v[C_RECIPIENTS];
	g->bytes += v[C_SIZE];
	g->deferred += v[C_DEFERRED];
	if (has_time && v[C_ARRIVED] < g->first)
		g->first = v[C_ARRIVED];
	if (has_time && v[C_ARRIVED] > g->last)
		g->last = v[C_ARRIVED];
}

static void
add_hit(struct pass *p, const int64_t *v, int has_time)
{
	const struct account *a = v[C_ACCOUNT] != 0 ? account_of(p, v[C_ACCOUNT]) : NULL;
	uint32_t group = group_of(p, v[C_KEY]);
	struct hit *h;

	if (p->group[group].row == v[C_ROW]) {	/* one more recipient in a domain that this message has already */
		p->group[group].recipients += v[C_RECIPIENTS];
		return;
	}
	if (p->n == p->cap) {
		p->cap = p->cap != 0 ? p->cap * 2 : 4096;
		p->hit = mem_grow(p->hit, p->cap * sizeof *p->hit);
	}
	h = &p->hit[p->n++];
	h->arrived = has_time ? v[C_ARRIVED] : MSG_NO_TIME;
	h->sender = (uint32_t)v[C_SENDER];
	h->domain = (uint32_t)v[C_SENDER_DOMAIN];
	h->client = (uint32_t)v[C_CLIENT];
	h->subject = (uint32_t)v[C_SUBJECT];
	h->flags = flags_of(p, a, v);
	h->group = group;
	group_add(&p->group[group], v, has_time);
	if ((h->flags & HIT_ODD) != 0)
		p->group[group].script = (uint32_t)v[C_SCRIPT];
	if (v[C_ROW] != p->last_row) {	/* by recipient domain a message comes once for each domain */
		p->messages++;
		p->all_server += (h->flags & (HIT_SERVER | HIT_CONTENT)) != 0;
	}
	p->last_row = v[C_ROW];
}

static int
compare_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static sqlite3_stmt *
prepare(struct pass *p, struct selection *s, struct err *e)
{
	static const char *const key[RANK_COUNT] = {
		"m.account", "m.account", "m.sender", "m.sender_domain", "m.client", "r.domain", "m.subject", "m.script"
	};
	int by_rcpt = p->by == RANK_RECIPIENT_DOMAIN;
	sqlite3_stmt *st = NULL;
	struct buf sql;

	buf_init(&sql, SQL_MAX);
	buf_fmt(&sql, "SELECT %s, m.account, m.arrived, m.sender, m.sender_domain, m.client, m.subject,"
	    " coalesce(m.script_path, m.script), m.state = 'deferred', %s, m.size, m.reason, m.is_report, m.list_id, m.id FROM %s%s"
	    " WHERE m.gone_scan IS NULL", key[p->by], by_rcpt ? "r.message IS NOT NULL" : "m.recipients", selection_source(s, p->ix, 0),
	    by_rcpt ? " LEFT JOIN recipient r ON r.message = m.id AND r.state <> 2" : "");
	if (selection_sql(&sql, s, p->ix, e) == 0)
		st = index_prepare(p->ix, buf_cstr(&sql), e);
	buf_free(&sql);
	return st;
}

static int
collect(struct pass *p, struct selection *s, struct err *e)
{
	sqlite3_stmt *st = prepare(p, s, e);
	int64_t v[C_ROW + 1];
	int i, rc, has_time;

	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (i = 0; i <= C_ROW; i++)
			v[i] = sqlite3_column_int64(st, i);
		if (p->only != NULL && bsearch(&v[C_ROW], p->only, p->nonly, sizeof *p->only, compare_number) == NULL)
			continue;
		if (((uint64_t)v[C_SENDER] | (uint64_t)v[C_SENDER_DOMAIN] | (uint64_t)v[C_CLIENT] | (uint64_t)v[C_SUBJECT] |
		    (uint64_t)v[C_SCRIPT] | (uint64_t)v[C_ACCOUNT]) >> 31 != 0 || p->n >= UINT32_MAX) {
			sqlite3_finalize(st);
			return err_set(e, 0, "index %s is too large to be ranked at once", p->ix->path);
		}
		has_time = v[C_ARRIVED] != 0 || sqlite3_column_type(st, C_ARRIVED) != SQLITE_NULL;
		add_hit(p, v, has_time);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(p->ix, e, "selection");
}

/* --contains is answered by the files: its rows are found first. */
static int
collect_contained(struct pass *p, struct selection *s, struct err *e)
{
	struct query_row row;
	struct query *q;
	size_t cap = 0;
	int rc;

	if (!selection_has(s, SEL_CONTAINS))
		return 0;
	if (query_open(&q, p->ix, s, 0, e) < 0)
		return -1;
	p->only = mem_new(sizeof *p->only);
	while ((rc = query_next(&row, q, e)) == 1) {
		if (p->nonly + 1 >= cap) {
			cap = cap != 0 ? cap * 2 : 256;
			p->only = mem_grow(p->only, cap * sizeof *p->only);
		}
		p->only[p->nonly++] = row.rowid;
	}
	query_close(q);
	if (rc == 0 && p->nonly != 0)
		qsort(p->only, p->nonly, sizeof *p->only, compare_number);
	return rc;
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

	if (key != 0 && p->by == RANK_ACCOUNT) {
		acc = account_of(p, key);
		row->key = keep_text(a, acc->name);
		row->kind = keep_text(a, acc->kind);
		f->domain = acc->domain;
	} else if (key != 0 && p->by == RANK_DOMAIN) {
		row->key = keep_text(a, account_of(p, key)->domain);
		f->domain = row->key;
	} else if (key != 0) {
		row->key = keep_text(a, text_of(p, key));
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
	row->peak_per_minute = f->peak;
	row->share = p->messages != 0 ? (double)g->n / (double)p->messages : 0;
	row->first = row->last = MSG_NO_TIME;
	if (g->last != MSG_NO_TIME) {
		row->first = g->first;
		row->last = g->last;
		f->minutes = (g->last - g->first) / MINUTE + 1;
	}
	row->subject = keep_text(p->out->arena, text_of(p, c->subject));
	row_key(row, f, p, g->key);
	if (f->odd_scripts != 0)
		f->script = keep_text(p->out->arena, text_of(p, g->script));
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

	memcpy(all, row->reasons, row->nreasons * sizeof *all);
	memcpy(all + row->nreasons, before->reasons, before->nreasons * sizeof *all);
	row->reasons = all;
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
	const char *key = keep_text(r->arena, text_of(p, client)), *kind = account_kind_name(ACCOUNT_CLIENT);
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
		row->subject = keep_text(r->arena, text_of(p, c.subject));
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
	size_t i;

	sort_by_group(p);
	r->messages = p->messages;
	r->row = mem_new((p->ngroups + p->n / NULL_CLIENT_MIN + 1) * sizeof *r->row);
	for (i = 0; i < p->ngroups; i++) {
		g = &p->group[i];
		count_group(&c, p, p->order + g->at, g->n);
		row_make(&r->row[r->n], &c, p, g);
		rank_judge(&r->row[r->n++], r->arena, &c.facts);
	}
	for (i = 0; p->by == RANK_ACCOUNT && i < p->ngroups; i++)
		if (p->group[i].key != 0 && account_of(p, p->group[i].key)->is_bounce)
			accuse_clients(p, &p->group[i]);
	if (r->n != 0)
		qsort(r->row, r->n, sizeof *r->row, compare_rows);
}

static void
pass_free(struct pass *p)
{
	struct map *maps[] = { &p->groups, &p->names, &p->accounts, &p->reasons, &p->scripts, &p->own, &p->nulls };
	size_t i;

	for (i = 0; i < sizeof maps / sizeof maps[0]; i++)
		free(maps[i]->slot);
	sqlite3_finalize(p->text);
	sqlite3_finalize(p->account_st);
	replies_free(p->replies);
	free(p->account);
	free(p->group);
	free(p->hit);
	free(p->order);
	free(p->tally.slot);
	free(p->only);
	arena_free(&p->arena);
}

int
rank_make(struct rank **out, struct index *ix, struct selection *s, enum rank_by by, struct err *e)
{
	struct pass p = { .ix = ix, .by = by };
	int began = 0, rc = -1;

	p.out = mem_new(sizeof *p.out);
	p.out->arena = mem_new(sizeof *p.out->arena);
	p.replies = replies_new();
	if (selection_begin(&began, ix, e) < 0)
		goto out;
	p.text = index_prepare(ix, "SELECT text FROM text WHERE id = ?", e);
	p.account_st = index_prepare(ix, "SELECT kind, name, domain FROM account WHERE id = ?", e);
	if (p.text == NULL || p.account_st == NULL || collect_contained(&p, s, e) < 0 || collect(&p, s, e) < 0)
		goto out;
	make_rows(&p);
	*out = p.out;
	p.out = NULL;
	rc = 0;
out:
	rank_free(p.out);
	pass_free(&p);
	selection_end(began, ix);
	return rc;
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
