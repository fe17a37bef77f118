/*
 * Postfix: the folders of a queue_directory, probed and walked. Facts: Postfix src/global/mail_queue.c
 * (folders, names, hash places), src/global/mail_scan_dir.c and src/util/scan_dir.c (what is walked),
 * src/postsuper/postsuper.c (queue_info), mode bits in src/global/mail_queue.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postfix_queue.h"

#define DEPTH_MAX 16 /* hash_queue_depth is 1 or 2 in practice */
#define FOLDERS_MAX 60000 /* struct name has 16 bits for a folder */
#define ID_MAX 255
#define LOGS 3 /* kinds of logs: DEFER and the two behind it */
#define ROUNDS 3
#define TICK_US INT64_C(20000) /* a file system's clock has ticks of some milliseconds */
#define SAMPLE 64 /* files a queue that tell whether a copy lost its modes */

/* postsuper.c: queue_info. maildrop is never hashed: "postsuper -s" leaves it alone. */
const struct postfix_queue_info postfix_queues[QUEUES] = {
    {"maildrop", MSG_QUEUED, PART_MESSAGE, 0},
    {"incoming", MSG_QUEUED, PART_MESSAGE, 1},
    {"active", MSG_ACTIVE, PART_MESSAGE, 1},
    {"deferred", MSG_DEFERRED, PART_MESSAGE, 1},
    {"hold", MSG_HELD, PART_MESSAGE, 1},
    {"corrupt", MSG_CORRUPT, PART_MESSAGE, 1},
    {"defer", MSG_GONE, PART_LOG, 1},
    {"bounce", MSG_GONE, PART_BOUNCE_LOG, 1},
    {"trace", MSG_GONE, PART_TRACE_LOG, 1},
};

/* Logs first, so that a message is handed out with them; what leaves deferred for active while we walk is
 * met there at the end, and what active lets go meanwhile was met before. */
static const enum postfix_queue order[] = {
    DEFER, BOUNCE, TRACE, MAILDROP, INCOMING, ACTIVE, DEFERRED, HOLD, CORRUPT, ACTIVE, INCOMING};
#define ORDER (sizeof order / sizeof order[0])
#define SEEN(q) ((uint8_t)(1u << (q))) /* in name.flags, for the six message queues */

/* mail_queue_id_ok: letters, digits and '_'. */
static int
is_id(const char *s)
{
	size_t n;

	for (n = 0; (s[n] >= '0' && s[n] <= '9') || (s[n] >= 'A' && s[n] <= 'Z') || (s[n] >= 'a' && s[n] <= 'z') || s[n] == '_'; n++)
		continue;
	return s[n] == '\0' && n >= 1 && n <= ID_MAX;
}

/* "postsuper -s" renames by way of NAME#FIX; dying there it leaves a whole message that no Postfix program sees. */
int
postfix_is_fix(const char *s)
{
	char id[ID_MAX + 1];
	size_t n = strlen(s);

	if (n < 5 || n - 4 > ID_MAX || strcmp(s + n - 4, "#FIX") != 0)
		return 0;
	memcpy(id, s, n - 4);
	id[n - 4] = '\0';
	return is_id(id);
}

