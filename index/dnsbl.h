#ifndef INDEX_DNSBL_H
#define INDEX_DNSBL_H
/*
 * Live look-ups of blocklists by DNS (RFC 5782): addresses and domains against
 * zones, all at once, each zone's test entries first. An answer is listed, not
 * listed or unknown; nothing that failed is ever "not listed". Asks the network:
 * only where the user said so. Nothing here reads a spool or the index.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/blocklists.h"
#include "spool/arena.h"
#include "spool/err.h"

enum { DNSBL_IP4 = 1, DNSBL_IP6 = 2, DNSBL_DOMAIN = 4 };	/* what a zone can be asked for */

struct dnsbl_zone {
	const char *zone;		/* "zen.spamhaus.org" */
	int asks;
	const char *test;		/* a domain that it lists beside "test"; NULL none */
	const struct blocklist *row;	/* what the table knows of it; NULL: nothing */
};

/* The zones of the table that can be asked, in its order; *n of them, in the arena. */
const struct dnsbl_zone *dnsbl_zones(size_t *n, struct arena *a);

/* The zone of a list by its short name or of a zone of the table, else any zone by its name. NULL: neither a list nor a domain name. */
const struct dnsbl_zone *dnsbl_zone(const char *name, struct arena *a);

enum dnsbl_state { DNSBL_CLEAN, DNSBL_LISTED, DNSBL_UNKNOWN };
extern const char *const dnsbl_state_name[];	/* "clean" "listed" "unknown" */

struct dnsbl_answer {
	const char *subject;		/* as asked: RFC 5952 text, or a domain */
	const struct dnsbl_zone *zone;
	enum dnsbl_state state;
	const char *codes;		/* "127.0.0.2, 127.0.0.4"; NULL no answer */
	const char *meaning;		/* of the codes; NULL not known */
	const char *text;		/* TXT of a listing, any bytes but NUL; NULL none */
	const char *why;		/* why it is unknown; NULL it is not */
};

struct dnsbl {
	struct dnsbl_answer *answer;	/* each subject against each zone that can be asked for it */
	size_t n;
	size_t listed, unknown;
	const char *resolver;		/* "192.0.2.53, 192.0.2.54" */
	const char *public_resolver;	/* one of these that is open to everybody: lists refuse it, nothing was asked; NULL none */
};

#define DNSBL_SUBJECTS 256

/* An address in any spelling, or a domain, in the form in which it is asked; NULL: it is neither. */
const char *dnsbl_subject(const char *s, struct arena *a);

/* Asks. resolver: "ADDR" or "ADDR:PORT" ("[ADDR]:PORT" for IPv6), NULL the system's; ms: how long one query may take, tries included. At most
 * DNSBL_SUBJECTS subjects as dnsbl_subject made them. Texts live in the arena. 0, or -1 and err: nothing could be asked. */
int dnsbl_ask(struct dnsbl *out, const char *const *subject, size_t nsubjects, const struct dnsbl_zone *zone, size_t nzones, const char *resolver,
    int64_t ms, struct arena *a, struct err *e);

/* ---- the parts that need no network, for tests ---- */

/* The name to ask for: reversed octets or nibbles, or the domain, before the zone. NULL: longer than a name may be. */
const char *dnsbl_name(const char *subject, const char *zone, struct arena *a);

/* The test entries of RFC 5782 section 5 in a zone asked for IPv4, IPv6 or domains: 127.0.0.2 and 127.0.0.1, ::ffff:7f00:2 and ::ffff:7f00:1 (in
 * nibbles, never as IPv4), "test" and "invalid": the one that must be listed, the one that must not. */
const char *dnsbl_test_name(int asks, int is_listed, const char *zone, struct arena *a);

/* What addresses (4 bytes each) mean by the codes of a row (NULL: any 127.0.0.0/8 but the known errors is a listing). Sets state, codes, meaning, why. */
void dnsbl_judge(struct dnsbl_answer *out, const struct blocklist *row, const unsigned char (*ip)[4], size_t n, struct arena *a);

#endif
