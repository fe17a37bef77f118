/* spool/postfix_rec.c and spool/postfix.c: records, every kind of damage, the walk. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/buf.h"
#include "spool/postfix_rec.h"
#include "spool/spool.h"

#define NOW 1790000000

/* A queue file in the making, and the places in it that tests break. */
struct file {
	struct buf b;
	size_t size_at, time_at, sender_at, rcpt_at, data, subject_at, body_at, xtra, end;
	size_t edge[64], edges;
};

static void
rec(struct file *f, int type, const char *text)
{
	size_t left = strlen(text);

	buf_byte(&f->b, type);
	do {
		buf_byte(&f->b, (int)(left & 0x7f) | (left > 0x7f ? 0x80 : 0));
		left >>= 7;
	} while (left != 0);
	buf_puts(&f->b, text);
	if (f->edges < 64)
		f->edge[f->edges++] = f->b.n;
}

static void
rec_fmt(struct file *f, int type, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	rec(f, type, text);
}

static void
set_size(struct file *f, int rcpts, long length)
{
	char text[96];

	snprintf(text, sizeof text, "%15zu %15zu %15d %15d %15ld %15d", f->xtra - f->data, f->data, rcpts, 0, length, 0);
	memcpy(f->b.p + f->size_at + 2, text, 95);
}

static void
envelope(struct file *f)
{
	memset(f, 0, sizeof *f);
	buf_init(&f->b, (size_t)64 << 20);
	rec_fmt(f, 'C', "%95s", "");
	f->time_at = f->b.n;
	rec_fmt(f, 'T', "%d %6d", NOW, 4711);
	rec_fmt(f, 'A', "create_time=%d", NOW + 1);
	rec(f, 'A', "log_ident=39D6B12C13A");
	rec(f, 'A', "rewrite_context=local");
	rec(f, 'A', "sasl_method=LOGIN");
	rec(f, 'A', "sasl_username=Info@Shop.example");
	rec(f, 'A', "sasl_username=second@shop.example");
	f->sender_at = f->b.n;
	rec(f, 'S', "Info@Shop.EXAMPLE");
	rec(f, 'A', "log_client_name=unknown");
	rec(f, 'A', "log_client_address=IPv6:2001:DB8::0:1");
	rec(f, 'A', "log_helo_name=laptop");
	rec(f, 'A', "log_protocol_name=ESMTP");
	rec(f, 'A', "client_address=127.0.0.1");
	rec(f, 'A', "dsn_orig_rcpt=rfc822;a@one.example");
	rec(f, 'O', "a@one.example");
	f->rcpt_at = f->b.n;
	rec(f, 'R', "a@one.example");
	rec(f, 'D', "b@two.example");
	rec(f, '/', "c@three.example");
}

static void
message_start(struct file *f)
{
	rec(f, 'M', "");
	f->data = f->b.n;
	rec(f, 'N', "Received: from laptop (unknown [IPv6:2001:db8::1])");
	rec(f, 'N', "\tby mx (Postfix) with ESMTPSA id 39D6B12C13A; today");
	rec(f, 'N', "From: =?UTF-8?Q?J=C3=BCrgen?= <info@shop.example>");
	f->subject_at = f->b.n;
	rec(f, 'L', "Subject: cut in the mid");
	rec(f, 'N', "dle of words");
	rec(f, 'N', "Message-ID: <1@shop.example>");
	rec(f, 'N', "");
}

static void
message_end(struct file *f, const char *extracted)
{
	f->body_at = f->b.n;
	rec(f, 'N', "Hello");
	rec(f, 'N', "Subject: not a header");
	f->xtra = f->b.n;
	rec(f, 'X', "");
	if (extracted != NULL)
		rec(f, 'R', extracted);
	rec(f, 'E', "");
	f->end = f->b.n;
}

static void
sound(struct file *f)
{
	envelope(f);
	message_start(f);
	message_end(f, "d@four.example");
	set_size(f, 4, 321);
}

static int
parse_as(struct msg *m, struct postfix_env *env, struct arena *a, const void *p, size_t n, int maildrop, int unfinished)
{
	struct postfix_how how = {maildrop, unfinished, NULL, NULL, 0};
	struct rd r;

	rd_mem(&r, p, n);
	msg_init(m, a);
	return postfix_parse(m, env, &r, &how);
}

static int
parse(struct msg *m, struct arena *a, struct file *f)
{
	struct postfix_env env;

	return parse_as(m, &env, a, f->b.p, f->b.n, 0, 0);
}

static int
has(const struct msg_list *l, const char *part)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strstr(l->v[i], part) != NULL)
			return 1;
	return 0;
}

static void
no_damage(const struct msg *m)
{
	size_t i;

	for (i = 0; i < m->damage.n; i++)
		print_message("unexpected damage: %s\n", m->damage.v[i]);
	assert_int_equal(m->damage.n, 0);
}

