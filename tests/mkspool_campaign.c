/*
 * mkspool_campaign.c - mail with labels for what belongs together: spam runs in
 * two waves with the tricks of the trade, a shop's newsletters that share their
 * template, letters that share a signature, tiny messages, bounces. The truth's
 * "campaign" is the label, null for what is like nothing else. Each seed takes
 * other runs, hosts, products and words.
 */
#include <inttypes.h>
#include <string.h>

#include "mkspool.h"

#define COUNTOF(a)	(sizeof(a) / sizeof((a)[0]))

enum form { F_PLAIN, F_QP, F_BASE64, F_HTML, F_HTML64, F_BOTH };

enum trick {
	T_INVISIBLE = 1,	/* zero-width and soft hyphens amid words */
	T_LETTERS = 2,		/* Cyrillic, Greek and full-width letters */
	T_TAIL = 4,		/* random sentences below */
	T_LEAD = 8,		/* and above, as a hidden first line */
	T_TOKEN = 16,		/* random characters in subject and text */
	T_FILE = 32,		/* an attachment, the same for all */
	T_HOSTS = 64,		/* one of 20 hosts for each message, not one */
	T_SHORT = 128,		/* a shortener, another link for each message */
	T_SPLIT = 256		/* HTML comments amid words */
};

/*
 * {a|b} one of these, %n the recipient's name, %d digits, %r random characters,
 * %u the link. wave: the words that the second wave has for %w.
 */
struct run {
	const char *name;
	enum form form;
	unsigned tricks;
	const char *subject, *body, *wave[2];
};

