/* The sentences of a report: its verdict, what makes it unsure, what is to be done. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/report_out.h"
#include "spool/addr.h"
#include "spool/msg.h"

#define OLD_US ((int64_t)15 * 60 * 1000000)	/* as cmd_freshness says it */
#define AHEAD_US ((int64_t)60 * 1000000)	/* clocks of two machines differ so much */
#define TEXT_MAX 65536
#define LISTS 6			/* named in one sentence */
#define N(x) rank_number(a, x)

const char *const report_section[] = {
	"account", "domain", "sender", "sender_domain", "client", "recipient_domain", "subject", "script", "url", "campaign"
};
_Static_assert(sizeof report_section / sizeof report_section[0] == RANK_COUNT, "a section for each ranking");

size_t
report_shown(const struct report_view *v, size_t n)
{
	return v->rows > 0 && (uint64_t)v->rows < n ? (size_t)v->rows : n;
}

int
report_is_whole(const struct report_spool *sp)
{
	return strcmp(sp->unknown, "[]") == 0;
}

int64_t
report_spool_queued(const struct report_spool *sp)
{
	return sp->queued != 0 || report_is_whole(sp) ? sp->queued : -1;
}

int64_t
report_queued(const struct report *r)
{
	return r->queued != 0 || !r->is_partial ? r->queued : -1;
}

int
report_has_rows(const struct report *r, enum rank_by by)
{
	return r->table[by].n > 1 || (r->table[by].n == 1 && r->table[by].row[0].r.key != NULL);
}

const char *
report_least(const struct report *r)
{
	return r->is_partial ? "at least " : "";
}

const char *
report_name(struct arena *a, enum rank_by by, const char *key, const char *kind)
{
	if (key == NULL)
		return by == RANK_ACCOUNT ? "(no account)" : "(none)";
	if (key[0] == '\0')
		return by == RANK_SENDER ? "<>" : "(empty)";
	return kind != NULL ? arena_fmt(a, "%s (%s)", key, kind) : key;
}

const char *
report_class(enum reply_class class)
{
	return class == REPLY_SERVER ? "this server: a blocklist or its reputation" : class == REPLY_MESSAGE ? "the message: spam, phishing, malware" :
	    "other: greylisting, mailboxes, connections";
}

const char *
report_time(struct arena *a, int64_t us)
{
	char text[40];
	const char *t = us != MSG_NO_TIME && us != 0 ? text_time(text, us / 1000000, 0, 0, 0) : NULL;

	return t != NULL ? arena_fmt(a, "%s UTC", t) : "unknown";
}

const char *
report_fates(struct arena *a, const struct plan *p)
{
	const char *s = "";
	int i;

	for (i = 0; i < ITEM_STATES; i++)
		if (p->count[i] > 0)
			s = arena_fmt(a, "%s%s%s %s", s, *s != '\0' ? ", " : "", N(p->count[i]), item_state_name((enum item_state)i));
	return *s != '\0' ? s : "no messages";
}

const char *
report_proof(struct arena *a, const struct report_plan *p)
{
	const char *text = "none: its run did not come to the end, was of an older spoolsweep, or something was put back since";
	struct buf b;

	if (!p->has_proof)
		return text;
	buf_init(&b, TEXT_MAX);
	cmd_proof(&b, &p->proof);
	text = arena_str(a, buf_cstr(&b));
	buf_free(&b);
	return text;
}

const char *
report_sha(char out[2 * ARC_SHA256 + 1], const unsigned char sha[ARC_SHA256])
{
	size_t i;

	for (i = 0; i < ARC_SHA256; i++)
		snprintf(out + 2 * i, 3, "%02x", sha[i]);
	return out;
}

/* ---- the verdict ---- */

static const char *
where_now(struct arena *a, const struct report *r, const struct report_row *s)
{
	const char *now = arena_fmt(a, "%s%s %s queued now", report_least(r), N(s->queued), s->queued == 1 ? "is" : "are");

	if (s->removed == 0)
		return now;
	return arena_fmt(a, "%s %s removed by spoolsweep, %s", N(s->removed), s->removed == 1 ? "was" : "were", now);
}

