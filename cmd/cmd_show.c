#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/show_live.h"
#include "index/campaigns.h"
#include "index/contents.h"
#include "index/journal.h"
#include "index/restore.h"
#include "index/rank.h"
#include "spool/arena.h"
#include "spool/msg.h"

#define RECIPIENTS_SHOWN 50
#define LOG_LINES_SHOWN 50

static int run(struct context *c);

const struct command cmd_show = {
	"show", "ID [SELECTORS]", "one message: envelope, headers, files, the MTA's log, why it counts for its account",
	"The envelope is the index's, headers, files and log are read from the spool now. When\n"
	"several messages have the ID, --spool or --queue says which. -v shows all recipients\n"
	"and the whole log.\n",
	NULL, 1, 1, 1, run
};

static const char *const keys[] = { LIST_KEY_NAMES, "recipient_list", "headers", "files", "evidence", "history", "parts", "urls", "campaign" };
static const char *const recipient_keys[] = { "address", "state", "reply" };
static const char *const history_keys[] = { "plan", "kind", "state", "when", "who", "selection", "archive", "id", "new_id", "new_spool" };
static const char *const file_keys[] = { "path", "size", "mtime" };
static const char *const part_keys[] = { "depth", "type", "name", "charset", "encoding", "size", "detected", "sha256" };

struct show {
	struct context *c;
	struct index *ix;
	struct arena arena;
	struct query_row *row;		/* candidates, then the one */
	size_t nrow, cap;
	struct show_live live;
	const char **evidence;
	size_t nevidence;
	size_t nrecipients;
	int contents;			/* CONTENTS_NOT … */
	struct contents_part *part;
	struct contents_url *url;
	size_t nparts, nurls;
	char campaign[CAMPAIGN_ID_SIZE];	/* "": none is known */
	struct fate *fate;		/* what plans and restores did with it, oldest first */
	size_t nfate;
};

struct fate {
	int64_t plan, when;
	const char *kind, *state, *who, *host, *selection, *archive, *why;
	const char *id, *new_id, *new_spool;	/* of a restore: what it was in the archive, what and where it became; NULL */
};

static int
is_gone(const struct query_row *r)
{
	return strcmp(r->state, "gone") == 0;
}

/* All rows with the ID, gone ones too. */
static int
candidates(struct show *s, struct err *e)
{
	const char *id = s->c->arg[0];
	struct query *q = NULL;
	struct query_row r;
	int x;

	if (selection_add_ids(s->c->sel, id, strlen(id), e) < 0 || query_open(&q, s->ix, s->c->sel, 1, e) < 0)
		return -1;
	while ((x = query_next(&r, q, e)) > 0) {
		if (s->nrow == s->cap) {
			s->cap = s->cap != 0 ? s->cap * 2 : 8;
			s->row = mem_grow(s->row, s->cap * sizeof *s->row);
		}
		query_keep(&s->row[s->nrow++], &s->arena, &r);
	}
	query_close(q);
	return x;
}

/* Keeps the rows for which keep says 1, unless that would leave none. */
static void
prefer(struct show *s, int (*keep)(const struct show *s, const struct query_row *r))
{
	size_t i, n = 0;

	for (i = 0; i < s->nrow; i++)
		n += keep(s, &s->row[i]) != 0;
	if (n == 0)
		return;
	for (i = n = 0; i < s->nrow; i++)
		if (keep(s, &s->row[i]))
			s->row[n++] = s->row[i];
	s->nrow = n;
}

static int
is_exact(const struct show *s, const struct query_row *r)
{
	return strcmp(r->id, s->c->arg[0]) == 0;
}

static int
is_present(const struct show *s, const struct query_row *r)
{
	(void)s;
	return !is_gone(r);
}

/* Short Postfix ids come again (they are inode numbers): of messages that have all gone from one queue the last is meant. */
static int
is_last_of_place(const struct show *s, const struct query_row *r)
{
	const struct query_row *last = &s->row[s->nrow - 1];

	return r == last || strcmp(r->spool, last->spool) != 0 || strcmp(r->queue, last->queue) != 0;
}

