/*
 * What a third party need not know. An address keeps its first letter and its
 * domain, and gets a keyed hash, so that one person is one name all over a report and
 * cannot be found by trying names; client addresses keep their network; of paths the
 * last part stays. What is free text (replies, subjects, reasons) is searched for both.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "cmd/report_out.h"
#include "spool/addr.h"
#include "spool/part.h"

#define LEFT_OUT "(left out)"
#define TEXT_MAX ((size_t)1 << 24)

enum { ADDRESSES = 1, CLIENTS = 2, PATHS = 4 };

struct redactor {
	struct arena *a;
	const uint64_t *secret;
};

/* "i***-3fa21c" of an address (n: length of its local part), or of a name that has no domain. The case does not make another person. */
static void
hash_name(struct buf *b, const struct redactor *x, size_t n, const char *whole, size_t all)
{
	const char *folded = addr_fold(x->a, arena_dup(x->a, whole, all));

	if (n != 0)
		buf_add(b, folded, text_fit(folded, strlen(folded), 1));
	buf_fmt(b, "***-%06" PRIx64, part_hash(folded, strlen(folded), x->secret) & 0xFFFFFF);
}

static int
is_address_char(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || strchr("!#$%&*+-/=?^_`{|}~.", c) != NULL;
}

/* The first address of a word: where it begins, its '@', where it ends. 0 none. */
static int
find_address(size_t *from, size_t *at, size_t *end, const char *word, size_t n)
{
	const char *p = memchr(word, '@', n);

	if (p == NULL)
		return 0;
	*at = (size_t)(p - word);
	for (*from = *at; *from > 0 && is_address_char((unsigned char)word[*from - 1]); (*from)--)
		;
	for (*end = *at + 1; *end < n && (isalnum((unsigned char)word[*end]) || (unsigned char)word[*end] >= 0x80 || word[*end] == '.' ||
	    word[*end] == '-'); (*end)++)
		;
	return 1;
}

/* A word with addresses in it, or no address: 0. */
static int
put_addresses(struct buf *b, const struct redactor *x, const char *word, size_t n)
{
	size_t from, at, end;

	if (memchr(word, '@', n) == NULL)
		return 0;
	for (; find_address(&from, &at, &end, word, n); word += end, n -= end) {
		buf_add(b, word, from);
		if (from < at)
			hash_name(b, x, at - from, word + from, end - from);
		buf_add(b, word + at, end - at);
	}
	buf_add(b, word, n);
	return 1;
}

/* "203.0.113.x", "2001:db8:1::x". */
static int
put_client(struct buf *b, const char *word, size_t n)
{
	char ip[64];
	size_t i, k = 0;

	if (n == 0 || n >= sizeof ip)
		return 0;
	memcpy(ip, word, n);
	ip[n] = '\0';
	if (addr_ip_in(ip, ip) != 1)
		return 0;
	if (strchr(ip, ':') == NULL) {
		buf_fmt(b, "%.*sx", (int)(strrchr(ip, '.') - ip + 1), ip);
		return 1;
	}
	for (i = 0; i < n && k < 3; i++)
		k += ip[i] == ':';
	buf_fmt(b, "%.*s%sx", (int)i, ip, i > 1 && ip[i - 2] == ':' ? "" : ":");
	return 1;
}

static int
put_path(struct buf *b, const char *word, size_t n)
{
	size_t i = n;

	if (memchr(word, '/', n) == NULL && memchr(word, '\\', n) == NULL)
		return 0;
	while (i > 0 && word[i - 1] != '/' && word[i - 1] != '\\')
		i--;
	buf_puts(b, "…/");
	buf_add(b, word + i, n - i);
	return 1;
}

static const char *
redact(const struct redactor *x, const char *s, unsigned what)
{
	static const char between[] = " \t\r\n()<>[]\"',;";
	const char *out;
	struct buf b;
	size_t n;

	if (s == NULL)
		return NULL;
	buf_init(&b, TEXT_MAX);
	for (; *s != '\0'; s += n) {
		n = strspn(s, between);
		buf_add(&b, s, n);
		s += n;
		n = strcspn(s, between);
		if (((what & ADDRESSES) != 0 && put_addresses(&b, x, s, n)) || ((what & CLIENTS) != 0 && put_client(&b, s, n)) ||
		    ((what & PATHS) != 0 && put_path(&b, s, n)))
			continue;
		buf_add(&b, s, n);
	}
	out = arena_str(x->a, buf_cstr(&b));
	buf_free(&b);
	return out;
}

