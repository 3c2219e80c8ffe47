/* SPDX-License-Identifier: MIT */
/*
 * A small program for tests of typing: a heap of heapbuild.h, a data segment of package variables, and types made by
 * hand. Failures abort.
 */
#ifndef TESTS_TYPEWORLD_H
#define TESTS_TYPEWORLD_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/graph.h"
#include "heapbuild.h"
#include "types/rtype.h"

#define TW_DATA UINT64_C(0x600000)
enum { TW_DATA_SIZE = 1 << 16, TW_MAX_GLOBALS = 64 };

struct typeworld {
	struct heap_build hb;
	struct proc proc;
	struct segment segs[2];
	uint64_t starts[2];
	uint8_t data[TW_DATA_SIZE];
	uint64_t data_used;
	struct types types;
	struct program prog;
	struct module module;
	struct global globals[TW_MAX_GLOBALS];
	struct diag diag;
	struct graph graph;
	uint32_t u8, i64, uptr, any, string, eface; /* the types that every program has */
};

static inline uint32_t tw_must(uint32_t id)
{
	if (id == TYPE_NONE) {
		fputs("typeworld: no type\n", stderr);
		abort();
	}
	return id;
}

static inline uint32_t tw_scalar(struct typeworld *w, const char *name, enum kind kind, uint64_t size)
{
	struct type t = {.name = name, .kind = (uint8_t)kind, .size = size, .elem = TYPE_NONE, .key = TYPE_NONE,
	                 .storage = TYPE_NONE};
	return tw_must(types_add(&w->types, &t));
}

/* A struct of (name, type) pairs, laid out one after the other (at multiples of 8), ended by NULL. */
static inline uint32_t tw_struct(struct typeworld *w, const char *name, ...)
{
	struct field *f = arena_alloc(&w->types.arena, 64 * sizeof(*f));
	struct type t = {.name = name, .kind = KIND_STRUCT, .elem = TYPE_NONE, .key = TYPE_NONE, .storage = TYPE_NONE,
	                 .fields = f};
	va_list ap;
	va_start(ap, name);
	for (const char *field; f && (field = va_arg(ap, const char *)) != NULL;) {
		uint32_t type = va_arg(ap, uint32_t);
		f[t.nfields++] = (struct field){field, type, t.size, false};
		t.size += (w->types.t[type].size + 7) / 8 * 8;
	}
	va_end(ap);
	return tw_must(types_add(&w->types, &t));
}

static inline uint32_t tw_array(struct typeworld *w, const char *name, uint32_t elem, uint64_t count)
{
	struct type t = {.name = name, .kind = KIND_ARRAY, .elem = elem, .count = count, .key = TYPE_NONE,
	                 .storage = TYPE_NONE, .size = count * w->types.t[elem].size};
	return tw_must(types_add(&w->types, &t));
}

static inline uint32_t tw_ptr(struct typeworld *w, uint32_t elem)
{
	return tw_must(types_ptr_to(&w->types, elem));
}

static inline uint32_t tw_slice(struct typeworld *w, uint32_t elem)
{
	return tw_must(types_slice_of(&w->types, elem));
}

/* The type's descriptor is at this address, which holds nothing: only looked up. */
static inline void tw_descriptor(struct typeworld *w, uint32_t type, uint64_t addr)
{
	if (!map_put(&w->types.by_rtype, addr, type))
		abort();
}

static inline void typeworld_init(struct typeworld *w)
{
	memset(w, 0, sizeof(*w));
	hb_init(&w->hb, UINT64_C(64) << 20);
	w->proc.word = 8;
	w->proc.segs = w->segs;
	w->proc.seg_starts = w->starts;
	w->proc.nsegs = 2;
	for (int i = 0; i < LAYOUT_COUNT; i++)
		w->types.layout.f[i].off = -1;
	w->types.layout.minor = 24;
	w->types.proc = &w->proc;
	w->types.globals = w->globals;
	w->prog.modules = &w->module;
	w->prog.nmodules = 1;
	w->prog.proc = &w->proc;
	w->prog.rtypes = rtypes_new(&w->proc);
	if (!w->prog.rtypes)
		abort();
	w->types.prog = &w->prog;
	w->prog.minor = 24;
	w->module.types = w->module.etypes = 0x500000;
	w->module.ntypelinks = 1; /* of no type */
	w->module.data = TW_DATA;
	w->module.edata = TW_DATA + TW_DATA_SIZE;
	w->any = tw_scalar(w, "unsafe.Pointer", KIND_UNSAFEPTR, 8);
	w->u8 = tw_scalar(w, "uint8", KIND_UINT8, 1);
	w->i64 = tw_scalar(w, "int64", KIND_INT64, 8);
	w->uptr = tw_scalar(w, "uintptr", KIND_UINTPTR, 8);
	tw_scalar(w, "int", KIND_INT, 8);
	w->string = tw_scalar(w, "string", KIND_STRING, 16);
	w->eface = tw_scalar(w, "interface {}", KIND_INTERFACE, 16);
	w->types.t[w->eface].flags |= TYPE_F_EFACE;
}