static int
choose(struct show *s)
{
	struct err e = { 0, "" };
	char when[40];
	const char *text;
	size_t i;

	if (candidates(s, &e) < 0)
		return cmd_fail(&e);
	prefer(s, is_exact);
	prefer(s, is_present);
	if (s->nrow > 1 && is_gone(&s->row[0]))
		prefer(s, is_last_of_place);
	if (s->nrow == 1)
		return CMD_DONE;
	if (s->nrow == 0) {
		cmd_say("show: no message %s in the index", s->c->arg[0]);
		return CMD_FAILED;
	}
	for (i = 0; i < s->nrow; i++) {
		text = s->row[i].arrived != MSG_NO_TIME ? text_time(when, s->row[i].arrived / 1000000, 0, 0, 1) : NULL;
		cmd_say("%s --spool %s --queue '%s' (%s, arrived %s)", s->row[i].id, s->row[i].spool, s->row[i].queue,
		    s->row[i].state, text != NULL ? text : "?");
	}
	cmd_say("show: %zu messages have this id: say which with --spool or --queue", s->nrow);
	return CMD_USAGE;
}

/* One sentence: what the MTA proved about who handed the message in (contract "account"). */
static const char *
why_account(struct arena *a, const struct query_row *r)
{
	const char *kind = r->account_kind != NULL ? r->account_kind : "", *from = r->client != NULL ? r->client : "an unknown client";

	if (strcmp(kind, "auth") == 0)
		return arena_fmt(a, "SMTP AUTH as %s from %s: proven by the MTA", r->account, from);
	if (strcmp(kind, "local") == 0 && r->script != NULL)
		return arena_fmt(a, "handed in on this machine by %s; script %s", r->account, r->script);
	if (strcmp(kind, "local") == 0)
		return arena_fmt(a, "handed in on this machine by %s, without SMTP AUTH", r->account);
	if (strcmp(kind, "client") == 0)
		return arena_fmt(a, "SMTP from %s%s%s%s without authentication: the address is the account", r->account,
		    r->client_name != NULL ? " (" : "", r->client_name != NULL ? r->client_name : "", r->client_name != NULL ? ")" : "");
	if (strcmp(kind, "bounce") == 0)
		return r->client != NULL ? arena_fmt(a, "null sender, handed in by %s: a report of another server, or made to look like one",
		    r->client) : "null sender: a report made by this MTA";
	if (strcmp(kind, "sender") == 0)
		return arena_fmt(a, "only the envelope sender %s is known, which anyone can write", r->account);
	return "neither a user nor a client nor a sender can be read: no account";
}

static int
collect_evidence(struct show *s, const struct query_row *r, struct err *e)
{
	struct selection *all = selection_new();
	struct rank *rank = NULL;
	const struct rank_row *found = NULL;
	size_t i, n;
	int rc;

	rc = rank_make(&rank, s->ix, all, RANK_ACCOUNT, e);
	if (rc == 0 && r->account != NULL)
		found = rank_find(rank, r->account_kind, r->account);
	n = found != NULL ? found->nreasons : 0;
	s->evidence = arena_get(&s->arena, (n + 2) * sizeof *s->evidence);
	s->evidence[s->nevidence++] = why_account(&s->arena, r);
	if (found != NULL)
		s->evidence[s->nevidence++] = arena_fmt(&s->arena, "the account is %s to be compromised: score %d of 100", found->verdict,
		    found->score);
	for (i = 0; i < n; i++)
		s->evidence[s->nevidence++] = arena_str(&s->arena, found->reasons[i]);
	rank_free(rank);
	selection_free(all);
	return rc;
}

/* ---- what plans did with it ---- */

static const char *
keep(struct arena *a, const char *s)
{
	return s != NULL ? arena_str(a, s) : NULL;
}

static struct fate *
new_fate(struct show *s)
{
	struct fate *f;

	s->fate = mem_grow(s->fate, (s->nfate + 1) * sizeof *s->fate);
	f = &s->fate[s->nfate++];
	memset(f, 0, sizeof *f);
	return f;
}

