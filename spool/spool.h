#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H
/*
 * The driver interface. A driver knows one MTA's bytes on disk and changes
 * nothing. One thread walks (`next`: readdir only, no open of a message); any
 * number of threads read items, each with a spool_reader of its own, which holds
 * the folders it has open and a window for the bounded reader. An item is plain data
 * in the walker's arena of that batch. What could not be read is told by
 * spool_unknown and spool_odd, never passed over.
 */
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "msg.h"
#include "part.h"
#include "rd.h"
#include "service.h"
#include "sys.h"

#define SPOOL_WINDOW ((size_t)64 * 1024)
#define SPOOL_PRIVATE ".spoolsweep"	/* private folder of taken messages: no walk enters it (nor a sibling ".spoolsweep-…") */

struct spool_driver;
struct spool_reader;
struct spool;

/* A message found by the walk. Strings live in the arena given to spool_next. */
struct spool_item {
	const char *queue;	/* contract "queue" */
	const char *id;		/* contract "id", bytes as on disk */
	struct part_list parts;	/* role, dir, name as readdir told them; st not filled; removal order */
	unsigned flags;		/* the driver's own */
	int is_orphan;		/* a part without its message that is listed as a damaged row (contract "orphan") */
};

struct spool_stats {
	uint64_t files;		/* regular files of messages seen by the walk (all parts) */
	uint64_t orphans;	/* contract "orphans" */
	uint64_t odd;		/* links, FIFOs … under a message name: counted in `damaged`, never opened */
};

struct spool_unknown {		/* a queue, or a folder of it, that was not wholly read */
	char *queue;		/* contract "queue"; NULL: the whole spool */
	char *why;		/* err text */
};

struct spool_driver {
	const char *name;	/* "postfix" "exim" "smartermail": typed, printed, stored */
	const char *looks_for;	/* one line: what probe looked for, for the message "no spool here" */

	/* How sure this folder is a spool of this MTA, by structure: 0 not ours … 100 certain. */
	int (*probe)(struct sys_dir *root);

	/* Prepares a walk (private state in sp->state). -1: the root itself cannot be walked. */
	int (*open)(struct spool *sp, struct err *e);

	/* The next message. 1 an item, 0 no more, -1 error that ends the walk. Folders that cannot be read are spool_unknown, not errors.
	 * What may move while we read (Postfix deferred <-> active) is walked twice; the same item may come twice then. */
	int (*next)(struct spool_item *out, struct spool *sp, struct arena *a, struct err *e);

	/* Reads everything of an item into m (msg_init was called; strings go to m->arena) and fills m->parts with identities by fstat or lstat. A broken
	 * message is data: damage marks, return 0. Vanished meanwhile (ENOENT, and not found where the MTA may have moved it):
	 * m->is_taken_mid_way = 1 and 0. -1 only for an I/O error of the system that makes the message UNKNOWN (err names the file). */
	int (*read)(struct msg *m, struct spool *sp, struct spool_reader *r, const struct spool_item *it, struct err *e);

	/* The identities of the item's parts by lstat alone (the quick look of a re-scan). The list must give the same fingerprint as
	 * read's m->parts when nothing changed. 0, or -1 when the main part has gone or cannot be looked at (then read is asked). */
	int (*look)(struct part_list *out, struct spool *sp, struct spool_reader *r, const struct spool_item *it);

	/* 1 the MTA holds the message now, 0 free, -1 cannot tell. */
	int (*busy)(struct spool *sp, struct spool_reader *r, const struct spool_item *it);

	/* Rebuilds the item of a message from what the index keeps (queue, main path) without a walk: finds all its parts where they are now.
	 * 1 found, 0 not there any more, -1 error. Strings go to a. */
	int (*find)(struct spool_item *out, struct spool *sp, struct spool_reader *r, struct arena *a, const char *queue, const char *id,
	    const char *path, struct err *e);

	/* As find, from what the index keeps alone, without a look at the disk: the parts that message (or content) reads, which may be elsewhere by
	 * now. 1, 0 find must be asked. Strings go to a. */
	int (*place)(struct spool_item *out, struct arena *a, const char *queue, const char *id, const char *path);

