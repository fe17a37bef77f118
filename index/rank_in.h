#ifndef INDEX_RANK_IN_H
#define INDEX_RANK_IN_H
/*
 * Shared by rank.c (groups to rows), rank_pass.c (one pass over the messages into
 * hits and groups) and rank_signals.c (the table of signals: counts in, score and
 * sentences out). Nobody else includes it.
 */
#include <stdint.h>

#include "index/map.h"
#include "index/rank.h"
#include "index/reply.h"
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
	int64_t accounts;	/* that the messages come from */
	int64_t shared;		/* messages of campaigns that three accounts or more take part in … */
	int64_t shared_accounts;	/* … and the most that take part in one */
	int64_t lies, shorteners;	/* messages with an attachment that is not what it says, with a link by way of a shortener */
	int64_t other_from;	/* sent with a sender of the account's domain, but another domain in From */
	int64_t odd_scripts, lists, reports, bounces;
	int64_t nulls, nulls_unlike;	/* null-sender messages of this client, those not shaped like a report */
	int64_t subject_count;	/* of the commonest subject */
	const char *script;	/* path of one odd script */
};

/* Fills score, verdict and reasons of the row. */
void rank_judge(struct rank_row *row, struct arena *a, const struct facts *f);

/* Is this the path of a script in a folder where uploads, caches or temporary files live? */
int rank_script_is_odd(const char *path);

/* ---- the pass ---- */

enum {
	HIT_FOREIGN = 1, HIT_OPEN = 2, HIT_CONTENT = 4, HIT_SERVER = 8, HIT_REPLIED = 16, HIT_REPORT = 32, HIT_LIST = 64,
	HIT_NULL = 128, HIT_BOUNCE = 256, HIT_ODD = 512, HIT_NAMED = 1024, HIT_LIES = 2048, HIT_SHORTENER = 4096, HIT_FROM = 8192
};

/* One message of one group: 40 bytes, so that a million fit. Numbers of texts fit 32 bits (checked). */
struct hit {
	int64_t arrived;
	uint32_t group, sender, domain, client, subject, flags, account;
	uint32_t campaign;	/* 1 + its place, 0 none */
};

struct group {
	int64_t key;		/* number of a text or account; 0: none */
	int64_t row;		/* the last message that was counted */
	int64_t recipients, bytes, deferred, first, last;	/* recipients, bytes: -1 as long as no message tells */
	uint32_t n, at;
	uint32_t script;	/* text of one odd script */
};

/* Counts of numbers within one group; cleared by a new generation. */
struct tally {
	struct count { uint32_t key, n, turn; } *slot;
	size_t cap, mask;
	uint32_t turn;
};

struct account {
	const char *kind, *name, *domain;
	int is_bounce;
};

struct pass {
	struct index *ix;
	enum rank_by by;
	struct rank *out;
	struct arena arena;		/* of the pass alone */
	sqlite3_stmt *text, *account_st;
	struct replies *replies;
	struct map groups, names, accounts, reasons, scripts, own, nulls;
	struct map campaigns, taking_part, froms;	/* places of campaigns; pairs of campaign and account met; From domains judged */
	struct campaign { uint32_t messages, accounts; } *campaign;
	size_t ncampaigns;
	struct account *account;
	size_t naccounts;
	struct group *group;
	size_t ngroups, groups_cap;
	struct hit *hit;
	uint32_t *order;		/* hits, group by group */
	size_t n, cap;
	struct tally tally;
	int64_t *contained;		/* rows that --contains left, sorted */
	const int64_t *only;		/* these rows alone, sorted; NULL: all */
	size_t nonly;
	int has_prints;			/* bodies were read: there are campaigns */
	int with_gone;			/* rows of messages that have gone count too */
	int64_t all_server, blocklisted, messages, last_row;
	int is_unread;			/* a text or an account could not be read: why is in unread */
	struct err unread;
};

/* Reads the selected messages into hits and groups. */
int pass_collect(struct pass *p, struct selection *s, struct err *e);
void pass_free(struct pass *p);

/* A text by number, valid until the next call; NULL when there is none. What cannot be read is noted in the pass, which then has no result. */
const char *pass_text(struct pass *p, int64_t id);
const struct account *pass_account(struct pass *p, int64_t id);

/* A copy in the arena, NULL of NULL. */
const char *pass_keep(struct arena *a, const char *s);

#endif
