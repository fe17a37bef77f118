/* A program that writes past an array, "stack" or "copy": it must be ended at once. Without a word it says whether the guard is a random one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern uintptr_t __stack_chk_guard;

static int
fill(size_t n)
{
	char room[16] = "";
	volatile char *p = room;
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = 'x';
	return room[0];
}

static int
copy(size_t n)
{
	static const char from[64];
	char room[16];

	memcpy(room, from, n);
	return room[0];
}

int
main(int argc, char **argv)
{
	int (*volatile way)(size_t) = argc > 1 && strcmp(argv[1], "stack") == 0 ? fill : copy;	/* not known to the compiler */
	volatile size_t n = argc > 1 ? 40 : 8;
	int got = way(n);

	printf("guard %llx, %d\n", (unsigned long long)__stack_chk_guard, got);
	return 0;
}
