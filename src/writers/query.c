/* SPDX-License-Identifier: MIT */
#include "writers/query.h"

#include <inttypes.h>
#include <stdio.h>

#include "writers/names.h"

struct hc_error *query_open(const struct job *job, bool fields, struct query *q)
{
	memset(q, 0, sizeof(*q));
	q->s = job->s;
	q->limit = hc_object_limit(job->s);
	struct hc_error *err = hc_target_open(job->s, job->opts.target, &q->target, fields ? &q->field : NULL);
	if (!err)
		err = hc_referrers_open(job->s, &q->refs);
	if (err)
		query_close(q);
	return err;
}

void query_close(struct query *q)
{
	hc_set_close(q->target);
	hc_referrers_close(q->refs);
	memset(q, 0, sizeof(*q));
}

void query_name(const struct hc_snapshot *s, hc_node node, char *buf, size_t size)
{
	char text[QUERY_TEXT];
	struct hc_object o;
	if (hc_object_get(s, node, &o)) {
		hc_object_type_name(s, &o, text, sizeof(text));
		name_copy(buf, size, text);
		return;
	}
	struct hc_root r = hc_root_at(s, node - hc_object_limit(s));
	if (r.goroutine != HC_NO_INDEX && r.kind != HC_ROOT_GOROUTINE)
		snprintf(text, sizeof(text), "%.400s (goroutine %" PRIu64 ")", r.name,
		         hc_goroutine_at(s, r.goroutine).id);
	else
		snprintf(text, sizeof(text), "%s", r.name);
	name_copy(buf, size, text);
}

void query_address(const struct hc_snapshot *s, hc_node node, char *buf, size_t size)
{
	uint64_t addr = hc_node_addr(s, node);
	if (addr)
		snprintf(buf, size, "0x%" PRIx64, addr);
	else if (size)
		buf[0] = '\0';
}

/* ---- references ---- */

/* A place in a map's group or bucket: which entry, and where its key is. */
struct slot {
	uint64_t index, rest; /* rest: offset in the key or element */
	const struct hc_type *key, *part; /* part: of the key or element, whichever the place is in */
	uint64_t key_offset;
	bool is_key;
};

static bool is_array_of_slots(const struct hc_type *t)
{
	return t && hc_type_kind(t) == HC_KIND_ARRAY && hc_type_len(t) == 8;
}

/*
 * Groups of Go 1.24: slots [8]struct{key, elem}; buckets: keys [8]K, then elems or values [8]V (or both split in
 * groups).
 */
static bool slot_find(const struct hc_snapshot *s, const struct hc_type *t, uint64_t offset, struct slot *ret)
{
	struct hc_field keys = {0};
	if (hc_type_kind(t) != HC_KIND_STRUCT)
		return false;
	for (uint32_t i = 0; i < hc_type_field_count(t); i++) {
		struct hc_field f = hc_type_field_at(s, t, i);
		const struct hc_type *elem = is_array_of_slots(f.type) ? hc_type_elem(s, f.type) : NULL;
		if (!elem || !hc_type_size(elem))
			continue;
		if (strcmp(f.name, "keys") == 0)
			keys = f;
		if (offset < f.offset || offset - f.offset >= hc_type_size(f.type))
			continue;
		ret->index = (offset - f.offset) / hc_type_size(elem);
		ret->rest = (offset - f.offset) % hc_type_size(elem);
		ret->part = elem;
		ret->is_key = strcmp(f.name, "keys") == 0;
		if (keys.type && (ret->is_key || strcmp(f.name, "elems") == 0 || strcmp(f.name, "values") == 0)) {
			ret->key = hc_type_elem(s, keys.type);
			ret->key_offset = keys.offset + (ret->key ? ret->index * hc_type_size(ret->key) : 0);
			return ret->key != NULL;
		}
		if (strcmp(f.name, "slots") != 0 || hc_type_kind(elem) != HC_KIND_STRUCT ||
		    hc_type_field_count(elem) != 2)
			return false;
		struct hc_field k = hc_type_field_at(s, elem, 0), v = hc_type_field_at(s, elem, 1);
		ret->is_key = ret->rest < v.offset;
		ret->part = ret->is_key ? k.type : v.type;
		ret->rest -= ret->is_key ? k.offset : v.offset;
		ret->key = k.type;
		ret->key_offset = offset - (offset - f.offset) % hc_type_size(elem) + k.offset;
		return ret->key && ret->part;
	}
	return false;
}

static size_t put_path(char *buf, size_t size, size_t at, const char *path)
{
	if (!*path || at >= size)
		return at;
	int n = snprintf(buf + at, size - at, "%s%.400s", *path == '[' ? "" : ".", path);
	return n > 0 ? at + (size_t)n : at;
}

