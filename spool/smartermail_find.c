#include "smartermail_find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_MAX ((size_t)256)	/* folders asked for a message that moved */
#define TREE_AGE_US INT64_C(5000000)

void
smartermail_folders_add(struct smartermail_folders *f, const char *parent, const char *name, unsigned depth)
{
	size_t pn = strlen(parent), nn = strlen(name);
	char *rel = mem_new(pn + nn + 2);

	if (f->n == f->cap) {
		f->cap = f->cap != 0 ? f->cap * 2 : 16;
		f->v = mem_grow(f->v, f->cap * sizeof *f->v);
	}
	memcpy(rel, parent, pn);
	if (pn != 0)
		rel[pn++] = '/';
	memcpy(rel + pn, name, nn);
	f->v[f->n].rel = rel;
	f->v[f->n].mtime = 0;
	f->v[f->n++].depth = depth;
}

static void
folders_clear(struct smartermail_folders *f)
{
	while (f->n != 0)
		free(f->v[--f->n].rel);
}

void
smartermail_folders_free(struct smartermail_folders *f)
{
	folders_clear(f);
	free(f->v);
	memset(f, 0, sizeof *f);
}

int
smartermail_is_private(const char *name)
{
	return strncmp(name, SPOOL_PRIVATE, strlen(SPOOL_PRIVATE)) == 0;
}

int
smartermail_entry_type(struct sys_entry *ent, struct sys_dir *d)
{
	struct sys_stat s;
	int rc;

	if (ent->type != SYS_UNKNOWN)
		return 0;
	rc = sys_stat_at(&s, d, ent->name);
	if (rc == 0)
		ent->type = s.type;
	return rc;
}

int
smartermail_in_folder(const char *queue, const char *folder)
{
	size_t n = strlen(folder);

	return strlen(queue) >= n && (queue[n] == '\0' || queue[n] == '/') && smartermail_compare(queue, n, folder, n) == 0;
}

