/*
 * SmarterMail. Closed source; what is known of its spool comes from the vendor's
 * help ("General Settings": SubSpools; KB "My spool is full of pending messages":
 * .EML and .HDR pairs), its sample SMCustomHeaders, and the traces published in
 * bigjosh/sm-tagger2. The .hdr makes the server notice a message, so it is the
 * first part to go and the last to come back.
 */
#include "spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "head.h"
#include "smartermail_files.h"
#include "smartermail_find.h"
#include "smartermail_hdr.h"
#include "smartermail_probe.h"

#define EML_WINDOW ((size_t)16 * 1024)	/* most header sections fit, and a big body is not read for nothing */
#define TICK_US INT64_C(20000)
#define VANISHED 1

struct state {
	/* the walk: one thread */
	struct smartermail_folders todo;
	size_t next_folder, first_pass;	/* first_pass: folders of it, once it has ended */
	int is_second_pass;
	struct smartermail_seen seen;
	size_t at, run_end;
	unsigned run_flags;
	const char *queue;		/* the folder whose files are being told */
	struct sys_dir *dir;
	struct smartermail_files files;

	struct sys_zone *own_zone;
	const struct sys_zone *zone;

	struct smartermail_tree tree;	/* shared by the readers */
};

/* What reading one message needs at hand. */
struct reading {
	struct msg *m;
	struct spool *sp;
	struct spool_reader *r;
	struct err *e;
	struct smartermail_hdr hdr;
	int is_growing;
};

/* ---- folders ---- */

static int
by_rel(const void *x, const void *y)
{
	const struct smartermail_folder *a = x, *b = y;

	return strcmp(a->rel, b->rel);
}

/* A sub-folder or a link. A link is never followed, not even to learn whether it is a folder:
 * what may lie behind it is not known. */
static void
meet_folder(struct smartermail_folders *out, struct spool *sp, const struct smartermail_folder *in,
    const struct sys_entry *ent, struct arena *a)
{
	if (smartermail_is_private(ent->name))
		return;
	if (ent->type == SYS_LINK)
		spool_unknown(sp, spool_path(a, in->rel, ent->name), "a link is not entered");
	else if (in->depth >= SMARTERMAIL_DEPTH)
		spool_unknown(sp, spool_path(a, in->rel, ent->name), "more than %u folders deep", SMARTERMAIL_DEPTH);
	else
		smartermail_folders_add(out, in->rel, ent->name, in->depth + 1);
}

static int
is_listed(const struct smartermail_folders *f, const char *rel)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (strcmp(f->v[i].rel, rel) == 0)
			return 1;
	return 0;
}

/* One name of a folder. A folder that is read a second time tells only what is new. */
static void
meet(struct state *st, struct spool *sp, const struct smartermail_folder *in,
    const struct sys_entry *ent, int is_again, struct arena *a)
{
	size_t base;
	int is_message = smartermail_role(&base, ent->name) >= 0;

	if (ent->type == SYS_DIR || (ent->type == SYS_LINK && !is_message)) {
		if (!is_again || !is_listed(&st->todo, spool_path(a, in->rel, ent->name)))
			meet_folder(&st->todo, sp, in, ent, a);
	} else if (is_message && ent->type == SYS_FILE) {
		smartermail_files_add(&st->files, ent->name, ent->ino);
	} else if (is_message && !is_again) {
		spool_odd(sp, in->rel, ent->name);
	}
}

/* When the folder last changed, as far as a later look can rely on it: the clock of a file system has
 * ticks of some milliseconds. */
static int64_t
settled_mtime(struct sys_dir *d)
{
	struct sys_stat s;

	if (sys_dir_stat(&s, d, NULL) < 0 || s.mtime / 1000 > sys_now_us() - TICK_US)
		return 0;
	return s.mtime;
}

/* Reads a folder of the walk: its messages, and its sub-folders sorted to the end of the list. -1: it
 * was not, or not wholly, read. */
static int
walk_folder(struct state *st, struct spool *sp, size_t index, struct err *e)
{
	struct smartermail_folder in = st->todo.v[index];
	struct arena a = { 0 };
	struct sys_entry ent;
	size_t first = st->todo.n;
	int got, rc, is_again = st->is_second_pass && index < st->first_pass;

	if (sys_dir_sub(&st->dir, sp->dir, in.rel, e) < 0)
		return -1;
	st->todo.v[index].mtime = settled_mtime(st->dir);
	while ((got = sys_dir_next(&ent, st->dir, e)) > 0) {
		rc = smartermail_entry_type(&ent, st->dir);
		if (rc == 0)
			meet(st, sp, &in, &ent, is_again, &a);
		else if (rc != ENOENT)
			spool_unknown(sp, in.rel, "look at %s: %s", ent.name, sys_error(rc));
	}
	arena_free(&a);
	if (st->todo.n - first > 1)
		qsort(st->todo.v + first, st->todo.n - first, sizeof *st->todo.v, by_rel);
	return got;
}

