/* SPDX-License-Identifier: MIT */
#include "writers/owners.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/map.h"
#include "base/pool.h"

enum { KINDS_MAX = 4096 }; /* of referrers of one owner; more are counted only */

/* Referrers of one owner's nodes that are of one kind. */
struct kind {
	const char *name, *field;
	hc_node example;
	bool root;
	uint64_t references, referrers, known, bytes, retained;
	hc_node last;
};

struct member {
	uint32_t kind;
	hc_node node;
};

struct collect {
	struct owners *o;
	VEC(struct kind) kinds;
	struct map by_place; /* class << 32 | offset in its value, or root's number: its kind */
	VEC(struct member) members;
	VEC(hc_node) referrers;
	uint64_t uncounted;
};

static uint64_t node_count(const struct owners *o)
{
	return (uint64_t)o->q.limit + hc_root_count(o->q.s);
}

/* ---- the kinds of referrers ---- */

/* The kind with this text, or a new one. False: out of memory. *ret UINT32_MAX: too many. */
static bool kind_named(struct collect *c, hc_node node, uint64_t offset, uint32_t *ret)
{
	char name[QUERY_TEXT], field[QUERY_TEXT];
	bool root = node >= c->o->q.limit;
	if (root)
		snprintf(name, sizeof(name), "%s", hc_root_at(c->o->q.s, node - c->o->q.limit).name);
	else
		query_name(c->o->q.s, node, name, sizeof(name));
	query_hop(c->o->q.s, node, offset, false, field, sizeof(field));
	for (uint32_t i = 0; i < c->kinds.len; i++) {
		const struct kind *k = &c->kinds.data[i];
		if (k->root == root && strcmp(k->name, name) == 0 && strcmp(k->field, field) == 0) {
			*ret = i;
			return true;
		}
	}
	*ret = UINT32_MAX;
	if (c->kinds.len == KINDS_MAX)
		return true;
	struct kind k = {.name = arena_strdup(&c->o->arena, name), .field = arena_strdup(&c->o->arena, field),
	                 .example = node,
	                 .root = root, .last = HC_NODE_NONE};
	*ret = (uint32_t)c->kinds.len;
	return k.name && k.field && vec_push(&c->kinds, k);
}

static bool kind_find(struct collect *c, hc_node node, const struct hc_object *obj, uint64_t offset, uint32_t *ret)
{
	uint64_t key;
	if (obj) {
		uint64_t each = obj->type ? hc_type_size(obj->type) : 0;
		uint64_t at = obj->flags & HC_OBJ_ARRAY && each ? offset % each : offset;
		if (at > UINT32_MAX / 2)
			return kind_named(c, node, offset, ret);
		key = (uint64_t)hc_object_class(c->o->q.s, obj) << 32 | at;
	} else {
		if (offset > UINT32_MAX / 2)
			return kind_named(c, node, offset, ret);
		key = (uint64_t)node << 32 | UINT32_C(1) << 31 | offset;
	}
	if (map_get(&c->by_place, key, ret))
		return true;
	return kind_named(c, node, offset, ret) && map_put(&c->by_place, key, *ret);
}

static bool referrer_add(struct collect *c, hc_node node)
{
	struct hc_object o;
	struct hc_edge_iter it;
	struct hc_edge e;
	uint32_t kind;
	bool object = hc_object_get(c->o->q.s, node, &o);
	hc_edges(c->o->q.s, node, &it);
	while (hc_edge_next(&it, &e)) {
		if (e.target >= node_count(c->o) || !bit_get(c->o->wanted, e.target))
			continue;
		if (!kind_find(c, node, object ? &o : NULL, e.offset, &kind))
			return false;
		if (kind == UINT32_MAX) {
			c->uncounted++;
			continue;
		}
		struct kind *k = &c->kinds.data[kind];
		k->references++;
		if (k->last == node)
			continue;
		k->last = node;
		k->referrers++;
		k->bytes += object ? o.slot_size : 0;
		uint64_t retained = hc_retained(c->o->q.s, node);
		if (retained > k->retained) {
			k->retained = retained;
			k->example = node;
		}
		if (bit_get(c->o->seen, node))
			k->known++;
		else if (object && !vec_push(&c->members, ((struct member){kind, node})))
			return false;
	}
	return true;
}

