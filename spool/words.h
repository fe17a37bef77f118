#ifndef SPOOL_WORDS_H
#define SPOOL_WORDS_H
/*
 * What head.c, words.c and addr.c share: bytes to clean UTF-8, normal forms, and
 * the list of notes of a header parser. Not for drivers: they use head.h and
 * addr.h. Every function takes time linear in its input, also on text made to
 * be slow (endless combining marks, "=?" without end).
 */
#include <stddef.h>

#include "arena.h"
#include "buf.h"

struct head_parser;

/* 1 when the bytes are plain ASCII without NUL: text that needs no work. */
int text_plain(const void *p, size_t n);

/* 1 when the bytes are ASCII without capital letters and NUL: their own folded form. */
int text_folded(const void *p, size_t n);

/* 1 when the bytes are valid UTF-8 (no overlong forms, no surrogates). A NUL is valid here. */
int text_valid(const void *p, size_t n);

/* Appends bytes as UTF-8: NUL and what is not valid become U+FFFD. */
void text_add_utf8(struct buf *out, const void *p, size_t n);

/* Appends bytes as Windows-1252; the five bytes it does not define become C1 controls as in Latin-1; NUL becomes U+FFFD. */
void text_add_1252(struct buf *out, const void *p, size_t n);

/* Appends bytes in a charset (its MIME name in lower case, read as what senders mean by it) as UTF-8. -1 when it is not known: then they are
 * UTF-8 where valid, else Windows-1252. "" is text without a charset. */
int text_add_charset(struct buf *out, const char *charset, const void *p, size_t n);

/* Are bytes below 0x80 the ASCII characters in this charset, whatever stood before them? */
int text_charset_is_plain(const char *charset);

/* NFC of valid UTF-8 without NUL, case-folded with fold = 1. */
const char *text_nfc(struct arena *a, const char *s, size_t n, int fold);

/* Adds a printf-formatted note to a header, each text once. p may be NULL. */
void head_note(struct head_parser *p, const char *fmt, ...);

#endif
