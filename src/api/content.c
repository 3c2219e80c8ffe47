/* SPDX-License-Identifier: MIT */
/* Public accessors of what is in objects: their bytes, and what their words mean. */
#include "api/api.h"

const uint8_t *hc_object_bytes(const struct hc_snapshot *s, hc_node node, uint64_t offset, uint64_t *avail)
{
	const struct heap *h = s->heap;
	*avail = 0;
	if (!h || node >= h->nslots || !bit_get(h->alloc, node))
		return NULL;
	uint64_t n = 0;
	const uint8_t *p = heap_object_view(h, node, offset, &n);
	*avail = p ? n : 0;
	return p;
}

uint64_t hc_node_addr(const struct hc_snapshot *s, hc_node node)
{
	const struct heap *h = s->heap;
	if (!h)
		return 0;
	if (node < h->nslots)
		return span_object_addr(&h->spans[heap_span_of(h, node)], node);
	return node - h->nslots < h->nroots ? h->roots[node - h->nslots].addr : 0;
}

const struct hc_type *hc_interface_type(const struct hc_snapshot *s, const struct hc_type *iface, uint64_t first_word)
{
	uint64_t rtype = first_word;
	uint32_t id;
	if (!first_word || !s->types || api_typep(iface)->kind != KIND_INTERFACE)
		return NULL;
	/* An itab's words are the interface and the type (internal/abi.ITab, the same since Go 1.0). */
	if (!(api_typep(iface)->flags & TYPE_F_EFACE) && !proc_word(s->proc, first_word + s->proc->word, &rtype))
		return NULL;
	return map_get(&s->types->by_rtype, rtype, &id) ? api_type(s, id) : NULL;
}