static const char *
accusation(struct arena *a, const struct report *r, const struct report_row *s)
{
	const char *name = report_name(a, RANK_ACCOUNT, s->r.key, s->r.kind);
	const char *how = strcmp(s->r.verdict, "likely") == 0 ? "is likely compromised" : "may be compromised";

	if (s->r.messages == 0)
		return arena_fmt(a, "%s %s (score %d of 100): %s.", name, how, s->r.score, s->r.reasons[0]);
	return arena_fmt(a, "%s %s (score %d of 100): it sent %s%s of %s messages (%.1f %%), up to %s a minute; %s.", name, how, s->r.score,
	    report_least(r), N(s->r.messages), N(r->table[RANK_ACCOUNT].messages), 100 * s->r.share, N(s->r.peak_per_minute), where_now(a, r, s));
}

static const char *
more_suspects(struct arena *a, const struct report *r, const struct report_row *first)
{
	const struct report_row *s = first;
	const char *names = "";
	int64_t n = 0;

	while ((s = report_suspect(r, s)) != NULL)
		if (n++ < 5)
			names = arena_fmt(a, "%s%s%s", names, *names != '\0' ? ", " : "", report_name(a, RANK_ACCOUNT, s->r.key, s->r.kind));
	if (n == 0)
		return "";
	return arena_fmt(a, " %s more account%s to be looked at: %s%s.", N(n), rank_plural(n), names, n > 5 ? ", …" : "");
}

static void
judge(struct report_view *v)
{
	const struct report *r = v->r;
	const struct report_row *s = report_suspect(r, NULL);
	struct arena *a = &v->arena;
	int64_t n = r->queued + r->removed;

	v->state = s != NULL ? s->r.verdict : r->is_partial ? "unknown" : "unlikely";
	if (s != NULL)
		v->verdict = arena_fmt(a, "%s%s%s", accusation(a, r, s), more_suspects(a, r, s),
		    r->is_partial ? " Not everything could be read: numbers are of what was, and a minimum." : "");
	else if (r->nspools == 0)
		v->verdict = "Nothing can be said: no scanned spool is meant by this.";
	else if (r->is_partial)
		v->verdict = arena_fmt(a, "No account stands out among the %s message%s that could be read, but not everything could be read: "
		    "this is no clean bill.", N(n), rank_plural(n));
	else if (n == 0)
		v->verdict = arena_fmt(a, "No message is %s%s.", r->selection[0] != '\0' ? "selected" : "in the scanned spools: nothing is queued",
		    r->left > 0 ? arena_fmt(a, ", and %s left the queue before", N(r->left)) : "");
	else
		v->verdict = arena_fmt(a, "No account stands out: %s message%s of %s account%s, %s queued now.", N(n), rank_plural(n),
		    N((int64_t)r->table[RANK_ACCOUNT].n), rank_plural((int64_t)r->table[RANK_ACCOUNT].n), N(r->queued));
}

/* ---- what makes it unsure ---- */

static void
add(const char ***list, size_t *n, struct arena *a, const char *text)
{
	const char **more = arena_get(a, (*n + 1) * sizeof *more);

	if (*n != 0)
		memcpy(more, *list, *n * sizeof *more);
	more[(*n)++] = text;
	*list = more;
}

static const char *
unread_queues(struct arena *a, const char *json)
{
	const char *names = "";
	struct buf item;

	buf_init(&item, TEXT_MAX);
	while (text_string(&item, &json))
		names = arena_fmt(a, "%s%s%s", names, *names != '\0' ? ", " : "", cmd_queue_words(buf_cstr(&item)));
	buf_free(&item);
	return names;
}

/* A command of ours to copy; whoever gets a redacted report has no use for the place of our index. */
static const char *
ours(struct report_view *v, const char *tail)
{
	struct buf b;
	const char *text;

	buf_init(&b, TEXT_MAX);
	if (v->is_redacted)
		buf_puts(&b, "spoolsweep");
	else
		cmd_again(&b, v->c);
	text = arena_fmt(&v->arena, "%s %s", buf_cstr(&b), tail);
	buf_free(&b);
	return text;
}

/* The same within a sentence. */
static const char *
marked(struct report_view *v, const char *tail)
{
	const char *command = ours(v, tail);

	return arena_fmt(&v->arena, "%c%s%c", cmd_mark(command), command, cmd_mark(command));
}

