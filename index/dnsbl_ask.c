/*
 * The queries, by c-ares. A list is asked for its test entries first (RFC 5782 section 5), and only a list that
 * has the one and not the other is asked for subjects; TXT follows a hit. Everything that can be asked is on its way at once: the time
 * is that of the slowest list. A callback of c-ares may begin further queries; after ares_cancel it must not.
 */
#include <ares.h>
#include <stdlib.h>
#include <string.h>

#include "index/dnsbl.h"
#include "spool/addr.h"
#include "spool/buf.h"
#include "spool/sys.h"

#define ADDRESSES 64		/* of one answer; lists give a few */
#define TEXT_MAX 1000
#define CLASS_IN 1		/* RFC 1035 section 3.2 */
#define TYPE_A 1
#define TYPE_TXT 16

enum family { IP4, IP6, DOMAIN, FAMILIES };
static const int can[FAMILIES] = { DNSBL_IP4, DNSBL_IP6, DNSBL_DOMAIN };

struct zone_use {		/* a zone and what it is asked for */
	const struct dnsbl_zone *zone;
	enum family family;
	int waiting;		/* test queries under way */
	int has_listed, has_clean;
	const char *why;	/* why it cannot be used */
};

struct run {
	struct dnsbl *out;
	struct arena *a;
	ares_channel channel;
	struct zone_use *use;
	size_t nuses;
	size_t *use_of;		/* of each answer */
	size_t pending;
	int64_t ms;
	int is_ended;		/* no further queries */
};

enum purpose { TEST_LISTED, TEST_CLEAN, SUBJECT, TEXT };

struct query {
	struct run *run;
	enum purpose purpose;
	size_t at;		/* a zone_use of tests, else an answer */
};

static void on_answer(void *arg, int status, int timeouts, unsigned char *p, int n);

static void
ask(struct run *r, enum purpose purpose, size_t at, const char *name)
{
	struct query *q = arena_get(r->a, sizeof *q);

	q->run = r;
	q->purpose = purpose;
	q->at = at;
	r->pending++;
	if (name == NULL)
		on_answer(q, ARES_EBADNAME, 0, NULL, 0);
	else	/* never ares_search: it would append the machine's own domain */
		ares_query(r->channel, name, CLASS_IN, purpose == TEXT ? TYPE_TXT : TYPE_A, on_answer, q);
}

/* ---- answers ---- */

static const char *
why_of(struct run *r, int status)
{
	switch (status) {
	case ARES_ETIMEOUT: case ARES_ECANCELLED: case ARES_EDESTRUCTION:
		return arena_fmt(r->a, "no answer within %d ms", (int)r->ms);
	case ARES_EREFUSED: return "refused (REFUSED)";
	case ARES_ESERVFAIL: return "the name server failed (SERVFAIL)";
	case ARES_EBADNAME: return "the name is longer than DNS allows";
	case ARES_ECONNREFUSED: return "the resolver cannot be reached, or refused (REFUSED)";
	default: return arena_str(r->a, ares_strerror(status));
	}
}

/* The number of answers in the header of a reply (RFC 1035 section 4.1.1); 0 when there is none. */
static unsigned
answers_in(const unsigned char *p, int n)
{
	return p != NULL && n >= 12 ? (unsigned)p[6] << 8 | p[7] : 0;
}

/*
 * Both "no such name" and "no such record" say that it is not there. A CNAME alone does not, nor does a reply that says so and holds answers,
 * or answers only for another name.
 */
static void
read_addresses(struct dnsbl_answer *out, struct run *r, const struct dnsbl_zone *z, int status, const unsigned char *p, int n)
{
	struct ares_addrttl v[ADDRESSES];
	unsigned char ip[ADDRESSES][4];
	int i, count = ADDRESSES;

	out->state = DNSBL_UNKNOWN;
	if (status == ARES_SUCCESS)
		status = ares_parse_a_reply(p, n, NULL, v, &count);
	if ((status == ARES_ENOTFOUND || status == ARES_ENODATA) && answers_in(p, n) != 0) {
		out->why = "an answer without an address";
		return;
	}
	if (status == ARES_ENOTFOUND || status == ARES_ENODATA) {
		out->state = DNSBL_CLEAN;
		out->why = NULL;
		return;
	}
	if (status != ARES_SUCCESS || count == 0) {
		out->why = status != ARES_SUCCESS ? why_of(r, status) : "an answer without an address";
		return;
	}
	if (count == ADDRESSES) {	/* what was left off could be an error */
		out->why = "an answer of too many addresses";
		return;
	}
	for (i = 0; i < count; i++)
		memcpy(ip[i], &v[i].ipaddr, sizeof ip[i]);
	dnsbl_judge(out, z->row, (const unsigned char (*)[4])ip, (size_t)count, r->a);
}

