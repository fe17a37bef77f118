/* Header fields and RFC 2047 words: spool/head.c, spool/words.c. */
#include "unit.h"

#include <stdlib.h>

#include "spool/head.h"
#include "spool/msg.h"
#include "spool/words.h"

#define COUNT(t) (sizeof(t) / sizeof *(t))

struct parsed {
	struct arena arena;
	struct head_parser parser;
	const struct head *h;
};

static void
parse(struct parsed *t, const char *text, size_t n, int want_all, size_t step)
{
	size_t i;

	memset(t, 0, sizeof *t);
	head_init(&t->parser, &t->arena, want_all);
	for (i = 0; i < n; i += step)
		head_push(&t->parser, text + i, n - i < step ? n - i : step);
	t->h = head_end(&t->parser);
}

static void
assert_text(const char *got, const char *want)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_non_null(got);
	if (want != NULL)
		assert_string_equal(got, want);
}

static int
has_note(const struct head *h, const char *note)
{
	size_t i;

	for (i = 0; i < h->nnotes; i++) {
		if (strcmp(h->notes[i], note) == 0)
			return 1;
	}
	return 0;
}

/* A Subject value, its text, and the one note it leaves (NULL: none). */
struct subject {
	const char *raw, *text, *note;
};

static void
check_subjects(const struct subject *t, size_t n)
{
	struct parsed p;
	struct buf b;
	size_t i;

	for (i = 0; i < n; i++) {
		buf_init(&b, 100000);
		buf_fmt(&b, "Subject: %s\r\n\r\n", t[i].raw);
		parse(&p, b.p, b.n, 0, b.n);
		assert_text(p.h->subject, t[i].text);
		assert_int_equal(p.h->nnotes, t[i].note != NULL);
		if (t[i].note != NULL)
			assert_string_equal(p.h->notes[0], t[i].note);
		buf_free(&b);
		arena_free(&p.arena);
	}
}

static void
test_charsets(void **state)
{
	static const struct subject t[] = {
		{ "=?UTF-8?B?R3LDvMOfZSDigJMg5L2g5aW9IPCfjok=?=", "Grüße – 你好 🎉", NULL },
		{ "=?utf8?q?=C5=BDlu=C5=A5ou=C4=8Dk=C3=BD?=", "Žluťoučký", NULL },
		{ "=?ISO-8859-1?Q?Caf=E9_d=E9j=E0_vu?=", "Café déjà vu", NULL },
		{ "=?iso-8859-1?Q?=93quoted=94_=96_5_=80?=", "“quoted” – 5 €", NULL },
		{ "=?Windows-1252?B?k3F1b3RlZJQgliA1IIA=?=", "“quoted” – 5 €", NULL },
		{ "=?iso-8859-2?Q?Za=BF=F3=B3=E6_g=EA=B6l=B1_ja=BC=F1?=", "Zażółć gęślą jaźń", NULL },
		{ "=?ISO-8859-9?Q?=DEifre_de=F0i=FEikli=F0i?=", "Şifre değişikliği", NULL },
		{ "=?iso-8859-15?Q?5_=A4_=E0_N=EEmes?=", "5 € à Nîmes", NULL },
		{ "=?windows-1251?B?wuD4IODq6uDz7fI=?=", "Ваш аккаунт", NULL },
		{ "=?windows-1254?B?1mRlbWUgaGF0/XJsYXRtYXP9?=", "Ödeme hatırlatması", NULL },
		{ "=?KOI8-R?B?89LP3s7POiDT3qPU?=", "Срочно: счёт", NULL },
		{ "=?iso-8859-5?q?=BF=E0=D8=D2=D5=E2?=", "Привет", NULL },
		{ "=?GB2312?B?w+K30beixrE=?=", "免费发票", NULL },
		{ "=?gb2312?B?5me7+c/Iyfo=?=", "鎔基先生", NULL },	/* GBK under the name of its subset */
		{ "=?gb18030?B?1tDOxIE57jk=?=", "中文㐀", NULL },
		{ "=?Big5?B?uXG2T77Mw9I=?=", "電費憑證", NULL },
		{ "=?EUC-KR?B?saSw7SC43sDP?=", "광고 메일", NULL },
		{ "=?ks_c_5601-1987?B?jGO55rCix88=?=", "똠방각하", NULL },
		{ "=?Shift_JIS?B?kL+LgY+RgsyCsojEk+A=?=", "請求書のご案内", NULL },
		{ "=?euc-jp?B?svG1xKTOt+8=?=", "会議の件", NULL },
		{ "=?ISO-2022-JP?B?GyRCJUYlOSVIN29MPhsoQg==?=", "テスト件名", NULL },
		{ "=?iso-8859-7?Q?=C5=EB=EB=E7=ED=E9=EA=DC?=", "Ελληνικά", NULL },
		{ "=?windows-1255?B?+ezl7Q==?=", "שלום", NULL },
		{ "=?windows-1256?B?49HNyMc=?=", "مرحبا", NULL },
		{ "=?tis-620?B?ysfRyrTV?=", "สวัสดี", NULL },
		{ "=?utf-7?Q?Gr=2BAPwA3w=2De?=", "Grüße", NULL },
		{ "=?us-ascii?Q?plain?=", "plain", NULL },
		{ "=?us-ascii?Q?caf=C3=A9?=", "café", NULL },
		{ "=?x-unknown?Q?caf=E9?=", "café", NULL },
		{ "=?x-klingon?Q?caf=E9?=", "café", "unknown charset x-klingon" },
		{ "=?X-Klingon?Q?caf=C3=A9?=", "café", "unknown charset x-klingon" },
		{ "=?UTF-8//TRANSLIT?Q?caf=C3=A9?=", "café", "unknown charset utf-8//translit" },
	};

	(void)state;
	check_subjects(t, COUNT(t));
}

