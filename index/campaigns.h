#ifndef INDEX_CAMPAIGNS_H
#define INDEX_CAMPAIGNS_H
/*
 * The campaigns of the index: the prints of all messages whose contents were
 * read and that are in their spools now, grouped (campaign.h), each with the
 * number of its campaign. A message that is gone keeps the campaign that it had.
 */
#include "index/index.h"

/* Groups anew when the messages are others than last time; one transaction of its own. -1 and err: all is as before. */
int campaigns_assign(struct index *ix, struct err *e);

#endif
