#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "cmd/restore_note.h"
#include "cmd/service_run.h"
#include "index/restore.h"
#include "spool/arena.h"
#include "spool/sys.h"

#define FROZEN_LIFE (3 * PUTBACK_DAY)	/* shorter than what Exim comes with: an old spool may set it */
#define ASK_SECONDS 5
#define FINDINGS_SHOWN 20
#define SECOND_US INT64_C(1000000)
#define RATE_MAX 1000000

static int run(struct context *c);

static const struct opt opts[] = {
	{ "execute", 0, NULL, OPT_EXECUTE, "put the messages back" },
	{ "to", 0, "SPOOL", OPT_TO, "into this spool (default: the one that the archive names)" },
	{ "to-queue", 0, "QUEUE", OPT_TO_QUEUE, "Postfix: hold, deferred or maildrop; Exim: a named queue" },
	{ "thaw", 0, NULL, OPT_THAW, "Exim: do not freeze them" },
	{ "reset-time", 0, NULL, OPT_RESET_TIME, "Exim: they arrive now" },
	{ "as", 0, "eml|mbox PATH", OPT_AS, "for reading: a folder of .eml files, or an mbox; no spool" },
	{ "rate", 0, "N/min", OPT_RATE, "evenly, at most so many messages a minute (/s, /h)" },
	{ "stop-service", 0, NULL, OPT_STOP_SERVICE, "SmarterMail: stop its service meanwhile" },
	{ "yes", 0, NULL, OPT_YES, "accepted; nothing is asked" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_restore = {
	"restore", "ARCHIVE [--execute] [--to SPOOL] [--to-queue QUEUE] [--as eml|mbox PATH] [SELECTORS]", "put messages of an archive back",
	"A dry run unless --execute is given. Needs no index. The archive is verified first. Nothing is\n"
	"overwritten: a message that is there already is skipped. Postfix messages go into hold under new\n"
	"queue ids, Exim's are frozen, SmarterMail's go into the root of the spool.\n"
	"--as eml DIR and --as mbox FILE write messages as their readers would have got them.\n"
	"Exit status 3: some messages were there already or could not be put back, and are listed.\n",
	opts, 1, 1, 1, run
};

static const char *const item_keys[] = { "id", "new_id", "spool", "state", "why", "path" };
static const char *const sum_keys[] = { "archive", "sha256", "messages", "planned", "restored", "exists", "failed", "past_life" };

struct restore_cmd {
	struct context *c;
	struct restore_options opt;
	struct restore_result result;
	struct progress progress;
	struct restore_note note;
	struct journal *j;		/* for the service; NULL: nothing is known of one */
	struct service_run service;
	char *index_path;
	uint64_t findings;
};

static int
stop(void *arg)
{
	(void)arg;
	return sys_stop_asked();
}

/* ---- asking Exim ---- */

/* "1w2d3h4m5s" (Exim's specification, "Time intervals"); -1 when it is none. */
static int64_t
interval(const char *s)
{
	static const struct { char unit; int64_t seconds; } units[] = {
		{ 'w', 7 * PUTBACK_DAY }, { 'd', PUTBACK_DAY }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 }
	};
	int64_t all = 0, v;
	size_t i;

	if (*s == '\0')
		return -1;
	while (*s != '\0') {
		for (v = 0, i = 0; *s >= '0' && *s <= '9' && i < 9; s++, i++)
			v = v * 10 + (*s - '0');
		if (i == 0)
			return -1;
		for (i = 0; i < sizeof units / sizeof units[0] && units[i].unit != *s; i++)
			;
		if (i == sizeof units / sizeof units[0])
			return -1;
		all += v * units[i].seconds;
		s++;
	}
	return all;
}

static const char *
ask(char *text, size_t n, const char *program, const char *what)
{
	const char *const argv[] = { program, "-bP", what, NULL };
	struct err e = { 0, "" };
	char *v;

	if (sys_run(text, n, argv, ASK_SECONDS, &e) < 0)
		return NULL;
	text[strcspn(text, "\r\n")] = '\0';
	v = strstr(text, " = ");
	return v != NULL ? v + 3 : NULL;
}

/* timeout_frozen_after of the Exim whose spool this is. */
static int64_t
frozen_life(void *arg, const char *root)
{
	static const char *const program[] = { "/usr/sbin/exim4", "/usr/sbin/exim" };
	char text[4096], *real;
	const char *value;
	int is_its;
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof program / sizeof program[0]; i++) {
		value = ask(text, sizeof text, program[i], "spool_directory");
		real = value != NULL ? sys_realpath(value, NULL) : NULL;
		is_its = real != NULL && strcmp(real, root) == 0;
		free(real);
		if (is_its && (value = ask(text, sizeof text, program[i], "timeout_frozen_after")) != NULL)
			return interval(value);
	}
	return -1;
}

