/* Selectors against rows of an index: index/select*.c and query.c. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "fill.h"
#include "index/query.h"
#include "index/select.h"
#include "index/select_in.h"
#include "spool/msg.h"
#include "spool/sys.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))
#define T 1700000000

static const struct fill_row rows[] = {
	{ .qid = "A", .arrived = T, .kind = "auth", .account = "Info@Example.com", .domain = "example.com", .sender = "info@example.com",
	    .sender_domain = "example.com", .client = "192.0.2.7", .subject = "Hello World", .size = 100,
	    .rcpt = { "\"bob\"@ten.example ten.example", "-gone@eleven.example eleven.example" } },
	{ .qid = "B", .arrived = T + 1, .kind = "auth", .account = "john@\xc3\xb6rnek.example", .domain = "\xc3\xb6rnek.example",
	    .sender = "\"john\"@\xc3\xb6rnek.example", .sender_domain = "\xc3\xb6rnek.example", .client = "2001:db8::7",
	    .subject = "GR\xc3\x9c\xc3\x9f" "E", .size = 200, .rcpt = { "x@eleven.example eleven.example" } },
	{ .qid = "C", .arrived = T + 2, .kind = "auth", .account = "mary@xn--rnek-4qa.example", .domain = "xn--rnek-4qa.example",
	    .sender = "mary@xn--rnek-4qa.example", .sender_domain = "xn--rnek-4qa.example", .subject = "a*b", .size = 300,
	    .state = "frozen", .spool = "exim:/srv/exim", .queue = "", .rcpt = { "x@ten.example ten.example" } },
	{ .qid = "D", .arrived = T + 3, .kind = "local", .account = "uid:33", .sender = "www@host.example", .sender_domain = "host.example",
	    .script = "mailer.php", .subject = "", .size = 400, .damage = "[\"no end\"]", .queue = "active" },
	{ .qid = "E", .arrived = T + 4, .kind = "bounce", .account = "<>", .sender = "", .client = "192.0.2.200", .subject = "Failure",
	    .size = -1 },
	{ .qid = "e", .kind = "client", .account = "192.0.2.200", .sender = "a@b.example", .sender_domain = "b.example",
	    .client = "192.0.2.200", .size = 500 },
	{ .qid = "G", .arrived = T, .kind = "auth", .account = "Info@Example.com", .domain = "example.com", .gone = 1, .size = 100,
	    .sender = "info@example.com", .subject = "Hello World" },
	{ .qid = "N", .arrived = T + 5, .size = 600, .damage = "[\"cut\"]", .state = "corrupt", .queue = "corrupt" },
};

static struct index ix;

static int
open_index(void **state)
{
	size_t i;

	(void)state;
	fill_open(&ix);
	for (i = 0; i < COUNT(rows); i++)
		fill_message(&ix, &rows[i]);
	return 0;
}

static int
close_index(void **state)
{
	(void)state;
	assert_int_equal(sqlite3_close(ix.db), SQLITE_OK);	/* no statement was left open */
	return 0;
}

static enum select_key
key_of(const char *name)
{
	int i;

	for (i = 0; i < SEL_COUNT; i++)
		if (strcmp(select_info[i].name, name) == 0)
			return (enum select_key)i;
	fail_msg("no selector %s", name);
	return SEL_COUNT;
}

static void
assert_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

