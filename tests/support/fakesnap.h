/* SPDX-License-Identifier: MIT */
/*
 * The public API over small tables, to test writers without the layers below. It defines the functions themselves: a
 * test that includes it is linked with these instead of the library's. An archive's members are only used for what is
 * missing, so every function that some writer calls must be here: a "multiple definition" from the linker means that
 * one is not. Objects are numbered from 0; an object's dominator has a lower number or is a root.
 */
#ifndef TESTS_FAKESNAP_H
#define TESTS_FAKESNAP_H

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "heapconv/heapconv.h"

struct hc_type {
	const char *name, *package;
	enum hc_kind kind;
	uint64_t size, len;
	const struct hc_type *elem, *key;
	const struct hc_field *fields;
	uint32_t nfields;
};

struct fake_object {
	uint32_t class;
	bool dead;
	uint64_t slot, used;
	uint32_t pointers;
	hc_node dominator; /* FAKE_ROOT(i) for roots */
	uint64_t via;
};

/* For writers that look into objects; without it, objects are 64 bytes apart, empty, and point to object 0. */
struct fake_content {
	uint64_t addr;
	unsigned flags; /* HC_OBJ_* besides those that follow from the rest */
	const uint8_t *bytes; /* `used` bytes; NULL: not in the snapshot */
	const struct hc_edge *edges;
	uint32_t nedges;
};

struct fake_root_edges {
	const struct hc_edge *edges;
	uint32_t nedges;
};

struct fake_memory {
	uint64_t addr, size;
	const void *bytes;
};

struct fake_lines {
	struct hc_line line[4]; /* innermost first, ended by a NULL function */
};

struct fake_labels {
	struct hc_label label[4]; /* ended by a NULL key */
};

struct hc_snapshot {
	struct hc_info info;
	const struct hc_type *const *types;
	uint32_t ntypes;
	const struct hc_class *classes;
	uint32_t nclasses;
	struct fake_object *objects;
	uint32_t nobjects;
	struct hc_root *roots; /* parent: FAKE_ROOT(i) */
	uint32_t nroots;
	const struct hc_goroutine *goroutines;
	uint32_t ngoroutines;
	const struct hc_frame *frames;
	const struct fake_lines *lines; /* by frame */
	const struct hc_ledger_row *ledger;
	size_t nledger;
	const struct hc_check *checks;
	size_t nchecks;
	uint64_t *retained; /* by node; made by fake_finish() */
	const struct fake_content *contents; /* by object; NULL: none have any */
	const struct fake_root_edges *root_edges; /* by root; NULL: none have any */
	const struct fake_memory *memory;         /* outside of objects */
	uint32_t nmemory;
	const struct hc_type *dynamic;            /* what all interfaces hold */
	const struct fake_labels *labels;         /* by goroutine; NULL: none have any */
	uint64_t now;                             /* on the monotonic clock */
	uint64_t profile_rate;
};

/* Root i, in tables; fake_finish() turns it into a node number. */
#define FAKE_ROOT(i) (0x80000000u + (i))

/* Makes node numbers of FAKE_ROOT()s and the sums; to be called once the tables are filled. */
static inline void fake_finish(struct hc_snapshot *s)
{
	uint32_t n = s->nobjects;
	s->retained = calloc((size_t)n + s->nroots + 1, sizeof(*s->retained));
	for (uint32_t i = 0; i < s->nroots; i++) {
		s->roots[i].node = n + i;
		s->roots[i].parent = i ? s->roots[i].parent - FAKE_ROOT(0) + n : HC_NODE_NONE;
	}
	for (uint32_t i = 0; i < n; i++)
		if (s->objects[i].dominator >= FAKE_ROOT(0))
			s->objects[i].dominator += n - FAKE_ROOT(0);
	for (uint32_t i = n; i-- > 0;) {
		struct fake_object *o = &s->objects[i];
		s->info.objects++;
		s->info.object_bytes += o->slot;
		if (o->dead)
			continue;
		s->info.live_objects++;
		s->info.live_bytes += o->slot;
		s->retained[i] += o->slot;
		s->retained[o->dominator] += s->retained[i];
	}
	for (uint32_t i = s->nroots; i-- > 1;)
		s->retained[s->roots[i].parent] += s->retained[n + i];
	const char **text[] = {&s->info.go_version, &s->info.goarch, &s->info.producer, &s->info.exe_path, &s->info.exe_used,
	                       &s->info.go_build_id, &s->info.gnu_build_id, &s->info.command, &s->info.main_module};
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		if (!*text[i])
			*text[i] = "";
	if (!s->info.pointer_size)
		s->info.pointer_size = 8;
}

/* ---- the API ---- */

const struct hc_info *hc_snapshot_info(const struct hc_snapshot *s)
{
	return &s->info;
}

