/* SPDX-License-Identifier: MIT */
/*
 * What people call the compiler's and runtime's own types: DWARF writes "table<string,*main.Page>" for a part of a
 * map[string]*main.Page, which nobody has in their source, and whose angle brackets pprof takes for C++ templates.
 */
#include <string.h>

#include "api/api.h"

/* Length of the text up to the end or to `stop` outside brackets and quotes. */
static size_t upto(const char *s, char stop)
{
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; s[i]; i++) {
		if (s[i] == '"' && (i == 0 || s[i - 1] != '\\'))
			quoted = !quoted;
		if (quoted)
			continue;
		if (s[i] == stop && depth == 0)
			return i;
		if (strchr("[({<", s[i]))
			depth++;
		else if (strchr("])}", s[i]) || (s[i] == '>' && (i == 0 || s[i - 1] != '-')))
			depth--;
	}
	return strlen(s);
}

/* A storage type's spelling in DWARF: what stands before its arguments, and what to call it. */
static const struct {
	const char *prefix;
	bool map; /* arguments are key and element; else one element */
	const char *one, *many;
} storage[] = {
	{"map<", true, "", "s"},                     /* internal/runtime/maps.Map, Go 1.24 */
	{"hash<", true, "", "s"},                    /* runtime.hmap, up to 1.23 */
	{"table<", true, " (table)", " (tables)"},
	{"groupReference<", true, " (group)", " (groups)"},
	{"bucket<", true, " (bucket)", " (buckets)"},
	{"hchan<", false, "", "s"},
	{"waitq<", false, " (queue)", " (queues)"},
	{"sudog<", false, " (waiter)", " (waiters)"},
};

static char *storage_name(struct arena *a, const char *name, bool many)
{
	for (size_t i = 0; i < sizeof(storage) / sizeof(storage[0]); i++) {
		size_t n = strlen(storage[i].prefix);
		if (strncmp(name, storage[i].prefix, n) != 0)
			continue;
		const char *args = name + n, *suffix = many && storage[i].many[0] == ' ' ? storage[i].many : storage[i].one;
		size_t end = upto(args, '>'), key = upto(args, ',');
		if (args[end] != '>' || args[end + 1])
			return NULL;
		if (!storage[i].map)
			return arena_printf(a, "chan %.*s%s", (int)end, args, suffix);
		if (key >= end)
			return NULL;
		return arena_printf(a, "map[%.*s]%.*s%s", (int)key, args, (int)(end - key - 1), args + key + 1, suffix);
	}
	return NULL;
}

/* "noalg.map.group[K]V" and "map.bucket[K]V", the names of the runtime's descriptors. */
static char *descriptor_name(struct arena *a, const char *name, bool many)
{
	static const struct {
		const char *prefix, *one, *many;
	} kinds[] = {{"map.group[", "group", "groups"}, {"map.bucket[", "bucket", "buckets"}, {"map.hdr[", "header", "headers"}};
	if (strncmp(name, "noalg.", 6) == 0)
		name += 6;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].prefix), key;
		if (strncmp(name, kinds[i].prefix, n) == 0 && (key = upto(name + n, ']')) && name[n + key] == ']')
			return arena_printf(a, "map[%.*s]%s (%s)", (int)key, name + n, name + n + key + 1,
			                    many ? kinds[i].many : kinds[i].one);
	}
	return NULL;
}

const char *api_display_name(struct arena *a, const char *name, bool array)
{
	/* The directory of a large map: []*table<K,V>. */
	if (array && strncmp(name, "*table<", 7) == 0) {
		const char *s = storage_name(a, name + 1, false);
		if (s)
			return arena_printf(a, "%.*s (directory)", (int)(strlen(s) - strlen(" (table)")), s);
	}
	size_t marks = 0; /* pointers to storage, slices of such */
	while (name[marks] == '*' || strncmp(name + marks, "[]", 2) == 0)
		marks += name[marks] == '*' ? 1 : 2;
	bool many = array && !marks;
	const char *s = storage_name(a, name + marks, many);
	if (!s)
		s = descriptor_name(a, name + marks, many);
	if (!s)
		return array ? arena_printf(a, "[]%s", name) : name;
	if (marks)
		s = arena_printf(a, "%.*s%s", (int)marks, name, s);
	/* "(groups)" says that there are several; of whole maps, channels and pointers nothing else does. */
	if (s && array && (marks || s[strlen(s) - 1] != ')'))
		s = arena_printf(a, "[]%s", s);
	return s ? s : array ? arena_printf(a, "[]%s", name) : name;
}

const char *api_display_package(const struct hc_snapshot *s, const char *display)
{
	char name[512];
	const char *p = display;
	while (*p == '*' || strncmp(p, "[]", 2) == 0)
		p += *p == '*' ? 1 : 2;
	if (strncmp(p, "map[", 4) == 0) {
		size_t key = upto(p + 4, ']');
		p += p[4 + key] ? 4 + key + 1 : 4 + key;
	} else if (strncmp(p, "chan ", 5) == 0) {
		p += 5;
	} else {
		return "";
	}
	while (*p == '*' || strncmp(p, "[]", 2) == 0)
		p += *p == '*' ? 1 : 2;
	size_t len = upto(p, ' ');
	if (len >= sizeof(name))
		return "";
	memcpy(name, p, len);
	name[len] = '\0';
	uint32_t type = types_by_name(s->types, name);
	return type == TYPE_NONE ? "" : hc_type_package(s, api_type(s, type));
}
