/* SPDX-License-Identifier: MIT */
/*
 * Roots that are not on stacks. The variables of a package are static fields of a class of the package's name; variables
 * that are structs or arrays are objects of their own, with the variable's address, so that pointers to them lead
 * there. What other roots hold is an array for each root.
 */
#include "base/err.h"
#include "writers/hprof.h"
#include "writers/hprof_names.h"

enum {
	VALUE_MAX = 64,      /* bytes of a variable that is no struct or array */
	VARIABLE_ALIGN = 32, /* cmd/link aligns them to no more */
};

/* ---- classes of packages and of variables ---- */

/* The class for one more static field of a package: a package may have more variables than a class can take. */
static uint32_t package_class(struct hprof *h, const char *package)
{
	for (unsigned part = 1;; part++) {
		struct name key = {0};
		uint32_t class = KNOWN_OBJECT;
		bool ok = hprof_text_puts(&key, *package == '(' || !*package ? "go.data" : package) &&
		          (part == 1 || hprof_text_printf(&key, "#%u", part));
		if (ok)
			class = hprof_class_named(h, key.text, key.len);
		else
			h->failed = true;
		name_free(&key);
		if (h->failed || h->classes.data[class].nstatics < HPROF_MAX_STATICS)
			return class;
	}
}

static void static_add(struct hprof *h, uint32_t class, uint32_t root, uint32_t place, uint8_t type, const char *variable,
                       const char *suffix)
{
	struct name *n = &h->scratch;
	n->len = 0;
	if (!hprof_field_put(n, variable) || !hprof_text_puts(n, suffix) || (n->len == 0 && !hprof_text_puts(n, "_"))) {
		h->failed = true;
		return;
	}
	struct hprof_static s = {class, root, place, type, hprof_name(&h->out, n->text, n->len)};
	if (!vec_push(&h->statics, s))
		h->failed = true;
	else
		h->classes.data[class].nstatics++;
}

/* The class of variables that are objects: `count` values of a type in a row. */
static uint32_t region_class(struct hprof *h, const struct hc_type *t, const struct layout *layout, uint32_t count)
{
	uint32_t class;
	uint64_t key = (uint64_t)count << 32 | hc_type_number(h->s, t);
	if (map_get(&h->region_class, key, &class))
		return class;
	if (!hprof_class_name(&h->scratch, hc_type_name(t)) || (count > 1 && !hprof_text_printf(&h->scratch, "{%u}", count)) ||
	    !hprof_text_puts(&h->scratch, " (static)")) {
		h->failed = true;
		return KNOWN_OBJECT;
	}
	/* The size is that of no heap object; 0 would make shark ignore the references. */
	struct hprof_class c = {.layout = layout, .count = count, .indexed = count > 1, .size = 1};
	class = hprof_class_add(h, c, h->scratch.text);
	h->failed |= !map_put(&h->region_class, key, class);
	return class;
}

/* Bytes of a root's name without what marks the unnamed value that a variable was given in the program's text. */
static size_t owner_len(const char *name)
{
	static const char part[] = " (static)";
	size_t len = strlen(name), suffix = sizeof(part) - 1;
	return len > suffix && strcmp(name + len - suffix, part) == 0 ? len - suffix : len;
}

/* Counts the roots that go by the name of one variable: itself, and values that it was given. */
static void count_variables(struct hprof *h)
{
	for (uint32_t i = 0; i < hc_root_count(h->s) && !h->failed; i++) {
		struct hc_root r = hc_root_at(h->s, i);
		uint32_t id;
		if (r.kind != HC_ROOT_GLOBAL)
			continue;
		if (!strtab_add(&h->variable_texts, r.name, owner_len(r.name), &id) ||
		    (id == h->variable_count.len && !vec_push(&h->variable_count, 0)))
			h->failed = true;
		else
			h->variable_count.data[id]++;
	}
}

/*
 * "cache" of "main.cache". The value that "main.cache (static)" was given has the variable's name, too, unless there are
 * several: these have addresses in their names.
 */
static bool variable_name(const struct hprof *h, struct name *n, const struct hc_root *r)
{
	size_t skip = hprof_package_len(r->name), len = owner_len(r->name);
	uint32_t id;
	skip += skip != 0;
	n->len = 0;
	if (!hprof_text_put(n, r->name + skip, len > skip ? len - skip : 0))
		return false;
	if (!r->name[len] || (strtab_find(&h->variable_texts, r->name, len, &id) && h->variable_count.data[id] == 1))
		return true;
	return hprof_text_printf(n, "$static_%llx", (unsigned long long)r->addr);
}

/*
 * How many values of its type a variable is; 0: its pointers are elsewhere. What lies between two variables to align the
 * second one counts as the first one's.
 */
