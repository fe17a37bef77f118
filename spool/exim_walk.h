#ifndef SPOOL_EXIM_WALK_H
#define SPOOL_EXIM_WALK_H
/*
 * Where an Exim spool keeps its messages (spool_in.c, queue.c:
 * queue_get_spool_list): input/ and, with split_spool_directory, input/<c>/ with one
 * character taken from the id; both are in use after a change of that setting. A named queue
 * has the same below <queue>/. Messages moved away by move_frozen_messages lie in Finput/, their logs in Fmsglog/. A message is
 * ID-H (envelope and headers), ID-D (body), ID-J during a delivery and msglog/ID; hdr.ID, ID-K and ID.eml are what a crash
 * leaves. Files of one id are joined per queue, flat and split together.
 */
#include <stddef.h>

#include "spool.h"

/* Flags of an item. */
enum {
	EXIM_HAS_K = 1, EXIM_HAS_EML = 2,
	EXIM_AGAIN_H = 4, EXIM_AGAIN_D = 8, EXIM_AGAIN_J = 16,	/* a second one in another folder of the queue */
	EXIM_ODD_H = 32, EXIM_ODD_D = 64,			/* a link, FIFO … has that name */
	EXIM_MOVED = 256,		/* the queue is an Finput: frozen, whatever -H says */
	EXIM_UNSURE = 512		/* its other half may be in a folder that cannot be read */
};

/* The length of the message id that begins here: 16 up to Exim 4.96, 23 since 4.97 (macros.h: MESSAGE_ID_LENGTH);
 * 0 when none does. */
size_t exim_id_length(const char *s);

/* Is this the name of any file of a message in input/? */
int exim_is_name(const char *name);

/* The driver's open, next, end and find. */
int exim_open(struct spool *sp, struct err *e);
int exim_next(struct spool_item *out, struct spool *sp, struct arena *a, struct err *e);
void exim_end(struct spool *sp);
int exim_find(struct spool_item *out, struct spool *sp, struct spool_reader *r, struct arena *a, const char *queue,
    const char *id, const char *path, struct err *e);

/* Looks by lstat where the files of an item are now, in its own queue; with others = 1 in all others too, when neither
 * -H nor -D is left there or what is left is on its way to one of them. Uses r's scratch. 1 found, 0 not, -1 a folder cannot be
 * looked at (of another queue: for want of descriptors alone), and e, which is not NULL, says why. */
int exim_locate(struct spool_item *out, struct spool *sp, struct spool_reader *r, struct arena *a, const struct spool_item *it,
    int others, struct err *e);

#endif
