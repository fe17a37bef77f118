#include "smartermail_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "buf.h"
#include "rd.h"
#include "sys.h"

#define SETTINGS_MAX ((size_t)4 << 20)
#define WINDOW ((size_t)64 * 1024)
#define PATH_LENGTH_MAX ((size_t)1000)
#define PLACES_MAX 32

typedef void found(void *arg, const char *dir);

/* ---- by the program's path ---- */

static int
has_drive(const char *path)
{
	return ((path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z')) && path[1] == ':' && path[2] == '/';
}

void
smartermail_places(found *fn, void *arg, const char *image)
{
	/* Help pages and notes of admins: the default of 8 to 100.x, of 16.x, and one seen moved below Domains. */
	static const char *const on_drive[] = { "/SmarterMail/Spool", "/SmarterMail16/Spool", "/SmarterMail/Domains/Spool" };
	char drive[64];
	struct buf b;
	size_t i, n = strlen(image), up;

	buf_init(&b, PATH_LENGTH_MAX + 32);
	/* "…/Service/MailService.exe": beside the program, and beside its folder */
	for (up = 0; up < 2; up++) {
		while (n > 0 && image[n - 1] != '/')
			n--;
		if (n <= 1 || n > PATH_LENGTH_MAX)
			break;
		n--;
		buf_clear(&b);
		buf_add(&b, image, n);
		buf_puts(&b, "/Spool");
		fn(arg, buf_cstr(&b));
	}
	buf_free(&b);
	for (i = 0; has_drive(image) && i < sizeof on_drive / sizeof on_drive[0]; i++) {
		snprintf(drive, sizeof drive, "%c:%s", image[0], on_drive[i]);
		fn(arg, drive);
	}
}

/* ---- by the settings ---- */

static int
is_spool_path(const char *s, size_t n)
{
	static const char spool[] = "spool";
	size_t i, k;

	if (n < 3 || !(has_drive(s) || s[0] == '/'))
		return 0;
	for (i = 0; i + 5 <= n; i++) {
		for (k = 0; k < 5 && (s[i + k] | 0x20) == spool[k]; k++)
			;
		if (k == 5)
			return 1;
	}
	return 0;
}

/* The bytes between two delimiters, with JSON's doubled backslashes undone and every separator as '/'. */
static size_t
clean(char out[PATH_LENGTH_MAX + 1], const char *s, size_t n)
{
	size_t i, len = 0;

	for (i = 0; i < n && len < PATH_LENGTH_MAX; i++) {
		if (s[i] == '\0')
			return 0;
		if (s[i] == '\\' && i + 1 < n && (s[i + 1] == '\\' || s[i + 1] == '/'))
			i++;
		out[len++] = s[i] == '\\' ? '/' : s[i];
	}
	while (len > 3 && out[len - 1] == '/')
		len--;
	out[len] = '\0';
	return i == n ? len : 0;
}

void
smartermail_setting_places(found *fn, void *arg, const char *text, size_t n)
{
	char path[PATH_LENGTH_MAX + 1];
	size_t i, from = 0;
	int told = 0, is_value;

	for (i = 0; i < n && told < PLACES_MAX; i++) {
		if (text[i] != '"' && text[i] != '<' && text[i] != '>')
			continue;
		is_value = from > 0 && (text[i] == '"' ? text[from - 1] == '"' : text[i] == '<' && text[from - 1] == '>');
		if (is_value && i - from <= 2 * PATH_LENGTH_MAX && is_spool_path(path, clean(path, text + from, i - from))) {
			fn(arg, path);
			told++;
		}
		from = i + 1;
	}
}

static void
one_file(found *fn, void *arg, struct sys_dir *d, const char *name)
{
	struct sys_file f = SYS_FILE_CLOSED;
	const unsigned char *s;
	unsigned char *window;
	struct sys_stat st;
	struct buf b;
	struct rd rd;
	size_t n;

	if (sys_open_at(&f, &st, d, name) != 0)
		return;
	window = mem_new(WINDOW);
	buf_init(&b, SETTINGS_MAX);
	rd_file(&rd, f, st.size < SETTINGS_MAX ? st.size : SETTINGS_MAX, window, WINDOW);
	while ((s = rd_some(&n, &rd, WINDOW)) != NULL && n != 0)
		buf_add(&b, s, n);
	sys_close(&f);
	smartermail_setting_places(fn, arg, buf_cstr(&b), b.n);
	buf_free(&b);
	free(window);
}

/* Current builds keep JSON in Service/Settings, those before 17 keep XML beside the program; on Linux it is /etc/smartermail. */
void
smartermail_settings(found *fn, void *arg, const char *image)
{
	struct sys_dir *d, *sub;
	const char *name;
	char *dir;

	if (image[0] == '\0')
		return;
	dir = sys_parent(image, &name);
	if (sys_dir_open(&d, dir, NULL) == 0) {
		one_file(fn, arg, d, "mailConfig.xml");
		if (sys_dir_sub(&sub, d, "Settings", NULL) == 0) {
			one_file(fn, arg, sub, "settings.json");
			sys_dir_close(sub);
		}
		sys_dir_close(d);
	}
	free(dir);
	if (image[0] == '/' && sys_dir_open(&d, "/etc/smartermail", NULL) == 0) {
		one_file(fn, arg, d, "settings.json");
		sys_dir_close(d);
	}
}
