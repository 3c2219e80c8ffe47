/* SPDX-License-Identifier: MIT */
/*
 * Goroutines as threads. The thread object is the runtime.g itself, an instance of a class below java.lang.Thread; where
 * that has no type, an object of our own stands for it.
 */
#include <stdio.h>

#include "base/err.h"
#include "writers/hprof.h"
#include "writers/hprof_names.h"

enum {
	MAX_CALLS = 64,      /* functions inlined at one place */
	MAX_TRACE = 1 << 20, /* frames of one trace */
	NO_LINE = -1,
};

/* java.lang.Thread.threadStatus: bits of the JVM Tool Interface's GetThreadState. */
enum {
	STATUS_RUNNABLE = 0x5,
	STATUS_WAITING = 0x191,
	STATUS_PARKED = 0x291,
	STATUS_SLEEPING = 0x1a1,
	STATUS_BLOCKED = 0x401,
	STATUS_NATIVE = 0x400005,
};

/* ---- frames and traces ---- */

static uint64_t call_name(struct hprof *h, const char *text)
{
	struct name n = {0};
	uint64_t id = 0;
	h->failed |= !name_clean(&n, text);
	if (!h->failed) {
		hprof_text_cut(&n, HPROF_NAME_MAX);
		id = hprof_name(&h->out, n.text, n.len);
	}
	name_free(&n);
	return id;
}

static void add_call(struct hprof *h, const char *function, const char *file, int line)
{
	size_t class_len = hprof_function_class(function), skip = class_len ? class_len + 1 : 0;
	uint32_t class = class_len ? hprof_class_named(h, function, class_len) : hprof_class_named(h, "native", 6);
	struct hprof_call call = {HPROF_ID_FRAMES + 8 * ((uint64_t)h->calls.len + 1), function};
	uint64_t method = call_name(h, *function ? function + skip : "(unknown code)"), source = *file ? call_name(h, file) : 0;
	if (h->failed)
		return;
	hprof_stack_frame(&h->out, call.id, method, hprof_name(&h->out, "()", 2), source, class + 1, line > 0 ? line : NO_LINE);
	h->failed |= !vec_push(&h->calls, call) || h->out.failed;
}

const struct call_run *hprof_run_of(struct hprof *h, uint32_t frame, bool innermost)
{
	struct hc_frame f = hc_frame_at(h->s, frame);
	uint64_t key = f.pc << 1 | innermost; /* elsewhere it is a return address */
	struct hc_line lines[MAX_CALLS];
	uint32_t i;
	if (map_get(&h->runs_at, key, &i))
		return &h->runs.data[i];
	struct call_run run = {(uint32_t)h->calls.len, 0};
	size_t n = hc_frame_lines(h->s, frame, lines, MAX_CALLS);
	for (size_t k = 0; k < n; k++)
		add_call(h, lines[k].function, lines[k].file, lines[k].line);
	if (n == 0)
		add_call(h, f.function, "", 0);
	run.n = (uint32_t)h->calls.len - run.first;
	i = (uint32_t)h->runs.len;
	if (h->failed || !vec_push(&h->runs, run) || !map_put(&h->runs_at, key, i)) {
		h->failed = true;
		return NULL;
	}
	return &h->runs.data[i];
}

static void put_trace(struct hprof *h, const struct hc_goroutine *g, uint32_t serial)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < g->frame_count && n < MAX_TRACE && !h->failed; i++) {
		const struct call_run *run = hprof_run_of(h, g->first_frame + i, i == 0);
		h->frame_place[g->first_frame + i] = (uint32_t)n;
		n += run ? run->n : 0;
	}
	if (h->failed)
		return;
	hprof_stack_trace(&h->out, serial, serial, (uint32_t)n);
	for (uint32_t i = 0; i < g->frame_count && n > 0; i++) {
		const struct call_run *run = hprof_run_of(h, g->first_frame + i, i == 0);
		for (uint32_t k = 0; k < run->n && n > 0; k++, n--)
			hprof_put64(&h->out, h->calls.data[run->first + k].id);
	}
}

/* ---- thread objects ---- */

static bool is_thread(const struct hc_goroutine *g)
{
	static const char *const no[] = {"dead", "dead extra", "idle"};
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (strcmp(g->state, no[i]) == 0)
			return false;
	return true;
}

static const struct fixed_field g_fields[] = {{"state", HPROF_OBJECT}, {"creator", HPROF_OBJECT}};

/*
 * All references of a runtime.g, and as many of its numbers as leave room for the two fields above and java.lang.Thread's:
 * the readers shall agree on the size of the object.
 */
