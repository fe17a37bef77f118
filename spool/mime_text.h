#ifndef SPOOL_MIME_TEXT_H
#define SPOOL_MIME_TEXT_H
/*
 * A text part of mime.c: bytes in its charset to the text that a reader sees and
 * the URLs in it. Converts in pieces that end at a line, so that no character and
 * no shift of ISO-2022 is cut; a line of more than MIME_PIECE bytes is cut there.
 */
#include <stddef.h>

#include "buf.h"
#include "html.h"
#include "url.h"

#define MIME_PIECE ((size_t)32 * 1024)

struct mime_text_sink {
	void (*text)(void *arg, const char *utf8, size_t n);
	url_found *url;
	void *arg;
};

struct mime_text {
	struct mime_text_sink sink;
	const char *charset;
	int is_html, is_plain_charset, is_unknown;	/* is_unknown: the charset; the text was read as best we can */
	struct buf piece, utf8;		/* waiting for a line end; converted */
	struct html html;
	struct url_scan scan;
};

void mime_text_init(struct mime_text *t, const struct mime_text_sink *sink);
void mime_text_free(struct mime_text *t);

/* charset: lower case, "" none. It must live until mime_text_end. */
void mime_text_begin(struct mime_text *t, const char *charset, int is_html);
void mime_text_push(struct mime_text *t, const char *bytes, size_t n);
void mime_text_end(struct mime_text *t);

#endif
