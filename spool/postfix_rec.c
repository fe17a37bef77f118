#include "postfix_rec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "head.h"

#define TEXT_MAX ((size_t)32 * 1024) /* of one envelope record; Postfix's line_length_limit is 2048 */
#define SECTION_MAX ((uint64_t)8 * 1024 * 1024) /* of the header section: head.h keeps less */
#define BACK_JUMPS 10000 /* record.c: REVERSE_JUMP_LIMIT */
#define RCPT_LIMIT ((size_t)2000000)
#define TIME_FIRST INT64_C(883612800) /* 1998: there is no older Postfix */
#define DAY INT64_C(86400)
#define SIZE_PAYLOAD 95 /* cleanup.h: REC_TYPE_SIZE_FORMAT, six %15ld */
#define SIZE_FLAGS INT64_C(0x1f) /* qmgr.h: QMGR_READ_FLAG_USER */

enum group { ENVELOPE, CONTENT, EXTRACTED, ENDED, LOST };

/* rec_type.h: REC_TYPE_ENVELOPE, REC_TYPE_CONTENT, REC_TYPE_EXTRACT; p is allowed anywhere, w is a filler that any reader skips. */
static const char *const allowed[] = {"MCTcFILSDRO/WVA>K<ionw", "XLNw", "EDRO/PreAFIL>Konw"};
static const char *const group_name[] = {"envelope", "content", "extracted part"};
static const char known[] = "MCTcFILSDRO/WVA>K<ionwXNPreE";

struct parse {
	struct msg *m;
	struct postfix_env *env;
	struct rd *r;
	const struct postfix_how *how;
	struct head_parser head;
	enum group group;
	uint64_t spent; /* bytes of records walked */
	uint64_t target; /* of the last jump */
	uint64_t pushed; /* content bytes given on */
	unsigned back;
	int head_ended, skipped, resynced;
	int has_time, has_size;
	size_t nrcpt; /* R, D and / records */
};

int
postfix_rec_get(struct postfix_rec *rec, struct rd *r)
{
	unsigned shift;
	int c;

	rec->at = rd_pos(r);
	rec->n = 0;
	rec->why = NULL;
	rec->type = rd_byte(r);
	if (rec->type < 0)
		return r->error != 0 ? -1 : 0;
	for (shift = 0;; shift += 7) {
		if (shift >= 35) { /* up to 2026 five length bytes were read, since then four */
			rec->why = "too many length bits in a record";
			return -1;
		}
		if ((c = rd_byte(r)) < 0) {
			rec->why = "end of file in a record length";
			return -1;
		}
		rec->n |= (uint64_t)(c & 0x7f) << shift;
		if ((c & 0x80) == 0)
			break;
	}
	if (rec->type == 0) /* rec_get took it for the end before 2026: a way past the checks */
		rec->why = "record of type NUL";
	else if (rec->n > rd_left(r))
		rec->why = "record goes past the end of the file";
	return rec->why == NULL ? 1 : -1;
}

/* A shortcoming: damage, but no more than a note while cleanup(8) may still be writing the file. */
static void
oops(struct parse *p, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (p->how->is_unfinished)
		msg_note(p->m, "unfinished: %s", text);
	else
		msg_damage(p->m, "%s", text);
}

/* The payload, or its first TEXT_MAX bytes; valid until the next read. */
static const unsigned char *
payload(size_t *n, struct parse *p, const struct postfix_rec *rec)
{
	*n = rec->n > TEXT_MAX ? TEXT_MAX : (size_t)rec->n;
	if (rec->n > TEXT_MAX)
		oops(p, "record at %" PRIu64 " is %" PRIu64 " bytes long", rec->at, rec->n);
	return rd_take(p->r, *n);
}

/* Blanks, then digits: moves *s behind them. 0, or -1 when there is no number or it does not fit. */
static int
number(int64_t *out, const unsigned char **s, const unsigned char *end)
{
	const unsigned char *q = *s;
	int64_t v = 0;

	while (q < end && *q == ' ')
		q++;
	if (q == end || *q < '0' || *q > '9')
		return -1;
	for (; q < end && *q >= '0' && *q <= '9'; q++) {
		if (v > (INT64_MAX - 9) / 10)
			return -1;
		v = v * 10 + (*q - '0');
	}
	*out = v;
	*s = q;
	return 0;
}

static int
at_end(const unsigned char *s, const unsigned char *end)
{
	while (s < end && *s == ' ')
		s++;
	return s == end;
}

