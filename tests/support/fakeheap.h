/* SPDX-License-Identifier: MIT */
/* A small made-up program for the tests of writers: a cache, a list, goroutines; and heaps of random shape. */
#ifndef TESTS_FAKEHEAP_H
#define TESTS_FAKEHEAP_H

#include "tests/support/fakesnap.h"

static const struct hc_type t_uint8 = {"uint8", "", HC_KIND_UINT8, 1, 0, NULL, NULL, NULL, 0};
static const struct hc_type t_string = {"string", "", HC_KIND_STRING, 16, 0, NULL, NULL, NULL, 0};
static const struct hc_type t_entry_ptr = {"*store.Entry", "github.com/acme/store", HC_KIND_PTR, 8, 0, NULL, NULL, NULL,
                                           0};
static const struct hc_type t_slice_entry = {"[]*store.Entry", "github.com/acme/store", HC_KIND_SLICE, 24, 0,
                                             &t_entry_ptr, NULL, NULL, 0};
static const struct hc_type t_map = {"map[string]*store.Entry", "github.com/acme/store", HC_KIND_MAP, 8, 0,
                                     &t_entry_ptr, &t_string, NULL, 0};
static const struct hc_field cache_fields[] = {
	{"mu", &t_uint8, 0, false}, {"entries", &t_map, 8, false}, {"lru", &t_slice_entry, 16, false}};
static const struct hc_type t_cache = {"github.com/acme/store.Cache", "github.com/acme/store", HC_KIND_STRUCT, 40, 0,
                                       NULL, NULL, cache_fields, 3};
static const struct hc_field slot_fields[] = {{"key", &t_string, 0, false}, {"elem", &t_entry_ptr, 16, false}};
static const struct hc_type t_slot = {"noalg.struct { key string; elem *store.Entry }", "github.com/acme/store",
                                      HC_KIND_STRUCT, 24, 0, NULL, NULL, slot_fields, 2};
static const struct hc_type t_slots = {"[8]noalg.struct { key string; elem *store.Entry }", "github.com/acme/store",
                                       HC_KIND_ARRAY, 192, 8, &t_slot, NULL, NULL, 0};
static const struct hc_field group_fields[] = {{"ctrl", &t_uint8, 0, false}, {"slots", &t_slots, 8, false}};
static const struct hc_type t_group = {"map.group[string]*store.Entry", "github.com/acme/store", HC_KIND_STRUCT, 200, 0,
                                       NULL, NULL, group_fields, 2};
static const struct hc_type t_bytes = {"[]uint8", "", HC_KIND_SLICE, 24, 0, &t_uint8, NULL, NULL, 0};
static const struct hc_field entry_fields[] = {{"name", &t_string, 0, false}, {"value", &t_bytes, 16, false}};
static const struct hc_type t_entry = {"github.com/acme/store.Entry", "github.com/acme/store", HC_KIND_STRUCT, 40, 0,
                                       NULL, NULL, entry_fields, 2};
extern const struct hc_type t_node;
static const struct hc_type t_node_ptr = {"*main.Node", "main", HC_KIND_PTR, 8, 0, &t_node, NULL, NULL, 0};
static const struct hc_field node_fields[] = {
	{"next", &t_node_ptr, 0, false}, {"prev", &t_node_ptr, 8, false}, {"id", &t_uint8, 16, false}};
const struct hc_type t_node = {"main.Node", "main", HC_KIND_STRUCT, 24, 0, NULL, NULL, node_fields, 3};

static const struct hc_type *const fake_types[] = {&t_uint8, &t_string, &t_entry_ptr, &t_slice_entry, &t_map,
                                                   &t_cache, &t_slot, &t_slots, &t_group, &t_bytes, &t_entry,
                                                   &t_node, &t_node_ptr};

enum { C_CACHE, C_GROUP, C_ENTRY, C_ENTRIES, C_BYTES, C_STRING, C_NODE, C_NODES, C_UNKNOWN, C_COUNT };
static const struct hc_class fake_classes[C_COUNT] = {
	[C_CACHE] = {"github.com/acme/store.Cache", NULL, &t_cache, false, false},
	[C_GROUP] = {"map.group[string]*store.Entry", NULL, &t_group, false, false},
	[C_ENTRY] = {"github.com/acme/store.Entry", NULL, &t_entry, false, false},
	[C_ENTRIES] = {"[]*github.com/acme/store.Entry", NULL, &t_entry_ptr, true, false},
	[C_BYTES] = {"[]uint8", NULL, &t_uint8, true, false},
	[C_STRING] = {"string (bytes)", NULL, &t_uint8, true, true},
	[C_NODE] = {"main.Node", NULL, &t_node, false, false},
	[C_NODES] = {"[]main.Node", NULL, &t_node, true, false},
	[C_UNKNOWN] = {"(unknown noscan)", "", NULL, false, false},
};

