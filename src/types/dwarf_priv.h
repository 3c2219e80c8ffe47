/* SPDX-License-Identifier: MIT */
/*
 * Private to the dwarf_*.c files: debugging information entries (DIEs) without libdwarf's types, and what one pass over
 * them leaves behind. Offsets of DIEs are those in .debug_info. Strings live as long as the handle. Not thread-safe.
 */
#ifndef TYPES_DWARF_PRIV_H
#define TYPES_DWARF_PRIV_H

#include "types/types.h"

/* ---- dwarf.c: the wrapper around libdwarf ---- */

enum { /* the tags (DW_TAG_*) that the other files look at */
	TAG_ARRAY = 0x01, TAG_PARAM = 0x05, TAG_BLOCK = 0x0b, TAG_MEMBER = 0x0d, TAG_POINTER = 0x0f, TAG_STRUCT = 0x13,
	TAG_FUNCTYPE = 0x15, TAG_TYPEDEF = 0x16, TAG_INLINED = 0x1d, TAG_SUBRANGE = 0x21, TAG_BASE = 0x24,
	TAG_CONSTANT = 0x27, TAG_SUBPROGRAM = 0x2e, TAG_VARIABLE = 0x34,
};

struct die {
	struct Dwarf_Die_s *h;
	uint64_t off;
	uint16_t tag;
};

enum { /* struct attrs.have */
	HAVE_SIZE = 1 << 0, HAVE_COUNT = 1 << 1, HAVE_VALUE = 1 << 2, HAVE_LOW = 1 << 3, HAVE_HIGH = 1 << 4,
	HAVE_RANGES = 1 << 5, HAVE_LOCATION = 1 << 6, HAVE_CLOSURE = 1 << 7, HAVE_ADDR = 1 << 8,
};

struct attrs {
	unsigned have;
	const char *name;                 /* "" where there is none */
	uint64_t type, elem, key, origin; /* offsets of other DIEs; 0 = none */
	uint64_t size, count, member_off;
	uint64_t rtype;                   /* DW_AT_go_runtime_type: offset from runtime.types; 0 = none */
	uint64_t low, high;               /* addresses in the file; high is exclusive */
	uint64_t addr;                    /* the location is this file address (HAVE_ADDR) */
	int64_t value;                    /* DW_AT_const_value */
	uint32_t line, closure;           /* declaration; offset in the closure object */
	uint16_t lang;
	uint8_t kind;                     /* DW_AT_go_kind */
	bool embedded, result;
};

struct dwarf_cu {
	uint64_t die;     /* offset of the unit's own DIE */
	const char *name; /* import path */
	uint64_t low;     /* base address of its range lists */
	uint32_t func, nfuncs; /* its functions in dwarf.funcs, by address */
	bool indexed;
	bool ranged;      /* its address ranges are in dwarf.cu_ranges */
};

/* Addresses in the file of which DIE or unit `owner`. */
struct dwarf_range {
	uint64_t lo, hi;
	uint64_t owner;
};

/* A variable's place while pc is in [lo, hi); lo = 0, hi = UINT64_MAX: always. */
struct dwarf_loc {
	uint64_t lo, hi;
	uint32_t piece, npieces; /* in dwarf_locs.pieces */
};

typedef VEC(struct dwarf_range) dwarf_ranges;
struct dwarf_locs {
	VEC(struct dwarf_loc) locs;
	VEC(struct piece) pieces;
};

/* On failure nothing is left to close. */
struct hc_error *dwarf_lib_open(struct dwarf *d) HC_MUST_CHECK;
void dwarf_lib_close(struct dwarf *d);
/* The next unit's own DIE; false after the last. */
bool die_unit_next(struct dwarf *d, struct die *ret);
bool die_at(struct dwarf *d, uint64_t off, struct die *ret);
bool die_child(struct dwarf *d, const struct die *parent, struct die *ret);
/* Turns the DIE into its next sibling; at the end frees it and returns false. */
bool die_next(struct dwarf *d, struct die *die);
void die_free(struct dwarf *d, struct die *die);
void die_attrs(struct dwarf *d, const struct die *die, struct attrs *ret);
/*
 * Appends the address ranges of the DIE (low and high pc, or range list). `base` is the low pc of its unit. False when
 * memory ran out.
 */
