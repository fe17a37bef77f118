#ifndef INDEX_SELECT_IN_H
#define INDEX_SELECT_IN_H
/*
 * Shared by the three files of a selection, by nobody else: select.c (what the
 * user typed), select_match.c (texts against patterns), select_sql.c (the SQL
 * condition and the functions it calls). A selection is held by its owner and
 * by every connection that its functions were registered on; the last one
 * frees it. One thread.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/select.h"
#include "spool/arena.h"

/* What a text is, and so in which spellings it is compared. */
enum text_form { FORM_TEXT, FORM_ADDRESS, FORM_DOMAIN };

enum pattern_type { PATTERN_EXACT, PATTERN_GLOB, PATTERN_REGEX };

struct pattern {
	enum pattern_type type;
	char *folded;		/* case-folded NFC; not for a regular expression */
	char *ascii;		/* the same with its domain as ASCII, quotes that need not be removed; NULL when equal */
	void *re;		/* pcre2_code */
};

/* Compiles a value: "re:…", one with * or ?, or a plain one. -1 and err for a bad expression. */
int pattern_make(struct pattern *out, const char *value, enum text_form form, struct err *e);
void pattern_free(struct pattern *p);

struct matcher;			/* scratch memory and limits of the matching */
struct matcher *matcher_new(void);
void matcher_free(struct matcher *m);

/* 1 the text matches, 0 not, -1 a limit of PCRE2 was reached (err). */
int pattern_match(const struct pattern *p, struct matcher *m, const char *text, enum text_form form, struct err *e);

/* * any run of characters, ? one character of UTF-8. Time: length of the text times length of the pattern at worst. */
int glob_match(const char *pattern, const char *text);

struct item {			/* one selector as it was given */
	enum select_key key;
	char *value;
	struct pattern pattern;	/* of text selectors */
	int64_t number;		/* seconds, microseconds or bytes */
	char *kind, *root;	/* --spool: KIND: part or NULL, resolved path or NULL */
};

struct memo {			/* the answer for each number of a text met so far */
	int64_t *id;		/* 0: free; bit 62 carries the answer */
	size_t cap, n;
};

struct rows {			/* a sorted set of row numbers */
	int64_t *v;
	size_t n, cap;
};

struct selection {
	unsigned refs;
	int64_t now;		/* --older and --younger count from here; one moment for the whole run */
	struct item *v;
	size_t n, cap;
	char **ids;		/* --id, sorted and each once when ids_sorted */
	size_t nids, ids_cap;
	int ids_sorted, ids_from_text;
	struct matcher *matcher;
	struct memo memo[SEL_COUNT];
	struct rows where;
	sqlite3 *db;		/* the functions are registered here; NULL nowhere */
};

/* Which values are texts for a pattern, and of what form; -1: not a text selector. */
int selector_form(enum select_key key);

void selection_unref(struct selection *s);
void selection_sort_ids(struct selection *s);

/* Is --where's expression one expression, without comments, and may it read what it reads? */
int where_check(const char *expr, struct err *e);

/* Registers the functions of a selection on a connection, once. */
int selection_register(struct selection *s, struct index *ix, struct err *e);

/* For query_scans: appends a test of the text expression sql_text by the selector's patterns: " AND f(KEY, NULL, sql_text)". */
void selection_test(struct buf *sql, const struct selection *s, enum select_key key, const char *sql_text);

/* Does every --kind name an MTA (and so narrow the spools)? Appends "'postfix','exim'" to list. */
int selection_spool_kinds(struct buf *list, const struct selection *s);

/* One snapshot for all statements of a query: begins a read transaction unless one is open. selection_end ends what this one began. */
int selection_begin(int *began, struct index *ix, struct err *e);
void selection_end(int began, struct index *ix);

/* --contains, afresh on the files: holds the spools open. */
struct contains;
struct contains *contains_new(const struct selection *s);	/* NULL: the selection has no --contains */
void contains_free(struct contains *c);

/* Do the files of this message, or its joined header section, hold one of the texts? 1, 0 (also when it has gone), -1 a file could not be read. */
int contains_test(struct contains *c, const char *kind, const char *root, const char *queue, const char *id, const char *path,
    struct err *e);

#endif
