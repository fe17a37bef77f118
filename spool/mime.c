#include "mime.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "buf.h"
#include "decode.h"
#include "head.h"
#include "mime_param.h"
#include "mime_text.h"

#define FIELD_MAX ((size_t)64 * 1024)	/* one Content- field */
#define LINE_MAX_KEPT ((size_t)80 * 1024)	/* one line of a header */
#define BOUNDARY_MAX 250		/* RFC 2046 allows 70 */
#define DASH_LINE_MAX (BOUNDARY_MAX + 260)	/* a boundary with its dashes, and blanks that were put behind it */
#define SLICE ((size_t)8 * 1024)	/* decoded at once */
#define NOTES_MAX 32
#define NESTED_MAX 4			/* messages that are themselves encoded, one within another */

enum field { CONTENT_TYPE, CONTENT_ENCODING, CONTENT_DISPOSITION, CONTENT_ID, FIELDS };

static const char *const field_names[FIELDS] = {
	"content-type", "content-transfer-encoding", "content-disposition", "content-id"
};

enum where { HEADER, LEAF, SKIPPED };	/* what the bytes at hand are; SKIPPED: preamble, epilogue */

struct entity {
	struct mime_part part;
	char boundary[BOUNDARY_MAX + 1];
	size_t boundary_n;		/* 0: no multipart */
	int is_closed;			/* its last boundary was met */
	int is_digest;
	int has_parts;
};

/* What a message and the encoded messages within it share. */
struct shared {
	struct arena arena;
	unsigned parts, depth_left;
	size_t header_left;
	uint64_t body, body_max;
	int is_full, is_limited;
	const char *notes[NOTES_MAX];
	size_t nnotes;
};

struct mime {
	struct mime_sink sink;
	struct shared own, *all;
	struct entity *stack;		/* MIME_DEPTH_MAX + 1 */
	size_t depth;			/* entities that are open */
	unsigned base;			/* depth of the first of them */
	unsigned nested;
	enum where where;
	int is_first_header;
	/* lines */
	int at_line_start;
	char dashes[DASH_LINE_MAX];	/* a line that may be a boundary */
	size_t ndashes;
	char eol[2];			/* a line end that belongs to the boundary if one follows */
	size_t neol;
	/* the header section at hand */
	struct buf line, field[FIELDS];
	int current;			/* the field that a continuation belongs to, -1 none */
	unsigned lines;
	unsigned has_field;		/* bits: it was met */
	/* the leaf at hand */
	struct decode decode;
	struct mime_text text;
	int has_text;
	struct mime *inner;		/* an encoded message in the leaf */
	int is_inner;
};

static void begin_header(struct mime *m, int is_digest);

/* ---- small things ---- */

static void
note(struct mime *m, const char *fmt, ...)
{
	struct shared *s = m->all;
	char text[200];
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (i = 0; i < s->nnotes; i++)
		if (strcmp(s->notes[i], text) == 0)
			return;
	if (s->nnotes == NOTES_MAX)
		return;
	/* a word from the message may be cut in a character, and hold controls: as text it is clean */
	s->notes[s->nnotes++] = arena_str(&s->arena, text);
	if (m->sink.note != NULL)
		m->sink.note(m->sink.arg, head_text(&s->arena, text, strlen(text), NULL));
}

static struct entity *
top(struct mime *m)
{
	return &m->stack[m->depth - 1];
}

static const char *
low_text(struct arena *a, const char *p, size_t n)
{
	struct buf b;
	const char *s;
	size_t i;

	buf_init(&b, 64);
	for (i = 0; i < n && p[i] != ';'; i++)
		if (!ascii_is_blank(p[i]) && p[i] != '"')
			buf_byte(&b, ascii_lower(p[i]));
	s = b.n != 0 ? head_text(a, b.p, b.n, NULL) : NULL;
	buf_free(&b);
	return s;
}

