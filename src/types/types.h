/* SPDX-License-Identifier: MIT */
/*
 * Contract of the types layer: what the Go types, package variables and functions of the process are, and where the
 * runtime of this release keeps its fields. Reads DWARF and the runtime's own descriptors through the reader.
 * Knows nothing of spans, objects or goroutines.
 */
#ifndef TYPES_TYPES_H
#define TYPES_TYPES_H

#include "base/map.h"
#include "base/strtab.h"
#include "reader/reader.h"

/* ---- runtime layouts ---- */

/* Struct fields of the runtime that the heap layer reads; rows of types/layout_fields.h. */
enum layout_field {
#define LAYOUT(id, structs, field) id,
#include "types/layout_fields.h"
#undef LAYOUT
	LAYOUT_COUNT
};

struct layout {
	struct {
		int32_t off;   /* -1: this release has no such field */
		uint32_t size; /* bytes */
	} f[LAYOUT_COUNT];
	int minor; /* Go 1.minor */
	bool from_dwarf;
};

/*
 * Offsets for this build: DWARF where it has them (read through the dwarf argument, which may be NULL), else the
 * built-in table of the release. A release newer than the table without DWARF is an error.
 */
struct dwarf;
struct hc_error *layout_init(struct layout *l, const struct buildinfo *build, enum arch arch, uint8_t word,
                             struct dwarf *dwarf, struct diag *diag) HC_MUST_CHECK;

static inline bool layout_has(const struct layout *l, enum layout_field f)
{
	return l->f[f].off >= 0;
}
/* Reads the field of the struct at base as an unsigned integer of the field's own size; false if absent or unreadable. */
bool layout_read(const struct layout *l, const struct proc *p, uint64_t base, enum layout_field f, uint64_t *ret);
static inline uint64_t layout_addr(const struct layout *l, uint64_t base, enum layout_field f)
{
	return base + (uint64_t)(int64_t)l->f[f].off;
}

/* ---- types ---- */

enum kind { /* Go's reflect.Kind numbers, internal/abi/type.go */
	KIND_INVALID,
	KIND_BOOL,
	KIND_INT, KIND_INT8, KIND_INT16, KIND_INT32, KIND_INT64,
	KIND_UINT, KIND_UINT8, KIND_UINT16, KIND_UINT32, KIND_UINT64, KIND_UINTPTR,
	KIND_FLOAT32, KIND_FLOAT64, KIND_COMPLEX64, KIND_COMPLEX128,
	KIND_ARRAY, KIND_CHAN, KIND_FUNC, KIND_INTERFACE, KIND_MAP, KIND_PTR, KIND_SLICE, KIND_STRING, KIND_STRUCT,
	KIND_UNSAFEPTR,
};

#define TYPE_NONE UINT32_MAX

enum {
	TYPE_F_EFACE = 1 << 0,     /* an interface without methods: first word is a *type, else an *itab */
	TYPE_F_DIRECT = 1 << 1,    /* stored in an interface's data word itself */
	TYPE_F_RUNTIME = 1 << 2,   /* belongs to the Go runtime */
	TYPE_F_SYNTHETIC = 1 << 3, /* made here, not in the program (map groups by descriptor, closures, ...) */
	TYPE_F_OPAQUE = 1 << 4,    /* layout unknown beyond size and pointer mask */
	TYPE_F_NOTINHEAP = 1 << 5, /* never allocated in the Go heap: the collector takes no notice of pointers to it */
	TYPE_F_SHAPE = 1 << 6,     /* stands for several types in shared generic code ("go.shape." in the name) */
};

struct field {
	const char *name; /* "" for padding-only or blank names is "_" */
	uint32_t type;
	uint64_t offset;
	bool embedded;
};

struct type {
	const char *name; /* full import path, as DWARF writes it: "github.com/a/b.T", "[]*main.Node" */
	const char *pkg;  /* import path of the package that a named type belongs to, "" otherwise */
	uint64_t size;
	uint64_t count;   /* arrays: the length */
	uint64_t rtype;   /* address of the runtime descriptor in the process; 0 = none known */
	uint32_t elem, key; /* TYPE_NONE where there is none; chan/ptr/slice/array elem, map elem and key */
	/* Maps: elem and key; the storage behind the map pointer: hmap<K,V> or map<K,V> (DWARF), TYPE_NONE if unknown.
	 * Chans: hchan<T>. */
	uint32_t storage;
	const struct field *fields; /* structs, strings, slices and interfaces have theirs; ascending offsets */
	uint32_t nfields;
	uint8_t kind;  /* enum kind */
	uint8_t flags; /* TYPE_F_* */
	/* Words that hold pointers: bit i of mask = word i; ptr_words bits are meaningful, the rest of the type has none.
	 * NULL mask with ptr_words > 0: one pointer word at 0. Built by types_finish(). For arrays longer than 4096
	 * words: NULL and mask_by_elem set, the mask is the element's, repeated. */
	const uint64_t *mask;
	uint64_t ptr_words;
	bool mask_by_elem;
};

