/* SPDX-License-Identifier: MIT */
/* A whole Go process made by hand (tests/support/processbuild.h), changed, and run from end to end. */
#define _GNU_SOURCE
#include "tests/fuzz/everything.h"
#include "tests/support/processbuild.h"

static struct {
	uint8_t *file;
	size_t size;
} base[PB_RELEASES];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_take(&data, &size);
	unsigned release = how % PB_RELEASES;
	if (!base[release].file)
		base[release].file = pb_build(release, &base[release].size);
	uint8_t *file = malloc(base[release].size);
	FUZZ_EXPECT(file);
	memcpy(file, base[release].file, base[release].size);
	size_t heap = base[release].size - PB_HEAP;
	fuzz_patch(how & 64 ? file + heap : file, how & 64 ? PB_HEAP : heap - PB_ZEROS, data, size);
	bool opened = fuzz_everything_of(file, base[release].size, how & 32 ? 2 : 1, false);
	FUZZ_EXPECT(opened || size > 3);
	free(file);
	return 0;
}
