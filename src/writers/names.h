/* SPDX-License-Identifier: MIT */
/* Names of types, functions and variables as viewers can stand them. They come from the snapshot: any bytes at all. */
#ifndef WRITERS_NAMES_H
#define WRITERS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Longest name shown in a frame; graphviz gives up at 16 KiB, and anonymous structs get there. */
enum { NAME_LIMIT = 300 };

/* A reusable, NUL-terminated buffer; {0} to begin with. */
struct name {
	char *text;
	size_t len, cap;
};

/* False when memory ran out. */
bool name_append(struct name *n, const char *text, size_t len);
/* Copies: invalid UTF-8 becomes U+FFFD, control characters blanks. False when memory ran out. */
bool name_clean(struct name *n, const char *in);
/* The same into a buffer, as many whole characters as fit; always terminated. */
void name_copy(char *buf, size_t size, const char *in);
/*
 * For a frame: package paths inside of composite types lose their directories ("[]*github.com/a/b.T" becomes "[]*b.T";
 * named types keep theirs, which the viewers shorten themselves), and long names are cut, with a hash of what they
 * were.
 */
void name_shorten(struct name *n);
/* Cuts a name of more than `limit` bytes (20 or more), with a hash of what it was. */
void name_cut(struct name *n, size_t limit);
/* Drops the directories of all package paths, also of the name's own: "github.com/a/b.T" becomes "b.T". */
void name_base(struct name *n);
/* In place: every byte of `these` becomes `by`. */
void name_replace(struct name *n, const char *these, char by);
void name_free(struct name *n);

/*
 * Of an object that holds a part of a map, as in "map[string]int (groups)": bytes of the name of the map's type; 0: it is
 * none. The map itself, what a variable of map type points to, bears the name of the type alone.
 */
size_t name_map_storage(const char *name);

/*
 * Bytes of the well-formed UTF-8 sequence that text, not at its end, begins with; 0: it begins with none (RFC 3629: no
 * overlong forms, no surrogates).
 */
size_t utf8_length(const char *text);

#endif
