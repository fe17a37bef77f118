/* What purge, hold and release print: the report of a dry run, the fate of each message, the sums. */
#include "cmd/plan_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/msg.h"
#include "spool/spool.h"
#include "spool/sys.h"

#define GROUPS_SHOWN 10
#define TEXT_MAX ((size_t)1 << 20)

/* ---- commands to copy ---- */

static void
option(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_fmt(b, " --%s", name);
	if (value[0] == '\0')
		return;
	buf_byte(b, ' ');
	cmd_quote(b, value);
}

void
plan_out_making(struct buf *b, const struct plan_run *r)
{
	option(b, "limit", r->c->opt[OPT_LIMIT]);
	option(b, "level", r->c->opt[OPT_LEVEL]);
	option(b, "mainlog", r->mainlog);
	option(b, "watch", r->c->opt[OPT_WATCH]);
}

void
plan_out_doing(struct buf *b, const struct plan_run *r, const char *stop_service)
{
	option(b, "threads", r->c->opt[OPT_THREADS]);
	option(b, "retry-busy", r->c->opt[OPT_RETRY]);
	option(b, "live", r->c->opt[OPT_LIVE]);
	option(b, "stop-service", stop_service);
}

void
plan_out_carry_out(struct buf *b, struct plan_run *r, int64_t id)
{
	const char *const *opt = r->c->opt;
	const int is_free = opt[OPT_LIVE] != NULL || opt[OPT_WATCH] != NULL || !plan_service_is_in_the_way(r, id);

	cmd_again(b, r->c);
	buf_fmt(b, " %s", r->kind == PLAN_PURGE ? "purge" : "hold");
	if (opt[OPT_WATCH] != NULL) {
		selection_text(b, r->c->sel);	/* a stored plan cannot be watched: it is made anew each time */
		plan_out_making(b, r);
	} else {
		buf_fmt(b, " --plan %" PRId64, id);
	}
	buf_puts(b, " --execute");
	option(b, "archive", opt[OPT_ARCHIVE]);
	plan_out_doing(b, r, is_free ? opt[OPT_STOP_SERVICE] : "");	/* without it it would be refused */
}

/* ---- queues that were not wholly read ---- */

static void
add_unknown(void *arg, const struct query_scan *sc)
{
	struct buf *b = arg, item;
	const char *json = sc->unknown;

	buf_init(&item, TEXT_MAX);
	while (text_string(&item, &json)) {
		buf_puts(b, b->n > 1 ? ",\"" : "\"");
		text_json(b, buf_cstr(&item), item.n);
		buf_byte(b, '"');
	}
	buf_free(&item);
}

/* Those of the spools that the plan has messages of. */
static int
unknown_of_places(struct buf *json, struct plan_run *r, int64_t id, struct err *e)
{
	struct selection *s;
	struct place pl;
	int64_t n;
	int rc = 1;

	for (n = 0; rc == 1 && (rc = journal_place(&pl, r->j, id, n, &r->arena, e)) == 1; n++) {
		s = selection_new();
		if (selection_add(s, SEL_SPOOL, pl.root, e) < 0 || selection_add(s, SEL_KIND, pl.kind, e) < 0 ||
		    query_scans(r->ix, s, add_unknown, json, e) < 0)
			rc = -1;
		selection_free(s);
	}
	return rc;
}

int
plan_out_unknown(struct buf *json, struct plan_run *r, int64_t id)
{
	struct err e = { 0, "" };
	int rc = 0;

	buf_byte(json, '[');
	/* A spool of which nothing could be read is in no plan: the selectors speak of it. */
	if (r->ix != NULL && !selection_is_empty(r->c->sel))
		rc = query_scans(r->ix, r->c->sel, add_unknown, json, &e);
	else if (r->ix != NULL)
		rc = unknown_of_places(json, r, id, &e);
	buf_byte(json, ']');
	if (rc < 0)
		cmd_fail(&e);
	return rc < 0 || json->n > 2 ? CMD_PARTLY : CMD_DONE;
}

/* ---- the report of a dry run ---- */

struct report {
	struct plan_run *r;
	struct out *o;
	const char *what;	/* the sort of groups at hand */
	int64_t shown;
	struct plan_group last;	/* counts of the sort at hand */
};

static void
more_groups(struct report *p)
{
	if (p->what != NULL && p->last.groups > p->shown)
		buf_fmt(&p->o->b, "                    and %" PRId64 " more\n", p->last.groups - p->shown);
}

