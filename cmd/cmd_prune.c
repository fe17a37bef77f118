#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "index/prune.h"
#include "index/scan.h"
#include "spool/msg.h"
#include "spool/sys.h"

static int run(struct context *c);

static const struct opt opts[] = {
	{ "older", 0, "AGE", OPT_OLDER, "what ended longer ago than this: 90d, 26w" },
	{ "execute", 0, NULL, OPT_EXECUTE, "forget it" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_prune = {
	"prune", "--older AGE [--execute]", "forget messages that have gone, old scans and finished plans; never an archive",
	"Without --execute it says what would be forgotten. Messages in a spool, plans that are not\n"
	"finished and what they hold, and archives are never touched.\n",
	opts, 0, 0, 0, run
};

static const char *const keys[] = {
	"before", "executed", "messages", "texts", "scans", "plans", "plan_messages", "restores", "kept_plans", "index_before", "index_after",
	"journal_before", "journal_after"
};

static void
put_keys(struct out *o, const struct prune_counts *n, int64_t cutoff, int executed)
{
	out_keys(o, keys, sizeof keys / sizeof keys[0]);
	out_time(o, cutoff, 0);
	out_bool(o, executed);
	out_int(o, n->messages);
	out_int(o, n->texts);
	out_int(o, n->scans);
	out_int(o, n->plans);
	out_int(o, n->items);
	out_int(o, n->restores);
	out_int(o, n->kept_plans);
	out_int(o, n->index_before);
	out_count(o, n->index_after);
	out_int(o, n->journal_before);
	out_count(o, n->journal_after);
	out_row(o);
}

static void
show(const struct context *c, struct buf *b, const struct prune_counts *n, int64_t cutoff, int executed)
{
	char when[40], before[16], after[16];
	const char *t = text_time(when, cutoff / 1000000, 0, 0, 0);

	buf_fmt(b, "%s what ended before %s UTC:\n", executed ? "Forgotten:" : "Would be forgotten:", t != NULL ? t : "the year 0");
	buf_fmt(b, "  index    %" PRId64 " message%s that %s gone, %" PRId64 " scan%s, %" PRId64 " text%s that nothing names any more\n", n->messages,
	    rank_plural(n->messages), n->messages == 1 ? "has" : "have", n->scans, rank_plural(n->scans), n->texts, rank_plural(n->texts));
	buf_fmt(b, "  journal  %" PRId64 " plan%s of %" PRId64 " message%s, %" PRId64 " restore%s\n", n->plans, rank_plural(n->plans), n->items, rank_plural(n->items),
	    n->restores, rank_plural(n->restores));
	if (n->kept_plans > 0)
		buf_fmt(b, "  kept     %" PRId64 " plan%s as old: unfinished, or with messages in a private folder\n", n->kept_plans,
		    rank_plural(n->kept_plans));
	if (executed) {
		buf_fmt(b, "  files    %s before, ", text_size(before, n->index_before + n->journal_before));
		buf_fmt(b, "%s after\n", text_size(after, n->index_after + (n->journal_after > 0 ? n->journal_after : 0)));
	} else {
		buf_puts(b, "\nNothing was touched. To carry it out:\n  ");
		cmd_again(b, c);
		buf_fmt(b, " prune --older %s --execute\n", c->opt[OPT_OLDER]);
	}
}

/* No journal beside the index is no plan. */
static int
open_both(struct index **ix, struct journal **j, const struct context *c, struct err *e)
{
	char *path;
	int rc;

	/* an index is not made to be pruned: a mistyped name is an error */
	if (cmd_index_open(ix, c, INDEX_READ, e) < 0)
		return -1;
	index_close(*ix);
	*ix = NULL;
	if (cmd_journal_open(j, c, e) < 0 || cmd_index_open(ix, c, INDEX_WRITE, e) < 0)
		return -1;
	if (*j == NULL)
		return 0;
	journal_close(*j);
	*j = NULL;
	path = cmd_index_path(c);
	rc = journal_open(j, path, 1, e);
	free(path);
	return rc;
}

static int
run(struct context *c)
{
	const int execute = c->opt[OPT_EXECUTE] != NULL;
	struct prune_counts n;
	struct journal *j = NULL;
	struct sys_lock *lock = NULL;
	struct index *ix = NULL;
	struct err e = { 0, "" };
	int64_t age, cutoff, holder;
	int rc;

	if (c->opt[OPT_OLDER] == NULL || select_age(&age, c->opt[OPT_OLDER]) < 0) {
		cmd_say("prune: %s", c->opt[OPT_OLDER] == NULL ? "say how old: prune --older 90d" : "--older: this is no age; for example 90d, 26w, 36h");
		return CMD_USAGE;
	}
	cutoff = sys_now_us() - age * 1000000;
	rc = open_both(&ix, &j, c, &e);
	if (rc == 0)
		rc = scan_lock(&lock, &holder, ix, 0, &e);
	if (rc == 0)
		rc = prune(&n, ix, j, cutoff, execute, &e);
	if (rc == 0 && c->format == OUT_TABLE)
		show(c, &c->out.b, &n, cutoff, execute);
	else if (rc == 0)
		put_keys(&c->out, &n, cutoff, execute);
	sys_lock_free(lock);
	journal_close(j);
	index_close(ix);
	return rc != 0 ? cmd_fail(&e) : CMD_DONE;
}