/* Strings of one record belong together; records are joined by " | ". */
static const char *
read_text(struct arena *a, const unsigned char *p, int n)
{
	struct ares_txt_ext *list = NULL, *t;
	const char *text = NULL;
	struct buf b;
	size_t i;

	if (ares_parse_txt_reply_ext(p, n, &list) != ARES_SUCCESS)
		return NULL;
	buf_init(&b, TEXT_MAX);
	for (t = list; t != NULL; t = t->next) {
		if (t->record_start && b.n > 0)
			buf_puts(&b, " | ");
		for (i = 0; i < t->length; i++)
			buf_byte(&b, t->txt[i] != '\0' ? t->txt[i] : ' ');
	}
	if (b.n > 0)
		text = arena_str(a, buf_cstr(&b));
	buf_free(&b);
	ares_free_data(list);
	return text;
}

static void
begin_subjects(struct run *r, size_t use)
{
	struct dnsbl_answer *an;
	size_t i;

	for (i = 0; i < r->out->n; i++) {
		an = &r->out->answer[i];
		if (r->use_of[i] != use)
			continue;
		if (r->use[use].why != NULL)
			an->why = r->use[use].why;
		else if (!r->is_ended)
			ask(r, SUBJECT, i, dnsbl_name(an->subject, an->zone->zone, r->a));
	}
}

/* A list is of use when it has the one test entry and not the other: a dead one often has neither, or everything. */
static void
end_test(struct run *r, size_t at)
{
	struct zone_use *u = &r->use[at];

	if (u->why == NULL && !u->has_clean)
		u->why = "the list has 127.0.0.1 or its like, which none may have: it lists everything";
	if (u->why == NULL && !u->has_listed)
		u->why = "the list lacks its test entry: it does not exist, or is out of service";
	begin_subjects(r, at);
}

static void
on_test(struct run *r, const struct query *q, int status, const unsigned char *p, int n)
{
	struct zone_use *u = &r->use[q->at];
	struct dnsbl_answer an = { 0 };

	read_addresses(&an, r, u->zone, status, p, n);
	if (an.state == DNSBL_UNKNOWN && (q->purpose == TEST_LISTED || strncmp(an.codes != NULL ? an.codes : "", "127.0.0.1", 10) != 0))
		u->why = u->why != NULL ? u->why : arena_fmt(r->a, "the list's test failed: %s", an.why);
	else if (q->purpose == TEST_LISTED)
		u->has_listed |= an.codes != NULL;
	else
		u->has_clean = an.codes == NULL;
	if (--u->waiting == 0)
		end_test(r, q->at);
}

static void
on_answer(void *arg, int status, int timeouts, unsigned char *p, int n)
{
	const struct query *q = arg;
	struct run *r = q->run;
	struct dnsbl_answer *an;

	(void)timeouts;
	r->pending--;
	if (q->purpose == TEST_LISTED || q->purpose == TEST_CLEAN) {
		on_test(r, q, status, p, n);
		return;
	}
	an = &r->out->answer[q->at];
	if (q->purpose == TEXT) {
		an->text = status == ARES_SUCCESS ? read_text(r->a, p, n) : NULL;
		return;
	}
	read_addresses(an, r, an->zone, status, p, n);
	if (an->state == DNSBL_LISTED && !r->is_ended)
		ask(r, TEXT, q->at, dnsbl_name(an->subject, an->zone->zone, r->a));
}

/* ---- what to ask ---- */

static enum family
family_of(const char *subject)
{
	unsigned char v[16];
	int kind = addr_ip_bytes(v, subject);

	return kind == 4 ? IP4 : kind == 6 ? IP6 : DOMAIN;
}

