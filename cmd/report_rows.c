/* The report for programs: rows of the same sections as JSON Lines or as a folder of CSV files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/report_out.h"
#include "spool/msg.h"
#include "spool/sys.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))

static const char *const summary_keys[] = {
	"section", "made", "host", "version", "selection", "verdict", "text", "complete", "messages", "removed", "left", "damaged", "accounts",
	"first", "last", "since", "dry_runs", "replied", "warnings", "notes", "redacted"
};
static const char *const spool_keys[] = { "section", "spool", "kind", "scanned", "messages", "removed", "unknown", "complete" };
static const char *const rank_keys[] = { "section", RANK_KEY_NAMES };
static const char *const account_keys[] = { "section", RANK_KEY_NAMES, "points", "queued", "removed", "left" };
static const char *const timeline_keys[] = { "section", "from", "until", "account", "kind", "others", "messages", "complete" };
static const char *const reply_keys[] = { "section", "class", "messages", "different", "reply", "complete" };
static const char *const evidence_keys[] = {
	"section", "category", "about_us", "list", "operator", "messages", "queued", "replies", "first", "last", "addresses", "url", "closed", "complete"
};
static const char *const delist_keys[] = {
	"section", "list", "operator", "addresses", "url", "first", "last", "listing", "cause", "done", "proof", "state"
};
static const char *const sample_keys[] = { "section", LIST_KEY_NAMES, "removed", "recipient_list" };
static const char *const plan_keys[] = {
	"section", "plan", "kind", "state", "created", "started", "finished", "who", "host", "selection", "here", "planned", "taken", "archived",
	"verified", "deleted", "changed", "busy", "gone", "failed", "released", PROOF_KEY_NAMES
};
static const char *const archive_keys[] = { "section", "plan", "archive", "messages", "size", "sha256" };
static const char *const restore_keys[] = { "section", "started", "who", "host", "archive", "selection", "messages" };
static const char *const step_keys[] = { "section", "step", "title", "text", "commands" };

static void
texts(struct out *o, const char *const *s, size_t n)
{
	size_t i;

	out_list(o);
	for (i = 0; i < n; i++)
		out_text(o, s[i]);
	out_list_end(o);
}

static void
put_time(struct out *o, int64_t us)
{
	out_time(o, us != 0 ? us : MSG_NO_TIME, us != MSG_NO_TIME && us % 1000000 != 0 ? 6 : 0);
}

static void
summary(struct out *o, struct report_view *v)
{
	const struct report *r = v->r;

	out_keys(o, summary_keys, COUNT(summary_keys));
	out_text(o, "summary");
	out_time(o, r->made, 0);
	out_text(o, r->host);
	out_text(o, SPOOLSWEEP_VERSION);
	out_text(o, r->selection);
	out_text(o, v->state);
	out_text(o, v->verdict);
	out_bool(o, !r->is_partial);
	out_count(o, report_queued(r));
	out_int(o, r->removed);
	out_int(o, r->left);
	out_int(o, r->damaged);
	out_int(o, (int64_t)r->table[RANK_ACCOUNT].n);
	put_time(o, r->first);
	put_time(o, r->last);
	put_time(o, r->since);
	out_int(o, r->dry_runs);
	out_int(o, r->replied);
	texts(o, v->warning, v->nwarnings);
	texts(o, v->note, v->nnotes);
	out_bool(o, v->is_redacted);
	out_row(o);
}

static void
spools(struct out *o, struct report_view *v)
{
	const struct report_spool *sp;
	size_t i;

	out_keys(o, spool_keys, COUNT(spool_keys));
	for (i = 0; i < v->r->nspools; i++) {
		sp = &v->r->spool[i];
		out_text(o, "spool");
		out_text(o, sp->root);
		out_text(o, sp->kind);
		put_time(o, sp->scanned);
		out_count(o, report_spool_queued(sp));
		out_int(o, sp->removed);
		out_strings(o, sp->unknown);
		out_bool(o, report_is_whole(sp));
		out_row(o);
	}
}

static void
account_values(struct out *o, const struct report_row *row)
{
	size_t i;

	out_list(o);
	for (i = 0; i < row->r.nreasons; i++)
		out_int(o, row->r.points[i]);
	out_list_end(o);
	out_int(o, row->queued);
	out_int(o, row->removed);
	out_int(o, row->left);
}

static void
ranks(struct out *o, struct report_view *v, enum rank_by by)
{
	const struct report_table *t = &v->r->table[by];
	const int is_complete = cmd_is_complete(v->c, v->ix, by, v->r->is_partial);
	size_t i, n = report_shown(v, t->n);

	if (by == RANK_ACCOUNT)
		out_keys(o, account_keys, COUNT(account_keys));
	else
		out_keys(o, rank_keys, COUNT(rank_keys));
	for (i = 0; i < n; i++) {
		out_text(o, report_section[by]);
		rank_values(o, &t->row[i].r, i + 1, (int)by, is_complete);
		if (by == RANK_ACCOUNT)
			account_values(o, &t->row[i]);
		out_row(o);
	}
}

static void
timeline(struct out *o, struct report_view *v)
{
	const struct report_timeline *t = &v->r->timeline;
	size_t b, i;

	out_keys(o, timeline_keys, COUNT(timeline_keys));
	for (b = 0; b < t->buckets; b++) {
		for (i = 0; i < t->nseries; i++) {
			if (t->series[i].count[b] == 0)
				continue;
			out_text(o, "timeline");
			put_time(o, t->from + (int64_t)b * t->width);
			put_time(o, t->from + (int64_t)(b + 1) * t->width);
			out_text(o, t->series[i].key);
			out_text(o, t->series[i].kind);
			out_bool(o, t->series[i].is_rest);
			out_int(o, t->series[i].count[b]);
			out_bool(o, !v->r->is_partial);
			out_row(o);
		}
	}
}

static void
replies(struct out *o, struct report_view *v)
{
	static const char *const class[] = { "other", "server", "content" };
	size_t i, n = report_shown(v, v->r->nreplies);

	out_keys(o, reply_keys, COUNT(reply_keys));
	for (i = 0; i < n; i++) {
		out_text(o, "reply");
		out_text(o, class[v->r->reply[i].class]);
		out_int(o, v->r->reply[i].messages);
		out_int(o, v->r->reply[i].different);
		out_text(o, v->r->reply[i].text);
		out_bool(o, !v->r->is_partial);
		out_row(o);
	}
}

static void
evidence(struct out *o, struct report_view *v)
{
	const struct evidence *ev = v->r->evidence;
	const struct evidence_row *row;
	size_t i, k;

	out_keys(o, evidence_keys, COUNT(evidence_keys));
	for (i = 0; i < ev->n; i++) {
		row = &ev->row[i];
		out_text(o, "evidence");
		out_text(o, reply_category_name[row->category]);
		out_bool(o, row->about != ABOUT_NO);
		out_text(o, row->list);
		out_text(o, row->operator);
		out_int(o, row->messages);
		out_int(o, row->queued);
		out_int(o, row->replies);
		out_time(o, row->first, 0);
		out_time(o, row->last, 0);
		out_list(o);
		for (k = 0; k < row->naddresses; k++)
			if (row->address[k].name[0] != '\0')
				out_text(o, row->address[k].name);
		out_list_end(o);
		out_text(o, row->url);
		out_text(o, row->closed);
		out_bool(o, !v->r->is_partial && ev->unread == 0 && ev->unlogged == 0);
		out_row(o);
	}
}

/* A row a list to write to: what its operator asks for. */
static void
delisting(struct out *o, struct report_view *v)
{
	const struct delist *d = &v->delist;
	const struct evidence_row *row;
	size_t i, k;

	out_keys(o, delist_keys, COUNT(delist_keys));
	for (i = 0; i < d->nlists; i++) {
		row = d->list[i];
		out_text(o, "delist");
		out_text(o, row->list);
		out_text(o, row->operator);
		out_list(o);
		for (k = 0; k < row->naddresses; k++)
			out_text(o, row->address[k].name);
		out_list_end(o);
		out_text(o, row->url);
		out_time(o, row->first, 0);
		out_time(o, row->last, 0);
		out_text(o, delist_listing(row, &v->arena));
		texts(o, d->cause, d->ncause);
		texts(o, d->done, d->ndone);
		texts(o, d->proof, d->nproof);
		out_text(o, delist_state_name[d->state]);
		out_row(o);
	}
}

