/*
 * The Windows half of sys.h: folders, files, locks. Names below a folder are opened relative to its handle (NtCreateFile, RootDirectory), as
 * openat does: the same name is meant however long the path is and whoever renames the folder, and names that Win32 would change (a trailing
 * dot, NUL.eml) are taken as they are.
 */
#include "windows/win.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"

#define STATUS_SHARING 0xc0000043u
#define STATUS_PENDING_DELETE 0xc0000056u
#define STATUS_NAME 0xc0000033u		/* no name of this file system: nothing can have it */
#define TRIES 7				/* 1 + 2 + 4 … ms */
#define DISPOSITION_EX ((FILE_INFO_BY_HANDLE_CLASS)21)	/* FileDispositionInfoEx: Windows 10 1607 */
#define LIST_BYTES ((size_t)64 * 1024)
#define FILE_RENAME_INFORMATION_CLASS ((FILE_INFORMATION_CLASS)10)
#define RENAME_EX_CLASS ((FILE_INFORMATION_CLASS)65)	/* Windows 10 1607 */
#define RENAME_REPLACE 1u
#define RENAME_POSIX 2u
#define FS_FULL_SIZE_CLASS ((FS_INFORMATION_CLASS)7)
#define LIST (FILE_LIST_DIRECTORY | FILE_TRAVERSE | FILE_READ_ATTRIBUTES)
#define LOCK_AT UINT64_C(0x7fffffff00000000)	/* a lock keeps others from reading its bytes: far behind the pid */

struct sys_dir {
	HANDLE h;
	unsigned char *list;	/* made at the first sys_dir_next */
	size_t at;
	FILE_INFO_BY_HANDLE_CLASS how;
	int is_over;
	char *name;		/* of the last entry */
};

/* ---- opening ---- */

int
win_last(void)
{
	int code = win_errno(GetLastError());

	return code != 0 ? code : EIO;
}

static int
status_errno(NTSTATUS s)
{
	int code = win_errno_nt((uint32_t)s);

	if (code == 0)
		code = win_errno(RtlNtStatusToDosError(s));
	return code != 0 ? code : EIO;
}

/* Somebody holds it for a moment: a server that writes, a virus scanner. A name whose file is being deleted is free soon. */
static int
is_passing(NTSTATUS s, ULONG disposition)
{
	return (uint32_t)s == STATUS_SHARING || (disposition == FILE_CREATE && (uint32_t)s == STATUS_PENDING_DELETE);
}