/* C: content bytes, data offset, recipients, qmgr flags, length as read, sendopts. Older files have fewer. The first one counts. */
static void
take_size(struct parse *p, const unsigned char *s, size_t n)
{
	const unsigned char *end = s + n;
	struct postfix_env *e = p->env;

	if (p->has_size)
		return;
	p->has_size = 1;
	while (e->nsize < 6 && number(&e->size[e->nsize], &s, end) == 0)
		e->nsize++;
	if (e->nsize == 0 || (e->nsize < 6 && !at_end(s, end))) {
		oops(p, "SIZE record is not made of numbers");
		e->nsize = 0;
		return;
	}
	if (e->nsize < 2)
		return;
	if (e->size[0] == 0 || e->size[1] == 0) { /* cleanup writes zeros first and comes back at the end */
		if (!p->how->is_maildrop)
			oops(p, "SIZE record is not filled in");
		e->nsize = 0;
		return;
	}
	if (e->nsize >= 4 && (e->size[3] & ~SIZE_FLAGS) != 0)
		oops(p, "unknown flags in the SIZE record");
	e->has_offsets = e->size[0] <= INT64_MAX - e->size[1];
}

/* T: "sec" or "sec usec". The first one counts. */
static void
take_time(struct parse *p, const unsigned char *s, size_t n)
{
	const unsigned char *end = s + n;
	int64_t sec, usec = 0;
	int has_usec = 0;

	if (p->has_time)
		return;
	p->has_time = 1;
	if (number(&sec, &s, end) < 0)
		goto bad;
	if (!at_end(s, end)) {
		if (*s != ' ' || number(&usec, &s, end) < 0 || usec > 999999 || !at_end(s, end))
			goto bad;
		has_usec = 1;
	}
	if (sec < TIME_FIRST || sec > INT64_MAX / 2000000)
		goto bad;
	p->m->arrived = sec * 1000000 + usec;
	p->m->arrived_fraction = has_usec;
	return;
bad: /* qmgr takes what atol makes of it and tries the message for years: nothing else would tell */
	oops(p, "arrival time cannot be right");
}

static void
take_created(struct parse *p, const unsigned char *s, size_t n)
{
	const unsigned char *end = s + n;
	int64_t v;

	if (p->env->created >= 0)
		return;
	if (number(&v, &s, end) == 0 && at_end(s, end) && v >= TIME_FIRST && v < INT64_MAX / 2000000)
		p->env->created = v;
	else
		oops(p, "creation time cannot be right");
}

static void
take_recipient(struct parse *p, const struct postfix_rec *rec, const unsigned char *s, size_t n)
{
	enum rcpt_state state = rec->type == 'R' ? RCPT_PENDING : rec->type == 'D' ? RCPT_DONE : RCPT_REMOVED;

	if (p->nrcpt++ >= RCPT_LIMIT) {
		oops(p, "more than %zu recipients", RCPT_LIMIT);
		return;
	}
	msg_rcpt(p->m, addr_clean(p->m->arena, s, n), state)->key = rec->at;
}

static const struct attr {
	const char *name;
	size_t len, field;
} attrs[] = {
#define ATTR(f)                                                                                                                  \
	{                                                                                                                        \
#f, sizeof #f - 1, offsetof(struct postfix_env, f)                                                               \
	}
    ATTR(sasl_username),
    ATTR(log_client_address),
    ATTR(log_client_name),
    ATTR(log_helo_name),
    ATTR(log_protocol_name),
    ATTR(client_address),
    ATTR(client_name),
    ATTR(helo_name),
    ATTR(protocol_name),
#undef ATTR
};

static int
is_blank(int c)
{
	return c == ' ' || c == '\t';
}

/* A: name=value, blanks around both dropped (split_nameval). The first of a name counts. */
static void
take_attr(struct parse *p, const unsigned char *s, size_t n)
{
	const unsigned char *end = s + n, *eq, *v;
	const char **field;
	size_t i, len;

	while (s < end && is_blank(*s))
		s++;
	eq = s < end ? memchr(s, '=', (size_t)(end - s)) : NULL;
	if (eq == NULL || eq == s) {
		oops(p, "attribute without a name or a value");
		return;
	}
	for (v = eq + 1; v < end && is_blank(*v); v++)
		continue;
	while (end > v && is_blank(end[-1]))
		end--;
	while (eq > s && is_blank(eq[-1]))
		eq--;
	len = (size_t)(eq - s);
	if (len == 11 && memcmp(s, "create_time", 11) == 0) {
		take_created(p, v, (size_t)(end - v));
		return;
	}
	for (i = 0; i < sizeof attrs / sizeof attrs[0]; i++) {
		if (attrs[i].len != len || memcmp(attrs[i].name, s, len) != 0)
			continue;
		field = (const char **)(void *)((char *)p->env + attrs[i].field);
		if (*field == NULL)
			*field = head_text(p->m->arena, v, (size_t)(end - v), NULL);
		return;
	}
}

