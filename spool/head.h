#ifndef SPOOL_HEAD_H
#define SPOOL_HEAD_H
/*
 * RFC 5322 header fields and RFC 2047 words, from a stream of bytes in any
 * pieces. Bounded: a field keeps at most HEAD_FIELD_MAX bytes, all fields together
 * HEAD_ALL_MAX; what is beyond is passed over and noted. It never fails: odd
 * input gives notes. Text out is UTF-8, NFC, without NUL (U+FFFD instead), folds
 * joined, in the arena.
 */
#include <stddef.h>

#include "arena.h"
#include "buf.h"

#define HEAD_FIELD_MAX ((size_t)256 * 1024)
#define HEAD_ALL_MAX ((size_t)4 * 1024 * 1024)

struct head_pair {
	const char *name, *value;	/* name as written (UTF-8), value decoded */
};

struct head {
	/* the first of each kind, decoded; NULL when absent */
	const char *from, *subject, *message_id, *date, *reply_to, *mailer;
	const char *php_origin;		/* X-PHP-Originating-Script, whole value */
	const char *php_script;		/* X-PHP-Script, whole value */
	const char *source, *source_args, *source_dir;	/* X-Source* (cPanel) */
	const char *auth_sender;	/* X-Authenticated-Sender or X-Authenticated-Id … */
	const char *x_sender;
	const char *list_id;
	const char *received;		/* the top Received: only, unfolded */
	int is_report;			/* Content-Type multipart/report, or Auto-Submitted other than "no" */
	int ended;			/* the blank line (or the first line that is no field) was met */
	struct head_pair *all;		/* every field in order, with want_all */
	size_t nall;
	const char **notes;		/* "duplicate Subject", "raw 8-bit in Subject", "unknown charset x", … each once */
	size_t nnotes;
};

struct head_parser {
	struct arena *arena;
	struct head out;
	struct buf field;		/* the field being collected, folds kept */
	size_t all_bytes, all_cap, notes_cap;
	int want_all, at_line_start, state;
};

void head_init(struct head_parser *p, struct arena *a, int want_all);

/* Feeds bytes; LF, CRLF or a mix. Returns 1 when the header section has ended (more bytes are ignored), 0 to go on. */
int head_push(struct head_parser *p, const void *bytes, size_t n);

/* Ends the input, frees the parser's buffer and returns the result (valid as long as the arena and the parser). */
const struct head *head_end(struct head_parser *p);

struct msg;
/* Copies what a header tells into a message: from, subject, …, script (the name without its "uid:"), script_path, is_report, notes. */
void head_to_msg(struct msg *m, const struct head *h);

/* Bytes to clean UTF-8: as it is when valid, else as Windows-1252; NFC; NUL becomes U+FFFD. *raw8 (may be NULL) is set to 1
 * for valid non-ASCII UTF-8, 2 when it was read as Windows-1252. */
const char *head_text(struct arena *a, const void *p, size_t n, int *raw8);

/* Decodes RFC 2047 words in an unfolded value (adjacent words joined, a character cut across two words of one charset mended). */
const char *head_decode(struct arena *a, const void *p, size_t n, struct head_parser *notes_to);

#endif
