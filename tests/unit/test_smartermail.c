/* SmarterMail: envelopes as bytes, names, times, and the driver on folders made here. */
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/buf.h"
#include "spool/smartermail_files.h"
#include "spool/smartermail_hdr.h"
#include "spool/smartermail_place.h"
#include "spool/spool.h"

#define TAIL_KEYS "containsLocalDeliveries: False\r\nconnectedip: 203.0.113.42\r\nhelo: JOEPC\r\n" \
	"connectedhostname: host-203-0-113-42.example.net\r\nsmtpSessionId: 33155805\r\n"
#define KEYS(auth) "retry: 0;04/18/2024 18:37:32\r\nfrom: joe@example.com\r\n" auth \
	"spamcheck: _DMARC=0,skipped - DMARC Disabled\r\ncreationdate: 04/18/2024 18:37:32\r\n"
#define AUTH "auth: joe@example.com\r\n"
#define F1_BODY "joe@example.com\r\nalice@example.net\r\n" KEYS(AUTH) "notify: alice@example.net=\r\n" TAIL_KEYS \
	"dmarcResult: Skipped (DMARC Disabled)\r\n\r\n"
#define F1 "Written \r\n" F1_BODY
#define F2_HEAD "Written \r\njoe@example.com\r\nalice@example.net,bob@example.org\r\n" KEYS(AUTH)
#define F2 F2_HEAD "notify: alice@example.net=\r\nnotify: bob@example.org=\r\n" TAIL_KEYS "dmarcResult: Skipped (Authenticated)\r\n\r\n"
#define F3 F2_HEAD "notify: alice@example.net=failure,delay\r\nnotify: bob@example.org=\r\n" TAIL_KEYS "dmarcResult: Skipped (Authenticated)\r\n\r\n"
#define F4 "Failed \r\n" F1_BODY
#define F5 "Writing \r\njoe@example.com\r\nalice@example.net\r\nretry: 0;04/18/2024 18:37:32\r\nfrom: joe@exa"
#define F6 "Written \r\njoe@example.com\r\nalice@example.net\r\n" KEYS("") "notify: alice@example.net=\r\n" TAIL_KEYS "\r\n"
#define F7 "Written \r\njoe@example.com\r\nalice@example.net\r\nconnectedIP: 203.0.113.42\r\n" \
	"connectedHostName: host-203-0-113-42.example.net\r\nconnectedPort: 51234\r\n\r\n"

#define WHO "203.0.113.42|host-203-0-113-42.example.net|JOEPC"
#define JOE "joe@example.com|joe@example.com|" WHO "|0|2024-4-18 18:37:32"
#define W3 "Written\r\n\r\na@b.example\r\n"
#define BARE "|-|-|-|-|0|-"

struct envelope_case {
	const char *name, *bytes;
	size_t n;		/* 0: strlen */
	int is_growing;
	const char *want;	/* status rcpt,rcpt sender|auth|ip|name|helo|retries|created damage… notes… */
};

