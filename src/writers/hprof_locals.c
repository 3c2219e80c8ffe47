/* SPDX-License-Identifier: MIT */
/*
 * What goroutines hold on their stacks. References are Java frame roots, so that readers show them under the frame, and let
 * the goroutine dominate them. Frames whose variables have names get an object "F (locals)" with them.
 */
#include "base/err.h"
#include "writers/hprof.h"
#include "writers/hprof_names.h"

enum { LOCALS_PAYLOAD = 16 << 10 };

/* The place of a frame's variable in the trace: that of the inlined function which it belongs to, by its name. */
static uint32_t frame_of_local(struct hprof *h, const struct hc_goroutine *g, const struct hc_root *r)
{
	if (r->frame == HC_NO_INDEX || r->frame - g->first_frame >= g->frame_count)
		return UINT32_MAX;
	uint32_t at = h->frame_place[r->frame];
	const struct call_run *run = hprof_run_of(h, r->frame, r->frame == g->first_frame);
	for (uint32_t i = 0; run && i < run->n; i++) {
		const char *fn = h->calls.data[run->first + i].function;
		size_t len = strlen(fn);
		if (i + 1 == run->n || (strncmp(r->name, fn, len) == 0 && r->name[len] == '.'))
			return at + i;
	}
	return at;
}

/* Variables of known type with a place in memory become fields of an object for the frame. */
static const struct layout *local_layout(struct hprof *h, const struct hc_root *r)
{
	if (r->kind != HC_ROOT_LOCAL || r->conservative || !r->type || !r->addr || hc_type_size(r->type) != r->size)
		return NULL;
	const struct layout *l = layout_of(&h->layouts, r->type);
	h->failed |= !l;
	return l && !l->words && l->n && l->payload <= LOCALS_PAYLOAD / 4 ? l : NULL;
}

/* "head" of "main.worker.head"; a captured variable "&x" is named like one of the others. */
static const char *local_name(const struct hc_root *r)
{
	const char *dot = strrchr(r->name, '.');
	return dot ? dot + 1 : r->name;
}

/* The fields of a frame's object, in the order of its variables. */
struct local_fields {
	VEC(struct fixed_field) fields;
	struct name key; /* text that equal lists have in common */
	uint32_t payload;
};

static void add_local_fields(struct hprof *h, struct local_fields *f, const struct hc_root *r, const struct layout *l)
{
	struct name *n = &h->scratch;
	for (uint32_t i = 0; i < l->n && !h->failed; i++) {
		n->len = 0;
		bool ok = hprof_field_put(n, local_name(r)) && hprof_text_puts(n, l->places[i].name);
		if (ok && hprof_field_reserved(n->text))
			ok = hprof_text_puts(n, "_");
		char *name = ok ? arena_strndup(&h->layouts.arena, n->text, n->len) : NULL;
		struct fixed_field field = {name, l->places[i].type};
		h->failed |= !name || !vec_push(&f->fields, field);
	}
	f->payload += l->payload;
}

/* Adds what tells this list of variables from others: names and types. */
static void add_local_key(struct hprof *h, struct local_fields *f, const struct hc_root *r)
{
	h->failed |= !hprof_text_puts(&f->key, "\n") || !hprof_text_puts(&f->key, local_name(r)) ||
	             !hprof_text_printf(&f->key, " %u", hc_type_number(h->s, r->type));
}

/* The variables of a frame that become fields, in order. */
static uint32_t next_named(struct hprof *h, uint32_t root, uint32_t *payload, struct hc_root *r, const struct layout **l)
{
	for (; root; root = h->next_local[root - 1]) {
		*r = hc_root_at(h->s, root - 1);
		*l = local_layout(h, r);
		if (*l && *payload + (*l)->payload <= LOCALS_PAYLOAD) {
			*payload += (*l)->payload;
			return root;
		}
	}
	return 0;
}

static uint32_t locals_class(struct hprof *h, uint32_t frame)
{
	struct local_fields f = {0};
	struct hc_root r;
	const struct layout *l;
	uint32_t payload = 0, id, class = 0, first = h->frame_local[frame];
	h->failed |= !hprof_text_puts(&f.key, hc_frame_at(h->s, frame).function);
	for (uint32_t at = next_named(h, first, &payload, &r, &l); at && !h->failed;
	     at = next_named(h, h->next_local[at - 1], &payload, &r, &l))
		add_local_key(h, &f, &r);
	if (payload && !h->failed && strtab_add(&h->class_texts, f.key.text, f.key.len, &id)) {
		if (id < h->class_of_text.len) {
			class = h->class_of_text.data[id];
		} else {
			payload = 0;
			for (uint32_t at = next_named(h, first, &payload, &r, &l); at && !h->failed;
			     at = next_named(h, h->next_local[at - 1], &payload, &r, &l))
				add_local_fields(h, &f, &r, l);
			struct hprof_class c = {.super = KNOWN_METHOD, .size = 1, .nfixed = (uint32_t)f.fields.len};
			struct fixed_field *kept = arena_alloc(&h->layouts.arena, f.fields.len * sizeof(*kept) + 1);
			if (kept && f.fields.len)
				memcpy(kept, f.fields.data, f.fields.len * sizeof(*kept));
			c.fixed = kept;
			h->failed |= !kept || !hprof_class_name(&h->scratch, hc_frame_at(h->s, frame).function) ||
			             !hprof_text_puts(&h->scratch, " (locals)");
			if (!h->failed)
				class = hprof_class_add(h, c, h->scratch.text);
			h->failed |= !vec_push(&h->class_of_text, class);
		}
	} else if (payload) {
		h->failed = true;
	}
	vec_free(&f.fields);
	name_free(&f.key);
	return class;
}

