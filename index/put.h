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
void put_free(struct put *p);

/* The live row that is the same message as the record (same id, and same arrival or same inode), not one that `taken` says
 * was already matched. Row id, 0 none, -1 error. */
int64_t put_find(struct put *p, const struct staged *s, int (*taken)(void *arg, int64_t row), void *arg, struct err *e);

/* Writes the record as a new row (row 0) or over an existing one. Returns the row id, -1 and err. */
int64_t put_message(struct put *p, const struct staged *s, int64_t row, struct err *e);

/* The number of a text in the dictionary, made when missing; 0 for NULL. -1 and err. */
int64_t put_text(struct put *p, const char *s, struct err *e);

#endif
