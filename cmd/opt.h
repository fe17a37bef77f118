#ifndef CMD_OPT_H
#define CMD_OPT_H
/*
 * The command line from tables: global options (accepted before and after the
 * command), each command's own, and the selectors of index/select.h. Values
 * point into argv. Long names are never abbreviated: scripts would break when an
 * option is added. Nothing is printed but by opt_help, on stdout.
 */
#include <stddef.h>
#include <stdint.h>

#include "spool/err.h"

enum opt_key {
	OPT_INDEX, OPT_JSON, OPT_CSV, OPT_QUIET, OPT_VERBOSE, OPT_HELP, OPT_VERSION,
	OPT_FULL, OPT_THREADS, OPT_TIMEZONE, OPT_BY, OPT_ROWS, OPT_COUNT, OPT_IDS,
	OPT_EXECUTE, OPT_PLAN, OPT_RESUME, OPT_UNDO, OPT_ARCHIVE, OPT_SCAN, OPT_YES, OPT_LIMIT, OPT_LEVEL, OPT_MAINLOG, OPT_RETRY,
	OPT_WATCH, OPT_LIVE, OPT_STOP_SERVICE,
	OPT_TO, OPT_TO_QUEUE, OPT_RESET_TIME, OPT_THAW, OPT_RATE, OPT_AS, OPT_AS_PATH,	/* the two words of --as */
	OPT_ADOPT,
	OPT_TIMEOUT, OPT_WARNING, OPT_CRITICAL, OPT_KNOWN, OPT_LIST, OPT_METRICS, OPT_METRICS_DOMAINS, OPT_ON_ALERT, OPT_REPEAT,
	OPT_INSTALL, OPT_REMOVE, OPT_PRINT, OPT_EVERY, OPT_WITH, OPT_FOLDER, OPT_PROGRAM,
	OPT_HTML, OPT_TEXT, OPT_CSV_DIR, OPT_TIMELINE, OPT_BODYFILE, OPT_REDACT, OPT_OLDER,
	OPT_REPLY, OPT_GONE, OPT_RESOLVER, OPT_FROM_EVIDENCE,
	OPT_CONTENTS, OPT_MAX_BODY,
	OPT_KEYS
};

struct opt {
	const char *name;	/* long name without dashes; NULL none */
	char letter;		/* short name; 0 none */
	const char *arg;	/* name of its value; NULL: a flag; "[N]": a number may follow, "" without one;
				 * "A B": two words, the second is the next key's */
	enum opt_key key;
	const char *help;
};

extern const struct opt opt_global[];
extern const char opt_usage[];	/* "spoolsweep [--index FILE] …" up to the command */

struct command;
struct context;
struct out;

/* Fills the context from the command line; c->sel must be there. "help COMMAND" becomes the command with OPT_HELP. A usage error: -1, with a
 * hint in err. Free c->arg with opt_free. */
int opt_parse(struct context *c, const struct command *const all[], int argc, char **argv, struct err *e);
void opt_free(struct context *c);

/* Help of one command, or of all when cmd is NULL. */
void opt_help(struct out *o, const struct command *const all[], const struct command *cmd);

/* A whole decimal number in [lo, hi]. 0, or -1 and err naming the option. */
int opt_number(int64_t *out, const char *name, const char *text, int64_t lo, int64_t hi, struct err *e);

#endif