static const struct envelope_case envelopes[] = {
	{ "F1", F1, 0, 0, "1 alice@example.net " JOE },
	{ "F2", F2, 0, 0, "1 alice@example.net,bob@example.org " JOE },
	{ "F3", F3, 0, 0, "1 alice@example.net,bob@example.org " JOE },
	{ "F4", F4, 0, 0, "4 alice@example.net " JOE " !status \"Failed\"" },
	{ "F5", F5, 0, 1, "2 alice@example.net joe@example.com|-|-|-|-|0|- ~.hdr is cut in mid-line" },
	{ "F5 without .em_", F5, 0, 0, "2 alice@example.net joe@example.com|-|-|-|-|0|- ~.hdr is cut in mid-line" },
	{ "F6", F6, 0, 0, "1 alice@example.net joe@example.com|-|" WHO "|0|2024-4-18 18:37:32" },
	{ "F7", F7, 0, 0, "1 alice@example.net joe@example.com|-|203.0.113.42|host-203-0-113-42.example.net|-|0|-" },
	{ "empty sender", W3 "\r\n", 0, 0, "1 a@b.example " BARE },
	{ "null sender", "Written \r\n<>\r\na@b.example\r\n\r\n", 0, 0, "1 a@b.example " BARE },
	{ "brackets", "Written \r\n<Joe@B.Example>\r\n<a@B.example>\r\n\r\n", 0, 0, "1 a@b.example Joe@b.example" BARE },
	{ "LF only", "Written \nj@b.example\na@b.example\nAUTH: j@b.example\n\n", 0, 0, "1 a@b.example j@b.example|j@b.example|-|-|-|0|-" },
	{ "mixed ends", "Written \nj@b.example\r\na@b.example\nauth: j\r\n\n", 0, 0, "1 a@b.example j@b.example|j|-|-|-|0|-" },
	{ "BOM", "\xef\xbb\xbf" W3 "\r\n", 0, 0, "1 a@b.example " BARE },
	{ "three lines", W3, 0, 0, "1 a@b.example " BARE " ~no blank line at the end of .hdr" },
	{ "third line cut", "Written\r\n\r\na@b.example", 0, 0, "1 a@b.example " BARE " !.hdr is cut in mid-line" },
	{ "two lines", "Written \r\nj@b.example\r\n", 0, 0, "1 - j@b.example" BARE " !fewer than three lines in .hdr" },
	{ "one line", "Written \r\n", 0, 0, "1 - (null)" BARE " !fewer than three lines in .hdr" },
	{ "one cut line", "Writ", 0, 0, "5 - (null)" BARE " !status \"Writ\" !fewer than three lines in .hdr !.hdr is cut in mid-line" },
	{ "no bytes", "", 0, 0, "0 - (null)" BARE " !empty .hdr" },
	{ "no bytes yet", "", 0, 1, "0 - (null)" BARE " ~empty .hdr" },
	{ "all NUL", "\0\0\0\0\0\0\0\0", 8, 0, "0 - (null)" BARE " !NUL bytes in .hdr" },
	{ "NUL tail", "Written \r\nj@b.example\r\na@b.example\r\nauth: j\r\n\0\0\0\0", 47, 0, "1 a@b.example j@b.example|j|-|-|-|0|- !NUL bytes in .hdr" },
	{ "NUL in recipients", "Written \r\nj@b.example\r\na@b.ex\0mple\r\n\r\n", 38, 0, "1 - j@b.example" BARE " !NUL bytes in .hdr" },
	{ "no recipients", "Written \r\nj@b.example\r\n\r\n\r\n", 0, 0, "1 - j@b.example" BARE " !no recipients" },
	{ "empty words between commas", "Written\r\n\r\n,a@b.example, ,b@b.example,\r\n\r\n", 0, 0, "1 a@b.example,b@b.example " BARE },
	{ "comma in quotes", "Written\r\n\r\n\"x,y\"@b.example,\"q\\\",z\"@b.example, c@b.example\r\n\r\n", 0, 0,
	    "1 \"x,y\"@b.example,\"q\\\",z\"@b.example,c@b.example " BARE },
	{ "quote in brackets", "Written\r\n\r\n<\"x,y\"@b.example>,c@b.example\r\n\r\n", 0, 0, "1 \"x,y\"@b.example,c@b.example " BARE },
	{ "quote inside a word opens nothing", "Written\r\n\r\no\"x@b.example,c@b.example\r\n\r\n", 0, 0, "1 o\"x@b.example,c@b.example " BARE },
	{ "unbalanced quote", "Written\r\n\r\n\"x@b.example,c@b.example\r\n\r\n", 0, 0,
	    "1 \"x@b.example,c@b.example " BARE " !unbalanced quote in the recipients" },
	{ "non-ASCII", "Written\r\nj\xc3\xbcrgen@b.example\r\n\xc3\xa7@b.example\r\n\r\n", 0, 0, "1 \xc3\xa7@b.example j\xc3\xbcrgen@b.example" BARE },
	{ "retry 7", W3 "retry: 7;04/18/2024 18:37:32\r\n\r\n", 0, 0, "1 a@b.example |-|-|-|-|7|-" },
	{ "retry alone", W3 "retry:3\r\n\r\n", 0, 0, "1 a@b.example |-|-|-|-|3|-" },
	{ "retry no number", W3 "retry: x;04/18/2024\r\n\r\n", 0, 0, "1 a@b.example |-|-|-|-|-1|- ~unreadable retry" },
	{ "retry too long", W3 "retry: 99999999999999999999\r\n\r\n", 0, 0, "1 a@b.example |-|-|-|-|-1|- ~unreadable retry" },
	{ "retry twice", W3 "retry: 4;x\r\nretry: 0;x\r\n\r\n", 0, 0, "1 a@b.example |-|-|-|-|4|- ~duplicate retry" },
	{ "auth twice", W3 "auth: j@b.example\r\nAuth: J@B.example\r\n\r\n", 0, 0, "1 a@b.example |j@b.example|-|-|-|0|- ~duplicate auth" },
	{ "two accounts", W3 "auth: j@b.example\r\nauth: k@b.example\r\n\r\n", 0, 0, "1 a@b.example |j@b.example|-|-|-|0|- !two different auth lines" },
	{ "two accounts while writing", "Writing \r\n\r\na@b.example\r\nauth: j\r\nauth: k\r\n\r\n", 0, 0, "2 a@b.example |j|-|-|-|0|- ~two different auth lines" },
	{ "empty auth", W3 "auth: \r\n\r\n", 0, 0, "1 a@b.example " BARE },
	{ "odd case, blanks", W3 " HeLo :  pc one \r\nCONNECTEDIP:192.0.2.7\r\n\r\n", 0, 0, "1 a@b.example |-|192.0.2.7|-|pc one|0|-" },
	{ "first colon", W3 "helo: a:b:c\r\n\r\n", 0, 0, "1 a@b.example |-|-|-|a:b:c|0|-" },
	{ "helo twice", W3 "helo: a\r\nhelo: b\r\n\r\n", 0, 0, "1 a@b.example |-|-|-|a|0|- ~duplicate helo" },
	{ "no colon", W3 "what is this\r\nauth: j\r\n\r\n", 0, 0, "1 a@b.example |j|-|-|-|0|- ~a line without a colon in .hdr" },
	{ "keys after a blank line", W3 "\r\nauth: j\r\n\r\n", 0, 0, "1 a@b.example |j|-|-|-|0|-" },
	{ "bad date", W3 "creationdate: 18/04/2024 18:37:32\r\n\r\n", 0, 0, "1 a@b.example " BARE " ~unreadable creationdate" },
	{ "quarantined", "Quarantined \t\r\n\r\na@b.example\r\n\r\n", 0, 0, "3 a@b.example " BARE },
	{ "unknown word", "Ready\r\n\r\na@b.example\r\n\r\n", 0, 0, "5 a@b.example " BARE " !status \"Ready\"" },
	{ "case counts", "written \r\n\r\na@b.example\r\n\r\n", 0, 0, "5 a@b.example " BARE " !status \"written\"" },
	{ "empty word", "\r\n\r\na@b.example\r\n\r\n", 0, 0, "5 a@b.example " BARE " !status \"\"" },
	{ "failed beside .em_", "Failed \r\nj@b.exa", 0, 1, "4 - j@b.exa" BARE " !status \"Failed\" ~fewer than three lines in .hdr ~.hdr is cut in mid-line" },
};

static const char *
shown(const char *s)
{
	return s != NULL ? s : "-";
}

/* Everything that the envelope said, on one line. */
static void
render(struct buf *b, const struct smartermail_hdr *h, const struct msg *m)
{
	const struct smartermail_time *t = &h->created;
	size_t i;

	buf_clear(b);
	buf_fmt(b, "%d ", (int)h->status);
	for (i = 0; i < m->nrcpt; i++)
		buf_fmt(b, "%s%s", i > 0 ? "," : "", m->rcpt[i].address);
	buf_fmt(b, "%s %s|%s|%s|%s|%s|%lld|", m->nrcpt == 0 ? "-" : "", m->sender != NULL ? m->sender : "(null)", shown(m->auth), shown(m->client),
	    shown(m->client_name), shown(m->helo), (long long)h->retries);
	if (h->has_created)
		buf_fmt(b, "%d-%d-%d %02d:%02d:%02d", t->year, t->month, t->day, t->hour, t->min, t->sec);
	else
		buf_puts(b, "-");
	for (i = 0; i < m->damage.n; i++)
		buf_fmt(b, " !%s", m->damage.v[i]);
	for (i = 0; i < m->notes.n; i++)
		buf_fmt(b, " ~%s", m->notes.v[i]);
}

