/* SPDX-License-Identifier: MIT */
/*
 * hprof-compare SNAPSHOT EXE DUMP.hprof: is the dump the graph that heapconv has? Every live object must be there with its
 * size and with exactly its references, be reached from the roots, and keep as much alive as hc_retained() says (with
 * dominators computed here, in the simplest way). Prints TAP lines.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heapconv/heapconv.h"
#include "hprof_file.h"

static struct hp_file f;
static struct hc_snapshot *s;
static unsigned tests, failures;

static void result(bool ok, const char *what, uint64_t wrong, uint64_t of)
{
	printf("%s %u - %s\n", ok ? "ok" : "not ok", ++tests, what);
	if (!ok)
		printf("# %" PRIu64 " of %" PRIu64 " are wrong\n", wrong, of);
	failures += !ok;
}

static void *alloc(uint64_t n, size_t size)
{
	void *p = calloc((size_t)n + 1, size);
	if (!p)
		exit(2);
	return p;
}

static const char *class_name(const struct hp_object *o)
{
	return o->class == UINT32_MAX ? "" : f.classes[o->class].name;
}

/* ---- what objects refer to ---- */

struct set {
	uint64_t *ids;
	uint64_t n, cap;
	unsigned depth;
};

static void set_add(struct set *set, uint64_t id)
{
	if (set->n == set->cap) {
		set->cap = set->cap ? 2 * set->cap : 64;
		set->ids = realloc(set->ids, set->cap * sizeof(*set->ids));
		if (!set->ids)
			exit(2);
	}
	set->ids[set->n++] = id;
}

static bool is_heap(uint64_t id)
{
	uint64_t offset;
	hc_node n = hc_object_find(s, id, &offset);
	struct hc_object o;
	return n != HC_NODE_NONE && hc_object_get(s, n, &o) && o.addr == id; /* not a chunk of one */
}

/* Adds what a reference leads to: an object of the heap; through strings, constants and lists of chunks if need be. */
static void add_target(void *ctx, uint64_t id, uint64_t offset)
{
	struct set *set = ctx;
	uint32_t i;
	(void)offset;
	if (!hp_table_get(&f.object_at, id, &i))
		return;
	const struct hp_object *o = &f.objects[i];
	if (is_heap(id)) {
		set_add(set, id);
	} else if (set->depth < 3 && id >= UINT64_C(1) << 48) {
		set->depth++;
		hp_refs(&f, o, add_target, set);
		set->depth--;
	}
}

static int by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Sorts, and drops what is there twice. */
static void set_finish(struct set *set)
{
	uint64_t k = 0;
	if (set->n)
		qsort(set->ids, set->n, sizeof(*set->ids), by_id);
	for (uint64_t i = 0; i < set->n; i++)
		if (k == 0 || set->ids[k - 1] != set->ids[i])
			set->ids[k++] = set->ids[i];
	set->n = k;
}

/* ---- objects ---- */

/* References have 8 bytes in the file, and 4 in 32-bit processes. */
static uint64_t size_in_process(const struct hp_object *o)
{
	return hp_size_file(&f, o) / (o->kind == HP_OBJ_ARRAY && hc_snapshot_info(s)->pointer_size == 4 ? 2 : 1);
}

/* Chunks follow the first one in addresses; their sizes add up. */
static uint64_t size_of(const struct hp_object *o, struct set *refs)
{
	uint64_t at, size = size_in_process(o);
	uint8_t type;
	uint32_t list, i;
	hp_refs(&f, o, add_target, refs);
	if (o->kind != HP_INSTANCE || !hp_field(&f, &f.classes[o->class], "chunks", &at, &type) ||
	    !hp_table_get(&f.object_at, hp_u64(&f, o->offset + at), &list))
		return size;
	for (uint64_t k = 0; k < f.objects[list].n; k++) {
		if (!hp_table_get(&f.object_at, hp_u64(&f, f.objects[list].offset + 8 * k), &i))
			continue;
		hp_refs(&f, &f.objects[i], add_target, refs);
		size += size_in_process(&f.objects[i]);
	}
	return size;
}

static void compare_objects(void)
{
	uint64_t n = 0, missing = 0, sizes = 0, refs = 0, nrefs = 0;
	struct set got = {0}, want = {0};
	for (hc_node node = hc_object_next(s, 0, true); node != HC_NODE_NONE; node = hc_object_next(s, node + 1, true)) {
		struct hc_object o;
		struct hc_edge_iter it;
		struct hc_edge e;
		uint32_t i;
		hc_object_get(s, node, &o);
		n++;
		if (!hp_table_get(&f.object_at, o.addr, &i)) {
			missing++;
			continue;
		}
		const struct hp_object *d = &f.objects[i];
		got.n = want.n = 0;
		uint64_t size = size_of(d, &got), expected = d->kind == HP_INSTANCE ? o.slot_size : o.used;
		if (size != expected && sizes++ < 5)
			printf("# %#" PRIx64 " %s has size %" PRIu64 ", not %" PRIu64 "\n", o.addr, class_name(d), size, expected);
		hc_edges(s, node, &it);
		while (hc_edge_next(&it, &e))
			set_add(&want, hc_node_addr(s, e.target));
		set_finish(&got);
		set_finish(&want);
		nrefs += want.n;
		if (got.n != want.n || (got.n && memcmp(got.ids, want.ids, got.n * sizeof(*got.ids)) != 0))
			if (refs++ < 5)
				printf("# %#" PRIx64 " %s refers to %" PRIu64 " objects (%#" PRIx64 "), not %" PRIu64 " (%#" PRIx64 ")\n", o.addr,
				       class_name(d), got.n, got.n ? got.ids[0] : 0, want.n, want.n ? want.ids[0] : 0);
	}
	result(n && !missing, "all live objects are in the dump", missing, n);
	result(!sizes, "sizes are equal", sizes, n);
	result(!refs && nrefs, "references are equal", refs, n);
	free(got.ids);
	free(want.ids);
}

