/*
 * A body's record behind that of its message, on the way from a reader to the
 * thread that writes (index/stage.h).
 */
#include <string.h>

#include "index/campaign.h"
#include "index/contents_in.h"
#include "index/stage.h"

struct numbers {
	int64_t print_row;
	uint32_t state, flags, nparts, nhosts, nreplies, nprint;
};

struct part_numbers {
	int64_t size;
	uint32_t depth;
	unsigned char sha256[32];
	unsigned char has_sha256, is_attachment;
};

void
body_encode(struct buf *b, const struct body *from)
{
	const struct numbers n = {
		from->print_row, (uint32_t)from->state, (uint32_t)from->flags, (uint32_t)from->nparts, (uint32_t)from->nhosts, (uint32_t)from->nreplies, (uint32_t)from->nprint
	};
	struct part_numbers num;
	const struct body_part *p;
	size_t i;

	buf_add(b, &n, sizeof n);
	stage_text(b, from->notes);
	memset(&num, 0, sizeof num);
	for (i = 0; i < from->nparts; i++) {
		p = &from->part[i];
		num.size = p->size;
		num.depth = p->depth;
		memcpy(num.sha256, p->sha256, sizeof num.sha256);
		num.has_sha256 = p->has_sha256 != 0;
		num.is_attachment = p->is_attachment != 0;
		buf_add(b, &num, sizeof num);
		stage_text(b, p->type);
		stage_text(b, p->name);
		stage_text(b, p->charset);
		stage_text(b, p->encoding);
		stage_text(b, p->disposition);
		stage_text(b, p->detected);
	}
	for (i = 0; i < from->nhosts; i++)
		stage_text(b, from->host[i]);
	for (i = 0; i < from->nreplies; i++) {
		stage_text(b, from->reply[i].address);
		stage_text(b, from->reply[i].reply);
	}
	buf_add(b, from->print, from->nprint * sizeof *from->print);	/* the last: see body_tell */
}

void
body_tell(struct buf *b, size_t start, int64_t print_row, int has_print)
{
	struct numbers n;

	memcpy(&n, b->p + start, sizeof n);
	n.print_row = print_row;
	if (!has_print) {
		b->n -= n.nprint * sizeof(uint32_t);
		n.nprint = 0;
	}
	memcpy(b->p + start, &n, sizeof n);
}

static void
get_parts(struct body *out, struct stage_source *src, struct arena *a, size_t n)
{
	struct part_numbers num;
	struct body_part *p;

	out->part = arena_zero(a, (n + 1) * sizeof *out->part);
	for (out->nparts = 0; out->nparts < n && !src->bad; out->nparts++) {
		p = &out->part[out->nparts];
		stage_get(&num, sizeof num, src);
		p->size = num.size;
		p->depth = num.depth;
		memcpy(p->sha256, num.sha256, sizeof p->sha256);
		p->has_sha256 = num.has_sha256;
		p->is_attachment = num.is_attachment;
		p->type = stage_get_text(src);
		p->name = stage_get_text(src);
		p->charset = stage_get_text(src);
		p->encoding = stage_get_text(src);
		p->disposition = stage_get_text(src);
		p->detected = stage_get_text(src);
		src->bad |= p->type == NULL;
	}
}

static void
get_rest(struct body *out, struct stage_source *src, struct arena *a, const struct numbers *n)
{
	struct dsn_rcpt *reply = arena_get(a, (n->nreplies + 1) * sizeof *reply);
	size_t i;

	out->host = arena_get(a, (n->nhosts + 1) * sizeof *out->host);
	for (i = 0; i < n->nhosts && !src->bad; i++) {
		out->host[i] = stage_get_text(src);
		src->bad |= out->host[i] == NULL;
	}
	out->nhosts = i;
	for (i = 0; i < n->nreplies && !src->bad; i++) {
		reply[i].address = stage_get_text(src);
		reply[i].reply = stage_get_text(src);
		src->bad |= reply[i].reply == NULL;
	}
	out->reply = reply;
	out->nreplies = i;
}

int
body_decode(struct body *out, struct arena *a, const void *record, size_t n)
{
	struct stage_source src = { record, (const unsigned char *)record + n, 0 };
	struct numbers num;
	uint32_t *print;

	memset(out, 0, sizeof *out);
	/* each of them takes a byte at least: no number asks for more memory than there is record */
	if (stage_get(&num, sizeof num, &src) < 0 || num.nparts > n || num.nhosts > n || num.nreplies > n || num.nprint > CAMPAIGN_PRINT_MAX)
		return -1;
	out->state = (int)num.state;
	out->flags = (int)num.flags;
	out->notes = stage_get_text(&src);
	get_parts(out, &src, a, num.nparts);
	get_rest(out, &src, a, &num);
	print = arena_get(a, CAMPAIGN_PRINT_MAX * sizeof *print);
	stage_get(print, num.nprint * sizeof *print, &src);
	out->print = print;
	out->nprint = num.nprint;
	out->print_row = num.print_row;
	return src.bad ? -1 : 0;
}
