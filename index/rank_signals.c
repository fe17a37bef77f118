/*
 * The verdict: a sum of signals, each from 0 to its weight.
 *
 *  weight  speaks against the account
 *     35   spam replies   refused as spam, or for our bad name more often than all other mail here; full at 40 %
 *     30   forged senders senders outside the account's domain (without one: outside the commonest), in many domains;
 *                         full at half of the messages and 10 domains; many senders in one domain: 12 at most
 *     40   odd script     handed in by a script in an upload, cache or temporary folder; full at half of the messages
 *     25   local network  forged senders from an unauthenticated client with a private address
 *     45   null sender    50 or more null-sender messages of one client, most not shaped like a report
 *     15   many clients   handed in from more than 2 addresses; full at 10
 *     15   volume         share of all messages; full at a quarter
 *     10   burst          more than 5 messages in the busiest minute; full at 30
 *     20   campaign       mail that is nearly the same as that of other accounts, three or more of them; full at half of the messages; of a
 *                         campaign itself: full at 10 accounts
 *     15   false files    attachments that are not what their name or type says; full at a quarter of the messages
 *     10   shorteners     links by way of a shortener, not in a mailing list; full at half of the messages
 *     15   false From     sender of the own domain, but another domain in From; full at half of the messages
 *      8   one subject    the commonest subject on more than a quarter of 20 or more messages; full at three quarters
 *
 *          speaks for it, only while senders are not forged and less than 5 % is refused as spam
 *    -30   mailing list   List-Id on most messages, one or two senders of the own domain
 *    -30   reports        null-sender messages shaped like reports
 *    -10   steady         over 6 hours or more, busiest minute near the mean
 *    -10   welcome        replies are known, and less than 2 % of the messages were refused as spam
 *    -10   one sender     one sender of the own domain from one or two addresses
 *
 * What speaks against is scaled down below 10 messages: three prove nothing. 60 and more is "likely", 30 and more
 * "possible". Mail of the null sender (kind bounce), messages without the key and recipients are never accused.
 */
#include <stdio.h>
#include <string.h>

#include "index/rank_in.h"
#include "spool/addr.h"

#define LIKELY 60
#define POSSIBLE 30
#define REASONS_MAX 24

static double
clamp(double x)
{
	return x < 0 ? 0 : x > 1 ? 1 : x;
}

static double
part(int64_t n, int64_t of)
{
	return of > 0 ? (double)n / (double)of : 0;
}

const char *
rank_plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

const char *
rank_are(int64_t n)
{
	return n == 1 ? "is" : "are";
}

const char *
rank_number(struct arena *a, int64_t n)
{
	char digits[32], out[64];
	size_t i, o = 0, len = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)n);

	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
			out[o++] = ',';
		out[o++] = digits[i];
	}
	return arena_dup(a, out, o);
}

/* ---- what the signals look at ---- */

/* Folders that a web server must let visitors or programs write into, or that hold no programs: no mailer lives there. */
int
rank_script_is_odd(const char *path)
{
	static const char *const folders[] = {
		"tmp", "temp", "upload", "uploads", "cache", "shm", "images", "image", "img", "css", "fonts", "files", ".well-known"
	};
	const char *p, *end;
	size_t i;

	for (p = path; (end = strpbrk(p, "/\\ ")) != NULL && *end != ' '; p = end + 1)
		for (i = 0; i < sizeof folders / sizeof folders[0]; i++)
			if (strlen(folders[i]) == (size_t)(end - p) && sqlite3_strnicmp(folders[i], p, (int)(end - p)) == 0)
				return 1;
	return 0;
}

/* RFC 1918 and 4193, link-local. Not loopback: a content filter hands everybody's mail back from there. */
static int
is_local_network(const char *ip)
{
	static const char *const nets[] = {
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"
	};
	size_t i;

	for (i = 0; i < sizeof nets / sizeof nets[0]; i++)
		if (addr_ip_in(ip, nets[i]) == 1)
			return 1;
	return 0;
}

