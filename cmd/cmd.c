/* What the commands share: lines on stderr, the index, its age. */
#include "cmd/cmd.h"
#include "index/contents.h"
#include "index/proof.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/journal.h"
#include "spool/arena.h"
#include "spool/sys.h"

#define OLD_US ((int64_t)15 * 60 * 1000000)	/* contract: said of an index older than this */

static void
say(const char *fmt, va_list ap)
{
	char line[4096];
	struct buf b;

	vsnprintf(line, sizeof line, fmt, ap);
	buf_init(&b, 5 * sizeof line);
	text_inert(&b, line, strlen(line));
	fprintf(stderr, "spoolsweep: %s\n", buf_cstr(&b));
	buf_free(&b);
}

void
cmd_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
cmd_note(const struct context *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

int
cmd_fail(const struct err *e)
{
	cmd_say("%s", e->text);
	return CMD_FAILED;
}

char *
cmd_index_path(const struct context *c)
{
	const char *env = getenv("SPOOLSWEEP_INDEX");

	if (c->opt[OPT_INDEX] != NULL)
		return sys_path(c->opt[OPT_INDEX]);
	if (env != NULL && env[0] != '\0')
		return sys_path(env);
	return sys_index_default();
}

int
cmd_index_open(struct index **out, const struct context *c, enum index_mode mode, struct err *e)
{
	char *path = cmd_index_path(c);
	int r = index_open(out, path, mode, e);

	if (r == 0 && c->verbose)
		cmd_note(c, "index %s", path);
	free(path);
	return r;
}

int
cmd_journal_open(struct journal **out, const struct context *c, struct err *e)
{
	char *path = cmd_index_path(c);
	struct index *ix = NULL;
	int rc = journal_open(out, path, 0, e);

	if (rc < 0 && e->sys == ENOENT) {
		err_clear(e);
		rc = index_open(&ix, path, INDEX_READ, e);
		index_close(ix);
	}
	free(path);
	return rc;
}

void
cmd_confine(const struct index *ix)
{
	char *folder = sys_realpath(ix->path, NULL), *slash = folder != NULL ? strrchr(folder, '/') : NULL;

	if (slash != NULL)
		slash[slash == folder] = '\0';
	sys_confine(slash != NULL ? folder : ".");
	free(folder);
}

void
cmd_quote(struct buf *b, const char *word)
{
	char *text = sys_quote(word);

	buf_puts(b, text);
	free(text);
}

void
cmd_again(struct buf *b, const struct context *c)
{
	char *path = cmd_index_path(c), *usual = sys_index_default();

	buf_puts(b, "spoolsweep");
	if (strcmp(usual, path) != 0) {
		buf_puts(b, " --index ");
		cmd_quote(b, path);
	}
	free(usual);
	free(path);
}

char *
cmd_self(const struct context *c)
{
	struct buf b;

	buf_init(&b, (size_t)64 * 1024);
	cmd_again(&b, c);
	buf_byte(&b, '\0');
	return b.p;
}

char
cmd_mark(const char *command)
{
	return strchr(command, '"') != NULL ? '\'' : '"';
}

int
cmd_worse(int a, int b)
{
	static const int order[] = { CMD_RESUME, CMD_FAILED, CMD_USAGE, CMD_PARTLY };
	size_t i;

	for (i = 0; i < sizeof order / sizeof order[0]; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return CMD_DONE;
}

const char *
cmd_duration(char *out, size_t n, int64_t seconds)
{
	int64_t min = seconds / 60, hours = min / 60, days = hours / 24;

	if (seconds < 60)
		snprintf(out, n, "%" PRId64 " s", seconds);
	else if (hours < 1)
		snprintf(out, n, "%" PRId64 " min", min);
	else if (days < 2)
		snprintf(out, n, "%" PRId64 " h %" PRId64 " min", hours, min % 60);
	else
		snprintf(out, n, "%" PRId64 " days", days);
	return out;
}

const char *
cmd_queue_words(const char *queue)
{
	return queue[0] == '\0' ? "(default queue)" : strcmp(queue, "*") == 0 ? "(whole spool)" : queue;
}

struct freshness {
	const struct context *c;
	int64_t now;
	size_t nspools;
	int status;
};

static void
one_scan(void *arg, const struct query_scan *sc)
{
	struct freshness *f = arg;
	char when[40], age[40], *self;
	const char *text, *json;
	struct buf queues, item;

	f->nspools++;
	if (f->now - sc->finished > OLD_US) {
		text = text_time(when, sc->finished / 1000000, 0, 0, 1);
		self = cmd_self(f->c);
		cmd_note(f->c, "%s:%s was scanned %s ago (%s): \"%s scan\" brings it up to date", sc->kind, sc->spool,
		    cmd_duration(age, sizeof age, (f->now - sc->finished) / 1000000), text != NULL ? text : "?", self);
		free(self);
	}
	if (strcmp(sc->unknown, "[]") == 0)
		return;
	buf_init(&queues, 2000);
	buf_init(&item, 2000);
	for (json = sc->unknown; text_string(&item, &json); )
		buf_fmt(&queues, " %s", cmd_queue_words(buf_cstr(&item)));
	cmd_say("%s:%s was not wholly read, so not all of its messages are known; UNKNOWN:%s", sc->kind, sc->spool,
	    buf_cstr(&queues));
	buf_free(&item);
	buf_free(&queues);
	f->status = CMD_PARTLY;
}

int
cmd_freshness(size_t *nspools, const struct context *c, struct index *ix, struct selection *s)
{
	struct freshness f = { c, sys_now_us(), 0, CMD_DONE };
	struct err e = { 0, "" };

	if (query_scans(ix, s, one_scan, &f, &e) < 0)
		return cmd_fail(&e);
	if (f.nspools == 0) {
		cmd_say("%s: no scanned spool is meant by this; \"spoolsweep scan\" reads one", ix->path);
		f.status = CMD_PARTLY;
	}
	if (nspools != NULL)
		*nspools = f.nspools;
	if (selection_has(s, SEL_URL) || selection_has(s, SEL_ATTACHMENT) || selection_has(s, SEL_CAMPAIGN))
		f.status = cmd_worse(f.status, cmd_say_missing(c, ix, s, selection_has(s, SEL_URL) ? "--url" : selection_has(s, SEL_CAMPAIGN) ? "--campaign" :
		    "--attachment"));
	return f.status;
}

void
cmd_proof(struct buf *b, const struct proof *p)
{
	buf_fmt(b, "before %" PRId64 " + arrived %" PRId64 " = after %" PRId64 " + deleted %" PRId64, p->before, p->arrived, p->after, p->deleted);
	if (p->kept > 0)
		buf_fmt(b, " + taken %" PRId64, p->kept);
	buf_fmt(b, " + vanished %" PRId64 "%s", p->vanished,
	    p->before + p->arrived == p->after + p->deleted + p->kept + p->vanished ? ", by id" : ": DOES NOT ADD UP");
	if (p->wrong > 0)
		buf_fmt(b, "; WRONG: %" PRId64 " taken and in the spool all the same", p->wrong);
	if (!p->is_whole)
		buf_puts(b, "; not of queues that could not be read");
}

void
proof_values(struct out *o, const struct proof *p)
{
	out_count(o, p != NULL ? p->before : -1);
	out_count(o, p != NULL ? p->arrived : -1);
	out_count(o, p != NULL ? p->after : -1);
	out_count(o, p != NULL ? p->kept : -1);
	out_count(o, p != NULL ? p->vanished : -1);
	out_bool(o, p != NULL ? proof_holds(p) : -1);
}

int
cmd_is_complete(const struct context *c, struct index *ix, enum rank_by by, int is_partial)
{
	int64_t missing, cut, all;
	const int is_of_contents = by == RANK_URL || by == RANK_CAMPAIGN || selection_has(c->sel, SEL_URL) || selection_has(c->sel, SEL_ATTACHMENT) ||
	    selection_has(c->sel, SEL_CAMPAIGN);

	if (is_partial)
		return 0;
	return !is_of_contents || (contents_missing(&missing, &cut, &all, ix, c->sel, NULL) == 0 && missing + cut == 0);
}

int
cmd_say_missing(const struct context *c, struct index *ix, const struct selection *s, const char *what)
{
	struct err e = { 0, "" };
	int64_t missing, cut, all;
	struct buf again;

	if (contents_missing(&missing, &cut, &all, ix, s, &e) < 0)
		return cmd_fail(&e);
	if (missing == 0)
		return CMD_DONE;
	buf_init(&again, 4096);
	cmd_again(&again, c);
	cmd_say("%s knows only contents that were read: those of %" PRId64 " of %" PRId64 " messages were not (%s scan --contents reads them)", what,
	    missing, all, buf_cstr(&again));
	buf_free(&again);
	return CMD_DONE;
}
