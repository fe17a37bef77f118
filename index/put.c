#include "index/put.h"

#include <stdlib.h>
#include <string.h>

#include "index/hash.h"
#include "index/map.h"
#include "spool/arena.h"
#include "spool/part.h"
#include "spool/sys.h"

enum { PUT_INSERT, PUT_UPDATE, PUT_FIND, PUT_RCPT, PUT_RCPT_MANY, PUT_RCPT_DROP, PUT_TEXT, PUT_TEXT_FIND, PUT_ACCOUNT, PUT_ACCOUNT_FIND, PUT_IDN,
    PUT_FORGET, PUT_FORGET_PARTS, PUT_FORGET_URLS, PUT_SUM, PUT_COUNT };

#define RCPT_ROW "(?,?,?,?,?,?)"
#define RCPT_MANY 8

#define COLUMNS "fp, spool, account, arrived, arrived_fraction, state, recipients, pending, size, sender, sender_domain, client," \
    " subject, script, script_path, reason, list_id, is_report, queue, qid, path, inode, client_name, helo, protocol," \
    " local_user, uid, \"from\", reply_to, mailer, message_id, date, damage, notes, spelling"
#define NCOLUMNS 35

static const char *const put_sql[PUT_SUM] = {
	"INSERT INTO message(" COLUMNS ", new_scan, contents, body_limit, body_notes, body_flags, print)"
	" VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,?28,?29,?30,"
	"?31,?32,?33,?34,?35,?36,?37,?38,?39,?40,?41)",
	"UPDATE message SET (" COLUMNS ") ="
	" (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,?28,?29,?30,"
	"?31,?32,?33,?34,?35) WHERE id = ?36",
	"SELECT id, arrived, inode FROM message WHERE qid = ? AND spool = ? AND gone_scan IS NULL",
	"INSERT INTO recipient VALUES" RCPT_ROW,
	/* a failed scan is rolled back as a whole; without these words SQLite would keep a journal of each such statement */
	"INSERT OR ROLLBACK INTO recipient VALUES" RCPT_ROW "," RCPT_ROW "," RCPT_ROW "," RCPT_ROW "," RCPT_ROW "," RCPT_ROW ","
	RCPT_ROW "," RCPT_ROW,
	"DELETE FROM recipient WHERE message = ?",
	"INSERT INTO text(hash, text) VALUES(?,?)",
	"SELECT id FROM text WHERE hash = ? AND text = ?",
	"INSERT INTO account(kind, key, name, domain, first_seen) VALUES(?,?,?,?,(SELECT started FROM scan WHERE id = ?))",
	"SELECT id, name FROM account WHERE kind = ? AND key = ?",
	"INSERT OR IGNORE INTO idn VALUES(?,?,?)",
	"UPDATE message SET contents = 0, body_limit = NULL, body_notes = NULL, body_flags = 0, print = NULL"
	" WHERE id = ?1 AND contents <> 0 AND (inode IS NOT ?2 OR size IS NOT ?3)",
	"DELETE FROM part WHERE message = ?",
	"DELETE FROM url WHERE message = ?"
};

/* What the messages of one account in one queue come to. */
struct sum {
	int64_t queue, account, n, bytes, recipients;
};

struct put {
	struct index *ix;
	int64_t spool, scan;
	sqlite3_stmt *st[PUT_COUNT];
	struct hash texts, accounts;	/* rows of those met so far */
	struct hash spelled;		/* accounts with their own names */
	int had_texts, had_accounts, had_contents;	/* rows of earlier scans, or of others: the database must be asked */
	const char *reply;		/* of the recipient before, within one message */
	int64_t reply_id;
	struct map sum_of;		/* queue and account to 1 + the place of their sum */
	struct sum *sum;
	size_t nsums;
	struct arena scratch;
};

/* A read error must be met here: SQLite has rolled the scan's transaction back by then, and each row that followed would be written by itself. */
static int
has_rows(int *out, struct index *ix, const char *table, struct err *e)
{
	char *sql = sqlite3_mprintf("SELECT EXISTS(SELECT 1 FROM %s)", table);
	sqlite3_stmt *st = index_prepare(ix, sql, e);
	const int rc = st != NULL ? index_row(ix, st, e) : -1;

	sqlite3_free(sql);
	if (rc == 1)
		*out = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return rc == 1 ? 0 : -1;
}

