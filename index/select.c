#include "index/select.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "index/select_in.h"
#include "spool/addr.h"
#include "spool/spool.h"
#include "spool/sys.h"

#define SECOND INT64_C(1000000)
#define IDS_SHOWN 20		/* more ids than this are told as "--id -" */

const struct select_info select_info[SEL_COUNT] = {
	[SEL_ACCOUNT] = { "account", "NAME", "messages of this account" },
	[SEL_DOMAIN] = { "domain", "DOMAIN", "messages of the accounts in this domain" },
	[SEL_SENDER] = { "sender", "ADDRESS", "envelope sender; <> is the null sender" },
	[SEL_SENDER_DOMAIN] = { "sender-domain", "DOMAIN", "domain of the envelope sender" },
	[SEL_RECIPIENT] = { "recipient", "ADDRESS", "a recipient, pending or done" },
	[SEL_RECIPIENT_DOMAIN] = { "recipient-domain", "DOMAIN", "domain of a recipient" },
	[SEL_CLIENT] = { "client", "ADDR[/LEN]", "address or network that handed it in by SMTP" },
	[SEL_SUBJECT] = { "subject", "TEXT", "subject as a reader sees it" },
	[SEL_SCRIPT] = { "script", "NAME", "script named in the header" },
	[SEL_QUEUE] = { "queue", "QUEUE", "queue or folder; '' is Exim's default queue" },
	[SEL_SPOOL] = { "spool", "[KIND:]DIR", "messages of this spool" },
	[SEL_KIND] = { "kind", "KIND", "postfix exim smartermail, or auth local client sender bounce" },
	[SEL_NULL_SENDER] = { "null-sender", NULL, "messages with the null sender" },
	[SEL_FROZEN] = { "frozen", NULL, "frozen messages" },
	[SEL_DAMAGED] = { "damaged", NULL, "messages with damage" },
	[SEL_OLDER] = { "older", "AGE", "arrived longer ago than AGE (90s 45m 36h 2d 1w)" },
	[SEL_YOUNGER] = { "younger", "AGE", "arrived within AGE" },
	[SEL_SINCE] = { "since", "TIME", "arrived at TIME or later" },
	[SEL_UNTIL] = { "until", "TIME", "arrived at TIME or before" },
	[SEL_LARGER] = { "larger", "SIZE", "larger than SIZE (300 10k 5MiB)" },
	[SEL_SMALLER] = { "smaller", "SIZE", "smaller than SIZE" },
	[SEL_ID] = { "id", "ID|-", "queue id; - reads ids from standard input" },
	[SEL_CONTAINS] = { "contains", "BYTES", "bytes in its files, in the message as read, or in its decoded parts" },
	[SEL_URL] = { "url", "HOST", "host of a URL in its body (after scan --contents)" },
	[SEL_ATTACHMENT] = { "attachment", "TYPE|NAME", "attachment by its name, its type as told or as found (after scan --contents)" },
	[SEL_CAMPAIGN] = { "campaign", "ID", "messages of this campaign, see rank --by campaign (after scan --contents)" },
	[SEL_WHERE] = { "where", "SQL", "an expression over v_message" },
	[SEL_ALL] = { "all", NULL, "every message" },
};

/* ---- times, ages, sizes ---- */

/* Digits at *s as a number up to max; *s goes behind them. 0, or -1 when there is none or it is larger. */
static int
digits(int64_t *out, const char **s, int64_t max)
{
	const char *p = *s;
	int64_t v = 0;

	if (*p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (v > (max - (*p - '0')) / 10)
			return -1;
		v = v * 10 + (*p - '0');
	}
	*out = v;
	*s = p;
	return 0;
}

int
select_age(int64_t *seconds, const char *s)
{
	static const struct { char unit; int64_t seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 7 * 86400 }
	};
	int64_t v;
	size_t i;

	/* 10,000 years keep every sum with a time in microseconds within 64 bits. */
	if (digits(&v, &s, INT64_C(315576000000)) < 0)
		return -1;
	for (i = 0; i < sizeof units / sizeof units[0] && *s != '\0'; i++) {
		if (*s != units[i].unit)
			continue;
		if (s[1] != '\0' || v > INT64_C(315576000000) / units[i].seconds)
			return -1;
		v *= units[i].seconds;
		s++;
	}
	if (*s != '\0')
		return -1;
	*seconds = v;
	return 0;
}

