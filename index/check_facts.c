#include "index/check_facts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/journal.h"
#include "index/purge.h"
#include "index/rank.h"
#include "spool/addr.h"
#include "spool/msg.h"
#include "spool/sys.h"

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define HISTORY (12 * 7 * DAY)	/* earlier scans that are looked at: twelve values of an hour of the week */
#define YOUNGEST (12 * HOUR)	/* what is younger may be the incident itself */
#define HISTORY_MOST 100000
#define USUAL 5			/* for so many accounts the usual number is looked up */
#define NEW_NAMED 3

static struct fact
known(double v)
{
	return (struct fact){ FACT_KNOWN, v, NULL };
}

static struct fact
fact(enum fact_how how, double v, const char *why)
{
	return (struct fact){ how, v, why };
}

void
facts_unknown(struct check_facts *out, const char *kind, const char *root, const char *why)
{
	int i;

	memset(out, 0, sizeof *out);
	out->kind = kind;
	out->root = root;
	out->messages = -1;
	out->accounts = fact(FACT_UNKNOWN, 0, why);
	for (i = 0; i < CHECK_COUNT; i++)
		out->fact[i] = fact(FACT_UNKNOWN, 0, why);
}

/* ---- the history ---- */

/* Values of earlier scans at this hour and weekday of the machine's time. kind NULL: all messages, else those of one account (0 when it had none).
 * A scan in the future was made before the clock was set back: it says nothing. */
static int
history(double **out, size_t *n, struct index *ix, int64_t spool, const char *kind, const char *key, struct err *e)
{
	static const char sql[] = "SELECT CASE WHEN ?2 IS NULL THEN s.messages ELSE coalesce((SELECT t.messages FROM total t"
	    " WHERE t.scan = s.totals AND t.what = 'account' AND t.kind = ?2 AND t.key = ?3), 0) END FROM scan s WHERE s.spool = ?1"
	    " AND s.messages IS NOT NULL AND s.totals IS NOT NULL AND s.unknown = '[]' AND s.started BETWEEN ?4 AND ?5"
	    /* whole weeks ago, but for an hour and a summer time: that is quicker asked than strftime */
	    " AND ((?8 - s.started) % 604800000000 < 7200000000 OR (?8 - s.started) % 604800000000 > 597600000000)"
	    " AND strftime('%w %H', s.started / 1000000, 'unixepoch', 'localtime') = strftime('%w %H', ?6, 'unixepoch', 'localtime') LIMIT ?7";
	sqlite3_stmt *st = index_prepare(ix, sql, e);
	int64_t now = sys_now_us();
	size_t cap = 0;
	int rc;

	*out = NULL;
	*n = 0;
	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, spool);
	sqlite3_bind_text(st, 2, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, now - HISTORY);
	sqlite3_bind_int64(st, 5, now - YOUNGEST);
	sqlite3_bind_int64(st, 6, now / SECOND);
	sqlite3_bind_int64(st, 7, HISTORY_MOST);
	sqlite3_bind_int64(st, 8, now);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (*n == cap) {
			cap = cap != 0 ? cap * 2 : 64;
			*out = mem_grow(*out, cap * sizeof **out);
		}
		(*out)[(*n)++] = sqlite3_column_double(st, 0);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(ix, e, "read the history");
}

static int
growth(struct fact *out, struct index *ix, int64_t spool, int64_t messages, struct arena *a, struct err *e)
{
	double *v, median, mad;
	size_t n;
	int rc = history(&v, &n, ix, spool, NULL, NULL, e);

	if (rc == 0 && n < CHECK_HISTORY_MIN) {
		*out = fact(FACT_NONE, 0, "too few earlier scans at this hour and weekday");
	} else if (rc == 0) {
		median = check_median(v, n);
		mad = check_mad(v, n, median);
		*out = fact(FACT_KNOWN, check_growth((double)messages, median, mad),
		    arena_fmt(a, "usually %s at this hour and weekday", rank_number(a, (int64_t)(median + 0.5))));
	}
	free(v);
	return rc;
}

