/* SPDX-License-Identifier: MIT */
#include "writers/hprof_layout.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "writers/hprof_names.h"
#include "writers/hprof_record.h"

enum {
	MAX_PLACES = 4096,
	MAX_PAYLOAD = 16 << 10, /* readers map files in windows that overlap by 32 KB: half of that, for superclasses and pads */
	MAX_ELEMENTS = 64,      /* of an array inside a value; beyond, only its references */
	MAX_NESTING = 32,
	MAX_STEPS = 1 << 20,    /* structs and array elements looked at for one layout */
};

/* A struct or array whose parts are being flattened. */
struct level {
	const struct hc_type *t;
	uint64_t offset, i, n;
	size_t path;      /* length of its name */
	bool refs_only;
	bool entries;     /* an array whose elements are the entries of a map group */
	uint8_t guard;
	const char *entry; /* entries: what each element is ("key", "elem"), NULL: a struct of both */
	uint64_t since;   /* refs_only: from this part on */
	uint32_t before;  /* places when the current part began */
};

struct hc_error *layouts_init(struct layouts *l, const struct hc_snapshot *s, bool raw_strings)
{
	memset(l, 0, sizeof(*l));
	l->s = s;
	l->raw_strings = raw_strings;
	l->word = hc_snapshot_info(s)->pointer_size;
	l->by_type = calloc((size_t)hc_type_count(s) + 1, sizeof(*l->by_type));
	l->scratch = malloc(MAX_PLACES * sizeof(*l->scratch));
	if (l->by_type && l->scratch)
		return NULL;
	layouts_deinit(l);
	return err_nomem();
}

void layouts_deinit(struct layouts *l)
{
	free(l->by_type);
	free(l->scratch);
	name_free(&l->path);
	arena_free(&l->arena);
	memset(l, 0, sizeof(*l));
}

uint8_t layout_number(enum hc_kind kind, uint64_t size)
{
	if (kind == HC_KIND_BOOL)
		return HPROF_BOOLEAN;
	if (kind == HC_KIND_FLOAT32 || kind == HC_KIND_FLOAT64)
		return size == 4 ? HPROF_FLOAT : HPROF_DOUBLE;
	if (kind < HC_KIND_INT || kind > HC_KIND_UINTPTR)
		return 0;
	switch (size) {
	case 1: return HPROF_BYTE;
	case 2: return HPROF_SHORT;
	case 4: return HPROF_INT;
	default: return HPROF_LONG;
	}
}

bool layout_is_pointer(enum hc_kind kind)
{
	return kind == HC_KIND_PTR || kind == HC_KIND_MAP || kind == HC_KIND_CHAN || kind == HC_KIND_FUNC ||
	       kind == HC_KIND_UNSAFE_POINTER;
}

/* ---- places ---- */

/* A new place under the current path, plus a suffix. */
static void place_add(struct layouts *l, enum place_kind kind, uint8_t type, uint64_t offset, const char *suffix,
                      uint8_t guard)
{
	bool ref = kind == PLACE_REF || kind == PLACE_STRING || kind == PLACE_IFACE;
	uint32_t size = hprof_type_size(type);
	if (l->failed || offset > UINT32_MAX)
		return;
	if (l->len == MAX_PLACES || l->payload + size > (ref ? 2 * MAX_PAYLOAD - 1024 : MAX_PAYLOAD)) {
		l->full |= ref;
		return;
	}
	char *name = arena_alloc(&l->arena, l->path.len + strlen(suffix) + 1);
	if (!name) {
		l->failed = true;
		return;
	}
	memcpy(name, l->path.text, l->path.len);
	memcpy(name + l->path.len, suffix, strlen(suffix) + 1);
	l->scratch[l->len++] = (struct place){.offset = (uint32_t)offset, .kind = (uint8_t)kind, .type = type, .guard = guard,
	                                      .name = name};
	l->payload += size;
	l->refs += ref;
}

/* A type without parts that are known: its pointers, and its other words as numbers. */
static void opaque_add(struct layouts *l, const struct hc_type *t, uint64_t offset, const struct level *in)
{
	uint64_t size = hc_type_size(t), words = size / l->word;
	for (uint64_t i = 0; i < words && i < MAX_STEPS && !l->full && !l->failed; i++) {
		char name[32];
		bool ref = hc_type_is_pointer_at(l->s, t, i * l->word);
		snprintf(name, sizeof(name), "$w%llu", (unsigned long long)(i * l->word));
		if (ref)
			place_add(l, PLACE_REF, HPROF_OBJECT, offset + i * l->word, name, in->guard);
		else if (!in->refs_only && i < MAX_ELEMENTS)
			place_add(l, PLACE_COPY, l->word == 8 ? HPROF_LONG : HPROF_INT, offset + i * l->word, name, in->guard);
	}
}

