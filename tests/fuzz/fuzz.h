/* SPDX-License-Identifier: MIT */
/*
 * What all fuzz targets share. A target is one function over bytes, linked with clang's libFuzzer (`make fuzz`) or with
 * replay.c (`make unit`), and asserts properties of what it gets: survival is the least of them.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heapconv/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_EXPECT(cond)                                                                                              \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			fprintf(stderr, "%s:%d: property violated: %s\n", __FILE__, __LINE__, #cond);                  \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* Errors are one line of text; never out of memory, which would mean that a number of the input was believed. */
static inline void fuzz_error(struct hc_error *err)
{
	if (!err)
		return;
	FUZZ_EXPECT(*hc_error_message(err) && !strchr(hc_error_message(err), '\n'));
	FUZZ_EXPECT(hc_error_code(err) != HC_E_NOMEM);
	hc_error_free(err);
}

/* The first byte of the input, which picks a variant; 0 when there is none. */
static inline uint8_t fuzz_take(const uint8_t **data, size_t *size)
{
	if (!*size)
		return 0;
	--*size;
	return *(*data)++;
}

/*
 * Changes to a well-formed image: records of {offset, length 1..8, bytes}. The empty input leaves it as it is, so that
 * the fuzzer starts deep inside, and inputs stay small.
 */
static inline void fuzz_patch(uint8_t *image, size_t image_size, const uint8_t *data, size_t size)
{
	while (size >= 4) {
		size_t at = (size_t)data[0] << 8 | data[1], n = data[2] % 8 + 1u;
		data += 3, size -= 3;
		for (; n && size; n--, at++, data++, size--)
			image[at % image_size] = *data;
	}
}

#endif
