/* The Windows half of spool/service.h: the Service Control Manager. */
#include "windows/win.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"
#include "spool/service.h"

#define LIST_MAX (64 * 1024)		/* bytes that one call of EnumServicesStatusEx may fill */
#define POLL_MS 100

const char *const service_usual_spools[] = { "C:/SmarterMail/Spool", "C:/SmarterMail16/Spool", NULL };

/* ---- looking ---- */

static SC_HANDLE
manager(DWORD rights, struct err *e)
{
	SC_HANDLE m = OpenSCManagerW(NULL, NULL, rights);

	if (m == NULL)
		err_set(e, win_last(), "the service manager cannot be asked");
	return m;
}

/* NULL and *code: ERROR_SERVICE_DOES_NOT_EXIST, or another one. */
static SC_HANDLE
open_service(DWORD *code, SC_HANDLE m, const char *name, DWORD rights)
{
	size_t n;
	uint16_t *w = win_wide(&n, name);
	SC_HANDLE s = w != NULL ? OpenServiceW(m, w, rights) : NULL;

	*code = s != NULL ? 0 : w == NULL ? ERROR_INVALID_NAME : GetLastError();
	free(w);
	return s;
}

static void
put(char *out, size_t max, const wchar_t *w)
{
	char *s = win_narrow(w, wcslen(w));

	out[0] = '\0';
	if (strlen(s) < max)
		memcpy(out, s, strlen(s) + 1);
	free(s);
}

static enum service_state
state_of(DWORD s)
{
	switch (s) {
	case SERVICE_STOPPED: return SVC_STOPPED;
	case SERVICE_START_PENDING: return SVC_STARTING;
	case SERVICE_RUNNING: return SVC_RUNNING;
	case SERVICE_STOP_PENDING: return SVC_STOPPING;
	case SERVICE_PAUSED:
	case SERVICE_PAUSE_PENDING:
	case SERVICE_CONTINUE_PENDING: return SVC_PAUSED;
	default: return SVC_UNKNOWN;
	}
}

static int
ask_state(struct service *out, SC_HANDLE s, struct err *e)
{
	SERVICE_STATUS_PROCESS st;
	DWORD n;

	if (!QueryServiceStatusEx(s, SC_STATUS_PROCESS_INFO, (BYTE *)&st, sizeof st, &n))
		return err_set(e, win_last(), "state of service %s", out->name);
	out->state = state_of(st.dwCurrentState);
	out->pid = st.dwCurrentState != SERVICE_STOPPED ? (int64_t)st.dwProcessId : 0;
	return 0;
}

/* The path may hold variables ("%ProgramFiles%\…": REG_EXPAND_SZ). */
static void
set_command(struct service *out, const wchar_t *line)
{
	wchar_t full[4096];
	DWORD n = ExpandEnvironmentStringsW(line, full, sizeof full / sizeof full[0]);
	char *s = win_narrow(n != 0 && n <= sizeof full / sizeof full[0] ? full : line,
	    wcslen(n != 0 && n <= sizeof full / sizeof full[0] ? full : line));

	service_set_command(out, s);
	free(s);
}

static int
ask_config(struct service *out, SC_HANDLE s, struct err *e)
{
	QUERY_SERVICE_CONFIGW *c;
	DWORD n = 0;
	int rc = 0;

	(void)QueryServiceConfigW(s, NULL, 0, &n);
	c = mem_new(n + sizeof *c);
	if (QueryServiceConfigW(s, c, (DWORD)(n + sizeof *c), &n)) {
		put(out->display, sizeof out->display, c->lpDisplayName != NULL ? c->lpDisplayName : L"");
		set_command(out, c->lpBinaryPathName != NULL ? c->lpBinaryPathName : L"");
	} else {
		rc = err_set(e, win_last(), "configuration of service %s", out->name);
	}
	free(c);
	return rc;
}

/* 1, 0 there is no such service, -1. */
static int
ask_all(struct service *out, SC_HANDLE m, const char *name, struct err *e)
{
	DWORD code;
	SC_HANDLE s = open_service(&code, m, name, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG);
	int rc;

	if (s == NULL)
		return code == ERROR_SERVICE_DOES_NOT_EXIST ? 0 : err_set(e, win_errno(code), "open service %s", name);
	memset(out, 0, sizeof *out);
	snprintf(out->name, sizeof out->name, "%s", name);
	rc = ask_state(out, s, e) < 0 || ask_config(out, s, e) < 0 ? -1 : 1;
	CloseServiceHandle(s);
	return rc;
}

static int
begins_with(const wchar_t *display, const char *prefix)
{
	char *s = win_narrow(display, wcslen(display));
	int same = _strnicmp(s, prefix, strlen(prefix)) == 0;

	free(s);
	return same;
}

