/*
 * The program with a fault in it: linked from the same objects as spoolsweep,
 * with each call below in the place of the real one (ld --wrap), and a SQLite
 * file layer that passes through here. Calls are counted from 1.
 *
 *	SPOOLSWEEP_FAULT=N:KIND	at call N: kill (the process dies before it), killafter, killhalf (half of a write is
 *				done), ENOSPC EIO EACCES EINTR EXDEV (it fails so), short (half is read or written),
 *				run (SPOOLSWEEP_FAULT_RUN goes to a shell first: what an MTA may do at that moment);
 *				N+:KIND from call N on
 *	SPOOLSWEEP_FAULT_LINK=N	no file system has RENAME_NOREPLACE; the process dies behind the link N that stands for one (0: never); POSIX
 *	SPOOLSWEEP_FAULT_LOG=FILE	appends a line a call: N, name, kinds that apply to it, path, second path, bytes
 *	SPOOLSWEEP_FAULT_SERVE=1	runs many (fault_serve.c)
 *
 * A kind that a call cannot meet is left out of its line, and changes nothing there. EINTR is for opening alone: the others
 * repeat inside, as sys.h promises.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "spool/sys.h"
#include "tests/fault_sys.h"

enum kind { NONE, KILL, KILLAFTER, KILLHALF, ERRNO, SHORT, RUN };

/* What a call can meet, in its log line: C changes the disk, W may be done by half, R may be short, and the errors
 * s ENOSPC, i EIO, a EACCES, n EINTR, x EXDEV. */
struct fault {
	long at;
	int and_after;
	enum kind kind;
	int error;
	char letter;		/* of the error in a call's list */
};

static struct fault fault;
static atomic_long counter;
static int is_logged;

void fault_parse(void);	/* fault_serve.c calls it too */
void
fault_parse(void)
{
	static const struct { const char *name; enum kind kind; int error; char letter; } kinds[] = {
		{ "kill", KILL, 0, 0 }, { "killafter", KILLAFTER, 0, 0 }, { "killhalf", KILLHALF, 0, 'W' },
		{ "ENOSPC", ERRNO, ENOSPC, 's' }, { "EIO", ERRNO, EIO, 'i' }, { "EACCES", ERRNO, EACCES, 'a' },
		{ "EINTR", ERRNO, EINTR, 'n' }, { "EXDEV", ERRNO, EXDEV, 'x' }, { "short", SHORT, 0, 0 }, { "run", RUN, 0, 0 }
	};
	const char *spec = getenv("SPOOLSWEEP_FAULT"), *log = getenv("SPOOLSWEEP_FAULT_LOG");
	char *end;
	size_t i;

	is_logged = log != NULL;
	if (is_logged)
		fault_log_open(log);
	if (spec == NULL)
		return;
	fault.at = strtol(spec, &end, 10);
	fault.and_after = *end == '+';
	end += fault.and_after;
	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (*end == ':' && strcmp(end + 1, kinds[i].name) == 0) {
			fault.kind = kinds[i].kind;
			fault.error = kinds[i].error;
			fault.letter = kinds[i].letter;
			return;
		}
	}
	fprintf(stderr, "SPOOLSWEEP_FAULT: %s?\n", spec);
	abort();
}

static void
log_call(long n, const char *name, const char *can, const char *path, const char *path2, long long bytes)
{
	char line[9000];
	int len = !is_logged ? 0 : snprintf(line, sizeof line, "%ld\t%s\t%s\t%s\t%s\t%lld\n", n, name, can, path, path2, bytes);

	if (len > 0 && (size_t)len < sizeof line)
		fault_log_line(line, (size_t)len);
}

struct call {
	enum kind kind;		/* what is to happen now */
	int error;
};

