/* SPDX-License-Identifier: MIT */
/* Writes ELF cores and executables into memory, well-formed or lying, for tests. Aborts when memory runs out. */
#ifndef SUPPORT_COREBUILD_H
#define SUPPORT_COREBUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct cb_segment {
	uint64_t vaddr, memsz, filesz;
	uint32_t flags; /* PF_* */
	const void *data; /* `have` bytes, copied when built; the file may claim more in filesz */
	size_t have;
	uint64_t offset; /* set by cb_build(), unless fixed_offset */
	bool fixed_offset;
};

struct cb_symbol {
	const char *name;
	uint64_t value, size;
	uint8_t type; /* STT_* */
};

struct cb_section {
	const char *name;
	uint32_t type; /* SHT_* */
	uint64_t addr, flags;
	const void *data;
	size_t size;
	bool of_memory; /* data lies in the segment at addr: the section only points there */
};

struct cb_file {
	uint64_t start, end, offset; /* offset in bytes: what is written is offset / unit */
	const char *path;
};

struct corebuild {
	unsigned word; /* 4 or 8 */
	bool be;
	uint16_t machine, type; /* ET_CORE unless set; ET_EXEC and ET_DYN map their headers with segment 0 */
	uint64_t entry;
	bool headers_last; /* program headers and notes at the end, as gcore and dlv do */
	bool xnum;         /* the number of segments in section header 0, at the end */
	unsigned pad;      /* odd bytes before each segment's data */
	unsigned note_align; /* p_align of PT_NOTE */
	bool note_at_8;      /* pad notes to 8 bytes */
	uint32_t phnum_lie;  /* what to write instead of the number of segments; 0: the truth */
	VEC(struct cb_segment) segs;
	VEC(uint8_t) notes;
	VEC(struct cb_symbol) symbols;
	VEC(struct cb_section) sections;
	/* results of cb_build() */
	uint64_t phoff, note_offset;
};

/* An amd64 core; change word, be, machine and the rest afterwards. */
void cb_init(struct corebuild *cb);
void cb_free(struct corebuild *cb);

struct cb_segment *cb_segment(struct corebuild *cb, uint64_t vaddr, uint64_t memsz, uint32_t flags, const void *data,
                              size_t filesz);
/* name NULL: namesz 0. */
void cb_note(struct corebuild *cb, const char *name, uint32_t type, const void *desc, size_t size);
/* The machine's NT_PRSTATUS with these registers (amd64, arm64, 386, mips and others as in the reader's table). */
void cb_prstatus(struct corebuild *cb, uint32_t tid, uint16_t signo, uint64_t pc, uint64_t sp, uint64_t g);
void cb_psinfo(struct corebuild *cb, uint32_t pid, const char *fname, const char *psargs);
/* Pairs (key, value), without the final zeros. */
void cb_auxv(struct corebuild *cb, const uint64_t *pairs, size_t npairs);
void cb_files(struct corebuild *cb, const struct cb_file *files, size_t n, uint64_t unit);

/* Go's build information (the form since 1.18) in buf, which is large enough; returns its size. */
size_t cb_buildinfo(uint8_t *buf, const char *version, const char *modinfo);

/* The file; the caller frees it. May be called again after changes. */
uint8_t *cb_build(struct corebuild *cb, size_t *size);

/* Stores a word of `size` bytes. */
void cb_store(uint8_t *p, uint64_t v, unsigned size, bool be);

#endif