/* ---- telling ---- */

static void
tell_item(void *arg, const struct restore_item *it)
{
	struct restore_cmd *r = arg;
	struct out *o = &r->c->out;

	if (it->state == RESTORE_RESTORED && r->opt.as == RESTORE_AS_MESSAGES)
		restore_note_add(&r->note, it);
	if (r->c->format != OUT_TABLE) {
		out_text(o, it->id);
		out_text(o, it->new_id);
		out_text(o, it->spool);
		out_text(o, restore_state_name(it->state));
		out_text(o, it->why);
		out_text(o, it->path);
		out_row(o);
		return;
	}
	if (it->state == RESTORE_PLANNED && !r->c->verbose)
		return;
	progress_wipe(&r->progress);
	buf_fmt(&o->b, "%-8s  ", restore_state_name(it->state));
	out_plain(o, it->id);
	if (it->state == RESTORE_RESTORED && it->new_id != NULL && strcmp(it->id, it->new_id) != 0) {
		out_raw(o, " -> ");
		out_plain(o, it->new_id);
	}
	if (it->path != NULL) {
		out_raw(o, " -> ");
		out_plain(o, it->path);
	}
	if (it->why != NULL) {
		out_raw(o, "  ");
		out_plain(o, it->why);
	}
	out_raw(o, "\n");
}

static void
tell_finding(void *arg, const char *text)
{
	struct restore_cmd *r = arg;

	progress_wipe(&r->progress);
	if (r->findings++ < FINDINGS_SHOWN)
		cmd_say("%s", text);
}

static void
tell_progress(void *arg, const char *phase, uint64_t done, uint64_t all)
{
	struct restore_cmd *r = arg;
	struct purge_progress p = { phase, done, all };

	progress_purge(&r->progress, &p);
}

static void
put_sums(struct restore_cmd *r)
{
	struct out *o = &r->c->out;
	char sha[2 * ARC_SHA256 + 1], *real = sys_realpath(r->c->arg[0], NULL);
	int s;
	size_t i;

	for (i = 0; i < ARC_SHA256; i++)
		snprintf(sha + 2 * i, 3, "%02x", r->result.report.sha[i]);
	out_keys(o, sum_keys, sizeof sum_keys / sizeof sum_keys[0]);
	out_text(o, real);
	out_text(o, sha);
	out_count(o, (int64_t)r->result.messages);
	for (s = 0; s < RESTORE_STATES; s++)
		out_count(o, (int64_t)r->result.count[s]);
	out_count(o, (int64_t)r->result.old);
	out_row(o);
	free(real);
}

