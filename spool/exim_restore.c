/*
 * Putting messages back into an Exim spool. Facts: spool_in.c (where -H and -D are looked for, the lock), spool_out.c (which line
 * stands where in -H), deliver.c (a frozen message older than timeout_frozen_after is failed by its age, not by the time since freezing),
 * the specification's chapter "Format of spool files".
 */
#include <errno.h>
#include <string.h>

#include "exim_head.h"
#include "exim_walk.h"
#include "putback.h"

#define HEAD_MAX ((size_t)64 << 20)	/* 16384 recipients of 4 KiB: the most that Exim reads */
#define FILE_MODE 0640			/* SPOOL_MODE, as packages build it */
#define RETRY_LIFE (4 * PUTBACK_DAY)	/* the cutoff of the retry rule in Exim's default configuration */

struct back_exim {
	struct sys_stat input;		/* of the folder: owner and mode of all that is made */
	int is_split, has_msglog;
};

/* ---- the spool ---- */

/* split_spool_directory makes one-character folders in input/. */
static int
is_split(struct sys_dir *root)
{
	struct sys_entry ent;
	struct sys_stat st;
	struct sys_dir *d;
	int found = 0;

	if (sys_dir_sub(&d, root, "input", NULL) < 0)
		return 0;
	while (!found && sys_dir_next(&ent, d, NULL) == 1)
		found = ent.name[0] != '\0' && ent.name[1] == '\0' && sys_stat_at(&st, d, ent.name) == 0 && st.type == SYS_DIR;
	sys_dir_close(d);
	return found;
}

/* A queue's name is a folder's: one plain word, and none of the folders that Exim uses otherwise. */
static int
is_queue_name(const char *s)
{
	static const char *const other[] = { "input", "msglog", "msglog.OLD", "Finput", "Fmsglog", "db", "log", "scan" };
	size_t i, n = strlen(s);

	if (n == 0 || n > 64 || s[0] == '.' || s[0] == '-')
		return 0;
	for (i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 127 || strchr("/\\*?\"'<>|:", s[i]) != NULL)
			return 0;
	for (i = 0; i < sizeof other / sizeof other[0]; i++)
		if (strcmp(s, other[i]) == 0)
			return 0;
	return 1;
}

static int
has_dir(struct sys_dir *root, const char *rel)
{
	struct sys_dir *d;

	if (sys_dir_sub(&d, root, rel, NULL) < 0)
		return 0;
	sys_dir_close(d);
	return 1;
}

static int
begin(struct putback_spool *ps, struct err *e)
{
	struct back_exim *x = arena_zero(&ps->arena, sizeof *x);
	struct sys_stat st;
	struct sys_dir *d;
	int rc, has;

	ps->state = x;
	if (ps->opt->to_queue != NULL && !is_queue_name(ps->opt->to_queue)) {
		err_set(e, 0, "--to-queue: \"%s\" is no name for a queue of Exim", ps->opt->to_queue);
		return -2;
	}
	if (sys_dir_sub(&d, ps->sp->dir, "input", e) < 0)
		return -1;
	rc = sys_dir_stat(&x->input, d, e);
	sys_dir_close(d);
	x->is_split = is_split(ps->sp->dir);
	/* Not there means message_logs = false; not readable means nothing, and no log may be dropped for it. */
	has = sys_stat_at(&st, ps->sp->dir, "msglog");
	if (rc == 0 && has != 0 && has != ENOENT)
		rc = err_set(e, has, "look at msglog");
	x->has_msglog = has == 0 && st.type == SYS_DIR;
	return rc;
}

/* ---- where it goes ---- */

/* The queue it came from; what move_frozen_messages put aside goes back into the queue itself. */
static const char *
old_queue(struct arena *a, const char *queue)
{
	size_t n = strlen(queue);

	if (strcmp(queue, "Finput") == 0)
		return "";
	if (n > 7 && strcmp(queue + n - 7, "/Finput") == 0)
		return arena_dup(a, queue, n - 7);
	return queue;
}

