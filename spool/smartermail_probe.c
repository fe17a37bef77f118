#include "smartermail_probe.h"

#include <string.h>

#include "rd.h"
#include "smartermail_files.h"
#include "smartermail_hdr.h"

#define NAMES_MAX 5000		/* of one folder */
#define HDRS_MAX 5		/* envelopes opened in one folder */
#define LOOK_MAX 8		/* sub-folders looked into */
#define WINDOW ((size_t)4096)

struct clues {
	unsigned pairs;		/* a status word of the server, and the .eml beside it */
	unsigned words;		/* such a word, the .eml missing */
	unsigned doubtful;	/* a pair whose first line is another word, or damaged */
	unsigned emls;
	unsigned subspools, proc, drop, others;
	char look[LOOK_MAX][64];
	size_t nlook;
};

static int
is_like(const char *name, const char *prefix, int whole)
{
	size_t n = strlen(name), p = strlen(prefix);

	if (n < p || (whole && n != p))
		return 0;
	return smartermail_compare(name, p, prefix, p) == 0;
}

static int
has_eml(struct sys_dir *d, const char *hdr, size_t base)
{
	static const char *const extensions[] = { ".eml", ".EML" };
	struct sys_stat st;
	char name[300];
	size_t i;

	if (base + 5 > sizeof name)
		return 0;
	memcpy(name, hdr, base);
	for (i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
		memcpy(name + base, extensions[i], 5);
		if (sys_stat_at(&st, d, name) == 0 && st.type == SYS_FILE)
			return 1;
	}
	return 0;
}

static void
look_at_hdr(struct clues *c, struct sys_dir *d, const char *name, size_t base)
{
	struct sys_file f = SYS_FILE_CLOSED;
	unsigned char window[WINDOW];
	enum smartermail_status status;
	int is_word, is_pair;
	struct sys_stat st;
	struct rd rd;

	if (sys_open_at(&f, &st, d, name) != 0)
		return;
	rd_file(&rd, f, st.size < WINDOW ? st.size : WINDOW, window, sizeof window);
	status = smartermail_hdr_status(&is_word, &rd);
	sys_close(&f);
	is_pair = has_eml(d, name, base);
	if (status != SMARTERMAIL_NONE && status != SMARTERMAIL_OTHER) {
		c->pairs += is_pair != 0;
		c->words += is_pair == 0;
	} else if (is_pair && (is_word || st.size == 0 || status == SMARTERMAIL_NONE)) {
		c->doubtful++;
	}
}

static void
look_at_folder(struct clues *c, const char *name)
{
	int is_subspool = is_like(name, "SubSpool", 0), is_proc = is_like(name, "proc", 1);

	c->subspools += is_subspool != 0;
	c->proc |= is_proc != 0;
	c->drop |= is_like(name, "Drop", 1) != 0;
	c->others += is_like(name, "delay", 1) || is_like(name, "Quarantine", 1) || is_like(name, "MovedItems", 1);
	if ((is_subspool || is_proc) && c->nlook < LOOK_MAX && strlen(name) < sizeof c->look[0])
		memcpy(c->look[c->nlook++], name, strlen(name) + 1);
}

static void
look_into(struct clues *c, struct sys_dir *parent, const char *rel, int is_root)
{
	struct sys_entry ent;
	struct sys_dir *d;
	int names, hdrs = 0, role;
	size_t base;

	if (sys_dir_sub(&d, parent, rel, NULL) < 0)
		return;
	for (names = 0; names < NAMES_MAX && sys_dir_next(&ent, d, NULL) > 0; names++) {
		role = smartermail_role(&base, ent.name);
		if (ent.type == SYS_DIR && is_root)
			look_at_folder(c, ent.name);
		else if (ent.type == SYS_FILE && role == SMARTERMAIL_HDR && hdrs++ < HDRS_MAX)
			look_at_hdr(c, d, ent.name, base);
		else if (ent.type == SYS_FILE && role == SMARTERMAIL_EML)
			c->emls++;
	}
	sys_dir_close(d);
}

static int
folder_score(const struct clues *c)
{
	unsigned extra = 10 * c->proc + 10 * c->drop + 5 * (c->others < 3 ? c->others : 3);

	if (c->subspools > 0)
		extra += c->subspools > 1 ? 52 : 45;
	return (int)(extra < 85 ? extra : 85);
}

int
smartermail_probe(struct sys_dir *root)
{
	struct clues c = { 0 };
	int folders;
	size_t i;

	look_into(&c, root, "", 1);
	for (i = 0; i < c.nlook && c.pairs == 0; i++)
		look_into(&c, root, c.look[i], 0);
	folders = folder_score(&c);
	if (c.pairs > 0)
		return 95;
	if (c.words > 0)
		return folders > 70 ? folders : 70;
	if (c.doubtful > 0)
		return folders + 40 < 90 ? folders + 40 : 90;
	if (folders > 0)
		return folders;
	return c.emls > 0 ? 10 : 0;
}
