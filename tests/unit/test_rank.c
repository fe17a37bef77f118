/* Ranks and verdicts: index/rank*.c, on an index of made accounts. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "fill.h"
#include "index/rank.h"
#include "index/rank_in.h"
#include "spool/msg.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))
#define T 1700000000

#define SPAM "550 5.7.1 Our system has detected that this message is likely unsolicited mail (x)"
#define LISTED "554 5.7.1 Service unavailable; Client host [198.51.100.25] blocked using zen.spamhaus.org"
#define GREY "450 4.2.0 Recipient address rejected: Greylisted, see http://postgrey.example/"

static struct index ix;

static int
open_index(void **state)
{
	(void)state;
	fill_open(&ix);
	return 0;
}

static int
close_index(void **state)
{
	(void)state;
	return sqlite3_close(ix.db) == SQLITE_OK ? 0 : -1;
}

/* n messages as r says; %d in a text is the number of the message. */
static void
fill_many(const struct fill_row *r, int n, int seconds_apart)
{
	char sender[100], domain[100], client[100], subject[100];
	struct fill_row one;
	int i;

	for (i = 0; i < n; i++) {
		one = *r;
		one.arrived = r->arrived + (int64_t)i * seconds_apart;
		if (r->sender != NULL)
			sqlite3_snprintf(100, sender, r->sender, i), one.sender = sender;
		if (r->sender_domain != NULL)
			sqlite3_snprintf(100, domain, r->sender_domain, i % 12), one.sender_domain = domain;
		if (r->client != NULL)
			sqlite3_snprintf(100, client, r->client, i % 40), one.client = client;
		if (r->subject != NULL)
			sqlite3_snprintf(100, subject, r->subject, i), one.subject = subject;
		fill_message(&ix, &one);
	}
}

static const struct fill_row
    hacked = { .arrived = T, .kind = "auth", .account = "info@firm.example", .domain = "firm.example", .sender = "u%d@forged.example",
	.sender_domain = "forged%d.example", .client = "203.0.113.%d", .subject = "Your parcel", .reason = LISTED, .size = 1000 },
    news = { .arrived = T - 36000, .kind = "auth", .account = "news@club.example", .domain = "club.example",
	.sender = "news@club.example", .sender_domain = "club.example", .client = "198.51.100.80", .subject = "Spring offers",
	.reason = GREY, .list_id = "offers.club.example", .size = 2000 },
    user = { .arrived = T - 90000, .kind = "auth", .account = "anna@home.example", .domain = "home.example",
	.sender = "anna@home.example", .sender_domain = "home.example", .client = "192.0.2.9", .subject = "Meeting %d", .reason = GREY,
	.size = 3000 },
    web = { .arrived = T, .kind = "local", .account = "uid:33", .sender = "www@host.example", .sender_domain = "host.example",
	.script = "x.php", .script_path = "shop.example/wp-content/uploads/2026/x.php", .subject = "Cheap watches", .reason = SPAM, .size = 9 },
    lan = { .arrived = T, .kind = "client", .account = "192.168.10.57", .client = "192.168.10.57", .sender = "n%d@many.example",
	.sender_domain = "many%d.example", .subject = "Re: business", .size = 9 },
    bounce = { .arrived = T, .kind = "bounce", .account = "<>", .sender = "", .subject = "Mail delivery failed", .is_report = 1,
	.reason = LISTED, .size = 9 },
    nobody = { .arrived = 0, .damage = "[\"cut\"]", .size = -1 };

static struct rank *
rank_of(enum rank_by by)
{
	struct selection *s = selection_new();
	struct rank *r = NULL;
	struct err e;

	if (rank_make(&r, &ix, s, by, &e) < 0)
		fail_msg("%s", e.text);
	selection_free(s);
	return r;
}

static const struct rank_row *
row_of(const struct rank *r, const char *kind, const char *key)
{
	const struct rank_row *row = rank_find(r, kind, key);

	if (row == NULL)
		fail_msg("no row %s", key);
	return row;
}

static int
has_reason(const struct rank_row *r, const char *part)
{
	size_t i;

	for (i = 0; i < r->nreasons; i++)
		if (strstr(r->reasons[i], part) != NULL)
			return 1;
	return 0;
}

static void
assert_verdict(const struct rank_row *r, const char *verdict)
{
	if (strcmp(r->verdict, verdict) != 0)
		fail_msg("%s is %s (%d, %s), not %s", r->key, r->verdict, r->score, r->reasons[0], verdict);
}

