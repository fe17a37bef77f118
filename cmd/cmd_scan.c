#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "cmd/table.h"
#include "index/contents.h"
#include "index/journal.h"
#include "index/purge.h"
#include "index/scan.h"
#include "spool/arena.h"
#include "spool/mime.h"
#include "spool/spool.h"
#include "spool/sys.h"

static int run(struct context *c);

static const struct opt opts[] = {
	{ "contents", 0, NULL, OPT_CONTENTS, "read bodies too, of the messages that the selectors name" },
	{ "full", 0, NULL, OPT_FULL, "read unchanged files again" },
	{ "max-body", 0, "SIZE", OPT_MAX_BODY, "bytes of a body that are read (default 1MiB), the rest is noted" },
	{ "threads", 0, "N", OPT_THREADS, "reader threads (default: one a processor, at most 8)" },
	{ "timezone", 0, "NAME", OPT_TIMEZONE, "IANA zone of local times in a spool (default: this machine's)" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_scan = {
	"scan", "[--contents] [--full] [--max-body SIZE] [--threads N] [--timezone NAME] [SPOOL ...] [SELECTORS]",
	"read spools into the index",
	"SPOOL is DIR, whose kind is found out, or KIND:DIR with the kind postfix, exim or\n"
	"smartermail. Without SPOOL: those that \"spoolsweep spools\" finds. The spool is only read.\n"
	"--contents reads the bodies of messages too, once each: attachments and what they are, hosts\n"
	"of links. It takes selectors; without them it reads all. Without --contents no body is read.\n"
	"Exit status 3: something is damaged or could not be read, and is listed.\n",
	opts, 1, 0, SIZE_MAX, run
};

static const char *const keys[] = {
	"spool", "kind", "messages", "new", "changed", "unchanged", "gone", "damaged", "orphans", "files", "bytes", "seconds", "unknown",
	"contents"
};
static const struct table_column columns[] = {
	{ "SPOOL", 0, 20, 0 }, { "KIND", 0, 8, 6 }, { "MESSAGES", 1, 0, 0 }, { "NEW", 1, 0, 1 }, { "CHANGED", 1, 0, 2 },
	{ "SAME", 1, 0, 5 }, { "GONE", 1, 0, 3 }, { "DAMAGED", 1, 0, 0 }, { "ORPHANS", 1, 0, 4 }, { "SIZE", 1, 0, 7 },
	{ "SECONDS", 1, 0, 8 }, { "UNKNOWN", 0, 10, 0 }
};

struct scan_run {
	struct context *c;
	struct index *ix;
	struct table table;
	struct sys_zone *zone;
	struct spool_options spool_opt;
	struct scan_options opt;
	int with_contents;
	struct contents_options body_opt;
	struct spool **spool;
	size_t n;
	int status;
};

static void
put_table(struct table *t, const struct spool *sp, const struct scan_stats *s)
{
	char text[32];
	struct buf unknown;
	size_t i;

	buf_init(&unknown, 4000);
	for (i = 0; i < s->nunknown; i++)
		buf_fmt(&unknown, "%s%s", i > 0 ? ", " : "", cmd_queue_words(s->unknown[i]));
	table_cell(t, sp->root);
	table_cell(t, sp->driver->name);
	table_number(t, s->messages);
	table_number(t, s->new_);
	table_number(t, s->changed);
	table_number(t, s->unchanged);
	table_number(t, s->gone);
	if (s->damaged > 0) {
		snprintf(text, sizeof text, "%" PRId64, s->damaged);
		table_colour(t, TABLE_YELLOW, text);
	} else {
		table_number(t, s->damaged);
	}
	table_number(t, s->orphans);
	table_cell(t, text_size(text, s->bytes));
	snprintf(text, sizeof text, "%.2f", s->seconds);
	table_cell(t, text);
	table_colour(t, s->nunknown > 0 ? TABLE_RED : TABLE_PLAIN, s->nunknown > 0 ? buf_cstr(&unknown) : NULL);
	table_row(t);
	buf_free(&unknown);
}

static void
put_keys(struct out *o, const struct spool *sp, const struct scan_stats *s, int64_t contents)
{
	size_t i;

	out_text(o, sp->root);
	out_text(o, sp->driver->name);
	out_count(o, s->messages);
	out_count(o, s->new_);
	out_count(o, s->changed);
	out_count(o, s->unchanged);
	out_count(o, s->gone);
	out_count(o, s->damaged);
	out_count(o, s->orphans);
	out_count(o, s->files);
	out_count(o, s->bytes);
	out_real(o, s->seconds, 3);
	out_list(o);
	for (i = 0; i < s->nunknown; i++)
		out_text(o, s->unknown[i]);
	out_list_end(o);
	out_count(o, contents);
	out_row(o);
}

/* A line about a spool; with several of them it is said which one the lines are about. */
static void
tell(const struct scan_run *r, const struct spool *sp, char *const *line, int is_first, int status)
{
	if (is_first && r->n > 1 && (status == CMD_PARTLY || !r->c->quiet))
		cmd_say("%s:%s:", sp->driver->name, sp->root);
	if (status == CMD_PARTLY)
		cmd_say("%s", *line);
	else
		cmd_note(r->c, "%s", *line);
}

/* The bodies of the selected messages, once the spool is indexed: those that the scan has not read on its way. *n: how many were read in all. */
static int
read_contents(struct scan_run *r, struct spool *sp, const struct scan_stats *scan, int64_t *n)
{
	struct contents_options opt = r->body_opt;
	struct contents_stats stats;
	struct progress progress;
	struct err e = { 0, "" };
	char limit[32];
	int rc;
	size_t i;

	progress_init(&progress, r->c->quiet, sp->root);
	opt.progress = progress.is_on ? progress_contents : NULL;
	opt.progress_arg = &progress;
	opt.full = opt.full && scan->bodies == 0;	/* then all that there are, are of this scan */
	memset(&stats, 0, sizeof stats);
	rc = scan->bodies == 0 || scan->bodies != scan->messages ? contents_read(&stats, r->ix, sp, r->c->sel, &opt, &e) : 0;
	progress_wipe(&progress);
	*n = stats.read + scan->bodies;
	stats.partly += scan->bodies_partly;
	for (i = 0; i < stats.nlines; i++)
		cmd_say("%s", stats.lines[i]);
	if (stats.unreadable > (int64_t)stats.nlines)
		cmd_say("%s: the contents of %" PRId64 " message%s could not be read", sp->root, stats.unreadable, rank_plural(stats.unreadable));
	if (stats.partly > 0)
		cmd_note(r->c, "%s: %" PRId64 " bodies not wholly read (--max-body %s, or another limit; their notes say which)", sp->root,
		    stats.partly, text_size(limit, (int64_t)r->body_opt.max_body));
	if (stats.gone > 0)
		cmd_note(r->c, "%s: %" PRId64 " message%s had gone or changed before their bodies were read", sp->root, stats.gone, rank_plural(stats.gone));
	rc = rc < 0 ? cmd_fail(&e) : stats.unreadable > 0 ? CMD_PARTLY : CMD_DONE;
	contents_stats_free(&stats);
	return rc;
}

static int
scan_one(struct scan_run *r, struct spool *sp)
{
	struct scan_stats stats;
	struct progress progress;
	struct err e = { 0, "" };
	int status = CMD_DONE;
	int64_t contents = -1;
	size_t i;

	memset(&stats, 0, sizeof stats);
	progress_init(&progress, r->c->quiet, sp->root);
	r->opt.progress = progress.is_on ? progress_scan : NULL;
	r->opt.progress_arg = &progress;
	if (scan_spool(&stats, r->ix, sp, &r->opt, &e) < 0) {
		progress_wipe(&progress);
		status = cmd_fail(&e);
		goto out;
	}
	progress_wipe(&progress);
	if (scan_is_unclean(&stats))
		status = CMD_PARTLY;
	for (i = 0; i < stats.nlines; i++)
		tell(r, sp, &stats.lines[i], i == 0, status);
	if (stats.damaged > 0) {
		char *self = cmd_self(r->c);

		cmd_note(r->c, "%s: %" PRId64 " damaged; %s list --damaged -v names them", sp->root, stats.damaged, self);
		free(self);
	}
	if (r->with_contents)
		status = cmd_worse(status, read_contents(r, sp, &stats, &contents));
	if (r->c->format == OUT_TABLE)
		put_table(&r->table, sp, &stats);
	else
		put_keys(&r->c->out, sp, &stats, contents);
	out_flush(&r->c->out);	/* a spool's line as soon as it is known */
out:
	scan_stats_free(&stats);
	return status;
}

/* A spool by two names (a link, a second way of writing it) is one spool and one line. */
static int
is_known(const struct scan_run *r, const struct spool *sp)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->spool[i]->driver == sp->driver && strcmp(r->spool[i]->root, sp->root) == 0)
			return 1;
	return 0;
}

