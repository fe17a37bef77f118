/* Header sections from bytes: fed in pieces they must give what they give at once, as valid UTF-8, within the limits. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/head.h"
#include "spool/msg.h"
#include "spool/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
same(const char *a, const char *b)
{
	if ((a == NULL) != (b == NULL) || (a != NULL && (strcmp(a, b) != 0 || !text_valid(a, strlen(a)))))
		abort();
}

static void
compare(const struct head *a, const struct head *b)
{
	size_t i;

	same(a->from, b->from);
	same(a->subject, b->subject);
	same(a->message_id, b->message_id);
	same(a->list_id, b->list_id);
	same(a->received, b->received);
	if (a->nall != b->nall || a->nnotes != b->nnotes || a->ended != b->ended || a->is_report != b->is_report)
		abort();
	for (i = 0; i < a->nall; i++) {
		same(a->all[i].name, b->all[i].name);
		same(a->all[i].value, b->all[i].value);
	}
	for (i = 0; i < a->nnotes; i++)
		same(a->notes[i], b->notes[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = { 0 };
	struct head_parser whole, pieces;
	struct msg m;
	size_t i, step;
	int want_all;

	if (n == 0)
		return 0;
	want_all = data[0] & 1;
	step = (size_t)(data[0] >> 1) + 1;
	data++;
	n--;
	head_init(&whole, &a, want_all);
	head_push(&whole, data, n);
	head_init(&pieces, &a, want_all);
	for (i = 0; i < n; i += step)
		head_push(&pieces, data + i, n - i < step ? n - i : step);
	compare(head_end(&whole), head_end(&pieces));
	msg_init(&m, &a);
	head_to_msg(&m, &whole.out);
	msg_finish(&m);
	if (whole.all_bytes > HEAD_ALL_MAX || m.damage.n != 0)
		abort();
	arena_free(&a);
	return 0;
}
