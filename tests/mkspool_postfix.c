/*
 * mkspool_postfix.c - a Postfix queue as cleanup(8), qmgr(8) and bounce(8)
 * leave it. Records: Postfix src/global/rec_type.h; their order:
 * src/cleanup/cleanup_envelope.c, cleanup_message.c, cleanup_extracted.c.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mkspool_postfix.h"

#define COUNTOF(a)	(sizeof(a) / sizeof((a)[0]))
#define LINE_LIMIT	2048	/* line_length_limit */

/* Records */

void
pf_rec(struct image *im, int type, const void *p, size_t n)
{
	size_t left = n;

	mb_ch(&im->b, type);
	do {
		int c = (int)(left & 0x7f);

		left >>= 7;
		mb_ch(&im->b, left != 0 ? c | 0x80 : c);
	} while (left != 0);
	mb_add(&im->b, p, n);
	if (im->data == 0 && im->edges < COUNTOF(im->edge))
		im->edge[im->edges++] = im->b.len;
}

void
pf_rec_str(struct image *im, int type, const char *s)
{
	pf_rec(im, type, s, strlen(s));
}

void
pf_rec_ptr(struct image *im, size_t target)
{
	char s[32];

	(void)snprintf(s, sizeof(s), "%15zu", target);
	pf_rec_str(im, 'p', s);
}

static void
attr(struct image *im, const char *name, const char *value)
{
	char s[512];

	(void)snprintf(s, sizeof(s), "%s=%s", name, value);
	pf_rec_str(im, 'A', s);
}

static void
attr_number(struct image *im, const char *name, int64_t v)
{
	char s[32];

	(void)snprintf(s, sizeof(s), "%" PRId64, v);
	attr(im, name, s);
}

/* One line of content: pieces of line_length_limit as L, the last as N. */
static void
rec_line(struct image *im, const unsigned char *p, size_t n)
{
	for (; n > LINE_LIMIT; p += LINE_LIMIT, n -= LINE_LIMIT)
		pf_rec(im, 'L', p, LINE_LIMIT);
	pf_rec(im, 'N', p, n);
}

static void
rec_lines(struct image *im, const unsigned char *p, size_t n)
{
	while (n > 0) {
		const unsigned char *e = memchr(p, '\n', n);
		size_t k = e != NULL ? (size_t)(e - p) : n;

		rec_line(im, p, k);
		k += e != NULL ? 1 : 0;
		p += k;
		n -= k;
	}
}

static void
size_text(char *out, size_t size, const struct image *im, const struct mail *m,
    size_t body)
{
	(void)snprintf(out, size, "%15zu %15zu %15lu %15d %15zu %15d",
	    im->xtra - im->data, im->data,
	    im->broken & CLAIM_MANY ? 100000UL : (unsigned long)m->rcpts, 0, body, 0);
}

/* Queue ids (mail_queue.h: MQID_*; safe_ultostr.c has the alphabet) */

static const char safe_digits[] =
    "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

static void
safe_number(char *out, uint64_t v, unsigned base, size_t width)
{
	char tmp[24];
	size_t n = 0;

	do
		tmp[n++] = safe_digits[v % base];
	while ((v /= base) != 0);
	while (n < width)
		tmp[n++] = safe_digits[0];
	while (n > 0)
		*out++ = tmp[--n];
	*out = '\0';
}

void
pf_make_id(struct spot *s, const struct world *w, const struct mail *m,
    uint64_t inode)
{
	char sec[24], usec[24], ino[24];

	(void)snprintf(s->bucket, sizeof(s->bucket), "%05X", (unsigned)m->usec);
	if (!w->o.long_ids) {
		(void)snprintf(s->id, sizeof(s->id), "%s%" PRIX64, s->bucket, inode);
		return;
	}
	safe_number(sec, (uint64_t)m->sec, 52, 6);
	safe_number(usec, (uint64_t)m->usec, 52, 4);
	safe_number(ino, inode, 51, 1);
	(void)snprintf(s->id, sizeof(s->id), "%s%sz%s", sec, usec, ino);
}

