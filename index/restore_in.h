#ifndef INDEX_RESTORE_IN_H
#define INDEX_RESTORE_IN_H
/*
 * Shared by restore.c (the run; the only caller of sys_rename and sys_unlink on
 * a spool beside purge.c), restore_list.c (what the archive says it holds, and the
 * selection of it), restore_files.c (selectors that need the files themselves),
 * restore_scratch.c (where those are read), restore_export.c (mail files for reading instead) and restore_place.c
 * (the target spool and its private folder).
 */
#include <stdint.h>

#include "index/index.h"
#include "index/restore.h"
#include "index/select.h"
#include "spool/arc.h"
#include "spool/arena.h"
#include "spool/putback.h"

/* ---- restore_list.c: messages.jsonl in a temporary database ---- */

struct restore_list;

/* Reads the list of an archive. -1 and err. */
int restore_list_new(struct restore_list **out, const char *archive, struct err *e);
void restore_list_free(struct restore_list *l);
uint64_t restore_list_count(const struct restore_list *l);

/* Marks the messages that s selects; an empty s selects all. */
int restore_list_select(struct restore_list *l, const char *archive, struct selection *s, struct err *e);

/* Message n (from 0) in the order of the archive, and whether it is selected. Texts go to a. */
int restore_list_get(struct arc_message *out, int *is_selected, struct restore_list *l, uint64_t n, struct arena *a, struct err *e);

/* For restore_files.c: its database, the row of message n is n + 1. */
struct index *restore_list_index(struct restore_list *l);

/* ---- restore_scratch.c: messages unpacked one at a time, for their MTA's driver to read ---- */

struct scratch;
struct scratch_spool {
	const char *name;		/* "KIND-N" */
	struct spool *sp;
	struct spool_reader *r;
};

/* A folder below TMPDIR. *out is to be freed also after -1. */
int restore_scratch_new(struct scratch **out, struct err *e);
void restore_scratch_free(struct scratch *sc);

/* Unpacks a message, before whose first part r stands. -1 and err; *out is NULL or, also after -1, to be given to drop, which removes it again. */
int restore_scratch_put(struct scratch_spool **out, struct scratch *sc, const struct arc_message *m, struct arc_reader *r, struct err *e);
void restore_scratch_drop(struct scratch_spool *s, const struct arc_message *m, struct arena *a);

/* ---- restore_files.c ---- */

/* Does a selection ask what only the files tell? */
int restore_files_needed(const struct selection *s);

/* Reads all messages of the archive: their recipients go into the list's database; selected[n] becomes 0 for those without a text
 * of --contains. */
int restore_files_read(unsigned char *selected, struct restore_list *l, const char *archive, const struct selection *s, struct err *e);

/* ---- restore_export.c ---- */

/* --as: the selected messages into files, none into a spool. As restore_run. */
int restore_export(struct restore_result *out, const char *archive, struct restore_list *l, const struct restore_options *opt,
    struct err *e);

/* For tests. "ID.eml", every byte that could mean something to a file system written as =XX; NULL: too long, or empty. */
const char *restore_export_name(struct arena *a, const char *id, const char *spool_name);

/* ---- restore_place.c: a spool that messages go into ---- */

struct restore_place {
	const struct putback_driver *driver;
	struct putback_spool ps;
	struct putback_options opt;
	struct sys_dir *base;		/* holds the shelf: the spool's root, or the folder above it */
	const char *shelf;		/* ".spoolsweep" or ".spoolsweep-NAME" */
	struct sys_dir *private;	/* ours alone: files are written here; NULL before it is made */
	struct sys_lock *lock;
	const char *path;		/* of the private folder */
	int is_stuck;			/* a message has some of its names and they cannot be taken back: all stays as it is for the next run */
	int has_intents;		/* the file is there */
	const char **touched;		/* folders whose new names are not yet on the disk */
	size_t ntouched, cap;
};

/* Opens the spool. 0, -1, -2: no spool, or one of another kind (usage). */
int restore_place_open(struct restore_place **out, const char *arg, const char *kind, const struct putback_options *opt, struct err *e);
void restore_place_close(struct restore_place *p);

/* Lets its driver look at it, once what a killed run left is taken back. 0, -1, -2: an option that does not fit (usage). */
int restore_place_begin(struct restore_place *p, struct err *e);

/* Makes the private folder and locks it. */
int restore_place_make(struct restore_place *p, struct err *e);

/* An open folder of the spool, made when it is missing as b says. Not to be closed. NULL and err. */
struct sys_dir *restore_place_dir(struct restore_place *p, const struct putback *b, const char *rel, struct err *e);

/* Remembers a folder, and brings the names in all remembered ones to the disk. */
void restore_place_touch(struct restore_place *p, const char *rel);
int restore_place_sync(struct restore_place *p, struct err *e);

/* Which names the messages of a batch are going to get: on the disk before the first of them is given, so that a run that is killed, or a machine
 * that loses its power, between two names of one message leaves behind what belongs to it. read: *n is 0 when there is no such file; texts go to a. */
#define RESTORE_INTENT "intent"
struct restore_intent {
	size_t slot;			/* of the message; its lines stand together, the visible part's last */
	const char *private, *dir, *name;
	uint64_t ino;			/* of the file: another one under that name is not ours */
};
int restore_place_write_intents(struct restore_place *p, const struct restore_intent *v, size_t n, struct err *e);
int restore_place_read_intents(struct restore_intent **out, size_t *n, struct restore_place *p, struct arena *a, struct err *e);

/* The private name of part k of the message in a slot of the batch. */
const char *restore_private(struct arena *a, size_t slot, size_t k);

#endif
