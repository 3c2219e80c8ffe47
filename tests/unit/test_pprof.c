/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/*
 * Profiles are decoded with the generated reader and compared with sums made by brute force: for every object, walk up
 * its dominators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "profile.pb-c.h"
#include "tests/support/fakeheap.h"
#include "tests/support/memsink.h"
#include "writers/listing.h"
#include "writers/stacks.h"

typedef Perftools__Profiles__Profile profile;

enum { OBJECTS, POINTERS, SLACK, SPACE };

static profile *decode(const struct memsink *m)
{
	profile *p = perftools__profiles__profile__unpack(NULL, m->len, (const uint8_t *)m->data);
	assert_non_null(p);
	return p;
}

static profile *write_view(const struct hc_snapshot *s, struct hc_write_opts opts)
{
	struct memsink m = {0};
	opts.size = sizeof(opts);
	assert_null(memsink_view(&m, s, "pprof", &opts));
	profile *p = decode(&m);
	free(m.data);
	return p;
}

static void drop(profile *p)
{
	perftools__profiles__profile__free_unpacked(p, NULL);
}

static const char *text(const profile *p, int64_t i)
{
	assert_in_range(i, 0, p->n_string_table - 1);
	return p->string_table[i];
}

static const Perftools__Profiles__Function *function_at(const profile *p, const Perftools__Profiles__Sample *s,
                                                        size_t i)
{
	return p->function[p->location[s->location_id[i] - 1]->line[0]->function_id - 1];
}

static const char *name_at(const profile *p, const Perftools__Profiles__Sample *s, size_t i)
{
	return text(p, function_at(p, s, i)->name);
}

static int64_t line_at(const profile *p, const Perftools__Profiles__Sample *s, size_t i)
{
	return p->location[s->location_id[i] - 1]->line[0]->line;
}

/* What pprof's own reader refuses, and what we promise besides. */
static void check_valid(const profile *p)
{
	assert_true(p->n_string_table > 0);
	assert_string_equal(p->string_table[0], "");
	bool goroutines = strcmp(text(p, p->sample_type[0]->type), "goroutine") == 0;
	for (size_t i = 0; i < p->n_location; i++) {
		assert_int_equal(p->location[i]->id, i + 1);
		assert_int_equal(p->location[i]->mapping_id, 0);
		assert_int_equal(p->location[i]->n_line, 1);
		assert_in_range(p->location[i]->line[0]->function_id, 1, p->n_function);
	}
	for (size_t i = 0; i < p->n_function; i++) {
		assert_int_equal(p->function[i]->id, i + 1);
		assert_true(*text(p, p->function[i]->name));
		text(p, p->function[i]->filename);
		assert_int_equal(p->function[i]->start_line, 0);
		assert_int_not_equal(p->function[i]->system_name, p->function[i]->name);
	}
	for (size_t i = 0; i < p->n_sample; i++) {
		assert_int_equal(p->sample[i]->n_value, p->n_sample_type);
		assert_true(p->sample[i]->n_location_id > 0);
		assert_int_equal(p->sample[i]->n_label > 0, goroutines);
		for (size_t l = 0; l < p->sample[i]->n_label; l++)
			assert_true(*text(p, p->sample[i]->label[l]->key));
		for (size_t l = 0; l < p->sample[i]->n_location_id; l++)
			assert_in_range(p->sample[i]->location_id[l], 1, p->n_location);
	}
	assert_int_equal(p->n_mapping, 1);
	assert_int_equal(p->mapping[0]->id, 1);
	assert_int_equal(p->period, 1);
	assert_string_equal(text(p, p->period_type->type), goroutines ? "goroutine" : "space");
	assert_string_equal(text(p, p->period_type->unit), goroutines ? "count" : "bytes");
	assert_int_equal(p->time_nanos, 0);
}

static int64_t sum(const profile *p, unsigned value)
{
	int64_t n = 0;
	for (size_t i = 0; i < p->n_sample; i++)
		n += p->sample[i]->value[value];
	return n;
}

static int64_t expected_sum(const struct hc_snapshot *s, unsigned value)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < s->nobjects; i++) {
		const struct fake_object *o = &s->objects[i];
		n += value == OBJECTS ? 1 : value == POINTERS ? o->pointers : value == SLACK ? o->slot - o->used :
			o->slot;
	}
	return (int64_t)n;
}

