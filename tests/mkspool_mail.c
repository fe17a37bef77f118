/*
 * mkspool_mail.c - the traffic of a mail server with a problem: 200 honest
 * accounts, one stolen one, a newsletter, a hacked web form, an infected
 * laptop behind the relay, and the bounces that all of this makes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mkspool.h"

#define COUNTOF(a)	(sizeof(a) / sizeof((a)[0]))
#define HACKED		"info@atlas-tours.example"
#define NEWSLETTER	"news@garden-shop.example"

static const char *const names[] = {
	"ayse", "mehmet", "john", "mary", "elif", "peter", "anna", "carlos",
	"yuki", "olga", "ivan", "fatma", "sales", "office", "support", "billing",
	"emre", "julia", "pierre", "hanna", "kemal", "sofia", "admin", "contact"
};
static const char *const domains[] = {
	"bakery.example", "atlas-tours.example", "law-office.example",
	"garden-shop.example", "dentist.example", "school.example",
	"kervan.example", "xn--rnek-5qa.example", "print-works.example",
	"hotel-mavi.example", "choir.example", "cargo.example"
};
/* The first three stand for the large providers and answer like them. */
static const char *const providers[] = {
	"gmail.example", "outlook.example", "yahoo.example", "partner.example",
	"university.example", "ministry.example", "isp-mail.example",
	"supplier.example"
};

/* Replies as large receivers word them; lines of one reply split by LF. */
#define GMAIL_RATE \
	"421-4.7.0 [%i      15] Our system has detected an unusual rate of\n" \
	"421-4.7.0 unsolicited mail originating from your IP address. To protect our\n" \
	"421-4.7.0 users from spam, mail sent from your IP address has been temporarily\n" \
	"421-4.7.0 rate limited. Please visit\n" \
	"421-4.7.0  https://support.google.com/mail/?p=UnsolicitedRateLimitError to\n" \
	"421 4.7.0  review our Bulk Email Senders Guidelines. d9443c01a7336si - gsmtp"
#define GMAIL_SPAM \
	"550-5.7.1 [%i      12] Our system has detected that this message is\n" \
	"550-5.7.1 likely unsolicited mail. To reduce the amount of spam sent to Gmail,\n" \
	"550-5.7.1 this message has been blocked. Please visit\n" \
	"550-5.7.1  https://support.google.com/mail/?p=UnsolicitedMessageError\n" \
	"550 5.7.1  for more information. ffacd0b85a97d-4bsi - gsmtp"
#define S3140 \
	"550 5.7.1 Unfortunately, messages from [%i] weren't sent. Please contact " \
	"your Internet service provider since part of their network is on our block " \
	"list (S3140). You can also refer your provider to " \
	"http://mail.live.com/mail/troubleshooting.aspx#errors. " \
	"[AM7EUR06FT043.eop-eur06.prod.protection.outlook.com]"
#define S775 \
	"451 4.7.650 The mail server [%i] has been temporarily rate limited due to " \
	"IP reputation. For e-mail delivery information, see " \
	"https://aka.ms/postmaster (S775) [DB5EUR01FT031.eop-EUR01.prod.protection.outlook.com]"
#define TSS04 \
	"421 4.7.0 [TSS04] Messages from %i temporarily deferred due to unexpected " \
	"volume or user complaints - 4.16.55.1; see " \
	"https://postmaster.yahooinc.com/error-codes"
#define GMAIL_MX	"gmail-smtp-in.l.gmail.example", "192.0.2.27"
#define OUTLOOK_MX	"outlook-com.olc.protection.outlook.example", "192.0.2.97"
#define DNSBL(list, url) \
	"Service unavailable; Client host [%i] blocked using " list "; " url

