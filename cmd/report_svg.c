/*
 * The timeline as SVG: a bar a bucket, the accounts stacked in it. Colours come from
 * the page's style sheet by class; sizes are attributes, which no policy forbids. Wide
 * for a screen, narrow for a phone: the page shows one of them.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd/report_out.h"
#include "spool/arena.h"

#define MINUTE INT64_C(60000000)
#define DAY (1440 * MINUTE)
#define TOP 10
#define BOTTOM 38
#define LEFT 54
#define RIGHT 22

struct chart {
	struct buf *b;
	const struct report_timeline *t;
	int64_t width, height, most;	/* of the whole picture; most: of the vertical axis */
	int64_t labels;			/* at most so many on the axis of time */
	struct arena arena;
};

/* A round number that is not far above. */
static int64_t
nice_most(int64_t most)
{
	static const int64_t of[] = { 2, 3, 4, 5, 6, 8, 10 };
	int64_t power = 1;
	size_t i;

	for (;; power *= 10)
		for (i = 0; i < sizeof of / sizeof of[0]; i++)
			if (of[i] * power >= most)
				return of[i] * power;
}

/* Tenths of a unit of the picture. */
static int64_t
x_of(const struct chart *c, int64_t bucket)
{
	return LEFT * 10 + (c->width - LEFT - RIGHT) * 10 * bucket / (int64_t)c->t->buckets;
}

static int64_t
y_of(const struct chart *c, int64_t messages)
{
	return (c->height - BOTTOM) * 10 - (c->height - BOTTOM - TOP) * 10 * messages / c->most;
}

static void
number(struct buf *b, const char *attribute, int64_t tenths)
{
	if (tenths % 10 != 0)
		buf_fmt(b, " %s=\"%" PRId64 ".%" PRId64 "\"", attribute, tenths / 10, tenths % 10);
	else
		buf_fmt(b, " %s=\"%" PRId64 "\"", attribute, tenths / 10);
}

static void
label(struct chart *c, int64_t x, int64_t y, const char *anchor, const char *text)
{
	buf_fmt(c->b, "<text class=\"%s\"", anchor);
	number(c->b, "x", x);
	number(c->b, "y", y);
	buf_fmt(c->b, ">%s</text>", text);
}

/* Into how many whole steps its first digit parts it. */
static int64_t
grid_steps(int64_t most)
{
	while (most > 10)
		most /= 10;
	return most == 6 ? 3 : most == 8 ? 4 : most == 10 ? 5 : most;
}

static void
grid(struct chart *c)
{
	int64_t i, y, steps = grid_steps(c->most);

	for (i = 0; i <= steps; i++) {
		y = y_of(c, c->most * i / steps);
		buf_puts(c->b, "<line class=\"grid\"");
		number(c->b, "x1", LEFT * 10);
		number(c->b, "x2", (c->width - RIGHT) * 10);
		number(c->b, "y1", y);
		number(c->b, "y2", y);
		buf_puts(c->b, "/>");
		label(c, (LEFT - 6) * 10, y + 40, "end", rank_number(&c->arena, c->most * i / steps));
	}
}

