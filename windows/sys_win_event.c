#include "windows/win_event.h"

#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"
#include "windows/win_pure.h"

#define TEXT_MAX ((size_t)31839)	/* ReportEvent: characters of one string */

/* Each byte as the character of its number: sys_log's callers make text safe, so this is for what should not happen. */
static uint16_t *
by_bytes(size_t *n, const char *text)
{
	size_t i, len = strlen(text);
	uint16_t *w = mem_new((len + 1) * sizeof *w);

	for (i = 0; i < len; i++)
		w[i] = (unsigned char)text[i];
	*n = len;
	return w;
}

void
win_event(enum sys_event kind, const char *text, void (*sink)(void *arg, const struct win_event *ev), void *arg)
{
	const uint32_t severity = kind == SYS_EVENT_UNFINISHED ? 2 : 1;
	struct win_event ev;
	size_t n;
	uint16_t *w = win_wide(&n, text);

	if (w == NULL)
		w = by_bytes(&n, text);
	if (n > TEXT_MAX)
		w[TEXT_MAX] = 0;
	ev.type = severity == 2 ? 2 : 4;
	ev.id = severity << 30 | (uint32_t)kind;
	ev.text = w;
	sink(arg, &ev);
	free(w);
}
