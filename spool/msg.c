#include "msg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "words.h"

/* A hostile message must not make its own list of complaints grow without end. */
#define LIST_MAX 64
#define LIST_REST "more, not listed"

void
msg_init(struct msg *m, struct arena *a)
{
	memset(m, 0, sizeof *m);
	m->arena = a;
	m->state = MSG_QUEUED;
	m->arrived = MSG_NO_TIME;
	m->size = -1;
	m->pending = -1;
	m->pending_known = 1;
	m->uid = -1;
}

struct rcpt *
msg_rcpt(struct msg *m, const char *address, enum rcpt_state state)
{
	struct rcpt *r, *grown;
	size_t cap;

	if (m->nrcpt == m->rcpt_cap) {
		cap = m->rcpt_cap != 0 ? m->rcpt_cap * 2 : 4;
		grown = arena_get(m->arena, cap * sizeof *grown);
		if (m->nrcpt != 0)
			memcpy(grown, m->rcpt, m->nrcpt * sizeof *grown);
		m->rcpt = grown;
		m->rcpt_cap = cap;
	}
	r = &m->rcpt[m->nrcpt++];
	memset(r, 0, sizeof *r);
	r->address = address;
	r->state = state;
	return r;
}

static int
list_has(const struct msg_list *l, const char *text)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (strcmp(l->v[i], text) == 0)
			return 1;
	}
	return 0;
}

static void
list_add(struct msg_list *l, struct arena *a, const char *text)
{
	const char **grown;
	size_t cap;

	if (l->n > LIST_MAX || list_has(l, text))
		return;
	if (l->n == l->cap) {
		cap = l->cap != 0 ? l->cap * 2 : 4;
		grown = arena_get(a, cap * sizeof *grown);
		if (l->n != 0)
			memcpy(grown, l->v, l->n * sizeof *grown);
		l->v = grown;
		l->cap = cap;
	}
	l->v[l->n] = l->n == LIST_MAX ? LIST_REST : arena_str(a, text);
	l->n++;
}

static void
list_format(struct msg_list *l, struct arena *a, const char *fmt, va_list ap)
{
	char text[400];

	if (vsnprintf(text, sizeof text, fmt, ap) > 0)
		list_add(l, a, text);
}

void
msg_damage(struct msg *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	list_format(&m->damage, m->arena, fmt, ap);
	va_end(ap);
}

void
msg_note(struct msg *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	list_format(&m->notes, m->arena, fmt, ap);
	va_end(ap);
}

/* The domain of an address or a login with one, folded; NULL when it has none. Most are folded as they are: no copy. */
static const char *
domain_of(struct arena *a, const char *address)
{
	const char *domain = addr_domain(address);

	if (domain == NULL || (address[0] != '<' && text_folded(domain, strlen(domain))))
		return domain;
	return addr_domain(addr_clean(a, address, strlen(address)));
}

static void
count_rcpts(struct msg *m)
{
	int64_t pending = 0, done = 0;
	size_t i;

	for (i = 0; i < m->nrcpt; i++) {
		struct rcpt *r = &m->rcpt[i];

		r->domain = domain_of(m->arena, r->address);
		pending += r->state == RCPT_PENDING;
		done += r->state == RCPT_DONE;
	}
	m->recipients = pending + done;
	m->pending = m->pending_known ? pending : -1;
	/* none could be read, or none was written yet: that is not zero */
	if (m->nrcpt == 0 && (m->damage.n != 0 || !m->pending_known || m->state == MSG_INCOMPLETE))
		m->recipients = m->pending = -1;
}

/* The last reply in the order of the recipients; a recipient of that state without one does not hide another's. */
static const char *
last_reply(const struct msg *m, enum rcpt_state state)
{
	size_t i;

	for (i = m->nrcpt; i > 0; i--) {
		const struct rcpt *r = &m->rcpt[i - 1];

		if (r->state == state && r->reply != NULL && r->reply[0] != '\0')
			return r->reply;
	}
	return NULL;
}

/* Exim up to 4.95 writes "addr.port"; the plain reading comes first because only it can be meant where both would do. */
static void
settle_client(struct msg *m)
{
	const char *ip;

	if (m->client == NULL)
		return;
	ip = addr_ip(m->arena, m->client, 0);
	if (ip == NULL)
		ip = addr_ip(m->arena, m->client, 1);
	m->client = ip;
}

static void
set_account(struct msg *m, enum account_kind kind, const char *name)
{
	m->account_kind = kind;
	m->account = name;
	m->account_key = addr_key(m->arena, name);
	if (kind == ACCOUNT_AUTH || kind == ACCOUNT_SENDER)
		m->domain = domain_of(m->arena, name);
}

/*
 * What the MTA proved goes before what the client said. A null sender is a
 * bounce even when the MTA's own user handed it in, for so does the MTA itself
 * (Exim runs `exim -t -oem -oi -f <>` for a delivery failure); any other local
 * user can forge it, and is to be held to it.
 */
static void
settle_account(struct msg *m)
{
	int is_local = m->local_user != NULL || m->uid >= 0;
	int is_null_sender = m->sender != NULL && m->sender[0] == '\0';

	if (m->auth != NULL && m->auth[0] != '\0')
		set_account(m, ACCOUNT_AUTH, m->auth);
	else if (is_null_sender && (!is_local || m->is_mta_user))
		set_account(m, ACCOUNT_BOUNCE, "<>");
	else if (m->local_user != NULL && m->local_user[0] != '\0')
		set_account(m, ACCOUNT_LOCAL, m->local_user);
	else if (m->uid >= 0)
		set_account(m, ACCOUNT_LOCAL, arena_fmt(m->arena, "uid:%lld", (long long)m->uid));
	else if (m->client != NULL)
		set_account(m, ACCOUNT_CLIENT, m->client);
	else if (m->sender != NULL && !is_null_sender)
		set_account(m, ACCOUNT_SENDER, m->sender);
}

void
msg_finish(struct msg *m)
{
	settle_client(m);
	count_rcpts(m);
	m->sender_domain = m->sender != NULL ? domain_of(m->arena, m->sender) : NULL;
	if (m->reason == NULL)
		m->reason = last_reply(m, RCPT_PENDING);
	if (m->reason == NULL)
		m->reason = last_reply(m, RCPT_DONE);
	settle_account(m);
}

const char *
msg_state_name(enum msg_state s)
{
	switch (s) {
	case MSG_INCOMPLETE:	return "incomplete";
	case MSG_ACTIVE:	return "active";
	case MSG_DEFERRED:	return "deferred";
	case MSG_HELD:		return "held";
	case MSG_FROZEN:	return "frozen";
	case MSG_QUEUED:	return "queued";
	case MSG_CORRUPT:	return "corrupt";
	case MSG_GONE:		return "gone";
	case MSG_TAKEN:		return "taken";
	case MSG_DELETED:	return "deleted";
	}
	return "";
}

const char *
account_kind_name(enum account_kind k)
{
	switch (k) {
	case ACCOUNT_NONE:	return "";
	case ACCOUNT_AUTH:	return "auth";
	case ACCOUNT_LOCAL:	return "local";
	case ACCOUNT_CLIENT:	return "client";
	case ACCOUNT_SENDER:	return "sender";
	case ACCOUNT_BOUNCE:	return "bounce";
	}
	return "";
}

const char *
rcpt_state_name(enum rcpt_state s)
{
	switch (s) {
	case RCPT_PENDING:	return "pending";
	case RCPT_DONE:		return "done";
	case RCPT_REMOVED:	return "removed";
	}
	return "";
}