static size_t
use_of(struct run *r, const struct dnsbl_zone *z, enum family family)
{
	size_t i;

	for (i = 0; i < r->nuses; i++)
		if (r->use[i].zone == z && r->use[i].family == family)
			return i;
	r->use[r->nuses].zone = z;
	r->use[r->nuses].family = family;
	return r->nuses++;
}

static void
lay_out(struct run *r, const char *const *subject, size_t nsubjects, const struct dnsbl_zone *zone, size_t nzones)
{
	struct dnsbl *d = r->out;
	enum family family;
	size_t i, k;

	d->answer = arena_zero(r->a, (nsubjects * nzones + 1) * sizeof *d->answer);
	r->use_of = arena_zero(r->a, (nsubjects * nzones + 1) * sizeof *r->use_of);
	r->use = arena_zero(r->a, (nzones * FAMILIES + 1) * sizeof *r->use);
	for (i = 0; i < nsubjects; i++) {
		family = family_of(subject[i]);
		for (k = 0; k < nzones; k++) {
			if ((zone[k].asks & can[family]) == 0)
				continue;
			d->answer[d->n].subject = subject[i];
			d->answer[d->n].zone = &zone[k];
			d->answer[d->n].state = DNSBL_UNKNOWN;
			d->answer[d->n].why = "not asked";
			r->use_of[d->n++] = use_of(r, &zone[k], family);
		}
	}
}

/* A domain list may have a name of its own to test with beside "test". */
static void
begin_tests(struct run *r)
{
	struct zone_use *u;
	size_t i;

	for (i = 0; i < r->nuses; i++) {
		u = &r->use[i];
		u->waiting = u->family == DOMAIN && u->zone->test != NULL ? 3 : 2;
		ask(r, TEST_LISTED, i, dnsbl_test_name(can[u->family], 1, u->zone->zone, r->a));
		ask(r, TEST_CLEAN, i, dnsbl_test_name(can[u->family], 0, u->zone->zone, r->a));
		if (u->family == DOMAIN && u->zone->test != NULL)
			ask(r, TEST_LISTED, i, dnsbl_name(u->zone->test, u->zone->zone, r->a));
	}
}

/* ---- the resolver ---- */

static const char *const public_resolvers[] = {
	"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3", "9.9.9.9", "9.9.9.10", "9.9.9.11", "149.112.112.112",
	"149.112.112.10", "149.112.112.11", "208.67.222.222", "208.67.220.220", "4.2.2.1", "4.2.2.2", "4.2.2.3", "4.2.2.4", "4.2.2.5", "4.2.2.6",
	"64.6.64.6", "64.6.65.6", "77.88.8.8", "77.88.8.1", "94.140.14.14", "94.140.15.15", "185.228.168.9", "185.228.169.9", "76.76.2.0",
	"76.76.10.0", "84.200.69.80", "84.200.70.40", "156.154.70.1", "156.154.71.1", "193.110.81.0", "185.253.5.0", "114.114.114.114", "223.5.5.5",
	"223.6.6.6", "119.29.29.29", "180.76.76.76", "2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111",
	"2606:4700:4700::1001", "2620:fe::fe", "2620:fe::9", "2620:119:35::35", "2620:119:53::53"
};

static int
is_public(const char *ip)
{
	size_t i;

	for (i = 0; i < sizeof public_resolvers / sizeof public_resolvers[0]; i++)
		if (strcmp(public_resolvers[i], ip) == 0)
			return 1;
	return 0;
}

static void
name_resolvers(struct run *r)
{
	struct ares_addr_port_node *list = NULL, *s;
	unsigned char v[16];
	const char *ip;
	struct buf b;
	int i;

	buf_init(&b, 1000);
	if (ares_get_servers_ports(r->channel, &list) != ARES_SUCCESS)
		list = NULL;
	for (s = list; s != NULL; s = s->next) {
		memset(v, 0, sizeof v);
		memcpy(v, &s->addr, s->family == AF_INET ? 4 : 16);
		if (s->family == AF_INET)
			ip = arena_fmt(r->a, "%u.%u.%u.%u", v[0], v[1], v[2], v[3]);
		else {
			char text[40];

			for (i = 0; i < 8; i++)
				memcpy(text + i * 5, arena_fmt(r->a, "%02x%02x:", v[2 * i], v[2 * i + 1]), 5);
			text[39] = '\0';
			ip = addr_ip(r->a, text, 0);
		}
		if (ip == NULL)
			continue;
		buf_fmt(&b, "%s%s", b.n > 0 ? ", " : "", ip);
		if (s->udp_port != 0 && s->udp_port != 53)
			buf_fmt(&b, ":%d", s->udp_port);
		if (r->out->public_resolver == NULL && is_public(ip))
			r->out->public_resolver = ip;
	}
	r->out->resolver = b.n > 0 ? arena_str(r->a, buf_cstr(&b)) : NULL;
	buf_free(&b);
	ares_free_data(list);
}

