#ifndef SPOOL_MIME_H
#define SPOOL_MIME_H
/*
 * A message's MIME tree (RFC 2045 to 2049) from a stream of bytes in any pieces:
 * entities in order, leaves decoded, text parts as UTF-8 text that a reader sees,
 * and the URLs in them. Bounded in depth, parts, header and body bytes. It never
 * fails: odd input and every limit reached give notes. Nothing is kept but what
 * the header fields of the entities say. One thread.
 */
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "url.h"

#define MIME_DEPTH_MAX 30
#define MIME_PARTS_MAX 1000
#define MIME_HEADER_MAX ((size_t)256 * 1024)	/* of Content- fields, all entities together */
#define MIME_BODY_MAX ((uint64_t)1024 * 1024)	/* unless the caller says otherwise */

/* Strings are valid until mime_begin or mime_free. UTF-8; NULL: the entity does not say. */
struct mime_part {
	unsigned number;	/* in order, from 0 */
	unsigned depth;		/* 0: the message itself; a message/rfc822 and the message in it are two entities */
	const char *type;	/* lower case, never NULL: "text/plain" where nothing valid is said (RFC 2045 section 5.2) */
	const char *charset, *encoding, *disposition;	/* lower case */
	const char *name;	/* of Content-Disposition, else of Content-Type: RFC 2231 and 2047 undone */
	const char *content_id;	/* without its <> */
	int is_container;	/* a multipart, or a message whose entities follow; no bytes are told of it */
	int is_text, is_html;	/* text and URLs are told; as markup */
	uint64_t size;		/* decoded bytes so far */
	int is_cut;		/* a limit was reached within it: there is more of it */
};

/* All may be NULL. */
struct mime_sink {
	void (*begin)(void *arg, const struct mime_part *p);
	void (*bytes)(void *arg, const struct mime_part *p, const void *bytes, size_t n);	/* decoded, of a leaf */
	void (*text)(void *arg, const struct mime_part *p, const char *utf8, size_t n);	/* no character is cut between two calls */
	void (*url)(void *arg, const struct mime_part *p, const struct url *u);		/* the same host may come often */
	void (*end)(void *arg, const struct mime_part *p);					/* in the order that they end */
	void (*note)(void *arg, const char *text);						/* each once a message */
	void *arg;
};

struct mime;

struct mime *mime_new(const struct mime_sink *sink);
void mime_free(struct mime *m);

/* Begins a message. max_body: bytes of it that are read behind its header, 0: MIME_BODY_MAX. */
void mime_begin(struct mime *m, uint64_t max_body);

/* The next bytes of the message, from its first header field on, LF or CRLF. Returns 1 when no more are wanted: a limit was reached. */
int mime_feed(struct mime *m, const void *bytes, size_t n);

/* The message has ended: all entities do. whole: no limit was reached and nothing was left out. */
void mime_end(struct mime *m);

int mime_is_whole(const struct mime *m);	/* after mime_end: 1, or 0 when a limit left something unread */

#endif
