/*
 * mkspool_hostile.c - messages that are well formed for their MTA and meant
 * to hurt whoever lists, sorts, exports or searches them.
 */
#include <inttypes.h>
#include <string.h>

#include "mkspool.h"

#define COUNTOF(a)	(sizeof(a) / sizeof((a)[0]))

/* subject: what a reader shows; raw: what stands in the header, when other. */
struct hostile {
	const char *what;
	const char *subject;
	const char *raw;
	const char *sender, *sender_raw;
};

#define ESC "\033"
#define RLO "\342\200\256"	/* U+202E */

/* The first letters behind an escape are set apart: \x takes all it can. */
static const struct hostile cases[] = {
	{ "subject-escape", ESC "]0;owned\a" ESC "[2J" ESC "[31mred", NULL, NULL, NULL },
	{ "subject-escape-encoded", ESC "[2J", "=?UTF-8?Q?=1B[2J?=", NULL, NULL },
	{ "subject-rtl-override", "invoice" RLO "fdp.exe", NULL, NULL, NULL },
	{ "subject-c1", "\302\233" "31m C1 CSI", NULL, NULL, NULL },
	{ "subject-nul", NULL, NULL, NULL, NULL },
	{ "subject-formula", "=cmd|' /C calc'!A0", NULL, NULL, NULL },
	{ "subject-formula-plus", "+1+1", NULL, NULL, NULL },
	{ "subject-formula-at", "@SUM(1+1)", NULL, NULL, NULL },
	{ "subject-formula-minus", "-2+3", NULL, NULL, NULL },
	{ "subject-csv", "a\",\"b;c", NULL, NULL, NULL },
	{ "subject-script", "<script>alert(1)</script>", NULL, NULL, NULL },
	{ "subject-newline-encoded", NULL, "=?UTF-8?Q?a=0D=0Ab?=", NULL, NULL },
	{ "subject-megabyte", NULL, NULL, NULL, NULL },
	{ "subject-split-character", NULL,
	  "=?UTF-8?B?w4XFkw==?= =?UTF-8?B?4oI=?= =?UTF-8?B?rA==?=", NULL, NULL },
	{ "subject-bad-charset", NULL, "=?x-no-such?B?w4U=?=", NULL, NULL },
	{ "subject-doubled", "the first one", NULL, NULL, NULL },
	{ "subject-latin1-raw", "Pr\303\251sent\303\251", "Pr\351sent\351", NULL, NULL },
	{ "subject-invalid-utf8", NULL, "\300\200 \355\240\200 \377", NULL, NULL },
	{ "subject-empty", "", NULL, NULL, NULL },
	{ "header-long", "a header of 100 kB", NULL, NULL, NULL },
	{ "recipients-500", "many", NULL, NULL, NULL },
	{ "recipients-odd", "odd recipients", NULL, NULL, NULL },
	{ "sender-quoted", "quoted", NULL, "\"odd, local \\\"part\\\"\"@kervan.example",
	  "odd, local \"part\"@kervan.example" },
	{ "sender-pipe", "pipe", NULL, "\"|/bin/sh -c id\"@kervan.example",
	  "|/bin/sh -c id@kervan.example" },
	{ "sender-substitution", "substitution", NULL, "\"$(reboot)`id`\"@kervan.example",
	  "$(reboot)`id`@kervan.example" },
	{ "sender-option", "option", NULL, "-oMr@kervan.example", NULL },
	{ "sender-formula", "formula", NULL, "=1+1@kervan.example", NULL },
	{ "sender-utf8", "utf8", NULL, "g\303\266nderen@\303\266rnek.example", NULL },
	{ "sender-markup", "markup", NULL, "\"<b>&\"@kervan.example", "<b>&@kervan.example" },
	{ "sender-sql", "sql", NULL, "\"x'--;\"@kervan.example", "x'--;@kervan.example" },
	{ "client-mapped", "mapped", NULL, NULL, NULL },
	{ "account-odd", "account", NULL, NULL, NULL },
};

