/* The result of a check as Prometheus text, for the textfile collector of node_exporter. No address, no name of an account: who
 * reads a dashboard is not who may read mail. What is not known has no sample: the state says so. */
#include <stdlib.h>
#include <string.h>

#include "cmd/check_run.h"
#include "spool/sys.h"

#define TEXT_MAX ((size_t)16 << 20)
#define RANKS 10
#define DOMAINS 50

static const struct metric {
	enum check_id id;
	const char *name;
	double factor;		/* to the base unit */
	const char *help;
} metrics[] = {
	{ CHECK_MESSAGES, "messages", 1, "Messages in the spool." },
	{ CHECK_OLDEST, "oldest_message_age_seconds", 1, "Age of the oldest message." },
	{ CHECK_FROZEN, "frozen_messages", 1, "Messages that are frozen or held." },
	{ CHECK_DEFERRED, "deferred_ratio", 0.01, "Share of the messages that are deferred." },
	{ CHECK_GROWTH, "growth_deviations", 1, "Messages above the usual number of this hour and weekday, in usual deviations." },
	{ CHECK_ACCOUNT_RATE, "account_peak_messages_per_second", 1.0 / 60, "Messages of the busiest account in its busiest minute, per second." },
	{ CHECK_ACCOUNT_SHARE, "account_share_ratio", 0.01, "Share of the largest account." },
	{ CHECK_NEW_ACCOUNTS, "new_accounts", 1, "Accounts that were first seen within a day." },
	{ CHECK_BLOCKLISTED, "blocklisted_messages", 1, "Messages whose last rejection names a blocklist or a bad reputation." },
	{ CHECK_CLIENTS, "account_clients", 1, "Distinct client addresses of the account with most of them." },
	{ CHECK_DAMAGED, "damaged_messages", 1, "Damaged messages and parts without their message." },
	{ CHECK_DISK_FREE, "free_bytes", 1, "Free space of the spool's file system." },
	{ CHECK_INODES_FREE, "free_inodes", 1, "Free inodes of the spool's file system." },
	{ CHECK_SCAN_AGE, "scan_age_seconds", 1, "Age of the last whole scan." },
	{ CHECK_MTA, "mta_running", 1, "1 when the MTA runs." },
	{ CHECK_UNFINISHED, "unfinished_plan_age_seconds", 1, "Age of the oldest plan that is not finished, 0 when there is none." },
};

static void
head(struct buf *b, const char *name, const char *help)
{
	buf_fmt(b, "# HELP spoolsweep_%s %s\n# TYPE spoolsweep_%s gauge\n", name, help, name);
}

/* The value of a label (Prometheus text format: backslash, quote and line end are escaped). */
static void
value_of_label(struct buf *b, const char *text)
{
	struct buf clean;
	const char *p;

	buf_init(&clean, TEXT_MAX);
	text_inert(&clean, text, strlen(text));
	for (p = buf_cstr(&clean); *p != '\0'; p++) {
		if (*p == '\\' || *p == '"')
			buf_byte(b, '\\');
		if (*p == '\n')
			buf_puts(b, "\\n");
		else
			buf_byte(b, *p);
	}
	buf_free(&clean);
}

/* name{kind="…",spool="…" — the caller may add labels and closes. */
static void
sample(struct buf *b, const char *name, const struct check_facts *f)
{
	buf_fmt(b, "spoolsweep_%s{kind=\"%s\",spool=\"", name, f->kind != NULL ? f->kind : "");
	value_of_label(b, f->root);
	buf_byte(b, '"');
}

static void
one_metric(struct buf *b, const struct check_run *r, const struct metric *m)
{
	const struct check_result *one;
	size_t i;

	head(b, m->name, m->help);
	for (i = 0; i < r->n; i++) {
		one = &r->v[i].result[m->id];
		if (one->fact.how != FACT_KNOWN)
			continue;
		sample(b, m->name, &r->v[i].facts);
		buf_fmt(b, "} %.15g\n", one->fact.v * m->factor);
	}
}

static void
states(struct buf *b, const struct check_run *r)
{
	size_t i;
	int id;

	head(b, "check_state", "State of each check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.");
	for (i = 0; i < r->n; i++)
		for (id = 0; id < CHECK_COUNT; id++)
			if (id != CHECK_INDEX) {
				sample(b, "check_state", &r->v[i].facts);
				buf_fmt(b, ",check=\"%s\"} %d\n", check_info[id].name, (int)r->v[i].result[id].state);
			}
	buf_fmt(b, "spoolsweep_check_state{kind=\"\",spool=\"\",check=\"index\"} %d\n", (int)r->index.state);
	head(b, "state", "State of the whole check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.");
	buf_fmt(b, "spoolsweep_state %d\n", (int)r->state);
}

