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
	HAVE_VALUE = 1 << 0, HAVE_LOW = 1 << 1, HAVE_HIGH = 1 << 2, HAVE_RANGES = 1 << 3, HAVE_LIST = 1 << 4,
	HAVE_DICT = 1 << 5,
};

struct attrs {
	unsigned have;
	const char *name;                 /* "" where there is none */
	uint64_t type, elem, key, origin; /* offsets of other DIEs; 0 = none */
	uint64_t size, count, member_off;
	uint64_t rtype;                   /* DW_AT_go_runtime_type: offset from runtime.types; 0 = none */
	uint64_t low, high;               /* addresses in the file; high is exclusive */
	uint64_t ranges;                  /* offset in the section of range lists (HAVE_RANGES) */
	uint64_t list;                    /* offset in the section of location lists (HAVE_LIST) */
	const uint8_t *expr;              /* the location as one expression; NULL: none */
	size_t expr_len;
	int64_t value;                    /* DW_AT_const_value */
	uint32_t line, closure;           /* declaration; offset in the closure object */
	uint32_t dict;                    /* index in the dictionary (HAVE_DICT) */
	uint16_t lang;
	uint8_t kind;                     /* DW_AT_go_kind */
	bool embedded, result;
};

struct dwarf_cu {
	uint64_t die;     /* offset of the unit's own DIE */
	const char *name; /* import path */
	uint64_t low;     /* base address of its lists */
	unsigned version; /* of DWARF */
	uint32_t func, nfuncs; /* its functions in dwarf.funcs, by address */
	bool indexed;
	bool ranged;      /* its address ranges are in dwarf.cu_ranges */
};

/*
 * Entries may name the same strings, lists and abbreviations time and again: a small file can ask for work without end.
 * Takes n from what the sections' sizes allow; false, and a finding, when it is spent.
 */
bool dwarf_work(struct dwarf *d, uint64_t n);

/* On failure nothing is left to close. */
struct hc_error *dwarf_lib_open(struct dwarf *d) HC_MUST_CHECK;
void dwarf_lib_close(struct dwarf *d);
/* The next unit's own DIE and its version of DWARF; false after the last. */
bool die_unit_next(struct dwarf *d, struct die *ret, unsigned *version);
bool die_at(struct dwarf *d, uint64_t off, struct die *ret);
bool die_child(struct dwarf *d, const struct die *parent, struct die *ret);
/* Turns the DIE into its next sibling; at the end frees it and returns false. */
bool die_next(struct dwarf *d, struct die *die);
void die_free(struct dwarf *d, struct die *die);
void die_attrs(struct dwarf *d, const struct die *die, struct attrs *ret);
/* Entry `index` of the unit's table of addresses (.debug_addr). */
bool die_addr(struct dwarf *d, const struct die *die, uint64_t index, uint64_t *ret);

/* ---- dwarf_sections.c ---- */

enum dwarf_section_id {
	SEC_INFO, SEC_ABBREV, SEC_ADDR, SEC_STR, SEC_LINE_STR, SEC_STR_OFFSETS,
	SEC_LIBDWARF, /* libdwarf sees those before; the lists below are read by dwarf_lists.c */
	SEC_LOC = SEC_LIBDWARF, SEC_LOCLISTS, SEC_RANGES, SEC_RNGLISTS,
	SEC_COUNT
};

struct dwarf_section {
	const uint8_t *data; /* NULL: not there */
	uint64_t size;
	uint8_t *own;        /* data, where it was compressed */
	bool loaded;
};

/* The section's bytes, decompressed when first asked for; an absent or damaged one is empty. */
struct hc_error *dwarf_section(struct dwarf *d, enum dwarf_section_id id, const struct dwarf_section **ret) HC_MUST_CHECK;
const char *dwarf_section_name(enum dwarf_section_id id);
void dwarf_sections_free(struct dwarf *d);

/* ---- dwarf_lists.c: address ranges and locations ---- */

/* Addresses in the file that belong to unit or scope `owner`. */
struct dwarf_range {
	uint64_t lo, hi;
	uint64_t owner;
};
typedef VEC(struct dwarf_range) dwarf_ranges;

/* A variable's place while pc is in [lo, hi); lo = 0, hi = UINT64_MAX: always. */
struct dwarf_loc {
	uint64_t lo, hi;
	uint32_t piece, npieces; /* in dwarf_locs.pieces */
};
struct dwarf_locs {
	VEC(struct dwarf_loc) locs;
	VEC(struct piece) pieces;
};

/* Appends the address ranges of the DIE: from low to high pc, or the range list. */
struct hc_error *die_ranges(struct dwarf *d, const struct die *die, const struct attrs *a, const struct dwarf_cu *cu,
                            uint64_t owner, dwarf_ranges *ret) HC_MUST_CHECK;
/* Appends the places of a variable. */
struct hc_error *die_locations(struct dwarf *d, const struct die *die, const struct attrs *a, const struct dwarf_cu *cu,
                               struct dwarf_locs *ret) HC_MUST_CHECK;
/* The address in the file when the location is nothing but an address; false: it is something else. */
bool die_static_addr(struct dwarf *d, const struct die *die, const struct attrs *a, uint64_t *ret);

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

struct dwarf_var {
	const char *name, *func;
	uint32_t type;
	uint32_t line, closure; /* closure 0: not captured */
	int32_t dict;           /* index of the type in the dictionary; -1 none */
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
	struct dwarf_section sections[SEC_COUNT];
	VEC(struct dwarf_cu) cus; /* of Go only */
	struct scan scan;
	dwarf_ranges cu_ranges; /* owner = index of the unit; sorted by address */
	VEC(struct dwarf_func) funcs; /* of the units indexed so far */
	VEC(struct dwarf_var) vars;   /* of the functions read so far */
	dwarf_ranges scopes;
	struct dwarf_locs locs;
	uint64_t work; /* bytes and entries that may still be looked at, see dwarf_work() */
	struct arena arena;
};

#endif
