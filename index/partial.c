#include "index/partial.h"

#include <stdlib.h>
#include <string.h>

#include "index/reply.h"
#include "spool/part.h"

#define MINUTE INT64_C(60000000)

struct event {			/* one message of one account */
	uint32_t account;
	int64_t minute;
	uint64_t client;	/* hash, 0 none */
};

struct partial_state {
	uint64_t key[2];
	struct arena arena;
	struct replies *replies;
	uint32_t *slot;		/* 1 + number of the account, by hash */
	size_t cap;		/* of slot: a power of two */
	struct event *event;
	size_t n, event_cap;
};

struct partial *
partial_new(const uint64_t key[2])
{
	struct partial *p = mem_new(sizeof *p);

	p->oldest = MSG_NO_TIME;
	p->state = mem_new(sizeof *p->state);
	memcpy(p->state->key, key, sizeof p->state->key);
	p->state->replies = replies_new();
	p->state->cap = 1024;
	p->state->slot = mem_new(p->state->cap * sizeof *p->state->slot);
	return p;
}

static uint64_t
hash_of(const struct partial *p, const char *text)
{
	return part_hash(text, strlen(text), p->state->key);
}

static uint32_t *
slot_of(const struct partial *p, uint64_t hash)
{
	const struct partial_state *s = p->state;
	size_t i = (size_t)hash & (s->cap - 1);

	while (s->slot[i] != 0 && p->account[s->slot[i] - 1].hash != hash)
		i = (i + 1) & (s->cap - 1);
	return &s->slot[i];
}

static void
grow(struct partial *p)
{
	struct partial_state *s = p->state;
	size_t i;

	free(s->slot);
	s->cap *= 2;
	s->slot = mem_new(s->cap * sizeof *s->slot);
	for (i = 0; i < p->naccounts; i++)
		*slot_of(p, p->account[i].hash) = (uint32_t)i + 1;
}

static uint32_t
account_of(struct partial *p, const struct partial_message *m)
{
	uint64_t hash = hash_of(p, m->key) ^ (hash_of(p, m->kind) * 3);
	uint32_t *slot = slot_of(p, hash);
	struct partial_account *a;

	if (*slot != 0)
		return *slot - 1;
	if ((p->naccounts & (p->naccounts - 1)) == 0)
		p->account = mem_grow(p->account, (p->naccounts != 0 ? p->naccounts * 2 : 1) * sizeof *p->account);
	a = &p->account[p->naccounts++];
	memset(a, 0, sizeof *a);
	a->kind = arena_str(&p->state->arena, m->kind);
	a->name = arena_str(&p->state->arena, m->name != NULL ? m->name : m->key);
	a->first = a->last = MSG_NO_TIME;
	a->hash = hash;
	*slot = (uint32_t)p->naccounts;
	if (p->naccounts * 2 > p->state->cap)
		grow(p);
	return (uint32_t)p->naccounts - 1;
}

static void
note(struct partial *p, const struct partial_message *m)
{
	struct partial_state *s = p->state;
	uint32_t at = account_of(p, m);
	struct partial_account *a = &p->account[at];

	if (s->n == s->event_cap) {
		s->event_cap = s->event_cap != 0 ? s->event_cap * 2 : 1024;
		s->event = mem_grow(s->event, s->event_cap * sizeof *s->event);
	}
	s->event[s->n].account = at;
	s->event[s->n].minute = m->arrived != MSG_NO_TIME ? m->arrived / MINUTE : -1;
	s->event[s->n++].client = m->client != NULL ? hash_of(p, m->client) | 1 : 0;
	a->messages++;
	if (m->arrived == MSG_NO_TIME)
		return;
	if (a->first == MSG_NO_TIME || m->arrived < a->first)
		a->first = m->arrived;
	if (a->last == MSG_NO_TIME || m->arrived > a->last)
		a->last = m->arrived;
}

void
partial_add(struct partial *p, const struct partial_message *m)
{
	p->messages++;
	p->frozen += m->is_frozen;
	p->damaged += m->is_damaged;
	if (m->reason != NULL)
		p->blocklisted += reply_class(p->state->replies, m->reason) == REPLY_SERVER;
	if (m->arrived != MSG_NO_TIME && (p->oldest == MSG_NO_TIME || m->arrived < p->oldest))
		p->oldest = m->arrived;
	if (m->kind != NULL && m->key != NULL && strcmp(m->kind, account_kind_name(ACCOUNT_BOUNCE)) != 0)
		note(p, m);
}

static int
by_minute(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->account != y->account)
		return x->account < y->account ? -1 : 1;
	return x->minute < y->minute ? -1 : x->minute > y->minute;
}

static int
by_client(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->account != y->account)
		return x->account < y->account ? -1 : 1;
	return x->client < y->client ? -1 : x->client > y->client;
}

static int
by_number(const void *a, const void *b)
{
	const struct partial_account *x = a, *y = b;

	if (x->messages != y->messages)
		return x->messages > y->messages ? -1 : 1;
	return strcmp(x->name, y->name);
}

void
partial_end(struct partial *p)
{
	struct event *e = p->state->event;
	size_t n = p->state->n, i;
	int64_t run = 0;

	if (n == 0)
		return;
	qsort(e, n, sizeof *e, by_minute);
	for (i = 0; i < n; i++) {
		run = i > 0 && e[i].account == e[i - 1].account && e[i].minute == e[i - 1].minute ? run + 1 : 1;
		if (e[i].minute >= 0 && run > p->account[e[i].account].per_minute)
			p->account[e[i].account].per_minute = run;
	}
	qsort(e, n, sizeof *e, by_client);
	for (i = 0; i < n; i++)
		if (e[i].client != 0 && (i == 0 || e[i].account != e[i - 1].account || e[i].client != e[i - 1].client))
			p->account[e[i].account].clients++;
	qsort(p->account, p->naccounts, sizeof *p->account, by_number);
}

void
partial_free(struct partial *p)
{
	if (p == NULL)
		return;
	replies_free(p->state->replies);
	arena_free(&p->state->arena);
	free(p->state->slot);
	free(p->state->event);
	free(p->state);
	free(p->account);
	free(p);
}
