/*
 * The report as one page: no script, no request, no style attribute. The policy in
 * its head allows this one style sheet, by its SHA-256, and nothing else: should a
 * text get through the escaping, it could still do nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/report_out.h"
#include "spool/msg.h"
#include "spool/sys.h"

#define CUT 120			/* columns of one text */
#define SAMPLE_CUT 1000
#define EVIDENCE_ROWS 30

static const char css[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1c2126;--mut:#5b6670;--line:#dde2e6;--card:#f6f8f9;--link:#0b5cad;"
    "--red:#b3261e;--redbg:#fdeceb;--amb:#8a5a00;--ambbg:#fff4de;--grn:#1c6b3c;--grnbg:#e8f5ec;"
    "--c0:#d13438;--c1:#e08a00;--c2:#2b6cb0;--c3:#1a8a7a;--c4:#7b4fb3;--c5:#a8577e;--c6:#a9b2ba}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181b;--fg:#e4e8eb;--mut:#9aa6b0;--line:#313a41;--card:#1c2226;--link:#79b8ff;"
    "--red:#ff8a80;--redbg:#3a1d1c;--amb:#f5c266;--ambbg:#352a14;--grn:#86d6a2;--grnbg:#17301f;"
    "--c0:#f0625d;--c1:#f2a93b;--c2:#5b9fe6;--c3:#3fbfae;--c4:#a884dd;--c5:#d58bb0;--c6:#66717a}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;padding:1.5rem 1.25rem 3rem;max-width:62rem;background:var(--bg);color:var(--fg);"
    "font:1rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;overflow-wrap:anywhere}"
    "header p,.mut,figcaption,caption{color:var(--mut)}header p{margin:.1rem 0}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0}h2{font-size:1.25rem;margin:2.5rem 0 .75rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}"
    "h3{font-size:1rem;margin:1.5rem 0 .5rem}p{margin:.5rem 0}a{color:var(--link)}"
    "nav{margin:1rem 0;display:flex;flex-wrap:wrap;gap:.25rem 1rem;font-size:.9rem}"
    ".verdict{margin:1.25rem 0;padding:1rem 1.25rem;border-left:.4rem solid;border-radius:.3rem;font-size:1.15rem;line-height:1.4}"
    ".likely,.unknown{color:var(--red);background:var(--redbg)}.possible{color:var(--amb);background:var(--ambbg)}"
    ".unlikely{color:var(--grn);background:var(--grnbg)}.verdict span{color:var(--fg)}"
    ".warn{margin:1rem 0;padding:.5rem 1.25rem;background:var(--ambbg);border-left:.4rem solid var(--amb);border-radius:.3rem}"
    ".warn ul,.notes{margin:.25rem 0;padding-left:1.1rem}.notes{color:var(--mut);font-size:.9rem}"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(6.3rem,1fr));gap:.75rem;margin:1.25rem 0;padding:0;list-style:none}"
    ".facts li{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.6rem .8rem}"
    ".facts b{display:block;font-size:1.4rem;line-height:1.2;font-variant-numeric:tabular-nums}.facts span{color:var(--mut);font-size:.85rem}"
    "figure{margin:0}.chart{display:block;width:100%;height:auto}.narrow{display:none}"
    ".chart text{fill:var(--mut);font:12px system-ui,sans-serif}.mid{text-anchor:middle}.end{text-anchor:end}"
    ".grid{stroke:var(--line)}.tick{stroke:var(--mut)}"
    ".s0{fill:var(--c0)}.s1{fill:var(--c1)}.s2{fill:var(--c2)}.s3{fill:var(--c3)}.s4{fill:var(--c4)}.s5{fill:var(--c5)}.s6{fill:var(--c6)}"
    ".legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:.5rem 0;padding:0;list-style:none;font-size:.9rem}"
    ".legend svg{width:.8rem;height:.8rem;margin-right:.35rem}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "caption{text-align:left;padding:.3rem 0}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}"
    "th{font-weight:600;color:var(--mut);white-space:nowrap}.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
    ".w{white-space:nowrap}td:first-child,th:first-child{padding-left:0}.t{min-width:11rem}"
    ".badge{display:inline-block;padding:0 .5rem;border-radius:1rem;font-size:.8rem;white-space:nowrap}"
    ".suspect,.sample,.plan,.step{border:1px solid var(--line);border-radius:.4rem;padding:.75rem 1rem;margin:1rem 0;background:var(--card)}"
    ".suspect h3,.sample h3,.plan h3{margin-top:0}"
    ".reasons{list-style:none;margin:.5rem 0;padding:0;font-size:.9rem}"
    ".reasons li{display:grid;grid-template-columns:2.6rem 9rem 1fr;gap:.1rem .75rem;align-items:center;padding:.15rem 0}"
    ".reasons svg{width:100%;height:.7rem;border-radius:.2rem;background:var(--line)}.against{fill:var(--c0)}.favour{fill:var(--c3)}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.25rem 0;font-size:.9rem}dt{color:var(--mut)}dd{margin:0;min-width:0}"
    "pre{margin:.4rem 0;padding:.5rem .75rem;background:var(--bg);border:1px solid var(--line);border-radius:.3rem;white-space:pre-wrap;"
    "font:.85rem/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;user-select:all}"
    ".mono{font:.85rem ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}"
    ".steps{list-style:none;counter-reset:s;padding:0}.step h3{margin:0 0 .25rem}.step h3::before{counter-increment:s;content:counter(s) '. '}"
    "summary{cursor:pointer;color:var(--mut);font-size:.9rem}"
    "@media(max-width:40rem){body{padding:1rem .9rem 2rem}.wide{display:none}.narrow{display:block}.opt{display:none}h1{font-size:1.3rem}"
    ".verdict{font-size:1.05rem;padding:.8rem 1rem}.reasons li{grid-template-columns:2.6rem 1fr}.reasons li span:last-child{grid-column:1/-1}"
    "dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.35rem}th,td{padding:.35rem .4rem}.t{min-width:8rem}}"
    "@media print{@page{size:A4;margin:15mm}:root{--bg:#fff;--fg:#000;--mut:#444;--line:#bbb;--card:#fff;--link:#000}"
    "body{padding:0;max-width:none;font-size:10pt}nav{display:none}.wide{display:block}.narrow{display:none}"
    "table{font-size:8pt}th{white-space:normal}th,td{padding:.15rem .3rem}.t{min-width:0}"
    "h2{break-after:avoid}.suspect,.sample,.plan,.step,figure,tr{break-inside:avoid}.scroll{overflow:visible}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}";

