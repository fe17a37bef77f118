#ifndef INDEX_SCAN_H
#define INDEX_SCAN_H
/*
 * Walks one spool and publishes it into the index: one thread walks, readers
 * parse, what is new or changed is staged in an unlinked file beside the index, and one
 * transaction publishes all. A kill before it leaves the old index whole. Only an
 * empty index is written to while the spool is read, in that same one transaction:
 * its write lock is held longer, but no reader waits and nobody has anything to write. Rows
 * that did not change are not written. What was not found is marked gone, but
 * never in a queue that was not wholly read. Bodies are read only when asked for (max_body).
 */
#include <stdint.h>

#include "index/index.h"
#include "index/partial.h"
#include "spool/spool.h"

struct scan_stats {		/* contract "scan --json"; -1: null */
	int64_t messages, new_, changed, unchanged, gone, damaged, orphans, files, bytes;
	double seconds;
	char **unknown;		/* queues not wholly read, each once; "" is Exim's default queue; "*" when the whole spool is meant */
	size_t nunknown;
	char **lines;		/* sentences for stderr: why each is unknown, odd files, the notice about lost modes */
	size_t nlines;
	int64_t taken_over;	/* messages that an earlier scan, cut short, had read */
	int is_cut;		/* read_until was passed: nothing was published */
	int64_t found, read;	/* then: messages that the walk met, messages known from this scan, the one before or what was kept */
	struct partial *partial;	/* then: what these say; else NULL */
	int64_t bodies, bodies_partly;	/* bodies that were read on the way, and those of them that met a limit; see scan_options */
	int64_t locked_by;	/* scan_spool failed because of another scan: its process, -1 not known; 0 for any other reason */
};

struct scan_progress {		/* given now and then from the scanning thread */
	uint64_t read, found;	/* messages read, found by the walk so far */
	double seconds;
	const char *top;	/* the account with most messages so far, NULL none yet */
	uint64_t top_messages;
	int publishing;
};

struct scan_options {
	int full;			/* re-read unchanged files */
	unsigned threads;		/* 0: one a processor, at most 8 */
	void (*progress)(void *arg, const struct scan_progress *p);	/* NULL: none */
	void *progress_arg;
	const char *zone;		/* name of the time zone that was used, stored with the scan */
	/* For a caller who has only so much time (sys_clock_us; 0: no limit). Past read_until nothing more is read, past walk_until no folder
	 * either; then, or when what was read would take longer to publish than there is time, it is kept for the next scan instead, and told by
	 * stats.partial. */
	int64_t read_until, walk_until, end;
	int lock_wait_s;		/* for another scan; 0: 60, below 0: not at all */
	/* Bytes of a body: when the index is empty, bodies are read and published with their messages. 0: none. What is left is contents_read's:
	 * any other scan's, and what could not be read. */
	uint64_t max_body;
};

/* Scans one open spool. -1: nothing was published (err says why; when another scan holds the lock it waits up to 60 s, then says so).
 * Free stats with scan_stats_free also after an error. */
int scan_spool(struct scan_stats *out, struct index *ix, struct spool *sp, const struct scan_options *opt, struct err *e);
void scan_stats_free(struct scan_stats *s);

/* One scan at a time an index, and nothing else that drops rows from it: the lock ends with the process, whatever ends it. wait_s as
 * lock_wait_s. -1 also when another process has it: *locked_by is that one, -1 not known; else 0. Free with sys_lock_free. */
struct sys_lock;
int scan_lock(struct sys_lock **out, int64_t *locked_by, const struct index *ix, int wait_s, struct err *e);

/* Does a scan exit with 3: damage, odd files, orphans or unknown queues. */
int scan_is_unclean(const struct scan_stats *s);

/* 1 when two texts name the same spool root; used to find a spool's row. */
int64_t scan_spool_id(struct index *ix, const char *kind, const char *root, int create, struct err *e);

#endif
