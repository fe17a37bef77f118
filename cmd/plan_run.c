#include "cmd/plan_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/rescan.h"
#include "spool/sys.h"

#define LOG_LINE ((size_t)900)		/* syslogd(8) cuts at 1024 */
#define OLD_PLAN_US ((int64_t)15 * 60 * 1000000)

int
plan_run_stopped(void)
{
	return sys_stop_asked();
}

static int
stop(void *arg)
{
	(void)arg;
	return sys_stop_asked();
}

/* ---- options ---- */

static int
number(int64_t *out, const struct plan_run *r, enum opt_key key, const char *name, int64_t lo, int64_t hi)
{
	struct err e = { 0, "" };
	char what[64];

	snprintf(what, sizeof what, "%s: --%s", r->c->command->name, name);
	if (r->c->opt[key] == NULL || (key == OPT_RESUME && r->c->opt[key][0] == '\0') ||
	    opt_number(out, what, r->c->opt[key], lo, hi, &e) == 0)
		return 0;
	cmd_say("%s", e.text);
	return -1;
}

static int
numbers(struct plan_run *r)
{
	int64_t threads = 0;

	if (number(&r->plan, r, OPT_PLAN, "plan", 1, INT64_MAX) < 0 || number(&r->plan, r, OPT_UNDO, "undo", 1, INT64_MAX) < 0 ||
	    number(&r->plan, r, OPT_RESUME, "resume", 1, INT64_MAX) < 0 || number(&r->limit, r, OPT_LIMIT, "limit", 1, INT64_MAX) < 0 ||
	    number(&r->make.level, r, OPT_LEVEL, "level", 1, 19) < 0 ||
	    number(&r->opt.retry_busy_s, r, OPT_RETRY, "retry-busy", 0, 86400) < 0 ||
	    number(&threads, r, OPT_THREADS, "threads", 0, 64) < 0)
		return -1;
	r->opt.threads = r->c->opt[OPT_THREADS] != NULL ? (unsigned)threads : sys_cpus() < 8 ? sys_cpus() : 8;
	return 0;
}

static char *
copy(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(mem_new(n), s, n);
}

/* "archives" in the folder of the default index for root (contract), of the index in use for anyone else. */
static char *
default_archive(const struct plan_run *r)
{
	char *index = sys_is_root() ? sys_index_default() : copy(r->index_path), *folder, *out;
	const char *name;
	size_t n;

	folder = sys_parent(index, &name);
	n = strlen(folder) + sizeof "/archives";
	out = mem_new(n);
	snprintf(out, n, "%s/archives", folder);
	free(folder);
	free(index);
	return out;
}

/* The mainlog must be there: a new file under a mistyped name would be read by nobody. */
static int
mainlog(struct plan_run *r)
{
	struct err e = { 0, "" };

	if (r->c->opt[OPT_MAINLOG] == NULL)
		return 0;
	r->mainlog = sys_realpath(r->c->opt[OPT_MAINLOG], &e);
	if (r->mainlog == NULL)
		cmd_say("--mainlog: %s", e.text);
	return r->mainlog != NULL ? 0 : -1;
}

static int
service_options(const struct context *c)
{
	const char *beside = c->opt[OPT_LIVE] != NULL ? "live" : c->opt[OPT_WATCH] != NULL ? "watch" : NULL;

	if (c->opt[OPT_STOP_SERVICE] == NULL || beside == NULL)
		return CMD_DONE;
	cmd_say("%s: --stop-service and --%s exclude each other%s", c->command->name, beside, c->opt[OPT_LIVE] != NULL ? "" :
	    ": a server that is stopped takes no new mail");
	return CMD_USAGE;
}

