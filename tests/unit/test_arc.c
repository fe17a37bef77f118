/* The archive: written, proved with tar and sha256sum, read back; every change of its tar is found, hostile ones are refused. */
#include "unit.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zstd.h>

#include "spool/arc_in.h"
#include "spool/msg.h"

#define TOP "spoolsweep-host-20240418T183732Z-plan1"
#define NAME TOP ".tar.zst"
#define TEMP "." NAME ".tmp"
#define BLOCK 512

struct file {
	const char *spool, *path;
	size_t size;
	uint32_t mode, uid, gid;
	int64_t mtime;
};

/* Odd names, sizes about the edges of a block and of the writer's memory, owners and times that need pax records. */
static const struct file files[] = {
	{ "exim-1", "input/a/1rxYzA-000000-AB-H", 700, 0640, 101, 102, 1713465452123456789 },
	{ "exim-1", "input/a/1rxYzA-000000-AB-D", 4096, 0640, 101, 102, 1713465452000000000 },
	{ "exim-1", "msglog/a/1rxYzA-000000-AB", 0, 0600, 0, 0, 1713465452500000000 },
	{ "postfix-2", "hold/\xff\xfe odd\n=name\"\\", 513, 04755, 4000000000u, 3999999999u, 1 },
	{ "postfix-2", "deferred/A/AB12", 512, 0700, 3000000, 2097151, 9000000000000000005 },
	{ "postfix-2", "defer/A/AB12", 511, 0600, 2097152, 7, -1500000000 },
	{ "smartermail-3", "SubSpool1/\xc3\xa7.eml", 1048576, 0700, 0, 0, -3000000000 },
	{ "smartermail-3", "SubSpool1/\xc3\xa7.hdr", 1048577, 0700, 0, 0, 999999999 },
};
static const size_t messages[] = { 3, 3, 2 };	/* how many of the files are of each */
#define NFILES (sizeof files / sizeof files[0])
#define NMESSAGES (sizeof messages / sizeof messages[0])

struct world {
	char dir[64];
	struct sys_dir *folder;
	struct buf told;	/* the findings, a line each */
	struct arena a;
};

static int
set_up(void **state)
{
	struct world *w = mem_new(sizeof *w);
	struct err e;

	snprintf(w->dir, sizeof w->dir, "/tmp/test_arc-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(sys_dir_open(&w->folder, w->dir, &e), 0);
	buf_init(&w->told, 1 << 20);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	char command[128];

	sys_dir_close(w->folder);
	snprintf(command, sizeof command, "rm -rf '%s'", w->dir);
	assert_int_equal(system(command), 0);
	buf_free(&w->told);
	arena_free(&w->a);
	free(w);
	return 0;
}

static void
hear(void *arg, const char *text)
{
	struct world *w = arg;

	buf_puts(&w->told, text);
	buf_byte(&w->told, '\n');
}

static unsigned char
byte_of(size_t file, size_t i)
{
	return (unsigned char)(i * 31 + i / 97 + file * 7);
}

/* A file of the table, made without a name. */
static struct sys_file
content(struct world *w, size_t i, size_t size)
{
	char name[] = "content", *p = malloc(size + 1);
	struct sys_file f;
	size_t at;

	assert_int_equal(sys_create_at(&f, w->folder, name, 0600), 0);
	assert_int_equal(sys_unlink(w->folder, name), 0);
	for (at = 0; at < size; at++)
		p[at] = (char)byte_of(i, at);
	assert_int_equal(sys_write(f, p, size), 0);
	free(p);
	return f;
}

static void
add_message(struct buf *b, size_t n, const char *spool, const struct arc_part *part, size_t nparts)
{
	const char *kind = spool[0] == 'e' ? "exim" : spool[0] == 'p' ? "postfix" : "smartermail";

	buf_clear(b);
	buf_fmt(b, "{\"spool\":\"/var/spool/x\",\"kind\":\"%s\",\"queue\":\"\",\"id\":\"ID%zu\",\"account\":null,\"size\":12,"
	    "\"notes\":[\"a\"],\"arrived\":\"2024-04-18T18:37:32.5Z\",\"state\":\"queued\",\"parts\":", kind, n);
	arc_parts_json(b, spool, part, nparts);
	buf_byte(b, '}');
}

static void
add_file(struct arc_part *part, struct world *w, struct arc *a, size_t i)
{
	const struct file *x = &files[i];
	struct sys_stat st = { .size = x->size, .mode = x->mode, .uid = x->uid, .gid = x->gid, .mtime = x->mtime };
	struct sys_file f = content(w, i, x->size);
	struct err e;

	memset(part, 0, sizeof *part);
	assert_int_equal(arc_add(part->sha, a, x->spool, x->path, f, &st, &e), 0);
	sys_close(&f);
	part->role = "message";
	part->path = x->path;
	part->size = x->size;
	part->mode = x->mode;
	part->uid = x->uid;
	part->gid = x->gid;
	part->mtime = x->mtime;
}

/* Writes NAME's temporary file with the first nmessages; spoil may change what a message's line says of its parts. */
static void
pack(struct world *w, size_t nmessages, const struct arc_options *opt, size_t (*spoil)(size_t m, struct arc_part *part, size_t n))
{
	struct arc_part part[PART_MAX];
	struct buf line;
	struct arc *a;
	struct err e;
	size_t m, i, n, at = 0;

	buf_init(&line, ARC_LINE_MAX);
	assert_int_equal(arc_create(&a, w->folder, NAME, opt, &e), 0);
	assert_int_equal(arc_info(a, "Source-Organization", "a\nb\xff", &e), 0);
	for (m = 0; m < nmessages; m++, at += n) {
		n = messages[m];
		for (i = 0; i < n; i++)
			add_file(&part[i], w, a, at + i);
		i = spoil != NULL ? spoil(m, part, n) : n;
		add_message(&line, m, files[at].spool, part, i);
		if (i != 0)
			assert_int_equal(arc_message(a, buf_cstr(&line), &e), 0);
	}
	if (arc_finish(a, &e) < 0)
		fail_msg("%s", e.text);
	arc_close(a);
	buf_free(&line);
}

/* Verifies TEMP: the number of problems, -1 when it could not be read; what was said is in w->told. */
static int64_t
verify(struct world *w, const char *name, struct arc_report *r)
{
	struct err e;

	buf_clear(&w->told);
	if (arc_verify(r, w->folder, name, hear, w, &e) < 0) {
		buf_puts(&w->told, e.text);
		return -1;
	}
	return (int64_t)r->problems;
}

/* The same over a tar in memory. */
static int64_t
verify_tar(struct world *w, const void *p, size_t n, int is_plain)
{
	const struct arc_input in = { { -1 }, n, p, is_plain };
	struct arc_report r;
	struct err e;

	buf_clear(&w->told);
	if (arc_check(&r, &in, TOP, hear, w, &e) < 0) {
		buf_puts(&w->told, e.text);
		return -1;
	}
	return (int64_t)r.problems;
}

/* The tar in an archive. */
static void
unpack(struct buf *b, struct world *w, const char *name)
{
	struct arc_input in;
	struct arc_stream s;
	const unsigned char *p;
	struct err e;
	size_t n;
	int rc;

	assert_int_equal(arc_input_open(&in, w->folder, name, &e), 0);
	arc_stream_init(&s, &in, NULL);
	buf_init(b, SIZE_MAX);
	while ((rc = arc_stream_some(&p, &n, &s, SIZE_MAX, &e)) > 0)
		buf_add(b, p, n);
	assert_int_equal(rc, 0);
	arc_stream_free(&s);
	sys_close(&in.file);
}

/* A small one: only messages of a few blocks. */
static void
small_tar(struct buf *b, struct world *w)
{
	pack(w, 2, NULL, NULL);
	unpack(b, w, TEMP);
}

/* ---- text ---- */

static void
names(void **state)
{
	static const struct { const char *path, *name; } t[] = {
		{ "deferred/A/AB12", "deferred/A/AB12" }, { "a b", "a=20b" }, { "=", "=3D" }, { "\xff\n", "=FF=0A" },
		{ "a,b#c+d_e-f.g", "a,b#c+d_e-f.g" }, { "..a/.b", "..a/.b" }, { "a:b*", "a=3Ab=2A" }
	};
	static const char *const bad[] = {
		"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "=", "=4", "=G0", "=ff", "=41", "=2F", "=2E", "=00", "a b",
		"a\xff", "a=20=", "a\\b"
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		assert_string_equal(arc_encode_name(&w->a, t[i].path), t[i].name);
		assert_string_equal(arc_decode_name(&w->a, t[i].name), t[i].path);
	}
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (arc_decode_name(&w->a, bad[i]) != NULL)
			fail_msg("\"%s\" was decoded", bad[i]);
	assert_string_equal(arc_top_of(&w->a, NAME), TOP);
	assert_string_equal(arc_top_of(&w->a, TEMP), TOP);
	assert_null(arc_top_of(&w->a, ".tar.zst"));
	assert_null(arc_top_of(&w->a, "..tar.zst.tmp"));
	assert_null(arc_top_of(&w->a, "a/b.tar.zst"));
	assert_null(arc_top_of(&w->a, "x.tar.gz"));
}

static void
times(void **state)
{
	static const struct { const char *s; int64_t us; } t[] = {
		{ "1970-01-01T00:00:00Z", 0 }, { "2024-02-29T23:59:59.000001Z", 1709251199000001 }, { "2024-04-18T18:37:32.5Z", 1713465452500000 },
		{ "2000-03-01T00:00:00.123456789Z", 951868800123456 }, { "1969-12-31T23:59:59Z", -1000000 }, { "9999-12-31T23:59:59Z", 253402300799000000 }
	};
	static const char *const bad[] = {
		"", "2024", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01 00:00:00Z",
		"2024-01-01T00:00:00", "2024-01-01T00:00:00+01:00", "2024-01-01T00:00:00ZZ", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z"
	};
	int64_t us;
	char text[24];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		assert_int_equal(arc_parse_time(&us, t[i].s), 0);
		assert_int_equal(us, t[i].us);
	}
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(arc_parse_time(&us, bad[i]), -1);
	arc_time_text(text, 1709251199);
	assert_string_equal(text, "2024-02-29T23:59:59Z");
	arc_time_text(text, 951868800);
	assert_string_equal(text, "2000-03-01T00:00:00Z");
}