/* Folder of a file in a hashed queue, made when it is new. */
void
pf_hashed_path(struct mbuf *out, struct world *w, const char *queue,
    const char *bucket, const char *name, int depth)
{
	int i;

	out->len = 0;
	mb_str(out, queue);
	for (i = 0; i < depth; i++) {
		mb_fmt(out, "/%c", bucket[i]);
		mb_ch(out, '\0');
		dir_once(w, (const char *)out->p, 0700);
		out->len--;
	}
	mb_fmt(out, "/%s", name);
	mb_ch(out, '\0');
}

void
pf_queue_path(struct mbuf *out, struct world *w, const struct spot *s)
{
	pf_hashed_path(out, w, s->queue, s->bucket, s->id,
	    strcmp(s->queue, "deferred") == 0 ? w->o.depth : 0);
}

/* Envelope */

static void
env_client(struct image *im, const struct mail *m)
{
	bool v6 = strchr(m->client, ':') != NULL;
	char text[256];

	if (m->client[0] == '\0') {
		if (m->origin == O_LOCAL)
			attr(im, "log_message_origin", "local");
		return;
	}
	attr(im, "log_client_name", m->client_name);
	(void)snprintf(text, sizeof(text), "%s%s", v6 ? "IPv6:" : "", m->client);
	attr(im, "log_client_address", text);
	attr_number(im, "log_client_port", m->port);
	(void)snprintf(text, sizeof(text), "%s[%s]", m->client_name, m->client);
	attr(im, "log_message_origin", text);
	attr(im, "log_helo_name", m->helo);
	attr(im, "log_protocol_name", "ESMTP");
	attr(im, "client_name", m->client_name);
	attr(im, "reverse_client_name", m->client_name);
	attr(im, "client_address", m->client);
	attr_number(im, "client_port", m->port);
	attr(im, "server_address", SERVER_IP);
	attr(im, "server_port", m->auth[0] != '\0' ? "587" : "25");
	attr(im, "helo_name", m->helo);
	attr(im, "protocol_name", "ESMTP");
	attr(im, "client_address_type", v6 ? "10" : "2");
}

static void
env_head(struct image *im, const struct mail *m, const char *id)
{
	char s[160];

	if (!(im->broken & NO_SIZE)) {
		memset(s, im->broken & BAD_SIZE ? 'x' : ' ', 95);
		pf_rec(im, 'C', s, 95);
	}
	(void)snprintf(s, sizeof(s), "%" PRId64 " %6d", m->sec, m->usec);
	if (!(im->broken & NO_TIME))
		pf_rec_str(im, 'T', s);
	if (im->broken & BAD_TYPE)
		pf_rec_str(im, 'Q', "no such record");
	if (im->broken & NUL_TYPE)
		pf_rec_str(im, 0, "a record of type NUL");
	attr_number(im, "create_time", m->sec);
	if (im->broken & BAD_ATTR)
		pf_rec_str(im, 'A', "attribute without a value");
	attr(im, "log_ident", id);
	attr(im, "rewrite_context",
	    m->auth[0] != '\0' || m->origin == O_LOCAL ? "local" : "remote");
	if (m->auth[0] != '\0') {
		attr(im, "sasl_method", m->n % 3 == 0 ? "PLAIN" : "LOGIN");
		attr(im, "sasl_username", m->auth);
	}
	if (m->gecos[0] != '\0')
		pf_rec_str(im, 'F', m->gecos);
	if (m->n % 15 == 3) {
		attr(im, "envelope_id", "QQ314159");
		attr(im, "ret_flags", "2");
	}
	if (!(im->broken & NO_SENDER))
		pf_rec_str(im, 'S', mail_sender_raw(m));
	if (im->milter)
		pf_rec_ptr(im, 0);
	env_client(im, m);
	if (m->n % 20 == 7 && m->sender[0] != '\0') {
		(void)snprintf(s, sizeof(s), "%15" PRId64, m->sec + 14400);
		pf_rec_str(im, 'W', s);
	}
	if (m->label == L_NEWSLETTER && m->n % 4 == 0)
		pf_rec_str(im, 'V', "+=");
}

