#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/schedule_text.h"
#include "index/range.h"
#include "spool/arena.h"
#include "spool/sys.h"

#define TASK "spoolsweep health check"
#define TIMER "spoolsweep-check.timer"
#define SECONDS 60
#define TEXT_MAX ((size_t)64 * 1024)

static int run(struct context *c);

static const struct opt opts[] = {
	{ "install", 0, NULL, OPT_INSTALL, "write the files and start it" },
	{ "remove", 0, NULL, OPT_REMOVE, "stop it and remove the files" },
	{ "print", 0, NULL, OPT_PRINT, "show what would be written (the default)" },
	{ "every", 0, "AGE", OPT_EVERY, "how often, in whole minutes (default 5m)" },
	{ "metrics", 0, "FILE", OPT_METRICS, "let the check write this metrics file" },
	{ "with", 0, "WHAT", OPT_WITH, "systemd, cron or task (default: what this system has)" },
	{ "folder", 0, "DIR", OPT_FOLDER, "write the files there and start nothing" },
	{ "program", 0, "FILE", OPT_PROGRAM, "the program to run (default: this one)" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_schedule = {
	"schedule", "[--install | --remove | --print] [--every AGE] [--metrics FILE] [--with WHAT] [--folder DIR] [--program FILE]",
	"run the health check on a schedule",
	"A service and a timer of systemd, else a file for cron; on Windows a scheduled task. Options\n"
	"of the check come from /etc/default/spoolsweep: SPOOLSWEEP_CHECK_OPTIONS, and the command\n"
	"of alerts from SPOOLSWEEP_ON_ALERT there; on Windows they stand in the task itself.\n",
	opts, 0, 0, 0, run
};

static const struct system {
	const char *name, *folder;	/* folder NULL: beside the index */
	const struct schedule_file *file;
} systems[] = {
	[SYS_SCHEDULER_SYSTEMD] = { "systemd", "/etc/systemd/system", schedule_systemd },
	[SYS_SCHEDULER_CRON] = { "cron", "/etc/cron.d", schedule_cron },
	[SYS_SCHEDULER_TASK] = { "task", NULL, schedule_task },
};

struct plan_of_it {
	struct context *c;
	struct schedule s;
	enum sys_scheduler with;
	const char *folder;
	struct arena arena;
};

/* ---- options ---- */

static int
minutes_of(int *out, const char *text)
{
	double seconds = 300;

	if (text != NULL && range_number(&seconds, text, RANGE_SECONDS) < 0)
		return -1;
	*out = seconds < 86400 ? (int)(seconds / 60) : 0;
	return *out >= 1 && (double)*out * 60 >= seconds && (double)*out * 60 <= seconds ? 0 : -1;
}

static int
system_of(enum sys_scheduler *out, const char *name)
{
	size_t i;

	*out = sys_scheduler();
	for (i = 0; name != NULL && i < sizeof systems / sizeof systems[0]; i++)
		if (strcmp(systems[i].name, name) == 0) {
			*out = (enum sys_scheduler)i;
			return 0;
		}
	return name == NULL ? 0 : -1;
}

/* Files of a system are no place for relative paths or line ends. */
static int
good_path(const char *option, const char *path, struct err *e)
{
	const char *p;

	for (p = path; *p != '\0' && (unsigned char)*p >= 0x20 && *p != 0x7f; p++)
		;
	if (*p != '\0' || !sys_path_is_absolute(path))
		return err_set(e, 0, "schedule: %s %s: an absolute path without control characters is needed", option, path);
	return 0;
}

static char *
keep(struct arena *a, char *s)
{
	char *copy = s != NULL ? arena_str(a, s) : NULL;

	free(s);
	return copy;
}

static int
paths(struct plan_of_it *p, struct err *e)
{
	const char *usual = keep(&p->arena, sys_index_default()), *index = keep(&p->arena, cmd_index_path(p->c));

	p->s.program = p->c->opt[OPT_PROGRAM] != NULL ? p->c->opt[OPT_PROGRAM] : keep(&p->arena, sys_program());
	p->s.metrics = p->c->opt[OPT_METRICS];
	p->s.index = strcmp(usual, index) == 0 ? NULL : index;
	if (p->s.program == NULL)
		return err_set(e, 0, "schedule: give the path of this program by --program");
	if (good_path("--program", p->s.program, e) < 0 || (p->s.metrics != NULL && good_path("--metrics", p->s.metrics, e) < 0) ||
	    (p->s.index != NULL && good_path("--index", p->s.index, e) < 0))
		return -1;
	if (p->c->opt[OPT_FOLDER] != NULL && *p->c->opt[OPT_FOLDER] == '\0')
		return err_set(e, 0, "schedule: --folder needs the name of a folder");
	p->folder = p->c->opt[OPT_FOLDER] != NULL ? p->c->opt[OPT_FOLDER] : systems[p->with].folder;
	if (p->folder == NULL)
		p->folder = keep(&p->arena, sys_parent(index, &index));
	return 0;
}

static int
options(struct plan_of_it *p, struct err *e)
{
	const char *const *opt = p->c->opt;

	if ((opt[OPT_INSTALL] != NULL) + (opt[OPT_REMOVE] != NULL) + (opt[OPT_PRINT] != NULL) > 1)
		return err_set(e, 0, "schedule: --install, --remove and --print exclude each other");
	if (minutes_of(&p->s.minutes, opt[OPT_EVERY]) < 0)
		return err_set(e, 0, "schedule: --every \"%.60s\": whole minutes from 1m to 1439m are needed", opt[OPT_EVERY]);
	if (system_of(&p->with, opt[OPT_WITH]) < 0)
		return err_set(e, 0, "schedule: --with \"%.60s\": systemd, cron or task", opt[OPT_WITH]);
	if (p->with == SYS_SCHEDULER_CRON && !schedule_cron_can(p->s.minutes))
		return err_set(e, 0, "schedule: cron cannot do every %d minutes evenly: take a divisor of 60, or whole hours that divide a day",
		    p->s.minutes);
	return paths(p, e);
}

/* ---- files ---- */

static const char *
path_of(struct plan_of_it *p, const struct schedule_file *f)
{
	return arena_fmt(&p->arena, "%s/%s", p->folder, f->name);
}

static int
write_files(struct plan_of_it *p, struct err *e)
{
	const struct schedule_file *f;
	struct buf b;
	int rc = 0;

	/* The usual index's folder: the first scan, which makes it, may be the scheduled one. */
	if (p->c->opt[OPT_FOLDER] == NULL && systems[p->with].folder == NULL && p->s.index == NULL && sys_make_path(p->folder, e) < 0)
		return -1;
	buf_init(&b, TEXT_MAX);
	for (f = systems[p->with].file; f->name != NULL && rc == 0; f++) {
		buf_clear(&b);
		f->text(&b, &p->s);
		rc = sys_replace_file(path_of(p, f), b.p, b.n, 0644, e);
		if (rc == 0)
			cmd_note(p->c, "wrote %s", path_of(p, f));
	}
	buf_free(&b);
	return rc;
}

static int
remove_files(struct plan_of_it *p, struct err *e)
{
	const struct schedule_file *f;
	int rc;

	for (f = systems[p->with].file; f->name != NULL; f++) {
		rc = sys_remove_file(path_of(p, f));
		if (rc != 0 && rc != ENOENT)
			return err_set(e, rc, "remove %s", path_of(p, f));
		if (rc == 0)
			cmd_note(p->c, "removed %s", path_of(p, f));
	}
	return 0;
}

static int
print_files(struct plan_of_it *p)
{
	const struct schedule_file *f;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	for (f = systems[p->with].file; f->name != NULL; f++) {
		buf_clear(&b);
		f->text(&b, &p->s);
		if (f[1].name != NULL || f != systems[p->with].file) {	/* several: each by its name */
			out_raw(&p->c->out, "# ---- ");
			out_raw(&p->c->out, path_of(p, f));
			out_raw(&p->c->out, "\n");
		}
		out_raw(&p->c->out, buf_cstr(&b));
	}
	buf_free(&b);
	return CMD_DONE;
}

/* ---- telling the system ---- */

/* Tests point these at a program of theirs. */
static const char *
tool(const char *variable, const char *usual)
{
	const char *other = getenv(variable);

	return other != NULL && other[0] != '\0' ? other : usual;
}

static int
tell_systemd(int on, struct err *e)
{
	const char *systemctl = tool("SPOOLSWEEP_SYSTEMCTL", "/usr/bin/systemctl");
	const char *const reload[] = { systemctl, "daemon-reload", NULL };
	const char *const enable[] = { systemctl, "enable", "--now", TIMER, NULL };
	char text[4096];

	return sys_run(text, sizeof text, reload, SECONDS, e) < 0 || (on && sys_run(text, sizeof text, enable, SECONDS, e) < 0) ? -1 : 0;
}

static int
stop(struct plan_of_it *p, struct err *e)
{
	const char *systemctl = tool("SPOOLSWEEP_SYSTEMCTL", "/usr/bin/systemctl");
	const char *schtasks = tool("SPOOLSWEEP_SCHTASKS", "C:/Windows/System32/schtasks.exe");
	const char *const disable[] = { systemctl, "disable", "--now", TIMER, NULL };
	const char *const delete[] = { schtasks, "/delete", "/tn", TASK, "/f", NULL };
	char text[4096];

	if (p->with == SYS_SCHEDULER_SYSTEMD)
		return sys_run(text, sizeof text, disable, SECONDS, e);
	return p->with == SYS_SCHEDULER_TASK ? sys_run(text, sizeof text, delete, SECONDS, e) : 0;
}

static int
start(struct plan_of_it *p, struct err *e)
{
	const char *schtasks = tool("SPOOLSWEEP_SCHTASKS", "C:/Windows/System32/schtasks.exe");
	const char *const create[] = { schtasks, "/create", "/tn", TASK, "/xml", path_of(p, schedule_task), "/f", NULL };
	char text[4096];

	if (p->with == SYS_SCHEDULER_SYSTEMD)
		return tell_systemd(1, e);
	return p->with == SYS_SCHEDULER_TASK ? sys_run(text, sizeof text, create, SECONDS, e) : 0;
}

/* Exim run as root ends where it cannot change its groups, as in the unit: what it alone tells must be given to the check. */
static void
say_hidden(void)
{
	struct spool_place *place;
	struct buf b;
	size_t i, n = spools_find(&place), hidden = 0;

	buf_init(&b, (size_t)1 << 16);
	for (i = 0; i < n; i++) {
		buf_fmt(&b, "%s%s", i == 0 ? "" : " ", place[i].arg);
		hidden += (size_t)spools_is_hidden(&place[i]);
	}
	if (hidden > 0)
		cmd_say("in its sandbox the check cannot ask Exim where its spool is, which is no usual place: name the spools in /etc/default/spoolsweep,"
		    " SPOOLSWEEP_CHECK_OPTIONS=\"%s\"", buf_cstr(&b));
	buf_free(&b);
	spools_free(place, n);
}

static int
install(struct plan_of_it *p, struct err *e)
{
	if (write_files(p, e) < 0)
		return -1;
	if (p->with == SYS_SCHEDULER_SYSTEMD)
		say_hidden();
	return p->c->opt[OPT_FOLDER] != NULL ? 0 : start(p, e);
}

/* A timer that is not there any more cannot be disabled: the files go all the same. */
static int
uninstall(struct plan_of_it *p, struct err *e)
{
	struct err ignored;
	int here = p->c->opt[OPT_FOLDER] == NULL;

	if (here && stop(p, &ignored) < 0)
		cmd_note(p->c, "%s", ignored.text);
	if (remove_files(p, e) < 0)
		return -1;
	return here && p->with == SYS_SCHEDULER_SYSTEMD ? tell_systemd(0, e) : 0;
}

static int
run(struct context *c)
{
	struct plan_of_it p = { .c = c };
	struct err e = { 0, "" };
	int status = CMD_DONE;

	if (options(&p, &e) < 0) {
		cmd_say("%s", e.text);
		status = CMD_USAGE;
	} else if (c->opt[OPT_INSTALL] != NULL ? install(&p, &e) < 0 : c->opt[OPT_REMOVE] != NULL && uninstall(&p, &e) < 0) {
		status = cmd_fail(&e);
	} else if (c->opt[OPT_INSTALL] == NULL && c->opt[OPT_REMOVE] == NULL) {
		status = print_files(&p);
	}
	arena_free(&p.arena);
	return status;
}
