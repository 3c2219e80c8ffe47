/* SPDX-License-Identifier: MIT */
/* Notes of cores, in both byte orders, both alignments, and for every machine whose registers are known. */
#include "reader/priv.h"
#include "tests/fuzz/fuzz.h"

static void check_iteration(const uint8_t *data, size_t size, unsigned align, bool be)
{
	struct note_iter it = {.data = data, .size = size, .align = align, .be = be};
	struct note n;
	size_t last = 0;
	while (note_next(&it, &n)) {
		FUZZ_EXPECT(it.pos > last && it.pos <= size);
		FUZZ_EXPECT(n.desc >= data && n.descsz <= size && n.desc + n.descsz <= data + size);
		FUZZ_EXPECT(!n.namesz || ((const uint8_t *)n.name >= data && (const uint8_t *)n.name + n.namesz <= data + size));
		last = it.pos;
	}
}

static void check_build_ids(const uint8_t *data, size_t size, unsigned align, bool be)
{
	struct arena arena = {0};
	char *go = NULL, *gnu = NULL;
	FUZZ_EXPECT(notes_build_ids(&arena, data, size, align, be, &go, &gnu));
	FUZZ_EXPECT(!gnu || strspn(gnu, "0123456789abcdef") == strlen(gnu));
	FUZZ_EXPECT(!go || strlen(go) <= size);
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t machines[] = {62, 183, 3, 40, 21, 243, 22, 258, 8}; /* EM_* of Go's ports */
	uint8_t how = fuzz_take(&data, &size);
	unsigned align = how & 1 ? 8 : 4, word = how & 2 ? 4 : 8;
	bool be = how & 4;
	const struct arch_info *arch = arch_find(machines[(how >> 3) % (sizeof(machines) / sizeof(machines[0]))], word);
	struct diag diag;
	struct blob blob = {.path = (char[]){"fuzz"}, .data = data, .size = size};
	struct proc p = {.diag = &diag, .blob = &blob, .be = be, .word = (uint8_t)word};
	struct core_notes cn = {0};
	diag_init(&diag, NULL, NULL);
	check_iteration(data, size, align, be);
	check_build_ids(data, size, align, be);
	if (arch) {
		p.arch = arch->arch;
		p.machine = arch->machine;
		struct hc_error *err = core_notes_parse(&p, &cn, data, size, align);
		if (!err) {
			FUZZ_EXPECT(cn.threads.len <= size / 4 && cn.files.len <= size / 4);
			for (size_t i = 0; i < cn.files.len; i++)
				FUZZ_EXPECT(cn.files.data[i].path && strlen(cn.files.data[i].path) <= size);
			for (size_t i = 0; i < cn.threads.len; i++)
				FUZZ_EXPECT(cn.threads.data[i].nregs <= MAX_REGS);
		}
		fuzz_error(err);
	}
	vec_free(&cn.threads);
	vec_free(&cn.files);
	arena_free(&p.arena);
	diag_deinit(&diag);
	return 0;
}
