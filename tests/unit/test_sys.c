/* The promises of sys.h that the rest builds on, the same on every system. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "spool/arena.h"
#include "spool/sys.h"

static char *top;		/* a folder of the test's own */
static struct sys_dir *dir;
static char *me;		/* this program */

static struct err e;

/* ---- the folder ---- */

static int
begin(void **state)
{
	uint64_t random[2];
	char *temp = sys_temp_dir();
	size_t n = strlen(temp) + 64;

	(void)state;
	if (sys_random(random, sizeof random, &e) < 0)
		return -1;
	top = mem_new(n);
	snprintf(top, n, "%s/spoolsweep-sys-%016llx", temp, (unsigned long long)random[0]);
	free(temp);
	return sys_make_path(top, &e) < 0 || sys_dir_open(&dir, top, &e) < 0 ? -1 : 0;
}

static void
empty(struct sys_dir *d)
{
	struct sys_entry ent;
	struct sys_dir *all, *below;

	if (sys_dir_sub(&all, d, "", NULL) < 0)
		return;
	while (sys_dir_next(&ent, all, NULL) == 1) {
		if (ent.type == SYS_DIR && sys_dir_sub(&below, d, ent.name, NULL) == 0) {
			empty(below);
			sys_dir_close(below);
			(void)sys_rmdir(d, ent.name);
		} else {
			(void)sys_unlink(d, ent.name);
		}
	}
	sys_dir_close(all);
}

static int
end(void **state)
{
	const char *name;
	char *up = sys_parent(top, &name);
	struct sys_dir *above;
	int rc = 0;

	(void)state;
	empty(dir);
	sys_dir_close(dir);
	if (sys_dir_open(&above, up, &e) == 0) {
		rc = sys_rmdir(above, name);
		sys_dir_close(above);
	}
	free(up);
	free(top);
	return rc == 0 ? 0 : -1;
}

static void
put(struct sys_dir *d, const char *name, const char *text)
{
	struct sys_file f;

	assert_int_equal(sys_create_at(&f, d, name, 0600), 0);
	assert_int_equal(sys_write(f, text, strlen(text)), 0);
	sys_close(&f);
}

static int
has(struct sys_dir *d, const char *name)
{
	struct sys_stat st;
	int rc = sys_stat_at(&st, d, name);

	assert_true(rc == 0 || rc == ENOENT);
	return rc == 0;
}

/* ---- files ---- */

static void
a_file_is_read_as_it_was_written(void **state)
{
	struct sys_file f, g;
	struct sys_stat st, other;
	char text[16];

	(void)state;
	assert_int_equal(sys_create_at(&f, dir, "one", 0600), 0);
	assert_int_equal(sys_write(f, "hello", 5), 0);
	assert_int_equal(sys_pread(f, text, sizeof text, 1), 4);
	assert_memory_equal(text, "ello", 4);
	assert_int_equal(sys_write(f, " world", 6), 0);	/* where the writing was, not where the reading was */
	assert_int_equal(sys_pread(f, text, sizeof text, 0), 11);
	assert_memory_equal(text, "hello world", 11);
	assert_int_equal(sys_pread(f, text, sizeof text, 11), 0);
	assert_int_equal(sys_pread(f, text, sizeof text, UINT64_C(1) << 40), 0);
	assert_int_equal(sys_sync(f), 0);
	assert_int_equal(sys_fstat(&st, f), 0);
	assert_true(st.size == 11 && st.type == SYS_FILE && st.nlink == 1 && st.ino != 0);
	assert_int_equal(sys_create_at(&g, dir, "one", 0600), EEXIST);
	assert_int_equal(sys_open_at(&g, &other, dir, "one"), 0);	/* while f is open for writing */
	assert_true(other.ino == st.ino && other.dev == st.dev);
	assert_int_equal(sys_pread(g, text, 5, 6), 5);
	assert_memory_equal(text, "world", 5);
	sys_close(&g);
	sys_close(&g);
	sys_close(&f);
	assert_int_equal(sys_open_rw_at(&f, &st, dir, "one"), 0);
	assert_int_equal(sys_seek_end(f), 0);
	assert_int_equal(sys_write(f, "!", 1), 0);
	assert_int_equal(sys_pread(f, text, sizeof text, 10), 2);
	assert_memory_equal(text, "d!", 2);
	sys_close(&f);
	assert_int_equal(sys_unlink(dir, "one"), 0);
	assert_int_equal(sys_unlink(dir, "one"), ENOENT);
	assert_int_equal(sys_open_at(&f, &st, dir, "one"), ENOENT);
	assert_int_equal(sys_open_at(&f, &st, dir, ""), ENOENT);
}

