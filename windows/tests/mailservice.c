/*
 * A service that stands for SmarterMail's in the tests, and the little that they need to control it:
 *
 *	mailservice install NAME DISPLAY	as a service that runs this very program
 *	mailservice delete|start|stop NAME
 *	mailservice state NAME			prints "running 123", "stopped 0" …
 *	mailservice text FILE ID		the text of an event's message in another program
 *	mailservice keep			says so, and lives until its standard input ends: without a program that runs, Wine stops all services
 *
 * As a service it writes what happens to it into "log" beside itself. Other files there say how it behaves: wait (as long as it
 * is there, a stop takes), linger (milliseconds that its process lives on after that), broken (it does not start).
 */
#include <windows.h>

#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static SERVICE_STATUS_HANDLE handle;
static HANDLE stop_event;
static wchar_t self[MAX_PATH], folder[MAX_PATH];

static FILE *
beside(const wchar_t *name, const wchar_t *mode)
{
	wchar_t path[2 * MAX_PATH];

	swprintf(path, sizeof path / sizeof path[0], L"%ls\\%ls", folder, name);
	return _wfopen(path, mode);
}

static void
note(const char *text)
{
	FILE *f = beside(L"log", L"ab");

	if (f == NULL)
		return;
	fprintf(f, "%s\n", text);
	fclose(f);
}

/* The number in a file; -1 when it is not there. */
static int
number(const wchar_t *name)
{
	FILE *f = beside(name, L"rb");
	char text[32] = "";
	int n;

	if (f == NULL)
		return -1;
	n = fgets(text, sizeof text, f) != NULL ? (int)strtol(text, NULL, 10) : 0;
	fclose(f);
	return n;
}

/* ---- the service ---- */

static void
tell(DWORD state, DWORD code)
{
	SERVICE_STATUS st = { SERVICE_WIN32_OWN_PROCESS, state, state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP : 0, code, 0, 0,
		state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING ? 10000 : 0 };

	SetServiceStatus(handle, &st);
}

static DWORD WINAPI
on_control(DWORD what, DWORD type, void *data, void *arg)
{
	(void)type;
	(void)data;
	(void)arg;
	if (what == SERVICE_CONTROL_STOP) {
		note("asked to stop");
		tell(SERVICE_STOP_PENDING, 0);
		SetEvent(stop_event);
	}
	return what == SERVICE_CONTROL_STOP || what == SERVICE_CONTROL_INTERROGATE ? NO_ERROR : ERROR_CALL_NOT_IMPLEMENTED;
}

static void WINAPI
serve(DWORD argc, wchar_t **argv)
{
	(void)argc;
	stop_event = CreateEventW(NULL, TRUE, FALSE, NULL);
	handle = RegisterServiceCtrlHandlerExW(argv[0], on_control, NULL);
	tell(SERVICE_START_PENDING, 0);
	if (number(L"broken") >= 0) {
		note("broken");
		tell(SERVICE_STOPPED, ERROR_GEN_FAILURE);
		return;
	}
	note("started");
	tell(SERVICE_RUNNING, 0);
	WaitForSingleObject(stop_event, INFINITE);
	while (number(L"wait") >= 0)
		Sleep(50);
	note("stopped");
	tell(SERVICE_STOPPED, 0);
}

static int
run(void)
{
	static wchar_t name[] = L"";
	SERVICE_TABLE_ENTRYW table[] = { { name, serve }, { NULL, NULL } };
	WIN32_FIND_DATAW found;
	wchar_t path[2 * MAX_PATH];
	HANDLE h;
	int ms;

	if (!StartServiceCtrlDispatcherW(table))
		return 3;
	ms = number(L"linger");
	if (ms > 0)
		Sleep((DWORD)ms);
	/* Has the purge begun before this process ended? Its private folder stands beside the spool. */
	swprintf(path, sizeof path / sizeof path[0], L"%ls\\..\\.spoolsweep-Spool\\*plan*", folder);
	h = FindFirstFileW(path, &found);
	note(h == INVALID_HANDLE_VALUE ? "ended" : "ended in the middle of a purge");
	return 0;
}

