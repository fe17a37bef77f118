/*
 * The POSIX calls of the unit tests, for Windows; given to the compiler ahead of each test. What Windows has not (links, FIFOs, limits, a
 * shell) ends the test that asks for it as skipped, with the reason printed. Folders that mkdtemp made are removed at the end.
 */
#ifndef POSIX_H
#define POSIX_H

#include <direct.h>
#include <io.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/sys.h"

#define UNIT_MODES 0	/* files have no mode bits */
#define UNIT_NAMES 0

#define mkdir(path, mode) ((void)(mode), _mkdir(path))
#define chmod(path, mode) ((void)(mode), access(path, F_OK))
#define getuid() sys_uid()
#define geteuid() sys_uid()
#define link(from, to) posix_link(from, to)
#define symlink(target, path) posix_skip("no symbolic links here")
#define mkfifo(path, mode) posix_skip("no FIFOs here")
#define system(command) posix_system(command)

char *mkdtemp(char *pattern);
int posix_link(const char *from, const char *to);
int posix_system(const char *command);	/* "rm -rf 'PATH'", no other */
int posix_skip(const char *why);

#endif
