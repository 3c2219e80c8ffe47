/* SPDX-License-Identifier: MIT */
/*
 * arm64 instructions. Register 31 is SP where code.h is concerned; as the zero register it is never a destination here,
 * and as a source it makes a store an INSN_OTHER. Encodings: Arm's manual, chapter C4.
 */
#include "base/bits.h"
#include "types/code.h"

enum { SP = 31, FP = 29, LR = 30 };

#define BIT(r) (UINT32_C(1) << (r))

static uint32_t field(uint32_t w, unsigned from, unsigned bits)
{
	return w >> from & ((1u << bits) - 1);
}

static int64_t sfield(uint32_t w, unsigned from, unsigned bits)
{
	int64_t v = field(w, from, bits);
	return v & (INT64_C(1) << (bits - 1)) ? v - (INT64_C(1) << bits) : v;
}

/* What is not an operation of interest: its destination, if it has one. */
static void other(struct insn *o, uint32_t rd)
{
	o->op = INSN_OTHER;
	o->clobbers = rd == SP ? 0 : BIT(rd);
}

static void address(uint32_t w, uint64_t pc, struct insn *o)
{
	int64_t imm = (int64_t)((uint64_t)sfield(w, 5, 19) << 2 | field(w, 29, 2));
	o->op = INSN_CONST;
	o->reg = (uint8_t)field(w, 0, 5);
	o->addr = w >> 31 ? (pc & ~UINT64_C(4095)) + ((uint64_t)imm << 12) : pc + (uint64_t)imm;
	if (o->reg == SP)
		other(o, SP);
}

/* add and sub with an immediate, of 64 bits and without flags. */
static void add_immediate(uint32_t w, struct insn *o)
{
	int64_t imm = (int64_t)field(w, 10, 12) << (field(w, 22, 1) ? 12 : 0);
	o->op = INSN_ADD;
	o->reg = (uint8_t)field(w, 0, 5);
	o->base = (uint8_t)field(w, 5, 5);
	o->disp = w >> 30 & 1 ? -imm : imm;
}

static void branch(uint32_t w, uint64_t pc, struct insn *o)
{
	if ((w & 0x7c000000) == 0x14000000) { /* b, bl */
		o->op = w >> 31 ? INSN_CALL : INSN_JUMP;
		o->addr = pc + (uint64_t)sfield(w, 0, 26) * 4;
	} else if ((w & 0xff000000) == 0x54000000 || (w & 0x7e000000) == 0x34000000) { /* b.cond, cbz, cbnz */
		o->op = INSN_BRANCH;
		o->addr = pc + (uint64_t)sfield(w, 5, 19) * 4;
	} else if ((w & 0x7e000000) == 0x36000000) { /* tbz, tbnz */
		o->op = INSN_BRANCH;
		o->addr = pc + (uint64_t)sfield(w, 5, 14) * 4;
	} else if ((w & 0xfe000000) == 0xd6000000) { /* br, blr, ret */
		uint32_t what = field(w, 21, 4);
		o->op = what == 0 || what == 8 ? INSN_JUMP : what == 1 || what == 9 ? INSN_CALL : INSN_STOP;
	} else if ((w & 0xff000000) == 0xd4000000) { /* svc, brk, hlt */
		o->op = field(w, 21, 3) == 0 ? INSN_OTHER : INSN_STOP;
		o->clobbers = 3;
	} else {
		other(o, (w & 0xfff00000) == 0xd5300000 ? field(w, 0, 5) : SP); /* mrs; hints, barriers */
	}
}

/* An access of one or two registers of 64 bits, or of others. */
static void access(uint32_t w, struct insn *o, bool words, bool load, bool pair, uint16_t bytes)
{
	uint8_t rt = (uint8_t)field(w, 0, 5), rt2 = (uint8_t)field(w, 10, 5);
	bool vector = w >> 26 & 1;
	if (words && !vector && (load || (rt != SP && (!pair || rt2 != SP))) && !(load && (rt == SP || (pair && rt2 == SP)))) {
		o->op = load ? INSN_LOAD : INSN_STORE;
		o->reg = rt;
		o->reg2 = pair ? rt2 : CODE_NOREG;
		return;
	}
	other(o, load && !vector ? rt : SP);
	if (load && !vector && pair && rt2 != SP)
		o->clobbers |= BIT(rt2);
	o->spoils = load ? 0 : bytes;
}

