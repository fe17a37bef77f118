/* Spelling of names and paths, and what an entry is: no call to the system. See win_pure.h. */
#include "windows/win_pure.h"

#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"

#define PATH_UNITS 32767u

/* ---- WTF-8 ---- */

/* One character of WTF-8; the bytes it takes, 0 when there is none. */
static size_t
take_char(uint32_t *out, const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0, i;
	uint32_t c = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));

	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (n == 0 || (n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	*out = c;
	return n;
}

uint16_t *
win_wide(size_t *n, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	uint16_t *w = mem_grow(NULL, (strlen(s) + 1) * sizeof *w);
	size_t got;
	uint32_t c;

	for (*n = 0; *p != '\0'; p += got) {
		got = take_char(&c, p);
		/* a second spelling of a pair */
		if (got == 0 || (c >= 0xdc00 && c < 0xe000 && *n > 0 && w[*n - 1] >= 0xd800 && w[*n - 1] < 0xdc00)) {
			free(w);
			return NULL;
		}
		if (c >= 0x10000) {
			w[(*n)++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + (c & 0x3ff);
		}
		w[(*n)++] = (uint16_t)c;
	}
	w[*n] = 0;
	return w;
}

static size_t
put_char(char *out, uint32_t c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	for (i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xf0) | c);
	return n;
}

char *
win_narrow(const uint16_t *w, size_t n)
{
	char *out = mem_grow(NULL, n * 3 + 1);
	size_t i, at = 0;
	uint32_t c;

	for (i = 0; i < n; i++) {
		c = w[i];
		if (c >= 0xd800 && c < 0xdc00 && i + 1 < n && w[i + 1] >= 0xdc00 && w[i + 1] < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) + (w[++i] - 0xdc00u);
		at += put_char(out + at, c);
	}
	out[at] = '\0';
	return out;
}

/* ---- names and paths ---- */

static int
is_sep(uint16_t c)
{
	return c == '\\' || c == '/';
}

int
win_is_name(const uint16_t *w, size_t n)
{
	size_t i;

	if (n == 0 || n > 255 || (w[0] == '.' && (n == 1 || (n == 2 && w[1] == '.'))))
		return 0;
	for (i = 0; i < n; i++)
		if (is_sep(w[i]) || w[i] == ':' || w[i] == 0)
			return 0;
	return 1;
}

static int
is_letter(uint16_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int
has_drive(const uint16_t *p, size_t n)
{
	return n >= 2 && is_letter(p[0]) && p[1] == ':';
}

/* A path that is being made: its volume cannot be left by "..". */
struct made {
	uint16_t *w;
	size_t n, volume;
	int too_long;
};

static void
put(struct made *m, const uint16_t *p, size_t n)
{
	if (m->n + n >= PATH_UNITS) {
		m->too_long = 1;
		return;
	}
	memcpy(m->w + m->n, p, n * sizeof *p);
	m->n += n;
}

static void
put_text(struct made *m, const char *s)
{
	uint16_t c;

	for (; *s != '\0'; s++) {
		c = (uint16_t)*s;
		put(m, &c, 1);
	}
}

static size_t
component(const uint16_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && !is_sep(p[i]); i++)
		;
	return i;
}

/* Components as they are, but "." and ".." which "\\?\" would take for names. */
static void
put_components(struct made *m, const uint16_t *p, size_t n)
{
	size_t len;

	for (; n != 0; p += len, n -= len) {
		while (n != 0 && is_sep(*p)) {
			p++;
			n--;
		}
		len = component(p, n);
		if (len == 0 || (len == 1 && p[0] == '.'))
			continue;
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			while (m->n > m->volume && m->w[m->n - 1] != '\\')
				m->n--;
			m->n -= m->n > m->volume;
			continue;
		}
		put_text(m, "\\");
		put(m, p, len);
	}
}

/* "C:" or "server\share" from p into m; the units it took. */
static size_t
put_volume(struct made *m, const uint16_t *p, size_t n)
{
	size_t at = 0, i;

	put_text(m, "\\\\?\\");
	if (has_drive(p, n)) {
		put(m, p, 2);
		at = 2;
	} else {
		put_text(m, "UNC");
		for (i = 0; i < 2; i++) {
			while (at < n && is_sep(p[at]))
				at++;
			put_text(m, "\\");
			put(m, p + at, component(p + at, n - at));
			at += component(p + at, n - at);
		}
	}
	m->volume = m->n;
	return at;
}

/* Behind "\\?\": a drive, "UNC\server\share", or "Volume{…}" and the like. */
static size_t
put_verbatim(struct made *m, const uint16_t *p, size_t n)
{
	static const char unc[] = "UNC";
	size_t i, at;

	if (has_drive(p, n))
		return put_volume(m, p, n);
	for (i = 0; i < 3 && i < n && (p[i] & ~0x20) == unc[i]; i++)
		;
	if (i == 3 && n > 3 && is_sep(p[3]))
		return 3 + put_volume(m, p + 3, n - 3);
	at = component(p, n);
	put_text(m, "\\\\?\\");
	put(m, p, at);
	m->volume = m->n;
	return at;
}