static int
open_object(HANDLE *out, HANDLE at, const wchar_t *name, size_t n, const struct win_open *o)
{
	OBJECT_ATTRIBUTES oa;
	IO_STATUS_BLOCK io;
	UNICODE_STRING us = { (USHORT)(n * sizeof *name), (USHORT)(n * sizeof *name), (wchar_t *)(uintptr_t)name };
	NTSTATUS s;
	int try;

	InitializeObjectAttributes(&oa, &us, OBJ_CASE_INSENSITIVE, at, o->security);
	for (try = 0;; try++) {
		s = NtCreateFile(out, o->access | SYNCHRONIZE, &oa, &io, NULL, FILE_ATTRIBUTE_NORMAL, WIN_SHARE, o->disposition,
		    o->options | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
		if (s >= 0)
			return 0;
		*out = INVALID_HANDLE_VALUE;
		if (!is_passing(s, o->disposition))
			return (uint32_t)s == STATUS_NAME && o->disposition == FILE_OPEN ? ENOENT : status_errno(s);
		if (try == TRIES)
			return EBUSY;
		Sleep(1u << try);
	}
}

int
win_open_at(HANDLE *out, HANDLE at, const char *name, const struct win_open *o)
{
	size_t n;
	uint16_t *w = win_wide(&n, name);
	int rc = EILSEQ;

	*out = INVALID_HANDLE_VALUE;
	if (w != NULL && n != 0 && !win_is_name(w, n))
		rc = n > 255 ? ENAMETOOLONG : o->disposition == FILE_OPEN ? ENOENT : EINVAL;
	else if (w != NULL)
		rc = open_object(out, at, w, n, o);
	free(w);
	return rc;
}

int
win_open_path(HANDLE *out, const wchar_t *full, const struct win_open *o)
{
	size_t n = wcslen(full);
	wchar_t *nt = mem_grow(NULL, (n + 1) * sizeof *nt);
	int rc;

	memcpy(nt, full, (n + 1) * sizeof *nt);
	nt[1] = '?';	/* "\\?\" is "\??\" to the kernel */
	rc = n * sizeof *nt <= 0xfffe ? open_object(out, NULL, nt, n, o) : ENAMETOOLONG;
	free(nt);
	return rc;
}

wchar_t *
win_path(int *code, const char *path)
{
	DWORD room = GetCurrentDirectoryW(0, NULL), cwd_n;
	wchar_t *cwd = mem_grow(NULL, ((size_t)room + 1) * sizeof *cwd);
	size_t n, full_n;
	uint16_t *w = win_wide(&n, path), *full = NULL;

	cwd_n = GetCurrentDirectoryW(room, cwd);
	*code = EILSEQ;
	if (w != NULL) {
		full = win_full(&full_n, w, n, cwd, cwd_n < room ? cwd_n : 0);
		*code = n == 0 ? ENOENT : n > 255 ? ENAMETOOLONG : EINVAL;
	}
	free(cwd);
	free(w);
	return full;
}

/* ---- folders and files ---- */

static int
file_id(struct sys_stat *out, HANDLE h)
{
	BY_HANDLE_FILE_INFORMATION old;
	FILE_ID_INFO id;

	if (GetFileInformationByHandleEx(h, FileIdInfo, &id, sizeof id)) {
		out->dev = id.VolumeSerialNumber;
		out->ino = win_ino(id.FileId.Identifier);
		return 0;
	}
	if (!GetFileInformationByHandle(h, &old))	/* FAT, and servers of other makes */
		return win_last();
	out->dev = old.dwVolumeSerialNumber;
	out->ino = (uint64_t)old.nFileIndexHigh << 32 | old.nFileIndexLow;
	return 0;
}

int
win_stat(struct sys_stat *out, HANDLE h)
{
	FILE_ATTRIBUTE_TAG_INFO tag = { 0, 0 };
	FILE_BASIC_INFO basic;
	FILE_STANDARD_INFO standard;

	memset(out, 0, sizeof *out);
	if (!GetFileInformationByHandleEx(h, FileBasicInfo, &basic, sizeof basic) ||
	    !GetFileInformationByHandleEx(h, FileStandardInfo, &standard, sizeof standard))
		return win_last();
	if ((basic.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
	    !GetFileInformationByHandleEx(h, FileAttributeTagInfo, &tag, sizeof tag))
		return win_last();
	out->type = win_type(basic.FileAttributes, tag.ReparseTag);
	out->size = standard.EndOfFile.QuadPart > 0 ? (uint64_t)standard.EndOfFile.QuadPart : 0;
	out->nlink = standard.NumberOfLinks;
	out->mode = 0700;
	out->mtime = win_time_ns(basic.LastWriteTime.QuadPart);
	out->ctime = win_time_ns(basic.ChangeTime.QuadPart);
	return file_id(out, h);
}

static struct sys_dir *
dir_of(HANDLE h)
{
	struct sys_dir *d = mem_new(sizeof *d);

	d->h = h;
	d->how = FileIdExtdDirectoryInfo;
	return d;
}

/* A folder whose rights we may not read can still be listed. */
static int
open_folder(HANDLE *out, HANDLE at, const char *name, const wchar_t *full, ULONG options)
{
	struct win_open o = { LIST | READ_CONTROL, FILE_OPEN, FILE_DIRECTORY_FILE | options, NULL };
	int rc = full != NULL ? win_open_path(out, full, &o) : win_open_at(out, at, name, &o);

	if (rc != EACCES)
		return rc;
	o.access = LIST;
	return full != NULL ? win_open_path(out, full, &o) : win_open_at(out, at, name, &o);
}

int
sys_dir_open(struct sys_dir **out, const char *path, struct err *e)
{
	HANDLE h;
	int code;
	wchar_t *full = win_path(&code, path);

	if (full != NULL)
		code = open_folder(&h, NULL, NULL, full, 0);
	free(full);
	if (code != 0)
		return err_set(e, code, "open %s", path);
	*out = dir_of(h);
	return 0;
}

/* Opens one level without following: a junction is a folder to FILE_DIRECTORY_FILE, a symbolic link to a file is not. */
static int
open_level(HANDLE *out, HANDLE at, const char *name)
{
	struct sys_stat st;
	int rc = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? EINVAL : open_folder(out, at, name, NULL, FILE_OPEN_REPARSE_POINT);

	if (rc == 0) {
		rc = win_stat(&st, *out);
		if (rc == 0 && st.type != SYS_DIR)
			rc = st.type == SYS_LINK ? ELOOP : ENOTDIR;
		if (rc != 0)
			CloseHandle(*out);
	} else if (rc == ENOTDIR) {
		struct sys_dir here = { .h = at };

		if (sys_stat_at(&st, &here, name) == 0 && st.type == SYS_LINK)
			rc = ELOOP;
	}
	return rc;
}

int
sys_dir_sub(struct sys_dir **out, struct sys_dir *parent, const char *rel, struct err *e)
{
	char name[256 * 3];
	const char *p = rel, *slash;
	HANDLE h, next;
	size_t n;
	int rc = open_folder(&h, parent->h, "", NULL, 0);

	while (rc == 0 && *p != '\0') {
		slash = strchr(p, '/');
		n = slash != NULL ? (size_t)(slash - p) : strlen(p);
		rc = n == 0 ? EINVAL : n >= sizeof name ? ENAMETOOLONG : 0;
		if (rc == 0) {
			memcpy(name, p, n);
			name[n] = '\0';
			rc = open_level(&next, h, name);
		}
		CloseHandle(h);
		h = next;
		p += n + (slash != NULL);
	}
	if (rc != 0)
		return err_set(e, rc, "open %s", *rel != '\0' ? rel : "the folder");
	*out = dir_of(h);
	return 0;
}

/* The next piece of the listing. 1, 0 no more, -1 and GetLastError. */
static int
list_more(struct sys_dir *d)
{
	DWORD why;

	if (d->list == NULL)
		d->list = mem_new(LIST_BYTES);
	while (!GetFileInformationByHandleEx(d->h, d->how, d->list, (DWORD)LIST_BYTES)) {
		why = GetLastError();
		if (why == ERROR_NO_MORE_FILES || why == ERROR_FILE_NOT_FOUND)
			return 0;
		if (d->how != FileIdExtdDirectoryInfo || (why != ERROR_INVALID_PARAMETER && why != ERROR_NOT_SUPPORTED &&
		    why != ERROR_INVALID_FUNCTION && why != ERROR_INVALID_LEVEL && why != ERROR_CALL_NOT_IMPLEMENTED))
			return -1;
		d->how = FileIdBothDirectoryInfo;	/* file systems without 128-bit ids */
	}
	d->at = 0;
	return 1;
}

/* One entry of the piece, in either shape. */
static void
take_entry(struct sys_entry *out, const wchar_t **name, size_t *n, struct sys_dir *d)
{
	const void *p = d->list + d->at;
	const FILE_ID_EXTD_DIR_INFO *x = p;
	const FILE_ID_BOTH_DIR_INFO *b = p;
	DWORD next;

	if (d->how == FileIdExtdDirectoryInfo) {
		*name = x->FileName;
		*n = x->FileNameLength / sizeof **name;
		out->ino = win_ino(x->FileId.Identifier);
		out->type = win_type(x->FileAttributes, x->ReparsePointTag);
		next = x->NextEntryOffset;
	} else {
		*name = b->FileName;
		*n = b->FileNameLength / sizeof **name;
		out->ino = b->FileId.QuadPart == -1 ? 0 : (uint64_t)b->FileId.QuadPart;
		out->type = win_type(b->FileAttributes, b->EaSize);	/* MS-FSCC 2.4.17: the tag of a reparse point stands in EaSize */
		next = b->NextEntryOffset;
	}
	d->at = next != 0 ? d->at + next : LIST_BYTES;
}

static int
is_dots(const wchar_t *name, size_t n)
{
	return name[0] == '.' && (n == 1 || (n == 2 && name[1] == '.'));
}

int
sys_dir_next(struct sys_entry *out, struct sys_dir *d, struct err *e)
{
	const wchar_t *name;
	size_t n;
	int got;

	do {
		if (d->is_over)
			return 0;
		if (d->list == NULL || d->at >= LIST_BYTES) {
			got = list_more(d);
			d->is_over = got <= 0;
			if (got < 0)
				return err_set(e, win_last(), "read folder");
			if (got == 0)
				return 0;
		}
		take_entry(out, &name, &n, d);
	} while (n == 0 || is_dots(name, n));
	free(d->name);
	d->name = win_narrow(name, n);
	out->name = d->name;
	return 1;
}

void
sys_dir_close(struct sys_dir *d)
{
	if (d == NULL)
		return;
	CloseHandle(d->h);
	free(d->list);
	free(d->name);
	free(d);
}

int
sys_dir_stat(struct sys_stat *out, struct sys_dir *d, struct err *e)
{
	int rc = win_stat(out, d->h);

	if (rc != 0)
		return err_set(e, rc, "stat of a folder");
	win_dir_rights(out, d->h);
	return 0;
}

/* The name of an open file as the file system has it, "\\?\..."; malloc'd, NULL when it cannot tell. */
static wchar_t *
final_path(HANDLE h, DWORD how)
{
	DWORD room = GetFinalPathNameByHandleW(h, NULL, 0, how), n;
	wchar_t *path;

	if (room == 0)
		return NULL;
	path = mem_grow(NULL, ((size_t)room + 1) * sizeof *path);
	n = GetFinalPathNameByHandleW(h, path, room + 1, how);
	if (n != 0 && n <= room)
		return path;
	free(path);
	return NULL;
}

/* Windows finds "a.eml" when "A.EML" is asked for, and "ABCDEF~1.EML" when a longer name has that alias. Who then took the file would put
 * it back under a name that it never had: only the very name counts. */
static int
has_name(HANDLE h, const char *name)
{
	wchar_t *path = final_path(h, FILE_NAME_NORMALIZED | VOLUME_NAME_NONE);
	char *real, *last;
	int same;

	if (path == NULL)
		return 1;	/* this file system cannot tell */
	real = win_narrow(path, wcslen(path));
	last = strrchr(real, '\\');
	same = last == NULL || strcmp(last + 1, name) == 0;
	free(real);
	free(path);
	return same;
}

int
sys_stat_at(struct sys_stat *out, struct sys_dir *d, const char *name)
{
	const struct win_open o = { FILE_READ_ATTRIBUTES, FILE_OPEN, FILE_OPEN_REPARSE_POINT, NULL };
	HANDLE h;
	int rc = *name != '\0' ? win_open_at(&h, d->h, name, &o) : ENOENT;

	if (rc != 0)
		return rc;
	rc = has_name(h, name) ? win_stat(out, h) : ENOENT;
	CloseHandle(h);
	return rc;
}

/* Reading through this handle leaves the time of the last access as it is (SetFileTime: all bits set). */
static void
keep_access_time(HANDLE h)
{
	const FILETIME keep = { 0xffffffff, 0xffffffff };

	(void)SetFileTime(h, NULL, &keep, NULL);
}

/* Opens a name of a folder without following it. */
static int
open_plain(HANDLE *out, HANDLE at, const char *name, int is_rw)
{
	const ACCESS_MASK read = FILE_READ_DATA | FILE_READ_ATTRIBUTES | FILE_READ_EA;
	struct win_open o = { read | FILE_WRITE_ATTRIBUTES, FILE_OPEN, FILE_OPEN_REPARSE_POINT, NULL };
	int rc;

	if (*name == '\0')
		return ENOENT;
	if (is_rw)
		o.access |= FILE_WRITE_DATA | FILE_APPEND_DATA;
	rc = win_open_at(out, at, name, &o);
	if (rc == 0 && !is_rw)
		keep_access_time(*out);
	if (is_rw || (rc != EACCES && rc != EROFS && rc != EPERM))
		return rc;
	o.access = read;	/* only who may change it may ask for that */
	return win_open_at(out, at, name, &o);
}

/* A file that keeps its bytes elsewhere is opened once more, through the filter that shows them; that must be the same file. */
static int
open_filtered(HANDLE *out, struct sys_stat *st, HANDLE at, const char *name, int is_rw)
{
	struct win_open o = { FILE_READ_DATA | FILE_READ_ATTRIBUTES, FILE_OPEN, FILE_NON_DIRECTORY_FILE, NULL };
	struct sys_stat again;
	HANDLE h;
	int rc;

	if (is_rw)
		o.access |= FILE_WRITE_DATA | FILE_APPEND_DATA;
	rc = win_open_at(&h, at, name, &o);
	if (rc != 0)
		return rc;
	rc = win_stat(&again, h);
	if (rc == 0 && (again.dev != st->dev || again.ino != st->ino))
		rc = ELOOP;
	if (rc != 0) {
		CloseHandle(h);
		return rc;
	}
	CloseHandle(*out);
	*out = h;
	*st = again;
	return 0;
}

static int
has_reparse(HANDLE h)
{
	FILE_ATTRIBUTE_TAG_INFO tag;

	return GetFileInformationByHandleEx(h, FileAttributeTagInfo, &tag, sizeof tag) &&
	    (tag.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
}

static int
open_regular(struct sys_file *out, struct sys_stat *st, struct sys_dir *d, const char *name, int is_rw)
{
	struct sys_stat s;
	HANDLE h;
	int rc = open_plain(&h, d->h, name, is_rw);

	out->h = -1;
	if (rc != 0)
		return rc == EISDIR ? EINVAL : rc;
	rc = win_stat(&s, h);
	if (rc == 0 && s.type != SYS_FILE)
		rc = s.type == SYS_LINK ? ELOOP : EINVAL;
	if (rc == 0 && has_reparse(h))
		rc = open_filtered(&h, &s, d->h, name, is_rw);
	if (rc != 0) {
		CloseHandle(h);
		return rc;
	}
	*st = s;
	out->h = (intptr_t)h;
	return 0;
}

int
sys_open_at(struct sys_file *out, struct sys_stat *st, struct sys_dir *d, const char *name)
{
	return open_regular(out, st, d, name, 0);
}

int
sys_open_rw_at(struct sys_file *out, struct sys_stat *st, struct sys_dir *d, const char *name)
{
	return open_regular(out, st, d, name, 1);
}

static HANDLE
handle_of(struct sys_file f)
{
	return (HANDLE)f.h;
}

/* One read at an offset, asked again when somebody has just locked these bytes. Bytes, 0 the end, -1 and GetLastError. */
static int64_t
read_at(HANDLE h, void *buf, size_t n, uint64_t off)
{
	OVERLAPPED o = { .Offset = (DWORD)off, .OffsetHigh = (DWORD)(off >> 32) };
	DWORD got = 0, want = n < ((size_t)1 << 30) ? (DWORD)n : 1u << 30;
	int try;

	for (try = 0; !ReadFile(h, buf, want, &got, &o); try++) {
		if (GetLastError() == ERROR_HANDLE_EOF)
			return 0;
		if (GetLastError() != ERROR_LOCK_VIOLATION || try == TRIES)
			return -1;
		Sleep(1u << try);
	}
	return got;
}

int64_t
sys_pread(struct sys_file f, void *buf, size_t n, uint64_t off)
{
	LARGE_INTEGER zero = { .QuadPart = 0 }, here;
	size_t done = 0;
	int64_t got = 1;

	/* ReadFile moves the file's position, pread does not. */
	if (!SetFilePointerEx(handle_of(f), zero, &here, FILE_CURRENT)) {
		errno = win_last();
		return -1;
	}
	while (done < n && off + done <= (uint64_t)INT64_MAX && got > 0) {
		got = read_at(handle_of(f), (char *)buf + done, n - done, off + done);
		if (got < 0)
			errno = win_last();
		else
			done += (size_t)got;
	}
	if (!SetFilePointerEx(handle_of(f), here, NULL, FILE_BEGIN) && got >= 0) {
		errno = win_last();
		got = -1;
	}
	return got < 0 ? -1 : (int64_t)done;
}

void
sys_close(struct sys_file *f)
{
	if (f->h != -1)
		CloseHandle(handle_of(*f));
	f->h = -1;
}

/* ---- paths ---- */

/* Where there is no such name (a RAM disk without mount manager; Wine beyond 260 units), the path that was asked for has to do. */
static char *
real_path(HANDLE h, const wchar_t *full)
{
	wchar_t *path = final_path(h, FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);
	char *ours;

	if (path == NULL)	/* a volume without a letter */
		path = final_path(h, FILE_NAME_NORMALIZED | VOLUME_NAME_GUID);
	ours = path != NULL ? win_ours(path, wcslen(path)) : win_ours(full, wcslen(full));
	free(path);
	return ours;
}

char *
sys_realpath(const char *path, struct err *e)
{
	const struct win_open o = { FILE_READ_ATTRIBUTES, FILE_OPEN, 0, NULL };
	HANDLE h;
	char *ours = NULL;
	int code;
	wchar_t *full = win_path(&code, path);

	if (full != NULL)
		code = win_open_path(&h, full, &o);
	if (code == 0) {
		ours = real_path(h, full);
		CloseHandle(h);
	} else {
		err_set(e, code, "%s", path);
	}
	free(full);
	return ours;
}

char *
sys_path(const char *path)
{
	size_t n = strlen(path) + 1, i;
	char *p = memcpy(mem_new(n), path, n);

	for (i = 0; i < n; i++)
		if (p[i] == '\\')
			p[i] = '/';
	return p;
}

int
sys_path_is_top(const char *path)
{
	return win_path_is_top(path);
}

int
sys_path_is_absolute(const char *path)
{
	return win_path_is_absolute(path);
}

char *
sys_parent(const char *path, const char **name)
{
	size_t top = win_path_top(path), n = strlen(path);
	char *dir;

	while (n > top && path[n - 1] != '/' && path[n - 1] != '\\')
		n--;
	*name = path + n;
	while (n > top && (path[n - 1] == '/' || path[n - 1] == '\\'))
		n--;
	dir = mem_new((n != 0 ? n : 1) + 1);
	memcpy(dir, n != 0 ? path : ".", n != 0 ? n : 1);
	return dir;
}

const char *
sys_error(int code)
{
	return win_error_text(code);
}

/* The C runtime says EINVAL of a pipe whose reader has gone, as of whatever else it has no errno for. */
int
sys_is_unread(int code)
{
	return code == EPIPE || code == EINVAL;
}

int
sys_is_full(int code)
{
	return code == ENOSPC;
}

int
sys_is_short(int code)
{
	return code == EMFILE || code == ENOMEM;
}

int
sys_errno_of(int native)
{
	return win_errno((uint32_t)native);
}

const char *
sys_how_private(void)
{
	return "take its other users away (icacls DIR /inheritance:r /grant:r *S-1-5-32-544:(OI)(CI)F *S-1-5-18:(OI)(CI)F)";
}

static int
make_folder(const wchar_t *full, void *security)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, security, FALSE };
	DWORD a;
	int code;

	if (CreateDirectoryW(full, &sa))
		return 0;
	code = win_last();
	a = GetFileAttributesW(full);	/* who may not make folders beside it is told so first */
	return code == EEXIST || (a != INVALID_FILE_ATTRIBUTES && (a & FILE_ATTRIBUTE_DIRECTORY) != 0) ? 0 : code;
}

int
sys_make_path(const char *path, struct err *e)
{
	void *security = win_private();
	wchar_t *full, *p;
	int code, slashes = 0, skip;

	full = win_path(&code, path);
	if (full != NULL)
		code = security != NULL ? 0 : EIO;
	/* "\\?\C:\" has four, "\\?\UNC\server\share\" six */
	skip = full != NULL && wcsncmp(full, L"\\\\?\\UNC\\", 8) == 0 ? 6 : 4;
	for (p = full; code == 0 && *p != '\0'; p++) {
		if (*p != '\\' || ++slashes <= skip)
			continue;
		*p = '\0';
		code = make_folder(full, security);
		*p = '\\';
	}
	if (code == 0 && slashes >= skip && full[wcslen(full) - 1] != '\\')
		code = make_folder(full, security);
	free(full);
	LocalFree(security);
	return code == 0 ? 0 : err_set(e, code, "make folder %s", path);
}

/* ---- files by path ---- */

static HANDLE
open_by_path(int *code, const char *path, DWORD access, DWORD disposition, DWORD flags, void *security)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, security, FALSE };
	wchar_t *full = win_path(code, path);
	HANDLE h = INVALID_HANDLE_VALUE;

	if (full != NULL) {
		h = CreateFileW(full, access, WIN_SHARE, &sa, disposition, flags, NULL);
		*code = h != INVALID_HANDLE_VALUE ? 0 : win_last();
	}
	free(full);
	return h;
}

