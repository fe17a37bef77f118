/* What a check found, in one sentence. */
#include <inttypes.h>
#include <string.h>

#include "cmd/check_run.h"
#include "index/rank.h"
#include "spool/sys.h"

#define NAME_COLUMNS 100

struct sentence {
	struct buf *b;
	struct arena a;
	const struct check_result *r;
	const struct check_facts *f;
};

static const char *
count(struct sentence *s, double v)
{
	return rank_number(&s->a, (int64_t)v);
}

static const char *
duration(struct sentence *s, double seconds)
{
	char text[40];

	return arena_str(&s->a, cmd_duration(text, sizeof text, (int64_t)seconds));
}

/* Names are hostile, and long ones would hide the rest. */
static void
name(struct sentence *s, const char *text)
{
	size_t n = strlen(text), fits = text_fit(text, n, NAME_COLUMNS);

	buf_add(s->b, text, fits);
	if (fits < n)
		buf_puts(s->b, "...");
}

static void
of_account(struct sentence *s)
{
	const struct check_account *a = s->r->account;

	if (a == NULL) {
		buf_puts(s->b, "no account to judge");
		return;
	}
	name(s, a->name);
	switch (s->r->id) {
	case CHECK_ACCOUNT_MESSAGES:
		buf_fmt(s->b, " queued %s", count(s, (double)a->messages));
		if (a->seconds >= 0 && a->messages > 1)
			buf_fmt(s->b, " in %s", duration(s, (double)a->seconds));
		if (a->usual >= 0)
			buf_fmt(s->b, " (usual %s)", count(s, (double)a->usual));
		break;
	case CHECK_ACCOUNT_RATE:
		buf_fmt(s->b, " sent up to %s a minute", count(s, s->r->fact.v));
		break;
	case CHECK_ACCOUNT_SHARE:
		buf_fmt(s->b, " has %.1f %% of all messages", s->r->fact.v);
		break;
	default:
		buf_fmt(s->b, " sent from %s address%s", count(s, s->r->fact.v), s->r->fact.v > 1 ? "es" : "");
	}
}

static void
of_plans(struct sentence *s)
{
	const struct fact *f = &s->r->fact;

	if (f->why == NULL) {
		buf_puts(s->b, "no plan is unfinished");
		return;
	}
	buf_puts(s->b, f->why);
	if (f->v >= 1)
		buf_fmt(s->b, ", begun %s ago", duration(s, f->v));
}

static void
known(struct sentence *s)
{
	const struct fact *f = &s->r->fact;
	const char *one = f->v > 0.5 && f->v < 1.5 ? "" : "s";
	char size[16];

	switch (s->r->id) {
	case CHECK_MESSAGES: buf_fmt(s->b, "%s message%s queued", count(s, f->v), one); break;
	case CHECK_OLDEST:
		if (s->f->messages == 0)
			buf_puts(s->b, "no message is queued");
		else
			buf_fmt(s->b, "oldest message %s old", duration(s, f->v));
		break;
	case CHECK_FROZEN: buf_fmt(s->b, "%s frozen or held", count(s, f->v)); break;
	case CHECK_DEFERRED: buf_fmt(s->b, "%.1f %% deferred", f->v); break;
	case CHECK_GROWTH:
		if (f->v < 0.05)
			buf_puts(s->b, "no more messages than usual");
		else
			buf_fmt(s->b, "queue grew by %.1f usual deviations", f->v);
		break;
	case CHECK_NEW_ACCOUNTS: buf_fmt(s->b, "%s account%s never seen before", count(s, f->v), one); break;
	case CHECK_BLOCKLISTED: buf_fmt(s->b, "%s message%s refused for a blocklist or our reputation", count(s, f->v), one); break;
	case CHECK_DAMAGED: buf_fmt(s->b, "%s damaged or orphaned", count(s, f->v)); break;
	case CHECK_DISK_FREE: buf_fmt(s->b, "%sB free on the spool's disk", text_size(size, (int64_t)f->v)); break;
	case CHECK_INODES_FREE: buf_fmt(s->b, "%s inode%s free on the spool's disk", count(s, f->v), one); break;
	case CHECK_SCAN_AGE: buf_fmt(s->b, "last whole scan %s ago", duration(s, f->v)); break;
	case CHECK_INDEX: buf_puts(s->b, f->v < 0.5 ? "the index is sound" : f->why); break;
	case CHECK_MTA: buf_fmt(s->b, "%s %s", s->f->kind, f->v < 0.5 ? "does not run" : "runs"); break;
	case CHECK_UNFINISHED: of_plans(s); break;
	default: of_account(s); break;
	}
	if (f->why != NULL && s->r->id != CHECK_UNFINISHED && (s->r->id != CHECK_INDEX || f->v < 0.5))
		buf_fmt(s->b, " (%s)", f->why);
}

void
check_text(struct buf *b, const struct check_result *r, const struct check_facts *f)
{
	struct sentence s = { b, { 0 }, r, f };
	int64_t now = sys_now_us();

	if (r->past != 0) {
		buf_fmt(b, "%s ago, and not read since: ", duration(&s, r->past < now ? (double)(now - r->past) / 1e6 : 0));
		buf_puts(b, r->was_least ? "at least: " : "");
		known(&s);
		arena_free(&s.a);
		return;
	}
	switch (r->fact.how) {
	case FACT_NONE:
		buf_fmt(b, "%s: %s", check_info[r->id].name, r->fact.why != NULL ? r->fact.why : "nothing to judge");
		break;
	case FACT_UNKNOWN:
		buf_fmt(b, "%s unknown: %s", check_info[r->id].name, r->fact.why != NULL ? r->fact.why : "not read");
		break;
	case FACT_AT_LEAST:
		buf_puts(b, "at least: ");
		known(&s);
		break;
	case FACT_KNOWN:
		known(&s);
		break;
	}
	arena_free(&s.a);
}
