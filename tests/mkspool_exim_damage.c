/*
 * mkspool_exim_damage.c - broken -H and -D files, parts without their
 * message and left-overs: one of each. Exim's own reader is spool_in.c; the
 * case acl-length-negative ends "exim -bp" of 4.96 for the whole spool.
 */
#include <string.h>

#include "mkspool_exim.h"

#define COUNTOF(a)	(sizeof(a) / sizeof((a)[0]))

static void
damage_start(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	mail_plan(m, w, UINT64_C(3000000087) + k * 100);	/* an honest user */
	m->partly = false;
	m->rcpts = 3;
	mail_write(m, w);
	d->dir.len = 0;
	d->frozen = d->first = false;
	ex_build(d, w, m);
}

static void
replace(struct mbuf *b, size_t at, size_t old, const char *s)
{
	struct mbuf tail = { 0 };

	mb_add(&tail, b->p + at + old, b->len - at - old);
	b->len = at;
	mb_str(b, s);
	mb_add(b, tail.p, tail.len);
	mb_free(&tail);
}

/* Offset of the count line, which follows the tree (here always XX). */
static size_t
count_at(const struct draft *d)
{
	return d->tree + 3;
}

static void
damage_header(struct draft *d, unsigned which)
{
	struct mbuf *h = &d->h;
	size_t body = d->head;

	switch (which) {
	case 0: h->len = 0; break;
	case 1: h->len = d->options + 30; break;
	case 2: h->p[0] = h->p[0] == '1' ? '2' : '1'; break;
	case 3: replace(h, count_at(d), 1, "9"); break;
	case 4: replace(h, count_at(d), 1, "20000"); break;
	case 5: replace(h, count_at(d), 1, "many"); break;
	case 6: replace(h, body - 1, 1, ""); break;	/* the blank line */
	case 7: h->len = body + 20; break;
	case 8: mb_fill(h, 0, 512); break;
	case 9: h->p[body + 12] = '\0'; break;
	case 10: replace(h, d->options, 0, "-aclm 0 99999999\nshort\n"); break;
	case 11: replace(h, d->options, 0, "-aclm 0 -5\nshort\n"); break;
	case 12: replace(h, d->tree, 2, "YY lonely@partner.example"); break;
	case 13: memset(h->p, 0, h->len); break;
	case 14: h->len = d->options - 3; break;
	case 15: replace(h, body, 3, "999"); break;
	default: break;
	}
}

static unsigned
damage_headers(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const char *const what[] = {
		"header-empty", "options-cut", "wrong-id-in-line-1", "count-too-high",
		"count-over-limit", "count-no-number", "no-blank-line", "header-cut",
		"nul-block-at-end", "nul-in-header", "acl-length-too-long",
		"acl-length-negative", "tree-incomplete", "nul-filled",
		"line-4-cut", "header-length-wrong"
	};
	unsigned i;

	for (i = 0; i < COUNTOF(what); i++, k++) {
		damage_start(d, m, w, k);
		damage_header(d, i);
		ex_put(d, w, "", "-D", &d->d, m->sec);
		ex_put(d, w, "", "-H", &d->h, m->sec + 1);
		truth_damage(w, "", d->id, what[i], true);
	}
	return k;
}

static unsigned
damage_parts(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const char *const what[] = {
		"header-without-data", "data-without-header", "data-is-link",
		"data-empty", "data-wrong-id", "data-cut-in-id"
	};
	const char *why = "", *path;
	unsigned i;

	for (i = 0; i < COUNTOF(what); i++, k++) {
		damage_start(d, m, w, k);
		if (i == 3)
			d->d.len = 0;
		if (i == 4)
			d->d.p[0] = '9';
		if (i == 5)
			d->d.len = 7;
		if (i == 2) {
			path = ex_path(d, w, "input", "", "-D");
			if (os_symlink(&why, "/nonexistent", path) != 0)
				warn("%s: no symbolic link: %s", path, why);
		} else if (i != 0) {
			ex_put(d, w, "", "-D", &d->d, m->sec);
		}
		if (i != 1)
			ex_put(d, w, "", "-H", &d->h, m->sec + 1);
		truth_damage(w, "", d->id, what[i], true);
	}
	return k;
}

/* What crashes leave beside a message, and with no message at all. */
static void
damage_leftovers(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const struct {
		const char *what, *prefix, *suffix;
	} files[] = {
		{ "leftover-hdr", "hdr.", "" }, { "leftover-dkim", "", "-K" },
		{ "leftover-eml", "", ".eml" }, { "leftover-journal", "", "-J" },
	};
	size_t i;

	for (i = 0; i < COUNTOF(files); i++, k++) {
		damage_start(d, m, w, k);
		d->tmp.len = 0;
		mb_str(&d->tmp, "nobody@partner.example\n");
		ex_put(d, w, files[i].prefix, files[i].suffix, &d->tmp, m->sec);
		truth_damage(w, "", d->id, files[i].what, false);
	}
}

void
ex_damage(struct draft *d, struct mail *m, struct world *w)
{
	unsigned k = damage_headers(d, m, w, 0);

	k = damage_parts(d, m, w, k);
	damage_leftovers(d, m, w, k);
}
