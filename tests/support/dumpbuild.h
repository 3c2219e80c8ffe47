/* SPDX-License-Identifier: MIT */
/* Writes heap dumps (runtime/debug.WriteHeapDump) into memory, for tests. Aborts when memory runs out. */
#ifndef SUPPORT_DUMPBUILD_H
#define SUPPORT_DUMPBUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct dumpbuild {
	unsigned word;
	bool be;
	VEC(uint8_t) out;
};

/* The header only. */
void hdb_init(struct dumpbuild *b, unsigned word, bool be);
void hdb_free(struct dumpbuild *b);

void hdb_int(struct dumpbuild *b, uint64_t v);
void hdb_text(struct dumpbuild *b, const char *s);
void hdb_bytes(struct dumpbuild *b, const void *data, size_t n); /* as they are */
/* Numbers in a row, the first being the record's tag. */
void hdb_ints(struct dumpbuild *b, const uint64_t *v, size_t n);
#define HDB_INTS(b, ...) hdb_ints(b, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / 8)

/* A memory block of `size` bytes, zeros but for the words at the given offsets, and those as its pointer fields. */
struct hdb_word {
	uint64_t offset, value;
};
void hdb_block(struct dumpbuild *b, uint64_t size, const struct hdb_word *words, size_t n);

void hdb_params(struct dumpbuild *b, const char *goarch, const char *version);
void hdb_object(struct dumpbuild *b, uint64_t addr, uint64_t size, const struct hdb_word *words, size_t n);
#define HDB_WORDS(...) ((const struct hdb_word[]){__VA_ARGS__}), sizeof((const struct hdb_word[]){__VA_ARGS__}) / sizeof(struct hdb_word)
/* data (12) or bss (13) */
void hdb_section(struct dumpbuild *b, unsigned tag, uint64_t addr, uint64_t size, const struct hdb_word *words, size_t n);
void hdb_goroutine(struct dumpbuild *b, uint64_t g, uint64_t id, uint64_t status, const char *reason, uint64_t context);
void hdb_frame(struct dumpbuild *b, uint64_t sp, unsigned depth, uint64_t pc, const char *name, uint64_t size,
              const struct hdb_word *words, size_t n);
/* MemStats with these figures. */
void hdb_memstats(struct dumpbuild *b, uint64_t heap_objects, uint64_t heap_alloc, uint64_t heap_inuse);
void hdb_end(struct dumpbuild *b);

/*
 * A dump with a record of every kind and ten objects, of spans of 48 bytes with pointers, 64 bytes without, 3072 bytes (in
 * spans of 24 KiB) and 40 KiB. Addresses: hdb_arena() + DB_*.
 */
enum { HDB_A = 0, HDB_NOSCAN = 0x2000, HDB_MEDIUM = 0x4000, HDB_LARGE = 0xa000, HDB_LARGE_SIZE = 5 * 8192, HDB_STACK = 0x200000 };
enum { HDB_DATA = 0x500000, HDB_BSS = 0x600000 }; /* these are addresses */
uint64_t hdb_arena(const struct dumpbuild *b);
void hdb_sample(struct dumpbuild *b, const char *goarch, const char *version);

#endif