static void
rcpt_room(struct image *im, size_t n)
{
	if (n <= im->rcpt_cap)
		return;
	im->rcpt_at = realloc(im->rcpt_at, n * sizeof(*im->rcpt_at));
	if (im->rcpt_at == NULL)
		die("out of memory");
	im->rcpt_cap = n;
}


/* The R record has the address unquoted, the logs as RFC 822 writes it. */
static void
unquote(struct mbuf *out, const unsigned char *p, size_t n)
{
	bool inside = n > 0 && p[0] == '"';
	size_t i = inside ? 1 : 0;

	out->len = 0;
	for (; inside && i < n && p[i] != '"'; i++) {
		if (p[i] == '\\' && i + 1 < n)
			i++;
		mb_ch(out, p[i]);
	}
	mb_add(out, p + i + (inside ? 1 : 0), n - i - (inside ? 1 : 0));
}

#define ORCPT	"dsn_orig_rcpt=rfc822;"

static void
recipients(struct image *im, const struct mail *m)
{
	struct mbuf a = { 0 }, raw = { 0 };
	const size_t skip = sizeof(ORCPT) - 1;
	uint32_t i;

	rcpt_room(im, m->rcpts);
	if (m->n % 40 == 9) {	/* one that a milter took out */
		pf_rec_str(im, 'O', "removed@partner.example");
		pf_rec_str(im, '/', "removed@partner.example");
	}
	for (i = 0; i < m->rcpts; i++) {
		a.len = 0;
		mb_str(&a, ORCPT);
		mail_recipient(&a, m, i);
		pf_rec(im, 'A', a.p, a.len);
		if (m->n % 15 == 3)
			attr(im, "notify_flags", "12");
		unquote(&raw, a.p + skip, a.len - skip);
		pf_rec(im, 'O', raw.p, raw.len);
		im->rcpt_at[i] = im->b.len;
		pf_rec(im, mail_done(m, i) ? 'D' : 'R', raw.p, raw.len);
	}
	mb_free(&a);
	mb_free(&raw);
}

/* Content */

static void
received(struct mbuf *b, const struct mail *m, const char *id)
{
	if (m->origin == O_LOCAL)
		mb_fmt(b, "Received: by " SERVER_NAME " (Postfix, from userid %d)\n\tid %s; ",
		    m->uid, id);
	else if (m->client[0] == '\0')
		mb_fmt(b, "Received: by " SERVER_NAME " (Postfix)\n\tid %s; ", id);
	else
		mb_fmt(b, "Received: from %s (%s [%s%s])\n\tby " SERVER_NAME
		    " (Postfix) with %s id %s\n\tfor <user@partner.example>; ",
		    m->helo, m->client_name, strchr(m->client, ':') != NULL ? "IPv6:" : "",
		    m->client, m->auth[0] != '\0' ? "ESMTPSA" : "ESMTP", id);
	mail_date(b, m->sec, 0);
	mb_str(b, " (UTC)\n");
}

/* Headers as records; notes where Subject stands and makes room for a PTR. */
static void
rec_headers(struct image *im, const struct mbuf *head)
{
	const unsigned char *p = head->p, *end = head->p + head->len;
	bool in_subject = false;

	while (p < end) {
		const unsigned char *e = memchr(p, '\n', (size_t)(end - p));
		size_t n = e != NULL ? (size_t)(e - p) : (size_t)(end - p);
		size_t at = im->b.len;
		bool more = n > 0 && (p[0] == ' ' || p[0] == '\t');

		if (!more)
			in_subject = n > 8 && memcmp(p, "Subject:", 8) == 0 &&
			    im->subject == 0;
		rec_line(im, p, n);
		/* cleanup pads a short header, so that a PTR always fits. */
		if (im->milter && !more && im->b.len - at < PTR_SIZE)
			pf_rec(im, 'w', "                 ", PTR_SIZE - 2);
		if (in_subject && !more)
			im->subject = at;
		if (in_subject)
			im->subject_end = im->b.len;
		p += n + 1;
	}
}