unsigned
hostile_count(void)
{
	return (unsigned)COUNTOF(cases);
}

static bool
is_case(unsigned k, const char *what)
{
	return strcmp(cases[k].what, what) == 0;
}

bool
hostile_has_nul(unsigned k)
{
	return is_case(k, "subject-nul");
}

void
hostile_plan(struct mail *m, struct world *w, unsigned k)
{
	static const char *const odd[] = {
		"\"a b\"@partner.example", "|cat@partner.example",
		"-f@partner.example", "\"$(id)\"@partner.example",
		"\303\274ye@\303\266rnek.example", "user+tag@partner.example"
	};

	mail_plan(m, w, UINT64_C(2000000000) + k);
	m->label = L_HOSTILE;
	m->what = cases[k].what;
	m->origin = O_AUTH;
	m->login[0] = m->script[0] = m->gecos[0] = '\0';
	m->by_t = m->partly = false;
	m->sec = w->o.now - 3000 - k;
	m->rcpts = 1;
	(void)snprintf(m->auth, sizeof(m->auth), "%s", is_case(k, "account-odd") ?
	    "'; drop table \"x\" --" : "office@kervan.example");
	(void)snprintf(m->client, sizeof(m->client), "203.0.113.9");
	(void)snprintf(m->client_name, sizeof(m->client_name), "unknown");
	(void)snprintf(m->helo, sizeof(m->helo), "<evil>\"'$(id)");
	m->port = 40001;
	(void)snprintf(m->sender, sizeof(m->sender), "%s",
	    cases[k].sender != NULL ? cases[k].sender : "office@kervan.example");
	if (cases[k].sender_raw != NULL)
		(void)snprintf(m->sender_raw, sizeof(m->sender_raw), "%s",
		    cases[k].sender_raw);
	if (is_case(k, "recipients-500"))
		m->rcpts = 500;
	if (is_case(k, "recipients-odd")) {
		m->rcpt_list = odd;
		m->rcpts = COUNTOF(odd);
	}
	if (is_case(k, "client-mapped")) {
		(void)snprintf(m->client, sizeof(m->client), "::ffff:203.0.113.9");
		(void)snprintf(m->client_norm, sizeof(m->client_norm), "203.0.113.9");
	}
}

static void
long_subject(struct mbuf *b)
{
	const size_t end = b->len + 1048576;

	mb_str(b, "=?UTF-8?B?xLDFnsSe?=");
	while (b->len < end)
		mb_str(b, "\n =?ISO-8859-9?Q?=DDstanbul_=FEube?=\n =?UTF-8?B?8J+OiQ==?=");
}

static void
write_subject(struct mail *m, unsigned k)
{
	const struct hostile *c = &cases[k];

	m->subject_known = c->subject != NULL;
	if (c->subject != NULL)
		mb_str(&m->subject, c->subject);
	mb_str(&m->head, "Subject: ");
	if (is_case(k, "subject-nul"))
		mb_add(&m->head, "before\0after", 12);
	else if (is_case(k, "subject-megabyte"))
		long_subject(&m->head);
	else
		mb_str(&m->head, c->raw != NULL ? c->raw : c->subject);
	mb_ch(&m->head, '\n');
	if (is_case(k, "subject-doubled"))
		mb_str(&m->head, "Subject: the second one\n");
}

void
hostile_write(struct mail *m, struct world *w, unsigned k)
{
	(void)w;
	mb_str(&m->head, "From: \"Honest\" <office@kervan.example>\n"
	    "To: undisclosed-recipients:;\n");
	write_subject(m, k);
	mb_str(&m->head, "Date: ");
	mail_date(&m->head, m->sec, 0);
	mb_fmt(&m->head, "\nMessage-ID: <hostile.%u@kervan.example>\n", k);
	if (is_case(k, "header-long")) {
		mb_str(&m->head, "X-Long: ");
		mb_fill(&m->head, 'x', 102000);
		mb_ch(&m->head, '\n');
	}
	mb_str(&m->body, "The attack is in the headers.\n");
}