/* Chains the locals of each frame, in the order of the roots. */
struct hc_error *hprof_chain_locals(struct hprof *h)
{
	uint32_t nroots = hc_root_count(h->s), nframes = 0, limit = hc_object_limit(h->s);
	for (uint32_t i = 0; i < hc_goroutine_count(h->s); i++) {
		struct hc_goroutine g = hc_goroutine_at(h->s, i);
		if (g.frame_count && g.first_frame + g.frame_count > nframes)
			nframes = g.first_frame + g.frame_count;
	}
	h->nframes = nframes;
	h->next_local = calloc((size_t)nroots + 1, sizeof(*h->next_local));
	h->frame_local = calloc((size_t)nframes + 1, sizeof(*h->frame_local));
	h->frame_class = calloc((size_t)nframes + 1, sizeof(*h->frame_class));
	h->frame_place = calloc((size_t)nframes + 1, sizeof(*h->frame_place));
	if (!h->next_local || !h->frame_local || !h->frame_class || !h->frame_place)
		return err_nomem();
	for (uint32_t i = nroots; i-- > 0;) {
		struct hc_root r = hc_root_at(h->s, i);
		if (r.kind != HC_ROOT_LOCAL || r.frame >= nframes || r.node != limit + i)
			continue;
		h->next_local[i] = h->frame_local[r.frame];
		h->frame_local[r.frame] = i + 1;
	}
	return NULL;
}

void hprof_local_classes(struct hprof *h)
{
	for (uint32_t i = 0; i < h->nframes && !h->failed && !h->job->opts.hprof_bare_locals; i++)
		if (h->frame_local[i])
			h->frame_class[i] = locals_class(h, i);
}

/* ---- roots ---- */

static void put_local_roots(struct hprof *h, const struct hc_root *r, uint32_t serial, uint32_t at)
{
	struct hc_edge_iter it;
	struct hc_edge e;
	hc_edges(h->s, r->node, &it);
	while (hc_edge_next(&it, &e))
		if (e.target < hc_object_limit(h->s))
			hprof_root_java_frame(&h->out, hc_node_addr(h->s, e.target), serial, at);
}

static bool on_stack(enum hc_root_kind kind)
{
	return kind == HC_ROOT_LOCAL || kind == HC_ROOT_REGISTERS || kind == HC_ROOT_DEFER || kind == HC_ROOT_PANIC;
}

struct hc_error *hprof_thread_roots(struct hprof *h)
{
	uint32_t n = hc_goroutine_count(h->s), *serial = calloc((size_t)n + 1, sizeof(*serial));
	if (!serial)
		return err_nomem();
	for (uint32_t i = 0; i < h->threads.len; i++) {
		const struct hprof_thread *t = &h->threads.data[i];
		hprof_root_thread(&h->out, t->id, i + 1, i + 1);
		serial[t->goroutine] = i + 1;
	}
	for (uint32_t i = 0; i < hc_root_count(h->s) && !h->failed; i++) {
		struct hc_root r = hc_root_at(h->s, i);
		if (!on_stack(r.kind) || r.goroutine >= n || !serial[r.goroutine])
			continue;
		struct hc_goroutine g = hc_goroutine_at(h->s, r.goroutine);
		uint32_t at = frame_of_local(h, &g, &r);
		bool named = r.kind == HC_ROOT_LOCAL && r.frame < h->nframes && h->frame_class[r.frame];
		if (named && h->frame_local[r.frame] == i + 1)
			hprof_root_java_frame(&h->out, HPROF_ID_LOCALS + 8 * ((uint64_t)r.frame + 1), serial[r.goroutine], at);
		put_local_roots(h, &r, serial[r.goroutine], at);
	}
	free(serial);
	return h->failed ? err_nomem() : NULL;
}

/* ---- objects ---- */

static void put_locals(struct hprof *h, uint32_t frame)
{
	uint32_t class = h->frame_class[frame], payload = 0;
	uint64_t lost = h->totals.lost_refs;
	struct hc_root r;
	const struct layout *l;
	uint8_t *p = hprof_instance(h, HPROF_ID_LOCALS + 8 * ((uint64_t)frame + 1), class);
	for (uint32_t at = next_named(h, h->frame_local[frame], &payload, &r, &l); at;
	     at = next_named(h, h->next_local[at - 1], &payload, &r, &l)) {
		struct source src;
		source_begin(&src, h, r.node, true);
		if (r.size <= HPROF_SEGMENT_MAX && hc_read_memory(h->s, r.addr, h->buf, (size_t)r.size)) {
			src.data = h->buf;
			src.size = r.size;
		}
		p = hprof_put_values(h, &src, l, 0, 1, p);
	}
	h->totals.lost_refs = lost; /* they are roots besides */
	hprof_count_instance(h, class, true);
	hprof_flush_pool(h);
}

void hprof_put_locals(struct hprof *h)
{
	for (uint32_t i = 0; i < h->nframes && !h->failed; i++)
		if (h->frame_class[i])
			put_locals(h, i);
}
