#ifndef SPOOL_POSTFIX_LOG_H
#define SPOOL_POSTFIX_LOG_H
/*
 * Postfix's defer, bounce and trace logs: blocks of one recipient each, parted
 * by blank lines (src/bounce/bounce_append_service.c): an old-style line
 * "<address>: reason", then name=value lines. Joins the replies to the recipients of a
 * message by the offset of their record, else by address. Every file is valid: what is not
 * understood is passed over, a long line is cut, of a giant log only the end is read.
 */
#include "arena.h"
#include "msg.h"
#include "part.h"
#include "rd.h"

#define POSTFIX_LOG_TAIL ((uint64_t)16 * 1024 * 1024)

/*
 * Sets m->rcpt[].reply: diag_text, else reason, else the old-style text. Of two blocks for one recipient the later counts. A trace log fills
 * only what the others left open, a bounce log overrides. scratch is used, not reset. 0, or -1 when r had an I/O error.
 */
int postfix_log_join(struct msg *m, struct rd *r, enum part_role role, struct arena *scratch);

#endif