static const struct run runs[] = {
	{ "parcel", F_HTML, T_TOKEN | T_HOSTS,
	  "Your parcel %d is waiting, %n",
	  "{Dear|Hello} %n,\nyour parcel %d could not be delivered because the address on the label is not "
	  "complete. %w Please confirm your address and pay the remaining fee of 1.99 within %d hours, or it "
	  "will be returned to the sender: %u\nReference %r\nKind regards,\nThe parcel service",
	  { "Our driver was at your door today.", "We keep it at the depot for three days." } },
	{ "quota", F_BOTH, T_INVISIBLE | T_LETTERS,
	  "{Final notice|Important notice|Notice}: mailbox storage {exceeded|full}",
	  "{Dear|Hello|Attention} {user|customer|%n},\nyour {mailbox|e-mail account} has {reached|exceeded} its "
	  "storage limit and {incoming messages|new mail} will be {rejected|refused} {soon|from today}. To "
	  "{keep|retain} your {account|mailbox} please {verify|confirm} your password {now|at once} on our "
	  "server: %u\n%w\n{Thank you|Regards},\nThe {help desk|administrator}",
	  { "Unverified accounts are deleted after a day.", "Ignoring this message leads to suspension." } },
	{ "proposal", F_PLAIN, T_TAIL,
	  "{Business|Investment|Partnership} proposal for %n",
	  "Dear friend %n,\nI am the lawyer of a late client who left a deposit of 10.5 million dollars in a bank "
	  "of my country. He died without next of kin, and the bank has asked me to present an heir within "
	  "ten working days. %w I propose to present you, as you bear the same family name, and to share the "
	  "money equally. All papers are with me and there is no risk at all. Please answer with your full "
	  "name, your telephone number and your occupation so that I can begin.\nYours faithfully,\nBarrister "
	  "James Okoro",
	  { "I found your address in a public register.", "I was told that you are honest." } },
	{ "look", F_PLAIN, T_SHORT,
	  "{hi|hello|hey} %n", "%n, is this really you in the video from last night? %u", { "", "" } },
	{ "dekont", F_BASE64, T_FILE | T_TOKEN,
	  "Ödeme bildirimi %d: dekont ektedir",
	  "Sayın %n,\n%d numaralı faturanıza ait ödeme bugün hesabınıza aktarılmıştır. %w Dekontu ekte "
	  "bulabilirsiniz, lütfen kontrol edip tarafımıza bilgi veriniz.\nSaygılarımızla,\nMuhasebe birimi",
	  { "İşlem şubemizden yapılmıştır.", "Aktarım internet üzerinden tamamlanmıştır." } },
	{ "kazino", F_HTML64, T_INVISIBLE | T_HOSTS,
	  "%n, вам {начислено|подарено} %d бесплатных вращений",
	  "{Здравствуйте|Добрый день}, %n!\nТолько сегодня новое казино дарит каждому игроку {бонус|подарок} на "
	  "первый депозит и бесплатные вращения без условий. %w Чтобы {забрать|получить} подарок, перейдите по "
	  "ссылке и войдите в личный кабинет: %u\nУдачи!",
	  { "Предложение действует сутки.", "Число подарков ограничено." } },
	{ "fapiao", F_BASE64, T_TOKEN,
	  "代开发票 %d",
	  "%n 您好：我公司长期对外代开各类正规增值税发票，税率优惠，验证后付款，保证真实有效。%w业务范围包括运输、建筑、"
	  "广告、餐饮和咨询服务。有需要请联系王经理，微信 %r，或访问 %u 查询详情。",
	  { "本月办理可以打折。", "老客户介绍新客户有礼品。" } },
	{ "wallet", F_HTML, T_LEAD | T_LETTERS | T_SPLIT,
	  "{Action required|Please act}: your wallet is {restricted|locked} %r",
	  "Hello %n,\nwe noticed an unusual login to your wallet from a new device, and restricted all transfers to "
	  "protect your coins. %w To restore full access you have to validate your recovery phrase within 24 "
	  "hours on the page below. %u\nIf you do not do so, the coins will be frozen by the network.\nWallet "
	  "security team",
	  { "The device was in another country.", "The login was made with the right password." } },
	{ "fax", F_PLAIN, T_FILE | T_TOKEN,
	  "You have received %d new fax pages",
	  "A fax of %d pages has arrived for %n from an unknown number. %w Open the attached document to read it.\nCaller "
	  "%d, job %r", { "It is kept for a week.", "It was received tonight." } },
	{ "loan", F_QP, T_TAIL | T_HOSTS,
	  "{Need cash|Money today|Loans for all|Cheap credit|Bad credit is fine} {fast|now|at 2 percent|in one hour}",
	  "{Are you|%n, are you} {tired|sick} of {banks|offices} that {say no|refuse}? We {lend|give} {up to|as much as} "
	  "{50,000|fifty thousand} {dollars|euros} to {everybody|anyone} {without|with no} questions, {even with|also with} "
	  "bad credit history, and the {money|cash} is on your account {today|within hours}. %w Only {fill in|complete} the "
	  "{short|simple} form {here|on this page}: %u",
	  { "More than nine thousand customers trust us.", "No paper work is needed at all." } },
	{ "lottery", F_HTML, T_INVISIBLE | T_TAIL,
	  "Felicidades %n: su boleto %d ha sido premiado",
	  "Estimado %n,\nnos complace informarle que su dirección de correo fue elegida en el sorteo internacional de "
	  "primavera y ha ganado un premio de 850.000 euros. %w Para cobrarlo envíe sus datos personales y una copia de "
	  "su documento a nuestro agente antes de fin de mes: %u\nAtentamente,\nDirección de premios",
	  { "Su número de referencia es confidencial.", "El sorteo se celebró en Madrid." } },
	{ "invoice", F_BOTH, T_FILE | T_LETTERS | T_TOKEN,
	  "{Overdue|Unpaid|Open} invoice %d",
	  "{Good day|Hello} %n,\nour records show that invoice %d of last month is still open although the term of payment "
	  "ended two weeks ago. %w Please find a copy attached and transfer the amount without further delay, otherwise we "
	  "hand the matter over to our lawyers.\nAccounts department",
	  { "This is the second reminder.", "The amount includes the fee of the reminder." } },
};

static const char *const first_names[] = {
	"Laura", "Martin", "Selin", "Dimitri", "Agnes", "Tomas", "Ingrid", "Hakan", "Beatriz", "Oskar"
};

