/*
 * mkspool_text.c - the words of a message: dates, subjects in the charsets
 * and encodings that real programs use, headers and bodies.
 */
#include <inttypes.h>
#include <string.h>

#include "mkspool.h"

#define COUNTOF(a)	(sizeof(a) / sizeof((a)[0]))

/* Subject as shown, the charset of its bytes, and those bytes. */
struct subject {
	const char *text, *charset, *raw;
};

static const struct subject subjects[] = {
	{ "Re: Meeting on Thursday", "", "Re: Meeting on Thursday" },
	{ "Invoice", "", "Invoice" },
	{ "Order confirmation", "", "Order confirmation" },
	{ "Lunch?", "", "Lunch?" },
	{ "Fwd: holiday photos", "", "Fwd: holiday photos" },
	{ "Quarterly figures for the board, with the corrections of last week "
	  "and the notes of the auditors", "",
	  "Quarterly figures for the board, with the corrections of last week "
	  "and the notes of the auditors" },
	{ "Grüße aus München", "UTF-8", "Grüße aus München" },
	{ "Présentation du projet et calendrier", "UTF-8",
	  "Présentation du projet et calendrier" },
	{ "Отчёт за месяц и план работ", "UTF-8", "Отчёт за месяц и план работ" },
	{ "会議の議事録（更新版）", "UTF-8", "会議の議事録（更新版）" },
	{ "Party 🎉 on Friday", "UTF-8", "Party 🎉 on Friday" },
	{ "Ünvan değişikliği hakkında bilgilendirme yazısı", "UTF-8",
	  "Ünvan değişikliği hakkında bilgilendirme yazısı" },
	{ "Fatura ödemesi ve şube değişikliği", "ISO-8859-9",
	  "Fatura \366demesi ve \376ube de\360i\376ikli\360i" },
	{ "Sipariş onayı: İstanbul ofisi", "ISO-8859-9",
	  "Sipari\376 onay\375: \335stanbul ofisi" },
	{ "Résumé – candidature “Ingénieur”", "windows-1252",
	  "R\351sum\351 \226 candidature \223Ing\351nieur\224" },
	{ "Prix : 45 € la pièce", "windows-1252",
	  "Prix : 45 \200 la pi\350ce" },
	{ "Счёт на оплату", "KOI8-R", "\363\336\243\324 \316\301 \317\320\314\301\324\325" },
	{ "Встреча в пятницу", "KOI8-R",
	  "\367\323\324\322\305\336\301 \327 \320\321\324\316\311\303\325" },
	{ "会議のお知らせ", "ISO-2022-JP", "\033$B2q5D$N$*CN$i$;\033(B" },
	{ "請求書の送付について", "ISO-2022-JP",
	  "\033$B@A5a=q$NAwIU$K$D$$$F\033(B" },
};

static const struct subject spam_subjects[] = {
	{ "Your parcel is waiting: confirm your address today", "",
	  "Your parcel is waiting: confirm your address today" },
	{ "Final notice: mailbox storage exceeded", "",
	  "Final notice: mailbox storage exceeded" },
	{ "Ödeme bildirimi: dekont ektedir", "UTF-8",
	  "Ödeme bildirimi: dekont ektedir" },
	{ "Re: business proposal", "", "Re: business proposal" },
};

static const struct subject web_subjects[] = {
	{ "Cheap watches, last day", "", "Cheap watches, last day" },
	{ "You have 1 unread fax", "", "You have 1 unread fax" },
};

/* Dates, without the C library: it knows only its own zone. */

struct civil {
	int64_t year;
	int month, day, hour, min, sec, wday;
};

static void
civil_from(struct civil *c, int64_t t)
{
	int64_t days = t / 86400, rest = t % 86400, z = days + 719468;
	int64_t era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	c->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	c->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	c->year = yoe + era * 400 + (c->month <= 2 ? 1 : 0);
	c->hour = (int)(rest / 3600);
	c->min = (int)(rest / 60 % 60);
	c->sec = (int)(rest % 60);
	c->wday = (int)((days + 4) % 7);
}

