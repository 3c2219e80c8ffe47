/* SPDX-License-Identifier: MIT */
/* The collector's stack maps (runtime/stkframe.go, getStackMap; before Go 1.21 runtime/stack.go). */
#include <stdlib.h>

#include "base/ckd.h"
#include "heap/priv.h"
#include "heap/stack.h"

enum {
	MAX_BITS = 1 << 20,    /* words of one frame's map */
	MAX_OBJECTS = 1 << 16, /* stack objects of one function */
};

struct bitmap {
	uint64_t addr; /* of the bits; least significant first */
	uint32_t nbit;
};

/* Bitmap number `index` of runtime.stackmap {n, nbit int32; bits}; false when it is not in the snapshot. */
static bool bitmap_at(const struct proc *p, uint64_t map, int32_t index, struct bitmap *ret)
{
	uint32_t n, nbit;
	uint8_t last;
	if (!map) /* assembly without pointers has none */
		return true;
	if (!proc_u32(p, map, &n) || !proc_u32(p, map + 4, &nbit))
		return false;
	if (index < 0 || (uint32_t)index >= n || nbit == 0 || nbit > MAX_BITS)
		return true;
	ret->addr = map + 8 + (uint64_t)index * ((nbit + 7) / 8);
	ret->nbit = nbit;
	return proc_u8(p, ret->addr + (nbit - 1) / 8, &last);
}

/* Appends the offsets of the set bits' words. */
static void slots_add(const struct heap *h, struct stack_map *m, const struct bitmap *b, int64_t first)
{
	for (uint32_t i = 0; i < b->nbit; i++) {
		uint8_t bits;
		if (!proc_u8(h->proc, b->addr + i / 8, &bits))
			return;
		int64_t off = first + (int64_t)i * h->word;
		if ((bits >> (i & 7) & 1) && off >= INT32_MIN && off <= INT32_MAX)
			m->slots[m->nslots++] = (int32_t)off;
	}
}

/* Which variables live on when the frame continues: looked up inside its call, as the collector does for all frames. */
static int32_t map_index(const struct frame *f)
{
	const struct func *fn = f->func;
	uint64_t pc = f->panicked ? fn->entry + fn->deferreturn : f->pc - 1;
	int32_t index;
	/* At the entry, and in prologues (-1), the entry's map holds. */
	if ((!f->panicked && f->pc == fn->entry) || !func_pcdata(fn, PCDATA_STACKMAP, pc, &index) || index == -1)
		return 0;
	return index;
}

static bool load_slots(struct heap *h, const struct frame *f, struct stack_map *m)
{
	struct bitmap locals = {0}, args = {0};
	int32_t index = map_index(f);
	const struct stack_arch *arch = stack_arch(h->proc->arch);
	uint64_t cfa = frame_cfa(f), varp = frame_varp(arch, f, h->word), size = varp > f->sp ? varp - f->sp : 0;
	if (size > arch->locals_min)
		m->missing |= !bitmap_at(h->proc, func_funcdata(f->func, FUNCDATA_LOCALSMAP), index, &locals);
	if (f->func->args > 0)
		m->missing |= !bitmap_at(h->proc, func_funcdata(f->func, FUNCDATA_ARGSMAP), index, &args);
	if (m->missing) {
		diag_add(h->diag, HC_SEV_WARNING, "the stack maps of %s are not in the snapshot: every word of its frames counts "
		         "as a pointer; name the executable with --exe=FILE", f->func->name);
		return true;
	}
	if ((uint64_t)locals.nbit * h->word > size) /* it would begin below the frame */
		locals.nbit = 0;
	if (!stack_charge(h, (uint64_t)locals.nbit + args.nbit))
		locals.nbit = args.nbit = 0;
	m->slots = arena_alloc(&h->arena, ((size_t)locals.nbit + args.nbit) * sizeof(*m->slots) + 1);
	if (!m->slots)
		return false;
	slots_add(h, m, &locals, (int64_t)(varp - cfa) - (int64_t)locals.nbit * h->word);
	slots_add(h, m, &args, (int64_t)(frame_argp(arch, f) - cfa));
	return true;
}

struct record {
	int32_t off, size, ptrdata;
	uint64_t gcdata;
};

static bool record_read(const struct heap *h, const struct module *m, uint64_t list, uint64_t i, struct record *ret)
{
	const struct proc *p = h->proc;
	bool old = h->prog->minor <= 17; /* a pointer to the mask; later an offset from rodata */
	uint64_t where = old && p->word == 8 ? 16 : 12; /* of gcdata in the record */
	uint64_t at = list + i * (where + (old ? p->word : 4)), gcdata;
	uint32_t off, size, ptrdata;
	if (!proc_u32(p, at, &off) || !proc_u32(p, at + 4, &size) || !proc_u32(p, at + 8, &ptrdata) ||
	    !proc_uint(p, at + where, old ? p->word : 4, &gcdata))
		return false;
	ret->off = (int32_t)off;
	ret->size = (int32_t)size;
	ret->ptrdata = (int32_t)ptrdata;
	ret->gcdata = old ? gcdata : m->rodata + gcdata;
	return true;
}

static int by_off(const void *a, const void *b)
{
	const struct stack_object *x = a, *y = b;
	return x->off < y->off ? -1 : x->off > y->off;
}

