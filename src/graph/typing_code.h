/* SPDX-License-Identifier: MIT */
/*
 * Private to typing_code*.c: what the program's machine code says of words that nothing else describes.
 *
 * Without debug information package variables and stack slots have no types, but the code that handles them names
 * types all the time: it passes descriptors to the runtime (new(T), make([]T), m[k]), and a method's name has its
 * receiver's type. Each function is run through once with symbols for values: a symbol gets a type from what is done
 * with it, and a variable from the symbols that are stored to it or loaded from it.
 */
#ifndef GRAPH_TYPING_CODE_H
#define GRAPH_TYPING_CODE_H

#include "graph/typing_priv.h"
#include "types/code.h"

/* ---- what is known of a word ---- */

enum word_kind {
	WORD_UNKNOWN,
	WORD_PTR,   /* points to a value of the type */
	WORD_ROW,   /* points to the first of several: the first word of a slice */
	WORD_MAP,   /* a map of this map type */
	WORD_CHAN,
	WORD_VALUE, /* (package variables) not a word: a value of the type lies there */
	WORD_BAD,   /* the code contradicts itself */
};

struct word {
	uint32_t type;
	uint8_t kind; /* enum word_kind */
	/* Only a method was called with it. It may have been the data of an interface, which is of this type if the code
	 * gets there; or the method is that of a first field. */
	bool used;
};

/* The better one of two, or WORD_BAD. */
struct word word_join(struct typing *ty, struct word a, struct word b);

/* ---- functions as callees ---- */

enum callee_kind {
	CALL_PLAIN,
	CALL_NORETURN,
	CALL_BARRIER,   /* the write barrier: leaves all registers but one alone */
	CALL_MORESTACK, /* begins the function again: leaves the closure alone */
	CALL_NEW,       /* returns a pointer to a value of the type in argument `arg` */
	CALL_ROW,       /* returns a pointer to several */
	CALL_GROW,      /* the same; argument `arg2` is such a pointer, too */
	CALL_MAKEMAP, CALL_MAKECHAN,
	CALL_MAP,       /* argument 0 is a map type, argument 1 such a map */
	CALL_MAPELEM,   /* the same, and returns a pointer to an element */
	CALL_MOVE,      /* arguments 1 and 2 point to values of the type in argument 0 */
	CALL_METHOD,    /* argument 0 points to a value of `type` */
};

struct callee {
	uint64_t entry;
	uint32_t type;
	uint8_t kind; /* enum callee_kind */
	uint8_t arg, arg2;
	struct word result; /* what its code was seen to return */
};

/* ---- one function ---- */

enum sym_kind {
	SYM_VALUE,
	SYM_CONST, /* an address */
	SYM_FRAME, /* the address of something in the frame */
};

/* A value that the code handles. Symbol 0 stands for all values of which nothing is known, symbol 1 for nil. */
struct sym {
	/* SYM_CONST: the value. SYM_FRAME: offset from the CFA. SYM_VALUE: a place in the process that holds such a
	 * value, 0 none known. */
	uint64_t addr;
	struct word word;
	uint8_t kind;
};

enum { SYM_NONE, SYM_NIL, MAX_SLOTS = 512 };

struct link { /* the symbol was stored to this package variable */
	uint64_t addr;
	uint32_t sym;
};

/* What lies there in frames that stand at pc: a live pointer slot, or a variable whose address is taken. */
struct slot_query {
	uint64_t entry, pc;
	int32_t off;   /* from the frame's CFA */
	uint32_t size;
	uint32_t sym;  /* what is there */
	struct word word; /* what came out */
};

/* The function at entry handles the package variable at addr. */
struct code_touch {
	uint64_t entry, addr;
};

/* The function at entry was seen to get this address in data or bss. */
struct given {
	uint64_t entry, addr;
	unsigned arg;
};

struct frame_value {
	int32_t off;
	struct word word;
};

