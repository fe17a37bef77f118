#ifndef INDEX_PLAN_COPY_H
#define INDEX_PLAN_COPY_H
/*
 * The copy of a plan in its private folder (file "plan"), so that what was taken
 * can be put back when index and journal are lost. A head line says which
 * plan and which spool, then a line a file: what it is called there and where it came from.
 * Text is written with every byte but [A-Za-z0-9._-] as =XX. It is appended to, synced before the renames that it
 * speaks of: of one item the lines from its last part 0 on count. The reader takes nothing else: a line that is not such a line is
 * damage, but for a last one without LF, or one in front of an empty line, which a killed run left.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/journal.h"
#include "spool/buf.h"
#include "spool/rd.h"

#define PLAN_COPY_LINE ((size_t)16 * 1024)
#define PLAN_COPY_ITEMS INT64_C(100000000)

/* Adds the head; a line. */
void plan_copy_head(struct buf *b, const struct plan *p, const struct place *pl);
void plan_copy_line(struct buf *b, const struct item *it, size_t part, const struct item_part *p);

struct plan_copy_part {
	struct item item;		/* n, queue, id, arrived */
	size_t part;
	struct item_part p;		/* role, dir, name, private */
};

/* Reads a copy: fills p (id, kind, created, who, host, selection) and pl (kind, dev, ino), whose texts go to a, and calls fn for each line, whose texts
 * are valid until it returns; fn returns 0, or -1 to end with e as it set it. 0; -1 and err: damaged, with the number of the line. */
int plan_copy_read(struct plan *p, struct place *pl, struct rd *rd, struct arena *a,
    int (*fn)(void *arg, const struct plan_copy_part *part, struct err *e), void *arg, struct err *e);

struct plan_adopted {
	int64_t plan;			/* its number in this journal */
	int64_t messages, taken;	/* of the copy; those that the folder holds */
	int64_t gone;			/* neither in the folder nor where they came from */
	int64_t torn;			/* of which some files are gone: they were being deleted, and are in an archive */
	int64_t unnamed;		/* files of the folder that the copy does not name: left alone */
};

/* Makes a plan of a private folder whose journal is lost (plan_adopt.c). `folder`: a path. Refused: one that the journal knows, that another
 * process works on, that is not ours alone, whose spool is not the one of the plan. Nothing in the spool is touched. */
int plan_adopt(struct plan_adopted *out, struct journal *j, const char *folder, struct err *e);

#endif
