/* The POSIX half of sys.h, second file: the machine rather than its files. Linux features are used where they are there. */
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <limits.h>
#include <malloc.h>
#include <nettle/sha2.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "civil.h"

static char *
join(const char *a, const char *b)
{
	size_t n = strlen(a) + strlen(b) + 1;
	char *s = mem_grow(NULL, n);

	snprintf(s, n, "%s%s", a, b);
	return s;
}

/* ---- time, machine ---- */

int64_t
sys_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
sys_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

char *
sys_index_default(void)
{
	const char *dir = getenv("XDG_STATE_HOME");

	if (geteuid() == 0)
		return join("/var/lib/spoolsweep/index.db", "");
	if (dir != NULL && dir[0] == '/')
		return join(dir, "/spoolsweep/index.db");
	dir = getenv("HOME");
	return join(dir != NULL ? dir : ".", "/.local/state/spoolsweep/index.db");
}

char *
sys_quote(const char *word)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
	char *out, *p;

	if (word[0] != '\0' && strspn(word, safe) == strlen(word))
		return join(word, "");
	out = p = mem_new(4 * strlen(word) + 3);
	*p++ = '\'';
	for (; *word != '\0'; word++) {
		if (*word == '\'') {
			memcpy(p, "'\\'", 3);
			p += 3;
		}
		*p++ = *word;
	}
	*p = '\'';
	return out;
}

int
sys_utc(struct tm *out, int64_t seconds)
{
	time_t t = (time_t)seconds;

	return gmtime_r(&t, out) != NULL ? 0 : -1;
}

const char *
sys_local_time(char *out, size_t n)
{
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL || strftime(out, n, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(out, n, "0000-00-00 00:00:00");
	return out;
}

void
sys_sleep_ms(unsigned ms)
{
	const struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

uint32_t
sys_uid(void)
{
	return (uint32_t)geteuid();
}

void
sys_memory_return(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

unsigned
sys_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 && n < 1024 ? (unsigned)n : 1;
}

int
sys_is_root(void)
{
	return geteuid() == 0;
}

int
sys_is_terminal(int fd)
{
	return isatty(fd) == 1;
}

int
sys_is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

int
sys_terminal_colours(int fd)
{
	const char *term = getenv("TERM");

	return sys_is_terminal(fd) && (term == NULL || strcmp(term, "dumb") != 0);
}

int
sys_terminal_width(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
		return w.ws_col;
	return 80;
}

const char *
sys_hostname(char *out, size_t n)
{
	if (gethostname(out, n) < 0)
		snprintf(out, n, "localhost");
	out[n - 1] = '\0';
	return out;
}

const char *
sys_login(char *out, size_t n)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *pw;

	if (sudo != NULL && sudo[0] != '\0' && getuid() == 0) {
		snprintf(out, n, "%s", sudo);
		return out;
	}
	pw = getpwuid(getuid());
	if (pw != NULL)
		snprintf(out, n, "%s", pw->pw_name);
	else
		snprintf(out, n, "uid %lu", (unsigned long)getuid());
	return out;
}

void
sys_log(enum sys_event kind, const char *text)
{
	openlog("spoolsweep", LOG_PID, LOG_MAIL);
	syslog(kind == SYS_EVENT_UNFINISHED ? LOG_WARNING : LOG_NOTICE, "%s", text);
	closelog();
}

void
sys_sleep(int64_t us)
{
	struct timespec t = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };

	if (us > 0)
		nanosleep(&t, NULL);
}

int
sys_random(void *out, size_t n, struct err *e)
{
	size_t done = 0;
	ssize_t got;

	while (done < n) {
		got = getrandom((char *)out + done, n - done, 0);
		if (got < 0 && errno != EINTR)
			return err_set(e, errno, "random bytes");
		if (got > 0)
			done += (size_t)got;
	}
	return 0;
}

char *
sys_temp_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return join(dir != NULL && dir[0] != '\0' ? dir : "/tmp", "");
}

/* A handler can reach nothing else; it is written here and read by sys_stop_asked alone. */
static volatile sig_atomic_t is_stopped;

static void
on_signal(int n)
{
	is_stopped = 1;
	signal(n, SIG_DFL);	/* the second one ends the program: any point is safe to die at */
}

static int
is_ignored(int n)
{
	struct sigaction s;

	return sigaction(n, NULL, &s) == 0 && s.sa_handler == SIG_IGN;
}

