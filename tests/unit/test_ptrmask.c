/* SPDX-License-Identifier: MIT */
/*
 * Pointer bits of objects on machines of either pointer size and byte order: one span of 48-byte slots with a few
 * pointers each, told in every way that the runtime tells them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "heap/priv.h"
#include "tests/support/fakeproc.h"
#include "types/rtype.h"

enum { SLOT = 48, SLOTS = 160, FREE = 3, BITS = 0x9000, STEP = 7 };
#define SPAN FP_BASE /* 4 MiB: the first page of an arena on 32-bit machines */

struct world {
	struct fakeproc fp;
	struct heap h;
	struct heap_private priv;
	struct types types;
	struct program prog;
	struct diag diag;
	struct arena_meta arena;
	struct span span;
	struct span_info info;
	uint64_t alloc[(SLOTS + 63) / 64];
	uint32_t hint[4];
};

/* Which words of the span are pointers: no regular pattern, so that a shift of any length shows. */
static bool is_pointer(unsigned word)
{
	return word * 2654435761u >> 29 < 2;
}

static struct world *world_new(uint8_t word, bool be, enum mask_kind kind)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	fp_init(&w->fp, word == 8 ? ARCH_S390X : ARCH_MIPS, word, be);
	diag_init(&w->diag, NULL, NULL);
	w->priv.arenas = &w->arena;
	w->priv.narenas = 1;
	w->types.proc = &w->fp.proc;
	w->types.prog = &w->prog;
	w->prog.proc = &w->fp.proc;
	w->prog.minor = 24;
	w->prog.rtypes = rtypes_new(&w->fp.proc);
	w->span = (struct span){.base = SPAN, .limit = SPAN + SLOT * SLOTS, .nelems = SLOTS, .elemsize = SLOT,
	                        .magic = UINT32_MAX / SLOT + 1, .flags = kind == MASK_HEADER ? SPAN_HEADER : 0};
	w->info = (struct span_info){.slot_size = SLOT, .npages = 1, .data = w->fp.data, .maskkind = (uint8_t)kind,
	                             .bits = w->fp.data + BITS};
	w->arena = (struct arena_meta){.index = SPAN >> (word == 8 ? 26 : 22), .bitmap = NULL};
	memset(w->alloc, 0xff, sizeof(w->alloc));
	bit_clear(w->alloc, FREE);
	w->h = (struct heap){.proc = &w->fp.proc, .types = &w->types, .prog = &w->prog, .diag = &w->diag, .be = be,
	                     .word = word, .spans = &w->span, .info = &w->info, .nspans = 1, .span_hint = w->hint,
	                     .nslots = SLOTS, .alloc = w->alloc, .priv = &w->priv};
	for (uint64_t i = 0; i < SLOT * SLOTS / word; i++)
		fp_word(&w->fp, SPAN + i * word, 0x1000000 + i);
	return w;
}

static void world_free(struct world *w)
{
	rtypes_free(w->prog.rtypes);
	map_free(&w->priv.masks);
	vec_free(&w->priv.mask_of);
	arena_free(&w->h.arena);
	diag_deinit(&w->diag);
	free(w);
}

/* The scan finds the pointers of all objects, with their values, and no others. */
static void check(struct world *w, unsigned head, bool (*pointer)(unsigned word))
{
	struct ptr_scan *s = calloc(1, sizeof(*s));
	unsigned word = w->h.word, next = head / word, found = 0;
	assert_non_null(s);
	heap_scan_begin(s, &w->h, 0, 0, SLOTS);
	while (heap_scan_next(s)) {
		for (uint32_t i = 0; i < s->n; i++, found++, next++) {
			while (next * word / SLOT == FREE || next * word % SLOT < head || !pointer(next))
				next++;
			assert_int_equal(s->value[i], 0x1000000 + next);
			assert_int_equal(s->object[i], next * word / SLOT);
			assert_int_equal(s->offset[i], (next * word % SLOT - head) / word);
		}
	}
	for (; next < SLOT * SLOTS / word; next++)
		assert_false(pointer(next) && next * word % SLOT >= head && next * word / SLOT != FREE);
	assert_true(found > SLOTS / 2);
	free(s);
}

/* Bits as the runtime writes them: in words of its own size and byte order. */
static void put_bit(const struct world *w, uint8_t *set, unsigned i)
{
	unsigned word = w->h.word, bits = 8 * word, at = i / bits * word, byte = i % bits / 8;
	set[at + (w->h.be ? word - 1 - byte : byte)] |= (uint8_t)(1 << (i & 7));
}

