#include "exim_log.h"

#include <string.h>

#include "ascii.h"
#include "head.h"

#define LINE_MAX_BYTES ((size_t)64 * 1024)
#define PARSED_MAX ((size_t)8 * 1024)		/* of a line: answers of servers are far shorter (RFC 5321: 512 bytes a line) */
#define TEXT_MAX ((size_t)4096)

struct span {
	const unsigned char *p, *end;
};

static int
starts(struct span s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(s.end - s.p) >= n && memcmp(s.p, word, n) == 0;
}

/* The first occurrence of a word, NULL when there is none. */
static const unsigned char *
find(struct span s, const char *word)
{
	size_t n = strlen(word);

	while ((size_t)(s.end - s.p) >= n) {
		s.p = memchr(s.p, word[0], (size_t)(s.end - s.p) - n + 1);
		if (s.p == NULL)
			return NULL;
		if (memcmp(s.p, word, n) == 0)
			return s.p;
		s.p++;
	}
	return NULL;
}

/* "2026-01-02 03:04:05", with ".678" by log_selector +millisec and " +0200" by log_timezone. */
static int
skip_stamp(struct span *s)
{
	const unsigned char *p = s->p;

	if (s->end - p < 20 || !ascii_is_digit(p[0]) || p[4] != '-' || p[10] != ' ' || p[13] != ':')
		return -1;
	for (p += 11; p < s->end && *p != ' '; p++)
		continue;
	if (s->end - p > 6 && (p[1] == '+' || p[1] == '-') && ascii_is_digit(p[2]) && p[6] == ' ')
		p += 6;
	s->p = p + (p < s->end);
	return 0;
}

/* Behind the ": " that ends a log text's own words; what stands in <> may hold one of its own. */
static const unsigned char *
behind_colon(struct span s)
{
	const unsigned char *colon, *lt, *gt = s.p;

	while ((colon = memchr(s.p, ':', (size_t)(s.end - s.p))) != NULL) {
		lt = gt != NULL ? memchr(s.p, '<', (size_t)(colon - s.p)) : NULL;
		if (lt != NULL) {
			gt = memchr(lt, '>', (size_t)(s.end - lt));
			s.p = gt != NULL ? gt : lt;
			continue;
		}
		s.p = colon + 1;
		if (s.p < s.end && *s.p == ' ')
			return s.p + 1;
	}
	return NULL;
}

/* Narrows a text to what follows its last "SMTP error ...: ". 1 when there was one. */
static int
behind_smtp_error(struct span *s)
{
	const unsigned char *at, *p;
	struct span rest = *s;
	int found = 0;

	while ((at = find(rest, "SMTP error")) != NULL) {
		rest.p = at + 1;
		p = behind_colon(rest);
		if (p == NULL)
			break;
		s->p = p;
		found = 1;
	}
	/* Until 4.82 the host stood between: "host mx.example [192.0.2.1]: 550 ..." */
	if (found && starts(*s, "host ") && (at = find(*s, "]: ")) != NULL && memchr(s->p, '[', (size_t)(at - s->p)) != NULL)
		s->p = at + 3;
	return found;
}

/* "H=host [ip] SMTP error from remote mail server after RCPT TO:<x>: 450 ...": the answer to one recipient. */
static int
host_line(struct exim_reply *out, struct span s)
{
	const unsigned char *at = find(s, "RCPT TO:<"), *gt;

	if (at == NULL)
		return 0;
	out->address = at + 9;
	gt = find((struct span){ out->address, s.end }, ">: ");
	if (gt == NULL || !behind_smtp_error(&s))
		return 0;
	out->naddress = (size_t)(gt - out->address);
	out->text = s.p;
	out->ntext = (size_t)(s.end - s.p);
	return 1;
}

