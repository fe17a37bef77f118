#include "index/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "index/map.h"
#include "index/query.h"
#include "spool/arena.h"
#include "spool/msg.h"

/* One reply text of the dictionary, read once. */
struct known {
	uint32_t group;
	uint32_t address;		/* place in names; 0 none */
};

/* A row on its way. Counts are by the numbers of names. */
struct group {
	struct evidence_row row;
	struct map domain, address;	/* name to 1 + place in counts */
	struct tally { int64_t name, n; } *domains, *addresses;
	size_t ndomains, naddresses;
	int64_t last_message;
};

struct pass {
	struct index *ix;
	struct arena *arena;
	struct replies *replies;
	sqlite3_stmt *rcpt, *text, *own;
	struct map texts;		/* reply to 1 + place in known */
	struct known *known;
	size_t nknown;
	struct group *group;
	size_t ngroups;
	const char **name;		/* our addresses, from 1 on */
	size_t nnames;
	int64_t messages, replied, unread, unlogged;
	int has_failed;			/* a text could not be read: why is in err */
	struct err err;
};

static const char *
text_of(struct pass *p, int64_t id)
{
	int rc;

	sqlite3_reset(p->text);
	sqlite3_bind_int64(p->text, 1, id);
	rc = index_row(p->ix, p->text, p->has_failed ? NULL : &p->err);
	p->has_failed |= rc < 0;
	return rc == 1 ? (const char *)sqlite3_column_text(p->text, 0) : NULL;
}

/* Room for one more where n is a power of 2. */
static void *
grown(void *v, size_t n, size_t size)
{
	return (n & (n - 1)) == 0 ? mem_grow(v, (n != 0 ? n * 2 : 1) * size) : v;
}

static int
is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Zones and addresses are words of strangers: what comes after so many of them is counted without its name. */
#define NAMES_MAX 1000

static uint32_t
group_of(struct pass *p, struct reply *r)
{
	struct group *g;
	size_t i;

	if (p->ngroups >= NAMES_MAX && (r->row == NULL || r->list != r->row->list))
		r->list = NULL;

	for (i = 0; i < p->ngroups; i++) {
		g = &p->group[i];
		if (g->row.category == r->category && g->row.about == r->about && is_same(g->row.list, r->list) &&
		    is_same(g->row.operator, r->operator))
			return (uint32_t)i;
	}
	p->group = grown(p->group, p->ngroups, sizeof *p->group);
	g = &p->group[p->ngroups];
	memset(g, 0, sizeof *g);
	g->row.category = r->category;
	g->row.about = r->about;
	g->row.list = r->list;
	g->row.operator = r->operator;
	g->row.closed = r->row != NULL && r->list != NULL ? r->row->closed : NULL;
	g->row.first = INT64_MAX;
	g->row.last = MSG_NO_TIME;
	g->last_message = -1;
	return (uint32_t)p->ngroups++;
}

static uint32_t
name_of(struct pass *p, const char *address)
{
	size_t i;

	if (address == NULL)
		return 0;
	for (i = 1; i <= p->nnames; i++)
		if (strcmp(p->name[i], address) == 0)
			return (uint32_t)i;
	if (p->nnames >= NAMES_MAX)
		return 0;
	p->name = grown(p->name, p->nnames + 1, sizeof *p->name);
	p->nnames++;
	p->name[p->nnames] = address;
	return (uint32_t)p->nnames;
}

static struct known *
known_of(struct pass *p, int64_t reply)
{
	uint32_t at = map_get(&p->texts, reply);
	struct known *k;
	struct reply r;
	const char *text;

	if (at != 0)
		return &p->known[at - 1];
	p->known = grown(p->known, p->nknown, sizeof *p->known);
	k = &p->known[p->nknown++];
	map_put(&p->texts, reply, (uint32_t)p->nknown);
	text = text_of(p, reply);
	reply_read(&r, p->replies, text != NULL ? text : "", p->arena);
	k->group = group_of(p, &r);
	k->address = name_of(p, r.address);
	if (p->group[k->group].row.sample == NULL && text != NULL)
		p->group[k->group].row.sample = arena_str(p->arena, text);
	if (r.url != NULL && (p->group[k->group].row.url == NULL || r.has_url))
		p->group[k->group].row.url = r.url;
	return k;
}

