#include "smartermail_hdr.h"

#include <string.h>

#include "addr.h"
#include "head.h"

#define HDR_MAX ((uint64_t)16 * 1024 * 1024)	/* bytes of an envelope that are read */
#define RCPT_MOST ((size_t)100000)
#define LINE_KEEP ((size_t)8192)		/* bytes of a line other than the recipients' */
#define ADDRESS_KEEP ((size_t)4096)
#define WORD_SHOW ((size_t)40)

struct line {
	const unsigned char *p;
	size_t n;
	int more, lf;
};

struct parse {
	struct smartermail_hdr *h;
	struct msg *m;
	struct rd *r;
	int is_growing;
	int stop;			/* what follows cannot be trusted, and a mark says why */
	unsigned lines;
	int last_lf, last_blank;
	int has_retry, has_date;
};

/* Collects one address of line 3 at a time. */
struct split {
	unsigned char addr[ADDRESS_KEEP];
	size_t n;
	int is_quoted, is_escaped, is_cut;
};

enum key { KEY_AUTH, KEY_IP, KEY_NAME, KEY_HELO, KEY_CREATED, KEY_RETRY, KEY_OTHER };

static const char *const keys[] = { "auth", "connectedip", "connectedhostname", "helo", "creationdate", "retry" };

static void
doubt(struct parse *p, const char *what)
{
	if (p->is_growing)
		msg_note(p->m, "%s", what);
	else
		msg_damage(p->m, "%s", what);
}

static int
is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void
trim(const unsigned char **s, size_t *n)
{
	while (*n != 0 && is_blank((*s)[0])) {
		(*s)++;
		(*n)--;
	}
	while (*n != 0 && is_blank((*s)[*n - 1]))
		(*n)--;
}

static int
ascii_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static int
is_key(const unsigned char *s, size_t n, const char *key)
{
	size_t i;

	if (strlen(key) != n)
		return 0;
	for (i = 0; i < n; i++)
		if (ascii_lower(s[i]) != key[i])
			return 0;
	return 1;
}

/* A line, or the next piece of a long one. NULs are what a power loss leaves in place of data,
 * so nothing behind one is believed. */
static int
next_piece(struct line *l, struct parse *p)
{
	if (p->stop)
		return 0;
	if (rd_pos(p->r) >= HDR_MAX) {
		doubt(p, ".hdr is longer than 16 MiB");
		p->stop = 1;
		return 0;
	}
	if (rd_line(&l->p, &l->n, &l->more, &l->lf, p->r, LINE_KEEP) <= 0)
		return 0;
	if (l->n != 0 && memchr(l->p, '\0', l->n) != NULL) {
		doubt(p, "NUL bytes in .hdr");
		p->stop = 1;
		return 0;
	}
	return 1;
}

static int
next_line(struct line *l, struct parse *p)
{
	const unsigned char *s;
	size_t n;

	if (!next_piece(l, p))
		return 0;
	s = l->p;
	n = l->n;
	trim(&s, &n);
	p->lines++;
	p->last_blank = n == 0;
	p->last_lf = l->lf;
	return 1;
}

/* Passes over the rest of a long line; l->p is lost. */
static void
skip_rest(struct line *l, struct parse *p)
{
	while (l->more && next_piece(l, p))
		p->last_lf = l->lf;
}

void
smartermail_skip_bom(struct rd *r)
{
	const unsigned char *b;

	if (rd_peek(r) != 0xef || rd_left(r) < 3)
		return;
	b = rd_take(r, 3);
	if (b != NULL && memcmp(b, "\xef\xbb\xbf", 3) != 0)
		(void)rd_seek(r, 0);
}

