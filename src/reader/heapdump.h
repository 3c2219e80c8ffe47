/* SPDX-License-Identifier: MIT */
/*
 * Records of a debug.WriteHeapDump file. The header says "go1.7 heap dump" for every release from 1.7 to 1.27; format:
 * src/runtime/heapdump.go. Numbers are uvarints whatever the target's byte order; memory contents are as in the target.
 */
#ifndef READER_HEAPDUMP_H
#define READER_HEAPDUMP_H

#include "reader/reader.h"

enum hd_tag {
	HD_EOF, HD_OBJECT, HD_OTHERROOT, HD_TYPE, HD_GOROUTINE, HD_FRAME, HD_PARAMS, HD_FINALIZER, HD_ITAB, HD_THREAD,
	HD_MEMSTATS, HD_QUEUEDFIN, HD_DATA, HD_BSS, HD_DEFER, HD_PANIC, HD_MEMPROF, HD_SAMPLE,
	HD_NTAGS,
};

enum { HD_MAX_INTS = 26, HD_MEMSTATS_INTS = 24 };

/* One record. What each number means: hd_shape[] in heapdump.c, in the order of heapdump.go. */
struct hd_record {
	enum hd_tag tag;
	uint64_t at;              /* offset of the record in the file */
	uint64_t n[HD_MAX_INTS];  /* its numbers, in order; strings, memory and fields are not among them */
	const uint8_t *text[2];   /* its strings, in order */
	uint64_t text_len[2];
	const uint8_t *mem;       /* its memory block */
	uint64_t mem_len;
	const uint8_t *fields;    /* {1, offset}*, 0: pointers in the block; read with hd_field_next() */
	const uint8_t *frames;    /* HD_MEMPROF: n[2] of {function, file, line}; read with hd_site_frame() */
};

struct hd_reader {
	const uint8_t *data;
	uint64_t size, at;
	bool cut;                 /* the file ends inside a record, or without the end record */
	const char *damage;       /* NULL, or what is wrong */
	uint64_t bad_at;          /* where in the file */
};

/* False when the file is no heap dump of this format. */
bool hd_open(struct hd_reader *r, const uint8_t *data, uint64_t size);
/* The next record; false at the end, at a cut, or at damage. */
bool hd_next(struct hd_reader *r, struct hd_record *ret);
/* Offsets of pointer fields; *at starts as record.fields. False at the end. Only for lists that hd_next() has checked. */
bool hd_field_next(const uint8_t **at, uint64_t *offset);
/* One frame of an allocation site; *at starts as record.frames. The same holds. */
void hd_site_frame(const uint8_t **at, const uint8_t *text[2], uint64_t text_len[2], uint64_t *line);
/* For people: the name of a record kind; those of its numbers and strings, blank-separated, in their order, with # in front
 * of the ones to be shown in decimal; which of these are strings. */
const char *hd_tag_name(enum hd_tag tag);
const char *hd_tag_fields(enum hd_tag tag);
bool hd_tag_text(enum hd_tag tag, unsigned i);

#endif