/* The name of the first service whose display name begins so. 1, 0, -1. */
static int
find_display(char *name, size_t max, SC_HANDLE m, const char *prefix, struct err *e)
{
	BYTE *list = mem_new(LIST_MAX);
	const ENUM_SERVICE_STATUS_PROCESSW *v = (const ENUM_SERVICE_STATUS_PROCESSW *)(const void *)list;
	DWORD more = 0, n = 0, i, at = 0;
	int found = 0, ok = 0;

	while (!found && !ok) {
		ok = EnumServicesStatusExW(m, SC_ENUM_PROCESS_INFO, SERVICE_WIN32, SERVICE_STATE_ALL, list, LIST_MAX, &more, &n, &at, NULL);
		if (!ok && GetLastError() != ERROR_MORE_DATA) {
			found = err_set(e, win_last(), "list the services");
			break;
		}
		if (!ok && n == 0)
			break;		/* one entry larger than the list: there is none */
		for (i = 0; i < n && !found; i++)
			found = begins_with(v[i].lpDisplayName, prefix);
		if (found == 1)
			put(name, max, v[i - 1].lpServiceName);
	}
	free(list);
	return found;
}

int
service_find(struct service *out, const struct service_names *n, struct err *e)
{
	SC_HANDLE m = manager(SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE, e);
	char name[sizeof out->name];
	int rc;

	if (m == NULL)
		return -1;
	rc = ask_all(out, m, n->name, e);
	/* The plain name may be another mail server's: its program tells, or how it is shown. */
	if (rc == 1 && _stricmp(out->program, n->program) != 0 && _strnicmp(out->display, n->display, strlen(n->display)) != 0)
		rc = 0;
	if (rc == 0 && (rc = find_display(name, sizeof name, m, n->display, e)) == 1)
		rc = ask_all(out, m, name, e);
	CloseServiceHandle(m);
	return rc;
}

int
service_look(struct service *s, struct err *e)
{
	SC_HANDLE m = manager(SC_MANAGER_CONNECT, e), h;
	DWORD code;
	int rc;

	if (m == NULL)
		return -1;
	h = open_service(&code, m, s->name, SERVICE_QUERY_STATUS);
	if (h != NULL)
		rc = ask_state(s, h, e) < 0 ? -1 : 1;
	else
		rc = code == ERROR_SERVICE_DOES_NOT_EXIST ? 0 : err_set(e, win_errno(code), "open service %s", s->name);
	if (h != NULL)
		CloseServiceHandle(h);
	CloseServiceHandle(m);
	return rc;
}

/* ---- changing ---- */

static int
refused(const struct service *s, const char *what, DWORD code, struct err *e)
{
	if (code == ERROR_DEPENDENT_SERVICES_RUNNING)
		return err_set(e, 0, "%s service %s: other services that need it run; stop them first", what, s->name);
	if (code == ERROR_SERVICE_DISABLED)
		return err_set(e, 0, "%s service %s: it is disabled", what, s->name);
	return err_set(e, win_errno(code), "%s service %s (error %lu)", what, s->name, code);
}

/* Opens it with a right, calls, closes. 0 or a code of Windows. */
static DWORD
with_service(const struct service *s, DWORD right, BOOL (*call)(SC_HANDLE))
{
	SC_HANDLE m = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT), h;
	DWORD code;

	if (m == NULL)
		return GetLastError();
	h = open_service(&code, m, s->name, right);
	if (h != NULL) {
		code = call(h) ? 0 : GetLastError();
		CloseServiceHandle(h);
	}
	CloseServiceHandle(m);
	return code;
}

static BOOL
ask_to_stop(SC_HANDLE h)
{
	SERVICE_STATUS st;

	return ControlService(h, SERVICE_CONTROL_STOP, &st);
}

static BOOL
ask_to_start(SC_HANDLE h)
{
	return StartServiceW(h, 0, NULL);
}

int
service_ask_stop(const struct service *s, struct err *e)
{
	DWORD code = with_service(s, SERVICE_STOP, ask_to_stop);

	return code == 0 || code == ERROR_SERVICE_NOT_ACTIVE ? 0 : refused(s, "stop", code, e);
}

/* A service that is still stopping takes no start: it is asked again until it has ended. */
int
service_ask_start(const struct service *s, int seconds, struct err *e)
{
	const int64_t end = sys_clock_us() + (int64_t)seconds * 1000000;
	struct service now = *s;
	DWORD code;

	while (service_look(&now, NULL) == 1 && now.state == SVC_STOPPING && sys_clock_us() < end)
		sys_sleep_ms(POLL_MS);
	code = with_service(s, SERVICE_START, ask_to_start);
	return code == 0 || code == ERROR_SERVICE_ALREADY_RUNNING ? 0 : refused(s, "start", code, e);
}
