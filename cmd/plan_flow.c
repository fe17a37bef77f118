/* From selectors or a stored plan to the report, the confirmation, the carrying out and the waves that follow it. */
#include "cmd/plan_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/rescan.h"
#include "spool/sys.h"

#define WAVE_US INT64_C(10000000)	/* waves are at least so far apart: a scan costs the server something too */
#define WAVE_MOST 5000			/* and at most so large: the confirmation was for a tail, not for a second flood */

int
plan_flow_alone(const struct plan_run *r, const char *beside)
{
	static const struct { enum opt_key key; const char *name; } making[] = {
		{ OPT_SCAN, "scan" }, { OPT_LIMIT, "limit" }, { OPT_LEVEL, "level" }, { OPT_MAINLOG, "mainlog" }, { OPT_WATCH, "watch" }
	};
	size_t i;

	if (!selection_is_empty(r->c->sel)) {
		cmd_say("%s: %s takes no selectors: the plan says what is meant", r->c->command->name, beside);
		return CMD_USAGE;
	}
	for (i = 0; i < sizeof making / sizeof making[0]; i++) {
		if (r->c->opt[making[i].key] == NULL)
			continue;
		cmd_say("%s: --%s belongs to the making of a plan, not to %s", r->c->command->name, making[i].name, beside);
		return CMD_USAGE;
	}
	return CMD_DONE;
}

/* ---- the confirmation ---- */

static int
has_terminal(void)
{
	return sys_is_terminal(0) && sys_is_terminal(2);
}

/* Asked before anything is planned, so that a script learns at once what is missing. */
static int
may_execute(const struct plan_run *r)
{
	if (r->kind != PLAN_PURGE || r->c->opt[OPT_EXECUTE] == NULL || r->c->opt[OPT_YES] != NULL || has_terminal())
		return CMD_DONE;
	cmd_say("purge: --execute asks for the number of messages on a terminal; without one it needs --yes");
	return CMD_USAGE;
}

