/* SPDX-License-Identifier: MIT */
/*
 * A Java heap dump (HPROF) of a Go heap; shared by the hprof*.c files.
 *
 * Objects keep their addresses as identifiers, as do package variables; what exists in the dump only (classes, strings,
 * bytes of constants) has identifiers that are above all addresses. Classes are numbered in the order of their creation,
 * a superclass first. The order of the file is the one that all readers can stand: names, classes, frames, traces; then
 * segments with class dumps, threads, other roots, objects. docs/hprof.md has the mapping.
 */
#ifndef WRITERS_HPROF_H
#define WRITERS_HPROF_H

#include "base/bits.h"
#include "base/map.h"
#include "base/vec.h"
#include "writers/hprof_layout.h"
#include "writers/hprof_record.h"
#include "writers/writer.h"

/* User addresses have at most 48 bits where Go runs. */
#define HPROF_ID_CLASSES (UINT64_C(1) << 48)
#define HPROF_ID_FRAMES (HPROF_ID_CLASSES + (UINT64_C(1) << 44))
#define HPROF_ID_POOL (HPROF_ID_CLASSES + (UINT64_C(2) << 44))   /* strings and constants; 8 more: a copy of their bytes */
#define HPROF_ID_TEXTS (HPROF_ID_CLASSES + (UINT64_C(3) << 44))  /* first strings of objects, by node; the same */
#define HPROF_ID_LOCALS (HPROF_ID_CLASSES + (UINT64_C(4) << 44)) /* by frame */
#define HPROF_ID_THREADS (HPROF_ID_CLASSES + (UINT64_C(5) << 44)) /* by goroutine, where it is no runtime.g */
#define HPROF_ID_OTHER (HPROF_ID_CLASSES + (UINT64_C(6) << 44))

enum {
	HPROF_MAX_STATICS = 32767, /* VisualVM reads such counts as signed */
	HPROF_CHUNK = 16 << 10,    /* payload of one instance of a large array */
	HPROF_COPY_MAX = 1024,     /* bytes copied of a string outside the heap */
	HPROF_THREAD_SIZE = 48,    /* what Eclipse MAT charges for java.lang.Thread's part of an instance */
	HPROF_HEADER = 16,         /* what Eclipse MAT charges for an object's header */
};

/* ---- classes ---- */

/* Classes that are always there, in this order. */
enum known_class {
	KNOWN_OBJECT, KNOWN_METHOD, KNOWN_CLASS, KNOWN_LOADER, KNOWN_STRING, KNOWN_THREAD, KNOWN_REFERENCE, KNOWN_WEAK,
	KNOWN_SOFT, KNOWN_FINAL, KNOWN_PHANTOM, KNOWN_BOOLEANS, KNOWN_CHARS, KNOWN_FLOATS, KNOWN_DOUBLES, KNOWN_BYTES,
	KNOWN_SHORTS, KNOWN_INTS, KNOWN_LONGS, KNOWN_OBJECTS,
	/* Go's, without a type of their own */
	KNOWN_TEXT,      /* a string whose bytes are part of an object that is no byte array */
	KNOWN_CONST,     /* what an interface holds outside the heap */
	KNOWN_ZERO,      /* runtime.zerobase: all values of size 0 */
	KNOWN_CHUNKED,   /* an array that is too long for readers */
	KNOWN_CHUNKS,    /* array of the parts of an array of structs */
	KNOWN_GOROUTINE, /* a thread whose runtime.g has no type */
	KNOWN_UNKNOWNS,  /* array of words */
	KNOWN_DATA, KNOWN_FINALIZERS, KNOWN_FINQUEUE, KNOWN_CLEANUPS, KNOWN_WEAKHANDLES, KNOWN_ROOTS, /* arrays: what roots hold */
	KNOWN_COUNT
};

struct fixed_field {
	const char *name;
	uint8_t type;
};

