#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sys.h"

void
err_clear(struct err *e)
{
	e->sys = 0;
	e->text[0] = '\0';
}

int
err_set(struct err *e, int sys, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (e == NULL)
		return -1;
	e->sys = sys;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	if (sys != 0 && n < sizeof e->text)
		snprintf(e->text + n, sizeof e->text - n, ": %s", sys_error(sys));
	return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char old[sizeof e->text];
	va_list ap;
	size_t n;

	if (e == NULL)
		return -1;
	memcpy(old, e->text, sizeof old);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %.*s", (int)(sizeof e->text - n), old);
	return -1;
}