/* ---- state ---- */

static int
state_new(struct state **out, struct spool *sp, struct err *e)
{
	struct state *st = mem_new(sizeof *st);

	st->zone = sp->opt.zone;
	if (st->zone == NULL) {
		if (sys_zone_load(&st->own_zone, NULL, e) < 0) {
			free(st);
			return -1;
		}
		st->zone = st->own_zone;
	}
	st->tree.lock = sys_mutex_new();
	*out = st;
	return 0;
}

/* The state, made on first need: a single message is read without a walk. */
static struct state *
state_of(struct spool *sp, struct err *e)
{
	struct state *st;

	sys_mutex_lock(sp->lock);
	st = sp->state;
	if (st == NULL && state_new(&st, sp, e) == 0)
		sp->state = st;
	sys_mutex_unlock(sp->lock);
	return st;
}

static void
sm_end(struct spool *sp)
{
	struct state *st = sp->state;

	if (st == NULL)
		return;
	sys_dir_close(st->dir);
	smartermail_files_free(&st->files);
	smartermail_seen_free(&st->seen);
	smartermail_folders_free(&st->todo);
	smartermail_folders_free(&st->tree.folders);
	sys_zone_free(st->own_zone);
	sys_mutex_free(st->tree.lock);
	free(st);
	sp->state = NULL;
}

/* ---- the walk ---- */

static void
walk_close_folder(struct state *st)
{
	sys_dir_close(st->dir);
	st->dir = NULL;
	smartermail_files_clear(&st->files);
	st->at = st->run_end = 0;
}

static int
sm_open(struct spool *sp, struct err *e)
{
	struct state *st;

	if (sp->state != NULL)
		sm_end(sp);
	st = state_of(sp, e);
	if (st == NULL)
		return -1;
	smartermail_folders_add(&st->todo, "", "", 0);
	if (sys_random(st->seen.key, sizeof st->seen.key, e) < 0 || walk_folder(st, sp, 0, e) < 0) {
		sm_end(sp);
		return -1;
	}
	smartermail_files_sort(&st->files);
	st->queue = st->todo.v[0].rel;
	st->next_folder = 1;
	return 0;
}

/* In the second pass: has the folder stayed as it was when the first had read it? */
static int
is_unchanged(const struct smartermail_folder *in, struct spool *sp)
{
	struct sys_stat s = { 0 };
	struct sys_dir *d;
	int rc;

	if (in->mtime == 0 || sys_dir_sub(&d, sp->dir, in->rel, NULL) < 0)
		return 0;
	rc = sys_dir_stat(&s, d, NULL);
	sys_dir_close(d);
	return rc == 0 && s.mtime == in->mtime;
}

/* Goes to the next folder. One that is gone meanwhile held nothing that is here now; what cannot be
 * read is not zero. */
static void
walk_next_folder(struct state *st, struct spool *sp)
{
	size_t index = st->next_folder++;
	struct err e;

	err_clear(&e);
	walk_close_folder(st);
	st->queue = st->todo.v[index].rel;
	if (st->is_second_pass && index < st->first_pass && is_unchanged(&st->todo.v[index], sp))
		return;
	if (walk_folder(st, sp, index, &e) < 0 && e.sys != ENOENT)
		spool_unknown(sp, st->queue, "%s", e.text);
	smartermail_files_sort(&st->files);
}

/* The server renames .em_ to .eml while we read the folder, and readdir may then show neither:
 * ask for the sibling before calling it lost. */
static size_t
add_siblings(struct smartermail_file *v, size_t n, struct state *st, struct arena *a)
{
	struct sys_stat s;
	unsigned seen = 0;
	size_t i, have = n;
	int role;

	for (i = 0; i < have; i++)
		seen |= 1u << v[i].role;
	for (role = 0; role < SMARTERMAIL_EM; role++) {
		char *name = arena_get(a, v[0].base + (size_t)5);

		memcpy(name, v[0].name, v[0].base);
		memcpy(name + v[0].base, smartermail_extension(role), 5);
		if ((seen & 1u << role) != 0 || sys_stat_at(&s, st->dir, name) != 0 || s.type != SYS_FILE)
			continue;
		v[n].name = name;
		v[n].ino = s.ino;
		v[n].base = v[0].base;
		v[n++].role = (uint16_t)role;
	}
	return n;
}

