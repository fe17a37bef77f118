/* posix.c - bodies of posix.h. */
#include <windows.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sys/resource.h"

#define FOLDERS 300

static char folders[FOLDERS][64];
static size_t nfolders;
static int is_skipping;		/* what the test had open when it was left keeps its folder from being removed now */

char *mkdtemp(char *pattern);
int posix_link(const char *from, const char *to);
int posix_system(const char *command);
int posix_skip(const char *why);

int
posix_skip(const char *why)
{
	print_message("# skipped: %s\n", why);
	is_skipping = 1;
	_skip(__FILE__, __LINE__);
	return -1;
}

static void
remove_tree(const char *path)
{
	char sub[1024];
	WIN32_FIND_DATAA found;
	HANDLE h;

	snprintf(sub, sizeof sub, "%s/*", path);
	h = FindFirstFileA(sub, &found);
	if (h != INVALID_HANDLE_VALUE) {
		do {
			if (strcmp(found.cFileName, ".") == 0 || strcmp(found.cFileName, "..") == 0)
				continue;
			snprintf(sub, sizeof sub, "%s/%s", path, found.cFileName);
			if (!DeleteFileA(sub))
				remove_tree(sub);
		} while (FindNextFileA(h, &found));
		FindClose(h);
	}
	RemoveDirectoryA(path);
}

static void
remove_folders(void)
{
	size_t i;

	for (i = 0; i < nfolders; i++)
		remove_tree(folders[i]);
}

char *
mkdtemp(char *pattern)
{
	char *tail = pattern + strlen(pattern) - 6;
	unsigned i;

	for (i = 0; i < 10000; i++) {
		snprintf(tail, 7, "%02x%04x", i % 0x100, (unsigned)(GetCurrentProcessId() ^ GetTickCount()) & 0xffff);
		if (CreateDirectoryA(pattern, NULL))
			break;
		if (GetLastError() != ERROR_ALREADY_EXISTS)
			return NULL;
	}
	if (nfolders == 0)
		atexit(remove_folders);
	if (nfolders < FOLDERS && strlen(pattern) < sizeof folders[0])
		memcpy(folders[nfolders++], pattern, strlen(pattern) + 1);
	return pattern;
}

int
posix_link(const char *from, const char *to)
{
	return CreateHardLinkA(to, from, NULL) ? 0 : -1;
}

int
posix_system(const char *command)
{
	char path[256];
	size_t n = strlen(command);
	int was_skipping = is_skipping;

	if (strncmp(command, "rm -rf '", 8) != 0 || n < 10 || n - 9 >= sizeof path)
		return posix_skip("no shell here");
	memcpy(path, command + 8, n - 9);
	path[n - 9] = '\0';
	remove_tree(path);
	is_skipping = 0;
	return was_skipping || GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES ? 0 : 1;
}

int
getrlimit(int what, struct rlimit *out)
{
	(void)what;
	out->rlim_cur = 0;
	return posix_skip("no limits of a process here");
}

int
setrlimit(int what, const struct rlimit *in)
{
	(void)what;
	(void)in;
	errno = ENOSYS;
	return -1;
}
