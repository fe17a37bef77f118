#ifndef CMD_REPORT_OUT_H
#define CMD_REPORT_OUT_H
/*
 * Shared by the writers of a report: report_words.c makes sentences of its facts,
 * the others write facts and sentences in one form each. Every text of a stranger
 * goes through one of text_html, text_json, text_inert on its way out.
 */
#include "cmd/cmd.h"
#include "index/delist.h"
#include "index/report.h"
#include "spool/arena.h"

#define REPORT_TEXT_MAX ((size_t)2 << 30)	/* of one file */

struct report_step {
	const char *title, *text;
	const char **command;		/* to be copied */
	size_t ncommands;
};

enum { REPORT_STEPS = 7 };

struct report_view {
	struct context *c;
	struct index *ix;
	const struct report *r;
	int64_t rows;			/* of a table, 0 all */
	int is_redacted;
	const char *state;		/* "likely" "possible" "unlikely" "unknown" */
	const char *verdict;		/* one sentence, or two */
	const char **warning;		/* what makes the numbers unsure; never to be left out */
	size_t nwarnings;
	const char **note;
	size_t nnotes;
	struct report_step step[REPORT_STEPS];
	size_t nsteps;
	struct delist delist;		/* for those who run lists */
	struct arena arena;
};

void report_words(struct report_view *v);

/* How many rows of a table of n are shown. */
size_t report_shown(const struct report_view *v, size_t n);

/* What is queued, of all spools and of one; -1 unknown: none was read. */
int64_t report_queued(const struct report *r);
int64_t report_spool_queued(const struct report_spool *sp);
int report_is_whole(const struct report_spool *sp);		/* every queue was read */

/* Has a table more than what has no key? Few messages have a script or a link. */
int report_has_rows(const struct report *r, enum rank_by by);

/* For people: "at least " before a number that may be short, "". */
const char *report_least(const struct report *r);

/* For people: the key of a row with its kind, a reply's class, a plan's words. */
const char *report_name(struct arena *a, enum rank_by by, const char *key, const char *kind);
const char *report_class(enum reply_class class);
const char *report_time(struct arena *a, int64_t us);		/* "2026-11-22 00:08:39 UTC", "unknown" */
const char *report_fates(struct arena *a, const struct plan *p);	/* "112 deleted, 3 changed" */
const char *report_sha(char out[2 * ARC_SHA256 + 1], const unsigned char sha[ARC_SHA256]);
const char *report_proof(struct arena *a, const struct report_plan *p);	/* "before 5 + …", or that there is none */
extern const char *const report_section[RANK_COUNT];		/* "account", …, "recipient_domain" */

void report_html(struct buf *b, struct report_view *v);
void report_svg(struct buf *b, const struct report_timeline *t, int is_wide);
void report_text(struct out *o, struct report_view *v);

/* An object a line, "section" first. */
void report_json(struct out *o, struct report_view *v);

/* A file for each section. */
int report_csv(const char *dir, struct report_view *v, struct err *e);

/* Timesketch JSONL; TSK body file 3. */
int report_timesketch(struct buf *b, struct report_view *v, struct err *e);
int report_bodyfile(struct buf *b, struct report_view *v, struct err *e);

/* Shortens or hashes addresses, clients, names of people and paths in all that the report holds; secret makes the hashes. */
void report_redact(struct report *r, const uint64_t secret[2]);
void report_redact_row(struct query_row *row, struct arena *a, const uint64_t secret[2]);

#endif
