/*
 * restore --as: messages as mail files, for reading. Each is unpacked into the scratch spool and read there by its MTA's driver, so that it
 * is what a reader of the mail would have got. Nothing is overwritten: a file is written under a temporary name, synced, and renamed without replace.
 *
 * mbox is mboxrd: every line of a message that is ">…>From " gets one more ">", so that it can be undone; a From_ line has the
 * envelope sender and the arrival in UTC (asctime). Lines end in LF there; an .eml keeps the ends that its file had.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "index/restore_in.h"
#include "spool/buf.h"
#include "spool/sys.h"

#define OUT_SPACE ((size_t)64 * 1024)
#define NAME_LONGEST 200		/* of a file; most systems take 255 bytes */
#define SENDER_LONGEST 320

/* Bytes on their way into a file. For an mbox each line's start is kept back until it is clear whether it is a From line. */
struct outlet {
	struct sys_file f;		/* closed: a dry run */
	unsigned char space[OUT_SPACE];
	size_t n;
	int error;			/* errno of the first write that failed */
	int is_mbox;
	int is_mute;			/* a message is only tried */
	int at_start;			/* of a line, behind `quotes` bytes ">" and `matched` bytes of "From " */
	int has_cr;			/* a CR that is kept back */
	int last;			/* byte of the message, -1 none */
	size_t quotes, matched;
};

struct export {
	const struct restore_options *opt;
	struct restore_result *out;
	struct restore_list *l;
	struct arc_reader *r;
	struct scratch *sc;
	struct sys_dir *dir;		/* NULL: it is not there yet (a dry run) */
	const char *name;		/* of the mbox */
	const char *temp;		/* its temporary name, of every file in turn */
	char *path;			/* of the folder, absolute */
	struct outlet o;
	struct arena arena, batch;	/* as long as the run, as a message */
	uint64_t done, all;
};

/* ---- bytes ---- */

static void
drain(struct outlet *o)
{
	int rc = o->f.h >= 0 && o->n != 0 && o->error == 0 ? sys_write(o->f, o->space, o->n) : 0;

	if (rc != 0)
		o->error = rc;
	o->n = 0;
}

static void
put(struct outlet *o, int c)
{
	if (o->n == sizeof o->space)
		drain(o);
	o->space[o->n++] = (unsigned char)c;
	o->last = c;
}

static void
put_text(struct outlet *o, const char *s)
{
	for (; *s != '\0'; s++)
		put(o, (unsigned char)*s);
}

static const char from[] = "From ";

/* What was kept back of a line's start is no From line, or (one more ">") it is. */
static void
let_go(struct outlet *o, int is_from)
{
	size_t i;

	for (i = 0; i < o->quotes + (size_t)is_from; i++)
		put(o, '>');
	for (i = 0; i < o->matched; i++)
		put(o, from[i]);
	o->quotes = o->matched = 0;
	o->at_start = 0;
}

static void
put_line_byte(struct outlet *o, int c)
{
	if (o->at_start && c == '>' && o->matched == 0) {
		o->quotes++;
		return;
	}
	if (o->at_start && c == from[o->matched]) {
		if (++o->matched == sizeof from - 1)
			let_go(o, 1);
		return;
	}
	if (o->at_start)
		let_go(o, 0);
	put(o, c);
	o->at_start = c == '\n';
}

/* A CR in front of an LF is the end of a line in another spelling. */
static void
put_mbox(struct outlet *o, const unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (o->has_cr && p[i] != '\n')
			put_line_byte(o, '\r');
		o->has_cr = p[i] == '\r';
		if (!o->has_cr)
			put_line_byte(o, p[i]);
	}
}

static int
sink(void *arg, const void *bytes, size_t n)
{
	struct outlet *o = arg;
	const unsigned char *p = bytes;
	size_t some;

	if (o->is_mute)
		return 0;
	if (o->is_mbox)
		put_mbox(o, p, n);
	for (; !o->is_mbox && n != 0; p += some, n -= some) {
		if (o->n == sizeof o->space)
			drain(o);
		some = n < sizeof o->space - o->n ? n : sizeof o->space - o->n;
		memcpy(o->space + o->n, p, some);
		o->n += some;
	}
	return o->error != 0 ? -1 : 0;
}

/* ---- the lines between the messages of an mbox ---- */

/* One word: readers take what stands behind the first blank for the time. */
static void
put_sender(struct outlet *o, const char *sender)
{
	const unsigned char *s = (const unsigned char *)sender;
	size_t i;

	if (sender == NULL || *sender == '\0') {
		put_text(o, "MAILER-DAEMON");
		return;
	}
	for (i = 0; s[i] != '\0' && i < SENDER_LONGEST; i++)
		put(o, s[i] > ' ' && s[i] != 0x7f ? s[i] : '_');
}