/* A package-level variable. */
struct global {
	const char *name; /* "pkg/path.name", as users write it: no "%2e" */
	uint64_t addr, size;
	uint32_t type; /* TYPE_NONE: only the symbol table knows it */
	const char *pkg; /* import path of its package, "" unknown */
};

/* Of a generic function: a symbol. */
struct dictionary {
	uint32_t module, symbol; /* indexes in proc->modules, in its exe's symbols */
};

struct types {
	struct type *t;
	uint32_t n;
	struct global *globals; /* sorted by address, not overlapping */
	size_t nglobals;
	struct map by_rtype; /* descriptor address -> type id */
	struct strtab names;
	struct arena arena;
	const struct proc *proc;
	const struct program *prog;
	struct dwarf *dwarf; /* NULL below level L0 */
	struct layout layout;
	size_t cap;
	/* the rest is private to types.c */
	struct map slices, ptrs; /* element type -> its unnamed []T, *T */
	VEC(uint32_t) by_name;   /* id in names -> type */
	VEC(uint64_t) rtype_offs; /* type -> offset of its descriptor from runtime.types; 0 = none */
	size_t globals_cap;
	struct map globals_by_name; /* id in names -> index */
	uint32_t finished;       /* types below have their masks */
	uint64_t mask_bits;      /* of all masks */
	VEC(struct dwarf *) plugins;
	VEC(struct dictionary) dictionaries;
	bool dictionaries_listed;
};

/* Reads the DWARF (if there is any), the symbol table and the layouts. */
struct hc_error *types_open(const struct proc *p, struct diag *diag, struct types **ret) HC_MUST_CHECK;
void types_close(struct types *t);
/* Checks the types added since the last call and builds their masks. Types that make no sense become TYPE_F_OPAQUE. */
struct hc_error *types_finish(struct types *t) HC_MUST_CHECK;
/*
 * Where runtime.types of the main module is. types_open() takes it from the symbol table; without that the caller
 * gives it when moduledata is known. Fills type.rtype and by_rtype. False when memory ran out.
 */
bool types_set_rtype_base(struct types *t, uint64_t base) HC_MUST_CHECK;

/* The type with this full name; TYPE_NONE if the program has none. */
uint32_t types_by_name(const struct types *t, const char *name);
/*
 * The type of the runtime descriptor at addr, made from the descriptor itself where DWARF has none; TYPE_NONE when
 * there is no valid descriptor there. Not thread-safe (may add types).
 */
uint32_t types_by_rtype(struct types *t, uint64_t addr);
/*
 * Adds all types that the program's tables of descriptors lead to: the named types that it allocates, and what they are
 * made of. False when a module has no such table. Not thread-safe.
 */
bool types_load_links(struct types *t);
/* "[]T" and "*T" for a type id, made when needed; TYPE_NONE only when memory ran out. */
uint32_t types_slice_of(struct types *t, uint32_t elem);
uint32_t types_ptr_to(struct types *t, uint32_t elem);
/* Adds a type (the struct is copied; name is interned); TYPE_NONE when memory ran out. */
uint32_t types_add(struct types *t, const struct type *type);
/* Is word i of the type a pointer? Total: false beyond the end. */
bool types_word_is_ptr(const struct types *t, uint32_t id, uint64_t word);
/* The package variable that covers addr; NULL: none. */
const struct global *types_global_at(const struct types *t, uint64_t addr);
const struct global *types_global_named(const struct types *t, const char *name);
/* Address of a package variable by name: DWARF, then symbol table; 0 = not known. Runtime names such as "runtime.allgs". */
uint64_t types_global_addr(const struct types *t, const char *name);
/* An integer constant of the runtime by DWARF name ("runtime._Gidle"); false: unknown. */
bool types_constant(const struct types *t, const char *name, int64_t *ret);
/*
 * Words of a GC pointer mask read from a runtime descriptor: fills out[0..nwords) bit words for words
 * [from, from+64*nwords). False when the descriptor is unreadable. See GCData rules in types/rtype.c.
 */
