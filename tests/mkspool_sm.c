/*
 * mkspool_sm.c - a SmarterMail spool: pairs of .eml and .hdr, CRLF lines.
 * The vendor publishes no format; the shape is that of real envelopes of
 * 2024 to 2026 (three positional lines, then "key: value" lines).
 */
#include <inttypes.h>
#include <string.h>

#include "mkspool.h"

#define COUNTOF(a)	(sizeof(a) / sizeof((a)[0]))
#define SUBSPOOLS	10
#define DATE		"m/d/Y H:M:S"
#define BOM		"\357\273\277"

struct draft {
	char folder[64];
	char id[32];
	struct mbuf hdr, eml, tmp, path;
	unsigned retry;
	bool old_keys;		/* 16.x wrote other letters large */
};

static void
make_name(struct draft *d, uint64_t n)
{
	/* 8, 11 and 12 digits were seen. */
	(void)snprintf(d->id, sizeof(d->id), "%" PRIu64,
	    (n % 50 == 7 ? UINT64_C(60000000) : UINT64_C(422405000000)) + n);
	if (n % 20 == 0)
		d->folder[0] = '\0';
	else
		(void)snprintf(d->folder, sizeof(d->folder), "SubSpool%u",
		    (unsigned)(n % SUBSPOOLS) + 1);
}

static void
crlf(struct mbuf *out, const struct mbuf *in)
{
	const unsigned char *p = in->p, *end = in->p + in->len;

	while (p < end) {
		const unsigned char *e = memchr(p, '\n', (size_t)(end - p));

		mb_add(out, p, (size_t)((e != NULL ? e : end) - p));
		mb_str(out, "\r\n");
		p = e != NULL ? e + 1 : end;
	}
}

static void
build_eml(struct draft *d, const struct world *w, const struct mail *m)
{
	d->eml.len = d->tmp.len = 0;
	mb_fmt(&d->tmp, "Return-Path: <%s>\nReceived: from %s (%s [%s]) by mail.hosting.example"
	    " with SMTP\n\t(version=Tls12\n\tcipher=Aes256 bits=256);\n   ",
	    m->sender, m->helo, m->client_name, m->client);
	mail_date(&d->tmp, m->sec, w->o.zone);
	mb_ch(&d->tmp, '\n');
	crlf(&d->eml, &d->tmp);
	crlf(&d->eml, &m->head);
	mb_str(&d->eml, "\r\n");
	crlf(&d->eml, &m->body);
}

static void
line(struct mbuf *b, const char *key, const char *value)
{
	mb_fmt(b, "%s: %s\r\n", key, value);
}

static void
line_date(struct mbuf *b, const char *prefix, int64_t t, int zone)
{
	mb_str(b, prefix);
	mail_stamp(b, DATE, t, zone);
	mb_str(b, "\r\n");
}

static void
envelope(struct draft *d, const struct mail *m, const char *status)
{
	uint32_t i;

	mb_fmt(&d->hdr, "%s \r\n%s\r\n", status,
	    m->sender[0] == '\0' && m->n % 2 == 0 ? "<>" : m->sender);
	for (i = 0; i < m->rcpts; i++) {
		if (i > 0)
			mb_ch(&d->hdr, ',');
		mail_recipient(&d->hdr, m, i);
	}
	mb_str(&d->hdr, "\r\n");
}

static void
build_hdr(struct draft *d, const struct world *w, const struct mail *m,
    const char *status)
{
	const char *check = m->auth[0] != '\0' ? "Authenticated" : "DMARC Disabled";
	char prefix[32];
	uint32_t i;

	d->hdr.len = 0;
	envelope(d, m, status);
	(void)snprintf(prefix, sizeof(prefix), "retry: %u;", d->retry);
	line_date(&d->hdr, prefix, d->retry == 0 ? m->sec : w->o.now + 600, w->o.zone);
	line(&d->hdr, "from", m->sender[0] != '\0' ? m->sender : "MAILER-DAEMON@" SERVER_NAME);
	if (m->auth[0] != '\0')
		line(&d->hdr, "auth", m->auth);
	mb_fmt(&d->hdr, "spamcheck: _DMARC=0,skipped - %s\r\n", check);
	line_date(&d->hdr, "creationdate: ", m->sec, w->o.zone);
	for (i = 0; i < m->rcpts; i++) {
		mb_str(&d->hdr, "notify: ");
		mail_recipient(&d->hdr, m, i);
		mb_str(&d->hdr, m->n % 15 == 3 ? "=failure,delay\r\n" : "=\r\n");
	}
	line(&d->hdr, "containsLocalDeliveries", "False");
	line(&d->hdr, d->old_keys ? "connectedIP" : "connectedip", m->client);
	if (d->old_keys)
		mb_fmt(&d->hdr, "connectedPort: %d\r\n", m->port);
	line(&d->hdr, "helo", m->helo);
	line(&d->hdr, d->old_keys ? "connectedHostName" : "connectedhostname", m->client_name);
	mb_fmt(&d->hdr, "smtpSessionId: %08u\r\n", (unsigned)(hash2(7, m->n) % 100000000));
	mb_fmt(&d->hdr, "dmarcResult: Skipped (%s)\r\n\r\n", check);
}

