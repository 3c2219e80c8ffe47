/* SPDX-License-Identifier: MIT */
/* The pipeline up to the heap model, over bytes in memory, for tests. */
#ifndef SUPPORT_DUMPOPEN_H
#define SUPPORT_DUMPOPEN_H

#include <string.h>

#include "heap/heap.h"

struct opened {
	struct diag diag;
	struct proc *proc;
	struct types *types;
	struct program *prog;
	struct heap *heap;
};

static inline void close_all(struct opened *o)
{
	heap_close(o->heap);
	program_close(o->prog);
	types_close(o->types);
	proc_close(o->proc);
	diag_deinit(&o->diag);
}

/* *o must be closed in any case. */
static inline struct hc_error *open_bytes(struct opened *o, const uint8_t *data, size_t size, bool force)
{
	struct blob *blob;
	struct proc_opts opts = {.path = "test.heapdump", .force = force};
	memset(o, 0, sizeof(*o));
	diag_init(&o->diag, NULL, NULL);
	struct hc_error *err = blob_from_memory("test.heapdump", data, size, &blob);
	if (!err)
		err = proc_open_blob(blob, &opts, &o->diag, &o->proc);
	if (!err)
		err = types_open(o->proc, &o->diag, &o->types);
	if (!err)
		err = program_open(o->proc, &o->types->layout, o->types, &o->diag, &o->prog);
	if (!err)
		err = heap_open(o->proc, o->types, o->prog, 2, &o->diag, &o->heap);
	return err;
}

#endif
