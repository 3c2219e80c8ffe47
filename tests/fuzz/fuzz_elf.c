/* SPDX-License-Identifier: MIT */
/* Executables: ELF headers, sections, symbols, segments, build ids. */
#include "reader/reader.h"
#include "tests/fuzz/fuzz.h"

static bool within(const struct exe *exe, const uint8_t *p, uint64_t n)
{
	return p >= exe->blob->data && n <= exe->blob->size && p <= exe->blob->data + exe->blob->size - n;
}

static void check_sections(const struct exe *exe)
{
	for (size_t i = 0; i < exe->nsections; i++) {
		uint64_t size;
		const uint8_t *p = exe_section_data(exe, &exe->sections[i], &size);
		FUZZ_EXPECT(exe->sections[i].name);
		FUZZ_EXPECT(!p || within(exe, p, size));
		FUZZ_EXPECT(exe_section(exe, exe->sections[i].name));
	}
	FUZZ_EXPECT(!exe_section(exe, "no such section here"));
}

static void check_symbols(const struct exe *exe)
{
	for (size_t i = 0; i < exe->nsymbols; i++) {
		const struct exe_symbol *s = &exe->symbols[i], *found = exe_symbol(exe, s->name);
		FUZZ_EXPECT(found && strcmp(found->name, s->name) == 0);
		FUZZ_EXPECT(!i || s[-1].value <= s->value);
		found = exe_symbol_at(exe, s->value);
		FUZZ_EXPECT(!found || found->value <= s->value);
	}
}

static void check_segments(const struct exe *exe)
{
	for (size_t i = 0; i < exe->nsegments; i++) {
		const struct exe_segment *s = &exe->segments[i];
		const uint64_t at[] = {s->vaddr, s->vaddr + s->filesz - 1, s->vaddr + s->filesz, s->vaddr + s->memsz};
		for (size_t k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
			uint64_t avail;
			const uint8_t *p = exe_view(exe, at[k], &avail);
			FUZZ_EXPECT(!p || (avail && within(exe, p, avail)));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob *blob;
	struct exe *exe = NULL;
	struct diag diag;
	diag_init(&diag, NULL, NULL);
	struct hc_error *err = blob_from_memory("fuzz", data, size, &blob);
	if (!err)
		err = exe_parse(blob, &diag, &exe);
	if (!err) {
		check_sections(exe);
		check_symbols(exe);
		check_segments(exe);
		FUZZ_EXPECT(exe->word == 4 || exe->word == 8);
		FUZZ_EXPECT(exe->go_build_id && exe->gnu_build_id);
		exe_close(exe);
	}
	fuzz_error(err);
	diag_deinit(&diag);
	return 0;
}