/* The next message of the folder. 1, or 0 when the second pass meets what the first has told. */
static int
next_item(struct spool_item *out, struct state *st, struct spool *sp, struct arena *a)
{
	const struct smartermail_file *v = st->files.v + st->at;
	struct smartermail_file more[SMARTERMAIL_ROLES * 2];
	size_t end, n;
	int is_case, is_seen;

	if (st->at >= st->run_end) {
		st->run_end = smartermail_files_run(&is_case, &st->files, st->at);
		st->run_flags = smartermail_folder_flags(st->queue) | (is_case ? SMARTERMAIL_CASE : 0);
	}
	is_case = (st->run_flags & SMARTERMAIL_CASE) != 0;
	end = is_case ? smartermail_files_spelling(&st->files, st->at) : st->run_end;
	n = end - st->at;
	st->at = end;
	is_seen = smartermail_seen(&st->seen, v, n);
	if (is_seen && st->is_second_pass)
		return 0;
	smartermail_item(out, a, st->queue, v, n, st->run_flags);
	if (out->is_orphan && !is_case) {
		memcpy(more, v, n * sizeof *v);
		n = add_siblings(more, n, st, a);
		smartermail_item(out, a, st->queue, more, n, st->run_flags);
	}
	sp->stats.files += n;
	sp->stats.orphans += out->is_orphan != 0;
	return 1;
}

/* The server moves mail from proc back to the root, which the walk has passed by then: so folders that
 * changed meanwhile are read once more. */
static int
sm_next(struct spool_item *out, struct spool *sp, struct arena *a, struct err *e)
{
	struct state *st = sp->state;

	(void)e;
	for (;;) {
		if (st->at < st->files.n) {
			if (next_item(out, st, sp, a))
				return 1;
		} else if (st->next_folder < st->todo.n) {
			walk_next_folder(st, sp);
		} else if (!st->is_second_pass) {
			st->is_second_pass = 1;
			st->first_pass = st->todo.n;
			st->next_folder = 0;
		} else {
			return 0;
		}
	}
}

/* ---- reading ---- */

static void
doubt(struct reading *g, const char *what)
{
	if (g->is_growing)
		msg_note(g->m, "%s", what);
	else
		msg_damage(g->m, "%s", what);
}

/* A part that cannot be opened. Gone: VANISHED. The file alone refuses: damage. Anything wider
 * makes the message unknown. */
static int
part_failed(struct reading *g, struct part *p, int rc)
{
	if (rc == ENOENT)
		return VANISHED;
	if (rc == ELOOP || rc == EINVAL) {
		spool_odd(g->sp, p->dir, p->name);
		msg_damage(g->m, "%s is no regular file any more", p->role == PART_ENVELOPE ? ".hdr" : ".eml");
		return 0;
	}
	if ((rc == EACCES || rc == EPERM) && spool_part_stat(p, g->r) == 0) {
		msg_damage(g->m, "%s cannot be read: permission denied", p->role == PART_ENVELOPE ? ".hdr" : ".eml");
		return p->absent ? VANISHED : 0;
	}
	return err_set(g->e, rc, "open %s", spool_path(&g->r->scratch, p->dir, p->name));
}

static void
settle_time(struct reading *g, const struct sys_zone *zone)
{
	const struct smartermail_time *t = &g->hdr.created;
	int64_t sec;

	if (!g->hdr.has_created)
		return;
	if (sys_zone_utc(&sec, zone, t->year, t->month, t->day, t->hour, t->min, t->sec) == 0)
		g->m->arrived = sec * 1000000;
	else
		msg_note(g->m, "creationdate is no time of the zone");
}

static int
read_envelope(struct reading *g, struct part *p)
{
	struct state *st = state_of(g->sp, g->e);
	struct sys_file f = SYS_FILE_CLOSED;
	struct rd rd;
	int rc;

	if (st == NULL)
		return -1;
	rc = spool_part_open(&rd, &f, p, g->r, 0);
	if (rc != 0)
		return part_failed(g, p, rc);
	rc = smartermail_hdr_read(&g->hdr, g->m, &rd, g->is_growing);
	sys_close(&f);
	if (rc < 0)
		return err_set(g->e, rd.error, "read %s", spool_path(&g->r->scratch, p->dir, p->name));
	g->is_growing |= g->hdr.status == SMARTERMAIL_WRITING;
	settle_time(g, st->zone);
	return 0;
}