static void
take_message(struct parse *p)
{
	p->group = CONTENT;
	/* qmgr_message.c skips the content where the position equals the data offset, not where M stands */
	if (p->env->has_offsets && (uint64_t)p->env->size[1] != rd_pos(p->r))
		oops(p, "SIZE record has a wrong data offset");
}

static int
is_extracted_at(struct parse *p, uint64_t off)
{
	const unsigned char *b;
	int found;

	if (off > p->r->size || p->r->size - off < 2 || rd_seek(p->r, off) < 0 || (b = rd_take(p->r, 2)) == NULL)
		return 0;
	found = (b[0] == 'X' && b[1] == 0) || (b[0] == 'p' && b[1] == 15);
	return rd_seek(p->r, off) == 0 && found;
}

static uint64_t
extracted_at(const struct postfix_env *e)
{
	return (uint64_t)e->size[0] + (uint64_t)e->size[1];
}

/* Behind the header section: on to X where SIZE says, as qmgr does; where that is no X, record by record. */
static void
skip_body(struct parse *p)
{
	uint64_t here = rd_pos(p->r);

	if (p->skipped || !p->env->has_offsets)
		return;
	p->skipped = 1;
	if (!is_extracted_at(p, extracted_at(p->env)))
		(void)rd_seek(p->r, here);
}

static void
push(struct parse *p, const void *s, size_t n)
{
	int full = p->how->sink != NULL ? p->how->sink(p->how->arg, s, n) : head_push(&p->head, s, n);

	p->pushed += n;
	if (full != 0)
		p->head_ended = 1;
	else if (p->pushed > SECTION_MAX && !p->how->is_whole) {
		p->head_ended = 1;
		msg_note(p->m, "header section longer than %" PRIu64 " MiB, its rest was passed over", SECTION_MAX >> 20);
	}
}

/* Short lines, one record after the other, that are at hand: what step() would do with each of them. */
static void
more_lines(struct parse *p)
{
	const unsigned char *s;
	size_t have, n;

	while (!p->head_ended) {
		s = rd_at_hand(&have, p->r);
		if (have < 2 || s[0] != 'N' || s[1] >= 0x80 || have - 2 < s[1] || (p->spent + 2 + s[1]) / 2 > p->r->size)
			return;
		n = s[1];
		p->spent += 2 + n;
		(void)rd_skip(p->r, 2 + n);
		if (n != 0)
			push(p, s + 2, n);
		if (!p->head_ended)
			push(p, "\n", 1);
	}
}

/* N: a line without its LF; L: a piece of one, cut anywhere (line_length_limit). */
static void
content_text(struct parse *p, const struct postfix_rec *rec)
{
	const unsigned char *s;
	uint64_t left = rec->n;
	size_t n;

	while (left > 0 && !p->head_ended) {
		s = rd_some(&n, p->r, left > TEXT_MAX ? TEXT_MAX : (size_t)left);
		if (s == NULL)
			return;
		left -= n;
		push(p, s, n);
	}
	if (left > 0)
		(void)rd_skip(p->r, left);
	else if (rec->type == 'N' && !p->head_ended)
		push(p, "\n", 1);
	if (rec->type == 'N')
		more_lines(p);
	if (p->head_ended)
		skip_body(p);
}

/* p: goes on elsewhere; 0 is a place holder for milter edits. cleanup_milter.c writes edits behind E and a p back. */
static void
follow(struct parse *p, const struct postfix_rec *rec)
{
	const unsigned char *s, *end;
	int64_t to;
	size_t n;

	if ((s = payload(&n, p, rec)) == NULL)
		return;
	end = s + n;
	if (rec->n > TEXT_MAX || number(&to, &s, end) < 0 || !at_end(s, end)) {
		oops(p, "pointer at %" PRIu64 " is no number", rec->at);
		p->group = LOST;
	} else if (to == 0) {
		return;
	} else if ((uint64_t)to >= p->r->size) {
		oops(p, "pointer at %" PRIu64 " leads past the end of the file", rec->at);
		p->group = LOST;
	} else if ((uint64_t)to <= p->target && ++p->back > BACK_JUMPS) {
		oops(p, "too many pointers back");
		p->group = LOST;
	} else {
		p->target = (uint64_t)to;
		(void)rd_seek(p->r, (uint64_t)to);
	}
}