static bool thread_layout(struct hprof *h, const struct layout *g, uint64_t slot)
{
	struct layout *l = &h->thread_layout;
	uint64_t room = HPROF_THREAD_SIZE + sizeof(g_fields) / sizeof(g_fields[0]) * 8;
	struct place *places = arena_alloc(&h->layouts.arena, g->n * sizeof(*places) + 1);
	if (!places)
		return false;
	room = slot > room + 8 * (uint64_t)g->refs ? slot - room - 8 * (uint64_t)g->refs : 0;
	*l = *g;
	l->n = l->payload = 0;
	for (uint32_t i = 0; i < g->n; i++) {
		bool ref = g->places[i].type == HPROF_OBJECT;
		uint32_t size = hprof_type_size(g->places[i].type);
		if (!ref && room < size)
			continue;
		room -= ref ? 0 : size;
		places[l->n++] = g->places[i];
		l->payload += size;
	}
	l->places = places;
	return true;
}

/* May this object be a thread itself? All that are have one class: that of the first. */
static bool is_runtime_g(struct hprof *h, const struct hc_object *o)
{
	if (!o->type || (o->flags & HC_OBJ_ARRAY) || strcmp(hc_type_name(o->type), "runtime.g") != 0)
		return false;
	if (h->thread_class == UINT32_MAX) {
		const struct layout *l = layout_of(&h->layouts, o->type);
		if (!l || !l->is_struct || l->words || !thread_layout(h, l, o->slot_size)) {
			h->failed |= !l;
			return false;
		}
		struct hprof_class c = {.super = KNOWN_THREAD, .layout = &h->thread_layout, .count = 1, .statics = true,
		                        .size = o->slot_size, .type_size = hc_type_size(o->type), .fixed = g_fields,
		                        .nfixed = sizeof(g_fields) / sizeof(g_fields[0])};
		h->thread_class = hprof_class_add(h, c, "runtime.g");
	}
	return h->classes.data[h->thread_class].size == o->slot_size;
}

static void add_thread(struct hprof *h, uint32_t i, const struct hc_goroutine *g)
{
	struct hprof_thread t = {i, HC_NODE_NONE, HPROF_ID_THREADS + 8 * ((uint64_t)i + 1)};
	struct hc_object o;
	uint64_t offset = 0;
	uint32_t index = (uint32_t)h->threads.len, other;
	hc_node node = g->addr ? hc_object_find(h->s, g->addr, &offset) : HC_NODE_NONE;
	if (node != HC_NODE_NONE && offset == 0 && hc_object_get(h->s, node, &o) &&
	    (!h->live_only || (o.flags & HC_OBJ_LIVE)) && !map_get(&h->thread_of, node, &other) && is_runtime_g(h, &o)) {
		t.node = node;
		t.id = o.addr;
		h->failed |= !map_put(&h->thread_of, node, index);
	}
	h->failed |= !vec_push(&h->threads, t);
	put_trace(h, g, index + 1);
}

static uint32_t status_of(const struct hc_goroutine *g)
{
	static const struct {
		const char *reason;
		uint32_t status;
	} reasons[] = {
		{"sleep", STATUS_SLEEPING},         {"chan receive", STATUS_WAITING},  {"chan send", STATUS_WAITING},
		{"select", STATUS_WAITING},         {"IO wait", STATUS_WAITING},       {"sync.Cond.Wait", STATUS_WAITING},
		{"sync.WaitGroup.Wait", STATUS_WAITING}, {"sync.Mutex.Lock", STATUS_BLOCKED}, {"semacquire", STATUS_BLOCKED},
		{"sync.RWMutex.RLock", STATUS_BLOCKED}, {"sync.RWMutex.Lock", STATUS_BLOCKED},
	};
	if (strcmp(g->state, "syscall") == 0)
		return STATUS_NATIVE;
	if (strcmp(g->state, "waiting") != 0)
		return STATUS_RUNNABLE;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strncmp(g->wait_reason, reasons[i].reason, strlen(reasons[i].reason)) == 0)
			return reasons[i].status;
	return STATUS_PARKED;
}

/* The physical function at a pc. */
static const char *function_at(const struct hprof *h, uint64_t pc)
{
	struct hc_line lines[MAX_CALLS];
	size_t n = pc ? hc_pc_lines(h->s, pc, lines, MAX_CALLS) : 0;
	return n ? lines[n - 1].function : "";
}

/* "go f(x)" begins in a function that the compiler makes around the call (Go 1.17; "f.func1" before 1.22): "main.start.gowrap1". */
static bool is_go_wrapper(const char *function)
{
	const char *dot = strrchr(function, '.');
	return dot && strncmp(dot, ".gowrap", 7) == 0;
}

/* The program's name for what a goroutine does: the first function on its stack that somebody wrote. */
static const char *goroutine_does(const struct hprof *h, const struct hc_goroutine *g)
{
	const char *start = function_at(h, g->start_pc);
	if (strcmp(start, "runtime.main") == 0)
		return "main.main";
	for (uint32_t i = g->frame_count; i-- > 0;) {
		struct hc_frame f = hc_frame_at(h->s, g->first_frame + i);
		struct hc_line lines[MAX_CALLS];
		if (strcmp(f.function, "runtime.goexit") == 0)
			continue;
		size_t n = f.wrapper ? 0 : hc_frame_lines(h->s, g->first_frame + i, lines, MAX_CALLS);
		while (n > 0 && is_go_wrapper(lines[n - 1].function))
			n--;
		if (n > 0)
			return lines[n - 1].function;
		if (!f.wrapper && !is_go_wrapper(f.function))
			break;
	}
	return start;
}

