/* SPDX-License-Identifier: MIT */
/* The address space: overlapping claims become one sorted table, and reads go through it. */
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "reader/dump.h"
#include "reader/priv.h"

static int piece_compare(const void *ap, const void *bp)
{
	const struct piece *a = ap, *b = bp;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	/* Stable: the order of equal addresses decides nothing but must not depend on the sort. */
	return a < b ? -1 : a > b;
}

struct sweep {
	const struct piece **pieces; /* by address */
	size_t n, next;
	const struct piece **heap; /* claims on the current address, the strongest first */
	size_t nheap;
	VEC(struct segment) out;
};

/* Within a rank the later claim wins; pieces lie in the order in which they were made. */
static bool stronger(const struct piece *a, const struct piece *b)
{
	return a->rank != b->rank ? a->rank > b->rank : a > b;
}

static void heap_push(struct sweep *s, const struct piece *x)
{
	size_t i = s->nheap++;
	while (i && stronger(x, s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = x;
}

static void heap_pop(struct sweep *s)
{
	const struct piece *x = s->heap[--s->nheap];
	size_t i = 0;
	for (size_t c; (c = 2 * i + 1) < s->nheap; i = c) {
		if (c + 1 < s->nheap && stronger(s->heap[c + 1], s->heap[c]))
			c++;
		if (!stronger(s->heap[c], x))
			break;
		s->heap[i] = s->heap[c];
	}
	s->heap[i] = x;
}

static bool sweep_emit(struct sweep *s, const struct piece *from, uint64_t first, uint64_t last)
{
	static const enum segment_source source[] = {
		[RANK_ABSENT] = SEG_ABSENT, [RANK_FILE] = SEG_FILE, [RANK_LOST] = SEG_ABSENT, [RANK_CORE] = SEG_CORE};
	struct segment seg = {
		.addr = first,
		.size = last - first + 1,
		.data = from->data ? from->data + (first - from->addr) : NULL,
		.source = source[from->rank],
		.flags = from->flags,
	};
	return vec_push(&s->out, seg);
}

/* Walks up the addresses; at each, the strongest claim counts as far as it reaches or until a stronger one starts. */
static bool sweep_run(struct sweep *s)
{
	uint64_t pos = 0;
	for (;;) {
		while (s->nheap && s->heap[0]->last < pos)
			heap_pop(s);
		if (!s->nheap) {
			if (s->next == s->n)
				return true;
			pos = s->pieces[s->next]->addr > pos ? s->pieces[s->next]->addr : pos;
			heap_push(s, s->pieces[s->next++]);
			continue;
		}
		const struct piece *top = s->heap[0];
		uint64_t last = top->last;
		while (s->next < s->n && s->pieces[s->next]->addr <= last) {
			const struct piece *p = s->pieces[s->next++];
			heap_push(s, p);
			if (stronger(p, top)) {
				if (p->addr <= pos)
					top = p, last = p->last;
				else
					last = p->addr - 1;
			}
		}
		if (!sweep_emit(s, top, pos, last))
			return false;
		if (last == UINT64_MAX)
			return true;
		pos = last + 1;
	}
}

static int piece_ptr_compare(const void *ap, const void *bp)
{
	const struct piece *const *a = ap, *const *b = bp;
	return piece_compare(*a, *b);
}

/* The row of NT_FILE that covers addr: its index + 1, or 0. Rows are sorted by address. */
static uint32_t file_covering(const struct proc *p, uint64_t addr)
{
	size_t lo = 0, hi = p->nfiles;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (p->files[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr < p->files[lo - 1].end ? (uint32_t)lo : 0;
}

struct hc_error *memory_build(struct proc *p, const struct piece *pieces, size_t n)
{
	struct sweep s = {.n = n};
	s.pieces = calloc(n + 1, sizeof(*s.pieces));
	s.heap = calloc(n + 1, sizeof(*s.heap));
	uint64_t *starts = NULL;
	bool ok = s.pieces && s.heap;
	for (size_t i = 0; ok && i < n; i++)
		s.pieces[i] = &pieces[i];
	if (ok) {
		qsort(s.pieces, n, sizeof(*s.pieces), piece_ptr_compare);
		ok = sweep_run(&s) && (starts = calloc(s.out.len + 1, sizeof(*starts)));
	}
	free(s.pieces);
	free(s.heap);
	if (!ok) {
		vec_free(&s.out);
		return err_nomem();
	}
	free(p->segs);
	free(p->seg_starts);
	p->segs = s.out.data;
	p->nsegs = s.out.len;
	p->seg_starts = starts;
	for (size_t i = 0; i < p->nsegs; i++) {
		starts[i] = p->segs[i].addr;
		p->segs[i].file = file_covering(p, p->segs[i].addr);
	}
	return NULL;
}

uint64_t proc_bytes(const struct proc *p)
{
	uint64_t bytes = p->dump ? p->dump->end : 0; /* objects and stacks are in no segment */
	for (size_t i = 0; i < p->nsegs; i++)
		if (p->segs[i].data)
			bytes += p->segs[i].size;
	return bytes;
}

const struct segment *proc_segment(const struct proc *p, uint64_t addr)
{
	const uint64_t *base = p->seg_starts;
	size_t n = p->nsegs;
	if (!n)
		return NULL;
	/* The last start <= addr, without branches that the processor cannot foresee. */
	while (n > 1) {
		size_t half = n / 2;
		base += base[half] <= addr ? half : 0;
		n -= half;
	}
	const struct segment *s = &p->segs[base - p->seg_starts];
	return addr >= s->addr && addr - s->addr < s->size ? s : NULL;
}

const uint8_t *proc_view(const struct proc *p, uint64_t addr, uint64_t *avail)
{
	const struct segment *s = proc_segment(p, addr);
	if (!s && p->dump && p->dump->resolve)
		return p->dump->resolve(p->dump->resolve_ctx, addr, avail);
	if (!s || !s->data)
		return NULL;
	*avail = s->size - (addr - s->addr);
	return s->data + (addr - s->addr);
}

bool proc_read(const struct proc *p, uint64_t addr, void *buf, size_t n)
{
	uint8_t *out = buf;
	while (n) {
		uint64_t avail;
		const uint8_t *src = proc_view(p, addr, &avail);
		if (!src)
			return false;
		size_t take = avail < n ? (size_t)avail : n;
		memcpy(out, src, take);
		out += take;
		n -= take;
		if (n && !ckd_add(addr, take, &addr))
			return false;
	}
	return true;
}

bool proc_readable(const struct proc *p, uint64_t addr, uint64_t n)
{
	for (uint64_t avail; n; n -= avail, addr += avail) {
		if (!proc_view(p, addr, &avail))
			return false;
		if (avail >= n)
			return true;
	}
	return true;
}

bool proc_uint(const struct proc *p, uint64_t addr, unsigned size, uint64_t *ret)
{
	uint64_t avail;
	const uint8_t *src = proc_view(p, addr, &avail);
	if (src && avail >= size) {
		*ret = load_uint(src, size, p->be);
		return true;
	}
	uint8_t buf[8];
	if (!src || size > sizeof(buf) || !proc_read(p, addr, buf, size))
		return false;
	*ret = load_uint(buf, size, p->be);
	return true;
}

bool proc_u8(const struct proc *p, uint64_t addr, uint8_t *ret)
{
	return proc_read(p, addr, ret, 1);
}

bool proc_u16(const struct proc *p, uint64_t addr, uint16_t *ret)
{
	uint64_t v;
	if (!proc_uint(p, addr, 2, &v))
		return false;
	*ret = (uint16_t)v;
	return true;
}

bool proc_u32(const struct proc *p, uint64_t addr, uint32_t *ret)
{
	uint64_t v;
	if (!proc_uint(p, addr, 4, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool proc_u64(const struct proc *p, uint64_t addr, uint64_t *ret)
{
	return proc_uint(p, addr, 8, ret);
}

bool proc_word(const struct proc *p, uint64_t addr, uint64_t *ret)
{
	return proc_uint(p, addr, p->word, ret);
}

char *proc_cstring(const struct proc *p, struct arena *a, uint64_t addr, size_t max)
{
	/* First its length, over as many segments as it takes, then the text. */
	size_t len = 0;
	for (uint64_t at = addr;;) {
		uint64_t avail;
		const uint8_t *src = proc_view(p, at, &avail);
		if (!src)
			return NULL;
		size_t room = max - len;
		size_t look = avail < room ? (size_t)avail : room;
		const uint8_t *end = look ? memchr(src, 0, look) : NULL;
		if (end) {
			len += (size_t)(end - src);
			break;
		}
		len += look;
		if (len == max)
			break;
		if (!ckd_add(at, look, &at))
			return NULL;
	}
	char *s = arena_alloc(a, len + 1);
	return s && proc_read(p, addr, s, len) ? s : NULL;
}

char *proc_gostring(const struct proc *p, struct arena *a, uint64_t addr, size_t max)
{
	uint64_t data, len, lenp;
	if (!proc_word(p, addr, &data) || !ckd_add(addr, p->word, &lenp) || !proc_word(p, lenp, &len) || len > max)
		return NULL;
	if (!proc_readable(p, data, len))
		return NULL;
	char *text = arena_alloc(a, (size_t)len + 1);
	return text && proc_read(p, data, text, (size_t)len) ? text : NULL;
}