/* A field of one word, without its comments (RFC 2045 section 6.1, RFC 5322 section 3.2.2). */
static const char *
word_text(struct arena *a, const char *p, size_t n)
{
	struct buf b;
	const char *s;
	size_t i, depth = 0;

	buf_init(&b, 64);
	for (i = 0; i < n; i++)
		if (p[i] == '(')
			depth++;
		else if (p[i] == ')' && depth > 0)
			depth--;
		else if (depth == 0)
			buf_byte(&b, p[i]);
	s = low_text(a, buf_cstr(&b), b.n);
	buf_free(&b);
	return s;
}

/* ---- leaves ---- */

static void
on_text(void *arg, const char *p, size_t n)
{
	struct mime *m = arg;

	if (m->sink.text != NULL)
		m->sink.text(m->sink.arg, &top(m)->part, p, n);
}

static void
on_url(void *arg, const struct url *u)
{
	struct mime *m = arg;

	if (m->sink.url != NULL)
		m->sink.url(m->sink.arg, &top(m)->part, u);
}

/* Decoded bytes of the leaf at hand. */
static void
give(struct mime *m, const char *p, size_t n)
{
	struct mime_part *part = &top(m)->part;

	if (n == 0)
		return;
	if (m->is_inner) {
		if (mime_feed(m->inner, p, n) != 0)
			m->all->is_full = 1;
		return;
	}
	part->size += n;
	if (m->sink.bytes != NULL)
		m->sink.bytes(m->sink.arg, part, p, n);
	if (m->has_text)
		mime_text_push(&m->text, p, n);
}

static void
leaf_bytes(struct mime *m, const char *p, size_t n)
{
	char out[SLICE + DECODE_SLACK];
	size_t use;

	if (m->decode.kind == DECODE_NONE) {
		give(m, p, n);
		return;
	}
	for (; n > 0; p += use, n -= use) {
		use = n < SLICE ? n : SLICE;
		give(m, out, decode_push(&m->decode, out, p, use));
	}
}

static int
has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix), i;

	if (n < k)
		return 0;
	for (i = 0; i < k; i++)
		if (ascii_lower(s[n - k + i]) != suffix[i])
			return 0;
	return 1;
}

/* What a mail program shows as text or opens in a browser; a page that is sent as application/octet-stream is one by its name. */
static void
classify(struct mime_part *p)
{
	static const char *const pages[] = { ".html", ".htm", ".xhtml", ".shtml", ".svg", ".mht" };
	size_t i;

	p->is_html = strcmp(p->type, "text/html") == 0 || strcmp(p->type, "application/xhtml+xml") == 0 ||
	    strcmp(p->type, "image/svg+xml") == 0;
	for (i = 0; p->name != NULL && !p->is_html && i < sizeof pages / sizeof pages[0]; i++)
		p->is_html = has_suffix(p->name, pages[i]);
	p->is_text = p->is_html || strncmp(p->type, "text/", 5) == 0 || strcmp(p->type, "message/delivery-status") == 0;
}

static void
begin_leaf(struct mime *m)
{
	struct mime_part *p = &top(m)->part;
	int is_known = 1;

	decode_init(&m->decode, p->encoding != NULL ? decode_named(p->encoding, &is_known) : DECODE_NONE);
	if (!is_known)
		note(m, "unknown transfer encoding %s", p->encoding);
	classify(p);
	m->where = LEAF;
	m->has_text = p->is_text && (m->sink.text != NULL || m->sink.url != NULL);
	if (m->has_text)
		mime_text_begin(&m->text, p->charset != NULL ? p->charset : "", p->is_html);
	if (m->sink.begin != NULL)
		m->sink.begin(m->sink.arg, p);
}

