/* What can be said of a blocklist's DNS without asking: names, codes, zones. */
#include "index/dnsbl.h"

#include <stdlib.h>
#include <string.h>

#include "spool/addr.h"
#include "spool/buf.h"
#include "spool/sys.h"

#define NAME_MAX_ 253		/* RFC 1035, as text */

const char *const dnsbl_state_name[] = { "clean", "listed", "unknown" };

/* ---- zones ---- */

/* "46:zen.spamhaus.org", "d:multi.uribl.com=test.uribl.com" */
static void
read_zone(struct dnsbl_zone *out, const char *s, size_t n, const struct blocklist *row, struct arena *a)
{
	const char *colon = memchr(s, ':', n), *equals = memchr(s, '=', n), *end = s + n;
	const char *c;

	memset(out, 0, sizeof *out);
	out->row = row;
	for (c = s; colon != NULL && c < colon; c++)
		out->asks |= *c == '4' ? DNSBL_IP4 : *c == '6' ? DNSBL_IP6 : DNSBL_DOMAIN;
	c = colon != NULL ? colon + 1 : s;
	out->zone = arena_dup(a, c, (size_t)((equals != NULL ? equals : end) - c));
	out->test = equals != NULL ? arena_dup(a, equals + 1, (size_t)(end - equals - 1)) : NULL;
}

const struct dnsbl_zone *
dnsbl_zones(size_t *n, struct arena *a)
{
	struct dnsbl_zone *v = arena_zero(a, (blocklists_count + 1) * 2 * sizeof *v);
	const char *s;
	size_t i, k;

	*n = 0;
	for (i = 0; i < blocklists_count; i++)
		for (s = blocklists[i].zones; s != NULL && *s != '\0' && *n < blocklists_count * 2; s += k + (s[k] == ' ')) {
			k = strcspn(s, " ");
			read_zone(&v[(*n)++], s, k, &blocklists[i], a);
		}
	return v;
}

const struct dnsbl_zone *
dnsbl_zone(const char *name, struct arena *a)
{
	size_t i, n;
	const struct dnsbl_zone *v = dnsbl_zones(&n, a);
	struct dnsbl_zone *one;
	const char *zone = dnsbl_subject(name, a);

	for (i = 0; i < n; i++)
		if (strcmp(v[i].row->list, name) == 0 || (zone != NULL && strcmp(v[i].zone, zone) == 0))
			return &v[i];
	if (zone == NULL || strchr(zone, '.') == NULL || addr_ip(a, zone, 0) != NULL)
		return NULL;
	one = arena_zero(a, sizeof *one);
	one->zone = zone;
	one->asks = DNSBL_IP4 | DNSBL_IP6 | DNSBL_DOMAIN;
	return one;
}

/* ---- names ---- */

static int
is_host(const char *s)
{
	size_t n = strlen(s), label = 0, i;

	for (i = 0; i <= n; i++) {
		if (s[i] == '.' || s[i] == '\0') {
			if (label == 0 || label > 63)
				return 0;
			label = 0;
		} else if ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-' || s[i] == '_')
			label++;
		else
			return 0;
	}
	return n <= NAME_MAX_;
}

const char *
dnsbl_subject(const char *s, struct arena *a)
{
	char ascii[1024];
	const char *ip = addr_ip(a, s, 0), *p;
	size_t n, i;
	char *domain;

	if (ip != NULL)
		return ip;
	for (p = s; *p != '\0' && (unsigned char)*p < 0x80; p++)
		;
	if (*p != '\0') {
		if (sys_idn_ascii(ascii, sizeof ascii, s) != 0)
			return NULL;
		s = ascii;
	}
	n = strlen(s);
	if (n > 1 && s[n - 1] == '.')
		n--;
	domain = arena_dup(a, s, n);
	for (i = 0; i < n; i++)
		if (domain[i] >= 'A' && domain[i] <= 'Z')
			domain[i] = (char)(domain[i] - 'A' + 'a');
	/* digits alone are an address that was mistyped */
	return is_host(domain) && strspn(domain, "0123456789.") != n ? domain : NULL;
}

static void
put_nibbles(struct buf *b, const unsigned char v[16])
{
	static const char hex[] = "0123456789abcdef";
	int i;

	for (i = 15; i >= 0; i--)
		buf_fmt(b, "%s%c.%c", i < 15 ? "." : "", hex[v[i] & 15], hex[v[i] >> 4]);
}

static const char *
below_zone(struct buf *b, const char *zone, struct arena *a)
{
	const char *name;

	buf_fmt(b, ".%s", zone);
	name = b->n <= NAME_MAX_ ? arena_str(a, buf_cstr(b)) : NULL;
	buf_free(b);
	return name;
}

const char *
dnsbl_name(const char *subject, const char *zone, struct arena *a)
{
	unsigned char v[16];
	struct buf b;
	int kind = addr_ip_bytes(v, subject);

	buf_init(&b, 1000);
	if (kind == 4)
		buf_fmt(&b, "%u.%u.%u.%u", v[15], v[14], v[13], v[12]);
	else if (kind == 6)
		put_nibbles(&b, v);
	else
		buf_puts(&b, subject);
	return below_zone(&b, zone, a);
}

