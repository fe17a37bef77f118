#ifndef INDEX_PROOF_H
#define INDEX_PROOF_H
/*
 * Sets of messages by spool, id and inode, and what a purge proves with them:
 *
 *	before + arrived = after + deleted + kept + vanished
 *
 * before: in the index when the run began (a scan just before), and what the plan had taken already, also what a killed run had no time to
 * note; after: in the index when it ended (a scan just after), but for messages of this plan that the index still
 * has because that scan could not read their queue; deleted, kept: of this plan, kept is still in the private folder; arrived and
 * vanished: what the MTA did meanwhile. A message that was taken and is in the spool all the same is what must never be. 16 bytes a message, and
 * as many again at most that a set has left to grow.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/index.h"
#include "index/journal.h"
#include "index/select.h"

struct message_set;

struct message_set *message_set_new(struct index *ix);
void message_set_free(struct message_set *s);
size_t message_set_count(struct message_set *s);
int message_set_has(struct message_set *s, const char *root, const char *id, uint64_t inode);

void message_set_add(struct message_set *s, const char *root, const char *id, uint64_t inode);

/* Adds what the index has now in the spools of a plan; what a selection gives, also messages that have gone; the plan's items whose state's bit is
 * in mask. */
int message_set_spools(struct message_set *s, struct journal *j, int64_t plan, struct err *e);
int message_set_selection(struct message_set *s, struct selection *sel, struct err *e);
int message_set_items(struct message_set *s, struct journal *j, int64_t plan, unsigned mask, struct err *e);

struct proof {
	int64_t before, arrived, after, deleted, kept, vanished;
	int64_t wrong;		/* taken, and in the spool all the same */
	int64_t at;		/* microseconds, when it was made */
	int is_whole;		/* every queue was read, before and after */
};

/* before: made when the run began by message_set_spools and message_set_items (all states from taken to deleted). Calls fn for each wrong
 * message. */
int proof_make(struct proof *out, struct message_set *before, struct index *ix, struct journal *j, int64_t plan,
    void (*fn)(void *arg, const struct item *it), void *arg, struct err *e);

/* Does it add up, of queues that were all read, with nothing wrong? */
int proof_holds(const struct proof *p);

/* In the journal: the one of a plan's last run. load: 1; 0 there is none, or something was done to the plan since (a run that was killed, an undo, a
 * release); -1. */
int proof_store(struct journal *j, int64_t plan, const struct proof *p, struct err *e);
int proof_load(struct proof *out, struct journal *j, const struct plan *plan, struct err *e);

#define PROOF_TAKEN (1u << ITEM_TAKEN | 1u << ITEM_ARCHIVED | 1u << ITEM_VERIFIED | 1u << ITEM_DELETED)

#endif