static void
end_leaf(struct mime *m)
{
	struct mime_part *p = &top(m)->part;
	char out[DECODE_SLACK];

	give(m, out, decode_end(&m->decode, out));
	if (m->has_text) {
		mime_text_end(&m->text);
		if (m->text.is_unknown && p->charset != NULL)
			note(m, "unknown charset %s in the body", p->charset);
	}
	/* a few odd bytes come from footers that lists put behind base64 */
	if (m->decode.kind == DECODE_BASE64 && m->decode.bad > 64 && m->decode.bad > p->size / 20)
		note(m, "bad base64 in a part");
	if (m->decode.kind == DECODE_UU && p->size == 0 && m->decode.bad > 0)	/* shown as it is by programs that do not know it either */
		note(m, "nothing uuencoded in a part that says so");
	m->has_text = 0;
	decode_init(&m->decode, DECODE_NONE);
}

/* ---- encoded messages in a leaf ---- */

/* RFC 2046 section 5.2.1 forbids them, mail programs open them: read by a reader of its own that shares the limits. */
static void
begin_inner(struct mime *m)
{
	struct entity *e = top(m);

	if (m->inner == NULL) {
		m->inner = mime_new(&m->sink);
		m->inner->nested = m->nested + 1;
	}
	m->inner->all = m->all;
	m->inner->base = e->part.depth + 1;
	m->inner->depth = 0;
	begin_header(m->inner, 0);
	m->is_inner = 1;
	m->where = LEAF;
	decode_init(&m->decode, decode_named(e->part.encoding, NULL));
	note(m, "an attached message is encoded");
}

static void
end_inner(struct mime *m)
{
	char out[DECODE_SLACK];

	give(m, out, decode_end(&m->decode, out));
	mime_end(m->inner);
	m->is_inner = 0;
	decode_init(&m->decode, DECODE_NONE);
}

/* ---- entities ---- */

/* Ends open entities from the innermost until `depth` are left. */
static void
end_entities(struct mime *m, size_t depth)
{
	struct entity *e;

	while (m->depth > depth) {
		e = top(m);
		if (m->is_inner)
			end_inner(m);
		else if (m->where == LEAF && !e->part.is_container)
			end_leaf(m);
		if (e->boundary_n != 0 && !e->has_parts)
			note(m, "a multipart without parts");
		if (m->sink.end != NULL)
			m->sink.end(m->sink.arg, &e->part);
		m->depth--;
		m->where = SKIPPED;
	}
}

static void
begin_header(struct mime *m, int is_digest)
{
	struct entity *e = &m->stack[m->depth++];
	int i;

	memset(&e->part, 0, sizeof e->part);
	e->part.depth = m->base + (unsigned)(m->depth - 1);
	e->boundary_n = 0;
	e->is_closed = e->has_parts = 0;
	e->is_digest = is_digest;	/* of the multipart around it, until its own type is known */
	for (i = 0; i < FIELDS; i++)
		buf_clear(&m->field[i]);
	buf_clear(&m->line);
	m->has_field = 0;
	m->current = -1;
	m->lines = 0;
	m->where = HEADER;
	m->at_line_start = 1;
	m->ndashes = m->neol = 0;
}

static void
read_type(struct mime *m, struct entity *e, struct mime_value *v)
{
	struct arena *a = &m->all->arena;
	const char *slash;
	const struct buf *f = &m->field[CONTENT_TYPE];

	mime_value_parse(v, a, f->n != 0 ? f->p : "", f->n);
	slash = strchr(v->word, '/');
	/* one slash with something at both sides, else it is plain text (RFC 2045 section 5.2) */
	if (slash != NULL && slash != v->word && slash[1] != '\0' && strchr(slash + 1, '/') == NULL)
		e->part.type = v->word;
	else
		e->part.type = e->is_digest ? "message/rfc822" : "text/plain";
	if (f->n != 0 && e->part.type != v->word)
		note(m, "Content-Type is not valid");
	if (v->is_cut)
		note(m, "more than %d parameters in Content-Type", MIME_PARAMS_MAX);
}

