/* Rules of a time zone as Windows gives them, to offsets. See win_pure.h. */
#include "windows/win_pure.h"

#include "spool/civil.h"

#define DAY 86400

static int
year_of(int64_t days)
{
	int year = (int)(days * 400 / 146097) + 1970;

	while (civil_days(year, 1, 1) > days)
		year--;
	while (civil_days(year + 1, 1, 1) <= days)
		year++;
	return year;
}

static int
weekday_of(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);	/* 1970-01-01 was a Thursday */
}

/* Local seconds since 1970 at which a rule holds in a year. */
static int64_t
rule_time(const struct win_rule *r, int year)
{
	int64_t day, next;

	if (r->year != 0) {
		day = civil_days(r->year, r->month, r->day);
	} else {
		day = civil_days(year, r->month, 1);
		next = r->month == 12 ? civil_days(year + 1, 1, 1) : civil_days(year, r->month + 1, 1);
		day += (r->weekday - weekday_of(day) + 7) % 7 + 7 * ((r->day > 0 ? r->day : 1) - 1);
		while (day >= next)	/* the 5th is the last */
			day -= 7;
	}
	return day * DAY + r->hour * 3600 + r->minute * 60 + r->second;
}

int32_t
win_zone_offset(const struct win_zone_year *y, size_t n, int first, int64_t utc)
{
	int year = year_of((utc + y[0].standard) / DAY - ((utc + y[0].standard) % DAY < 0));
	const struct win_zone_year *at = &y[year < first ? 0 : (size_t)(year - first) < n ? (size_t)(year - first) : n - 1];
	int64_t summer, winter;
	int is_summer;

	if (at->to_daylight.month == 0 || at->to_standard.month == 0)
		return at->standard;
	summer = rule_time(&at->to_daylight, year) - at->standard;
	winter = rule_time(&at->to_standard, year) - at->daylight;
	is_summer = summer < winter ? utc >= summer && utc < winter : utc < winter || utc >= summer;
	return is_summer ? at->daylight : at->standard;
}
