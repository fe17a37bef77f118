#include "index/stage.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/sys.h"

#define SAME UINT32_MAX			/* for the length of a reply: that of the recipient before */
#define BACK (UINT32_MAX - 1)		/* for the length of a text: it stands so many bytes before this number, as the next one says */
#define LONG_TEXT 32			/* a shorter one is not looked for */
#define IN_ADDRESS 0x100u		/* beside the state of a recipient: its domain is what its address ends with */
#define PIPE_BYTES ((size_t)8 << 20)	/* waiting for stage_next; one block more may be there */

struct block {				/* whole records, one behind another */
	struct block *next;
	struct buf b;
};

struct stage {
	FILE *f;			/* NULL: blocks go through memory */
	struct sys_mutex *lock;
	struct sys_cond *more;		/* of a pipe: something below changed */
	struct block *first, **end, *spare;
	size_t waiting, hold;		/* bytes in them, and of these, as long as there will be more, not to be given yet */
	int ended, stopped;
	struct buf at;			/* the block at hand, read up to `used` */
	size_t used, last;		/* last: where the record begins that was given last */
	struct rcpt *rcpt;
	size_t rcpt_cap;
};

/* Every text of a message that is stored, in the order of the encoding. */
static const size_t text_at[] = {
	offsetof(struct msg, queue), offsetof(struct msg, id), offsetof(struct msg, sender),
	offsetof(struct msg, client), offsetof(struct msg, client_name), offsetof(struct msg, helo),
	offsetof(struct msg, protocol), offsetof(struct msg, local_user), offsetof(struct msg, reason),
	offsetof(struct msg, from), offsetof(struct msg, subject), offsetof(struct msg, message_id),
	offsetof(struct msg, date), offsetof(struct msg, reply_to), offsetof(struct msg, mailer),
	offsetof(struct msg, script), offsetof(struct msg, script_path), offsetof(struct msg, list_id),
	offsetof(struct msg, sender_domain), offsetof(struct msg, account), offsetof(struct msg, account_key),
	offsetof(struct msg, domain)
};
#define NTEXT (sizeof text_at / sizeof text_at[0])

/* The numbers, all as 64 bits: this file never leaves the machine or outlives the process. */
struct numbers {
	int64_t state, arrived, arrived_fraction, size, pending, recipients, uid, account_kind, is_report;
	uint64_t fp, inode;
	int64_t unreadable, is_linked;
	uint64_t nrcpt;
};

static const char **
text_of(struct msg *m, size_t i)
{
	return (const char **)(void *)((char *)m + text_at[i]);
}

void
stage_text(struct buf *b, const char *s)
{
	uint32_t n = s != NULL ? (uint32_t)strlen(s) + 1 : 0;

	buf_add(b, &n, sizeof n);
	buf_add(b, s, n);
}

void
stage_list(struct buf *json, const struct msg_list *l)
{
	const char *p;
	size_t i;

	for (i = 0; i < l->n; i++) {
		buf_puts(json, i == 0 ? "[\"" : ",\"");
		for (p = l->v[i]; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				buf_byte(json, '\\');
			if ((unsigned char)*p < 0x20)
				buf_fmt(json, "\\u%04x", (unsigned)*p);
			else
				buf_byte(json, *p);
		}
		buf_byte(json, '"');
	}
	buf_byte(json, ']');
}