/* One call: counts it, logs it, tells what is to happen. A kill before it does not return. */
static struct call
enter(const char *name, const char *can, const char *path, const char *path2, long long bytes)
{
	long n = atomic_fetch_add(&counter, 1) + 1;
	struct call c = { NONE, 0 };

	log_call(n, name, can, path, path2, bytes);
	if (n != fault.at && !(fault.and_after && n > fault.at))
		return c;
	if (fault.kind == KILL)
		fault_die();
	if (fault.kind == RUN && getenv("SPOOLSWEEP_FAULT_RUN") != NULL)
		fault_shell(getenv("SPOOLSWEEP_FAULT_RUN"));
	if (fault.kind == KILLAFTER || (fault.kind == KILLHALF && strchr(can, 'W') != NULL) ||
	    (fault.kind == SHORT && (strchr(can, 'W') != NULL || strchr(can, 'R') != NULL)) ||
	    (fault.kind == ERRNO && strchr(can, fault.letter) != NULL)) {
		c.kind = fault.kind;
		c.error = fault.error;
	}
	return c;
}

static void
leave(struct call c)
{
	if (c.kind == KILLAFTER)
		fault_die();
}

/* Is the path of the next call asked for? To find one costs as much as most calls. */
static int
is_asked(void)
{
	return is_logged || (fault.at != 0 && atomic_load(&counter) + 1 >= fault.at);
}

#define AT(d, name) (is_asked() ? fault_dir_path(path, sizeof path, d, name) : "")
#define OF(f) (is_asked() ? fault_file_path(path, sizeof path, f) : "")

/* ---- calls that answer with an errno ---- */