	/* Every raw header block and body of the message as a reader sees it, for `show`: calls sink with pieces of the header section
	 * (LF ends, without the blank line). 0 or -1. */
	int (*headers)(struct spool *sp, struct spool_reader *r, const struct spool_item *it,
	    int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e);

	/* Headers, blank line and body as a reader sees them, LF ends; a sink that returns nonzero wants no more. NULL: the body lies in one
	 * piece in a file. 0 or -1. */
	int (*content)(struct spool *sp, struct spool_reader *r, const struct spool_item *it,
	    int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e);

	/* The whole message as a reader sees it, for an export: headers, blank line and body, the bytes of a body as they lie in its file (one that is
	 * kept in wire format gets LF ends). A sink that returns nonzero ends it. NULL: content does it. 0 or -1. */
	int (*message)(struct spool *sp, struct spool_reader *r, const struct spool_item *it,
	    int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e);

	/* The MTA's log of the message for `show`: plain text pieces, bytes as on disk. 0 or -1. */
	int (*log)(struct spool *sp, struct spool_reader *r, const struct spool_item *it,
	    int (*sink)(void *arg, const void *p, size_t n), void *arg, struct err *e);

	/* ---- taking and putting back: for index/purge.c; the driver itself changes nothing ---- */

	/* Takes, without waiting, the lock under which the MTA itself removes a message, and keeps it in *f until that is closed (h -1: this MTA
	 * has none). 0; EAGAIN the MTA holds it; ENOENT the message has gone; else errno. NULL: no lock is needed. */
	int (*lock)(struct sys_file *f, struct spool *sp, struct spool_reader *r, const struct spool_item *it);

	/* Is a message that was taken out of its queue still being delivered? f: its main file, open for reading and writing.
	 * 0 no, EAGAIN yes. NULL: never. */
	int (*in_delivery)(struct sys_file f);

	/* The folder where a part taken from `dir` is put back: that one, or another queue's when nothing may be put there (Postfix: active).
	 * Strings go to a. NULL function: always dir. */
	const char *(*home)(struct arena *a, struct spool *sp, struct spool_reader *r, enum part_role role, const char *dir,
	    const char *id);

	/* Parts of a taken id that the MTA made anew although no message of that id is in any queue (Postfix: an agent's late defer log).
	 * Fills out; 0 or errno. NULL: this MTA makes none. */
	int (*strays)(struct part_list *out, struct spool *sp, struct spool_reader *r, struct arena *a, const char *id);

	int is_threaded;	/* find, lock and read may be asked by several threads at once, each with a reader of its own */
	int has_local_times;	/* the times of its messages are read in the zone of the options */
	int private_beside;	/* the private folder stands beside the root (".spoolsweep-NAME"), not in it */

	/* Is this MTA running on this machine with this spool? 1 yes, 0 no, -1 cannot tell. */
	int (*running)(struct spool *sp);

	/* Looks up the MTA's service on this machine, which --stop-service stops while its spool is changed: as service_find. NULL: this
	 * MTA's spool may be changed while it runs. */
	int (*service)(struct service *out, struct err *e);

	void (*end)(struct spool *sp);	/* frees sp->state */
};

struct spool_options {
	const struct sys_zone *zone;	/* for local times in a spool; NULL: none was given and none is needed yet */
};

struct spool {
	const struct spool_driver *driver;
	char *root;			/* absolute, without links */
	struct sys_dir *dir;
	struct spool_options opt;
	void *state;			/* the driver's */
	struct spool_stats stats;	/* written by the walking thread only */
	struct spool_unknown *unknown;
	size_t nunknown;
	char **odd;			/* paths of odd files, bytes, at most 1000 kept */
	size_t nodd;
	char *notice;			/* one sentence for the user, for example "all files lost their modes: read anyway"; or NULL */
	uint32_t owner_uid;		/* owner of the root's queue folders: the MTA's own user */
	int has_owner;
	struct sys_mutex *lock;		/* for spool_unknown and spool_odd from readers */
};