int
plan_run_options(struct plan_run *r, struct context *c, enum plan_kind kind)
{
	memset(r, 0, sizeof *r);
	r->c = c;
	r->kind = kind;
	r->make.kind = kind;
	out_init(&r->object, OUT_JSON);
	if (numbers(r) < 0)
		return CMD_USAGE;
	if (c->opt[OPT_WATCH] != NULL && select_age(&r->watch_s, c->opt[OPT_WATCH]) < 0) {
		cmd_say("%s: --watch: \"%s\" is no duration (90s 45m 36h)", c->command->name, c->opt[OPT_WATCH]);
		return CMD_USAGE;
	}
	if (mainlog(r) < 0)
		return CMD_USAGE;
	if (c->opt[OPT_ARCHIVE] != NULL && c->opt[OPT_ARCHIVE][0] == '\0') {
		cmd_say("%s: --archive needs the name of a folder", c->command->name);
		return CMD_USAGE;
	}
	r->index_path = cmd_index_path(c);
	r->archive_dir = c->opt[OPT_ARCHIVE] != NULL ? sys_path(c->opt[OPT_ARCHIVE]) : default_archive(r);
	r->make.who = sys_login(r->who, sizeof r->who);
	r->make.mainlog = r->mainlog;
	r->make.json = list_object;
	r->make.json_arg = &r->object;
	r->opt.archive_dir = r->archive_dir;
	r->opt.live = c->opt[OPT_LIVE] != NULL;
	r->opt.stop = stop;
	return service_options(c);
}

void
plan_run_free(struct plan_run *r)
{
	plan_service_free(r);
	journal_close(r->j);
	index_close(r->ix);
	arena_free(&r->arena);
	buf_free(&r->object.b);
	buf_free(&r->object.cell);
	free(r->index_path);
	free(r->archive_dir);
	free(r->mainlog);
}

/* ---- opening ---- */

static void
add_place(void *arg, const struct query_scan *sc)
{
	struct buf *b = arg;

	buf_puts(b, " --spool ");
	cmd_quote(b, sc->spool);
}

/* A new index knows no spools but those that this machine is known to have: the ones that were meant are named. */
static void
add_places(struct buf *b, const struct plan_run *r)
{
	struct index *ix = NULL;
	struct err e = { 0, "" };

	if (selection_has(r->c->sel, SEL_SPOOL))
		return;
	if (r->ix != NULL || index_open(&ix, r->index_path, INDEX_READ, &e) == 0)
		(void)query_scans(r->ix != NULL ? r->ix : ix, r->c->sel, add_place, b, &e);
	index_close(ix);
}

/* A full or read-only disk under the index: the command that works on another one. */
static void
hint_disk(const struct plan_run *r, const struct err *e)
{
	struct buf b;

	if (!sys_is_full(e->sys) && e->sys != EROFS && strstr(e->text, "--index FILE") == NULL)
		return;
	buf_init(&b, (size_t)1 << 20);
	buf_fmt(&b, "spoolsweep --index /OTHER-DISK/index.db %s --scan", r->c->command->name);
	add_places(&b, r);
	selection_text(&b, r->c->sel);
	plan_out_making(&b, r);
	if (r->kind == PLAN_PURGE)
		buf_puts(&b, " --archive /OTHER-DISK/archives");
	if (r->c->opt[OPT_EXECUTE] != NULL)
		buf_puts(&b, " --execute");
	plan_out_doing(&b, r, r->c->opt[OPT_STOP_SERVICE]);
	cmd_say("index and plans need a disk with space: %s", buf_cstr(&b));
	if (r->kind == PLAN_PURGE)
		cmd_say("\"hold\" in place of \"purge\" stops the sending and needs no archive");
	buf_free(&b);
}

static int
fail(const struct plan_run *r, const struct err *e)
{
	cmd_fail(e);
	hint_disk(r, e);
	return CMD_FAILED;
}

