/* Bodies: spool/mime.c and what it stands on (decode.c, mime_param.c, mime_text.c, html.c, url.c). */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "spool/decode.h"
#include "spool/html.h"
#include "spool/mime.h"
#include "spool/mime_param.h"
#include "spool/words.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))
#define ROOM 200000

struct told {			/* what a sink was told, as text */
	struct buf tree, bytes, text, hosts, notes;
	unsigned open, parts;
};

static void
on_begin(void *arg, const struct mime_part *p)
{
	struct told *t = arg;

	buf_fmt(&t->tree, "%s%u %s", t->tree.n != 0 ? "|" : "", p->depth, p->type);
	if (p->name != NULL)
		buf_fmt(&t->tree, " (%s)", p->name);
	assert_int_equal(p->number, t->parts++);
	t->open++;
}

static void
on_bytes(void *arg, const struct mime_part *p, const void *bytes, size_t n)
{
	struct told *t = arg;

	assert_false(p->is_container);
	buf_add(&t->bytes, bytes, n);
}

static void
on_text(void *arg, const struct mime_part *p, const char *s, size_t n)
{
	struct told *t = arg;

	assert_true(p->is_text);
	assert_true(text_valid(s, n));
	buf_add(&t->text, s, n);
}

static void
on_url(void *arg, const struct mime_part *p, const struct url *u)
{
	struct told *t = arg;
	char host[URL_HOST_MAX + 2];

	(void)p;
	snprintf(host, sizeof host, "%s ", u->host);
	if (strstr(buf_cstr(&t->hosts), host) == NULL)
		buf_puts(&t->hosts, host);
}

static void
on_end(void *arg, const struct mime_part *p)
{
	struct told *t = arg;

	buf_fmt(&t->tree, "%s", p->is_cut ? " cut" : "");
	t->open--;
}

static void
on_note(void *arg, const char *text)
{
	struct told *t = arg;

	buf_fmt(&t->notes, "%s%s", t->notes.n != 0 ? "; " : "", text);
}

/* Reads a message in pieces of `step`. Returns mime_is_whole. */
static int
read_message(struct told *t, const char *s, size_t n, size_t step, uint64_t max)
{
	const struct mime_sink sink = { on_begin, on_bytes, on_text, on_url, on_end, on_note, t };
	struct mime *m = mime_new(&sink);
	struct buf *b[] = { &t->tree, &t->bytes, &t->text, &t->hosts, &t->notes };
	int is_whole;
	size_t i;

	t->open = t->parts = 0;
	for (i = 0; i < COUNT(b); i++)
		buf_init(b[i], ROOM);
	mime_begin(m, max);
	for (i = 0; i < n; i += step)
		if (mime_feed(m, s + i, n - i < step ? n - i : step) != 0)
			break;
	mime_end(m);
	is_whole = mime_is_whole(m);
	mime_free(m);
	assert_int_equal(t->open, 0);
	return is_whole;
}

static void
told_free(struct told *t)
{
	buf_free(&t->tree);
	buf_free(&t->bytes);
	buf_free(&t->text);
	buf_free(&t->hosts);
	buf_free(&t->notes);
}

struct message {
	const char *raw;	/* LF is written as CRLF in a second run */
	const char *tree, *text, *hosts, *notes;	/* NULL: not looked at */
};

static void
same(struct buf *got, const char *want)
{
	if (want != NULL)
		assert_string_equal(buf_cstr(got), want);
}

static void
check_message(const struct message *t, const char *raw, size_t n, size_t step, int is_crlf)
{
	struct told told;

	(void)read_message(&told, raw, n, step, 0);
	same(&told.tree, t->tree);
	if (!is_crlf)
		same(&told.text, t->text);
	same(&told.hosts, t->hosts);
	same(&told.notes, t->notes);
	told_free(&told);
}