void *
sys_temp_near(const char *beside, struct err *e)
{
	const char *name;
	char *dir = sys_parent(beside, &name), *path;
	void *security = win_private();
	uint64_t random = 0;
	HANDLE h = INVALID_HANDLE_VALUE;
	FILE *f = NULL;
	size_t n = strlen(dir) + 64;
	int code, fd = -1;

	path = mem_new(n);
	if (sys_random(&random, sizeof random, e) == 0) {
		snprintf(path, n, "%s/.spoolsweep-stage-%016llx", dir, (unsigned long long)random);
		h = open_by_path(&code, path, GENERIC_READ | GENERIC_WRITE | DELETE, CREATE_NEW,
		    FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, security);
		if (h == INVALID_HANDLE_VALUE)
			err_set(e, code, "make a temporary file %s", path);
	}
	if (h != INVALID_HANDLE_VALUE && ((fd = _open_osfhandle((intptr_t)h, _O_RDWR | _O_BINARY)) < 0 || (f = _fdopen(fd, "w+b")) == NULL)) {
		err_set(e, errno, "temporary file %s", path);
		if (fd >= 0)
			_close(fd);
		else
			CloseHandle(h);
	}
	LocalFree(security);
	free(path);
	free(dir);
	return f;
}

/* The device names of DOS are no names of files here (win_path), pipes have folders of their own. */
int
sys_is_odd(const char *path)
{
	int code;
	wchar_t *full = win_path(&code, path);
	DWORD a = full != NULL ? GetFileAttributesW(full) : INVALID_FILE_ATTRIBUTES;

	free(full);
	return a != INVALID_FILE_ATTRIBUTES && (a & FILE_ATTRIBUTE_DEVICE) != 0;
}