static void
envelope_text(struct parse *p, const struct postfix_rec *rec)
{
	const unsigned char *s;
	size_t n;

	if (p->how->sink != NULL && rec->type != 'C') { /* who takes the content knows the envelope, all but its end */
		(void)rd_skip(p->r, rec->n);
		return;
	}
	if ((s = payload(&n, p, rec)) == NULL)
		return;
	switch (rec->type) {
	case 'C': take_size(p, s, n); break;
	case 'T': take_time(p, s, n); break;
	case 'c': take_created(p, s, n); break;
	case 'S':
		if (p->m->sender == NULL)
			p->m->sender = addr_clean(p->m->arena, s, n);
		break;
	case 'R':
	case 'D':
	case '/': take_recipient(p, rec, s, n); break;
	case 'A': take_attr(p, s, n); break;
	default: break;
	}
	if (n < rec->n)
		(void)rd_skip(p->r, rec->n - n);
}

static void
one_record(struct parse *p, const struct postfix_rec *rec)
{
	int is_content = p->group == CONTENT;

	if (strchr(allowed[p->group], rec->type) == NULL)
		oops(p, "record %c is not allowed in the %s, at %" PRIu64, rec->type, group_name[p->group], rec->at);
	switch (rec->type) {
	case 'M':
		(void)rd_skip(p->r, rec->n);
		if (p->group == ENVELOPE)
			take_message(p);
		break;
	case 'X':
		(void)rd_skip(p->r, rec->n);
		if (is_content && p->env->has_offsets && extracted_at(p->env) != rec->at)
			oops(p, "SIZE record does not lead to the extracted part");
		p->group = EXTRACTED;
		break;
	case 'E': p->group = ENDED; break;
	case 'N':
	case 'L':
		if (is_content && !p->head_ended) {
			content_text(p, rec);
			break;
		}
		/* FALLTHROUGH */
	case 'w': (void)rd_skip(p->r, rec->n); break;
	default: envelope_text(p, rec); break;
	}
}

/* After a bad record: the next group starts where SIZE says, so its headers or recipients are not lost with it. */
static void
resync(struct parse *p)
{
	const struct postfix_env *e = p->env;
	enum group was = p->group;

	p->group = LOST;
	if (!e->has_offsets || p->resynced || (was != ENVELOPE && was != CONTENT))
		return;
	if (was == ENVELOPE && (uint64_t)e->size[1] < p->r->size && rd_seek(p->r, (uint64_t)e->size[1]) == 0)
		p->group = CONTENT;
	else if (is_extracted_at(p, extracted_at(e))) {
		p->resynced = 1;
		p->group = CONTENT;
	}
}

static void
bad_record(struct parse *p, const struct postfix_rec *rec)
{
	oops(p, "%s, at %" PRIu64, rec->why, rec->at);
	resync(p);
}

static int
is_known(int type)
{
	return type > 0 && (type == 'p' || strchr(known, type) != NULL);
}

/* A type that Postfix has not. When its length leads to two records that it has, only the type byte is wrong: the rest is still read. */
static int
bad_type(struct parse *p, struct postfix_rec *rec)
{
	struct postfix_rec next = {0};
	uint64_t behind = rd_pos(p->r) + rec->n;
	int i;

	if (rec->type != 0)
		rec->why = "unknown record type";
	if (rec->n > rd_left(p->r))
		return -1;
	for (i = 0; i < 2 && next.type != 'E'; i++)
		if (rd_skip(p->r, i == 0 ? rec->n : next.n) < 0 || postfix_rec_get(&next, p->r) != 1 || !is_known(next.type))
			return -1;
	oops(p, "%s, at %" PRIu64, rec->why, rec->at);
	return rd_seek(p->r, behind);
}

/* The first record: SIZE in cleaned files, TIME in maildrop. -1: this is no queue file. */
static int
first_record(struct parse *p, struct postfix_rec *rec)
{
	if (rec->type > 0 && strchr(allowed[ENVELOPE], rec->type) != NULL)
		return 0;
	oops(p, "no queue file: first byte 0x%02x", (unsigned)rec->type);
	if (rec->n != SIZE_PAYLOAD || rec->n > rd_left(p->r))
		return -1;
	rec->type = 'C'; /* only its first byte is wrong: length and place are SIZE's */
	rec->why = NULL;
	return 0;
}

