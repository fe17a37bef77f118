#include "detect.h"

#include <magic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "ascii.h"
#include "sys.h"

/* Not looked into: compressed data (a bomb), and what tells only kinds of text. */
#define FLAGS (MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_TOKENS | MAGIC_NO_CHECK_ENCODING | \
    MAGIC_NO_CHECK_APPTYPE | MAGIC_NO_CHECK_JSON | MAGIC_NO_CHECK_CSV)

struct detect_db {
	void *p;		/* NULL: libmagic finds the system's own */
	size_t n;
};

struct detect {
	magic_t m;
};

int
detect_db_open(struct detect_db **out, struct err *e)
{
	struct detect_db *db = mem_new(sizeof *db);

	if (sys_magic_db(&db->p, &db->n, e) < 0) {
		free(db);
		return -1;
	}
	*out = db;
	return 0;
}

void
detect_db_close(struct detect_db *db)
{
	if (db == NULL)
		return;
	free(db->p);
	free(db);
}

/* Far above what honest files need, far below a second of work. */
static void
set_limits(magic_t m)
{
	static const struct { int what; size_t limit; } limits[] = {
		{ MAGIC_PARAM_INDIR_MAX, 15 }, { MAGIC_PARAM_NAME_MAX, 50 }, { MAGIC_PARAM_ELF_PHNUM_MAX, 128 },
		{ MAGIC_PARAM_ELF_SHNUM_MAX, 128 }, { MAGIC_PARAM_ELF_NOTES_MAX, 16 }, { MAGIC_PARAM_REGEX_MAX, 1024 },
		{ MAGIC_PARAM_BYTES_MAX, DETECT_PREFIX }
	};
	size_t i, v;

	for (i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		v = limits[i].limit;
		(void)magic_setparam(m, limits[i].what, &v);
	}
}

int
detect_new(struct detect **out, const struct detect_db *db, struct err *e)
{
	struct detect *d = mem_new(sizeof *d);
	void *p = db->p;
	size_t n = db->n;

	d->m = magic_open(FLAGS);
	if (d->m == NULL) {
		free(d);
		return err_set(e, 0, "libmagic cannot be used");
	}
	set_limits(d->m);
	if ((p != NULL ? magic_load_buffers(d->m, &p, &n, 1) : magic_load(d->m, NULL)) != 0) {
		err_set(e, 0, "libmagic: %s", magic_error(d->m) != NULL ? magic_error(d->m) : "its data base cannot be read");
		detect_free(d);
		return -1;
	}
	*out = d;
	return 0;
}

void
detect_free(struct detect *d)
{
	if (d == NULL)
		return;
	magic_close(d->m);
	free(d);
}

const char *
detect_type(struct detect *d, const void *bytes, size_t n)
{
	const char *s = magic_buffer(d->m, bytes, n < DETECT_PREFIX ? n : DETECT_PREFIX);

	return s != NULL && strchr(s, '/') != NULL && strlen(s) < 128 ? s : NULL;
}

int
detect_is_texty(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t i, odd = 0;

	n = n < 1024 ? n : 1024;
	for (i = 0; i < n; i++) {
		if (p[i] == 0)
			return 0;
		odd += p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r' && p[i] != '\f' && p[i] != 0x1B;
	}
	return odd * 50 <= n && !(n > 4 && (memcmp(p, "%PDF", 4) == 0 || memcmp(p, "PK\3\4", 4) == 0 || memcmp(p, "{\\rt", 4) == 0));
}

/* ---- what it says against what it is ---- */

enum family { NO_FAMILY, PROGRAM, SCRIPT, ZIP, OLE, PDF, RTF, RAR, SEVEN, GZIP, TAR, ISO, IMAGE, SOUND, FILM, PAGE, PLAIN, TNEF, LINK };

