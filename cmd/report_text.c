/* The report for a terminal, a ticket or a mail: plain lines, tables of cmd/table.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/report_out.h"
#include "cmd/table.h"
#include "spool/msg.h"

#define BAR 50

static void
heading(struct out *o, const char *s)
{
	buf_fmt(&o->b, "\n%s\n", s);
}

/* Of a table: none may look like the whole when it is not. */
static void
heading_of(struct out *o, const struct report_view *v, const char *s, enum rank_by by)
{
	buf_fmt(&o->b, "\n%s%s\n", s, v->r->is_partial ? " (of what could be read: a minimum)" :
	    !cmd_is_complete(v->c, v->ix, by, 0) ? " (of bodies that were read: a minimum)" : "");
}

static void
none_if(struct out *o, int is_empty)
{
	if (is_empty)
		out_raw(o, "  none\n");
}

static void
line(struct out *o, const char *before, const char *s)
{
	out_raw(o, before);
	out_plain(o, s);
	out_raw(o, "\n");
}

static const char *
queued(struct arena *a, int64_t n, int is_whole)
{
	return n < 0 ? "unknown" : arena_fmt(a, "%s%s", is_whole ? "" : "at least ", rank_number(a, n));
}

static void
summary(struct out *o, struct report_view *v)
{
	const struct report *r = v->r;
	const char *least = report_least(r);
	struct arena *a = &v->arena;
	size_t i;

	line(o, "", arena_fmt(a, "Mail incident on %s; report of spoolsweep, made %s", r->host, report_time(a, r->made)));
	if (r->selection[0] != '\0')
		line(o, "Only messages selected by ", r->selection);
	out_raw(o, "\n");
	line(o, "", v->verdict);
	for (i = 0; i < v->nwarnings; i++)
		line(o, "WARNING: ", v->warning[i]);
	out_raw(o, "\n");
	line(o, "", arena_fmt(a, "queued now %s, removed by spoolsweep %s, left otherwise %s%s, accounts %s%s, damaged %s%s",
	    queued(a, report_queued(r), !r->is_partial), rank_number(a, r->removed), least, rank_number(a, r->left), least,
	    rank_number(a, (int64_t)r->table[RANK_ACCOUNT].n), least, rank_number(a, r->damaged)));
}

static int64_t
of_bucket(const struct report_timeline *t, size_t b)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < t->nseries; i++)
		sum += t->series[i].count[b];
	return sum;
}

/* A line a bucket; the busiest has BAR characters, any other one at least. # of the first suspect, + of all others. */
static void
timeline(struct out *o, struct report_view *v)
{
	const struct report_timeline *t = &v->r->timeline;
	const int has_suspect = t->nseries != 0 && t->series[0].row != NULL && strcmp(t->series[0].row->verdict, "unlikely") != 0;
	int64_t sum, mine;
	size_t b, i, idle = 0;

	heading_of(o, v, "When (UTC)", RANK_ACCOUNT);
	if (t->buckets == 0) {
		out_raw(o, "  no message has a known time of arrival\n");
		return;
	}
	if (has_suspect)
		line(o, "  # ", arena_fmt(&v->arena, "%s, + all others", report_name(&v->arena, RANK_ACCOUNT, t->series[0].key, t->series[0].kind)));
	for (b = 0; b < t->buckets; b++) {
		sum = of_bucket(t, b);
		idle = sum == 0 ? idle + 1 : 0;
		if (idle > 1 && b + 1 < t->buckets && of_bucket(t, b + 1) == 0) {	/* a long pause is one line */
			out_raw(o, idle == 2 ? "  ...\n" : "");
			continue;
		}
		mine = has_suspect ? t->series[0].count[b] : 0;
		buf_fmt(&o->b, "  %.16s %8" PRId64 " ", report_time(&v->arena, t->from + (int64_t)b * t->width), sum);
		for (i = 0; i < (size_t)((BAR * mine + t->most - 1) / t->most); i++)
			buf_byte(&o->b, '#');
		for (; i < (size_t)((BAR * sum + t->most - 1) / t->most); i++)
			buf_byte(&o->b, '+');
		buf_byte(&o->b, '\n');
	}
}