static void
times_are_kept(void **state)
{
	const int64_t ns = INT64_C(1712345678901234500);
	struct sys_file f;
	struct sys_stat st;

	(void)state;
	assert_int_equal(sys_create_at(&f, dir, "timed", 0600), 0);
	assert_int_equal(sys_write(f, "x", 1), 0);
	assert_int_equal(sys_set_mtime(f, ns), 0);
	sys_close(&f);
	assert_int_equal(sys_stat_at(&st, dir, "timed"), 0);
	assert_true(st.mtime == ns);
	assert_true(llabs(st.ctime / 1000 - sys_now_us()) < INT64_C(600) * 1000000);
	assert_int_equal(sys_set_mtime_at(dir, "timed", -100), 0);
	assert_int_equal(sys_stat_at(&st, dir, "timed"), 0);
	assert_true(st.mtime == -100);
	assert_int_equal(sys_unlink(dir, "timed"), 0);
}

static void
renaming_never_replaces(void **state)
{
	struct sys_dir *sub;
	struct sys_stat before, after;

	(void)state;
	assert_int_equal(sys_mkdir(dir, "sub", 0700), 0);
	assert_int_equal(sys_mkdir(dir, "sub", 0700), EEXIST);
	assert_int_equal(sys_dir_sub(&sub, dir, "sub", &e), 0);
	put(dir, "a", "a");
	put(sub, "b", "b");
	assert_int_equal(sys_stat_at(&before, dir, "a"), 0);
	assert_int_equal(sys_rename(dir, "a", sub, "b"), EEXIST);
	assert_int_equal(sys_rename(dir, "none", sub, "c"), ENOENT);
	assert_int_equal(sys_rename(dir, "a", sub, "c"), 0);
	assert_false(has(dir, "a"));
	assert_int_equal(sys_stat_at(&after, sub, "c"), 0);
	assert_true(after.ino == before.ino && after.dev == before.dev);
	assert_int_equal(sys_rename(sub, "c", sub, "d"), 0);
	assert_int_equal(sys_sync_dir(sub), 0);
	assert_int_equal(sys_rmdir(dir, "sub"), ENOTEMPTY);
	assert_int_equal(sys_unlink(sub, "b"), 0);
	assert_int_equal(sys_unlink(sub, "d"), 0);
	sys_dir_close(sub);
	assert_int_equal(sys_rmdir(dir, "sub"), 0);
	assert_int_equal(sys_rmdir(dir, "sub"), ENOENT);
}

/* An open file does not keep its name from being moved or removed, as long as we opened it. */
static void
what_we_read_can_go(void **state)
{
	struct sys_file f;
	struct sys_stat st;
	char c;

	(void)state;
	put(dir, "read", "r");
	assert_int_equal(sys_open_at(&f, &st, dir, "read"), 0);
	assert_int_equal(sys_rename(dir, "read", dir, "moved"), 0);
	assert_int_equal(sys_unlink(dir, "moved"), 0);
	assert_int_equal(sys_pread(f, &c, 1, 0), 1);
	assert_int_equal(c, 'r');
	sys_close(&f);
	assert_false(has(dir, "moved"));
}

/* ---- folders ---- */

