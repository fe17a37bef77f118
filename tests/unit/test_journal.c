/* index/journal.c: plans, places, items and parts come back as they were written, also after the program ended. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/index.h"
#include "index/journal.h"

static char dir[] = "/tmp/spoolsweep-journal-XXXXXX", index_path[64], journal_path[64];
static struct journal *j;
static struct arena a;
static struct err e;

static void
reopen(int write)
{
	journal_close(j);
	j = NULL;
	assert_int_equal(journal_open(&j, index_path, write, &e), 0);
}

static int
begin(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(index_path, sizeof index_path, "%s/index.db", dir);
	snprintf(journal_path, sizeof journal_path, "%s/journal.db", dir);
	return 0;
}

static int
end(void **state)
{
	static const char *const tail[] = { "", "-wal", "-shm" };
	char path[80];
	size_t i;

	(void)state;
	journal_close(j);
	arena_free(&a);
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", journal_path, tail[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static void
test_open(void **state)
{
	struct stat st;
	FILE *f;

	(void)state;
	assert_int_equal(journal_open(&j, index_path, 0, &e), -1);
	assert_int_equal(e.sys, 2);		/* ENOENT: callers tell "nothing was ever planned" by it */
	assert_int_equal(access(journal_path, F_OK), -1);
	reopen(1);
	assert_int_equal(stat(journal_path, &st), 0);
	if (UNIT_MODES)
		assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(sqlite3_db_readonly(journal_db(j), "main"), 0);
	journal_close(j);
	j = NULL;
	unlink(journal_path);
	f = fopen(journal_path, "wb");		/* somebody else's file is left as it is */
	assert_non_null(f);
	fputs("this is no database, and long enough to be looked at as one ...............................................", f);
	fclose(f);
	assert_int_equal(journal_open(&j, index_path, 1, &e), -1);
	assert_int_equal(stat(journal_path, &st), 0);
	assert_true(st.st_size > 60 && st.st_size < 200);
	unlink(journal_path);
}

static int64_t
new_plan(enum plan_kind kind, int64_t parent)
{
	struct plan p;

	memset(&p, 0, sizeof p);
	p.kind = kind;
	p.parent = parent;
	p.created = 1790000000000001;
	p.who = "root";
	p.host = "mx1";
	p.selection = "--account 'a b'";
	p.mainlog = kind == PLAN_PURGE ? "/var/log/exim4/mainlog" : NULL;
	p.level = 3;
	assert_int_equal(journal_plan_new(j, &p, &e), 0);
	assert_true(p.id > 0);
	return p.id;
}

static void
new_item(int64_t plan, int64_t n, int64_t place, const char *id, int64_t arrived)
{
	struct item it;

	memset(&it, 0, sizeof it);
	it.n = n;
	it.place = place;
	it.queue = "deferred";
	it.id = id;
	it.path = "deferred/A/\xff\xfe";	/* bytes, not text */
	it.inode = UINT64_MAX - 1;
	it.arrived = arrived;
	it.size = n == 1 ? -1 : 1000;
	it.sender = n == 1 ? NULL : "";
	it.account_kind = "auth";
	it.account_key = "a b";
	it.json = "{\"id\":\"x\"}";
	assert_int_equal(journal_item_new(j, plan, &it, &e), 0);
}

