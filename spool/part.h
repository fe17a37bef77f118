#ifndef SPOOL_PART_H
#define SPOOL_PART_H
/*
 * The files of one message: where each is, what it is, its identity, and the
 * orders in which they are taken away and put back. Paths are bytes, relative to
 * the spool root, components joined by '/'.
 */
#include <stddef.h>
#include <stdint.h>

#include "sys.h"

#define PART_MAX 12		/* the most files that one message of any MTA has */

enum part_role {
	PART_MESSAGE,		/* Postfix queue file; SmarterMail .eml; Exim -D */
	PART_ENVELOPE,		/* Exim -H; SmarterMail .hdr */
	PART_JOURNAL,		/* Exim -J */
	PART_LOG,		/* Postfix defer log; Exim msglog */
	PART_BOUNCE_LOG,	/* Postfix bounce log */
	PART_TRACE_LOG,		/* Postfix trace log */
	PART_LEFTOVER		/* Exim hdr.ID, ID-K, ID.eml; SmarterMail .em_ */
};

struct part {
	enum part_role role;
	const char *dir;	/* folder relative to the root, "" = the root */
	const char *name;
	struct sys_stat st;	/* identity; st.type SYS_UNKNOWN when it was not looked at */
	int absent;		/* expected, but not there (or vanished) */
	int no_folder;		/* absent, and so is its folder */
};

struct part_list {
	struct part v[PART_MAX];	/* in the MTA's removal order; put back in the reverse order */
	size_t n;
};

/* Adds a part; dir and name are not copied. More than PART_MAX: NULL. */
struct part *part_add(struct part_list *l, enum part_role role, const char *dir, const char *name);
struct part *part_find(struct part_list *l, enum part_role role);

/* The inode by which a message is known again: of its body where it has one (Exim rewrites -H, never -D), else of its first part. 0 none. */
uint64_t part_main_inode(const struct part_list *l);

/* Has a file of it another name too? Then the inode alone does not tell it. */
int part_is_linked(const struct part_list *l);

const char *part_role_name(enum part_role r);

/* A keyed 64-bit fingerprint of where a message lies and of every identity in the list (role, name, inode, size, mode, owner, mtime,
 * ctime), independent of the order of parts. Equal on an unchanged message; key is the index's random secret. Never 0. */
uint64_t part_fingerprint(const struct part_list *l, const char *queue, const char *id, const uint64_t key[2]);

/* SipHash-2-4, the keyed hash used for it. */
uint64_t part_hash(const void *p, size_t n, const uint64_t key[2]);

#endif
