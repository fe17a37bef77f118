#ifndef SPOOL_SYS_H
#define SPOOL_SYS_H
/*
 * Every call to the operating system that touches a spool, with its promise.
 * sys_posix*.c are one half, windows/sys_win*.c the other. Folders are
 * opened level by level and never through a link; files never through a link
 * and never when they are not regular. Reading changes nothing: O_NOATIME where
 * the system lets us. Names are bytes (on Windows WTF-8), one path component,
 * unless "path" is said. Every failure fills err, with err->sys = errno.
 * EBUSY: another program holds a file open without sharing it (Windows), also after a short wait.
 */
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum sys_type { SYS_UNKNOWN, SYS_FILE, SYS_DIR, SYS_LINK, SYS_ODD };	/* ODD: FIFO, socket, device */

struct sys_stat {
	uint64_t dev, ino;
	uint64_t size;		/* bytes */
	uint64_t nlink;
	uint32_t mode;		/* permission bits 07777; on Windows 0700 for a file, and an open folder's rights in the same form */
	uint32_t uid, gid;
	int64_t mtime, ctime;	/* nanoseconds since 1970, UTC */
	enum sys_type type;
};

struct sys_entry {
	const char *name;	/* valid until the next sys_dir_next of the same folder */
	uint64_t ino;		/* as readdir told it; 0 when the system does not */
	enum sys_type type;	/* SYS_UNKNOWN where readdir does not say */
};

struct sys_dir;			/* an open folder */

struct sys_file {
	intptr_t h;		/* -1 when closed */
};
#define SYS_FILE_CLOSED { -1 }

/* Opens the folder at a path that the user gave; links on the way are followed. Free with sys_dir_close. */
int sys_dir_open(struct sys_dir **out, const char *path, struct err *e);

/* Opens a folder below another; rel has components joined by '/', none of them may be a link, "." or ".."; "" is the
 * folder itself (a new handle). err->sys is ELOOP or ENOTDIR for a link or a non-folder on the way. */
int sys_dir_sub(struct sys_dir **out, struct sys_dir *parent, const char *rel, struct err *e);

/* The next entry but "." and "..". 1 an entry, 0 the end, -1 error. */
int sys_dir_next(struct sys_entry *out, struct sys_dir *d, struct err *e);
void sys_dir_close(struct sys_dir *d);

/* stat of the folder itself. */
int sys_dir_stat(struct sys_stat *out, struct sys_dir *d, struct err *e);

/* lstat of a name in a folder: never follows. Plain failure (ENOENT …) is returned as errno, 0 is success;
 * no text is made, because callers ask this of names that are often absent. */
int sys_stat_at(struct sys_stat *out, struct sys_dir *d, const char *name);

/* Opens a regular file for reading and tells its stat. Refuses links (ELOOP), folders, FIFOs, sockets and devices
 * (EINVAL) without ever blocking on them. Returns 0 or errno, without text. */
int sys_open_at(struct sys_file *out, struct sys_stat *st, struct sys_dir *d, const char *name);

/* Up to n bytes at an offset; repeats after EINTR and short reads; fewer than n only at the end of the file.
 * -1 sets errno. */
int64_t sys_pread(struct sys_file f, void *buf, size_t n, uint64_t off);
void sys_close(struct sys_file *f);	/* sets it closed; closing twice is harmless */

/* The path without links, absolute. malloc'd; NULL and err on failure. */
char *sys_realpath(const char *path, struct err *e);

/* A path as a user typed it, with '/' between its components whatever the system also takes. malloc'd. */
char *sys_path(const char *path);

int sys_path_is_top(const char *path);	/* nothing lies above: "/"; "C:/", "//server/share" */
int sys_path_is_absolute(const char *path);

/* The text of an errno, the same on all systems for what this header promises. */
const char *sys_error(int code);

int sys_is_unread(int code);	/* an errno of writing to a pipe: nobody reads its other end any more */
int sys_is_full(int code);	/* an errno: no space, or over a quota */
int sys_is_short(int code);	/* an errno: no descriptor or no memory was left, which says nothing of the file */

