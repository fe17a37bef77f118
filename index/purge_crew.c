/*
 * A batch in more hands than one: the calls for a file that is looked at, renamed or removed are most of a purge's time, and a
 * machine has several processors. Each message is in one hand from begin to end, nobody but the first one touches the journal, and all
 * is done when the call returns: what is synced and noted behind it covers it all.
 */
#include "index/purge_in.h"

#include <stdlib.h>
#include <string.h>

#ifndef CREW_SMALL		/* "make sweep" lets two hands work on three messages */
#define CREW_SMALL 64	/* so few are not worth a thread */
#endif
#ifndef CREW_SHARE
#define CREW_SHARE 16	/* taken at once */
#endif

/* The second hand: what a run has for its own use, again. */
struct run_crew {
	struct run run;
	struct purge_result out;
	struct sys_mutex *lock;		/* of all below */
	struct work *w;
	size_t n, at;
	int (*fn)(struct run *run, struct work *w, struct err *e);
	int is_over;			/* an error, or asked to stop */
	int failed;
	struct err err;
};

static struct run_crew *
crew_new(struct run *run)
{
	struct run_crew *c = mem_new(sizeof *c);
	size_t i;

	c->lock = sys_mutex_new();
	c->run.place = mem_new((run->nplace + 1) * sizeof *c->run.place);
	c->run.nplace = run->nplace;
	for (i = 0; i < run->nplace; i++)
		c->run.place[i].r = spool_reader_new_live(run->place[i].sp);
	return c;
}

void
run_crew_free(struct run_crew *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->run.nplace; i++)
		spool_reader_free(c->run.place[i].r);
	free(c->run.place);
	arena_free(&c->run.batch);
	arena_free(&c->run.message);
	sys_mutex_free(c->lock);
	free(c);
}

void
run_crew_reset(struct run_crew *c)
{
	if (c != NULL)
		arena_reset(&c->run.batch);
}

/* What the first hand knows by now. */
static void
crew_begin(struct run_crew *c, struct run *run)
{
	struct spool_reader *r;
	size_t i;

	for (i = 0; i < run->nplace; i++) {
		r = c->run.place[i].r;
		c->run.place[i] = run->place[i];
		c->run.place[i].r = r;
	}
	c->run.j = NULL;
	c->run.plan = run->plan;
	c->run.opt = run->opt;
	c->run.out = &c->out;
	c->run.verified = run->verified;
	c->run.in_crew = run->in_crew = 1;
	memset(&c->out, 0, sizeof c->out);
	c->is_over = c->failed = 0;
	err_clear(&c->err);
}

static void
crew_end(struct run_crew *c, struct run *run)
{
	run->in_crew = 0;
	run->out->spool_changed |= c->out.spool_changed;
	if (run->out->note[0] == '\0')
		memcpy(run->out->note, c->out.note, sizeof c->out.note);
}

/* The next share, 0 none. */
static size_t
claim(size_t *from, struct run_crew *c)
{
	size_t n;

	sys_mutex_lock(c->lock);
	n = c->is_over ? 0 : c->n - c->at;
	n = n < CREW_SHARE ? n : CREW_SHARE;
	*from = c->at;
	c->at += n;
	sys_mutex_unlock(c->lock);
	return n;
}

static void
end_all(struct run_crew *c, const struct err *e)
{
	sys_mutex_lock(c->lock);
	c->is_over = 1;
	if (e != NULL && !c->failed) {
		c->failed = 1;
		c->err = *e;
	}
	sys_mutex_unlock(c->lock);
}

/* One hand's part of it; run is the first one's, or the crew's own. */
static void
work_on(struct run_crew *c, struct run *run, struct run_place *first)
{
	struct work *w;
	struct err e;
	size_t from, n, place;
	int rc = 0;

	while (rc == 0 && (n = claim(&from, c)) != 0) {
		for (w = c->w + from; rc == 0 && w < c->w + from + n; w++) {
			place = (size_t)(w->pl - first);
			w->pl = &run->place[place];
			err_clear(&e);
			rc = c->fn(run, w, &e);
			w->pl = &first[place];
		}
		if (rc < 0)
			end_all(c, &e);
		else if (run != &c->run && run_should_stop(run))
			end_all(c, NULL);
	}
}

struct second {
	struct run_crew *c;
	struct run_place *first;
};

static void
second_hand(void *arg)
{
	struct second *s = arg;

	work_on(s->c, &s->c->run, s->first);
}

static int
in_two(struct run *run, struct sys_thread **t, struct second *s, struct work *w, size_t n,
    int (*fn)(struct run *run, struct work *w, struct err *e), struct err *e)
{
	struct run_crew *c = s->c;

	crew_begin(c, run);
	c->w = w;
	c->n = n;
	c->at = 0;
	c->fn = fn;
	if (sys_thread_start(t, second_hand, s, NULL) < 0)	/* one hand will do */
		*t = NULL;
	work_on(c, run, run->place);
	sys_thread_join(*t);
	crew_end(c, run);
	if (c->failed)
		*e = c->err;
	return c->failed ? -1 : 0;
}

int
run_each(struct run *run, struct work *w, size_t n, int is_shared, int (*fn)(struct run *run, struct work *w, struct err *e), struct err *e)
{
	struct second s = { NULL, run->place };
	struct sys_thread *t;
	size_t i;
	int rc = 0;

	if (is_shared && n >= CREW_SMALL && sys_cpus() > 1) {
		if (run->crew == NULL)
			run->crew = crew_new(run);
		s.c = run->crew;
		return in_two(run, &t, &s, w, n, fn, e);
	}
	for (i = 0; rc == 0 && i < n && !run_should_stop(run); i++)
		rc = fn(run, &w[i], e);
	return rc;
}
