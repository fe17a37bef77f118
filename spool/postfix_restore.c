/*
 * Putting queue files back into a Postfix queue. Facts: mail_queue.h (MQID_…: a queue id carries the inode of its file, so a file that was
 * written anew needs a new id, or a later message could get the same name and rename(2) over it), mail_queue.c (hash places),
 * postsuper.c (hold, and that maildrop files are never put there), qmgr_active.c (a message older than maximal_queue_lifetime is bounced).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postfix_queue.h"
#include "postfix_rec.h"
#include "putback.h"

#define HEAD ((size_t)64 * 1024)	/* create_time stands in the first records */
#define LIFE (5 * PUTBACK_DAY)		/* maximal_queue_lifetime, as it comes */
#define LOG_MODE 0600

struct have {			/* a queue file of the spool */
	uint64_t size;
	const char *dir, *name;
	const unsigned char *sha;	/* NULL: gone, or not hashed yet */
	int is_hashed;
};

struct back_postfix {
	struct have *have;	/* by size */
	size_t n, cap;
	struct names *ids;	/* of all queues */
	enum postfix_queue to;
	int depth[QUEUES];	/* how deep each queue is hashed, -1 nothing tells */
	struct sys_stat queue;	/* of the folder it goes into: its owner is mail_owner */
};

/* ---- the spool ---- */

/* How deep a queue is hashed, as its folders show; -1 when it has none to tell. */
static int
depth_of(struct sys_dir *root, const char *queue)
{
	struct sys_dir *d;
	struct sys_entry ent;
	struct sys_stat st;
	char rel[32];
	size_t n = (size_t)snprintf(rel, sizeof rel, "%s", queue);
	int depth = 0, found = 1;

	while (found && depth < 5 && sys_dir_sub(&d, root, rel, NULL) == 0) {
		found = 0;
		while (!found && sys_dir_next(&ent, d, NULL) == 1)
			found = ent.name[0] != '\0' && ent.name[1] == '\0' && sys_stat_at(&st, d, ent.name) == 0 && st.type == SYS_DIR;
		if (found)
			n += (size_t)snprintf(rel + n, sizeof rel - n, "/%c", ent.name[0]);
		depth += found;
		sys_dir_close(d);
	}
	return depth > 0 ? depth : -1;
}

/* hash_queue_names is "deferred, defer" unless somebody changed it: what one of the two shows holds for the other, too. */
static void
find_depths(struct back_postfix *x, struct sys_dir *root)
{
	int q;

	for (q = 0; q < QUEUES; q++)
		x->depth[q] = postfix_queues[q].is_hashed ? depth_of(root, postfix_queues[q].name) : 0;
	if (x->depth[DEFERRED] < 0)
		x->depth[DEFERRED] = x->depth[DEFER];
	if (x->depth[DEFER] < 0)
		x->depth[DEFER] = x->depth[DEFERRED];
}

/* An empty queue tells nothing: then as it was when the archive was made, else as Postfix comes. */
static int
depth_in(const struct back_postfix *x, const struct putback *b, enum postfix_queue q)
{
	const char *path, *name = postfix_queues[q].name, *twin = q == DEFER ? postfix_queues[DEFERRED].name : postfix_queues[DEFER].name;
	size_t i, n;
	int depth;

	if (x->depth[q] >= 0)
		return x->depth[q];
	for (i = 0; i < b->msg->nparts; i++) {
		path = b->msg->part[i].path;
		n = strcspn(path, "/");
		if ((strlen(name) != n || strncmp(path, name, n) != 0) &&
		    ((q != DEFER && q != DEFERRED) || strlen(twin) != n || strncmp(path, twin, n) != 0))
			continue;
		for (depth = -1; *path != '\0'; path++)
			depth += *path == '/';
		return depth;
	}
	return q == DEFER || q == DEFERRED;
}

static int
by_size(const void *a, const void *b)
{
	const struct have *x = a, *y = b;

	return x->size < y->size ? -1 : x->size > y->size;
}