/* The errno of a code that a library took from the system (sqlite3_system_errno). */
int sys_errno_of(int native);

/* Seconds and microseconds since 1970. */
int64_t sys_now_us(void);

/* Monotonic microseconds, for durations. */
int64_t sys_clock_us(void);

/* UTC civil time of seconds since 1970. 0 or -1. */
struct tm;
int sys_utc(struct tm *out, int64_t seconds);

/* "YYYY-MM-DD HH:MM:SS" in the machine's time, as MTAs write their logs. */
const char *sys_local_time(char *out, size_t n);

void sys_sleep_ms(unsigned ms);
uint32_t sys_uid(void);			/* who runs us, as sys_stat tells owners */

unsigned sys_cpus(void);		/* at least 1 */
void sys_memory_return(void);		/* freed memory goes back to the system, where the library would keep it */
int sys_is_root(void);			/* root, or an elevated Administrator */
int sys_is_terminal(int fd);		/* 0, 1, 2 */
int sys_is_pipe(int fd);		/* or a socket */
int sys_terminal_colours(int fd);		/* does it take escape sequences? Made to where it can be */
int sys_terminal_width(void);		/* columns; 80 when unknown */
const char *sys_hostname(char *out, size_t n);
const char *sys_login(char *out, size_t n);	/* who runs us: SUDO_USER, else the login name of our uid, else "uid N" */

/* One line to the system's log: syslog, where mail is logged; on Windows the Event Log, where the kind is the event's id (windows/spoolsweep.mc).
 * The text is made safe by the caller. */
enum sys_event { SYS_EVENT_BEGUN = 1, SYS_EVENT_ENDED, SYS_EVENT_UNFINISHED, SYS_EVENT_SERVICE, SYS_EVENT_CHECK };
void sys_log(enum sys_event kind, const char *text);
void sys_sleep(int64_t us);			/* ends early when a signal arrives */
int sys_random(void *out, size_t n, struct err *e);
char *sys_temp_dir(void);			/* for scratch files; malloc'd */

/* on: Ctrl-C, a request to end and the end of the terminal (SIGINT, SIGTERM, SIGHUP unless it is ignored; on Windows also Ctrl-Break, the end of
 * the console, of the session or of the service) are kept for sys_stop_asked; a second one ends the program at once. off: the system's own way. */
void sys_watch_stop(int on);
int sys_stop_asked(void);

const char *sys_how_private(void);		/* what shuts others out of a folder, to be said to the user: "chmod 700 it" */

/* Makes all folders of a path that are missing, mode 0700. */
int sys_make_path(const char *path, struct err *e);

/* Default index path of the contract for who runs us; malloc'd. */
char *sys_index_default(void);

/* A word as this system's shells take it, malloc'd: for commands that people are told to copy. No byte of it ends the word. cmd and PowerShell
 * have no spelling in common for " % $ ` and control characters: on Windows each of those becomes "?". */
char *sys_quote(const char *word);

/* An unlinked temporary file beside `near` (a path; its folder is used), read and write; stdio handle, NULL on error. */
void *sys_temp_near(const char *near, struct err *e);

/* Makes an empty file of mode 0600 when there is none; an existing one is left alone. */
int sys_make_private(const char *path, struct err *e);

/* Is there something at the path, links followed, that is neither file nor folder? A FIFO would be waited for. */
int sys_is_odd(const char *path);

/* Takes an exclusive lock that ends with the process, on a file made when missing (mode 0600), and writes our pid into it. Waits up to
 * wait_s seconds. Returns 0; 1 somebody else holds it (*holder: its pid, 0 unknown); -1 error. */
struct sys_lock;
int sys_lock_take(struct sys_lock **out, const char *path, int wait_s, int64_t *holder, struct err *e);
void sys_lock_free(struct sys_lock *l);

/* ---- sockets that a library makes (c-ares) ---- */

struct sys_socket {
	intptr_t s;
	int wants_read, wants_write;
	int can_read, can_write;	/* also when it failed: the call that follows will tell */
};