/* One step. Ends by p->group ENDED or LOST, or by p->r->error. */
static void
step(struct parse *p)
{
	struct postfix_rec rec;
	int got = postfix_rec_get(&rec, p->r);

	if (got == 0) {
		oops(p, p->r->size == 0 ? "empty file" : "file ends in the %s", group_name[p->group]);
		p->group = LOST;
		return;
	}
	if (p->r->error != 0)
		return;
	if (rec.at == 0 && p->spent == 0 && first_record(p, &rec) < 0) {
		p->group = LOST;
		return;
	}
	if (!is_known(rec.type)) {
		p->spent += 2 + rec.n;
		if (bad_type(p, &rec) == 0)
			return;
	}
	if (rec.why != NULL) {
		bad_record(p, &rec);
		return;
	}
	p->spent += 2 + rec.n;
	if (p->spent / 2 > p->r->size) { /* no byte of a sound file is read twice */
		oops(p, "pointers lead in a circle");
		p->group = LOST;
	} else if (rec.type == 'p')
		follow(p, &rec);
	else
		one_record(p, &rec);
}

/* A flipped bit in T is taken by every Postfix program as it is; what the file says elsewhere tells. */
static void
check_time(struct parse *p)
{
	int64_t sec, limit = sys_now_us() / 1000000 + 2 * DAY;

	if (!p->has_time)
		oops(p, "no arrival time");
	if (p->m->arrived == MSG_NO_TIME)
		return;
	sec = p->m->arrived / 1000000;
	if (p->env->created >= 0)
		limit = p->env->created + DAY;
	/* `postsuper -r` sets create_time anew and keeps T: an old T alone is sound within reason */
	if (sec > limit || (p->env->created >= 0 && sec < p->env->created - 400 * DAY))
		oops(p, "arrival time is far from the time of creation");
}

static void
check_whole(struct parse *p)
{
	const struct postfix_env *e = p->env;

	check_time(p);
	if (p->m->sender == NULL)
		oops(p, "no sender");
	if (p->r->shrunk || p->r->error != 0)
		oops(p, "file became shorter while it was read");
	if (p->how->is_maildrop)
		return;
	if (!p->has_size)
		oops(p, "no SIZE record");
	if (p->group == ENDED && e->nsize >= 3 && e->size[2] > 0 && (uint64_t)e->size[2] > p->nrcpt)
		oops(p, "SIZE record counts %" PRId64 " recipients, %zu are there", e->size[2], p->nrcpt);
}

static int64_t
reader_size(const struct postfix_env *e)
{
	if (e->nsize == 0)
		return -1;
	return e->nsize >= 5 && e->size[4] > 0 ? e->size[4] : e->size[0]; /* field 5 since 2.4 */
}

int
postfix_parse(struct msg *m, struct postfix_env *env, struct rd *r, const struct postfix_how *how)
{
	struct parse p = {0};
	const struct head *h;

	memset(env, 0, sizeof *env);
	env->created = -1;
	p.m = m;
	p.env = env;
	p.r = r;
	p.how = how;
	head_init(&p.head, m->arena, 0);
	while (p.group != ENDED && p.group != LOST && r->error == 0)
		step(&p);
	h = head_end(&p.head);
	if (r->error != 0 && r->error != EINVAL) /* EINVAL: a length past the end, because the file shrank */
		return -1;
	if (p.pushed != 0 && how->sink == NULL) {
		head_to_msg(m, h);
		env->received = h->received;
	}
	check_whole(&p);
	m->size = how->is_maildrop ? (int64_t)r->size : reader_size(env);
	return 0;
}

int64_t
postfix_received_uid(const char *received)
{
	static const char mark[] = ", from userid ";
	const char *s, *open;
	int64_t v = 0;

	if (received == NULL || strncmp(received, "by ", 3) != 0)
		return -1;
	open = strchr(received, '(');
	s = strstr(received, mark);
	if (open == NULL || s == NULL || s < open || memchr(open, ')', (size_t)(s - open)) != NULL)
		return -1;
	s += sizeof mark - 1;
	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (*s - '0');
		if (v > UINT32_MAX)
			return -1;
	}
	return *s == ')' ? v : -1;
}
