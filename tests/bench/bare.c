/*
 * The bare reader that a scan is measured against: one thread that opens,
 * fstats, reads and closes every regular file below the folders named, whole, and
 * prints how many files and bytes that were. Usage: bare FOLDER…
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long long files, bytes;
static char window[1 << 16];

static void
read_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	while ((n = read(fd, window, sizeof window)) > 0) {
		bytes += (unsigned long long)n;
		if ((size_t)n < sizeof window)
			break;
	}
	files++;
	close(fd);
}

static void
read_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (d == NULL) {
		perror(name);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type == DT_DIR)
			read_folder(fd, e->d_name);
		else if (e->d_type == DT_REG)
			read_file(fd, e->d_name);
	}
	closedir(d);
}

int
main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		read_folder(AT_FDCWD, argv[i]);
	printf("%llu files, %llu bytes\n", files, bytes);
	return 0;
}