static void
content(struct image *im, struct mbuf *tmp, const struct mail *m, const char *id)
{
	pf_rec_str(im, 'M', "");
	im->data = im->b.len;
	if (id != NULL) {
		tmp->len = 0;
		received(tmp, m, id);
		rec_lines(im, tmp->p, tmp->len);
	}
	rec_headers(im, &m->head);
	im->hdr_ptr = im->b.len;
	if (im->milter)
		pf_rec_ptr(im, 0);
	im->body = im->b.len;
	pf_rec_str(im, 'N', "");
	rec_lines(im, m->body.p, m->body.len);
	if (im->milter)
		pf_rec_ptr(im, 0);
	im->xtra = im->b.len;
	pf_rec_str(im, 'X', "");
}

static void
image_clear(struct image *im)
{
	struct mbuf b = im->b;
	size_t *at = im->rcpt_at, cap = im->rcpt_cap;

	*im = (struct image){ 0 };
	b.len = 0;
	im->b = b;
	im->rcpt_at = at;
	im->rcpt_cap = cap;
}

void
pf_set_size(struct image *im, const struct mail *m, size_t content_length)
{
	char s[128];

	if ((im->broken & (NO_SIZE | BAD_SIZE)) != 0)
		return;
	size_text(s, sizeof(s), im, m, content_length);
	memcpy(im->b.p + 2, s, 95);
}

void
pf_build(struct draft *d, const struct mail *m)
{
	struct image *im = &d->im;

	env_head(im, m, d->s.id);
	if (!m->by_t) {
		recipients(im, m);
		if (im->milter)
			pf_rec_ptr(im, 0);
	}
	content(im, &d->text, m, d->s.id);
	if (m->by_t)
		recipients(im, m);
	im->rcpt_ptr = im->b.len;
	if (im->milter)
		pf_rec_ptr(im, 0);
	im->end = im->b.len;
	if (!(im->broken & NO_END))
		pf_rec_str(im, 'E', "");
	pf_set_size(im, m, im->xtra - im->data);
}

/* What sendmail(1) and postdrop(1) leave for pickup: not yet cleaned. */
static void
build_maildrop(struct draft *d, const struct mail *m)
{
	struct image *im = &d->im;
	struct mbuf a = { 0 };
	char s[64];
	uint32_t i;

	(void)snprintf(s, sizeof(s), "%" PRId64 " %6d", m->sec, m->usec);
	pf_rec_str(im, 'T', s);
	attr(im, "rewrite_context", "local");
	pf_rec_str(im, 'F', m->gecos);
	pf_rec_str(im, 'S', m->login);
	for (i = 0; !m->by_t && i < m->rcpts; i++) {
		a.len = 0;
		mail_recipient(&a, m, i);
		pf_rec(im, 'R', a.p, a.len);
	}
	content(im, &d->text, m, NULL);
	for (i = 0; m->by_t && i < m->rcpts; i++) {
		a.len = 0;
		mail_recipient(&a, m, i);
		pf_rec(im, 'R', a.p, a.len);
	}
	pf_rec_str(im, 'E', "");
	mb_free(&a);
}

/* Logs: src/bounce/bounce_append_service.c */

static void
log_reason(struct mbuf *b, const struct reply *r, const char *text,
    const char *domain)
{
	if (r->stage == 'C')
		mb_fmt(b, "connect to %s[%s]:25: Connection timed out", r->host, r->ip);
	else if (r->stage == 'G')
		mb_fmt(b, "host %s[%s] refused to talk to me: %s", r->host, r->ip, text);
	else if (r->stage == 'S')
		mb_fmt(b, "delivery temporarily suspended: connect to %s[%s]:25: "
		    "Connection refused", domain, r->ip);
	else
		mb_fmt(b, "host %s[%s] said: %s (in reply to %s command)", r->host,
		    r->ip, text, r->stage == 'D' ? "end of DATA" : "RCPT TO");
}