int
plan_run_open(struct plan_run *r, int will_scan)
{
	struct err e = { 0, "" };

	/* An index that is not there is made only by a scan that was asked for. */
	if (r->c->opt[OPT_SCAN] == NULL) {
		if (index_open(&r->ix, r->index_path, INDEX_READ, &e) < 0)
			return cmd_fail(&e);
		if (will_scan) {
			index_close(r->ix);
			r->ix = NULL;
		}
	}
	if (r->ix == NULL && index_open(&r->ix, r->index_path, INDEX_WRITE, &e) < 0)
		return fail(r, &e);
	return journal_open(&r->j, r->index_path, 1, &e) < 0 ? fail(r, &e) : CMD_DONE;
}

int
plan_run_open_old(struct plan_run *r, int *none)
{
	struct err e = { 0, "" };

	*none = 0;
	if (journal_open(&r->j, r->index_path, 0, &e) < 0) {
		*none = e.sys == ENOENT;
		return *none ? CMD_DONE : cmd_fail(&e);
	}
	journal_close(r->j);
	r->j = NULL;
	if (journal_open(&r->j, r->index_path, 1, &e) < 0)
		return cmd_fail(&e);
	if (index_open(&r->ix, r->index_path, INDEX_WRITE, &e) < 0) {
		cmd_say("%s: going on without the index", e.text);
		r->ix = NULL;
	}
	return CMD_DONE;
}

int
plan_run_plan(struct plan *p, struct plan_run *r, int64_t id)
{
	struct err e = { 0, "" };
	int rc = journal_plan(p, r->j, id, &r->arena, &e);

	if (rc < 0)
		return cmd_fail(&e);
	if (rc == 0)
		cmd_say("there is no plan %" PRId64 "; \"spoolsweep plans\" lists them", id);
	return rc == 1 ? CMD_DONE : CMD_FAILED;
}

/* ---- making ---- */

static void
tell_left(const struct plan_run *r, const struct plan_left *l)
{
	if (l->damaged > 0)
		cmd_note(r->c, "%" PRId64 " damaged message%s left out: only --damaged or --id selects them", l->damaged, l->damaged == 1 ? " was" : "s were");
	if (l->incomplete > 0)
		cmd_note(r->c, "%" PRId64 " incomplete message%s left out: only --id selects them", l->incomplete, l->incomplete == 1 ? " was" : "s were");
	if (l->folders > 0)
		cmd_note(r->c, "%" PRId64 " message%s in proc, Quarantine, Drop or delay %s left out: --queue selects them", l->folders, rank_plural(l->folders),
		    l->folders == 1 ? "was" : "were");
}

int
plan_run_make(int64_t *id, struct plan_run *r, int64_t parent, int64_t limit)
{
	struct plan_left left;
	struct err e = { 0, "" };
	int rc;

	r->make.parent = parent;
	r->make.limit = limit;
	rc = plan_make(id, &left, r->ix, r->j, r->c->sel, &r->make, &e);
	if (rc < 0)
		return fail(r, &e);
	if (parent == 0)
		tell_left(r, &left);
	if (rc == 1 && parent == 0)
		cmd_note(r->c, "no message is selected");
	return CMD_DONE;
}

static void
hint_resume(const struct plan_run *r, int64_t id)
{
	struct buf b;

	buf_init(&b, 4096);
	cmd_again(&b, r->c);
	buf_fmt(&b, " purge --resume %" PRId64 "%s", id, r->c->opt[OPT_STOP_SERVICE] != NULL ? " --stop-service" : "");
	cmd_say("plan %" PRId64 " is not finished and nothing is lost; to finish it: %s", id, buf_cstr(&b));
	buf_free(&b);
}

/* The archive's folder cannot be used: the command that works with another. */
static void
hint_archive(struct plan_run *r, const struct plan *p, const struct err *e)
{
	struct buf b;

	if (p->kind != PLAN_PURGE || strstr(e->text, "--archive DIR") == NULL)
		return;
	buf_init(&b, 4096);
	cmd_again(&b, r->c);
	if (p->state == PLAN_PLANNED)
		buf_fmt(&b, " purge --plan %" PRId64 " --execute", p->id);
	else
		buf_fmt(&b, " purge --resume %" PRId64, p->id);
	buf_puts(&b, " --archive /OTHER-DISK/archives");
	plan_out_doing(&b, r, r->c->opt[OPT_STOP_SERVICE]);
	cmd_say("with the archive on another disk: %s", buf_cstr(&b));
	buf_free(&b);
}

