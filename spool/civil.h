#ifndef SPOOL_CIVIL_H
#define SPOOL_CIVIL_H
/* Civil time to UTC, for sys_zone_utc of all systems: what they know is how far a zone is ahead of UTC at an instant. */
#include <stdint.h>

struct civil {
	int year, month, day, hour, min, second;	/* month 1-12; second up to 60 */
};

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
int64_t civil_days(int year, int month, int day);

/* offset_at tells the seconds that a zone is ahead of UTC at an instant: 0, or -1. An hour that comes twice is read as the first, one that
 * was skipped as if the clock had not been changed yet. 0, or -1 when there is no such time. */
int civil_utc(int64_t *sec, const struct civil *c, int (*offset_at)(int64_t *off, const void *zone, int64_t t), const void *zone);

#endif
