/* No limits of a process here: the test that sets one is skipped (posix.h). */
#ifndef RESOURCE_H
#define RESOURCE_H

#define RLIMIT_FSIZE 1
#define SIGXFSZ SIGTERM

typedef unsigned long long rlim_t;

struct rlimit {
	rlim_t rlim_cur;
};

int getrlimit(int what, struct rlimit *out);
int setrlimit(int what, const struct rlimit *in);

#endif
