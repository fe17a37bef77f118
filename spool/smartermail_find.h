#ifndef SPOOL_SMARTERMAIL_FIND_H
#define SPOOL_SMARTERMAIL_FIND_H
/*
 * Where a message of SmarterMail is now: its folder is asked first, under the
 * names that a server gives, then by readdir without case, then all other folders,
 * for the server moves messages between them under their old names. The list of
 * folders is some seconds old at most and shared by all readers under its own
 * lock. Nothing is opened but folders.
 */
#include "smartermail_files.h"
#include "spool.h"
#include "sys.h"

#define SMARTERMAIL_DEPTH 8u	/* folders below the spool that are entered */

struct smartermail_folder {
	char *rel;
	unsigned depth;
	int64_t mtime;		/* the walk's: before it was read; 0 when that cannot tell whether it changed since */
};

struct smartermail_folders {
	struct smartermail_folder *v;
	size_t n, cap;
};

struct smartermail_tree {
	struct sys_mutex *lock;
	struct smartermail_folders folders;
	int64_t loaded_at;
};

void smartermail_folders_add(struct smartermail_folders *f, const char *parent, const char *name,
    unsigned depth);
void smartermail_folders_free(struct smartermail_folders *f);

/* Does a folder lie at or below another (without case)? */
int smartermail_in_folder(const char *queue, const char *folder);

/* SMARTERMAIL_PLAIN or 0. */
unsigned smartermail_folder_flags(const char *queue);

/* A folder of ours, which no walk enters. */
int smartermail_is_private(const char *name);

/* Asks the system for the type of an entry where readdir did not say. 0 or errno. */
int smartermail_entry_type(struct sys_entry *ent, struct sys_dir *d);

/* As spool_driver.find. */
int smartermail_find(struct spool_item *out, struct smartermail_tree *tree, struct spool *sp,
    struct spool_reader *r, struct arena *a, const char *queue, const char *id, const char *path,
    struct err *e);

#endif