static void
show_group(void *arg, const struct plan_group *g)
{
	struct report *p = arg;
	struct buf *b = &p->o->b;
	char size[16];

	if (p->what == NULL || strcmp(p->what, g->what) != 0) {
		more_groups(p);
		buf_fmt(b, "\nBy %s:\n", g->what);
		p->shown = 0;
	}
	p->what = g->what;
	p->last = *g;
	p->shown++;
	buf_fmt(b, "  %9" PRId64 "  %6s  ", g->messages, text_size(size, g->bytes));
	if (g->key == NULL)
		buf_puts(b, "(none)");
	else if (strcmp(g->what, "queue") == 0)
		out_plain(p->o, cmd_queue_words(g->key));
	else
		out_plain(p->o, g->key[0] != '\0' ? g->key : "(empty)");
	buf_byte(b, '\n');
	if (g->near > 0)
		buf_fmt(b, "                     %" PRId64 " more messages with this subject belong to other accounts\n", g->near);
}

static void
show_time(struct buf *b, const char *what, int64_t us)
{
	char when[40];
	const char *text = us != MSG_NO_TIME ? text_time(when, us / 1000000, 0, 0, 0) : NULL;

	buf_fmt(b, "%-12s%s%s\n", what, text != NULL ? text : "not known", text != NULL ? " UTC" : "");
}

/* What a running MTA means for the purge of its spool (manual: what can go wrong). */
static const char *
running_words(const char *kind, int running, int is_purge)
{
	if (running < 0)
		return "it cannot be told whether its MTA runs; taking is safe either way";
	if (strcmp(kind, "smartermail") == 0)
		return running ? "SmarterMail runs: --stop-service stops its service meanwhile, --live goes on all the same" :
		    "SmarterMail does not run";
	if (!running)
		return is_purge ? "its MTA does not run: nothing changes meanwhile" : "its MTA does not run: nothing is sent meanwhile";
	if (strcmp(kind, "postfix") == 0)
		return "Postfix runs: messages in active may still be delivered while they are taken";
	return "Exim runs: messages that it is delivering are busy and are left to it";
}

static int
show_places(struct report *p, int64_t id, struct err *e)
{
	struct plan_run *r = p->r;
	struct place pl;
	struct spool *sp;
	int64_t n;
	int rc;

	buf_puts(&p->o->b, "\nMTA:\n");
	for (n = 0; (rc = journal_place(&pl, r->j, id, n, &r->arena, e)) == 1; n++) {
		sp = NULL;
		buf_puts(&p->o->b, "  ");
		out_plain(p->o, pl.root);
		if (spool_open(&sp, arena_fmt(&r->arena, "%s:%s", pl.kind, pl.root), NULL, e) != 0) {
			buf_puts(&p->o->b, ": ");
			out_plain(p->o, e->text);
		} else {
			buf_fmt(&p->o->b, ": %s", running_words(pl.kind, sp->driver->running(sp), r->kind == PLAN_PURGE));
		}
		buf_byte(&p->o->b, '\n');
		spool_close(sp);
	}
	return rc;
}

/* Free space of the nearest folder above that is there: the archive folder itself is made by --execute. */
static int
free_space(uint64_t *bytes, const char *path)
{
	struct sys_dir *d = NULL;
	struct err e = { 0, "" };
	size_t n = strlen(path);
	char *at = mem_new(n + 2);
	int rc;

	memcpy(at, path, n);
	while (sys_dir_open(&d, n > 0 ? at : path[0] == '/' ? "/" : ".", &e) < 0 && n > 0) {
		while (n > 0 && at[--n] != '/')
			;
		at[n] = '\0';
	}
	free(at);
	if (d == NULL)
		return -1;
	rc = sys_space(bytes, d);
	sys_dir_close(d);
	return rc == 0 ? 0 : -1;
}

static void
show_space(struct report *p, const struct plan_facts *f)
{
	struct buf *b = &p->o->b;
	uint64_t space = 0;
	char need[16], have[16];

	buf_puts(b, "\nArchive:\n  ");
	out_plain(p->o, p->r->archive_dir);
	buf_fmt(b, ": at most %s is needed", text_size(need, f->expected));
	if (free_space(&space, p->r->archive_dir) < 0)
		buf_puts(b, ", free space is not known\n");
	else
		buf_fmt(b, ", %s is free%s\n", text_size(have, (int64_t)space), space < (uint64_t)f->expected ?
		    ": NOT ENOUGH, --archive DIR names another disk" : "");
}