/* The word is case-sensitive and padded with blanks (tagged lab runs of sm-tagger2: "Written "). */
static enum smartermail_status
status_of(const unsigned char *s, size_t n)
{
	static const struct { const char *word; enum smartermail_status status; } words[] = {
		{ "Written", SMARTERMAIL_WRITTEN }, { "Writing", SMARTERMAIL_WRITING },
		{ "Quarantined", SMARTERMAIL_QUARANTINED }, { "Failed", SMARTERMAIL_FAILED },
	};
	size_t i;

	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strlen(words[i].word) == n && memcmp(words[i].word, s, n) == 0)
			return words[i].status;
	return SMARTERMAIL_OTHER;
}

static void
trim_end(size_t *n, const unsigned char *s)
{
	while (*n != 0 && is_blank(s[*n - 1]))
		(*n)--;
}

static void
status_line(struct parse *p)
{
	struct line l;
	size_t n;

	if (!next_line(&l, p))
		return;
	n = l.n;
	trim_end(&n, l.p);
	p->h->status = l.more ? SMARTERMAIL_OTHER : status_of(l.p, n);
	if (p->h->status == SMARTERMAIL_WRITING)
		p->is_growing = 1;
	/* The server deletes a pair that says Failed; an unknown word is hands off. Both are
	 * final, so also beside an .em_. */
	if (p->h->status == SMARTERMAIL_FAILED || p->h->status == SMARTERMAIL_OTHER)
		msg_damage(p->m, "status \"%s\"%s", head_text(p->m->arena, l.p, n < WORD_SHOW ? n : WORD_SHOW, NULL),
		    l.more || n > WORD_SHOW ? " (cut)" : "");
	skip_rest(&l, p);
}

static void
sender_line(struct parse *p)
{
	struct line l;
	const unsigned char *s;
	size_t n;

	if (!next_line(&l, p))
		return;
	s = l.p;
	n = l.n;
	trim(&s, &n);
	p->m->sender = addr_clean(p->m->arena, s, n);
	if (l.more)
		doubt(p, "sender longer than 8192 bytes");
	skip_rest(&l, p);
}

static void
split_flush(struct split *s, struct parse *p)
{
	trim_end(&s->n, s->addr);
	if (s->n != 0 && p->m->nrcpt < RCPT_MOST)
		(void)msg_rcpt(p->m, addr_clean(p->m->arena, s->addr, s->n), RCPT_PENDING);
	else if (s->n != 0)
		doubt(p, "more than 100000 recipients");
	if (s->is_cut)
		doubt(p, "recipient longer than 4096 bytes");
	s->n = 0;
	s->is_cut = 0;
}

/* A comma inside a quoted local part belongs to the address; only a quote that begins the local
 * part opens one (RFC 5321 4.1.2). */
static void
split_byte(struct split *s, struct parse *p, int c)
{
	int is_first = s->n == 0 || (s->n == 1 && s->addr[0] == '<');

	if (s->is_escaped) {
		s->is_escaped = 0;
	} else if (s->is_quoted) {
		s->is_escaped = c == '\\';
		s->is_quoted = c != '"';
	} else if (c == ',') {
		split_flush(s, p);
		return;
	} else if (c == '"' && is_first) {
		s->is_quoted = 1;
	} else if (s->n == 0 && is_blank(c)) {
		return;
	}
	if (s->n < sizeof s->addr)
		s->addr[s->n++] = (unsigned char)c;
	else
		s->is_cut = 1;
}

static void
recipients_line(struct parse *p)
{
	struct split s;
	struct line l;
	size_t i;

	if (!next_line(&l, p))
		return;
	s.n = 0;
	s.is_quoted = s.is_escaped = s.is_cut = 0;
	do {
		for (i = 0; i < l.n && p->m->nrcpt <= RCPT_MOST; i++)
			split_byte(&s, p, l.p[i]);
		p->last_lf = l.lf;
	} while (l.more && next_piece(&l, p));
	if (s.is_quoted)
		doubt(p, "unbalanced quote in the recipients");
	split_flush(&s, p);
	if (p->m->nrcpt == 0)
		doubt(p, "no recipients");
}

/* The first value counts. Two different accounts leave the account unsure; of the other keys it
 * is an oddity. */
