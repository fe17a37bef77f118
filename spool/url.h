#ifndef SPOOL_URL_H
#define SPOOL_URL_H
/*
 * URLs in text as mail programs and their readers take them: with a scheme, as
 * "www.…", as "host/path", and with what is done to keep them from filters or from
 * a click ("hxxp", "[.]", percent signs, other dots, user names before an @).
 * Hosts come out as ASCII (IDNA), lower case, without port and trailing dot;
 * addresses as RFC 5952 or dotted text. Nothing is looked up. Time is linear.
 */
#include <stddef.h>

#define URL_WORD_MAX ((size_t)2048)	/* a longer word is looked at in pieces */
#define URL_HOST_MAX 256

struct url {
	const char *host;	/* ASCII, lower case */
	const char *text;	/* as it stood, n bytes, no NUL behind them */
	size_t n;
	int is_bare;		/* no scheme and no "www.": only its shape says that it is one */
};

typedef void url_found(void *arg, const struct url *u);

/* The host of one URL with its scheme ("//host" too), as a browser reads it. 0, or -1 when it has none (a relative one, mailto:, data: …). */
int url_host(char out[URL_HOST_MAX], const char *url, size_t n);

/* Looks for URLs in UTF-8 text that comes in pieces. */
struct url_scan {
	char word[URL_WORD_MAX];
	size_t n;
	url_found *found;
	void *arg;
};
void url_scan_init(struct url_scan *s, url_found *found, void *arg);
void url_scan_push(struct url_scan *s, const char *text, size_t n);
void url_scan_end(struct url_scan *s);		/* the last word; ready for another text then */

/* A link's target (href, src …): its host, and those of URLs within it. */
void url_link(const char *value, size_t n, url_found *found, void *arg);

#endif