static void check_sums(const struct hc_snapshot *s, const profile *p)
{
	for (unsigned v = OBJECTS; v <= SPACE; v++)
		assert_int_equal(sum(p, v), expected_sum(s, v));
	assert_int_equal(sum(p, OBJECTS), s->info.objects);
	assert_int_equal(sum(p, SPACE), s->info.object_bytes);
}

static int64_t flat(const profile *p, const char *name)
{
	int64_t n = 0;
	for (size_t i = 0; i < p->n_sample; i++)
		n += strcmp(name_at(p, p->sample[i], 0), name) == 0 ? p->sample[i]->value[SPACE] : 0;
	return n;
}

/* Like pprof: a frame that is on a stack several times counts once. line 0: any. */
static int64_t cum(const profile *p, const char *name, int64_t line)
{
	int64_t n = 0;
	for (size_t i = 0; i < p->n_sample; i++) {
		bool found = false;
		for (size_t l = 0; l < p->sample[i]->n_location_id; l++)
			found |= strcmp(name_at(p, p->sample[i], l), name) == 0 && (!line || line_at(p, p->sample[i],
				l) == line);
		n += found ? p->sample[i]->value[SPACE] : 0;
	}
	return n;
}

static size_t max_depth(const profile *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n_sample; i++)
		n = p->sample[i]->n_location_id > n ? p->sample[i]->n_location_id : n;
	return n;
}

static const char *display_name(uint32_t class)
{
	return class == C_ENTRIES ? "[]*store.Entry" : fake_classes[class].name;
}

static int64_t expected_flat(const struct hc_snapshot *s, uint32_t class)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < s->nobjects; i++)
		n += s->objects[i].class == class ? s->objects[i].slot : 0;
	return (int64_t)n;
}

/* The line of the field that leads from an object of the class to what it dominates. */
static uint32_t field_line(struct listing *l, uint32_t class, uint64_t via)
{
	const struct hc_type *t = fake_classes[class].type;
	const char *file;
	uint32_t line = 0;
	if (!t)
		return 0;
	assert_null(listing_type(l, t, &file, &line));
	if (t->kind != HC_KIND_STRUCT)
		return line;
	if (via != HC_VIA_SEVERAL && fake_classes[class].array)
		via %= t->size;
	return line + listing_field(l, t, via);
}

/*
 * Bytes of objects that have one of the class among their dominators or are one themselves. With a line: only where
 * that line leads on, or is their own.
 */
static int64_t expected_cum(const struct hc_snapshot *s, struct listing *l, uint32_t class, uint32_t line)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < s->nobjects; i++) {
		const struct fake_object *o = &s->objects[i];
		const char *file;
		uint32_t end = 0;
		if (fake_classes[o->class].type)
			assert_null(listing_type(l, fake_classes[o->class].type, &file, &end));
		bool found = o->class == class && (!line || line == end);
		for (uint32_t at = i; !o->dead && !found &&
		     s->objects[at].dominator < s->nobjects; at = s->objects[at].dominator) {
			uint32_t over = s->objects[s->objects[at].dominator].class;
			found = over == class && (!line || line == field_line(l, over, s->objects[at].via));
		}
		n += found ? o->slot : 0;
	}
	return (int64_t)n;
}

/* ---- tests ---- */

static void test_header(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(100, 100);
	profile *p = write_view(&s, (struct hc_write_opts){0});
	static const char *const types[][2] = {
		{"inuse_objects", "count"}, {"pointers", "count"}, {"slack_space", "bytes"}, {"inuse_space", "bytes"}};
	check_valid(p);
	assert_int_equal(p->n_sample_type, 4);
	for (int i = 0; i < 4; i++) {
		assert_string_equal(text(p, p->sample_type[i]->type), types[i][0]);
		assert_string_equal(text(p, p->sample_type[i]->unit), types[i][1]);
	}
	assert_string_equal(text(p, p->default_sample_type), "inuse_space");
	assert_string_equal(text(p, p->mapping[0]->filename), "acme");
	assert_string_equal(text(p, p->mapping[0]->build_id), "c0ffee");
	assert_true(p->mapping[0]->has_functions && p->mapping[0]->has_line_numbers);
	assert_true(p->n_comment >= 2);
	drop(p);
	fake_free(&s);
}