static void pair(uint32_t w, struct insn *o)
{
	uint32_t opc = field(w, 30, 2), mode = field(w, 23, 2);
	bool vector = w >> 26 & 1, load = w >> 22 & 1;
	unsigned scale = vector ? 2 + opc : opc == 2 ? 3 : 2;
	int64_t disp = sfield(w, 15, 7) * (INT64_C(1) << scale);
	o->base = (uint8_t)field(w, 5, 5);
	o->disp = disp;
	if (mode == 2 || mode == 0) {
		access(w, o, opc == 2, load, true, (uint16_t)(2u << scale));
		return;
	}
	/* With write-back: what is stored below a frame are saved registers. */
	o->op = INSN_ADD;
	o->reg = o->base;
	o->clobbers = load && !vector ? (BIT(field(w, 0, 5)) | BIT(field(w, 10, 5))) & ~BIT(SP) : 0;
}

static void single(uint32_t w, struct insn *o)
{
	uint32_t size = field(w, 30, 2), opc = field(w, 22, 2), mode = field(w, 10, 2);
	bool vector = w >> 26 & 1, load = vector ? opc & 1 : opc != 0, words = size == 3 && opc < 2;
	unsigned scale = vector && opc >= 2 ? 4 : size;
	o->base = (uint8_t)field(w, 5, 5);
	if (w >> 24 & 1) {
		o->disp = (int64_t)field(w, 10, 12) << scale;
	} else if (w >> 21 & 1) { /* a register as offset, or an atomic operation */
		other(o, field(w, 0, 5));
		o->spoils = load && mode == 2 ? 0 : UINT16_MAX;
		if (o->base != SP || mode != 2)
			o->base = CODE_NOREG;
		o->disp = 0;
		return;
	} else {
		o->disp = sfield(w, 12, 9);
		if (mode & 1) { /* write-back */
			o->op = INSN_ADD;
			o->reg = o->base;
			o->clobbers = load && !vector && field(w, 0, 5) != SP ? BIT(field(w, 0, 5)) : 0;
			return;
		}
	}
	access(w, o, words, load, false, (uint16_t)(1u << scale));
}

static void memory(uint32_t w, struct insn *o)
{
	if ((w & 0x3a000000) == 0x28000000)
		pair(w, o);
	else if ((w & 0x3a000000) == 0x38000000)
		single(w, o);
	else /* literals, exclusive accesses, vector structures */
		other(o, field(w, 0, 5));
}

bool arm64_decode(const uint8_t *code, size_t n, uint64_t pc, struct insn *ret)
{
	*ret = (struct insn){.base = CODE_NOREG, .reg = CODE_NOREG, .reg2 = CODE_NOREG, .len = 4};
	if (n < 4)
		return false;
	uint32_t w = load32(code, false), rd = field(w, 0, 5);
	switch (field(w, 25, 4)) {
	case 8: case 9: /* immediates */
		if ((w & 0x1f000000) == 0x10000000)
			address(w, pc, ret);
		else if ((w & 0xbf800000) == 0x91000000)
			add_immediate(w, ret);
		else if ((w & 0xffe0001f) == (0xd2800000 | rd) && field(w, 5, 16) == 0 && rd != SP) /* movz rd, 0 */
			*ret = (struct insn){.op = INSN_CONST, .reg = (uint8_t)rd, .base = CODE_NOREG, .reg2 = CODE_NOREG, .len = 4};
		else
			other(ret, rd);
		break;
	case 10: case 11: branch(w, pc, ret); break;
	case 4: case 6: case 12: case 14: memory(w, ret); break;
	case 5: case 13: /* registers */
		if ((w & 0xffe0ffe0) == 0xaa0003e0 && field(w, 16, 5) != SP && rd != SP) { /* mov */
			ret->op = INSN_ADD;
			ret->reg = (uint8_t)rd;
			ret->base = (uint8_t)field(w, 16, 5);
		} else if ((w & 0xffe0ffe0) == 0xaa0003e0 && rd != SP) { /* mov rd, zero */
			ret->op = INSN_CONST;
			ret->reg = (uint8_t)rd;
		} else {
			other(ret, rd);
		}
		break;
	case 7: case 15: other(ret, (w & 0x7f20fc00) == 0x1e200000 ? rd : SP); break; /* vectors; to a general register */
	default: ret->op = INSN_STOP; break; /* padding, constants behind the code */
	}
	return true;
}
