/* messages.jsonl of an archive as an index of its own, in a temporary database, so that selectors work on it as on the real one. */
#include <stdlib.h>
#include <string.h>

#include "index/put.h"
#include "index/restore_in.h"
#include "spool/addr.h"
#include "spool/sys.h"

#define PLACES_MAX 1000
#define SQL_MAX ((size_t)16 << 20)

struct list_place {
	char *name;			/* "KIND-N" */
	char *kind, *root;
	int64_t spool;
	struct put *put;
};

struct restore_list {
	struct index ix;
	struct list_place place[PLACES_MAX];
	size_t nplace;
	sqlite3_stmt *keep, *get, *keys;
	unsigned char *selected;
	uint64_t n;
	struct arena arena;		/* as long as the list */
};

/* The keys of list --json that arc_message does not have. */
enum { KEY_DOMAIN, KEY_SENDER_DOMAIN, KEY_CLIENT, KEY_CLIENT_NAME, KEY_HELO, KEY_PROTOCOL, KEY_LOCAL_USER, KEY_SCRIPT, KEY_FROM, KEY_SUBJECT,
    KEY_MESSAGE_ID, KEY_REASON, KEY_DAMAGE, KEY_NOTES, KEY_TEXTS, KEY_UID = KEY_TEXTS, KEY_SIZE, KEY_RECIPIENTS, KEY_PENDING };

static const char keys_sql[] = "SELECT j->>'domain', j->>'sender_domain', j->>'client', j->>'client_name', j->>'helo', j->>'protocol',"
    " j->>'local_user', j->>'script', j->>'from', j->>'subject', j->>'message_id', j->>'reason', j->'damage', j->'notes', j->>'uid',"
    " j->>'size', j->>'recipients', j->>'pending' FROM (SELECT ? AS j)";

/* ---- the database ---- */

