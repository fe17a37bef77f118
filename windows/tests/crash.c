/* A unit test that crashes after its first line: what the runner must see (tests/runner.t). */
#include <stdio.h>

int
main(void)
{
	int *volatile nowhere = (int *)0x7ff0dead0000;	/* not 0: a page there may be mapped under Wine */

	puts("1..2\nok 1 - before");
	fflush(stdout);
	*nowhere = 1;
	puts("ok 2 - after");
	return 0;
}