static void
begin_mbox(struct outlet *o, const struct arc_message *m)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm tm;
	char when[64];

	if (m->arrived == MSG_NO_TIME || m->arrived < 0 || sys_utc(&tm, m->arrived / 1000000) < 0)
		(void)sys_utc(&tm, 0);
	snprintf(when, sizeof when, " %s %s %2d %02d:%02d:%02d %04d\n", days[tm.tm_wday], months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, tm.tm_year + 1900);
	put_text(o, from);
	put_sender(o, m->sender);
	put_text(o, when);
	o->at_start = 1;
	o->has_cr = 0;
	o->quotes = o->matched = 0;
}

static void
end_mbox(struct outlet *o)
{
	if (o->has_cr)
		put_line_byte(o, '\r');
	if (o->at_start)
		let_go(o, 0);
	if (o->last != '\n')
		put(o, '\n');
	put(o, '\n');
}

/* ---- files ---- */

/* On disk with all its bytes. */
static int
end_file(struct export *x, struct err *e)
{
	int rc;

	drain(&x->o);
	rc = x->o.error != 0 ? x->o.error : sys_sync(x->o.f);
	sys_close(&x->o.f);
	return rc != 0 ? err_set(e, rc, "write %s/%s", x->path, x->temp) : 0;
}

/* 1 it has its name, 0 one of that name is there, -1. */
static int
publish(struct export *x, const char *name, struct err *e)
{
	int rc = sys_rename(x->dir, x->temp, x->dir, name);

	if (rc == EEXIST)
		return sys_unlink(x->dir, x->temp) == 0 ? 0 : err_set(e, rc, "remove %s/%s", x->path, x->temp);
	return rc == 0 ? 1 : err_set(e, rc, "name %s/%s", x->path, name);
}

static int
begin_file(struct export *x, struct err *e)
{
	int rc = sys_create_at(&x->o.f, x->dir, x->temp, 0600);

	x->o.n = 0;
	x->o.error = 0;
	return rc != 0 ? err_set(e, rc, "write %s/%s", x->path, x->temp) : 0;
}

static int
is_safe(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '+';
}

const char *
restore_export_name(struct arena *a, const char *id, const char *spool_name)
{
	const char *n = strrchr(spool_name, '-');
	const int is_empty = *id == '\0';
	struct buf b;
	char *out;

	buf_init(&b, NAME_LONGEST + 1);
	for (; *id != '\0'; id++) {
		if (is_safe((unsigned char)*id))
			buf_byte(&b, (unsigned char)*id);
		else
			buf_fmt(&b, "=%02X", (unsigned)(unsigned char)*id);
	}
	if (n != NULL && strcmp(n, "-1") != 0)	/* ids of several spools may be the same */
		buf_fmt(&b, ".%s", spool_name);
	buf_puts(&b, ".eml");
	out = b.cut || b.n > NAME_LONGEST || is_empty ? NULL : arena_str(a, buf_cstr(&b));
	buf_free(&b);
	return out;
}

/* ---- one message ---- */

/* Writes it to the outlet; its MTA's driver reads it. *why: what is not whole about it, NULL. -1 it cannot be read (e says why). */
static int
send(const char **why, struct export *x, struct scratch_spool *s, const struct arc_message *m, struct err *e)
{
	const struct spool_driver *d = s->sp->driver;
	struct spool_item it;
	struct msg msg;
	int rc;

	memset(&it, 0, sizeof it);
	rc = d->find(&it, s->sp, s->r, &x->batch, m->queue, m->id, m->part[0].path, e);
	if (rc != 1)
		return rc == 0 ? err_set(e, 0, "no message can be found in its files") : -1;
	if (spool_read(&msg, s->r, &it, &x->batch, e) < 0)
		return -1;
	if (msg.damage.n != 0)
		*why = arena_fmt(&x->batch, "damaged: %s", msg.damage.v[0]);
	if (x->o.is_mbox && !x->o.is_mute)
		begin_mbox(&x->o, m);
	rc = (d->message != NULL ? d->message : d->content)(s->sp, s->r, &it, sink, &x->o, e);
	if (x->o.is_mbox && !x->o.is_mute)
		end_mbox(&x->o);
	return rc;
}

struct told {
	enum restore_state state;
	const char *why, *file;
};

