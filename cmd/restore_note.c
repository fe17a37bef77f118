#include "cmd/restore_note.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "spool/sys.h"

#define LOG_LINE ((size_t)900)		/* syslogd(8) cuts at 1024 */
#define SELECTION_MAX ((size_t)64 * 1024)
#define BATCH 128

/* "restore begun by root: archive /…/x.tar.zst, selection: --account info@example.com" */
static void
log_line(const struct restore_note *n, enum sys_event kind, const struct restore_result *r, const char *what, const char *why)
{
	struct buf b, safe;
	int s;

	buf_init(&b, LOG_LINE);
	buf_init(&safe, 4 * LOG_LINE);
	buf_fmt(&b, "restore %s%s by %s:", n->as, what, n->who);
	for (s = 0; r != NULL && s < RESTORE_STATES; s++)
		if (r->count[s] > 0)
			buf_fmt(&b, " %" PRIu64 " %s,", r->count[s], restore_state_name((enum restore_state)s));
	buf_fmt(&b, " archive %s, selection: %s", n->archive, n->selection);
	if (why != NULL)
		buf_fmt(&b, ": %s", why);
	text_inert(&safe, b.p, b.n);
	sys_log(kind, buf_cstr(&safe));
	buf_free(&b);
	buf_free(&safe);
}

/* ---- the journal ---- */

static void
give_up(struct restore_note *n, const struct err *e)
{
	cmd_say("%s: the restore goes on, but \"show\" will not tell of it", e->text);
	journal_close(n->j);
	n->j = NULL;
}

static void
make_folder(const char *path)
{
	const char *name;
	char *dir = sys_parent(path, &name);

	(void)sys_make_path(dir, NULL);	/* what is wrong with it the journal's opening says */
	free(dir);
}

/* Where there is no journal none is made unless it must be: a restore needs the archive alone. */
static void
open_journal(struct restore_note *n, int must)
{
	char *path = cmd_index_path(n->c), host[256];
	struct err e = { 0, "" };
	struct restore_run r;
	int is_there = journal_open(&n->j, path, 0, &e) == 0;

	if (is_there)
		journal_close(n->j);
	n->j = NULL;
	memset(&r, 0, sizeof r);
	r.started = sys_now_us();
	r.who = n->who;
	r.host = sys_hostname(host, sizeof host);
	r.archive = n->archive;
	r.selection = n->selection;
	if (must && !is_there)
		make_folder(path);
	if (((is_there || must) && (journal_open(&n->j, path, 1, &e) < 0 || journal_restore_new(n->j, &r, &e) < 0)) ||
	    (!is_there && !must && e.sys != ENOENT))
		give_up(n, &e);
	n->run = r.id;
	free(path);
}

static void
flush(struct restore_note *n)
{
	struct err e = { 0, "" };

	if (n->j != NULL && n->n != 0 && journal_restore_add(n->j, n->run, n->v, n->n, &e) < 0)
		give_up(n, &e);
	n->n = 0;
	arena_reset(&n->batch);
}

/* ---- the three moments ---- */

void
restore_note_begin(struct restore_note *n, const struct context *c, const struct restore_options *opt, int must)
{
	char *real = sys_realpath(c->arg[0], NULL);
	struct buf b;

	memset(n, 0, sizeof *n);
	n->c = c;
	n->is_new_time = opt->putback.reset_time;
	n->most = opt->gap > 0 ? 1 : BATCH;
	n->v = mem_new(BATCH * sizeof *n->v);
	sys_login(n->who, sizeof n->who);
	n->archive = arena_str(&n->arena, real != NULL ? real : c->arg[0]);
	free(real);
	buf_init(&b, SELECTION_MAX);
	selection_text(&b, c->sel);
	n->selection = arena_str(&n->arena, b.n != 0 ? buf_cstr(&b) + strspn(buf_cstr(&b), " ") : "--all");
	buf_free(&b);
	n->as = opt->as == RESTORE_AS_EML ? "--as eml " : opt->as == RESTORE_AS_MBOX ? "--as mbox " : "";
	log_line(n, SYS_EVENT_BEGUN, NULL, "begun", NULL);
	if (opt->as == RESTORE_AS_MESSAGES)
		open_journal(n, must);
}

void
restore_note_add(struct restore_note *n, const struct restore_item *it)
{
	struct restored *m;

	if (n->j == NULL)
		return;
	m = &n->v[n->n++];
	m->root = arena_str(&n->batch, it->old_spool);
	m->id = arena_str(&n->batch, it->id);
	m->new_root = arena_str(&n->batch, it->spool);
	m->new_id = arena_str(&n->batch, it->new_id);
	m->arrived = it->arrived;
	m->is_new_time = n->is_new_time;
	m->at = sys_now_us();
	if (n->n >= n->most)
		flush(n);
}

void
restore_note_end(struct restore_note *n, const struct restore_result *r, const char *why)
{
	struct err e = { 0, "" };

	flush(n);
	if (n->j != NULL && journal_restore_end(n->j, n->run, &e) < 0)
		give_up(n, &e);
	log_line(n, why != NULL || r->is_stopped ? SYS_EVENT_UNFINISHED : SYS_EVENT_ENDED, r,
	    why != NULL ? "failed" : r->is_stopped ? "stopped" : "ended", why);
	journal_close(n->j);
	free(n->v);
	arena_free(&n->arena);
	arena_free(&n->batch);
}
