/* SPDX-License-Identifier: MIT */
/*
 * Writes debugging information as Go's compiler and linker do, in DWARF 4 or 5, for tests. An entry is added by db_die()
 * with its attributes; those that have children are closed by db_end(). Aborts when memory runs out.
 */
#ifndef SUPPORT_DWARFBUILD_H
#define SUPPORT_DWARFBUILD_H

#include "tests/support/corebuild.h"

/* The values of struct db_attr; which of them counts follows from the form. */
enum db_form { DB_STRING, DB_UDATA, DB_SDATA, DB_ADDR, DB_REF, DB_FLAG, DB_EXPR, DB_SECOFF, DB_DATA8 };

struct db_attr {
	uint16_t name; /* DW_AT_* */
	enum db_form form;
	uint64_t value;   /* DB_REF: a label */
	const char *text; /* DB_STRING; DB_EXPR: `value` bytes */
};

typedef VEC(uint8_t) db_buffer;

struct dwarfbuild {
	unsigned version; /* 4 or 5 */
	unsigned word;
	bool be;
	db_buffer info, abbrev, loc, ranges;
	VEC(uint64_t) labels; /* label -> offset in info */
	struct db_fixup {
		size_t at;
		uint64_t label;
	} *fixups;
	size_t nfixups, capfixups;
	uint64_t nabbrev;
	size_t unit; /* where the open unit starts */
	VEC(uint8_t *) owned; /* compressed sections */
};

void db_init(struct dwarfbuild *b, unsigned version, unsigned word, bool be);
void db_free(struct dwarfbuild *b);
/* A label for references, to be placed by db_die(). 0 is "none". */
uint64_t db_label(struct dwarfbuild *b);
/* Begins a unit with the name and DW_AT_language; low = 0: no code. Closed by db_unit_end(). */
void db_unit(struct dwarfbuild *b, const char *name, unsigned lang, uint64_t low, uint64_t high);
void db_unit_end(struct dwarfbuild *b);
/* Adds an entry at the label (0: none). */
void db_die(struct dwarfbuild *b, uint64_t label, unsigned tag, bool children, const struct db_attr *attrs, size_t n);
void db_end(struct dwarfbuild *b);
#define DB_DIE(b, label, tag, children, ...)                                                                           \
	db_die(b, label, tag, children, (const struct db_attr[]){__VA_ARGS__},                                         \
	       sizeof((const struct db_attr[]){__VA_ARGS__}) / sizeof(struct db_attr))
/* Begins a location list of addresses relative to base and returns its offset; entries, then the end. */
uint64_t db_loc_begin(struct dwarfbuild *b, uint64_t base);
void db_loc_entry(struct dwarfbuild *b, uint64_t lo, uint64_t hi, const char *expr, size_t n);
void db_loc_end(struct dwarfbuild *b);
/* The same for ranges; lo and hi are relative to base. */
uint64_t db_range_begin(struct dwarfbuild *b, uint64_t base);
void db_range_entry(struct dwarfbuild *b, uint64_t lo, uint64_t hi);
void db_range_end(struct dwarfbuild *b);
/* Resolves labels and adds the sections to cb; `compress`: "" none, "z" .zdebug_*, "c" SHF_COMPRESSED. */
void db_sections(struct dwarfbuild *b, struct corebuild *cb, const char *compress);

#endif
