/*
 * The MTA's service around the carrying out of a plan: --stop-service. What is meant to be started again stands in the journal before
 * anything is stopped, so that a run that is killed in between leaves word; whoever resumes the plan starts it.
 */
#include "cmd/plan_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/sys.h"

#define STOP_SECONDS 120	/* SmarterMail lets its sessions end first */
#define START_SECONDS 120

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
log_service(const struct plan_run *r, int64_t id, const char *what)
{
	char line[600];

	snprintf(line, sizeof line, "plan %" PRId64 ": service %.260s %s by %.128s", id, r->service.s.name, what, r->who);
	sys_log(SYS_EVENT_SERVICE, line);
}

/* One run at a time stops and starts it: another one would start it in the middle of this one's work. */
static int
take_lock(struct plan_run *r)
{
	struct err e = { 0, "" };
	const char *name;
	char *dir, *path;
	int64_t holder;
	size_t n;
	int rc;

	if (r->service.lock != NULL)
		return CMD_DONE;
	dir = sys_parent(r->index_path, &name);
	n = strlen(dir) + sizeof "/service.lock";
	path = mem_new(n);
	snprintf(path, n, "%s/service.lock", dir);
	rc = sys_lock_take(&r->service.lock, path, 0, &holder, &e);
	if (rc == 1)
		cmd_say("process %" PRId64 " has stopped the service and is at work: it starts it again", holder);
	else if (rc < 0)
		cmd_fail(&e);
	free(path);
	free(dir);
	return rc == 0 ? CMD_DONE : CMD_FAILED;
}

static void
forget(struct plan_run *r)
{
	sys_lock_free(r->service.lock);
	spool_close(r->service.sp);
	memset(&r->service, 0, sizeof r->service);
	r->opt.guard = NULL;
}

/* ---- the watch over it ---- */

static int
guard(void *arg, struct err *e)
{
	struct plan_run *r = arg;
	struct service now;
	int running = r->service.sp->driver->running(r->service.sp);

	if (running == 0 || (running < 0 && !r->service.is_ours))
		return 0;
	r->service.was_met = 1;
	if (r->service.sp->driver->service(&now, NULL) == 1 && now.state != SVC_STOPPED && now.state != SVC_UNKNOWN)
		return err_set(e, 0, "service %s was started meanwhile by something else (%s, process %" PRId64 ")", now.name,
		    service_state_name(now.state), now.pid);
	return running < 0 ? err_set(e, 0, "whether service %s is still stopped cannot be told any more", r->service.s.name) :
	    err_set(e, 0, "a process of the mail server was started meanwhile by something else");
}

/* ---- before ---- */

