/* SPDX-License-Identifier: MIT */
/* Where Go's register ABI (cmd/compile/abi-internal.md) has what, by architecture. */
#include "types/code.h"

const struct code_arch *code_arch(enum arch arch)
{
	static const struct code_arch amd64 = {
		.decode = amd64_decode, .nregs = 16, .sp = 4, .fp = 5, .closure = 2, .args = {0, 3, 1, 7, 6}, .scratch = 11,
		.call_push = 8, .locals = -16,
	}, arm64 = {
		.decode = arm64_decode, .nregs = 32, .sp = 31, .fp = 29, .closure = 26, .args = {0, 1, 2, 3, 4}, .scratch = 25,
		.locals = -8, .stack_args = 8,
	};
	return arch == ARCH_AMD64 ? &amd64 : arch == ARCH_ARM64 ? &arm64 : NULL;
}
