/*
 * Exim: the driver. Where messages lie is exim_walk.c, the bytes of -H are
 * exim_head.c, those of msglog exim_log.c. Exim replaces -H by rename at every change, so one
 * open of it reads one whole state; -D is never written again after reception, and
 * its lock is not needed to read (exim -bp takes none).
 */
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "exim_head.h"
#include "exim_log.h"
#include "exim_walk.h"
#include "head.h"
#include "spool.h"

#define RECEPTION_US (INT64_C(6) * 3600 * 1000000)	/* a younger -D without -H can be a message that is still coming in */
#define PROBE_NAMES 5000

/* ---- reading one message ---- */

static void
copy_parts(struct part_list *out, struct arena *a, const struct part_list *in)
{
	const char *dir = NULL;
	size_t i;

	out->n = 0;
	for (i = 0; i < in->n; i++) {
		if (dir == NULL || strcmp(dir, in->v[i].dir) != 0)
			dir = arena_str(a, in->v[i].dir);
		(void)part_add(out, in->v[i].role, dir, arena_str(a, in->v[i].name));
	}
}

/* Stats what was not opened and leaves out what is no file (any more), so that read and look give the same list. A part that cannot be looked at
 * is not left out: a message would be taken without it. */
static int
settle_parts(struct part_list *l, struct spool_reader *r, struct err *e)
{
	size_t i, n = 0;
	int rc = 0;

	for (i = 0; i < l->n && rc == 0; i++) {
		if (l->v[i].st.type == SYS_UNKNOWN && !l->v[i].absent)
			rc = spool_part_stat(&l->v[i], r);
		if (rc != 0)
			return err_set(e, rc, "stat %s/%s", l->v[i].dir, l->v[i].name);
		if (l->v[i].st.type == SYS_FILE)
			l->v[n++] = l->v[i];
	}
	l->n = n;
	return 0;
}

static int
exim_look(struct part_list *out, struct spool *sp, struct spool_reader *r, const struct spool_item *it)
{
	size_t i;

	(void)sp;
	*out = it->parts;
	for (i = 0; i < out->n; i++) {
		if (spool_part_stat(&out->v[i], r) != 0)
			return -1;
		if ((out->v[i].role == PART_ENVELOPE || out->v[i].role == PART_MESSAGE) && out->v[i].st.type != SYS_FILE)
			return -1;
	}
	return settle_parts(out, r, NULL);
}

static int
to_head(void *arg, const void *p, size_t n)
{
	(void)head_push(arg, p, n);	/* 1: a blank line ended the headers for every reader; the rest is only passed over */
	return 0;
}

static void
mark_delivered(struct msg *m, const struct exim_head *h, const unsigned char *p, size_t n)
{
	size_t at;

	/* the same address is marked for all who have it: the first tells for the rest, so equal lines cost one look each */
	for (at = 0; (at = exim_rcpt_next(h, p, n, 1, at)) != SIZE_MAX && m->rcpt[h->rcpt[at].index].state != RCPT_DONE; at++)
		m->rcpt[h->rcpt[at].index].state = RCPT_DONE;
}

/* The journal: one delivered address a line, merged into the tree by the next process that locks the message. -1: no descriptor was left. */
static int
read_journal(struct msg *m, struct spool_reader *r, struct part *part, const struct exim_head *h, struct err *e)
{
	struct sys_file f = SYS_FILE_CLOSED;
	const unsigned char *p;
	int rc, more, got;
	struct rd rd;
	size_t n;

	rc = spool_part_open(&rd, &f, part, r, 1);
	if (sys_is_short(rc))
		return err_set(e, rc, "open %s/%s", part->dir, part->name);
	if (rc == 0) {
		while ((got = rd_line(&p, &n, &more, NULL, &rd, SPOOL_WINDOW)) > 0)
			mark_delivered(m, h, p, n);
		rc = got < 0;
	}
	if (rc != 0 && rc != ENOENT)
		msg_damage(m, "-J cannot be read");
	sys_close(&f);
	return 0;
}

struct replies {
	const struct msg *m;
	const struct exim_head *h;
	struct arena *scratch;
	struct last { const unsigned char *p; size_t n; } *last;	/* one a recipient */
};