/* As GNU tools have it: k, K and KiB are 1024, kB is 1000. */
int
select_size(int64_t *bytes, const char *s)
{
	static const char letters[] = "kmgt";
	const char *at = NULL;
	int64_t v, unit = 1, step = 1024;

	if (digits(&v, &s, INT64_MAX) < 0)
		return -1;
	if (*s != '\0')
		at = strchr(letters, *s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
	if (at != NULL) {
		s++;
		if (s[0] == 'i' && s[1] == 'B')
			s += 2;
		else if (s[0] == 'B')
			step = 1000, s++;
		for (; at >= letters; at--)
			unit *= step;
	} else if (*s == 'B') {
		s++;
	}
	if (*s != '\0' || v > INT64_MAX / unit)
		return -1;
	*bytes = v * unit;
	return 0;
}

/* Exactly n digits within [min, max]. */
static int
fixed(int *out, const char **s, int n, int min, int max)
{
	int i, v = 0;

	for (i = 0; i < n; i++) {
		if ((*s)[i] < '0' || (*s)[i] > '9')
			return -1;
		v = v * 10 + ((*s)[i] - '0');
	}
	*s += n;
	*out = v;
	return v >= min && v <= max ? 0 : -1;
}

static int
is_leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t
days_of(int y, int m, int d)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t z = y - 1;

	return 365 * z + z / 4 - z / 100 + z / 400 - 719162 + before[m - 1] + (m > 2 && is_leap(y)) + d - 1;
}

static int
date_of(int64_t *sec, const char **s)
{
	static const int length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int y, m, d;

	if (fixed(&y, s, 4, 1, 9999) < 0 || *(*s)++ != '-' || fixed(&m, s, 2, 1, 12) < 0 || *(*s)++ != '-' ||
	    fixed(&d, s, 2, 1, 31) < 0)
		return -1;
	if (d > length[m - 1] + (m == 2 && is_leap(y)))
		return -1;
	*sec = days_of(y, m, d) * 86400;
	return 0;
}

/* ".5" and longer: microseconds, what is finer is dropped. */
static void
fraction_of(int64_t *us, const char **s)
{
	int64_t unit = SECOND / 10;

	*us = 0;
	if ((*s)[0] != '.' || (*s)[1] < '0' || (*s)[1] > '9')
		return;
	for ((*s)++; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
		*us += unit * (**s - '0');
}

static int
clock_of(int64_t *us, const char **s)
{
	int h, m, sec = 0;
	int64_t part = 0;

	if (fixed(&h, s, 2, 0, 23) < 0 || *(*s)++ != ':' || fixed(&m, s, 2, 0, 59) < 0)
		return -1;
	if (**s == ':') {
		(*s)++;
		if (fixed(&sec, s, 2, 0, 60) < 0)
			return -1;
		fraction_of(&part, s);
	}
	*us = (h * INT64_C(3600) + m * INT64_C(60) + sec) * SECOND + part;
	return 0;
}

static int
offset_of(int64_t *us, const char **s)
{
	int h, m, sign;

	*us = 0;
	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		return 0;
	}
	if (**s != '+' && **s != '-')
		return 0;
	sign = *(*s)++ == '-' ? -1 : 1;
	if (fixed(&h, s, 2, 0, 23) < 0 || *(*s)++ != ':' || fixed(&m, s, 2, 0, 59) < 0)
		return -1;
	*us = sign * (h * INT64_C(3600) + m * INT64_C(60)) * SECOND;
	return 0;
}

int
select_time(int64_t *us, const char *s)
{
	int64_t sec, part = 0, offset = 0;

	if (*s == '@') {
		s++;
		if (digits(&sec, &s, INT64_C(253402300799)) < 0)
			return -1;
		fraction_of(&part, &s);
	} else {
		if (date_of(&sec, &s) < 0)
			return -1;
		if (*s == 'T' || *s == 't' || *s == ' ') {
			s++;
			if (clock_of(&part, &s) < 0 || offset_of(&offset, &s) < 0)
				return -1;
		}
	}
	if (*s != '\0')
		return -1;
	*us = sec * SECOND + part - offset;
	return 0;
}

/* ---- the selection ---- */

static char *
copy(const char *s, size_t n)
{
	char *p = mem_new(n + 1);

	if (n != 0)
		memcpy(p, s, n);
	return p;
}

struct selection *
selection_new(void)
{
	struct selection *s = mem_new(sizeof *s);

	s->refs = 1;
	s->now = sys_now_us();
	s->matcher = matcher_new();
	return s;
}

void
selection_unref(struct selection *s)
{
	size_t i;

	if (s == NULL || --s->refs > 0)
		return;
	for (i = 0; i < s->n; i++) {
		free(s->v[i].value);
		free(s->v[i].kind);
		free(s->v[i].root);
		pattern_free(&s->v[i].pattern);
	}
	for (i = 0; i < s->nids; i++)
		free(s->ids[i]);
	for (i = 0; i < SEL_COUNT; i++)
		free(s->memo[i].id);
	matcher_free(s->matcher);
	free(s->where.v);
	free(s->ids);
	free(s->v);
	free(s);
}