struct page {
	struct buf *b;
	struct report_view *v;
	const struct report *r;
};

/* ---- pieces ---- */

static void
put_base64(struct buf *b, const unsigned char *p, size_t n)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i, k;
	uint32_t v;

	for (i = 0; i < n; i += 3) {
		for (v = 0, k = 0; k < 3; k++)
			v = v << 8 | (i + k < n ? p[i + k] : 0u);
		for (k = 0; k < 4; k++)
			buf_byte(b, i + k > n ? '=' : digit[v >> (18 - 6 * k) & 63]);
	}
}

/* A stranger's text: inert, cut, and kept from reordering what stands beside it. */
static void
text(struct page *p, const char *s, size_t columns)
{
	size_t n = s != NULL ? strlen(s) : 0, k = s != NULL ? text_fit(s, n < 8 * columns ? n : 8 * columns, columns) : 0;

	while (k > 0 && k < n && ((unsigned char)s[k] & 0xC0) == 0x80)	/* not within a character */
		k--;
	if (s == NULL) {
		buf_puts(p->b, "<span class=\"mut\">none</span>");
		return;
	}
	buf_puts(p->b, "<bdi>");
	text_html(p->b, s, k);
	buf_puts(p->b, k < n ? "…</bdi>" : "</bdi>");
}

static const char *
figure_of(struct page *p, int64_t n)
{
	return n < 0 ? "–" : rank_number(&p->v->arena, n);
}

static void
cell_number(struct page *p, int64_t n, const char *more)
{
	buf_fmt(p->b, "<td class=\"n%s\">%s</td>", more, figure_of(p, n));
}

static void
badge(struct page *p, const char *verdict)
{
	buf_fmt(p->b, "<span class=\"badge %s\">%s</span>", verdict, verdict);
}

static void
row_name(struct page *p, enum rank_by by, const struct rank_row *row)
{
	text(p, report_name(&p->v->arena, by, row->key, row->kind), CUT);
}

static void
term(struct page *p, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_fmt(p->b, "<dt>%s</dt><dd>", name);
	text(p, value, SAMPLE_CUT);
	buf_puts(p->b, "</dd>");
}

static void
more_rows(struct page *p, size_t shown, size_t all)
{
	if (shown < all)
		buf_fmt(p->b, "<p class=\"mut\">%s of %s rows; -n 0 shows all.</p>", figure_of(p, (int64_t)shown), figure_of(p, (int64_t)all));
}