enum { R_ALL, R_GLOBALS, R_STACKS, R_STORE, R_CACHE, R_OTHER, R_G17, R_WORKER, R_HEAD, R_MAIN, R_FINALIZERS, R_FIN,
      R_COUNT };
static struct hc_root fake_roots[R_COUNT];
static void fake_root(unsigned i, unsigned parent, enum hc_root_kind kind, const char *name, uint32_t goroutine,
                      uint32_t frame)
{
	fake_roots[i] = (struct hc_root){.parent = FAKE_ROOT(parent), .kind = kind, .name = name, .size = 8,
	                                 .goroutine = goroutine, .frame = frame};
}

static const struct hc_frame fake_frames[] = {{"main.worker", 0x1010, 0, 64, 0x1000, false},
                                             {"main.main", 0x2020, 64, 64, 0x2000, false},
                                             {"runtime.goexit", 0x3030, 128, 8, 0x3000, false}};
static const struct fake_lines fake_frame_lines[] = {
	{{{"main.step", "/src/main.go", 30, true}, {"main.worker", "/src/main.go", 41, false}}},
	{{{"main.main", "/src/main.go", 99, false}}},
	{{{"runtime.goexit", "/go/src/runtime/asm_amd64.s", 1700, false}}}};
static const struct hc_goroutine fake_goroutines[] = {
	{.id = 17, .state = "waiting", .wait_reason = "chan receive", .stack_bytes = 8192, .first_frame = 0,
	 .frame_count = 3}};
static const struct hc_ledger_row fake_ledger[] = {
	{"heap", 6000, 0, 0}, {"heap.live", 5000, 50, 1}, {"heap.live.exact", 4000, 40, 2}, 
	{"heap.live.unknown", 1000, 10, 2},
	{"heap.garbage", 1000, 5, 1}, {"stacks", 2000, 0, 0}};
static const struct hc_check fake_checks[] = {{"HeapObjects", 55, 55, 0, ""},
                                              {"HeapAlloc", 6000, 6016, 64, "one tiny block"}};

/* All but the objects. */
static inline struct hc_snapshot fake_program(void)
{
	struct hc_snapshot s = {.types = fake_types, .ntypes = sizeof(fake_types) / sizeof(fake_types[0])};
	s.classes = fake_classes;
	s.nclasses = C_COUNT;
	s.goroutines = fake_goroutines;
	s.ngoroutines = 1;
	s.frames = fake_frames;
	s.lines = fake_frame_lines;
	s.ledger = fake_ledger;
	s.nledger = sizeof(fake_ledger) / sizeof(fake_ledger[0]);
	s.checks = fake_checks;
	s.nchecks = 2;
	s.roots = fake_roots;
	s.nroots = R_COUNT;
	s.info = (struct hc_info){.go_version = "go1.24.4", .goarch = "amd64", .exe_path = "/srv/bin/acme",
	                          .exe_used = "/srv/bin/acme",
	                          .gnu_build_id = "c0ffee", .command = "/srv/bin/acme -listen :8080",
	                          .pid = 4711, .signal = 6,
	                          .threads = 3, .goroutines = 1, .file_size = 123456789};
	fake_root(R_ALL, 0, HC_ROOT_ALL, "(all)", HC_NO_INDEX, HC_NO_INDEX);
	fake_root(R_GLOBALS, R_ALL, HC_ROOT_GROUP, "(globals)", HC_NO_INDEX, HC_NO_INDEX);
	fake_root(R_STACKS, R_ALL, HC_ROOT_GROUP, "(stacks)", HC_NO_INDEX, HC_NO_INDEX);
	fake_root(R_STORE, R_GLOBALS, HC_ROOT_PACKAGE, "github.com/acme/store", HC_NO_INDEX, HC_NO_INDEX);
	fake_root(R_CACHE, R_STORE, HC_ROOT_GLOBAL, "github.com/acme/store.cache", HC_NO_INDEX, HC_NO_INDEX);
	fake_root(R_OTHER, R_STORE, HC_ROOT_GLOBAL, "github.com/acme/store.other", HC_NO_INDEX, HC_NO_INDEX);
	fake_root(R_G17, R_STACKS, HC_ROOT_GOROUTINE, "goroutine 17", 0, HC_NO_INDEX);
	fake_root(R_WORKER, R_G17, HC_ROOT_FRAME, "main.worker", 0, 0);
	fake_root(R_HEAD, R_WORKER, HC_ROOT_LOCAL, "main.worker.head", 0, 0);
	fake_root(R_MAIN, R_G17, HC_ROOT_FRAME, "main.main", 0, 1);
	fake_root(R_FINALIZERS, R_ALL, HC_ROOT_GROUP, "(finalizers)", HC_NO_INDEX, HC_NO_INDEX);
	fake_root(R_FIN, R_FINALIZERS, HC_ROOT_FINALIZER, "finalizer of 0xc000001000", HC_NO_INDEX, HC_NO_INDEX);
	fake_roots[R_HEAD].line = 28;
	fake_roots[R_CACHE].type = &t_cache;
	return s;
}

