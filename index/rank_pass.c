/*
 * One pass over the selected messages. A row is a few integers; texts are fetched
 * once for each number, and only where a judgement needs them: replies, scripts,
 * sender domains against the account's.
 */
#include <stdlib.h>
#include <string.h>

#include "index/contents_in.h"
#include "index/query.h"
#include "index/rank_in.h"
#include "index/select_in.h"
#include "spool/addr.h"
#include "spool/msg.h"
#include "spool/part.h"
#include "spool/sys.h"

#define SQL_MAX ((size_t)16 * 1024 * 1024)

/* ---- texts and accounts ---- */

/* Has it a row? */
static int
ask(struct pass *p, sqlite3_stmt *st, int64_t id)
{
	int rc;

	sqlite3_bind_int64(st, 1, id);
	rc = index_row(p->ix, st, p->is_unread ? NULL : &p->unread);
	p->is_unread |= rc < 0;
	return rc == 1;
}

const char *
pass_text(struct pass *p, int64_t id)
{
	sqlite3_reset(p->text);
	if (id == 0)
		return NULL;
	return ask(p, p->text, id) ? (const char *)sqlite3_column_text(p->text, 0) : NULL;
}

const char *
pass_keep(struct arena *a, const char *s)
{
	return s != NULL ? arena_str(a, s) : NULL;
}

const struct account *
pass_account(struct pass *p, int64_t id)
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
	if (ask(p, st, id)) {
		a->kind = pass_keep(&p->arena, (const char *)sqlite3_column_text(st, 0));
		a->name = pass_keep(&p->arena, (const char *)sqlite3_column_text(st, 1));
		a->domain = pass_keep(&p->arena, (const char *)sqlite3_column_text(st, 2));
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
		other = pass_text(p, sender_domain);
		mine = canonical(&a, domain);
		other = canonical(&a, other != NULL ? other : "");
		got = strcmp(mine, other) == 0 || is_below(mine, other) || is_below(other, mine) ? 2 : 1;
		arena_free(&a);
		map_put(&p->own, pair, got);
	}
	return got == 2;
}

/* The domain of the one address in a From field, NULL when it has none or several. A name may hold an @ too: then <> tell. */
static const char *
domain_of_from(struct arena *a, const char *from)
{
	const char *at = strrchr(from, '@'), *angle = strchr(from, '<'), *end;

	if (at == NULL || (strchr(from, '@') != at && (angle == NULL || strchr(angle + 1, '<') != NULL)))
		return NULL;
	end = at + 1 + strcspn(at + 1, "> \t;,()\"");
	return end > at + 1 ? arena_dup(a, at + 1, (size_t)(end - at - 1)) : NULL;
}

/* Is From's domain neither the account's own nor above or below it? Once for each pair. */
static int
is_other_from(struct pass *p, int64_t account, const char *domain, int64_t from)
{
	int64_t pair = (int64_t)((uint64_t)account << 32 | (uint64_t)from);
	uint32_t got = map_get(&p->froms, pair);
	const char *mine, *other;
	struct arena a = { 0 };

	if (got == 0) {
		other = pass_text(p, from);
		other = other != NULL ? domain_of_from(&a, other) : NULL;
		mine = canonical(&a, domain);
		other = other != NULL ? canonical(&a, other) : mine;
		got = strcmp(mine, other) == 0 || is_below(mine, other) || is_below(other, mine) ? 1 : 2;
		arena_free(&a);
		map_put(&p->froms, pair, got);
	}
	return got == 2;
}

static uint32_t
reply_of(struct pass *p, int64_t reason)
{
	uint32_t got = map_get(&p->reasons, reason);
	const char *text;

	if (got == 0) {
		text = pass_text(p, reason);
		got = 1 + (uint32_t)(text != NULL ? reply_class(p->replies, text) : REPLY_OTHER);
		map_put(&p->reasons, reason, got);
	}
	return got - 1 == REPLY_MESSAGE ? HIT_CONTENT : got - 1 == REPLY_SERVER ? HIT_SERVER : 0;
}

