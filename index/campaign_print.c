/* Words to the print of a message. */
#include <stdlib.h>
#include <string.h>

#include "index/campaign_in.h"
#include "spool/arena.h"

#define NAMES_MAX 64
#define GREETINGS_MAX 32
#define NAME_LETTERS 3		/* what is shorter in an address is no name: "de", "j" */
#define SUBJECT_WORD 4		/* letters of a word that counts by itself; shorter ones are in every sentence */
#define TEXT_WORD 5
#define MAIN_WORDS 4		/* HTML with fewer is a frame for an image; the plain text is what can be read */

/* How many traits of each block are kept. */
static const unsigned char keep[CAMPAIGN_BLOCKS] = { 20, 12, 20, 20, 36, 10, 6, 1 };
#define KEEP_MAX 36

/* The smallest numbers met, each once, in order. Behind them stands NONE. */
struct sketch {
	int32_t v[KEEP_MAX];
	unsigned n;
};

#define NONE INT32_MAX		/* a trait has 29 bits */

/* Words on their way to two blocks of a print. */
struct flow {
	struct words words;
	struct sketch head_word, head, rest_word, rest;
	uint64_t before[2];	/* the last two words … */
	uint64_t mixed, pair;	/* … the last one mixed, and both as row_of() has them */
	uint64_t count;
};

struct campaign_reader {
	struct words names, subject;
	struct flow plain, html;
	struct sketch subjects, urls, files, pictures;
	uint64_t name[NAMES_MAX], greeting[GREETINGS_MAX];
	size_t nnames, ngreetings;
	uint64_t name_bits;
	struct known_word known[KNOWN_WORDS];
	uint64_t subject_before, subject_all;
	uint64_t subject_words;
};

static uint32_t
trait_mixed(uint64_t mixed)
{
	return (uint32_t)(mixed >> 35);
}

static uint32_t
trait(uint64_t h)
{
	return trait_mixed(campaign_mix(h));
}

static void
sketch_init(struct sketch *s)
{
	unsigned i;

	s->n = 0;
	for (i = 0; i < KEEP_MAX; i++)
		s->v[i] = NONE;
}

static void
sketch_insert(struct sketch *s, enum campaign_block block, uint32_t v)
{
	const int32_t x = (int32_t)v;
	int32_t at = 0;
	unsigned i, n = s->n;

	for (i = 0; i < KEEP_MAX; i++)	/* all of them, without a branch: a compiler takes several at once */
		at += s->v[i] < x;
	if (s->v[at] == x)
		return;
	if (n == keep[block])
		n--;
	for (i = n; i > (unsigned)at; i--)
		s->v[i] = s->v[i - 1];
	s->v[at] = x;
	s->n = n + 1;
}

static inline void
sketch_add_trait(struct sketch *s, enum campaign_block block, uint32_t v)
{
	if ((int32_t)v < s->v[keep[block] - 1])
		sketch_insert(s, block, v);
}

static void
sketch_add(struct sketch *s, enum campaign_block block, uint64_t h)
{
	sketch_add_trait(s, block, trait(h));
}

static uint64_t
row_of(uint64_t a, uint64_t b, uint64_t c)
{
	return campaign_mix(campaign_mix(campaign_mix(a) + b) + c);
}

/* ---- the text ---- */

static void
text_word(void *arg, uint64_t h, size_t letters)
{
	struct flow *f = arg;
	int is_head = f->count < CAMPAIGN_HEAD_WORDS, is_mask = h < WORD_MASKS;
	uint64_t mixed = campaign_mix(h);

	f->count++;
	if (letters >= TEXT_WORD)
		sketch_add_trait(is_head ? &f->head_word : &f->rest_word, is_head ? CAMPAIGN_HEAD_WORD : CAMPAIGN_REST_WORD, trait_mixed(mixed));
	if (f->count >= 3 && !(is_mask && f->before[0] < WORD_MASKS && f->before[1] < WORD_MASKS))
		sketch_add(is_head ? &f->head : &f->rest, is_head ? CAMPAIGN_HEAD : CAMPAIGN_REST, campaign_mix(f->pair + h));
	f->before[1] = f->before[0];
	f->before[0] = h;
	f->pair = campaign_mix(f->mixed + h);
	f->mixed = mixed;
}

static void
flow_init(struct flow *f, struct campaign_reader *r)
{
	words_init(&f->words, text_word, f);
	f->words.name = r->name;
	f->words.greeting = r->greeting;
	f->words.ngreetings = r->ngreetings;
	f->words.known = r->known;
	f->words.skips_quotes = 1;
	sketch_init(&f->head_word);
	sketch_init(&f->head);
	sketch_init(&f->rest_word);
	sketch_init(&f->rest);
	f->before[0] = f->before[1] = f->mixed = f->pair = f->count = 0;
}

/* Two words or one make no row of three: they are one trait. */
static void
flow_end(struct flow *f)
{
	words_end(&f->words);
	if (f->count != 0 && f->count < 3)
		sketch_add(&f->head, CAMPAIGN_HEAD, row_of(0, f->before[1], f->before[0]));
}