static void
test_sound(void **state)
{
	struct arena a = {0};
	struct postfix_env env;
	struct file f;
	struct msg m;

	(void)state;
	sound(&f);
	assert_int_equal(parse_as(&m, &env, &a, f.b.p, f.b.n, 0, 0), 0);
	no_damage(&m);
	assert_int_equal(m.notes.n, 0);
	assert_string_equal(m.sender, "Info@shop.example");
	assert_true(m.arrived == (int64_t)NOW * 1000000 + 4711);
	assert_int_equal(m.arrived_fraction, 1);
	assert_int_equal(m.size, 321);
	assert_string_equal(m.subject, "cut in the middle of words");
	assert_string_equal(m.from, "J\xc3\xbcrgen <info@shop.example>");
	assert_string_equal(m.message_id, "<1@shop.example>");
	assert_int_equal(m.nrcpt, 4);
	assert_string_equal(m.rcpt[0].address, "a@one.example");
	assert_int_equal(m.rcpt[0].state, RCPT_PENDING);
	assert_int_equal(m.rcpt[0].key, f.rcpt_at);
	assert_int_equal(m.rcpt[1].state, RCPT_DONE);
	assert_int_equal(m.rcpt[2].state, RCPT_REMOVED);
	assert_string_equal(m.rcpt[3].address, "d@four.example");
	assert_string_equal(env.sasl_username, "Info@Shop.example");
	assert_string_equal(env.log_client_address, "IPv6:2001:DB8::0:1");
	assert_string_equal(env.client_address, "127.0.0.1");
	assert_true(env.created == NOW + 1);
	buf_free(&f.b);
	arena_free(&a);
}

/* Cut at every byte: always read, always damage, never for a file that is still written. */
static void
test_truncated(void **state)
{
	struct arena a = {0};
	struct postfix_env env;
	struct file f;
	struct msg m;
	size_t n;

	(void)state;
	sound(&f);
	for (n = 0; n < f.end; n++) {
		assert_int_equal(parse_as(&m, &env, &a, f.b.p, n, 0, 0), 0);
		assert_true(m.damage.n > 0);
		if (n > f.body_at)
			assert_string_equal(m.subject, "cut in the middle of words");
		assert_int_equal(parse_as(&m, &env, &a, f.b.p, n, 0, 1), 0);
		assert_int_equal(m.damage.n, 0);
		assert_true(m.notes.n > 0);
		arena_reset(&a);
	}
	buf_free(&f.b);
	arena_free(&a);
}

/* Every byte of the file set to 0, 0xff and its bits turned: read to an end, the recipients never more than were there. */
static void
test_every_byte(void **state)
{
	static const unsigned char with[] = {0x00, 0xff, 0x80, 'p', 'X', 'E'};
	struct arena a = {0};
	struct file f;
	struct msg m;
	size_t i, k;
	char was;

	(void)state;
	sound(&f);
	for (i = 0; i < f.end; i++)
		for (k = 0; k < sizeof with; k++) {
			was = f.b.p[i];
			f.b.p[i] = (char)with[k];
			assert_int_equal(parse(&m, &a, &f), 0);
			assert_true(m.nrcpt <= 5);
			f.b.p[i] = was;
			arena_reset(&a);
		}
	buf_free(&f.b);
	arena_free(&a);
}

/* Places in a sound file that a table row overwrites. */
enum where { AT_START, AT_SIZE, AT_TIME, AT_SENDER, AT_RCPT, AT_DATA, AT_XTRA, AT_BODY };

static size_t
place(const struct file *f, enum where w)
{
	switch (w) {
	case AT_SIZE: return f->size_at + 2;
	case AT_TIME: return f->time_at;
	case AT_SENDER: return f->sender_at;
	case AT_RCPT: return f->rcpt_at;
	case AT_DATA: return f->data;
	case AT_XTRA: return f->xtra;
	case AT_BODY: return f->body_at;
	default: return 0;
	}
}

static const struct {
	const char *what;
	enum where where;
	size_t off, n;
	const char *bytes;
	const char *damage; /* part of the word; NULL: none */
	int keeps_subject;
} table[] = {
    {"first byte NUL", AT_START, 0, 1, "\0", "first byte 0x00", 1},
    {"first byte of another file", AT_START, 0, 1, "%", "first byte 0x25", 1},
    {"no queue file at all", AT_START, 0, 6, "#!/bin", "no queue file", 0},
    {"NUL type", AT_SENDER, 0, 1, "\0", "type NUL", 1},
    {"unknown type", AT_SENDER, 0, 1, "Q", "unknown record type", 1},
    {"content record in the envelope", AT_SENDER, 0, 1, "N", "not allowed in the envelope", 1},
    {"sender gone", AT_SENDER, 0, 1, "K", "no sender", 1},
    {"time gone", AT_TIME, 0, 1, "K", "no arrival time", 1},
    {"six bytes of 0xff in the time", AT_TIME, 3, 6, "\xff\xff\xff\xff\xff\xff", "arrival time cannot", 1},
    {"time of 1970", AT_TIME, 2, 10, "         1", "arrival time cannot", 1},
    {"time far from create_time", AT_TIME, 2, 10, "1990000000", "far from the time of creation", 1},
    {"too many length bits", AT_SENDER, 1, 5, "\xff\xff\xff\xff\xff", "too many length bits", 1},
    {"length past the end", AT_SENDER, 1, 3, "\xff\xff\x7f", "past the end of the file", 1},
    {"five length bytes, small number", AT_SENDER, 1, 5, "\x8d\x80\x80\x80\x00", NULL, 1},
    {"SIZE not of numbers", AT_SIZE, 3, 4, "none", "not made of numbers", 1},
    {"SIZE with unknown flags", AT_SIZE, 61, 2, "99", "unknown flags", 1},
    {"SIZE with a wrong data offset", AT_SIZE, 16, 15, "              7", "wrong data offset", 1},
    {"SIZE past the end", AT_SIZE, 0, 15, "      999999999", "does not lead", 1},
    {"SIZE not filled in", AT_SIZE, 0, 31, "              0               0", "not filled in", 1},
    {"SIZE counts 100000 recipients", AT_SIZE, 32, 15, "         100000", "counts 100000 recipients, 4", 1},
    {"attribute without value", AT_SENDER, 0, 1, "A", "attribute without", 1},
    {"bad record in the body, not looked at", AT_BODY, 0, 4, "\0\xff\xff\xff", NULL, 1},
    {"bad record in the headers", AT_DATA, 0, 1, "\1", "unknown record type", 0},
    {"X gone", AT_XTRA, 0, 1, "Q", "unknown record type", 1},
};

