/*
 * Postfix: one message of the queue, read, found and shown, and the driver itself. Which folders there are
 * is postfix_walk.c's, records postfix_rec.c's, logs postfix_log.c's. Facts: Postfix src/pickup/pickup.c (who
 * handed a file in), src/global/mark_corrupt.c (mode 0400), src/postsuper/postsuper.c (where it looks for an id).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "postfix_log.h"
#include "postfix_queue.h"
#include "postfix_rec.h"

/* Looks for a file under dir. 1 found, 0 not, and *trouble when that cannot be told. */
static int
try_place(struct part *p, struct spool_reader *r, const char *dir, int *trouble)
{
	int rc;

	p->dir = dir;
	p->st.type = SYS_UNKNOWN;
	rc = spool_part_stat(p, r);
	if (rc != 0)
		*trouble = rc;
	return rc == 0 && !p->absent && p->st.type == SYS_FILE;
}

/* Tries the places that a queue has for an id: beside where it was (sub: "", "A", "A/B"), flat, hashed. */
static int
try_queue(struct part *p, struct spool_reader *r, struct arena *a, enum postfix_queue q, const char *sub, int *trouble)
{
	const char *beside = *sub != '\0' ? arena_fmt(a, "%s/%s", postfix_queues[q].name, sub) : NULL, *place;
	int depth, no_beside, no_folder = 0;

	if (beside != NULL && try_place(p, r, beside, trouble))
		return 1;
	no_beside = p->no_folder;
	for (depth = 0; depth <= (postfix_queues[q].is_hashed ? 2 : 0) && !no_folder; depth++) {
		place = postfix_place(a, q, p->name, depth);
		if (beside != NULL && strcmp(place, beside) == 0) {
			no_folder = no_beside;	/* nor is there one in it */
			continue;
		}
		if (try_place(p, r, place, trouble))
			return 1;
		no_folder = p->no_folder;
	}
	return 0;
}

/* Finds a message that is no longer where it was: qmgr moves it between these. */
static int
relocate(struct part *p, struct spool_reader *r, struct arena *a, int *trouble)
{
	static const enum postfix_queue in[] = {ACTIVE, DEFERRED, INCOMING, HOLD, CORRUPT, MAILDROP, ACTIVE, DEFERRED};
	const char *slash = strchr(p->dir, '/'), *sub = slash != NULL ? slash + 1 : "";
	size_t i;

	*trouble = 0;
	for (i = 0; i < sizeof in / sizeof in[0]; i++)
		if (try_queue(p, r, a, in[i], sub, trouble))
			return 1;
	return 0;
}

static enum msg_state
state_of(enum postfix_queue q, const struct sys_stat *st, int lost)
{
	if (lost || q == CORRUPT || (st->mode & POSTFIX_READY) == POSTFIX_READY)
		return postfix_queues[q].state;
	/* deliver_completed.c, mark_corrupt.c: 0400 is a file that a delivery agent found bad */
	return (st->mode & POSTFIX_READY) == 0400 ? MSG_CORRUPT : MSG_INCOMPLETE;
}

static const char *
known_text(const char *s)
{
	return s == NULL || *s == '\0' || strcmp(s, "unknown") == 0 ? NULL : s;
}

/* Who handed it in. What a local user wrote into maildrop proves nothing but the owner of the file. */
static void
take_origin(
    struct msg *m, const struct postfix_env *v, const struct spool *sp, const struct sys_stat *st, int is_maildrop, int lost)
{
	int is_owner = sp->has_owner && st->uid == sp->owner_uid;

	if (is_maildrop && is_owner && lost) /* requeued, or any user's in a copy that lost owners with the modes: no telling which */
		return;
	/* pickup.c: a file of the MTA's own user that others cannot read is `postsuper -r`'s */
	if (is_maildrop && !(is_owner && (st->mode & 04) == 0)) {
		m->uid = st->uid;
		m->is_mta_user = is_owner;
		return;
	}
	m->auth = v->sasl_username != NULL && *v->sasl_username != '\0' ? v->sasl_username : NULL;
	if (v->log_client_address != NULL) { /* the real client, by XFORWARD through a content filter */
		m->client = known_text(v->log_client_address);
		m->client_name = known_text(v->log_client_name);
		m->helo = known_text(v->log_helo_name);
		m->protocol = known_text(v->log_protocol_name);
	} else {
		m->client = known_text(v->client_address);
		m->client_name = known_text(v->client_name);
		m->helo = known_text(v->helo_name);
		m->protocol = known_text(v->protocol_name);
	}
	if (m->client == NULL) {
		m->uid = postfix_received_uid(v->received);
		m->is_mta_user = sp->has_owner && m->uid == (int64_t)sp->owner_uid;
	}
}

