#ifndef INDEX_REPLIES_H
#define INDEX_REPLIES_H
/* What a rejection speaks of (rank_reply.c): the message itself, our server (a blocklist, its reputation), or neither. */

enum reply_class { REPLY_OTHER, REPLY_SERVER, REPLY_CONTENT };
struct replies;

struct replies *replies_new(void);
void replies_free(struct replies *r);
enum reply_class replies_classify(const struct replies *r, const char *text);

#endif