static void
show_sums(struct restore_cmd *r)
{
	static const char *const done[2][2] = { { "would be restored", "restored" }, { "would be written", "written" } };
	const struct restore_result *x = &r->result;
	struct out *o = &r->c->out;

	buf_fmt(&o->b, "%" PRIu64 " message%s in the archive, which is whole; %" PRIu64 " %s, %" PRIu64 " there already, %" PRIu64
	    " failed\n", x->messages, rank_plural((int64_t)x->messages), x->count[RESTORE_PLANNED] + x->count[RESTORE_RESTORED], done[r->opt.as != RESTORE_AS_MESSAGES][r->opt.execute], x->count[RESTORE_EXISTS], x->count[RESTORE_FAILED]);
	if (!r->opt.execute && x->count[RESTORE_PLANNED] > 0)
		out_raw(o, r->opt.as != RESTORE_AS_MESSAGES ? "The same command with --execute writes them.\n" :
		    "The same command with --execute puts them back.\n");
}

static void
warn(struct restore_cmd *r)
{
	const struct restore_result *x = &r->result;
	const char *to = r->opt.putback.to_queue;

	if (x->old > 0)
		cmd_say("%" PRIu64 " of them are past their lifetime: their MTA bounces them at the first try, to senders that may be forged",
		    x->old);
	if (to != NULL && strcmp(to, "maildrop") == 0 && x->count[RESTORE_PLANNED] + x->count[RESTORE_RESTORED] > 0)
		cmd_say("pickup(8) sends what is in maildrop at once");
	if (x->damaged > 0)
		cmd_say("%" PRIu64 " message%s %s damaged: what can be read of them is there", x->damaged, rank_plural((int64_t)x->damaged),
		    rank_are((int64_t)x->damaged));
	if (x->is_stopped && r->opt.as == RESTORE_AS_MBOX)
		cmd_say("stopped: nothing was written");
	else if (x->is_stopped)
		cmd_say("stopped; the same command goes on where it ended");
}

/* ---- the mail server's service ---- */

/* The journal does not tell whether a service waits to be started: a restore goes on without it, as without its note, but stops nothing. */
static int
not_known(const struct restore_cmd *r, const struct err *e)
{
	if (r->c->opt[OPT_STOP_SERVICE] != NULL)
		return cmd_fail(e);
	cmd_say("%s: whether a run before has left a service stopped is not known", e->text);
	return CMD_DONE;
}

/* What a restore before has stopped and, killed, not started again. */
static int
adopt(struct restore_cmd *r)
{
	struct err e = { 0, "" };
	int64_t id = INT64_MIN;
	size_t i;

	if (r->j == NULL || journal_service_waiting(&id, r->j, INT64_MIN, &e) != 1 || id >= 0)
		return e.text[0] == '\0' ? CMD_DONE : not_known(r, &e);
	for (i = 0; spool_drivers[i] != NULL && spool_drivers[i]->service == NULL; i++)
		;
	return service_run_adopt(&r->service, service_run_find(&r->service, id, spool_drivers[i], NULL, 1), NULL);
}

/* Its own connection to the journal: the note gives the other one up when a message cannot be noted. */
static int
service_begin(struct restore_cmd *r)
{
	const int is_wanted = r->c->opt[OPT_STOP_SERVICE] != NULL;
	struct err e = { 0, "" };

	r->index_path = cmd_index_path(r->c);
	r->service.c = r->c;
	r->service.index_path = r->index_path;
	r->service.who = r->note.who;
	if (r->note.j != NULL && journal_open(&r->j, r->index_path, 1, &e) < 0)
		return not_known(r, &e);
	r->service.j = r->j;
	if (is_wanted && r->j == NULL) {
		cmd_say("--stop-service: without a journal it would not be known that the service must be started again");
		return CMD_FAILED;
	}
	return adopt(r);
}

