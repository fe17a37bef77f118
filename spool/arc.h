#ifndef SPOOL_ARC_H
#define SPOOL_ARC_H
/*
 * The archive of a purge: a pax tar compressed by zstd that holds a BagIt bag
 * (RFC 8493), so that tar and sha256sum alone can prove and unpack it. The
 * writer streams: lists are kept in temporary files beside the archive, never in
 * memory. The archive is written under a dot name and appears whole by one rename.
 * The reader treats the archive as hostile: it is a file that was mailed around.
 *
 * Members, in this order, all below one folder named as the archive without ".tar.zst":
 *   bagit.txt, data/KIND-N/<path> …, messages.jsonl, manifest-sha256.txt, bag-info.txt, tagmanifest-sha256.txt
 * In data/ names every byte outside [A-Za-z0-9._#+,/-] is written as =XX (upper-case hex).
 */
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "part.h"
#include "sys.h"

#define ARC_SHA256 32

struct arc;			/* being written */

struct arc_options {
	int level;		/* zstd level 1-19, 0: the default for speed (3) */
	unsigned threads;	/* zstd workers, 0: none; the tar is the same, the packed bytes may differ */
};

/* Starts ".NAME.tmp" (mode 0600, exclusive; a stale one of the same name is removed first) in an open folder; name ends in ".tar.zst". */
int arc_create(struct arc **out, struct sys_dir *folder, const char *name, const struct arc_options *opt, struct err *e);

/* Adds one file of a message: spool is "KIND-N", path the true path below the spool root (bytes). Its size is fixed by st->size. The file is
 * hashed before the member is begun (below 1 MiB from one read in memory, else in a pass of its own); a file that is not st->size bytes long, or that
 * differs between the passes, is told before it spoils the archive where that is possible: 1, nothing was added, the caller opens it again and repeats. A file that
 * changed after its member was begun is -1, and so is an mtime in the last second before 1970 (no pax writer here holds it). ARC_UNREAD and err: a read of the file
 * failed before anything was added, the archive is as it was. sha gets the digest of the bytes archived. */
#define ARC_UNREAD 2
int arc_add(unsigned char sha[ARC_SHA256], struct arc *a, const char *spool, const char *path, struct sys_file f,
    const struct sys_stat *st, struct err *e);

/* Adds one line (an object without LF, below 256 KiB) to messages.jsonl. The lines' parts, one line after the other, are the files in the order
 * of arc_add: verify holds them against each other in one pass. Either may be ahead while the archive is written. */
int arc_message(struct arc *a, const char *json, struct err *e);

/* Adds "Label: value" to bag-info.txt (Payload-Oxum, Bagging-Date and Bag-Software-Agent are added by arc_finish). Line breaks in a value become blanks. */
int arc_info(struct arc *a, const char *label, const char *value, struct err *e);

/* Writes the lists, ends the tar, fsyncs the file. The temporary name stays. */
int arc_finish(struct arc *a, struct err *e);

/* What arc_verify found. */
struct arc_report {
	uint64_t files, bytes;		/* payload */
	uint64_t messages;		/* lines of messages.jsonl */
	unsigned char sha[ARC_SHA256];	/* of the archive file itself */
	uint64_t size;			/* of the archive file */
	uint64_t problems;		/* findings; problem is called for each */
};

/* Reads a whole archive back (past the cache where the system lets us): every digest against the manifests, every member named once, none
 * missing, none extra, Payload-Oxum, order, top folder = file name, owner, mode and mtime of each payload member against messages.jsonl. Each finding is told to
 * problem (may be NULL) as one sentence. 0: it could be read to the end (see report->problems), -1 and err: it could not. `name` may be the temporary name. */
int arc_verify(struct arc_report *out, struct sys_dir *folder, const char *name,
    void (*problem)(void *arg, const char *text), void *arg, struct err *e);

/* Renames the finished temporary to its name without replace and fsyncs the folder. EEXIST when the name is taken. */
int arc_publish(struct sys_dir *folder, const char *name, struct err *e);

/* Ends a writer at any point; the temporary file stays for arc_discard or a resume. */
void arc_close(struct arc *a);

/* Removes the temporary files of a name, if any. */
int arc_discard(struct sys_dir *folder, const char *name, struct err *e);

/* ---- reading, for restore ---- */

struct arc_reader;

struct arc_entry {
	const char *spool;	/* "KIND-N" of a payload file; NULL for tag files */
	const char *path;	/* the true path, decoded; or the tag file's name */
	struct sys_stat st;	/* size, mode, uid, gid, mtime as archived */
};

/* Opens by path (the user's). */
int arc_open(struct arc_reader **out, const char *path, struct err *e);
int arc_next(struct arc_entry *out, struct arc_reader *r, struct err *e);	/* 1, 0 end, -1; texts valid until the next call */
int64_t arc_read(void *buf, size_t n, struct arc_reader *r, struct err *e);	/* bytes of the entry at hand; 0 end, -1 */

/* The next line of the entry at hand (messages.jsonl) without its LF, valid until the next call. 1, 0 end, -1. */
int arc_line(const char **line, size_t *n, struct arc_reader *r, struct err *e);
void arc_reader_close(struct arc_reader *r);

/* One parsed line of messages.jsonl, what restore needs; unknown keys are kept by nobody. Strings live in a. A line that is not such an
 * object: -1. */
struct arc_part {
	const char *role, *path;	/* true path below the root, bytes */
	uint64_t size;
	uint32_t mode, uid, gid;
	int64_t mtime;			/* nanoseconds */
	unsigned char sha[ARC_SHA256];
};
struct arc_message {
	const char *spool_name;		/* "KIND-N" */
	const char *spool, *kind, *queue, *id, *account, *account_kind, *sender, *state;
	int64_t arrived;		/* microseconds, MSG_NO_TIME */
	struct arc_part part[PART_MAX];
	size_t nparts;
	const char *json;		/* the whole line */
};
int arc_parse_message(struct arc_message *out, struct arena *a, const char *line, size_t n, struct err *e);

/* The value of "parts" in such a line, as arc_parse_message reads it back: "name" is the member's name below data/ and exact, "path" is for people. */
void arc_parts_json(struct buf *b, const char *spool_name, const struct arc_part *part, size_t n);

/*
 * The line of a message: n bytes of an object of list --json, the parts added. A line that would be too long for an archive has of its long texts the
 * beginning and "…": a subject of any length must not keep a message out of a purge. The message's own bytes are in its files.
 */
void arc_message_json(struct buf *out, const char *json, size_t n, const char *spool_name, const struct arc_part *part, size_t nparts);

/* "AB=20C" and back. encode never fails; decode returns NULL for a malformed =XX, an absolute path, "..", an empty component. */
const char *arc_encode_name(struct arena *a, const char *path);
const char *arc_decode_name(struct arena *a, const char *name);

#endif