/* The real call is named here and its stand-in; each is declared as in sys.h. */
#define WRAP_ERRNO(name, can, where, where2, args, pass) \
	int __real_##name args; \
	int __wrap_##name args; \
	int \
	__wrap_##name args \
	{ \
		char path[4200], path2[4200]; \
		struct call c; \
		int rc; \
	\
		path[0] = path2[0] = '\0'; \
		c = enter(#name, can, where, where2, 0); \
		if (c.kind == ERRNO) \
			return c.error; \
		rc = __real_##name pass; \
		leave(c); \
		return rc; \
	}

WRAP_ERRNO(sys_rename, "Csiax", AT(from, name), fault_dir_path(path2, sizeof path2, to, new_name),
    (struct sys_dir *from, const char *name, struct sys_dir *to, const char *new_name), (from, name, to, new_name))
WRAP_ERRNO(sys_mkdir, "Csia", AT(d, name), path2, (struct sys_dir *d, const char *name, uint32_t mode), (d, name, mode))
WRAP_ERRNO(sys_mkdir_owned, "Csia", AT(d, name), path2, (struct sys_dir *d, const char *name, uint32_t mode, uint32_t uid, uint32_t gid),
    (d, name, mode, uid, gid))
WRAP_ERRNO(sys_rmdir, "Cia", AT(d, name), path2, (struct sys_dir *d, const char *name), (d, name))
WRAP_ERRNO(sys_sync_dir, "Csi", AT(d, NULL), path2, (struct sys_dir *d), (d))
WRAP_ERRNO(sys_stat_at, "ia", AT(d, name), path2, (struct sys_stat *out, struct sys_dir *d, const char *name), (out, d, name))
WRAP_ERRNO(sys_seek_end, "i", OF(f), path2, (struct sys_file f), (f))
WRAP_ERRNO(sys_fstat, "i", OF(f), path2, (struct sys_stat *out, struct sys_file f), (out, f))
WRAP_ERRNO(sys_set_owner, "Cia", OF(f), path2, (struct sys_file f, uint32_t uid, uint32_t gid), (f, uid, gid))
WRAP_ERRNO(sys_set_mode, "Cia", OF(f), path2, (struct sys_file f, uint32_t mode), (f, mode))
WRAP_ERRNO(sys_set_mtime, "Cia", OF(f), path2, (struct sys_file f, int64_t ns), (f, ns))
WRAP_ERRNO(sys_set_mtime_at, "Cia", AT(d, name), path2, (struct sys_dir *d, const char *name, int64_t ns), (d, name, ns))
WRAP_ERRNO(sys_lock_bytes, "i", OF(f), path2, (struct sys_file f, uint64_t off, uint64_t n), (f, off, n))
WRAP_ERRNO(sys_lock_whole, "i", OF(f), path2, (struct sys_file f), (f))
WRAP_ERRNO(sys_append_line, "Csia", path[0] == '\0' ? name : path, path2, (const char *name, const char *line), (name, line))
WRAP_ERRNO(sys_space, "i", AT(d, NULL), path2, (uint64_t *bytes, struct sys_dir *d), (bytes, d))

/* fault_serve.c has another way to remove a file. */
int (*fault_unlink)(struct sys_dir *d, const char *name);
int __real_sys_unlink(struct sys_dir *d, const char *name);
int __wrap_sys_unlink(struct sys_dir *d, const char *name);
int
__wrap_sys_unlink(struct sys_dir *d, const char *name)
{
	char path[4200];
	struct call c = enter("sys_unlink", "Cia", AT(d, name), "", 0);
	int rc;

	if (c.kind == ERRNO)
		return c.error;
	rc = fault_unlink != NULL ? fault_unlink(d, name) : __real_sys_unlink(d, name);
	leave(c);
	return rc;
}

/* What is opened must be closed again when the call is said to have failed: it is never opened. */
#define WRAP_OPEN(name, can, args, pass) \
	int __real_##name args; \
	int __wrap_##name args; \
	int \
	__wrap_##name args \
	{ \
		char path[4200]; \
		struct call c = enter(#name, can, AT(d, fname), "", 0); \
		int rc; \
	\
		out->h = -1; \
		if (c.kind == ERRNO) \
			return c.error; \
		rc = __real_##name pass; \
		leave(c); \
		return rc; \
	}

WRAP_OPEN(sys_open_at, "ian", (struct sys_file *out, struct sys_stat *st, struct sys_dir *d, const char *fname), (out, st, d, fname))
WRAP_OPEN(sys_open_rw_at, "ian", (struct sys_file *out, struct sys_stat *st, struct sys_dir *d, const char *fname),
    (out, st, d, fname))
WRAP_OPEN(sys_create_at, "Csia", (struct sys_file *out, struct sys_dir *d, const char *fname, uint32_t mode), (out, d, fname, mode))

/* ---- calls that answer with -1 and fill err ---- */

#define WRAP_ERR(name, can, where, args, pass) \
	int __real_##name args; \
	int __wrap_##name args; \
	int \
	__wrap_##name args \
	{ \
		char path[4200]; \
		struct call c; \
		int rc; \
	\
		path[0] = '\0'; \
		c = enter(#name, can, where, "", 0); \
		if (c.kind == ERRNO) \
			return err_set(e, c.error, "%s %s", #name, path); \
		rc = __real_##name pass; \
		leave(c); \
		return rc; \
	}

WRAP_ERR(sys_dir_open, "ian", name, (struct sys_dir **out, const char *name, struct err *e), (out, name, e))
WRAP_ERR(sys_dir_sub, "ian", AT(d, rel), (struct sys_dir **out, struct sys_dir *d, const char *rel, struct err *e), (out, d, rel, e))
WRAP_ERR(sys_dir_next, "i", AT(d, NULL), (struct sys_entry *out, struct sys_dir *d, struct err *e), (out, d, e))
WRAP_ERR(sys_dir_stat, "i", AT(d, NULL), (struct sys_stat *out, struct sys_dir *d, struct err *e), (out, d, e))
WRAP_ERR(sys_make_path, "Csia", name, (const char *name, struct err *e), (name, e))
WRAP_ERR(sys_make_private, "Csia", name, (const char *name, struct err *e), (name, e))
WRAP_ERR(sys_lock_take, "Csia", name, (struct sys_lock **out, const char *name, int wait_s, int64_t *holder, struct err *e),
    (out, name, wait_s, holder, e))
WRAP_ERR(sys_random, "i", "", (void *out, size_t n, struct err *e), (out, n, e))

/* ---- reading and writing ---- */

int64_t __real_sys_pread(struct sys_file f, void *buf, size_t n, uint64_t off);
int64_t __wrap_sys_pread(struct sys_file f, void *buf, size_t n, uint64_t off);
int64_t
__wrap_sys_pread(struct sys_file f, void *buf, size_t n, uint64_t off)
{
	char path[4200];
	struct call c = enter("sys_pread", "Ri", OF(f), "", (long long)n);
	int64_t got;

	if (c.kind == ERRNO) {
		errno = c.error;
		return -1;
	}
	got = __real_sys_pread(f, buf, n, off);
	leave(c);
	return c.kind == SHORT && got > 0 ? got / 2 : got;
}

int __real_sys_write(struct sys_file f, const void *p, size_t n);
int __wrap_sys_write(struct sys_file f, const void *p, size_t n);
int
__wrap_sys_write(struct sys_file f, const void *p, size_t n)
{
	char path[4200];
	struct call c = enter("sys_write", "CWsi", OF(f), "", (long long)n);
	int rc;

	if (c.kind == ERRNO)
		return c.error;
	if (c.kind == KILLHALF || c.kind == SHORT) {
		rc = __real_sys_write(f, p, n / 2);
		if (c.kind == KILLHALF)
			fault_die();
		return rc != 0 ? rc : ENOSPC;	/* all of it or an error, as sys.h promises */
	}
	rc = __real_sys_write(f, p, n);
	leave(c);
	return rc;
}

int __real_sys_sync(struct sys_file f);
int __wrap_sys_sync(struct sys_file f);
int
__wrap_sys_sync(struct sys_file f)
{
	char path[4200];
	struct sys_stat st = { 0 };
	struct call c;
	int rc = __real_sys_fstat(&st, f);

	c = enter("sys_sync", "Csi", OF(f), "", rc == 0 ? (long long)st.size : -1);
	if (c.kind == ERRNO)
		return c.error;
	rc = __real_sys_sync(f);
	leave(c);
	return rc;
}

char *__real_sys_realpath(const char *name, struct err *e);
char *__wrap_sys_realpath(const char *name, struct err *e);
char *
__wrap_sys_realpath(const char *name, struct err *e)
{
	struct call c = enter("sys_realpath", "ia", name, "", 0);
	char *real;

	if (c.kind == ERRNO) {
		err_set(e, c.error, "%s", name);
		return NULL;
	}
	real = __real_sys_realpath(name, e);
	leave(c);
	return real;
}

void *__real_sys_temp_near(const char *near, struct err *e);
void *__wrap_sys_temp_near(const char *near, struct err *e);
void *
__wrap_sys_temp_near(const char *near, struct err *e)
{
	struct call c = enter("sys_temp_near", "Csia", near, "", 0);
	void *f;

	if (c.kind == ERRNO) {
		err_set(e, c.error, "%s", near);
		return NULL;
	}
	f = __real_sys_temp_near(near, e);
	leave(c);
	return f;
}

/* ---- SQLite's files ---- */

struct db_file {
	sqlite3_file base;
	char path[1024];
	sqlite3_file *real;	/* behind this struct */
};

static sqlite3_file *
real_of(sqlite3_file *f)
{
	return ((struct db_file *)(void *)f)->real;
}

static const char *
path_of(sqlite3_file *f)
{
	return ((struct db_file *)(void *)f)->path;
}

/* As the call below SQLite leaves it: sqlite3_system_errno() asks for it. */
static int
db_fails(struct call c, int code)
{
	errno = c.error;
	return code;
}

static int
db_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int
db_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	struct call c = enter("db_read", "i", path_of(f), "", n);

	return c.kind == ERRNO ? db_fails(c, SQLITE_IOERR_READ) : real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}

static int
db_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct call c = enter("db_write", "CWsi", path_of(f), "", n);
	int rc;

	if (c.kind == KILLHALF || c.kind == SHORT) {
		(void)real_of(f)->pMethods->xWrite(real_of(f), p, n / 2, at);
		if (c.kind == KILLHALF)
			fault_die();
		return SQLITE_FULL;
	}
	if (c.kind == ERRNO)
		return db_fails(c, c.error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
	rc = real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
	leave(c);
	return rc;
}

static int
db_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	struct call c = enter("db_truncate", "Ci", path_of(f), "", (long long)n);
	int rc = c.kind == ERRNO ? db_fails(c, SQLITE_IOERR_TRUNCATE) : real_of(f)->pMethods->xTruncate(real_of(f), n);

	leave(c);
	return rc;
}

static int
db_sync(sqlite3_file *f, int flags)
{
	struct call c = enter("db_sync", "Csi", path_of(f), "", 0);
	int rc = c.kind == ERRNO ? db_fails(c, SQLITE_IOERR_FSYNC) : real_of(f)->pMethods->xSync(real_of(f), flags);

	leave(c);
	return rc;
}

static int db_size(sqlite3_file *f, sqlite3_int64 *n) { return real_of(f)->pMethods->xFileSize(real_of(f), n); }
static int db_lock(sqlite3_file *f, int l) { return real_of(f)->pMethods->xLock(real_of(f), l); }
static int db_unlock(sqlite3_file *f, int l) { return real_of(f)->pMethods->xUnlock(real_of(f), l); }
static int db_reserved(sqlite3_file *f, int *out) { return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out); }
static int db_control(sqlite3_file *f, int op, void *arg) { return real_of(f)->pMethods->xFileControl(real_of(f), op, arg); }
static int db_sector(sqlite3_file *f) { return real_of(f)->pMethods->xSectorSize(real_of(f)); }
static int db_traits(sqlite3_file *f) { return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f)); }
static int db_shm_map(sqlite3_file *f, int i, int n, int more, void volatile **p)
{
	return real_of(f)->pMethods->xShmMap(real_of(f), i, n, more, p);
}
static int db_shm_lock(sqlite3_file *f, int off, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), off, n, flags);
}
static void db_shm_barrier(sqlite3_file *f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); }
static int db_shm_unmap(sqlite3_file *f, int del) { return real_of(f)->pMethods->xShmUnmap(real_of(f), del); }

