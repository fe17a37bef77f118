/* What the Windows half of sys.h decides without Windows: Wine cannot show most of it, so it is tested here, on both systems. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "spool/civil.h"
#include "windows/win_event.h"
#include "windows/win_pure.h"

/* ---- spelling ---- */

static void
names_come_back(void **state)
{
	static const uint16_t odd[] = { 'a', 0xd800, 'b', 0xdc00, 0xd83d, 0xde00, 0xdfff, 0xd83d, '.', ' ' };
	uint16_t unit, *w;
	uint32_t c;
	size_t n;
	char *s;

	(void)state;
	for (c = 1; c < 0x10000; c++) {
		unit = (uint16_t)c;
		s = win_narrow(&unit, 1);
		w = win_wide(&n, s);
		assert_non_null(w);
		assert_int_equal(n, 1);
		assert_int_equal(w[0], c);
		free(w);
		free(s);
	}
	s = win_narrow(odd, sizeof odd / sizeof odd[0]);
	assert_string_equal(s, "a\xed\xa0\x80" "b\xed\xb0\x80\xf0\x9f\x98\x80\xed\xbf\xbf\xed\xa0\xbd. ");
	w = win_wide(&n, s);
	assert_int_equal(n, sizeof odd / sizeof odd[0]);
	assert_memory_equal(w, odd, sizeof odd);
	free(w);
	free(s);
}

static void
other_bytes_are_no_name(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xff", "a\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xc3(",
		"\xed\xa0\xbd\xed\xb8\x80"	/* a pair in six bytes */
	};
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_null(win_wide(&n, bad[i]));
}

static int
is_name(const char *s)
{
	size_t n;
	uint16_t *w = win_wide(&n, s);
	int is = win_is_name(w, n);

	free(w);
	return is;
}

static void
a_name_is_one_component(void **state)
{
	char long_name[257];

	(void)state;
	memset(long_name, 'x', 256);
	long_name[256] = '\0';
	assert_false(is_name(long_name));
	long_name[255] = '\0';
	assert_true(is_name(long_name));
	assert_true(is_name("NUL.eml") && is_name("1.eml.") && is_name("1.eml ") && is_name("...") && is_name(" "));
	assert_false(is_name("") || is_name(".") || is_name("..") || is_name("a\\b") || is_name("a/b") || is_name("a.eml:stream"));
}

/* ---- paths ---- */

static void
full_is(const char *path, const char *cwd, const char *want)
{
	size_t n, pn, cn;
	uint16_t *p = win_wide(&pn, path), *c = win_wide(&cn, cwd), *full = win_full(&n, p, pn, c, cn);
	char *s = full != NULL ? win_narrow(full, n) : NULL;

	if (want == NULL)
		assert_null(s);
	else if (s == NULL)
		fail_msg("%s in %s: no path", path, cwd);
	else
		assert_string_equal(s, want);
	free(s);
	free(full);
	free(c);
	free(p);
}

