#ifndef SPOOL_DECODE_H
#define SPOOL_DECODE_H
/*
 * Content-Transfer-Encoding (RFC 2045) undone as bytes stream by, in any pieces:
 * the result does not depend on where they were cut. It never fails: what is
 * no code stands in the result as it came (quoted-printable) or is passed over
 * (base64, as RFC 2045 section 6.8 says), and is counted.
 */
#include <stddef.h>
#include <stdint.h>

enum decode_kind { DECODE_NONE, DECODE_QUOTED, DECODE_BASE64, DECODE_UU };

#define DECODE_HELD 128
#define DECODE_SLACK (2 * DECODE_HELD)

struct decode {
	enum decode_kind kind;
	uint32_t bits;			/* base64, uuencode: sextets of the group at hand */
	unsigned have;
	unsigned left;			/* uuencode: bytes of this line that are still to come */
	int state;
	char held[DECODE_HELD];		/* blanks that may end a line, or the begin of an escape */
	size_t nheld;
	uint64_t bad;			/* bytes that are no code */
};

/* "base64" and so on, in any case; unknown words are DECODE_NONE and *is_known (may be NULL) is 0 for them. */
enum decode_kind decode_named(const char *word, int *is_known);

void decode_init(struct decode *d, enum decode_kind kind);

/* Decodes n bytes to out, which has room for n + DECODE_SLACK. Returns the number of bytes written. */
size_t decode_push(struct decode *d, char *out, const char *in, size_t n);

/* What is left at the end of the input; out has room for DECODE_SLACK. */
size_t decode_end(struct decode *d, char *out);

#endif