static void
fill_incident(int scale)
{
	fill_many(&hacked, 14 * scale, 1);
	fill_many(&news, 14 * scale, 60);
	fill_many(&user, 5 * scale, 300);
	fill_many(&web, 5 * scale, 10);
	fill_many(&lan, 5 * scale, 5);
	fill_many(&bounce, 4 * scale, 7);
	fill_many(&nobody, 2, 0);
}

static void
test_incident(void **state)
{
	struct rank *r;
	int64_t sum = 0;
	size_t i;

	(void)state;
	fill_incident(20);
	r = rank_of(RANK_ACCOUNT);
	assert_verdict(row_of(r, "auth", "info@firm.example"), "likely");
	assert_verdict(row_of(r, "auth", "news@club.example"), "unlikely");
	assert_verdict(row_of(r, "auth", "anna@home.example"), "unlikely");
	assert_verdict(row_of(r, "local", "uid:33"), "likely");
	assert_verdict(row_of(r, "client", "192.168.10.57"), "likely");
	assert_verdict(row_of(r, "bounce", "<>"), "unlikely");
	assert_true(row_of(r, "auth", "info@firm.example")->score >= row_of(r, "auth", "news@club.example")->score + 50);
	for (i = 0; i < r->n; i++) {
		sum += r->row[i].messages;
		assert_true(r->row[i].nreasons > 0);
		assert_true(i == 0 || r->row[i].messages <= r->row[i - 1].messages);
	}
	assert_int_equal(sum, r->messages);
	assert_int_equal(sum, 942);
	assert_null(r->row[r->n - 1].key);	/* the two without an account */
	assert_null(r->row[r->n - 1].kind);
	assert_int_equal(r->row[r->n - 1].messages, 2);
	assert_true(r->row[r->n - 1].first == MSG_NO_TIME);
	rank_free(r);
}

static void
test_numbers(void **state)
{
	const struct rank_row *w;
	struct rank *r;

	(void)state;
	fill_incident(20);
	r = rank_of(RANK_ACCOUNT);
	w = row_of(r, "auth", "info@firm.example");
	assert_int_equal(w->messages, 280);
	assert_int_equal(w->senders, 280);
	assert_int_equal(w->clients, 40);
	assert_int_equal(w->bytes, 280000);
	assert_int_equal(w->deferred, 280);
	assert_int_equal(w->peak_per_minute, 60);
	assert_int_equal(w->last - w->first, INT64_C(279000000));
	assert_string_equal(w->subject, "Your parcel");
	assert_true(w->share > 280.0 / 942 - 1e-9 && w->share < 280.0 / 942 + 1e-9);
	assert_true(has_reason(w, "280 of 942 messages"));
	assert_true(has_reason(w, "280 of 280 messages have a sender outside firm.example, in 12 other domains"));
	assert_true(has_reason(w, "handed in from 40 different addresses"));
	assert_true(has_reason(w, "up to 60 messages a minute"));
	assert_true(has_reason(w, "280 of 280 messages were refused"));
	assert_true(has_reason(row_of(r, "local", "uid:33"), "shop.example/wp-content/uploads/2026/x.php"));
	assert_true(has_reason(row_of(r, "auth", "news@club.example"), "List-Id) on 280 of 280"));
	rank_free(r);
}

/* As few as a test server leaves in its queue. */
static void
test_small(void **state)
{
	struct rank *r;

	(void)state;
	fill_incident(2);
	r = rank_of(RANK_ACCOUNT);
	assert_verdict(row_of(r, "auth", "info@firm.example"), "likely");
	assert_verdict(row_of(r, "auth", "news@club.example"), "unlikely");
	assert_verdict(row_of(r, "auth", "anna@home.example"), "unlikely");
	rank_free(r);
}

static void
test_three(void **state)
{
	struct rank *r;

	(void)state;
	fill_many(&hacked, 3, 1);
	r = rank_of(RANK_ACCOUNT);
	assert_verdict(row_of(r, "auth", "info@firm.example"), "unlikely");
	rank_free(r);
}

/* The server's address is listed: everybody is refused. Only what exceeds the others speaks against one. */
static void
test_listed_server(void **state)
{
	struct fill_row listed_news = news, listed_user = user;
	struct rank *r;

	(void)state;
	listed_news.reason = listed_user.reason = LISTED;
	fill_many(&listed_news, 300, 60);
	fill_many(&listed_user, 300, 100);
	fill_many(&hacked, 300, 1);
	r = rank_of(RANK_ACCOUNT);
	assert_verdict(row_of(r, "auth", "news@club.example"), "unlikely");
	assert_verdict(row_of(r, "auth", "anna@home.example"), "unlikely");
	assert_verdict(row_of(r, "auth", "info@firm.example"), "likely");
	rank_free(r);
}

