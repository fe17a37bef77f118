/*
 * mkspool_postfix.h - a made Postfix queue file between its two makers: the
 * one that writes it as Postfix does, and the one that breaks it.
 */
#ifndef MKSPOOL_POSTFIX_H
#define MKSPOOL_POSTFIX_H

#include "mkspool.h"

#define PTR_SIZE	17	/* REC_TYPE_PTR_SIZE: type, length, %15ld */

/* What a damage case leaves out or breaks while the file is built. */
enum {
	NO_SENDER = 1, NO_TIME = 2, NO_SIZE = 4, NO_END = 8, BAD_SIZE = 16,
	BAD_ATTR = 32, BAD_TYPE = 64, NUL_TYPE = 128, CLAIM_MANY = 256
};

struct image {
	struct mbuf b;
	unsigned broken;
	bool milter;		/* place holders for later edits */
	size_t *rcpt_at;	/* offset of each R or D record */
	size_t rcpt_cap;
	size_t edge[64];	/* ends of envelope records */
	size_t edges;
	size_t data, xtra, end;	/* behind M; of X; of E */
	size_t body, subject, subject_end, hdr_ptr, rcpt_ptr;
};

struct spot {
	char queue[16];
	char id[96];
	char bucket[8];		/* 5 hex digits that the hash folders come from */
	unsigned mode;
	int64_t mtime;
	const char *state;
};

/* A queue file on its way: created, built, stored under its final name. */
struct draft {
	struct spot s;
	struct image im;
	struct os_file f;
	char tmp[64];
	struct mbuf path, log, text;
};

void pf_make_id(struct spot *, const struct world *, const struct mail *,
    uint64_t inode);
void pf_hashed_path(struct mbuf *out, struct world *, const char *queue,
    const char *bucket, const char *name, int depth);
void pf_queue_path(struct mbuf *out, struct world *, const struct spot *);

/* A draft goes pf_open, pf_build, pf_store; the bytes may change between. */
void pf_open(struct draft *, struct world *, const struct mail *);
void pf_build(struct draft *, const struct mail *);
void pf_store(struct draft *, const char *path, int64_t uid, bool fast);
void pf_rec(struct image *, int type, const void *, size_t);
void pf_rec_str(struct image *, int type, const char *);
void pf_rec_ptr(struct image *, size_t target);
void pf_set_size(struct image *, const struct mail *, size_t content_length);
/* Edits subject, headers or body and adds a recipient (m->rcpts counts it);
 * returns the content length that goes into SIZE. */
size_t pf_edit(struct image *, struct mail *);
void pf_patch_ptr(struct image *, size_t at, size_t target);
void pf_log_block(struct mbuf *, const struct mail *, uint32_t i,
    size_t offset, bool failed);

void pf_damage(struct draft *, struct mail *, struct world *);

#endif
