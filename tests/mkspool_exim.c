/*
 * mkspool_exim.c - an Exim spool: -H, -D, -J and msglog as 4.9x writes them
 * (Exim src/src/spool_out.c, spool_in.c, deliver.c).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mkspool_exim.h"

#define COUNTOF(a)	(sizeof(a) / sizeof((a)[0]))
#define EXIM_USER	"Debian-exim 101 103"
#define SPOOF	"x\n-frozen 123\nXX\n1\n-auth_id admin@hosting.example\n\n000  "

/* Message ids (Exim src/src/receive.c), base 62 */

static void
base62(char *out, uint64_t v, size_t width)
{
	static const char digits[] =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	out[width] = '\0';
	while (width > 0) {
		out[--width] = digits[v % 62];
		v /= 62;
	}
}

static void
make_id(struct draft *d, const struct world *w, const struct mail *m)
{
	char sec[12], pid[12], frac[8];
	bool l = w->o.long_ids;

	base62(sec, (uint64_t)m->sec, 6);
	base62(pid, 1000 + m->n % 4190000, l ? 11 : 6);
	base62(frac, (uint64_t)(l ? m->usec : m->usec / 5000), l ? 4 : 2);
	(void)snprintf(d->id, sizeof(d->id), "%s-%s-%s", sec, pid, frac);
}

/* Options */

static void
opt(struct draft *d, bool tainted, const char *name, const char *value)
{
	mb_fmt(&d->h, "%s%s %s\n", tainted && d->modern ? "--" : "-", name, value);
}

static void
acl_var(struct draft *d, const char *type, const char *name, const char *value)
{
	mb_fmt(&d->h, "-%s %s %zu\n%s\n", type, name, strlen(value), value);
}

static const char *
protocol(const struct mail *m)
{
	if (m->client[0] == '\0')
		return "local";
	if (m->auth[0] == '\0')
		return "esmtp";
	return m->n % 7 == 0 ? "esmtpa" : "esmtpsa";
}

static void
options_client(struct draft *d, const struct mail *m)
{
	opt(d, true, "helo_name", m->helo);
	/* Up to 4.95 the port followed a dot. */
	mb_fmt(&d->h, d->modern ? "-host_address [%s]:%d\n" : "-host_address %s.%d\n",
	    m->client, m->port);
	if (strcmp(m->client_name, "unknown") != 0)
		opt(d, true, "host_name", m->client_name);
	else
		mb_str(&d->h, "-host_lookup_failed\n");
	if (m->auth[0] != '\0') {
		mb_fmt(&d->h, "-host_auth %s\n", m->n % 3 == 0 ? "plain_server" :
		    "login_server");
		if (d->modern)
			mb_fmt(&d->h, "-host_auth_pubname %s\n",
			    m->n % 3 == 0 ? "PLAIN" : "LOGIN");
	}
	mb_fmt(&d->h, d->modern ? "-interface_address [%s]:%d\n" :
	    "-interface_address %s.%d\n", SERVER_IP, m->auth[0] != '\0' ? 587 : 25);
}

static void
options_acl(struct draft *d, const struct mail *m)
{
	if (m->script[0] != '\0')
		acl_var(d, "aclm", "_phpscript",
		    "/home/atlaswp/public_html/wp-content/uploads/2026/09/wp-mailer.php");
	if (m->n % 25 == 4) {
		acl_var(d, "aclc", "_greeting", SPOOF);
		acl_var(d, d->modern ? "-aclm" : "aclm", "0", "");
	}
	if (m->n % 60 == 44)	/* before 4.64: one list, 10 and more is $acl_m */
		acl_var(d, "acl", "12", "old\nform");
}

static void
options_tls(struct draft *d, const struct mail *m)
{
	if (m->auth[0] == '\0' || m->n % 7 == 0)
		return;
	mb_str(&d->h, "-tls_cipher TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256\n");
	if (d->modern)
		mb_str(&d->h, "-tls_ver TLS1.3\n");
	if (m->n % 30 == 8) {	/* one line of some kB */
		mb_str(&d->h, "-tls_ourcert -----BEGIN CERTIFICATE-----\\n");
		mb_fill(&d->h, 'M', 3000);
		mb_str(&d->h, "\\n-----END CERTIFICATE-----\\n\n");
	}
}

static size_t
count_lines(const struct mbuf *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->len; i++)
		n += b->p[i] == '\n' ? 1 : 0;
	return n;
}

