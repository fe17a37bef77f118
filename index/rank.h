#ifndef INDEX_RANK_H
#define INDEX_RANK_H
/*
 * Who sends most, and who is likely compromised: one pass over the selected
 * messages into groups, then a sum of documented signals for each group (rank.c has
 * the table; the manual prints it). Volume orders the rows; the verdict is the score's.
 */
#include <stdint.h>

#include "index/index.h"
#include "index/select.h"

enum rank_by {
	RANK_ACCOUNT, RANK_DOMAIN, RANK_SENDER, RANK_SENDER_DOMAIN, RANK_CLIENT, RANK_RECIPIENT_DOMAIN, RANK_SUBJECT, RANK_SCRIPT,
	RANK_URL, RANK_CAMPAIGN,
	RANK_COUNT
};
extern const char *const rank_by_name[RANK_COUNT];

struct rank_row {
	const char *key, *kind;		/* NULL: messages without it */
	int64_t messages, recipients, bytes, senders, clients, accounts, deferred;
	double share;
	int64_t first, last;		/* microseconds, MSG_NO_TIME unknown */
	int64_t peak_per_minute;
	const char *subject;		/* commonest, NULL none */
	const char *verdict;		/* "likely" "possible" "unlikely" */
	int score;			/* 0..100 */
	const char **reasons;		/* sentences with their numbers */
	const int *points;		/* what each reason adds to the score, below 0 in favour; 0 a remark */
	size_t nreasons;
};

struct rank {
	struct rank_row *row;		/* most messages first, then key */
	size_t n;
	int64_t messages;		/* all that were selected */
	int64_t blocklisted;		/* of these: refused with words about a blocklist or this server's reputation */
	struct arena *arena;
};

int rank_make(struct rank **out, struct index *ix, struct selection *s, enum rank_by by, struct err *e);

/* The same of those messages of the selection whose row number is among n sorted ones, also when they are gone; --contains is taken as answered by
 * them. row is kept by the caller. */
int rank_make_rows(struct rank **out, struct index *ix, struct selection *s, enum rank_by by, const int64_t *row, size_t n, struct err *e);
void rank_free(struct rank *r);

/* "9801" as "9,801". */
const char *rank_number(struct arena *a, int64_t n);

/* "s" behind a word that is counted, "" of one; "are", "is". */
const char *rank_plural(int64_t n);
const char *rank_are(int64_t n);

/* The signals that speak for or against one account, for `show`: as rank_make's reasons of its row. NULL row: no such account. */
const struct rank_row *rank_find(const struct rank *r, const char *kind, const char *key);

#endif
