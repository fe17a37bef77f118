/*
 * The strict tar reader (POSIX.1-2001 pax, on ustar headers): plain files only.
 * Everything in a header block is either checked for one value or told to the
 * caller, so that no two programs can unpack an accepted archive differently.
 */
#include "arc_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512
#define PAX_MAX (2 * ARC_NAME_MAX)
#define TAIL_MAX (64 * 1024)	/* zeros behind the end: some writers fill a record */

/* Where the fields of a ustar header are: offset, length. */
#define NAME 0, 100
#define MODE 100, 8
#define UID 108, 8
#define GID 116, 8
#define SIZE 124, 12
#define MTIME 136, 12
#define CHECKSUM 148
#define TYPE 156
#define LINK 157, 100
#define MAGIC 257
#define OWNERS 265, 64		/* their names */
#define DEVICE 329
#define PREFIX 345, 155
#define REST 500, 12

struct pax {
	int has_path, has_size, has_uid, has_gid, has_mtime;
	uint64_t size, uid, gid;
	int64_t mtime;
};

struct arc_tar *
arc_tar_new(const struct arc_input *in, struct sys_sha256 *sha)
{
	struct arc_tar *t = mem_new(sizeof *t);

	arc_stream_init(&t->s, in, sha);
	buf_init(&t->line, ARC_LINE_MAX + 1);
	t->head.name = t->name;
	return t;
}

void
arc_tar_free(struct arc_tar *t)
{
	if (t == NULL)
		return;
	arc_stream_free(&t->s);
	buf_free(&t->line);
	free(t);
}

/* Exactly n bytes; what names them in an error. */
static int
take(unsigned char *out, struct arc_tar *t, size_t n, const char *what, struct err *e)
{
	const unsigned char *p;
	size_t got;
	int rc;

	for (; n != 0; n -= got, out += got) {
		rc = arc_stream_some(&p, &got, &t->s, n, e);
		if (rc <= 0)
			return rc < 0 ? -1 : err_set(e, 0, "the tar ends in %s", what);
		memcpy(out, p, got);
	}
	return 0;
}

static int
is_zero(const unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && p[i] == 0; i++)
		;
	return i == n;
}

static int
is_zero_field(const unsigned char *b, size_t at, size_t n)
{
	return is_zero(b + at, n);
}

/* Text that ends with the field or with zeros alone. */
static int
text_length(size_t *len, const unsigned char *b, size_t at, size_t n)
{
	const unsigned char *end = memchr(b + at, 0, n);

	*len = end != NULL ? (size_t)(end - (b + at)) : n;
	return is_zero(b + at + *len, n - *len) ? 0 : -1;
}

/* Octal digits, then blanks or NULs. */
static int
octal(uint64_t *v, const unsigned char *b, size_t at, size_t n)
{
	size_t i;

	*v = 0;
	for (i = 0; i < n && b[at + i] >= '0' && b[at + i] <= '7'; i++)
		*v = *v << 3 | (unsigned)(b[at + i] - '0');
	if (i == 0)
		return -1;
	for (; i < n; i++)
		if (b[at + i] != ' ' && b[at + i] != '\0')
			return -1;
	return 0;
}

/* A number too large for its field stands there in base 256; the pax record counts. */
static int
number(uint64_t *v, const unsigned char *b, size_t at, size_t n, int is_overridden)
{
	uint64_t ignored;

	if (!is_overridden)
		return octal(v, b, at, n);
	return (b[at] & 0x80) != 0 ? 0 : octal(&ignored, b, at, n);
}

static int
has_checksum(const unsigned char b[BLOCK])
{
	char want[16];
	unsigned sum = 8 * ' ';
	size_t i;

	for (i = 0; i < BLOCK; i++)
		if (i < CHECKSUM || i >= CHECKSUM + 8)
			sum += b[i];
	snprintf(want, sizeof want, "%06o", sum);
	return memcmp(b + CHECKSUM, want, 7) == 0 && b[CHECKSUM + 7] == ' ';
}