static void
test_plan(void **state)
{
	int64_t found;
	const struct place pl = { 0, "postfix", "/srv/a", UINT64_MAX, 12, "folder-1" }, pm = { 1, "exim", "/srv/b", 3, 4, "folder-2" };
	struct plan p;
	struct place got;
	struct item it;
	int64_t id;

	(void)state;
	reopen(1);
	assert_int_equal(journal_begin(j, &e), 0);
	id = new_plan(PLAN_PURGE, 0);
	assert_int_equal(id, 1);
	assert_int_equal(journal_place_new(j, id, &pl, &e), 0);
	assert_int_equal(journal_place_new(j, id, &pm, &e), 0);
	new_item(id, 0, 0, "A", 5);
	new_item(id, 1, 1, "B", MSG_NO_TIME);
	assert_int_equal(journal_commit(j, &e), 0);
	reopen(0);
	assert_int_equal(journal_plan(&p, j, id, &a, &e), 1);
	assert_int_equal(p.kind, PLAN_PURGE);
	assert_int_equal(p.state, PLAN_PLANNED);
	assert_int_equal(p.created, 1790000000000001);
	assert_int_equal(p.started, 0);
	assert_string_equal(p.selection, "--account 'a b'");
	assert_string_equal(p.mainlog, "/var/log/exim4/mainlog");
	assert_null(p.archive);
	assert_int_equal(p.archive_size, -1);
	assert_false(p.has_sha);
	assert_int_equal(p.count[ITEM_PLANNED], 2);
	assert_int_equal(journal_plan(&p, j, 99, &a, &e), 0);
	assert_int_equal(journal_place(&got, j, id, 0, &a, &e), 1);
	assert_true(got.dev == UINT64_MAX);
	assert_string_equal(got.folder, "folder-1");
	assert_int_equal(journal_place(&got, j, id, 2, &a, &e), 0);
	assert_int_equal(journal_plan_of_folder(&found, j, "/srv/b", "folder-2", &e), 1);
	assert_int_equal(found, id);
	assert_int_equal(journal_plan_of_folder(&found, j, "/srv/b", "folder-1", &e), 0);
	assert_int_equal(found, 0);
	assert_int_equal(journal_item_after(&it, j, id, -1, ~0u, &a, &e), 1);
	assert_string_equal(it.id, "A");
	assert_string_equal(it.path, "deferred/A/\xff\xfe");
	assert_true(it.inode == UINT64_MAX - 1);
	assert_string_equal(it.sender, "");
	assert_int_equal(journal_item_after(&it, j, id, it.n, ~0u, &a, &e), 1);
	assert_string_equal(it.id, "B");
	assert_true(it.arrived == MSG_NO_TIME);
	assert_int_equal(it.size, -1);
	assert_null(it.sender);
	assert_int_equal(journal_item_after(&it, j, id, it.n, ~0u, &a, &e), 0);
}

static void
test_rollback(void **state)
{
	struct plan p;
	int64_t id, again;

	(void)state;
	reopen(1);
	assert_int_equal(journal_begin(j, &e), 0);
	id = new_plan(PLAN_HOLD, 0);
	journal_rollback(j);
	assert_int_equal(journal_plan(&p, j, id, &a, &e), 0);
	again = new_plan(PLAN_HOLD, 1);
	assert_int_equal(journal_plan(&p, j, again, &a, &e), 1);
	assert_int_equal(p.parent, 1);
	assert_null(p.mainlog);
	assert_int_equal(journal_plan_after(&p, j, 0, PLAN_PLANNED, PLAN_UNDONE, &a, &e), 1);
	assert_int_equal(p.id, 1);
	assert_int_equal(journal_plan_after(&p, j, 1, PLAN_PLANNED, PLAN_UNDONE, &a, &e), 1);
	assert_int_equal(p.id, again);
	assert_int_equal(journal_plan_after(&p, j, again, PLAN_PLANNED, PLAN_UNDONE, &a, &e), 0);
	assert_int_equal(journal_plan_after(&p, j, 0, PLAN_TAKING, PLAN_UNDONE, &a, &e), 0);
}