static void
warn_old(struct report_view *v)
{
	const struct report *r = v->r;
	struct arena *a = &v->arena;
	const char *names = "";
	char age[40];
	int64_t oldest = r->made;
	size_t i;

	for (i = 0; i < r->nspools; i++) {
		if (r->made - r->spool[i].scanned <= OLD_US)
			continue;
		names = arena_fmt(a, "%s%s%s:%s", names, *names != '\0' ? ", " : "", r->spool[i].kind, r->spool[i].root);
		oldest = r->spool[i].scanned < oldest ? r->spool[i].scanned : oldest;
	}
	if (*names != '\0')
		add(&v->warning, &v->nwarnings, a, arena_fmt(a, "The last scan was up to %s before this report: %s. %s brings the "
		    "index up to date.", cmd_duration(age, sizeof age, (r->made - oldest) / 1000000), names, marked(v, "scan")));
}

static void
warn(struct report_view *v)
{
	const struct report *r = v->r;
	struct arena *a = &v->arena;
	size_t i;

	for (i = 0; i < r->nspools; i++)
		if (strcmp(r->spool[i].unknown, "[]") != 0)
			add(&v->warning, &v->nwarnings, a, arena_fmt(a, "%s:%s was not wholly read; UNKNOWN: %s. Messages there are missing from "
			    "every number.", r->spool[i].kind, r->spool[i].root, unread_queues(a, r->spool[i].unknown)));
	warn_old(v);
	if (r->last != MSG_NO_TIME && r->last > r->made + AHEAD_US)
		add(&v->warning, &v->nwarnings, a, arena_fmt(a, "The newest message is dated %s, after this report was made: the clock of this machine is "
		    "behind, or that of the spool was ahead.", report_time(a, r->last)));
	if (r->nspools == 0)
		add(&v->warning, &v->nwarnings, a, arena_fmt(a, "No scanned spool is meant by this; %s reads one.", marked(v, "scan DIR")));
	if (r->damaged > 0)
		add(&v->warning, &v->nwarnings, a, arena_fmt(a, "%s queued message%s %s damaged or incomplete: what they are is not sure, and a purge "
		    "leaves them alone (%s).", N(r->damaged), rank_plural(r->damaged), r->damaged == 1 ? "is" : "are", ours(v, "list --damaged -v")));
	for (i = 0; i < r->nplans; i++)
		if (r->plan[i].plan.state != PLAN_DONE && r->plan[i].plan.state != PLAN_UNDONE && r->plan[i].plan.kind == PLAN_PURGE)
			add(&v->warning, &v->nwarnings, a, arena_fmt(a, "Plan %" PRId64 " is not finished (%s): %s %" PRId64 " ends it.",
			    r->plan[i].plan.id, plan_state_name(PLAN_PURGE, r->plan[i].plan.state), ours(v, "purge --resume"), r->plan[i].plan.id));
}

static void
remark(struct report_view *v)
{
	const struct report *r = v->r;
	struct arena *a = &v->arena;

	if (r->has_contents)
		add(&v->note, &v->nnotes, a, "Bodies were searched for the words of the selection.");
	if (r->unread > 0)
		add(&v->note, &v->nnotes, a, arena_fmt(a, "The bodies of %s of %s message%s were not read, nor their links and attachments: %s "
		    "reads them.", N(r->unread), N(r->queued + r->removed), rank_plural(r->queued + r->removed), marked(v, "scan --contents")));
	if (r->cut > 0)
		add(&v->note, &v->nnotes, a, arena_fmt(a, "The bodies of %s message%s were read up to a limit.", N(r->cut), rank_plural(r->cut)));
	if (r->evidence->unlogged > 0)
		add(&v->note, &v->nnotes, a, arena_fmt(a, "The logs of %s message%s could not be read: what other servers say of them is not known.",
		    N(r->evidence->unlogged), rank_plural(r->evidence->unlogged)));
	if (r->is_partial)
		add(&v->note, &v->nnotes, a, "Every table is of what could be read: numbers are a minimum, shares and verdicts may change with the rest.");
	add(&v->note, &v->nnotes, a, "Accounts are judged by envelopes, headers and replies.");
	if (r->removed > 0)
		add(&v->note, &v->nnotes, a, "Tables and timeline count messages that are queued and those that plans of spoolsweep removed.");
	if (r->left > 0)
		add(&v->note, &v->nnotes, a, arena_fmt(a, "%s more message%s left the queue without spoolsweep (delivered, bounced or removed) between "
		    "scans since %s: counted by account, in no other table.", N(r->left), rank_plural(r->left), report_time(a, r->since)));
	if (r->timeless > 0)
		add(&v->note, &v->nnotes, a, arena_fmt(a, "The arrival of %s message%s is not known: not in the timeline.", N(r->timeless),
		    rank_plural(r->timeless)));
	if (r->timeline.before + r->timeline.after > 0)
		add(&v->note, &v->nnotes, a, arena_fmt(a, "Outside of the time shown: %s older and %s newer messages.", N(r->timeline.before),
		    N(r->timeline.after)));
	if (v->is_redacted)
		add(&v->note, &v->nnotes, a, "Redacted: addresses and names of people are shortened and hashed, alike in every place; commands are left out.");
}