static void
check_messages(const struct message *t, size_t n)
{
	static const size_t steps[] = { 1, 2, 3, 7, 64, 100000 };
	struct buf crlf;
	const char *p;
	size_t i, k;

	for (i = 0; i < n; i++) {
		buf_init(&crlf, ROOM);
		for (p = t[i].raw; *p != '\0'; p++)
			buf_puts(&crlf, *p == '\n' ? "\r\n" : (const char[]){ *p, '\0' });
		for (k = 0; k < COUNT(steps); k++) {
			check_message(&t[i], t[i].raw, strlen(t[i].raw), steps[k], 0);
			check_message(&t[i], crlf.p, crlf.n, steps[k], 1);
		}
		buf_free(&crlf);
	}
}

#define MIXED "Content-Type: multipart/mixed; boundary=B\n\n"

static void
test_tree(void **state)
{
	static const struct message t[] = {
		{ "Subject: x\n\nhello\n", "0 text/plain", "hello\n", "", "" },
		{ "Subject: x\n\n", "0 text/plain", "", "", "" },
		{ "", "0 text/plain", "", "", "" },
		{ "Subject: x", "0 text/plain", "", "", "" },
		{ "no header at all\n", "0 text/plain", "no header at all\n", "", "" },
		{ "From joe Mon\nContent-Type: text/html\n\na<b>b", "0 text/html", "ab", "", "" },
		{ "\xEF\xBB\xBF" "Content-Type: text/html\n\nx", "0 text/html", "x", "", "" },
		{ MIXED "pre\n--B\n\none\n--B\nContent-Type: text/html\n\n<p>two\n--B--\nepilogue\n", "0 multipart/mixed|1 text/plain|1 text/html",
		    "onetwo", "", "" },
		{ MIXED "--B\n\nno end", "0 multipart/mixed|1 text/plain", "no end", "", "" },
		{ MIXED "--B  \t\n\na\n--Bx\n--B--x\n--B--\t \n", "0 multipart/mixed|1 text/plain", "a\n--Bx\n--B--x", "", "" },
		{ MIXED "--B\n--B\n\na\n--B--\n", "0 multipart/mixed|1 text/plain", "a", "", "" },
		{ MIXED "--B\nContent-Type: text/html\n--B\n\nb\n--B--", "0 multipart/mixed|1 text/html|1 text/plain", "b", "", "" },
		{ MIXED "--B--\n--B\n\nafter\n", "0 multipart/mixed", "", "", "" },
		{ MIXED "nothing\n", "0 multipart/mixed", "", "", "a multipart without parts" },
		{ "Content-Type: multipart/mixed\n\n--B\n\na\n", "0 multipart/mixed", "", "", "multipart without a usable boundary" },
		{ "Content-Type: multipart/mixed; boundary=\"B \"\n\n--B\n\na\n--B--", "0 multipart/mixed|1 text/plain", "a", "", "" },
		{ "Content-Type: multipart/mixed; boundary*0=\"B\"; boundary*1=C\n\n--BC\n\na\n--BC--", "0 multipart/mixed|1 text/plain", "a", "", "" },
		/* an outer boundary ends what is open inside */
		{ "Content-Type: multipart/mixed; boundary=A\n\n--A\n" MIXED "--B\n\none\n--A\n\ntwo\n--A--",
		    "0 multipart/mixed|1 multipart/mixed|2 text/plain|1 text/plain", "onetwo", "", "" },
		{ "Content-Type: message/rfc822\n\nContent-Type: text/html\n\n<i>x", "0 message/rfc822|1 text/html", "x", "", "" },
		{ "Content-Type: message/rfc822\n\n", "0 message/rfc822|1 text/plain", "", "", "" },
		{ "Content-Type: multipart/digest; boundary=B\n\n--B\n\nSubject: x\n\nbody\n--B--", "0 multipart/digest|1 message/rfc822|2 text/plain",
		    "body", "", "" },
		/* an attached message in base64, which is forbidden and opened all the same */
		{ MIXED "--B\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
		    "Q29udGVudC1UeXBlOiB0ZXh0L2h0bWwKCjxhIGhyZWY9Imh0dHA6Ly9ldmlsLmV4YW1wbGUv\nIj54PC9hPg==\n--B--",
		    "0 multipart/mixed|1 message/rfc822|2 text/html", "x", "evil.example ", "an attached message is encoded" },
		{ "Content-Type: nonsense\n\nx", "0 text/plain", "x", "", "Content-Type is not valid" },
		{ "Content-Type: a/b/c\n\nx", "0 text/plain", "x", "", "Content-Type is not valid" },
		{ "CONTENT-TYPE : (c) Text / HTML (d);\n\nx", "0 text/html", "x", "", "" },
		{ "Content-Type: text/html\nContent-Type: text/plain\n\n<p>x", "0 text/html", "x", "", "duplicate content-type in a part" },
		{ "Content-Type: application/octet-stream; name=a.HTM\n\n<a href=//h.example>x", "0 application/octet-stream (a.HTM)", "x",
		    "h.example ", "" },
		{ "Content-Transfer-Encoding: x-odd\n\nx", "0 text/plain", "x", "", "unknown transfer encoding x-odd" },
		{ "Content-Type: text/plain; charset=x-klingon\n\ncaf\xE9", "0 text/plain", "caf\xC3\xA9", "",
		    "unknown charset x-klingon in the body" },
	};

	(void)state;
	check_messages(t, COUNT(t));
}