/* Lists from which letters and random sentences are made. */
static const char *const nouns[] = {
	"harbour", "library", "engine", "concert", "kitchen", "mountain", "teacher", "bicycle", "window", "archive", "printer", "garden",
	"balcony", "museum", "contract", "carpet", "station", "orchestra", "painting", "blanket", "bakery", "village", "insurance", "battery",
	"curtain", "meadow", "notebook", "ladder", "festival", "workshop", "drawing", "cellar", "ferry", "hospital", "lantern", "passport",
	"violin", "warehouse", "stadium", "cupboard", "projector", "vineyard", "bridge", "reservoir", "mechanic", "tournament", "keyboard",
	"railing", "calendar", "catalogue", "neighbour", "laboratory", "tablecloth", "scholarship", "radiator", "elevator", "translation",
	"lighthouse", "upholstery", "membership"
};
static const char *const verbs[] = {
	"repaired", "visited", "painted", "measured", "forgotten", "ordered", "cleaned", "moved", "photographed", "sold", "closed", "opened",
	"described", "discussed", "replaced", "borrowed", "cancelled", "postponed", "checked", "delivered", "designed", "inspected", "rented",
	"covered", "registered", "translated", "insured", "compared", "approved", "refused"
};
static const char *const openings[] = {
	"I think the %s could be %s before the %s is %s.", "Did you hear that the %s was %s while our %s got %s?",
	"As agreed on the phone, the %s will be %s and the %s %s.", "My brother says the %s has been %s, but the %s was never %s.",
	"Could you ask whether the %s is %s already, or only the %s %s?", "On Monday the %s was finally %s, and the %s too was %s.",
	"We were so happy that the %s got %s although the %s had been %s.", "Please tell Anna that the %s must be %s and the %s %s."
};
static const char *const products[] = {
	"tulip bulbs", "pruning shears", "tomato seeds", "watering cans", "cordless mower", "rain barrel", "hanging baskets", "rose fertiliser",
	"wool scarf", "leather boots", "linen shirt", "winter coat", "silk tie", "canvas bag", "running shoes", "sun hat",
	"coffee grinder", "cast iron pan", "bread knife", "glass teapot", "wine cooler", "salad spinner", "pasta maker", "honey jar",
	"desk lamp", "office chair", "label printer", "fountain pen", "paper shredder", "wall clock", "filing cabinet", "whiteboard"
};
static const char *const praise[] = {
	"now at half the price until Sunday", "made by hand in a small family workshop", "back in stock after a long winter",
	"with free delivery this week only", "chosen by our readers as the best of the year", "in four new colours that nobody else has",
	"tested by our experts and found excellent", "for all who like it simple and strong", "the gift that everybody will remember",
	"with a guarantee of ten full years", "lighter than ever and easy to clean", "from organic farms in the south",
	"as seen in the magazine last month", "only while the stock lasts", "for beginners and masters alike",
	"with a booklet full of good advice"
};

/* Words */

static const char *
pick(struct rng *r, const char *const *v, size_t n)
{
	return v[rng_below(r, (uint32_t)n)];
}
#define PICK(r, v) pick(r, v, COUNTOF(v))

static void
sentence(struct mbuf *b, struct rng *r)
{
	const char *form = PICK(r, openings);
	unsigned k = 0;

	for (; *form != '\0'; form++) {
		if (form[0] != '%') {
			mb_ch(b, *form);
			continue;
		}
		form++;
		if (k++ % 2 == 0)
			mb_str(b, PICK(r, nouns));
		else
			mb_str(b, PICK(r, verbs));
	}
	mb_ch(b, '\n');
}

static void
random_chars(struct mbuf *b, struct rng *r, uint32_t n)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	while (n-- > 0)
		mb_ch(b, chars[rng_below(r, sizeof(chars) - 1)]);
}

static void
digits(struct mbuf *b, struct rng *r)
{
	uint32_t n = 1 + rng_below(r, 6);

	mb_ch(b, '1' + (int)rng_below(r, 9));
	while (n-- > 0)
		mb_ch(b, '0' + (int)rng_below(r, 10));
}

/* As in the address for three of four; lists that are bought have other names. */
static void
name_of(struct mbuf *b, const struct mail *m, struct rng *r)
{
	struct mbuf rcpt = { NULL, 0, 0 };
	size_t i;

	if (rng_one_in(r, 4)) {
		mb_str(b, PICK(r, first_names));
		return;
	}
	mail_recipient(&rcpt, m, 0);
	for (i = 0; i < rcpt.len && rcpt.p[i] >= 'a' && rcpt.p[i] <= 'z'; i++)
		mb_ch(b, i == 0 ? rcpt.p[i] - 32 : rcpt.p[i]);
	mb_free(&rcpt);
}

struct fill {			/* what stands for the signs of a text */
	const struct mail *m;
	const char *wave;
	struct rng *r;
	const char *url;
};

static void
expand_sign(struct mbuf *b, const struct fill *f, char sign)
{
	switch (sign) {
	case 'n': name_of(b, f->m, f->r); break;
	case 'd': digits(b, f->r); break;
	case 'r': random_chars(b, f->r, 6 + rng_below(f->r, 8)); break;
	case 'w': mb_str(b, f->wave); break;
	case 'u': mb_str(b, f->url); break;
	default: die("%%%c in a text", sign);
	}
}