static const struct {
	int provider;	/* index, 3 = any other */
	bool bad;	/* says that we are spammers */
	struct reply r;
} replies[] = {
	{ 0, true, { GMAIL_MX, GMAIL_RATE, "4.7.0", 'D', true } },
	{ 0, true, { GMAIL_MX, GMAIL_SPAM, "5.7.1", 'D', false } },
	{ 0, false, { "alt1.gmail-smtp-in.l.gmail.example", "192.0.2.26",
	    "452-4.2.2 The recipient's inbox is out of storage space. Please direct the\n"
	    "452 4.2.2 recipient to https://support.google.com/mail/?p=OverQuotaTemp "
	    "5b1f17b1804b1si - gsmtp",
	    "4.2.2", 'R', true } },
	{ 1, true, { OUTLOOK_MX, S3140, "5.7.1", 'R', false } },
	{ 1, true, { OUTLOOK_MX, S775, "4.7.650", 'R', true } },
	{ 1, false, { "outlook-com.olc.protection.outlook.example", "192.0.2.98",
	    "452 4.3.1 Insufficient system resources (TSTE)", "4.3.1", 'R', true } },
	{ 2, true, { "mta7.am0.yahoodns.example", "192.0.2.172", TSS04, "4.7.0", 'G', true } },
	{ 2, false, { "mta6.am0.yahoodns.example", "192.0.2.173",
	    "451 Resources temporarily not available - Please try again later [#4.16.5].",
	    "4.0.0", 'R', true } },
	{ 3, true, { "mail.partner.example", "192.0.2.201", "554 5.7.1 "
	    DNSBL("zen.spamhaus.org", "https://www.spamhaus.org/query/ip/%i"), "5.7.1", 'R', false } },
	{ 3, true, { "mail.isp-mail.example", "192.0.2.202", "451 4.7.1 "
	    DNSBL("zen.spamhaus.org", "https://www.spamhaus.org/query/ip/%i"), "4.7.1", 'R', true } },
	{ 3, true, { "mx.university.example", "192.0.2.203", "554 5.7.1 "
	    DNSBL("b.barracudacentral.org", "http://www.barracudanetworks.com/reputation/?pr=1&ip=%i"),
	    "5.7.1", 'R', false } },
	{ 3, true, { "mx2.supplier.example", "192.0.2.204", "450 4.7.1 "
	    DNSBL("bl.spamcop.net", "Blocked - see https://www.spamcop.net/bl.shtml?%i"),
	    "4.7.1", 'R', true } },
	{ 3, false, { "mx.ministry.example", "192.0.2.205",
	    "450 4.2.0 <%r>: Recipient address rejected: Greylisted, see "
	    "http://postgrey.schweikert.ch/help/%r.html", "4.2.0", 'R', true } },
	{ 3, false, { "mail.partner.example", "192.0.2.201",
	    "452 4.2.2 <%r>: Recipient address rejected: Mailbox is full / Posta kutusu dolu",
	    "4.2.2", 'R', true } },
	{ 3, false, { "mx.supplier.example", "192.0.2.206", "", "4.4.1", 'C', true } },
};

/* World */

void
mail_world(struct world *w)
{
	static const char *const words[] = {
		"the", "order", "we", "please", "find", "attached", "garden",
		"week", "delivery", "meeting", "plan", "and", "with", "for",
		"customers", "office", "report", "thanks", "regards", "price",
		"number", "second", "would", "like", "to", "confirm", "rooms"
	};
	struct rng r = { hash2(w->o.seed, UINT64_C(0x66696C6C)) };
	uint64_t sum = 0;
	size_t line = 0;
	uint32_t i;

	w->weight = calloc(w->o.accounts, sizeof(*w->weight));
	if (w->weight == NULL)
		die("out of memory");
	/* Zipf: the k-th account sends in proportion to 1/k. */
	for (i = 0; i < w->o.accounts; i++)
		w->weight[i] = sum += UINT64_C(100000000) / (i + 1);
	while (w->filler.len < 65536) {
		const char *s = words[rng_below(&r, COUNTOF(words))];

		mb_str(&w->filler, s);
		line += strlen(s) + 1;
		mb_ch(&w->filler, line > 66 ? '\n' : ' ');
		if (line > 66)
			line = 0;
	}
}

void
mail_free(struct mail *m)
{
	mb_free(&m->subject);
	mb_free(&m->head);
	mb_free(&m->body);
}

