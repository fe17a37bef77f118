/* libmagic's database: a resource of the program (app.rc), so that there is no file to lose beside it. */
#include "windows/win.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

/* libmagic looks for a database beside the program by this one call of shlwapi, which brings the windows' drawing with it into every start. The
 * database is ours, so nothing is looked for; the call is bound to this function, which leaves the path alone. */
static BOOL WINAPI
keep_path(LPSTR path)
{
	(void)path;
	return FALSE;
}

extern BOOL (WINAPI *__imp_PathRemoveFileSpecA)(LPSTR);
BOOL (WINAPI *__imp_PathRemoveFileSpecA)(LPSTR) = keep_path;

int
sys_magic_db(void **out, size_t *n, struct err *e)
{
	HRSRC found = FindResourceW(NULL, MAKEINTRESOURCEW(1), MAKEINTRESOURCEW(10));
	HGLOBAL held = found != NULL ? LoadResource(NULL, found) : NULL;
	const void *packed = held != NULL ? LockResource(held) : NULL;
	DWORD size = packed != NULL ? SizeofResource(NULL, found) : 0;
	unsigned long long whole = size != 0 ? ZSTD_getFrameContentSize(packed, size) : ZSTD_CONTENTSIZE_ERROR;

	*out = NULL;
	*n = 0;
	if (whole == ZSTD_CONTENTSIZE_ERROR || whole == ZSTD_CONTENTSIZE_UNKNOWN || whole == 0 || whole > SIZE_MAX)
		return err_set(e, EINVAL, "the program's database of file types cannot be read");
	if ((*out = malloc((size_t)whole)) == NULL)
		return err_set(e, ENOMEM, "the program's database of file types");
	*n = ZSTD_decompress(*out, (size_t)whole, packed, size);
	if (!ZSTD_isError(*n) && *n == whole)
		return 0;
	free(*out);
	*out = NULL;
	*n = 0;
	return err_set(e, EINVAL, "the program's database of file types is damaged");
}
