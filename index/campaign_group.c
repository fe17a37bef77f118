/*
 * Prints to campaigns.
 *
 * How alike two groups are is a weighted mean over what a reader sees of them:
 * subject, beginning, the rest, links, attachments. A template and a legal notice stand in the
 * rest and behind the links; so a shop's two newsletters are alike there and nowhere else.
 *
 * No fixed limit tells copies from variants: two copies of a run whose words are
 * drawn from lists are less alike than two newsletters with one long footer. But the
 * newsletter's own copies are much more alike than that. So the copies that are nearly equal are
 * put together first, and from then on a pair of groups is measured against how alike the
 * members of each are among themselves (mean over all pairs, which sums of traits give without
 * looking at pairs). In a run that was drawn from lists both are the same, wherever it is cut.
 *
 * A group that was written once, for many, and another one like that are two messages when each has a paragraph that the other lacks, however
 * long the frame around it is: how many rows of words there are in all is known from how close the kept ones lie.
 *
 * Of messages that differ in subject and beginning no common ending makes one campaign: it is a signature or a legal notice. And
 * where the text is the same from its beginning to its end, another subject does not make it another message.
 *
 * Where there are no words, what is attached is the message: the same picture is the same campaign under any subject.
 *
 * What only one message has (random words) counts less than what it shares, and what few members
 * of a group have does not count for it. Too little in common (a "thanks" and an "ok") is no evidence.
 *
 * Each group is compared with those few that most of its traits were last seen in: time and memory are
 * linear. Everything is done in the order of the prints themselves, so the order of reading does not matter.
 *
 * A million different prints make a million groups, nearly all of one print: such a group is 64 bytes and the print itself, in which the
 * traits are numbered where they stand. What a group of several messages needs besides is made when there is one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/campaign_in.h"
#include "spool/arena.h"

#define NEAR_SHIFT 16		/* traits are looked up from their top bits on */
#define NEAR ((size_t)1 << (32 - NEAR_SHIFT))
#define RING 4			/* groups remembered for each trait */
#define CENTRE_MAX 384		/* traits of a group; when reached, the rarer half goes */
#define CANDIDATES 96		/* groups met while looking for those that are alike */
#define TRIES 4			/* of them compared */
#define UNSHARED 0.4		/* weight of a trait that no other message has */
#define FLOOR 0.25		/* less alike than this is not alike */
#define FRONT 0.5		/* subject and beginning together, of what the members have: less alike is a common ending */
#define SUBJECT_NONE 0.1		/* less alike than this are two subjects … */
#define ENDING 0.15		/* … and the ending so much more than the beginning, where it is a signature … */
#define SAME 0.8		/* … that is the same to its end */
#define ROWS_NEW 20.0		/* so many rows of words that only one of two has, as each of its copies has them, are a message of its own */
#define PAGE_NEW 6.0		/* a link to another page says as much as so many of them */
#define NOTE 0.6		/* so much of what else is wanted is enough for a note … */
#define NOTE_ROWS 14.0		/* … of so many rows of words */
#define COPIES 0.9		/* as alike are the texts of a group that was written once … */
#define COPIES_MIN 2		/* … of which there are so many copies */
#define WORDS_MIN 3		/* fewer long words say less than their rows */
#define UNIFORM 0.9		/* members that are less alike were put together by chance of their variants: others may be yet more different */
#define WORDLESS 1.5		/* fewer rows of words are no text: then what is attached is the message … */
#define SAME_FILES 0.9		/* … and this much of it in common makes two of them one */
#define EVIDENCE 4.0		/* traits in common, at least */
#define OWN_LIKENESS 0.8	/* how alike a message is to its own copies, as long as none is known … */
#define OWN_WEIGHT 2.0		/* … counted as so many */
#define COMPARED_MAX 65536	/* of more groups it is not kept what they had in common: then their prints are short, and soon compared anew */

struct shared { double of[CAMPAIGN_BLOCKS]; };	/* mean number of traits that a member of one has in common with one of the other */

/* What two groups had in common when they were compared last; most are the same in the next pass. */
struct compared {
	uint32_t other;		/* its number + 1 */
	uint32_t times[2];	/* of the other, of this: a group that grew has more */
	struct shared shared;
};

/* Of one print; or of more, or of more messages than one that were looked at: then in `many`. */
struct group {
	struct campaign_item *item;	/* its first print, with numbers of traits in the place of those that two messages or more have */
	union {
		struct many *many;	/* NULL: all is here and in the print */
		size_t into;		/* times is 0: it was merged into that one */
	};
	uint32_t times;		/* messages */
	uint32_t n;		/* such numbers at the beginning of the print, ascending; the others follow */
	float own[CAMPAIGN_BLOCKS];	/* weight of all traits of the block, a message */
	float rows[2];		/* rows of words in the beginning and in the rest, those that were not kept too */
};

struct among { double likeness, front, text; };	/* how alike members are, as alike, front_alike and text_alike have it; likeness below 0: to be found */

struct many {
	uint32_t *trait, *count;	/* of its prints; and how many messages have each */
	uint32_t n, cap;	/* cap 0: still those of its print, times as many */
	size_t first;		/* its first group of one print: its rank among equals */
	double own[CAMPAIGN_BLOCKS], rows[2];	/* sums over its messages */
	struct among among;
};

/* The traits of a group and how many of its messages have each: count[i * step]. */
struct traits {
	const uint32_t *trait, *count;
	uint32_t n, step;
};

