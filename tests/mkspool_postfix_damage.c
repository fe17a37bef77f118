/*
 * mkspool_postfix_damage.c - queue files as crashes, full disks and bad
 * copies leave them: one of each. What postcat and showq 3.7 say of them
 * differs from case to case; some end "postqueue -j" for the whole queue.
 */
#include <inttypes.h>
#include <string.h>

#include "mkspool_postfix.h"

#define COUNTOF(a)	(sizeof(a) / sizeof((a)[0]))

static void
damage_open(struct draft *d, struct mail *m, struct world *w, unsigned k,
    const char *queue)
{
	mail_plan(m, w, UINT64_C(1000000087) + k * 100);	/* an honest user */
	if (m->origin != O_AUTH) {
		m->origin = O_AUTH;
		(void)snprintf(m->auth, sizeof(m->auth), "office@kervan.example");
	}
	m->what = NULL;
	m->partly = false;
	m->rcpts = 3;
	mail_write(m, w);
	d->s = (struct spot){ .mode = 0700, .mtime = w->o.now + 900 };
	(void)snprintf(d->s.queue, sizeof(d->s.queue), "%s", queue);
}

static void
damage_store(struct draft *d, struct world *w, const char *what)
{
	pf_queue_path(&d->path, w, &d->s);
	pf_store(d, (const char *)d->path.p, -1, w->o.fast);
	truth_damage(w, d->s.queue, d->s.id, what, true);
}

static unsigned
damage_built(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const struct {
		const char *what;
		unsigned broken;
	} cases[] = {
		{ "no-sender", NO_SENDER }, { "no-time", NO_TIME },
		{ "no-size", NO_SIZE }, { "no-end", NO_END },
		{ "size-garbage", BAD_SIZE }, { "attribute-without-value", BAD_ATTR },
		{ "unknown-record-type", BAD_TYPE }, { "nul-record-type", NUL_TYPE },
		{ "many-recipients-claimed", CLAIM_MANY },
	};
	size_t i;

	for (i = 0; i < COUNTOF(cases); i++, k++) {
		damage_open(d, m, w, k, "deferred");
		pf_open(d, w, m);
		d->im.broken = cases[i].broken;
		pf_build(d, m);
		damage_store(d, w, cases[i].what);
	}
	return k;
}

/* Cut behind every record of the envelope, inside some, and in the content. */
static unsigned
damage_cut(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	char what[48];
	size_t i, n = 1;

	for (i = 0; i < n; i++, k++) {
		struct image *im = &d->im;

		damage_open(d, m, w, k, "deferred");
		pf_open(d, w, m);
		pf_build(d, m);
		n = im->edges + 6;
		if (i < im->edges) {
			im->b.len = im->edge[i];
			(void)snprintf(what, sizeof(what), "cut-after-record-%zu", i);
		} else {
			const size_t at[] = { 0, 1, im->edge[2] + 1, im->edge[2] + 7,
				(im->data + im->xtra) / 2, im->end };

			im->b.len = at[i - im->edges];
			(void)snprintf(what, sizeof(what), "cut-%s",
			    (const char *[]){ "to-nothing", "after-type", "in-length",
			    "in-record", "in-content", "before-end" }[i - im->edges]);
		}
		damage_store(d, w, what);
	}
	return k;
}