static int by_node(const void *ap, const void *bp)
{
	hc_node a = *(const hc_node *)ap, b = *(const hc_node *)bp;
	return a < b ? -1 : a > b;
}

/* Referrers of an owner's nodes, each once; those of live nodes are live ones, too. */
static bool referrers_collect(struct collect *c, const struct owner *of)
{
	bool garbage = of->nmembers && !query_is_live(c->o->q.s, c->o->members.data[of->members]);
	for (size_t i = 0; i < of->nmembers; i++) {
		const hc_node *from;
		if (c->o->members.data[of->members + i] >= c->o->q.limit) /* roots have parents, but no referrers */
			continue;
		uint64_t n = hc_referrers_of(c->o->q.refs, c->o->members.data[of->members + i], &from);
		for (uint64_t j = 0; j < n; j++)
			if ((j == 0 || from[j] != from[j - 1]) && (garbage || query_is_live(c->o->q.s, from[j])) &&
			    !vec_push(&c->referrers, from[j]))
				return false;
	}
	if (c->referrers.len)
		qsort(c->referrers.data, c->referrers.len, sizeof(*c->referrers.data), by_node);
	return true;
}

/* ---- the tree ---- */

struct order {
	const struct kind *kind;
	uint32_t index;
};

static int by_references(const void *ap, const void *bp)
{
	const struct order *a = ap, *b = bp;
	if (a->kind->referrers != b->kind->referrers)
		return a->kind->referrers > b->kind->referrers ? -1 : 1;
	if (a->kind->retained != b->kind->retained)
		return a->kind->retained > b->kind->retained ? -1 : 1;
	int c = strcmp(a->kind->name, b->kind->name);
	return c ? c : strcmp(a->kind->field, b->kind->field);
}

/* The members of one kind become the nodes of an owner. */
static bool owner_add(struct collect *c, uint32_t parent, uint32_t kind, uint32_t *last)
{
	struct owners *o = c->o;
	const struct kind *k = &c->kinds.data[kind];
	struct owner n = {.parent = parent, .level = o->list.data[parent].level + 1, .first = OWNERS_NONE,
	                  .next = OWNERS_NONE,
	                  .name = k->name, .field = k->field, .example = k->example, .root = k->root,
	                  .references = k->references, .referrers = k->referrers, .known = k->known, .bytes = k->bytes,
	                  .retained = k->retained, .members = o->members.len};
	for (size_t i = 0; i < c->members.len; i++) {
		hc_node node = c->members.data[i].node;
		/* One that refers by several fields is a member of the first only. */
		if (c->members.data[i].kind != kind || bit_get(o->seen, node))
			continue;
		if (!vec_push(&o->members, node))
			return false;
		bit_set(o->seen, node);
	}
	n.nmembers = o->members.len - n.members;
	uint32_t index = (uint32_t)o->list.len;
	if (*last == OWNERS_NONE)
		o->list.data[parent].first = index;
	else
		o->list.data[*last].next = index;
	*last = index;
	return vec_push(&o->list, n);
}

static bool owners_attach(struct collect *c, uint32_t parent)
{
	struct owners *o = c->o;
	uint32_t last = OWNERS_NONE;
	bool ok = true;
	struct order *order = malloc((c->kinds.len + 1) * sizeof(*order));
	if (!order)
		return false;
	for (uint32_t i = 0; i < c->kinds.len; i++)
		order[i] = (struct order){&c->kinds.data[i], i};
	if (c->kinds.len)
		qsort(order, c->kinds.len, sizeof(*order), by_references);
	for (size_t i = 0; ok && i < c->kinds.len; i++) {
		if (i >= o->top || o->list.len >= OWNERS_NODES) {
			o->list.data[parent].left_out++;
			o->list.data[parent].left_references += order[i].kind->references;
			continue;
		}
		ok = owner_add(c, parent, order[i].index, &last);
	}
	o->list.data[parent].left_references += c->uncounted;
	free(order);
	return ok;
}

