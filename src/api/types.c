/* SPDX-License-Identifier: MIT */
/* Public accessors of types. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"

uint32_t hc_type_count(const struct hc_snapshot *s)
{
	return s->types ? s->types->n : 0;
}

const struct hc_type *hc_type_at(const struct hc_snapshot *s, uint32_t i)
{
	return api_type(s, i);
}

uint32_t hc_type_number(const struct hc_snapshot *s, const struct hc_type *t)
{
	return api_type_id(s, t);
}

const char *hc_type_name(const struct hc_type *t)
{
	return api_typep(t)->name;
}

const char *hc_type_package(const struct hc_snapshot *s, const struct hc_type *t)
{
	const struct type *ty = api_typep(t);
	for (int depth = 0; depth < 32; depth++) {
		if (ty->pkg && *ty->pkg)
			return ty->pkg;
		if (ty->elem == TYPE_NONE || ty->elem >= s->types->n)
			break;
		ty = &s->types->t[ty->elem];
	}
	return "";
}

enum hc_kind hc_type_kind(const struct hc_type *t)
{
	return (enum hc_kind)api_typep(t)->kind;
}

uint64_t hc_type_size(const struct hc_type *t)
{
	return api_typep(t)->size;
}

const struct hc_type *hc_type_elem(const struct hc_snapshot *s, const struct hc_type *t)
{
	return api_type(s, api_typep(t)->elem);
}

const struct hc_type *hc_type_key(const struct hc_snapshot *s, const struct hc_type *t)
{
	return api_type(s, api_typep(t)->key);
}

uint64_t hc_type_len(const struct hc_type *t)
{
	return api_typep(t)->kind == KIND_ARRAY ? api_typep(t)->count : 0;
}

uint32_t hc_type_field_count(const struct hc_type *t)
{
	return api_typep(t)->nfields;
}

struct hc_field hc_type_field_at(const struct hc_snapshot *s, const struct hc_type *t, uint32_t i)
{
	const struct field *f = &api_typep(t)->fields[i];
	struct hc_field r = {f->name, api_type(s, f->type), f->offset, f->embedded};
	return r;
}

bool hc_type_is_pointer_at(const struct hc_snapshot *s, const struct hc_type *t, uint64_t offset)
{
	return types_word_is_ptr(s->types, api_type_id(s, t), offset / s->proc->word);
}

uint64_t hc_type_scan_bytes(const struct hc_snapshot *s, const struct hc_type *t)
{
	uint64_t bytes = api_typep(t)->ptr_words * s->proc->word;
	return bytes < api_typep(t)->size ? bytes : api_typep(t)->size;
}

bool hc_type_synthetic(const struct hc_type *t)
{
	return api_typep(t)->flags & TYPE_F_SYNTHETIC;
}

/* ---- field paths ---- */

struct path {
	char *buf;
	size_t size, len;
};

static void path_put(struct path *p, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++, p->len++)
		if (p->len + 1 < p->size)
			p->buf[p->len] = text[i];
}

/* The field that holds the byte at offset: the last one that starts at or before it; NULL for padding. */
static const struct field *field_at(const struct types *t, const struct type *ty, uint64_t offset)
{
	uint32_t lo = 0, hi = ty->nfields;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (ty->fields[mid].offset <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Zero-size fields share their offset with the next one, which sorts behind them; skip any at the end. */
	while (lo > 0) {
		const struct field *f = &ty->fields[--lo];
		if (f->type >= t->n)
			return NULL;
		if (offset - f->offset < t->t[f->type].size)
			return f;
		if (t->t[f->type].size)
			return NULL;
	}
	return NULL;
}

size_t hc_field_path(const struct hc_snapshot *s, const struct hc_type *t, uint64_t offset, bool indexes, char *buf,
                     size_t size)
{
	struct path p = {buf, size, 0};
	const struct types *types = s->types;
	uint32_t id = api_type_id(s, t);
	char num[32];
	if (id != TYPE_NONE && types->t[id].size && offset >= types->t[id].size) {
		int n = snprintf(num, sizeof(num), "[%llu]", (unsigned long long)(offset / types->t[id].size));
		path_put(&p, indexes ? num : "[]", indexes ? (size_t)n : 2);
		offset %= types->t[id].size;
	}
	for (int depth = 0; depth < 64 && id != TYPE_NONE && id < types->n; depth++) {
		const struct type *ty = &types->t[id];
		if (ty->kind == KIND_ARRAY && ty->elem < types->n && types->t[ty->elem].size) {
			uint64_t es = types->t[ty->elem].size;
			int n = snprintf(num, sizeof(num), "[%llu]", (unsigned long long)(offset / es));
			path_put(&p, indexes ? num : "[]", indexes ? (size_t)n : 2);
			offset %= es;
			id = ty->elem;
		} else if (ty->kind == KIND_STRUCT) {
			const struct field *f = field_at(types, ty, offset);
			if (!f)
				break;
			if (p.len)
				path_put(&p, ".", 1);
			path_put(&p, f->name, strlen(f->name));
			offset -= f->offset;
			id = f->type;
		} else {
			break;
		}
	}
	if (size)
		buf[p.len < size ? p.len : size - 1] = '\0';
	return p.len;
}
