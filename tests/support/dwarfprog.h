/* SPDX-License-Identifier: MIT */
/* A small Go program's executable with debugging information, for the tests of the types layer. */
#ifndef TESTS_DWARFPROG_H
#define TESTS_DWARFPROG_H

#include "tests/support/dwarfbuild.h"

enum { /* attributes and tags */
	A_SIBLING = 0x01, A_LOCATION = 0x02, A_NAME = 0x03, A_SIZE = 0x0b, A_LOW = 0x11, A_HIGH = 0x12, A_CONST = 0x1c,
	A_INLINE = 0x20, A_ORIGIN = 0x31, A_COUNT = 0x37, A_MEMBER = 0x38, A_LINE = 0x3b, A_FRAME = 0x40, A_TYPE = 0x49,
	A_RESULT = 0x4b, A_RANGES = 0x55, A_KIND = 0x2900, A_KEY = 0x2901, A_ELEM = 0x2902, A_EMBEDDED = 0x2903,
	A_RTYPE = 0x2904, A_CLOSURE = 0x2907,
	T_ARRAY = 0x01, T_PARAM = 0x05, T_BLOCK = 0x0b, T_MEMBER = 0x0d, T_POINTER = 0x0f, T_STRUCT = 0x13, T_FUNC = 0x15,
	T_TYPEDEF = 0x16, T_INLINED = 0x1d, T_SUBRANGE = 0x21, T_BASE = 0x24, T_CONST = 0x27, T_SUBPROGRAM = 0x2e,
	T_VARIABLE = 0x34,
	LANG_C = 0x0c, LANG_GO = 0x16,
};

/* Addresses in the file. */
enum { DP_TEXT = 0x401000, DP_RODATA = 0x500000, DP_DATA = 0x600000 };

struct dwarfprog {
	struct dwarfbuild db;
	struct corebuild cb;
	uint64_t t_uint8, t_int, t_uintptr, t_unsafe, t_string, t_node, t_node_ptr, t_nodes, t_map, t_chan, t_any, t_func,
	        t_big, t_error, t_huge, t_pair;
};

/* compress as in db_sections(). */
void dp_init(struct dwarfprog *p, unsigned version, unsigned word, bool be, const char *compress);
void dp_free(struct dwarfprog *p);

#endif
