/* SPDX-License-Identifier: MIT */
/* An open-addressing map from 64-bit keys to 32-bit values, for tables of types and addresses (never per object). */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stdint.h>

struct map {
	struct map_slot *slots;
	uint64_t mask;
	uint64_t len;
};

/* False when memory ran out. An existing key's value is replaced. */
bool map_put(struct map *m, uint64_t key, uint32_t value);
bool map_get(const struct map *m, uint64_t key, uint32_t *ret);
void map_free(struct map *m);

#endif