/* Rows for a table are the same, whether they were read with the order or one by one. */
static void
check_lines(struct selection *s)
{
	struct query *p, *q;
	struct query_row a, b;
	struct err e;
	int rc;

	assert_int_equal(query_open(&p, &ix, s, 0, &e), 0);
	assert_int_equal(query_open_lines(&q, &ix, s, &e), 0);
	while ((rc = query_next(&a, p, &e)) == 1) {
		assert_int_equal(query_next(&b, q, &e), 1);
		assert_int_equal(a.rowid, b.rowid);
		assert_int_equal(a.arrived, b.arrived);
		assert_int_equal(a.size, b.size);
		assert_int_equal(a.recipients, b.recipients);
		assert_int_equal(a.pending, b.pending);
		assert_text(a.spool, b.spool);
		assert_text(a.queue, b.queue);
		assert_text(a.id, b.id);
		assert_text(a.account, b.account);
		assert_text(a.sender, b.sender);
		assert_text(a.subject, b.subject);
		assert_text(a.state, b.state);
		assert_text(a.damage, b.damage);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(query_next(&b, q, &e), 0);
	query_close(q);
	query_close(p);
}

/* The ids that a selection gives, in order, each followed by a blank. */
static void
ids_of(char *out, size_t n, struct selection *s)
{
	struct query_row r;
	struct query *q;
	struct err e;
	int64_t rows_seen = 0;
	size_t at = 0;
	int rc;

	*out = '\0';
	if (query_open(&q, &ix, s, 0, &e) < 0)
		fail_msg("%s", e.text);
	while ((rc = query_next(&r, q, &e)) == 1) {
		at += (size_t)snprintf(out + at, n - at, "%s ", r.id);
		rows_seen++;
	}
	if (rc < 0)
		fail_msg("%s", e.text);
	query_close(q);
	assert_int_equal(query_count(&ix, s, &e), rows_seen);
	check_lines(s);
}

static void
test_selectors(void **state)
{
	static const struct {
		const char *name[3], *value[3], *ids;
	} t[] = {
		{ { NULL }, { NULL }, "A B C D E N e " },	/* by arrival; without a time last */
		{ { "all" }, { NULL }, "A B C D E N e " },
		{ { "account" }, { "INFO@example.COM" }, "A " },
		{ { "account" }, { "uid:33" }, "D " },
		{ { "account" }, { "<>" }, "E " },
		{ { "account" }, { "*@example.com" }, "A " },
		{ { "account" }, { "info@example.c" }, "" },
		{ { "account", "account" }, { "uid:33", "info@example.com" }, "A D " },
		{ { "account", "subject" }, { "info@example.com", "nothing" }, "" },
		{ { "account" }, { "re:^(john|mary)@" }, "B C " },
		{ { "account" }, { "john@xn--rnek-4qa.example" }, "B " },
		{ { "account" }, { "mary@\xc3\x96RNEK.example" }, "C " },
		{ { "account" }, { "*@\xc3\xb6rnek.example" }, "B C " },
		{ { "domain" }, { "\xc3\xb6rnek.example" }, "B C " },
		{ { "domain" }, { "XN--rnek-4qa.example" }, "B C " },
		{ { "domain" }, { "*.example" }, "B C " },
		{ { "domain" }, { "example.com" }, "A " },
		{ { "sender" }, { "john@\xc3\xb6rnek.example" }, "B " },	/* quoted in the spool */
		{ { "sender" }, { "\"mary\"@xn--rnek-4qa.example" }, "C " },
		{ { "sender" }, { "<>" }, "E " },
		{ { "sender" }, { "<INFO@example.com>" }, "A " },
		{ { "null-sender" }, { NULL }, "E " },
		{ { "sender-domain" }, { "xn--rnek-4qa.example" }, "B C " },
		{ { "sender-domain" }, { "?.example" }, "e " },
		{ { "recipient" }, { "bob@ten.example" }, "A " },
		{ { "recipient" }, { "gone@eleven.example" }, "" },		/* removed */
		{ { "recipient-domain" }, { "eleven.example" }, "B " },
		{ { "recipient-domain" }, { "TEN.example" }, "A C " },
		{ { "client" }, { "192.0.2.0/24" }, "A E e " },
		{ { "client" }, { "192.0.2.7" }, "A " },
		{ { "client" }, { "2001:db8::/32" }, "B " },
		{ { "subject" }, { "hello WORLD" }, "A " },
		{ { "subject" }, { "hello" }, "" },
		{ { "subject" }, { "h*l?*" }, "A " },
		{ { "subject" }, { "gr\xc3\xbcsse" }, "B " },			/* full case folding */
		{ { "subject" }, { "gr?\xc3\x9f" "e" }, "B " },			/* one character, two bytes */
		{ { "subject" }, { "" }, "D " },				/* empty, not absent */
		{ { "subject" }, { "re:world$" }, "A " },
		{ { "subject" }, { "re:GR\xc3\xbc" }, "B " },
		{ { "script" }, { "Mailer.php" }, "D " },
		{ { "queue" }, { "" }, "C " },
		{ { "queue" }, { "ACTIVE" }, "D " },
		{ { "queue" }, { "?*" }, "A B D E N e " },
		{ { "spool" }, { "/srv/exim" }, "C " },
		{ { "spool" }, { "exim:/srv/exim/" }, "C " },
		{ { "spool" }, { "postfix:/srv/exim" }, "" },
		{ { "spool" }, { "*/EX??" }, "C " },
		{ { "kind" }, { "exim" }, "C " },
		{ { "kind" }, { "Auth" }, "A B C " },
		{ { "kind", "kind" }, { "exim", "bounce" }, "C E " },
		{ { "frozen" }, { NULL }, "C " },
		{ { "damaged" }, { NULL }, "D N " },
		{ { "since" }, { "@1700000003" }, "D E N " },
		{ { "until" }, { "@1700000001" }, "A B " },
		{ { "since", "until" }, { "2023-11-14T22:13:21Z", "2023-11-14 22:13:22" }, "B C " },
		{ { "larger" }, { "400" }, "N e " },
		{ { "smaller" }, { "200" }, "A " },
		{ { "id" }, { "E" }, "E " },
		{ { "id", "id" }, { "e", "B" }, "B e " },
		{ { "older" }, { "1h" }, "A B C D E N " },
		{ { "younger" }, { "1h" }, "" },
		{ { "where" }, { "size > 250 AND subject IS NOT NULL" }, "C D " },
		{ { "where", "frozen" }, { "state = 'frozen' OR 1", NULL }, "C " },
		{ { "where", "where" }, { "id = 'A'", "id = 'B'" }, "A B " },
		{ { "where" }, { "account_kind = 'auth' AND domain IN (SELECT domain FROM v_account)" }, "A B C " },
	};
	struct selection *s;
	struct err e;
	char got[200];
	size_t i, k;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		s = selection_new();
		for (k = 0; k < 3 && t[i].name[k] != NULL; k++)
			if (selection_add(s, key_of(t[i].name[k]), t[i].value[k], &e) < 0)
				fail_msg("%s", e.text);
		ids_of(got, sizeof got, s);
		if (strcmp(got, t[i].ids) != 0)
			fail_msg("--%s %s: got \"%s\", want \"%s\"", t[i].name[0], t[i].value[0], got, t[i].ids);
		selection_free(s);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *name, *value;
	} t[] = {
		{ "subject", "re:(" }, { "subject", "re:\\C" }, { "older", "" }, { "older", "5y" }, { "older", "-1" }, { "older", "1h1" },
		{ "older", "99999999999999999999" }, { "since", "2023-02-29" }, { "since", "yesterday" }, { "since", "2023-01-01T25:00" },
		{ "since", "2023-01-01T00:00:00+0100" }, { "until", "@" }, { "larger", "k" }, { "larger", "5X" }, { "larger", "9999999999T" },
		{ "client", "host.example" }, { "client", "192.0.2.1/33" }, { "kind", "sendmail" }, { "id", "" }, { "contains", "" },
		{ "where", "1) OR (1" }, { "where", "1 -- x" }, { "where", "1 /* x" }, { "where", "1; DELETE FROM message" },
		{ "where", "" }, { "where", "'a" }, { "where", "nosuch = 1" }, { "where", "?1" }, { "where", "load_extension('x')" },
		{ "where", "writefile('x', 'y')" }, { "where", "(SELECT value FROM meta) = 1" },
		{ "where", "row IN (SELECT 1 FROM pragma_database_list)" }, { "where", "row IN (SELECT rowid FROM sqlite_master)" },
		{ "where", "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c)" },
		{ "where", "size > (" }, { "where", "1) UNION SELECT id FROM message WHERE (1" },
	};
	struct selection *s;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		s = selection_new();
		e.text[0] = '\0';
		if (selection_add(s, key_of(t[i].name), t[i].value, &e) == 0)
			fail_msg("--%s %s was taken", t[i].name, t[i].value);
		assert_non_null(strstr(e.text, t[i].name));
		assert_true(selection_is_empty(s));
		selection_free(s);
	}
}

