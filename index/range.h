#ifndef INDEX_RANGE_H
#define INDEX_RANGE_H
/*
 * Threshold ranges of monitoring plugins (Monitoring Plugins Development
 * Guidelines, "Threshold and Ranges"): "10" is 0 to 10, "10:" 10 and more, "~:10"
 * up to 10, "10:20" between; a value outside alerts. "@10:20" alerts inside.
 * Both ends belong to the range. "" is off. Numbers have a unit that fits what is
 * measured: "90m", "5GiB", "80%", and are kept in seconds, bytes, per cent.
 */
#include "spool/buf.h"

enum range_unit { RANGE_NUMBER, RANGE_SECONDS, RANGE_BYTES, RANGE_PERCENT };

struct range {
	int is_on, is_inside;	/* inside: "@" */
	double lo, hi;		/* -HUGE_VAL, HUGE_VAL: open */
};

/* 0, or -1 when the text is no range of that unit; it is off then. */
int range_parse(struct range *out, const char *text, enum range_unit unit);

/* One number with its unit, not negative: "10", "1.5h". 0 or -1. */
int range_number(double *out, const char *text, enum range_unit unit);

int range_alerts(const struct range *r, double v);

/* Does every value from at_least on alert? */
int range_alerts_from(const struct range *r, double at_least);

/* The range as performance data have it, without units; nothing when it is off. */
void range_text(struct buf *b, const struct range *r);

/* The same for people, with units, as range_parse takes it: "6d", "1GiB:". */
void range_words(struct buf *b, const struct range *r, enum range_unit unit);

/* The unit of performance data: "s", "B", "%", "". */
const char *range_uom(enum range_unit unit);

#endif
