#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/table.h"
#include "index/dnsbl.h"
#include "index/evidence.h"
#include "spool/addr.h"
#include "spool/arena.h"

#define TIMEOUT_S 5
#define TIMEOUT_MAX_S 120
#define FROM_EVIDENCE 16	/* addresses: those that are named most; a stranger's reply may name any */
#define ZONES_MAX 200

enum { NOWHERE = 0, LISTED = 1, NOT_KNOWN = 3 };	/* exit status of its own, contract "Exit status" */

static int run(struct context *c);

static const struct opt opts[] = {
	{ "from-evidence", 0, NULL, OPT_FROM_EVIDENCE, "the addresses of ours that replies in the index name" },
	{ "list", 0, "NAME", OPT_LIST, "only this list, or this DNS zone; may be repeated" },
	{ "resolver", 0, "ADDR[:PORT]", OPT_RESOLVER, "ask this one (default: the system's)" },
	{ "timeout", 't', "AGE", OPT_TIMEOUT, "of one query, with its second try (default 5 s)" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const struct command cmd_dnsbl = {
	"dnsbl", "[--from-evidence] [--list NAME] [--resolver ADDR[:PORT]] [--timeout AGE] [ADDR ...]", "ask blocklists by DNS whether they list these addresses",
	"ADDR is an IPv4 or IPv6 address or a domain. Asks all lists of the table at once, each for\n"
	"its test entries first. Nothing else of spoolsweep asks the network. Lists refuse public\n"
	"resolvers and limit queries: ask for the server's own addresses, through its own resolver.\n"
	"Exit status: 0 nowhere listed, 1 listed, 3 none listed but an answer unknown, 64 usage.\n",
	opts, 0, 0, SIZE_MAX, run
};

static const char *const keys[] = { "address", "list", "operator", "zone", "state", "codes", "meaning", "text", "why", "url" };
static const struct table_column columns[] = {
	{ "ADDRESS", 0, 15, 0 }, { "LIST", 0, 12, 0 }, { "STATE", 0, 7, 0 }, { "CODE", 0, 9, 2 }, { "WHAT IT SAYS", 0, 20, 0 }
};

struct job {
	struct context *c;
	struct arena arena;
	const char *subject[DNSBL_SUBJECTS];
	size_t nsubjects;
	struct dnsbl_zone zone[ZONES_MAX];
	size_t nzones;
	int64_t ms;
};

static int
add_subject(struct job *j, const char *s)
{
	size_t i;

	for (i = 0; i < j->nsubjects; i++)
		if (strcmp(j->subject[i], s) == 0)
			return 0;
	if (j->nsubjects == DNSBL_SUBJECTS) {
		cmd_say("dnsbl: more than %d addresses", DNSBL_SUBJECTS);
		return -1;
	}
	j->subject[j->nsubjects++] = s;
	return 0;
}

static int
take_words(struct job *j)
{
	const char *s;
	size_t i;

	for (i = 0; i < j->c->narg; i++) {
		s = dnsbl_subject(j->c->arg[i], &j->arena);
		if (s == NULL) {
			cmd_say("dnsbl: \"%.100s\" is no address and no domain", j->c->arg[i]);
			return -1;
		}
		if (add_subject(j, s) < 0)
			return -1;
	}
	return 0;
}

static int
take_zones(struct job *j)
{
	const struct dnsbl_zone *v, *one;
	size_t i, n;

	for (i = 0; i < j->c->ngiven; i++) {
		if (j->c->given[i].key != OPT_LIST)
			continue;
		one = dnsbl_zone(j->c->given[i].value, &j->arena);
		if (one == NULL || j->nzones == ZONES_MAX) {
			cmd_say("dnsbl: no list \"%.100s\" that can be asked by DNS, and no zone", j->c->given[i].value);
			return -1;
		}
		for (n = 0; n < j->nzones && strcmp(j->zone[n].zone, one->zone) != 0; n++)
			;
		if (n == j->nzones)
			j->zone[j->nzones++] = *one;
	}
	v = dnsbl_zones(&n, &j->arena);
	for (i = 0; j->c->opt[OPT_LIST] == NULL && i < n && j->nzones < ZONES_MAX; i++)
		j->zone[j->nzones++] = v[i];
	return 0;
}

static int
take_options(struct job *j)
{
	const char *text = j->c->opt[OPT_TIMEOUT];
	int64_t seconds = TIMEOUT_S;

	if (text != NULL && (select_age(&seconds, text) < 0 || seconds < 1 || seconds > TIMEOUT_MAX_S)) {
		cmd_say("dnsbl: --timeout \"%.60s\": 1 s to %d s are needed", text, TIMEOUT_MAX_S);
		return -1;
	}
	j->ms = seconds * 1000;
	if (j->c->narg == 0 && j->c->opt[OPT_FROM_EVIDENCE] == NULL) {
		cmd_say("dnsbl: which address? Or --from-evidence");
		return -1;
	}
	return 0;
}

/* ---- addresses that replies name ---- */

/* The one that is named most of those not taken yet, in all rows about us. */
static const char *
most_named(const struct job *j, const struct evidence *ev)
{
	const struct evidence_row *r;
	const char *best = NULL;
	int64_t n = 0;
	size_t i, k, t;

	for (i = 0; i < ev->n; i++) {
		r = &ev->row[i];
		for (k = 0; r->about != ABOUT_NO && k < r->naddresses; k++) {
			for (t = 0; t < j->nsubjects && strcmp(j->subject[t], r->address[k].name) != 0; t++)
				;
			if (t == j->nsubjects && r->address[k].n > n) {
				best = r->address[k].name;
				n = r->address[k].n;
			}
		}
	}
	return best;
}

static int
take_evidence(struct job *j, struct err *e)
{
	struct selection *all = selection_new();
	struct evidence *ev = NULL;
	struct index *ix = NULL;
	const char *s;
	int rc = -1, i;

	if (cmd_index_open(&ix, j->c, INDEX_READ, e) == 0 && evidence_make(&ev, ix, all, 1, e) == 0) {
		for (i = 0; i < FROM_EVIDENCE && (s = most_named(j, ev)) != NULL; i++)
			j->subject[j->nsubjects++] = arena_str(&j->arena, s);
		if ((s = most_named(j, ev)) != NULL)
			cmd_say("dnsbl: replies name more than %d addresses; those named most are asked for, not %s", FROM_EVIDENCE, s);
		rc = 0;
	}
	evidence_free(ev);
	index_close(ix);
	selection_free(all);
	return rc;
}

/* "Not listed" says nothing of an address that no list can have, and 127.0.0.2 is every list's test entry: it is said, and asked all the same. */
static void
say_private(const struct job *j)
{
	static const char *const net[] = { "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "0.0.0.0/8",
	    "224.0.0.0/3", "::1", "::", "fc00::/7", "fe80::/10", "ff00::/8" };
	size_t i, k;

	for (i = 0; i < j->nsubjects; i++)
		for (k = 0; k < sizeof net / sizeof net[0]; k++)
			if (addr_ip_in(j->subject[i], net[k]) == 1) {
				cmd_note(j->c, "dnsbl: %s is no address of the Internet: what a list says of it means nothing", j->subject[i]);
				break;
			}
}

/* ---- what came ---- */

static const char *
list_of(const struct dnsbl_answer *an)
{
	return an->zone->row != NULL ? an->zone->row->list : an->zone->zone;
}

static void
put_keys(struct out *o, struct arena *a, const struct dnsbl_answer *an)
{
	out_text(o, an->subject);
	out_text(o, list_of(an));
	out_text(o, an->zone->row != NULL ? an->zone->row->operator : NULL);
	out_text(o, an->zone->zone);
	out_text(o, dnsbl_state_name[an->state]);
	out_text(o, an->codes);
	out_text(o, an->meaning);
	out_text(o, an->text);
	out_text(o, an->why);
	out_text(o, an->state == DNSBL_LISTED && an->zone->row != NULL ? blocklist_url(a, an->zone->row, an->subject) : NULL);
	out_row(o);
}

static void
put_row(struct table *t, struct arena *a, const struct dnsbl_answer *an)
{
	static const enum table_colour colour[] = { TABLE_GREEN, TABLE_RED, TABLE_YELLOW };
	const char *url;

	table_cell(t, an->subject);
	table_cell(t, list_of(an));
	table_colour(t, colour[an->state], dnsbl_state_name[an->state]);
	table_cell(t, an->codes);
	table_cell(t, an->why != NULL ? an->why : an->meaning != NULL ? an->meaning : an->text);
	table_row(t);
	if (an->state != DNSBL_LISTED)
		return;
	if (an->text != NULL && an->meaning != NULL)
		table_note(t, an->text);
	url = an->zone->row != NULL ? blocklist_url(a, an->zone->row, an->subject) : NULL;
	if (url != NULL)
		table_note(t, url);
}

static void
put(struct job *j, const struct dnsbl *d)
{
	struct out *o = &j->c->out;
	struct table t;
	size_t i;

	table_init(&t, o, columns, sizeof columns / sizeof columns[0]);
	if (j->c->format != OUT_TABLE)
		out_keys(o, keys, sizeof keys / sizeof keys[0]);
	for (i = 0; i < d->n && o->error == 0; i++) {
		if (j->c->format == OUT_TABLE)
			put_row(&t, &j->arena, &d->answer[i]);
		else
			put_keys(o, &j->arena, &d->answer[i]);
	}
	table_end(&t);
	out_flush(o);
}

static int
ask(struct job *j)
{
	struct err e = { 0, "" };
	struct dnsbl d;
	int status;

	say_private(j);
	if (dnsbl_ask(&d, j->subject, j->nsubjects, j->zone, j->nzones, j->c->opt[OPT_RESOLVER], j->ms, &j->arena, &e) < 0) {
		cmd_say("dnsbl: %s", e.text);
		return e.sys == 0 && j->c->opt[OPT_RESOLVER] != NULL ? CMD_USAGE : NOT_KNOWN;
	}
	put(j, &d);
	if (d.public_resolver != NULL)
		cmd_say("dnsbl: the resolver %s is a public one, to which lists give no answer or a wrong one; name your own with --resolver",
		    d.public_resolver);
	status = d.listed > 0 ? LISTED : d.unknown > 0 || d.n == 0 ? NOT_KNOWN : NOWHERE;
	if (d.n == 0)
		cmd_say("dnsbl: none of the lists can be asked for this");
	else
		cmd_note(j->c, "asked %s: %zu listed, %zu not listed, %zu unknown", d.resolver != NULL ? d.resolver : "nobody", d.listed,
		    d.n - d.listed - d.unknown, d.unknown);
	return status;
}

static int
run(struct context *c)
{
	struct job j = { 0 };
	struct err e = { 0, "" };
	int status = CMD_USAGE;

	j.c = c;
	if (take_options(&j) < 0 || take_words(&j) < 0 || take_zones(&j) < 0)
		goto out;
	status = NOT_KNOWN;
	if (c->opt[OPT_FROM_EVIDENCE] != NULL && take_evidence(&j, &e) < 0)
		cmd_say("%s", e.text);
	else if (j.nsubjects == 0)
		cmd_say("dnsbl: no reply in the index names an address of ours");
	else
		status = ask(&j);
out:
	arena_free(&j.arena);
	return status;
}