static bool load_objects(struct heap *h, const struct frame *f, struct stack_map *m)
{
	const struct stack_arch *arch = stack_arch(h->proc->arch);
	uint64_t varp = frame_varp(arch, f, h->word), argp = frame_argp(arch, f);
	uint64_t list = func_funcdata(f->func, FUNCDATA_STACKOBJECTS), n;
	if (!list || !proc_word(h->proc, list, &n) || n > MAX_OBJECTS || !stack_charge(h, n))
		return true;
	list += h->word;
	m->objects = arena_alloc(&h->arena, (size_t)n * sizeof(*m->objects) + 1);
	if (!m->objects)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		struct record r;
		if (!record_read(h, f->func->mod, list, i, &r))
			break;
		int64_t off = r.off + (int64_t)((r.off < 0 ? varp : argp) - frame_cfa(f));
		bool prog = r.ptrdata < 0; /* until Go 1.23 */
		int64_t ptrdata = prog ? -(int64_t)r.ptrdata : r.ptrdata;
		if (r.size <= 0 || ptrdata > r.size || off < INT32_MIN || off > INT32_MAX)
			continue;
		if (off < 0 && (uint64_t)-off > f->size) /* not yet part of the frame */
			continue;
		struct stack_object o = {.off = (int32_t)off, .size = (uint32_t)r.size,
		                         .ptr_words = (uint32_t)(ptrdata / h->word)};
		o.bits = o.ptr_words ? program_mask(h->prog, r.gcdata, prog, o.ptr_words) : NULL;
		if (o.ptr_words && !o.bits)
			diag_add(h->diag, HC_SEV_WARNING, "the pointer mask of a variable of %s is not in the snapshot: what it "
			         "keeps alive may count as garbage", f->func->name);
		else
			m->objects[m->nobjects++] = o;
	}
	qsort(m->objects, m->nobjects, sizeof(*m->objects), by_off);
	return true;
}

const struct stack_map *stack_map_get(struct heap *h, struct site *s, const struct frame *f)
{
	if (s->map[f->panicked])
		return s->map[f->panicked];
	struct stack_map *m = arena_alloc(&h->arena, sizeof(*m));
	if (!m || !load_slots(h, f, m) || (!m->missing && !load_objects(h, f, m)))
		return NULL;
	s->map[f->panicked] = m;
	return m;
}

/* ---- reflect's stubs ---- */

uint32_t reflect_args(const struct heap *h, const struct frame *f, uint64_t *words, uint32_t max)
{
	const struct proc *p = h->proc;
	const struct stack_arch *arch = stack_arch(p->arch);
	uint64_t arg0 = f->sp + arch->min_frame, mv, fn, stack, arglen, bits;
	uint64_t top = frame_cfa(f) - (arch->lr ? 0 : p->word);
	uint32_t n, found = 0;
	uint8_t retvalid;
	/* The stub keeps its closure, a reflect.methodValue {fn, stack *bitvector, argLen}, at the bottom of its frame. */
	if (arg0 >= top || !proc_word(p, arg0, &mv) || !proc_u8(p, arg0 + 4u * p->word, &retvalid) ||
	    !proc_word(p, mv, &fn) || fn != f->func->entry || !proc_word(p, mv + p->word, &stack) ||
	    !proc_word(p, mv + 2u * p->word, &arglen) || !proc_u32(p, stack, &n) || !proc_word(p, stack + p->word, &bits))
		return 0;
	if (!retvalid && arglen / p->word < n) /* the results are not there yet */
		n = (uint32_t)(arglen / p->word);
	for (uint32_t i = 0; i < n && i < MAX_BITS && found < max; i++) {
		uint8_t b;
		if (!proc_u8(p, bits + i / 8, &b))
			break;
		if (b >> (i & 7) & 1)
			words[found++] = frame_argp(arch, f) + (uint64_t)i * p->word;
	}
	return found;
}

bool reflect_object(struct heap *h, const struct frame *f, struct stack_object *ret)
{
	/* internal/abi.RegArgs {Ints [ints]uintptr; Floats [floats]uint64; Ptrs [ints]unsafe.Pointer; ReturnIsPtr bits} */
	static const struct {
		enum arch arch;
		uint8_t minor, ints, floats;
	} regs[] = {
		{ARCH_AMD64, 17, 9, 15}, {ARCH_ARM64, 18, 16, 16}, {ARCH_PPC64, 18, 12, 12},
		{ARCH_RISCV64, 19, 16, 16}, {ARCH_LOONG64, 22, 16, 16}, {ARCH_S390X, 27, 8, 16},
	};
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		if (regs[i].arch != h->proc->arch || h->prog->minor < regs[i].minor)
			continue;
		uint32_t skip = (uint32_t)regs[i].ints + regs[i].floats, words = skip + regs[i].ints;
		uint64_t *bits = arena_alloc(&h->arena, (bit_words(words) + 1) * sizeof(*bits));
		if (!bits)
			return false;
		for (uint32_t k = skip; k < words; k++)
			bit_set(bits, k);
		uint32_t size = (words + 1) * 8;
		int64_t off = (int64_t)(frame_varp(stack_arch(h->proc->arch), f, h->word) - frame_cfa(f)) - size;
		*ret = (struct stack_object){.off = (int32_t)off, .size = size, .ptr_words = words, .bits = bits};
		return (uint64_t)-off <= f->size;
	}
	return false;
}
