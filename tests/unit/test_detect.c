/* What an attachment is, against what it says: spool/detect.c. */
#include "unit.h"

#include <stdlib.h>

#include "index/contents.h"
#include "spool/detect.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))
#define BYTES(s) s, sizeof s - 1

static const char zip[] = "PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\4\0\0\0\1\0\0\0aDATAPK\3\4\x14\0\1\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\4\0\0\0\1\0\0\0bDATA";
static const char rar5_head[] = "Rar!\x1A\x07\x01\0CRC4\x02\x04\0";
/* main header (type 1), then a file (type 2) with extra data whose record has type 1: encryption */
static const char rar5_file[] = "Rar!\x1A\x07\x01\0CRC4\x03\x01\0\0CRC4\x06\x02\x01\x02xx\x01\x01";
static const char rar4[] = "Rar!\x1A\x07\0CR\x73\0\0\x0D\0\0\0\0\0\0\0CR\x74\x04\0\x20\0";
static const char rar4_head[] = "Rar!\x1A\x07\0CR\x73\x80\0\x0D\0\0\0\0\0\0\0";
static const char seven[] = "7z\xBC\xAF\x27\x1C\0\4rest";

static int
note_of(struct buf *out, const char *name, const char *says, const char *is, const void *prefix, size_t n, int key)
{
	const struct mime_part p = { .name = name, .type = says };

	buf_clear(out);
	return detect_note(out, &p, is, prefix, n, key);
}

static void
test_names_and_types(void **state)
{
	static const struct { const char *name, *says, *is, *note; } t[] = {
		{ "a.pdf", "application/pdf", "application/pdf", NULL },
		{ "a.pdf", "application/octet-stream", "application/zip", "attachment a.pdf: says a PDF, is a ZIP archive or an Office document (application/zip)" },
		{ NULL, "text/html", "application/zip", "attachment text/html: says a web page, is a ZIP archive or an Office document (application/zip)" },
		{ "a.jpg", "image/jpeg", "image/png", NULL },
		{ "a.jpg", "image/jpeg", "text/html", "attachment a.jpg: says an image, is a web page (text/html)" },
		{ "a.jpg", "image/jpeg", NULL, NULL },
		{ "a.jpg", "image/jpeg", "application/octet-stream", NULL },
		{ "a.docx", "application/zip", "application/zip", NULL },
		{ "a.doc", "application/msword", "text/rtf", NULL },
		{ "a.txt", "text/plain", "text/html", NULL },
		{ "invoice.pdf.exe", "application/pdf", NULL, "attachment invoice.pdf.exe: named as a PDF, runs as a program" },
		{ "invoice.PDF.Exe. ", "application/pdf", NULL, "attachment invoice.PDF.Exe. : named as a PDF, runs as a program" },
		{ "photo.jpg.js", "text/plain", "text/plain", "attachment photo.jpg.js: named as an image, runs as a script" },
		{ "report.docx.lnk", "x/y", NULL, "attachment report.docx.lnk: named as a ZIP archive or an Office document, runs as a Windows shortcut" },
		{ "setup.exe", "application/octet-stream", "application/x-dosexec", NULL },
		{ "v1.2.exe", "application/octet-stream", NULL, NULL },
		{ "winmail.dat", "application/ms-tnef", NULL, "attachment winmail.dat: TNEF, what is in it was not read" },
		{ "x", "application/octet-stream", "application/vnd.ms-tnef", "attachment x: TNEF, what is in it was not read" },
		{ "", "application/pdf", NULL, NULL }, { ".", "application/pdf", NULL, NULL }, { ".exe", "x/y", NULL, NULL },
		{ "...", "x/y", NULL, NULL }, { "exe", "x/y", NULL, NULL },
	};
	struct buf b;
	size_t i;
	int got;

	(void)state;
	buf_init(&b, 10000);
	for (i = 0; i < COUNT(t); i++) {
		got = note_of(&b, t[i].name, t[i].says, t[i].is, "", 0, 0);
		if (t[i].note != NULL)
			assert_string_equal(buf_cstr(&b), t[i].note);
		assert_int_equal(got, t[i].note == NULL ? 0 : strstr(t[i].note, "TNEF") != NULL ? 1 : DETECT_LIES);
	}
	buf_free(&b);
}

static void
test_encrypted(void **state)
{
	static const struct { const char *bytes; size_t n; int key, is; } t[] = {
		{ BYTES(zip), 0, 1 }, { BYTES(rar5_head), 0, 1 }, { BYTES(rar5_file), 0, 1 }, { BYTES(rar4), 0, 1 }, { BYTES(rar4_head), 0, 1 },
		{ BYTES(seven), 1, 1 }, { BYTES(seven), 0, 0 }, { zip, 35, 0, 0 }, { BYTES("PK\3\4"), 0, 0 }, { BYTES("%PDF-1.4"), 1, 0 }
	};
	struct buf b;
	char *copy;
	size_t i, k;

	(void)state;
	buf_init(&b, 10000);
	for (i = 0; i < COUNT(t); i++) {
		assert_int_equal(note_of(&b, "a", "x/y", NULL, t[i].bytes, t[i].n, t[i].key), t[i].is);
		if (t[i].is)
			assert_string_equal(buf_cstr(&b), "attachment a: an encrypted archive");
		/* cut short anywhere: no byte behind the end is read (AddressSanitizer tells) and the answer is no more than it was */
		for (k = 0; k < t[i].n; k++) {
			copy = malloc(k + 1);
			memcpy(copy, t[i].bytes, k);
			assert_true(note_of(&b, "a", "x/y", NULL, copy, k, t[i].key) <= t[i].is);
			free(copy);
		}
	}
	buf_free(&b);
}

/* libmagic, with the limits that are set. */
static void
test_magic(void **state)
{
	static const struct { const char *bytes; size_t n; const char *type; } t[] = {
		{ BYTES("%PDF-1.4\n"), "application/pdf" }, { BYTES("\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"), "image/png" },
		{ BYTES("\x01\x02\x03\xFE"), "application/octet-stream" }
	};
	struct detect_db *db;
	struct detect *d;
	struct err e = { 0, "" };
	char *large = mem_new(DETECT_PREFIX * 2);
	size_t i;

	(void)state;
	assert_int_equal(detect_db_open(&db, &e), 0);
	assert_int_equal(detect_new(&d, db, &e), 0);
	for (i = 0; i < COUNT(t); i++)
		assert_string_equal(detect_type(d, t[i].bytes, t[i].n), t[i].type);
	memset(large, 'a', DETECT_PREFIX * 2);
	assert_non_null(detect_type(d, large, DETECT_PREFIX * 2));
	detect_free(d);
	detect_db_close(db);
	free(large);
	assert_int_equal(detect_is_texty(BYTES("some text\n")), 1);
	assert_int_equal(detect_is_texty(BYTES("caf\xE9 \x1B$B")), 1);
	assert_int_equal(detect_is_texty(BYTES("a\0b")), 0);
	assert_int_equal(detect_is_texty(BYTES("PK\3\4abcdefgh")), 0);
	assert_int_equal(detect_is_texty("", 0), 1);
}

static void
test_shorteners(void **state)
{
	(void)state;
	assert_int_equal(contents_is_shortener("bit.ly"), 1);
	assert_int_equal(contents_is_shortener("www.tinyurl.com"), 1);
	assert_int_equal(contents_is_shortener("abit.ly"), 0);
	assert_int_equal(contents_is_shortener("example.com"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_types), cmocka_unit_test(test_encrypted), cmocka_unit_test(test_magic),
		cmocka_unit_test(test_shorteners)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
