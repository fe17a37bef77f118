/* Prints of messages and campaigns of prints. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "index/campaign.h"

struct mail {
	const char *rcpt, *subject, *text;
};

static size_t
print_of(uint32_t *out, const struct mail *m)
{
	struct campaign_reader *r = campaign_reader_new();
	size_t n;

	campaign_begin(r);
	if (m->rcpt != NULL)
		campaign_name(r, m->rcpt);
	campaign_subject(r, m->subject);
	campaign_text(r, 0, m->text, strlen(m->text));
	campaign_text_end(r, 0);
	n = campaign_end(out, r);
	campaign_reader_free(r);
	return n;
}

static void
assert_same(const struct mail *a, const struct mail *b)
{
	uint32_t x[CAMPAIGN_PRINT_MAX], y[CAMPAIGN_PRINT_MAX];
	size_t n = print_of(x, a), k = print_of(y, b);

	if (n != k || memcmp(x, y, n * sizeof *x) != 0)
		fail_msg("not the same: \"%s\" \"%s\" and \"%s\" \"%s\"", a->subject, a->text, b->subject, b->text);
}

static void
tricks(void **state)
{
	static const struct mail plain = { NULL, "Your invoice 12345 is overdue", "Dear customer, please pay your invoice at once." };
	static const struct mail same[] = {
		{ NULL, "YOUR INVOICE 9 IS OVERDUE", "dear CUSTOMER: please pay   your\r\ninvoice (at once)" },
		{ NULL, "Re: Your invoice 12345 is overdue", "Dear customer, please pay your invoice at once." },
		/* zero-width space, non-joiner, joiner, word joiner, soft hyphen, byte order mark, variation selector, combining marks */
		{ NULL, "Yo\342\200\213ur inv\342\200\214oice 12345 is ov\342\200\215erdue", "De\342\201\240ar cust\302\255omer, ple\357\273\277ase pay\357\270\217 "
		    "your i\314\201nv\314\207oice at once." },
		/* Cyrillic, Greek, full-width, mathematical bold */
		{ NULL, "Your inv\320\276i\321\201e 12345 is \316\277verdue", "De\320\260r cust\320\276m\320\265r, \357\275\220lease \321\200ay your "
		    "inv\360\235\220\250ice at once." },
		{ NULL, "Your \316\231nvoice 12345 is overdue", "Dear customer, please pay your lnvoice at once." },
	};
	static const struct mail spaced = { NULL, "Your i n v o i c e 12345 is overdue", "Dear c.u.s.t.o.m.e.r, please pay your invoice at once." };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof same / sizeof same[0]; i++)
		assert_same(&plain, &same[i]);
	assert_same(&plain, &spaced);
}

