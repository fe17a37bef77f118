/* An archive read member by member, for restore. */
#include "arc_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct arc_reader {
	struct arc_input in;
	struct arc_tar *tar;
	struct arena a;			/* texts of the entry at hand */
	char *top;			/* set by the first member */
	enum arc_kind last;
};

int
arc_input_open(struct arc_input *out, struct sys_dir *folder, const char *name, struct err *e)
{
	struct sys_stat st;
	int sys;

	memset(out, 0, sizeof *out);
	sys = sys_open_at(&out->file, &st, folder, name);
	if (sys == EINVAL)
		return err_set(e, 0, "%s is no regular file", name);
	if (sys != 0)
		return err_set(e, sys, "open %s", name);
	out->size = st.size;
	sys_forget_cache(out->file);
	return 0;
}

struct arc_reader *
arc_reader_new(const struct arc_input *in)
{
	struct arc_reader *r = mem_new(sizeof *r);

	r->in = *in;
	r->tar = arc_tar_new(&r->in, NULL);
	r->last = ARC_BAGIT;
	return r;
}

int
arc_open(struct arc_reader **out, const char *path, struct err *e)
{
	struct sys_dir *folder = NULL;
	struct arc_input in;
	char *real = sys_realpath(path, e), *slash;
	int rc = -1;

	if (real == NULL)
		return -1;
	slash = strrchr(real, '/');
	if (slash == NULL || slash[1] == '\0') {
		err_set(e, 0, "%s: not a file", path);
		goto out;
	}
	*slash = '\0';
	if (sys_dir_open(&folder, slash != real ? real : "/", e) < 0 || arc_input_open(&in, folder, slash + 1, e) < 0)
		goto out;
	*out = arc_reader_new(&in);
	rc = 0;
out:
	sys_dir_close(folder);
	free(real);
	return rc;
}

void
arc_reader_close(struct arc_reader *r)
{
	if (r == NULL)
		return;
	arc_tar_free(r->tar);
	sys_close(&r->in.file);
	arena_free(&r->a);
	free(r->top);
	free(r);
}

/* The first member names the top folder, the others must be below it, in the order of the archive. */
static int
check_place(struct arc_reader *r, enum arc_kind kind, const char *name, struct err *e)
{
	const char *slash;

	if (kind == ARC_STRANGE)
		return err_set(e, 0, "member \"%s\": not a member of our archives", name);
	if (r->top == NULL && kind == ARC_BAGIT) {
		slash = strchr(name, '/');
		r->top = mem_new((size_t)(slash - name) + 1);
		memcpy(r->top, name, (size_t)(slash - name));
		return 0;
	}
	if (r->top == NULL || (kind == ARC_DATA ? r->last > kind : r->last >= kind))
		return err_set(e, 0, "member \"%s\": out of its place", name);
	return 0;
}

int
arc_next(struct arc_entry *out, struct arc_reader *r, struct err *e)
{
	const struct arc_head *h = &r->tar->head;
	const char *rest, *slash;
	enum arc_kind kind;
	int rc = arc_tar_next(r->tar, e);

	if (rc == 0 && r->last != ARC_TAGS)
		return err_set(e, 0, "the archive ends without %s", arc_kind_name[ARC_TAGS]);
	if (rc <= 0)
		return rc;
	arena_reset(&r->a);
	kind = arc_kind_of(&rest, r->top, r->top != NULL ? strlen(r->top) : 0, h->name);
	if (check_place(r, kind, h->name, e) < 0)
		return -1;
	r->last = kind;
	memset(out, 0, sizeof *out);
	out->st.type = SYS_FILE;
	out->st.size = h->size;
	out->st.nlink = 1;
	out->st.mode = h->mode;
	out->st.uid = h->uid;
	out->st.gid = h->gid;
	out->st.mtime = h->mtime;
	out->path = rest;
	if (kind == ARC_DATA) {
		slash = strchr(rest, '/');
		out->spool = arena_dup(&r->a, rest, (size_t)(slash - rest));
		out->path = arc_decode_name(&r->a, slash + 1);
	}
	return 1;
}

int64_t
arc_read(void *buf, size_t n, struct arc_reader *r, struct err *e)
{
	const unsigned char *p;
	size_t got;
	int rc = arc_tar_some(&p, &got, r->tar, n, e);

	if (rc <= 0)
		return rc;
	memcpy(buf, p, got);
	return (int64_t)got;
}

int
arc_line(const char **line, size_t *n, struct arc_reader *r, struct err *e)
{
	return arc_tar_line(line, n, r->tar, e);
}