static inline void typeworld_deinit(struct typeworld *w)
{
	uint64_t n = w->graph.nslots;
	big_free(w->graph.tw, n * sizeof(*w->graph.tw));
	big_free(w->graph.slack, n * sizeof(*w->graph.slack));
	rtypes_free(w->prog.rtypes);
	free(w->types.t);
	map_free(&w->types.by_rtype);
	map_free(&w->types.slices);
	map_free(&w->types.ptrs);
	map_free(&w->types.globals_by_name);
	vec_free(&w->types.by_name);
	vec_free(&w->types.rtype_offs);
	strtab_free(&w->types.names);
	arena_free(&w->types.arena);
	diag_deinit(&w->diag);
	hb_deinit(&w->hb);
}

static inline void tw_put(struct typeworld *w, uint64_t addr, uint64_t value)
{
	memcpy(w->data + (addr - TW_DATA), &value, 8);
}

/* Room in the data segment: static composites. */
static inline uint64_t tw_static(struct typeworld *w, uint64_t size)
{
	uint64_t addr = TW_DATA + w->data_used;
	w->data_used += (size + 7) / 8 * 8;
	if (w->data_used > TW_DATA_SIZE)
		abort();
	return addr;
}

/* A package variable; its address. */
static inline uint64_t tw_global(struct typeworld *w, uint32_t type)
{
	uint64_t size = w->types.t[type].size, addr = tw_static(w, size);
	if (w->types.nglobals == TW_MAX_GLOBALS)
		abort();
	w->globals[w->types.nglobals++] = (struct global){.name = "main.g", .addr = addr, .size = size, .type = type};
	return addr;
}

/* A package variable *T that points to an object. */
static inline void tw_point(struct typeworld *w, uint32_t type, uint64_t to)
{
	tw_put(w, tw_global(w, tw_ptr(w, type)), to);
}

/* Types everything; may be called again. */
static inline void typeworld_run(struct typeworld *w)
{
	struct heap *h = &w->hb.heap;
	hb_finish(&w->hb);
	struct hc_error *err = types_finish(&w->types);
	w->segs[0] = (struct segment){.addr = TW_DATA, .size = TW_DATA_SIZE, .data = w->data, .source = SEG_CORE};
	w->segs[1] = (struct segment){.addr = HB_BASE, .size = w->hb.used, .data = w->hb.data, .source = SEG_CORE};
	w->starts[0] = TW_DATA;
	w->starts[1] = HB_BASE;
	h->proc = &w->proc;
	h->types = &w->types;
	h->prog = &w->prog;
	big_free(w->graph.tw, w->graph.nslots * sizeof(*w->graph.tw));
	big_free(w->graph.slack, w->graph.nslots * sizeof(*w->graph.slack));
	memset(&w->graph, 0, sizeof(w->graph));
	w->graph.heap = h;
	w->graph.nslots = h->nslots;
	if (!err)
		err = graph_type(&w->graph, &w->types, &w->diag);
	if (err) {
		fprintf(stderr, "typeworld: %s\n", hc_error_message(err));
		abort();
	}
}

static inline uint32_t tw_type_of(const struct typeworld *w, uint32_t id)
{
	uint32_t type = w->graph.tw[id] & TW_TYPE_MASK;
	return type == TW_TYPE_MASK ? TYPE_NONE : type;
}

static inline const char *tw_name_of(const struct typeworld *w, uint32_t id)
{
	uint32_t type = tw_type_of(w, id);
	return type == TYPE_NONE ? "?" : w->types.t[type].name;
}

static inline enum origin tw_origin_of(const struct typeworld *w, uint32_t id)
{
	return (enum origin)(w->graph.tw[id] >> TW_ORIGIN_SHIFT & 3);
}

#endif
