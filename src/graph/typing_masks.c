/* SPDX-License-Identifier: MIT */
/* What an object shows of its type without any pointer to it: its size class and where its pointers are. */
#include "graph/typing_priv.h"

enum { MASK_STEP = 16 }; /* mask words read at once */

/* Go's size classes, the same from 1.17 to 1.27 (internal/runtime/gc/sizeclasses.go). */
static const uint16_t size_classes[] = {
	8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448,
	480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096,
	4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072,
	20480, 21760, 24576, 27264, 28672, 32768,
};

void size_classes_init(struct typing *ty)
{
	uint32_t prev = 0;
	size_t c = 0;
	for (uint32_t size = 8; size <= 32768; size += 8) {
		ty->prev_class[size / 8] = prev;
		if (size == size_classes[c]) {
			prev = size;
			c++;
		}
	}
}

/* With -asan, malloc.go (redZoneSize) asks for more than the program did: the least that n bytes may have been. */
static uint64_t without_red_zone(uint64_t n)
{
	static const uint16_t zones[] = {2048, 1024, 512, 256, 128, 64, 32, 16};
	static const uint32_t up_to[] = {UINT32_MAX, 64512, 32256, 16128, 3968, 448, 96, 48};
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (n > zones[i] && (i + 1 == sizeof(zones) / sizeof(zones[0]) || n - zones[i] > up_to[i + 1]))
			return n - zones[i];
	return 1;
}

static uint64_t min_request(const struct typing *ty, const struct span *s, uint64_t usable)
{
	if (!s->elemsize)
		/* The limit of such spans is the requested size; heap dumps have it rounded up to pages. */
		return s->flags & SPAN_ROUNDED ? usable - 8191 : usable;
	uint64_t min = (uint64_t)ty->prev_class[s->elemsize / 8] + 1;
	if (!(s->flags & SPAN_HEADER))
		return min;
	/* Headers are for requests of more than 512 bytes (64 bits) and count as part of them. */
	uint64_t least = 8u * ty->word * ty->word + 1;
	return min > least + 8 ? min - 8 : least;
}

uint64_t span_min_request(const struct typing *ty, const struct span *s, uint64_t usable)
{
	uint64_t min = min_request(ty, s, usable);
	return ty->h->red_zones ? without_red_zone(min) : min;
}

/* Pointer bits of a slot whose span keeps them, see heap/ptrmask.c. */
static uint64_t slot_bits(const struct typing *ty, uint32_t span, uint32_t id)
{
	const struct span *s = &ty->h->spans[span];
	uint64_t words = s->elemsize / ty->word, at = (uint64_t)(id - s->first) * words;
	const uint8_t *bits = ty->spans[span].bits + at / 64 * 8;
	uint64_t v = load_bits(bits, ty->word, ty->be) >> (at & 63);
	if ((at & 63) + words > 64)
		v |= load_bits(bits + 8, ty->word, ty->be) << (64 - (at & 63));
	return words >= 64 ? v : v & ((UINT64_C(1) << words) - 1);
}

/* n values of a type with at most 64 words. */
static uint64_t row_bits(const struct prog *p, uint64_t bytes, unsigned word)
{
	uint64_t v = p->mask, words = bytes / word, each = p->size / word;
	if (bytes == p->size)
		return v;
	for (uint64_t n = each; v && n && n < 64; n *= 2)
		v |= v << n;
	return words >= 64 ? v : v & ((UINT64_C(1) << words) - 1);
}

bool mask_agrees(struct typing *ty, uint32_t span, uint32_t id, const struct prog *p, uint64_t off, uint64_t bytes,
                 bool whole)
{
	const struct heap *h = ty->h;
	/* The requested size is not known, and behind it, up to the page's end, is the mask of one more element. */
	if (h->spans[span].flags & SPAN_ROUNDED)
		whole = false;
	if (h->spans[span].flags & SPAN_NOSCAN)
		return p->ptr_words == 0 || (p->flags & PROG_ANYMASK);
	if (p->ptr_words && off % ty->word)
		return false;
	if (whole && off == 0 && ty->spans[span].bits)
		return slot_bits(ty, span, id) == row_bits(p, bytes, ty->word);
	uint64_t first = off / ty->word, last = (off + bytes + ty->word - 1) / ty->word;
	uint64_t mask[MASK_STEP], from = whole ? 0 : first, n;
	do {
		n = heap_object_mask(h, id, from, mask, 64 * MASK_STEP);
		for (uint64_t i = 0; i * 64 < n; i++) {
			uint64_t at = from + i * 64, want = 0, care = ~UINT64_C(0);
			if (at < last && at >= first)
				want = prog_bits(p, at - first);
			if (at < last && last - at < 64)
				care = (UINT64_C(1) << (last - at)) - 1;
			want &= care;
			if (!whole && at >= last)
				return true;
			if (want != (whole ? mask[i] : mask[i] & care))
				return false;
		}
		from += n;
	} while (n == 64 * MASK_STEP && (whole || from < last));
	return true;
}

bool mask_matches(struct typing *ty, uint32_t span, uint32_t id, const struct prog *p, uint64_t bytes)
{
	return mask_agrees(ty, span, id, p, 0, bytes, true);
}

uint64_t object_pointers_end(const struct typing *ty, uint32_t id, uint64_t usable)
{
	uint64_t last = 0, mask;
	for (uint64_t at = 0; at * ty->word < usable && heap_object_mask(ty->h, id, at, &mask, 64); at += 64)
		if (mask)
			last = at + 64 - (uint64_t)__builtin_clzll(mask);
	return last * ty->word;
}
