/* SPDX-License-Identifier: MIT */
#include "writers/roots.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

enum { MAX_INLINED = 64, MAX_PARENTS = 16 };

struct hc_error *roots_init(struct roots *r, const struct hc_snapshot *s, struct stacks *st, struct listing *listing)
{
	*r = (struct roots){.s = s, .st = st, .listing = listing, .count = hc_root_count(s)};
	for (uint32_t i = 0, n = hc_goroutine_count(s); i < n; i++) {
		struct hc_goroutine g = hc_goroutine_at(s, i);
		if (g.frame_count && g.first_frame + g.frame_count > r->frames)
			r->frames = g.first_frame + g.frame_count;
	}
	r->node = calloc((size_t)r->count + 1, sizeof(*r->node));
	r->holds = calloc((size_t)r->count + 1, sizeof(*r->holds));
	r->frame = calloc((size_t)r->frames + 1, sizeof(*r->frame));
	if (!r->node || !r->holds || !r->frame || !vec_push(&r->call_places, 0)) {
		roots_deinit(r);
		return err_nomem();
	}
	uint32_t first = hc_object_limit(s);
	for (uint32_t i = 0; i < r->count; i++) {
		struct hc_root root = hc_root_at(s, i);
		if (root.parent != HC_NODE_NONE && root.parent - first < r->count)
			r->holds[root.parent - first] = (uint8_t)root.kind;
	}
	return NULL;
}

void roots_deinit(struct roots *r)
{
	free(r->node);
	free(r->holds);
	free(r->frame);
	map_free(&r->calls);
	vec_free(&r->call_places);
}

static uint32_t place_in(struct roots *r, const char *name, const char *file, int line)
{
	struct frames *f = &r->st->frames;
	if (!r->listing)
		return frames_place(f, frames_function(f, name, ""), 0);
	return frames_place(f, frames_function(f, name, file), line > 0 ? (uint32_t)line : 0);
}

static uint32_t push_named(struct roots *r, uint32_t node, const char *name)
{
	return stacks_push(r->st, node, frames_named(&r->st->frames, name));
}

/*
 * The functions at a frame's pc as places, outermost first; looked up once per pc, for thousands of goroutines that
 * wait at the same one. None for runtime.goexit, at the bottom of every stack: Go's own profiles leave it out as well.
 * Returns the start of a run in call_places.
 */
static uint32_t places_of_pc(struct roots *r, uint32_t frame, const struct hc_frame *f)
{
	uint32_t at;
	if (map_get(&r->calls, f->pc, &at))
		return at;
	struct hc_line line[MAX_INLINED];
	size_t n = hc_frame_lines(r->s, frame, line, MAX_INLINED);
	at = (uint32_t)r->call_places.len;
	bool ok = true, goexit = strcmp(f->function, "runtime.goexit") == 0;
	while (ok && !goexit && n-- > 0)
		ok = vec_push(&r->call_places, place_in(r, line[n].function, line[n].file, line[n].line));
	if (ok && !goexit && r->call_places.len == at)
		ok = vec_push(&r->call_places, place_in(r, *f->function ? f->function : "(unknown function)", "", 0));
	if (!ok || !vec_push(&r->call_places, 0) || !map_put(&r->calls, f->pc, at)) {
		r->st->failed = true;
		return 0;
	}
	return at;
}

static uint32_t push_frame(struct roots *r, uint32_t node, uint32_t frame)
{
	struct hc_frame f = hc_frame_at(r->s, frame);
	for (uint32_t at = places_of_pc(r, frame, &f); r->call_places.data[at]; at++)
		node = stacks_push(r->st, node, r->call_places.data[at]);
	return node;
}

/* As runtime.elideWrapperCalling: a wrapper says something only where the panic is its own. */
static bool is_elided(const struct hc_frame *f, const char *callee)
{
	return f->wrapper && strcmp(callee, "runtime.gopanic") != 0 && strcmp(callee, "runtime.sigpanic") != 0 &&
	       strcmp(callee, "runtime.panicwrap") != 0;
}

uint32_t roots_call_stack(struct roots *r, uint32_t base, const struct hc_goroutine *g)
{
	if (!g->frame_count)
		return stacks_end(r->st, base, frames_named(&r->st->frames, "(no frames)"));
	struct hc_frame f;
	for (uint32_t i = g->frame_count; i-- > 1;) {
		f = hc_frame_at(r->s, g->first_frame + i);
		if (!is_elided(&f, hc_frame_at(r->s, g->first_frame + i - 1).function))
			base = push_frame(r, base, g->first_frame + i);
	}
	f = hc_frame_at(r->s, g->first_frame);
	uint32_t at = places_of_pc(r, g->first_frame, &f);
	for (; r->call_places.data[at] && r->call_places.data[at + 1]; at++)
		base = stacks_push(r->st, base, r->call_places.data[at]);
	return r->call_places.data[at] ? stacks_end(r->st, base, r->call_places.data[at]) : base;
}

/*
 * Fills in the call stacks of all frames of a goroutine: one walk, however many of them hold something. Returns that of
 * the goroutine's first function.
 */