static void
accounts(struct out *o, struct report_view *v)
{
	static const struct table_column columns[] = {
		{ "MESSAGES", 1, 0, 0 }, { "SHARE", 1, 0, 3 }, { "QUEUED", 1, 0, 0 }, { "REMOVED", 1, 0, 0 }, { "LEFT", 1, 0, 2 },
		{ "PER MIN", 1, 0, 4 }, { "VERDICT", 0, 8, 0 }, { "SCORE", 1, 0, 0 }, { "ACCOUNT", 0, 30, 0 }
	};
	const struct report_table *rows = &v->r->table[RANK_ACCOUNT];
	const struct report_row *row;
	char share[32];
	struct table t;
	size_t i, k;

	heading_of(o, v, v->r->removed > 0 ? "Who: queued and removed (rank counts what is queued now)" : "Who", RANK_ACCOUNT);
	none_if(o, rows->n == 0);
	table_init(&t, o, columns, sizeof columns / sizeof columns[0]);
	for (i = 0; i < report_shown(v, rows->n); i++) {
		row = &rows->row[i];
		snprintf(share, sizeof share, "%.1f%%", row->r.share * 100);
		table_number(&t, row->r.messages);
		table_cell(&t, share);
		table_number(&t, row->queued);
		table_number(&t, row->removed);
		table_number(&t, row->left);
		table_number(&t, row->r.peak_per_minute);
		table_cell(&t, row->r.verdict);
		table_number(&t, row->r.score);
		table_cell(&t, report_name(&v->arena, RANK_ACCOUNT, row->r.key, row->r.kind));
		table_row(&t);
		for (k = 0; strcmp(row->r.verdict, "unlikely") != 0 && k < row->r.nreasons; k++)
			table_note(&t, arena_fmt(&v->arena, "%+d %s", row->r.points[k], row->r.reasons[k]));
	}
	table_end(&t);
}

static void
rows_by(struct out *o, struct report_view *v, enum rank_by by, const char *title)
{
	static const struct table_column columns[] = {
		{ "MESSAGES", 1, 0, 0 }, { "SHARE", 1, 0, 0 }, { "RECIPIENTS", 1, 0, 0 }, { "DEFERRED", 1, 0, 0 }, { "VERDICT", 0, 8, 0 }, { "KEY", 0, 30, 0 }
	};
	const struct report_table *rows = &v->r->table[by];
	const struct rank_row *row;
	char share[32];
	struct table t;
	size_t i;

	heading_of(o, v, title, by);
	none_if(o, rows->n == 0);
	table_init(&t, o, columns, sizeof columns / sizeof columns[0]);
	for (i = 0; i < report_shown(v, rows->n); i++) {
		row = &rows->row[i].r;
		snprintf(share, sizeof share, "%.1f%%", row->share * 100);
		table_number(&t, row->messages);
		table_cell(&t, share);
		table_number(&t, row->recipients);
		table_number(&t, row->deferred);
		table_cell(&t, by == RANK_RECIPIENT_DOMAIN ? "-" : row->verdict);
		table_cell(&t, by == RANK_CAMPAIGN && row->key != NULL && row->subject != NULL ? arena_fmt(&v->arena, "%s: %s", row->key, row->subject) :
		    report_name(&v->arena, by, row->key, row->kind));
		table_row(&t);
	}
	table_end(&t);
}

