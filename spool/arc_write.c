/* The archive while it is written: libarchive makes the tar, libzstd packs it, every byte goes out by sys_write. */
#include "arc_in.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

#define LEVEL_DEFAULT 3
#define LEVEL_MAX 19			/* above it unpacking needs more memory than arc_stream gives */
#define WHOLE ((size_t)1024 * 1024)	/* files up to this are read once, into memory */
#define CHUNK ((size_t)128 * 1024)

/* A list on its way into the archive: a temporary file beside it. */
struct list {
	char *name;
	struct sys_file file;
	struct buf b;			/* not yet written */
	uint64_t size;
	struct sys_sha256 *sha;
};

struct zip {
	struct sys_file file;
	ZSTD_CCtx *z;
	unsigned char *in, *out;
	size_t n;			/* bytes waiting in `in` */
};

struct arc {
	struct sys_dir *folder;		/* the caller's */
	struct arena names;
	char *top, *temp;
	struct zip zip;
	struct archive *tar;
	struct archive_entry *entry;
	struct list messages, manifest;
	struct buf info, tags, name;
	struct sys_sha256 *sha;
	unsigned char *space;		/* WHOLE + 1 */
	uint64_t files, bytes;
	int64_t time;			/* seconds: mtime of the tag files, Bagging-Date */
	int is_failed, is_ended, is_closing;
	struct err err;			/* of the callback */
};

/* ".NAME.tmp" and what follows it for the lists. */
static char *
temp_name(struct arena *a, const char *name, const char *suffix)
{
	return arena_fmt(a, ".%s.tmp%s", name, suffix);
}

static const char *const temp_suffix[] = { "-messages", "-manifest", "" };

int
arc_discard(struct sys_dir *folder, const char *name, struct err *e)
{
	struct arena a = { 0 };
	int rc = 0, sys;
	char *temp;
	size_t i;

	for (i = 0; i < sizeof temp_suffix / sizeof temp_suffix[0]; i++) {
		temp = temp_name(&a, name, temp_suffix[i]);
		sys = sys_unlink(folder, temp);
		if (sys != 0 && sys != ENOENT)
			rc = err_set(e, sys, "remove %s", temp);
	}
	arena_free(&a);
	return rc;
}

int
arc_publish(struct sys_dir *folder, const char *name, struct err *e)
{
	struct arena a = { 0 };
	char *temp = temp_name(&a, name, "");
	int sys, rc = 0;

	sys = sys_rename(folder, temp, folder, name);
	if (sys != 0)
		rc = err_set(e, sys, "rename %s to %s", temp, name);
	else if ((sys = sys_sync_dir(folder)) != 0)
		rc = err_set(e, sys, "write the archive's folder to disk");
	arena_free(&a);
	return rc;
}

/* ---- lists ---- */

static int
list_open(struct list *l, struct arc *a, const char *name, const char *suffix, struct err *e)
{
	int sys;

	l->name = temp_name(&a->names, name, suffix);
	buf_init(&l->b, CHUNK + ARC_LINE_MAX + 1);
	l->sha = sys_sha256_new();
	sys = sys_create_at(&l->file, a->folder, l->name, 0600);
	return sys != 0 ? err_set(e, sys, "make %s", l->name) : 0;
}

static int
list_flush(struct list *l, struct err *e)
{
	int sys = l->b.n != 0 ? sys_write(l->file, l->b.p, l->b.n) : 0;

	buf_clear(&l->b);
	return sys != 0 ? err_set(e, sys, "write %s", l->name) : 0;
}

/* Adds a line, LF included. */
static int
list_line(struct list *l, const char *p, size_t n, struct err *e)
{
	buf_add(&l->b, p, n);
	buf_byte(&l->b, '\n');
	sys_sha256_add(l->sha, p, n);
	sys_sha256_add(l->sha, "\n", 1);
	l->size += n + 1;
	return l->b.n >= CHUNK ? list_flush(l, e) : 0;
}

static void
list_close(struct list *l, struct sys_dir *folder)
{
	if (l->file.h != -1) {
		sys_close(&l->file);
		(void)sys_unlink(folder, l->name);	/* what stays is removed by arc_discard */
	}
	buf_free(&l->b);
	sys_sha256_free(l->sha);
	l->sha = NULL;
}

/* ---- packing ---- */