static void
expand(struct mbuf *b, const struct fill *f, const char *text, const char *end)
{
	for (; text < end; text++) {
		const char *close, *p;
		uint32_t n = 1;

		if (*text == '%') {
			expand_sign(b, f, *++text);
			continue;
		}
		if (*text != '{') {
			mb_ch(b, *text);
			continue;
		}
		close = strchr(text, '}');
		for (p = text; p < close; p++)
			n += *p == '|';
		for (n = rng_below(f->r, n), p = text + 1; n > 0; p++)
			n -= *p == '|';
		text = memchr(p, '|', (size_t)(close - p));
		expand(b, f, p, text != NULL ? text : close);
		text = close;
	}
}

/* Tricks: they leave links and line ends as they are. */

static void
trick_char(struct mbuf *b, unsigned char c, unsigned tricks, struct rng *r)
{
	static const char *const invisible[] = { "\342\200\213", "\342\200\214", "\342\200\215", "\342\201\240", "\302\255", "\357\273\277" };
	static const struct { char c; const char *like[3]; } letters[] = {
		{ 'a', { "а", "α", "ａ" } }, { 'e', { "е", "ｅ", "е" } }, { 'o', { "о", "ο", "ｏ" } }, { 'c', { "с", "ｃ", "ϲ" } },
		{ 'p', { "р", "ρ", "ｐ" } }, { 'i', { "і", "ι", "ｉ" } }, { 'x', { "х", "ｘ", "х" } }, { 's', { "ѕ", "ｓ", "ѕ" } },
		{ 'y', { "у", "ｙ", "у" } }, { 'T', { "Т", "Τ", "Ｔ" } }
	};
	size_t k;

	for (k = 0; (tricks & T_LETTERS) != 0 && k < COUNTOF(letters); k++) {
		if (letters[k].c == (char)c && rng_one_in(r, 4)) {
			mb_str(b, letters[k].like[rng_below(r, 3)]);
			return;
		}
	}
	mb_ch(b, c);
	if ((tricks & T_INVISIBLE) != 0 && c > ' ' && c < 0x80 && rng_one_in(r, 9))
		mb_str(b, PICK(r, invisible));
	if ((tricks & T_SPLIT) != 0 && c >= 'a' && c <= 'z' && rng_one_in(r, 12)) {
		mb_str(b, "<!-- ");
		random_chars(b, r, 5);
		mb_str(b, " -->");
	}
}

static void
trick(struct mbuf *b, const struct mbuf *text, unsigned tricks, struct rng *r)
{
	size_t i, url = 0;

	for (i = 0; i < text->len; i++) {
		if (i + 4 < text->len && memcmp(text->p + i, "http", 4) == 0)
			url = 1;
		else if (text->p[i] <= ' ')
			url = 0;
		trick_char(b, text->p[i], url ? 0 : tricks, r);
	}
}

/* Bodies */

static void
quoted_printable(struct mbuf *b, const struct mbuf *text)
{
	size_t i, col = 0;

	for (i = 0; i < text->len; i++) {
		unsigned char c = text->p[i];

		if (c == '\n')
			col = 0;
		else if (col > 70) {
			mb_str(b, "=\n");
			col = 0;
		}
		if (c == '\n' || (c >= ' ' && c < 0x7f && c != '=')) {
			mb_ch(b, c);
			col++;
		} else {
			mb_fmt(b, "=%02X", c);
			col += 3;
		}
	}
}

static void
base64_lines(struct mbuf *b, const struct mbuf *text)
{
	size_t i, n;

	for (i = 0; i < text->len; i += n) {
		n = text->len - i < 57 ? text->len - i : 57;
		mail_base64(b, text->p + i, n);
		mb_ch(b, '\n');
	}
}

/* Paragraphs, and links as links. */
static void
html(struct mbuf *b, const struct mbuf *text, bool is_unseen_first)
{
	size_t i, end;

	mb_fmt(b, "<html><head><style>p { margin: 4px }</style></head><body>\n<p%s>",
	    is_unseen_first ? " style=\"display:none\"" : "");
	for (i = 0; i < text->len; i++) {
		if (text->p[i] == '\n') {
			mb_str(b, i + 1 < text->len ? "</p>\n<p>" : "");
		} else if (i + 4 < text->len && memcmp(text->p + i, "http", 4) == 0) {
			for (end = i; end < text->len && text->p[end] > ' '; end++)
				;
			mb_fmt(b, "<a href=\"%.*s\"><b>Click&nbsp;here</b></a>", (int)(end - i), (const char *)text->p + i);
			i = end - 1;
		} else
			mb_ch(b, text->p[i]);
	}
	mb_str(b, "</p>\n</body></html>\n");
}

