#include "putback.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct putback_driver *
putback_driver_named(const char *kind)
{
	static const struct putback_driver *const all[] = { &putback_postfix, &putback_exim, &putback_smartermail };
	size_t i;

	for (i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strcmp(all[i]->kind, kind) == 0)
			return all[i];
	return NULL;
}

static int
role_named(enum part_role *out, const char *name)
{
	int r;

	for (r = PART_MESSAGE; r <= PART_LEFTOVER; r++)
		if (strcmp(part_role_name((enum part_role)r), name) == 0) {
			*out = (enum part_role)r;
			return 0;
		}
	return -1;
}

void
putback_init(struct putback *b, const struct putback_driver *d, const struct arc_message *m)
{
	int is_met[PART_LEFTOVER + 1] = { 0 };
	struct putback_part *p;
	size_t i;

	memset(b, 0, sizeof *b);
	b->msg = m;
	b->new_id = m->id;
	for (i = 0; i < m->nparts; i++) {
		p = &b->part[i];
		/* What an MTA's crash left beside a message is no part of it, and of two files of one role the first is the one in use. */
		p->stays = role_named(&p->role, m->part[i].role) < 0 || p->role == PART_LEFTOVER || is_met[p->role];
		if (!p->stays)
			is_met[p->role] = 1;
	}
	for (i = m->nparts; i > 0; i--)
		if (!b->part[i - 1].stays && b->part[i - 1].role != d->visible)
			b->order[b->norder++] = i - 1;
	for (i = 0; i < m->nparts; i++)
		if (!b->part[i].stays && b->part[i].role == d->visible)
			b->order[b->norder++] = i;
}

int
putback_fail(struct putback *b, struct arena *a, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	b->why = arena_str(a, text);
	return PUTBACK_FAILED;
}

struct putback_part *
putback_find(struct putback *b, enum part_role role)
{
	size_t i;

	for (i = 0; i < b->msg->nparts; i++)
		if (!b->part[i].stays && b->part[i].role == role)
			return &b->part[i];
	return NULL;
}

int
putback_only_exim(const struct putback_spool *ps, struct err *e)
{
	if (!ps->opt->thaw && !ps->opt->reset_time)
		return 0;
	err_set(e, 0, "%s: only Exim can do that, and %s is no spool of Exim (--kind exim selects its messages)",
	    ps->opt->thaw ? "--thaw" : "--reset-time", ps->sp->root);
	return -2;
}
