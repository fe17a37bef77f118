/* The result of a check: the line that monitoring systems read, long output, rows of JSON and CSV. */
#include <inttypes.h>
#include <string.h>

#include "cmd/check_run.h"
#include "index/rank.h"

#define LINE_MAX_ ((size_t)64 * 1024)
#define SENTENCES 4		/* in the line */

void
check_each(const struct check_run *r, void (*fn)(void *arg, const struct check_spool *sp, const struct check_result *one,
    const struct check_facts *f), void *arg)
{
	size_t i;
	int id;

	for (i = 0; i < r->n; i++)
		for (id = 0; id < CHECK_COUNT; id++)
			if (id != CHECK_INDEX)
				fn(arg, &r->v[i], &r->v[i].result[id], &r->v[i].facts);
	fn(arg, NULL, &r->index, &r->index_facts);
}

double
check_rounded(const struct check_result *r)
{
	double step = r->id == CHECK_GROWTH || check_info[r->id].unit == RANGE_PERCENT ? 10 : 1;

	return (double)(int64_t)(r->fact.v * step + (step > 1 ? 0.5 : 0)) / step;
}

/* ---- the line ---- */

/* Made inert; "|" would begin performance data, the others are markup or a shell's to careless readers (Nagios: illegal_macro_output_chars). */
static void
put_safe(struct buf *b, const char *s)
{
	struct buf clean;
	const char *p;

	buf_init(&clean, LINE_MAX_);
	text_inert(&clean, s, strlen(s));
	for (p = buf_cstr(&clean); *p != '\0'; p++)
		buf_byte(b, strchr("|<>$&`\\", *p) != NULL ? '_' : *p);
	buf_free(&clean);
}

struct summary {
	struct buf b;
	struct buf last;		/* the sentence before: one reason is said once */
	const struct check_run *r;
	enum check_state want;
	int many;			/* spools are named */
	size_t said, all, most;
};

static void
add_sentence(void *arg, const struct check_spool *sp, const struct check_result *one, const struct check_facts *f)
{
	struct summary *s = arg;
	struct buf text;

	if (one->state != s->want)
		return;
	buf_init(&text, LINE_MAX_);
	if (s->many && sp != NULL)
		buf_fmt(&text, "%s: ", sp->label);
	if (one->state == CHECK_UNKNOWN && one->fact.how != FACT_KNOWN && one->fact.why != NULL)
		buf_puts(&text, one->fact.why);
	else
		check_text(&text, one, f);
	if (strcmp(buf_cstr(&text), buf_cstr(&s->last)) != 0) {
		if (s->said < s->most) {
			buf_puts(&s->b, s->said > 0 ? "; " : "");
			put_safe(&s->b, buf_cstr(&text));
			s->said++;
		}
		s->all++;
		buf_clear(&s->last);
		buf_puts(&s->last, buf_cstr(&text));
	}
	buf_free(&text);
}

/* The most telling first: who, then how much. */
static const enum check_id telling[] = {
	CHECK_ACCOUNT_MESSAGES, CHECK_MESSAGES, CHECK_MTA, CHECK_DISK_FREE, CHECK_INODES_FREE, CHECK_GROWTH, CHECK_BLOCKLISTED,
	CHECK_ACCOUNT_RATE, CHECK_CLIENTS, CHECK_ACCOUNT_SHARE, CHECK_NEW_ACCOUNTS, CHECK_FROZEN, CHECK_OLDEST, CHECK_DEFERRED,
	CHECK_DAMAGED, CHECK_UNFINISHED, CHECK_SCAN_AGE
};