void
mail_date(struct mbuf *b, int64_t sec, int zone)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int abs = zone < 0 ? -zone : zone;
	struct civil c;

	civil_from(&c, sec + (int64_t)zone * 60);
	mb_fmt(b, "%s, %d %s %" PRId64 " %02d:%02d:%02d %c%02d%02d", days[c.wday],
	    c.day, months[c.month - 1], c.year, c.hour, c.min, c.sec,
	    zone < 0 ? '-' : '+', abs / 60, abs % 60);
}

/* fmt: Y is the year, m d H M S two digits each, others stand for themselves. */
void
mail_stamp(struct mbuf *b, const char *fmt, int64_t sec, int zone)
{
	struct civil c;

	civil_from(&c, sec + (int64_t)zone * 60);
	for (; *fmt != '\0'; fmt++) {
		switch (*fmt) {
		case 'Y': mb_fmt(b, "%04" PRId64, c.year); break;
		case 'm': mb_fmt(b, "%02d", c.month); break;
		case 'd': mb_fmt(b, "%02d", c.day); break;
		case 'H': mb_fmt(b, "%02d", c.hour); break;
		case 'M': mb_fmt(b, "%02d", c.min); break;
		case 'S': mb_fmt(b, "%02d", c.sec); break;
		default: mb_ch(b, *fmt); break;
		}
	}
}

/* Content */

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
mail_base64(struct mbuf *b, const unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		mb_ch(b, base64_digits[v >> 18]);
		mb_ch(b, base64_digits[v >> 12 & 63]);
		mb_ch(b, i + 1 < n ? base64_digits[v >> 6 & 63] : '=');
		mb_ch(b, i + 2 < n ? base64_digits[v & 63] : '=');
	}
}

/* How many bytes fit one encoded word, whole characters only in UTF-8. */
static size_t
word_bytes(const char *raw, size_t n, const char *charset, bool q)
{
	size_t room = 75 - 7 - strlen(charset), k = q ? room / 3 : room / 4 * 3;

	if (k >= n)
		return n;
	if (strcmp(charset, "UTF-8") == 0)
		while (k > 1 && ((unsigned char)raw[k] & 0xC0) == 0x80)
			k--;
	return k;
}

static void
encoded_words(struct mbuf *b, const char *raw, size_t n, const char *charset,
    bool q)
{
	size_t i, k;

	for (; n > 0; raw += k, n -= k) {
		k = word_bytes(raw, n, charset, q);
		mb_fmt(b, "=?%s?%c?", charset, q ? 'Q' : 'B');
		if (!q)
			mail_base64(b, (const unsigned char *)raw, k);
		for (i = 0; q && i < k; i++) {
			unsigned char c = (unsigned char)raw[i];

			if (c == ' ')
				mb_ch(b, '_');
			else if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			    (c >= '0' && c <= '9'))
				mb_ch(b, c);
			else
				mb_fmt(b, "=%02X", c);
		}
		mb_str(b, k < n ? "?=\n " : "?=");
	}
}

static void
folded(struct mbuf *b, const char *s)
{
	size_t col = 9;

	for (; *s != '\0'; s++, col++) {
		if (*s == ' ' && col > 60) {
			mb_ch(b, '\n');
			col = 0;
		}
		mb_ch(b, *s);
	}
}

static void
write_subject(struct mail *m, const struct subject *s, const char *suffix,
    struct rng *r)
{
	bool q = rng_one_in(r, 2) && strcmp(s->charset, "ISO-2022-JP") != 0;
	char raw[512];

	(void)snprintf(raw, sizeof(raw), "%s%s", s->raw, suffix);
	mb_fmt(&m->subject, "%s%s", s->text, suffix);
	m->subject_known = true;
	mb_str(&m->head, "Subject: ");
	if (s->charset[0] == '\0')
		folded(&m->head, raw);
	else if ((strcmp(s->charset, "UTF-8") == 0 ||
	    strcmp(s->charset, "windows-1252") == 0) && rng_one_in(r, 8))
		mb_str(&m->head, raw);	/* raw 8-bit, as old programs send it */
	else
		encoded_words(&m->head, raw, strlen(raw), s->charset, q);
	mb_ch(&m->head, '\n');
}