static int
open_database(struct restore_list *l, struct err *e)
{
	l->ix.path = mem_new(sizeof "of the archive's list");
	memcpy(l->ix.path, "of the archive's list", sizeof "of the archive's list");
	/* The empty name is a private database that SQLite keeps in memory and, when it grows, in a temporary file. */
	if (sqlite3_open_v2("", &l->ix.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		return index_err(&l->ix, e, "open");
	if (sys_random(l->ix.key, sizeof l->ix.key, e) < 0 || index_exec(&l->ix, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", e) < 0 ||
	    schema_upgrade(&l->ix, 0, e) < 0 ||
	    index_exec(&l->ix, "CREATE TABLE line(n INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT; BEGIN", e) < 0)
		return -1;
	l->keep = index_prepare(&l->ix, "INSERT INTO line VALUES(?, ?)", e);
	l->get = index_prepare(&l->ix, "SELECT json FROM line WHERE n = ?", e);
	l->keys = index_prepare(&l->ix, keys_sql, e);
	return l->keep != NULL && l->get != NULL && l->keys != NULL ? 0 : -1;
}

void
restore_list_free(struct restore_list *l)
{
	size_t i;

	if (l == NULL)
		return;
	for (i = 0; i < l->nplace; i++)
		put_free(l->place[i].put);
	sqlite3_finalize(l->keep);
	sqlite3_finalize(l->get);
	sqlite3_finalize(l->keys);
	sqlite3_close(l->ix.db);
	free(l->ix.path);
	free(l->selected);
	arena_free(&l->arena);
	free(l);
}

uint64_t
restore_list_count(const struct restore_list *l)
{
	return l->n;
}

struct index *
restore_list_index(struct restore_list *l)
{
	return &l->ix;
}

/* ---- filling it ---- */

static int
insert_place(struct restore_list *l, struct list_place *p, struct err *e)
{
	sqlite3_stmt *st = index_prepare(&l->ix, "INSERT INTO spool(id, kind, root) VALUES(?, ?, ?)", e);
	int rc;

	if (st == NULL)
		return -1;
	p->spool = (int64_t)l->nplace + 1;
	sqlite3_bind_int64(st, 1, p->spool);
	sqlite3_bind_text(st, 2, p->kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, p->root, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	if ((rc & 0xff) == SQLITE_CONSTRAINT)
		return err_set(e, 0, "messages.jsonl: %s:%s has two names", p->kind, p->root);
	if (rc != SQLITE_DONE)
		return index_err(&l->ix, e, "write");
	p->put = put_new(&l->ix, p->spool, 1, e);
	return p->put != NULL ? 0 : -1;
}

static struct list_place *
place_of(struct restore_list *l, const struct arc_message *m, struct err *e)
{
	struct list_place *p;
	size_t i;

	for (i = 0; i < l->nplace; i++) {
		p = &l->place[i];
		if (strcmp(p->name, m->spool_name) != 0)
			continue;
		if (strcmp(p->root, m->spool) == 0)
			return p;
		err_set(e, 0, "messages.jsonl: %s is two spools", m->spool_name);
		return NULL;
	}
	if (l->nplace == PLACES_MAX) {
		err_set(e, 0, "messages.jsonl: more than %d spools", PLACES_MAX);
		return NULL;
	}
	p = &l->place[l->nplace];
	p->name = arena_str(&l->arena, m->spool_name);
	p->kind = arena_str(&l->arena, m->kind);
	p->root = arena_str(&l->arena, m->spool);
	if (insert_place(l, p, e) < 0)
		return NULL;
	l->nplace++;
	for (i = 0; i < l->nplace && l->nplace > 1; i++)	/* the messages of all spools stand in the order of their arrival */
		put_share(l->place[i].put);
	return p;
}

static enum msg_state
state_named(const char *name)
{
	int s;

	for (s = MSG_INCOMPLETE; s < MSG_DELETED; s++)
		if (name != NULL && strcmp(msg_state_name((enum msg_state)s), name) == 0)
			return (enum msg_state)s;
	return MSG_CORRUPT;
}

static enum account_kind
account_kind_named(const char *name)
{
	int k;

	for (k = ACCOUNT_AUTH; k <= ACCOUNT_BOUNCE; k++)
		if (name != NULL && strcmp(account_kind_name((enum account_kind)k), name) == 0)
			return (enum account_kind)k;
	return ACCOUNT_NONE;
}

static void
fill_msg(struct msg *m, const struct arc_message *am, const char *const text[], const int64_t number[])
{
	m->queue = am->queue;
	m->id = am->id;
	m->state = state_named(am->state);
	m->arrived = am->arrived;
	m->arrived_fraction = am->arrived != MSG_NO_TIME && am->arrived % 1000000 != 0;
	m->sender = am->sender;
	m->account_kind = am->account != NULL ? account_kind_named(am->account_kind) : ACCOUNT_NONE;
	m->account = am->account;
	m->account_key = am->account != NULL ? addr_key(m->arena, am->account) : NULL;
	m->domain = text[KEY_DOMAIN];
	m->sender_domain = text[KEY_SENDER_DOMAIN];
	m->client = text[KEY_CLIENT];
	m->client_name = text[KEY_CLIENT_NAME];
	m->helo = text[KEY_HELO];
	m->protocol = text[KEY_PROTOCOL];
	m->local_user = text[KEY_LOCAL_USER];
	m->script = text[KEY_SCRIPT];
	m->from = text[KEY_FROM];
	m->subject = text[KEY_SUBJECT];
	m->message_id = text[KEY_MESSAGE_ID];
	m->reason = text[KEY_REASON];
	m->uid = number[KEY_UID - KEY_TEXTS];
	m->size = number[KEY_SIZE - KEY_TEXTS];
	m->recipients = number[KEY_RECIPIENTS - KEY_TEXTS];
	m->pending = number[KEY_PENDING - KEY_TEXTS];
}

static const char *
list_or_null(const char *json)
{
	return json != NULL && json[0] == '[' && strcmp(json, "[]") != 0 ? json : NULL;
}

/* Texts of the statement stay valid until it is reset. */
static int
read_keys(const char *text[], int64_t number[], struct restore_list *l, const struct arc_message *m, struct err *e)
{
	sqlite3_stmt *st = l->keys;
	int i;

	sqlite3_bind_text(st, 1, m->json, -1, SQLITE_STATIC);
	if (sqlite3_step(st) != SQLITE_ROW)
		return err_set(e, 0, "messages.jsonl: message %s: %s", m->id, sqlite3_errmsg(l->ix.db));
	for (i = 0; i < KEY_TEXTS; i++)
		text[i] = (const char *)sqlite3_column_text(st, i);
	for (i = KEY_UID; i <= KEY_PENDING; i++)
		number[i - KEY_TEXTS] = sqlite3_column_type(st, i) == SQLITE_INTEGER ? sqlite3_column_int64(st, i) : -1;
	return 0;
}

static int
add_message(struct restore_list *l, const struct arc_message *m, struct arena *a, struct err *e)
{
	struct list_place *p = place_of(l, m, e);
	const char *text[KEY_TEXTS];
	int64_t number[KEY_PENDING - KEY_TEXTS + 1], row;
	struct staged s;

	if (p == NULL || read_keys(text, number, l, m, e) < 0)
		return -1;
	memset(&s, 0, sizeof s);
	msg_init(&s.msg, a);
	fill_msg(&s.msg, m, text, number);
	s.path = m->part[0].path;
	s.damage = list_or_null(text[KEY_DAMAGE]);
	s.notes = list_or_null(text[KEY_NOTES]);
	row = put_message(p->put, &s, 0, NULL, e);
	sqlite3_reset(l->keys);
	if (row < 0)
		return -1;
	sqlite3_bind_int64(l->keep, 1, (int64_t)l->n);
	sqlite3_bind_text(l->keep, 2, m->json, -1, SQLITE_STATIC);
	if (sqlite3_step(l->keep) != SQLITE_DONE)
		return index_err(&l->ix, e, "write");
	sqlite3_reset(l->keep);
	l->n++;
	return (uint64_t)row == l->n ? 0 : err_set(e, 0, "the list of the archive is out of step");
}

static int
read_lines(struct restore_list *l, struct arc_reader *r, struct err *e)
{
	struct arena a = { 0 };
	struct arc_message m;
	const char *line;
	size_t n;
	int rc;

	while ((rc = arc_line(&line, &n, r, e)) == 1) {
		arena_reset(&a);
		if (arc_parse_message(&m, &a, line, n, e) < 0 || add_message(l, &m, &a, e) < 0) {
			rc = -1;
			break;
		}
	}
	arena_free(&a);
	return rc;
}

int
restore_list_new(struct restore_list **out, const char *archive, struct err *e)
{
	struct restore_list *l = mem_new(sizeof *l);
	struct arc_reader *r = NULL;
	struct arc_entry ent;
	int rc = -1, is_met = 0;

	if (open_database(l, e) < 0 || arc_open(&r, archive, e) < 0)
		goto out;
	while (!is_met && (rc = arc_next(&ent, r, e)) == 1)
		is_met = ent.spool == NULL && strcmp(ent.path, "messages.jsonl") == 0;
	if (rc == 1)
		rc = read_lines(l, r, e);
	else if (rc == 0)
		rc = err_set(e, 0, "the archive has no messages.jsonl");
	if (rc == 0)
		rc = index_exec(&l->ix, "COMMIT", e);
out:
	arc_reader_close(r);
	if (rc < 0) {
		restore_list_free(l);
		return -1;
	}
	l->selected = mem_new((size_t)l->n + 1);
	*out = l;
	return 0;
}

/* ---- asking it ---- */

/* Marks what the SQL condition of the selection finds. */
static int
mark(unsigned char *found, struct restore_list *l, struct selection *s, struct err *e)
{
	sqlite3_stmt *st = NULL;
	struct buf sql;
	int64_t row;
	int rc;

	buf_init(&sql, SQL_MAX);
	buf_puts(&sql, "SELECT m.id FROM message m WHERE m.gone_scan IS NULL");
	if (selection_sql(&sql, s, &l->ix, e) == 0)
		st = index_prepare(&l->ix, buf_cstr(&sql), e);
	buf_free(&sql);
	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		row = sqlite3_column_int64(st, 0);
		if (row >= 1 && (uint64_t)row <= l->n)
			found[row - 1] = 1;
	}
	if (rc != SQLITE_DONE)
		index_err(&l->ix, e, "selection");
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
restore_list_select(struct restore_list *l, const char *archive, struct selection *s, struct err *e)
{
	unsigned char *found;
	uint64_t i;
	int rc = 0;

	memset(l->selected, 1, (size_t)l->n + 1);
	if (s == NULL || selection_is_empty(s))
		return 0;
	if (restore_files_needed(s))
		rc = restore_files_read(l->selected, l, archive, s, e);
	found = mem_new((size_t)l->n + 1);
	if (rc == 0)
		rc = mark(found, l, s, e);
	for (i = 0; i < l->n; i++)
		l->selected[i] &= found[i];
	free(found);
	return rc;
}

int
restore_list_get(struct arc_message *out, int *is_selected, struct restore_list *l, uint64_t n, struct arena *a, struct err *e)
{
	const char *json;
	int rc;

	sqlite3_bind_int64(l->get, 1, (int64_t)n);
	rc = sqlite3_step(l->get);
	json = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(l->get, 0) : NULL;
	if (json == NULL)
		rc = index_err(&l->ix, e, "read");
	else
		rc = arc_parse_message(out, a, json, strlen(json), e);
	sqlite3_reset(l->get);
	*is_selected = l->selected[n];
	return rc;
}
