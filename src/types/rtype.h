/* SPDX-License-Identifier: MIT */
/* Runtime type descriptors (internal/abi/type.go): shared by rtype*.c, gcmask.c and program.c only. */
#ifndef TYPES_RTYPE_H
#define TYPES_RTYPE_H

#include "types/types.h"

enum { /* tflag bits */
	TFLAG_UNCOMMON = 1 << 0,
	TFLAG_EXTRASTAR = 1 << 1, /* the name has a '*' in front that is not part of it */
	TFLAG_NAMED = 1 << 2,
	TFLAG_MASK_ON_DEMAND = 1 << 4, /* Go 1.24; in 1.22 and 1.23 the same bit says "unrolled bitmap", a plain mask */
	TFLAG_DIRECT = 1 << 5, /* Go 1.26; before: a bit of the kind byte */
};

/* The part that all descriptors have. */
struct rtype {
	uint64_t addr, size, ptrdata, gcdata;
	uint64_t tail; /* address of what follows: the kind's own part */
	const struct module *mod; /* NULL: made by reflect, or by the allocator for a mask of its own */
	int32_t str;
	uint8_t tflag, kind; /* kind: enum kind */
	bool gcprog, direct;
};

/* What gcmask.c and rtype.c remember about descriptors, for the life of a program. */
struct rtypes {
	struct arena arena;
	struct map masks;     /* descriptor -> index in mask_of */
	VEC(const struct gcmask *) mask_of;
	uint64_t mask_budget; /* bytes of masks that may still be made */
	uint64_t step_budget; /* parts of types that may still be visited for them */
	struct map offs;      /* runtime.reflectOffs.m: id -> index in off_addr */
	VEC(uint64_t) off_addr;
	bool offs_loaded;
	uint64_t type_budget; /* fields and descriptors that may still be read */
};

struct rtypes *rtypes_new(const struct proc *p); /* NULL: out of memory */
void rtypes_free(struct rtypes *r);

/* False when there is no valid descriptor at addr. A descriptor of kind 0 holds a mask only (see rtype_read()). */
bool rtype_read(const struct program *g, uint64_t addr, struct rtype *ret);

struct rfield {
	uint64_t name, type, offset;
	bool embedded; /* until Go 1.18; later it is a flag of the name */
};
/* The array of a struct's fields; false when it is not there. */
bool rtype_fields(const struct program *g, const struct rtype *r, uint64_t *fields, uint64_t *nfields);
bool rfield_read(const struct program *g, uint64_t fields, uint64_t i, struct rfield *ret);
/* The array's length; elem in ret. */
bool rtype_array(const struct program *g, const struct rtype *r, uint64_t *elem, uint64_t *len);

/* The uncommon part (package path, methods); 0 = none. */
uint64_t rtype_uncommon(const struct program *g, const struct rtype *r);

/* A name in the runtime's encoding; strings live in the arena. */
struct rname {
	const char *text, *tag; /* tag "" for none */
	bool exported, embedded;
};
/* False when it is not there; its bytes are charged to the budget. */
bool rname_read(const struct program *g, struct arena *a, uint64_t addr, struct rname *ret);
/* What an offset in a descriptor means: an address, 0 = nothing. reflect's own offsets are ids in runtime.reflectOffs. */
uint64_t rtype_off(const struct types *t, const struct rtype *r, int32_t off);

/* Fills t->prog->rtypes->offs (reflectoffs.c). */
void reflectoffs_load(const struct types *t);

/* ---- descriptors on their way to becoming types (rtype_build.c, rtype_name.c) ---- */

/* What a type is made of: an element, a key, a field, a parameter, a method. */
struct part {
	uint64_t type; /* address of its descriptor */
	const char *name, *tag;
	uint64_t offset;
	bool embedded, exported;
};

struct recipe {
	struct rtype r;
	const char *str;    /* the runtime's short name, with package names instead of paths */
	const char *name;   /* NULL until known */
	const char *pkg;    /* import path of a named type; never NULL */
	const char *ctx;    /* import path of the unexported names of a struct or interface; never NULL */
	uint32_t part, nparts; /* in cookbook.parts */
	uint64_t count;     /* arrays: length; functions: number of parameters; channels: direction */
	bool variadic, known; /* known: id is that of a type that was there already */
	uint32_t id;
};

struct cookbook {
	struct types *t;
	VEC(struct recipe) recipes;
	VEC(struct part) parts;
	struct map index; /* descriptor -> recipe */
	struct arena arena;
	bool nomem;
};

/* NULL when it has none: the array may not exist then. */
static inline const struct part *recipe_parts(const struct cookbook *b, const struct recipe *r)
{
	return r->nparts ? b->parts.data + r->part : NULL;
}

/* Gives every recipe its full name. */
void recipes_name(struct cookbook *b);

#endif