static void
pick_subject(struct mail *m, struct rng *r)
{
	static const struct subject news = { "Spring offers: bulbs, tools and seeds",
		"", "Spring offers: bulbs, tools and seeds" };
	static const struct subject failed = {
		"Mail delivery failed: returning message to sender", "",
		"Mail delivery failed: returning message to sender" };
	char suffix[32] = "";

	switch (m->label) {
	case L_HACKED:
	case L_LANCLIENT:
		write_subject(m, &spam_subjects[(m->label == L_LANCLIENT ? 3 :
		    rng_below(r, COUNTOF(spam_subjects) - 1))], "", r);
		break;
	case L_WEBFORM:
		write_subject(m, &web_subjects[rng_below(r, COUNTOF(web_subjects))], "", r);
		break;
	case L_NEWSLETTER:
		write_subject(m, &news, "", r);
		break;
	case L_BOUNCE:
		write_subject(m, &failed, "", r);
		break;
	default:
		if (rng_one_in(r, 2))
			(void)snprintf(suffix, sizeof(suffix), " %" PRIu32,
			    1000 + rng_below(r, 9000));
		write_subject(m, &subjects[rng_below(r, COUNTOF(subjects))], suffix, r);
	}
}

static void
write_to(struct mail *m)
{
	uint32_t i, n = m->rcpts < 5 ? m->rcpts : 5;

	mb_str(&m->head, "To: ");
	for (i = 0; i < n; i++) {
		mail_recipient(&m->head, m, i);
		mb_str(&m->head, i + 1 < n ? ",\n\t" : "\n");
	}
}

static void
write_filler(struct mail *m, const struct world *w, size_t n, struct rng *r)
{
	while (n > 0) {
		size_t at = rng_below(r, (uint32_t)(w->filler.len / 2));
		size_t k = n < w->filler.len / 4 ? n : w->filler.len / 4;

		while (w->filler.p[at] != '\n')
			at++;
		at++;
		mb_add(&m->body, w->filler.p + at, k);
		n -= k;
	}
	mb_ch(&m->body, '\n');
}

static void
write_attachment(struct mail *m, size_t n, struct rng *r)
{
	static const char begin[] = "%PDF-1.4\n";
	unsigned char line[57];
	bool is_first = true;
	size_t i;

	for (; n > 0; n -= n < sizeof(line) ? n : sizeof(line)) {
		for (i = 0; i < sizeof(line); i++)
			line[i] = (unsigned char)rng_next(r);
		if (is_first)
			memcpy(line, begin, sizeof(begin) - 1);
		is_first = false;
		if (m->body.len % 3 == 0)
			line[0] = '%';
		mail_base64(&m->body, line, sizeof(line));
		mb_ch(&m->body, '\n');
	}
}

static void
body_spam(struct mail *m, struct rng *r)
{
	uint32_t site = rng_below(r, 5), id = rng_below(r, 99999);

	mb_str(&m->head, "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n");
	mb_fmt(&m->body, "<html><body><p>Dear customer,</p>\n<p>your account was "
	    "limited. <a href=\"http://login-%" PRIu32 ".example/verify?id=%" PRIu32
	    "\">Confirm now</a></p>\n</body></html>\n", site, id);
}

static void
body_report(struct mail *m, struct rng *r)
{
	uint32_t b = rng_below(r, 1000000000);
	const struct reply *rep = mail_reply(m, 0, REPLY_ANY);

	mb_fmt(&m->head, "MIME-Version: 1.0\nAuto-Submitted: auto-replied\n"
	    "X-Failed-Recipients: john%" PRIu32 "@gmail.example\nContent-Type: multipart/report;"
	    " report-type=delivery-status;\n\tboundary=\"b%" PRIu32 "/mx1\"\n", b % 900, b);
	mb_fmt(&m->body, "--b%" PRIu32 "/mx1\nContent-Type: text/plain; charset=us-ascii\n\n"
	    "A message that you sent could not be delivered.\n\n  john%" PRIu32
	    "@gmail.example\n    ", b, b % 900);
	reply_text(&m->body, rep, "john@gmail.example");
	mb_fmt(&m->body, "\n\n--b%" PRIu32 "/mx1\nContent-Type: message/delivery-status\n\n"
	    "Reporting-MTA: dns; " SERVER_NAME "\n\nFinal-Recipient: rfc822; john%" PRIu32
	    "@gmail.example\nAction: failed\nStatus: 5.7.1\nRemote-MTA: dns; %s\n"
	    "Diagnostic-Code: smtp; 550 5.7.1 refused\n\n", b, b % 900, rep->host);
	mb_fmt(&m->body, "--b%" PRIu32 "/mx1\nContent-Type: text/rfc822-headers\n\n"
	    "From: info@atlas-tours.example\nSubject: Final notice: mailbox storage exceeded\n\n--b%"
	    PRIu32 "/mx1--\n", b, b);
}