/* A limit of PCRE2 is an error of the query, and only for texts that the query asks for. */
static void
test_limit(void **state)
{
	struct fill_row evil = { .qid = "EVIL", .arrived = T + 9, .kind = "auth", .account = "evil@example.com", .domain = "example.com",
	    .sender = "evil@example.com", .sender_domain = "example.com", .size = 1 };
	char subject[61];
	struct selection *s = selection_new();
	struct query *q;
	struct err e;
	int64_t n;

	(void)state;
	memset(subject, 'a', sizeof subject - 1);
	subject[sizeof subject - 1] = '\0';
	evil.subject = subject;
	fill_message(&ix, &evil);
	assert_int_equal(selection_add(s, SEL_SUBJECT, "re:^(a|aa|aaa)+$(?<!a)", &e), 0);
	assert_int_equal(query_count(&ix, s, &e), -1);
	assert_non_null(strstr(e.text, "--subject"));
	assert_int_equal(query_open(&q, &ix, s, 0, &e), -1);
	selection_free(s);
	s = selection_new();
	assert_int_equal(selection_add(s, SEL_SENDER, "re:^(a|aa|aaa)+$(?<!a)", &e), 0);
	n = query_count(&ix, s, &e);
	assert_int_equal(n, 0);
	selection_free(s);
	assert_int_equal(index_exec(&ix, "DELETE FROM message WHERE qid = 'EVIL'", &e), 0);
}