static void
masks(void **state)
{
	static const struct { struct mail a, b; } same[] = {
		{ { "john.smith42@mail.example", "Offer for John", "Dear John Smith, see below what we have." },
		  { "ayse@bank.example", "Offer for ayse", "Dear Ayse, see below what we have." } },
		/* lists that are bought have names that the address does not have */
		{ { "info@firm.example", "Hi Laura", "Dear Laura Jones, see below what we have." },
		  { "mk7@mail.example", "Hi Tomas", "Dear Oskar, see below what we have." } },
		{ { NULL, "a", "Sayın Ayşe Kaya, ödemeniz alındı" }, { NULL, "a", "Sayın Murat, ödemeniz alındı" } },
		{ { NULL, "Order 4711", "Your code is x7Gh2kQ9 until noon" }, { NULL, "Order 3", "Your code is 9aB-72-kk1 until noon" } },
		{ { NULL, "a", "Look at http://a.example/x?y=1 and tell me" }, { NULL, "a", "Look at hxxps://b.example and tell me" } },
		{ { NULL, "a", "Look at bit.ly/3xYz1 and tell me" }, { NULL, "a", "Look at www.other.example/q and tell me" } },
		{ { NULL, "a", "Write to anna@x.example today please" }, { NULL, "a", "Write to <b.c@y.example> today please" } },
		{ { NULL, "a", "I see what you mean\n> what I said before\n" }, { NULL, "a", "I see what you mean\n-- \nAnna Moore\n" } },
		{ { NULL, "a", "The key qwrtzpsd opens the door" }, { NULL, "a", "The key AbCdEfGh opens the door" } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof same / sizeof same[0]; i++)
		assert_same(&same[i].a, &same[i].b);
}

/* The reader meets pieces of any size, and bytes that are no text. */
static void
pieces(void **state)
{
	static const char text[] = "Gr\303\274\303\237e aus \346\235\261\344\272\254, http://x.example/\303\274 \360\237\230\200 b\200ad \377\376 by\303tes, "
	    "\355\240\200 end \303";
	uint32_t whole[CAMPAIGN_PRINT_MAX], cut[CAMPAIGN_PRINT_MAX];
	struct campaign_reader *r = campaign_reader_new();
	size_t n, k, i, at;

	(void)state;
	campaign_text(r, 0, text, sizeof text - 1);
	campaign_text_end(r, 0);
	n = campaign_end(whole, r);
	assert_true(n > 5);
	for (i = 1; i < 9; i++) {
		campaign_begin(r);
		for (at = 0; at < sizeof text - 1; at += i)
			campaign_text(r, 0, text + at, sizeof text - 1 - at < i ? sizeof text - 1 - at : i);
		campaign_text_end(r, 0);
		k = campaign_end(cut, r);
		assert_int_equal(k, n);
		assert_memory_equal(cut, whole, n * sizeof *cut);
	}
	campaign_reader_free(r);
}

/* Some twenty words of letters in any case, with what may stand between and behind them. */
static size_t
make_text(char *out, uint64_t seed)
{
	static const char letters[] = "aabcdeefghiijkllmnooprsttuwyzILOEABCTW", between[] = "          ..,,;:!?'`-_/@19>\n\t\"(\177[\200\303";
	size_t n = 0, words, k;

	for (words = 0; words < 20; words++) {
		for (k = (seed = campaign_mix(seed + 1)) % 12; k > 0; k--)
			out[n++] = letters[(seed = campaign_mix(seed + 1)) % (sizeof letters - 1)];
		for (k = (seed = campaign_mix(seed + 1)) % 4 == 0 ? 2 : 1; k > 0; k--)
			out[n++] = between[(seed = campaign_mix(seed + 1)) % (sizeof between - 1)];
	}
	return n;
}

/* A text that comes whole has words in it that are looked up; byte by byte it has none. The print is the same, also when all words were met before. */
static void
known_words(void **state)
{
	struct campaign_reader *one = campaign_reader_new(), *r = campaign_reader_new();
	uint32_t want[CAMPAIGN_PRINT_MAX], got[CAMPAIGN_PRINT_MAX];
	char text[512];
	size_t n, k, len, i;
	uint64_t seed;
	int again;

	(void)state;
	for (seed = 1; seed <= 3000; seed++) {
		len = make_text(text, seed << 32);
		campaign_begin(one);
		for (i = 0; i < len; i++)
			campaign_text(one, 0, text + i, 1);
		campaign_text_end(one, 0);
		n = campaign_end(want, one);
		for (again = 0; again < 2; again++) {
			campaign_begin(r);
			campaign_text(r, 0, text, len);
			campaign_text_end(r, 0);
			k = campaign_end(got, r);
			if (k != n || memcmp(got, want, n * sizeof *got) != 0)
				fail_msg("seed %u: \"%.*s\"", (unsigned)seed, (int)len, text);
		}
	}
	campaign_reader_free(one);
	campaign_reader_free(r);
}

/* A word without end, a link without end and a megabyte of noise stay within the print. */
static void
bounds(void **state)
{
	struct campaign_reader *r = campaign_reader_new();
	uint32_t out[CAMPAIGN_PRINT_MAX];
	char word[32];
	size_t i, n;

	(void)state;
	campaign_subject(r, "s");
	campaign_text(r, 1, "http://", 7);
	for (i = 0; i < 300000; i++)
		campaign_text(r, 1, "\314\201aA", 4);
	for (i = 0; i < 100000; i++) {
		snprintf(word, sizeof word, " wor%c%c%c", 'a' + (int)(i % 26), 'a' + (int)(i / 26 % 26), 'a' + (int)(i / 676 % 26));
		campaign_text(r, 1, word, strlen(word));
		campaign_url(r, word, word, 0);
		campaign_file(r, word, strlen(word));
		campaign_name(r, word);
	}
	campaign_text_end(r, 1);
	n = campaign_end(out, r);
	assert_true(n > 100 && n <= CAMPAIGN_PRINT_MAX);
	for (i = 1; i < n; i++)
		assert_true(out[i - 1] < out[i]);
	campaign_begin(r);
	assert_int_equal(campaign_end(out, r), 0);
	campaign_reader_free(r);
}

/* Prints come back from a database that others may have written to. */
static void
damaged_prints(void **state)
{
	static const struct { const char *bytes; size_t n; int ok; } cases[] = {
		{ "", 0, 1 }, { "\1\0\0\0", 4, 1 }, { "\1\0\0", 3, 0 }, { "\1\0\0\0\2\0\0\0", 8, 1 }, { "\2\0\0\0\1\0\0\0", 8, 0 },
		{ "\1\0\0\0\1\0\0\0", 8, 0 }
	};
	uint8_t bytes[4 * CAMPAIGN_PRINT_MAX + 4];
	uint32_t out[CAMPAIGN_PRINT_MAX];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(campaign_decode(out, &n, cases[i].bytes, cases[i].n), cases[i].ok ? 0 : -1);
	memset(bytes, 0, sizeof bytes);
	for (i = 0; i <= CAMPAIGN_PRINT_MAX; i++)
		bytes[4 * i] = (uint8_t)i;
	assert_int_equal(campaign_decode(out, &n, bytes, sizeof bytes), -1);
	assert_int_equal(campaign_decode(out, &n, bytes, sizeof bytes - 4), 0);
	assert_int_equal(n, CAMPAIGN_PRINT_MAX);
	assert_int_equal(out[CAMPAIGN_PRINT_MAX - 1], CAMPAIGN_PRINT_MAX - 1);
}

/* ---- groups ---- */

#define KINDS 4
#define EACH 12

static void
text_of(char *subject, char *text, size_t size, int kind, int i)
{
	static const char *const first[] = { "tonight", "by Friday", "today", "within two days" };
	static const char *const noise[] = {
		"harbour lights are painted", "the kitchen was borrowed", "a meadow got insured", "violins were measured twice",
		"somebody photographed ladders", "the orchestra cancelled lunch"
	};
	static const char *const topic[EACH] = {
		"library", "ferry", "balcony", "stadium", "passport", "radiator", "vineyard", "blanket", "archive", "mechanic", "railing", "tournament"
	};
	static const char footer[] = "You get this because you agreed to our offers. Garden Shop Ltd, Mill Road, Leeds. Prices include all taxes; "
	    "delivery is free above forty euros. Leave the list at any time at http://garden.example/leave";

	if (kind < 2) {
		snprintf(subject, size, "Garden Shop: %s", kind == 0 ? "tulips for your balcony" : "everything against snails");
		snprintf(text, size, "Garden Shop news\nDear reader %d,\n%s\n%s\n", i, kind == 0 ?
		    "the early tulips are in, in eleven colours, with a booklet on planting them in pots and boxes. Order before the frost comes." :
		    "heavy rain brings snails. Our copper tape keeps them off the beds, and it lasts for years. Read what our customers wrote.", footer);
	} else if (kind == 2) {
		snprintf(subject, size, "%s: mailbox %d is full", i % 2 == 0 ? "Notice" : "Last notice", i);
		snprintf(text, size, "Dear user%d, your mailbox has reached its limit. Confirm your password %s on our page or new mail will be refused: "
		    "http://host%d.example/login\n%s, %s.\n", i, first[i % 4], i, noise[i % 6], noise[(i + i / 4 + 1) % 6]);
	} else {
		snprintf(subject, size, "%s %s", topic[i], topic[(i + 5) % EACH]);
		snprintf(text, size, "Hello, about the %s: %s because of the %s, and %s. The %s comes later.", topic[i], noise[i % 6],
		    topic[(i + 3) % EACH], noise[(i + 2) % 6], topic[(i + 7) % EACH]);
	}
}

static void
make_items(struct campaign_item *item, uint32_t (*print)[CAMPAIGN_PRINT_MAX], int from, int to)
{
	char subject[1000], text[1000];
	struct mail m = { NULL, subject, text };
	int i, kind;

	for (i = from; i < to; i++)
		for (kind = 0; kind < KINDS; kind++, item++) {
			text_of(subject, text, sizeof text, kind, i);
			item->print = *print;
			item->n = (uint32_t)print_of(*print++, &m);
			item->times = 1;
			item->id = 0;
		}
}

/* Two newsletters of one shop are two, a run with random words is one, letters are each their own. */
static void
groups(void **state)
{
	struct campaign_item item[KINDS * EACH];
	uint32_t print[KINDS * EACH][CAMPAIGN_PRINT_MAX];
	size_t i, k;

	(void)state;
	make_items(item, print, 0, EACH);
	campaign_group(item, KINDS * EACH);
	for (i = 0; i < KINDS * EACH; i++)
		for (k = 0; k < i; k++) {
			int same = i % KINDS == k % KINDS && i % KINDS != 3;

			if ((item[i].id == item[k].id) != same)
				fail_msg("%zu of kind %zu and %zu of kind %zu are %s", i / KINDS, i % KINDS, k / KINDS, k % KINDS, same ? "apart" : "one");
		}
}

/* Whatever the order, and with copies told as one. */
static void
any_order(void **state)
{
	struct campaign_item item[KINDS * EACH], other[KINDS * EACH], twice[KINDS * EACH];
	uint32_t print[KINDS * EACH][CAMPAIGN_PRINT_MAX];
	size_t i, n = KINDS * EACH;

	(void)state;
	make_items(item, print, 0, EACH);
	for (i = 0; i < n; i++) {
		other[i] = item[(i * 7 + 5) % n];
		twice[i] = item[n - 1 - i];
	}
	campaign_group(item, n);
	campaign_group(other, n);
	campaign_group(twice, n);
	for (i = 0; i < n; i++) {
		assert_true(other[i].id == item[(i * 7 + 5) % n].id);
		assert_true(twice[i].id == item[n - 1 - i].id);
		assert_true(item[i].id >> 48 == 0);
	}
}

/* An id that was written down still says the same when more of the run have come, and when it was cleaned up halfway. */
static void
ids_stay(void **state)
{
	struct campaign_item item[KINDS * EACH];
	uint32_t print[KINDS * EACH][CAMPAIGN_PRINT_MAX];
	uint64_t id[3];
	size_t k;
	int n;

	(void)state;
	make_items(item, print, 0, 6);
	campaign_group(item, KINDS * 6);
	for (k = 0; k < 3; k++)
		id[k] = item[k].id;
	for (n = 4; n <= EACH; n += 4) {
		make_items(item, print, 0, n);
		campaign_group(item, (size_t)n * KINDS);
		for (k = 0; k < 3; k++)
			assert_true(item[k].id == id[k]);
	}
}

/* Two waves of one run: the text is the same, subject and host are others. Newsletters of one template have other texts. */
static void
waves(void **state)
{
	static const char text[] = "Dear reader,\nyour account was used from another country last night and has been locked for your protection. To open it "
	    "again, confirm who you are within two days on the page of our security service, where you will also find what was done.\n%s\nSecurity desk\n";
	static const struct { const char *subject, *link; } wave[] = {
		{ "Somebody used your account", "http://desk.one.example/login" }, { "Action is required before Friday", "http://two.example/x/1" }
	};
	uint32_t print[8][CAMPAIGN_PRINT_MAX];
	struct campaign_item item[8];
	char body[1000];
	int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct mail m = { NULL, wave[i / 4].subject, body };

		snprintf(body, sizeof body, text, wave[i / 4].link);
		item[i] = (struct campaign_item){ print[i], (uint32_t)print_of(print[i], &m), 1, 0 };
	}
	campaign_group(item, 8);
	for (i = 1; i < 8; i++)
		assert_true(item[i].id == item[0].id);
}