/* Queue ids come again: only a plan that meant a message of this arrival meant this one. A dry run did nothing with it. */
static void
add_fate(void *arg, const struct plan *p, const struct item *it)
{
	struct show *s = arg;
	struct fate *f;

	if (it->arrived != s->row[0].arrived || it->state == ITEM_PLANNED)
		return;
	f = new_fate(s);
	f->plan = p->id;
	f->kind = p->kind == PLAN_PURGE ? "purge" : "hold";
	f->state = item_state_name(it->state);
	f->when = p->finished != 0 ? p->finished : p->started != 0 ? p->started : p->created;
	f->who = keep(&s->arena, p->who);
	f->host = keep(&s->arena, p->host);
	f->selection = keep(&s->arena, p->selection);
	f->archive = it->state == ITEM_ARCHIVED || it->state == ITEM_VERIFIED || it->state == ITEM_DELETED ?
	    keep(&s->arena, it->archive != NULL ? it->archive : p->archive) : NULL;
	f->why = keep(&s->arena, it->why);
}

static void
add_restore(void *arg, const struct restore_run *r, const struct restored *m)
{
	struct show *s = arg;
	const int is_new = strcmp(m->new_id, s->row[0].id) == 0 && strcmp(m->new_root, s->row[0].spool) == 0;
	struct fate *f;

	if (m->arrived != s->row[0].arrived && !(is_new && m->is_new_time))
		return;
	f = new_fate(s);
	f->kind = "restore";
	f->state = restore_state_name(RESTORE_RESTORED);
	f->when = m->at;
	f->who = keep(&s->arena, r->who);
	f->host = keep(&s->arena, r->host);
	f->selection = keep(&s->arena, r->selection);
	f->archive = keep(&s->arena, r->archive);
	f->id = keep(&s->arena, m->id);
	f->new_id = keep(&s->arena, m->new_id);
	f->new_spool = keep(&s->arena, m->new_root);
}

/* By time; plans without an end stand where they began. */
static int
compare_fates(const void *a, const void *b)
{
	const struct fate *x = a, *y = b;

	return x->when != y->when ? (x->when < y->when ? -1 : 1) : x->plan < y->plan ? -1 : x->plan > y->plan;
}

static int
collect_history(struct show *s, const struct query_row *r, struct err *e)
{
	char *path = cmd_index_path(s->c);
	struct journal *j = NULL;
	int rc = journal_open(&j, path, 0, e);

	free(path);
	if (rc < 0)
		return e->sys == ENOENT ? 0 : -1;	/* nothing was ever planned */
	rc = journal_history(j, r->spool, r->id, add_fate, s, e);
	if (rc == 0)
		rc = journal_restores(j, r->spool, r->id, add_restore, s, e);
	if (s->nfate > 1)
		qsort(s->fate, s->nfate, sizeof *s->fate, compare_fates);
	journal_close(j);
	return rc;
}

/* A message that has gone from its spool because a plan took it has not simply gone. */
static void
name_fate(struct show *s)
{
	const struct fate *last = NULL;
	enum item_state state;
	size_t i;

	for (i = 0; i < s->nfate; i++)
		if (s->fate[i].plan != 0)
			last = &s->fate[i];
	if (last == NULL || !is_gone(&s->row[0]) || item_state_named(&state, last->state) < 0)
		return;
	if (state == ITEM_DELETED)
		s->row[0].state = msg_state_name(MSG_DELETED);
	else if (state == ITEM_TAKEN || state == ITEM_ARCHIVED || state == ITEM_VERIFIED)
		s->row[0].state = msg_state_name(MSG_TAKEN);
}

/* ---- what was read of its body ---- */

static void
add_part(void *arg, const struct contents_part *p)
{
	struct show *s = arg;
	struct contents_part *to;

	s->part = mem_grow(s->part, (s->nparts + 1) * sizeof *s->part);
	to = &s->part[s->nparts++];
	*to = *p;
	to->type = keep(&s->arena, p->type);
	to->name = keep(&s->arena, p->name);
	to->charset = keep(&s->arena, p->charset);
	to->encoding = keep(&s->arena, p->encoding);
	to->detected = keep(&s->arena, p->detected);
	to->sha256 = keep(&s->arena, p->sha256);
}

