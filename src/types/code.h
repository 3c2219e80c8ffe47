/* SPDX-License-Identifier: MIT */
/*
 * Machine code, as far as it tells what its data is: moves of words between registers and memory, addresses, calls and
 * jumps. All else is "writes these registers". One decoder per architecture; they know nothing of Go.
 */
#ifndef TYPES_CODE_H
#define TYPES_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/reader.h"

enum insn_op {
	INSN_OTHER,   /* what it does besides `clobbers` and `spoils` is of no interest */
	INSN_CONST,   /* reg = addr */
	INSN_ADD,     /* reg = base + disp; a move where disp is 0 */
	INSN_LOAD,    /* reg = the word at base + disp (or at addr, base CODE_NOREG) */
	INSN_STORE,   /* the word there = reg */
	INSN_CALL,    /* of addr; 0: of what a register or memory says */
	INSN_JUMP,    /* to addr; 0: not known */
	INSN_BRANCH,  /* to addr, or not */
	INSN_STOP,    /* execution does not get behind it: a return, a trap */
};

enum { CODE_NOREG = 0xff, CODE_MAX_REGS = 32, CODE_ARGS = 5 };

struct insn {
	uint64_t addr;
	int64_t disp;
	uint32_t clobbers; /* bit per register: written with something else */
	uint16_t spoils;   /* bytes of memory at base + disp that an INSN_OTHER writes */
	uint8_t op;        /* enum insn_op */
	uint8_t len;
	uint8_t reg, base;
	uint8_t reg2; /* loads and stores: the next word's, CODE_NOREG none */
};

/* Go's register ABI. */
struct code_arch {
	bool (*decode)(const uint8_t *code, size_t n, uint64_t pc, struct insn *ret); /* false: not an instruction */
	uint8_t nregs, sp, fp;
	uint8_t closure;             /* where a function finds the variables that it captured */
	uint8_t args[CODE_ARGS];     /* the first integer arguments, and results */
	uint8_t call_push;           /* bytes that a call pushes */
	int8_t locals, stack_args;   /* what the offsets of locals and arguments count from, as seen from the CFA */
	uint8_t scratch;             /* the only register that the runtime's write barrier changes */
};
/* NULL: no decoder. */
const struct code_arch *code_arch(enum arch arch);

bool amd64_decode(const uint8_t *code, size_t n, uint64_t pc, struct insn *ret);
bool arm64_decode(const uint8_t *code, size_t n, uint64_t pc, struct insn *ret);

#endif
