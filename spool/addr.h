#ifndef SPOOL_ADDR_H
#define SPOOL_ADDR_H
/*
 * Addresses, domains and the account key. Addresses are kept as the spool has
 * them (plus-addressing, quoted local parts, case of the local part), their domain
 * case-folded. Text in is bytes, text out UTF-8 in the arena.
 */
#include <stddef.h>

#include "arena.h"

/* An address as stored: invalid bytes replaced, domain case-folded; angle brackets around it removed. */
const char *addr_clean(struct arena *a, const void *p, size_t n);

/* The domain of a cleaned address (text after the last '@' outside quotes), NULL when it has none. Points into addr. */
const char *addr_domain(const char *addr);

/* Case-folded, NFC, whole text: the form in which names are compared. */
const char *addr_fold(struct arena *a, const char *s);

/* The key of an account name or an address: case-folded, its domain as ASCII (IDNA), quotes around a local part that needs none removed. */
const char *addr_key(struct arena *a, const char *s);

/* An IP address in any spelling of the MTAs ("[::1]:25", "IPv6:2001:db8::1", "::ffff:192.0.2.1", "1.2.3.4.5678" with exim_port = 1) as RFC 5952
 * text, IPv4-mapped as IPv4, zone index kept off; NULL when it is not an address ("unknown", "local", …). */
const char *addr_ip(struct arena *a, const char *s, int exim_port);

/* The 16 bytes of an address (IPv4 as ::ffff:a.b.c.d) in any of these spellings. 4 or 6, 0 when it is none. */
int addr_ip_bytes(unsigned char out[16], const char *s);

/* Address and prefix match: cidr is "ADDR" or "ADDR/LEN". 1, 0, or -1 when cidr is no such thing. */
int addr_ip_in(const char *ip, const char *cidr);

#endif
