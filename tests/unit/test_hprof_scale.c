/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/* Java heap dumps: goroutines, many of everything, objects and files beyond 4 GB, sinks that fail, equal bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fakebuild.h"
#include "tests/support/hprofread.h"

static struct hc_type *node_type(struct fb *b)
{
	struct hc_type *node = fb_struct(b, "main.Node");
	fb_field(node, "next", fb_type(b, "*main.Node", HC_KIND_PTR, 8, node));
	fb_field(node, "val", fb_type(b, "int64", HC_KIND_INT64, 8, NULL));
	fb_root(b, 0, HC_ROOT_ALL, "(roots)", NULL, 0, 0);
	return node;
}

/* ---- goroutines ---- */

static const struct hc_frame frames[] = {{"main.worker", 0x1010, 0x7000, 64, 0x1000, false},
                                         {"main.(*Server).Serve", 0x2020, 0x7040, 64, 0x2000, false},
                                         {"", 0x3030, 0x7080, 8, 0, false}};
static const struct fake_lines lines[] = {
	{{{"main.step", "/src/main.go", 30, true}, {"main.worker", "/src/main.go", 41, false}}},
	{{{"main.(*Server).Serve", "/src/server.go", 99, false}}},
	{{{NULL, NULL, 0, false}}}};

/* A root on the stack, with one reference to an object. */
static void stack_root(struct fb *b, enum hc_root_kind kind, const char *name, const struct hc_type *t, uint32_t frame,
                       uint64_t addr, uint32_t target)
{
	uint32_t r = fb_root(b, 0, kind, name, t, addr, t ? t->size : 8);
	b->roots[r].goroutine = 1;
	b->roots[r].frame = frame;
	fb_edge(&b->root_edges[r], target, 0);
}

static void test_threads(void **state)
{
	(void)state;
	struct fb b = {0};
	const struct hc_type *node = node_type(&b), *ptr = b.types[1];
	struct hc_type *g = fb_struct(&b, "runtime.g");
	const struct hc_type *word = fb_type(&b, "uintptr", HC_KIND_UINTPTR, 8, NULL);
	static const char *const names[] = {"stack", "m", "sched", "goid", "name"};
	for (unsigned i = 0; i < 5; i++)
		fb_field(g, names[i], i == 1 ? ptr : word);
	fb_field(g, "rest", fb_array(&b, "[49]uintptr", word, 49));
	uint32_t c_g = fb_class(&b, "runtime.g", g, false, false), c_node = fb_class(&b, "main.Node", node, false, false);
	uint32_t dead = fb_object(&b, c_g, 448, g->size, 0), mine = fb_object(&b, c_g, 448, g->size, 0);
	uint32_t n = fb_object(&b, c_node, 16, 16, 0), m = fb_object(&b, c_node, 16, 16, 0);
	fb_link(&b, mine, 8, m, 0);
	fb_word(&b, mine, 24, 17);
	uint64_t variable = fb_addr(&b, n);
	fb_memory(&b, 0x7010, &variable, 8);
	struct hc_goroutine gs[] = {
		{.id = 3, .state = "dead", .wait_reason = "", .addr = fb_addr(&b, dead)},
		{.id = 17, .state = "waiting", .wait_reason = "chan receive", .addr = fb_addr(&b, mine), .frame_count = 3},
		{.id = 18, .state = "running", .wait_reason = "", .addr = 0x123, .frame_count = 1, .first_frame = 2, .system = true},
	};
	b.s.goroutines = gs;
	b.s.ngoroutines = 3;
	b.s.frames = frames;
	b.s.lines = lines;
	stack_root(&b, HC_ROOT_LOCAL, "main.worker.head", ptr, 0, 0x7010, n);
	stack_root(&b, HC_ROOT_LOCAL, "main.step.cur", NULL, 0, 0x7018, n);
	stack_root(&b, HC_ROOT_LOCAL, "main.(*Server).Serve-0x8", NULL, 1, 0x7050, m);
	stack_root(&b, HC_ROOT_DEFER, "defer main.done", NULL, HC_NO_INDEX, 0, m);
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){.garbage = true});
	uint64_t id = fb_addr(&b, mine);
	assert_int_equal(hr_roots(&f, 8), 2);
	hr_text_is(&f, id, "name", "goroutine 17 [chan receive] ");
	hr_text_is(&f, id, "state", "chan receive");
	assert_int_equal(hr_field(&f, id, "tid"), 17);
	assert_int_equal(hr_field(&f, id, "threadStatus"), 0x191);
	assert_int_equal(hr_field(&f, id, "m"), fb_addr(&b, m));
	assert_int_equal(hr_class(&f, hr_object(&f, id))->mat, 448);
	/* A g that is no living goroutine is no thread. */
	assert_false(hp_is_a(&f, hr_class(&f, hr_object(&f, fb_addr(&b, dead))), "java.lang.Thread"));
	/* The trace: inlined functions first; locals by the function whose name they have. */
	assert_int_equal(f.ntraces, 2);
	assert_int_equal(f.traces[0].n, 4);
	uint64_t in_frame[8] = {0}, none = 0;
	for (uint64_t i = 0; i < f.nroots; i++)
		if (f.roots[i].tag == 3) {
			assert_int_equal(f.roots[i].thread, 1);
			if (f.roots[i].frame < 8)
				in_frame[f.roots[i].frame]++;
			else
				none++;
		}
	assert_int_equal(in_frame[0], 1); /* cur, in main.step */
	assert_int_equal(in_frame[1], 2); /* head, and the object for main.worker's variables */
	assert_int_equal(in_frame[2], 1);
	assert_int_equal(none, 1); /* the deferred call has no frame */
	bool found = false;
	for (uint64_t i = 0; i < f.nobjects; i++)
		if (f.objects[i].kind == HP_INSTANCE && strcmp(hr_class(&f, &f.objects[i])->name, "main.worker (locals)") == 0) {
			found = true;
			assert_int_equal(hr_field(&f, f.objects[i].id, "head"), fb_addr(&b, n));
		}
	assert_true(found);
	hp_close(&f);
}

