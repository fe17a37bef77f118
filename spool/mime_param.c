#include "mime_param.h"

#include <string.h>

#include "ascii.h"
#include "buf.h"
#include "head.h"
#include "words.h"

#define NAME_MAX 64
#define TEXT_MAX ((size_t)64 * 1024)

/* Behind a comment that begins at p[i]; where none is closed the rest of the value is one. */
static size_t
skip_comment(const char *p, size_t n, size_t i)
{
	int depth = 0;

	for (; i < n; i++) {
		if (p[i] == '\\')
			i++;
		else if (p[i] == '(')
			depth++;
		else if (p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return n;
}

static size_t
skip_blanks(const char *p, size_t n, size_t i)
{
	while (i < n && ascii_is_blank(p[i]))
		i++;
	return i;
}

/* A quoted string that begins at p[i]; one left open goes to the end. Returns the place behind it. A backslash before anything but a quote or
 * itself stays: names with C:\dir are not escaped by who writes them. */
static size_t
quoted(struct buf *out, const char *p, size_t n, size_t i)
{
	for (i++; i < n && p[i] != '"'; i++) {
		if (p[i] == '\\' && i + 1 < n && (p[i + 1] == '"' || p[i + 1] == '\\'))
			i++;
		buf_byte(out, p[i]);
	}
	return i < n ? i + 1 : n;
}

/* A value up to its ";": quoted, or as it stands without blanks at its ends. */
static size_t
take_text(struct buf *out, const char *p, size_t n, size_t i)
{
	i = skip_blanks(p, n, i);
	if (i < n && p[i] == '"') {
		i = quoted(out, p, n, i);
		while (i < n && p[i] != ';')
			i++;
		return i;
	}
	for (; i < n && p[i] != ';'; i++)
		buf_byte(out, p[i]);
	while (out->n > 0 && ascii_is_blank(out->p[out->n - 1]))
		out->n--;
	return i;
}

/* "filename*12*": the sections of RFC 2231. */
static void
split_name(struct mime_param *p, char *name)
{
	char *star = strchr(name, '*');
	int v = 0, digits = 0;

	p->section = -1;
	p->name = name;
	if (star == NULL)
		return;
	*star++ = '\0';
	for (; *star >= '0' && *star <= '9' && digits < 4; star++, digits++)
		v = v * 10 + (*star - '0');
	if (digits > 0)
		p->section = v;
	p->is_encoded = digits == 0 || *star == '*';
}

static size_t
take_param(struct mime_value *out, struct arena *a, struct buf *text, const char *p, size_t n, size_t i)
{
	struct mime_param *m = &out->v[out->n];
	char name[NAME_MAX];
	size_t len = 0;

	i = skip_blanks(p, n, i);
	for (; i < n && p[i] != '=' && p[i] != ';'; i++)
		if (!ascii_is_blank(p[i]) && len + 1 < sizeof name)
			name[len++] = ascii_lower(p[i]);
	name[len] = '\0';
	if (i == n || p[i] == ';' || len == 0)
		while (i < n && p[i] != ';')
			i++;
	if (i == n || p[i] == ';')
		return i;
	buf_clear(text);
	i = take_text(text, p, n, i + 1);
	if (out->n == MIME_PARAMS_MAX) {
		out->is_cut = 1;
		return i;
	}
	memset(m, 0, sizeof *m);
	split_name(m, arena_dup(a, name, len));
	m->text = arena_dup(a, text->n != 0 ? text->p : "", text->n);
	m->n = text->n;
	out->n++;
	return i;
}

void
mime_value_parse(struct mime_value *out, struct arena *a, const char *p, size_t n)
{
	struct buf b;
	size_t i = 0;

	out->n = 0;
	out->is_cut = 0;
	buf_init(&b, n + 1);
	while (i < n && p[i] != ';') {
		if (p[i] == '(') {
			i = skip_comment(p, n, i);
			continue;
		}
		if (!ascii_is_blank(p[i]) && p[i] != '"' && p[i] != '\0')
			buf_byte(&b, ascii_lower(p[i]));
		i++;
	}
	out->word = head_text(a, b.n != 0 ? b.p : "", b.n, NULL);
	while (i < n)
		i = take_param(out, a, &b, p, n, i + 1);
	buf_free(&b);
}

static const struct mime_param *
find(const struct mime_value *v, const char *name, int section, int is_encoded)
{
	size_t i;

	for (i = 0; i < v->n; i++)
		if (v->v[i].section == section && strcmp(v->v[i].name, name) == 0 && (is_encoded < 0 || v->v[i].is_encoded == is_encoded))
			return &v->v[i];
	return NULL;
}

static void
add_percent(struct buf *out, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] == '%' && n - i > 2 && ascii_hex(p[i + 1]) >= 0 && ascii_hex(p[i + 2]) >= 0) {
			buf_byte(out, ascii_hex(p[i + 1]) << 4 | ascii_hex(p[i + 2]));
			i += 2;
		} else {
			buf_byte(out, p[i]);
		}
	}
}

