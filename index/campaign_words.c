/*
 * Text to words as a reader sees them. A character becomes its compatibility
 * decomposition (NFKC) in folded case without marks, invisible ones nothing; letters
 * that look like Latin ones become these. It does not matter that a Russian word
 * comes out as a mix: nobody reads it, it only has to come out the same each time.
 */
#include <string.h>
#include <utf8proc.h>

#include "index/campaign_in.h"

enum { LINE_START, LINE_DASH, LINE_DASHES, LINE_DASHES_SPACE, LINE_TEXT, LINE_QUOTED, LINE_SIGNATURE };

#define UPPER UINT32_C(0x80000000)	/* of a character in a chunk: it was a capital letter */
#define WORD_MAX 24			/* a longer word is none */
#define VOWELS UINT32_C(0x2208222)	/* a, e, i, o, u, y as bits: five bits tell Latin letters apart */

/* ---- characters ---- */

/* Nearly all text is ASCII: what each of its characters is. 0: a space. */
enum { LETTER = 1, DIGIT = 2, APOSTROPHE = 4, LINK = 8, AT = 16, CAPITAL = 32, STROKE = 64, OTHER = 128, WIDE = 256 };

#define C (LETTER | CAPITAL)
#define S (LETTER | STROKE)
#define O OTHER

static const unsigned char kinds[128] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, O, O, O, O, O, O, APOSTROPHE, O, O, O, O, O, O, LINK, LINK,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, O, O, O, O, O, O,
	AT, C, C, C, C, C, C, C, C, C, C, C, C | STROKE, C, C, C,
	C, C, C, C, C, C, C, C, C, C, C, O, O, O, O, O,
	APOSTROPHE, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, S, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, O, O, O, O, 0
};

#undef C
#undef S
#undef O

/* Small, as one of the letters that look like it, with a flag when it was a capital: what push_char() makes of it. */
static uint32_t
fold_ascii(unsigned char c)
{
	unsigned k = kinds[c];

	return (c + (k & CAPITAL) - 3 * (k >> 6 & 1)) | (uint32_t)(k & CAPITAL) << 26;
}

/* Letters whose capitals look like another letter than they do themselves are here twice. Sorted. */
static const struct { uint32_t from; char to; } look_alikes[] = {
	{ 0x0131, 'i' }, { 0x0142, 'l' }, { 0x0180, 'b' }, { 0x0251, 'a' }, { 0x0261, 'g' }, { 0x0268, 'i' }, { 0x0269, 'i' }, { 0x026A, 'i' },
	{ 0x0274, 'n' }, { 0x0280, 'r' }, { 0x028F, 'y' }, { 0x0299, 'b' }, { 0x029C, 'h' }, { 0x029F, 'l' },
	/* Greek capitals, then small letters */
	{ 0x0392, 'b' }, { 0x0395, 'e' }, { 0x0396, 'z' }, { 0x0397, 'h' }, { 0x0399, 'i' }, { 0x039A, 'k' }, { 0x039C, 'm' }, { 0x039D, 'n' },
	{ 0x039F, 'o' }, { 0x03A1, 'p' }, { 0x03A4, 't' }, { 0x03A5, 'y' }, { 0x03A7, 'x' }, { 0x03B1, 'a' }, { 0x03B2, 'b' }, { 0x03B3, 'y' },
	{ 0x03B5, 'e' }, { 0x03B7, 'n' }, { 0x03B9, 'i' }, { 0x03BA, 'k' }, { 0x03BC, 'u' }, { 0x03BD, 'v' }, { 0x03BF, 'o' }, { 0x03C1, 'p' },
	{ 0x03C3, 'o' }, { 0x03C4, 't' }, { 0x03C5, 'u' }, { 0x03C7, 'x' }, { 0x03C9, 'w' }, { 0x03F2, 'c' },
	/* Cyrillic */
	{ 0x0412, 'b' }, { 0x041D, 'h' }, { 0x0422, 't' }, { 0x0430, 'a' }, { 0x0432, 'b' }, { 0x0433, 'r' }, { 0x0435, 'e' }, { 0x0438, 'u' }, { 0x043A, 'k' }, { 0x043C, 'm' }, { 0x043D, 'h' }, { 0x043E, 'o' }, { 0x043F, 'n' }, { 0x0440, 'p' }, { 0x0441, 'c' },
	{ 0x0442, 't' }, { 0x0443, 'y' }, { 0x0445, 'x' }, { 0x044C, 'b' }, { 0x0455, 's' }, { 0x0456, 'i' }, { 0x0458, 'j' }, { 0x0475, 'v' },
	{ 0x04BB, 'h' }, { 0x04CF, 'l' }, { 0x0501, 'd' }, { 0x051B, 'q' }, { 0x051D, 'w' },
	/* Armenian, Cherokee, small capitals */
	{ 0x0563, 'q' }, { 0x0570, 'h' }, { 0x0578, 'n' }, { 0x057D, 'u' }, { 0x0581, 'g' }, { 0x0585, 'o' }, { 0x13A0, 'd' }, { 0x13A1, 'r' },
	{ 0x13A2, 't' }, { 0x13A9, 'y' }, { 0x13AA, 'a' }, { 0x13AB, 'j' }, { 0x13AC, 'e' }, { 0x13B3, 'w' }, { 0x13B7, 'm' }, { 0x13BB, 'h' },
	{ 0x13C0, 'g' }, { 0x13C3, 'z' }, { 0x13CF, 'b' }, { 0x13DA, 's' }, { 0x13DE, 'l' }, { 0x13DF, 'c' }, { 0x13E2, 'p' }, { 0x13E6, 'k' },
	{ 0x1D00, 'a' }, { 0x1D04, 'c' }, { 0x1D05, 'd' }, { 0x1D07, 'e' }, { 0x1D0A, 'j' }, { 0x1D0B, 'k' }, { 0x1D0D, 'm' }, { 0x1D0F, 'o' },
	{ 0x1D18, 'p' }, { 0x1D1B, 't' }, { 0x1D1C, 'u' }, { 0x1D20, 'v' }, { 0x1D21, 'w' }, { 0x1D22, 'z' }
};

