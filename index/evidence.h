#ifndef INDEX_EVIDENCE_H
#define INDEX_EVIDENCE_H
/*
 * What the world says of us: the replies of other servers that the index holds, read by index/reply.h and grouped by
 * kind and list. Also the facts that the operator of a list asks for (evidence_kit). Reads the index alone.
 * Texts of a struct evidence live until evidence_free.
 */
#include <stdint.h>

#include "index/index.h"
#include "index/reply.h"
#include "index/select.h"

struct evidence_count {
	const char *name;		/* "" when it is not known */
	int64_t n;
};

struct evidence_row {
	enum reply_category category;
	enum reply_about about;		/* != ABOUT_NO: evidence about us */
	const char *list;		/* NULL: no list is named */
	const char *operator;		/* NULL: not known */
	const char *url;		/* to look up or delist: of the newest such reply, else of the table; NULL none */
	const char *closed;		/* date from which the list answers no more ("2024-06-05"): nothing to delist; NULL open */
	int64_t messages;		/* with at least one such reply */
	int64_t queued;			/* of these: still in a spool */
	int64_t replies;		/* one a recipient */
	int64_t first, last;		/* arrival of the messages, microseconds; MSG_NO_TIME when none has a time */
	const struct evidence_count *domain;	/* recipient domains that use it: replies, most first */
	size_t ndomains;
	const struct evidence_count *address;	/* our addresses that the replies name: replies, most first */
	size_t naddresses;
	const char *sample;		/* one reply as stored */
};

struct evidence {
	struct evidence_row *row;	/* about us first, then by category, then most messages first */
	size_t n;
	int64_t messages;		/* selected */
	int64_t replied;		/* of these: with a reply */
	int64_t unread;			/* of these: reports of this server's own whose bodies were not read (scan --contents): replies may stand in them */
	int64_t unlogged;		/* of these: with a log that could not be read: replies may stand in it */
	struct arena *arena;
};

/* Reads the replies of the selected messages: of every recipient that is not removed, or the message's reason where no recipient has one; also those
 * in reports that this server made itself, once their bodies were read.
 * with_gone: also of messages that have left their spools (purged, delivered, bounced). */
int evidence_make(struct evidence **out, struct index *ix, struct selection *s, int with_gone, struct err *e);
void evidence_free(struct evidence *ev);

#endif
