#ifndef CMD_RESCAN_H
#define CMD_RESCAN_H
/*
 * Bringing the index up to date before and after a command that changes
 * spools: the same scan as `scan`, without its output. Only what could not be read is
 * said. Each spool is read with the time zone of its last scan. Returns CMD_DONE,
 * CMD_PARTLY (a queue was not wholly read) or CMD_FAILED (said).
 */
#include "cmd/cmd.h"
#include "index/journal.h"

/* The scanned spools that the selection may speak of; when none was scanned yet, those that --spool names, else those of this machine. */
int rescan_selection(const struct context *c, struct index *ix, struct selection *s);

/* The spools of a plan. */
int rescan_plan(const struct context *c, struct index *ix, struct journal *j, int64_t plan);

#endif
