/* The messages of a report as events for other tools: Timesketch's JSON Lines, The Sleuth Kit's body file. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/report_out.h"
#include "spool/msg.h"
#include "spool/sys.h"

/* ---- Timesketch: message, datetime and timestamp_desc are its own, the other keys are those of list ---- */

static const char *const event_keys[] = {
	"message", "datetime", "timestamp_desc", "timestamp", "spool", "kind", "queue", "id", "account", "account_kind", "sender", "client",
	"script", "size", "recipients", "subject", "message_id", "state", "reason"
};
static const char *const act_keys[] = { "message", "datetime", "timestamp_desc", "timestamp", "plan", "who", "selection", "archive" };

static void
event(struct out *o, struct arena *a, const struct query_row *m, int is_removed)
{
	out_text(o, arena_fmt(a, "%s queued %s: %s", m->account != NULL ? m->account : "(no account)", m->id,
	    m->subject != NULL ? m->subject : "(no subject)"));
	out_time(o, m->arrived, 6);
	out_text(o, "Message Arrived");
	out_int(o, m->arrived);
	out_text(o, m->spool);
	out_text(o, m->kind);
	out_text(o, m->queue);
	out_text(o, m->id);
	out_text(o, m->account);
	out_text(o, m->account_kind);
	out_text(o, m->sender);
	out_text(o, m->client);
	out_text(o, m->script);
	out_count(o, m->size);
	out_count(o, m->recipients);
	out_text(o, m->subject);
	out_text(o, m->message_id);
	out_text(o, is_removed ? "removed" : m->state);
	out_text(o, m->reason);
	out_row(o);
}

static void
act(struct out *o, int64_t when, const char *what, const char *message, int64_t plan, const char *who, const char *selection, const char *archive)
{
	if (when == 0)
		return;
	out_text(o, message);
	out_time(o, when, 6);
	out_text(o, what);
	out_int(o, when);
	out_count(o, plan);
	out_text(o, who);
	out_text(o, selection);
	out_text(o, archive);
	out_row(o);
}

static void
acts(struct out *o, struct report_view *v)
{
	const struct report *r = v->r;
	const struct plan *p;
	const char *kind;
	size_t i;

	out_keys(o, act_keys, sizeof act_keys / sizeof act_keys[0]);
	for (i = 0; i < r->nplans; i++) {
		p = &r->plan[i].plan;
		kind = p->kind == PLAN_PURGE ? "purge" : "hold";
		act(o, p->started, "Plan Begun", arena_fmt(&v->arena, "spoolsweep %s plan %" PRId64 " begun", kind, p->id), p->id, p->who,
		    p->selection, p->archive);
		act(o, p->finished, "Plan Ended", arena_fmt(&v->arena, "spoolsweep %s plan %" PRId64 " ended: %s", kind, p->id,
		    report_fates(&v->arena, p)), p->id, p->who, p->selection, p->archive);
	}
	for (i = 0; i < r->nrestores; i++)
		act(o, r->restore[i].run.started, "Restore Begun", arena_fmt(&v->arena, "spoolsweep restore: %" PRId64 " message%s put back",
		    r->restore[i].messages, rank_plural(r->restore[i].messages)), -1, r->restore[i].run.who, r->restore[i].run.selection, r->restore[i].run.archive);
}

/* Calls fn for each message of the report, by row number. */
static int
each(struct report_view *v, int (*fn)(void *arg, const struct query_row *m, int is_removed, struct arena *a), void *arg, struct err *e)
{
	struct arena a = { 0 };
	struct query *q = NULL;
	struct query_row m;
	size_t i = 0;
	int rc;

	if (query_open_rows(&q, v->ix, v->r->row, v->r->nrows, e) < 0)
		return -1;
	while ((rc = query_next(&m, q, e)) == 1) {
		if (v->is_redacted)
			report_redact_row(&m, &a, v->ix->key);
		if (fn(arg, &m, v->r->is_removed[i++], &a) < 0)
			break;
		arena_reset(&a);
	}
	query_close(q);
	arena_free(&a);
	return rc == 0 ? 0 : -1;
}

static int
put_event(void *arg, const struct query_row *m, int is_removed, struct arena *a)
{
	if (m->arrived != MSG_NO_TIME)
		event(arg, a, m, is_removed);
	return 0;
}