static int
is_kind(const struct facts *f, const char *kind)
{
	return f->kind != NULL && strcmp(f->kind, kind) == 0;
}

static int64_t
strangers(const struct facts *f)
{
	return f->foreign + f->open - f->open_commonest;
}

/* Senders in many domains that are not the account's. One or two are an alias, ten are a list of stolen names. */
static double
forged_domains(const struct facts *f)
{
	return clamp(part(strangers(f), f->named) / 0.5) * clamp((double)(f->domains - 1) / 9);
}

/* A domain has many users, a list server a sender for each recipient: only an account's own variety counts. */
static double
many_senders(const struct facts *f)
{
	if (f->by != RANK_ACCOUNT || f->senders < 10 || part(f->senders, f->n) < 0.2 || part(f->lists, f->n) >= 0.8)
		return 0;
	return 0.4 * clamp((double)(f->senders - 3) / 20);
}

/* Once our address is on a blocklist, everybody's mail is refused for it: only what exceeds the others' share counts. */
static double
spam_share(const struct facts *f)
{
	double base = f->others >= 10 ? part(f->others_server, f->others) : 0, own = part(f->server, f->n);

	if (f->content + f->server < 3)
		return 0;
	return part(f->content, f->n) + (own > base ? own - base : 0);
}

static int
is_clean(const struct facts *f)
{
	return forged_domains(f) < 0.2 && part(f->content, f->n) < 0.05;
}

/* ---- strengths, 0 to 1 ---- */

static double
spam_replies(const struct facts *f)
{
	return clamp(spam_share(f) / 0.4);
}

static double
forged(const struct facts *f)
{
	double a = forged_domains(f), b = many_senders(f);

	return a > b ? a : b;
}

static double
odd_script(const struct facts *f)
{
	return f->odd_scripts >= 3 ? clamp(part(f->odd_scripts, f->n) / 0.5) : 0;
}

static double
local_network(const struct facts *f)
{
	double a = forged_domains(f);

	if (a < 0.5 || f->open == 0 || !(is_kind(f, "client") || f->by == RANK_CLIENT) || !is_local_network(f->key))
		return 0;
	return a;
}

static double
null_sender(const struct facts *f)
{
	return f->nulls >= 50 && f->nulls_unlike * 2 > f->nulls ? 1 : 0;
}

static double
many_clients(const struct facts *f)
{
	if (f->by == RANK_DOMAIN || f->by == RANK_SENDER_DOMAIN)
		return 0;	/* each user has one */
	return clamp((double)(f->clients - 2) / 8);
}

static double
volume(const struct facts *f)
{
	return f->all >= 20 ? clamp(part(f->n, f->all) / 0.25) : 0;
}

static double
burst(const struct facts *f)
{
	return clamp((double)(f->peak - 5) / 25);
}

/* These four know only of messages whose contents were read, the last one of all. */
static double
campaign(const struct facts *f)
{
	if (f->by == RANK_CAMPAIGN)
		return f->shared >= 10 ? clamp((double)(f->accounts - 2) / 8) : 0;
	return f->shared >= 3 ? clamp(part(f->shared, f->n) / 0.5) : 0;
}

static double
false_files(const struct facts *f)
{
	return f->lies >= 3 ? clamp(part(f->lies, f->n) / 0.25) : 0;
}

static double
shorteners(const struct facts *f)
{
	return f->shorteners >= 3 && part(f->lists, f->n) < 0.8 ? clamp(part(f->shorteners, f->n) / 0.5) : 0;
}

static double
false_from(const struct facts *f)
{
	return f->other_from >= 3 ? clamp(part(f->other_from, f->n) / 0.5) : 0;
}

static double
one_subject(const struct facts *f)
{
	return f->n >= 20 && f->by != RANK_SUBJECT ? clamp((part(f->subject_count, f->n) - 0.25) / 0.5) : 0;
}