static void
add_url(void *arg, const struct contents_url *u)
{
	struct show *s = arg;
	struct contents_url *to;

	s->url = mem_grow(s->url, (s->nurls + 1) * sizeof *s->url);
	to = &s->url[s->nurls++];
	to->host = keep(&s->arena, u->host);
	to->domain = keep(&s->arena, u->domain);
	to->is_shortener = u->is_shortener;
}

static int
collect_contents(struct show *s, const struct query_row *r, struct err *e)
{
	s->contents = contents_of(s->ix, r->rowid, add_part, add_url, s, e);
	return s->contents < 0 || campaigns_of(s->campaign, s->ix, r->rowid, e) < 0 ? -1 : 0;
}

/* ---- JSON and CSV ---- */

static void
put_parts(struct out *o, const struct show *s)
{
	const struct contents_part *p;

	if (s->contents == CONTENTS_NOT) {
		out_strings(o, NULL);
		return;
	}
	out_list(o);
	for (p = s->part; p < s->part + s->nparts; p++) {
		out_group(o, part_keys);
		out_int(o, p->depth);
		out_text(o, p->type);
		out_text(o, p->name);
		out_text(o, p->charset);
		out_text(o, p->encoding);
		out_count(o, p->size);
		out_text(o, p->detected);
		out_text(o, p->sha256);
		out_group_end(o);
	}
	out_list_end(o);
}

static void
put_urls(struct out *o, const struct show *s)
{
	size_t i;

	if (s->contents == CONTENTS_NOT) {
		out_strings(o, NULL);
		return;
	}
	out_list(o);
	for (i = 0; i < s->nurls; i++)
		out_text(o, s->url[i].host);
	out_list_end(o);
}

static void
put_recipient(void *arg, const struct query_rcpt *r)
{
	struct out *o = arg;

	out_group(o, recipient_keys);
	out_text(o, r->address);
	out_text(o, r->state);
	out_text(o, r->reply);
	out_group_end(o);
}

static void
put_headers(struct out *o, const struct show_live *l)
{
	size_t i;

	if (l->head == NULL) {
		out_strings(o, NULL);
		return;
	}
	out_list(o);
	for (i = 0; i < l->head->nall; i++) {
		out_group(o, NULL);
		out_text(o, l->head->all[i].name);
		out_text(o, l->head->all[i].value);
		out_group_end(o);
	}
	out_list_end(o);
}

static void
put_files(struct out *o, struct arena *a, const struct show_live *l)
{
	const struct part *p;
	size_t i;

	if (l->is_unknown) {
		out_strings(o, NULL);
		return;
	}
	out_list(o);
	for (i = 0; i < l->parts.n; i++) {
		p = &l->parts.v[i];
		if (p->absent)
			continue;
		out_group(o, file_keys);
		out_text(o, spool_path(a, p->dir, p->name));
		out_count(o, p->st.type == SYS_UNKNOWN ? -1 : (int64_t)p->st.size);
		if (p->st.type == SYS_UNKNOWN)
			out_text(o, NULL);
		else
			out_time_ns(o, p->st.mtime);
		out_group_end(o);
	}
	out_list_end(o);
}

static void
put_history(struct out *o, const struct show *s)
{
	const struct fate *f;
	size_t i;

	out_list(o);
	for (i = 0; i < s->nfate; i++) {
		f = &s->fate[i];
		out_group(o, history_keys);
		out_count(o, f->plan != 0 ? f->plan : -1);
		out_text(o, f->kind);
		out_text(o, f->state);
		out_time(o, f->when, 0);
		out_text(o, f->who);
		out_text(o, f->selection);
		out_text(o, f->archive);
		out_text(o, f->id);
		out_text(o, f->new_id);
		out_text(o, f->new_spool);
		out_group_end(o);
	}
	out_list_end(o);
}

