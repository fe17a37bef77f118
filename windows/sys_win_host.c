/* The Windows half of sys.h: the machine, who runs us, stopping, digests, threads. */
#include "windows/win.h"

#include <bcrypt.h>
#include <errno.h>
#include <io.h>
#include <knownfolders.h>
#include <malloc.h>
#include <process.h>
#include <shlobj.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spool/arena.h"
#include "spool/civil.h"

/* ---- time ---- */

int64_t
sys_now_us(void)
{
	FILETIME t;

	GetSystemTimePreciseAsFileTime(&t);
	return win_time_ns((int64_t)((uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime)) / 1000;
}

int64_t
sys_clock_us(void)
{
	LARGE_INTEGER rate, now;

	QueryPerformanceFrequency(&rate);
	QueryPerformanceCounter(&now);
	return now.QuadPart / rate.QuadPart * 1000000 + now.QuadPart % rate.QuadPart * 1000000 / rate.QuadPart;
}

/* The years 1601 to 9999: the C library begins in 1970, ends in 3000, and its strftime ends the program behind 9999. */
int
sys_utc(struct tm *out, int64_t seconds)
{
	uint64_t units;
	FILETIME ft;
	SYSTEMTIME t;

	if (seconds < INT64_C(-11644473600) || seconds > INT64_C(253402300799))
		return -1;
	units = (uint64_t)(seconds + INT64_C(11644473600)) * 10000000;
	ft.dwLowDateTime = (DWORD)units;
	ft.dwHighDateTime = (DWORD)(units >> 32);
	if (!FileTimeToSystemTime(&ft, &t))
		return -1;
	memset(out, 0, sizeof *out);
	out->tm_year = t.wYear - 1900;
	out->tm_mon = t.wMonth - 1;
	out->tm_mday = t.wDay;
	out->tm_hour = t.wHour;
	out->tm_min = t.wMinute;
	out->tm_sec = t.wSecond;
	out->tm_wday = t.wDayOfWeek;
	out->tm_yday = (int)(civil_days(t.wYear, t.wMonth, t.wDay) - civil_days(t.wYear, 1, 1));
	return 0;
}

const char *
sys_local_time(char *out, size_t n)
{
	SYSTEMTIME t;

	GetLocalTime(&t);
	snprintf(out, n, "%04u-%02u-%02u %02u:%02u:%02u", t.wYear, t.wMonth, t.wDay, t.wHour, t.wMinute, t.wSecond);
	return out;
}

void
sys_sleep_ms(unsigned ms)
{
	Sleep(ms);
}

/* ---- stopping ---- */

/* A console handler can reach nothing else; is_stopped is written there and read by sys_stop_asked alone. */
static volatile LONG is_stopped;
static HANDLE wake;		/* made by the first sys_watch_stop; ends one sys_sleep */

void
win_stop(void)
{
	InterlockedExchange(&is_stopped, 1);
	if (wake != NULL)
		SetEvent(wake);
}

static BOOL WINAPI
on_control(DWORD what)
{
	int again = InterlockedCompareExchange(&is_stopped, 1, 0) != 0;

	if (again && (what == CTRL_C_EVENT || what == CTRL_BREAK_EVENT))
		return FALSE;	/* the second one ends the program: any point is safe to die at */
	win_stop();
	/* When this returns from one of the others, Windows ends the process: main has to be there first. It has some seconds. */
	if (what != CTRL_C_EVENT && what != CTRL_BREAK_EVENT)
		Sleep(INFINITE);
	return TRUE;
}

void
sys_watch_stop(int on)
{
	if (wake == NULL)
		wake = CreateEventW(NULL, FALSE, FALSE, NULL);
	SetConsoleCtrlHandler(on_control, FALSE);
	if (on) {
		/* A parent may have had Ctrl-C ignored in its children. */
		SetConsoleCtrlHandler(NULL, FALSE);
		SetConsoleCtrlHandler(on_control, TRUE);
	}
}

int
sys_stop_asked(void)
{
	return is_stopped != 0;
}

void
sys_sleep(int64_t us)
{
	int64_t ms = us / 1000 + (us % 1000 != 0);

	if (us <= 0)
		return;
	if (wake == NULL)
		Sleep(ms < INT32_MAX ? (DWORD)ms : INT32_MAX);
	else
		WaitForSingleObject(wake, ms < INT32_MAX ? (DWORD)ms : INT32_MAX);
}

/* ---- the machine and who runs us ---- */

uint32_t
sys_uid(void)
{
	return 0;	/* as win_dir_rights tells owners */
}

void
sys_memory_return(void)
{
	_heapmin();
}

unsigned
sys_cpus(void)
{
	DWORD n = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);

	return n > 0 && n < 1024 ? n : 1;
}

