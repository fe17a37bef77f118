/* mkspool_sys.c - the system calls of mkspool, POSIX body. */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "mkspool.h"

static int
fail(const char **why)
{
	*why = strerror(errno);
	return -1;
}

static bool
is_empty(const char *dir)
{
	struct dirent *e;
	bool empty = true;
	DIR *d = opendir(dir);

	if (d == NULL)
		return false;
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			empty = false;
	(void)closedir(d);
	return empty;
}

int
os_enter_new(const char **why, const char *dir)
{
	/* The modes below are part of the formats; no umask may cut them. */
	(void)umask(0);
	if (mkdir(dir, 0755) != 0) {
		if (errno != EEXIST)
			return fail(why);
		if (!is_empty(dir)) {
			*why = "exists and is not an empty folder";
			return -1;
		}
	}
	return chdir(dir) == 0 ? 0 : fail(why);
}

int
os_mkdir(const char **why, const char *path, unsigned mode)
{
	if (mkdir(path, (mode_t)mode) != 0 && errno != EEXIST)
		return fail(why);
	return 0;
}

int
os_create(struct os_file *f, const char **why, const char *path, unsigned mode)
{
	struct stat st;

	f->fd = open(path, O_WRONLY | O_CREAT | O_EXCL, (mode_t)mode);
	if (f->fd < 0)
		return fail(why);
	if (fstat(f->fd, &st) != 0)
		return fail(why);
	f->inode = (uint64_t)st.st_ino;
	f->owner = (int64_t)st.st_uid;
	return 0;
}

int
os_finish(struct os_file *f, const char **why, const void *data, size_t len,
    int64_t mtime, int64_t uid)
{
	const char *p = data;
	struct timespec ts[2];
	ssize_t n;

	while (len > 0) {
		n = write(f->fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(why);
		p += n;
		len -= (size_t)n;
	}
	/* Only root may give files away: else the file stays ours. */
	if (uid >= 0 && fchown(f->fd, (uid_t)uid, (gid_t)-1) == 0)
		f->owner = uid;
	ts[0].tv_sec = ts[1].tv_sec = (time_t)mtime;
	ts[0].tv_nsec = ts[1].tv_nsec = 0;
	if (futimens(f->fd, ts) != 0)
		return fail(why);
	return close(f->fd) == 0 ? 0 : fail(why);
}

int
os_rename(const char **why, const char *from, const char *to)
{
	return rename(from, to) == 0 ? 0 : fail(why);
}

int
os_symlink(const char **why, const char *target, const char *path)
{
	return symlink(target, path) == 0 ? 0 : fail(why);
}