#define SHA "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""
#define PART "{\"role\":\"message\",\"name\":\"exim-1/input/x=20y\",\"path\":\"x\",\"size\":3,\"mode\":416,\"uid\":1,\"gid\":4294967295," \
	"\"mtime\":-9223372036854775808,\"sha256\":" SHA "}"
#define HEAD "{\"spool\":\"/s\",\"kind\":\"exim\",\"queue\":\"\",\"id\":\"i\\u00e9\\ud83d\\ude00\\n\xc3\xa9\",\"sender\":\"\",\"x\":[1,-0.5e+3,{\"y\":{}}]"
#define LINE(more, parts) HEAD more ",\"parts\":[" parts "]}"

static void
lines(void **state)
{
	static const char *const bad[] = {
		"", "{", "{}", "[]", "null", "{\"spool\":1}", LINE("", ""), LINE("", PART) "x", LINE("", PART) "{}", LINE("", PART ","), LINE("", "," PART),
		LINE(",\"id\":\"again\"", PART), LINE(",\"z\":1,\"z\":1", PART), LINE(",\"\\u007a\":1,\"z\":1", PART), LINE(",\"z\":{\"a\":1,\"a\":2}", PART),
		LINE(",\"z\":01", PART), LINE(",\"z\":1.", PART), LINE(",\"z\":-", PART), LINE(",\"z\":+1", PART), LINE(",\"z\":tru", PART), LINE(",\"z\":NaN", PART),
		LINE(",\"z\":\"\\u0000\"", PART), LINE(",\"z\":\"\\ud800\"", PART), LINE(",\"z\":\"\\udc00\\ud800\"", PART), LINE(",\"z\":\"\\x\"", PART),
		LINE(",\"z\":\"\xff\"", PART), LINE(",\"z\":\"\xc0\x80\"", PART), LINE(",\"z\":\"\xed\xa0\x80\"", PART), LINE(",\"z\":\"\xf4\x90\x80\x80\"", PART),
		LINE(",\"z\":\"a\tb\"", PART), LINE(",\"z\":\"\\", PART), LINE(",\"z\":[[[[[[[[[[1]]]]]]]]]]", PART), LINE(",\"arrived\":\"yesterday\"", PART),
		LINE(",\"arrived\":7", PART), LINE("", "{}"), LINE("", "{\"role\":\"message\"}"),
		LINE("", "{\"role\":\"m\",\"name\":\"exim-1/../x\",\"size\":3,\"mode\":1,\"uid\":1,\"gid\":1,\"mtime\":1,\"sha256\":" SHA "}"),
		LINE("", "{\"role\":\"m\",\"name\":\"/x\",\"size\":3,\"mode\":1,\"uid\":1,\"gid\":1,\"mtime\":1,\"sha256\":" SHA "}"),
		LINE("", "{\"role\":\"m\",\"name\":\"exim-0/x\",\"size\":3,\"mode\":1,\"uid\":1,\"gid\":1,\"mtime\":1,\"sha256\":" SHA "}"),
		LINE("", "{\"role\":\"m\",\"name\":\"postfix-1/x\",\"size\":3,\"mode\":1,\"uid\":1,\"gid\":1,\"mtime\":1,\"sha256\":" SHA "}"),
		LINE("", PART ",{\"role\":\"m\",\"name\":\"exim-2/x\",\"size\":3,\"mode\":1,\"uid\":1,\"gid\":1,\"mtime\":1,\"sha256\":" SHA "}"),
		LINE("", "{\"role\":\"m\",\"name\":\"exim-1/x\",\"size\":-1,\"mode\":1,\"uid\":1,\"gid\":1,\"mtime\":1,\"sha256\":" SHA "}"),
		LINE("", "{\"role\":\"m\",\"name\":\"exim-1/x\",\"size\":9223372036854775808,\"mode\":1,\"uid\":1,\"gid\":1,\"mtime\":1,\"sha256\":" SHA "}"),
		LINE("", "{\"role\":\"m\",\"name\":\"exim-1/x\",\"size\":1.0,\"mode\":1,\"uid\":1,\"gid\":1,\"mtime\":1,\"sha256\":" SHA "}"),
		LINE("", "{\"role\":\"m\",\"name\":\"exim-1/x\",\"size\":1,\"mode\":4096,\"uid\":1,\"gid\":1,\"mtime\":1,\"sha256\":" SHA "}"),
		LINE("", "{\"role\":\"m\",\"name\":\"exim-1/x\",\"size\":1,\"mode\":1,\"uid\":4294967296,\"gid\":1,\"mtime\":1,\"sha256\":" SHA "}"),
		LINE("", "{\"role\":\"m\",\"name\":\"exim-1/x\",\"size\":1,\"mode\":1,\"uid\":1,\"gid\":1,\"mtime\":-9223372036854775809,\"sha256\":" SHA "}"),
		LINE("", "{\"role\":\"m\",\"name\":\"exim-1/x\",\"size\":1,\"mode\":1,\"uid\":1,\"gid\":1,\"mtime\":1,\"sha256\":\"00\"}"),
		LINE("", PART "," PART "," PART "," PART "," PART "," PART "," PART "," PART "," PART "," PART "," PART "," PART "," PART),
	};
	static const char good[] = LINE(",\"arrived\":null,\"account\":null", PART);
	struct world *w = *state;
	struct arc_message m;
	struct err e;
	size_t i;

	assert_int_equal(arc_parse_message(&m, &w->a, good, sizeof good - 1, &e), 0);
	assert_string_equal(m.id, "i\xc3\xa9\xf0\x9f\x98\x80\n\xc3\xa9");
	assert_string_equal(m.spool_name, "exim-1");
	assert_string_equal(m.sender, "");
	assert_null(m.account);
	assert_true(m.arrived == MSG_NO_TIME);
	assert_int_equal(m.nparts, 1);
	assert_string_equal(m.part[0].path, "input/x y");
	assert_int_equal(m.part[0].mtime, INT64_MIN);
	assert_int_equal(m.part[0].gid, UINT32_MAX);
	assert_int_equal(m.part[0].sha[1], 0x23);
	assert_string_equal(m.json, good);
	for (i = 0; i < sizeof good - 1; i++)	/* no beginning of it is one */
		assert_int_equal(arc_parse_message(&m, &w->a, good, i, &e), -1);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (arc_parse_message(&m, &w->a, bad[i], strlen(bad[i]), &e) == 0)
			fail_msg("accepted: %s", bad[i]);
}