/* What must be the same in every header. The text of a bad one, or NULL. */
static const char *
block_fault(const unsigned char b[BLOCK])
{
	static const unsigned char device[16] = "000000 \0" "000000 ";
	size_t n;

	if (memcmp(b + MAGIC, "ustar\0" "00", 8) != 0)
		return "not a tar header";
	if (!has_checksum(b))
		return "a tar header with a wrong checksum";
	if (b[TYPE] != '0' && b[TYPE] != 'x')
		return "not a plain file";
	if (text_length(&n, b, NAME) < 0 || n == 0 || text_length(&n, b, PREFIX) < 0)
		return "a bad name field";
	if (!is_zero_field(b, LINK) || !is_zero_field(b, OWNERS) || !is_zero_field(b, REST))
		return "a link, an owner's name or odd bytes in a tar header";
	if (memcmp(b + DEVICE, device, 16) != 0 && !is_zero(b + DEVICE, 16))
		return "a device in a tar header";
	return NULL;
}

static void
header_name(char out[BLOCK], const unsigned char b[BLOCK])
{
	size_t n, prefix;

	(void)text_length(&n, b, NAME);
	(void)text_length(&prefix, b, PREFIX);
	snprintf(out, BLOCK, "%.*s%s%.*s", (int)prefix, (const char *)b + 345, prefix != 0 ? "/" : "", (int)n, (const char *)b);
}

static int
decimal(uint64_t *v, const char *p, size_t n, uint64_t max)
{
	size_t i;

	*v = 0;
	if (n == 0 || (n > 1 && p[0] == '0'))
		return -1;
	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9' || *v > (max - (unsigned)(p[i] - '0')) / 10)
			return -1;
		*v = *v * 10 + (unsigned)(p[i] - '0');
	}
	return 0;
}

/* "[-]SECONDS[.FRACTION]" (pax: a fraction goes away from zero with its sign). */
static int
pax_time(int64_t *ns, const char *p, size_t n)
{
	int is_negative = n != 0 && p[0] == '-';
	const char *dot;
	uint64_t sec, fraction = 0;
	size_t whole, i;

	p += is_negative;
	n -= (size_t)is_negative;
	dot = n != 0 ? memchr(p, '.', n) : NULL;
	whole = dot != NULL ? (size_t)(dot - p) : n;
	if (decimal(&sec, p, whole, INT64_MAX / 1000000000 - 1) < 0)
		return -1;
	if (dot != NULL && (n - whole < 2 || n - whole > 10 || p[n - 1] == '0'))
		return -1;
	for (i = whole + 1; i <= whole + 9 && dot != NULL; i++) {
		if (i < n && (p[i] < '0' || p[i] > '9'))
			return -1;
		fraction = fraction * 10 + (i < n ? (unsigned)(p[i] - '0') : 0);
	}
	*ns = (int64_t)(sec * 1000000000 + fraction);
	if (is_negative)
		*ns = -*ns;
	return is_negative && *ns == 0 ? -1 : 0;
}

static int
is_key(const char *key, size_t n, const char *want)
{
	return n == strlen(want) && memcmp(key, want, n) == 0;
}

/* One "key=value"; each key of the five at most once. */
static int
pax_record(struct pax *x, struct arc_tar *t, const char *key, size_t nkey, const char *v, size_t n)
{
	if (is_key(key, nkey, "path")) {
		if (x->has_path++ || n == 0 || n >= sizeof t->name || memchr(v, 0, n) != NULL)
			return -1;
		memcpy(t->name, v, n);
		t->name[n] = '\0';
		return 0;
	}
	if (is_key(key, nkey, "size"))
		return x->has_size++ ? -1 : decimal(&x->size, v, n, INT64_MAX);
	if (is_key(key, nkey, "uid"))
		return x->has_uid++ ? -1 : decimal(&x->uid, v, n, UINT32_MAX);
	if (is_key(key, nkey, "gid"))
		return x->has_gid++ ? -1 : decimal(&x->gid, v, n, UINT32_MAX);
	if (is_key(key, nkey, "mtime"))
		return x->has_mtime++ ? -1 : pax_time(&x->mtime, v, n);
	return -1;
}