int
sys_is_root(void)
{
	TOKEN_ELEVATION up = { 0 };
	HANDLE token;
	DWORD n;

	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
		return 0;
	if (!GetTokenInformation(token, TokenElevation, &up, sizeof up, &n))
		up.TokenIsElevated = 0;
	CloseHandle(token);
	return up.TokenIsElevated != 0;
}

int
sys_is_terminal(int fd)
{
	DWORD mode;

	return GetConsoleMode((HANDLE)_get_osfhandle(fd), &mode) != 0;
}

int
sys_is_pipe(int fd)
{
	return GetFileType((HANDLE)_get_osfhandle(fd)) == FILE_TYPE_PIPE;
}

int
sys_terminal_colours(int fd)
{
	HANDLE h = (HANDLE)_get_osfhandle(fd);
	DWORD mode;

	return GetConsoleMode(h, &mode) && SetConsoleMode(h, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}

int
sys_terminal_width(void)
{
	CONSOLE_SCREEN_BUFFER_INFO info;
	int n = 0;

	if (GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info) ||
	    GetConsoleScreenBufferInfo(GetStdHandle(STD_ERROR_HANDLE), &info))
		n = info.srWindow.Right - info.srWindow.Left + 1;
	return n > 1 ? n - 1 : 80;	/* the last column of a line makes an old console begin the next one */
}

static const char *
put_name(char *out, size_t n, const wchar_t *w, size_t len, const char *other)
{
	char *s = win_narrow(w, len);

	snprintf(out, n, "%s", len != 0 ? s : other);
	free(s);
	return out;
}

const char *
sys_hostname(char *out, size_t n)
{
	wchar_t w[256];
	DWORD len = 256;

	return put_name(out, n, w, GetComputerNameExW(ComputerNameDnsHostname, w, &len) ? len : 0, "localhost");
}

const char *
sys_login(char *out, size_t n)
{
	wchar_t w[260];
	DWORD len = 260;

	return put_name(out, n, w, GetUserNameW(w, &len) && len > 0 ? len - 1 : 0, "unknown");
}

int
sys_random(void *out, size_t n, struct err *e)
{
	if (BCryptGenRandom(NULL, out, (ULONG)n, BCRYPT_USE_SYSTEM_PREFERRED_RNG) < 0)
		return err_set(e, EIO, "random bytes");
	return 0;
}

char *
sys_temp_dir(void)
{
	wchar_t w[MAX_PATH + 2];
	DWORD n = GetTempPathW(MAX_PATH + 2, w);

	return n > 0 && n < MAX_PATH + 2 ? win_ours(w, n) : win_ours(L"C:/Windows/Temp", 15);
}

typedef void (*any_call)(void);
typedef HRESULT (WINAPI *known_folder_call)(REFKNOWNFOLDERID, DWORD, HANDLE, PWSTR *);
typedef void (WINAPI *free_call)(void *);

/* A call of a library of the system that few runs need: shell32 and ole32 bring the whole of the windows' drawing, which would take longer to
 * load than all else of a start. It stays loaded. NULL: not there. */
static any_call
late_call(const wchar_t *library, const char *name)
{
	HMODULE m = LoadLibraryExW(library, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);

	return m != NULL ? (any_call)GetProcAddress(m, name) : NULL;
}

char *
sys_index_default(void)
{
	static const char file[] = "/spoolsweep/index.db";
	known_folder_call known = (known_folder_call)late_call(L"shell32.dll", "SHGetKnownFolderPath");
	free_call release = (free_call)late_call(L"ole32.dll", "CoTaskMemFree");
	wchar_t *w = NULL;
	char *dir, *path;
	size_t n;

	/* Not the environment: whoever starts us could send an administrator's journal elsewhere by it. */
	if (known != NULL && known(&FOLDERID_ProgramData, 0, NULL, &w) == S_OK)
		dir = win_ours(w, wcslen(w));
	else
		dir = win_ours(L"C:/ProgramData", 14);
	if (w != NULL && release != NULL)
		release(w);
	n = strlen(dir);
	path = mem_new(n + sizeof file);
	memcpy(path, dir, n);
	memcpy(path + n, file, sizeof file);
	free(dir);
	return path;
}