static void
test_states(void **state)
{
	const enum plan_state order[] = { PLAN_TAKING, PLAN_TAKEN, PLAN_ARCHIVING, PLAN_VERIFIED, PLAN_DELETING, PLAN_DONE };
	const unsigned char sha[ARC_SHA256] = { 1, 2, 3 };
	struct plan p;
	struct item it;
	int64_t begun = 0;
	size_t i;

	(void)state;
	reopen(1);
	for (i = 0; i < sizeof order / sizeof order[0]; i++) {
		assert_int_equal(journal_plan_state(j, 1, order[i], &e), 0);
		assert_int_equal(journal_plan(&p, j, 1, &a, &e), 1);
		assert_int_equal(p.state, order[i]);
		assert_true(p.started > 0 && (begun == 0 || p.started == begun));
		begun = p.started;
	}
	assert_true(p.finished >= p.started);
	assert_int_equal(journal_plan_folder(j, 1, "/arc", &e), 0);
	assert_int_equal(journal_plan_archive(j, 1, "/arc/x.tar.zst", 77, sha, &e), 0);
	assert_int_equal(journal_item_state(j, 1, 0, ITEM_ARCHIVED, NULL, &e), 0);
	assert_int_equal(journal_item_state(j, 1, 1, ITEM_CHANGED, "another inode", &e), 0);
	assert_int_equal(journal_items_move(j, 1, ITEM_ARCHIVED, ITEM_DELETED, "/arc/x.tar.zst", &e), 0);
	reopen(0);
	assert_int_equal(journal_plan(&p, j, 1, &a, &e), 1);
	assert_string_equal(p.archive_dir, "/arc");
	assert_string_equal(p.archive, "/arc/x.tar.zst");
	assert_int_equal(p.archive_size, 77);
	assert_true(p.has_sha);
	assert_memory_equal(p.sha, sha, sizeof sha);
	assert_int_equal(p.count[ITEM_PLANNED], 0);
	assert_int_equal(p.count[ITEM_DELETED], 1);
	assert_int_equal(p.count[ITEM_CHANGED], 1);
	assert_int_equal(journal_item_after(&it, j, 1, -1, 1u << ITEM_CHANGED, &a, &e), 1);
	assert_int_equal(it.n, 1);
	assert_string_equal(it.why, "another inode");
	assert_null(it.archive);
	assert_int_equal(journal_item_after(&it, j, 1, -1, 1u << ITEM_DELETED, &a, &e), 1);
	assert_string_equal(it.archive, "/arc/x.tar.zst");
	assert_int_equal(journal_item_after(&it, j, 1, -1, 1u << ITEM_GONE, &a, &e), 0);
}