static void
test_words(void **state)
{
	static const struct subject t[] = {
		{ "=?utf-8?q?a?= =?utf-8?q?b?=", "ab", NULL },
		{ "=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab", NULL },
		{ "=?utf-8?q?a?=\r\n\t\r\n =?utf-8?q?b?=", "ab", NULL },
		{ "=?utf-8?q?a?==?utf-8?q?b?=", "ab", NULL },
		{ "=?utf-8?q?a?= - =?utf-8?q?b?=", "a - b", NULL },
		{ "Re: =?utf-8?q?a?= x", "Re: a x", NULL },
		{ "x=?utf-8?q?a?=y", "xay", NULL },
		{ "=?utf-8?q?a_b=5Fc?=", "a b_c", NULL },
		{ "=?utf-8*de?q?stra=C3=9Fe?=", "straße", NULL },
		{ "=?utf-8?q?what\?\?=", "what?", NULL },
		{ "=?utf-8?q\?\?=x", "x", NULL },
		/* characters cut across two words, in either encoding */
		{ "=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é", NULL },
		{ "=?utf-8?B?4oI=?= =?UTF-8?Q?=AC?=", "€", NULL },
		{ "=?gb2312?q?=C3=E2=B7?= =?gb2312?q?=D1?=", "免费", NULL },
		{ "=?iso-2022-jp?B?GyRCMnE1?= =?iso-2022-jp?B?RCRON28bKEI=?=", "会議の件", NULL },
		{ "=?iso-2022-jp?B?GyRCMnE1RBsoQg==?= =?iso-2022-jp?B?GyRCJE43bxsoQg==?=", "会議の件", NULL },
		/* two charsets are not joined */
		{ "=?utf-8?q?=C3?= =?koi8-r?q?=C1?=", "\xEF\xBF\xBD" "а", NULL },
		{ "=?utf-8?q?=C3x?=", "\xEF\xBF\xBDx", NULL },
		/* lenient */
		{ "=?utf-8?q?two words=21?=", "two words!", NULL },
		{ "=?utf-8?q?bad=ZZ=4?=", "bad=ZZ=4", NULL },
		{ "=?utf-8?q?=c3=a9?=", "é", NULL },
		{ "=?utf-8?b?w6k?=", "é", NULL },
		{ "=?utf-8?b?w6k===?=", "é", NULL },
		{ "=?utf-8?b?w6k=w6k=?=", "éé", NULL },
		{ "=?utf-8?b?w6 k=?=", "é", NULL },
		{ "=?utf-8?b?w6kx?= =?utf-8?b?eA?=", "é1x", NULL },
		/* not words: as they are */
		{ "=?utf-8?x?abc?=", "=?utf-8?x?abc?=", NULL },
		{ "=?utf-8?b?!!!?=", "=?utf-8?b?!!!?=", NULL },
		{ "=?utf-8?q?abc", "=?utf-8?q?abc", NULL },
		{ "=?utf-8?q", "=?utf-8?q", NULL },
		{ "=?utf-8", "=?utf-8", NULL },
		{ "=?", "=?", NULL },
		{ "=", "=", NULL },
		{ "=?a b?q?c?=", "=?a b?q?c?=", NULL },
		{ "=?utf-8?q?a =?utf-8?q?b?=", "=?utf-8?q?a b", NULL },
		{ "=?=?utf-8?q?b?=", "=?b", NULL },
		{ "=?utf-8?q?a?= =?utf-8?q?b", "a =?utf-8?q?b", NULL },
		/* what a word hides stays text: output escapes it */
		{ "=?utf-8?q?=1B[31m=07?=", "\x1B[31m\x07", NULL },
		{ "=?utf-8?q?a=00b?=", "a\xEF\xBF\xBD" "b", NULL },
		{ "=?utf-8?q?=ED=A0=80?=", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", NULL },
		{ "=?utf-8?q?e=CC=81?=", "é", NULL },	/* NFC */
		{ "=?utf-8?q?=E1=84=80=E1=85=A1?=", "가", NULL },
	};

	(void)state;
	check_subjects(t, COUNT(t));
}

static void
test_values(void **state)
{
	static const struct subject t[] = {
		{ "", "", NULL },
		{ "   plain  ", "plain", NULL },
		{ "a\r\n b", "a b", NULL },
		{ "a\r\n\tb", "a b", NULL },
		{ "a\n\tb\n  c", "a b  c", NULL },
		{ "a\r\n \r\n b", "a  b", NULL },
		{ "a\rb", "a b", NULL },
		{ "a\tb", "a\tb", NULL },
		{ "\r\n folded", "folded", NULL },
		{ "caf\xC3\xA9", "café", "raw 8-bit in Subject" },
		{ "caf\xE9", "café", "raw 8-bit in Subject" },
		{ "\x93x\x94", "“x”", "raw 8-bit in Subject" },
		{ "\x81", "\xC2\x81", "raw 8-bit in Subject" },
		{ "e\xCC\x81", "é", "raw 8-bit in Subject" },
		{ "\xE9 =?utf-8?q?=C3=A9?=", "é é", "raw 8-bit in Subject" },
		{ "\xC3\xA9 =?iso-8859-1?q?=E9?=", "é é", "raw 8-bit in Subject" },
		{ "=?iso-8859-1?q?\xE9?=", "é", "raw 8-bit in Subject" },
		{ "\xC0\xAF", "À¯", "raw 8-bit in Subject" },	/* an overlong "/" is no UTF-8 */
		{ "=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0", NULL },
	};

	(void)state;
	check_subjects(t, COUNT(t));
}

static void
test_nul(void **state)
{
	static const char text[] = "Subject: a\0b\nFrom: =?utf-8?q?x?=\0\n\n";
	struct parsed p;

	(void)state;
	parse(&p, text, sizeof text - 1, 0, sizeof text);
	assert_text(p.h->subject, "a\xEF\xBF\xBD" "b");
	assert_text(p.h->from, "x\xEF\xBF\xBD");
	assert_true(has_note(p.h, "NUL in Subject"));
	assert_true(has_note(p.h, "NUL in From"));
	arena_free(&p.arena);
}

static const char whole[] =
    "Received: from a (b)\r\n\tby c; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    "Received: from second\r\n"
    "FROM : \"=?utf-8?q?J=C3=B6hn?=\" <j@example.com>\r\n"
    "sUBJECT:one\r\n"
    "Message-Id: <1@example.com>\r\n"
    "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    "Reply-To: r@example.com\r\n"
    "User-Agent: agent\r\n"
    "X-Mailer: mailer\r\n"
    "X-PHP-Originating-Script: 33:mail.php(12) : eval()'d code\r\n"
    "X-PHP-Script: example.com/a for b/mail.php for 192.0.2.1, 192.0.2.2\r\n"
    "X-Source: /usr/bin/php\r\n"
    "X-Source-Args: php-fpm: pool x\r\n"
    "X-Source-Dir: example.com:/public_html\r\n"
    "X-Authenticated-Id: u@example.com\r\n"
    "X-Sender: s@example.com\r\n"
    "List-Unsubscribe: <mailto:u@example.com>\r\n"
    "List-Id: <list.example.com>\r\n"
    "Content-Type: Multipart/Report; report-type=x\r\n"
    "X-Other: =?utf-8?q?=C3=A9?=\r\n\r\n"
    "Subject: body\r\n";

static void
test_fields(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, whole, sizeof whole - 1, 0, sizeof whole);
	assert_text(p.h->received, "from a (b) by c; Mon, 1 Jan 2024 00:00:00 +0000");
	assert_text(p.h->from, "\"Jöhn\" <j@example.com>");
	assert_text(p.h->subject, "one");
	assert_text(p.h->message_id, "<1@example.com>");
	assert_text(p.h->date, "Mon, 1 Jan 2024 00:00:00 +0000");
	assert_text(p.h->reply_to, "r@example.com");
	assert_text(p.h->mailer, "agent");
	assert_text(p.h->php_origin, "33:mail.php(12) : eval()'d code");
	assert_text(p.h->source, "/usr/bin/php");
	assert_text(p.h->source_args, "php-fpm: pool x");
	assert_text(p.h->source_dir, "example.com:/public_html");
	assert_text(p.h->auth_sender, "u@example.com");
	assert_text(p.h->x_sender, "s@example.com");
	assert_text(p.h->list_id, "<list.example.com>");
	assert_int_equal(p.h->is_report, 1);
	assert_int_equal(p.h->ended, 1);
	assert_int_equal(p.h->nnotes, 0);
	assert_int_equal(p.h->nall, 0);
	arena_free(&p.arena);
}