static void
test_envelopes(void **state)
{
	struct arena a = { 0 };
	struct smartermail_hdr h;
	struct buf b;
	struct msg m;
	struct rd r;
	size_t i, n;

	(void)state;
	buf_init(&b, 65536);
	for (i = 0; i < sizeof envelopes / sizeof envelopes[0]; i++) {
		const struct envelope_case *c = &envelopes[i];

		n = c->n != 0 ? c->n : strlen(c->bytes);
		msg_init(&m, &a);
		rd_mem(&r, c->bytes, n);
		assert_int_equal(smartermail_hdr_read(&h, &m, &r, c->is_growing), 0);
		render(&b, &h, &m);
		if (strcmp(buf_cstr(&b), c->want) != 0)
			fail_msg("%s:\n got %s\nwant %s", c->name, buf_cstr(&b), c->want);
		arena_reset(&a);
	}
	buf_free(&b);
	arena_free(&a);
}

/* F1 cut at every byte is never silent. */
static void
test_every_cut(void **state)
{
	static const char whole[] = F1;
	struct arena a = { 0 };
	struct smartermail_hdr h;
	struct msg m;
	struct rd r;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof whole - 1; n++) {
		msg_init(&m, &a);
		rd_mem(&r, whole, n);
		assert_int_equal(smartermail_hdr_read(&h, &m, &r, 0), 0);
		if (n > 0 && whole[n - 1] == '\n' && m.nrcpt == 1) {
			assert_int_equal(m.damage.n, 0);	/* whole lines: only the last blank one is missing */
			assert_int_equal(m.notes.n, 1);
		} else if (m.damage.n == 0) {
			fail_msg("cut at %zu: no damage", n);
		}
		arena_reset(&a);
	}
	arena_free(&a);
}

static void
test_many_recipients(void **state)
{
	const size_t counts[] = { 500, 10000, 100000, 100001 };
	struct arena a = { 0 };
	struct smartermail_hdr h;
	struct buf b;
	struct msg m;
	struct rd r;
	size_t i, k;

	(void)state;
	buf_init(&b, (size_t)8 * 1024 * 1024);
	for (k = 0; k < sizeof counts / sizeof counts[0]; k++) {
		buf_clear(&b);
		buf_puts(&b, "Written \r\nj@b.example\r\n");
		for (i = 0; i < counts[k]; i++)
			buf_fmt(&b, "%suser%06zu@example.net", i > 0 ? "," : "", i);
		buf_puts(&b, "\r\nauth: j@b.example\r\n\r\n");
		msg_init(&m, &a);
		rd_mem(&r, b.p, b.n);
		assert_int_equal(smartermail_hdr_read(&h, &m, &r, 0), 0);
		assert_int_equal(m.nrcpt, counts[k] <= 100000 ? counts[k] : 100000);
		assert_string_equal(m.rcpt[499].address, "user000499@example.net");
		assert_string_equal(m.auth, "j@b.example");
		assert_int_equal(m.damage.n, counts[k] > 100000);
		arena_reset(&a);
	}
	buf_free(&b);
	arena_free(&a);
}

static void
test_times(void **state)
{
	static const struct { const char *text; int ok, v[6]; } cases[] = {
		{ "04/18/2024 18:37:32", 1, { 2024, 4, 18, 18, 37, 32 } },
		{ "12/31/1999 00:00:00", 1, { 1999, 12, 31, 0, 0, 0 } },
		{ "4/8/2024 6:37:32 PM", 1, { 2024, 4, 8, 18, 37, 32 } },
		{ "4/8/2024 12:00:01 am", 1, { 2024, 4, 8, 0, 0, 1 } },
		{ "2024-04-18 18:37:32", 1, { 2024, 4, 18, 18, 37, 32 } },
		{ "2024-04-18T18:37:32", 1, { 2024, 4, 18, 18, 37, 32 } },
		{ "18.04.2024 18:37:32", 1, { 2024, 4, 18, 18, 37, 32 } },
		{ "02/29/2024 01:02:03", 1, { 2024, 2, 29, 1, 2, 3 } },
		{ "02/29/2023 01:02:03", 0, { 0 } }, { "18/04/2024 18:37:32", 0, { 0 } }, { "04/18/24 18:37:32", 0, { 0 } },
		{ "01/01/0001 00:00:00", 0, { 0 } }, { "04/18/2024 24:00:00", 0, { 0 } }, { "04/18/2024 18:60:00", 0, { 0 } },
		{ "04/18/2024 18:37:60", 0, { 0 } }, { "04/18/2024 18:37", 0, { 0 } }, { "04/18/2024", 0, { 0 } },
		{ "04/18/2024 18:37:32 x", 0, { 0 } }, { "04/18/2024 13:37:32 PM", 0, { 0 } }, { "04/18/2024 0:37:32 AM", 0, { 0 } },
		{ "00/18/2024 18:37:32", 0, { 0 } }, { "04/00/2024 18:37:32", 0, { 0 } }, { "04-18/2024 18:37:32", 0, { 0 } },
		{ "4/8/20240 18:37:32", 0, { 0 } }, { "-4/8/2024 18:37:32", 0, { 0 } }, { "", 0, { 0 } }, { "now", 0, { 0 } },
	};
	struct smartermail_time t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int ok = smartermail_time_parse(&t, cases[i].text) == 0;
		const int got[6] = { t.year, t.month, t.day, t.hour, t.min, t.sec };

		if (ok != cases[i].ok || (ok && memcmp(got, cases[i].v, sizeof got) != 0))
			fail_msg("\"%s\" -> %d: %d-%d-%d %d:%d:%d", cases[i].text, ok, got[0], got[1], got[2], got[3], got[4], got[5]);
	}
}

