#include "cmd/service_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"
#include "spool/sys.h"

#define STOP_SECONDS 120	/* SmarterMail lets its sessions end first */
#define START_SECONDS 120
#define OWNER_MAX 48

/* "plan 3", "restore 2" */
static const char *
owner(char out[OWNER_MAX], const struct service_run *v)
{
	snprintf(out, OWNER_MAX, "%s %" PRId64, v->id < 0 ? "restore" : "plan", v->id < 0 ? -v->id : v->id);
	return out;
}

static void
log_service(const struct service_run *v, const char *what)
{
	char line[600], whose[OWNER_MAX];

	snprintf(line, sizeof line, "%s: service %.260s %s by %.128s", owner(whose, v), v->s.name, what, v->who);
	sys_log(SYS_EVENT_SERVICE, line);
}

/* One run at a time stops and starts it: another one would start it in the middle of this one's work. */
static int
take_lock(struct service_run *v)
{
	struct err e = { 0, "" };
	const char *name;
	char *dir, *path;
	int64_t holder;
	size_t n;
	int rc;

	if (v->lock != NULL)
		return CMD_DONE;
	dir = sys_parent(v->index_path, &name);
	n = strlen(dir) + sizeof "/service.lock";
	path = mem_new(n);
	snprintf(path, n, "%s/service.lock", dir);
	rc = sys_lock_take(&v->lock, path, 0, &holder, &e);
	if (rc == 1)
		cmd_say("process %" PRId64 " has stopped the service and is at work: it starts it again", holder);
	else if (rc < 0)
		cmd_fail(&e);
	free(path);
	free(dir);
	return rc == 0 ? CMD_DONE : CMD_FAILED;
}

void
service_run_free(struct service_run *v)
{
	sys_lock_free(v->lock);
	spool_close(v->sp);
	v->lock = NULL;
	v->sp = NULL;
	v->driver = NULL;
	memset(&v->s, 0, sizeof v->s);
	v->id = 0;
	v->is_ours = v->was_met = 0;
}

int
service_run_guard(void *arg, struct err *e)
{
	struct service_run *v = arg;
	struct service now;
	int running = v->sp != NULL ? v->driver->running(v->sp) : 0;

	if (running == 0 || (running < 0 && !v->is_ours))
		return 0;
	v->was_met = 1;
	if (v->driver->service(&now, NULL) == 1 && now.state != SVC_STOPPED && now.state != SVC_UNKNOWN)
		return err_set(e, 0, "service %s was started meanwhile by something else (%s, process %" PRId64 ")", now.name,
		    service_state_name(now.state), now.pid);
	return running < 0 ? err_set(e, 0, "whether service %s is still stopped cannot be told any more", v->s.name) :
	    err_set(e, 0, "a process of the mail server was started meanwhile by something else");
}

int
service_run_can(int *stops, struct spool *sp)
{
	struct err e = { 0, "" };
	struct service s;
	int rc = sp->driver->service(&s, &e), running = sp->driver->running(sp);

	*stops = rc == 1;
	if (rc < 0) {
		cmd_say("--stop-service: %s: stop the mail server by hand, and leave the option out", e.text);
		return CMD_FAILED;
	}
	if (rc == 0 && running != 0) {
		cmd_say("--stop-service: the mail server runs, but is no service of this machine: stop it by hand, and leave the option out");
		return CMD_FAILED;
	}
	return CMD_DONE;
}

/* ---- stopping ---- */

int
service_run_find(struct service_run *v, int64_t id, const struct spool_driver *driver, struct spool *sp, int is_asked)
{
	struct err e = { 0, "" };
	int rc;

	service_run_free(v);
	v->id = id;
	v->driver = driver;
	v->sp = sp;
	if (driver == NULL || !is_asked)
		return 0;
	if (take_lock(v) != CMD_DONE)
		return -1;
	rc = driver->service(&v->s, &e);
	if (rc < 0)
		cmd_fail(&e);
	return rc;
}

int
service_run_adopt(struct service_run *v, int found, const char *name)
{
	struct err e = { 0, "" };
	char whose[OWNER_MAX];

	owner(whose, v);
	if (found == 0)
		cmd_say("%s has stopped service %s, and it is not there any more", whose, name != NULL ? name : "of its mail server");
	if (found == 1 && v->s.state == SVC_STOPPED) {
		cmd_note(v->c, "%s has stopped service %s: it is started again at the end", whose, v->s.name);
		v->is_ours = 1;
		return CMD_DONE;
	}
	if (found == 1 && journal_service_started(v->j, v->id, &e) < 0)
		found = (cmd_fail(&e), -1);
	if (found == 1)
		cmd_note(v->c, "%s had stopped service %s; it was started since", whose, v->s.name);
	service_run_free(v);
	return found == 1 ? CMD_DONE : CMD_RESUME;
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
service_run_stop(struct service_run *v)
{
	struct service *s = &v->s;
	struct err e = { 0, "" };

	if (v->is_ours)
		return may_be_left(s);
	if (s->state == SVC_STOPPED) {
		cmd_note(v->c, "service %s is stopped already, and is left so", s->name);
		return may_be_left(s);
	}
	if (journal_service_stops(v->j, v->id, s->name, &e) < 0)
		return cmd_fail(&e);
	v->is_ours = 1;
	cmd_note(v->c, "stopping service %s%s%s%s", s->name, s->display[0] != '\0' ? " (" : "", s->display, s->display[0] != '\0' ? ")" : "");
	log_service(v, "stopped");
	return service_stop(s, STOP_SECONDS, sys_stop_asked, &e) < 0 ? cmd_fail(&e) : CMD_DONE;
}

/* ---- starting ---- */

static int
start_failed(const struct service_run *v, const struct err *e)
{
	struct buf b;

	buf_init(&b, 4096);
	cmd_again(&b, v->c);
	buf_puts(&b, " purge --resume");
	if (v->id > 0)
		buf_fmt(&b, " %" PRId64, v->id);
	cmd_say("SERVICE %s WAS STOPPED AND DOES NOT RUN AGAIN: %s; to try once more: %s", v->s.name, e->text, buf_cstr(&b));
	buf_free(&b);
	return CMD_RESUME;
}

static int
start_now(struct service_run *v)
{
	struct service *s = &v->s;
	struct err e = { 0, "" };
	int rc = service_look(s, &e);

	if (rc == 1 && (s->state == SVC_RUNNING || s->state == SVC_STARTING || s->state == SVC_PAUSED)) {
		cmd_note(v->c, "service %s is %s already: something else has started it", s->name, service_state_name(s->state));
	} else {
		if (service_start(s, START_SECONDS, &e) < 0)
			return start_failed(v, &e);
		cmd_note(v->c, "service %s %s", s->name, s->state == SVC_RUNNING ? "runs again" : "is starting again");
		log_service(v, "started again");
	}
	if (journal_service_started(v->j, v->id, &e) < 0) {
		cmd_fail(&e);
		return CMD_RESUME;
	}
	return CMD_DONE;
}

int
service_run_start(struct service_run *v)
{
	int status = v->is_ours ? start_now(v) : CMD_DONE;
	const int was_met = v->was_met;
	const char *again = v->id < 0 ? "run the same command again" : "resume with --stop-service";

	service_run_free(v);
	if (was_met)
		cmd_say("a watchdog (Plesk has one) may have started it: turn that off, then %s", again);
	return status;
}