static void
test_damage_table(void **state)
{
	struct arena a = {0};
	struct file f;
	struct msg m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		sound(&f);
		memcpy(f.b.p + place(&f, table[i].where) + table[i].off, table[i].bytes, table[i].n);
		assert_int_equal(parse(&m, &a, &f), 0);
		if (table[i].damage == NULL ? m.damage.n != 0 : !has(&m.damage, table[i].damage))
			fail_msg("%s: %s", table[i].what, m.damage.n > 0 ? m.damage.v[0] : "no damage");
		if (table[i].keeps_subject && (m.subject == NULL || strcmp(m.subject, "cut in the middle of words") != 0))
			fail_msg("%s: subject lost", table[i].what);
		buf_free(&f.b);
		arena_reset(&a);
	}
	arena_free(&a);
}

/* Behind a bad record the rest is read as far as anything tells where it is. */
static void
test_resync(void **state)
{
	struct arena a = {0};
	struct file f;
	struct msg m;

	(void)state;
	sound(&f);
	f.b.p[f.sender_at] = 'Q'; /* its length leads to the next record */
	assert_int_equal(parse(&m, &a, &f), 0);
	assert_int_equal(m.nrcpt, 4);
	assert_null(m.sender);
	f.b.p[f.sender_at + 1] = '\x06'; /* this one does not: on by SIZE, for the headers and what is behind them */
	f.b.p[f.subject_at] = '\1';
	f.b.p[f.subject_at + 1] = '\x05';
	arena_reset(&a);
	assert_int_equal(parse(&m, &a, &f), 0);
	assert_int_equal(m.nrcpt, 1);
	assert_string_equal(m.rcpt[0].address, "d@four.example");
	assert_non_null(m.from);
	assert_null(m.sender);
	buf_free(&f.b);
	arena_free(&a);
}

/* What cleanup_milter.c does: an edited header and an added recipient lie behind E. */
static void
test_milter(void **state)
{
	struct arena a = {0};
	struct file f;
	struct msg m;
	size_t heap, back, rcpt_ptr, k;
	char text[32];

	(void)state;
	envelope(&f);
	rec_fmt(&f, 'p', "%15d", 0);
	message_start(&f);
	rec_fmt(&f, 'p', "%15d", 0);
	f.xtra = f.b.n;
	rec(&f, 'X', "");
	rcpt_ptr = f.b.n;
	rec_fmt(&f, 'p', "%15d", 0);
	rec(&f, 'E', "");
	set_size(&f, 4, 500);
	heap = f.b.n;
	back = f.subject_at + 17; /* the old header's records, 25 + 14 bytes, end aligned only behind both */
	rec(&f, 'N', "Subject: edited");
	rec_fmt(&f, 'p', "%15zu", f.subject_at + 25 + 14);
	snprintf(text, sizeof text, "p\017%15zu", heap);
	memcpy(f.b.p + f.subject_at, text, 17);
	heap = f.b.n;
	rec(&f, 'R', "added@milter.example");
	rec_fmt(&f, 'p', "%15zu", rcpt_ptr + 17);
	snprintf(text, sizeof text, "p\017%15zu", heap);
	memcpy(f.b.p + rcpt_ptr, text, 17);
	assert_int_equal(parse(&m, &a, &f), 0);
	no_damage(&m);
	assert_string_equal(m.subject, "edited");
	assert_string_equal(m.message_id, "<1@shop.example>");
	assert_int_equal(m.nrcpt, 4);
	assert_string_equal(m.rcpt[3].address, "added@milter.example");
	for (k = back; k < f.subject_at + 39; k++) /* the dead bytes of the old header are never looked at */
		f.b.p[k] = '\0';
	arena_reset(&a);
	assert_int_equal(parse(&m, &a, &f), 0);
	no_damage(&m);
	buf_free(&f.b);
	arena_free(&a);
}

