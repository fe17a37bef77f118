#ifndef INDEX_SELECT_H
#define INDEX_SELECT_H
/*
 * A selection of messages, contract "Selectors": the same selector repeated is
 * or, different ones are and. Text is compared case-folded and whole, with `*` and
 * `?`, or `re:` and a PCRE2 expression with match limits. It becomes one SQL
 * condition over the table `message` (alias m) with functions of our own registered
 * on the connection. A limit that is reached is an error of the query, never "no
 * match".
 */
#include <stdint.h>

#include "index/index.h"
#include "spool/buf.h"

enum select_key {
	SEL_ACCOUNT, SEL_DOMAIN, SEL_SENDER, SEL_SENDER_DOMAIN, SEL_RECIPIENT, SEL_RECIPIENT_DOMAIN, SEL_CLIENT, SEL_SUBJECT,
	SEL_SCRIPT, SEL_QUEUE, SEL_SPOOL, SEL_KIND, SEL_NULL_SENDER, SEL_FROZEN, SEL_DAMAGED, SEL_OLDER, SEL_YOUNGER,
	SEL_SINCE, SEL_UNTIL, SEL_LARGER, SEL_SMALLER, SEL_ID, SEL_CONTAINS, SEL_URL, SEL_ATTACHMENT, SEL_CAMPAIGN, SEL_WHERE, SEL_ALL,
	SEL_COUNT
};

struct selection;

struct selection *selection_new(void);
void selection_free(struct selection *s);

/* The option name without dashes ("sender-domain") and whether it takes a value; for the option table and --help. */
struct select_info {
	const char *name, *arg, *help;
};
extern const struct select_info select_info[SEL_COUNT];

/* Adds one selector; value is UTF-8 (bytes for --contains). -1 and err for a bad value (usage error): a bad age, size, time, address, regular
 * expression. */
int selection_add(struct selection *s, enum select_key key, const char *value, struct err *e);

/* Adds queue ids, one a line. */
int selection_add_ids(struct selection *s, const char *text, size_t n, struct err *e);

int selection_is_empty(const struct selection *s);		/* no selector at all */
int selection_has(const struct selection *s, enum select_key key);

/* Appends " AND (…)" conditions over `message m` to sql and registers the functions they call. Keep s until the statement is finalized. */
int selection_sql(struct buf *sql, struct selection *s, struct index *ix, struct err *e);

/* How a query over the messages now in their spools should begin: "message m", or the same read front to back when the selection gives
 * no key and most rows are live (twice as fast as going through the index message_live). */
const char *selection_source(const struct selection *s, struct index *ix, int with_gone);

/* The same for a statement that needs more of each row than the index on accounts has: of many rows in all an index costs a search each. */
const char *selection_source_of_rows(struct selection *s, struct index *ix, int with_gone);

/* The --contains texts (bytes): query.c reads the files of each candidate afresh. */
size_t selection_contains(const struct selection *s, size_t i, const void **p);	/* length of the i-th, 0 past the last */

/* The value of the i-th selector of this key as it was given, NULL past the last. */
const char *selection_value(const struct selection *s, enum select_key key, size_t i);

/* The selection as the user would type it, shell-quoted, for plans and hints: " --account 'a b' --older 2h". */
void selection_text(struct buf *out, const struct selection *s);

/* Parsers shared with options: "90m" "36h" "2d" "1w" "300" (seconds); "5MiB" "10k" "300" (bytes); RFC 3339, "YYYY-MM-DD[ HH:MM[:SS]]" (UTC), "@SECONDS".
 * 0 or -1. */
int select_age(int64_t *seconds, const char *s);
int select_size(int64_t *bytes, const char *s);
int select_time(int64_t *us, const char *s);

#endif
