/* SPDX-License-Identifier: MIT */
/*
 * A heap dump as the snapshot of a process: what one pass over the file finds. The runtime's structures are not in it, nor
 * the address space; what it records instead is here for the heap layer.
 */
#ifndef READER_DUMP_H
#define READER_DUMP_H

#include "reader/heapdump.h"

/* Object records of one size that follow each other in the file, their addresses ascending within one 8 KiB page. */
struct hd_run {
	uint64_t at;   /* of the first record */
	uint64_t addr; /* of the first object */
	uint64_t size; /* of each */
	uint32_t n;
	bool pointers; /* some object has pointer fields */
};

struct dump {
	const uint8_t *data;
	uint64_t end;              /* of the last whole record */
	bool cut;                  /* what comes after `end` is missing */
	VEC(struct hd_run) runs;   /* in the order of the file */
	uint64_t nobjects;         /* records, phantoms among them */
	uint64_t nframes;
	/* Offsets of all other records but those that follow their goroutine's (frames, defers, panics). */
	VEC(uint64_t) records[HD_NTAGS];
	/* Bytes at addresses that no segment covers: objects and stacks. Set once the heap layer knows where they are. */
	const uint8_t *(*resolve)(const void *ctx, uint64_t addr, uint64_t *avail);
	const void *resolve_ctx;
};

/* The record at an offset that is in struct dump. */
void dump_record(const struct dump *d, uint64_t at, struct hd_record *ret);
/* The first record of a kind; false: there is none. */
bool dump_first(const struct dump *d, enum hd_tag tag, struct hd_record *ret);
/* A reader of the records from such an offset on. */
struct hd_reader dump_reader(const struct dump *d, uint64_t at);

/* Positions in HD_MEMSTATS of what the ledger needs, in the order of runtime.MemStats. */
enum hd_memstat {
	HD_HEAPALLOC = 6, HD_HEAPSYS, HD_HEAPIDLE, HD_HEAPINUSE, HD_HEAPRELEASED, HD_HEAPOBJECTS, HD_STACKINUSE, HD_STACKSYS,
	HD_MSPANINUSE, HD_MSPANSYS, HD_MCACHEINUSE, HD_MCACHESYS, HD_BUCKHASHSYS, HD_GCSYS, HD_OTHERSYS,
};

#endif
