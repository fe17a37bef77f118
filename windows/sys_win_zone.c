/* The Windows half of sys.h: time zones. Windows keeps the rules, by year where they changed; IANA names are mapped (sys_win_zones.c). */
#include "windows/win.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"
#include "spool/civil.h"

#define FIRST 1980
#define YEARS 121

struct sys_zone {
	char *name;
	struct win_zone_year year[YEARS];
};

static struct win_rule
rule_of(const SYSTEMTIME *t)
{
	const struct win_rule r = { t->wYear, t->wMonth, t->wDayOfWeek, t->wDay, t->wHour, t->wMinute, t->wSecond };

	return r;
}

static void
year_of(struct win_zone_year *out, const TIME_ZONE_INFORMATION *t)
{
	out->standard = (int32_t)-(t->Bias + t->StandardBias) * 60;
	out->daylight = (int32_t)-(t->Bias + t->DaylightBias) * 60;
	out->to_standard = rule_of(&t->StandardDate);
	out->to_daylight = rule_of(&t->DaylightDate);
}

/* All years of a zone of the registry. -1: Windows knows none of this key. */
static int
load_years(struct sys_zone *z, DYNAMIC_TIME_ZONE_INFORMATION *key)
{
	TIME_ZONE_INFORMATION t;
	int i;

	for (i = 0; i < YEARS; i++) {
		if (!GetTimeZoneInformationForYear((USHORT)(FIRST + i), key, &t))
			return -1;
		year_of(&z->year[i], &t);
	}
	return 0;
}

static char *
copy(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(mem_new(n), s, n);
}

/* The machine's zone. One that has no key, or whose summer time is switched off, is what the clock says now. */
static void
load_machine(struct sys_zone *z)
{
	DYNAMIC_TIME_ZONE_INFORMATION now;
	TIME_ZONE_INFORMATION fixed;
	char iana[64], *key;
	int i;

	memset(&now, 0, sizeof now);
	GetDynamicTimeZoneInformation(&now);
	key = win_narrow(now.TimeZoneKeyName, wcsnlen(now.TimeZoneKeyName, 128));
	if (now.DynamicDaylightTimeDisabled || load_years(z, &now) < 0) {
		memset(&fixed, 0, sizeof fixed);
		fixed.Bias = now.Bias;
		fixed.StandardBias = now.StandardBias;
		fixed.DaylightBias = now.DaylightBias;
		if (!now.DynamicDaylightTimeDisabled) {
			fixed.StandardDate = now.StandardDate;
			fixed.DaylightDate = now.DaylightDate;
		}
		for (i = 0; i < YEARS; i++)
			year_of(&z->year[i], &fixed);
	}
	z->name = copy(win_zone_iana(iana, sizeof iana, key) == 0 ? iana : key[0] != '\0' ? key : "UTC");
	free(key);
}

static int
load_named(struct sys_zone *z, const char *name)
{
	DYNAMIC_TIME_ZONE_INFORMATION t;
	const char *key = win_zone_key(name);
	uint16_t *w;
	size_t n;
	int rc = -1;

	if (key == NULL || (w = win_wide(&n, key)) == NULL)
		return -1;
	memset(&t, 0, sizeof t);
	if (n < sizeof t.TimeZoneKeyName / sizeof t.TimeZoneKeyName[0]) {
		memcpy(t.TimeZoneKeyName, w, n * sizeof *w);
		rc = load_years(z, &t);
	}
	free(w);
	if (rc == 0)
		z->name = copy(name);
	return rc;
}

int
sys_zone_load(struct sys_zone **out, const char *name, struct err *e)
{
	struct sys_zone *z = mem_new(sizeof *z);

	if (name == NULL || name[0] == '\0') {
		load_machine(z);
	} else if (load_named(z, name) < 0) {
		free(z);
		return err_set(e, 0, "no such time zone: %s (IANA names such as Europe/Istanbul, or a key of \"tzutil /l\")", name);
	}
	*out = z;
	return 0;
}

void
sys_zone_free(struct sys_zone *z)
{
	if (z != NULL)
		free(z->name);
	free(z);
}

const char *
sys_zone_name(const struct sys_zone *z)
{
	return z->name;
}

static int
offset_at(int64_t *off, const void *zone, int64_t t)
{
	const struct sys_zone *z = zone;

	*off = win_zone_offset(z->year, YEARS, FIRST, t);
	return 0;
}

int
sys_zone_utc(int64_t *sec, const struct sys_zone *z, int year, int month, int day, int hour, int min, int second)
{
	const struct civil c = { year, month, day, hour, min, second };

	return civil_utc(sec, &c, offset_at, z);
}