/* One stack as text, root first: "(globals);store.cache;..." with ":line" where there is one. */
static void stack_text(const profile *p, const Perftools__Profiles__Sample *s, char *buf, size_t size)
{
	size_t at = 0;
	buf[0] = '\0';
	for (size_t i = s->n_location_id; i-- > 0 && at < size;) {
		at += (size_t)snprintf(buf + at, size - at, "%s", name_at(p, s, i));
		if (line_at(p, s, i) && at < size)
			at += (size_t)snprintf(buf + at, size - at, ":%d", (int)line_at(p, s, i));
		if (i && at < size)
			at += (size_t)snprintf(buf + at, size - at, ";");
	}
}

static const Perftools__Profiles__Sample *sample_named(const profile *p, const char *stack)
{
	char buf[4096];
	for (size_t i = 0; i < p->n_sample; i++) {
		stack_text(p, p->sample[i], buf, sizeof(buf));
		if (strcmp(buf, stack) == 0)
			return p->sample[i];
	}
	return NULL;
}

static void test_stacks(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(8, 1000);
	profile *p = write_view(&s, (struct hc_write_opts){0});
	static const struct {
		const char *stack;
		int64_t objects, space;
	} want[] = {
		{"(globals);github.com/acme/store.cache;github.com/acme/store.Cache:7", 1, 48},
		{"(globals);github.com/acme/store.cache;github.com/acme/store.Cache:10;[]*store.Entry:4", 1, 8192},
		{"(globals);github.com/acme/store.cache;github.com/acme/store.Cache:9;map.group[string]*store.Entry:20",
		 1, 208},
		{"(globals);github.com/acme/store.cache;github.com/acme/store.Cache:9;map.group[string]*store.Entry:24;"
		 "github.com/acme/store.Entry:16;[]uint8:6", 8, 8 * 4096},
		{"(stacks);main.main:99;main.worker:41;main.step:30;main.worker.head:28;main.Node:5", 1, 24},
		{"(stacks);main.main:99;main.worker:41;main.step:30;main.worker.head:28;main.Node:6;main.Node:9;main.Node:5",
		 998, 998 * 24},
		{"(stacks);main.main:99;[]main.Node:7;main.Node:5", 1, 24},
		{"(stacks);main.main:99;(several frames);string (bytes):6", 1, 32},
		{"(stacks);(several goroutines);string (bytes):6", 1, 32},
		{"(globals);github.com/acme/store.(several variables);(unknown noscan)", 1, 512},
		{"(shared);(unknown noscan)", 1, 512},
		{"(finalizers);[]uint8:6", 1, 64},
		{"(unreachable);main.Node:5", 1, 24},
	};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const Perftools__Profiles__Sample *sample = sample_named(p, want[i].stack);
		if (!sample)
			fail_msg("no sample %s", want[i].stack);
		assert_int_equal(sample->value[OBJECTS], want[i].objects);
		assert_int_equal(sample->value[SPACE], want[i].space);
	}
	check_sums(&s, p);
	drop(p);
	fake_free(&s);
}

static void test_exact_on_random_heaps(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 12; seed++) {
		struct hc_snapshot s = fake_random(seed % 2 ? 300 : 3000, seed);
		struct listing *l;
		assert_null(listing_new(&s, &l));
		profile *p = write_view(&s, (struct hc_write_opts){.max_samples = 1000000});
		check_valid(p);
		check_sums(&s, p);
		assert_true(max_depth(p) <= STACKS_FOLD_DEPTH + 64);
		for (uint32_t class = 0; class < C_COUNT; class++) {
			assert_int_equal(flat(p, display_name(class)), expected_flat(&s, class));
			assert_int_equal(cum(p, display_name(class), 0), expected_cum(&s, l, class, 0));
		}
		for (uint32_t line = 4; line < 30; line++)
			for (uint32_t class = 0; class < C_COUNT; class++)
				assert_int_equal(cum(p, display_name(class), line), expected_cum(&s, l, class, line));
		drop(p);
		listing_free(l);
		fake_free(&s);
	}
}

