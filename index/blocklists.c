#include "index/blocklists.h"

#include <string.h>

const struct blocklist blocklists[] = {
#include "index/blocklists.inc"
};
const size_t blocklists_count = sizeof blocklists / sizeof blocklists[0];

const struct blocklist *
blocklist_named(const char *list)
{
	size_t i;

	for (i = 0; i < blocklists_count; i++)
		if (blocklists[i].list != NULL && strcmp(blocklists[i].list, list) == 0)
			return &blocklists[i];
	return NULL;
}

const char *
blocklist_url(struct arena *a, const struct blocklist *b, const char *ip)
{
	const char *at = b->url != NULL ? strstr(b->url, "%IP%") : NULL;
	size_t n;

	if (at == NULL)
		return b->url;
	if (ip != NULL)
		return arena_fmt(a, "%.*s%s%s", (int)(at - b->url), b->url, ip, at + 4);
	n = strcspn(b->url, "?");
	if (b->url[n] != '?')
		for (n = (size_t)(at - b->url); n > 0 && b->url[n - 1] != '/'; n--)
			;
	return arena_dup(a, b->url, n);
}