static void
samples(struct out *o, struct report_view *v)
{
	const struct report_sample *s;
	size_t i, k;

	out_keys(o, sample_keys, COUNT(sample_keys));
	for (i = 0; i < v->r->nsamples; i++) {
		s = &v->r->sample[i];
		out_text(o, "sample");
		list_values(o, &s->row);
		out_bool(o, s->is_removed);
		out_list(o);
		for (k = 0; k < s->nrecipients; k++)
			out_text(o, s->recipient[k].address);
		out_list_end(o);
		out_row(o);
	}
}

static void
plans(struct out *o, struct report_view *v)
{
	const struct report_plan *p;
	size_t i;
	int s;

	out_keys(o, plan_keys, COUNT(plan_keys));
	for (i = 0; i < v->r->nplans; i++) {
		p = &v->r->plan[i];
		out_text(o, "plan");
		out_int(o, p->plan.id);
		out_text(o, p->plan.kind == PLAN_PURGE ? "purge" : "hold");
		out_text(o, plan_state_name(p->plan.kind, p->plan.state));
		out_time(o, p->plan.created, 0);
		out_time(o, p->plan.started != 0 ? p->plan.started : MSG_NO_TIME, 0);
		out_time(o, p->plan.finished != 0 ? p->plan.finished : MSG_NO_TIME, 0);
		out_text(o, p->plan.who);
		out_text(o, p->plan.host);
		out_text(o, p->plan.selection);
		out_int(o, p->here);
		for (s = 0; s < ITEM_STATES; s++)
			out_int(o, p->plan.count[s]);
		proof_values(o, p->has_proof ? &p->proof : NULL);
		out_row(o);
	}
}

