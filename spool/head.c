#include "head.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ascii.h"
#include "msg.h"
#include "words.h"

#define NOTES_MAX 64

/* What the parser is at (state & MODE), and what it has seen of the section. */
enum {
	MODE = 0x0F,
	AT_START = 0,		/* before the first byte: a BOM is passed over */
	AT_LINE,		/* the next byte begins a line */
	AT_CR,			/* a line began with CR */
	IN_NAME,
	IN_KEPT,		/* in the value of a field that is collected */
	IN_SKIPPED,
	KEEPS = 0x20,		/* the field is collected, with lines that begin with a blank */
	IS_FIRST = 0x40,	/* in the first line */
	HAS_LIST_ID = 0x80,	/* list_id is from List-Id, not from List-Unsubscribe */
	SEEN = 0x100		/* SEEN << kind for kinds below KINDS_ONCE */
};

enum kind {
	FROM, SUBJECT, MESSAGE_ID, DATE, REPLY_TO, SENDER, TO, CC,
	KINDS_ONCE,		/* RFC 5322 section 3.6 allows those above once */
	MAILER = KINDS_ONCE, PHP_ORIGIN, PHP_SCRIPT, SOURCE, SOURCE_ARGS, SOURCE_DIR, AUTH_SENDER, X_SENDER,
	LIST_ID, LIST_UNSUBSCRIBE, RECEIVED, CONTENT_TYPE, AUTO_SUBMITTED, OTHER
};

static const struct field {
	const char *name;
	unsigned char len;
	unsigned char kind;
} fields[] = {
	{ "To", 2, TO }, { "Cc", 2, CC }, { "From", 4, FROM }, { "Date", 4, DATE }, { "Sender", 6, SENDER },
	{ "Subject", 7, SUBJECT }, { "List-Id", 7, LIST_ID }, { "Received", 8, RECEIVED }, { "Reply-To", 8, REPLY_TO },
	{ "X-Mailer", 8, MAILER }, { "X-Sender", 8, X_SENDER }, { "X-Source", 8, SOURCE },
	{ "Message-ID", 10, MESSAGE_ID }, { "User-Agent", 10, MAILER }, { "Content-Type", 12, CONTENT_TYPE },
	{ "X-Source-Dir", 12, SOURCE_DIR }, { "X-PHP-Script", 12, PHP_SCRIPT }, { "X-Source-Args", 13, SOURCE_ARGS },
	{ "Auto-Submitted", 14, AUTO_SUBMITTED }, { "List-Unsubscribe", 16, LIST_UNSUBSCRIBE },
	{ "X-Authenticated-Id", 18, AUTH_SENDER }, { "X-Authenticated-User", 20, AUTH_SENDER },
	{ "X-Authenticated-Sender", 22, AUTH_SENDER }, { "X-PHP-Originating-Script", 24, PHP_ORIGIN }
};

static const struct field other = { NULL, 0, OTHER };

/* Does p begin with word, whatever the case? */
static int
begins(const char *p, size_t n, const char *word)
{
	size_t i;

	for (i = 0; word[i] != '\0'; i++) {
		if (i == n || ascii_lower(p[i]) != ascii_lower(word[i]))
			return 0;
	}
	return 1;
}

static const struct field *
field_named(const char *name, size_t n)
{
	size_t i;

	/* of most fields the length or the first letter is another */
	for (i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (fields[i].len == n && ((fields[i].name[0] ^ name[0]) & ~0x20) == 0 && begins(name, n, fields[i].name))
			return &fields[i];
	}
	return &other;
}

/* Where a field's text goes: the first of its kind stays. NULL for the kinds that leave none. */
static const char **
slot_of(struct head *h, int kind)
{
	switch (kind) {
	case FROM:		return &h->from;
	case SUBJECT:		return &h->subject;
	case MESSAGE_ID:	return &h->message_id;
	case DATE:		return &h->date;
	case REPLY_TO:		return &h->reply_to;
	case MAILER:		return &h->mailer;
	case PHP_ORIGIN:	return &h->php_origin;
	case PHP_SCRIPT:	return &h->php_script;
	case SOURCE:		return &h->source;
	case SOURCE_ARGS:	return &h->source_args;
	case SOURCE_DIR:	return &h->source_dir;
	case AUTH_SENDER:	return &h->auth_sender;
	case X_SENDER:		return &h->x_sender;
	case LIST_ID:
	case LIST_UNSUBSCRIBE:	return &h->list_id;
	case RECEIVED:		return &h->received;
	}
	return NULL;
}

/* Is this field the one that counts? List-Id takes the place of a List-Unsubscribe before it. */
static int
is_first(struct head_parser *p, int kind)
{
	const char **slot = slot_of(&p->out, kind);

	if (slot == NULL)
		return 0;
	return *slot == NULL || (kind == LIST_ID && (p->state & HAS_LIST_ID) == 0);
}

