#ifndef SPOOL_NAMES_H
#define SPOOL_NAMES_H
/*
 * A table from file base names (queue ids) to the folders in which parts of
 * that name were seen: it joins -H with -D, messages with their defer logs, .eml
 * with .hdr without a system call. About 40 bytes a name, a million names fit. Keys
 * are bytes; hashing is keyed, so names chosen by an attacker do not collide.
 */
#include <stddef.h>
#include <stdint.h>

#define NAMES_ROLES 8

struct name {
	const char *key;		/* in the table's own memory */
	uint16_t dir[NAMES_ROLES];	/* 1 + index of the folder where the part of that role is, 0 none */
	uint8_t flags;			/* the driver's own */
	uint8_t len_hint;		/* unused by the table; the driver's own */
};

struct names;

struct names *names_new(void);
void names_free(struct names *t);

/* The entry of a key, made when it is missing. NULL is never returned. Pointers stay valid until names_free. */
struct name *names_put(struct names *t, const char *key, size_t n);
struct name *names_get(struct names *t, const char *key, size_t n);	/* NULL when missing */
size_t names_count(const struct names *t);

/* The i-th entry in order of insertion, i < names_count. */
struct name *names_at(struct names *t, size_t i);

#endif
