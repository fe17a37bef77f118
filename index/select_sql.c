/*
 * A selection as SQL. The condition calls functions that are registered under
 * names of this selection alone (its address), so that two selections on one
 * connection do not mix. Texts of the dictionary are matched once each and only
 * when a row asks for them: a hostile subject that reaches a limit of PCRE2 must not
 * fail a query for senders, nor one about messages that are gone.
 */
#include <stdlib.h>
#include <string.h>

#include "index/select_in.h"
#include "spool/addr.h"
#include "spool/sys.h"

#define MEMO_YES (INT64_C(1) << 62)
#define IDS_IN_SQL 200			/* up to here ids are literals, so that the index on qid is used */
#define WHERE_US INT64_C(10000000)	/* contract: stopped after 10 s */
#define WHERE_STEPS 5000		/* virtual machine steps between two looks at the clock */
#define WHERE_TEXT_MAX (1024 * 1024)	/* above any subject; one call of instr() or trim() on longer texts would outlast the clock */

/* ---- the functions ---- */

static int64_t *
memo_slot(const struct memo *m, int64_t id)
{
	size_t i = (size_t)((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (m->cap - 1);

	while (m->id[i] != 0 && (m->id[i] & ~MEMO_YES) != id)
		i = (i + 1) & (m->cap - 1);
	return &m->id[i];
}

static void
memo_put(struct memo *m, int64_t id, int yes)
{
	struct memo old = *m;
	size_t i;

	if (id <= 0 || id >= MEMO_YES)
		return;
	if ((m->n + 1) * 2 > m->cap) {
		m->cap = m->cap != 0 ? m->cap * 2 : 1024;
		m->id = mem_new(m->cap * sizeof *m->id);
		for (i = 0; i < old.cap; i++)
			if (old.id[i] != 0)
				*memo_slot(m, old.id[i] & ~MEMO_YES) = old.id[i];
		free(old.id);
	}
	*memo_slot(m, id) = id | (yes ? MEMO_YES : 0);
	m->n++;
}

/* known(KEY, id): the answer that was found before, or NULL. */
static void
known(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	struct selection *s = sqlite3_user_data(ctx);
	const struct memo *m = &s->memo[sqlite3_value_int(v[0])];
	int64_t id = sqlite3_value_int64(v[1]), got;

	(void)n;
	if (sqlite3_value_type(v[1]) == SQLITE_NULL) {
		sqlite3_result_int(ctx, 0);
		return;
	}
	got = m->cap != 0 ? *memo_slot(m, id) : 0;
	if (got != 0)
		sqlite3_result_int(ctx, (got & MEMO_YES) != 0);
}

/* "KIND:ROOT" as the index has it. */
static int
is_spool(const struct item *it, const char *text)
{
	const char *root = strchr(text, ':');
	size_t n;

	if (root == NULL)
		return 0;
	n = (size_t)(root - text);
	root++;
	if (it->kind != NULL && (strlen(it->kind) != n || memcmp(it->kind, text, n) != 0))
		return 0;
	return strcmp(root, it->root) == 0;
}

static int
matches(struct selection *s, const struct item *it, const char *text, struct err *e)
{
	int form = selector_form(it->key), rc;

	if (it->key == SEL_CLIENT)
		return addr_ip_in(text, it->value) == 1;
	if (it->root != NULL)
		return is_spool(it, text);
	rc = pattern_match(&it->pattern, s->matcher, text, (enum text_form)form, e);
	if (rc == 0 && it->key == SEL_SPOOL && strchr(text, ':') != NULL)
		rc = pattern_match(&it->pattern, s->matcher, strchr(text, ':') + 1, FORM_TEXT, e);
	return rc < 0 ? err_wrap(e, "--%s %s", select_info[it->key].name, it->value) : rc;
}

/* test(KEY, id or NULL, text) */
static void
test(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	struct selection *s = sqlite3_user_data(ctx);
	int key = sqlite3_value_int(v[0]), rc = 0;
	const char *text = (const char *)sqlite3_value_text(v[2]);
	struct err e;
	size_t i;

	(void)n;
	for (i = 0; i < s->n && rc == 0 && text != NULL; i++)
		if ((int)s->v[i].key == key)
			rc = matches(s, &s->v[i], text, &e);
	if (rc < 0) {
		sqlite3_result_error(ctx, e.text, -1);
		return;
	}
	if (sqlite3_value_type(v[1]) != SQLITE_NULL)
		memo_put(&s->memo[key], sqlite3_value_int64(v[1]), rc);
	sqlite3_result_int(ctx, rc);
}

static int
compare_id(const void *key, const void *member)
{
	return strcmp(key, *(char *const *)member);
}

static void
in_ids(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const struct selection *s = sqlite3_user_data(ctx);
	const char *id = (const char *)sqlite3_value_text(v[0]);

	(void)n;
	sqlite3_result_int(ctx, id != NULL && s->nids != 0 &&
	    bsearch(id, s->ids, s->nids, sizeof *s->ids, compare_id) != NULL);
}

static int
compare_row(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void
in_rows(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const struct selection *s = sqlite3_user_data(ctx);
	int64_t row = sqlite3_value_int64(v[0]);

	(void)n;
	sqlite3_result_int(ctx, s->where.n != 0 &&
	    bsearch(&row, s->where.v, s->where.n, sizeof row, compare_row) != NULL);
}

/* The connection lets go of the functions: when it is closed. One reference a function. */
static void
release(void *arg)
{
	struct selection *s = arg;

	s->db = NULL;
	selection_unref(s);
}

static void
function_name(char *out, size_t n, const char *what, const struct selection *s)
{
	sqlite3_snprintf((int)n, out, "sweep_%s_%llx", what, (unsigned long long)(uintptr_t)s);
}

int
selection_register(struct selection *s, struct index *ix, struct err *e)
{
	static const struct {
		const char *name;
		int args;
		void (*fn)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = { { "known", 2, known }, { "test", 3, test }, { "ids", 1, in_ids }, { "rows", 1, in_rows } };
	char name[64];
	size_t i;

	for (i = 0; i < SEL_COUNT; i++) {	/* numbers of texts belong to the database as it is now */
		free(s->memo[i].id);
		memset(&s->memo[i], 0, sizeof s->memo[i]);
	}
	if (s->db == ix->db)
		return 0;
	for (i = 0; i < sizeof functions / sizeof functions[0]; i++) {
		function_name(name, sizeof name, functions[i].name, s);
		s->refs++;	/* given back by release(), which SQLite also calls when it fails */
		if (sqlite3_create_function_v2(ix->db, name, functions[i].args, SQLITE_UTF8 | SQLITE_DIRECTONLY, s,
		    functions[i].fn, NULL, NULL, release) != SQLITE_OK)
			return index_err(ix, e, "selection");
	}
	s->db = ix->db;
	return 0;
}

/* ---- --where ---- */

/* Skips a quoted text or name; NULL when it is not closed. */
static const char *
skip_quoted(const char *p)
{
	char close = *p == '[' ? ']' : *p;

	for (p++; *p != '\0'; p++) {
		if (*p != close)
			continue;
		if (close == ']' || p[1] != close)
			return p;
		p++;
	}
	return NULL;
}

/* One expression: "1) OR (1" must not leave the parentheses that we put round it, nor a comment swallow them. */
static int
is_closed(const char *expr, struct err *e)
{
	const char *p;
	int depth = 0;

	for (p = expr; *p != '\0'; p++) {
		if (strchr("'\"`[", *p) != NULL) {
			p = skip_quoted(p);
			if (p == NULL)
				return err_set(e, 0, "%s: a quote is not closed", expr);
		} else if ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*')) {
			return err_set(e, 0, "%s: comments are not taken", expr);
		} else if (*p == ';') {
			return err_set(e, 0, "%s: one expression is taken, not a statement", expr);
		} else if (*p == '(') {
			depth++;
		} else if (*p == ')' && --depth < 0) {
			break;
		}
	}
	return depth == 0 ? 0 : err_set(e, 0, "%s: parentheses do not match", expr);
}

static int
has_prefix(const char *s, const char *prefix)
{
	return s != NULL && sqlite3_strnicmp(s, prefix, (int)strlen(prefix)) == 0;
}

/* Reads of the public schema and calls of functions without side effects; all else is refused. */
static int
authorize(void *arg, int action, const char *a, const char *b, const char *database, const char *view)
{
	static const char *const functions[] = {	/* of the shell, of extensions, and ours */
		"load_extension", "readfile", "writefile", "edit", "fts", "sqlite_", "sweep_", "zeroblob", "randomblob"
	};
	size_t i;

	(void)arg;
	(void)database;
	if (action == SQLITE_SELECT)
		return SQLITE_OK;
	if (action == SQLITE_READ)	/* meta holds a secret; the rest has no place in a selection */
		return has_prefix(a, "pragma_") || has_prefix(a, "sqlite_") || has_prefix(a, "dbstat") ||
		    has_prefix(a, "fts") || (sqlite3_stricmp(a, "meta") == 0 && view == NULL) ? SQLITE_DENY : SQLITE_OK;
	if (action != SQLITE_FUNCTION)
		return SQLITE_DENY;
	for (i = 0; i < sizeof functions / sizeof functions[0]; i++)
		if (has_prefix(b, functions[i]))
			return SQLITE_DENY;
	return SQLITE_OK;
}

static sqlite3_stmt *
where_prepare(sqlite3 *db, const char *expr, struct err *e)
{
	char *sql = sqlite3_mprintf("SELECT row FROM v_message WHERE (%s\n)", expr);
	sqlite3_stmt *st = NULL;
	const char *tail = "";
	int rc;

	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_set_authorizer(db, authorize, NULL);
	rc = sqlite3_prepare_v2(db, sql, -1, &st, &tail);
	if (rc == SQLITE_AUTH)
		err_set(e, 0, "%s: only columns of the views and plain functions may be used (%s)", expr, sqlite3_errmsg(db));
	else if (rc != SQLITE_OK)
		err_set(e, 0, "%s: %s", expr, sqlite3_errmsg(db));
	if (rc == SQLITE_OK && (*tail != '\0' || st == NULL || !sqlite3_stmt_readonly(st) ||
	    sqlite3_bind_parameter_count(st) != 0)) {
		err_set(e, 0, "%s: not one expression", expr);
		sqlite3_finalize(st);
		st = NULL;
	}
	sqlite3_set_authorizer(db, NULL, NULL);
	sqlite3_free(sql);
	return st;
}

int
where_check(const char *expr, struct err *e)
{
	struct index mem = { 0 };
	sqlite3_stmt *st;
	int rc = -1;

	if (is_closed(expr, e) < 0)
		return -1;
	/* The schema alone, in memory: a wrong expression is told before any index is opened. */
	mem.path = "in memory";
	if (sqlite3_open_v2(":memory:", &mem.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK || schema_upgrade(&mem, 0, e) < 0)
		goto out;
	st = where_prepare(mem.db, expr, e);
	rc = st != NULL ? 0 : -1;
	sqlite3_finalize(st);
out:
	sqlite3_close(mem.db);
	return rc;
}

static int
too_late(void *arg)
{
	return sys_clock_us() > *(const int64_t *)arg;
}

static void
rows_add(struct rows *r, int64_t row)
{
	if (r->n == r->cap) {
		r->cap = r->cap != 0 ? r->cap * 2 : 1024;
		r->v = mem_grow(r->v, r->cap * sizeof *r->v);
	}
	r->v[r->n++] = row;
}

/* Runs one expression by itself, to the end, before the query that uses its rows: so the guards are on for the user's SQL alone. */
static int
where_run(struct selection *s, struct index *ix, const char *expr, int64_t *until, struct err *e)
{
	sqlite3_stmt *st = where_prepare(ix->db, expr, e);
	int length, rc;

	if (st == NULL)
		return err_wrap(e, "--where");
	length = sqlite3_limit(ix->db, SQLITE_LIMIT_LENGTH, WHERE_TEXT_MAX);
	sqlite3_progress_handler(ix->db, WHERE_STEPS, too_late, until);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		rows_add(&s->where, sqlite3_column_int64(st, 0));
	if ((rc & 0xff) == SQLITE_INTERRUPT)
		err_set(e, 0, "--where %s: stopped after %d s", expr, (int)(WHERE_US / 1000000));
	else if (rc != SQLITE_DONE)
		err_set(e, 0, "--where %s: %s", expr, sqlite3_errmsg(ix->db));
	sqlite3_finalize(st);
	sqlite3_progress_handler(ix->db, 0, NULL, NULL);
	sqlite3_limit(ix->db, SQLITE_LIMIT_LENGTH, length);
	return rc == SQLITE_DONE ? 0 : -1;
}

static int
where_all(struct selection *s, struct index *ix, struct err *e)
{
	int64_t until = sys_clock_us() + WHERE_US;
	size_t i;

	s->where.n = 0;
	for (i = 0; i < s->n; i++)
		if (s->v[i].key == SEL_WHERE && where_run(s, ix, s->v[i].value, &until, e) < 0)
			return -1;
	if (s->where.n != 0)
		qsort(s->where.v, s->where.n, sizeof *s->where.v, compare_row);
	return 0;
}

/* ---- the condition ---- */

void
selection_test(struct buf *sql, const struct selection *s, enum select_key key, const char *sql_text)
{
	char name[64];

	function_name(name, sizeof name, "test", s);
	buf_fmt(sql, " AND %s(%d, NULL, %s)", name, (int)key, sql_text);
}

/* A number of a text (or account) in a row: looked up in the memo, else the text is read and tested. */
static void
add_numbered(struct buf *sql, const struct selection *s, enum select_key key, const char *column, const char *text,
    const char *table)
{
	char name_known[64], name_test[64];

	function_name(name_known, sizeof name_known, "known", s);
	function_name(name_test, sizeof name_test, "test", s);
	buf_fmt(sql, " AND coalesce(%s(%d, %s), %s(%d, %s, (SELECT t.%s FROM %s t WHERE t.id = %s)))", name_known, (int)key,
	    column, name_test, (int)key, column, text, table, column);
}

static int
has_regex(const struct selection *s, enum select_key key)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].key == key && s->v[i].pattern.type == PATTERN_REGEX)
			return 1;
	return 0;
}

/* Accounts are few and messages have an index on them: found first, unless a limit could be reached on one that has no messages. */
static void
add_account(struct buf *sql, const struct selection *s, enum select_key key, const char *column)
{
	char name[64];

	if (!selection_has(s, key))
		return;
	if (has_regex(s, key)) {
		add_numbered(sql, s, key, "m.account", column, "account");
		return;
	}
	function_name(name, sizeof name, "test", s);
	buf_fmt(sql, " AND m.account IN (SELECT a.id FROM account a WHERE %s(%d, NULL, a.%s))", name, (int)key, column);
}

static void
add_literal(struct buf *sql, const char *text)
{
	buf_byte(sql, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			buf_byte(sql, '\'');
		buf_byte(sql, *text);
	}
	buf_byte(sql, '\'');
}

static void
add_ids(struct buf *sql, struct selection *s)
{
	char name[64];
	size_t i;

	if (!selection_has(s, SEL_ID))
		return;
	selection_sort_ids(s);
	if (s->nids > IDS_IN_SQL) {
		function_name(name, sizeof name, "ids", s);
		buf_fmt(sql, " AND %s(m.qid)", name);
		return;
	}
	buf_puts(sql, " AND m.qid IN (");
	for (i = 0; i < s->nids; i++) {
		if (i > 0)
			buf_byte(sql, ',');
		add_literal(sql, s->ids[i]);
	}
	buf_byte(sql, ')');
}

static void
add_spool(struct buf *sql, const struct selection *s)
{
	char name[64];

	if (!selection_has(s, SEL_SPOOL))
		return;
	function_name(name, sizeof name, "test", s);
	buf_fmt(sql, " AND m.spool IN (SELECT p.id FROM spool p WHERE %s(%d, NULL, p.kind || ':' || p.root))", name,
	    (int)SEL_SPOOL);
}

/* A word is either an MTA's or an account's: an unknown one was refused by selection_add. */
static void
add_kind(struct buf *sql, const struct selection *s)
{
	struct buf list;
	size_t i;

	if (!selection_has(s, SEL_KIND))
		return;
	buf_init(&list, (size_t)1 << 20);
	for (i = 0; i < s->n; i++) {
		if (s->v[i].key != SEL_KIND)
			continue;
		if (list.n > 0)
			buf_byte(&list, ',');
		add_literal(&list, s->v[i].value);
	}
	buf_puts(sql, " AND (m.spool IN (SELECT p.id FROM spool p WHERE p.kind IN (");
	buf_add(sql, list.p, list.n);
	buf_puts(sql, ")) OR m.account IN (SELECT a.id FROM account a WHERE a.kind IN (");
	buf_add(sql, list.p, list.n);
	buf_puts(sql, ")))");
	buf_free(&list);
}

/* Comparisons with NULL are not true: a message without a time (or size) is neither older nor younger. */
static void
add_numbers(struct buf *sql, const struct selection *s)
{
	static const struct { enum select_key key; const char *column, *op; } cmp[] = {
		{ SEL_OLDER, "arrived", "<" }, { SEL_YOUNGER, "arrived", ">" }, { SEL_SINCE, "arrived", ">=" },
		{ SEL_UNTIL, "arrived", "<=" }, { SEL_LARGER, "size", ">" }, { SEL_SMALLER, "size", "<" }
	};
	int64_t n;
	size_t i, k;
	int any;

	for (i = 0; i < sizeof cmp / sizeof cmp[0]; i++) {
		any = 0;
		for (k = 0; k < s->n; k++) {
			if (s->v[k].key != cmp[i].key)
				continue;
			n = s->v[k].number;
			if (cmp[i].key == SEL_OLDER || cmp[i].key == SEL_YOUNGER)
				n = s->now - n * INT64_C(1000000);
			buf_fmt(sql, "%s m.%s %s %lld", any ? " OR" : " AND (", cmp[i].column, cmp[i].op, (long long)n);
			any = 1;
		}
		if (any)
			buf_byte(sql, ')');
	}
}

static void
add_texts(struct buf *sql, const struct selection *s)
{
	static const struct { enum select_key key; const char *column; } dict[] = {
		{ SEL_QUEUE, "m.queue" }, { SEL_NULL_SENDER, "m.sender" }, { SEL_SENDER_DOMAIN, "m.sender_domain" },
		{ SEL_CLIENT, "m.client" }, { SEL_SENDER, "m.sender" }, { SEL_SCRIPT, "m.script" }, { SEL_SUBJECT, "m.subject" }
	};
	size_t i;

	for (i = 0; i < sizeof dict / sizeof dict[0]; i++)
		if (selection_has(s, dict[i].key))
			add_numbered(sql, s, dict[i].key, dict[i].column, "text", "text");
}

/* A recipient that a milter or -t removed (state 2) gets no mail. */
static void
add_recipients(struct buf *sql, const struct selection *s)
{
	static const char open[] = " AND EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.id AND r.state <> 2";

	if (selection_has(s, SEL_RECIPIENT)) {
		buf_puts(sql, open);
		selection_test(sql, s, SEL_RECIPIENT, "r.address");
		buf_byte(sql, ')');
	}
	if (selection_has(s, SEL_RECIPIENT_DOMAIN)) {
		buf_puts(sql, open);
		add_numbered(sql, s, SEL_RECIPIENT_DOMAIN, "r.domain", "text", "text");
		buf_byte(sql, ')');
	}
}

/* What was read of bodies. A host is whole: its registrable domain is another selector's matter ("*.example.com"). */
static void
add_contents(struct buf *sql, const struct selection *s)
{
	static const char *const columns[] = { "p.name", "p.type", "p.detected" };
	size_t i;

	if (selection_has(s, SEL_URL)) {
		buf_puts(sql, " AND EXISTS (SELECT 1 FROM url u WHERE u.message = m.id");
		add_numbered(sql, s, SEL_URL, "u.host", "text", "text");
		buf_byte(sql, ')');
	}
	if (selection_has(s, SEL_CAMPAIGN)) {
		buf_puts(sql, " AND m.print IN (SELECT p.id FROM print p WHERE p.campaign IS NOT NULL");
		selection_test(sql, s, SEL_CAMPAIGN, "printf('%012x', p.campaign)");
		buf_byte(sql, ')');
	}
	if (!selection_has(s, SEL_ATTACHMENT))
		return;
	buf_puts(sql, " AND EXISTS (SELECT 1 FROM part p WHERE p.message = m.id AND p.is_attachment AND (0");
	for (i = 0; i < sizeof columns / sizeof columns[0]; i++) {
		buf_puts(sql, " OR (1");
		add_numbered(sql, s, SEL_ATTACHMENT, columns[i], "text", "text");
		buf_byte(sql, ')');
	}
	buf_puts(sql, "))");
}

int
selection_sql(struct buf *sql, struct selection *s, struct index *ix, struct err *e)
{
	char name[64];

	if (selection_register(s, ix, e) < 0 || where_all(s, ix, e) < 0)
		return -1;
	add_ids(sql, s);
	add_account(sql, s, SEL_ACCOUNT, "name");
	add_account(sql, s, SEL_DOMAIN, "domain");
	add_spool(sql, s);
	add_kind(sql, s);
	if (selection_has(s, SEL_FROZEN))
		buf_puts(sql, " AND m.state = 'frozen'");
	if (selection_has(s, SEL_DAMAGED))
		buf_puts(sql, " AND m.damage IS NOT NULL");
	add_numbers(sql, s);
	if (selection_has(s, SEL_WHERE)) {
		function_name(name, sizeof name, "rows", s);
		buf_fmt(sql, " AND %s(m.id)", name);
	}
	add_texts(sql, s);
	add_recipients(sql, s);
	add_contents(sql, s);
	return sql->cut ? err_set(e, 0, "the selection is too long") : 0;
}

static int64_t
number(struct index *ix, const char *sql)
{
	sqlite3_stmt *st = index_prepare(ix, sql, NULL);
	int64_t n = st != NULL && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;

	sqlite3_finalize(st);
	return n;
}

static int
is_by_account(const struct selection *s)
{
	return (selection_has(s, SEL_ACCOUNT) && !has_regex(s, SEL_ACCOUNT)) || (selection_has(s, SEL_DOMAIN) && !has_regex(s, SEL_DOMAIN));
}

const char *
selection_source(const struct selection *s, struct index *ix, int with_gone)
{
	if (is_by_account(s) || (selection_has(s, SEL_ID) && s->nids <= IDS_IN_SQL))
		return "message m";
	if (with_gone || number(ix, "SELECT max(id) FROM message") / 3 <=
	    number(ix, "SELECT total(messages) FROM scan WHERE id IN (SELECT max(id) FROM scan GROUP BY spool)"))
		return "message m NOT INDEXED";
	return "message m";
}

/* Have the accounts that are meant a quarter of all mail, as the last scans counted it? */
static int
has_many(struct selection *s, struct index *ix)
{
	struct buf sql;
	struct err e;
	int is_many = 0;

	buf_init(&sql, (size_t)64 * 1024);
	buf_puts(&sql, "SELECT 4 * total(t.messages * (t.key IN (SELECT m.key FROM (SELECT id AS account, key FROM account) m WHERE 1");
	add_account(&sql, s, SEL_ACCOUNT, "name");
	add_account(&sql, s, SEL_DOMAIN, "domain");
	buf_puts(&sql, "))) > total(t.messages) FROM total t WHERE t.what = 'account'"
	    " AND t.scan IN (SELECT totals FROM scan WHERE id IN (SELECT max(id) FROM scan GROUP BY spool))");
	if (selection_register(s, ix, &e) == 0)
		is_many = number(ix, buf_cstr(&sql)) != 0;
	buf_free(&sql);
	return is_many;
}

const char *
selection_source_of_rows(struct selection *s, struct index *ix, int with_gone)
{
	const int by_id = selection_has(s, SEL_ID) && s->nids <= IDS_IN_SQL;

	return !with_gone && !by_id && is_by_account(s) && has_many(s, ix) ? "message m NOT INDEXED" : selection_source(s, ix, with_gone);
}

int
selection_begin(int *began, struct index *ix, struct err *e)
{
	*began = 0;
	if (!sqlite3_get_autocommit(ix->db))
		return 0;
	if (sqlite3_exec(ix->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return index_err(ix, e, "read");
	*began = 1;
	return 0;
}

void
selection_end(int began, struct index *ix)
{
	if (began)
		sqlite3_exec(ix->db, "COMMIT", NULL, NULL, NULL);
}
