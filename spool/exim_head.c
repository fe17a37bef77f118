#include "exim_head.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "ascii.h"
#include "head.h"

#define LINE_MAX_BYTES ((size_t)64 * 1024)	/* spool_in.c: big_buffer grows to this; longer is a format error */
#define SKIP_MAX ((uint64_t)16 * 1024 * 1024)	/* a line that is longer than this ends the reading */
#define KEEP_LONG ((size_t)4096)		/* what is kept of a line that is too long */
#define ADDRESS_MAX ((size_t)4096)
#define VALUE_MAX ((size_t)4096)
#define TREE_MAX ((uint64_t)1 << 20)
#define RCPT_LINES_MAX ((uint64_t)1 << 17)
#define TIME_LAST INT64_C(253402300799)		/* 9999-12-31T23:59:59Z */

struct line {
	const unsigned char *p;	/* without the LF; valid until the next line */
	size_t n;
	uint64_t at;
	int lf;
	int is_long;		/* above LINE_MAX_BYTES: p has its beginning only */
};

/* What all steps of one reading share. */
struct reading {
	struct exim_head *h;
	struct msg *m;
	struct rd *r;
	struct arena *scratch;
	const char *name;
	exim_sink sink;
	void *arg;
	struct line line;
};

/* The next line into g->line; a long one is passed over. 1, 0 at the end, -1 when its end is too far away or on error. */
static int
next_line(struct reading *g)
{
	struct line *l = &g->line;
	const unsigned char *p;
	int more, rc;
	size_t n;

	memset(l, 0, sizeof *l);
	l->at = rd_pos(g->r);
	rc = rd_line(&l->p, &l->n, &more, &l->lf, g->r, LINE_MAX_BYTES);
	if (rc <= 0 || !more)
		return rc;
	l->is_long = 1;
	if (l->n > KEEP_LONG)
		l->n = KEEP_LONG;
	l->p = (const unsigned char *)arena_dup(g->scratch, l->p, l->n);
	while (more) {
		if (rd_pos(g->r) - l->at > SKIP_MAX)
			return -1;
		rc = rd_line(&p, &n, &more, &l->lf, g->r, LINE_MAX_BYTES);
		if (rc <= 0)
			return rc < 0 ? -1 : 1;
	}
	return 1;
}