static double
mailing_list(const struct facts *f)
{
	return is_clean(f) && part(f->lists, f->n) >= 0.8 && f->senders <= 2 && part(f->foreign, f->n) <= 0.05;
}

static double
reports(const struct facts *f)
{
	return is_clean(f) && part(f->reports, f->n) >= 0.8 && f->named * 5 <= f->n;
}

static double
steady(const struct facts *f)
{
	return is_clean(f) && spam_share(f) < 0.05 && f->n >= 50 && f->minutes >= 6 * 60 &&
	    (double)f->peak <= 3 * part(f->n, f->minutes) + 5;
}

static double
welcome(const struct facts *f)
{
	return is_clean(f) && f->n >= 20 && f->replied * 5 >= f->n && part(f->content + f->server, f->n) < 0.02 &&
	    f->odd_scripts == 0;
}

static double
one_sender(const struct facts *f)
{
	return is_clean(f) && spam_share(f) < 0.05 && f->n >= 20 && f->senders == 1 && f->named == f->n && f->foreign == 0 &&
	    f->open == 0 && f->clients <= 2;
}

/* ---- sentences ---- */

#define N(x) rank_number(a, x)

static const char *
say_spam(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "%s of %s messages were refused as spam or for a bad name (all other mail here: %s of %s)",
	    N(f->content + f->server), N(f->n), N(f->others_server), N(f->others));
}

static const char *
say_forged(struct arena *a, const struct facts *f)
{
	if (many_senders(f) > forged_domains(f))
		return arena_fmt(a, "%s different senders on %s messages", N(f->senders), N(f->n));
	if (f->domain != NULL)
		return arena_fmt(a, "%s of %s messages have a sender outside %s, in %s other domains", N(strangers(f)), N(f->n),
		    f->domain, N(f->domains));
	return arena_fmt(a, "%s of %s messages have senders outside the usual domain, %s sender domains in all",
	    N(strangers(f)), N(f->n), N(f->domains));
}

static const char *
say_script(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "%s of %s messages come from a script in an upload or temporary folder: %s", N(f->odd_scripts),
	    N(f->n), f->script != NULL ? f->script : "");
}

static const char *
say_network(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "%s is a machine of the local network and did not log in for %s of %s messages", f->key, N(f->open),
	    N(f->n));
}

static const char *
say_null(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "%s messages with the null sender, %s of them not shaped like a report", N(f->nulls),
	    N(f->nulls_unlike));
}

static const char *
say_clients(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "handed in from %s different addresses", N(f->clients));
}

static const char *
say_volume(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "%s of %s messages (%.1f %%)", N(f->n), N(f->all), 100 * part(f->n, f->all));
}

static const char *
say_burst(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "up to %s message%s a minute", N(f->peak), rank_plural(f->peak));
}

static const char *
say_campaign(struct arena *a, const struct facts *f)
{
	if (f->by == RANK_CAMPAIGN)
		return arena_fmt(a, "nearly the same message from %s accounts", N(f->accounts));
	return arena_fmt(a, "%s of %s messages are nearly the same as those of others: one campaign from up to %s accounts", N(f->shared), N(f->n),
	    N(f->shared_accounts));
}

static const char *
say_files(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "%s of %s messages have an attachment that is not what it says", N(f->lies), N(f->n));
}

static const char *
say_shorteners(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "%s of %s messages hide a link behind a shortener", N(f->shorteners), N(f->n));
}

static const char *
say_from(struct arena *a, const struct facts *f)
{
	return f->domain != NULL ? arena_fmt(a, "%s of %s messages have a From outside %s, though their sender is within", N(f->other_from), N(f->n),
	    f->domain) : arena_fmt(a, "%s of %s messages have a From outside the domain of their account", N(f->other_from), N(f->n));
}

static const char *
say_subject(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "one subject on %s of %s messages", N(f->subject_count), N(f->n));
}

static const char *
say_list(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "in its favour: a mailing list (List-Id) on %s of %s messages, %s sender%s", N(f->lists), N(f->n),
	    N(f->senders), f->senders == 1 ? "" : "s");
}