static const struct { const char *type; enum family family; } types[] = {	/* of libmagic, and as senders declare them; a prefix */
	{ "application/vnd.ms-tnef", TNEF }, { "application/ms-tnef", TNEF }, { "application/vnd.ms-cab", NO_FAMILY },
	{ "application/x-dosexec", PROGRAM }, { "application/x-executable", PROGRAM }, { "application/x-sharedlib", PROGRAM },
	{ "application/x-pie-executable", PROGRAM }, { "application/x-mach-binary", PROGRAM }, { "application/x-msdownload", PROGRAM },
	{ "application/vnd.microsoft.portable-executable", PROGRAM }, { "application/x-msdos-program", PROGRAM },
	{ "application/x-ms-shortcut", LINK }, { "application/javascript", SCRIPT }, { "text/x-shellscript", SCRIPT },
	{ "text/x-msdos-batch", SCRIPT }, { "text/x-php", SCRIPT }, { "text/javascript", SCRIPT }, { "application/zip", ZIP },
	{ "application/x-zip", ZIP }, { "application/vnd.openxmlformats", ZIP }, { "application/vnd.oasis.opendocument", ZIP },
	{ "application/java-archive", ZIP }, { "application/epub+zip", ZIP }, { "application/x-ole-storage", OLE },
	{ "application/cdfv2", OLE }, { "application/CDFV2", OLE }, { "application/msword", OLE }, { "application/vnd.ms-", OLE },
	{ "application/pdf", PDF }, { "text/rtf", RTF }, { "application/rtf", RTF }, { "application/x-rar", RAR },
	{ "application/vnd.rar", RAR }, { "application/x-7z-compressed", SEVEN }, { "application/gzip", GZIP },
	{ "application/x-gzip", GZIP }, { "application/x-tar", TAR }, { "application/x-iso9660-image", ISO }, { "image/svg", PAGE },
	{ "image/", IMAGE }, { "audio/", SOUND }, { "video/", FILM }, { "text/html", PAGE }, { "application/xhtml", PAGE },
	{ "text/xml", PAGE }, { "application/xml", PAGE }, { "text/", PLAIN }, { "application/json", PLAIN }
};

static const struct { const char *suffix; enum family family; } suffixes[] = {
	{ "exe", PROGRAM }, { "scr", PROGRAM }, { "com", PROGRAM }, { "pif", PROGRAM }, { "dll", PROGRAM }, { "cpl", PROGRAM },
	{ "msi", PROGRAM }, { "bat", SCRIPT }, { "cmd", SCRIPT }, { "js", SCRIPT }, { "jse", SCRIPT }, { "vbs", SCRIPT }, { "vbe", SCRIPT },
	{ "wsf", SCRIPT }, { "hta", SCRIPT }, { "ps1", SCRIPT }, { "lnk", LINK }, { "zip", ZIP }, { "docx", ZIP }, { "xlsx", ZIP },
	{ "pptx", ZIP }, { "docm", ZIP }, { "xlsm", ZIP }, { "jar", ZIP }, { "odt", ZIP }, { "ods", ZIP }, { "doc", OLE }, { "xls", OLE },
	{ "ppt", OLE }, { "msg", OLE }, { "pdf", PDF }, { "rtf", RTF }, { "rar", RAR }, { "7z", SEVEN }, { "gz", GZIP }, { "tgz", GZIP },
	{ "tar", TAR }, { "iso", ISO }, { "img", ISO }, { "jpg", IMAGE }, { "jpeg", IMAGE }, { "png", IMAGE }, { "gif", IMAGE },
	{ "bmp", IMAGE }, { "tif", IMAGE }, { "tiff", IMAGE }, { "webp", IMAGE }, { "mp3", SOUND }, { "wav", SOUND }, { "mp4", FILM },
	{ "avi", FILM }, { "mov", FILM }, { "htm", PAGE }, { "html", PAGE }, { "xhtml", PAGE }, { "shtml", PAGE }, { "svg", PAGE },
	{ "xml", PAGE }, { "txt", PLAIN }, { "csv", PLAIN }, { "log", PLAIN }, { "ics", PLAIN }, { "dat", NO_FAMILY }
};