void
head_note(struct head_parser *p, const char *fmt, ...)
{
	struct head *h;
	char text[200];
	const char **grown;
	va_list ap;
	size_t i;

	if (p == NULL || p->out.nnotes == NOTES_MAX)
		return;
	h = &p->out;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (i = 0; i < h->nnotes; i++) {
		if (strcmp(h->notes[i], text) == 0)
			return;
	}
	if (h->nnotes == p->notes_cap) {
		p->notes_cap = p->notes_cap != 0 ? p->notes_cap * 2 : 4;
		grown = arena_get(p->arena, p->notes_cap * sizeof *grown);
		if (h->nnotes != 0)
			memcpy(grown, h->notes, h->nnotes * sizeof *grown);
		h->notes = grown;
	}
	h->notes[h->nnotes++] = arena_str(p->arena, text);
}

void
head_init(struct head_parser *p, struct arena *a, int want_all)
{
	memset(p, 0, sizeof *p);
	p->arena = a;
	p->want_all = want_all;
	p->state = AT_START | IS_FIRST;
	buf_init(&p->field, HEAD_FIELD_MAX);
}

static void
set_mode(struct head_parser *p, int mode)
{
	p->state = (p->state & ~MODE) | mode;
}

/* Joins folds: the line end goes, the blank behind it stays, a TAB there and a CR elsewhere become one blank. */
static size_t
unfold(char *out, const char *p, size_t n)
{
	size_t i, k, o = 0;

	for (i = 0; i < n; i++) {
		for (k = i; k < n && p[k] != '\r' && p[k] != '\n'; k++)
			;
		if (k > i) {
			memmove(out + o, p + i, k - i);
			o += k - i;
			i = k - 1;
			continue;
		}
		if (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n')
			continue;
		if (p[i] == '\n' && i + 1 < n && p[i + 1] == '\t') {
			out[o++] = ' ';
			i++;
		} else if (p[i] == '\r') {
			out[o++] = ' ';
		} else if (p[i] != '\n') {
			out[o++] = p[i];
		}
	}
	return o;
}

/* The value of a collected field: behind its colon, unfolded in place, without blanks at either end. */
static char *
value_of(struct head_parser *p, size_t colon, size_t *n)
{
	char *v = p->field.p + colon + 1;
	size_t len = p->field.n - colon - 1;

	if (memchr(v, '\r', len) != NULL || memchr(v, '\n', len) != NULL)
		len = unfold(v, v, len);
	while (len > 0 && ascii_is_blank(v[len - 1]))
		len--;
	while (len > 0 && ascii_is_blank(*v)) {
		v++;
		len--;
	}
	*n = len;
	return v;
}

/* RFC 5322 allows neither; RFC 6532 allows UTF-8, but only where every host on the way said SMTPUTF8. */
static void
note_bytes(struct head_parser *p, const char *name, const char *v, size_t n)
{
	size_t i;

	if (text_plain(v, n))
		return;
	if (memchr(v, '\0', n) != NULL)
		head_note(p, "NUL in %s", name);
	for (i = 0; i < n && (unsigned char)v[i] < 0x80; i++)
		;
	if (i < n)
		head_note(p, "raw 8-bit in %s", name);
}

/* A cut can fall into a UTF-8 character, whose rest must not make the whole text look like Windows-1252. */
static size_t
whole_chars(const char *v, size_t n)
{
	size_t i = n;

	while (i > 0 && n - i < 3 && ((unsigned char)v[i - 1] & 0xC0) == 0x80)
		i--;
	if (i > 0 && (unsigned char)v[i - 1] >= 0xC0 && !text_valid(v + i - 1, n - i + 1))
		return i - 1;
	return n;
}

/* Fields in which RFC 2047 allows no words: what looks like one is part of an id, a date, a host. */
static int
is_text_kind(int kind)
{
	return kind != MESSAGE_ID && kind != DATE && kind != RECEIVED;
}

static void
add_pair(struct head_parser *p, const char *name, size_t name_n, const char *value)
{
	struct head *h = &p->out;
	struct head_pair *grown;

	if (h->nall == p->all_cap) {
		p->all_cap = p->all_cap != 0 ? p->all_cap * 2 : 32;
		grown = arena_get(p->arena, p->all_cap * sizeof *grown);
		if (h->nall != 0)
			memcpy(grown, h->all, h->nall * sizeof *grown);
		h->all = grown;
	}
	h->all[h->nall].name = head_text(p->arena, name, name_n, NULL);
	h->all[h->nall++].value = value;
}

/* The length of the field's name before its colon, without blanks between. */
static size_t
name_len(const struct head_parser *p, size_t colon)
{
	while (colon > 0 && ascii_is_blank(p->field.p[colon - 1]))
		colon--;
	return colon;
}

/* RFC 3462 reports, and RFC 3834: anything but "no" was sent by a program in answer to mail. */
static void
look_for_report(struct head *h, int kind, const char *v, size_t n)
{
	if (kind == CONTENT_TYPE && begins(v, n, "multipart/report"))
		h->is_report = 1;
	if (kind == AUTO_SUBMITTED && n > 0 &&
	    !(begins(v, n, "no") && (n == 2 || ascii_is_blank(v[2]) || v[2] == ';' || v[2] == '(')))
		h->is_report = 1;
}

/* The field in the buffer is complete. */
static void
end_field(struct head_parser *p)
{
	const char *colon = memchr(p->field.p, ':', p->field.n);
	size_t name_n = name_len(p, (size_t)(colon - p->field.p)), n;
	const struct field *f = field_named(p->field.p, name_n);
	int is_wanted = is_first(p, f->kind);
	const char *v, *text = NULL;

	v = value_of(p, (size_t)(colon - p->field.p), &n);
	if (p->field.cut) {
		head_note(p, "%s cut at %zu bytes", f->name != NULL ? f->name : "header field", HEAD_FIELD_MAX);
		n = whole_chars(v, n);
	}
	if (is_wanted)
		note_bytes(p, f->name, v, n);
	if ((is_wanted || p->want_all) && is_text_kind(f->kind))
		text = head_decode(p->arena, v, n, is_wanted ? p : NULL);
	else if (is_wanted || p->want_all)
		text = head_text(p->arena, v, n, NULL);
	if (is_wanted)
		*slot_of(&p->out, f->kind) = text;
	if (f->kind == LIST_ID)
		p->state |= HAS_LIST_ID;
	look_for_report(&p->out, f->kind, v, n);
	if (p->want_all)
		add_pair(p, p->field.p, name_n, text);
}

static void
finish_kept(struct head_parser *p)
{
	if ((p->state & KEEPS) != 0)
		end_field(p);
	p->state &= ~KEEPS;
	buf_clear(&p->field);
}

static void
end_section(struct head_parser *p)
{
	finish_kept(p);
	p->out.ended = 1;
}

/* The name in the buffer got its colon: is the field collected? */
static int
is_kept(struct head_parser *p)
{
	const struct field *f = field_named(p->field.p, name_len(p, p->field.n - 1));
	int bit = f->kind < KINDS_ONCE ? SEEN << f->kind : 0;

	if ((p->state & bit) != 0)
		head_note(p, "duplicate %s", f->name);
	p->state |= bit;
	if (p->want_all || f->kind == CONTENT_TYPE || f->kind == AUTO_SUBMITTED)
		return 1;
	return is_first(p, f->kind);
}

static void
keep(struct head_parser *p, const char *s, size_t n)
{
	size_t had = p->field.n;

	if (n > HEAD_ALL_MAX - p->all_bytes) {
		n = HEAD_ALL_MAX - p->all_bytes;
		p->field.cut = 1;
		head_note(p, "header section cut at %zu bytes", HEAD_ALL_MAX);
	}
	buf_add(&p->field, s, n);
	p->all_bytes += p->field.n - had;
}

/* The first byte of a line decides what it is. Returns the number of bytes used. */
static size_t
begin_line(struct head_parser *p, char c)
{
	if (c == ' ' || c == '\t') {
		set_mode(p, (p->state & KEEPS) != 0 ? IN_KEPT : IN_SKIPPED);
		return 0;
	}
	finish_kept(p);
	if (c == '\n') {
		end_section(p);
		return 1;
	}
	set_mode(p, c == '\r' ? AT_CR : IN_NAME);
	return c == '\r';
}

/* A UTF-8 byte order mark stands before the header of some SmarterMail files. */
static size_t
begin_section(struct head_parser *p, char c)
{
	static const char bom[] = "\xEF\xBB\xBF";

	if (c != bom[p->field.n]) {
		if (p->field.n > 0)
			end_section(p);
		set_mode(p, AT_LINE);
		return 0;
	}
	buf_byte(&p->field, c);
	if (p->field.n == 3) {
		buf_clear(&p->field);
		set_mode(p, AT_LINE);
	}
	return 1;
}

/* "From joe Mon …", or ">From …", as the first line: a mailbox's separator, which Postfix's cleanup and Exim pass over too. */
static int
is_mbox_line(const struct head_parser *p)
{
	size_t quote = p->field.n > 0 && p->field.p[0] == '>';

	return (p->state & IS_FIRST) != 0 && p->field.n > quote + 5 &&
	    memcmp(p->field.p + quote, "From ", 5) == 0;
}

/* The name in the buffer got its colon. */
static void
begin_value(struct head_parser *p)
{
	int is_room = p->field.n < HEAD_ALL_MAX - p->all_bytes;

	set_mode(p, IN_SKIPPED);
	if (!is_kept(p))
		return;
	if (!is_room) {
		head_note(p, "header section cut at %zu bytes", HEAD_ALL_MAX);
		return;
	}
	p->all_bytes += p->field.n;
	set_mode(p, IN_KEPT);
	p->state |= KEEPS;
}

/* The line is no field: the end of the section, but for a mailbox's separator. */
static void
refuse_name(struct head_parser *p)
{
	int is_mbox = is_mbox_line(p);

	buf_clear(&p->field);
	set_mode(p, IN_SKIPPED);
	if (!is_mbox)
		end_section(p);
}

/*
 * Takes bytes of a name up to its colon. As Postfix's is_header.c has it: printable
 * ASCII, and nothing but blanks between the name and the colon.
 */
static size_t
push_name(struct head_parser *p, const char *s, size_t n)
{
	int is_open = p->field.n == 0 || !ascii_is_blank(p->field.p[p->field.n - 1]);
	size_t i = 0;

	while (is_open && i < n && s[i] > ' ' && s[i] < 0x7F && s[i] != ':')
		i++;
	buf_add(&p->field, s, i);
	if (i == n)
		return i;
	buf_byte(&p->field, s[i]);
	if (p->field.cut || p->field.n == 1)
		refuse_name(p);
	else if (s[i] == ':')
		begin_value(p);
	else if (s[i] != ' ' && s[i] != '\t')
		refuse_name(p);
	return p->field.n != 0 || s[i] == ':' ? i + 1 : i;
}

/* The rest of a line. */
static size_t
push_value(struct head_parser *p, const char *s, size_t n)
{
	const char *lf = memchr(s, '\n', n);
	size_t used = lf != NULL ? (size_t)(lf - s) + 1 : n;

	if ((p->state & MODE) == IN_KEPT)
		keep(p, s, used);
	if (lf != NULL) {
		p->state &= ~IS_FIRST;
		set_mode(p, AT_LINE);
	}
	return used;
}

int
head_push(struct head_parser *p, const void *bytes, size_t n)
{
	const char *s = bytes;
	size_t i = 0;

	while (i < n && !p->out.ended) {
		switch (p->state & MODE) {
		case AT_START:
			i += begin_section(p, s[i]);
			break;
		case AT_LINE:
			i += begin_line(p, s[i]);
			break;
		case AT_CR:	/* CRLF is the blank line, and a lone CR begins no field */
			end_section(p);
			break;
		case IN_NAME:
			i += push_name(p, s + i, n - i);
			break;
		default:
			i += push_value(p, s + i, n - i);
		}
	}
	return p->out.ended;
}

const struct head *
head_end(struct head_parser *p)
{
	finish_kept(p);
	buf_free(&p->field);
	return &p->out;
}

/* Of "33:mailer.php" the part behind the uid: PHP's mail.add_x_header writes "uid:name". */
static const char *
without_uid(const char *s)
{
	size_t i = 0;

	while (s[i] >= '0' && s[i] <= '9')
		i++;
	return i > 0 && s[i] == ':' ? s + i + 1 : s;
}

/* X-PHP-Script is "host/path.php for 192.0.2.7, 198.51.100.1". */
static const char *
php_path(struct arena *a, const char *s)
{
	const char *end = strstr(s, " for "), *next;
	size_t n;

	for (; end != NULL && (next = strstr(end + 1, " for ")) != NULL; end = next)
		;
	n = end != NULL ? (size_t)(end - s) : strcspn(s, " \t");
	return n > 0 ? arena_dup(a, s, n) : NULL;
}

static const char *
copy(struct arena *a, const char *s)
{
	return s != NULL ? arena_str(a, s) : NULL;
}

void
head_to_msg(struct msg *m, const struct head *h)
{
	struct arena *a = m->arena;
	const char *path = h->php_script != NULL ? php_path(a, h->php_script) : NULL;
	size_t i;

	m->from = copy(a, h->from);
	m->subject = copy(a, h->subject);
	m->message_id = copy(a, h->message_id);
	m->date = copy(a, h->date);
	m->reply_to = copy(a, h->reply_to);
	m->mailer = copy(a, h->mailer);
	m->list_id = copy(a, h->list_id);
	m->script = h->php_origin != NULL ? copy(a, without_uid(h->php_origin)) : path;
	m->script_path = path != NULL ? path : copy(a, h->source_dir);
	m->is_report = h->is_report;
	for (i = 0; i < h->nnotes; i++)
		msg_note(m, "%s", h->notes[i]);
}