bool die_ranges(struct dwarf *d, const struct die *die, const struct attrs *a, uint64_t base, uint64_t owner,
                dwarf_ranges *ret);
/* Appends the places of a variable. False when memory ran out. */
bool die_location(struct dwarf *d, const struct die *die, struct dwarf_locs *ret);

/* ---- dwarf_sections.c: the sections, in the form that every libdwarf decompresses ---- */

struct dwarf_section {
	const char *name;
	const uint8_t *data;
	uint64_t size, addr;
	uint8_t *own; /* data, where it had to be rewritten */
};
typedef VEC(struct dwarf_section) dwarf_sections;

struct hc_error *dwarf_sections_find(const struct exe *exe, struct diag *diag, dwarf_sections *ret) HC_MUST_CHECK;
void dwarf_sections_free(dwarf_sections *s);

/* ---- dwarf_scan.c: top-level entries of all Go units, read once ---- */

struct raw_type {
	const char *name;
	uint64_t ref, elem, key; /* offsets of DIEs; 0 = none */
	uint64_t size, count, rtype;
	uint32_t member, nmembers; /* in scan.members */
	uint32_t id;               /* in the type table; TYPE_NONE until dwarf_load_types() */
	uint16_t tag;
	uint8_t kind;
};

struct raw_member {
	const char *name;
	uint64_t ref, off;
	bool embedded;
};

struct raw_var {
	const char *name;
	uint64_t ref, addr;
};

struct scan {
	bool done;
	VEC(uint64_t) offs; /* of types, ascending */
	VEC(struct raw_type) types;
	VEC(struct raw_member) members;
	VEC(struct raw_var) vars;
	struct strtab const_names; /* constants of the runtime */
	VEC(int64_t) const_values;
	struct strtab struct_names; /* structs of the runtime */
	VEC(uint32_t) struct_types;
};

/* Does the work at the first call. */
struct hc_error *dwarf_scan(struct dwarf *d) HC_MUST_CHECK;
/* The type whose DIE is at the offset; TYPE_NONE: there is none. */
uint32_t scan_type_at(const struct scan *s, uint64_t off);
/* The same behind all typedefs that only give another name. */
uint32_t scan_resolve(const struct scan *s, uint64_t off);

/* ---- dwarf_locals.c ---- */

/* Turns the operations of one location expression into pieces. */
struct loc_state {
	struct piece pieces[MAX_PIECES];
	unsigned npieces;
	struct piece cur;
	uint64_t bias;
	int64_t constant; /* to be added */
};
void loc_op(struct loc_state *st, unsigned op, uint64_t arg);
void loc_end(struct loc_state *st);

struct dwarf_var {
	const char *name, *func;
	uint32_t type;
	uint32_t line, closure; /* closure 0: not captured */
	uint32_t scope, nscope; /* ranges where it is in scope, in dwarf.scopes; none: the whole function */
	uint32_t loc, nlocs;    /* in dwarf.locs */
	bool param, result;
};

struct dwarf_func {
	uint64_t lo, hi; /* addresses in the file */
	uint64_t die;
	uint32_t var, nvars; /* in dwarf.vars */
	uint32_t cu;
	bool parsed;
};

void dwarf_locals_free(struct dwarf *d);

struct dwarf {
	struct Dwarf_Debug_s *dbg;
	struct dwarf_object *object; /* what libdwarf reads the sections through */
	const struct exe *exe;
	uint64_t bias;
	struct diag *diag;
	dwarf_sections sections;
	VEC(struct dwarf_cu) cus; /* of Go only */
	struct scan scan;
	dwarf_ranges cu_ranges; /* owner = index of the unit; sorted by address */
	VEC(struct dwarf_func) funcs; /* of the units indexed so far */
	VEC(struct dwarf_var) vars;   /* of the functions read so far */
	dwarf_ranges scopes;
	struct dwarf_locs locs;
	struct arena arena;
};

#endif
