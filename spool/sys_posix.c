/* The POSIX half of sys.h: folders, files, locks. Linux features are used where they are there. */
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"

struct sys_dir {
	int fd;
	DIR *stream;		/* made at the first sys_dir_next */
};

/* ---- folders and files ---- */

static void
stat_from(struct sys_stat *out, const struct stat *st)
{
	out->dev = (uint64_t)st->st_dev;
	out->ino = (uint64_t)st->st_ino;
	out->size = st->st_size > 0 ? (uint64_t)st->st_size : 0;
	out->nlink = (uint64_t)st->st_nlink;
	out->mode = (uint32_t)(st->st_mode & 07777);
	out->uid = (uint32_t)st->st_uid;
	out->gid = (uint32_t)st->st_gid;
	out->mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	out->ctime = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
	out->type = S_ISREG(st->st_mode) ? SYS_FILE : S_ISDIR(st->st_mode) ? SYS_DIR :
	    S_ISLNK(st->st_mode) ? SYS_LINK : SYS_ODD;
}

static struct sys_dir *
dir_of(int fd)
{
	struct sys_dir *d = mem_new(sizeof *d);

	d->fd = fd;
	return d;
}

int
sys_dir_open(struct sys_dir **out, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	*out = dir_of(fd);
	return 0;
}

/* Opens one level; O_NOFOLLOW with O_DIRECTORY fails with ENOTDIR on a link: tell it apart. */
static int
open_level(int at, const char *name)
{
	struct stat st;
	int fd, saved;

	if (strcmp(name, "..") == 0) {
		errno = EINVAL;
		return -1;
	}
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR) {
		saved = errno;
		if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
			saved = ELOOP;
		errno = saved;
	}
	return fd;
}

int
sys_dir_sub(struct sys_dir **out, struct sys_dir *parent, const char *rel, struct err *e)
{
	char name[NAME_MAX + 1];
	const char *p = rel, *slash;
	size_t n;
	int fd, next;

	fd = openat(parent->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && *p != '\0') {
		slash = strchr(p, '/');
		n = slash != NULL ? (size_t)(slash - p) : strlen(p);
		if (n == 0 || n > NAME_MAX) {
			close(fd);
			return err_set(e, n == 0 ? EINVAL : ENAMETOOLONG, "open %s", rel);
		}
		memcpy(name, p, n);
		name[n] = '\0';
		next = open_level(fd, name);
		if (next < 0) {
			err_set(e, errno, "open %s", rel);
			close(fd);
			return -1;
		}
		close(fd);
		fd = next;
		p += n + (slash != NULL);
	}
	if (fd < 0)
		return err_set(e, errno, "open %s", *rel != '\0' ? rel : "the folder");
	*out = dir_of(fd);
	return 0;
}

static enum sys_type
type_of(unsigned char t)
{
	switch (t) {
	case DT_REG: return SYS_FILE;
	case DT_DIR: return SYS_DIR;
	case DT_LNK: return SYS_LINK;
	case DT_UNKNOWN: return SYS_UNKNOWN;
	default: return SYS_ODD;
	}
}