static uint32_t walk_goroutine(struct roots *r, uint32_t base, const struct hc_goroutine *g)
{
	uint32_t node = base, first = base;
	for (uint32_t i = g->frame_count; i-- > 0;) {
		r->frame[g->first_frame + i] = node = push_frame(r, node, g->first_frame + i);
		if (first == base)
			first = node;
	}
	return first;
}

/* The file of the function that a local variable belongs to: the inlined one, or the one that it was inlined into. */
static const char *file_of_local(const struct roots *r, const struct hc_root *root)
{
	struct hc_line line[MAX_INLINED];
	size_t n = hc_frame_lines(r->s, root->frame, line, MAX_INLINED);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(line[i].function);
		if (strncmp(root->name, line[i].function, len) == 0 && root->name[len] == '.')
			return line[i].file;
	}
	return n ? line[n - 1].file : "";
}

static uint32_t push_global(struct roots *r, uint32_t node, const struct hc_root *root)
{
	const char *file = "";
	uint32_t first = hc_object_limit(r->s);
	if (r->listing && root->parent - first < r->count) {
		struct hc_root parent = hc_root_at(r->s, root->parent - first);
		const char *package = parent.kind == HC_ROOT_PACKAGE ? parent.name : "";
		struct hc_error *err = listing_file(r->listing, package, &file);
		if (err) {
			hc_error_free(err);
			r->st->failed = true;
			return 0;
		}
	}
	return stacks_push(r->st, node, place_in(r, root->name, file, 0));
}

/* The stack for what hangs on this root, given that of its parent. */
static uint32_t make(struct roots *r, const struct hc_root *root, uint32_t parent, bool top)
{
	switch (root->kind) {
	case HC_ROOT_ALL:
		return 0;
	case HC_ROOT_GLOBAL:
		return push_global(r, parent, root);
	case HC_ROOT_GOROUTINE: {
		struct hc_goroutine g = {0};
		if (root->goroutine < hc_goroutine_count(r->s))
			g = hc_goroutine_at(r->s, root->goroutine);
		if (!g.frame_count)
			return push_named(r, parent, "(no frames)");
		return walk_goroutine(r, parent, &g);
	}
	case HC_ROOT_FRAME:
		if (root->frame < r->frames && r->frame[root->frame])
			return r->frame[root->frame];
		return push_named(r, parent, root->name);
	case HC_ROOT_LOCAL:
		return stacks_push(r->st, parent, place_in(r, root->name, file_of_local(r, root), (int)root->line));
	case HC_ROOT_PACKAGE: /* the names of variables have it, too */
	case HC_ROOT_FINALIZER:
	case HC_ROOT_FINQUEUE:
	case HC_ROOT_CLEANUP:
	case HC_ROOT_WEAKHANDLE:
	case HC_ROOT_OTHER: /* one per object: their group says what they are */
		return top ? push_named(r, parent, root->name) : parent;
	case HC_ROOT_GROUP:
	case HC_ROOT_REGISTERS:
	case HC_ROOT_DEFER:
	case HC_ROOT_PANIC:
		break;
	}
	return push_named(r, parent, root->name);
}

static uint32_t stack_of(struct roots *r, uint32_t root)
{
	uint32_t chain[MAX_PARENTS], n = 0, first = hc_object_limit(r->s), node = 0;
	for (uint32_t i = root; i && i < r->count && !r->node[i] && n < MAX_PARENTS; n++) {
		chain[n] = i;
		i = hc_root_at(r->s, i).parent - first;
	}
	while (n-- > 0) {
		struct hc_root at = hc_root_at(r->s, chain[n]);
		uint32_t parent = at.parent - first;
		node = make(r, &at, parent < r->count ? r->node[parent] : 0, parent == 0);
		r->node[chain[n]] = node;
	}
	return r->node[root];
}

/* One more frame for what several variables of a package share: "net/http.(several variables)". */
static uint32_t push_several(struct roots *r, uint32_t node, const struct hc_root *package)
{
	char name[512];
	struct hc_root variables = *package;
	snprintf(name, sizeof(name), "%s.(several variables)", package->name);
	variables.name = name;
	variables.parent = package->node;
	return push_global(r, node, &variables);
}

uint32_t roots_stack(struct roots *r, uint32_t root)
{
	if (root == 0)
		return push_named(r, 0, "(shared)");
	if (root >= r->count)
		return 0;
	uint32_t node = stack_of(r, root);
	struct hc_root at = hc_root_at(r->s, root);
	if (at.kind == HC_ROOT_GOROUTINE)
		return push_named(r, node, "(several frames)");
	if (at.kind == HC_ROOT_PACKAGE)
		return push_several(r, node, &at);
	if (at.kind == HC_ROOT_GROUP && r->holds[root] == HC_ROOT_GOROUTINE)
		return push_named(r, node, "(several goroutines)");
	if (at.kind == HC_ROOT_GROUP && (r->holds[root] == HC_ROOT_PACKAGE || r->holds[root] == HC_ROOT_GLOBAL))
		return push_named(r, node, "(several variables)");
	return node;
}
