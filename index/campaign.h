#ifndef INDEX_CAMPAIGN_H
#define INDEX_CAMPAIGN_H
/*
 * Which messages are one campaign: near-duplicates, whoever sent them. Pure
 * functions, no files and no database, the same on every system.
 *
 * A print is what a message leaves behind: up to CAMPAIGN_PRINT_MAX numbers, each
 * the hash of a trait (a word, three words in a row, a link, an attachment)
 * with its block in the top three bits. Words are taken as a reader sees them:
 * compatibility forms, case, marks, invisible characters and look-alike letters are
 * folded; digits, random tokens, addresses and the recipients' names are masked. Of the
 * traits of a block those with the smallest hashes are kept, so two messages keep
 * the same ones of what they share, and a print never grows.
 *
 * Grouping compares prints: see campaign_group.c for the rule and why.
 */
#include <stddef.h>
#include <stdint.h>

enum campaign_block {
	CAMPAIGN_SUBJECT,	/* words of the subject, and pairs of them */
	CAMPAIGN_HEAD_WORD,	/* long words of the first CAMPAIGN_HEAD_WORDS words … */
	CAMPAIGN_HEAD,		/* … and each three words in a row there */
	CAMPAIGN_REST_WORD,	/* the same of what follows */
	CAMPAIGN_REST,
	CAMPAIGN_URL,		/* of each link: domain, place, the whole */
	CAMPAIGN_FILE,		/* attachments by content */
	CAMPAIGN_SKELETON,	/* one: the whole subject */
	CAMPAIGN_BLOCKS
};

#define CAMPAIGN_PRINT_MAX 125
#define CAMPAIGN_HEAD_WORDS 24
#define CAMPAIGN_ID_SIZE 13	/* of an id as text, NUL included */

/* ---- one message ---- */

struct campaign_reader;		/* some 80 kB; used for one message after the other */

struct campaign_reader *campaign_reader_new(void);
void campaign_reader_free(struct campaign_reader *r);

/* Begins a message. Then, in this order: names, the subject, and the rest in any order. */
void campaign_begin(struct campaign_reader *r);

/* An address or name of a recipient: its words are masked wherever they stand. Only the first 64 words of all are kept. */
void campaign_name(struct campaign_reader *r, const char *text);

void campaign_subject(struct campaign_reader *r, const char *subject);

/* The text of the message in pieces of UTF-8, cut anywhere; bytes that are no UTF-8 stand between words. The HTML and the plain text of a message
 * are kept apart, and that which a reader is shown counts: the HTML, when it has words. */
void campaign_text(struct campaign_reader *r, int is_html, const void *text, size_t n);
void campaign_text_end(struct campaign_reader *r, int is_html);

/* A link; domain: the registrable one, or the host. is_short: the path of a shortener says nothing about where it leads. */
void campaign_url(struct campaign_reader *r, const char *domain, const char *url, int is_short);

/* An attachment by the hash of its decoded bytes. */
void campaign_file(struct campaign_reader *r, const void *hash, size_t n);

/* The same of an image that the HTML shows: a logo as often as not, so it counts where there are no words beside it. */
void campaign_picture(struct campaign_reader *r, const void *hash, size_t n);

/* The print, sorted; returns how many numbers. 0: nothing in it to compare. */
size_t campaign_end(uint32_t out[CAMPAIGN_PRINT_MAX], struct campaign_reader *r);

/* A print as bytes for storage (4 each, the same on every system), and back: 0, or -1 when the bytes are none. */
#define CAMPAIGN_FORMAT 1	/* raised when prints of before cannot be compared with those of now */
size_t campaign_encode(uint8_t out[4 * CAMPAIGN_PRINT_MAX], const uint32_t *print, size_t n);
int campaign_decode(uint32_t out[CAMPAIGN_PRINT_MAX], size_t *n, const void *bytes, size_t size);

/* ---- a spool ---- */

struct campaign_item {
	uint32_t *print;	/* the caller's, as all of it; no two share memory. Written to while it is grouped, and then as before */
	uint32_t n;		/* not 0 */
	uint32_t times;		/* messages with this very print, not 0 */
	uint64_t id;		/* out: the campaign, below 2^48 */
};

/* Groups the items of a spool, in any order. Items with one print are best given once, with `times`. */
void campaign_group(struct campaign_item *item, size_t n);

/* 64 bits well mixed; all hashes here rest on it. */
static inline uint64_t
campaign_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

/* "0123456789ab" */
void campaign_id_text(char out[CAMPAIGN_ID_SIZE], uint64_t id);

#endif
