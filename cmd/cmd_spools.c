#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/table.h"
#include "spool/arena.h"
#include "spool/msg.h"
#include "spool/smartermail_place.h"
#include "spool/spool.h"
#include "spool/sys.h"

static int run(struct context *c);

const struct command cmd_spools = {
	"spools", "", "the spools on this machine, their kind, whether the MTA runs",
	"Asks Postfix and Exim where their spools are, when they are installed, looks beside the\n"
	"program of SmarterMail's service, and at the usual places. A spool anywhere else is given to\n"
	"scan as DIR or KIND:DIR.\n",
	NULL, 0, 0, 0, run
};

#define PLACES_MAX 64
#define ASK_SECONDS 10

struct finder {
	struct spool_place *v;
	size_t n;
};

static char *
copy(const char *s, size_t n)
{
	char *p = mem_new(n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

/* Keeps a folder once, by its path without links. One that cannot be opened is kept too when it is there: unknown is not "none". */
static void
add(struct finder *f, const char *kind, const char *dir)
{
	struct err e = { 0, "" };
	struct sys_dir *d = NULL;
	char *real;
	size_t i, n;

	if (f->n == PLACES_MAX || dir[0] == '\0')
		return;
	if (sys_dir_open(&d, dir, &e) < 0 && (e.sys == ENOENT || e.sys == ENOTDIR))
		return;
	sys_dir_close(d);
	real = sys_realpath(dir, &e);
	if (real == NULL)
		real = copy(dir, strlen(dir));
	for (i = 0; i < f->n; i++)
		if (strcmp(f->v[i].kind, kind) == 0 && strcmp(f->v[i].dir, real) == 0)
			break;
	if (i < f->n) {
		free(real);
		return;
	}
	f->v[i].kind = copy(kind, strlen(kind));
	f->v[i].dir = real;
	n = strlen(kind) + 1 + strlen(real);
	f->v[i].arg = mem_new(n + 1);
	memcpy(f->v[i].arg, kind, strlen(kind));
	f->v[i].arg[strlen(kind)] = ':';
	memcpy(f->v[i].arg + strlen(kind) + 1, real, strlen(real) + 1);
	f->n++;
}

/* A usual place counts only when a driver sees its MTA's structure there, or when it may not be looked at. */
static void
add_usual(struct finder *f, const char *kind, const char *dir)
{
	struct err e = { 0, "" };
	struct sys_dir *d = NULL;

	if (sys_dir_open(&d, dir, &e) < 0) {
		if (e.sys != ENOENT && e.sys != ENOTDIR)
			add(f, kind, dir);
		return;
	}
	if (spool_driver_named(kind)->probe(d) > 0)
		add(f, kind, dir);
	sys_dir_close(d);
}

/* Cuts the answer at its first line end and drops "name = " before the value (exim -bP). */
static char *
answer(char *text)
{
	char *v;

	text[strcspn(text, "\r\n")] = '\0';
	v = strstr(text, " = ");
	return v != NULL ? v + 3 : text;
}

static int
ask_postconf(struct finder *f, const char *config)
{
	static const char postconf[] = "/usr/sbin/postconf";
	const char *const plain[] = { postconf, "-h", "queue_directory", NULL };
	const char *const other[] = { postconf, "-c", config, "-h", "queue_directory", NULL };
	char text[4096];
	struct err e = { 0, "" };

	if (sys_run(text, sizeof text, config != NULL ? other : plain, ASK_SECONDS, &e) < 0)
		return -1;
	add(f, "postfix", answer(text));
	return 0;
}

/* Postfix, and its other instances (postmulti(1): multi_instance_directories lists their configuration folders). */
static void
find_postfix(struct finder *f)
{
	static const char *const argv[] = { "/usr/sbin/postconf", "-h", "multi_instance_directories", NULL };
	char text[16384], *p;
	size_t n;
	struct err e = { 0, "" };

	if (ask_postconf(f, NULL) < 0) {
		add_usual(f, "postfix", "/var/spool/postfix");
		return;
	}
	if (sys_run(text, sizeof text, argv, ASK_SECONDS, &e) < 0)
		return;
	for (p = text; *(p += strspn(p, " ,\t\r\n")) != '\0'; p += n) {
		n = strcspn(p, " ,\t\r\n");
		if (p[n] != '\0')
			p[n++] = '\0';
		ask_postconf(f, p);
	}
}

static const char *const exim_usual[] = { "/var/spool/exim4", "/var/spool/exim" };

int
spools_is_hidden(const struct spool_place *p)
{
	struct err e = { 0, "" };
	char *real;
	size_t i;
	int is_usual = strcmp(p->kind, "exim") != 0;

	for (i = 0; !is_usual && i < sizeof exim_usual / sizeof exim_usual[0]; i++) {
		real = sys_realpath(exim_usual[i], &e);
		is_usual = real != NULL && strcmp(real, p->dir) == 0;
		free(real);
	}
	return !is_usual;
}

/* exim -bP needs no rights for spool_directory (Exim specification, "-bP"), but as root it must be able to give them up. */
static void
find_exim(struct finder *f)
{
	static const char *const program[] = {
		"/usr/sbin/exim4", "/usr/sbin/exim", "/usr/exim/bin/exim", "/usr/local/sbin/exim", "/usr/local/bin/exim"
	};
	char text[4096];
	struct err e = { 0, "" };
	size_t i;
	int told = 0;

	for (i = 0; i < sizeof program / sizeof program[0]; i++) {
		const char *const argv[] = { program[i], "-bP", "spool_directory", NULL };

		if (sys_run(text, sizeof text, argv, ASK_SECONDS, &e) < 0)
			continue;
		add(f, "exim", answer(text));
		told = 1;
	}
	if (told)
		return;
	for (i = 0; i < sizeof exim_usual / sizeof exim_usual[0]; i++)
		add_usual(f, "exim", exim_usual[i]);
}

static void
add_smartermail(void *arg, const char *dir)
{
	add_usual(arg, "smartermail", dir);
}

/* Its spool is where a setting says; the service tells where its program is. */
static void
find_smartermail(struct finder *f)
{
	const char *const *usual;
	struct service s;

	if (spool_smartermail.service(&s, NULL) == 1) {
		smartermail_settings(add_smartermail, f, s.image);
		smartermail_places(add_smartermail, f, s.image);
	}
	for (usual = service_usual_spools; *usual != NULL; usual++)
		add_usual(f, "smartermail", *usual);
}

size_t
spools_find(struct spool_place **out)
{
	struct finder f = { mem_new(PLACES_MAX * sizeof(struct spool_place)), 0 };

	find_postfix(&f);
	find_exim(&f);
	find_smartermail(&f);
	*out = f.v;
	return f.n;
}

void
spools_free(struct spool_place *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(p[i].kind);
		free(p[i].dir);
		free(p[i].arg);
	}
	free(p);
}

const char *
spools_looked_for(void)
{
	return "no spool found: asked postconf, exim and the service manager where they are installed, and looked at the usual places";
}

struct known {			/* what the index knows of a spool */
	const char *dir, *kind;
	int64_t scanned;
};

static void
one_scan(void *arg, const struct query_scan *sc)
{
	struct known *k = arg;

	if (strcmp(sc->spool, k->dir) == 0 && strcmp(sc->kind, k->kind) == 0)
		k->scanned = sc->finished;
}

/* When it was scanned and how many messages were there; MSG_NO_TIME and -1 when the index does not know. */
static int
from_index(int64_t *scanned, int64_t *messages, struct index *ix, const struct spool_place *p, struct err *e)
{
	struct known k = { p->dir, p->kind, MSG_NO_TIME };
	struct selection *s;
	int r = 0;

	*scanned = MSG_NO_TIME;
	*messages = -1;
	if (ix == NULL)
		return 0;
	s = selection_new();
	if (selection_add(s, SEL_SPOOL, p->dir, e) < 0 || selection_add(s, SEL_KIND, p->kind, e) < 0 ||
	    query_scans(ix, s, one_scan, &k, e) < 0)
		r = -1;
	if (r == 0 && k.scanned != MSG_NO_TIME) {
		*scanned = k.scanned;
		*messages = query_count(ix, s, e);
		r = *messages < 0 ? -1 : 0;
	}
	selection_free(s);
	return r;
}

static const char *const keys[] = { "spool", "kind", "running", "scanned", "messages", "service", "service_state" };
static const struct table_column columns[] = {
	{ "SPOOL", 0, 20, 0 }, { "KIND", 0, 11, 0 }, { "MTA RUNS", 0, 8, 0 }, { "SCANNED (UTC)", 0, 13, 1 }, { "MESSAGES", 1, 0, 0 },
	{ "SERVICE", 0, 8, 2 }
};

static void
row(struct context *c, struct table *t, const struct spool_place *p, int running, int64_t scanned, int64_t messages,
    const struct service *s)
{
	const char *state = s != NULL ? service_state_name(s->state) : NULL;
	char text[40], service[300];

	if (c->format == OUT_TABLE) {
		table_cell(t, p->dir);
		table_cell(t, p->kind);
		table_cell(t, running < 0 ? "unknown" : running ? "yes" : "no");
		table_cell(t, scanned == MSG_NO_TIME ? "never" : text_time(text, scanned / 1000000, 0, 0, 0));
		table_number(t, messages);
		snprintf(service, sizeof service, "%.250s %s", s != NULL ? s->name : "", state != NULL ? state : "?");
		table_cell(t, s != NULL ? service : "-");
		table_row(t);
		return;
	}
	out_text(&c->out, p->dir);
	out_text(&c->out, p->kind);
	out_bool(&c->out, running);
	out_time(&c->out, scanned, 0);
	out_count(&c->out, messages);
	out_text(&c->out, s != NULL ? s->name : NULL);
	out_text(&c->out, state);
	out_row(&c->out);
}

static int
one_place(struct context *c, struct table *t, struct index *ix, const struct spool_place *p)
{
	struct spool *sp = NULL;
	struct service s;
	struct err e = { 0, "" };
	int64_t scanned, messages;
	int running = -1, has_service = 0, status = CMD_DONE;

	if (spool_open(&sp, p->arg, NULL, &e) == 0) {
		running = sp->driver->running(sp);
		has_service = sp->driver->service != NULL && sp->driver->service(&s, NULL) == 1;
	} else {
		cmd_say("%s", e.text);
		status = CMD_PARTLY;
	}
	if (from_index(&scanned, &messages, ix, p, &e) < 0)
		status = cmd_fail(&e);
	row(c, t, p, running, scanned, messages, has_service ? &s : NULL);
	spool_close(sp);
	return status;
}

static int
run(struct context *c)
{
	struct spool_place *place;
	struct index *ix = NULL;
	struct table t;
	struct err e = { 0, "" };
	size_t n = spools_find(&place), i;
	int status = CMD_DONE;

	if (n == 0)
		cmd_say("%s", spools_looked_for());
	if (cmd_index_open(&ix, c, INDEX_READ, &e) < 0 && c->verbose)
		cmd_note(c, "%s", e.text);
	table_init(&t, &c->out, columns, sizeof columns / sizeof columns[0]);
	out_keys(&c->out, keys, sizeof keys / sizeof keys[0]);
	for (i = 0; i < n; i++)
		status = cmd_worse(status, one_place(c, &t, ix, &place[i]));
	table_end(&t);
	index_close(ix);
	spools_free(place, n);
	return status;
}
