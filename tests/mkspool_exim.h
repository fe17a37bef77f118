/*
 * mkspool_exim.h - a made Exim message between its two makers: the one that
 * writes it as Exim does, and the one that breaks it.
 */
#ifndef MKSPOOL_EXIM_H
#define MKSPOOL_EXIM_H

#include "mkspool.h"

struct draft {
	char id[48];
	struct mbuf dir;	/* "", or "QUEUE/" */
	struct mbuf path, h, d, log, tmp, rcpts;
	size_t *done;		/* offsets in rcpts of the addresses done */
	size_t ndone, capdone;
	size_t live;		/* bytes of headers that are not deleted */
	size_t options, tree;	/* offsets in h: end of line 4, of options */
	size_t head;		/* offset in h of the first header */
	int64_t pending;
	bool frozen, first, modern;
};

/* Fills id, h and d; dir, frozen and first are the caller's choice. */
void ex_build(struct draft *, struct world *, const struct mail *);
/* Path of one part, NUL-terminated in d->path; makes the split folder. */
const char *ex_path(struct draft *, struct world *, const char *folder,
    const char *prefix, const char *suffix);
void ex_put(struct draft *, struct world *, const char *prefix,
    const char *suffix, const struct mbuf *, int64_t mtime);

void ex_damage(struct draft *, struct mail *, struct world *);

#endif