static void
test_null_clients(void **state)
{
	struct fill_row botnet = bounce, relay = bounce, few = bounce;
	const struct rank_row *w;
	struct rank *r;

	(void)state;
	botnet.client = "203.0.113.5";
	botnet.is_report = 0;
	botnet.subject = "You won %d";
	relay.client = "198.51.100.3";
	few.client = "203.0.113.6";
	few.is_report = 0;
	fill_many(&botnet, 60, 1);
	fill_many(&relay, 200, 1);
	fill_many(&few, 49, 1);
	r = rank_of(RANK_ACCOUNT);
	assert_int_equal(r->n, 2);
	assert_int_equal(r->messages, 309);
	w = row_of(r, "bounce", "<>");
	assert_verdict(w, "unlikely");
	assert_int_equal(w->messages, 309);
	w = row_of(r, "client", "203.0.113.5");
	assert_int_equal(w->messages, 0);
	assert_true(has_reason(w, "60 messages with the null sender, 60 of them"));
	assert_string_not_equal(w->verdict, "unlikely");
	rank_free(r);
	r = rank_of(RANK_CLIENT);
	assert_int_equal(row_of(r, NULL, "203.0.113.5")->messages, 60);
	assert_string_not_equal(row_of(r, NULL, "203.0.113.5")->verdict, "unlikely");
	assert_verdict(row_of(r, NULL, "198.51.100.3"), "unlikely");
	rank_free(r);
}

/* The same client with mail of its own stays one row. */
static void
test_null_client_known(void **state)
{
	struct fill_row botnet = bounce, own = lan;
	const struct rank_row *w;
	struct rank *r;

	(void)state;
	botnet.client = own.client = own.account = "203.0.113.5";
	botnet.is_report = 0;
	fill_many(&botnet, 60, 1);
	fill_many(&own, 5, 1);
	r = rank_of(RANK_ACCOUNT);
	assert_int_equal(r->n, 2);
	w = row_of(r, "client", "203.0.113.5");
	assert_int_equal(w->messages, 5);
	assert_true(has_reason(w, "60 messages with the null sender"));
	rank_free(r);
}

static void
test_by(void **state)
{
	static const struct fill_row more[] = {
		{ .arrived = T, .kind = "auth", .account = "a@\xc3\xb6rnek.example", .domain = "\xc3\xb6rnek.example", .sender = "a@one.example",
		    .sender_domain = "one.example", .subject = "s", .script = "m.php", .size = 1,
		    .rcpt = { "x@p.example p.example", "y@p.example p.example", "z@q.example q.example", "-w@r.example r.example" } },
		{ .arrived = T, .kind = "auth", .account = "b@xn--rnek-4qa.example", .domain = "xn--rnek-4qa.example", .sender = "",
		    .client = "192.0.2.1", .size = 2, .rcpt = { "x@p.example p.example" } },
		{ .arrived = T, .kind = "local", .account = "root", .sender = "root", .size = 4 },
	};
	static const struct {
		enum rank_by by;
		const char *key;
		int messages, recipients;
		size_t rows;
	} t[] = {
		{ RANK_DOMAIN, "\xc3\xb6rnek.example", 2, 4, 2 },	/* one domain, two spellings */
		{ RANK_SENDER, "a@one.example", 1, 3, 3 },
		{ RANK_SENDER, "", 1, 1, 3 },
		{ RANK_SENDER_DOMAIN, "one.example", 1, 3, 2 },
		{ RANK_CLIENT, "192.0.2.1", 1, 1, 2 },
		{ RANK_RECIPIENT_DOMAIN, "p.example", 2, 3, 3 },
		{ RANK_RECIPIENT_DOMAIN, "q.example", 1, 1, 3 },
		{ RANK_SUBJECT, "s", 1, 3, 2 },
		{ RANK_SCRIPT, "m.php", 1, 3, 2 },
	};
	const struct rank_row *w;
	struct rank *r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(more); i++)
		fill_message(&ix, &more[i]);
	for (i = 0; i < COUNT(t); i++) {
		r = rank_of(t[i].by);
		w = row_of(r, NULL, t[i].key);
		assert_int_equal(r->messages, 3);
		assert_int_equal(w->messages, t[i].messages);
		assert_int_equal(w->recipients, t[i].recipients);
		assert_int_equal(r->n, t[i].rows);
		assert_null(w->kind);
		assert_verdict(w, "unlikely");
		rank_free(r);
	}
}