static void
paths_get_their_prefix(void **state)
{
	static const char cwd[] = "D:\\work\\here", share[] = "\\\\srv\\mail\\in";

	(void)state;
	full_is("C:\\SmarterMail\\Spool", cwd, "\\\\?\\C:\\SmarterMail\\Spool");
	full_is("C:/SmarterMail//Spool/", cwd, "\\\\?\\C:\\SmarterMail\\Spool");
	full_is("c:\\a\\.\\b\\..\\c", cwd, "\\\\?\\c:\\a\\c");
	full_is("C:\\..\\..\\a", cwd, "\\\\?\\C:\\a");
	full_is("C:", cwd, "\\\\?\\C:\\");
	full_is("C:\\", cwd, "\\\\?\\C:\\");
	full_is("C:a", cwd, NULL);
	full_is("spool", cwd, "\\\\?\\D:\\work\\here\\spool");
	full_is("..\\spool", cwd, "\\\\?\\D:\\work\\spool");
	full_is(".", cwd, "\\\\?\\D:\\work\\here");
	full_is("\\spool", cwd, "\\\\?\\D:\\spool");
	full_is("/spool", cwd, "\\\\?\\D:\\spool");
	full_is("\\\\srv\\mail\\spool\\1.eml", cwd, "\\\\?\\UNC\\srv\\mail\\spool\\1.eml");
	full_is("//srv/mail", cwd, "\\\\?\\UNC\\srv\\mail\\");
	full_is("//srv/mail/../..", cwd, "\\\\?\\UNC\\srv\\mail\\");
	full_is("spool", share, "\\\\?\\UNC\\srv\\mail\\in\\spool");
	full_is("\\spool", share, "\\\\?\\UNC\\srv\\mail\\spool");
	full_is("\\\\?\\C:\\a\\NUL.eml", cwd, "\\\\?\\C:\\a\\NUL.eml");
	full_is("//?/C:/a", cwd, "\\\\?\\C:\\a");
	full_is("\\\\?\\UNC\\srv\\mail\\a", cwd, "\\\\?\\UNC\\srv\\mail\\a");
	full_is("\\\\?\\Volume{1-2}\\a", cwd, "\\\\?\\Volume{1-2}\\a");
	full_is("a", "\\\\?\\C:\\deep", "\\\\?\\C:\\deep\\a");
	full_is("\\\\.\\PhysicalDrive0", cwd, NULL);
	full_is("", cwd, NULL);
	/* what Win32 would change */
	full_is("C:\\spool.\\1.eml ", cwd, "\\\\?\\C:\\spool.\\1.eml ");
	full_is("C:\\spool\\CON", cwd, "\\\\?\\C:\\spool\\CON");
}

static void
a_path_has_an_end(void **state)
{
	char *path = malloc(40000);

	(void)state;
	memset(path, 'x', 39999);
	path[39999] = '\0';
	memcpy(path, "C:\\", 3);
	full_is(path, "C:\\", NULL);
	path[32000] = '\0';
	path[200] = '\\';
	{
		size_t n, pn;
		uint16_t cwd[] = { 'C', ':', '\\' }, *p = win_wide(&pn, path), *full = win_full(&n, p, pn, cwd, 3);

		assert_non_null(full);
		assert_int_equal(n, 32004);
		free(full);
		free(p);
	}
	free(path);
}

static void
ours_is(const char *full, const char *want)
{
	size_t n;
	uint16_t *w = win_wide(&n, full);
	char *s = win_ours(w, n);

	assert_string_equal(s, want);
	free(s);
	free(w);
}

static void
paths_as_we_print_them(void **state)
{
	(void)state;
	ours_is("\\\\?\\C:\\SmarterMail\\Spool", "C:/SmarterMail/Spool");
	ours_is("\\\\?\\C:\\", "C:/");
	ours_is("C:\\Temp\\", "C:/Temp");
	ours_is("\\\\?\\UNC\\srv\\mail\\spool", "//srv/mail/spool");
	ours_is("\\\\?\\UNC\\srv\\mail\\", "//srv/mail");
	ours_is("\\\\?\\Volume{1-2}\\a", "//?/Volume{1-2}/a");
	ours_is("\\\\?\\Volume{1-2}\\", "//?/Volume{1-2}/");
}

static void
what_lies_above(void **state)
{
	(void)state;
	assert_true(win_path_is_top("C:/") && win_path_is_top("C:") && win_path_is_top("/") && win_path_is_top("//srv/mail") &&
	    win_path_is_top("//srv/mail/") && win_path_is_top("//?/Volume{1}/"));
	assert_false(win_path_is_top("C:/a") || win_path_is_top("a") || win_path_is_top("") || win_path_is_top("//srv/mail/a"));
	assert_true(win_path_is_absolute("C:/a") && win_path_is_absolute("C:\\a") && win_path_is_absolute("//srv/mail/a") &&
	    win_path_is_absolute("/a"));
	assert_false(win_path_is_absolute("a/b") || win_path_is_absolute("C:a") || win_path_is_absolute("1:/a") || win_path_is_absolute(""));
	assert_int_equal(win_path_top("C:/a/b"), 3);
	assert_int_equal(win_path_top("//srv/mail/a"), 10);
	assert_int_equal(win_path_top("//?/UNC/srv/mail/a"), 17);
}

/* ---- entries ---- */