int
sys_make_private(const char *path, struct err *e)
{
	void *security = win_private();
	int code;
	HANDLE h = open_by_path(&code, path, GENERIC_WRITE, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, security);

	LocalFree(security);
	if (h == INVALID_HANDLE_VALUE)
		return err_set(e, code, "make %s", path);
	CloseHandle(h);
	return 0;
}

/* Before Windows 10 1607, and on other file systems than NTFS: the name stays until the last handle of whoever has it open is closed. */
static int
delete_classic(HANDLE h)
{
	FILE_DISPOSITION_INFO gone = { TRUE };
	FILE_BASIC_INFO basic;

	if (SetFileInformationByHandle(h, FileDispositionInfo, &gone, sizeof gone))
		return 0;
	if (GetLastError() != ERROR_ACCESS_DENIED || !GetFileInformationByHandleEx(h, FileBasicInfo, &basic, sizeof basic) ||
	    (basic.FileAttributes & FILE_ATTRIBUTE_READONLY) == 0)
		return win_last();
	memset(&basic, 0, sizeof basic);
	basic.FileAttributes = FILE_ATTRIBUTE_NORMAL;
	if (!SetFileInformationByHandle(h, FileBasicInfo, &basic, sizeof basic) ||
	    !SetFileInformationByHandle(h, FileDispositionInfo, &gone, sizeof gone))
		return win_last();
	return 0;
}

