/* mkspool_sys.c - the system calls of mkspool, Windows body. Modes and owners are not kept: Windows has others. */
#include <windows.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mkspool.h"

/* The handle of a file stands in its fd: Win32 handles are small numbers (32 bits count). */
static HANDLE
handle_of(const struct os_file *f)
{
	return (HANDLE)(intptr_t)f->fd;
}

static int
fail(const char **why)
{
	static char text[64];

	snprintf(text, sizeof text, "Windows error %lu", GetLastError());
	*why = text;
	return -1;
}

/* UTF-8 with '/' to a path for Windows; freed by the caller. */
static wchar_t *
wide(const char *path)
{
	int n = MultiByteToWideChar(CP_UTF8, 0, path, -1, NULL, 0);
	wchar_t *w = calloc((size_t)n + 1, sizeof *w), *p;

	if (w == NULL)
		die("no memory");
	MultiByteToWideChar(CP_UTF8, 0, path, -1, w, n);
	for (p = w; *p != 0; p++)
		if (*p == '/')
			*p = '\\';
	return w;
}

static bool
is_empty(const char *dir)
{
	char pattern[4096];
	WIN32_FIND_DATAW found;
	bool empty = true;
	wchar_t *w;
	HANDLE h;

	snprintf(pattern, sizeof pattern, "%s/*", dir);
	w = wide(pattern);
	h = FindFirstFileW(w, &found);
	free(w);
	if (h == INVALID_HANDLE_VALUE)
		return GetLastError() == ERROR_FILE_NOT_FOUND;
	do {
		if (wcscmp(found.cFileName, L".") != 0 && wcscmp(found.cFileName, L"..") != 0)
			empty = false;
	} while (FindNextFileW(h, &found));
	FindClose(h);
	return empty;
}

int
os_enter_new(const char **why, const char *dir)
{
	wchar_t *w = wide(dir);
	int rc = 0;

	if (!CreateDirectoryW(w, NULL)) {
		if (GetLastError() != ERROR_ALREADY_EXISTS)
			rc = fail(why);
		else if (!is_empty(dir)) {
			*why = "exists and is not an empty folder";
			rc = -1;
		}
	}
	if (rc == 0 && !SetCurrentDirectoryW(w))
		rc = fail(why);
	free(w);
	return rc;
}

int
os_mkdir(const char **why, const char *path, unsigned mode)
{
	wchar_t *w = wide(path);
	BOOL ok = CreateDirectoryW(w, NULL) || GetLastError() == ERROR_ALREADY_EXISTS;

	(void)mode;
	free(w);
	return ok ? 0 : fail(why);
}

int
os_create(struct os_file *f, const char **why, const char *path, unsigned mode)
{
	BY_HANDLE_FILE_INFORMATION info;
	wchar_t *w = wide(path);
	HANDLE h = CreateFileW(w, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);

	(void)mode;
	free(w);
	if (h == INVALID_HANDLE_VALUE || !GetFileInformationByHandle(h, &info))
		return fail(why);
	f->fd = (int)(intptr_t)h;
	f->inode = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
	f->owner = 0;
	return 0;
}

int
os_finish(struct os_file *f, const char **why, const void *data, size_t len,
    int64_t mtime, int64_t uid)
{
	uint64_t ticks = (uint64_t)(mtime + 11644473600) * 10000000;	/* 100 ns since 1601 */
	FILETIME t = { (DWORD)ticks, (DWORD)(ticks >> 32) };
	DWORD n = 0;

	(void)uid;
	if (!WriteFile(handle_of(f), data, (DWORD)len, &n, NULL) || n != len)
		return fail(why);
	if (!SetFileTime(handle_of(f), NULL, &t, &t))
		return fail(why);
	return CloseHandle(handle_of(f)) ? 0 : fail(why);
}

int
os_rename(const char **why, const char *from, const char *to)
{
	wchar_t *old = wide(from), *new_name = wide(to);
	BOOL ok = MoveFileExW(old, new_name, MOVEFILE_REPLACE_EXISTING);

	free(old);
	free(new_name);
	return ok ? 0 : fail(why);
}

int
os_symlink(const char **why, const char *target, const char *path)
{
	(void)target;
	(void)path;
	*why = "symbolic links are not made on Windows";
	return -1;
}
