#include "index/reply.h"

#include <stdlib.h>
#include <string.h>

#include "spool/addr.h"
#include "spool/ascii.h"

#define NORMAL_MAX ((size_t)16 * 1024)
#define URL_MAX 1000
#define URLS 16		/* looked at in one reply */

const char *const reply_category_name[REPLY_CATEGORIES] = {
	"listed", "reputation", "rate", "policy", "greylist", "recipient", "content", "misconfigured", "unknown"
};

struct replies {
	struct finder *finder;
	struct buf normal;
	struct arena scratch;	/* of one reply */
};

struct replies *
replies_new(void)
{
	struct replies *r = mem_new(sizeof *r);

	r->finder = finder_new();
	buf_init(&r->normal, NORMAL_MAX);
	return r;
}

void
replies_free(struct replies *r)
{
	if (r == NULL)
		return;
	finder_free(r->finder);
	buf_free(&r->normal);
	arena_free(&r->scratch);
	free(r);
}

/* ---- normalising ---- */

static int
is_alnum(char c)
{
	return ascii_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* "550 " or "550-": its length without the fourth byte, 0 if there is none. */
static size_t
code_at(const char *s)
{
	return (s[0] == '4' || s[0] == '5') && ascii_is_digit(s[1]) && ascii_is_digit(s[2]) && (s[3] == ' ' || s[3] == '-' || s[3] == '\n') ? 3 : 0;
}

/* "5.7.1 ", blanks included; 0 if there is none. */
static size_t
enhanced_at(const char *s)
{
	size_t n, dots = 0;

	if (s[0] != '4' && s[0] != '5')
		return 0;
	for (n = 1; ascii_is_digit(s[n]) || (s[n] == '.' && s[n - 1] != '.'); n++)
		dots += s[n] == '.';
	return dots == 2 && ascii_is_digit(s[n - 1]) && s[n] == ' ' ? n + 1 : 0;
}

/*
 * What stands before the words of the other server names that server, not us: "host mx.example[192.0.2.1] said: 550 …", "… refused to talk to me:
 * 554 …" (Postfix smtp_chat.c), "delivery temporarily suspended: …" (Postfix qmgr), "SMTP error from remote mail server after …: host mx.example
 * [192.0.2.1]: 550 …" and "H=mx.example [192.0.2.1]: SMTP error from remote mail server after RCPT TO:<a@b.example>: 550 …" (Exim's bounces, its
 * logs), "smtp;550 …" (DSN).
 */
static const char *
past_prefix(const char *s)
{
	static const char *const mark[] = { " said: ", " refused to talk to me: ", "delivery temporarily suspended: ", "]: " };
	static const char exim[] = "SMTP error from remote mail server after ";
	const char *at, *best = s;
	size_t i;

	for (i = 0; i < sizeof mark / sizeof mark[0]; i++)
		for (at = s; (at = strstr(at, mark[i])) != NULL; at += strlen(mark[i]))
			if (at + strlen(mark[i]) > best && (i < 3 || code_at(at + 3) != 0))
				best = at + strlen(mark[i]);
	at = strstr(best, exim);
	if (at == NULL)
		return best;
	best = at + sizeof exim - 1;
	for (at = best; (at = strstr(at, ": ")) != NULL; at += 2)
		if (code_at(at + 2) != 0)
			return at + 2;
	return best;
}

/* An address in <> is the recipient's or the sender's: its words are not the server's. */
static size_t
address_at(const char *s)
{
	size_t n;

	for (n = 1; s[n] != '\0' && s[n] != '>' && s[n] != '<' && s[n] != ' ' && n < 400; n++)
		;
	return s[n] == '>' && memchr(s, '@', n) != NULL ? n + 1 : 0;
}

/* The same of one without <>. */
static size_t
bare_address_at(const char *s)
{
	size_t n, at = 0;

	for (n = 0; n < 400 && (unsigned char)s[n] > ' ' && strchr("<>:()\"'", s[n]) == NULL; n++)
		if (s[n] == '@')
			at = n;
	return at != 0 && n < 400 ? n : 0;
}

/* Does a word stand last that names whose address follows, as in "550 no such user a@b.example"? */
static int
is_before_address(const struct buf *b)
{
	static const char *const word[] = { "user", "mailbox", "recipient", "account", "alias", "address", "rcpt", "exist", "exists", "unknown", "found" };
	const char *s = b->p;
	size_t i, n, end = b->n;

	while (end > 0 && strchr(" :(\"'", s[end - 1]) != NULL)
		end--;
	for (i = 0; i < sizeof word / sizeof word[0]; i++) {
		n = strlen(word[i]);
		if (end >= n && memcmp(s + end - n, word[i], n) == 0 && (end == n || !is_alnum(s[end - n - 1])))
			return 1;
	}
	return 0;
}

struct line {
	const char *s;
	char code[3];		/* of the reply, once it is known */
	char last;		/* byte put last */
	int has_code, has_words;	/* has_words: more was put than a code and "smtp;" */
};

/* The code of a continued line, "550-5.7.1 " or "550 5.7.1 " once more: its length; 0 none, or the first. */
static size_t
repeated_code(struct line *l)
{
	size_t n = code_at(l->s), more;

	if (n == 0)
		return 0;
	if (!l->has_code) {
		memcpy(l->code, l->s, 3);
		l->has_code = 1;
		return 0;
	}
	if (memcmp(l->code, l->s, 3) != 0)
		return 0;
	more = enhanced_at(l->s + n + 1);
	return l->s[n] == '-' || more != 0 ? n + 1 + more : 0;
}

/* A letter with an accent, U+00C0-U+017F, as the phrases write it; 0: it is none. */
static char
unaccented(const char *s)
{
	static const char plain[] =
	    "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty"
	    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
	    "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
	const unsigned char lead = (unsigned char)s[0], next = (unsigned char)s[1];

	return lead >= 0xc3 && lead <= 0xc5 && (next & 0xc0) == 0x80 ? plain[(size_t)(lead - 0xc3) * 64 + (next & 0x3f)] : '\0';
}

/* Bytes that mean one blank, or nothing but a plainer letter; *out is the letter. 0: take the byte as it is. */
static size_t
plain_at(char *out, const char *s)
{
	*out = ' ';
	if (s[0] == '\\' && (s[1] == 'n' || s[1] == 'r' || s[1] == 't'))	/* as Exim and logs of others write it */
		return 2;
	if ((unsigned char)s[0] <= ' ' || s[0] == 0x7f)
		return 1;
	if (strncmp(s, "\xc2\xa0", 2) == 0)
		return 2;
	*out = unaccented(s);
	if (*out != '\0')
		return 2;
	*out = '\'';
	if (strncmp(s, "\xe2\x80\x99", 3) == 0 || strncmp(s, "\xe2\x80\x98", 3) == 0)
		return 3;
	return 0;
}

static void
put(struct buf *b, struct line *l, char c)
{
	if (c == ' ' && (l->last == ' ' || l->last == '\0'))
		return;
	l->last = c;
	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	buf_byte(b, c);
	if (!l->has_words && strchr("0123456789.- smtp;", c) == NULL)
		l->has_words = 1;
}

/* The rest of a word, of which a byte was put: nearly all text is such. */
static void
put_word(struct buf *b, struct line *l)
{
	char part[64];
	size_t n;

	for (n = 0; n < sizeof part && is_alnum(l->s[n]) && (unsigned char)l->s[n] < 0x80; n++) {
		part[n] = l->s[n];
		if (part[n] >= 'A' && part[n] <= 'Z')
			part[n] = (char)(part[n] - 'A' + 'a');
		if (!l->has_words && strchr("0123456789.- smtp;", part[n]) == NULL)
			l->has_words = 1;
	}
	buf_add(b, part, n);
	l->last = l->s[n - 1];
	l->s += n;
}

void
reply_normal(struct buf *out, const char *text)
{
	struct line l = { past_prefix(text), { 0 }, '\0', 0, 0 };
	size_t n;
	char c;

	buf_clear(out);
	while (*l.s != '\0' && !out->cut) {
		if (is_alnum(l.last) && is_alnum(*l.s) && (unsigned char)*l.s < 0x80)
			put_word(out, &l);
		else if (!is_alnum(l.last) && (n = repeated_code(&l)) != 0) {
			l.s += n;
		} else if ((*l.s == '<' && (n = address_at(l.s)) != 0) || (!is_alnum(l.last) && is_alnum(*l.s) &&
		    (!l.has_words || is_before_address(out)) && (n = bare_address_at(l.s)) != 0)) {
			put(out, &l, '<');
			put(out, &l, '>');
			l.s += n;
		} else if ((n = plain_at(&c, l.s)) != 0) {
			put(out, &l, c);
			l.s += n;
		} else
			put(out, &l, *l.s++);
	}
}

/* ---- our address ---- */

static int
is_ip_byte(char c, int is_v6)
{
	return ascii_is_digit(c) || c == '.' || (is_v6 && (c == ':' || (c >= 'a' && c <= 'f')));
}

/* Addresses that are nobody's here: "any", loopback (answers of lists), and Yahoo's codes ("- 4.16.55.1;"). */
static int
is_foreign(const char *text, size_t at, const char *ip)
{
	const size_t n = strspn(ip, "0123456789.");

	if (strncmp(ip, "127.", 4) == 0 || strncmp(ip, "0.", 2) == 0 || strcmp(ip, "::1") == 0 || strcmp(ip, "::") == 0)
		return 1;
	return at >= 2 && ip[n] == '\0' && (ip[0] == '4' || ip[0] == '5') && ip[1] == '.' && memcmp(text + at - 2, "- ", 2) == 0;
}

/* Words before an address that say whose it is: not ours. */
static int
is_theirs(const char *text, size_t at)
{
	static const char *const before[] = { "your dns ip: ", "relay=[", "relay=", "dns server ", "nameserver ", "resolver ", "connect to ",
	    "while talking to ", "lost connection with ", "timed out with " };
	size_t i, n;

	for (i = 0; i < sizeof before / sizeof before[0]; i++) {
		n = strlen(before[i]);
		if (at >= n && memcmp(text + at - n, before[i], n) == 0)
			return 1;
	}
	return 0;
}

/* "mx.example[192.0.2.1]:25: Connection timed out": where we went. */
static int
is_destination(const char *text, size_t at, size_t end)
{
	if (strncmp(text + end, "]:25", 4) != 0 && strstr(text, "lost connection with ") == NULL && strstr(text, "conversation with ") == NULL)
		return 0;
	return at >= 1 && text[at - 1] == '[';
}

/* *at: where it stands. */
static const char *
address_of(size_t *at, const char *text, struct arena *a)
{
	const size_t code = code_at(text) + 1;	/* "521-198.51.100.25 blocked": where the words begin */
	char word[64];
	const char *ip;
	size_t i, n, k;
	int v6;

	for (i = 0; text[i] != '\0'; i += n) {
		n = 1;
		if (!is_ip_byte(text[i], 1) || (i > 0 && (is_alnum(text[i - 1]) || text[i - 1] == '.' || (text[i - 1] == '-' && i != code))))
			continue;
		for (v6 = 1; v6 >= 0; v6--) {
			for (k = 0; k < sizeof word && is_ip_byte(text[i + k], v6); k++)
				;
			n = k != 0 ? k : 1;
			while (k > 0 && (text[i + k - 1] == '.' || (text[i + k - 1] == ':' && (k < 2 || text[i + k - 2] != ':'))))
				k--;
			if (k < 2 || k >= sizeof word || is_alnum(text[i + n]) || (k == n && text[i + k] == '-'))	/* of a name */
				continue;
			memcpy(word, text + i, k);
			word[k] = '\0';
			if (strspn(word, "0123456789") == k || (strchr(word, ':') == NULL && strlen(word) < 7))
				continue;
			ip = addr_ip(a, word, 0);
			if (ip != NULL && !is_foreign(text, i, ip) && !is_theirs(text, i) && !is_destination(text, i, i + k)) {
				*at = i;
				return ip;
			}
		}
	}
	return NULL;
}

/* ---- the page to go to ---- */

static size_t
url_length(const char *s)
{
	size_t n;

	for (n = 0; n <= URL_MAX && (unsigned char)s[n] > ' ' && (unsigned char)s[n] != 0x7f && strchr("<>\"'`\\^{}|", s[n]) == NULL; n++)
		;
	while (n > 0 && strchr(".,;:!?)]$", s[n - 1]) != NULL && !(s[n - 1] == ')' && memchr(s, '(', n) != NULL))
		n--;
	return n;
}

/* The first URL of the reply as it spells it; one that names the address goes before others. */
static const char *
url_of(const char *text, const char *address, struct arena *a)
{
	const char *s, *best = NULL, *one;
	size_t n, i = 0;

	for (s = text; i < URLS && (s = strstr(s, "://")) != NULL; s += 3, i++) {
		if (s - text >= 5 && strncmp(s - 5, "https", 5) == 0)
			one = s - 5;
		else if (s - text >= 4 && strncmp(s - 4, "http", 4) == 0)
			one = s - 4;
		else
			continue;
		n = url_length(one);
		if (n < 11 || n > URL_MAX)
			continue;
		one = arena_dup(a, one, n);
		if (best == NULL || (address != NULL && strstr(one, address) != NULL && strstr(best, address) == NULL))
			best = one;
	}
	return best;
}

/* ---- a list that the table does not know: its zone stands in the text ---- */

static int
is_zone(const char *s, size_t n)
{
	size_t i, dots = 0, letters = 0;

	for (i = 0; i < n; i++) {
		if (s[i] == '.') {
			if (i == 0 || s[i - 1] == '.')
				return 0;
			dots++;
			letters = 0;
		} else if (s[i] >= 'a' && s[i] <= 'z')
			letters++;
		else if (!ascii_is_digit(s[i]) && s[i] != '-' && s[i] != '_')
			return 0;
	}
	return dots >= 1 && letters >= 2 && n <= 253;
}

/* A label that lists have and machines do not: "zen", "dnsbl-1", "xbl", "combined.rbl". */
static int
is_list_label(const char *s)
{
	static const char *const label[] = { "zen", "bl", "dnsbl", "rbl", "sbl", "xbl", "pbl", "cbl", "dbl", "drbl", "psbl", "blacklist", "blocklist" };
	const size_t n = strcspn(s, ".- ");
	size_t i;

	for (i = 0; i < sizeof label / sizeof label[0]; i++)
		if (strlen(label[i]) == n && memcmp(s, label[i], n) == 0)
			return 1;
	return 0;
}

/* The length of the name at s, without a dot at its end. */
static size_t
name_length(const char *s)
{
	size_t n;

	for (n = 0; is_alnum(s[n]) || s[n] == '.' || s[n] == '-' || s[n] == '_'; n++)
		;
	while (n > 0 && s[n - 1] == '.')
		n--;
	return n;
}

/*
 * "blocked using ZONE", "listed at ZONE", "found in ZONE", "blacklist ZONE" (Postfix default_rbl_reply and its like); else a
 * name that only a list has.
 */
static const char *
zone_of(const char *text, struct arena *a)
{
	static const char *const before[] = { "using ", "listed at ", "listed in ", "listed on ", "listed by ", "found in ", "found on ",
	    "blacklist at ", "blacklisted at ", "blacklisted by ", "blacklisted in ", "blacklist ", "blocklist ", "rbl ", "rbl: ", "dnsbl ", "dnsbl: ",
	    "black list ", "block list ", "list at ", "response (", "rejected by " };
	const char *s;
	size_t i, n;

	for (i = 0; i < sizeof before / sizeof before[0]; i++)
		for (s = text; (s = strstr(s, before[i])) != NULL; ) {
			s += strlen(before[i]);
			s += strspn(s, "'\"[(");
			n = name_length(s);
			if (is_zone(s, n) && s[n] != '[')
				return arena_dup(a, s, n);
		}
	for (s = text; *s != '\0'; s += n != 0 ? n : 1) {
		n = name_length(s);
		if (n != 0 && is_list_label(s) && is_zone(s, n))
			return arena_dup(a, s, n);
	}
	return NULL;
}

/* ---- the name that was asked for, where a reply spells it: "25.100.51.198.bl.example" (RFC 5782 section 2) ---- */

#define NIBBLES 32		/* of an IPv6 address, a label each */

/* Labels of up to `most` digits (base 16 or 10) from s, each with its dot: where what follows begins; NULL when there are fewer than n. */
static const char *
past_labels(const char *s, size_t n, size_t most, int is_hex)
{
	size_t k;

	for (; n > 0; n--, s += k + 1) {
		for (k = 0; ascii_is_digit(s[k]) || (is_hex && s[k] >= 'a' && s[k] <= 'f'); k++)
			;
		if (k == 0 || k > most || s[k] != '.')
			return NULL;
	}
	return s;
}

static const char *
turned(const char *s, int is_v6, struct arena *a)
{
	char text[NIBBLES + 8] = "";
	size_t i, n = 0;
	unsigned v[4];

	if (is_v6) {
		for (i = 0; i < NIBBLES; i++) {
			text[n++] = s[2 * (NIBBLES - 1 - i)];
			if (i % 4 == 3 && i + 1 < NIBBLES)
				text[n++] = ':';
		}
		text[n] = '\0';
		return addr_ip(a, text, 0);
	}
	for (i = 0; i < 4; i++) {
		v[i] = (unsigned)strtoul(s, NULL, 10);
		s += strspn(s, "0123456789") + 1;
	}
	return addr_ip(a, arena_fmt(a, "%u.%u.%u.%u", v[3], v[2], v[1], v[0]), 0);
}

/* The address in it, and in *zone the list's zone; NULL: no such name stands in the text. */
static const char *
queried_of(const char **zone, const char *text, struct arena *a)
{
	const char *s, *rest, *ip;
	int v6;
	size_t n;

	for (s = text; *s != '\0'; s++) {
		if ((!ascii_is_digit(*s) && !(*s >= 'a' && *s <= 'f')) || (s > text && (is_alnum(s[-1]) || s[-1] == '.' || s[-1] == '-')))
			continue;
		for (v6 = 0; v6 < 2; v6++) {
			rest = past_labels(s, v6 ? NIBBLES : 4, v6 ? 1 : 3, v6);
			if (rest == NULL || !is_list_label(rest))
				continue;
			n = name_length(rest);
			ip = is_zone(rest, n) ? turned(s, v6, a) : NULL;
			if (ip == NULL || is_foreign(text, (size_t)(s - text), ip))
				continue;
			*zone = arena_dup(a, rest, n);
			return ip;
		}
	}
	return NULL;
}

/* ---- all of it ---- */

static enum reply_category
category_of(const struct blocklist *b)
{
	int i;

	for (i = 0; b != NULL && i < REPLY_UNKNOWN; i++)
		if (strcmp(b->category, reply_category_name[i]) == 0)
			return (enum reply_category)i;
	return REPLY_UNKNOWN;
}

static enum reply_about
about_of(const struct blocklist *b)
{
	static const char *const name[] = { "no", "ip", "domain", "url", "volume" };
	int i;

	for (i = 0; b != NULL && i < 5; i++)
		if (strcmp(b->about, name[i]) == 0)
			return (enum reply_about)i;
	return ABOUT_NO;
}

/* The row, and our address where the text names it (NULL: it does not); the first byte of it is a mark in r->normal from then on. */
static const struct blocklist *
row_of(const char **address, struct replies *r, const char *text, struct arena *a)
{
	size_t at;

	reply_normal(&r->normal, text);
	*address = address_of(&at, buf_cstr(&r->normal), a);
	if (*address != NULL)
		r->normal.p[at] = REPLY_ADDRESS_MARK;
	return finder_row(r->finder, buf_cstr(&r->normal), r->normal.n);
}

void
reply_read(struct reply *out, struct replies *r, const char *text, struct arena *a)
{
	const char *address, *normal, *zone = NULL, *queried;
	const struct blocklist *b = row_of(&address, r, text, a);
	int is_list;

	memset(out, 0, sizeof *out);
	out->row = b;
	out->category = category_of(b);
	out->about = about_of(b);
	out->address = address;
	normal = buf_cstr(&r->normal);
	queried = queried_of(&zone, normal, a);
	if (out->address == NULL)
		out->address = queried;
	out->url = url_of(text, out->address, a);
	out->has_url = out->url != NULL;
	if (b == NULL)
		return;
	is_list = out->category == REPLY_LISTED || out->category == REPLY_REPUTATION;
	out->operator = b->operator;
	out->list = is_list ? b->list : NULL;
	if (is_list && b->list == NULL)
		out->list = zone != NULL ? zone : zone_of(normal, a);
	if (out->url == NULL)
		out->url = blocklist_url(a, b, out->address);
}

enum reply_class
reply_class(struct replies *r, const char *text)
{
	const char *address;
	const struct blocklist *b = row_of(&address, r, text, &r->scratch);
	enum reply_about about = about_of(b);

	arena_reset(&r->scratch);

	switch (category_of(b)) {
	case REPLY_CONTENT:
		return REPLY_MESSAGE;
	case REPLY_LISTED: case REPLY_REPUTATION: case REPLY_RATE:
		return about == ABOUT_URL ? REPLY_MESSAGE : about == ABOUT_VOLUME ? REPLY_OTHER : REPLY_SERVER;
	default:
		return REPLY_OTHER;
	}
}
