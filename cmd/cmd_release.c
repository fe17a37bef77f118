#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/plan_run.h"

static int run(struct context *c);

static const struct opt opts[] = {
	{ "execute", 0, NULL, OPT_EXECUTE, "put the messages back" },
	{ "plan", 0, "N", OPT_PLAN, "only what plan N holds" },
	{ "yes", 0, NULL, OPT_YES, "accepted; release never asks" },
	{ "stop-service", 0, NULL, OPT_STOP_SERVICE, "SmarterMail: stop its service meanwhile" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_release = {
	"release", "[--execute] [--plan N] [SELECTORS]", "put held messages back into their queues",
	"Without selectors: all that are held. Never over an existing file; what came from Postfix's\n"
	"active queue goes to deferred. Without --execute nothing is touched.\n",
	opts, 1, 0, 0, run
};

struct release {
	struct plan_run r;
	struct message_set *chosen;	/* NULL: all */
	int64_t plan;			/* at hand */
	int64_t place;			/* whose root is at hand, -1 none */
	const char *root;
	struct arena arena;
};

static int
wanted(void *arg, const struct item *it)
{
	struct release *l = arg;
	struct place pl;
	struct err e = { 0, "" };

	if (it->place != l->place) {
		if (journal_place(&pl, l->r.j, l->plan, it->place, &l->arena, &e) != 1)
			return -1;
		l->place = it->place;
		l->root = pl.root;
	}
	return message_set_has(l->chosen, l->root, it->id, it->inode);
}

static int
one_plan(struct plan_meant *all, struct release *l, int64_t id)
{
	struct plan_meant meant;
	int status;

	l->plan = id;
	l->place = -1;
	status = plan_run_undo(&meant, &l->r, id, l->chosen != NULL ? wanted : NULL, l);
	all->n += meant.n;
	all->is_unsure |= meant.is_unsure;
	return status;
}

/* A mistyped number must not end as "nothing is held". */
static int
check_plan(struct release *l)
{
	struct plan p;
	char *self;
	int status;

	if (l->r.plan == 0)
		return CMD_DONE;
	status = plan_run_plan(&p, &l->r, l->r.plan);
	if (status == CMD_DONE && p.kind != PLAN_HOLD) {
		self = cmd_self(l->r.c);
		cmd_say("plan %" PRId64 " is one of purge: %s purge --undo %" PRId64 " --execute puts back what it has not deleted", p.id, self, p.id);
		free(self);
		status = CMD_FAILED;
	}
	return status;
}

/* Plans of hold that have, or may have, something in their private folders. */
static int
all_plans(struct release *l)
{
	struct plan_run *r = &l->r;
	struct plan_meant meant = { 0, 0 };
	struct plan p;
	struct err e = { 0, "" };
	int64_t id = 0;
	int rc, status = CMD_DONE;

	while (!plan_run_stopped() && (rc = journal_plan_after(&p, r->j, id, PLAN_TAKING, PLAN_UNDOING, &r->arena, &e)) != 0) {
		if (rc < 0)
			return cmd_worse(status, cmd_fail(&e));
		id = p.id;
		if (p.kind == PLAN_HOLD && p.state != PLAN_DONE && (r->plan == 0 || r->plan == id))
			status = cmd_worse(status, one_plan(&meant, l, id));
	}
	if (r->c->opt[OPT_EXECUTE] == NULL)
		plan_run_would(r, &meant);
	else
		cmd_note(r->c, "%s%" PRId64 " held message%s meant", meant.is_unsure ? "at least " : "", meant.n, meant.n == 1 ? " was" : "s were");
	return status;
}

static int
choose(struct release *l)
{
	struct err e = { 0, "" };

	if (selection_is_empty(l->r.c->sel))
		return CMD_DONE;
	if (l->r.ix == NULL) {
		cmd_say("release: without an index selectors cannot be answered; without them all is released");
		return CMD_FAILED;
	}
	l->chosen = message_set_new(l->r.ix);
	return message_set_selection(l->chosen, l->r.c->sel, &e) < 0 ? cmd_fail(&e) : CMD_DONE;
}

static int
go(struct release *l)
{
	int none = 0, status;

	if (selection_has(l->r.c->sel, SEL_CONTAINS)) {
		cmd_say("release: --contains reads files in a spool; held messages are not there");
		return CMD_USAGE;
	}
	status = plan_run_open_old(&l->r, &none);
	if (status == CMD_DONE && none && l->r.plan != 0) {
		cmd_say("there is no plan %" PRId64 ": nothing was planned yet", l->r.plan);
		return CMD_FAILED;
	}
	if (status == CMD_DONE && none) {
		cmd_note(l->r.c, "no message is held");
		return CMD_DONE;
	}
	if (status == CMD_DONE)
		status = check_plan(l);
	if (status == CMD_DONE)
		status = choose(l);
	return status == CMD_DONE ? all_plans(l) : status;
}

static int
run(struct context *c)
{
	struct release l;
	int status;

	memset(&l, 0, sizeof l);
	status = plan_run_options(&l.r, c, PLAN_HOLD);
	if (status == CMD_DONE)
		status = go(&l);
	message_set_free(l.chosen);
	arena_free(&l.arena);
	plan_run_free(&l.r);
	return status;
}