static void
a_listing_tells_all(void **state)
{
	enum { MANY = 3000 };
	unsigned char seen[MANY] = { 0 };
	struct sys_entry ent;
	struct sys_stat st;
	struct sys_dir *d;
	char name[40];
	unsigned i, files = 0, folders = 0;

	(void)state;
	assert_int_equal(sys_mkdir(dir, "many", 0700), 0);
	assert_int_equal(sys_dir_sub(&d, dir, "many", &e), 0);
	assert_int_equal(sys_dir_next(&ent, d, &e), 0);
	sys_dir_close(d);
	assert_int_equal(sys_dir_sub(&d, dir, "many", &e), 0);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "message-%04u.eml", i);
		put(d, name, "");
	}
	assert_int_equal(sys_mkdir(d, "below", 0700), 0);
	while (sys_dir_next(&ent, d, &e) == 1) {
		if (ent.type == SYS_DIR) {
			assert_string_equal(ent.name, "below");
			folders++;
			continue;
		}
		assert_int_equal(ent.type, SYS_FILE);
		assert_int_equal(strlen(ent.name), strlen("message-0000.eml"));
		i = (unsigned)strtoul(ent.name + 8, NULL, 10);
		assert_true(i < MANY && !seen[i]);
		seen[i] = 1;
		if (i % 100 == 0) {
			assert_int_equal(sys_stat_at(&st, d, ent.name), 0);
			assert_true(ent.ino == 0 || ent.ino == st.ino);
		}
		files++;
	}
	assert_int_equal(files, MANY);
	assert_int_equal(folders, 1);
	assert_int_equal(sys_dir_next(&ent, d, &e), 0);
	empty(d);
	sys_dir_close(d);
	assert_int_equal(sys_rmdir(dir, "many"), 0);
}