static void
count(struct map *m, struct tally **v, size_t *n, int64_t name)
{
	int64_t key = name != 0 ? name : INT64_MIN;
	uint32_t at = map_get(m, key);

	if (at == 0) {
		*v = grown(*v, *n, sizeof **v);
		(*v)[*n].name = name;
		(*v)[*n].n = 0;
		at = (uint32_t)++*n;
		map_put(m, key, at);
	}
	(*v)[at - 1].n++;
}

static void
add_reply(struct pass *p, const struct query_row *row, int is_queued, int64_t reply, int64_t domain)
{
	struct known *k = known_of(p, reply);
	struct group *g = &p->group[k->group];

	g->row.replies++;
	count(&g->domain, &g->domains, &g->ndomains, domain);
	if (k->address != 0)
		count(&g->address, &g->addresses, &g->naddresses, k->address);
	if (g->last_message == row->rowid)
		return;
	g->last_message = row->rowid;
	g->row.messages++;
	g->row.queued += is_queued;
	if (row->arrived != MSG_NO_TIME && row->arrived < g->row.first)
		g->row.first = row->arrived;
	if (row->arrived != MSG_NO_TIME && row->arrived > g->row.last)
		g->row.last = row->arrived;
}

static int
add_message(struct pass *p, const struct query_row *row, struct err *e)
{
	const int is_queued = strcmp(row->state, "gone") != 0;
	int64_t reason = 0;
	int rc, any = 0;

	p->messages++;
	sqlite3_reset(p->rcpt);
	sqlite3_bind_int64(p->rcpt, 1, row->rowid);
	while ((rc = sqlite3_step(p->rcpt)) == SQLITE_ROW) {
		if (sqlite3_column_int(p->rcpt, 2) == 1) {	/* the message's own row, the last one */
			reason = sqlite3_column_int64(p->rcpt, 0);
			p->unlogged += sqlite3_column_int(p->rcpt, 1);
		} else {
			any |= sqlite3_column_int(p->rcpt, 2) == 0 ? 1 : 2;
			add_reply(p, row, is_queued, sqlite3_column_int64(p->rcpt, 0), sqlite3_column_int64(p->rcpt, 1));
		}
	}
	if (rc != SQLITE_DONE)
		return index_err(p->ix, e, "read replies");
	if ((any & 1) == 0 && reason != 0)
		add_reply(p, row, is_queued, reason, 0);
	p->replied += any || reason != 0;
	return 0;
}

/* Reports of this server's own whose bodies were not read: replies may stand in them. */
static int
count_unread(struct pass *p, int64_t row, struct err *e)
{
	int rc;

	sqlite3_reset(p->own);
	sqlite3_bind_int64(p->own, 1, row);
	rc = sqlite3_step(p->own);
	p->unread += rc == SQLITE_ROW;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : index_err(p->ix, e, "read replies");
}

static int
collect(struct pass *p, struct selection *s, int with_gone, struct err *e)
{
	struct query *q = NULL;
	struct query_row row;
	int rc;

	p->rcpt = index_prepare(p->ix, "SELECT reply, domain, 0 FROM recipient WHERE message = ?1 AND state <> 2 AND reply IS NOT NULL"
	    " UNION ALL SELECT b.reply, b.domain, 2 FROM body_reply b JOIN message m ON m.id = b.message JOIN account a ON a.id = m.account"
	    " WHERE b.message = ?1 AND a.kind = 'bounce' AND m.client IS NULL"	/* not of a report that another server made: its replies are not to us */
	    " UNION ALL SELECT m.reason, " INDEX_UNLOGGED ", 1 FROM message m WHERE m.id = ?1", e);
	p->text = index_prepare(p->ix, "SELECT text FROM text WHERE id = ?", e);
	p->replies = replies_new();
	p->own = index_prepare(p->ix, "SELECT 1 FROM message m JOIN account a ON a.id = m.account WHERE m.id = ? AND m.contents = 0"
	    " AND m.is_report AND a.kind = 'bounce' AND m.client IS NULL", e);
	if (p->rcpt == NULL || p->text == NULL || p->own == NULL || query_open(&q, p->ix, s, with_gone, e) < 0)
		return -1;
	query_brief(q);
	while ((rc = query_next(&row, q, e)) == 1)
		if (add_message(p, &row, e) < 0 || count_unread(p, row.rowid, e) < 0) {
			rc = -1;
			break;
		}
	sqlite3_reset(p->own);
	sqlite3_reset(p->rcpt);	/* before the read transaction of the query ends */
	query_close(q);
	return rc;
}