/* The service of a spool, before it is touched. */
static int
stop_service(void *arg, struct spool *sp, struct err *e)
{
	struct restore_cmd *r = arg;
	const int is_wanted = r->c->opt[OPT_STOP_SERVICE] != NULL;
	struct spool *own = NULL;
	int stops = 0, rc, status;

	if (r->service.sp != NULL || sp->driver->service == NULL || (!is_wanted && !r->service.is_ours)) {
		if (is_wanted && sp->driver->service == NULL)
			cmd_note(r->c, "--stop-service: %s does not need it", sp->root);
		return 0;
	}
	if (spool_open(&own, arena_fmt(&r->note.arena, "%s:%s", sp->driver->name, sp->root), NULL, e) < 0)
		return -1;
	if (r->service.is_ours) {
		r->service.sp = own;	/* the watch over it needs that */
		status = service_run_stop(&r->service);
	} else if ((status = service_run_can(&stops, own)) != CMD_DONE || !stops) {
		spool_close(own);
	} else {
		rc = service_run_find(&r->service, -r->note.run, own->driver, own, 1);
		status = rc == 1 ? service_run_stop(&r->service) : rc < 0 ? CMD_FAILED : CMD_DONE;
	}
	return status == CMD_DONE ? 0 : err_set(e, 0, "%s: nothing was put back", sp->root);
}

static int
guard(void *arg, struct err *e)
{
	struct restore_cmd *r = arg;

	return service_run_guard(&r->service, e);
}

static int
service_end(struct restore_cmd *r)
{
	int status = service_run_start(&r->service);

	journal_close(r->j);
	free(r->index_path);
	return status;
}

/* ---- running ---- */

/* "N/min", "N/s", "N/h"; "N" is a minute's. */
static int
rate(struct restore_cmd *r, const char *text)
{
	static const struct { const char *name; int64_t us; } units[] = {
		{ "", 60 * SECOND_US }, { "/min", 60 * SECOND_US }, { "/s", SECOND_US }, { "/h", 3600 * SECOND_US }
	};
	struct err e = { 0, "" };
	char number[16];
	size_t n = strspn(text, "0123456789"), i;
	int64_t v;

	for (i = 0; i < sizeof units / sizeof units[0] && strcmp(units[i].name, text + n) != 0; i++)
		;
	if (i < sizeof units / sizeof units[0] && n < sizeof number) {
		snprintf(number, sizeof number, "%.*s", (int)n, text);
		if (opt_number(&v, "", number, 1, RATE_MAX, &e) == 0) {
			r->opt.gap = units[i].us / v;
			return 0;
		}
	}
	cmd_say("restore: --rate: \"%.60s\" is no rate: 30/min, 2/s, 500/h; at most %d", text, RATE_MAX);
	return -1;
}

static int
as(struct restore_cmd *r)
{
	static const struct { enum opt_key key; const char *name; } into[] = {
		{ OPT_TO, "to" }, { OPT_TO_QUEUE, "to-queue" }, { OPT_THAW, "thaw" }, { OPT_RESET_TIME, "reset-time" }, { OPT_RATE, "rate" },
		{ OPT_STOP_SERVICE, "stop-service" }
	};
	const char *kind = r->c->opt[OPT_AS];
	size_t i;

	if (kind == NULL)
		return 0;
	r->opt.as = strcmp(kind, "eml") == 0 ? RESTORE_AS_EML : strcmp(kind, "mbox") == 0 ? RESTORE_AS_MBOX : RESTORE_AS_MESSAGES;
	r->opt.as_path = r->c->opt[OPT_AS_PATH];
	if (r->opt.as == RESTORE_AS_MESSAGES || r->opt.as_path[0] == '\0') {
		cmd_say("restore: --as eml DIR or --as mbox FILE");
		return -1;
	}
	for (i = 0; i < sizeof into / sizeof into[0]; i++) {
		if (r->c->opt[into[i].key] == NULL)
			continue;
		cmd_say("restore: --%s is for messages that go into a spool, not for --as", into[i].name);
		return -1;
	}
	return 0;
}

