/* SPDX-License-Identifier: MIT */
/* Entries of maps: groups of internal/runtime/maps (Go 1.24) and buckets of runtime.hmap (before). Public API only. */
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "heapconv/snapshot.h"
#include "heapconv/value.h"

enum { SLOTS = 8, INDIRECT_SIZE = 128, TOPHASH_MIN = 5, B_MAX = 40 };

static bool read_uint(const struct hc_snapshot *s, uint64_t addr, unsigned size, uint64_t *ret)
{
	uint8_t b[8];
	if (!hc_read_memory(s, addr, b, size))
		return false;
	*ret = load_uint(b, size, hc_snapshot_info(s)->big_endian);
	return true;
}

static bool read_word(const struct hc_snapshot *s, uint64_t addr, uint64_t *ret)
{
	return read_uint(s, addr, hc_snapshot_info(s)->pointer_size, ret);
}

/*
 * Released as "go1.24.4" or from a development branch, "devel go1.24-..."; Go 1.24 and 1.25 could be told to keep the
 * old maps, "go1.24.4 X:noswissmap".
 */
static bool is_swiss(const struct hc_snapshot *s)
{
	const char *v = strstr(hc_snapshot_info(s)->go_version, "go1.");
	return v && strtoul(v + 4, NULL, 10) >= 24 && !strstr(v, "noswissmap");
}

uint64_t hc_map_len(const struct hc_snapshot *s, uint64_t map)
{
	uint64_t n = 0;
	/* maps.Map.used is a uint64, hmap.count an int. */
	return map && read_uint(s, map, is_swiss(s) ? 8 : hc_snapshot_info(s)->pointer_size, &n) ? n : 0;
}

static uint64_t align_up(uint64_t n, uint64_t align)
{
	return align ? (n + align - 1) / align * align : n;
}

/* Alignment of a type: that of its most demanding part, at most a word's. */
static uint64_t align_of(const struct hc_snapshot *s, const struct hc_type *t)
{
	uint64_t word = hc_snapshot_info(s)->pointer_size, align = 1;
	struct {
		const struct hc_type *t;
		uint32_t next;
	} at[8] = {{t, 0}};
	size_t depth = 1;
	while (depth && align < word) {
		const struct hc_type *top = at[depth - 1].t;
		enum hc_kind kind = hc_type_kind(top);
		const struct hc_type *inner = NULL;
		if (kind == HC_KIND_STRUCT && at[depth - 1].next < hc_type_field_count(top))
			inner = hc_type_field_at(s, top, at[depth - 1].next++).type;
		else if (kind == HC_KIND_ARRAY && at[depth - 1].next++ == 0)
			inner = hc_type_elem(s, top);
		else
			depth--;
		if (kind != HC_KIND_STRUCT && kind != HC_KIND_ARRAY) {
			bool scalar = kind <= HC_KIND_FLOAT64;
			bool complex = kind == HC_KIND_COMPLEX64 || kind == HC_KIND_COMPLEX128;
			uint64_t own = scalar ? hc_type_size(top) : complex ? hc_type_size(top) / 2 : word;
			if (own > align)
				align = own < word ? own : word;
		}
		if (inner && depth < sizeof(at) / sizeof(at[0])) {
			at[depth].t = inner;
			at[depth++].next = 0;
		}
	}
	return align;
}

static void shape(struct hc_map_iter *it)
{
	uint64_t word = hc_snapshot_info(it->s)->pointer_size;
	uint64_t key = hc_type_size(it->key), elem = hc_type_size(it->elem);
	it->indirect_key = key > INDIRECT_SIZE;
	it->indirect_elem = elem > INDIRECT_SIZE;
	uint64_t key_align = it->indirect_key ? word : align_of(it->s, it->key);
	uint64_t elem_align = it->indirect_elem ? word : align_of(it->s, it->elem);
	key = it->indirect_key ? word : key;
	elem = it->indirect_elem ? word : elem;
	it->keys_at = SLOTS; /* control bytes, or tops of hashes */
	if (!it->swiss) {
		it->key_stride = key;
		it->elems_at = align_up(SLOTS + SLOTS * key, elem_align);
		it->elem_stride = elem;
		it->group_size = align_up(it->elems_at + SLOTS * elem, word) + word; /* the overflow pointer is last */
		return;
	}
	uint64_t align = key_align > elem_align ? key_align : elem_align, elem_at = align_up(key, elem_align);
	/* A last field without size gets a byte, so that its address stays inside (as in any struct). */
	uint64_t slot = align_up(elem_at + (elem ? elem : key ? 1 : 0), align);
	it->key_stride = it->elem_stride = slot;
	it->elems_at = it->keys_at + elem_at;
	it->group_size = SLOTS + SLOTS * slot;
}