static uint64_t values_of(const struct hprof *h, const struct hc_root *r, uint64_t size)
{
	struct hc_edge_iter it;
	struct hc_edge e;
	uint64_t count = r->size / size;
	if (r->size - count * size >= VARIABLE_ALIGN)
		return 0;
	hc_edges(h->s, r->node, &it);
	while (hc_edge_next(&it, &e))
		if (e.offset >= count * size)
			return 0;
	return count;
}

static void add_places(struct hprof *h, const struct hc_root *r, uint32_t root, uint32_t class, const char *variable)
{
	const struct layout *layout = r->type && hc_type_size(r->type) ? layout_of(&h->layouts, r->type) : NULL;
	uint64_t count = layout ? values_of(h, r, layout->size) : 0;
	h->failed |= r->type && hc_type_size(r->type) && !layout;
	if (count == 1 && !layout->is_struct && !layout->words && layout->size <= VALUE_MAX) {
		for (uint32_t i = 0; i < layout->n; i++)
			static_add(h, class, root, i, layout->places[i].type, variable, layout->places[i].name);
		return;
	}
	struct hprof_region region = {r->addr, r->size, root, KNOWN_DATA};
	if (count && !layout->words && layout->payload && count <= HPROF_CHUNK / layout->payload)
		region.class = region_class(h, r->type, layout, (uint32_t)count);
	else if (count == 1 && !layout->words)
		region.class = region_class(h, r->type, layout, 1);
	if (!vec_push(&h->regions, region))
		h->failed = true;
	static_add(h, class, root, STATIC_OBJECT, HPROF_OBJECT, variable, "");
}

static void variable_add(struct hprof *h, const struct hc_root *r, uint32_t root)
{
	struct hc_root package = hc_root_at(h->s, r->parent - hc_object_limit(h->s));
	uint32_t class = package_class(h, package.name);
	struct name variable = {0};
	uint64_t offset;
	h->failed |= !variable_name(h, &variable, r);
	/* Addresses become identifiers: what a damaged executable says must not be another object's. */
	if (!h->failed && r->addr && r->addr < HPROF_ID_CLASSES && hc_object_find(h->s, r->addr, &offset) == HC_NODE_NONE)
		add_places(h, r, root, class, variable.text);
	name_free(&variable);
}

