#include "html.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#include "ascii.h"

/* After the tokenizer of the HTML standard (section 13.2.5), which takes anything. */
enum state {
	TEXT, REF, TAG_OPEN, TAG_NAME, BEFORE_ATTR, ATTR_NAME, AFTER_ATTR, BEFORE_VALUE, VALUE, VALUE_REF,
	MARKUP, COMMENT, DECLARATION, RAW, RAW_OPEN
};

static int
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static int
is_letter(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static int
is_among(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (word[0] == (*list)[0] && strcmp(word, *list) == 0)
			return 1;
	return 0;
}

/* ---- text out ---- */

static void
flush(struct html *h)
{
	size_t n = h->nout, cut = n;

	/* a character stays whole: its lead byte and what follows wait */
	while (cut > 0 && n - cut < 3 && ((unsigned char)h->out[cut - 1] & 0xC0) == 0x80)
		cut--;
	if (cut > 0 && (unsigned char)h->out[cut - 1] >= 0xC0 && n - cut + 1 <
	    ((unsigned char)h->out[cut - 1] >= 0xF0 ? 4u : (unsigned char)h->out[cut - 1] >= 0xE0 ? 3u : 2u))
		n = cut - 1;
	if (n > 0)
		h->sink.text(h->sink.arg, h->out, n);
	memmove(h->out, h->out + n, h->nout - n);
	h->nout -= n;
}

static void
put(struct html *h, char c)
{
	if (h->nout == sizeof h->out)
		flush(h);
	h->out[h->nout++] = c;
}

static void
owe(struct html *h, int what)
{
	if (h->space < what)
		h->space = what;
}

static void
seen(struct html *h, char c)
{
	if (h->hidden[0] != '\0')
		return;
	if (is_space(c)) {
		owe(h, 1);
		return;
	}
	if (h->space == 1 || h->space == 2)
		put(h, h->space == 1 ? ' ' : '\n');
	h->space = 0;
	put(h, c);
}

static void
seen_all(struct html *h, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		seen(h, s[i]);
}

static void
tell_hidden(struct html *h, const char *p, size_t n)
{
	if (n != 0 && h->sink.hidden != NULL)
		h->sink.hidden(h->sink.arg, p, n);
}

static void
add_value(struct html *h, const char *s, size_t n)
{
	if (n > sizeof h->value - h->nvalue)
		n = sizeof h->value - h->nvalue;
	memcpy(h->value + h->nvalue, s, n);
	h->nvalue += n;
}

/* ---- character references ---- */

/* Latin letters, and what is used to hide a link or a word from filters. */
static const struct entity { const char *name; int32_t cp; } entities[] = {
	{ "AElig", 0xC6 }, { "AMP", '&' }, { "Aacute", 0xC1 }, { "Acirc", 0xC2 }, { "Agrave", 0xC0 }, { "Aring", 0xC5 }, { "Atilde", 0xC3 },
	{ "Auml", 0xC4 }, { "Ccedil", 0xC7 }, { "Eacute", 0xC9 }, { "Ecirc", 0xCA }, { "Egrave", 0xC8 }, { "Euml", 0xCB }, { "GT", '>' },
	{ "Iacute", 0xCD }, { "Icirc", 0xCE }, { "Igrave", 0xCC }, { "Iuml", 0xCF }, { "LT", '<' }, { "NewLine", '\n' },
	{ "NoBreak", 0x2060 }, { "Ntilde", 0xD1 }, { "OElig", 0x152 }, { "Oacute", 0xD3 }, { "Ocirc", 0xD4 }, { "Ograve", 0xD2 },
	{ "Oslash", 0xD8 }, { "Otilde", 0xD5 }, { "Ouml", 0xD6 }, { "QUOT", '"' }, { "Scaron", 0x160 }, { "Tab", '\t' },
	{ "Uacute", 0xDA }, { "Ucirc", 0xDB }, { "Ugrave", 0xD9 }, { "Uuml", 0xDC }, { "ZeroWidthSpace", 0x200B }, { "aacute", 0xE1 },
	{ "acirc", 0xE2 }, { "aelig", 0xE6 }, { "agrave", 0xE0 }, { "amp", '&' }, { "apos", '\'' }, { "aring", 0xE5 }, { "ast", '*' },
	{ "atilde", 0xE3 }, { "auml", 0xE4 }, { "bdquo", 0x201E }, { "bsol", '\\' }, { "bull", 0x2022 }, { "ccedil", 0xE7 },
	{ "cent", 0xA2 }, { "colon", ':' }, { "comma", ',' }, { "commat", '@' }, { "copy", 0xA9 }, { "deg", 0xB0 }, { "dollar", '$' },
	{ "eacute", 0xE9 }, { "ecirc", 0xEA }, { "egrave", 0xE8 }, { "emsp", 0x2003 }, { "ensp", 0x2002 }, { "equals", '=' },
	{ "euml", 0xEB }, { "euro", 0x20AC }, { "excl", '!' }, { "frac12", 0xBD }, { "gt", '>' }, { "hellip", 0x2026 }, { "hyphen", 0x2010 },
	{ "iacute", 0xED }, { "icirc", 0xEE }, { "iexcl", 0xA1 }, { "igrave", 0xEC }, { "iquest", 0xBF }, { "iuml", 0xEF },
	{ "laquo", 0xAB }, { "lbrack", '[' }, { "lcub", '{' }, { "ldquo", 0x201C }, { "lowbar", '_' }, { "lpar", '(' },
	{ "lrm", 0x200E }, { "lsqb", '[' }, { "lsquo", 0x2018 }, { "lt", '<' }, { "mdash", 0x2014 }, { "middot", 0xB7 },
	{ "nbsp", 0xA0 }, { "ndash", 0x2013 }, { "ntilde", 0xF1 }, { "num", '#' }, { "oacute", 0xF3 }, { "ocirc", 0xF4 }, { "oelig", 0x153 },
	{ "ograve", 0xF2 }, { "ordf", 0xAA }, { "ordm", 0xBA }, { "oslash", 0xF8 }, { "otilde", 0xF5 }, { "ouml", 0xF6 },
	{ "percnt", '%' }, { "period", '.' }, { "plus", '+' }, { "pound", 0xA3 }, { "quest", '?' }, { "quot", '"' }, { "raquo", 0xBB },
	{ "rbrack", ']' }, { "rdquo", 0x201D }, { "reg", 0xAE }, { "rlm", 0x200F }, { "rpar", ')' }, { "rsqb", ']' },
	{ "rsquo", 0x2019 }, { "sbquo", 0x201A }, { "scaron", 0x161 }, { "sect", 0xA7 }, { "semi", ';' }, { "shy", 0xAD },
	{ "sol", '/' }, { "szlig", 0xDF }, { "thinsp", 0x2009 }, { "trade", 0x2122 }, { "uacute", 0xFA }, { "ucirc", 0xFB },
	{ "ugrave", 0xF9 }, { "uuml", 0xFC }, { "yacute", 0xFD }, { "yen", 0xA5 }, { "yuml", 0xFF }, { "zwj", 0x200D },
	{ "zwnj", 0x200C }
};

/* What browsers read for 0x80 to 0x9F (HTML standard, numeric character reference end state). */
static const uint16_t c1[32] = {
	0x20AC, 0x81, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039, 0x152, 0x8D, 0x17D, 0x8F,
	0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x2DC, 0x2122, 0x161, 0x203A, 0x153, 0x9D, 0x17E, 0x178
};

/* "&#64", "&#x40", without the ";". -1: none. */
static int32_t
numeric(const char *s, size_t n)
{
	int32_t v = 0;
	int base = 10, d;
	size_t i = 2;

	if (n > 2 && ascii_lower(s[2]) == 'x') {
		base = 16;
		i = 3;
	}
	if (i >= n)
		return -1;
	for (; i < n; i++) {
		d = ascii_is_digit(s[i]) ? s[i] - '0' : ascii_lower(s[i]) - 'a' + 10;
		if (d < 0 || d >= base)
			return -1;
		v = v > 0x110000 ? v : v * base + d;
	}
	if (v >= 0x80 && v < 0xA0)
		v = c1[v - 0x80];
	return v == 0 || v > 0x10FFFF || (v >= 0xD800 && v < 0xE000) ? 0xFFFD : v;
}

static int32_t
named(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof entities / sizeof entities[0]; i++)
		if (strlen(entities[i].name) == n && memcmp(entities[i].name, s, n) == 0)
			return entities[i].cp;
	return -1;
}

