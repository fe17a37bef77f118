/*
 * The program with a fault, many times: a process that waits for requests on stdin and carries each out in a fork of its own, which
 * costs a tenth of a new process. It waits in main's place (ld --wrap=main) when SPOOLSWEEP_FAULT_SERVE is set.
 *
 * A request: four bytes of length, low ones first, and so many bytes of words, each with its NUL: the file for stdout, the one for
 * stderr, environment, an empty word, the command line. The answer: four bytes, what waitpid says.
 *
 *	SPOOLSWEEP_FAULT_VAULT=DIR	files that are removed go there instead, so that a sweep can put the same inodes back
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zstd.h>

#include "tests/fault_sys.h"

#define WORDS 64
#define HANG 300	/* seconds */

static int
read_all(void *out, size_t n)
{
	char *p = out;
	ssize_t got = 1;

	for (; n > 0 && got > 0; p += got, n -= (size_t)got)
		got = read(0, p, n);
	return got > 0;
}

/* An archive, by libzstd alone: nothing of ours decides what is in it. */
static int
unzstd(const char *path)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	char in[65536], out[65536];
	ZSTD_inBuffer from = { in, 0, 0 };
	ZSTD_outBuffer to = { out, sizeof out, 0 };
	size_t rc = 1;
	FILE *f = fopen(path, "rb");

	while (f != NULL && (from.size = fread(in, 1, sizeof in, f)) > 0 && !ZSTD_isError(rc))
		for (from.pos = 0; !ZSTD_isError(rc) && (from.pos < from.size || to.pos == to.size);) {
			to.pos = 0;
			rc = ZSTD_decompressStream(z, &to, &from);
			fwrite(out, 1, to.pos, stdout);
		}
	ZSTD_freeDStream(z);
	return f == NULL || fclose(f) != 0 || fflush(stdout) != 0 || rc != 0;
}

static int
to_vault(struct sys_dir *d, const char *name)
{
	static atomic_int n;
	char from[4200], to[4200];

	snprintf(to, sizeof to, "%s/%d.%d", getenv("SPOOLSWEEP_FAULT_VAULT"), (int)getpid(), atomic_fetch_add(&n, 1));
	return rename(fault_dir_path(from, sizeof from, d, name), to) == 0 ? 0 : errno;
}

extern int (*fault_unlink)(struct sys_dir *d, const char *name);
void fault_parse(void);
int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

static int
run_words(char **word, int n)
{
	int i;

	if (n < 4 || freopen("/dev/null", "r", stdin) == NULL || freopen(word[0], "w", stdout) == NULL || freopen(word[1], "w", stderr) == NULL)
		return 127;
	for (i = 2; i < n && *word[i] != '\0'; i++)
		putenv(word[i]);
	unsetenv("SPOOLSWEEP_FAULT_SERVE");
	fault_parse();
	if (getenv("SPOOLSWEEP_FAULT_VAULT") != NULL)
		fault_unlink = to_vault;
	alarm(HANG);
	i++;
	if (i + 2 == n && strcmp(word[i], "--unzstd") == 0)
		return unzstd(word[i + 1]);
	word[--i] = (char *)(uintptr_t)"spoolsweep";
	return __real_main(n - i, word + i);
}

static int
serve(void)
{
	static char text[65536], *word[WORDS + 1];
	unsigned char len[4];
	size_t n, at;
	int words, status;
	pid_t pid;

	while (read_all(len, sizeof len)) {
		n = len[0] | (size_t)len[1] << 8;
		if (len[2] != 0 || len[3] != 0 || n == 0 || !read_all(text, n) || text[n - 1] != '\0')
			return 127;
		for (at = 0, words = 0; at < n && words < WORDS; at += strlen(text + at) + 1)
			word[words++] = text + at;
		word[words] = NULL;
		pid = fork();
		if (pid == 0)
			exit(run_words(word, words));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || write(1, &status, sizeof status) != sizeof status)
			return 127;
	}
	return 0;
}

int
__wrap_main(int argc, char **argv)
{
	return getenv("SPOOLSWEEP_FAULT_SERVE") != NULL ? serve() : __real_main(argc, argv);
}