static int
delete_open(HANDLE h)
{
	FILE_DISPOSITION_INFO_EX gone = { FILE_DISPOSITION_FLAG_DELETE | FILE_DISPOSITION_FLAG_POSIX_SEMANTICS |
	    FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE };
	int code;

	if (SetFileInformationByHandle(h, DISPOSITION_EX, &gone, sizeof gone))
		return 0;
	code = win_last();
	return code == EINVAL || code == ENOSYS || code == EACCES ? delete_classic(h) : code;
}

/* NTFS of Windows 10 lets a file take the name of one that somebody has open; else ReplaceFile does it for readers that share. */
static int
move_over(const wchar_t *old, const wchar_t *new)
{
	const struct win_open o = { DELETE | FILE_READ_ATTRIBUTES, FILE_OPEN, 0, NULL };
	const size_t bytes = wcslen(new) * sizeof *new;
	struct rename_ex {	/* FILE_RENAME_INFORMATION_EX */
		ULONG flags;
		HANDLE root;
		ULONG bytes;
		WCHAR name[1];
	} *info = mem_new(sizeof *info + bytes);
	IO_STATUS_BLOCK io;
	NTSTATUS s = -1;
	HANDLE h;

	info->flags = RENAME_REPLACE | RENAME_POSIX;
	info->bytes = (ULONG)bytes;
	memcpy(info->name, new, bytes);
	info->name[1] = '?';	/* "\\?\" is "\??\" to the kernel */
	if (win_open_path(&h, old, &o) == 0) {
		s = NtSetInformationFile(h, &io, info, (ULONG)(sizeof *info + bytes), RENAME_EX_CLASS);
		CloseHandle(h);
	}
	free(info);
	if (s >= 0 || MoveFileExW(old, new, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) ||
	    ReplaceFileW(new, old, NULL, REPLACEFILE_IGNORE_MERGE_ERRORS | REPLACEFILE_IGNORE_ACL_ERRORS, NULL, NULL))
		return 0;
	return win_last();
}