static int
usual(struct check_account *acc, const char *key, struct index *ix, int64_t spool, struct err *e)
{
	double *v;
	size_t n;
	int rc = history(&v, &n, ix, spool, acc->kind, key, e);

	if (rc == 0 && n >= CHECK_HISTORY_MIN)
		acc->usual = (int64_t)(check_median(v, n) + 0.5);
	free(v);
	return rc;
}

/* ---- the published scan ---- */

struct last {			/* the newest scan */
	int64_t spool, messages, damaged, orphans, first;	/* -1 unknown; first: start of the oldest scan */
	int is_whole;
	char *unknown;			/* names of queues, for people */
};

/* 1, 0 none, -1. */
static int
last_scan(struct last *out, struct index *ix, const char *kind, const char *root, struct arena *a, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT s.spool, coalesce(s.messages, -1), coalesce(s.damaged, -1), coalesce(s.orphans, -1),"
	    " (SELECT group_concat(CASE value WHEN '' THEN '(default queue)' WHEN '*' THEN '(whole spool)' ELSE value END, ', ')"
	    " FROM json_each(s.unknown)), (SELECT min(started) FROM scan WHERE spool = p.id), s.unknown = '[]'"
	    " FROM spool p JOIN scan s ON s.spool = p.id"
	    " WHERE p.kind = ? AND p.root = ? ORDER BY s.id DESC LIMIT 1", e);
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_text(st, 1, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, root, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		out->spool = sqlite3_column_int64(st, 0);
		out->messages = sqlite3_column_int64(st, 1);
		out->damaged = sqlite3_column_int64(st, 2);
		out->orphans = sqlite3_column_int64(st, 3);
		if (sqlite3_column_type(st, 4) != SQLITE_NULL)
			out->unknown = arena_str(a, (const char *)sqlite3_column_text(st, 4));
		out->first = sqlite3_column_int64(st, 5);
		out->is_whole = sqlite3_column_int(st, 6);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : index_err(ix, e, "read the last scan");
}

static int
sums(struct check_facts *f, struct index *ix, const struct last *l, const char *why, struct arena *a, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT count(*), total(state IN ('frozen', 'held')), total(state = 'deferred'), min(arrived)"
	    " FROM message WHERE spool = ? AND gone_scan IS NULL", e);
	enum fact_how how = l->is_whole ? FACT_KNOWN : FACT_AT_LEAST;
	int64_t now = sys_now_us(), oldest;
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, l->spool);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		f->messages = sqlite3_column_int64(st, 0);
		oldest = sqlite3_column_type(st, 3) != SQLITE_NULL ? sqlite3_column_int64(st, 3) : now;
		f->fact[CHECK_MESSAGES] = fact(how, (double)f->messages, why);
		f->fact[CHECK_FROZEN] = fact(how, sqlite3_column_double(st, 1), why);
		f->fact[CHECK_OLDEST] = fact(how, oldest < now ? (double)(now - oldest) / 1e6 : 0, why);
		f->fact[CHECK_DEFERRED] = !l->is_whole ? fact(FACT_UNKNOWN, 0, why) : f->messages == 0 ? known(0) :
		    fact(FACT_KNOWN, 100 * sqlite3_column_double(st, 2) / (double)f->messages, arena_fmt(a, "%s of %s",
		    rank_number(a, (int64_t)sqlite3_column_double(st, 2)), rank_number(a, f->messages)));
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : index_err(ix, e, "read");
}

