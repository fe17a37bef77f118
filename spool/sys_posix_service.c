/*
 * The POSIX half of service.h: systemd, asked through systemctl(1) by its full path. SmarterMail on Linux runs as a unit
 * (`service smartermail start`). Without systemd there is nothing to ask, which is an error and not "no service".
 */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys.h"

#define ASK_SECONDS 10
#define ANSWER_MAX 16384

static const char *const programs[] = { "/usr/bin/systemctl", "/bin/systemctl" };

const char *const service_usual_spools[] = { "/var/lib/smartermail/Spool", NULL };

static const char *
systemctl(struct err *e)
{
	size_t i;

	for (i = 0; i < sizeof programs / sizeof programs[0]; i++)
		if (access(programs[i], X_OK) == 0)
			return programs[i];
	err_set(e, 0, "no service manager is here: there is no %s", programs[0]);
	return NULL;
}

/* The value of a property in "Name=value" lines, up to `end` or the end of the line. 1, 0 it is not there. */
static int
property(char *out, size_t max, const char *text, const char *name, const char *end)
{
	size_t n = strlen(name), len;
	const char *p = text, *stop;

	while (strncmp(p, name, n) != 0 || p[n] != '=') {
		p += strcspn(p, "\n");
		if (*p == '\0')
			return 0;
		p++;
	}
	p += n + 1;
	len = strcspn(p, "\n");
	stop = end != NULL ? strstr(p, end) : NULL;
	if (stop != NULL && (size_t)(stop - p) < len)
		len = (size_t)(stop - p);
	if (len >= max)
		len = 0;
	memcpy(out, p, len);
	out[len] = '\0';
	return 1;
}

/* systemctl(1): ActiveState of a unit. */
static enum service_state
state_named(const char *s)
{
	static const struct { const char *name; enum service_state state; } states[] = {
		{ "active", SVC_RUNNING }, { "reloading", SVC_RUNNING }, { "refreshing", SVC_RUNNING }, { "activating", SVC_STARTING },
		{ "deactivating", SVC_STOPPING }, { "inactive", SVC_STOPPED }, { "failed", SVC_STOPPED }
	};
	size_t i;

	for (i = 0; i < sizeof states / sizeof states[0]; i++)
		if (strcmp(s, states[i].name) == 0)
			return states[i].state;
	return SVC_UNKNOWN;
}

/* "{ path=/opt/smartermail/MailService ; argv[]=/opt/smartermail/MailService ; …": the main command of a service unit. */
static void
image_from(struct service *s, const char *text)
{
	char line[sizeof s->image + 64];
	const char *path;

	if (property(line, sizeof line, text, "ExecStart", " ; ") && (path = strstr(line, "path=")) != NULL)
		service_set_image(s, path + strlen("path="));
}

static int
show(struct service *out, const char *unit, struct err *e)
{
	const char *const argv[] = { systemctl(e), "show", "--no-pager",
		"--property=LoadState,ActiveState,MainPID,Description,ExecStart", "--", unit, NULL };
	char text[ANSWER_MAX], value[260];

	if (argv[0] == NULL)
		return -1;
	if (sys_run(text, sizeof text, argv, ASK_SECONDS, e) < 0)
		return err_wrap(e, "the service manager cannot be asked");
	if (!property(value, sizeof value, text, "LoadState", NULL))
		return err_set(e, 0, "the service manager cannot be asked: %s says nothing of %s", argv[0], unit);
	if (strcmp(value, "not-found") == 0)
		return 0;
	memset(out, 0, sizeof *out);
	snprintf(out->name, sizeof out->name, "%s", unit);
	if (property(value, sizeof value, text, "ActiveState", NULL))
		out->state = state_named(value);
	if (property(value, sizeof value, text, "MainPID", NULL))
		out->pid = strtoll(value, NULL, 10);
	(void)property(out->display, sizeof out->display, text, "Description", NULL);
	image_from(out, text);
	return 1;
}

int
service_find(struct service *out, const struct service_names *n, struct err *e)
{
	return show(out, n->unit, e);
}

int
service_look(struct service *s, struct err *e)
{
	struct service now;
	int rc = show(&now, s->name, e);

	if (rc == 1) {
		s->state = now.state;
		s->pid = now.pid;
	}
	return rc;
}

static int
order(const char *const argv[], int seconds, struct err *e)
{
	char text[1024];

	return sys_run(text, sizeof text, argv, seconds, e);
}

/* Without waiting: the wait of service.c looks at the process too, and ends when the user asks for it. */
int
service_ask_stop(const struct service *s, struct err *e)
{
	const char *const argv[] = { systemctl(e), "--no-block", "--no-ask-password", "stop", "--", s->name, NULL };

	return argv[0] == NULL ? -1 : order(argv, ASK_SECONDS, e) < 0 ? err_wrap(e, "stop service %s", s->name) : 0;
}

/* With waiting: only so systemctl tells that the start has failed. */
int
service_ask_start(const struct service *s, int seconds, struct err *e)
{
	const char *const argv[] = { systemctl(e), "--no-ask-password", "start", "--", s->name, NULL };

	return argv[0] == NULL ? -1 : order(argv, seconds, e) < 0 ? err_wrap(e, "start service %s", s->name) : 0;
}