static void put_slot(const struct hc_snapshot *s, uint64_t addr, const struct slot *slot, bool exact, char *buf,
                     size_t size)
{
	char key[96] = "", path[QUERY_TEXT];
	if (exact)
		hc_value_text(s, slot->key, addr + slot->key_offset, key, sizeof(key));
	int n = snprintf(buf, size, slot->is_key ? "%s%s%s" : "[%s%s%s]", slot->is_key ? "(key" : "",
	                 slot->is_key && *key ? " " : "",
	                 key);
	size_t at = n > 0 ? (size_t)n : 0;
	if (slot->is_key && at < size)
		at += (size_t)snprintf(buf + at, size - at, ")");
	hc_field_path(s, slot->part, slot->rest, exact, path, sizeof(path));
	put_path(buf, size, at, path);
}

void query_hop(const struct hc_snapshot *s, hc_node node, uint64_t offset, bool exact, char *buf, size_t size)
{
	char text[QUERY_TEXT] = "", path[QUERY_TEXT];
	struct hc_object o;
	struct slot slot;
	const struct hc_type *t = NULL;
	uint64_t addr = 0;
	size_t at = 0;
	if (hc_object_get(s, node, &o)) {
		t = o.type;
		addr = o.addr;
		uint64_t each = t ? hc_type_size(t) : 0;
		if (o.flags & HC_OBJ_ARRAY && each) {
			/* Which of several groups is of no interest: the key tells. */
			if (!slot_find(s, t, offset % each, &slot))
				at = (size_t)snprintf(text, sizeof(text), exact ? "[%" PRIu64 "]" : "[]",
				                      offset / each);
			addr += offset - offset % each;
			offset %= each;
		}
	} else {
		t = hc_root_at(s, node - hc_object_limit(s)).type;
	}
	if (!t) {
		*buf = '\0';
		if (offset || node < hc_object_limit(s))
			snprintf(buf, size, "+%" PRIu64, offset);
		return;
	}
	if (slot_find(s, t, offset, &slot)) {
		put_slot(s, addr, &slot, exact, text, sizeof(text));
	} else {
		hc_field_path(s, t, offset, exact, path, sizeof(path));
		put_path(text, sizeof(text), at, path);
	}
	name_copy(buf, size, text);
}

/* ---- roots ---- */

const char *query_root_kind(enum hc_root_kind kind)
{
	static const char *const names[] = {
		[HC_ROOT_ALL] = "all roots", [HC_ROOT_GROUP] = "roots", [HC_ROOT_PACKAGE] = "package",
		[HC_ROOT_GLOBAL] = "package variable", [HC_ROOT_GOROUTINE] = "goroutine", [HC_ROOT_FRAME] = "frame",
		[HC_ROOT_LOCAL] = "local variable", [HC_ROOT_REGISTERS] = "registers",
		[HC_ROOT_DEFER] = "deferred call",
		[HC_ROOT_PANIC] = "panic", [HC_ROOT_FINALIZER] = "finalizer", [HC_ROOT_FINQUEUE] = "queued finalizer",
		[HC_ROOT_CLEANUP] = "cleanup", [HC_ROOT_WEAKHANDLE] = "weak handle", [HC_ROOT_OTHER] = "runtime",
	};
	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "root";
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

void query_root_about(const struct hc_snapshot *s, hc_node node, char *buf, size_t size)
{
	char text[QUERY_TEXT];
	struct hc_root r = hc_root_at(s, node - hc_object_limit(s));
	struct hc_line line;
	size_t at = (size_t)snprintf(text, sizeof(text), "%s%s", query_root_kind(r.kind),
	                             r.conservative ? " (conservative)" : "");
	if (r.goroutine != HC_NO_INDEX) {
		struct hc_goroutine g = hc_goroutine_at(s, r.goroutine);
		at += (size_t)snprintf(text + at, sizeof(text) - at, ", goroutine %" PRIu64 " [%.60s]", g.id,
		                       *g.wait_reason ? g.wait_reason : g.state);
	}
	if (r.frame != HC_NO_INDEX && hc_frame_lines(s, r.frame, &line, 1) == 1 && line.file)
		snprintf(text + at, sizeof(text) - at, ", %.250s:%d", base_name(line.file), line.line);
	name_copy(buf, size, text);
}

const char *query_kept(const struct hc_snapshot *s, hc_node node)
{
	switch (hc_kept_by(s, node)) {
	case HC_KEPT_FINALIZER: return "only a finalizer keeps it";
	case HC_KEPT_CLEANUP: return "only a cleanup keeps it";
	case HC_KEPT_CYCLE: return "its finalizer never runs: it is in a cycle";
	case HC_KEPT_ORDINARY:
	default: return "";
	}
}

/* ---- targets ---- */

bool query_is_live(const struct hc_snapshot *s, hc_node node)
{
	struct hc_object o;
	return !hc_object_get(s, node, &o) || o.flags & HC_OBJ_LIVE;
}

hc_node query_biggest(const struct query *q)
{
	hc_node best = HC_NODE_NONE;
	uint64_t most = 0;
	for (hc_node n = hc_set_next(q->target, 0); n != HC_NODE_NONE; n = hc_set_next(q->target, n + 1)) {
		uint64_t retained = hc_retained(q->s, n);
		if (best == HC_NODE_NONE || (n < q->limit && retained > most)) {
			best = n;
			most = retained;
		}
	}
	return best;
}