static void
test_selected(void **state)
{
	struct selection *s = selection_new();
	struct rank *r;
	struct err e;

	(void)state;
	fill_incident(2);
	assert_int_equal(selection_add(s, SEL_KIND, "auth", &e), 0);
	assert_int_equal(rank_make(&r, &ix, s, RANK_ACCOUNT, &e), 0);
	assert_int_equal(r->n, 3);
	assert_int_equal(r->messages, 66);
	rank_free(r);
	selection_free(s);
	s = selection_new();
	assert_int_equal(selection_add(s, SEL_QUEUE, "nowhere", &e), 0);
	assert_int_equal(rank_make(&r, &ix, s, RANK_ACCOUNT, &e), 0);
	assert_int_equal(r->n, 0);
	rank_free(r);
	selection_free(s);
}

static void
test_replies(void **state)
{
	static const struct { const char *text; enum reply_class want; } t[] = {
		{ LISTED, REPLY_SERVER }, { SPAM, REPLY_MESSAGE }, { GREY, REPLY_OTHER }, { "", REPLY_OTHER },
		{ "host mx.example[192.0.2.27] said: 421-4.7.0 [198.51.100.25] Our system has detected an unusual rate of 421-4.7.0"
		    " unsolicited mail originating from your IP address", REPLY_SERVER },
		{ "550 5.7.1 Unfortunately, messages from [198.51.100.25] weren't sent: part of their network is on our block list (S3140)",
		    REPLY_SERVER },
		{ "451 4.7.650 The mail server [198.51.100.25] has been temporarily rate limited due to IP reputation (S775)", REPLY_SERVER },
		{ "421 4.7.0 [TSS04] Messages from 198.51.100.25 temporarily deferred", REPLY_SERVER },
		{ "554 5.7.1 Message REJECTED AS SPAM by our filter", REPLY_MESSAGE },
		{ "550 5.7.1 the message\nis spam", REPLY_MESSAGE },
		{ "552 5.2.0 message contains a virus", REPLY_MESSAGE },
		{ "452 4.2.2 Mailbox is full", REPLY_OTHER }, { "550 5.1.1 User unknown", REPLY_OTHER },
		{ "connect to mx.example[192.0.2.1]:25: Connection timed out", REPLY_OTHER },
		{ "421 4.7.1 Client host blocked using grey.rbl.example - try again later", REPLY_OTHER },
		{ "554 5.7.1 Client host blocked using zen.spamhaus.org; Error: open resolver; https://www.spamhaus.org/returnc/pub/",
		    REPLY_OTHER },
		{ "550 5.7.1 Relay access denied", REPLY_OTHER },
	};
	struct replies *r = replies_new();
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		if (reply_class(r, t[i].text) != t[i].want)
			fail_msg("%s", t[i].text);
	replies_free(r);
}

/* What was read of the bodies of an account's messages, as "scan --contents" leaves it. */
static void
set_contents(const char *account, int flags, int64_t campaign)
{
	char *sql = sqlite3_mprintf("INSERT INTO print(print, campaign) VALUES(x'00', %lld);"
	    "UPDATE message SET contents = 1, body_flags = %d, print = (SELECT max(id) FROM print)"
	    " WHERE account = (SELECT id FROM account WHERE name = '%q')", (long long)campaign, flags, account);
	struct err e;

	if (index_exec(&ix, sql, &e) < 0)
		fail_msg("%s", e.text);
	sqlite3_free(sql);
}

static void
set_from(const char *account, const char *from)
{
	char *sql = sqlite3_mprintf("INSERT INTO text(hash, text) VALUES(7, '%q');"
	    "UPDATE message SET \"from\" = (SELECT max(id) FROM text) WHERE account = (SELECT id FROM account WHERE name = '%q')", from, account);
	struct err e;

	if (index_exec(&ix, sql, &e) < 0)
		fail_msg("%s", e.text);
	sqlite3_free(sql);
}

