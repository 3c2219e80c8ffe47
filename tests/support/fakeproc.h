/* SPDX-License-Identifier: MIT */
/* The memory of a made-up process: one piece of bytes at an address, which tests fill and cut short. */
#ifndef TESTS_FAKEPROC_H
#define TESTS_FAKEPROC_H

#include <stdlib.h>

#include "reader/reader.h"

enum { FP_SIZE = 1 << 16 };
#define FP_BASE UINT64_C(0x400000)

struct fakeproc {
	struct proc proc;
	struct segment seg;
	uint64_t start;
	uint8_t data[FP_SIZE];
};

static inline void fp_init(struct fakeproc *f, enum arch arch, uint8_t word, bool be)
{
	memset(f, 0, sizeof(*f));
	f->start = FP_BASE;
	f->seg = (struct segment){.addr = FP_BASE, .size = FP_SIZE, .data = f->data, .source = SEG_CORE, .flags = 6};
	f->proc.arch = arch;
	f->proc.word = word;
	f->proc.be = be;
	f->proc.segs = &f->seg;
	f->proc.seg_starts = &f->start;
	f->proc.nsegs = 1;
}

/* Only the first n bytes exist. */
static inline void fp_cut(struct fakeproc *f, uint64_t n)
{
	f->seg.size = n;
}

static inline void fp_put(struct fakeproc *f, uint64_t addr, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++)
		f->data[addr - FP_BASE + (f->proc.be ? size - 1 - i : i)] = (uint8_t)(value >> (8 * i));
}

static inline void fp_word(struct fakeproc *f, uint64_t addr, uint64_t value)
{
	fp_put(f, addr, f->proc.word, value);
}

static inline void fp_bytes(struct fakeproc *f, uint64_t addr, const void *data, size_t n)
{
	memcpy(f->data + (addr - FP_BASE), data, n);
}

#endif