static void
put_reply(void *arg, const struct exim_reply *reply)
{
	struct replies *all = arg;
	const unsigned char *copy = NULL;
	struct last *l;
	size_t at, index;

	for (at = 0; (at = exim_rcpt_next(all->h, reply->address, reply->naddress, 0, at)) != SIZE_MAX; at++) {
		index = all->h->rcpt[at].index;
		l = &all->last[index];
		if (reply->is_success) {	/* of one child of an alias it says nothing on the others: only what is done is */
			if (all->m->rcpt[index].state == RCPT_DONE)
				l->p = NULL;
			continue;
		}
		if (reply->is_weak && l->p != NULL)
			continue;
		if (copy == NULL)
			copy = (const unsigned char *)arena_dup(all->scratch, reply->text, reply->ntext);
		l->p = copy;
		l->n = reply->ntext;
	}
}

static void
read_log(struct msg *m, struct spool_reader *r, struct part *part, const struct exim_head *h)
{
	struct replies all = { m, h, &r->scratch, NULL };
	struct sys_file f = SYS_FILE_CLOSED;
	struct rd rd;
	size_t i;
	int rc;

	rc = spool_part_open(&rd, &f, part, r, 1);
	if (rc == 0 && m->nrcpt != 0) {
		all.last = arena_zero(&r->scratch, m->nrcpt * sizeof *all.last);
		rc = exim_log_read(&rd, put_reply, &all);
		if (rc > 0)
			msg_note(m, "msglog: only the last 256 KiB were read");
		for (i = 0; i < m->nrcpt; i++)
			if (all.last[i].p != NULL)
				m->rcpt[i].reply = exim_log_text(m->arena, all.last[i].p, all.last[i].n);
	}
	if (rc != 0 && rc != 1 && rc != ENOENT) {
		m->is_log_unread = 1;
		msg_note(m, "msglog cannot be read");
	}
	sys_close(&f);
}

/* "local", "local-esmtp", "utf8local-…": handed in by a program on this machine. */
static int
is_local_protocol(const char *p)
{
	return strncmp(strncmp(p, "utf8", 4) == 0 ? p + 4 : p, "local", 5) == 0;
}

static int
has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), ns = strlen(suffix);

	return n >= ns && strcmp(s + n - ns, suffix) == 0;
}

/* esmtpa, esmtpsa, utf8esmtpa; asmtp in old ones: the "a" says that AUTH succeeded (spec: $received_protocol). */
static int
is_auth_protocol(const char *p)
{
	if (is_local_protocol(p))
		return 0;
	return has_suffix(p, "smtpa") || has_suffix(p, "smtpsa") || strncmp(p, "asmtp", 5) == 0;
}

/*
 * Exim makes a bounce by running itself: its own login on line 2, a null sender,
 * -localerror. Any user can ask for -localerror by -E, none can choose the login; a copied spool has lost its owner.
 */
static int
is_own_user(const struct spool *sp, const struct exim_head *h)
{
	static const char *const login[] = { "Debian-exim", "exim", "mailnull", "mail" };
	size_t i;

	if (sp->has_owner && h->uid == (int64_t)sp->owner_uid)
		return 1;
	for (i = 0; i < sizeof login / sizeof login[0]; i++)
		if (h->is_local_error && h->login != NULL && strcmp(h->login, login[i]) == 0)
			return 1;
	return 0;
}

static void
take_origin(struct msg *m, const struct spool *sp, const struct exim_head *h)
{
	const char *protocol = h->protocol != NULL ? h->protocol : "";

	m->protocol = h->protocol;
	m->helo = h->helo;
	m->client_name = h->host_name;
	if (h->host_address != NULL) {
		m->client = addr_ip(m->arena, h->host_address, 1);
		if (m->client == NULL)
			msg_note(m, "-host_address is no address");
		if (h->ident != NULL && !is_local_protocol(protocol))
			msg_note(m, "ident says %s", h->ident);
	}
	/* Local mail has -auth_id too, the login (exim.c sets it): that is no AUTH. */
	if (h->host_auth != NULL || is_auth_protocol(protocol)) {
		m->auth = h->auth_id;
		if (h->auth_id == NULL)
			msg_note(m, "authenticated without a name");
	}
	/* For SMTP line 2 is the daemon's user. Without a host a program here handed it in, whatever protocol it named by -oMr. */
	if (is_local_protocol(protocol) || (h->has_options && h->host_address == NULL)) {
		m->local_user = h->login != NULL && h->login[0] != '\0' ? h->login : NULL;
		m->uid = h->uid;
		m->is_mta_user = is_own_user(sp, h);
	}
	if (h->is_never)
		msg_note(m, "-N: not to be delivered");
}

