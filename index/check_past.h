#ifndef INDEX_CHECK_PAST_H
#define INDEX_CHECK_PAST_H
/*
 * What the checks since the last published scan found out of a spool: a check
 * that runs out of time judges by it what it could not look at again. A
 * scan that is published, whoever made it, ends it: its own facts are newer.
 */
#include "index/check.h"
#include "index/index.h"

/* Fills out; what is not known has at 0. Texts go to a. -1 and err: the index cannot be read. */
int past_load(struct check_past out[CHECK_COUNT], struct index *ix, const char *kind, const char *root, struct arena *a, struct err *e);

/* Notes what these results know: a number, or a larger lower bound than the one before. -1 and err: the index cannot be written to. */
int past_store(struct index *ix, const struct check_facts *f, const struct check_result r[CHECK_COUNT], struct err *e);

#endif