static void
options(struct draft *d, const struct mail *m)
{
	mb_fmt(&d->h, "-received_time_usec .%06d\n", m->usec);
	if (d->modern)
		mb_fmt(&d->h, "-received_time_complete %" PRId64 ".%06d\n", m->sec,
		    (m->usec + 999999) / 2);
	if (m->client[0] != '\0')
		options_client(d, m);
	else
		opt(d, false, "ident", m->origin == O_LOCAL ? m->login : "Debian-exim");
	opt(d, false, "received_protocol", protocol(m));
	options_acl(d, m);
	mb_fmt(&d->h, "-body_linecount %zu\n-max_received_linelength 78\n",
	    count_lines(&m->body));
	if (m->auth[0] != '\0') {
		opt(d, true, "auth_id", m->auth);
	} else if (m->origin == O_LOCAL) {	/* no proof of SMTP AUTH */
		opt(d, false, "auth_id", m->login);
		mb_fmt(&d->h, "-auth_sender %s@" SERVER_NAME "\n", m->login);
	}
	if (m->client[0] == '\0')
		mb_str(&d->h, "-allow_unqualified_recipient\n-allow_unqualified_sender\n");
	if (d->first)
		mb_str(&d->h, "-deliver_firsttime\n");
	if (d->frozen)
		mb_fmt(&d->h, "-frozen %" PRId64 "\n", m->sec + 90);
	if (m->origin == O_LOCAL)
		mb_str(&d->h, "-local\n");
	if (m->origin == O_BOUNCE)
		mb_str(&d->h, "-localerror\n");
	if (m->origin == O_LOCAL && strncmp(m->sender, m->login, strlen(m->login)) != 0)
		mb_str(&d->h, "-sender_set_untrusted\n");
	if (m->n % 9 == 2)
		mb_str(&d->h, "-spam_score_int 12\n");
	options_tls(d, m);
	if (m->n % 15 == 3)
		mb_str(&d->h, "-dsn_envid QQ314159\n-dsn_ret 2\n");
	if (m->n % 50 == 21)
		mb_str(&d->h, "-option_of_a_later_version 1\n");
}

/* Recipients */

