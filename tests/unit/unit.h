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
#endif