/* The time digits of an id, base 62, the most significant first (string.c: string_base62). */
static int64_t
id_time(const char *id)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	int64_t t = 0;
	int i;

	for (i = 0; i < 6; i++)
		t = t * 62 + (strchr(digits, id[i]) - digits);
	return t * 1000000;
}

static void
take_state(struct msg *m, const struct exim_head *h, const struct spool_item *it)
{
	if (h->is_frozen || (it->flags & EXIM_MOVED) != 0)
		m->state = MSG_FROZEN;
	else if (!h->has_options)
		m->state = MSG_CORRUPT;
	else
		m->state = h->is_first ? MSG_QUEUED : MSG_DEFERRED;
	m->sender = h->sender;
	m->arrived = h->arrived != MSG_NO_TIME ? h->arrived : id_time(it->id);
	m->arrived_fraction = h->arrived != MSG_NO_TIME && h->usec >= 0;
}

/* Size as `exim -bp` counts: live headers, the body behind the id line of -D (19 bytes, 26 with a long id), one for
 * the blank line. */
static void
take_body(struct msg *m, const struct part *d, const struct spool_item *it, int64_t live_size)
{
	uint64_t id_line = strlen(it->id) + 3;

	if (d == NULL || d->absent) {
		msg_damage(m, (it->flags & EXIM_ODD_D) != 0 ? "-D is not a regular file" : "no -D");
		return;
	}
	if (d->st.type != SYS_FILE)
		msg_damage(m, "-D is not a regular file");
	else if (d->st.size < id_line)
		msg_damage(m, "-D: %llu bytes, shorter than its id line", (unsigned long long)d->st.size);
	else if (live_size >= 0)
		m->size = live_size + (int64_t)(d->st.size - id_line) + 1;
}

/* Without -H nothing but the body is there. */
static void
take_headless(struct msg *m, const struct part *d, const struct spool_item *it)
{
	int is_young = d != NULL && !d->absent && sys_now_us() - d->st.mtime / 1000 < RECEPTION_US;

	m->state = is_young && (it->flags & EXIM_ODD_H) == 0 ? MSG_INCOMPLETE : MSG_CORRUPT;
	m->arrived = id_time(it->id);
	if ((it->flags & EXIM_ODD_H) != 0)
		msg_damage(m, "-H is not a regular file");
	else
		msg_damage(m, is_young ? "no -H: still in reception, or left over" : "no -H");
	take_body(m, d, it, -1);
}

static void
note_oddities(struct msg *m, const struct spool_item *it)
{
	static const char suffix[] = "HDJ";
	const struct part *p;
	size_t i;

	for (i = 0; i < m->parts.n; i++) {
		p = &m->parts.v[i];
		/* Exim itself links a message from queue to queue and then unlinks (spool_out.c: spool_move_message). */
		if ((p->role == PART_ENVELOPE || p->role == PART_MESSAGE) && p->st.nlink > 1)
			msg_note(m, "%s has %llu links", p->role == PART_ENVELOPE ? "-H" : "-D", (unsigned long long)p->st.nlink);
	}
	for (i = 0; i < 3; i++)
		if ((it->flags & ((unsigned)EXIM_AGAIN_H << i)) != 0)
			msg_damage(m, "a second -%c is in another folder of the queue", suffix[i]);
}

static int
read_envelope(struct msg *m, struct exim_head *h, struct rd *rd, const struct part *part, struct spool_reader *r, struct err *e)
{
	struct head_parser parser;
	const struct head *head;
	int rc;

	head_init(&parser, m->arena, 0);
	rc = exim_head_read(h, m, rd, part->name, &r->scratch, to_head, &parser);
	head = head_end(&parser);
	if (rc < 0)
		return err_set(e, rd->error, "read %s/%s", part->dir, part->name);
	head_to_msg(m, head);
	return 0;
}

/* Reads a message whose -H is open. 0, -1 with err, 1 when -H went away after its -D: Exim was removing the message. */
static int
read_message(struct msg *m, struct spool *sp, struct spool_reader *r, const struct spool_item *it, struct rd *rd, struct err *e)
{
	struct part *hp = part_find(&m->parts, PART_ENVELOPE), *dp = part_find(&m->parts, PART_MESSAGE), *p, again;
	struct exim_head h;

	if (read_envelope(m, &h, rd, hp, r, e) < 0)
		return -1;
	if (dp == NULL || dp->absent) {		/* deliver.c and queue.c unlink -D first, then -H */
		again = *hp;
		if (spool_part_stat(&again, r) == 0 && again.absent)
			return 1;
	}
	if ((p = part_find(&m->parts, PART_JOURNAL)) != NULL && read_journal(m, r, p, &h, e) < 0)
		return -1;
	if ((p = part_find(&m->parts, PART_LOG)) != NULL)
		read_log(m, r, p, &h);
	take_state(m, &h, it);
	take_origin(m, sp, &h);
	take_body(m, dp, it, h.live_size);
	return 0;
}