static void
show_facts(struct report *p, const struct plan *plan, const struct plan_facts *f)
{
	struct buf *b = &p->o->b;
	char size[16];

	buf_fmt(b, "Plan %" PRId64 " (%s): %" PRId64 " message%s, %s\n", plan->id, plan->kind == PLAN_PURGE ? "purge" : "hold", f->messages, rank_plural(f->messages),
	    text_size(size, f->bytes));
	buf_puts(b, "selection   ");
	out_plain(p->o, plan->selection[0] != '\0' ? plan->selection : "(none)");
	buf_byte(b, '\n');
	show_time(b, "oldest", f->oldest);
	show_time(b, "newest", f->newest);
	buf_fmt(b, "states      %" PRId64 " busy (in the active queue), %" PRId64 " held, %" PRId64 " damaged, %" PRId64 " incomplete\n", f->busy,
	    f->held, f->damaged, f->incomplete);
}

static void
show_near(struct report *p, const struct plan_facts *f, const struct plan_near *near)
{
	struct buf *b = &p->o->b;

	if (f->other_accounts > 0)
		buf_fmt(b, "\nSwept in: %" PRId64 " message%s of %" PRId64 " account%s beside the largest one.\n", f->other_messages,
		    rank_plural(f->other_messages), f->other_accounts, rank_plural(f->other_accounts));
	if (near != NULL && plan_near_all(near) > 0)
		buf_fmt(b, "%sNear, and staying: %" PRId64 " message%s with these subjects belong%s to other accounts.\n",
		    f->other_accounts > 0 ? "" : "\n", plan_near_all(near), rank_plural(plan_near_all(near)), plan_near_all(near) == 1 ? "s" : "");
}

int
plan_out_report(struct plan_run *r, int64_t id)
{
	struct report p = { r, &r->c->out, NULL, 0, { NULL, NULL, 0, 0, 0, 0 } };
	struct plan_near *near = NULL;
	struct plan_facts f;
	struct plan plan;
	struct err e = { 0, "" };
	int rc = -1;

	if (plan_run_plan(&plan, r, id) != CMD_DONE)
		return CMD_FAILED;
	if (plan_facts(&f, r->j, id, &e) < 0 || (r->ix != NULL && plan_near_new(&near, r->ix, r->j, id, &e) < 0))
		goto out;
	show_facts(&p, &plan, &f);
	if (plan_groups(r->j, id, near, GROUPS_SHOWN, show_group, &p, &e) < 0)
		goto out;
	more_groups(&p);
	show_near(&p, &f, near);
	if (plan.kind == PLAN_PURGE)
		show_space(&p, &f);
	rc = show_places(&p, id, &e);
	out_flush(&r->c->out);
out:
	plan_near_free(near);
	return rc < 0 ? cmd_fail(&e) : CMD_DONE;
}

/* ---- messages and sums ---- */

static const char *const item_keys[] = { "id", "spool", "state", "queue", "why" };
static const char *const sum_keys[] = {
	"plan", "archive", "sha256", "unknown", "planned", "taken", "archived", "verified", "deleted", "changed", "busy", "gone", "failed",
	"released", "before", "arrived", "after", "kept", "vanished"
};

/* What a table tells one by one; the others are in its sums. */
#define TOLD (1u << ITEM_CHANGED | 1u << ITEM_BUSY | 1u << ITEM_GONE | 1u << ITEM_FAILED)

static void
put_item(struct plan_run *r, const char *root, const struct item *it)
{
	struct out *o = &r->c->out;

	if (r->c->format != OUT_TABLE) {
		out_text(o, it->id);
		out_text(o, root);
		out_text(o, item_state_name(it->state));
		out_text(o, it->queue);
		out_text(o, it->why);
		out_row(o);
		return;
	}
	buf_fmt(&o->b, "%-8s  ", item_state_name(it->state));
	out_plain(o, it->id);
	if (it->why != NULL) {
		buf_puts(&o->b, "  ");
		out_plain(o, it->why);
	}
	out_raw(o, "\n");
}

static int
put_items(struct plan_run *r, int64_t id, struct err *e)
{
	const unsigned mask = r->c->format == OUT_TABLE ? TOLD : ~0u;
	struct place pl = { -1, NULL, "", 0, 0, NULL };
	struct arena a = { 0 };
	struct item it;
	int64_t n = -1;
	int rc = 0;

	while (r->c->out.error == 0 && (rc = journal_item_after(&it, r->j, id, n, mask, &a, e)) == 1) {
		n = it.n;
		if (it.place != pl.n && journal_place(&pl, r->j, id, it.place, &r->arena, e) != 1)
			break;
		put_item(r, pl.root, &it);
		arena_reset(&a);
	}
	arena_free(&a);
	return r->c->out.error == 0 && rc != 0 ? -1 : 0;
}