static int
put_json(struct show *s, const struct query_row *r, struct err *e)
{
	struct out *o = &s->c->out;
	size_t i;

	out_keys(o, keys, sizeof keys / sizeof keys[0]);
	list_values(o, r);
	out_list(o);
	if (query_recipients(s->ix, r->rowid, put_recipient, o, e) < 0)
		return -1;
	out_list_end(o);
	put_headers(o, &s->live);
	put_files(o, &s->arena, &s->live);
	out_list(o);
	for (i = 0; i < s->nevidence; i++)
		out_text(o, s->evidence[i]);
	out_list_end(o);
	put_history(o, s);
	put_parts(o, s);
	put_urls(o, s);
	out_text(o, s->campaign[0] != '\0' ? s->campaign : NULL);
	out_row(o);
	return 0;
}

/* ---- for people ---- */

static void
heading(struct out *o, const char *title)
{
	out_raw(o, o->colour ? "\n\033[1m" : "\n");
	out_raw(o, title);
	out_raw(o, o->colour ? "\033[0m\n" : "\n");
}

static void
field(struct out *o, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_fmt(&o->b, "%-12s  ", name);
	out_plain(o, value);
	out_raw(o, "\n");
}

static void
item(struct out *o, const char *value)
{
	out_raw(o, "  ");
	out_plain(o, value);
	out_raw(o, "\n");
}

static void
show_recipient(void *arg, const struct query_rcpt *r)
{
	struct show *s = arg;
	struct out *o = &s->c->out;

	if (++s->nrecipients > RECIPIENTS_SHOWN && !s->c->verbose)
		return;
	buf_fmt(&o->b, "  %-8s  ", r->state);
	out_plain(o, r->address);
	out_raw(o, "\n");
	if (r->reply != NULL) {
		out_raw(o, "            ");
		out_plain(o, r->reply);
		out_raw(o, "\n");
	}
}

static void
show_strings(struct out *o, const char *title, const char *json)
{
	struct buf b;

	if (strcmp(json, "[]") == 0)
		return;
	heading(o, title);
	buf_init(&b, 100000);
	while (text_string(&b, &json))
		item(o, buf_cstr(&b));
	buf_free(&b);
}

static void
show_envelope(struct show *s, const struct query_row *r)
{
	struct out *o = &s->c->out;
	struct arena *a = &s->arena;
	char when[40], size[16];

	field(o, "message", r->id);
	field(o, "spool", arena_fmt(a, "%s:%s", r->kind, r->spool));
	field(o, "queue", cmd_queue_words(r->queue));
	field(o, "state", r->state);
	if (r->arrived != MSG_NO_TIME && text_time(when, r->arrived / 1000000, 0, 0, 0) != NULL)
		field(o, "arrived", arena_fmt(a, "%s UTC", when));
	if (r->size >= 0)
		field(o, "size", r->size < 1024 ? arena_fmt(a, "%" PRId64 " bytes", r->size) :
		    arena_fmt(a, "%s (%" PRId64 " bytes)", text_size(size, r->size), r->size));
	field(o, "account", r->account != NULL ? arena_fmt(a, "%s (%s)", r->account, r->account_kind) : "not known");
	field(o, "sender", r->sender == NULL ? "not readable" : r->sender[0] == '\0' ? "<> (null sender)" : r->sender);
	field(o, "client", r->client);
	field(o, "client name", r->client_name);
	field(o, "helo", r->helo);
	field(o, "protocol", r->protocol);
	field(o, "local user", r->local_user);
	if (r->uid >= 0)
		field(o, "uid", arena_fmt(a, "%" PRId64, r->uid));
	field(o, "script", r->script);
	field(o, "from", r->from);
	field(o, "subject", r->subject);
	field(o, "message id", r->message_id);
	field(o, "last reply", r->reason);
	field(o, "campaign", s->campaign[0] != '\0' ? s->campaign : NULL);
}

static void
show_files(struct out *o, struct arena *a, const struct show_live *l)
{
	const struct part *p;
	char when[40], size[16];
	const char *text;
	size_t i;

	heading(o, "Files now");
	for (i = 0; i < l->parts.n; i++) {
		p = &l->parts.v[i];
		if (p->absent)
			continue;
		text = p->st.type == SYS_UNKNOWN ? NULL : text_time(when, p->st.mtime / 1000000000, 0, 0, 0);
		buf_fmt(&o->b, "  %6s  %-19s  ", p->st.type == SYS_UNKNOWN ? "-" : text_size(size, (int64_t)p->st.size),
		    text != NULL ? text : "-");
		out_plain(o, spool_path(a, p->dir, p->name));
		out_raw(o, "\n");
	}
}