struct spool_reader {
	struct spool *sp;
	unsigned char *window;		/* SPOOL_WINDOW bytes for rd_file */
	unsigned char *window2;		/* another one, for a second file open at the same time */
	struct arena scratch;		/* reset by the driver at the start of each read */
	struct reader_dir {
		char *rel;
		uint64_t hash;		/* of rel */
		struct sys_dir *dir;
		uint64_t used;
	} dirs[64];
	struct reader_missing {		/* folders that were not there when they were last looked for: at hash % n, the last one wins */
		char rel[40];
		int64_t until;		/* sys_clock_us: until then spool_part_stat and _open take it for missing */
	} missing[512];
	uint64_t tick;
	int keeps;			/* see spool_reader_keep */
	struct reader_kept {		/* h -1: none */
		struct sys_file f;
		struct sys_stat st;
		struct rd rd;		/* over window */
		char dir[64], name[64];
	} kept;
	int is_live;			/* a missing folder is looked for each time: what is decided by it cannot wait a second */
};

/* All drivers, NULL at the end, in the order of probing. */
extern const struct spool_driver *const spool_drivers[];
const struct spool_driver *spool_driver_named(const char *name);

/* Opens a SPOOL argument: "DIR" (probed) or "KIND:DIR". 0; -1 the folder cannot be read (exit 1); -2 it is no spool, or no such kind
 * (exit 64; err says what was looked for). Free with spool_close. opt may be NULL. */
int spool_open(struct spool **out, const char *arg, const struct spool_options *opt, struct err *e);
void spool_close(struct spool *sp);

/* Starts a walk; may be called again after it ended: counts begin anew. */
int spool_begin(struct spool *sp, struct err *e);
int spool_next(struct spool_item *out, struct spool *sp, struct arena *a, struct err *e);

/* Read with everything derived (calls msg_init, driver->read, msg_finish). */
int spool_read(struct msg *m, struct spool_reader *r, const struct spool_item *it, struct arena *a, struct err *e);

struct spool_reader *spool_reader_new(struct spool *sp);	/* for reading many: what is made meanwhile may be seen a second later */
struct spool_reader *spool_reader_new_live(struct spool *sp);	/* for whoever takes, puts back or removes */
void spool_reader_free(struct spool_reader *r);

/* Closes the folders that it keeps open: on Windows a folder that is open keeps its name and the one above it. It can go on reading. */
void spool_reader_let_go(struct spool_reader *r);

/* Whoever reads a message and then its body: between 1 and 0 the part that was last closed by spool_part_close stays open, with what was read of it, until
 * spool_part_open is asked for it again, or for another one over the same window. */
void spool_reader_keep(struct spool_reader *r, int keeps);

/* The open folder at rel (relative to the root), from the reader's small cache. Not to be closed. NULL and err. */
struct sys_dir *spool_reader_dir(struct spool_reader *r, const char *rel, struct err *e);

/* lstat of a part; st.type SYS_UNKNOWN and absent = 1 when it is not there (and no_folder = 1 when its folder is not). 0, or errno for anything but ENOENT. */
int spool_part_stat(struct part *p, struct spool_reader *r);

/* Opens a part for the bounded reader (window 0 or 1) and fills p->st by fstat. 0 or errno (ENOENT, ELOOP, EINVAL, EACCES, EIO …). Close *f. */
int spool_part_open(struct rd *rd, struct sys_file *f, struct part *p, struct spool_reader *r, int window);

/* Closes it, or keeps it. */
void spool_part_close(struct sys_file *f, const struct part *p, const struct rd *rd, struct spool_reader *r);

/* From the walk or a reader (thread-safe): a queue was not wholly read; an odd file was met. Texts are copied. A queue is listed once. */
void spool_unknown(struct spool *sp, const char *queue, const char *fmt, ...);
void spool_odd(struct spool *sp, const char *dir, const char *name);

/* An item with one part, from its path below the root; name behind its last slash may be replaced by the caller. For place. */
struct part *spool_place(struct spool_item *out, struct arena *a, enum part_role role, const char *queue, const char *id, const char *path);

/* "dir/name", or name when dir is "". */
char *spool_path(struct arena *a, const char *dir, const char *name);

extern const struct spool_driver spool_postfix, spool_exim, spool_smartermail;

#endif