static int
compare(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Pre-order: a node, its left subtree, its right one (tree.c: tree_write). */
static void
tree_write(struct mbuf *b, const char *const *v, size_t n)
{
	size_t mid = n / 2;

	if (n == 0)
		return;
	mb_fmt(b, "%c%c %s\n", mid > 0 ? 'Y' : 'N', mid + 1 < n ? 'Y' : 'N', v[mid]);
	tree_write(b, v, mid);
	tree_write(b, v + mid + 1, n - mid - 1);
}

static void
done_room(struct draft *d, size_t n)
{
	if (n <= d->capdone)
		return;
	d->done = realloc(d->done, n * sizeof(*d->done));
	if (d->done == NULL)
		die("out of memory");
	d->capdone = n;
}

/* A crash leaves the last deliveries in -J alone, not yet in the tree. */
static bool
in_journal(const struct mail *m, uint32_t i)
{
	return m->n % 50 == 6 && i % 2 == 0;
}

static void
write_tree(struct draft *d, const struct mail *m)
{
	const char **v;
	size_t i;

	d->ndone = 0;
	d->rcpts.len = 0;
	done_room(d, (size_t)m->rcpts + 1);
	for (i = 0; i < m->rcpts; i++) {
		if (!mail_done(m, (uint32_t)i) || in_journal(m, (uint32_t)i))
			continue;
		d->done[d->ndone++] = d->rcpts.len;
		mail_recipient(&d->rcpts, m, (uint32_t)i);
		mb_ch(&d->rcpts, '\0');
	}
	if (m->n % 11 == 5) {	/* child of an alias: no recipient of its own */
		d->done[d->ndone++] = d->rcpts.len;
		mb_fmt(&d->rcpts, "child%u@kervan.example", (unsigned)(m->n % 1000));
		mb_ch(&d->rcpts, '\0');
	}
	if (d->ndone == 0) {
		mb_str(&d->h, "XX\n");
		return;
	}
	v = calloc(d->ndone, sizeof(*v));
	if (v == NULL)
		die("out of memory");
	for (i = 0; i < d->ndone; i++)
		v[i] = (const char *)d->rcpts.p + d->done[i];
	qsort(v, d->ndone, sizeof(*v), compare);
	tree_write(&d->h, v, d->ndone);
	free(v);
}

static void
write_recipients(struct draft *d, const struct mail *m)
{
	static const char owner[] = "owner@hosting.example";
	uint32_t i;

	d->pending = 0;
	mb_fmt(&d->h, "%" PRIu32 "\n", m->rcpts);
	for (i = 0; i < m->rcpts; i++) {
		size_t at = d->h.len, n;

		mail_recipient(&d->h, m, i);
		n = d->h.len - at;
		d->pending += mail_done(m, i) ? 0 : 1;
		if (m->n % 15 == 3 && i % 2 == 0) {
			mb_str(&d->h, " rfc822;");
			mail_recipient(&d->h, m, i);
			mb_fmt(&d->h, " %zu,28  0,-1#3", n + 7);
		} else if (m->n % 15 == 3) {
			mb_str(&d->h, "  0,2  0,-1#3");
		} else if (m->n % 41 == 8 && i > 0 && mail_done(m, 0)) {
			mb_fmt(&d->h, "  0,0 %s %zu,0#3", owner, strlen(owner));
		}
		mb_ch(&d->h, '\n');
	}
	mb_ch(&d->h, '\n');
}

/* Headers */

static char
header_flag(const unsigned char *p, size_t n)
{
	static const struct {
		const char *name;
		char flag;
	} flags[] = {
		{ "From:", 'F' }, { "To:", 'T' }, { "Cc:", 'C' }, { "Bcc:", 'B' },
		{ "Reply-To:", 'R' }, { "Sender:", 'S' }, { "Message-ID:", 'I' },
		{ "Received:", 'P' },
	};
	size_t i;

	for (i = 0; i < COUNTOF(flags); i++)
		if (n > strlen(flags[i].name) && strncasecmp((const char *)p,
		    flags[i].name, strlen(flags[i].name)) == 0)
			return flags[i].flag;
	return ' ';
}

static void
header(struct draft *d, char flag, const unsigned char *p, size_t n)
{
	mb_fmt(&d->h, "%03zu%c ", n, flag);
	mb_add(&d->h, p, n);
	if (flag != '*')
		d->live += n;
}

static void
headers(struct draft *d, const unsigned char *p, size_t n)
{
	while (n > 0) {
		const unsigned char *e = memchr(p, '\n', n);
		size_t k = e != NULL ? (size_t)(e - p) + 1 : n;

		while (k < n && (p[k] == ' ' || p[k] == '\t')) {
			e = memchr(p + k, '\n', n - k);
			k = e != NULL ? (size_t)(e - p) + 1 : n;
		}
		header(d, header_flag(p, k), p, k);
		p += k;
		n -= k;
	}
}

static void
received(struct draft *d, const struct mail *m)
{
	d->tmp.len = 0;
	if (m->client[0] == '\0')
		mb_fmt(&d->tmp, "Received: from %s by " SERVER_NAME " with local (Exim 4.%s)\n",
		    m->origin == O_LOCAL ? m->login : "Debian-exim", d->modern ? "96" : "92");
	else
		mb_fmt(&d->tmp, "Received: from [%s] (helo=%s)\n\tby " SERVER_NAME
		    " with %s (Exim 4.%s)\n", m->client, m->helo, protocol(m),
		    d->modern ? "96" : "92");
	mb_fmt(&d->tmp, "\t(envelope-from <%s>)\n\tid %s;\n\t", m->sender, d->id);
	mail_date(&d->tmp, m->sec, 0);
	mb_ch(&d->tmp, '\n');
	header(d, 'P', d->tmp.p, d->tmp.len);
}

static void
deleted(struct draft *d, const char *text)
{
	header(d, '*', (const unsigned char *)text, strlen(text));
}

static void
write_headers(struct draft *d, const struct mail *m)
{
	d->live = 0;
	d->head = d->h.len;
	received(d, m);
	if (m->by_t)
		deleted(d, "Bcc: hidden@partner.example\n");
	if (m->n % 30 == 11) {	/* replaced by an ACL and by rewriting */
		deleted(d, "Subject: ***SPAM*** this one was replaced\n");
		deleted(d, "From: nobody@localhost\n");
	}
	headers(d, m->head.p, m->head.len);
}

/* Log of a message: deliver.c: deliver_msglog */

static void
log_text(struct mbuf *b, const struct reply *r, const char *to)
{
	struct mbuf t = { 0 };
	size_t i;

	if (r->stage == 'C') {
		mb_str(b, "Connection timed out");
		return;
	}
	mb_str(b, "SMTP error from remote mail server after ");
	if (r->stage == 'G')
		mb_str(b, "initial connection");
	else if (r->stage == 'D')
		mb_str(b, "end of data");
	else
		mb_fmt(b, "RCPT TO:<%s>", to);
	mb_str(b, ": ");
	reply_text(&t, r, to);
	for (i = 0; i < t.len; i++) {
		if (t.p[i] == '\n')
			mb_str(b, "\\n");
		else
			mb_ch(b, t.p[i]);
	}
	mb_free(&t);
}

static int
defer_code(const struct reply *r)
{
	switch (r->stage) {
	case 'C': return 110;
	case 'D': return -46;
	case 'G': return 0;
	default: return -44;
	}
}

static void
log_recipient(struct draft *d, const struct mail *m, uint32_t i, const char *now)
{
	bool done = mail_done(m, i);
	const struct reply *r = mail_reply(m, i, done ? REPLY_PERMANENT : REPLY_TEMPORARY);
	const char *to;

	d->tmp.len = 0;
	mail_recipient(&d->tmp, m, i);
	mb_ch(&d->tmp, '\0');
	to = (const char *)d->tmp.p;
	if (r == NULL) {
		mb_fmt(&d->log, "%s %s: remote_smtp transport succeeded\n", now, to);
		return;
	}
	if (r->stage == 'C')
		mb_fmt(&d->log, "%s %s [%s] ", now, r->host, r->ip);
	else
		mb_fmt(&d->log, "%s H=%s [%s] ", now, r->host, r->ip);
	log_text(&d->log, r, to);
	mb_fmt(&d->log, "\n%s %s R=dnslookup T=remote_smtp", now, to);
	if (!done)
		mb_fmt(&d->log, " defer (%d)", defer_code(r));
	if (r->stage != 'C')
		mb_fmt(&d->log, " H=%s [%s]", r->host, r->ip);
	mb_str(&d->log, ": ");
	log_text(&d->log, r, to);
	mb_ch(&d->log, '\n');
}

static void
stamp(char *out, size_t size, const struct world *w, int64_t t)
{
	struct mbuf b = { 0 };

	mail_stamp(&b, "Y-m-d H:M:S", t, w->o.zone);
	(void)snprintf(out, size, "%.*s", (int)b.len, (const char *)b.p);
	mb_free(&b);
}

static void
write_msglog(struct draft *d, const struct world *w, const struct mail *m)
{
	unsigned tries = m->rcpts > 100 ? 1 : 1 + (unsigned)(m->n % 3), k;
	char now[32];
	uint32_t i;

	d->log.len = 0;
	stamp(now, sizeof(now), w, m->sec);
	mb_fmt(&d->log, "%s Received from <%s>", now, m->sender);
	if (m->client[0] == '\0')
		mb_fmt(&d->log, " U=%s", m->origin == O_LOCAL ? m->login : "Debian-exim");
	else
		mb_fmt(&d->log, " H=(%s) [%s]", m->helo, m->client);
	mb_fmt(&d->log, " P=%s", protocol(m));
	if (m->auth[0] != '\0')
		mb_fmt(&d->log, " A=login_server:%s", m->auth);
	mb_fmt(&d->log, " S=%zu\n", d->live + m->body.len + 1);
	for (k = 0; !d->first && k < tries; k++) {
		stamp(now, sizeof(now), w, m->sec + 20 + 60 * (int64_t)k);
		for (i = 0; i < m->rcpts; i++)
			if (k == 0 || !mail_done(m, i))
				log_recipient(d, m, i, now);
	}
	if (d->frozen)
		mb_fmt(&d->log, "%s *** Frozen (delivery error message)\n", now);
}

/* Files */

const char *
ex_path(struct draft *d, struct world *w, const char *folder,
    const char *prefix, const char *suffix)
{
	struct mbuf *p = &d->path;

	p->len = 0;
	mb_add(p, d->dir.p, d->dir.len);
	mb_str(p, folder);
	if (w->o.split) {	/* by the last character of the time part */
		mb_fmt(p, "/%c", d->id[5]);
		mb_ch(p, '\0');
		dir_once(w, (const char *)p->p, 0750);
		p->len--;
	}
	mb_fmt(p, "/%s%s%s", prefix, d->id, suffix);
	mb_ch(p, '\0');
	return (const char *)p->p;
}

void
ex_put(struct draft *d, struct world *w, const char *prefix, const char *suffix,
    const struct mbuf *b, int64_t mtime)
{
	write_file(ex_path(d, w, "input", prefix, suffix), 0640, mtime, b);
}

void
ex_build(struct draft *d, struct world *w, const struct mail *m)
{
	make_id(d, w, m);
	d->modern = w->o.long_ids || m->n % 10 < 7;
	d->h.len = d->d.len = 0;
	mb_fmt(&d->h, "%s-H\n", d->id);
	if (m->origin == O_LOCAL)
		mb_fmt(&d->h, "%s %d %d\n", m->login, m->uid, m->uid);
	else
		mb_str(&d->h, EXIM_USER "\n");
	mb_fmt(&d->h, "<%s>\n%" PRId64 " %d\n", m->sender, m->sec, (int)(m->n % 17 == 0));
	d->options = d->h.len;
	options(d, m);
	d->tree = d->h.len;
	write_tree(d, m);
	write_recipients(d, m);
	write_headers(d, m);
	mb_fmt(&d->d, "%s-D\n", d->id);
	mb_add(&d->d, m->body.p, m->body.len);
}

static void
write_journal(struct draft *d, struct world *w, const struct mail *m)
{
	uint32_t i;

	d->tmp.len = 0;
	for (i = 0; i < m->rcpts; i++) {
		if (!mail_done(m, i) || !in_journal(m, i))
			continue;
		mail_recipient(&d->tmp, m, i);
		mb_ch(&d->tmp, '\n');
	}
	if (d->tmp.len > 0)
		ex_put(d, w, "", "-J", &d->tmp, w->o.now - 30);
}

static void
choose_queue(struct draft *d, const struct world *w, const struct mail *m)
{
	d->dir.len = 0;
	if (w->o.queue_name != NULL && m->n % 10 == 9)
		mb_fmt(&d->dir, "%s/", w->o.queue_name);
}

static void
make_one(struct draft *d, struct mail *m, struct world *w, bool damage)
{
	uint64_t h = hash2(w->o.seed ^ UINT64_C(0x6578696D), m->n);

	choose_queue(d, w, m);
	d->frozen = m->sender[0] == '\0' ? h % 5 < 3 : h % 40 == 0;
	d->first = !d->frozen && !m->partly && h % 12 == 1;
	ex_build(d, w, m);
	ex_put(d, w, "", "-D", &d->d, m->sec);
	ex_put(d, w, "", "-H", &d->h, m->sec + 1);
	write_journal(d, w, m);
	if (w->o.logs) {
		write_msglog(d, w, m);
		write_file(ex_path(d, w, "msglog", "", ""), 0640, m->sec + 200, &d->log);
	}
	truth_write(w, m, &(struct truth){
	    .queue = d->dir.len > 0 ? w->o.queue_name : "", .id = d->id,
	    .state = d->frozen ? "frozen" : d->first ? "queued" : "deferred",
	    .size = (int64_t)(d->live + m->body.len + 1), .recipients = m->rcpts,
	    .pending = d->pending, .uid = m->uid, .login_known = true,
	    .usec_known = true, .listed = true, .damage = damage });
}

static void
make_dirs(struct world *w)
{
	char path[256];

	dir_once(w, "input", 0750);
	dir_once(w, "msglog", 0750);
	dir_once(w, "db", 0750);
	if (w->o.queue_name == NULL)
		return;
	dir_once(w, w->o.queue_name, 0750);
	(void)snprintf(path, sizeof(path), "%s/input", w->o.queue_name);
	dir_once(w, path, 0750);
	(void)snprintf(path, sizeof(path), "%s/msglog", w->o.queue_name);
	dir_once(w, path, 0750);
}

void
exim_make(struct world *w)
{
	struct mail m = { 0 };
	struct draft d = { 0 };
	uint64_t n;
	unsigned k;

	make_dirs(w);
	for (n = 0; n < w->o.count; n++) {
		mail_plan(&m, w, n);
		mail_write(&m, w);
		make_one(&d, &m, w, false);
	}
	for (k = 0; w->o.hostile && k < hostile_count(); k++) {
		hostile_plan(&m, w, k);
		hostile_write(&m, w, k);
		make_one(&d, &m, w, hostile_has_nul(k));	/* spool_in.c refuses NUL */
	}
	if (w->o.damage)
		ex_damage(&d, &m, w);
	mail_free(&m);
	mb_free(&d.dir);
	mb_free(&d.path);
	mb_free(&d.h);
	mb_free(&d.d);
	mb_free(&d.log);
	mb_free(&d.tmp);
	mb_free(&d.rcpts);
	free(d.done);
}