/* Drop takes plain .eml files, Quarantine and Declude's proc/work keep them without an envelope. */
unsigned
smartermail_folder_flags(const char *queue)
{
	static const char *const plain[] = { "Drop", "Quarantine", "proc/work" };
	size_t i;

	for (i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (smartermail_in_folder(queue, plain[i]))
			return SMARTERMAIL_PLAIN;
	return 0;
}

/* Lists all folders anew for find, silently: what cannot be read is told by the walk. */
static void
tree_load(struct smartermail_tree *tree, struct spool *sp)
{
	struct sys_entry ent;
	struct sys_dir *d;
	size_t i;

	folders_clear(&tree->folders);
	smartermail_folders_add(&tree->folders, "", "", 0);
	for (i = 0; i < tree->folders.n && tree->folders.n < SEARCH_MAX; i++) {
		struct smartermail_folder in = tree->folders.v[i];

		if (sys_dir_sub(&d, sp->dir, in.rel, NULL) < 0)
			continue;
		while (tree->folders.n < SEARCH_MAX && sys_dir_next(&ent, d, NULL) > 0)
			if (ent.type == SYS_DIR && !smartermail_is_private(ent.name) && in.depth < SMARTERMAIL_DEPTH)
				smartermail_folders_add(&tree->folders, in.rel, ent.name, in.depth + 1);
		sys_dir_close(d);
	}
	tree->loaded_at = sys_clock_us();
}

static int
has_letters(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z'))
			return 1;
	return 0;
}

/* base + extension, in capitals with is_upper. */
static char *
file_name(struct arena *a, const char *base, size_t n, int role, int is_upper)
{
	char *name = arena_get(a, n + 5), *c;

	memcpy(name, base, n);
	memcpy(name + n, smartermail_extension(role), 5);
	for (c = name + n; is_upper && *c != '\0'; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	return name;
}

/* The files that are there under the very names that a server gives. The number of them, or -1. */
static int
exact_files(struct smartermail_file v[SMARTERMAIL_ROLES], struct sys_dir *d, const char *base,
    size_t n, struct arena *a, struct err *e)
{
	struct sys_stat s;
	int role, is_upper, rc, found = 0;

	for (role = 0; role < SMARTERMAIL_ROLES; role++) {
		for (is_upper = 0; is_upper < 2; is_upper++) {
			char *name = file_name(a, base, n, role, is_upper);

			rc = sys_stat_at(&s, d, name);
			if (rc != 0 && rc != ENOENT)
				return err_set(e, rc, "look at %s", name);
			if (rc != 0 || s.type != SYS_FILE)
				continue;
			v[found].name = name;
			v[found].ino = s.ino;
			v[found].base = (uint16_t)n;
			v[found++].role = (uint16_t)role;
			break;
		}
	}
	return found;
}

/* All files of a folder whose names match, by readdir: the last resort. */
static int
matching_files(struct smartermail_files *out, struct spool *sp, const char *dir, const char *base,
    size_t n, struct err *e)
{
	struct sys_entry ent;
	struct sys_dir *d;
	size_t len;
	int got;

	if (sys_dir_sub(&d, sp->dir, dir, e) < 0)
		return e->sys == ENOENT ? 0 : -1;
	while ((got = sys_dir_next(&ent, d, e)) > 0)
		if (smartermail_role(&len, ent.name) >= 0 && smartermail_compare(ent.name, len, base, n) == 0 &&
		    smartermail_entry_type(&ent, d) == 0 && ent.type == SYS_FILE)
			smartermail_files_add(out, ent.name, ent.ino);
	sys_dir_close(d);
	smartermail_files_sort(out);
	return got;
}

/* The message of that spelling among matching names; another spelling alone is another message. 1 or 0. */
static int
choose(struct spool_item *out, struct arena *a, const char *dir, const struct smartermail_files *f,
    const char *base, size_t n)
{
	size_t i, end;
	int is_case;

	for (i = 0; i < f->n; i++)
		if (f->v[i].base == n && memcmp(f->v[i].name, base, n) == 0)
			break;
	if (i == f->n)
		return 0;
	(void)smartermail_files_run(&is_case, f, 0);
	end = is_case ? smartermail_files_spelling(f, i) : f->n;
	i = is_case ? i : 0;
	smartermail_item(out, a, dir, f->v + i, end - i, smartermail_folder_flags(dir) | (is_case ? SMARTERMAIL_CASE : 0));
	return 1;
}

static int
find_in(struct spool_item *out, struct spool *sp, struct spool_reader *r, struct arena *a,
    const char *dir, const char *base, size_t n, struct err *e)
{
	struct smartermail_file v[SMARTERMAIL_ROLES];
	struct smartermail_files f = { 0 };
	struct sys_dir *d;
	int found;

	d = spool_reader_dir(r, dir, e);
	if (d == NULL)
		return e->sys == ENOENT ? 0 : -1;
	found = exact_files(v, d, base, n, a, e);
	if (found < 0)
		return -1;
	/* digits have no case; of letters, a part may be spelled otherwise */
	if (!has_letters(base, n) || (found >= 2 && v[1].role == SMARTERMAIL_EML)) {
		if (found > 0)
			smartermail_item(out, a, dir, v, (size_t)found, smartermail_folder_flags(dir));
		return found > 0;
	}
	found = matching_files(&f, sp, dir, base, n, e);
	if (found == 0)
		found = choose(out, a, dir, &f, base, n);
	smartermail_files_free(&f);
	return found;
}

/* The server moves messages between its folders under their old names. */
static int
find_elsewhere(struct spool_item *out, struct smartermail_tree *tree, struct spool *sp,
    struct spool_reader *r, struct arena *a, const char *not_dir, const char *base, size_t n)
{
	struct smartermail_file v[SMARTERMAIL_ROLES];
	struct sys_dir *d;
	struct err ignored;
	size_t i;
	int found = 0;

	sys_mutex_lock(tree->lock);
	if (tree->folders.n == 0 || sys_clock_us() - tree->loaded_at > TREE_AGE_US)
		tree_load(tree, sp);
	for (i = 0; i < tree->folders.n && found == 0; i++) {
		const char *rel = tree->folders.v[i].rel;

		d = strcmp(rel, not_dir) != 0 ? spool_reader_dir(r, rel, &ignored) : NULL;
		if (d != NULL && (found = exact_files(v, d, base, n, a, &ignored)) > 0)
			smartermail_item(out, a, rel, v, (size_t)found, smartermail_folder_flags(rel));
		if (found < 0)		/* a folder that may not be read hides nothing that we were ever told of */
			found = 0;
	}
	sys_mutex_unlock(tree->lock);
	return found > 0;
}

int
smartermail_find(struct spool_item *out, struct smartermail_tree *tree, struct spool *sp,
    struct spool_reader *r, struct arena *a, const char *queue, const char *id, const char *path,
    struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	const char *dir = slash != NULL ? arena_dup(a, path, (size_t)(slash - path)) : "";
	size_t n;
	int found;

	if (smartermail_role(&n, name) < 0) {
		dir = queue;
		name = id;
		n = strlen(id);
	}
	found = find_in(out, sp, r, a, dir, name, n, e);
	return found != 0 ? found : find_elsewhere(out, tree, sp, r, a, dir, name, n);
}

