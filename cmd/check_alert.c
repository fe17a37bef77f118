/* Telling others of a change of state: the system's log and the admin's command. Neither travels through the queue that may be sick. */
#include <stdlib.h>
#include <string.h>

#include "cmd/check_run.h"
#include "index/check_past.h"
#include "spool/sys.h"

#define BUSY_MS 1000
#define COMMAND_MIN_US INT64_C(5000000)		/* for the command, however late the check is */
#define COMMAND_MAX_US INT64_C(60000000)
#define LINE_MAX_ ((size_t)900)		/* syslogd(8) cuts at 1024 */

/* What the check was about: two timers with spools of their own keep states of their own. */
static const char *
about(struct check_run *r)
{
	const char *s = "";
	size_t i;

	for (i = 0; i < r->n; i++)
		s = arena_fmt(&r->arena, "%s%s%s:%s", s, i > 0 ? " " : "", r->v[i].facts.kind != NULL ? r->v[i].facts.kind : "",
		    r->v[i].facts.root);
	return s;
}

/* 1 there was one, 0 none, -1. */
static int
load(struct check_alert *out, struct index *ix, const char *what, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "SELECT state, since, coalesce(told, 0) FROM alert WHERE about = ?", e);
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_text(st, 1, what, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		out->is_known = 1;
		out->state = sqlite3_column_int(st, 0) >= 0 && sqlite3_column_int(st, 0) <= CHECK_UNKNOWN ?
		    (enum check_state)sqlite3_column_int(st, 0) : CHECK_UNKNOWN;
		out->since = sqlite3_column_int64(st, 1);
		out->told = sqlite3_column_int64(st, 2);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : index_err(ix, e, "read");
}

static int
store(const struct check_alert *a, struct index *ix, const char *what, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, "INSERT INTO alert VALUES(?1,?2,?3,?4) ON CONFLICT(about) DO UPDATE SET state = ?2, since = ?3,"
	    " told = ?4", e);
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_text(st, 1, what, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 2, (int)a->state);
	sqlite3_bind_int64(st, 3, a->since);
	a->told != 0 ? sqlite3_bind_int64(st, 4, a->told) : sqlite3_bind_null(st, 4);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : index_err(ix, e, "write");
}

static void
log_change(struct check_run *r, const struct check_alert *before)
{
	struct buf line;

	buf_init(&line, LINE_MAX_);
	buf_fmt(&line, "check: %s (before: %s): ", check_state_name(r->state), before->is_known ? check_state_name(before->state) : "none");
	check_summary(&line, r);
	sys_log(SYS_EVENT_CHECK, buf_cstr(&line));
	buf_free(&line);
}

/* The JSON of every check on its stdin, the state in its environment: nothing that comes from mail is ever an argument. */
static int
run_command(struct check_run *r, const char *command, int64_t us, struct err *e)
{
	struct out o;
	int rc;

	us = us < COMMAND_MIN_US ? COMMAND_MIN_US : us > COMMAND_MAX_US ? COMMAND_MAX_US : us;
	out_init(&o, OUT_JSON);
	o.is_memory = 1;
	check_out_rows(&o, r);
	rc = sys_run_shell(command, "SPOOLSWEEP_STATE", check_state_name(r->state), o.b.p, o.b.n, (int)(us / 1000000), e);
	buf_free(&o.b);
	buf_free(&o.cell);
	return rc;
}

static int
remember(const struct check_run *r, struct index *ix, struct err *e)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (past_store(ix, &r->v[i].facts, r->v[i].result, e) < 0)
			return -1;
	return 0;
}

void
check_alert(struct check_run *r, const char *ix_path, int64_t end)
{
	const char *command = r->c->opt[OPT_ON_ALERT], *what = about(r);
	struct check_alert a = { 0, CHECK_OK, 0, 0 }, before;
	struct index *ix = NULL;
	struct err e = { 0, "" }, unsaid = { 0, "" };
	unsigned due;
	int rc = 0;

	/* Where the state cannot be kept, an alert too often is better than none. */
	if (ix_path != NULL && index_open(&ix, ix_path, INDEX_WRITE, &e) == 0) {
		sqlite3_busy_timeout(ix->db, BUSY_MS);
		load(&a, ix, what, &e);
		rc = remember(r, ix, &unsaid);
	}
	before = a;
	due = check_alert_due(&a, r->state, r->repeat, sys_now_us());
	if ((due & CHECK_LOG) != 0)
		log_change(r, &before);
	if (command != NULL && (due & CHECK_RUN) != 0) {
		if (run_command(r, command, end - sys_clock_us(), &e) == 0)
			a.told = sys_now_us();
		else
			cmd_say("--on-alert: %s; the next check tries again", e.text);
	} else if (command == NULL && due != 0) {
		a.told = sys_now_us();
	}
	if (ix != NULL && store(&a, ix, what, &unsaid) < 0)
		rc = -1;
	if (rc < 0)
		cmd_say("%s", unsaid.text);
	index_close(ix);
}