static int
zip_open(struct zip *z, const struct arc_options *opt)
{
	int level = opt == NULL || opt->level == 0 ? LEVEL_DEFAULT : opt->level;

	level = level < 1 ? 1 : level > LEVEL_MAX ? LEVEL_MAX : level;
	z->in = mem_grow(NULL, CHUNK);
	z->out = mem_grow(NULL, CHUNK);
	z->z = ZSTD_createCCtx();
	if (z->z == NULL || ZSTD_isError(ZSTD_CCtx_setParameter(z->z, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->z, ZSTD_c_checksumFlag, 1)))
		return -1;
	/* A library built without threads says no here, and packs all the same. */
	if (opt != NULL && opt->threads != 0)
		(void)ZSTD_CCtx_setParameter(z->z, ZSTD_c_nbWorkers, opt->threads < 64 ? (int)opt->threads : 64);
	return 0;
}

static int
zip_run(struct arc *a, const void *p, size_t n, ZSTD_EndDirective how, struct err *e)
{
	ZSTD_inBuffer in = { p, n, 0 };
	size_t rest;
	int sys;

	do {
		ZSTD_outBuffer out = { a->zip.out, CHUNK, 0 };

		rest = ZSTD_compressStream2(a->zip.z, &out, &in, how);
		if (ZSTD_isError(rest))
			return err_set(e, 0, "compress %s: %s", a->temp, ZSTD_getErrorName(rest));
		sys = out.pos != 0 ? sys_write(a->zip.file, a->zip.out, out.pos) : 0;
		if (sys != 0)
			return err_set(e, sys, "write %s", a->temp);
	} while (in.pos < in.size || (how == ZSTD_e_end && rest != 0));
	return 0;
}

static int
zip_flush(struct arc *a, ZSTD_EndDirective how, struct err *e)
{
	size_t n = a->zip.n;

	a->zip.n = 0;
	return n != 0 || how == ZSTD_e_end ? zip_run(a, a->zip.in, n, how, e) : 0;
}

/* libarchive's write callback: small pieces are gathered. */
static la_ssize_t
tar_write(struct archive *tar, void *arg, const void *p, size_t n)
{
	struct arc *a = arg;
	int rc = 0;

	if (a->is_closing)
		return -1;
	if (n > CHUNK - a->zip.n)
		rc = zip_flush(a, ZSTD_e_continue, &a->err);
	if (rc == 0 && n >= CHUNK) {
		rc = zip_run(a, p, n, ZSTD_e_continue, &a->err);
	} else if (rc == 0) {
		memcpy(a->zip.in + a->zip.n, p, n);
		a->zip.n += n;
	}
	if (rc < 0) {
		archive_set_error(tar, EIO, "%s", a->err.text);
		return -1;
	}
	return (la_ssize_t)n;
}

/* ---- members ---- */

/* An error of libarchive: ours when it came from the callback. */
static int
tar_failed(struct arc *a, const char *name, struct err *e)
{
	const char *why = archive_error_string(a->tar);

	a->is_failed = 1;
	if (a->err.text[0] != '\0') {
		if (e != NULL)
			*e = a->err;
		return -1;
	}
	return err_set(e, 0, "archive %s: %s", name, why != NULL ? why : "libarchive failed");
}

/* Nanoseconds as libarchive's pax writer needs them: it prints the whole seconds with their sign and then the fraction, where pax means
 * the fraction to have the same sign. -1: a time in the last second before 1970, which it cannot print. */
static int
set_mtime(struct archive_entry *entry, int64_t ns)
{
	int64_t sec = ns / 1000000000, fraction = ns % 1000000000;

	if (fraction < 0) {
		fraction = -fraction;
		if (sec == 0)
			return -1;
	}
	archive_entry_set_mtime(entry, (time_t)sec, (long)fraction);
	return 0;
}

static int
put_head(struct arc *a, const char *name, const struct sys_stat *st, struct err *e)
{
	buf_clear(&a->name);
	buf_fmt(&a->name, "%s/%s", a->top, name);
	archive_entry_clear(a->entry);
	archive_entry_set_pathname(a->entry, buf_cstr(&a->name));
	archive_entry_set_filetype(a->entry, AE_IFREG);
	archive_entry_set_perm(a->entry, (__LA_MODE_T)(st->mode & 07777));
	archive_entry_set_uid(a->entry, st->uid);
	archive_entry_set_gid(a->entry, st->gid);
	archive_entry_set_size(a->entry, (la_int64_t)st->size);
	if (set_mtime(a->entry, st->mtime) < 0) {
		a->is_failed = 1;
		return err_set(e, 0, "archive %s: its time of change is one that a tar cannot hold", name);
	}
	return archive_write_header(a->tar, a->entry) != ARCHIVE_OK ? tar_failed(a, name, e) : 0;
}

