/* SPDX-License-Identifier: MIT */
/*
 * Where the pointers of an object are. Five ways, by Go release and kind of span (runtime/mbitmap.go and its
 * predecessors); each answers the same question: the pointer bits of up to 64 words of one object.
 */
#include "heap/priv.h"

/* ---- type masks, tiled ---- */

static bool is_header_word(const struct heap *h, uint64_t v)
{
	return v != 0 && v % h->word == 0;
}

bool mask_register(struct heap *h, uint64_t rtype)
{
	uint32_t at;
	if (!is_header_word(h, rtype) || map_get(&h->priv->masks, rtype, &at))
		return true;
	const struct gcmask *m = types_gcmask(h->types, rtype);
	if (!m)
		return map_put(&h->priv->masks, rtype, UINT32_MAX);
	if (!vec_push(&h->priv->mask_of, m))
		return false;
	return map_put(&h->priv->masks, rtype, (uint32_t)h->priv->mask_of.len - 1);
}

const struct gcmask *mask_lookup(const struct heap *h, uint64_t rtype)
{
	uint32_t at;
	if (!is_header_word(h, rtype) || !map_get(&h->priv->masks, rtype, &at) || at == UINT32_MAX)
		return NULL;
	return h->priv->mask_of.data[at];
}

struct hc_error *heap_load_masks(struct heap *h)
{
	uint64_t last = 0;
	for (uint32_t i = 0; i < h->nspans; i++) {
		const struct span *s = &h->spans[i];
		if (h->info[i].maskkind == MASK_LARGE && !mask_register(h, h->info[i].type))
			return err_nomem();
		if (!(s->flags & SPAN_HEADER))
			continue;
		for (uint32_t id = s->first; id < s->first + s->nelems; id++) {
			uint64_t v;
			if (!bit_get(h->alloc, id) || !proc_word(h->proc, span_slot_addr(s, id), &v) || v == last)
				continue;
			last = v;
			if (!mask_register(h, v))
				return err_nomem();
		}
	}
	return NULL;
}

/* n (1..64) bits from bit `at` of a bit vector of `nbits`; bits beyond are zero. */
static uint64_t bits_at(const uint64_t *bits, uint64_t nbits, uint64_t at, uint64_t n)
{
	if (at >= nbits)
		return 0;
	uint64_t v = bits[at >> 6] >> (at & 63);
	if ((at & 63) && (at >> 6) + 1 < bit_words(nbits))
		v |= bits[(at >> 6) + 1] << (64 - (at & 63));
	uint64_t left = nbits - at;
	if (left < n)
		n = left;
	return n >= 64 ? v : v & ((UINT64_C(1) << n) - 1);
}

/* 64 words of an endless row of elements, from word `from`. */
static uint64_t tiled(const struct gcmask *m, uint64_t from)
{
	if (m->ptr_words == 0)
		return 0;
	if (m->size_words == 1)
		return ~UINT64_C(0);
	uint64_t pos = from % m->size_words, v = 0;
	if (m->size_words <= 32) {
		uint64_t e = bits_at(m->bits, m->ptr_words, 0, m->size_words);
		uint64_t unit = pos ? (e >> pos | e << (m->size_words - pos)) & ((UINT64_C(1) << m->size_words) - 1) : e;
		v = unit;
		for (uint64_t n = m->size_words; n < 64; n *= 2)
			v |= v << n;
		return v;
	}
	for (uint64_t done = 0; done < 64;) {
		uint64_t n = m->size_words - pos;
		if (n > 64 - done)
			n = 64 - done;
		v |= bits_at(m->bits, m->ptr_words, pos, n) << done;
		done += n;
		pos = 0;
	}
	return v;
}

/* ---- the arena bitmap of Go 1.17 to 1.21 ---- */

/* log2 of a pointer's bytes: divisions would cost more than all the rest here. */
static inline unsigned word_shift(const struct heap *h)
{
	return h->word == 8 ? 3 : 2;
}

/*
 * Up to 1.19: byte k of the arena's bitmap covers words 4k to 4k+3; bit j of the low nibble says pointer, of the high
 * nibble says that more pointers may follow. Bits behind the first clear high bit are not maintained.
 */
