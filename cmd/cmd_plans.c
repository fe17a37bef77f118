#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/table.h"
#include "index/journal.h"
#include "index/plan_copy.h"
#include "index/proof.h"
#include "spool/arena.h"
#include "spool/msg.h"
#include "spool/sys.h"

static int run(struct context *c);

static const struct opt opts[] = {
	{ "adopt", 0, "DIR", OPT_ADOPT, "make a plan of a private folder whose journal is lost" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_plans = {
	"plans", "[--adopt DIR]", "plans and their states",
	"Every plan that purge and hold have made; the waves of a --watch stand below the first.\n"
	"--adopt reads the copy of the plan in a private folder that \"scan\" names, and says how its\n"
	"messages are put back. It touches no spool.\n",
	opts, 0, 0, 0, run
};

static const char *const keys[] = {
	"plan", "kind", "state", "created", "started", "finished", "who", "selection", "messages", "planned", "taken", "archived", "verified",
	"deleted", "changed", "busy", "gone", "failed", "released", "archive", "sha256", "parent",
	"service", "service_waits", "archives", PROOF_KEY_NAMES
};
static const struct table_column columns[] = {
	{ "PLAN", 0, 6, 0 }, { "KIND", 0, 5, 4 }, { "STATE", 0, 9, 0 }, { "CREATED (UTC)", 0, 19, 2 }, { "WHO", 0, 6, 5 },
	{ "MESSAGES", 1, 0, 0 }, { "TAKEN", 1, 0, 0 }, { "DELETED", 1, 0, 0 }, { "SKIPPED", 1, 0, 1 }, { "RELEASED", 1, 0, 3 },
	{ "SELECTION", 0, 16, 0 }
};

struct plans {
	struct arena arena;
	struct plan *v;
	size_t n, cap;
};

static int64_t
messages(const struct plan *p)
{
	int64_t n = 0;
	int s;

	for (s = 0; s < ITEM_STATES; s++)
		n += p->count[s];
	return n;
}

static void
put_time(struct out *o, int64_t us)
{
	out_time(o, us != 0 ? us : MSG_NO_TIME, 0);
}

static void
add_archive(void *arg, const struct plan_archive *x)
{
	struct buf *b = arg;

	buf_puts(b, b->n > 1 ? ",\"" : "\"");
	text_json(b, x->path, strlen(x->path));
	buf_byte(b, '"');
}

static int
put_keys(struct out *o, struct journal *j, const struct plan *p, struct err *e)
{
	char sha[2 * ARC_SHA256 + 1];
	struct proof proof;
	struct buf archives;
	size_t i;
	int s, has_proof;

	buf_init(&archives, (size_t)1 << 20);
	buf_byte(&archives, '[');
	has_proof = proof_load(&proof, j, p, e);
	if (has_proof < 0 || journal_archives(j, p->id, add_archive, &archives, e) < 0) {
		buf_free(&archives);
		return -1;
	}
	buf_byte(&archives, ']');
	for (i = 0; p->has_sha && i < ARC_SHA256; i++)
		snprintf(sha + 2 * i, 3, "%02x", p->sha[i]);
	out_int(o, p->id);
	out_text(o, p->kind == PLAN_PURGE ? "purge" : "hold");
	out_text(o, plan_state_name(p->kind, p->state));
	put_time(o, p->created);
	put_time(o, p->started);
	put_time(o, p->finished);
	out_text(o, p->who);
	out_text(o, p->selection);
	out_int(o, messages(p));
	for (s = 0; s < ITEM_STATES; s++)
		out_int(o, p->count[s]);
	out_text(o, p->archive);
	out_text(o, p->has_sha ? sha : NULL);
	out_count(o, p->parent != 0 ? p->parent : -1);
	out_text(o, p->service);
	out_bool(o, p->service != NULL ? p->service_waits : -1);
	out_strings(o, buf_cstr(&archives));
	proof_values(o, has_proof == 1 ? &proof : NULL);
	out_row(o);
	buf_free(&archives);
	return 0;
}

static void
note_archive(void *arg, const struct plan_archive *x)
{
	table_note(arg, x->path);
}

static int
note_proof(struct table *t, struct journal *j, const struct plan *p, struct err *e)
{
	struct proof proof;
	struct buf b;
	int rc = proof_load(&proof, j, p, e);

	buf_init(&b, 1000);
	if (rc == 1) {
		cmd_proof(&b, &proof);
		table_note(t, buf_cstr(&b));
	}
	buf_free(&b);
	return rc;
}

static int
put_table(struct table *t, struct journal *j, const struct plan *p, int verbose, struct err *e)
{
	char text[64];

	snprintf(text, sizeof text, "%s%" PRId64, p->parent != 0 ? "  " : "", p->id);
	table_cell(t, text);
	table_cell(t, p->kind == PLAN_PURGE ? "purge" : "hold");
	table_colour(t, p->state == PLAN_DONE || p->state == PLAN_PLANNED || p->state == PLAN_UNDONE ? TABLE_PLAIN : TABLE_YELLOW,
	    plan_state_name(p->kind, p->state));
	table_cell(t, text_time(text, p->created / 1000000, 0, 0, 0));
	table_cell(t, p->who);
	table_number(t, messages(p));
	table_number(t, p->count[ITEM_TAKEN] + p->count[ITEM_ARCHIVED] + p->count[ITEM_VERIFIED]);
	table_number(t, p->count[ITEM_DELETED]);
	table_number(t, p->count[ITEM_CHANGED] + p->count[ITEM_BUSY] + p->count[ITEM_GONE] + p->count[ITEM_FAILED]);
	table_number(t, p->count[ITEM_RELEASED]);
	table_cell(t, p->selection);
	table_row(t);
	return verbose && (journal_archives(j, p->id, note_archive, t, e) < 0 || note_proof(t, j, p, e) < 0) ? -1 : 0;
}

static int
load(struct plans *out, struct journal *j, struct err *e)
{
	int64_t id = 0;
	int rc;

	for (;;) {
		if (out->n == out->cap) {
			out->cap = out->cap != 0 ? out->cap * 2 : 64;
			out->v = mem_grow(out->v, out->cap * sizeof *out->v);
		}
		rc = journal_plan_after(&out->v[out->n], j, id, PLAN_PLANNED, PLAN_UNDONE, &out->arena, e);
		if (rc != 1)
			return rc;
		id = out->v[out->n++].id;
	}
}

/* By the first plan of its waves, then by number. */
static int
compare(const void *a, const void *b)
{
	const struct plan *x = a, *y = b;
	const int64_t p = x->parent != 0 ? x->parent : x->id, q = y->parent != 0 ? y->parent : y->id;

	return p != q ? (p < q ? -1 : 1) : x->id < y->id ? -1 : x->id > y->id;
}

static int
say_services(const struct context *c, struct journal *j, const struct plans *all, struct err *e)
{
	char *self = cmd_self(c);
	int64_t id = INT64_MIN;
	size_t i;
	int rc;

	for (i = 0; i < all->n; i++)
		if (all->v[i].service_waits)
			cmd_say("plan %" PRId64 " has stopped service %s, which still waits to be started: %s purge --resume %" PRId64,
			    all->v[i].id, all->v[i].service, self, all->v[i].id);
	while ((rc = journal_service_waiting(&id, j, id, e)) == 1 && id < 0)
		cmd_say("restore %" PRId64 " has stopped the mail server's service, which still waits to be started: %s purge --resume", -id, self);
	free(self);
	return rc < 0 ? -1 : 0;
}

/* An index that no plan was made from has no journal: j is NULL then. */
static int
put(struct context *c, struct journal *j, struct plans *all, struct err *e)
{
	struct table t;
	size_t i;
	int rc = 0;

	if (all->n != 0)
		qsort(all->v, all->n, sizeof *all->v, compare);
	table_init(&t, &c->out, columns, sizeof columns / sizeof columns[0]);
	if (c->format != OUT_TABLE)
		out_keys(&c->out, keys, sizeof keys / sizeof keys[0]);
	for (i = 0; rc == 0 && i < all->n; i++)
		rc = c->format == OUT_TABLE ? put_table(&t, j, &all->v[i], c->verbose, e) : put_keys(&c->out, j, &all->v[i], e);
	table_end(&t);
	if (rc == 0 && j != NULL)
		rc = say_services(c, j, all, e);
	if (all->n == 0)
		cmd_note(c, "nothing was planned yet");
	return rc;
}

static void
tell_adopted(const struct context *c, const struct plan_adopted *got, const struct plan *p)
{
	struct buf again;

	buf_init(&again, 4096);
	cmd_again(&again, c);
	cmd_note(c, "plan %" PRId64 ": of %" PRId64 " message%s the folder holds %" PRId64, got->plan, got->messages, rank_plural(got->messages), got->taken);
	if (got->gone > 0)
		cmd_say("%" PRId64 " message%s %s neither there nor where they came from: their MTA, or the end of a purge, was faster", got->gone,
		    rank_plural(got->gone), rank_are(got->gone));
	if (got->torn > 0)
		cmd_say("%" PRId64 " message%s being deleted, and in an archive: what is left of them stays in the folder", got->torn,
		    got->torn == 1 ? " was" : "s were");
	if (got->unnamed > 0)
		cmd_say("%" PRId64 " file%s of the folder %s not named by its plan: they stay, with the messages they belong to", got->unnamed,
		    rank_plural(got->unnamed), rank_are(got->unnamed));
	if (p->kind == PLAN_HOLD)
		cmd_note(c, "%s release --plan %" PRId64 " --execute puts them back", buf_cstr(&again), got->plan);
	else
		cmd_note(c, "%s purge --undo %" PRId64 " --execute puts them back, %s purge --resume %" PRId64 " archives and deletes them",
		    buf_cstr(&again), got->plan, buf_cstr(&again), got->plan);
	buf_free(&again);
}

/* The journal is made when it is missing: it was lost. */
static int
adopt(struct context *c)
{
	char *path = cmd_index_path(c), *folder = NULL;
	const char *name;
	struct plan_adopted got;
	struct journal *j = NULL;
	struct arena a = { 0 };
	struct plan p;
	struct err e = { 0, "" };
	int rc;

	folder = sys_parent(path, &name);
	rc = sys_make_path(folder, &e);
	if (rc == 0)
		rc = journal_open(&j, path, 1, &e);
	if (rc == 0)
		rc = plan_adopt(&got, j, c->opt[OPT_ADOPT], &e);
	if (rc == 0)
		rc = journal_plan(&p, j, got.plan, &a, &e) == 1 ? 0 : -1;
	if (rc == 0) {
		if (c->format != OUT_TABLE) {
			out_keys(&c->out, keys, sizeof keys / sizeof keys[0]);
			rc = put_keys(&c->out, j, &p, &e);
		}
		tell_adopted(c, &got, &p);
	}
	journal_close(j);
	arena_free(&a);
	free(folder);
	free(path);
	return rc < 0 ? cmd_fail(&e) : got.torn + got.unnamed + got.gone > 0 ? CMD_PARTLY : CMD_DONE;
}

static int
run(struct context *c)
{
	struct plans all = { { NULL, 0, 0 }, NULL, 0, 0 };
	struct journal *j = NULL;
	struct err e = { 0, "" };
	int rc;

	if (c->opt[OPT_ADOPT] != NULL)
		return adopt(c);
	rc = cmd_journal_open(&j, c, &e);
	if (rc == 0 && j != NULL)
		rc = load(&all, j, &e);
	if (rc == 0)
		rc = put(c, j, &all, &e);
	journal_close(j);
	free(all.v);
	arena_free(&all.arena);
	return rc < 0 ? cmd_fail(&e) : CMD_DONE;
}
