#ifndef CMD_PLAN_RUN_H
#define CMD_PLAN_RUN_H
/*
 * What purge, hold and release share: their options, opening index and
 * journal, making a plan, telling it (plan_out.c), and carrying it out with the scans
 * before and after, the proof and the line in the system's log. Functions say their
 * errors and return an exit status.
 */
#include <stdint.h>

#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "cmd/service_run.h"
#include "index/journal.h"
#include "index/plan.h"
#include "index/proof.h"
#include "index/purge.h"
#include "spool/arena.h"
#include "spool/spool.h"

struct plan_run {
	struct context *c;
	enum plan_kind kind;
	char *index_path, *archive_dir, *mainlog;
	char who[128];
	struct index *ix;		/* NULL: it could not be opened, a resume goes on without it */
	struct journal *j;
	struct arena arena;
	struct out object;		/* writes the JSON objects of messages into plans */
	struct plan_options make;
	struct purge_options opt;
	struct progress progress;
	struct service_run service;
	int64_t limit, watch_s, plan;	/* plan: of --plan, --undo or --resume N, 0 none */
	int is_fresh;			/* the index was scanned by this command */
	int was_whole;			/* when the run began: every queue was read */
	int keys_told;			/* the CSV header is out */
};

/* Reads the options of c. CMD_DONE, or CMD_USAGE. Free with plan_run_free in any case. */
int plan_run_options(struct plan_run *r, struct context *c, enum plan_kind kind);
void plan_run_free(struct plan_run *r);

/* Opens the index, for writing when something will be scanned, and the journal, made when missing. */
int plan_run_open(struct plan_run *r, int will_scan);

/* Opens the journal that is there already, and the index where that is possible. *none is 1 when there is no journal: nothing was ever planned. */
int plan_run_open_old(struct plan_run *r, int *none);

/* Reads plan `id` into p; CMD_FAILED and said when there is none. */
int plan_run_plan(struct plan *p, struct plan_run *r, int64_t id);

/* Makes a plan of at most `limit` messages. CMD_DONE with *id 0 when nothing is selected (said). */
int plan_run_make(int64_t *id, struct plan_run *r, int64_t parent, int64_t limit);

/* The checks before anything is taken, or before a resume goes on: CMD_DONE, CMD_FAILED, or CMD_RESUME when the plan was begun before. */
int plan_run_check(struct plan_run *r, int64_t id);

/* Carries out a plan from where it stands; told message by message at the end. */
int plan_run_execute(struct plan_run *r, int64_t id);

/* Puts back what is still there, of all messages or of those that `want` accepts (as purge_undo); a dry run without --execute. */
struct plan_meant {
	int64_t n;	/* messages that were meant; of a dry run those that would be put back */
	int is_unsure;	/* not all of the plan could be read: it may be more */
};
void plan_run_would(const struct plan_run *r, const struct plan_meant *m);	/* says what a dry run of it would do */
int plan_run_undo(struct plan_meant *out, struct plan_run *r, int64_t id, int (*want)(void *arg, const struct item *it), void *arg);

/* Ctrl-C or a request to end came. */
int plan_run_stopped(void);

/* ---- plan_service.c: the MTA's service, stopped while a plan is carried out ---- */

/* Before anything is asked of the user: can --stop-service do what it says? Sets opt.stops_service. */
int plan_service_check(struct plan_run *r, int64_t id);

/* Takes over a service that a run before has stopped and, killed, not started again; where something else has started it since, that is noted in the
 * journal. CMD_DONE, also when there is none; CMD_RESUME and said when it cannot be told. */
int plan_service_adopt(struct plan_run *r, const struct plan *p);

/* With --stop-service: journals that it must be started again, stops it, waits until its process has ended. From then on, or when it was not running
 * anyway, opt.guard watches that it stays so. Does nothing for a plan without such a service. CMD_DONE; CMD_FAILED: it is as it was;
 * CMD_RESUME: the plan was begun before, or the service is stopped and could not be started again. */
int plan_service_stop(struct plan_run *r, const struct plan *p);

/* Starts again what plan_service_stop has stopped or taken over: called on every way out. CMD_DONE, or CMD_RESUME and said. */
int plan_service_start(struct plan_run *r);
void plan_service_free(struct plan_run *r);

/* Does the mail server of one of the plan's spools run, so that the plan will be refused without --stop-service or --live? */
int plan_service_is_in_the_way(struct plan_run *r, int64_t id);

/* ---- plan_flow.c: what purge and hold do alike ---- */

/* From selectors: a plan, its report, and with --execute its carrying out (and the waves of --watch). */
int plan_flow_new(struct plan_run *r);

/* --plan N: the report of a stored plan, and with --execute its carrying out. */
int plan_flow_stored(struct plan_run *r);

/* Says a usage error and returns CMD_USAGE when one of the options that belong to the making of a plan (selectors, --scan, --limit, --level,
 * --mainlog, --watch) stands beside `beside`. */
int plan_flow_alone(const struct plan_run *r, const char *beside);

/* ---- plan_out.c ---- */

/* The report of a dry run, for people. */
int plan_out_report(struct plan_run *r, int64_t id);

/* The messages of a plan and the sums: one object a message and a last one with --json; for people those that were skipped. proof may be NULL. */
int plan_out_items(struct plan_run *r, int64_t id, const struct proof *proof, int is_undo);

/* The queues that were not wholly read, as JSON array: of the spools that the selectors speak of, without selectors of the plan's own (id 0: no
 * plan). CMD_DONE or CMD_PARTLY when there are some. */
int plan_out_unknown(struct buf *json, struct plan_run *r, int64_t id);

/* The options of this run that belong to the making of a plan, and those to its carrying out; with a blank before each. */
void plan_out_making(struct buf *b, const struct plan_run *r);
void plan_out_doing(struct buf *b, const struct plan_run *r, const char *stop_service);

/* "spoolsweep purge --plan 3 --execute --archive DIR". */
void plan_out_carry_out(struct buf *b, struct plan_run *r, int64_t id);

#endif