static const char *
folder(struct arena *a, const char *queue, const char *what, const char *id, int split)
{
	const char *base = *queue != '\0' ? arena_fmt(a, "%s/%s", queue, what) : what;

	/* spool_in.c: set_subdir_str takes the last digit of the id's time */
	return split ? arena_fmt(a, "%s/%c", base, id[5]) : base;
}

static const char *
suffix_of(enum part_role role)
{
	switch (role) {
	case PART_ENVELOPE:	return "-H";
	case PART_MESSAGE:	return "-D";
	case PART_JOURNAL:	return "-J";
	case PART_LOG:		return "";
	default:		return NULL;
	}
}

static int
place(struct putback *b, struct putback_spool *ps, const char *queue, struct arena *a)
{
	const struct back_exim *x = ps->state;
	const char *id = b->msg->id, *suffix;
	size_t i, n = 0;

	b->uid = x->input.uid;
	b->gid = x->input.gid;
	b->dir_mode = x->input.mode & 0777;
	for (i = 0; i < b->msg->nparts; i++) {
		suffix = suffix_of(b->part[i].role);
		if (suffix == NULL || (b->part[i].role == PART_LOG && !x->has_msglog))	/* message_logs = false */
			b->part[i].stays = 1;
		if (b->part[i].stays)
			continue;
		b->part[i].dir = folder(a, queue, b->part[i].role == PART_LOG ? "msglog" : "input", id, x->is_split);
		b->part[i].name = arena_fmt(a, "%s%s", id, suffix);
		b->part[i].mode = FILE_MODE;
		b->part[i].uid = x->input.uid;
		b->part[i].gid = x->input.gid;
	}
	for (i = 0; i < b->norder; i++)
		if (!b->part[b->order[i]].stays)
			b->order[n++] = b->order[i];
	b->norder = n;
	return PUTBACK_GO;
}

/* An id is one message in all queues, flat and split. */
static int
is_free(struct putback *b, struct putback_spool *ps, struct arena *a, struct err *e)
{
	struct spool_item it;
	int rc = ps->sp->driver->find(&it, ps->sp, ps->r, a, "", b->msg->id, NULL, e);

	if (rc <= 0)
		return rc < 0 ? -1 : PUTBACK_GO;
	if (part_find(&it.parts, PART_ENVELOPE) == NULL)
		return putback_fail(b, a, "%s/%s has this id already", it.parts.v[0].dir, it.parts.v[0].name);
	b->why = "a message of this id is in the spool";
	return PUTBACK_EXISTS;
}

static int
plan(struct putback *b, struct putback_spool *ps, struct arena *a, struct err *e)
{
	const char *id = b->msg->id, *queue = ps->opt->to_queue;
	size_t n = exim_id_length(id);
	int rc;

	if (n == 0 || id[n] != '\0')
		return putback_fail(b, a, "its id is none of Exim's");
	if (putback_find(b, PART_ENVELOPE) == NULL || putback_find(b, PART_MESSAGE) == NULL)
		return putback_fail(b, a, "it is not whole in the archive: no -%c",
		    putback_find(b, PART_ENVELOPE) == NULL ? 'H' : 'D');
	if (queue == NULL) {
		queue = old_queue(a, b->msg->queue);
		if (*queue != '\0' && !has_dir(ps->sp->dir, folder(a, queue, "input", id, 0)))
			return putback_fail(b, a, "this spool has no queue \"%s\": --to-queue names one", queue);
	}
	rc = is_free(b, ps, a, e);
	return rc == PUTBACK_GO ? place(b, ps, queue, a) : rc;
}

/* ---- the edit ---- */

/* The begin of line 4 and the byte behind its LF. -1 when there are no four lines. */
static int
line4(size_t *start, size_t *end, const char *p, size_t n)
{
	const char *at = p, *lf = NULL;
	int i;

	for (i = 0; i < 4; i++) {
		at = lf != NULL ? lf + 1 : p;
		lf = memchr(at, '\n', n - (size_t)(at - p));
		if (lf == NULL)
			return -1;
	}
	*start = (size_t)(at - p);
	*end = (size_t)(lf - p) + 1;
	return 0;
}