static size_t
body_size(const struct world *w, struct rng *r)
{
	/* A long tail: one in ten is eight times the usual; the mean stays. */
	size_t n = (size_t)rng_below(r, w->o.mean_size) + 1;

	return rng_one_in(r, 10) ? n * 8 : n;
}

static void
body_user(struct mail *m, const struct world *w, struct rng *r)
{
	size_t n = body_size(w, r);
	uint32_t b = rng_below(r, 1000000000);

	mb_str(&m->head, "MIME-Version: 1.0\n");
	if (!rng_one_in(r, 6)) {
		mb_str(&m->head, "Content-Type: text/plain; charset=UTF-8; format=flowed\n"
		    "Content-Transfer-Encoding: 8bit\nUser-Agent: Mozilla Thunderbird\n");
		write_filler(m, w, n, r);
		return;
	}
	mb_fmt(&m->head, "Content-Type: multipart/mixed; boundary=\"=_%" PRIu32 "\"\n"
	    "X-Mailer: Microsoft Outlook 16.0\n", b);
	mb_fmt(&m->body, "--=_%" PRIu32 "\nContent-Type: text/plain\n\n", b);
	write_filler(m, w, n / 4, r);
	mb_fmt(&m->body, "--=_%" PRIu32 "\nContent-Type: application/pdf; name=\"Fatura.pdf\"\n"
	    "Content-Transfer-Encoding: base64\nContent-Disposition: attachment;\n"
	    "\tfilename=\"Fatura.pdf\"\n\n", b);
	write_attachment(m, n, r);
	mb_fmt(&m->body, "--=_%" PRIu32 "--\n", b);
}

static void
body_newsletter(struct mail *m, const struct world *w, struct rng *r)
{
	mb_str(&m->head, "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
	    "List-Id: Garden Shop offers <offers.garden-shop.example>\n"
	    "List-Unsubscribe: <https://www.garden-shop.example/unsubscribe?u=17>,\n"
	    "\t<mailto:unsubscribe@garden-shop.example>\n"
	    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\nPrecedence: bulk\n");
	write_filler(m, w, body_size(w, r), r);
}

void
mail_write(struct mail *m, struct world *w)
{
	struct rng r = { hash2(w->o.seed ^ UINT64_C(0x626F6479), m->n) };
	bool of_campaign = w->o.campaigns && m->label != L_BOUNCE;

	mb_fmt(&m->head, "From: %s <%s>\n",
	    m->label == L_BOUNCE ? "Mail Delivery System" :
	    m->gecos[0] != '\0' ? m->gecos : "\"Office, Sales\"",
	    m->sender[0] != '\0' ? m->sender : "MAILER-DAEMON@" SERVER_NAME);
	write_to(m);
	if (of_campaign)
		campaign_write(m, w, &r);
	else
		pick_subject(m, &r);
	mb_str(&m->head, "Date: ");
	mail_date(&m->head, m->sec, 180);
	mb_fmt(&m->head, "\nMessage-ID: <%016" PRIx64 ".%" PRIu64 "@%s>\n", rng_next(&r),
	    m->n, m->helo[0] != '\0' && m->helo[0] != '[' ? m->helo : SERVER_NAME);
	if (m->script[0] != '\0')
		mb_fmt(&m->head, "X-PHP-Script: www.atlas-tours.example/wp-content/uploads/"
		    "2026/09/%s for 203.0.113.66\nX-PHP-Originating-Script: %d:%s\n",
		    m->script, m->uid, m->script);
	if (of_campaign)
		return;
	if (m->label == L_NEWSLETTER)
		body_newsletter(m, w, &r);
	else if (m->label == L_BOUNCE)
		body_report(m, &r);
	else if (m->label == L_USER)
		body_user(m, w, &r);
	else
		body_spam(m, &r);
}
