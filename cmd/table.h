#ifndef CMD_TABLE_H
#define CMD_TABLE_H
/*
 * Tables for people: columns by display width, numbers to the right. Rows are
 * kept until 16 MiB are there, so that widths fit all of them; what comes later
 * uses the widths found by then. On a terminal text columns are cut and, when
 * that is not enough, columns are left out in the order of `drop`; elsewhere nothing is
 * cut. Texts are made inert on their way in.
 */
#include "cmd/out.h"

#define TABLE_COLUMNS 16

enum table_colour { TABLE_PLAIN, TABLE_RED, TABLE_YELLOW, TABLE_GREEN };

struct table_column {
	const char *title;
	int is_number;		/* to the right, never cut */
	size_t min;		/* text: the least width it is cut to */
	int drop;		/* left out on a narrow terminal, highest first; 0 never */
};

struct table {
	struct out *o;
	const struct table_column *col;
	size_t ncol, at, nrows;
	size_t width[TABLE_COLUMNS];	/* natural, then as shown */
	int dropped[TABLE_COLUMNS];
	int laid;			/* widths are final, the heading is out */
	struct buf rows;		/* waiting rows, see table.c */
};

void table_init(struct table *t, struct out *o, const struct table_column *col, size_t ncol);
void table_cell(struct table *t, const char *s);		/* NULL: "-" */
void table_colour(struct table *t, enum table_colour colour, const char *s);
void table_number(struct table *t, int64_t v);			/* negative: "-" */
void table_row(struct table *t);

/* A line of its own below the row, indented, never cut. */
void table_note(struct table *t, const char *s);

/* Writes what waits; the heading only when there was a row. Frees. */
void table_end(struct table *t);

#endif
