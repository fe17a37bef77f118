/* The Windows half of sys.h: other processes. */
#include "windows/win.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlhelp32.h>

#include "spool/arena.h"

#define COMMAND_UNITS 32767u

/* ---- running a program ---- */

struct child {
	PROCESS_INFORMATION pi;
	HANDLE job, ours;		/* ours: our end of the pipe */
};

static int
command_line(wchar_t *out, const char *const argv[])
{
	size_t n = 0, len;
	uint16_t *w;
	int rc = 0;

	for (; *argv != NULL && rc == 0; argv++) {
		w = win_wide(&len, *argv);
		rc = w != NULL ? win_quote(out, &n, COMMAND_UNITS, w, len) : -1;
		free(w);
	}
	out[n] = 0;
	return rc;
}

/* The program gets its standard handles and no other, whatever else is inheritable in this process. */
static int
start_with(struct child *c, const wchar_t *program, wchar_t *line, wchar_t *environment, HANDLE in, HANDLE out, HANDLE err)
{
	HANDLE list[3] = { in, out, err };
	STARTUPINFOEXW si;
	SIZE_T n = 0;
	DWORD why;
	int ok;

	memset(&si, 0, sizeof si);
	si.StartupInfo.cb = sizeof si;
	si.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
	si.StartupInfo.hStdInput = in;
	si.StartupInfo.hStdOutput = out;
	si.StartupInfo.hStdError = err;
	InitializeProcThreadAttributeList(NULL, 1, 0, &n);
	si.lpAttributeList = mem_new(n);
	ok = InitializeProcThreadAttributeList(si.lpAttributeList, 1, 0, &n) &&
	    UpdateProcThreadAttribute(si.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, list, 3 * sizeof *list, NULL, NULL) &&
	    CreateProcessW(program, line, NULL, NULL, TRUE,
	    CREATE_NO_WINDOW | CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT, environment, NULL, &si.StartupInfo,
	    &c->pi);
	why = GetLastError();
	DeleteProcThreadAttributeList(si.lpAttributeList);
	free(si.lpAttributeList);
	return ok ? 0 : win_errno(why);
}

static void
limit_job(const struct child *c, DWORD flags)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limit;

	memset(&limit, 0, sizeof limit);
	limit.BasicLimitInformation.LimitFlags = flags;
	(void)SetInformationJobObject(c->job, JobObjectExtendedLimitInformation, &limit, sizeof limit);
}

/* Its own children end with it when it is ended, and when we are: they are of one job. */
static void
enter_job(struct child *c)
{
	c->job = CreateJobObjectW(NULL, NULL);
	if (c->job != NULL) {
		limit_job(c, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE);
		(void)AssignProcessToJobObject(c->job, c->pi.hProcess);
	}
	ResumeThread(c->pi.hThread);
}

static void
end_child(const struct child *c)
{
	if (c->job != NULL)
		TerminateJobObject(c->job, 1);
	TerminateProcess(c->pi.hProcess, 1);
}

/* What it left running by itself goes on. */
static void
close_child(struct child *c)
{
	if (c->job != NULL) {
		limit_job(c, 0);
		CloseHandle(c->job);
	}
	CloseHandle(c->pi.hThread);
	CloseHandle(c->pi.hProcess);
}

/* A handle that a child may have: our own again, or NUL. */
static HANDLE
for_child(HANDLE ours)
{
	SECURITY_ATTRIBUTES inherit = { sizeof inherit, NULL, TRUE };
	HANDLE h;

	if (ours != NULL && ours != INVALID_HANDLE_VALUE &&
	    DuplicateHandle(GetCurrentProcess(), ours, GetCurrentProcess(), &h, 0, TRUE, DUPLICATE_SAME_ACCESS))
		return h;
	return CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, WIN_SHARE, &inherit, OPEN_EXISTING, 0, NULL);
}

/* A pipe whose one end is for the child (to write, or to read); the other is c->ours. 0 or errno. */
static int
make_pipe(struct child *c, HANDLE *theirs, int child_writes)
{
	SECURITY_ATTRIBUTES inherit = { sizeof inherit, NULL, TRUE };
	HANDLE read, write;

	if (!CreatePipe(&read, &write, &inherit, 0))
		return win_last();
	c->ours = child_writes ? read : write;
	*theirs = child_writes ? write : read;
	SetHandleInformation(c->ours, HANDLE_FLAG_INHERIT, 0);
	return 0;
}

