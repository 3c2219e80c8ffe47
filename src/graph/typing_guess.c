/* SPDX-License-Identifier: MIT */
/*
 * What untyped memory says of itself, for programs without debug information: a channel names its element type; a
 * pointer, a length and a capacity that fit the size class of an object without pointers are a byte slice; a pointer
 * and a length that fit it, with text there, are a string.
 */
#include "graph/typing_priv.h"

enum {
	MIN_TEXT = 17,   /* shorter strings share their size classes with too much else */
	MIN_SLICE = 32,
	MAX_TEXT = 4096, /* bytes looked at */
};

bool guess_chan(struct typing *ty, uint32_t span, uint32_t id, struct claim *ret)
{
	const struct layout *l = &ty->t->layout;
	const struct span *s = &ty->h->spans[span];
	uint64_t addr = span_object_addr(s, id), usable = span_usable(ty->h, span), rtype, size, n, count;
	if (!layout_has(l, L_HCHAN_ELEMTYPE) || usable < (uint64_t)l->f[L_HCHAN_SENDQ].off + 3u * ty->word ||
	    !layout_read(l, ty->h->proc, addr, L_HCHAN_ELEMTYPE, &rtype) ||
	    !program_module_of_type(ty->h->prog, rtype) ||
	    !layout_read(l, ty->h->proc, addr, L_HCHAN_ELEMSIZE, &size) ||
	    !layout_read(l, ty->h->proc, addr, L_HCHAN_DATAQSIZ, &n) ||
	    !layout_read(l, ty->h->proc, addr, L_HCHAN_QCOUNT, &count))
		return false;
	uint32_t elem = iface_type(ty, rtype, true);
	if (elem == TYPE_NONE || ty->t->t[elem].size != size || count > n)
		return false;
	uint32_t type = chan_by_content(ty, addr);
	if (type == TYPE_NONE)
		return false;
	uint64_t bytes = chan_bytes(ty, addr, type);
	*ret = (struct claim){addr, bytes, type, CLAIM_INFER};
	return bytes <= usable && bytes >= span_min_request(ty, s, usable);
}

/* UTF-8 without control characters; a long text is judged by its beginning. */
static bool is_text(const uint8_t *p, uint64_t n)
{
	uint64_t follow = 0;
	for (uint64_t i = 0; i < n && i < MAX_TEXT; i++) {
		uint8_t c = p[i];
		if (follow) {
			if ((c & 0xc0) != 0x80)
				return false;
			follow--;
		} else if (c >= 0xf0) {
			follow = 3;
		} else if (c >= 0xe0) {
			follow = 2;
		} else if (c >= 0xc2) {
			follow = 1;
		} else if (c >= 0x7f || (c < ' ' && c != '\t' && c != '\n' && c != '\r')) {
			return false;
		}
	}
	return true;
}

void guess_bytes(struct typing *ty, uint64_t addr, uint64_t value)
{
	const struct heap *h = ty->h;
	uint64_t len, cap, avail;
	uint32_t span, id = heap_find_slot(h, value, &span);
	if (id == OBJ_NONE || !(h->spans[span].flags & SPAN_NOSCAN) || !bit_get(h->alloc, id) ||
	    tw_origin(ty->tw[id]) != ORIGIN_UNKNOWN || value != span_object_addr(&h->spans[span], id) ||
	    !proc_word(h->proc, addr + ty->word, &len))
		return;
	uint64_t usable = span_usable(h, span), min = span_min_request(ty, &h->spans[span], usable);
	struct claim c = {value, 0, ty->uint8, CLAIM_INFER};
	if (proc_word(h->proc, addr + 2u * ty->word, &cap) && len <= cap && cap >= min && cap <= usable) {
		if (cap < MIN_SLICE) /* or a string, and something else behind it */
			return;
		c.bytes = cap;
		c.flags |= CLAIM_ARRAY;
	} else if (len >= min && len <= usable && len >= MIN_TEXT) {
		const uint8_t *text = proc_view(h->proc, value, &avail);
		if (!text || avail < len || !is_text(text, len))
			return;
		c.bytes = len;
		c.flags |= CLAIM_STRING;
	}
	if (c.bytes)
		typing_claim_at(ty, &c, span, id);
}
