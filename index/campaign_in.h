#ifndef INDEX_CAMPAIGN_IN_H
#define INDEX_CAMPAIGN_IN_H
/*
 * Shared by campaign_words.c (text to words), campaign_print.c (words to a
 * print) and campaign_group.c. Nobody else includes it.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/campaign.h"

#define BLOCK_SHIFT 29
#define TRAIT_MASK ((UINT32_C(1) << BLOCK_SHIFT) - 1)

/* What stands for a word that differs from copy to copy. Such a word is its own hash. */
enum { WORD_RANDOM = 1, WORD_URL, WORD_MAIL, WORD_NAME, WORD_MASKS };

#define CHUNK_MAX 256		/* characters without a space between them that are looked at together */
#define GREETING_WITHIN 8	/* the first words of a text, among which a greeting is one */
#define SPACED_MAX 24		/* single letters with spaces between them that are put together to a word */

/* Hashes of short words met before: nearly all words of a text are some of a few thousand. All zero: none yet. */
#define KNOWN_WORDS 4096
struct known_word {
	uint64_t letters;	/* up to seven, small, the first in the lowest byte */
	uint64_t hash;		/* 0: no word, see is_random */
};

struct words {
	void (*word)(void *arg, uint64_t hash, size_t letters);	/* hash below WORD_MASKS: a mask, of 0 letters */
	void *arg;
	const uint64_t *name;	/* hashes that are masked as names, NULL none */
	size_t nnames;
	uint64_t name_bits;	/* bit h % 64 of each of them: nearly all words are none */
	const uint64_t *greeting;	/* hashes of words that a name follows, as long as a text begins; NULL none */
	size_t ngreetings;
	struct known_word *known;	/* KNOWN_WORDS of them, NULL none: shared by all that one thread reads */
	int skips_quotes;	/* lines that begin with ">", and what follows "-- " */

	uint32_t chunk[CHUNK_MAX], spaced[SPACED_MAX];
	size_t nchunk, nspaced;
	unsigned has;		/* kinds of characters in the chunk */
	unsigned char cut[4];	/* a character that was cut at the end of a piece */
	size_t ncut;
	uint64_t last;		/* of the last word: masks are told once in a row */
	int line;		/* where in its line the text is */
	unsigned seen;		/* words so far, up to GREETING_WITHIN */
	int is_greeted;		/* 2: a greeting was the last word, 1: it and a name */
	int is_in_url;		/* the rest of a link longer than CHUNK_MAX is passed over */
};

void words_init(struct words *w, void (*word)(void *arg, uint64_t hash, size_t letters), void *arg);
void words_push(struct words *w, const void *text, size_t n);
void words_end(struct words *w);

/* Of a word in folded letters; never one of the masks. */
uint64_t words_hash(const uint32_t *c, size_t n);

#endif