/* A reader that does not share is through soon. */
static int
replace(const char *from, const char *to)
{
	int code, try;
	wchar_t *old = win_path(&code, from), *new = old != NULL ? win_path(&code, to) : NULL;

	for (try = 0; new != NULL && (code = move_over(old, new)) != 0 && (code == EBUSY || code == EACCES) && try < TRIES; try++)
		Sleep(1u << try);
	free(old);
	free(new);
	return code;
}

int
sys_remove_file(const char *path)
{
	const struct win_open o = { DELETE | FILE_READ_ATTRIBUTES, FILE_OPEN, FILE_OPEN_REPARSE_POINT | FILE_NON_DIRECTORY_FILE, NULL };
	HANDLE h;
	int code;
	wchar_t *full = win_path(&code, path);

	if (full != NULL)
		code = win_open_path(&h, full, &o);
	free(full);
	if (code != 0)
		return code;
	code = delete_open(h);
	CloseHandle(h);
	return code;
}

/* A folder or a link is not to be replaced: a rename may put a file in the place of an empty folder (Wine's does). */
static int
may_be_replaced(const char *path)
{
	int code;
	wchar_t *full = win_path(&code, path);
	DWORD a = full != NULL ? GetFileAttributesW(full) : INVALID_FILE_ATTRIBUTES;

	free(full);
	return a == INVALID_FILE_ATTRIBUTES || (a & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DEVICE)) == 0;
}

int
sys_replace_file(const char *path, const void *p, size_t n, uint32_t mode, struct err *e)
{
	size_t len = strlen(path) + 32;
	char *temp = mem_new(len);
	void *security = (mode & 077) == 0 ? win_private() : NULL;
	struct sys_file f = SYS_FILE_CLOSED;
	uint64_t random = 0;
	int code, rc = sys_random(&random, sizeof random, e);

	if (rc == 0 && !may_be_replaced(path))
		rc = err_set(e, 0, "%s is no regular file: left as it is", path);
	snprintf(temp, len, "%s.%016llx", path, (unsigned long long)random);
	if (rc == 0) {
		f.h = (intptr_t)open_by_path(&code, temp, GENERIC_WRITE, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, security);
		if (code != 0)
			rc = err_set(e, code, "make %s", temp);
	}
	if (rc == 0) {
		code = sys_write(f, p, n);
		code = code == 0 ? sys_sync(f) : code;
		sys_close(&f);
		if (code != 0)
			rc = err_set(e, code, "write %s", temp);
		else if ((code = replace(temp, path)) != 0)
			rc = err_set(e, code, "rename %s to %s", temp, path);
		if (code != 0)
			(void)sys_remove_file(temp);
	}
	LocalFree(security);
	free(temp);
	return rc;
}

