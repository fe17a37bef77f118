#include "index/delist.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "spool/sys.h"

#define SENTENCES 40
#define ADDRESSES 5

const char *const delist_state_name[] = { "unknown", "not yet", "clean" };

static void
say(const char **v, size_t *n, const char *sentence)
{
	if (*n < SENTENCES)
		v[(*n)++] = sentence;
}

static const char *
when(struct arena *a, int64_t us)
{
	struct tm t;

	if (us == MSG_NO_TIME || us == 0 || sys_utc(&t, us / 1000000) < 0)
		return "a time that is not known";
	return arena_fmt(a, "%04d-%02d-%02d %02d:%02d UTC", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min);
}

static const char *
messages(struct arena *a, int64_t n)
{
	return arena_fmt(a, "%s message%s", rank_number(a, n), n == 1 ? "" : "s");
}

const char *
delist_listing(const struct evidence_row *row, struct arena *a)
{
	const char *who = "";
	size_t i;

	for (i = 0; i < row->naddresses && i < ADDRESSES; i++)
		who = arena_fmt(a, "%s%s%s", who, i > 0 ? ", " : "", row->address[i].name);
	return arena_fmt(a, "%s%s: %s of ours, which arrived between %s and %s, met a reply that names %s.",
	    row->about == ABOUT_DOMAIN ? "Our domain" : "Our address", *who != '\0' ? arena_fmt(a, " %s", who) : "", messages(a, row->messages),
	    when(a, row->first), when(a, row->last), row->list != NULL ? row->list : row->operator);
}

static void
causes(struct delist *d, const struct report *r, struct arena *a)
{
	const struct report_row *s = NULL;

	while ((s = report_suspect(r, s)) != NULL && d->ncause < SENTENCES)
		say(d->cause, &d->ncause, arena_fmt(a, "The account %s was %s misused: %s between %s and %s%s.",
		    s->r.key != NULL ? s->r.key : "(none)", strcmp(s->r.verdict, "likely") == 0 ? "very likely" : "possibly",
		    messages(a, s->r.messages), when(a, s->r.first), when(a, s->r.last), s->r.clients == 0 ? "" :
		    arena_fmt(a, ", handed in from %s address%s", rank_number(a, s->r.clients), s->r.clients == 1 ? "" : "es")));
	if (d->ncause == 0)
		say(d->cause, &d->ncause, "The cause is not known: no account stands out in what the index holds.");
}

static void
deeds(struct delist *d, const struct report *r, struct arena *a)
{
	const struct plan *p;
	int64_t taken;
	size_t i;

	for (i = 0; i < r->nplans; i++) {
		p = &r->plan[i].plan;
		taken = p->count[ITEM_TAKEN] + p->count[ITEM_ARCHIVED] + p->count[ITEM_VERIFIED] + p->count[ITEM_DELETED];
		if (taken == 0)
			continue;
		say(d->done, &d->ndone, p->count[ITEM_DELETED] > 0 ?
		    arena_fmt(a, "%s: %s taken out of the queue; archived, verified and deleted: %s.", when(a, p->started), messages(a, taken),
		    rank_number(a, p->count[ITEM_DELETED])) :
		    arena_fmt(a, "%s: %s taken out of the queue and held back.", when(a, p->started), messages(a, taken)));
	}
	if (d->ndone == 0)
		say(d->done, &d->ndone, "Nothing was taken out of the queue yet.");
}

/* A queue is clean when all of it was read and no suspect has mail in it. */
static void
proofs(struct delist *d, const struct report *r, struct arena *a)
{
	const struct report_row *s = NULL;
	size_t i;

	d->state = DELIST_CLEAN;
	for (i = 0; i < r->nspools; i++)
		say(d->proof, &d->nproof, arena_fmt(a, "%s: the %s queue holds %s%s%s.", when(a, r->spool[i].scanned), r->spool[i].kind,
		    strcmp(r->spool[i].unknown, "[]") != 0 ? "at least " : "", messages(a, r->spool[i].queued),
		    strcmp(r->spool[i].unknown, "[]") != 0 ? "; it was not wholly read" : ""));
	while ((s = report_suspect(r, s)) != NULL) {
		if (s->queued > 0)
			d->state = DELIST_NOT_YET;
		say(d->proof, &d->nproof, arena_fmt(a, "Of %s: %s.", s->r.key != NULL ? s->r.key : "(none)",
		    s->queued > 0 ? arena_fmt(a, "%s still queued", messages(a, s->queued)) : r->is_partial ? "nothing is queued in what could be read" : "nothing is queued"));
	}
	if (r->is_partial || r->nspools == 0) {
		d->state = DELIST_UNKNOWN;
		say(d->proof, &d->nproof, "Not all of the queue could be read: that it is clean is not proven.");
	}
}

void
delist_make(struct delist *out, const struct report *r, struct arena *a)
{
	const struct evidence_row *row;
	size_t i;

	memset(out, 0, sizeof *out);
	out->list = arena_get(a, (r->evidence->n + 1) * sizeof *out->list);
	out->cause = arena_get(a, SENTENCES * sizeof *out->cause);
	out->done = arena_get(a, SENTENCES * sizeof *out->done);
	out->proof = arena_get(a, SENTENCES * sizeof *out->proof);
	for (i = 0; i < r->evidence->n; i++) {
		row = &r->evidence->row[i];
		if ((row->category == REPLY_LISTED || row->category == REPLY_REPUTATION) && (row->about == ABOUT_IP || row->about == ABOUT_DOMAIN) &&
		    row->closed == NULL && (row->list != NULL || row->operator != NULL))
			out->list[out->nlists++] = row;
	}
	causes(out, r, a);
	deeds(out, r, a);
	proofs(out, r, a);
}