int
report_timesketch(struct buf *b, struct report_view *v, struct err *e)
{
	struct out o;
	int rc;

	out_init(&o, OUT_JSON);
	o.is_memory = 1;
	o.b = *b;
	out_keys(&o, event_keys, sizeof event_keys / sizeof event_keys[0]);
	rc = each(v, put_event, &o, e);
	if (rc == 0)
		acts(&o, v);
	*b = o.b;
	buf_free(&o.cell);
	return rc;
}

/* ---- body file 3: MD5|name|inode|mode_as_string|UID|GID|size|atime|mtime|ctime|crtime ---- */

struct body {
	struct buf *b;
	char *root, *dir;	/* what is open; NULL nothing */
	struct sys_dir *top, *sub;
};

/* One line is one file: what parts fields and lines is written as \xNN. */
static void
put_name(struct buf *b, const char *s, size_t n)
{
	unsigned char c;
	size_t i;

	for (i = 0; i < n; i++) {
		c = (unsigned char)s[i];
		if (c < 0x20 || c == 0x7F || c == '|' || c == '\\')
			buf_fmt(b, "\\x%02x", c);
		else
			buf_byte(b, c);
	}
}

static void
body_close(struct body *x)
{
	sys_dir_close(x->sub);
	sys_dir_close(x->top);
	free(x->root);
	free(x->dir);
	x->sub = x->top = NULL;
	x->root = x->dir = NULL;
}

static char *
copy(const char *s, size_t n)
{
	char *to = mem_new(n + 1);

	memcpy(to, s, n);
	return to;
}

/* The file's own numbers, where it is still there. */
static int
look(struct sys_stat *st, struct body *x, const struct query_row *m)
{
	char *path = copy(m->path, m->path_len), *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path, *dir = slash != NULL ? path : "";
	int found;

	if (slash != NULL)
		*slash = '\0';
	if (x->root == NULL || strcmp(x->root, m->spool) != 0) {
		body_close(x);
		x->root = copy(m->spool, strlen(m->spool));
		(void)sys_dir_open(&x->top, m->spool, NULL);
	}
	if (x->top != NULL && (x->dir == NULL || strcmp(x->dir, dir) != 0)) {
		sys_dir_close(x->sub);
		x->sub = NULL;
		free(x->dir);
		x->dir = copy(dir, strlen(dir));
		(void)sys_dir_sub(&x->sub, x->top, dir, NULL);
	}
	found = x->sub != NULL && sys_stat_at(st, x->sub, name) == 0 && st->type == SYS_FILE;
	free(path);
	return found;
}

static void
put_mode(struct buf *b, uint32_t mode)
{
	static const char letters[] = "rwxrwxrwx";
	int i;

	buf_puts(b, "r/r");
	for (i = 0; i < 9; i++)
		buf_byte(b, (mode >> (8 - i) & 1) != 0 ? letters[i] : '-');
}

static int
put_body(void *arg, const struct query_row *m, int is_removed, struct arena *a)
{
	struct body *x = arg;
	struct sys_stat st;
	int64_t arrived = m->arrived != MSG_NO_TIME ? m->arrived / 1000000 : 0;

	(void)a;
	buf_puts(x->b, "0|");
	put_name(x->b, m->spool, strlen(m->spool));
	buf_byte(x->b, '/');
	put_name(x->b, m->path, m->path_len);
	if (!is_removed && look(&st, x, m)) {
		buf_fmt(x->b, "|%" PRIu64 "|", st.ino);
		put_mode(x->b, st.mode);
		buf_fmt(x->b, "|%" PRIu32 "|%" PRIu32 "|%" PRIu64 "|0|%" PRId64 "|%" PRId64 "|%" PRId64 "\n", st.uid, st.gid, st.size,
		    st.mtime / 1000000000, st.ctime / 1000000000, arrived);
	} else {
		buf_fmt(x->b, "%s|0|0|0|0|%" PRId64 "|0|0|0|%" PRId64 "\n", is_removed ? " (removed)" : "", m->size >= 0 ? m->size : 0, arrived);
	}
	return 0;
}

int
report_bodyfile(struct buf *b, struct report_view *v, struct err *e)
{
	struct body x = { b, NULL, NULL, NULL, NULL };
	int rc = each(v, put_body, &x, e);

	body_close(&x);
	return rc;
}