/* ---- head ---- */

static void
policy(struct page *p)
{
	struct sys_sha256 *h = sys_sha256_new();
	unsigned char sha[32];

	sys_sha256_add(h, css, sizeof css - 1);
	sys_sha256_end(sha, h);
	sys_sha256_free(h);
	buf_puts(p->b, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
	put_base64(p->b, sha, sizeof sha);
	buf_puts(p->b, "'; base-uri 'none'; form-action 'none'\">\n");
}

static void
head(struct page *p)
{
	buf_puts(p->b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	policy(p);
	buf_puts(p->b, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
	    "<meta name=\"generator\" content=\"spoolsweep " SPOOLSWEEP_VERSION "\">\n<title>Mail incident on ");
	text_html(p->b, p->r->host, text_fit(p->r->host, strlen(p->r->host), 60));
	buf_puts(p->b, "</title>\n<style>");
	buf_puts(p->b, css);
	buf_puts(p->b, "</style>\n</head>\n<body>\n<header><h1>Mail incident on ");
	text(p, p->r->host, 60);
	buf_fmt(p->b, "</h1><p>Report of spoolsweep, made %s</p>", report_time(&p->v->arena, p->r->made));
	if (p->r->selection[0] != '\0') {
		buf_puts(p->b, "<p>Only messages selected by <span class=\"mono\">");
		text(p, p->r->selection, SAMPLE_CUT);
		buf_puts(p->b, "</span></p>");
	}
	buf_puts(p->b, "</header>\n");
}

static void
list(struct page *p, const char *open, const char *const *line, size_t n, const char *close)
{
	size_t i;

	if (n == 0)
		return;
	buf_puts(p->b, open);
	for (i = 0; i < n; i++) {
		buf_puts(p->b, "<li>");
		text(p, line[i], SAMPLE_CUT);
		buf_puts(p->b, "</li>");
	}
	buf_puts(p->b, close);
}

static void
fact(struct page *p, int64_t n, const char *what)
{
	buf_fmt(p->b, "<li><b>%s</b><span>%s</span></li>", figure_of(p, n), what);
}

static void
summary(struct page *p)
{
	const struct report *r = p->r;

	buf_fmt(p->b, "<p class=\"verdict %s\"><span>", p->v->state);
	text(p, p->v->verdict, 4000);
	buf_puts(p->b, "</span></p>\n");
	list(p, "<div class=\"warn\"><ul>", p->v->warning, p->v->nwarnings, "</ul></div>\n");
	buf_puts(p->b, "<ul class=\"facts\">");
	fact(p, report_queued(r), report_queued(r) < 0 ? "queued now: unknown" : r->is_partial ? "queued now, at least" : "queued now");
	fact(p, r->removed, "removed by plans");
	fact(p, r->left, r->is_partial ? "left otherwise, at least" : "left otherwise");
	fact(p, (int64_t)r->table[RANK_ACCOUNT].n, r->is_partial ? "accounts, at least" : "accounts");
	fact(p, r->damaged, r->is_partial ? "damaged, at least" : "damaged");
	buf_puts(p->b, "</ul>\n<nav><a href=\"#when\">When</a><a href=\"#who\">Who</a><a href=\"#what\">What</a><a href=\"#from\">Where from</a>"
	    "<a href=\"#to\">Where to</a><a href=\"#replies\">Replies</a><a href=\"#done\">Done</a><a href=\"#next\">What to do next</a>"
	    "<a href=\"#about\">About</a></nav>\n");
}

/* None may look like the whole when it is not. */
static void
short_of(struct page *p, enum rank_by by)
{
	if (p->r->is_partial)
		buf_puts(p->b, "<p class=\"mut\">Of what could be read: numbers are a minimum.</p>");
	else if (!cmd_is_complete(p->v->c, p->v->ix, by, 0))
		buf_puts(p->b, "<p class=\"mut\">Of bodies that were read: numbers are a minimum.</p>");
}

/* ---- when ---- */

static void
legend(struct page *p, const struct report_timeline *t)
{
	size_t i;

	buf_puts(p->b, "<ul class=\"legend\">");
	for (i = 0; i < t->nseries; i++) {
		buf_fmt(p->b, "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"s%zu\" width=\"10\" height=\"10\"/></svg>",
		    t->series[i].is_rest ? REPORT_SERIES - 1 : i);
		text(p, t->series[i].is_rest ? "all others" : report_name(&p->v->arena, RANK_ACCOUNT, t->series[i].key, t->series[i].kind), 60);
		buf_fmt(p->b, " <span class=\"mut\">%s</span>", figure_of(p, t->series[i].messages));
		if (t->series[i].row != NULL && strcmp(t->series[i].row->verdict, "unlikely") != 0) {
			buf_byte(p->b, ' ');
			badge(p, t->series[i].row->verdict);
		}
		buf_puts(p->b, "</li>");
	}
	buf_puts(p->b, "</ul>");
}

static void
bucket_row(struct page *p, const struct report_timeline *t, size_t bucket)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < t->nseries; i++)
		sum += t->series[i].count[bucket];
	if (sum == 0)
		return;
	buf_fmt(p->b, "<tr><td>%.16s</td><td class=\"n\">%s</td>", report_time(&p->v->arena, t->from + (int64_t)bucket * t->width), figure_of(p, sum));
	for (i = 0; i < t->nseries; i++)
		cell_number(p, t->series[i].count[bucket], "");
	buf_puts(p->b, "</tr>");
}