struct code {
	struct typing *ty;
	const struct code_arch *arch;
	VEC(struct callee) callees;
	struct map callee_at;  /* address -> index in callees */
	VEC(struct slot_query) slots; /* by entry, pc, offset, size; each once */
	VEC(struct link) facts_at;    /* of package variables: addr, index in facts */
	VEC(struct word) facts;
	struct map fact_index;        /* address (+1: of a value there) -> index in facts */
	struct map wanted;            /* package variables that lead to objects without a type */
	VEC(struct code_touch) touches; /* of wanted variables by functions that did not tell what they are */
	struct map closure_types;     /* address of a function -> type id of its closure's struct */
	VEC(struct given) given;
	struct map given_seen;
	size_t given_at;              /* these were looked at */
	const struct given *with;     /* the function at hand gets this */
	uint64_t budget;              /* instructions, and joins of states, that may still be looked at */
	VEC(uint64_t) entries;        /* of functions, for entry_named: hash of the name -> index */
	struct map entry_named;
	struct map makers;            /* entries of the functions that were run through for their closures */
	bool named;

	/* the function at hand */
	struct func func;
	const uint8_t *text;
	uint32_t size;
	VEC(struct sym) syms;
	VEC(uint32_t) sym_at;   /* by offset of the instruction: its first symbol, 0 none yet */
	VEC(uint32_t) block_at; /* by offset: index of the state there + 1, 0 no block begins there */
	VEC(uint32_t) states;   /* values of blocks, `stride` each: registers, slots */
	VEC(int32_t) state_sp;  /* stack pointer - CFA; STATE_UNSET */
	VEC(struct link) links;
	VEC(struct frame_value) values; /* what is known to lie in the frame */
	uint32_t stride, nslots;
	int32_t low;            /* CFA offset of slot 0 */
	uint32_t *cur, *table;  /* the state at hand, `stride` values, and that at the last jump by a table */
	int32_t sp, table_sp;
	bool live, again;
	bool restarts;          /* morestack was called: the next jump begins the function again */
	VEC(uint32_t) scratch;
	VEC(struct insn) insns;
	bool volatiles[MAX_SLOTS]; /* variables whose address is taken */
	VEC(uint32_t) generics;    /* ids of generic types, once asked for */
};

static inline struct sym *sym_of(struct code *c, uint32_t s)
{
	return &c->syms.data[s];
}

/* Shapes stand for several types in shared code: they are not what lies there. */
static inline bool word_is_shape(const struct typing *ty, struct word w)
{
	return w.type < ty->t->n && (ty->t->t[w.type].flags & TYPE_F_SHAPE);
}

/* typing_words.c */
/* Notes what is known of the package variable at addr. */
void code_fact(struct code *c, uint64_t addr, struct word w);
void code_touch(struct code *c, uint64_t addr, struct word w);
struct word code_known(const struct code *c, uint64_t addr);
/* The word at this offset from where `base` points. */
struct word word_behind(struct typing *ty, struct word base, int64_t off);

/* typing_calls.c */
/* What a call of the function at addr means: index in callees; UINT32_MAX: memory ran out. */
uint32_t code_callee(struct code *c, uint64_t addr);
/* The type whose method the function is, by its name; *pointer: of *T. TYPE_NONE: none. */
uint32_t method_receiver(struct code *c, const char *name, bool *pointer);

/* typing_insn.c */
/* What the instruction at this offset does to the state. */
void code_insn(struct code *c, const struct insn *in, uint32_t off);
void code_learn(struct code *c, uint32_t s, struct word w);
/* The frame's word at this offset from its CFA; NULL: not followed. */
uint32_t *code_slot(struct code *c, int64_t off);

/* typing_code.c */
/* Runs through the function, filling facts, results and slots. */
void code_function(struct code *c, const struct func *f);
/* Control gets from the instruction at `from` to the one at `off`. */
void code_flow(struct code *c, uint32_t off, uint32_t from);

#endif
