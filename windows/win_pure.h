#ifndef WINDOWS_WIN_PURE_H
#define WINDOWS_WIN_PURE_H
/*
 * What the Windows half of sys.h decides without asking Windows: spelling of names and paths, what a reparse point is, which errno an error
 * is, charsets, time zones. No header of Windows is used, so the unit tests run these functions on Linux too: Wine
 * knows neither reparse points nor unpaired surrogates nor a longest path.
 *
 * Names of NTFS are sequences of any 16-bit units. Inside the program they are WTF-8: UTF-8, in which an unpaired surrogate is written as its
 * three bytes, so that every name comes back as it was. A surrogate pair written as six bytes is not WTF-8: it would have two spellings.
 */
#include <stddef.h>
#include <stdint.h>

#include "spool/sys.h"

/* WTF-8 to UTF-16, malloc'd, with a NUL behind; *n units without it. NULL: these bytes are no WTF-8. */
uint16_t *win_wide(size_t *n, const char *s);

/* UTF-16 to WTF-8, malloc'd. */
char *win_narrow(const uint16_t *w, size_t n);

/* May these units be one name of a folder, looked up by handle? Not "", "." and "..", and no separator, NUL or ':' (a stream of another file). */
int win_is_name(const uint16_t *w, size_t n);

/* What GetFullPathNameW is not asked, because it drops trailing dots and blanks and turns NUL.eml into a device: the "\\?\" form of a path
 * that a user may type: "C:\a", "\\server\share\a", "\\?\C:\a", "\a", "a", each also with '/'. "C:" alone means "C:\". cwd: the current
 * folder, for "\a" and "a". malloc'd, n units; NULL: a device ("\\.\"), above 32767 units, or a drive's own current folder ("C:a"). */
uint16_t *win_full(size_t *n, const uint16_t *path, size_t path_n, const uint16_t *cwd, size_t cwd_n);

/* Back: how we print and store a "\\?\" path, "C:/a" or "//server/share/a". malloc'd, WTF-8. */
char *win_ours(const uint16_t *full, size_t n);

int win_path_is_top(const char *path);
int win_path_is_absolute(const char *path);
size_t win_path_top(const char *path);	/* bytes of an absolute path that name its volume: "C:/", "//server/share", "/"; 0 for a relative one */

/* What an entry with these attributes is; tag: of its reparse point, 0 without. A name that stands for another one (symlink, junction, …)
 * is SYS_LINK; a file that only keeps its bytes elsewhere (deduplicated, compressed by WOF, in the cloud) is the file that it shows. */
enum sys_type win_type(uint32_t attributes, uint32_t tag);

/* One number of 64 bits for the 128-bit id of a file: the id itself where its upper half is empty (NTFS), else both halves mixed (ReFS). */
uint64_t win_ino(const unsigned char id[16]);

int win_errno(uint32_t win32);			/* of GetLastError */
int win_errno_nt(uint32_t status);		/* of an NTSTATUS that Win32 codes would blur; 0: ask RtlNtStatusToDosError */
const char *win_error_text(int code);		/* of an errno, as glibc words it */

/* 100-ns units since 1601 to nanoseconds since 1970 and back. */
int64_t win_time_ns(int64_t filetime);
int64_t win_filetime(int64_t ns);

/* One argument appended to a command line as CommandLineToArgvW and the C library read it. n: units in out, max its room. -1: no room. */
int win_quote(uint16_t *out, size_t *n, size_t max, const uint16_t *arg, size_t arg_n);

/* sys_quote. malloc'd. */
char *win_shell_word(const char *word);

/* ---- time zones ---- */

const char *win_zone_key(const char *name);	/* the key of an IANA name (a key is its own), NULL unknown */
int win_zone_iana(char *out, size_t max, const char *key);	/* 0, or -1 */

struct win_rule {		/* a SYSTEMTIME of a TIME_ZONE_INFORMATION */
	int year, month;	/* month 0: no change. year 0: the day-th `weekday` of the month, 5 the last */
	int weekday, day, hour, minute, second;
};

struct win_zone_year {		/* what one year of a zone is */
	int32_t standard, daylight;		/* seconds ahead of UTC */
	struct win_rule to_standard, to_daylight;	/* local time before the change */
};

/* Seconds ahead of UTC at an instant. y: the years first, first + 1 …; an instant outside takes the nearest. */
int32_t win_zone_offset(const struct win_zone_year *y, size_t n, int first, int64_t utc);

/* ---- charsets ---- */

enum win_how { WIN_TABLE, WIN_ASCII, WIN_UTF8, WIN_UTF16, WIN_UTF16BE, WIN_UTF32, WIN_UTF32BE, WIN_UTF7, WIN_ISO_JP, WIN_ISO_KR, WIN_HZ, WIN_OWN,
	WIN_GB18030 };

struct win_charset {
	enum win_how how;
	unsigned code_page;		/* the table that Windows has */
	int has_c1;			/* 80-9F are control characters in it; else they are unassigned where the table gives those */
	const uint16_t *own;		/* WIN_OWN: A0-FF */
};

/* 0, or -1 for a name that mail does not use. */
int win_charset(struct win_charset *out, const char *name);

/* A four-byte character of GB18030; -1 when the bytes are none. */
int32_t win_gb18030(const unsigned char p[4]);

#endif