/* A width of the scale: "10 minutes", "1 hour", "2 days". */
static const char *
width_words(struct arena *a, int64_t us)
{
	int64_t minutes = us / 60000000, n = minutes % 1440 == 0 ? minutes / 1440 : minutes % 60 == 0 ? minutes / 60 : minutes;
	const char *unit = minutes % 1440 == 0 ? "day" : minutes % 60 == 0 ? "hour" : "minute";

	return n == 1 ? unit : arena_fmt(a, "%" PRId64 " %ss", n, unit);
}

static void
when(struct page *p)
{
	const struct report_timeline *t = &p->r->timeline;
	size_t i;

	buf_puts(p->b, "<section id=\"when\"><h2>When: arrivals by account</h2>");
	short_of(p, RANK_ACCOUNT);
	if (t->buckets == 0) {
		buf_puts(p->b, "<p>No message has a known time of arrival.</p></section>\n");
		return;
	}
	buf_puts(p->b, "<figure>");
	report_svg(p->b, t, 1);
	report_svg(p->b, t, 0);
	buf_fmt(p->b, "<figcaption>Messages in each %s; times are UTC.", width_words(&p->v->arena, t->width));
	if (t->before + t->after > 0)
		buf_fmt(p->b, " Not shown: %s older, %s newer.", figure_of(p, t->before), figure_of(p, t->after));
	buf_puts(p->b, "</figcaption></figure>");
	legend(p, t);
	buf_puts(p->b, "<details><summary>The numbers</summary><div class=\"scroll\"><table><thead><tr><th>From (UTC)</th><th class=\"n\">All</th>");
	for (i = 0; i < t->nseries; i++) {
		buf_puts(p->b, "<th class=\"n\">");
		text(p, t->series[i].is_rest ? "all others" : report_name(&p->v->arena, RANK_ACCOUNT, t->series[i].key, NULL), 24);
		buf_puts(p->b, "</th>");
	}
	buf_puts(p->b, "</tr></thead><tbody>");
	for (i = 0; i < t->buckets; i++)
		bucket_row(p, t, i);
	buf_puts(p->b, "</tbody></table></div></details></section>\n");
}

/* ---- who ---- */

static void
reasons(struct page *p, const struct rank_row *row)
{
	size_t i;
	int points;

	buf_puts(p->b, "<ul class=\"reasons\">");
	for (i = 0; i < row->nreasons; i++) {
		points = row->points[i];
		buf_fmt(p->b, "<li><span class=\"n\">%s%d</span><svg viewBox=\"0 0 45 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
		    "<rect class=\"%s\" width=\"%d\" height=\"10\"/></svg><span>", points > 0 ? "+" : "", points, points < 0 ? "favour" : "against",
		    points < 0 ? -points : points);
		text(p, row->reasons[i], 300);
		buf_puts(p->b, "</span></li>");
	}
	buf_puts(p->b, "</ul>");
}

static void
suspect(struct page *p, const struct report_row *s)
{
	struct arena *a = &p->v->arena;

	buf_puts(p->b, "<div class=\"suspect\"><h3>");
	row_name(p, RANK_ACCOUNT, &s->r);
	buf_puts(p->b, " ");
	badge(p, s->r.verdict);
	buf_fmt(p->b, "</h3><p>Score %d of 100. %s%s message%s (%s queued, %s removed, %s left otherwise)", s->r.score, report_least(p->r),
	    figure_of(p, s->r.messages), rank_plural(s->r.messages),
	    figure_of(p, s->queued), figure_of(p, s->removed), figure_of(p, s->left));
	buf_fmt(p->b, ", %s recipient%s; %s to %s.</p>", figure_of(p, s->r.recipients), rank_plural(s->r.recipients), report_time(a, s->r.first), report_time(a, s->r.last));
	reasons(p, &s->r);
	buf_puts(p->b, "</div>");
}