static int
is_name(const char *s, const char *name)
{
	return smartermail_compare(s, strlen(s), name, strlen(name)) == 0;
}

/* The server puts Return-Path on top of what it takes in: the sender of a message whose envelope
 * is lost. */
static void
sender_from_head(struct msg *m, const struct head *h)
{
	size_t i;

	for (i = 0; i < h->nall && m->sender == NULL; i++)
		if (is_name(h->all[i].name, "Return-Path"))
			m->sender = addr_clean(m->arena, h->all[i].value, strlen(h->all[i].value));
}

/* Skips the BOM that mail sent by the web API can start with. 1: there is a header section to read. */
static int
eml_begin(struct reading *g, struct rd *rd)
{
	int c = rd_peek(rd);

	if (rd->size == 0)
		doubt(g, "empty .eml");
	else if (c == 0)
		doubt(g, ".eml begins with NUL bytes");
	smartermail_skip_bom(rd);
	return c > 0;
}

static void
read_head(struct reading *g, struct rd *rd)
{
	struct head_parser hp;
	const struct head *h;
	const unsigned char *s;
	size_t n, seen = 0;
	int is_over = 0;

	head_init(&hp, g->m->arena, g->m->sender == NULL);
	while (!is_over && seen < HEAD_ALL_MAX && (s = rd_some(&n, rd, EML_WINDOW)) != NULL) {
		is_over = head_push(&hp, s, n);
		seen += n;
	}
	h = head_end(&hp);
	head_to_msg(g->m, h);
	if (!is_over && seen >= HEAD_ALL_MAX)
		msg_note(g->m, "header section longer than 4 MiB");
	if (g->m->sender == NULL)
		sender_from_head(g->m, h);
}

static int
read_message(struct reading *g, struct part *p)
{
	struct sys_file f = SYS_FILE_CLOSED;
	struct rd rd;
	int rc;

	rc = spool_part_open(&rd, &f, p, g->r, 0);
	if (rc != 0)
		return part_failed(g, p, rc);
	g->m->size = (int64_t)p->st.size;
	rd_file(&rd, f, p->st.size, g->r->window, EML_WINDOW);
	if (eml_begin(g, &rd))
		read_head(g, &rd);
	sys_close(&f);
	if (rd.error != 0)
		return err_set(g->e, rd.error, "read %s", spool_path(&g->r->scratch, p->dir, p->name));
	if (rd.shrunk)
		doubt(g, ".eml became shorter while it was read");
	return 0;
}

static int
read_part(struct reading *g, struct part *p, int is_first)
{
	int rc;

	if (is_first && p->role == PART_ENVELOPE)
		return read_envelope(g, p);
	if (is_first && p->role == PART_MESSAGE)
		return read_message(g, p);
	rc = spool_part_stat(p, g->r);
	if (rc != 0)
		return err_set(g->e, rc, "look at %s", spool_path(&g->r->scratch, p->dir, p->name));
	return p->absent ? VANISHED : 0;
}

/* A final word of the server stands; else what is still being written is incomplete, whatever
 * its envelope says so far. */
static enum msg_state
state_by_word(const struct reading *g)
{
	if (g->hdr.status == SMARTERMAIL_FAILED || g->hdr.status == SMARTERMAIL_OTHER)
		return MSG_CORRUPT;
	if (g->is_growing)
		return MSG_INCOMPLETE;
	if (g->hdr.status == SMARTERMAIL_QUARANTINED)
		return MSG_HELD;
	if (g->hdr.status == SMARTERMAIL_WRITTEN)
		return g->hdr.retries > 0 ? MSG_DEFERRED : MSG_QUEUED;
	return MSG_CORRUPT;
}

static void
settle(struct reading *g, const struct spool_item *it)
{
	struct msg *m = g->m;
	int has_hdr = part_find(&m->parts, PART_ENVELOPE) != NULL, has_eml = part_find(&m->parts, PART_MESSAGE) != NULL;

	m->state = state_by_word(g);
	if (!has_hdr && has_eml && !g->is_growing && (it->flags & SMARTERMAIL_PLAIN) != 0)
		m->state = smartermail_in_folder(it->queue, "Quarantine") ? MSG_HELD : MSG_QUEUED;
	/* after an attempt nothing on disk tells who was served */
	m->pending_known = g->hdr.status != SMARTERMAIL_NONE && g->hdr.retries == 0;
	if (it->is_orphan)
		msg_damage(m, "%s", has_hdr ? ".eml is missing" : ".hdr is missing");
	if ((it->flags & SMARTERMAIL_CASE) != 0)
		msg_damage(m, "names differ only in case");
}

