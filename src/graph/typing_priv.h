/* SPDX-License-Identifier: MIT */
/*
 * Private to the typing_*.c files and layout_program.c: how types spread over the heap.
 *
 * A claim says: at this address lies a value of this type. Claims come from root variables, interface words and the
 * pointers of typed objects. typing_claim() checks a claim against the slot's size and pointer mask and against what is
 * known of the object already, keeps the better of the two, and queues objects whose pointers are still to be followed.
 * Types are compiled once into programs: flat lists of the places in a value that point somewhere.
 */
#ifndef GRAPH_TYPING_PRIV_H
#define GRAPH_TYPING_PRIV_H

#include "base/map.h"
#include "graph/graph.h"

struct code;
struct shapes;

/* ---- programs ---- */

enum op_kind {
	OP_PTR,     /* *type */
	OP_STRING,  /* {pointer, length} */
	OP_SLICE,   /* {pointer, length, capacity} of type */
	OP_EFACE,   /* {type word, data} */
	OP_IFACE,   /* {itab, data} */
	OP_FUNC,    /* a func value: pointer to a closure object */
	OP_MAP,     /* a map; type is the map type */
	OP_CHAN,    /* a channel; type is the chan type */
	OP_ARRAY,   /* count values of type in a row */
	OP_COUNTED, /* {unsafe.Pointer to values of type, their number}: sync.Pool */
	OP_REFLECT, /* reflect.Value: {type, pointer, flags} */
};

struct op {
	uint32_t off;  /* bytes from the start of the value */
	uint32_t type; /* what is pointed to; see the kinds */
	uint32_t count;
	uint32_t kind;
};

/* What a value needs beyond its operations: the storage of containers, whose fields decide what the others mean. */
enum storage_kind {
	SP_NONE,
	SP_SWISS_MAP,   /* map<K,V>, Go 1.24 */
	SP_SWISS_TABLE, /* table<K,V> */
	SP_HASH,        /* hash<K,V>, up to Go 1.23 */
	SP_CHAN,        /* hchan<T> */
};

enum {
	PROG_DONE = 1 << 0,
	PROG_NEVER = 1 << 1,   /* says nothing about an object: no size, or the shape of a type parameter */
	PROG_WEAK = 1 << 2,    /* a general name for what others name better: runtime.hmap, uint8 */
	PROG_ANYMASK = 1 << 3, /* a container whose storage has no pointer mask when what it holds has no pointers */
	PROG_TRIE_NODE = 1 << 4, /* first field of one of two types, which a bool at its start tells apart */
	PROG_ARRAYS = 1 << 6, /* has OP_ARRAY */
	PROG_SCALAR = 1 << 5,  /* bool, a number, or a pointer: too common to infer anything from */
};

struct prog {
	const struct op *ops;
	const uint64_t *bits; /* pointer bits of one period */
	uint64_t size;        /* bytes of one value */
	uint64_t period;      /* words after which the bits repeat */
	uint64_t bit_words;   /* bits beyond are zero */
	uint64_t mask;        /* bits of the first 64 words of one value */
	uint64_t ptr_words;   /* words up to the last pointer of one value; 0 = no pointers */
	uint32_t nops;
	uint32_t aux;         /* SP_*: index in typing.storage; PROG_TRIE_NODE: type id of the entry */
	uint32_t aux2;        /* PROG_TRIE_NODE: type id of the inner node */
	uint8_t special, flags;
};

/* Where the fields of a container's storage are. -1 = not there. */
struct storage {
	int32_t ptr, ptr2; /* map: dirPtr; table: groups.data; hash: buckets, oldbuckets; chan: buf */
	int32_t n, n2;     /* map: dirLen; table: groups.lengthMask; hash: B, flags; chan: dataqsiz */
	int32_t extra;     /* hash: extra; chan: recvq.first */
	int32_t extra2;    /* chan: sendq.first */
	uint8_t n_size;    /* bytes of n */
	uint32_t elem;     /* group, bucket or element type */
	uint32_t many;     /* map: the table type */
};

