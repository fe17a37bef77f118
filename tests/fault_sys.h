/* What fault.c needs of the system beyond spool/sys.h; fault_sys.c is the POSIX body, Windows has its own. */
#ifndef FAULT_SYS_H
#define FAULT_SYS_H
#include <stddef.h>

#include "spool/sys.h"

void fault_log_open(const char *path);			/* for appending; aborts when it cannot */
void fault_log_line(const char *line, size_t n);	/* nothing when no log is open */
void fault_die(void);					/* as by kill -9: nothing of the process runs any more */
void fault_shell(const char *command);

/* The path of an open folder (and a name in it) or file, into out; "" when the system cannot tell. Returns out. */
const char *fault_dir_path(char *out, size_t n, struct sys_dir *d, const char *name);
const char *fault_file_path(char *out, size_t n, struct sys_file f);

#endif
