#include "postfix_log.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "head.h"

#define VALUE_MAX ((size_t)4096) /* of one value; SMTP replies are cut far below */
#define LINE_MAX_READ ((size_t)32 * 1024)

struct value {
	char p[VALUE_MAX];
	size_t n;
	int is_set;
};

/* One block, as far as it is needed. */
struct block {
	struct value recipient, diag, reason, old;
	uint64_t offset;
	int has_offset, has_any;
};

struct by_text {
	const char *address;
	struct rcpt *rcpt;
	const char *reply; /* of the first of equal addresses: for all of them, once the log is read */
};

struct join {
	struct msg *m;
	struct arena *scratch;
	enum part_role role;
	struct block b;
	struct rcpt **by_offset; /* sorted; NULL until needed */
	struct by_text *by_text; /* sorted; NULL until needed */
	struct value last; /* the reply before: thousands of recipients have the same one */
	const char *last_text;
};

static void
value_set(struct value *v, const unsigned char *p, size_t n)
{
	size_t cut;

	if (n > VALUE_MAX) {
		n = VALUE_MAX;
		for (cut = 0; cut < 3 && (p[n] & 0xc0) == 0x80; cut++) /* not within a UTF-8 character */
			n--;
	}
	memcpy(v->p, p, n);
	v->n = n;
	v->is_set = 1;
}

static void
block_clear(struct block *b)
{
	b->recipient.is_set = b->diag.is_set = b->reason.is_set = b->old.is_set = 0;
	b->has_offset = b->has_any = 0;
}

static int
is_name(const unsigned char *p, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(p, name, n) == 0;
}

static void
take_offset(struct block *b, const unsigned char *p, size_t n)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9' || v > UINT64_MAX / 10 - 1)
			return;
		v = v * 10 + (uint64_t)(p[i] - '0');
	}
	b->offset = v;
	b->has_offset = n > 0;
}

/* "<address>: reason", the only line of old or foreign logs. A quoted local part may hold ">:". */
static void
take_old(struct block *b, const unsigned char *p, size_t n)
{
	size_t i, from = 0;
	int quoted = 0;

	for (i = 1; i < n; i++) {
		if (p[i] == '\\' && quoted)
			i++;
		else if (p[i] == '"')
			quoted = !quoted;
		else if (!quoted && p[i] == '>' && n - i >= 2 && p[i + 1] == ':') {
			from = i;
			break;
		}
	}
	if (from == 0)
		return;
	if (!b->recipient.is_set)
		value_set(&b->recipient, p + 1, from - 1);
	for (i = from + 2; i < n && p[i] == ' '; i++)
		continue;
	value_set(&b->old, p + i, n - i);
}

static void
take_line(struct block *b, const unsigned char *p, size_t n)
{
	const unsigned char *eq, *v;
	size_t name, len;

	b->has_any = 1;
	if (p[0] == '<') {
		take_old(b, p, n);
		return;
	}
	if ((eq = memchr(p, '=', n)) == NULL)
		return;
	name = (size_t)(eq - p);
	v = eq + 1;
	len = n - name - 1;
	if (is_name(p, name, "recipient"))
		value_set(&b->recipient, v, len);
	else if (is_name(p, name, "offset"))
		take_offset(b, v, len);
	else if (is_name(p, name, "diag_text"))
		value_set(&b->diag, v, len);
	else if (is_name(p, name, "reason"))
		value_set(&b->reason, v, len);
}