/* ---- claims ---- */

enum {
	CLAIM_ARRAY = 1 << 0,  /* several values: the backing array of a slice, buckets, ... */
	CLAIM_STRING = 1 << 1, /* bytes of a string */
	CLAIM_EXACT = 1 << 2,  /* a root variable or an interface word says so */
	CLAIM_INFER = 1 << 3,  /* not certain: marked as inferred, and anything else beats it */
};

struct claim {
	uint64_t addr;
	uint64_t bytes; /* of all values */
	uint32_t type;
	uint32_t flags;
};

/* Bits of a type word while typing runs; graph.h has the others. Cleared at the end. */
#define TW_PENDING (UINT32_C(1) << 27)  /* origin unknown: a value of this type is at offset `slack` of the object */
#define TW_COUNTED (UINT32_C(1) << 30)  /* not only a part behind the start; recorded: a slice said how many values */
#define TW_RECORDED (UINT32_C(1) << 31) /* the allocator recorded the type (header, largeType) */
#define TW_INTERNAL (TW_PENDING | TW_COUNTED | TW_RECORDED)

static inline enum origin tw_origin(uint32_t tw)
{
	return (enum origin)(tw >> TW_ORIGIN_SHIFT & 3);
}

static inline uint32_t tw_type(uint32_t tw)
{
	return tw & TW_TYPE_MASK;
}

/* ---- the engine ---- */

/* Values outside the heap that typed pointers lead to: static composites, stack variables. */
struct region {
	uint64_t addr, count;
	uint32_t type;
	uint32_t flags;
};

struct type_cache { /* type word, itab or code address -> type id */
	uint64_t key;
	uint32_t type;
};

/* A claim on its way; the object is known. */
struct waiting {
	struct claim claim;
	uint32_t span, id;
};

/* What claims and scans need of a span besides struct span. */
struct typing_span {
	const uint8_t *data; /* the whole span, NULL when not in one piece */
	const uint8_t *bits; /* pointer bits of slots of up to 64 words, kept in the span; else NULL */
};

enum {
	PROG_CHUNK = 1024, WORD_CACHE = 4096, REGION_CACHE = 1024, CLOSURE_CACHE = 4096,
	CLAIM_RING = 128, CLAIM_STEP = 24, /* four steps fit into the ring */
	QUEUE_RING = 8192,
	RUNTIME_TABLES = 3,
};

struct addr_range {
	uint64_t lo, hi;
};

struct typing {
	struct graph *g;
	const struct heap *h;
	struct types *t;
	struct diag *diag;
	uint32_t *tw;
	uint16_t *slack;
	unsigned word;
	bool be;
	bool nomem; /* sticky: graph_type() fails in the end */
	bool all_types; /* the table has all types that the program ever allocates */

	struct prog **chunks; /* [type id / PROG_CHUNK] */
	uint32_t nchunks;
	struct arena arena;
	VEC(struct storage) storage;
	VEC(struct op) ops; /* scratch of the compiler */

	uint64_t *queued; /* bit per slot: its pointers are to be followed */
	uint64_t nqueued; /* bits set */
	uint64_t changes; /* objects queued so far */
	bool sweeping;    /* the ring does not have all of them */
	uint64_t *queue;  /* ring of span << 32 | id */
	uint64_t queue_head, queue_tail;
	struct waiting claims[CLAIM_RING];
	uint64_t claims_tail, claims_new, claims_from; /* next place; behind the last claim; since the last flush */
	struct typing_span *spans;

	VEC(struct region) regions;
	size_t region_at;
	uint64_t region_budget; /* bytes that may still be looked at */
	struct map region_seen;
	struct region *region_cache;
	VEC(struct addr_range) ranges; /* data segments and stacks, sorted */

	struct type_cache *type_words, *itabs, *closures;
	struct map closure_types; /* code address -> type id */
	uint64_t waiter_budget;
	uint32_t prev_class[4097]; /* [size / 8]: the largest size class below */

