/* SPDX-License-Identifier: MIT */
/*
 * Objects, roots, goroutines: the nodes of the reference graph.
 *
 * A node is a 32-bit number. Numbers below hc_object_limit() are heap slots in address order, of which the allocated
 * ones are objects; numbers from hc_object_limit() on are roots, hc_root_at(node - hc_object_limit()). The virtual
 * root of everything is the first of these.
 */
#ifndef HEAPCONV_OBJECT_H
#define HEAPCONV_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapconv/error.h"
#include "heapconv/type.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t hc_node;
#define HC_NODE_NONE UINT32_MAX

/** How an object's type is known. */
enum hc_origin {
	HC_ORIGIN_UNKNOWN,
	HC_ORIGIN_EXACT,      /**< recorded by the runtime, or read from an interface word or a root variable */
	HC_ORIGIN_PROPAGATED, /**< through a typed field that points to it */
	HC_ORIGIN_INFERRED    /**< the only type of the program that fits */
};

enum {
	HC_OBJ_LIVE = 1 << 0,      /**< reachable from the roots */
	HC_OBJ_ARRAY = 1 << 1,     /**< count values of the type in a row (a slice's backing array) */
	HC_OBJ_NOSCAN = 1 << 2,    /**< holds no pointers */
	HC_OBJ_STRING = 1 << 3,    /**< bytes of a string */
	HC_OBJ_TINY = 1 << 4,      /**< may hold several values of less than 16 bytes */
	HC_OBJ_FINALIZER = 1 << 5, /**< has a finalizer */
	HC_OBJ_CLEANUP = 1 << 6,   /**< has a cleanup (Go 1.24) */
	HC_OBJ_PARTIAL = 1 << 7,   /**< some of its bytes are not in the snapshot */
	HC_OBJ_LARGE = 1 << 8,     /**< has a span of its own */
	HC_OBJ_SAMPLED = 1 << 9    /**< its allocation is in the memory profile: hc_object_site() */
};

struct hc_object {
	hc_node node;
	unsigned flags;      /**< HC_OBJ_* */
	uint64_t addr;       /**< as the program's pointers have it */
	uint64_t slot_size;  /**< bytes charged: the size class, allocation header included */
	uint64_t used;       /**< bytes of the typed value (count x type size), or all usable bytes when unknown */
	const struct hc_type *type; /**< NULL: unknown */
	uint64_t count;      /**< values in a row; 1 unless HC_OBJ_ARRAY */
	enum hc_origin origin;
};

struct hc_edge {
	hc_node target;
	uint64_t offset;        /**< of the pointer, in bytes from the source object's address (or root's region) */
};

/** Node numbers below this are heap slots. */
HC_API hc_node hc_object_limit(const struct hc_snapshot *s);
/** The first object with a number >= from; HC_NODE_NONE at the end. Live objects only if live_only. */
HC_API hc_node hc_object_next(const struct hc_snapshot *s, hc_node from, bool live_only);
/** False when the node is not an object. */
HC_API bool hc_object_get(const struct hc_snapshot *s, hc_node node, struct hc_object *ret);
/** The object that contains addr (interior addresses too) and the offset in it; HC_NODE_NONE for none. */
HC_API hc_node hc_object_find(const struct hc_snapshot *s, uint64_t addr, uint64_t *offset);
/**
 * Bytes of an object from an offset on: where they are, and how many lie there in a row. NULL (and 0) beyond the object's
 * end and where they are not in the snapshot. In the byte order and word size of the process.
 */
HC_API const uint8_t *hc_object_bytes(const struct hc_snapshot *s, hc_node node, uint64_t offset, uint64_t *avail);
/** The address of an object as in hc_object, of a root as in hc_root; without the cost of the rest of these. */
HC_API uint64_t hc_node_addr(const struct hc_snapshot *s, hc_node node);
/**
 * The dynamic type of a value of interface type `iface` whose first word (type or itab) is first_word; NULL: nil, or
 * unknown.
 */
HC_API const struct hc_type *hc_interface_type(const struct hc_snapshot *s, const struct hc_type *iface, uint64_t first_word);
/**
 * Name of what an object holds, for people: "main.Node", "[]main.Node", "string (bytes)", "(unknown noscan)". Written to
 * buf (always terminated); returns the full length.
 */
HC_API size_t hc_object_type_name(const struct hc_snapshot *s, const struct hc_object *o, char *buf, size_t size);
/**
 * A small number for the text of hc_object_type_name(), the same for all objects with the same text; dense from 0.
 */
