/* index/plan_copy.c: what is written is read again; every damage of a copy is an error or leaves a line out that a kill may have cut. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/plan_copy.h"

static struct err e;
static char *copy;
static size_t size;

struct seen {
	int lines;
	struct plan_copy_part last;
	char dir[64], name[64], queue[64], id[64];
};

static int
see(void *arg, const struct plan_copy_part *part, struct err *err)
{
	struct seen *s = arg;

	(void)err;
	s->lines++;
	s->last = *part;
	snprintf(s->dir, sizeof s->dir, "%s", part->p.dir);
	snprintf(s->name, sizeof s->name, "%s", part->p.name);
	snprintf(s->queue, sizeof s->queue, "%s", part->item.queue);
	snprintf(s->id, sizeof s->id, "%s", part->item.id);
	return 0;
}

static int
read_copy(struct seen *s, struct plan *p, struct place *pl, const void *bytes, size_t n, struct arena *a)
{
	struct rd rd;

	memset(s, 0, sizeof *s);
	rd_mem(&rd, bytes, n);
	return plan_copy_read(p, pl, &rd, a, see, s, &e);
}

static int
make(void **state)
{
	struct plan p = { .id = 7, .kind = PLAN_HOLD, .created = 1790000000123456, .who = "root \"of\" \xff", .host = "", .selection = "--account a=b\n" };
	struct place pl = { .kind = "exim", .dev = 64769, .ino = UINT64_MAX };
	struct item it = { .n = 3, .queue = "", .id = "1rxYzA-000000-AB", .arrived = MSG_NO_TIME };
	struct item_part part = { .role = PART_ENVELOPE, .dir = "input/x", .name = "1rxYzA-000000-AB-H", .private = "00000003.0" };
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	plan_copy_head(&b, &p, &pl);
	plan_copy_line(&b, &it, 0, &part);
	it.arrived = 1795000000000001;
	it.queue = "slow";
	part.role = PART_MESSAGE;
	part.dir = "";
	part.name = "a \xc3\x96\n=,D";
	part.private = "00000003.1";
	plan_copy_line(&b, &it, 1, &part);
	size = b.n;
	copy = malloc(size + 1);
	memcpy(copy, buf_cstr(&b), size + 1);
	buf_free(&b);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	free(copy);
	return 0;
}

static void
test_again(void **state)
{
	struct arena a = { 0 };
	struct plan p;
	struct place pl;
	struct seen s;

	(void)state;
	assert_int_equal(read_copy(&s, &p, &pl, copy, size, &a), 0);
	assert_int_equal(s.lines, 2);
	assert_int_equal(p.id, 7);
	assert_int_equal(p.kind, PLAN_HOLD);
	assert_true(p.created == 1790000000123456);
	assert_string_equal(p.who, "root \"of\" \xff");
	assert_string_equal(p.host, "");
	assert_string_equal(p.selection, "--account a=b\n");
	assert_string_equal(pl.kind, "exim");
	assert_true(pl.dev == 64769 && pl.ino == UINT64_MAX);
	assert_true(s.last.item.n == 3 && s.last.part == 1 && s.last.item.arrived == 1795000000000001);
	assert_int_equal(s.last.p.role, PART_MESSAGE);
	assert_string_equal(s.dir, "");
	assert_string_equal(s.name, "a \xc3\x96\n=,D");
	assert_string_equal(s.queue, "slow");
	assert_string_equal(s.id, "1rxYzA-000000-AB");
	arena_free(&a);
}

/* Cut anywhere: an error, or the lines in front of the cut. */
static void
test_every_cut(void **state)
{
	const char *head = strchr(copy, '\n'), *first = strchr(head + 1, '\n');
	struct arena a = { 0 };
	struct plan p;
	struct place pl;
	struct seen s;
	size_t n;
	int rc;

	(void)state;
	for (n = 0; n < size; n++) {
		rc = read_copy(&s, &p, &pl, copy, n, &a);
		assert_int_equal(rc, n <= (size_t)(head - copy) ? -1 : 0);
		assert_int_equal(s.lines, n > (size_t)(first - copy) ? 1 : 0);
	}
	arena_free(&a);
}

/* A byte of another value: an error, or a line that is still one of ours (another digit, another letter), never fewer lines in silence. */
static void
test_every_byte(void **state)
{
	char *other = malloc(size);
	struct arena a = { 0 };
	struct plan p;
	struct place pl;
	struct seen s;
	size_t i;

	(void)state;
	assert_non_null(other);
	for (i = 0; i < size; i++) {
		memcpy(other, copy, size);
		other[i] = (char)(other[i] ^ 0x80);
		if (read_copy(&s, &p, &pl, other, size, &a) == 0)	/* the LF of the last line: as a cut one */
			assert_true(s.lines == 2 || i + 1 == size);
		arena_reset(&a);
	}
	arena_free(&a);
	free(other);
}

static void
test_damage(void **state)
{
	static const struct {
		const char *line;
		int is_whole;
	} cases[] = {
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"deferred=2FA\",\"name\":\"AB\",\"queue\":\"deferred\",\"id\":\"AB\",\"arrived\":1}", 1 },
		{ "{\"item\":1,\"part\":12,\"private\":\"00000001.12\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":-1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":99999999999999999999999,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.1\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"..=2Fx\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"link\",\"dir\":\"d\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"=2Fetc\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"a=2F..=2Fb\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"a=2F=2Fb\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"a=2Fb\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"..\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"a=00b\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"a=4\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":}", 0 },
		{ "{\"item\":1,\"part\":0,\"private\":\"00000001.0\",\"role\":\"message\",\"dir\":\"d\",\"name\":\"AB\",\"queue\":\"d\",\"id\":\"AB\",\"arrived\":1} ", 0 },
		{ "", 1 }, { "{}", 0 }, { "x", 0 },
	};
	struct arena a = { 0 };
	struct plan p;
	struct place pl;
	struct seen s;
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 65536);
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		buf_clear(&b);
		buf_add(&b, copy, size);
		buf_fmt(&b, "%s\n", cases[i].line);
		assert_int_equal(read_copy(&s, &p, &pl, b.p, b.n, &a), cases[i].is_whole ? 0 : -1);
		/* a killed run left it: an empty line stands behind */
		buf_byte(&b, '\n');
		buf_puts(&b, cases[0].line);
		buf_byte(&b, '\n');
		assert_int_equal(read_copy(&s, &p, &pl, b.p, b.n, &a), 0);
		assert_int_equal(s.lines, 3 + (cases[i].is_whole && *cases[i].line != '\0'));
	}
	buf_clear(&b);
	buf_add(&b, copy, size);
	for (i = 0; i < PLAN_COPY_LINE + 1; i++)
		buf_byte(&b, 'x');
	buf_byte(&b, '\n');
	assert_int_equal(read_copy(&s, &p, &pl, b.p, b.n, &a), -1);
	buf_free(&b);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_again), cmocka_unit_test(test_every_cut), cmocka_unit_test(test_every_byte), cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