static int
check(struct plan_run *r, const struct plan *p)
{
	struct plan_facts facts;
	struct err e = { 0, "" };
	char *real;

	if (plan_facts(&facts, r->j, p->id, &e) < 0)
		return cmd_fail(&e);
	if (p->state != PLAN_PLANNED && facts.expected == 0)	/* a resume with nothing to archive: only what is verified is deleted */
		return CMD_DONE;
	if (plan_service_check(r, p->id) != CMD_DONE)
		return CMD_FAILED;
	if (purge_check(r->j, p->id, (uint64_t)facts.expected, &r->opt, &e) < 0) {
		cmd_fail(&e);
		hint_archive(r, p, &e);
		return CMD_FAILED;
	}
	if (p->kind != PLAN_PURGE)
		return CMD_DONE;
	real = sys_realpath(r->opt.archive_dir, &e);
	if (real == NULL)
		return cmd_fail(&e);
	r->opt.archive_dir = arena_str(&r->arena, real);
	free(real);
	return journal_plan_folder(r->j, p->id, r->opt.archive_dir, &e) < 0 ? cmd_fail(&e) : CMD_DONE;
}

/* Nothing was done in this run; but what an earlier one has taken waits in the private folder. */
static int
failed_early(const struct plan_run *r, const struct plan *p)
{
	if (p->state == PLAN_PLANNED)
		return CMD_FAILED;
	hint_resume(r, p->id);
	return CMD_RESUME;
}

int
plan_run_check(struct plan_run *r, int64_t id)
{
	struct plan p;

	if (plan_run_plan(&p, r, id) != CMD_DONE)
		return CMD_FAILED;
	if (sys_now_us() - p.created > OLD_PLAN_US && p.state == PLAN_PLANNED)
		cmd_note(r->c, "plan %" PRId64 " is older than 15 minutes: what arrived since then is not in it", id);
	return check(r, &p) == CMD_DONE ? CMD_DONE : failed_early(r, &p);
}

/* ---- carrying out ---- */

/* "plan 3 (purge) begun by root: 45000 messages, --account info@example.com" */
static void
log_plan(const struct plan *p, enum sys_event kind, const char *what, const char *who)
{
	struct buf b, safe;
	int s;

	buf_init(&b, LOG_LINE);
	buf_init(&safe, 4 * LOG_LINE);
	buf_fmt(&b, "plan %" PRId64 " (%s) %s by %s:", p->id, p->kind == PLAN_PURGE ? "purge" : "hold", what, who);
	for (s = 0; s < ITEM_STATES; s++)
		if (p->count[s] > 0)
			buf_fmt(&b, " %" PRId64 " %s", p->count[s], item_state_name((enum item_state)s));
	if (p->archive != NULL)
		buf_fmt(&b, ", archive %s", p->archive);
	buf_fmt(&b, ", selection: %s", p->selection);
	text_inert(&safe, b.p, b.n);
	sys_log(kind, buf_cstr(&safe));
	buf_free(&b);
	buf_free(&safe);
}

static int
is_finished(const struct plan *p)
{
	return p->state == PLAN_DONE || p->state == PLAN_UNDONE || (p->kind == PLAN_HOLD && p->state == PLAN_TAKEN);
}

