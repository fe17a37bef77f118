/* fault_sys.c - POSIX body of fault_sys.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fault_sys.h"

static int log_fd = -1;
static long links;	/* renames are made by one thread */

void
fault_log_open(const char *path)
{
	if ((log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
		abort();
}

void
fault_log_line(const char *line, size_t n)
{
	if (log_fd >= 0 && write(log_fd, line, n) != (ssize_t)n)
		abort();
}

void
fault_die(void)
{
	raise(SIGKILL);
}

void
fault_shell(const char *command)
{
	unsetenv("LD_PRELOAD");
	if (system(command) != 0)
		fprintf(stderr, "SPOOLSWEEP_FAULT_RUN failed\n");
}

/* struct sys_dir of sys_posix.c begins with its descriptor: what a log needs and no caller does. */
struct dir_head {
	int fd;
};

static const char *
fd_path(char *out, size_t n, int fd, const char *name)
{
	char link[64];
	ssize_t got;
	size_t len;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	got = readlink(link, out, n - 1);
	len = got > 0 ? (size_t)got : 0;
	out[len] = '\0';
	if (name != NULL && len + strlen(name) + 2 < n)
		snprintf(out + len, n - len, "/%s", name);
	return out;
}

const char *
fault_dir_path(char *out, size_t n, struct sys_dir *d, const char *name)
{
	return fd_path(out, n, ((const struct dir_head *)(const void *)d)->fd, name);
}

const char *
fault_file_path(char *out, size_t n, struct sys_file f)
{
	return fd_path(out, n, (int)f.h, NULL);
}

/* ---- a file system without RENAME_NOREPLACE, and a death between the link and the unlink that stand for it ---- */

int __real_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags);
int __wrap_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags);
int
__wrap_renameat2(int from, const char *name, int to, const char *new_name, unsigned flags)
{
	if (getenv("SPOOLSWEEP_FAULT_LINK") == NULL)
		return __real_renameat2(from, name, to, new_name, flags);
	errno = EINVAL;
	return -1;
}

int __real_linkat(int from, const char *name, int to, const char *new_name, int flags);
int __wrap_linkat(int from, const char *name, int to, const char *new_name, int flags);
int
__wrap_linkat(int from, const char *name, int to, const char *new_name, int flags)
{
	const char *at = getenv("SPOOLSWEEP_FAULT_LINK");
	int rc = __real_linkat(from, name, to, new_name, flags), error = errno;

	if (rc == 0 && at != NULL && ++links == strtol(at, NULL, 10))
		fault_die();
	errno = error;
	return rc;
}
