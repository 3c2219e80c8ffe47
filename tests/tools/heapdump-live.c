/* SPDX-License-Identifier: MIT */
/*
 * An independent answer to "what is alive": parses a debug.WriteHeapDump file (format "go1.7 heap dump", Go 1.7 to 1.27,
 * src/runtime/heapdump.go), marks from its roots, and prints one line per object: slot address, size, live or garbage.
 * --no-stacks leaves stacks out, --no-preempted only the registers of preempted goroutines, where numbers count as pointers.
 * Shares no code with heapconv on purpose: the tests hold the two against each other. Trusts its input.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct object {
	uint64_t addr, size;
	const uint8_t *data;
	const uint8_t *fields;
	bool live, contents;
};

static const uint8_t *at, *end;
static struct object *objects;
static size_t nobjects, cap;
static uint64_t *stack;
static size_t depth, stack_cap;
static uint64_t ptrsize = 8;
static bool bigendian, stacks = true, preempted = true;

static uint64_t uvarint(void)
{
	uint64_t v = 0;
	for (unsigned shift = 0; at < end; shift += 7) {
		uint8_t c = *at++;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	fprintf(stderr, "heap dump ends inside a number\n");
	exit(1);
}

static const uint8_t *bytes(uint64_t *n)
{
	*n = uvarint();
	if (*n > (uint64_t)(end - at)) {
		fprintf(stderr, "heap dump ends inside a record\n");
		exit(1);
	}
	const uint8_t *p = at;
	at += *n;
	return p;
}

static uint64_t word(const uint8_t *p)
{
	uint64_t v = 0;
	for (uint64_t i = 0; i < ptrsize; i++)
		v |= (uint64_t)p[bigendian ? ptrsize - 1 - i : i] << (8 * i);
	return v;
}

static void push(uint64_t addr)
{
	if (depth == stack_cap) {
		stack_cap = stack_cap ? stack_cap * 2 : 1024;
		stack = realloc(stack, stack_cap * sizeof(*stack));
	}
	stack[depth++] = addr;
}

/* Pushes the pointers of a block whose fields follow at `at`. */
static void fields(const uint8_t *mem, uint64_t size, bool want)
{
	while (uvarint() != 0) {
		uint64_t off = uvarint();
		if (want && off + ptrsize <= size)
			push(word(mem + off));
	}
}

static int by_addr(const void *a, const void *b)
{
	const struct object *x = a, *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static struct object *find(uint64_t addr)
{
	size_t lo = 0, hi = nobjects;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (objects[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr - objects[lo - 1].addr < objects[lo - 1].size ? &objects[lo - 1] : NULL;
}

static void contents(struct object *o)
{
	if (o->contents)
		return;
	o->contents = true;
	at = o->fields;
	fields(o->data, o->size, true);
}

static void drain(void)
{
	while (depth) {
		struct object *o = find(stack[--depth]);
		if (o && !o->live) {
			o->live = true;
			contents(o);
		}
	}
}

static void skip(int n)
{
	while (n-- > 0)
		uvarint();
}

static void skip_str(void)
{
	uint64_t n;
	bytes(&n);
}

/* The registers of a preempted goroutine: all of them count as pointers. */
static bool is_preempted(const uint8_t *name, uint64_t n)
{
	static const char want[] = "runtime.asyncPreempt";
	return n == sizeof(want) - 1 && memcmp(name, want, n) == 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[2], "--no-stacks") == 0)
		stacks = false;
	if (argc > 2 && strcmp(argv[2], "--no-preempted") == 0)
		preempted = false;
	FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
	if (!f) {
		fprintf(stderr, "usage: heapdump-live FILE [--no-stacks | --no-preempted]\n");
		return 2;
	}
	fseek(f, 0, SEEK_END);
	size_t size = (size_t)ftell(f);
	rewind(f);
	uint8_t *file = malloc(size + 1);
	if (fread(file, 1, size, f) != size)
		return 1;
	static const char magic[] = "go1.7 heap dump\n";
	if (size < sizeof(magic) || memcmp(file, magic, sizeof(magic) - 1) != 0)
		return 1;
	at = file + sizeof(magic) - 1;
	end = file + size;
	uint64_t *finalized = NULL;
	size_t nfinalized = 0;
	for (uint64_t tag, n; (tag = uvarint()) != 0;) {
		const uint8_t *mem;
		switch (tag) {
		case 1: {
			if (nobjects == cap) {
				cap = cap ? cap * 2 : 4096;
				objects = realloc(objects, cap * sizeof(*objects));
			}
			struct object *o = &objects[nobjects++];
			memset(o, 0, sizeof(*o));
			o->addr = uvarint();
			o->data = bytes(&o->size);
			o->fields = at;
			fields(o->data, o->size, false);
			break;
		}
		case 2: skip_str(); push(uvarint()); break;
		case 3: skip(2); skip_str(); skip(1); break;
		case 4: {
			skip(8);
			skip_str();
			uint64_t ctxt = uvarint();
			if (stacks)
				push(ctxt);
			skip(3);
			break;
		}
		case 5: {
			uint64_t length;
			skip(3);
			mem = bytes(&n);
			skip(3);
			const uint8_t *name = bytes(&length);
			fields(mem, n, stacks && (preempted || !is_preempted(name, length)));
			break;
		}
		case 6: bigendian = uvarint(); ptrsize = uvarint(); skip(2); skip_str(); skip_str(); skip(1); break;
		case 7: case 11: {
			uint64_t obj = uvarint(), fn = uvarint();
			skip(1);
			uint64_t fint = uvarint(), ot = uvarint();
			push(fn);
			push(fint);
			push(ot);
			if (tag == 11)
				push(obj);
			else {
				finalized = realloc(finalized, (nfinalized + 1) * sizeof(*finalized));
				finalized[nfinalized++] = obj;
			}
			break;
		}
		case 8: skip(2); break;
		case 9: skip(3); break;
		case 10: skip(24 + 256 + 1); break;
		case 12: case 13: uvarint(); mem = bytes(&n); fields(mem, n, true); break;
		case 14: { skip(4); uint64_t fn = uvarint(); if (stacks) push(fn); skip(2); break; }
		case 15: { skip(3); uint64_t arg = uvarint(); if (stacks) push(arg); skip(2); break; }
		case 16: { skip(2); uint64_t frames = uvarint(); for (uint64_t i = 0; i < frames; i++) { skip_str(); skip_str(); skip(1); } skip(2); break; }
		case 17: skip(2); break;
		default: fprintf(stderr, "unknown record %" PRIu64 "\n", tag); return 1;
		}
	}
	qsort(objects, nobjects, sizeof(*objects), by_addr);
	drain();
	/* A finalizer keeps what its object points to, not the object itself. */
	for (size_t i = 0; i < nfinalized; i++) {
		struct object *o = find(finalized[i]);
		if (o)
			contents(o);
		drain();
	}
	for (size_t i = 0; i < nobjects; i++)
		printf("%#" PRIx64 " %" PRIu64 " %s\n", objects[i].addr, objects[i].size, objects[i].live ? "live" : "garbage");
	free(finalized);
	free(objects);
	free(stack);
	free(file);
	fclose(f);
	return 0;
}