/* ---- whole archives ---- */

/* Reads an archive as restore does and compares it with the table. */
static void
read_back(struct world *w)
{
	struct arc_message m;
	struct arc_reader *r;
	struct arc_entry ent;
	struct arena a = { 0 };
	char path[200];
	unsigned char *p = malloc(2 << 20);
	const char *line;
	size_t i = 0, n, k, nmessages = 0, at = 0;
	int64_t got;
	struct err e;
	int rc;

	snprintf(path, sizeof path, "%s/%s", w->dir, NAME);
	if (arc_open(&r, path, &e) < 0)
		fail_msg("%s", e.text);
	while ((rc = arc_next(&ent, r, &e)) > 0) {
		if (ent.spool == NULL) {
			if (strcmp(ent.path, "messages.jsonl") != 0)
				continue;
			for (; (rc = arc_line(&line, &n, r, &e)) > 0; nmessages++) {
				assert_int_equal(arc_parse_message(&m, &a, line, n, &e), 0);
				assert_int_equal(m.nparts, messages[nmessages]);
				for (k = 0; k < m.nparts; k++)
					assert_string_equal(m.part[k].path, files[at++].path);
			}
			assert_int_equal(rc, 0);
			continue;
		}
		assert_string_equal(ent.spool, files[i].spool);
		assert_string_equal(ent.path, files[i].path);
		assert_int_equal(ent.st.size, files[i].size);
		assert_int_equal(ent.st.mode, files[i].mode);
		assert_int_equal(ent.st.uid, files[i].uid);
		assert_int_equal(ent.st.gid, files[i].gid);
		assert_int_equal(ent.st.mtime, files[i].mtime);
		for (n = 0; (got = arc_read(p + n, 1 << 20, r, &e)) > 0; n += (size_t)got)
			;
		assert_int_equal(got, 0);
		assert_int_equal(n, files[i].size);
		for (n = 0; n < files[i].size && p[n] == byte_of(i, n); n++)
			;
		assert_int_equal(n, files[i].size);
		i++;
	}
	if (rc < 0)
		fail_msg("%s", e.text);
	assert_int_equal(i, NFILES);
	assert_int_equal(nmessages, NMESSAGES);
	arc_reader_close(r);
	arena_free(&a);
	free(p);
}

static void
round_trip(void **state)
{
	static const struct arc_options how[] = { { 0, 0 }, { 1, 2 }, { 19, 0 }, { 22, 1 } };
	struct world *w = *state;
	struct arc_report r;
	struct err e;
	struct sys_stat st;
	size_t i;

	for (i = 0; i < sizeof how / sizeof how[0]; i++) {
		pack(w, NMESSAGES, &how[i], NULL);
		if (verify(w, TEMP, &r) != 0)
			fail_msg("%s", buf_cstr(&w->told));
		assert_int_equal(arc_publish(w->folder, NAME, &e), 0);
		assert_int_equal(verify(w, NAME, &r), 0);
		assert_int_equal(r.files, NFILES);
		assert_int_equal(r.messages, NMESSAGES);
		assert_int_equal(r.bytes, 700 + 4096 + 513 + 512 + 511 + 1048576 + 1048577);
		assert_int_equal(sys_stat_at(&st, w->folder, NAME), 0);
		assert_int_equal(st.size, r.size);
		if (UNIT_MODES)
			assert_int_equal(st.mode, 0600);
		read_back(w);
		assert_int_equal(sys_unlink(w->folder, NAME), 0);
	}
}

static int
run(struct world *w, const char *command)
{
	char text[700];

	snprintf(text, sizeof text, "cd '%s' && %s", w->dir, command);
	return system(text);
}

/* What the archive promises: tar and sha256sum prove and unpack it. */
static void
real_tools(void **state)
{
	struct world *w = *state;
	struct arc_report r;
	char path[500], text[200], *slash;
	struct sys_stat st;
	struct sys_dir *d;
	struct err e;
	size_t i;

	pack(w, NMESSAGES, NULL, NULL);
	assert_int_equal(verify(w, TEMP, &r), 0);
	assert_int_equal(arc_publish(w->folder, NAME, &e), 0);
	assert_int_equal(run(w, "tar --zstd -xpf " NAME " 2>tar.err"), 0);	/* it warns of times before 1970 and after now */
	assert_int_equal(run(w, "cd " TOP " && sha256sum --strict --quiet -c manifest-sha256.txt tagmanifest-sha256.txt"), 0);
	assert_int_equal(run(w, "cd " TOP " && test $(wc -l <manifest-sha256.txt) = 8 && grep -qx 'Payload-Oxum: 2103485.8' bag-info.txt && "
	    "grep -qx 'Source-Organization: a b\xef\xbf\xbd' bag-info.txt && test $(ls | wc -l) = 6"), 0);
	for (i = 0; i < NFILES; i++) {
		snprintf(path, sizeof path, "%s/data/%s/%s", TOP, files[i].spool, arc_encode_name(&w->a, files[i].path));
		slash = strrchr(path, '/');
		*slash = '\0';
		assert_int_equal(sys_dir_sub(&d, w->folder, path, &e), 0);
		assert_int_equal(sys_stat_at(&st, d, slash + 1), 0);
		sys_dir_close(d);
		assert_int_equal(st.size, files[i].size);
		assert_int_equal(st.mtime, files[i].mtime);
		if (sys_is_root()) {	/* tar gives owners to root alone, and then set-id bits */
			assert_int_equal(st.mode, files[i].mode);
			assert_int_equal(st.uid, files[i].uid);
			assert_int_equal(st.gid, files[i].gid);
		}
	}
	snprintf(text, sizeof text, "sha256sum %s | grep -q '^", NAME);
	arc_hex(path, r.sha);
	snprintf(text + strlen(text), sizeof text - strlen(text), "%.20s'", path);
	assert_int_equal(run(w, text), 0);
}