size_t hc_ledger_count(const struct hc_snapshot *s)
{
	return s->nledger;
}

struct hc_ledger_row hc_ledger_at(const struct hc_snapshot *s, size_t i)
{
	return s->ledger[i];
}

size_t hc_check_count(const struct hc_snapshot *s)
{
	return s->nchecks;
}

struct hc_check hc_check_at(const struct hc_snapshot *s, size_t i)
{
	return s->checks[i];
}

uint32_t hc_type_count(const struct hc_snapshot *s)
{
	return s->ntypes;
}

const struct hc_type *hc_type_at(const struct hc_snapshot *s, uint32_t i)
{
	return s->types[i];
}

uint32_t hc_type_number(const struct hc_snapshot *s, const struct hc_type *t)
{
	for (uint32_t i = 0; i < s->ntypes; i++)
		if (s->types[i] == t)
			return i;
	return UINT32_MAX;
}

const char *hc_type_name(const struct hc_type *t)
{
	return t->name;
}

const char *hc_type_package(const struct hc_snapshot *s, const struct hc_type *t)
{
	(void)s;
	return t->package ? t->package : "";
}

enum hc_kind hc_type_kind(const struct hc_type *t)
{
	return t->kind;
}

uint64_t hc_type_size(const struct hc_type *t)
{
	return t->size;
}

uint64_t hc_type_len(const struct hc_type *t)
{
	return t->len;
}

const struct hc_type *hc_type_elem(const struct hc_snapshot *s, const struct hc_type *t)
{
	(void)s;
	return t->elem;
}

const struct hc_type *hc_type_key(const struct hc_snapshot *s, const struct hc_type *t)
{
	(void)s;
	return t->key;
}

uint32_t hc_type_field_count(const struct hc_type *t)
{
	return t->nfields;
}

struct hc_field hc_type_field_at(const struct hc_snapshot *s, const struct hc_type *t, uint32_t i)
{
	(void)s;
	return t->fields[i];
}

bool hc_type_is_pointer_at(const struct hc_snapshot *s, const struct hc_type *t, uint64_t offset)
{
	(void)s, (void)t;
	return offset % 8 == 0;
}

bool hc_type_synthetic(const struct hc_type *t)
{
	return strchr(t->name, '<') != NULL; /* as a convention of the tables here */
}

hc_node hc_object_limit(const struct hc_snapshot *s)
{
	return s->nobjects;
}

hc_node hc_object_next(const struct hc_snapshot *s, hc_node from, bool live_only)
{
	while (from < s->nobjects && live_only && s->objects[from].dead)
		from++;
	return from < s->nobjects ? from : HC_NODE_NONE;
}

uint64_t hc_node_addr(const struct hc_snapshot *s, hc_node node)
{
	if (node >= s->nobjects)
		return node - s->nobjects < s->nroots ? s->roots[node - s->nobjects].addr : 0;
	return s->contents ? s->contents[node].addr : 0xc000000000 + 64 * (uint64_t)node;
}

bool hc_object_get(const struct hc_snapshot *s, hc_node node, struct hc_object *ret)
{
	if (node >= s->nobjects)
		return false;
	const struct fake_object *o = &s->objects[node];
	const struct hc_class *c = &s->classes[o->class];
	*ret = (struct hc_object){.node = node, .addr = hc_node_addr(s, node), .slot_size = o->slot, .used = o->used,
	                          .type = c->type, .count = 1, .origin = c->type ? HC_ORIGIN_EXACT : HC_ORIGIN_UNKNOWN};
	ret->flags = (o->dead ? 0u : HC_OBJ_LIVE) | (c->array ? HC_OBJ_ARRAY : 0u) | (o->pointers ? 0u : HC_OBJ_NOSCAN);
	if (s->contents)
		ret->flags |= s->contents[node].flags;
	if (c->array && c->type && c->type->size)
		ret->count = o->used / c->type->size;
	return true;
}

hc_node hc_object_find(const struct hc_snapshot *s, uint64_t addr, uint64_t *offset)
{
	for (uint32_t i = 0; i < s->nobjects; i++) {
		*offset = addr - hc_node_addr(s, i);
		if (*offset < s->objects[i].slot)
			return i;
	}
	return HC_NODE_NONE;
}

const uint8_t *hc_object_bytes(const struct hc_snapshot *s, hc_node node, uint64_t offset, uint64_t *avail)
{
	const uint8_t *bytes = s->contents ? s->contents[node].bytes : NULL;
	*avail = bytes && offset < s->objects[node].used ? s->objects[node].used - offset : 0;
	return *avail ? bytes + offset : NULL;
}