static void
entity(struct mbuf *b, const struct mbuf *text, const char *type, enum form form)
{
	static const char *const encoding[] = { "8bit", "quoted-printable", "base64" };
	unsigned k = form == F_QP ? 1 : form == F_BASE64 ? 2 : 0;

	mb_fmt(b, "Content-Type: text/%s; charset=utf-8\nContent-Transfer-Encoding: %s\n\n", type, encoding[k]);
	if (k == 0)
		mb_add(b, text->p, text->len);
	else if (k == 1)
		quoted_printable(b, text);
	else
		base64_lines(b, text);
	mb_ch(b, '\n');
}

/* The text as plain text, as HTML, or both; with the attachment of the run beside. */
static void
put_entity(struct mbuf *out, const struct mbuf *plain, const struct mbuf *rich, enum form form, uint32_t bound)
{
	if (form == F_PLAIN || form == F_QP || form == F_BASE64) {
		entity(out, plain, "plain", form);
		return;
	}
	if (form == F_HTML || form == F_HTML64) {
		entity(out, rich, "html", form == F_HTML64 ? F_BASE64 : F_PLAIN);
		return;
	}
	mb_fmt(out, "Content-Type: multipart/alternative; boundary=\"alt%" PRIu32 "\"\n\n--alt%" PRIu32 "\n", bound, bound);
	entity(out, plain, "plain", F_QP);
	mb_fmt(out, "--alt%" PRIu32 "\n", bound);
	entity(out, rich, "html", F_QP);
	mb_fmt(out, "--alt%" PRIu32 "--\n", bound);
}

static void
put_file(struct mbuf *b, const char *name, uint64_t content)
{
	struct mbuf bytes = { NULL, 0, 0 };
	struct rng r = { content };
	int i;

	mb_str(&bytes, "%PDF-1.4\n");
	for (i = 0; i < 300; i++)
		mb_ch(&bytes, (int)rng_below(&r, 256));
	mb_fmt(b, "Content-Type: application/pdf; name=\"%s\"\nContent-Transfer-Encoding: base64\n"
	    "Content-Disposition: attachment; filename=\"%s\"\n\n", name, name);
	base64_lines(b, &bytes);
	mb_free(&bytes);
}

/* Header and body of the whole from the one entity, which begins with its own header lines. */
static void
finish(struct mail *m, const struct mbuf *one, bool has_file, uint64_t file, uint32_t bound)
{
	struct mbuf all = { NULL, 0, 0 };
	size_t at;

	mb_str(&m->head, "MIME-Version: 1.0\n");
	if (has_file) {
		mb_fmt(&all, "Content-Type: multipart/mixed; boundary=\"mix%" PRIu32 "\"\n\n--mix%" PRIu32 "\n", bound, bound);
		mb_add(&all, one->p, one->len);
		mb_fmt(&all, "--mix%" PRIu32 "\n", bound);
		put_file(&all, "document.pdf", file);
		mb_fmt(&all, "--mix%" PRIu32 "--\n", bound);
	} else
		mb_add(&all, one->p, one->len);
	for (at = 0; memcmp(all.p + at, "\n\n", 2) != 0; at++)
		;
	mb_add(&m->head, all.p, at + 1);
	mb_add(&m->body, all.p + at + 2, all.len - at - 2);
	mb_free(&all);
}

static void
put_subject(struct mail *m, const struct mbuf *text)
{
	size_t i, n;

	mb_add(&m->subject, text->p, text->len);
	m->subject_known = true;
	mb_str(&m->head, "Subject:");
	for (i = 0; i < text->len; i += n) {	/* whole characters in each word */
		for (n = text->len - i < 40 ? text->len - i : 40; i + n < text->len && (text->p[i + n] & 0xC0) == 0x80; n--)
			;
		mb_str(&m->head, i == 0 ? " =?utf-8?B?" : "\n =?utf-8?B?");
		mail_base64(&m->head, text->p + i, n);
		mb_str(&m->head, "?=");
	}
	mb_ch(&m->head, '\n');
}