static const char *
family_name(enum family f)
{
	switch (f) {
	case PROGRAM:	return "a program";
	case SCRIPT:	return "a script";
	case ZIP:	return "a ZIP archive or an Office document";
	case OLE:	return "an old Office document";
	case PDF:	return "a PDF";
	case RTF:	return "an RTF document";
	case RAR:	return "a RAR archive";
	case SEVEN:	return "a 7z archive";
	case GZIP:	return "gzip data";
	case TAR:	return "a tar archive";
	case ISO:	return "a disk image";
	case IMAGE:	return "an image";
	case SOUND:	return "sound";
	case FILM:	return "a film";
	case PAGE:	return "a web page";
	case PLAIN:	return "text";
	case TNEF:	return "TNEF";
	case LINK:	return "a Windows shortcut";
	case NO_FAMILY:	break;
	}
	return "something else";
}

static enum family
family_of_type(const char *type)
{
	size_t i;

	for (i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strncmp(type, types[i].type, strlen(types[i].type)) == 0)
			return types[i].family;
	return NO_FAMILY;
}

/* By the letters behind the last dot of the first n bytes; *dot is where it stands. Blanks and dots at the end do not count: Windows drops them. */
static enum family
family_of_name(size_t *dot, const char *name, size_t n)
{
	size_t i, k, len;

	while (n > 0 && (name[n - 1] == ' ' || name[n - 1] == '.'))
		n--;
	for (i = n; i > 0 && name[i - 1] != '.'; i--)
		;
	*dot = i > 0 ? i - 1 : 0;
	if (i == 0)
		return NO_FAMILY;
	for (k = 0; k < sizeof suffixes / sizeof suffixes[0]; k++) {
		for (len = 0; suffixes[k].suffix[len] != '\0' && i + len < n && ascii_lower(name[i + len]) == suffixes[k].suffix[len]; len++)
			;
		if (suffixes[k].suffix[len] == '\0' && i + len == n)
			return suffixes[k].family;
	}
	return NO_FAMILY;
}

/* What programs write under a neighbour's name, honestly: Word takes RTF, pages and text as .doc, Excel text as .xls; scripts and pages are text. */
static int
is_close(enum family says, enum family is)
{
	if (says == is || is == NO_FAMILY || says == NO_FAMILY)
		return 1;
	if (says == OLE)
		return is == RTF || is == PAGE || is == PLAIN || is == ZIP;
	if (says == PROGRAM)
		return is == OLE;	/* .msi */
	if (is == PLAIN || is == SCRIPT || is == PAGE || is == RTF)
		return says == PLAIN || says == SCRIPT || says == PAGE || says == RTF;
	return (says == TAR && is == GZIP) || (says == GZIP && is == TAR) || (says == SOUND && is == FILM) || (says == FILM && is == SOUND);
}

static int
is_run_by_click(enum family f)
{
	return f == PROGRAM || f == SCRIPT || f == LINK;
}

/* "invoice.pdf.exe": Windows shows it as invoice.pdf. */
static int
name_note(struct buf *out, const char *name)
{
	size_t dot, before;
	enum family last, first;

	if (name == NULL || strlen(name) > 2000)
		return 0;
	last = family_of_name(&dot, name, strlen(name));
	if (!is_run_by_click(last) || dot == 0)
		return 0;
	first = family_of_name(&before, name, dot);
	if (first == NO_FAMILY || is_run_by_click(first))
		return 0;
	buf_fmt(out, "attachment %s: named as %s, runs as %s", name, family_name(first), family_name(last));
	return 1;
}

static int
type_note(struct buf *out, const struct mime_part *p, const char *type)
{
	const char *name = p->name != NULL ? p->name : p->type;
	enum family is, says;
	size_t dot;

	if (type == NULL)
		return 0;
	is = family_of_type(type);
	says = p->name != NULL ? family_of_name(&dot, p->name, strlen(p->name)) : NO_FAMILY;
	if (says == NO_FAMILY)
		says = family_of_type(p->type);
	if (is_close(says, is))
		return 0;
	buf_fmt(out, "attachment %s: says %s, is %s (%s)", name, family_name(says), family_name(is), type);
	return 1;
}

/* ---- encrypted archives ---- */

