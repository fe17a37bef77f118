#include "cmd/opt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "spool/arena.h"

#define IDS_MAX ((size_t)256 * 1024 * 1024)	/* queue ids on stdin: ten million of them */

const struct opt opt_global[] = {
	{ "index", 0, "FILE", OPT_INDEX, "the index (default: $SPOOLSWEEP_INDEX, else see the manual)" },
	{ "json", 0, NULL, OPT_JSON, "JSON Lines: one object a line" },
	{ "csv", 0, NULL, OPT_CSV, "CSV with a header line" },
	{ "quiet", 'q', NULL, OPT_QUIET, "no progress and no notes, only errors" },
	{ "verbose", 'v', NULL, OPT_VERBOSE, "say more" },
	{ "help", 'h', NULL, OPT_HELP, "this help" },
	{ "version", 'V', NULL, OPT_VERSION, "the version" },
	{ NULL, 0, NULL, OPT_KEYS, NULL }
};

const char opt_usage[] = "spoolsweep [--index FILE] [--json | --csv] [-q] [-v]";

struct parse {
	struct context *c;
	char **argv;
	int argc, i;		/* i: the word in hand */
	struct err *e;
};

static const char *
who(const struct context *c)
{
	return c->command != NULL ? c->command->name : "spoolsweep";
}