static void
test_roles(void **state)
{
	static const struct { const char *name; int role; size_t base; } cases[] = {
		{ "1.eml", SMARTERMAIL_EML, 1 }, { "706173251002.hdr", SMARTERMAIL_HDR, 12 }, { "42615432c100.EM_", SMARTERMAIL_EM, 12 },
		{ "422405313455-1.EmL", SMARTERMAIL_EML, 14 }, { "a.b.HDR", SMARTERMAIL_HDR, 3 },
		{ ".eml", -1, 0 }, { "eml", -1, 0 }, { "1.hdr.sort", -1, 0 }, { "1.hdr.pending", -1, 0 }, { "1.emlx", -1, 0 }, { "1.em", -1, 0 }, { "", -1, 0 },
	};
	size_t i, base;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		base = 0;
		assert_int_equal(smartermail_role(&base, cases[i].name), cases[i].role);
		if (cases[i].role >= 0)
			assert_int_equal(base, cases[i].base);
	}
}

/* ---- the driver on real folders ---- */

struct world {
	char root[64];
	struct spool *sp;
	struct spool_reader *r;
	struct arena items, text;
	struct spool_item it[64];
	struct msg m[64];
	size_t n;
};

static void
put(struct world *w, const char *path, const void *bytes, size_t n)
{
	char full[512], *slash;
	FILE *f;

	snprintf(full, sizeof full, "%s/%s", w->root, path);
	for (slash = strchr(full + strlen(w->root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(full, 0755);
		*slash = '/';
	}
	f = fopen(full, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void
put_text(struct world *w, const char *path, const char *text)
{
	put(w, path, text, strlen(text));
}

#define EML "Return-Path: <rp@example.com>\r\nReceived: from x by y with SMTP\r\nFrom: Joe <joe@example.com>\r\nSubject: hello\r\n\r\nbody\r\n"

static void
put_pair(struct world *w, const char *base, const char *hdr)
{
	char path[256];

	snprintf(path, sizeof path, "%s.eml", base);
	put_text(w, path, EML);
	snprintf(path, sizeof path, "%s.hdr", base);
	put_text(w, path, hdr);
}

static void
make_dir(struct world *w, const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", w->root, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void
rename_in(struct world *w, const char *from, const char *to)
{
	char a[512], b[512];

	snprintf(a, sizeof a, "%s/%s", w->root, from);
	snprintf(b, sizeof b, "%s/%s", w->root, to);
	assert_int_equal(rename(a, b), 0);
}

static void
drop_file(struct world *w, const char *name)
{
	char a[512];

	snprintf(a, sizeof a, "%s/%s", w->root, name);
	assert_int_equal(unlink(a), 0);
}

static void
remove_tree(const char *path)
{
	char sub[600];
	struct dirent *ent;
	DIR *d = opendir(path);

	while (d != NULL && (ent = readdir(d)) != NULL) {
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		snprintf(sub, sizeof sub, "%s/%s", path, ent->d_name);
		if (unlink(sub) != 0)
			remove_tree(sub);
	}
	if (d != NULL)
		closedir(d);
	(void)rmdir(path);
}

static int
set_up(void **state)
{
	struct world *w = mem_new(sizeof *w);

	snprintf(w->root, sizeof w->root, "/tmp/smartermail-XXXXXX");
	if (mkdtemp(w->root) == NULL)
		return -1;
	*state = w;
	return 0;
}

static void
close_world(struct world *w)
{
	spool_reader_free(w->r);
	spool_close(w->sp);
	w->r = NULL;
	w->sp = NULL;
	arena_reset(&w->items);
	arena_reset(&w->text);
	w->n = 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	close_world(w);
	arena_free(&w->items);
	arena_free(&w->text);
	remove_tree(w->root);
	free(w);
	return 0;
}

static void
open_world(struct world *w)
{
	char arg[128];
	struct err e;

	close_world(w);
	snprintf(arg, sizeof arg, "smartermail:%s", w->root);
	assert_int_equal(spool_open(&w->sp, arg, NULL, &e), 0);
	w->r = spool_reader_new(w->sp);
}

/* Walks the whole spool and reads everything. */
static void
scan(struct world *w)
{
	struct err e;
	int got;

	open_world(w);
	assert_int_equal(spool_begin(w->sp, &e), 0);
	while ((got = spool_next(&w->it[w->n], w->sp, &w->items, &e)) > 0) {
		assert_int_equal(spool_read(&w->m[w->n], w->r, &w->it[w->n], &w->text, &e), 0);
		assert_true(++w->n < 64);
	}
	assert_int_equal(got, 0);
}

/* "queue id state sender[ !damage…][ ~note…]" of all messages, one a line. */
static const char *
scanned(struct world *w, struct buf *b)
{
	size_t i, k;

	scan(w);
	buf_clear(b);
	for (i = 0; i < w->n; i++) {
		const struct msg *m = &w->m[i];

		buf_fmt(b, "%s/%s %s %s", m->queue, m->id, msg_state_name(m->state), m->sender != NULL ? m->sender : "(null)");
		for (k = 0; k < m->damage.n; k++)
			buf_fmt(b, " !%s", m->damage.v[k]);
		for (k = 0; k < m->notes.n; k++)
			buf_fmt(b, " ~%s", m->notes.v[k]);
		buf_puts(b, "\n");
	}
	return buf_cstr(b);
}

static void
assert_scan(struct world *w, const char *want, unsigned orphans, unsigned files)
{
	struct buf b;

	buf_init(&b, 65536);
	assert_string_equal(scanned(w, &b), want);
	assert_int_equal(w->sp->stats.orphans, orphans);
	assert_int_equal(w->sp->stats.files, files);
	buf_free(&b);
}

static void
test_states(void **state)
{
	struct world *w = *state;

	put_pair(w, "1", F1);
	put_pair(w, "2", "Written \r\n<>\r\na@b.example\r\nretry: 7;04/18/2024 18:37:32\r\n\r\n");
	put_pair(w, "3", "Quarantined \r\n<>\r\na@b.example\r\n\r\n");
	put_pair(w, "4", F4);
	put_text(w, "5.hdr", F5);
	put_text(w, "5.em_", "half a mess");
	put_pair(w, "6", F5);
	put_pair(w, "7", "Ready \r\n<>\r\na@b.example\r\n\r\n");
	put_pair(w, "8", "");
	assert_scan(w,
	    "/1 queued joe@example.com\n"
	    "/2 deferred \n"
	    "/3 held \n"
	    "/4 corrupt joe@example.com !status \"Failed\"\n"
	    "/5 incomplete joe@example.com ~.hdr is cut in mid-line\n"
	    "/6 incomplete joe@example.com ~.hdr is cut in mid-line\n"
	    "/7 corrupt  !status \"Ready\"\n"
	    "/8 corrupt rp@example.com !empty .hdr\n", 0, 16);
	assert_string_equal(w->m[0].account, "joe@example.com");
	assert_int_equal(w->m[0].account_kind, ACCOUNT_AUTH);
	assert_string_equal(w->m[0].subject, "hello");
	assert_string_equal(w->m[0].client, "203.0.113.42");
	assert_int_equal(w->m[0].size, (int64_t)strlen(EML));
	assert_int_equal(w->m[0].pending, 1);
	assert_int_equal(w->m[1].pending, -1);
	assert_int_equal(w->m[1].recipients, 1);
	assert_int_equal(w->m[1].account_kind, ACCOUNT_BOUNCE);
	assert_int_equal(w->m[4].size, -1);
	assert_int_equal(w->m[0].parts.v[0].role, PART_ENVELOPE);
	assert_int_equal(w->m[0].parts.v[1].role, PART_MESSAGE);
	assert_int_equal(w->m[4].parts.v[1].role, PART_LEFTOVER);
}

static void
test_folders_and_orphans(void **state)
{
	struct world *w = *state;

	put_pair(w, "SubSpool3/30", F1);
	put_pair(w, "SubSpool10/31", F1);
	put_pair(w, "Quarantine/2022-09-01/32", F1);
	put_text(w, "10.eml", EML);
	put_text(w, "11.hdr", F1);
	put_text(w, "12.em_", "x");
	put_text(w, "Drop/40.eml", EML);
	put_text(w, "drop2/41.eml", EML);
	put_text(w, "Drop/42.hdr", F1);
	put_text(w, "Drop/43.em_", "x");
	put_text(w, "Quarantine/2022-09-01/50.eml", EML);
	put_text(w, "proc/60.eml", EML);
	put_text(w, "Proc2/work/61.eml", EML);
	put_text(w, "proc/Work/62.eml", EML);
	put_pair(w, "proc/63", F1);
	put_text(w, "1.hdr.sort", "x");
	put_text(w, "1.hdr.pending", "x");
	put_pair(w, ".spoolsweep/2024-plan1/70", F1);
	put_pair(w, ".spoolsweep-Spool/71", F1);
	assert_scan(w,
	    "/10 corrupt rp@example.com !.hdr is missing\n"
	    "/11 queued joe@example.com !.eml is missing\n"
	    "/12 incomplete (null) !.hdr is missing\n"
	    "Drop/40 queued rp@example.com\n"
	    "Drop/42 queued joe@example.com !.eml is missing\n"
	    "Drop/43 incomplete (null) !.hdr is missing\n"
	    "SubSpool10/31 queued joe@example.com\n"
	    "SubSpool3/30 queued joe@example.com\n"
	    "drop2/41 corrupt rp@example.com !.hdr is missing\n"
	    "proc/60 corrupt rp@example.com !.hdr is missing\n"
	    "proc/63 queued joe@example.com\n"
	    "Proc2/work/61 corrupt rp@example.com !.hdr is missing\n"
	    "Quarantine/2022-09-01/32 queued joe@example.com\n"
	    "Quarantine/2022-09-01/50 held rp@example.com\n"
	    "proc/Work/62 queued rp@example.com\n", 8, 19);
	assert_int_equal(w->sp->nunknown, 0);
}

static void
test_case(void **state)
{
	struct world *w = *state;

	unit_needs(UNIT_NAMES);
	put_text(w, "ABc.EML", EML);
	put_text(w, "abC.Hdr", F1);
	put_pair(w, "x1", F1);
	put_pair(w, "X1", F6);
	put_pair(w, "y", F1);
	put_text(w, "Y.eml", EML);
	put_pair(w, "z", F1);
	put_text(w, "z.EML", EML);
	assert_scan(w,
	    "/ABc queued joe@example.com\n"
	    "/X1 queued joe@example.com !names differ only in case\n"
	    "/x1 queued joe@example.com !names differ only in case\n"
	    "/Y corrupt rp@example.com !.hdr is missing !names differ only in case\n"
	    "/y queued joe@example.com !names differ only in case\n"
	    "/z queued joe@example.com !names differ only in case\n", 1, 12);
	assert_string_equal(w->m[0].parts.v[0].name, "abC.Hdr");
	assert_null(w->m[1].auth);
	assert_non_null(w->m[2].auth);
	assert_int_equal(w->m[5].parts.n, 3);
}

static void
test_damaged_eml(void **state)
{
	static const char zeros[4096];
	struct world *w = *state;

	put_pair(w, "1", F1);
	put_text(w, "1.eml", "");
	put_pair(w, "2", F1);
	put(w, "2.eml", zeros, sizeof zeros);
	put_pair(w, "3", F1);
	put_text(w, "3.eml", "\xef\xbb\xbf" "From: x@example.com\r\nSubject: after a BOM\r\n\r\nx");
	put_pair(w, "4", "Writing \r\n\r\na@b.example\r\n\r\n");
	put_text(w, "4.eml", "");
	assert_scan(w,
	    "/1 queued joe@example.com !empty .eml\n"
	    "/2 queued joe@example.com !.eml begins with NUL bytes\n"
	    "/3 queued joe@example.com\n"
	    "/4 incomplete  ~empty .eml\n", 0, 8);
	assert_string_equal(w->m[2].subject, "after a BOM");
	assert_string_equal(w->m[2].from, "x@example.com");
}

static void
test_hostile_names(void **state)
{
	struct world *w = *state;
	char path[128];

	unit_needs(UNIT_NAMES);
	put_pair(w, "a\nb", F1);
	put_pair(w, "c\x1b[31m", F1);
	put_pair(w, "d\xff\xfe", F1);
	snprintf(path, sizeof path, "%s/f.eml", w->root);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof path, "%s/l.hdr", w->root);
	assert_int_equal(symlink("1.hdr", path), 0);
	snprintf(path, sizeof path, "%s/SubSpool1", w->root);
	assert_int_equal(symlink("/etc", path), 0);
	assert_scan(w,
	    "/a\nb queued joe@example.com\n"
	    "/c\x1b[31m queued joe@example.com\n"
	    "/d\xff\xfe queued joe@example.com\n", 0, 6);
	assert_int_equal(w->sp->stats.odd, 2);
	assert_int_equal(w->sp->nunknown, 1);
	assert_string_equal(w->sp->unknown[0].queue, "SubSpool1");
}

static void
test_depth(void **state)
{
	struct world *w = *state;

	put_pair(w, "1/2/3/4/5/6/7/8/9", F1);
	put_pair(w, "1/2/3/4/5/6/7/8/9/10", F1);
	assert_scan(w, "1/2/3/4/5/6/7/8/9 queued joe@example.com\n", 0, 2);
	assert_int_equal(w->sp->nunknown, 1);
	assert_string_equal(w->sp->unknown[0].queue, "1/2/3/4/5/6/7/8/9");
}

static void
test_look(void **state)
{
	static const uint64_t key[2] = { 1, 2 };
	struct world *w = *state;
	struct part_list l;
	uint64_t before;

	put_pair(w, "SubSpool1/1", F1);
	put_text(w, "SubSpool1/1.em_", "x");
	scan(w);
	assert_int_equal(w->n, 1);
	assert_int_equal(w->sp->driver->look(&l, w->sp, w->r, &w->it[0]), 0);
	before = part_fingerprint(&w->m[0].parts, w->m[0].queue, w->m[0].id, key);
	assert_true(before == part_fingerprint(&l, w->it[0].queue, w->it[0].id, key));
	put_text(w, "SubSpool1/1.hdr", F2);
	assert_int_equal(w->sp->driver->look(&l, w->sp, w->r, &w->it[0]), 0);
	assert_true(before != part_fingerprint(&l, w->it[0].queue, w->it[0].id, key));
	drop_file(w, "SubSpool1/1.em_");
	assert_int_equal(w->sp->driver->look(&l, w->sp, w->r, &w->it[0]), -1);
}

static void
test_moving(void **state)
{
	struct world *w = *state;
	struct msg m;
	struct err e;

	put_pair(w, "SubSpool1/1", F1);
	put_pair(w, "SubSpool1/2", F1);
	put_text(w, "SubSpool1/3.hdr", "Writing \r\n");
	put_text(w, "SubSpool1/3.em_", EML);
	put_pair(w, "proc/9", F1);
	scan(w);
	assert_int_equal(w->n, 4);
	rename_in(w, "SubSpool1/1.hdr", "proc/1.hdr");
	rename_in(w, "SubSpool1/1.eml", "proc/1.eml");
	drop_file(w, "SubSpool1/2.hdr");
	drop_file(w, "SubSpool1/2.eml");
	rename_in(w, "SubSpool1/3.em_", "SubSpool1/3.eml");
	put_text(w, "SubSpool1/3.hdr", F1);

	assert_int_equal(spool_read(&m, w->r, &w->it[0], &w->text, &e), 0);
	assert_false(m.is_taken_mid_way);
	assert_string_equal(m.queue, "proc");
	assert_string_equal(m.parts.v[0].dir, "proc");
	assert_string_equal(m.auth, "joe@example.com");
	assert_int_equal(m.nrcpt, 1);

	assert_int_equal(spool_read(&m, w->r, &w->it[1], &w->text, &e), 0);
	assert_true(m.is_taken_mid_way);

	assert_int_equal(spool_read(&m, w->r, &w->it[2], &w->text, &e), 0);
	assert_int_equal(m.state, MSG_QUEUED);
	assert_int_equal(m.parts.n, 2);
	assert_int_equal(m.damage.n, 0);
}

static void
expect_next(struct world *w, const char *queue, const char *id, size_t parts)
{
	struct spool_item it;
	struct err e;

	if (id == NULL) {
		assert_int_equal(spool_next(&it, w->sp, &w->items, &e), 0);
		return;
	}
	assert_int_equal(spool_next(&it, w->sp, &w->items, &e), 1);
	assert_string_equal(it.queue, queue);
	assert_string_equal(it.id, id);
	assert_int_equal(it.parts.n, parts);
}

/* What moves behind the walk's back is met in a second look, and nothing twice. */
static void
test_moving_walk(void **state)
{
	struct world *w = *state;
	struct err e;

	put_pair(w, "1", F1);
	put_pair(w, "proc/2", F1);
	put_pair(w, "proc/3", F1);
	put_pair(w, "zz/4", F1);
	open_world(w);
	assert_int_equal(spool_begin(w->sp, &e), 0);
	expect_next(w, "", "1", 2);
	rename_in(w, "proc/2.eml", "2.eml");
	rename_in(w, "proc/2.hdr", "2.hdr");
	expect_next(w, "proc", "3", 2);
	rename_in(w, "proc/3.eml", "3.eml");
	rename_in(w, "proc/3.hdr", "3.hdr");
	put_pair(w, "newer/5", F1);
	expect_next(w, "zz", "4", 2);
	expect_next(w, "", "2", 2);
	expect_next(w, "newer", "5", 2);
	expect_next(w, NULL, NULL, 0);
	assert_int_equal(w->sp->stats.files, 10);
	assert_int_equal(w->sp->stats.orphans, 0);
}

/* The .em_ becomes the .eml between readdir and the item: no orphan. */
static void
test_sibling(void **state)
{
	struct world *w = *state;
	struct err e;

	put_text(w, "1.hdr", F1);
	put_text(w, "2.hdr", F1);
	open_world(w);
	assert_int_equal(spool_begin(w->sp, &e), 0);
	put_text(w, "1.eml", EML);
	expect_next(w, "", "1", 2);
	assert_int_equal(w->sp->stats.orphans, 0);
	expect_next(w, "", "2", 1);
	assert_int_equal(w->sp->stats.orphans, 1);
	expect_next(w, NULL, NULL, 0);
}

/* Hard links of one message in two folders are two messages. */
static void
test_hard_links(void **state)
{
	struct world *w = *state;
	char from[128], to[128];

	put_pair(w, "1", F1);
	make_dir(w, "MovedItems");
	snprintf(from, sizeof from, "%s/1.hdr", w->root);
	snprintf(to, sizeof to, "%s/MovedItems/1.hdr", w->root);
	assert_int_equal(link(from, to), 0);
	snprintf(from, sizeof from, "%s/1.eml", w->root);
	snprintf(to, sizeof to, "%s/MovedItems/1.eml", w->root);
	assert_int_equal(link(from, to), 0);
	assert_scan(w, "/1 queued joe@example.com\nMovedItems/1 queued joe@example.com\n", 0, 4);
}

/* find without a walk, as purge and show use it. */
static void
test_find(void **state)
{
	struct world *w = *state;
	struct spool_item it;
	struct err e;
	int (*find)(struct spool_item *, struct spool *, struct spool_reader *, struct arena *, const char *, const char *, const char *, struct err *);

	unit_needs(UNIT_NAMES);
	put_pair(w, "SubSpool1/1", F1);
	put_text(w, "Mixed.eml", EML);
	put_text(w, "mIXED.HDR", F1);
	put_pair(w, "cc", F1);
	put_pair(w, "CC", F1);
	put_text(w, "5.HDR", F1);
	put_text(w, "5.EML", EML);
	open_world(w);
	find = w->sp->driver->find;
	assert_int_equal(find(&it, w->sp, w->r, &w->items, "SubSpool1", "1", "SubSpool1/1.hdr", &e), 1);
	assert_string_equal(it.queue, "SubSpool1");
	assert_string_equal(it.id, "1");
	assert_int_equal(it.parts.n, 2);
	assert_int_equal(it.parts.v[0].role, PART_ENVELOPE);
	assert_int_equal(find(&it, w->sp, w->r, &w->items, "SubSpool7", "1", "SubSpool7/1.hdr", &e), 1);
	assert_string_equal(it.queue, "SubSpool1");
	assert_int_equal(find(&it, w->sp, w->r, &w->items, "", "Mixed", "mIXED.HDR", &e), 1);
	assert_string_equal(it.id, "Mixed");
	assert_int_equal(it.parts.n, 2);
	assert_int_equal(find(&it, w->sp, w->r, &w->items, "", "5", "5.HDR", &e), 1);
	assert_int_equal(it.parts.n, 2);
	assert_int_equal(find(&it, w->sp, w->r, &w->items, "", "2", "2.hdr", &e), 0);
	drop_file(w, "CC.hdr");
	drop_file(w, "CC.eml");
	assert_int_equal(find(&it, w->sp, w->r, &w->items, "", "CC", "CC.hdr", &e), 0);
	drop_file(w, "cc.hdr");
	assert_int_equal(find(&it, w->sp, w->r, &w->items, "", "cc", "cc.hdr", &e), 1);
	assert_int_equal(it.is_orphan, 1);
}

static int
gather(void *arg, const void *p, size_t n)
{
	buf_add(arg, p, n);
	return 0;
}

static void
test_headers_and_busy(void **state)
{
	struct world *w = *state;
	struct buf b;
	struct err e;

	buf_init(&b, 65536);
	put_pair(w, "1", F1);
	put_text(w, "1.eml", "\xef\xbb\xbf" "From: a\r\nSubject: x\r\n y\r\n\r\nbody: no\r\n");
	put_pair(w, "2", F5);
	put_text(w, "3.hdr", F1);
	put_text(w, "3.em_", "x");
	scan(w);
	assert_int_equal(w->n, 3);
	assert_int_equal(w->sp->driver->headers(w->sp, w->r, &w->it[0], gather, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), "From: a\nSubject: x\n y\n");
	buf_clear(&b);
	assert_int_equal(w->sp->driver->headers(w->sp, w->r, &w->it[2], gather, &b, &e), 0);
	assert_int_equal(w->sp->driver->log(w->sp, w->r, &w->it[0], gather, &b, &e), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(w->sp->driver->busy(w->sp, w->r, &w->it[0]), 0);
	assert_int_equal(w->sp->driver->busy(w->sp, w->r, &w->it[1]), -1);
	assert_int_equal(w->sp->driver->busy(w->sp, w->r, &w->it[2]), -1);
	buf_free(&b);
}

static void
test_zones(void **state)
{
	static const struct { const char *zone, *date; int64_t utc; } cases[] = {
		{ "Europe/Istanbul", "04/18/2024 18:37:32", 1713454652 },
		{ "Europe/Istanbul", "11/08/2015 03:30:00", 1446942600 },	/* comes twice: 00:30 UTC is the first */
		{ "Europe/Istanbul", "03/29/2015 02:59:59", 1427590799 },
		{ "America/New_York", "04/18/2024 18:37:32", 1713479852 },
		{ "America/New_York", "11/03/2024 01:30:00", 1730611800 },	/* comes twice: 05:30 UTC is the first */
		{ "America/New_York", "03/10/2024 02:30:00", 1710055800 },	/* does not exist: 07:30 UTC, as if the clock stood */
		{ "UTC", "04/18/2024 18:37:32", 1713465452 },
	};
	struct world *w = *state;
	struct spool_options opt = { NULL };
	struct sys_zone *z;
	struct err e;
	char text[256], arg[128];
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "Written \r\n\r\na@b.example\r\ncreationdate: %s\r\n\r\n", cases[i].date);
		put_pair(w, "1", text);
		assert_int_equal(sys_zone_load(&z, cases[i].zone, &e), 0);
		opt.zone = z;
		snprintf(arg, sizeof arg, "smartermail:%s", w->root);
		assert_int_equal(spool_open(&w->sp, arg, &opt, &e), 0);
		w->r = spool_reader_new(w->sp);
		assert_int_equal(w->sp->driver->find(&w->it[0], w->sp, w->r, &w->items, "", "1", "1.hdr", &e), 1);
		assert_int_equal(spool_read(&w->m[0], w->r, &w->it[0], &w->text, &e), 0);
		if (w->m[0].arrived != cases[i].utc * 1000000)
			fail_msg("%s %s: %lld, want %lld", cases[i].zone, cases[i].date, (long long)w->m[0].arrived / 1000000, (long long)cases[i].utc);
		close_world(w);
		sys_zone_free(z);
	}
}

static int
probe(struct world *w)
{
	struct sys_dir *d;
	struct err e;
	int got;

	assert_int_equal(sys_dir_open(&d, w->root, &e), 0);
	got = spool_smartermail.probe(d);
	sys_dir_close(d);
	return got;
}

static void
test_probe(void **state)
{
	struct world *w = *state;

	assert_int_equal(probe(w), 0);
	make_dir(w, "active");
	make_dir(w, "deferred");
	make_dir(w, "input");
	assert_int_equal(probe(w), 0);
	put_text(w, "1.eml", EML);
	assert_in_range(probe(w), 0, 20);
	make_dir(w, "Drop");
	assert_in_range(probe(w), 0, 49);
	make_dir(w, "proc");
	make_dir(w, "SubSpool1");
	assert_in_range(probe(w), 51, 100);
	put_pair(w, "SubSpool1/2", F1);
	assert_in_range(probe(w), 90, 100);
}

static void
test_probe_root_pair(void **state)
{
	struct world *w = *state;

	put_text(w, "1.hdr", "ENVI\nsamples = 3\n");
	assert_int_equal(probe(w), 0);
	put_pair(w, "1", F4);
	assert_in_range(probe(w), 90, 100);
}

/* ---- where the spool may be ---- */

static void
add_place(void *arg, const char *dir)
{
	buf_puts(arg, dir);
	buf_byte(arg, '|');
}

static void
check_places(const char *image, const char *want)
{
	struct buf b;

	buf_init(&b, 65536);
	smartermail_places(add_place, &b, image);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}

static void
check_settings(const void *text, size_t n, const char *want)
{
	struct buf b;

	buf_init(&b, 65536);
	smartermail_setting_places(add_place, &b, text, n);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}

static void
test_places(void **state)
{
	(void)state;
	check_places("", "");
	check_places("MailService.exe", "");
	check_places("/MailService", "");
	check_places("/opt/smartermail/MailService", "/opt/smartermail/Spool|/opt/Spool|");
	check_places("D:/Program Files (x86)/SmarterTools/SmarterMail/Service/MailService.exe",
	    "D:/Program Files (x86)/SmarterTools/SmarterMail/Service/Spool|D:/Program Files (x86)/SmarterTools/SmarterMail/Spool|"
	    "D:/SmarterMail/Spool|D:/SmarterMail16/Spool|D:/SmarterMail/Domains/Spool|");
}

static void
test_settings(void **state)
{
#define SETTINGS(text, want) check_settings(text, sizeof text - 1, want)
	char many[4096], *p = many;
	struct buf b;
	int i;

	(void)state;
	SETTINGS("", "");
	SETTINGS("{\"a\":\"m:\\\\SmarterMail\\\\Spool\\\\\",\"b\":\"C:\\\\SmarterMail\\\\Domains\"}", "m:/SmarterMail/Spool|");
	SETTINGS("{\"a\":\"C:/x/SPOOL2\",\"b\":\"the spool\",\"c\":\"\\/var\\/spool\\/sm\"}", "C:/x/SPOOL2|/var/spool/sm|");
	SETTINGS("<Path>D:\\Mail\\Spool</Path>", "D:/Mail/Spool|");
	SETTINGS("\"C:/x\0spool\" \"C:/spool", "");
	SETTINGS("\"..\\\\Spool\" \"Spool\" \"spool:/x\"", "");
	for (i = 0; i < 2500; i++)	/* longer than any path */
		p[i] = 's';
	memcpy(p, "\"/spool", 7);
	p[2499] = '"';
	check_settings(many, 2500, "");
	buf_init(&b, 65536);
	for (i = 0; i < 100; i++)
		buf_puts(&b, "\"/spool\",");
	check_settings(buf_cstr(&b), b.n, "/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|"
	    "/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|/spool|");
	buf_free(&b);
}

static void
test_settings_files(void **state)
{
	struct world *w = *state;
	char image[256];
	struct buf b;

	make_dir(w, "Settings");
	put_text(w, "mailConfig.xml", "<x><Spool>/old/Spool</Spool></x>");
	put_text(w, "Settings/settings.json", "{\"whatever\":\"/new/Spool\"}");
	snprintf(image, sizeof image, "%s/MailService", w->root);
	buf_init(&b, 65536);
	smartermail_settings(add_place, &b, image);
	assert_string_equal(buf_cstr(&b), "/old/Spool|/new/Spool|");
	smartermail_settings(add_place, &b, "");
	smartermail_settings(add_place, &b, "/nowhere/at/all");
	assert_string_equal(buf_cstr(&b), "/old/Spool|/new/Spool|");
	buf_free(&b);
}

int
main(void)
{
#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envelopes), cmocka_unit_test(test_every_cut), cmocka_unit_test(test_many_recipients),
		cmocka_unit_test(test_times), cmocka_unit_test(test_roles),
		ON_DISK(test_states), ON_DISK(test_folders_and_orphans), ON_DISK(test_case), ON_DISK(test_damaged_eml),
		ON_DISK(test_hostile_names), ON_DISK(test_depth), ON_DISK(test_look), ON_DISK(test_moving), ON_DISK(test_moving_walk), ON_DISK(test_sibling), ON_DISK(test_hard_links),
		ON_DISK(test_find),
		ON_DISK(test_headers_and_busy), ON_DISK(test_zones), ON_DISK(test_probe), ON_DISK(test_probe_root_pair),
		cmocka_unit_test(test_places), cmocka_unit_test(test_settings), ON_DISK(test_settings_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
