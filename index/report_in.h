#ifndef INDEX_REPORT_IN_H
#define INDEX_REPORT_IN_H
/* Shared by report.c (which messages, accounts, samples), report_time.c (the timeline, replies) and report_plan.c (what was done). */
#include "index/proof.h"
#include "index/report.h"

#define SAMPLES_EACH 3
#define SAMPLE_SUSPECTS 3

enum report_fate { REPORT_QUEUED, REPORT_REMOVED, REPORT_LEFT, REPORT_FATES };

struct report_message {
	int64_t row, account, arrived, reason, subject;
	int is_damaged;
	enum report_fate fate;
};

struct report_account {
	int64_t id;			/* 0: messages without one */
	int64_t n[REPORT_FATES], damaged;	/* damaged: of the queued ones */
	struct report_row *row;		/* NULL: none of its messages is in the report */
};

struct report_place {			/* a spool */
	int64_t id;
	const char *kind, *root;
	int64_t queued, removed;
};

struct report_pass {
	struct index *ix;
	struct report *out;
	struct message_set **set, *taken;	/* of each plan; of all of them */
	size_t nsets;
	struct report_place *place;
	size_t nplaces;
	struct report_message *m;	/* n of the report, by row; up to `all` those that left */
	size_t n, all, cap;
	struct report_account *account;	/* by id */
	size_t naccounts;
	int64_t *contained;
	size_t ncontained;
};

void report_timeline(struct report_pass *p);
int report_replies(struct report_pass *p, struct err *e);

/* Loads the plans that touched a spool, with the messages they took; afterwards drops those that are not of this report. */
int report_plans(struct report_pass *p, struct journal *j, struct err *e);
void report_plans_end(struct report_pass *p, int keep_all);

#endif
