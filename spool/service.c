#include "service.h"

#include <stdio.h>
#include <string.h>

#include "sys.h"

#define POLL_MS 100

int
service_has_process(const struct service *s)
{
	int one = s->pid > 0 && s->program[0] != '\0' ? sys_process_is(s->pid, s->program) : 0;
	int any = s->program[0] != '\0' ? sys_process_any(s->program) : -1;

	return one == 1 || any == 1 ? 1 : one < 0 || any < 0 ? -1 : 0;
}

static int
is_exe(const char *s)
{
	return s[0] == '.' && (s[1] | 0x20) == 'e' && (s[2] | 0x20) == 'x' && (s[3] | 0x20) == 'e';
}

static void
set_image(struct service *s, const char *path, size_t n)
{
	size_t i, base = 0;

	s->image[0] = s->program[0] = '\0';
	if (n == 0 || n >= sizeof s->image)
		return;
	for (i = 0; i < n; i++) {
		s->image[i] = path[i] == '\\' ? '/' : path[i];
		if (s->image[i] == '/')
			base = i + 1;
	}
	s->image[n] = '\0';
	if (n - base > 4 && is_exe(s->image + n - 4))
		n -= 4;
	if (n - base < sizeof s->program) {
		memcpy(s->program, s->image + base, n - base);
		s->program[n - base] = '\0';
	}
}

void
service_set_image(struct service *s, const char *path)
{
	set_image(s, path, strlen(path));
}

/* As CreateProcess reads it: quoted, or up to the first ".exe" that ends a word, for a path with blanks is often not quoted. */
void
service_set_command(struct service *s, const char *line)
{
	const char *p;

	line += strspn(line, " \t");
	if (*line == '"') {
		set_image(s, line + 1, strcspn(line + 1, "\""));
		return;
	}
	for (p = line; *p != '\0'; p++) {
		if (is_exe(p) && (p[4] == '\0' || p[4] == ' ' || p[4] == '\t')) {
			set_image(s, line, (size_t)(p + 4 - line));
			return;
		}
	}
	set_image(s, line, strcspn(line, " \t"));
}

/* 1 it is stopped, 0 not yet (e says why), -1 it will not be. */
static int
is_stopped(struct service *s, int64_t pid, struct err *e)
{
	int rc = service_look(s, e);

	if (rc < 0)
		return 0;	/* asked again: its manager may be busy with that very stop */
	if (rc == 0)
		return err_set(e, 0, "service %s has gone", s->name);
	if (s->state == SVC_RUNNING && s->pid != 0 && pid != 0 && s->pid != pid)
		return err_set(e, 0, "service %s was started again at once by something else (process %lld)", s->name, (long long)s->pid);
	if (s->state != SVC_STOPPED) {
		err_set(e, 0, "service %s is %s", s->name, s->state != SVC_UNKNOWN ? service_state_name(s->state) : "in no known state");
		return 0;
	}
	if (s->pid == 0)
		s->pid = pid;	/* its manager forgets it before the process has ended */
	rc = service_has_process(s);
	if (rc == 0)
		return 1;
	if (rc < 0)
		err_set(e, 0, "service %s is stopped, and whether its process has ended cannot be told", s->name);
	else
		err_set(e, 0, "service %s is stopped, but a process %s still runs", s->name, s->program);
	return 0;
}

int
service_stop(struct service *s, int seconds, int (*give_up)(void), struct err *e)
{
	const int64_t end = sys_clock_us() + (int64_t)seconds * 1000000, pid = s->pid;
	int rc;

	if (service_ask_stop(s, e) < 0)
		return -1;
	while ((rc = is_stopped(s, pid, e)) == 0) {
		if (give_up != NULL && give_up())
			return err_set(e, 0, "stopped while waiting for service %s", s->name);
		if (sys_clock_us() >= end)
			return err_wrap(e, "not stopped within %d s", seconds);
		sys_sleep_ms(POLL_MS);
	}
	return rc == 1 ? 0 : -1;
}

int
service_start(struct service *s, int seconds, struct err *e)
{
	const int64_t end = sys_clock_us() + (int64_t)seconds * 1000000;
	int rc;

	/* What could not be waited for may be on its way all the same. */
	if (service_ask_start(s, seconds, e) < 0 &&
	    (service_look(s, NULL) != 1 || s->state == SVC_STOPPED || s->state == SVC_UNKNOWN))
		return -1;
	for (;;) {
		rc = service_look(s, e);
		if (rc == 1 && s->state == SVC_RUNNING)
			return 0;
		if (rc == 1 && s->state == SVC_STOPPED)
			return err_set(e, 0, "service %s was started and has stopped again", s->name);
		if (rc == 0)
			return err_set(e, 0, "service %s has gone", s->name);
		if (sys_clock_us() >= end)
			return rc == 1 && s->state == SVC_STARTING ? 0 : rc < 0 ? -1 :
			    err_set(e, 0, "service %s does not run after %d s", s->name, seconds);
		sys_sleep_ms(POLL_MS);
	}
}

const char *
service_state_name(enum service_state s)
{
	static const char *const name[] = { NULL, "stopped", "starting", "running", "stopping", "paused" };

	return name[s];
}