/* The last lines of the log; each is made inert by itself, so that its line ends stay. */
static void
show_log(struct show *s)
{
	struct out *o = &s->c->out;
	const char *p = buf_cstr(&s->live.log), *end = p + s->live.log.n, *lf;
	size_t lines = 0, skip;

	if (s->live.log.n == 0)
		return;
	heading(o, "The MTA's log of it");
	for (lf = p; lf < end && (lf = memchr(lf, '\n', (size_t)(end - lf))) != NULL; lf++)
		lines++;
	skip = s->c->verbose || lines <= LOG_LINES_SHOWN ? 0 : lines - LOG_LINES_SHOWN;
	if (skip > 0)
		buf_fmt(&o->b, "  (%zu earlier lines; -v shows them)\n", skip);
	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL)
			lf = end;
		if (skip > 0) {
			skip--;
			continue;
		}
		if (lf > p)
			out_raw(o, "  ");
		text_inert(&o->b, p, (size_t)(lf - p));
		out_raw(o, "\n");
	}
}

/* "deleted by plan 3 of root on 2026-01-02 03:04:05 UTC (--account info@example.com), archive …" */
static const char *
fate_text(struct arena *a, const struct fate *f)
{
	char when[40];
	const char *text = text_time(when, f->when / 1000000, 0, 0, 0);

	if (text == NULL)
		text = "?";
	if (f->plan == 0)
		return arena_fmt(a, "restored by %s at %s on %s UTC, %s as %s into %s; archive %s", f->who, f->host, text, f->id, f->new_id,
		    f->new_spool, f->archive);
	return arena_fmt(a, "%s by plan %" PRId64 " (%s) of %s at %s on %s UTC, selection: %s%s%s%s%s", f->state, f->plan, f->kind, f->who,
	    f->host, text, f->selection, f->archive != NULL ? "; archive " : "", f->archive != NULL ? f->archive : "",
	    f->why != NULL ? "; " : "", f->why != NULL ? f->why : "");
}

static void
show_history(struct show *s)
{
	size_t i;

	if (s->nfate == 0)
		return;
	heading(&s->c->out, "History");
	for (i = 0; i < s->nfate; i++)
		item(&s->c->out, fate_text(&s->arena, &s->fate[i]));
}

/* The tree of its parts, a line each, and the hosts of its links. */
static void
show_contents(struct show *s)
{
	struct arena *a = &s->arena;
	const struct contents_part *p;
	const struct contents_url *u;
	struct out *o = &s->c->out;
	char size[16];

	if (s->contents == CONTENTS_NOT)
		return;
	heading(o, s->contents == CONTENTS_PARTLY ? "Parts (not wholly read: see the notes)" : "Parts");
	for (p = s->part; p < s->part + s->nparts; p++)
		item(o, arena_fmt(a, "%*s%s%s%s%s%s%s%s", (int)p->depth * 2, "", p->type, p->name != NULL ? "  " : "",
		    p->name != NULL ? p->name : "", p->size >= 0 ? "  " : "", p->size >= 0 ? text_size(size, p->size) : "",
		    p->detected != NULL ? "  is " : "", p->detected != NULL ? p->detected : ""));
	if (s->nurls > 0)
		heading(o, "Hosts of links");
	for (u = s->url; u < s->url + s->nurls; u++)
		item(o, arena_fmt(a, "%s%s", u->host, u->is_shortener ? "  (a shortener: hides where the link leads)" : ""));
}

