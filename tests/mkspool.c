/*
 * mkspool - writes a whole made spool from a seed and a count.
 *
 *	mkspool [options] postfix|exim|smartermail DIR COUNT
 *
 * COUNT messages of ordinary and criminal traffic; --damage and --hostile add
 * to them. The same options give the same spool, except that a Postfix queue
 * id holds the inode of its file, as on a live queue (--fast makes it up).
 * The time of the spool is --now, by default a fixed one, so that results can
 * be compared. mkspool is no oracle for the formats: the MTAs are.
 *
 * Truth lines (--truth) have the keys of `spoolsweep list --json` where the
 * meaning is the same, and: arrived and arrived_usec (null: the spool has no
 * fraction), label, damage, case (name of the damage or hostile message),
 * campaign (--campaigns: what belongs together) and listed (false: a left-over that is no message to its MTA).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mkspool.h"

/* 2026-09-21 14:13:20 UTC */
#define DEFAULT_NOW	INT64_C(1790000000)

void
warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("mkspool: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
}

void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("mkspool: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

/* Buffers */

static void
mb_room(struct mbuf *b, size_t n)
{
	size_t cap = b->cap != 0 ? b->cap : 4096;

	if (b->cap - b->len >= n)
		return;
	while (cap - b->len < n)
		cap *= 2;
	b->p = realloc(b->p, cap);
	if (b->p == NULL)
		die("out of memory");
	b->cap = cap;
}

void
mb_add(struct mbuf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	mb_room(b, n);
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

void
mb_str(struct mbuf *b, const char *s)
{
	mb_add(b, s, strlen(s));
}

void
mb_ch(struct mbuf *b, int c)
{
	mb_room(b, 1);
	b->p[b->len++] = (unsigned char)c;
}

void
mb_fill(struct mbuf *b, int c, size_t n)
{
	if (n == 0)
		return;
	mb_room(b, n);
	memset(b->p + b->len, c, n);
	b->len += n;
}

void
mb_fmt(struct mbuf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	mb_room(b, 512);
	va_start(ap, fmt);
	n = vsnprintf((char *)b->p + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		die("format %s", fmt);
	if ((size_t)n >= b->cap - b->len) {
		mb_room(b, (size_t)n + 1);
		va_start(ap, fmt);
		(void)vsnprintf((char *)b->p + b->len, b->cap - b->len, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

void
mb_free(struct mbuf *b)
{
	free(b->p);
	b->p = NULL;
	b->len = b->cap = 0;
}

/* Random numbers */

uint64_t
rng_next(struct rng *r)
{
	uint64_t z = r->s += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

uint32_t
rng_below(struct rng *r, uint32_t n)
{
	return n == 0 ? 0 : (uint32_t)(rng_next(r) % n);
}

bool
rng_one_in(struct rng *r, uint32_t n)
{
	return rng_below(r, n) == 0;
}

uint64_t
hash2(uint64_t a, uint64_t b)
{
	struct rng r = { a ^ (b * UINT64_C(0xD1B54A32D192ED03)) };

	return rng_next(&r);
}

/* Folders and files */

static uint64_t
hash_path(const char *s)
{
	uint64_t h = UINT64_C(0xCBF29CE484222325);

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001B3);
	return h | 1;
}

static bool
dirs_insert(uint64_t *tab, size_t cap, uint64_t h)
{
	size_t i = (size_t)h & (cap - 1);

	while (tab[i] != 0 && tab[i] != h)
		i = (i + 1) & (cap - 1);
	if (tab[i] == h)
		return false;
	tab[i] = h;
	return true;
}

static void
dirs_grow(struct world *w)
{
	size_t i, cap = w->capdirs != 0 ? w->capdirs * 2 : 1024;
	uint64_t *tab = calloc(cap, sizeof(*tab));

	if (tab == NULL)
		die("out of memory");
	for (i = 0; i < w->capdirs; i++)
		if (w->dirs[i] != 0)
			(void)dirs_insert(tab, cap, w->dirs[i]);
	free(w->dirs);
	w->dirs = tab;
	w->capdirs = cap;
}

void
dir_once(struct world *w, const char *path, unsigned mode)
{
	const char *why = "";

	if (w->ndirs * 2 >= w->capdirs)
		dirs_grow(w);
	if (!dirs_insert(w->dirs, w->capdirs, hash_path(path)))
		return;
	w->ndirs++;
	if (os_mkdir(&why, path, mode) != 0)
		die("make folder %s: %s", path, why);
}

void
write_file(const char *path, unsigned mode, int64_t mtime, const struct mbuf *b)
{
	struct os_file f;
	const char *why = "";

	if (os_create(&f, &why, path, mode) != 0)
		die("create %s: %s", path, why);
	if (os_finish(&f, &why, b->p, b->len, mtime, -1) != 0)
		die("write %s: %s", path, why);
}

/* Truth */

static void
json_text(FILE *f, const char *s, size_t n)
{
	size_t i;

	(void)fputc('"', f);
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			(void)fprintf(f, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			(void)fprintf(f, "\\u%04x", c);
		else
			(void)fputc(c, f);
	}
	(void)fputc('"', f);
}

static void
json_key(FILE *f, const char *key, const char *s)
{
	(void)fprintf(f, ",\"%s\":", key);
	if (s == NULL)
		(void)fputs("null", f);
	else
		json_text(f, s, strlen(s));
}

static void
json_number(FILE *f, const char *key, int64_t v)
{
	if (v < 0)
		(void)fprintf(f, ",\"%s\":null", key);
	else
		(void)fprintf(f, ",\"%s\":%" PRId64, key, v);
}

static const char *
label_name(enum label l)
{
	static const char *const names[] = {
		"user", "hacked", "newsletter", "webform", "lanclient",
		"bounce", "hostile", "damage"
	};

	return names[l];
}

/* The account by the order of proof: auth, bounce, local, client, sender. */
static void
truth_account(FILE *f, const struct mail *m, const struct truth *t)
{
	char uid[32];

	if (m->auth[0] != '\0') {
		json_key(f, "account", m->auth);
		json_key(f, "account_kind", "auth");
	} else if (mail_sender_raw(m)[0] == '\0' && m->origin != O_LOCAL) {
		json_key(f, "account", "<>");
		json_key(f, "account_kind", "bounce");
	} else if (m->origin == O_LOCAL && (t->login_known || t->uid >= 0)) {
		(void)snprintf(uid, sizeof(uid), "uid:%" PRId64, t->uid);
		json_key(f, "account", t->login_known ? m->login : uid);
		json_key(f, "account_kind", "local");
	} else if (m->client[0] != '\0') {
		json_key(f, "account",
		    m->client_norm[0] != '\0' ? m->client_norm : m->client);
		json_key(f, "account_kind", "client");
	} else {
		json_key(f, "account", mail_sender_raw(m));
		json_key(f, "account_kind", "sender");
	}
}

void
truth_write(struct world *w, const struct mail *m, const struct truth *t)
{
	FILE *f = w->truth;
	const char *client = m->client_norm[0] != '\0' ? m->client_norm : m->client;

	if (f == NULL)
		return;
	(void)fprintf(f, "{\"kind\":\"%s\"", w->kind);
	json_key(f, "queue", t->queue);
	json_key(f, "id", t->id);
	truth_account(f, m, t);
	json_key(f, "sender",
	    strcmp(w->kind, "postfix") == 0 ? mail_sender_raw(m) : m->sender);
	json_key(f, "client", client[0] != '\0' ? client : NULL);
	(void)fputs(",\"subject\":", f);
	if (m->subject_known)
		json_text(f, (const char *)m->subject.p, m->subject.len);
	else
		(void)fputs("null", f);
	json_number(f, "arrived", m->sec);
	json_number(f, "arrived_usec", t->usec_known ? m->usec : -1);
	json_number(f, "size", t->size);
	json_number(f, "recipients", t->recipients);
	json_number(f, "pending", t->pending);
	json_key(f, "state", t->state);
	json_key(f, "label", label_name(m->label));
	json_key(f, "case", m->what);
	json_key(f, "campaign", m->campaign[0] != '\0' ? m->campaign : NULL);
	(void)fprintf(f, ",\"listed\":%s,\"damage\":%s}\n",
	    t->listed ? "true" : "false", t->damage ? "true" : "false");
}

void
truth_damage(struct world *w, const char *queue, const char *id,
    const char *what, bool listed)
{
	static const char *const unknown[] = {
		"account", "account_kind", "sender", "client", "subject",
		"arrived", "arrived_usec", "size", "recipients", "pending",
		"state"
	};
	FILE *f = w->truth;
	size_t i;

	if (f == NULL)
		return;
	(void)fprintf(f, "{\"kind\":\"%s\"", w->kind);
	json_key(f, "queue", queue);
	json_key(f, "id", id);
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		json_key(f, unknown[i], NULL);
	json_key(f, "label", "damage");
	json_key(f, "case", what);
	(void)fprintf(f, ",\"listed\":%s,\"damage\":true}\n",
	    listed ? "true" : "false");
}

/* Options */

static void
usage(void)
{
	(void)fputs(
"usage: mkspool [options] postfix|exim|smartermail DIR COUNT\n"
"  --seed N            other traffic (default 1)\n"
"  --now EPOCH         the time of the spool (default 1790000000)\n"
"  --truth FILE        write what was made, JSON Lines\n"
"  --damage            add every damaged message and left-over\n"
"  --hostile           add messages whose content attacks the reader\n"
"  --campaigns         spam runs, newsletters and letters instead\n"
"  --accounts N        ordinary accounts (default 200)\n"
"  --mean-size BYTES   of an ordinary body (default 2500)\n"
"  --logs 0|1          defer logs, msglogs (default 1)\n"
"  --long-ids          long queue ids (Postfix 2.9, Exim 4.97)\n"
"  --depth N           Postfix: hash depth 0..3 (default 1)\n"
"  --fast              Postfix: made-up inodes in the ids, no renames\n"
"  --split, --flat     Exim: split_spool_directory (default flat)\n"
"  --named-queue NAME  Exim: every 10th message into this queue\n"
"  --zone-offset MIN   minutes east of UTC of local times (default 0)\n",
	    stderr);
	exit(64);
}

static int64_t
number(const char *opt, const char *s, int64_t lo, int64_t hi)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(s, &end, 10);
	if (end == s || *end != '\0' || errno != 0 || v < lo || v > hi) {
		warn("%s: not a number from %" PRId64 " to %" PRId64 ": %s",
		    opt, lo, hi, s);
		exit(64);
	}
	return v;
}

static bool
option_flag(struct options *o, const char *a)
{
	if (strcmp(a, "--damage") == 0)
		o->damage = true;
	else if (strcmp(a, "--hostile") == 0)
		o->hostile = true;
	else if (strcmp(a, "--campaigns") == 0)
		o->campaigns = true;
	else if (strcmp(a, "--long-ids") == 0)
		o->long_ids = true;
	else if (strcmp(a, "--split") == 0)
		o->split = true;
	else if (strcmp(a, "--flat") == 0)
		o->split = false;
	else if (strcmp(a, "--fast") == 0)
		o->fast = true;
	else
		return false;
	return true;
}

static bool
option_value(struct options *o, const char **truth, const char *a, const char *v)
{
	if (strcmp(a, "--seed") == 0)
		o->seed = (uint64_t)number(a, v, 0, INT64_MAX);
	else if (strcmp(a, "--now") == 0)
		o->now = number(a, v, 1000000000, 4000000000);
	else if (strcmp(a, "--accounts") == 0)
		o->accounts = (uint32_t)number(a, v, 1, 1000000);
	else if (strcmp(a, "--mean-size") == 0)
		o->mean_size = (uint32_t)number(a, v, 1, 10000000);
	else if (strcmp(a, "--logs") == 0)
		o->logs = number(a, v, 0, 1) == 1;
	else if (strcmp(a, "--depth") == 0)
		o->depth = (int)number(a, v, 0, 3);
	else if (strcmp(a, "--zone-offset") == 0)
		o->zone = (int)number(a, v, -1440, 1440);
	else if (strcmp(a, "--named-queue") == 0)
		o->queue_name = v;
	else if (strcmp(a, "--truth") == 0)
		*truth = v;
	else
		return false;
	return true;
}

/* Returns the index of the first operand. */
static int
options_read(struct options *o, const char **truth, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (option_flag(o, argv[i]))
			continue;
		if (i + 1 >= argc || !option_value(o, truth, argv[i], argv[i + 1]))
			usage();
		i++;
	}
	if (argc - i != 3)
		usage();
	o->count = (uint64_t)number("COUNT", argv[i + 2], 0, 100000000);
	return i;
}

static const struct kind {
	const char *name;
	void (*make)(struct world *);
} kinds[] = {
	{ "postfix", postfix_make },
	{ "exim", exim_make },
	{ "smartermail", smartermail_make },
};

static const struct kind *
kind_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

int
main(int argc, char **argv)
{
	struct world w = { .o = { .seed = 1, .now = DEFAULT_NOW, .accounts = 200,
	    .mean_size = 2500, .depth = 1, .logs = true } };
	const struct kind *k;
	const char *truth = NULL, *why = "";
	int i = options_read(&w.o, &truth, argc, argv);

	k = kind_find(argv[i]);
	if (k == NULL)
		usage();
	/* The truth's path is the caller's: open it before entering DIR. */
	if (truth != NULL && (w.truth = fopen(truth, "wb")) == NULL)
		die("create %s: %s", truth, strerror(errno));
	if (os_enter_new(&why, argv[i + 1]) != 0)
		die("%s: %s", argv[i + 1], why);
	w.kind = k->name;
	mail_world(&w);
	k->make(&w);
	if (w.truth != NULL) {
		bool bad = ferror(w.truth) != 0;

		if (fclose(w.truth) != 0 || bad)
			die("write %s: %s", truth, strerror(errno));
	}
	free(w.weight);
	free(w.dirs);
	mb_free(&w.filler);
	return 0;
}