/* Mail that is a picture and nothing else: the same one under any subject. Beside words, a picture that the HTML shows is a logo. */
static void
pictures(void **state)
{
	static const struct { const char *subject, *text, *picture, *file; int same_as; } c[] = {
		{ "Nvoreig teza", "", "one", NULL, 0 }, { "Harbour lights", "", "one", NULL, 0 }, { "Bicycle", "", NULL, "one", 0 },
		{ "Window", "", "two", NULL, 3 }, { "Balcony", "", "one", "scan", 4 },
		{ "Library opening", "the library opens on Monday at nine and closes at five", "one", NULL, 5 },
		{ "Ferry strike", "no ferry leaves the harbour before the strike is over", "one", NULL, 6 }
	};
	enum { N = sizeof c / sizeof c[0] };
	struct campaign_reader *r = campaign_reader_new();
	uint32_t print[N][CAMPAIGN_PRINT_MAX];
	struct campaign_item item[N];
	size_t i;

	(void)state;
	for (i = 0; i < N; i++) {
		campaign_begin(r);
		campaign_subject(r, c[i].subject);
		if (c[i].picture != NULL)
			campaign_picture(r, c[i].picture, strlen(c[i].picture));
		campaign_text(r, 1, c[i].text, strlen(c[i].text));
		campaign_text_end(r, 1);
		if (c[i].file != NULL)
			campaign_file(r, c[i].file, strlen(c[i].file));
		item[i] = (struct campaign_item){ print[i], (uint32_t)campaign_end(print[i], r), 1, 0 };
	}
	campaign_group(item, N);
	for (i = 0; i < (size_t)N * N; i++)
		if ((item[i / N].id == item[i % N].id) != (c[i / N].same_as == c[i % N].same_as))
			fail_msg("%s and %s", c[i / N].subject, c[i % N].subject);
	campaign_reader_free(r);
}