static void
test_many_ids(void **state)
{
	struct selection *s = selection_new();
	struct buf list, text;
	struct err e;
	char got[200];
	int i;

	(void)state;
	buf_init(&list, 1 << 20);
	for (i = 0; i < 5000; i++)
		buf_fmt(&list, "NO%d\r\n", i);
	buf_puts(&list, "C\n\nA\nA\ne");
	assert_int_equal(selection_add_ids(s, list.p, list.n, &e), 0);
	ids_of(got, sizeof got, s);
	assert_string_equal(got, "A C e ");
	buf_init(&text, 1000);
	selection_text(&text, s);
	assert_string_equal(buf_cstr(&text), " --id -");
	buf_free(&text);
	buf_free(&list);
	selection_free(s);

	s = selection_new();	/* a list that is empty selects nothing, not everything */
	assert_int_equal(selection_add_ids(s, "\n", 1, &e), 0);
	assert_false(selection_is_empty(s));
	ids_of(got, sizeof got, s);
	assert_string_equal(got, "");
	selection_free(s);
}

/* More rows than are sorted at once, many of the same time, more than a table's lines are kept of: the order is that of SQL. */
static void
test_many_rows(void **state)
{
	enum { MANY = 150000 };
	struct selection *s = selection_new();
	struct query_row r;
	struct query *q;
	struct err e;
	sqlite3_stmt *st;
	int64_t n = 0;
	int rc;

	(void)state;
	assert_int_equal(index_exec(&ix, "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 150000)"
	    " INSERT INTO message(fp, spool, account, arrived, arrived_fraction, state, size, is_report, queue, qid, path, new_scan)"
	    " SELECT -n, spool, account, nullif(n * 7919 % 50021, 0), 0, state, n, is_report, queue, printf('many%d', n * 104729 % 150001), path, new_scan"
	    " FROM c, message m WHERE m.qid = 'B'", &e), 0);
	assert_int_equal(selection_add(s, SEL_WHERE, "id GLOB 'many*'", &e), 0);
	check_lines(s);
	st = index_prepare(&ix, "SELECT id FROM message WHERE qid GLOB 'many*' ORDER BY arrived IS NULL, arrived, qid, id", &e);
	assert_non_null(st);
	assert_int_equal(query_open(&q, &ix, s, 0, &e), 0);
	while ((rc = query_next(&r, q, &e)) == 1) {
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_int_equal(r.rowid, sqlite3_column_int64(st, 0));
		n++;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(n, MANY);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	query_close(q);
	selection_free(s);
	assert_int_equal(index_exec(&ix, "DELETE FROM message WHERE qid GLOB 'many*'", &e), 0);
}

static void
test_where_stops(void **state)
{
	struct selection *s = selection_new();
	struct err e;

	(void)state;
	/* 7 rows joined eleven times over, in subqueries that depend on the ones around them */
	assert_int_equal(selection_add(s, SEL_WHERE, "(SELECT count(*) FROM v_message a, v_message b, v_message c WHERE a.size <"
	    " (SELECT count(*) FROM v_message d, v_message f, v_message g WHERE d.size + a.row + b.row + c.row <"
	    " (SELECT count(*) FROM v_message h, v_message i, v_message j WHERE h.size + d.row + f.row + g.row <"
	    " (SELECT count(*) FROM v_message k, v_message l WHERE k.size + h.row + i.row + j.row < 0)))) > 0", &e), 0);
	assert_int_equal(query_count(&ix, s, &e), -1);
	assert_non_null(strstr(e.text, "stopped after 10 s"));
	selection_free(s);
	s = selection_new();	/* the guards do not stay */
	assert_int_equal(query_count(&ix, s, &e), 7);
	assert_int_equal(index_exec(&ix, "CREATE TABLE scratch(x); DROP TABLE scratch", &e), 0);
	selection_free(s);
}

/* Two selections on one connection at once, one used twice while it runs. */
static void
test_two_at_once(void **state)
{
	struct selection *one = selection_new(), *two = selection_new();
	struct query_row r;
	struct query *p, *q;
	struct err e;

	(void)state;
	assert_int_equal(selection_add(one, SEL_SUBJECT, "hello*", &e), 0);
	assert_int_equal(selection_add(two, SEL_SUBJECT, "fail*", &e), 0);
	assert_int_equal(query_open(&p, &ix, one, 0, &e), 0);
	assert_int_equal(query_open(&q, &ix, two, 0, &e), 0);
	assert_int_equal(query_next(&r, p, &e), 1);
	assert_string_equal(r.id, "A");
	assert_int_equal(query_count(&ix, one, &e), 1);
	assert_int_equal(query_next(&r, q, &e), 1);
	assert_string_equal(r.id, "E");
	assert_int_equal(query_next(&r, p, &e), 0);
	query_close(p);
	assert_int_equal(query_next(&r, q, &e), 0);
	query_close(q);
	selection_free(one);
	selection_free(two);
}

static void
test_row(void **state)
{
	struct selection *s = selection_new();
	struct query_row r;
	struct query *q;
	struct err e;

	(void)state;
	assert_int_equal(selection_add(s, SEL_ID, "G", &e), 0);
	assert_int_equal(query_count(&ix, s, &e), 0);
	assert_int_equal(query_open(&q, &ix, s, 1, &e), 0);
	assert_int_equal(query_next(&r, q, &e), 1);
	assert_string_equal(r.state, "gone");
	assert_string_equal(r.account, "Info@Example.com");
	assert_string_equal(r.damage, "[]");
	assert_int_equal(r.uid, -1);
	assert_int_equal(r.pending, -1);
	assert_int_equal(r.arrived, INT64_C(1000000) * T);
	assert_null(r.client);
	assert_int_equal(r.path_len, 1);
	query_close(q);
	selection_free(s);

	s = selection_new();
	assert_int_equal(selection_add(s, SEL_ID, "e", &e), 0);
	assert_int_equal(query_open(&q, &ix, s, 0, &e), 0);
	assert_int_equal(query_next(&r, q, &e), 1);
	assert_true(r.arrived == MSG_NO_TIME);
	assert_null(r.subject);
	query_close(q);
	selection_free(s);
}

struct seen {
	char text[400];
};

static void
see_rcpt(void *arg, const struct query_rcpt *r)
{
	struct seen *s = arg;

	snprintf(s->text + strlen(s->text), sizeof s->text - strlen(s->text), "%s %s %s; ", r->address, r->domain, r->state);
}

static void
see_scan(void *arg, const struct query_scan *c)
{
	struct seen *s = arg;

	snprintf(s->text + strlen(s->text), sizeof s->text - strlen(s->text), "%s:%s %s; ", c->kind, c->spool, c->unknown);
}

static void
test_recipients(void **state)
{
	struct seen s = { "" };
	struct err e;

	(void)state;
	assert_int_equal(query_recipients(&ix, 1, see_rcpt, &s, &e), 0);
	assert_string_equal(s.text, "\"bob\"@ten.example ten.example pending; gone@eleven.example eleven.example removed; ");
}

static void
test_scans(void **state)
{
	static const struct {
		const char *name, *value, *want;
	} t[] = {
		{ "all", NULL, "exim:/srv/exim [\"*\"]; postfix:/srv/postfix [\"active\",\"hold\"]; " },
		{ "queue", "HOLD", "exim:/srv/exim [\"*\"]; postfix:/srv/postfix [\"hold\"]; " },
		{ "queue", "deferred", "exim:/srv/exim [\"*\"]; postfix:/srv/postfix []; " },
		{ "spool", "/srv/postfix", "postfix:/srv/postfix [\"active\",\"hold\"]; " },
		{ "kind", "exim", "exim:/srv/exim [\"*\"]; " },
		{ "kind", "auth", "exim:/srv/exim [\"*\"]; postfix:/srv/postfix [\"active\",\"hold\"]; " },
	};
	struct selection *s;
	struct seen seen;
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(index_exec(&ix, "INSERT INTO scan(spool, started, finished, seconds, unknown) SELECT id, 2, 3, 0,"
	    " iif(kind = 'exim', '[\"*\"]', '[\"active\",\"hold\"]') FROM spool", &e), 0);
	for (i = 0; i < COUNT(t); i++) {
		s = selection_new();
		seen.text[0] = '\0';
		assert_int_equal(selection_add(s, key_of(t[i].name), t[i].value, &e), 0);
		assert_int_equal(query_scans(&ix, s, see_scan, &seen, &e), 0);
		assert_string_equal(seen.text, t[i].want);
		selection_free(s);
	}
}

static void
test_text(void **state)
{
	struct selection *s = selection_new();
	char *quoted = sys_quote("it's me"), want[100];	/* as this system's shells take it */
	struct buf b;
	struct err e;

	(void)state;
	assert_string_not_equal(quoted, "it's me");
	assert_true(selection_is_empty(s));
	assert_int_equal(selection_add(s, SEL_ACCOUNT, "it's me", &e), 0);
	assert_int_equal(selection_add(s, SEL_OLDER, "2h", &e), 0);
	assert_int_equal(selection_add(s, SEL_FROZEN, NULL, &e), 0);
	assert_int_equal(selection_add(s, SEL_ID, "1abc-DE", &e), 0);
	buf_init(&b, 1000);
	selection_text(&b, s);
	snprintf(want, sizeof want, " --account %s --older 2h --frozen --id 1abc-DE", quoted);
	assert_string_equal(buf_cstr(&b), want);
	assert_true(selection_has(s, SEL_FROZEN));
	assert_false(selection_has(s, SEL_DAMAGED));
	free(quoted);
	buf_free(&b);
	selection_free(s);
}

static void
test_numbers(void **state)
{
	static const struct { const char *text; int64_t want; } ages[] = {
		{ "300", 300 }, { "90m", 5400 }, { "36h", 129600 }, { "2d", 172800 }, { "1w", 604800 }, { "0s", 0 }
	}, sizes[] = {
		{ "300", 300 }, { "300B", 300 }, { "10k", 10240 }, { "10K", 10240 }, { "10kB", 10000 }, { "5MiB", 5242880 },
		{ "2g", INT64_C(2147483648) }
	}, times[] = {
		{ "1970-01-01", 0 }, { "2026-11-21", INT64_C(1795219200000000) }, { "2024-02-29T12:00:00Z", INT64_C(1709208000000000) },
		{ "2024-02-29T12:00:00.25+01:00", INT64_C(1709204400250000) }, { "2024-02-29 12:00", INT64_C(1709208000000000) },
		{ "1969-12-31T23:59:59Z", -1000000 }, { "@1.5", 1500000 }, { "0001-01-01", INT64_C(-62135596800000000) }
	};
	int64_t got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ages); i++) {
		assert_int_equal(select_age(&got, ages[i].text), 0);
		assert_true(got == ages[i].want);
	}
	for (i = 0; i < COUNT(sizes); i++) {
		assert_int_equal(select_size(&got, sizes[i].text), 0);
		assert_true(got == sizes[i].want);
	}
	for (i = 0; i < COUNT(times); i++) {
		assert_int_equal(select_time(&got, times[i].text), 0);
		assert_true(got == times[i].want);
	}
}