	/* What the claims say of objects whose type is recorded, as if it were not: the check of --dump=stats. */
	uint32_t *shadow_tw;
	uint16_t *shadow_slack;

	struct code *code; /* what the program's code told; NULL: not looked at */
	struct shapes *shapes;
	uint64_t shape_budget; /* searches that may still be made */
	uint64_t infer_budget; /* objects and words that inference may still look at */

	/* Type ids; TYPE_NONE where the program has no such type. */
	uint32_t funcval, uint8, eface, tiny, sudog, mapextra, hchan;
	uint32_t runtime_tables[RUNTIME_TABLES];
};

/* layout_program.c */
const struct prog *prog_compile(struct typing *ty, uint32_t type);
/* Adds an operation to the program that is being compiled. */
void prog_emit(struct typing *ty, enum op_kind kind, uint64_t off, uint32_t type, uint64_t count);
/* Pointer bits of words [from, from + 64) of an endless row of values. */
uint64_t prog_bits(const struct prog *p, uint64_t from);
/* Byte offset of a field by name; NULL when the struct has none. */
const struct field *type_field(const struct types *t, uint32_t type, const char *name);
/* Is what a value of `outer` has at its start, however deep, a value of `inner`? */
bool type_starts_with(const struct types *t, uint32_t outer, uint32_t inner);
bool type_same(const struct types *t, uint32_t a, uint32_t b);

static inline const struct prog *prog_of(struct typing *ty, uint32_t type)
{
	uint32_t c = type / PROG_CHUNK;
	if (c < ty->nchunks && ty->chunks[c]) {
		const struct prog *p = &ty->chunks[c][type % PROG_CHUNK];
		if (p->flags & PROG_DONE)
			return p;
	}
	return prog_compile(ty, type);
}

/* typing_known.c: types of the standard library whose pointers are untyped in the debug information */
bool known_struct(struct typing *ty, uint32_t type, uint64_t base);
void known_prog(struct typing *ty, uint32_t type, struct prog *p);
/* Structs of the runtime that end in an array whose length they say themselves: a fixed number is declared. */
void runtime_tables_init(struct typing *ty);
uint64_t runtime_table_bytes(const struct typing *ty, uint32_t type, uint64_t addr); /* 0: makes no sense */
/* What a pointer to the type really leads to. */
uint32_t known_target(const struct typing *ty, uint32_t type);

static inline bool is_runtime_table(const struct typing *ty, uint32_t type)
{
	for (unsigned i = 0; i < RUNTIME_TABLES; i++)
		if (ty->runtime_tables[i] == type)
			return type != TYPE_NONE;
	return false;
}

/* typing_masks.c */
void size_classes_init(struct typing *ty);
/* Bytes of the smallest request that gets a slot of this span. */
uint64_t span_min_request(const struct typing *ty, const struct span *s, uint64_t usable);
/*
 * Compares the pointer bits of values with the object's over [off, off + bytes). With `whole`, the object must have no
 * pointers elsewhere.
 */
bool mask_agrees(struct typing *ty, uint32_t span, uint32_t id, const struct prog *p, uint64_t off, uint64_t bytes,
                 bool whole);
/* Values from the object's start on, and no other pointers. */
bool mask_matches(struct typing *ty, uint32_t span, uint32_t id, const struct prog *p, uint64_t bytes);
/* Bytes up to the last pointer of an object. */
uint64_t object_pointers_end(const struct typing *ty, uint32_t id, uint64_t usable);

/* typing_claim.c */
/* Judges a claim at once. */
void typing_claim(struct typing *ty, const struct claim *c);
void typing_claim_at(struct typing *ty, const struct claim *c, uint32_t span, uint32_t id);
/* Sets the type of an object and queues it. No checks. */
void typing_set(struct typing *ty, uint32_t span, uint32_t id, uint32_t tw, uint64_t used);
/* OP_STRING and OP_SLICE whose words at addr need not belong together. */
void vague_claim(struct typing *ty, const struct op *op, uint64_t addr, unsigned flags);

