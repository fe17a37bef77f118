#ifndef SPOOL_MSG_H
#define SPOOL_MSG_H
/*
 * The record of one message as a driver read it. All text is UTF-8, NFC where
 * it is text for people (subject, names), NUL-terminated without inner NULs,
 * and lives in the arena that the caller gave with msg_init; NULL means that the
 * spool does not say. Numbers use -1 for "not known". `path`, `id` and part names are
 * bytes as on disk. A driver fills the upper half; msg_finish derives the rest
 * (domains, account, counts), so that every MTA is judged by the same rules.
 */
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "part.h"

#define MSG_NO_TIME INT64_MIN

enum msg_state {	/* names: msg_state_name, contract "state" */
	MSG_INCOMPLETE, MSG_ACTIVE, MSG_DEFERRED, MSG_HELD, MSG_FROZEN, MSG_QUEUED, MSG_CORRUPT,
	MSG_GONE, MSG_TAKEN, MSG_DELETED
};

enum account_kind { ACCOUNT_NONE, ACCOUNT_AUTH, ACCOUNT_LOCAL, ACCOUNT_CLIENT, ACCOUNT_SENDER, ACCOUNT_BOUNCE };

enum rcpt_state {
	RCPT_PENDING,
	RCPT_DONE,	/* delivered or bounced; stays in `recipients` */
	RCPT_REMOVED	/* by a milter or by -t: counts nowhere */
};

struct rcpt {
	const char *address;
	const char *domain;	/* set by msg_finish */
	const char *reply;	/* last reply, NULL when none is known */
	enum rcpt_state state;
	uint64_t key;		/* the driver's own (Postfix: offset of the R record) */
};

struct msg_list {		/* damage, notes: short plain words in ASCII or UTF-8 */
	const char **v;
	size_t n, cap;
};

struct msg {
	struct arena *arena;

	/* by the driver */
	const char *queue, *id;		/* as contract "list --json" */
	struct part_list parts;		/* every file seen, main part first */
	enum msg_state state;
	int64_t arrived;		/* microseconds since 1970 UTC, or MSG_NO_TIME */
	int arrived_fraction;		/* the spool has a fraction: print 6 digits */
	int64_t size;			/* bytes, contract "size", -1 unknown */
	const char *sender;		/* "" null sender, NULL not readable */
	struct rcpt *rcpt;
	size_t nrcpt, rcpt_cap;
	int64_t pending;		/* -1: not known (SmarterMail after a retry); else set by msg_finish */
	int pending_known;		/* 0: the states of recipients are not known; 1 by msg_init */
	const char *auth;		/* proven authenticated user */
	const char *client, *client_name, *helo, *protocol;	/* client: any spelling; msg_finish normalises it */
	const char *local_user;		/* login as the spool names it */
	int64_t uid;			/* local submissions only, -1 none */
	int is_mta_user;		/* the local user is the MTA's own (owner of the spool) */
	const char *reason;		/* set by msg_finish from replies unless the driver did */
	const char *from, *subject, *message_id, *date, *reply_to, *mailer;
	const char *script, *script_path, *list_id;
	int is_report;			/* multipart/report or auto-submitted */
	int is_log_unread;		/* a log of it could not be read: the next scan tries again */
	int is_taken_mid_way;		/* vanished while it was read: drop it, it is neither damage nor a message */
	struct msg_list damage, notes;

	/* by msg_finish */
	const char *sender_domain;
	int64_t recipients;		/* pending + done */
	enum account_kind account_kind;
	const char *account;		/* as shown */
	const char *account_key;	/* folded: equal keys of one kind are one account */
	const char *domain;		/* of the account, folded; NULL when it has none */
};

void msg_init(struct msg *m, struct arena *a);

/* Adds a recipient; address is copied by the caller. Returns it; valid until the next msg_rcpt. */
struct rcpt *msg_rcpt(struct msg *m, const char *address, enum rcpt_state state);

/* Adds a printf-formatted word of damage (makes envelope, parts or extent unsure) or a note (an oddity of content).
 * The same text twice is kept once. */
void msg_damage(struct msg *m, const char *fmt, ...);
void msg_note(struct msg *m, const char *fmt, ...);

/* Derives domains, account, counts, reason. Call once, last. */
void msg_finish(struct msg *m);

const char *msg_state_name(enum msg_state s);
const char *account_kind_name(enum account_kind k);	/* "auth" …; "" for none */
const char *rcpt_state_name(enum rcpt_state s);		/* "pending" "done" "removed" */

#endif