static void
read_boundary(struct mime *m, struct entity *e, const struct mime_value *v)
{
	size_t n;
	const char *b;

	if (strncmp(e->part.type, "multipart/", 10) != 0)
		return;
	b = mime_value_raw(&n, v, &m->all->arena, "boundary");
	while (b != NULL && n > 0 && ascii_is_blank(b[n - 1]))
		n--;
	if (b == NULL || n == 0 || n > BOUNDARY_MAX) {
		note(m, "multipart without a usable boundary");
		return;
	}
	memcpy(e->boundary, b, n);
	e->boundary_n = n;
}

/* What the fields of the entity say, into its part. */
static void
read_fields(struct mime *m)
{
	struct entity *e = top(m);
	struct arena *a = &m->all->arena;
	struct mime_value type, disposition;
	const char *raw;
	const struct buf *id = &m->field[CONTENT_ID];
	size_t n;

	read_type(m, e, &type);
	read_boundary(m, e, &type);
	mime_value_parse(&disposition, a, m->field[CONTENT_DISPOSITION].n != 0 ? m->field[CONTENT_DISPOSITION].p : "",
	    m->field[CONTENT_DISPOSITION].n);
	e->part.disposition = disposition.word[0] != '\0' ? disposition.word : NULL;
	e->part.name = mime_value_text(&disposition, a, "filename");
	if (e->part.name == NULL)
		e->part.name = mime_value_text(&type, a, "name");
	raw = mime_value_raw(&n, &type, a, "charset");
	e->part.charset = raw != NULL ? low_text(a, raw, n) : NULL;
	e->part.encoding = word_text(a, m->field[CONTENT_ENCODING].n != 0 ? m->field[CONTENT_ENCODING].p : "", m->field[CONTENT_ENCODING].n);
	if (id->n != 0)
		e->part.content_id = low_text(a, id->p, id->n);
	e->is_digest = strcmp(e->part.type, "multipart/digest") == 0;
	e->part.number = m->all->parts++;
}

static int
is_message(const char *type)
{
	return strcmp(type, "message/rfc822") == 0 || strcmp(type, "message/global") == 0 || strcmp(type, "message/news") == 0;
}

static void
begin_container(struct mime *m)
{
	struct entity *e = top(m);

	e->part.is_container = 1;
	if (m->sink.begin != NULL)
		m->sink.begin(m->sink.arg, &e->part);
}

/* The header section of the innermost entity has ended: what is it? */
static void
end_header(struct mime *m)
{
	struct entity *e = top(m);
	int has_room;

	m->is_first_header = 0;
	read_fields(m);
	has_room = e->part.depth < MIME_DEPTH_MAX;
	if (!has_room && (e->boundary_n != 0 || is_message(e->part.type)))
		note(m, "MIME nested deeper than %d", MIME_DEPTH_MAX);
	if (has_room && e->boundary_n != 0) {
		begin_container(m);
		m->where = SKIPPED;
	} else if (has_room && is_message(e->part.type)) {
		if (e->part.encoding == NULL || decode_named(e->part.encoding, NULL) == DECODE_NONE) {
			begin_container(m);
			begin_header(m, 0);
		} else if (m->nested < NESTED_MAX) {
			begin_container(m);
			begin_inner(m);
		} else {
			e->boundary_n = 0;
			begin_leaf(m);
		}
	} else {
		if (!has_room && e->boundary_n != 0)
			m->all->is_limited = 1;
		e->boundary_n = 0;
		begin_leaf(m);
	}
}

/* ---- header lines ---- */

static int
is_named(const char *p, size_t n, const char *name)
{
	size_t i;

	for (i = 0; name[i] != '\0'; i++)
		if (i == n || ascii_lower(p[i]) != name[i])
			return 0;
	return i == n;
}

/* The length of a field's name, 0 when the line is no field (as head.c has it: printable ASCII, blanks before the colon). */
static size_t
field_name(size_t *colon, const char *p, size_t n)
{
	size_t i = 0, len;

	while (i < n && p[i] > ' ' && p[i] < 0x7F && p[i] != ':')
		i++;
	len = i;
	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	*colon = i;
	return i < n && p[i] == ':' ? len : 0;
}