static int
put_data(struct arc *a, const char *name, const void *p, size_t n, struct err *e)
{
	if (n != 0 && archive_write_data(a->tar, p, n) != (la_ssize_t)n)
		return tar_failed(a, name, e);
	return 0;
}

/* A tag file's head: ours, not the spool's. */
static int
put_tag_head(struct arc *a, enum arc_kind kind, uint64_t size, struct err *e)
{
	struct sys_stat st = { .size = size, .mode = 0600, .mtime = a->time * 1000000000 };

	return put_head(a, arc_kind_name[kind], &st, e);
}

/* "digest  name" in the tag manifest. */
static void
tag_line(struct arc *a, enum arc_kind kind, const unsigned char sha[ARC_SHA256])
{
	char hex[2 * ARC_SHA256 + 1];

	arc_hex(hex, sha);
	buf_fmt(&a->tags, "%s  %s\n", hex, arc_kind_name[kind]);
}

static int
put_tag(struct arc *a, enum arc_kind kind, const void *p, size_t n, struct err *e)
{
	unsigned char sha[ARC_SHA256];

	sys_sha256_add(a->sha, p, n);
	sys_sha256_end(sha, a->sha);
	if (kind != ARC_TAGS)
		tag_line(a, kind, sha);
	return put_tag_head(a, kind, n, e) < 0 ? -1 : put_data(a, arc_kind_name[kind], p, n, e);
}

/* ---- create, add ---- */

static int
open_all(struct arc *a, const char *name, const struct arc_options *opt, struct err *e)
{
	int sys;

	if (arc_discard(a->folder, name, e) < 0 || list_open(&a->messages, a, name, temp_suffix[0], e) < 0 ||
	    list_open(&a->manifest, a, name, temp_suffix[1], e) < 0)
		return -1;
	sys = sys_create_at(&a->zip.file, a->folder, a->temp, 0600);
	if (sys != 0)
		return err_set(e, sys, "make %s", a->temp);
	if (zip_open(&a->zip, opt) < 0)
		return err_set(e, 0, "compress %s: libzstd cannot start", a->temp);
	a->tar = archive_write_new();
	a->entry = archive_entry_new();
	if (a->tar == NULL || a->entry == NULL || archive_write_set_format_pax(a->tar) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(a->tar, 0) != ARCHIVE_OK || archive_write_set_bytes_in_last_block(a->tar, 1) != ARCHIVE_OK ||
	    archive_write_open(a->tar, a, NULL, tar_write, NULL) != ARCHIVE_OK)
		return err_set(e, 0, "make %s: libarchive cannot start", a->temp);
	return put_tag(a, ARC_BAGIT, ARC_BAGIT_TEXT, strlen(ARC_BAGIT_TEXT), e);
}

int
arc_create(struct arc **out, struct sys_dir *folder, const char *name, const struct arc_options *opt, struct err *e)
{
	struct arc *a = mem_new(sizeof *a);

	a->folder = folder;
	a->zip.file.h = a->messages.file.h = a->manifest.file.h = -1;
	a->top = arc_top_of(&a->names, name);
	a->temp = temp_name(&a->names, name, "");
	a->time = sys_now_us() / 1000000;
	a->sha = sys_sha256_new();
	a->space = mem_grow(NULL, WHOLE + 1);
	buf_init(&a->info, ARC_INFO_MAX);
	buf_init(&a->tags, 4096);
	buf_init(&a->name, 2 * ARC_NAME_MAX);
	if (a->top == NULL || name[0] == '.')
		err_set(e, 0, "%s: an archive's name is letters, digits and . _ + , @ - and ends in %s", name, ARC_SUFFIX);
	else if (open_all(a, name, opt, e) == 0) {
		*out = a;
		return 0;
	}
	arc_close(a);
	return -1;
}

static int
unread(const char *path, struct err *e)
{
	err_set(e, errno, "read %s", path);
	return ARC_UNREAD;
}

/* Reads a file of at most WHOLE bytes into memory: 0, 1 not the size that fstat told, ARC_UNREAD. */
static int
read_whole(unsigned char sha[ARC_SHA256], struct arc *a, const char *path, struct sys_file f, uint64_t size, struct err *e)
{
	int64_t got = sys_pread(f, a->space, (size_t)size + 1, 0);

	if (got < 0)
		return unread(path, e);
	if ((uint64_t)got != size)
		return 1;
	sys_sha256_add(a->sha, a->space, (size_t)size);
	sys_sha256_end(sha, a->sha);
	return 0;
}