static void test_many_goroutines(void **state)
{
	(void)state;
	enum { N = 100000 };
	struct fb b = {0};
	node_type(&b);
	struct hc_goroutine *gs = fb_zero(N * sizeof(*gs));
	for (uint32_t i = 0; i < N; i++)
		gs[i] = (struct hc_goroutine){.id = i + 1, .state = "waiting", .wait_reason = "select", .frame_count = 3};
	b.s.goroutines = gs;
	b.s.ngoroutines = N;
	b.s.frames = frames;
	b.s.lines = lines;
	struct memsink m = {0};
	struct hc_write_opts opts = {.size = sizeof(opts)};
	assert_null(memsink_view(&m, fb_finish(&b), "hprof", &opts));
	struct hp_file f;
	hr_open(&f, &m);
	free(m.data);
	assert_int_equal(f.counts[HP_ERROR], 0);
	assert_int_equal(hr_roots(&f, 8), N);
	assert_int_equal(f.nframes, 4); /* one for each function that is called, not for each goroutine */
	hp_close(&f);
}

/* ---- types, variables ---- */

static void test_many_types(void **state)
{
	(void)state;
	enum { TYPES = 10000, VARIABLES = 40000 };
	struct fb b = {0};
	const struct hc_type *node = node_type(&b), *ptr = b.types[1];
	uint32_t c_node = fb_class(&b, "main.Node", node, false, false), n = fb_object(&b, c_node, 16, 16, 0);
	char *names = fb_zero((TYPES + VARIABLES) * 32);
	for (uint32_t i = 0; i < TYPES; i++) {
		char *name = names + 32 * i;
		snprintf(name, 32, "pkg/p%u.T%u", i % 100, i);
		struct hc_type *t = fb_struct(&b, name);
		fb_field(t, "a", ptr);
		fb_object(&b, fb_class(&b, name, t, false, false), 16, 8, 0);
	}
	uint32_t package = fb_root(&b, 0, HC_ROOT_PACKAGE, "main", NULL, 0, 0);
	for (uint32_t i = 0; i < VARIABLES; i++) {
		char *name = names + 32 * (TYPES + i);
		snprintf(name, 32, "main.v%u", i);
		uint32_t r = fb_root(&b, package, HC_ROOT_GLOBAL, name, ptr, 0x100000 + 8 * i, 8);
		fb_edge(&b.root_edges[r], n, 0);
	}
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){0});
	assert_in_range(f.nclasses, TYPES, TYPES + 100);
	uint64_t v;
	assert_true(hr_static(&f, "main", "v32766", &v));
	assert_int_equal(v, fb_addr(&b, n));
	assert_false(hr_static(&f, "main", "v32767", &v));
	assert_true(hr_static(&f, "main#2", "v32767", &v));
	hp_close(&f);
}

