/* The copy of a plan in a private folder. What is accepted names no place outside the spool, and is written back and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "index/plan_copy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
line(void *arg, const struct plan_copy_part *part, struct err *e)
{
	(void)e;
	if (part->part >= PART_MAX || part->p.dir[0] == '/' || strstr(part->p.dir, "..") == part->p.dir || strchr(part->p.name, '/') != NULL ||
	    strcmp(part->p.name, "..") == 0 || strcmp(part->p.name, ".") == 0 || part->p.name[0] == '\0')
		if (part->p.dir[0] != '.' || part->p.dir[2] == '/' || part->p.dir[2] == '\0')
			abort();
	if (arg != NULL)
		plan_copy_line(arg, &part->item, part->part, &part->p);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct buf again, third;
	struct plan p;
	struct place pl;
	struct rd rd;

	buf_init(&again, 64 << 20);
	buf_init(&third, 64 << 20);
	rd_mem(&rd, data, size);
	if (plan_copy_read(&p, &pl, &rd, &a, line, &again, NULL) == 0) {
		plan_copy_head(&third, &p, &pl);
		buf_add(&third, again.p, again.n);
		rd_mem(&rd, third.p, third.n);
		buf_clear(&again);
		if (plan_copy_read(&p, &pl, &rd, &a, line, &again, NULL) < 0)
			abort();
		buf_clear(&third);
		plan_copy_head(&third, &p, &pl);
		buf_add(&third, again.p, again.n);
		if (rd.size != third.n)
			abort();
	}
	buf_free(&again);
	buf_free(&third);
	arena_free(&a);
	return 0;
}
