#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/report_out.h"
#include "index/journal.h"
#include "spool/sys.h"

#define ROWS 20

static int run(struct context *c);

static const struct opt opts[] = {
	{ "html", 0, "FILE", OPT_HTML, "one page for a browser; - is stdout" },
	{ "text", 0, NULL, OPT_TEXT, "for a terminal, on stdout (the default)" },
	{ "csv", 0, "DIR", OPT_CSV_DIR, "a CSV file for each section, in this folder" },
	{ "timeline", 0, "FILE", OPT_TIMELINE, "events in Timesketch's JSON Lines; - is stdout" },
	{ "bodyfile", 0, "FILE", OPT_BODYFILE, "files as The Sleuth Kit's body file 3; - is stdout" },
	{ "redact", 0, NULL, OPT_REDACT, "for third parties: addresses shortened and hashed, no commands" },
	{ NULL, 'n', "N", OPT_ROWS, "at most N rows a table, 0: all (default: 20, all with --json or --csv)" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_report = {
	"report", "[--html FILE] [--text] [--csv DIR] [--timeline FILE] [--bodyfile FILE] [--redact] [-n N] [SELECTORS]",
	"the incident as a page, text, JSON or CSV: who, what, when, what was done, what to do next",
	"Speaks of the messages that are queued and of those that plans of spoolsweep removed, as\n"
	"long as the index knows them; its tables are those of rank. Reads the index, not the spool:\n"
	"scan first. Several forms can be asked for at once, one of them on stdout. A file is written\n"
	"beside its name and renamed, readable by its owner only.\n",
	opts, 1, 0, 0, run
};

/* Those that go to stdout: at most one. */
static int
on_stdout(const struct context *c)
{
	static const enum opt_key files[] = { OPT_HTML, OPT_TIMELINE, OPT_BODYFILE };
	size_t i;
	int n = c->format == OUT_JSON;

	n += c->opt[OPT_TEXT] != NULL;
	for (i = 0; i < sizeof files / sizeof files[0]; i++)
		n += c->opt[files[i]] != NULL && strcmp(c->opt[files[i]], "-") == 0;
	return n;
}

static int
is_empty(const char *s)
{
	return s != NULL && *s == '\0';
}

static int
check_options(struct context *c)
{
	if (c->format == OUT_CSV)
		cmd_say("report: --csv needs a folder: spoolsweep report --csv DIR");
	else if (on_stdout(c) > 1)
		cmd_say("report: only one form can go to stdout; give the others a file");
	else if (is_empty(c->opt[OPT_HTML]) || is_empty(c->opt[OPT_TIMELINE]) || is_empty(c->opt[OPT_BODYFILE]) || is_empty(c->opt[OPT_CSV_DIR]))
		cmd_say("report: the name of a file or folder is empty");
	else
		return 0;
	return -1;
}

static int
save(struct report_view *v, const char *name, struct buf *b, struct err *e)
{
	char *path;
	int rc;

	if (b->cut)
		return err_set(e, EFBIG, "%s", name);
	if (strcmp(name, "-") == 0) {
		buf_add(&v->c->out.b, b->p, b->n);
		if (v->c->out.b.cut)
			return err_set(e, EFBIG, "write to stdout");
		out_flush(&v->c->out);
		return 0;
	}
	path = sys_path(name);
	rc = sys_replace_file(path, b->p != NULL ? b->p : "", b->n, 0600, e);
	free(path);
	return rc;
}

static int
make_html(struct buf *b, struct report_view *v, struct err *e)
{
	(void)e;
	report_html(b, v);
	return 0;
}

static int
write_files(struct report_view *v, struct err *e)
{
	static const struct {
		enum opt_key key;
		int (*make)(struct buf *b, struct report_view *v, struct err *e);
	} forms[] = { { OPT_HTML, make_html }, { OPT_TIMELINE, report_timesketch }, { OPT_BODYFILE, report_bodyfile } };
	struct buf b;
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof forms / sizeof forms[0] && rc == 0; i++) {
		if (v->c->opt[forms[i].key] == NULL)
			continue;
		buf_init(&b, REPORT_TEXT_MAX);
		rc = forms[i].make(&b, v, e);
		if (rc == 0)
			rc = save(v, v->c->opt[forms[i].key], &b, e);
		buf_free(&b);
	}
	return rc;
}

static int
write_all(struct report_view *v, int64_t rows, struct err *e)
{
	struct context *c = v->c;
	int is_default = c->opt[OPT_HTML] == NULL && c->opt[OPT_CSV_DIR] == NULL && c->opt[OPT_TIMELINE] == NULL && c->opt[OPT_BODYFILE] == NULL &&
	    c->format == OUT_TABLE;

	v->rows = rows < 0 ? ROWS : rows;
	if (write_files(v, e) < 0)
		return -1;
	if (c->opt[OPT_TEXT] != NULL || is_default)
		report_text(&c->out, v);
	v->rows = rows < 0 ? 0 : rows;
	if (c->format == OUT_JSON)
		report_json(&c->out, v);
	return c->opt[OPT_CSV_DIR] != NULL ? report_csv(c->opt[OPT_CSV_DIR], v, e) : 0;
}

static int
report(struct context *c, struct index *ix, int64_t rows, struct err *e)
{
	struct report_view v = { .c = c, .ix = ix, .is_redacted = c->opt[OPT_REDACT] != NULL };
	struct journal *j = NULL;
	struct report *r = NULL;
	char host[256];
	int rc = cmd_journal_open(&j, c, e);

	if (rc == 0)
		rc = report_make(&r, ix, j, c->sel, c->format == OUT_JSON || c->opt[OPT_CSV_DIR] != NULL ? REPORT_ALL : REPORT_PAGE, sys_now_us(),
		    sys_hostname(host, sizeof host), e);
	if (rc == 0) {
		if (v.is_redacted)
			report_redact(r, ix->key);
		v.r = r;
		report_words(&v);
		rc = write_all(&v, rows, e);
	}
	arena_free(&v.arena);
	report_free(r);
	journal_close(j);
	return rc;
}

static int
run(struct context *c)
{
	struct index *ix = NULL;
	struct err e = { 0, "" };
	int64_t rows = -1;
	int status;

	if (check_options(c) < 0)
		return CMD_USAGE;
	if (c->opt[OPT_ROWS] != NULL && opt_number(&rows, "report: -n", c->opt[OPT_ROWS], 0, INT64_MAX, &e) < 0) {
		cmd_say("%s", e.text);
		return CMD_USAGE;
	}
	if (cmd_index_open(&ix, c, INDEX_READ, &e) < 0)
		return cmd_fail(&e);
	status = cmd_freshness(NULL, c, ix, c->sel);
	if (!c->quiet)
		status = cmd_worse(status, cmd_say_missing(c, ix, c->sel, "the report"));
	if (status != CMD_FAILED && report(c, ix, rows, &e) < 0)
		status = cmd_fail(&e);
	index_close(ix);
	return status;
}