uint16_t *
win_full(size_t *n, const uint16_t *path, size_t path_n, const uint16_t *cwd, size_t cwd_n)
{
	struct made m = { mem_grow(NULL, (PATH_UNITS + 1) * sizeof *m.w), 0, 0, 0 };
	int is_unc = path_n >= 2 && is_sep(path[0]) && is_sep(path[1]), is_device, is_verbatim;
	size_t at = 0;

	is_device = is_unc && path_n >= 4 && path[2] == '.' && is_sep(path[3]);
	is_verbatim = is_unc && path_n >= 4 && path[2] == '?' && is_sep(path[3]);
	if (path_n == 0 || is_device || (has_drive(path, path_n) && path_n > 2 && !is_sep(path[2])))
		m.too_long = 1;
	else if (is_verbatim)
		at = 4 + put_verbatim(&m, path + 4, path_n - 4);
	else if (is_unc || has_drive(path, path_n))
		at = put_volume(&m, path, path_n);
	else if (cwd_n >= 4 && is_sep(cwd[0]) && cwd[2] == '?')
		at = put_verbatim(&m, cwd + 4, cwd_n - 4) + 4;
	else
		at = put_volume(&m, cwd, cwd_n);
	if (!is_unc && !has_drive(path, path_n)) {
		if (path_n != 0 && !is_sep(path[0]))
			put_components(&m, cwd + at, cwd_n - at);
		at = 0;
	}
	if (!m.too_long)
		put_components(&m, path + at, path_n - at);
	if (m.n == m.volume)
		put_text(&m, "\\");	/* "\\?\C:" is the device, "\\?\C:\" its root folder */
	if (m.too_long) {
		free(m.w);
		return NULL;
	}
	m.w[m.n] = 0;
	*n = m.n;
	return m.w;
}

char *
win_ours(const uint16_t *full, size_t n)
{
	size_t skip = n >= 4 && full[0] == '\\' && full[1] == '\\' && full[2] == '?' ? 4 : 0, is_unc, len;
	char *s, *p;

	is_unc = skip != 0 && n > 8 && full[4] == 'U' && full[5] == 'N' && full[6] == 'C' && full[7] == '\\';
	if (is_unc)
		skip = 6;	/* the 'C' becomes the first of two separators */
	else if (skip != 0 && !has_drive(full + 4, n - 4))
		skip = 0;
	s = win_narrow(full + skip, n - skip);
	if (is_unc)
		s[0] = '/';
	for (p = s; *p != '\0'; p++)
		if (*p == '\\')
			*p = '/';
	len = strlen(s);
	if (len > win_path_top(s) && s[len - 1] == '/')
		s[len - 1] = '\0';
	return s;
}

static int
is_slash(char c)
{
	return c == '/' || c == '\\';
}

static size_t
past(const char *path, size_t at)
{
	while (path[at] != '\0' && !is_slash(path[at]))
		at++;
	return at;
}

size_t
win_path_top(const char *path)
{
	size_t n = strlen(path), at;

	if (n >= 2 && is_letter((unsigned char)path[0]) && path[1] == ':')
		return n == 2 ? 2 : is_slash(path[2]) ? 3 : 0;
	if (n < 2 || !is_slash(path[0]) || !is_slash(path[1]))
		return n > 0 && is_slash(path[0]) ? 1 : 0;
	at = past(path, 2);
	if (path[at] == '\0')
		return at;
	at = past(path, at + 1);
	if (path[2] == '?' && (path[4] == 'U' || path[4] == 'u') && path[at] != '\0') {	/* "//?/UNC/server/share" */
		at = past(path, at + 1);
		if (path[at] != '\0')
			at = past(path, at + 1);
	}
	return path[2] == '?' && path[at] != '\0' ? at + 1 : at;
}

int
win_path_is_absolute(const char *path)
{
	return win_path_top(path) != 0;
}

int
win_path_is_top(const char *path)
{
	size_t top = win_path_top(path), n = strlen(path);

	return top != 0 && (n == top || (n == top + 1 && is_slash(path[top])));
}

/* ---- entries ---- */

#define ATTRIBUTE_DIRECTORY 0x10u
#define ATTRIBUTE_DEVICE 0x40u
#define ATTRIBUTE_REPARSE 0x400u
#define TAG_NAME_SURROGATE 0x20000000u	/* MS-FSCC 2.1.2.1: the entry stands for another named one */
#define TAG_CLOUD_MASK 0xffff0fffu	/* IO_REPARSE_TAG_CLOUD … _CLOUD_F */