/* Finalizers and the like are one array each, and roots. */
static void test_other_roots(void **state)
{
	(void)state;
	struct fb b = {0};
	const struct hc_type *node = node_type(&b);
	uint32_t c_node = fb_class(&b, "main.Node", node, false, false), n = fb_object(&b, c_node, 16, 16, 0);
	static const enum hc_root_kind kinds[] = {HC_ROOT_FINALIZER, HC_ROOT_FINQUEUE, HC_ROOT_CLEANUP, HC_ROOT_WEAKHANDLE,
	                                          HC_ROOT_OTHER};
	for (uint32_t i = 0; i < 5; i++) {
		uint32_t r = fb_root(&b, 0, kinds[i], "root", NULL, 0, 0);
		for (uint32_t k = 0; k <= i; k++)
			fb_edge(&b.root_edges[r], n, 8 * k);
	}
	fb_root(&b, 0, HC_ROOT_FINALIZER, "of a live object", NULL, 0, 0); /* holds nothing */
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){0});
	assert_int_equal(hr_roots(&f, 1), 5);
	uint64_t arrays = 0, refs = 0;
	for (uint64_t i = 0; i < f.nobjects; i++)
		if (f.objects[i].kind == HP_OBJ_ARRAY) {
			arrays++;
			refs += f.objects[i].n;
			assert_memory_equal(hr_class(&f, &f.objects[i])->name, "runtime.", 8);
		}
	assert_int_equal(arrays, 5);
	assert_int_equal(refs, 1 + 2 + 3 + 4 + 5);
	hp_close(&f);
}

/* ---- beyond 4 GB ---- */

/* Follows the records of a stream without keeping it. */
struct stream {
	uint64_t at, left, segments, long_segments;
	uint8_t head[31];
	unsigned have, want;
	bool ended, bad;
};

static int stream_write(void *ctx, const void *data, size_t size)
{
	struct stream *s = ctx;
	const uint8_t *p = data;
	while (size) {
		if (s->left) {
			size_t n = s->left < size ? (size_t)s->left : size;
			s->left -= n;
			s->at += n;
			p += n;
			size -= n;
			continue;
		}
		s->bad |= s->ended;
		s->head[s->have++] = *p++;
		s->at++;
		size--;
		if (s->have < s->want)
			continue;
		if (s->want == 9) {
			s->left = (uint64_t)s->head[5] << 24 | (uint64_t)s->head[6] << 16 | (uint64_t)s->head[7] << 8 | s->head[8];
			s->segments += s->head[0] == 0x1c;
			s->long_segments += s->head[0] == 0x1c && s->left > UINT64_C(1) << 20;
			s->ended = s->head[0] == 0x2c;
			s->bad |= s->left == 0 && !s->ended;
		}
		s->have = 0;
		s->want = 9;
	}
	return 0;
}