static void
test_encodings(void **state)
{
	static const struct message t[] = {
		{ "Content-Transfer-Encoding: quoted-printable\n\na=3Db=\nc=20\nd  \n=zz=4\ne=", NULL, "a=bc \nd\n=zz=4\ne", "", "" },
		{ "Content-Transfer-Encoding: QUOTED-PRINTABLE\n\na= \t\nb=c3=A9", NULL, "ab\xC3\xA9", "", "" },
		{ "Content-Transfer-Encoding: base64\n\naGVs\nbG8=", NULL, "hello", "", "" },
		{ "Content-Transfer-Encoding: base64\n\naGVsbG8", NULL, "hello", "", "" },
		{ "Content-Transfer-Encoding: x-uuencode\n\nplain text\nand more\n", NULL, "", "", "nothing uuencoded in a part that says so" },
		{ "Content-Transfer-Encoding: x-uuencode\n\n", NULL, "", "", "" },
		{ "Content-Transfer-Encoding: (a (b) c) BASE64 (x)\n\naGVsbG8", NULL, "hello", "", "" },
		{ "Content-Transfer-Encoding: base64; x=y\n\naGVsbG8", NULL, "hello", "", "" },
		{ "Content-Transfer-Encoding: (base64\n\naGVsbG8", NULL, "aGVsbG8", "", "" },
		{ "Content-Transfer-Encoding: base64\n\naGVsbG8=aGVsbG8=", NULL, "hellohello", "", "" },
		{ "Content-Transfer-Encoding: base64\n\na.G!V s-b*G8=x", NULL, "hello", "", "" },
		{ "Content-Transfer-Encoding: x-uuencode\n\njunk\nbegin 644 a.txt\n%:&5L;&\\\n`\nend\n", NULL, "hello", "", "" },
		{ "Content-Type: text/plain; charset=iso-8859-9\nContent-Transfer-Encoding: quoted-printable\n\n=DEifre", NULL, "\xC5\x9Eifre", "", "" },
		{ "Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n89LP3s7P", NULL,
		    "\xD0\xA1\xD1\x80\xD0\xBE\xD1\x87\xD0\xBD\xD0\xBE", "", "" },
		{ "Content-Type: text/plain; charset=\"utf-16le\"\nContent-Transfer-Encoding: base64\n\naABpAAoA", NULL, "hi\n", "", "" },
		{ "Content-Type: text/plain; charset=iso-2022-jp\n\n\x1B$BF|K\\\x1B(B\n\x1B$BF|\x1B(B", NULL,
		    "\xE6\x97\xA5\xE6\x9C\xAC\n\xE6\x97\xA5", "", "" },
		{ "Content-Type: text/plain\n\ncaf\xC3\xA9\ncaf\xE9", NULL, "caf\xC3\xA9\ncaf\xC3\xA9", "", "" },
	};

	(void)state;
	check_messages(t, COUNT(t));
}

