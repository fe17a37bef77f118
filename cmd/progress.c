#include "cmd/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/out.h"
#include "spool/sys.h"

#define EVERY_US 125000

void
progress_init(struct progress *p, int quiet, const char *what)
{
	memset(p, 0, sizeof *p);
	p->is_on = !quiet && sys_is_terminal(2);
	p->what = what;
}

static void
line(struct buf *b, const struct progress *p, const struct scan_progress *s)
{
	buf_fmt(b, "%" PRIu64 " of %" PRIu64 " messages", s->read, s->found);
	if (s->publishing)
		buf_puts(b, ", writing the index");
	else if (s->seconds > 0.2)
		buf_fmt(b, ", %.0f a second", (double)s->read / s->seconds);
	if (s->top != NULL) {
		buf_puts(b, "; most so far: ");
		text_inert(b, s->top, strlen(s->top));
		buf_fmt(b, " (%" PRIu64 ")", s->top_messages);
	}
	buf_puts(b, "; ");
	text_inert(b, p->what, strlen(p->what));
}

void
progress_scan(void *arg, const struct scan_progress *s)
{
	struct progress *p = arg;
	int64_t now = sys_clock_us();
	struct buf b;
	size_t n;

	if (!p->is_on || (p->is_shown && now - p->drawn < EVERY_US))
		return;
	p->drawn = now;
	p->is_shown = 1;
	buf_init(&b, 4096);
	line(&b, p, s);
	n = text_fit(b.p, b.n, (size_t)sys_terminal_width() - 1);
	fputs("\r\033[K", stderr);
	fwrite(b.p, 1, n, stderr);
	fflush(stderr);
	buf_free(&b);
}

void
progress_wipe(struct progress *p)
{
	if (p->is_shown)
		fputs("\r\033[K", stderr);
	p->is_shown = 0;
}