static void
test_pointers(void **state)
{
	static const struct {
		const char *to, *damage;
	} bad[] = {
	    {"             -1", "is no number"},
	    {"      999999999", "past the end"},
	    {"              x", "is no number"},
	    {"9999999999999999999999", "is no number"},
	    {"", "is no number"},
	    {"             97", "circle"},
	};
	struct arena a = {0};
	struct file f;
	struct msg m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		envelope(&f);
		rec(&f, 'p', bad[i].to);
		message_start(&f);
		message_end(&f, NULL);
		set_size(&f, 3, 99);
		assert_int_equal(parse(&m, &a, &f), 0);
		if (!has(&m.damage, bad[i].damage))
			fail_msg("%s: %s", bad[i].to, m.damage.n > 0 ? m.damage.v[0] : "no damage");
		buf_free(&f.b);
		arena_reset(&a);
	}
	arena_free(&a);
}

/* 10 MiB in one header line, and a body line of 10 MiB that is passed over. */
static void
test_huge_line(void **state)
{
	struct arena a = {0};
	size_t n = (size_t)10 << 20;
	char *line = malloc(n + 1);
	struct file f;
	struct msg m;

	(void)state;
	assert_non_null(line);
	memset(line, 'x', n);
	line[n] = '\0';
	memcpy(line, "Subject: ", 9);
	envelope(&f);
	rec(&f, 'M', "");
	f.data = f.b.n;
	rec(&f, 'N', line);
	rec(&f, 'N', "");
	rec(&f, 'N', line);
	message_end(&f, NULL);
	set_size(&f, 3, 20 << 20);
	assert_int_equal(parse(&m, &a, &f), 0);
	no_damage(&m);
	assert_int_equal(strncmp(m.subject, "xxxx", 4), 0);
	assert_true(strlen(m.subject) < ((size_t)1 << 20));
	assert_true(a.total < ((size_t)4 << 20));
	buf_free(&f.b);
	free(line);
	arena_free(&a);
}

static int
add_content(void *arg, const void *p, size_t n)
{
	buf_add(arg, p, n);
	return 0;
}

/* Lines of any length, long ones in pieces: the content is the same in one window as in many, where a line lies across the edge of each. */
static void
test_content(void **state)
{
	static unsigned char window[4096];
	struct arena a = {0};
	struct postfix_env env;
	struct sys_file at = SYS_FILE_CLOSED;
	struct sys_dir *dir;
	struct buf want, got;
	struct err e;
	char line[400], name[40];
	unsigned random[2];
	struct postfix_how how = {0, 1, add_content, &got, 1};
	struct file f;
	struct msg m;
	struct rd r;
	size_t i;
	int round;

	(void)state;
	assert_int_equal(sys_random(random, sizeof random, &e), 0);
	snprintf(name, sizeof name, "test_postfix-%08x%08x", random[0], random[1]);
	assert_int_equal(sys_dir_open(&dir, "/tmp", &e), 0);
	assert_int_equal(sys_create_at(&at, dir, name, 0600), 0);
	assert_int_equal(sys_unlink(dir, name), 0);
	sys_dir_close(dir);
	envelope(&f);
	rec(&f, 'M', "");
	f.data = f.b.n;
	buf_init(&want, (size_t)1 << 20);
	buf_init(&got, (size_t)1 << 20);
	for (i = 0; i < 900; i++) {
		memset(line, 'a' + (int)(i % 26), i % 300);
		line[i % 300] = '\0';
		rec(&f, i % 7 == 3 ? 'L' : 'N', line);
		buf_fmt(&want, "%s%s", line, i % 7 == 3 ? "" : "\n");
	}
	message_end(&f, NULL);
	buf_puts(&want, "Hello\nSubject: not a header\n");
	set_size(&f, 3, 100000);
	assert_int_equal(sys_write(at, f.b.p, f.b.n), 0);
	for (round = 0; round < 2; round++) {
		buf_clear(&got);
		if (round == 0)
			rd_mem(&r, f.b.p, f.b.n);
		else
			rd_file(&r, at, f.b.n, window, sizeof window);
		msg_init(&m, &a);
		assert_int_equal(postfix_parse(&m, &env, &r, &how), 0);
		assert_int_equal(m.damage.n, 0);
		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.p, want.p, want.n);
	}
	sys_close(&at);
	buf_free(&want);
	buf_free(&got);
	buf_free(&f.b);
	arena_free(&a);
}

/* As postdrop(1) writes: no SIZE, login name for a sender, -t recipients behind X. */
static void
test_maildrop(void **state)
{
	struct arena a = {0};
	struct postfix_env env;
	struct file f;
	struct msg m;

	(void)state;
	memset(&f, 0, sizeof f);
	buf_init(&f.b, 1 << 20);
	rec_fmt(&f, 'T', "%d", NOW);
	rec(&f, 'A', "rewrite_context=local");
	rec(&f, 'F', "Web Server");
	rec(&f, 'S', "www-data");
	rec(&f, 'A', "sasl_username=forged@bank.example");
	rec(&f, 'M', "");
	rec(&f, 'N', "Subject: form");
	rec(&f, 'N', "X-PHP-Originating-Script: 33:mail.php");
	rec(&f, 'N', "");
	rec(&f, 'N', "text");
	rec(&f, 'X', "");
	rec(&f, 'R', "victim@one.example");
	rec(&f, 'E', "");
	assert_int_equal(parse_as(&m, &env, &a, f.b.p, f.b.n, 1, 0), 0);
	no_damage(&m);
	assert_int_equal(m.arrived_fraction, 0);
	assert_string_equal(m.sender, "www-data");
	assert_int_equal(m.size, (int64_t)f.b.n);
	assert_int_equal(m.nrcpt, 1);
	assert_string_equal(m.script, "mail.php");
	assert_int_equal(m.uid, -1); /* nothing in the file says who */
	buf_free(&f.b);
	arena_free(&a);
}