static void
folders_are_entered_level_by_level(void **state)
{
	struct sys_dir *d;
	struct sys_stat st;
	struct sys_file f;

	(void)state;
	assert_int_equal(sys_mkdir(dir, "x", 0700), 0);
	assert_int_equal(sys_dir_sub(&d, dir, "x", &e), 0);
	assert_int_equal(sys_mkdir(d, "y", 0700), 0);
	put(d, "file", "");
	sys_dir_close(d);
	assert_int_equal(sys_dir_sub(&d, dir, "x/y", &e), 0);
	assert_int_equal(sys_dir_stat(&st, d, &e), 0);
	assert_int_equal(st.type, SYS_DIR);
	sys_dir_close(d);
	assert_int_equal(sys_dir_sub(&d, dir, "x/file", &e), -1);
	assert_int_equal(e.sys, ENOTDIR);
	assert_int_equal(sys_dir_sub(&d, dir, "x/none", &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(sys_dir_sub(&d, dir, "x/..", &e), -1);
	assert_int_equal(sys_dir_sub(&d, dir, "x//y", &e), -1);
	assert_int_equal(e.sys, EINVAL);
	assert_int_equal(sys_open_at(&f, &st, dir, "x"), EINVAL);
	assert_int_equal(sys_open_rw_at(&f, &st, dir, "x") != 0, 1);
	assert_int_equal(sys_unlink(dir, "x") != 0, 1);
	assert_true(has(dir, "x"));
}

static void
our_folders_are_ours_alone(void **state)
{
	struct sys_stat st;
	struct sys_dir *d;

	(void)state;
	assert_int_equal(sys_mkdir(dir, "private", 0700), 0);
	assert_int_equal(sys_dir_sub(&d, dir, "private", &e), 0);
	assert_int_equal(sys_dir_stat(&st, d, &e), 0);
	assert_int_equal(st.uid, sys_uid());
	assert_int_equal(st.mode, 0700);
	sys_dir_close(d);
	assert_int_equal(sys_dir_stat(&st, dir, &e), 0);	/* made by sys_make_path */
	assert_int_equal(st.uid, sys_uid());
	assert_int_equal(st.mode, 0700);
}

/* ---- names ---- */

static void
odd_names_come_back(void **state)
{
	static const char *const names[] = {
		"NUL.eml", "CON", "com1", "1.eml.", "1.eml ", " 1.eml", "...", "za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87.eml",
		"\xe6\x97\xa5\xe6\x9c\xac.hdr", "\xf0\x9f\x98\x80.eml", "a,b;c=d[1]+&%$!'@^`{}~#"
	};
	struct sys_entry ent;
	struct sys_dir *d;
	struct sys_stat st;
	struct sys_file f;
	size_t i, found = 0, n = sizeof names / sizeof names[0];

	(void)state;
	assert_int_equal(sys_mkdir(dir, "odd", 0700), 0);
	assert_int_equal(sys_dir_sub(&d, dir, "odd", &e), 0);
	for (i = 0; i < n; i++)
		put(d, names[i], names[i]);
	while (sys_dir_next(&ent, d, &e) == 1)
		for (i = 0; i < n; i++)
			found += strcmp(ent.name, names[i]) == 0;
	assert_int_equal(found, n);
	for (i = 0; i < n; i++) {
		assert_int_equal(sys_open_at(&f, &st, d, names[i]), 0);
		assert_int_equal(st.size, strlen(names[i]));
		sys_close(&f);
		assert_int_equal(sys_rename(d, names[i], d, "plain"), 0);
		assert_int_equal(sys_rename(d, "plain", d, names[i]), 0);
		assert_int_equal(sys_unlink(d, names[i]), 0);
	}
	sys_dir_close(d);
	assert_int_equal(sys_rmdir(dir, "odd"), 0);
}

static void
a_name_is_what_it_is_spelled(void **state)
{
	(void)state;
	put(dir, "Case.EML", "");
	assert_true(has(dir, "Case.EML"));
	assert_false(has(dir, "case.eml"));
	assert_false(has(dir, "Case.eml"));
	assert_int_equal(sys_unlink(dir, "Case.EML"), 0);
}

static void
long_paths_are_paths(void **state)
{
	char part[60], *path = mem_new(strlen(top) + 2000), *real;
	struct sys_dir *d;
	size_t n = strlen(top);
	int i;

	(void)state;
	memset(part, 'd', sizeof part);
	memcpy(path, top, n + 1);
	for (i = 0; i < 20; i++) {
		path[n++] = '/';
		memcpy(path + n, part, sizeof part);
		n += sizeof part;
		path[n] = '\0';
	}
	assert_int_equal(sys_make_path(path, &e), 0);
	assert_int_equal(sys_make_path(path, &e), 0);
	assert_int_equal(sys_dir_open(&d, path, &e), 0);
	put(d, "deep.eml", "x");
	assert_true(has(d, "deep.eml"));
	sys_dir_close(d);
	memcpy(path + n, "/deep.eml", sizeof "/deep.eml");
	real = sys_realpath(path, &e);
	assert_non_null(real);
	assert_string_equal(real + strlen(real) - 300, path + strlen(path) - 300);
	free(real);
	free(path);
}

static void
paths_split(void **state)
{
	const char *name;
	char *up = sys_parent(top, &name), *real = sys_realpath(".", &e), *path;

	(void)state;
	assert_memory_equal(top, up, strlen(up));
	assert_string_equal(top + strlen(up) + 1, name);
	free(up);
	assert_non_null(real);
	assert_true(sys_path_is_absolute(real) && !sys_path_is_absolute("a/b"));
	while (!sys_path_is_top(real)) {
		up = sys_parent(real, &name);
		assert_true(strlen(up) < strlen(real));
		free(real);
		real = up;
	}
	up = sys_parent("file", &name);
	assert_string_equal(up, ".");
	assert_string_equal(name, "file");
	free(up);
	free(real);
	path = sys_path("a/b");
	assert_string_equal(path, "a/b");
	free(path);
	assert_null(sys_realpath("/no/such/file/here", &e));
	assert_int_equal(e.sys, ENOENT);
}

/* ---- the rest ---- */

static void
one_holds_the_lock(void **state)
{
	char *path = mem_new(strlen(top) + 8);
	struct sys_lock *l, *m;
	const char *name;
	int64_t holder;
	char *up, base[64];

	(void)state;
	snprintf(path, strlen(top) + 8, "%s/lock", top);
	assert_int_equal(sys_lock_take(&l, path, 0, &holder, &e), 0);
	assert_int_equal(sys_lock_take(&m, path, 0, &holder, &e), 1);
	assert_true(holder > 0);
	up = sys_parent(me, &name);
	snprintf(base, sizeof base, "%s", name);
	assert_int_equal(sys_process_is(holder, base), 1);
	assert_int_equal(sys_process_is(holder, "no-such-program"), 0);
	assert_int_equal(sys_process_any(base), 1);
	assert_int_equal(sys_process_any("no-such-program"), 0);
	free(up);
	sys_lock_free(l);
	assert_int_equal(sys_lock_take(&l, path, 0, &holder, &e), 0);
	sys_lock_free(l);
	free(path);
}

static void
programs_get_their_arguments(void **state)
{
	static const char *const args[] = { "plain", "", "two words", "a\"b", "back\\slash\\", "\\\"", "%PATH%", "\xc5\xbc\xf0\x9f\x98\x80" };
	const char *argv[12] = { me, "--echo" };
	const char *fail[] = { me, "--fail", NULL }, *sleep[] = { me, "--sleep", NULL }, *none[] = { "/no/such/program", NULL };
	char out[400], want[400] = "";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof args / sizeof args[0]; i++) {
		argv[i + 2] = args[i];
		snprintf(want + strlen(want), sizeof want - strlen(want), "<%s>\n", args[i]);
	}
	assert_int_equal(sys_run(out, sizeof out, argv, 60, &e), 0);
	assert_string_equal(out, want);
	assert_int_equal(sys_run(out, 4, argv, 60, &e), 0);	/* cut, not overrun */
	assert_string_equal(out, "<pl");
	assert_int_equal(sys_run(out, sizeof out, fail, 60, &e), -1);
	assert_int_equal(sys_run(out, sizeof out, none, 60, &e), -1);
	assert_int_equal(sys_run(out, sizeof out, sleep, 1, &e), -1);
	assert_non_null(strstr(e.text, "no answer"));
}

static void
a_shell_gets_state_and_text(void **state)
{
	char *command = mem_new(strlen(me) + 40);

	(void)state;
	snprintf(command, strlen(me) + 40, "\"%s\" --stdin", me);
	assert_int_equal(sys_run_shell(command, "SPOOLSWEEP_STATE", "bad", "hello\n", 6, 60, &e), 0);
	assert_int_equal(sys_run_shell(command, "SPOOLSWEEP_STATE", "ok", "hello\n", 6, 60, &e), -1);
	assert_non_null(strstr(e.text, "exit 3"));
	snprintf(command, strlen(me) + 40, "\"%s\" --sleep", me);
	assert_int_equal(sys_run_shell(command, "A", "b", "", 0, 1, &e), -1);
	assert_non_null(strstr(e.text, "not done in 1 s"));
	free(command);
}

static void
a_file_is_replaced_as_a_whole(void **state)
{
	char *path = mem_new(strlen(top) + 8);
	struct sys_file f;
	struct sys_stat st;
	char text[8];

	(void)state;
	snprintf(path, strlen(top) + 8, "%s/whole", top);
	assert_int_equal(sys_replace_file(path, "one", 3, 0644, &e), 0);
	assert_int_equal(sys_open_at(&f, &st, dir, "whole"), 0);
	assert_int_equal(sys_replace_file(path, "two!", 4, 0600, &e), 0);	/* while somebody reads it */
	assert_int_equal(sys_pread(f, text, sizeof text, 0), 3);
	assert_memory_equal(text, "one", 3);
	sys_close(&f);
	assert_int_equal(sys_open_at(&f, &st, dir, "whole"), 0);
	assert_int_equal(sys_pread(f, text, sizeof text, 0), 4);
	assert_memory_equal(text, "two!", 4);
	sys_close(&f);
	assert_int_equal(sys_replace_file("/no/such/folder/file", "x", 1, 0600, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(sys_replace_file(top, "x", 1, 0600, &e), -1);	/* a folder */
	free(path);
}

static void
digests(void **state)
{
	static const unsigned char abc[32] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
		0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad
	};
	struct sys_sha256 *h = sys_sha256_new();
	unsigned char out[32];
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {	/* ready for the next one by itself */
		sys_sha256_add(h, "a", 1);
		sys_sha256_add(h, "", 0);
		sys_sha256_add(h, "bc", 2);
		sys_sha256_end(out, h);
		assert_memory_equal(out, abc, 32);
	}
	sys_sha256_free(h);
	sys_sha256_free(NULL);
}

static void
charsets(void **state)
{
	static const struct { const char *charset, *in, *utf8; } cases[] = {
		{ "utf-8", "\xc5\xbc\xf0\x9f\x98\x80", "\xc5\xbc\xf0\x9f\x98\x80" },
		{ "UTF-8", "a\xff" "b", "a\xef\xbf\xbd" "b" },
		{ "us-ascii", "a\xe9" "b", "a\xef\xbf\xbd" "b" },
		{ "iso-8859-1", "\xe9\xff", "\xc3\xa9\xc3\xbf" },
		{ "iso-8859-2", "\xbf\xf3\xb3", "\xc5\xbc\xc3\xb3\xc5\x82" },
		{ "iso-8859-7", "\xe1", "\xce\xb1" },
		{ "iso-8859-9", "\xfd\xfe", "\xc4\xb1\xc5\x9f" },
		{ "ISO-8859-15", "\xa4", "\xe2\x82\xac" },
		{ "iso-8859-10", "\xa1", "\xc4\x84" },
		{ "iso-8859-14", "\xa1", "\xe1\xb8\x82" },
		{ "windows-1250", "\x9c", "\xc5\x9b" },
		{ "windows-1251", "\xcf\xf0", "\xd0\x9f\xd1\x80" },
		{ "windows-1252", "\x80\x93", "\xe2\x82\xac\xe2\x80\x9c" },
		{ "windows-1252", "a\x81" "b", "a\xef\xbf\xbd" "b" },
		{ "windows-1254", "\xfd\xf0", "\xc4\xb1\xc4\x9f" },
		{ "koi8-r", "\xf0\xd2", "\xd0\x9f\xd1\x80" },
		{ "koi8-u", "\xa6", "\xd1\x96" },
		{ "ibm866", "\x8f", "\xd0\x9f" },
		{ "gb2312", "\xd6\xd0\xce\xc4", "\xe4\xb8\xad\xe6\x96\x87" },
		{ "gbk", "\xd6\xd0", "\xe4\xb8\xad" },
		{ "gb18030", "\xd6\xd0", "\xe4\xb8\xad" },
		{ "gb18030", "a\x81\x39\xee\x39\xd6\xd0\x90\x30\x81\x30z", "a\xe3\x90\x80\xe4\xb8\xad\xf0\x90\x80\x80z" },
		{ "big5", "\xa4\xa4\xa4\xe5", "\xe4\xb8\xad\xe6\x96\x87" },
		{ "shift_jis", "\x93\xfa\x96\x7b", "\xe6\x97\xa5\xe6\x9c\xac" },
		{ "euc-jp", "\xc6\xfc\xcb\xdc", "\xe6\x97\xa5\xe6\x9c\xac" },
		{ "iso-2022-jp", "a\x1b$BF|K\\\x1b(Bb", "a\xe6\x97\xa5\xe6\x9c\xac" "b" },
		{ "euc-kr", "\xc7\xd1", "\xed\x95\x9c" },
		{ "iso-2022-kr", "\x1b$)Ca\x0eGQ\x0f" "b", "a\xed\x95\x9c" "b" },
		{ "utf-7", "a+AXw-b", "a\xc5\xbc" "b" },
		{ "utf-16le", "\x7c\x01", "\xc5\xbc" },
		{ "windows-1251", "", "" },
	};
	char out[64];
	int64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		n = sys_iconv(out, sizeof out - 1, cases[i].charset, cases[i].in, strlen(cases[i].in));
		if (n < 0)
			fail_msg("%s is unknown", cases[i].charset);
		out[n] = '\0';
		if (strcmp(out, cases[i].utf8) != 0)
			fail_msg("%s: %s", cases[i].charset, out);
	}
	assert_int_equal(sys_iconv(out, 3, "iso-8859-1", "\xe9\xe9\xe9", 3), 2);	/* whole characters only */
	assert_int_equal(sys_iconv(out, sizeof out, "no-such-charset", "a", 1), -1);
	assert_int_equal(sys_iconv(out, sizeof out, "utf-8//IGNORE", "a", 1), -1);
	assert_int_equal(sys_iconv(out, sizeof out, "", "a", 1), -1);
}

static void
domains(void **state)
{
	char out[256];

	(void)state;
	assert_int_equal(sys_idn_unicode(out, sizeof out, "xn--mnchen-3ya.example"), 0);
	assert_string_equal(out, "m\xc3\xbcnchen.example");
	assert_int_equal(sys_idn_ascii(out, sizeof out, "m\xc3\xbcnchen.example"), 0);
	assert_string_equal(out, "xn--mnchen-3ya.example");
	assert_int_equal(sys_idn_ascii(out, sizeof out, "Plain.Example"), 0);
	assert_string_equal(out, "plain.example");
	assert_int_equal(sys_idn_unicode(out, 5, "plain.example"), -1);
	assert_int_equal(sys_idn_ascii(out, sizeof out, "stra\xc3\x9f" "e.example"), 0);
	assert_string_equal(out, "xn--strae-oqa.example");
	assert_int_equal(sys_idn_ascii(out, sizeof out, "\xe2\x98\x83.example"), -1);	/* a snowman is no letter */
	assert_int_equal(sys_idn_symbols(out, sizeof out, "\xe2\x98\x83.example"), 0);
	assert_string_equal(out, "xn--n3h.example");
}

static void
utc(void **state)
{
	static const struct { int64_t t; int year, month, day, hour, yday; } cases[] = {
		{ 0, 1970, 1, 1, 0, 0 }, { -1, 1969, 12, 31, 23, 364 }, { INT64_C(1789981200), 2026, 9, 21, 9, 263 },
		{ INT64_C(951782400), 2000, 2, 29, 0, 59 }, { INT64_C(32503680000), 3000, 1, 1, 0, 0 }, { INT64_C(253402300799), 9999, 12, 31, 23, 364 },
	};
	struct tm tm;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(sys_utc(&tm, cases[i].t), 0);
		assert_int_equal(tm.tm_year + 1900, cases[i].year);
		assert_int_equal(tm.tm_mon + 1, cases[i].month);
		assert_int_equal(tm.tm_mday, cases[i].day);
		assert_int_equal(tm.tm_hour, cases[i].hour);
		assert_int_equal(tm.tm_yday, cases[i].yday);
	}
	assert_int_equal(sys_utc(&tm, INT64_MAX), -1);
}