static int
server_count(ares_channel channel)
{
	struct ares_addr_port_node *list = NULL, *s;
	int n = 0;

	if (ares_get_servers_ports(channel, &list) == ARES_SUCCESS)
		for (s = list; s != NULL; s = s->next)
			n++;
	ares_free_data(list);
	return n > 0 ? n : 1;
}

/* A port from 1 to 65535, digits and no more. 0: it is none. */
static unsigned
port_of(const char *s)
{
	const size_t n = strspn(s, "0123456789");
	const unsigned long port = n > 0 && n <= 5 && s[n] == '\0' ? strtoul(s, NULL, 10) : 0;

	return port <= 65535 ? (unsigned)port : 0;
}

/*
 * What c-ares is told of "ADDR", "ADDR:PORT" or "[ADDR]:PORT"; NULL: it is none of these. c-ares itself takes "1" for an address, a port modulo
 * 65536, a bracket that never closes, and a list with commas of which one may be anybody's.
 */
static const char *
resolver_of(const char *s, struct arena *a)
{
	const char *from = s + (*s == '['), *end = strchr(from, *s == '[' ? ']' : ':'), *rest, *ip;
	unsigned char v[16];
	char text[64];
	size_t n;

	if (*s != '[' && (end == NULL || strchr(end + 1, ':') != NULL))	/* no port, or IPv6 without one */
		end = s + strlen(s);
	n = end != NULL ? (size_t)(end - from) : sizeof text;
	if (n >= sizeof text || strspn(from, "0123456789abcdefABCDEF.:") < n || (*s == '[' && memchr(from, ':', n) == NULL))
		return NULL;
	memcpy(text, from, n);
	text[n] = '\0';
	rest = end + (*s == '[');
	if (*rest != '\0' && (*rest != ':' || port_of(rest + 1) == 0))
		return NULL;
	ip = addr_ip_bytes(v, text) != 0 ? addr_ip(a, text, 0) : NULL;
	if (ip == NULL || *rest == '\0')
		return ip;
	return arena_fmt(a, strchr(ip, ':') != NULL ? "[%s]%s" : "%s%s", ip, rest);
}

