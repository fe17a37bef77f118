#include "civil.h"

/* Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant, "days_from_civil"). mktime would do it too, but it searches half
 * a century for a summer time that a zone never had: 100 us a message. */
int64_t
civil_days(int year, int month, int day)
{
	int y = year - (month <= 2), era = y / 400, yoe = y - era * 400;
	int doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return (int64_t)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int
is_civil(const struct civil *c)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);

	return c->year >= 1970 && c->year <= 9999 && c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= days[c->month - 1] &&
	    (c->month != 2 || c->day < 29 || leap) && c->hour >= 0 && c->hour <= 23 && c->min >= 0 && c->min <= 59 &&
	    c->second >= 0 && c->second <= 60;
}

int
civil_utc(int64_t *sec, const struct civil *c, int (*offset_at)(int64_t *off, const void *zone, int64_t t), const void *zone)
{
	int64_t civil, before, after, then;

	if (!is_civil(c))
		return -1;
	civil = civil_days(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->min * 60 + c->second;
	if (offset_at(&before, zone, civil - 86400) < 0 || offset_at(&after, zone, civil + 86400) < 0 ||
	    offset_at(&then, zone, civil - before) < 0)
		return -1;
	/* Near a change of the clock two instants are possible. The earlier offset gives the first of an hour that comes twice, and
	 * for one that was skipped the time as if the clock had not been changed yet; else the later one is in force already. */
	*sec = civil - before;
	if (then != before && offset_at(&then, zone, civil - after) == 0 && then == after)
		*sec = civil - after;
	return 0;
}