static void
set_once(const char **where, struct parse *p, const char *key, const unsigned char *s, size_t n)
{
	struct arena *a = p->m->arena;
	const char *text;

	if (n == 0)
		return;
	text = head_text(a, s, n, NULL);
	if (*where == NULL)
		*where = text;
	else if (strcmp(addr_fold(a, *where), addr_fold(a, text)) != 0 && strcmp(key, "auth") == 0)
		doubt(p, "two different auth lines");
	else
		msg_note(p->m, "duplicate %s", key);
}

/* "attempts;time". */
static void
retry_value(struct parse *p, const unsigned char *s, size_t n)
{
	int64_t v = 0;
	size_t i;

	for (i = 0; i < n && i < 9 && s[i] >= '0' && s[i] <= '9'; i++)
		v = v * 10 + (s[i] - '0');
	if (i == 0 || (i < n && s[i] != ';')) {
		msg_note(p->m, "unreadable retry");
		v = -1;
	}
	if (p->has_retry)
		msg_note(p->m, "duplicate retry");
	/* of two, the one that says less about who is still pending */
	if (!p->has_retry || v < 0 || (p->h->retries >= 0 && v > p->h->retries))
		p->h->retries = v;
	p->has_retry = 1;
}

static void
created_value(struct parse *p, const unsigned char *s, size_t n)
{
	if (p->has_date) {
		msg_note(p->m, "duplicate creationdate");
		return;
	}
	p->has_date = 1;
	p->h->has_created = smartermail_time_parse(&p->h->created, arena_dup(p->m->arena, s, n)) == 0;
	if (!p->h->has_created)
		msg_note(p->m, "unreadable creationdate");
}

static enum key
key_of(const unsigned char *s, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (is_key(s, n, keys[i]))
			break;
	return (enum key)i;
}

static void
key_value(struct parse *p, enum key k, const unsigned char *s, size_t n)
{
	switch (k) {
	case KEY_AUTH:
		set_once(&p->m->auth, p, keys[k], s, n);
		break;
	case KEY_IP:
		set_once(&p->m->client, p, keys[k], s, n);
		break;
	case KEY_NAME:
		set_once(&p->m->client_name, p, keys[k], s, n);
		break;
	case KEY_HELO:
		set_once(&p->m->helo, p, keys[k], s, n);
		break;
	case KEY_CREATED:
		created_value(p, s, n);
		break;
	case KEY_RETRY:
		retry_value(p, s, n);
		break;
	case KEY_OTHER:
		break;
	}
}

/* Key case changed between versions (connectedIP in 2018, connectedip in 2024), and notify comes
 * once a recipient. */
static void
key_line(struct line *l, struct parse *p)
{
	const unsigned char *s = l->p, *colon, *value;
	size_t n = l->n, left;
	enum key k;

	trim(&s, &n);
	if (n == 0)
		return;
	colon = memchr(s, ':', n);
	if (colon == NULL) {
		msg_note(p->m, "a line without a colon in .hdr");
		return;
	}
	left = n - (size_t)(colon + 1 - s);
	value = colon + 1;
	n = (size_t)(colon - s);
	trim(&s, &n);
	trim(&value, &left);
	k = key_of(s, n);
	if (l->more && k == KEY_AUTH)
		doubt(p, "auth longer than 8192 bytes");
	else if (l->more)
		msg_note(p->m, "a line longer than 8192 bytes in .hdr");
	key_value(p, k, value, left);
}

static void
judge_end(struct parse *p, uint64_t size)
{
	if (p->stop || p->r->error != 0)
		return;
	if (size == 0)
		doubt(p, "empty .hdr");
	else if (p->lines < 3)
		doubt(p, "fewer than three lines in .hdr");
	if (size != 0 && !p->last_lf)
		doubt(p, ".hdr is cut in mid-line");
	else if (p->lines >= 3 && !p->last_blank)
		msg_note(p->m, "no blank line at the end of .hdr");
	if (p->r->shrunk)
		doubt(p, ".hdr became shorter while it was read");
}