struct grouping {
	uint32_t *name;		/* of each trait: its number in prints */
	uint32_t start[CAMPAIGN_BLOCKS + 1];	/* first trait of each block */
	uint32_t *near;		/* first trait whose number has these top bits or higher ones */
	size_t ntraits;
	struct group *group;
	size_t nall;		/* those that were merged too */
	uint32_t *order;
	size_t ngroups;		/* in order */
	uint32_t *ring;		/* RING groups + 1 of each trait */
	unsigned char *next;
	struct compared *compared;	/* TRIES of each group; NULL: they are too many */
	uint16_t *votes;	/* of each group, while candidates are sought */
	uint32_t *mark;		/* of each trait: how many messages of the group at hand have it; at the end: how many have it at all */
};

/* ---- traits ---- */

/* Least significant byte first: prints are many and their numbers random. */
static void
sort_u32(uint32_t *v, size_t n)
{
	uint32_t *other = mem_new((n + 1) * sizeof *other), *from = v, *to = other, *t;
	size_t at[257], i;
	unsigned shift;

	for (shift = 0; shift < 32; shift += 8) {
		memset(at, 0, sizeof at);
		for (i = 0; i < n; i++)
			at[(from[i] >> shift & 255) + 1]++;
		for (i = 0; i < 256; i++)
			at[i + 1] += at[i];
		for (i = 0; i < n; i++)
			to[at[from[i] >> shift & 255]++] = from[i];
		t = from;
		from = to;
		to = t;
	}
	free(other);
}

/* The numbers of one block, those of a print with several messages twice. n of a group is how many of its numbers were taken so far. */
static size_t
gather_block(uint32_t *out, struct grouping *g, unsigned block)
{
	const struct campaign_item *item;
	struct group *a;
	size_t i, n = 0;

	for (i = 0; i < g->nall; i++) {
		a = &g->group[i];
		for (item = a->item; a->n < item->n && item->print[a->n] >> BLOCK_SHIFT == block; a->n++) {
			out[n++] = item->print[a->n];
			if (item->times > 1)
				out[n++] = item->print[a->n];
		}
	}
	return n;
}

static void
count_blocks(size_t out[CAMPAIGN_BLOCKS], const struct grouping *g)
{
	const struct campaign_item *item;
	size_t i;
	uint32_t k;

	memset(out, 0, CAMPAIGN_BLOCKS * sizeof *out);
	for (i = 0; i < g->nall; i++)
		for (item = g->group[i].item, k = 0; k < item->n; k++)
			out[item->print[k] >> BLOCK_SHIFT] += item->times > 1 ? 2 : 1;
}

/* The traits that more than one message has: of one block after the other, as the numbers of all at once take too much memory. */
static void
collect_traits(struct grouping *g)
{
	size_t size[CAMPAIGN_BLOCKS], i, k, n, end;
	uint32_t *all;
	unsigned b;

	count_blocks(size, g);
	for (b = 0; b < CAMPAIGN_BLOCKS; b++) {
		g->start[b] = (uint32_t)g->ntraits;
		all = mem_grow(NULL, (size[b] + 1) * sizeof *all);
		end = gather_block(all, g, b);
		sort_u32(all, end);
		for (i = n = 0; i < end; i = k) {
			for (k = i + 1; k < end && all[k] == all[i]; k++)
				;
			if (k - i >= 2)
				all[n++] = all[i];
		}
		g->name = mem_grow(g->name, (g->ntraits + n + 1) * sizeof *g->name);
		memcpy(g->name + g->ntraits, all, n * sizeof *all);
		g->ntraits += n;
		free(all);
	}
	g->start[CAMPAIGN_BLOCKS] = (uint32_t)g->ntraits;
	g->near = mem_new((NEAR + 1) * sizeof *g->near);
	for (k = 0, i = 0; k <= NEAR; k++) {
		while (i < g->ntraits && g->name[i] >> NEAR_SHIFT < k)
			i++;
		g->near[k] = (uint32_t)i;
	}
}

