#ifndef SPOOL_SMARTERMAIL_HDR_H
#define SPOOL_SMARTERMAIL_HDR_H
/*
 * The envelope file <n>.hdr of SmarterMail: three positional lines (status word,
 * MAIL FROM, all recipients separated by commas), then "key: value" lines and a
 * blank one. The vendor publishes no description; the shape is that of the sample
 * in bigjosh/sm-rfc-replace (85530949724.hdr), of storage-reference.md in
 * bigjosh/sm-tagger2, and of the vendor's own reader SMCustomHeaders.cs. So unknown
 * keys are passed over, and what makes the envelope unsure becomes damage, or
 * only a note while the server is still writing the file. Reading is bounded in
 * bytes, recipients and line length. Text goes to the message's arena.
 */
#include <stdint.h>

#include "msg.h"
#include "rd.h"

enum smartermail_status {
	SMARTERMAIL_NONE,		/* no readable word */
	SMARTERMAIL_WRITTEN, SMARTERMAIL_WRITING, SMARTERMAIL_QUARANTINED, SMARTERMAIL_FAILED,
	SMARTERMAIL_OTHER
};

struct smartermail_time {		/* the server's local civil time */
	int year, month, day, hour, min, sec;
};

struct smartermail_hdr {
	enum smartermail_status status;
	int64_t retries;		/* attempts done; 0 when the file does not say, -1 when it cannot be read */
	int has_created;
	struct smartermail_time created;
};

/*
 * Reads an envelope into m: sender, recipients, auth, client, client_name, helo, and what is
 * wrong. Neither state nor arrival is set. is_growing: an .em_ file lies beside it, so a cut end
 * is no damage. 0, or -1 after an I/O error (r->error).
 */
int smartermail_hdr_read(struct smartermail_hdr *h, struct msg *m, struct rd *r, int is_growing);

/* Only the status word; is_word (may be NULL) tells whether an unknown one at least looks like a word. */
enum smartermail_status smartermail_hdr_status(int *is_word, struct rd *r);

/* Passes over a UTF-8 byte order mark at the beginning. */
void smartermail_skip_bom(struct rd *r);

/* "MM/dd/yyyy HH:mm:ss" (the invariant culture of .NET), also with AM or PM, "yyyy-MM-dd
 * HH:mm:ss" and "dd.MM.yyyy HH:mm:ss". 0, or -1 when it is none. */
int smartermail_time_parse(struct smartermail_time *t, const char *s);

#endif
