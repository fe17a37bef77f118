#ifndef SPOOL_DSN_H
#define SPOOL_DSN_H
/*
 * A delivery status notification (RFC 3464): the part message/delivery-status of a
 * report. Exim freezes its own reports when they cannot be delivered; what the other
 * server said stands nowhere else by then. Bytes of strangers; nothing fails, what is no field is passed over.
 */
#include <stddef.h>

#include "arena.h"

#define DSN_MAX ((size_t)256 * 1024)	/* of a part: what is behind it is not looked at */
#define DSN_RECIPIENTS 1000

struct dsn_rcpt {
	const char *address;	/* as addr_clean gives it; NULL the report does not say */
	const char *reply;	/* Diagnostic-Code without its type, unfolded; never NULL */
};

/* The recipients that failed or were delayed and for whom the report has a reply, in their order: *n of them in the arena. */
const struct dsn_rcpt *dsn_read(size_t *n, const void *p, size_t len, struct arena *a);

#endif