/* Before the first socket of the process. 0, or -1 and err. */
int sys_net_begin(struct err *e);

/* Waits until one of up to SYS_SOCKETS sockets can be used, or for ms milliseconds, and says which. A signal ends it early. 0 or errno. */
#define SYS_SOCKETS 16
int sys_net_wait(struct sys_socket *v, size_t n, int ms);

/* ---- changing: on a spool called by index/purge.c and index/restore.c alone ----
 * Plain failure is returned as errno, 0 is success; EINTR is repeated inside. */

/* Renames without ever replacing: EEXIST when the new name is taken, EXDEV between file systems, ENOENT when the old one has gone. Where the
 * file system has no such rename it is a link and an unlink: a process that dies between them leaves both names, and the same call once more ends it. */
int sys_rename(struct sys_dir *from, const char *name, struct sys_dir *to, const char *new_name);
int sys_unlink(struct sys_dir *d, const char *name);
int sys_mkdir(struct sys_dir *d, const char *name, uint32_t mode);	/* exclusive; the mode is exact, whatever the umask */
int sys_mkdir_owned(struct sys_dir *d, const char *name, uint32_t mode, uint32_t uid, uint32_t gid);
int sys_rmdir(struct sys_dir *d, const char *name);
int sys_sync_dir(struct sys_dir *d);

/* Makes a file exclusively, for reading and writing; exact mode. */
int sys_create_at(struct sys_file *out, struct sys_dir *d, const char *name, uint32_t mode);

/* As sys_open_at, for reading and writing (locks need it). */
int sys_open_rw_at(struct sys_file *out, struct sys_stat *st, struct sys_dir *d, const char *name);

int sys_write(struct sys_file f, const void *p, size_t n);		/* all of it at the file's position */
int sys_seek_end(struct sys_file f);
int sys_sync(struct sys_file f);
int sys_fstat(struct sys_stat *out, struct sys_file f);
int sys_set_owner(struct sys_file f, uint32_t uid, uint32_t gid);
int sys_set_mode(struct sys_file f, uint32_t mode);

/* Gives a new file the rights that a file made in this folder gets there; nothing where owner and mode say it all. */
int sys_inherit(struct sys_file f, struct sys_dir *d);

int sys_set_mtime(struct sys_file f, int64_t ns);			/* access time too */
int sys_set_mtime_at(struct sys_dir *d, const char *name, int64_t ns);
void sys_forget_cache(struct sys_file f);				/* the next read comes from the disk where the system lets us */

/* Asks for a write lock without waiting, let go when f is closed. 0 got it, EAGAIN somebody holds it. */
int sys_lock_bytes(struct sys_file f, uint64_t off, uint64_t n);	/* open-file-description lock: Exim sees it */
int sys_lock_whole(struct sys_file f);					/* flock, exclusive: Postfix uses it */

/* Appends one line (an LF is added) to a file that exists, by one write. */
int sys_append_line(const char *path, const char *line);

/* The folder above a path that has no links ("/a/b" -> "/a"), and its last component; for the private folder beside a spool. malloc'd. */
char *sys_parent(const char *path, const char **name);

int sys_space(uint64_t *bytes, struct sys_dir *d);			/* free for us on its file system */
int sys_inodes(uint64_t *n, struct sys_dir *d);				/* files that can still be made on it; ENOTSUP when it has no such limit */

/* SHA-256 of a stream of bytes. end gives the digest and makes h ready for the next stream. */
struct sys_sha256;
struct sys_sha256 *sys_sha256_new(void);
void sys_sha256_add(struct sys_sha256 *h, const void *p, size_t n);
void sys_sha256_end(unsigned char out[32], struct sys_sha256 *h);
void sys_sha256_free(struct sys_sha256 *h);

/* Converts from a charset (name as in MIME) to UTF-8. Returns the number of bytes written to out (at most max), or -1
 * when the charset is unknown. Bytes that the charset does not know become U+FFFD. Thread-safe. */
int64_t sys_iconv(char *out, size_t max, const char *charset, const void *in, size_t n);