static const sqlite3_io_methods db_methods = {
	2, db_close, db_read, db_write, db_truncate, db_sync, db_size, db_lock, db_unlock, db_reserved, db_control, db_sector,
	db_traits, db_shm_map, db_shm_lock, db_shm_barrier, db_shm_unmap, NULL, NULL
};

static sqlite3_vfs db_vfs;
static sqlite3_vfs *real_vfs;

static int
db_open(sqlite3_vfs *v, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct db_file *f = (struct db_file *)(void *)file;
	struct call c = enter("db_open", (flags & SQLITE_OPEN_CREATE) != 0 ? "Csia" : "ia", name != NULL ? name : "", "", 0);
	int rc;

	(void)v;
	memset(f, 0, sizeof *f);
	if (c.kind == ERRNO)
		return db_fails(c, SQLITE_CANTOPEN);
	snprintf(f->path, sizeof f->path, "%s", name != NULL ? name : "");
	f->real = (sqlite3_file *)(void *)(f + 1);
	rc = real_vfs->xOpen(real_vfs, name, f->real, flags, out_flags);
	if (f->real->pMethods != NULL)
		f->base.pMethods = &db_methods;
	leave(c);
	return rc;
}

static int
db_delete(sqlite3_vfs *v, const char *name, int sync_dir)
{
	struct call c = enter("db_delete", "Ci", name, "", 0);
	int rc = c.kind == ERRNO ? db_fails(c, SQLITE_IOERR_DELETE) : real_vfs->xDelete(real_vfs, name, sync_dir);

	(void)v;
	leave(c);
	return rc;
}

/* Before main: SQLite takes the default layer at its first open. */
__attribute__((constructor)) static void
fault_init(void)
{
	fault_parse();
	if (sqlite3_initialize() != SQLITE_OK || (real_vfs = sqlite3_vfs_find(NULL)) == NULL)
		abort();
	db_vfs = *real_vfs;	/* everything but files goes straight to the real one */
	db_vfs.zName = "fault";
	db_vfs.pNext = NULL;
	db_vfs.szOsFile = (int)sizeof(struct db_file) + real_vfs->szOsFile;
	db_vfs.xOpen = db_open;
	db_vfs.xDelete = db_delete;
	if (sqlite3_vfs_register(&db_vfs, 1) != SQLITE_OK)
		abort();
}