/* Tags behind which a filter of the system shows the entry's own bytes (MS-FSCC 2.1.2.1). */
static int
is_own_data(uint32_t tag)
{
	static const uint32_t own[] = {
		0xc0000004,	/* HSM */
		0x80000006,	/* HSM2 */
		0x80000007,	/* SIS */
		0x80000008,	/* WIM */
		0x80000009,	/* CSV */
		0x80000013,	/* DEDUP */
		0x80000017,	/* WOF */
		0x8000001e,	/* STORAGE_SYNC */
		0x9000001c,	/* PROJFS */
		0x90000027,	/* STORAGE_SYNC_FOLDER */
		0x80000021,	/* ONEDRIVE */
	};
	size_t i;

	for (i = 0; i < sizeof own / sizeof own[0]; i++)
		if (tag == own[i])
			return 1;
	return (tag & TAG_CLOUD_MASK) == 0x9000001a;
}

enum sys_type
win_type(uint32_t attributes, uint32_t tag)
{
	if ((attributes & ATTRIBUTE_REPARSE) != 0 && (tag & TAG_NAME_SURROGATE) != 0)
		return SYS_LINK;
	if ((attributes & ATTRIBUTE_REPARSE) != 0 && !is_own_data(tag))
		return SYS_ODD;
	if ((attributes & ATTRIBUTE_DEVICE) != 0)
		return SYS_ODD;
	return (attributes & ATTRIBUTE_DIRECTORY) != 0 ? SYS_DIR : SYS_FILE;
}

static uint64_t
half(const unsigned char *p)
{
	uint64_t v = 0;
	int i;

	for (i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

uint64_t
win_ino(const unsigned char id[16])
{
	uint64_t low = half(id), high = half(id + 8);

	if (high == 0)
		return low;
	/* the mixing of splitmix64: two ids that differ get two numbers but by chance, one in 2^64 */
	high += UINT64_C(0x9e3779b97f4a7c15);
	high = (high ^ high >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	high = (high ^ high >> 27) * UINT64_C(0x94d049bb133111eb);
	return low ^ (high ^ high >> 31);
}

#define EPOCH INT64_C(116444736000000000)	/* 1970 in 100-ns units since 1601 */

int64_t
win_time_ns(int64_t filetime)
{
	if (filetime <= 0)	/* not kept by the file system */
		return 0;
	if (filetime > EPOCH + INT64_MAX / 100)
		return INT64_MAX;
	return (filetime - EPOCH) < INT64_MIN / 100 ? INT64_MIN : (filetime - EPOCH) * 100;
}

int64_t
win_filetime(int64_t ns)
{
	int64_t t = ns >= 0 ? ns / 100 : -((-(ns + 1)) / 100) - 1;

	return t + EPOCH > 0 ? t + EPOCH : 1;
}

/* ---- command lines ---- */

static int
put_unit(uint16_t *out, size_t *n, size_t max, uint16_t c, size_t times)
{
	for (; times > 0; times--) {
		if (*n >= max)
			return -1;
		out[(*n)++] = c;
	}
	return 0;
}

/* Backslashes count only before a quote: there each is doubled. */
int
win_quote(uint16_t *out, size_t *n, size_t max, const uint16_t *arg, size_t arg_n)
{
	size_t i, slashes = 0;
	int rc = *n > 0 ? put_unit(out, n, max, ' ', 1) : 0;

	rc |= put_unit(out, n, max, '"', 1);
	for (i = 0; i < arg_n && rc == 0; i++) {
		if (arg[i] == '"')
			rc = put_unit(out, n, max, '\\', slashes + 1);
		slashes = arg[i] == '\\' ? slashes + 1 : 0;
		rc |= put_unit(out, n, max, arg[i], 1);
	}
	rc |= put_unit(out, n, max, '\\', slashes);
	return rc | put_unit(out, n, max, '"', 1);
}

/* Inside of "…" cmd still takes %NAME% and PowerShell $NAME, $(…) and `; a " that one of them takes for text ends the word for the other, and
 * PowerShell takes U+201C to U+201E for it, too (about_Quoting_Rules). */
static size_t
no_text(const char *p)
{
	const unsigned char c = (unsigned char)*p;

	if (c < 0x20 || c == 0x7f || strchr("\"%$`", c) != NULL)
		return 1;
	return strncmp(p, "\xe2\x80", 2) == 0 && p[2] >= '\x9c' && p[2] <= '\x9e' ? 3 : 0;
}

char *
win_shell_word(const char *word)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@+=:./\\-";
	const size_t n = strlen(word);
	char *out = mem_new(2 * n + 3), *p = out;
	size_t skip, slashes = 0;

	if (n != 0 && word[0] != '@' && strspn(word, safe) == n) {	/* PowerShell: @name is a list */
		memcpy(out, word, n);
		return out;
	}
	for (*p++ = '"'; *word != '\0'; word += skip != 0 ? skip : 1) {
		skip = no_text(word);
		slashes = *word == '\\' ? slashes + 1 : 0;
		*p++ = skip != 0 ? '?' : *word;
	}
	memset(p, '\\', slashes);	/* before the " they would be read by twos */
	p[slashes] = '"';
	return out;
}
