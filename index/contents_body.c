/*
 * One message's body to a record. libmagic is asked once for each content (by its
 * hash, and what the part says), never for what is plainly text in a text part
 * without a name: it is the slowest thing here by far.
 */
#include <errno.h>
#include <libpsl.h>
#include <stdlib.h>
#include <string.h>

#include "index/campaign.h"
#include "index/contents_in.h"
#include "index/stage.h"
#include "spool/addr.h"
#include "spool/detect.h"
#include "spool/head.h"
#include "spool/mime.h"
#include "spool/sys.h"

#define BLOCK ((size_t)32 * 1024)	/* drivers give small pieces: they are joined before they are parsed */
#define CONTENTS_URLS_MAX 64		/* URLs of a message that are looked at as a whole */
#define ASKED_MAX 64		/* times that libmagic is asked about one message: a crafted text can take it milliseconds */
#define NOTES_MAX ((size_t)1 << 20)	/* bytes of JSON */
#define CACHE_MAX ((size_t)1 << 17)	/* contents whose type is remembered */

struct cached {
	unsigned char sha256[32];
	const char *type;	/* NULL: libmagic failed */
	int is_used;
};

struct body_shared {
	struct detect_db *db;
	uint64_t max_body;
	struct sys_mutex *lock;		/* all below */
	struct cached *cache;
	size_t n, cap;
	struct arena arena;
};

struct body_reader {
	struct body_shared *sh;
	struct spool *sp;
	struct spool_reader *spool, *own;	/* own: NULL it is the caller's */
	struct detect *detect;
	struct mime *mime;
	struct campaign_reader *campaign;
	struct sys_sha256 *sha;
	struct arena scratch;
	/* the message at hand */
	struct arena *arena;
	struct body *out;
	struct msg msg;			/* for its list of notes */
	size_t parts_cap, hosts_cap;
	unsigned asked;
	int has_all_hosts;
	char *block;
	size_t nblock;
	int enough;
	int inner;			/* depth of the message/rfc822 that the reader is in, -1: in none */
	unsigned nurls;
	char host[256];			/* of the last URL: most of a message's are of one */
	size_t domain;			/* where its domain begins */
	int is_short;
	/* the leaf at hand */
	unsigned char *prefix;
	size_t nprefix;
	struct buf dsn;			/* a report's part about recipients */
	uint32_t last4;			/* of its bytes */
	int has_7z_key;
};

/* ---- what libmagic said ---- */

int
body_shared_new(struct body_shared **out, uint64_t max_body, struct err *e)
{
	struct body_shared *sh = mem_new(sizeof *sh);

	if (detect_db_open(&sh->db, e) < 0) {
		free(sh);
		return -1;
	}
	sh->max_body = max_body;
	sh->lock = sys_mutex_new();
	*out = sh;
	return 0;
}

void
body_shared_free(struct body_shared *sh)
{
	if (sh == NULL)
		return;
	detect_db_close(sh->db);
	sys_mutex_free(sh->lock);
	arena_free(&sh->arena);
	free(sh->cache);
	free(sh);
}

static struct cached *
cache_slot(const struct body_shared *sh, const unsigned char *sha256)
{
	uint64_t h;
	size_t i;

	memcpy(&h, sha256, sizeof h);
	for (i = (size_t)h & (sh->cap - 1); sh->cache[i].is_used && memcmp(sh->cache[i].sha256, sha256, 32) != 0; )
		i = (i + 1) & (sh->cap - 1);
	return &sh->cache[i];
}

static void
cache_grow(struct body_shared *sh)
{
	struct cached *old = sh->cache;
	size_t n = sh->cap, i;

	sh->cap = n != 0 ? n * 2 : 1024;
	sh->cache = mem_new(sh->cap * sizeof *sh->cache);
	for (i = 0; i < n; i++)
		if (old[i].is_used)
			*cache_slot(sh, old[i].sha256) = old[i];
	free(old);
}

/* 1 and the type that was told of this content before. */
static int
cache_get(const char **type, struct body_shared *sh, const unsigned char *sha256)
{
	const struct cached *c = NULL;
	int got;

	sys_mutex_lock(sh->lock);
	if (sh->cap != 0)
		c = cache_slot(sh, sha256);
	got = c != NULL && c->is_used;
	if (got)
		*type = c->type;
	sys_mutex_unlock(sh->lock);
	return got;
}

static const char *
cache_put(struct body_shared *sh, const unsigned char *sha256, const char *type)
{
	struct cached *c;

	sys_mutex_lock(sh->lock);
	if ((sh->n + 1) * 2 > sh->cap && sh->n < CACHE_MAX)
		cache_grow(sh);
	type = type != NULL ? arena_str(&sh->arena, type) : NULL;
	if ((sh->n + 1) * 2 <= sh->cap) {
		c = cache_slot(sh, sha256);
		memcpy(c->sha256, sha256, 32);
		c->type = type;
		sh->n += !c->is_used;
		c->is_used = 1;
	}
	sys_mutex_unlock(sh->lock);
	return type;
}

