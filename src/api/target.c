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
static bool field_named(const struct hc_snapshot *s, const struct hc_type *t, const char *name, size_t len,
                        struct hc_field *ret)
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

/* Where a field path has got to. */
struct place {
	hc_node node;
	const struct hc_type *type; /* of the value at offset; `many` of them in a row */
	uint64_t offset, size;
	bool many;
};

static struct place place_of(const struct hc_snapshot *s, hc_node node)
{
	struct place p = {.node = node};
	struct hc_object o;
	if (hc_object_get(s, node, &o)) {
		p.type = o.type;
		p.size = o.used;
		p.many = o.flags & HC_OBJ_ARRAY;
	} else {
		struct hc_root r = hc_root_at(s, node - hc_object_limit(s));
		p.type = r.type;
		p.size = r.size;
	}
	return p;
}

static bool place_word(const struct hc_snapshot *s, const struct place *p, uint64_t *ret)
{
	uint8_t b[8];
	const struct hc_info *info = hc_snapshot_info(s);
	if (!hc_read_memory(s, hc_node_addr(s, p->node) + p->offset, b, info->pointer_size))
		return false;
	*ret = load_uint(b, info->pointer_size, info->big_endian);
	return true;
}

/*
 * As in Go, a field of a pointer is one of what it points to; the same for slices' elements. False: it leads nowhere.
 */
static bool place_follow(const struct hc_snapshot *s, struct place *p)
{
	uint64_t ptr, offset;
	if (!place_word(s, p, &ptr))
		return false;
	hc_node node = hc_object_find(s, ptr, &offset);
	if (node == HC_NODE_NONE)
		return false;
	struct place to = place_of(s, node);
	bool slice = hc_type_kind(p->type) == HC_KIND_SLICE;
	if (offset >= to.size)
		return false;
	to.offset = offset;
	to.size -= offset;
	to.type = hc_type_elem(s, p->type);
	to.many = slice;
	if (to.type && !slice && hc_type_size(to.type) < to.size)
		to.size = hc_type_size(to.type);
	*p = to;
	return true;
}

static bool place_index(const struct hc_snapshot *s, struct place *p, const char *at, const char **end)
{
	char *stop;
	unsigned long long i = strtoull(at + 1, &stop, 10);
	*end = stop + 1;
	if (*stop != ']' || !isdigit((unsigned char)at[1]))
		return false;
	if (!p->many && p->type && hc_type_kind(p->type) == HC_KIND_SLICE && !place_follow(s, p))
		return false;
	if (!p->type || (!p->many && hc_type_kind(p->type) != HC_KIND_ARRAY))
		return false;
	const struct hc_type *elem = p->many ? p->type : hc_type_elem(s, p->type);
	uint64_t each = elem ? hc_type_size(elem) : 0;
	if (!each || i >= p->size / each)
		return false;
	*p = (struct place){p->node, elem, p->offset + i * each, each, false};
	return true;
}

static bool place_field(const struct hc_snapshot *s, struct place *p, const char *name, size_t len)
{
	struct hc_field f;
	for (int i = 0; i < 2 && p->type && hc_type_kind(p->type) == HC_KIND_PTR; i++)
		if (!place_follow(s, p))
			return false;
	if (!p->type || !field_named(s, p->type, name, len, &f) || !f.type || f.offset >= p->size)
		return false;
	*p = (struct place){p->node, f.type, p->offset + f.offset, hc_type_size(f.type), false};
	return true;
}