static int by_class(const void *a, const void *b)
{
	const struct hprof_static *x = a, *y = b;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static int by_addr(const void *a, const void *b)
{
	const struct hprof_region *x = a, *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

struct hc_error *hprof_static_classes(struct hprof *h)
{
	count_variables(h);
	for (uint32_t i = 0; i < hc_root_count(h->s) && !h->failed; i++) {
		struct hc_root r = hc_root_at(h->s, i);
		if (r.kind == HC_ROOT_GLOBAL)
			variable_add(h, &r, i);
	}
	if (h->failed)
		return err_nomem();
	if (h->statics.len)
		qsort(h->statics.data, h->statics.len, sizeof(*h->statics.data), by_class);
	for (size_t i = h->statics.len; i-- > 0;)
		h->classes.data[h->statics.data[i].class].first_static = (uint32_t)i;
	if (h->regions.len)
		qsort(h->regions.data, h->regions.len, sizeof(*h->regions.data), by_addr);
	/* Two variables at one address cannot be: the second would be an object of the same identifier. */
	size_t n = 0;
	for (size_t i = 0; i < h->regions.len; i++)
		if (i == 0 || h->regions.data[i].addr != h->regions.data[n - 1].addr)
			h->regions.data[n++] = h->regions.data[i];
	h->regions.len = n;
	return NULL;
}

uint8_t *hprof_put_statics(struct hprof *h, const struct hprof_class *c, uint8_t *p)
{
	for (uint32_t i = 0; i < c->nstatics; i++) {
		const struct hprof_static *st = &h->statics.data[c->first_static + i];
		struct hc_root r = hc_root_at(h->s, st->root);
		p = be64(p, st->name);
		*p++ = st->type;
		if (st->place == STATIC_OBJECT) {
			p = be64(p, r.addr);
			continue;
		}
		uint8_t value[VALUE_MAX];
		struct source src;
		const struct layout *layout = layout_of(&h->layouts, r.type); /* made already */
		const struct place *at = &layout->places[st->place];
		source_begin(&src, h, r.node, at->type == HPROF_OBJECT);
		if (hc_read_memory(h->s, r.addr, value, (size_t)layout->size)) {
			src.data = value;
			src.size = layout->size;
		}
		p = hprof_put_place(h, &src, at, at->offset, false, p);
	}
	return p;
}

/* ---- roots ---- */

static uint32_t array_class(enum hc_root_kind kind)
{
	switch (kind) {
	case HC_ROOT_FINALIZER: return KNOWN_FINALIZERS;
	case HC_ROOT_FINQUEUE: return KNOWN_FINQUEUE;
	case HC_ROOT_CLEANUP: return KNOWN_CLEANUPS;
	case HC_ROOT_WEAKHANDLE: return KNOWN_WEAKHANDLES;
	case HC_ROOT_OTHER: return KNOWN_ROOTS;
	case HC_ROOT_ALL: case HC_ROOT_GROUP: case HC_ROOT_PACKAGE: case HC_ROOT_GLOBAL: case HC_ROOT_GOROUTINE:
	case HC_ROOT_FRAME: case HC_ROOT_LOCAL: case HC_ROOT_REGISTERS: case HC_ROOT_DEFER: case HC_ROOT_PANIC: break;
	}
	return KNOWN_OBJECT;
}

/* References to objects; other root nodes may be among the targets. */
static uint32_t count_targets(const struct hprof *h, hc_node node)
{
	struct hc_edge_iter it;
	struct hc_edge e;
	uint32_t n = 0;
	hc_edges(h->s, node, &it);
	while (n < INT32_MAX / 8 && hc_edge_next(&it, &e))
		n += e.target < hc_object_limit(h->s);
	return n;
}

/* Calls for each root that is written as an array of n references; ids are the same every time. */
static void each_array(struct hprof *h, void (*put)(struct hprof *, const struct hc_root *, uint64_t id, uint32_t n))
{
	uint64_t after = h->next_other;
	h->next_other = h->first_root;
	for (uint32_t i = 0; i < hc_root_count(h->s) && !h->failed; i++) {
		struct hc_root r = hc_root_at(h->s, i);
		if (array_class(r.kind) == KNOWN_OBJECT)
			continue;
		uint32_t n = count_targets(h, r.node);
		if (n)
			put(h, &r, hprof_new_id(h, n), n);
	}
	if (h->next_other < after)
		h->next_other = after;
}

static void put_root(struct hprof *h, const struct hc_root *r, uint64_t id, uint32_t n)
{
	(void)r, (void)n;
	hprof_root_jni_global(&h->out, id);
}

void hprof_other_roots(struct hprof *h)
{
	for (uint32_t i = 0; i < h->classes.len; i++)
		if (i < KNOWN_COUNT || h->classes.data[i].nstatics)
			hprof_root_sticky(&h->out, class_id(i));
	h->first_root = h->next_other;
	each_array(h, put_root);
}

/* An array of what a root holds, in order of the pointers; n references to objects. */
static void put_targets(struct hprof *h, hc_node node, uint64_t id, uint32_t class, uint32_t n)
{
	struct hc_edge_iter it;
	struct hc_edge e;
	uint8_t head[HPROF_OBJ_ARRAY_HEAD];
	hprof_obj_array_head(head, id, class_id(class), n);
	size_t size = HPROF_OBJ_ARRAY_HEAD + 8 * (size_t)n;
	uint8_t *p = NULL;
	if (size <= HPROF_SEGMENT_MAX / 2) {
		p = hprof_sub(&h->out, size);
		memcpy(p, head, sizeof(head));
		p += sizeof(head);
	} else {
		hprof_sub_long(&h->out, size, head, sizeof(head));
	}
	hc_edges(h->s, node, &it);
	while (n > 0 && hc_edge_next(&it, &e)) {
		if (e.target >= hc_object_limit(h->s))
			continue;
		uint64_t target = hc_node_addr(h->s, e.target);
		if (p)
			p = be64(p, target);
		else
			hprof_put64(&h->out, target);
		n--;
	}
	hprof_count_array(h, (size - HPROF_OBJ_ARRAY_HEAD) / 8, HPROF_OBJECT, true);
}

static void put_array(struct hprof *h, const struct hc_root *r, uint64_t id, uint32_t n)
{
	put_targets(h, r->node, id, array_class(r->kind), n);
}

static void put_region(struct hprof *h, const struct hprof_region *region)
{
	struct hc_root r = hc_root_at(h->s, region->root);
	if (region->class == KNOWN_DATA) {
		put_targets(h, r.node, region->addr, KNOWN_DATA, count_targets(h, r.node));
		return;
	}
	const struct hprof_class *c = &h->classes.data[region->class];
	struct source src;
	uint8_t *p = hprof_instance(h, region->addr, region->class);
	source_begin(&src, h, r.node, true);
	uint64_t n = r.size < HPROF_SEGMENT_MAX ? r.size : HPROF_SEGMENT_MAX;
	if (hc_read_memory(h->s, r.addr, h->buf, (size_t)n)) {
		src.data = h->buf;
		src.size = n;
	}
	hprof_put_values(h, &src, c->layout, 0, c->count, p);
	hprof_count_instance(h, region->class, true);
	for (; src.more; src.more = hc_edge_next(&src.it, &src.edge))
		h->totals.lost_refs++;
	hprof_flush_pool(h);
}

void hprof_root_objects(struct hprof *h)
{
	/* Descending, for the same reason as in hprof_objects(). */
	for (size_t i = h->regions.len; i-- > 0 && !h->failed;)
		put_region(h, &h->regions.data[i]);
	each_array(h, put_array);
}