/* ---- what to do next ---- */

/* "spoolsweep VERB --account X": with a name that would be a pattern, or that no shell of Windows takes (sys_quote), as an exact comparison, or
 * other accounts would be meant too. */
static const char *
about(struct report_view *v, const struct report_row *s)
{
	struct buf b, sql;
	const char *p, *text;

	buf_init(&b, TEXT_MAX);
	buf_init(&sql, TEXT_MAX);
	if (s->r.messages == 0) {
		buf_puts(&b, " --null-sender --client ");
		cmd_quote(&b, s->r.key);
	} else if (strpbrk(s->r.key, "*?\"%$`") != NULL || strncmp(s->r.key, "re:", 3) == 0) {
		for (buf_puts(&sql, "account = '"), p = s->r.key; *p != '\0'; p++)
			if (strchr("\"%$`", *p) != NULL)
				buf_fmt(&sql, "' || char(%d) || '", *p);
			else
				buf_fmt(&sql, *p == '\'' ? "''" : "%c", *p);
		buf_byte(&sql, '\'');
		buf_puts(&b, " --where ");
		cmd_quote(&b, buf_cstr(&sql));
	} else {
		buf_puts(&b, " --account ");
		cmd_quote(&b, s->r.key);
	}
	text = arena_str(&v->arena, buf_cstr(&b));
	buf_free(&b);
	buf_free(&sql);
	return text;
}

static struct report_step *
step(struct report_view *v, const char *title, const char *text)
{
	struct report_step *s = &v->step[v->nsteps++];

	memset(s, 0, sizeof *s);
	s->title = title;
	s->text = text;
	return s;
}

static void
command(struct report_view *v, struct report_step *s, const char *text)
{
	if (!v->is_redacted)
		add(&s->command, &s->ncommands, &v->arena, text);
}

static const char *
quoted(struct report_view *v, const char *word)
{
	struct buf b;
	const char *text;

	buf_init(&b, TEXT_MAX);
	cmd_quote(&b, word);
	text = arena_str(&v->arena, buf_cstr(&b));
	buf_free(&b);
	return text;
}

static int
is_kind(const struct report_row *s, const char *kind)
{
	return s->r.kind != NULL && strcmp(s->r.kind, kind) == 0;
}

static const struct report_sample *
sample_of(const struct report *r, const struct report_row *s)
{
	size_t i;

	for (i = 0; i < r->nsamples; i++)
		if (r->sample[i].row.account_kind != NULL && is_kind(s, r->sample[i].row.account_kind) &&
		    strcmp(r->sample[i].row.account, s->r.key) == 0)
			return &r->sample[i];
	return NULL;
}

static void
identify(struct report_view *v, const struct report_row *s)
{
	struct arena *a = &v->arena;
	const struct report_sample *m = sample_of(v->r, s);
	struct report_step *st = step(v, "Identify", arena_fmt(a, "%s. First message %s, last one %s; %s client address%s, %s sender address%s.",
	    report_name(a, RANK_ACCOUNT, s->r.key, s->r.kind), report_time(a, s->r.first), report_time(a, s->r.last), N(s->r.clients),
	    s->r.clients == 1 ? "" : "es", N(s->r.senders), s->r.senders == 1 ? "" : "es"));

	command(v, st, ours(v, arena_fmt(a, "list%s", about(v, s))));
	if (m != NULL)
		command(v, st, ours(v, arena_fmt(a, "show %s --spool %s", quoted(v, m->row.id),
		    quoted(v, arena_fmt(a, "%s:%s", m->row.kind, m->row.spool)))));
}

