#ifndef SPOOL_NAMES_H
#define SPOOL_NAMES_H
/*
 * A table from file base names (queue ids) to the folders in which parts of
 * that name were seen: it joins -H with -D, messages with their defer logs, .eml
 * with .hdr without a system call. An entry is as large as its key and its roles need it:
 * a million names of Postfix take 30 MiB. Keys are bytes without NUL; hashing is keyed, so names
 * chosen by an attacker do not collide.
 */
#include <stddef.h>
#include <stdint.h>

#define NAMES_ROLES 8

struct name {
	uint8_t flags;			/* the driver's own */
	uint8_t roles;			/* of the table */
	uint16_t dir[];			/* 1 + index of the folder where the part of that role is, 0 none; the key stands behind them */
};

struct names;

struct names *names_new(int roles);	/* at most NAMES_ROLES */
void names_free(struct names *t);

/* The entry of a key, made when it is missing. NULL is never returned. Pointers stay valid until names_free. */
struct name *names_put(struct names *t, const char *key, size_t n);
struct name *names_get(struct names *t, const char *key, size_t n);	/* NULL when missing */
size_t names_count(const struct names *t);

const char *names_key(const struct name *n);	/* in the table's own memory */

/* The entries in order of insertion: *at is 0 before the first, and moves on. NULL at the end. */
struct name *names_next(size_t *at, const struct names *t);

#endif
