/* Dispatch and the exit status; nothing else. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "spool/sys.h"

/* A monitoring plugin has states of its own (contract "Exit status"): help, a mistake and a failure are "unknown", told on stdout. */
static int
is_plugin(const struct context *c)
{
	return c->command == &cmd_check;
}

static int
dispatch(struct context *c, int argc, char **argv)
{
	struct err e = { 0, "" };

	if (opt_parse(c, cmd_all, argc, argv, &e) < 0) {
		cmd_say("%s", e.text);
		if (!is_plugin(c))
			return CMD_USAGE;
		out_raw(&c->out, "SPOOL UNKNOWN - ");
		out_plain(&c->out, e.text);
		out_raw(&c->out, "\n");
		return CMD_PARTLY;
	}
	c->out.format = c->format;
	if (c->opt[OPT_VERSION] != NULL) {
		out_raw(&c->out, "spoolsweep " SPOOLSWEEP_VERSION "\n");
		return is_plugin(c) ? CMD_PARTLY : CMD_DONE;
	}
	if (c->opt[OPT_HELP] != NULL) {
		opt_help(&c->out, cmd_all, c->command);
		return is_plugin(c) ? CMD_PARTLY : CMD_DONE;
	}
	return c->command->run(c);
}

/* Not all of the output could be written. */
static int
not_written(const struct context *c, int status)
{
	const int changed = c->spool_changed || status == CMD_RESUME;

	if (!c->out.is_pipe || !sys_is_unread(c->out.error))
		cmd_say("write to stdout: %s", sys_error(c->out.error));
	if (changed)
		cmd_say("not all of the output could be written; \"spoolsweep plans\" and \"spoolsweep show ID\" tell what was done");
	/* of dnsbl 1 is "listed" */
	return is_plugin(c) || c->command == &cmd_dnsbl ? CMD_PARTLY : changed ? CMD_RESUME : CMD_FAILED;
}

int
main(int argc, char **argv)
{
	struct context c;
	int status;

#ifdef SIGPIPE
	/* "| head" ends our output by EPIPE, as an exit status and not as a death */
	signal(SIGPIPE, SIG_IGN);
#endif
#ifdef SIGXFSZ
	/* a limit on the size of files (setrlimit) is an error of a write, EFBIG, and not a death without a word */
	signal(SIGXFSZ, SIG_IGN);
#endif
	memset(&c, 0, sizeof c);
	out_init(&c.out, OUT_TABLE);
	c.sel = selection_new();
	status = dispatch(&c, argc, argv);
	if (out_end(&c.out) < 0)
		status = not_written(&c, status);
	selection_free(c.sel);
	opt_free(&c);
	return status;
}
