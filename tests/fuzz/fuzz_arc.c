/*
 * The archive's reader and verify. The input is an archive (first byte 0: packed, 1: the tar), or changes to a good tar: an offset of two bytes, a
 * length and so many bytes, and so on, after which the checksums of its headers are made right. Whatever verify accepts must unpack, for us
 * and for libarchive, to what the good one unpacks to.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/arc_in.h"

#define TOP "spoolsweep-host-plan1"
#define BLOCK 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct buf good;
static unsigned char ours[ARC_SHA256], theirs[ARC_SHA256];

/* The digest of all that our reader tells; -1 when it refuses. */
static int
digest_ours(unsigned char sha[ARC_SHA256], const struct arc_input *in)
{
	struct sys_sha256 *h = sys_sha256_new();
	struct arc_reader *r = arc_reader_new(in);
	struct arc_entry ent;
	char p[1000];
	int64_t n = 0;
	int rc = 0;

	while (n >= 0 && (rc = arc_next(&ent, r, NULL)) > 0) {
		int64_t head[5] = { (int64_t)ent.st.size, ent.st.mode, ent.st.uid, ent.st.gid, ent.st.mtime };

		sys_sha256_add(h, ent.spool != NULL ? ent.spool : "", ent.spool != NULL ? strlen(ent.spool) : 0);
		sys_sha256_add(h, ent.path, strlen(ent.path) + 1);
		sys_sha256_add(h, head, sizeof head);
		while ((n = arc_read(p, sizeof p, r, NULL)) > 0)
			sys_sha256_add(h, p, (size_t)n);
	}
	sys_sha256_end(sha, h);
	sys_sha256_free(h);
	arc_reader_close(r);
	return rc < 0 || n < 0 ? -1 : 0;
}

static void
digest_theirs(unsigned char sha[ARC_SHA256], const struct buf *tar)
{
	struct sys_sha256 *h = sys_sha256_new();
	struct archive *a = archive_read_new();
	struct archive_entry *ent;
	char p[1000];
	la_ssize_t n;

	archive_read_support_format_tar(a);
	archive_read_open_memory(a, tar->p, tar->n);
	while (archive_read_next_header(a, &ent) == ARCHIVE_OK) {
		int64_t head[7] = { archive_entry_size(ent), archive_entry_mode(ent), archive_entry_uid(ent), archive_entry_gid(ent), archive_entry_mtime(ent),
			archive_entry_mtime_nsec(ent), archive_entry_hardlink(ent) != NULL || archive_entry_symlink(ent) != NULL };

		sys_sha256_add(h, archive_entry_pathname(ent), strlen(archive_entry_pathname(ent)) + 1);
		sys_sha256_add(h, head, sizeof head);
		while ((n = archive_read_data(a, p, sizeof p)) > 0)
			sys_sha256_add(h, p, (size_t)n);
	}
	archive_read_free(a);
	sys_sha256_end(sha, h);
	sys_sha256_free(h);
}

static void
write_good(struct sys_dir *folder)
{
	static const struct sys_stat st = { .size = 5, .mode = 0640, .uid = 101, .gid = 4000000000u, .mtime = 1713465452123456789 };
	struct arc_part part = { "message", "input/a/1rxYzA-000000-AB-H", 5, 0640, 101, 4000000000u, 1713465452123456789, { 0 } };
	struct sys_file f;
	struct buf line;
	struct arc *a;

	buf_init(&line, 4096);
	if (sys_create_at(&f, folder, "f", 0600) != 0 || sys_write(f, "hello", 5) != 0 || sys_unlink(folder, "f") != 0 ||
	    arc_create(&a, folder, TOP ".tar.zst", NULL, NULL) < 0 || arc_add(part.sha, a, "exim-1", part.path, f, &st, NULL) != 0)
		abort();
	buf_puts(&line, "{\"spool\":\"/s\",\"kind\":\"exim\",\"queue\":\"\",\"id\":\"1rxYzA-000000-AB\",\"parts\":");
	arc_parts_json(&line, "exim-1", &part, 1);
	buf_byte(&line, '}');
	if (arc_message(a, buf_cstr(&line), NULL) < 0 || arc_finish(a, NULL) < 0)
		abort();
	arc_close(a);
	sys_close(&f);
	buf_free(&line);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char dir[] = "/tmp/fuzz_arc-XXXXXX";
	struct sys_dir *folder;
	struct arc_input in;
	struct arc_stream s;
	const unsigned char *p;
	size_t n;

	(void)argc;
	(void)argv;
	if (mkdtemp(dir) == NULL || sys_dir_open(&folder, dir, NULL) < 0)
		abort();
	write_good(folder);
	if (arc_input_open(&in, folder, "." TOP ".tar.zst.tmp", NULL) < 0)
		abort();
	arc_stream_init(&s, &in, NULL);
	buf_init(&good, 1 << 20);
	while (arc_stream_some(&p, &n, &s, SIZE_MAX, NULL) > 0)
		buf_add(&good, p, n);
	arc_stream_free(&s);
	sys_close(&in.file);
	arc_discard(folder, TOP ".tar.zst", NULL);
	sys_dir_close(folder);
	rmdir(dir);
	in = (struct arc_input){ { -1 }, good.n, (const unsigned char *)good.p, 1 };
	if (digest_ours(ours, &in) < 0)
		abort();
	digest_theirs(theirs, &good);
	return 0;
}

static void
change(struct buf *tar, const uint8_t *data, size_t size)
{
	unsigned sum;
	size_t at, n, i;
	char *b;

	for (; size > 3; data += n, size -= n) {
		at = ((size_t)data[0] << 8 | data[1]) % tar->n;
		n = data[2];
		data += 3;
		size -= 3;
		n = n < size ? n : size;
		n = n < tar->n - at ? n : tar->n - at;
		memcpy(tar->p + at, data, n);
	}
	for (b = tar->p; b < tar->p + tar->n; b += BLOCK) {
		if (memcmp(b + 257, "ustar", 5) != 0)
			continue;
		memset(b + 148, ' ', 8);
		for (i = 0, sum = 0; i < BLOCK; i++)
			sum += (unsigned char)b[i];
		snprintf(b + 148, 8, "%06o", sum);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char sha[ARC_SHA256];
	struct arc_report r;
	struct arc_input in = { { -1 }, 0, NULL, 1 };
	struct buf tar;

	if (size == 0)
		return 0;
	buf_init(&tar, 1 << 20);
	if (data[0] > 1) {
		buf_add(&tar, good.p, good.n);
		change(&tar, data + 1, size - 1);
	} else {
		buf_add(&tar, data + 1, size - 1);
		in.is_plain = data[0] == 1;
	}
	in.mem = (const unsigned char *)buf_cstr(&tar);
	in.size = tar.n;
	if (arc_check(&r, &in, TOP, NULL, NULL, NULL) == 0 && r.problems == 0 && data[0] > 1) {
		if (digest_ours(sha, &in) < 0 || memcmp(sha, ours, ARC_SHA256) != 0)
			abort();
		digest_theirs(sha, &tar);
		if (memcmp(sha, theirs, ARC_SHA256) != 0)
			abort();
	} else {
		(void)digest_ours(sha, &in);
	}
	buf_free(&tar);
	return 0;
}