static void
account_row(struct page *p, const struct report_row *row)
{
	buf_puts(p->b, "<tr><td class=\"t\">");
	row_name(p, RANK_ACCOUNT, &row->r);
	buf_puts(p->b, "</td>");
	cell_number(p, row->r.messages, "");
	buf_fmt(p->b, "<td class=\"n opt\">%.1f %%</td>", 100 * row->r.share);
	cell_number(p, row->queued, " opt");
	cell_number(p, row->removed, " opt");
	cell_number(p, row->left, " opt");
	cell_number(p, row->r.recipients, " opt");
	cell_number(p, row->r.peak_per_minute, " opt");
	buf_puts(p->b, "<td>");
	badge(p, row->r.verdict);
	buf_fmt(p->b, "</td><td class=\"n\">%d</td></tr>", row->r.score);
}

static void
who(struct page *p)
{
	const struct report_table *t = &p->r->table[RANK_ACCOUNT];
	const struct report_row *s = NULL;
	size_t n = report_shown(p->v, t->n), i;

	buf_puts(p->b, "<section id=\"who\"><h2>Who: accounts and the reasons</h2>");
	short_of(p, RANK_ACCOUNT);
	for (i = 0; i < n && (s = report_suspect(p->r, s)) != NULL; i++)
		suspect(p, s);
	buf_puts(p->b, "<div class=\"scroll\"><table><caption>By volume; the verdict is that of the score.");
	if (p->r->removed > 0)
		buf_puts(p->b, " Messages, share and score count what plans removed, too; rank counts what is queued now.");
	buf_puts(p->b, "</caption><thead><tr><th>Account</th><th class=\"n\">Messages</th><th class=\"n opt\">Share</th><th class=\"n opt\">Queued</th><th class=\"n opt\">Removed</th>"
	    "<th class=\"n opt\">Left</th><th class=\"n opt\">Recipients</th><th class=\"n opt\">Per min</th><th>Verdict</th><th class=\"n\">Score</th>"
	    "</tr></thead><tbody>");
	for (i = 0; i < n; i++)
		account_row(p, &t->row[i]);
	buf_puts(p->b, "</tbody></table></div>");
	more_rows(p, n, t->n);
	buf_puts(p->b, "</section>\n");
}

/* ---- what, from, to ---- */

static void
table(struct page *p, enum rank_by by, const char *title)
{
	const struct report_table *t = &p->r->table[by];
	const int is_judged = by != RANK_RECIPIENT_DOMAIN;
	size_t n = report_shown(p->v, t->n), i;

	short_of(p, by);
	buf_fmt(p->b, "<div class=\"scroll\"><table><thead><tr><th>%s</th><th class=\"n\">Messages</th><th class=\"n opt\">Share</th>"
	    "<th class=\"n%s\">Recipients</th><th class=\"n opt\">Deferred</th>%s</tr></thead><tbody>", title, is_judged ? " opt" : "",
	    is_judged ? "<th>Verdict</th>" : "");
	for (i = 0; i < n; i++) {
		buf_puts(p->b, "<tr><td class=\"t\">");
		row_name(p, by, &t->row[i].r);
		if (by == RANK_CAMPAIGN && t->row[i].r.subject != NULL) {
			buf_puts(p->b, ": ");
			text(p, t->row[i].r.subject, CUT);
		}
		buf_puts(p->b, "</td>");
		cell_number(p, t->row[i].r.messages, "");
		buf_fmt(p->b, "<td class=\"n opt\">%.1f %%</td>", 100 * t->row[i].r.share);
		cell_number(p, t->row[i].r.recipients, is_judged ? " opt" : "");
		cell_number(p, t->row[i].r.deferred, " opt");
		if (is_judged) {
			buf_puts(p->b, "<td>");
			badge(p, t->row[i].r.verdict);
			buf_puts(p->b, "</td>");
		}
		buf_puts(p->b, "</tr>");
	}
	buf_puts(p->b, "</tbody></table></div>");
	more_rows(p, n, t->n);
}

/* A reply of several lines. */
static const char *
one_line(struct arena *a, const char *s)
{
	char *out = arena_str(a, s), *p;

	for (p = out; (p = strpbrk(p, "\r\n")) != NULL; p++)
		*p = ' ';
	return out;
}