static void
put(struct draft *d, const char *suffix, const struct mbuf *b, int64_t mtime)
{
	d->path.len = 0;
	mb_fmt(&d->path, "%s%s%s%s", d->folder, d->folder[0] != '\0' ? "/" : "",
	    d->id, suffix);
	mb_ch(&d->path, '\0');
	write_file((const char *)d->path.p, 0644, mtime, b);
}

static void
truth(struct draft *d, struct world *w, const struct mail *m, const char *state,
    bool damage)
{
	truth_write(w, m, &(struct truth){ .queue = d->folder, .id = d->id,
	    .state = state, .size = (int64_t)d->eml.len, .recipients = m->rcpts,
	    .pending = d->retry == 0 ? (int64_t)m->rcpts : -1, .uid = -1,
	    .listed = true, .damage = damage });
}

static void
make_one(struct draft *d, struct mail *m, struct world *w, bool upper)
{
	make_name(d, m->n);
	d->retry = m->n % 3 == 0 ? 0 : (unsigned)(m->n % 7) + 1;
	d->old_keys = m->n % 12 == 5;
	build_eml(d, w, m);
	build_hdr(d, w, m, "Written");
	/* Windows pairs names without case; the server wrote both. */
	put(d, upper ? ".EML" : ".eml", &d->eml, m->sec);
	put(d, upper ? ".HDR" : ".hdr", &d->hdr, m->sec);
	truth(d, w, m, d->retry == 0 ? "queued" : "deferred", false);
}

/* States other than Written, and damage */

static void
damage_start(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	mail_plan(m, w, UINT64_C(4000000087) + k * 100);	/* an honest user */
	m->rcpts = 2;
	mail_write(m, w);
	(void)snprintf(d->folder, sizeof(d->folder), "SubSpool%u", k % SUBSPOOLS + 1);
	(void)snprintf(d->id, sizeof(d->id), "%u", 90000000 + k);
	d->retry = 0;
	d->old_keys = false;
	build_eml(d, w, m);
	build_hdr(d, w, m, "Written");
}

static unsigned
damage_status(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const struct {
		const char *what, *status, *state;
		bool damage;
	} cases[] = {
		{ "status-failed", "Failed", "corrupt", true },
		{ "status-quarantined", "Quarantined", "held", false },
		{ "status-unknown", "Ready", "corrupt", true },
		{ "status-writing", "Writing", "incomplete", false },
	};
	size_t i;

	for (i = 0; i < COUNTOF(cases); i++, k++) {
		damage_start(d, m, w, k);
		build_hdr(d, w, m, cases[i].status);
		put(d, i == 3 ? ".em_" : ".eml", &d->eml, m->sec);
		put(d, ".hdr", &d->hdr, m->sec);
		m->label = L_DAMAGE;
		m->what = cases[i].what;
		truth(d, w, m, cases[i].state, cases[i].damage);
	}
	return k;
}

static void
insert(struct mbuf *b, size_t at, const char *s)
{
	struct mbuf tail = { 0 };

	mb_add(&tail, b->p + at, b->len - at);
	b->len = at;
	mb_str(b, s);
	mb_add(b, tail.p, tail.len);
	mb_free(&tail);
}

static void
lf_only(struct mbuf *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->len; i++)
		if (b->p[i] != '\r')
			b->p[n++] = b->p[i];
	b->len = n;
}

static size_t
line_end(const struct mbuf *b, unsigned n)
{
	size_t i;

	for (i = 0; i < b->len && n > 0; i++)
		n -= b->p[i] == '\n' ? 1 : 0;
	return i;
}

static void
damage_envelope(struct mbuf *h, unsigned which)
{
	switch (which) {
	case 0: h->len = 0; break;
	case 1: memset(h->p, 0, h->len); break;
	case 2: h->len = line_end(h, 3); break;
	case 3: h->len = line_end(h, 7) - 9; break;
	case 4: insert(h, line_end(h, 5), "auth: other@kervan.example\r\n"); break;
	case 5: h->len = line_end(h, 2) - 4; break;
	case 6: insert(h, line_end(h, 3), "retry: many;13/45/2026 99:00:00\r\n"); break;
	/* Unusual, but whole: */
	case 7: insert(h, 0, BOM); break;
	case 8: lf_only(h); break;
	case 9: h->len -= 2; break;
	case 10: insert(h, line_end(h, 2), "\303\274ye@\303\266rnek.example,"); break;
	case 11: insert(h, line_end(h, 5), "X-Some-Later-KEY: a: b: c\r\n"); break;
	default: break;
	}
}