/* The reference in h->ref has ended. In a link "&copy=1" is no reference: only with its ";" is a name one there. */
static void
end_ref(struct html *h, int has_semicolon)
{
	utf8proc_uint8_t ch[4];
	int32_t cp = -1;
	size_t n;
	int is_value = h->state == VALUE_REF;

	if (h->nref > 1 && h->ref[1] == '#')
		cp = numeric(h->ref, h->nref);
	else if (h->nref > 1 && (has_semicolon || !is_value))
		cp = named(h->ref + 1, h->nref - 1);
	h->state = is_value ? VALUE : TEXT;
	if (cp >= 0) {
		n = (size_t)utf8proc_encode_char(cp, ch);
		if (is_value)
			add_value(h, (const char *)ch, n);
		else
			seen_all(h, (const char *)ch, n);
		return;
	}
	if (has_semicolon && h->nref < sizeof h->ref)
		h->ref[h->nref++] = ';';
	if (is_value)
		add_value(h, h->ref, h->nref);
	else
		seen_all(h, h->ref, h->nref);
}

/* Returns 1 when c belongs to the reference. */
static int
in_ref(struct html *h, char c)
{
	if (c == ';') {
		end_ref(h, 1);
		return 1;
	}
	if (h->nref < sizeof h->ref - 1 && (is_letter(c) || ascii_is_digit(c) || (c == '#' && h->nref == 1))) {
		h->ref[h->nref++] = c;
		return 1;
	}
	end_ref(h, 0);
	return 0;
}