/* Folders cannot be made on a spool without an inode or a block. Postfix can hold its messages by renames alone. */
static void
hint_full(struct plan_run *r, const struct plan *p, const struct err *e)
{
	struct place pl;
	struct err why = { 0, "" };
	struct buf b;

	if (!sys_is_full(e->sys) || strstr(e->text, SPOOL_PRIVATE) == NULL ||
	    journal_place(&pl, r->j, p->id, 0, &r->arena, &why) != 1)
		return;
	cmd_say("the private folder needs 2 folders and a file on the file system of the spool: remove or move away a few files there that"
	    " are no mail (df, df -i), and run it again");
	if (strcmp(pl.kind, "postfix") != 0) {
		cmd_say("until then stop the mail server: nothing is sent");
		return;
	}
	buf_init(&b, (size_t)1 << 20);
	cmd_again(&b, r->c);
	buf_fmt(&b, " list -i %s | postsuper -h -", p->selection);
	cmd_say("until then this holds them without any space: %s", buf_cstr(&b));
	buf_free(&b);
}

/* What the run left: skipped messages are exit 3, an unfinished plan is exit 2 or 3. */
static int
judge(struct plan_run *r, const struct plan *p, int rc, const struct purge_result *res, const struct err *e)
{
	const int64_t skipped = p->count[ITEM_CHANGED] + p->count[ITEM_BUSY] + p->count[ITEM_GONE] + p->count[ITEM_FAILED];

	if (res->note[0] != '\0')
		cmd_note(r->c, "%s", res->note);
	if (rc < 0) {
		cmd_fail(e);
		if (!res->spool_changed) {
			hint_full(r, p, e);
			return CMD_FAILED;
		}
		hint_resume(r, p->id);
		return CMD_RESUME;
	}
	if (!is_finished(p)) {
		if (p->count[ITEM_BUSY] > 0)
			cmd_say("%" PRId64 " message%s %s busy: their MTA is at work on them", p->count[ITEM_BUSY], rank_plural(p->count[ITEM_BUSY]),
			    rank_are(p->count[ITEM_BUSY]));
		hint_resume(r, p->id);
	}
	return skipped > 0 || !is_finished(p) ? CMD_PARTLY : CMD_DONE;
}

static void
tell_moved(const struct plan_run *r, const struct purge_result *res)
{
	if (res->moved_place > 0)
		cmd_note(r->c, "%" PRId64 " message%s to another place than they came from", res->moved_place, res->moved_place == 1 ? " goes" : "s go");
	if (res->past_life > 0)
		cmd_note(r->c, "%" PRId64 " message%s %s past their lifetime: they bounce to their senders at the first try", res->past_life,
		    rank_plural(res->past_life), rank_are(res->past_life));
}

static void
tell_result(const struct plan_run *r, const struct purge_result *res)
{
	if (res->in_delivery > 0)
		cmd_note(r->c, "%" PRId64 " message%s taken while the MTA was delivering them", res->in_delivery, res->in_delivery == 1 ? " was" : "s were");
	if (res->delivered > 0)
		cmd_note(r->c, "%" PRId64 " message%s had been delivered to all by the time they were archived", res->delivered, rank_plural(res->delivered));
	tell_moved(r, res);
}

/* Was all of the plan's queues read, by the last scan? */
static int
is_whole(struct plan_run *r, int64_t id)
{
	struct buf unknown;
	int status;

	buf_init(&unknown, (size_t)1 << 20);
	status = plan_out_unknown(&unknown, r, id);
	buf_free(&unknown);
	return status == CMD_DONE;
}

/* What is in the spools and what of the plan was taken, before this run takes anything. */
static struct message_set *
set_before(struct plan_run *r, int64_t id, int *status)
{
	struct message_set *before;
	struct err e = { 0, "" };

	if (r->ix == NULL)
		return NULL;
	if (!r->is_fresh)
		*status = rescan_plan(r->c, r->ix, r->j, id);
	if (*status == CMD_FAILED)
		return NULL;
	r->was_whole = *status == CMD_DONE && is_whole(r, id);
	if (!r->was_whole)
		*status = cmd_worse(*status, CMD_PARTLY);
	before = message_set_new(r->ix);
	if (message_set_spools(before, r->j, id, &e) < 0 || message_set_items(before, r->j, id, PROOF_TAKEN, &e) < 0) {
		*status = cmd_fail(&e);
		message_set_free(before);
		return NULL;
	}
	return before;
}

