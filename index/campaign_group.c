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

struct node {			/* one print */
	struct campaign_item *item;
	uint32_t *trait;	/* those that two messages or more have: numbers in the table of traits, ascending */
	uint32_t ntraits;
	float own[CAMPAIGN_BLOCKS];	/* weight of all traits of the block */
	float rows[2];		/* rows of words in the beginning and in the rest, those that were not kept too */
};

struct shared { double of[CAMPAIGN_BLOCKS]; };	/* mean number of traits that a member of one has in common with one of the other */

/* What two groups had in common when they were compared last; most are the same in the next pass. */
struct compared {
	uint32_t other;		/* its number + 1 */
	uint32_t times[2];	/* of the other, of this: a group that grew has more */
	struct shared shared;
};

struct group {
	uint32_t times;		/* messages; 0: merged into `into` */
	uint32_t into;
	uint32_t first;		/* its first node: its rank among equals */
	uint32_t *trait, *count;
	uint32_t n, cap;
	int has_room;		/* trait and count are its own memory, with room for cap; else in that of all */
	double own[CAMPAIGN_BLOCKS];	/* sum over its messages */
	double mean[CAMPAIGN_BLOCKS];	/* of it, a message */
	double rows[2];		/* rows of words in their beginnings and in the rest, the same sums */
	double likeness, front, text;	/* of its members among themselves, as alike, front_alike and text_alike have it; likeness below 0: to be found */
};