const char *
dnsbl_test_name(int asks, int is_listed, const char *zone, struct arena *a)
{
	unsigned char v[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x7f, 0, 0, 2 };
	struct buf b;

	v[15] = is_listed ? 2 : 1;
	buf_init(&b, 1000);
	if (asks == DNSBL_IP6)
		put_nibbles(&b, v);
	else
		buf_puts(&b, asks == DNSBL_IP4 ? is_listed ? "2.0.0.127" : "1.0.0.127" : is_listed ? "test" : "invalid");
	return below_zone(&b, zone, a);
}

/* ---- codes ---- */

static uint32_t
number_of(const unsigned char ip[4])
{
	return (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];
}

/* An address of the table, its length in *n; 0 when there is none. */
static uint32_t
code_of(size_t *n, const char *s)
{
	unsigned char v[16];
	char text[16];

	*n = strspn(s, "0123456789.");
	if (*n >= sizeof text)
		return 0;
	memcpy(text, s, *n);
	text[*n] = '\0';
	return addr_ip_bytes(v, text) == 4 ? number_of(v + 12) : 0;
}

struct item {			/* one of the table's codes: "!127.0.0.3=yellow" */
	char kind;		/* '!' '?' '&', or 0 */
	uint32_t from, to;
	const char *meaning;
	size_t n;
};

static const char *
next_item(struct item *out, const char *s)
{
	size_t n;

	memset(out, 0, sizeof *out);
	if (*s == '!' || *s == '?' || *s == '&')
		out->kind = *s++;
	if (out->kind == '&') {
		out->from = out->to = (uint32_t)strtoul(s, NULL, 10);
		s += strspn(s, "0123456789");
	} else {
		out->from = out->to = code_of(&n, s);
		s += n;
		if (*s == '-') {
			out->to = code_of(&n, s + 1);
			s += 1 + n;
		}
	}
	s += *s == '=';
	out->meaning = s;
	out->n = strcspn(s, ";");
	s += out->n;
	return s + (*s == ';');
}

static void
add_words(struct buf *b, const char *s, size_t n)
{
	if (b->n > 0)
		buf_puts(b, "; ");
	buf_add(b, s, n);
}

/* The errors that lists have in common (Spamhaus, Validity, URIBL). */
static const char *
error_of(uint32_t code)
{
	switch (code) {
	case 0x7ffffffc: return "the zone's name is wrong (127.255.255.252)";
	case 0x7ffffffe: return "asked through a resolver that is open to everybody (127.255.255.254)";
	case 0x7fffffff: return "too many queries, or the resolver is not registered (127.255.255.255)";
	case 0x7f000001: return "the query was refused (127.0.0.1)";
	default: break;
	}
	return code >> 24 != 127 ? "an answer outside 127.0.0.0/8: this resolver makes up answers" : code >> 8 == 0x7fffff ?
	    "the list answers with an error" : code == 0x7f000000 ? "127.0.0.0 means nothing" : NULL;
}

static enum dnsbl_state
judge_one(struct buf *meaning, const char **why, const struct blocklist *row, uint32_t code, struct arena *a)
{
	const char *s = row != NULL && row->codes != NULL ? row->codes : "";
	enum dnsbl_state state = DNSBL_LISTED;
	struct item it;
	int found = 0;

	while (*s != '\0') {
		s = next_item(&it, s);
		if (it.kind == '&' ? code >> 8 != 0x7f0000 || (code & it.from) == 0 : code < it.from || code > it.to)
			continue;
		found = 1;
		if (it.kind == '?') {
			*why = arena_dup(a, it.meaning, it.n);
			return DNSBL_UNKNOWN;
		}
		if (it.kind == '!')
			state = DNSBL_CLEAN;
		add_words(meaning, it.meaning, it.n);
	}
	if (!found && (*why = error_of(code)) != NULL)
		return DNSBL_UNKNOWN;
	return state;
}

void
dnsbl_judge(struct dnsbl_answer *out, const struct blocklist *row, const unsigned char (*ip)[4], size_t n, struct arena *a)
{
	struct buf codes, meaning;
	enum dnsbl_state one;
	size_t i, k;

	buf_init(&codes, 1000);
	buf_init(&meaning, 2000);
	out->state = DNSBL_CLEAN;
	out->why = NULL;
	for (i = 0; i < n; i++) {
		for (k = 0; k < i && memcmp(ip[k], ip[i], sizeof ip[i]) != 0; k++)
			;
		if (k < i)	/* once more */
			continue;
		buf_fmt(&codes, "%s%u.%u.%u.%u", i > 0 ? ", " : "", ip[i][0], ip[i][1], ip[i][2], ip[i][3]);
		if (out->state == DNSBL_UNKNOWN)
			continue;
		one = judge_one(&meaning, &out->why, row, number_of(ip[i]), a);
		if (one > out->state)
			out->state = one;
	}
	out->codes = n > 0 ? arena_str(a, buf_cstr(&codes)) : NULL;
	out->meaning = meaning.n > 0 && out->state != DNSBL_UNKNOWN ? arena_str(a, buf_cstr(&meaning)) : NULL;
	buf_free(&codes);
	buf_free(&meaning);
}