static unsigned
damage_envelopes(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const char *const what[] = {
		"hdr-empty", "hdr-nul-filled", "hdr-three-lines", "hdr-cut-in-line",
		"hdr-doubled-auth", "hdr-cut-in-sender", "hdr-bad-date", "hdr-bom",
		"hdr-lf-only", "hdr-no-final-blank-line", "hdr-non-ascii-recipient",
		"hdr-unknown-key"
	};
	unsigned i;

	for (i = 0; i < COUNTOF(what); i++, k++) {
		damage_start(d, m, w, k);
		damage_envelope(&d->hdr, i);
		put(d, ".eml", &d->eml, m->sec);
		put(d, ".hdr", &d->hdr, m->sec);
		if (i < 7) {
			truth_damage(w, d->folder, d->id, what[i], true);
			continue;
		}
		m->label = L_DAMAGE;
		m->what = what[i];
		m->rcpts += i == 10 ? 1 : 0;
		truth(d, w, m, "queued", false);
	}
	return k;
}

static unsigned
damage_orphans(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const struct {
		const char *what, *suffix;
	} cases[] = {
		{ "orphan-hdr", ".hdr" }, { "orphan-eml", ".eml" },
		{ "orphan-em_", ".em_" }, { "eml-empty", "" }, { "eml-nul-filled", "" },
		{ "eml-bom", "" },
	};
	size_t i;

	for (i = 0; i < COUNTOF(cases); i++, k++) {
		damage_start(d, m, w, k);
		if (i == 3)
			d->eml.len = 0;
		if (i == 4)
			memset(d->eml.p, 0, d->eml.len);
		if (i == 5)
			insert(&d->eml, 0, BOM);
		put(d, i < 3 ? cases[i].suffix : ".eml", i == 0 ? &d->hdr : &d->eml, m->sec);
		if (i >= 3)
			put(d, ".hdr", &d->hdr, m->sec);
		if (i < 5) {
			truth_damage(w, d->folder, d->id, cases[i].what, true);
			continue;
		}
		m->label = L_DAMAGE;
		m->what = cases[i].what;
		truth(d, w, m, "queued", false);
	}
	return k;
}

/* Suffixes that the server ignores, and mail that waits for other tools. */
static void
damage_places(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const struct {
		const char *what, *folder, *suffix;
		bool listed;
	} cases[] = {
		{ "ignored-sort", "SubSpool1", ".hdr.sort", false },
		{ "ignored-pending", "SubSpool2", ".hdr.pending", false },
		{ "drop-eml", "Drop", ".eml", true },
		{ "quarantine-eml", "Quarantine/2026-09-20", ".eml", true },
		{ "proc-work-eml", "proc/work", ".eml", true },
	};
	size_t i;

	for (i = 0; i < COUNTOF(cases); i++, k++) {
		damage_start(d, m, w, k);
		(void)snprintf(d->folder, sizeof(d->folder), "%s", cases[i].folder);
		put(d, cases[i].suffix, i < 2 ? &d->hdr : &d->eml, m->sec);
		truth_damage(w, d->folder, d->id, cases[i].what, cases[i].listed);
	}
}

static void
make_dirs(struct world *w)
{
	static const char *const dirs[] = { "Drop", "proc", "proc/work", "delay",
		"Quarantine", "Quarantine/2026-09-20" };
	char name[32];
	size_t i;

	for (i = 1; i <= SUBSPOOLS; i++) {
		(void)snprintf(name, sizeof(name), "SubSpool%zu", i);
		dir_once(w, name, 0755);
	}
	for (i = 0; i < COUNTOF(dirs); i++)
		dir_once(w, dirs[i], 0755);
}

void
smartermail_make(struct world *w)
{
	struct mail m = { 0 };
	struct draft d = { 0 };
	uint64_t n;
	unsigned k;

	make_dirs(w);
	for (n = 0; n < w->o.count; n++) {
		mail_plan(&m, w, n);
		mail_write(&m, w);
		make_one(&d, &m, w, n % 40 == 13);
	}
	for (k = 0; w->o.hostile && k < hostile_count(); k++) {
		hostile_plan(&m, w, k);
		hostile_write(&m, w, k);
		make_one(&d, &m, w, false);
	}
	if (w->o.damage) {
		k = damage_status(&d, &m, w, 0);
		k = damage_envelopes(&d, &m, w, k);
		k = damage_orphans(&d, &m, w, k);
		damage_places(&d, &m, w, k);
	}
	mail_free(&m);
	mb_free(&d.hdr);
	mb_free(&d.eml);
	mb_free(&d.tmp);
	mb_free(&d.path);
}
