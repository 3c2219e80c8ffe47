/* SPDX-License-Identifier: MIT */
/*
 * Position-independent executables as the dynamic linker leaves them in memory: in the file, words that hold addresses
 * are zero or an offset. Cores have the finished words; heap dumps hold little of the image, so it is made from the file.
 * Only relocations that add the load address matter: Go's own tables have no others.
 */
#include <string.h>

#include "base/ckd.h"
#include "reader/priv.h"

static const struct {
	enum arch arch;
	uint32_t relative; /* R_*_RELATIVE of the machine's ELF supplement */
} types[] = {
	{ARCH_AMD64, 8}, {ARCH_ARM64, 1027}, {ARCH_386, 8},      {ARCH_ARM, 23},
	{ARCH_PPC64, 22}, {ARCH_RISCV64, 3}, {ARCH_S390X, 12}, {ARCH_LOONG64, 3},
};

struct relocation {
	const struct exe *exe;
	struct arena *arena;
	uint8_t **images;
	uint64_t bias;
	uint64_t images_left, tables_left; /* bytes that may still be copied and read: overlapping claims end there */
	uint32_t relative;
	bool nomem;
};

/* Sets the word at a file address to value + bias; value NULL: what the file has there. */
static void word_set(struct relocation *r, uint64_t vaddr, const uint64_t *value)
{
	const struct exe *exe = r->exe;
	for (size_t i = 0; i < exe->nsegments && !r->nomem; i++) {
		const struct exe_segment *s = &exe->segments[i];
		if (vaddr < s->vaddr || !in_range(vaddr - s->vaddr, exe->word, s->filesz) ||
		    !in_range(s->offset, s->filesz, exe->blob->size))
			continue;
		const uint8_t *file = exe->blob->data + s->offset;
		if (!r->images[i]) {
			if (s->filesz > r->images_left)
				return;
			r->images_left -= s->filesz;
			r->images[i] = arena_alloc(r->arena, (size_t)s->filesz);
			if (!r->images[i]) {
				r->nomem = true;
				return;
			}
			memcpy(r->images[i], file, (size_t)s->filesz);
		}
		uint64_t at = vaddr - s->vaddr, v = value ? *value : load_uint(file + at, exe->word, exe->be);
		uint8_t *out = r->images[i] + at;
		v += r->bias;
		for (unsigned k = 0; k < exe->word; k++)
			out[exe->be ? exe->word - 1u - k : k] = (uint8_t)(v >> (8 * k));
		return;
	}
}

/* Entries {offset, info, addend} or, where the addend is in its place already, {offset, info}. */
static void table_apply(struct relocation *r, const uint8_t *d, uint64_t size, bool addends)
{
	uint64_t w = r->exe->word, entry = (addends ? 3 : 2) * w;
	bool be = r->exe->be;
	for (uint64_t at = 0; size - at >= entry && !r->nomem; at += entry) {
		uint64_t info = load_uint(d + at + w, (unsigned)w, be);
		uint64_t addend = addends ? load_uint(d + at + 2 * w, (unsigned)w, be) : 0;
		if ((w == 8 ? info & UINT32_MAX : info & 0xff) == r->relative)
			word_set(r, load_uint(d + at, (unsigned)w, be), addends ? &addend : NULL);
	}
}

/* RELR: an even word is a place; an odd one has a bit for each of the words behind the last place. */
static void packed_apply(struct relocation *r, const uint8_t *d, uint64_t size)
{
	uint64_t w = r->exe->word, place = 0;
	for (uint64_t at = 0; size - at >= w && !r->nomem; at += w) {
		uint64_t v = load_uint(d + at, (unsigned)w, r->exe->be);
		if (!(v & 1)) {
			word_set(r, v, NULL);
			place = v + w;
			continue;
		}
		for (uint64_t i = 0, bits = v >> 1; bits; i++, bits >>= 1)
			if (bits & 1)
				word_set(r, place + i * w, NULL);
		place += (8 * w - 1) * w;
	}
}

bool relocate(struct arena *a, const struct exe *exe, uint64_t bias, uint8_t **images)
{
	struct relocation r = {.exe = exe, .arena = a, .images = images, .bias = bias, .images_left = 2 * (uint64_t)exe->blob->size,
	                       .tables_left = 2 * (uint64_t)exe->blob->size, .relative = UINT32_MAX};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].arch == exe->arch)
			r.relative = types[i].relative;
	for (size_t i = 0; exe->pie && i < exe->nsections && !r.nomem; i++) {
		const struct exe_section *s = &exe->sections[i];
		uint64_t size;
		const uint8_t *d = s->alloc && !strncmp(s->name, ".rel", 4) ? exe_section_data(exe, s, &size) : NULL;
		if (!d || size > r.tables_left)
			continue;
		r.tables_left -= size;
		if (!strncmp(s->name, ".relr", 5))
			packed_apply(&r, d, size);
		else
			table_apply(&r, d, size, s->name[4] == 'a');
	}
	return !r.nomem;
}