static void
test_names(void **state)
{
	static const struct { const char *field, *tree; } t[] = {
		{ "Content-Disposition: attachment; filename=a.pdf", "0 text/plain (a.pdf)" },
		{ "Content-Disposition: attachment; filename=\"a;b.pdf\"; x=y", "0 text/plain (a;b.pdf)" },
		{ "Content-Disposition: attachment; filename=\"a\\\"b.pdf\"", "0 text/plain (a\"b.pdf)" },
		{ "Content-Disposition: attachment; filename=\"C:\\dir\\a.exe\"", "0 text/plain (C:\\dir\\a.exe)" },
		{ "Content-Disposition: attachment; filename=two words.pdf ; x=y", "0 text/plain (two words.pdf)" },
		{ "Content-Disposition: attachment; filename=\"open", "0 text/plain (open)" },
		{ "Content-Disposition: attachment;\n filename*0=\"in\";\n filename*1=\"voice.\";\n filename*2=exe", "0 text/plain (invoice.exe)" },
		{ "Content-Disposition: attachment; filename*1=b; filename*0=a; filename*3=d", "0 text/plain (ab)" },
		{ "Content-Disposition: attachment; filename*=utf-8''%E2%82%AC.pdf", "0 text/plain (\xE2\x82\xAC.pdf)" },
		{ "Content-Disposition: attachment; filename*=iso-8859-1'de'stra%DFe.pdf; filename=x", "0 text/plain (stra\xC3\x9F" "e.pdf)" },
		{ "Content-Disposition: attachment; filename*0*=utf-8''%C3; filename*1*=%A9; filename*2=\".%41\"", "0 text/plain (\xC3\xA9.%41)" },
		{ "Content-Disposition: attachment; filename*=%41.pdf", "0 text/plain (A.pdf)" },
		{ "Content-Disposition: attachment; filename*=x''%", "0 text/plain (%)" },
		{ "Content-Disposition: attachment; filename=\"=?utf-8?B?4oKsLnBkZg==?=\"", "0 text/plain (\xE2\x82\xAC.pdf)" },
		{ "Content-Disposition: attachment; filename*0=\"=?utf-8?B?4oKs\"; filename*1=\"LnBkZg==?=\"", "0 text/plain (\xE2\x82\xAC.pdf)" },
		{ "Content-Disposition: attachment; filename=caf\xE9.pdf", "0 text/plain (caf\xC3\xA9.pdf)" },
		{ "Content-Type: application/pdf; name=b.pdf\nContent-Disposition: attachment; filename=a.pdf", "0 application/pdf (a.pdf)" },
		{ "Content-Type: application/pdf; name=\"b.pdf\"\nContent-Disposition: inline", "0 application/pdf (b.pdf)" },
		{ "Content-Type: application/pdf; filename=no", "0 application/pdf" },
		{ "Content-Disposition: ; = ; filename ; *=; filename==a", "0 text/plain (=a)" },
		{ "Content-Disposition: attachment; filename*9999999999=a", "0 text/plain" },
	};
	struct told told;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		buf_init(&b, ROOM);
		buf_fmt(&b, "%s\n\n", t[i].field);
		(void)read_message(&told, b.p, b.n, b.n, 0);
		assert_string_equal(buf_cstr(&told.tree), t[i].tree);
		told_free(&told);
		buf_free(&b);
	}
}