static void
was_taken(void *arg, const char *root, const struct item *it)
{
	message_set_add(arg, root, it->id, it->inode);
}

static void
say_wrong(void *arg, const struct item *it)
{
	(void)arg;
	cmd_say("ERROR: %s was taken and is in the spool all the same (inode %" PRIu64 ")", it->id, it->inode);
}

/* Reads the spool again. is_made: is there a proof, in out? Else it was said why not. */
static int
prove(struct proof *out, int *is_made, struct plan_run *r, int64_t id, struct message_set *before)
{
	struct err e = { 0, "" };
	int status = rescan_plan(r->c, r->ix, r->j, id);

	*is_made = 0;
	if (status == CMD_FAILED) {
		cmd_say("the spool could not be read again: the numbers of this run are not proven");
		return CMD_PARTLY;
	}
	if (proof_make(out, before, r->ix, r->j, id, say_wrong, r, &e) < 0) {
		cmd_fail(&e);
		return CMD_PARTLY;
	}
	*is_made = 1;
	if (status == CMD_DONE && !is_whole(r, id))
		status = CMD_PARTLY;
	out->is_whole = r->was_whole && status == CMD_DONE;
	if (proof_store(r->j, id, out, &e) < 0) {	/* what was done is done: only a report will have no proof of it */
		cmd_fail(&e);
		status = cmd_worse(CMD_PARTLY, status);
	}
	return out->wrong > 0 ? CMD_RESUME : status;
}

static void
progress_begin(struct plan_run *r)
{
	progress_init(&r->progress, r->c->quiet, "");
	r->opt.progress = r->progress.is_on ? progress_purge : NULL;
	r->opt.progress_arg = &r->progress;
}

/* Told at the end: what became of the messages, the proof, the errors. */
static int
tell_all(struct plan_run *r, int64_t id, int rc, const struct purge_result *res, struct message_set *before, const struct err *e)
{
	struct proof proof;
	struct plan p;
	int status = CMD_DONE, has_proof = 0, shown;

	if (plan_run_plan(&p, r, id) != CMD_DONE)
		return res->spool_changed ? CMD_RESUME : CMD_FAILED;
	log_plan(&p, rc == 0 && is_finished(&p) ? SYS_EVENT_ENDED : SYS_EVENT_UNFINISHED,
	    rc < 0 ? "stopped" : is_finished(&p) ? "ended" : "left unfinished", r->who);
	if (rc == 0 && before != NULL && p.state != PLAN_UNDONE)
		status = prove(&proof, &has_proof, r, id, before);
	r->is_fresh = 0;
	shown = plan_out_items(r, id, has_proof ? &proof : NULL, 0);
	status = cmd_worse(status, shown == CMD_FAILED && res->spool_changed ? CMD_RESUME : shown);
	tell_result(r, res);
	return cmd_worse(status, judge(r, &p, rc, res, e));
}

int
plan_run_execute(struct plan_run *r, int64_t id)
{
	struct message_set *before;
	struct purge_result res;
	struct plan p;
	struct err e = { 0, "" };
	int status = CMD_DONE, service, rc;

	memset(&res, 0, sizeof res);
	if (plan_run_plan(&p, r, id) != CMD_DONE)
		return CMD_FAILED;
	sys_watch_stop(1);
	service = plan_service_stop(r, &p);
	if (service != CMD_DONE)
		return service;
	before = set_before(r, id, &status);
	if (status == CMD_FAILED)
		return cmd_worse(failed_early(r, &p), plan_service_start(r));
	log_plan(&p, SYS_EVENT_BEGUN, "begun", r->who);
	progress_begin(r);
	r->opt.found = before != NULL ? was_taken : NULL;
	r->opt.found_arg = before;
	rc = p.state == PLAN_UNDOING ? purge_undo(&res, r->j, id, NULL, NULL, 0, &r->opt, &e) : purge_run(&res, r->j, id, &r->opt, &e);
	progress_wipe(&r->progress);
	r->c->spool_changed |= res.spool_changed;
	service = plan_service_start(r);	/* before the spool is read again: customers wait for it */
	status = cmd_worse(status, tell_all(r, id, rc, &res, before, &e));
	message_set_free(before);
	return cmd_worse(status, service);
}