static int
digit52(int c)
{
	static const char safe[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"; /* safe_ultostr.c */
	const char *p = c != 0 ? strchr(safe, c) : NULL;

	return p != NULL ? (int)(p - safe) : -1;
}

/* The hash place of an id: mail_queue.h MQID_GET_HEX_USEC. key: at least 6 bytes. */
static void
hash_key(char *key, const char *id)
{
	const char *z = strrchr(id, 'z');
	unsigned long usec = 0;
	int i, d;

	if (z != NULL && z - id >= 10) { /* a long id: four digits before the z are the microseconds */
		for (i = -4; i < 0; i++) {
			d = digit52((unsigned char)z[i]);
			usec = usec * 52 + (unsigned long)(d < 0 ? 0 : d);
		}
		(void)snprintf(key, 6, "%05lX", usec & 0xfffff);
		return;
	}
	for (i = 0; i < 5; i++)
		key[i] = *id != '\0' ? *id++ : '_';
	key[5] = '\0';
}

const char *
postfix_place(struct arena *a, enum postfix_queue q, const char *id, int depth)
{
	char key[6], rel[32];
	size_t n = 0;
	int i;

	hash_key(key, id);
	n = (size_t)snprintf(rel, sizeof rel, "%s", postfix_queues[q].name);
	for (i = 0; i < depth && i < 5; i++) {
		rel[n++] = '/';
		rel[n++] = key[i];
	}
	return arena_dup(a, rel, n);
}

int
postfix_queue_named(const char *name)
{
	int q;

	for (q = 0; q < QUEUES; q++)
		if (strcmp(postfix_queues[q].name, name) == 0)
			return q;
	return -1;
}

enum postfix_queue
postfix_queue_of(const char *dir)
{
	char top[16];
	size_t n = strcspn(dir, "/");
	int q;

	if (n >= sizeof top)
		return MAILDROP;
	memcpy(top, dir, n);
	top[n] = '\0';
	q = postfix_queue_named(top);
	return q >= 0 ? (enum postfix_queue)q : MAILDROP;
}

/*
 * Probing
 */

static int
is_queue_file(struct sys_dir *d, const char *name)
{
	unsigned char b[97];
	struct sys_file f;
	struct sys_stat st;
	int64_t n;
	int i;

	if (sys_open_at(&f, &st, d, name) != 0)
		return 0;
	n = sys_pread(f, b, sizeof b, 0);
	sys_close(&f);
	if (n < 8 || (b[0] != 'C' && b[0] != 'T') || b[1] >= 0x80 || (b[0] == 'C' && b[1] != 95))
		return 0;
	for (i = 2; i < n && i < 2 + b[1]; i++)
		if (b[i] != ' ' && (b[i] < '0' || b[i] > '9'))
			return 0;
	return 1;
}

struct sample {
	int (*look)(struct sample *s, struct sys_dir *d, const char *name); /* nonzero ends it */
	int files; /* still to look at */
	int found, ready, marked;
	int unread; /* folders and files that may be there */
	enum postfix_queue queue;
};

/* Shows the first message files of a folder and of its hash folders to s->look. */
static void
sample_folder(struct sample *s, struct sys_dir *parent, const char *rel, int depth)
{
	struct sys_entry en;
	struct sys_dir *d;
	struct err e = {0, ""};
	int ended = 0, rc = 0;

	if (sys_dir_sub(&d, parent, rel, &e) < 0) {
		s->unread += e.sys != ENOENT;
		return;
	}
	while (!ended && s->files > 0 && (rc = sys_dir_next(&en, d, &e)) == 1) {
		if (en.type == SYS_DIR && en.name[1] == '\0' && depth > 0) {
			sample_folder(s, d, en.name, depth - 1);
			continue;
		}
		if ((en.type != SYS_FILE && en.type != SYS_UNKNOWN) || !is_id(en.name))
			continue;
		s->files--;
		ended = s->look(s, d, en.name);
		if (ended)
			s->files = 0;
	}
	s->unread += rc < 0;
	sys_dir_close(d);
}

static int
look_bytes(struct sample *s, struct sys_dir *d, const char *name)
{
	s->found = is_queue_file(d, name);
	return s->found;
}

static int
has_queue_file(struct sys_dir *root)
{
	struct sample s = {look_bytes, 0, 0, 0, 0, 0, MAILDROP};
	int q;

	for (q = MAILDROP; q <= CORRUPT && !s.found; q++) {
		s.files = 8;
		sample_folder(&s, root, postfix_queues[q].name, postfix_queues[q].is_hashed ? 4 : 0);
	}
	return s.found;
}

int
postfix_probe(struct sys_dir *root)
{
	static const unsigned whole = 1u << MAILDROP | 1u << INCOMING | 1u << ACTIVE | 1u << DEFERRED | 1u << HOLD | 1u << DEFER;
	static const unsigned pair = 1u << DEFERRED | 1u << DEFER;
	struct sys_stat st;
	unsigned have = 0;
	int q, n = 0, sure;

	for (q = 0; q < QUEUES; q++)
		if (sys_stat_at(&st, root, postfix_queues[q].name) == 0 && st.type == SYS_DIR) {
			have |= 1u << q;
			n += q != BOUNCE && q != TRACE; /* qmail has a folder "bounce", too */
		}
	if (n == 0)
		return 0;
	if ((have & whole) == whole)
		return 95;
	sure = n >= 4 ? 70 : (have & pair) == pair ? 60 : n >= 2 ? 40 : 10;
	return has_queue_file(root) ? 90 : sure;
}

/*
 * Open and walk
 */

static int
look_mode(struct sample *s, struct sys_dir *d, const char *name)
{
	struct sys_stat st;
	const int rc = sys_stat_at(&st, d, name);

	s->unread += rc != 0 && rc != ENOENT;
	if (rc != 0 || st.type != SYS_FILE)
		return 0;
	if ((st.mode & POSTFIX_READY) == POSTFIX_READY) {
		s->ready++;
		return 1;
	}
	/* 0600 is what cleanup(8) writes in incoming and hold, 0400 what a delivery agent marks as bad */
	if (s->queue == DEFERRED || s->queue == ACTIVE || s->queue == CORRUPT)
		s->found += (st.mode & 0777) != 0400;
	else if (s->queue == MAILDROP)
		s->found += (st.mode & 0777) != 0644;
	else
		s->found += (st.mode & 0777) != 0600 && (st.mode & 0777) != 0400;
	s->marked++;
	return 0;
}

/*
 * A copy by zip or `cp` without -p has no file with 0700. A live queue has such files, or it has only a few that are being written.
 * What cannot be read may have them: a message that is being written must not be taken for a whole one.
 */
static int
lost_modes(struct sys_dir *root)
{
	static const enum postfix_queue in[] = {DEFERRED, HOLD, ACTIVE, INCOMING, CORRUPT, MAILDROP};
	struct sample s = {look_mode, 0, 0, 0, 0, 0, MAILDROP};
	int found = 0, held = 0;
	size_t i;

	for (i = 0; i < sizeof in / sizeof in[0]; i++) {
		s.queue = in[i];
		s.files = SAMPLE;
		s.found = s.marked = 0;
		sample_folder(&s, root, postfix_queues[in[i]].name, postfix_queues[in[i]].is_hashed ? 4 : 0);
		if (s.ready > 0)
			return 0;
		found += s.found;
		held += in[i] == HOLD || in[i] == DEFERRED ? s.marked : 0;
	}
	return !s.unread && (found > 0 || held >= 3);
}

static void
set_notice(struct spool *sp, const char *text)
{
	free(sp->notice);
	sp->notice = mem_new(strlen(text) + 1);
	memcpy(sp->notice, text, strlen(text));
}

static size_t
find_owner(struct spool *sp)
{
	static const enum postfix_queue from[] = {ACTIVE, INCOMING, DEFERRED, HOLD, CORRUPT, MAILDROP, DEFER, BOUNCE, TRACE};
	struct sys_stat st;
	size_t i, n = 0;

	for (i = sizeof from / sizeof from[0]; i-- > 0;) {
		if (sys_stat_at(&st, sp->dir, postfix_queues[from[i]].name) != 0)
			continue;
		n++;
		if (st.type == SYS_DIR) {
			sp->owner_uid = st.uid;
			sp->has_owner = 1;
		}
	}
	return n;
}

int
postfix_open(struct spool *sp, struct err *e)
{
	struct postfix_walk *w;

	if (find_owner(sp) == 0)
		return err_set(e, 0, "%s: none of Postfix's queue folders is there", sp->root);
	w = mem_new(sizeof *w);
	w->names = names_new(LOGS);
	w->lost_modes = lost_modes(sp->dir);
	if (w->lost_modes)
		set_notice(sp, "no file has the mode 0700 of a complete message: a copy that lost its modes, all files are read "
			       "as complete");
	sp->state = w;
	return 0;
}

void
postfix_end(struct spool *sp)
{
	struct postfix_walk *w = sp->state;
	size_t i;

	if (w == NULL)
		return;
	sys_dir_close(w->dir);
	for (i = 0; i < w->nfolder; i++)
		free(w->folder[i].rel);
	free(w->folder);
	names_free(w->names);
	free(w);
	sp->state = NULL;
}

static void
add_folder(struct spool *sp, enum postfix_queue q, const char *parent, const char *name, int depth)
{
	struct postfix_walk *w = sp->state;
	size_t n = strlen(parent) + strlen(name) + 2;
	struct postfix_folder *f;

	if (w->nfolder >= FOLDERS_MAX || depth > DEPTH_MAX) {
		spool_unknown(sp, postfix_queues[q].name, "%s/%s: too many folders", parent, name);
		return;
	}
	if (w->nfolder == w->cap) {
		w->cap = w->cap != 0 ? w->cap * 2 : 64;
		w->folder = mem_grow(w->folder, w->cap * sizeof *w->folder);
	}
	f = &w->folder[w->nfolder++];
	f->rel = mem_new(n);
	(void)snprintf(f->rel, n, "%s%s%s", parent, *parent != '\0' ? "/" : "", name);
	f->queue = q;
	f->depth = depth;
	f->mtime = -1;
	f->is_old = 0;
}

static int
is_listed(const struct postfix_walk *w, const char *parent, const char *name)
{
	size_t i, n = strlen(parent);

	for (i = 0; i < w->nfolder; i++)
		if (strncmp(w->folder[i].rel, parent, n) == 0 && w->folder[i].rel[n] == '/' &&
		    strcmp(w->folder[i].rel + n + 1, name) == 0)
			return 1;
	return 0;
}

static int64_t
settled_mtime(struct sys_dir *d)
{
	struct sys_stat st;
	struct err e;

	return sys_dir_stat(&st, d, &e) < 0 || st.mtime / 1000 > sys_now_us() - TICK_US ? 0 : st.mtime;
}

static int
has_changed(const struct postfix_folder *f, struct spool *sp)
{
	struct sys_stat st;
	struct sys_dir *d;
	struct err e;
	int rc;

	if (f->mtime == 0)
		return 1;
	if (sys_dir_sub(&d, sp->dir, f->rel, &e) < 0)
		return e.sys != ENOENT;	/* what cannot be read now may hold what moved meanwhile: next_folder tells so */
	rc = sys_dir_stat(&st, d, &e);
	sys_dir_close(d);
	return rc < 0 || st.mtime != f->mtime;
}

/*
 * On a busy queue a message can leave a folder before we read it for one that we have read, and go back: each round
 * over what changed meanwhile leaves it that much less room. Appends those folders to the list.
 */
static void
begin_round(struct spool *sp)
{
	struct postfix_walk *w = sp->state;
	size_t i, n = w->nfolder;

	w->rounds++;
	for (i = 0; i < n; i++) {
		struct postfix_folder *f = &w->folder[i];

		f->is_old |= i < w->second && (f->queue == ACTIVE || f->queue == INCOMING);
		if (postfix_queues[f->queue].role != PART_MESSAGE || f->is_old || f->mtime < 0 || !has_changed(f, sp))
			continue;
		f->is_old = 1;
		add_folder(sp, f->queue, "", f->rel, f->depth);
	}
}

/* Opens the next folder. 1, or 0 at the end of the walk. */
static int
next_folder(struct spool *sp)
{
	struct postfix_walk *w = sp->state;
	struct postfix_folder *f;
	struct err e;

	for (;;) {
		if (w->at == w->nfolder) {
			if (w->step == ORDER - 2)
				w->second = w->nfolder;
			if (w->step < ORDER) {
				add_folder(sp, order[w->step], "", postfix_queues[order[w->step]].name, 0);
				w->step++;
			} else if (w->rounds < ROUNDS)
				begin_round(sp);
			if (w->at == w->nfolder)
				return 0;
		}
		f = &w->folder[w->at];
		err_clear(&e);
		if (sys_dir_sub(&w->dir, sp->dir, f->rel, &e) == 0) {
			f->mtime = settled_mtime(w->dir);
			return 1;
		}
		w->dir = NULL;
		w->at++;
		if (e.sys != ENOENT)
			spool_unknown(sp, postfix_queues[f->queue].name, "%s", e.text);
	}
}

/* The second pass over active and incoming: what moved there after the first one. */
static int
is_again(const struct postfix_walk *w)
{
	return w->step > ORDER - 2;
}

static enum sys_type
entry_type(const struct postfix_walk *w, const struct sys_entry *en)
{
	struct sys_stat st;

	if (en->type != SYS_UNKNOWN)
		return en->type;
	return sys_stat_at(&st, w->dir, en->name) == 0 ? st.type : SYS_UNKNOWN;
}

static void
take_log(struct spool *sp, const struct postfix_folder *f, const char *name)
{
	struct postfix_walk *w = sp->state;
	struct name *n = names_put(w->names, name, strlen(name));

	n->dir[f->queue - DEFER] = (uint16_t)(w->at + 1);
	sp->stats.files++;
}

static void
add_logs(struct part_list *l, const struct postfix_walk *w, const struct name *n, const char *name)
{
	int i;

	for (i = 0; n != NULL && i < LOGS; i++)
		if (n->dir[i] != 0)
			part_add(l, postfix_queues[DEFER + i].role, w->folder[n->dir[i] - 1].rel, name);
}

/* A message file: 1 when it is handed out, 0 when this queue's first pass had it. */
static int
take_message(struct spool_item *out, struct spool *sp, struct arena *a, const struct postfix_folder *f, const char *name)
{
	struct postfix_walk *w = sp->state;
	struct name *n = names_put(w->names, name, strlen(name));
	char *copy;

	if (w->rounds > 0 ? n->flags != 0 : is_again(w) && (n->flags & SEEN(f->queue)) != 0)
		return 0;
	if (!is_again(w) || n->flags == 0)
		sp->stats.files++;
	n->flags |= SEEN(f->queue);
	copy = arena_str(a, name);
	memset(out, 0, sizeof *out);
	out->queue = postfix_queues[f->queue].name;
	out->id = copy;
	part_add(&out->parts, PART_MESSAGE, f->rel, copy);
	add_logs(&out->parts, w, n, copy);
	return 1;
}

/* One entry of the open folder. 1 a message for out. */
static int
take_entry(struct spool_item *out, struct spool *sp, struct arena *a, const struct sys_entry *en)
{
	struct postfix_walk *w = sp->state;
	const struct postfix_folder *f = &w->folder[w->at];
	int is_log = postfix_queues[f->queue].role != PART_MESSAGE,
	    is_bucket = postfix_queues[f->queue].is_hashed && en->name[1] == '\0';

	if (!is_id(en->name) && !is_bucket && (is_log || !postfix_is_fix(en->name)))
		return 0;
	switch (entry_type(w, en)) {
	case SYS_DIR:
		if (is_bucket && (w->rounds == 0 || !is_listed(w, f->rel, en->name)))
			/* scan_dir: only folders of one character are the hash's */
			add_folder(sp, f->queue, f->rel, en->name, f->depth + 1);
		return 0;
	case SYS_FILE:
		if (is_log && is_id(en->name))
			take_log(sp, f, en->name);
		else if (!is_log && (is_id(en->name) || postfix_is_fix(en->name)))
			return take_message(out, sp, a, f, en->name);
		return 0;
	case SYS_LINK:
		if (is_bucket) /* maybe a hash folder moved to another disk: its messages are not read */
			spool_unknown(sp, postfix_queues[f->queue].name, "%s/%s is a link, not entered", f->rel, en->name);
		/* FALLTHROUGH */
	case SYS_ODD:
		if (!is_again(w))
			spool_odd(sp, f->rel, en->name);
		return 0;
	case SYS_UNKNOWN: break; /* gone between readdir and lstat */
	}
	return 0;
}

static int
is_message_unknown(const struct spool *sp)
{
	size_t i;
	int q;

	for (i = 0; i < sp->nunknown; i++) {
		q = sp->unknown[i].queue != NULL ? postfix_queue_named(sp->unknown[i].queue) : -1;
		if (q < 0 || postfix_queues[q].role == PART_MESSAGE)
			return 1;
	}
	return 0;
}

/* Logs without a message in any queue; not known when a queue was not read. A message that ended while we walked took its log along: look again. */
static void
count_orphans(struct spool *sp)
{
	struct postfix_walk *w = sp->state;
	struct spool_reader *r;
	struct part p;
	struct name *n;
	size_t at = 0;
	int k, rc;

	if (is_message_unknown(sp))
		return;
	r = spool_reader_new(sp);
	while ((n = names_next(&at, w->names)) != NULL) {
		for (k = 0; n->flags == 0 && k < LOGS; k++) {
			if (n->dir[k] == 0)
				continue;
			memset(&p, 0, sizeof p);
			p.dir = w->folder[n->dir[k] - 1].rel;
			p.name = names_key(n);
			rc = spool_part_stat(&p, r);
			if (rc == 0 && !p.absent)
				sp->stats.orphans++;
			else if (rc != 0)
				spool_unknown(sp, postfix_queues[w->folder[n->dir[k] - 1].queue].name, "%s/%s: %s", p.dir, p.name, sys_error(rc));
		}
	}
	spool_reader_free(r);
}

int
postfix_next(struct spool_item *out, struct spool *sp, struct arena *a, struct err *e)
{
	struct postfix_walk *w = sp->state;
	struct sys_entry en;
	struct err why;
	int got;

	(void)e; /* nothing in a queue ends the walk: a folder that cannot be read is unknown */
	while (!w->ended) {
		if (w->dir == NULL && next_folder(sp) == 0) {
			w->ended = 1;
			count_orphans(sp);
			break;
		}
		got = sys_dir_next(&en, w->dir, &why);
		if (got == 1) {
			if (take_entry(out, sp, a, &en))
				return 1;
			continue;
		}
		if (got < 0)
			spool_unknown(sp, postfix_queues[w->folder[w->at].queue].name, "%s: %s", w->folder[w->at].rel, why.text);
		sys_dir_close(w->dir);
		w->dir = NULL;
		w->at++;
	}
	return 0;
}