/* NULL: not known, and why is a note. */
static const char *
type_of(struct body_reader *r, const unsigned char *sha256)
{
	const char *type = NULL;

	if (!cache_get(&type, r->sh, sha256)) {
		if (r->asked == ASKED_MAX) {
			msg_note(&r->msg, "more than %d attachments, what the rest are was not looked at", ASKED_MAX);
			return NULL;
		}
		r->asked++;
		type = cache_put(r->sh, sha256, detect_type(r->detect, r->prefix, r->nprefix));
	}
	if (type == NULL)
		msg_note(&r->msg, "libmagic cannot tell the type of an attachment");
	return type;
}

/* ---- what the reader of MIME tells ---- */

static const char *
keep(struct arena *a, const char *s)
{
	return s != NULL ? arena_str(a, s) : NULL;
}

static int
is_attachment(const struct mime_part *p)
{
	if (p->is_container)
		return strncmp(p->type, "message/", 8) == 0;
	return p->name != NULL || (p->disposition != NULL && strcmp(p->disposition, "attachment") == 0) || !p->is_text;
}

static void
on_begin(void *arg, const struct mime_part *p)
{
	struct body_reader *r = arg;
	struct body *b = r->out;
	struct body_part *grown, *to;

	if (b->nparts == r->parts_cap) {
		r->parts_cap = r->parts_cap != 0 ? r->parts_cap * 2 : 4;
		grown = arena_get(r->arena, r->parts_cap * sizeof *grown);
		if (b->nparts != 0)
			memcpy(grown, b->part, b->nparts * sizeof *grown);
		b->part = grown;
	}
	to = &b->part[b->nparts++];	/* its number is its place */
	memset(to, 0, sizeof *to);
	to->depth = p->depth;
	to->type = keep(r->arena, p->type);
	to->name = keep(r->arena, p->name);
	to->charset = keep(r->arena, p->charset);
	to->encoding = keep(r->arena, p->encoding);
	to->disposition = keep(r->arena, p->disposition);
	to->size = -1;
	to->is_attachment = is_attachment(p);
	if (r->inner >= 0 && p->depth <= (unsigned)r->inner)
		r->inner = -1;
	if (r->inner < 0 && p->is_container && p->depth > 0 && strncmp(p->type, "message/", 8) == 0)
		r->inner = (int)p->depth;
	buf_clear(&r->dsn);
	r->nprefix = 0;
	r->last4 = 0;
	r->has_7z_key = 0;
}

/* What a reader of this message sees: not a file, and not a message within it, which is another's (a bounce returns it). */
static int
is_shown(const struct body_reader *r, const struct mime_part *p)
{
	return r->inner < 0 && (p->is_html || strcmp(p->type, "text/plain") == 0) && (p->disposition == NULL || strcmp(p->disposition, "attachment") != 0);
}

static void
on_text(void *arg, const struct mime_part *p, const char *utf8, size_t n)
{
	struct body_reader *r = arg;

	if (is_shown(r, p))
		campaign_text(r->campaign, p->is_html, utf8, n);
}

/* The part that a report has about its recipients; not one of a report that is only quoted. */
static int
is_dsn(const struct mime_part *p)
{
	return p->depth == 1 && strcmp(p->type, "message/delivery-status") == 0;
}

/* Only of what begins as a 7z archive. */
static void
look_for_7z_key(struct body_reader *r, const unsigned char *s, size_t n)
{
	size_t i;

	if (r->nprefix < 6 || r->has_7z_key || memcmp(r->prefix, "7z\xBC\xAF\x27\x1C", 6) != 0)
		return;
	for (i = 0; i < n; i++) {
		r->last4 = r->last4 << 8 | s[i];
		r->has_7z_key |= r->last4 == 0x06F10701;
	}
}

static void
on_bytes(void *arg, const struct mime_part *p, const void *bytes, size_t n)
{
	struct body_reader *r = arg;
	size_t room = DETECT_PREFIX - r->nprefix, use = n < room ? n : room;

	if (is_dsn(p))
		buf_add(&r->dsn, bytes, n);
	sys_sha256_add(r->sha, bytes, n);
	memcpy(r->prefix + r->nprefix, bytes, use);
	r->nprefix += use;
	look_for_7z_key(r, bytes, n);
}

static void
on_note(void *arg, const char *text)
{
	struct body_reader *r = arg;

	msg_note(&r->msg, "%s", text);
}