HC_API uint32_t hc_object_class(const struct hc_snapshot *s, const struct hc_object *o);
HC_API uint32_t hc_class_count(const struct hc_snapshot *s);
struct hc_class {
	const char *name;
	const char *package; /**< import path, "" for none */
	const struct hc_type *type; /**< NULL: unknown */
	bool array, string;
};
HC_API struct hc_class hc_class_at(const struct hc_snapshot *s, uint32_t i);

/**
 * Describes a place inside an object or variable of the type: "next", "items[3].name", "(key)". Array indexes are left
 * out unless `indexes`. Returns the full length.
 */
HC_API size_t hc_field_path(const struct hc_snapshot *s, const struct hc_type *t, uint64_t offset, bool indexes,
                            char *buf, size_t size);

struct hc_edge_iter {
	const struct hc_snapshot *s;
	uint64_t opaque[6];
};
/** Out-edges of any node (object or root) in order of offset. */
HC_API void hc_edges(const struct hc_snapshot *s, hc_node node, struct hc_edge_iter *it);
HC_API bool hc_edge_next(struct hc_edge_iter *it, struct hc_edge *ret);
/** How many out-edges a node has. */
HC_API uint64_t hc_edge_count(const struct hc_snapshot *s, hc_node node);

enum hc_root_kind {
	HC_ROOT_ALL,
	HC_ROOT_GROUP,
	HC_ROOT_PACKAGE,
	HC_ROOT_GLOBAL,
	HC_ROOT_GOROUTINE,
	HC_ROOT_FRAME,
	HC_ROOT_LOCAL,
	HC_ROOT_REGISTERS,
	HC_ROOT_DEFER,
	HC_ROOT_PANIC,
	HC_ROOT_FINALIZER,
	HC_ROOT_FINQUEUE,
	HC_ROOT_CLEANUP,
	HC_ROOT_WEAKHANDLE,
	HC_ROOT_OTHER
};

#define HC_NO_INDEX UINT32_MAX

struct hc_root {
	hc_node node;
	hc_node parent;      /**< HC_NODE_NONE for HC_ROOT_ALL */
	enum hc_root_kind kind;
	const char *name;    /**< "(globals)", "main.cache", "goroutine 17", "main.worker", "main.worker.head" */
	const struct hc_type *type; /**< of the variable; NULL unknown */
	uint64_t addr, size; /**< the region that holds the pointers; 0 for registers and groups */
	uint32_t goroutine;  /**< index for hc_goroutine_at(), HC_NO_INDEX for none */
	uint32_t frame;      /**< index for hc_frame_at(), HC_NO_INDEX for none */
	uint32_t line;       /**< line of a local's declaration, 0 unknown */
	bool conservative;   /**< found by looking at all words, not by the collector's stack maps */
};
HC_API uint32_t hc_root_count(const struct hc_snapshot *s);
HC_API struct hc_root hc_root_at(const struct hc_snapshot *s, uint32_t i);

struct hc_goroutine {
	uint64_t id, parent_id; /**< parent 0: unknown (before Go 1.21) */
	const char *state;      /**< "running", "waiting", "runnable", "syscall", ... */
	const char *wait_reason; /**< "chan receive", ...; "" when there is none */
	uint64_t wait_since;    /**< ns on the process's monotonic clock, 0 unknown */
	uint64_t stack_bytes;
	bool system;            /**< started by the runtime for itself */
	bool truncated;         /**< its stack could not be walked to the end */
	uint32_t first_frame, frame_count;
	uint64_t created_pc, start_pc, addr;
};
HC_API uint32_t hc_goroutine_count(const struct hc_snapshot *s);
HC_API struct hc_goroutine hc_goroutine_at(const struct hc_snapshot *s, uint32_t i);

struct hc_frame {
	const char *function; /**< "main.worker"; "" unknown */
	uint64_t pc, sp, size, entry;
	bool wrapper; /**< made by the compiler around the function that it calls: Go's tracebacks leave it out */
};
HC_API struct hc_frame hc_frame_at(const struct hc_snapshot *s, uint32_t i);

struct hc_line {
	const char *function;
	const char *file;
	int line;
	bool inlined; /**< the next entry is the caller into which it was inlined */
};
/** Source positions of a frame's pc, innermost inlined function first; returns their number, at most max. */
HC_API size_t hc_frame_lines(const struct hc_snapshot *s, uint32_t frame, struct hc_line *out, size_t max);
/** The same for any pc; pass call positions (return address - 1). */
HC_API size_t hc_pc_lines(const struct hc_snapshot *s, uint64_t pc, struct hc_line *out, size_t max);

#ifdef __cplusplus
}
#endif
#endif