void
plan_run_would(const struct plan_run *r, const struct plan_meant *m)
{
	cmd_note(r->c, "%s%" PRId64 " message%s would be put back; nothing was touched; --execute does it", m->is_unsure ? "at least " : "", m->n,
	    rank_plural(m->n));
}

/* Those that an agent is delivering stay where they are: nothing else keeps them from going out twice. */
static void
tell_kept(const struct plan_run *r, const struct purge_result *res, int64_t id)
{
	struct buf b;

	if (res->in_delivery == 0)
		return;
	buf_init(&b, 4096);
	cmd_again(&b, r->c);
	if (r->kind == PLAN_HOLD)
		buf_puts(&b, " release --execute");
	else
		buf_fmt(&b, " purge --undo %" PRId64 " --execute", id);
	cmd_say("%" PRId64 " message%s being delivered at this moment and stay%s in the private folder; later: %s", res->in_delivery,
	    res->in_delivery == 1 ? " is" : "s are", res->in_delivery == 1 ? "s" : "",
	    buf_cstr(&b));
	buf_free(&b);
}

int
plan_run_undo(struct plan_meant *out, struct plan_run *r, int64_t id, int (*want)(void *arg, const struct item *it), void *arg)
{
	const int dry = r->c->opt[OPT_EXECUTE] == NULL;
	struct purge_result res;
	struct plan p;
	struct err e = { 0, "" };
	int rc, service, shown, status = CMD_DONE;

	memset(&res, 0, sizeof res);
	*out = (struct plan_meant){ 0, 1 };
	if (plan_run_plan(&p, r, id) != CMD_DONE || (!dry && plan_service_check(r, id) != CMD_DONE))
		return CMD_FAILED;
	sys_watch_stop(1);
	service = dry ? CMD_DONE : plan_service_stop(r, &p);
	if (service != CMD_DONE)
		return service;
	progress_begin(r);
	if (!dry)
		log_plan(&p, SYS_EVENT_BEGUN, "being put back", r->who);
	rc = purge_undo(&res, r->j, id, want, arg, dry, &r->opt, &e);
	progress_wipe(&r->progress);
	r->c->spool_changed |= res.spool_changed;
	service = plan_service_start(r);
	out->n = dry ? res.meant - res.in_delivery - res.failed : res.meant;
	out->is_unsure = rc < 0 || (dry && res.failed > 0);
	if (plan_run_plan(&p, r, id) != CMD_DONE)
		return cmd_worse(service, res.spool_changed ? CMD_RESUME : CMD_FAILED);
	if (!dry) {
		log_plan(&p, rc < 0 ? SYS_EVENT_UNFINISHED : SYS_EVENT_ENDED, rc < 0 ? "not wholly put back" : "put back", r->who);
		if (rc == 0 && r->ix != NULL)
			status = rescan_plan(r->c, r->ix, r->j, id) == CMD_DONE ? CMD_DONE : CMD_PARTLY;
	}
	shown = plan_out_items(r, id, NULL, 1);
	status = cmd_worse(cmd_worse(service, status), shown == CMD_FAILED && res.spool_changed ? CMD_RESUME : shown);
	tell_moved(r, &res);
	tell_kept(r, &res, id);
	if (res.note[0] != '\0')
		cmd_note(r->c, "%s", res.note);
	if (rc < 0) {
		cmd_fail(&e);
		return cmd_worse(status, res.spool_changed ? CMD_RESUME : CMD_FAILED);
	}
	return cmd_worse(status, p.count[ITEM_FAILED] > 0 || res.failed > 0 || (res.in_delivery > 0 && !dry) ? CMD_PARTLY : CMD_DONE);
}