static void
same_input_same_tar(void **state)
{
	struct world *w = *state;
	struct buf one, two;
	int is_same, tries = 0;

	do {	/* the second of its making is in it */
		small_tar(&one, w);
		small_tar(&two, w);
		is_same = one.n == two.n && memcmp(one.p, two.p, one.n) == 0;
		buf_free(&one);
		buf_free(&two);
	} while (!is_same && ++tries < 3);
	assert_true(is_same);
}

/* An archive without messages, and libarchive's opinion of one with. */
static void
other_readers(void **state)
{
	struct world *w = *state;
	struct arc_report r;
	struct archive *a = archive_read_new();
	struct archive_entry *ent;
	struct buf tar;
	size_t n = 0;

	pack(w, 0, NULL, NULL);
	assert_int_equal(verify(w, TEMP, &r), 0);
	assert_int_equal(r.files, 0);
	small_tar(&tar, w);
	assert_int_equal(archive_read_support_format_tar(a), ARCHIVE_OK);
	assert_int_equal(archive_read_open_memory(a, tar.p, tar.n), ARCHIVE_OK);
	while (archive_read_next_header(a, &ent) == ARCHIVE_OK)
		if (n++ >= 1 && n - 2 < 6)
			assert_int_equal(archive_entry_size(ent), files[n - 2].size);
	assert_int_equal(n, 6 + 5);
	archive_read_free(a);
	buf_free(&tar);
}

/* ---- changes ---- */

static void
every_flipped_byte(void **state)
{
	struct world *w = *state;
	struct buf tar;
	size_t i, found = 0;

	small_tar(&tar, w);
	assert_int_equal(verify_tar(w, tar.p, tar.n, 1), 0);
	for (i = 0; i < tar.n; i++) {
		tar.p[i] = (char)(tar.p[i] ^ 1 << i % 8);
		if (verify_tar(w, tar.p, tar.n, 1) == 0)
			fail_msg("byte %zu of the tar", i);
		found += w->told.n != 0;
		tar.p[i] = (char)(tar.p[i] ^ 1 << i % 8);
	}
	assert_int_equal(found, tar.n);
	print_message("# %zu flipped bytes found\n", found);
	buf_free(&tar);
}

/* Packs a tar anew and verifies that. */
static int64_t
verify_packed(struct world *w, const struct buf *tar)
{
	size_t room = ZSTD_compressBound(tar->n), n;
	char *p = malloc(room);
	int64_t rc;

	n = ZSTD_compress(p, room, tar->p, tar->n, 1);
	assert_false(ZSTD_isError(n));
	rc = verify_tar(w, p, n, 0);
	free(p);
	return rc;
}

static void
some_flipped_and_packed(void **state)
{
	struct world *w = *state;
	struct buf tar;
	size_t i;

	small_tar(&tar, w);
	assert_int_equal(verify_packed(w, &tar), 0);
	for (i = 0; i < tar.n; i += 61) {
		tar.p[i] ^= 4;
		if (verify_packed(w, &tar) == 0)
			fail_msg("byte %zu of the tar", i);
		tar.p[i] ^= 4;
	}
	buf_free(&tar);
}

static void
read_all(struct buf *b, struct world *w, const char *name)
{
	struct sys_file f;
	struct sys_stat st;

	assert_int_equal(sys_open_at(&f, &st, w->folder, name), 0);
	buf_init(b, SIZE_MAX);
	b->p = mem_grow(NULL, st.size);
	b->cap = b->n = st.size;
	assert_int_equal(sys_pread(f, b->p, st.size, 0), st.size);
	sys_close(&f);
}

/* Of the packed file: found, or it unpacks to the same. */
static void
flipped_packed_bytes(void **state)
{
	struct world *w = *state;
	struct buf zst, tar;
	size_t i, n, harmless = 0;
	char *out;

	small_tar(&tar, w);
	read_all(&zst, w, TEMP);
	out = malloc(tar.n);
	for (i = 0; i < zst.n; i++) {
		zst.p[i] = (char)(zst.p[i] ^ 1 << i % 8);
		if (verify_tar(w, zst.p, zst.n, 0) == 0) {
			n = ZSTD_decompress(out, tar.n, zst.p, zst.n);
			if (ZSTD_isError(n) || n != tar.n || memcmp(out, tar.p, n) != 0)
				fail_msg("byte %zu of the archive", i);
			harmless++;
		}
		zst.p[i] = (char)(zst.p[i] ^ 1 << i % 8);
	}
	print_message("# %zu of %zu flipped bytes changed nothing\n", harmless, zst.n);
	assert_true(harmless < zst.n / 10);
	for (i = 0; i < zst.n; i += 3)	/* and cut */
		assert_int_equal(verify_tar(w, zst.p, i, 0), -1);
	free(out);
	buf_free(&zst);
	buf_free(&tar);
}

static void
every_cut(void **state)
{
	struct world *w = *state;
	struct buf tar;
	size_t i;

	small_tar(&tar, w);
	for (i = 0; i < tar.n; i += i % BLOCK == 0 ? 1 : BLOCK - 1)
		if (verify_tar(w, tar.p, i, 1) == 0)
			fail_msg("cut at %zu", i);
	buf_free(&tar);
}

/* Where each member (its pax header with it) begins; the end mark is the last. */
static size_t
members(size_t at[32], const struct buf *tar)
{
	size_t n = 0, i = 0;
	int is_pax = 0;

	while (tar->p[i] != '\0') {
		if (!is_pax)
			at[n++] = i;
		is_pax = tar->p[i + 156] == 'x';
		i += BLOCK + (strtoull(tar->p + i + 124, NULL, 8) + BLOCK - 1) / BLOCK * BLOCK;
	}
	at[n] = i;
	return n;
}

/* A tar of these members of another, in this order, and its end mark. */
static void
choose(struct buf *out, const struct buf *tar, const size_t *which, size_t n)
{
	size_t at[32], i, all = members(at, tar);

	buf_init(out, SIZE_MAX);
	for (i = 0; i < n; i++)
		buf_add(out, tar->p + at[which[i]], at[which[i] + 1] - at[which[i]]);
	buf_add(out, tar->p + at[all], tar->n - at[all]);
}

static void
members_lost_doubled_swapped(void **state)
{
	struct world *w = *state;
	struct buf tar, other;
	size_t at[32], which[32], n, i, j, k;

	small_tar(&tar, w);
	n = members(at, &tar);
	assert_int_equal(n, 11);
	for (i = 0; i < n; i++) {
		for (j = 0, k = 0; j < n; j++)	/* without i */
			if (j != i)
				which[k++] = j;
		choose(&other, &tar, which, k);
		assert_int_not_equal(verify_tar(w, other.p, other.n, 1), 0);
		if (i == 3)
			assert_non_null(strstr(buf_cstr(&w->told), "data/exim-1/msglog/a/1rxYzA-000000-AB (message ID0): messages.jsonl names it"));
		buf_free(&other);
		for (j = 0; j < n; j++) {	/* i again before j, and i and j swapped */
			for (k = 0; k <= n; k++)
				which[k] = k < j ? k : k == j ? i : k - 1;
			choose(&other, &tar, which, n + 1);
			assert_int_not_equal(verify_tar(w, other.p, other.n, 1), 0);
			buf_free(&other);
			for (k = 0; k < n; k++)
				which[k] = k == i ? j : k == j ? i : k;
			choose(&other, &tar, which, n);
			assert_int_equal(verify_tar(w, other.p, other.n, 1) == 0, i == j);
			buf_free(&other);
		}
	}
	buf_free(&tar);
}