static void
zones(void **state)
{
	struct sys_zone *z;
	int64_t t;

	(void)state;
	assert_int_equal(sys_zone_load(&z, "Europe/Istanbul", &e), 0);
	assert_string_equal(sys_zone_name(z), "Europe/Istanbul");
	assert_int_equal(sys_zone_utc(&t, z, 2026, 9, 21, 12, 0, 0), 0);
	assert_true(t == INT64_C(1789981200));		/* +03 all year */
	assert_int_equal(sys_zone_utc(&t, z, 2026, 13, 1, 0, 0, 0), -1);
	sys_zone_free(z);
	assert_int_equal(sys_zone_load(&z, "America/New_York", &e), 0);
	assert_int_equal(sys_zone_utc(&t, z, 2026, 7, 1, 12, 0, 0), 0);
	assert_true(t == INT64_C(1782921600));		/* -04 */
	assert_int_equal(sys_zone_utc(&t, z, 2026, 11, 1, 1, 30, 0), 0);
	assert_true(t == INT64_C(1793511000));		/* comes twice: the first, -04 */
	assert_int_equal(sys_zone_utc(&t, z, 2026, 3, 8, 2, 30, 0), 0);
	assert_true(t == INT64_C(1772955000));		/* skipped: as if at -05 */
	sys_zone_free(z);
	assert_int_equal(sys_zone_load(&z, "UTC", &e), 0);
	assert_int_equal(sys_zone_utc(&t, z, 1999, 12, 31, 23, 59, 59), 0);
	assert_true(t == 946684799);
	sys_zone_free(z);
	assert_int_equal(sys_zone_load(&z, "Europe/Nowhere", &e), -1);
	assert_non_null(strstr(e.text, "no such time zone: Europe/Nowhere"));
	assert_int_equal(sys_zone_load(&z, "", &e), 0);
	assert_true(sys_zone_name(z)[0] != '\0');
	sys_zone_free(z);
}

