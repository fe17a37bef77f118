#ifndef SPOOL_HTML_H
#define SPOOL_HTML_H
/*
 * HTML in pieces to the text that a reader sees and to the values of attributes:
 * a tokenizer after the HTML standard's, without a tree. Left out: scripts, styles,
 * comments, and elements that their own style hides (display:none, visibility:hidden,
 * font-size:0, the attribute hidden). Character references are undone, white space
 * becomes one blank, an element that begins a line a line end. It never fails,
 * holds a bounded state and takes linear time.
 */
#include <stddef.h>

#define HTML_NAME_MAX 32
#define HTML_VALUE_MAX 8192	/* a longer value of an attribute is told cut (data: images) */

struct html_sink {
	void (*text)(void *arg, const char *utf8, size_t n);	/* what is seen; no character is cut between two calls */
	/* an attribute: lower-case name, value with its references undone */
	void (*attribute)(void *arg, const char *name, const char *value, size_t n);
	void (*hidden)(void *arg, const char *utf8, size_t n);	/* scripts, styles, comments, as they stand; may be NULL */
	void *arg;
};

struct html {
	struct html_sink sink;
	int state;
	char tag[HTML_NAME_MAX], name[HTML_NAME_MAX];
	size_t ntag, nname;
	int is_end_tag;
	char value[HTML_VALUE_MAX];
	size_t nvalue;
	char quote;
	char raw[HTML_NAME_MAX];	/* the element whose content is no markup: script, style, title, textarea; "" none */
	char ref[HTML_NAME_MAX];	/* a character reference that has begun, from its "&" */
	size_t nref;
	char out[512];			/* text on its way out */
	size_t nout;
	int space;			/* 0 something stands before, 1 a blank is owed, 2 a line end, 3 nothing was told yet */
	unsigned dashes;
	int hides;			/* the tag at hand hides what is in it */
	char hidden[HTML_NAME_MAX];	/* the element that hides; "" none */
	unsigned hidden_depth;
};

void html_init(struct html *h, const struct html_sink *sink);
void html_push(struct html *h, const char *utf8, size_t n);
void html_end(struct html *h);		/* ready for another text then */

#endif