/* Reads what the item says. 0, -1 with err, 1 when the file that makes it a message is not there any more. */
static int
read_item(struct msg *m, struct spool *sp, struct spool_reader *r, struct spool_item *it, struct err *e)
{
	struct sys_file f = SYS_FILE_CLOSED;
	struct part *hp, *dp;
	struct rd rd;
	int rc;

	m->queue = arena_str(m->arena, it->queue);
	m->id = arena_str(m->arena, it->id);
	copy_parts(&m->parts, m->arena, &it->parts);
	hp = part_find(&m->parts, PART_ENVELOPE);
	dp = part_find(&m->parts, PART_MESSAGE);
	if (dp != NULL && (rc = spool_part_stat(dp, r)) != 0)
		return err_set(e, rc, "stat %s/%s", dp->dir, dp->name);
	rc = hp != NULL ? spool_part_open(&rd, &f, hp, r, 0) : 0;
	if (rc == ENOENT || (hp == NULL && (dp == NULL || dp->absent)))
		return 1;
	if (rc == ELOOP || rc == EINVAL) {	/* a link or the like since readdir */
		spool_odd(sp, hp->dir, hp->name);
		it->flags |= EXIM_ODD_H;
	} else if (rc != 0) {
		return err_set(e, rc, "open %s/%s", hp->dir, hp->name);
	}
	rc = 0;
	if (f.h >= 0)
		rc = read_message(m, sp, r, it, &rd, e);
	else
		take_headless(m, dp, it);
	if (f.h >= 0 && rc == 0)	/* else it is looked for anew */
		spool_part_close(&f, hp, &rd, r);
	sys_close(&f);
	if (rc != 0)
		return rc;
	if (settle_parts(&m->parts, r, e) < 0)
		return -1;
	note_oddities(m, it);
	return 0;
}

/*
 * A message may move between readdir and now: from reception to the queue, to
 * another queue, away. So what came alone, and what is not where it was, is looked for again.
 */
static int
exim_read(struct msg *m, struct spool *sp, struct spool_reader *r, const struct spool_item *it, struct err *e)
{
	struct spool_item now = *it, found;
	int tries, rc;

	arena_reset(&r->scratch);
	rc = it->is_orphan || (it->flags & EXIM_UNSURE) != 0 ? exim_locate(&found, sp, r, m->arena, it, 1, e) : 0;
	if (rc > 0)
		now = found;
	else if (rc < 0 && ((it->flags & EXIM_UNSURE) != 0 || sys_is_short(e->sys)))
		return err_wrap(e, "cannot look for the other half of message %s", it->id);
	for (tries = 0; tries < 3; tries++) {
		msg_init(m, m->arena);
		rc = read_item(m, sp, r, &now, e);
		if (rc <= 0)
			return rc;
		arena_reset(&r->scratch);
		rc = exim_locate(&found, sp, r, m->arena, it, 1, e);
		if (rc < 0)
			return err_wrap(e, "cannot look for message %s", it->id);
		if (rc == 0)
			break;
		now = found;
	}
	m->is_taken_mid_way = 1;
	return 0;
}

/* ---- show ---- */

struct outlet {
	int (*sink)(void *arg, const void *p, size_t n);
	void *arg;
	int is_shut;
};

static int
to_outlet(void *arg, const void *p, size_t n)
{
	struct outlet *o = arg;

	o->is_shut = n > 0 && o->sink(o->arg, p, n) < 0;
	return o->is_shut ? -1 : 0;
}

static int
send_headers(struct exim_head *h, struct spool_reader *r, const struct spool_item *it,
    int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e)
{
	struct outlet outlet = { sink, arg, 0 };
	struct part_list parts = it->parts;
	struct part *part = part_find(&parts, PART_ENVELOPE);
	struct sys_file f = SYS_FILE_CLOSED;
	struct msg m;
	struct rd rd;
	int rc;

	memset(h, 0, sizeof *h);
	if (part == NULL)
		return 0;
	rc = spool_part_open(&rd, &f, part, r, 0);
	if (rc != 0)
		return err_set(e, rc, "open %s/%s", part->dir, part->name);
	arena_reset(&r->scratch);
	msg_init(&m, &r->scratch);
	rc = exim_head_read(h, &m, &rd, part->name, &r->scratch, to_outlet, &outlet);
	sys_close(&f);
	if (rc < 0 && !outlet.is_shut)
		return err_set(e, rd.error, "read %s/%s", part->dir, part->name);
	return rc;
}