static void
assert_same(const struct head *a, const struct head *b)
{
	size_t i;

	assert_text(a->from, b->from);
	assert_text(a->subject, b->subject);
	assert_text(a->list_id, b->list_id);
	assert_text(a->received, b->received);
	assert_int_equal(a->ended, b->ended);
	assert_int_equal(a->nall, b->nall);
	for (i = 0; i < a->nall; i++) {
		assert_string_equal(a->all[i].name, b->all[i].name);
		assert_string_equal(a->all[i].value, b->all[i].value);
	}
}

static void
test_pieces(void **state)
{
	static const char bom[] = "\xEF\xBB\xBF" "From joe Mon Jan  1\nSubject: x\r\n y\n";
	struct parsed at_once, p;
	size_t step;

	(void)state;
	for (step = 1; step < 40; step++) {
		parse(&at_once, whole, sizeof whole - 1, 1, sizeof whole);
		assert_int_equal(at_once.h->nall, 20);
		assert_string_equal(at_once.h->all[2].name, "FROM");
		assert_string_equal(at_once.h->all[19].value, "é");
		parse(&p, whole, sizeof whole - 1, 1, step);
		assert_same(p.h, at_once.h);
		arena_free(&at_once.arena);
		arena_free(&p.arena);
		parse(&p, bom, sizeof bom - 1, 0, step);
		assert_text(p.h->subject, "x y");
		assert_int_equal(p.h->ended, 0);
		arena_free(&p.arena);
	}
}

