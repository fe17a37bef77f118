#ifndef SPOOL_SMARTERMAIL_PLACE_H
#define SPOOL_SMARTERMAIL_PLACE_H
/*
 * Where SmarterMail's spool may be, judged by where its program is: the path is a
 * setting whose key is not published, so the settings' texts are searched for
 * paths that look like a spool's, and the known defaults follow. Every place is only a
 * candidate; smartermail_probe says what is there. Paths use '/' between components.
 */
#include <stddef.h>

/* Calls fn for each place that the program's own path suggests; image may be "". Looks at no file. */
void smartermail_places(void (*fn)(void *arg, const char *dir), void *arg, const char *image);

/* Calls fn for each absolute path with "spool" in it that stands between quotes or angle brackets in a text of settings (JSON or
 * XML), at most 32 of them. Any bytes. */
void smartermail_setting_places(void (*fn)(void *arg, const char *dir), void *arg, const char *text, size_t n);

/* The same for the settings files beside the program. What cannot be read gives nothing. */
void smartermail_settings(void (*fn)(void *arg, const char *dir), void *arg, const char *image);

#endif
