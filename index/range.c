#include "index/range.h"

#include <math.h>
#include <string.h>

#define DIGITS 15	/* so many are exact in a double */

static const struct unit {
	enum range_unit of;
	const char *name;
	double factor;
} units[] = {
	{ RANGE_NUMBER, "", 1 },
	{ RANGE_SECONDS, "", 1 }, { RANGE_SECONDS, "s", 1 }, { RANGE_SECONDS, "m", 60 }, { RANGE_SECONDS, "min", 60 },
	{ RANGE_SECONDS, "h", 3600 }, { RANGE_SECONDS, "d", 86400 }, { RANGE_SECONDS, "w", 7 * 86400 },
	/* as the selectors and GNU tools have it: k, K and KiB are 1024, kB is 1000 */
	{ RANGE_BYTES, "", 1 }, { RANGE_BYTES, "B", 1 },
	{ RANGE_BYTES, "k", 1024 }, { RANGE_BYTES, "K", 1024 }, { RANGE_BYTES, "KiB", 1024 }, { RANGE_BYTES, "kB", 1e3 },
	{ RANGE_BYTES, "M", 1048576 }, { RANGE_BYTES, "MiB", 1048576 }, { RANGE_BYTES, "MB", 1e6 },
	{ RANGE_BYTES, "G", 1073741824 }, { RANGE_BYTES, "GiB", 1073741824 }, { RANGE_BYTES, "GB", 1e9 },
	{ RANGE_BYTES, "T", 1099511627776 }, { RANGE_BYTES, "TiB", 1099511627776 }, { RANGE_BYTES, "TB", 1e12 },
	{ RANGE_PERCENT, "", 1 }, { RANGE_PERCENT, "%", 1 }
};

const char *
range_uom(enum range_unit unit)
{
	static const char *const uom[] = { "", "s", "B", "%" };

	return uom[unit];
}

static int
unit_of(double *factor, const char *name, size_t n, enum range_unit unit)
{
	size_t i;

	for (i = 0; i < sizeof units / sizeof units[0]; i++)
		if (units[i].of == unit && strlen(units[i].name) == n && memcmp(units[i].name, name, n) == 0) {
			*factor = units[i].factor;
			return 0;
		}
	return -1;
}

/* n bytes: digits, perhaps a point and digits, a unit. */
static int
number(double *out, const char *s, size_t n, enum range_unit unit)
{
	double v = 0, scale = 1, factor;
	size_t i, digits = 0;
	int point = 0;

	for (i = 0; i < n && ((s[i] >= '0' && s[i] <= '9') || (s[i] == '.' && !point && digits > 0)); i++) {
		if (s[i] == '.') {
			point = 1;
			continue;
		}
		if (++digits > DIGITS)
			return -1;
		v = v * 10 + (s[i] - '0');
		scale *= point ? 10 : 1;
	}
	if (digits == 0 || s[i - 1] == '.' || unit_of(&factor, s + i, n - i, unit) < 0)
		return -1;
	*out = v / scale * factor;
	return 0;
}

static int
signed_number(double *out, const char *s, size_t n, enum range_unit unit)
{
	int minus = n > 0 && s[0] == '-';

	if (number(out, s + minus, n - (size_t)minus, unit) < 0)
		return -1;
	if (minus)
		*out = -*out;
	return 0;
}

int
range_number(double *out, const char *text, enum range_unit unit)
{
	return number(out, text, strlen(text), unit);
}

/* Both ends of a text that is not empty. */
static int
ends(struct range *r, const char *s, enum range_unit unit)
{
	const char *colon = strchr(s, ':'), *hi = colon != NULL ? colon + 1 : s;
	size_t n = colon != NULL ? (size_t)(colon - s) : 0;

	r->lo = 0;
	r->hi = HUGE_VAL;
	if (n == 1 && s[0] == '~')
		r->lo = -HUGE_VAL;
	else if (n > 0 && signed_number(&r->lo, s, n, unit) < 0)
		return -1;
	if (*hi != '\0' ? signed_number(&r->hi, hi, strlen(hi), unit) < 0 : n == 0)
		return -1;
	return r->lo <= r->hi ? 0 : -1;
}

int
range_parse(struct range *out, const char *text, enum range_unit unit)
{
	struct range r = { 1, 0, 0, 0 };

	memset(out, 0, sizeof *out);
	if (*text == '\0')
		return 0;
	if (*text == '@') {
		r.is_inside = 1;
		text++;
	}
	if (ends(&r, text, unit) < 0)
		return -1;
	*out = r;
	return 0;
}

int
range_alerts(const struct range *r, double v)
{
	return r->is_on && (v >= r->lo && v <= r->hi) == r->is_inside;
}

int
range_alerts_from(const struct range *r, double at_least)
{
	if (!r->is_on)
		return 0;
	return r->is_inside ? at_least >= r->lo && r->hi == HUGE_VAL : at_least > r->hi;
}

/* In the largest unit that leaves no rest, of those that one would type. */
static void
put_number(struct buf *b, double v, enum range_unit unit)
{
	static const struct unit words[] = {
		{ RANGE_SECONDS, "d", 86400 }, { RANGE_SECONDS, "h", 3600 }, { RANGE_SECONDS, "m", 60 }, { RANGE_SECONDS, "s", 1 },
		{ RANGE_BYTES, "TiB", 1099511627776 }, { RANGE_BYTES, "GiB", 1073741824 }, { RANGE_BYTES, "MiB", 1048576 },
		{ RANGE_BYTES, "KiB", 1024 }, { RANGE_PERCENT, "%", 1 }
	};
	size_t i;

	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (words[i].of == unit && v != 0 && fmod(v, words[i].factor) == 0) {
			buf_fmt(b, "%.15g%s", v / words[i].factor, words[i].name);
			return;
		}
	buf_fmt(b, "%.15g", v);
}

void
range_words(struct buf *b, const struct range *r, enum range_unit unit)
{
	if (!r->is_on)
		return;
	if (r->is_inside)
		buf_byte(b, '@');
	if (r->lo == -HUGE_VAL)
		buf_puts(b, "~:");
	else if (r->lo != 0 || r->hi == HUGE_VAL) {
		put_number(b, r->lo, unit);
		buf_byte(b, ':');
	}
	if (r->hi != HUGE_VAL)
		put_number(b, r->hi, unit);
}

void
range_text(struct buf *b, const struct range *r)
{
	range_words(b, r, RANGE_NUMBER);
}