struct hprof_class {
	uint64_t name;  /* STRING id */
	const struct fixed_field *fixed; /* own fields in front */
	uint32_t nfixed;
	uint32_t count; /* values of the layout in a row */
	const struct layout *layout; /* NULL: no further fields */
	bool indexed;   /* fields of value i begin with "_i" */
	bool statics;   /* has the statics about its type */
	uint32_t super; /* index of the superclass; KNOWN_OBJECT's is itself */
	uint32_t pad;   /* bytes of filler fields behind the own ones */
	uint32_t payload; /* bytes of an instance's values, superclasses included */
	uint64_t size;  /* of an instance, in the class dump */
	uint64_t type_size; /* of the Go values in it */
	uint32_t first_static, nstatics; /* in statics; package classes */
};

/* ---- static fields: package variables ---- */

struct hprof_static {
	uint32_t class;
	uint32_t root;  /* index for hc_root_at() */
	uint32_t place; /* of the variable's layout; STATIC_OBJECT: a reference to the object at the root's address */
	uint8_t type;
	uint64_t name;  /* STRING id */
};
#define STATIC_OBJECT UINT32_MAX

/* A package variable (or other root region) that is an object of the dump. */
struct hprof_region {
	uint64_t addr, size;
	uint32_t root;
	uint32_t class; /* of the instance, or of the array when it has no type */
};

/* ---- strings and constants ---- */

struct pool_entry {
	uint64_t addr, key; /* key: length of the string, or POOL_CONST_KEY | type number */
};
#define POOL_CONST_KEY (UINT64_C(1) << 63)

/* Mentioned, but not written yet. */
struct pool_pending {
	struct pool_entry entry;
	uint64_t id;
	hc_node target; /* the object that holds the bytes; HC_NODE_NONE: none */
};

/*
 * Most objects with bytes of a string are that of one string only: it needs no look into a hash table of millions. Only
 * what is used of this array costs memory.
 */
struct pool_first {
	uint32_t addr; /* low half: the object is known */
	uint32_t len;  /* 0: there is none */
};

struct pool {
	struct pool_first *firsts; /* by node */
	hc_node nfirsts;
	VEC(struct pool_entry) entries; /* the others */
	VEC(struct pool_pending) pending;
	uint64_t *slots; /* hash << 32 | number of the entry + 1; 0 is empty */
	uint32_t mask;
	struct strtab texts; /* texts of our own; ids in other_id */
	VEC(uint64_t) text_id;
};

/* ---- objects ---- */

enum shape {
	SHAPE_FIELDS,  /* one instance */
	SHAPE_CHUNKS,  /* instances of equal size, the last one's differs */
	SHAPE_NUMBERS, /* array of a basic type */
	SHAPE_REFS,    /* array of references: the pointers of the object, one after the other */
	SHAPE_WORDS    /* array of references, one per word */
};

/* What becomes of objects of one Go class and size. */
struct variant {
	uint8_t shape;       /* enum shape */
	uint8_t number;      /* SHAPE_NUMBERS: basic type */
	const struct layout *layout;
	uint32_t class;      /* of the object; of the first chunk */
	uint32_t body, tail; /* SHAPE_CHUNKS: of the others, of the last */
	uint32_t per_chunk;  /* values */
	uint32_t chunks;
	uint64_t chunk_bytes;
};

/* What the readers will show, against what Go has; said at the end. */
struct hprof_totals {
	uint64_t objects, bytes;            /* Go's: objects written, with their slots */
	uint64_t instances, arrays, classes;
	uint64_t mat, visualvm, shark;      /* sums of shallow sizes; MAT adds class_bytes */
	uint64_t class_bytes;               /* MAT: static fields */
	uint64_t synthetic, synthetic_bytes; /* objects of the dump only, and what MAT charges for them */
	uint64_t chunked;                   /* objects written in several parts */
	uint64_t lost_refs;                 /* references that have no field */
	uint64_t clipped;                   /* lengths beyond 2^31 - 1 */
	uint64_t cut;                       /* strings outside the heap that were cut */
	uint64_t missing;                   /* bytes that are not in the snapshot */
};

/* A living goroutine. Its serial number, in roots and traces, is its index plus 1. */
struct hprof_thread {
	uint32_t goroutine; /* index for hc_goroutine_at() */
	hc_node node;       /* its runtime.g; HC_NODE_NONE: the thread is an object of our own */
	uint64_t id;        /* of the thread object */
};