static void
test_parts(void **state)
{
	struct item_part part, *got;
	unsigned char sha[ARC_SHA256];
	size_t n, i;

	(void)state;
	reopen(1);
	memset(&part, 0, sizeof part);
	memset(sha, 7, sizeof sha);
	part.dir = "deferred/\xfe";
	part.private = "00000000.0";
	part.st.dev = UINT64_MAX;
	part.st.ino = 9;
	part.st.size = 123;
	part.st.mode = 0700;
	part.st.uid = UINT32_MAX - 1;
	part.st.mtime = -5;
	for (i = 0; i < PART_MAX; i++) {
		part.role = i == 0 ? PART_MESSAGE : PART_LOG;
		part.name = i == 0 ? "A" : "log";
		assert_int_equal(journal_part_put(j, 1, 0, i, &part, &e), 0);
	}
	assert_int_equal(journal_part_put(j, 1, 0, 1, &part, &e), 0);	/* a resume writes it again */
	assert_int_equal(journal_part_sha(j, 1, 0, 0, sha, &e), 0);
	reopen(1);
	assert_int_equal(journal_parts(&got, &n, j, 1, 0, &a, &e), 0);
	assert_int_equal(n, PART_MAX);
	assert_int_equal(got[0].role, PART_MESSAGE);
	assert_string_equal(got[0].dir, "deferred/\xfe");
	assert_true(got[0].has_sha && !got[1].has_sha);
	assert_memory_equal(got[0].sha, sha, sizeof sha);
	assert_true(got[0].st.dev == UINT64_MAX);
	assert_int_equal(got[0].st.mtime, -5);
	assert_true(got[0].st.uid == UINT32_MAX - 1);
	assert_int_equal(journal_parts(&got, &n, j, 1, 1, &a, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(journal_parts_drop(j, 1, 0, &e), 0);
	assert_int_equal(journal_parts(&got, &n, j, 1, 0, &a, &e), 0);
	assert_int_equal(n, 0);
}

struct seen {
	int n;
	int64_t plan[4];
	enum item_state last;
};

static void
see(void *arg, const struct plan *p, const struct item *it)
{
	struct seen *s = arg;

	assert_true(s->n < 4);
	s->plan[s->n++] = p->id;
	s->last = it->state;
	assert_string_equal(it->id, "A");
}

static void
test_history(void **state)
{
	const struct place pl = { 0, "postfix", "/srv/a", 1, 12, "folder-3" };
	struct seen s = { 0, { 0 }, ITEM_STATES };
	int64_t id;

	(void)state;
	reopen(1);
	id = new_plan(PLAN_PURGE, 0);
	assert_int_equal(journal_place_new(j, id, &pl, &e), 0);
	new_item(id, 0, 0, "A", 5);
	assert_int_equal(journal_history(j, "/srv/a", "A", see, &s, &e), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.plan[0], 1);
	assert_int_equal(s.plan[1], id);
	assert_int_equal(s.last, ITEM_PLANNED);
	assert_int_equal(journal_history(j, "/srv/b", "A", see, &s, &e), 0);	/* the same id in another spool */
	assert_int_equal(s.n, 2);
}

static void
test_service(void **state)
{
	struct plan p;
	int64_t id, at = 0;

	(void)state;
	reopen(1);
	id = new_plan(PLAN_PURGE, 0);
	assert_int_equal(journal_plan(&p, j, id, &a, &e), 1);
	assert_null(p.service);
	assert_int_equal(p.service_waits, 0);
	assert_int_equal(journal_service_waiting(&at, j, 0, &e), 0);
	assert_int_equal(journal_service_stops(j, id, "MailService", &e), 0);
	reopen(0);
	assert_int_equal(journal_plan(&p, j, id, &a, &e), 1);
	assert_string_equal(p.service, "MailService");
	assert_int_equal(p.service_waits, 1);
	assert_int_equal(journal_service_waiting(&at, j, 0, &e), 1);
	assert_int_equal(at, id);
	assert_int_equal(journal_service_waiting(&at, j, id, &e), 0);
	reopen(1);
	assert_int_equal(journal_service_started(j, id, &e), 0);
	assert_int_equal(journal_plan(&p, j, id, &a, &e), 1);
	assert_string_equal(p.service, "MailService");
	assert_int_equal(p.service_waits, 0);
	assert_int_equal(journal_service_stops(j, id, "MailService", &e), 0);	/* a resume stops it once more */
	assert_int_equal(journal_service_waiting(&at, j, 0, &e), 1);
	assert_int_equal(journal_service_started(j, id, &e), 0);
}

static void
add_archive(void *arg, const struct plan_archive *x)
{
	char *text = arg;
	size_t n = strlen(text);

	snprintf(text + n, 200 - n, " %s:%d:%d:%d", x->path, (int)x->size, x->has_sha, (int)x->messages);
}

/* A plan whose busy messages came later has two; one that holds nothing of it any more is not told. */
static void
test_archives(void **state)
{
	const unsigned char sha[ARC_SHA256] = { 1 };
	char text[200] = "";
	int64_t id = new_plan(PLAN_PURGE, 0);

	(void)state;
	new_item(id, 0, 0, "A1", 5);
	new_item(id, 1, 0, "A2", 6);
	assert_int_equal(journal_plan_archive(j, id, "/arc/none", -1, NULL, &e), 0);
	assert_int_equal(journal_plan_archive(j, id, "/arc/b", 5, sha, &e), 0);
	assert_int_equal(journal_items_move(j, id, ITEM_PLANNED, ITEM_VERIFIED, "/arc/b", &e), 0);
	assert_int_equal(journal_plan_archive(j, id, "/arc/a", 6, sha, &e), 0);
	assert_int_equal(journal_plan_archive(j, id, "/arc/b", 7, sha, &e), 0);
	new_item(id, 2, 0, "A3", 7);
	assert_int_equal(journal_items_move(j, id, ITEM_PLANNED, ITEM_VERIFIED, "/arc/a", &e), 0);
	assert_int_equal(journal_plan_archive(j, id, "/arc/void", 8, sha, &e), 0);
	assert_int_equal(journal_archives(j, id, add_archive, text, &e), 0);
	assert_string_equal(text, " /arc/b:7:1:2 /arc/a:6:1:1");
}

/* A journal that an older version left, also when it is only to be read. */
static void
test_upgrade(void **state)
{
	static const char back[] = "DROP TABLE proof; DROP TABLE restored; DROP TABLE restore; DROP TABLE service;"
	    " ALTER TABLE item ADD COLUMN state INTEGER NOT NULL DEFAULT 0;"
	    " ALTER TABLE item ADD COLUMN why TEXT; ALTER TABLE item ADD COLUMN archive TEXT;"
	    " UPDATE item SET (state, why, archive) = (SELECT state, why, archive FROM fate f WHERE (f.plan, f.n) = (item.plan, item.n));"
	    " DROP TABLE fate; DROP TABLE archive; PRAGMA user_version = 1";
	struct item it;
	char text[200];
	int write;

	(void)state;
	for (write = 0; write < 2; write++) {
		struct plan p;
		int64_t id;

		reopen(1);
		id = new_plan(PLAN_HOLD, 0);
		new_item(id, 0, 0, "A1", 5);
		new_item(id, 1, 0, "A2", 6);
		assert_int_equal(journal_item_state(j, id, 1, ITEM_BUSY, "locked", &e), 0);
		assert_int_equal(journal_plan_archive(j, id, "/arc/1", 9, (const unsigned char *)"0123456789abcdef0123456789abcdef", &e), 0);
		assert_int_equal(journal_items_move(j, id, ITEM_PLANNED, ITEM_VERIFIED, "/arc/1", &e), 0);
		assert_int_equal(sqlite3_exec(journal_db(j), back, NULL, NULL, NULL), SQLITE_OK);
		reopen(write);
		assert_int_equal(journal_plan(&p, j, id, &a, &e), 1);
		assert_null(p.service);
		assert_int_equal(p.count[ITEM_BUSY], 1);
		assert_int_equal(journal_item_after(&it, j, id, 0, ~0u, &a, &e), 1);
		assert_int_equal(it.state, ITEM_BUSY);
		assert_string_equal(it.why, "locked");
		text[0] = '\0';
		assert_int_equal(journal_archives(j, id, add_archive, text, &e), 0);
		assert_string_equal(text, " /arc/1:9:1:1");
		reopen(1);
		assert_int_equal(journal_service_stops(j, id, "x", &e), 0);
		assert_int_equal(journal_service_started(j, id, &e), 0);
	}
	assert_int_equal(sqlite3_exec(journal_db(j), "PRAGMA user_version = -1", NULL, NULL, NULL), SQLITE_OK);
	journal_close(j);
	j = NULL;
	assert_int_equal(journal_open(&j, index_path, 0, &e), -1);
	assert_int_equal(journal_open(&j, index_path, 1, &e), -1);
}

static void
test_names(void **state)
{
	enum item_state s;
	int i;

	(void)state;
	for (i = 0; i < ITEM_STATES; i++) {
		assert_int_equal(item_state_named(&s, item_state_name((enum item_state)i)), 0);
		assert_int_equal(s, i);
	}
	assert_int_equal(item_state_named(&s, "held"), -1);
	assert_string_equal(plan_state_name(PLAN_HOLD, PLAN_TAKEN), "held");
	assert_string_equal(plan_state_name(PLAN_PURGE, PLAN_TAKEN), "taken");
	assert_string_equal(plan_state_name(PLAN_PURGE, PLAN_UNDONE), "undone");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open), cmocka_unit_test(test_plan), cmocka_unit_test(test_rollback), cmocka_unit_test(test_states),
		cmocka_unit_test(test_parts), cmocka_unit_test(test_history), cmocka_unit_test(test_names), cmocka_unit_test(test_service),
		cmocka_unit_test(test_archives), cmocka_unit_test(test_upgrade)
	};

	return cmocka_run_group_tests(tests, begin, end);
}
