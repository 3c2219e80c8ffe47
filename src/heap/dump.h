/* SPDX-License-Identifier: MIT */
/* The heap model from the records of a heap dump: shared by the dump*.c files only (and heap.c, which frees it). */
#ifndef HEAP_DUMP_H
#define HEAP_DUMP_H

#include "base/strtab.h"
#include "heap/heap.h"
#include "reader/dump.h"

/* Bytes of a stack frame, which are somewhere in the file, or of an itab, made from its record. */
struct memory_piece {
	uint64_t addr;
	const uint8_t *data;
	uint64_t size;
};

struct dump_model {
	uint64_t *bits; /* pointer bits of all spans */
	uint64_t bits_size;
	VEC(struct memory_piece) pieces; /* sorted by address once all are there */
	uint64_t *variables[2];         /* masks of data and bss, in the heap's arena */
	struct strtab texts;
	uint64_t phantoms; /* records that are no objects */
};

void dump_close(struct heap *h); /* also where there is no dump */
/* Text of a record, kept with the model; NULL: out of memory. */
const char *dump_text(struct heap *h, const uint8_t *text, uint64_t len);

struct hc_error *dump_load_spans(struct heap *h, unsigned threads) HC_MUST_CHECK;      /* dump_spans.c */
struct hc_error *dump_load_goroutines(struct heap *h) HC_MUST_CHECK;                   /* dump_stacks.c */
struct hc_error *dump_stack_roots(struct root_builder *b, uint32_t group) HC_MUST_CHECK; /* dump_stacks.c */
struct hc_error *dump_load_specials(struct heap *h) HC_MUST_CHECK;                     /* dump_specials.c */
struct hc_error *dump_queue_roots(struct root_builder *b, uint32_t fin, uint32_t clean) HC_MUST_CHECK;

#endif
