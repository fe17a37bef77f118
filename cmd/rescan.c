#include "cmd/rescan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/progress.h"
#include "index/scan.h"
#include "spool/arena.h"
#include "spool/spool.h"
#include "spool/sys.h"

#define PLACES_MAX 1000

struct rescan {
	const struct context *c;
	struct index *ix;
	struct arena arena;
	struct target { const char *arg, *zone; } v[PLACES_MAX];	/* "KIND:DIR"; zone NULL: this machine's */
	size_t n;
	int status;
};

static void
add_arg(struct rescan *r, const char *arg, const char *zone)
{
	if (r->n == PLACES_MAX)
		return;
	r->v[r->n].arg = arena_str(&r->arena, arg);
	r->v[r->n++].zone = zone != NULL ? arena_str(&r->arena, zone) : NULL;
}

static void
add(struct rescan *r, const char *kind, const char *root, const char *zone)
{
	add_arg(r, arena_fmt(&r->arena, "%s:%s", kind, root), zone);
}

static void
add_scanned(void *arg, const struct query_scan *sc)
{
	add(arg, sc->kind, sc->spool, sc->timezone);
}

static int
scan_target(struct rescan *r, struct spool *sp, const char *zone, struct err *e)
{
	struct scan_options opt = { .zone = zone };
	struct scan_stats stats;
	struct progress progress;
	size_t i;
	int rc;

	progress_init(&progress, r->c->quiet, sp->root);
	opt.progress = progress.is_on ? progress_scan : NULL;
	opt.progress_arg = &progress;
	memset(&stats, 0, sizeof stats);
	rc = scan_spool(&stats, r->ix, sp, &opt, e);
	progress_wipe(&progress);
	if (rc == 0 && stats.nunknown > 0) {
		for (i = 0; i < stats.nlines; i++)
			cmd_say("%s", stats.lines[i]);
		rc = 1;
	}
	scan_stats_free(&stats);
	return rc;
}

static void
one(struct rescan *r, const struct target *t)
{
	struct spool_options opt = { NULL };
	struct sys_zone *zone = NULL;
	struct spool *sp = NULL;
	struct err e = { 0, "" };
	int rc = -1;

	if (sys_zone_load(&zone, t->zone, &e) == 0) {
		opt.zone = zone;
		if (spool_open(&sp, t->arg, &opt, &e) == 0)
			rc = scan_target(r, sp, sys_zone_name(zone), &e);
	}
	if (rc != 0)
		r->status = cmd_worse(r->status, rc < 0 ? cmd_fail(&e) : CMD_PARTLY);
	spool_close(sp);
	sys_zone_free(zone);
}

static int
all(struct rescan *r)
{
	int status;
	size_t i;

	for (i = 0; i < r->n; i++)
		one(r, &r->v[i]);
	status = r->status;
	arena_free(&r->arena);
	free(r);
	return status;
}

static struct rescan *
begin(const struct context *c, struct index *ix)
{
	struct rescan *r = mem_new(sizeof *r);

	r->c = c;
	r->ix = ix;
	r->status = CMD_DONE;
	return r;
}

static void
add_found(struct rescan *r)
{
	struct spool_place *place;
	size_t i, n = spools_find(&place);

	for (i = 0; i < n; i++)
		add(r, place[i].kind, place[i].dir, NULL);
	if (n == 0) {
		cmd_say("%s; \"spoolsweep scan DIR\" reads one", spools_looked_for());
		r->status = CMD_FAILED;
	}
	spools_free(place, n);
}

int
rescan_selection(const struct context *c, struct index *ix, struct selection *s)
{
	struct rescan *r = begin(c, ix);
	struct err e = { 0, "" };
	const char *dir;
	size_t i;

	if (query_scans(ix, s, add_scanned, r, &e) < 0)
		r->status = cmd_fail(&e);
	else if (r->n == 0 && !selection_has(s, SEL_SPOOL))
		add_found(r);
	for (i = 0; r->n <= i && (dir = selection_value(s, SEL_SPOOL, i)) != NULL; i++)
		add_arg(r, dir, NULL);
	return all(r);
}

static void
count_scan(void *arg, const struct query_scan *sc)
{
	(void)sc;
	++*(size_t *)arg;
}

/* Indexes of one folder share a journal. A spool that is scanned into an index stays in it: "all" and every later purge would mean that one too. */
static int
is_of_another(struct index *ix, const struct place *pl, int64_t plan, struct err *e)
{
	struct selection *all_of_it = selection_new();
	size_t n = 0;
	int rc = query_scans(ix, all_of_it, count_scan, &n, e);

	selection_free(all_of_it);
	if (rc == 0 && n > 0)
		rc = err_set(e, 0, "plan %" PRId64 " was made with another index of this folder: %s does not know %s:%s (--index names the one that made it;"
		    " when that is lost, scan that spool into this one first)", plan, ix->path, pl->kind, pl->root);
	return rc;
}

int
rescan_plan(const struct context *c, struct index *ix, struct journal *j, int64_t plan)
{
	struct rescan *r = begin(c, ix);
	struct arena a = { 0 };
	struct place pl;
	struct selection *s;
	struct err e = { 0, "" };
	int64_t n;
	size_t before;
	int rc = 1;

	for (n = 0; rc == 1 && (rc = journal_place(&pl, j, plan, n, &a, &e)) == 1; n++) {
		s = selection_new();
		before = r->n;
		if (selection_add(s, SEL_SPOOL, pl.root, &e) < 0 || selection_add(s, SEL_KIND, pl.kind, &e) < 0 ||
		    query_scans(ix, s, add_scanned, r, &e) < 0)
			rc = -1;
		else if (r->n == before && is_of_another(ix, &pl, plan, &e) < 0)
			rc = -1;
		else if (r->n == before)	/* a new index */
			add(r, pl.kind, pl.root, NULL);
		selection_free(s);
	}
	if (rc < 0) {
		r->n = 0;
		r->status = cmd_fail(&e);
	}
	arena_free(&a);
	return all(r);
}