/* One more pointer to a single object that is known to have this very type? By far the most claims are that. */
static inline bool claim_is_known(const struct typing *ty, const struct claim *c, uint32_t span, uint32_t id)
{
	uint32_t tw = ty->tw[id];
	return tw_type(tw) == c->type && (tw & TW_COUNTED) && !(tw & TW_RECORDED) &&
	       !(c->flags & (CLAIM_ARRAY | CLAIM_STRING)) && c->addr == span_object_addr(&ty->h->spans[span], id) &&
	       (tw_origin(tw) == ORIGIN_EXACT || (!(c->flags & CLAIM_EXACT) && tw_origin(tw) == ORIGIN_PROPAGATED) ||
	        (c->flags & CLAIM_INFER));
}

/* typing_queue.c */
/* Queues a claim. */
void claim(struct typing *ty, uint64_t addr, uint32_t type, uint64_t bytes, unsigned flags);
/* Judges all queued claims. */
void claims_flush(struct typing *ty);
void typing_queue(struct typing *ty, uint32_t span, uint32_t id);
/* Works until nothing is left. */
void typing_drain(struct typing *ty);

/* typing_regions.c */
bool typing_regions_init(struct typing *ty);
void region_add(struct typing *ty, const struct claim *c);
void regions_scan(struct typing *ty);

/* typing_scan.c */
/* Follows the pointers of one value; mem: its bytes, NULL where they are not in one piece. flags: CLAIM_EXACT or 0. */
void value_scan(struct typing *ty, const struct prog *p, const uint8_t *mem, uint64_t addr, unsigned flags);
/* Follows the pointers of count values at addr; what is not in the snapshot is left out. */
void values_scan(struct typing *ty, uint32_t type, uint64_t addr, uint64_t count, unsigned flags);
/* Follows what the operation says, its one pointer word being `value`; the other words are not known. */
void op_value(struct typing *ty, const struct op *op, uint64_t value, unsigned flags);
/* The data word of an interface of this dynamic type: the value itself, or a pointer to it. */
void dynamic_value(struct typing *ty, uint32_t type, uint64_t data, unsigned flags);
/* Follows the operation whose words are at addr. */
void op_at(struct typing *ty, const struct op *op, uint64_t addr, unsigned flags);
void object_scan(struct typing *ty, uint32_t span, uint32_t id);
/*
 * The operation of a value of the type whose pointer is at byte `off`; *at: where the operation's words begin. NULL:
 * none. Interfaces have their pointer in the second word.
 */
const struct op *op_find(struct typing *ty, uint32_t type, uint64_t off, uint64_t *at);
/* The dynamic type of an interface value by its first word; TYPE_NONE: it isn't one. */
uint32_t iface_type(struct typing *ty, uint64_t word, bool eface);

/* typing_seeds.c */
void typing_seeds(struct typing *ty);

/* typing_maps.c, typing_chans.c */
void storage_compile(struct typing *ty, uint32_t type, struct prog *p);
/* Descriptors of groups and buckets have short names ("map.group[string]*v1.Pod"): the map's own are full. */
void maps_name(struct typing *ty);
void map_claim(struct typing *ty, uint64_t addr, uint32_t maptype, unsigned flags);
void map_scan(struct typing *ty, const struct prog *p, uint64_t addr, unsigned flags);
bool chan_compile(struct typing *ty, uint32_t type, struct storage *s);
void chan_claim(struct typing *ty, uint64_t addr, uint32_t chantype, unsigned flags);
uint64_t chan_bytes(struct typing *ty, uint64_t addr, uint32_t storage);
/* The hchan<T> type of the channel at addr, by what it says itself. */
uint32_t chan_by_content(struct typing *ty, uint64_t addr);
void chan_scan(struct typing *ty, const struct prog *p, uint64_t addr, unsigned flags);

