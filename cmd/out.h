#ifndef CMD_OUT_H
#define CMD_OUT_H
/*
 * The one writer of stdout. Rows of values under fixed keys become JSON Lines
 * or CSV (contract "Output"); tables are cmd/table.h, which writes through
 * this. Every text is made inert: JSON writes C0, DEL, C1 and bidi controls
 * as \uXXXX, all else replaces them; invalid UTF-8 becomes U+FFFD everywhere. The first
 * failed write is kept in `error` and ends all output; nothing is lost silently.
 */
#include <stddef.h>
#include <stdint.h>

#include "spool/buf.h"

enum out_format { OUT_TABLE, OUT_JSON, OUT_CSV };

struct out {
	enum out_format format;
	struct buf b;			/* not yet written */
	struct buf cell;		/* CSV: a list on its way to be one cell */
	const char *const *key;		/* of the row; at: the next one */
	size_t nkey, at;
	const char *const *group_key;	/* of an object in a list; NULL: an array */
	size_t items, group_at;
	int in_list, in_group;
	int is_memory;			/* nothing is written: the text stays in b */
	int error;			/* errno of the first failed write, 0 none */
	int is_terminal, is_pipe, colour;
	size_t width;			/* columns of the terminal; 0: not a terminal, nothing is cut */
};

void out_init(struct out *o, enum out_format format);

/* Writes what waits. 0, or -1 when any write since out_init failed (o->error). */
int out_flush(struct out *o);
int out_end(struct out *o);		/* flushes, closes stdout, frees */

/* Begins rows with these keys (kept by the caller); CSV gets its header line now, also when no row follows. */
void out_keys(struct out *o, const char *const *key, size_t nkey);

/* One value after the other in the order of the keys, then out_row. NULL is null. */
void out_text(struct out *o, const char *s);
void out_int(struct out *o, int64_t v);
void out_count(struct out *o, int64_t v);		/* null when negative */
void out_real(struct out *o, double v, int digits);
void out_bool(struct out *o, int v);			/* null when negative */
void out_time(struct out *o, int64_t us, int digits);	/* RFC 3339 of microseconds; MSG_NO_TIME is null */
void out_time_ns(struct out *o, int64_t ns);
void out_strings(struct out *o, const char *json);	/* a JSON array of strings as text; NULL is null */
void out_row(struct out *o);

/* A list as one value: its items are the values put between. A group is an object (keys) or an array (NULL) in a list. */
void out_list(struct out *o);
void out_group(struct out *o, const char *const *key);
void out_group_end(struct out *o);
void out_list_end(struct out *o);

/* For people: as it is (trusted), and made inert. */
void out_raw(struct out *o, const char *s);
void out_plain(struct out *o, const char *s);

/* The text tools behind it. */
void text_inert(struct buf *b, const char *s, size_t n);	/* for terminals, CSV, stderr */
void text_html(struct buf *b, const char *s, size_t n);		/* for a text or a quoted attribute of HTML */
void text_json(struct buf *b, const char *s, size_t n);		/* without the quotes */
int text_is_ascii(const char *s, size_t n);			/* printable: inert as it is, a column each */
size_t text_width(const char *s, size_t n);			/* columns */
size_t text_fit(const char *s, size_t n, size_t columns);	/* bytes of s that fit */
int text_string(struct buf *b, const char **json);		/* the next string of a JSON array: 1, 0 at its end */
void text_join(struct buf *b, const char *json, const char *between);
const char *text_time(char out[40], int64_t sec, int64_t fraction, int digits, int is_json);	/* NULL: not in the years 0-9999 */
char *text_number(char *out, int64_t n);			/* "-12"; up to 21 bytes. Returns where its NUL is */
const char *text_size(char out[16], int64_t bytes);		/* "1.2M" */

#endif