static void
tell(struct export *x, const struct arc_message *m, const struct told *t)
{
	struct restore_item it;

	memset(&it, 0, sizeof it);
	it.id = m->id;
	it.spool = it.old_spool = m->spool;
	it.arrived = m->arrived;
	it.state = t->state;
	it.why = t->why;
	it.path = t->file != NULL && t->state != RESTORE_FAILED ? arena_fmt(&x->batch, "%s/%s", x->path, t->file) : NULL;
	x->out->count[it.state]++;
	x->out->damaged += it.why != NULL && (it.state == RESTORE_RESTORED || it.state == RESTORE_PLANNED);
	if (x->opt->item != NULL)
		x->opt->item(x->opt->arg, &it);
}

/* -1 ends the run: the disk or the archive; what is wrong with a message is told. */
static int
write_eml(struct export *x, struct scratch_spool *s, const struct arc_message *m, struct told *t, struct err *e)
{
	struct err why = { 0, "" };
	int rc;

	if (x->opt->execute && begin_file(x, e) < 0)
		return -1;
	rc = send(&t->why, x, s, m, &why);
	if (x->opt->execute && end_file(x, e) < 0)
		return -1;
	if (rc < 0) {
		t->state = RESTORE_FAILED;
		t->why = arena_str(&x->batch, why.text);
		rc = x->opt->execute ? sys_unlink(x->dir, x->temp) : 0;
		return rc != 0 ? err_set(e, rc, "remove %s/%s", x->path, x->temp) : 0;
	}
	if (!x->opt->execute)
		return 0;
	rc = publish(x, t->file, e);
	t->state = rc == 1 ? RESTORE_RESTORED : RESTORE_EXISTS;
	return rc < 0 ? -1 : 0;
}

static int
export_eml(struct export *x, struct scratch_spool *s, const struct arc_message *m, struct told *t, struct err *e)
{
	struct sys_stat st;

	t->file = restore_export_name(&x->batch, m->id, m->spool_name);
	if (t->file == NULL) {
		t->state = RESTORE_FAILED;
		t->why = "its id gives no name for a file";
		return 0;
	}
	if (x->dir != NULL && sys_stat_at(&st, x->dir, t->file) == 0)
		t->state = RESTORE_EXISTS;
	else if (write_eml(x, s, m, t, e) < 0)
		return -1;
	if (t->state == RESTORE_EXISTS)
		t->why = "a file of this name is there";
	return 0;
}

/* Tried first: what is in the mbox cannot be taken out again. */
static int
export_mbox(struct export *x, struct scratch_spool *s, const struct arc_message *m, struct told *t, struct err *e)
{
	struct err why = { 0, "" };
	int rc;

	t->file = x->name;
	x->o.is_mute = 1;
	rc = send(&t->why, x, s, m, &why);
	x->o.is_mute = 0;
	if (rc < 0) {
		t->state = RESTORE_FAILED;
		t->why = arena_str(&x->batch, why.text);
		return 0;
	}
	if (!x->opt->execute)
		return 0;
	t->state = RESTORE_RESTORED;
	rc = send(&t->why, x, s, m, e);
	return x->o.error != 0 ? err_set(e, x->o.error, "write %s/%s", x->path, x->temp) : rc;
}

static int
export_one(struct export *x, const struct arc_message *m, struct err *e)
{
	struct told t = { RESTORE_PLANNED, NULL, NULL };
	struct scratch_spool *s;
	int rc = restore_scratch_put(&s, x->sc, m, x->r, e);

	if (rc == 0)
		rc = x->o.is_mbox ? export_mbox(x, s, m, &t, e) : export_eml(x, s, m, &t, e);
	if (s != NULL)
		restore_scratch_drop(s, m, &x->batch);
	if (rc == 0)
		tell(x, m, &t);
	return rc;
}

/* ---- all ---- */

static int
skip(struct export *x, const struct arc_message *m, struct err *e)
{
	struct arc_entry ent;
	size_t k;

	for (k = 0; k < m->nparts; k++)
		if (arc_next(&ent, x->r, e) != 1 || ent.spool == NULL)
			return err_set(e, 0, "message %s: the archive changed while it was read", m->id);
	return 0;
}

static int
is_stopped(struct export *x)
{
	if (x->opt->stop != NULL && x->opt->stop(x->opt->arg))
		x->out->is_stopped = 1;
	return x->out->is_stopped;
}

static int
export_all(struct export *x, struct err *e)
{
	uint64_t n, all = restore_list_count(x->l);
	struct arc_message m;
	struct arc_entry ent;
	int is_selected, rc = arc_next(&ent, x->r, e) == 1 ? 0 : -1;	/* bagit.txt */

	for (n = 0; n < all && rc == 0 && !is_stopped(x); n++) {
		arena_reset(&x->batch);
		if (restore_list_get(&m, &is_selected, x->l, n, &x->batch, e) < 0)
			return -1;
		rc = is_selected ? export_one(x, &m, e) : skip(x, &m, e);
		if (x->opt->progress != NULL)
			x->opt->progress(x->opt->arg, "export", n + 1, all);
	}
	return rc;
}