/* What only "scan --contents" finds out is not in an archive: none of its messages would match, and nobody would be told why. */
static int
needs_contents(const struct selection *s)
{
	static const enum select_key keys[] = { SEL_URL, SEL_ATTACHMENT, SEL_CAMPAIGN };
	size_t i;

	for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (!selection_has(s, keys[i]))
			continue;
		cmd_say("restore: an archive does not know --%s; --id or --contains can choose its messages", select_info[keys[i]].name);
		return 1;
	}
	return 0;
}

static int
options(struct restore_cmd *r)
{
	struct context *c = r->c;

	if (as(r) < 0 || needs_contents(c->sel))
		return CMD_USAGE;
	if (c->opt[OPT_RATE] != NULL && rate(r, c->opt[OPT_RATE]) < 0)
		return CMD_USAGE;
	r->opt.to = c->opt[OPT_TO];
	r->opt.execute = c->opt[OPT_EXECUTE] != NULL;
	r->opt.putback.to_queue = c->opt[OPT_TO_QUEUE];
	r->opt.putback.thaw = c->opt[OPT_THAW] != NULL;
	r->opt.putback.reset_time = c->opt[OPT_RESET_TIME] != NULL;
	r->opt.putback.frozen_life = FROZEN_LIFE;
	r->opt.putback.now = sys_now_us() / 1000000;
	r->opt.frozen_life = frozen_life;
	r->opt.item = tell_item;
	r->opt.problem = tell_finding;
	r->opt.progress = tell_progress;
	r->opt.stop = stop;
	r->opt.before = stop_service;
	r->opt.guard = guard;
	r->opt.arg = r;
	return CMD_DONE;
}

static int
failed(struct restore_cmd *r, int rc, const struct err *e)
{
	if (r->findings > FINDINGS_SHOWN)
		cmd_say("and %" PRIu64 " more findings; \"spoolsweep verify\" lists them", r->findings - FINDINGS_SHOWN);
	(void)cmd_fail(e);
	if (rc == -2)
		return CMD_USAGE;
	if (!r->result.spool_changed)
		return CMD_FAILED;
	cmd_say("the same command again skips what is back and goes on");
	return CMD_RESUME;
}

static int
run(struct context *c)
{
	struct restore_cmd *r = mem_new(sizeof *r);
	struct err e = { 0, "" };
	int status, service = CMD_DONE, rc = -1;

	r->c = c;
	status = options(r);
	if (status != CMD_DONE)
		goto out;
	progress_init(&r->progress, c->quiet, c->arg[0]);
	if (c->format != OUT_TABLE)
		out_keys(&c->out, item_keys, sizeof item_keys / sizeof item_keys[0]);
	sys_watch_stop(1);
	if (r->opt.execute)
		restore_note_begin(&r->note, c, &r->opt, c->opt[OPT_STOP_SERVICE] != NULL);
	if (r->opt.execute && r->opt.as == RESTORE_AS_MESSAGES)
		service = service_begin(r);
	if (service != CMD_DONE && c->opt[OPT_STOP_SERVICE] != NULL)
		err_set(&e, 0, "nothing was put back");
	else
		rc = restore_run(&r->result, c->arg[0], c->sel, &r->opt, &e);
	progress_wipe(&r->progress);
	c->spool_changed = r->result.spool_changed;
	service = cmd_worse(service, service_end(r));
	if (r->opt.execute)
		restore_note_end(&r->note, &r->result, rc != 0 ? e.text : NULL);
	if (c->format == OUT_JSON && rc != -2 && r->result.report.problems == 0 && r->result.report.size != 0)
		put_sums(r);
	if (rc != 0) {
		status = failed(r, rc, &e);
		goto out;
	}
	if (c->format == OUT_TABLE)
		show_sums(r);
	warn(r);
	if (r->result.is_stopped)
		status = r->result.spool_changed ? CMD_RESUME : CMD_FAILED;
	else if (r->result.count[RESTORE_EXISTS] + r->result.count[RESTORE_FAILED] + r->result.damaged > 0)
		status = CMD_PARTLY;
out:
	free(r);
	return cmd_worse(status, service);
}
