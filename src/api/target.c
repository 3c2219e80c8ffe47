/* SPDX-License-Identifier: MIT */
/* What --target means: addresses, names of roots, names of types. Knows the public API only. */
#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "api/set.h"
#include "base/err.h"
#include "heapconv/snapshot.h"

/* ---- sets ---- */

struct hc_set *set_new(const struct hc_snapshot *s)
{
	struct hc_set *set = calloc(1, sizeof(*set));
	if (!set)
		return NULL;
	set->n = set_nodes(s);
	set->bits = big_alloc((bit_words(set->n) + 1) * 8);
	if (!set->bits) {
		free(set);
		return NULL;
	}
	return set;
}

void hc_set_close(struct hc_set *set)
{
	if (set)
		big_free(set->bits, (bit_words(set->n) + 1) * 8);
	free(set);
}

bool hc_set_has(const struct hc_set *set, hc_node node)
{
	return node < set->n && bit_get(set->bits, node);
}

uint64_t hc_set_count(const struct hc_set *set)
{
	return set->count;
}

hc_node hc_set_next(const struct hc_set *set, hc_node from)
{
	if (from >= set->n)
		return HC_NODE_NONE;
	uint64_t i = from >> 6, word = set->bits[i] >> (from & 63) << (from & 63);
	while (!word && ++i < bit_words(set->n))
		word = set->bits[i];
	return word ? (hc_node)(i * 64 + (unsigned)__builtin_ctzll(word)) : HC_NODE_NONE;
}

/* ---- fields of a node ---- */

static struct hc_error *no_field(const char *text, const char *at, const struct hc_type *t)
{
	return err_new(HC_E_ARG, "--target=%s: no field '%s' in %s; --view=object shows the fields", text, at,
	               t ? hc_type_name(t) : "a value of unknown type");
}

/* The field of a struct with this name, or of one of its embedded structs right below. */
static bool field_named(const struct hc_snapshot *s, const struct hc_type *t, const char *name, size_t len, struct hc_field *ret)
{
	for (uint32_t i = 0; i < hc_type_field_count(t); i++) {
		*ret = hc_type_field_at(s, t, i);
		if (strlen(ret->name) == len && memcmp(ret->name, name, len) == 0)
			return true;
	}
	for (uint32_t i = 0; i < hc_type_field_count(t); i++) {
		struct hc_field in = hc_type_field_at(s, t, i);
		for (uint32_t j = 0; in.embedded && in.type && j < hc_type_field_count(in.type); j++) {
			*ret = hc_type_field_at(s, in.type, j);
			ret->offset += in.offset;
			if (strlen(ret->name) == len && memcmp(ret->name, name, len) == 0)
				return true;
		}
	}
	return false;
}

/* A value of the type (count of them: `many`) at an offset of the node, and the path that goes on from there. */
static struct hc_error *field_follow(const struct hc_snapshot *s, const char *text, const char *at, const struct hc_type *t,
                                     uint64_t size, bool many, struct hc_target_field *f)
{
	uint64_t offset = 0;
	while (*at) {
		struct hc_field field;
		char *end;
		if (!t)
			return no_field(text, at, t);
		if (*at == '[') {
			unsigned long long i = strtoull(at + 1, &end, 10);
			const struct hc_type *elem = many ? t : hc_type_elem(s, t);
			uint64_t each = elem ? hc_type_size(elem) : 0;
			if (*end != ']' || !isdigit((unsigned char)at[1]) || !each || (!many && hc_type_kind(t) != HC_KIND_ARRAY) ||
			    i >= size / each)
				return no_field(text, at, t);
			offset += i * each;
			size = each;
			t = elem;
			at = end + 1;
		} else {
			at += *at == '.';
			size_t len = strcspn(at, ".[");
			if (!field_named(s, t, at, len, &field) || !field.type || field.offset >= size)
				return no_field(text, at, t);
			offset += field.offset;
			t = field.type;
			size = hc_type_size(t);
			at += len;
		}
		many = false;
	}
	*f = (struct hc_target_field){offset, size, t};
	return NULL;
}

/* "+0x10": a word. */
static struct hc_error *field_offset(const struct hc_snapshot *s, const char *text, const char *at, uint64_t size,
                                     struct hc_target_field *f)
{
	unsigned word = hc_snapshot_info(s)->pointer_size;
	char *end;
	unsigned long long offset = strtoull(at + 1, &end, 0);
	if (*end || end == at + 1 || offset % word || offset >= size)
		return err_new(HC_E_ARG, "--target=%s: '%s' is not the offset of a word in %llu bytes", text, at,
		               (unsigned long long)size);
	*f = (struct hc_target_field){offset, word, NULL};
	return NULL;
}

static struct hc_error *field_find(const struct hc_snapshot *s, const char *text, const char *at, hc_node node,
                                   struct hc_target_field *f)
{
	const struct hc_type *t;
	struct hc_object o;
	uint64_t size;
	bool many = false;
	if (!f)
		return *at ? err_new(HC_E_ARG, "--target=%s: this view speaks of whole objects; leave out '%s'", text, at) : NULL;
	*f = (struct hc_target_field){0, 0, NULL};
	if (!*at)
		return NULL;
	if (hc_object_get(s, node, &o)) {
		t = o.type;
		size = o.used;
		many = o.flags & HC_OBJ_ARRAY;
	} else {
		struct hc_root r = hc_root_at(s, node - hc_object_limit(s));
		t = r.type;
		size = r.size;
	}
	return *at == '+' ? field_offset(s, text, at, size, f) : field_follow(s, text, at, t, size, many, f);
}