static void
test_duplicates(void **state)
{
	static const char text[] = "Subject: first\nsubject: second\nSUBJECT: third\nTo: a\nto: b\nSender: x\nCc: y\n"
	    "Date: 1\nDate: 2\nX-Mailer: a\nX-Mailer: b\nList-Id: 1\nList-Id: 2\n\n";
	struct parsed p;
	int want_all;

	(void)state;
	for (want_all = 0; want_all < 2; want_all++) {
		parse(&p, text, sizeof text - 1, want_all, sizeof text);
		assert_text(p.h->subject, "first");
		assert_text(p.h->date, "1");
		assert_text(p.h->mailer, "a");
		assert_text(p.h->list_id, "1");
		assert_int_equal(p.h->nnotes, 3);
		assert_true(has_note(p.h, "duplicate Subject"));
		assert_true(has_note(p.h, "duplicate To"));
		assert_true(has_note(p.h, "duplicate Date"));
		assert_int_equal(p.h->nall, want_all ? 13 : 0);
		arena_free(&p.arena);
	}
}

/* Where the section ends: at the blank line or the first line that is no field (Postfix is_header.c). */
static void
test_ends(void **state)
{
	static const struct {
		const char *text, *subject;
		int ended;
	} t[] = {
		{ "Subject: a\n\nSubject: b\n", "a", 1 },
		{ "X: 1\n\nSubject: b\n", NULL, 1 },
		{ "X: 1\r\n\r\nSubject: b\n", NULL, 1 },
		{ "X: 1\n\rSubject: b\n", NULL, 1 },
		{ "X: 1\nno field\nSubject: b\n", NULL, 1 },
		{ "X: 1\nno\xC3\xA9: field\nSubject: b\n", NULL, 1 },
		{ "X: 1\nno field: x\nSubject: b\n", NULL, 1 },
		{ "X: 1\n: x\nSubject: b\n", NULL, 1 },
		{ "X: 1\nFrom joe\nSubject: b\n", NULL, 1 },
		{ "From joe\nSubject: b\n", "b", 0 },
		{ ">From joe\n go on\nSubject: b\n", "b", 0 },
		{ " lost\nSubject: b\n", "b", 0 },
		{ "\nSubject: b\n", NULL, 1 },
		{ "\xEF\xBB\xBFSubject: b\n", "b", 0 },
		{ "\xEF\xBBSubject: b\n", NULL, 1 },
		{ "Subject: b", "b", 0 },
		{ "Subject:", "", 0 },
		{ "Subject", NULL, 0 },
		{ "", NULL, 0 },
		{ "X: 1\n \nSubject \t : b\n", "b", 0 },
	};
	struct parsed p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		parse(&p, t[i].text, strlen(t[i].text), 0, 100);
		assert_text(p.h->subject, t[i].subject);
		assert_int_equal(p.h->ended, t[i].ended);
		arena_free(&p.arena);
	}
}