static void
add_to_field(struct mime *m, const char *p, size_t n)
{
	struct buf *f = &m->field[m->current];
	size_t room = m->all->header_left;

	if (n > room || n > FIELD_MAX - f->n) {
		n = room < FIELD_MAX - f->n ? room : FIELD_MAX - f->n;
		note(m, "a Content- field cut");
	}
	buf_add(f, p, n);
	m->all->header_left -= n;
}

/* A line of the header section without its line end. Returns 1 when it is none: the body begins with it. */
static int
header_line(struct mime *m, const char *p, size_t n)
{
	size_t colon, len;
	int i;

	if (n > 0 && (p[0] == ' ' || p[0] == '\t')) {
		if (m->current >= 0)
			add_to_field(m, p, n);
		m->lines++;
		return 0;
	}
	m->current = -1;
	if (n == 0) {
		end_header(m);
		return 0;
	}
	if (m->lines++ == 0 && m->is_first_header && n > 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
		p += 3;		/* before the header of some SmarterMail files */
		n -= 3;
	}
	len = field_name(&colon, p, n);
	/* a mailbox's separator as the first line, which MTAs pass over, too */
	if (len == 0 && m->lines == 1 && ((n > 5 && memcmp(p, "From ", 5) == 0) || (n > 6 && memcmp(p, ">From ", 6) == 0)))
		return 0;
	if (len == 0) {
		end_header(m);
		return 1;
	}
	for (i = 0; i < FIELDS && !is_named(p, len, field_names[i]); i++)
		;
	if (i == FIELDS)
		return 0;
	if ((m->has_field & 1u << i) != 0) {
		note(m, "duplicate %s in a part", field_names[i]);
		return 0;
	}
	m->has_field |= 1u << i;
	m->current = i;
	add_to_field(m, p + colon + 1, n - colon - 1);
	return 0;
}

static void body_bytes(struct mime *m, const char *p, size_t n);

/* A whole line, with its line end if it has one. */
static void
take_line(struct mime *m, const char *p, size_t n)
{
	size_t len = n;

	if (len > 0 && p[len - 1] == '\n')
		len--;
	if (len > 0 && p[len - 1] == '\r')
		len--;
	if (header_line(m, p, len))
		body_bytes(m, p, n);
}

/* Bytes of a header section up to a line end (or the end of the piece). */
static void
header_bytes(struct mime *m, const char *p, size_t n)
{
	int is_line = p[n - 1] == '\n';
	struct buf whole;

	if (is_line && m->line.n == 0) {
		take_line(m, p, n);
		return;
	}
	buf_add(&m->line, p, n);
	if (!is_line)
		return;
	if (m->line.cut)
		note(m, "a header line cut");
	whole = m->line;	/* what this line begins may need the place */
	buf_init(&m->line, LINE_MAX_KEPT);
	take_line(m, whole.p, whole.n);
	buf_free(&m->line);
	m->line = whole;
	buf_clear(&m->line);
}

/* ---- bodies ---- */

/* Bytes of a leaf, but for a line end at their end: it belongs to the boundary if one follows (RFC 2046 section 5.1.1). */
static void
body_bytes(struct mime *m, const char *p, size_t n)
{
	size_t keep = 0;

	if (m->where == HEADER) {
		header_bytes(m, p, n);
		return;
	}
	if (m->where == SKIPPED || n == 0)
		return;
	if (m->neol == 1 && m->eol[0] == '\r' && p[0] == '\n') {
		m->eol[m->neol++] = '\n';
		p++;
		if (--n == 0)
			return;
	}
	if (m->neol != 0)
		leaf_bytes(m, m->eol, m->neol);
	if (p[n - 1] == '\n')
		keep = n > 1 && p[n - 2] == '\r' ? 2 : 1;
	else if (p[n - 1] == '\r')
		keep = 1;
	leaf_bytes(m, p, n - keep);
	memcpy(m->eol, p + n - keep, keep);
	m->neol = keep;
}