/* A double that its lists name twice too. */
static void
doubled_everywhere(void **state)
{
	struct world *w = *state;
	struct arc_part part[2];
	struct arc_report r;
	struct buf line;
	struct arc *a;
	struct err e;

	buf_init(&line, ARC_LINE_MAX);
	assert_int_equal(arc_create(&a, w->folder, NAME, NULL, &e), 0);
	add_file(&part[0], w, a, 1);
	add_file(&part[1], w, a, 1);
	add_message(&line, 7, "exim-1", part, 2);
	assert_int_equal(arc_message(a, buf_cstr(&line), &e), 0);
	assert_int_equal(arc_finish(a, &e), 0);
	arc_close(a);
	assert_int_equal(verify(w, TEMP, &r), 2);
	assert_non_null(strstr(buf_cstr(&w->told), "1rxYzA-000000-AB-D: there more than once"));
	buf_free(&line);
}

static size_t
other_mode(size_t m, struct arc_part *part, size_t n)
{
	part[0].mode ^= m == 1 ? 0100 : 0;
	return n;
}

static size_t
other_owner(size_t m, struct arc_part *part, size_t n)
{
	part[n - 1].gid += m == 0;
	return n;
}

static size_t
other_time(size_t m, struct arc_part *part, size_t n)
{
	part[1].mtime += m == 1;
	return n;
}

static size_t
other_size(size_t m, struct arc_part *part, size_t n)
{
	part[1].size += m == 1;
	return n;
}

static size_t
other_sha(size_t m, struct arc_part *part, size_t n)
{
	part[1].sha[31] ^= m == 1;
	return n;
}

static size_t
no_line(size_t m, struct arc_part *part, size_t n)
{
	(void)part;
	return m == 0 ? 0 : n;
}

static size_t
part_more(size_t m, struct arc_part *part, size_t n)
{
	if (m == 0) {
		part[n] = part[0];
		part[n].path = "input/a/never";
	}
	return m == 0 ? n + 1 : n;
}

static void
lines_that_lie(void **state)
{
	static const struct { size_t (*spoil)(size_t, struct arc_part *, size_t); int64_t n; const char *want; } t[] = {
		{ other_mode, 1, "data/postfix-2/hold/=FF=FE=20odd=0A=3Dname=22=5C (message ID1): its mode is 4755 and not 4655" },
		{ other_owner, 1, "data/exim-1/msglog/a/1rxYzA-000000-AB (message ID0): its owner is 0:0 and not 0:1" },
		{ other_time, 1, "(message ID1): its time is 9000000000000000005 ns and not 9000000000000000006 ns" },
		{ other_size, 1, "data/postfix-2/deferred/A/AB12 (message ID1): its size is 512 and not 513" },
		{ other_sha, 1, "data/postfix-2/deferred/A/AB12 (message ID1): its content is not that of messages.jsonl" },
		{ no_line, 3, "data/exim-1/input/a/1rxYzA-000000-AB-D: messages.jsonl does not name it" },
		{ part_more, 1, "data/exim-1/input/a/never (message ID0): messages.jsonl names it" },
	};
	struct world *w = *state;
	struct arc_report r;
	size_t i;

	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		pack(w, 2, NULL, t[i].spoil);
		if (verify(w, TEMP, &r) != t[i].n || strstr(buf_cstr(&w->told), t[i].want) == NULL)
			fail_msg("%zu: %s", i, buf_cstr(&w->told));
	}
}

/* ---- hostile ---- */

static void
put_octal(char *p, size_t width, uint64_t v)
{
	char text[32];

	snprintf(text, sizeof text, "%0*llo", (int)width - 1, (unsigned long long)v);
	memcpy(p, text, width - 1);
}

/* A header of this type, its checksum right. */
static void
header(char b[BLOCK], const char *name, char type, uint64_t size)
{
	unsigned sum = 0;
	size_t i;

	memset(b, 0, BLOCK);
	memcpy(b, name, strlen(name));
	put_octal(b + 100, 8, 0600);
	put_octal(b + 108, 8, 0);
	put_octal(b + 116, 8, 0);
	put_octal(b + 124, 12, size);
	put_octal(b + 136, 12, 1713465452);
	b[156] = type;
	memcpy(b + 257, "ustar\0" "00", 8);
	memset(b + 148, ' ', 8);
	for (i = 0; i < BLOCK; i++)
		sum += (unsigned char)b[i];
	snprintf(b + 148, 8, "%06o", sum);
}

static void
put_member(struct buf *b, const char *name, char type, const void *p, size_t n)
{
	static const char zero[BLOCK];
	char h[BLOCK];

	header(h, name, type, n);
	buf_add(b, h, BLOCK);
	buf_add(b, p, n);
	buf_add(b, zero, (BLOCK - n % BLOCK) % BLOCK);
}

/* The first member after bagit.txt of a good tar is replaced. Returns what verify says. */
static int64_t
with_member(struct world *w, const struct buf *tar, const struct buf *member)
{
	size_t at[32];
	struct buf b;
	int64_t rc;

	members(at, tar);
	buf_init(&b, SIZE_MAX);
	buf_add(&b, tar->p, at[1]);
	buf_add(&b, member->p, member->n);
	buf_add(&b, tar->p + at[1], tar->n - at[1]);
	rc = verify_tar(w, b.p, b.n, 1);
	buf_free(&b);
	return rc;
}

static void
hostile_members(void **state)
{
	static const struct { const char *name; char type; } t[] = {
		{ TOP "/data/exim-1/link", '1' }, { TOP "/data/exim-1/link", '2' }, { TOP "/data/exim-1/dev", '3' }, { TOP "/data/exim-1/dev", '4' },
		{ TOP "/data/exim-1/dir", '5' }, { TOP "/data/exim-1/fifo", '6' }, { TOP "/data/exim-1/c", '7' }, { TOP "/data/exim-1/old", '\0' },
		{ TOP "/data/exim-1/s", 'S' }, { "././@LongLink", 'L' }, { "././@LongLink", 'K' }, { "pax_global_header", 'g' }, { "vol", 'V' },
		{ TOP "/data/exim-1/m", 'M' }, { TOP "/data/exim-1/d", 'D' }, { TOP "/data/exim-1/X", 'X' },
		{ "/etc/passwd", '0' }, { "../x", '0' }, { TOP "/../x", '0' }, { TOP "/data/../x", '0' }, { TOP "/data/exim-1/../../x", '0' },
		{ TOP "/data/exim-1//x", '0' }, { TOP "/data/exim-1/x/", '0' }, { TOP "/data/exim-1/./x", '0' }, { TOP "/data/exim-1/x=41", '0' },
		{ TOP "/data/exim-1/x=2F", '0' }, { TOP "/data/exim-1/ x", '0' }, { TOP "/data/exim/x", '0' }, { TOP "/data/x", '0' }, { TOP "/x", '0' },
		{ TOP "2/data/exim-1/x", '0' }, { "other/bagit.txt", '0' }, { "bagit.txt", '0' }, { TOP, '0' }, { TOP "/bagit.txt", '0' },
	};
	struct world *w = *state;
	struct buf tar, m;
	size_t i;

	small_tar(&tar, w);
	buf_init(&m, 1 << 20);
	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		buf_clear(&m);
		put_member(&m, t[i].name, t[i].type, "abc", 3);
		if (with_member(w, &tar, &m) == 0 || strstr(buf_cstr(&w->told), t[i].name) == NULL)
			fail_msg("\"%s\", type %c: %s", t[i].name, t[i].type, buf_cstr(&w->told));
	}
	buf_free(&m);
	buf_free(&tar);
}