struct put *
put_new(struct index *ix, int64_t spool, int64_t scan, struct err *e)
{
	struct put *p = mem_new(sizeof *p);
	size_t i;

	p->ix = ix;
	p->spool = spool;
	p->scan = scan;
	for (i = 0; i < PUT_SUM; i++) {
		p->st[i] = index_prepare(ix, put_sql[i], e);
		if (p->st[i] == NULL) {
			put_free(p);
			return NULL;
		}
	}
	p->texts.has_numbers = p->accounts.has_numbers = 1;
	if (has_rows(&p->had_texts, ix, "text", e) < 0 || has_rows(&p->had_accounts, ix, "account", e) < 0 ||
	    has_rows(&p->had_contents, ix, "part", e) < 0) {
		put_free(p);
		return NULL;
	}
	return p;
}

void
put_share(struct put *p)
{
	p->had_texts = p->had_accounts = 1;
}

void
put_free(struct put *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < PUT_COUNT; i++)
		sqlite3_finalize(p->st[i]);
	hash_free(&p->texts);
	hash_free(&p->accounts);
	hash_free(&p->spelled);
	map_free(&p->sum_of);
	free(p->sum);
	arena_free(&p->scratch);
	free(p);
}

/* Steps once and resets. 1 a row (its first column in *out), 0 none, -1 error. */
static int
run(int64_t *out, struct put *p, int which, struct err *e)
{
	sqlite3_stmt *st = p->st[which];
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		index_err(p->ix, e, "write");
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static void
bind_text(sqlite3_stmt *st, int i, const char *s)
{
	if (s != NULL)
		sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, i);
}

static uint64_t
hash_text(const struct put *p, const char *s)
{
	uint64_t h = part_hash(s, strlen(s), p->ix->key);

	return h != 0 ? h : 1;
}

static int64_t
remember(struct put *p, struct hash *in, uint64_t hash, int64_t id, struct err *e)
{
	if (id > UINT32_MAX)
		return err_set(e, 0, "index %s: more texts than it can have", p->ix->path);
	hash_put(in, hash, (uint32_t)id);
	return id;
}

int64_t
put_text(struct put *p, const char *s, struct err *e)
{
	uint64_t hash;
	int64_t id = 0;
	int got = 0;

	if (s == NULL)
		return 0;
	hash = hash_text(p, s);
	id = hash_get(&p->texts, hash);
	if (id != 0)
		return id;
	if (p->had_texts) {
		sqlite3_bind_int64(p->st[PUT_TEXT_FIND], 1, (int64_t)hash);
		bind_text(p->st[PUT_TEXT_FIND], 2, s);
		got = run(&id, p, PUT_TEXT_FIND, e);
	}
	if (got == 0) {
		sqlite3_bind_int64(p->st[PUT_TEXT], 1, (int64_t)hash);
		bind_text(p->st[PUT_TEXT], 2, s);
		got = run(&id, p, PUT_TEXT, e);
		id = sqlite3_last_insert_rowid(p->ix->db);
	}
	return got < 0 ? -1 : remember(p, &p->texts, hash, id, e);
}

/* The two spellings of an internationalised domain, for v_domain; once a domain. */
static int
put_idn(struct put *p, const char *domain, struct err *e)
{
	char ascii[256], unicode[1024];
	const char *c;
	int64_t none;

	for (c = domain; *c != '\0' && (unsigned char)*c < 0x80; c++)
		;
	if (*c == '\0' && strstr(domain, "xn--") == NULL)
		return 0;
	if (sys_idn_ascii(ascii, sizeof ascii, domain) < 0 || sys_idn_unicode(unicode, sizeof unicode, ascii) < 0)
		return 0;	/* not a valid IDN: it stands as it is */
	bind_text(p->st[PUT_IDN], 1, domain);
	bind_text(p->st[PUT_IDN], 2, unicode);
	bind_text(p->st[PUT_IDN], 3, ascii);
	return run(&none, p, PUT_IDN, e);
}

static int64_t
put_domain(struct put *p, const char *domain, struct err *e)
{
	size_t before = p->texts.n;
	int64_t id = put_text(p, domain, e);

	if (id > 0 && p->texts.n != before && put_idn(p, domain, e) < 0)
		return -1;
	return id;
}