static void
samples(struct out *o, struct report_view *v)
{
	const struct report_sample *s;
	struct arena *a = &v->arena;
	size_t i;

	for (i = 0; i < v->r->nsamples; i++) {
		s = &v->r->sample[i];
		line(o, i == 0 ? "\nSamples of the suspects' messages\n  " : "  ", arena_fmt(a, "%s  %s  %s", report_time(a, s->row.arrived), s->row.id,
		    s->is_removed ? "removed" : s->row.state));
		line(o, "    subject    ", s->row.subject != NULL ? s->row.subject : "none");
		line(o, "    sender     ", s->row.sender == NULL ? "unknown" : s->row.sender[0] == '\0' ? "<>" : s->row.sender);
		line(o, "    client     ", s->row.client != NULL ? s->row.client : "none");
		line(o, "    recipients ", arena_fmt(a, "%" PRId64 "%s%s", s->all_recipients, s->nrecipients > 0 ? ", the first " : "",
		    s->nrecipients > 0 ? s->recipient[0].address : ""));
		if (s->row.reason != NULL)
			line(o, "    reply      ", s->row.reason);
	}
}

static void
evidence(struct out *o, struct report_view *v)
{
	static const struct table_column columns[] = {
		{ "MESSAGES", 1, 0, 0 }, { "SAYS", 0, 10, 0 }, { "LIST", 0, 10, 0 }, { "LAST (UTC)", 0, 19, 1 }, { "WHERE TO ASK", 0, 20, 0 }
	};
	const struct evidence *ev = v->r->evidence;
	struct table t;
	size_t i;

	heading_of(o, v, "What is said of this server", RANK_ACCOUNT);
	table_init(&t, o, columns, sizeof columns / sizeof columns[0]);
	for (i = 0; i < ev->n && ev->row[i].about != ABOUT_NO; i++) {
		table_number(&t, ev->row[i].messages);
		table_cell(&t, reply_category_name[ev->row[i].category]);
		table_cell(&t, ev->row[i].list != NULL ? ev->row[i].list : ev->row[i].operator);
		table_cell(&t, report_time(&v->arena, ev->row[i].last));
		table_cell(&t, ev->row[i].closed != NULL ? "closed: nothing to delist" : ev->row[i].url);
		table_row(&t);
	}
	table_end(&t);
	if (i == 0)
		out_raw(o, v->r->is_partial ? "  nothing in what could be read\n" : "  nothing: no reply blames this server\n");
}

static void
replies(struct out *o, struct report_view *v)
{
	static const struct table_column columns[] = { { "MESSAGES", 1, 0, 0 }, { "ABOUT", 0, 12, 1 }, { "REPLY (ONE OF EACH KIND)", 0, 30, 0 } };
	struct table t;
	size_t i;

	evidence(o, v);
	heading_of(o, v, "What the world answers", RANK_ACCOUNT);
	none_if(o, v->r->nreplies == 0);
	table_init(&t, o, columns, sizeof columns / sizeof columns[0]);
	for (i = 0; i < report_shown(v, v->r->nreplies); i++) {
		table_number(&t, v->r->reply[i].messages);
		table_cell(&t, report_class(v->r->reply[i].class));
		table_cell(&t, v->r->reply[i].text);
		table_row(&t);
	}
	table_end(&t);
}

static void
done(struct out *o, struct report_view *v)
{
	char sha[2 * ARC_SHA256 + 1];
	const struct report_plan *p;
	struct arena *a = &v->arena;
	size_t i, k;

	heading(o, "What was done");
	if (v->r->nplans == 0)
		out_raw(o, "  nothing yet: no plan has touched these messages\n");
	for (i = 0; i < v->r->nplans; i++) {
		p = &v->r->plan[i];
		line(o, "  ", arena_fmt(a, "plan %" PRId64 " (%s, %s) by %s on %s, %s: %s; selection %s", p->plan.id,
		    p->plan.kind == PLAN_PURGE ? "purge" : "hold", plan_state_name(p->plan.kind, p->plan.state), p->plan.who, p->plan.host,
		    report_time(a, p->plan.started), report_fates(a, &p->plan), p->plan.selection));
		line(o, "    proof   ", report_proof(a, p));
		for (k = 0; k < p->narchives; k++) {
			line(o, "    archive ", p->archive[k].path);
			line(o, "    sha256  ", p->archive[k].has_sha ? report_sha(sha, p->archive[k].sha) : "not known");
		}
	}
	for (i = 0; i < v->r->nrestores; i++)
		line(o, "  ", arena_fmt(a, "%" PRId64 " message%s restored from %s, %s", v->r->restore[i].messages,
		    rank_plural(v->r->restore[i].messages), v->r->restore[i].run.archive,
		    report_time(a, v->r->restore[i].run.started)));
}