/* All n bytes as a number of at most 18 digits, with a sign when that is allowed. */
static int
number(int64_t *out, const unsigned char *p, size_t n, int allow_sign)
{
	int is_negative = allow_sign && n > 0 && p[0] == '-';
	int64_t v = 0;
	size_t i;

	p += is_negative;
	n -= (size_t)is_negative;
	if (n == 0 || n > 18)
		return -1;
	for (i = 0; i < n; i++) {
		if (!ascii_is_digit(p[i]))
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	*out = is_negative ? -v : v;
	return 0;
}

/* Takes " NUMBER" off the end of a line. */
static int
last_number(int64_t *out, const unsigned char *p, size_t *n)
{
	size_t i = *n;

	while (i > 0 && ascii_is_digit(p[i - 1]))
		i--;
	if (i > 0 && p[i - 1] == '-')
		i--;
	if (i == 0 || p[i - 1] != ' ' || number(out, p + i, *n - i, 1) < 0)
		return -1;
	*n = i - 1;
	return 0;
}

/* ---- lines 1 to 4 ---- */

static void
read_login(struct reading *g)
{
	size_t n = g->line.n;

	/* The login may hold spaces and the numbers a minus: only the right end is sure (spool_in.c says the same). */
	if (last_number(&g->h->gid, g->line.p, &n) < 0 || last_number(&g->h->uid, g->line.p, &n) < 0) {
		g->h->uid = g->h->gid = -1;
		msg_damage(g->m, "-H: line 2 is not \"login uid gid\"");
		return;
	}
	g->h->login = head_text(g->m->arena, g->line.p, n, NULL);
}

static void
read_sender(struct reading *g)
{
	const unsigned char *p = g->line.p;
	size_t n = g->line.n;

	if (n < 2 || p[0] != '<' || p[n - 1] != '>' || n > ADDRESS_MAX)
		msg_damage(g->m, "-H: line 3 is not a sender");
	else
		g->h->sender = n == 2 ? "" : addr_clean(g->m->arena, p + 1, n - 2);
}

static void
read_time(struct reading *g)
{
	int64_t sec, warnings;
	size_t n = g->line.n;

	if (last_number(&warnings, g->line.p, &n) < 0 || number(&sec, g->line.p, n, 0) < 0 || sec > TIME_LAST)
		msg_damage(g->m, "-H: line 4 is not \"time warnings\"");
	else
		g->h->arrived = sec * 1000000;
}

/* 0, or -1 when nothing behind can be read. */
static int
read_first_lines(struct reading *g)
{
	int i, rc;

	for (i = 1; i <= 4; i++) {
		rc = next_line(g);
		if (rc <= 0 || !g->line.lf || g->line.is_long) {
			msg_damage(g->m, rc < 0 || g->line.is_long ? "-H: line %d has no end" : "-H: ends in line %d", i);
			return -1;
		}
		if (i == 1 && (g->line.n != strlen(g->name) || memcmp(g->line.p, g->name, g->line.n) != 0))
			msg_damage(g->m, "-H: line 1 is not the name of the file");
		else if (i == 2)
			read_login(g);
		else if (i == 3)
			read_sender(g);
		else if (i == 4)
			read_time(g);
	}
	return 0;
}

/* ---- option lines ---- */

static const struct {
	const char *name;
	size_t at;
} text_option[] = {
	{ "auth_id", offsetof(struct exim_head, auth_id) },
	{ "helo_name", offsetof(struct exim_head, helo) },
	{ "host_address", offsetof(struct exim_head, host_address) },
	{ "host_auth", offsetof(struct exim_head, host_auth) },
	{ "host_name", offsetof(struct exim_head, host_name) },
	{ "ident", offsetof(struct exim_head, ident) },
	{ "received_protocol", offsetof(struct exim_head, protocol) },
}, flag_option[] = {
	{ "N", offsetof(struct exim_head, is_never) },
	{ "deliver_firsttime", offsetof(struct exim_head, is_first) },
	{ "frozen", offsetof(struct exim_head, is_frozen) },
	{ "local", offsetof(struct exim_head, is_local) },
	{ "localerror", offsetof(struct exim_head, is_local_error) },
	{ "spool_file_wireformat", offsetof(struct exim_head, is_wireformat) },
};

static int
is_word(const unsigned char *p, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(p, word, n) == 0;
}

/* ".NNNNNN": a fraction of a second. */
static void
read_usec(struct exim_head *h, const unsigned char *p, size_t n)
{
	int64_t v;

	if (n < 2 || n > 7 || p[0] != '.' || number(&v, p + 1, n - 1, 0) < 0)
		return;
	for (; n < 7; n++)
		v *= 10;
	h->usec = v;
}

static void
set_option(struct reading *g, const unsigned char *name, size_t nname, const unsigned char *p, size_t n)
{
	const char *value;
	size_t i;
	int is_set = 1;

	for (i = 0; i < sizeof flag_option / sizeof flag_option[0]; i++)
		if (is_word(name, nname, flag_option[i].name))
			memcpy((char *)g->h + flag_option[i].at, &is_set, sizeof is_set);
	if (n > VALUE_MAX)
		n = VALUE_MAX;
	for (i = 0; i < sizeof text_option / sizeof text_option[0]; i++) {
		if (!is_word(name, nname, text_option[i].name))
			continue;
		value = head_text(g->m->arena, p, n, NULL);
		memcpy((char *)g->h + text_option[i].at, &value, sizeof value);
		return;
	}
	if (is_word(name, nname, "received_time_usec"))
		read_usec(g->h, p, n);
	else if (is_word(name, nname, "body_linecount") && number(&g->h->body_lines, p, n, 0) < 0)
		g->h->body_lines = -1;
}

/*
 * The value of an ACL variable: exactly as many bytes as its line says and one
 * LF. Values are made from mail on many servers and hold what looks like envelope
 * lines; only the count tells where they end. 0, or -1 when it cannot be obeyed.
 */
static int
skip_variable(struct reading *g, const unsigned char *p, size_t n)
{
	int64_t len;

	if (last_number(&len, p, &n) < 0 || len < 0) {
		msg_damage(g->m, "-H: variable without a length");
		return -1;
	}
	if ((uint64_t)len > rd_left(g->r)) {
		msg_damage(g->m, "-H: variable claims %lld bytes, %llu remain", (long long)len, (unsigned long long)rd_left(g->r));
		return -1;
	}
	(void)rd_skip(g->r, (uint64_t)len);
	if (rd_byte(g->r) == '\n')
		return 0;
	/* The length is wrong: what follows may be the rest of the value, which others chose. */
	msg_damage(g->m, "-H: variable of %lld bytes does not end there", (long long)len);
	return -1;
}

/* One "-name value", "--name value" (tainted) or "--(lookup)name value" (tainted and quoted). */
static int
read_option(struct reading *g)
{
	const unsigned char *p = g->line.p + 1, *end = g->line.p + g->line.n, *name;
	size_t n;

	if (p < end && *p == '-')
		p++;
	if (p < end && *p == '(') {
		while (p < end && *p != ')')
			p++;
		p += p < end;
	}
	for (name = p; p < end && *p != ' '; p++)
		continue;
	n = (size_t)(p - name);
	if (is_word(name, n, "aclc") || is_word(name, n, "aclm") || is_word(name, n, "acl"))
		return skip_variable(g, p, (size_t)(end - p));
	p += p < end;
	set_option(g, name, n, p, (size_t)(end - p));
	return 0;
}

/* Ends with the first line that is no option in g->line: the tree. 0, or -1 when there is none. */
static int
read_options(struct reading *g)
{
	int rc;

	for (;;) {
		rc = next_line(g);
		if (rc < 0 || (rc > 0 && g->line.is_long && g->line.p[0] != '-')) {
			msg_damage(g->m, "-H: line without an end");
			return -1;
		}
		if (rc == 0 || !g->line.lf) {
			msg_damage(g->m, "-H: ends in the options");
			return -1;
		}
		if (g->line.n == 0 || g->line.p[0] != '-')
			return 0;
		if (g->line.is_long)
			msg_note(g->m, "-H: option line of more than 64 KiB, which Exim refuses");
		if (read_option(g) < 0)
			return -1;
	}
}

/* ---- the non-recipients tree ---- */

static int
is_tree_line(const struct line *l)
{
	return l->n >= 4 && l->lf && !l->is_long && (l->p[0] == 'Y' || l->p[0] == 'N') && (l->p[1] == 'Y' || l->p[1] == 'N') &&
	    l->p[2] == ' ';
}

static int
is_count(const struct line *l)
{
	int64_t v;

	return !l->is_long && number(&v, l->p, l->n, 0) == 0;
}

/* After a break: the next line that can be the count, or the blank one before the headers. */
static int
find_count(struct reading *g)
{
	int i;

	for (i = 0; i < 1000; i++) {
		if (g->line.lf && (g->line.n == 0 || is_count(&g->line)))
			return 0;
		if (next_line(g) <= 0)
			break;
	}
	return -1;
}

/*
 * Pre-order, each line tells by two letters whether a left and a right subtree
 * follow: so the number of nodes still to come is enough, no stack. Ends with the
 * count in g->line. 0, or -1 when nothing behind the break can be found.
 */
static int
read_tree(struct reading *g)
{
	uint64_t due = 1;
	int rc = 1;

	if (g->line.n == 2 && memcmp(g->line.p, "XX", 2) == 0) {
		g->h->has_options = 1;
		if (next_line(g) > 0)
			return 0;
		msg_damage(g->m, "-H: ends before the recipients");
		return -1;
	}
	g->h->tree_at = g->line.at;
	while (due > 0 && rc > 0 && is_tree_line(&g->line) && g->h->tree_nodes < TREE_MAX) {
		g->h->has_options = 1;
		due += (uint64_t)(g->line.p[0] == 'Y') + (uint64_t)(g->line.p[1] == 'Y') - 1;
		g->h->tree_nodes++;
		rc = next_line(g);
	}
	if (due == 0 && rc > 0)
		return 0;
	msg_damage(g->m, "-H: tree of delivered addresses is broken after %llu", (unsigned long long)g->h->tree_nodes);
	return rc > 0 ? find_count(g) : -1;
}

/* ---- recipients ---- */

static int
ascii_fold(int c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static int
compare(const unsigned char *a, size_t na, const unsigned char *b, size_t nb)
{
	size_t i, n = na < nb ? na : nb;
	int d;

	for (i = 0; i < n; i++) {
		if (a[i] == b[i])
			continue;
		d = ascii_fold(a[i]) - ascii_fold(b[i]);
		if (d != 0)
			return d;
	}
	return na < nb ? -1 : na > nb;
}

static int
by_address(const void *a, const void *b)
{
	const struct exim_rcpt *x = a, *y = b;

	return compare(x->p, x->n, y->p, y->n);
}

size_t
exim_rcpt_next(const struct exim_head *h, const void *p, size_t n, int exact, size_t from)
{
	size_t low = from, high = from == 0 ? h->nrcpt : from, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (compare(h->rcpt[mid].p, h->rcpt[mid].n, p, n) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < h->nrcpt && compare(h->rcpt[low].p, h->rcpt[low].n, p, n) == 0; low++)
		if (!exact || memcmp(h->rcpt[low].p, p, n) == 0)
			return low;
	return SIZE_MAX;
}

static void
keep_recipient(struct reading *g, const unsigned char *p, size_t n)
{
	struct exim_head *h = g->h;
	struct exim_rcpt *grown;
	size_t cap;

	if (h->nrcpt == h->rcpt_cap) {
		cap = h->rcpt_cap != 0 ? h->rcpt_cap * 2 : 8;
		grown = arena_get(g->scratch, cap * sizeof *grown);
		if (h->nrcpt != 0)
			memcpy(grown, h->rcpt, h->nrcpt * sizeof *grown);
		h->rcpt = grown;
		h->rcpt_cap = cap;
	}
	h->rcpt[h->nrcpt].p = (const unsigned char *)arena_dup(g->scratch, p, n);
	h->rcpt[h->nrcpt].n = (uint32_t)n;
	h->rcpt[h->nrcpt].index = (uint32_t)g->m->nrcpt;
	h->nrcpt++;
	(void)msg_rcpt(g->m, addr_clean(g->m->arena, p, n), RCPT_PENDING);
}

/* Takes " TEXT LEN,NUMBER" off the end: LEN says how long TEXT is. 0, or -1 when the line cannot hold it. */
static int
cut_counted(const unsigned char *p, size_t *n)
{
	size_t i = *n, comma;
	int64_t len;

	while (i > 0 && (ascii_is_digit(p[i - 1]) || p[i - 1] == ',' || p[i - 1] == '-'))
		i--;
	for (comma = i; comma < *n && p[comma] != ','; comma++)
		continue;
	if (i == 0 || p[i - 1] != ' ' || comma == *n || number(&len, p + i, comma - i, 0) < 0)
		return -1;
	i--;
	if ((uint64_t)len + 1 > i || p[i - (size_t)len - 1] != ' ')
		return -1;
	*n = i - (size_t)len - 1;
	return 0;
}

/*
 * Where the address ends. Addresses may hold spaces, so every version of the
 * extra data is read from the right (spool_in.c, at "Look back from the end"): ADDRESS
 * TEXT LEN,FLAGS TEXT LEN,PNO#BITS now, ADDRESS PNO in early Exim 4, ADDRESS N,N,N in Exim 3.
 */
static int
cut_recipient(const unsigned char *p, size_t *n)
{
	size_t i = *n;

	while (i > 0 && ascii_is_digit(p[i - 1]))
		i--;
	if (i == 0 || i == *n)
		return 0;
	if (p[i - 1] == '#') {
		int bits = p[*n - 1] - '0';	/* the type bits are below 10 in every version */

		*n = i - 1;
		if ((bits & 1) != 0 && cut_counted(p, n) < 0)
			return -1;
		return (bits & 2) != 0 ? cut_counted(p, n) : 0;
	}
	if (p[i - 1] == ',')
		while (i > 0 && (ascii_is_digit(p[i - 1]) || p[i - 1] == ','))
			i--;
	if (i > 0 && p[i - 1] == ' ')
		*n = i - 1;
	return 0;
}

static void
add_recipient(struct reading *g, uint64_t nth)
{
	size_t n = g->line.n;

	if (n > ADDRESS_MAX || g->line.is_long || !g->line.lf) {
		msg_damage(g->m, n > ADDRESS_MAX || g->line.is_long ? "-H: recipient %llu is too long" : "-H: ends in recipient %llu",
		    (unsigned long long)nth);
		return;
	}
	if (cut_recipient(g->line.p, &n) < 0)
		msg_damage(g->m, "-H: recipient %llu has odd extensions", (unsigned long long)nth);
	if (g->h->nrcpt < EXIM_RCPT_MAX)
		keep_recipient(g, g->line.p, n);
}

static const char header_flags[] = " PFTCBRSI*";

/* "NNNc name:", which no recipient looks like. */
static int
is_header_line(const struct line *l)
{
	size_t i = 0;

	while (i < l->n && ascii_is_digit(l->p[i]))
		i++;
	if (i < 3 || i + 2 >= l->n || memchr(header_flags, l->p[i], sizeof header_flags - 1) == NULL || l->p[i + 1] != ' ')
		return 0;
	for (i += 2; i < l->n && l->p[i] > 32 && l->p[i] < 127; i++)
		if (l->p[i] == ':')
			return 1;
	return 0;
}

static void
judge_count(struct reading *g, int64_t claimed, uint64_t present)
{
	if (claimed < 0)
		msg_damage(g->m, "-H: recipient count is not a number, %llu present", (unsigned long long)present);
	else if ((uint64_t)claimed != present)
		msg_damage(g->m, "-H: recipient count %lld, %llu present", (long long)claimed, (unsigned long long)present);
	else if (claimed > EXIM_RCPT_MAX)
		msg_damage(g->m, "-H: recipient count %lld is above Exim's limit of %d", (long long)claimed, EXIM_RCPT_MAX);
}

/* The count is in g->line. Reads up to the blank line before the headers. 0, or -1 when that is not found. */
static int
read_recipients(struct reading *g)
{
	uint64_t present = 0;
	int64_t claimed = -1;
	int rc = -1;

	if (g->line.lf && g->line.n == 0) {
		msg_damage(g->m, "-H: no recipients");
		return 0;
	}
	if (!g->line.lf || g->line.is_long || number(&claimed, g->line.p, g->line.n, 0) < 0)
		claimed = -1;
	while (present < RCPT_LINES_MAX && (rc = next_line(g)) > 0 && (g->line.n != 0 || !g->line.lf)) {
		if (is_header_line(&g->line)) {
			msg_damage(g->m, "-H: no blank line before the headers");
			(void)rd_seek(g->r, g->line.at);
			break;
		}
		add_recipient(g, ++present);
	}
	judge_count(g, claimed, present);
	if (present >= RCPT_LINES_MAX || rc <= 0) {
		msg_damage(g->m, "-H: ends in the recipients");
		rc = -1;
	}
	if (g->h->nrcpt > 1)
		qsort(g->h->rcpt, g->h->nrcpt, sizeof *g->h->rcpt, by_address);
	return rc < 0 ? -1 : 0;
}

/* Reads the tree again, now that the recipients are known. Its addresses may also be children of aliases: not ours. */
static void
mark_done(struct reading *g)
{
	uint64_t back = rd_pos(g->r), i;
	struct rcpt *r;
	size_t at;

	if (g->h->tree_nodes == 0 || g->h->nrcpt == 0 || rd_seek(g->r, g->h->tree_at) < 0)
		return;
	for (i = 0; i < g->h->tree_nodes && next_line(g) > 0 && is_tree_line(&g->line); i++)
		for (at = 0; (at = exim_rcpt_next(g->h, g->line.p + 3, g->line.n - 3, 1, at)) != SIZE_MAX; at++) {
			r = &g->m->rcpt[g->h->rcpt[at].index];
			if (r->state == RCPT_DONE)	/* a broken tree has a node twice: all with this address are marked already */
				break;
			r->state = RCPT_DONE;
		}
	(void)rd_seek(g->r, back);
}

/* ---- headers ---- */

/* 1 all went well, 0 the text has a NUL or is cut, -1 the sink or the reader failed. */
static int
pass_text(struct reading *g, uint64_t left, int is_live)
{
	const unsigned char *p, *nul;
	int last = '\n';
	size_t n;

	while (left > 0) {
		p = rd_some(&n, g->r, left > LINE_MAX_BYTES ? LINE_MAX_BYTES : (size_t)left);
		if (p == NULL)
			return g->r->error != 0 ? -1 : 0;
		nul = memchr(p, '\0', n);
		if (is_live && g->sink != NULL && g->sink(g->arg, p, nul != NULL ? (size_t)(nul - p) : n) < 0)
			return -1;
		left -= n;
		if (nul != NULL) {	/* spool_in.c takes a NUL for a hole that a crash left */
			msg_damage(g->m, "-H: NUL in header %zu", g->h->nheaders);
			(void)rd_skip(g->r, left < rd_left(g->r) ? left : rd_left(g->r));
			return 0;
		}
		last = p[n - 1];
	}
	if (last == '\n')
		return 1;
	msg_note(g->m, "-H: header %zu has no line end", g->h->nheaders);
	return is_live && g->sink != NULL && g->sink(g->arg, "\n", 1) < 0 ? -1 : 1;
}

/* The length and flag before a header. 0, or -1 when there are none here. */
static int
header_start(uint64_t *len, int *flag, struct rd *r)
{
	int c, digits = 0;

	*len = 0;
	while (ascii_is_digit(rd_peek(r)) && digits < 18) {
		*len = *len * 10 + (uint64_t)(rd_byte(r) - '0');
		digits++;
	}
	*flag = digits > 0 ? rd_byte(r) : -1;
	c = *flag >= 0 ? rd_byte(r) : -1;
	return c == ' ' ? 0 : -1;
}

/* 1 go on, 0 the headers end here, -1 error. */
static int
read_header(struct reading *g)
{
	uint64_t len, left;
	int flag, c = rd_peek(g->r), rc, is_cut;

	if (c < 0)
		return g->r->error != 0 ? -1 : 0;
	g->h->nheaders++;
	if (header_start(&len, &flag, g->r) < 0) {
		if (g->r->error != 0)
			return -1;
		msg_damage(g->m, c == '\0' ? "-H: NUL bytes in place of header %zu" : "-H: header %zu has no length", g->h->nheaders);
		g->h->live_size = -1;
		return 0;
	}
	left = rd_left(g->r);
	is_cut = len > left;
	if (is_cut) {
		msg_damage(g->m, "-H: header %zu claims %llu bytes, %llu remain", g->h->nheaders, (unsigned long long)len,
		    (unsigned long long)left);
		len = left;
	}
	g->h->nlive += flag != '*';
	rc = pass_text(g, len, flag != '*');
	if (rc < 0)
		return -1;
	if (rc == 0 || is_cut)
		g->h->live_size = -1;
	else if (flag != '*' && g->h->live_size >= 0)
		g->h->live_size += (int64_t)len;
	return !is_cut;
}

static int
read_headers(struct reading *g)
{
	int rc;

	g->h->live_size = 0;
	while ((rc = read_header(g)) > 0)
		continue;
	/* Exim puts a Received: on every message: a file without any header was cut. */
	if (rc == 0 && g->h->nheaders == 0) {
		msg_damage(g->m, "-H: no headers");
		g->h->live_size = -1;
	}
	return rc;
}

int
exim_head_read(struct exim_head *out, struct msg *m, struct rd *r, const char *name, struct arena *scratch, exim_sink sink,
    void *arg)
{
	struct reading g;
	int rc = 0;

	memset(out, 0, sizeof *out);
	out->uid = out->gid = out->usec = out->body_lines = out->live_size = -1;
	out->arrived = MSG_NO_TIME;
	memset(&g, 0, sizeof g);
	g.h = out;
	g.m = m;
	g.r = r;
	g.scratch = scratch;
	g.name = name;
	g.sink = sink;
	g.arg = arg;
	if (rd_left(r) == 0) {
		msg_damage(m, "-H: empty");
		return 0;
	}
	if (read_first_lines(&g) == 0 && read_options(&g) == 0 && read_tree(&g) == 0) {
		rc = read_recipients(&g);
		mark_done(&g);
		rc = rc == 0 ? read_headers(&g) : 0;
	}
	if (out->arrived != MSG_NO_TIME && out->usec >= 0)
		out->arrived += out->usec;
	return r->error != 0 || rc < 0 ? -1 : 0;
}
