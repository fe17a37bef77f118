/*
 * mkspool.h - shared by the parts of mkspool, the program that writes made
 * spools for tests, the demo, fuzz seeds and the benchmark.
 *
 * mkspool.c          options, buffers, random numbers, the truth file
 * mkspool_mail.c     who sends to whom, and what the receivers answer
 * mkspool_text.c     dates, headers, bodies
 * mkspool_campaign.c spam runs, newsletters and letters that are told apart
 * mkspool_hostile.c  messages whose content attacks the reader
 * mkspool_<kind>.c   one spool format each: layout and bytes; the damage is
 *                    in mkspool_<kind>_damage.c (SmarterMail: in one file)
 * mkspool_sys.c      every operating system call; Windows has its own body
 *
 * Nothing here is shared with spoolsweep itself: a spool written and read by
 * the same code would prove nothing. All errors end the program (die).
 */
#ifndef MKSPOOL_H
#define MKSPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A growing byte buffer, reused from message to message. */
struct mbuf {
	unsigned char *p;
	size_t len;
	size_t cap;
};

void mb_add(struct mbuf *, const void *, size_t);
void mb_str(struct mbuf *, const char *);
void mb_ch(struct mbuf *, int);
void mb_fmt(struct mbuf *, const char *, ...);
void mb_fill(struct mbuf *, int c, size_t n);
void mb_free(struct mbuf *);

/* splitmix64: small, seedable, the same on every machine. */
struct rng {
	uint64_t s;
};

uint64_t rng_next(struct rng *);
uint32_t rng_below(struct rng *, uint32_t n);	/* 0..n-1; n 0 gives 0 */
bool rng_one_in(struct rng *, uint32_t n);
uint64_t hash2(uint64_t a, uint64_t b);

enum label {
	L_USER, L_HACKED, L_NEWSLETTER, L_WEBFORM, L_LANCLIENT, L_BOUNCE,
	L_HOSTILE, L_DAMAGE
};

/* How the message came in; decides what the spool can say of its account. */
enum origin {
	O_AUTH,		/* SMTP AUTH */
	O_LOCAL,	/* handed in by a local process */
	O_CLIENT,	/* SMTP without AUTH */
	O_BOUNCE	/* made by the MTA itself */
};

/*
 * One message. Texts are LF-separated and hold no Received header: each MTA
 * writes its own. head ends behind the last header, without the empty line.
 */
struct mail {
	enum label label;
	enum origin origin;
	const char *what;	/* damage or hostile case, else NULL */
	uint64_t n;		/* serial number, and seed of the recipients */
	int64_t sec;		/* arrival */
	int usec;
	char auth[256];
	char login[64];
	int uid;
	char gecos[64];
	char sender[320];	/* as in RFC 5321, without <> */
	char sender_raw[320];	/* unquoted; empty: the same as sender */
	char client[64];	/* as the MTA writes it */
	char client_norm[64];	/* RFC 5952; empty: the same as client */
	char client_name[128];
	char helo[128];
	int port;
	char script[96];
	bool by_t;		/* recipients taken from the headers (-t) */
	uint32_t rcpts;
	const char *const *rcpt_list;	/* fixed recipients, else generated */
	bool partly;		/* some recipients are done */
	char campaign[32];	/* label of what belongs together, empty: nothing */
	int of_campaign;	/* which run and wave, which shop and issue */
	bool subject_known;	/* subject is what a reader must show */
	struct mbuf subject;
	struct mbuf head;
	struct mbuf body;
};

struct options {
	uint64_t seed;
	int64_t now;
	uint64_t count;
	uint32_t accounts;
	uint32_t mean_size;
	int depth;
	int zone;		/* minutes east of UTC, for local times */
	bool damage, hostile, long_ids, split, logs, fast, campaigns;
	const char *queue_name;	/* Exim: every 10th message goes there */
};

