/* Selectors that messages.jsonl cannot answer (recipients, --contains): each message of the archive is read in a scratch spool. */
#include <stdlib.h>
#include <string.h>

#include "index/put.h"
#include "index/restore_in.h"
#include "index/select_in.h"

int
restore_files_needed(const struct selection *s)
{
	return selection_has(s, SEL_RECIPIENT) || selection_has(s, SEL_RECIPIENT_DOMAIN) || selection_has(s, SEL_CONTAINS);
}

static int
put_recipients(struct index *ix, struct put *put, sqlite3_stmt *st, const struct msg *m, int64_t row, struct err *e)
{
	int64_t domain;
	size_t i;

	for (i = 0; i < m->nrcpt; i++) {
		domain = put_text(put, m->rcpt[i].domain, e);
		if (domain < 0)
			return -1;
		sqlite3_bind_int64(st, 1, row);
		sqlite3_bind_int64(st, 2, (int64_t)i);
		sqlite3_bind_int(st, 3, (int)m->rcpt[i].state);
		sqlite3_bind_text(st, 4, m->rcpt[i].address, -1, SQLITE_STATIC);
		domain != 0 ? sqlite3_bind_int64(st, 5, domain) : sqlite3_bind_null(st, 5);
		if (sqlite3_step(st) != SQLITE_DONE)
			return index_err(ix, e, "write");
		sqlite3_reset(st);
	}
	return 0;
}

struct job {
	struct scratch *sc;
	struct restore_list *l;
	struct arc_reader *r;
	struct contains *contains;
	struct put *put;
	sqlite3_stmt *insert;
	unsigned char *selected;
};

static int
read_message(struct job *job, struct scratch_spool *s, const struct arc_message *m, uint64_t n, struct arena *a, struct err *e)
{
	struct spool_item it;
	struct msg msg;
	int rc = s->sp->driver->find(&it, s->sp, s->r, a, m->queue, m->id, m->part[0].path, e);

	if (rc == 1)
		rc = spool_read(&msg, s->r, &it, a, e) < 0 ? -1 : 1;
	if (rc == 1 && !msg.is_taken_mid_way)
		rc = put_recipients(restore_list_index(job->l), job->put, job->insert, &msg, (int64_t)n + 1, e);
	if (rc >= 0 && job->contains != NULL) {
		rc = contains_test(job->contains, m->kind, s->sp->root, m->queue, m->id, m->part[0].path, e);
		job->selected[n] = rc == 1;
	}
	return rc < 0 ? err_wrap(e, "message %s of the archive", m->id) : 0;
}

static int
one_message(struct job *job, uint64_t n, struct arena *a, struct err *e)
{
	struct arc_message m;
	struct scratch_spool *s;
	int rc, is_selected;

	if (restore_list_get(&m, &is_selected, job->l, n, a, e) < 0)
		return -1;
	rc = restore_scratch_put(&s, job->sc, &m, job->r, e);
	if (rc == 0)
		rc = read_message(job, s, &m, n, a, e);
	if (s != NULL)
		restore_scratch_drop(s, &m, a);
	return rc;
}

static int
all_messages(struct job *job, struct err *e)
{
	struct arena a = { 0 };
	struct arc_entry ent;
	uint64_t n, all = restore_list_count(job->l);
	int rc = arc_next(&ent, job->r, e) == 1 ? 0 : -1;	/* bagit.txt */

	for (n = 0; rc == 0 && n < all; n++) {
		arena_reset(&a);
		rc = one_message(job, n, &a, e);
	}
	arena_free(&a);
	return rc;
}

int
restore_files_read(unsigned char *selected, struct restore_list *l, const char *archive, const struct selection *s, struct err *e)
{
	struct job *job = mem_new(sizeof *job);
	struct index *ix = restore_list_index(l);
	int rc = -1;

	job->l = l;
	job->selected = selected;
	job->contains = contains_new(s);
	job->put = put_new(ix, 0, 1, e);
	job->insert = index_prepare(ix, "INSERT INTO recipient VALUES(?, ?, ?, ?, ?, NULL)", e);
	if (job->put != NULL && job->insert != NULL && restore_scratch_new(&job->sc, e) == 0 && arc_open(&job->r, archive, e) == 0 &&
	    index_exec(ix, "BEGIN", e) == 0 && all_messages(job, e) == 0)
		rc = index_exec(ix, "COMMIT", e);
	sqlite3_finalize(job->insert);
	put_free(job->put);
	contains_free(job->contains);
	arc_reader_close(job->r);
	restore_scratch_free(job->sc);
	free(job);
	return rc;
}