/* With one server an error is its answer (NOCHECKRESP); of several the next one is asked, and the reason of the last is lost. */
static int
open_channel(struct run *r, const char *resolver, int timeout_ms, int is_one, struct err *e)
{
	struct ares_options opt;
	int rc;

	memset(&opt, 0, sizeof opt);
	opt.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_STAYOPEN | (is_one ? ARES_FLAG_NOCHECKRESP : 0);
	opt.timeout = timeout_ms;
	opt.tries = 2;
	rc = ares_init_options(&r->channel, &opt, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (rc != ARES_SUCCESS)
		return err_set(e, 0, "DNS cannot be used: %s", ares_strerror(rc));
	if (resolver != NULL)
		rc = ares_set_servers_ports_csv(r->channel, resolver);
	if (rc == ARES_SUCCESS)
		return 0;
	ares_destroy(r->channel);
	r->channel = NULL;
	return err_set(e, 0, "resolver \"%.60s\": not ADDR or ADDR:PORT", resolver);
}

/* Tries double their time (c-ares), each on every server: one query takes 3 times the first try of each. */
static int
begin(struct run *r, const char *resolver, struct err *e)
{
	int n, rc;

	if (sys_net_begin(e) < 0)
		return -1;
	rc = ares_library_init(ARES_LIB_INIT_ALL);
	if (rc != ARES_SUCCESS)
		return err_set(e, 0, "DNS cannot be used: %s", ares_strerror(rc));
	if (open_channel(r, resolver, (int)r->ms / 3, 1, e) < 0)
		return -1;
	n = server_count(r->channel);
	if (n > 1) {
		ares_destroy(r->channel);
		r->channel = NULL;
		if (open_channel(r, resolver, (int)r->ms / (3 * n) + 1, 0, e) < 0)
			return -1;
	}
	name_resolvers(r);
	return 0;
}

/* ---- the loop ---- */

static int
wait_once(struct run *r, int64_t left_ms, struct err *e)
{
	ares_socket_t s[ARES_GETSOCK_MAXNUM];
	struct sys_socket v[SYS_SOCKETS];
	struct timeval most, tv, *t;
	unsigned bits = (unsigned)ares_getsock(r->channel, s, ARES_GETSOCK_MAXNUM);
	int i, rc;
	size_t n = 0;

	for (i = 0; i < ARES_GETSOCK_MAXNUM && n < SYS_SOCKETS; i++) {
		v[n].s = (intptr_t)s[i];	/* its macros of these bits shift into the sign */
		v[n].wants_read = (bits >> i & 1) != 0;
		v[n].wants_write = (bits >> (i + ARES_GETSOCK_MAXNUM) & 1) != 0;
		n += v[n].wants_read || v[n].wants_write;
	}
	left_ms = left_ms < 1000 ? left_ms : 1000;
	most.tv_sec = (long)(left_ms / 1000);
	most.tv_usec = (long)(left_ms % 1000 * 1000);
	t = ares_timeout(r->channel, &most, &tv);
	rc = sys_net_wait(v, n, (int)(t->tv_sec * 1000 + t->tv_usec / 1000) + 1);
	if (rc != 0)
		return err_set(e, rc, "wait for the resolver");
	if (n == 0)
		ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	for (i = 0; (size_t)i < n; i++)
		ares_process_fd(r->channel, v[i].can_read ? (ares_socket_t)v[i].s : ARES_SOCKET_BAD,
		    v[i].can_write ? (ares_socket_t)v[i].s : ARES_SOCKET_BAD);
	return 0;
}

/* Tests, subjects and texts follow each other: three times a query, and a little for a machine that is busy. */
static int
loop(struct run *r, struct err *e)
{
	const int64_t end = sys_clock_us() / 1000 + 3 * r->ms + 2000;
	int64_t left;

	while (r->pending > 0) {
		left = end - sys_clock_us() / 1000;
		if (left <= 0 || sys_stop_asked()) {
			r->is_ended = 1;
			ares_cancel(r->channel);
			break;
		}
		if (wait_once(r, left, e) < 0)
			return -1;
	}
	return 0;
}

static void
refuse_public(struct run *r)
{
	size_t i;

	for (i = 0; i < r->out->n; i++)
		r->out->answer[i].why = arena_fmt(r->a, "not asked: %s is a public resolver, to which lists answer nothing or what is wrong",
		    r->out->public_resolver);
}

int
dnsbl_ask(struct dnsbl *out, const char *const *subject, size_t nsubjects, const struct dnsbl_zone *zone, size_t nzones, const char *resolver,
    int64_t ms, struct arena *a, struct err *e)
{
	struct run r = { 0 };
	const char *server = NULL;
	int rc = -1;
	size_t i;

	memset(out, 0, sizeof *out);
	if (resolver != NULL && (server = resolver_of(resolver, a)) == NULL)
		return err_set(e, 0, "resolver \"%.60s\": not ADDR or ADDR:PORT", resolver);
	if (nsubjects > DNSBL_SUBJECTS)
		return err_set(e, 0, "more than %d addresses and domains", DNSBL_SUBJECTS);
	r.out = out;
	r.a = a;
	r.ms = ms;
	lay_out(&r, subject, nsubjects, zone, nzones);
	if (begin(&r, server, e) < 0)
		goto out;
	if (out->public_resolver != NULL)
		refuse_public(&r);
	else {
		begin_tests(&r);
		if (loop(&r, e) < 0)
			goto out;
	}
	rc = 0;
out:
	r.is_ended = 1;
	if (r.channel != NULL)
		ares_destroy(r.channel);	/* ends what is still under way: callbacks */
	for (i = 0; i < out->n; i++) {
		out->listed += out->answer[i].state == DNSBL_LISTED;
		out->unknown += out->answer[i].state == DNSBL_UNKNOWN;
	}
	return rc;
}
