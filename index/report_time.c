/* When messages came, by account; what remote servers answered, like to like. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "index/report_in.h"
#include "spool/msg.h"

#define MINUTE INT64_C(60000000)
#define BUCKETS 60
#define FAR 10		/* one in so many messages may be left out at either end when that halves the time shown: the burst is to be seen */

/* ---- the scale ---- */

static int64_t
nice_width(int64_t span)
{
	static const int minutes[] = {
		1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2 * 1440, 7 * 1440, 14 * 1440, 30 * 1440
	};
	int64_t width = MINUTE;
	size_t i;

	for (i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
		width = minutes[i] * MINUTE;
		if (span / width < BUCKETS - 1)
			return width;
	}
	return (span / (BUCKETS - 1) / (30 * 1440 * MINUTE) + 1) * 30 * 1440 * MINUTE;
}

static int64_t
round_down(int64_t v, int64_t to)
{
	return v - (v % to + to) % to;
}

void
report_scale(struct report_timeline *t, const int64_t *arrived, size_t n)
{
	size_t few = n / FAR, lo = 0, hi = n - 1;

	int round;

	/* twice: what is far away at one end hides what is at the other */
	for (round = 0; round < 2; round++) {
		if (arrived[hi] - arrived[few] < (arrived[hi] - arrived[lo]) / 2)
			lo = few;
		if (arrived[n - 1 - few] - arrived[lo] < (arrived[hi] - arrived[lo]) / 2)
			hi = n - 1 - few;
	}
	t->width = nice_width(arrived[hi] - arrived[lo]);
	t->from = round_down(arrived[lo], t->width);
	t->buckets = (size_t)((arrived[hi] - t->from) / t->width) + 1;
}

/* ---- the series ---- */

static int
compare_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void
add_series(struct report_pass *p, const struct report_row *row)
{
	struct report_timeline *t = &p->out->timeline;
	struct report_series *s = &t->series[t->nseries++];

	memset(s, 0, sizeof *s);
	if (row != NULL) {
		s->key = row->r.key;
		s->kind = row->r.kind;
		s->row = &row->r;
	}
	s->is_rest = row == NULL;
	s->count = arena_zero(&p->out->arena, t->buckets * sizeof *s->count);
}

static int
has_series(const struct report_timeline *t, const struct report_row *row)
{
	size_t i;

	for (i = 0; i < t->nseries; i++)
		if (t->series[i].row == &row->r)
			return 1;
	return 0;
}

/* Suspects first, then who sends most; the last place is for all others. */
static void
choose_series(struct report_pass *p)
{
	struct report_timeline *t = &p->out->timeline;
	const struct report_table *rows = &p->out->table[RANK_ACCOUNT];
	const struct report_row *suspect = NULL;
	size_t i;

	while (t->nseries < REPORT_SERIES - 2 && (suspect = report_suspect(p->out, suspect)) != NULL)
		if (suspect->r.messages > 0)
			add_series(p, suspect);
	for (i = 0; i < rows->n && t->nseries < REPORT_SERIES - 1 && rows->row[i].r.messages > 0; i++)
		if (!has_series(t, &rows->row[i]))
			add_series(p, &rows->row[i]);
	if (rows->n > t->nseries)
		add_series(p, NULL);
}

static struct report_series *
series_of(struct report_pass *p, const struct report_message *m)
{
	struct report_timeline *t = &p->out->timeline;
	struct report_account key = { .id = m->account }, *acc;
	size_t i;

	acc = bsearch(&key, p->account, p->naccounts, sizeof key, compare_time);	/* the number is its first member */
	for (i = 0; i < t->nseries; i++)
		if (t->series[i].is_rest || (acc != NULL && acc->row != NULL && t->series[i].row == &acc->row->r))
			return &t->series[i];
	return NULL;
}

static void
count_one(struct report_pass *p, const struct report_message *m)
{
	struct report_timeline *t = &p->out->timeline;
	struct report_series *s;
	int64_t at = m->arrived - t->from;

	if (at < 0 || at / t->width >= (int64_t)t->buckets) {
		t->before += at < 0;
		t->after += at >= 0;
		return;
	}
	s = series_of(p, m);
	if (s == NULL)
		return;
	s->count[at / t->width]++;
	s->messages++;
}

static int64_t
highest(const struct report_timeline *t)
{
	int64_t sum, most = 0;
	size_t b, i;

	for (b = 0; b < t->buckets; b++) {
		for (sum = 0, i = 0; i < t->nseries; i++)
			sum += t->series[i].count[b];
		most = sum > most ? sum : most;
	}
	return most;
}

/* In the years that a time can be written in (RFC 3339): others are a number in a damaged file. */
static int
has_time(const struct report_message *m)
{
	return m->arrived != MSG_NO_TIME && m->arrived >= INT64_C(-62167219200) * 1000000 && m->arrived < INT64_C(253402300800) * 1000000;
}