static void
look_at(struct body_reader *r, const struct mime_part *p, struct body_part *to)
{
	struct buf b;
	int told;

	/* The text of a mail is what it says, unless it does not even look like text. */
	if (p->is_text && p->name == NULL && detect_is_texty(r->prefix, r->nprefix))
		return;
	to->detected = keep(r->arena, type_of(r, to->sha256));
	buf_init(&b, 4096);
	told = detect_note(&b, p, to->detected, r->prefix, r->nprefix, r->has_7z_key);
	if (told != 0)
		msg_note(&r->msg, "%s", buf_cstr(&b));
	if (told == DETECT_LIES)
		r->out->flags |= BODY_LIES;
	buf_free(&b);
}

static void
on_end(void *arg, const struct mime_part *p)
{
	struct body_reader *r = arg;
	struct body_part *to = &r->out->part[p->number];

	if (p->is_container)
		return;
	if (is_dsn(p) && r->out->reply == NULL)
		r->out->reply = dsn_read(&r->out->nreplies, r->dsn.p, r->dsn.n, r->arena);
	sys_sha256_end(to->sha256, r->sha);
	if (is_shown(r, p))
		campaign_text_end(r->campaign, p->is_html);
	if (p->size != 0)
		look_at(r, p, to);
	if (p->is_cut)
		return;
	if (r->inner < 0 && p->size != 0 && p->content_id != NULL && strncmp(p->type, "image/", 6) == 0)
		campaign_picture(r->campaign, to->sha256, sizeof to->sha256);
	else if (r->inner < 0 && to->is_attachment && p->size != 0)
		campaign_file(r->campaign, to->sha256, sizeof to->sha256);
	to->size = (int64_t)p->size;
	to->has_sha256 = 1;
}

/* "readme.txt/x" has the shape of a host: only a top-level domain that exists makes one. */
static int
has_known_suffix(const char *host)
{
	const char *dot = strrchr(host, '.');

	return dot != NULL && psl_is_public_suffix2(psl_builtin(), dot + 1, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE);
}

const char *
body_domain(const char *host)
{
	if (strchr(host, ':') != NULL || addr_ip_in(host, "0.0.0.0/0") == 1)
		return NULL;
	return psl_registrable_domain(psl_builtin(), host);
}

static void
know_host(struct body_reader *r, const char *host)
{
	const size_t n = strlen(host);
	const char *domain;

	if (n < sizeof r->host && memcmp(host, r->host, n + 1) == 0)
		return;
	domain = body_domain(host);
	r->domain = domain != NULL ? (size_t)(domain - host) : 0;
	r->is_short = contents_is_shortener(host);
	r->host[0] = '\0';
	if (n < sizeof r->host)
		memcpy(r->host, host, n + 1);
}

/* The first URLs count for the print; it keeps a few of them. */
static void
count_url(struct body_reader *r, const struct url *u)
{
	char text[512];
	size_t n = u->n < sizeof text - 1 ? u->n : sizeof text - 1;

	know_host(r, u->host);
	if (r->is_short)
		r->out->flags |= BODY_SHORTENER;
	if (r->inner >= 0 || r->nurls++ >= CONTENTS_URLS_MAX)
		return;
	memcpy(text, u->text, n);
	text[n] = '\0';
	campaign_url(r->campaign, u->host + r->domain, text, r->is_short);
}

static void
on_url(void *arg, const struct mime_part *p, const struct url *u)
{
	struct body_reader *r = arg;
	struct body *b = r->out;
	const char **grown;
	size_t i;

	(void)p;
	if (!u->is_bare || has_known_suffix(u->host))
		count_url(r, u);
	if (r->has_all_hosts)
		return;
	for (i = b->nhosts; i > 0; i--)
		if (strcmp(b->host[i - 1], u->host) == 0)
			return;
	if (u->is_bare && !has_known_suffix(u->host))
		return;
	if (b->nhosts == CONTENTS_HOSTS_MAX) {
		msg_note(&r->msg, "more than %d hosts in URLs, the rest not kept", CONTENTS_HOSTS_MAX);
		r->has_all_hosts = 1;
		return;
	}
	if (b->nhosts == r->hosts_cap) {
		r->hosts_cap = r->hosts_cap != 0 ? r->hosts_cap * 2 : 4;
		grown = arena_get(r->arena, r->hosts_cap * sizeof *grown);
		if (b->nhosts != 0)
			memcpy(grown, b->host, b->nhosts * sizeof *grown);
		b->host = grown;
	}
	b->host[b->nhosts++] = arena_str(r->arena, u->host);
}

/* ---- one message ---- */

