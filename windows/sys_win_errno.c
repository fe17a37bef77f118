/* Which errno an error of Windows is, and the words for it. See win_pure.h. */
#include "windows/win_pure.h"

#include <errno.h>

static const struct {
	uint32_t code;
	int error;
} win32[] = {
	{ 1, ENOSYS },		/* INVALID_FUNCTION */
	{ 2, ENOENT },		/* FILE_NOT_FOUND */
	{ 3, ENOENT },		/* PATH_NOT_FOUND */
	{ 4, EMFILE },		/* TOO_MANY_OPEN_FILES */
	{ 5, EACCES },		/* ACCESS_DENIED */
	{ 6, EBADF },		/* INVALID_HANDLE */
	{ 8, ENOMEM },		/* NOT_ENOUGH_MEMORY */
	{ 14, ENOMEM },		/* OUTOFMEMORY */
	{ 15, ENOENT },		/* INVALID_DRIVE */
	{ 17, EXDEV },		/* NOT_SAME_DEVICE */
	{ 18, ENOENT },		/* NO_MORE_FILES */
	{ 19, EROFS },		/* WRITE_PROTECT */
	{ 21, EIO },		/* NOT_READY */
	{ 32, EBUSY },		/* SHARING_VIOLATION */
	{ 33, EBUSY },		/* LOCK_VIOLATION */
	{ 39, ENOSPC },		/* HANDLE_DISK_FULL */
	{ 50, ENOSYS },		/* NOT_SUPPORTED */
	{ 53, ENOENT },		/* BAD_NETPATH */
	{ 65, EACCES },		/* NETWORK_ACCESS_DENIED */
	{ 67, ENOENT },		/* BAD_NET_NAME */
	{ 80, EEXIST },		/* FILE_EXISTS */
	{ 87, EINVAL },		/* INVALID_PARAMETER */
	{ 109, EPIPE },		/* BROKEN_PIPE */
	{ 111, ENAMETOOLONG },	/* BUFFER_OVERFLOW */
	{ 112, ENOSPC },	/* DISK_FULL */
	{ 120, ENOSYS },	/* CALL_NOT_IMPLEMENTED */
	{ 123, EINVAL },	/* INVALID_NAME */
	{ 131, EINVAL },	/* NEGATIVE_SEEK */
	{ 145, ENOTEMPTY },	/* DIR_NOT_EMPTY */
	{ 161, ENOENT },	/* BAD_PATHNAME */
	{ 170, EBUSY },		/* BUSY */
	{ 183, EEXIST },	/* ALREADY_EXISTS */
	{ 206, ENAMETOOLONG },	/* FILENAME_EXCED_RANGE */
	{ 225, EACCES },	/* VIRUS_INFECTED */
	{ 226, EACCES },	/* VIRUS_DELETED */
	{ 232, EPIPE },		/* NO_DATA */
	{ 267, ENOTDIR },	/* DIRECTORY */
	{ 303, ENOENT },	/* DELETE_PENDING: it goes when its last handle is closed, and nobody can open it any more */
	{ 681, ELOOP },		/* STOPPED_ON_SYMLINK */
	{ 1150, ENOSYS },	/* OLD_WIN_VERSION */
	{ 1224, EBUSY },	/* USER_MAPPED_FILE */
	{ 1295, ENOSPC },	/* DISK_QUOTA_EXCEEDED */
	{ 1307, EPERM },	/* INVALID_OWNER */
	{ 1314, EPERM },	/* PRIVILEGE_NOT_HELD */
	{ 1450, ENOMEM },	/* NO_SYSTEM_RESOURCES */
	{ 1455, ENOMEM },	/* COMMITMENT_LIMIT */
	{ 1921, ELOOP },	/* CANT_RESOLVE_FILENAME */
	{ 4395, ELOOP },	/* REPARSE_POINT_ENCOUNTERED */
	{ 0, 0 }
};

static const struct {
	uint32_t status;
	int error;
} native[] = {
	{ 0xc0000056, ENOENT },		/* DELETE_PENDING: Win32 says ACCESS_DENIED */
	{ 0xc00000ba, EISDIR },		/* FILE_IS_A_DIRECTORY: ACCESS_DENIED */
	{ 0xc0000103, ENOTDIR },	/* NOT_A_DIRECTORY */
	{ 0xc000050b, ELOOP },		/* REPARSE_POINT_ENCOUNTERED */
	{ 0xc0000121, EACCES },		/* CANNOT_DELETE: read-only */
	{ 0xc0000033, EINVAL },		/* OBJECT_NAME_INVALID */
	{ 0, 0 }
};

static const struct {
	int code;
	const char *text;
} texts[] = {
	{ EPERM, "Operation not permitted" },
	{ ENOENT, "No such file or directory" },
	{ EINTR, "Interrupted system call" },
	{ EIO, "Input/output error" },
	{ EBADF, "Bad file descriptor" },
	{ EAGAIN, "Resource temporarily unavailable" },
	{ ENOMEM, "Cannot allocate memory" },
	{ EACCES, "Permission denied" },
	{ EBUSY, "Device or resource busy" },
	{ EEXIST, "File exists" },
	{ EXDEV, "Invalid cross-device link" },
	{ ENOTDIR, "Not a directory" },
	{ EISDIR, "Is a directory" },
	{ EINVAL, "Invalid argument" },
	{ EMFILE, "Too many open files" },
	{ EFBIG, "File too large" },
	{ ENOSPC, "No space left on device" },
	{ EROFS, "Read-only file system" },
	{ EPIPE, "Broken pipe" },
	{ ENAMETOOLONG, "File name too long" },
	{ ENOSYS, "Function not implemented" },
	{ ENOTEMPTY, "Directory not empty" },
	{ ELOOP, "Too many levels of symbolic links" },
	{ EILSEQ, "Invalid or incomplete multibyte or wide character" },
	{ 0, "Success" }
};

int
win_errno(uint32_t code)
{
	unsigned i;

	for (i = 0; win32[i].code != 0; i++)
		if (win32[i].code == code)
			return win32[i].error;
	return code == 0 ? 0 : EIO;
}

int
win_errno_nt(uint32_t status)
{
	unsigned i;

	for (i = 0; native[i].status != 0; i++)
		if (native[i].status == status)
			return native[i].error;
	return 0;
}

const char *
win_error_text(int code)
{
	unsigned i;

	for (i = 0; texts[i].code != 0; i++)
		if (texts[i].code == code)
			return texts[i].text;
	return code == 0 ? texts[i].text : "Unknown error of the system";
}
