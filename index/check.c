#include "index/check.h"

#include <stdlib.h>
#include <string.h>

#include "spool/addr.h"
#include "spool/msg.h"

/* The defaults suit a small shared host: a queue of some hundred messages for dead servers is an ordinary day there, and a share says
 * little of a few messages. Servers keep mail for 5 days (Postfix: maximal_queue_lifetime; Exim: 4 days of retries): what is older is stuck. */
const struct check_info check_info[CHECK_COUNT] = {
	[CHECK_MESSAGES] = { "messages", RANGE_NUMBER, "500", "2000", 0, "messages in the spool" },
	[CHECK_OLDEST] = { "oldest", RANGE_SECONDS, "6d", "14d", 0, "age of the oldest message" },
	[CHECK_FROZEN] = { "frozen", RANGE_NUMBER, "100", "1000", 0, "messages that are frozen or held" },
	[CHECK_DEFERRED] = { "deferred", RANGE_PERCENT, "95", "", 200, "share of the messages that are deferred" },
	[CHECK_GROWTH] = { "growth", RANGE_NUMBER, "6", "20", 0,
	    "messages above the usual number of this hour and weekday, in usual deviations (median and MAD of earlier scans)" },
	[CHECK_ACCOUNT_MESSAGES] = { "account_messages", RANGE_NUMBER, "200", "1000", 0, "messages of one account" },
	[CHECK_ACCOUNT_RATE] = { "account_rate", RANGE_NUMBER, "60", "240", 0, "messages a minute of one account, at most" },
	[CHECK_ACCOUNT_SHARE] = { "account_share", RANGE_PERCENT, "80", "", 200, "share of one account" },
	[CHECK_NEW_ACCOUNTS] = { "new_accounts", RANGE_NUMBER, "5", "", 0,
	    "accounts (auth, local) that were first seen within a day, in a history of a week at least" },
	[CHECK_BLOCKLISTED] = { "blocklisted", RANGE_NUMBER, "10", "100", 0,
	    "messages whose last rejection names a blocklist or a bad reputation of this server" },
	[CHECK_CLIENTS] = { "clients", RANGE_NUMBER, "15", "50", 0, "distinct client addresses of one account" },
	[CHECK_DAMAGED] = { "damaged", RANGE_NUMBER, "10", "100", 0, "damaged messages and parts without their message" },
	[CHECK_DISK_FREE] = { "disk_free", RANGE_BYTES, "1GiB:", "256MiB:", 0, "free space of the spool's file system" },
	[CHECK_INODES_FREE] = { "inodes_free", RANGE_NUMBER, "20000:", "5000:", 0, "free inodes of the spool's file system" },
	[CHECK_SCAN_AGE] = { "scan_age", RANGE_SECONDS, "1h", "6h", 0, "age of the last whole scan" },
	[CHECK_INDEX] = { "index", RANGE_NUMBER, "", "0", 0, "faults of the index itself: not writable, damaged" },
	[CHECK_MTA] = { "mta", RANGE_NUMBER, "", "1:", 0, "1 when the MTA runs, 0 when not; judged for spools of this machine" },
	[CHECK_UNFINISHED] = { "unfinished", RANGE_SECONDS, "1h", "24h", 0, "age of the oldest plan that is not finished, held messages included" },
};

int
check_named(const char *name, size_t n)
{
	int i;

	for (i = 0; i < CHECK_COUNT; i++)
		if (strlen(check_info[i].name) == n && memcmp(check_info[i].name, name, n) == 0)
			return i;
	return -1;
}

/* ---- limits ---- */

void
check_defaults(struct check_limits *out)
{
	int i;

	memset(out, 0, sizeof *out);
	for (i = 0; i < CHECK_COUNT; i++)
		if (range_parse(&out->warning[i], check_info[i].warning, check_info[i].unit) < 0 ||
		    range_parse(&out->critical[i], check_info[i].critical, check_info[i].unit) < 0)
			abort();	/* the table above: any test finds it */
}

int
check_limit_set(struct check_limits *l, int is_critical, const char *text, struct err *e)
{
	static const char *const example[] = { "10, 10:, ~:10 or @10:20", "90m or 1h:2d", "5GiB: or 500MB:", "80%" };
	const char *option = is_critical ? "--critical" : "--warning", *equals = strchr(text, '=');
	int id = equals != NULL ? check_named(text, (size_t)(equals - text)) : -1;

	if (equals == NULL)
		return err_set(e, 0, "%s \"%.60s\": NAME=RANGE is needed, for example messages=500", option, text);
	if (id < 0)
		return err_set(e, 0, "%s: no check \"%.*s\"; check --list names them", option, (int)(equals - text < 60 ? equals - text : 60), text);
	if (range_parse(is_critical ? &l->critical[id] : &l->warning[id], equals + 1, check_info[id].unit) < 0)
		return err_set(e, 0, "%s %s: \"%.60s\" is no range such as %s", option, check_info[id].name, equals + 1,
		    example[check_info[id].unit]);
	*(is_critical ? &l->has_critical[id] : &l->has_warning[id]) = 1;
	return 0;
}