static void
begin_ref(struct html *h, int state)
{
	h->ref[0] = '&';
	h->nref = 1;
	h->state = state;
}

/* ---- tags ---- */

static const char *const void_tags[] = {
	"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", NULL
};
static const char *const raw_tags[] = { "script", "style", "title", "textarea", "xmp", "noembed", "noframes", "iframe", NULL };

/* Elements that begin a line of their own. */
static const char *const line_tags[] = {
	"address", "article", "aside", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt", "fieldset", "footer", "form", "h1",
	"h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "option", "p", "pre", "section", "table", "tbody", "tfoot",
	"thead", "title", "tr", "ul", NULL
};
static const char *const cell_tags[] = { "td", "th", "img", "input", "button", "select", NULL };

/* Does a style hide what it is put on? Blanks and case do not count. */
static int
style_hides(const char *p, size_t n)
{
	static const char *const hiding[] = { "display:none", "visibility:hidden", "font-size:0", "mso-hide:all" };
	char s[512];
	const char *at;
	size_t i, m = 0;

	for (i = 0; i < n && m + 1 < sizeof s; i++)
		if (!is_space(p[i]) && p[i] != '\0')
			s[m++] = ascii_lower(p[i]);
	s[m] = '\0';
	for (i = 0; i < sizeof hiding / sizeof hiding[0]; i++) {
		at = strstr(s, hiding[i]);
		if (at == NULL || (at != s && at[-1] != ';'))
			continue;
		at += strlen(hiding[i]);
		if (i != 2 || (*at != '.' && !ascii_is_digit(*at)))	/* font-size:0.9em is small, not hidden */
			return 1;
	}
	return 0;
}

static void
end_attribute(struct html *h)
{
	if (h->nname != 0) {
		h->name[h->nname] = '\0';
		if (strcmp(h->name, "hidden") == 0 || (strcmp(h->name, "style") == 0 && style_hides(h->value, h->nvalue)))
			h->hides = 1;
		if (!h->is_end_tag)
			h->sink.attribute(h->sink.arg, h->name, h->value, h->nvalue);
	}
	h->nname = 0;
	h->nvalue = 0;
}

