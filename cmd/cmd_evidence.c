#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/table.h"
#include "index/evidence.h"
#include "spool/arena.h"
#include "spool/msg.h"
#include "spool/sys.h"

#define NAMES_SHOWN 3		/* in a cell of the table */
#define TEXT_MAX ((size_t)1 << 20)	/* of one reply on stdin */

static int run(struct context *c);

static const struct opt opts[] = {
	{ "reply", 0, "TEXT", OPT_REPLY, "judge this reply, from a bounce; \"-\": one a line from standard input" },
	{ "gone", 0, NULL, OPT_GONE, "also of messages that have left their spools, as long as the index knows them" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_evidence = {
	"evidence", "[--gone] [--reply TEXT] [SPOOL ...] [SELECTORS]", "what other servers say of this one: blocklists, reputation, limits",
	"Groups the replies that the spools hold: which list, which of our addresses, since when,\n"
	"who uses it, where to ask for removal. SPOOL is DIR or KIND:DIR, as for scan. Times are\n"
	"the arrivals of the messages. -v shows a reply of each row.\n",
	opts, 1, 0, SIZE_MAX, run
};

static const char *const keys[] = {
	"category", "about_us", "about", "list", "operator", "messages", "queued", "replies", "first", "last", "domains", "addresses", "url",
	"closed", "sample", "complete"
};
static const struct table_column columns[] = {
	{ "KIND", 0, 10, 0 }, { "ABOUT US", 0, 3, 0 }, { "LIST", 0, 10, 0 }, { "OPERATOR", 0, 10, 4 }, { "MESSAGES", 1, 0, 0 },
	{ "REPLIES", 1, 0, 6 }, { "FIRST (UTC)", 0, 19, 3 }, { "LAST (UTC)", 0, 19, 1 }, { "ADDRESS", 0, 15, 0 }, { "USED BY", 0, 12, 2 }, { "LINK", 0, 20, 5 }
};
static const char *const reply_keys[] = { "text", "category", "about_us", "list", "operator", "address", "url" };
static const struct table_column reply_columns[] = {
	{ "KIND", 0, 10, 0 }, { "ABOUT US", 0, 3, 0 }, { "LIST", 0, 10, 0 }, { "OPERATOR", 0, 10, 2 }, { "ADDRESS", 0, 15, 0 },
	{ "LINK", 0, 20, 1 }, { "TEXT", 0, 20, 3 }
};

static const char *const about_name[] = { NULL, "ip", "domain", "url", "volume" };

static enum table_colour
colour_of(enum reply_category category, enum reply_about about)
{
	return about == ABOUT_NO ? TABLE_PLAIN : category == REPLY_LISTED ? TABLE_RED : TABLE_YELLOW;
}

/* ---- the spools' replies ---- */

static const char *
names_of(struct buf *b, const struct evidence_count *v, size_t n)
{
	size_t i;

	buf_clear(b);
	for (i = 0; i < n && i < NAMES_SHOWN; i++)
		buf_fmt(b, "%s%s", i > 0 ? ", " : "", v[i].name[0] != '\0' ? v[i].name : "?");
	if (n > NAMES_SHOWN)
		buf_fmt(b, " and %zu more", n - NAMES_SHOWN);
	return n > 0 ? buf_cstr(b) : NULL;
}

static void
put_names(struct out *o, const struct evidence_count *v, size_t n)
{
	size_t i;

	out_list(o);
	for (i = 0; i < n; i++)
		if (v[i].name[0] != '\0')
			out_text(o, v[i].name);
	out_list_end(o);
}

static void
put_time(struct table *t, int64_t us)
{
	char when[40];

	table_cell(t, us != MSG_NO_TIME ? text_time(when, us / 1000000, 0, 0, 0) : NULL);
}

static void
put_row(struct table *t, const struct context *c, const struct evidence_row *r)
{
	struct buf b;

	buf_init(&b, 4000);
	table_colour(t, colour_of(r->category, r->about), reply_category_name[r->category]);
	table_cell(t, r->about != ABOUT_NO ? "yes" : "no");
	table_cell(t, r->list);
	table_cell(t, r->operator);
	table_number(t, r->messages);
	table_number(t, r->replies);
	put_time(t, r->first);
	put_time(t, r->last);
	table_cell(t, names_of(&b, r->address, r->naddresses));
	table_cell(t, names_of(&b, r->domain, r->ndomains));
	table_cell(t, r->url);
	table_row(t);
	buf_clear(&b);
	buf_fmt(&b, "closed since %s: nothing to delist, the receiver asks a list that is dead", r->closed != NULL ? r->closed : "");
	if (r->closed != NULL)
		table_note(t, buf_cstr(&b));
	if (c->verbose && r->sample != NULL)
		table_note(t, r->sample);
	buf_free(&b);
}

static void
put_keys(struct out *o, const struct evidence_row *r, int is_complete)
{
	out_text(o, reply_category_name[r->category]);
	out_bool(o, r->about != ABOUT_NO);
	out_text(o, about_name[r->about]);
	out_text(o, r->list);
	out_text(o, r->operator);
	out_int(o, r->messages);
	out_int(o, r->queued);
	out_int(o, r->replies);
	out_time(o, r->first, 0);
	out_time(o, r->last, 0);
	put_names(o, r->domain, r->ndomains);
	put_names(o, r->address, r->naddresses);
	out_text(o, r->url);
	out_text(o, r->closed);
	out_text(o, r->sample);
	out_bool(o, is_complete);
	out_row(o);
}

static void
put(struct context *c, const struct evidence *ev, int is_whole)
{
	struct table t;
	size_t i;

	table_init(&t, &c->out, columns, sizeof columns / sizeof columns[0]);
	if (c->format != OUT_TABLE)
		out_keys(&c->out, keys, sizeof keys / sizeof keys[0]);
	for (i = 0; i < ev->n && c->out.error == 0; i++) {
		if (c->format == OUT_TABLE)
			put_row(&t, c, &ev->row[i]);
		else
			put_keys(&c->out, &ev->row[i], is_whole && ev->unread == 0 && ev->unlogged == 0);
	}
	table_end(&t);
	out_flush(&c->out);
	if (ev->unread > 0) {
		char *self = cmd_self(c);

		cmd_note(c, "%" PRId64 " of this server's own bounces %s not read: %c%s scan --contents%c finds the replies in them", ev->unread,
		    ev->unread == 1 ? "was" : "were", cmd_mark(self), self, cmd_mark(self));
		free(self);
	}
	if (ev->unlogged > 0)
		cmd_say("the logs of %" PRId64 " message%s could not be read: replies may stand in them", ev->unlogged, rank_plural(ev->unlogged));
	if (c->format == OUT_TABLE)
		cmd_note(c, "%" PRId64 " of %" PRId64 " message%s %s a reply", ev->replied, ev->messages, rank_plural(ev->messages), ev->replied == 1 ? "has" : "have");
}

static int
run_index(struct context *c)
{
	struct evidence *ev = NULL;
	struct index *ix = NULL;
	struct err e = { 0, "" };
	int status;
	size_t i;

	for (i = 0; i < c->narg; i++)
		if (selection_add(c->sel, SEL_SPOOL, c->arg[i], &e) < 0) {
			cmd_say("evidence: %s", e.text);
			return CMD_USAGE;
		}
	if (cmd_index_open(&ix, c, INDEX_READ, &e) < 0)
		return cmd_fail(&e);
	status = cmd_freshness(NULL, c, ix, c->sel);
	if (status != CMD_FAILED && evidence_make(&ev, ix, c->sel, c->opt[OPT_GONE] != NULL, &e) < 0)
		status = cmd_fail(&e);
	if (ev != NULL) {
		put(c, ev, status == CMD_DONE);
		if (ev->unlogged > 0)
			status = cmd_worse(status, CMD_PARTLY);
	}
	evidence_free(ev);
	index_close(ix);
	return status;
}

/* ---- replies given by hand ---- */

struct judge {
	struct context *c;
	struct replies *replies;
	struct arena arena;
	struct table table;
};

static void
judge(struct judge *j, const char *text)
{
	struct out *o = &j->c->out;
	struct reply r;

	arena_reset(&j->arena);
	reply_read(&r, j->replies, text, &j->arena);
	if (j->c->format == OUT_TABLE) {
		table_colour(&j->table, colour_of(r.category, r.about), reply_category_name[r.category]);
		table_cell(&j->table, r.about != ABOUT_NO ? "yes" : "no");
		table_cell(&j->table, r.list);
		table_cell(&j->table, r.operator);
		table_cell(&j->table, r.address);
		table_cell(&j->table, r.url);
		table_cell(&j->table, text);
		table_row(&j->table);
		return;
	}
	out_text(o, text);
	out_text(o, reply_category_name[r.category]);
	out_bool(o, r.about != ABOUT_NO);
	out_text(o, r.list);
	out_text(o, r.operator);
	out_text(o, r.address);
	out_text(o, r.url);
	out_row(o);
}

/* A line of any bytes without its end; a NUL in it is a blank. Empty lines are no replies. */
static void
judge_line(struct judge *j, struct buf *line)
{
	size_t i;

	while (line->n > 0 && (line->p[line->n - 1] == '\r' || line->p[line->n - 1] == '\n'))
		line->n--;
	for (i = 0; i < line->n; i++)
		if (line->p[i] == '\0')
			line->p[i] = ' ';
	if (line->n > 0)
		judge(j, buf_cstr(line));
}

static int
judge_stdin(struct judge *j)
{
	char piece[65536], *end;
	struct buf line;
	size_t n, at, k;
	int cut = 0;

	buf_init(&line, TEXT_MAX + 2);	/* with its end */
	while (j->c->out.error == 0 && (n = fread(piece, 1, sizeof piece, stdin)) > 0)
		for (at = 0; at < n; at += k) {
			end = memchr(piece + at, '\n', n - at);
			k = end != NULL ? (size_t)(end - piece) + 1 - at : n - at;
			buf_add(&line, piece + at, k);
			if (end == NULL)
				continue;
			cut |= line.cut;
			judge_line(j, &line);
			buf_clear(&line);
		}
	cut |= line.cut;
	judge_line(j, &line);
	buf_free(&line);
	if (ferror(stdin)) {
		cmd_say("evidence: read stdin: %s", sys_error(errno));
		return CMD_FAILED;
	}
	if (cut)
		cmd_say("evidence: a reply of more than 1 MiB was cut");
	return cut ? CMD_PARTLY : CMD_DONE;
}

static int
run_replies(struct context *c)
{
	struct judge j = { 0 };
	int status = CMD_DONE;
	size_t i;

	j.c = c;
	j.replies = replies_new();
	table_init(&j.table, &c->out, reply_columns, sizeof reply_columns / sizeof reply_columns[0]);
	if (c->format != OUT_TABLE)
		out_keys(&c->out, reply_keys, sizeof reply_keys / sizeof reply_keys[0]);
	for (i = 0; i < c->ngiven; i++) {
		if (c->given[i].key != OPT_REPLY)
			continue;
		if (strcmp(c->given[i].value, "-") == 0)
			status = cmd_worse(status, judge_stdin(&j));
		else
			judge(&j, c->given[i].value);
	}
	table_end(&j.table);
	arena_free(&j.arena);
	replies_free(j.replies);
	return status;
}

static int
run(struct context *c)
{
	if (c->opt[OPT_REPLY] == NULL)
		return run_index(c);
	if (c->narg == 0 && selection_is_empty(c->sel) && c->opt[OPT_GONE] == NULL)
		return run_replies(c);
	cmd_say("evidence: --reply judges the text alone: no SPOOL, no selectors and no --gone beside it");
	return CMD_USAGE;
}