/* An account of an earlier scan: its row, and the hash of its name. 1, 0 none, -1. */
static int
find_account(int64_t *id, uint64_t *name, struct put *p, const char *kind, const char *key, struct err *e)
{
	sqlite3_stmt *st = p->st[PUT_ACCOUNT_FIND];
	int rc;

	bind_text(st, 1, kind);
	bind_text(st, 2, key);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*id = sqlite3_column_int64(st, 0);
		*name = hash_text(p, (const char *)sqlite3_column_text(st, 1));
	} else if (rc != SQLITE_DONE)
		index_err(p->ix, e, "read");
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static int
new_account(int64_t *id, struct put *p, const struct msg *m, const char *kind, struct err *e)
{
	int64_t none;

	bind_text(p->st[PUT_ACCOUNT], 1, kind);
	bind_text(p->st[PUT_ACCOUNT], 2, m->account_key);
	bind_text(p->st[PUT_ACCOUNT], 3, m->account);
	bind_text(p->st[PUT_ACCOUNT], 4, m->domain);
	sqlite3_bind_int64(p->st[PUT_ACCOUNT], 5, p->scan);
	if (run(&none, p, PUT_ACCOUNT, e) < 0)
		return -1;
	*id = sqlite3_last_insert_rowid(p->ix->db);
	return m->domain != NULL && put_domain(p, m->domain, e) < 0 ? -1 : 0;
}

/* An account with one name, for the set `spelled`. */
static uint64_t
spelling_of(uint64_t name, int64_t account)
{
	const uint64_t h = name ^ (uint64_t)account * 0x9e3779b97f4a7c15u;

	return h != 0 ? h : 1;
}

static int64_t
put_account(struct put *p, const struct msg *m, struct err *e)
{
	const char *kind = account_kind_name(m->account_kind);
	uint64_t hash, name;
	int64_t id = 0;
	int got = 0;

	if (m->account == NULL || m->account_kind == ACCOUNT_NONE)
		return 0;
	hash = hash_text(p, m->account_key) + (uint64_t)m->account_kind * 0x9e3779b97f4a7c15u;
	hash += hash == 0;
	id = hash_get(&p->accounts, hash);
	if (id != 0)
		return id;
	if (p->had_accounts)
		got = find_account(&id, &name, p, kind, m->account_key, e);
	if (got == 0) {
		got = new_account(&id, p, m, kind, e);
		name = hash_text(p, m->account);
	}
	if (got < 0)
		return -1;
	hash_put(&p->spelled, spelling_of(name, id), 0);
	return remember(p, &p->accounts, hash, id, e);
}

/* The dictionary's number of the account as this message spells it, 0 when that is the account's own name. */
static int64_t
put_spelling(struct put *p, const struct msg *m, int64_t account, struct err *e)
{
	if (account <= 0 || hash_has(&p->spelled, spelling_of(hash_text(p, m->account), account)))
		return 0;
	return put_text(p, m->account, e);
}

int64_t
put_find(struct put *p, const struct staged *s, int (*taken)(void *arg, int64_t row), void *arg, struct err *e)
{
	sqlite3_stmt *st = p->st[PUT_FIND];
	int64_t row, found = 0;
	int no_time, was, rc;

	bind_text(st, 1, s->msg.id);
	sqlite3_bind_int64(st, 2, p->spool);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && found == 0) {
		row = sqlite3_column_int64(st, 0);
		no_time = s->msg.arrived == MSG_NO_TIME || sqlite3_column_type(st, 1) == SQLITE_NULL;
		was = taken(arg, row);
		if (was == PUT_WRITTEN || (was == PUT_SEEN && (s->is_linked || s->inode == 0 ||
		    (uint64_t)sqlite3_column_int64(st, 2) != s->inode)))
			continue;
		if (s->unreadable || (!no_time && sqlite3_column_int64(st, 1) == s->msg.arrived) ||
		    (no_time && (uint64_t)sqlite3_column_int64(st, 2) == s->inode))
			found = row;
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		found = index_err(p->ix, e, "read");
	sqlite3_reset(st);
	return found;
}

/* The reply of a recipient: often that of the one before. */
static int64_t
put_reply(struct put *p, const char *reply, struct err *e)
{
	if (reply == NULL)
		return 0;
	if (p->reply == NULL || strcmp(p->reply, reply) != 0) {
		p->reply_id = put_text(p, reply, e);
		p->reply = p->reply_id > 0 ? reply : NULL;
	}
	return p->reply_id;
}

