#ifndef SPOOL_MIME_PARAM_H
#define SPOOL_MIME_PARAM_H
/*
 * The value of a structured MIME field: "word; name=value; name*0*=utf-8''…".
 * Takes what RFC 2045 and 2231 allow and what senders write: RFC 2047 words in
 * names, raw bytes, quotes left open, blanks anywhere. Time is linear in the value,
 * the number of parameters is bounded. Text out is UTF-8, NFC, in the arena.
 */
#include <stddef.h>

#include "arena.h"

#define MIME_PARAMS_MAX 64

struct mime_value {
	const char *word;	/* what stands before the first ";", without comments and blanks, lower case; "" none */
	struct mime_param {
		const char *name;	/* lower case, without the "*" of RFC 2231 */
		const char *text;	/* unquoted bytes, a NUL behind them */
		size_t n;
		int section;		/* of a continuation; -1: there is none */
		int is_encoded;		/* percent-encoded; the first one begins with the charset */
	} v[MIME_PARAMS_MAX];
	size_t n;
	int is_cut;		/* there were more parameters */
};

/* value: unfolded bytes. Strings go to a. */
void mime_value_parse(struct mime_value *out, struct arena *a, const char *value, size_t n);

/* A parameter as text for people, continuations joined, charset and RFC 2047 words decoded; RFC 2231 goes before a plain one. NULL: absent. */
const char *mime_value_text(const struct mime_value *v, struct arena *a, const char *name);

/* The bytes of a plain parameter (boundary, charset), continuations joined; *n (may be NULL) their number. NULL: absent. */
const char *mime_value_raw(size_t *n, const struct mime_value *v, struct arena *a, const char *name);

#endif