static void
test_html(void **state)
{
	static const struct message t[] = {
		{ "a <b>b</b>  c<br>d", NULL, "a b c\nd", "", "" },
		{ "<p>one</p><p>two</p>", NULL, "one\ntwo", "", "" },
		{ "x<td>y", NULL, "x y", "", "" },
		{ "ex<span>am</span>ple", NULL, "example", "", "" },
		{ "&lt;&#64;&#x41;&euro;&nosuch;&amp &amp;lt;&", NULL, "<@A\xE2\x82\xAC&nosuch;& &lt;&", "", "" },
		{ "&#0;&#xD800;&#x110000;&#150;", NULL, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xE2\x80\x93", "", "" },
		{ "a<script>if (a < b) x('</p>')</script>b<style>p{}</STYLE >c<title>t</title>", NULL, "abc", "", "" },
		{ "a<!-- x > -- > y -->b<!-->c<!doctype x>d<?php e>f", NULL, "abcdf", "", "" },
		{ "1 < 2 <3 </ >4", NULL, "1 < 2 <3 4", "", "" },
		{ "a<span style='Display : None'>x<span>y</span>z</span>b<i hidden>c</i>d", NULL, "abd", "", "" },
		{ "a<font style=\"color:red;font-size:0px\">x</font>b<b style=font-size:0.9em>c</b>", NULL, "abc", "", "" },
		{ "<a href=\"http://one.example/\">", NULL, "", "one.example ", "" },
		{ "<A HREF='https&colon;//two.example&#x2f;x?a&copy=1'>", NULL, "", "two.example ", "" },
		{ "<a href=http://three.example><img src=//four.example/x.png>", NULL, "", "three.example four.example ", "" },
		{ "<a href=\"ht\ntp://five.example\">", NULL, "", "", "" },
		{ "<a href=\"/relative\"><a href=mailto:a@b.example><a href='data:text/html,x'>", NULL, "", "", "" },
		{ "<html xmlns=\"http://www.w3.org/1999/xhtml\"><meta content='0;url=http://six.example'>", NULL, "", "six.example ", "" },
		{ "<a href='http://seven.example", NULL, "", "seven.example ", "" },
		{ "<!--[if mso]><a href=\"http://eight.example/\"><![endif]-->", NULL, "", "eight.example ", "" },
		{ "<script>location='http://nine-ten.example/'</script>", NULL, "", "nine-ten.example ", "" },
		{ "http://ele<b></b>ven.example/", NULL, "http://eleven.example/", "eleven.example ", "" },
	};
	struct message m;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		buf_init(&b, ROOM);
		buf_fmt(&b, "Content-Type: text/html\n\n%s", t[i].raw);
		m = t[i];
		m.raw = buf_cstr(&b);
		check_messages(&m, 1);
		buf_free(&b);
	}
}

/* The distinct hosts of a text, in order. */
static void
add_host(void *arg, const struct url *u)
{
	struct buf *b = arg;
	char host[URL_HOST_MAX + 2];

	snprintf(host, sizeof host, "%s ", u->host);
	if (strstr(buf_cstr(b), host) == NULL)
		buf_puts(b, host);
}

static void
test_urls(void **state)
{
	static const struct { const char *text, *hosts; } t[] = {
		{ "see http://a.example/x, or (https://B.Example:8080).", "a.example b.example " },
		{ "www.a.example WWW.B.EXAMPLE/x x@www.c.example awww.d.example", "www.a.example www.b.example " },
		{ "hxxp://a.example hXXps://b.example h**p://c.example fxp://d.example", "a.example b.example c.example d.example " },
		{ "hxxp[:]//a[.]example http[://]b(.)example/x c[.]example d[dot]example", "a.example b.example c.example d.example " },
		{ "short.example/Ab3 v1.2/3 and/or 1.2.3/x name.txt a.b@c.example/x", "short.example " },
		{ "http://good.example@evil.example/ http://good.example%2f@evil2.example/", "evil.example evil2.example " },
		{ "http://good.example\\@evil.example/", "good.example " },
		{ "http:\\\\a.example\\x http://a%2Eb.example", "a.example a.b.example " },
		{ "http://192.0.2.1/ http://3221225985/ http://0xc0.0.0x201 http://0300.0.02.01:80/", "192.0.2.1 " },
		{ "http://[2001:DB8::1]:80/ http://[nonsense]/", "2001:db8::1 " },
		{ "http://[::ffff:192.0.2.7]:80/x http://[2001:db8::192.0.2.8] http://[.]x.example/", "192.0.2.7 2001:db8::c000:208 " },
		{ "http://i\xE2\x9D\xA4.ws/ http://\xF0\x9F\x93\x99.la http://\xE2\x98\x83\xE2\x80\x8B.example", "xn--i-7iq.ws xn--yt8h.la xn--n3h.example " },
		{ "http://b\xC3\xBC" "cher.example/ http://xn--bcher-kva.example", "xn--bcher-kva.example " },
		{ "http://a\xE3\x80\x82" "example http://ev\xE2\x80\x8Bil.example http://so\xC2\xAD" "ft.example", "a.example evil.example soft.example " },
		{ "http://a.example/?u=http%3A%2F%2Fb.example%2Fx&v=http://c.example", "a.example c.example b.example " },
		{ "http://a.example./ http://.example/ http://localhost/ http:// http:///// http://-", "a.example " },
		{ "http://a..b.example/ http://a b.example http://256.1.1.1/ http://1.2.3.4.5/", "" },
		{ "\"http://a.example\"<http://b.example>'http://c.example'", "a.example b.example c.example " },
	};
	struct url_scan *s = mem_new(sizeof *s);
	struct buf b;
	size_t i, k, n, step;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		n = strlen(t[i].text);
		for (step = 1; step <= n; step += n - 1) {
			buf_init(&b, ROOM);
			url_scan_init(s, add_host, &b);
			for (k = 0; k < n; k += step)
				url_scan_push(s, t[i].text + k, n - k < step ? n - k : step);
			url_scan_end(s);
			assert_string_equal(buf_cstr(&b), t[i].hosts);
			buf_free(&b);
		}
	}
	free(s);
}