/* A function in a stack trace; inlined ones have entries of their own. */
struct hprof_call {
	uint64_t id; /* STACK_FRAME */
	const char *function;
};

struct call_run { /* the calls of one pc, innermost first */
	uint32_t first, n;
};

struct hprof {
	const struct job *job;
	const struct hc_snapshot *s;
	struct hprof_out out;
	unsigned word;
	bool be;
	bool live_only, no_contents;
	struct layouts layouts;
	struct name scratch, scratch2;
	bool failed; /* memory ran out; checked at the end of each stage */

	VEC(struct hprof_class) classes;
	struct strtab class_texts; /* package and frame classes, locals, by a text of their own */
	VEC(uint32_t) class_of_text;

	VEC(struct hprof_static) statics;
	struct strtab variable_texts;
	VEC(uint32_t) variable_count; /* roots by these texts */
	VEC(struct hprof_region) regions; /* by address */
	struct map region_class; /* number of values << 32, type -> class of such variables */
	uint64_t next_other;     /* ids from HPROF_ID_OTHER on that were given out */
	uint64_t first_root;     /* value of next_other at the first of the roots' arrays */

	struct pool pool;

	VEC(struct variant) variants;
	struct map variant_of;   /* class and slot size -> variant */
	struct map chunk_class;  /* type -> class of first chunks; body chunks: the next class */
	uint32_t *variants_seen; /* per hc_class: instance classes made */
	struct hot {
		uint64_t slot;
		uint32_t variant;
	} *hot;                  /* per hc_class: the last answer */
	uint8_t *buf;            /* HPROF_SEGMENT_MAX bytes: a piece of an object, put together */
	bool sealed;             /* the class dumps are written: no class may come */

	VEC(struct hprof_thread) threads;
	struct map thread_of;    /* node of a runtime.g -> index in threads */
	struct map runs_at;      /* pc -> index in runs */
	VEC(struct call_run) runs;
	VEC(struct hprof_call) calls;
	uint32_t nframes;
	uint32_t *frame_local;   /* per frame: root index of its first local, plus 1; 0 none */
	uint32_t *next_local;    /* per root: the next local of the same frame */
	uint32_t *frame_class;   /* per frame: class of the object for its locals; 0 none */
	uint32_t *frame_place;   /* per frame: position of its innermost function in the goroutine's trace */
	uint32_t thread_class;   /* runtime.g as a thread; UINT32_MAX none */
	struct layout thread_layout; /* the fields of a runtime.g for which there is room beside java.lang.Thread's */

	struct hprof_totals totals;
};

/* ---- hprof_classes.c ---- */

static inline uint64_t class_id(uint32_t class)
{
	return HPROF_ID_CLASSES + 8 * ((uint64_t)class + 1);
}

/* The classes that are always there. */
void hprof_known_classes(struct hprof *h);
/*
 * Adds a class: its name and those of its fields, and the LOAD_CLASS record, are written. What is zero in `c` is filled in:
 * superclass, filler and payload so that the readers agree on `size`. Returns its index.
 */
uint32_t hprof_class_add(struct hprof *h, struct hprof_class c, const char *name);
/* The class known by this text, made when needed, without fields; for packages and frames. */
uint32_t hprof_class_named(struct hprof *h, const char *key, size_t len);
/* CLASS_DUMP of all classes; no class may be added later. */
void hprof_class_dumps(struct hprof *h);

/* ---- hprof_values.c ---- */

/* Where the values of an instance come from: bytes, and the references among them. */
struct source {
	hc_node node;
	const uint8_t *data; /* NULL: none are in the snapshot */
	uint64_t size;       /* bytes at data; what lies behind reads as 0 */
	uint64_t base;       /* offset of data in the node */
	struct hc_edge_iter it;
	struct hc_edge edge;
	bool more;
};

void source_begin(struct source *src, const struct hprof *h, hc_node node, bool refs);
/* Writes one place of a value at an offset of the source; returns what follows. */
uint8_t *hprof_put_place(struct hprof *h, struct source *src, const struct place *at, uint64_t offset, bool hide, uint8_t *p);
/* Writes values of a layout, one after the other, beginning `offset` bytes into the source. */
uint8_t *hprof_put_values(struct hprof *h, struct source *src, const struct layout *layout, uint64_t offset, uint64_t count,
                          uint8_t *p);
