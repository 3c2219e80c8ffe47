/* SPDX-License-Identifier: MIT */
#include "writers/listing_rows.h"

#include <string.h>

/* Beyond these, structs are no longer opened up: nested ones could make a line count explode. */
enum { OPEN_MAX_FIELDS = 64, OPEN_MAX_LINES = 4096 };

bool rows_has_fields(const struct hc_type *t)
{
	return hc_type_kind(t) == HC_KIND_STRUCT && hc_type_field_count(t) > 0;
}

void rows_begin(struct rows *r, const struct hc_snapshot *s, const struct hc_type *t, uint64_t wanted)
{
	memset(r, 0, sizeof(*r));
	r->s = s;
	r->type = t;
	r->at[0].wanted = wanted;
}

/* The anonymous struct that the field's type is, or is an array of; NULL: neither. */
static const struct hc_type *anonymous_struct(const struct rows *r, const struct hc_type *t)
{
	for (int i = 0; t && i < 3 && hc_type_kind(t) == HC_KIND_ARRAY; i++)
		t = hc_type_elem(r->s, t);
	if (!t || !rows_has_fields(t) || hc_type_field_count(t) > OPEN_MAX_FIELDS)
		return NULL;
	const char *name = hc_type_name(t);
	if (strncmp(name, "noalg.", 6) == 0) /* how the compiler marks map groups that need no hash function */
		name += 6;
	return strncmp(name, "struct {", 8) == 0 ? t : NULL;
}

static void enter(struct rows *r, const struct hc_type *t, uint64_t base, uint64_t wanted)
{
	r->at[r->depth].type = t;
	r->at[r->depth].next = 0;
	r->at[r->depth].count = hc_type_field_count(t);
	r->at[r->depth].base = base;
	r->at[r->depth].wanted = wanted;
	r->depth++;
}

static void field_row(struct rows *r, struct row *ret)
{
	unsigned level = r->depth - 1;
	struct hc_field f = hc_type_field_at(r->s, r->at[level].type, r->at[level].next++);
	uint64_t wanted = r->at[level].wanted, size = f.type ? hc_type_size(f.type) : 0;
	*ret = (struct row){.kind = ROW_FIELD, .level = level, .field = f};
	ret->covers = wanted != HC_VIA_SEVERAL && wanted >= f.offset && wanted - f.offset < size;
	ret->field.offset += r->at[level].base;
	r->line++;
	const struct hc_type *inner = f.type ? anonymous_struct(r, f.type) : NULL;
	if (!inner || r->depth == ROW_LEVELS || r->line > OPEN_MAX_LINES)
		return;
	ret->kind = ROW_OPEN;
	uint64_t elem = hc_type_size(inner);
	enter(r, inner, ret->field.offset, ret->covers && elem ? (wanted - f.offset) % elem : HC_VIA_SEVERAL);
}

bool rows_next(struct rows *r, struct row *ret)
{
	if (r->ended)
		return false;
	if (!r->started) {
		r->started = true;
		r->line++;
		*ret = (struct row){.kind = ROW_HEAD};
		if (rows_has_fields(r->type))
			enter(r, r->type, 0, r->at[0].wanted);
		else
			r->ended = true;
		return true;
	}
	if (r->depth && r->at[r->depth - 1].next < r->at[r->depth - 1].count) {
		field_row(r, ret);
		return true;
	}
	if (r->depth > 1) {
		*ret = (struct row){.kind = ROW_CLOSE, .level = --r->depth - 1};
		r->line++;
		return true;
	}
	r->depth = 0;
	r->ended = r->several;
	*ret = (struct row){.kind = r->several ? ROW_END : ROW_SEVERAL};
	r->line += r->several ? 2 : 1;
	r->several = true;
	return true;
}