/* ---- the subject ---- */

/* "Re:", "Fwd:" and what other languages have for them say nothing about the content. */
static int
is_prefix(uint64_t h)
{
	static const char *const prefix[] = { "re", "fw", "fwd", "aw", "wg", "sv", "vs", "ynt", "iit", "tr", "rv", "odp" };
	uint32_t c[4];
	size_t i, k;

	for (i = 0; i < sizeof prefix / sizeof prefix[0]; i++) {
		for (k = 0; prefix[i][k] != '\0'; k++)
			c[k] = (uint32_t)(unsigned char)prefix[i][k];
		if (words_hash(c, k) == h)
			return 1;
	}
	return 0;
}

static void
subject_word(void *arg, uint64_t h, size_t letters)
{
	struct campaign_reader *r = arg;

	if (r->subject_words == 0 && is_prefix(h))
		return;
	r->subject_words++;
	if (letters >= SUBJECT_WORD)
		sketch_add(&r->subjects, CAMPAIGN_SUBJECT, h);
	if (r->subject_before != 0 && !(h < WORD_MASKS && r->subject_before < WORD_MASKS))
		sketch_add(&r->subjects, CAMPAIGN_SUBJECT, row_of(1, r->subject_before, h));
	r->subject_before = h;
	r->subject_all = campaign_mix(r->subject_all + h);
}

/* ---- the message ---- */

static void
name_word(void *arg, uint64_t h, size_t letters)
{
	struct campaign_reader *r = arg;

	(void)letters;
	if (h >= WORD_MASKS && r->nnames < NAMES_MAX) {
		r->name[r->nnames++] = h;
		r->name_bits |= UINT64_C(1) << (h & 63);
	}
}

static const char greetings[] =
    "hi hello hey dear hallo liebe lieber sehr geehrter geehrte herr frau bonjour salut cher hola estimado estimada querido ciao caro gentile "
    "prezado sayın merhaba привет здравствуйте уважаемый уважаемая";

static void
greeting_word(void *arg, uint64_t h, size_t letters)
{
	struct campaign_reader *r = arg;

	(void)letters;
	if (r->ngreetings < GREETINGS_MAX)
		r->greeting[r->ngreetings++] = h;
}

struct campaign_reader *
campaign_reader_new(void)
{
	struct campaign_reader *r = mem_new(sizeof *r);

	words_init(&r->names, greeting_word, r);
	words_push(&r->names, greetings, sizeof greetings - 1);
	words_end(&r->names);
	campaign_begin(r);
	return r;
}

void
campaign_reader_free(struct campaign_reader *r)
{
	free(r);
}

void
campaign_begin(struct campaign_reader *r)
{
	r->nnames = 0;
	r->name_bits = 0;
	sketch_init(&r->subjects);
	sketch_init(&r->urls);
	sketch_init(&r->files);
	sketch_init(&r->pictures);
	r->subject_before = r->subject_all = r->subject_words = 0;
	words_init(&r->names, name_word, r);
	words_init(&r->subject, subject_word, r);
	r->subject.name = r->name;
	r->subject.greeting = r->greeting;
	r->subject.ngreetings = r->ngreetings;
	flow_init(&r->plain, r);
	flow_init(&r->html, r);
}

/* strcspn makes a table at each call. */
static size_t
until(const unsigned char is_end[128], const char *p)
{
	size_t n;

	for (n = 0; (unsigned char)p[n] >= 128 || !is_end[(unsigned char)p[n]]; n++)
		;
	return n;
}