/* Accounts that were never met until within the last day. First seen in the future: before the clock was set back. */
static int
new_accounts(struct fact *out, struct index *ix, const struct last *l, struct arena *a, struct err *e)
{
	int64_t now = sys_now_us(), n = 0;
	const char *names = "";
	sqlite3_stmt *st;
	int rc;

	if (l->first > now - 7 * DAY) {
		*out = fact(FACT_NONE, 0, "the history is shorter than a week");
		return 0;
	}
	st = index_prepare(ix, "SELECT name, kind FROM account a WHERE kind IN ('auth', 'local') AND first_seen BETWEEN ?2 AND ?3"
	    " AND EXISTS(SELECT 1 FROM message m WHERE m.account = a.id AND m.gone_scan IS NULL AND m.spool = ?1) ORDER BY first_seen DESC", e);
	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, l->spool);
	sqlite3_bind_int64(st, 2, now - DAY);
	sqlite3_bind_int64(st, 3, now);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		if (n++ < NEW_NAMED)
			names = arena_fmt(a, "%s%s%.100s", names, n > 1 ? ", " : "", (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	*out = fact(l->is_whole ? FACT_KNOWN : FACT_AT_LEAST, (double)n, n > NEW_NAMED ? arena_fmt(a, "%s ...", names) : n > 0 ? names : NULL);
	return rc == SQLITE_DONE ? 0 : index_err(ix, e, "read");
}

static int
is_sender(const struct rank_row *r)
{
	return r->key != NULL && r->kind != NULL && strcmp(r->kind, "bounce") != 0 && r->messages > 0;
}

static int
take_accounts(struct check_facts *f, const struct rank *r, struct index *ix, const struct last *l, const struct check_known *known_ones,
    struct arena *a, struct err *e)
{
	struct check_account *v = arena_zero(a, (r->n + 1) * sizeof *v), *acc;
	const struct rank_row *row;
	size_t i, n = 0;

	for (i = 0; i < r->n; i++) {
		row = &r->row[i];
		if (!is_sender(row))
			continue;
		acc = &v[n++];
		acc->kind = arena_str(a, row->kind);
		acc->name = arena_str(a, row->key);
		acc->messages = row->messages;
		acc->per_minute = row->peak_per_minute;
		acc->clients = row->clients;
		acc->seconds = row->last >= row->first && row->peak_per_minute >= 0 ? (row->last - row->first) / SECOND : -1;
		acc->usual = -1;
	}
	check_known_mark(v, n, known_ones);
	for (i = 0; i < n && i < USUAL; i++)
		if (usual(&v[i], addr_key(a, v[i].name), ix, l->spool, e) < 0)
			return -1;
	f->account = v;
	f->naccounts = n;
	return 0;
}

/* How many messages have a log that could not be read: a reply that names a list may stand in it. */
static int
unlogged(int64_t *out, struct index *ix, int64_t spool, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT count(*) FROM message m WHERE m.spool = ? AND m.gone_scan IS NULL AND " INDEX_UNLOGGED, e);
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, spool);
	rc = index_row(ix, st, e);
	*out = rc == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

static int
accounts(struct check_facts *f, struct index *ix, const struct last *l, const struct check_known *known_ones, const char *why,
    struct arena *a, struct err *e)
{
	struct selection *s = selection_new();
	struct rank *r = NULL;
	int64_t logs = 0;
	int rc = -1;

	if (selection_add(s, SEL_SPOOL, arena_fmt(a, "%s:%s", f->kind, f->root), e) == 0 && rank_make(&r, ix, s, RANK_ACCOUNT, e) == 0)
		rc = take_accounts(f, r, ix, l, known_ones, a, e);
	if (rc == 0)
		rc = unlogged(&logs, ix, l->spool, e);
	if (rc == 0) {
		f->accounts = fact(l->is_whole ? FACT_KNOWN : FACT_AT_LEAST, 0, why);
		f->fact[CHECK_BLOCKLISTED] = fact(logs > 0 ? FACT_AT_LEAST : f->accounts.how, (double)r->blocklisted, logs == 0 ? why :
		    arena_fmt(a, "the log%s of %lld message%s could not be read", rank_plural(logs), (long long)logs, rank_plural(logs)));
	}
	rank_free(r);
	selection_free(s);
	return rc;
}

int
facts_from_index(struct check_facts *out, struct index *ix, const char *kind, const char *root, const struct check_known *known_ones,
    struct arena *a, struct err *e)
{
	struct last l = { 0 };
	const char *why = NULL;
	int rc = last_scan(&l, ix, kind, root, a, e);

	if (rc != 1)
		return rc;
	out->kind = kind;
	out->root = root;
	if (!l.is_whole)
		why = arena_fmt(a, "not wholly read: %.200s", l.unknown != NULL ? l.unknown : "?");
	if (l.messages < 0) {	/* nothing at all was read */
		facts_unknown(out, kind, root, why);
		return 1;
	}
	if (sums(out, ix, &l, why, a, e) < 0 || accounts(out, ix, &l, known_ones, why, a, e) < 0 ||
	    new_accounts(&out->fact[CHECK_NEW_ACCOUNTS], ix, &l, a, e) < 0 ||
	    growth(&out->fact[CHECK_GROWTH], ix, l.spool, out->messages, a, e) < 0)
		return -1;
	if (!l.is_whole && out->fact[CHECK_GROWTH].how == FACT_KNOWN)
		out->fact[CHECK_GROWTH].how = FACT_AT_LEAST;
	/* half a message of Exim or SmarterMail is a damaged one already */
	out->fact[CHECK_DAMAGED] = fact(l.is_whole ? FACT_KNOWN : FACT_AT_LEAST,
	    (double)(l.damaged + (strcmp(kind, "postfix") == 0 ? l.orphans : 0)), why);
	return 1;
}

/* ---- a scan that was cut short ---- */

void
facts_from_partial(struct check_facts *out, const struct partial *p, int64_t found, const char *why, const struct check_known *known_ones,
    struct arena *a)
{
	struct check_account *v = arena_zero(a, (p->naccounts + 1) * sizeof *v);
	int64_t now = sys_now_us();
	size_t i;

	for (i = 0; i < p->naccounts; i++) {
		v[i].kind = arena_str(a, p->account[i].kind);
		v[i].name = arena_str(a, p->account[i].name);
		v[i].messages = p->account[i].messages;
		v[i].per_minute = p->account[i].per_minute;
		v[i].clients = p->account[i].clients;
		v[i].seconds = p->account[i].first != MSG_NO_TIME ? (p->account[i].last - p->account[i].first) / SECOND : -1;
		v[i].usual = -1;
	}
	check_known_mark(v, p->naccounts, known_ones);
	out->account = v;
	out->naccounts = p->naccounts;
	out->accounts = fact(FACT_AT_LEAST, 0, why);
	out->messages = -1;
	out->fact[CHECK_MESSAGES] = fact(FACT_AT_LEAST, (double)(found > p->messages ? found : p->messages), why);
	out->fact[CHECK_FROZEN] = fact(FACT_AT_LEAST, (double)p->frozen, why);
	out->fact[CHECK_DAMAGED] = fact(FACT_AT_LEAST, (double)p->damaged, why);
	out->fact[CHECK_BLOCKLISTED] = fact(FACT_AT_LEAST, (double)p->blocklisted, why);
	out->fact[CHECK_OLDEST] = fact(FACT_AT_LEAST, p->oldest != MSG_NO_TIME && p->oldest < now ? (double)(now - p->oldest) / 1e6 : 0, why);
}

/* ---- what is around ---- */

struct oldest {
	struct journal *j;
	struct spool *sp;
	struct arena *a;
	int64_t now, age;
	const char *why;
	int64_t holder;
	int failed;		/* the journal could not be read: why is in e */
	struct err *e;
};

static void
older(struct oldest *o, int64_t since, const char *why)
{
	int64_t age = since > 0 && since < o->now ? o->now - since : 0;

	if (o->why == NULL || age > o->age) {
		o->age = age;
		o->why = why;
	}
}

static void
one_leftover(void *arg, const struct purge_leftover *l)
{
	struct oldest *o = arg;
	struct plan p;
	int rc = l->plan == 0 || o->j == NULL ? 0 : journal_plan(&p, o->j, l->plan, o->a, o->e);

	if (l->holder != 0)
		o->holder = l->holder;
	if (rc < 0)
		o->failed = 1;
	else if (rc == 0)
		older(o, l->since, arena_fmt(o->a, "private folder %.60s of a plan that this index does not know", l->folder));
	else if (p.kind == PLAN_HOLD && p.state == PLAN_TAKEN)
		older(o, p.started, arena_fmt(o->a, "plan %" PRId64 " holds %s message%s", p.id, rank_number(o->a, p.count[ITEM_TAKEN]),
		    rank_plural(p.count[ITEM_TAKEN])));
	else if (p.state != PLAN_DONE && p.state != PLAN_UNDONE)
		older(o, p.started != 0 ? p.started : p.created, arena_fmt(o->a, "plan %" PRId64 " is not finished", p.id));
}

static int
look_for_plans(struct oldest *o, struct spool *sp, const char *ix_path, struct arena *a, struct err *e)
{
	int rc;

	memset(o, 0, sizeof *o);
	o->sp = sp;
	o->a = a;
	o->e = e;
	o->now = sys_now_us();
	if (journal_open(&o->j, ix_path, 0, e) < 0 && e->sys != ENOENT)
		return -1;
	rc = purge_leftovers(sp, o->j, one_leftover, o, e);
	journal_close(o->j);
	return o->failed ? -1 : rc;
}

static struct fact
unfinished(int64_t *holder, struct spool *sp, const char *ix_path, struct arena *a)
{
	struct oldest o;
	struct err e = { 0, "" };

	if (look_for_plans(&o, sp, ix_path, a, &e) < 0)
		return fact(FACT_UNKNOWN, 0, arena_str(a, e.text));
	*holder = o.holder;
	if (o.holder != 0)
		o.why = arena_fmt(a, "%s; process %" PRId64 " is at work on it", o.why != NULL ? o.why : "a plan", o.holder);
	return fact(FACT_KNOWN, (double)o.age / 1e6, o.why);
}

/* The newest scan of a spool: sql has its kind and root as parameters. NULL: none, or it cannot be asked. Finalize it. */
static sqlite3_stmt *
ask(struct index *ix, const struct spool *sp, const char *sql)
{
	sqlite3_stmt *st = index_prepare(ix, sql, NULL);

	if (st == NULL)
		return NULL;
	sqlite3_bind_text(st, 1, sp->driver->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, sp->root, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
		return st;
	sqlite3_finalize(st);
	return NULL;
}

int64_t
facts_published(struct index *ix, const struct spool *sp)
{
	sqlite3_stmt *st = ask(ix, sp, "SELECT s.finished FROM scan s JOIN spool p ON p.id = s.spool WHERE p.kind = ? AND p.root = ?"
	    " ORDER BY s.id DESC LIMIT 1");	/* not the latest date: a clock that was ahead for a day would make all fresh for a day */
	int64_t at, now = sys_now_us();

	if (st == NULL)
		return -1;
	at = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return at < now ? now - at : 0;
}

const char *
facts_kind(struct index *ix, const char *root, struct arena *a)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT max(kind) FROM spool WHERE root = ? HAVING count(*) = 1", NULL);
	const char *kind = NULL;

	if (st == NULL)
		return NULL;
	sqlite3_bind_text(st, 1, root, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW)
		kind = arena_str(a, (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return kind;
}

const char *
facts_zone(struct index *ix, const struct spool *sp, struct arena *a)
{
	sqlite3_stmt *st = ask(ix, sp, "SELECT s.timezone FROM scan s JOIN spool p ON p.id = s.spool WHERE p.kind = ? AND p.root = ?"
	    " ORDER BY s.id DESC LIMIT 1");
	const char *zone = NULL;

	if (st != NULL)
		zone = arena_str(a, (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return zone;
}

static struct fact
scan_age(struct index *ix, const struct spool *sp, struct arena *a)
{
	sqlite3_stmt *st = ix == NULL ? NULL : ask(ix, sp, "SELECT s.finished FROM scan s JOIN spool p ON p.id = s.spool"
	    " WHERE p.kind = ? AND p.root = ? AND s.unknown = '[]' ORDER BY s.id DESC LIMIT 1");
	int64_t at, now = sys_now_us();
	struct fact f;

	if (st == NULL)
		return fact(FACT_UNKNOWN, 0, ix == NULL ? "the index cannot be asked" : "never wholly scanned");
	at = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	f = known(at < now ? (double)(now - at) / 1e6 : 0);
	if (at > now + 60 * SECOND)
		f.why = arena_fmt(a, "it is dated %s min ahead: the clock was set back", rank_number(a, (at - now) / (60 * SECOND)));
	return f;
}

void
facts_around(struct check_facts *out, struct spool *sp, struct index *ix, const char *ix_path, struct arena *a)
{
	uint64_t n;
	int rc = sys_space(&n, sp->dir), runs = sp->driver->running(sp);

	out->fact[CHECK_DISK_FREE] = rc == 0 ? known((double)n) : fact(FACT_UNKNOWN, 0, sys_error(rc));
	rc = sys_inodes(&n, sp->dir);
	out->fact[CHECK_INODES_FREE] = rc == 0 ? known((double)n) : rc == ENOTSUP ?
	    fact(FACT_NONE, 0, "this file system has no fixed number") : fact(FACT_UNKNOWN, 0, sys_error(rc));
	out->fact[CHECK_MTA] = runs >= 0 ? known(runs) : fact(FACT_UNKNOWN, 0, "cannot tell whether it runs");
	out->fact[CHECK_UNFINISHED] = unfinished(&out->holder, sp, ix_path, a);
	out->fact[CHECK_SCAN_AGE] = scan_age(ix, sp, a);
}

static int
is_late(void *end)
{
	return sys_clock_us() > *(const int64_t *)end;
}

/* PRAGMA quick_check reads the whole file: what is too large for the time is at least open and written to. */
struct fact
facts_index(struct index *ix, const char *fault, int64_t us, struct arena *a)
{
	int64_t end = sys_clock_us() + us;
	struct fact f = known(0);
	const char *found;
	sqlite3_stmt *st;
	int rc;

	if (fault != NULL)
		return fact(FACT_KNOWN, 1, fault);
	st = index_prepare(ix, "PRAGMA quick_check(1)", NULL);
	if (st == NULL)
		return fact(FACT_KNOWN, 1, arena_fmt(a, "index %s: %s", ix->path, sqlite3_errmsg(ix->db)));
	sqlite3_progress_handler(ix->db, 1000, is_late, &end);
	rc = sqlite3_step(st);
	found = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : "ok";
	if (strcmp(found, "ok") != 0) {	/* a line "*** in database main ***" may come first */
		found += found[0] == '*' ? strcspn(found, "\n") + (strchr(found, '\n') != NULL) : 0;
		f = fact(FACT_KNOWN, 1, arena_fmt(a, "index %s is damaged: %.*s (move it away, and scan again)", ix->path, (int)strcspn(found, "\n"), found));
	}
	if (rc != SQLITE_ROW && (rc & 0xff) != SQLITE_INTERRUPT)
		f = fact(FACT_KNOWN, 1, arena_fmt(a, "index %s: %s", ix->path, sqlite3_errmsg(ix->db)));
	else if (rc != SQLITE_ROW)
		f.why = "too large to be read through now";
	sqlite3_progress_handler(ix->db, 0, NULL, NULL);
	sqlite3_finalize(st);
	return f;
}