static void
copy_item(struct msg *m, const struct spool_item *it)
{
	size_t i;

	m->queue = arena_str(m->arena, it->queue);
	m->id = arena_str(m->arena, it->id);
	m->parts = it->parts;
	for (i = 0; i < m->parts.n; i++) {
		m->parts.v[i].dir = arena_str(m->arena, it->parts.v[i].dir);
		m->parts.v[i].name = m->id;
	}
}

/* Opens the message where it is now. 1 open, 0 it is none any more (m->is_taken_mid_way), -1 error. */
static int
open_message(struct rd *rd, struct sys_file *f, struct msg *m, struct spool *sp, struct spool_reader *r, struct err *e)
{
	struct part *p = &m->parts.v[0];
	int rc, trouble = 0, tries;

	rc = spool_part_open(rd, f, p, r, 0);
	for (tries = 0; rc == ENOENT && tries < 3 && relocate(p, r, m->arena, &trouble); tries++) {
		m->queue = postfix_queues[postfix_queue_of(p->dir)].name;
		rc = spool_part_open(rd, f, p, r, 0);
	}
	if (rc == 0)
		return 1;
	if (rc == ELOOP || rc == EINVAL) /* became a link or a FIFO since readdir */
		spool_odd(sp, p->dir, p->name);
	if (rc == ELOOP || rc == EINVAL || (rc == ENOENT && trouble == 0)) {
		m->is_taken_mid_way = 1;
		return 0;
	}
	return err_set(e, rc == ENOENT ? trouble : rc, "open %s/%s", p->dir, p->name);
}

/* A log that cannot be read leaves replies unknown; it makes nothing of the message unsure. */
static int
read_log(struct msg *m, struct part *p, struct spool_reader *r, struct err *e)
{
	struct sys_file f = SYS_FILE_CLOSED;
	struct rd rd;
	int rc;

	rc = spool_part_open(&rd, &f, p, r, 1);
	if (rc == ENOENT)
		return 0;
	if (rc != 0) {
		m->is_log_unread = 1;
		msg_note(m, "%s cannot be read: %s", part_role_name(p->role), sys_error(rc));
		rc = spool_part_stat(p, r);
		return rc != 0 ? err_set(e, rc, "stat %s/%s", p->dir, p->name) : 0;
	}
	if (postfix_log_join(m, &rd, p->role, &r->scratch) < 0) {
		m->is_log_unread = 1;
		msg_note(m, "%s cannot be read: %s", part_role_name(p->role), sys_error(rd.error));
	}
	sys_close(&f);
	return 0;
}

static int
read_message(struct msg *m, struct spool *sp, struct spool_reader *r, const struct spool_item *it, struct err *e)
{
	const struct postfix_walk *w = sp->state;
	struct sys_file f = SYS_FILE_CLOSED;
	struct postfix_how how = {0};
	struct postfix_env env;
	struct rd rd;
	const struct sys_stat *st;
	size_t i;
	int rc, lost = w != NULL && w->lost_modes;

	arena_reset(&r->scratch);
	copy_item(m, it);
	if ((rc = open_message(&rd, &f, m, sp, r, e)) <= 0)
		return rc;
	st = &m->parts.v[0].st;
	m->state = state_of(postfix_queue_of(m->parts.v[0].dir), st, lost);
	how.is_maildrop = postfix_queue_of(m->parts.v[0].dir) == MAILDROP;
	how.is_unfinished = m->state == MSG_INCOMPLETE;
	rc = postfix_parse(m, &env, &rd, &how);
	spool_part_close(&f, &m->parts.v[0], &rd, r);
	if (rc < 0)
		return err_set(e, rd.error, "read %s/%s", m->parts.v[0].dir, m->id);
	if (st->nlink > 1) /* postsuper and showq warn of it, pickup refuses it: somebody else can write this file */
		msg_damage(m, "file has %llu hard links", (unsigned long long)st->nlink);
	if (postfix_is_fix(m->id))
		msg_damage(m, "left by an interrupted postsuper -s: Postfix does not see it");
	if (m->state == MSG_CORRUPT && (st->mode & POSTFIX_READY) == 0400)
		msg_damage(m, "marked as bad by a delivery agent");
	take_origin(m, &env, sp, st, how.is_maildrop, lost);
	/* Trace, bounce, defer: the last word is the defer log's. Replies are nothing that a decision hangs on. */
	for (i = m->parts.n; i-- > 1 && !r->is_live;)
		if (read_log(m, &m->parts.v[i], r, e) < 0)
			return -1;
	return 0;
}