static void
sentences(struct out *o, const char *name, const char *const *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		line(o, i == 0 ? name : "            ", v[i]);
}

/* For a form or a letter: the lists, then what is the same for all of them. */
static void
delisting(struct out *o, struct report_view *v)
{
	const struct delist *d = &v->delist;
	size_t i;

	if (d->nlists == 0)
		return;
	heading(o, "For those who run the lists");
	for (i = 0; i < d->nlists; i++)
		line(o, "  ", arena_fmt(&v->arena, "%s (%s): %s", d->list[i]->list != NULL ? d->list[i]->list : d->list[i]->operator,
		    d->list[i]->url != NULL ? d->list[i]->url : "no page known", delist_listing(d->list[i], &v->arena)));
	sentences(o, "  cause     ", d->cause, d->ncause);
	sentences(o, "  done      ", d->done, d->ndone);
	sentences(o, "  the queue ", d->proof, d->nproof);
	if (d->state != DELIST_CLEAN)
		out_raw(o, d->state == DELIST_NOT_YET ? "  Do not ask yet: suspicious mail is still queued.\n" :
		    "  Do not ask yet: it is not known that the queue is clean.\n");
}

static void
next(struct out *o, struct report_view *v)
{
	size_t i, k;

	heading(o, "What to do next");
	for (i = 0; i < v->nsteps; i++) {
		line(o, "", arena_fmt(&v->arena, "  %zu. %s: %s", i + 1, v->step[i].title, v->step[i].text));
		for (k = 0; k < v->step[i].ncommands; k++)
			line(o, "       ", v->step[i].command[k]);
	}
}

void
report_text(struct out *o, struct report_view *v)
{
	size_t i;

	summary(o, v);
	timeline(o, v);
	accounts(o, v);
	rows_by(o, v, RANK_SUBJECT, "What: subjects");
	if (report_has_rows(v->r, RANK_CAMPAIGN))
		rows_by(o, v, RANK_CAMPAIGN, "What: campaigns, messages that say the same");
	if (report_has_rows(v->r, RANK_URL))
		rows_by(o, v, RANK_URL, "What: hosts that links lead to");
	samples(o, v);
	rows_by(o, v, RANK_CLIENT, "Where from: clients");
	if (report_has_rows(v->r, RANK_SCRIPT))
		rows_by(o, v, RANK_SCRIPT, "Where from: scripts");
	rows_by(o, v, RANK_RECIPIENT_DOMAIN, "Where to: recipient domains");
	replies(o, v);
	done(o, v);
	next(o, v);
	delisting(o, v);
	heading(o, "About these numbers");
	for (i = 0; i < v->r->nspools; i++)
		line(o, "  ", arena_fmt(&v->arena, "%s:%s: %s queued, %s removed, scanned %s%s", v->r->spool[i].kind, v->r->spool[i].root,
		    queued(&v->arena, report_spool_queued(&v->r->spool[i]), report_is_whole(&v->r->spool[i])), rank_number(&v->arena, v->r->spool[i].removed),
		    report_time(&v->arena, v->r->spool[i].scanned), report_is_whole(&v->r->spool[i]) ? "" : ", not wholly read"));
	for (i = 0; i < v->nnotes; i++)
		line(o, "  ", v->note[i]);
}