/* One pass over a larger file; with `name` its bytes go into the tar. 0, 1 not of that size, ARC_UNREAD, -1. */
static int
pass(unsigned char sha[ARC_SHA256], struct arc *a, const char *path, const char *name, struct sys_file f, uint64_t size, struct err *e)
{
	uint64_t at = 0;
	int64_t got;
	size_t n;
	int rc = 0;

	for (; rc == 0 && at < size; at += n) {
		n = size - at < WHOLE ? (size_t)(size - at) : WHOLE;
		got = sys_pread(f, a->space, n, at);
		if (got < 0)
			rc = unread(path, e);
		else if ((size_t)got < n)
			rc = 1;
		else
			sys_sha256_add(a->sha, a->space, n);
		if (rc == 0 && name != NULL)
			rc = put_data(a, name, a->space, n, e);
	}
	sys_sha256_end(sha, a->sha);
	if (rc == 0) {
		got = sys_pread(f, a->space, 1, size);
		rc = got < 0 ? unread(path, e) : got != 0;
	}
	return rc;
}

static int
put_large(unsigned char sha[ARC_SHA256], struct arc *a, const char *path, const char *name, struct sys_file f, const struct sys_stat *st,
    struct err *e)
{
	unsigned char again[ARC_SHA256];
	int rc;

	if (put_head(a, name, st, e) < 0)
		return -1;
	rc = pass(again, a, path, name, f, st->size, e);
	if (rc == ARC_UNREAD)
		return -1;
	if (rc > 0 || (rc == 0 && memcmp(again, sha, ARC_SHA256) != 0))
		rc = err_set(e, 0, "%s changed while it was archived", path);
	return rc;
}

/* The checks of arc_add, and the member's name below the top folder into b. */
static int
payload_name(struct buf *b, const char *spool, const char *path, struct err *e)
{
	struct arena scratch = { 0 };
	const char *back;
	int rc = 0;

	buf_fmt(b, "data/%s/", spool);
	arc_add_name(b, path);
	back = strlen(path) <= ARC_PATH_MAX && arc_is_spool(spool, strlen(spool)) ?
	    arc_decode_name(&scratch, buf_cstr(b) + strlen("data/") + strlen(spool) + 1) : NULL;
	if (back == NULL || strcmp(back, path) != 0)
		rc = err_set(e, 0, "%s, %s: no path of a file below a spool", spool, path);
	arena_free(&scratch);
	return rc;
}

static int
add_payload(unsigned char sha[ARC_SHA256], struct arc *a, const char *path, const char *name, struct sys_file f, const struct sys_stat *st,
    struct err *e)
{
	char line[2 * ARC_SHA256 + 3 + ARC_NAME_MAX];
	int rc, n;

	rc = st->size <= WHOLE ? read_whole(sha, a, path, f, st->size, e) : pass(sha, a, path, NULL, f, st->size, e);
	if (rc != 0)
		return rc;	/* nothing was added: the archive is as it was */
	if (st->size > WHOLE)
		rc = put_large(sha, a, path, name, f, st, e);
	else if ((rc = put_head(a, name, st, e)) == 0)
		rc = put_data(a, name, a->space, (size_t)st->size, e);
	if (rc == 0) {
		arc_hex(line, sha);
		n = snprintf(line + 2 * ARC_SHA256, sizeof line - 2 * ARC_SHA256, "  %s", name);
		rc = list_line(&a->manifest, line, 2 * ARC_SHA256 + (size_t)n, e);
	}
	a->is_failed |= rc < 0;
	a->files += rc == 0;
	a->bytes += rc == 0 ? st->size : 0;
	return rc;
}

static int
check_usable(const struct arc *a, struct err *e)
{
	if (a->is_failed || a->is_ended)
		return err_set(e, 0, "%s: nothing more can be written to it", a->temp);
	return 0;
}

int
arc_add(unsigned char sha[ARC_SHA256], struct arc *a, const char *spool, const char *path, struct sys_file f,
    const struct sys_stat *st, struct err *e)
{
	struct buf name;
	int rc;

	if (check_usable(a, e) < 0)
		return -1;
	if (a->files == ARC_FILES_MAX)
		return err_set(e, 0, "%s: more than %zu files are too many for one archive", a->temp, ARC_FILES_MAX);
	buf_init(&name, ARC_NAME_MAX - 256);	/* the top folder stands before it */
	rc = payload_name(&name, spool, path, e);
	if (rc == 0)
		rc = add_payload(sha, a, path, buf_cstr(&name), f, st, e);
	buf_free(&name);
	return rc;
}

int
arc_message(struct arc *a, const char *json, struct err *e)
{
	size_t n = strlen(json);

	if (check_usable(a, e) < 0)
		return -1;
	if (n == 0 || n > ARC_LINE_MAX || memchr(json, '\n', n) != NULL)
		return err_set(e, 0, "a message's line of %zu bytes, or with line ends, is not archived", n);
	if (list_line(&a->messages, json, n, e) < 0) {
		a->is_failed = 1;
		return -1;
	}
	return 0;
}