/* Kinds of mail */

static void
run_link(char *out, size_t size, const struct run *run, const struct world *w, unsigned wave, struct rng *r)
{
	static const char *const words[] = { "secure", "portal", "service", "online", "center", "track", "pay", "info" };
	static const char *const shorteners[] = { "bit.ly", "tinyurl.com", "is.gd" };
	struct mbuf path = { NULL, 0, 0 };
	uint64_t h = hash2(w->o.seed ^ (uint64_t)(run - runs), (run->tricks & T_HOSTS) != 0 ? rng_below(r, 20) : wave);

	random_chars(&path, r, 7);
	mb_ch(&path, '\0');
	if ((run->tricks & T_SHORT) != 0)
		(void)snprintf(out, size, "https://%s/%s", PICK(r, shorteners), (const char *)path.p);
	else
		(void)snprintf(out, size, "http://%s-%s%u.example/%s/index.php?id=%s", words[h % COUNTOF(words)],
		    words[(h >> 8) % COUNTOF(words)], (unsigned)(h >> 16) % 1000, words[(h >> 32) % COUNTOF(words)], (const char *)path.p);
	mb_free(&path);
}

static void
write_run(struct mail *m, const struct world *w, const struct run *run, unsigned wave, struct rng *r)
{
	struct mbuf raw = { NULL, 0, 0 }, text = { NULL, 0, 0 }, rich = { NULL, 0, 0 }, subject = { NULL, 0, 0 }, one = { NULL, 0, 0 };
	char url[128];
	struct fill f = { m, run->wave[wave], r, url };
	uint32_t bound = rng_below(r, 1000000000), i;

	run_link(url, sizeof(url), run, w, wave, r);
	expand(&raw, &f, run->subject, run->subject + strlen(run->subject));
	trick(&subject, &raw, run->tricks & (T_INVISIBLE | T_LETTERS), r);
	put_subject(m, &subject);
	raw.len = 0;
	if ((run->tricks & T_LEAD) != 0)
		sentence(&raw, r);
	expand(&raw, &f, run->body, run->body + strlen(run->body));
	mb_ch(&raw, '\n');
	for (i = 0; (run->tricks & T_TAIL) != 0 && i < 3; i++)
		sentence(&raw, r);
	trick(&text, &raw, run->tricks & (T_INVISIBLE | T_LETTERS), r);
	raw.len = 0;
	trick(&raw, &text, run->tricks & T_SPLIT, r);
	html(&rich, &raw, (run->tricks & T_LEAD) != 0);
	put_entity(&one, &text, &rich, run->form, bound);
	finish(m, &one, (run->tricks & T_FILE) != 0, hash2(w->o.seed, (uint64_t)(run - runs)), bound);
	mb_free(&raw);
	mb_free(&text);
	mb_free(&rich);
	mb_free(&subject);
	mb_free(&one);
}

static const struct shop {
	const char *name, *host;
	enum form form;
	unsigned items;		/* in one issue */
	const char *top, *bottom;
	bool is_weekly;		/* the subject has only the number of the week, and the offers are a fifth of the text */
} shops[] = {
	{ "Garden Shop", "garden-shop.example", F_HTML, 5, "View this mail in your browser\nGarden Shop\nBulbs | Tools | Seeds | Offers",
	  "You get this mail because you are a customer of Garden Shop and agreed to receive our offers. Garden Shop Ltd, 12 Mill "
	  "Road, registered in Leeds under number 5521893. Prices include tax; delivery is free above 40 euros.", false },
	{ "Moda Mavi", "moda-mavi.example", F_BOTH, 3, "Moda Mavi\nThe new collection is here for you",
	  "Returns are free within 30 days. All prices as long as stocks last, errors excepted. Moda Mavi A.S., Istiklal Caddesi, "
	  "Istanbul. Questions? Our service team is there from Monday to Saturday, from nine to six, by telephone, mail and chat. Do "
	  "not answer to this address. You can change how often we write to you, or end it, at any time in your account.", false },
	{ "Print Works", "print-works.example", F_QP, 4, "P R I N T   W O R K S   N E W S",
	  "Print Works, the shop for offices. Conditions: see our page. We never give your address to others.", false },
	{ "House Mart", "house-mart.example", F_BOTH, 2,
	  "View this mail in your browser\nHouse Mart, the store around the corner\nKitchen | Garden | Bath | Lighting | Furniture | Sale | "
	  "Advice | Stores\nThree good reasons: delivery within two days, free returns for a month, and friendly people on the telephone",
	  "Stay in touch: follow us, read our magazine, or come to one of ninety stores near you, where our advisers measure, plan and "
	  "calculate with you, without obligation. With the customer card you collect points with every purchase and turn them into "
	  "vouchers at the end of each quarter. All prices include tax and hold while the offer runs; we deliver in household quantities "
	  "only. Pictures may differ from the goods, decoration is not part of the offer, and errors remain reserved. Goods that were "
	  "made to measure cannot be returned. Old devices are taken back without charge when you buy a new one of the same kind; "
	  "batteries may be left in the boxes at the entrance of every store. You receive this letter because you registered for it on "
	  "our page or in a store. We keep your address only for that purpose and never hand it to third parties; you may object at "
	  "any time without giving reasons. House Mart Trading, Harbour Street 88, managing directors Helen Carter and Paul Weber, "
	  "registered at the court of that town, insurance mediator by permission of the chamber of commerce.", true },
};
#define ISSUES 3