static void
open_one(struct scan_run *r, const char *arg)
{
	struct err e = { 0, "" };
	int x = spool_open(&r->spool[r->n], arg, &r->spool_opt, &e);

	if (x == 0) {
		if (is_known(r, r->spool[r->n]))
			spool_close(r->spool[r->n]);
		else
			r->n++;
		return;
	}
	cmd_say("%s", e.text);
	r->status = cmd_worse(r->status, x == -2 ? CMD_USAGE : CMD_FAILED);
}

/* All are opened before any is read, so that a typing error shows at once. */
static void
open_all(struct scan_run *r)
{
	struct spool_place *place;
	size_t i, n;

	if (r->c->narg > 0) {
		r->spool = mem_new(r->c->narg * sizeof(struct spool *));
		for (i = 0; i < r->c->narg; i++)
			open_one(r, r->c->arg[i]);
		return;
	}
	n = spools_find(&place);
	r->spool = mem_new((n + 1) * sizeof(struct spool *));
	if (n == 0) {
		cmd_say("%s; give one: spoolsweep scan DIR", spools_looked_for());
		r->status = CMD_FAILED;
	}
	for (i = 0; i < n; i++)
		open_one(r, place[i].arg);
	spools_free(place, n);
}

/* What belongs to --contents, and only to it. */
static int
content_options(struct scan_run *r)
{
	const char *max = r->c->opt[OPT_MAX_BODY];
	int64_t n = (int64_t)MIME_BODY_MAX;

	r->with_contents = r->c->opt[OPT_CONTENTS] != NULL;
	if (!r->with_contents && (max != NULL || !selection_is_empty(r->c->sel))) {
		cmd_say("scan: %s only with --contents; a scan reads all headers of a spool", max != NULL ? "--max-body" : "selectors");
		return CMD_USAGE;
	}
	if (max != NULL && (select_size(&n, max) < 0 || n < 1)) {
		cmd_say("scan: --max-body %s: not a size such as 300, 10k or 5MiB", max);
		return CMD_USAGE;
	}
	r->body_opt.max_body = (uint64_t)n;
	r->body_opt.full = r->c->opt[OPT_FULL] != NULL;
	r->opt.max_body = r->with_contents && selection_is_empty(r->c->sel) ? (uint64_t)n : 0;	/* a selection asks the index, which must be there first */
	return CMD_DONE;
}