static uint64_t arena_2bit(const struct heap *h, uint64_t addr, bool *more)
{
	const struct arena_meta *a = arena_find(h, addr);
	uint64_t v = 0;
	const uint64_t inside = (UINT64_C(1) << arena_shift(h)) - 1;
	const unsigned shift = word_shift(h);
	for (unsigned i = 0; i < 64; i++, addr += h->word) {
		if (i && !(addr & inside))
			a = arena_find(h, addr);
		if (!a || !a->bitmap)
			return v;
		uint64_t word = (addr & inside) >> shift;
		unsigned b = (unsigned)a->bitmap[word / 4] >> (word & 3);
		if (!(b & 0x10)) {
			*more = false;
			return v;
		}
		v |= (uint64_t)(b & 1) << i;
	}
	return v;
}

/* 1.20 and 1.21: one bit a word. */
static uint64_t arena_1bit(const struct heap *h, uint64_t addr)
{
	const uint64_t inside = (UINT64_C(1) << arena_shift(h)) - 1;
	const unsigned shift = word_shift(h);
	uint64_t v = 0;
	for (unsigned i = 0; i < 64;) {
		const struct arena_meta *a = arena_find(h, addr);
		uint64_t word = (addr & inside) >> shift;
		uint64_t n = 64 - (word & 63);
		if (n > 64 - i)
			n = 64 - i;
		if (a && a->bitmap) {
			uint64_t w = load_bits(a->bitmap + (word / 64) * 8, h->word, h->be) >> (word & 63);
			if (n < 64)
				w &= (UINT64_C(1) << n) - 1;
			v |= w << i;
		}
		i += (unsigned)n;
		addr += n * h->word;
	}
	return v;
}

/* ---- one object ---- */

uint64_t heap_object_rtype(const struct heap *h, uint32_t id)
{
	uint32_t i = heap_span_of(h, id);
	const struct span *s = &h->spans[i];
	uint64_t v;
	if (h->info[i].maskkind == MASK_LARGE)
		return h->info[i].type;
	if (!(s->flags & SPAN_HEADER) || !proc_word(h->proc, span_slot_addr(s, id), &v))
		return 0;
	return mask_lookup(h, v) ? v : 0;
}

/* What mask_words() needs to know about an object, found once. */
struct obj_mask {
	const struct heap *h;
	const struct span_info *info;
	const struct gcmask *type; /* MASK_HEADER, MASK_LARGE */
	uint64_t addr;             /* of the object */
	uint64_t head;             /* bytes of the slot before it */
	uint64_t slot_word;        /* of the object in its span */
	uint64_t words;            /* of the object */
};

static void obj_mask_init(struct obj_mask *o, const struct heap *h, uint32_t span, uint32_t id)
{
	const struct span *s = &h->spans[span];
	o->h = h;
	o->info = &h->info[span];
	o->type = NULL;
	o->addr = span_object_addr(s, id);
	o->head = s->flags & SPAN_HEADER ? MALLOC_HEADER : 0;
	o->slot_word = (o->addr - s->base) >> word_shift(h);
	o->words = span_usable(h, span) >> word_shift(h);
	if (o->info->maskkind == MASK_HEADER) {
		uint64_t v;
		if (proc_word(h->proc, o->addr - MALLOC_HEADER, &v))
			o->type = mask_lookup(h, v);
	} else if (o->info->maskkind == MASK_LARGE) {
		o->type = mask_lookup(h, o->info->type);
	}
}

/* Pointer bits of words [from, from + 64); *more = false: no pointers behind these. */
static uint64_t mask_words(const struct obj_mask *o, uint64_t from, bool *more)
{
	uint64_t v = 0, left = o->words - from;
	switch ((enum mask_kind)o->info->maskkind) {
	case MASK_NONE:
		*more = false;
		return 0;
	case MASK_2BIT:
		v = arena_2bit(o->h, o->addr + from * o->h->word, more);
		break;
	case MASK_1BIT:
		v = arena_1bit(o->h, o->addr + from * o->h->word);
		break;
	case MASK_SPANBITS:
		if (o->info->bits) {
			uint64_t at = o->slot_word + from, byte = at / 64 * 8;
			unsigned word = o->h->word;
			uint64_t nbytes = o->info->npages << PAGE_SHIFT >> (word_shift(o->h) + 3);
			v = load_bits(o->info->bits + byte, word, o->h->be) >> (at & 63);
			if ((at & 63) && byte + 16 <= nbytes)
				v |= load_bits(o->info->bits + byte + 8, word, o->h->be) << (64 - (at & 63));
		}
		break;
	case MASK_DUMP: { /* padded: the next word is there */
		uint64_t at = o->slot_word + from;
		const uint8_t *bits = o->info->bits + at / 64 * 8;
		v = load64(bits, false) >> (at & 63);
		if (at & 63)
			v |= load64(bits + 8, false) << (64 - (at & 63));
		break;
	}
	case MASK_HEADER:
	case MASK_LARGE:
		if (!o->type) {
			*more = false;
			return 0;
		}
		v = tiled(o->type, from);
		break;
	}
	return left >= 64 ? v : v & ((UINT64_C(1) << left) - 1);
}

