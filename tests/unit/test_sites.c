/* SPDX-License-Identifier: MIT */
/* Types of sampled objects by the instruction that allocated them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/pool.h"
#include "tests/support/fakeprog.h"
#include "tests/support/typeworld.h"

enum { MAX_SAMPLES = 8, BUCKET_NSTK = 40 };

static struct typeworld w;
static struct fakeprog g;
static struct special samples[MAX_SAMPLES];
static uint64_t make, newobject, mapassign;
static uint32_t leaf;

static int begin(void **state)
{
	(void)state;
	typeworld_init(&w);
	fg_init(&g, MAGIC_1_20, ARCH_AMD64);
	make = fg_func(&g, &(struct fakefunc){.size = 0x100, .name = "main.make"});
	newobject = fg_func(&g, &(struct fakefunc){.size = 0x100, .name = "runtime.newobject"});
	mapassign = fg_func(&g, &(struct fakefunc){.size = 0x100, .name = "runtime.mapassign"});
	fg_finish(&g);
	struct module m = g.mod; /* the functions of one, the data of the other */
	m.data = w.module.data;
	m.edata = w.module.edata;
	m.types = m.etypes = w.module.types;
	w.module = m;
	w.module.ntypelinks = 0; /* being the only type that fits says nothing here */
	w.types.layout.f[L_BUCKET_NSTK].off = BUCKET_NSTK;
	w.types.layout.f[L_BUCKET_NSTK].size = 8;
	w.hb.heap.specials = samples;
	leaf = tw_struct(&w, "main.Leaf", "a", w.i64, "b", w.i64, "c", w.i64, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	w.hb.heap.specials = NULL;
	w.hb.heap.nspecials = 0;
	typeworld_deinit(&w);
	return 0;
}

/* An object allocated by a call in front of these addresses, innermost first. */
static uint32_t sampled(uint64_t size, uint64_t pc, uint64_t caller)
{
	uint64_t bucket = tw_static(&w, BUCKET_NSTK + 24);
	tw_put(&w, bucket + BUCKET_NSTK, caller ? 2 : 1);
	tw_put(&w, bucket + BUCKET_NSTK + 8, pc);
	tw_put(&w, bucket + BUCKET_NSTK + 16, caller);
	uint32_t id = hb_alloc(&w.hb, size, true);
	samples[w.hb.heap.nspecials++] = (struct special){.object = id, .kind = SPECIAL_PROFILE, .arg = bucket};
	return id;
}

static void test_same_instruction(void **state)
{
	(void)state;
	uint32_t known = sampled(24, make + 0x20, 0), hidden = sampled(24, make + 0x20, 0);
	uint32_t other = sampled(24, make + 0x30, 0), large = sampled(48, make + 0x20, 0);
	tw_point(&w, leaf, hb_addr(&w.hb, known));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, hidden), leaf);
	assert_int_equal(tw_origin_of(&w, hidden), ORIGIN_INFERRED);
	assert_int_equal(tw_type_of(&w, other), TYPE_NONE); /* another call */
	assert_int_equal(tw_type_of(&w, large), TYPE_NONE); /* does not fit */
}

static void test_through_the_runtime(void **state)
{
	(void)state;
	uint32_t known = sampled(24, newobject + 0x20, make + 0x20), hidden = sampled(24, newobject + 0x20, make + 0x20);
	uint32_t other = sampled(24, newobject + 0x20, make + 0x40);
	uint32_t entry = sampled(24, mapassign + 0x20, make + 0x60), part = sampled(24, mapassign + 0x20, make + 0x60);
	tw_point(&w, leaf, hb_addr(&w.hb, known));
	tw_point(&w, leaf, hb_addr(&w.hb, entry));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, hidden), leaf);
	assert_int_equal(tw_type_of(&w, other), TYPE_NONE);
	assert_int_equal(tw_type_of(&w, part), TYPE_NONE); /* a map allocates this and that */
}

static void test_two_types(void **state)
{
	(void)state;
	uint32_t pair = tw_struct(&w, "main.Pair", "x", w.i64, "y", w.i64, "z", w.i64, NULL);
	uint32_t a = sampled(24, make + 0x20, 0), b = sampled(24, make + 0x20, 0), hidden = sampled(24, make + 0x20, 0);
	tw_point(&w, leaf, hb_addr(&w.hb, a));
	tw_point(&w, pair, hb_addr(&w.hb, b));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, hidden), TYPE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_instruction, begin, end),
		cmocka_unit_test_setup_teardown(test_through_the_runtime, begin, end),
		cmocka_unit_test_setup_teardown(test_two_types, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
