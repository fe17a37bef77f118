#ifndef INDEX_PUT_H
#define INDEX_PUT_H
/*
 * From staged records to rows, inside the publishing transaction. Holds the
 * prepared statements and the dictionary of texts and accounts met so far.
 */
#include <stdint.h>

#include "index/index.h"
#include "index/stage.h"

struct put;

struct put *put_new(struct index *ix, int64_t spool, int64_t scan, struct err *e);

/* From now on others write to this index too, by turns: a text or an account that this one has not met may be there. */
void put_share(struct put *p);

void put_free(struct put *p);

/* Leaves temp.sums(queue, account, n, b, r): messages, bytes and recipients of all that was put, by queue and account. */
int put_sums(struct put *p, struct err *e);

/* What is already known of a row in this scan. SEEN: a message with its fingerprint was there; one with the same inode is then the same file, which
 * its MTA moved between two looks. WRITTEN: this scan made it. */
enum { PUT_FREE, PUT_SEEN, PUT_WRITTEN };

/* The live row that is the same message as the record (same id, and same arrival or same inode) (`taken` gives PUT_FREE, PUT_SEEN or PUT_WRITTEN of
 * a row). Row id, 0 none, -1 error. */
int64_t put_find(struct put *p, const struct staged *s, int (*taken)(void *arg, int64_t row), void *arg, struct err *e);

/* What is known of a message's body, for its row (contents_in.h). */
struct put_body {
	int state;		/* CONTENTS_READ, CONTENTS_PARTLY */
	int64_t limit;		/* bytes of a body that were read at most */
	const char *notes;	/* JSON array, NULL none */
	int flags;
	int64_t print;		/* its row, 0 none */
};

/* Writes the record as a new row (row 0) or over an existing one. body: of a new row; NULL: not read. Returns the row id, -1 and err. */
int64_t put_message(struct put *p, const struct staged *s, int64_t row, const struct put_body *body, struct err *e);

/* Binds its five columns from a place on; NULL: not read. */
void put_bind_body(sqlite3_stmt *st, int at, const struct put_body *b);

/* The number of a text in the dictionary, made when missing; 0 for NULL. -1 and err. */
int64_t put_text(struct put *p, const char *s, struct err *e);

#endif