/* Where the address at the head of a line ends: before " R=router", " defer (" or ": ", but not within a quoted local part. */
static const unsigned char *
address_end(struct span s)
{
	int quoted = 0;

	for (; s.p < s.end; s.p++) {
		if (*s.p == '\\' && quoted)
			s.p += s.end - s.p > 1;
		else if (*s.p == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (starts(s, ": ") || starts(s, " defer ("))
			return s.p;
		else if (s.end - s.p > 2 && s.p[0] == ' ' && s.p[1] >= 'A' && s.p[1] <= 'Z' && s.p[2] == '=')
			return s.p;
	}
	return NULL;
}

/* "child@x (parent@y) <top@z>": the recipient on the list is the top one (log.c: string_log_address). */
static void
take_address(struct exim_reply *out, struct span s)
{
	const unsigned char *p = s.end, *paren;

	if (s.end > s.p && s.end[-1] == '>') {
		while (p > s.p && *p != '<')
			p--;
		if (*p == '<') {
			out->address = p + 1;
			out->naddress = (size_t)(s.end - 1 - out->address);
			return;
		}
	}
	paren = find(s, " (");
	out->address = s.p;
	out->naddress = (size_t)((paren != NULL ? paren : s.end) - s.p);
}

/* "children all complete" or "remote_smtp transport succeeded" (deliver.c). */
static int
says_success(struct span s)
{
	static const char word[] = " succeeded";
	const size_t n = sizeof word - 1;

	return starts(s, "children all complete") || ((size_t)(s.end - s.p) > n && memcmp(s.end - n, word, n) == 0);
}

/*
 * "ADDRESS R=router T=transport defer (N) H=host [ip]:25: text", the same
 * without "defer (N)" for a failure. Codes -52 to -54 say that no attempt was made at
 * all (macros.h: ERRNO_RRETRY, ERRNO_LRETRY, ERRNO_HRETRY).
 */
static int
address_line(struct exim_reply *out, struct span s)
{
	const unsigned char *end = address_end(s), *colon, *defer;

	if (end == NULL)
		return 0;
	take_address(out, (struct span){ s.p, end });
	s.p = end;
	colon = behind_colon(s);
	if (colon == NULL)
		return 0;
	defer = find((struct span){ s.p, colon }, " defer (");
	out->is_weak = defer == NULL || find((struct span){ defer, colon }, "(-52)") != NULL ||
	    find((struct span){ defer, colon }, "(-53)") != NULL || find((struct span){ defer, colon }, "(-54)") != NULL;
	s.p = colon;
	if (behind_smtp_error(&s))
		out->is_weak = 0;
	else
		out->is_success = defer == NULL && says_success(s);
	out->text = s.p;
	out->ntext = out->is_success ? 0 : (size_t)(s.end - s.p);
	return out->is_success || out->ntext > 0;
}

int
exim_log_line(struct exim_reply *out, const unsigned char *p, size_t n)
{
	struct span s = { p, p + (n < PARSED_MAX ? n : PARSED_MAX) };

	memset(out, 0, sizeof *out);
	if (skip_stamp(&s) < 0 || starts(s, "*** ") || starts(s, "Received from "))
		return 0;
	return starts(s, "H=") ? host_line(out, s) : address_line(out, s);
}

static int
octal(const unsigned char *p, const unsigned char *end)
{
	if (end - p < 3 || p[0] < '0' || p[0] > '3' || p[1] < '0' || p[1] > '7' || p[2] < '0' || p[2] > '7')
		return -1;
	return (p[0] - '0') << 6 | (p[1] - '0') << 3 | (p[2] - '0');
}

const char *
exim_log_text(struct arena *a, const unsigned char *p, size_t n)
{
	static const char letter[] = "nrtbvf", meant[] = "\n\0\t   ";
	const unsigned char *end;
	const char *at;
	size_t used = 0;
	int byte;
	char *out;

	if (n > TEXT_MAX)
		n = TEXT_MAX;
	if (memchr(p, '\\', n) == NULL)
		return head_text(a, p, n, NULL);
	out = arena_get(a, n + 1);
	for (end = p + n; p < end; p++) {
		if (*p != '\\' || end - p < 2) {
			out[used++] = (char)*p;
		} else if ((byte = octal(p + 1, end)) >= 0) {
			out[used++] = (char)(unsigned char)byte;
			p += 3;
		} else if ((at = memchr(letter, p[1], sizeof letter - 1)) != NULL) {
			if (meant[at - letter] != '\0')	/* the CR of a CRLF */
				out[used++] = meant[at - letter];
			p++;
		} else {
			out[used++] = (char)*p;
		}
	}
	while (used > 0 && out[used - 1] == '\n')
		used--;
	return head_text(a, out, used, NULL);
}

int
exim_log_read(struct rd *r, void (*put)(void *arg, const struct exim_reply *reply), void *arg)
{
	const unsigned char *p;
	struct exim_reply reply;
	int more = 0, was_more = 0, is_cut = rd_left(r) > EXIM_LOG_TAIL, rc;
	size_t n;

	if (is_cut) {	/* the first line of the tail is a piece: passed over like the rest of a long one */
		if (rd_skip(r, rd_left(r) - EXIM_LOG_TAIL) < 0)
			return -1;
		was_more = 1;
	}
	while ((rc = rd_line(&p, &n, &more, NULL, r, LINE_MAX_BYTES)) > 0) {
		if (!was_more && exim_log_line(&reply, p, n))
			put(arg, &reply);
		was_more = more;
	}
	return rc < 0 ? -1 : is_cut;
}
