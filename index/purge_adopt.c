/*
 * An archive that a run before published, and was killed before the journal knew. It is used when it is whole and holds exactly what the
 * journal calls archived, message by message and file by file; so no second archive of the same mail is written. Anything else is left where
 * it is, and the messages are archived anew.
 */
#include "index/purge_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is the line what was archived of this item? The digests of the line are those of the members: arc_verify has compared them. */
static int
is_item(struct run *run, const struct arc_message *m, const struct item *it, const struct item_part *p, size_t n)
{
	size_t i;

	if (strcmp(m->spool_name, run->place[it->place].archive_name) != 0 || m->id == NULL || strcmp(m->id, it->id) != 0 || m->nparts != n)
		return 0;
	for (i = 0; i < n; i++)
		if (!p[i].has_sha || strcmp(m->part[i].path, run_part_path(&run->batch, &p[i])) != 0 || m->part[i].size != p[i].st.size ||
		    m->part[i].mtime != p[i].st.mtime || memcmp(m->part[i].sha, p[i].sha, ARC_SHA256) != 0)
			return 0;
	return 1;
}

/* 1 the line is the next archived item after *last, 0 it is not, -1. */
static int
is_next(struct run *run, int64_t *last, const char *line, size_t len, struct err *e)
{
	struct arc_message m;
	struct item_part *p;
	struct item it;
	size_t n;
	int rc;

	arena_reset(&run->batch);
	rc = journal_item_after(&it, run->j, run->plan.id, *last, 1u << ITEM_ARCHIVED, &run->batch, e);
	if (rc != 1)
		return rc;
	*last = it.n;
	if (it.place < 0 || (size_t)it.place >= run->nplace || journal_parts(&p, &n, run->j, run->plan.id, it.n, &run->batch, e) < 0 ||
	    arc_parse_message(&m, &run->batch, line, len, e) < 0)
		return -1;
	return is_item(run, &m, &it, p, n);
}

/* 1 the archive's messages are the archived items, all of them and in their order; 0 they are not, -1. */
static int
holds_exactly(struct run *run, const char *path, struct err *e)
{
	struct arc_reader *r = NULL;
	struct arc_entry ent;
	struct item it;
	const char *line;
	size_t len;
	int64_t last = -1;
	int rc = arc_open(&r, path, e) < 0 ? -1 : 1, more = 0;

	while (rc == 1 && (rc = arc_next(&ent, r, e)) == 1)
		if (ent.spool == NULL && strcmp(ent.path, "messages.jsonl") == 0)
			break;
	while (rc == 1 && (more = arc_line(&line, &len, r, e)) == 1)
		rc = is_next(run, &last, line, len, e);
	arc_reader_close(r);
	if (rc == 1 && more == 0) {
		arena_reset(&run->batch);
		rc = journal_item_after(&it, run->j, run->plan.id, last, 1u << ITEM_ARCHIVED, &run->batch, e);
		return rc < 0 ? -1 : rc == 0;
	}
	return more < 0 ? -1 : rc;
}

static int
adopt(struct run *run, struct sys_dir *folder, const char *name, struct err *e)
{
	struct arc_report rep;
	struct err why;
	int rc;

	err_clear(&why);
	if (run_verify_file(&rep, folder, name, &why) < 0 || holds_exactly(run, run->plan.archive, &why) != 1) {
		snprintf(run->out->note, sizeof run->out->note, "an unfinished run has left %s: it is not used", run->plan.archive);
		return 0;
	}
	rc = sys_sync_dir(folder);	/* the run that gave it its name may have died before this */
	if (rc != 0)
		return err_set(e, rc, "write the archive folder");
	return run_note_archive(run, run->plan.archive, &rep, e);
}

int
run_adopt(struct run *run, struct err *e)
{
	struct sys_dir *folder = NULL;
	struct sys_stat st;
	struct err why;
	const char *name;
	char *dir;
	int rc = 0;

	if (run->plan.archive == NULL || run->plan.has_sha || run->plan.count[ITEM_ARCHIVED] == 0)
		return 0;
	err_clear(&why);
	dir = sys_parent(run->plan.archive, &name);
	if (sys_dir_open(&folder, dir, &why) == 0 && sys_stat_at(&st, folder, name) == 0)
		rc = adopt(run, folder, name, e);
	sys_dir_close(folder);
	free(dir);
	return rc;
}
