#ifndef INDEX_PARTIAL_H
#define INDEX_PARTIAL_H
/*
 * What is known of a spool that could not be read to the end: sums over the
 * messages that were read. Every number is a lower bound of the true one.
 */
#include <stddef.h>
#include <stdint.h>

#include "spool/arena.h"
#include "spool/msg.h"

struct partial_account {
	const char *kind, *name;
	int64_t messages, per_minute, clients, first, last;	/* first, last: microseconds, MSG_NO_TIME none */
	uint64_t hash;
};

struct partial {
	int64_t messages, frozen, damaged, blocklisted;
	int64_t oldest;			/* arrival, MSG_NO_TIME none */
	struct partial_account *account;	/* most messages first once partial_end was called */
	size_t naccounts;
	struct partial_state *state;	/* of the adding */
};

struct partial_message {		/* texts are copied where they are needed; NULL none */
	const char *kind, *key, *name, *client, *reason;
	int64_t arrived;
	int is_frozen, is_damaged;	/* frozen or held */
};

/* key: secret, names come from strangers. Free with partial_free. */
struct partial *partial_new(const uint64_t key[2]);
void partial_add(struct partial *p, const struct partial_message *m);
void partial_end(struct partial *p);
void partial_free(struct partial *p);

#endif
