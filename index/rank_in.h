#ifndef INDEX_RANK_IN_H
#define INDEX_RANK_IN_H
/*
 * Shared by rank.c (one pass over the messages, groups, counts), rank_signals.c
 * (the table of signals: counts in, score and sentences out) and rank_reply.c
 * (what a rejection says). Nobody else includes it.
 */
#include <stdint.h>

#include "index/rank.h"
#include "spool/arena.h"

/* What is known of one group when it is judged. */
struct facts {
	enum rank_by by;
	const char *kind, *key;	/* as in the row */
	const char *domain;	/* own domain of an account, NULL none */
	int64_t n, all;		/* messages of the group, of the whole selection */
	int64_t senders, clients, peak, minutes;	/* minutes: from the first to the last */
	int64_t named;		/* messages with a sender that is not null */
	int64_t foreign;	/* of these: outside the domain of their account */
	int64_t open;		/* of these: their account has no domain to compare with … */
	int64_t open_commonest;	/* … and how many of those have the commonest sender domain */
	int64_t domains;	/* distinct sender domains of foreign and open ones */
	int64_t replied;	/* messages whose last reply is known */
	int64_t content;	/* refused with words about the message: spam, phishing … */
	int64_t server;		/* refused with words about our address or domain: blocklist, reputation */
	int64_t others, others_server;	/* all other messages, and how many of them were so refused */
	int64_t odd_scripts, lists, reports, bounces;
	int64_t nulls, nulls_unlike;	/* null-sender messages of this client, those not shaped like a report */
	int64_t subject_count;	/* of the commonest subject */
	const char *script;	/* path of one odd script */
};

/* Fills score, verdict and reasons of the row. */
void rank_judge(struct rank_row *row, struct arena *a, const struct facts *f);

/* "9801" as "9,801". */
const char *rank_number(struct arena *a, int64_t n);

/* Is this the path of a script in a folder where uploads, caches or temporary files live? */
int rank_script_is_odd(const char *path);

/* What a rejection speaks of. */
enum reply_class { REPLY_OTHER, REPLY_SERVER, REPLY_CONTENT };
struct replies;
struct replies *replies_new(void);
void replies_free(struct replies *r);
enum reply_class replies_classify(const struct replies *r, const char *text);

#endif