/* ---- known accounts ---- */

static int
known_line(struct check_known *k, char *line, struct arena *a)
{
	char *end = line + strlen(line), *colon, *last;
	struct known_account one = { NULL, NULL, -1 };
	double most;

	while (end > line && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		*--end = '\0';
	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return 0;
	last = end;	/* an account may hold blanks ("odd name"@domain): only a number behind the last one is the number */
	while (last > line && last[-1] >= '0' && last[-1] <= '9')
		last--;
	if (last > line && *last != '\0' && (last[-1] == ' ' || last[-1] == '\t') && range_number(&most, last, RANGE_NUMBER) == 0) {
		one.most = (int64_t)most;
		while (last > line && (last[-1] == ' ' || last[-1] == '\t'))
			*--last = '\0';
	}
	colon = strchr(line, ':');
	if (colon == NULL || colon == line || colon[1] == '\0')
		return -1;
	*colon = '\0';
	if (strcmp(line, "auth") != 0 && strcmp(line, "local") != 0 && strcmp(line, "client") != 0 && strcmp(line, "sender") != 0)
		return -1;
	one.kind = line;
	one.key = addr_key(a, colon + 1);
	k->v = mem_grow(k->v, (k->n + 1) * sizeof *k->v);
	k->v[k->n++] = one;
	return 0;
}

int
check_known_parse(struct check_known *out, const char *text, size_t n, struct arena *a, struct err *e)
{
	char *copy = arena_dup(a, text, n), *line = copy, *end;
	int number = 1;

	if (memchr(text, '\0', n) != NULL)
		return err_set(e, 0, "it is no text");
	for (; line != NULL; line = end, number++) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		if (known_line(out, line, a) < 0)
			return err_set(e, 0, "line %d is not \"auth:NAME [MESSAGES]\" (or local, client, sender)", number);
	}
	return 0;
}

void
check_known_mark(struct check_account *v, size_t n, const struct check_known *k)
{
	struct arena a = { 0 };
	const char *key;
	size_t i, j;

	for (i = 0; i < n && k->n != 0; i++) {
		arena_reset(&a);
		key = addr_key(&a, v[i].name);
		for (j = 0; j < k->n; j++)
			if (strcmp(k->v[j].kind, v[i].kind) == 0 && strcmp(k->v[j].key, key) == 0 &&
			    (k->v[j].most < 0 || v[i].messages <= k->v[j].most))
				v[i].is_known = 1;
	}
	arena_free(&a);
}

/* ---- judging ---- */

