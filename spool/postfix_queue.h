#ifndef SPOOL_POSTFIX_QUEUE_H
#define SPOOL_POSTFIX_QUEUE_H
/*
 * The folders of a Postfix queue_directory, shared by the two halves of the driver: postfix_walk.c
 * (probing, opening, the walk by readdir alone) and postfix.c (reading, finding, showing one
 * message). The walk state is written by the walking thread; readers look only at lost_modes,
 * which is settled before the first item, and at names and folders once `ended` is set.
 */
#include <stddef.h>

#include "names.h"
#include "spool.h"

#define POSTFIX_READY 0700 /* mail_queue.h: MAIL_QUEUE_STAT_READY */

enum postfix_queue { MAILDROP, INCOMING, ACTIVE, DEFERRED, HOLD, CORRUPT, DEFER, BOUNCE, TRACE, QUEUES };

struct postfix_queue_info {
	const char *name;
	enum msg_state state;
	enum part_role role;
	int is_hashed;
};
extern const struct postfix_queue_info postfix_queues[QUEUES];

struct postfix_folder {
	char *rel;
	enum postfix_queue queue;
	int depth;
	int64_t mtime; /* just before it was read; 0 too young to tell a later change by, -1 not read */
	int is_old; /* stands in the list again behind */
};

struct postfix_walk { /* sp->state */
	struct names *names;
	struct postfix_folder *folder;
	size_t nfolder, cap;
	size_t at; /* the folder that is read, or next */
	struct sys_dir *dir; /* open folder[at], or NULL */
	size_t step; /* in the order of queues */
	size_t second; /* the first folder of the second pass over active and incoming */
	unsigned rounds; /* over folders that changed since they were read */
	int ended; /* every name was met: names can be asked */
	int lost_modes; /* the copy has no mode bits of Postfix: read everything as complete */
};

/* NAME#FIX: left by an interrupted "postsuper -s". */
int postfix_is_fix(const char *name);

/* The folder of an id in a queue that is hashed to a depth (0: flat), in the arena. */
const char *postfix_place(struct arena *a, enum postfix_queue q, const char *id, int depth);

/* The queue of a name or of the folder a path begins with; -1 for none. */
int postfix_queue_named(const char *name);
enum postfix_queue postfix_queue_of(const char *dir);

/* The driver's walk, as spool_driver says. */
int postfix_probe(struct sys_dir *root);
int postfix_open(struct spool *sp, struct err *e);
int postfix_next(struct spool_item *out, struct spool *sp, struct arena *a, struct err *e);
void postfix_end(struct spool *sp);

#endif
