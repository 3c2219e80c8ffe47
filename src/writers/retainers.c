/* SPDX-License-Identifier: MIT */
#include "writers/retainers.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "writers/names.h"

/* Shares of the live bytes: smaller ones are of no interest; inside of another one that is shown, only larger ones. */
enum { SHARE = 200, NESTED_SHARE = 10 };
enum { MAX_FOUND = 100000, MAX_PATH_STEPS = 64 };

void retainers_init(struct retainers *r, const struct hc_snapshot *s)
{
	*r = (struct retainers){.s = s, .threshold = hc_snapshot_info(s)->live_bytes / SHARE + 1};
}

void retainers_deinit(struct retainers *r)
{
	vec_free(&r->found);
	map_free(&r->by_node);
}

/* An object of a class that is above it already is a link of a list or tree: its head stands for all. */
static bool is_recursion(const struct retainers *r, uint32_t over, uint32_t class)
{
	for (;;) {
		const struct retainer *at = &r->found.data[over];
		if (at->class == class)
			return true;
		if (at->over == over)
			return false;
		over = at->over;
	}
}

/* A part of the map that is above it, or of a part of one. */
static bool is_map_storage(const struct retainers *r, uint32_t over, uint32_t class)
{
	const struct retainer *map = &r->found.data[over];
	return map->class != HC_NO_INDEX && strncmp(hc_class_at(r->s, map->class).name, "map[", 4) == 0 &&
	       name_map_storage(hc_class_at(r->s, class).name);
}

void retainers_step(struct retainers *r, const struct hc_dom_step *d)
{
	uint32_t over = 0;
	struct retainer at = {.node = d->node, .from = d->dominator, .class = HC_NO_INDEX, .via = d->via};
	/* Most nodes end here: below one that keeps little, nothing keeps much. */
	if (d->dominator != HC_NODE_NONE && !map_get(&r->by_node, d->dominator, &over))
		return;
	at.retained = hc_retained(r->s, d->node);
	if (d->dominator != HC_NODE_NONE && at.retained < r->threshold)
		return;
	if (d->node < hc_object_limit(r->s)) {
		struct hc_object o;
		if (!hc_object_get(r->s, d->node, &o))
			return;
		at.class = hc_object_class(r->s, &o);
		if (at.class >= hc_class_count(r->s))
			return;
		if (d->dominator != HC_NODE_NONE && is_map_storage(r, over, at.class)) {
			r->failed |= !map_put(&r->by_node, d->node, over);
			return;
		}
		if (is_recursion(r, over, at.class))
			return;
	}
	at.over = over;
	if (r->found.len >= MAX_FOUND)
		return;
	if (!vec_push(&r->found, at) || !map_put(&r->by_node, d->node, (uint32_t)r->found.len - 1)) {
		r->failed = true;
		return;
	}
	struct retainer *parent = &r->found.data[over];
	if (parent->node != at.node && at.retained > parent->biggest)
		parent->biggest = at.retained;
}

/* Where much comes together: not a link in a chain, and no kind of root. */
static bool is_junction(const struct retainers *r, const struct retainer *at)
{
	if (at->biggest > at->retained / 5 * 4)
		return false;
	if (at->class != HC_NO_INDEX)
		return true;
	enum hc_root_kind kind = hc_root_at(r->s, at->node - hc_object_limit(r->s)).kind;
	return kind != HC_ROOT_ALL && kind != HC_ROOT_GROUP && kind != HC_ROOT_PACKAGE;
}

static bool is_interesting(const struct retainers *r, uint32_t index)
{
	const struct retainer *at = &r->found.data[index];
	if (!is_junction(r, at))
		return false;
	if (at->retained >= hc_snapshot_info(r->s)->live_bytes / NESTED_SHARE)
		return true;
	for (; at->over != index; index = at->over, at = &r->found.data[index])
		if (is_junction(r, &r->found.data[at->over]))
			return false;
	return true;
}

struct choice {
	uint64_t retained;
	uint32_t index;
};

