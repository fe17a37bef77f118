#ifndef SPOOL_ERR_H
#define SPOOL_ERR_H
/*
 * One error, filled once by whoever finds it: the object, what was tried and
 * the system's text ("open deferred/A/AB12: Permission denied"). Callers may
 * prefix context with err_wrap; nobody prints it but cmd/. The text is a
 * C string of bytes as they came: cmd/ makes it safe for a terminal.
 */

struct err {
	int sys;		/* errno of the failed call, 0 when none was involved */
	char text[600];		/* cut, never overrun */
};

/* Sets the error; with sys != 0 ": sys_error(sys)" is appended. Always returns -1. A NULL e is allowed. */
int err_set(struct err *e, int sys, const char *fmt, ...);

/* Puts "context: " before the text. Always returns -1. */
int err_wrap(struct err *e, const char *fmt, ...);

void err_clear(struct err *e);

#endif
