#ifndef INDEX_BLOCKLISTS_H
#define INDEX_BLOCKLISTS_H
/*
 * The table of blocklists and of the words that replies use: index/blocklists.tsv,
 * compiled in (its head explains the columns). Rows stand in the order in which
 * they are tried; a row without a list is a kind of reply. All texts are constant.
 */
#include <stddef.h>

#include "spool/arena.h"

struct blocklist {
	const char *list;	/* short name, NULL: no list */
	const char *category, *about, *match;
	const char *operator, *url, *zones, *codes;	/* NULL: not known */
	const char *closed;	/* date from which it answers no more, NULL: open */
};

extern const struct blocklist blocklists[];
extern const size_t blocklists_count;

/* The first row of a list by its short name, NULL when there is none. */
const struct blocklist *blocklist_named(const char *list);

/* The page to look an address up on; without an address (NULL) the page alone. NULL when none is known. */
const char *blocklist_url(struct arena *a, const struct blocklist *b, const char *ip);

#endif