static int
read_once(struct reading *g, const struct spool_item *it)
{
	struct msg *m = g->m;
	enum part_role last = PART_JOURNAL;	/* a role that is not used here */
	struct part *p;
	size_t i;
	int rc;

	m->queue = arena_str(m->arena, it->queue);
	m->id = arena_str(m->arena, it->id);
	memset(&g->hdr, 0, sizeof g->hdr);
	g->is_growing = 0;
	for (i = 0; i < it->parts.n; i++) {
		const struct part *from = &it->parts.v[i];

		(void)part_add(&m->parts, from->role, m->queue, arena_str(m->arena, from->name));
		g->is_growing |= from->role == PART_LEFTOVER;
	}
	for (i = 0; i < m->parts.n; i++) {
		p = &m->parts.v[i];
		rc = read_part(g, p, p->role != last);
		if (rc != 0)
			return rc;
		last = p->role;
	}
	settle(g, it);
	return 0;
}

static int
sm_find(struct spool_item *out, struct spool *sp, struct spool_reader *r, struct arena *a,
    const char *queue, const char *id, const char *path, struct err *e)
{
	struct state *st = state_of(sp, e);

	return st != NULL ? smartermail_find(out, &st->tree, sp, r, a, queue, id, path, e) : -1;
}

/* A pair has one base name; its two endings are written alike by the server. */
static int
sm_place(struct spool_item *out, struct arena *a, const char *queue, const char *id, const char *path)
{
	size_t n = strlen(path);
	char *eml = arena_dup(a, path, n);

	if (n < 5 || (strcmp(path + n - 4, ".hdr") != 0 && strcmp(path + n - 4, ".HDR") != 0 && strcmp(path + n - 4, ".eml") != 0))
		return 0;
	memcpy(eml + n - 3, path[n - 1] == 'R' ? "EML" : "eml", 3);
	spool_place(out, a, PART_MESSAGE, queue, id, eml);
	return 1;
}

static int
sm_read(struct msg *m, struct spool *sp, struct spool_reader *r, const struct spool_item *it, struct err *e)
{
	struct reading g = { .m = m, .sp = sp, .r = r, .e = e };
	struct spool_item now = *it;
	const struct part *first;
	int tries, rc;

	arena_reset(&r->scratch);
	for (tries = 0; tries < 3; tries++) {
		rc = read_once(&g, &now);
		if (rc != VANISHED)
			return rc;
		first = &now.parts.v[0];
		rc = sm_find(&now, sp, r, &r->scratch, now.queue, now.id, spool_path(&r->scratch, first->dir, first->name), e);
		if (rc < 0)
			return -1;
		msg_init(m, m->arena);
		if (rc == 0)
			break;
	}
	m->is_taken_mid_way = 1;
	m->queue = arena_str(m->arena, it->queue);
	m->id = arena_str(m->arena, it->id);
	return 0;
}

static int
sm_look(struct part_list *out, struct spool *sp, struct spool_reader *r, const struct spool_item *it)
{
	size_t i;

	(void)sp;
	*out = it->parts;
	for (i = 0; i < out->n; i++)
		if (spool_part_stat(&out->v[i], r) != 0 || out->v[i].absent)
			return -1;
	return 0;
}

/* The server keeps no lock that could be asked. While a session writes, the status word or an
 * .em_ says so. */
static int
sm_busy(struct spool *sp, struct spool_reader *r, const struct spool_item *it)
{
	struct part_list parts = it->parts;
	struct part *p = part_find(&parts, PART_ENVELOPE);
	struct sys_file f = SYS_FILE_CLOSED;
	enum smartermail_status status;
	struct rd rd;

	(void)sp;
	if (part_find(&parts, PART_LEFTOVER) != NULL)
		return -1;
	if (p == NULL)
		return 0;
	if (spool_part_open(&rd, &f, p, r, 0) != 0)
		return -1;
	status = smartermail_hdr_status(NULL, &rd);
	sys_close(&f);
	return status == SMARTERMAIL_WRITING || rd.error != 0 ? -1 : 0;
}