/* Elements of one name nest: the one that hides ends with its own end tag. */
static void
hide(struct html *h)
{
	if (h->hidden[0] == '\0') {
		if (h->hides && !h->is_end_tag && !is_among(h->tag, void_tags)) {
			memcpy(h->hidden, h->tag, sizeof h->hidden);
			h->hidden_depth = 1;
		}
		return;
	}
	if (strcmp(h->tag, h->hidden) != 0)
		return;
	if (!h->is_end_tag)
		h->hidden_depth++;
	else if (--h->hidden_depth == 0)
		h->hidden[0] = '\0';
}

static void
end_tag(struct html *h)
{
	end_attribute(h);
	h->tag[h->ntag] = '\0';
	if (h->hidden[0] == '\0' && is_among(h->tag, line_tags))
		owe(h, 2);
	else if (h->hidden[0] == '\0' && is_among(h->tag, cell_tags))
		owe(h, 1);
	hide(h);
	h->state = TEXT;
	if (!h->is_end_tag && is_among(h->tag, raw_tags)) {
		memcpy(h->raw, h->tag, sizeof h->raw);
		h->state = RAW;
	}
}

static void
begin_tag(struct html *h, int is_end)
{
	h->is_end_tag = is_end;
	h->ntag = h->nname = h->nvalue = 0;
	h->hides = 0;
	h->state = TAG_NAME;
}

static void
add_name(char *name, size_t *n, char c)
{
	if (*n + 1 < HTML_NAME_MAX)
		name[(*n)++] = ascii_lower(c);
}

/* Returns 1 when c was used. */
static int
in_tag_open(struct html *h, char c)
{
	if (c == '/' && !h->is_end_tag) {
		h->is_end_tag = 1;
		return 1;
	}
	if (is_letter(c)) {
		begin_tag(h, h->is_end_tag);
		return 0;
	}
	if (!h->is_end_tag && c == '!') {
		h->state = MARKUP;
		h->dashes = 0;
		return 1;
	}
	if (c == '?' || (h->is_end_tag && c != '>')) {
		h->state = DECLARATION;
		return 0;
	}
	h->state = TEXT;
	if (!h->is_end_tag)	/* a "<" that begins nothing is text */
		seen(h, '<');
	return h->is_end_tag;
}

static int
in_tag(struct html *h, char c)
{
	switch (h->state) {
	case TAG_NAME:
		if (!is_space(c) && c != '/' && c != '>') {
			add_name(h->tag, &h->ntag, c);
			return 1;
		}
		h->state = BEFORE_ATTR;
		return 0;
	case BEFORE_ATTR:
		if (is_space(c) || c == '/')
			return 1;
		if (c == '>') {
			end_tag(h);
			return 1;
		}
		h->nname = h->nvalue = 0;
		h->state = ATTR_NAME;
		add_name(h->name, &h->nname, c);
		return 1;
	case ATTR_NAME:
		if (!is_space(c) && c != '/' && c != '>' && c != '=') {
			add_name(h->name, &h->nname, c);
			return 1;
		}
		h->state = AFTER_ATTR;
		return 0;
	case AFTER_ATTR:
		if (is_space(c))
			return 1;
		if (c == '=') {
			h->state = BEFORE_VALUE;
			return 1;
		}
		end_attribute(h);
		h->state = BEFORE_ATTR;
		return 0;
	default:	/* BEFORE_VALUE */
		if (is_space(c))
			return 1;
		h->quote = c == '"' || c == '\'' ? c : '\0';
		h->state = c == '>' ? BEFORE_ATTR : VALUE;
		if (c == '>')
			end_attribute(h);
		return h->quote != '\0';
	}
}