struct gcmask {
	const uint64_t *bits; /* one element: bit i = word i is a pointer */
	uint64_t ptr_words;   /* bits beyond are zero */
	uint64_t size_words;  /* the element repeats every size_words words; 0 = invalid */
};
/* Cached per descriptor; NULL when the address holds no valid descriptor. Not thread-safe unless already cached. */
const struct gcmask *types_gcmask(struct types *t, uint64_t rtype);

/* ---- DWARF (types/dwarf.c; the only user of libdwarf) ---- */

/* NULL *ret without an error: the executable has no DWARF. */
struct hc_error *dwarf_open(const struct exe *exe, uint64_t bias, struct diag *diag, struct dwarf **ret) HC_MUST_CHECK;
void dwarf_close(struct dwarf *d);
/* Adds all Go types and package variables to the table. */
struct hc_error *dwarf_load_types(struct dwarf *d, struct types *t) HC_MUST_CHECK;
/* Byte offset and size of a struct's field, path components separated by dots; the first scalar inside where the
 * field is a wrapper struct (atomic.Uint32 and the like). False: no such struct or field. Works before load_types. */
bool dwarf_field(struct dwarf *d, const char *strct, const char *field, int32_t *off, uint32_t *size);
bool dwarf_struct_size(struct dwarf *d, const char *strct, uint64_t *size);
bool dwarf_constant(struct dwarf *d, const char *name, int64_t *ret);

enum piece_kind { PIECE_STACK, PIECE_REG, PIECE_ADDR, PIECE_NONE };
struct piece {
	enum piece_kind kind;
	uint32_t size;  /* bytes; 0 = the whole variable */
	uint32_t off;   /* byte offset inside the variable */
	int64_t value;  /* PIECE_STACK: offset from the CFA; PIECE_REG: DWARF register; PIECE_ADDR: address (bias added) */
};
enum { MAX_PIECES = 16 };
struct local {
	const char *name; /* "&x" = x was moved to the heap, the location holds its address */
	const char *func; /* the function it belongs to: an inlined one, or the physical function */
	uint32_t type;
	uint32_t decl_line;
	bool param, result;
	int32_t dict;        /* of a generic function: the type's index in its dictionary, `type` is its shape; -1 none */
	unsigned npieces; /* 0: not live or optimised away at this pc */
	struct piece pieces[MAX_PIECES];
};
/*
 * The variables of the physical function around pc (addresses of the process), with their locations at pc; at most max,
 * the number found in *ret. Also those of inlined functions. Cached by function.
 */
struct hc_error *dwarf_locals(struct dwarf *d, const struct types *t, uint64_t pc, struct local *out, size_t max,
                              size_t *ret) HC_MUST_CHECK;
/* Variables captured by the closure function with this entry pc: name, type and offset in the closure object. */
struct captured {
	const char *name;
	uint32_t type; /* of the variable; by reference when name starts with '&' */
	uint32_t offset;
	int32_t dict; /* as in struct local */
};
size_t dwarf_captured(struct dwarf *d, const struct types *t, uint64_t entry, struct captured *out, size_t max);

/* ---- generic functions (types/dictionaries.c) ---- */

/*
 * Takes the next type argument off *list ("int,main.T[string]]"), up to a comma outside brackets, which goes too, or the
 * last bracket, which stays. False: there is none, or it does not fit.
 */
bool types_next_argument(const char **list, char *out, size_t size);
/* The dictionary of a function with shapes in its name, if the program has only one that fits; 0: none, or several. */
uint64_t types_dictionary(struct types *t, const char *func);
/* The type that a dictionary has at the index, if the shape can stand for it; else the shape. Not thread-safe. */
uint32_t types_in_dictionary(struct types *t, uint64_t dict, uint32_t index, uint32_t shape);
/* The type arguments, and what follows, if addr is that of a dictionary of the function; NULL: it is not. */
const char *types_dictionary_args(const struct types *t, const char *func, uint64_t addr);
/* "*T[go.shape.int]" in such a function with these type arguments: "*T[int]", if there is such a type. Not thread-safe. */
uint32_t types_unshaped(struct types *t, uint32_t type, const char *func, const char *args);
/* Could these type arguments have these shapes? "go.shape.int,string]" and "main.Id,string]"; the brackets may be missing. */
bool types_shapes_fit(const struct types *t, const char *shapes, const char *args);

/* ---- the program: modules, functions, lines, stack maps (moduledata and pclntab) ---- */

