#ifndef INDEX_KEEP_H
#define INDEX_KEEP_H
/*
 * What a scan that was cut short had read: rows outside of the published index,
 * by fingerprint, for the next scan of that spool. A message that changed since has
 * another fingerprint and is read again.
 */
#include "index/index.h"
#include "index/known.h"
#include "index/stage.h"

struct keep {
	struct index *ix;
	int64_t spool;
	struct known known;	/* rows are those of `staged` */
	sqlite3_stmt *st;
	struct stage *room;	/* for what decoding needs */
	size_t at;
	int is_damaged;		/* keep_next met something that is no record: to be forgotten */
};

/* Loads what was kept of a spool. Nothing when it was kept by a program with another encoding or, where local times matter (zone not NULL), with
 * another time zone. k is all zero before; free with keep_free also after an error. */
int keep_load(struct keep *k, struct index *ix, int64_t spool, const char *zone, struct err *e);
void keep_free(struct keep *k);

/* The next kept message whose fingerprint was seen. 1, 0 end, -1; out is valid until the next call. */
int keep_next(struct staged *out, struct keep *k, struct err *e);

/* In a transaction, which it ends and begins anew now and then: keeps what a stage holds (stage_end was called); fn gets each message too. */
int keep_store(struct index *ix, int64_t spool, const char *zone, struct stage *s, void (*fn)(void *arg, const struct staged *m), void *arg,
    struct err *e);

/* In a transaction: forgets it all. */
int keep_drop(struct index *ix, int64_t spool, struct err *e);

#endif