void
sys_watch_stop(int on)
{
	signal(SIGINT, on ? on_signal : SIG_DFL);
	signal(SIGTERM, on ? on_signal : SIG_DFL);
	if (!is_ignored(SIGHUP))	/* nohup(1) means it */
		signal(SIGHUP, on ? on_signal : SIG_DFL);
}

int
sys_stop_asked(void)
{
	return is_stopped;
}

/* ---- digests ---- */

struct sys_sha256 {
	struct sha256_ctx ctx;
};

struct sys_sha256 *
sys_sha256_new(void)
{
	struct sys_sha256 *h = mem_new(sizeof *h);

	sha256_init(&h->ctx);
	return h;
}

void
sys_sha256_add(struct sys_sha256 *h, const void *p, size_t n)
{
	sha256_update(&h->ctx, n, p);
}

void
sys_sha256_end(unsigned char out[32], struct sys_sha256 *h)
{
	sha256_digest(&h->ctx, SHA256_DIGEST_SIZE, out);	/* starts anew by itself */
}

void
sys_sha256_free(struct sys_sha256 *h)
{
	free(h);
}

/* ---- text ---- */

static int64_t
convert(iconv_t cd, char *out, size_t max, const char *in, size_t n)
{
	static const char bad[] = "\xef\xbf\xbd";
	char *src = (char *)(uintptr_t)in, *dst = out;
	size_t left = n, room = max;

	while (left != 0) {
		if (iconv(cd, &src, &left, &dst, &room) != (size_t)-1)
			break;
		if (errno == E2BIG || room < 3)
			break;
		memcpy(dst, bad, 3);	/* EILSEQ: one byte; EINVAL: the cut rest */
		dst += 3;
		room -= 3;
		if (errno == EINVAL)
			break;
		src++;
		left--;
		iconv(cd, NULL, NULL, NULL, NULL);
	}
	iconv(cd, NULL, NULL, &dst, &room);
	return (int64_t)(max - room);
}

/* Open converters that nobody uses now: iconv_open loads a module from disk each time, a twentieth of a whole scan. */
static struct {
	pthread_mutex_t lock;
	struct converter { char name[64]; iconv_t cd; } v[16];
	size_t n;
} idle = { .lock = PTHREAD_MUTEX_INITIALIZER };

static iconv_t
take_converter(const char *name)
{
	iconv_t cd = (iconv_t)-1;
	size_t i;

	pthread_mutex_lock(&idle.lock);
	for (i = 0; i < idle.n && strcmp(idle.v[i].name, name) != 0; i++)
		;
	if (i < idle.n) {
		cd = idle.v[i].cd;
		idle.v[i] = idle.v[--idle.n];
	}
	pthread_mutex_unlock(&idle.lock);
	return cd != (iconv_t)-1 ? cd : iconv_open("UTF-8", name);
}

/* name: at most 63 bytes. The oldest makes room. */
static void
keep_converter(const char *name, iconv_t cd)
{
	const size_t most = sizeof idle.v / sizeof idle.v[0];
	iconv_t old = (iconv_t)-1;

	iconv(cd, NULL, NULL, NULL, NULL);
	pthread_mutex_lock(&idle.lock);
	if (idle.n == most) {
		old = idle.v[0].cd;
		memmove(idle.v, idle.v + 1, --idle.n * sizeof idle.v[0]);
	}
	memcpy(idle.v[idle.n].name, name, strlen(name) + 1);
	idle.v[idle.n++].cd = cd;
	pthread_mutex_unlock(&idle.lock);
	if (old != (iconv_t)-1)
		iconv_close(old);
}

int64_t
sys_iconv(char *out, size_t max, const char *charset, const void *in, size_t n)
{
	char name[64];
	iconv_t cd;
	int64_t got;
	size_t i;

	/* "//" would be an option of iconv_open, and a name is at most 40 characters (RFC 2978). */
	for (i = 0; charset[i] != '\0' && i < sizeof name - 1; i++) {
		if (charset[i] == '/' || (unsigned char)charset[i] <= ' ' || (unsigned char)charset[i] >= 0x7f)
			return -1;
		name[i] = charset[i];
	}
	name[i] = '\0';
	if (charset[i] != '\0' || i == 0)
		return -1;
	cd = take_converter(name);
	if (cd == (iconv_t)-1)
		return -1;
	got = convert(cd, out, max, in, n);
	keep_converter(name, cd);
	return got;
}

