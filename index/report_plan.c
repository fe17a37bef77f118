/* What was done: the plans that touched a spool, their archives, what came back. */
#include <string.h>

#include "index/report_in.h"

struct archives {
	struct report *r;
	struct report_plan *to;
};

static void
add_archive(void *arg, const struct plan_archive *x)
{
	struct archives *all = arg;
	struct plan_archive *old = all->to->archive, *to = arena_get(&all->r->arena, (all->to->narchives + 1) * sizeof *to);

	if (all->to->narchives != 0)
		memcpy(to, old, all->to->narchives * sizeof *to);
	to[all->to->narchives] = *x;
	to[all->to->narchives++].path = arena_str(&all->r->arena, x->path);
	all->to->archive = to;
}

/* Indexes of one folder share a journal. */
static int
is_of_spools(struct report_pass *p, struct journal *j, int64_t plan, struct err *e)
{
	struct arena a = { 0 };
	struct place pl;
	size_t i;
	int64_t n;
	int rc, found = 0;

	for (n = 0; !found && (rc = journal_place(&pl, j, plan, n, &a, e)) == 1; n++)
		for (i = 0; i < p->nplaces; i++)
			found |= strcmp(p->place[i].root, pl.root) == 0;
	arena_free(&a);
	return found ? 1 : rc;
}

static int
add_plan(struct report_pass *p, struct journal *j, const struct plan *plan, struct err *e)
{
	struct report *r = p->out;
	struct archives archives = { r, NULL };

	r->plan = mem_grow(r->plan, (r->nplans + 1) * sizeof *r->plan);
	p->set = mem_grow(p->set, (p->nsets + 1) * sizeof *p->set);
	archives.to = &r->plan[r->nplans++];
	memset(archives.to, 0, sizeof *archives.to);
	archives.to->plan = *plan;
	archives.to->is_of_spools = is_of_spools(p, j, plan->id, e);
	archives.to->has_proof = proof_load(&archives.to->proof, j, plan, e);
	p->set[p->nsets++] = message_set_new(p->ix);
	if (archives.to->is_of_spools < 0 || archives.to->has_proof < 0 || message_set_items(p->set[p->nsets - 1], j, plan->id, PROOF_TAKEN, e) < 0 ||
	    message_set_items(p->taken, j, plan->id, PROOF_TAKEN, e) < 0)
		return -1;
	return journal_archives(j, plan->id, add_archive, &archives, e);
}

static void
add_restore(void *arg, const struct restore_run *run, int64_t messages)
{
	struct report *r = ((struct report_pass *)arg)->out;
	struct report_restore *to;

	r->restore = mem_grow(r->restore, (r->nrestores + 1) * sizeof *r->restore);
	to = &r->restore[r->nrestores++];
	to->run = *run;
	to->run.who = arena_str(&r->arena, run->who);
	to->run.host = arena_str(&r->arena, run->host);
	to->run.archive = arena_str(&r->arena, run->archive);
	to->run.selection = arena_str(&r->arena, run->selection);
	to->messages = messages;
}

int
report_plans(struct report_pass *p, struct journal *j, struct err *e)
{
	struct plan plan;
	int64_t id = 0;
	int rc;

	p->taken = message_set_new(p->ix);
	if (j == NULL)
		return 0;
	while ((rc = journal_plan_after(&plan, j, id, PLAN_PLANNED, PLAN_UNDONE, &p->out->arena, e)) == 1) {
		id = plan.id;
		if (plan.state == PLAN_PLANNED)
			p->out->dry_runs++;
		else if (add_plan(p, j, &plan, e) < 0)
			return -1;
	}
	return rc < 0 || journal_restore_runs(j, add_restore, p, e) < 0 ? -1 : 0;
}

/* With selectors a plan or restore of other messages is no part of this incident. */
static int
has_archive(const struct report *r, const char *path)
{
	size_t i, k;

	for (i = 0; i < r->nplans; i++)
		for (k = 0; k < r->plan[i].narchives; k++)
			if (strcmp(r->plan[i].archive[k].path, path) == 0)
				return 1;
	return 0;
}

void
report_plans_end(struct report_pass *p, int keep_all)
{
	struct report *r = p->out;
	size_t i, n = 0;

	for (i = 0; i < r->nplans; i++)
		if (r->plan[i].here > 0 || (keep_all && r->plan[i].is_of_spools))
			r->plan[n++] = r->plan[i];
	r->nplans = n;
	if (keep_all)
		return;
	for (i = n = 0; i < r->nrestores; i++)
		if (has_archive(r, r->restore[i].run.archive))
			r->restore[n++] = r->restore[i];
	r->nrestores = n;
}
