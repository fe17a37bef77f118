#include <inttypes.h>

#include "cmd/cmd.h"
#include "cmd/plan_run.h"
#include "spool/sys.h"

static int run(struct context *c);

static const struct opt opts[] = {
	{ "execute", 0, NULL, OPT_EXECUTE, "take, archive, verify, delete (or, with --undo, put back)" },
	{ "plan", 0, "N", OPT_PLAN, "the stored plan N instead of selectors" },
	{ "resume", 0, "[N]", OPT_RESUME, "finish plan N, or all that were begun, oldest first" },
	{ "undo", 0, "N", OPT_UNDO, "put back what plan N took and has not deleted" },
	{ "archive", 0, "DIR", OPT_ARCHIVE, "folder of the archive (default: see the manual)" },
	{ "scan", 0, NULL, OPT_SCAN, "scan the spools first" },
	{ "yes", 0, NULL, OPT_YES, "do not ask" },
	{ "limit", 0, "N", OPT_LIMIT, "at most N messages, the oldest" },
	{ "level", 0, "N", OPT_LEVEL, "level of compression, 1 to 19 (default: one for speed)" },
	{ "threads", 0, "N", OPT_THREADS, "threads of compression (default: one a processor, at most 8)" },
	{ "mainlog", 0, "FILE", OPT_MAINLOG, "note removed messages in Exim's mainlog" },
	{ "retry-busy", 0, "SECONDS", OPT_RETRY, "try busy messages again for so long" },
	{ "watch", 0, "DURATION", OPT_WATCH, "go on with new messages that match for so long (90s 45m 2h)" },
	{ "live", 0, NULL, OPT_LIVE, "SmarterMail: although its service runs" },
	{ "stop-service", 0, NULL, OPT_STOP_SERVICE, "SmarterMail: stop its service meanwhile" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_purge = {
	"purge", "[--execute] [--plan N | --resume [N] | --undo N] [SELECTORS]", "plan, take, archive, verify and delete messages",
	"Without --execute nothing is touched: what would go is shown and stored as plan N.\n"
	"Damaged messages are selected only by --damaged or --id, incomplete ones only by --id.\n"
	"--execute asks for the number of messages; without a terminal it needs --yes.\n"
	"Exit status 2: it failed after the spool changed; purge --resume finishes it. 3: done, but\n"
	"messages were skipped, and are listed.\n",
	opts, 1, 0, 0, run
};

/* ---- --resume ---- */

static int
resume_one(struct plan_run *r, const struct plan *p)
{
	int status = plan_service_adopt(r, p);

	if (status != CMD_DONE)
		return status;
	/* The archive goes where the run before wanted it, unless it is said otherwise now. */
	r->opt.archive_dir = r->c->opt[OPT_ARCHIVE] == NULL && p->archive_dir != NULL ? p->archive_dir : r->archive_dir;
	r->kind = p->kind;
	if (p->state != PLAN_UNDOING)
		status = plan_run_check(r, p->id);
	if (status == CMD_DONE)
		return plan_run_execute(r, p->id);
	(void)plan_service_start(r);
	return CMD_RESUME;
}

static int
is_over(const struct plan *p)
{
	return p->state == PLAN_DONE || p->state == PLAN_UNDONE || (p->kind == PLAN_HOLD && p->state == PLAN_TAKEN);
}

/* The messages need nothing any more, but a run that was killed has left the service stopped. */
static int
start_service(struct plan_run *r, const struct plan *p)
{
	int status;

	sys_watch_stop(1);
	status = plan_service_adopt(r, p);
	return cmd_worse(status, plan_service_start(r));
}

/* A restore that was killed. What it did not put back is another restore's task. */
static int
start_service_of_restore(struct plan_run *r, int64_t id)
{
	struct service_run *v = &r->service;
	size_t i;
	int status;

	for (i = 0; spool_drivers[i] != NULL && spool_drivers[i]->service == NULL; i++)
		;
	v->c = r->c;
	v->j = r->j;
	v->index_path = r->index_path;
	v->who = r->who;
	sys_watch_stop(1);
	status = service_run_adopt(v, service_run_find(v, id, spool_drivers[i], NULL, 1), NULL);
	return cmd_worse(status, service_run_start(v));
}

/* Those that are over, or were killed before anything of them was taken. */
static int
resume_services(struct plan_run *r, int *any)
{
	struct plan p;
	struct err e = { 0, "" };
	int64_t id = INT64_MIN;
	int rc = 1, status = CMD_DONE;

	while (!plan_run_stopped() && (rc = journal_service_waiting(&id, r->j, id, &e)) == 1) {
		*any = 1;
		if (id < 0) {
			status = cmd_worse(status, start_service_of_restore(r, id));
			continue;
		}
		if (plan_run_plan(&p, r, id) != CMD_DONE)
			return cmd_worse(status, CMD_FAILED);
		status = cmd_worse(status, is_over(&p) ? start_service(r, &p) : resume_one(r, &p));
	}
	return rc < 0 ? cmd_worse(status, cmd_fail(&e)) : status;
}

static int
resume_all(struct plan_run *r)
{
	struct plan p;
	struct err e = { 0, "" };
	int64_t id = 0;
	int rc, status = CMD_DONE, any = 0;

	while (!plan_run_stopped() && (rc = journal_plan_after(&p, r->j, id, PLAN_TAKING, PLAN_UNDOING, &r->arena, &e)) != 0) {
		if (rc < 0) {	/* what is in the private folders is not known */
			cmd_fail(&e);
			return CMD_RESUME;
		}
		id = p.id;
		if (is_over(&p))
			continue;
		any = 1;
		cmd_note(r->c, "plan %" PRId64 " (%s)", p.id, plan_state_name(p.kind, p.state));
		status = cmd_worse(status, resume_one(r, &p));
	}
	status = cmd_worse(status, resume_services(r, &any));
	if (!any)
		cmd_note(r->c, "no plan is unfinished");
	return status;
}

static int
resume(struct plan_run *r)
{
	struct plan p;
	int none, status = plan_flow_alone(r, "--resume");

	if (status == CMD_DONE)
		status = plan_run_open_old(r, &none);
	if (status != CMD_DONE)
		return status;
	if (none && r->plan == 0) {
		cmd_note(r->c, "no plan is unfinished");
		return CMD_DONE;
	}
	if (r->plan == 0)
		return resume_all(r);
	if (none) {
		cmd_say("there is no plan %" PRId64 ": nothing was planned yet", r->plan);
		return CMD_FAILED;
	}
	if (plan_run_plan(&p, r, r->plan) != CMD_DONE)
		return CMD_FAILED;
	if (p.state == PLAN_PLANNED && !p.service_waits) {
		cmd_say("plan %" PRId64 " was never begun: --plan %" PRId64 " --execute carries it out", p.id, p.id);
		return CMD_FAILED;
	}
	if (is_over(&p)) {
		status = start_service(r, &p);
		cmd_note(r->c, "plan %" PRId64 " is %s: nothing is left to do", p.id, plan_state_name(p.kind, p.state));
		return status;
	}
	return resume_one(r, &p);
}

/* ---- --undo ---- */

static void
add_archive(void *arg, const struct plan_archive *x)
{
	struct buf *b = arg;

	buf_fmt(b, "%s%s", b->n > 0 ? " and " : "", x->path);
}

static void
say_deleted(struct plan_run *r, const struct plan *p)
{
	struct err e = { 0, "" };
	struct buf b;

	buf_init(&b, (size_t)64 * 1024);
	if (journal_archives(r->j, p->id, add_archive, &b, &e) < 0)
		cmd_fail(&e);
	cmd_say("%" PRId64 " message%s of plan %" PRId64 " %s deleted; %s in %s: \"spoolsweep restore\" puts them back",
	    p->count[ITEM_DELETED], rank_plural(p->count[ITEM_DELETED]), p->id, rank_are(p->count[ITEM_DELETED]),
	    p->count[ITEM_DELETED] == 1 ? "it is" : "they are", b.n > 0 ? buf_cstr(&b) : "its archive");
	buf_free(&b);
}

static int
undo(struct plan_run *r)
{
	const int dry = r->c->opt[OPT_EXECUTE] == NULL;
	struct plan_meant meant;
	struct plan p;
	int none, status = plan_flow_alone(r, "--undo");

	if (status == CMD_DONE)
		status = plan_run_open_old(r, &none);
	if (status != CMD_DONE)
		return status;
	if (none) {
		cmd_say("there is no plan %" PRId64 ": nothing was planned yet", r->plan);
		return CMD_FAILED;
	}
	if (plan_run_plan(&p, r, r->plan) != CMD_DONE)
		return CMD_FAILED;
	if (p.state == PLAN_PLANNED || p.state == PLAN_UNDONE) {
		cmd_note(r->c, "plan %" PRId64 " is %s: it has taken nothing that could be put back", p.id, plan_state_name(p.kind, p.state));
		return CMD_DONE;
	}
	status = plan_run_undo(&meant, r, p.id, NULL, NULL);
	if (p.count[ITEM_DELETED] > 0)
		say_deleted(r, &p);
	if (dry)
		plan_run_would(r, &meant);
	return cmd_worse(status, p.count[ITEM_DELETED] > 0 ? CMD_PARTLY : CMD_DONE);
}

static int
mode(struct plan_run *r)
{
	const struct context *c = r->c;

	if ((c->opt[OPT_PLAN] != NULL) + (c->opt[OPT_RESUME] != NULL) + (c->opt[OPT_UNDO] != NULL) > 1) {
		cmd_say("purge: --plan, --resume and --undo exclude each other");
		return CMD_USAGE;
	}
	if (c->opt[OPT_RESUME] != NULL)
		return resume(r);
	if (c->opt[OPT_UNDO] != NULL)
		return undo(r);
	if (c->opt[OPT_PLAN] != NULL)
		return plan_flow_stored(r);
	if (selection_is_empty(c->sel)) {
		cmd_say("purge: no selector: say what is to go, for example --account NAME; --all is every message");
		return CMD_USAGE;
	}
	return plan_flow_new(r);
}

static int
run(struct context *c)
{
	struct plan_run r;
	int status = plan_run_options(&r, c, PLAN_PURGE);

	if (status == CMD_DONE)
		status = mode(&r);
	plan_run_free(&r);
	return status;
}