static int
order_offset(const void *a, const void *b)
{
	const struct rcpt *x = *(struct rcpt *const *)a, *y = *(struct rcpt *const *)b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static int
order_text(const void *a, const void *b)
{
	return strcmp(((const struct by_text *)a)->address, ((const struct by_text *)b)->address);
}

static struct rcpt *
find_offset(struct join *j)
{
	struct msg *m = j->m;
	size_t i, lo = 0, hi = m->nrcpt, mid;

	if (j->by_offset == NULL) {
		j->by_offset = arena_get(j->scratch, m->nrcpt * sizeof *j->by_offset);
		for (i = 0; i < m->nrcpt; i++)
			j->by_offset[i] = &m->rcpt[i];
		qsort(j->by_offset, m->nrcpt, sizeof *j->by_offset, order_offset);
	}
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (j->by_offset[mid]->key < j->b.offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->nrcpt && j->by_offset[lo]->key == j->b.offset ? j->by_offset[lo] : NULL;
}

/* The log has RFC 822 form, the queue file the bare address: "a b"@c and a b@c. */
static const char *
unquote(struct arena *scratch, const char *p, size_t n)
{
	char *out = arena_get(scratch, n + 1);
	size_t i, k = 0;

	for (i = 1; i < n && p[i] != '"'; i++) {
		if (p[i] == '\\' && i + 1 < n)
			i++;
		out[k++] = p[i];
	}
	for (i++; i < n; i++)
		out[k++] = p[i];
	return addr_clean(scratch, out, k);
}

/* The first recipient with that address in by_text, NULL. */
static struct by_text *
find_text(struct join *j)
{
	const struct value *v = &j->b.recipient;
	const char *want;
	size_t i, lo = 0, hi = j->m->nrcpt, mid;

	if (!v->is_set)
		return NULL;
	if (j->by_text == NULL) {
		j->by_text = arena_get(j->scratch, j->m->nrcpt * sizeof *j->by_text);
		for (i = 0; i < j->m->nrcpt; i++) {
			j->by_text[i].address = j->m->rcpt[i].address;
			j->by_text[i].rcpt = &j->m->rcpt[i];
			j->by_text[i].reply = NULL;
		}
		qsort(j->by_text, j->m->nrcpt, sizeof *j->by_text, order_text);
	}
	want = v->n > 0 && v->p[0] == '"' ? unquote(j->scratch, v->p, v->n) : addr_clean(j->scratch, v->p, v->n);
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (strcmp(j->by_text[mid].address, want) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < j->m->nrcpt && strcmp(j->by_text[lo].address, want) == 0 ? &j->by_text[lo] : NULL;
}

/* The text of the block, in the message's arena; NULL when it says nothing. */
static const char *
reply_text(struct join *j)
{
	const struct block *b = &j->b;
	const struct value *v = b->diag.is_set && b->diag.n > 0       ? &b->diag
				: b->reason.is_set && b->reason.n > 0 ? &b->reason
								      : &b->old;

	if (!v->is_set || v->n == 0)
		return NULL;
	if (j->last_text != NULL && j->last.n == v->n && memcmp(j->last.p, v->p, v->n) == 0)
		return j->last_text;
	memcpy(j->last.p, v->p, v->n);
	j->last.n = v->n;
	j->last_text = head_text(j->m->arena, v->p, v->n, NULL);
	return j->last_text;
}

static void
set_reply(struct join *j, struct rcpt *r, const char *text)
{
	/* what a defer log of the run before says of a recipient that bounced since is old */
	if (r->reply == NULL || j->role == PART_BOUNCE_LOG || (j->role == PART_LOG && r->state == RCPT_PENDING))
		r->reply = text;
}

static void
block_end(struct join *j)
{
	struct by_text *t;
	struct rcpt *r;
	const char *text;

	if (!j->b.has_any || j->m->nrcpt == 0)
		goto out;
	r = j->b.has_offset ? find_offset(j) : NULL;
	t = r == NULL ? find_text(j) : NULL;
	if ((r == NULL && t == NULL) || (text = reply_text(j)) == NULL)
		goto out;
	if (r != NULL) {
		set_reply(j, r, text);
		goto out;
	}
	t->reply = text;
out:
	block_clear(&j->b);
}

/* Blocks joined by address count for every recipient with that address. */
static void
spread_replies(struct join *j)
{
	const struct by_text *head = j->by_text;
	size_t i;

	for (i = 0; head != NULL && i < j->m->nrcpt; i++) {
		if (strcmp(j->by_text[i].address, head->address) != 0)
			head = &j->by_text[i];
		if (head->reply != NULL)
			set_reply(j, j->by_text[i].rcpt, head->reply);
	}
}

static int
is_blank_line(const unsigned char *p, size_t n)
{
	return n == 0 || (n == 1 && p[0] == '\r');
}

/* Of a giant log the last blocks: goes to its tail and behind the next blank line. */
static int
go_to_tail(struct msg *m, struct rd *r)
{
	const unsigned char *p;
	size_t n;
	int more, got;

	if (r->size <= POSTFIX_LOG_TAIL)
		return 0;
	msg_note(m, "log longer than %u MiB, only its end was read", (unsigned)(POSTFIX_LOG_TAIL >> 20));
	if (rd_seek(r, r->size - POSTFIX_LOG_TAIL) < 0)
		return -1;
	while ((got = rd_line(&p, &n, &more, NULL, r, LINE_MAX_READ)) == 1)
		if (is_blank_line(p, n) && !more)
			break;
	return got < 0 ? -1 : 0;
}

int
postfix_log_join(struct msg *m, struct rd *r, enum part_role role, struct arena *scratch)
{
	struct join *j = arena_get(scratch, sizeof *j);
	const unsigned char *p;
	size_t n;
	int more, was_more = 0, got;

	j->m = m;
	j->scratch = scratch;
	j->role = role;
	j->by_offset = NULL;
	j->by_text = NULL;
	j->last_text = NULL;
	block_clear(&j->b);
	if (go_to_tail(m, r) < 0)
		return -1;
	while ((got = rd_line(&p, &n, &more, NULL, r, LINE_MAX_READ)) == 1) {
		if (was_more)
			n = 0; /* the rest of a line that was cut */
		else if (!more && is_blank_line(p, n))
			block_end(j);
		else if (n > 0)
			take_line(&j->b, p, n);
		was_more = more;
	}
	block_end(j);
	spread_replies(j);
	return got < 0 ? -1 : 0;
}
