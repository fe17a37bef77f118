#ifndef INDEX_CHECK_H
#define INDEX_CHECK_H
/*
 * The judging of a health check: facts in, states out. Pure: no file, no clock,
 * no index; check_facts.c gathers the facts, cmd/check_text.c says them. What is
 * not known is never taken for 0: a fact that could not be read is UNKNOWN, one that
 * is only partly known can be CRITICAL and is never OK.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/range.h"
#include "spool/arena.h"
#include "spool/err.h"

enum check_id {
	CHECK_MESSAGES, CHECK_OLDEST, CHECK_FROZEN, CHECK_DEFERRED, CHECK_GROWTH, CHECK_ACCOUNT_MESSAGES, CHECK_ACCOUNT_RATE,
	CHECK_ACCOUNT_SHARE, CHECK_NEW_ACCOUNTS, CHECK_BLOCKLISTED, CHECK_CLIENTS, CHECK_DAMAGED, CHECK_DISK_FREE, CHECK_INODES_FREE,
	CHECK_SCAN_AGE, CHECK_INDEX, CHECK_MTA, CHECK_UNFINISHED,
	CHECK_COUNT
};

enum check_state { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };	/* the exit status of a plugin */

extern const struct check_info {
	const char *name;
	enum range_unit unit;
	const char *warning, *critical;	/* default ranges, "" off */
	int64_t from;			/* defaults judge from so many messages on */
	const char *meaning;
} check_info[CHECK_COUNT];

/* -1: no such check. */
int check_named(const char *name, size_t n);

/* ---- limits ---- */

struct check_limits {
	struct range warning[CHECK_COUNT], critical[CHECK_COUNT];
	int has_warning[CHECK_COUNT], has_critical[CHECK_COUNT];	/* was given: judged whatever the number of messages and the spool */
};

void check_defaults(struct check_limits *out);

/* "NAME=RANGE". -1 and err (a usage error). */
int check_limit_set(struct check_limits *l, int is_critical, const char *text, struct err *e);

/* Accounts that are known to send much: "kind:account [max messages]" a line, "#" begins a comment. */
struct check_known {
	struct known_account { const char *kind, *key; int64_t most; } *v;	/* most: -1 any number */
	size_t n;
};
/* Texts go to a. -1 and err with the number of the line. */
int check_known_parse(struct check_known *out, const char *text, size_t n, struct arena *a, struct err *e);

/* ---- facts ---- */

enum fact_how {
	FACT_NONE,		/* there is nothing to judge: too little history, a file system without a limit */
	FACT_KNOWN,
	FACT_AT_LEAST,		/* was not wholly read: v is what is there at least */
	FACT_UNKNOWN
};

struct fact {
	enum fact_how how;
	double v;		/* seconds, bytes, per cent or a number, as check_info has it */
	const char *why;	/* a sentence: what is meant, or why it is not known; NULL when there is nothing to say */
};

struct check_account {
	const char *kind, *name;
	int64_t messages, per_minute, clients;	/* per_minute, clients: -1 not known */
	int64_t seconds;			/* from its first message to its last, -1 not known */
	int64_t usual;				/* messages at this hour and weekday, -1 not known */
	int is_known;				/* in the list of known ones, below its number */
};

struct check_past {		/* what an earlier check knew */
	struct fact fact;
	const struct check_account *account;	/* that is meant, NULL none */
	int64_t at;			/* microseconds, 0: nothing is known */
};

struct check_facts {
	const char *kind, *root;	/* kind NULL: the spool could not be opened */
	struct fact fact[CHECK_COUNT];	/* the three of accounts are made by the judging from `account` */
	struct fact accounts;		/* how well the accounts are known (v unused) */
	const struct check_account *account;	/* most messages first; bounces and messages without an account are not here */
	size_t naccounts;
	int64_t messages;		/* what shares are of; -1 not known */
	int64_t taken_over;		/* messages that earlier checks had read and this one published or counted */
	const char *note;		/* how it was looked at, when that is worth saying; NULL */
	int64_t holder;			/* process that carries out a plan on this spool right now, 0 none */
	int is_ours;			/* one of this machine's spools: its MTA should run */
	int is_late;			/* what is not known would be, had there been more time */
	const struct check_past *past;	/* CHECK_COUNT of them; NULL none */
	const struct check_known *known;	/* accounts that are left out of the past, too; NULL none */
};

struct check_result {
	enum check_id id;
	enum check_state state;
	struct fact fact;
	struct range warning, critical;	/* as they were applied */
	const struct check_account *account;	/* that is meant, NULL none */
	int64_t past;			/* when it was found out, microseconds: CRITICAL then, and there was no time to look again; 0: now */
	int was_least;			/* and it was a lower bound then */
};

/* Judges one check, or all of a spool in the order of check_id. */
void check_judge(struct check_result *out, enum check_id id, const struct check_limits *l, const struct check_facts *f);
void check_judge_all(struct check_result out[CHECK_COUNT], const struct check_limits *l, const struct check_facts *f);

enum check_state check_worse(enum check_state a, enum check_state b);	/* CRITICAL before UNKNOWN before WARNING */
const char *check_state_name(enum check_state s);

/* Marks the accounts that are in the list and not above their number. */
void check_known_mark(struct check_account *v, size_t n, const struct check_known *k);

/* ---- telling others ---- */

struct check_alert {			/* what was last told, kept in the index */
	int is_known;
	enum check_state state;
	int64_t since, told;		/* microseconds; told 0: the command failed or was not run for this state */
};

enum { CHECK_LOG = 1, CHECK_RUN = 2 };	/* a line in the system's log, the command */

/* What is due for this state, and the record as it is from now on, with told 0 when the command is to run. repeat_us: 0 never again while the state
 * stays. A time in the future was noted before the clock was set back: then it is due. */
unsigned check_alert_due(struct check_alert *a, enum check_state now_state, int64_t repeat_us, int64_t now);

/* ---- history ---- */

#define CHECK_HISTORY_MIN 3	/* fewer values of other days are no history */

/* Middle value, and the middle distance from it (median absolute deviation): one incident among many days moves neither. Sorts v. n > 0. */
double check_median(double *v, size_t n);
double check_mad(double *v, size_t n, double median);

/* How far x lies above what is usual, in usual deviations; at least 0. A deviation counts as 25 messages and a tenth of the usual number at least:
 * a queue that is always empty deviates by nothing. */
double check_growth(double x, double median, double mad);

#endif
