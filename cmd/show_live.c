#include "cmd/show_live.h"

#include <string.h>

#define LOG_KEEP ((size_t)1024 * 1024)

void
show_live_init(struct show_live *l)
{
	memset(l, 0, sizeof *l);
	buf_init(&l->log, 2 * LOG_KEEP);
}

void
show_live_free(struct show_live *l)
{
	buf_free(&l->log);
	spool_reader_free(l->reader);
	spool_close(l->sp);
}

static int
to_parser(void *arg, const void *p, size_t n)
{
	head_push(arg, p, n);	/* the driver gives the header section alone: its own end decides */
	return 0;
}

/* Keeps the end: what the MTA saw last matters most. */
static int
to_log(void *arg, const void *p, size_t n)
{
	struct buf *b = arg;
	size_t drop;

	if (n > LOG_KEEP) {
		p = (const char *)p + (n - LOG_KEEP);
		n = LOG_KEEP;
	}
	if (b->n + n > 2 * LOG_KEEP) {
		drop = b->n - LOG_KEEP;
		memmove(b->p, b->p + drop, LOG_KEEP);
		b->n = LOG_KEEP;
	}
	buf_add(b, p, n);
	return 0;
}

static int
read_item(struct show_live *l, struct arena *a, const struct spool_item *it, struct err *e)
{
	const struct spool_driver *d = l->sp->driver;
	struct msg m;

	if (spool_read(&m, l->reader, it, a, e) < 0)
		return -1;
	if (m.is_taken_mid_way)
		return 0;
	head_init(&l->parser, a, 1);
	if (d->headers(l->sp, l->reader, it, to_parser, &l->parser, e) < 0) {
		head_end(&l->parser);
		return -1;
	}
	l->head = head_end(&l->parser);
	if (d->log(l->sp, l->reader, it, to_log, &l->log, e) < 0)
		return -1;
	l->parts = m.parts;
	l->queue = head_text(a, m.queue, strlen(m.queue), NULL);	/* as the index has it */
	l->state = msg_state_name(m.state);
	l->is_found = 1;
	return 0;
}

int
show_live_read(struct show_live *l, struct arena *a, const struct query_row *r, struct err *e)
{
	struct spool_item it;
	char *arg = arena_fmt(a, "%s:%s", r->kind, r->spool);
	int x;

	l->is_unknown = 1;
	if (spool_open(&l->sp, arg, NULL, e) != 0)
		return -1;
	l->reader = spool_reader_new(l->sp);
	memset(&it, 0, sizeof it);
	x = l->sp->driver->find(&it, l->sp, l->reader, a, r->queue, r->id, arena_dup(a, r->path, r->path_len), e);
	if (x < 0 || (x > 0 && read_item(l, a, &it, e) < 0))
		return -1;
	l->is_unknown = 0;
	return 0;
}