static int
look(struct part_list *out, struct spool *sp, struct spool_reader *r, const struct spool_item *it)
{
	size_t i;

	(void)sp;
	*out = it->parts;
	for (i = 0; i < out->n; i++)
		if (spool_part_stat(&out->v[i], r) != 0)
			return -1;
	return out->n > 0 && !out->v[0].absent && out->v[0].st.type == SYS_FILE ? 0 : -1;
}

/* Delivery agents hold a shared lock on the file in active; this program asks no lock of a live MTA while it only reads. */
static int
busy(struct spool *sp, struct spool_reader *r, const struct spool_item *it)
{
	(void)sp;
	(void)r;
	return strcmp(it->queue, postfix_queues[ACTIVE].name) == 0 ? -1 : 0;
}

/*
 * Finding a message without a walk
 */

static int
find_log(struct part *p, struct spool *sp, struct spool_reader *r, struct arena *a, enum postfix_queue q, const char *sub,
    int *trouble)
{
	const struct postfix_walk *w = sp->state;
	const struct name *n = w->ended ? names_get(w->names, p->name, strlen(p->name)) : NULL;

	if (n != NULL && n->dir[q - DEFER] != 0 && try_place(p, r, w->folder[n->dir[q - DEFER] - 1].rel, trouble))
		return 1;
	return try_queue(p, r, a, q, sub, trouble);
}

static int
find(struct spool_item *out, struct spool *sp, struct spool_reader *r, struct arena *a, const char *queue, const char *id,
    const char *path, struct err *e)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL, *sub;
	struct part p = {0}, *added;
	int trouble = 0, rc = 0, q;

	sys_mutex_lock(sp->lock);
	if (sp->state == NULL)
		rc = postfix_open(sp, e);
	sys_mutex_unlock(sp->lock);
	if (rc < 0)
		return -1;
	p.name = arena_str(a, id);
	p.dir = slash != NULL ? arena_dup(a, path, (size_t)(slash - path)) : arena_str(a, queue);
	if (!try_place(&p, r, p.dir, &trouble) && !relocate(&p, r, a, &trouble))
		return trouble != 0 ? err_set(e, trouble, "find %s", id) : 0;
	memset(out, 0, sizeof *out);
	out->queue = postfix_queues[postfix_queue_of(p.dir)].name;
	out->id = p.name;
	part_add(&out->parts, PART_MESSAGE, p.dir, p.name)->st = p.st;
	slash = strchr(p.dir, '/');
	sub = slash != NULL ? slash + 1 : "";
	for (q = DEFER; q <= TRACE; q++) {
		trouble = 0;
		if (find_log(&p, sp, r, a, (enum postfix_queue)q, sub, &trouble)) {
			added = part_add(&out->parts, postfix_queues[q].role, p.dir, p.name);
			added->st = p.st;
		} else if (trouble != 0)
			return err_set(e, trouble, "find the %s log of %s", postfix_queues[q].name, id);
	}
	return 1;
}

static int
place(struct spool_item *out, struct arena *a, const char *queue, const char *id, const char *path)
{
	spool_place(out, a, PART_MESSAGE, queue, id, path);
	return 1;
}

/*
 * For `show`
 */

/* Passes the header section on and stops at its end: the start of each line is kept until it is clear whether it is a field. */
struct head_sink {
	int (*sink)(void *arg, const void *p, size_t n);
	void *arg;
	char start[256];
	size_t n;
	int is_field; /* the rest of the line is passed on */
	int any, failed;
};

/* 1 a field or the fold of one, 0 not yet clear, -1 no field: the header section has ended. */
static int
line_kind(const struct head_sink *s)
{
	size_t i;

	if (s->any && (s->start[0] == ' ' || s->start[0] == '\t'))
		return 1;
	for (i = 0; i < s->n && s->start[i] > ' ' && s->start[i] < 127 && s->start[i] != ':'; i++)
		continue;
	while (i > 0 && i < s->n && (s->start[i] == ' ' || s->start[i] == '\t'))
		i++;
	if (i == s->n)
		return s->n < sizeof s->start ? 0 : -1;
	return i > 0 && s->start[i] == ':' ? 1 : -1;
}