/* Word of the arena that the span begins with: 0 on 32-bit machines only. */
static unsigned first_word(const struct world *w)
{
	return (unsigned)((SPAN & ((UINT64_C(1) << arena_shift(&w->h)) - 1)) / w->h.word);
}

static void bits_at_the_spans_end(void **state)
{
	(void)state;
	for (int k = 0; k < 4; k++) {
		struct world *w = world_new(k & 1 ? 4 : 8, k & 2, MASK_SPANBITS);
		for (unsigned i = 0; i < SLOT * SLOTS / w->h.word; i++)
			if (is_pointer(i))
				put_bit(w, w->fp.data + BITS, i);
		check(w, 0, is_pointer);
		assert_int_equal(span_rules_of(&w->fp.proc).bits_max, k & 1 ? 128 : 512);
		world_free(w);
	}
}

/* Go 1.20 and 1.21: a bit per word of the arena. */
static void one_bit_per_word(void **state)
{
	(void)state;
	for (int k = 0; k < 4; k++) {
		struct world *w = world_new(k & 1 ? 4 : 8, k & 2, MASK_1BIT);
		uint8_t *bits = calloc(1, ((size_t)1 << arena_shift(&w->h)) / w->h.word / 8);
		assert_non_null(bits);
		for (unsigned i = 0; i < SLOT * SLOTS / w->h.word; i++)
			if (is_pointer(i))
				put_bit(w, bits, first_word(w) + i);
		w->arena.bitmap = bits;
		check(w, 0, is_pointer);
		free(bits);
		world_free(w);
	}
}

/* Until Go 1.19: a byte for four words, pointers below and "there is more" above. */
static void two_bits_per_word(void **state)
{
	(void)state;
	for (int k = 0; k < 4; k++) {
		struct world *w = world_new(k & 1 ? 4 : 8, k & 2, MASK_2BIT);
		uint8_t *bits = calloc(1, ((size_t)1 << arena_shift(&w->h)) / w->h.word / 4), *mine = bits + first_word(w) / 4;
		assert_non_null(bits);
		for (unsigned i = 0; i < SLOT * SLOTS / w->h.word; i++)
			mine[i / 4] |= (uint8_t)((is_pointer(i) ? 0x11 : 0x10) << (i & 3));
		w->arena.bitmap = bits;
		check(w, 0, is_pointer);
		/* Nothing more in the first object, whatever follows there. */
		mine[0] &= 0x0f;
		uint64_t mask;
		assert_int_equal(heap_object_mask(&w->h, 0, 0, &mask, 64), SLOT / w->h.word);
		assert_int_equal(mask, 0);
		free(bits);
		world_free(w);
	}
}

static unsigned type_words, head_words;
static bool in_type(unsigned word)
{
	unsigned at = word % (type_words + head_words) - head_words;
	return at == 1 || at == type_words - 1;
}

/* A type word in front: 8 bytes also where pointers have 4, of which the first 4 count. */
static void headers(void **state)
{
	(void)state;
	enum { TYPE = 0xa000, MASK = 0xb000 };
	for (int k = 0; k < 4; k++) {
		struct world *w = world_new(k & 1 ? 4 : 8, k & 2, MASK_HEADER);
		unsigned word = w->h.word, words = (SLOT - 8) / word;
		uint64_t type = FP_BASE + TYPE;
		type_words = words;
		head_words = 8 / word;
		fp_word(&w->fp, type, SLOT - 8);
		fp_word(&w->fp, type + word, (uint64_t)words * word);
		fp_put(&w->fp, type + 2 * word, 4, 0x1234); /* hash */
		fp_put(&w->fp, type + 2 * word + 5, 1, word);
		fp_put(&w->fp, type + 2 * word + 6, 1, word);
		fp_put(&w->fp, type + 2 * word + 7, 1, KIND_STRUCT);
		fp_word(&w->fp, type + 3 * word + 8, FP_BASE + MASK);
		for (unsigned i = 1; i < words; i += words - 2)
			w->fp.data[MASK + i / 8] |= (uint8_t)(1 << (i & 7)); /* masks of types are bytes */
		for (unsigned i = 0; i < SLOTS; i++)
			fp_word(&w->fp, SPAN + (uint64_t)i * SLOT, type);
		assert_null(heap_load_masks(&w->h));
		check(w, 8, in_type);
		assert_int_equal(heap_object_rtype(&w->h, 5), type);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_at_the_spans_end),
		cmocka_unit_test(one_bit_per_word),
		cmocka_unit_test(two_bits_per_word),
		cmocka_unit_test(headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