/* ---- dominators (Cooper, Harvey, Kennedy) ---- */

struct tree {
	uint64_t n; /* nodes: 0 is the root of all, then objects, then classes */
	uint64_t *first; /* edges of node i: [first[i], first[i + 1]) */
	uint32_t *to;
	uint64_t edges;
	uint32_t from;
	bool filling;
	uint32_t *order, *number, *idom; /* order: postorder */
};

static void add_edge(struct tree *t, uint64_t id)
{
	uint32_t i;
	if (hp_table_get(&f.object_at, id, &i))
		i += 1;
	else if (hp_table_get(&f.class_at, id, &i))
		i += 1 + (uint32_t)f.nobjects;
	else
		return;
	if (t->filling)
		t->to[t->edges] = i;
	t->edges++;
}

static void add_ref(void *ctx, uint64_t id, uint64_t offset)
{
	(void)offset;
	add_edge(ctx, id);
}

/* Locals hang below their thread, as in Eclipse MAT and shark. */
static void add_edges(struct tree *t, const uint64_t *thread, uint32_t **locals, uint64_t *nlocals, uint64_t nthreads)
{
	t->edges = 0;
	t->first[0] = 0;
	for (uint64_t i = 0; i < f.nroots; i++)
		if (f.roots[i].tag != 3 || f.roots[i].thread > nthreads)
			add_edge(t, f.roots[i].id);
	for (uint64_t i = 0; i < f.nobjects; i++) {
		t->first[i + 1] = t->edges;
		hp_refs(&f, &f.objects[i], add_ref, t);
		for (uint64_t k = 1; k <= nthreads; k++)
			if (thread[k] == f.objects[i].id)
				for (uint64_t r = 0; r < nlocals[k]; r++)
					add_edge(t, f.roots[locals[k][r]].id);
	}
	for (uint64_t i = 0; i < f.nclasses; i++) {
		t->first[f.nobjects + i + 1] = t->edges;
		hp_class_refs(&f, &f.classes[i], add_ref, t);
	}
	t->first[t->n] = t->edges;
}

static void build(struct tree *t)
{
	uint64_t nthreads = 0;
	for (uint64_t i = 0; i < f.nroots; i++)
		nthreads += f.roots[i].tag == 8;
	uint64_t *thread = alloc(nthreads + 1, sizeof(*thread)), *nlocals = alloc(nthreads + 1, sizeof(*nlocals));
	uint32_t **locals = alloc(nthreads + 1, sizeof(*locals));
	for (int pass = 0; pass < 2; pass++) {
		memset(nlocals, 0, (nthreads + 1) * sizeof(*nlocals));
		for (uint64_t i = 0; i < f.nroots; i++) {
			const struct hp_root *r = &f.roots[i];
			if (r->thread < 1 || r->thread > nthreads)
				continue;
			if (r->tag == 8)
				thread[r->thread] = r->id;
			if (r->tag == 3 && pass)
				locals[r->thread][nlocals[r->thread]] = (uint32_t)i;
			nlocals[r->thread] += r->tag == 3;
		}
		for (uint64_t k = 1; !pass && k <= nthreads; k++)
			locals[k] = alloc(nlocals[k], sizeof(**locals));
	}
	t->n = 1 + f.nobjects + f.nclasses;
	t->first = alloc(t->n + 1, sizeof(*t->first));
	add_edges(t, thread, locals, nlocals, nthreads);
	t->to = alloc(t->edges, sizeof(*t->to));
	t->filling = true;
	add_edges(t, thread, locals, nlocals, nthreads);
	for (uint64_t k = 1; k <= nthreads; k++)
		free(locals[k]);
	free(locals);
	free(nlocals);
	free(thread);
}