static const char *
hex(char out[2 * ARC_SHA256 + 1], const unsigned char sha[ARC_SHA256], int has_sha)
{
	size_t i;

	if (!has_sha)
		return NULL;
	for (i = 0; i < ARC_SHA256; i++)
		snprintf(out + 2 * i, 3, "%02x", sha[i]);
	return out;
}

static void
put_sums(struct plan_run *r, const struct plan *p, const char *unknown, const struct proof *proof)
{
	struct out *o = &r->c->out;
	char sha[2 * ARC_SHA256 + 1];
	int s;

	out_keys(o, sum_keys, sizeof sum_keys / sizeof sum_keys[0]);
	out_count(o, p->id != 0 ? p->id : -1);
	out_text(o, p->archive);
	out_text(o, hex(sha, p->sha, p->has_sha));
	out_strings(o, unknown);
	for (s = 0; s < ITEM_STATES; s++)
		out_int(o, p->count[s]);
	out_count(o, proof != NULL ? proof->before : -1);
	out_count(o, proof != NULL ? proof->arrived : -1);
	out_count(o, proof != NULL ? proof->after : -1);
	out_count(o, proof != NULL ? proof->kept : -1);
	out_count(o, proof != NULL ? proof->vanished : -1);
	out_row(o);
}

static void
show_archive(void *arg, const struct plan_archive *x)
{
	struct plan_run *r = arg;
	struct out *o = &r->c->out;
	char size[16], sha[2 * ARC_SHA256 + 1];
	struct buf b;

	out_raw(o, "archive  ");
	out_plain(o, x->path);
	if (x->size >= 0)
		buf_fmt(&o->b, " (%s)", text_size(size, x->size));
	out_raw(o, "\n");
	if (hex(sha, x->sha, x->has_sha) != NULL)
		buf_fmt(&o->b, "sha256   %s\n", sha);
	buf_init(&b, TEXT_MAX);
	cmd_again(&b, r->c);
	buf_puts(&b, " restore ");
	cmd_quote(&b, x->path);
	out_raw(o, "to put messages back: ");
	out_plain(o, buf_cstr(&b));
	out_raw(o, "\n");
	buf_free(&b);
}

static void
show_sums(struct plan_run *r, const struct plan *p, const struct proof *proof)
{
	struct buf *b = &r->c->out.b;
	const char *between = " ";
	int s;

	buf_fmt(b, "plan %" PRId64 " %s:", p->id, plan_state_name(p->kind, p->state));
	for (s = 0; s < ITEM_STATES; s++) {
		if (p->count[s] == 0)
			continue;
		buf_fmt(b, "%s%" PRId64 " %s", between, p->count[s], item_state_name((enum item_state)s));
		between = ", ";
	}
	buf_byte(b, '\n');
	if (proof == NULL)
		return;
	cmd_proof(b, proof);
	buf_byte(b, '\n');
}

/* Nothing was selected: the last object alone. What could not be read may be why. */
static int
put_none(struct plan_run *r)
{
	struct plan none;
	struct buf unknown;
	int status;

	memset(&none, 0, sizeof none);
	buf_init(&unknown, TEXT_MAX);
	status = plan_out_unknown(&unknown, r, 0);
	if (r->c->format == OUT_JSON)
		put_sums(r, &none, buf_cstr(&unknown), NULL);
	buf_free(&unknown);
	return status;
}

int
plan_out_items(struct plan_run *r, int64_t id, const struct proof *proof, int is_undo)
{
	struct out *o = &r->c->out;
	struct plan p;
	struct buf unknown;
	struct err e = { 0, "" };
	int status = CMD_DONE;

	if (o->format != OUT_TABLE && (o->format == OUT_JSON || !r->keys_told))
		out_keys(o, item_keys, sizeof item_keys / sizeof item_keys[0]);
	r->keys_told = 1;
	if (id == 0)
		return put_none(r);
	if (plan_run_plan(&p, r, id) != CMD_DONE)
		return CMD_FAILED;
	buf_init(&unknown, TEXT_MAX);
	status = plan_out_unknown(&unknown, r, id);
	if (put_items(r, id, &e) < 0)
		status = cmd_worse(status, cmd_fail(&e));
	if (o->format == OUT_JSON)
		put_sums(r, &p, buf_cstr(&unknown), proof);
	else if (o->format == OUT_TABLE)
		show_sums(r, &p, proof);
	if (o->format == OUT_TABLE && (!is_undo || p.count[ITEM_DELETED] > 0) && journal_archives(r->j, id, show_archive, r, &e) < 0)
		status = cmd_worse(status, cmd_fail(&e));
	out_flush(o);
	buf_free(&unknown);
	return status;
}
