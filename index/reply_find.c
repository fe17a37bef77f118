/*
 * All phrases of index/blocklists.tsv in one pass over a text (Aho and Corasick, CACM 18:6, 1975): a queue holds tens of
 * thousands of different replies. An alternative of the table has up to PARTS parts that follow each other within GAP bytes, or
 * NEAR; a part is one text of several with "^" between. "#" in a text is any digit, "%" our address, "_" at an end no letter and
 * no digit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "index/reply.h"
#include "spool/arena.h"

#define CLASSES 64
#define PARTS 4
#define GAP 80
#define NEAR 24
#define NONE UINT32_MAX

struct literal {		/* a part of an alternative, at the state where it ends */
	uint32_t next;		/* another that ends there; NONE */
	uint32_t alternative;
	uint8_t part, len;
	uint8_t word_start, word_end;
};

struct alternative {
	uint32_t row;
	uint32_t nparts;
	uint8_t gap[PARTS];	/* from the part before */
};

struct progress {		/* of an alternative with several parts, in the text in hand */
	uint32_t turn;
	uint32_t end[PARTS];	/* where a part ended last, 1 + its place; 0 not met */
};

struct finder {
	unsigned char class_of[256];	/* of a byte; 0: in no phrase */
	unsigned nclasses;
	uint16_t (*next)[CLASSES];
	uint32_t *fail, *first;		/* first: literal that ends at a state, NONE; also those of its fallbacks, by `link` */
	uint32_t *link;			/* nearest fallback at which a literal ends; 0 none */
	size_t nstates, states_cap;
	struct literal *literal;
	size_t nliterals, literals_cap;
	struct alternative *alt;
	struct progress *progress;
	size_t nalts, alts_cap;
	uint32_t turn;
};

/* ---- making it ---- */

/* What a byte of the table stands for in a text. */
static unsigned char
text_byte(unsigned char c)
{
	return c == '%' ? REPLY_ADDRESS_MARK : c;
}

static void
add_classes(struct finder *f)
{
	const unsigned char *p;
	size_t i;
	int c;

	f->nclasses = 1;
	for (c = '0'; c <= '9'; c++)
		f->class_of[c] = (unsigned char)f->nclasses++;
	for (i = 0; i < blocklists_count; i++)
		for (p = (const unsigned char *)blocklists[i].match; *p != '\0'; p++)
			if (f->class_of[text_byte(*p)] == 0 && strchr("|~+^#", *p) == NULL) {
				if (f->nclasses == CLASSES)
					abort();	/* the table outgrew CLASSES: any test finds it */
				f->class_of[text_byte(*p)] = (unsigned char)f->nclasses++;
			}
}

static uint32_t
new_state(struct finder *f)
{
	uint32_t s = (uint32_t)f->nstates;

	if (s > UINT16_MAX)
		abort();	/* as for CLASSES */
	if (f->nstates == f->states_cap) {
		f->states_cap = f->states_cap != 0 ? f->states_cap * 2 : 4096;
		f->next = mem_grow(f->next, f->states_cap * sizeof *f->next);
		f->first = mem_grow(f->first, f->states_cap * sizeof *f->first);
	}
	memset(f->next[s], 0, sizeof f->next[s]);
	f->first[s] = NONE;
	f->nstates++;
	return s;
}

static void
end_literal(struct finder *f, uint32_t at, const struct literal *l)
{
	if (f->nliterals == f->literals_cap) {
		f->literals_cap = f->literals_cap != 0 ? f->literals_cap * 2 : 2048;
		f->literal = mem_grow(f->literal, f->literals_cap * sizeof *f->literal);
	}
	f->literal[f->nliterals] = *l;
	f->literal[f->nliterals].next = f->first[at];
	f->first[at] = (uint32_t)f->nliterals++;
}

/* The rest of a text from a state on; a "#" is ten ways. */
static void
add_path(struct finder *f, uint32_t at, const char *s, size_t n, const struct literal *l)
{
	unsigned char c;
	uint32_t made;
	int digit;

	if (n == 0) {
		end_literal(f, at, l);
		return;
	}
	for (digit = '0'; digit <= '9'; digit++) {
		c = f->class_of[s[0] == '#' ? digit : text_byte((unsigned char)s[0])];
		if (f->next[at][c] == 0) {
			made = new_state(f);	/* may move f->next */
			f->next[at][c] = (uint16_t)made;
		}
		add_path(f, f->next[at][c], s + 1, n - 1, l);
		if (s[0] != '#')
			break;
	}
}

static void
add_text(struct finder *f, const char *s, size_t n, uint32_t alternative, unsigned part)
{
	struct literal l = { NONE, alternative, (uint8_t)part, 0, 0, 0 };

	if (n > 1 && s[0] == '_') {
		l.word_start = 1;
		s++;
		n--;
	}
	if (n > 1 && s[n - 1] == '_') {
		l.word_end = 1;
		n--;
	}
	if (n == 0 || n > UINT8_MAX || part >= PARTS)
		abort();	/* a mistake in the table: any test finds it */
	l.len = (uint8_t)n;
	add_path(f, 0, s, n, &l);
}