void
report_timeline(struct report_pass *p)
{
	int64_t *time = mem_new((p->n + 1) * sizeof *time);
	size_t i, n = 0;

	for (i = 0; i < p->n; i++)
		if (has_time(&p->m[i]))
			time[n++] = p->m[i].arrived;
	p->out->timeless = (int64_t)(p->n - n);
	if (n != 0) {
		qsort(time, n, sizeof *time, compare_time);
		p->out->first = time[0];
		p->out->last = time[n - 1];
		report_scale(&p->out->timeline, time, n);
		choose_series(p);
		for (i = 0; i < p->n; i++)
			if (has_time(&p->m[i]))
				count_one(p, &p->m[i]);
		p->out->timeline.most = highest(&p->out->timeline);
	}
	free(time);
}

/* ---- replies ---- */

/* Is a word the name of one message, connection or recipient? An address, or letters and digits mixed, 10 or more, with no dot (host names and
 * codes have one). */
static int
is_id(const char *s, size_t n)
{
	size_t i, digits = 0, letters = 0;

	if (memchr(s, '@', n) != NULL)
		return 1;
	for (i = 0; i < n; i++) {
		if (s[i] == '.' || s[i] == '/' || s[i] == ':')
			return 0;
		digits += isdigit((unsigned char)s[i]) != 0;
		letters += isalpha((unsigned char)s[i]) != 0;
	}
	return n >= 10 && digits >= 2 && (letters > 0 || n >= 12);
}

const char *
report_reply_key(struct arena *a, const char *text)
{
	static const char between[] = " \t\r\n()<>[]{}\"',;=";
	char *out = arena_get(a, strlen(text) + 1);
	size_t n, k = 0, gap;

	for (; *text != '\0'; text += n) {
		gap = strspn(text, between);
		memcpy(out + k, text, gap);
		k += gap;
		text += gap;
		n = strcspn(text, between);
		if (is_id(text, n)) {
			out[k++] = '*';
		} else {
			memcpy(out + k, text, n);
			k += n;
		}
	}
	out[k] = '\0';
	return out;
}

struct refusal {
	const char *key, *text;
	int64_t id, messages;
};

static int
compare_reply_key(const void *a, const void *b)
{
	const struct refusal *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c != 0 ? c : x->id < y->id ? -1 : x->id > y->id;
}

static int
compare_replies(const void *a, const void *b)
{
	const struct report_reply *x = a, *y = b;

	return x->messages != y->messages ? (x->messages > y->messages ? -1 : 1) : strcmp(x->text, y->text);
}

/* How many messages have each text, by its number. */
static size_t
count_texts(struct refusal *v, struct report_pass *p)
{
	int64_t *id = mem_new((p->n + 1) * sizeof *id);
	size_t i, n = 0, k = 0;

	for (i = 0; i < p->n; i++)
		if (p->m[i].reason != 0)
			id[n++] = p->m[i].reason;
	if (n != 0)
		qsort(id, n, sizeof *id, compare_time);
	for (i = 0; i < n; i++) {
		if (k == 0 || v[k - 1].id != id[i]) {
			memset(&v[k], 0, sizeof v[k]);
			v[k++].id = id[i];
		}
		v[k - 1].messages++;
	}
	p->out->replied = (int64_t)n;
	free(id);
	return k;
}

static int
fetch_texts(struct refusal *v, size_t n, struct report_pass *p, struct err *e)
{
	sqlite3_stmt *st = index_prepare(p->ix, "SELECT text FROM text WHERE id = ?", e);
	size_t i;
	int rc = st != NULL ? 0 : -1;

	for (i = 0; rc >= 0 && i < n; i++) {
		sqlite3_bind_int64(st, 1, v[i].id);
		rc = index_row(p->ix, st, e);
		v[i].text = rc == 1 ? arena_str(&p->out->arena, (const char *)sqlite3_column_text(st, 0)) : "";
		v[i].key = report_reply_key(&p->out->arena, v[i].text);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int
report_replies(struct report_pass *p, struct err *e)
{
	struct refusal *v = mem_new((p->n + 1) * sizeof *v);
	struct replies *classes = replies_new();
	struct report *r = p->out;
	struct report_reply *to = NULL;
	size_t n = count_texts(v, p), i;
	int rc = fetch_texts(v, n, p, e);

	r->reply = arena_zero(&r->arena, (n + 1) * sizeof *r->reply);
	if (rc == 0 && n != 0)
		qsort(v, n, sizeof *v, compare_reply_key);
	for (i = 0; rc == 0 && i < n; i++) {
		if (i == 0 || strcmp(v[i].key, v[i - 1].key) != 0) {
			to = &r->reply[r->nreplies++];
			to->text = v[i].text;
			to->class = reply_class(classes, v[i].text);
		}
		to->messages += v[i].messages;
		to->different++;
	}
	if (r->nreplies != 0)
		qsort(r->reply, r->nreplies, sizeof *r->reply, compare_replies);
	replies_free(classes);
	free(v);
	return rc;
}
