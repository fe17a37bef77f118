#ifndef SPOOL_DETECT_H
#define SPOOL_DETECT_H
/*
 * What an attachment is, against what it says: its type told by libmagic from its
 * first bytes (never from a path), with libmagic's limits set; archives that are
 * encrypted; names that hide a program. One struct detect is used by one thread.
 */
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "mime.h"

#define DETECT_PREFIX ((size_t)64 * 1024)

struct detect;
struct detect_db;	/* libmagic's data base, shared by threads; lives longer than every struct detect */

int detect_db_open(struct detect_db **out, struct err *e);
void detect_db_close(struct detect_db *db);
int detect_new(struct detect **out, const struct detect_db *db, struct err *e);
void detect_free(struct detect *d);

/* The type of what begins with these bytes ("application/zip"), valid until the next call; NULL: libmagic failed. */
const char *detect_type(struct detect *d, const void *bytes, size_t n);

/* Do the bytes look like text in some charset of one byte a character or more? Then libmagic need not be asked. */
int detect_is_texty(const void *bytes, size_t n);

/* Adds to out what there is to say of an attachment, a sentence: an encrypted archive, TNEF, a name or a type that is not what the bytes are.
 * type: as detect_type told, NULL not known. has_7z_key: the bytes of 7z's encryption method were met somewhere in it. 1: something was added,
 * DETECT_LIES: and it is that the name or type says another thing. */
#define DETECT_LIES 2
int detect_note(struct buf *out, const struct mime_part *p, const char *type, const void *prefix, size_t n, int has_7z_key);

/* The method id of 7z's encryption (AES-256), which stands in the headers at the archive's end. */
#define DETECT_7Z_KEY "\x06\xF1\x07\x01"

#endif