/* A "thanks" is no campaign. */
static void
too_little(void **state)
{
	static const struct mail a = { NULL, "Bicycle", "ok, thanks!" }, b = { NULL, "Window", "ok, thanks!" };
	uint32_t x[CAMPAIGN_PRINT_MAX], y[CAMPAIGN_PRINT_MAX];
	struct campaign_item item[2] = { { x, 0, 1, 0 }, { y, 0, 1, 0 } };
	char id[CAMPAIGN_ID_SIZE];

	(void)state;
	item[0].n = (uint32_t)print_of(x, &a);
	item[1].n = (uint32_t)print_of(y, &b);
	campaign_group(item, 2);
	assert_true(item[0].id != item[1].id);
	campaign_group(item, 0);
	campaign_id_text(id, UINT64_C(0x0123456789ab));
	assert_string_equal(id, "0123456789ab");
}

/* The same on every system: seen once, and written down here. */
static void
fixed(void **state)
{
	static const struct mail m = { "john@mail.example", "Your invoice 12345", "Dear John, \320\277\321\200\320\270\320\262\320\265\321\202 from \346\235\261\344\272\254 "
	    "please pay the invoice at once." };
	uint32_t x[CAMPAIGN_PRINT_MAX];
	struct campaign_item item = { x, 0, 1, 0 };
	char id[CAMPAIGN_ID_SIZE];

	(void)state;
	item.n = (uint32_t)print_of(x, &m);
	campaign_group(&item, 1);
	campaign_id_text(id, item.id);
	assert_string_equal(id, "099f4deca798");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tricks), cmocka_unit_test(masks), cmocka_unit_test(pieces), cmocka_unit_test(known_words), cmocka_unit_test(bounds),
		cmocka_unit_test(damaged_prints), cmocka_unit_test(groups), cmocka_unit_test(waves), cmocka_unit_test(any_order), cmocka_unit_test(ids_stay),
		cmocka_unit_test(pictures), cmocka_unit_test(too_little), cmocka_unit_test(fixed)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
