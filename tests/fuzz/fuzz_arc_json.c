/* A line of messages.jsonl, or a member's name: what is accepted is written back and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "spool/arc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(struct arena *a, const uint8_t *data, size_t size)
{
	const char *name = arena_dup(a, data, size), *path = arc_decode_name(a, name);

	if (path != NULL && strcmp(arc_encode_name(a, path), name) != 0)
		abort();
}

static void
check_again(struct arena *a, const struct arc_message *m)
{
	struct arc_message again;
	struct buf b;
	size_t i;

	buf_init(&b, 1 << 20);
	buf_fmt(&b, "{\"spool\":\"\",\"kind\":\"%.*s\",\"queue\":\"\",\"id\":\"\",\"parts\":", (int)strcspn(m->spool_name, "-"), m->spool_name);
	arc_parts_json(&b, m->spool_name, m->part, m->nparts);
	buf_byte(&b, '}');
	if (arc_parse_message(&again, a, b.p, b.n, NULL) < 0 || again.nparts != m->nparts || strcmp(again.spool_name, m->spool_name) != 0)
		abort();
	for (i = 0; i < m->nparts; i++)
		if (strcmp(again.part[i].path, m->part[i].path) != 0 || again.part[i].size != m->part[i].size ||
		    again.part[i].mode != m->part[i].mode || again.part[i].uid != m->part[i].uid || again.part[i].gid != m->part[i].gid ||
		    again.part[i].mtime != m->part[i].mtime || memcmp(again.part[i].sha, m->part[i].sha, ARC_SHA256) != 0 ||
		    strcmp(again.part[i].role, m->part[i].role) != 0)
			abort();
	buf_free(&b);
}

/* Whatever the journal holds: the same bytes so often that they do not fit. */
static void
check_short(const uint8_t *data, size_t size)
{
	struct arc_part part = { .role = "message", .path = "x" };
	struct buf json, line;

	buf_init(&json, 1 << 20);
	buf_init(&line, 1 << 21);
	while (size > 20 && json.n < 300000)
		buf_add(&json, (const char *)data, size);
	arc_message_json(&line, json.p, json.n, "exim-1", &part, 1);
	buf_free(&line);
	buf_free(&json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct arc_message m;

	if (arc_parse_message(&m, &a, (const char *)data, size, NULL) == 0 && size < 10000)
		check_again(&a, &m);
	check_name(&a, data, size);
	check_short(data, size);
	arena_free(&a);
	return 0;
}