/* ---- rows ---- */

static int
by_count(const void *a, const void *b)
{
	const struct evidence_count *x = a, *y = b;

	return x->n != y->n ? (x->n > y->n ? -1 : 1) : strcmp(x->name, y->name);
}

static const struct evidence_count *
counts_of(struct pass *p, const struct tally *v, size_t n, int is_address)
{
	struct evidence_count *out = arena_zero(p->arena, (n + 1) * sizeof *out);
	const char *name;
	size_t i;

	for (i = 0; i < n; i++) {
		name = v[i].name == 0 ? NULL : is_address ? p->name[v[i].name] : text_of(p, v[i].name);
		out[i].name = name != NULL ? arena_str(p->arena, name) : "";
		out[i].n = v[i].n;
	}
	qsort(out, n, sizeof *out, by_count);
	return out;
}

static int
by_weight(const void *a, const void *b)
{
	const struct evidence_row *x = a, *y = b;
	int xus = x->about != ABOUT_NO, yus = y->about != ABOUT_NO;

	if (xus != yus)
		return yus - xus;
	if (x->category != y->category)
		return x->category < y->category ? -1 : 1;
	if (x->messages != y->messages)
		return x->messages > y->messages ? -1 : 1;
	return strcmp(x->list != NULL ? x->list : "", y->list != NULL ? y->list : "");
}

static struct evidence *
result(struct pass *p)
{
	struct evidence *ev = mem_new(sizeof *ev);
	struct evidence_row *r;
	struct group *g;
	size_t i;

	ev->arena = p->arena;
	ev->row = arena_zero(p->arena, (p->ngroups + 1) * sizeof *ev->row);
	ev->n = p->ngroups;
	ev->messages = p->messages;
	ev->replied = p->replied;
	ev->unread = p->unread;
	ev->unlogged = p->unlogged;
	for (i = 0; i < p->ngroups; i++) {
		g = &p->group[i];
		r = &ev->row[i];
		*r = g->row;
		if (r->first == INT64_MAX)
			r->first = MSG_NO_TIME;
		r->domain = counts_of(p, g->domains, g->ndomains, 0);
		r->ndomains = g->ndomains;
		r->address = counts_of(p, g->addresses, g->naddresses, 1);
		r->naddresses = g->naddresses;
	}
	qsort(ev->row, ev->n, sizeof *ev->row, by_weight);
	return ev;
}

static void
pass_end(struct pass *p)
{
	size_t i;

	for (i = 0; i < p->ngroups; i++) {
		map_free(&p->group[i].domain);
		map_free(&p->group[i].address);
		free(p->group[i].domains);
		free(p->group[i].addresses);
	}
	map_free(&p->texts);
	free(p->known);
	free(p->group);
	free(p->name);
	replies_free(p->replies);
	sqlite3_finalize(p->rcpt);
	sqlite3_finalize(p->text);
	sqlite3_finalize(p->own);
}

int
evidence_make(struct evidence **out, struct index *ix, struct selection *s, int with_gone, struct err *e)
{
	struct pass p = { 0 };
	int rc;

	*out = NULL;
	p.ix = ix;
	p.arena = mem_new(sizeof *p.arena);
	rc = collect(&p, s, with_gone, e);
	if (rc == 0)
		*out = result(&p);
	if (rc == 0 && p.has_failed) {
		*e = p.err;
		free(*out);
		*out = NULL;
		rc = -1;
	}
	pass_end(&p);
	if (rc < 0) {
		arena_free(p.arena);
		free(p.arena);
	}
	return rc;
}

void
evidence_free(struct evidence *ev)
{
	if (ev == NULL)
		return;
	arena_free(ev->arena);
	free(ev->arena);
	free(ev);
}
