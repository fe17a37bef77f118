/* What cmocka wants before it, once. */
#ifndef UNIT_H
#define UNIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* Whether files have mode bits; another system says otherwise ahead of this. */
#ifndef UNIT_MODES
#define UNIT_MODES 1
#endif

/* Whether a name may be of any bytes but '/', and its case counts. */
#ifndef UNIT_NAMES
#define UNIT_NAMES 1
#endif

#define unit_needs(what) do { if (!(what)) { print_message("# skipped: needs " #what "\n"); skip(); } } while (0)
#endif