struct grouping {
	struct node *node;
	size_t nnodes;
	uint32_t *arena;	/* traits of all nodes … */
	uint32_t *counts;	/* … and how many of its messages have each, of groups that have not grown */
	uint32_t *name, *total;	/* of each trait: its number in prints; messages that have it */
	uint32_t start[CAMPAIGN_BLOCKS + 1];	/* first trait of each block */
	uint32_t *near;		/* first trait whose number has these top bits or higher ones */
	size_t ntraits;
	struct group *group;
	uint32_t *order;
	size_t ngroups;		/* in order */
	uint32_t *ring;		/* RING groups + 1 of each trait */
	unsigned char *next;
	struct compared *compared;	/* TRIES of each group */
	uint32_t *votes;	/* of each group, while candidates are sought */
	uint32_t *mark;		/* of each trait: how many messages of the group at hand have it */
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

/* The traits that more than one message has, and how many have each. */
static void
collect_traits(struct grouping *g)
{
	size_t total = 0, i, k;
	uint32_t *all, times;
	struct node *d;
	unsigned b;

	for (i = 0; i < g->nnodes; i++)
		total += g->node[i].item->n * (g->node[i].item->times > 1 ? 2u : 1u);
	all = mem_new((total + 1) * sizeof *all);
	for (total = i = 0; i < g->nnodes; i++)
		for (d = &g->node[i], times = 0; times < 2 && times < d->item->times; times++) {
			memcpy(all + total, d->item->print, d->item->n * sizeof *all);
			total += d->item->n;
		}
	sort_u32(all, total);
	for (i = g->ntraits = 0; i < total; i = k) {
		for (k = i + 1; k < total && all[k] == all[i]; k++)
			;
		if (k - i >= 2)
			all[g->ntraits++] = all[i];
	}
	g->name = mem_grow(all, (g->ntraits + 1) * sizeof *all);
	g->total = mem_new((g->ntraits + 1) * sizeof *g->total);
	for (b = 0, i = 0; b < CAMPAIGN_BLOCKS; b++) {
		while (i < g->ntraits && g->name[i] >> BLOCK_SHIFT < b)
			i++;
		g->start[b] = (uint32_t)i;
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
number_traits(struct grouping *g)
{
	size_t i, k, total = 0;
	struct node *d;

	for (i = 0; i < g->nnodes; i++)
		total += g->node[i].item->n;
	g->arena = mem_grow(NULL, (total + 1) * sizeof *g->arena);
	g->counts = mem_grow(NULL, (total + 1) * sizeof *g->counts);
	for (total = i = 0; i < g->nnodes; i++) {
		d = &g->node[i];
		d->trait = g->arena + total;
		for (k = 0; k < d->item->n; k++) {
			unsigned block = d->item->print[k] >> BLOCK_SHIFT;

			if (find_trait(&d->trait[d->ntraits], g, d->item->print[k])) {
				g->total[d->trait[d->ntraits++]] += d->item->times;
				d->own[block] += 1;
			} else
				d->own[block] += (float)UNSHARED;
		}
		d->rows[0] = (float)count_rows(d->item, CAMPAIGN_HEAD);
		d->rows[1] = (float)count_rows(d->item, CAMPAIGN_REST);
		total += d->ntraits;
	}
}

/* ---- likeness ---- */

/* b is the group at hand, whose traits are marked: walking along both at once takes several times longer. Which of them both have cannot be
 * foreseen: adding nothing is quicker than a branch. */
static void
shared_between(struct shared *s, const struct grouping *g, const struct group *a, const struct group *b)
{
	const double pairs = (double)a->times * (double)b->times;
	uint32_t i = 0, end;
	unsigned block;
	double sum;

	for (block = 0; block < CAMPAIGN_BLOCKS; block++) {
		end = g->start[block + 1];
		for (sum = 0; i < a->n && a->trait[i] < end; i++)
			sum += (double)a->count[i] * (double)g->mark[a->trait[i]] / pairs;
		s->of[block] = sum;
	}
}

static void
mark(const struct grouping *g, const struct group *a, int is_set)
{
	uint32_t i;

	for (i = 0; i < a->n; i++)
		g->mark[a->trait[i]] = is_set ? a->count[i] : 0;
}

/* The same, from when the two were compared last if neither has grown since. */
static void
shared_of(struct shared *s, const struct grouping *g, const struct group *a, const struct group *b)
{
	uint32_t other = (uint32_t)(a - g->group) + 1;
	struct compared *known = g->compared + (size_t)(b - g->group) * TRIES, *c = &known[other % TRIES];
	size_t i;

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
	double pairs = (double)a->times * (double)(a->times - 1);
	unsigned block = 0;
	uint32_t i;

	memset(s, 0, sizeof *s);
	for (i = 0; i < a->n; i++) {
		while (a->trait[i] >= g->start[block + 1])
			block++;
		s->of[block] += (double)a->count[i] * (double)(a->count[i] - 1) / pairs;
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
	return a->mean[block];
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

	if (a->times < 2 || a->likeness >= 0)
		return;
	shared_within(&s, g, a);
	blocks_alike(like, &s, a, a);
	a->likeness = alike(like, a, a);
	a->front = front_alike(like, a, a);
	a->text = text_alike(&s, a, a);
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
		sum += larger(a->rows[k] / (double)a->times, b->rows[k] / (double)b->times) * (1 - got);
	}
	return sum;
}

/* Parts of links that a member has and other messages too. */
static double
links_known(const struct grouping *g, const struct group *a)
{
	double sum = 0;
	uint32_t i, lo = 0, hi = a->n;

	while (lo < hi) {	/* the first link: they stand behind all of the text */
		i = lo + (hi - lo) / 2;
		if (a->trait[i] < g->start[CAMPAIGN_URL])
			lo = i + 1;
		else
			hi = i;
	}
	for (i = lo; i < a->n && a->trait[i] < g->start[CAMPAIGN_URL + 1]; i++)
		sum += (double)a->count[i];
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
	double rows = larger((a->rows[0] + a->rows[1]) / (double)a->times, (b->rows[0] + b->rows[1]) / (double)b->times);

	return rows <= NOTE_ROWS && s->of[CAMPAIGN_URL] >= 0.5;
}

/* Was each of the two written once, as far as their members can tell? */
static int
are_copies(const struct group *a, const struct group *b)
{
	double wa = (double)a->times - 1, wb = (double)b->times - 1;

	return wa + wb >= COPIES_MIN && a->text * wa + b->text * wb > COPIES * (wa + wb);
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
	return larger((a->rows[0] + a->rows[1]) / (double)a->times, (b->rows[0] + b->rows[1]) / (double)b->times) < WORDLESS &&
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
	if (front_alike(like, a, b) < ease * FRONT * pooled(a->front, a->times, b->front, b->times))
		return 0;
	want = ease * pooled(a->likeness, a->times, b->likeness, b->times);
	return got / larger(FLOOR, strict * want * smaller(1, want / UNIFORM));
}

/* ---- groups ---- */

/* The half that most of its messages have stays; of equal ones the first. */
static void
prune(struct group *a)
{
	const uint32_t keep = CENTRE_MAX / 2;
	uint32_t *sorted = mem_grow(NULL, a->n * sizeof *sorted), least, equal = 0, i, n = 0;

	memcpy(sorted, a->count, a->n * sizeof *sorted);
	sort_u32(sorted, a->n);
	least = sorted[a->n - keep];
	for (i = a->n - keep; i < a->n && sorted[i] == least; i++)
		equal++;
	for (i = 0; i < a->n; i++) {
		if (a->count[i] < least || (a->count[i] == least && equal == 0))
			continue;
		equal -= a->count[i] == least;
		a->count[n] = a->count[i];
		a->trait[n++] = a->trait[i];
	}
	a->n = n;
	free(sorted);
}

static void
make_room(struct group *a, uint32_t n)
{
	uint32_t *trait = a->has_room ? a->trait : NULL, *count = a->has_room ? a->count : NULL;

	a->cap = n + n / 2;
	trait = mem_grow(trait, a->cap * sizeof *trait);
	count = mem_grow(count, a->cap * sizeof *count);
	if (!a->has_room && a->n != 0) {
		memcpy(trait, a->trait, a->n * sizeof *trait);
		memcpy(count, a->count, a->n * sizeof *count);
	}
	a->trait = trait;
	a->count = count;
	a->has_room = 1;
}

static void
free_traits(struct group *a)
{
	if (a->has_room) {
		free(a->trait);
		free(a->count);
	}
	a->trait = a->count = NULL;
	a->n = a->cap = 0;
	a->has_room = 0;
}

/* Backwards, so that one array serves. */
static void
merge_traits(struct group *a, const struct group *b)
{
	uint32_t both = 0, i, k, o;

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
	o = a->n + b->n - both;
	if (o > a->cap)
		make_room(a, o);
	i = a->n;
	k = b->n;
	a->n = o;
	while (k > 0) {
		o--;
		if (i > 0 && a->trait[i - 1] > b->trait[k - 1]) {
			a->trait[o] = a->trait[--i];
			a->count[o] = a->count[i];
		} else if (i > 0 && a->trait[i - 1] == b->trait[k - 1]) {
			a->trait[o] = a->trait[--i];
			a->count[o] = a->count[i] + b->count[--k];
		} else {
			a->trait[o] = b->trait[--k];
			a->count[o] = b->count[k];
		}
	}
}

static void
merge(struct grouping *g, uint32_t into, uint32_t from)
{
	struct group *a = &g->group[into], *b = &g->group[from];
	unsigned k;

	merge_traits(a, b);
	if (a->n > CENTRE_MAX)
		prune(a);
	a->likeness = -1;
	a->rows[0] += b->rows[0];
	a->rows[1] += b->rows[1];
	a->times += b->times;
	for (k = 0; k < CAMPAIGN_BLOCKS; k++) {
		a->own[k] += b->own[k];
		a->mean[k] = a->own[k] / (double)a->times;
	}
	if (b->first < a->first)
		a->first = b->first;
	b->times = 0;
	b->into = into;
	free_traits(b);
}

static void
remember(struct grouping *g, const struct group *a, uint32_t at)
{
	const uint32_t x = at + 1;
	uint32_t i, *ring;

	for (i = 0; i < a->n; i++) {
		if (a->count[i] * 8 < a->times)
			continue;
		ring = g->ring + (size_t)a->trait[i] * RING;
		if (((ring[0] == x) | (ring[1] == x) | (ring[2] == x) | (ring[3] == x)) == 0) {
			ring[g->next[a->trait[i]]] = x;
			g->next[a->trait[i]] = (unsigned char)((g->next[a->trait[i]] + 1) % RING);
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
	uint32_t met[CANDIDATES], i, at;
	const uint32_t *ring;
	size_t n = 0, nbest = 0, k, r;

	for (i = 0; i < a->n; i++) {
		if (a->count[i] * 8 < a->times)
			continue;
		ring = g->ring + (size_t)a->trait[i] * RING;
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

static void
sort_groups(struct grouping *g)
{
	struct ranked *v = mem_new((g->ngroups + 1) * sizeof *v);
	size_t i, n = 0;

	for (i = 0; i < g->ngroups; i++) {
		uint32_t at = g->order[i];

		if (g->group[at].times == 0)
			continue;
		v[n].times = g->group[at].times;
		v[n].first = g->group[at].first;
		v[n++].group = at;
	}
	if (n != 0)
		qsort(v, n, sizeof *v, larger_first);
	for (i = 0; i < n; i++)
		g->order[i] = v[i].group;
	g->ngroups = n;
	free(v);
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

/* Is the trait the group's own: most of the messages that have it are in the group? */
static int
is_own(const struct grouping *g, const struct group *a, uint32_t i)
{
	return (double)a->count[i] >= 0.9 * (double)g->total[a->trait[i]];
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
	uint64_t subject = 0, any = 0;
	uint32_t i, name;

	for (i = 0; i < a->n; i++) {
		if ((double)a->count[i] < share * (double)a->times || !is_own(g, a, i))
			continue;
		name = g->name[a->trait[i]];
		take_smaller(name >> BLOCK_SHIFT == CAMPAIGN_SKELETON ? &subject : &any, id_hash(name));
	}
	return subject != 0 ? subject : any;
}

/* The same of a message that is alone: what no other has. */
static uint64_t
id_of_one(const struct grouping *g, const struct campaign_item *item)
{
	uint64_t subject = 0, any = 0;
	uint32_t i, at;

	for (i = 0; i < item->n; i++)
		if (!find_trait(&at, g, item->print[i]))
			take_smaller(item->print[i] >> BLOCK_SHIFT == CAMPAIGN_SKELETON ? &subject : &any, id_hash(item->print[i]));
	return subject != 0 ? subject : any;
}

static uint64_t
hash_of(const struct campaign_item *item)
{
	uint64_t h = UINT64_C(0xCBF29CE484222325);
	uint32_t i;

	for (i = 0; i < item->n; i++)
		h = campaign_mix(h + item->print[i]);
	return h;
}

/* An id is made from a trait that nearly all messages of the group have and hardly any other: it stays when more of the same come. */
static uint64_t
id_of(const struct grouping *g, const struct group *a)
{
	static const double share[] = { 0.8, 0.4, 0.1 };
	const struct node *d = &g->node[a->first];
	uint64_t id = a->times == 1 ? id_of_one(g, d->item) : 0;
	size_t i;

	for (i = 0; id == 0 && i < sizeof share / sizeof share[0]; i++)
		id = id_of_share(g, a, share[i]);
	return id != 0 ? id : hash_of(d->item);
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Two groups with one id would be one: all that share an id take that of their first print. */
static uint64_t *
make_ids(const struct grouping *g)
{
	uint64_t *id = mem_new((g->nnodes + 1) * sizeof *id), *sorted = mem_new((g->ngroups + 1) * sizeof *sorted), *at;
	size_t i;

	for (i = 0; i < g->ngroups; i++)
		sorted[i] = id[g->order[i]] = id_of(g, &g->group[g->order[i]]) >> 16;
	if (g->ngroups != 0)
		qsort(sorted, g->ngroups, sizeof *sorted, compare_u64);
	for (i = 0; i < g->ngroups; i++) {
		at = bsearch(&id[g->order[i]], sorted, g->ngroups, sizeof *sorted, compare_u64);
		if ((at > sorted && at[-1] == *at) || (at + 1 < sorted + g->ngroups && at[1] == *at))
			id[g->order[i]] = campaign_mix(hash_of(g->node[g->group[g->order[i]].first].item) + 1) >> 16;
	}
	for (i = 0; i < g->ngroups; i++)
		id[g->order[i]] += id[g->order[i]] == 0;	/* 0 stands for none elsewhere */
	free(sorted);
	return id;
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

static void
make_nodes(struct grouping *g, struct campaign_item *item, size_t n)
{
	struct sorted *v = mem_grow(NULL, (n + 1) * sizeof *v);
	size_t i;

	for (i = 0; i < n; i++)
		v[i].item = &item[i];
	if (n != 0)
		sort_prints(v, n, 0);
	g->node = mem_new((n + 1) * sizeof *g->node);
	g->nnodes = n;
	for (i = 0; i < n; i++)
		g->node[i].item = v[i].item;
	free(v);
}

static void
make_groups(struct grouping *g)
{
	struct group *a;
	struct node *d;
	unsigned b;
	uint32_t i, k, *count = g->counts;

	g->group = mem_new((g->nnodes + 1) * sizeof *g->group);
	g->order = mem_new((g->nnodes + 1) * sizeof *g->order);
	for (i = 0; i < g->nnodes; i++) {
		a = &g->group[i];
		d = &g->node[i];
		g->order[i] = a->first = i;
		a->times = d->item->times;
		a->likeness = -1;
		a->n = a->cap = d->ntraits;
		a->trait = d->trait;
		a->count = count;
		for (k = 0; k < a->n; k++)
			*count++ = a->times;
		a->rows[0] = (double)d->rows[0] * (double)a->times;
		a->rows[1] = (double)d->rows[1] * (double)a->times;
		for (b = 0; b < CAMPAIGN_BLOCKS; b++) {
			a->own[b] = (double)d->own[b] * (double)a->times;
			a->mean[b] = a->own[b] / (double)a->times;
		}
	}
	g->ngroups = g->nnodes;
}

static void
tell_items(struct grouping *g)
{
	uint64_t *id = make_ids(g);
	uint32_t i, at;

	for (i = 0; i < g->nnodes; i++) {
		for (at = i; g->group[at].times == 0; at = g->group[at].into)
			;
		g->node[i].item->id = id[at];
	}
	free(id);
}

void
campaign_group(struct campaign_item *item, size_t n)
{
	static const double strict[] = { 0, 0, 0.9, 0.8, 0.75, 0.75 };
	struct grouping g = { 0 };
	size_t i;

	make_nodes(&g, item, n);
	collect_traits(&g);
	number_traits(&g);
	make_groups(&g);
	sort_groups(&g);
	g.ring = mem_grow(NULL, (g.ntraits * RING + 1) * sizeof *g.ring);
	g.next = mem_grow(NULL, g.ntraits + 1);
	g.compared = zeroed((n + 1) * TRIES * sizeof *g.compared);
	g.votes = zeroed((n + 1) * sizeof *g.votes);
	g.mark = zeroed((g.ntraits + 1) * sizeof *g.mark);
	for (i = 0; i < sizeof strict / sizeof strict[0]; i++)
		pass(&g, strict[i]);
	tell_items(&g);
	for (i = 0; i < g.nnodes; i++)
		free_traits(&g.group[i]);
	free(g.node);
	free(g.arena);
	free(g.counts);
	free(g.name);
	free(g.near);
	free(g.total);
	free(g.group);
	free(g.order);
	free(g.ring);
	free(g.next);
	free(g.compared);
	free(g.votes);
	free(g.mark);
}
