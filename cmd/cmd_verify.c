#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "index/journal.h"
#include "spool/arc.h"
#include "spool/arena.h"
#include "spool/sys.h"

#define FINDINGS_MAX ((size_t)1 << 20)	/* bytes of them that are kept */

static int run(struct context *c);

const struct command cmd_verify = {
	"verify", "ARCHIVE ...", "re-check archives of purges",
	"Reads each archive back and compares every file in it with its own manifest; where the journal\n"
	"of its purge is at hand, the archive with it, too. Needs no index.\n"
	"Exit status 0: all are whole; 1: some are not, or it is not known, and what is wrong is listed.\n",
	NULL, 0, 1, SIZE_MAX, run
};

static const char *const keys[] = {
	"archive", "whole", "messages", "files", "bytes", "size", "sha256", "plan", "problems", "findings"
};

struct verify {
	struct context *c;
	struct journal *j;		/* NULL: none at hand */
	struct err unread;		/* why the one that is there could not be read; else its text is empty */
	struct progress progress;
	struct buf findings;		/* JSON strings, with commas between */
	uint64_t problems;
	int is_unsure;			/* one of them: the journal could not be asked */
	int64_t plan;			/* whose archive it is, as the journal says; -1 not known */
};

static void
add_finding(void *arg, const char *text)
{
	struct verify *v = arg;
	struct buf one;

	v->problems++;
	buf_init(&one, 64 * 1024);
	if (v->findings.n != 0)
		buf_byte(&one, ',');
	buf_byte(&one, '"');
	text_json(&one, text, strlen(text));
	buf_byte(&one, '"');
	if (!one.cut && v->findings.n + one.n < v->findings.max)	/* whole ones only */
		buf_add(&v->findings, one.p, one.n);
	buf_free(&one);
}

static const char *
last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

struct question {
	struct verify *v;
	const char *name;
	const unsigned char *sha;
	int64_t plan;		/* at hand */
};

/* The archive may have been moved since: its name tells host, time and plan. */
static void
answer(void *arg, const struct plan_archive *x)
{
	const struct question *q = arg;
	char text[128];

	if (!x->has_sha || strcmp(last_of(x->path), q->name) != 0)
		return;
	q->v->plan = q->plan;
	snprintf(text, sizeof text, "the file is not the one that plan %" PRId64 " made: its SHA-256 is another", q->plan);
	if (memcmp(x->sha, q->sha, ARC_SHA256) != 0)
		add_finding(q->v, text);
}

static int
ask_journal(struct verify *v, const char *name, const unsigned char sha[ARC_SHA256], struct err *e)
{
	struct question q = { v, name, sha, 0 };
	struct arena a = { 0 };
	struct plan p;
	int rc;

	while ((rc = journal_plan_after(&p, v->j, q.plan, PLAN_PLANNED, PLAN_UNDONE, &a, e)) == 1) {
		q.plan = p.id;
		if (journal_archives(v->j, p.id, answer, &q, e) < 0)
			break;
	}
	arena_free(&a);
	return rc == 0 ? 0 : -1;
}

/* With the journal; one that is there and cannot be read is a finding. */
static void
compare(struct verify *v, const char *name, const unsigned char sha[ARC_SHA256])
{
	struct err why = v->unread;

	if (v->j != NULL && ask_journal(v, name, sha, &why) == 0)
		return;
	if (why.text[0] == '\0')
		return;
	err_wrap(&why, "not compared with what the journal has of it");
	add_finding(v, why.text);
	v->is_unsure = 1;
}

static int
check(struct arc_report *rep, struct verify *v, const char *path, struct err *e)
{
	char *real = sys_realpath(path, e), *dir;
	struct sys_dir *folder = NULL;
	const char *name;
	int rc;

	memset(rep, 0, sizeof *rep);
	if (real == NULL)
		return -1;
	dir = sys_parent(real, &name);
	rc = sys_dir_open(&folder, dir, e);
	if (rc == 0)
		rc = arc_verify(rep, folder, name, add_finding, v, e);
	if (rc == 0)
		compare(v, name, rep->sha);
	sys_dir_close(folder);
	free(dir);
	free(real);
	return rc;
}

