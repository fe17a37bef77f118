/* The MTA's service around the carrying out of a plan: which of the plan's spools has one, and what a resume takes over. */
#include "cmd/plan_run.h"

#include <string.h>

static int
is_wanted(const struct plan_run *r)
{
	return r->c->opt[OPT_STOP_SERVICE] != NULL;
}

/* The first spool of the plan whose MTA is a service that can be stopped, opened; NULL none. */
static struct spool *
service_spool(struct plan_run *r, int64_t id, struct err *e)
{
	const struct spool_driver *d;
	struct spool *sp = NULL;
	struct place pl;
	int64_t n;

	for (n = 0; sp == NULL && journal_place(&pl, r->j, id, n, &r->arena, e) == 1; n++) {
		d = spool_driver_named(pl.kind);
		if (d != NULL && d->service != NULL)
			(void)spool_open(&sp, arena_fmt(&r->arena, "%s:%s", pl.kind, pl.root), NULL, e);
	}
	return sp;
}

static void
forget(struct plan_run *r)
{
	service_run_free(&r->service);
	r->opt.guard = NULL;
}

int
plan_service_check(struct plan_run *r, int64_t id)
{
	struct err e = { 0, "" };
	struct spool *sp;
	int status;

	r->opt.stops_service = 0;
	if (!is_wanted(r))
		return CMD_DONE;
	sp = service_spool(r, id, &e);
	if (sp == NULL && e.text[0] != '\0')
		return cmd_fail(&e);
	if (sp == NULL) {
		cmd_note(r->c, "--stop-service: no spool of this plan needs it");
		return CMD_DONE;
	}
	status = service_run_can(&r->opt.stops_service, sp);
	spool_close(sp);
	return status;
}

int
plan_service_is_in_the_way(struct plan_run *r, int64_t id)
{
	struct err e = { 0, "" };
	struct spool *sp = service_spool(r, id, &e);
	int running = sp != NULL && sp->driver->running(sp) == 1;

	spool_close(sp);
	return running;
}

/* 1; 0 there is none, or it was not asked for; -1 said. */
static int
find_service(struct plan_run *r, const struct plan *p, int is_asked)
{
	struct err e = { 0, "" };
	struct spool *sp;

	forget(r);
	r->service.c = r->c;
	r->service.j = r->j;
	r->service.index_path = r->index_path;
	r->service.who = r->who;
	sp = service_spool(r, p->id, &e);
	if (sp == NULL && e.text[0] != '\0') {
		cmd_fail(&e);
		return -1;
	}
	return service_run_find(&r->service, p->id, sp != NULL ? sp->driver : NULL, sp, is_asked);
}

int
plan_service_adopt(struct plan_run *r, const struct plan *p)
{
	if (!p->service_waits || r->service.is_ours)
		return CMD_DONE;
	return service_run_adopt(&r->service, find_service(r, p, 1), p->service);
}

int
plan_service_stop(struct plan_run *r, const struct plan *p)
{
	int rc, status = plan_service_adopt(r, p);

	if (status == CMD_DONE && r->service.is_ours) {
		status = service_run_stop(&r->service);
	} else if (status == CMD_DONE) {
		rc = find_service(r, p, is_wanted(r));
		status = rc < 0 ? CMD_FAILED : rc == 1 ? service_run_stop(&r->service) : CMD_DONE;
	}
	if (status != CMD_DONE)	/* what an earlier run has taken is still to be finished */
		return cmd_worse(p->state > PLAN_PLANNED ? CMD_RESUME : status, plan_service_start(r));
	/* Whoever stopped it: from now on it must stay so. What runs already, as --live allows, is not watched. */
	if (r->service.sp != NULL && !r->opt.live && (r->service.is_ours || r->service.driver->running(r->service.sp) == 0)) {
		r->opt.guard = service_run_guard;
		r->opt.guard_arg = &r->service;
	}
	return CMD_DONE;
}

int
plan_service_start(struct plan_run *r)
{
	int status = service_run_start(&r->service);

	forget(r);
	return status;
}

void
plan_service_free(struct plan_run *r)
{
	forget(r);
}