static int
bind_recipient(struct put *p, sqlite3_stmt *st, int at, int64_t row, const struct rcpt *r, size_t seq, struct err *e)
{
	int64_t domain = put_domain(p, r->domain, e), reply = put_reply(p, r->reply, e);

	if (domain < 0 || reply < 0)
		return -1;
	sqlite3_bind_int64(st, at + 1, row);
	sqlite3_bind_int64(st, at + 2, (int64_t)seq);
	sqlite3_bind_int(st, at + 3, (int)r->state);
	bind_text(st, at + 4, r->address);
	domain != 0 ? sqlite3_bind_int64(st, at + 5, domain) : sqlite3_bind_null(st, at + 5);
	reply != 0 ? sqlite3_bind_int64(st, at + 6, reply) : sqlite3_bind_null(st, at + 6);
	return 0;
}

/* RCPT_MANY with one statement as long as there are so many, the rest one by one. */
static int
put_recipients(struct put *p, const struct staged *s, int64_t row, struct err *e)
{
	size_t i, k, n;
	int64_t none;
	int which;

	p->reply = NULL;
	for (i = 0; i < s->msg.nrcpt; i += n) {
		which = s->msg.nrcpt - i >= RCPT_MANY ? PUT_RCPT_MANY : PUT_RCPT;
		n = which == PUT_RCPT_MANY ? RCPT_MANY : 1;
		for (k = 0; k < n; k++)
			if (bind_recipient(p, p->st[which], (int)k * 6, row, &s->msg.rcpt[i + k], i + k, e) < 0)
				return -1;
		if (run(&none, p, which, e) < 0)
			return -1;
	}
	return 0;
}

/* Binds a known number, NULL for "not known". */
static void
bind_number(sqlite3_stmt *st, int i, int64_t n, int64_t unknown)
{
	if (n == unknown)
		sqlite3_bind_null(st, i);
	else
		sqlite3_bind_int64(st, i, n);
}

/* The numbers of texts and accounts fit 32 bits: remember() saw to it. */
static void
add_sum(struct put *p, int64_t queue, int64_t account, const struct msg *m)
{
	const int64_t key = (int64_t)((uint64_t)queue << 32 | (uint64_t)account);
	uint32_t at = map_get(&p->sum_of, key);
	struct sum *s;

	if (at == 0) {
		if ((p->nsums & (p->nsums - 1)) == 0)
			p->sum = mem_grow(p->sum, (p->nsums != 0 ? p->nsums * 2 : 1) * sizeof *p->sum);
		p->sum[p->nsums++] = (struct sum){ queue, account, 0, 0, 0 };
		at = (uint32_t)p->nsums;
		map_put(&p->sum_of, key, at);
	}
	s = &p->sum[at - 1];
	s->n++;
	s->bytes += m->size > 0 ? m->size : 0;
	s->recipients += m->recipients > 0 ? m->recipients : 0;
}

int
put_sums(struct put *p, struct err *e)
{
	sqlite3_stmt *st;
	int64_t none;
	size_t i;
	int rc = 0;

	if (index_exec(p->ix, "CREATE TEMP TABLE sums(queue INTEGER, account INTEGER, n INTEGER, b REAL, r REAL)", e) < 0)
		return -1;
	st = p->st[PUT_SUM] = index_prepare(p->ix, "INSERT INTO temp.sums VALUES(?,?,?,?,?)", e);
	if (st == NULL)
		return -1;
	for (i = 0; i < p->nsums && rc == 0; i++) {
		sqlite3_bind_int64(st, 1, p->sum[i].queue);
		bind_number(st, 2, p->sum[i].account, 0);
		sqlite3_bind_int64(st, 3, p->sum[i].n);
		sqlite3_bind_int64(st, 4, p->sum[i].bytes);
		sqlite3_bind_int64(st, 5, p->sum[i].recipients);
		rc = run(&none, p, PUT_SUM, e);
	}
	return rc;
}

static int
bind_dictionary(struct put *p, sqlite3_stmt *st, const struct msg *m, int64_t account, struct err *e)
{
	const struct { int at, is_domain; const char *text; } col[] = {
		{ 10, 0, m->sender }, { 11, 1, m->sender_domain }, { 12, 0, m->client }, { 13, 0, m->subject },
		{ 14, 0, m->script }, { 15, 0, m->script_path }, { 16, 0, m->reason }, { 17, 0, m->list_id },
		{ 19, 0, m->queue }, { 23, 0, m->client_name }, { 24, 0, m->helo }, { 25, 0, m->protocol },
		{ 26, 0, m->local_user }, { 28, 0, m->from }, { 29, 0, m->reply_to }, { 30, 0, m->mailer }
	};
	int64_t id;
	size_t i;

	for (i = 0; i < sizeof col / sizeof col[0]; i++) {
		id = col[i].is_domain ? put_domain(p, col[i].text, e) : put_text(p, col[i].text, e);
		if (id < 0)
			return -1;
		bind_number(st, col[i].at, id, 0);
		if (col[i].at == 19)
			add_sum(p, id, account, m);
	}
	return 0;
}

