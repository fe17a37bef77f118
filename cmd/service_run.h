#ifndef CMD_SERVICE_RUN_H
#define CMD_SERVICE_RUN_H
/*
 * The MTA's service, stopped while its spool is worked on and started again on every way out: --stop-service of purge, hold, release and
 * restore. What is meant to be started again stands in the journal before anything is stopped, so that a run that is killed in between leaves
 * word; whoever goes on with its work starts it. Functions say their errors and return an exit status.
 */
#include <stdint.h>

#include "cmd/cmd.h"
#include "index/journal.h"
#include "spool/service.h"
#include "spool/spool.h"

struct service_run {
	struct context *c;
	struct journal *j;		/* open for writing once anything is stopped or taken over */
	const char *index_path, *who;
	const struct spool_driver *driver;	/* whose service it is; NULL none */
	struct spool *sp;		/* its spool, ours; NULL not known */
	struct service s;
	struct sys_lock *lock;
	int64_t id;			/* for whom: a plan, or minus the number of a restore */
	int is_ours;			/* it was stopped for that, and must be started again */
	int was_met;			/* the watch over it has met it running */
};

/* Before anything is done: can the service of this spool be stopped? *stops: there is one. CMD_DONE, or CMD_FAILED. */
int service_run_can(int *stops, struct spool *sp);

/* From here on it is about the service of this spool, which is ours then (NULL: only the driver is known), for `id`. Looks it up, alone among all runs, when
 * is_asked. 1; 0 there is none, or it was not asked for; -1. */
int service_run_find(struct service_run *v, int64_t id, const struct spool_driver *driver, struct spool *sp, int is_asked);

/* Takes over a service that a run before has stopped for v->id and, killed, not started again; where something else has started it since, that is
 * noted in the journal. found: what service_run_find returned; name: as the journal has it, NULL not known. CMD_DONE, or CMD_RESUME. */
int service_run_adopt(struct service_run *v, int found, const char *name);

/* Journals that it must be started again, stops it, waits until no process of it is left; one that is ours already stays as it is. CMD_DONE,
 * CMD_FAILED: v->is_ours tells whether it is to be started. */
int service_run_stop(struct service_run *v);

/* Has something else started it meanwhile? 0 no, -1 and err. As purge_options.guard; arg is the service_run. */
int service_run_guard(void *arg, struct err *e);

/* Starts again what was stopped or taken over: called on every way out. CMD_DONE, or CMD_RESUME. */
int service_run_start(struct service_run *v);
void service_run_free(struct service_run *v);

#endif
