#ifndef SPOOL_SMARTERMAIL_FILES_H
#define SPOOL_SMARTERMAIL_FILES_H
/*
 * File names of one SmarterMail folder, and how they join into messages:
 * <base>.hdr, <base>.eml and <base>.em_ match without case, for that is how the
 * server's own file system sees them. On a copy that lies on Linux two names may
 * differ in nothing but case: then nobody knows what belongs together, and each
 * spelling is a message of its own, marked. Base names are opaque bytes (digits,
 * letters and '-' were seen). No system call is made here.
 */
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "spool.h"

#define SMARTERMAIL_ROLES 3
enum { SMARTERMAIL_HDR, SMARTERMAIL_EML, SMARTERMAIL_EM };	/* in the order of removal */

#define SMARTERMAIL_CASE 1u	/* item flag: another name differs only in case */
#define SMARTERMAIL_PLAIN 2u	/* item flag: a folder where an .eml needs no .hdr */

struct smartermail_file {
	const char *name;
	uint16_t base;		/* bytes of the name before the extension */
	uint16_t role;
	uint64_t ino;		/* as readdir told it */
};

/* Names and inodes that the walk has told: a rename changes neither. */
struct smartermail_seen {
	uint64_t *slot;
	size_t n, cap;
	uint64_t key[2];	/* random: a sender must not choose names that collide */
};

struct smartermail_files {
	struct smartermail_file *v;
	size_t n, cap;
	struct arena arena;	/* the names */
	char *room;		/* what is left of its last piece */
	size_t left;
};

/* What a name is by its extension, and the length of its base: a role, or -1 for a name that is
 * no part of a message. */
int smartermail_role(size_t *base, const char *name);
const char *smartermail_extension(int role);

/* ASCII case-insensitive: <0, 0, >0. */
int smartermail_compare(const char *a, size_t an, const char *b, size_t bn);

/* Adds a copy of a name; a name without a role is passed over. */
void smartermail_files_add(struct smartermail_files *f, const char *name, uint64_t ino);
void smartermail_files_clear(struct smartermail_files *f);
void smartermail_files_free(struct smartermail_files *f);

/* Brings names that match next to each other. */
void smartermail_files_sort(struct smartermail_files *f);

/* The end of the names that match the one at `at` in a sorted table. *is_case = 1: a role comes
 * twice among them. */
size_t smartermail_files_run(int *is_case, const struct smartermail_files *f, size_t at);

/* The end of those that are spelled like the one at `at`. */
size_t smartermail_files_spelling(const struct smartermail_files *f, size_t at);

/* The item of n files of one message; strings are copied to a. */
void smartermail_item(struct spool_item *out, struct arena *a, const char *queue,
    const struct smartermail_file *v, size_t n, unsigned flags);

/* Was any of the n files of a message told before? From now on all of them were. */
int smartermail_seen(struct smartermail_seen *s, const struct smartermail_file *v, size_t n);
void smartermail_seen_free(struct smartermail_seen *s);

#endif