static void
sample(struct page *p, const struct report_sample *s)
{
	struct arena *a = &p->v->arena;
	const struct query_row *m = &s->row;
	size_t i;

	buf_puts(p->b, "<div class=\"sample\"><h3>");
	text(p, m->subject != NULL ? m->subject : "(no subject)", CUT);
	buf_puts(p->b, "</h3><dl>");
	term(p, "Message", arena_fmt(a, "%s, %s", m->id, s->is_removed ? "removed" : m->state));
	term(p, "Spool", arena_fmt(a, "%s:%s, %s", m->kind, m->spool, cmd_queue_words(m->queue)));
	term(p, "Arrived", report_time(a, m->arrived));
	term(p, "Account", m->account != NULL ? report_name(a, RANK_ACCOUNT, m->account, m->account_kind) : NULL);
	term(p, "Sender", m->sender != NULL && m->sender[0] == '\0' ? "<>" : m->sender);
	term(p, "From", m->from);
	term(p, "Client", m->client != NULL && m->client_name != NULL ? arena_fmt(a, "%s (%s)", m->client, m->client_name) : m->client);
	term(p, "HELO", m->helo);
	term(p, "Script", m->script);
	buf_fmt(p->b, "<dt>Recipients</dt><dd>%s", figure_of(p, s->all_recipients));
	for (i = 0; i < s->nrecipients; i++) {
		buf_puts(p->b, i == 0 ? ": " : ", ");
		text(p, s->recipient[i].address, CUT);
	}
	buf_puts(p->b, (int64_t)s->nrecipients < s->all_recipients ? ", …</dd>" : "</dd>");
	term(p, "Last reply", m->reason != NULL ? one_line(a, m->reason) : NULL);
	buf_puts(p->b, "</dl></div>");
}

static void
what(struct page *p)
{
	size_t i;

	buf_puts(p->b, "<section id=\"what\"><h2>What: subjects and samples</h2>");
	table(p, RANK_SUBJECT, "Subject");
	if (p->r->nsamples != 0)
		buf_puts(p->b, "<h3>Samples of the suspects’ messages</h3>");
	for (i = 0; i < p->r->nsamples; i++)
		sample(p, &p->r->sample[i]);
	if (report_has_rows(p->r, RANK_CAMPAIGN)) {
		buf_puts(p->b, "<h3>Campaigns: messages that say the same</h3>");
		table(p, RANK_CAMPAIGN, "Campaign");
	}
	if (report_has_rows(p->r, RANK_URL)) {
		buf_puts(p->b, "<h3>Hosts that links lead to</h3>");
		table(p, RANK_URL, "Host");
	}
	buf_puts(p->b, "</section>\n<section id=\"from\"><h2>Where from: clients and scripts</h2>");
	table(p, RANK_CLIENT, "Client");
	if (report_has_rows(p->r, RANK_SCRIPT)) {
		buf_puts(p->b, "<h3>Scripts</h3>");
		table(p, RANK_SCRIPT, "Script");
	}
	buf_puts(p->b, "</section>\n<section id=\"to\"><h2>Where to: recipient domains</h2>");
	table(p, RANK_RECIPIENT_DOMAIN, "Recipient domain");
	buf_puts(p->b, "</section>\n");
}

/* The links are texts: where they lead is a stranger's choice. */
static void
evidence(struct page *p, const struct evidence *ev)
{
	const struct evidence_row *row;
	size_t i, k, n = 0;

	for (i = 0; i < ev->n && n < EVIDENCE_ROWS; i++) {
		row = &ev->row[i];
		if (row->about == ABOUT_NO)
			break;	/* about us first */
		buf_puts(p->b, n++ == 0 ? "<h3>About this server</h3><div class=\"scroll\"><table><thead><tr><th>Says</th><th>List</th>"
		    "<th class=\"n\">Messages</th><th class=\"opt\">Our address</th><th class=\"opt\">Last</th><th>Where to ask</th></tr></thead><tbody><tr><td>" :
		    "<tr><td>");
		text(p, reply_category_name[row->category], CUT);
		buf_puts(p->b, "</td><td>");
		text(p, row->list != NULL ? row->list : row->operator, CUT);
		buf_puts(p->b, "</td>");
		cell_number(p, row->messages, "");
		buf_puts(p->b, "<td class=\"opt w\">");
		for (k = 0; k < row->naddresses && k < 3; k++) {
			buf_puts(p->b, k > 0 ? ", " : "");
			text(p, row->address[k].name, CUT);
		}
		buf_fmt(p->b, "</td><td class=\"opt\">%s</td><td>", report_time(&p->v->arena, row->last));
		text(p, row->closed != NULL ? arena_fmt(&p->v->arena, "closed since %s: nothing to delist", row->closed) : row->url, 2 * CUT);
		buf_puts(p->b, "</td></tr>");
	}
	if (n > 0)
		buf_puts(p->b, "</tbody></table></div><h3>All replies, like ones together</h3>");
}

