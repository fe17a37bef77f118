#ifndef INDEX_DELIST_H
#define INDEX_DELIST_H
/*
 * What the operator of a list asks for before he removes an address: which
 * listing, the cause, what was done about it and when, and proof that the queue is
 * clean now. Sentences made of a report's facts; a report that was redacted gives
 * redacted ones. Nothing is claimed that the index does not show.
 */
#include "index/report.h"

enum delist_state { DELIST_UNKNOWN, DELIST_NOT_YET, DELIST_CLEAN };	/* is the queue clean? */
extern const char *const delist_state_name[];	/* "unknown" "not yet" "clean" */

struct delist {
	const struct evidence_row **list;	/* those to write to: they judge our address or domain and are not closed */
	size_t nlists;
	const char **cause, **done, **proof;	/* sentences, for every list the same */
	size_t ncause, ndone, nproof;
	enum delist_state state;
};

/* Texts live in the arena; rows are the report's. */
void delist_make(struct delist *out, const struct report *r, struct arena *a);

/* The sentences of one list: what it says of us, since when, for whom. */
const char *delist_listing(const struct evidence_row *row, struct arena *a);

#endif