static int
pass_on(struct head_sink *s, const void *p, size_t n)
{
	if (s->sink(s->arg, p, n) != 0)
		s->failed = 1;
	return s->failed;
}

static int
head_sink(void *arg, const void *bytes, size_t n)
{
	struct head_sink *s = arg;
	const char *p = bytes, *end = p + n, *lf;

	while (p < end) {
		if (s->is_field) {
			lf = memchr(p, '\n', (size_t)(end - p));
			if (pass_on(s, p, (size_t)((lf != NULL ? lf + 1 : end) - p)))
				return 1;
			s->is_field = lf == NULL;
			p = lf != NULL ? lf + 1 : end;
			continue;
		}
		s->start[s->n++] = *p++;
		switch (line_kind(s)) {
		case -1: return 1;
		case 1:
			if (pass_on(s, s->start, s->n))
				return 1;
			s->is_field = s->any = 1;
			s->n = 0;
			break;
		default: break;
		}
	}
	return 0;
}

/* Gives the content of a message to how->sink. */
static int
stream(struct spool *sp, struct spool_reader *r, const struct spool_item *it, const struct postfix_how *how, struct err *e)
{
	struct sys_file f = SYS_FILE_CLOSED;
	struct postfix_env env;
	struct msg m;
	struct rd rd;
	int rc;

	arena_reset(&r->scratch);
	msg_init(&m, &r->scratch);
	copy_item(&m, it);
	if ((rc = open_message(&rd, &f, &m, sp, r, e)) < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ENOENT, "open %s/%s", m.parts.v[0].dir, m.id);
	rc = postfix_parse(&m, &env, &rd, how);
	sys_close(&f);
	return rc < 0 ? err_set(e, rd.error, "read %s/%s", m.parts.v[0].dir, m.id) : 0;
}

static int
headers(struct spool *sp, struct spool_reader *r, const struct spool_item *it, int (*sink)(void *arg, const void *p, size_t n),
    void *arg, struct err *e)
{
	struct head_sink hs = {sink, arg, "", 0, 0, 0, 0};
	struct postfix_how how = {0, 1, head_sink, &hs, 0};

	if (stream(sp, r, it, &how, e) < 0)
		return -1;
	return hs.failed ? err_set(e, 0, "the headers of %s were not taken", it->id) : 0;
}

static int
content(struct spool *sp, struct spool_reader *r, const struct spool_item *it, int (*sink)(void *arg, const void *p, size_t n),
    void *arg, struct err *e)
{
	struct postfix_how how = {0, 1, sink, arg, 1};

	return stream(sp, r, it, &how, e);
}

static int
send_log(struct part *p, struct spool_reader *r, int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e)
{
	struct sys_file f = SYS_FILE_CLOSED;
	struct rd rd;
	const unsigned char *s;
	size_t n;
	int rc;

	rc = spool_part_open(&rd, &f, p, r, 1);
	if (rc == ENOENT)
		return 0;
	if (rc != 0)
		return err_set(e, rc, "open %s/%s", p->dir, p->name);
	if (rd.size > POSTFIX_LOG_TAIL)
		(void)rd_seek(&rd, rd.size - POSTFIX_LOG_TAIL);
	while ((s = rd_some(&n, &rd, SPOOL_WINDOW)) != NULL && rc == 0)
		rc = sink(arg, s, n);
	sys_close(&f);
	if (rd.error != 0)
		return err_set(e, rd.error, "read %s/%s", p->dir, p->name);
	return rc != 0 ? err_set(e, 0, "the log of %s was not taken", p->name) : 0;
}

static int
send_logs(struct spool *sp, struct spool_reader *r, const struct spool_item *it, int (*sink)(void *arg, const void *p, size_t n),
    void *arg, struct err *e)
{
	struct part p;
	size_t i;

	(void)sp;
	for (i = 0; i < it->parts.n; i++) {
		p = it->parts.v[i];
		if (p.role != PART_MESSAGE && send_log(&p, r, sink, arg, e) < 0)
			return -1;
	}
	return 0;
}