static const unsigned char ends_name[128] = {
	['\0'] = 1, [' '] = 1, ['.'] = 1, ['@'] = 1, ['_'] = 1, ['-'] = 1, ['+'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1,
	['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['"'] = 1, ['\''] = 1, ['<'] = 1, ['>'] = 1, ['('] = 1, [')'] = 1, [','] = 1,
	[';'] = 1, ['\t'] = 1
};

static const unsigned char ends_step[128] = {
	['\0'] = 1, ['/'] = 1, ['?'] = 1, ['#'] = 1, ['.'] = 1, ['-'] = 1, ['_'] = 1, ['='] = 1, ['&'] = 1
};

/* The words of an address: "john.smith42@mail.example" has john, smith and what stands before the last dot. */
void
campaign_name(struct campaign_reader *r, const char *text)
{
	const char *p = text, *end, *at = strrchr(text, '@');
	size_t n;

	for (;;) {
		n = until(ends_name, p);
		end = p + n;
		/* of a domain, the name that somebody chose: the last but one */
		if (n >= NAME_LETTERS && n < CHUNK_MAX && (at == NULL || p < at || (*end == '.' && strchr(end + 1, '.') == NULL))) {
			words_push(&r->names, p, n);
			words_end(&r->names);
		}
		if (*end == '\0')
			break;
		p = end + 1;
	}
	r->subject.nnames = r->plain.words.nnames = r->html.words.nnames = r->nnames;
	r->subject.name_bits = r->plain.words.name_bits = r->html.words.name_bits = r->name_bits;
}

void
campaign_subject(struct campaign_reader *r, const char *subject)
{
	words_push(&r->subject, subject, strlen(subject));
	words_end(&r->subject);
}

void
campaign_text(struct campaign_reader *r, int is_html, const void *text, size_t n)
{
	words_push(is_html ? &r->html.words : &r->plain.words, text, n);
}

void
campaign_text_end(struct campaign_reader *r, int is_html)
{
	words_end(is_html ? &r->html.words : &r->plain.words);
}

static uint64_t
hash_bytes(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t h = UINT64_C(0xCBF29CE484222325);

	while (n-- > 0)
		h = (h ^ *p++) * UINT64_C(0x100000001B3);
	return h;
}

/* Without scheme, query and fragment, each run of digits and each random name in it as one sign. */
static uint64_t
hash_place(const char *url)
{
	const char *p = strstr(url, "://");
	uint64_t h = UINT64_C(0xCBF29CE484222325);
	size_t n, i, digits;

	for (p = p != NULL ? p + 3 : url; *p != '\0' && *p != '?' && *p != '#'; p += n != 0 ? n : 1) {
		n = until(ends_step, p);
		for (i = digits = 0; i < n; i++)
			digits += p[i] >= '0' && p[i] <= '9';
		h = (h ^ (n == 0 ? (unsigned char)*p : digits != 0 || n > 20 ? WORD_RANDOM : hash_bytes(p, n))) * UINT64_C(0x100000001B3);
	}
	return h;
}

void
campaign_url(struct campaign_reader *r, const char *domain, const char *url, int is_short)
{
	sketch_add(&r->urls, CAMPAIGN_URL, hash_bytes(domain, strlen(domain)) + 1);
	sketch_add(&r->urls, CAMPAIGN_URL, hash_bytes(url, strlen(url)) + 2);
	if (!is_short)
		sketch_add(&r->urls, CAMPAIGN_URL, hash_place(url) + 3);
}

void
campaign_file(struct campaign_reader *r, const void *hash, size_t n)
{
	sketch_add(&r->files, CAMPAIGN_FILE, hash_bytes(hash, n));
}

void
campaign_picture(struct campaign_reader *r, const void *hash, size_t n)
{
	sketch_add(&r->pictures, CAMPAIGN_FILE, hash_bytes(hash, n));
}

static size_t
put(uint32_t *out, const struct sketch *s, enum campaign_block block)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		out[i] = (uint32_t)block << BLOCK_SHIFT | (uint32_t)s->v[i];
	return s->n;
}

size_t
campaign_end(uint32_t out[CAMPAIGN_PRINT_MAX], struct campaign_reader *r)
{
	const struct flow *f = &r->html;
	unsigned i;
	size_t n;

	flow_end(&r->plain);
	flow_end(&r->html);
	if (f->count < MAIN_WORDS && r->plain.count > f->count)
		f = &r->plain;
	for (i = 0; f->count == 0 && i < r->pictures.n; i++)
		sketch_add_trait(&r->files, CAMPAIGN_FILE, (uint32_t)r->pictures.v[i]);
	n = put(out, &r->subjects, CAMPAIGN_SUBJECT);
	n += put(out + n, &f->head_word, CAMPAIGN_HEAD_WORD);
	n += put(out + n, &f->head, CAMPAIGN_HEAD);
	n += put(out + n, &f->rest_word, CAMPAIGN_REST_WORD);
	n += put(out + n, &f->rest, CAMPAIGN_REST);
	n += put(out + n, &r->urls, CAMPAIGN_URL);
	n += put(out + n, &r->files, CAMPAIGN_FILE);
	if (r->subjects.n != 0)
		out[n++] = (uint32_t)CAMPAIGN_SKELETON << BLOCK_SHIFT | trait(r->subject_all);
	return n;
}

/* ---- bytes ---- */

size_t
campaign_encode(uint8_t out[4 * CAMPAIGN_PRINT_MAX], const uint32_t *print, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		out[4 * i] = (uint8_t)print[i];
		out[4 * i + 1] = (uint8_t)(print[i] >> 8);
		out[4 * i + 2] = (uint8_t)(print[i] >> 16);
		out[4 * i + 3] = (uint8_t)(print[i] >> 24);
	}
	return 4 * n;
}

int
campaign_decode(uint32_t out[CAMPAIGN_PRINT_MAX], size_t *n, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	size_t i;

	if (size % 4 != 0 || size / 4 > CAMPAIGN_PRINT_MAX)
		return -1;
	for (i = 0; i < size / 4; i++) {
		out[i] = (uint32_t)p[4 * i] | (uint32_t)p[4 * i + 1] << 8 | (uint32_t)p[4 * i + 2] << 16 | (uint32_t)p[4 * i + 3] << 24;
		if (i > 0 && out[i] <= out[i - 1])
			return -1;
	}
	*n = size / 4;
	return 0;
}