static void
links_are_refused_and_placeholders_are_not(void **state)
{
	static const struct { uint32_t attributes, tag; enum sys_type type; } cases[] = {
		{ 0x20, 0, SYS_FILE },
		{ 0x10, 0, SYS_DIR },
		{ 0x80, 0xa000000c, SYS_FILE },			/* a tag without the attribute says nothing */
		{ 0x420, 0xa000000c, SYS_LINK },		/* symbolic link to a file */
		{ 0x410, 0xa000000c, SYS_LINK },		/* to a folder */
		{ 0x410, 0xa0000003, SYS_LINK },		/* junction, mounted volume */
		{ 0x420, 0xa000001d, SYS_LINK },		/* link of WSL */
		{ 0x410, 0xa0000010, SYS_LINK },		/* reserved: any name surrogate */
		{ 0x420, 0x80000013, SYS_FILE },		/* deduplicated */
		{ 0x420, 0x80000017, SYS_FILE },		/* compressed by WOF */
		{ 0x420, 0x9000001a, SYS_FILE },		/* cloud */
		{ 0x420, 0x9000f01a, SYS_FILE },
		{ 0x410, 0x9000601a, SYS_DIR },
		{ 0x420, 0xc0000004, SYS_FILE },		/* hierarchical storage */
		{ 0x420, 0x80000023, SYS_ODD },			/* socket */
		{ 0x420, 0x80000024, SYS_ODD },			/* FIFO of WSL */
		{ 0x420, 0x8000001b, SYS_ODD },			/* app alias */
		{ 0x420, 0x00001234, SYS_ODD },			/* somebody else's: not known, so not opened */
		{ 0x420, 0, SYS_ODD },
		{ 0x60, 0, SYS_ODD },				/* device */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(win_type(cases[i].attributes, cases[i].tag), cases[i].type);
}

static void
ids_are_folded(void **state)
{
	unsigned char a[16] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 }, b[16];
	int i;

	(void)state;
	assert_true(win_ino(a) == UINT64_C(0x1122334455667788));
	for (i = 0; i < 128; i++) {	/* one bit more is another file */
		memcpy(b, a, sizeof b);
		b[i / 8] ^= (unsigned char)(1 << i % 8);
		assert_true(win_ino(b) != win_ino(a));
	}
}

static void
errors_have_an_errno(void **state)
{
	(void)state;
	assert_int_equal(win_errno(0), 0);
	assert_int_equal(win_errno(2), ENOENT);
	assert_int_equal(win_errno(3), ENOENT);
	assert_int_equal(win_errno(5), EACCES);
	assert_int_equal(win_errno(17), EXDEV);
	assert_int_equal(win_errno(32), EBUSY);
	assert_int_equal(win_errno(80), EEXIST);
	assert_int_equal(win_errno(183), EEXIST);
	assert_int_equal(win_errno(112), ENOSPC);
	assert_int_equal(win_errno(145), ENOTEMPTY);
	assert_int_equal(win_errno(999999), EIO);
	assert_int_equal(win_errno_nt(0xc0000056), ENOENT);
	assert_int_equal(win_errno_nt(0xc0000043), 0);
	assert_string_equal(win_error_text(ELOOP), "Too many levels of symbolic links");
	assert_string_equal(win_error_text(4321), "Unknown error of the system");
}

static void
words_are_those_of_linux(void **state)
{
	static const int codes[] = {
		EPERM, ENOENT, EIO, EAGAIN, ENOMEM, EACCES, EBUSY, EEXIST, EXDEV, ENOTDIR, EISDIR, EINVAL, EMFILE, ENOSPC, EROFS, EPIPE,
		ENAMETOOLONG, ENOTEMPTY, ELOOP, EILSEQ
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof codes / sizeof codes[0]; i++)
		assert_string_equal(sys_error(codes[i]), win_error_text(codes[i]));
}

static void
times_there_and_back(void **state)
{
	(void)state;
	assert_true(win_time_ns(INT64_C(116444736000000000)) == 0);
	assert_true(win_time_ns(INT64_C(116444736000000001)) == 100);
	assert_true(win_time_ns(0) == 0);
	assert_true(win_time_ns(INT64_MAX) == INT64_MAX);
	assert_true(win_filetime(0) == INT64_C(116444736000000000));
	assert_true(win_filetime(-1) == INT64_C(116444735999999999));
	assert_true(win_time_ns(win_filetime(INT64_C(1790000000123456700))) == INT64_C(1790000000123456700));
	assert_true(win_filetime(INT64_MIN) > 0 && win_filetime(INT64_MAX) > 0);
}