void
selection_free(struct selection *s)
{
	selection_unref(s);
}

int
selector_form(enum select_key key)
{
	switch (key) {
	case SEL_ACCOUNT: case SEL_SENDER: case SEL_RECIPIENT:
		return FORM_ADDRESS;
	case SEL_DOMAIN: case SEL_SENDER_DOMAIN: case SEL_RECIPIENT_DOMAIN: case SEL_URL:
		return FORM_DOMAIN;
	case SEL_SUBJECT: case SEL_SCRIPT: case SEL_QUEUE: case SEL_SPOOL: case SEL_NULL_SENDER: case SEL_ATTACHMENT: case SEL_CAMPAIGN:
		return FORM_TEXT;
	default:
		return -1;
	}
}

static int
bad(struct err *e, enum select_key key, const char *value, const char *want)
{
	return err_set(e, 0, "--%s %s: %s", select_info[key].name, value, want);
}

static int
number_of(struct item *it, struct err *e)
{
	switch (it->key) {
	case SEL_OLDER: case SEL_YOUNGER:
		if (select_age(&it->number, it->value) < 0)
			return bad(e, it->key, it->value, "not an age such as 300, 90m, 36h, 2d or 1w");
		return 0;
	case SEL_SINCE: case SEL_UNTIL:
		if (select_time(&it->number, it->value) < 0)
			return bad(e, it->key, it->value,
			    "not a time such as 2026-11-20, \"2026-11-20 18:00\" (UTC), 2026-11-20T18:00:00+01:00 or @1795197600");
		return 0;
	case SEL_LARGER: case SEL_SMALLER:
		if (select_size(&it->number, it->value) < 0)
			return bad(e, it->key, it->value, "not a size such as 300, 10k or 5MiB");
		return 0;
	default:
		return 0;
	}
}

static int
is_account_kind(const char *word)
{
	int k;

	for (k = ACCOUNT_NONE + 1; k <= ACCOUNT_BOUNCE; k++)
		if (strcmp(account_kind_name((enum account_kind)k), word) == 0)
			return 1;
	return 0;
}