/* Both are sorted, but one is short and the other long. */
static int
find_trait(uint32_t *out, const struct grouping *g, uint32_t name)
{
	size_t lo = g->near[name >> NEAR_SHIFT], hi = g->near[(name >> NEAR_SHIFT) + 1], mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (g->name[mid] == name) {
			*out = (uint32_t)mid;
			return 1;
		}
		if (g->name[mid] < name)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

/* Rows of a text by those that were kept: they are the smallest of numbers that are spread evenly, so the largest of them tells how close they lie. */
static double
count_rows(const struct campaign_item *item, unsigned block)
{
	uint32_t i, n = 0, last = 0;

	for (i = 0; i < item->n; i++) {
		if (item->print[i] >> BLOCK_SHIFT == block) {
			n++;
			last = item->print[i] & TRAIT_MASK;
		}
	}
	return n < 8 ? (double)n : (double)(n - 1) * (double)TRAIT_MASK / (double)last;
}

static void
number_traits(const struct grouping *g, struct group *a)
{
	uint32_t other[CAMPAIGN_PRINT_MAX], *print = a->item->print, n = 0, k;

	a->rows[0] = (float)count_rows(a->item, CAMPAIGN_HEAD);
	a->rows[1] = (float)count_rows(a->item, CAMPAIGN_REST);
	for (k = a->n = 0; k < a->item->n; k++) {
		const uint32_t name = print[k];

		if (find_trait(&print[a->n], g, name)) {
			a->n++;
			a->own[name >> BLOCK_SHIFT] += 1;
		} else {
			other[n++] = name;
			a->own[name >> BLOCK_SHIFT] += (float)UNSHARED;
		}
	}
	if (n != 0)
		memcpy(print + a->n, other, n * sizeof *print);
}

/* Its first print as it was. */
static void
name_traits(uint32_t out[CAMPAIGN_PRINT_MAX], const struct grouping *g, const struct group *a)
{
	const uint32_t *print = a->item->print;
	uint32_t i = 0, k = a->n, n;

	for (n = 0; n < a->item->n; n++) {
		if (k == a->item->n || (i < a->n && g->name[print[i]] < print[k]))
			out[n] = g->name[print[i++]];
		else
			out[n] = print[k++];
	}
}

static struct traits
traits_of(const struct group *a)
{
	const struct many *m = a->many;

	return m != NULL && m->cap != 0 ? (struct traits){ m->trait, m->count, m->n, 1 } : (struct traits){ a->item->print, &a->times, a->n, 0 };
}

static double
own_sum(const struct group *a, unsigned block)
{
	return a->many != NULL ? a->many->own[block] : (double)a->own[block] * (double)a->times;
}

static double
rows_sum(const struct group *a, unsigned k)
{
	return a->many != NULL ? a->many->rows[k] : (double)a->rows[k] * (double)a->times;
}

static size_t
first_of(const struct grouping *g, const struct group *a)
{
	return a->many != NULL ? a->many->first : (size_t)(a - g->group);
}

static struct many *
make_many(const struct grouping *g, struct group *a)
{
	struct many *m = a->many;
	unsigned b;

	if (m != NULL)
		return m;
	m = mem_new(sizeof *m);
	m->first = first_of(g, a);
	for (b = 0; b < CAMPAIGN_BLOCKS; b++)
		m->own[b] = own_sum(a, b);
	m->rows[0] = rows_sum(a, 0);
	m->rows[1] = rows_sum(a, 1);
	m->among.likeness = -1;
	a->many = m;
	return m;
}

/* ---- likeness ---- */

/* b is the group at hand, whose traits are marked: walking along both at once takes several times longer. Which of them both have cannot be
 * foreseen: adding nothing is quicker than a branch. */
static void
shared_between(struct shared *s, const struct grouping *g, const struct group *a, const struct group *b)
{
	const double pairs = (double)a->times * (double)b->times;
	const struct traits t = traits_of(a);
	uint32_t i = 0, end;
	unsigned block;
	double sum;

	for (block = 0; block < CAMPAIGN_BLOCKS; block++) {
		end = g->start[block + 1];
		for (sum = 0; i < t.n && t.trait[i] < end; i++)
			sum += (double)t.count[i * t.step] * (double)g->mark[t.trait[i]] / pairs;
		s->of[block] = sum;
	}
}

static void
mark(const struct grouping *g, const struct group *a, int is_set)
{
	const struct traits t = traits_of(a);
	uint32_t i;

	for (i = 0; i < t.n; i++)
		g->mark[t.trait[i]] = is_set ? t.count[i * t.step] : 0;
}

/* The same, from when the two were compared last if neither has grown since. */
static void
shared_of(struct shared *s, const struct grouping *g, const struct group *a, const struct group *b)
{
	uint32_t other = (uint32_t)(a - g->group) + 1;
	struct compared *known, *c;
	size_t i;

	if (g->compared == NULL) {
		shared_between(s, g, a, b);
		return;
	}
	known = g->compared + (size_t)(b - g->group) * TRIES;
	c = &known[other % TRIES];
	for (i = 0; i < TRIES; i++)
		if (known[i].other == other || known[i].other == 0) {
			c = &known[i];
			break;
		}
	if (c->other != other || c->times[0] != a->times || c->times[1] != b->times) {
		c->other = other;
		c->times[0] = a->times;
		c->times[1] = b->times;
		shared_between(&c->shared, g, a, b);
	}
	*s = c->shared;
}

static void
shared_within(struct shared *s, const struct grouping *g, const struct group *a)
{
	double pairs = (double)a->times * (double)(a->times - 1), count;
	const struct traits t = traits_of(a);
	unsigned block = 0;
	uint32_t i;

	memset(s, 0, sizeof *s);
	for (i = 0; i < t.n; i++) {
		while (t.trait[i] >= g->start[block + 1])
			block++;
		count = (double)t.count[i * t.step];
		s->of[block] += count * (count - 1) / pairs;
	}
}

static double
smaller(double a, double b)
{
	return a < b ? a : b;
}

static double
larger(double a, double b)
{
	return a > b ? a : b;
}

static double
own(const struct group *a, unsigned block)
{
	return a->many != NULL ? a->many->own[block] / (double)a->times : (double)a->own[block];
}

static double
cosine(const struct shared *s, const struct group *a, const struct group *b, unsigned block)
{
	double x = own(a, block), y = own(b, block);

	return x > 0 && y > 0 ? s->of[block] / sqrt(x * y) : 0;
}

/* The cosine of one block; of text: the geometric mean of that of its words and that of its rows of words. -1: nothing in either. */
static double
block_alike(const struct shared *s, const struct group *a, const struct group *b, unsigned block)
{
	double x = own(a, block), y = own(b, block), rows, u, v;
	unsigned word = block == CAMPAIGN_HEAD ? CAMPAIGN_HEAD_WORD : CAMPAIGN_REST_WORD;

	if (x <= 0 && y <= 0)
		return -1;
	rows = cosine(s, a, b, block);
	if (block != CAMPAIGN_HEAD && block != CAMPAIGN_REST)
		return rows;
	u = own(a, word);
	v = own(b, word);
	if (u < WORDS_MIN || v < WORDS_MIN)
		return rows;
	return sqrt(rows * (s->of[word] / sqrt(u * v)));
}

/* The same of those blocks that are looked at as a whole. */
static void
blocks_alike(double like[CAMPAIGN_BLOCKS], const struct shared *s, const struct group *a, const struct group *b)
{
	static const unsigned of[] = { CAMPAIGN_SUBJECT, CAMPAIGN_HEAD, CAMPAIGN_REST, CAMPAIGN_URL, CAMPAIGN_FILE };
	size_t i;

	for (i = 0; i < sizeof of / sizeof of[0]; i++)
		like[of[i]] = block_alike(s, a, b, of[i]);
}

/* How alike what is seen first is; what stands below it may be a signature or a legal notice. */
static double
front_alike(const double *like, const struct group *a, const struct group *b)
{
	double subject = like[CAMPAIGN_SUBJECT], head = like[CAMPAIGN_HEAD], w;

	if (subject < 0 || head < 0)
		return larger(larger(subject, head), subject < 0 && head < 0 ? 1 : 0);
	w = 0.4 * smaller(1, larger(own(a, CAMPAIGN_SUBJECT), own(b, CAMPAIGN_SUBJECT)) / 3);	/* "hi" says little */
	return (w * subject + 0.6 * head) / (w + 0.6);
}

/* 1 when a text of some length is the same from its beginning to its end: then another subject does not make it another message. */
static double
text_agrees(const double *like, const struct group *a, const struct group *b)
{
	double head = like[CAMPAIGN_HEAD], rest = like[CAMPAIGN_REST];

	if (smaller(own(a, CAMPAIGN_HEAD), own(b, CAMPAIGN_HEAD)) < 10)
		return 0;
	return larger(0, smaller(1, (smaller(head, rest < 0 ? head : rest) - 0.8) / 0.1));
}

/* 0..1. Text that one has and the other has not counts against them. Links and attachments speak for a pair more than against it: a spammer has
 * many hosts. */
static double
alike(const double *like, const struct group *a, const struct group *b)
{
	static const struct { unsigned block; double weight, bonus, one_sided, full; } part[] = {
		{ CAMPAIGN_SUBJECT, 0.25, 0, 0.15, 3 }, { CAMPAIGN_HEAD, 0.35, 0, 0.35, 6 }, { CAMPAIGN_REST, 0.25, 0, 0.25, 12 },
		{ CAMPAIGN_URL, 0.05, 0.1, 0.05, 1 }, { CAMPAIGN_FILE, 0.05, 0.15, 0.05, 1 }
	};
	double sum = 0, weights = 0, w, x, y, got;
	size_t i;

	for (i = 0; i < sizeof part / sizeof part[0]; i++) {
		got = like[part[i].block];
		if (got < 0)
			continue;
		x = own(a, part[i].block);
		y = own(b, part[i].block);
		w = x > 0 && y > 0 ? part[i].weight + part[i].bonus * got : part[i].one_sided;
		w *= smaller(1, larger(x, y) / part[i].full);
		if (part[i].block == CAMPAIGN_SUBJECT)
			w *= 1 - 0.8 * text_agrees(like, a, b);
		sum += w * got;
		weights += w;
	}
	return weights > 0 ? sum / weights : 0;
}

static double
evidence(const struct shared *s)
{
	double sum = 0;
	unsigned b;

	for (b = 0; b < CAMPAIGN_BLOCKS; b++)
		sum += s->of[b] * (b == CAMPAIGN_FILE ? 3 : b == CAMPAIGN_URL ? 1.5 : 1);
	return sum;
}

/* The cosine of all rows of the text; 1 when one has none. */
static double
text_alike(const struct shared *s, const struct group *a, const struct group *b)
{
	double x = own(a, CAMPAIGN_HEAD) + own(a, CAMPAIGN_REST), y = own(b, CAMPAIGN_HEAD) + own(b, CAMPAIGN_REST);

	return x > 0 && y > 0 ? (s->of[CAMPAIGN_HEAD] + s->of[CAMPAIGN_REST]) / sqrt(x * y) : 1;
}

/* How alike the members are among themselves. */
static void
know_likeness(const struct grouping *g, struct group *a)
{
	double like[CAMPAIGN_BLOCKS];
	struct shared s;
	struct many *m;

	if (a->times < 2)
		return;
	m = make_many(g, a);
	if (m->among.likeness >= 0)
		return;
	shared_within(&s, g, a);
	blocks_alike(like, &s, a, a);
	m->among.likeness = alike(like, a, a);
	m->among.front = front_alike(like, a, a);
	m->among.text = text_alike(&s, a, a);
}

/* Of one alone it counts for nothing. */
static const struct among *
among(const struct group *a)
{
	static const struct among none = { 0, 0, 0 };

	return a->many != NULL ? &a->many->among : &none;
}

/* The mean of what both have, weighed by how many pairs of members it comes from; for one alone what is usual. */
static double
pooled(double x, uint32_t nx, double y, uint32_t ny)
{
	double wx = (double)nx - 1, wy = (double)ny - 1;

	return (x * wx + y * wy + OWN_LIKENESS * OWN_WEIGHT) / (wx + wy + OWN_WEIGHT);
}

/* How many rows of words only one of the two has. */
static double
rows_new(const struct shared *s, const struct group *a, const struct group *b)
{
	double sum = 0, got;
	unsigned k;

	for (k = 0; k < 2; k++) {
		got = cosine(s, a, b, k == 0 ? CAMPAIGN_HEAD : CAMPAIGN_REST);
		sum += larger(rows_sum(a, k) / (double)a->times, rows_sum(b, k) / (double)b->times) * (1 - got);
	}
	return sum;
}

/* Parts of links that a member has and other messages too. */
static double
links_known(const struct grouping *g, const struct group *a)
{
	const struct traits t = traits_of(a);
	double sum = 0;
	uint32_t i, lo = 0, hi = t.n;

	while (lo < hi) {	/* the first link: they stand behind all of the text */
		i = lo + (hi - lo) / 2;
		if (t.trait[i] < g->start[CAMPAIGN_URL])
			lo = i + 1;
		else
			hi = i;
	}
	for (i = lo; i < t.n && t.trait[i] < g->start[CAMPAIGN_URL + 1]; i++)
		sum += (double)t.count[i * t.step];
	return sum / (double)a->times;
}

/* Does one say what the other does not? Other pages of the one domain speak for that; another domain does not: a spammer has many. */
static int
is_new_text(const struct shared *s, const struct grouping *g, const struct group *a, const struct group *b)
{
	double pages = s->of[CAMPAIGN_URL] >= 1 ? smaller(links_known(g, a), links_known(g, b)) - s->of[CAMPAIGN_URL] : 0;

	return rows_new(s, a, b) + larger(0, pages) * PAGE_NEW > ROWS_NEW;
}

/* A sentence and a link, both to the same place or shortener: one other word makes much of it another. */
static int
is_note(const struct shared *s, const struct group *a, const struct group *b)
{
	double rows = larger((rows_sum(a, 0) + rows_sum(a, 1)) / (double)a->times, (rows_sum(b, 0) + rows_sum(b, 1)) / (double)b->times);

	return rows <= NOTE_ROWS && s->of[CAMPAIGN_URL] >= 0.5;
}

/* Was each of the two written once, as far as their members can tell? */
static int
are_copies(const struct group *a, const struct group *b)
{
	double wa = (double)a->times - 1, wb = (double)b->times - 1;

	return wa + wb >= COPIES_MIN && among(a)->text * wa + among(b)->text * wb > COPIES * (wa + wb);
}

/* Letters of one firm: other subjects, and the texts become the same towards their end. A text with variants has them everywhere. */
static int
is_other_letter(const double *like)
{
	double subject = like[CAMPAIGN_SUBJECT], head = like[CAMPAIGN_HEAD], rest = like[CAMPAIGN_REST];

	return subject >= 0 && subject < SUBJECT_NONE && head >= 0 && rest > larger(head + ENDING, SAME);
}

/* The same picture or document and no word beside it. The subject is all that is left to vary, so it says nothing. */
static int
is_same_file(const struct shared *s, const struct group *a, const struct group *b)
{
	return larger((rows_sum(a, 0) + rows_sum(a, 1)) / (double)a->times, (rows_sum(b, 0) + rows_sum(b, 1)) / (double)b->times) < WORDLESS &&
	    cosine(s, a, b, CAMPAIGN_FILE) >= SAME_FILES;
}

/* How much more alike two groups are than they have to be; below 1 they stay apart. strict: share of their own likeness that is wanted, 0: near equality. */
static double
merit(const struct grouping *g, struct group *a, struct group *b, double strict)
{
	double like[CAMPAIGN_BLOCKS], got, want, ease;
	struct shared s;

	shared_of(&s, g, a, b);
	if (is_same_file(&s, a, b))
		return 1 / SAME_FILES;
	if (evidence(&s) < EVIDENCE)
		return 0;
	blocks_alike(like, &s, a, b);
	got = alike(like, a, b);
	if (strict == 0)
		return got < 0.85 || is_new_text(&s, g, a, b) ? 0 : got / 0.85;
	know_likeness(g, a);
	know_likeness(g, b);
	if (is_other_letter(like))
		return 0;
	if (are_copies(a, b) && is_new_text(&s, g, a, b))
		return 0;
	ease = is_note(&s, a, b) ? NOTE : 1;
	if (front_alike(like, a, b) < ease * FRONT * pooled(among(a)->front, a->times, among(b)->front, b->times))
		return 0;
	want = ease * pooled(among(a)->likeness, a->times, among(b)->likeness, b->times);
	return got / larger(FLOOR, strict * want * smaller(1, want / UNIFORM));
}

/* ---- groups ---- */

/* The half that most of its messages have stays; of equal ones the first. */
static void
prune(struct many *m)
{
	const uint32_t keep = CENTRE_MAX / 2;
	uint32_t *sorted = mem_grow(NULL, m->n * sizeof *sorted), least, equal = 0, i, n = 0;

	memcpy(sorted, m->count, m->n * sizeof *sorted);
	sort_u32(sorted, m->n);
	least = sorted[m->n - keep];
	for (i = m->n - keep; i < m->n && sorted[i] == least; i++)
		equal++;
	for (i = 0; i < m->n; i++) {
		if (m->count[i] < least || (m->count[i] == least && equal == 0))
			continue;
		equal -= m->count[i] == least;
		m->count[n] = m->count[i];
		m->trait[n++] = m->trait[i];
	}
	m->n = n;
	free(sorted);
}

/* For n traits, in memory of its own. */
static void
make_room(struct group *a, uint32_t n)
{
	const struct traits t = traits_of(a);
	struct many *m = a->many;
	uint32_t i, is_new = m->cap == 0;

	if (n <= m->cap)
		return;
	m->cap = n + n / 4;
	m->trait = mem_grow(m->trait, m->cap * sizeof *m->trait);
	m->count = mem_grow(m->count, m->cap * sizeof *m->count);
	for (i = 0; is_new && i < t.n; i++) {
		m->trait[i] = t.trait[i];
		m->count[i] = a->times;
	}
	if (is_new)
		m->n = t.n;
}

static void
free_many(struct many *m)
{
	if (m == NULL)
		return;
	free(m->trait);
	free(m->count);
	free(m);
}

static uint32_t
count_both(const struct traits *a, const struct traits *b)
{
	uint32_t both = 0, i, k;

	for (i = k = 0; i < a->n && k < b->n;) {
		if (a->trait[i] == b->trait[k]) {
			both++;
			i++;
			k++;
		} else if (a->trait[i] < b->trait[k])
			i++;
		else
			k++;
	}
	return both;
}

/* Backwards, so that one array serves. */
static void
merge_traits(struct group *a, const struct group *b)
{
	const struct traits t = traits_of(a), u = traits_of(b);
	uint32_t i = t.n, k = u.n, o = i + k - count_both(&t, &u);
	struct many *m = a->many;

	make_room(a, o);
	m->n = o;
	while (k > 0) {
		o--;
		if (i > 0 && m->trait[i - 1] > u.trait[k - 1]) {
			m->trait[o] = m->trait[--i];
			m->count[o] = m->count[i];
		} else if (i > 0 && m->trait[i - 1] == u.trait[k - 1]) {
			m->trait[o] = m->trait[--i];
			k--;
			m->count[o] = m->count[i] + u.count[k * u.step];
		} else {
			m->trait[o] = u.trait[--k];
			m->count[o] = u.count[k * u.step];
		}
	}
}

static void
merge(const struct grouping *g, size_t into, size_t from)
{
	struct group *a = &g->group[into], *b = &g->group[from];
	struct many *m = make_many(g, a);
	unsigned k;

	merge_traits(a, b);
	if (m->n > CENTRE_MAX)
		prune(m);
	m->among.likeness = -1;
	m->rows[0] += rows_sum(b, 0);
	m->rows[1] += rows_sum(b, 1);
	for (k = 0; k < CAMPAIGN_BLOCKS; k++)
		m->own[k] += own_sum(b, k);
	if (first_of(g, b) < m->first)
		m->first = first_of(g, b);
	a->times += b->times;
	b->times = 0;
	free_many(b->many);
	b->into = into;
}

static void
remember(struct grouping *g, const struct group *a, uint32_t at)
{
	const struct traits t = traits_of(a);
	const uint32_t x = at + 1;
	uint32_t i, *ring;

	for (i = 0; i < t.n; i++) {
		if (t.count[i * t.step] * 8 < a->times)
			continue;
		ring = g->ring + (size_t)t.trait[i] * RING;
		if (((ring[0] == x) | (ring[1] == x) | (ring[2] == x) | (ring[3] == x)) == 0) {
			ring[g->next[t.trait[i]]] = x;
			g->next[t.trait[i]] = (unsigned char)((g->next[t.trait[i]] + 1) % RING);
		}
	}
}

/* Is a the better candidate? */
static int
has_more(const struct grouping *g, uint32_t a, uint32_t b)
{
	return g->votes[a] != g->votes[b] ? g->votes[a] > g->votes[b] : a < b;
}

/* The groups that most of its traits were last seen in, best first. */
static size_t
candidates(uint32_t best[TRIES], const struct grouping *g, const struct group *a)
{
	const struct traits t = traits_of(a);
	uint32_t met[CANDIDATES], i, at;
	const uint32_t *ring;
	size_t n = 0, nbest = 0, k, r;

	for (i = 0; i < t.n; i++) {
		if (t.count[i * t.step] * 8 < a->times)
			continue;
		ring = g->ring + (size_t)t.trait[i] * RING;
		for (r = 0; r < RING && ring[r] != 0; r++) {
			at = ring[r] - 1;
			if (g->votes[at] == 0) {
				if (n == CANDIDATES)
					continue;
				met[n++] = at;
			}
			g->votes[at]++;
		}
	}
	for (i = 0; i < n; i++) {
		for (k = nbest; k > 0 && has_more(g, met[i], best[k - 1]); k--)
			if (k < TRIES)
				best[k] = best[k - 1];
		if (k < TRIES)
			best[k] = met[i];
		nbest += nbest < TRIES;
	}
	for (i = 0; i < n; i++)
		g->votes[met[i]] = 0;
	return nbest;
}

/* The group that this one belongs to by the rule, or itself. */
static uint32_t
best_for(const struct grouping *g, uint32_t at, double strict)
{
	uint32_t other[TRIES];
	size_t n = candidates(other, g, &g->group[at]), i;
	double got, best = 1;
	uint32_t into = at;

	mark(g, &g->group[at], 1);
	for (i = 0; i < n; i++) {
		got = merit(g, &g->group[other[i]], &g->group[at], strict);
		if (got >= best) {
			best = got + 1e-9;	/* the first of two equal ones */
			into = other[i];
		}
	}
	mark(g, &g->group[at], 0);
	return into;
}

struct ranked { uint32_t times, first, group; };

static int
larger_first(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->times != y->times ? (x->times > y->times ? -1 : 1) : (x->first > y->first) - (x->first < y->first);
}

/* Nearly all of many groups are of one message: those are in order as they stand. */
static void
sort_groups(struct grouping *g)
{
	struct ranked *v;
	size_t i, n = 0;

	for (i = 0; i < g->nall; i++)
		n += g->group[i].times > 1;
	v = mem_grow(NULL, (n + 1) * sizeof *v);
	for (i = n = 0; i < g->nall; i++)
		if (g->group[i].times > 1)
			v[n++] = (struct ranked){ g->group[i].times, (uint32_t)first_of(g, &g->group[i]), (uint32_t)i };
	if (n != 0)
		qsort(v, n, sizeof *v, larger_first);
	for (i = 0; i < n; i++)
		g->order[i] = v[i].group;
	free(v);
	for (i = 0; i < g->nall; i++)
		if (g->group[i].times == 1)
			g->order[n++] = (uint32_t)i;
	g->ngroups = n;
}

/* Every group once, the largest first, to the best one before it. Returns how many were merged. */
static size_t
pass(struct grouping *g, double strict)
{
	size_t i, merged = 0;
	uint32_t at, into;

	memset(g->ring, 0, g->ntraits * RING * sizeof *g->ring);
	memset(g->next, 0, g->ntraits);
	for (i = 0; i < g->ngroups; i++) {
		at = g->order[i];
		into = best_for(g, at, strict);
		if (into != at) {
			merge(g, into, at);
			merged++;
		}
		remember(g, &g->group[into], into);
	}
	sort_groups(g);
	return merged;
}

/* ---- ids ---- */

/* How many messages have each trait. */
static void
count_traits(struct grouping *g)
{
	const struct campaign_item *item;
	size_t i;
	uint32_t k;

	memset(g->mark, 0, g->ntraits * sizeof *g->mark);
	for (i = 0; i < g->nall; i++)
		for (item = g->group[i].item, k = 0; k < g->group[i].n; k++)
			g->mark[item->print[k]] += item->times;
}

/* Is the trait the group's own: most of the messages that have it are in the group? */
static int
is_own(const struct grouping *g, const struct traits *t, uint32_t i)
{
	return (double)t->count[i * t->step] >= 0.9 * (double)g->mark[t->trait[i]];
}

static uint64_t
id_hash(uint32_t name)
{
	return campaign_mix(name + UINT64_C(0x63616D7061696700));
}

static void
take_smaller(uint64_t *best, uint64_t h)
{
	if (*best == 0 || h < *best)
		*best = h;
}

/* Of the traits that this share of the messages has: the subject, or, without that, the one with the smallest hash. 0: none. */
static uint64_t
id_of_share(const struct grouping *g, const struct group *a, double share)
{
	const struct traits t = traits_of(a);
	uint64_t subject = 0, any = 0;
	uint32_t i, name;

	for (i = 0; i < t.n; i++) {
		if ((double)t.count[i * t.step] < share * (double)a->times || !is_own(g, &t, i))
			continue;
		name = g->name[t.trait[i]];
		take_smaller(name >> BLOCK_SHIFT == CAMPAIGN_SKELETON ? &subject : &any, id_hash(name));
	}
	return subject != 0 ? subject : any;
}

/* The same of a message that is alone: what no other has. */
static uint64_t
id_of_one(const struct group *a)
{
	uint64_t subject = 0, any = 0;
	uint32_t i, name;

	for (i = a->n; i < a->item->n; i++) {
		name = a->item->print[i];
		take_smaller(name >> BLOCK_SHIFT == CAMPAIGN_SKELETON ? &subject : &any, id_hash(name));
	}
	return subject != 0 ? subject : any;
}

/* Of the first print of a group. */
static uint64_t
hash_of(const struct grouping *g, const struct group *a)
{
	const struct group *first = &g->group[first_of(g, a)];
	uint32_t print[CAMPAIGN_PRINT_MAX], i;
	uint64_t h = UINT64_C(0xCBF29CE484222325);

	name_traits(print, g, first);
	for (i = 0; i < first->item->n; i++)
		h = campaign_mix(h + print[i]);
	return h;
}

/* An id is made from a trait that nearly all messages of the group have and hardly any other: it stays when more of the same come. */
static uint64_t
id_of(const struct grouping *g, const struct group *a)
{
	static const double share[] = { 0.8, 0.4, 0.1 };
	uint64_t id = a->times == 1 ? id_of_one(a) : 0;
	size_t i;

	for (i = 0; id == 0 && i < sizeof share / sizeof share[0]; i++)
		id = id_of_share(g, a, share[i]);
	return id != 0 ? id : hash_of(g, a);
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* To the item of each group. Two groups with one id would be one: all that share an id take that of their first print. */
static void
make_ids(const struct grouping *g)
{
	uint64_t *sorted = mem_grow(NULL, (g->ngroups + 1) * sizeof *sorted), *at, *id;
	const struct group *a;
	size_t i;

	for (i = 0; i < g->ngroups; i++) {
		a = &g->group[g->order[i]];
		sorted[i] = a->item->id = id_of(g, a) >> 16;
	}
	if (g->ngroups != 0)
		qsort(sorted, g->ngroups, sizeof *sorted, compare_u64);
	for (i = 0; i < g->ngroups; i++) {
		a = &g->group[g->order[i]];
		id = &a->item->id;
		at = bsearch(id, sorted, g->ngroups, sizeof *sorted, compare_u64);
		if ((at > sorted && at[-1] == *at) || (at + 1 < sorted + g->ngroups && at[1] == *at))
			*id = campaign_mix(hash_of(g, a) + 1) >> 16;
	}
	for (i = 0; i < g->ngroups; i++) {
		id = &g->group[g->order[i]].item->id;
		*id += *id == 0;	/* 0 stands for none elsewhere */
	}
	free(sorted);
}

void
campaign_id_text(char out[CAMPAIGN_ID_SIZE], uint64_t id)
{
	static const char hex[] = "0123456789abcdef";
	int i;

	for (i = 0; i < CAMPAIGN_ID_SIZE - 1; i++)
		out[i] = hex[id >> (44 - 4 * i) & 15];
	out[i] = '\0';
}

/* ---- the whole ---- */

/* All of it is used: memory that is only read first would be given twice, the second time with both processors stopped. */
static void *
zeroed(size_t n)
{
	return memset(mem_grow(NULL, n), 0, n);
}

struct sorted { uint64_t two; struct campaign_item *item; };	/* two: two numbers of its print */

static int
by_two(const void *a, const void *b)
{
	uint64_t x = ((const struct sorted *)a)->two, y = ((const struct sorted *)b)->two;

	return x < y ? -1 : x > y;
}

/* By all numbers from `at` on, two at a time: most prints of a run begin alike. None but the first number is ever 0, so 0 is the end of one. */
static void
sort_prints(struct sorted *v, size_t n, uint32_t at)
{
	const struct campaign_item *item;
	size_t i, end;

	for (i = 0; i < n; i++) {
		item = v[i].item;
		v[i].two = (at < item->n ? (uint64_t)item->print[at] << 32 : 0) | (at + 1 < item->n ? item->print[at + 1] : 0);
	}
	qsort(v, n, sizeof *v, by_two);
	for (i = 0; i < n; i = end) {
		for (end = i + 1; end < n && v[end].two == v[i].two; end++)
			;
		if (end - i > 1 && at + 2 < CAMPAIGN_PRINT_MAX && (uint32_t)v[i].two != 0)
			sort_prints(v + i, end - i, at + 2);
	}
}

/* Each print a group, in the order of the prints. */
static void
make_groups(struct grouping *g, struct campaign_item *item, size_t n)
{
	struct sorted *v = mem_grow(NULL, (n + 1) * sizeof *v);
	size_t i;

	for (i = 0; i < n; i++)
		v[i].item = &item[i];
	if (n != 0)
		sort_prints(v, n, 0);
	g->group = zeroed((n + 1) * sizeof *g->group);
	g->nall = n;
	for (i = 0; i < n; i++) {
		g->group[i].item = v[i].item;
		g->group[i].times = v[i].item->times;
	}
	free(v);
}

static void
group_all(struct grouping *g)
{
	static const double strict[] = { 0, 0, 0.9, 0.8, 0.75, 0.75 };
	size_t i;

	g->ring = mem_grow(NULL, (g->ntraits * RING + 1) * sizeof *g->ring);
	g->next = mem_grow(NULL, g->ntraits + 1);
	g->votes = zeroed((g->nall + 1) * sizeof *g->votes);
	g->compared = g->nall <= COMPARED_MAX ? zeroed((g->nall + 1) * TRIES * sizeof *g->compared) : NULL;
	for (i = 0; i < sizeof strict / sizeof strict[0]; i++)
		pass(g, strict[i]);
	free(g->compared);
	free(g->votes);
	free(g->next);
	free(g->ring);
}

static void
tell_items(struct grouping *g)
{
	struct group *a, *to;
	size_t i;

	count_traits(g);
	make_ids(g);
	for (i = 0; i < g->nall; i++) {
		for (to = a = &g->group[i]; to->times == 0; to = &g->group[to->into])
			;
		a->item->id = to->item->id;
	}
}

void
campaign_group(struct campaign_item *item, size_t n)
{
	struct grouping g = { 0 };
	uint32_t print[CAMPAIGN_PRINT_MAX];
	size_t i;

	make_groups(&g, item, n);
	collect_traits(&g);
	for (i = 0; i < n; i++)
		number_traits(&g, &g.group[i]);
	g.mark = zeroed((g.ntraits + 1) * sizeof *g.mark);
	g.order = mem_grow(NULL, (n + 1) * sizeof *g.order);
	sort_groups(&g);
	group_all(&g);
	tell_items(&g);
	for (i = 0; i < n; i++) {
		name_traits(print, &g, &g.group[i]);
		memcpy(g.group[i].item->print, print, g.group[i].item->n * sizeof *print);
		if (g.group[i].times != 0)
			free_many(g.group[i].many);
	}
	free(g.name);
	free(g.near);
	free(g.mark);
	free(g.order);
	free(g.group);
}