/* ---- its control ---- */

static int
fail(const char *what)
{
	fprintf(stderr, "mailservice: %s: error %lu\n", what, GetLastError());
	return 1;
}

static int
install(SC_HANDLE m, const wchar_t *name, const wchar_t *display)
{
	wchar_t line[MAX_PATH + 16];

	swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" run", self);
	return CreateServiceW(m, name, display, SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, line, NULL,
	    NULL, NULL, NULL, NULL) != NULL ? 0 : fail("install");
}

static int
wait_for(SC_HANDLE s, DWORD state)
{
	SERVICE_STATUS st;
	int i;

	for (i = 0; i < 600; i++) {
		if (!QueryServiceStatus(s, &st))
			return fail("state");
		if (st.dwCurrentState == state)
			return 0;
		Sleep(50);
	}
	fprintf(stderr, "mailservice: state %lu in place of %lu\n", st.dwCurrentState, state);
	return 1;
}

static int
show(SC_HANDLE s)
{
	static const char *const names[] = { "?", "stopped", "starting", "stopping", "running" };
	SERVICE_STATUS_PROCESS st;
	DWORD n;

	if (!QueryServiceStatusEx(s, SC_STATUS_PROCESS_INFO, (BYTE *)&st, sizeof st, &n))
		return fail("state");
	printf("%s %lu\n", st.dwCurrentState < 5 ? names[st.dwCurrentState] : "?", st.dwProcessId);
	return 0;
}

static int
control(const wchar_t *verb, const wchar_t *name)
{
	SC_HANDLE m = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS), s = OpenServiceW(m, name, SERVICE_ALL_ACCESS);
	SERVICE_STATUS st;

	if (s == NULL)
		return fail("open the service");
	if (wcscmp(verb, L"delete") == 0)
		return DeleteService(s) ? 0 : fail("delete");
	if (wcscmp(verb, L"start") == 0)
		return StartServiceW(s, 0, NULL) ? wait_for(s, SERVICE_RUNNING) : fail("start");
	if (wcscmp(verb, L"stop") == 0)
		return ControlService(s, SERVICE_CONTROL_STOP, &st) ? wait_for(s, SERVICE_STOPPED) : fail("stop");
	return wcscmp(verb, L"state") == 0 ? show(s) : 2;
}

static int
text(const wchar_t *file, const wchar_t *id)
{
	HMODULE h = LoadLibraryExW(file, NULL, LOAD_LIBRARY_AS_DATAFILE);
	DWORD_PTR arg = (DWORD_PTR)L"the text";
	wchar_t out[200];

	if (h == NULL || FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY, h, (DWORD)wcstoul(id, NULL, 0), 0, out, 200,
	    (va_list *)&arg) == 0)
		return fail("message");
	printf("%ls", out);
	return 0;
}

int
main(void)
{
	wchar_t *slash, **argv;
	int argc;

	argv = CommandLineToArgvW(GetCommandLineW(), &argc);
	GetModuleFileNameW(NULL, self, MAX_PATH);
	memcpy(folder, self, sizeof folder);
	slash = wcsrchr(folder, L'\\');
	if (slash != NULL)
		*slash = 0;
	if (argc == 2 && wcscmp(argv[1], L"run") == 0)
		return run();
	if (argc == 2 && wcscmp(argv[1], L"keep") == 0) {
		puts("kept");
		fflush(stdout);
		while (getchar() != EOF)
			;
		return 0;
	}
	if (argc == 4 && wcscmp(argv[1], L"install") == 0)
		return install(OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS), argv[2], argv[3]);
	if (argc == 4 && wcscmp(argv[1], L"text") == 0)
		return text(argv[2], argv[3]);
	return argc == 3 ? control(argv[1], argv[2]) : 2;
}
