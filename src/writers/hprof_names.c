/* SPDX-License-Identifier: MIT */
#include "writers/hprof_names.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"

static const char middle_dot[] = "\xc2\xb7";

bool hprof_text_put(struct name *n, const char *text, size_t len)
{
	if (!vec_grow(&n->text, &n->cap, 1, n->len + len + 1))
		return false;
	memcpy(n->text + n->len, text, len);
	n->len += len;
	n->text[n->len] = '\0';
	return true;
}

bool hprof_text_puts(struct name *n, const char *text)
{
	return hprof_text_put(n, text, strlen(text));
}

bool hprof_text_printf(struct name *n, const char *fmt, ...)
{
	char buf[128]; /* numbers and a few words */
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return len >= 0 && hprof_text_put(n, buf, (size_t)len < sizeof(buf) ? (size_t)len : sizeof(buf) - 1);
}

void hprof_text_cut(struct name *n, size_t max)
{
	if (n->len <= max)
		return;
	n->len = max;
	while (n->len > 0 && ((unsigned char)n->text[n->len] & 0xc0) == 0x80)
		n->len--;
	n->text[n->len] = '\0';
}

size_t hprof_package_len(const char *name)
{
	size_t start = 0;
	for (size_t i = 0; name[i] && name[i] != '[' && name[i] != '('; i++)
		if (name[i] == '/')
			start = i + 1;
	for (size_t i = start; name[i] && name[i] != '[' && name[i] != '('; i++)
		if (name[i] == '.')
			return i;
	return 0;
}

size_t hprof_function_class(const char *function)
{
	size_t n = hprof_package_len(function);
	if (n == 0 || function[n + 1] != '(')
		return n;
	size_t depth = 0;
	for (size_t i = n + 1; function[i]; i++) {
		depth += function[i] == '(';
		depth -= function[i] == ')';
		if (depth == 0)
			return i + 1;
	}
	return n;
}

/* ---- types ---- */

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Bytes of "*", "[]", "[3]" in front of the type that a type is made of. */
static size_t prefix_len(const char *t)
{
	size_t i = 0;
	for (;;) {
		size_t at = i;
		if (t[at] == '*') {
			i++;
			continue;
		}
		if (t[at] != '[')
			return i;
		for (at++; t[at] >= '0' && t[at] <= '9'; at++)
			;
		if (t[at] != ']')
			return i;
		i = at + 1;
	}
}

static bool is_unnamed(const char *t)
{
	static const char *const heads[] = {"map[", "chan ", "chan<-", "<-chan", "func(", "struct {", "struct{", "interface {",
	                                    "interface{"};
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (starts(t, heads[i]))
			return true;
	return false;
}

static bool is_path_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("_-~+%/", c)) ||
	       (unsigned char)c >= 0x80;
}

/* Inner type names: without the directories of their packages, and without dots and slashes that would split them. */
static bool put_inner(struct name *out, const char *t)
{
	bool ok = true;
	for (size_t i = 0; ok && t[i];) {
		if (starts(t + i, "...") || starts(t + i, "interface {}")) {
			bool dots = t[i] == '.';
			ok = hprof_text_puts(out, dots ? "\xe2\x80\xa6" : "any");
			i += dots ? 3 : strlen("interface {}");
			continue;
		}
		size_t end = i, slash = i;
		while (is_path_byte(t[end]) || (t[end] == '.' && is_path_byte(t[end + 1])))
			if (t[end++] == '/')
				slash = end;
		if (end == i) {
			ok = t[i] == '.' ? hprof_text_puts(out, middle_dot) : hprof_text_put(out, t + i, 1);
			i++;
			continue;
		}
		for (i = slash; ok && i < end; i++)
			ok = t[i] == '.' ? hprof_text_puts(out, middle_dot) : hprof_text_put(out, t + i, 1);
		i = end;
	}
	return ok;
}

/* A type, and what is in front of it: "*", "[]". */
static bool put_type(struct name *out, const char *prefix, size_t prefix_len, const char *base)
{
	size_t package = is_unnamed(base) ? 0 : hprof_package_len(base);
	if (package == 0) /* a leading bracket must not be the first */
		return (*prefix != '[' || hprof_text_puts(out, "go.")) && hprof_text_put(out, prefix, prefix_len) && put_inner(out, base);
	return hprof_text_put(out, base, package + 1) && hprof_text_put(out, prefix, prefix_len) && put_inner(out, base + package + 1);
}