/* The value on one line, as UTF-8. */
static void
info_line(struct buf *b, const char *label, const char *value)
{
	size_t i, from;

	buf_fmt(b, "%s: ", label);
	from = b->n;
	text_add_utf8(b, value, strlen(value));
	for (i = from; i < b->n; i++)
		if ((unsigned char)b->p[i] < 0x20 || b->p[i] == 0x7f)
			b->p[i] = ' ';
	buf_byte(b, '\n');
}

int
arc_info(struct arc *a, const char *label, const char *value, struct err *e)
{
	if (check_usable(a, e) < 0)
		return -1;
	if (label[0] == '\0' || strcspn(label, ":\r\n\t ") != strlen(label))
		return err_set(e, 0, "\"%s\" is no label for %s", label, arc_kind_name[ARC_INFO]);
	if (strlen(label) + strlen(value) * 3 > ARC_INFO_MAX / 2 || a->info.n > ARC_INFO_MAX / 2)
		return err_set(e, 0, "too much text for %s", arc_kind_name[ARC_INFO]);
	info_line(&a->info, label, value);
	return 0;
}

/* ---- finish ---- */

static int
put_list(struct arc *a, enum arc_kind kind, struct list *l, struct err *e)
{
	unsigned char sha[ARC_SHA256];
	uint64_t at;
	int64_t got;

	if (list_flush(l, e) < 0 || put_tag_head(a, kind, l->size, e) < 0)
		return -1;
	for (at = 0; at < l->size; at += (uint64_t)got) {
		got = sys_pread(l->file, a->space, WHOLE, at);
		if (got <= 0)
			return err_set(e, got < 0 ? errno : 0, "read %s", l->name);
		if (put_data(a, arc_kind_name[kind], a->space, (size_t)got, e) < 0)
			return -1;
	}
	sys_sha256_end(sha, l->sha);
	tag_line(a, kind, sha);
	return 0;
}

static int
put_info(struct arc *a, struct err *e)
{
	char date[24], oxum[64];

	arc_time_text(date, a->time);
	snprintf(oxum, sizeof oxum, "%llu.%llu", (unsigned long long)a->bytes, (unsigned long long)a->files);
	info_line(&a->info, "Bagging-Time", date);
	date[10] = '\0';
	info_line(&a->info, "Bagging-Date", date);
	info_line(&a->info, "Bag-Software-Agent", "spoolsweep " SPOOLSWEEP_VERSION);
	info_line(&a->info, "Payload-Oxum", oxum);
	return put_tag(a, ARC_INFO, a->info.p, a->info.n, e);
}

static int
put_end(struct arc *a, struct err *e)
{
	int sys;

	if (put_list(a, ARC_MESSAGES, &a->messages, e) < 0 || put_list(a, ARC_MANIFEST, &a->manifest, e) < 0 || put_info(a, e) < 0 ||
	    put_tag(a, ARC_TAGS, a->tags.p, a->tags.n, e) < 0)
		return -1;
	if (archive_write_close(a->tar) != ARCHIVE_OK)
		return tar_failed(a, a->temp, e);
	if (zip_flush(a, ZSTD_e_end, e) < 0)
		return -1;
	sys = sys_sync(a->zip.file);
	return sys != 0 ? err_set(e, sys, "write %s to disk", a->temp) : 0;
}

int
arc_finish(struct arc *a, struct err *e)
{
	if (check_usable(a, e) < 0)
		return -1;
	if (put_end(a, e) < 0) {
		a->is_failed = 1;
		return -1;
	}
	a->is_ended = 1;
	return 0;
}

void
arc_close(struct arc *a)
{
	if (a == NULL)
		return;
	/* An archive without its end gets none: closing fails at the first byte. Freeing alone would leak after an error. */
	a->is_closing = 1;
	if (a->tar != NULL) {
		(void)archive_write_close(a->tar);
		(void)archive_write_free(a->tar);
	}
	archive_entry_free(a->entry);
	ZSTD_freeCCtx(a->zip.z);
	free(a->zip.in);
	free(a->zip.out);
	sys_close(&a->zip.file);
	list_close(&a->messages, a->folder);
	list_close(&a->manifest, a->folder);
	buf_free(&a->info);
	buf_free(&a->tags);
	buf_free(&a->name);
	sys_sha256_free(a->sha);
	free(a->space);
	arena_free(&a->names);
	free(a);
}
