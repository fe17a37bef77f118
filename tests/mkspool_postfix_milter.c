/*
 * mkspool_postfix_milter.c - queue files that a milter changed after they
 * were written: new text goes behind E, a PTR over the old place leads there
 * and another one back (src/cleanup/cleanup_milter.c, cleanup_body_edit.c).
 */
#include <inttypes.h>
#include <string.h>

#include "mkspool_postfix.h"

void
pf_patch_ptr(struct image *im, size_t at, size_t target)
{
	char s[32];

	(void)snprintf(s, sizeof(s), "p\017%15zu", target);
	memcpy(im->b.p + at, s, PTR_SIZE);
}

static void
edit_subject(struct image *im, struct mail *m)
{
	struct mbuf s = { 0 };

	if (im->subject == 0 || im->b.p[im->subject] != 'N')
		return;
	pf_patch_ptr(im, im->subject, im->b.len);
	mb_str(&s, "Subject: [edited] ");
	m->subject.len = 0;
	mb_fmt(&m->subject, "[edited] %" PRIu64, m->n);
	mb_fmt(&s, "%" PRIu64, m->n);
	pf_rec(im, 'N', s.p, s.len);
	pf_rec_ptr(im, im->subject_end);
	mb_free(&s);
}

static void
add_header(struct image *im)
{
	pf_patch_ptr(im, im->hdr_ptr, im->b.len);
	pf_rec_str(im, 'N', "X-Spam-Flag: YES");
	pf_rec_ptr(im, im->hdr_ptr + PTR_SIZE);
}

/* cleanup_body_edit.c: the old body's space first, then behind E. */
static size_t
replace_body(struct image *im)
{
	static const char line[] = "This body was put here by a milter.";
	struct mbuf out = im->b;	/* write over the old bytes */
	size_t used, room = im->xtra - im->body, at;
	unsigned i;

	im->b.len = im->body;
	pf_rec_str(im, 'N', "");
	for (i = 0; i < 40; i++) {
		if (im->b.len - im->body + sizeof(line) + 1 + PTR_SIZE > room)
			break;
		pf_rec_str(im, 'N', line);
	}
	used = im->b.len - im->body;
	at = im->b.len;
	im->b.len = out.len;
	pf_patch_ptr(im, at, im->b.len);
	at = im->b.len;
	pf_rec_str(im, 'N', "End of the milter's body.");
	used += im->b.len - at;
	pf_rec_ptr(im, im->xtra);
	return used;
}

static void
add_recipient(struct image *im, struct mail *m)
{
	static const char bcc[] = "archive@hosting.example";

	pf_patch_ptr(im, im->rcpt_ptr, im->b.len);
	pf_rec_str(im, 'O', bcc);
	pf_rec_str(im, 'R', bcc);
	pf_rec_ptr(im, im->rcpt_ptr + PTR_SIZE);
	m->rcpts++;
}

size_t
pf_edit(struct image *im, struct mail *m)
{
	size_t length = im->xtra - im->data;

	edit_subject(im, m);
	if (m->n / 60 % 3 == 0)
		add_header(im);
	else if (im->xtra - im->body > 200)
		length = im->body - im->data + replace_body(im);
	add_recipient(im, m);
	pf_set_size(im, m, length);
	return length;
}