static int
options(struct scan_run *r)
{
	const char *threads = r->c->opt[OPT_THREADS], *zone = r->c->opt[OPT_TIMEZONE];
	struct err e = { 0, "" };
	int64_t n = 0;

	if (threads != NULL && opt_number(&n, "scan: --threads", threads, 1, 64, &e) < 0) {
		cmd_say("%s", e.text);
		return CMD_USAGE;
	}
	if (sys_zone_load(&r->zone, zone, &e) < 0) {
		cmd_say("%s", e.text);
		return zone != NULL ? CMD_USAGE : CMD_FAILED;
	}
	r->spool_opt.zone = r->zone;
	r->opt.full = r->c->opt[OPT_FULL] != NULL;
	r->opt.threads = r->body_opt.threads = (unsigned)n;
	r->opt.zone = sys_zone_name(r->zone);
	return CMD_DONE;
}

struct leftover {
	const struct context *c;
	const struct spool *sp;
	struct journal *j;
	int is_unread;		/* there is a journal, and it could not be read */
	int is_unsure;		/* so something was told that is not known */
	struct arena arena;
};

/* What the journal has of it: 1, 0 no such plan, -1. */
static int
plan_of(struct plan *out, struct leftover *l, int64_t plan)
{
	struct err e = { 0, "" };
	int rc;

	if (l->is_unread)
		return -1;
	rc = plan == 0 || l->j == NULL ? 0 : journal_plan(out, l->j, plan, &l->arena, &e);
	if (rc < 0)
		cmd_say("%s", e.text);
	return rc;
}