int
sys_dir_next(struct sys_entry *out, struct sys_dir *d, struct err *e)
{
	struct dirent *ent;
	struct stat st;
	int fd;

	if (d->stream == NULL) {
		fd = fcntl(d->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0 || (d->stream = fdopendir(fd)) == NULL) {
			err_set(e, errno, "read folder");
			if (fd >= 0)
				close(fd);
			return -1;
		}
	}
	do {
		errno = 0;
		ent = readdir(d->stream);
		if (ent == NULL)
			return errno != 0 ? err_set(e, errno, "read folder") : 0;
	} while (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0);
	out->name = ent->d_name;
	out->ino = (uint64_t)ent->d_ino;
	out->type = type_of(ent->d_type);
	if (out->type == SYS_UNKNOWN && fstatat(d->fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		out->type = S_ISREG(st.st_mode) ? SYS_FILE : S_ISDIR(st.st_mode) ? SYS_DIR :
		    S_ISLNK(st.st_mode) ? SYS_LINK : SYS_ODD;
	return 1;
}

void
sys_dir_close(struct sys_dir *d)
{
	if (d == NULL)
		return;
	if (d->stream != NULL)
		closedir(d->stream);
	close(d->fd);
	free(d);
}

int
sys_dir_stat(struct sys_stat *out, struct sys_dir *d, struct err *e)
{
	struct stat st;

	if (fstat(d->fd, &st) < 0)
		return err_set(e, errno, "stat of a folder");
	stat_from(out, &st);
	return 0;
}

int
sys_stat_at(struct sys_stat *out, struct sys_dir *d, const char *name)
{
	struct stat st;

	if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno;
	stat_from(out, &st);
	return 0;
}

int
sys_open_at(struct sys_file *out, struct sys_stat *st, struct sys_dir *d, const char *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat s;
	int fd, saved;

	out->h = -1;
	/* O_NOATIME is for the owner and root only: others read with the mount's own rule. */
	fd = openat(d->fd, name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(d->fd, name, flags);
	if (fd < 0)
		return errno;
	if (fstat(fd, &s) < 0) {
		saved = errno;
		close(fd);
		return saved;
	}
	if (!S_ISREG(s.st_mode)) {
		close(fd);
		return EINVAL;
	}
	stat_from(st, &s);
	out->h = fd;
	return 0;
}

int64_t
sys_pread(struct sys_file f, void *buf, size_t n, uint64_t off)
{
	size_t done = 0;
	ssize_t got;

	while (done < n) {
		if (off + done > (uint64_t)INT64_MAX)
			break;
		got = pread((int)f.h, (char *)buf + done, n - done, (off_t)(off + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

void
sys_close(struct sys_file *f)
{
	if (f->h >= 0)
		close((int)f->h);
	f->h = -1;
}

char *
sys_realpath(const char *path, struct err *e)
{
	char *real = realpath(path, NULL);

	if (real == NULL)
		err_set(e, errno, "%s", path);
	return real;
}

char *
sys_path(const char *path)
{
	size_t n = strlen(path) + 1;

	return memcpy(mem_new(n), path, n);
}

int
sys_path_is_top(const char *path)
{
	return strcmp(path, "/") == 0;
}

int
sys_path_is_absolute(const char *path)
{
	return path[0] == '/';
}

const char *
sys_error(int code)
{
	return strerror(code);
}

int
sys_is_unread(int code)
{
	return code == EPIPE;
}

int
sys_is_full(int code)
{
	return code == ENOSPC || code == EDQUOT;
}

int
sys_is_short(int code)
{
	return code == EMFILE || code == ENFILE || code == ENOMEM;
}

int
sys_errno_of(int native)
{
	return native;
}

const char *
sys_how_private(void)
{
	return "chmod 700 it";
}

int
sys_make_path(const char *path, struct err *e)
{
	char *copy = mem_grow(NULL, strlen(path) + 1), *p;
	int rc = 0;

	memcpy(copy, path, strlen(path) + 1);
	for (p = copy + 1; rc == 0 && *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			rc = err_set(e, errno, "make folder %s", copy);
		*p = '/';
	}
	if (rc == 0 && *copy != '\0' && mkdir(copy, 0700) < 0 && errno != EEXIST)
		rc = err_set(e, errno, "make folder %s", copy);
	free(copy);
	return rc;
}

void *
sys_temp_near(const char *near, struct err *e)
{
	const char *slash = strrchr(near, '/');
	size_t n = slash != NULL ? (size_t)(slash - near) + 1 : 0;
	char *path = mem_grow(NULL, n + sizeof ".spoolsweep-stage-XXXXXX");
	FILE *f = NULL;
	int fd, is_nameless;

	memcpy(path, near, n);
	path[n] = '\0';
	fd = open(n > 0 ? path : ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);	/* it never has a name, so a kill leaves none */
	is_nameless = fd >= 0;
	memcpy(path + n, ".spoolsweep-stage-XXXXXX", sizeof ".spoolsweep-stage-XXXXXX");
	if (fd < 0)
		fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		err_set(e, errno, "make a temporary file %s", path);
	else if ((!is_nameless && unlink(path) < 0) || (f = fdopen(fd, "w+b")) == NULL) {
		err_set(e, errno, "temporary file %s", path);
		close(fd);
	}
	free(path);
	return f;
}

int
sys_is_odd(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int
sys_make_private(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, errno, "make %s", path);
	close(fd);
	return 0;
}

struct sys_lock {
	int fd;
};

static int64_t
lock_holder(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strtoll(text, NULL, 10);
}

int
sys_lock_take(struct sys_lock **out, const char *path, int wait_s, int64_t *holder, struct err *e)
{
	const struct timespec pause = { 0, 100 * 1000 * 1000 };
	int64_t end = sys_clock_us() + (int64_t)wait_s * 1000000;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[32];

	*holder = 0;
	if (fd < 0)
		return err_set(e, errno, "lock %s", path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			err_set(e, errno, "lock %s", path);
			close(fd);
			return -1;
		}
		if (sys_clock_us() >= end) {
			*holder = lock_holder(fd);
			close(fd);
			return 1;
		}
		nanosleep(&pause, NULL);
	}
	snprintf(text, sizeof text, "%lld\n", (long long)getpid());
	/* The pid is for people; without it the lock holds all the same (a full disk must not stop us here). */
	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, strlen(text), 0) < 0)
		errno = 0;
	*out = mem_new(sizeof **out);
	(*out)->fd = fd;
	return 0;
}

void
sys_lock_free(struct sys_lock *l)
{
	if (l != NULL)
		close(l->fd);
	free(l);
}


/* ---- changing ---- */

static int
is_same_file(struct sys_dir *a, const char *name, struct sys_dir *b, const char *other)
{
	struct stat x, y;

	return fstatat(a->fd, name, &x, AT_SYMLINK_NOFOLLOW) == 0 && fstatat(b->fd, other, &y, AT_SYMLINK_NOFOLLOW) == 0 &&
	    x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* For a file system without RENAME_NOREPLACE: link fails when the new name is taken, and only then the old one goes. The same file under both
 * names is what a process leaves that died in between. */
static int
link_unlink(struct sys_dir *from, const char *name, struct sys_dir *to, const char *new_name)
{
	int rc = linkat(from->fd, name, to->fd, new_name, 0) < 0 ? errno : 0;

	if (rc != 0 && (rc != EEXIST || !is_same_file(from, name, to, new_name)))
		return rc;
	return unlinkat(from->fd, name, 0) < 0 ? errno : 0;
}

int
sys_rename(struct sys_dir *from, const char *name, struct sys_dir *to, const char *new_name)
{
	if (renameat2(from->fd, name, to->fd, new_name, RENAME_NOREPLACE) == 0)
		return 0;
	return errno == EINVAL || errno == ENOSYS ? link_unlink(from, name, to, new_name) : errno;
}

int
sys_unlink(struct sys_dir *d, const char *name)
{
	return unlinkat(d->fd, name, 0) < 0 ? errno : 0;
}

int
sys_mkdir(struct sys_dir *d, const char *name, uint32_t mode)
{
	if (mkdirat(d->fd, name, 0700) < 0)
		return errno;
	return mode != 0700 && fchmodat(d->fd, name, (mode_t)mode, 0) < 0 ? errno : 0;
}

int
sys_mkdir_owned(struct sys_dir *d, const char *name, uint32_t mode, uint32_t uid, uint32_t gid)
{
	int rc = sys_mkdir(d, name, mode);

	if (rc == 0 && fchownat(d->fd, name, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0)
		rc = errno;
	return rc;
}

int
sys_rmdir(struct sys_dir *d, const char *name)
{
	return unlinkat(d->fd, name, AT_REMOVEDIR) < 0 ? errno : 0;
}

int
sys_sync_dir(struct sys_dir *d)
{
	while (fsync(d->fd) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

int
sys_create_at(struct sys_file *out, struct sys_dir *d, const char *name, uint32_t mode)
{
	int fd = openat(d->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), saved;

	out->h = -1;
	if (fd < 0)
		return errno;
	if (mode != 0600 && fchmod(fd, (mode_t)mode) < 0) {
		saved = errno;
		close(fd);
		return saved;
	}
	out->h = fd;
	return 0;
}

int
sys_open_rw_at(struct sys_file *out, struct sys_stat *st, struct sys_dir *d, const char *name)
{
	int fd = openat(d->fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), rc;

	out->h = -1;
	if (fd < 0)
		return errno;
	out->h = fd;
	rc = sys_fstat(st, *out);
	if (rc == 0 && st->type != SYS_FILE)
		rc = EINVAL;
	if (rc != 0)
		sys_close(out);
	return rc;
}

int
sys_write(struct sys_file f, const void *p, size_t n)
{
	const char *at = p;
	ssize_t done;

	while (n != 0) {
		done = write((int)f.h, at, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? errno : EIO;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int
sys_seek_end(struct sys_file f)
{
	return lseek((int)f.h, 0, SEEK_END) < 0 ? errno : 0;
}

int
sys_sync(struct sys_file f)
{
	while (fsync((int)f.h) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

int
sys_fstat(struct sys_stat *out, struct sys_file f)
{
	struct stat st;

	if (fstat((int)f.h, &st) < 0)
		return errno;
	stat_from(out, &st);
	return 0;
}

int
sys_set_owner(struct sys_file f, uint32_t uid, uint32_t gid)
{
	return fchown((int)f.h, (uid_t)uid, (gid_t)gid) < 0 ? errno : 0;
}

int
sys_set_mode(struct sys_file f, uint32_t mode)
{
	return fchmod((int)f.h, (mode_t)mode) < 0 ? errno : 0;
}

int
sys_inherit(struct sys_file f, struct sys_dir *d)
{
	(void)f;
	(void)d;
	return 0;
}

static void
times_of(struct timespec t[2], int64_t ns)
{
	t[0].tv_sec = (time_t)(ns / 1000000000);
	t[0].tv_nsec = (long)(ns % 1000000000);
	if (t[0].tv_nsec < 0) {
		t[0].tv_nsec += 1000000000;
		t[0].tv_sec--;
	}
	t[1] = t[0];
}

int
sys_set_mtime(struct sys_file f, int64_t ns)
{
	struct timespec t[2];

	times_of(t, ns);
	return futimens((int)f.h, t) < 0 ? errno : 0;
}

int
sys_set_mtime_at(struct sys_dir *d, const char *name, int64_t ns)
{
	struct timespec t[2];

	times_of(t, ns);
	return utimensat(d->fd, name, t, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;
}

void
sys_forget_cache(struct sys_file f)
{
	(void)posix_fadvise((int)f.h, 0, 0, POSIX_FADV_DONTNEED);
}

int
sys_lock_bytes(struct sys_file f, uint64_t off, uint64_t n)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)off, .l_len = (off_t)n };

	if (fcntl((int)f.h, F_OFD_SETLK, &l) == 0)
		return 0;
	return errno == EACCES ? EAGAIN : errno;
}

int
sys_lock_whole(struct sys_file f)
{
	return flock((int)f.h, LOCK_EX | LOCK_NB) == 0 ? 0 : errno == EWOULDBLOCK ? EAGAIN : errno;
}

int
sys_append_line(const char *path, const char *line)
{
	size_t n = strlen(line);
	char *text = mem_grow(NULL, n + 1);
	int fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC), rc;
	ssize_t done = 0;

	memcpy(text, line, n);
	text[n] = '\n';
	if (fd >= 0)
		done = write(fd, text, n + 1);
	rc = fd < 0 || done < 0 ? errno : (size_t)done == n + 1 ? 0 : ENOSPC;
	if (fd >= 0)
		close(fd);
	free(text);
	return rc;
}

char *
sys_parent(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
	char *dir = mem_new(n + 1);

	memcpy(dir, slash != NULL ? path : ".", n);
	*name = slash != NULL ? slash + 1 : path;
	return dir;
}

int
sys_space(uint64_t *bytes, struct sys_dir *d)
{
	struct statvfs v;

	if (fstatvfs(d->fd, &v) < 0)
		return errno;
	*bytes = (uint64_t)v.f_bavail * v.f_frsize;
	return 0;
}

/* A name beside path that nobody else uses: mkstemp makes the file. */
static int
write_beside(char *temp, const void *p, size_t n, uint32_t mode, struct err *e)
{
	struct sys_file f = { mkostemp(temp, O_CLOEXEC) };
	int rc;

	if (f.h < 0)
		return err_set(e, errno, "make %s", temp);
	rc = sys_write(f, p, n);
	if (rc == 0)
		rc = sys_set_mode(f, mode);
	if (rc == 0)
		rc = sys_sync(f);
	sys_close(&f);
	if (rc != 0) {
		unlink(temp);
		return err_set(e, rc, "write %s", temp);
	}
	return 0;
}

int
sys_replace_file(const char *path, const void *p, size_t n, uint32_t mode, struct err *e)
{
	size_t len = strlen(path);
	struct stat st;
	char *temp;
	int rc;

	/* root may rename over /dev/null, and over the link that is /dev/stdout */
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, 0, "%s is no regular file: left as it is", path);
	temp = mem_new(len + sizeof ".XXXXXX");
	snprintf(temp, len + sizeof ".XXXXXX", "%s.XXXXXX", path);
	rc = write_beside(temp, p, n, mode, e);
	if (rc == 0 && rename(temp, path) < 0) {
		rc = err_set(e, errno, "rename %s to %s", temp, path);
		unlink(temp);
	}
	free(temp);
	return rc;
}

int
sys_inodes(uint64_t *n, struct sys_dir *d)
{
	struct statvfs v;

	if (fstatvfs(d->fd, &v) < 0)
		return errno;
	*n = (uint64_t)v.f_favail;
	return v.f_files != 0 ? 0 : ENOTSUP;	/* btrfs and others make them as they are needed */
}
