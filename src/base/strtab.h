/* SPDX-License-Identifier: MIT */
/* Interned strings: equal text gets one dense id, in order of first appearance, starting at 0. */
#ifndef BASE_STRTAB_H
#define BASE_STRTAB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"

struct strtab_entry {
	const char *text;
	uint32_t len;
	uint32_t hash;
};

struct strtab {
	VEC(struct strtab_entry) strings;
	uint32_t *index; /* id + 1; 0 is empty */
	uint32_t mask;
	struct arena arena;
};

/* False when memory ran out (or with more than 2^31 strings). The text is copied. */
bool strtab_add(struct strtab *t, const char *text, size_t len, uint32_t *ret);
bool strtab_find(const struct strtab *t, const char *text, size_t len, uint32_t *ret);
void strtab_free(struct strtab *t);

static inline const char *strtab_text(const struct strtab *t, uint32_t id)
{
	return t->strings.data[id].text;
}

#endif