/* Commands of Linux are of no use where only SmarterMail is meant. */
static int
is_unix(const struct report *r)
{
	size_t i;

	for (i = 0; i < r->nspools; i++)
		if (strcmp(r->spool[i].kind, "smartermail") != 0)
			return 1;
	return 0;
}

/* The last part of a script's path: what a search of the disk needs. */
static const char *
base_name(const char *path)
{
	const char *p;

	for (p = path; *path != '\0'; path++)
		if (*path == '/' || *path == '\\')
			p = path + 1;
	return p;
}

static void
lock_out(struct report_view *v, const struct report_row *s)
{
	struct arena *a = &v->arena;
	const struct report_sample *m = sample_of(v->r, s);
	const char *script = m != NULL ? m->row.script : NULL;
	struct report_step *st;

	if (is_kind(s, "auth")) {
		st = step(v, "Change the password", "Whoever sends knows this password. Set a new one, end the open sessions, and look for app passwords, "
		    "forwards and filter rules that the intruder may have left.");
		if (is_unix(v->r))
			command(v, st, arena_fmt(a, "doveadm kick %s    # where Dovecot checks the passwords", quoted(v, s->r.key)));
		return;
	}
	if (is_kind(s, "local")) {
		st = step(v, "Disable the script", script != NULL ? arena_fmt(a, "The mail was handed in on this machine; its script calls itself %s. "
		    "Find it, take away its rights, look how it came there, and update the site.", script) :
		    "The mail was handed in on this machine by this user: look for its web scripts, cron jobs and processes.");
		if (script != NULL && is_unix(v->r))
			command(v, st, arena_fmt(a, "find /var/www /home /srv -xdev -name %s", quoted(v, base_name(script))));
		return;
	}
	st = step(v, "Shut the machine out", is_kind(s, "client") ? "This address hands in mail without a password. Disconnect the machine and clean it, "
	    "and look whether it must be allowed to relay at all." : "Nobody logged in for this mail: look at the clients below, and which of them may relay.");
	if (is_kind(s, "client") && addr_ip_in(s->r.key, s->r.key) == 1 && is_unix(v->r))
		command(v, st, arena_fmt(a, "nft add table inet sweep && nft 'add chain inet sweep in { type filter hook input priority -10; }' && "
		    "nft add rule inet sweep in %s saddr %s tcp dport '{ 25, 465, 587 }' reject", strchr(s->r.key, ':') != NULL ? "ip6" : "ip", s->r.key));
}

static const struct plan *
unfinished(const struct report *r)
{
	size_t i;

	for (i = 0; i < r->nplans; i++)
		if (r->plan[i].plan.kind == PLAN_PURGE && r->plan[i].plan.state != PLAN_DONE && r->plan[i].plan.state != PLAN_UNDONE)
			return &r->plan[i].plan;
	return NULL;
}

static void
stop_and_purge(struct report_view *v, const struct report_row *s)
{
	struct arena *a = &v->arena;
	const struct plan *p = unfinished(v->r);
	const int64_t sound = s->queued - s->damaged;
	struct report_step *st;

	st = step(v, "Stop the flow", sound > 0 ? arena_fmt(a, "%s%s message%s of it wait%s to be sent. Hold takes them out of the MTA's sight at once, "
	    "and release puts them back.", v->r->is_partial ? "At least " : "", N(sound), rank_plural(sound), sound == 1 ? "s" : "") :
	    s->damaged > 0 ? "What is queued of it is damaged or incomplete: hold and purge take that only when told so." :
	    v->r->is_partial ? "Nothing of it is queued in what could be read; that is not all." :
	    "Nothing of it is queued now; scan again before you rely on that.");
	if (sound > 0)
		command(v, st, ours(v, arena_fmt(a, "hold%s --execute", about(v, s))));
	command(v, st, ours(v, "scan"));
	st = step(v, "Purge", s->removed > 0 && sound == 0 ? arena_fmt(a, "Done for %s message%s. An archive can be verified and restored from at any time.",
	    N(s->removed), rank_plural(s->removed)) : "The first command shows what would go and stores it as a plan; nothing is deleted that does not stand in a "
	    "verified archive.");
	if (p != NULL)
		command(v, st, ours(v, arena_fmt(a, "purge --resume %" PRId64, p->id)));
	if (sound > 0 || s->removed + s->damaged == 0) {
		command(v, st, ours(v, arena_fmt(a, "purge%s --scan", about(v, s))));
		command(v, st, ours(v, arena_fmt(a, "purge%s --scan --execute", about(v, s))));
	}
	if (s->damaged > 0) {	/* after a look */
		command(v, st, ours(v, arena_fmt(a, "list%s --damaged -v", about(v, s))));
		command(v, st, ours(v, arena_fmt(a, "purge%s --damaged", about(v, s))));
	}
}