/* "LENGTH key=value\n", LENGTH counting itself. */
static int
pax_parse(struct pax *x, struct arc_tar *t, const char *p, size_t n)
{
	const char *blank, *equals;
	uint64_t len;

	for (; n != 0; p += len, n -= (size_t)len) {
		blank = memchr(p, ' ', n < 8 ? n : 8);
		if (blank == NULL || decimal(&len, p, (size_t)(blank - p), n) < 0 || len <= (size_t)(blank - p) + 1)
			return -1;
		blank++;
		equals = memchr(blank, '=', (size_t)len - (size_t)(blank - p));
		if (equals == NULL || p[len - 1] != '\n' || equals == p + len - 1)
			return -1;
		if (pax_record(x, t, blank, (size_t)(equals - blank), equals + 1, (size_t)(p + len - 1 - (equals + 1))) < 0)
			return -1;
	}
	return 0;
}

static int
pax_read(struct pax *x, struct arc_tar *t, const unsigned char b[BLOCK], const char *name, struct err *e)
{
	uint64_t size, padded;
	unsigned char *space;
	int rc;

	if (octal(&size, b, SIZE) < 0 || size == 0 || size > PAX_MAX)
		return err_set(e, 0, "%s: a pax header of a size that is not allowed", name);
	padded = (size + BLOCK - 1) / BLOCK * BLOCK;
	space = mem_grow(NULL, (size_t)padded);
	rc = take(space, t, (size_t)padded, name, e);
	if (rc == 0 && (!is_zero(space + size, (size_t)(padded - size)) || pax_parse(x, t, (const char *)space, (size_t)size) < 0))
		rc = err_set(e, 0, "%s: a pax header that is malformed, or has records that no archive of ours has", name);
	free(space);
	return rc;
}

/* The file's own header with the pax records over it. */
static int
head_from(struct arc_tar *t, const struct pax *x, const unsigned char b[BLOCK], struct err *e)
{
	uint64_t mode, uid = x->uid, gid = x->gid, size = x->size, mtime = 0;
	int bad;

	bad = octal(&mode, b, MODE) < 0 || mode > 07777;
	bad |= number(&uid, b, UID, x->has_uid) < 0;
	bad |= number(&gid, b, GID, x->has_gid) < 0;
	bad |= number(&size, b, SIZE, x->has_size) < 0;
	bad |= number(&mtime, b, MTIME, x->has_mtime) < 0;
	if (bad || mtime > INT64_MAX / 1000000000 - 1)
		return err_set(e, 0, "%s: a bad number in its tar header", t->name);
	t->head.mode = (uint32_t)mode;
	t->head.uid = (uint32_t)uid;
	t->head.gid = (uint32_t)gid;
	t->head.size = size;
	t->head.mtime = x->has_mtime ? x->mtime : (int64_t)mtime * 1000000000;
	t->left = size;
	t->pad = (unsigned)((BLOCK - size % BLOCK) % BLOCK);
	return 1;
}

/* After the first zero block: a second one, and at most a few zeros more. */
static int
tar_end(struct arc_tar *t, struct err *e)
{
	unsigned char b[BLOCK];
	const unsigned char *p;
	size_t n, sum = 0;
	int rc;

	if (take(b, t, BLOCK, "its end mark", e) < 0)
		return -1;
	if (!is_zero(b, BLOCK))
		return err_set(e, 0, "there are bytes behind the end of the tar");
	while ((rc = arc_stream_some(&p, &n, &t->s, TAIL_MAX, e)) > 0) {
		sum += n;
		if (sum > TAIL_MAX || !is_zero(p, n))
			return err_set(e, 0, "there are bytes behind the end of the tar");
	}
	if (rc == 0 && sum % BLOCK != 0)
		return err_set(e, 0, "the end of the tar is cut");
	return rc;
}

