/* spool/service.c: the program of a service from what its manager says of it. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "spool/service.h"

static void
check(const char *line, const char *image, const char *program)
{
	struct service s;

	memset(&s, 'x', sizeof s);
	service_set_command(&s, line);
	assert_string_equal(s.image, image);
	assert_string_equal(s.program, program);
}

static void
test_command(void **state)
{
	char line[3000];

	(void)state;
	check("\"C:\\Program Files (x86)\\SmarterTools\\SmarterMail\\Service\\MailService.exe\"",
	    "C:/Program Files (x86)/SmarterTools/SmarterMail/Service/MailService.exe", "MailService");
	check("\"C:\\a b\\x.exe\" -run \"y z\"", "C:/a b/x.exe", "x");
	check("\"C:\\a\\x.exe", "C:/a/x.exe", "x");
	check("C:\\Program Files\\Mail\\MAILSERVICE.EXE -k x", "C:/Program Files/Mail/MAILSERVICE.EXE", "MAILSERVICE");
	check("  C:\\my.exes\\x.exe\t/service", "C:/my.exes/x.exe", "x");
	check("C:\\mail\\run -k", "C:/mail/run", "run");
	check("x.exe", "x.exe", "x");
	check(".exe", ".exe", ".exe");
	check("", "", "");
	check("\"\"", "", "");
	memset(line, 'a', sizeof line);
	line[0] = '"';
	line[sizeof line - 1] = '\0';
	check(line, "", "");		/* longer than any path: not known, not cut */
	line[600] = '\0';
	check(line, line + 1, "");
}

static void
test_image(void **state)
{
	struct service s;

	(void)state;
	service_set_image(&s, "/opt/smartermail/MailService");
	assert_string_equal(s.image, "/opt/smartermail/MailService");
	assert_string_equal(s.program, "MailService");
	service_set_image(&s, "/opt/smartermail/");
	assert_string_equal(s.program, "");
}

static void
test_names(void **state)
{
	(void)state;
	assert_null(service_state_name(SVC_UNKNOWN));
	assert_string_equal(service_state_name(SVC_STOPPED), "stopped");
	assert_string_equal(service_state_name(SVC_PAUSED), "paused");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command), cmocka_unit_test(test_image), cmocka_unit_test(test_names)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
