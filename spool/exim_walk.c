#include "exim_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "names.h"

/* What a file is; the first five are also its slot in the table of names. */
enum kind { KIND_H, KIND_D, KIND_J, KIND_LOG, KIND_HDR, KIND_K, KIND_EML, KIND_NONE };
enum { SLOT_TEMP = 5, SLOT_AGAIN, SLOT_LOG_AGAIN };

struct queue {
	const char *name, *input, *msglog;
	int is_moved;		/* Finput: frozen, whatever -H says */
};

struct queue_list {
	struct queue *v;
	size_t n, cap;
	struct arena *arena;
};

struct exim {
	struct arena arena;		/* names of queues and folders */
	struct queue_list queues;
	size_t at_queue, at_name;
	struct names *names;		/* of the queue that is being given out; NULL between two */
	const char **dir;		/* folders of that queue, numbered from 1 in the table */
	size_t ndir, dir_cap;
	struct spool_reader *reader;	/* for a second look at parts that came alone */
};

/* Where the files of one id are. */
struct found {
	const char *dir[NAMES_ROLES];
	unsigned flags;
};

/* ---- names ---- */

size_t
exim_id_length(const char *s)
{
	size_t i, second, n;

	n = strnlen(s, 23);
	if (n >= 16 && s[13] == '-') {
		second = 13;
		n = 16;
	} else if (n == 23) {
		second = 18;
	} else {
		return 0;
	}
	for (i = 0; i < n; i++)
		if ((i == 6 || i == second) ? s[i] != '-' : !ascii_is_alnum((unsigned char)s[i]))
			return 0;
	return n;
}

static const struct {
	const char *prefix, *suffix;
	enum part_role role;
} file_kind[] = {
	[KIND_H] = { "", "-H", PART_ENVELOPE },
	[KIND_D] = { "", "-D", PART_MESSAGE },
	[KIND_J] = { "", "-J", PART_JOURNAL },
	[KIND_LOG] = { "", "", PART_LOG },
	[KIND_HDR] = { "hdr.", "", PART_LEFTOVER },
	[KIND_K] = { "", "-K", PART_LEFTOVER },
	[KIND_EML] = { "", ".eml", PART_LEFTOVER },
};

static enum kind
kind_of(const char **id, size_t *n, const char *name, int is_log)
{
	int k;

	*id = strncmp(name, "hdr.", 4) == 0 && !is_log ? name + 4 : name;
	*n = exim_id_length(*id);
	if (*n == 0)
		return KIND_NONE;
	for (k = KIND_H; k < KIND_NONE; k++)
		if ((k == KIND_LOG) == is_log && (k == KIND_HDR) == (*id != name) && strcmp(*id + *n, file_kind[k].suffix) == 0)
			return (enum kind)k;
	return KIND_NONE;
}

int
exim_is_name(const char *name)
{
	const char *id;
	size_t n;

	return kind_of(&id, &n, name, 0) != KIND_NONE;
}

static const char *
file_name(struct arena *a, enum kind k, const char *id)
{
	size_t np = strlen(file_kind[k].prefix), ni = strlen(id), ns = strlen(file_kind[k].suffix);
	char *s = arena_get(a, np + ni + ns + 1);

	memcpy(s, file_kind[k].prefix, np);
	memcpy(s + np, id, ni);
	memcpy(s + np + ni, file_kind[k].suffix, ns + 1);
	return s;
}

/* The slot for one more file of a kind; flags say what a slot alone cannot. */
static int
slot_of(unsigned *flags, enum kind k, int is_taken)
{
	if (k == KIND_K || k == KIND_EML) {
		*flags |= k == KIND_K ? EXIM_HAS_K : EXIM_HAS_EML;
		return SLOT_TEMP;
	}
	if (!is_taken || k == KIND_HDR)
		return (int)k;
	if (k == KIND_LOG)
		return SLOT_LOG_AGAIN;
	*flags |= (unsigned)EXIM_AGAIN_H << k;
	return SLOT_AGAIN;
}

static void
add_file(struct spool_item *out, struct arena *a, enum kind k, enum part_role role, const char *dir)
{
	size_t n = out->parts.n;

	if (dir == NULL)
		return;
	if (n > 0 && strcmp(out->parts.v[n - 1].dir, dir) == 0)
		dir = out->parts.v[n - 1].dir;
	else
		dir = arena_str(a, dir);
	(void)part_add(&out->parts, role, dir, file_name(a, k, out->id));
}