/* --spool: "KIND:DIR" or "DIR"; an existing folder by its true path, one that is gone by the text that the index has. */
static void
spool_of(struct item *it)
{
	const char *colon = strchr(it->value, ':'), *dir = it->value;
	struct err ignored;
	size_t n;

	if (it->pattern.type != PATTERN_EXACT)
		return;
	if (colon != NULL) {
		it->kind = copy(it->value, (size_t)(colon - it->value));
		if (spool_driver_named(it->kind) != NULL) {
			dir = colon + 1;
		} else {
			free(it->kind);
			it->kind = NULL;
		}
	}
	it->root = sys_realpath(dir, &ignored);
	if (it->root != NULL)
		return;
	for (n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		;
	it->root = copy(dir, n);
}

static int
check_item(struct item *it, struct err *e)
{
	char *v = it->value, *p;
	int form = selector_form(it->key);

	for (p = v; it->key == SEL_KIND && *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	if (form >= 0 && pattern_make(&it->pattern, v, (enum text_form)form, e) < 0)
		return err_wrap(e, "--%s", select_info[it->key].name);
	if (it->key == SEL_SPOOL)
		spool_of(it);
	if (it->key == SEL_KIND && spool_driver_named(v) == NULL && !is_account_kind(v))
		return bad(e, it->key, v, "no such kind: postfix exim smartermail, or auth local client sender bounce");
	if (it->key == SEL_CLIENT && addr_ip_in("192.0.2.1", v) < 0)
		return bad(e, it->key, v, "not an address or ADDRESS/LENGTH");
	if (it->key == SEL_CONTAINS && *v == '\0')
		return bad(e, it->key, v, "empty: every file would match");
	if (it->key == SEL_WHERE && where_check(v, e) < 0)
		return err_wrap(e, "--where");
	return number_of(it, e);
}

static void
add_id(struct selection *s, const char *id, size_t n)
{
	if (s->nids == s->ids_cap) {
		s->ids_cap = s->ids_cap != 0 ? s->ids_cap * 2 : 16;
		s->ids = mem_grow(s->ids, s->ids_cap * sizeof *s->ids);
	}
	s->ids[s->nids++] = copy(id, n);
	s->ids_sorted = 0;
}

static void
push(struct selection *s, const struct item *it)
{
	if (s->n == s->cap) {
		s->cap = s->cap != 0 ? s->cap * 2 : 8;
		s->v = mem_grow(s->v, s->cap * sizeof *s->v);
	}
	s->v[s->n++] = *it;
}

int
selection_add(struct selection *s, enum select_key key, const char *value, struct err *e)
{
	struct item it = { 0 };
	const char *v = value != NULL && select_info[key].arg != NULL ? value : "";
	size_t n = strlen(v);

	if (key == SEL_ID) {
		if (n == 0)
			return bad(e, key, v, "an empty id");
		add_id(s, v, n);
		return 0;
	}
	/* <user@host> is how logs show an address; the account "<>" keeps its name. */
	if ((key == SEL_SENDER || key == SEL_RECIPIENT) && n >= 2 && v[0] == '<' && v[n - 1] == '>')
		it.value = copy(v + 1, n - 2);
	else
		it.value = copy(v, n);
	it.key = key;
	if (check_item(&it, e) < 0) {
		free(it.value);
		free(it.kind);
		free(it.root);
		pattern_free(&it.pattern);
		return -1;
	}
	push(s, &it);
	return 0;
}

int
selection_add_ids(struct selection *s, const char *text, size_t n, struct err *e)
{
	const char *end = text + n, *p, *lf;

	for (p = text; p < end; p = lf + 1) {
		size_t len;

		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL)
			lf = end;
		len = (size_t)(lf - p);
		if (len > 0 && p[len - 1] == '\r')
			len--;
		if (memchr(p, '\0', len) != NULL)
			return err_set(e, 0, "--id -: a NUL byte where queue ids are expected, one a line");
		if (len > 0)
			add_id(s, p, len);
	}
	/* An empty list selects nothing: it must not become "no selector", which selects all. */
	s->ids_from_text = 1;
	return 0;
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
selection_sort_ids(struct selection *s)
{
	size_t i, n = 0;

	if (s->ids_sorted)
		return;
	if (s->nids != 0)
		qsort(s->ids, s->nids, sizeof *s->ids, compare_ids);
	for (i = 0; i < s->nids; i++) {
		if (n > 0 && strcmp(s->ids[n - 1], s->ids[i]) == 0)
			free(s->ids[i]);
		else
			s->ids[n++] = s->ids[i];
	}
	s->nids = n;
	s->ids_sorted = 1;
}

int
selection_has(const struct selection *s, enum select_key key)
{
	size_t i;

	if (key == SEL_ID)
		return s->nids != 0 || s->ids_from_text;
	for (i = 0; i < s->n; i++)
		if (s->v[i].key == key)
			return 1;
	return 0;
}

int
selection_is_empty(const struct selection *s)
{
	return s->n == 0 && !selection_has(s, SEL_ID);
}

size_t
selection_contains(const struct selection *s, size_t i, const void **p)
{
	size_t k;

	for (k = 0; k < s->n; k++) {
		if (s->v[k].key != SEL_CONTAINS || i-- > 0)
			continue;
		*p = s->v[k].value;
		return strlen(s->v[k].value);
	}
	return 0;
}

const char *
selection_value(const struct selection *s, enum select_key key, size_t i)
{
	size_t k;

	for (k = 0; k < s->n; k++)
		if (s->v[k].key == key && i-- == 0)
			return s->v[k].value;
	return NULL;
}

static void
quote(struct buf *out, const char *v)
{
	char *text = sys_quote(v);

	buf_puts(out, text);
	free(text);
}

void
selection_text(struct buf *out, const struct selection *s)
{
	const char *value;
	size_t i;

	for (i = 0; i < s->n; i++) {
		buf_fmt(out, " --%s", select_info[s->v[i].key].name);
		if (select_info[s->v[i].key].arg == NULL)
			continue;
		value = s->v[i].value;
		buf_byte(out, ' ');
		quote(out, value);
	}
	if (s->ids_from_text || s->nids > IDS_SHOWN) {
		buf_puts(out, " --id -");
		return;
	}
	for (i = 0; i < s->nids; i++) {
		buf_puts(out, " --id ");
		quote(out, s->ids[i]);
	}
}

int
selection_spool_kinds(struct buf *list, const struct selection *s)
{
	size_t i;
	int any = 0;

	for (i = 0; i < s->n; i++) {
		if (s->v[i].key != SEL_KIND)
			continue;
		if (spool_driver_named(s->v[i].value) == NULL)
			return 0;
		buf_fmt(list, "%s'%s'", any ? "," : "", s->v[i].value);
		any = 1;
	}
	return any;
}