int
plan_service_check(struct plan_run *r, int64_t id)
{
	struct err e = { 0, "" };
	struct service s;
	struct spool *sp;
	int rc, running;

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
	rc = sp->driver->service(&s, &e);
	running = sp->driver->running(sp);
	spool_close(sp);
	if (rc < 0) {
		cmd_say("--stop-service: %s: stop the mail server by hand, and leave the option out", e.text);
		return CMD_FAILED;
	}
	if (rc == 0 && running != 0) {
		cmd_say("--stop-service: the mail server runs, but is no service of this machine: stop it by hand, and leave the option out");
		return CMD_FAILED;
	}
	r->opt.stops_service = rc == 1;
	return CMD_DONE;
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

/* ---- stopping ---- */

/* Opens the spool whose service it is, and where the service is asked for looks it up under the lock. 1; 0 there is none, or it was not asked for;
 * -1 said. */
static int
find_service(struct plan_run *r, const struct plan *p, int is_asked)
{
	struct err e = { 0, "" };
	int rc;

	forget(r);
	r->service.plan = p->id;
	r->service.sp = service_spool(r, p->id, &e);
	if (r->service.sp == NULL && e.text[0] != '\0') {
		cmd_fail(&e);
		return -1;
	}
	if (r->service.sp == NULL || !is_asked)
		return 0;
	if (take_lock(r) != CMD_DONE)
		return -1;
	rc = r->service.sp->driver->service(&r->service.s, &e);
	if (rc < 0)
		cmd_fail(&e);
	return rc;
}

static int
may_be_left(const struct service *s)
{
	if (s->program[0] == '\0' || service_has_process(s) != 1)
		return CMD_DONE;
	cmd_say("service %s is stopped, but a process %s runs all the same: end it first", s->name, s->program);
	return CMD_FAILED;
}

int
plan_service_adopt(struct plan_run *r, const struct plan *p)
{
	struct err e = { 0, "" };
	int rc;

	if (!p->service_waits || r->service.is_ours)
		return CMD_DONE;
	rc = find_service(r, p, 1);
	if (rc == 0)
		cmd_say("plan %" PRId64 " has stopped service %s, and it is not there any more", p->id, p->service);
	if (rc == 1 && r->service.s.state == SVC_STOPPED) {
		cmd_note(r->c, "plan %" PRId64 " has stopped service %s: it is started again at the end", p->id, r->service.s.name);
		r->service.is_ours = 1;
		return CMD_DONE;
	}
	if (rc == 1 && journal_service_started(r->j, p->id, &e) < 0)
		rc = (cmd_fail(&e), -1);
	if (rc == 1)
		cmd_note(r->c, "plan %" PRId64 " had stopped service %s; it was started since", p->id, r->service.s.name);
	forget(r);
	return rc == 1 ? CMD_DONE : CMD_RESUME;
}

static int
stop_now(struct plan_run *r, const struct plan *p)
{
	struct service *s = &r->service.s;
	struct err e = { 0, "" };

	if (s->state == SVC_STOPPED) {
		cmd_note(r->c, "service %s is stopped already, and is left so", s->name);
		return may_be_left(s);
	}
	if (journal_service_stops(r->j, p->id, s->name, &e) < 0)
		return cmd_fail(&e);
	r->service.is_ours = 1;
	cmd_note(r->c, "stopping service %s%s%s%s", s->name, s->display[0] != '\0' ? " (" : "", s->display, s->display[0] != '\0' ? ")" : "");
	log_service(r, p->id, "stopped");
	return service_stop(s, STOP_SECONDS, plan_run_stopped, &e) < 0 ? cmd_fail(&e) : CMD_DONE;
}

int
plan_service_stop(struct plan_run *r, const struct plan *p)
{
	int rc, status = plan_service_adopt(r, p);

	if (status == CMD_DONE && r->service.is_ours) {
		status = may_be_left(&r->service.s);
	} else if (status == CMD_DONE) {
		rc = find_service(r, p, is_wanted(r));
		status = rc < 0 ? CMD_FAILED : rc == 1 ? stop_now(r, p) : CMD_DONE;
	}
	if (status != CMD_DONE)	/* what an earlier run has taken is still to be finished */
		return cmd_worse(p->state > PLAN_PLANNED ? CMD_RESUME : status, plan_service_start(r));
	/* Whoever stopped it: from now on it must stay so. What runs already, as --live allows, is not watched. */
	if (r->service.sp != NULL && !r->opt.live && (r->service.is_ours || r->service.sp->driver->running(r->service.sp) == 0)) {
		r->opt.guard = guard;
		r->opt.guard_arg = r;
	}
	return CMD_DONE;
}

/* ---- starting ---- */

static int
start_failed(struct plan_run *r, const struct err *e)
{
	struct buf b;

	buf_init(&b, 4096);
	cmd_again(&b, r->c);
	buf_fmt(&b, " purge --resume %" PRId64, r->service.plan);
	cmd_say("SERVICE %s WAS STOPPED AND DOES NOT RUN AGAIN: %s; to try once more: %s", r->service.s.name, e->text, buf_cstr(&b));
	buf_free(&b);
	return CMD_RESUME;
}

static int
start_now(struct plan_run *r)
{
	struct service *s = &r->service.s;
	struct err e = { 0, "" };
	int rc = service_look(s, &e);

	if (rc == 1 && (s->state == SVC_RUNNING || s->state == SVC_STARTING || s->state == SVC_PAUSED)) {
		cmd_note(r->c, "service %s is %s already: something else has started it", s->name, service_state_name(s->state));
	} else {
		if (service_start(s, START_SECONDS, &e) < 0)
			return start_failed(r, &e);
		cmd_note(r->c, "service %s %s", s->name, s->state == SVC_RUNNING ? "runs again" : "is starting again");
		log_service(r, r->service.plan, "started again");
	}
	if (journal_service_started(r->j, r->service.plan, &e) < 0) {
		cmd_fail(&e);
		return CMD_RESUME;
	}
	return CMD_DONE;
}

int
plan_service_start(struct plan_run *r)
{
	int status = r->service.is_ours ? start_now(r) : CMD_DONE;
	const int was_met = r->service.was_met;

	forget(r);
	if (was_met)
		cmd_say("a watchdog (Plesk has one) may have started it: turn that off, then resume with --stop-service");
	return status;
}

void
plan_service_free(struct plan_run *r)
{
	forget(r);
}
