#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/table.h"
#include "index/rank.h"
#include "spool/msg.h"

#define ROWS_IN_TABLE 20

static int run(struct context *c);

static const struct opt opts[] = {
	{ "by", 0, "WHAT", OPT_BY, "account (default), domain, sender, sender-domain, client, recipient-domain, subject, script, url, campaign" },
	{ NULL, 'n', "N", OPT_ROWS, "at most N rows, 0: all (default: 20, all with --json or --csv)" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_rank = {
	"rank", "[--by WHAT] [-n N] [SELECTORS]", "who sends most, with share, rate and the reasons for a verdict",
	"Rows stand in the order of volume; the verdict is that of the score, a sum of signals\n"
	"that the manual lists. -v gives the reasons of every row, not only of suspects.\n",
	opts, 1, 0, 0, run
};

static const char *const keys[] = { RANK_KEY_NAMES };
enum { COLUMN_CLIENTS = 5, COLUMN_KEY = 9 };
static const struct table_column columns[] = {
	{ "MESSAGES", 1, 0, 0 }, { "SHARE", 1, 0, 0 }, { "RCPTS", 1, 0, 3 }, { "PER MIN", 1, 0, 5 }, { "SENDERS", 1, 0, 4 },
	{ "CLIENTS", 1, 0, 6 }, { "DEFERRED", 1, 0, 2 }, { "VERDICT", 0, 8, 0 }, { "SCORE", 1, 0, 0 }, { "ACCOUNT", 0, 30, 0 },
	{ "SUBJECT", 0, 16, 7 }
};
#define COLUMNS (sizeof columns / sizeof columns[0])
static const char *const title[RANK_COUNT] = {
	"ACCOUNT", "DOMAIN", "SENDER", "SENDER DOMAIN", "CLIENT", "RECIPIENT DOMAIN", "SUBJECT", "SCRIPT", "URL HOST", "CAMPAIGN"
};

static int
choose(enum rank_by *by, int64_t *limit, const struct context *c)
{
	struct err e = { 0, "" };
	const char *what = c->opt[OPT_BY] != NULL ? c->opt[OPT_BY] : rank_by_name[RANK_ACCOUNT];
	int i;

	*limit = c->format == OUT_TABLE ? ROWS_IN_TABLE : 0;
	if (c->opt[OPT_ROWS] != NULL && opt_number(limit, "rank: -n", c->opt[OPT_ROWS], 0, INT64_MAX, &e) < 0) {
		cmd_say("%s", e.text);
		return -1;
	}
	for (i = 0; i < RANK_COUNT; i++) {
		if (strcmp(what, rank_by_name[i]) == 0) {
			*by = (enum rank_by)i;
			return 0;
		}
	}
	cmd_say("rank: no --by %s: it is one of account, domain, sender, sender-domain, client, recipient-domain, subject, script, url, campaign", what);
	return -1;
}

/* Microseconds in full where there are any. */
static void
put_time(struct out *o, int64_t us)
{
	out_time(o, us, us != MSG_NO_TIME && us % 1000000 != 0 ? 6 : 0);
}

void
rank_values(struct out *o, const struct rank_row *r, size_t place, int by, int is_complete)
{
	size_t i;

	out_int(o, (int64_t)place);
	out_text(o, rank_by_name[by]);
	out_text(o, r->key);
	out_text(o, r->kind);
	out_count(o, r->messages);
	out_real(o, r->share, 6);
	out_count(o, r->recipients);
	out_count(o, r->bytes);
	put_time(o, r->first);
	put_time(o, r->last);
	out_count(o, r->peak_per_minute);
	out_count(o, r->senders);
	out_count(o, r->clients);
	out_count(o, r->deferred);
	out_text(o, r->subject);
	out_text(o, r->verdict);
	out_int(o, r->score);
	out_list(o);
	for (i = 0; i < r->nreasons; i++)
		out_text(o, r->reasons[i]);
	out_list_end(o);
	out_count(o, r->accounts);
	out_bool(o, is_complete);
}

/* The kind is said where the name alone does not show it: a client's address, a local user. */
static const char *
name_of(struct buf *b, const struct rank_row *r, enum rank_by by)
{
	if (r->key == NULL)
		return by == RANK_ACCOUNT ? "(no account)" : "(none)";
	buf_clear(b);
	buf_puts(b, r->key[0] == '\0' ? by == RANK_SENDER ? "<>" : "(empty)" : r->key);
	if (r->kind != NULL)
		buf_fmt(b, " (%s)", r->kind);
	return buf_cstr(b);
}

static enum table_colour
verdict_colour(const char *verdict)
{
	return strcmp(verdict, "likely") == 0 ? TABLE_RED : strcmp(verdict, "possible") == 0 ? TABLE_YELLOW : TABLE_PLAIN;
}

static void
put_table(struct table *t, const struct context *c, const struct rank_row *r, enum rank_by by)
{
	char share[32];
	struct buf name;
	size_t i;

	buf_init(&name, 4000);
	snprintf(share, sizeof share, "%.1f%%", r->share * 100);
	table_number(t, r->messages);
	table_cell(t, share);
	table_number(t, r->recipients);
	table_number(t, r->peak_per_minute);
	table_number(t, r->senders);
	table_number(t, by == RANK_CAMPAIGN ? r->accounts : r->clients);
	table_number(t, r->deferred);
	table_colour(t, verdict_colour(r->verdict), r->verdict);
	table_number(t, r->score);
	table_cell(t, name_of(&name, r, by));
	if (by != RANK_SUBJECT)
		table_cell(t, r->subject);
	table_row(t);
	if (c->verbose || strcmp(r->verdict, "unlikely") != 0)
		for (i = 0; i < r->nreasons; i++)
			table_note(t, r->reasons[i]);
	buf_free(&name);
}

static void
put(struct context *c, const struct rank *rank, enum rank_by by, size_t n, int is_complete)
{
	struct table_column col[COLUMNS];
	struct table t;
	size_t i;

	memcpy(col, columns, sizeof col);
	col[COLUMN_KEY].title = title[by];
	if (by == RANK_CAMPAIGN)
		col[COLUMN_CLIENTS].title = "ACCOUNTS";
	table_init(&t, &c->out, col, by == RANK_SUBJECT ? COLUMNS - 1 : COLUMNS);
	if (c->format != OUT_TABLE)
		out_keys(&c->out, keys, sizeof keys / sizeof keys[0]);
	for (i = 0; i < n && c->out.error == 0; i++) {
		if (c->format == OUT_TABLE) {
			put_table(&t, c, &rank->row[i], by);
			continue;
		}
		rank_values(&c->out, &rank->row[i], i + 1, (int)by, is_complete);
		out_row(&c->out);
	}
	table_end(&t);
	out_flush(&c->out);
	if (c->format == OUT_TABLE && n < rank->n)
		cmd_note(c, "%zu of %zu rows; -n 0 shows all", n, rank->n);
}

static int
run(struct context *c)
{
	struct index *ix = NULL;
	struct rank *rank = NULL;
	struct err e = { 0, "" };
	enum rank_by by;
	int64_t limit;
	size_t n;
	int status;

	if (choose(&by, &limit, c) < 0)
		return CMD_USAGE;
	if (cmd_index_open(&ix, c, INDEX_READ, &e) < 0)
		return cmd_fail(&e);
	status = cmd_freshness(NULL, c, ix, c->sel);
	if (status == CMD_FAILED)
		goto out;
	if (by == RANK_URL && !selection_has(c->sel, SEL_URL))
		status = cmd_worse(status, cmd_say_missing(c, ix, c->sel, "--by url"));
	if (by == RANK_CAMPAIGN && !selection_has(c->sel, SEL_CAMPAIGN))
		status = cmd_worse(status, cmd_say_missing(c, ix, c->sel, "--by campaign"));
	if (status == CMD_FAILED)
		goto out;
	if (rank_make(&rank, ix, c->sel, by, &e) < 0) {
		status = cmd_fail(&e);
		goto out;
	}
	n = limit > 0 && (uint64_t)limit < rank->n ? (size_t)limit : rank->n;
	put(c, rank, by, n, cmd_is_complete(c, ix, by, status != CMD_DONE));
out:
	rank_free(rank);
	index_close(ix);
	return status;
}
