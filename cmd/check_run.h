#ifndef CMD_CHECK_RUN_H
#define CMD_CHECK_RUN_H
/*
 * Shared by cmd_check.c (options and order), check_text.c (sentences),
 * check_out.c (the plugin's line, JSON) and what sends the result elsewhere. One
 * struct check_run is one run; its texts live in its arena.
 */
#include <stdatomic.h>

#include "cmd/cmd.h"
#include "index/check.h"
#include "spool/arena.h"

struct check_spool {
	const char *arg;		/* as it was asked for */
	const char *label;		/* of performance data: "postfix", or "postfix:/srv/a" when there are two of a kind */
	struct spool *sp;		/* NULL: could not be opened */
	struct check_past past[CHECK_COUNT];
	atomic_int has_past;		/* past is whole: the watchdog may read it */
	struct check_facts facts;
	atomic_int is_done;		/* facts are whole: the watchdog may read them */
	atomic_llong counted;		/* messages met so far */
	struct check_result result[CHECK_COUNT];	/* but for CHECK_INDEX, which is of the run */
};

struct check_run {
	struct context *c;
	struct arena arena;
	struct check_limits limits;
	struct check_known known;
	struct check_spool *v;
	size_t n;
	struct check_facts index_facts;
	struct check_result index;
	enum check_state state;
	atomic_int is_open;		/* v and n do not change any more */
	int64_t repeat;			/* microseconds, 0 never */
	const char *trouble;		/* what else went wrong (the metrics file), NULL */
	double timeout;			/* seconds */
	int timed_out;			/* what was asked for was not all done: the state is CRITICAL or UNKNOWN */
	const char *no_spool;		/* why there is none at all; NULL */
};

/* One sentence, without line ends; names in it are as strangers wrote them. */
void check_text(struct buf *b, const struct check_result *r, const struct check_facts *f);

/* The line of a monitoring plugin; with -v the long output below it. */
void check_out_plugin(struct out *o, const struct check_run *r);

/* The words of that line between the state and the bar. */
void check_summary(struct buf *b, const struct check_run *r);

/* An object a check. */
void check_out_rows(struct out *o, const struct check_run *r);

/* Writes the metrics file. -1 and err. */
int check_metrics(const char *path, const struct check_run *r, int with_domains, struct err *e);

/* Notes the results for the next check; log and command, when the state has changed or --repeat says so; says on stderr what fails. The command has
 * what is left until end (sys_clock_us), but 5 seconds at least and 60 at most. */
void check_alert(struct check_run *r, const char *ix_path, int64_t end);

/* check --list. */
void check_out_list(struct context *c);

/* The number as performance data, JSON and metrics have it: whole seconds, bytes and messages, one digit of shares and growth. */
double check_rounded(const struct check_result *r);

/* Calls fn for every result: of each spool, then of the index (facts->kind NULL, facts->root NULL). */
void check_each(const struct check_run *r, void (*fn)(void *arg, const struct check_spool *sp, const struct check_result *one,
    const struct check_facts *f), void *arg);

#endif
