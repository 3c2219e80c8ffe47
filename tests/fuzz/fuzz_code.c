/* SPDX-License-Identifier: MIT */
/* Machine code: every instruction lies in the bytes, names registers that there are, and means the same twice. */
#include "tests/fuzz/fuzz.h"
#include "types/code.h"

static void decode_all(const struct code_arch *arch, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		struct insn in, again;
		uint64_t pc = UINT64_C(0x400000) + at;
		if (!arch->decode(data + at, size - at, pc, &in)) {
			at++;
			continue;
		}
		FUZZ_EXPECT(in.len > 0 && in.len <= size - at);
		FUZZ_EXPECT(arch->decode(data + at, in.len, pc, &again) && again.len == in.len && again.op == in.op);
		FUZZ_EXPECT(in.base == CODE_NOREG || in.base < arch->nregs);
		FUZZ_EXPECT(in.reg2 == CODE_NOREG || in.reg2 < arch->nregs);
		bool needs = in.op == INSN_CONST || in.op == INSN_ADD || in.op == INSN_LOAD || in.op == INSN_STORE;
		FUZZ_EXPECT(!needs || in.reg < arch->nregs);
		FUZZ_EXPECT(in.op != INSN_ADD || in.base < arch->nregs);
		at += in.len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode_all(code_arch(ARCH_AMD64), data, size);
	decode_all(code_arch(ARCH_ARM64), data, size);
	return 0;
}