static int
show_people(struct show *s, const struct query_row *r, struct err *e)
{
	struct out *o = &s->c->out;
	const struct show_live *l = &s->live;
	size_t i;

	show_envelope(s, r);
	show_strings(o, "Damage", r->damage);
	show_strings(o, "Notes", r->notes);
	show_history(s);
	heading(o, "Why this account");
	for (i = 0; i < s->nevidence; i++)
		item(o, s->evidence[i]);
	heading(o, r->recipients < 0 ? "Recipients" : r->pending < 0 ?
	    arena_fmt(&s->arena, "Recipients (%" PRId64 ")", r->recipients) :
	    arena_fmt(&s->arena, "Recipients (%" PRId64 " pending of %" PRId64 ")", r->pending, r->recipients));
	if (query_recipients(s->ix, r->rowid, show_recipient, s, e) < 0)
		return -1;
	if (s->nrecipients > RECIPIENTS_SHOWN && !s->c->verbose)
		buf_fmt(&o->b, "  (%zu more; -v shows them)\n", s->nrecipients - RECIPIENTS_SHOWN);
	if (l->head != NULL) {
		heading(o, "Headers");
		for (i = 0; i < l->head->nall; i++)
			item(o, arena_fmt(&s->arena, "%s: %s", l->head->all[i].name, l->head->all[i].value));
	}
	show_contents(s);
	if (l->is_found)
		show_files(o, &s->arena, l);
	show_log(s);
	return 0;
}

/* What the spool says now beside what the index said. */
static int
look_at_spool(struct show *s, const struct query_row *r)
{
	struct err e = { 0, "" };

	if (is_gone(r)) {
		cmd_note(s->c, "%s has gone from the spool: shown from the index", r->id);
		return CMD_DONE;
	}
	if (show_live_read(&s->live, &s->arena, r, &e) < 0) {
		cmd_say("%s", e.text);
		return CMD_PARTLY;
	}
	if (!s->live.is_found)
		cmd_note(s->c, "%s has gone from the spool since the scan: shown from the index", r->id);
	else if (strcmp(s->live.queue, r->queue) != 0 || strcmp(s->live.state, r->state) != 0)
		cmd_note(s->c, "%s is now in %s, %s; the index is older", r->id, cmd_queue_words(s->live.queue), s->live.state);
	return CMD_DONE;
}

static int
show_row(struct show *s)
{
	const struct query_row *r = &s->row[0];
	struct err e = { 0, "" };
	int status = look_at_spool(s, r), rc;

	rc = collect_evidence(s, r, &e);
	if (rc == 0)
		rc = collect_history(s, r, &e);
	if (rc == 0)
		rc = collect_contents(s, r, &e);
	name_fate(s);
	if (rc == 0)
		rc = s->c->format == OUT_TABLE ? show_people(s, r, &e) : put_json(s, r, &e);
	return rc < 0 ? cmd_fail(&e) : status;
}

/* Of the queue that the message is in, and no other. */
static int
freshness(struct show *s)
{
	struct selection *place = selection_new();
	struct err e = { 0, "" };
	int status;

	if (selection_add(place, SEL_SPOOL, s->row[0].spool, &e) < 0 || selection_add(place, SEL_KIND, s->row[0].kind, &e) < 0 ||
	    selection_add(place, SEL_QUEUE, s->row[0].queue, &e) < 0)
		status = cmd_fail(&e);
	else
		status = cmd_freshness(NULL, s->c, s->ix, place);
	selection_free(place);
	return status;
}

static int
run(struct context *c)
{
	struct show s;
	struct err e = { 0, "" };
	int status;

	memset(&s, 0, sizeof s);
	s.c = c;
	show_live_init(&s.live);
	if (selection_has(c->sel, SEL_ID)) {
		cmd_say("show: the id stands without --id");
		return CMD_USAGE;
	}
	if (cmd_index_open(&s.ix, c, INDEX_READ, &e) < 0)
		return cmd_fail(&e);
	status = choose(&s);
	if (status == CMD_DONE)
		status = cmd_worse(freshness(&s), show_row(&s));
	else if (status == CMD_FAILED)
		cmd_freshness(NULL, c, s.ix, c->sel);	/* it may stand in a queue that was not read */
	show_live_free(&s.live);
	free(s.row);
	free(s.fate);
	free(s.part);
	free(s.url);
	arena_free(&s.arena);
	index_close(s.ix);
	return status;
}