/* Three people with one letter each ten times: a campaign; two: none yet. */
static void
test_campaign(void **state)
{
	static const char *const names[] = { "anna@home.example", "bert@home.example", "carl@home.example" };
	struct fill_row r = user;
	const struct rank_row *row;
	struct rank *rank;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		r.account = r.sender = names[i];
		fill_many(&r, 10, 60);
		set_contents(names[i], 0, 0xabc);
		rank = rank_of(RANK_ACCOUNT);
		row = row_of(rank, "auth", names[0]);
		assert_int_equal(has_reason(row, "10 of 10 messages are nearly the same as those of others: one campaign from up to 3 accounts"), i == 2);
		rank_free(rank);
	}
	rank = rank_of(RANK_CAMPAIGN);
	assert_int_equal(rank->n, 1);
	assert_string_equal(rank->row[0].key, "000000000abc");
	assert_int_equal(rank->row[0].messages, 30);
	assert_int_equal(rank->row[0].accounts, 3);
	assert_true(has_reason(&rank->row[0], "nearly the same message from 3 accounts"));
	rank_free(rank);
}

/* A list is read by many and written by many. */
static void
test_campaign_list(void **state)
{
	static const char *const names[] = { "anna@home.example", "bert@home.example", "carl@home.example" };
	struct fill_row r = user;
	struct rank *rank;
	int i;

	(void)state;
	r.list_id = "friends.home.example";
	for (i = 0; i < 3; i++) {
		r.account = r.sender = names[i];
		fill_many(&r, 10, 60);
		set_contents(names[i], 0, 0xabc);
	}
	rank = rank_of(RANK_ACCOUNT);
	assert_false(has_reason(row_of(rank, "auth", names[0]), "campaign"));
	rank_free(rank);
}

static void
test_bodies(void **state)
{
	struct rank *rank;
	const struct rank_row *row;

	(void)state;
	fill_many(&user, 20, 60);
	fill_many(&news, 20, 60);
	set_contents("anna@home.example", 1 | 2, 5);
	set_contents("news@club.example", 2, 6);
	rank = rank_of(RANK_ACCOUNT);
	row = row_of(rank, "auth", "anna@home.example");
	assert_true(has_reason(row, "20 of 20 messages have an attachment that is not what it says"));
	assert_true(has_reason(row, "20 of 20 messages hide a link behind a shortener"));
	assert_false(has_reason(row, "campaign"));
	assert_false(has_reason(row_of(rank, "auth", "news@club.example"), "shortener"));
	rank_free(rank);
}

static void
test_from(void **state)
{
	static const struct { const char *from; int told; } t[] = {
		{ "Anna <anna@home.example>", 0 }, { "\"Bank, \" <service@bank.example>", 1 }, { "Bank <service@bank.example>", 1 },
		{ "service@bank.example", 1 }, { "anna@MAIL.home.example", 0 }, { "Anna", 0 }, { "a@bank.example, anna@home.example", 0 },
		{ "anna@home.example <x@bank.example>", 1 }, { "@", 0 }, { "", 0 }
	};
	struct rank *rank;
	size_t i;

	(void)state;
	fill_many(&user, 20, 60);
	for (i = 0; i < COUNT(t); i++) {
		set_from("anna@home.example", t[i].from);
		rank = rank_of(RANK_ACCOUNT);
		if (has_reason(row_of(rank, "auth", "anna@home.example"), "From outside home.example") != t[i].told)
			fail_msg("%s", t[i].from);
		rank_free(rank);
	}
}

static void
test_scripts(void **state)
{
	static const struct { const char *path; int want; } t[] = {
		{ "shop.example/wp-content/uploads/2026/x.php", 1 }, { "/tmp/x.php", 1 }, { "/dev/shm/a", 1 }, { "C:\\site\\Upload\\a.php", 1 },
		{ "shop.example/index.php", 0 }, { "uploads.php", 0 }, { "shop.example/tmp", 0 }, { "shop.example/my-uploads/a.php", 0 },
		{ "shop.example/a.php for 192.0.2.1, /tmp/b", 0 }, { "", 0 }, { "/home/u/public_html/cache/m.php", 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		if (rank_script_is_odd(t[i].path) != t[i].want)
			fail_msg("%s", t[i].path);
}

#define WITH_INDEX(f) cmocka_unit_test_setup_teardown(f, open_index, close_index)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_INDEX(test_incident), WITH_INDEX(test_numbers), WITH_INDEX(test_small), WITH_INDEX(test_three),
		WITH_INDEX(test_listed_server), WITH_INDEX(test_null_clients), WITH_INDEX(test_null_client_known), WITH_INDEX(test_by),
		WITH_INDEX(test_selected), WITH_INDEX(test_campaign), WITH_INDEX(test_campaign_list), WITH_INDEX(test_bodies),
		WITH_INDEX(test_from), cmocka_unit_test(test_replies), cmocka_unit_test(test_scripts)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