#define GOOD_RECORDS "14 mtime=-1.5\n10 size=3\n18 uid=4294967295\n8 gid=0\n61 path=" TOP "/data/exim-1/y\n"

static void
hostile_records(void **state)
{
	static const char *const t[] = {
		"", "x", "6 x=y\n ", "6 x=y\n", "06 x=y\n", "0 x=y\n", "5 x=y\n", "7 x=y\n", "99999999999999999999 x=y\n", "-6 x=y\n", "6  x=y\n", "8 path\n",
		"7 path=\n", "18 linkpath=/etc/x\n", "14 GNU.sparse.major=1\n", "12 size=-1\n", "12 size=01\n",
		"29 size=9223372036854775808\n", "28 size=9223372036854775807\n", "10 size=\n", "11 size=5x\n", "18 uid=4294967296\n", "10 uid=-1\n",
		"12 mtime=1.\n", "12 mtime=.5\n", "13 mtime=1.0\n", "22 mtime=1.0123456789\n", "22 mtime=9223372036.5\n", "11 mtime=-\n", "12 mtime=-0\n",
		"15 mtime=1.5e1\n", "13 mtime=1e9\n", "11 mtime=1\n11 mtime=1\n", "9 atime=1\n", "16 comment=hello\n", "20 hdrcharset=BINARY\n", "18 uname=somebody\n",
		"19 SCHILY.xattr.a=b\n", "10 mtime=1 ",
	};
	struct world *w = *state;
	struct buf tar, m;
	size_t i;

	small_tar(&tar, w);
	buf_init(&m, 1 << 20);
	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		buf_clear(&m);
		put_member(&m, TOP "/PaxHeader/x", 'x', t[i], strlen(t[i]));
		put_member(&m, TOP "/data/exim-1/x", '0', "abc", 3);
		if (with_member(w, &tar, &m) != -1)
			fail_msg("%s", t[i]);
	}
	buf_clear(&m);	/* a good one is read: the file is extra, and no error */
	put_member(&m, TOP "/PaxHeader/x", 'x', GOOD_RECORDS, strlen(GOOD_RECORDS));
	put_member(&m, TOP "/data/exim-1/x", '0', "abc", 3);
	assert_true(with_member(w, &tar, &m) > 0);
	buf_clear(&m);	/* a name by record is judged as any other */
	put_member(&m, TOP "/PaxHeader/x", 'x', "21 path=../../../x/y\n", 21);
	put_member(&m, TOP "/data/exim-1/x", '0', "abc", 3);
	assert_true(with_member(w, &tar, &m) > 0);
	assert_non_null(strstr(buf_cstr(&w->told), "member \"../../../x/y\": not a name"));
	/* Two of them, one alone, one before the end, and one that claims more than there is. */
	buf_clear(&m);
	put_member(&m, TOP "/PaxHeader/x", 'x', "11 mtime=1\n", 11);
	put_member(&m, TOP "/PaxHeader/x", 'x', "11 mtime=1\n", 11);
	assert_int_equal(with_member(w, &tar, &m), -1);
	m.n = 2 * BLOCK;
	m.p[124 + 3] = '7';
	assert_int_equal(with_member(w, &tar, &m), -1);
	buf_free(&m);
	buf_free(&tar);
}

/* Header fields that are wrong under a right checksum. */
static void
hostile_fields(void **state)
{
	static const struct { size_t at; const char *bytes; size_t n; } t[] = {
		{ 100, "9999999", 7 }, { 100, "0010000", 7 }, { 100, "\0\0\0\0\0\0\0\0", 8 }, { 108, "-000001", 7 }, { 108, "\x80\0\0\0\0\0\0\1", 8 },
		{ 124, "77777777777", 11 }, { 124, "           3", 12 }, { 124, "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 12 },
		{ 136, "7777777777x", 11 }, { 157, "target", 6 }, { 200, "x", 1 }, { 257, "ustar  ", 8 }, { 257, "\0\0\0\0\0\0\0\0", 8 }, { 265, "root", 4 },
		{ 297, "root", 4 }, { 329, "0000001", 7 }, { 345, "\0x", 2 }, { 500, "tar", 4 }, { 90, "x", 1 }, { 0, "\0", 1 },
	};
	struct world *w = *state;
	struct buf tar, m;
	char h[BLOCK];
	unsigned sum;
	size_t i, j;

	small_tar(&tar, w);
	buf_init(&m, 1 << 20);
	put_member(&m, TOP "/data/exim-1/x", '0', "", 0);
	assert_true(with_member(w, &tar, &m) > 0);	/* a good one is read */
	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		header(h, TOP "/data/exim-1/x", '0', 0);
		memcpy(h + t[i].at, t[i].bytes, t[i].n);
		memset(h + 148, ' ', 8);
		for (j = 0, sum = 0; j < BLOCK; j++)
			sum += (unsigned char)h[j];
		snprintf(h + 148, 8, "%06o", sum);
		buf_clear(&m);
		buf_add(&m, h, BLOCK);
		if (with_member(w, &tar, &m) != -1)
			fail_msg("offset %zu, case %zu", t[i].at, i);
	}
	buf_free(&m);
	buf_free(&tar);
}

/* A good tar packed, with something around it. */
static int64_t
around(struct world *w, const struct buf *tar, const char *before, size_t nbefore, const char *behind, size_t nbehind)
{
	size_t room = ZSTD_compressBound(tar->n), n;
	char *p = malloc(room + nbefore + nbehind);
	int64_t rc;

	if (nbefore != 0)
		memcpy(p, before, nbefore);
	n = ZSTD_compress(p + nbefore, room, tar->p, tar->n, 1);
	if (nbehind != 0)
		memcpy(p + nbefore + n, behind, nbehind);
	rc = verify_tar(w, p, n + nbefore + nbehind, 0);
	free(p);
	return rc;
}

static void
before_and_behind(void **state)
{
	static const char zeros[70000], skip[] = "\x50\x2a\x4d\x18\x04\0\0\0abcd", huge[] = "\x28\xb5\x2f\xfd\x00\xa8\x01\0\0";
	struct world *w = *state;
	char frame[64];
	struct buf tar;
	size_t n;

	small_tar(&tar, w);
	assert_int_equal(around(w, &tar, NULL, 0, NULL, 0), 0);
	n = ZSTD_compress(frame, sizeof frame, "", 0, 1);
	assert_int_equal(around(w, &tar, NULL, 0, frame, n), -1);
	assert_int_equal(around(w, &tar, frame, n, NULL, 0), -1);
	n = ZSTD_compress(frame, sizeof frame, zeros, BLOCK, 1);
	assert_int_equal(around(w, &tar, NULL, 0, frame, n), -1);
	assert_int_equal(around(w, &tar, NULL, 0, skip, sizeof skip - 1), -1);
	assert_int_equal(around(w, &tar, skip, sizeof skip - 1, NULL, 0), -1);
	assert_int_equal(around(w, &tar, NULL, 0, "\0", 1), -1);
	assert_int_equal(verify_tar(w, huge, sizeof huge - 1, 0), -1);	/* a window of gigabytes */
	assert_non_null(strstr(buf_cstr(&w->told), "memory"));
	assert_int_equal(verify_tar(w, "", 0, 0), -1);
	assert_int_equal(verify_tar(w, "plain text", 10, 0), -1);
	/* In the tar, behind its end: zeros to fill a record are no change, another member or a megabyte is. */
	buf_add(&tar, zeros, 9 * BLOCK);
	assert_int_equal(verify_tar(w, tar.p, tar.n, 1), 0);
	buf_add(&tar, zeros, 1);
	assert_int_equal(verify_tar(w, tar.p, tar.n, 1), -1);
	buf_add(&tar, zeros, sizeof zeros);
	assert_int_equal(verify_tar(w, tar.p, tar.n, 1), -1);
	tar.n -= sizeof zeros + 1;
	put_member(&tar, TOP "/data/exim-1/x", '0', "abc", 3);
	assert_int_equal(verify_tar(w, tar.p, tar.n, 1), -1);
	buf_free(&tar);
}