int
smartermail_hdr_read(struct smartermail_hdr *h, struct msg *m, struct rd *r, int is_growing)
{
	struct parse p = { .h = h, .m = m, .r = r, .is_growing = is_growing };
	struct line l;
	uint64_t size = r->size;

	memset(h, 0, sizeof *h);
	smartermail_skip_bom(r);
	status_line(&p);
	sender_line(&p);
	recipients_line(&p);
	while (next_line(&l, &p)) {
		key_line(&l, &p);
		skip_rest(&l, &p);
	}
	judge_end(&p, size);
	return r->error != 0 ? -1 : 0;
}

enum smartermail_status
smartermail_hdr_status(int *is_word, struct rd *r)
{
	const unsigned char *s;
	int more, is_letters = 1;
	size_t n, i;

	if (is_word != NULL)
		*is_word = 0;
	smartermail_skip_bom(r);
	if (rd_line(&s, &n, &more, NULL, r, LINE_KEEP) <= 0 || more)
		return SMARTERMAIL_NONE;
	trim_end(&n, s);
	for (i = 0; i < n; i++)
		is_letters = is_letters && ascii_lower(s[i]) >= 'a' && ascii_lower(s[i]) <= 'z';
	if (n == 0 || memchr(s, '\0', n) != NULL)
		return SMARTERMAIL_NONE;
	if (is_word != NULL)
		*is_word = is_letters && n <= WORD_SHOW;
	return status_of(s, n);
}

/* Up to `most` digits; 0 digits is a failure. Returns how many. */
static int
number(int *v, const char **s, int most)
{
	int n;

	*v = 0;
	for (n = 0; n < most && **s >= '0' && **s <= '9'; n++, (*s)++)
		*v = *v * 10 + (**s - '0');
	return n;
}

static int
take_char(const char **s, int c)
{
	if (**s != c)
		return 0;
	(*s)++;
	return 1;
}

static int
date_part(struct smartermail_time *t, const char **s)
{
	int a, b, c, sep;

	if (number(&a, s, 4) == 0)
		return -1;
	sep = **s;
	if (sep != '/' && sep != '-' && sep != '.')
		return -1;
	(*s)++;
	if (number(&b, s, 2) == 0 || !take_char(s, sep) || number(&c, s, 4) == 0)
		return -1;
	t->year = sep == '-' ? a : c;
	t->month = sep == '/' ? a : b;
	t->day = sep == '/' ? b : sep == '-' ? c : a;
	return 0;
}

static int
clock_part(struct smartermail_time *t, const char **s)
{
	int is_pm;

	if (number(&t->hour, s, 2) == 0 || !take_char(s, ':') || number(&t->min, s, 2) != 2 || !take_char(s, ':') ||
	    number(&t->sec, s, 2) != 2)
		return -1;
	if (**s != ' ')
		return 0;
	is_pm = (*s)[1] == 'P' || (*s)[1] == 'p';
	if ((!is_pm && (*s)[1] != 'A' && (*s)[1] != 'a') || ((*s)[2] != 'M' && (*s)[2] != 'm'))
		return -1;
	if (t->hour < 1 || t->hour > 12)
		return -1;
	t->hour = t->hour % 12 + (is_pm ? 12 : 0);
	*s += 3;
	return 0;
}

static int
days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

int
smartermail_time_parse(struct smartermail_time *t, const char *s)
{
	memset(t, 0, sizeof *t);
	if (date_part(t, &s) != 0 || (!take_char(&s, ' ') && !take_char(&s, 'T')) || clock_part(t, &s) != 0 || *s != '\0')
		return -1;
	/* the year 1 of an unset DateTime is no arrival */
	if (t->year < 1970 || t->month < 1 || t->month > 12 || t->day < 1 || t->day > days_of(t->year, t->month))
		return -1;
	return t->hour < 24 && t->min < 60 && t->sec < 60 ? 0 : -1;
}
