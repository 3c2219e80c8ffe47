/* SPDX-License-Identifier: MIT */
#include "dumpbuild.h"

#include <stdlib.h>
#include <string.h>

#include "reader/heapdump.h"

void hdb_bytes(struct dumpbuild *b, const void *data, size_t n)
{
	if (!n)
		return;
	if (!vec_reserve(&b->out, b->out.len + n))
		abort();
	memcpy(b->out.data + b->out.len, data, n);
	b->out.len += n;
}

void hdb_init(struct dumpbuild *b, unsigned word, bool be)
{
	memset(b, 0, sizeof(*b));
	b->word = word;
	b->be = be;
	hdb_bytes(b, "go1.7 heap dump\n", 16);
}

void hdb_free(struct dumpbuild *b)
{
	vec_free(&b->out);
}

void hdb_int(struct dumpbuild *b, uint64_t v)
{
	uint8_t byte;
	do {
		byte = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		hdb_bytes(b, &byte, 1);
		v >>= 7;
	} while (v);
}

void hdb_ints(struct dumpbuild *b, const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hdb_int(b, v[i]);
}

void hdb_text(struct dumpbuild *b, const char *s)
{
	hdb_int(b, strlen(s));
	hdb_bytes(b, s, strlen(s));
}

static void memory(struct dumpbuild *b, uint64_t size, const struct hdb_word *words, size_t n)
{
	hdb_int(b, size);
	uint8_t *mem = calloc(1, (size_t)size + 1);
	if (!mem)
		abort();
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < b->word; k++)
			mem[words[i].offset + (b->be ? b->word - 1 - k : k)] = (uint8_t)(words[i].value >> (8 * k));
	hdb_bytes(b, mem, (size_t)size);
	free(mem);
}

static void fields(struct dumpbuild *b, const struct hdb_word *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		HDB_INTS(b, 1, words[i].offset);
	hdb_int(b, 0);
}

void hdb_block(struct dumpbuild *b, uint64_t size, const struct hdb_word *words, size_t n)
{
	memory(b, size, words, n);
	fields(b, words, n);
}

void hdb_params(struct dumpbuild *b, const char *goarch, const char *version)
{
	HDB_INTS(b, HD_PARAMS, b->be, b->word, 0xc000000000, 0xc004000000);
	hdb_text(b, goarch);
	hdb_text(b, version);
	hdb_int(b, 4);
}

void hdb_object(struct dumpbuild *b, uint64_t addr, uint64_t size, const struct hdb_word *words, size_t n)
{
	HDB_INTS(b, HD_OBJECT, addr);
	hdb_block(b, size, words, n);
}

void hdb_section(struct dumpbuild *b, unsigned tag, uint64_t addr, uint64_t size, const struct hdb_word *words, size_t n)
{
	HDB_INTS(b, tag, addr);
	hdb_block(b, size, words, n);
}

void hdb_goroutine(struct dumpbuild *b, uint64_t g, uint64_t id, uint64_t status, const char *reason, uint64_t context)
{
	HDB_INTS(b, HD_GOROUTINE, g, 0, id, 0x401000, status, 0, 0, 77);
	hdb_text(b, reason);
	HDB_INTS(b, context, 0, 0, 0);
}

void hdb_frame(struct dumpbuild *b, uint64_t sp, unsigned depth, uint64_t pc, const char *name, uint64_t size,
              const struct hdb_word *words, size_t n)
{
	HDB_INTS(b, HD_FRAME, sp, depth, 0);
	memory(b, size, words, n);
	HDB_INTS(b, pc - 16, pc, pc);
	hdb_text(b, name);
	fields(b, words, n);
}

void hdb_memstats(struct dumpbuild *b, uint64_t heap_objects, uint64_t heap_alloc, uint64_t heap_inuse)
{
	uint64_t n[HD_MEMSTATS_INTS + 256 + 1] = {0};
	n[6] = heap_alloc;
	n[9] = heap_inuse;
	n[11] = heap_objects;
	hdb_int(b, HD_MEMSTATS);
	hdb_ints(b, n, sizeof(n) / sizeof(n[0]));
}

void hdb_end(struct dumpbuild *b)
{
	hdb_int(b, HD_EOF);
}