struct world {
	struct options o;
	FILE *truth;
	const char *kind;
	uint64_t *weight;	/* of account i: sum of the weights up to i */
	struct mbuf filler;	/* text lines that bodies are cut from */
	uint64_t *dirs;		/* hashes of the folders made so far */
	size_t ndirs, capdirs;
};

#define SERVER_NAME	"mx1.hosting.example"
#define SERVER_IP	"198.51.100.25"

void die(const char *fmt, ...);
void warn(const char *fmt, ...);

/* Makes the folder, once; parents must be there. */
void dir_once(struct world *, const char *path, unsigned mode);
void write_file(const char *path, unsigned mode, int64_t mtime,
    const struct mbuf *);

/* One truth line. counts below 0 and strings of NULL become null. */
struct truth {
	const char *queue, *id, *state;
	int64_t size, recipients, pending;
	int64_t uid;		/* of a local submission, where the spool has it */
	bool login_known;	/* the spool names the login, not only the uid */
	bool usec_known;
	bool listed;		/* false: no message by the MTA's own rules */
	bool damage;
};
void truth_write(struct world *, const struct mail *, const struct truth *);
/* A damaged file or left-over: only its place, id and case are certain. */
void truth_damage(struct world *, const char *queue, const char *id,
    const char *what, bool listed);

/* mkspool_mail.c */
void mail_world(struct world *);
void mail_free(struct mail *);
void mail_plan(struct mail *, struct world *, uint64_t n);
void mail_recipient(struct mbuf *, const struct mail *, uint32_t i);
bool mail_done(const struct mail *, uint32_t i);
const char *mail_sender_raw(const struct mail *);
void mail_account(char *out, size_t size, uint32_t k);

struct reply {
	const char *host, *ip;
	const char *text;	/* %i our address, %r the recipient */
	const char *dsn;
	char stage;		/* R RCPT, D end of DATA, G greeting, C connect */
	bool temporary;
};
enum reply_kind { REPLY_ANY, REPLY_TEMPORARY, REPLY_PERMANENT };
/* What the server of recipient i said; NULL when it has no such reply. */
const struct reply *mail_reply(const struct mail *, uint32_t i, enum reply_kind);
void reply_text(struct mbuf *, const struct reply *, const char *rcpt);

/* mkspool_text.c */
void mail_write(struct mail *, struct world *);	/* head and body */
void mail_date(struct mbuf *, int64_t sec, int zone);
void mail_stamp(struct mbuf *, const char *fmt, int64_t sec, int zone);

/* Base64 without line ends. */
void mail_base64(struct mbuf *, const unsigned char *, size_t);

/* mkspool_campaign.c: what it is; whose, once the rest is planned; the
 * subject and all below the other headers. */
void campaign_plan(struct mail *, const struct world *, struct rng *);
void campaign_sender(struct mail *, const struct world *, struct rng *);
void campaign_write(struct mail *, const struct world *, struct rng *);

/* mkspool_hostile.c */
unsigned hostile_count(void);
void hostile_plan(struct mail *, struct world *, unsigned k);
void hostile_write(struct mail *, struct world *, unsigned k);
bool hostile_has_nul(unsigned k);

void postfix_make(struct world *);
void exim_make(struct world *);
void smartermail_make(struct world *);

/* mkspool_sys.c: 0 or -1 with *why set; paths are below the spool. */
struct os_file {
	int fd;
	uint64_t inode;
	int64_t owner;
};

int os_enter_new(const char **why, const char *dir);	/* empty or absent */
int os_mkdir(const char **why, const char *path, unsigned mode);
int os_create(struct os_file *, const char **why, const char *path,
    unsigned mode);
/* Writes all, sets times (and the owner when uid >= 0 and we may), closes. */
int os_finish(struct os_file *, const char **why, const void *, size_t,
    int64_t mtime, int64_t uid);
int os_rename(const char **why, const char *from, const char *to);
int os_symlink(const char **why, const char *target, const char *path);

#endif
