/* SPDX-License-Identifier: MIT */
/* What an object or variable holds: its fields with their values, entries of maps, elements, what a variable points to. */
#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"
#include "writers/listing_rows.h"
#include "writers/query.h"
#include "writers/text.h"

enum { FIELDS_SHOWN = 60, ELEMENTS_SHOWN = 8, ENTRIES_SHOWN = 8 };

struct fields {
	const struct hc_snapshot *s;
	struct table t;
	uint64_t shown, left;
};

static void put_entries(struct fields *f, const struct hc_type *t, uint64_t map, unsigned indent)
{
	struct hc_map_iter it;
	struct hc_map_entry e;
	char text[QUERY_TEXT], value[256], number[TEXT_NUMBER];
	uint64_t n = 0, len = hc_map_len(f->s, map);
	hc_map_begin(f->s, t, map, &it);
	while (n < ENTRIES_SHOWN && hc_map_next(&it, &e)) {
		char key[96];
		hc_value_text(f->s, hc_type_key(f->s, t), e.key, key, sizeof(key));
		hc_value_text(f->s, hc_type_elem(f->s, t), e.elem, value, sizeof(value));
		snprintf(text, sizeof(text), "%*s[%s]", (int)indent, "", key);
		table_cell(&f->t, "");
		table_cell(&f->t, text);
		table_cell(&f->t, value);
		n++;
	}
	if (n < len && n == ENTRIES_SHOWN) {
		snprintf(text, sizeof(text), "%*s... %s more", (int)indent, "", text_count(number, len - n));
		table_cell(&f->t, "");
		table_cell(&f->t, text);
		table_cell(&f->t, "");
	}
}

static void put_field(struct fields *f, const char *name, const struct hc_type *t, uint64_t base, uint64_t offset,
                      unsigned level)
{
	char text[QUERY_TEXT], value[512], number[32];
	uint64_t map = 0;
	if (f->shown >= FIELDS_SHOWN) {
		f->left++;
		return;
	}
	f->shown++;
	hc_value_text(f->s, t, base + offset, value, sizeof(value));
	snprintf(number, sizeof(number), "+%" PRIu64, offset);
	snprintf(text, sizeof(text), "%*s%.200s %.200s", 2 * (int)level, "", name, t ? hc_type_name(t) : "?");
	table_cell(&f->t, number);
	table_fit(&f->t, text, 44);
	table_cell(&f->t, value);
	if (t && hc_type_kind(t) == HC_KIND_MAP) {
		uint8_t b[8];
		const struct hc_info *info = hc_snapshot_info(f->s);
		if (hc_read_memory(f->s, base + offset, b, info->pointer_size))
			map = load_uint(b, info->pointer_size, info->big_endian);
		if (map)
			put_entries(f, t, map, 2 * (level + 1));
	}
}

/* The fields of a value, of structs in it too; values without fields as a whole. */
static void put_value(struct fields *f, const struct hc_type *t, const char *name, uint64_t base, uint64_t offset)
{
	struct rows rows;
	struct row row;
	if (hc_type_kind(t) != HC_KIND_STRUCT || !hc_type_field_count(t)) {
		put_field(f, name, t, base, offset, 0);
		return;
	}
	if (*name)
		put_field(f, name, t, base, offset, 0);
	rows_begin(&rows, f->s, t, HC_VIA_SEVERAL);
	while (rows_next(&rows, &row))
		if (row.kind == ROW_FIELD || row.kind == ROW_OPEN)
			put_field(f, row.field.name, row.field.type, base, offset + row.field.offset, row.level +
			          (*name ? 1 : 0));
}

/* A variable that is a pointer or slice: what that leads to. */
static void put_behind(struct fields *f, const struct hc_type *t, uint64_t addr)
{
	const struct hc_info *info = hc_snapshot_info(f->s);
	const struct hc_type *elem = hc_type_elem(f->s, t);
	bool slice = hc_type_kind(t) == HC_KIND_SLICE;
	uint64_t words[2] = {0, 1}, each = elem ? hc_type_size(elem) : 0;
	uint8_t b[16];
	char name[32], number[TEXT_NUMBER];
	if ((!slice && hc_type_kind(t) != HC_KIND_PTR) || !each ||
	    !hc_read_memory(f->s, addr, b, (size_t)info->pointer_size * (slice ? 2 : 1)))
		return;
	for (unsigned i = 0; i < (slice ? 2 : 1); i++)
		words[i] = load_uint(b + i * info->pointer_size, info->pointer_size, info->big_endian);
	for (uint64_t i = 0; words[0] && i < words[1] && i < ELEMENTS_SHOWN; i++) {
		snprintf(name, sizeof(name), "  [%" PRIu64 "]", i);
		put_value(f, elem, slice ? name : "  ->", words[0], i * each);
	}
	if (words[0] && words[1] > ELEMENTS_SHOWN) {
		snprintf(name, sizeof(name), "  ... %s more", text_count(number, words[1] - ELEMENTS_SHOWN));
		table_cell(&f->t, "");
		table_cell(&f->t, name);
		table_cell(&f->t, "");
	}
}

/* The map type whose values are pointers to such objects, which are called by its name; NULL: it is no map. */
static const struct hc_type *map_type(const struct hc_snapshot *s, hc_node node)
{
	char name[QUERY_TEXT];
	struct hc_object o;
	if (!hc_object_get(s, node, &o) || hc_object_type_name(s, &o, name, sizeof(name)) >= sizeof(name) ||
	    strncmp(name, "map[", 4) != 0)
		return NULL;
	for (uint32_t i = 0; i < hc_type_count(s); i++) {
		const struct hc_type *t = hc_type_at(s, i);
		if (hc_type_kind(t) == HC_KIND_MAP && strcmp(hc_type_name(t), name) == 0)
			return t;
	}
	return NULL;
}

struct hc_error *query_put_fields(const struct hc_snapshot *s, struct hc_sink *k, hc_node node)
{
	const struct hc_type *t;
	uint64_t addr, count = 1, each;
	struct hc_object o;
	char name[32], number[TEXT_NUMBER];
	bool object = hc_object_get(s, node, &o);
	if (object) {
		t = o.type;
		addr = o.addr;
		count = o.flags & HC_OBJ_ARRAY ? o.count : 1;
	} else {
		struct hc_root r = hc_root_at(s, node - hc_object_limit(s));
		t = r.type;
		addr = r.addr;
	}
	each = t ? hc_type_size(t) : 0;
	if (!t || !addr || !each || (object && o.flags & HC_OBJ_STRING))
		return NULL;
	struct fields f = {.s = s};
	table_init(&f.t, "><<", 2);
	const struct hc_type *map = object && count == 1 ? map_type(s, node) : NULL;
	if (map)
		put_entries(&f, map, addr, 0);
	for (uint64_t i = 0; i < count && i < ELEMENTS_SHOWN; i++) {
		snprintf(name, sizeof(name), "[%" PRIu64 "]", i);
		put_value(&f, t, object && o.flags & HC_OBJ_ARRAY ? name : "", addr, i * each);
	}
	if (!object)
		put_behind(&f, t, addr);
	sink_puts(k, "\n");
	struct hc_error *err = table_end(&f.t, k);
	if (f.left)
		sink_printf(k, "  ... %s more fields\n", text_count(number, f.left));
	if (count > ELEMENTS_SHOWN)
		sink_printf(k, "  ... %s more values\n", text_count(number, count - ELEMENTS_SHOWN));
	return err;
}
