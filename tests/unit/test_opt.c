/* The command line: what is accepted where, and what every mistake is called. */
#include <stdio.h>

#include "unit.h"

#include "cmd/cmd.h"

static const struct command *const all[] = { &cmd_spools, &cmd_scan, &cmd_rank, &cmd_list, &cmd_show, NULL };

static struct err err;

/* Splits a line at spaces ("_" is an empty word) and parses it. */
static int
parse(struct context *c, const char *line)
{
	static char words[1024];
	static char *argv[64];
	static char program[] = "spoolsweep", nothing[] = "";
	int argc = 0;
	char *p;

	memset(c, 0, sizeof *c);
	memset(argv, 0, sizeof argv);
	err_clear(&err);
	c->sel = selection_new();
	argv[argc++] = program;
	snprintf(words, sizeof words, "%s", line);
	for (p = words; *(p += strspn(p, " ")) != '\0' && argc < 63; ) {
		argv[argc++] = strcmp(p, "_") == 0 || strncmp(p, "_ ", 2) == 0 ? nothing : p;
		p += strcspn(p, " ");
		if (*p != '\0')
			*p++ = '\0';
	}
	return opt_parse(c, all, argc, argv, &err);
}

static void
done(struct context *c)
{
	selection_free(c->sel);
	opt_free(c);
}

static void
test_globals_anywhere(void **state)
{
	static const char *const lines[] = {
		"--index /x --json -q list", "list --index /x --json -q", "--index=/x -q list --json", "-q list --json --index=/x",
		"--json --index /x list --quiet"
	};
	struct context c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		assert_int_equal(parse(&c, lines[i]), 0);
		assert_ptr_equal(c.command, &cmd_list);
		assert_string_equal(c.opt[OPT_INDEX], "/x");
		assert_int_equal(c.format, OUT_JSON);
		assert_true(c.quiet);
		assert_false(c.verbose);
		done(&c);
	}
}

static void
test_values(void **state)
{
	static const char *const lines[] = { "rank -n 7 -v", "rank -n7 -v", "rank -vn7", "-v rank -vn 7" };
	struct context c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		assert_int_equal(parse(&c, lines[i]), 0);
		assert_string_equal(c.opt[OPT_ROWS], "7");
		assert_true(c.verbose);
		done(&c);
	}
	assert_int_equal(parse(&c, "scan --threads=2 --full a -- --b -c"), 0);
	assert_string_equal(c.opt[OPT_THREADS], "2");
	assert_non_null(c.opt[OPT_FULL]);
	assert_int_equal(c.narg, 3);
	assert_string_equal(c.arg[1], "--b");
	assert_string_equal(c.arg[2], "-c");
	done(&c);
	assert_int_equal(parse(&c, "rank --by client --by domain"), 0);	/* the last one counts */
	assert_string_equal(c.opt[OPT_BY], "domain");
	done(&c);
}

static void
test_selectors(void **state)
{
	struct context c;

	(void)state;
	assert_int_equal(parse(&c, "list --account a@x.example --account=b@x.example --null-sender --queue _ --json"), 0);
	assert_true(selection_has(c.sel, SEL_ACCOUNT));
	assert_true(selection_has(c.sel, SEL_NULL_SENDER));
	assert_true(selection_has(c.sel, SEL_QUEUE));
	assert_false(selection_has(c.sel, SEL_SENDER));
	done(&c);
	assert_int_equal(parse(&c, "list --spool /var/spool/postfix --frozen"), 0);	/* its [KIND:]DIR is not optional */
	assert_true(selection_has(c.sel, SEL_SPOOL));
	assert_int_equal(c.narg, 0);
	done(&c);
	assert_int_equal(parse(&c, "rank --older 36h --client 192.0.2.0/24"), 0);
	assert_true(selection_has(c.sel, SEL_OLDER));
	done(&c);
	assert_int_equal(parse(&c, "list"), 0);
	assert_true(selection_is_empty(c.sel));
	done(&c);
}

static void
test_help(void **state)
{
	struct context c;

	(void)state;
	assert_int_equal(parse(&c, "help"), 0);
	assert_non_null(c.opt[OPT_HELP]);
	assert_null(c.command);
	done(&c);
	assert_int_equal(parse(&c, "help show"), 0);		/* help needs no ID */
	assert_ptr_equal(c.command, &cmd_show);
	done(&c);
	assert_int_equal(parse(&c, "show --help"), 0);
	assert_ptr_equal(c.command, &cmd_show);
	done(&c);
	assert_int_equal(parse(&c, "--version"), 0);
	assert_non_null(c.opt[OPT_VERSION]);
	done(&c);
}

static void
test_mistakes(void **state)
{
	static const struct { const char *line, *says; } cases[] = {
		{ "", "no command" },
		{ "purge", "no command \"purge\"" },
		{ "help purge", "no command \"purge\"" },
		{ "hold --sender x", "no command \"hold\"" },
		{ "lst", "did you mean list?" },
		{ "list --sendr x", "did you mean --sender?" },
		{ "list --nothing-like-it", "no option --nothing-like-it" },
		{ "list --acc x", "no option --acc" },			/* no abbreviations */
		{ "--account x list", "no global option --account" },
		{ "spools --sender x", "no option --sender" },
		{ "list --full", "no option --full" },
		{ "spools --by account", "no option --by" },
		{ "list -n 5", "no option -n" },
		{ "list -z", "no option -z" },
		{ "list --sender", "--sender needs a value" },
		{ "list --spool", "--spool needs a value" },
		{ "rank -n", "-n needs a value" },
		{ "list --frozen=1", "--frozen takes no value" },
		{ "list --json=1", "--json takes no value" },
		{ "list --json --csv", "exclude each other" },
		{ "--csv list --json", "exclude each other" },
		{ "list --index _", "--index needs a file name" },
		{ "list word", "\"word\" is one word too many" },
		{ "spools /var/spool/postfix", "one word too many" },
		{ "show", "usage: spoolsweep show ID" },
		{ "show A B", "\"B\" is one word too many" },
		{ "list --older soon", "soon" },
		{ "list --larger big", "big" },
		{ "list --since whenever", "whenever" },
		{ "list --client nowhere", "nowhere" },
		{ "list --subject re:(", "" },
	};
	struct context c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (parse(&c, cases[i].line) != -1 || strstr(err.text, cases[i].says) == NULL || err.text[0] == '\0')
			fail_msg("\"%s\" says \"%s\", not \"%s\"", cases[i].line, err.text, cases[i].says);
		done(&c);
	}
}

static void
test_number(void **state)
{
	static const char *const bad[] = { "", " 1", "+1", "-1", "1 ", "0x10", "1e3", "11", "99999999999999999999", "one" };
	int64_t v = 77;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(opt_number(&v, "-n", bad[i], 0, 10, &err), -1);
		assert_int_equal(v, 77);
	}
	assert_int_equal(opt_number(&v, "-n", "10", 0, 10, &err), 0);
	assert_int_equal(v, 10);
}

static void
test_worse(void **state)
{
	(void)state;
	assert_int_equal(cmd_worse(CMD_DONE, CMD_DONE), CMD_DONE);
	assert_int_equal(cmd_worse(CMD_PARTLY, CMD_DONE), CMD_PARTLY);
	assert_int_equal(cmd_worse(CMD_PARTLY, CMD_USAGE), CMD_USAGE);
	assert_int_equal(cmd_worse(CMD_USAGE, CMD_FAILED), CMD_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_globals_anywhere),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_worse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