uint64_t heap_object_mask(const struct heap *h, uint32_t id, uint64_t from_word, uint64_t *out, uint64_t nwords)
{
	struct obj_mask o;
	obj_mask_init(&o, h, heap_span_of(h, id), id);
	if (from_word >= o.words)
		return 0;
	if (nwords > o.words - from_word)
		nwords = o.words - from_word;
	bool more = true;
	for (uint64_t at = 0; at < nwords; at += 64) {
		uint64_t v = more ? mask_words(&o, from_word + at, &more) : 0;
		if (nwords - at < 64)
			v &= (UINT64_C(1) << (nwords - at)) - 1;
		out[at / 64] = v;
	}
	return nwords;
}

bool heap_word_is_ptr(const struct heap *h, uint32_t id, uint64_t offset)
{
	uint64_t bit;
	return heap_object_mask(h, id, offset / h->word, &bit, 1) == 1 && (bit & 1);
}

const uint8_t *heap_object_view(const struct heap *h, uint32_t id, uint64_t offset, uint64_t *avail)
{
	uint32_t span = heap_span_of(h, id);
	const struct span *s = &h->spans[span];
	uint64_t usable = span_usable(h, span), addr = span_object_addr(s, id);
	if (offset >= usable)
		return NULL;
	const uint8_t *slot = slot_bytes(h, span, id);
	if (slot) {
		*avail = usable - offset;
		return slot + (addr - span_slot_addr(s, id)) + offset;
	}
	const uint8_t *p = proc_view(h->proc, addr + offset, avail);
	if (p && *avail > usable - offset)
		*avail = usable - offset;
	return p;
}

/* ---- all pointers of a span ---- */

void heap_scan_begin(struct ptr_scan *s, const struct heap *h, uint32_t span, uint32_t from, uint32_t to)
{
	const struct span *sp = &h->spans[span];
	s->heap = h;
	s->span = span;
	s->id = from;
	s->to = to;
	s->word = 0;
	s->n = 0;
	s->missing = 0;
	if (sp->flags & SPAN_NOSCAN)
		s->id = to;
}

static inline uint64_t load_ptr(const struct heap *h, const uint8_t *p)
{
	if (h->word == 8) {
		uint64_t v = load64(p, false);
		return h->be ? __builtin_bswap64(v) : v;
	}
	return load32(p, h->be);
}

/* Appends the non-nil pointers among 64 words; data is where those words are, NULL to look each up. */
static void emit(struct ptr_scan *s, uint64_t mask, uint64_t from, uint64_t addr, const uint8_t *data)
{
	const struct heap *h = s->heap;
	while (mask) {
		unsigned i = (unsigned)__builtin_ctzll(mask);
		mask &= mask - 1;
		uint64_t v;
		if (data)
			v = load_ptr(h, data + (uint64_t)i * h->word);
		else if (!proc_word(h->proc, addr + (from + i) * h->word, &v)) {
			s->missing++;
			continue;
		}
		if (!v)
			continue;
		s->value[s->n] = v;
		s->object[s->n] = s->id;
		s->offset[s->n] = (uint32_t)(from + i);
		s->n++;
	}
}

bool heap_scan_next(struct ptr_scan *s)
{
	const struct heap *h = s->heap;
	s->n = 0;
	for (; s->id < s->to; s->id++, s->word = 0) {
		if (!bit_get(h->alloc, s->id))
			continue;
		struct obj_mask o;
		obj_mask_init(&o, h, s->span, s->id);
		const uint8_t *slot = slot_bytes(h, s->span, s->id);
		bool more = true;
		for (; s->word < o.words && more; s->word += 64) {
			if (s->n > SCAN_BATCH - 64)
				return true;
			uint64_t mask = mask_words(&o, s->word, &more);
			if (mask)
				emit(s, mask, s->word, o.addr, slot ? slot + o.head + s->word * h->word : NULL);
		}
	}
	return s->n > 0;
}
