/* SPDX-License-Identifier: MIT */
/*
 * Synthetic heaps for tests and benchmarks: allocate objects, store pointers, add roots, and get a struct heap with spans,
 * bytes and pointer bits on which the graph layer works as on a real one. Failures abort: tests do not recover.
 */
#ifndef SUPPORT_HEAPBUILD_H
#define SUPPORT_HEAPBUILD_H

#include "base/vec.h"
#include "heap/heap.h"

enum { HB_PAGE = 8192, HB_LARGE = 32768 };
#define HB_BASE UINT64_C(0xc000000000)

struct heap_build {
	struct heap heap; /* complete after hb_finish() */
	uint64_t max_bytes, used; /* of address space */
	uint8_t *data, *bits;
	VEC(struct span) spans;
	VEC(struct span_info) info;
	VEC(struct root) roots;
	VEC(struct root_edge) root_edges;
	struct {
		uint32_t span; /* UINT32_MAX none */
		uint32_t used; /* slots */
	} open[HB_LARGE / 8 + 1][2];
};

/* max_bytes: address space for all spans; only what is used costs memory. ROOT_ALL exists from the start. */
void hb_init(struct heap_build *b, uint64_t max_bytes);
void hb_deinit(struct heap_build *b);

/* A new object: its id. Objects of one size (a multiple of 8) and kind are neighbours; above HB_LARGE they get spans of
 * their own. */
uint32_t hb_alloc(struct heap_build *b, uint64_t size, bool noscan);
void hb_release(struct heap_build *b, uint32_t id); /* its slot becomes free; what it holds stays */
uint64_t hb_addr(const struct heap_build *b, uint32_t id);
/* A pointer at a word of an object, `into` bytes into the target. */
void hb_link(struct heap_build *b, uint32_t from, uint64_t word, uint32_t to, uint64_t into);
/* Any word; `pointer`: the collector takes it for one. */
void hb_store(struct heap_build *b, uint32_t id, uint64_t word, uint64_t value, bool pointer);

/* A root node under a parent (0: ROOT_ALL), and pointers of the newest root node. */
uint32_t hb_root(struct heap_build *b, enum root_kind kind, uint32_t parent);
void hb_root_edge(struct heap_build *b, uint32_t target, uint32_t offset);

/* May be called again after more objects. */
const struct heap *hb_finish(struct heap_build *b);

#endif
