/*
 * What a rejection speaks of, by words and phrases. Three classes: the message
 * (a filter called it spam), our server (its address or domain is on a blocklist or
 * has a bad name: then innocent accounts are refused too), and neither (greylisting,
 * a full mailbox, an unknown user; a list that the receiver itself asks wrongly).
 * All phrases are sought in one pass (Aho and Corasick, CACM 18:6, 1975): a queue
 * holds tens of thousands of different replies.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "index/replies.h"
#include "spool/arena.h"

#define NEITHER 1
#define SERVER 2
#define CONTENT 4

#define STATES 2400
#define CLASSES 64

static const struct phrase {
	const char *text;	/* lower case */
	unsigned char what;
} phrases[] = {
	/* a condition of the recipient or of the moment, whatever else the text says */
	{ "greylist", NEITHER }, { "graylist", NEITHER }, { "grey.rbl", NEITHER }, { "come back later", NEITHER },
	{ "not yet authorized to deliver", NEITHER }, { "quota", NEITHER }, { "mailbox full", NEITHER }, { "mailbox is full", NEITHER },
	{ "out of storage", NEITHER }, { "user unknown", NEITHER }, { "unknown user", NEITHER }, { "no such user", NEITHER },
	{ "recipient unknown", NEITHER }, { "does not exist", NEITHER }, { "invalid recipient", NEITHER },
	{ "receiving mail at a rate", NEITHER }, { "receiving mail too quickly", NEITHER }, { "recipient has exceeded", NEITHER },
	{ "relaying denied", NEITHER }, { "relay access denied", NEITHER }, { "relay not permitted", NEITHER },
	{ "due to inactivity", NEITHER },
	/* the receiver's own lookups fail, as the lists' operators word it */
	{ "query refused", NEITHER }, { "open resolver", NEITHER }, { "number of queries", NEITHER }, { "excessive queries", NEITHER },
	{ "spamhaus.org/returnc/", NEITHER }, { "uribl.com/refused", NEITHER }, { "127.255.255.25", NEITHER },
	/* where we are, not what we do */
	{ "geoip", NEITHER }, { "geographical location", NEITHER }, { "dynamic ip", NEITHER }, { "ptr record", NEITHER },
	{ "reverse dns", NEITHER },

	/* the message */
	{ "likely unsolicited", CONTENT }, { "unsolicitedmessageerror", CONTENT }, { "message has been blocked", CONTENT },
	{ "spam message", CONTENT }, { "spam detected", CONTENT }, { "is spam", CONTENT }, { "as spam", CONTENT }, { "spam content", CONTENT },
	{ "spam filter", CONTENT }, { "spam score", CONTENT }, { "spam url", CONTENT }, { "considered spam", CONTENT },
	{ "suspected spam", CONTENT }, { "suspicion of spam", CONTENT }, { "like spam", CONTENT }, { "spam-like", CONTENT },
	{ "identified spam", CONTENT }, { "(spam)", CONTENT }, { "content denied", CONTENT }, { "banned content", CONTENT },
	{ "nature of the content", CONTENT }, { "content rejected", CONTENT }, { "phish", CONTENT }, { "malware", CONTENT },
	{ "virus", CONTENT }, { "uribl", CONTENT }, { "surbl", CONTENT }, { "unwanted content", CONTENT },

	/* our server: words that every list uses */
	{ "spam", SERVER }, { "unsolicited", SERVER }, { "blocked using", SERVER }, { "blacklist", SERVER }, { "black list", SERVER },
	{ "blocklist", SERVER }, { "block list", SERVER }, { "dnsbl", SERVER }, { " rbl", SERVER }, { ".rbl", SERVER }, { "drbl", SERVER },
	{ "realtime block", SERVER }, { "reputation", SERVER }, { "banned send", SERVER }, { "user complaints", SERVER },
	{ "unusual rate of", SERVER }, { "unexpected volume", SERVER }, { "unwanted messages", SERVER }, { "sending abuse", SERVER },
	{ "blocked for abuse", SERVER }, { "bloquee pour", SERVER }, { "ip banned", SERVER },
	{ "_is_blocked", SERVER }, { "block for", SERVER }, { "is listed", SERVER }, { "listed at", SERVER }, { "listed by", SERVER },
	{ "listed in", SERVER }, { "ip is in", SERVER }, { "ip blocked", SERVER }, { "list entry", SERVER },
	/* … names of lists without one of these words, and codes that operators document */
	{ "sorbs", SERVER }, { "uceprotect", SERVER }, { "barracudanetworks.com", SERVER }, { "barracudacentral", SERVER },
	{ "invaluement", SERVER }, { "cloudmark", SERVER }, { "csi.cloudmark", SERVER }, { "mail-abuse.", SERVER },
	{ "hostkarma", SERVER }, { "junkemailfilter", SERVER }, { "abusix", SERVER }, { "senderbase", SERVER }, { "senderscore", SERVER },
	{ "talosintelligence", SERVER }, { "dronebl", SERVER }, { "abuseat.org", SERVER }, { "exploits block", SERVER },
	{ "ipcheck.proofpoint", SERVER }, { "prs.proofpoint", SERVER }, { "symantec zodiac", SERVER }, { "tosa@rx.t-online", SERVER },
	{ "(s3140)", SERVER }, { "(s3150)", SERVER }, { "(s77", SERVER }, { "(s84", SERVER }, { "(s311", SERVER },
	{ "[tss", SERVER }, { "[ts0", SERVER }, { "[bl2", SERVER }, { "4.7.650", SERVER }, { "4.7.651", SERVER }, { "5.7.606", SERVER },
	{ "5.7.511", SERVER }, { "4.7.28", SERVER }, { "unsolicitedratelimit", SERVER }, { "junkmail", SERVER },
};

