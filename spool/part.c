#include "part.h"

#include <string.h>

struct part *
part_add(struct part_list *l, enum part_role role, const char *dir, const char *name)
{
	struct part *p;

	if (l->n == PART_MAX)
		return NULL;
	p = &l->v[l->n++];
	memset(p, 0, sizeof *p);
	p->role = role;
	p->dir = dir;
	p->name = name;
	return p;
}

struct part *
part_find(struct part_list *l, enum part_role role)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].role == role)
			return &l->v[i];
	return NULL;
}

uint64_t
part_main_inode(const struct part_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].role == PART_MESSAGE && l->v[i].st.type == SYS_FILE)
			return l->v[i].st.ino;
	return l->n != 0 ? l->v[0].st.ino : 0;
}

int
part_is_linked(const struct part_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].st.nlink > 1)
			return 1;
	return 0;
}

const char *
part_role_name(enum part_role r)
{
	static const char *const name[] = {
		"message", "envelope", "journal", "log", "bounce log", "trace log", "leftover"
	};

	return name[r];
}

static inline uint64_t
rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1]; v[1] = rotl(v[1], 13); v[1] ^= v[0]; v[0] = rotl(v[0], 32);
	v[2] += v[3]; v[3] = rotl(v[3], 16); v[3] ^= v[2];
	v[0] += v[3]; v[3] = rotl(v[3], 21); v[3] ^= v[0];
	v[2] += v[1]; v[1] = rotl(v[1], 17); v[1] ^= v[2]; v[2] = rotl(v[2], 32);
}

/* Little-endian, whatever the machine; compilers make one load of it. */
static inline uint64_t
word_at(const unsigned char *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
	    (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline void
sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

/* SipHash-2-4 (Aumasson, Bernstein 2012). */
uint64_t
part_hash(const void *data, size_t n, const uint64_t key[2])
{
	const unsigned char *p = data;
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u
	};
	unsigned char last[8] = { 0 };
	size_t left = n;
	int i;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(v, word_at(p));
	if (left != 0)
		memcpy(last, p, left);
	last[7] = (unsigned char)n;
	sip_word(v, word_at(last));
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Everything of one part that changes when the MTA or anybody touches it, hashed in one go. */
static uint64_t
part_one(const struct part *p, const uint64_t key[2])
{
	unsigned char text[512];
	uint64_t w[8] = {
		(uint64_t)p->role | (uint64_t)p->absent << 8, p->st.ino, p->st.size, (uint64_t)p->st.mtime, (uint64_t)p->st.ctime,
		(uint64_t)p->st.mode << 32 | p->st.uid, p->st.nlink, 0
	};
	size_t ndir = strlen(p->dir), nname = strlen(p->name);

	w[7] = (uint64_t)ndir << 32 | nname;
	if (sizeof w + ndir + nname > sizeof text) {
		w[7] ^= part_hash(p->dir, ndir, key) + part_hash(p->name, nname, key);
		ndir = nname = 0;
	}
	memcpy(text, w, sizeof w);
	memcpy(text + sizeof w, p->dir, ndir);
	memcpy(text + sizeof w + ndir, p->name, nname);
	return part_hash(text, sizeof w + ndir + nname, key);
}

uint64_t
part_fingerprint(const struct part_list *l, const char *queue, const char *id, const uint64_t key[2])
{
	uint64_t w[3] = { part_hash(queue, strlen(queue), key), part_hash(id, strlen(id), key), 0 };
	uint64_t h;
	size_t i;

	for (i = 0; i < l->n; i++)	/* a sum: the order of parts does not matter */
		w[2] += part_one(&l->v[i], key);
	h = part_hash(w, sizeof w, key);
	return h != 0 ? h : 1;
}
