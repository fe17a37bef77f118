#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/check_run.h"
#include "cmd/cmd.h"
#include "index/check_facts.h"
#include "index/scan.h"
#include "spool/arena.h"
#include "spool/spool.h"
#include "spool/sys.h"

#define KNOWN_MAX ((size_t)4 << 20)
#define INDEX_CHECK_US INT64_C(1000000)

static int run(struct context *c);

static const struct opt opts[] = {
	{ "warning", 'w', "NAME=RANGE", OPT_WARNING, "range of a check outside of which it is WARNING; empty: off" },
	{ "critical", 'c', "NAME=RANGE", OPT_CRITICAL, "the same for CRITICAL" },
	{ "known", 0, "FILE", OPT_KNOWN, "accounts that may send much: \"kind:account [messages]\" a line" },
	{ "list", 0, NULL, OPT_LIST, "print every check, its default ranges and its meaning" },
	{ "timezone", 0, "NAME", OPT_TIMEZONE, "IANA zone of local times in a spool (default: that of its last scan)" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_check = {
	"check", "[--warning NAME=RANGE] [--critical NAME=RANGE] [--known FILE] [--list] [--timezone NAME] [SPOOL ...]",
	"health check: a plugin for monitoring systems",
	"Scans what has changed and judges it. SPOOL as for scan; without it those that \"spoolsweep\n"
	"spools\" finds. One line with performance data, more with -v, an object a check with --json.\n"
	"RANGE: 10 (0 to 10), 10: (10 and more), ~:10 (up to 10), 10:20, @10:20 (not in it), with\n"
	"units such as 90m, 5GiB, 80%. --warning and --critical may be repeated.\n"
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
	const struct given *g;

	check_defaults(&r->limits);
	for (g = r->c->given; g != NULL && g < r->c->given + r->c->ngiven; g++)
		if ((g->key == OPT_WARNING || g->key == OPT_CRITICAL) &&
		    check_limit_set(&r->limits, g->key == OPT_CRITICAL, g->value, e) < 0)
			return err_wrap(e, "check");
	if (r->c->opt[OPT_KNOWN] != NULL && read_known(r, r->c->opt[OPT_KNOWN], e) < 0)
		return err_wrap(e, "check");
	return 0;
}

/* ---- the spools ---- */

static void
add_spool(struct check_run *r, const char *arg)
{
	struct check_spool *s;

	r->v = mem_grow(r->v, (r->n + 1) * sizeof *r->v);
	s = &r->v[r->n++];
	memset(s, 0, sizeof *s);
	s->arg = copy(&r->arena, arg);
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

static void
open_spool(struct check_run *r, struct check_spool *s, const struct spool_options *opt)
{
	struct err e = { 0, "" };

	if (spool_open(&s->sp, s->arg, opt, &e) < 0)
		facts_unknown(&s->facts, kind_asked(s->arg), s->arg, copy(&r->arena, e.text));
	else
		facts_unknown(&s->facts, s->sp->driver->name, s->sp->root, "not read");
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
			s->label = s->sp == NULL ? s->arg : arena_fmt(&r->arena, "%s:%s", s->facts.kind, s->facts.root);
}

static void
open_all(struct check_run *r, const struct spool_options *opt)
{
	struct spool_place *place;
	size_t i, n = spools_find(&place);

	for (i = 0; i < r->c->narg; i++)
		add_spool(r, r->c->arg[i]);
	for (i = 0; r->c->narg == 0 && i < n; i++)
		add_spool(r, place[i].arg);
	if (r->n == 0)
		r->no_spool = spools_looked_for();
	for (i = 0; i < r->n; i++)
		open_spool(r, &r->v[i], opt);
	for (i = 0; i < r->n; i++)
		label(r, &r->v[i]);
	mark_ours(r, place, n);
	spools_free(place, n);
}

/* ---- looking ---- */

struct look {
	struct check_run *r;
	struct index *ix;		/* NULL: fault says why */
	char *ix_path;
	const char *fault;		/* what could not be done with the index */
	const char *zone;
	struct sys_zone *zone_loaded;
};

static void
fault(struct look *l, const struct err *e)
{
	if (l->fault == NULL)
		l->fault = copy(&l->r->arena, e->text);
}

/* readdir alone gives the number of messages, when nothing else can be had. */
static void
count_only(struct check_spool *s, const char *why)
{
	struct arena a = { 0 };
	struct spool_item it;
	struct err e = { 0, "" };
	uint64_t n = 0;
	int rc = spool_begin(s->sp, &e);

	for (; rc >= 0 && (rc = spool_next(&it, s->sp, &a, &e)) == 1; n++)
		if (n % 1024 == 0)
			arena_reset(&a);
	arena_free(&a);
	s->facts.fact[CHECK_MESSAGES].how = rc == 0 && s->sp->nunknown == 0 ? FACT_KNOWN : n > 0 ? FACT_AT_LEAST : FACT_UNKNOWN;
	s->facts.fact[CHECK_MESSAGES].v = (double)n;
	s->facts.fact[CHECK_MESSAGES].why = why;
}

static void
judge_by_index(struct look *l, struct check_spool *s)
{
	struct err e = { 0, "" };
	int ours = s->facts.is_ours;

	facts_unknown(&s->facts, s->sp->driver->name, s->sp->root, "no scan is published");
	if (facts_from_index(&s->facts, l->ix, s->sp->driver->name, s->sp->root, &l->r->known, &l->r->arena, &e) < 0) {
		facts_unknown(&s->facts, s->sp->driver->name, s->sp->root, copy(&l->r->arena, e.text));
		fault(l, &e);
	}
	s->facts.is_ours = ours;
}

static void
look_at(struct look *l, struct check_spool *s)
{
	struct scan_options opt = { .zone = l->zone };
	struct scan_stats stats;
	struct err e = { 0, "" };
	int ours = s->facts.is_ours;

	memset(&stats, 0, sizeof stats);
	if (l->ix != NULL && scan_spool(&stats, l->ix, s->sp, &opt, &e) == 0) {
		judge_by_index(l, s);
	} else {
		if (l->ix != NULL)
			fault(l, &e);
		facts_unknown(&s->facts, s->sp->driver->name, s->sp->root, l->fault);
		s->facts.is_ours = ours;
		count_only(s, "counted, not read");
	}
	scan_stats_free(&stats);
	facts_around(&s->facts, s->sp, l->ix, l->ix_path, &l->r->arena);
}

/* ---- the whole ---- */

static void
judge(struct check_run *r)
{
	size_t i;
	int id;

	r->state = CHECK_OK;
	for (i = 0; i < r->n; i++) {
		check_judge_all(r->v[i].result, &r->limits, &r->v[i].facts);
		for (id = 0; id < CHECK_COUNT; id++)
			if (id != CHECK_INDEX)
				r->state = check_worse(r->state, r->v[i].result[id].state);
	}
	check_judge(&r->index, CHECK_INDEX, &r->limits, &r->index_facts);
	r->state = check_worse(r->state, r->index.state);
	if (r->no_spool != NULL)
		r->state = check_worse(r->state, CHECK_UNKNOWN);
}

static void
tell(struct check_run *r)
{
	if (r->c->format == OUT_TABLE)
		check_out_plugin(&r->c->out, r);
	else
		check_out_rows(&r->c->out, r);
	out_flush(&r->c->out);
}

static void
look(struct check_run *r, struct look *l)
{
	struct err e = { 0, "" };
	size_t i;

	l->r = r;
	l->ix_path = cmd_index_path(r->c);
	if (index_open(&l->ix, l->ix_path, INDEX_WRITE, &e) < 0)
		fault(l, &e);
	for (i = 0; i < r->n; i++)
		if (r->v[i].sp != NULL)
			look_at(l, &r->v[i]);
	facts_unknown(&r->index_facts, NULL, NULL, NULL);
	r->index_facts.fact[CHECK_INDEX] = facts_index(l->ix, l->fault, INDEX_CHECK_US, &r->arena);
	index_close(l->ix);
	free(l->ix_path);
}

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
run(struct context *c)
{
	struct check_run r = { .c = c };
	struct look l = { NULL, NULL, NULL, NULL, NULL, NULL };
	struct spool_options opt = { NULL };
	struct err e = { 0, "" };
	int status;

	if (c->opt[OPT_LIST] != NULL) {
		check_out_list(c);
		return CHECK_OK;
	}
	if (options(&r, &e) < 0 || sys_zone_load(&l.zone_loaded, c->opt[OPT_TIMEZONE], &e) < 0) {
		status = mistake(c, &e);
	} else {
		opt.zone = l.zone_loaded;
		l.zone = sys_zone_name(l.zone_loaded);
		open_all(&r, &opt);
		look(&r, &l);
		judge(&r);
		tell(&r);
		status = (int)r.state;
	}
	close_all(&r);
	sys_zone_free(l.zone_loaded);
	return status;
}