static int by_retained(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;
	if (x->retained != y->retained)
		return x->retained > y->retained ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool is_group(const struct retainers *r, hc_node node)
{
	hc_node limit = hc_object_limit(r->s);
	return node != HC_NODE_NONE && node >= limit && hc_root_at(r->s, node - limit).kind <= HC_ROOT_PACKAGE;
}

/* What has several roots has a group of roots for a dominator: finds the roots themselves. */
static void find_holders(struct retainers *r)
{
	hc_node limit = hc_object_limit(r->s);
	struct hc_edge_iter it;
	struct hc_edge e;
	uint32_t index;
	for (uint32_t i = 0; i < hc_root_count(r->s); i++) {
		hc_edges(r->s, limit + i, &it);
		while (hc_edge_next(&it, &e)) {
			if (e.target >= limit || !map_get(&r->by_node, e.target, &index))
				continue;
			struct retainer *at = &r->found.data[index];
			if (at->node != e.target || !is_group(r, at->from) || (at->holders && at->last_holder == i))
				continue;
			if (!at->holders++)
				at->holder = i;
			at->last_holder = i;
		}
	}
}

struct hc_error *retainers_select(struct retainers *r, uint32_t **ret, size_t *n)
{
	struct choice *c = malloc((r->found.len + 1) * sizeof(*c));
	uint32_t *out = malloc((r->found.len + 1) * sizeof(*out));
	size_t len = 0;
	if (!c || !out || r->failed) {
		free(c);
		free(out);
		return err_nomem();
	}
	find_holders(r);
	for (uint32_t i = 0; i < r->found.len; i++)
		if (is_interesting(r, i))
			c[len++] = (struct choice){r->found.data[i].retained, i};
	qsort(c, len, sizeof(*c), by_retained);
	for (size_t i = 0; i < len; i++)
		out[i] = c[i].index;
	free(c);
	*ret = out;
	*n = len;
	return NULL;
}

static bool is_object(const struct retainer *at)
{
	return at->class != HC_NO_INDEX;
}

static struct hc_root root_of(const struct retainers *r, const struct retainer *at)
{
	return hc_root_at(r->s, at->node - hc_object_limit(r->s));
}

/* Appends the field of `over` that leads on, as in Go source. */
static size_t add_field(const struct retainers *r, const struct retainer *over, uint64_t via, char *buf, size_t size,
                        size_t at)
{
	char field[256] = "";
	const struct hc_type *t = NULL;
	if (via == HC_VIA_SEVERAL) {
		snprintf(field, sizeof(field), "(several)");
	} else if (is_object(over)) {
		struct hc_object o;
		if (hc_object_get(r->s, over->node, &o) && o.type) {
			t = o.type;
			if ((o.flags & HC_OBJ_ARRAY) && hc_type_size(t) > 0)
				via %= hc_type_size(t);
		}
	} else {
		t = root_of(r, over).type;
	}
	if (t)
		hc_field_path(r->s, t, via, false, field, sizeof(field));
	if (!field[0] || at >= size)
		return at;
	int n = snprintf(buf + at, size - at, "%s%s", field[0] == '[' || field[0] == '.' ? "" : ".", field);
	return n > 0 ? at + (size_t)n : at;
}

/* A root's name without what tells that it is the composite that a variable begins with: the fields say as much. */
static size_t put_root(const struct retainers *r, const struct hc_root *root, char *buf, size_t size)
{
	const char *unnamed = strstr(root->name, " (static)");
	int len = snprintf(buf, size, "%.*s", (int)(unnamed ? unnamed - root->name : (ptrdiff_t)strlen(root->name)), root->name);
	size_t at = len > 0 ? (size_t)len : 0;
	if (root->goroutine < hc_goroutine_count(r->s) && root->kind != HC_ROOT_GOROUTINE && at < size)
		at += (size_t)snprintf(buf + at, size - at, " (goroutine %" PRIu64 ")", hc_goroutine_at(r->s, root->goroutine).id);
	return at;
}

/* "main.server and 3 others", of what is right below several roots. */
static size_t put_holders(const struct retainers *r, const struct retainer *at, char *buf, size_t size)
{
	if (!at->holders)
		return (size_t)snprintf(buf, size, "(several)");
	struct hc_root root = hc_root_at(r->s, at->holder);
	size_t len = put_root(r, &root, buf, size);
	if (at->holders > 1 && len < size)
		len += (size_t)snprintf(buf + len, size - len, " and %" PRIu32 " other%s", at->holders - 1,
		                        at->holders > 2 ? "s" : "");
	return len;
}

void retainers_path(const struct retainers *r, uint32_t index, char *buf, size_t size)
{
	uint32_t steps[MAX_PATH_STEPS];
	size_t n = 0, at = 0;
	uint32_t i = index;
	for (; is_object(&r->found.data[i]) && n < MAX_PATH_STEPS; i = r->found.data[i].over)
		steps[n++] = i;
	const struct retainer *over = &r->found.data[i];
	bool in_region = true; /* a field leads on */
	if (is_object(over)) {
		at = (size_t)snprintf(buf, size, "...");
	} else {
		struct hc_root root = root_of(r, over);
		in_region = root.size > 0;
		if (n > 0 && root.kind <= HC_ROOT_PACKAGE)
			at = put_holders(r, &r->found.data[steps[n - 1]], buf, size);
		else
			at = put_root(r, &root, buf, size);
	}
	while (n > 0) {
		const struct retainer *step = &r->found.data[steps[--n]];
		if (in_region && step->from != over->node && at < size)
			at += (size_t)snprintf(buf + at, size - at, "[]"); /* through a part of the map */
		else if (in_region)
			at = add_field(r, over, step->via, buf, size, at);
		over = step;
		in_region = true;
	}
}

const char *retainers_what(const struct retainers *r, uint32_t index)
{
	static const char *const kinds[HC_ROOT_OTHER + 1] = {
		[HC_ROOT_GLOBAL] = "variable",
		[HC_ROOT_GOROUTINE] = "goroutine",
		[HC_ROOT_FRAME] = "function call",
		[HC_ROOT_LOCAL] = "local variable",
		[HC_ROOT_REGISTERS] = "registers",
		[HC_ROOT_DEFER] = "deferred call",
		[HC_ROOT_FINALIZER] = "finalizer",
		[HC_ROOT_FINQUEUE] = "queued finalizer",
		[HC_ROOT_CLEANUP] = "cleanup",
	};
	const struct retainer *at = &r->found.data[index];
	if (is_object(at))
		return hc_class_at(r->s, at->class).name;
	enum hc_root_kind kind = root_of(r, at).kind;
	return kind <= HC_ROOT_OTHER && kinds[kind] ? kinds[kind] : "root";
}