static void
test_reports(void **state)
{
	static const struct {
		const char *text;
		int is_report;
	} t[] = {
		{ "Auto-Submitted: auto-replied\n", 1 }, { "Auto-Submitted: no\n", 0 },
		{ "Auto-Submitted: No (really)\n", 0 }, { "Auto-Submitted: no; x=y\n", 0 },
		{ "Auto-Submitted: nothing\n", 1 }, { "Auto-Submitted:\n", 0 },
		{ "Content-Type: multipart/report\n", 1 }, { "Content-Type:\n multipart/REPORT\n", 1 },
		{ "Content-Type: multipart/mixed\n", 0 }, { "X-Auto: auto-replied\n", 0 },
	};
	struct parsed p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		parse(&p, t[i].text, strlen(t[i].text), 0, 100);
		assert_int_equal(p.h->is_report, t[i].is_report);
		arena_free(&p.arena);
	}
}

static void
fill(struct buf *b, const char *start, const char *unit, size_t n)
{
	buf_init(b, (size_t)64 << 20);
	buf_puts(b, start);
	while (b->n < n)
		buf_puts(b, unit);
	buf_puts(b, "\n");
}

static void
test_limits(void **state)
{
	struct parsed p;
	struct buf b;

	(void)state;
	fill(&b, "Subject: ", "\xE2\x82\xAC", 1 << 20);	/* the cut falls into a character */
	buf_puts(&b, "From: after\n");
	parse(&p, b.p, b.n, 0, 65536);
	assert_text(p.h->from, "after");
	assert_true(strlen(p.h->subject) <= HEAD_FIELD_MAX);
	assert_true(strlen(p.h->subject) > HEAD_FIELD_MAX - 20);
	assert_memory_equal(p.h->subject, "€€€", 9);
	assert_string_equal(p.h->subject + strlen(p.h->subject) - 3, "€");
	assert_true(has_note(p.h, "Subject cut at 262144 bytes"));
	arena_free(&p.arena);
	buf_free(&b);

	fill(&b, "", "X-Junk: 0123456789012345678901234567890123456789\n", HEAD_ALL_MAX + 1000);
	b.n--;		/* fill's last LF would end the section */
	buf_puts(&b, "Subject: after\n");
	parse(&p, b.p, b.n, 0, 65536);
	assert_text(p.h->subject, "after");	/* what is passed over costs nothing */
	assert_int_equal(p.h->nnotes, 0);
	arena_free(&p.arena);
	parse(&p, b.p, b.n, 1, 65536);
	assert_true(has_note(p.h, "header section cut at 4194304 bytes"));
	assert_true(p.h->nall > 80000);
	arena_free(&p.arena);
	buf_free(&b);

	fill(&b, "X", "x", HEAD_FIELD_MAX + 10);	/* a name without end */
	parse(&p, b.p, b.n, 0, 65536);
	assert_int_equal(p.h->ended, 1);
	arena_free(&p.arena);
	buf_free(&b);
}