/* The object that a package variable's address leads to; 0: none. */
uint64_t hprof_resolve_region(const struct hprof *h, uint64_t addr);
/* A new identifier for an object of the dump, which has room for an array of n references. */
uint64_t hprof_new_id(struct hprof *h, uint64_t n);

/* Room for the values of an instance of the class, its head written. */
uint8_t *hprof_instance(struct hprof *h, uint64_t id, uint32_t class);
/* Adds to the totals. synthetic: not an object of the Go heap. */
void hprof_count_instance(struct hprof *h, uint32_t class, bool synthetic);
void hprof_count_array(struct hprof *h, uint64_t n, uint8_t type, bool synthetic);

/* ---- hprof_pool.c ---- */

struct hc_error *hprof_pool_init(struct hprof *h) HC_MUST_CHECK;
void hprof_pool_free(struct hprof *h);
/* The identifier of a string, target being the object that holds its bytes, or of a constant outside the heap. */
uint64_t hprof_string(struct hprof *h, uint64_t addr, uint64_t len, hc_node target);
uint64_t hprof_const(struct hprof *h, uint64_t addr, const struct hc_type *t);
/* Writes the strings and constants mentioned since the last call. Never while a sub-record is being filled. */
void hprof_flush_pool(struct hprof *h);
/* Writes a java.lang.String for a text of ours: each text once, if `shared`. Never while a sub-record is being filled. */
uint64_t hprof_text(struct hprof *h, const char *text, bool shared);

/* ---- hprof_objects.c ---- */

/* What becomes of an object; UINT32_MAX when memory ran out. */
uint32_t hprof_variant(struct hprof *h, const struct hc_object *o);
/* Goes over all objects, so that their classes exist. */
struct hc_error *hprof_object_classes(struct hprof *h) HC_MUST_CHECK;
struct hc_error *hprof_objects(struct hprof *h) HC_MUST_CHECK;

/* ---- hprof_arrays.c ---- */

void hprof_put_numbers(struct hprof *h, const struct hc_object *o, const struct variant *v);
void hprof_put_refs(struct hprof *h, const struct hc_object *o, const struct variant *v);

/* ---- hprof_statics.c ---- */

struct hc_error *hprof_static_classes(struct hprof *h) HC_MUST_CHECK;
/* The static fields of a class dump. */
uint8_t *hprof_put_statics(struct hprof *h, const struct hprof_class *c, uint8_t *p);
/* ROOT_STICKY_CLASS of packages and known classes; JNI_GLOBAL of roots that are neither variables nor on stacks. */
void hprof_other_roots(struct hprof *h);
/* The objects behind these roots: variables, and arrays of what the others hold. */
void hprof_root_objects(struct hprof *h);

/* ---- hprof_threads.c ---- */

/* Frames, traces, and the classes of threads and of locals. */
struct hc_error *hprof_thread_classes(struct hprof *h) HC_MUST_CHECK;
/* Threads that are not runtime.g objects, and the objects that stand for locals. */
struct hc_error *hprof_thread_objects(struct hprof *h) HC_MUST_CHECK;
/* The object of a goroutine: `thread` as given by thread_of, o its runtime.g. */
void hprof_put_thread(struct hprof *h, uint32_t thread, const struct hc_object *o);
/* The calls at a frame's pc; made once for all frames that stand there. NULL when memory ran out. */
const struct call_run *hprof_run_of(struct hprof *h, uint32_t frame, bool innermost);
void hprof_threads_free(struct hprof *h);

/* ---- hprof_locals.c ---- */

/* Finds the locals of each frame, in the order of the roots. */
struct hc_error *hprof_chain_locals(struct hprof *h) HC_MUST_CHECK;
/* The classes of the objects for named variables. */
void hprof_local_classes(struct hprof *h);
/* ROOT_THREAD_OBJ of all threads, then ROOT_JAVA_FRAME of what their stacks hold. */
struct hc_error *hprof_thread_roots(struct hprof *h) HC_MUST_CHECK;
void hprof_put_locals(struct hprof *h);

extern const struct format format_hprof;

#endif