/* Lists that are too large for their files are not read to the end. */
static void
large_lists(void **state)
{
	static const struct { const char *name, *word; uint64_t size; } t[] = {
		{ TOP "/messages.jsonl", "too large", (uint64_t)1 << 31 }, { TOP "/manifest-sha256.txt", "too large", (uint64_t)1 << 31 },
		{ TOP "/bag-info.txt", "larger", ARC_INFO_MAX + 1 }, { TOP "/tagmanifest-sha256.txt", "larger", 1 << 20 },
	};
	struct world *w = *state;
	struct buf tar;
	size_t at[32], i;
	char h[BLOCK];

	small_tar(&tar, w);
	members(at, &tar);
	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		header(h, t[i].name, '0', t[i].size);
		memcpy(tar.p + at[7], h, BLOCK);
		assert_int_equal(verify_tar(w, tar.p, tar.n, 1), -1);
		if (strstr(buf_cstr(&w->told), t[i].word) == NULL || strstr(buf_cstr(&w->told), t[i].name) == NULL)
			fail_msg("%s", buf_cstr(&w->told));
	}
	buf_free(&tar);
}

static la_ssize_t
gather(struct archive *a, void *arg, const void *p, size_t n)
{
	struct buf *b = arg;

	(void)a;
	if (n > b->max - b->n)
		return -1;
	buf_add(b, p, n);
	return (la_ssize_t)n;
}

/* Sizes that ustar cannot hold. */
static void
large_files(void **state)
{
	static const uint64_t size[] = { 0, 8589934591, 8589934592, 9663676416, (uint64_t)1 << 50 };
	struct archive_entry *ent = archive_entry_new();
	struct archive *a;
	struct arc_tar *t;
	struct buf b;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof size / sizeof size[0]; i++) {
		struct arc_input in = { { -1 }, 0, NULL, 1 };

		buf_init(&b, 1 << 20);
		a = archive_write_new();
		assert_int_equal(archive_write_set_format_pax(a), ARCHIVE_OK);
		archive_write_set_bytes_per_block(a, 0);
		assert_int_equal(archive_write_open(a, &b, NULL, gather, NULL), ARCHIVE_OK);
		archive_entry_clear(ent);
		archive_entry_set_pathname(ent, TOP "/data/exim-1/x");
		archive_entry_set_filetype(ent, AE_IFREG);
		archive_entry_set_size(ent, (la_int64_t)size[i]);
		assert_int_equal(archive_write_header(a, ent), ARCHIVE_OK);
		b.max = b.n;	/* the file itself is not written */
		archive_write_close(a);
		archive_write_free(a);
		in.mem = (const unsigned char *)b.p;
		in.size = b.n;
		t = arc_tar_new(&in, NULL);
		assert_int_equal(arc_tar_next(t, &e), 1);
		assert_int_equal(t->head.size, size[i]);
		assert_int_equal(arc_tar_next(t, &e), -1);
		arc_tar_free(t);
		buf_free(&b);
	}
	archive_entry_free(ent);
}

/* ---- the writer ---- */

