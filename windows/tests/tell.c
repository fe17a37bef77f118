/*
 * tell DIR ARG...: a command for alerts, for tests. Appends "$SPOOLSWEEP_STATE NUMBER-OF-ARGS" to DIR/told, writes its standard input to
 * DIR/stdin and exits with the number in DIR/exit. tell sleep: does so for five minutes.
 */
#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *
in_dir(const char *dir, const char *name, const char *mode)
{
	char path[1024];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, mode);
	if (f == NULL) {
		perror(path);
		exit(64);
	}
	return f;
}

int
main(int argc, char **argv)
{
	const char *state = getenv("SPOOLSWEEP_STATE");
	char text[16];
	FILE *f;
	int c;

	if (argc < 2)
		return 64;
	if (strcmp(argv[1], "sleep") == 0) {
		Sleep(300000);
		return 0;
	}
	f = in_dir(argv[1], "told", "ab");
	fprintf(f, "%s %d\n", state != NULL ? state : "", argc - 2);
	fclose(f);
	f = in_dir(argv[1], "stdin", "wb");
	_setmode(0, _O_BINARY);
	while ((c = getchar()) != EOF)
		putc(c, f);
	fclose(f);
	f = in_dir(argv[1], "exit", "rb");
	c = fgets(text, sizeof text, f) != NULL ? (int)strtol(text, NULL, 10) : 64;
	fclose(f);
	return c;
}