/* Mail files in a spool would be taken for its messages. */
static int
check_place(struct export *x, struct err *e)
{
	uint64_t n, all = restore_list_count(x->l);
	struct arc_message m;
	int is_selected;
	size_t len;

	for (n = 0; n < all; n++) {
		arena_reset(&x->batch);
		if (restore_list_get(&m, &is_selected, x->l, n, &x->batch, e) < 0)
			return -1;
		len = strlen(m.spool);
		if (len > 1 && strncmp(x->path, m.spool, len) == 0 && (x->path[len] == '/' || x->path[len] == '\0')) {
			err_set(e, 0, "%s lies in the spool %s: another folder", x->path, m.spool);
			return -2;
		}
	}
	return 0;
}

/* The folder that the files go into; of --as eml it is made, when something is to be written. */
static int
open_folder(struct export *x, struct err *e)
{
	const int is_eml = x->opt->as == RESTORE_AS_EML;
	char *typed = sys_path(x->opt->as_path), *above = NULL, *real = NULL;
	const char *folder = typed;
	int rc = is_eml && x->opt->execute ? sys_make_path(typed, e) : 0;

	if (!is_eml) {
		folder = above = sys_parent(typed, &x->name);
		x->name = arena_str(&x->arena, x->name);
	}
	if (rc == 0)
		real = sys_realpath(folder, e);
	if (real != NULL) {
		x->path = arena_str(&x->arena, real);
		rc = sys_dir_open(&x->dir, x->path, e);
	} else if (rc == 0 && is_eml && !x->opt->execute && e->sys == ENOENT) {
		x->path = arena_str(&x->arena, typed);
		err_clear(e);
	} else {
		rc = -1;
	}
	free(real);
	free(above);
	free(typed);
	return rc < 0 ? -1 : check_place(x, e);
}

static int
begin(struct export *x, struct err *e)
{
	struct sys_stat st;
	uint64_t random;
	int rc = open_folder(x, e);

	if (rc != 0 || sys_random(&random, sizeof random, e) < 0)
		return rc != 0 ? rc : -1;
	x->temp = arena_fmt(&x->arena, ".spoolsweep-%016llx.tmp", (unsigned long long)random);
	if (!x->o.is_mbox)
		return 0;
	if (*x->name == '\0' || sys_stat_at(&st, x->dir, x->name) == 0) {
		err_set(e, 0, "%s is there already: nothing is overwritten", x->opt->as_path);
		return -1;
	}
	return x->opt->execute ? begin_file(x, e) : 0;
}

/* An mbox appears whole, or not at all. */
static int
end_mbox_file(struct export *x, int rc, struct err *e)
{
	if (rc == 0 && !x->out->is_stopped && x->out->count[RESTORE_RESTORED] > 0) {
		rc = end_file(x, e) < 0 ? -1 : publish(x, x->name, e);
		if (rc == 1)
			return 0;
		if (rc == 0)
			return err_set(e, 0, "%s appeared meanwhile: nothing is overwritten", x->opt->as_path);
	}
	sys_close(&x->o.f);
	(void)sys_unlink(x->dir, x->temp);
	return rc;
}

int
restore_export(struct restore_result *out, const char *archive, struct restore_list *l, const struct restore_options *opt,
    struct err *e)
{
	struct export *x = mem_new(sizeof *x);
	int rc;

	x->opt = opt;
	x->out = out;
	x->l = l;
	x->o.f.h = -1;
	x->o.is_mbox = opt->as == RESTORE_AS_MBOX;
	rc = begin(x, e);
	if (rc == 0) {
		rc = restore_scratch_new(&x->sc, e) < 0 || arc_open(&x->r, archive, e) < 0 ? -1 : export_all(x, e);
		if (x->o.is_mbox && opt->execute)
			rc = end_mbox_file(x, rc, e);
		else if (rc < 0 && opt->execute) {
			sys_close(&x->o.f);
			(void)sys_unlink(x->dir, x->temp);
		}
	}
	if (rc == 0 && x->dir != NULL && opt->execute) {
		rc = sys_sync_dir(x->dir);
		rc = rc != 0 ? err_set(e, rc, "write the folder %s", x->path) : 0;
	}
	arc_reader_close(x->r);
	restore_scratch_free(x->sc);
	sys_dir_close(x->dir);
	arena_free(&x->arena);
	arena_free(&x->batch);
	free(x);
	return rc;
}
