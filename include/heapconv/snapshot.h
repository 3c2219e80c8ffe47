/* SPDX-License-Identifier: MIT */
/* Opening a snapshot: the pipeline from bytes to the reference graph. */
#ifndef HEAPCONV_SNAPSHOT_H
#define HEAPCONV_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapconv/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hc_snapshot;

/** How far hc_open() goes; each stage includes the ones before it. */
enum hc_stage {
	HC_STAGE_ALL = 0,  /**< everything below */
	HC_STAGE_PROCESS,  /**< files, threads, address space */
	HC_STAGE_HEAP,     /**< objects, goroutines, roots */
	HC_STAGE_TYPES,    /**< references, liveness, types */
	HC_STAGE_GRAPH     /**< dominators and retained sizes */
};

struct hc_open_opts {
	size_t size;          /**< sizeof(struct hc_open_opts): lets the struct grow */
	const char *path;     /**< the snapshot */
	const char *exe;      /**< the executable; NULL: find it through the snapshot */
	const char *debug_file; /**< file that holds the executable's debug information; NULL: find it */
	const char *const *sysroots; /**< prefixes for paths found in the snapshot; NULL-terminated or NULL */
	const char *const *search;   /**< directories to look for the executable by name; NULL-terminated or NULL */
	bool force;           /**< go on in spite of a mismatched executable */
	unsigned threads;     /**< 0: as many as the machine has, at most 8 */
	enum hc_stage stage;
	hc_log_fn *log;       /**< may be NULL */
	void *log_ctx;
	/** Called now and then during long work: what is being done, and how far (0..1, negative: unknown). */
	void (*progress)(void *ctx, const char *what, double fraction);
	void *progress_ctx;
	/**
	 * A file of lines "0x6e6f6465 Node": objects whose first 8 bytes hold the number, and whose type is not known, are
	 * called by the name. NULL: none.
	 */
	const char *oids;
};

/** Reads and analyses a snapshot. The result is immutable: many threads may read it. */
HC_API struct hc_error *hc_open(const struct hc_open_opts *opts, struct hc_snapshot **ret) HC_MUST_CHECK;
/** Frees everything that came from the snapshot; NULL is fine. */
HC_API void hc_close(struct hc_snapshot *s);

/** How much the executable told; DESIGN: L0 to L3. */
enum hc_level {
	HC_LEVEL_DWARF,    /**< L0: debug information */
	HC_LEVEL_SYMTAB,   /**< L1: symbol table only */
	HC_LEVEL_STRIPPED, /**< L2: neither */
	HC_LEVEL_NO_EXE    /**< L3: no executable at all */
};

struct hc_info {
	const char *go_version;  /**< "go1.24.4" */
	const char *goarch, *producer;
	const char *exe_path;    /**< of the process, as the snapshot has it */
	const char *exe_used;    /**< the file that was read; "" none */
	const char *go_build_id, *gnu_build_id;
	const char *command;     /**< the command line, possibly shortened by the kernel */
	const char *main_module; /**< "" unknown */
	uint64_t pid;
	int signal;              /**< that killed the process; 0 for live snapshots */
	unsigned pointer_size;
	bool big_endian;
	enum hc_level level;
	uint64_t threads, goroutines;
	uint64_t objects, object_bytes;  /**< allocated; bytes count whole slots */
	uint64_t live_objects, live_bytes;
	uint64_t file_size, missing_bytes; /**< of memory that should be in the snapshot and is not */
	uint64_t warnings;       /**< how many findings made the result inexact; 0: exact */
	bool gc_running;         /**< caught in the middle of a collection */
	uint64_t type_conflicts; /**< objects that two fields gave different types */
};
HC_API const struct hc_info *hc_snapshot_info(const struct hc_snapshot *s);

/** Copies memory of the process; false unless all n bytes are in the snapshot. */
HC_API bool hc_read_memory(const struct hc_snapshot *s, uint64_t addr, void *buf, size_t n);

/**
 * The ledger: classes of memory with dotted names, a parent being the sum of its children ("heap.live.exact" is part of
 * "heap.live"). In a fixed order, parents first. The top-level classes add up to what was mapped.
 */
struct hc_ledger_row {
	const char *name;
	uint64_t bytes, objects; /**< objects 0 where there is no such count */
	unsigned depth;          /**< number of dots in the name */
};
HC_API size_t hc_ledger_count(const struct hc_snapshot *s);
HC_API struct hc_ledger_row hc_ledger_at(const struct hc_snapshot *s, size_t i);
/** Comparison with the runtime's own counters. */
struct hc_check {
	const char *name;       /**< "HeapObjects", "HeapAlloc", "StackInuse" */
	uint64_t ours, runtime;
	uint64_t tolerance;     /**< how far they may differ without meaning anything, with the reason in `why` */
	const char *why;
};
HC_API size_t hc_check_count(const struct hc_snapshot *s);
HC_API struct hc_check hc_check_at(const struct hc_snapshot *s, size_t i);

/** Receives one line of text without its newline; false stops. */
typedef bool hc_line_fn(void *ctx, const char *line);
/**
 * What one stage of the pipeline sees, for finding out why something looks wrong. Layers: segments, notes, images, types,
 * spans, objects, roots, goroutines, records (of heap dumps), stats. The text is for people; its form may change.
 */
HC_API struct hc_error *hc_dump(const struct hc_snapshot *s, const char *layer, hc_line_fn *out, void *ctx) HC_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