static int
start(struct child *c, const char *const argv[])
{
	wchar_t *line = mem_new((COMMAND_UNITS + 1) * sizeof *line);
	size_t n;
	uint16_t *program = win_wide(&n, argv[0]), *p;
	HANDLE in = for_child(NULL), err = for_child(NULL), out = NULL;
	int code = program == NULL || command_line(line, argv) < 0 ? EINVAL : 0;

	for (p = program; p != NULL && *p != 0; p++)
		if (*p == '/')
			*p = '\\';
	if (code == 0)
		code = make_pipe(c, &out, 1);
	if (code == 0)
		code = start_with(c, program, line, NULL, in, out, err);
	if (code == 0)
		enter_job(c);
	if (out != NULL)
		CloseHandle(out);
	CloseHandle(in);
	CloseHandle(err);
	free(program);
	free(line);
	return code;
}

/* A pipe cannot be waited for: it is looked at, a hundred times a second. 0, or -1 when the time is over. */
static int
read_all(char *out, size_t max, const struct child *c, int seconds)
{
	const int64_t end = sys_clock_us() + (int64_t)seconds * 1000000;
	DWORD ready, got;
	size_t n = 0;

	while (n + 1 < max && PeekNamedPipe(c->ours, NULL, 0, NULL, &ready, NULL)) {
		if (ready == 0) {
			if (sys_clock_us() >= end)
				return -1;
			Sleep(10);
			continue;
		}
		if (!ReadFile(c->ours, out + n, (DWORD)(max - 1 - n), &got, NULL) || got == 0)
			break;
		n += got;
	}
	out[n] = '\0';
	return 0;
}

int
sys_run(char *out, size_t max, const char *const argv[], int seconds, struct err *e)
{
	struct child c;
	DWORD status = 1;
	int code, rc = 0;

	out[0] = '\0';
	memset(&c, 0, sizeof c);
	code = start(&c, argv);
	if (code != 0) {
		if (c.ours != NULL)
			CloseHandle(c.ours);
		return err_set(e, code, "run %s", argv[0]);
	}
	if (read_all(out, max, &c, seconds) < 0) {
		end_child(&c);
		rc = err_set(e, 0, "%s: no answer in %d s", argv[0], seconds);
	}
	CloseHandle(c.ours);	/* one that writes more gets an error, as on POSIX */
	WaitForSingleObject(c.pi.hProcess, INFINITE);
	if (rc == 0 && (!GetExitCodeProcess(c.pi.hProcess, &status) || status != 0))
		rc = err_set(e, 0, "%s failed", argv[0]);
	close_child(&c);
	return rc;
}

/* ---- the shell ---- */

/* The environment with name=value in it: "A=1", "B=2", … each with its NUL, and one more. malloc'd. */
static wchar_t *
environment_with(const char *name, const char *value)
{
	wchar_t *all = GetEnvironmentStringsW(), *env, *p, *at;
	size_t name_n, value_n, n = 0;
	uint16_t *wn = win_wide(&name_n, name), *wv = win_wide(&value_n, value);

	for (p = all; *p != 0; p += wcslen(p) + 1)
		n += wcslen(p) + 1;
	env = at = mem_new((n + name_n + value_n + 4) * sizeof *env);
	for (p = all; *p != 0; p += wcslen(p) + 1) {
		if (_wcsnicmp(p, wn, name_n) == 0 && p[name_n] == '=')
			continue;
		memcpy(at, p, (wcslen(p) + 1) * sizeof *p);
		at += wcslen(p) + 1;
	}
	memcpy(at, wn, name_n * sizeof *at);
	at[name_n] = '=';
	memcpy(at + name_n + 1, wv, value_n * sizeof *at);	/* mem_new: two NULs follow */
	FreeEnvironmentStringsW(all);
	free(wn);
	free(wv);
	return env;
}

/* cmd /s takes the quotes at both ends away and nothing else: the command is what the admin wrote. malloc'd. */
static wchar_t *
shell_line(wchar_t *program, UINT max, const char *command)
{
	static const wchar_t before[] = L"cmd.exe /d /s /c \"", cmd[] = L"\\cmd.exe";
	UINT len = GetSystemDirectoryW(program, max - 10);
	size_t n;
	uint16_t *w = win_wide(&n, command);
	wchar_t *line = NULL;

	if (w != NULL && len > 0 && len < max - 10) {
		memcpy(program + len, cmd, sizeof cmd);
		line = mem_new((wcslen(before) + n + 2) * sizeof *line);
		memcpy(line, before, wcslen(before) * sizeof *line);
		memcpy(line + wcslen(before), w, n * sizeof *line);
		line[wcslen(before) + n] = '"';
	}
	free(w);
	return line;
}

struct feed {
	HANDLE pipe;
	const char *p;
	size_t n;
};