static void
archives(struct out *o, struct report_view *v)
{
	char sha[2 * ARC_SHA256 + 1];
	const struct plan_archive *x;
	size_t i, k;

	out_keys(o, archive_keys, COUNT(archive_keys));
	for (i = 0; i < v->r->nplans; i++) {
		for (k = 0; k < v->r->plan[i].narchives; k++) {
			x = &v->r->plan[i].archive[k];
			out_text(o, "archive");
			out_int(o, v->r->plan[i].plan.id);
			out_text(o, x->path);
			out_int(o, x->messages);
			out_count(o, x->size);
			out_text(o, x->has_sha ? report_sha(sha, x->sha) : NULL);
			out_row(o);
		}
	}
}

static void
restores(struct out *o, struct report_view *v)
{
	const struct report_restore *x;
	size_t i;

	out_keys(o, restore_keys, COUNT(restore_keys));
	for (i = 0; i < v->r->nrestores; i++) {
		x = &v->r->restore[i];
		out_text(o, "restore");
		out_time(o, x->run.started, 0);
		out_text(o, x->run.who);
		out_text(o, x->run.host);
		out_text(o, x->run.archive);
		out_text(o, x->run.selection);
		out_int(o, x->messages);
		out_row(o);
	}
}

static void
steps(struct out *o, struct report_view *v)
{
	size_t i;

	out_keys(o, step_keys, COUNT(step_keys));
	for (i = 0; i < v->nsteps; i++) {
		out_text(o, "step");
		out_int(o, (int64_t)i + 1);
		out_text(o, v->step[i].title);
		out_text(o, v->step[i].text);
		texts(o, v->step[i].command, v->step[i].ncommands);
		out_row(o);
	}
}

/* A section that is no rank, and its file. */
static const struct section {
	const char *file;
	void (*put)(struct out *o, struct report_view *v);
} sections[] = {
	{ "summary.csv", summary }, { "spools.csv", spools }, { "timeline.csv", timeline }, { "replies.csv", replies }, { "evidence.csv", evidence },
	{ "delist.csv", delisting }, { "samples.csv", samples },
	{ "plans.csv", plans }, { "archives.csv", archives }, { "restores.csv", restores }, { "steps.csv", steps }
};
static const char *const rank_file[] = {
	"accounts.csv", "domains.csv", "senders.csv", "sender-domains.csv", "clients.csv", "recipient-domains.csv", "subjects.csv", "scripts.csv",
	"urls.csv", "campaigns.csv"
};
_Static_assert(COUNT(rank_file) == RANK_COUNT, "a file for each ranking");

void
report_json(struct out *o, struct report_view *v)
{
	size_t i;
	int by;

	summary(o, v);
	for (by = 0; by < RANK_COUNT; by++)
		ranks(o, v, (enum rank_by)by);
	for (i = 1; i < COUNT(sections); i++)
		sections[i].put(o, v);
}

static int
save(const char *dir, const char *file, struct out *o, struct err *e)
{
	struct buf path;
	int rc = o->b.cut ? err_set(e, EFBIG, "%s/%s", dir, file) : 0;

	buf_init(&path, 65536);
	buf_fmt(&path, "%s/%s", dir, file);
	if (rc == 0)
		rc = sys_replace_file(buf_cstr(&path), o->b.p, o->b.n, 0600, e);
	buf_free(&path);
	buf_clear(&o->b);
	return rc;
}

int
report_csv(const char *dir, struct report_view *v, struct err *e)
{
	char *path = sys_path(dir);
	struct out o;
	size_t i;
	int by, rc = sys_make_path(path, e);

	out_init(&o, OUT_CSV);
	o.is_memory = 1;
	for (i = 0; rc == 0 && i < COUNT(sections); i++) {
		sections[i].put(&o, v);
		rc = save(path, sections[i].file, &o, e);
	}
	for (by = 0; rc == 0 && by < RANK_COUNT; by++) {
		ranks(&o, v, (enum rank_by)by);
		rc = save(path, rank_file[by], &o, e);
	}
	buf_free(&o.b);
	buf_free(&o.cell);
	free(path);
	return rc;
}