static void leaf_add(struct layouts *l, const struct hc_type *t, uint64_t offset, const struct level *in)
{
	enum hc_kind kind = hc_type_kind(t);
	uint64_t size = hc_type_size(t);
	uint8_t number = layout_number(kind, size), guard = in->guard, half;
	bool numbers = !in->refs_only;
	if (number) {
		if (numbers)
			place_add(l, PLACE_COPY, number, offset, "", guard);
	} else if (kind == HC_KIND_COMPLEX64 || kind == HC_KIND_COMPLEX128) {
		half = size == 8 ? HPROF_FLOAT : HPROF_DOUBLE;
		if (numbers) {
			place_add(l, PLACE_COPY, half, offset, "$re", guard);
			place_add(l, PLACE_COPY, half, offset + size / 2, "$im", guard);
		}
	} else if (layout_is_pointer(kind)) {
		const struct hc_type *elem = kind == HC_KIND_PTR ? hc_type_elem(l->s, t) : NULL;
		place_add(l, PLACE_REF, HPROF_OBJECT, offset, "", guard);
		if (elem && hc_type_size(elem) == 0 && l->len)
			l->scratch[l->len - 1].flags |= PLACE_ZERO_SIZE;
	} else if (kind == HC_KIND_STRING) {
		place_add(l, l->raw_strings ? PLACE_REF : PLACE_STRING, HPROF_OBJECT, offset, "", guard);
		if (l->raw_strings && numbers)
			place_add(l, PLACE_LEN, HPROF_INT, offset + l->word, "$len", guard);
	} else if (kind == HC_KIND_SLICE) {
		place_add(l, PLACE_REF, HPROF_OBJECT, offset, "", guard);
		if (numbers) {
			place_add(l, PLACE_LEN, HPROF_INT, offset + l->word, "$len", guard);
			place_add(l, PLACE_LEN, HPROF_INT, offset + 2 * l->word, "$cap", guard);
		}
	} else if (kind == HC_KIND_INTERFACE) {
		uint32_t before = l->len;
		place_add(l, PLACE_IFACE, HPROF_OBJECT, offset, "", guard);
		if (l->len > before)
			l->scratch[before].go_type = hc_type_number(l->s, t);
	} else {
		opaque_add(l, t, offset, in);
	}
}

/* ---- map storage ---- */

/* How the first 8 bytes of a value tell the entries of a map that exist from those that do not. */
static enum layout_guard guard_of(const struct layouts *l, const struct hc_type *t)
{
	if (hc_type_kind(t) != HC_KIND_STRUCT || hc_type_field_count(t) < 2)
		return GUARD_NONE;
	struct hc_field first = hc_type_field_at(l->s, t, 0), second = hc_type_field_at(l->s, t, 1);
	if (!first.type || !second.type || first.offset != 0 || hc_type_size(first.type) != 8 || second.offset < 8 ||
	    hc_type_kind(second.type) != HC_KIND_ARRAY || hc_type_len(second.type) != 8)
		return GUARD_NONE;
	/* Go 1.24: {ctrl, slots} (or {ctrl, keys, elems}, GOEXPERIMENT=mapsplitgroup); before: {tophash, keys, values, overflow} */
	if (strcmp(first.name, "ctrl") == 0)
		return GUARD_CTRL;
	return strcmp(first.name, "tophash") == 0 ? GUARD_TOPHASH : GUARD_NONE;
}

/* ---- the walk ---- */

static bool path_set(struct layouts *l, size_t len, const char *name)
{
	l->path.len = len;
	return hprof_text_puts(&l->path, "$") && hprof_field_put(&l->path, name);
}