static const struct opt *
find_in(const struct opt *o, const char *name, size_t n, char letter)
{
	for (; o != NULL && (o->name != NULL || o->letter != 0); o++)
		if (letter != 0 ? o->letter == letter : o->name != NULL && strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return o;
	return NULL;
}

static const struct opt *
find_opt(const struct context *c, const char *name, size_t n, char letter)
{
	/* behind a command its own one counts: --csv of report has a value */
	const struct opt *o = c->command != NULL ? find_in(c->command->opts, name, n, letter) : NULL;

	return o != NULL ? o : find_in(opt_global, name, n, letter);
}

/* How many letters must change, come or go (Levenshtein), for the hint; words above 31 letters are far from everything. */
static size_t
distance(const char *a, size_t na, const char *b)
{
	size_t row[32], i, j, nb = strlen(b), corner, up, best;

	if (na > 31 || nb > 31)
		return 99;
	for (j = 0; j <= nb; j++)
		row[j] = j;
	for (i = 1; i <= na; i++) {
		corner = row[0];
		row[0] = i;
		for (j = 1; j <= nb; j++) {
			up = row[j];
			best = corner + (a[i - 1] != b[j - 1]);
			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = up;
			row[j] = best;
		}
	}
	return row[nb];
}

struct nearest {
	const char *word, *best;
	size_t n, d;
};

static void
consider(struct nearest *near, const char *name)
{
	size_t d = name != NULL ? distance(near->word, near->n, name) : 99;

	if (d < near->d) {
		near->d = d;
		near->best = name;
	}
}

static int
unknown_option(struct parse *p, const char *name, size_t n)
{
	const struct command *cmd = p->c->command;
	struct nearest near = { name, NULL, n, 3 };
	const struct opt *o;
	int i;

	for (o = opt_global; o->name != NULL; o++)
		consider(&near, o->name);
	for (o = cmd != NULL ? cmd->opts : NULL; o != NULL && (o->name != NULL || o->letter != 0); o++)
		consider(&near, o->name);
	for (i = 0; cmd != NULL && cmd->selects && i < SEL_COUNT; i++)
		consider(&near, select_info[i].name);
	if (cmd == NULL)
		return err_set(p->e, 0, "no global option --%.*s; options of a command stand behind it", (int)(n < 60 ? n : 60), name);
	if (near.best != NULL)
		return err_set(p->e, 0, "%s: no option --%.*s; did you mean --%s?", cmd->name, (int)(n < 60 ? n : 60), name, near.best);
	return err_set(p->e, 0, "%s: no option --%.*s; see spoolsweep %s --help", cmd->name, (int)(n < 60 ? n : 60), name, cmd->name);
}

/* The words of stdin, for --id -. An empty list selects nothing: it must not become "no selector". */
static int
ids_from_stdin(struct parse *p)
{
	struct buf b;
	char piece[65536];
	size_t n;
	int r;

	buf_init(&b, IDS_MAX);
	while ((n = fread(piece, 1, sizeof piece, stdin)) > 0)
		buf_add(&b, piece, n);
	if (ferror(stdin))
		r = err_set(p->e, errno, "--id -: read stdin");
	else if (b.cut)
		r = err_set(p->e, 0, "--id -: more than %zu MiB on stdin", IDS_MAX >> 20);
	else
		r = selection_add_ids(p->c->sel, buf_cstr(&b), b.n, p->e);
	buf_free(&b);
	return r;
}

static int
is_number_next(const struct parse *p)
{
	const char *next = p->i + 1 < p->argc ? p->argv[p->i + 1] : "";

	return next[0] != '\0' && strspn(next, "0123456789") == strlen(next);
}

/* "[N]", but not "[KIND:]DIR". */
static int
is_optional(const char *arg)
{
	return arg[0] == '[' && arg[strlen(arg) - 1] == ']';
}

/* The value of a long option: behind '=', else the next word. */
static int
long_value(const char **value, struct parse *p, const char *name, size_t n, const char *equals, const char *arg)
{
	*value = "";
	if (arg == NULL) {
		if (equals != NULL)
			return err_set(p->e, 0, "%s: --%.*s takes no value", who(p->c), (int)n, name);
		return 0;
	}
	if (equals != NULL)
		*value = equals + 1;
	else if (is_optional(arg) && !is_number_next(p))
		*value = "";
	else if (p->i + 1 < p->argc)
		*value = p->argv[++p->i];
	else
		return err_set(p->e, 0, "%s: --%.*s needs a value: --%.*s %s", who(p->c), (int)n, name, (int)n, name, arg);
	return 0;
}

/* The second word of an option that takes two. */
static int
second_value(struct parse *p, const struct opt *o)
{
	if (p->i + 1 >= p->argc || strncmp(p->argv[p->i + 1], "--", 2) == 0)
		return err_set(p->e, 0, "%s: --%s needs two words: --%s %s", who(p->c), o->name, o->name, o->arg);
	p->c->opt[o->key + 1] = p->argv[++p->i];
	return 0;
}

static int
parse_selector(struct parse *p, enum select_key key, const char *value)
{
	if (key == SEL_ID && strcmp(value, "-") == 0)
		return ids_from_stdin(p);
	return selection_add(p->c->sel, key, select_info[key].arg != NULL ? value : NULL, p->e);
}

static void
give(struct context *c, const struct opt *o, const char *value)
{
	c->opt[o->key] = value;
	if (o->arg == NULL)
		return;
	c->given = mem_grow(c->given, (c->ngiven + 1) * sizeof *c->given);
	c->given[c->ngiven].key = o->key;
	c->given[c->ngiven++].value = value;
}

static int
parse_long(struct parse *p, const char *word)
{
	const char *name = word + 2, *equals = strchr(name, '='), *value;
	size_t n = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct opt *o = find_opt(p->c, name, n, 0);
	int i;

	if (o != NULL) {
		if (long_value(&value, p, name, n, equals, o->arg) < 0)
			return -1;
		give(p->c, o, value);
		return o->arg != NULL && strchr(o->arg, ' ') != NULL ? second_value(p, o) : 0;
	}
	if (p->c->command == NULL || !p->c->command->selects)
		return unknown_option(p, name, n);
	for (i = 0; i < SEL_COUNT; i++)
		if (strlen(select_info[i].name) == n && memcmp(select_info[i].name, name, n) == 0)
			break;
	if (i == SEL_COUNT)
		return unknown_option(p, name, n);
	if (long_value(&value, p, name, n, equals, select_info[i].arg) < 0)
		return -1;
	return parse_selector(p, (enum select_key)i, value);
}

/* "-qc", "-n20", "-n 20": letters without a value may stand together. */
static int
parse_short(struct parse *p, const char *word)
{
	const struct opt *o;
	const char *s;

	for (s = word + 1; *s != '\0'; s++) {
		o = find_opt(p->c, NULL, 0, *s);
		if (o == NULL)
			return err_set(p->e, 0, "%s: no option -%c; see spoolsweep %s%s", who(p->c), *s,
			    p->c->command != NULL ? p->c->command->name : "", p->c->command != NULL ? " --help" : "help");
		if (o->arg == NULL) {
			p->c->opt[o->key] = "";
			continue;
		}
		if (s[1] != '\0')
			give(p->c, o, s + 1);
		else if (p->i + 1 < p->argc)
			give(p->c, o, p->argv[++p->i]);
		else
			return err_set(p->e, 0, "%s: -%c needs a value: -%c %s", who(p->c), *s, *s, o->arg);
		break;
	}
	return 0;
}

static int
parse_command(struct parse *p, const struct command *const all[], const char *word)
{
	struct nearest near = { word, NULL, strlen(word), 3 };
	size_t i;

	if (strcmp(word, "help") == 0 && p->c->opt[OPT_HELP] == NULL) {
		p->c->opt[OPT_HELP] = "";
		return 0;
	}
	for (i = 0; all[i] != NULL; i++) {
		if (strcmp(word, all[i]->name) == 0) {
			p->c->command = all[i];
			return 0;
		}
		consider(&near, all[i]->name);
	}
	if (near.best != NULL)
		return err_set(p->e, 0, "no command \"%s\"; did you mean %s?", word, near.best);
	return err_set(p->e, 0, "no command \"%s\"; spoolsweep help lists them", word);
}

static int
check(struct parse *p)
{
	struct context *c = p->c;

	if (c->opt[OPT_JSON] != NULL && c->opt[OPT_CSV] != NULL)
		return err_set(p->e, 0, "--json and --csv exclude each other");
	if (c->opt[OPT_INDEX] != NULL && c->opt[OPT_INDEX][0] == '\0')
		return err_set(p->e, 0, "--index needs a file name");
	c->format = c->opt[OPT_JSON] != NULL ? OUT_JSON : c->opt[OPT_CSV] != NULL ? OUT_CSV : OUT_TABLE;
	c->quiet = c->opt[OPT_QUIET] != NULL;
	c->verbose = c->opt[OPT_VERBOSE] != NULL;
	if (c->opt[OPT_HELP] != NULL || c->opt[OPT_VERSION] != NULL)
		return 0;
	if (c->command == NULL)
		return err_set(p->e, 0, "no command; spoolsweep help lists them");
	if (c->narg < c->command->min_args)
		return err_set(p->e, 0, "%s: usage: spoolsweep %s %s", c->command->name, c->command->name, c->command->synopsis);
	if (c->narg > c->command->max_args)
		return err_set(p->e, 0, "%s: \"%s\" is one word too many; usage: spoolsweep %s %s", c->command->name,
		    c->arg[c->command->max_args], c->command->name, c->command->synopsis);
	return 0;
}

int
opt_parse(struct context *c, const struct command *const all[], int argc, char **argv, struct err *e)
{
	struct parse p = { c, argv, argc, 1, e };
	int only_words = 0, r;
	const char *word;

	c->arg = mem_new(((size_t)argc + 1) * sizeof *c->arg);
	for (; p.i < argc; p.i++) {
		word = argv[p.i];
		r = 0;
		if (!only_words && strcmp(word, "--") == 0)
			only_words = 1;
		else if (!only_words && word[0] == '-' && word[1] == '-')
			r = parse_long(&p, word);
		else if (!only_words && word[0] == '-' && word[1] != '\0')
			r = parse_short(&p, word);
		else if (c->command == NULL)
			r = parse_command(&p, all, word);
		else
			c->arg[c->narg++] = word;
		if (r < 0)
			return -1;
	}
	return check(&p);
}

void
opt_free(struct context *c)
{
	free(c->arg);
	free(c->given);
	c->given = NULL;
	c->ngiven = 0;
	c->arg = NULL;
	c->narg = 0;
}

static void
help_line(struct out *o, const char *name, char letter, const char *arg, const char *help)
{
	char left[64];

	snprintf(left, sizeof left, "%c%c%s%s%s%s%s", letter != 0 ? '-' : ' ', letter != 0 ? letter : ' ',
	    letter != 0 && name != NULL ? ", " : letter != 0 ? "" : "  ", name != NULL ? "--" : "", name != NULL ? name : "",
	    arg != NULL ? " " : "", arg != NULL ? arg : "");
	buf_fmt(&o->b, "  %-28s  %s\n", left, help);
}

static void
help_opts(struct out *o, const char *title, const struct opt *opt)
{
	if (opt == NULL)
		return;
	out_raw(o, title);
	for (; opt->name != NULL || opt->letter != 0; opt++)
		help_line(o, opt->name, opt->letter, opt->arg, opt->help);
}

static void
help_selectors(struct out *o)
{
	int i;

	out_raw(o, "\nSelectors (the same one repeated: or; different ones: and):\n");
	for (i = 0; i < SEL_COUNT; i++)
		help_line(o, select_info[i].name, 0, select_info[i].arg, select_info[i].help);
}

void
opt_help(struct out *o, const struct command *const all[], const struct command *cmd)
{
	size_t i;

	if (cmd != NULL) {
		buf_fmt(&o->b, "usage: %s %s%s%s\n\n%s\n", opt_usage, cmd->name, cmd->synopsis[0] != '\0' ? " " : "", cmd->synopsis,
		    cmd->summary);
		if (cmd->more != NULL)
			buf_fmt(&o->b, "\n%s", cmd->more);
		help_opts(o, "\nOptions:\n", cmd->opts);
		if (cmd->selects)
			help_selectors(o);
	} else {
		buf_fmt(&o->b, "usage: %s COMMAND ...\n\n"
		    "Finds out who fills a mail queue, in spools of Postfix, Exim and SmarterMail.\n\nCommands:\n", opt_usage);
		for (i = 0; all[i] != NULL; i++)
			buf_fmt(&o->b, "  %-12s  %s\n", all[i]->name, all[i]->summary);
		out_raw(o, "\n\"spoolsweep help COMMAND\" tells more; the manual is spoolsweep(1).\n");
	}
	help_opts(o, "\nGlobal options, before or after the command:\n", opt_global);
}

int
opt_number(int64_t *out, const char *name, const char *text, int64_t lo, int64_t hi, struct err *e)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v < lo || v > hi)
		return err_set(e, 0, "%s: \"%.60s\" is no number from %" PRId64 " to %" PRId64, name, text, lo, hi);
	*out = v;
	return 0;
}