int
sys_append_line(const char *path, const char *line)
{
	size_t n = strlen(line);
	char *text = mem_grow(NULL, n + 1);
	int rc;
	HANDLE h = open_by_path(&rc, path, FILE_APPEND_DATA, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
	DWORD done = 0;

	memcpy(text, line, n);
	text[n] = '\n';
	if (rc == 0 && has_reparse(h))
		rc = ELOOP;
	if (rc == 0 && !WriteFile(h, text, (DWORD)(n + 1), &done, NULL))
		rc = win_last();
	else if (rc == 0 && done != n + 1)
		rc = ENOSPC;
	if (h != INVALID_HANDLE_VALUE)
		CloseHandle(h);
	free(text);
	return rc;
}

/* ---- locks ---- */

struct sys_lock {
	HANDLE h;
};

static int
try_lock(HANDLE h, uint64_t off, uint64_t n)
{
	OVERLAPPED o = { .Offset = (DWORD)off, .OffsetHigh = (DWORD)(off >> 32) };
	DWORD why;

	if (LockFileEx(h, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, (DWORD)n, (DWORD)(n >> 32), &o))
		return 0;
	why = GetLastError();
	return why == ERROR_LOCK_VIOLATION || why == ERROR_IO_PENDING ? EAGAIN : win_last();
}

static int64_t
lock_holder(HANDLE h)
{
	char text[32];
	int64_t n = read_at(h, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strtoll(text, NULL, 10);
}

static void
write_pid(HANDLE h)
{
	LARGE_INTEGER zero = { .QuadPart = 0 };
	char text[32];
	DWORD done;
	int n = snprintf(text, sizeof text, "%lu\n", (unsigned long)GetCurrentProcessId());

	/* The pid is for people; without it the lock holds all the same (a full disk must not stop us here). */
	if (SetFilePointerEx(h, zero, NULL, FILE_BEGIN) && SetEndOfFile(h))
		(void)WriteFile(h, text, (DWORD)n, &done, NULL);
}

int
sys_lock_take(struct sys_lock **out, const char *path, int wait_s, int64_t *holder, struct err *e)
{
	const int64_t end = sys_clock_us() + (int64_t)wait_s * 1000000;
	void *security = win_private();
	int code, rc;
	HANDLE h = open_by_path(&code, path, GENERIC_READ | GENERIC_WRITE, OPEN_ALWAYS,
	    FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, security);

	LocalFree(security);
	*holder = 0;
	if (code == 0 && has_reparse(h)) {
		CloseHandle(h);
		code = ELOOP;
	}
	if (code != 0)
		return err_set(e, code, "lock %s", path);
	while ((rc = try_lock(h, LOCK_AT, 1)) == EAGAIN && sys_clock_us() < end)
		Sleep(100);
	if (rc != 0) {
		if (rc == EAGAIN)
			*holder = lock_holder(h);
		CloseHandle(h);
		return rc == EAGAIN ? 1 : err_set(e, rc, "lock %s", path);
	}
	write_pid(h);
	*out = mem_new(sizeof **out);
	(*out)->h = h;
	return 0;
}

void
sys_lock_free(struct sys_lock *l)
{
	if (l != NULL)
		CloseHandle(l->h);
	free(l);
}

int
sys_lock_bytes(struct sys_file f, uint64_t off, uint64_t n)
{
	return try_lock(handle_of(f), off, n);
}

int
sys_lock_whole(struct sys_file f)
{
	return try_lock(handle_of(f), 0, UINT64_MAX);
}

/* ---- changing ---- */

int
sys_rename(struct sys_dir *from, const char *name, struct sys_dir *to, const char *new_name)
{
	const struct win_open o = { DELETE | FILE_READ_ATTRIBUTES, FILE_OPEN, FILE_OPEN_REPARSE_POINT, NULL };
	IO_STATUS_BLOCK io;
	FILE_RENAME_INFO *info = NULL;
	NTSTATUS s;
	HANDLE h;
	size_t n;
	uint16_t *w = win_wide(&n, new_name);
	int rc = w == NULL ? EILSEQ : !win_is_name(w, n) ? EINVAL : win_open_at(&h, from->h, name, &o);

	if (rc == 0) {
		info = mem_new(sizeof *info + n * sizeof *w);
		info->ReplaceIfExists = FALSE;
		info->RootDirectory = to->h;
		info->FileNameLength = (DWORD)(n * sizeof *w);
		memcpy(info->FileName, w, n * sizeof *w);
		s = NtSetInformationFile(h, &io, info, (ULONG)(sizeof *info + n * sizeof *w), FILE_RENAME_INFORMATION_CLASS);
		rc = s >= 0 ? 0 : status_errno(s);
		CloseHandle(h);
	}
	free(info);
	free(w);
	return rc;
}

static int
delete_at(struct sys_dir *d, const char *name, ULONG kind)
{
	struct win_open o = { DELETE | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES, FILE_OPEN, FILE_OPEN_REPARSE_POINT | kind, NULL };
	HANDLE h;
	int rc = *name != '\0' ? win_open_at(&h, d->h, name, &o) : ENOENT;

	if (rc == EACCES) {
		o.access = DELETE | FILE_READ_ATTRIBUTES;
		rc = win_open_at(&h, d->h, name, &o);
	}
	if (rc != 0)
		return rc;
	rc = delete_open(h);
	CloseHandle(h);
	return rc;
}

int
sys_unlink(struct sys_dir *d, const char *name)
{
	return delete_at(d, name, FILE_NON_DIRECTORY_FILE);
}

int
sys_rmdir(struct sys_dir *d, const char *name)
{
	return delete_at(d, name, FILE_DIRECTORY_FILE);
}

static int
make_dir(struct sys_dir *d, const char *name, int is_private)
{
	struct win_open o = { FILE_READ_ATTRIBUTES, FILE_CREATE, FILE_DIRECTORY_FILE, NULL };
	HANDLE h;
	int rc;

	o.security = is_private ? win_private() : NULL;
	if ((is_private && o.security == NULL) || *name == '\0')
		rc = EINVAL;
	else
		rc = win_open_at(&h, d->h, name, &o);
	LocalFree(o.security);
	if (rc == 0)
		CloseHandle(h);
	return rc;
}

int
sys_mkdir(struct sys_dir *d, const char *name, uint32_t mode)
{
	return make_dir(d, name, (mode & 077) == 0);
}

/* A folder of the spool, with the rights that its parent gives on: the server's own account is not in a mode. */
int
sys_mkdir_owned(struct sys_dir *d, const char *name, uint32_t mode, uint32_t uid, uint32_t gid)
{
	(void)mode;
	(void)uid;
	(void)gid;
	return make_dir(d, name, 0);
}

/* NTFS keeps the order of changes to names by its own log; flushing the folder brings that log to the disk. A file system that knows no
 * such call has none to make. */
int
sys_sync_dir(struct sys_dir *d)
{
	const struct win_open o = { FILE_ADD_FILE | FILE_READ_ATTRIBUTES, FILE_OPEN, FILE_DIRECTORY_FILE, NULL };
	HANDLE h;
	int rc = win_open_at(&h, d->h, "", &o);

	if (rc == EACCES || rc == EROFS)	/* not ours to change, so we changed nothing in it */
		return 0;
	if (rc != 0)
		return rc;
	if (!FlushFileBuffers(h))
		rc = win_last();
	CloseHandle(h);
	return rc == EINVAL || rc == ENOSYS || rc == EACCES ? 0 : rc;
}

int
sys_create_at(struct sys_file *out, struct sys_dir *d, const char *name, uint32_t mode)
{
	struct win_open o = { FILE_GENERIC_READ | FILE_GENERIC_WRITE | WRITE_DAC, FILE_CREATE, FILE_NON_DIRECTORY_FILE, NULL };
	HANDLE h;
	int rc;

	out->h = -1;
	o.security = (mode & 077) == 0 ? win_private() : NULL;
	if (*name == '\0' || ((mode & 077) == 0 && o.security == NULL))
		rc = EINVAL;
	else
		rc = win_open_at(&h, d->h, name, &o);
	LocalFree(o.security);
	if (rc == 0)
		out->h = (intptr_t)h;
	return rc;
}

int
sys_write(struct sys_file f, const void *p, size_t n)
{
	const char *at = p;
	DWORD done;

	while (n != 0) {
		if (!WriteFile(handle_of(f), at, n < ((size_t)1 << 30) ? (DWORD)n : 1u << 30, &done, NULL))
			return win_last();
		if (done == 0)
			return EIO;
		at += done;
		n -= done;
	}
	return 0;
}

int
sys_seek_end(struct sys_file f)
{
	LARGE_INTEGER zero = { .QuadPart = 0 };

	return SetFilePointerEx(handle_of(f), zero, NULL, FILE_END) ? 0 : win_last();
}

int
sys_sync(struct sys_file f)
{
	return FlushFileBuffers(handle_of(f)) ? 0 : win_last();
}

int
sys_fstat(struct sys_stat *out, struct sys_file f)
{
	return win_stat(out, handle_of(f));
}

/* Owners and modes are not what decides here: a new file has the rights that its folder gives on. */
int
sys_set_owner(struct sys_file f, uint32_t uid, uint32_t gid)
{
	(void)f;
	(void)uid;
	(void)gid;
	return 0;
}

int
sys_set_mode(struct sys_file f, uint32_t mode)
{
	(void)f;
	(void)mode;
	return 0;
}

int
sys_inherit(struct sys_file f, struct sys_dir *d)
{
	return win_inherit(handle_of(f), d->h);
}

static int
set_times(HANDLE h, int64_t ns)
{
	FILE_BASIC_INFO basic;

	memset(&basic, 0, sizeof basic);	/* 0: leave it as it is */
	basic.LastWriteTime.QuadPart = basic.LastAccessTime.QuadPart = win_filetime(ns);
	return SetFileInformationByHandle(h, FileBasicInfo, &basic, sizeof basic) ? 0 : win_last();
}

int
sys_set_mtime(struct sys_file f, int64_t ns)
{
	return set_times(handle_of(f), ns);
}

int
sys_set_mtime_at(struct sys_dir *d, const char *name, int64_t ns)
{
	const struct win_open o = { FILE_WRITE_ATTRIBUTES, FILE_OPEN, FILE_OPEN_REPARSE_POINT, NULL };
	HANDLE h;
	int rc = win_open_at(&h, d->h, name, &o);

	if (rc != 0)
		return rc;
	rc = set_times(h, ns);
	CloseHandle(h);
	return rc;
}

void
sys_forget_cache(struct sys_file f)
{
	(void)f;	/* only whoever opens a file with FILE_FLAG_NO_BUFFERING can pass the cache by */
}

int
sys_space(uint64_t *bytes, struct sys_dir *d)
{
	struct {	/* FILE_FS_FULL_SIZE_INFORMATION */
		LARGE_INTEGER total, ours, all;
		ULONG sectors, bytes;
	} v;
	IO_STATUS_BLOCK io;
	NTSTATUS s = NtQueryVolumeInformationFile(d->h, &io, &v, sizeof v, FS_FULL_SIZE_CLASS);

	if (s < 0)
		return status_errno(s);
	*bytes = (uint64_t)v.ours.QuadPart * v.sectors * v.bytes;
	return 0;
}

/* NTFS makes room for a file when there is one to be made. */
int
sys_inodes(uint64_t *n, struct sys_dir *d)
{
	(void)n;
	(void)d;
	return ENOTSUP;
}
