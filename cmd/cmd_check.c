#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/check_run.h"
#include "cmd/cmd.h"
#include "index/check_facts.h"
#include "index/check_past.h"
#include "index/rank.h"
#include "index/scan.h"
#include "spool/arena.h"
#include "spool/spool.h"
#include "spool/sys.h"

#define KNOWN_MAX ((size_t)4 << 20)
#define INDEX_CHECK_US INT64_C(1000000)
#define AFTER_US INT64_C(6000000)	/* behind --timeout: a command has 5 s of it, however late the check is */
#define FRESH_US (INT64_C(15) * 60 * 1000000)	/* a published scan that is good enough while another one runs */
#define TIMEOUT_S 10

static int run(struct context *c);

static const struct opt opts[] = {
	{ "warning", 'w', "NAME=RANGE", OPT_WARNING, "range of a check outside of which it is WARNING; empty: off" },
	{ "critical", 'c', "NAME=RANGE", OPT_CRITICAL, "the same for CRITICAL" },
	{ "known", 0, "FILE", OPT_KNOWN, "accounts that may send much: \"kind:account [messages]\" a line" },
	{ "list", 0, NULL, OPT_LIST, "print every check, its default ranges and its meaning" },
	{ "timeout", 't', "AGE", OPT_TIMEOUT, "answer within so long (default 10 s): CRITICAL or UNKNOWN past it" },
	{ "metrics", 0, "FILE", OPT_METRICS, "write Prometheus text for the textfile collector of node_exporter" },
	{ "metrics-domains", 0, NULL, OPT_METRICS_DOMAINS, "with the messages of each domain in it" },
	{ "on-alert", 0, "COMMAND", OPT_ON_ALERT, "run this once per change of state, with the JSON on its stdin" },
	{ "repeat", 0, "AGE", OPT_REPEAT, "run it again after so long while the state is not OK" },
	{ "timezone", 0, "NAME", OPT_TIMEZONE, "IANA zone of local times in a spool (default: that of its last scan)" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_check = {
	"check", "[--warning NAME=RANGE] [--critical NAME=RANGE] [--timeout AGE] [--known FILE] [--metrics FILE] [--metrics-domains] [--on-alert COMMAND] [--repeat AGE] [--list] [--timezone NAME] [SPOOL ...]",
	"health check: a plugin for monitoring systems",
	"Scans what has changed and judges it. SPOOL as for scan; without it those that \"spoolsweep\n"
	"spools\" finds. One line with performance data, more with -v, an object a check with --json.\n"
	"RANGE: 10 (0 to 10), 10: (10 and more), ~:10 (up to 10), 10:20, @10:20 (not in it), with\n"
	"units such as 90m, 5GiB, 80%. --warning and --critical may be repeated. What was read\n"
	"before a time-out is kept for the next check.\n"
	"Exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, mistakes and this help.\n",
	opts, 0, 0, SIZE_MAX, run
};

static char *
copy(struct arena *a, const char *s)
{
	return s != NULL ? arena_str(a, s) : NULL;
}

/* ---- options ---- */

static int
read_known(struct check_run *r, const char *path, struct err *e)
{
	FILE *f = fopen(path, "rb");
	struct buf b;
	char piece[16384];
	size_t n;
	int rc = -1;

	if (f == NULL)
		return err_set(e, errno, "--known %s", path);
	buf_init(&b, KNOWN_MAX);
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_add(&b, piece, n);
	if (ferror(f))
		err_set(e, errno, "--known %s: read", path);
	else if (b.cut)
		err_set(e, 0, "--known %s: larger than %zu MiB", path, KNOWN_MAX >> 20);
	else if (check_known_parse(&r->known, buf_cstr(&b), b.n, &r->arena, e) < 0)
		err_wrap(e, "--known %s", path);
	else
		rc = 0;
	fclose(f);
	buf_free(&b);
	return rc;
}

static int
options(struct check_run *r, struct err *e)
{
	const char *timeout = r->c->opt[OPT_TIMEOUT], *repeat = r->c->opt[OPT_REPEAT];
	double seconds = 0;
	const struct given *g;

	check_defaults(&r->limits);
	r->timeout = TIMEOUT_S;
	if (timeout != NULL && (range_number(&r->timeout, timeout, RANGE_SECONDS) < 0 || r->timeout < 0.01 || r->timeout > 86400))
		return err_set(e, 0, "check: --timeout: \"%.60s\" is no time from 0.01 s to a day, such as 10 or 4m", timeout);
	if (repeat != NULL && (range_number(&seconds, repeat, RANGE_SECONDS) < 0 || seconds < 1 || seconds > 1e9))
		return err_set(e, 0, "check: --repeat: \"%.60s\" is no time such as 30m or 1d", repeat);
	r->repeat = (int64_t)(seconds * 1e6);
	if (r->c->opt[OPT_METRICS] != NULL && *r->c->opt[OPT_METRICS] == '\0')
		return err_set(e, 0, "check: --metrics needs the name of a file");
	for (g = r->c->given; g != NULL && g < r->c->given + r->c->ngiven; g++)
		if ((g->key == OPT_WARNING || g->key == OPT_CRITICAL) &&
		    check_limit_set(&r->limits, g->key == OPT_CRITICAL, g->value, e) < 0)
			return err_wrap(e, "check");
	if (r->c->opt[OPT_KNOWN] != NULL && read_known(r, r->c->opt[OPT_KNOWN], e) < 0)
		return err_wrap(e, "check");
	return 0;
}

struct look {
	struct check_run *r;
	struct index *ix;		/* NULL: fault says why */
	char *ix_path;
	const char *fault;		/* what could not be done with the index */
	const char *zone;		/* this machine's, or the one that was given */
	int64_t end;			/* sys_clock_us: when an answer must be there */
};

static void
fault(struct look *l, const struct err *e)
{
	if (l->fault == NULL)
		l->fault = copy(&l->r->arena, e->text);
}

/* ---- the spools ---- */

static void
add_spool(struct check_run *r, const char *arg)
{
	r->v[r->n++].arg = copy(&r->arena, arg);
}

/* Of "KIND:DIR", also when there is no such folder; NULL of "DIR". */
static const char *
kind_asked(const char *arg)
{
	size_t i, n = strcspn(arg, ":");

	for (i = 0; arg[n] == ':' && spool_drivers[i] != NULL; i++)
		if (strlen(spool_drivers[i]->name) == n && memcmp(spool_drivers[i]->name, arg, n) == 0)
			return spool_drivers[i]->name;
	return NULL;
}

/* The name that a folder has in the index, which may be away: the folder above it is asked. */
static const char *
root_of(struct look *l, const char *path)
{
	char *real = sys_realpath(path, NULL), *parent = NULL, *above = NULL;
	const char *name, *root;
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (real == NULL) {
		path = arena_dup(&l->r->arena, path, n);
		parent = sys_parent(path, &name);
		above = sys_realpath(parent, NULL);
	}
	root = real != NULL ? copy(&l->r->arena, real) : above != NULL ? arena_fmt(&l->r->arena, "%s/%s", above, name) : copy(&l->r->arena, path);
	free(real);
	free(parent);
	free(above);
	return root;
}

/* It goes by the same name as when it could be opened: alerts and graphs know it by that. */
static void
name_closed(struct look *l, struct check_spool *s, const char *why)
{
	const char *kind = kind_asked(s->arg), *root = root_of(l, kind != NULL ? s->arg + strlen(kind) + 1 : s->arg);

	if (kind == NULL && l->ix != NULL)
		kind = facts_kind(l->ix, root, &l->r->arena);
	facts_unknown(&s->facts, kind, root, why);
}

static void
open_spool(struct look *l, struct check_spool *s, const struct spool_options *opt)
{
	struct err e = { 0, "" };

	if (spool_open(&s->sp, s->arg, opt, &e) < 0)
		name_closed(l, s, copy(&l->r->arena, e.text));
	else
		facts_unknown(&s->facts, s->sp->driver->name, s->sp->root, "not read");
}

static int
is_same(const struct check_spool *a, const struct check_spool *b)
{
	const char *x = a->facts.kind, *y = b->facts.kind;

	return (x == NULL ? y == NULL : y != NULL && strcmp(x, y) == 0) && strcmp(a->facts.root, b->facts.root) == 0;
}

/* A spool by two names is judged once: a sample that comes twice makes Prometheus refuse the whole file. */
static void
drop_doubles(struct check_run *r)
{
	size_t i, k, n = 0;

	for (i = 0; i < r->n; i++) {
		for (k = 0; k < n && !is_same(&r->v[k], &r->v[i]); k++)
			;
		if (k < n)
			spool_close(r->v[i].sp);
		else
			r->v[n++] = r->v[i];
	}
	r->n = n;
}

/* Which of the spools are this machine's own: there a stopped MTA is a fault. */
static void
mark_ours(struct check_run *r, const struct spool_place *p, size_t n)
{
	size_t i, k;

	for (i = 0; i < r->n; i++)
		for (k = 0; k < n; k++)
			if (r->v[i].sp != NULL && strcmp(p[k].kind, r->v[i].sp->driver->name) == 0 && strcmp(p[k].dir, r->v[i].sp->root) == 0)
				r->v[i].facts.is_ours = 1;
}

/* "postfix" alone, "postfix:/srv/a" beside another of its kind: a label must mean the same spool tomorrow. */
static void
label(struct check_run *r, struct check_spool *s)
{
	size_t i;

	s->label = s->facts.kind != NULL ? s->facts.kind : s->arg;
	for (i = 0; i < r->n; i++)
		if (&r->v[i] != s && s->facts.kind != NULL && r->v[i].facts.kind != NULL && strcmp(r->v[i].facts.kind, s->facts.kind) == 0)
			s->label = arena_fmt(&r->arena, "%s:%s", s->facts.kind, s->facts.root);
}

static void
open_all(struct look *l, const struct spool_options *opt)
{
	struct check_run *r = l->r;
	struct spool_place *place;
	size_t i, n = spools_find(&place);

	r->v = mem_new((r->c->narg + n + 1) * sizeof *r->v);
	for (i = 0; i < r->c->narg; i++)
		add_spool(r, r->c->arg[i]);
	for (i = 0; r->c->narg == 0 && i < n; i++)
		add_spool(r, place[i].arg);
	if (r->n == 0)
		r->no_spool = spools_looked_for();
	for (i = 0; i < r->n; i++)
		open_spool(l, &r->v[i], opt);
	drop_doubles(r);
	for (i = 0; i < r->n; i++)
		label(r, &r->v[i]);
	mark_ours(r, place, n);
	spools_free(place, n);
}

/* ---- looking ---- */

/* Facts of this spool begin anew, all unknown. */
static void
forget(struct check_spool *s, const char *why)
{
	int ours = s->facts.is_ours;

	facts_unknown(&s->facts, s->sp->driver->name, s->sp->root, why);
	s->facts.is_ours = ours;
}

/* readdir alone gives the number of messages, when nothing else can be had. -1 and err: it is the spool that cannot be read. */
static int
count_only(struct check_spool *s, int64_t until, const char *why, struct err *e)
{
	struct arena a = { 0 };
	struct spool_item it;
	int64_t n = 0;
	int rc = spool_begin(s->sp, e);

	for (; rc >= 0 && (rc = spool_next(&it, s->sp, &a, e)) == 1; s->counted = n) {
		if (++n % 1024 != 0)
			continue;
		arena_reset(&a);
		if (sys_clock_us() > until)
			break;
	}
	arena_free(&a);
	s->facts.fact[CHECK_MESSAGES].how = rc == 0 && s->sp->nunknown == 0 ? FACT_KNOWN : n > 0 ? FACT_AT_LEAST : FACT_UNKNOWN;
	s->facts.fact[CHECK_MESSAGES].v = (double)n;
	s->facts.fact[CHECK_MESSAGES].why = why;
	return rc < 0 ? -1 : 0;
}

static void
judge_by_index(struct look *l, struct check_spool *s)
{
	struct err e = { 0, "" };

	forget(s, "no scan is published");
	if (facts_from_index(&s->facts, l->ix, s->sp->driver->name, s->sp->root, &l->r->known, &l->r->arena, &e) < 0) {
		forget(s, copy(&l->r->arena, e.text));
		fault(l, &e);
	}
}

static void
cut_short(struct look *l, struct check_spool *s, const struct scan_stats *st)
{
	struct arena *a = &l->r->arena;
	const char *why = arena_fmt(a, "not read to the end within %g s: %s of %s messages%s%s%s", l->r->timeout, rank_number(a, st->read),
	    rank_number(a, st->found), st->taken_over > 0 ? ", " : "", st->taken_over > 0 ? rank_number(a, st->taken_over) : "",
	    st->taken_over > 0 ? " of these by earlier checks" : "");

	forget(s, why);
	facts_from_partial(&s->facts, st->partial, st->found, why, &l->r->known, a);
	s->facts.is_late = 1;
	l->r->timed_out = 1;
}

/* Another scan is at work: what it published last is good enough when it is fresh, else only a count can be had. */
static void
locked(struct look *l, struct check_spool *s, const struct scan_stats *st, int64_t until)
{
	const char *why = arena_fmt(&l->r->arena, "another scan (process %" PRId64 ") is at work", st->locked_by);
	int64_t age = facts_published(l->ix, s->sp);
	char ago[40];

	if (age >= 0 && age <= FRESH_US) {
		judge_by_index(l, s);
		s->facts.note = arena_fmt(&l->r->arena, "judged by the scan of %s ago, since %s", cmd_duration(ago, sizeof ago, age / 1000000), why);
		return;
	}
	forget(s, why);
	s->facts.is_late = 1;
	count_only(s, until, why, NULL);
	if (s->facts.fact[CHECK_MESSAGES].how == FACT_KNOWN)
		s->facts.fact[CHECK_MESSAGES].how = FACT_AT_LEAST;
}

static void
count_progress(void *arg, const struct scan_progress *p)
{
	struct check_spool *s = arg;

	s->counted = (long long)p->found;
}

/* The index could not be written to, or the spool not be read: the count tells which. */
static void
not_scanned(struct look *l, struct check_spool *s, int64_t until, const struct err *e)
{
	const char *why = l->ix == NULL ? l->fault : copy(&l->r->arena, e->text);
	struct err spool_error = { 0, "" };

	forget(s, why);
	if (count_only(s, until, "counted, not read", &spool_error) < 0)
		forget(s, copy(&l->r->arena, spool_error.text));
	else if (l->ix != NULL)
		fault(l, e);
}

static void
look_with_zone(struct look *l, struct check_spool *s, const char *zone, int64_t share)
{
	int64_t now = sys_clock_us();
	struct scan_options opt = { .zone = zone, .progress = count_progress, .progress_arg = s, .read_until = now + share * 70 / 100,
	    .walk_until = now + share * 80 / 100, .end = now + share * 95 / 100 };
	struct scan_stats stats;
	struct err e = { 0, "" };

	memset(&stats, 0, sizeof stats);
	opt.lock_wait_s = share >= 3000000 ? (int)(share / 3000000) : -1;
	if (l->ix != NULL && scan_spool(&stats, l->ix, s->sp, &opt, &e) == 0) {
		if (stats.is_cut)
			cut_short(l, s, &stats);
		else
			judge_by_index(l, s);
		s->facts.taken_over = stats.taken_over;
	} else if (stats.locked_by != 0) {
		locked(l, s, &stats, opt.walk_until);
	} else {
		not_scanned(l, s, opt.walk_until, &e);
	}
	scan_stats_free(&stats);
	facts_around(&s->facts, s->sp, l->ix, l->ix_path, &l->r->arena);
	s->is_done = 1;
}

/* A spool with local times is read in the zone of its last scan, unless one was given: else each check would read it all anew. */
static void
look_at(struct look *l, struct check_spool *s, int64_t share)
{
	const char *zone = l->r->c->opt[OPT_TIMEZONE] == NULL && l->ix != NULL && s->sp->driver->has_local_times ?
	    facts_zone(l->ix, s->sp, &l->r->arena) : NULL;
	struct sys_zone *other = NULL, *back = NULL;

	if (zone != NULL && strcmp(zone, l->zone) != 0 && sys_zone_load(&other, zone, NULL) == 0) {
		s->sp->opt.zone = other;
		look_with_zone(l, s, zone, share);
		sys_zone_load(&back, l->zone, NULL);	/* it is the process's */
	} else {
		look_with_zone(l, s, l->zone, share);
	}
	sys_zone_free(other);
	sys_zone_free(back);
}

/* ---- the whole ---- */

static void
judge(struct check_run *r)
{
	size_t i;
	int id;

	r->state = CHECK_OK;
	for (i = 0; i < r->n; i++) {
		r->v[i].facts.past = r->v[i].has_past ? r->v[i].past : NULL;
		r->v[i].facts.known = &r->known;
		check_judge_all(r->v[i].result, &r->limits, &r->v[i].facts);
		for (id = 0; id < CHECK_COUNT; id++)
			if (id != CHECK_INDEX)
				r->state = check_worse(r->state, r->v[i].result[id].state);
	}
	check_judge(&r->index, CHECK_INDEX, &r->limits, &r->index_facts);
	r->state = check_worse(r->state, r->index.state);
	if (r->no_spool != NULL || r->timed_out)	/* never OK, whatever checks are switched off */
		r->state = check_worse(r->state, CHECK_UNKNOWN);
}

/* 1 when it is over before the time is. */
static int
wait_until(int64_t end, struct sys_mutex *lock, const int *is_over)
{
	int over = 0;

	while (!over && sys_clock_us() < end) {
		sys_sleep_ms(10);
		sys_mutex_lock(lock);
		over = *is_over;
		sys_mutex_unlock(lock);
	}
	return over;
}

/* What comes behind the answer can wait for ever as what comes before it can: for the index's lock, its disk. */
struct ending {
	struct sys_mutex *lock;
	int is_over;
	int64_t end;
	enum check_state state;
};

static void
end_it(void *arg)
{
	struct ending *g = arg;

	if (wait_until(g->end, g->lock, &g->is_over))
		return;
	cmd_say("check: the index does not answer: whether the state has changed is not kept there");
	_Exit((int)g->state);
}

/* The alert, and the end of the process when it takes too long. ix_path NULL: the index does not answer. */
static void
alert(struct check_run *r, const char *ix_path, int64_t end)
{
	struct ending g = { .end = end + AFTER_US, .state = r->state };
	struct sys_thread *thread = NULL;

	g.lock = sys_mutex_new();
	(void)sys_thread_start(&thread, end_it, &g, NULL);	/* without it the alert is as good, but for the time it takes */
	check_alert(r, ix_path, end);
	sys_mutex_lock(g.lock);
	g.is_over = 1;
	sys_mutex_unlock(g.lock);
	sys_thread_join(thread);
	sys_mutex_free(g.lock);
}

static void
tell(struct check_run *r, const char *ix_path, int64_t end)
{
	struct err e = { 0, "" };

	if (r->c->opt[OPT_METRICS] != NULL && check_metrics(r->c->opt[OPT_METRICS], r, r->c->opt[OPT_METRICS_DOMAINS] != NULL, &e) < 0) {
		r->trouble = arena_fmt(&r->arena, "no metrics: %s", e.text);
		r->state = check_worse(r->state, CHECK_UNKNOWN);
	}
	if (r->c->format == OUT_TABLE)
		check_out_plugin(&r->c->out, r);
	else
		check_out_rows(&r->c->out, r);
	out_flush(&r->c->out);
	alert(r, ix_path, end);
}

static void
load_past(struct look *l, struct check_spool *s)
{
	struct err e = { 0, "" };

	if (l->ix == NULL || s->sp == NULL)
		return;
	if (past_load(s->past, l->ix, s->sp->driver->name, s->sp->root, &l->r->arena, &e) < 0)
		fault(l, &e);
	else
		s->has_past = 1;
}

static void
open_index(struct look *l)
{
	struct err e = { 0, "" };

	if (index_open(&l->ix, l->ix_path, INDEX_WRITE, &e) < 0)
		fault(l, &e);
	else
		sqlite3_busy_timeout(l->ix->db, (int)(l->r->timeout * 1000));
}

static void
look(struct check_run *r, struct look *l)
{
	int64_t left;
	size_t i;

	/* From here on hostile bytes are parsed. A confined process could start no mailer and perhaps write no other folder. */
	if (l->ix != NULL && r->c->opt[OPT_ON_ALERT] == NULL && r->c->opt[OPT_METRICS] == NULL)
		cmd_confine(l->ix);
	for (i = 0; i < r->n; i++)
		load_past(l, &r->v[i]);
	for (i = 0; i < r->n; i++)
		if (r->v[i].sp != NULL)
			look_at(l, &r->v[i], (l->end - sys_clock_us()) / (int64_t)(r->n - i));
	facts_unknown(&r->index_facts, NULL, NULL, NULL);
	left = (l->end - sys_clock_us()) / 4;
	r->index_facts.fact[CHECK_INDEX] = facts_index(l->ix, l->fault, left < INDEX_CHECK_US ? left : INDEX_CHECK_US, &r->arena);
	index_close(l->ix);
}

/* ---- the watchdog ----
 * A system call may hang for ever (a network file system, a sick disk): who waits for an answer gets it from another thread, made of the
 * spools that are done and of what was counted in the others. It ends the process; what is half written is rolled back by the next opener. */

struct watchdog {
	const struct check_run *r;
	struct sys_mutex *lock;
	int is_answered;		/* by whom ever: the other one keeps silent */
	int is_over;
	int64_t end;
	const char *ix_path;
};

static void
answer_without(struct watchdog *w)
{
	struct context c = *w->r->c;
	struct check_run r = { .c = &c, .limits = w->r->limits, .timeout = w->r->timeout, .repeat = w->r->repeat, .timed_out = 1, .known = w->r->known };
	struct check_spool *s;
	size_t i;

	out_init(&c.out, c.format);
	if (w->r->is_open)
		r.n = w->r->n;
	else
		r.no_spool = arena_fmt(&r.arena, "no answer within %g s: index and spools could not be opened", r.timeout);
	r.v = mem_new((r.n + 1) * sizeof *r.v);
	for (i = 0; i < r.n; i++) {
		s = &r.v[i];
		s->label = w->r->v[i].label;
		if (w->r->v[i].is_done || w->r->v[i].sp == NULL) {
			s->facts = w->r->v[i].facts;
			continue;
		}
		facts_unknown(&s->facts, w->r->v[i].sp->driver->name, w->r->v[i].sp->root,
		    arena_fmt(&r.arena, "no answer within %g s", r.timeout));
		s->facts.fact[CHECK_MESSAGES].how = FACT_AT_LEAST;
		s->facts.fact[CHECK_MESSAGES].v = (double)w->r->v[i].counted;
		s->facts.is_late = 1;
		if (w->r->v[i].has_past)
			memcpy(s->past, w->r->v[i].past, sizeof s->past);
		s->has_past = w->r->v[i].has_past;
	}
	facts_unknown(&r.index_facts, NULL, NULL, "not looked at");
	judge(&r);
	tell(&r, w->r->is_open ? w->ix_path : NULL, w->end);
	_Exit((int)r.state);
}

static void
watch(void *arg)
{
	struct watchdog *w = arg;
	int over;

	(void)wait_until(w->end, w->lock, &w->is_over);
	sys_mutex_lock(w->lock);
	over = w->is_answered;
	w->is_answered = 1;
	sys_mutex_unlock(w->lock);
	if (!over)
		answer_without(w);
}

/* May the main thread answer? It does not return when the watchdog is about to. */
static void
take_the_word(struct watchdog *w)
{
	int taken;

	sys_mutex_lock(w->lock);
	taken = w->is_answered;
	w->is_answered = w->is_over = 1;
	sys_mutex_unlock(w->lock);
	while (taken)
		sys_sleep_ms(1000);
}

/* ---- the command ---- */

static void
close_all(struct check_run *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		spool_close(r->v[i].sp);
	free(r->v);
	free(r->known.v);
	arena_free(&r->arena);
}

static int
mistake(struct context *c, const struct err *e)
{
	cmd_say("%s", e->text);
	out_raw(&c->out, "SPOOL UNKNOWN - ");
	out_plain(&c->out, e->text);
	out_raw(&c->out, "\n");
	return CHECK_UNKNOWN;
}

static int
check(struct check_run *r, struct sys_zone *zone, int64_t start)
{
	struct look l = { .r = r, .zone = sys_zone_name(zone), .end = start + (int64_t)(r->timeout * 1e6) };
	struct spool_options opt = { .zone = zone };
	struct watchdog w = { .r = r, .end = l.end };
	struct sys_thread *thread = NULL;
	struct err e = { 0, "" };

	l.ix_path = cmd_index_path(r->c);
	w.ix_path = l.ix_path;
	w.lock = sys_mutex_new();
	if (sys_thread_start(&thread, watch, &w, &e) < 0)
		fault(&l, &e);
	open_index(&l);
	open_all(&l, &opt);
	r->is_open = 1;
	look(r, &l);
	take_the_word(&w);
	judge(r);
	tell(r, l.ix_path, l.end);
	sys_thread_join(thread);
	sys_mutex_free(w.lock);
	free(l.ix_path);
	return (int)r->state;
}

static int
run(struct context *c)
{
	int64_t start = sys_clock_us();
	struct check_run r = { .c = c };
	struct sys_zone *zone = NULL;
	struct err e = { 0, "" };
	int status;

	if (c->opt[OPT_LIST] != NULL) {
		check_out_list(c);
		return CHECK_OK;
	}
	if (options(&r, &e) < 0 || sys_zone_load(&zone, c->opt[OPT_TIMEZONE], &e) < 0)
		status = mistake(c, &e);
	else
		status = check(&r, zone, start);
	close_all(&r);
	sys_zone_free(zone);
	return status;
}