static void
worst(struct summary *s)
{
	size_t i, k;

	if (s->want != CHECK_UNKNOWN)
		add_sentence(s, NULL, &s->r->index, &s->r->index_facts);
	for (k = 0; k < sizeof telling / sizeof telling[0]; k++)
		for (i = 0; i < s->r->n; i++)
			add_sentence(s, &s->r->v[i], &s->r->v[i].result[telling[k]], &s->r->v[i].facts);
	if (s->want == CHECK_UNKNOWN)
		add_sentence(s, NULL, &s->r->index, &s->r->index_facts);
	s->most += 2;
	s->want = CHECK_UNKNOWN;	/* a spool of which nothing is known is named beside whatever is critical elsewhere */
	for (i = 0; s->r->state == CHECK_CRITICAL && i < s->r->n; i++)
		if (s->r->v[i].result[CHECK_MESSAGES].fact.how == FACT_UNKNOWN)
			add_sentence(s, &s->r->v[i], &s->r->v[i].result[CHECK_MESSAGES], &s->r->v[i].facts);
	if (s->all > s->said)
		buf_fmt(&s->b, "; and %zu more", s->all - s->said);
}

static void
all_well(struct summary *s)
{
	static const enum check_id told[] = { CHECK_MESSAGES, CHECK_OLDEST, CHECK_ACCOUNT_MESSAGES };
	const struct check_result *one;
	struct buf text;
	size_t i, k;

	buf_init(&text, LINE_MAX_);
	for (i = 0; i < s->r->n; i++) {
		if (s->many)
			buf_fmt(&text, "%s%s: ", i > 0 ? "; " : "", s->r->v[i].label);
		for (k = 0; k < sizeof told / sizeof told[0]; k++) {
			one = &s->r->v[i].result[told[k]];
			if (one->fact.how != FACT_KNOWN || (k > 0 && s->r->v[i].result[CHECK_MESSAGES].fact.v < 1) ||
			    (told[k] == CHECK_ACCOUNT_MESSAGES && one->account == NULL))
				continue;
			buf_puts(&text, k > 0 ? ", " : "");
			check_text(&text, one, &s->r->v[i].facts);
		}
	}
	put_safe(&s->b, buf_cstr(&text));
	buf_free(&text);
}

/* ---- performance data ---- */

/* A label in quotes: a quote in it is doubled, "=" may not stand in it. */
static void
put_label(struct buf *b, const char *label, const char *check)
{
	struct buf clean;
	const char *p;

	buf_init(&clean, LINE_MAX_);
	put_safe(&clean, label);
	buf_byte(b, '\'');
	for (p = buf_cstr(&clean); *p != '\0'; p++) {
		if (*p == '\'')
			buf_byte(b, '\'');
		buf_byte(b, *p == '=' ? '_' : *p);
	}
	buf_fmt(b, "%s%s'=", *label != '\0' ? "_" : "", check);
	buf_free(&clean);
}

static void
put_perf(void *arg, const struct check_spool *sp, const struct check_result *one, const struct check_facts *f)
{
	const struct check_info *info = &check_info[one->id];
	struct buf *b = arg;

	(void)f;
	buf_byte(b, ' ');
	put_label(b, sp != NULL ? sp->label : "", info->name);
	if (one->fact.how == FACT_KNOWN)
		buf_fmt(b, "%.15g%s", check_rounded(one), range_uom(info->unit));
	else
		buf_byte(b, 'U');
	buf_byte(b, ';');
	range_text(b, &one->warning);
	buf_byte(b, ';');
	range_text(b, &one->critical);
	buf_puts(b, info->unit == RANGE_PERCENT || one->id == CHECK_MTA ? one->id == CHECK_MTA ? ";0;1" : ";0;100" : ";0");
}

/* ---- long output ---- */