/* "12:30", and below it the day where it is a new one; days alone when they are the step. */
static void
time_label(struct chart *c, int64_t at, int64_t step, int64_t *day)
{
	static const char *const month[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t x = x_of(c, 0) + (c->width - LEFT - RIGHT) * 10 * ((at - c->t->from) / MINUTE) /
	    ((int64_t)c->t->buckets * c->t->width / MINUTE), y = (c->height - BOTTOM) * 10;
	char text[40];
	const char *date;
	int m;

	if (text_time(text, at / 1000000, 0, 0, 0) == NULL)
		return;
	buf_puts(c->b, "<line class=\"tick\"");
	number(c->b, "x1", x);
	number(c->b, "x2", x);
	number(c->b, "y1", y);
	number(c->b, "y2", y + 40);
	buf_puts(c->b, "/>");
	m = (text[5] - '0') * 10 + text[6] - '0';
	date = arena_fmt(&c->arena, "%s %d", month[m >= 1 && m <= 12 ? m - 1 : 0], (text[8] - '0') * 10 + text[9] - '0');
	text[16] = '\0';
	if (step < DAY)
		label(c, x, y + 160, "mid", text + 11);
	if (step >= DAY || at / DAY != *day)
		label(c, x, y + (step < DAY ? 300 : 160), "mid", date);
	*day = at / DAY;
}

static void
time_axis(struct chart *c)
{
	static const int minutes[] = { 1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2 * 1440, 7 * 1440, 14 * 1440, 30 * 1440, 90 * 1440 };
	int64_t span = (int64_t)c->t->buckets * c->t->width, step = 365 * DAY, at, day = INT64_MIN;
	size_t i;

	for (i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
		if (span / (minutes[i] * MINUTE) < c->labels) {
			step = minutes[i] * MINUTE;
			break;
		}
	}
	at = c->t->from - (c->t->from % step + step) % step;
	if (at < c->t->from)
		at += step;
	for (; at <= c->t->from + span; at += step)
		time_label(c, at, step, &day);
}

/* What a pointer over the bar tells. */
static void
title(struct chart *c, size_t bucket, int64_t sum)
{
	const struct report_timeline *t = c->t;
	char text[40];
	size_t i;
	const char *name;

	buf_puts(c->b, "<title>");
	if (text_time(text, (t->from + (int64_t)bucket * t->width) / 1000000, 0, 0, 0) != NULL)
		buf_fmt(c->b, "%.16s UTC: ", text);
	buf_fmt(c->b, "%s message%s", rank_number(&c->arena, sum), rank_plural(sum));
	for (i = 0; i < t->nseries; i++) {
		if (t->series[i].count[bucket] == 0)
			continue;
		name = t->series[i].is_rest ? "all others" : report_name(&c->arena, RANK_ACCOUNT, t->series[i].key, NULL);
		buf_puts(c->b, "; ");
		text_html(c->b, name, text_fit(name, strlen(name), 60));
		buf_fmt(c->b, " %s", rank_number(&c->arena, t->series[i].count[bucket]));
	}
	buf_puts(c->b, "</title>");
}

static void
bar(struct chart *c, size_t bucket)
{
	const struct report_timeline *t = c->t;
	int64_t sum = 0, x = x_of(c, (int64_t)bucket), width = x_of(c, (int64_t)bucket + 1) - x;
	size_t i;

	for (i = 0; i < t->nseries; i++)
		sum += t->series[i].count[bucket];
	if (sum == 0)
		return;
	buf_puts(c->b, "<g>");
	title(c, bucket, sum);
	for (sum = 0, i = 0; i < t->nseries; i++) {
		if (t->series[i].count[bucket] == 0)
			continue;
		buf_fmt(c->b, "<rect class=\"s%zu\"", t->series[i].is_rest ? REPORT_SERIES - 1 : i);
		number(c->b, "x", x + (width > 30 ? 5 : 0));
		number(c->b, "width", width > 30 ? width - 10 : width);
		number(c->b, "y", y_of(c, sum + t->series[i].count[bucket]));
		number(c->b, "height", y_of(c, sum) - y_of(c, sum + t->series[i].count[bucket]));
		buf_puts(c->b, "/>");
		sum += t->series[i].count[bucket];
	}
	buf_puts(c->b, "</g>");
}

void
report_svg(struct buf *b, const struct report_timeline *t, int is_wide)
{
	struct chart c = { .b = b, .t = t, .width = is_wide ? 900 : 360, .height = is_wide ? 280 : 250, .labels = is_wide ? 12 : 5 };
	size_t i;

	c.most = nice_most(t->most);
	buf_fmt(b, "<svg class=\"chart %s\" viewBox=\"0 0 %" PRId64 " %" PRId64 "\" role=\"img\" aria-label=\"Messages that arrived, by account\">",
	    is_wide ? "wide" : "narrow", c.width, c.height);
	grid(&c);
	for (i = 0; i < t->buckets; i++)
		bar(&c, i);
	time_axis(&c);
	buf_puts(b, "</svg>");
	arena_free(&c.arena);
}