static int
is_odd_script(struct pass *p, int64_t script)
{
	uint32_t got = map_get(&p->scripts, script);
	const char *text;

	if (got == 0) {
		text = pass_text(p, script);
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
		text = pass_text(p, sender);
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
	g->recipients = g->bytes = -1;
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
	const char *domain = p->by == RANK_DOMAIN ? pass_account(p, key)->domain : pass_text(p, key);
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
	int64_t slot = key != 0 ? key : INT64_MIN, name = 0;
	uint32_t got = map_get(&p->groups, slot);

	if (got != 0)
		return got - 1;
	if (is_domain_rank(p->by) && key != 0) {
		name = domain_key(p, key);
		got = name != 0 ? map_get(&p->names, name) : 1 + group_of(p, 0);
	}
	if (got == 0) {
		got = 1 + new_group(p, key);
		if (name != 0)
			map_put(&p->names, name, got);
	}
	map_put(&p->groups, slot, got);
	return got - 1;
}

/* ---- the pass ---- */

enum { C_KEY, C_ACCOUNT, C_ARRIVED, C_SENDER, C_SENDER_DOMAIN, C_CLIENT, C_SUBJECT, C_SCRIPT, C_DEFERRED, C_RECIPIENTS, C_SIZE, C_REASON,
    C_REPORT, C_LIST, C_BODY, C_CAMPAIGN, C_FROM, C_ROW };

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
	if ((v[C_BODY] & BODY_LIES) != 0)
		flags |= HIT_LIES;
	if ((v[C_BODY] & BODY_SHORTENER) != 0)
		flags |= HIT_SHORTENER;
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
	else if (v[C_FROM] != 0 && !v[C_LIST] && !v[C_REPORT] && is_other_from(p, v[C_ACCOUNT], a->domain, v[C_FROM]))
		flags |= HIT_FROM;
	return flags;
}

/* What one message does not tell (below 0) leaves the sum as it is: a sum of nothing known is not 0. */
static void
add_known(int64_t *sum, int64_t v)
{
	if (v >= 0)
		*sum = (*sum < 0 ? 0 : *sum) + v;
}

static void
group_add(struct group *g, const int64_t *v, int has_time)
{
	g->row = v[C_ROW];
	g->n++;
	add_known(&g->recipients, v[C_RECIPIENTS]);
	add_known(&g->bytes, v[C_SIZE]);
	g->deferred += v[C_DEFERRED];
	if (has_time && v[C_ARRIVED] < g->first)
		g->first = v[C_ARRIVED];
	if (has_time && v[C_ARRIVED] > g->last)
		g->last = v[C_ARRIVED];
}

/* 1 + the place of this message's campaign; counts the message and, when it is new there, the account. */
static uint32_t
campaign_of(struct pass *p, const int64_t *v)
{
	uint32_t got = map_get(&p->campaigns, v[C_CAMPAIGN]);
	int64_t pair;

	if (got == 0) {
		if ((p->ncampaigns & (p->ncampaigns - 1)) == 0)
			p->campaign = mem_grow(p->campaign, (p->ncampaigns != 0 ? p->ncampaigns * 2 : 1) * sizeof *p->campaign);
		memset(&p->campaign[p->ncampaigns], 0, sizeof *p->campaign);
		got = (uint32_t)++p->ncampaigns;
		map_put(&p->campaigns, v[C_CAMPAIGN], got);
	}
	p->campaign[got - 1].messages += v[C_ROW] != p->last_row;
	pair = (int64_t)((uint64_t)got << 32 | (uint64_t)v[C_ACCOUNT]);
	if (map_get(&p->taking_part, pair) == 0) {
		map_put(&p->taking_part, pair, 1);
		p->campaign[got - 1].accounts += v[C_ACCOUNT] != 0;
	}
	return got;
}