static void
add_part(struct finder *f, const char *s, size_t n, uint32_t alternative, unsigned part)
{
	const char *end = s + n, *other;

	for (;; s = other + 1) {
		other = memchr(s, '^', (size_t)(end - s));
		add_text(f, s, (size_t)((other != NULL ? other : end) - s), alternative, part);
		if (other == NULL)
			break;
	}
}

static void
add_alternative(struct finder *f, const char *s, size_t n, uint32_t row)
{
	const char *end = s + n;
	unsigned part;

	if (f->nalts == f->alts_cap) {
		f->alts_cap = f->alts_cap != 0 ? f->alts_cap * 2 : 1024;
		f->alt = mem_grow(f->alt, f->alts_cap * sizeof *f->alt);
	}
	f->alt[f->nalts] = (struct alternative){ .row = row };
	for (part = 0; ; part++, s += n + 1) {
		n = strcspn(s, "~+|");
		add_part(f, s, n, (uint32_t)f->nalts, part);
		if (s + n >= end)
			break;
		if (part + 1 >= PARTS)
			abort();	/* as in add_text */
		f->alt[f->nalts].gap[part + 1] = s[n] == '+' ? NEAR : GAP;
	}
	f->alt[f->nalts++].nparts = part + 1;
}

static void
add_row(struct finder *f, uint32_t row)
{
	const char *s = blocklists[row].match, *bar;

	for (;; s = bar + 1) {
		bar = strchr(s, '|');
		add_alternative(f, s, bar != NULL ? (size_t)(bar - s) : strlen(s), row);
		if (bar == NULL)
			break;
	}
}

/* Breadth first: a state falls back to the longest suffix that begins a phrase, and says what that one says. */
static void
add_fallbacks(struct finder *f)
{
	uint32_t *queue = mem_new(f->nstates * sizeof *queue), s, t;
	size_t head = 0, tail = 0;
	unsigned c;

	f->fail = mem_new(f->nstates * sizeof *f->fail);
	f->link = mem_new(f->nstates * sizeof *f->link);
	for (c = 1; c < f->nclasses; c++)
		if (f->next[0][c] != 0)
			queue[tail++] = f->next[0][c];
	while (head < tail) {
		s = queue[head++];
		f->link[s] = f->first[f->fail[s]] != NONE ? f->fail[s] : f->link[f->fail[s]];
		for (c = 1; c < f->nclasses; c++) {
			t = f->next[s][c];
			if (t == 0) {
				f->next[s][c] = f->next[f->fail[s]][c];
				continue;
			}
			f->fail[t] = f->next[f->fail[s]][c];
			queue[tail++] = t;
		}
	}
	free(queue);
}

struct finder *
finder_new(void)
{
	struct finder *f = mem_new(sizeof *f);
	uint32_t i;

	add_classes(f);
	new_state(f);
	for (i = 0; i < blocklists_count; i++)
		add_row(f, i);
	add_fallbacks(f);
	f->progress = mem_new(f->nalts * sizeof *f->progress);
	return f;
}

void
finder_free(struct finder *f)
{
	if (f == NULL)
		return;
	free(f->next);
	free(f->fail);
	free(f->first);
	free(f->link);
	free(f->literal);
	free(f->alt);
	free(f->progress);
	free(f);
}

/* ---- a text ---- */

static int
is_word(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* A part ended before text[end]. 1 when that was the last part of its alternative. */
static int
is_met(struct finder *f, const struct literal *l, const unsigned char *text, size_t n, size_t end)
{
	struct progress *p = &f->progress[l->alternative];
	size_t start = end - l->len, before;

	if ((l->word_start && start > 0 && is_word(text[start - 1])) || (l->word_end && end < n && is_word(text[end])))
		return 0;
	if (f->alt[l->alternative].nparts == 1)
		return 1;
	if (p->turn != f->turn) {
		memset(p, 0, sizeof *p);
		p->turn = f->turn;
	}
	before = l->part > 0 ? p->end[l->part - 1] : (uint32_t)start + 1;
	if (before == 0 || start + 1 < before || start + 1 - before > f->alt[l->alternative].gap[l->part])
		return 0;
	p->end[l->part] = (uint32_t)end + 1;
	return l->part + 1u == f->alt[l->alternative].nparts;
}

static void
next_turn(struct finder *f)
{
	if (++f->turn == 0) {
		memset(f->progress, 0, f->nalts * sizeof *f->progress);
		f->turn = 1;
	}
}

const struct blocklist *
finder_row(struct finder *f, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t at = 0, s, k, best = NONE;
	size_t i;

	next_turn(f);
	for (i = 0; i < n; i++) {
		at = f->next[at][f->class_of[p[i]]];
		for (s = f->first[at] != NONE ? at : f->link[at]; s != 0; s = f->link[s])
			for (k = f->first[s]; k != NONE; k = f->literal[k].next)
				if (f->alt[f->literal[k].alternative].row < best && is_met(f, &f->literal[k], p, n, i + 1))
					best = f->alt[f->literal[k].alternative].row;
	}
	return best != NONE ? &blocklists[best] : NULL;
}