/* soft_bounce: a 5xx reply is kept as a 4.x.x status, the text stays. */
void
pf_log_block(struct mbuf *b, const struct mail *m, uint32_t i, size_t offset,
    bool failed)
{
	const struct reply *r = mail_reply(m, i, REPLY_ANY);
	struct mbuf rcpt = { 0 }, text = { 0 }, why = { 0 };
	const char *to;
	size_t k;

	mail_recipient(&rcpt, m, i);
	mb_ch(&rcpt, '\0');
	to = (const char *)rcpt.p;
	reply_text(&text, r, to);
	for (k = 0; k < text.len; k++)
		if (text.p[k] == '\n')
			text.p[k] = ' ';
	mb_ch(&text, '\0');
	log_reason(&why, r, (const char *)text.p, to);
	mb_ch(&why, '\0');
	mb_fmt(b, "\n<%s>: %s\n", to, (const char *)why.p);
	if (m->n % 100 != 31) {		/* else a log of Postfix before 2.0 */
		mb_fmt(b, "recipient=%s\noffset=%zu\ndsn_orig_rcpt=rfc822;%s\n", to,
		    offset, to);
		if (m->n % 15 == 3)
			mb_str(b, "notify_flags=12\n");
		mb_fmt(b, "status=%c%s\naction=%s\n", failed ? '5' : '4', r->dsn + 1,
		    failed ? "failed" : "delayed");
		if (r->stage != 'C')
			mb_fmt(b, "diag_type=smtp\ndiag_text=%s\nmta_type=dns\nmta_mname=%s\n",
			    (const char *)text.p, r->host);
		mb_fmt(b, "reason=%s\n", (const char *)why.p);
	}
	mb_ch(b, '\n');
	mb_free(&rcpt);
	mb_free(&text);
	mb_free(&why);
}

static void
write_logs(struct draft *d, struct world *w, const struct mail *m)
{
	bool active = strcmp(d->s.queue, "active") == 0;
	const char *name = active ? "bounce" : "defer";
	uint32_t i;

	d->log.len = 0;
	for (i = 0; i < m->rcpts; i++)
		if (mail_done(m, i) == active)
			pf_log_block(&d->log, m, i, d->im.rcpt_at[i], active);
	if (d->log.len == 0)
		return;
	pf_hashed_path(&d->path, w, name, d->s.bucket, d->s.id,
	    active ? 0 : w->o.depth);
	write_file((const char *)d->path.p, 0600,
	    w->o.now - (int64_t)(m->n % 280), &d->log);
}

/* Where a message stands, and what follows from it */

static void
place(struct spot *s, struct mail *m, const struct world *w)
{
	uint64_t h = hash2(w->o.seed ^ UINT64_C(0x71756575), m->n);
	unsigned slot = (unsigned)(h >> 8) % 100;
	int64_t age;

	*s = (struct spot){ .mode = 0700, .state = "deferred" };
	if (m->origin == O_LOCAL && m->label != L_HOSTILE && h % 8 == 0) {
		(void)snprintf(s->queue, sizeof(s->queue), "maildrop");
		s->state = "queued";
		s->mode = 0744;
		m->partly = false;
	} else if (slot == 0 && m->rcpts < 100) {
		(void)snprintf(s->queue, sizeof(s->queue), "incoming");
		s->state = "queued";
		m->partly = false;
	} else if (slot < 4) {
		(void)snprintf(s->queue, sizeof(s->queue), "active");
		s->state = "active";
	} else if (slot < 6) {
		(void)snprintf(s->queue, sizeof(s->queue), "hold");
		s->state = "held";
	} else {
		(void)snprintf(s->queue, sizeof(s->queue), "deferred");
	}
	if (strcmp(s->state, "queued") == 0)	/* these do not stay for long */
		m->sec = w->o.now - (int64_t)(h >> 16) % 50;
	/* qmgr_active.c: the back-off is the age, within these limits. */
	age = w->o.now - m->sec;
	age = age < 300 ? 300 : age > 4000 ? 4000 : age;
	s->mtime = strcmp(s->state, "deferred") == 0 || (slot == 4) ?
	    w->o.now + (int64_t)(h >> 16) % age : m->sec;
}

void
pf_open(struct draft *d, struct world *w, const struct mail *m)
{
	const char *why = "";

	image_clear(&d->im);
	d->f.inode = 0x40000 + m->n;
	d->f.owner = 0;
	if (!w->o.fast) {
		/* mail_queue.c: mail_queue_enter */
		(void)snprintf(d->tmp, sizeof(d->tmp), "incoming/%d.%d", m->usec,
		    1000 + (int)(m->n % 30000));
		if (os_create(&d->f, &why, d->tmp, d->s.mode) != 0)
			die("create %s: %s", d->tmp, why);
	}
	pf_make_id(&d->s, w, m, d->f.inode);
}