struct shared {
	struct sys_mutex *m;
	struct sys_cond *c;
	int n;
};

static void
add(void *arg)
{
	struct shared *s = arg;
	int i;

	for (i = 0; i < 10000; i++) {
		sys_mutex_lock(s->m);
		s->n++;
		sys_mutex_unlock(s->m);
	}
	sys_cond_wake(s->c);
}

static void
threads(void **state)
{
	struct shared s = { sys_mutex_new(), sys_cond_new(), 0 };
	struct sys_thread *t[4];
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(sys_thread_start(&t[i], add, &s, &e), 0);
	sys_mutex_lock(s.m);
	while (s.n < 40000)
		sys_cond_wait(s.c, s.m);
	sys_mutex_unlock(s.m);
	for (i = 0; i < 4; i++)
		sys_thread_join(t[i]);
	assert_int_equal(s.n, 40000);
	sys_cond_free(s.c);
	sys_mutex_free(s.m);
}

static void
other_things(void **state)
{
	struct sys_dir *d;
	uint64_t room = 0;
	FILE *f;
	char text[300], *path = sys_index_default();

	(void)state;
	assert_int_equal(sys_space(&room, dir), 0);
	assert_true(room > 0);
	f = sys_temp_near(top, &e);
	assert_non_null(f);
	assert_int_equal(fwrite("0123456789", 1, 10, f), 10);
	assert_int_equal(fseek(f, 4, SEEK_SET), 0);
	assert_int_equal(fread(text, 1, 10, f), 6);
	assert_memory_equal(text, "456789", 6);
	fclose(f);
	assert_true(sys_hostname(text, sizeof text)[0] != '\0');
	assert_true(sys_login(text, sizeof text)[0] != '\0');
	assert_int_equal(strlen(sys_local_time(text, sizeof text)), 19);
	assert_true(sys_cpus() >= 1);
	assert_true(sys_path_is_absolute(path));
	assert_non_null(strstr(path, "spoolsweep/index.db"));
	free(path);
	assert_int_equal(sys_dir_open(&d, "/no/such/folder", &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(sys_append_line("/no/such/file", "x"), ENOENT);
}

/* What programs_get_their_arguments starts. */
static int
child(int argc, char **argv)
{
	int i;

	char line[16] = "";

	if (strcmp(argv[1], "--sleep") == 0)
		sys_sleep_ms(30000);
	if (strcmp(argv[1], "--stdin") == 0)
		return fgets(line, sizeof line, stdin) != NULL && strcmp(line, "hello\n") == 0 &&
		    getenv("SPOOLSWEEP_STATE") != NULL && strcmp(getenv("SPOOLSWEEP_STATE"), "bad") == 0 ? 0 : 3;
	for (i = 2; i < argc; i++)
		printf("<%s>\n", argv[i]);
	return strcmp(argv[1], "--fail") == 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_as_it_was_written),
		cmocka_unit_test(times_are_kept),
		cmocka_unit_test(renaming_never_replaces),
		cmocka_unit_test(what_we_read_can_go),
		cmocka_unit_test(a_listing_tells_all),
		cmocka_unit_test(folders_are_entered_level_by_level),
		cmocka_unit_test(our_folders_are_ours_alone),
		cmocka_unit_test(odd_names_come_back),
		cmocka_unit_test(a_name_is_what_it_is_spelled),
		cmocka_unit_test(long_paths_are_paths),
		cmocka_unit_test(paths_split),
		cmocka_unit_test(one_holds_the_lock),
		cmocka_unit_test(programs_get_their_arguments),
		cmocka_unit_test(a_shell_gets_state_and_text),
		cmocka_unit_test(a_file_is_replaced_as_a_whole),
		cmocka_unit_test(digests),
		cmocka_unit_test(charsets),
		cmocka_unit_test(domains),
		cmocka_unit_test(utc),
		cmocka_unit_test(zones),
		cmocka_unit_test(threads),
		cmocka_unit_test(other_things),
	};
	int rc;

	if (argc > 1 && strncmp(argv[1], "--", 2) == 0)
		return child(argc, argv);
	me = sys_realpath(argv[0], &e);
	rc = cmocka_run_group_tests_name("sys", tests, begin, end);
	free(me);
	return rc;
}
