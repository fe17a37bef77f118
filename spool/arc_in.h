#ifndef SPOOL_ARC_IN_H
#define SPOOL_ARC_IN_H
/*
 * What the halves of the archive share: its layout, the names of its members,
 * and the strict reader under arc_verify and arc_open. That reader takes only
 * what the writer makes: one zstd frame, plain files with ustar headers, pax records of five
 * kinds, zeros as padding, nothing behind the end. All else is an error that names the
 * member: an archive that two programs could read in two ways is refused, not guessed at.
 * All bytes of an archive come through arc_stream; memory stays below 64 MiB
 * whatever they say.
 */
#include <zstd.h>

#include "arc.h"
#include "buf.h"

#define ARC_SUFFIX ".tar.zst"
#define ARC_LINE_MAX (256 * 1024)	/* of messages.jsonl and of a manifest */
#define ARC_PATH_MAX 4096		/* a true path */
#define ARC_NAME_MAX (16 * 1024)	/* a member's name, each byte of the path as =XX */
#define ARC_INFO_MAX (1024 * 1024)	/* bag-info.txt */
#define ARC_FILES_MAX ((size_t)1 << 23)	/* in one archive: verify keeps 8 bytes of each */
#define ARC_BAGIT_TEXT "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

/* In the order of the archive. */
enum arc_kind { ARC_BAGIT, ARC_DATA, ARC_MESSAGES, ARC_MANIFEST, ARC_INFO, ARC_TAGS, ARC_KINDS, ARC_STRANGE = ARC_KINDS };

/* "bagit.txt" …; ARC_DATA: "data/". */
extern const char *const arc_kind_name[ARC_KINDS];

/* ---- names ---- */

/* Is it one plain word that may be a folder in a tar and a file on any system? */
int arc_is_plain_word(const char *s, size_t n);

/* Is it "KIND-N"? */
int arc_is_spool(const char *s, size_t n);

/* Adds the encoded path. */
void arc_add_name(struct buf *b, const char *path);

/* The archive's name from the name of its file, the temporary one too: "x" of "x.tar.zst" and ".x.tar.zst.tmp". NULL: neither. */
char *arc_top_of(struct arena *a, const char *name);

/* Which member "TOP/rest" is; rest points behind "TOP/data/" for ARC_DATA (its encoding is checked), else behind "TOP/". ntop 0: any top. */
enum arc_kind arc_kind_of(const char **rest, const char *top, size_t ntop, const char *name);

void arc_hex(char out[2 * ARC_SHA256 + 1], const unsigned char sha[ARC_SHA256]);
int arc_unhex(unsigned char sha[ARC_SHA256], const char *hex, size_t n);

/* RFC 3339 to microseconds; 0 or -1. And back, seconds. */
int arc_parse_time(int64_t *us, const char *s);
void arc_time_text(char out[24], int64_t sec);

/* ---- bytes ---- */

struct arc_input {
	struct sys_file file;
	uint64_t size;
	const unsigned char *mem;	/* instead of the file: size bytes in memory */
	int is_plain;			/* a tar without zstd */
};

struct arc_stream {
	const struct arc_input *in;
	uint64_t at;			/* bytes of the input consumed */
	ZSTD_DCtx *z;
	ZSTD_inBuffer raw;
	unsigned char *raw_space, *out;
	size_t out_at, out_n;
	int is_end;			/* of the frame */
	struct sys_sha256 *sha;		/* of the input, or NULL */
};

void arc_stream_init(struct arc_stream *s, const struct arc_input *in, struct sys_sha256 *sha);
void arc_stream_free(struct arc_stream *s);

/* The next unpacked bytes at hand, at least 1 and at most max, consumed. 1, 0 at the end (which was checked), -1. */
int arc_stream_some(const unsigned char **p, size_t *n, struct arc_stream *s, size_t max, struct err *e);

/* ---- members ---- */

struct arc_head {
	const char *name;		/* as in the tar, below 16 KiB; valid until the next member */
	uint64_t size;
	uint32_t mode, uid, gid;
	int64_t mtime;			/* nanoseconds */
};

struct arc_tar {
	struct arc_stream s;
	struct arc_head head;
	uint64_t left;			/* bytes of the member not yet read */
	unsigned pad;			/* zeros behind them */
	char name[ARC_NAME_MAX];
	struct buf line;
};

struct arc_tar *arc_tar_new(const struct arc_input *in, struct sys_sha256 *sha);
void arc_tar_free(struct arc_tar *t);

/* The next member (what is left of the one before is passed over). 1, 0 after the checked end of the tar, -1. */
int arc_tar_next(struct arc_tar *t, struct err *e);

/* Bytes of the member as they lie, as arc_stream_some. */
int arc_tar_some(const unsigned char **p, size_t *n, struct arc_tar *t, size_t max, struct err *e);

/* All of a member into b, which must have room for it. 0 or -1. */
int arc_tar_slurp(struct buf *b, struct arc_tar *t, struct err *e);

/* The next line of the member without its LF, NUL behind it, valid until the next call. 1, 0, -1 (too long, no LF at the end, NUL bytes). */
int arc_tar_line(const char **line, size_t *n, struct arc_tar *t, struct err *e);

/* ---- verify ---- */

/* arc_verify on an input; top: what its members' folder should be, NULL: its file has no name of ours. */
int arc_check(struct arc_report *out, const struct arc_input *in, const char *top,
    void (*problem)(void *arg, const char *text), void *arg, struct err *e);

/* Opens an archive below a folder, past the cache; refuses what is no regular file. */
int arc_input_open(struct arc_input *out, struct sys_dir *folder, const char *name, struct err *e);

/* A reader over an input, whose file it closes at the end. */
struct arc_reader *arc_reader_new(const struct arc_input *in);

typedef void arc_tell(void *arg, const char *fmt, ...);

/* Compares the payload, in order, with the list in another member (ARC_MANIFEST or ARC_MESSAGES) and tells each difference. It is the
 * slow way, for archives that are known to differ. 0 or -1. */
int arc_diff(const struct arc_input *in, const char *top, enum arc_kind with, arc_tell *tell, void *arg, struct err *e);

/* One line of manifest-sha256.txt: name is set to what follows "data/" in the line. */
int arc_parse_manifest(const char **name, unsigned char sha[ARC_SHA256], const char *line, size_t n);

#endif
