#ifndef INDEX_CAMPAIGNS_H
#define INDEX_CAMPAIGNS_H
/*
 * The campaigns of the index: the prints of all messages whose contents were
 * read and that are in their spools now, grouped (campaign.h), each with the
 * number of its campaign. A message that is gone keeps the campaign that it had.
 */
#include "index/campaign.h"
#include "index/index.h"

/* Groups anew when the messages are others than last time; one transaction of its own. -1 and err: all is as before. */
int campaigns_assign(struct index *ix, struct err *e);

/* The same within a transaction of the caller's, in three steps: the second, which takes longest, needs no index and may be done by any thread
 * meanwhile. begin: 1 they are to be grouped anew, 0 all is as it was, -1 and err; campaigns_free after any of them. */
struct campaigns;

/* Before a first load, instead of reading back what was just written: then each print is told by campaigns_add, by any thread, and is written by
 * campaigns_store, with its campaign. NULL and err. */
struct campaigns *campaigns_new(struct index *ix, struct err *e);

/* The number of its row, 0 nothing in it. *is_kept 0: they have become too many to be kept; this one is the caller's to write. */
int64_t campaigns_add(int *is_kept, struct campaigns *c, const uint32_t *print, size_t n);

/* All were told. 1: campaigns_group may begin, whatever is written meanwhile; 0: they are too many, campaigns_reload is next. */
int campaigns_end(struct campaigns *c);

/* Of those that are too many, when all that are the caller's to write are written, and all messages too: as campaigns_begin, *c is another then. */
int campaigns_reload(struct campaigns **c, struct err *e);

int campaigns_begin(struct campaigns **out, struct index *ix, struct err *e);
void campaigns_group(struct campaigns *c);
int campaigns_store(struct campaigns *c, struct err *e);
void campaigns_free(struct campaigns *c);

/* The campaign of one message, as text. 1; 0: none is known, its contents were not read; -1 and err. */
int campaigns_of(char out[CAMPAIGN_ID_SIZE], struct index *ix, int64_t row, struct err *e);

#endif