/* IDNA: a domain to its Unicode (or ASCII) form, lower case, into out (max bytes with NUL). 0, or -1 when it has none. */
int sys_idn_unicode(char *out, size_t max, const char *ascii);
int sys_idn_ascii(char *out, size_t max, const char *domain);
/* The same for what browsers open and registries of today refuse: symbols and emoji, as UTS 46 alone maps them. */
int sys_idn_symbols(char *out, size_t max, const char *domain);

/* The database of libmagic, for magic_load_buffers: n bytes, malloc'd, to be freed after magic_close. NULL: libmagic finds the system's own,
 * magic_load(m, NULL). */
int sys_magic_db(void **out, size_t *n, struct err *e);

/* Local civil time of an IANA zone ("" or NULL: the machine's) to UTC seconds; an hour that comes twice is read as the first.
 * month 1-12. 0, or -1 when the time or the zone is not valid. Not thread-safe across zones: call sys_zone_load once first. */
struct sys_zone;
int sys_zone_load(struct sys_zone **out, const char *name, struct err *e);
void sys_zone_free(struct sys_zone *z);
const char *sys_zone_name(const struct sys_zone *z);	/* as stored with the scan, for example "Europe/Istanbul" */
int sys_zone_utc(int64_t *sec, const struct sys_zone *z, int year, int month, int day, int hour, int min, int second);

/* Runs a program by full path without a shell, stdin empty, stderr dropped, and reads at most max bytes of its stdout
 * (NUL added). Gives up after `seconds`. 0 when it exited 0, else -1. */
int sys_run(char *out, size_t max, const char *const argv[], int seconds, struct err *e);

/* What runs programs at times here, and the path of the running program (malloc'd; NULL not known). */
enum sys_scheduler { SYS_SCHEDULER_SYSTEMD, SYS_SCHEDULER_CRON, SYS_SCHEDULER_TASK };
enum sys_scheduler sys_scheduler(void);
char *sys_program(void);

/* Removes a file that is ours by its path (a unit, a task's description). 0 or errno. */
int sys_remove_file(const char *path);

/* Runs a command line of the admin's by the system's shell (/bin/sh -c; cmd /c) with n bytes on its stdin, its output on our stderr, and name=value
 * added to its environment. It need not read stdin. Gives up after `seconds`: the command and what it started are ended. 0 when it exited 0, else
 * -1. */
int sys_run_shell(const char *command, const char *name, const char *value, const void *in, size_t n, int seconds, struct err *e);

/* Writes a file as a whole: a temporary one beside it with this mode, synced, renamed over it. Whoever reads meanwhile sees the old one or the
 * new one; after a failure the old one is there. What is no regular file, a folder, a link or a device, is left as it is: an error. */
int sys_replace_file(const char *path, const void *p, size_t n, uint32_t mode, struct err *e);

/* Is a process with this pid alive and does its program file name equal `name`? 1 yes, 0 no, -1 cannot tell. */
int sys_process_is(int64_t pid, const char *name);

/* Is any process running whose program file name equals `name`? 1 yes, 0 no, -1 cannot tell. */
int sys_process_any(const char *name);

/* Drops what a scan does not need (writing outside the index folder, network, new programs) where the system lets us.
 * `writable` is a folder that stays writable. Returns 1 confined, 0 not possible here. */
int sys_confine(const char *writable);

/* Threads: a plain start and join, a mutex and a condition. */
struct sys_thread;
struct sys_mutex;
struct sys_cond;
int sys_thread_start(struct sys_thread **out, void (*run)(void *), void *arg, struct err *e);
void sys_thread_join(struct sys_thread *t);		/* frees it */
struct sys_mutex *sys_mutex_new(void);
void sys_mutex_free(struct sys_mutex *m);
void sys_mutex_lock(struct sys_mutex *m);
void sys_mutex_unlock(struct sys_mutex *m);
struct sys_cond *sys_cond_new(void);
void sys_cond_free(struct sys_cond *c);
void sys_cond_wait(struct sys_cond *c, struct sys_mutex *m);
void sys_cond_wake(struct sys_cond *c);			/* wakes all */

#endif