static int
confirm(const struct plan_run *r, int64_t id, int64_t messages)
{
	char line[64], want[32];

	if (r->kind != PLAN_PURGE || r->c->opt[OPT_YES] != NULL)
		return CMD_DONE;
	snprintf(want, sizeof want, "%" PRId64, messages);
	/* The report is data: JSON and CSV have none, and a table may go elsewhere. */
	if (r->c->format != OUT_TABLE || !sys_is_terminal(1))
		cmd_say("plan %" PRId64 ": %" PRId64 " message%s %s to be taken, archived and deleted", id, messages, rank_plural(messages), rank_are(messages));
	if (r->watch_s > 0)
		cmd_say("this also covers what arrives and matches until the time of --watch is over, at most %d messages every %d s",
		    WAVE_MOST, (int)(WAVE_US / 1000000));
	fprintf(stderr, "Type the number of messages to take, archive and delete them: ");
	fflush(stderr);
	if (fgets(line, sizeof line, stdin) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (strcmp(line, want) == 0)
		return CMD_DONE;
	cmd_say("not confirmed: nothing was touched");
	return CMD_FAILED;
}

/* ---- waves ---- */

/* 1 the next wave is due, 0 the time is over or the user asked to stop. */
static int
wait_for_wave(int64_t due, int64_t until)
{
	int64_t now;

	while ((now = sys_clock_us()) < due && now < until && !plan_run_stopped())
		sys_sleep(due < until ? due - now : until - now);
	return now >= due && !plan_run_stopped();
}

/* How many messages the next wave may have, 0 none. */
static int64_t
wave_limit(const struct plan_run *r, int64_t taken)
{
	if (r->limit == 0 || r->limit - taken > WAVE_MOST)
		return WAVE_MOST;
	return r->limit > taken ? r->limit - taken : 0;
}

static int
one_wave(struct plan_run *r, int64_t *first, int64_t *taken, int64_t limit)
{
	int status = rescan_selection(r->c, r->ix, r->c->sel);
	struct plan p;
	int64_t id;

	if (status == CMD_FAILED)
		return status;
	r->is_fresh = 1;
	if (plan_run_make(&id, r, *first, limit) != CMD_DONE)
		return CMD_FAILED;
	if (id == 0)
		return status;
	if (*first == 0)
		*first = id;
	if (plan_run_check(r, id) != CMD_DONE)
		return CMD_FAILED;
	status = cmd_worse(status, plan_run_execute(r, id));
	if (plan_run_plan(&p, r, id) == CMD_DONE)
		*taken += p.count[ITEM_DELETED] + p.count[ITEM_TAKEN];
	return status;
}

static int
watch(struct plan_run *r, int64_t first, int64_t taken, int64_t begun)
{
	const int64_t until = begun + r->watch_s * 1000000;
	int64_t due = sys_clock_us() + WAVE_US, limit;
	int status = CMD_DONE;

	cmd_note(r->c, "watching for new messages that match");
	while (status != CMD_FAILED && status != CMD_RESUME && (limit = wave_limit(r, taken)) > 0 && wait_for_wave(due, until)) {
		status = cmd_worse(status, one_wave(r, &first, &taken, limit));
		due = sys_clock_us() + WAVE_US;		/* from its end: also a slow disk has a rest between two */
	}
	if (status == CMD_FAILED && taken > 0) {	/* a wave that touched nothing, but not the first */
		cmd_say("the watch ended early; what the plans before this one have taken is done");
		status = CMD_RESUME;
	}
	if (plan_run_stopped() && status != CMD_RESUME)
		cmd_note(r->c, "stopped watching; what was begun is finished");
	return status;
}

/* ---- plans ---- */

static int
carry_out(struct plan_run *r, int64_t id, int64_t messages)
{
	const int64_t begun = sys_clock_us();
	struct plan p;
	int status = CMD_DONE;

	if (id != 0 && plan_run_check(r, id) != CMD_DONE)
		return CMD_FAILED;
	if (confirm(r, id, messages) != CMD_DONE)
		return CMD_FAILED;
	if (id != 0)
		status = plan_run_execute(r, id);
	if (r->watch_s == 0 || status == CMD_FAILED || status == CMD_RESUME || plan_run_stopped())
		return status;
	memset(&p, 0, sizeof p);
	if (id != 0 && plan_run_plan(&p, r, id) != CMD_DONE)
		return CMD_RESUME;
	return cmd_worse(status, watch(r, id, p.count[ITEM_DELETED] + p.count[ITEM_TAKEN], begun));
}

static void
hint(struct plan_run *r, int64_t id)
{
	struct out *o = &r->c->out;
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	plan_out_carry_out(&b, r, id);
	if (r->c->format == OUT_TABLE) {
		out_raw(o, "\nNothing was touched. To carry it out:\n  ");
		out_plain(o, buf_cstr(&b));
		out_raw(o, "\n");
	} else {
		cmd_note(r->c, "nothing was touched; to carry it out: %s", buf_cstr(&b));
	}
	buf_free(&b);
}

/* Report, and then either the hint or the deed. */
static int
show_and_do(struct plan_run *r, int64_t id, int64_t messages)
{
	const int execute = r->c->opt[OPT_EXECUTE] != NULL;
	int status = CMD_DONE;

	if (id != 0 && r->c->format == OUT_TABLE)
		status = plan_out_report(r, id);
	else if (!execute)
		status = plan_out_items(r, id, NULL, 0);
	if (status == CMD_FAILED)	/* a report that fails must not keep a purge from stopping the flood */
		status = execute ? CMD_PARTLY : CMD_FAILED;
	if (!execute) {
		if (id != 0)
			hint(r, id);
		return status;
	}
	if (id == 0 && r->watch_s == 0)
		return cmd_worse(status, plan_out_items(r, 0, NULL, 0));
	if (r->c->format == OUT_TABLE)
		out_raw(&r->c->out, "\n");
	return cmd_worse(status, carry_out(r, id, messages));
}

int
plan_flow_new(struct plan_run *r)
{
	const int scan = r->c->opt[OPT_SCAN] != NULL;
	struct plan p;
	int64_t id = 0, messages = 0;
	int status = may_execute(r);

	if (status == CMD_DONE)
		status = plan_run_open(r, scan || r->c->opt[OPT_EXECUTE] != NULL);
	if (status == CMD_DONE && scan) {
		status = rescan_selection(r->c, r->ix, r->c->sel);
		r->is_fresh = 1;
	}
	if (status == CMD_FAILED || status == CMD_USAGE)
		return status;
	status = cmd_worse(status, cmd_freshness(NULL, r->c, r->ix, r->c->sel));
	if (status == CMD_FAILED || plan_run_make(&id, r, 0, r->limit) != CMD_DONE)
		return CMD_FAILED;
	if (id != 0) {
		if (plan_run_plan(&p, r, id) != CMD_DONE)
			return CMD_FAILED;
		messages = p.count[ITEM_PLANNED];
	}
	return cmd_worse(status, show_and_do(r, id, messages));
}

/* Only a plan that was never begun: the others are resumed, or over. */
static int
is_ready(const struct plan_run *r, const struct plan *p)
{
	char *self;

	if (p->kind != r->kind) {
		cmd_say("plan %" PRId64 " is one of %s", p->id, p->kind == PLAN_PURGE ? "purge" : "hold");
		return 0;
	}
	if (p->state == PLAN_PLANNED && !p->service_waits)
		return 1;
	if (p->state == PLAN_DONE || p->state == PLAN_UNDONE || (p->kind == PLAN_HOLD && p->state == PLAN_TAKEN)) {
		cmd_say("plan %" PRId64 " is %s already", p->id, plan_state_name(p->kind, p->state));
		return 0;
	}
	self = cmd_self(r->c);
	cmd_say("plan %" PRId64 " was begun (%s): %s purge --resume %" PRId64 " finishes it", p->id, plan_state_name(p->kind, p->state), self, p->id);
	free(self);
	return 0;
}

int
plan_flow_stored(struct plan_run *r)
{
	struct plan p;
	int none = 0, status = plan_flow_alone(r, "--plan");

	if (status == CMD_DONE)
		status = may_execute(r);
	if (status == CMD_DONE)
		status = plan_run_open_old(r, &none);
	if (status != CMD_DONE)
		return status;
	if (none) {
		cmd_say("there is no plan %" PRId64 ": nothing was planned yet", r->plan);
		return CMD_FAILED;
	}
	if (plan_run_plan(&p, r, r->plan) != CMD_DONE || !is_ready(r, &p))
		return CMD_FAILED;
	return show_and_do(r, p.id, p.count[ITEM_PLANNED]);
}