static void
test_glob(void **state)
{
	static const struct { const char *pattern, *text; int want; } t[] = {
		{ "", "", 1 }, { "*", "", 1 }, { "?", "", 0 }, { "a*b*c", "axxbyyc", 1 }, { "a*b*c", "axxbyy", 0 }, { "*a", "aaab", 0 },
		{ "*ab", "aaab", 1 }, { "?", "\xc3\xbc", 1 }, { "??", "\xc3\xbc", 0 }, { "*\xc3\xbc?", "aa\xc3\xbc\xc3\xbc", 1 },
		{ "**", "x", 1 }, { "a", "ab", 0 }, { "ab", "a", 0 },
	};
	char text[20001];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		assert_int_equal(glob_match(t[i].pattern, t[i].text), t[i].want);
	memset(text, 'a', sizeof text - 1);	/* a backtracking matcher would not come back from this */
	text[sizeof text - 1] = '\0';
	assert_int_equal(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*b", text), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selectors), cmocka_unit_test(test_refused), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_many_ids), cmocka_unit_test(test_many_rows), cmocka_unit_test(test_two_at_once), cmocka_unit_test(test_row),
		cmocka_unit_test(test_recipients), cmocka_unit_test(test_where_stops), cmocka_unit_test(test_scans),
		cmocka_unit_test(test_text), cmocka_unit_test(test_numbers), cmocka_unit_test(test_glob)
	};

	return cmocka_run_group_tests(tests, open_index, close_index);
}
