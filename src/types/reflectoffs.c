/* SPDX-License-Identifier: MIT */
/*
 * runtime.reflectOffs {lock mutex; next int32; m map[int32]unsafe.Pointer; ...}: the names and types that offsets in
 * reflect-made descriptors mean. Its layout has not changed from Go 1.17 to 1.27; the maps' has, in 1.24.
 */
#include "base/ckd.h"
#include "types/rtype.h"

enum {
	MAX_B = 24,       /* more buckets than any program makes types */
	MAX_OVERFLOW = 64,
	MIN_TOPHASH = 5,  /* runtime/map.go: lower values mean empty or moved */
	SAME_SIZE_GROW = 8, /* hmap.flags */
	SLOTS = 8
};

struct walk {
	const struct types *t;
	struct rtypes *r;
};

static void add(const struct walk *w, uint64_t key_addr, uint64_t elem_addr)
{
	const struct proc *p = w->t->proc;
	uint32_t id;
	uint64_t addr;
	if (!proc_u32(p, key_addr, &id) || !proc_word(p, elem_addr, &addr) || !addr)
		return;
	if (vec_push(&w->r->off_addr, addr) && !map_put(&w->r->offs, id, (uint32_t)w->r->off_addr.len - 1))
		w->r->off_addr.len--;
}

static bool charge(const struct walk *w)
{
	if (!w->r->type_budget)
		return false;
	w->r->type_budget--;
	return true;
}

/* Until Go 1.23: 8 hashes, 8 keys, 8 elems, and the overflow bucket. */
static void old_buckets(const struct walk *w, uint64_t buckets, uint64_t n)
{
	const struct proc *p = w->t->proc;
	uint64_t keys = SLOTS, elems = keys + 4 * SLOTS, link = elems + (uint64_t)SLOTS * p->word, size = link + p->word;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t b = buckets + i * size;
		for (unsigned chain = 0; b && chain < MAX_OVERFLOW && charge(w); chain++) {
			uint8_t top[SLOTS];
			if (!proc_read(p, b, top, sizeof(top)))
				break;
			for (unsigned s = 0; s < SLOTS; s++)
				if (top[s] >= MIN_TOPHASH)
					add(w, b + keys + 4u * s, b + elems + (uint64_t)s * p->word);
			if (!proc_word(p, b + link, &b))
				break;
		}
	}
}

static void old_map(const struct walk *w, uint64_t map)
{
	const struct proc *p = w->t->proc;
	uint8_t flags, b;
	uint64_t buckets, old;
	if (!proc_u8(p, map + p->word, &flags) || !proc_u8(p, map + p->word + 1, &b) || b > MAX_B || !proc_word(p, map + p->word + 8, &buckets) ||
	    !proc_word(p, map + 2u * p->word + 8, &old))
		return;
	old_buckets(w, buckets, UINT64_C(1) << b);
	if (old) /* entries already moved say so in their hash */
		old_buckets(w, old, b && !(flags & SAME_SIZE_GROW) ? UINT64_C(1) << (b - 1) : UINT64_C(1) << b);
}

static void swiss_groups(const struct walk *w, uint64_t group, uint64_t n, bool split)
{
	const struct proc *p = w->t->proc;
	uint64_t elem = p->word, slot = 2 * elem, size = 8 + SLOTS * slot;
	if (split)
		size = 8 + 4 * SLOTS + SLOTS * elem;
	for (uint64_t i = 0; i < n && charge(w); i++, group += size) {
		uint64_t ctrl;
		if (!proc_u64(p, group, &ctrl))
			return;
		for (unsigned s = 0; s < SLOTS; s++) {
			if (ctrl >> (8 * s) & 0x80) /* empty or deleted */
				continue;
			if (split)
				add(w, group + 8 + 4u * s, group + 8 + 4 * SLOTS + s * elem);
			else
				add(w, group + 8 + s * slot, group + 8 + s * slot + elem);
		}
	}
}

static void swiss_map(const struct walk *w, uint64_t map)
{
	const struct proc *p = w->t->proc;
	const char *exp = p->build.experiments;
	bool split = exp && strstr(exp, "mapsplitgroup") && !strstr(exp, "nomapsplitgroup");
	uint64_t dir, len, table, last = 0, groups, mask, at = map + 8 + p->word;
	if (!proc_word(p, at, &dir) || !proc_word(p, at + p->word, &len) || !dir)
		return;
	if (len == 0) {
		swiss_groups(w, dir, 1, split);
		return;
	}
	for (uint64_t i = 0; i < len && charge(w); i++, last = table) {
		if (!proc_word(p, dir + i * p->word, &table))
			return;
		/* A table covers several entries in a row; it ends with its groups {data, lengthMask}. */
		uint64_t ref = table + 8 + p->word;
		if (table == last || !proc_word(p, ref, &groups) || !proc_u64(p, ref + p->word, &mask))
			continue;
		if (groups && mask < UINT64_C(1) << MAX_B)
			swiss_groups(w, groups, mask + 1, split);
	}
}

void reflectoffs_load(const struct types *t)
{
	const struct walk w = {t, t->prog->rtypes};
	uint64_t map, at = types_global_addr(t, "runtime.reflectOffs");
	if (!at || !proc_word(t->proc, at + 2u * t->proc->word, &map) || !map)
		return;
	if (program_swiss_maps(t->prog))
		swiss_map(&w, map);
	else
		old_map(&w, map);
}