static void
test_received_uid(void **state)
{
	(void)state;
	assert_int_equal(postfix_received_uid("by mx.example (Postfix, from userid 33) id 39D6B; today"), 33);
	assert_int_equal(postfix_received_uid("by mx.example (Postfix) id 39D6B; today"), -1);
	assert_int_equal(postfix_received_uid("from evil (x, from userid 0) by mx.example (Postfix)"), -1);
	assert_int_equal(postfix_received_uid("by mx (Postfix) x, from userid 5)"), -1);
	assert_int_equal(postfix_received_uid("by mx (Postfix, from userid 99999999999999999999)"), -1);
	assert_int_equal(postfix_received_uid("by mx (Postfix, from userid )"), -1);
	assert_int_equal(postfix_received_uid(NULL), -1);
}

/*
 * The driver, over a spool in a temporary folder.
 */
static char root[64];

static void
put(const char *rel, const struct file *f, const char *text, unsigned mode)
{
	char path[512], *slash;
	FILE *out;

	snprintf(path, sizeof path, "%s/%s", root, rel);
	for (slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	out = fopen(path, "wb");
	assert_non_null(out);
	if (f != NULL)
		assert_int_equal(fwrite(f->b.p, 1, f->b.n, out), f->b.n);
	if (text != NULL)
		fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
make_root(void)
{
	snprintf(root, sizeof root, "/tmp/test_postfix.XXXXXX");
	assert_non_null(mkdtemp(root));
}

static void
drop_root(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf '%s'", root);
	assert_int_equal(system(command), 0);
}

static void
in_root(char path[512], const char *rel)
{
	snprintf(path, 512, "%s/%s", root, rel);
}

struct seen {
	char id[64], queue[16];
	enum msg_state state;
	size_t parts, damage;
	char reply[64];
};

static size_t
walk(struct seen *out, size_t max, struct spool *sp)
{
	static const uint64_t key[2] = {1, 2};
	struct spool_reader *r = spool_reader_new(sp);
	struct arena a = {0}, b = {0};
	struct part_list quick;
	struct spool_item it;
	struct err e;
	struct msg m;
	size_t n = 0;

	assert_int_equal(spool_begin(sp, &e), 0);
	while (spool_next(&it, sp, &a, &e) == 1) {
		assert_int_equal(spool_read(&m, r, &it, &b, &e), 0);
		assert_false(m.is_taken_mid_way);
		assert_true(n < max);
		snprintf(out[n].id, sizeof out[n].id, "%s", m.id);
		snprintf(out[n].queue, sizeof out[n].queue, "%s", m.queue);
		out[n].state = m.state;
		out[n].parts = m.parts.n;
		out[n].damage = m.damage.n;
		snprintf(out[n].reply, sizeof out[n].reply, "%s", m.nrcpt > 0 && m.rcpt[0].reply != NULL ? m.rcpt[0].reply : "");
		assert_int_equal(spool_postfix.look(&quick, sp, r, &it), 0);
		assert_true(part_fingerprint(&quick, m.queue, m.id, key) == part_fingerprint(&m.parts, m.queue, m.id, key));
		n++;
		arena_reset(&b);
	}
	spool_reader_free(r);
	arena_free(&a);
	arena_free(&b);
	return n;
}

static const struct seen *
seen(const struct seen *s, size_t n, const char *id)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(s[i].id, id) == 0)
			return &s[i];
	return NULL;
}

