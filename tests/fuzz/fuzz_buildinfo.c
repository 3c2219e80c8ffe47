/* SPDX-License-Identifier: MIT */
/* Go's build information in both of its forms, and version strings. */
#include "reader/priv.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct buildinfo *b, size_t size)
{
	FUZZ_EXPECT(b->version && b->main_path && b->module && b->experiments);
	FUZZ_EXPECT(strlen(b->version) <= size && strlen(b->module) <= size + 1);
	FUZZ_EXPECT(b->minor >= -1 && b->patch >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_take(&data, &size);
	struct arena arena = {0};
	struct buildinfo b = {0};
	if (how & 2) {
		if (buildinfo_parse_version(&arena, (const char *)data, size, &b))
			FUZZ_EXPECT(b.version && b.minor >= -1 && b.patch >= 0 && strlen(b.version) <= size);
	} else {
		struct blob *blob;
		struct hc_error *err = blob_from_memory("fuzz", data, size, &blob);
		if (!err) {
			uint64_t at = how & 4 && size > 16 ? 16 : 0;
			if (buildinfo_decode(&arena, blob_read_fn, blob, at, how & 1, &b))
				check(&b, size);
			blob_close(blob);
		}
		fuzz_error(err);
	}
	arena_free(&arena);
	return 0;
}
