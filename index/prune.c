#include "index/prune.h"

#include <string.h>

#include "index/proof.h"
#include "spool/arena.h"
#include "spool/buf.h"

#define SQL_MAX ((size_t)1 << 16)

/* ---- running SQL with one number ---- */

/* Runs a statement with ?1; *changed (NULL: not asked) gets the rows it touched, or the number it returns. */
static int
run(int64_t *changed, struct index *ix, const char *sql, int64_t number, struct err *e)
{
	sqlite3_stmt *st = index_prepare(ix, sql, e);
	int rc;

	if (st == NULL)
		return -1;
	if (sqlite3_bind_parameter_count(st) > 0)
		sqlite3_bind_int64(st, 1, number);
	rc = sqlite3_step(st);
	if (changed != NULL)
		*changed = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : sqlite3_changes(ix->db);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : index_err(ix, e, "prune");
}

static int
file_size(int64_t *out, struct index *ix, struct err *e)
{
	return run(out, ix, "SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)", 0, e);
}

/* ---- the journal ---- */

/* Old plans that may go into the temporary table old_plan. Those with messages in a private folder stay: taken and not yet deleted or put back,
 * or skipped with files of theirs taken. So do a plan whose service waits to be started and the first plan of a watch that still has others. */
static const char old_plans[] =
    "CREATE TEMP TABLE IF NOT EXISTS old_plan(id INTEGER PRIMARY KEY); DELETE FROM temp.old_plan";
static const char find_old_plans[] =
    "INSERT INTO temp.old_plan SELECT id FROM plan p WHERE"
    " CASE WHEN state = 0 THEN created WHEN state IN (6, 8) THEN finished END < ?1"
    " AND NOT EXISTS(SELECT 1 FROM fate f WHERE f.plan = p.id AND (f.state IN (1, 2, 3)"
    "  OR (f.state IN (6, 8) AND EXISTS(SELECT 1 FROM part x WHERE x.plan = f.plan AND x.item = f.n))))"
    " AND NOT EXISTS(SELECT 1 FROM service s WHERE s.plan = p.id AND s.started IS NULL)";
_Static_assert(PLAN_PLANNED == 0 && PLAN_DONE == 6 && PLAN_UNDONE == 8, "numbers in find_old_plans");
_Static_assert(ITEM_TAKEN == 1 && ITEM_VERIFIED == 3 && ITEM_BUSY == 6 && ITEM_FAILED == 8, "numbers in find_old_plans");
static const char keep_parents[] =
    "DELETE FROM temp.old_plan WHERE id IN (SELECT parent FROM plan WHERE parent IS NOT NULL AND id NOT IN (SELECT id FROM temp.old_plan))";

static int
prune_journal(struct prune_counts *out, struct index *ix, int64_t cutoff, struct err *e)
{
	static const char *const rows[] = {
		"DELETE FROM part WHERE plan IN (SELECT id FROM temp.old_plan)", "DELETE FROM fate WHERE plan IN (SELECT id FROM temp.old_plan)",
		"DELETE FROM place WHERE plan IN (SELECT id FROM temp.old_plan)", "DELETE FROM service WHERE plan IN (SELECT id FROM temp.old_plan)",
		"DELETE FROM archive WHERE plan IN (SELECT id FROM temp.old_plan)", "DELETE FROM proof WHERE plan IN (SELECT id FROM temp.old_plan)",
		"UPDATE plan SET parent = NULL WHERE id IN (SELECT id FROM temp.old_plan)"
	};
	size_t i;

	if (index_exec(ix, old_plans, e) < 0 || run(NULL, ix, find_old_plans, cutoff, e) < 0 || run(NULL, ix, keep_parents, 0, e) < 0 ||
	    run(&out->kept_plans, ix, "SELECT count(*) FROM plan WHERE coalesce(finished, created) < ?1 AND id NOT IN (SELECT id FROM temp.old_plan)",
	    cutoff, e) < 0)
		return -1;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (run(NULL, ix, rows[i], 0, e) < 0)
			return -1;
	if (run(&out->items, ix, "DELETE FROM item WHERE plan IN (SELECT id FROM temp.old_plan)", 0, e) < 0 ||
	    run(&out->plans, ix, "DELETE FROM plan WHERE id IN (SELECT id FROM temp.old_plan)", 0, e) < 0 ||
	    run(NULL, ix, "DELETE FROM restored WHERE restore IN (SELECT id FROM restore WHERE finished < ?1)", cutoff, e) < 0)
		return -1;
	return run(&out->restores, ix, "DELETE FROM restore WHERE finished < ?1", cutoff, e);
}