bool hc_read_memory(const struct hc_snapshot *s, uint64_t addr, void *buf, size_t n)
{
	for (uint32_t i = 0; i < s->nmemory; i++) {
		uint64_t off = addr - s->memory[i].addr;
		if (off < s->memory[i].size && n <= s->memory[i].size - off) {
			memcpy(buf, (const uint8_t *)s->memory[i].bytes + off, n);
			return true;
		}
	}
	uint64_t off = 0, avail = 0;
	hc_node node = hc_object_find(s, addr, &off);
	const uint8_t *p = node == HC_NODE_NONE ? NULL : hc_object_bytes(s, node, off, &avail);
	if (!p || avail < n)
		return false;
	memcpy(buf, p, n);
	return true;
}

const struct hc_type *hc_interface_type(const struct hc_snapshot *s, const struct hc_type *iface, uint64_t first_word)
{
	(void)iface;
	return first_word ? s->dynamic : NULL;
}

uint32_t hc_object_class(const struct hc_snapshot *s, const struct hc_object *o)
{
	return s->objects[o->node].class;
}

uint32_t hc_class_count(const struct hc_snapshot *s)
{
	return s->nclasses;
}

struct hc_class hc_class_at(const struct hc_snapshot *s, uint32_t i)
{
	struct hc_class c = s->classes[i];
	if (!c.package)
		c.package = c.type && c.type->package ? c.type->package : "";
	return c;
}

size_t hc_object_type_name(const struct hc_snapshot *s, const struct hc_object *o, char *buf, size_t size)
{
	const char *name = s->classes[s->objects[o->node].class].name;
	if (size) {
		strncpy(buf, name, size - 1);
		buf[size - 1] = '\0';
	}
	return strlen(name);
}

size_t hc_field_path(const struct hc_snapshot *s, const struct hc_type *t, uint64_t offset, bool indexes, char *buf, size_t size)
{
	(void)s, (void)indexes;
	const char *name = "";
	for (uint32_t i = 0; i < t->nfields; i++)
		if (t->fields[i].offset <= offset)
			name = t->fields[i].name;
	if (size) {
		strncpy(buf, name, size - 1);
		buf[size - 1] = '\0';
	}
	return strlen(name);
}

void hc_edges(const struct hc_snapshot *s, hc_node node, struct hc_edge_iter *it)
{
	const struct fake_content *o = s->contents && node < s->nobjects ? &s->contents[node] : NULL;
	const struct fake_root_edges *r = s->root_edges && node >= s->nobjects ? &s->root_edges[node - s->nobjects] : NULL;
	const struct hc_edge *edges = o ? o->edges : r ? r->edges : NULL;
	it->s = s;
	it->opaque[0] = o ? o->nedges : r ? r->nedges : node < s->nobjects ? s->objects[node].pointers : 0;
	it->opaque[1] = (uintptr_t)edges;
}

uint64_t hc_edge_count(const struct hc_snapshot *s, hc_node node)
{
	struct hc_edge_iter it;
	hc_edges(s, node, &it);
	return it.opaque[0];
}

bool hc_edge_next(struct hc_edge_iter *it, struct hc_edge *ret)
{
	const struct hc_edge *e = (const struct hc_edge *)(uintptr_t)it->opaque[1]; /* NULL: all to object 0 */
	*ret = e && it->opaque[0] ? *e : (struct hc_edge){0, 0};
	it->opaque[1] = (uintptr_t)(e ? e + 1 : NULL);
	return it->opaque[0]-- > 0;
}

uint32_t hc_root_count(const struct hc_snapshot *s)
{
	return s->nroots;
}

struct hc_root hc_root_at(const struct hc_snapshot *s, uint32_t i)
{
	return s->roots[i];
}

uint32_t hc_goroutine_count(const struct hc_snapshot *s)
{
	return s->ngoroutines;
}

struct hc_goroutine hc_goroutine_at(const struct hc_snapshot *s, uint32_t i)
{
	return s->goroutines[i];
}

struct hc_frame hc_frame_at(const struct hc_snapshot *s, uint32_t i)
{
	return s->frames[i];
}

size_t hc_frame_lines(const struct hc_snapshot *s, uint32_t frame, struct hc_line *out, size_t max)
{
	size_t n = 0;
	while (n < max && n < 4 && s->lines[frame].line[n].function) {
		out[n] = s->lines[frame].line[n];
		n++;
	}
	return n;
}

size_t hc_pc_lines(const struct hc_snapshot *s, uint64_t pc, struct hc_line *out, size_t max)
{
	(void)s, (void)pc, (void)out, (void)max;
	return 0;
}

hc_node hc_dominator(const struct hc_snapshot *s, hc_node node)
{
	if (node >= s->nobjects)
		return s->roots[node - s->nobjects].parent;
	return s->objects[node].dead ? HC_NODE_NONE : s->objects[node].dominator;
}

uint64_t hc_retained(const struct hc_snapshot *s, hc_node node)
{
	return s->retained[node];
}