static const char *
say_reports(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "in its favour: %s of %s messages are delivery reports or automatic answers", N(f->reports), N(f->n));
}

static const char *
say_steady(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "in its favour: steady over %s hour%s, never more than %s a minute", N(f->minutes / 60), rank_plural(f->minutes / 60), N(f->peak));
}

static const char *
say_welcome(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "in its favour: only %s of %s messages were refused as spam or for a bad name",
	    N(f->content + f->server), N(f->n));
}

static const char *
say_one(struct arena *a, const struct facts *f)
{
	return arena_fmt(a, "in its favour: 1 sender, of its own domain, from %s address%s", N(f->clients),
	    f->clients == 1 ? "" : "es");
}

static const struct signal {
	int weight;
	double (*strength)(const struct facts *f);
	const char *(*say)(struct arena *a, const struct facts *f);
} signals[] = {
	{ 35, spam_replies, say_spam }, { 30, forged, say_forged }, { 40, odd_script, say_script },
	{ 25, local_network, say_network }, { 45, null_sender, say_null }, { 15, many_clients, say_clients },
	{ 15, volume, say_volume }, { 10, burst, say_burst },
	{ 20, campaign, say_campaign }, { 15, false_files, say_files }, { 10, shorteners, say_shorteners }, { 15, false_from, say_from }, { 8, one_subject, say_subject },
	{ -30, mailing_list, say_list }, { -30, reports, say_reports }, { -10, steady, say_steady },
	{ -10, welcome, say_welcome }, { -10, one_sender, say_one }
};

/* ---- the sum ---- */

static void
conclude(struct rank_row *row, struct arena *a, const char **reason, const int *points, size_t n, int score)
{
	int *kept = arena_get(a, n * sizeof *kept);

	row->score = score;
	row->verdict = score >= LIKELY ? "likely" : score >= POSSIBLE ? "possible" : "unlikely";
	row->reasons = arena_get(a, n * sizeof *reason);
	memcpy(row->reasons, reason, n * sizeof *reason);
	memcpy(kept, points, n * sizeof *points);
	row->points = kept;
	row->nreasons = n;
}

/* Why a row is not judged, NULL when it is. */
static const char *
exempt(struct arena *a, const struct facts *f)
{
	if (f->by == RANK_RECIPIENT_DOMAIN)
		return arena_fmt(a, "%s message%s to this domain: a recipient is not judged", N(f->n), rank_plural(f->n));
	if (f->key == NULL)
		return arena_fmt(a, "%s message%s without one: not judged together", N(f->n), rank_plural(f->n));
	if (is_kind(f, "bounce") || (f->by != RANK_CLIENT && f->bounces * 2 > f->n))
		return arena_fmt(a, "%s message%s of the null sender: bounces are never accused", N(f->bounces), rank_plural(f->bounces));
	return NULL;
}

void
rank_judge(struct rank_row *row, struct arena *a, const struct facts *f)
{
	const char *reason[REASONS_MAX];
	int worth[REASONS_MAX] = { 0 };
	double sure = clamp((double)(f->n - 2) / 8), points, sum = 0;
	size_t i, n = 0;
	int score;

	reason[0] = exempt(a, f);
	if (reason[0] != NULL) {
		conclude(row, a, reason, worth, 1, 0);
		return;
	}
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		points = signals[i].weight * signals[i].strength(f);
		if (points > 0)
			points *= sure;
		sum += points;
		if (points >= 1 || points <= -1) {
			worth[n] = (int)(points + (points > 0 ? 0.5 : -0.5));
			reason[n++] = signals[i].say(a, f);
		}
	}
	score = (int)(clamp(sum / 100) * 100 + 0.5);
	if (n == 0)
		reason[n++] = arena_fmt(a, "%s message%s, nothing that speaks of abuse", N(f->n), f->n == 1 ? "" : "s");
	conclude(row, a, reason, worth, n, score);
}