/* A chain of alternating types defeats the folding of runs: beyond 64 frames no place may come twice. */
static void test_deep_alternation(void **state)
{
	(void)state;
	enum { N = 20000 };
	struct hc_snapshot s = fake_program();
	s.nobjects = N;
	s.objects = calloc(N, sizeof(*s.objects));
	assert_non_null(s.objects);
	for (uint32_t i = 0; i < N; i++)
		s.objects[i] = fake_object(i % 2 ? C_NODE : C_ENTRIES, false, 32, 24, 1, i ? i - 1 : FAKE_ROOT(R_CACHE),
		                           i % 3 * 8);
	fake_finish(&s);
	profile *p = write_view(&s, (struct hc_write_opts){0});
	check_sums(&s, p);
	assert_true(p->n_sample < 200);
	assert_true(max_depth(p) <= STACKS_FOLD_DEPTH + 6);
	assert_int_equal(cum(p, "main.Node", 0), (N - 1) * 32);
	assert_int_equal(flat(p, "main.Node"), N / 2 * 32);
	drop(p);
	fake_free(&s);
}

static void test_pruned(void **state)
{
	(void)state;
	static const uint64_t bounds[] = {2000, 100, 40, 12, 1};
	struct hc_snapshot s = fake_random(5000, 3);
	profile *whole = write_view(&s, (struct hc_write_opts){.max_samples = 1000000});
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		profile *p = write_view(&s, (struct hc_write_opts){.max_samples = bounds[i]});
		check_valid(p);
		check_sums(&s, p);
		bool said = false;
		for (size_t c = 0; c < p->n_comment; c++)
			said |= strstr(text(p, p->comment[c]), "were cut to (small)") != NULL;
		assert_true(said);
		/* Fewer than kinds of roots times types can't all be told apart: then types go, too. */
		assert_true(p->n_sample <= bounds[i] || bounds[i] < 12);
		for (uint32_t class = 0; class < C_COUNT && bounds[i] >= 100; class++)
			assert_int_equal(flat(p, display_name(class)), flat(whole, display_name(class)));
		assert_int_equal(cum(p, "(globals)", 0), cum(whole, "(globals)", 0));
		assert_int_equal(cum(p, "(unreachable)", 0), cum(whole, "(unreachable)", 0));
		assert_true(cum(p, "main.Node", 0) <= cum(whole, "main.Node", 0));
		drop(p);
	}
	drop(whole);
	fake_free(&s);
}

static void test_depth(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_random(5000, 4);
	for (uint64_t depth = 1; depth <= 12; depth += 3) {
		profile *p = write_view(&s, (struct hc_write_opts){.depth = depth, .max_samples = 1000000});
		check_valid(p);
		check_sums(&s, p);
		assert_true(max_depth(p) <= (depth < 4 ? 4 : depth));
		for (uint32_t class = 0; class < C_COUNT; class++)
			assert_int_equal(flat(p, display_name(class)), expected_flat(&s, class));
		assert_true(cum(p, "(deep)", 0) > 0);
		drop(p);
	}
	fake_free(&s);
}

static void test_types_view(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(50, 50);
	profile *p = write_view(&s, (struct hc_write_opts){.view = "types"});
	check_valid(p);
	assert_int_equal(sum(p, SPACE), s.info.live_bytes);
	assert_int_equal(sum(p, OBJECTS), s.info.live_objects);
	assert_int_equal(max_depth(p), 1);
	drop(p);
	p = write_view(&s, (struct hc_write_opts){.view = "types", .garbage = true});
	check_sums(&s, p);
	drop(p);
	fake_free(&s);
}

/* "key=text", "key=number unit": all labels of a sample. */
static void label_text(const profile *p, const Perftools__Profiles__Sample *s, char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < s->n_label; i++) {
		const Perftools__Profiles__Label *l = s->label[i];
		size_t at = strlen(buf);
		if (l->str)
			snprintf(buf + at, size - at, "%s%s=%s", i ? " " : "", text(p, l->key), text(p, l->str));
		else
			snprintf(buf + at, size - at, "%s%s=%lld %s", i ? " " : "", text(p, l->key), (long long)l->num,
			         text(p, l->num_unit));
	}
}

