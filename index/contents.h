#ifndef INDEX_CONTENTS_H
#define INDEX_CONTENTS_H
/*
 * The bodies of messages that the index knows, read on request: MIME entities,
 * their types and hashes, and the hosts of URLs go into the index beside the
 * message. Threads read and parse, the caller's thread writes, a transaction for
 * every few thousand messages: what was read stays when a run is ended. Nothing
 * met in a body is damage: limits and oddities are notes of the message. (A first
 * scan reads bodies itself, all in its one transaction: see max_body in scan.h.)
 */
#include <stdint.h>

#include "index/index.h"
#include "index/select.h"
#include "spool/spool.h"

/* message.contents */
enum { CONTENTS_NOT, CONTENTS_READ, CONTENTS_PARTLY };	/* PARTLY: a limit was reached */

struct contents_stats {
	int64_t wanted;		/* messages of this spool that were selected and whose bodies were not (wholly) read yet */
	int64_t read;		/* of these: read now, wholly or partly */
	int64_t partly;
	int64_t gone;		/* not in the spool any more, or changed since the scan */
	int64_t unreadable;
	char **lines;		/* why, for stderr: at most 20 */
	size_t nlines;
};

struct contents_options {
	unsigned threads;	/* 0: one a processor, at most 8 */
	uint64_t max_body;	/* bytes of a body; 0: MIME_BODY_MAX */
	int full;		/* also what was read before */
	void (*progress)(void *arg, uint64_t read, uint64_t wanted, double seconds);	/* NULL: none */
	void *progress_arg;
};

/* Reads the bodies of the selected messages (NULL: all) now in a spool that was scanned before. -1 and err: what was written until then stays.
 * Free stats with contents_stats_free also after an error. */
int contents_read(struct contents_stats *out, struct index *ix, struct spool *sp, struct selection *s, const struct contents_options *opt,
    struct err *e);
void contents_stats_free(struct contents_stats *s);

/* Live messages, and those of them whose contents were not read or were read up to a limit, of the spools that a selection may speak of (NULL: all). 0 or -1. */
int contents_missing(int64_t *missing, int64_t *cut, int64_t *all, struct index *ix, const struct selection *s, struct err *e);

struct contents_part {		/* contract "show --json" parts; NULL and -1 are null */
	int64_t depth, size;
	const char *type, *name, *charset, *encoding, *detected, *sha256;	/* sha256: 64 hex digits */
	int is_attachment;
};

struct contents_url {
	const char *host, *domain;	/* domain: the registrable one, NULL: an address, or none */
	int is_shortener;
};

/* What the index has of a message's contents: its state, or -1 and err. Strings are valid during the call of fn. */
int contents_of(struct index *ix, int64_t row, void (*part)(void *arg, const struct contents_part *p),
    void (*url)(void *arg, const struct contents_url *u), void *arg, struct err *e);

/* Is this host one of those that hide where a link leads? */
int contents_is_shortener(const char *host);

#endif