static void
add_hit(struct pass *p, const int64_t *v, int has_time)
{
	uint32_t group = group_of(p, v[C_KEY]);
	const struct account *a = v[C_ACCOUNT] != 0 ? pass_account(p, v[C_ACCOUNT]) : NULL;
	struct hit *h;

	if (p->by != RANK_URL && p->group[group].row == v[C_ROW]) {	/* one more recipient in a domain that this message has already */
		add_known(&p->group[group].recipients, v[C_RECIPIENTS]);
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
	h->account = (uint32_t)v[C_ACCOUNT];
	h->campaign = v[C_CAMPAIGN] != 0 ? campaign_of(p, v) : 0;
	h->flags = flags_of(p, a, v);
	h->group = group;
	group_add(&p->group[group], v, has_time);
	if ((h->flags & HIT_ODD) != 0)
		p->group[group].script = (uint32_t)v[C_SCRIPT];
	if (v[C_ROW] != p->last_row) {	/* by recipient domain or URL a message comes once for each */
		p->messages++;
		p->all_server += (h->flags & (HIT_SERVER | HIT_CONTENT)) != 0;
		p->blocklisted += (h->flags & HIT_SERVER) != 0;
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
		"m.account", "m.account", "m.sender", "m.sender_domain", "m.client", "r.domain", "m.subject", "m.script",
		"u.host", "pr.campaign"
	};
	int by_rcpt = p->by == RANK_RECIPIENT_DOMAIN;
	sqlite3_stmt *st = NULL;
	struct buf sql;

	buf_init(&sql, SQL_MAX);
	buf_fmt(&sql, "SELECT %s, m.account, m.arrived, m.sender, m.sender_domain, m.client, m.subject,"
	    " coalesce(m.script_path, m.script), m.state = 'deferred', %s, m.size, m.reason, m.is_report, m.list_id, m.body_flags, %s, m.\"from\", m.id FROM %s%s%s"
	    " WHERE %s", key[p->by],
	    by_rcpt ? "iif(r.message IS NOT NULL, 1, m.recipients)" : "m.recipients", p->has_prints ? "pr.campaign" : "NULL",
	    selection_source_of_rows(s, p->ix, p->with_gone),
	    by_rcpt ? " LEFT JOIN recipient r ON r.message = m.id AND r.state <> 2" :
	    p->by == RANK_URL ? " LEFT JOIN url u ON u.message = m.id" : "",
	    p->has_prints || p->by == RANK_CAMPAIGN ? " LEFT JOIN print pr ON pr.id = m.print" : "", p->with_gone ? "1" : "m.gone_scan IS NULL");
	if (selection_sql(&sql, s, p->ix, e) == 0)
		st = index_prepare(p->ix, buf_cstr(&sql), e);
	buf_free(&sql);
	return st;
}

/* Were bodies read? Else there is nothing to join. 1, 0, -1. */
static int
has_prints(struct pass *p, struct err *e)
{
	sqlite3_stmt *st = index_prepare(p->ix, "SELECT EXISTS(SELECT 1 FROM print)", e);
	int has = st != NULL && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int(st, 0) : -1;

	if (st != NULL && has < 0)
		index_err(p->ix, e, "read");
	sqlite3_finalize(st);
	return has;
}

static int
collect_hits(struct pass *p, struct selection *s, struct err *e)
{
	sqlite3_stmt *st = prepare(p, s, e);
	int64_t v[C_ROW + 1];
	int i, rc, has_time;

	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (i = p->by == RANK_ACCOUNT || p->by == RANK_DOMAIN; i <= C_ROW; i++)
			v[i] = i != C_CAMPAIGN || p->has_prints ? sqlite3_column_int64(st, i) : 0;
		if (p->by == RANK_ACCOUNT || p->by == RANK_DOMAIN)
			v[C_KEY] = v[C_ACCOUNT];
		for (i = C_RECIPIENTS; i <= C_SIZE; i++)
			if (v[i] == 0 && sqlite3_column_type(st, i) == SQLITE_NULL)
				v[i] = -1;
		if (p->only != NULL && bsearch(&v[C_ROW], p->only, p->nonly, sizeof *p->only, compare_number) == NULL)
			continue;
		if (((uint64_t)v[C_SENDER] | (uint64_t)v[C_SENDER_DOMAIN] | (uint64_t)v[C_CLIENT] | (uint64_t)v[C_SUBJECT] |
		    (uint64_t)v[C_SCRIPT] | (uint64_t)v[C_ACCOUNT] | (uint64_t)v[C_FROM]) >> 31 != 0 || p->n >= UINT32_MAX) {
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

	if (p->only != NULL || !selection_has(s, SEL_CONTAINS))
		return 0;
	if (query_open(&q, p->ix, s, 0, e) < 0)
		return -1;
	p->contained = mem_new(sizeof *p->contained);
	while ((rc = query_next(&row, q, e)) == 1) {
		if (p->nonly + 1 >= cap) {
			cap = cap != 0 ? cap * 2 : 256;
			p->contained = mem_grow(p->contained, cap * sizeof *p->contained);
		}
		p->contained[p->nonly++] = row.rowid;
	}
	query_close(q);
	if (rc == 0 && p->nonly != 0)
		qsort(p->contained, p->nonly, sizeof *p->contained, compare_number);
	p->only = p->contained;
	return rc;
}

int
pass_collect(struct pass *p, struct selection *s, struct err *e)
{
	p->text = index_prepare(p->ix, "SELECT text FROM text WHERE id = ?", e);
	p->account_st = index_prepare(p->ix, "SELECT kind, name, domain FROM account WHERE id = ?", e);
	p->replies = replies_new();
	if (p->text == NULL || p->account_st == NULL || (p->has_prints = has_prints(p, e)) < 0 || collect_contained(p, s, e) < 0)
		return -1;
	return collect_hits(p, s, e);
}

void
pass_free(struct pass *p)
{
	struct map *maps[] = { &p->groups, &p->names, &p->accounts, &p->reasons, &p->scripts, &p->own, &p->nulls, &p->campaigns, &p->taking_part, &p->froms };
	size_t i;

	for (i = 0; i < sizeof maps / sizeof maps[0]; i++)
		map_free(maps[i]);
	sqlite3_finalize(p->text);
	sqlite3_finalize(p->account_st);
	replies_free(p->replies);
	free(p->account);
	free(p->campaign);
	free(p->group);
	free(p->hit);
	free(p->order);
	free(p->tally.slot);
	free(p->contained);
	arena_free(&p->arena);
}