static void
test_walk(void **state)
{
	struct seen s[32];
	struct spool *sp;
	struct file f;
	char path[512], log[200];
	struct err e;
	size_t n;

	(void)state;
	make_root();
	sound(&f);
	snprintf(log, sizeof log, "<x@y>: no\nrecipient=x@y\noffset=%zu\ndiag_text=451 4.7.1 later\n\n", f.rcpt_at);
	put("incoming/1A2B3C", &f, NULL, 0700);
	put("incoming/4D5E6F", &f, NULL, 0600);
	put("incoming/12345.678", &f, NULL, 0600);
	put("active/A", &f, NULL, 0700);
	put("deferred/7/8/78AB12", &f, NULL, 0700);
	put("deferred/7/78AB13", &f, NULL, 0710);
	put("deferred/no/78AB14", &f, NULL, 0700);
	put("deferred/0/4g0Mxv3zzFz1cz", &f, NULL, 0740);
	put("hold/9CDE#FIX", &f, NULL, 0700);
	put("hold/a-b", &f, NULL, 0700);
	put("corrupt/BAD", NULL, "", 0700);
	put("maildrop/F00D", &f, NULL, 0744);
	put("maildrop/F/F00E", &f, NULL, 0744);
	put("defer/7/78AB12", NULL, log, 0600);
	put("defer/0/0RPHAN", NULL, log, 0600);
	put("bounce/78AB12", NULL, "", 0600);
	put("flush/example_org", NULL, "x", 0600);
	in_root(path, "hold/FIFO");
	assert_int_equal(mkfifo(path, 0700), 0);
	in_root(path, "hold/LINK");
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(spool_open(&sp, root, NULL, &e), 0);
	assert_string_equal(sp->driver->name, "postfix");
	n = walk(s, 32, sp);
	assert_int_equal(n, 9);
	assert_int_equal(seen(s, n, "1A2B3C")->state, MSG_QUEUED);
	assert_int_equal(seen(s, n, "4D5E6F")->state, MSG_INCOMPLETE);
	assert_int_equal(seen(s, n, "A")->state, MSG_ACTIVE);
	assert_int_equal(seen(s, n, "78AB12")->state, MSG_DEFERRED);
	assert_int_equal(seen(s, n, "78AB12")->parts, 3);
	assert_string_equal(seen(s, n, "78AB12")->reply, "451 4.7.1 later");
	assert_non_null(seen(s, n, "78AB13"));
	assert_null(seen(s, n, "78AB14"));
	assert_non_null(seen(s, n, "4g0Mxv3zzFz1cz"));
	assert_int_equal(seen(s, n, "9CDE#FIX")->damage, 1);
	assert_int_equal(seen(s, n, "BAD")->state, MSG_CORRUPT);
	assert_true(seen(s, n, "BAD")->damage > 0);
	assert_int_equal(seen(s, n, "F00D")->state, MSG_QUEUED);
	assert_int_equal(sp->stats.orphans, 1);
	assert_int_equal(sp->stats.odd, 2);
	assert_int_equal(sp->stats.files, 9 + 3);
	assert_int_equal(sp->nunknown, 0);
	assert_null(sp->notice);
	spool_close(sp);
	buf_free(&f.b);
	drop_root();
}

/* A copy without modes; a hard link; a link as queue folder; a bucket that is a link. */
static void
test_copies(void **state)
{
	struct seen s[8];
	struct spool *sp;
	struct file f;
	char path[512], to[512];
	struct err e;
	size_t n;

	unit_needs(UNIT_MODES);
	(void)state;
	make_root();
	sound(&f);
	put("deferred/78AB12", &f, NULL, 0644);
	put("defer/78AB12", NULL, "", 0644);
	assert_int_equal(spool_open(&sp, root, NULL, &e), 0); /* deferred and defer are enough */
	n = walk(s, 8, sp);
	assert_int_equal(n, 1);
	assert_int_equal(s[0].state, MSG_DEFERRED);
	assert_int_equal(s[0].damage, 0);
	assert_non_null(sp->notice);
	put("deferred/78AB13", &f, NULL, 0700); /* one with its modes: the others are unfinished */
	in_root(path, "deferred/78AB13");
	in_root(to, "deferred/78AB14");
	assert_int_equal(link(path, to), 0);
	in_root(to, "hold");
	in_root(path, "deferred");
	assert_int_equal(symlink(path, to), 0);
	in_root(to, "deferred/Z");
	assert_int_equal(symlink("/tmp", to), 0);
	n = walk(s, 8, sp);
	assert_int_equal(n, 3);
	assert_null(sp->notice);
	assert_int_equal(seen(s, n, "78AB12")->state, MSG_INCOMPLETE);
	assert_int_equal(seen(s, n, "78AB13")->damage, 1);
	assert_int_equal(seen(s, n, "78AB14")->damage, 1);
	assert_int_equal(sp->nunknown, 2);
	assert_string_equal(sp->unknown[0].queue, "deferred");
	assert_string_equal(sp->unknown[1].queue, "hold");
	assert_int_equal(sp->stats.odd, 1);
	spool_close(sp);
	buf_free(&f.b);
	drop_root();
}

/* A short message with these envelope attributes and this top Received: header. */
static void
put_mail(const char *rel, unsigned mode, const char *attr, const char *received)
{
	struct file f;

	memset(&f, 0, sizeof f);
	buf_init(&f.b, 1 << 20);
	rec_fmt(&f, 'C', "%95s", "");
	rec_fmt(&f, 'T', "%d %6d", NOW, 1);
	rec(&f, 'S', "me@here.example");
	if (attr != NULL)
		rec(&f, 'A', attr);
	rec(&f, 'R', "you@there.example");
	rec(&f, 'M', "");
	f.data = f.b.n;
	rec_fmt(&f, 'N', "Received: %s", received);
	rec(&f, 'N', "Received: by old.example (Postfix, from userid 44) id 1; before");
	rec(&f, 'N', "");
	message_end(&f, NULL);
	set_size(&f, 1, 50);
	put(rel, &f, NULL, mode);
	buf_free(&f.b);
}