/* Links, as browsers take them. */
static void
test_links(void **state)
{
	static const struct { const char *link, *host; } t[] = {
		{ "http://a.example", "a.example" }, { "  http:a.example/x", "a.example" }, { "https:/a.example", "a.example" },
		{ "//a.example/x", "a.example" }, { "\\\\a.example", "a.example" }, { "HTTP://USER:PW@A.EXAMPLE:80", "a.example" },
		{ "ht\ttp://a.example", NULL }, { "http://a.ex\nample/", "a.example" }, { "/a.example", NULL }, { "a.example", NULL },
		{ "javascript:x", NULL }, { "mailto:a@a.example", NULL }, { "http:", NULL }, { "", NULL }, { "http://a.example?x@y.example", "a.example" },
	};
	char host[URL_HOST_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		assert_int_equal(url_host(host, t[i].link, strlen(t[i].link)), t[i].host != NULL ? 0 : -1);
		if (t[i].host != NULL)
			assert_string_equal(host, t[i].host);
	}
}

/* A multipart in a multipart, `depth` times. */
static void
nest(struct buf *b, unsigned depth)
{
	unsigned i;

	for (i = 0; i < depth; i++)
		buf_fmt(b, "Content-Type: multipart/mixed; boundary=B%u\n\n--B%u\n", i, i);
	buf_puts(b, "\nend\n");
}

static void
test_limits(void **state)
{
	struct told t;
	struct buf b;
	unsigned i;

	(void)state;
	/* depth */
	buf_init(&b, (size_t)1 << 24);
	nest(&b, MIME_DEPTH_MAX);
	assert_int_equal(read_message(&t, b.p, b.n, 1000, 0), 1);
	assert_string_equal(buf_cstr(&t.text), "end\n");
	assert_int_equal(t.parts, MIME_DEPTH_MAX + 1);
	told_free(&t);
	buf_clear(&b);
	nest(&b, 1000);
	assert_int_equal(read_message(&t, b.p, b.n, 1000, 0), 0);
	assert_string_equal(buf_cstr(&t.notes), "MIME nested deeper than 30");
	assert_int_equal(t.parts, MIME_DEPTH_MAX + 1);
	told_free(&t);
	buf_clear(&b);
	for (i = 0; i < 1000; i++)
		buf_puts(&b, "Content-Type: message/rfc822\n\n");
	assert_int_equal(read_message(&t, b.p, b.n, 1000, 0), 1);
	assert_string_equal(buf_cstr(&t.notes), "MIME nested deeper than 30");
	told_free(&t);
	/* parts */
	buf_clear(&b);
	buf_puts(&b, MIXED);
	for (i = 0; i < MIME_PARTS_MAX + 50; i++)
		buf_puts(&b, "--B\n\nx\n");
	assert_int_equal(read_message(&t, b.p, b.n, 1000, 0), 0);
	assert_int_equal(t.parts, MIME_PARTS_MAX);
	assert_string_equal(buf_cstr(&t.notes), "more than 1000 MIME parts, the rest not read");
	told_free(&t);
	/* body bytes: the header does not count */
	buf_clear(&b);
	buf_puts(&b, "Subject: a long one\n\n0123456789");
	assert_int_equal(read_message(&t, b.p, b.n, 3, 10), 1);
	assert_string_equal(buf_cstr(&t.bytes), "0123456789");
	assert_string_equal(buf_cstr(&t.notes), "");
	told_free(&t);
	for (i = 1; i < 100; i += 9) {
		assert_int_equal(read_message(&t, b.p, b.n, i, 9), 0);
		assert_string_equal(buf_cstr(&t.bytes), "012345678");
		assert_string_equal(buf_cstr(&t.tree), "0 text/plain cut");
		assert_string_equal(buf_cstr(&t.notes), "body read up to 9 bytes, the rest not read");
		told_free(&t);
	}
	/* fields */
	buf_clear(&b);
	buf_puts(&b, "Content-Type: text/html;");
	for (i = 0; i < 20000; i++)
		buf_puts(&b, " a=b;");
	buf_puts(&b, "\n\nx");
	assert_int_equal(read_message(&t, b.p, b.n, 4096, 0), 1);
	assert_string_equal(buf_cstr(&t.tree), "0 text/html");
	assert_string_equal(buf_cstr(&t.text), "x");
	told_free(&t);
	buf_free(&b);
}

