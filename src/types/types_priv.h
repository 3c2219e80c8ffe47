/* SPDX-License-Identifier: MIT */
/* Private to the types layer: how the readers of DWARF, symbols and descriptors fill the type table. */
#ifndef TYPES_TYPES_PRIV_H
#define TYPES_TYPES_PRIV_H

#include "types/types.h"

/*
 * Name of a package's type as users write it: the linker escapes dots in the last element of an import path
 * ("gopkg.in/yaml%2ev3.Node"). Interned; NULL when memory ran out.
 */
const char *name_plain(struct types *t, const char *escaped);
/*
 * Import path of a type's or variable's package from the escaped name: "gopkg.in/yaml.v3". "" for unnamed types and
 * predeclared ones. Interned; NULL when memory ran out.
 */
const char *name_package(struct types *t, const char *escaped);

/* Does this import path belong to the Go runtime? */
static inline bool package_is_runtime(const char *pkg)
{
	return strcmp(pkg, "runtime") == 0 || strcmp(pkg, "internal/abi") == 0 ||
	       strncmp(pkg, "internal/runtime/", 17) == 0 || strncmp(pkg, "runtime/internal/", 17) == 0;
}

/* `escaped` is the name in DWARF or the symbol table. False when memory ran out. */
bool types_add_global(struct types *t, const char *escaped, uint64_t addr, uint64_t size, uint32_t type);

#endif