/* Follows a field path from a node on, perhaps to another one. */
static struct hc_error *field_follow(const struct hc_snapshot *s, const char *text, const char *at, struct place *p)
{
	while (*at) {
		struct place before = *p;
		const char *end = at + 1;
		bool ok;
		if (*at == '[') {
			ok = place_index(s, p, at, &end);
		} else {
			size_t len = strcspn(at + 1, ".[");
			ok = *at == '.' && place_field(s, p, at + 1, len);
			end = at + 1 + len;
		}
		if (!ok)
			return no_field(text, at, before.type);
		at = end;
	}
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

/* Puts the node into the set, or the one that the field path leads to. */
static struct hc_error *field_find(const struct hc_snapshot *s, const char *text, const char *at, hc_node node,
                                   struct hc_set *set, struct hc_target_field *f)
{
	struct place p = place_of(s, node);
	struct hc_error *err = NULL;
	if (!*at) {
		set_add(set, node);
		return NULL;
	}
	if (!f)
		return err_new(HC_E_ARG, "--target=%s: this view speaks of whole objects; leave out '%s'", text, at);
	if (*at == '+') {
		err = field_offset(s, text, at, p.size, f);
	} else {
		err = field_follow(s, text, at, &p);
		*f = (struct hc_target_field){p.offset, p.size, p.type};
	}
	if (!err)
		set_add(set, p.node);
	return err;
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
	return field_find(s, text, rest, node, set, field);
}

/* ---- names ---- */

/* Roots that bear the name, or the longest name that the text begins with, before a field path; where that begins. */
static const char *roots_named(const struct hc_snapshot *s, const char *text, struct hc_set *set)
{
	size_t best = 0;
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < hc_root_count(s); i++) {
			struct hc_root r = hc_root_at(s, i);
			/* the composite that only a variable outside the roots names */
			const char *unnamed = strstr(r.name, " (static)");
			size_t len = unnamed ? (size_t)(unnamed - r.name) : strlen(r.name);
			if (!len || strncmp(text, r.name, len) != 0 || !(text[len] == '\0' || strchr(".[+", text[len])))
				continue;
			/* Packages and groups are no targets; what has no region of its own has no fields. */
			if (r.kind == HC_ROOT_ALL || r.kind == HC_ROOT_GROUP || r.kind == HC_ROOT_PACKAGE ||
			    (text[len] && !r.size))
				continue;
			if (round == 0 && len > best)
				best = len;
			else if (round == 1 && len == best)
				set_add(set, r.node);
		}
	}
	return best ? text + best : NULL;
}

/* "main.T (2)": another type of the same name. */
static bool is_name(const char *name, const char *text)
{
	size_t len = strlen(text);
	if (strncmp(name, text, len) != 0 || (name[len] && strncmp(name + len, " (", 2) != 0))
		return false;
	const char *number = name + len + (name[len] ? 2 : 0), *end = number + strspn(number, "0123456789");
	return !*number || (end > number && strcmp(end, ")") == 0);
}

/* By class number: is it meant? */
static struct hc_error *classes_named(const struct hc_snapshot *s, const char *text, bool *meant)
{
	uint32_t n = hc_class_count(s);
	bool exact = false;
	regex_t re;
	for (uint32_t i = 0; i < n; i++)
		exact |= meant[i] = is_name(hc_class_at(s, i).name, text);
	if (exact)
		return NULL;
	int code = regcomp(&re, text, REG_EXTENDED | REG_NOSUB);
	if (code) {
		char why[128];
		regerror(code, &re, why, sizeof(why));
		return err_new(HC_E_ARG,
		               "--target=%s: neither an address nor the name of a type or root, and no regular expression: %s",
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
	for (hc_node n = err ? HC_NODE_NONE : hc_object_next(s, 0, false); n != HC_NODE_NONE;
	     n = hc_object_next(s, n + 1, false)) {
		uint32_t class = hc_object_get(s, n, &o) ? hc_object_class(s, &o) : UINT32_MAX;
		if (class < hc_class_count(s) && meant[class])
			set_add(set, n);
	}
	free(meant);
	if (!err && !set->count)
		err = err_new(HC_E_ARG,
		              "--target=%s: no object's type has such a name, and no variable that leads to objects; the view "
		              "types lists the types, roots the variables",
		              text);
	return err;
}

static struct hc_error *target_find(const struct hc_snapshot *s, const char *text, struct hc_set *set,
                                    struct hc_target_field *field)
{
	char *end;
	if (isdigit((unsigned char)text[0])) {
		errno = 0;
		bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
		unsigned long long addr = strtoull(text, &end, hex ? 16 : 10);
		if (!errno && (*end == '\0' || strchr(".[+", *end)))
			return target_addr(s, text, addr, end, set, field);
		return err_new(HC_E_ARG,
		               "--target=%s: not an address (0xc000010000), perhaps followed by .field or +offset",
		               text);
	}
	const char *rest = roots_named(s, text, set);
	if (!rest)
		return target_types(s, text, set);
	if (*rest && set->count > 1)
		return err_new(HC_E_ARG, "--target=%s: %llu variables have that name; use the address of one", text,
		               (unsigned long long)set->count);
	if (!*rest)
		return NULL;
	hc_node root = hc_set_next(set, 0);
	bit_clear(set->bits, root);
	set->count = 0;
	return field_find(s, text, rest, root, set, field);
}

struct hc_error *hc_target_open(const struct hc_snapshot *s, const char *text, struct hc_set **ret,
                                struct hc_target_field *field)
{
	if (!text || !*text)
		return err_new(HC_E_ARG,
		               "this view speaks of certain objects: say which with --target=ADDRESS, a type's name or a "
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
