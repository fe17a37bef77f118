#ifndef INDEX_KNOWN_H
#define INDEX_KNOWN_H
/*
 * What the index has of a spool while it is scanned: fingerprints to rows, and
 * which of them were met. Read-only while readers run, but for `seen`, which any thread
 * may set. All zero is an empty one.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "index/index.h"

struct known {
	struct known_row { uint64_t fp; int64_t row; } *row;
	atomic_uchar *seen;
	uint32_t *slot;		/* 1 + number of the row, by fingerprint; there when n is not 0 */
	size_t n, cap;
};

/* sql selects row number and fingerprint; its one parameter is the spool; known_row wants them in order of rows. -1 and err. Free with known_free also then. */
int known_load(struct known *k, struct index *ix, const char *sql, int64_t spool, struct err *e);
void known_free(struct known *k);

/* Is this fingerprint known? Marks its row as seen. */
int known_seen(struct known *k, uint64_t fp);

/* The place of a fingerprint in slot; n is not 0. */
size_t known_slot(const struct known *k, uint64_t fp);

/* The mark of a row, NULL when it is not known. */
atomic_uchar *known_row(struct known *k, int64_t row);

#endif
