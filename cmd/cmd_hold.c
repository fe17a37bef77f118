#include "cmd/cmd.h"
#include "cmd/plan_run.h"

static int run(struct context *c);

static const struct opt opts[] = {
	{ "execute", 0, NULL, OPT_EXECUTE, "take the messages out of the MTA's sight" },
	{ "plan", 0, "N", OPT_PLAN, "the stored plan N instead of selectors" },
	{ "scan", 0, NULL, OPT_SCAN, "scan the spools first" },
	{ "yes", 0, NULL, OPT_YES, "accepted; hold never asks" },
	{ "limit", 0, "N", OPT_LIMIT, "at most N messages, the oldest" },
	{ "retry-busy", 0, "SECONDS", OPT_RETRY, "try busy messages again for so long" },
	{ "live", 0, NULL, OPT_LIVE, "SmarterMail: although its service runs" },
	{ "stop-service", 0, NULL, OPT_STOP_SERVICE, "SmarterMail: stop its service meanwhile" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_hold = {
	"hold", "[--execute] [--plan N] [SELECTORS]", "take messages out of the MTA's sight, without an archive",
	"Each message is renamed into a private folder on the same file system, which needs no\n"
	"space: nothing is sent, nothing is deleted. \"release\" puts the messages back.\n"
	"Without --execute nothing is touched: what would be held is shown and stored as plan N.\n",
	opts, 1, 0, 0, run
};

static int
run(struct context *c)
{
	struct plan_run r;
	int status = plan_run_options(&r, c, PLAN_HOLD);

	if (status == CMD_DONE && c->opt[OPT_PLAN] != NULL) {
		status = plan_flow_stored(&r);
	} else if (status == CMD_DONE && selection_is_empty(c->sel)) {
		cmd_say("hold: no selector: say what is to be held, for example --account NAME; --all is every message");
		status = CMD_USAGE;
	} else if (status == CMD_DONE) {
		status = plan_flow_new(&r);
	}
	plan_run_free(&r);
	return status;
}
