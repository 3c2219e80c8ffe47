/* SPDX-License-Identifier: MIT */
#include "writers/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "writers/csv.h"

/* Words that labels are made of beforehand, in a class and in all: a heap has few classes that are larger. */
enum { CLASS_WORDS = 8192, ALL_WORDS = 1 << 20, PATH_MAX_LEN = 512, NESTED_MAX = 32 };

const char *const edge_kinds[EDGE_ROOT + 1] = {
	[EDGE_FIELD] = "field",   [EDGE_ELEM] = "elem",     [EDGE_MAPKEY] = "mapkey", [EDGE_MAPVAL] = "mapval",
	[EDGE_IFACE] = "iface",   [EDGE_CHAN] = "chan",     [EDGE_CLOSURE] = "closure", [EDGE_LOCAL] = "local",
	[EDGE_GLOBAL] = "global", [EDGE_SPECIAL] = "special", [EDGE_ROOT] = "root",
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* Is the pointer at this offset the value of an interface? */
static bool in_interface(const struct hc_snapshot *s, const struct hc_type *t, uint64_t offset)
{
	for (int depth = 0; t && depth < NESTED_MAX; depth++) {
		enum hc_kind kind = hc_type_kind(t);
		if (kind == HC_KIND_INTERFACE)
			return true;
		if (kind == HC_KIND_ARRAY) {
			t = hc_type_elem(s, t);
			if (t && hc_type_size(t))
				offset %= hc_type_size(t);
			continue;
		}
		if (kind != HC_KIND_STRUCT)
			return false;
		struct hc_field in = {.type = NULL};
		for (uint32_t lo = 0, hi = hc_type_field_count(t); lo < hi;) {
			uint32_t mid = lo + (hi - lo) / 2;
			struct hc_field f = hc_type_field_at(s, t, mid);
			if (f.offset <= offset) {
				in = f;
				lo = mid + 1;
			} else {
				hi = mid;
			}
		}
		t = in.type;
		offset -= in.type ? in.offset : 0;
	}
	return false;
}

/* Groups have slots of key and elem (or keys and elems), buckets keys and values. */
static uint8_t map_kind(const char *path, uint8_t other)
{
	if (starts_with(path, "slots[].key") || starts_with(path, "keys"))
		return EDGE_MAPKEY;
	if (starts_with(path, "slots[].elem") || starts_with(path, "elems") || starts_with(path, "values"))
		return EDGE_MAPVAL;
	return other;
}

bool labels_make(const struct labels *l, uint32_t class, uint64_t offset, struct name *scratch, struct edge_label *ret)
{
	const struct class_labels *c = &l->class[class < l->count ? class : l->count];
	char path[PATH_MAX_LEN] = "", whole[PATH_MAX_LEN + 4];
	uint64_t at = c->array && c->size ? offset % c->size : offset;
	ret->kind = c->kind;
	if (c->type) {
		hc_field_path(l->s, c->type, at, false, path, sizeof(path));
		if (c->map)
			ret->kind = map_kind(path, ret->kind);
		else if (c->kind <= EDGE_ELEM && in_interface(l->s, c->type, at))
			ret->kind = EDGE_IFACE;
	}
	const char *elem = !c->array ? "" : path[0] && path[0] != '[' ? "[]." : "[]";
	snprintf(whole, sizeof(whole), "%s%s", elem, path);
	if (!csv_cell(scratch, whole))
		return false;
	ret->text = scratch->text;
	ret->len = (uint32_t)scratch->len;
	return true;
}

bool labels_of_root(const struct hc_snapshot *s, const struct hc_root *root, uint64_t offset, struct name *scratch,
                    struct edge_label *ret)
{
	char path[PATH_MAX_LEN] = "";
	if (root->type && offset < root->size)
		hc_field_path(s, root->type, offset, false, path, sizeof(path));
	switch (root->kind) {
	case HC_ROOT_GLOBAL: ret->kind = EDGE_GLOBAL; break;
	case HC_ROOT_GOROUTINE:
	case HC_ROOT_FRAME:
	case HC_ROOT_LOCAL:
	case HC_ROOT_REGISTERS:
	case HC_ROOT_DEFER:
	case HC_ROOT_PANIC: ret->kind = EDGE_LOCAL; break;
	case HC_ROOT_ALL:
	case HC_ROOT_GROUP:
	case HC_ROOT_PACKAGE:
	case HC_ROOT_FINALIZER:
	case HC_ROOT_FINQUEUE:
	case HC_ROOT_CLEANUP:
	case HC_ROOT_WEAKHANDLE:
	case HC_ROOT_OTHER: ret->kind = EDGE_SPECIAL; break;
	}
	if (!csv_cell(scratch, path))
		return false;
	ret->text = scratch->text;
	ret->len = (uint32_t)scratch->len;
	return true;
}

static void describe(struct labels *l, uint32_t i, struct class_labels *c)
{
	struct hc_class class = hc_class_at(l->s, i);
	c->type = class.type;
	c->array = class.array;
	c->size = class.type ? hc_type_size(class.type) : 0;
	c->kind = class.array ? EDGE_ELEM : EDGE_FIELD;
	c->map = ends_with(class.name, " (group)") || ends_with(class.name, " (groups)") ||
	         ends_with(class.name, " (bucket)") || ends_with(class.name, " (buckets)");
	if (ends_with(class.name, " (closure)"))
		c->kind = EDGE_CLOSURE;
	else if (starts_with(class.name, "chan "))
		c->kind = EDGE_CHAN;
}

static bool fill(struct labels *l, uint32_t i, struct class_labels *c)
{
	struct name scratch = {0};
	uint64_t words = c->size >> l->word;
	struct edge_label *word = calloc((size_t)words, sizeof(*word));
	bool ok = word != NULL;
	for (uint64_t w = 0; ok && w < words; w++) {
		if (!hc_type_is_pointer_at(l->s, c->type, w << l->word))
			continue;
		ok = labels_make(l, i, w << l->word, &scratch, &word[w]);
		if (ok)
			word[w].text = arena_strndup(&l->arena, scratch.text, scratch.len);
		ok = ok && word[w].text;
	}
	name_free(&scratch);
	c->word = word;
	c->words = words;
	return ok;
}

struct hc_error *labels_init(struct labels *l, const struct hc_snapshot *s)
{
	*l = (struct labels){.s = s, .count = hc_class_count(s), .word = hc_snapshot_info(s)->pointer_size == 4 ? 2 : 3};
	l->class = calloc((size_t)l->count + 1, sizeof(*l->class)); /* one more, untyped, for what should not be */
	uint64_t budget = ALL_WORDS;
	bool ok = l->class != NULL;
	for (uint32_t i = 0; ok && i < l->count; i++) {
		struct class_labels *c = &l->class[i];
		describe(l, i, c);
		uint64_t words = c->size >> l->word;
		if (!words || words > CLASS_WORDS || words > budget)
			continue;
		budget -= words;
		ok = fill(l, i, c);
	}
	if (ok)
		return NULL;
	labels_deinit(l);
	return err_nomem();
}

void labels_deinit(struct labels *l)
{
	for (uint32_t i = 0; l->class && i < l->count; i++)
		free(l->class[i].word);
	free(l->class);
	l->class = NULL;
	arena_free(&l->arena);
}
