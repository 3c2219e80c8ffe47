/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a value of a Go type in a Java heap dump: a flat list of places, each a field of the instance. Structs
 * and arrays inside the value are flattened ("base$x", "items$_3$name"), so that one Go allocation stays one object.
 */
#ifndef WRITERS_HPROF_LAYOUT_H
#define WRITERS_HPROF_LAYOUT_H

#include "base/arena.h"
#include "heapconv/heapconv.h"
#include "writers/names.h"

enum place_kind {
	PLACE_COPY,   /* a number as it is */
	PLACE_LEN,    /* a length: one word, as an int */
	PLACE_REF,    /* a pointer */
	PLACE_STRING, /* {pointer, length}: a reference to a java.lang.String */
	PLACE_IFACE,  /* an interface: a reference to what it holds */
};

enum {
	PLACE_ZERO_SIZE = 1 << 0, /* PLACE_REF to a type of size 0 */
};

struct place {
	uint32_t offset; /* in the value */
	uint8_t kind;
	uint8_t type;    /* enum hprof_type of the field */
	uint8_t guard;   /* entry of a map group, from 1 on: numbers of entries that are empty are written as 0; 0: none */
	uint8_t flags;
	uint32_t go_type; /* PLACE_IFACE: number of the interface type */
	const char *name; /* with a leading "$", or "" for the value itself */
};

enum layout_guard { GUARD_NONE, GUARD_CTRL, GUARD_TOPHASH };

struct layout {
	const struct place *places; /* in order of offset */
	uint32_t n;
	uint32_t payload; /* bytes in the dump */
	uint32_t refs;    /* references among the places */
	uint64_t size;    /* of the value */
	uint8_t guard;    /* enum layout_guard: how the first 8 bytes say which entries exist */
	bool is_struct;   /* names of single values lose their "$" */
	bool words;       /* too many references for one instance: the value is written as an array of words */
};

struct layouts {
	const struct hc_snapshot *s;
	struct arena arena;
	const struct layout **by_type; /* by type number; NULL: not made yet */
	bool raw_strings; /* references to the bytes, and the length, instead of java.lang.String objects */
	unsigned word;
	/* While one is made: */
	struct name path;
	struct place *scratch;
	uint32_t len, refs, payload;
	bool failed, full;
};

struct hc_error *layouts_init(struct layouts *l, const struct hc_snapshot *s, bool raw_strings) HC_MUST_CHECK;
void layouts_deinit(struct layouts *l);

/* The layout of a type; NULL when memory ran out. */
const struct layout *layout_of(struct layouts *l, const struct hc_type *t);

/* The basic type of a number of this kind that needs one field, or 0 (complex numbers have two, others none). */
uint8_t layout_number(enum hc_kind kind, uint64_t size);
/* Is a value of this kind one pointer word? */
bool layout_is_pointer(enum hc_kind kind);

#endif