/* ---- messages that have gone ---- */

/* Those of plans that are not over: their files are still ours to give back. */
static int
plans_at_work(struct message_set *s, struct journal *j, struct err *e)
{
	const unsigned mask = (PROOF_TAKEN & ~(1u << ITEM_DELETED)) | 1u << ITEM_BUSY | 1u << ITEM_FAILED;
	struct arena a = { 0 };
	struct plan p;
	int64_t id = 0;
	int rc = 0;

	while (j != NULL && (rc = journal_plan_after(&p, j, id, PLAN_TAKING, PLAN_UNDONE, &a, e)) == 1) {
		id = p.id;
		if (message_set_items(s, j, p.id, mask, e) < 0) {
			rc = -1;
			break;
		}
		arena_reset(&a);
	}
	arena_free(&a);
	return rc < 0 ? -1 : 0;
}

static int
drop_messages(struct prune_counts *out, struct index *ix, struct journal *j, int64_t cutoff, struct err *e)
{
	sqlite3_stmt *ask = index_prepare(ix, "SELECT m.id, p.root, m.qid, m.inode FROM message m JOIN scan c ON c.id = m.gone_scan"
	    " JOIN spool p ON p.id = m.spool WHERE c.finished < ?", e);
	sqlite3_stmt *drop = index_prepare(ix, "DELETE FROM message WHERE id = ?", e);
	struct message_set *kept = message_set_new(ix);
	int rc = ask != NULL && drop != NULL ? plans_at_work(kept, j, e) : -1, step = SQLITE_DONE;

	if (rc == 0)
		sqlite3_bind_int64(ask, 1, cutoff);
	while (rc == 0 && (step = sqlite3_step(ask)) == SQLITE_ROW) {
		if (message_set_has(kept, (const char *)sqlite3_column_text(ask, 1), (const char *)sqlite3_column_text(ask, 2),
		    (uint64_t)sqlite3_column_int64(ask, 3)))
			continue;
		sqlite3_bind_int64(drop, 1, sqlite3_column_int64(ask, 0));
		if (sqlite3_step(drop) != SQLITE_DONE)
			rc = index_err(ix, e, "prune");
		sqlite3_reset(drop);
		out->messages++;
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = index_err(ix, e, "prune");
	sqlite3_finalize(ask);
	sqlite3_finalize(drop);
	message_set_free(kept);
	return rc;
}

/* ---- scans ---- */

/* The newest of a spool, those within the time, those that a message names, and whose totals these stand on. */
static const char keep_scans[] =
    "CREATE TEMP TABLE IF NOT EXISTS kept_scan(id INTEGER PRIMARY KEY); DELETE FROM temp.kept_scan;"
    "INSERT OR IGNORE INTO temp.kept_scan SELECT max(id) FROM scan GROUP BY spool;"
    "INSERT OR IGNORE INTO temp.kept_scan SELECT DISTINCT new_scan FROM message;"
    "INSERT OR IGNORE INTO temp.kept_scan SELECT DISTINCT gone_scan FROM message WHERE gone_scan IS NOT NULL";

static int
drop_scans(struct prune_counts *out, struct index *ix, int64_t cutoff, struct err *e)
{
	if (index_exec(ix, keep_scans, e) < 0 || run(NULL, ix, "INSERT OR IGNORE INTO temp.kept_scan SELECT id FROM scan WHERE finished >= ?1", cutoff, e) < 0 ||
	    run(NULL, ix, "INSERT OR IGNORE INTO temp.kept_scan SELECT totals FROM scan WHERE totals IS NOT NULL AND id IN (SELECT id FROM temp.kept_scan)",
	    0, e) < 0 || run(NULL, ix, "DELETE FROM total WHERE scan NOT IN (SELECT id FROM temp.kept_scan)", 0, e) < 0)
		return -1;
	return run(&out->scans, ix, "DELETE FROM scan WHERE id NOT IN (SELECT id FROM temp.kept_scan)", 0, e);
}

/* ---- texts ---- */

/* Numbers in these columns are no texts. Any other one may be: a column that a later version adds is looked at without a word here. */
static int
is_no_text(const char *table, const char *column)
{
	static const char *const tables[] = { "text", "scan", "total", "spool", "account", "staged", "unfinished", "alert", "judged", "meta", "idn" };
	static const char *const columns[] = {	/* of a message, its recipients, parts and links */
		"message.id", "message.fp", "message.gone_scan", "message.new_scan", "message.spool", "message.account", "message.arrived",
		"message.arrived_fraction", "message.recipients", "message.pending", "message.size", "message.is_report", "message.inode", "message.uid",
		"recipient.message", "recipient.seq", "part.message", "part.size", "url.message"
	};
	const size_t n = strlen(table);
	size_t i;

	for (i = 0; i < sizeof tables / sizeof tables[0]; i++)
		if (strcmp(table, tables[i]) == 0)
			return 1;
	for (i = 0; i < sizeof columns / sizeof columns[0]; i++)
		if (strncmp(columns[i], table, n) == 0 && columns[i][n] == '.' && strcmp(columns[i] + n + 1, column) == 0)
			return 1;
	return strncmp(table, "sqlite_", 7) == 0;
}

static int
note_used(struct index *ix, const char *table, const char *column, struct err *e)
{
	char *sql = sqlite3_mprintf("INSERT OR IGNORE INTO temp.used_text SELECT DISTINCT \"%w\" FROM main.\"%w\" WHERE \"%w\" IS NOT NULL", column, table,
	    column);
	int rc = run(NULL, ix, sql, 0, e);

	sqlite3_free(sql);
	return rc;
}

static int
drop_texts(struct prune_counts *out, struct index *ix, struct err *e)
{
	sqlite3_stmt *st;
	const char *table, *column;
	int rc = SQLITE_DONE, bad = 0;

	if (index_exec(ix, "DELETE FROM host WHERE host NOT IN (SELECT host FROM url);"
	    "CREATE TEMP TABLE IF NOT EXISTS used_text(id INTEGER PRIMARY KEY); DELETE FROM temp.used_text", e) < 0)
		return -1;
	st = index_prepare(ix, "SELECT t.name, c.name FROM main.sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'"
	    " AND c.type = 'INTEGER' ORDER BY 1, 2", e);
	if (st == NULL)
		return -1;
	while (!bad && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		table = (const char *)sqlite3_column_text(st, 0);
		column = (const char *)sqlite3_column_text(st, 1);
		bad = !is_no_text(table, column) && note_used(ix, table, column, e) < 0;
	}
	sqlite3_finalize(st);
	if (bad || rc != SQLITE_DONE)
		return bad ? -1 : index_err(ix, e, "prune");
	return run(&out->texts, ix, "DELETE FROM text WHERE id NOT IN (SELECT id FROM temp.used_text)", 0, e);
}

/* ---- both ---- */

static int
end(struct index *ix, int execute, int rc, struct err *e)
{
	if (rc == 0 && execute && index_exec(ix, "COMMIT", e) == 0)
		return 0;
	sqlite3_exec(ix->db, "ROLLBACK", NULL, NULL, NULL);
	return rc == 0 && !execute ? 0 : -1;
}

/* The freed pages back to the disk. Needs room for a copy: when there is none, or somebody reads, the pages are used again later. */
static int
give_back(int64_t *after, struct index *ix, struct err *e)
{
	if (sqlite3_exec(ix->db, "VACUUM", NULL, NULL, NULL) == SQLITE_OK)
		sqlite3_exec(ix->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	return file_size(after, ix, e);
}

/* The index goes first: what it keeps for a plan at work is known from the journal as it was. */
int
prune(struct prune_counts *out, struct index *ix, struct journal *j, int64_t cutoff, int execute, struct err *e)
{
	struct index *jx = j != NULL ? journal_index(j) : NULL;
	int rc;

	memset(out, 0, sizeof *out);
	out->index_after = out->journal_after = -1;
	if (file_size(&out->index_before, ix, e) < 0 || (jx != NULL && file_size(&out->journal_before, jx, e) < 0) ||
	    index_exec(ix, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	rc = drop_messages(out, ix, j, cutoff, e);
	if (rc == 0)
		rc = drop_scans(out, ix, cutoff, e);
	if (rc == 0)
		rc = drop_texts(out, ix, e);
	if (end(ix, execute, rc, e) < 0)
		return -1;
	if (jx != NULL) {
		if (index_exec(jx, "BEGIN IMMEDIATE", e) < 0 || end(jx, execute, prune_journal(out, jx, cutoff, e), e) < 0)
			return -1;
	}
	if (!execute)
		return 0;
	if (jx != NULL && give_back(&out->journal_after, jx, e) < 0)
		return -1;
	return give_back(&out->index_after, ix, e);
}