/* The seconds that line 4 begins with; *digits is how many characters they are. -1 none. */
static int64_t
line4_time(size_t *digits, const char *p, size_t n)
{
	int64_t v = 0;
	size_t i;

	for (i = 0; i < n && p[i] >= '0' && p[i] <= '9' && i < 12; i++)
		v = v * 10 + (p[i] - '0');
	*digits = i;
	return i > 0 && i < n && (p[i] == ' ' || p[i] == '\n') ? v : -1;
}

/* Right behind line 4, in front of all other options: so no value of a variable, whose length is counted, can be hit. Exim takes options in any
 * order. */
const char *
exim_edit_head(size_t *nout, struct arena *a, const char *p, size_t n, int freeze, int reset, int64_t now)
{
	size_t start, end, digits;
	struct buf b;
	char *out;

	if (line4(&start, &end, p, n) < 0 || line4_time(&digits, p + start, end - start) < 0)
		return NULL;
	buf_init(&b, n + 100);
	buf_add(&b, p, start);
	if (reset)
		buf_fmt(&b, "%lld", (long long)now);
	else
		buf_add(&b, p + start, digits);
	buf_add(&b, p + start + digits, end - start - digits);
	if (freeze)
		buf_fmt(&b, "-frozen %lld\n", (long long)now);
	buf_add(&b, p + end, n - end);
	out = arena_dup(a, b.p, b.n);
	*nout = b.n;
	buf_free(&b);
	return out;
}

static int
is_frozen(const struct putback *b, const void *p, size_t n, struct arena *a)
{
	struct exim_head h;
	struct msg m;
	struct rd rd;

	msg_init(&m, a);
	rd_mem(&rd, p, n);
	return exim_head_read(&h, &m, &rd, arena_fmt(a, "%s-H", b->msg->id), a, NULL, NULL) == 0 && h.has_options && h.is_frozen;
}

static int
judge(struct putback *b, struct putback_spool *ps, const void *p, size_t n, struct arena *a)
{
	const struct putback_options *opt = ps->opt;
	int was_frozen = is_frozen(b, p, n, a), freeze = !was_frozen && !opt->thaw;
	struct putback_part *part = putback_find(b, PART_ENVELOPE);
	size_t start, end, digits;
	int64_t age;

	if (line4(&start, &end, p, n) < 0 || (age = line4_time(&digits, (const char *)p + start, end - start)) < 0)
		return putback_fail(b, a, "its -H is broken: Exim would not read it");
	age = opt->now - age;
	if ((freeze || was_frozen) && opt->frozen_life > 0 && age > opt->frozen_life && opt->to_queue == NULL && !opt->reset_time)
		return putback_fail(b, a, "it is %lld days old and Exim fails frozen messages after %lld days, by their age:"
		    " --to-queue NAME puts it into a queue that is not run, --reset-time makes it new", (long long)(age / PUTBACK_DAY),
		    (long long)(opt->frozen_life / PUTBACK_DAY));
	b->is_old = age > RETRY_LIFE && !opt->reset_time;
	if (freeze || opt->reset_time)
		part->bytes = exim_edit_head(&part->nbytes, a, p, n, freeze, opt->reset_time, opt->now);
	return PUTBACK_GO;
}

static int
name(struct putback *b, struct putback_spool *ps, const struct sys_stat *st, struct arena *a, struct err *e)
{
	(void)st;
	return is_free(b, ps, a, e);	/* again: the spool may be live */
}

/* From the moment -D has its name until -H is there too, we are the process that delivers it (spool_open_datafile). */
static int
lock(const struct putback *b, const struct putback_part *p, struct sys_file f)
{
	return p->role == PART_MESSAGE ? sys_lock_bytes(f, 0, strlen(b->msg->id) + 3) : 0;
}

const struct putback_driver putback_exim = {
	.kind = "exim",
	.visible = PART_ENVELOPE,
	.judged = PART_ENVELOPE,
	.head = HEAD_MAX,
	.edits = 1,
	.begin = begin,
	.plan = plan,
	.judge = judge,
	.name = name,
	.lock = lock,
};