struct module {
	uint64_t addr; /* of runtime.moduledata */
	uint64_t text, etext, noptrdata, enoptrdata, data, edata, bss, ebss, noptrbss, enoptrbss, end;
	uint64_t minpc, maxpc;
	uint64_t types, etypes, typedesclen, itaboffset, itabsize, rodata, gofunc;
	uint64_t gcdatamask, gcbssmask; /* addresses of the bit vectors' bytes; 0 = unreadable */
	uint64_t ndatamask, nbssmask;   /* bits */
	uint64_t gcdata, gcbss; /* addresses of the GC programs */
	uint64_t typelinks, ntypelinks, itablinks, nitablinks; /* none since 1.27 */
	/* pclntab, as views */
	uint64_t pclntab; /* address of the pcHeader */
	uint32_t magic;
	uint8_t quantum;
	struct bytes_view { const uint8_t *data; uint64_t size; } funcnametab, cutab, filetab, pctab, pclntable, ftab;
	uint64_t pclntable_addr;
	uint8_t word;
	bool be;
	uint64_t nfunc;
	struct textsect { uint64_t vaddr, end, base; } *textsects;
	size_t ntextsects;
	const char *name; /* plugin path, "" for the main module */
};

struct func {
	const struct module *mod; /* NULL: not found */
	uint32_t index; /* in ftab */
	uint64_t entry, end; /* addresses in the process */
	const char *name;
	int32_t args; /* bytes; INT32_MIN = unknown (reflect stubs) */
	uint32_t deferreturn;
	uint32_t pcsp, pcfile, pcln, npcdata, cuoffset;
	int32_t start_line;
	uint8_t funcid, flag, nfuncdata;
	const uint8_t *tail; /* the pcdata and funcdata arrays */
	uint64_t tail_size;
};

enum { FUNC_TOPFRAME = 1, FUNC_SPWRITE = 2, FUNC_ASM = 4 };
enum { PCDATA_UNSAFEPOINT = 0, PCDATA_STACKMAP = 1, PCDATA_INLTREE = 2 };
enum { FUNCDATA_ARGSMAP = 0, FUNCDATA_LOCALSMAP = 1, FUNCDATA_STACKOBJECTS = 2, FUNCDATA_INLTREE = 3 };

struct program {
	struct module *modules; /* the main module first */
	size_t nmodules;
	const struct proc *proc;
	int minor;
	uint64_t copy_budget, section_budget; /* bytes that program.c may still copy, and take for package variables */
	struct arena arena;
	struct rtypes *rtypes; /* what gcmask.c and rtype.c remember */
};

/* Finds firstmoduledata (symbol, section or by structure) and all modules behind it. */
struct hc_error *program_open(const struct proc *p, const struct layout *l, const struct types *t, struct diag *diag,
                              struct program **ret) HC_MUST_CHECK;
void program_close(struct program *g);
/* Are maps Swiss tables in this build (Go 1.24, unless built without)? */
bool program_swiss_maps(const struct program *g);
/* The module whose [types, etypes), text, data.. covers addr; NULL: none. */
const struct module *program_module_of_type(const struct program *g, uint64_t addr);

/*
 * The collector's mask of a module's data (or bss), bit i = word i: the runtime's own bit vector, else what the linker's
 * GC program yields (types/gcmask.c). NULL: neither is in the snapshot. Lives as long as the program.
 */
const uint64_t *program_datamask(const struct program *g, const struct module *m, bool bss, uint64_t *nbits);

/* The same for a mask of n bits anywhere: plain bits at addr, or (prog) a length word and a GC program. */
const uint64_t *program_mask(const struct program *g, uint64_t addr, bool prog, uint64_t n);

/* The function that covers pc. */
bool program_func(const struct program *g, uint64_t pc, struct func *ret);
/* Is this the entry of a function? (for closure words) */
bool program_func_entry(const struct program *g, uint64_t pc, struct func *ret);
/* pc-value tables: SP delta, PCDATA. False when the table is absent or malformed. */
bool func_spdelta(const struct func *f, uint64_t pc, int32_t *ret);
bool func_pcdata(const struct func *f, unsigned table, uint64_t pc, int32_t *ret);
/* Address of a FUNCDATA blob in the process; 0 = none. */
uint64_t func_funcdata(const struct func *f, unsigned table);
/* File and line of pc (pass pc-1 for return addresses), innermost inlined function first. */
struct srcline {
	const char *func; /* name of the (inlined) function */
	const char *file;
	int line;
	bool inlined; /* this is an inlined body: the next entry is its caller */
};
/* At most max entries, the physical function last. Returns their number. Strings live as long as the program. */
size_t func_lines(const struct program *g, const struct func *f, uint64_t pc, struct srcline *out, size_t max);

#endif