static void test_goroutines_view(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(5, 50);
	char labels[256];
	profile *p = write_view(&s, (struct hc_write_opts){.view = "goroutines"});
	check_valid(p);
	assert_int_equal(p->n_sample, 1);
	const Perftools__Profiles__Sample *sample = sample_named(p, "main.main:99;main.worker:41;main.step:30");
	assert_non_null(sample);
	label_text(p, sample, labels, sizeof(labels));
	assert_string_equal(labels, "state=chan receive");
	assert_int_equal(sum(p, 0), 1);
	assert_int_equal(sum(p, 1), 8192);
	assert_int_equal(sum(p, 2), s.retained[s.nobjects + R_G17]);
	assert_string_equal(text(p, p->default_sample_type), "goroutine");
	drop(p);
	fake_free(&s);
}

/* Sampled objects stand for as many as runtime/pprof reckons: all of them, then one in many. */
static void test_allocs_view(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(5, 50);
	struct fake_content *contents = calloc(s.nobjects, sizeof(*contents));
	for (uint32_t i = 0; i < s.nobjects; i++)
		contents[i] = (struct fake_content){.addr = 0x10000 + 64 * i, .flags = HC_OBJ_SAMPLED};
	s.contents = contents;
	s.profile_rate = 1;
	profile *p = write_view(&s, (struct hc_write_opts){.view = "allocs"});
	check_valid(p);
	assert_int_equal(p->n_sample_type, 3);
	assert_string_equal(text(p, p->default_sample_type), "inuse_space");
	assert_non_null(sample_named(p, "main.main:3;main.make:12;main.Node:5"));
	for (unsigned v = 0; v < 2; v++)
		assert_int_equal(sum(p, v), s.info.live_objects);
	assert_int_equal(sum(p, 2), s.info.live_bytes);
	drop(p);
	s.profile_rate = 1000;
	double objects = 0, bytes = 0;
	for (uint32_t i = 0; i < s.nobjects; i++) {
		double each = 1 / (1 - exp(-(double)s.objects[i].slot / 1000));
		objects += each;
		bytes += each * (double)s.objects[i].slot;
	}
	p = write_view(&s, (struct hc_write_opts){.view = "allocs", .garbage = true});
	assert_int_equal(p->period, 1000);
	assert_int_equal(sum(p, 0), s.info.objects);
	assert_true(fabs((double)sum(p, 1) - objects) < (double)p->n_sample);
	assert_true(fabs((double)sum(p, 2) - bytes) < (double)s.nobjects);
	drop(p);
	s.contents = NULL;
	p = write_view(&s, (struct hc_write_opts){.view = "allocs"});
	assert_int_equal(p->n_sample, 0);
	drop(p);
	free(contents);
	fake_free(&s);
}

/* Samples are one per stack and set of labels; the runtime's own goroutines and the compiler's wrappers are left out. */
static void test_goroutine_labels(void **state)
{
	(void)state;
#define TEXT(t) {t, sizeof(t) - 1}
	static const struct hc_frame frames[] = {{"main.worker", 0x1010, 0, 64, 0x1000, false},
	                                         {"main.main.gowrap1", 0x2020, 64, 64, 0x2000, true},
	                                         {"runtime.goexit", 0x3030, 128, 8, 0x3000, false}};
	static const struct fake_lines lines[] = {{{{"main.worker", "/src/main.go", 41, false}}},
	                                          {{{"main.main.gowrap1", "/src/main.go", 9, false}}},
	                                          {{{"runtime.goexit", "/go/asm.s", 1, false}}}};
	static const struct fake_labels labels[] = {{{{TEXT("job"), TEXT("a\"b\\c\n")}, {TEXT("user"), TEXT("x")}}},
	                                            {{{TEXT("job"), TEXT("a\"b\\c\n")}, {TEXT("user"), TEXT("x")}}},
	                                            {{{TEXT("job"), TEXT("")}, {TEXT(""), TEXT("no key")}}},
	                                            {{{TEXT("job"), TEXT("x")}}}};
	struct hc_goroutine g[4];
	struct hc_snapshot s = fake_cache(1, 1);
	char found[256];
	for (size_t i = 0; i < 4; i++)
		g[i] = (struct hc_goroutine){.id = 10 + i, .state = "waiting", .wait_reason = "select", .stack_bytes = 2048,
		                             .frame_count = 3, .wait_since = i == 2 ? 0 : 1000000000, .system = i == 3};
	s.goroutines = g;
	s.ngoroutines = 4;
	s.frames = frames;
	s.lines = lines;
	s.labels = labels;
	s.now = UINT64_C(62999999999);
	profile *p = write_view(&s, (struct hc_write_opts){.view = "goroutines"});
	check_valid(p);
	assert_int_equal(p->n_sample, 2);
	assert_int_equal(sum(p, 0), 3);
	for (size_t i = 0; i < 2; i++) {
		bool two = p->sample[i]->value[0] == 2;
		assert_int_equal(p->sample[i]->n_location_id, 1);
		assert_string_equal(name_at(p, p->sample[i], 0), "main.worker");
		label_text(p, p->sample[i], found, sizeof(found));
		assert_string_equal(found, two ? "state=select wait=61 seconds job=a'b/c  user=x" : "state=select job=0 ");
	}
	drop(p);
	fake_free(&s);
}

