/* Domains of sys.h, by libidn2 on every system: IDNA 2008 with the non-transitional mappings of UTS 46. */
#include "spool/sys.h"

#include <idn2.h>
#include <string.h>

/* A result of libidn2, freed here. */
static int
take(char *out, size_t max, int rc, char *got)
{
	int ok = rc == IDN2_OK && strlen(got) < max;

	if (ok)
		memcpy(out, got, strlen(got) + 1);
	idn2_free(got);
	return ok ? 0 : -1;
}

int
sys_idn_unicode(char *out, size_t max, const char *ascii)
{
	char *u = NULL;
	int rc = idn2_to_unicode_8z8z(ascii, &u, IDN2_NONTRANSITIONAL);

	return take(out, max, rc, u);
}

int
sys_idn_ascii(char *out, size_t max, const char *domain)
{
	char *a = NULL;
	int rc = idn2_to_ascii_8z(domain, &a, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

	return take(out, max, rc, a);
}

int
sys_idn_symbols(char *out, size_t max, const char *domain)
{
	char *a = NULL;
	int rc = idn2_to_ascii_8z(domain, &a, IDN2_NFC_INPUT | IDN2_TRANSITIONAL);	/* the one mode of libidn2 without the letters of 2008 */

	return take(out, max, rc, a);
}