static void
add_have(struct putback_spool *ps, struct back_postfix *x, struct part *p)
{
	const struct name *id = names_put(x->ids, p->name, strlen(p->name));
	const char *dir = x->n != 0 ? x->have[x->n - 1].dir : "";
	struct have *h;

	if (spool_part_stat(p, ps->r) != 0 || p->absent || p->st.type != SYS_FILE)
		return;
	if (x->n == x->cap) {
		x->cap = x->cap != 0 ? 2 * x->cap : 1024;
		x->have = mem_grow(x->have, x->cap * sizeof *x->have);
	}
	h = &x->have[x->n++];
	memset(h, 0, sizeof *h);
	h->size = p->st.size;
	h->dir = strcmp(dir, p->dir) == 0 && *dir != '\0' ? dir : arena_str(&ps->arena, p->dir);	/* they come folder by folder */
	h->name = names_key(id);
}

static int
read_queues(struct putback_spool *ps, struct back_postfix *x, struct err *e)
{
	struct spool_item it;
	struct arena a = { 0 };
	int rc;

	while ((rc = spool_next(&it, ps->sp, &a, e)) == 1) {
		add_have(ps, x, &it.parts.v[0]);
		arena_reset(&a);
	}
	arena_free(&a);
	if (x->n != 0)
		qsort(x->have, x->n, sizeof *x->have, by_size);
	return rc;
}

static int
begin(struct putback_spool *ps, struct err *e)
{
	struct back_postfix *x = arena_zero(&ps->arena, sizeof *x);
	const char *to = ps->opt->to_queue != NULL ? ps->opt->to_queue : postfix_queues[HOLD].name;
	struct sys_dir *d;
	int q = postfix_queue_named(to), rc;

	ps->state = x;
	x->ids = names_new(0);
	if (q != HOLD && q != DEFERRED && q != MAILDROP) {
		err_set(e, 0, "--to-queue: Postfix takes messages back in hold, deferred or maildrop");
		return -2;
	}
	x->to = (enum postfix_queue)q;
	if (putback_only_exim(ps, e) != 0)
		return -2;
	if (sys_dir_sub(&d, ps->sp->dir, to, e) < 0)
		return -1;
	rc = sys_dir_stat(&x->queue, d, e);
	sys_dir_close(d);
	find_depths(x, ps->sp->dir);
	return rc < 0 ? -1 : read_queues(ps, x, e);
}

static void
end(struct putback_spool *ps)
{
	struct back_postfix *x = ps->state;

	if (x == NULL)
		return;
	free(x->have);
	names_free(x->ids);
}

/* ---- is it there already? ---- */

/* The digest of a queue file that may have been moved since it was met. */
static void
hash_have(struct have *h, struct putback_spool *ps, struct arena *a)
{
	struct sys_file f = SYS_FILE_CLOSED;
	struct part p = { .dir = h->dir, .name = h->name };
	struct sys_sha256 *sha;
	struct spool_item it;
	unsigned char digest[ARC_SHA256];
	const unsigned char *s;
	struct rd rd;
	size_t n;

	h->is_hashed = 1;
	if (spool_part_open(&rd, &f, &p, ps->r, 0) != 0) {
		if (ps->sp->driver->find(&it, ps->sp, ps->r, a, h->dir, h->name, NULL, NULL) != 1)
			return;
		p = it.parts.v[0];
		if (spool_part_open(&rd, &f, &p, ps->r, 0) != 0)
			return;
	}
	sha = sys_sha256_new();
	while ((s = rd_some(&n, &rd, SPOOL_WINDOW)) != NULL && n != 0)
		sys_sha256_add(sha, s, n);
	sys_sha256_end(digest, sha);
	sys_sha256_free(sha);
	if (rd.error == 0 && !rd.shrunk)
		h->sha = (const unsigned char *)arena_dup(&ps->arena, digest, sizeof digest);
	sys_close(&f);
}

