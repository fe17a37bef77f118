/* The Windows half of sys.h: the log of the system. */
#include "windows/win.h"

#include "windows/win_event.h"

/* A log that cannot be written is no reason to stop: the journal has it all. */
static void
report(void *arg, const struct win_event *ev)
{
	HANDLE log = RegisterEventSourceW(NULL, L"spoolsweep");
	const wchar_t *line = ev->text;

	(void)arg;
	if (log == NULL)
		return;
	(void)ReportEventW(log, ev->type, 0, ev->id, NULL, 1, 0, &line, NULL);
	DeregisterEventSource(log);
}

void
sys_log(enum sys_event kind, const char *text)
{
	win_event(kind, text, report, NULL);
}
