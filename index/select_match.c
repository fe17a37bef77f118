/*
 * Texts against patterns. A text is compared case-folded, an address also with
 * its domain in both spellings of IDNA and without quotes that it does not need.
 * Texts come from strangers, so nothing here may take exponential time: wildcards
 * go back to the last star only, PCRE2 has limits, and reaching one is an error.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "index/select_in.h"
#include "spool/addr.h"
#include "spool/sys.h"

/* Far above what an honest expression needs on a subject, far below a second of work. */
#define MATCH_LIMIT 1000000
#define DEPTH_LIMIT 100000
#define HEAP_LIMIT_KIB (32 * 1024)

#define DOMAIN_BYTES 1024

struct matcher {
	struct arena scratch;
	pcre2_match_context *limits;
	pcre2_match_data *data;
};

struct forms {
	const char *v[3];
	size_t n;
};

static char *
copy(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(mem_new(n), s, n);
}

struct matcher *
matcher_new(void)
{
	struct matcher *m = mem_new(sizeof *m);

	m->limits = pcre2_match_context_create(NULL);
	m->data = pcre2_match_data_create(1, NULL);
	if (m->limits == NULL || m->data == NULL)
		abort();	/* out of memory: any point is safe to die at */
	pcre2_set_match_limit(m->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(m->limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(m->limits, HEAP_LIMIT_KIB);
	return m;
}

void
matcher_free(struct matcher *m)
{
	if (m == NULL)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->limits);
	arena_free(&m->scratch);
	free(m);
}

/* Most texts are plain ASCII: their only spelling is lower case, and that needs no library. */
static int
is_plain(const char *s, enum text_form form)
{
	char last = '\0';

	for (; *s != '\0'; last = *s++)
		if ((unsigned char)*s >= 0x80 ||
		    (form != FORM_TEXT && (*s == '"' || (s[0] == '-' && s[1] == '-'))))	/* "xn--" */
			return 0;
	return form == FORM_TEXT || last != '.';
}

static char *
ascii_lower(struct arena *a, const char *s)
{
	char *out = arena_str(a, s), *p;

	for (p = out; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	return out;
}

static const char *
address_unicode(struct arena *a, const char *key)
{
	const char *domain = addr_domain(key);
	char out[DOMAIN_BYTES];

	if (domain == NULL || sys_idn_unicode(out, sizeof out, domain) < 0)
		return NULL;
	return arena_fmt(a, "%.*s%s", (int)(domain - key), key, out);
}

static void
add_form(struct forms *f, const char *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < f->n; i++)
		if (strcmp(f->v[i], s) == 0)
			return;
	f->v[f->n++] = s;
}

static void
forms_of(struct forms *f, struct arena *a, const char *text, enum text_form form)
{
	char other[DOMAIN_BYTES];
	const char *key;

	f->n = 0;
	if (is_plain(text, form)) {
		add_form(f, ascii_lower(a, text));
		return;
	}
	add_form(f, addr_fold(a, text));
	if (form == FORM_ADDRESS) {
		key = addr_key(a, text);
		add_form(f, key);
		add_form(f, address_unicode(a, key));
	} else if (form == FORM_DOMAIN) {
		if (sys_idn_ascii(other, sizeof other, f->v[0]) == 0)
			add_form(f, arena_str(a, other));
		if (sys_idn_unicode(other, sizeof other, f->v[0]) == 0)
			add_form(f, arena_str(a, other));
	}
}

static int
compile(struct pattern *out, const char *expr, struct err *e)
{
	pcre2_compile_context *cc = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR why[160];
	PCRE2_SIZE at;
	int code;

	/* \C would let a match begin inside a character; invalid UTF-8 in a path simply does not match. */
	out->re = pcre2_compile((PCRE2_SPTR)expr, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS |
	    PCRE2_NEVER_BACKSLASH_C | PCRE2_MATCH_INVALID_UTF, &code, &at, cc);
	pcre2_compile_context_free(cc);
	if (out->re != NULL)
		return 0;
	if (pcre2_get_error_message(code, why, sizeof why) < 0)
		why[0] = '\0';
	return err_set(e, 0, "re:%s: byte %zu: %s", expr, (size_t)at, (const char *)why);
}

int
pattern_make(struct pattern *out, const char *value, enum text_form form, struct err *e)
{
	char ascii[DOMAIN_BYTES];
	struct arena a = { 0 };
	const char *other = NULL;

	memset(out, 0, sizeof *out);
	if (strncmp(value, "re:", 3) == 0) {
		out->type = PATTERN_REGEX;
		return compile(out, value + 3, e);
	}
	out->type = strpbrk(value, "*?") != NULL ? PATTERN_GLOB : PATTERN_EXACT;
	out->folded = copy(addr_fold(&a, value));
	if (form == FORM_ADDRESS)
		other = addr_key(&a, value);
	else if (form == FORM_DOMAIN && sys_idn_ascii(ascii, sizeof ascii, out->folded) == 0)
		other = ascii;
	if (other != NULL && strcmp(other, out->folded) != 0)
		out->ascii = copy(other);
	arena_free(&a);
	return 0;
}

void
pattern_free(struct pattern *p)
{
	free(p->folded);
	free(p->ascii);
	pcre2_code_free(p->re);
	memset(p, 0, sizeof *p);
}

static const char *
next_char(const char *s)
{
	s++;
	while (((unsigned char)*s & 0xC0) == 0x80)
		s++;
	return s;
}

int
glob_match(const char *p, const char *s)
{
	const char *star = NULL, *from = NULL;

	while (*s != '\0') {
		if (*p == '*') {
			star = ++p;
			from = s;
		} else if (*p == '?') {
			p++;
			s = next_char(s);
		} else if (*p == *s) {
			p++;
			s++;
		} else if (star != NULL) {
			/* An earlier star need not be tried again: what it can take, the last one can take too. */
			p = star;
			s = from = next_char(from);
		} else {
			return 0;
		}
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

static int
regex_one(const struct pattern *p, struct matcher *m, const char *text, struct err *e)
{
	PCRE2_UCHAR why[160];
	int rc = pcre2_match(p->re, (PCRE2_SPTR)text, strlen(text), 0, 0, m->data, m->limits);

	if (rc >= 0)
		return 1;
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (pcre2_get_error_message(rc, why, sizeof why) < 0)
		why[0] = '\0';
	return err_set(e, 0, "a regular expression was given up on a text of %zu bytes (%s): "
	    "whether it matches is not known, use a simpler expression", strlen(text), (const char *)why);
}

static int
plain_one(const struct pattern *p, const char *text)
{
	if (p->type == PATTERN_GLOB)
		return glob_match(p->folded, text) || (p->ascii != NULL && glob_match(p->ascii, text));
	return strcmp(p->folded, text) == 0 || (p->ascii != NULL && strcmp(p->ascii, text) == 0);
}

int
pattern_match(const struct pattern *p, struct matcher *m, const char *text, enum text_form form, struct err *e)
{
	struct forms f;
	size_t i;
	int rc = 0;

	if (p->type == PATTERN_REGEX && (rc = regex_one(p, m, text, e)) != 0)
		return rc;
	if (p->type == PATTERN_REGEX && form == FORM_TEXT)
		return 0;
	arena_reset(&m->scratch);
	forms_of(&f, &m->scratch, text, form);
	/* A regular expression has seen the text itself; the first form differs from it only in case. */
	for (i = p->type == PATTERN_REGEX ? 1 : 0; i < f.n && rc == 0; i++)
		rc = p->type == PATTERN_REGEX ? regex_one(p, m, f.v[i], e) : plain_one(p, f.v[i]);
	return rc;
}