static void
put_keys(struct verify *v, const char *path, const struct arc_report *rep, int is_read)
{
	struct out *o = &v->c->out;
	char sha[2 * ARC_SHA256 + 1], *list;
	size_t i, n = v->findings.n;

	for (i = 0; i < ARC_SHA256; i++)
		snprintf(sha + 2 * i, 3, "%02x", rep->sha[i]);
	list = mem_new(n + 3);
	list[0] = '[';
	if (n != 0)
		memcpy(list + 1, v->findings.p, n);
	list[n + 1] = ']';
	out_text(o, path);
	out_bool(o, v->is_unsure && v->problems == 1 ? -1 : v->problems == 0);
	out_count(o, is_read ? (int64_t)rep->messages : -1);
	out_count(o, is_read ? (int64_t)rep->files : -1);
	out_count(o, is_read ? (int64_t)rep->bytes : -1);
	out_count(o, is_read ? (int64_t)rep->size : -1);
	out_text(o, is_read ? sha : NULL);
	out_count(o, v->plan);
	out_count(o, (int64_t)v->problems);
	out_strings(o, list);
	out_row(o);
	free(list);
}

static void
show(struct verify *v, const char *path, const struct arc_report *rep)
{
	struct out *o = &v->c->out;
	struct buf item;
	const char *json;
	char *list;

	out_plain(o, path);
	if (v->problems == 0) {
		buf_fmt(&o->b, ": whole, %" PRIu64 " message%s in %" PRIu64 " file%s", rep->messages, rank_plural((int64_t)rep->messages), rep->files,
		    rank_plural((int64_t)rep->files));
		if (v->plan >= 0)
			buf_fmt(&o->b, ", as plan %" PRId64 " made it", v->plan);
		out_raw(o, "\n");
		return;
	}
	if (v->is_unsure && v->problems == 1)
		out_raw(o, ": whole by its own manifests, but not proven\n");
	else
		buf_fmt(&o->b, ": NOT whole, %" PRIu64 " findings\n", v->problems);
	list = mem_new(v->findings.n + 3);
	list[0] = '[';
	memcpy(list + 1, buf_cstr(&v->findings), v->findings.n);
	list[v->findings.n + 1] = ']';
	buf_init(&item, 64 * 1024);
	for (json = list; text_string(&item, &json); ) {
		out_raw(o, "  ");
		out_plain(o, buf_cstr(&item));
		out_raw(o, "\n");
	}
	buf_free(&item);
	free(list);
}

static int
one(struct verify *v, const char *path)
{
	struct arc_report rep;
	struct err e = { 0, "" };
	int rc;

	buf_init(&v->findings, FINDINGS_MAX);
	v->problems = 0;
	v->is_unsure = 0;
	v->plan = -1;
	progress_init(&v->progress, v->c->quiet, path);
	rc = check(&rep, v, path, &e);
	progress_wipe(&v->progress);
	if (rc < 0)
		add_finding(v, e.text);
	if (v->c->format == OUT_TABLE)
		show(v, path, &rep);
	else
		put_keys(v, path, &rep, rc == 0);
	out_flush(&v->c->out);
	buf_free(&v->findings);
	return v->problems == 0 ? CMD_DONE : CMD_FAILED;
}

static int
run(struct context *c)
{
	struct verify v = { .c = c };
	char *index = cmd_index_path(c);
	int status = CMD_DONE;
	size_t i;

	/* Without a journal the archive's own manifest is all there is to compare with; whoever changes an archive can change that, too. */
	if (journal_open(&v.j, index, 0, &v.unread) < 0) {
		v.j = NULL;
		if (v.unread.sys == ENOENT)
			err_clear(&v.unread);
	}
	free(index);
	if (c->format != OUT_TABLE)
		out_keys(&c->out, keys, sizeof keys / sizeof keys[0]);
	for (i = 0; i < c->narg && c->out.error == 0; i++)
		status = cmd_worse(status, one(&v, c->arg[i]));
	journal_close(v.j);
	return status;
}
