#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H
/*
 * One line on stderr while a scan or a purge runs: messages, rate, the top
 * account so far; the phase of a purge. Only on a terminal and without -q; redrawn at most eight times a second.
 */
#include <stdint.h>

#include "index/purge.h"
#include "index/scan.h"

struct progress {
	int is_on;
	int is_shown;		/* a line is there to be wiped */
	int64_t drawn;		/* sys_clock_us of the last time */
	const char *what;	/* the spool */
};

void progress_init(struct progress *p, int quiet, const char *what);
void progress_contents(void *arg, uint64_t read, uint64_t wanted, double seconds);
void progress_scan(void *arg, const struct scan_progress *s);	/* arg: the struct progress */
void progress_purge(void *arg, const struct purge_progress *p);	/* the same */
void progress_wipe(struct progress *p);

#endif