/* Input made to be slow: done when the test ends at all. */
static void
test_hostile(void **state)
{
	static const struct {
		const char *start, *unit, *note;
	} t[] = {
		{ "Subject: ", "=?", NULL }, { "Subject: ", "=?a?q?", NULL }, { "Subject: ", "=?a?q?x x ", NULL },
		{ "Subject: ", "=?a?b?AAAA", NULL }, { "Subject: ", "=?utf-8?q?a?= ", NULL },
		{ "Subject: ", "\xCC\x81\xCC\xA3", "raw 8-bit in Subject" },
		{ "Subject: ", "=?utf-8?q?=CC=81=CC=A3?= ", NULL },
		{ "Subject: ", "=?iso-8859-2?q?a?= =?koi8-r?q?b?= ", "too many charsets in one field" },
	};
	struct parsed p;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		fill(&b, t[i].start, t[i].unit, 1 << 20);
		parse(&p, b.p, b.n, 0, 4096);
		assert_non_null(p.h->subject);
		assert_true(strlen(p.h->subject) > 1000);
		assert_true(has_note(p.h, "Subject cut at 262144 bytes"));
		if (t[i].note != NULL)
			assert_true(has_note(p.h, t[i].note));
		arena_free(&p.arena);
		buf_free(&b);
	}
}

static void
test_notes_end(void **state)
{
	struct parsed p;
	struct buf b;
	int i;

	(void)state;
	buf_init(&b, 100000);
	buf_puts(&b, "Subject:");
	for (i = 0; i < 500; i++)
		buf_fmt(&b, " =?x-%d?q?a?=", i);
	parse(&p, b.p, b.n, 0, b.n);
	assert_int_equal(p.h->nnotes, 64);
	assert_int_equal(strlen(p.h->subject), 500);
	arena_free(&p.arena);
	buf_free(&b);
}

