/* SPDX-License-Identifier: MIT */
/* Heap dumps from end to end: a dump of every kind of record, changed, and everything that is made of it. */
#define _GNU_SOURCE
#include "tests/fuzz/everything.h"
#include "tests/support/dumpbuild.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_take(&data, &size);
	struct dumpbuild b;
	bool small = how & 2, big_endian = how & 4;
	hdb_init(&b, small ? 4 : 8, big_endian && !small);
	hdb_sample(&b, small ? "386" : big_endian ? "s390x" : "amd64", how & 8 ? "go1.17.1" : how & 16 ? "go1.22.1" : "go1.26.0");
	fuzz_patch(b.out.data, b.out.len, data, size);
	bool opened = fuzz_everything_of(b.out.data, b.out.len, how & 32 ? 2 : 1, how & 1);
	FUZZ_EXPECT(opened || size > 3);
	hdb_free(&b);
	return 0;
}