struct thread_texts {
	uint64_t name, state, creator;
};

static struct thread_texts thread_texts(struct hprof *h, const struct hc_goroutine *g)
{
	struct thread_texts t = {0};
	struct name n = {0};
	const char *state = *g->wait_reason ? g->wait_reason : g->state, *does = goroutine_does(h, g);
	bool ok = hprof_text_printf(&n, "goroutine %llu [", (unsigned long long)g->id) && hprof_text_puts(&n, state) &&
	          hprof_text_puts(&n, "] ") && hprof_text_puts(&n, does);
	if (ok)
		t.name = hprof_text(h, n.text, false);
	t.state = hprof_text(h, state, true);
	const char *creator = function_at(h, g->created_pc ? g->created_pc - 1 : 0);
	n.len = 0;
	if (ok && *creator) {
		ok = hprof_text_puts(&n, creator);
		if (ok && g->parent_id)
			ok = hprof_text_printf(&n, " in goroutine %llu", (unsigned long long)g->parent_id);
		if (ok)
			t.creator = hprof_text(h, n.text, true);
	}
	h->failed |= !ok;
	name_free(&n);
	return t;
}

/* java.lang.Thread's fields. */
static void put_thread_fields(const struct hc_goroutine *g, uint64_t name, uint8_t *p)
{
	p = be64(p, name);
	*p++ = g->system;
	p = be32(p, 5);
	p = be64(p, g->id);
	be32(p, status_of(g));
}

void hprof_put_thread(struct hprof *h, uint32_t thread, const struct hc_object *o)
{
	struct hc_goroutine g = hc_goroutine_at(h->s, h->threads.data[thread].goroutine);
	struct thread_texts texts = thread_texts(h, &g);
	const struct hprof_class *c = &h->classes.data[h->thread_class];
	struct source src;
	uint64_t avail;
	uint8_t *p = hprof_instance(h, o->addr, h->thread_class);
	source_begin(&src, h, o->node, true);
	src.data = hc_object_bytes(h->s, o->node, 0, &avail);
	src.size = src.data ? avail : 0;
	p = be64(be64(p, texts.state), texts.creator);
	p = hprof_put_values(h, &src, c->layout, 0, 1, p);
	memset(p, 0, c->pad);
	put_thread_fields(&g, texts.name, p + c->pad);
	hprof_count_instance(h, h->thread_class, false);
	for (; src.more; src.more = hc_edge_next(&src.it, &src.edge))
		h->totals.lost_refs++;
	hprof_flush_pool(h);
}

struct hc_error *hprof_thread_classes(struct hprof *h)
{
	struct hc_error *err = hprof_chain_locals(h);
	for (uint32_t i = 0; !err && i < hc_goroutine_count(h->s) && !h->failed; i++) {
		struct hc_goroutine g = hc_goroutine_at(h->s, i);
		if (is_thread(&g))
			add_thread(h, i, &g);
	}
	if (!err)
		hprof_local_classes(h);
	return err ? err : h->failed ? err_nomem() : NULL;
}

static void put_own_thread(struct hprof *h, const struct hprof_thread *t)
{
	struct hc_goroutine g = hc_goroutine_at(h->s, t->goroutine);
	struct thread_texts texts = thread_texts(h, &g);
	struct hc_object o;
	uint64_t offset = 0, id = 0;
	hc_node node = g.addr ? hc_object_find(h->s, g.addr, &offset) : HC_NODE_NONE;
	if (node != HC_NODE_NONE && hc_object_get(h->s, node, &o) && (!h->live_only || (o.flags & HC_OBJ_LIVE)))
		id = o.addr;
	uint8_t *p = hprof_instance(h, t->id, KNOWN_GOROUTINE);
	p = be64(be64(be64(p, id), texts.state), texts.creator);
	put_thread_fields(&g, texts.name, p);
	hprof_count_instance(h, KNOWN_GOROUTINE, true);
}

struct hc_error *hprof_thread_objects(struct hprof *h)
{
	for (uint32_t i = 0; i < h->threads.len && !h->failed; i++)
		if (h->threads.data[i].node == HC_NODE_NONE)
			put_own_thread(h, &h->threads.data[i]);
	hprof_put_locals(h);
	return h->failed ? err_nomem() : NULL;
}

void hprof_threads_free(struct hprof *h)
{
	vec_free(&h->threads);
	vec_free(&h->runs);
	vec_free(&h->calls);
	map_free(&h->thread_of);
	map_free(&h->runs_at);
	free(h->frame_local);
	free(h->next_local);
	free(h->frame_class);
	free(h->frame_place);
}