static uint32_t
look_alike(uint32_t c)
{
	size_t lo = 0, hi = sizeof look_alikes / sizeof look_alikes[0], mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (look_alikes[mid].from == c)
			return (uint32_t)(unsigned char)look_alikes[mid].to;
		if (look_alikes[mid].from < c)
			lo = mid + 1;
		else
			hi = mid;
	}
	if ((c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189))	/* letters in black circles and squares have no decomposition */
		return 'a' + (c >= 0x1F170 ? c - 0x1F170 : c - 0x1F150);
	return c;
}

/* "I", "l" and "1" are one in many fonts; digits have a meaning of their own here. */
static uint32_t
same_stroke(uint32_t c)
{
	return c == 'l' ? 'i' : c;
}

static int
is_upper(utf8proc_int32_t c)
{
	return utf8proc_category(c) == UTF8PROC_CATEGORY_LU;
}

/* The characters that one character stands for; n: how many, 0 for an invisible one. */
static size_t
fold(uint32_t out[16], utf8proc_int32_t c)
{
	const utf8proc_option_t opt = (utf8proc_option_t)(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE |
	    UTF8PROC_STRIPMARK);
	uint32_t before = look_alike((uint32_t)c);
	utf8proc_int32_t cp[16];
	utf8proc_ssize_t n, i;
	int boundary = 0;

	if (before != (uint32_t)c) {	/* as the capital that it is: its small letter may look otherwise */
		out[0] = same_stroke(before);
		return 1;
	}
	n = utf8proc_decompose_char(c, cp, 16, opt, &boundary);
	if (n < 0 || n > 16) {		/* the longest decomposition that there is has 18: a phrase of Arabic */
		out[0] = (uint32_t)c;
		return 1;
	}
	for (i = 0; i < n; i++)
		out[i] = same_stroke(look_alike((uint32_t)cp[i]));
	return (size_t)n;
}

static int
is_space(uint32_t c)
{
	return c <= 0x20 || c == 0x7F || (c >= 0x80 && c <= 0xA0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
	    c == 0x3000 || c == 0x2800;
}

static int
is_digit(uint32_t c)
{
	return c < 0x80 ? c >= '0' && c <= '9' : utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_ND;
}

static int
is_letter(uint32_t c)
{
	utf8proc_category_t k;

	if (c < 0x80)
		return c >= 'a' && c <= 'z';
	k = utf8proc_category((utf8proc_int32_t)c);
	return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) || k == UTF8PROC_CATEGORY_NL;
}

