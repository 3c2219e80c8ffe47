/* SPDX-License-Identifier: MIT */
/* A bump arena: many small allocations that live and die together. Zeroed memory, 16-byte aligned. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena {
	struct arena_block *blocks;
	size_t used;
};

/* NULL when memory ran out. */
void *arena_alloc(struct arena *a, size_t size);
/* Copies n bytes and adds a NUL. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *a);

#endif