/* -H and -D lie side by side. */
static int
exim_place(struct spool_item *out, struct arena *a, const char *queue, const char *id, const char *path)
{
	size_t n = strlen(path);
	struct part *p;

	if (n < 2 || path[n - 2] != '-' || path[n - 1] != 'H')
		return 0;
	p = spool_place(out, a, PART_ENVELOPE, queue, id, path);
	n = strlen(p->name);
	part_add(&out->parts, PART_MESSAGE, p->dir, arena_fmt(a, "%.*sD", (int)n - 1, p->name));
	return 1;
}

static int
exim_headers(struct spool *sp, struct spool_reader *r, const struct spool_item *it,
    int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e)
{
	struct exim_head h;

	(void)sp;
	return send_headers(&h, r, it, sink, arg, e);
}

/* The body stands behind the id line of -D (spool_in.c: spool_open_datafile); with -spool_file_wireformat its lines end in CRLF. */
static int
send_body(struct rd *rd, int is_wire, int (*sink)(void *arg, const void *p, size_t n), void *arg)
{
	const unsigned char *p;
	size_t n;
	int more = 1, lf = 0, rc = 0;

	while (more && rd_line(&p, &n, &more, NULL, rd, SPOOL_WINDOW) == 1)
		;
	if (!is_wire)
		while (rc == 0 && (p = rd_some(&n, rd, SPOOL_WINDOW)) != NULL && n != 0)
			rc = sink(arg, p, n);
	while (is_wire && rc == 0 && rd_line(&p, &n, &more, &lf, rd, SPOOL_WINDOW - 1) == 1) {
		if (lf && n != 0 && p[n - 1] == '\r')
			n--;
		rc = n != 0 ? sink(arg, p, n) : 0;
		if (rc == 0 && lf)
			rc = sink(arg, "\n", 1);
	}
	return rc;
}

static int
exim_message(struct spool *sp, struct spool_reader *r, const struct spool_item *it,
    int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e)
{
	struct part_list parts = it->parts;
	struct part *part = part_find(&parts, PART_MESSAGE);
	struct sys_file f = SYS_FILE_CLOSED;
	struct exim_head h;
	struct rd rd;
	int rc;

	(void)sp;
	if (send_headers(&h, r, it, sink, arg, e) < 0 || sink(arg, "\n", 1) != 0)
		return -1;
	rc = part != NULL ? spool_part_open(&rd, &f, part, r, 1) : ENOENT;
	if (rc != 0)
		return err_set(e, rc, "open the -D of %s", it->id);
	rc = send_body(&rd, h.is_wireformat, sink, arg);
	sys_close(&f);
	return rd.error != 0 ? err_set(e, rd.error, "read %s/%s", part->dir, part->name) : rc != 0 ? -1 : 0;
}

static int
exim_log(struct spool *sp, struct spool_reader *r, const struct spool_item *it,
    int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e)
{
	struct part_list parts = it->parts;
	struct part *part = part_find(&parts, PART_LOG);
	struct sys_file f = SYS_FILE_CLOSED;
	const unsigned char *p;
	struct rd rd;
	size_t n;
	int rc;

	(void)sp;
	if (part == NULL)
		return 0;
	rc = spool_part_open(&rd, &f, part, r, 0);
	if (rc == ENOENT)
		return 0;
	if (rc != 0)
		return err_set(e, rc, "open %s/%s", part->dir, part->name);
	while (rc == 0 && (p = rd_some(&n, &rd, SPOOL_WINDOW)) != NULL)
		rc = sink(arg, p, n) < 0 ? -1 : 0;
	if (rd.error != 0)
		rc = err_set(e, rd.error, "read %s/%s", part->dir, part->name);
	sys_close(&f);
	return rc;
}

/* ---- detection ---- */

static enum sys_type
type_at(struct sys_dir *d, const char *name)
{
	struct sys_stat st;

	return sys_stat_at(&st, d, name) == 0 ? st.type : SYS_UNKNOWN;
}

