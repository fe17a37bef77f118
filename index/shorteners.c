/* The table of link shorteners (shorteners.tsv), compiled in. */
#include <string.h>

#include "index/contents.h"

static const char *const hosts[] = {
#include "index/shorteners.inc"
};

int
contents_is_shortener(const char *host)
{
	size_t i;

	if (strncmp(host, "www.", 4) == 0)
		host += 4;
	for (i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (host[0] == hosts[i][0] && strcmp(host, hosts[i]) == 0)
			return 1;
	return 0;
}
