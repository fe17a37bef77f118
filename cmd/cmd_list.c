#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/table.h"
#include "spool/msg.h"

static int run(struct context *c);

static const struct opt opts[] = {
	{ NULL, 'c', NULL, OPT_COUNT, "only the number of messages" },
	{ NULL, 'i', NULL, OPT_IDS, "only the queue ids, one a line" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_list = {
	"list", "[-c | -i] [SELECTORS]", "messages, a line each",
	"Without selectors: every message now in a scanned spool, oldest first. -v adds damage,\n"
	"notes and the last reply below each line.\n",
	opts, 1, 0, 0, run
};

static const char *const keys[LIST_KEYS] = { LIST_KEY_NAMES };

enum { COLUMN_SPOOL = 1 };
static const struct table_column columns[] = {
	{ "ARRIVED (UTC)", 0, 19, 0 }, { "SPOOL", 0, 10, 8 }, { "QUEUE", 0, 6, 6 }, { "ID", 0, 23, 0 }, { "ACCOUNT", 0, 24, 0 },
	{ "SENDER", 0, 12, 7 }, { "RCPTS", 1, 0, 3 }, { "SIZE", 1, 0, 5 }, { "STATE", 0, 10, 2 }, { "SUBJECT", 0, 10, 1 }
};
#define COLUMNS (sizeof columns / sizeof columns[0])

struct list_run {
	struct context *c;
	struct table table;
	struct table_column col[COLUMNS];
	int several;		/* more than one spool: name it */
};

void
list_values(struct out *o, const struct query_row *r)
{
	out_text(o, r->spool);
	out_text(o, r->kind);
	out_text(o, r->queue);
	out_text(o, r->id);
	out_text(o, r->account);
	out_text(o, r->account_kind);
	out_text(o, r->domain);
	out_text(o, r->sender);
	out_text(o, r->sender_domain);
	out_text(o, r->client);
	out_text(o, r->client_name);
	out_text(o, r->helo);
	out_text(o, r->protocol);
	out_text(o, r->local_user);
	out_count(o, r->uid);
	out_text(o, r->script);
	out_time(o, r->arrived, r->arrived_fraction ? 6 : 0);
	out_count(o, r->size);
	out_count(o, r->recipients);
	out_count(o, r->pending);
	out_text(o, r->from);
	out_text(o, r->subject);
	out_text(o, r->message_id);
	out_text(o, r->state);
	out_text(o, r->reason);
	out_strings(o, r->damage);
	out_strings(o, r->notes);
}

const char *
list_object(void *arg, const struct query_row *r)
{
	struct out *o = arg;

	buf_clear(&o->b);
	out_keys(o, keys, LIST_KEYS);
	list_values(o, r);
	buf_byte(&o->b, '}');	/* not out_row: that writes to stdout */
	return buf_cstr(&o->b);
}

static void
put_keys(struct out *o, const struct query_row *r)
{
	list_values(o, r);
	out_row(o);
}

/* "2/5": pending of all. */
static const char *
recipients(char out[48], const struct query_row *r)
{
	char *end = out + 1;

	if (r->recipients < 0)
		return "-";
	out[0] = '?';
	if (r->pending >= 0)
		end = text_number(out, r->pending);
	*end = '/';
	text_number(end + 1, r->recipients);
	return out;
}

static enum table_colour
state_colour(const struct query_row *r)
{
	if (strcmp(r->damage, "[]") != 0)
		return TABLE_RED;
	return strcmp(r->state, "held") == 0 || strcmp(r->state, "frozen") == 0 ? TABLE_YELLOW : TABLE_PLAIN;
}

static void
note(struct table *t, const char *what, const char *json)
{
	struct buf b;

	if (strcmp(json, "[]") == 0)
		return;
	buf_init(&b, 4000);
	buf_puts(&b, what);
	text_join(&b, json, "; ");
	table_note(t, buf_cstr(&b));
	buf_free(&b);
}

static void
put_table(struct list_run *l, const struct query_row *r)
{
	struct table *t = &l->table;
	const char *sender = r->sender != NULL && r->sender[0] == '\0' ? "<>" : r->sender;
	struct buf b;
	char text[48];

	table_cell(t, r->arrived != MSG_NO_TIME ? text_time(text, r->arrived / 1000000, 0, 0, 0) : NULL);
	if (l->several)
		table_cell(t, r->spool);
	table_cell(t, cmd_queue_words(r->queue));
	table_cell(t, r->id);
	table_cell(t, r->account);
	table_cell(t, sender);
	table_cell(t, recipients(text, r));
	table_cell(t, text_size(text, r->size));
	table_colour(t, state_colour(r), r->state);
	table_cell(t, r->subject);
	table_row(t);
	if (!l->c->verbose)
		return;
	note(t, "damage: ", r->damage);
	note(t, "note: ", r->notes);
	if (r->reason == NULL)
		return;
	buf_init(&b, 4000);
	buf_fmt(&b, "reply: %s", r->reason);
	table_note(t, buf_cstr(&b));
	buf_free(&b);
}

static void
put_id(struct out *o, const char *id)
{
	if (o->format == OUT_TABLE) {
		out_plain(o, id);
		out_raw(o, "\n");
	} else {
		out_text(o, id);
		out_row(o);
	}
}

static void
begin(struct list_run *l)
{
	static const char *const id_key[] = { "id" };
	size_t i, n = 0;

	for (i = 0; i < COLUMNS; i++)
		if (i != COLUMN_SPOOL || l->several)
			l->col[n++] = columns[i];
	table_init(&l->table, &l->c->out, l->col, n);
	if (l->c->format == OUT_TABLE)
		return;
	if (l->c->opt[OPT_IDS] != NULL)
		out_keys(&l->c->out, id_key, 1);
	else
		out_keys(&l->c->out, keys, LIST_KEYS);
}

static int
rows(struct list_run *l, struct index *ix)
{
	struct context *c = l->c;
	struct query *q = NULL;
	struct query_row r;
	struct err e = { 0, "" };
	int is_brief = c->opt[OPT_IDS] != NULL || (c->format == OUT_TABLE && !c->verbose), x = -1;

	begin(l);
	if ((is_brief ? query_open_lines(&q, ix, c->sel, &e) : query_open(&q, ix, c->sel, 0, &e)) < 0)
		goto out;
	while (c->out.error == 0 && (x = query_next(&r, q, &e)) > 0) {
		if (c->opt[OPT_IDS] != NULL)
			put_id(&c->out, r.id);
		else if (c->format == OUT_TABLE)
			put_table(l, &r);
		else
			put_keys(&c->out, &r);
	}
out:
	table_end(&l->table);
	query_close(q);
	return x < 0 ? cmd_fail(&e) : CMD_DONE;
}

static int
count(struct context *c, struct index *ix)
{
	static const char *const key[] = { "messages" };
	struct err e = { 0, "" };
	int64_t n = query_count(ix, c->sel, &e);

	if (n < 0)
		return cmd_fail(&e);
	if (c->format == OUT_TABLE) {
		buf_fmt(&c->out.b, "%" PRId64 "\n", n);
		return CMD_DONE;
	}
	out_keys(&c->out, key, 1);
	out_int(&c->out, n);
	out_row(&c->out);
	return CMD_DONE;
}

static int
run(struct context *c)
{
	struct list_run l;
	struct index *ix = NULL;
	struct err e = { 0, "" };
	size_t nspools;
	int status;

	memset(&l, 0, sizeof l);
	l.c = c;
	if (c->opt[OPT_COUNT] != NULL && c->opt[OPT_IDS] != NULL) {
		cmd_say("list: -c and -i exclude each other");
		return CMD_USAGE;
	}
	if (cmd_index_open(&ix, c, INDEX_READ, &e) < 0)
		return cmd_fail(&e);
	status = cmd_freshness(&nspools, c, ix, c->sel);
	l.several = nspools > 1;
	if (status != CMD_FAILED)
		status = cmd_worse(status, c->opt[OPT_COUNT] != NULL ? count(c, ix) : rows(&l, ix));
	index_close(ix);
	return status;
}
