#include "rd.h"

#include <errno.h>
#include <string.h>

void
rd_mem(struct rd *r, const void *p, size_t n)
{
	memset(r, 0, sizeof *r);
	r->win = p;
	r->len = n;
	r->size = n;
	r->file.h = -1;
}

void
rd_file(struct rd *r, struct sys_file f, uint64_t size, void *space, size_t cap)
{
	memset(r, 0, sizeof *r);
	r->win = r->space = space;
	r->cap = cap;
	r->file = f;
	r->size = size;
}

uint64_t
rd_pos(const struct rd *r)
{
	return r->base + r->at;
}

uint64_t
rd_left(const struct rd *r)
{
	return r->size - rd_pos(r);
}

/* Moves what is unread to the front of the window and reads until `want` bytes are there or the input ends. */
static int
fill(struct rd *r, size_t want)
{
	size_t have = r->len - r->at, room;
	int64_t got;

	if (r->error != 0)
		return -1;
	if (have >= want)
		return 0;
	if (r->space == NULL || want > r->cap)
		return -1;
	if (have != 0)
		memmove(r->space, r->space + r->at, have);
	r->base += r->at;
	r->at = 0;
	r->len = have;
	room = r->cap - have;
	if (room > r->size - r->base - have)
		room = (size_t)(r->size - r->base - have);
	if (room == 0)
		return -1;
	got = sys_pread(r->file, r->space + have, room, r->base + have);
	if (got < 0) {
		r->error = errno != 0 ? errno : EIO;
		return -1;
	}
	r->len += (size_t)got;
	if ((size_t)got < room) {	/* shorter than fstat said: the end is here */
		r->size = r->base + r->len;
		r->shrunk = 1;
	}
	return r->len >= want ? 0 : -1;
}

int
rd_peek(struct rd *r)
{
	if (r->error != 0 || (r->at >= r->len && fill(r, 1) < 0))
		return -1;
	return r->win[r->at];
}

int
rd_byte(struct rd *r)
{
	int c = rd_peek(r);

	if (c >= 0)
		r->at++;
	return c;
}

int
rd_seek(struct rd *r, uint64_t off)
{
	if (r->error != 0)
		return -1;
	if (off > r->size) {
		r->error = EINVAL;
		return -1;
	}
	if (off >= r->base && off - r->base <= r->len) {
		r->at = (size_t)(off - r->base);
		return 0;
	}
	r->base = off;
	r->at = r->len = 0;
	return 0;
}

int
rd_skip(struct rd *r, uint64_t n)
{
	if (r->error != 0)
		return -1;
	if (n > rd_left(r)) {
		r->error = EINVAL;
		return -1;
	}
	return rd_seek(r, rd_pos(r) + n);
}

const unsigned char *
rd_take(struct rd *r, size_t n)
{
	const unsigned char *p;

	if (r->error != 0)
		return NULL;
	if (n > rd_left(r) || (r->len - r->at < n && fill(r, n) < 0)) {
		if (r->error == 0)
			r->error = EINVAL;
		return NULL;
	}
	p = r->win + r->at;
	r->at += n;
	return p;
}

const unsigned char *
rd_at_hand(size_t *n, const struct rd *r)
{
	*n = r->error == 0 ? r->len - r->at : 0;
	return r->win + r->at;
}

const unsigned char *
rd_some(size_t *n, struct rd *r, size_t max)
{
	const unsigned char *p;

	*n = 0;
	if (rd_peek(r) < 0)
		return NULL;
	*n = r->len - r->at;
	if (*n > max)
		*n = max;
	p = r->win + r->at;
	r->at += *n;
	return p;
}

int
rd_line(const unsigned char **p, size_t *n, int *more, int *lf, struct rd *r, size_t max)
{
	const unsigned char *end;
	size_t have, look;

	*n = 0;
	*more = 0;
	if (lf != NULL)
		*lf = 0;
	if (rd_peek(r) < 0)
		return r->error != 0 ? -1 : 0;
	have = r->len - r->at;
	end = memchr(r->win + r->at, '\n', have);
	if (end == NULL && r->space != NULL) {	/* the line may go on behind the window */
		(void)fill(r, r->cap);
		if (r->error != 0)
			return -1;
		have = r->len - r->at;
		end = memchr(r->win + r->at, '\n', have);
	}
	look = end != NULL ? (size_t)(end - (r->win + r->at)) : have;
	*p = r->win + r->at;
	if (look > max) {
		*n = max;
		*more = 1;
		r->at += max;
		return 1;
	}
	*n = look;
	r->at += look + (end != NULL);
	if (lf != NULL)
		*lf = end != NULL;
	*more = end == NULL && rd_left(r) != 0;
	return 1;
}