static uint32_t
le(const unsigned char *p, int n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* APPNOTE 4.3.7: the flags of each local header, as long as sizes tell where the next one is. */
static int
zip_is_encrypted(const unsigned char *p, size_t n)
{
	size_t at = 0, skip;

	while (n - at >= 30 && memcmp(p + at, "PK\3\4", 4) == 0) {
		if ((p[at + 6] & 1) != 0)
			return 1;
		skip = 30 + (size_t)le(p + at + 26, 2) + le(p + at + 28, 2);
		if ((p[at + 6] & 8) != 0 || skip > n - at)	/* its size comes behind its data */
			return 0;
		if (le(p + at + 18, 4) > n - at - skip)
			return 0;
		at += skip + le(p + at + 18, 4);
	}
	return 0;
}

/* A number of RAR 5: seven bits a byte, the lowest first. Returns the place behind it, 0 when it is cut or too long. */
static size_t
rar_number(uint64_t *out, const unsigned char *p, size_t n, size_t at)
{
	int shift;

	*out = 0;
	for (shift = 0; shift < 63 && at < n; shift += 7) {
		*out |= (uint64_t)(p[at] & 0x7F) << shift;
		if ((p[at++] & 0x80) == 0)
			return at;
	}
	return 0;
}

/* RAR 5: a header of type 4 encrypts all that follow; a file's extra area has a record of type 1. */
static int
rar5_is_encrypted(const unsigned char *p, size_t n)
{
	uint64_t size, type, flags, extra, data, record, kind;
	size_t at = 8, from, x, end;
	int i;

	for (i = 0; i < 100 && n - at > 4; i++) {
		if ((from = rar_number(&size, p, n, at + 4)) == 0 || size > n - from)
			return 0;
		end = from + (size_t)size;
		extra = data = 0;
		if ((x = rar_number(&type, p, end, from)) == 0 || (x = rar_number(&flags, p, end, x)) == 0)
			return 0;
		if (type == 4)
			return 1;
		if ((flags & 1) != 0 && (x = rar_number(&extra, p, end, x)) == 0)
			return 0;
		if ((flags & 2) != 0 && (x = rar_number(&data, p, end, x)) == 0)
			return 0;
		if (type == 2 && extra != 0 && extra <= size) {
			x = rar_number(&record, p, end, end - (size_t)extra);
			if (x != 0 && rar_number(&kind, p, end, x) != 0 && kind == 1)
				return 1;
		}
		if (data > n - end)
			return 0;
		at = end + (size_t)data;
	}
	return 0;
}

/* RAR 1.5 to 4: the archive's header says that headers are encrypted (0x80), a file's that it is (4). */
static int
rar4_is_encrypted(const unsigned char *p, size_t n)
{
	size_t file;

	if (n < 20)
		return 0;
	if ((p[10] & 0x80) != 0)
		return 1;
	file = 7 + (size_t)le(p + 12, 2);
	return file + 5 < n && p[file + 2] == 0x74 && (p[file + 3] & 4) != 0;
}

static int
is_encrypted(const unsigned char *p, size_t n, int has_7z_key)
{
	if (n > 8 && memcmp(p, "Rar!\x1A\x07\x01\x00", 8) == 0)
		return rar5_is_encrypted(p, n);
	if (n > 7 && memcmp(p, "Rar!\x1A\x07\x00", 7) == 0)
		return rar4_is_encrypted(p, n);
	if (n > 6 && memcmp(p, "7z\xBC\xAF\x27\x1C", 6) == 0)
		return has_7z_key;
	return zip_is_encrypted(p, n);
}

int
detect_note(struct buf *out, const struct mime_part *p, const char *type, const void *prefix, size_t n, int has_7z_key)
{
	const char *name = p->name != NULL ? p->name : p->type;
	enum family says = family_of_type(p->type), is = type != NULL ? family_of_type(type) : NO_FAMILY;

	if (n > 0 && is_encrypted(prefix, n, has_7z_key)) {
		buf_fmt(out, "attachment %s: an encrypted archive", name);
		return 1;
	}
	if (says == TNEF || is == TNEF) {
		buf_fmt(out, "attachment %s: TNEF, what is in it was not read", name);
		return 1;
	}
	return name_note(out, p->name) || type_note(out, p, type) ? DETECT_LIES : 0;
}
