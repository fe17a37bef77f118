#ifndef WINDOWS_WIN_H
#define WINDOWS_WIN_H
/*
 * What the files of the Windows half share among themselves: opening by handle with full sharing, security descriptors, errors. For
 * windows/ only: nothing else includes windows.h.
 */
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#endif
#include <windows.h>
#include <winternl.h>

#include "windows/win_pure.h"

#define WIN_SHARE (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

/* GetLastError as errno; never 0. */
int win_last(void);

/* As Ctrl-C: for whoever else is told to end (a service). */
void win_stop(void);

/* The "\\?\" form of a user's path, malloc'd; NULL and *code an errno. */
wchar_t *win_path(int *code, const char *path);

/*
 * NtCreateFile below an open folder (a name, or "" for the folder itself) or, with at NULL, of a "\\?\" path. The file never keeps others
 * from reading, writing, renaming or deleting it. A file that somebody else opened without sharing is asked for again for a tenth
 * of a second, then it is EBUSY. 0 or errno.
 */
struct win_open {
	ACCESS_MASK access;	/* SYNCHRONIZE is added */
	ULONG disposition;	/* FILE_OPEN, FILE_CREATE */
	ULONG options;		/* FILE_DIRECTORY_FILE …; synchronous is added */
	void *security;		/* of a new file; NULL: as the folder gives it on */
};
int win_open_at(HANDLE *out, HANDLE at, const char *name, const struct win_open *o);
int win_open_path(HANDLE *out, const wchar_t *full, const struct win_open *o);

int win_stat(struct sys_stat *out, HANDLE h);	/* owner and mode as a file has them. 0 or errno */

/* The rights "SYSTEM, the Administrators and who runs us, nobody else, also below": what mode 0700 means here. LocalFree; NULL on failure. */
void *win_private(void);

/* Owner and mode of an open folder by its rights: uid 0 ours or the Administrators', 1 somebody else's; the mode's lower bits tell what others
 * may do. Needs READ_CONTROL; where that is refused, others may do everything. */
void win_dir_rights(struct sys_stat *st, HANDLE h);

/* The rights that a folder gives on to its files, for a file that was made elsewhere. 0 or errno. */
int win_inherit(HANDLE file, HANDLE dir);

#endif
