#ifndef CMD_SCHEDULE_TEXT_H
#define CMD_SCHEDULE_TEXT_H
/*
 * The texts that make a system run the health check again and again: units of
 * systemd, a file for cron, a task of Windows. Pure functions of what is asked for, the
 * same on every system: tests compare them.
 */
#include "spool/buf.h"

struct schedule {
	const char *program;		/* absolute path */
	const char *index;		/* absolute path, NULL the default one */
	const char *metrics;		/* absolute path, NULL none */
	int minutes;			/* 1 to 1439 */
};

struct schedule_file {
	const char *name;
	void (*text)(struct buf *b, const struct schedule *s);
};

/* Ends with a NULL name. */
extern const struct schedule_file schedule_systemd[], schedule_cron[], schedule_task[];

/* Can cron do so many minutes evenly? They must divide an hour or a day. */
int schedule_cron_can(int minutes);

#endif
