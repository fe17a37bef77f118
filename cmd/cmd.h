#ifndef CMD_CMD_H
#define CMD_CMD_H
/*
 * What a command is and what it gets. Each cmd_<name>.c has one struct command
 * at its top; main.c lists them; help, usage and the manual's synopsis come
 * from it or are tested against it. Only cmd/ prints: data through c->out
 * on stdout, everything else through cmd_say and cmd_note on stderr. A
 * command returns an exit status of the contract and frees what it opened; the
 * context is main's.
 */
#include <stddef.h>
#include <stdint.h>

#include "cmd/opt.h"
#include "cmd/out.h"
#include "index/index.h"
#include "index/query.h"
#include "index/rank.h"
#include "index/select.h"
#include "spool/err.h"

enum {				/* exit status, contract "Exit status" */
	CMD_DONE = 0,
	CMD_FAILED = 1,		/* and no spool was touched */
	CMD_RESUME = 2,		/* failed after a spool changed: purge --resume */
	CMD_PARTLY = 3,		/* done, but something is damaged, was skipped or not read, and is listed */
	CMD_USAGE = 64
};

struct context;

struct command {
	const char *name;
	const char *synopsis;		/* behind the name, as in the manual */
	const char *summary;		/* one line */
	const char *more;		/* further help, lines that end in LF; NULL none */
	const struct opt *opts;		/* its own options, an all-empty entry at the end; NULL none */
	int selects;			/* takes the selectors of index/select.h */
	size_t min_args, max_args;	/* words that are no options */
	int (*run)(struct context *c);
};

struct context {
	const struct command *command;	/* NULL: none was named */
	const char *opt[OPT_KEYS];	/* value, "" of a flag; NULL not given; the last one of several */
	struct given { enum opt_key key; const char *value; } *given;	/* every option with a value, in their order */
	size_t ngiven;
	const char **arg;		/* words that are no options */
	size_t narg;
	struct selection *sel;
	enum out_format format;
	int quiet, verbose;
	int spool_changed;		/* a spool was changed, or may have been: a failure from then on is exit 2 */
	struct out out;
};

/* A line on stderr, made safe for a terminal; cmd_note is silenced by -q. */
void cmd_say(const char *fmt, ...);
void cmd_note(const struct context *c, const char *fmt, ...);

/* Says the error and returns CMD_FAILED. */
int cmd_fail(const struct err *e);

/* The index file that this run uses (--index, SPOOLSWEEP_INDEX, the default); malloc'd. */
char *cmd_index_path(const struct context *c);
int cmd_index_open(struct index **out, const struct context *c, enum index_mode mode, struct err *e);

/* The journal beside that index, for reading. None there is no plan: 0 and NULL; neither of them there is a mistyped name: -1. */
struct journal;
int cmd_journal_open(struct journal **out, const struct context *c, struct err *e);

/* Gives up the rights that nobody needs who only reads spools and writes this index (sys_confine). */
void cmd_confine(const struct index *ix);

/* Says how old the index is when that is over 15 minutes, and which queues of the selection were not wholly read. *nspools (may be NULL) is
 * the number of spools that the selection may speak of. Returns CMD_DONE, CMD_PARTLY or CMD_FAILED (said). */
int cmd_freshness(size_t *nspools, const struct context *c, struct index *ix, struct selection *s);

/* "before 5 + arrived 1 = after 4 + deleted 2 + vanished 0, by id", and what it does not prove. */
struct proof;
void cmd_proof(struct buf *b, const struct proof *p);

/* The same for programs: keys, and a proof's values, NULL all null. */
#define PROOF_KEY_NAMES "before", "arrived", "after", "kept", "vanished", "proven"
void proof_values(struct out *o, const struct proof *p);

/* Is a ranking of all that the selection means? 0: a queue was not wholly read, or bodies were not where it depends on them. */
int cmd_is_complete(const struct context *c, struct index *ix, enum rank_by by, int is_partial);

/* Says on stderr how many messages' contents were not read, when any: `what` ("--url") cannot know of those. CMD_FAILED: not known (said). */
int cmd_say_missing(const struct context *c, struct index *ix, const struct selection *s, const char *what);

/* "spoolsweep --index FILE" as this run was called, for commands that the user is told to run; quoted for a shell. */
void cmd_again(struct buf *b, const struct context *c);

/* The same as a text of its own; the caller frees it. */
char *cmd_self(const struct context *c);

/* The mark to put around such a command within a sentence: '"', or "'" where its own words are in "...", as on Windows. */
char cmd_mark(const char *command);
void cmd_quote(struct buf *b, const char *word);

/* The worse of two exit states: a changed spool before failure before usage before partly. */
int cmd_worse(int a, int b);

/* A queue's name for people: the default queue of Exim has none, "*" is the whole spool. */
const char *cmd_queue_words(const char *queue);

/* "3 min", "4 h 12 min", "2 days": for people. */
const char *cmd_duration(char *out, size_t n, int64_t seconds);

/* The keys of `list --json` in the order of the contract, and a row's values in that order. */
#define LIST_KEYS 27
#define LIST_KEY_NAMES \
	"spool", "kind", "queue", "id", "account", "account_kind", "domain", "sender", "sender_domain", "client", "client_name", \
	"helo", "protocol", "local_user", "uid", "script", "arrived", "size", "recipients", "pending", "from", "subject", \
	"message_id", "state", "reason", "damage", "notes"
void list_values(struct out *o, const struct query_row *r);

/* The same of `rank --json`; place counts from 1. */
#define RANK_KEY_NAMES \
	"rank", "by", "key", "kind", "messages", "share", "recipients", "bytes", "first", "last", "peak_per_minute", "senders", "clients", \
	"deferred", "subject", "verdict", "score", "reasons", "accounts", "complete"
void rank_values(struct out *o, const struct rank_row *r, size_t place, int by, int is_complete);

/* The object of `list --json` as text, for a plan: arg is a struct out of format OUT_JSON of its own; valid until the next call. */
const char *list_object(void *arg, const struct query_row *r);

/* The spools of this machine (cmd_spools.c): those that the installed MTAs name, else the known places that are there. */
struct spool_place {
	char *kind, *dir;
	char *arg;		/* "KIND:DIR" */
};
size_t spools_find(struct spool_place **out);
void spools_free(struct spool_place *p, size_t n);
int spools_is_hidden(const struct spool_place *p);	/* only the MTA itself tells of it: not found where that cannot be asked */
const char *spools_looked_for(void);	/* one sentence for "none found" */

extern const struct command cmd_spools, cmd_scan, cmd_rank, cmd_list, cmd_show, cmd_purge, cmd_hold, cmd_release, cmd_plans, cmd_verify,
    cmd_restore, cmd_check, cmd_report, cmd_prune, cmd_evidence, cmd_dnsbl, cmd_schedule;
extern const struct command *const cmd_all[];	/* commands.c, NULL at the end */

#endif