/* Is there a name of a message in a folder, or in a one-character folder of it? 1, 0; -1 the folder cannot be read. */
static int
has_messages(struct sys_dir *root, const char *rel, int is_split)
{
	struct sys_dir *d = NULL;
	struct sys_entry ent;
	char sub[16];
	int found = 0, left = PROBE_NAMES;

	if (sys_dir_sub(&d, root, rel, NULL) < 0)
		return -1;
	while (!found && left-- > 0 && sys_dir_next(&ent, d, NULL) > 0) {
		found = exim_is_name(ent.name);
		if (found || is_split || ent.name[0] == '\0' || ent.name[1] != '\0' || type_at(d, ent.name) != SYS_DIR)
			continue;
		memcpy(sub, "input/", 6);
		memcpy(sub + 6, ent.name, 2);
		found = has_messages(root, sub, 1) > 0;
	}
	sys_dir_close(d);
	return found;
}

static int
exim_probe(struct sys_dir *root)
{
	enum sys_type input = type_at(root, "input");
	int beside = (type_at(root, "msglog") == SYS_DIR) + (type_at(root, "db") == SYS_DIR);
	int got;

	/* Postfix has no input/, but a folder of that name in its queue directory must not make it an Exim. */
	if (type_at(root, "deferred") == SYS_DIR && type_at(root, "active") == SYS_DIR)
		return 0;
	if (input != SYS_DIR)
		return beside == 2 ? 55 : input == SYS_LINK && beside == 1 ? 55 : 0;
	got = has_messages(root, "input", 0);
	if (got > 0)
		return beside > 0 ? 100 : 90;
	return beside == 2 ? 80 : beside == 1 ? 65 : 0;
}

/* A lock test would need -D open for writing (deliver.c locks with fcntl): reading changes nothing, so it cannot be told. */
static int
exim_busy(struct spool *sp, struct spool_reader *r, const struct spool_item *it)
{
	(void)sp;
	(void)r;
	(void)it;
	return -1;
}

/* An Exim process tells nothing of its spool_directory: only for the places that packages use is it taken for this spool's. */
static int
exim_running(struct spool *sp)
{
	static const char *const place[] = { "/var/spool/exim4", "/var/spool/exim" };
	int debian = sys_process_any("exim4"), other = sys_process_any("exim");
	size_t i;

	if (debian == 0 && other == 0)
		return 0;
	for (i = 0; i < sizeof place / sizeof place[0]; i++)
		if ((debian == 1 || other == 1) && strcmp(sp->root, place[i]) == 0)
			return 1;
	return -1;
}

/* ---- taking ---- */

/*
 * Exim's own lock: a write lock on the id line of -D (spool_in.c: spool_open_datafile), as an open-file-description lock, which Exim sees
 * and which closing another descriptor does not drop. Exim does not look again after locking; we must: the file may have been
 * unlinked or replaced while we waited for a turn.
 */
static int
exim_lock(struct sys_file *f, struct spool *sp, struct spool_reader *r, const struct spool_item *it)
{
	struct part_list parts = it->parts;
	const struct part *p = part_find(&parts, PART_MESSAGE);
	struct sys_stat open_st, name_st;
	struct sys_dir *d;
	struct err e;
	int rc;

	(void)sp;
	f->h = -1;
	if (p == NULL)		/* without -D nobody can hold the lock */
		return 0;
	err_clear(&e);
	d = spool_reader_dir(r, p->dir, &e);
	rc = d != NULL ? sys_open_rw_at(f, &open_st, d, p->name) : e.sys != 0 ? e.sys : EIO;
	if (rc == 0)
		rc = sys_lock_bytes(*f, 0, strlen(it->id) + 3);
	if (rc == 0)
		rc = sys_fstat(&open_st, *f);
	if (rc == 0)
		rc = sys_stat_at(&name_st, d, p->name);
	if (rc == 0 && (open_st.nlink == 0 || name_st.ino != open_st.ino || name_st.dev != open_st.dev))
		rc = ENOENT;
	if (rc != 0)
		sys_close(f);
	return rc;
}

const struct spool_driver spool_exim = {
	.name = "exim",
	.looks_for = "input/ with message files ID-H and ID-D, or with msglog/ or db/ beside it",
	.probe = exim_probe,
	.open = exim_open,
	.next = exim_next,
	.read = exim_read,
	.look = exim_look,
	.busy = exim_busy,
	.find = exim_find,
	.is_threaded = 1,
	.place = exim_place,
	.headers = exim_headers,
	.message = exim_message,
	.log = exim_log,
	.lock = exim_lock,
	.running = exim_running,
	.end = exim_end,
};
