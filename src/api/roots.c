/* SPDX-License-Identifier: MIT */
/* Public accessors of roots, goroutines, frames and source lines. */
#include "api/api.h"

_Static_assert((int)HC_ROOT_OTHER == (int)ROOT_OTHER, "public and internal root kinds differ");

uint32_t hc_root_count(const struct hc_snapshot *s)
{
	return s->heap ? s->heap->nroots : 0;
}

struct hc_root hc_root_at(const struct hc_snapshot *s, uint32_t i)
{
	const struct root *r = &s->heap->roots[i];
	uint32_t limit = s->heap->nslots;
	struct hc_root ret = {
		.node = limit + i,
		.parent = i ? limit + r->parent : HC_NODE_NONE,
		.kind = (enum hc_root_kind)r->kind,
		.name = r->name,
		.type = api_type(s, r->type),
		.addr = r->addr,
		.size = r->size,
		.goroutine = r->goroutine,
		.frame = r->frame,
		.line = r->line,
		.conservative = r->flags & ROOT_F_CONSERVATIVE,
	};
	return ret;
}

uint32_t hc_goroutine_count(const struct hc_snapshot *s)
{
	return s->heap ? s->heap->ngoroutines : 0;
}

static const char *state_name(uint8_t status)
{
	switch (status) {
	case G_IDLE: return "idle";
	case G_RUNNABLE: return "runnable";
	case G_RUNNING: return "running";
	case G_SYSCALL: return "syscall";
	case G_WAITING: return "waiting";
	case G_DEAD: return "dead";
	case G_COPYSTACK: return "copystack";
	case G_PREEMPTED: return "preempted";
	case G_LEAKED: return "leaked";
	case G_DEADEXTRA: return "dead extra";
	default: return "unknown";
	}
}

struct hc_goroutine hc_goroutine_at(const struct hc_snapshot *s, uint32_t i)
{
	const struct goroutine *g = &s->heap->goroutines[i];
	struct hc_goroutine r = {
		.id = g->id,
		.parent_id = g->parent,
		.state = state_name(g->status),
		.wait_reason = g->waitreason,
		.wait_since = g->waitsince,
		.stack_bytes = g->stack_hi - g->stack_lo,
		.system = g->system,
		.truncated = g->truncated,
		.first_frame = g->first_frame,
		.frame_count = g->nframes,
		.created_pc = g->gopc,
		.start_pc = g->startpc,
		.addr = g->addr,
	};
	return r;
}

/* funcID_wrapper (internal/abi/symtab.go), the last one of its enumeration, by the first minor release that has it. */
static bool is_wrapper(const struct hc_snapshot *s, const struct func *f)
{
	static const struct {
		int from;
		uint8_t id;
	} ids[] = {{17, 22}, {18, 21}, {22, 22}, {25, 23}};
	uint8_t id = 0;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (ids[i].from <= s->types->layout.minor)
			id = ids[i].id;
	return f->mod && id && f->funcid == id;
}

struct hc_frame hc_frame_at(const struct hc_snapshot *s, uint32_t i)
{
	const struct frame *f = &s->heap->frames[i];
	struct hc_frame r = {.pc = f->pc, .sp = f->sp, .size = f->size};
	r.function = f->func->name; /* heap dumps have names without an executable */
	r.entry = f->func->entry;
	r.wrapper = is_wrapper(s, f->func);
	return r;
}

static size_t lines(const struct hc_snapshot *s, const struct func *f, uint64_t pc, struct hc_line *out, size_t max)
{
	struct srcline src[64];
	size_t n = func_lines(s->prog, f, pc, src, max < 64 ? max : 64);
	for (size_t i = 0; i < n; i++)
		out[i] = (struct hc_line){src[i].func, src[i].file, src[i].line, src[i].inlined};
	return n;
}

size_t hc_frame_lines(const struct hc_snapshot *s, uint32_t frame, struct hc_line *out, size_t max)
{
	const struct frame *f = &s->heap->frames[frame];
	return f->func && f->func->mod ? lines(s, f->func, frame_lookup(f), out, max) : 0;
}

size_t hc_pc_lines(const struct hc_snapshot *s, uint64_t pc, struct hc_line *out, size_t max)
{
	struct func f;
	return s->prog && program_func(s->prog, pc, &f) ? lines(s, &f, pc, out, max) : 0;
}
