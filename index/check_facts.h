#ifndef INDEX_CHECK_FACTS_H
#define INDEX_CHECK_FACTS_H
/*
 * The facts that a health check judges: from the index (a published scan and the
 * history of earlier ones), the spool's file system, the plans. Each fact says how
 * well it is known. Texts and accounts live in the arena.
 */
#include "index/check.h"
#include "index/index.h"
#include "index/partial.h"
#include "spool/spool.h"

/* Every fact unknown, for one reason. kind NULL: the spool could not be opened, root is what was asked for. */
void facts_unknown(struct check_facts *out, const char *kind, const char *root, const char *why);

/* What the newest published scan of a spool says; numbers are lower bounds when it did not read everything. Leaves the facts of facts_around alone.
 * 1; 0 no scan is published; -1 and err: the index cannot be read. */
int facts_from_index(struct check_facts *out, struct index *ix, const char *kind, const char *root, const struct check_known *known,
    struct arena *a, struct err *e);

/* What a scan that was cut short says: lower bounds, each for the reason `why`. found: messages that the walk met. */
void facts_from_partial(struct check_facts *out, const struct partial *p, int64_t found, const char *why, const struct check_known *known,
    struct arena *a);

/* What needs no scan: file system, MTA, plans (the journal beside ix_path), age of the last whole scan (ix may be NULL). */
void facts_around(struct check_facts *out, struct spool *sp, struct index *ix, const char *ix_path, struct arena *a);

/* How long ago the newest scan was published, in microseconds; -1 none was, or the index cannot be read. */
int64_t facts_published(struct index *ix, const struct spool *sp);

/* The kind of the scanned spool in this folder, in a; NULL: none was scanned, or two kinds. */
const char *facts_kind(struct index *ix, const char *root, struct arena *a);

/* The time zone of the newest scan, NULL none; in a. */
const char *facts_zone(struct index *ix, const struct spool *sp, struct arena *a);

/* The index's own health. fault: what could not be done with it, NULL nothing; then SQLite looks through it for at most `us` microseconds. */
struct fact facts_index(struct index *ix, const char *fault, int64_t us, struct arena *a);

#endif