/* Makes the item of an id. -H goes first: without it Exim does not see the message. */
static void
build(struct spool_item *out, struct arena *a, const struct queue *q, const char *id, const struct found *f)
{
	int k;

	memset(out, 0, sizeof *out);
	out->queue = arena_str(a, q->name);
	out->id = arena_str(a, id);
	out->flags = f->flags | (q->is_moved ? EXIM_MOVED : 0u);
	out->is_orphan = (f->dir[KIND_H] == NULL && (f->flags & EXIM_ODD_H) == 0) ||
	    (f->dir[KIND_D] == NULL && (f->flags & EXIM_ODD_D) == 0);
	for (k = KIND_H; k <= KIND_LOG; k++)
		add_file(out, a, (enum kind)k, file_kind[k].role, f->dir[k]);
	add_file(out, a, KIND_LOG, PART_LOG, f->dir[SLOT_LOG_AGAIN]);
	add_file(out, a, KIND_HDR, PART_LEFTOVER, f->dir[KIND_HDR]);
	if ((f->flags & EXIM_HAS_K) != 0)
		add_file(out, a, KIND_K, PART_LEFTOVER, f->dir[SLOT_TEMP]);
	if ((f->flags & EXIM_HAS_EML) != 0)
		add_file(out, a, KIND_EML, PART_LEFTOVER, f->dir[SLOT_TEMP]);
	for (k = KIND_H; k <= KIND_J; k++)
		if ((f->flags & ((unsigned)EXIM_AGAIN_H << k)) != 0)
			add_file(out, a, (enum kind)k, PART_LEFTOVER, f->dir[SLOT_AGAIN]);
}

/* ---- queues ---- */

static const char *
join(struct arena *a, const char *base, const char *name)
{
	return *base != '\0' ? arena_fmt(a, "%s/%s", base, name) : arena_str(a, name);
}

/* The folders of a queue by its name as we show it. */
static void
queue_named(struct queue *out, struct arena *a, const char *name)
{
	size_t n = strlen(name);
	const char *base;

	out->name = arena_str(a, name);
	out->is_moved = strcmp(name, "Finput") == 0 || (n > 7 && strcmp(name + n - 7, "/Finput") == 0);
	if (out->is_moved) {
		base = arena_dup(a, name, n > 7 ? n - 7 : 0);
		out->input = out->name;
		out->msglog = join(a, base, "Fmsglog");
		return;
	}
	out->input = join(a, name, "input");
	out->msglog = join(a, name, "msglog");
}

static void
add_queue(struct queue_list *l, const char *name)
{
	struct queue *grown;

	if (l->n == l->cap) {
		l->cap = l->cap != 0 ? l->cap * 2 : 8;
		grown = arena_get(l->arena, l->cap * sizeof *grown);
		if (l->n != 0)
			memcpy(grown, l->v, l->n * sizeof *grown);
		l->v = grown;
	}
	queue_named(&l->v[l->n++], l->arena, name);
}

static enum sys_type
type_at(struct sys_dir *d, const char *name)
{
	struct sys_stat st;

	return sys_stat_at(&st, d, name) == 0 ? st.type : SYS_UNKNOWN;
}

/* Folders of a spool that are no queue, whatever they hold (scan/ID/ID.eml is a copy for a virus scanner). */
static int
is_no_queue(const char *name)
{
	static const char *const other[] = { "msglog", "msglog.OLD", "Fmsglog", "db", "log", "scan" };
	size_t i;

	for (i = 0; i < sizeof other / sizeof other[0]; i++)
		if (strcmp(name, other[i]) == 0)
			return 1;
	return strncmp(name, SPOOL_PRIVATE, strlen(SPOOL_PRIVATE)) == 0;
}

/*
 * Adds the queues below a folder: each folder D with D/input or D/Finput is one,
 * on two levels. Exim keeps no list of its queues. sp is NULL to report nothing.
 */
static void
find_queues(struct queue_list *l, struct sys_dir *root, struct spool *sp, const char *rel, int level)
{
	struct sys_entry ent;
	struct sys_dir *d = NULL;
	struct err e;
	enum sys_type type;
	const char *path;
	int rc;

	err_clear(&e);
	if (sys_dir_sub(&d, root, rel, &e) < 0) {
		if (sp != NULL && e.sys != ENOENT)
			spool_unknown(sp, rel, "%s", e.text);
		return;
	}
	while ((rc = sys_dir_next(&ent, d, &e)) > 0) {
		if (strcmp(ent.name, "input") == 0) {
			if (*rel != '\0')
				add_queue(l, rel);
			continue;
		}
		if (is_no_queue(ent.name))
			continue;
		type = ent.type != SYS_UNKNOWN ? ent.type : type_at(d, ent.name);
		path = join(l->arena, rel, ent.name);
		if (strcmp(ent.name, "Finput") == 0)
			add_queue(l, path);
		else if (type == SYS_LINK && level == 0 && sp != NULL)
			spool_unknown(sp, path, "%s is a link", path);
		else if (type == SYS_DIR && level < 2)
			find_queues(l, root, sp, path, level + 1);
	}
	if (rc < 0 && sp != NULL)
		spool_unknown(sp, rel, "%s", e.text);
	sys_dir_close(d);
}