/* A private folder with messages in it: what is held is meant to be there, all else must be known to the user. */
static void
say_leftover(void *arg, const struct purge_leftover *left)
{
	const char *folder = left->folder;
	int64_t plan = left->plan;
	struct leftover *l = arg;
	struct buf again;
	struct plan p;
	int rc;
	char mark;

	buf_init(&again, 4096);
	cmd_again(&again, l->c);
	mark = cmd_mark(buf_cstr(&again));
	rc = plan_of(&p, l, plan);
	if (strcmp(folder, "restore") == 0)
		cmd_say("%s: a restore did not end: the same %c%s restore%c goes on", l->sp->root, mark, buf_cstr(&again), mark);
	else if (rc < 0) {
		l->is_unsure = 1;
		cmd_say("%s: the private folder %s holds messages; the journal could not be read: of which plan is not known", l->sp->root, folder);
	} else if (rc == 0) {
		buf_puts(&again, " plans --adopt ");
		cmd_quote(&again, left->path);
		cmd_say("%s: the private folder %s holds messages that a plan unknown to this index took: use the index that made it or,"
		    " when that is lost, %s", l->sp->root, folder, buf_cstr(&again));
	} else if (p.kind == PLAN_HOLD && p.state == PLAN_TAKEN)
		cmd_note(l->c, "%s: plan %" PRId64 " holds %" PRId64 " message%s (%s); %c%s release%c puts them back", l->sp->root, plan,
		    p.count[ITEM_TAKEN], rank_plural(p.count[ITEM_TAKEN]), folder, mark, buf_cstr(&again), mark);
	else
		cmd_say("%s: plan %" PRId64 " is not finished (%s): %s purge --resume %" PRId64, l->sp->root, plan, folder, buf_cstr(&again),
		    plan);
	buf_free(&again);
}

static void
leftovers(struct scan_run *r)
{
	struct leftover l = { r->c, NULL, NULL, 0, 0, { 0 } };
	struct err e = { 0, "" };
	size_t i;

	if (journal_open(&l.j, r->ix->path, 0, &e) < 0 && e.sys != ENOENT) {
		l.is_unread = l.is_unsure = 1;
		cmd_say("%s", e.text);
	}
	for (i = 0; i < r->n; i++) {
		l.sp = r->spool[i];
		if (purge_leftovers(r->spool[i], l.j, say_leftover, &l, &e) < 0) {
			l.is_unsure = 1;
			cmd_say("%s: what unfinished plans may have left there is not known: %s", l.sp->root, e.text);
		}
	}
	if (l.is_unsure)
		r->status = cmd_worse(r->status, CMD_PARTLY);
	journal_close(l.j);
	arena_free(&l.arena);
}

static int
run(struct context *c)
{
	struct scan_run r;
	struct err e = { 0, "" };
	size_t i;

	memset(&r, 0, sizeof r);
	r.c = c;
	table_init(&r.table, &c->out, columns, sizeof columns / sizeof columns[0]);
	r.status = cmd_worse(content_options(&r), options(&r));
	if (r.status != CMD_DONE)
		goto out;
	open_all(&r);
	if (r.n == 0)
		goto out;
	if (cmd_index_open(&r.ix, c, INDEX_WRITE, &e) < 0) {
		r.status = cmd_fail(&e);
		goto out;
	}
	leftovers(&r);
	cmd_confine(r.ix);	/* from here on hostile bytes are parsed: all spools and the index are open, nothing else is needed */
	out_keys(&c->out, keys, sizeof keys / sizeof keys[0]);
	for (i = 0; i < r.n && c->out.error == 0; i++)
		r.status = cmd_worse(r.status, scan_one(&r, r.spool[i]));
out:
	table_end(&r.table);
	index_close(r.ix);
	for (i = 0; i < r.n; i++)
		spool_close(r.spool[i]);
	free(r.spool);
	sys_zone_free(r.zone);
	return r.status;
}