static void
put_long(void *arg, const struct check_spool *sp, const struct check_result *one, const struct check_facts *f)
{
	struct buf *b = arg, text;

	buf_init(&text, LINE_MAX_);
	if (sp != NULL)
		buf_fmt(&text, "%s: ", sp->label);
	if (one->fact.how == FACT_NONE && one->fact.why != NULL)	/* its name stands before it already */
		buf_puts(&text, one->fact.why);
	else
		check_text(&text, one, f);
	buf_fmt(b, "[%s] %s: ", check_state_name(one->state), check_info[one->id].name);
	put_safe(b, buf_cstr(&text));
	if (one->warning.is_on || one->critical.is_on) {
		buf_puts(b, " [warning ");
		range_words(b, &one->warning, check_info[one->id].unit);
		buf_puts(b, one->warning.is_on ? "" : "off");
		buf_puts(b, ", critical ");
		range_words(b, &one->critical, check_info[one->id].unit);
		buf_puts(b, one->critical.is_on ? "]" : "off]");
	}
	buf_byte(b, '\n');
	buf_free(&text);
}

static void
put_accounts(struct buf *b, const struct check_spool *sp)
{
	const struct check_account *a;
	struct arena arena = { 0 };
	struct buf text;
	size_t i;

	buf_init(&text, LINE_MAX_);
	if (sp->facts.taken_over > 0)
		buf_fmt(b, "%s message%s of these %s read by earlier checks\n", rank_number(&arena, sp->facts.taken_over),
		    rank_plural(sp->facts.taken_over), sp->facts.taken_over == 1 ? "was" : "were");
	for (i = 0; i < sp->facts.naccounts; i++) {
		a = &sp->facts.account[i];
		if (i >= 5 && !a->is_known)
			continue;
		buf_clear(&text);
		buf_fmt(&text, "%s: %s:%.200s has %s message%s", sp->label, a->kind, a->name, rank_number(&arena, a->messages),
		    rank_plural(a->messages));
		if (a->usual >= 0)
			buf_fmt(&text, ", usually %s", rank_number(&arena, a->usual));
		buf_puts(b, a->is_known ? "known account, left out: " : "account: ");
		put_safe(b, buf_cstr(&text));
		buf_byte(b, '\n');
	}
	buf_free(&text);
	arena_free(&arena);
}

void
check_summary(struct buf *b, const struct check_run *r)
{
	struct summary s;
	size_t i;

	memset(&s, 0, sizeof s);
	s.r = r;
	s.want = r->state;
	s.many = r->n > 1;
	s.most = SENTENCES;
	buf_init(&s.b, LINE_MAX_);
	buf_init(&s.last, LINE_MAX_);
	if (r->no_spool != NULL) {
		put_safe(&s.b, r->no_spool);
		s.said = s.all = 1;
	}
	if (r->state == CHECK_OK)
		all_well(&s);
	else
		worst(&s);
	for (i = 0; i < r->n; i++)
		if (r->v[i].facts.holder != 0 && (i == 0 || r->v[i].facts.holder != r->v[i - 1].facts.holder))
			buf_fmt(&s.b, "; a purge, hold or release is in progress (process %" PRId64 ")", r->v[i].facts.holder);
	for (i = 0; i < r->n; i++)
		if (r->v[i].facts.note != NULL) {
			buf_puts(&s.b, "; ");
			put_safe(&s.b, r->v[i].facts.note);
		}
	if (r->trouble != NULL) {
		if (s.b.n != 0)
			buf_puts(&s.b, "; ");
		put_safe(&s.b, r->trouble);
	}
	buf_puts(b, buf_cstr(&s.b));
	buf_free(&s.b);
	buf_free(&s.last);
}

void
check_out_plugin(struct out *o, const struct check_run *r)
{
	struct buf b;
	size_t i;

	buf_init(&b, SIZE_MAX / 4);
	buf_fmt(&b, "SPOOL %s - ", check_state_name(r->state));
	check_summary(&b, r);
	buf_puts(&b, " |");
	check_each(r, put_perf, &b);
	buf_byte(&b, '\n');
	if (r->c->verbose) {
		check_each(r, put_long, &b);
		for (i = 0; i < r->n; i++)
			put_accounts(&b, &r->v[i]);
	}
	out_raw(o, buf_cstr(&b));
	buf_free(&b);
}

/* ---- rows ---- */

