/*
 * Putting messages back into a SmarterMail spool: into its root, .eml first, .hdr last, for a .hdr is what the server looks for. Only
 * the status "Written" comes back: a "Failed" one is destroyed by the server, a "Writing" one was never whole.
 */
#include <string.h>

#include "names.h"
#include "putback.h"
#include "smartermail_files.h"
#include "smartermail_hdr.h"

#define HEAD ((size_t)64 * 1024)	/* the status is the first line */

struct back_sm {
	struct names *ids;	/* of the whole spool, folded */
	struct sys_stat root;
};

static const char *
folded(struct arena *a, const char *id)
{
	char *s = arena_str(a, id), *p;

	for (p = s; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	return s;
}

static int
begin(struct putback_spool *ps, struct err *e)
{
	struct back_sm *x = arena_zero(&ps->arena, sizeof *x);
	struct spool_item it;
	struct arena a = { 0 };
	const char *id;
	int rc;

	ps->state = x;
	x->ids = names_new(0);
	if (ps->opt->to_queue != NULL) {
		err_set(e, 0, "--to-queue: SmarterMail takes mail in the root of its spool alone");
		return -2;
	}
	if (putback_only_exim(ps, e) != 0)
		return -2;
	if (sys_dir_stat(&x->root, ps->sp->dir, e) < 0)
		return -1;
	while ((rc = spool_next(&it, ps->sp, &a, e)) == 1) {
		id = folded(&a, it.id);
		names_put(x->ids, id, strlen(id));
		arena_reset(&a);
	}
	arena_free(&a);
	return rc;
}

static const char *
last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int
is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s > 0x7f)
			return 0;
	return 1;
}

/* The name that its files have before the extension, as bytes. The id is text: one that is not UTF-8, or not in composed form, reads otherwise.
 * NULL when the files do not have one name. */
static const char *
base_name(const struct putback *b, struct arena *a)
{
	const char *file, *id = b->msg->id, *base = NULL;
	size_t i, n;

	for (i = 0; i < b->msg->nparts; i++) {
		if (b->part[i].stays)
			continue;
		file = last_of(b->msg->part[i].path);
		if (smartermail_role(&n, file) != (b->part[i].role == PART_ENVELOPE ? SMARTERMAIL_HDR : SMARTERMAIL_EML))
			return NULL;
		if (base != NULL && smartermail_compare(file, n, base, strlen(base)) != 0)
			return NULL;
		base = arena_dup(a, file, n);
	}
	return base != NULL && is_ascii(id) && smartermail_compare(base, strlen(base), id, strlen(id)) != 0 ? NULL : base;
}

static int
plan(struct putback *b, struct putback_spool *ps, struct arena *a, struct err *e)
{
	const struct back_sm *x = ps->state;
	const char *id = base_name(b, a);
	size_t i;

	(void)e;
	if (putback_find(b, PART_ENVELOPE) == NULL || putback_find(b, PART_MESSAGE) == NULL)
		return putback_fail(b, a, "it is not whole in the archive: no .%s",
		    putback_find(b, PART_ENVELOPE) == NULL ? "hdr" : "eml");
	for (i = 0; i < b->msg->nparts; i++)
		if (b->part[i].role == PART_LEFTOVER)
			return putback_fail(b, a, "the server was still writing it");
	if (id == NULL)
		return putback_fail(b, a, "its files have names that do not belong together");
	id = folded(a, id);
	if (names_get(x->ids, id, strlen(id)) != NULL) {
		b->why = "a message of this name is in the spool";
		return PUTBACK_EXISTS;
	}
	b->dir_mode = x->root.mode & 0777;
	b->uid = x->root.uid;
	b->gid = x->root.gid;
	for (i = 0; i < b->msg->nparts; i++) {
		if (b->part[i].stays)
			continue;
		b->part[i].dir = "";
		b->part[i].name = last_of(b->msg->part[i].path);
		b->part[i].mode = b->msg->part[i].mode & 0777;
		b->part[i].uid = x->root.uid;
		b->part[i].gid = x->root.gid;
	}
	return PUTBACK_GO;
}

static int
judge(struct putback *b, struct putback_spool *ps, const void *p, size_t n, struct arena *a)
{
	struct rd rd;

	(void)ps;
	rd_mem(&rd, p, n);
	switch (smartermail_hdr_status(NULL, &rd)) {
	case SMARTERMAIL_WRITTEN:	return PUTBACK_GO;
	case SMARTERMAIL_FAILED:	return putback_fail(b, a, "its status is Failed: the server would destroy it");
	case SMARTERMAIL_WRITING:	return putback_fail(b, a, "its status is Writing: it was never whole");
	case SMARTERMAIL_QUARANTINED:	return putback_fail(b, a, "its status is Quarantined: it is to be released in SmarterMail");
	default:			return putback_fail(b, a, "its status is not Written");
	}
}

static int
name(struct putback *b, struct putback_spool *ps, const struct sys_stat *st, struct arena *a, struct err *e)
{
	const struct back_sm *x = ps->state;
	const char *id = folded(a, base_name(b, a));

	(void)st;
	(void)e;
	names_put(x->ids, id, strlen(id));
	return PUTBACK_GO;
}

static void
end(struct putback_spool *ps)
{
	const struct back_sm *x = ps->state;

	if (x != NULL)
		names_free(x->ids);
}

const struct putback_driver putback_smartermail = {
	.kind = "smartermail",
	.visible = PART_ENVELOPE,
	.judged = PART_ENVELOPE,
	.head = HEAD,
	.begin = begin,
	.plan = plan,
	.judge = judge,
	.name = name,
	.end = end,
};