/* ---- finding one message without a walk ---- */

/* Looks for every file of an id in one folder. 0, or -1 when the folder or a name of it cannot be looked at. */
static int
look_in(struct found *f, struct spool_reader *r, const char *rel, const char *id, int is_log, struct err *e)
{
	struct sys_stat st;
	struct sys_dir *d;
	int k, rc, slot;

	d = spool_reader_dir(r, rel, e);
	if (d == NULL)
		return e->sys == ENOENT ? 0 : -1;
	for (k = KIND_H; k < KIND_NONE; k++) {
		if ((k == KIND_LOG) != is_log)
			continue;
		rc = sys_stat_at(&st, d, file_name(&r->scratch, (enum kind)k, id));
		if (rc == ENOENT)
			continue;
		if (rc != 0)
			return err_set(e, rc, "look at %s", rel);
		if (st.type == SYS_FILE) {
			slot = slot_of(&f->flags, (enum kind)k, k <= KIND_HDR && f->dir[k] != NULL);
			f->dir[slot] = rel;
		} else if (k == KIND_H || k == KIND_D) {
			f->flags |= k == KIND_H ? EXIM_ODD_H : EXIM_ODD_D;
		}
	}
	return 0;
}

static int
is_new(const char *const *rel, size_t n, const char *s)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(rel[i], s) == 0)
			return 0;
	return 1;
}

/* The files of an id in a queue: flat, split, and in the folder of hint (NULL or a folder of the queue). 1 found,
 * 0 neither -H nor -D, -1 not sure. */
static int
locate(struct spool_item *out, struct spool_reader *r, struct arena *a, const struct queue *q, const char *id, const char *hint,
    struct err *e)
{
	/* queue.c: set_subdir_str: the last digit of the time */
	const char letter[2] = { exim_id_length(id) != 0 ? id[5] : '0', '\0' };
	const char *rel[3];
	struct found f;
	size_t i, n = 0;
	int rc = 0;

	memset(&f, 0, sizeof f);
	rel[n++] = q->input;
	rel[n++] = join(&r->scratch, q->input, letter);
	if (hint != NULL && strncmp(hint, q->input, strlen(q->input)) == 0 && is_new(rel, n, hint))
		rel[n++] = hint;
	for (i = 0; i < n && rc == 0; i++)
		rc = look_in(&f, r, rel[i], id, 0, e);
	if (rc == 0 && f.dir[KIND_H] == NULL && f.dir[KIND_D] == NULL)
		return 0;
	if (rc < 0 || look_in(&f, r, q->msglog, id, 1, e) < 0 || look_in(&f, r, join(&r->scratch, q->msglog, letter), id, 1, e) < 0)
		return -1;
	build(out, a, q, id, &f);
	return 1;
}

/*
 * Exim moves a message to another queue by links and then unlinks (spool_out.c:
 * spool_move_message): for a moment its -D is in both, -H in one. 1 and its stat when half is a -D that can be such a one.
 */
static int
may_move(struct part *d, struct spool_reader *r, const struct spool_item *half)
{
	*d = half->parts.v[0];
	return d->role == PART_MESSAGE && spool_part_stat(d, r) == 0 && d->st.type == SYS_FILE && d->st.nlink > 1;
}

/* The whole message whose -D is the same file as d, in another queue. 1, 0 there is none, -1 no descriptor was left to look. */
static int
locate_twin(struct spool_item *out, struct spool_reader *r, struct arena *a, const struct queue_list *l,
    const struct spool_item *half, const struct part *d, struct err *e)
{
	struct spool_item twin;
	struct part *other;
	size_t i;
	int rc;

	for (i = 0; i < l->n; i++) {
		rc = strcmp(l->v[i].name, half->queue) != 0 ? locate(&twin, r, a, &l->v[i], half->id, NULL, e) : 0;
		if (rc < 0 && sys_is_short(e->sys))
			return -1;
		if (rc <= 0 || twin.is_orphan)
			continue;
		other = part_find(&twin.parts, PART_MESSAGE);
		if (other == NULL || spool_part_stat(other, r) != 0 || other->st.ino != d->st.ino || other->st.dev != d->st.dev)
			continue;
		*out = twin;
		return 1;
	}
	return 0;
}