int
sys_magic_db(void **out, size_t *n, struct err *e)
{
	(void)e;
	*out = NULL;
	*n = 0;
	return 0;
}

/* ---- time zones: TZ of this process is set once, glibc does the rest ---- */

struct sys_zone {
	char *name;
};

/* The machine's zone: TZ, else the name behind /etc/localtime, else /etc/timezone, else UTC. */
static char *
machine_zone(void)
{
	char link[PATH_MAX], *at, *env = getenv("TZ");
	ssize_t n;

	if (env != NULL && env[0] != '\0')
		return join(env[0] == ':' ? env + 1 : env, "");
	n = readlink("/etc/localtime", link, sizeof link - 1);
	if (n > 0) {
		link[n] = '\0';
		at = strstr(link, "zoneinfo/");
		if (at != NULL)
			return join(at + strlen("zoneinfo/"), "");
	}
	return join("UTC", "");
}

static int
zone_exists(const char *name)
{
	char *path;
	int ok;

	if (name[0] == '/' || name[0] == '\0' || strstr(name, "..") != NULL)
		return 0;
	path = join("/usr/share/zoneinfo/", name);
	ok = access(path, R_OK) == 0;
	free(path);
	return ok || strcmp(name, "UTC") == 0;
}

int
sys_zone_load(struct sys_zone **out, const char *name, struct err *e)
{
	int given = name != NULL && name[0] != '\0';
	char *zone = given ? join(name, "") : machine_zone();

	if (given && !zone_exists(zone)) {
		err_set(e, 0, "no such time zone: %s (IANA names such as Europe/Istanbul; is the package tzdata installed?)", zone);
		free(zone);
		return -1;
	}
	/* Also for the machine's own zone: without TZ glibc looks at /etc/localtime at every call. */
	if (zone_exists(zone) && setenv("TZ", zone, 1) < 0) {
		free(zone);
		return err_set(e, errno, "set the time zone");
	}
	tzset();
	*out = mem_new(sizeof **out);
	(*out)->name = zone;
	return 0;
}

void
sys_zone_free(struct sys_zone *z)
{
	if (z != NULL)
		free(z->name);
	free(z);
}

const char *
sys_zone_name(const struct sys_zone *z)
{
	return z->name;
}

/* Seconds that local time is ahead of UTC at an instant. */
static int
offset_at(int64_t *off, const void *zone, int64_t t)
{
	time_t at = (time_t)t;
	struct tm tm;

	(void)zone;
	if (localtime_r(&at, &tm) == NULL)
		return -1;
	*off = tm.tm_gmtoff;
	return 0;
}

int
sys_zone_utc(int64_t *sec, const struct sys_zone *z, int year, int month, int day, int hour, int min, int second)
{
	const struct civil c = { year, month, day, hour, min, second };

	return civil_utc(sec, &c, offset_at, z);
}

/* ---- processes ---- */

static int
read_all(char *out, size_t max, int fd, int seconds)
{
	int64_t end = sys_clock_us() + (int64_t)seconds * 1000000, left;
	struct pollfd p = { fd, POLLIN, 0 };
	size_t n = 0;
	ssize_t got = 1;
	int rc;

	while (n + 1 < max && got != 0) {
		left = end - sys_clock_us();
		if (left <= 0)
			return -1;
		rc = poll(&p, 1, (int)(left / 1000) + 1);
		if (rc <= 0 && (rc == 0 || errno != EINTR))
			return -1;
		got = rc > 0 ? read(fd, out + n, max - 1 - n) : -1;
		if (got < 0 && errno != EINTR)
			break;
		if (got > 0)
			n += (size_t)got;
	}
	out[n] = '\0';
	return 0;
}