/* ---- addresses ---- */

static hc_node root_of_addr(const struct hc_snapshot *s, uint64_t addr)
{
	hc_node found = HC_NODE_NONE;
	for (uint32_t i = 0; i < hc_root_count(s); i++) {
		struct hc_root r = hc_root_at(s, i);
		/* The innermost one: locals lie in frames. */
		if (r.size && addr - r.addr < r.size)
			found = r.node;
	}
	return found;
}

static struct hc_error *target_addr(const struct hc_snapshot *s, const char *text, uint64_t addr, const char *rest,
                                    struct hc_set *set, struct hc_target_field *field)
{
	uint64_t offset;
	uint8_t byte;
	hc_node node = hc_object_find(s, addr, &offset);
	if (node == HC_NODE_NONE)
		node = root_of_addr(s, addr);
	if (node == HC_NODE_NONE)
		return err_new(HC_E_ARG, "--target=%s: no object or variable is there%s", text,
		               hc_read_memory(s, addr, &byte, 1) ? ", though the process had memory at the address"
		                                                 : ": the snapshot has no memory at the address");
	set_add(set, node);
	return field_find(s, text, rest, node, field);
}

/* ---- names ---- */

/* Roots that bear the name, or the longest name that the text begins with, before a field path; where that begins. */
static const char *roots_named(const struct hc_snapshot *s, const char *text, struct hc_set *set)
{
	size_t best = 0;
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < hc_root_count(s); i++) {
			struct hc_root r = hc_root_at(s, i);
			size_t len = strlen(r.name);
			if (!len || strncmp(text, r.name, len) != 0 || !(text[len] == '\0' || strchr(".[+", text[len])))
				continue;
			/* Packages and groups are no targets; what has no region of its own has no fields. */
			if (r.kind == HC_ROOT_ALL || r.kind == HC_ROOT_GROUP || r.kind == HC_ROOT_PACKAGE || (text[len] && !r.size))
				continue;
			if (round == 0 && len > best)
				best = len;
			else if (round == 1 && len == best)
				set_add(set, r.node);
		}
	}
	return best ? text + best : NULL;
}

/* By class number: is it meant? NULL: out of memory. */
static struct hc_error *classes_named(const struct hc_snapshot *s, const char *text, bool *meant)
{
	uint32_t n = hc_class_count(s);
	bool exact = false;
	regex_t re;
	for (uint32_t i = 0; i < n; i++)
		exact |= meant[i] = strcmp(hc_class_at(s, i).name, text) == 0;
	if (exact)
		return NULL;
	int code = regcomp(&re, text, REG_EXTENDED | REG_NOSUB);
	if (code) {
		char why[128];
		regerror(code, &re, why, sizeof(why));
		return err_new(HC_E_ARG, "--target=%s: neither an address nor the name of a type or root, and no regular expression: %s",
		               text, why);
	}
	for (uint32_t i = 0; i < n; i++)
		meant[i] = regexec(&re, hc_class_at(s, i).name, 0, NULL, 0) == 0;
	regfree(&re);
	return NULL;
}

static struct hc_error *target_types(const struct hc_snapshot *s, const char *text, struct hc_set *set)
{
	bool *meant = calloc((size_t)hc_class_count(s) + 1, sizeof(*meant));
	if (!meant)
		return err_nomem();
	struct hc_error *err = classes_named(s, text, meant);
	struct hc_object o;
	for (hc_node n = err ? HC_NODE_NONE : hc_object_next(s, 0, false); n != HC_NODE_NONE; n = hc_object_next(s, n + 1, false)) {
		uint32_t class = hc_object_get(s, n, &o) ? hc_object_class(s, &o) : UINT32_MAX;
		if (class < hc_class_count(s) && meant[class])
			set_add(set, n);
	}
	free(meant);
	if (!err && !set->count)
		err = err_new(HC_E_ARG, "--target=%s: no object's type and no variable has such a name; the view types lists the types",
		              text);
	return err;
}

static struct hc_error *target_find(const struct hc_snapshot *s, const char *text, struct hc_set *set,
                                    struct hc_target_field *field)
{
	char *end;
	if (isdigit((unsigned char)text[0])) {
		errno = 0;
		unsigned long long addr = strtoull(text, &end, strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0 ? 16 : 10);
		if (!errno && (*end == '\0' || strchr(".[+", *end)))
			return target_addr(s, text, addr, end, set, field);
		return err_new(HC_E_ARG, "--target=%s: not an address (0xc000010000), perhaps followed by .field or +offset", text);
	}
	const char *rest = roots_named(s, text, set);
	if (!rest)
		return target_types(s, text, set);
	if (*rest && set->count > 1)
		return err_new(HC_E_ARG, "--target=%s: %llu variables have that name; use the address of one", text,
		               (unsigned long long)set->count);
	return field_find(s, text, rest, hc_set_next(set, 0), field);
}

struct hc_error *hc_target_open(const struct hc_snapshot *s, const char *text, struct hc_set **ret, struct hc_target_field *field)
{
	if (!text || !*text)
		return err_new(HC_E_ARG, "this view speaks of certain objects: say which with --target=ADDRESS, a type's name or a "
		               "regular expression over the names of types");
	struct hc_set *set = set_new(s);
	if (!set)
		return err_nomem();
	if (field)
		*field = (struct hc_target_field){0, 0, NULL};
	struct hc_error *err = target_find(s, text, set, field);
	if (err)
		hc_set_close(set);
	else
		*ret = set;
	return err;
}