static void
bind_plain(struct put *p, sqlite3_stmt *st, const struct staged *s, int64_t account)
{
	const struct msg *m = &s->msg;

	sqlite3_bind_int64(st, 1, (int64_t)s->fp);
	sqlite3_bind_int64(st, 2, p->spool);
	bind_number(st, 3, account, 0);
	bind_number(st, 4, m->arrived, MSG_NO_TIME);
	sqlite3_bind_int(st, 5, m->arrived_fraction);
	bind_text(st, 6, msg_state_name(m->state));
	bind_number(st, 7, m->recipients, -1);
	bind_number(st, 8, m->pending, -1);
	bind_number(st, 9, m->size, -1);
	sqlite3_bind_int(st, 18, m->is_report);
	bind_text(st, 20, m->id);
	sqlite3_bind_blob(st, 21, s->path, (int)strlen(s->path), SQLITE_STATIC);
	bind_number(st, 22, (int64_t)s->inode, 0);
	bind_number(st, 27, m->uid, -1);
	bind_text(st, 31, m->message_id);
	bind_text(st, 32, m->date);
	bind_text(st, 33, s->damage);
	bind_text(st, 34, s->notes);
}

/* What was read of a body holds as long as its file and its size are the same: no MTA changes a body in place. */
static int
forget_contents(struct put *p, const struct staged *s, int64_t row, struct err *e)
{
	sqlite3_stmt *st = p->st[PUT_FORGET];
	int64_t none;

	sqlite3_bind_int64(st, 1, row);
	bind_number(st, 2, (int64_t)s->inode, 0);
	bind_number(st, 3, s->msg.size, -1);
	if (run(&none, p, PUT_FORGET, e) < 0)
		return -1;
	if (sqlite3_changes(p->ix->db) == 0)
		return 0;
	sqlite3_bind_int64(p->st[PUT_FORGET_PARTS], 1, row);
	sqlite3_bind_int64(p->st[PUT_FORGET_URLS], 1, row);
	return run(&none, p, PUT_FORGET_PARTS, e) < 0 || run(&none, p, PUT_FORGET_URLS, e) < 0 ? -1 : 0;
}

void
put_bind_body(sqlite3_stmt *st, int at, const struct put_body *b)
{
	static const struct put_body none = { 0, -1, NULL, 0, 0 };

	if (b == NULL)
		b = &none;
	sqlite3_bind_int(st, at, b->state);
	bind_number(st, at + 1, b->limit, -1);
	bind_text(st, at + 2, b->notes);
	sqlite3_bind_int(st, at + 3, b->flags);
	bind_number(st, at + 4, b->print, 0);
}

int64_t
put_message(struct put *p, const struct staged *s, int64_t row, const struct put_body *body, struct err *e)
{
	sqlite3_stmt *st = p->st[row == 0 ? PUT_INSERT : PUT_UPDATE];
	int64_t account = put_account(p, &s->msg, e), spelling = put_spelling(p, &s->msg, account, e), none;

	if (account < 0 || spelling < 0 || (row != 0 && p->had_contents && forget_contents(p, s, row, e) < 0) ||
	    bind_dictionary(p, st, &s->msg, account, e) < 0)
		return -1;
	bind_plain(p, st, s, account);
	bind_number(st, 35, spelling, 0);
	sqlite3_bind_int64(st, NCOLUMNS + 1, row == 0 ? p->scan : row);
	if (row == 0)
		put_bind_body(st, NCOLUMNS + 2, body);
	if (run(&none, p, row == 0 ? PUT_INSERT : PUT_UPDATE, e) < 0)
		return -1;
	if (row != 0) {
		sqlite3_bind_int64(p->st[PUT_RCPT_DROP], 1, row);
		if (run(&none, p, PUT_RCPT_DROP, e) < 0)
			return -1;
	} else
		row = sqlite3_last_insert_rowid(p->ix->db);
	return put_recipients(p, s, row, e) < 0 ? -1 : row;
}