static uint32_t number_nodes(struct tree *t)
{
	uint64_t *at = alloc(t->n, sizeof(*at));
	uint32_t *stack = alloc(t->n, sizeof(*stack)), depth = 0, n = 0;
	t->order = alloc(t->n, sizeof(*t->order));
	t->number = alloc(t->n, sizeof(*t->number));
	memset(t->number, 0xff, t->n * sizeof(*t->number));
	stack[depth++] = 0;
	t->number[0] = UINT32_MAX - 1;
	at[0] = t->first[0];
	while (depth) {
		uint32_t v = stack[depth - 1];
		if (at[v] == t->first[v + 1]) {
			t->number[v] = n;
			t->order[n++] = v;
			depth--;
			continue;
		}
		uint32_t w = t->to[at[v]++];
		if (t->number[w] == UINT32_MAX) {
			t->number[w] = UINT32_MAX - 1;
			at[w] = t->first[w];
			stack[depth++] = w;
		}
	}
	free(at);
	free(stack);
	return n;
}

static void dominate(struct tree *t, uint32_t n)
{
	t->idom = alloc(t->n, sizeof(*t->idom));
	memset(t->idom, 0xff, t->n * sizeof(*t->idom));
	t->idom[0] = 0;
	for (bool changed = true; changed;) {
		changed = false;
		/* Pushing along edges instead of pulling over predecessors reaches the same fixed point. */
		for (uint32_t i = n; i-- > 0;) {
			uint32_t v = t->order[i];
			for (uint64_t e = t->first[v]; e < t->first[v + 1]; e++) {
				uint32_t w = t->to[e], a = v, b = t->idom[w];
				if (w == 0)
					continue;
				if (b == UINT32_MAX) {
					t->idom[w] = v;
					changed = true;
					continue;
				}
				while (a != b) {
					while (t->number[a] < t->number[b])
						a = t->idom[a];
					while (t->number[b] < t->number[a])
						b = t->idom[b];
				}
				changed |= t->idom[w] != a;
				t->idom[w] = a;
			}
		}
	}
}

/*
 * Objects whose retained size differs by design: threads keep their locals in the dump, and are roots, so that what refers
 * to them keeps them no longer.
 */
static bool *thread_keepers(void)
{
	bool *keeper = alloc(hc_object_limit(s), sizeof(*keeper));
	for (uint64_t i = 0; i < f.nroots; i++) {
		uint64_t offset;
		hc_node node = f.roots[i].tag == 8 ? hc_object_find(s, f.roots[i].id, &offset) : HC_NODE_NONE;
		while (node < hc_object_limit(s) && !keeper[node]) {
			keeper[node] = true;
			node = hc_dominator(s, node);
		}
	}
	return keeper;
}

static void compare_retained(void)
{
	struct tree t = {0};
	bool *keeper = thread_keepers();
	build(&t);
	uint32_t n = number_nodes(&t);
	dominate(&t, n);
	uint64_t *retained = alloc(t.n, sizeof(*retained)), objects = 0, unreached = 0, wrong = 0, checked = 0;
	for (uint64_t i = 0; i < f.nobjects; i++) {
		struct hc_object o;
		uint64_t offset;
		hc_node node = hc_object_find(s, f.objects[i].id, &offset);
		if (node == HC_NODE_NONE || !hc_object_get(s, node, &o) || o.addr != f.objects[i].id)
			continue;
		objects++;
		unreached += t.number[i + 1] == UINT32_MAX;
		retained[i + 1] = o.slot_size;
	}
	result(!unreached, "all objects are reached from the roots", unreached, objects);
	for (uint32_t i = 0; i + 1 < n; i++)
		retained[t.idom[t.order[i]]] += retained[t.order[i]];
	for (uint64_t i = 0; i < f.nobjects; i++) {
		struct hc_object o;
		uint64_t offset;
		hc_node node = hc_object_find(s, f.objects[i].id, &offset);
		if (node == HC_NODE_NONE || !hc_object_get(s, node, &o) || o.addr != f.objects[i].id || !(o.flags & HC_OBJ_LIVE) ||
		    keeper[node])
			continue;
		checked++;
		if (retained[i + 1] != hc_retained(s, node) && wrong++ < 5)
			printf("# %#" PRIx64 " %s retains %" PRIu64 ", not %" PRIu64 "\n", o.addr, class_name(&f.objects[i]), retained[i + 1],
			       hc_retained(s, node));
	}
	result(checked && !wrong, "retained sizes are equal", wrong, checked);
	free(keeper);
	free(retained);
	free(t.first);
	free(t.to);
	free(t.order);
	free(t.number);
	free(t.idom);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: hprof-compare SNAPSHOT EXE DUMP.hprof\n");
		return 2;
	}
	struct hc_open_opts opts = {.size = sizeof(opts), .path = argv[1], .exe = *argv[2] ? argv[2] : NULL};
	struct hc_error *err = hc_open(&opts, &s);
	if (err) {
		fprintf(stderr, "%s\n", hc_error_message(err));
		hc_error_free(err);
		return 2;
	}
	f.shown_max = 5;
	if (!hp_open(&f, argv[3])) {
		fprintf(stderr, "%s cannot be read\n", argv[3]);
		return 2;
	}
	hp_check(&f);
	result(f.counts[HP_ERROR] == 0 && f.counts[HP_WARNING] == 0, "no rule is broken", f.counts[HP_ERROR] + f.counts[HP_WARNING],
	       f.nobjects);
	compare_objects();
	compare_retained();
	hp_close(&f);
	hc_close(s);
	return failures != 0;
}