/* An account or a login: all of it names a person, but for clients, null senders and numbers of users. */
static const char *
redact_name(const struct redactor *x, const char *s, const char *kind)
{
	const char *out;
	struct buf b;

	if (s == NULL || strcmp(s, "<>") == 0 || *s == '\0' || strncmp(s, "uid:", 4) == 0)
		return s;
	if (kind != NULL && strcmp(kind, "client") == 0)
		return redact(x, s, CLIENTS);
	if (strchr(s, '@') != NULL)
		return redact(x, s, ADDRESSES);
	buf_init(&b, TEXT_MAX);
	hash_name(&b, x, strlen(s), s, strlen(s));
	out = arena_str(x->a, buf_cstr(&b));
	buf_free(&b);
	return out;
}

static const char *
left_out(const char *s)
{
	return s != NULL && *s != '\0' ? LEFT_OUT : s;
}

static void
redact_table(const struct redactor *x, struct report_table *t, enum rank_by by)
{
	struct rank_row *r;
	const char **reasons;
	size_t i, k;

	for (i = 0; i < t->n; i++) {
		r = &t->row[i].r;
		r->subject = redact(x, r->subject, ADDRESSES | CLIENTS);
		r->key = by == RANK_ACCOUNT ? redact_name(x, r->key, r->kind) : redact(x, r->key, by == RANK_SCRIPT ? PATHS | ADDRESSES :
		    ADDRESSES | CLIENTS);
		reasons = arena_get(x->a, (r->nreasons + 1) * sizeof *reasons);
		for (k = 0; k < r->nreasons; k++)
			reasons[k] = redact(x, r->reasons[k], ADDRESSES | CLIENTS | PATHS);
		r->reasons = reasons;
	}
}

void
report_redact_row(struct query_row *m, struct arena *a, const uint64_t secret[2])
{
	struct redactor x = { a, secret };

	m->account = redact_name(&x, m->account, m->account_kind);
	m->sender = redact_name(&x, m->sender, NULL);
	m->client = redact(&x, m->client, CLIENTS);
	m->client_name = m->helo = NULL;
	m->local_user = redact_name(&x, m->local_user, NULL);
	m->script = redact(&x, m->script, PATHS | ADDRESSES);
	m->from = redact(&x, m->from, ADDRESSES);
	m->subject = redact(&x, m->subject, ADDRESSES | CLIENTS);
	m->message_id = redact(&x, m->message_id, ADDRESSES);
	m->reason = redact(&x, m->reason, ADDRESSES);
	m->damage = redact(&x, m->damage, ADDRESSES);
	m->notes = redact(&x, m->notes, ADDRESSES);
}

static void
redact_plans(const struct redactor *x, struct report *r)
{
	size_t i, k;

	for (i = 0; i < r->nplans; i++) {
		r->plan[i].plan.who = left_out(r->plan[i].plan.who);
		r->plan[i].plan.selection = left_out(r->plan[i].plan.selection);
		for (k = 0; k < r->plan[i].narchives; k++)
			r->plan[i].archive[k].path = redact(x, r->plan[i].archive[k].path, PATHS);
	}
	for (i = 0; i < r->nrestores; i++) {
		r->restore[i].run.who = left_out(r->restore[i].run.who);
		r->restore[i].run.selection = left_out(r->restore[i].run.selection);
		r->restore[i].run.archive = redact(x, r->restore[i].run.archive, PATHS);
	}
}

void
report_redact(struct report *r, const uint64_t secret[2])
{
	struct redactor x = { &r->arena, secret };
	size_t i, k;
	int by;

	r->selection = left_out(r->selection);
	for (by = 0; by < RANK_COUNT; by++)
		redact_table(&x, &r->table[by], (enum rank_by)by);
	for (i = 0; i < r->timeline.nseries; i++)
		if (r->timeline.series[i].row != NULL)
			r->timeline.series[i].key = r->timeline.series[i].row->key;
	for (i = 0; i < r->nreplies; i++)
		r->reply[i].text = redact(&x, r->reply[i].text, ADDRESSES);
	for (i = 0; i < r->nsamples; i++) {
		report_redact_row(&r->sample[i].row, &r->arena, secret);
		for (k = 0; k < r->sample[i].nrecipients; k++)
			r->sample[i].recipient[k].address = redact_name(&x, r->sample[i].recipient[k].address, NULL);
	}
	for (i = 0; i < r->evidence->n; i++)
		r->evidence->row[i].url = redact(&x, r->evidence->row[i].url, ADDRESSES);
	redact_plans(&x, r);
}
