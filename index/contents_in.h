#ifndef INDEX_CONTENTS_IN_H
#define INDEX_CONTENTS_IN_H
/*
 * Shared by contents.c (the run), scan.c (a first scan, which reads bodies as it
 * goes), contents_body.c (one body to a record), contents_stage.c (a record on its
 * way between threads) and contents_put.c (a record to rows). Records live in an arena of their reader's.
 */
#include <stdint.h>

#include "index/contents.h"
#include "spool/arena.h"
#include "spool/buf.h"
#include "spool/dsn.h"
#include "spool/msg.h"

#define CONTENTS_HOSTS_MAX 256
#define CONTENTS_RCPTS_MAX 8	/* recipients whose names are masked in its print */

/* message.body_flags */
enum { BODY_LIES = 1, BODY_SHORTENER = 2 };	/* an attachment that is not what it says; a link by way of a shortener */

struct body_of {		/* the message, as the index knows it */
	const char *queue, *id, *path, *subject;	/* subject: NULL none */
	const char *rcpt[CONTENTS_RCPTS_MAX];
	size_t nrcpt;
};

struct body_part {
	unsigned depth;
	const char *type, *name, *charset, *encoding, *disposition, *detected;
	int64_t size;		/* -1: a container, or cut short */
	unsigned char sha256[32];
	int has_sha256, is_attachment;
};

struct body {			/* what one message's body says */
	int state;		/* CONTENTS_READ, CONTENTS_PARTLY; CONTENTS_NOT: see below */
	struct body_part *part;
	size_t nparts;
	const char **host;
	size_t nhosts;
	const struct dsn_rcpt *reply;	/* of a report; NULL none */
	size_t nreplies;
	const char *notes;	/* JSON array, NULL none */
	const uint32_t *print;	/* see campaign.h; none when nprint is 0 */
	size_t nprint;
	int64_t print_row;	/* that of its print, as campaigns_add gave it; 0 none yet */
	int flags;
	int is_gone;
	const char *why;	/* not readable */
};

/* ---- contents_body.c: used by any thread ---- */

/* What all readers of a run share: libmagic's data base and what it said of each content, by its hash. */
struct body_shared;
int body_shared_new(struct body_shared **out, uint64_t max_body, struct err *e);
void body_shared_free(struct body_shared *sh);

struct body_reader;
/* r: with this one, which stays the caller's; NULL: with one of its own. */
int body_reader_new(struct body_reader **out, struct body_shared *sh, struct spool *sp, struct spool_reader *r, struct err *e);
void body_reader_free(struct body_reader *r);

/* Reads one message; all of out goes to a. */
void body_read(struct body *out, struct body_reader *r, struct arena *a, const struct body_of *of);

/* The registrable domain of a host, NULL when there is none: an address, a public suffix itself. */
const char *body_domain(const char *host);

/* ---- contents_stage.c ---- */

/* Appends a record to b, and back: 0, or -1 when it is none. out points into the record and a. */
void body_encode(struct buf *b, const struct body *from);

/* Writes the row of its print into the record that begins at byte `start` and is the last of b. has_print 0: the print itself is left out. */
void body_tell(struct buf *b, size_t start, int64_t print_row, int has_print);
int body_decode(struct body *out, struct arena *a, const void *record, size_t n);

/* ---- contents_put.c ---- */

struct contents_put;
struct put;
struct put_body;

/* put: with this one, which stays the caller's; NULL: with one of its own. */
struct contents_put *contents_put_new(struct index *ix, struct put *put, int64_t spool, uint64_t max_body, struct err *e);
void contents_put_free(struct contents_put *p);

/* Writes a record to a row that still has this fingerprint. 1 written, 0 the row is another message now, -1. Inside a transaction. */
int contents_put(struct contents_put *p, int64_t row, int64_t fp, const struct body *b, struct err *e);

/* The same for a row that is not there yet: the columns for put_message, then the rows of their own. 0, -1. */
int contents_put_columns(struct put_body *out, struct contents_put *p, const struct body *b, struct err *e);
int contents_put_rows(struct contents_put *p, int64_t row, const struct body *b, struct err *e);

#endif