/* In the fake snapshot the shortest paths are the dominators', so that the same sums are to be expected. */
static void test_paths_view(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(20, 300);
	profile *p = write_view(&s, (struct hc_write_opts){.view = "paths"});
	check_valid(p);
	check_sums(&s, p);
	assert_string_equal(text(p, p->default_sample_type), "inuse_space");
	assert_int_equal(flat(p, "github.com/acme/store.Entry"), 20 * 48);
	assert_int_equal(cum(p, "(unreachable)", 0), 1024 + 24);
	drop(p);
	fake_free(&s);
}

static void test_same_bytes(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_random(3000, 9);
	struct hc_write_opts opts = {.size = sizeof(opts), .max_samples = 500};
	struct memsink a = {0}, b = {0};
	assert_null(memsink_view(&a, &s, "pprof", &opts));
	assert_null(memsink_view(&b, &s, "pprof", &opts));
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	free(a.data);
	free(b.data);
	fake_free(&s);
}

static void test_hostile_names(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(3, 3);
	static char big[20001];
	memset(big, 'x', 20000);
	memcpy(big, "struct { ", 9);
#define HAMSTER "\xf0\x9f\x90\xb9"
	memcpy(big + 250, HAMSTER HAMSTER HAMSTER HAMSTER HAMSTER HAMSTER HAMSTER, 28);
	struct hc_class classes[C_COUNT];
	memcpy(classes, fake_classes, sizeof(classes));
	classes[C_NODE].name = "main.\xff\xc0\x80\nNo\tde\xed\xa0\x80\xe2\x82";
	classes[C_BYTES].name = big;
	classes[C_UNKNOWN].name = "[]*map[github.com/a/b.K]func(...gopkg.in/yaml.v3.Node) struct { x \"json:/a/b\" }";
	classes[C_UNKNOWN].package = "../../../etc/..//./x";
	s.classes = classes;
	profile *p = write_view(&s, (struct hc_write_opts){0});
	check_valid(p);
	check_sums(&s, p);
	bool cut = false, clean = false, shortened = false;
	for (size_t i = 0; i < p->n_function; i++) {
		const char *name = text(p, p->function[i]->name);
		assert_true(strlen(name) <= 300);
		cut |= strncmp(name, "struct { xxx", 12) == 0 && strstr(name, "\xe2\x80\xa6#") != NULL;
#define BAD "\xef\xbf\xbd"
		clean |= strcmp(name, "main." BAD BAD BAD " No de" BAD BAD BAD BAD BAD) == 0;
		if (strcmp(name, "[]*map[b.K]func(...yaml.v3.Node) struct { x \"json:/a/b\" }") == 0) {
			shortened = true;
			assert_string_equal(text(p, p->function[i]->filename), "__/__/__/etc/__/_/x/types.go");
			assert_non_null(strstr(text(p, p->function[i]->system_name), "github.com/a/b.K"));
		}
	}
	assert_true(cut && clean && shortened);
	drop(p);
	fake_free(&s);
}