static void
write_newsletter(struct mail *m, const struct world *w, unsigned k, unsigned issue, struct rng *r)
{
	const struct shop *s = &shops[k];
	struct rng content = { hash2(w->o.seed ^ 0x73686F70, k * 16 + issue) };
	struct mbuf text = { NULL, 0, 0 }, rich = { NULL, 0, 0 }, subject = { NULL, 0, 0 }, one = { NULL, 0, 0 };
	const char *product;
	unsigned i;

	product = PICK(&content, products);
	if (s->is_weekly)
		mb_fmt(&subject, "%s offers of week %u", s->name, issue + 12);
	else
		mb_fmt(&subject, "%s: %s %s", s->name, product, PICK(&content, praise));
	put_subject(m, &subject);
	mb_fmt(&m->head, "List-Id: %s <news.%s>\nList-Unsubscribe: <https://www.%s/leave?u=%" PRIu32 ">\nPrecedence: bulk\n", s->name,
	    s->host, s->host, rng_below(r, 1000000));
	mb_fmt(&text, "%s\nDear ", s->top);
	name_of(&text, m, r);
	mb_str(&text, ",\n");
	for (i = 0; i < s->items; i++) {
		mb_fmt(&text, "%s, %s. ", product, PICK(&content, praise));
		mb_fmt(&text, "%s: from %u.%02u euros.\n", PICK(&content, praise), rng_below(&content, 90) + 5, rng_below(&content, 100));
		mb_fmt(&text, "https://www.%s/shop/", s->host);
		for (; *product != '\0'; product++)
			mb_ch(&text, *product == ' ' ? '-' : *product);
		mb_fmt(&text, "?c=%" PRIu32 "\n", rng_below(r, 1000000));
		product = PICK(&content, products);
	}
	mb_fmt(&text, "%s\nhttps://www.%s/leave?u=%" PRIu32 "\n", s->bottom, s->host, rng_below(r, 1000000));
	html(&rich, &text, false);
	put_entity(&one, &text, &rich, s->form, rng_below(r, 1000000000));
	finish(m, &one, false, 0, 0);
	mb_free(&text);
	mb_free(&rich);
	mb_free(&subject);
	mb_free(&one);
}

