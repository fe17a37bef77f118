#ifndef SPOOL_SERVICE_H
#define SPOOL_SERVICE_H
/*
 * The machine's service manager, as far as a mail server is one of its services:
 * systemd (sys_posix_service.c), the Service Control Manager of Windows
 * (windows/sys_win_service.c). service.c waits; it is the same for both. Nothing is
 * started or stopped but by service_stop and service_start, which only purge, hold,
 * release and restore with --stop-service call.
 */
#include <stdint.h>

#include "err.h"

enum service_state { SVC_UNKNOWN, SVC_STOPPED, SVC_STARTING, SVC_RUNNING, SVC_STOPPING, SVC_PAUSED };

struct service {
	char name[260];			/* as its manager knows it: "MailService", "smartermail.service" */
	char display[260];		/* for people */
	char image[1024];		/* path of its program, "" not known */
	char program[260];		/* its file name without folder and ".exe", as sys_process_any wants it; "" not known */
	enum service_state state;
	int64_t pid;			/* of its main process, 0 none or not known */
};

/* How a mail server's service is called where. */
struct service_names {
	const char *name;		/* Windows: its name; it counts only when its program is called `program` */
	const char *program;		/* file name of its program, without ".exe" */
	const char *display;		/* Windows: else one whose display name begins so, without case */
	const char *unit;		/* systemd */
};

/* Looks the service up. 1 found, and all of out is filled; 0 there is no such service; -1 the manager cannot be asked (there is
 * none, or we may not). */
int service_find(struct service *out, const struct service_names *n, struct err *e);

/* For the bodies of service_find: image and program from a path, and from the command line that a Windows service is started with. Backslashes
 * become '/'. What does not fit is left unknown. */
void service_set_image(struct service *s, const char *path);
void service_set_command(struct service *s, const char *line);

/* State and pid anew. 1; 0 the service has gone; -1. */
int service_look(struct service *s, struct err *e);

/* Asks the manager to stop the service, without waiting for it, or to start it. */
int service_ask_stop(const struct service *s, struct err *e);
int service_ask_start(const struct service *s, int seconds, struct err *e);

/* Does a process of the service run, whatever its manager says? 1 yes, 0 no, -1 cannot tell. */
int service_has_process(const struct service *s);

/* Stops it, and waits until its manager says so and no process of it is left; at most `seconds`, or until give_up (NULL: never)
 * is non-zero. */
int service_stop(struct service *s, int seconds, int (*give_up)(void), struct err *e);

/* Starts it and waits until it runs. When it is still starting after `seconds`, that is 0 too, and s->state tells. */
int service_start(struct service *s, int seconds, struct err *e);

/* Where a mail server that is a service keeps its spool on this system when nobody has moved it; NULL at the end. */
extern const char *const service_usual_spools[];

const char *service_state_name(enum service_state s);	/* "running" …; NULL for SVC_UNKNOWN */

#endif
