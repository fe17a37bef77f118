#ifndef INDEX_REPLY_H
#define INDEX_REPLY_H
/*
 * What a reply of another mail server speaks of: the kinds of contract "evidence",
 * which list it names and whether it is evidence about us. One classifier for `rank`,
 * `check` and `evidence`; the words are those of index/blocklists.tsv. A reply is a stranger's text: any bytes
 * may be in it. reply_row and reply_class look at one reply in a pass over its bytes; not shared between threads.
 */
#include "index/blocklists.h"
#include "spool/arena.h"
#include "spool/buf.h"

enum reply_category {
	REPLY_LISTED, REPLY_REPUTATION, REPLY_RATE, REPLY_POLICY, REPLY_GREYLIST, REPLY_RECIPIENT, REPLY_CONTENT, REPLY_MISCONFIGURED,
	REPLY_UNKNOWN, REPLY_CATEGORIES
};
extern const char *const reply_category_name[REPLY_CATEGORIES];

/* Whom a reply judges; all but ABOUT_NO are evidence about us. */
enum reply_about {
	ABOUT_NO,
	ABOUT_IP,	/* our address */
	ABOUT_DOMAIN,	/* our domain */
	ABOUT_URL,	/* a domain in the text of the message */
	ABOUT_VOLUME	/* how much or how fast we send; says nothing of our name */
};

struct reply {
	enum reply_category category;
	enum reply_about about;
	const struct blocklist *row;	/* of the table; NULL: no word of it was found */
	const char *list;		/* its short name, or the DNS zone that the reply names; NULL: none, or it is no listing */
	const char *operator;		/* NULL: not known */
	const char *address;		/* ours, as the reply names it, RFC 5952 text; NULL: none */
	const char *url;		/* to look up or delist: of the reply, else of the table; NULL: none */
	int has_url;			/* it is the reply's own */
};

struct replies;
struct replies *replies_new(void);
void replies_free(struct replies *r);

/* Texts of *out live in the arena or for ever. */
void reply_read(struct reply *out, struct replies *r, const char *text, struct arena *a);

/* For the ranking, by the same rows: is the message refused, our server (a list of its address or domain, its reputation: innocent accounts are
 * refused too), or neither? */
enum reply_class { REPLY_OTHER, REPLY_SERVER, REPLY_MESSAGE };
enum reply_class reply_class(struct replies *r, const char *text);

/* The form in which words are sought (index/blocklists.tsv); cut at 16 KiB. */
void reply_normal(struct buf *out, const char *text);

/* ---- reply_find.c: all phrases of the table in one pass ---- */

struct finder;
struct finder *finder_new(void);
void finder_free(struct finder *f);

#define REPLY_ADDRESS_MARK 1	/* this byte stands where the text names our address: "%" of the table */

/* The first row of which a phrase stands in the text; NULL none. */
const struct blocklist *finder_row(struct finder *f, const char *text, size_t n);

#endif