/* Names part i of a level, and says where and of which type it is. False: it has no type. */
static bool part_at(struct layouts *l, struct level *in, const struct hc_type **t, uint64_t *offset)
{
	char index[32];
	if (hc_type_kind(in->t) == HC_KIND_STRUCT) {
		struct hc_field f = hc_type_field_at(l->s, in->t, (uint32_t)in->i);
		if (strcmp(f.name, "_") == 0) {
			snprintf(index, sizeof(index), "_blank%llu", (unsigned long long)in->i);
			f.name = index;
		}
		*t = f.type;
		*offset = in->offset + f.offset;
		l->failed |= !path_set(l, in->path, f.name);
		return *t != NULL;
	}
	*t = hc_type_elem(l->s, in->t);
	if (!*t)
		return false;
	*offset = in->offset + in->i * hc_type_size(*t);
	snprintf(index, sizeof(index), "_%llu", (unsigned long long)in->i);
	l->failed |= !path_set(l, in->path, index);
	if (in->entries) {
		in->guard = (uint8_t)(in->i + 1);
		if (in->entry)
			l->failed |= !path_set(l, l->path.len, in->entry);
	}
	/* Past the limit the elements are worth their references only; an element without any ends the array. */
	if (in->refs_only && in->i > in->since && l->len == in->before)
		in->i = in->n;
	if (!in->refs_only && in->i >= MAX_ELEMENTS) {
		in->refs_only = true;
		in->since = in->i;
	}
	in->before = l->len;
	return in->i < in->n;
}

static struct level level_of(const struct layouts *l, const struct hc_type *t, uint64_t offset, const struct level *in)
{
	struct level v = {.t = t, .offset = offset, .path = l->path.len};
	v.n = hc_type_kind(t) == HC_KIND_ARRAY ? hc_type_len(t) : hc_type_field_count(t);
	if (in) {
		v.refs_only = in->refs_only;
		v.guard = in->guard;
	}
	return v;
}

static bool has_parts(const struct hc_type *t)
{
	enum hc_kind kind = hc_type_kind(t);
	return (kind == HC_KIND_STRUCT && hc_type_field_count(t) > 0) || kind == HC_KIND_ARRAY;
}

/* The arrays of a map group lose their own names: "_3$key" rather than "slots$_3$key". */
static void mark_entries(struct layouts *l, struct level *v, const struct level *in, const char *field)
{
	if (hc_type_kind(v->t) != HC_KIND_ARRAY || v->n != 8 || in->i == 0)
		return;
	v->entries = true;
	v->path = 0;
	v->entry = strcmp(field, "slots") == 0 ? NULL : strcmp(field, "keys") == 0 ? "key" : "elem";
	l->path.len = 0;
}

static void flatten(struct layouts *l, const struct hc_type *root, enum layout_guard guard)
{
	struct level stack[MAX_NESTING];
	unsigned depth = 0;
	l->path.len = 0;
	l->len = l->refs = l->payload = 0;
	l->full = false;
	struct level none = {0};
	if (!has_parts(root)) {
		l->failed |= !hprof_text_put(&l->path, "", 0);
		leaf_add(l, root, 0, &none);
		return;
	}
	stack[depth++] = level_of(l, root, 0, NULL);
	for (uint32_t steps = 0; depth && !l->failed && !l->full && steps < MAX_STEPS; steps++) {
		struct level *in = &stack[depth - 1];
		const struct hc_type *t;
		uint64_t offset;
		if (in->i >= in->n) {
			depth--;
			continue;
		}
		bool ok = part_at(l, in, &t, &offset);
		if (ok && guard && depth == 1 && in->i == 0) {
			place_add(l, PLACE_COPY, HPROF_LONG, 0, "", 0);
		} else if (ok && has_parts(t) && depth < MAX_NESTING) {
			stack[depth] = level_of(l, t, offset, in);
			if (guard && depth == 1)
				mark_entries(l, &stack[depth], in, hc_type_field_at(l->s, root, (uint32_t)in->i).name);
			depth++;
		} else if (ok) {
			leaf_add(l, t, offset, in);
		}
		in->i++;
	}
}

const struct layout *layout_of(struct layouts *l, const struct hc_type *t)
{
	uint32_t number = hc_type_number(l->s, t);
	if (number >= hc_type_count(l->s))
		return NULL;
	if (l->by_type[number])
		return l->by_type[number];
	enum layout_guard guard = guard_of(l, t);
	flatten(l, t, guard);
	struct layout *made = arena_alloc(&l->arena, sizeof(*made));
	struct place *places = arena_alloc(&l->arena, l->len * sizeof(*places) + 1);
	if (!made || !places || l->failed)
		return NULL;
	memcpy(places, l->scratch, l->len * sizeof(*places));
	*made = (struct layout){.places = places, .n = l->len, .payload = l->payload, .refs = l->refs, .size = hc_type_size(t),
	                        .guard = (uint8_t)guard, .is_struct = has_parts(t), .words = l->full};
	l->by_type[number] = made;
	return made;
}