static void
replies(struct page *p)
{
	static const char *const about[] = { "other", "this server", "the message" };
	const struct report *r = p->r;
	size_t n = report_shown(p->v, r->nreplies), i, k;
	int64_t of;

	buf_fmt(p->b, "<section id=\"replies\"><h2>What the world answers</h2><p>The last reply is known of %s%s message%s.</p>", report_least(r), figure_of(p, r->replied), r->replied == 1 ? "" : "s");
	short_of(p, RANK_ACCOUNT);
	if (r->nreplies == 0) {
		buf_puts(p->b, "</section>\n");
		return;
	}
	evidence(p, r->evidence);
	buf_puts(p->b, "<ul>");
	for (i = 0; i <= REPLY_MESSAGE; i++) {
		for (of = 0, k = 0; k < r->nreplies; k++)
			of += r->reply[k].class == (enum reply_class)i ? r->reply[k].messages : 0;
		buf_fmt(p->b, "<li><b>%s</b> about %s</li>", figure_of(p, of), report_class((enum reply_class)i));
	}
	buf_puts(p->b, "</ul><div class=\"scroll\"><table><thead><tr><th class=\"n\">Messages</th><th class=\"opt\">About</th><th>Reply (one of each kind)</th>"
	    "</tr></thead><tbody>");
	for (i = 0; i < n; i++) {
		buf_puts(p->b, "<tr>");
		cell_number(p, r->reply[i].messages, "");
		buf_fmt(p->b, "<td class=\"opt w\">%s</td><td>", about[r->reply[i].class]);
		text(p, one_line(&p->v->arena, r->reply[i].text), 4 * CUT);
		buf_puts(p->b, "</td></tr>");
	}
	buf_puts(p->b, "</tbody></table></div>");
	more_rows(p, n, r->nreplies);
	buf_puts(p->b, "</section>\n");
}

/* ---- done, next, about ---- */

static void
archive(struct page *p, const struct plan_archive *x)
{
	char sha[2 * ARC_SHA256 + 1], size[16];

	term(p, "Archive", arena_fmt(&p->v->arena, "%s (%s message%s, %s)", x->path, figure_of(p, x->messages), rank_plural(x->messages), text_size(size, x->size)));
	buf_fmt(p->b, "<dt>SHA-256</dt><dd class=\"mono\">%s</dd>", x->has_sha ? report_sha(sha, x->sha) : "not known");
}

static void
plan(struct page *p, const struct report_plan *x)
{
	struct arena *a = &p->v->arena;
	size_t i;

	buf_fmt(p->b, "<div class=\"plan\"><h3>Plan %" PRId64 ": %s, %s</h3><dl>", x->plan.id, x->plan.kind == PLAN_PURGE ? "purge" : "hold",
	    plan_state_name(x->plan.kind, x->plan.state));
	term(p, "Selection", x->plan.selection);
	term(p, "By", arena_fmt(a, "%s on %s", x->plan.who, x->plan.host));
	term(p, "Begun", report_time(a, x->plan.started));
	term(p, "Ended", x->plan.finished != 0 ? report_time(a, x->plan.finished) : "not yet");
	term(p, "Messages", report_fates(a, &x->plan));
	term(p, "Proof", report_proof(a, x));
	for (i = 0; i < x->narchives; i++)
		archive(p, &x->archive[i]);
	buf_puts(p->b, "</dl></div>");
}

static void
done(struct page *p)
{
	const struct report *r = p->r;
	struct arena *a = &p->v->arena;
	size_t i;

	buf_puts(p->b, "<section id=\"done\"><h2>What was done</h2>");
	if (r->nplans == 0)
		buf_puts(p->b, "<p>Nothing yet: no plan has touched these messages.</p>");
	for (i = 0; i < r->nplans; i++)
		plan(p, &r->plan[i]);
	for (i = 0; i < r->nrestores; i++) {
		buf_puts(p->b, "<div class=\"plan\"><h3>Restore</h3><dl>");
		term(p, "Messages", arena_fmt(a, "%s put back", figure_of(p, r->restore[i].messages)));
		term(p, "From", r->restore[i].run.archive);
		term(p, "By", arena_fmt(a, "%s on %s", r->restore[i].run.who, r->restore[i].run.host));
		term(p, "Begun", report_time(a, r->restore[i].run.started));
		buf_puts(p->b, "</dl></div>");
	}
	buf_puts(p->b, "</section>\n");
}