/* A thread of its own: a pipe whose reader does not read cannot be left otherwise. */
static void
feed_run(void *arg)
{
	struct feed *f = arg;
	DWORD done = 1;

	while (f->n != 0 && done != 0) {
		if (!WriteFile(f->pipe, f->p, f->n < 65536 ? (DWORD)f->n : 65536, &done, NULL))
			break;	/* it has read enough */
		f->p += done;
		f->n -= done;
	}
	CloseHandle(f->pipe);
}

static int
start_shell(struct child *c, const char *command, const char *name, const char *value)
{
	wchar_t program[MAX_PATH + 12], *line = shell_line(program, MAX_PATH + 12, command), *env = environment_with(name, value);
	HANDLE in = NULL, out = for_child(GetStdHandle(STD_ERROR_HANDLE)), err = for_child(GetStdHandle(STD_ERROR_HANDLE));
	int code = line == NULL ? EINVAL : make_pipe(c, &in, 0);

	if (code == 0)
		code = start_with(c, program, line, env, in, out, err);
	if (code == 0)
		enter_job(c);
	if (in != NULL)
		CloseHandle(in);
	CloseHandle(out);
	CloseHandle(err);
	free(line);
	free(env);
	return code;
}

int
sys_run_shell(const char *command, const char *name, const char *value, const void *in, size_t n, int seconds, struct err *e)
{
	struct sys_thread *writer = NULL;
	struct feed f = { NULL, in, n };
	struct child c;
	DWORD status = 1;
	int code, rc = 0;

	memset(&c, 0, sizeof c);
	code = start_shell(&c, command, name, value);
	if (code != 0) {
		if (c.ours != NULL)
			CloseHandle(c.ours);
		return err_set(e, code, "run %s", command);
	}
	f.pipe = c.ours;
	if (sys_thread_start(&writer, feed_run, &f, e) < 0) {
		CloseHandle(c.ours);
		rc = -1;
	}
	if (rc < 0 || WaitForSingleObject(c.pi.hProcess, (DWORD)seconds * 1000) != WAIT_OBJECT_0) {
		end_child(&c);
		WaitForSingleObject(c.pi.hProcess, INFINITE);
		rc = rc < 0 ? rc : err_set(e, 0, "%s: not done in %d s", command, seconds);
	}
	sys_thread_join(writer);
	if (rc == 0 && (!GetExitCodeProcess(c.pi.hProcess, &status) || status != 0))
		rc = err_set(e, 0, "%s: exit %lu", command, status);
	close_child(&c);
	return rc;
}

/* ---- this program ---- */

enum sys_scheduler
sys_scheduler(void)
{
	return SYS_SCHEDULER_TASK;
}

/* With the separators of Windows: it is for the files of its scheduler. */
char *
sys_program(void)
{
	wchar_t *path = mem_new((COMMAND_UNITS + 1) * sizeof *path);
	DWORD n = GetModuleFileNameW(NULL, path, COMMAND_UNITS);
	char *ours = n > 0 && n < COMMAND_UNITS ? win_narrow(path, n) : NULL;

	free(path);
	return ours;
}

/* ---- looking at processes ---- */

/* "MailService" is "C:\…\MailService.exe", whatever the case. */
static int
is_program(const wchar_t *path, const char *name)
{
	const wchar_t *base = wcsrchr(path, L'\\');
	char *s;
	size_t n = strlen(name);
	int same;

	base = base != NULL ? base + 1 : path;
	s = win_narrow(base, wcslen(base));
	same = _strnicmp(s, name, n) == 0 && (s[n] == '\0' || _stricmp(s + n, ".exe") == 0);
	free(s);
	return same;
}

int
sys_process_is(int64_t pid, const char *name)
{
	wchar_t path[1024];
	DWORD n = 1024, status = 0;
	HANDLE h;
	int rc;

	if (pid <= 0 || pid > UINT32_MAX)
		return 0;
	h = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)pid);
	if (h == NULL)
		return GetLastError() == ERROR_INVALID_PARAMETER ? 0 : -1;
	if (GetExitCodeProcess(h, &status) && status != STILL_ACTIVE)
		rc = 0;
	else
		rc = QueryFullProcessImageNameW(h, 0, path, &n) ? is_program(path, name) : -1;
	CloseHandle(h);
	return rc;
}

int
sys_process_any(const char *name)
{
	HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
	PROCESSENTRY32W one = { .dwSize = sizeof one };
	int found = 0;

	if (all == INVALID_HANDLE_VALUE || !Process32FirstW(all, &one))
		found = -1;
	else
		do
			found = is_program(one.szExeFile, name);
		while (!found && Process32NextW(all, &one));
	if (all != INVALID_HANDLE_VALUE)
		CloseHandle(all);
	return found;
}