static void
ranks(struct buf *b, const struct check_run *r)
{
	size_t i, k;

	head(b, "account_messages", "Messages of the largest accounts, by rank; names are in the index only.");
	for (i = 0; i < r->n; i++)
		for (k = 0; k < r->v[i].facts.naccounts && k < RANKS && r->v[i].facts.accounts.how == FACT_KNOWN; k++) {
			sample(b, "account_messages", &r->v[i].facts);
			buf_fmt(b, ",rank=\"%zu\"} %lld\n", k + 1, (long long)r->v[i].facts.account[k].messages);
		}
}

/* ---- domains, only when asked for ---- */

struct domain {
	const char *name;
	int64_t messages;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct domain *)a)->name, ((const struct domain *)b)->name);
}

static int
by_messages(const void *a, const void *b)
{
	const struct domain *x = a, *y = b;

	return x->messages != y->messages ? x->messages > y->messages ? -1 : 1 : by_name(a, b);
}

static size_t
collect_domains(struct domain *d, const struct check_facts *f)
{
	const char *at;
	size_t i, n = 0, k;

	for (i = 0; i < f->naccounts; i++) {
		at = strrchr(f->account[i].name, '@');
		if (at == NULL || at[1] == '\0')
			continue;
		d[n].name = at + 1;
		d[n++].messages = f->account[i].messages;
	}
	qsort(d, n, sizeof *d, by_name);
	for (i = k = 0; i < n; i++) {
		if (k > 0 && strcmp(d[k - 1].name, d[i].name) == 0)
			d[k - 1].messages += d[i].messages;
		else
			d[k++] = d[i];
	}
	qsort(d, k, sizeof *d, by_messages);
	return k;
}

static void
domains(struct buf *b, const struct check_run *r)
{
	struct domain *d;
	size_t i, k, n;

	head(b, "domain_messages", "Messages of the domains of the accounts.");
	for (i = 0; i < r->n; i++) {
		if (r->v[i].facts.accounts.how != FACT_KNOWN)
			continue;
		d = mem_new((r->v[i].facts.naccounts + 1) * sizeof *d);
		n = collect_domains(d, &r->v[i].facts);
		for (k = 0; k < n && k < DOMAINS; k++) {
			sample(b, "domain_messages", &r->v[i].facts);
			buf_puts(b, ",domain=\"");
			value_of_label(b, d[k].name);
			buf_fmt(b, "\"} %lld\n", (long long)d[k].messages);
		}
		free(d);
	}
}

static void
times(struct buf *b, const struct check_run *r)
{
	double now = (double)sys_now_us() / 1e6;
	const struct fact *age;
	size_t i;

	head(b, "last_success_timestamp_seconds", "When the last whole scan ended.");
	for (i = 0; i < r->n; i++) {
		age = &r->v[i].result[CHECK_SCAN_AGE].fact;
		if (age->how != FACT_KNOWN)
			continue;
		sample(b, "last_success_timestamp_seconds", &r->v[i].facts);
		buf_fmt(b, "} %.0f\n", now - age->v);
	}
	head(b, "check_timestamp_seconds", "When this file was written.");
	buf_fmt(b, "spoolsweep_check_timestamp_seconds %.0f\n", now);
	head(b, "build_info", "Version of spoolsweep; always 1.");
	buf_puts(b, "spoolsweep_build_info{version=\"" SPOOLSWEEP_VERSION "\"} 1\n");
}

int
check_metrics(const char *path, const struct check_run *r, int with_domains, struct err *e)
{
	struct buf b;
	size_t i;
	int rc;

	if (strcmp(path, "-") == 0)
		return err_set(e, 0, "--metrics needs the name of a file: standard output is the plugin's line");
	buf_init(&b, TEXT_MAX);
	for (i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
		one_metric(&b, r, &metrics[i]);
	ranks(&b, r);
	if (with_domains)
		domains(&b, r);
	head(&b, "index_faults", "1 when the index cannot be written to or is damaged.");
	if (r->index.fact.how == FACT_KNOWN)
		buf_fmt(&b, "spoolsweep_index_faults %d\n", r->index.fact.v > 0.5);
	states(&b, r);
	times(&b, r);
	rc = sys_replace_file(path, b.p, b.n, 0644, e);
	buf_free(&b);
	return rc;
}