static int
in_value(struct html *h, char c)
{
	if (h->quote != '\0' ? c == h->quote : is_space(c) || c == '>') {
		end_attribute(h);
		h->state = BEFORE_ATTR;
		return h->quote != '\0';
	}
	if (c == '&')
		begin_ref(h, VALUE_REF);
	else
		add_value(h, &c, 1);
	return 1;
}

/* "<!": a comment when two dashes follow. */
static int
in_markup(struct html *h, char c)
{
	if (c == '-') {
		if (++h->dashes == 2)
			h->state = COMMENT;
		return 1;
	}
	h->state = DECLARATION;
	return 0;
}

static void
in_comment(struct html *h, char c)
{
	/* "<!-->" ends it too; dashes of "<!--" count */
	if (c == '>' && h->dashes >= 2) {
		h->state = TEXT;
		return;
	}
	if (c == '-')
		h->dashes++;
	else if (!(c == '!' && h->dashes >= 2))
		h->dashes = 0;
}

/* In a script and the like only its own end tag is markup. */
static int
in_raw_open(struct html *h, char c)
{
	size_t n = strlen(h->raw);

	if (h->ntag == 0 && c == '/') {
		h->tag[h->ntag++] = '/';
		return 1;
	}
	if (h->ntag > 0 && h->ntag <= n && ascii_lower(c) == h->raw[h->ntag - 1]) {
		h->ntag++;
		return 1;
	}
	if (h->ntag == n + 1 && (is_space(c) || c == '/' || c == '>')) {
		begin_tag(h, 1);
		memcpy(h->tag, h->raw, sizeof h->tag);
		h->ntag = n;
		h->raw[0] = '\0';
		return 0;
	}
	h->state = RAW;
	return 0;
}

static int
step(struct html *h, char c)
{
	switch (h->state) {
	case TAG_OPEN:
		return in_tag_open(h, c);
	case TAG_NAME: case BEFORE_ATTR: case ATTR_NAME: case AFTER_ATTR: case BEFORE_VALUE:
		return in_tag(h, c);
	case VALUE:
		return in_value(h, c);
	case REF: case VALUE_REF:
		return in_ref(h, c);
	case MARKUP:
		return in_markup(h, c);
	case COMMENT:
		tell_hidden(h, &c, 1);
		in_comment(h, c);
		return 1;
	case DECLARATION:
		if (c == '>')
			h->state = TEXT;
		return 1;
	case RAW_OPEN:
		return in_raw_open(h, c);
	case RAW:
		tell_hidden(h, &c, 1);
		if (c == '<') {
			h->state = RAW_OPEN;
			h->ntag = 0;
		}
		return 1;
	default:
		if (c == '<') {
			h->state = TAG_OPEN;
			h->is_end_tag = 0;
		} else if (c == '&') {
			begin_ref(h, REF);
		} else {
			seen(h, c);
		}
		return 1;
	}
}

void
html_init(struct html *h, const struct html_sink *sink)
{
	memset(h, 0, sizeof *h);
	h->sink = *sink;
	h->space = 3;
}

/* How many bytes from here are content of a script, a style or a comment. */
static size_t
unseen(const struct html *h, const char *p, size_t n)
{
	const char *end;

	if (h->state != RAW && !(h->state == COMMENT && h->dashes == 0))
		return 0;
	end = memchr(p, h->state == RAW ? '<' : '-', n);
	return end != NULL ? (size_t)(end - p) : n;
}

void
html_push(struct html *h, const char *p, size_t n)
{
	size_t i = 0, skip;

	while (i < n) {
		skip = unseen(h, p + i, n - i);
		tell_hidden(h, p + i, skip);
		i += skip;
		if (i < n)
			i += (size_t)step(h, p[i]);
	}
}

void
html_end(struct html *h)
{
	if (h->state == REF)
		end_ref(h, 0);
	if (h->nname != 0 || h->nvalue != 0)
		end_attribute(h);
	flush(h);
	if (h->nout > 0)
		h->sink.text(h->sink.arg, h->out, h->nout);
	html_init(h, &(struct html_sink){ h->sink.text, h->sink.attribute, h->sink.hidden, h->sink.arg });
}