static const struct have *
find_same(struct putback_spool *ps, const struct arc_part *p, struct arena *a)
{
	struct back_postfix *x = ps->state;
	size_t low = 0, high = x->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (x->have[mid].size < p->size)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < x->n && x->have[low].size == p->size; low++) {
		if (!x->have[low].is_hashed)
			hash_have(&x->have[low], ps, a);
		if (x->have[low].sha != NULL && memcmp(x->have[low].sha, p->sha, ARC_SHA256) == 0)
			return &x->have[low];
	}
	return NULL;
}

/* ---- where it goes ---- */

static int
is_below(const char *path, const char *queue)
{
	size_t n = strlen(queue);

	return strncmp(path, queue, n) == 0 && path[n] == '/';
}

static void
take_modes(struct putback *b, const struct back_postfix *x)
{
	struct putback_part *p;
	const struct arc_part *was;
	size_t i;

	b->dir_mode = 0700;
	b->uid = x->queue.uid;
	b->gid = x->queue.gid;
	for (i = 0; i < b->msg->nparts; i++) {
		p = &b->part[i];
		was = &b->msg->part[i];
		p->mode = p->role == PART_MESSAGE ? POSTFIX_READY : LOG_MODE;
		p->uid = x->queue.uid;
		/* The queue's folders are group root; the files' group, which nothing asks for, is mail_owner's. */
		p->gid = was->uid == x->queue.uid ? was->gid : x->queue.gid;
		if (x->to == MAILDROP) {	/* pickup(8) tells by owner and mode who handed it in */
			p->mode = was->mode & 0777;
			p->uid = was->uid;
			p->gid = was->gid;
		}
	}
}

static int
plan(struct putback *b, struct putback_spool *ps, struct arena *a, struct err *e)
{
	const struct back_postfix *x = ps->state;
	struct putback_part *main_part = putback_find(b, PART_MESSAGE);
	const struct arc_part *was;
	const struct have *same;
	int from_maildrop;

	(void)e;
	if (main_part == NULL)
		return putback_fail(b, a, "it is not whole in the archive: no queue file");
	was = &b->msg->part[main_part - b->part];
	same = find_same(ps, was, a);
	if (same != NULL) {
		b->new_id = same->name;
		b->why = arena_fmt(a, "%s/%s has the same bytes", same->dir, same->name);
		return PUTBACK_EXISTS;
	}
	from_maildrop = is_below(was->path, postfix_queues[MAILDROP].name);
	if (from_maildrop && x->to != MAILDROP)
		return putback_fail(b, a, "it came from maildrop, unsanitised: only --to-queue maildrop puts it back, and pickup then sends it at once");
	if (!from_maildrop && x->to == MAILDROP)
		return putback_fail(b, a, "it did not come from maildrop");
	if (b->msg->state != NULL && strcmp(b->msg->state, msg_state_name(MSG_INCOMPLETE)) == 0)
		return putback_fail(b, a, "it was still being received: put back, Postfix would take it for whole");
	take_modes(b, x);
	return PUTBACK_GO;
}

/* ---- its age ---- */

static int64_t
digits_of(const unsigned char *p, size_t n)
{
	int64_t v = 0;
	size_t i;

	for (i = 0; i < n && p[i] == ' '; i++)
		;
	if (i == n || p[i] < '0' || p[i] > '9')
		return -1;
	for (; i < n && p[i] >= '0' && p[i] <= '9' && v < INT64_MAX / 20; i++)
		v = v * 10 + (p[i] - '0');
	return v;
}