char *
sys_quote(const char *word)
{
	return win_shell_word(word);
}

int
sys_confine(const char *writable)
{
	(void)writable;
	return 0;
}

/* ---- digests ---- */

struct sys_sha256 {
	BCRYPT_ALG_HANDLE algorithm;
	BCRYPT_HASH_HANDLE h;
};

/* A digest that cannot be made must not look like one: CNG fails on a machine that is broken or out of memory. */
static void
need(NTSTATUS s)
{
	if (s < 0) {
		fputs("spoolsweep: SHA-256 of Windows fails\n", stderr);
		abort();
	}
}

struct sys_sha256 *
sys_sha256_new(void)
{
	struct sys_sha256 *h = mem_new(sizeof *h);

	need(BCryptOpenAlgorithmProvider(&h->algorithm, BCRYPT_SHA256_ALGORITHM, NULL, BCRYPT_HASH_REUSABLE_FLAG));
	need(BCryptCreateHash(h->algorithm, &h->h, NULL, 0, NULL, 0, BCRYPT_HASH_REUSABLE_FLAG));
	return h;
}

void
sys_sha256_add(struct sys_sha256 *h, const void *p, size_t n)
{
	const unsigned char *at = p;
	size_t piece;

	for (; n != 0; at += piece, n -= piece) {
		piece = n < ((size_t)1 << 30) ? n : (size_t)1 << 30;
		need(BCryptHashData(h->h, (unsigned char *)(uintptr_t)at, (ULONG)piece, 0));
	}
}

void
sys_sha256_end(unsigned char out[32], struct sys_sha256 *h)
{
	need(BCryptFinishHash(h->h, out, 32, 0));	/* starts anew by itself */
}

void
sys_sha256_free(struct sys_sha256 *h)
{
	if (h == NULL)
		return;
	BCryptDestroyHash(h->h);
	BCryptCloseAlgorithmProvider(h->algorithm, 0);
	free(h);
}

/* ---- threads ---- */

struct sys_thread {
	HANDLE h;
	void (*run)(void *);
	void *arg;
};
struct sys_mutex { SRWLOCK lock; };
struct sys_cond { CONDITION_VARIABLE c; };

static unsigned __stdcall
thread_main(void *p)
{
	struct sys_thread *t = p;

	t->run(t->arg);
	return 0;
}

int
sys_thread_start(struct sys_thread **out, void (*run)(void *), void *arg, struct err *e)
{
	struct sys_thread *t = mem_new(sizeof *t);

	t->run = run;
	t->arg = arg;
	t->h = (HANDLE)_beginthreadex(NULL, 0, thread_main, t, 0, NULL);
	if (t->h == NULL) {
		free(t);
		return err_set(e, errno, "start a thread");
	}
	*out = t;
	return 0;
}

void
sys_thread_join(struct sys_thread *t)
{
	if (t != NULL) {
		WaitForSingleObject(t->h, INFINITE);
		CloseHandle(t->h);
	}
	free(t);
}

struct sys_mutex *
sys_mutex_new(void)
{
	struct sys_mutex *m = mem_new(sizeof *m);

	InitializeSRWLock(&m->lock);
	return m;
}

void
sys_mutex_free(struct sys_mutex *m)
{
	free(m);
}

void
sys_mutex_lock(struct sys_mutex *m)
{
	AcquireSRWLockExclusive(&m->lock);
}

void
sys_mutex_unlock(struct sys_mutex *m)
{
	ReleaseSRWLockExclusive(&m->lock);
}

struct sys_cond *
sys_cond_new(void)
{
	struct sys_cond *c = mem_new(sizeof *c);

	InitializeConditionVariable(&c->c);
	return c;
}

void
sys_cond_free(struct sys_cond *c)
{
	free(c);
}

void
sys_cond_wait(struct sys_cond *c, struct sys_mutex *m)
{
	SleepConditionVariableSRW(&c->c, &m->lock, INFINITE, 0);
}

void
sys_cond_wake(struct sys_cond *c)
{
	WakeAllConditionVariable(&c->c);
}