struct replies {
	unsigned char class_of[256];	/* of a byte; 0: in no phrase */
	unsigned nclasses, nstates;
	unsigned char what[STATES];
	uint16_t next[STATES][CLASSES];
	uint16_t fail[STATES];
};

static void
add_classes(struct replies *r)
{
	const unsigned char *p;
	size_t i;
	int c;

	r->nclasses = 1;
	for (i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		for (p = (const unsigned char *)phrases[i].text; *p != '\0'; p++)
			if (r->class_of[*p] == 0 && r->nclasses < CLASSES)
				r->class_of[*p] = (unsigned char)r->nclasses++;
	for (c = 'A'; c <= 'Z'; c++)
		r->class_of[c] = r->class_of[c - 'A' + 'a'];
	/* a folded or multi-line reply reads like one line */
	r->class_of['\n'] = r->class_of['\r'] = r->class_of['\t'] = r->class_of[' '];
}

static void
add_phrase(struct replies *r, const struct phrase *ph)
{
	const unsigned char *p;
	unsigned at = 0, c;

	for (p = (const unsigned char *)ph->text; *p != '\0'; p++) {
		c = r->class_of[*p];
		if (r->next[at][c] == 0) {
			if (r->nstates == STATES)
				abort();	/* the table above outgrew STATES: any test finds it */
			r->next[at][c] = (uint16_t)r->nstates++;
		}
		at = r->next[at][c];
	}
	r->what[at] |= ph->what;
}

/* Breadth first: a state falls back to the longest suffix that begins a phrase, and says what that one says. */
static void
add_fallbacks(struct replies *r)
{
	uint16_t *queue = mem_new(STATES * sizeof *queue);
	size_t head = 0, tail = 0;
	unsigned c, s, t;

	for (c = 1; c < r->nclasses; c++)
		if (r->next[0][c] != 0)
			queue[tail++] = r->next[0][c];
	while (head < tail) {
		s = queue[head++];
		r->what[s] |= r->what[r->fail[s]];
		for (c = 1; c < r->nclasses; c++) {
			t = r->next[s][c];
			if (t == 0) {
				r->next[s][c] = r->next[r->fail[s]][c];
				continue;
			}
			r->fail[t] = r->next[r->fail[s]][c];
			queue[tail++] = (uint16_t)t;
		}
	}
	free(queue);
}

struct replies *
replies_new(void)
{
	struct replies *r = mem_new(sizeof *r);
	size_t i;

	r->nstates = 1;
	add_classes(r);
	for (i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		add_phrase(r, &phrases[i]);
	add_fallbacks(r);
	return r;
}

void
replies_free(struct replies *r)
{
	free(r);
}

enum reply_class
replies_classify(const struct replies *r, const char *text)
{
	const unsigned char *p;
	unsigned at = 0, what = 0;

	for (p = (const unsigned char *)text; *p != '\0'; p++) {
		at = r->next[at][r->class_of[*p]];
		what |= r->what[at];
	}
	if ((what & NEITHER) != 0)
		return REPLY_OTHER;
	return (what & CONTENT) != 0 ? REPLY_CONTENT : (what & SERVER) != 0 ? REPLY_SERVER : REPLY_OTHER;
}