/* Who handed a message in: the owner in maildrop, the top Received: of a local one, the client of all others. */
static void
test_origin(void **state)
{
	static const struct {
		const char *rel, *attr, *received, *account;
		unsigned mode;
		int is_local, is_mta;
	} row[] = {
	    {"deferred/10CA1", NULL, "by mx (Postfix, from userid 33) id 1; now", "uid:33", 0700, 1, 0},
	    {"deferred/F0F6ED", "log_client_address=192.0.2.9", "by mx (Postfix, from userid 33) id 1; now", "192.0.2.9", 0700, 0,
		0},
	    {"deferred/AA11", "client_address=2001:DB8:0::1", "from x by mx (Postfix)", "2001:db8::1", 0700, 0, 0},
	    {"deferred/BB22", "sasl_username=a@b.example", "from x by mx (Postfix)", "a@b.example", 0700, 0, 0},
	    {"deferred/CC33", "log_client_address=unknown", "from x by mx (Postfix)", "me@here.example", 0700, 0, 0},
	    {"maildrop/DD44", "sasl_username=forged@b.example", "by mx (Postfix, from userid 33)", NULL, 0744, 1, 1},
	    {"maildrop/EE55", "sasl_username=a@b.example", "from x by mx (Postfix)", "a@b.example", 0700, 0, 0},
	    {"maildrop/FF66", NULL, "by mx (Postfix, from userid 33)", "uid:33", 0700, 1, 0},
	};
	struct arena a = {0};
	struct spool_reader *r;
	struct spool_item it;
	struct spool *sp;
	char own[32];
	struct err e;
	struct msg m;
	size_t i, n = 0;

	unit_needs(UNIT_MODES);
	(void)state;
	make_root();
	for (i = 0; i < sizeof row / sizeof row[0]; i++)
		put_mail(row[i].rel, row[i].mode, row[i].attr, row[i].received);
	snprintf(own, sizeof own, "uid:%u", (unsigned)getuid());
	assert_int_equal(spool_open(&sp, root, NULL, &e), 0);
	assert_int_equal(spool_begin(sp, &e), 0);
	r = spool_reader_new(sp);
	while (spool_next(&it, sp, &a, &e) == 1) {
		assert_int_equal(spool_read(&m, r, &it, &a, &e), 0);
		for (i = 0; strcmp(strchr(row[i].rel, '/') + 1, m.id) != 0; i++)
			continue;
		no_damage(&m);
		if (m.account == NULL || strcmp(m.account, row[i].account != NULL ? row[i].account : own) != 0)
			fail_msg("%s: account %s", row[i].rel, m.account);
		assert_int_equal(m.uid >= 0, row[i].is_local);
		assert_int_equal(m.is_mta_user, row[i].is_mta);
		n++;
	}
	assert_int_equal(n, sizeof row / sizeof row[0]);
	spool_reader_free(r);
	spool_close(sp);
	arena_free(&a);
	drop_root();
}

/* In a copy that lost owners and modes, what any local user wrote into maildrop looks like a requeued file: it proves nothing. */
static void
test_origin_of_copy(void **state)
{
	struct arena a = {0};
	struct spool_reader *r;
	struct spool_item it;
	struct spool *sp;
	struct err e;
	struct msg m;
	int n = 0;

	unit_needs(UNIT_MODES);
	(void)state;
	make_root();
	put_mail("deferred/AA11", 0644, "sasl_username=a@b.example", "from x by mx (Postfix)");
	put_mail("maildrop/BB22", 0644, "sasl_username=forged@b.example", "by mx (Postfix, from userid 0)");
	assert_int_equal(spool_open(&sp, root, NULL, &e), 0);
	assert_int_equal(spool_begin(sp, &e), 0);
	r = spool_reader_new(sp);
	while (spool_next(&it, sp, &a, &e) == 1) {
		assert_int_equal(spool_read(&m, r, &it, &a, &e), 0);
		assert_string_equal(m.account, strcmp(m.queue, "maildrop") == 0 ? "me@here.example" : "a@b.example");
		assert_int_equal(m.uid, -1);
		n++;
	}
	assert_int_equal(n, 2);
	spool_reader_free(r);
	spool_close(sp);
	arena_free(&a);
	drop_root();
}

/* By structure, never by name alone. */
static void
test_probe(void **state)
{
	static const struct {
		const char *dirs[8];
		int low, high;
	} row[] = {
	    {{"maildrop", "incoming", "active", "deferred", "hold", "defer"}, 90, 100},
	    {{"deferred", "defer"}, 51, 89},
	    {{"incoming", "active", "deferred", "hold"}, 51, 89},
	    {{"active"}, 0, 49},
	    {{"bounce", "info", "intd", "local", "lock", "mess", "pid", "todo"}, 0, 0}, /* qmail */
	    {{"input", "msglog", "db"}, 0, 0}, /* Exim */
	    {{NULL}, 0, 0},
	};
	struct sys_dir *d;
	struct err e;
	char path[512];
	size_t i, k;
	int got;

	(void)state;
	for (i = 0; i < sizeof row / sizeof row[0]; i++) {
		make_root();
		for (k = 0; k < 8 && row[i].dirs[k] != NULL; k++) {
			in_root(path, row[i].dirs[k]);
			assert_int_equal(mkdir(path, 0700), 0);
		}
		assert_int_equal(sys_dir_open(&d, root, &e), 0);
		got = spool_postfix.probe(d);
		if (got < row[i].low || got > row[i].high)
			fail_msg("row %zu: %d", i, got);
		if (i == 3) { /* a queue file makes it sure, another file does not */
			put("active/README", NULL, "Text, many words of it, and more", 0700);
			assert_int_equal(spool_postfix.probe(d), got);
			put_mail("active/A1B2C3", 0600, NULL, "by mx (Postfix)");
			assert_true(spool_postfix.probe(d) >= 90);
		}
		sys_dir_close(d);
		drop_root();
	}
}

