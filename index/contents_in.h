#ifndef INDEX_CONTENTS_IN_H
#define INDEX_CONTENTS_IN_H
/*
 * Shared by contents.c (the run), contents_body.c (one body to a record) and
 * contents_put.c (a record to rows). Records live in the arena of a batch.
 */
#include <stdint.h>

#include "index/contents.h"
#include "spool/arena.h"
#include "spool/msg.h"

#define CONTENTS_HOSTS_MAX 256

struct body_part {
	unsigned depth;
	const char *type, *name, *charset, *encoding, *disposition, *detected;
	int64_t size;		/* -1: a container, or cut short */
	unsigned char sha256[32];
	int has_sha256, is_attachment;
};

struct body {			/* what one message's body says */
	int state;		/* CONTENTS_READ, CONTENTS_PARTLY; CONTENTS_NOT: see below */
	struct body_part *part;
	size_t nparts;
	const char **host;
	size_t nhosts;
	struct msg_list notes;
	int is_gone;
	const char *why;	/* not readable */
};

/* ---- contents_body.c: used by any thread ---- */

/* What all readers of a run share: libmagic's data base and what it said of each content, by its hash. */
struct body_shared;
int body_shared_new(struct body_shared **out, uint64_t max_body, struct err *e);
void body_shared_free(struct body_shared *sh);

struct body_reader;
int body_reader_new(struct body_reader **out, struct body_shared *sh, struct spool *sp, struct err *e);
void body_reader_free(struct body_reader *r);

/* Reads one message; all of out goes to a. */
void body_read(struct body *out, struct body_reader *r, struct arena *a, const char *queue, const char *id, const char *path);

/* ---- contents_put.c ---- */

struct contents_put;
struct contents_put *contents_put_new(struct index *ix, int64_t spool, uint64_t max_body, struct err *e);
void contents_put_free(struct contents_put *p);

/* Writes a record to a row that still has this fingerprint. 1 written, 0 the row is another message now, -1. Inside a transaction. */
int contents_put(struct contents_put *p, int64_t row, int64_t fp, const struct body *b, struct err *e);

#endif