/*
 * "map<K,V>" and the like are what the runtime keeps such a value in, as DWARF names it. *after: Go's name, when it is one
 * of these; to be freed.
 */
static bool storage_name(const char *t, struct name *after)
{
	static const struct {
		const char *from, *to;
	} storage[] = {
		{"hash<", "map["},   {"hmap<", "map["},   {"map<", "map["},       {"hchan<", "chan "},
		{"bucket<", "map bucket["}, {"group<", "map group["}, {"table<", "map table["}, {"groupReference<", "map groups["},
		{"noalg.map.bucket[", "map bucket["}, {"noalg.map.group[", "map group["}, {"map.bucket[", "map bucket["},
		{"map.group[", "map group["}, {"noalg.map.hdr[", "map["}, {"map.hdr[", "map["},
	};
	size_t i = 0, depth = 0, n = sizeof(storage) / sizeof(storage[0]);
	while (i < n && !starts(t, storage[i].from))
		i++;
	if (i == n)
		return true;
	const char *rest = t + strlen(storage[i].from);
	bool ok = hprof_text_puts(after, storage[i].to), angle = rest[-1] == '<', comma = angle && after->text[after->len - 1] == '[';
	size_t at = after->len;
	ok = ok && hprof_text_puts(after, rest);
	if (ok && angle && after->len > at && after->text[after->len - 1] == '>')
		after->text[--after->len] = '\0';
	/* The comma between key and element, the first one outside brackets, becomes the bracket. */
	for (; ok && comma && at < after->len; at++) {
		depth += strchr("[({<", after->text[at]) != NULL;
		depth -= depth && strchr("])}>", after->text[at]);
		if (after->text[at] == ',' && depth == 0) {
			after->text[at] = ']';
			comma = false;
		}
	}
	return ok && (!comma || hprof_text_puts(after, "]"));
}

static bool limit(struct name *out, const char *whole)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	if (out->len <= NAME_LIMIT)
		return true;
	for (const char *c = whole; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	hprof_text_cut(out, NAME_LIMIT - 12);
	return hprof_text_printf(out, "\xe2\x80\xa6#%08x", (unsigned)hash);
}

bool hprof_class_name(struct name *out, const char *type)
{
	struct name t = {0}, storage = {0};
	bool ok = name_clean(&t, *type ? type : "go.unnamed");
	out->len = 0;
	ok = ok && hprof_text_put(out, "", 0);
	size_t prefix = ok ? prefix_len(t.text) : 0;
	/* What a map's dirPtr points to: an array of pointers to its tables. */
	if (ok && prefix == 1 && *t.text == '*' && starts(t.text + 1, "table<")) {
		ok = storage_name(t.text + 1, &storage) && hprof_text_puts(out, "map directory") &&
		     put_inner(out, storage.text + strlen("map table"));
	} else {
		ok = ok && storage_name(t.text + prefix, &storage) &&
		     put_type(out, t.text, prefix, storage.len ? storage.text : t.text + prefix);
	}
	ok = ok && limit(out, t.text);
	if (ok && out->len >= 2 && strcmp(out->text + out->len - 2, "[]") == 0) /* not a Go type, but the snapshot may say so */
		ok = hprof_text_puts(out, "_");
	name_free(&t);
	name_free(&storage);
	return ok;
}

/* ---- fields ---- */

bool hprof_field_put(struct name *out, const char *go_name)
{
	struct name t = {0};
	bool ok = name_clean(&t, go_name);
	for (size_t i = 0, n; ok && i < t.len && i < NAME_LIMIT; i += n) {
		char c = t.text[i];
		n = utf8_length(t.text + i);
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '$' || n > 1;
		ok = hprof_text_put(out, plain ? t.text + i : "_", plain ? n : 1);
	}
	name_free(&t);
	return ok;
}

bool hprof_field_reserved(const char *name)
{
	static const char *const names[] = {"methodName", "fileName", "lineNumber", "compilationLevel", "native"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}
