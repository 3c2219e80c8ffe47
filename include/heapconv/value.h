/* SPDX-License-Identifier: MIT */
/* Values in the process's memory, as text and as entries of maps. */
#ifndef HEAPCONV_VALUE_H
#define HEAPCONV_VALUE_H

#include "heapconv/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The value of type t at an address, on one line and shortened: numbers, quoted strings, "0xc000010000 main.Node" for
 * pointers, "len 3 cap 4 0xc000020000" for slices, the dynamic type and value of interfaces, "{A: 1, B: \"x\"}" for
 * structs. Control characters are escaped. Written to buf (always terminated); returns the full length.
 */
HC_API size_t hc_value_text(const struct hc_snapshot *s, const struct hc_type *t, uint64_t addr, char *buf,
                            size_t size);

struct hc_map_entry {
	uint64_t key, elem; /**< addresses of the values */
};
struct hc_map_iter {
	const struct hc_snapshot *s;
	const struct hc_type *key, *elem;
	uint64_t dir, dirs, table; /* tables of a map of Go 1.24, or generations of buckets: all, and the one at hand */
	uint64_t group, groups, used; /* groups or buckets: first one's address, number; number of the one at hand */
	uint64_t bucket;   /* address of the group or bucket at hand; 0: none */
	uint64_t tables[2], sizes[2]; /* of buckets */
	uint64_t group_size, keys_at, key_stride, elems_at, elem_stride;
	uint32_t entry;    /* in it */
	bool swiss, indirect_key, indirect_elem;
	uint64_t budget;
};
/** How many entries the map at an address (what a variable of map type holds) has; 0 for a nil map. */
HC_API uint64_t hc_map_len(const struct hc_snapshot *s, uint64_t map);
/** The entries of a map of type t, in order of memory. Damaged maps end early. */
HC_API void hc_map_begin(const struct hc_snapshot *s, const struct hc_type *t, uint64_t map, struct hc_map_iter *it);
HC_API bool hc_map_next(struct hc_map_iter *it, struct hc_map_entry *ret);

#ifdef __cplusplus
}
#endif
#endif
