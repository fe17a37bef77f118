/*
 * hold SHARE PATH...: another program that has files or folders open, for tests. SHARE is what it lets others do meanwhile: letters of
 * r (read), w (write), d (delete, rename), or "-". Says "held" and keeps them until its standard input ends. It opens for reading.
 */
#include <windows.h>

#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	DWORD share = 0, got;
	wchar_t path[1024];
	char c;
	int i;

	if (argc < 3)
		return 64;
	share |= strchr(argv[1], 'r') != NULL ? FILE_SHARE_READ : 0;
	share |= strchr(argv[1], 'w') != NULL ? FILE_SHARE_WRITE : 0;
	share |= strchr(argv[1], 'd') != NULL ? FILE_SHARE_DELETE : 0;
	for (i = 2; i < argc; i++) {
		if (MultiByteToWideChar(CP_UTF8, 0, argv[i], -1, path, 1024) == 0 ||
		    CreateFileW(path, GENERIC_READ, share, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL) == INVALID_HANDLE_VALUE) {
			fprintf(stderr, "hold %s: error %lu\n", argv[i], GetLastError());
			return 1;
		}
	}
	puts("held");
	fflush(stdout);
	while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), &c, 1, &got, NULL) && got != 0)
		;
	return 0;	/* Windows closes them */
}