static void
next(struct page *p)
{
	size_t i, k;

	buf_puts(p->b, "<section id=\"next\"><h2>What to do next</h2><ol class=\"steps\">");
	for (i = 0; i < p->v->nsteps; i++) {
		buf_fmt(p->b, "<li class=\"step\"><h3>%s</h3><p>", p->v->step[i].title);
		text(p, p->v->step[i].text, 4000);
		buf_puts(p->b, "</p>");
		for (k = 0; k < p->v->step[i].ncommands; k++) {
			buf_puts(p->b, "<pre>");
			text_html(p->b, p->v->step[i].command[k], strlen(p->v->step[i].command[k]));
			buf_puts(p->b, "</pre>");
		}
		buf_puts(p->b, "</li>");
	}
	buf_puts(p->b, "</ol></section>\n");
}

/* For a form or a letter: the lists, then what is the same for all of them. */
static void
delisting(struct page *p)
{
	const struct delist *d = &p->v->delist;
	size_t i;

	if (d->nlists == 0)
		return;
	buf_puts(p->b, "<section id=\"delist\"><h2>For those who run the lists</h2>");
	if (d->state != DELIST_CLEAN)
		buf_puts(p->b, d->state == DELIST_NOT_YET ? "<p><b>Do not ask yet: suspicious mail is still queued.</b></p><ul>" :
		    "<p><b>Do not ask yet: it is not known that the queue is clean.</b></p><ul>");
	else
		buf_puts(p->b, "<ul>");
	for (i = 0; i < d->nlists; i++) {
		buf_puts(p->b, "<li><b>");
		text(p, d->list[i]->list != NULL ? d->list[i]->list : d->list[i]->operator, CUT);
		buf_puts(p->b, "</b> ");
		text(p, delist_listing(d->list[i], &p->v->arena), SAMPLE_CUT);
		buf_puts(p->b, " ");
		text(p, d->list[i]->url != NULL ? d->list[i]->url : "", 2 * CUT);
		buf_puts(p->b, "</li>");
	}
	list(p, "</ul><h3>Cause</h3><ul>", d->cause, d->ncause, "</ul>");
	list(p, "<h3>What was done</h3><ul>", d->done, d->ndone, "</ul>");
	list(p, "<h3>The queue</h3><ul>", d->proof, d->nproof, "</ul>");
	buf_puts(p->b, "</section>\n");
}

static void
about(struct page *p)
{
	const struct report_spool *sp;
	size_t i;

	buf_puts(p->b, "<section id=\"about\"><h2>About these numbers</h2><div class=\"scroll\"><table><thead><tr><th>Spool</th><th class=\"n\">Queued</th>"
	    "<th class=\"n\">Removed</th><th>Scanned</th><th>Read</th></tr></thead><tbody>");
	for (i = 0; i < p->r->nspools; i++) {
		sp = &p->r->spool[i];
		buf_puts(p->b, "<tr><td>");
		text(p, arena_fmt(&p->v->arena, "%s:%s", sp->kind, sp->root), CUT);
		buf_puts(p->b, "</td>");
		buf_fmt(p->b, "<td class=\"n\">%s%s</td>", report_is_whole(sp) || sp->queued == 0 ? "" : "at least ", figure_of(p, report_spool_queued(sp)));
		cell_number(p, sp->removed, "");
		buf_fmt(p->b, "<td>%s</td><td>%s</td></tr>", report_time(&p->v->arena, sp->scanned),
		    report_is_whole(sp) ? "wholly" : "<b>not wholly</b>");
	}
	buf_puts(p->b, "</tbody></table></div>");
	list(p, "<ul class=\"notes\">", p->v->note, p->v->nnotes, "</ul>");
	buf_puts(p->b, "<p class=\"mut\">spoolsweep " SPOOLSWEEP_VERSION "</p></section>\n</body>\n</html>\n");
}

void
report_html(struct buf *b, struct report_view *v)
{
	struct page p = { b, v, v->r };

	head(&p);
	summary(&p);
	when(&p);
	who(&p);
	what(&p);
	replies(&p);
	done(&p);
	next(&p);
	delisting(&p);
	about(&p);
}