/* Scripts without spaces: each character counts as a word. Thai, Lao, Burmese, Khmer, Japanese, Chinese. */
static int
is_word_alone(uint32_t c)
{
	return c >= 0x0E00 && (c <= 0x0EFF || (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF) || (c >= 0x3040 && c <= 0x30FF) ||
	    (c >= 0x31F0 && c <= 0x31FF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
	    (c >= 0x20000 && c <= 0x3FFFF));
}

/* ---- words ---- */

#define HASH_BEGIN UINT64_C(0xCBF29CE484222325)

static uint64_t
hash_char(uint64_t h, uint32_t c)
{
	return (h ^ (c & ~UPPER)) * UINT64_C(0x100000001B3);
}

static uint64_t
hash_end(uint64_t h)
{
	return campaign_mix(h) | UINT64_C(1) << 63;
}

uint64_t
words_hash(const uint32_t *c, size_t n)
{
	uint64_t h = HASH_BEGIN;
	size_t i;

	for (i = 0; i < n; i++)
		h = hash_char(h, c[i]);
	return hash_end(h);
}

static void
tell(struct words *w, uint64_t h, size_t letters)
{
	if (h < WORD_MASKS && h == w->last)
		return;
	w->last = h;
	w->word(w->arg, h, letters);
}

/* "Dear John Smith": what follows a greeting at the beginning is a name, and so is a second word with a capital letter. */
static int
is_greeted(struct words *w, uint64_t h, int is_capital)
{
	size_t i;

	if (w->is_greeted == 2 || (w->is_greeted == 1 && is_capital)) {
		w->is_greeted--;
		return 1;
	}
	w->is_greeted = 0;
	if (w->seen >= GREETING_WITHIN)
		return 0;
	w->seen++;
	for (i = 0; i < w->ngreetings; i++)
		if (w->greeting[i] == h)
			w->is_greeted = 2;
	return 0;
}

static void
tell_hash(struct words *w, uint64_t h, int is_capital, size_t n)
{
	size_t i;

	if (is_greeted(w, h, is_capital)) {
		tell(w, WORD_NAME, 0);
		return;
	}
	for (i = 0; (w->name_bits >> (h & 63) & 1) != 0 && i < w->nnames; i++) {
		if (w->name[i] == h) {
			tell(w, WORD_NAME, 0);
			return;
		}
	}
	tell(w, h, n);
}

static void
tell_word(struct words *w, const uint32_t *c, size_t n)
{
	tell_hash(w, words_hash(c, n), (c[0] & UPPER) != 0, n);
}

/* "f r e e": three single letters in a row, or more, are one word. */
static void
tell_spaced(struct words *w)
{
	size_t i, n = w->nspaced;

	w->nspaced = 0;
	if (n >= 3)
		tell_word(w, w->spaced, n);
	else
		for (i = 0; i < n; i++)
			tell_word(w, &w->spaced[i], 1);
}

static int
is_vowel(uint32_t c)
{
	return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

/* Made by a machine: too long, capitals amid it, or Latin without a vowel. */
static int
is_random(const uint32_t *c, size_t n)
{
	size_t i, capitals = 0, latin = 0, vowels = 0;

	for (i = 0; i < n; i++) {
		capitals += i > 0 && (c[i] & UPPER) != 0 && (c[i - 1] & UPPER) == 0;
		latin += (c[i] & ~UPPER) < 0x80;
		vowels += is_vowel(c[i] & ~UPPER) ? 1 : 0;
	}
	return n > WORD_MAX || capitals >= 2 || (n >= 5 && latin == n && vowels == 0);
}

static void
one_word(struct words *w, const uint32_t *c, size_t n)
{
	size_t i, digits = 0;

	for (i = 0; i < n; i++)
		digits += is_digit(c[i] & ~UPPER) ? 1 : 0;
	if (n == 1 && digits == 0 && (c[0] & ~UPPER) < 0x80) {
		if (w->nspaced == SPACED_MAX)
			tell_spaced(w);
		w->spaced[w->nspaced++] = c[0];
		return;
	}
	tell_spaced(w);
	if (digits != 0 || is_random(c, n))
		tell(w, WORD_RANDOM, 0);
	else
		tell_word(w, c, n);
}

static int
is_apostrophe(uint32_t c)
{
	return c == '\'' || c == 0x2019 || c == 0x2018 || c == 0x02BC || c == '`';
}

static void
split(struct words *w, const uint32_t *c, size_t n)
{
	uint32_t word[CHUNK_MAX], ch;
	size_t i, k = 0;

	for (i = 0; i < n; i++) {
		ch = c[i] & ~UPPER;
		if (is_apostrophe(ch))
			continue;
		if (!is_word_alone(ch) && (is_letter(ch) || is_digit(ch))) {
			word[k++] = c[i];
			continue;
		}
		if (k != 0)
			one_word(w, word, k);
		k = 0;
		if (is_word_alone(ch) && is_letter(ch)) {
			tell_spaced(w);
			tell_word(w, &c[i], 1);
		}
	}
	if (k != 0)
		one_word(w, word, k);
}

/* ---- what stands between two spaces ---- */

static int
is_at(const uint32_t *c, size_t n, size_t at, const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++)
		if (at + i >= n || (c[at + i] & ~UPPER) != (uint32_t)(unsigned char)text[i])
			return 0;
	return 1;
}

/* Where a link begins: "http://…", "www.…" or "bit.iy/…" (an l is an i here). n: there is none. */
static size_t
find_url(const uint32_t *c, size_t n)
{
	size_t i, start = 0;
	int dots = 0;
	uint32_t ch;

	for (i = 0; i < n; i++) {
		ch = c[i] & ~UPPER;
		if (is_at(c, n, i, "://") || (i == start && is_at(c, n, i, "www.")))
			return start;
		if (ch == '/' && dots > 0 && i + 1 < n && is_letter(c[i - 1] & ~UPPER))
			return start;
		if (ch == '.' && i > start)
			dots++;
		else if (ch != '.' && ch != '-' && !is_letter(ch) && !is_digit(ch)) {
			start = i + 1;
			dots = 0;
		}
	}
	return n;
}

static int
is_address(const uint32_t *c, size_t n)
{
	size_t i;

	for (i = 1; i + 1 < n; i++)
		if ((c[i] & ~UPPER) == '@' && (is_letter(c[i - 1] & ~UPPER) || is_digit(c[i - 1] & ~UPPER)) &&
		    (is_letter(c[i + 1] & ~UPPER) || is_digit(c[i + 1] & ~UPPER)))
			return 1;
	return 0;
}

static void
end_chunk(struct words *w, int is_cut)
{
	size_t n = w->nchunk, at;
	unsigned has = w->has;

	w->nchunk = 0;
	w->has = 0;
	if (n == 0)
		return;
	at = (has & (LINK | WIDE)) != 0 ? find_url(w->chunk, n) : n;
	if (at < n) {
		split(w, w->chunk, at);
		tell_spaced(w);
		tell(w, WORD_URL, 0);
		w->is_in_url = is_cut;
	} else if ((has & (AT | WIDE)) != 0 && is_address(w->chunk, n)) {
		tell_spaced(w);
		tell(w, WORD_MAIL, 0);
	} else {
		split(w, w->chunk, n);
	}
}

/* ---- lines ---- */

/* RFC 3676: what others wrote begins with ">", and the line "-- " with a signature behind it. 1: the character counts. */
static int
in_text(struct words *w, utf8proc_int32_t c)
{
	if (c == '\n') {
		if (w->line == LINE_DASHES_SPACE || w->line == LINE_DASHES)
			w->line = LINE_SIGNATURE;
		else if (w->line != LINE_SIGNATURE)
			w->line = LINE_START;
		return w->line != LINE_SIGNATURE;
	}
	switch (w->line) {
	case LINE_START: w->line = c == '>' ? LINE_QUOTED : c == '-' ? LINE_DASH : LINE_TEXT; break;
	case LINE_DASH: w->line = c == '-' ? LINE_DASHES : LINE_TEXT; break;
	case LINE_DASHES: w->line = c == ' ' ? LINE_DASHES_SPACE : c == '\r' ? LINE_DASHES : LINE_TEXT; break;
	case LINE_DASHES_SPACE: w->line = c == '\r' ? LINE_DASHES_SPACE : LINE_TEXT; break;
	default: break;
	}
	return w->line != LINE_QUOTED && w->line != LINE_SIGNATURE;
}

static void
add_char(struct words *w, uint32_t c, unsigned kind)
{
	if (w->nchunk == CHUNK_MAX)
		end_chunk(w, 1);
	w->chunk[w->nchunk++] = c;
	w->has |= kind;
}

static void
push_char(struct words *w, utf8proc_int32_t c)
{
	uint32_t out[16], flag;
	size_t i, n;

	if (w->skips_quotes && !in_text(w, c))
		return;
	if (is_space((uint32_t)c)) {
		end_chunk(w, 0);
		w->is_in_url = 0;
		return;
	}
	if (w->is_in_url)
		return;
	if (c < 0x80) {
		add_char(w, fold_ascii((unsigned char)c), kinds[c]);
		return;
	}
	flag = is_upper(c) ? UPPER : 0;
	n = fold(out, c);
	for (i = 0; i < n; i++)
		add_char(w, out[i] | flag, WIDE);
}

/* ---- pieces ---- */

void
words_init(struct words *w, void (*word)(void *arg, uint64_t hash, size_t letters), void *arg)
{
	w->word = word;
	w->arg = arg;
	w->name = w->greeting = NULL;
	w->known = NULL;
	w->ngreetings = w->nnames = w->nchunk = w->nspaced = w->ncut = 0;
	w->last = w->name_bits = 0;
	w->has = 0;
	w->line = LINE_START;
	w->skips_quotes = w->is_in_url = w->is_greeted = 0;
	w->seen = 0;
}

#define EACH UINT64_C(0x0101010101010101)	/* times a byte: that in each of eight */

/* The letters that eight bytes begin with, small and 0 behind them. 0: none, or all eight are letters, or capitals amid them. */
static uint64_t
short_word(size_t *n, const unsigned char *p)
{
	const uint64_t x = (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
	    (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
	const uint64_t small = (x | 0x20 * EACH) & 0x7F * EACH;	/* no sum below goes over the top of its byte */
	const uint64_t other = ~((small + (0x80 - 'a') * EACH) & ~(small + (0x7F - 'z') * EACH) & ~x) & 0x80 * EACH;
	const uint64_t first = other & (~other + 1), letters = (first >> 7) - 1;
	const uint64_t capitals = ~x & letters & 0x20 * EACH, begun = capitals & ~(capitals << 8) & ~UINT64_C(0xFF);

	if (other == 0 || (begun & (begun - 1)) != 0)
		return 0;
	*n = (size_t)((letters & EACH) * EACH >> 56);
	return (x | 0x20 * EACH) & letters;
}

/* The same as plain_word() has it. 0: it is no word. */
static uint64_t
hash_known(struct words *w, uint64_t letters)
{
	struct known_word *k = &w->known[letters * UINT64_C(0x9e3779b97f4a7c15) >> 52];
	uint64_t h = HASH_BEGIN, left;
	uint32_t vowels = 0, c;

	if (k->letters == letters)
		return k->hash;
	for (left = letters; left != 0; left >>= 8) {
		c = fold_ascii((unsigned char)(left & 0xFF));
		h = hash_char(h, c);
		vowels |= UINT32_C(1) << (c & 31);
	}
	k->letters = letters;
	k->hash = letters >> 32 == 0 || (vowels & VOWELS) != 0 ? hash_end(h) : 0;	/* five letters or more need a vowel */
	return k->hash;
}

/* The hash of the word that stands here in ASCII letters and is neither random nor a single one; n: its letters. 0: none. */
static uint64_t
hash_plain(size_t *n, struct words *w, const unsigned char *p, size_t max)
{
	size_t i, capitals = 0;
	uint32_t vowels = 0, c = 0, before = UPPER;
	uint64_t h = HASH_BEGIN, letters;

	if (w->known != NULL && max >= 8 && (letters = short_word(&i, p)) != 0) {
		*n = i;
		return i >= 2 ? hash_known(w, letters) : 0;
	}
	for (i = 0; i < max && p[i] < 0x80 && (kinds[p[i]] & LETTER) != 0; i++) {
		c = fold_ascii(p[i]);
		h = hash_char(h, c);
		capitals += (c & ~before) >> 31;
		vowels |= UINT32_C(1) << (c & 31);
		before = c;
	}
	*n = i;
	return i < 2 || capitals >= 2 || (i >= 5 && (vowels & VOWELS) == 0) ? 0 : hash_end(h);
}

/*
 * A whole word of ASCII letters, a sign behind it or none, and the space after that: what push_char() would say of them, at once.
 * Nearly all text is such words. Returns how many bytes of p they are without the space; 0: something else stands there.
 */
static size_t
plain_word(struct words *w, const unsigned char *p, size_t n)
{
	size_t letters, i;
	uint64_t h = hash_plain(&letters, w, p, n < WORD_MAX ? n : WORD_MAX);

	i = letters;
	if (h == 0 || i + 1 >= n)
		return 0;
	if (p[i] < 0x80 && (kinds[p[i]] & ~(LETTER | DIGIT | CAPITAL | STROKE)) != 0 && !(p[i] == '.' && (p[0] | 0x20) == 'w'))
		i++;		/* "www." is a link */
	if (p[i] >= 0x80 || kinds[p[i]] != 0)
		return 0;
	if (w->nspaced != 0)
		tell_spaced(w);
	tell_hash(w, h, (kinds[p[0]] & CAPITAL) != 0, letters);
	return i;
}

/* From between two chunks to the next of these places in lines of text: words one after the other. Returns how many bytes were taken. */
static size_t
plain_words(struct words *w, const unsigned char *p, size_t n)
{
	size_t i = 0, k;

	while (i < n && p[i] < 0x80) {
		if (kinds[p[i]] == 0) {
			w->line = p[i] == '\n' ? LINE_START : LINE_TEXT;
			i++;
			continue;
		}
		if (w->line == LINE_START && w->skips_quotes && (kinds[p[i]] & LETTER) == 0)
			break;
		w->line = LINE_TEXT;
		k = plain_word(w, p + i, n - i);
		if (k == 0)
			break;
		i += k;
	}
	return i;
}

/* Bytes that push_char() would pass over or take one by one without a need. */
static size_t
push_plain(struct words *w, const unsigned char *p, size_t n)
{
	const unsigned char *lf;

	if (w->skips_quotes && (w->line == LINE_QUOTED || w->line == LINE_SIGNATURE)) {
		lf = w->line == LINE_QUOTED ? memchr(p, '\n', n) : NULL;
		return lf != NULL ? (size_t)(lf - p) : n;
	}
	if (w->nchunk != 0 || w->is_in_url || (w->skips_quotes && w->line != LINE_TEXT && w->line != LINE_START))
		return 0;
	return plain_words(w, p, n);
}

/* How many bytes the character has that begins with this one; 1 also for what begins none. */
static size_t
length_of(unsigned char first)
{
	return first < 0xC2 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 1;
}

/* The character at p, of which n bytes are there. Returns its length; a byte that is none counts as a space. */
static size_t
next_char(utf8proc_int32_t *c, const unsigned char *p, size_t n)
{
	utf8proc_ssize_t len = utf8proc_iterate(p, n < 4 ? (utf8proc_ssize_t)n : 4, c);

	if (len > 0)
		return (size_t)len;
	*c = ' ';
	return 1;
}

/* What was cut at the end of the piece before, with as much of this one as it needs. Returns how much that is. */
static size_t
mend(struct words *w, const unsigned char *p, size_t n)
{
	utf8proc_int32_t c;
	size_t used = 0, len;

	while (w->ncut != 0) {
		while (w->ncut < length_of(w->cut[0]) && used < n)
			w->cut[w->ncut++] = p[used++];
		if (w->ncut < length_of(w->cut[0]))
			return used;
		len = next_char(&c, w->cut, w->ncut);
		push_char(w, c);
		w->ncut -= len;
		memmove(w->cut, w->cut + len, w->ncut);
	}
	return used;
}

void
words_push(struct words *w, const void *text, size_t n)
{
	const unsigned char *p = text;
	utf8proc_int32_t c;
	size_t i = mend(w, p, n);

	while (i < n) {
		i += push_plain(w, p + i, n - i);
		if (i == n)
			return;
		if (p[i] < 0x80) {
			push_char(w, p[i++]);
			continue;
		}
		if (n - i < length_of(p[i])) {
			w->ncut = n - i;
			memcpy(w->cut, p + i, w->ncut);
			return;
		}
		i += next_char(&c, p + i, n - i);
		push_char(w, c);
	}
}

void
words_end(struct words *w)
{
	w->ncut = 0;
	end_chunk(w, 0);
	tell_spaced(w);
	w->is_in_url = 0;
	w->last = 0;
	w->line = LINE_START;
}