/* The same in its own queue first, then in all others. */
static int
locate_any(struct spool_item *out, struct spool *sp, struct spool_reader *r, struct arena *a, const char *queue, const char *id,
    const char *hint, int others, struct err *e)
{
	struct queue_list l = { NULL, 0, 0, &r->scratch };
	struct spool_item half;
	struct queue own;
	struct part d;
	size_t i;
	int rc;

	queue_named(&own, &r->scratch, queue);
	rc = locate(out, r, a, &own, id, hint, e);
	if (!others || rc < 0 || (rc > 0 && (!out->is_orphan || !may_move(&d, r, out))))
		return rc;
	add_queue(&l, "");
	find_queues(&l, sp->dir, NULL, "", 0);
	if (rc > 0) {
		half = *out;
		return locate_twin(out, r, a, &l, &half, &d, e) < 0 ? -1 : 1;
	}
	for (i = 0; i < l.n && rc <= 0; i++) {
		rc = strcmp(l.v[i].name, queue) != 0 ? locate(out, r, a, &l.v[i], id, NULL, e) : 0;
		if (rc < 0 && sys_is_short(e->sys))
			return -1;
	}
	return rc > 0;		/* a queue that cannot be looked at is unknown as a whole, and said to be */
}

int
exim_locate(struct spool_item *out, struct spool *sp, struct spool_reader *r, struct arena *a, const struct spool_item *it,
    int others, struct err *e)
{
	return locate_any(out, sp, r, a, it->queue, it->id, it->parts.n > 0 ? it->parts.v[0].dir : NULL, others, e);
}

int
exim_find(struct spool_item *out, struct spool *sp, struct spool_reader *r, struct arena *a, const char *queue, const char *id,
    const char *path, struct err *e)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL, *hint = NULL;
	size_t n = exim_id_length(id);
	int rc;

	if (n == 0 || id[n] != '\0')
		return 0;
	arena_reset(&r->scratch);
	if (slash != NULL)
		hint = arena_dup(&r->scratch, path, (size_t)(slash - path));
	rc = locate_any(out, sp, r, a, queue != NULL ? queue : "", id, hint, 1, e);
	return rc < 0 ? err_wrap(e, "cannot look for message %s", id) : rc;
}

/* ---- the walk ---- */

static uint16_t
add_dir(struct exim *st, const char *rel)
{
	if (st->ndir == st->dir_cap) {
		st->dir_cap = st->dir_cap != 0 ? st->dir_cap * 2 : 128;
		st->dir = mem_grow(st->dir, st->dir_cap * sizeof *st->dir);
	}
	st->dir[st->ndir++] = rel;
	return (uint16_t)st->ndir;
}

/* Puts one name of a folder into the table. */
static void
take_name(struct spool *sp, struct sys_dir *d, const struct sys_entry *ent, uint16_t dir, int is_log)
{
	struct exim *st = sp->state;
	enum sys_type type;
	struct name *nm;
	unsigned flags;
	const char *id;
	enum kind k;
	size_t n;
	int slot;

	k = kind_of(&id, &n, ent->name, is_log);
	if (k == KIND_NONE)
		return;
	type = ent->type != SYS_UNKNOWN ? ent->type : type_at(d, ent->name);
	if (type == SYS_UNKNOWN)	/* gone meanwhile */
		return;
	nm = names_put(st->names, id, n);
	flags = nm->flags;
	if (type == SYS_FILE) {
		sp->stats.files++;
		slot = slot_of(&flags, k, k <= KIND_HDR && nm->dir[k] != 0);
		nm->dir[slot] = dir;
	} else {
		spool_odd(sp, st->dir[dir - 1], ent->name);
		flags |= k == KIND_H ? EXIM_ODD_H : k == KIND_D ? EXIM_ODD_D : 0u;
	}
	nm->flags = (uint8_t)flags;
}

