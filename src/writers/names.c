/* SPDX-License-Identifier: MIT */
#include "writers/names.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

static bool continues(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t utf8_length(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return continues(p[1]) ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		if (!continues(p[1]) || !continues(p[2]))
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (!continues(p[1]) || !continues(p[2]) || !continues(p[3]))
			return 0;
		if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

bool name_append(struct name *n, const char *text, size_t len)
{
	if (!vec_grow(&n->text, &n->cap, 1, n->len + len + 1))
		return false;
	memcpy(n->text + n->len, text, len);
	n->len += len;
	n->text[n->len] = '\0';
	return true;
}

/* What a character of the input becomes; its length there in *in_len. */
static const char *clean_char(const char *in, size_t *in_len, size_t *out_len)
{
	size_t len = utf8_length(in);
	bool control = len == 1 && ((unsigned char)*in < 0x20 || *in == 0x7f);
	*in_len = len ? len : 1;
	*out_len = len ? len : 3;
	return len == 0 ? "\xef\xbf\xbd" : control ? " " : in;
}

bool name_clean(struct name *n, const char *in)
{
	size_t in_len, out_len;
	n->len = 0;
	if (!name_append(n, "", 0))
		return false;
	for (; *in; in += in_len) {
		const char *c = clean_char(in, &in_len, &out_len);
		if (!name_append(n, c, out_len))
			return false;
	}
	return true;
}

void name_copy(char *buf, size_t size, const char *in)
{
	size_t at = 0, in_len, out_len;
	for (; *in; in += in_len) {
		const char *c = clean_char(in, &in_len, &out_len);
		if (at + out_len >= size)
			break;
		memcpy(buf + at, c, out_len);
		at += out_len;
	}
	if (size)
		buf[at] = '\0';
}

static bool is_path_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_.~-+%/", c) ||
	       (unsigned char)c >= 0x80;
}

/* Is the name built from others, rather than beginning with the package path of its own? */
static bool is_composite(const char *t)
{
	static const char *const starts[] = {"map[", "chan ", "func(", "struct {", "interface {", "<-chan ", "map.",
	                                     "noalg."};
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(t, starts[i], strlen(starts[i])) == 0)
			return true;
	/* The runtime's containers are named by their elements: "table<string,*a/b.T>", "hchan<int>". */
	return *t == '*' || *t == '[' || strchr(t, '<');
}

/* The end of a quoted struct tag that begins at `at`. */
static size_t skip_quoted(const char *t, size_t at)
{
	char quote = t[at++];
	while (t[at] && t[at] != quote)
		at += t[at] == '\\' && quote == '"' && t[at + 1] ? 2 : 1;
	return t[at] ? at + 1 : at;
}

static void drop_directories(struct name *n)
{
	char *t = n->text;
	size_t out = 0;
	for (size_t i = 0; i < n->len;) {
		size_t end = i + 1;
		if (t[i] == '"' || t[i] == '`') {
			end = skip_quoted(t, i);
		} else if (is_path_byte(t[i]) && t[i] != '.') { /* the dots of "func(...a/b.T)" belong to no path */
			for (end = i; end < n->len && is_path_byte(t[end]); end++)
				if (t[end] == '/')
					i = end + 1;
		}
		memmove(t + out, t + i, end - i);
		out += end - i;
		i = end;
	}
	n->len = out;
	t[out] = '\0';
}

/* FNV-1a */
static uint32_t hash_of(const struct name *n)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < n->len; i++)
		hash = (hash ^ (unsigned char)n->text[i]) * 16777619u;
	return hash;
}

static void cut(struct name *n, size_t limit, uint32_t hash)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	if (n->len <= limit)
		return;
	size_t keep = limit - (sizeof(ellipsis) - 1) - 9;
	while (keep > 0 && continues((unsigned char)n->text[keep]))
		keep--;
	n->len = keep + (size_t)snprintf(n->text + keep, n->cap - keep, "%s#%08x", ellipsis, (unsigned)hash);
}

void name_cut(struct name *n, size_t limit)
{
	if (n->len > limit)
		cut(n, limit, hash_of(n));
}

void name_base(struct name *n)
{
	drop_directories(n);
}

void name_shorten(struct name *n)
{
	uint32_t hash = hash_of(n);
	if (is_composite(n->text))
		drop_directories(n);
	cut(n, NAME_LIMIT, hash);
}

void name_replace(struct name *n, const char *these, char by)
{
	for (size_t i = 0; i < n->len; i++)
		if (strchr(these, n->text[i]))
			n->text[i] = by;
}

void name_free(struct name *n)
{
	free(n->text);
	*n = (struct name){0};
}

size_t name_map_storage(const char *name)
{
	static const char *const parts[] = {"(directory)", "(table)", "(tables)", "(group)", "(groups)", "(bucket)", "(buckets)"};
	const char *last = strncmp(name, "map[", 4) == 0 ? strrchr(name, ' ') : NULL;
	for (size_t i = 0; last && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(last + 1, parts[i]) == 0)
			return (size_t)(last - name);
	return 0;
}
