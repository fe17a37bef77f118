#ifndef WINDOWS_WIN_EVENT_H
#define WINDOWS_WIN_EVENT_H
/*
 * One line of sys_log as a record of the Event Log. Wine's log keeps nothing, so what would be written is made here, without Windows, and
 * handed to whoever takes it: the log (sys_win_log.c), or a test.
 */
#include <stdint.h>

#include "spool/sys.h"

struct win_event {
	uint16_t type;		/* EVENTLOG_WARNING_TYPE 2, EVENTLOG_INFORMATION_TYPE 4 */
	uint32_t id;		/* as in spoolsweep.mc, with its severity in the upper two bits */
	const uint16_t *text;	/* what "%1" of the message becomes: UTF-16, with a NUL behind */
};

/* Makes the record and gives it to sink. Text that is no UTF-8 is still told, by its bytes. */
void win_event(enum sys_event kind, const char *text, void (*sink)(void *arg, const struct win_event *ev), void *arg);

#endif