static void
walk_folder(struct spool *sp, const struct queue *q, const char *rel, int is_log, int is_split)
{
	struct exim *st = sp->state;
	struct sys_entry ent;
	struct sys_dir *d = NULL;
	enum sys_type type;
	struct err e;
	uint16_t dir;
	int rc;

	err_clear(&e);
	if (sys_dir_sub(&d, sp->dir, rel, &e) < 0) {
		if (e.sys != ENOENT || (!is_log && !is_split))
			spool_unknown(sp, q->name, "%s", e.text);
		return;
	}
	dir = add_dir(st, rel);
	while ((rc = sys_dir_next(&ent, d, &e)) > 0) {
		if (is_split || ent.name[1] != '\0' || !ascii_is_alnum((unsigned char)ent.name[0])) {
			take_name(sp, d, &ent, dir, is_log);
			continue;
		}
		type = ent.type != SYS_UNKNOWN ? ent.type : type_at(d, ent.name);
		if (type == SYS_DIR || type == SYS_LINK)	/* of a link the refusal is told */
			walk_folder(sp, q, join(&st->arena, rel, ent.name), is_log, 1);
	}
	if (rc < 0)
		spool_unknown(sp, q->name, "%s", e.text);
	sys_dir_close(d);
}

void
exim_end(struct spool *sp)
{
	struct exim *st = sp->state;

	if (st == NULL)
		return;
	names_free(st->names);
	spool_reader_free(st->reader);
	free(st->dir);
	arena_free(&st->arena);
	free(st);
	sp->state = NULL;
}

int
exim_open(struct spool *sp, struct err *e)
{
	struct exim *st = mem_new(sizeof *st);
	struct sys_stat own;
	struct sys_dir *d;

	sp->state = st;
	st->reader = spool_reader_new(sp);
	st->queues.arena = &st->arena;
	if (sys_dir_sub(&d, sp->dir, "", e) < 0) {
		exim_end(sp);
		return -1;
	}
	/* Debian-exim, exim, mailnull, mail …: only the owner tells which user the MTA is. */
	sp->has_owner = sys_stat_at(&own, d, "input") == 0 && own.type == SYS_DIR;
	sp->owner_uid = sp->has_owner ? own.uid : 0;
	sys_dir_close(d);
	add_queue(&st->queues, "");
	find_queues(&st->queues, sp->dir, sp, "", 0);
	return 0;
}

/* The item of a name in the table. 1, or 0 when it is no message (a log alone) or has gone. */
static int
give(struct spool_item *out, struct spool *sp, struct arena *a, const struct name *nm)
{
	struct exim *st = sp->state;
	const struct queue *q = &st->queues.v[st->at_queue];
	struct spool_item half;
	struct found f;
	struct part d;
	struct err why;
	int i, rc;

	if (nm->dir[KIND_H] == 0 && nm->dir[KIND_D] == 0)
		return 0;
	f.flags = nm->flags;
	for (i = 0; i < NAMES_ROLES; i++)
		f.dir[i] = nm->dir[i] != 0 ? st->dir[nm->dir[i] - 1] : NULL;
	build(out, a, q, names_key(nm), &f);
	if (!out->is_orphan)
		return 1;
	/* Readdir gives no moment: -D may have been seen and -H, renamed into place meanwhile, not. */
	arena_reset(&st->reader->scratch);
	rc = locate(out, st->reader, a, q, names_key(nm), f.dir[KIND_H] != NULL ? f.dir[KIND_H] : f.dir[KIND_D], &why);
	if (rc > 0 && out->is_orphan && may_move(&d, st->reader, out)) {
		half = *out;
		rc = locate_twin(out, st->reader, a, &st->queues, &half, &d, &why) < 0 ? -1 : 1;
	}
	if (rc < 0) {	/* its other half may be in a folder that cannot be read */
		f.flags |= EXIM_UNSURE;
		build(out, a, q, names_key(nm), &f);
		out->is_orphan = 0;
	}
	return rc != 0;
}

int
exim_next(struct spool_item *out, struct spool *sp, struct arena *a, struct err *e)
{
	struct exim *st = sp->state;
	const struct queue *q;
	const struct name *nm;

	(void)e;
	for (; st->at_queue < st->queues.n; st->at_queue++) {
		if (st->names == NULL) {
			q = &st->queues.v[st->at_queue];
			st->names = names_new(NAMES_ROLES);
			st->at_name = st->ndir = 0;
			walk_folder(sp, q, q->input, 0, 0);
			walk_folder(sp, q, q->msglog, 1, 0);
		}
		while ((nm = names_next(&st->at_name, st->names)) != NULL)
			if (give(out, sp, a, nm)) {
				sp->stats.orphans += (uint64_t)(out->is_orphan != 0);
				return 1;
			}
		names_free(st->names);
		st->names = NULL;
	}
	return 0;
}
