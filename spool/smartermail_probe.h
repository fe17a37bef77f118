#ifndef SPOOL_SMARTERMAIL_PROBE_H
#define SPOOL_SMARTERMAIL_PROBE_H
/*
 * Is a folder a SmarterMail spool? Judged by what is in it: best an .hdr whose
 * first line is a status word and that has its .eml, else the server's own
 * sub-folders. A folder of .eml files alone is an export of somebody's mail, and
 * no spool. Bounded: a few thousand names of a few folders, a few files opened.
 */
#include "sys.h"

/* 0 not ours … 100 certain. */
int smartermail_probe(struct sys_dir *root);

#endif
