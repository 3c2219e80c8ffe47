/* SPDX-License-Identifier: MIT */
/* gzip both ways, zlib one way; base/gz.c is the only user of zlib. */
#ifndef BASE_GZ_H
#define BASE_GZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Receives bytes; returns 0 or an errno value, which stops the work. */
typedef int gz_out_fn(void *ctx, const void *data, size_t size);

/*
 * Decompresses gzip (all members) from memory. A stream that ends early or is damaged yields what came before; *cut says
 * so. Only out's failures and lack of memory are errors.
 */
struct hc_error *gz_inflate(const void *data, size_t size, gz_out_fn *out, void *ctx, bool *cut) HC_MUST_CHECK;

/* The checksum that gzip uses, of plain data. */
uint32_t gz_crc32(const void *data, size_t size);

/* Decompresses one zlib stream of known full size into out; false when it is damaged or of another size. */
bool gz_zlib(const void *data, size_t size, void *out, size_t out_size);

struct gz_deflate;
/* One gzip member, level 1, no time stamp and no name: the same bytes for the same input. */
struct hc_error *gz_deflate_new(gz_out_fn *out, void *ctx, struct gz_deflate **ret) HC_MUST_CHECK;
/*
 * Members of GZ_BLOCK bytes, which do not depend on each other nor on the number of threads; the first one's comment says so
 * in the way of HotSpot's heap dumps.
 */
enum { GZ_BLOCK = 256 << 10 };
struct hc_error *gz_deflate_blocks_new(gz_out_fn *out, void *ctx, unsigned threads, struct gz_deflate **ret) HC_MUST_CHECK;
/* Returns 0 or an errno value. */
int gz_deflate_write(struct gz_deflate *z, const void *data, size_t size);
int gz_deflate_end(struct gz_deflate *z); /* flushes */
void gz_deflate_free(struct gz_deflate *z);

#endif