uint64_t hc_retained_objects(const struct hc_snapshot *s, hc_node node)
{
	return s->retained[node] ? 1 : 0;
}

struct hc_error *hc_dom_begin(const struct hc_snapshot *s, struct hc_dom_iter *it)
{
	uint32_t *at = calloc(1, sizeof(*at));
	if (!at)
		return err_nomem();
	it->s = s;
	it->state = at;
	return NULL;
}

bool hc_dom_next(struct hc_dom_iter *it, struct hc_dom_step *ret)
{
	const struct hc_snapshot *s = it->s;
	uint32_t *at = it->state;
	if (*at < s->nroots) {
		*ret = (struct hc_dom_step){s->nobjects + *at, s->roots[*at].parent, 0};
		++*at;
		return true;
	}
	while (*at < s->nroots + s->nobjects) {
		uint32_t i = (*at)++ - s->nroots;
		const struct fake_object *o = &s->objects[i];
		if (!o->dead) {
			*ret = (struct hc_dom_step){i, o->dominator, o->via};
			return true;
		}
	}
	return false;
}

void hc_dom_end(struct hc_dom_iter *it)
{
	free(it->state);
	it->state = NULL;
}

/* ---- shortest paths: the dominator tree ---- */

static inline uint32_t fake_depth(const struct hc_snapshot *s, hc_node node)
{
	uint32_t depth = 0;
	for (; (node = hc_dominator(s, node)) != HC_NODE_NONE; depth++)
		;
	return depth;
}

struct hc_error *hc_bfs_begin(const struct hc_snapshot *s, struct hc_bfs_iter *it)
{
	struct hc_dom_iter *dom = calloc(1, sizeof(*dom));
	struct hc_error *err = dom ? hc_dom_begin(s, dom) : err_nomem();
	it->s = s;
	it->state = dom;
	return err;
}

bool hc_bfs_next(struct hc_bfs_iter *it, struct hc_bfs_step *ret)
{
	struct hc_dom_step d;
	if (!hc_dom_next(it->state, &d))
		return false;
	*ret = (struct hc_bfs_step){d.node, d.dominator, fake_depth(it->s, d.node), d.via == HC_VIA_SEVERAL ? 0 : d.via};
	return true;
}

void hc_bfs_end(struct hc_bfs_iter *it)
{
	hc_dom_end(it->state);
	free(it->state);
	it->state = NULL;
}

static inline uint32_t fake_is_dead(const struct hc_snapshot *s, hc_node node)
{
	return node < s->nobjects && s->objects[node].dead;
}

struct hc_error *hc_depths(const struct hc_snapshot *s, uint32_t **ret)
{
	uint32_t n = s->nobjects + s->nroots;
	*ret = calloc((size_t)n + 1, sizeof(**ret));
	for (uint32_t i = 0; *ret && i < n; i++)
		(*ret)[i] = fake_is_dead(s, i) ? UINT32_MAX : fake_depth(s, i);
	return *ret ? NULL : err_nomem();
}

struct hc_error *hc_dominating_roots(const struct hc_snapshot *s, uint32_t **ret)
{
	uint32_t n = s->nobjects + s->nroots;
	*ret = calloc((size_t)n + 1, sizeof(**ret));
	for (uint32_t i = 0; *ret && i < n; i++) {
		hc_node root = i;
		while (root < s->nobjects && !s->objects[root].dead)
			root = s->objects[root].dominator;
		(*ret)[i] = fake_is_dead(s, i) ? UINT32_MAX : root - s->nobjects;
	}
	return *ret ? NULL : err_nomem();
}

void hc_numbers_free(const struct hc_snapshot *s, uint32_t *numbers)
{
	(void)s;
	free(numbers);
}

/* ---- profiles ---- */

size_t hc_goroutine_labels(const struct hc_snapshot *s, uint32_t goroutine, struct hc_label *out, size_t max)
{
	size_t n = 0;
	while (s->labels && n < max && n < 4 && s->labels[goroutine].label[n].key.bytes) {
		out[n] = s->labels[goroutine].label[n];
		n++;
	}
	return n;
}

uint64_t hc_monotonic_time(const struct hc_snapshot *s)
{
	return s->now;
}

size_t hc_object_site(const struct hc_snapshot *s, hc_node node, struct hc_line *out, size_t max)
{
	(void)s, (void)node;
	if (max < 2)
		return 0;
	out[0] = (struct hc_line){"main.make", "/src/main.go", 12, false};
	out[1] = (struct hc_line){"main.main", "/src/main.go", 3, false};
	return 2;
}

uint64_t hc_profile_rate(const struct hc_snapshot *s)
{
	return s->profile_rate;
}

uint64_t hc_type_scan_bytes(const struct hc_snapshot *s, const struct hc_type *t)
{
	(void)s;
	return t->size / 2 / 8 * 8;
}

#endif