static void test_failing_sink(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_random(20000, 5);
	struct hc_write_opts opts = {.size = sizeof(opts)};
	struct memsink m = {.fail_at = 100};
	struct hc_error *err = memsink_view(&m, &s, "pprof", &opts);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_IO);
	hc_error_free(err);
	free(m.data);
	fake_free(&s);
}

static void test_unknown_view(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(1, 1);
	struct hc_write_opts opts = {.size = sizeof(opts), .view = "sideways"};
	struct memsink m = {0};
	struct hc_error *err = memsink_view(&m, &s, "pprof", &opts);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_ARG);
	assert_non_null(strstr(hc_error_message(err), "sideways"));
	assert_non_null(strstr(hc_error_message(err), "retained paths"));
	hc_error_free(err);
	free(m.data);
	fake_free(&s);
}

/* An empty heap is a heap. */
static void test_nothing(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_program();
	fake_finish(&s);
	profile *p = write_view(&s, (struct hc_write_opts){0});
	check_valid(p);
	assert_int_equal(p->n_sample, 0);
	drop(p);
	fake_free(&s);
}

static void test_folded(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(8, 1000);
	struct hc_class classes[C_COUNT];
	memcpy(classes, fake_classes, sizeof(classes));
	classes[C_ENTRY].name = "struct { a int; b int }";
	s.classes = classes;
	struct hc_write_opts opts = {.size = sizeof(opts)};
	struct memsink m = {0};
	uint64_t total = 0;
	assert_null(memsink_view(&m, &s, "folded", &opts));
	assert_non_null(strstr(m.data, "(stacks);main.main;main.worker;main.step;main.worker.head;main.Node 24000\n"));
	assert_non_null(strstr(m.data, ";map.group[string]*store.Entry;struct { a int, b int };[]uint8 32768\n"));
	for (char *line = strtok(m.data, "\n"); line; line = strtok(NULL, "\n"))
		total += strtoull(strrchr(line, ' '), NULL, 10);
	assert_int_equal(total, s.info.object_bytes);
	free(m.data);
	fake_free(&s);
}

static void test_formats(void **state)
{
	(void)state;
	enum hc_compression c = HC_PLAIN;
	assert_string_equal(hc_format_for_path("heap.pb.gz", &c)->name, "pprof");
	assert_int_equal(c, HC_GZIP);
	assert_string_equal(hc_format_for_path("a/b.c/heap.pb", &c)->name, "pprof");
	assert_int_equal(c, HC_PLAIN);
	assert_string_equal(hc_format_for_path("x.folded", NULL)->name, "folded");
	assert_null(hc_format_for_path("heap.gz", &c));
	assert_null(hc_format_for_path(".pb", &c));
	assert_null(hc_format_for_path("heap", &c));
	assert_null(hc_format_named("png"));
	assert_null(hc_format_at(hc_format_count()));
	/* The list of views that users see is the list that there is. */
	struct hc_snapshot s = fake_cache(2, 2);
	for (size_t i = 0; i < hc_format_count(); i++) {
		const struct hc_format *f = hc_format_at(i);
		char views[256], *rest = views;
		assert_ptr_equal(hc_format_named(f->name), f);
		snprintf(views, sizeof(views), "%s", f->views);
		for (char *view; (view = strtok_r(rest, " ", &rest));) {
			struct hc_write_opts opts = {.size = sizeof(opts), .view = view};
			struct memsink m = {0};
			struct hc_error *err = memsink_view(&m, &s, f->name, &opts);
			if (err && hc_error_code(err) == HC_E_ARG && strstr(hc_error_message(err), "no view"))
				fail_msg("%s", hc_error_message(err));
			hc_error_free(err);
			free(m.data);
		}
	}
	fake_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_exact_on_random_heaps),
		cmocka_unit_test(test_deep_alternation),
		cmocka_unit_test(test_pruned),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_types_view),
		cmocka_unit_test(test_goroutines_view),
		cmocka_unit_test(test_goroutine_labels),
		cmocka_unit_test(test_allocs_view),
		cmocka_unit_test(test_paths_view),
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_failing_sink),
		cmocka_unit_test(test_unknown_view),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_formats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