/* charset'language'text: what stands before the second quote, taken off. */
static void
take_charset(char *charset, size_t max, const char **p, size_t *n)
{
	const char *one = memchr(*p, '\'', *n), *two;
	size_t i, len;

	charset[0] = '\0';
	two = one != NULL ? memchr(one + 1, '\'', *n - (size_t)(one + 1 - *p)) : NULL;
	if (two == NULL)
		return;
	len = (size_t)(one - *p);
	for (i = 0; i < len && i + 1 < max; i++)
		charset[i] = ascii_lower((*p)[i]);
	charset[i] = '\0';
	*n -= (size_t)(two + 1 - *p);
	*p = two + 1;
}

static void
add_section(struct buf *out, char *charset, size_t max, const struct mime_param *m)
{
	const char *p = m->text;
	size_t n = m->n;

	if (!m->is_encoded) {
		buf_add(out, p, n);
		return;
	}
	if (m->section <= 0)
		take_charset(charset, max, &p, &n);
	add_percent(out, p, n);
}

/* Joins name*0, name*1 … into out. The charset is that of the first one; 1: one of them is encoded. */
static int
join(struct buf *out, char *charset, size_t max, const struct mime_value *v, const char *name)
{
	const struct mime_param *m;
	int i, is_encoded = 0;

	for (i = 0; (m = find(v, name, i, -1)) != NULL; i++) {
		is_encoded |= m->is_encoded;
		add_section(out, charset, max, m);
	}
	return is_encoded;
}

const char *
mime_value_raw(size_t *n, const struct mime_value *v, struct arena *a, const char *name)
{
	const struct mime_param *m = find(v, name, -1, -1);
	char charset[NAME_MAX] = "";
	const char *s;
	struct buf b;
	size_t len;

	if (n == NULL)
		n = &len;
	if (m != NULL && !m->is_encoded) {
		*n = m->n;
		return m->text;
	}
	if (m == NULL && find(v, name, 0, -1) == NULL)
		return NULL;
	buf_init(&b, TEXT_MAX);
	if (m != NULL)
		add_section(&b, charset, sizeof charset, m);
	else
		join(&b, charset, sizeof charset, v, name);
	*n = b.n;
	s = arena_dup(a, b.n != 0 ? b.p : "", b.n);
	buf_free(&b);
	return s;
}

const char *
mime_value_text(const struct mime_value *v, struct arena *a, const char *name)
{
	const struct mime_param *m = find(v, name, -1, 1);
	char charset[NAME_MAX] = "";
	struct buf b, text;
	const char *s;
	int is_encoded = 1;

	if (m == NULL && find(v, name, 0, -1) == NULL) {
		m = find(v, name, -1, 0);
		return m != NULL ? head_decode(a, m->text, m->n, NULL) : NULL;
	}
	buf_init(&b, TEXT_MAX);
	if (m != NULL)
		add_section(&b, charset, sizeof charset, m);
	else
		is_encoded = join(&b, charset, sizeof charset, v, name);
	if (is_encoded && charset[0] != '\0') {
		buf_init(&text, TEXT_MAX * 6 + 64);
		text_add_charset(&text, charset, b.n != 0 ? b.p : "", b.n);
		s = text_nfc(a, text.n != 0 ? text.p : "", text.n, 0);
		buf_free(&text);
	} else {
		s = head_decode(a, b.n != 0 ? b.p : "", b.n, NULL);
	}
	buf_free(&b);
	return s;
}