static uint32_t
pick_account(const struct world *w, struct rng *r)
{
	uint64_t x = rng_next(r) % w->weight[w->o.accounts - 1];
	uint32_t lo = 0, hi = w->o.accounts - 1;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (w->weight[mid] > x)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

void
mail_account(char *out, size_t size, uint32_t k)
{
	const char *name = names[k % COUNTOF(names)];
	const char *domain = domains[(k * 7) % COUNTOF(domains)];

	if (k == 6)
		(void)snprintf(out, size, "o'brien@%s", domain);
	else if (k == 8)
		(void)snprintf(out, size, "yuki+shop@%s", domain);
	else if (k >= COUNTOF(names))
		(void)snprintf(out, size, "%s%" PRIu32 "@%s", name,
		    k / (uint32_t)COUNTOF(names), domain);
	else
		(void)snprintf(out, size, "%s@%s", name, domain);
}

/* Planning: who, when, from where */

static void
client_public(struct mail *m, uint64_t h)
{
	static const char *const nets[] = { "203.0.113", "198.51.100", "192.0.2" };
	unsigned host = (unsigned)(h >> 8) % 250 + 2;

	if (h % 10 == 0) {
		(void)snprintf(m->client, sizeof(m->client), "2001:db8:%x::%x",
		    (unsigned)(h >> 20) % 4000 + 1, host);
		(void)snprintf(m->client_name, sizeof(m->client_name), "unknown");
	} else {
		(void)snprintf(m->client, sizeof(m->client), "%s.%u",
		    nets[(h >> 4) % COUNTOF(nets)], host);
		(void)snprintf(m->client_name, sizeof(m->client_name),
		    "host-%u.dsl%u.example", host, (unsigned)(h >> 4) % 3);
	}
	(void)snprintf(m->helo, sizeof(m->helo), "[%s%s]",
	    h % 10 == 0 ? "IPv6:" : "", m->client);
	m->port = 1024 + (int)((h >> 32) % 60000);
}

static void
plan_auth(struct mail *m, const char *account, const char *sender)
{
	m->origin = O_AUTH;
	(void)snprintf(m->auth, sizeof(m->auth), "%s", account);
	(void)snprintf(m->sender, sizeof(m->sender), "%s", sender);
}

static void
forge_sender(struct mail *m, struct rng *r)
{
	/* One draw a statement: C leaves the order within a call open. */
	const char *name = names[rng_below(r, COUNTOF(names))];
	uint32_t number = rng_below(r, 900);
	bool large = rng_one_in(r, 3);
	uint32_t k = rng_below(r, 1000);

	(void)snprintf(m->sender, sizeof(m->sender), "%s%" PRIu32 "@%s", name, number,
	    large ? providers[k % COUNTOF(providers)] : domains[k % COUNTOF(domains)]);
}

/* The stolen account: from everywhere, in everybody's name, in two hours. */
static void
plan_hacked(struct mail *m, const struct world *w, struct rng *r)
{
	plan_auth(m, HACKED, HACKED);
	if (!rng_one_in(r, 4))
		forge_sender(m, r);
	client_public(m, rng_next(r));
	m->sec = w->o.now - 240 - rng_below(r, 6900);
	m->rcpts = rng_one_in(r, 2) ? 1 : 2 + rng_below(r, 19);
	m->partly = m->rcpts > 1 && rng_one_in(r, 2);
}

static void
plan_newsletter(struct mail *m, const struct world *w, struct rng *r)
{
	plan_auth(m, NEWSLETTER, NEWSLETTER);
	(void)snprintf(m->client, sizeof(m->client), "198.51.100.80");
	(void)snprintf(m->client_name, sizeof(m->client_name), "www.garden-shop.example");
	(void)snprintf(m->helo, sizeof(m->helo), "www.garden-shop.example");
	m->port = 30000 + (int)rng_below(r, 20000);
	m->sec = w->o.now - 600 - rng_below(r, 20 * 3600);
	m->rcpts = 1;
}

static void
plan_local(struct mail *m, const char *login, int uid, const char *gecos)
{
	m->origin = O_LOCAL;
	m->auth[0] = m->client[0] = m->client_name[0] = m->helo[0] = '\0';
	(void)snprintf(m->login, sizeof(m->login), "%s", login);
	(void)snprintf(m->gecos, sizeof(m->gecos), "%s", gecos);
	m->uid = uid;
	(void)snprintf(m->sender, sizeof(m->sender), "%s@" SERVER_NAME, login);
}

/* SmarterMail has no local submission: the web server speaks SMTP to it. */
static void
local_as_client(struct mail *m)
{
	m->origin = O_CLIENT;
	m->login[0] = '\0';
	m->by_t = false;
	(void)snprintf(m->client, sizeof(m->client), "127.0.0.1");
	(void)snprintf(m->client_name, sizeof(m->client_name), "localhost");
	(void)snprintf(m->helo, sizeof(m->helo), "WEB01");
	m->port = 51234;
}

static void
plan_user(struct mail *m, const struct world *w, struct rng *r)
{
	uint32_t age = rng_below(r, 4 * 86400), k = pick_account(w, r);
	char account[256];

	if (rng_one_in(r, 2))
		age /= 8;
	m->sec = w->o.now - 400 - age;
	mail_account(account, sizeof(account), k);
	m->rcpts = rng_one_in(r, 4) ? 2 + rng_below(r, rng_one_in(r, 4) ? 19 : 3) : 1;
	m->partly = m->rcpts > 1 && rng_one_in(r, 2);
	plan_auth(m, account, account);
	client_public(m, hash2(k, rng_below(r, 2)));
	if (k == 1) {		/* login names without a domain are allowed */
		*strchr(m->auth, '@') = '\0';
	} else if (rng_one_in(r, 14)) {	/* mail that comes in from outside */
		m->origin = O_CLIENT;
		m->auth[0] = '\0';
		forge_sender(m, r);
	} else if (rng_one_in(r, 18) && strcmp(w->kind, "smartermail") != 0) {
		plan_local(m, "root", 0, "root");
		m->by_t = rng_one_in(r, 2);
	} else if (rng_one_in(r, 60) && strcmp(w->kind, "postfix") == 0) {
		/* Forwarded by the MTA: nothing but the sender is known. */
		m->origin = O_BOUNCE;
		m->auth[0] = m->client[0] = '\0';
	}
}

static void
plan_webform(struct mail *m, const struct world *w, struct rng *r)
{
	bool exim = strcmp(w->kind, "exim") == 0;

	plan_local(m, exim ? "atlaswp" : "www-data", exim ? 1042 : 33,
	    exim ? "Atlas Tours" : "www-data");
	(void)snprintf(m->script, sizeof(m->script), "wp-mailer.php");
	m->by_t = true;
	if (rng_one_in(r, 3))
		forge_sender(m, r);
	m->sec = w->o.now - 120 - rng_below(r, 10 * 3600);
	m->rcpts = 1 + rng_below(r, 3);
	if (strcmp(w->kind, "smartermail") == 0)
		local_as_client(m);
}

static void
plan_lan(struct mail *m, const struct world *w, struct rng *r)
{
	m->origin = O_CLIENT;
	forge_sender(m, r);
	(void)snprintf(m->client, sizeof(m->client), "192.168.10.57");
	(void)snprintf(m->client_name, sizeof(m->client_name), "unknown");
	(void)snprintf(m->helo, sizeof(m->helo), "DESKTOP-7KQ2M1F");
	m->port = 49152 + (int)rng_below(r, 16000);
	m->sec = w->o.now - 60 - rng_below(r, 5 * 3600);
	m->rcpts = 1 + rng_below(r, 5);
	m->partly = m->rcpts > 1 && rng_one_in(r, 3);
}

static void
plan_bounce(struct mail *m, const struct world *w, struct rng *r)
{
	m->origin = O_BOUNCE;
	m->rcpts = 1;
	m->sec = w->o.now - 200 - rng_below(r, 2 * 86400);
	if (rng_one_in(r, 4) || strcmp(w->kind, "smartermail") == 0) {
		m->origin = O_CLIENT;	/* a bounce of another server */
		client_public(m, rng_next(r));
	}
}

static enum label
pick_label(uint64_t n)
{
	unsigned slot = (unsigned)((n * 37 + 11) % 100);

	if (slot < 47)
		return L_HACKED;
	if (slot < 72)
		return L_NEWSLETTER;
	if (slot < 87)
		return L_USER;
	if (slot < 92)
		return L_WEBFORM;
	return slot < 96 ? L_LANCLIENT : L_BOUNCE;
}

static void
mail_clear(struct mail *m)
{
	struct mbuf s = m->subject, h = m->head, b = m->body;

	*m = (struct mail){ .uid = -1, .rcpts = 1 };
	s.len = h.len = b.len = 0;
	m->subject = s;
	m->head = h;
	m->body = b;
}

void
mail_plan(struct mail *m, struct world *w, uint64_t n)
{
	static void (*const plan[])(struct mail *, const struct world *,
	    struct rng *) = {
		plan_user, plan_hacked, plan_newsletter, plan_webform, plan_lan,
		plan_bounce
	};
	struct rng r = { hash2(w->o.seed, n) };

	mail_clear(m);
	m->n = n;
	m->label = pick_label(n);
	m->usec = (int)rng_below(&r, 1000000);
	if (w->o.campaigns)
		campaign_plan(m, w, &r);
	plan[m->label](m, w, &r);
	if (w->o.campaigns) {
		campaign_sender(m, w, &r);
		return;
	}
	if (w->o.count >= 1000 && (n == 500 || n == 750)) {
		m->label = L_NEWSLETTER;
		plan_newsletter(m, w, &r);
		m->login[0] = m->script[0] = '\0';
		m->by_t = false;
		m->partly = true;
		m->rcpts = n == 500 ? 500 : 10000;
	}
}

const char *
mail_sender_raw(const struct mail *m)
{
	return m->sender_raw[0] != '\0' ? m->sender_raw : m->sender;
}

/* Recipients and what their servers said */

static size_t
provider_of(const struct mail *m, uint32_t i)
{
	uint64_t h = hash2(m->n ^ UINT64_C(0x70726F76), i);

	return h % 2 == 0 ? (h >> 8) % 3 : 3 + (h >> 8) % (COUNTOF(providers) - 3);
}

void
mail_recipient(struct mbuf *b, const struct mail *m, uint32_t i)
{
	uint64_t h = hash2(m->n ^ UINT64_C(0x72637074), i);

	if (m->rcpt_list != NULL)
		mb_str(b, m->rcpt_list[i]);
	else if (m->label == L_BOUNCE && h % 2 == 0)
		mb_str(b, HACKED);
	else if (m->label == L_BOUNCE)
		mb_fmt(b, "%s@%s", names[(h >> 8) % COUNTOF(names)],
		    domains[(h >> 16) % COUNTOF(domains)]);
	else
		mb_fmt(b, "%s%u.%" PRIu32 "@%s", names[(h >> 8) % COUNTOF(names)],
		    (unsigned)(h >> 16) % 10000, i, providers[provider_of(m, i)]);
}

/* The last recipient is always pending: else the message would be gone. */
bool
mail_done(const struct mail *m, uint32_t i)
{
	return m->partly && i + 1 < m->rcpts &&
	    hash2(m->n ^ UINT64_C(0x646F6E65), i) % 3 == 0;
}

const struct reply *
mail_reply(const struct mail *m, uint32_t i, enum reply_kind kind)
{
	uint64_t h = hash2(m->n ^ UINT64_C(0x7265706C), i);
	int provider = (int)provider_of(m, i);
	bool bad = m->label == L_HACKED || m->label == L_LANCLIENT ||
	    (m->label == L_WEBFORM ? h % 2 == 0 :
	    h % 100 < (m->label == L_NEWSLETTER ? 1 : 5));
	size_t k, n = 0, match[COUNTOF(replies)];

	if (provider > 3)
		provider = 3;
	for (k = 0; k < COUNTOF(replies); k++)
		if (replies[k].provider == provider && replies[k].bad == bad &&
		    (kind == REPLY_ANY ||
		    replies[k].r.temporary == (kind == REPLY_TEMPORARY)))
			match[n++] = k;
	return n == 0 ? NULL : &replies[match[(h >> 8) % n]].r;
}

void
reply_text(struct mbuf *b, const struct reply *r, const char *rcpt)
{
	const char *s;

	for (s = r->text; *s != '\0'; s++) {
		if (s[0] != '%') {
			mb_ch(b, *s);
			continue;
		}
		s++;
		mb_str(b, *s == 'i' ? SERVER_IP : rcpt);
	}
}