/* Adds the referrers of one owner's nodes to the tree. */
static bool owner_expand(struct owners *o, uint32_t index)
{
	struct collect c = {.o = o};
	const struct owner of = o->list.data[index];
	for (size_t i = 0; i < of.nmembers; i++)
		bit_set(o->wanted, o->members.data[of.members + i]);
	bool ok = referrers_collect(&c, &of);
	for (size_t i = 0; ok && i < c.referrers.len; i++)
		if (i == 0 || c.referrers.data[i] != c.referrers.data[i - 1])
			ok = referrer_add(&c, c.referrers.data[i]);
	for (size_t i = 0; i < of.nmembers; i++)
		bit_clear(o->wanted, o->members.data[of.members + i]);
	ok = ok && owners_attach(&c, index);
	vec_free(&c.kinds);
	vec_free(&c.members);
	vec_free(&c.referrers);
	map_free(&c.by_place);
	return ok;
}

static bool target_add(struct owners *o)
{
	const struct hc_snapshot *s = o->q.s;
	struct owner t = {.parent = OWNERS_NONE, .first = OWNERS_NONE, .next = OWNERS_NONE, .field = "",
	                  .example = query_biggest(&o->q)};
	struct hc_object obj;
	char name[QUERY_TEXT];
	query_name(s, t.example, name, sizeof(name));
	t.root = t.example >= o->q.limit;
	t.name = arena_strdup(&o->arena, name);
	for (hc_node n = hc_set_next(o->q.target, 0); n != HC_NODE_NONE; n = hc_set_next(o->q.target, n + 1)) {
		if (!vec_push(&o->members, n))
			return false;
		bit_set(o->seen, n);
		t.bytes += hc_object_get(s, n, &obj) ? obj.slot_size : 0;
	}
	t.retained = hc_retained(s, t.example);
	t.referrers = t.nmembers = o->members.len;
	return t.name && vec_push(&o->list, t);
}

struct hc_error *owners_open(const struct job *job, struct owners *o)
{
	memset(o, 0, sizeof(*o));
	struct hc_error *err = query_open(job, false, &o->q);
	if (err)
		return err;
	o->top = job->opts.top ? job->opts.top : OWNERS_TOP;
	o->depth = job->opts.depth ? job->opts.depth : OWNERS_DEPTH;
	o->seen = big_alloc(bit_words(node_count(o) + 1) * 8);
	o->wanted = big_alloc(bit_words(node_count(o) + 1) * 8);
	bool ok = o->seen && o->wanted && target_add(o);
	for (uint32_t i = 0; ok && i < o->list.len; i++)
		if (o->list.data[i].level < o->depth)
			ok = owner_expand(o, i);
	if (ok)
		return NULL;
	owners_close(o);
	return err_nomem();
}

void owners_close(struct owners *o)
{
	uint64_t bytes = bit_words(node_count(o) + 1) * 8;
	big_free(o->seen, bytes);
	big_free(o->wanted, bytes);
	vec_free(&o->list);
	vec_free(&o->members);
	arena_free(&o->arena);
	query_close(&o->q);
}

uint32_t owners_next(const struct owners *o, uint32_t i)
{
	if (o->list.data[i].first != OWNERS_NONE)
		return o->list.data[i].first;
	while (i != OWNERS_NONE && o->list.data[i].next == OWNERS_NONE)
		i = o->list.data[i].parent;
	return i == OWNERS_NONE ? i : o->list.data[i].next;
}