enum check_state
check_worse(enum check_state a, enum check_state b)
{
	static const enum check_state order[] = { CHECK_CRITICAL, CHECK_UNKNOWN, CHECK_WARNING };
	size_t i;

	for (i = 0; i < sizeof order / sizeof order[0]; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return CHECK_OK;
}

const char *
check_state_name(enum check_state s)
{
	static const char *const name[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

	return name[s];
}

static double
account_value(enum check_id id, const struct check_account *a, int64_t all)
{
	switch (id) {
	case CHECK_ACCOUNT_MESSAGES: return (double)a->messages;
	case CHECK_ACCOUNT_RATE: return (double)a->per_minute;
	case CHECK_CLIENTS: return (double)a->clients;
	default: return all > 0 ? 100 * (double)a->messages / (double)all : -1;
	}
}

/* The account with the largest value; known ones count for their clients alone. */
static void
largest(struct check_result *out, const struct check_facts *f)
{
	double v;
	size_t i;

	out->fact.how = f->accounts.how;
	out->fact.why = f->accounts.why;
	out->fact.v = 0;
	for (i = 0; i < f->naccounts; i++) {
		v = account_value(out->id, &f->account[i], f->messages);
		if (v <= out->fact.v || (f->account[i].is_known && out->id != CHECK_CLIENTS))
			continue;
		out->fact.v = v;
		out->account = &f->account[i];
	}
	if (out->id == CHECK_ACCOUNT_SHARE && out->fact.how == FACT_AT_LEAST)	/* a part of a part */
		out->fact.how = FACT_UNKNOWN;
}

static int
is_of_accounts(enum check_id id)
{
	return id == CHECK_ACCOUNT_MESSAGES || id == CHECK_ACCOUNT_RATE || id == CHECK_ACCOUNT_SHARE || id == CHECK_CLIENTS;
}

/* Do default ranges apply? They say nothing of a share of few messages, nor whether an MTA should run on somebody's copy. */
static int
defaults_apply(enum check_id id, const struct check_facts *f)
{
	return id == CHECK_MTA ? f->is_ours : f->messages < 0 || f->messages >= check_info[id].from;
}

static enum check_state
state_of(const struct check_result *r)
{
	const struct fact *f = &r->fact;

	if (!r->warning.is_on && !r->critical.is_on)
		return CHECK_OK;
	switch (f->how) {
	case FACT_NONE:
		return CHECK_OK;
	case FACT_KNOWN:
		return range_alerts(&r->critical, f->v) ? CHECK_CRITICAL : range_alerts(&r->warning, f->v) ? CHECK_WARNING : CHECK_OK;
	case FACT_AT_LEAST:
		return range_alerts_from(&r->critical, f->v) ? CHECK_CRITICAL : CHECK_UNKNOWN;
	case FACT_UNKNOWN:
		break;
	}
	return CHECK_UNKNOWN;
}

/* What was CRITICAL and could not be looked at again has not become better. Its number is of then: now it is unknown. */
static void
still_critical(struct check_result *out, const struct check_past *p, const struct check_known *k)
{
	struct check_result then = *out;
	struct check_account a;

	then.fact = p->fact;
	then.account = p->account;
	if (p->account != NULL && k != NULL && out->id != CHECK_CLIENTS) {
		a = *p->account;
		check_known_mark(&a, 1, k);
		if (a.is_known)
			return;
	}
	if (state_of(&then) != CHECK_CRITICAL)
		return;
	*out = then;
	out->state = CHECK_CRITICAL;
	out->fact.how = FACT_UNKNOWN;
	out->past = p->at;
	out->was_least = p->fact.how == FACT_AT_LEAST;
}

void
check_judge(struct check_result *out, enum check_id id, const struct check_limits *l, const struct check_facts *f)
{
	memset(out, 0, sizeof *out);
	out->id = id;
	out->fact = f->fact[id];
	if (is_of_accounts(id))
		largest(out, f);
	if (l->has_warning[id] || defaults_apply(id, f))
		out->warning = l->warning[id];
	if (l->has_critical[id] || defaults_apply(id, f))
		out->critical = l->critical[id];
	out->state = state_of(out);
	if (out->state == CHECK_UNKNOWN && f->is_late && f->past != NULL && f->past[id].at != 0)
		still_critical(out, &f->past[id], f->known);
}

void
check_judge_all(struct check_result out[CHECK_COUNT], const struct check_limits *l, const struct check_facts *f)
{
	int i;

	for (i = 0; i < CHECK_COUNT; i++)
		check_judge(&out[i], (enum check_id)i, l, f);
}

/* ---- telling others ---- */

unsigned
check_alert_due(struct check_alert *a, enum check_state now_state, int64_t repeat_us, int64_t now)
{
	int is_change = a->is_known ? a->state != now_state : now_state != CHECK_OK;
	int is_again = !is_change && a->is_known && now_state != CHECK_OK && repeat_us > 0 && (now - a->told >= repeat_us || a->told > now);
	int is_owed = !is_change && a->is_known && a->told == 0 && a->since != 0;

	if (!a->is_known && !is_change) {	/* OK from the start: nothing to tell */
		a->told = now;
		a->since = now;
	}
	a->is_known = 1;
	a->state = now_state;
	if (is_change)
		a->since = now;
	if (is_change || is_again || is_owed)
		a->told = 0;
	return (is_change ? CHECK_LOG : 0u) | (is_change || is_again || is_owed ? CHECK_RUN : 0u);
}

/* ---- history ---- */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double
check_median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, compare);
	return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

double
check_mad(double *v, size_t n, double median)
{
	size_t i;

	for (i = 0; i < n; i++)
		v[i] = v[i] > median ? v[i] - median : median - v[i];
	return check_median(v, n);
}

double
check_growth(double x, double median, double mad)
{
	double spread = 1.4826 * mad;	/* the standard deviation, were the values spread normally */

	spread = spread > median / 10 ? spread : median / 10;
	spread = spread > 25 ? spread : 25;
	return x > median ? (x - median) / spread : 0;
}