int64_t
postfix_create_time(const void *bytes, size_t size)
{
	static const char attr[] = "create_time=";
	int64_t arrived = -1, created = -1;
	struct postfix_rec rec;
	const unsigned char *p;
	struct rd rd;

	rd_mem(&rd, bytes, size);
	while (created < 0 && postfix_rec_get(&rec, &rd) == 1 && rec.type != 'M') {
		p = rec.n < 4096 ? rd_take(&rd, (size_t)rec.n) : NULL;
		if (p == NULL && (rec.n < 4096 || rd_skip(&rd, rec.n) < 0))
			break;
		if (rec.type == 'T' && arrived < 0 && p != NULL)
			arrived = digits_of(p, (size_t)rec.n);
		else if (rec.type == 'c' && p != NULL)
			created = digits_of(p, (size_t)rec.n);
		else if (rec.type == 'A' && p != NULL && rec.n > sizeof attr - 1 && memcmp(p, attr, sizeof attr - 1) == 0)
			created = digits_of(p + sizeof attr - 1, (size_t)rec.n - (sizeof attr - 1));
	}
	return created >= 0 ? created : arrived;
}

static int
judge(struct putback *b, struct putback_spool *ps, const void *p, size_t n, struct arena *a)
{
	const struct back_postfix *x = ps->state;
	int64_t created = postfix_create_time(p, n);

	(void)a;
	/* pickup(8) makes a new message, with a time of its own */
	b->is_old = x->to != MAILDROP && created >= 0 && ps->opt->now - created > LIFE;
	return PUTBACK_GO;
}

/* ---- its name ---- */

static const char digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";	/* safe_ultostr.c */

/* The part of a long id up to its last z, which stands behind at least ten digits (mail_queue.h: MQID_LG_…); 0: it is a short one. */
static size_t
long_prefix(const char *id)
{
	const char *z = strrchr(id, 'z');

	if (z == NULL || z - id < 10 || strspn(id, digits) != strlen(id) || strlen(id) > 100)
		return 0;
	return (size_t)(z - id) + 1;
}

static int
is_short(const char *id)
{
	return strlen(id) > 5 && strspn(id, "0123456789ABCDEF") >= 5;
}

const char *
postfix_new_id(struct arena *a, const char *old, int64_t arrived, uint64_t inode)
{
	char tail[16];
	size_t at = sizeof tail - 1, n = long_prefix(old);
	uint64_t v = inode;
	long usec;

	if (n != 0) {
		tail[at] = '\0';
		do
			tail[--at] = digits[v % 51];	/* without the z */
		while ((v /= 51) != 0 && at > 0);
		return arena_fmt(a, "%.*s%s", (int)n, old, tail + at);
	}
	if (is_short(old))
		return arena_fmt(a, "%.5s%llX", old, (unsigned long long)inode);
	usec = arrived != MSG_NO_TIME && arrived > 0 ? (long)(arrived % 1000000) : 0;
	return arena_fmt(a, "%05lX%llX", (unsigned long)usec, (unsigned long long)inode);
}

static int
name(struct putback *b, struct putback_spool *ps, const struct sys_stat *st, struct arena *a, struct err *e)
{
	const struct back_postfix *x = ps->state;
	enum postfix_queue q;
	size_t i;

	(void)e;
	b->new_id = postfix_new_id(a, b->msg->id, b->msg->arrived, st->ino);
	/* Only a copy has ids that do not fit their inodes; what arrives meanwhile cannot get the inode of our file. */
	if (names_get(x->ids, b->new_id, strlen(b->new_id)) != NULL)
		return putback_fail(b, a, "the queue id that it would need, %s, is taken", b->new_id);
	names_put(x->ids, b->new_id, strlen(b->new_id));
	for (i = 0; i < b->msg->nparts; i++) {
		q = b->part[i].role == PART_LOG ? DEFER : b->part[i].role == PART_BOUNCE_LOG ? BOUNCE :
		    b->part[i].role == PART_TRACE_LOG ? TRACE : x->to;
		b->part[i].dir = postfix_place(a, q, b->new_id, depth_in(x, b, q));
		b->part[i].name = b->new_id;
	}
	return PUTBACK_GO;
}

const struct putback_driver putback_postfix = {
	.kind = "postfix",
	.visible = PART_MESSAGE,
	.judged = PART_MESSAGE,
	.head = HEAD,
	.begin = begin,
	.plan = plan,
	.judge = judge,
	.name = name,
	.end = end,
};