static inline struct fake_object fake_object(uint32_t class, bool dead, uint64_t slot, uint64_t used, uint32_t pointers,
                                             hc_node dominator, uint64_t via)
{
	return (struct fake_object){.class = class, .dead = dead, .slot = slot, .used = used, .pointers = pointers,
	                            .dominator = dominator, .via = via};
}

/* A cache with `entries` entries, a list of `nodes` nodes in a goroutine, and some of everything else. */
static inline struct hc_snapshot fake_cache(uint32_t entries, uint32_t nodes)
{
	struct hc_snapshot s = fake_program();
	struct fake_object *o = calloc((size_t)entries * 3 + nodes + 16, sizeof(*o));
	uint32_t n = 0, group = 0;
	o[n++] = fake_object(C_CACHE, false, 48, 40, 2, FAKE_ROOT(R_CACHE), 0);
	o[n++] = fake_object(C_ENTRIES, false, 8192, 8 * (uint64_t)entries, entries, 0, 16);
	for (uint32_t i = 0; i < entries; i++) {
		if (i % 8 == 0) {
			group = n;
			o[n++] = fake_object(C_GROUP, false, 208, 200, 16, 0, 8);
		}
		uint32_t entry = n;
		o[n++] = fake_object(C_ENTRY, false, 48, 40, 2, group, 8 + 24 * (i % 8) + 16);
		o[n++] = fake_object(C_BYTES, false, 4096, 4000, 0, entry, 16);
		if (i % 8 != 7)
			o[n++] = fake_object(C_STRING, false, 16, 9, 0, group, 8 + 24 * (i % 8));
	}
	for (uint32_t i = 0; i < nodes; i++, n++)
		o[n] = fake_object(C_NODE, false, 24, 24, 2, i ? n - 1 : FAKE_ROOT(R_HEAD),
		                   i % 3 == 2 ? HC_VIA_SEVERAL : 0);
	o[n++] = fake_object(C_UNKNOWN, false, 512, 504, 0, FAKE_ROOT(R_ALL), 0);
	o[n++] = fake_object(C_UNKNOWN, false, 512, 504, 0, FAKE_ROOT(R_STORE), 0);
	o[n++] = fake_object(C_STRING, false, 32, 31, 0, FAKE_ROOT(R_G17), 0);
	o[n++] = fake_object(C_STRING, false, 32, 31, 0, FAKE_ROOT(R_STACKS), 0);
	o[n++] = fake_object(C_NODES, false, 256, 240, 10, FAKE_ROOT(R_MAIN), 0);
	o[n] = fake_object(C_NODE, false, 24, 24, 0, n - 1, 24 * 3 + 8);
	n++;
	o[n++] = fake_object(C_BYTES, false, 64, 64, 0, FAKE_ROOT(R_FIN), 0);
	o[n++] = fake_object(C_BYTES, true, 1024, 1000, 0, 0, 0);
	o[n++] = fake_object(C_NODE, true, 24, 24, 1, 0, 0);
	s.objects = o;
	s.nobjects = n;
	fake_finish(&s);
	return s;
}

/* A heap of random shape: every object below one that came before, or a root; some paths get long. */
static inline struct hc_snapshot fake_random(uint32_t n, unsigned seed)
{
	static const unsigned keepers[] = {R_CACHE, R_OTHER, R_HEAD, R_WORKER, R_STACKS, R_FIN, R_ALL};
	struct hc_snapshot s = fake_program();
	uint32_t x = seed * 2654435761u + 1;
	s.objects = calloc(n, sizeof(*s.objects));
	s.nobjects = n;
	for (uint32_t i = 0; i < n; i++) {
		struct fake_object *o = &s.objects[i];
		x = x * 1664525u + 1013904223u;
		uint32_t r = x >> 8;
		o->class = r % C_COUNT;
		o->slot = 16 + r / 16 % 64 * 16;
		o->used = o->slot - r % 16;
		o->pointers = r % 5;
		o->dead = r % 31 == 0;
		o->via = r % 7 == 0 ? HC_VIA_SEVERAL : r / 8 % 6 * 8;
		x = x * 1664525u + 1013904223u;
		r = x >> 8;
		uint32_t back = r % 4 == 0 ? 200 : 3;
		o->dominator = FAKE_ROOT(keepers[r / 64 % 7]);
		if (i > 0 && r % 37 != 0)
			o->dominator = i - 1 - r / 64 % (i < back ? i : back);
		if (!o->dead && o->dominator < i && s.objects[o->dominator].dead)
			o->dominator = FAKE_ROOT(R_HEAD);
	}
	fake_finish(&s);
	return s;
}

static inline void fake_free(struct hc_snapshot *s)
{
	free(s->objects);
	free(s->retained);
}

#endif
