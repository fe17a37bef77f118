/* fault_sys.c - Windows body of tests/fault_sys.h. */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fault_sys.h"

#define KILLED 137	/* what a shell tells of kill -9 */

static HANDLE log_handle = INVALID_HANDLE_VALUE;
static SRWLOCK log_lock = SRWLOCK_INIT;

void
fault_log_open(const char *path)
{
	log_handle = CreateFileA(path, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
	if (log_handle == INVALID_HANDLE_VALUE)
		abort();
}

void
fault_log_line(const char *line, size_t n)
{
	DWORD done = 0;
	BOOL is_written;

	if (log_handle == INVALID_HANDLE_VALUE)
		return;
	/* Wine appends in two steps, to find the end and to write there: lines of two threads would lie upon each other. */
	AcquireSRWLockExclusive(&log_lock);
	is_written = WriteFile(log_handle, line, (DWORD)n, &done, NULL) && done == n;
	ReleaseSRWLockExclusive(&log_lock);
	if (!is_written)
		abort();
}

void
fault_die(void)
{
	TerminateProcess(GetCurrentProcess(), KILLED);
}

void
fault_shell(const char *command)
{
	if (system(command) != 0)
		fprintf(stderr, "SPOOLSWEEP_FAULT_RUN failed\n");
}

/* As the program prints paths, but for the separators: a log compares names below a folder with those of the POSIX body. */
static const char *
handle_path(char *out, size_t n, HANDLE h, const char *name)
{
	wchar_t wide[4096];
	char path[4096] = "", *p = path;
	DWORD len = GetFinalPathNameByHandleW(h, wide, sizeof wide / sizeof wide[0], FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);

	if (len > 0 && len < sizeof wide / sizeof wide[0])
		WideCharToMultiByte(CP_UTF8, 0, wide, -1, path, sizeof path, NULL, NULL);
	if (strncmp(p, "\\\\?\\", 4) == 0)
		p += 4;
	snprintf(out, n, "%s%s%s", p, name != NULL ? "/" : "", name != NULL ? name : "");
	for (p = out; *p != '\0'; p++)
		if (*p == '\\')
			*p = '/';
	return out;
}

/* struct sys_dir of sys_win.c begins with its handle. */
struct dir_head {
	HANDLE h;
};

const char *
fault_dir_path(char *out, size_t n, struct sys_dir *d, const char *name)
{
	return handle_path(out, n, ((const struct dir_head *)(const void *)d)->h, name);
}

const char *
fault_file_path(char *out, size_t n, struct sys_file f)
{
	return handle_path(out, n, (HANDLE)f.h, NULL);
}

/* As fault_serve.c does: with SPOOLSWEEP_FAULT_VAULT=DIR a file that is removed is there still, so that a sweep can put the same file back. It is
 * removed all the same, by the real call: what goes to the folder is a second name. */
extern int (*fault_unlink)(struct sys_dir *d, const char *name);
int __real_sys_unlink(struct sys_dir *d, const char *name);

static int
to_vault(struct sys_dir *d, const char *name)
{
	char from[4200], to[4200];
	int n = 0;

	fault_dir_path(from, sizeof from, d, name);
	do {
		snprintf(to, sizeof to, "%s/%lu.%d", getenv("SPOOLSWEEP_FAULT_VAULT"), (unsigned long)GetCurrentProcessId(), n++);
	} while (!CreateHardLinkA(to, from, NULL) && GetLastError() == ERROR_ALREADY_EXISTS);
	return __real_sys_unlink(d, name);
}

__attribute__((constructor)) static void
vault_init(void)
{
	if (getenv("SPOOLSWEEP_FAULT_VAULT") != NULL)
		fault_unlink = to_vault;
}
