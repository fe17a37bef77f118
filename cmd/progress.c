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

/* Is it time for a line? */
static int
is_due(struct progress *p)
{
	int64_t now = sys_clock_us();

	if (!p->is_on || (p->is_shown && now - p->drawn < EVERY_US))
		return 0;
	p->drawn = now;
	p->is_shown = 1;
	return 1;
}

static void
draw(const struct buf *b)
{
	size_t n = text_fit(b->p, b->n, (size_t)sys_terminal_width() - 1);

	fputs("\r\033[K", stderr);
	fwrite(b->p, 1, n, stderr);
	fflush(stderr);
}

void
progress_scan(void *arg, const struct scan_progress *s)
{
	struct progress *p = arg;
	struct buf b;

	if (!is_due(p))
		return;
	buf_init(&b, 4096);
	line(&b, p, s);
	draw(&b);
	buf_free(&b);
}

void
progress_contents(void *arg, uint64_t read, uint64_t wanted, double seconds)
{
	struct progress *p = arg;
	struct buf b;

	if (!is_due(p))
		return;
	buf_init(&b, 4096);
	buf_fmt(&b, "contents of %" PRIu64 " of %" PRIu64 " messages", read, wanted);
	if (seconds > 0.2)
		buf_fmt(&b, ", %.0f a second", (double)read / seconds);
	buf_puts(&b, "; ");
	text_inert(&b, p->what, strlen(p->what));
	draw(&b);
	buf_free(&b);
}

void
progress_purge(void *arg, const struct purge_progress *s)
{
	struct progress *p = arg;
	struct buf b;

	if (!is_due(p))
		return;
	buf_init(&b, 4096);
	buf_fmt(&b, "%s: %" PRIu64, s->phase, s->done);
	if (s->all > 0)
		buf_fmt(&b, " of %" PRIu64, s->all);
	draw(&b);
	buf_free(&b);
}

void
progress_wipe(struct progress *p)
{
	if (p->is_shown)
		fputs("\r\033[K", stderr);
	p->is_shown = 0;
}