static void
damage_bytes(struct image *im, unsigned which)
{
	static const unsigned char long_length[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
	size_t at = im->edge[2];	/* an attribute record */

	switch (which) {
	case 0: im->b.p[0] = 0xff; break;
	case 1: im->b.p[0] = 'Z'; break;
	case 2: memcpy(im->b.p + at + 1, long_length, sizeof(long_length)); break;
	case 3: memcpy(im->b.p + at + 1, "\377\377\377\177", 4); break;
	case 4: memset(im->b.p + im->edge[0] + 2, 0xff, 6); break;
	case 5: pf_patch_ptr(im, im->hdr_ptr, im->data); break;
	case 6: pf_patch_ptr(im, im->hdr_ptr, 99999999); break;
	case 7: memcpy(im->b.p + im->hdr_ptr, "p\017             -5", PTR_SIZE); break;
	case 8: pf_patch_ptr(im, im->rcpt_ptr, im->rcpt_ptr); break;
	case 9: memset(im->b.p, 0, im->b.len); break;
	default: break;
	}
}

static unsigned
damage_patched(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const char *const what[] = {
		"first-byte-ff", "first-byte-unknown", "length-over-long",
		"length-past-end", "time-garbage", "ptr-loop-in-content",
		"ptr-outside", "ptr-negative", "ptr-to-itself", "nul-filled"
	};
	unsigned i;

	for (i = 0; i < COUNTOF(what); i++, k++) {
		damage_open(d, m, w, k, "deferred");
		pf_open(d, w, m);
		d->im.milter = true;
		pf_build(d, m);
		damage_bytes(&d->im, i);
		damage_store(d, w, what[i]);
	}
	return k;
}

/* Whole files in the wrong state or place */
static unsigned
damage_names(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const struct {
		const char *what, *queue, *suffix;
		unsigned mode;
	} cases[] = {
		{ "mode-0600-incoming", "incoming", "", 0600 },
		{ "mode-0600-old", "incoming", "", 0600 },
		{ "mode-0400-corrupt", "corrupt", "", 0400 },
		{ "no-end-corrupt", "corrupt", "", 0700 },
		{ "name-fix", "deferred", "#FIX", 0700 },
		{ "name-temporary", "incoming", ".", 0600 },
	};
	size_t i;

	for (i = 0; i < COUNTOF(cases); i++, k++) {
		damage_open(d, m, w, k, cases[i].queue);
		d->s.mode = cases[i].mode;
		d->s.mtime = i == 1 ? w->o.now - 8 * 86400 : w->o.now - 60;
		pf_open(d, w, m);
		d->im.broken = strcmp(cases[i].what, "no-end-corrupt") == 0 ? NO_END : 0;
		pf_build(d, m);
		if (cases[i].suffix[0] == '.')
			(void)snprintf(d->s.id, sizeof(d->s.id), "%d.4711", m->usec);
		else
			(void)snprintf(d->s.id + strlen(d->s.id),
			    sizeof(d->s.id) - strlen(d->s.id), "%s", cases[i].suffix);
		pf_queue_path(&d->path, w, &d->s);
		pf_store(d, (const char *)d->path.p, -1, w->o.fast);
		truth_damage(w, d->s.queue, d->s.id, cases[i].what,
		    cases[i].suffix[0] == '\0');
	}
	return k;
}

static void
damage_orphans(struct draft *d, struct mail *m, struct world *w, unsigned k)
{
	static const char *const logs[] = { "defer", "bounce", "trace" };
	char what[32];
	size_t i;

	for (i = 0; i < COUNTOF(logs); i++, k++) {
		damage_open(d, m, w, k, "deferred");
		pf_make_id(&d->s, w, m, UINT64_C(0x7fff0000) + k);
		d->log.len = 0;
		pf_log_block(&d->log, m, 0, 700, i == 1);
		pf_hashed_path(&d->path, w, logs[i], d->s.bucket, d->s.id,
		    i == 0 ? w->o.depth : 0);
		write_file((const char *)d->path.p, 0600, w->o.now - 86400, &d->log);
		(void)snprintf(what, sizeof(what), "orphan-%s-log", logs[i]);
		truth_damage(w, logs[i], d->s.id, what, false);
	}
}

void
pf_damage(struct draft *d, struct mail *m, struct world *w)
{
	unsigned k = damage_built(d, m, w, 0);

	k = damage_cut(d, m, w, k);
	k = damage_patched(d, m, w, k);
	k = damage_names(d, m, w, k);
	damage_orphans(d, m, w, k);
}