/* Letters: nobody writes the same twice, but half of them carry the notice of their firm. */
static void
write_letter(struct mail *m, struct rng *r)
{
	static const char notice[] =
	    "This message and any attachments are confidential and intended only for the person to whom they are addressed. If you "
	    "have received it by mistake, please tell the sender and delete it. The firm accepts no liability for damage that is "
	    "caused by viruses in this message. Registered office: 4 Court Street, Ankara. http://www.law-office.example/notice\n";
	static const char signature[] =
	    "Kind regards\n\nField Engineering Group\nTelephone 0201 5550 0, http://www.field-engineering.example/\nBridges, tunnels and "
	    "dams: planning, inspection and repair in eleven countries\nMember of the chamber of engineers, certified for quality and "
	    "safety at work\nOffices in Essen, Lyon, Porto, Gdansk and Bursa; visit us at the spring fair, hall seven, and see how a "
	    "cable bridge is watched from afar\nManaging directors: Ruth Adler and Pavel Novak. Registered at the court of Essen.\nPlease "
	    "think of the environment before you print this message. What it says binds the company only after a written order; "
	    "drawings remain our property and must not be shown to others without our consent.\n";
	static const char *const small[] = { "ok, thanks!", "See you at %s.", "Yes, that is fine with me", "Will do, %s", "Thank you very much" };
	struct mbuf text = { NULL, 0, 0 }, subject = { NULL, 0, 0 }, one = { NULL, 0, 0 };
	uint32_t n = 2 + rng_below(r, 8), kind = rng_below(r, 8);

	mb_fmt(&subject, "%s%s and %s", rng_one_in(r, 2) ? "Re: " : "", PICK(r, nouns), PICK(r, nouns));
	put_subject(m, &subject);
	if (kind == 0) {
		mb_fmt(&text, PICK(r, small), PICK(r, first_names));
		mb_ch(&text, '\n');
	} else if (kind == 4) {	/* a short answer above a long signature that no "-- " marks */
		sentence(&text, r);
		mb_str(&text, signature);
	} else {
		mb_fmt(&text, "%s %s,\n", rng_one_in(r, 2) ? "Hi" : "Dear", PICK(r, first_names));
		while (n-- > 0)
			sentence(&text, r);
		mb_fmt(&text, "Best regards,\n%s\n", PICK(r, first_names));
	}
	if (kind % 2 == 1)
		mb_str(&text, notice);
	if (kind == 2) {
		mb_str(&text, "\nOn Monday somebody wrote:\n> ");
		sentence(&text, r);
	}
	put_entity(&one, &text, &text, rng_one_in(r, 2) ? F_PLAIN : F_QP, 0);
	finish(m, &one, false, 0, 0);
	mb_free(&text);
	mb_free(&subject);
	mb_free(&one);
}

/* What */

/* Of a hundred: 50 of runs, 24 newsletters, 22 letters, 4 bounces. Runs and issues are of quite different size. */
void
campaign_plan(struct mail *m, const struct world *w, struct rng *r)
{
	uint32_t slot = rng_below(r, 100), k = rng_below(r, 28), i = 0;
	uint64_t first = hash2(w->o.seed, 0x72756E73);

	if (slot >= 96) {
		m->label = L_BOUNCE;
		(void)snprintf(m->campaign, sizeof(m->campaign), "bounce");
		return;
	}
	if (slot >= 74) {
		m->label = L_USER;
		return;
	}
	if (slot >= 50) {
		m->label = L_NEWSLETTER;
		m->of_campaign = (int)rng_below(r, COUNTOF(shops)) * 16 + (int)rng_below(r, ISSUES);
		(void)snprintf(m->campaign, sizeof(m->campaign), "%s %d", shops[m->of_campaign / 16].name, m->of_campaign % 16 + 1);
		return;
	}
	m->label = L_HACKED;
	while (k >= 7 - i) {	/* the first run has seven of 28 shares, the last one */
		k -= 7 - i;
		i++;
	}
	m->of_campaign = (int)((first + i * 5) % COUNTOF(runs)) * 2 + (int)rng_below(r, 2);
	(void)snprintf(m->campaign, sizeof(m->campaign), "%s", runs[m->of_campaign / 2].name);
}

/* A run comes from a dozen stolen accounts, a newsletter from its shop. */
void
campaign_sender(struct mail *m, const struct world *w, struct rng *r)
{
	char account[256];
	uint32_t k = (uint32_t)hash2(w->o.seed, (uint64_t)m->of_campaign / 2) % 1000;

	m->rcpts = 1;
	m->partly = false;
	if (m->label == L_HACKED) {
		mail_account(account, sizeof(account), (k + rng_below(r, 12)) % w->o.accounts);
		(void)snprintf(m->auth, sizeof(m->auth), "%s", account);
		(void)snprintf(m->sender, sizeof(m->sender), "%s", account);
	} else if (m->label == L_NEWSLETTER) {
		(void)snprintf(m->auth, sizeof(m->auth), "news@%s", shops[m->of_campaign / 16].host);
		(void)snprintf(m->sender, sizeof(m->sender), "%s", m->auth);
	}
}

void
campaign_write(struct mail *m, const struct world *w, struct rng *r)
{
	if (m->label == L_NEWSLETTER)
		write_newsletter(m, w, (unsigned)m->of_campaign / 16, (unsigned)m->of_campaign % 16, r);
	else if (m->label == L_HACKED)
		write_run(m, w, &runs[m->of_campaign / 2], (unsigned)m->of_campaign % 2, r);
	else
		write_letter(m, r);
}