static const char whole[] =
    "Subject: x\r\nContent-Type: multipart/mixed; boundary=\"b 1\"\r\n\r\n--b 1\r\nContent-Type: text/html; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=C3=A9 <a href=3D\"http://a.example/=\r\n\">x</a>\r\n--b 1\r\n"
    "Content-Type: application/pdf; name*0*=utf-8''%41; name*1=b\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b 1\r\n"
    "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ninner\r\n--b 1--\r\n";

/* Cut short anywhere and with every byte replaced: never more open than closed, text always valid (asserted in the sinks). */
static void
test_damage(void **state)
{
	static const char bad[] = { '\0', '\n', '\r', '-', '=', '"', '<', '&', '\xFF', ';' };
	const size_t n = sizeof whole - 1;
	struct told t;
	char copy[sizeof whole];
	size_t i, k;

	(void)state;
	(void)read_message(&t, whole, n, n, 0);
	assert_string_equal(buf_cstr(&t.tree), "0 multipart/mixed|1 text/html|1 application/pdf (Ab)|1 message/rfc822|2 text/plain");
	assert_string_equal(buf_cstr(&t.text), "caf\xC3\xA9 xinner");
	told_free(&t);
	for (i = 0; i <= n; i++) {
		(void)read_message(&t, whole, i, 5, 0);
		assert_true(t.parts >= 1);
		told_free(&t);
		for (k = 0; i < n && k < sizeof bad; k++) {
			memcpy(copy, whole, sizeof copy);
			copy[i] = bad[k];
			(void)read_message(&t, copy, n, 50, 0);
			assert_true(t.parts >= 1 && t.parts <= 7);
			told_free(&t);
		}
	}
}

/* One reader for many messages: nothing of one is left in the next. */
static void
test_again(void **state)
{
	struct told t = { 0 };
	const struct mime_sink sink = { on_begin, on_bytes, on_text, on_url, on_end, on_note, &t };
	struct buf *b[] = { &t.tree, &t.bytes, &t.text, &t.hosts, &t.notes };
	struct mime *m = mime_new(&sink);
	size_t i, k;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (k = 0; k < COUNT(b); k++)
			buf_init(b[k], ROOM);
		t.parts = 0;
		mime_begin(m, i == 1 ? 60 : 0);
		(void)mime_feed(m, whole, sizeof whole - 1);
		mime_end(m);
		if (i == 1)
			assert_string_equal(buf_cstr(&t.notes), "body read up to 60 bytes, the rest not read");
		else
			assert_string_equal(buf_cstr(&t.text), "caf\xC3\xA9 xinner");
		told_free(&t);
	}
	mime_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree), cmocka_unit_test(test_encodings), cmocka_unit_test(test_names), cmocka_unit_test(test_html),
		cmocka_unit_test(test_urls), cmocka_unit_test(test_links), cmocka_unit_test(test_limits), cmocka_unit_test(test_damage),
		cmocka_unit_test(test_again)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