static const char *const keys[] = {
	"spool", "kind", "check", "state", "value", "at_least", "unit", "warning", "critical", "account", "account_kind", "usual", "text", "known"
};
static const char *const known_keys[] = { "account", "account_kind", "messages", NULL };

static void
put_range(struct out *o, const struct range *r)
{
	struct buf b;

	buf_init(&b, 200);
	range_text(&b, r);
	out_text(o, r->is_on ? buf_cstr(&b) : NULL);
	buf_free(&b);
}

static void
put_value(struct out *o, const struct check_result *r, enum fact_how how)
{
	if (r->fact.how != how)
		out_text(o, NULL);
	else if (r->id == CHECK_GROWTH || check_info[r->id].unit == RANGE_PERCENT)
		out_real(o, r->fact.v, 1);
	else
		out_int(o, (int64_t)r->fact.v);
}

static void
put_known(struct out *o, const struct check_result *r, const struct check_facts *f)
{
	size_t i;

	if (r->id != CHECK_ACCOUNT_MESSAGES) {
		out_text(o, NULL);
		return;
	}
	out_list(o);
	for (i = 0; i < f->naccounts; i++) {
		if (!f->account[i].is_known)
			continue;
		out_group(o, known_keys);
		out_text(o, f->account[i].name);
		out_text(o, f->account[i].kind);
		out_int(o, f->account[i].messages);
		out_group_end(o);
	}
	out_list_end(o);
}

static void
put_row(void *arg, const struct check_spool *sp, const struct check_result *one, const struct check_facts *f)
{
	struct out *o = arg;
	struct buf text;

	buf_init(&text, LINE_MAX_);
	check_text(&text, one, f);
	out_text(o, sp != NULL ? f->root : NULL);
	out_text(o, f->kind);
	out_text(o, check_info[one->id].name);
	out_text(o, check_state_name(one->state));
	put_value(o, one, FACT_KNOWN);
	put_value(o, one, FACT_AT_LEAST);
	out_text(o, range_uom(check_info[one->id].unit));
	put_range(o, &one->warning);
	put_range(o, &one->critical);
	out_text(o, one->account != NULL ? one->account->name : NULL);
	out_text(o, one->account != NULL ? one->account->kind : NULL);
	out_count(o, one->account != NULL ? one->account->usual : -1);
	out_text(o, buf_cstr(&text));
	put_known(o, one, f);
	out_row(o);
	buf_free(&text);
}

void
check_out_rows(struct out *o, const struct check_run *r)
{
	out_keys(o, keys, sizeof keys / sizeof keys[0]);
	check_each(r, put_row, o);
}

/* ---- --list ---- */

void
check_out_list(struct context *c)
{
	static const char *const list_keys[] = { "check", "unit", "warning", "critical", "from", "meaning" };
	const struct check_info *i;

	if (c->format != OUT_TABLE)
		out_keys(&c->out, list_keys, sizeof list_keys / sizeof list_keys[0]);
	else
		out_raw(&c->out, "CHECK             WARNING  CRITICAL  MEANING\n");
	for (i = check_info; i < check_info + CHECK_COUNT; i++) {
		if (c->format == OUT_TABLE) {
			buf_fmt(&c->out.b, "%-16s  %-7s  %-8s  %s", i->name, i->warning[0] != '\0' ? i->warning : "off",
			    i->critical[0] != '\0' ? i->critical : "off", i->meaning);
			if (i->from > 0)
				buf_fmt(&c->out.b, "; from %" PRId64 " messages on", i->from);
			buf_byte(&c->out.b, '\n');
			continue;
		}
		out_text(&c->out, i->name);
		out_text(&c->out, range_uom(i->unit));
		out_text(&c->out, i->warning[0] != '\0' ? i->warning : NULL);
		out_text(&c->out, i->critical[0] != '\0' ? i->critical : NULL);
		out_int(&c->out, i->from);
		out_text(&c->out, i->meaning);
		out_row(&c->out);
	}
}