/* Is this line, without its line end, a boundary of an open multipart? Then that one is told: 1 a part follows, 2 it was the last. */
static int
boundary_of(size_t *which, const struct mime *m, const char *p, size_t n)
{
	const struct entity *e;
	size_t i, k;

	for (i = m->depth; i-- > 0; ) {
		e = &m->stack[i];
		k = e->boundary_n;
		if (k == 0 || e->is_closed || n < k + 2 || memcmp(p + 2, e->boundary, k) != 0)
			continue;
		*which = i;
		if (n == k + 2)
			return 1;
		if (n == k + 4 && p[k + 2] == '-' && p[k + 3] == '-')
			return 2;
	}
	return 0;
}

static void
begin_part(struct mime *m, size_t which)
{
	struct entity *e = &m->stack[which];

	end_entities(m, which + 1);
	e->has_parts = 1;
	if (m->all->parts >= MIME_PARTS_MAX) {
		note(m, "more than %d MIME parts, the rest not read", MIME_PARTS_MAX);
		e->part.is_cut = m->all->is_limited = m->all->is_full = 1;
		m->where = SKIPPED;
		return;
	}
	begin_header(m, e->is_digest);
}

/* An entity of a header alone, its blank line missing. An attached message begins one more. */
static void
finish_header(struct mime *m)
{
	if (m->where == HEADER && m->line.n != 0)
		header_bytes(m, "\n", 1);
	while (m->where == HEADER)
		end_header(m);
}

/* A line that begins with two dashes is complete. */
static void
end_dashes(struct mime *m, int has_lf)
{
	size_t n = m->ndashes, len = n, which = 0;
	int what = 0;

	while (len > 0 && ascii_is_blank(m->dashes[len - 1]))
		len--;
	if (len > 2 && m->dashes[0] == '-' && m->dashes[1] == '-')
		what = boundary_of(&which, m, m->dashes, len);
	m->ndashes = 0;
	m->at_line_start = has_lf;
	if (what == 0) {
		body_bytes(m, m->dashes, n);
		return;
	}
	if (what == 1 && m->where == HEADER && m->lines == 0 && m->line.n == 0 && which + 2 == m->depth)
		return;		/* the same boundary twice begins one part, for all who read mail */
	finish_header(m);
	m->neol = 0;
	if (what == 1) {
		begin_part(m, which);
	} else {
		end_entities(m, which + 1);
		m->stack[which].is_closed = 1;
		m->stack[which].has_parts = 1;
		m->where = SKIPPED;
	}
}

static int
has_boundary(const struct mime *m)
{
	size_t i;

	for (i = 0; i < m->depth; i++)
		if (m->stack[i].boundary_n != 0 && !m->stack[i].is_closed)
			return 1;
	return 0;
}

/* A line start that may be a boundary: its bytes are kept until it is known. Returns the number of bytes used. */
static size_t
push_dashes(struct mime *m, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	size_t use = lf != NULL ? (size_t)(lf - p) + 1 : n, room = sizeof m->dashes - m->ndashes;

	if (use > room) {	/* too long for one */
		use = room;
		lf = NULL;
	}
	memcpy(m->dashes + m->ndashes, p, use);
	m->ndashes += use;
	if (lf != NULL || m->ndashes == sizeof m->dashes || (m->ndashes > 1 && m->dashes[1] != '-'))
		end_dashes(m, lf != NULL);
	return use;
}

/* How many bytes belong together: in a header one line, in a body all up to a line that may be a boundary. */
static size_t
run(const struct mime *m, const char *p, size_t n, int has_bound)
{
	const char *lf;
	size_t i = 0;

	if (m->where != HEADER && !has_bound)
		return n;
	while (i < n) {
		lf = memchr(p + i, '\n', n - i);
		if (lf == NULL)
			return n;
		i = (size_t)(lf - p) + 1;
		if (m->where == HEADER || (i < n && p[i] == '-'))
			break;
	}
	return i;
}