static void
test_text(void **state)
{
	static const struct {
		const char *bytes, *text;
		size_t n;
		int raw8;
	} t[] = {
		{ "plain", "plain", 5, 0 }, { "", "", 0, 0 }, { "a\0b", "a\xEF\xBF\xBD" "b", 3, 0 },
		{ "\xC3\xA9", "é", 2, 1 }, { "\xE9", "é", 1, 2 }, { "\0\xE9", "\xEF\xBF\xBDé", 2, 2 },
		{ "a\xCC\x8A", "å", 3, 1 }, { "\xF4\x90\x80\x80", "ô\xC2\x90€€", 4, 2 },
	};
	struct arena a = { 0 };
	size_t i;
	int raw8;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		assert_string_equal(head_text(&a, t[i].bytes, t[i].n, &raw8), t[i].text);
		assert_int_equal(raw8, t[i].raw8);
	}
	arena_free(&a);
}

static void
test_to_msg(void **state)
{
	static const struct {
		const char *text, *script, *path;
	} t[] = {
		{ "X-PHP-Originating-Script: 33:a.php\n", "a.php", NULL },
		{ "X-PHP-Originating-Script: a.php\n", "a.php", NULL },
		{ "X-PHP-Originating-Script: a:b.php\n", "a:b.php", NULL },
		{ "X-PHP-Script: h/a.php for 192.0.2.1\n", "h/a.php", "h/a.php" },
		{ "X-PHP-Script: h/a.php\n", "h/a.php", "h/a.php" },
		{ "X-PHP-Script: h/a for b.php for 192.0.2.1\n", "h/a for b.php", "h/a for b.php" },
		{ "X-PHP-Script:\n", NULL, NULL },
		{ "X-PHP-Originating-Script: 33:a.php\nX-PHP-Script: h/up/a.php for ::1\n", "a.php", "h/up/a.php" },
		{ "X-Source-Dir: h:/public_html/tmp\n", NULL, "h:/public_html/tmp" },
		{ "Subject: x\n", NULL, NULL },
	};
	struct parsed p;
	struct msg m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		parse(&p, t[i].text, strlen(t[i].text), 0, 200);
		msg_init(&m, &p.arena);
		head_to_msg(&m, p.h);
		assert_text(m.script, t[i].script);
		assert_text(m.script_path, t[i].path);
		arena_free(&p.arena);
	}
	parse(&p, whole, sizeof whole - 1, 0, sizeof whole);
	msg_init(&m, &p.arena);
	head_to_msg(&m, p.h);
	assert_text(m.from, "\"Jöhn\" <j@example.com>");
	assert_text(m.subject, "one");
	assert_text(m.message_id, "<1@example.com>");
	assert_text(m.mailer, "agent");
	assert_text(m.script, "mail.php(12) : eval()'d code");
	assert_text(m.list_id, "<list.example.com>");
	assert_int_equal(m.is_report, 1);
	assert_int_equal(m.damage.n, 0);
	arena_free(&p.arena);
	parse(&p, "Subject: \xE9\nSubject: b\n", 23, 0, 100);
	msg_init(&m, &p.arena);
	head_to_msg(&m, p.h);
	assert_int_equal(m.notes.n, 2);
	assert_int_equal(m.damage.n, 0);
	arena_free(&p.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_charsets), cmocka_unit_test(test_words), cmocka_unit_test(test_values),
		cmocka_unit_test(test_nul), cmocka_unit_test(test_fields), cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_duplicates), cmocka_unit_test(test_ends), cmocka_unit_test(test_reports),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_hostile), cmocka_unit_test(test_notes_end),
		cmocka_unit_test(test_text), cmocka_unit_test(test_to_msg),
	};

	return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
