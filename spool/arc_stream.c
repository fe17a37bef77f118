/* The bytes of an archive, unpacked: one zstd frame and nothing behind it. */
#include "arc_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RAW ((size_t)128 * 1024)
#define OUT ((size_t)256 * 1024)

/* The writer's levels need 8 MiB to unpack; a frame that asks for more is not ours. */
#define WINDOW_LOG 23

void
arc_stream_init(struct arc_stream *s, const struct arc_input *in, struct sys_sha256 *sha)
{
	memset(s, 0, sizeof *s);
	s->in = in;
	s->sha = sha;
	s->raw_space = mem_grow(NULL, RAW);
	if (in->is_plain)
		return;
	s->out = mem_grow(NULL, OUT);
	s->z = ZSTD_createDCtx();
	if (s->z == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(s->z, ZSTD_d_windowLogMax, WINDOW_LOG)))
		abort();	/* out of memory; the parameter is a constant */
}

void
arc_stream_free(struct arc_stream *s)
{
	ZSTD_freeDCtx(s->z);
	free(s->raw_space);
	free(s->out);
	memset(s, 0, sizeof *s);
}

/* The next piece of the file as it lies: 1, 0 at its end, -1. */
static int
next_raw(struct arc_stream *s, struct err *e)
{
	const struct arc_input *in = s->in;
	size_t n = in->size - s->at < RAW ? (size_t)(in->size - s->at) : RAW;
	int64_t got = (int64_t)n;

	if (n == 0)
		return 0;
	if (in->mem != NULL)
		memcpy(s->raw_space, in->mem + s->at, n);
	else
		got = sys_pread(in->file, s->raw_space, n, s->at);
	if (got < 0)
		return err_set(e, errno, "read the archive");
	if ((size_t)got < n)
		return err_set(e, 0, "the archive became shorter while it was read");
	s->raw.src = s->raw_space;
	s->raw.size = n;
	s->raw.pos = 0;
	s->at += n;
	if (s->sha != NULL)
		sys_sha256_add(s->sha, s->raw_space, n);
	return 1;
}

static int
check_nothing_behind(struct arc_stream *s, struct err *e)
{
	if (s->raw.pos < s->raw.size || s->at < s->in->size)
		return err_set(e, 0, "there are bytes behind the end of the compressed data");
	return 0;
}

/* Unpacks some bytes into s->out: 1, 0 at the end of the frame, -1. */
static int
unpack(struct arc_stream *s, struct err *e)
{
	ZSTD_outBuffer out = { s->out, OUT, 0 };
	size_t rc;
	int more;

	if (s->is_end)
		return check_nothing_behind(s, e);
	while (out.pos == 0 && !s->is_end) {
		/* Also with no input left the decoder may still hold output. */
		more = s->raw.pos < s->raw.size ? 1 : next_raw(s, e);
		if (more < 0)
			return -1;
		rc = ZSTD_decompressStream(s->z, &out, &s->raw);
		if (ZSTD_isError(rc))
			return err_set(e, 0, "the compressed data is damaged (%s)", ZSTD_getErrorName(rc));
		s->is_end = rc == 0;
		if (!more && out.pos == 0 && !s->is_end)
			return err_set(e, 0, "the archive is cut short");
	}
	s->out_at = 0;
	s->out_n = out.pos;
	return out.pos != 0 ? 1 : check_nothing_behind(s, e);
}

int
arc_stream_some(const unsigned char **p, size_t *n, struct arc_stream *s, size_t max, struct err *e)
{
	int rc;

	*n = 0;
	if (s->in->is_plain) {
		if (s->raw.pos == s->raw.size && (rc = next_raw(s, e)) <= 0)
			return rc;
		*n = s->raw.size - s->raw.pos < max ? s->raw.size - s->raw.pos : max;
		*p = s->raw_space + s->raw.pos;
		s->raw.pos += *n;
		return 1;
	}
	if (s->out_at == s->out_n && (rc = unpack(s, e)) <= 0)
		return rc;
	*n = s->out_n - s->out_at < max ? s->out_n - s->out_at : max;
	*p = s->out + s->out_at;
	s->out_at += *n;
	return 1;
}
