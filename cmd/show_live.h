#ifndef CMD_SHOW_LIVE_H
#define CMD_SHOW_LIVE_H
/*
 * What a spool says now of one message of the index: its headers, files and
 * the MTA's log, read through the driver. The index is not needed for it.
 */
#include "index/query.h"
#include "spool/arena.h"
#include "spool/buf.h"
#include "spool/head.h"
#include "spool/spool.h"

struct show_live {
	int is_found;			/* 0: the message has gone */
	int is_unknown;			/* it could not be read: neither there nor gone */
	const char *queue, *state;	/* as they are now */
	struct part_list parts;
	struct head_parser parser;
	const struct head *head;	/* NULL: not read */
	struct buf log;			/* the end of the MTA's log of the message, bytes as they came */
	struct spool *sp;		/* kept open: parts point into it */
	struct spool_reader *reader;
};

void show_live_init(struct show_live *l);
void show_live_free(struct show_live *l);

/* 0 (is_found tells whether it is still there), -1 it could not be read. Texts go to a. */
int show_live_read(struct show_live *l, struct arena *a, const struct query_row *r, struct err *e);

#endif