static void test_huge(void **state)
{
	(void)state;
	struct fb b = {0};
	const struct hc_type *node = node_type(&b), *ptr = b.types[1];
	uint32_t c_node = fb_class(&b, "main.Node", node, false, false), c_noscan = fb_class(&b, "?", NULL, false, false);
	uint32_t c_ptrs = fb_class(&b, "[]*main.Node", ptr, true, false);
	const uint64_t bytes = (UINT64_C(4) << 30) + (UINT64_C(300) << 20), refs = UINT64_C(600) << 20;
	fb_object(&b, c_noscan, bytes, bytes, HC_OBJ_LARGE);
	uint32_t list = fb_object(&b, c_ptrs, refs, refs, HC_OBJ_LARGE), n = fb_object(&b, c_node, 16, 16, 0);
	fb_link(&b, list, refs - 8, n, 0);
	struct stream s = {.want = 31};
	struct hc_sink *k;
	struct hc_write_opts opts = {.size = sizeof(opts)};
	assert_null(hc_sink_fn(stream_write, &s, HC_PLAIN, &k));
	assert_null(hc_write(fb_finish(&b), hc_format_named("hprof"), &opts, k));
	assert_null(hc_sink_close(k));
	assert_true(s.ended);
	assert_false(s.bad);
	assert_int_equal(s.left, 0);
	assert_true(s.at > bytes + refs);
	assert_int_equal(s.long_segments, 5 + 2); /* arrays of at most 1 GiB, and of at most 2^26 references */
}

/* ---- failures, equal bytes ---- */

static struct hc_snapshot *small_heap(struct fb *b)
{
	const struct hc_type *node = node_type(b), *ptr = b->types[1];
	const struct hc_type *string = fb_type(b, "string", HC_KIND_STRING, 16, NULL);
	uint32_t c_node = fb_class(b, "main.Node", node, false, false), c_strings = fb_class(b, "[]string", string, true, false);
	uint32_t first = fb_object(b, c_node, 16, 16, 0), names = fb_object(b, c_strings, 65536, 65536, HC_OBJ_LARGE);
	fb_link(b, first, 0, names, 0);
	for (uint64_t i = 0; i < 4096; i++) {
		fb_word(b, names, 16 * i, 0x4000 + i);
		fb_word(b, names, 16 * i + 8, 8);
	}
	static const uint8_t text[5000] = {'a', 'b'};
	fb_memory(b, 0x4000, text, sizeof(text));
	uint32_t package = fb_root(b, 0, HC_ROOT_PACKAGE, "main", NULL, 0, 0);
	uint32_t r = fb_root(b, package, HC_ROOT_GLOBAL, "main.v", ptr, 0x9000, 8);
	fb_edge(&b->root_edges[r], first, 0);
	fb_finish(b);
	return &b->s;
}

static void test_equal(void **state)
{
	(void)state;
	struct fb b = {0};
	const struct hc_snapshot *s = small_heap(&b);
	struct hc_write_opts opts = {.size = sizeof(opts)};
	struct memsink one = {0}, two = {0};
	assert_int_equal(setenv("SOURCE_DATE_EPOCH", "1700000000", 1), 0);
	assert_null(memsink_view(&one, s, "hprof", &opts));
	assert_null(memsink_view(&two, s, "hprof", &opts));
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);
	assert_memory_equal(one.data + 23, "\0\0\1\x8b\xcf\xe5\x68\0", 8); /* milliseconds */
	assert_int_equal(unsetenv("SOURCE_DATE_EPOCH"), 0);
	free(one.data);
	free(two.data);
}

static void test_full_disk(void **state)
{
	(void)state;
	struct fb b = {0};
	const struct hc_snapshot *s = small_heap(&b);
	struct hc_write_opts opts = {.size = sizeof(opts)};
	struct memsink all = {0};
	assert_null(memsink_view(&all, s, "hprof", &opts));
	for (size_t at = 1; at < all.len; at += all.len / 50) {
		struct memsink m = {.fail_at = at};
		struct hc_error *err = memsink_view(&m, s, "hprof", &opts);
		assert_non_null(err);
		assert_int_equal(hc_error_code(err), HC_E_IO);
		hc_error_free(err);
		free(m.data);
	}
	free(all.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_threads, fb_teardown),
		cmocka_unit_test_teardown(test_many_goroutines, fb_teardown),
		cmocka_unit_test_teardown(test_many_types, fb_teardown),
		cmocka_unit_test_teardown(test_other_roots, fb_teardown),
		cmocka_unit_test_teardown(test_huge, fb_teardown),
		cmocka_unit_test_teardown(test_equal, fb_teardown),
		cmocka_unit_test_teardown(test_full_disk, fb_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
