/* SPDX-License-Identifier: MIT */
/* runtime/sizeclasses.go, internal/runtime/gc since Go 1.25: the same from Go 1.17 to 1.27. */
#include <string.h>

#include "heap/priv.h"

const struct size_class size_classes[NCLASSES] = {
	{0, 0},      {8, 1},      {16, 1},     {24, 1},     {32, 1},     {48, 1},     {64, 1},     {80, 1},     {96, 1},
	{112, 1},    {128, 1},    {144, 1},    {160, 1},    {176, 1},    {192, 1},    {208, 1},    {224, 1},    {240, 1},
	{256, 1},    {288, 1},    {320, 1},    {352, 1},    {384, 1},    {416, 1},    {448, 1},    {480, 1},    {512, 1},
	{576, 1},    {640, 1},    {704, 1},    {768, 1},    {896, 1},    {1024, 1},   {1152, 1},   {1280, 1},   {1408, 2},
	{1536, 1},   {1792, 2},   {2048, 1},   {2304, 2},   {2688, 1},   {3072, 3},   {3200, 2},   {3456, 3},   {4096, 1},
	{4864, 3},   {5376, 2},   {6144, 3},   {6528, 4},   {6784, 5},   {6912, 6},   {8192, 1},   {9472, 7},   {9728, 6},
	{10240, 5},  {10880, 4},  {12288, 3},  {13568, 5},  {14336, 7},  {16384, 2},  {18432, 9},  {19072, 7},  {20480, 5},
	{21760, 8},  {24576, 3},  {27264, 10}, {28672, 7},  {32768, 4},
};

unsigned size_class_of(uint64_t size)
{
	unsigned lo = 0, hi = NCLASSES;
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		if (size_classes[mid].size < size)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < NCLASSES && size_classes[lo].size == size ? lo : 0;
}

unsigned size_class_for(uint64_t size)
{
	unsigned c = 1;
	while (c < NCLASSES && size_classes[c].size < size)
		c++;
	return c < NCLASSES ? c : 0;
}

/* ---- what follows for spans ---- */

struct span_rules span_rules_of(const struct proc *p)
{
	const char *x = p->build.experiments ? p->build.experiments : "";
	int minor = p->build.minor;
	bool green = minor >= 26 ? !strstr(x, "nogreenteagc") : minor == 25 && strstr(x, "greenteagc");
	struct span_rules r = {minor >= 22 && !strstr(x, "noallocheaders"), green, 8u * p->word * p->word, p->word};
	return r;
}

/* A size class has the same number of pages everywhere, and no two slots of a span lie at the same offset in their page. */
bool span_base_of(uint64_t addr, uint64_t size, uint64_t *ret)
{
	enum { PAGE_SIZE = 1 << PAGE_SHIFT };
	if (!size || size % 8 || addr % 8 || addr >> ADDR_BITS || size >> ADDR_BITS ||
	    (size > MAX_SMALL && (addr | size) % PAGE_SIZE))
		return false;
	uint64_t base = addr;
	if (size_classes[size_class_of(size)].pages == 1) {
		*ret = base & ~(uint64_t)(PAGE_SIZE - 1);
		return *ret && (base - *ret) % size == 0;
	}
	for (unsigned k = 0; k < PAGE_SIZE / 8 && base && base % PAGE_SIZE; k++)
		base = base > size ? base - size : 0;
	*ret = base;
	return base && base % PAGE_SIZE == 0;
}

uint64_t span_slots_of(const struct span_rules *r, uint64_t size, uint64_t npages, bool scan)
{
	uint64_t bytes = npages << PAGE_SHIFT, taken = 0;
	if (r->headers && size <= r->bits_max) {
		taken += scan ? bytes / r->word / 8 : 0;
		taken += r->inline_marks && size >= 16 ? INLINE_MARKS : 0;
	}
	return size > MAX_SMALL ? 1 : (bytes - taken) / size;
}