/* The number of names in the folder. */
static int
count_files(struct world *w)
{
	DIR *d = opendir(w->dir);
	struct dirent *ent;
	int n = 0;

	while ((ent = readdir(d)) != NULL)
		n += strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void
publish_and_discard(void **state)
{
	struct world *w = *state;
	struct sys_file f;
	struct arc *a;
	struct err e;

	assert_int_equal(arc_discard(w->folder, NAME, &e), 0);	/* nothing there */
	assert_int_equal(arc_publish(w->folder, NAME, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(arc_create(&a, w->folder, NAME, NULL, &e), 0);
	arc_close(a);
	assert_int_equal(count_files(w), 1);	/* the temporary file alone */
	pack(w, 1, NULL, NULL);			/* replaces it */
	assert_int_equal(sys_create_at(&f, w->folder, NAME, 0600), 0);
	sys_close(&f);
	assert_int_equal(arc_publish(w->folder, NAME, &e), -1);
	assert_int_equal(e.sys, EEXIST);
	assert_int_equal(count_files(w), 2);
	assert_int_equal(sys_unlink(w->folder, NAME), 0);
	assert_int_equal(arc_publish(w->folder, NAME, &e), 0);
	assert_int_equal(count_files(w), 1);
	assert_int_equal(arc_discard(w->folder, NAME, &e), 0);
	assert_int_equal(count_files(w), 1);	/* what is published stays */
	assert_int_equal(arc_create(&a, w->folder, "../" NAME, NULL, &e), -1);
	assert_int_equal(arc_create(&a, w->folder, "." NAME, NULL, &e), -1);
	assert_int_equal(arc_create(&a, w->folder, "x.tar", NULL, &e), -1);
	assert_int_equal(count_files(w), 1);
}

/* A file that is not as long as it was said, or that cannot be read, is not added, and the archive goes on. */
static void
wrong_sizes(void **state)
{
	static const size_t size[] = { 0, 100, 1048576, 1048577, 3000000 };
	struct world *w = *state;
	unsigned char sha[ARC_SHA256];
	struct arc_report r;
	struct sys_stat st = { .mode = 0600 };
	struct sys_file f;
	struct arc *a;
	struct err e;
	size_t i;

	assert_int_equal(arc_create(&a, w->folder, NAME, NULL, &e), 0);
	for (i = 0; i < sizeof size / sizeof size[0]; i++) {
		f = content(w, i, size[i]);
		st.size = size[i] + 1;
		assert_int_equal(arc_add(sha, a, "exim-1", "x", f, &st, &e), 1);
		st.size = size[i] - (size[i] != 0);
		assert_int_equal(arc_add(sha, a, "exim-1", "x", f, &st, &e), size[i] != 0);
		sys_close(&f);
		st.size = size[i];
		err_clear(&e);
		assert_int_equal(arc_add(sha, a, "exim-1", "y", f, &st, &e), ARC_UNREAD);
		assert_int_not_equal(e.sys, 0);
	}
	assert_int_equal(arc_finish(a, &e), 0);
	assert_int_equal(arc_finish(a, &e), -1);
	assert_int_equal(arc_message(a, "{}", &e), -1);
	arc_close(a);
	assert_int_equal(verify(w, TEMP, &r), 1);	/* the one of 0 bytes went in, and no line names it */
	assert_int_equal(r.files, 1);
}

/* No room: told with the system's error, whichever write it was, and nothing more is taken. */
static void
no_room(void **state)
{
	static const rlim_t limit[] = { 0, 100, 5000, 70000, 300000 };
	struct world *w = *state;
	unsigned char sha[ARC_SHA256], *p = malloc(1 << 19);
	struct sys_stat st = { .size = 1 << 19, .mode = 0600 };
	struct rlimit old, small;
	struct sys_file f;
	struct arc *a;
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < st.size; i++)	/* not to be compressed */
		p[i] = (unsigned char)(rand() >> 8);
	assert_int_equal(sys_create_at(&f, w->folder, "large", 0600), 0);
	assert_int_equal(sys_write(f, p, st.size), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	for (i = 0; i < sizeof limit / sizeof limit[0]; i++) {
		small = old;
		small.rlim_cur = limit[i];
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		assert_int_equal(arc_create(&a, w->folder, NAME, NULL, &e), 0);
		rc = arc_add(sha, a, "exim-1", "large", f, &st, &e);
		rc = rc == 0 ? arc_finish(a, &e) : rc;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(rc, -1);
		assert_int_equal(e.sys, EFBIG);
		assert_int_equal(arc_finish(a, &e), -1);
		arc_close(a);
	}
	sys_close(&f);
	free(p);
}

static void
wrong_arguments(void **state)
{
	static const struct { const char *spool, *path; } t[] = {
		{ "exim-1", "" }, { "exim-1", "/a" }, { "exim-1", "../a" }, { "exim-1", "a/../b" }, { "exim-1", "a/" }, { "exim", "a" }, { "exim-0", "a" },
		{ "../x-1", "a" }, { "", "a" }, { "exim-1/..", "a" }
	};
	struct world *w = *state;
	unsigned char sha[ARC_SHA256];
	struct arc_report r;
	struct sys_stat st = { .mode = 0600 };
	struct sys_file f = content(w, 0, 0);
	char *large = malloc(ARC_LINE_MAX + 2);
	struct arc *a;
	struct err e;
	size_t i;

	assert_int_equal(arc_create(&a, w->folder, NAME, NULL, &e), 0);
	for (i = 0; i < sizeof t / sizeof t[0]; i++)
		assert_int_equal(arc_add(sha, a, t[i].spool, t[i].path, f, &st, &e), -1);
	memset(large, 'a', ARC_LINE_MAX + 1);
	large[ARC_LINE_MAX + 1] = '\0';
	assert_int_equal(arc_add(sha, a, "exim-1", large, f, &st, &e), -1);
	assert_int_equal(arc_message(a, large, &e), -1);
	assert_int_equal(arc_message(a, "", &e), -1);
	assert_int_equal(arc_message(a, "{}\n{}", &e), -1);
	assert_int_equal(arc_info(a, "a:b", "c", &e), -1);
	assert_int_equal(arc_info(a, "", "c", &e), -1);
	assert_int_equal(arc_finish(a, &e), 0);	/* none of it did harm */
	arc_close(a);
	assert_int_equal(verify(w, TEMP, &r), 0);
	sys_close(&f);
	free(large);
}

/* The names that hostile archives are opened by: links, folders, nothing; and an archive under another's name. */
static void
opening(void **state)
{
	struct world *w = *state;
	struct arc_reader *r;
	struct arc_report rep;
	char path[200];
	struct err e;

	snprintf(path, sizeof path, "%s/none", w->dir);
	assert_int_equal(arc_open(&r, path, &e), -1);
	assert_int_equal(arc_open(&r, w->dir, &e), -1);
	assert_int_equal(verify(w, NAME, &rep), -1);
	snprintf(path, sizeof path, "%s/%s", w->dir, NAME);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(verify(w, NAME, &rep), -1);
	assert_int_equal(arc_open(&r, path, &e), -1);
	assert_int_equal(unlink(path), 0);
	pack(w, 1, NULL, NULL);
	assert_int_equal(sys_rename(w->folder, TEMP, w->folder, "other.tar.zst"), 0);
	assert_int_equal(verify(w, "other.tar.zst", &rep), 1);
	assert_non_null(strstr(buf_cstr(&w->told), "made with, " NAME));
	assert_int_equal(sys_rename(w->folder, "other.tar.zst", w->folder, "x (1)"), 0);
	assert_int_equal(verify(w, "x (1)", &rep), 1);
}

/* Texts of any length and of any bytes: the line fits, can be read back, and still says which message it is. */
static void
long_lines(void **state)
{
	static const char *const piece[] = { "x", "\\u0001", "\\\"", "\\\\", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80", "\\ud83d\\ude00" };
	struct world *w = *state;
	struct arc_part part = { .role = "message", .path = "input/x", .size = 1 };
	struct arc_message m;
	struct buf json, line;
	struct err e;
	size_t i, shift, k, cut;

	buf_init(&json, (size_t)4 << 20);
	buf_init(&line, (size_t)4 << 20);
	for (i = 0; i < sizeof piece / sizeof piece[0]; i++)
		for (shift = 0; shift < 13; shift++) {
			buf_clear(&json);
			buf_puts(&json, "{\"spool\":\"/s\",\"kind\":\"exim\",\"queue\":\"\",\"id\":\"i\",\"account\":null,\"sender\":\"a@b\",\"subject\":\"");
			buf_add(&json, "aaaaaaaaaaaaa", shift);
			for (k = 0; k < 150000; k++)
				buf_puts(&json, piece[i]);
			buf_puts(&json, "\",\"from\":\"");
			for (k = 0; k < 150000; k++)
				buf_puts(&json, piece[i]);
			buf_puts(&json, "\",\"state\":\"queued\",\"notes\":[\"n\"]}");
			arc_message_json(&line, buf_cstr(&json), json.n, "exim-1", &part, 1);
			assert_in_range(line.n, 1000, ARC_LINE_MAX);
			err_clear(&e);
			assert_int_equal(arc_parse_message(&m, &w->a, buf_cstr(&line), line.n, &e), 0);
			assert_string_equal(m.id, "i");
			assert_string_equal(m.sender, "a@b");
			assert_string_equal(m.state, "queued");
			assert_non_null(strstr(line.p, "\xe2\x80\xa6\""));
			for (cut = 1; cut < 40; cut++)	/* damaged in the journal: nothing is read behind the end */
				arc_message_json(&line, json.p, json.n - 150000 - cut, "exim-1", &part, 1);
			arena_reset(&w->a);
		}
	buf_clear(&json);
	add_message(&json, 1, "exim-1", NULL, 0);
	json.n = (size_t)(strstr(buf_cstr(&json), ",\"parts\"") - json.p);
	buf_byte(&json, '}');
	arc_message_json(&line, buf_cstr(&json), json.n, "exim-1", &part, 1);
	add_message(&json, 1, "exim-1", &part, 1);
	assert_string_equal(buf_cstr(&line), buf_cstr(&json));	/* one that fits stays as it is */
	buf_free(&json);
	buf_free(&line);
}

int
main(void)
{
#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest t[] = {
		IN_FOLDER(long_lines), IN_FOLDER(names), IN_FOLDER(times), IN_FOLDER(lines), IN_FOLDER(round_trip), IN_FOLDER(real_tools), IN_FOLDER(same_input_same_tar),
		IN_FOLDER(other_readers), IN_FOLDER(every_flipped_byte), IN_FOLDER(some_flipped_and_packed), IN_FOLDER(flipped_packed_bytes),
		IN_FOLDER(every_cut), IN_FOLDER(members_lost_doubled_swapped), IN_FOLDER(doubled_everywhere), IN_FOLDER(lines_that_lie),
		IN_FOLDER(hostile_members), IN_FOLDER(hostile_records), IN_FOLDER(hostile_fields), IN_FOLDER(before_and_behind), IN_FOLDER(large_lists),
		IN_FOLDER(large_files), IN_FOLDER(publish_and_discard), IN_FOLDER(wrong_sizes), IN_FOLDER(no_room), IN_FOLDER(wrong_arguments), IN_FOLDER(opening)
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}