/* master(8) keeps pid/master.pid locked and writes its pid right-aligned; a dead copy has the file, too. */
static int
running(struct spool *sp)
{
	struct sys_dir *d;
	struct sys_file f = SYS_FILE_CLOSED;
	struct sys_stat st;
	struct err e;
	char text[33];
	int64_t n = 0, pid = 0;
	int rc, i = 0;

	err_clear(&e);
	if (sys_dir_sub(&d, sp->dir, "pid", &e) < 0)
		return e.sys == ENOENT ? 0 : -1;
	rc = sys_open_at(&f, &st, d, "master.pid");
	if (rc == 0)
		n = sys_pread(f, text, sizeof text - 1, 0);
	sys_close(&f);
	sys_dir_close(d);
	if (rc != 0 || n < 0)
		return rc == ENOENT ? 0 : -1;
	text[n] = '\0';
	while (text[i] == ' ')
		i++;
	for (; text[i] >= '0' && text[i] <= '9' && pid < INT32_MAX; i++)
		pid = pid * 10 + (text[i] - '0');
	return pid > 0 && pid < INT32_MAX ? sys_process_is(pid, "master") : -1;
}

/*
 * Taking and putting back
 */

/* A delivery agent holds a shared flock on the file for the whole delivery (deliver_message.c: deliver_message), and the lock follows the
 * inode. It is asked only of a file that no longer has its queue name: an agent that meets a foreign lock dies. */
static int
in_delivery(struct sys_file f)
{
	return sys_lock_whole(f) == EAGAIN ? EAGAIN : 0;
}

/* How deep a queue is hashed, as its folders show; -1 when it has none to tell. */
static int
hash_depth(struct spool_reader *r, const char *queue)
{
	struct sys_dir *d;
	struct sys_entry ent;
	char rel[64];
	int depth = 0, found = 1;

	snprintf(rel, sizeof rel, "%s", queue);
	while (found && depth < 8 && sys_dir_sub(&d, r->sp->dir, rel, NULL) == 0) {
		for (found = 0; !found && sys_dir_next(&ent, d, NULL) == 1; )
			if (ent.type == SYS_DIR && ent.name[0] != '\0' && ent.name[1] == '\0') {
				size_t n = strlen(rel);

				snprintf(rel + n, sizeof rel - n, "/%c", ent.name[0]);
				found = 1;
			}
		sys_dir_close(d);
		depth += found;
	}
	return depth > 0 ? depth : -1;
}

/* Nothing is put into active: qmgr alone decides what is there. deferred is scanned by it, in the hash place that it would use itself
 * (hash_queue_names: deferred and defer alike, depth 1 where nothing tells). */
static const char *
home(struct arena *a, struct spool *sp, struct spool_reader *r, enum part_role role, const char *dir, const char *id)
{
	int depth;

	(void)sp;
	if (role != PART_MESSAGE || postfix_queue_of(dir) != ACTIVE)
		return dir;
	depth = hash_depth(r, postfix_queues[DEFERRED].name);
	if (depth < 0)
		depth = hash_depth(r, postfix_queues[DEFER].name);
	return postfix_place(a, DEFERRED, id, depth < 0 ? 1 : depth);
}

/* An agent that reports late makes defer/ID anew, although the message is gone (bounce_append_service.c). */
static int
strays(struct part_list *out, struct spool *sp, struct spool_reader *r, struct arena *a, const char *id)
{
	struct spool_item it;
	struct part p = {0};
	int q, trouble = 0;

	out->n = 0;
	if (find(&it, sp, r, a, postfix_queues[ACTIVE].name, id, NULL, NULL) != 0)
		return 0; /* a message of that id, or nobody can tell */
	p.name = arena_str(a, id);
	for (q = DEFER; q <= TRACE; q++)
		if (find_log(&p, sp, r, a, (enum postfix_queue)q, "", &trouble))
			part_add(out, postfix_queues[q].role, p.dir, p.name);
	return trouble;
}

const struct spool_driver spool_postfix = {
    .name = "postfix",
    .looks_for = "the queue folders maildrop, incoming, active, deferred, hold, defer",
    .probe = postfix_probe,
    .open = postfix_open,
    .next = postfix_next,
    .read = read_message,
    .look = look,
    .busy = busy,
    .find = find,
    .place = place,
    .headers = headers,
    .content = content,
    .log = send_logs,
    .in_delivery = in_delivery,
    .home = home,
    .strays = strays,
    .is_threaded = 1,
    .running = running,
    .end = postfix_end,
};