static void
push(struct mime *m, const char *p, size_t n)
{
	size_t use;
	int has_bound;

	while (n > 0 && !m->all->is_full) {
		has_bound = has_boundary(m);
		if (m->ndashes != 0 || (m->at_line_start && p[0] == '-' && has_bound)) {
			use = push_dashes(m, p, n);
		} else {
			use = run(m, p, n, has_bound);
			m->at_line_start = p[use - 1] == '\n';
			body_bytes(m, p, use);
		}
		p += use;
		n -= use;
	}
}

/* ---- the whole ---- */

struct mime *
mime_new(const struct mime_sink *sink)
{
	struct mime *m = mem_new(sizeof *m);
	const struct mime_text_sink text = { on_text, on_url, m };
	int i;

	m->sink = *sink;
	m->all = &m->own;
	m->stack = mem_new((MIME_DEPTH_MAX + 2) * sizeof *m->stack);
	buf_init(&m->line, LINE_MAX_KEPT);
	for (i = 0; i < FIELDS; i++)
		buf_init(&m->field[i], FIELD_MAX);
	mime_text_init(&m->text, &text);
	return m;
}

void
mime_free(struct mime *m)
{
	int i;

	if (m == NULL)
		return;
	mime_free(m->inner);
	mime_text_free(&m->text);
	buf_free(&m->line);
	for (i = 0; i < FIELDS; i++)
		buf_free(&m->field[i]);
	arena_free(&m->own.arena);
	free(m->stack);
	free(m);
}

void
mime_begin(struct mime *m, uint64_t max_body)
{
	struct shared *s = &m->own;
	struct arena a = s->arena;

	arena_reset(&a);
	memset(s, 0, sizeof *s);
	s->arena = a;
	s->header_left = MIME_HEADER_MAX;
	s->body_max = max_body != 0 ? max_body : MIME_BODY_MAX;
	m->all = s;
	m->depth = 0;
	m->base = 0;
	m->is_inner = m->has_text = 0;
	m->is_first_header = 1;
	begin_header(m, 0);
}

/* The header counts by itself: a line of it at a time, so that the body's count begins where the body does. Returns the bytes used. */
static size_t
push_first_header(struct mime *m, const char *p, size_t n)
{
	const char *lf;
	size_t i, use;

	for (i = 0; m->is_first_header && i < n; i += use) {
		lf = memchr(p + i, '\n', n - i);
		use = lf != NULL ? (size_t)(lf - p) + 1 - i : n - i;
		push(m, p + i, use);
	}
	return i;
}

int
mime_feed(struct mime *m, const void *bytes, size_t n)
{
	struct shared *s = m->all;
	const char *p = bytes;
	size_t head = push_first_header(m, p, n);
	int is_over;

	p += head;
	n -= head;
	if (m->nested != 0) {	/* its bytes were counted by the reader around it */
		push(m, p, n);
		return s->is_full;
	}
	is_over = n > s->body_max - s->body;
	if (is_over)
		n = (size_t)(s->body_max - s->body);
	s->body += n;
	push(m, p, n);
	if (is_over) {
		note(m, "body read up to %llu bytes, the rest not read", (unsigned long long)s->body_max);
		s->is_limited = s->is_full = 1;
	}
	return s->is_full;
}

void
mime_end(struct mime *m)
{
	size_t i;

	for (i = 0; i < m->depth && m->all->is_full; i++)
		m->stack[i].part.is_cut = 1;
	if (m->ndashes != 0)
		end_dashes(m, 0);
	finish_header(m);
	if (m->neol != 0 && m->where == LEAF)
		leaf_bytes(m, m->eol, m->neol);
	m->neol = 0;
	end_entities(m, 0);
}

int
mime_is_whole(const struct mime *m)
{
	return !m->own.is_limited;
}