static void
verify_archives(struct report_view *v)
{
	struct report_step *st = v->nsteps > 0 ? &v->step[v->nsteps - 1] : NULL;
	size_t i, k;
	int n = 0;

	for (i = 0; i < v->r->nplans; i++)
		for (k = 0; st != NULL && k < v->r->plan[i].narchives && n++ < 3; k++)
			command(v, st, ours(v, arena_fmt(&v->arena, "verify %s", quoted(v, v->r->plan[i].archive[k].path))));
}

/* ": Spamhaus ZEN (https://…), …": the lists to ask, each once. */
static const char *
lists_named(struct arena *a, const struct report *r)
{
	const struct evidence_row *row;
	const char *names = "";
	size_t i, n = 0;

	for (i = 0; i < r->evidence->n && n < LISTS; i++) {
		row = &r->evidence->row[i];
		if (row->about == ABOUT_NO || row->about == ABOUT_VOLUME || row->list == NULL || row->closed != NULL)
			continue;
		names = arena_fmt(a, "%s%s%s%s%s%s", names, n++ == 0 ? ": " : "; ", row->list, row->url != NULL ? " (" : "",
		    row->url != NULL ? row->url : "", row->url != NULL ? ")" : "");
	}
	return names;
}

static void
contact_and_delist(struct report_view *v, const struct report_row *s)
{
	struct arena *a = &v->arena;
	int64_t listed = 0;
	struct report_step *st;
	size_t i;

	step(v, "Contact the user", arena_fmt(a, "Tell the owner of %s: between %s and %s %s%s message%s went out in this name%s. Ask "
	    "which devices and programs know the password, and have them checked before it is set anew.", s->r.key, report_time(a, s->r.first),
	    report_time(a, s->r.last), report_least(v->r), N(s->r.messages + s->left), rank_plural(s->r.messages + s->left), s->r.clients == 0 ? "" :
	    arena_fmt(a, ", handed in from %s address%s", N(s->r.clients), s->r.clients == 1 ? "" : "es")));
	for (i = 0; i < v->r->nreplies; i++)
		listed += v->r->reply[i].class == REPLY_SERVER ? v->r->reply[i].messages : 0;
	st = step(v, "Ask for delisting", listed > 0 ? arena_fmt(a, "%s%s message%s refused because of this server's address or name%s. "
	    "Ask for removal when the cause is closed and the queue is clean: a request while spam still flows makes it longer.",
	    v->r->is_partial ? "At least " : "", N(listed), listed == 1 ? " was" : "s were", lists_named(a, v->r)) : v->r->is_partial ? "No reply that could be read speaks of a blocklist; that is not all of them." :
	    "No reply here speaks of a blocklist. Look again tomorrow: lists are some hours late.");
	command(v, st, ours(v, "evidence --gone -v"));
}

static void
plan_steps(struct report_view *v)
{
	const struct report_row *s = report_suspect(v->r, NULL);

	if ((s == NULL || s->r.key == NULL) && v->r->is_partial) {
		step(v, "Read the rest", "Not everything could be read: see to that, then scan again. The scan names what it could not read and why.");
		command(v, &v->step[0], ours(v, "scan"));
		return;
	}
	if (s == NULL || s->r.key == NULL) {
		step(v, "Keep watching", "Nothing has to be done now. A regular check tells of a burst before a blocklist does.");
		command(v, &v->step[0], ours(v, "check"));
		command(v, &v->step[0], ours(v, "schedule --install"));
		return;
	}
	identify(v, s);
	lock_out(v, s);
	stop_and_purge(v, s);
	verify_archives(v);
	contact_and_delist(v, s);
}

void
report_words(struct report_view *v)
{
	judge(v);
	warn(v);
	remark(v);
	plan_steps(v);
	delist_make(&v->delist, v->r, &v->arena);
}
