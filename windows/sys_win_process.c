/* The Windows half of sys.h: other processes, and the log of the system. */
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
	HANDLE job, out, null;		/* out: what it writes */
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

/* The program gets two handles of ours and no other, whatever else is inheritable in this process. */
static int
start_with(struct child *c, const wchar_t *program, wchar_t *line, HANDLE *pair)
{
	STARTUPINFOEXW si;
	SIZE_T n = 0;
	DWORD why;
	int ok;

	memset(&si, 0, sizeof si);
	si.StartupInfo.cb = sizeof si;
	si.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
	si.StartupInfo.hStdInput = si.StartupInfo.hStdError = pair[0];
	si.StartupInfo.hStdOutput = pair[1];
	InitializeProcThreadAttributeList(NULL, 1, 0, &n);
	si.lpAttributeList = mem_new(n);
	ok = InitializeProcThreadAttributeList(si.lpAttributeList, 1, 0, &n) &&
	    UpdateProcThreadAttribute(si.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, pair, 2 * sizeof *pair, NULL, NULL) &&
	    CreateProcessW(program, line, NULL, NULL, TRUE, CREATE_NO_WINDOW | CREATE_SUSPENDED | EXTENDED_STARTUPINFO_PRESENT, NULL, NULL,
	    &si.StartupInfo, &c->pi);
	why = GetLastError();
	DeleteProcThreadAttributeList(si.lpAttributeList);
	free(si.lpAttributeList);
	return ok ? 0 : win_errno(why);
}

/* Its own children end with it when it is ended: they are of one job. */
static void
enter_job(struct child *c)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limit;

	memset(&limit, 0, sizeof limit);
	limit.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
	c->job = CreateJobObjectW(NULL, NULL);
	if (c->job != NULL && SetInformationJobObject(c->job, JobObjectExtendedLimitInformation, &limit, sizeof limit))
		(void)AssignProcessToJobObject(c->job, c->pi.hProcess);
	ResumeThread(c->pi.hThread);
}

static int
start(struct child *c, const char *const argv[])
{
	SECURITY_ATTRIBUTES inherit = { sizeof inherit, NULL, TRUE };
	wchar_t *line = mem_new((COMMAND_UNITS + 1) * sizeof *line);
	size_t n;
	uint16_t *program = win_wide(&n, argv[0]), *p;
	HANDLE pair[2] = { INVALID_HANDLE_VALUE, NULL };
	int code = program == NULL || command_line(line, argv) < 0 ? EINVAL : 0;

	for (p = program; p != NULL && *p != 0; p++)
		if (*p == '/')
			*p = '\\';
	if (code == 0 && !CreatePipe(&c->out, &pair[1], &inherit, 0))
		code = win_last();
	if (code == 0) {
		SetHandleInformation(c->out, HANDLE_FLAG_INHERIT, 0);
		pair[0] = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, WIN_SHARE, &inherit, OPEN_EXISTING, 0, NULL);
		code = pair[0] != INVALID_HANDLE_VALUE ? start_with(c, program, line, pair) : win_last();
	}
	if (code == 0)
		enter_job(c);
	if (pair[0] != INVALID_HANDLE_VALUE)
		CloseHandle(pair[0]);
	if (pair[1] != NULL)
		CloseHandle(pair[1]);
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

	while (n + 1 < max && PeekNamedPipe(c->out, NULL, 0, NULL, &ready, NULL)) {
		if (ready == 0) {
			if (sys_clock_us() >= end)
				return -1;
			Sleep(10);
			continue;
		}
		if (!ReadFile(c->out, out + n, (DWORD)(max - 1 - n), &got, NULL) || got == 0)
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
		if (c.out != NULL)
			CloseHandle(c.out);
		return err_set(e, code, "run %s", argv[0]);
	}
	if (read_all(out, max, &c, seconds) < 0) {
		TerminateProcess(c.pi.hProcess, 1);
		rc = err_set(e, 0, "%s: no answer in %d s", argv[0], seconds);
	}
	CloseHandle(c.out);	/* one that writes more gets an error, as on POSIX */
	WaitForSingleObject(c.pi.hProcess, INFINITE);
	if (rc == 0 && (!GetExitCodeProcess(c.pi.hProcess, &status) || status != 0))
		rc = err_set(e, 0, "%s failed", argv[0]);
	CloseHandle(c.pi.hThread);
	CloseHandle(c.pi.hProcess);
	if (c.job != NULL)
		CloseHandle(c.job);
	return rc;
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

/* ---- the log of the system ---- */

void
sys_log(enum sys_event kind, const char *text)
{
	HANDLE log = RegisterEventSourceW(NULL, L"spoolsweep");
	size_t n;
	uint16_t *w = win_wide(&n, text);
	const wchar_t *line = w;

	if (log != NULL && w != NULL)
		(void)ReportEventW(log, kind == SYS_EVENT_UNFINISHED ? EVENTLOG_WARNING_TYPE : EVENTLOG_INFORMATION_TYPE, 0, (DWORD)kind, NULL, 1, 0, &line, NULL);
	if (log != NULL)
		DeregisterEventSource(log);
	free(w);
}