static int
collect(void *arg, const void *p, size_t n)
{
	buf_add(arg, p, n);
	return 0;
}

/* Moved between readdir and open: found where qmgr put it; gone: no message and no damage. */
static void
test_moved(void **state)
{
	struct spool_item it, found;
	struct spool_reader *r;
	struct arena a = {0};
	struct spool *sp;
	struct file f;
	struct buf text;
	char from[512], to[512];
	struct err e;
	struct msg m;

	(void)state;
	make_root();
	sound(&f);
	put("active/39D6B12C13A", &f, NULL, 0700);
	put("deferred/3/x", &f, NULL, 0700);
	put("trace/39D6B12C13A", NULL, "trace\n", 0600);
	assert_int_equal(spool_open(&sp, root, NULL, &e), 0);
	assert_int_equal(spool_begin(sp, &e), 0);
	assert_int_equal(spool_next(&it, sp, &a, &e), 1);
	assert_string_equal(it.queue, "active");
	in_root(from, "active/39D6B12C13A");
	in_root(to, "deferred/3/39D6B12C13A");
	assert_int_equal(rename(from, to), 0);
	put("defer/3/39D6B12C13A", NULL, "defer\n", 0600);
	r = spool_reader_new(sp);
	assert_int_equal(spool_read(&m, r, &it, &a, &e), 0);
	assert_false(m.is_taken_mid_way);
	assert_string_equal(m.queue, "deferred");
	assert_string_equal(m.parts.v[0].dir, "deferred/3");
	assert_int_equal(m.state, MSG_DEFERRED);
	assert_int_equal(spool_postfix.busy(sp, r, &it), -1);
	assert_int_equal(spool_postfix.find(&found, sp, r, &a, "active", "39D6B12C13A", "active/39D6B12C13A", &e), 1);
	assert_string_equal(found.queue, "deferred");
	assert_int_equal(found.parts.n, 3);
	assert_int_equal(found.parts.v[0].role, PART_MESSAGE);
	assert_string_equal(found.parts.v[1].dir, "defer/3");
	assert_int_equal(found.parts.v[2].role, PART_TRACE_LOG);
	buf_init(&text, 1 << 20);
	assert_int_equal(spool_postfix.headers(sp, r, &found, collect, &text, &e), 0);
	assert_non_null(strstr(buf_cstr(&text), "Subject: cut in the middle of words\nMessage-ID: <1@shop.example>\n"));
	assert_null(strstr(buf_cstr(&text), "Hello"));
	buf_clear(&text);
	assert_int_equal(spool_postfix.content(sp, r, &found, collect, &text, &e), 0);
	assert_non_null(strstr(buf_cstr(&text), "Subject: cut in the middle of words\nMessage-ID: <1@shop.example>\n"));
	assert_non_null(strstr(buf_cstr(&text), "\n\nHello"));
	buf_clear(&text);
	assert_int_equal(spool_postfix.log(sp, r, &found, collect, &text, &e), 0);
	assert_string_equal(buf_cstr(&text), "defer\ntrace\n");
	assert_int_equal(unlink(to), 0);
	assert_int_equal(spool_read(&m, r, &it, &a, &e), 0);
	assert_true(m.is_taken_mid_way);
	assert_int_equal(spool_postfix.find(&found, sp, r, &a, "active", "39D6B12C13A", "active/39D6B12C13A", &e), 0);
	assert_int_equal(spool_postfix.running(sp), 0);
	buf_free(&text);
	spool_reader_free(r);
	spool_close(sp);
	buf_free(&f.b);
	arena_free(&a);
	drop_root();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sound),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_every_byte),
	    cmocka_unit_test(test_damage_table),
	    cmocka_unit_test(test_resync),
	    cmocka_unit_test(test_milter),
	    cmocka_unit_test(test_pointers),
	    cmocka_unit_test(test_huge_line), cmocka_unit_test(test_content),
	    cmocka_unit_test(test_maildrop),
	    cmocka_unit_test(test_received_uid),
	    cmocka_unit_test(test_walk),
	    cmocka_unit_test(test_copies),
	    cmocka_unit_test(test_origin),
	    cmocka_unit_test(test_origin_of_copy),
	    cmocka_unit_test(test_probe),
	    cmocka_unit_test(test_moved),
	};

	return cmocka_run_group_tests_name("postfix", tests, NULL, NULL);
}