/* Of n bytes, LONG_TEXT or more. A wrong guess is seen when the texts are compared. */
static size_t
seen_slot(const char *s, size_t n)
{
	uint64_t h = n, some;
	size_t i;

	for (i = 0; i < n; i += sizeof some) {
		memcpy(&some, s + (i + sizeof some <= n ? i : n - sizeof some), sizeof some);
		h = (h ^ some) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	return (size_t)(h & (STAGE_SEEN - 1));
}

/* Is this text, of n bytes without its NUL, what stands there in b? */
static int
is_there(const struct buf *b, size_t at, const char *s, size_t n)
{
	uint32_t len;

	if (at + sizeof len + n + 1 > b->n)
		return 0;
	memcpy(&len, b->p + at, sizeof len);
	return len == n + 1 && memcmp(b->p + at + sizeof len, s, n) == 0;
}

/* A text that many records have. */
static void
put_common(struct buf *b, const char *s, struct stage_seen *seen)
{
	const size_t n = seen != NULL && s != NULL ? strlen(s) : 0;
	uint32_t *slot, back[2] = { BACK, 0 };

	if (n < LONG_TEXT) {
		stage_text(b, s);
		return;
	}
	slot = &seen->at[seen_slot(s, n)];
	if (*slot != 0 && is_there(b, *slot - 1, s, n)) {
		back[1] = (uint32_t)(b->n - (*slot - 1));
		buf_add(b, back, sizeof back);
		return;
	}
	*slot = (uint32_t)b->n + 1;
	stage_text(b, s);
}

/* Most recipients of a message were answered alike, and answers are long. */
static void
put_reply(struct buf *b, const char *s, const char *before, struct stage_seen *seen)
{
	static const uint32_t same = SAME;

	if (s != NULL && before != NULL && strcmp(s, before) == 0)
		buf_add(b, &same, sizeof same);
	else
		put_common(b, s, seen);
}

static const char *
domain_in(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL ? at + 1 : NULL;
}

static void
put_recipient(struct buf *b, const struct rcpt *r, const char *reply_before, struct stage_seen *seen)
{
	const char *in = seen != NULL && r->domain != NULL ? domain_in(r->address) : NULL;
	const int is_in = in != NULL && strcmp(in, r->domain) == 0;
	uint32_t state = (uint32_t)r->state | (is_in ? IN_ADDRESS : 0);

	buf_add(b, &state, sizeof state);
	stage_text(b, r->address);
	if (!is_in)
		stage_text(b, r->domain);
	put_reply(b, r->reply, reply_before, seen);
}

static void
put_list(struct buf *b, const struct msg_list *l)
{
	struct buf json;

	if (l->n == 0) {
		stage_text(b, NULL);
		return;
	}
	buf_init(&json, (size_t)1 << 20);
	stage_list(&json, l);
	stage_text(b, buf_cstr(&json));
	buf_free(&json);
}

static void
put_path(struct buf *b, const struct msg *m)
{
	const struct part *p = m->parts.n != 0 ? &m->parts.v[0] : NULL;
	uint32_t n;

	if (p == NULL) {
		stage_text(b, "");
		return;
	}
	n = (uint32_t)(strlen(p->dir) + (*p->dir != '\0') + strlen(p->name) + 1);
	buf_add(b, &n, sizeof n);
	buf_puts(b, p->dir);
	if (*p->dir != '\0')
		buf_byte(b, '/');
	buf_add(b, p->name, strlen(p->name) + 1);
}

void
stage_extend(struct buf *b, size_t start)
{
	uint32_t len = (uint32_t)(b->n - start - sizeof len);

	memcpy(b->p + start, &len, sizeof len);
}

void
stage_encode(struct buf *b, const struct msg *m, uint64_t fp, int unreadable, struct stage_seen *seen)
{
	struct numbers num = {
		(int64_t)m->state, m->arrived, m->arrived_fraction, m->size, m->pending, m->recipients, m->uid,
		(int64_t)m->account_kind, m->is_report, fp, part_main_inode(&m->parts), unreadable, part_is_linked(&m->parts), m->nrcpt
	};
	size_t start = b->n, i;
	uint32_t len = 0;

	if (seen != NULL && start == 0)
		memset(seen, 0, sizeof *seen);
	buf_add(b, &len, sizeof len);
	buf_add(b, &num, sizeof num);
	for (i = 0; i < NTEXT; i++)
		put_common(b, *text_of((struct msg *)(uintptr_t)m, i), text_at[i] == offsetof(struct msg, reason) ? seen : NULL);
	put_path(b, m);
	put_list(b, &m->damage);
	put_list(b, &m->notes);
	for (i = 0; i < m->nrcpt; i++)
		put_recipient(b, &m->rcpt[i], i > 0 ? m->rcpt[i - 1].reply : NULL, seen);
	stage_extend(b, start);
}

struct stage *
stage_pipe(void)
{
	struct stage *s = mem_new(sizeof *s);

	buf_init(&s->at, SIZE_MAX);
	s->lock = sys_mutex_new();
	s->more = sys_cond_new();
	s->end = &s->first;
	return s;
}

void
stage_hold(struct stage *s, size_t bytes)
{
	s->hold = bytes;
}

struct stage *
stage_new(const char *near, struct err *e)
{
	FILE *f = sys_temp_near(near, e);
	struct stage *s;

	if (f == NULL)
		return NULL;
	s = stage_pipe();
	s->f = f;
	return s;
}

static void
free_blocks(struct block *b)
{
	struct block *next;

	for (; b != NULL; b = next) {
		next = b->next;
		buf_free(&b->b);
		free(b);
	}
}

void
stage_free(struct stage *s)
{
	if (s == NULL)
		return;
	free_blocks(s->first);
	free_blocks(s->spare);
	if (s->f != NULL)
		fclose(s->f);
	sys_mutex_free(s->lock);
	sys_cond_free(s->more);
	buf_free(&s->at);
	free(s->rcpt);
	free(s);
}

/* In the file each block has its length before it. */
static int
add_to_file(struct stage *s, const struct buf *b, struct err *e)
{
	int is_written;

	sys_mutex_lock(s->lock);
	errno = 0;
	is_written = fwrite(&b->n, sizeof b->n, 1, s->f) == 1 && fwrite(b->p, 1, b->n, s->f) == b->n;
	sys_mutex_unlock(s->lock);
	return is_written ? 0 : err_set(e, errno, "write the scan's temporary file (--index FILE puts it on another disk)");
}

/* Memory goes round: b gets that of a block that was read. */
static void
add_to_pipe(struct stage *s, struct buf *b)
{
	struct block *block;
	struct buf full = *b;

	sys_mutex_lock(s->lock);
	while (s->waiting > s->hold + PIPE_BYTES && !s->stopped)
		sys_cond_wait(s->more, s->lock);
	block = s->spare;
	if (block != NULL) {
		s->spare = block->next;
		*b = block->b;
		block->b = full;
	} else {	/* one of that very size: many may have to wait */
		block = mem_new(sizeof *block);
		buf_init(&block->b, b->max);
		block->b.p = mem_grow(NULL, b->n + 1);
		block->b.cap = b->n + 1;
		buf_add(&block->b, b->p, b->n);
	}
	block->next = NULL;
	*s->end = block;
	s->end = &block->next;
	s->waiting += full.n;
	sys_cond_wake(s->more);
	sys_mutex_unlock(s->lock);
}

int
stage_add(struct stage *s, struct buf *b, struct err *e)
{
	int rc = 0;

	if (s->f == NULL)
		add_to_pipe(s, b);
	else
		rc = add_to_file(s, b, e);
	buf_clear(b);
	return rc;
}

int
stage_end(struct stage *s, struct err *e)
{
	errno = 0;
	if (s->f != NULL && (fflush(s->f) != 0 || fseek(s->f, 0, SEEK_SET) != 0))
		return err_set(e, errno, "write the scan's temporary file (--index FILE puts it on another disk)");
	sys_mutex_lock(s->lock);
	s->ended = 1;
	sys_cond_wake(s->more);
	sys_mutex_unlock(s->lock);
	return 0;
}

void
stage_stop(struct stage *s)
{
	sys_mutex_lock(s->lock);
	s->stopped = 1;
	sys_cond_wake(s->more);
	sys_mutex_unlock(s->lock);
}

/* The next block to s->at. 1, 0 end, -1. */
static int
next_in_file(struct stage *s, struct err *e)
{
	size_t n;

	errno = 0;
	if (fread(&n, sizeof n, 1, s->f) != 1)
		return ferror(s->f) ? err_set(e, errno, "read the scan's temporary file") : 0;
	if (n > s->at.cap) {
		s->at.p = mem_grow(s->at.p, n);
		s->at.cap = n;
	}
	s->at.n = n;
	return fread(s->at.p, 1, n, s->f) == n ? 1 : err_set(e, errno, "read the scan's temporary file");
}

static int
next_in_pipe(struct stage *s)
{
	struct block *b;
	struct buf done = s->at;

	sys_mutex_lock(s->lock);
	while ((s->first == NULL || s->waiting < s->hold) && !s->ended)
		sys_cond_wait(s->more, s->lock);
	b = s->first;
	if (b != NULL) {
		s->first = b->next;
		if (s->first == NULL)
			s->end = &s->first;
		s->waiting -= b->b.n;
		s->at = b->b;
		b->b = done;
		b->next = s->spare;
		s->spare = b;
		if (s->ended) {	/* nobody fills them again */
			free_blocks(s->spare);
			s->spare = NULL;
		}
		sys_cond_wake(s->more);
	}
	sys_mutex_unlock(s->lock);
	return b != NULL;
}

int
stage_get(void *out, size_t n, struct stage_source *src)
{
	if (src->bad || (size_t)(src->end - src->p) < n) {
		memset(out, 0, n);
		src->bad = 1;
		return -1;
	}
	memcpy(out, src->p, n);
	src->p += n;
	return 0;
}

const char *
stage_get_text(struct stage_source *src)
{
	const char *s;
	uint32_t n;

	if (stage_get(&n, sizeof n, src) < 0 || n == 0)
		return NULL;
	s = (const char *)src->p;
	if ((size_t)(src->end - src->p) < n || s[n - 1] != '\0') {
		src->bad = 1;
		return NULL;
	}
	src->p += n;
	return s;
}

/* 1 and past it when this number stands at the source. */
static int
is_next(struct stage_source *src, uint32_t what)
{
	uint32_t n;

	if ((size_t)(src->end - src->p) < sizeof n)
		return 0;
	memcpy(&n, src->p, sizeof n);
	if (n != what)
		return 0;
	src->p += sizeof n;
	return 1;
}

/* What put_common left. first: of the bytes that it may point back to. */
static const char *
get_common(struct stage_source *src, const unsigned char *first)
{
	struct stage_source there = { src->p, src->p, 0 };
	const char *text = NULL;
	uint32_t back;

	if (!is_next(src, BACK))
		return stage_get_text(src);
	if (stage_get(&back, sizeof back, src) == 0 && back <= (size_t)(there.end - first)) {
		there.p -= back;
		text = stage_get_text(&there);
	}
	src->bad |= text == NULL;
	return text;
}

static const char *
get_reply(struct stage_source *src, const unsigned char *first, const char *before)
{
	if (!is_next(src, SAME))
		return get_common(src, first);
	src->bad |= before == NULL;
	return before;
}

static void
get_recipient(struct rcpt *r, struct stage_source *src, const unsigned char *first, const char *reply_before)
{
	uint32_t state;

	stage_get(&state, sizeof state, src);
	r->state = (enum rcpt_state)(state & ~IN_ADDRESS);
	r->address = stage_get_text(src);
	if ((state & IN_ADDRESS) == 0)
		r->domain = stage_get_text(src);
	else
		r->domain = r->address != NULL ? domain_in(r->address) : NULL;
	r->reply = get_reply(src, first, reply_before);
	if ((state & ~IN_ADDRESS) > RCPT_REMOVED || r->address == NULL || ((state & IN_ADDRESS) != 0 && r->domain == NULL))
		src->bad = 1;
}

static void
get_recipients(struct staged *out, struct stage *s, struct stage_source *src, const unsigned char *first, size_t n)
{
	size_t i;

	if (n > (size_t)(src->end - src->p) / sizeof(uint32_t)) {	/* each has a state at least */
		src->bad = 1;
		return;
	}
	if (n > s->rcpt_cap) {
		s->rcpt = mem_grow(s->rcpt, n * sizeof *s->rcpt);
		s->rcpt_cap = n;
	}
	for (i = 0; i < n; i++)
		get_recipient(&s->rcpt[i], src, first, i > 0 ? s->rcpt[i - 1].reply : NULL);
	out->msg.rcpt = s->rcpt;
	out->msg.nrcpt = n;
}

/* first: of the bytes before the record that it may point back to. */
static int
decode(struct staged *out, struct stage *s, const void *first, const void *record, size_t n)
{
	struct stage_source src = { record, (const unsigned char *)record + n, 0 };
	struct numbers num;
	size_t i;

	memset(out, 0, sizeof *out);
	stage_get(&num, sizeof num, &src);
	out->msg.state = (enum msg_state)num.state;
	out->msg.arrived = num.arrived;
	out->msg.arrived_fraction = (int)num.arrived_fraction;
	out->msg.size = num.size;
	out->msg.pending = num.pending;
	out->msg.recipients = num.recipients;
	out->msg.uid = num.uid;
	out->msg.account_kind = (enum account_kind)num.account_kind;
	out->msg.is_report = (int)num.is_report;
	out->fp = num.fp;
	out->inode = num.inode;
	out->unreadable = (int)num.unreadable;
	out->is_linked = (int)num.is_linked;
	for (i = 0; i < NTEXT; i++)
		*text_of(&out->msg, i) = get_common(&src, first);
	out->path = stage_get_text(&src);
	out->damage = stage_get_text(&src);
	out->notes = stage_get_text(&src);
	get_recipients(out, s, &src, first, (size_t)num.nrcpt);
	out->more = src.p;
	out->nmore = (size_t)(src.end - src.p);
	/* what must be there in every message, and within its bounds */
	if (src.bad || out->msg.queue == NULL || out->msg.id == NULL || out->path == NULL || num.state < 0 || num.state > MSG_DELETED ||
	    num.account_kind < 0 || num.account_kind > ACCOUNT_BOUNCE || (out->msg.account != NULL && out->msg.account_key == NULL))
		return -1;
	return 0;
}

int
stage_decode(struct staged *out, struct stage *s, const void *record, size_t n)
{
	return decode(out, s, record, record, n);
}

const void *
stage_record(size_t *n, const struct stage *s)
{
	uint32_t len;

	memcpy(&len, s->at.p + s->last, sizeof len);
	*n = len;
	return s->at.p + s->last + sizeof len;
}

int
stage_next(struct staged *out, struct stage *s, struct err *e)
{
	uint32_t len;
	int rc;

	if (s->used == s->at.n) {
		rc = s->f != NULL ? next_in_file(s, e) : next_in_pipe(s);
		if (rc <= 0)
			return rc;
		s->used = 0;
	}
	memcpy(&len, s->at.p + s->used, sizeof len);
	if (decode(out, s, s->at.p, s->at.p + s->used + sizeof len, len) < 0)
		return err_set(e, 0, "the scan's temporary file was changed");
	s->last = s->used;
	s->used += sizeof len + len;
	return 1;
}