int
body_reader_new(struct body_reader **out, struct body_shared *sh, struct spool *sp, struct spool_reader *with, struct err *e)
{
	struct body_reader *r = mem_new(sizeof *r);
	const struct mime_sink sink = { on_begin, on_bytes, on_text, on_url, on_end, on_note, r };

	r->sh = sh;
	r->sp = sp;
	r->own = with == NULL ? spool_reader_new(sp) : NULL;
	r->spool = with != NULL ? with : r->own;
	buf_init(&r->dsn, DSN_MAX);
	r->mime = mime_new(&sink);
	r->campaign = campaign_reader_new();
	r->sha = sys_sha256_new();
	r->prefix = mem_new(DETECT_PREFIX);
	r->block = mem_new(BLOCK);
	if (detect_new(&r->detect, sh->db, e) < 0) {
		body_reader_free(r);
		return -1;
	}
	*out = r;
	return 0;
}

void
body_reader_free(struct body_reader *r)
{
	if (r == NULL)
		return;
	detect_free(r->detect);
	mime_free(r->mime);
	campaign_reader_free(r->campaign);
	sys_sha256_free(r->sha);
	spool_reader_free(r->own);
	arena_free(&r->scratch);
	buf_free(&r->dsn);
	free(r->prefix);
	free(r->block);
	free(r);
}

static void
flush(struct body_reader *r)
{
	if (r->nblock != 0 && !r->enough && mime_feed(r->mime, r->block, r->nblock) != 0)
		r->enough = 1;
	r->nblock = 0;
}

/* For the driver: nonzero ends it. */
static int
take(void *arg, const void *p, size_t n)
{
	struct body_reader *r = arg;

	if (n > BLOCK - r->nblock)
		flush(r);
	if (n > BLOCK) {
		if (!r->enough && mime_feed(r->mime, p, n) != 0)
			r->enough = 1;
	} else {
		memcpy(r->block + r->nblock, p, n);
		r->nblock += n;
	}
	return r->enough ? -1 : 0;
}

static void
begin_print(struct body_reader *r, const struct body_of *of)
{
	size_t i;

	campaign_begin(r->campaign);
	for (i = 0; i < of->nrcpt; i++)
		campaign_name(r->campaign, of->rcpt[i]);
	if (of->subject != NULL)
		campaign_subject(r->campaign, of->subject);
}

static void
end_print(struct body_reader *r)
{
	uint32_t *print = arena_get(r->arena, CAMPAIGN_PRINT_MAX * sizeof *print);

	r->out->nprint = campaign_end(print, r->campaign);
	r->out->print = print;
}

/* As JSON, in the arena. */
static void
end_notes(struct body_reader *r)
{
	struct buf json;

	if (r->msg.notes.n == 0)
		return;
	buf_init(&json, NOTES_MAX);
	stage_list(&json, &r->msg.notes);
	r->out->notes = arena_str(r->arena, buf_cstr(&json));
	buf_free(&json);
}

/* 0 read, or errno (-1 when there is none); then out is as empty as before. */
static int
read_item(struct body_reader *r, const struct spool_item *it, const struct body_of *of, struct err *e)
{
	const struct spool_driver *d = r->sp->driver;
	int rc;

	r->parts_cap = r->hosts_cap = r->nblock = 0;
	r->asked = 0;
	r->has_all_hosts = 0;
	r->enough = 0;
	r->inner = -1;
	r->nurls = 0;
	begin_print(r, of);
	msg_init(&r->msg, r->arena);
	err_clear(e);
	mime_begin(r->mime, r->sh->max_body);
	rc = (d->message != NULL ? d->message : d->content)(r->sp, r->spool, it, take, r, e);
	flush(r);
	mime_end(r->mime);
	if (rc == 0 || r->enough) {
		end_notes(r);
		end_print(r);
		r->out->state = mime_is_whole(r->mime) ? CONTENTS_READ : CONTENTS_PARTLY;
		return 0;
	}
	memset(r->out, 0, sizeof *r->out);
	return e->sys != 0 ? e->sys : -1;
}

void
body_read(struct body *out, struct body_reader *r, struct arena *a, const struct body_of *of)
{
	const struct spool_driver *d = r->sp->driver;
	struct spool_item it;
	struct err e = { 0, "" };
	int rc, code = ENOENT;

	memset(out, 0, sizeof *out);
	r->out = out;
	r->arena = a;
	arena_reset(&r->scratch);
	/* nearly every message is where the scan saw it; looking for all of its parts costs more than reading its body */
	if (d->place != NULL && d->place(&it, &r->scratch, of->queue, of->id, of->path) == 1)
		code = read_item(r, &it, of, &e);
	if (code != ENOENT)
		goto out;
	memset(&it, 0, sizeof it);
	rc = d->find(&it, r->sp, r->spool, &r->scratch, of->queue, of->id, of->path, &e);
	code = rc == 1 ? read_item(r, &it, of, &e) : rc == 0 ? ENOENT : -1;
out:
	out->is_gone = code == ENOENT;
	if (code != 0 && code != ENOENT)
		out->why = head_text(a, e.text, strlen(e.text), NULL);
}