static void
arguments_are_quoted(void **state)
{
	static const struct { const char *arg, *line; } cases[] = {
		{ "", "\"\"" }, { "a", "\"a\"" }, { "a b", "\"a b\"" }, { "a\"b", "\"a\\\"b\"" }, { "a\\", "\"a\\\\\"" },
		{ "a\\b", "\"a\\b\"" }, { "a\\\"b", "\"a\\\\\\\"b\"" }, { "a\\\\", "\"a\\\\\\\\\"" },
	};
	uint16_t out[64], *w;
	size_t i, n, len;
	char *s;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		w = win_wide(&len, cases[i].arg);
		n = 0;
		assert_int_equal(win_quote(out, &n, 64, w, len), 0);
		s = win_narrow(out, n);
		assert_string_equal(s, cases[i].line);
		free(s);
		free(w);
	}
	n = 60;
	assert_int_equal(win_quote(out, &n, 64, out, 4), -1);
}

static void
words_for_both_shells(void **state)
{
	static const struct { const char *word, *text; } cases[] = {
		{ "", "\"\"" }, { "info@shop.example", "info@shop.example" }, { "C:\\dir\\i.db", "C:\\dir\\i.db" }, { "a b", "\"a b\"" },
		{ "it's", "\"it's\"" }, { "@list", "\"@list\"" }, { "a,b", "\"a,b\"" }, { "x&calc", "\"x&calc\"" }, { "x|y>z^", "\"x|y>z^\"" },
		{ "C:\\my dir\\", "\"C:\\my dir\\\\\"" }, { "a\\ b", "\"a\\ b\"" }, { "x\"&calc&\"", "\"x?&calc&?\"" }, { "%PATH%", "\"?PATH?\"" },
		{ "$(calc)`n", "\"?(calc)?n\"" }, { "a\nb\x7f", "\"a?b?\"" }, { "x\xe2\x80\x9d; calc", "\"x?; calc\"" }, { "\xe2\x80\x99\xe2\x80", "\"\xe2\x80\x99\xe2\x80\"" },
		{ "a\\\"", "\"a\\?\"" },
	};
	size_t i;
	char *text;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		text = win_shell_word(cases[i].word);
		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

/* ---- time zones ---- */

static void
zones_have_a_key(void **state)
{
	char name[64];

	(void)state;
	assert_string_equal(win_zone_key("Europe/Istanbul"), "Turkey Standard Time");
	assert_string_equal(win_zone_key("Turkey"), "Turkey Standard Time");
	assert_string_equal(win_zone_key("America/New_York"), "Eastern Standard Time");
	assert_string_equal(win_zone_key("Europe/Kyiv"), "FLE Standard Time");
	assert_string_equal(win_zone_key("Europe/Kiev"), "FLE Standard Time");
	assert_string_equal(win_zone_key("Asia/Calcutta"), "India Standard Time");
	assert_string_equal(win_zone_key("UTC"), "UTC");
	assert_string_equal(win_zone_key("Tokyo Standard Time"), "Tokyo Standard Time");
	assert_null(win_zone_key("Europe/Nowhere"));
	assert_null(win_zone_key("Europe"));
	assert_null(win_zone_key(""));
	assert_int_equal(win_zone_iana(name, sizeof name, "India Standard Time"), 0);
	assert_string_equal(name, "Asia/Kolkata");
	assert_int_equal(win_zone_iana(name, sizeof name, "UTC"), 0);
	assert_string_equal(name, "UTC");
	assert_int_equal(win_zone_iana(name, sizeof name, "No Such Time"), -1);
}

static void
offset_is(const struct win_zone_year *y, int64_t utc, int hours)
{
	assert_int_equal(win_zone_offset(y, 1, 2026, utc), hours * 3600);
}

static void
rules_turn_the_clock(void **state)
{
	const struct win_zone_year new_york = { -18000, -14400, { 0, 11, 0, 1, 2, 0, 0 }, { 0, 3, 0, 2, 2, 0, 0 } };
	const struct win_zone_year sydney = { 36000, 39600, { 0, 4, 0, 1, 3, 0, 0 }, { 0, 10, 0, 1, 2, 0, 0 } };
	const struct win_zone_year berlin = { 3600, 7200, { 0, 10, 0, 5, 3, 0, 0 }, { 0, 3, 0, 5, 2, 0, 0 } };
	const struct win_zone_year istanbul = { 10800, 10800, { 0, 0, 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0, 0, 0 } };
	const int64_t march8 = civil_days(2026, 3, 8) * 86400, nov1 = civil_days(2026, 11, 1) * 86400;
	const int64_t apr4 = civil_days(2026, 4, 4) * 86400, oct3 = civil_days(2026, 10, 3) * 86400;
	const int64_t mar29 = civil_days(2026, 3, 29) * 86400, oct25 = civil_days(2026, 10, 25) * 86400;

	(void)state;
	offset_is(&new_york, march8 + 7 * 3600 - 1, -5);
	offset_is(&new_york, march8 + 7 * 3600, -4);
	offset_is(&new_york, nov1 + 6 * 3600 - 1, -4);
	offset_is(&new_york, nov1 + 6 * 3600, -5);
	offset_is(&sydney, apr4 + 16 * 3600 - 1, 11);
	offset_is(&sydney, apr4 + 16 * 3600, 10);
	offset_is(&sydney, oct3 + 16 * 3600 - 1, 10);
	offset_is(&sydney, oct3 + 16 * 3600, 11);
	offset_is(&berlin, mar29 + 3600 - 1, 1);
	offset_is(&berlin, mar29 + 3600, 2);
	offset_is(&berlin, oct25 + 3600 - 1, 2);
	offset_is(&berlin, oct25 + 3600, 1);
	offset_is(&istanbul, mar29, 3);
	offset_is(&new_york, civil_days(1999, 7, 1) * 86400, -4);	/* years that are not known take the nearest */
	offset_is(&new_york, civil_days(2050, 1, 1) * 86400, -5);
	offset_is(&new_york, -86400, -5);
}

/* ---- charsets ---- */

static void
charsets_by_any_name(void **state)
{
	struct win_charset c;

	(void)state;
	assert_int_equal(win_charset(&c, "UTF-8"), 0);
	assert_int_equal(c.how, WIN_UTF8);
	assert_int_equal(win_charset(&c, "iso-8859-9"), 0);
	assert_int_equal(c.code_page, 28599);
	assert_int_equal(win_charset(&c, "Windows-1254"), 0);
	assert_int_equal(c.code_page, 1254);
	assert_int_equal(win_charset(&c, "ks_c_5601-1987"), 0);
	assert_int_equal(c.code_page, 949);
	assert_int_equal(win_charset(&c, "ISO_8859-1:1987"), 0);
	assert_int_equal(c.code_page, 28591);
	assert_int_equal(win_charset(&c, "iso-2022-jp"), 0);
	assert_int_equal(c.how, WIN_ISO_JP);
	assert_int_equal(win_charset(&c, "iso-8859-10"), 0);
	assert_int_equal(c.own[1], 0x0104);
	assert_int_equal(win_charset(&c, "utf"), -1);
	assert_int_equal(win_charset(&c, ""), -1);
	assert_int_equal(win_charset(&c, "utf-8 "), -1);
	assert_int_equal(win_charset(&c, "utf-8//TRANSLIT"), -1);
}

/* As the C library has them where this is the POSIX program, but for the few that it leaves out. */
static void
four_bytes_of_gb18030(void **state)
{
	static const struct { const char *bytes; int32_t c; } cases[] = {
		{ "\x81\x30\x81\x30", 0x80 }, { "\x81\x39\xee\x39", 0x3400 }, { "\x84\x31\xa4\x37", 0xfffd }, { "\x84\x31\xa4\x39", 0xffff },
		{ "\x84\x31\xa5\x30", -1 }, { "\x90\x30\x81\x30", 0x10000 }, { "\xe3\x32\x9a\x35", 0x10ffff }, { "\xe3\x32\x9a\x36", -1 },
		{ "\x81\x2f\x81\x30", -1 }, { "\x81\x30\x81\x3a", -1 }, { "\x80\x30\x81\x30", -1 }, { "\x81\x30\xff\x30", -1 },
	};
	unsigned char p[4];
	char want[8] = "", got[8];
	int64_t n;
	size_t i;
	int32_t c;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(win_gb18030((const unsigned char *)cases[i].bytes), cases[i].c);
	for (i = 0; i < 39420; i++) {
		p[0] = (unsigned char)(0x81 + i / 12600);
		p[1] = (unsigned char)(0x30 + i / 1260 % 10);
		p[2] = (unsigned char)(0x81 + i / 10 % 126);
		p[3] = (unsigned char)(0x30 + i % 10);
		n = sys_iconv(want, sizeof want, "gb18030", p, sizeof p);
		c = win_gb18030(p);
		assert_in_range(c, 0x80, 0xffff);
		if (n < 2 || memcmp(want, "\xef\xbf\xbd", 3) == 0)	/* U+FFFD: unknown there */
			continue;
		assert_int_equal(n, c < 0x800 ? 2 : 3);
		snprintf(got, sizeof got, "%c%c%c", c < 0x800 ? 0xc0 | c >> 6 : 0xe0 | c >> 12, c < 0x800 ? 0x80 | (c & 0x3f) : 0x80 | (c >> 6 & 0x3f),
		    0x80 | (c & 0x3f));
		assert_memory_equal(want, got, (size_t)n);
	}
}

/* ---- the Event Log ---- */

struct record {
	unsigned n, type;
	uint32_t id;
	char *text;
};

static void
keep(void *arg, const struct win_event *ev)
{
	struct record *r = arg;
	size_t n = 0;

	while (ev->text[n] != 0)
		n++;
	free(r->text);
	r->text = win_narrow(ev->text, n);
	r->type = ev->type;
	r->id = ev->id;
	r->n++;
}

static void
events_as_in_the_message_file(void **state)
{
	static const struct { enum sys_event kind; unsigned type; uint32_t id; } events[] = {
		{ SYS_EVENT_BEGUN, 4, 0x40000001 }, { SYS_EVENT_ENDED, 4, 0x40000002 }, { SYS_EVENT_UNFINISHED, 2, 0x80000003 },
		{ SYS_EVENT_SERVICE, 4, 0x40000004 }
	};
	struct record r = { 0, 0, 0, NULL };
	char *many = malloc(70001);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof events / sizeof events[0]; i++) {
		win_event(events[i].kind, "plan 3 \xc5\xbc", keep, &r);
		assert_int_equal(r.n, i + 1);
		assert_int_equal(r.type, events[i].type);
		assert_int_equal(r.id, events[i].id);
		assert_string_equal(r.text, "plan 3 \xc5\xbc");
	}
	win_event(SYS_EVENT_BEGUN, "a\xff", keep, &r);
	assert_string_equal(r.text, "a\xc3\xbf");
	win_event(SYS_EVENT_BEGUN, "", keep, &r);
	assert_string_equal(r.text, "");
	assert_non_null(many);
	memset(many, 'x', 70000);
	many[70000] = '\0';
	win_event(SYS_EVENT_BEGUN, many, keep, &r);
	assert_int_equal(strlen(r.text), 31839);
	free(many);
	free(r.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_back),
		cmocka_unit_test(other_bytes_are_no_name),
		cmocka_unit_test(a_name_is_one_component),
		cmocka_unit_test(paths_get_their_prefix),
		cmocka_unit_test(a_path_has_an_end),
		cmocka_unit_test(paths_as_we_print_them),
		cmocka_unit_test(what_lies_above),
		cmocka_unit_test(links_are_refused_and_placeholders_are_not),
		cmocka_unit_test(ids_are_folded),
		cmocka_unit_test(errors_have_an_errno),
		cmocka_unit_test(words_are_those_of_linux),
		cmocka_unit_test(times_there_and_back),
		cmocka_unit_test(arguments_are_quoted),
		cmocka_unit_test(words_for_both_shells),
		cmocka_unit_test(zones_have_a_key),
		cmocka_unit_test(rules_turn_the_clock),
		cmocka_unit_test(charsets_by_any_name),
		cmocka_unit_test(four_bytes_of_gb18030),
		cmocka_unit_test(events_as_in_the_message_file),
	};

	return cmocka_run_group_tests_name("win", tests, NULL, NULL);
}