static void
run_child(const char *const argv[], int fd)
{
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);	/* Ctrl-C on the terminal is for us: a service that is just being started again must get there */
	dup2(null, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

int
sys_run(char *out, size_t max, const char *const argv[], int seconds, struct err *e)
{
	int pipefd[2], status = -1, timed_out;
	pid_t pid;

	out[0] = '\0';
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return err_set(e, errno, "run %s", argv[0]);
	pid = fork();
	if (pid == 0)
		run_child(argv, pipefd[1]);
	close(pipefd[1]);
	if (pid < 0) {
		close(pipefd[0]);
		return err_set(e, errno, "run %s", argv[0]);
	}
	timed_out = read_all(out, max, pipefd[0], seconds) < 0;
	if (timed_out)
		kill(pid, SIGKILL);
	close(pipefd[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (timed_out)
		return err_set(e, 0, "%s: no answer in %d s", argv[0], seconds);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, 0, "%s failed", argv[0]);
	return 0;
}

/* Our environment and one variable more; made before fork, behind which only few functions may be called. */
static char **
environment(char **added, const char *name, const char *value)
{
	size_t n = 0, i, k = 0, len = strlen(name);
	char **env;

	while (environ[n] != NULL)
		n++;
	env = mem_new((n + 2) * sizeof *env);
	for (i = 0; i < n; i++)
		if (strncmp(environ[i], name, len) != 0 || environ[i][len] != '=')
			env[k++] = environ[i];
	*added = mem_new(len + strlen(value) + 2);
	snprintf(*added, len + strlen(value) + 2, "%s=%s", name, value);
	env[k] = *added;
	return env;
}

static void
shell_child(const char *command, char *const env[], int in)
{
	const char *const argv[] = { "/bin/sh", "-c", command, NULL };

	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);	/* we ignore these, and exec would keep that */
	signal(SIGXFSZ, SIG_DFL);
	dup2(in, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execve(argv[0], (char *const *)(uintptr_t)argv, env);
	_exit(127);
}

/* Writes what the reader takes, until it wants no more. -1: the time is over. */
static int
feed(int fd, const char *p, size_t n, int64_t end)
{
	struct pollfd w = { fd, POLLOUT, 0 };
	int64_t left;
	ssize_t put;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return 0;
	while (n > 0) {
		left = end - sys_clock_us();
		if (left <= 0)
			return -1;
		if (poll(&w, 1, (int)(left / 1000) + 1) <= 0)
			continue;
		put = write(fd, p, n);
		if (put < 0 && errno != EAGAIN && errno != EINTR)
			return 0;	/* EPIPE: it has read enough */
		if (put > 0) {
			p += put;
			n -= (size_t)put;
		}
	}
	return 0;
}

/* 0 with its status, -1 when the time is over. */
static int
wait_for(int *status, pid_t pid, int64_t end)
{
	pid_t got;

	while ((got = waitpid(pid, status, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
		if (sys_clock_us() > end)
			return -1;
		sys_sleep_ms(10);
	}
	return 0;
}

int
sys_run_shell(const char *command, const char *name, const char *value, const void *in, size_t n, int seconds, struct err *e)
{
	int64_t end = sys_clock_us() + (int64_t)seconds * 1000000;
	int pipefd[2], status = -1, timed_out;
	char **env, *added;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return err_set(e, errno, "run %s", command);
	env = environment(&added, name, value);
	pid = fork();
	if (pid == 0)
		shell_child(command, env, pipefd[0]);
	close(pipefd[0]);
	free(env);
	free(added);
	timed_out = pid > 0 && feed(pipefd[1], in, n, end) < 0;
	close(pipefd[1]);
	if (pid < 0)
		return err_set(e, errno, "run %s", command);
	if (timed_out || wait_for(&status, pid, end) < 0) {
		kill(-pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		return err_set(e, 0, "%s: not done in %d s", command, seconds);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, 0, "%s: %s %d", command, WIFEXITED(status) ? "exit" : "signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return 0;
}

/* The kernel keeps 15 characters of a program's name. */
static int
comm_is(int64_t pid, const char *name)
{
	char path[64], comm[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%lld/comm", (long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	n = read(fd, comm, sizeof comm - 1);
	close(fd);
	comm[n > 0 ? n : 0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	return strncmp(comm, name, 15) == 0;
}

int
sys_process_is(int64_t pid, const char *name)
{
	char path[64], exe[PATH_MAX], *base;
	ssize_t n;

	if (pid <= 0)
		return 0;
	if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
		return 0;
	snprintf(path, sizeof path, "/proc/%lld/exe", (long long)pid);
	n = readlink(path, exe, sizeof exe - 1);
	if (n < 0 && errno == EACCES)	/* another user's: its short name is public */
		return comm_is(pid, name);
	if (n < 0)
		return errno == ENOENT && access("/proc/self", F_OK) == 0 ? 0 : -1;
	exe[n] = '\0';
	base = strrchr(exe, '/');
	base = base != NULL ? base + 1 : exe;
	if (strncmp(base, name, strlen(name)) != 0)
		return 0;
	base += strlen(name);
	return *base == '\0' || strcmp(base, " (deleted)") == 0;
}

int
sys_process_any(const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *ent;
	int found = 0, unsure = 0, one;
	char *end;
	long pid;

	if (proc == NULL)
		return -1;
	while (!found && (ent = readdir(proc)) != NULL) {
		pid = strtol(ent->d_name, &end, 10);
		if (*end != '\0' || pid <= 0)
			continue;
		one = sys_process_is(pid, name);
		found = one == 1;
		unsure |= one < 0;
	}
	closedir(proc);
	return found ? 1 : unsure ? -1 : 0;
}

int
sys_confine(const char *writable)
{
	(void)writable;
	/* After this no program that we start gains rights; set-id programs stay harmless. */
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

enum sys_scheduler
sys_scheduler(void)
{
	return access("/run/systemd/system", F_OK) == 0 ? SYS_SCHEDULER_SYSTEMD : SYS_SCHEDULER_CRON;	/* sd_booted(3) */
}

char *
sys_program(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	return join(path, "");
}

int
sys_remove_file(const char *path)
{
	return unlink(path) < 0 ? errno : 0;
}

/* ---- threads ---- */

struct sys_thread {
	pthread_t id;
	void (*run)(void *);
	void *arg;
};
struct sys_mutex { pthread_mutex_t m; };
struct sys_cond { pthread_cond_t c; };

static void *
thread_main(void *p)
{
	struct sys_thread *t = p;

	t->run(t->arg);
	return NULL;
}

int
sys_thread_start(struct sys_thread **out, void (*run)(void *), void *arg, struct err *e)
{
	struct sys_thread *t = mem_new(sizeof *t);
	int rc;

	t->run = run;
	t->arg = arg;
	rc = pthread_create(&t->id, NULL, thread_main, t);
	if (rc != 0) {
		free(t);
		return err_set(e, rc, "start a thread");
	}
	*out = t;
	return 0;
}

void
sys_thread_join(struct sys_thread *t)
{
	if (t != NULL)
		pthread_join(t->id, NULL);
	free(t);
}

struct sys_mutex *
sys_mutex_new(void)
{
	struct sys_mutex *m = mem_new(sizeof *m);

	pthread_mutex_init(&m->m, NULL);
	return m;
}

void
sys_mutex_free(struct sys_mutex *m)
{
	if (m != NULL)
		pthread_mutex_destroy(&m->m);
	free(m);
}

void
sys_mutex_lock(struct sys_mutex *m)
{
	pthread_mutex_lock(&m->m);
}

void
sys_mutex_unlock(struct sys_mutex *m)
{
	pthread_mutex_unlock(&m->m);
}

struct sys_cond *
sys_cond_new(void)
{
	struct sys_cond *c = mem_new(sizeof *c);

	pthread_cond_init(&c->c, NULL);
	return c;
}

void
sys_cond_free(struct sys_cond *c)
{
	if (c != NULL)
		pthread_cond_destroy(&c->c);
	free(c);
}

void
sys_cond_wait(struct sys_cond *c, struct sys_mutex *m)
{
	pthread_cond_wait(&c->c, &m->m);
}

void
sys_cond_wake(struct sys_cond *c)
{
	pthread_cond_broadcast(&c->c);
}

/* ---- sockets ---- */

int
sys_net_begin(struct err *e)
{
	(void)e;
	return 0;
}

int
sys_net_wait(struct sys_socket *v, size_t n, int ms)
{
	struct pollfd p[SYS_SOCKETS];
	size_t i;

	if (n > SYS_SOCKETS)
		return EINVAL;
	for (i = 0; i < n; i++) {
		p[i].fd = (int)v[i].s;
		p[i].events = (short)((v[i].wants_read ? POLLIN : 0) | (v[i].wants_write ? POLLOUT : 0));
		p[i].revents = 0;
	}
	if (poll(p, (nfds_t)n, ms) < 0 && errno != EINTR)
		return errno;
	for (i = 0; i < n; i++) {
		v[i].can_read = v[i].wants_read && (p[i].revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL)) != 0;
		v[i].can_write = v[i].wants_write && (p[i].revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL)) != 0;
	}
	return 0;
}