uint64_t hdb_arena(const struct dumpbuild *b)
{
	return b->word == 8 ? UINT64_C(0xc000000000) : 0x8800000;
}

void hdb_sample(struct dumpbuild *b, const char *goarch, const char *version)
{
	const uint64_t arena = hdb_arena(b), stack = arena + HDB_STACK;
	uint64_t w = b->word;
	hdb_params(b, goarch, version);
	HDB_INTS(b, HD_TYPE, 0x480000, 24);
	hdb_text(b, "main.T");
	hdb_int(b, 1);
	HDB_INTS(b, HD_ITAB, 0x490000, 0x480000);
	hdb_object(b, arena + HDB_LARGE, HDB_LARGE_SIZE, HDB_WORDS({2 * w, arena + HDB_A}, {HDB_LARGE_SIZE - w, arena + HDB_MEDIUM + 3072}));
	hdb_object(b, arena + HDB_A, 48, HDB_WORDS({0, arena + HDB_A + 2 * 48}, {w, arena + HDB_NOSCAN + 8}));
	hdb_object(b, arena + HDB_A + 48, 48, HDB_WORDS({0, 0}));
	hdb_object(b, arena + HDB_A + 2 * 48, 48, HDB_WORDS({5 * w - w, arena + HDB_MEDIUM + 5 * 3072 + 100}));
	hdb_object(b, arena + HDB_A + 7 * 48, 48, HDB_WORDS({0, arena + HDB_A}));
	hdb_object(b, arena + HDB_NOSCAN, 64, NULL, 0);
	hdb_object(b, arena + HDB_NOSCAN + 64, 64, NULL, 0);
	hdb_object(b, arena + HDB_MEDIUM + 3072, 3072, NULL, 0);
	hdb_object(b, arena + HDB_MEDIUM + 5 * 3072, 3072, NULL, 0);
	hdb_object(b, arena + HDB_MEDIUM + 7 * 3072, 3072, NULL, 0);
	hdb_goroutine(b, arena + HDB_A + 48, 7, 4, "chan receive", arena + HDB_A + 7 * 48);
	hdb_frame(b, stack, 0, 0x401050, "main.recv", 64, HDB_WORDS({16, arena + HDB_NOSCAN + 64}));
	hdb_frame(b, stack + 64, 1, 0x402050, "main.main", 32, NULL, 0);
	HDB_INTS(b, HD_DEFER, 1, arena + HDB_A + 48, stack, 0x401050, arena + HDB_MEDIUM + 7 * 3072, 0x403000, 0);
	HDB_INTS(b, HD_PANIC, stack + 8, arena + HDB_A + 48, 0x480000, arena + HDB_A + 48, 0, 0);
	hdb_goroutine(b, arena, 8, 1, "stale", 0);
	HDB_INTS(b, HD_THREAD, 0x700000, 3, 4711);
	hdb_section(b, HD_DATA, HDB_DATA, 64, HDB_WORDS({8, arena + HDB_LARGE + 12345}));
	hdb_section(b, HD_BSS, HDB_BSS, 128, HDB_WORDS({0, 0}));
	HDB_INTS(b, HD_FINALIZER, arena + HDB_A + 48, 0, 0, 0, 0);
	HDB_INTS(b, HD_QUEUEDFIN, arena + HDB_NOSCAN, 0, 0, 0, 0);
	HDB_INTS(b, HD_OTHERROOT);
	hdb_text(b, "the other");
	hdb_int(b, arena + HDB_NOSCAN + 64);
	hdb_memstats(b, 10, HDB_LARGE_SIZE + 4 * 48 + 2 * 64 + 3 * 3072, 11 * 8192);
	HDB_INTS(b, HD_MEMPROF, 0x770000, 48, 2);
	hdb_text(b, "main.alloc"), hdb_text(b, "a.go"), hdb_int(b, 17);
	hdb_text(b, "main.main"), hdb_text(b, "b.go"), hdb_int(b, 3);
	HDB_INTS(b, 5, 2);
	HDB_INTS(b, HD_SAMPLE, arena + HDB_A + 48, 0x770000);
	hdb_end(b);
}