/* typing_funcs.c */
/* What a func value says of the object it points to; false: nothing. */
bool func_object(struct typing *ty, uint64_t addr, unsigned flags, struct claim *ret);
/* Claims what a func value points to. */
void func_claim(struct typing *ty, uint64_t addr, unsigned flags);
/* The type of the first parameter of the function that a func value points to; TYPE_NONE unknown. */
uint32_t func_parameter(struct typing *ty, uint64_t addr);
/*
 * The type of a closure object that begins with this code address, made from this object when it is the first.
 * TYPE_NONE: no function starts there.
 */
uint32_t closure_of(struct typing *ty, uint64_t pc, uint32_t span, uint32_t id);

/* typing_shapes.c */
enum { MAX_SHAPES = 8 };
struct shape_query {
	uint32_t span, id;
	uint64_t usable, min; /* bytes of the object, and the least that were asked for */
	uint64_t mask;        /* pointer bits of the first 64 words */
	uint64_t ptr_end;     /* bytes up to the last pointer */
	uint32_t part;        /* a value of this type is at byte off; TYPE_NONE: nothing is known */
	uint64_t off;
};
struct shape_set {
	uint32_t n; /* more than MAX_SHAPES: too many */
	uint32_t type[MAX_SHAPES];
	bool row[MAX_SHAPES]; /* several values in a row */
};
/* NULL: not to be known. */
const struct shape_set *shapes_find(struct typing *ty, const struct shape_query *q);
void shapes_free(struct shapes *s);
/* Does a value of `outer` have a value of `inner` at byte off? */
bool type_has_at(const struct types *t, uint32_t outer, uint64_t off, uint32_t inner);

/* typing_guess.c */
/* Is the object a channel, by its own words? */
bool guess_chan(struct typing *ty, uint32_t span, uint32_t id, struct claim *ret);
/* The untyped word at addr points to `value`: the bytes of a slice or string, if that fits. */
void guess_bytes(struct typing *ty, uint64_t addr, uint64_t value);

/* typing_facts.c: what the code tells of variables and stack slots; only where there is no debug information */
void typing_code(struct typing *ty);
/* The type of the closures of the function that begins at pc, by the code that makes them; TYPE_NONE unknown. */
uint32_t code_closure(const struct typing *ty, uint64_t pc);
void code_free(struct code *c);
/* Makes typing.code if it is not there; false: not for this CPU. */
bool code_open(struct typing *ty);

/* typing_closures.c */
enum { MAX_CAPTURED = 128 };
/* The variables that closures of the function captured, by one of its objects, at most MAX_CAPTURED. complete: there
 * are no others. */
size_t closure_vars(struct typing *ty, const struct func *fn, uint32_t span, uint32_t id, struct captured *vars,
                    bool *complete);
/* The dictionary of a generic function that the closure at addr has; 0: none. */
uint64_t closure_dictionary(const struct typing *ty, const char *func, uint64_t addr, uint64_t bytes);
/* If there is a closure at addr, on a stack: follows its variables. */
void closure_scan(struct typing *ty, uint64_t addr, uint64_t bytes, unsigned flags);
/* Is it what the compiler allocates for a closure: struct { F uintptr; captured variables }? */
bool closure_struct_is(const struct types *t, uint32_t type);

/* typing_sites.c: untyped objects that the memory profile sampled */
void typing_sites(struct typing *ty);

/* typing_infer.c: true when something new came out */
bool typing_infer(struct typing *ty, int round);
/* The word at addr points to `value`: if the word in front of it is a type or an itab, the two are an interface. */
void pair_claim(struct typing *ty, uint64_t addr, uint64_t value, unsigned flags);
/*
 * The dynamic type if `word` is a type or an itab of the program itself. Here nothing says that it is one, so types
 * made at run time don't count, and an itab must repeat its type's hash.
 */
uint32_t iface_type_strict(struct typing *ty, uint64_t word);
/*
 * Could the object at addr as well be of another type, by its size and mask? With `any`, of any other; else of one that
 * begins with this one.
 */
bool shape_rivals(struct typing *ty, uint64_t addr, uint32_t type, bool any);

#endif