void hc_map_begin(const struct hc_snapshot *s, const struct hc_type *t, uint64_t map, struct hc_map_iter *it)
{
	uint64_t word = hc_snapshot_info(s)->pointer_size, b = 0;
	memset(it, 0, sizeof(*it));
	it->s = s;
	it->swiss = is_swiss(s);
	it->key = hc_type_key(s, t);
	it->elem = hc_type_elem(s, t);
	uint64_t len = hc_map_len(s, map);
	it->budget = 64 * (len + SLOTS) + 4096; /* empty groups, tables that are there several times */
	if (!len || !it->key || !it->elem)
		return;
	shape(it);
	if (it->swiss) {
		if (!read_word(s, map + 8 + word, &it->dir) || !read_word(s, map + 8 + 2 * word, &it->dirs))
			return;
		if (it->dirs == 0) {
			it->group = it->dir;
			it->groups = it->dir ? 1 : 0;
		}
		return;
	}
	if (!read_uint(s, map + word + 1, 1, &b) || b > B_MAX || !read_word(s, map + 8 + word, &it->tables[0]) ||
	    !read_word(s, map + 8 + 2 * word, &it->tables[1]))
		return;
	it->sizes[0] = UINT64_C(1) << b;
	it->sizes[1] = b ? it->sizes[0] / 2 : 1;
	uint64_t flags = 0;
	if (read_uint(s, map + word, 1, &flags) && flags & 8) /* grows into as many buckets: sameSizeGrow */
		it->sizes[1] = it->sizes[0];
	it->dirs = 2;
}

/* The next table's groups, or generation of buckets; false: there is none. */
static bool next_table(struct hc_map_iter *it)
{
	uint64_t word = hc_snapshot_info(it->s)->pointer_size, table, mask, index;
	while (it->table < it->dirs && it->budget) {
		uint64_t i = it->table++;
		it->budget--;
		it->used = 0;
		if (!it->swiss) {
			it->group = it->tables[i];
			it->groups = it->group ? it->sizes[i] : 0;
			if (it->groups)
				return true;
			continue;
		}
		/* A table that serves several entries of the directory is counted at the first: table.index. */
		if (!read_word(it->s, it->dir + i * word, &table) || !read_word(it->s, table + 8, &index) ||
		    index != i || !read_word(it->s, table + 8 + word, &it->group) ||
		    !read_uint(it->s, table + 8 + 2 * word, 8, &mask))
			continue;
		it->groups = it->group && mask < UINT64_C(1) << B_MAX ? mask + 1 : 0;
		if (it->groups)
			return true;
	}
	return false;
}

static bool next_bucket(struct hc_map_iter *it)
{
	uint64_t word = hc_snapshot_info(it->s)->pointer_size, overflow = 0;
	it->entry = 0;
	if (it->bucket && !it->swiss && read_word(it->s, it->bucket + it->group_size - word, &overflow) && overflow) {
		it->bucket = overflow;
		return true;
	}
	while (it->used >= it->groups)
		if (!next_table(it))
			return false;
	it->bucket = it->group + it->used++ * it->group_size;
	return true;
}

bool hc_map_next(struct hc_map_iter *it, struct hc_map_entry *ret)
{
	uint64_t control;
	for (;;) {
		if (!it->bucket || it->entry >= SLOTS) {
			if (!it->budget || !next_bucket(it))
				return false;
			it->budget--;
		}
		uint64_t i = it->entry++;
		/* Swiss maps keep the control bytes as one number of 64 bits, the first slot's lowest (ctrlGroup). */
		bool reversed = it->swiss && hc_snapshot_info(it->s)->big_endian;
		if (!read_uint(it->s, it->bucket + (reversed ? SLOTS - 1 - i : i), 1, &control)) {
			it->entry = SLOTS;
			continue;
		}
		if (it->swiss ? control >= 0x80 : control < TOPHASH_MIN)
			continue;
		ret->key = it->bucket + it->keys_at + i * it->key_stride;
		ret->elem = it->bucket + it->elems_at + i * it->elem_stride;
		if ((it->indirect_key && !read_word(it->s, ret->key, &ret->key)) ||
		    (it->indirect_elem && !read_word(it->s, ret->elem, &ret->elem)))
			continue;
		return true;
	}
}