static int
push_head(struct rd *rd, int (*sink)(void *arg, const void *p, size_t n), void *arg)
{
	const unsigned char *s;
	size_t n, seen = 0;
	int more, is_start = 1, rc = 0;

	while (rc == 0 && seen < HEAD_ALL_MAX && rd_line(&s, &n, &more, NULL, rd, EML_WINDOW) > 0) {
		if (!more && n != 0 && s[n - 1] == '\r')
			n--;
		if (is_start && !more && n == 0)
			break;
		rc = n != 0 ? sink(arg, s, n) : 0;
		if (rc == 0 && !more)
			rc = sink(arg, "\n", 1);
		is_start = !more;
		seen += n + 1;
	}
	return rc;
}

static int
sm_headers(struct spool *sp, struct spool_reader *r, const struct spool_item *it,
    int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e)
{
	struct msg ignored;
	struct reading g = { .m = &ignored, .sp = sp, .r = r, .e = e };
	struct part_list parts = it->parts;
	struct part *p = part_find(&parts, PART_MESSAGE);
	struct sys_file f = SYS_FILE_CLOSED;
	struct rd rd;
	int rc;

	if (p == NULL)
		return 0;
	rc = spool_part_open(&rd, &f, p, r, 0);
	if (rc != 0)
		return err_set(e, rc, "open %s", spool_path(&r->scratch, p->dir, p->name));
	msg_init(&ignored, &r->scratch);
	rc = eml_begin(&g, &rd) ? push_head(&rd, sink, arg) : 0;
	sys_close(&f);
	return rd.error != 0 ? err_set(e, rd.error, "read %s", p->name) : rc;
}

static int
sm_message(struct spool *sp, struct spool_reader *r, const struct spool_item *it,
    int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e)
{
	struct part_list parts = it->parts;
	struct part *part = part_find(&parts, PART_MESSAGE);
	struct sys_file f = SYS_FILE_CLOSED;
	const unsigned char *p;
	struct rd rd;
	size_t n;
	int rc;

	(void)sp;
	rc = part != NULL ? spool_part_open(&rd, &f, part, r, 0) : ENOENT;
	if (rc != 0)
		return err_set(e, rc, "open the .eml of %s", it->id);
	while (rc == 0 && (p = rd_some(&n, &rd, SPOOL_WINDOW)) != NULL && n != 0)
		rc = sink(arg, p, n);
	sys_close(&f);
	return rd.error != 0 ? err_set(e, rd.error, "read %s", part->name) : rc != 0 ? -1 : 0;
}

/* Deliveries are told in the server's Logs folder, not in the spool. */
static int
sm_log(struct spool *sp, struct spool_reader *r, const struct spool_item *it, int (*sink)(void *arg,
    const void *p, size_t n), void *arg, struct err *e)
{
	(void)sp;
	(void)r;
	(void)it;
	(void)sink;
	(void)arg;
	(void)e;
	return 0;
}

/* Windows: WMI dumps and hosters' notes; Linux: `service smartermail start` (notes of admins). The name MailService alone would
 * fit others too. */
static int
sm_service(struct service *out, struct err *e)
{
	static const struct service_names names = { "MailService", "MailService", "SmarterMail", "smartermail.service" };

	return service_find(out, &names, e);
}

/* MailService.exe on Windows, /opt/smartermail/MailService on Linux. It has one spool, whose
 * path only it knows. */
static int
sm_running(struct spool *sp)
{
	struct service s;
	int any = sys_process_any("MailService");

	(void)sp;
	/* Where no service manager can be asked, no service of it runs: the processes decide. */
	if (any == 1 || sm_service(&s, NULL) != 1)
		return any;
	if (s.state == SVC_UNKNOWN)
		return -1;
	return s.state != SVC_STOPPED ? 1 : s.program[0] != '\0' ? service_has_process(&s) : any;
}

const struct spool_driver spool_smartermail = {
	.name = "smartermail",
	.looks_for = "pairs of .hdr and .eml, or SubSpool folders",
	.probe = smartermail_probe,
	.open = sm_open,
	.next = sm_next,
	.read = sm_read,
	.look = sm_look,
	.busy = sm_busy,
	.find = sm_find,
	.place = sm_place,
	.headers = sm_headers,
	.message = sm_message,
	.log = sm_log,
	.private_beside = 1,
	.has_local_times = 1,
	.running = sm_running,
	.service = sm_service,
	.end = sm_end,
};