void
pf_store(struct draft *d, const char *path, int64_t uid, bool fast)
{
	const char *why = "";

	if (fast && os_create(&d->f, &why, path, d->s.mode) != 0)
		die("create %s: %s", path, why);
	if (os_finish(&d->f, &why, d->im.b.p, d->im.b.len, d->s.mtime, uid) != 0)
		die("write %s: %s", path, why);
	if (!fast && os_rename(&why, d->tmp, path) != 0)
		die("rename %s to %s: %s", d->tmp, path, why);
}

static int64_t
count_pending(const struct mail *m)
{
	int64_t n = 0;
	uint32_t i;

	for (i = 0; i < m->rcpts; i++)
		n += mail_done(m, i) ? 0 : 1;
	return n;
}

static void
make_one(struct draft *d, struct mail *m, struct world *w)
{
	bool drop = strcmp(d->s.queue, "maildrop") == 0;
	int64_t size, pending = count_pending(m);
	uint32_t rcpts = m->rcpts;

	pf_open(d, w, m);
	d->im.milter = !drop && m->label != L_HOSTILE && m->n % 30 == 17;
	if (drop) {
		(void)snprintf(m->sender, sizeof(m->sender), "%s", m->login);
		build_maildrop(d, m);
		size = (int64_t)d->im.b.len;
	} else {
		pf_build(d, m);
		size = (int64_t)(d->im.xtra - d->im.data);
	}
	if (d->im.milter && m->n % 60 == 17) {
		size = (int64_t)pf_edit(&d->im, m);
		pending++;
		m->rcpts = rcpts;	/* the logs know nothing of the new one */
		rcpts++;
	}
	pf_queue_path(&d->path, w, &d->s);
	pf_store(d, (const char *)d->path.p, drop ? m->uid : -1, w->o.fast);
	if (w->o.logs && m->n % 33 != 5 && strcmp(d->s.state, "queued") != 0)
		write_logs(d, w, m);
	truth_write(w, m, &(struct truth){ .queue = d->s.queue, .id = d->s.id,
	    .state = d->s.state, .size = size, .recipients = rcpts,
	    .pending = pending, .uid = drop ? d->f.owner : m->uid,
	    .usec_known = true, .listed = true });
}

static void
make_dirs(struct world *w)
{
	static const struct {
		const char *name;
		unsigned mode;
	} dirs[] = {
		{ "maildrop", 01730 }, { "incoming", 0700 }, { "active", 0700 },
		{ "deferred", 0700 }, { "hold", 0700 }, { "corrupt", 0700 },
		{ "defer", 0700 }, { "bounce", 0700 }, { "trace", 0700 },
		{ "flush", 0700 }, { "saved", 0700 }, { "pid", 0755 },
		{ "private", 0700 }, { "public", 0710 },
	};
	size_t i;

	for (i = 0; i < COUNTOF(dirs); i++)
		dir_once(w, dirs[i].name, dirs[i].mode);
}

void
postfix_make(struct world *w)
{
	struct mail m = { 0 };
	struct draft d = { 0 };
	uint64_t n;
	unsigned k;

	make_dirs(w);
	for (n = 0; n < w->o.count; n++) {
		mail_plan(&m, w, n);
		place(&d.s, &m, w);
		mail_write(&m, w);
		make_one(&d, &m, w);
	}
	for (k = 0; w->o.hostile && k < hostile_count(); k++) {
		hostile_plan(&m, w, k);
		place(&d.s, &m, w);
		hostile_write(&m, w, k);
		make_one(&d, &m, w);
	}
	if (w->o.damage)
		pf_damage(&d, &m, w);
	mail_free(&m);
	mb_free(&d.im.b);
	mb_free(&d.path);
	mb_free(&d.log);
	mb_free(&d.text);
	free(d.im.rcpt_at);
}