/* Passes over what is left of the member and its padding. */
static int
pass_over(struct arc_tar *t, struct err *e)
{
	unsigned char pad[BLOCK];
	const unsigned char *p;
	size_t n;

	while (t->left != 0)
		if (arc_tar_some(&p, &n, t, SIZE_MAX, e) < 0)
			return -1;
	n = t->pad;
	t->pad = 0;
	if (take(pad, t, n, t->name, e) < 0)
		return -1;
	if (!is_zero(pad, n))
		return err_set(e, 0, "%s: bytes that are not zero behind its end", t->name);
	return 0;
}

int
arc_tar_next(struct arc_tar *t, struct err *e)
{
	struct pax x = { 0 };
	unsigned char b[BLOCK];
	char name[BLOCK];
	const char *fault;
	int is_pax = 0;

	if (pass_over(t, e) < 0)
		return -1;
	t->line.n = 0;
	for (;;) {
		if (take(b, t, BLOCK, "a header, before its end mark", e) < 0)
			return -1;
		if (is_zero(b, BLOCK) && !is_pax)
			return tar_end(t, e);
		header_name(name, b);
		fault = block_fault(b);
		if (fault == NULL && is_pax && b[TYPE] == 'x')
			fault = "a second pax header for one file";
		if (fault != NULL)
			return err_set(e, 0, "member \"%s\": %s", name, fault);
		if (b[TYPE] == '0')
			break;
		if (pax_read(&x, t, b, name, e) < 0)
			return -1;
		is_pax = 1;
	}
	if (!x.has_path)
		memcpy(t->name, name, strlen(name) + 1);
	return head_from(t, &x, b, e);
}

int
arc_tar_some(const unsigned char **p, size_t *n, struct arc_tar *t, size_t max, struct err *e)
{
	int rc;

	*n = 0;
	if (t->left == 0)
		return 0;
	rc = arc_stream_some(p, n, &t->s, max < t->left ? max : (size_t)t->left, e);
	if (rc == 0)
		return err_set(e, 0, "the tar ends in %s", t->name);
	t->left -= *n;
	return rc;
}

int
arc_tar_slurp(struct buf *b, struct arc_tar *t, struct err *e)
{
	const unsigned char *p;
	size_t n;
	int rc;

	if (t->left > b->max - b->n)
		return err_set(e, 0, "%s: larger than such a file may be", t->name);
	while ((rc = arc_tar_some(&p, &n, t, SIZE_MAX, e)) > 0)
		buf_add(b, p, n);
	return rc;
}

/* Takes up to and with the next LF from the bytes at hand: some() has no way to give back, so it asks the stream itself. */
static int
line_piece(int *is_whole, struct arc_tar *t, struct err *e)
{
	const unsigned char *p, *lf;
	size_t n;
	int rc = arc_tar_some(&p, &n, t, ARC_LINE_MAX + 1, e);

	if (rc <= 0)
		return rc;
	lf = memchr(p, '\n', n);
	*is_whole = lf != NULL;
	if (lf != NULL) {
		size_t used = (size_t)(lf - p) + 1, back = n - used;

		t->left += back;
		if (t->s.in->is_plain)
			t->s.raw.pos -= back;
		else
			t->s.out_at -= back;
		n = used - 1;
	}
	buf_add(&t->line, p, n);
	return 1;
}

int
arc_tar_line(const char **line, size_t *n, struct arc_tar *t, struct err *e)
{
	int is_whole = 0, rc = 1;

	buf_clear(&t->line);
	while (!is_whole && !t->line.cut && (rc = line_piece(&is_whole, t, e)) > 0)
		;
	if (rc < 0)
		return -1;
	if (rc == 0)
		return t->line.n == 0 ? 0 : err_set(e, 0, "%s: its last line is cut", t->name);
	if (t->line.cut || t->line.n > ARC_LINE_MAX)
		return err_set(e, 0, "%s: a line that is too long", t->name);
	if (t->line.n != 0 && memchr(t->line.p, 0, t->line.n) != NULL)
		return err_set(e, 0, "%s: a line with a NUL byte", t->name);
	*line = buf_cstr(&t->line);
	*n = t->line.n;
	return 1;
}
