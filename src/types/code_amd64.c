/* SPDX-License-Identifier: MIT */
/*
 * amd64 instructions: their length always, what they do where code.h asks for it. Registers have the numbers of the
 * instruction encoding (rax 0, rcx 1, rdx 2, rbx 3, rsp 4, rbp 5, rsi 6, rdi 7, r8 ... r15). Encodings: Intel's manual,
 * volume 2, appendix A.
 */
#include <string.h>

#include "base/bits.h"
#include "types/code.h"

enum {
	RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI,
	REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1,
};

#define BIT(r) (UINT32_C(1) << (r))

struct scan {
	const uint8_t *p;
	size_t n, at;
	uint64_t pc;
	uint8_t rex, rep, modrm, reg, rm; /* rep: 0xf2, 0xf3 or 0 */
	bool opsize, mem, complex;        /* complex: with an index, or relative to fs or gs */
	uint8_t vvvv;
	struct insn *out;
};

static bool take(struct scan *s, size_t n)
{
	if (n > s->n - s->at)
		return false;
	s->at += n;
	return true;
}

/* ---- operands ---- */

static bool scan_modrm(struct scan *s)
{
	if (!take(s, 1))
		return false;
	uint8_t m = s->modrm = s->p[s->at - 1], mod = m >> 6, rm = m & 7;
	s->reg = (uint8_t)((m >> 3 & 7) | (s->rex & REX_R ? 8 : 0));
	s->rm = (uint8_t)(rm | (s->rex & REX_B ? 8 : 0));
	s->mem = mod != 3;
	s->out->base = CODE_NOREG;
	if (!s->mem)
		return true;
	uint8_t base = s->rm;
	bool none = mod == 0 && rm == 5; /* relative to the next instruction: its length is not known yet */
	bool relative = none;
	if (rm == 4) {
		if (!take(s, 1))
			return false;
		uint8_t sib = s->p[s->at - 1], index = (uint8_t)((sib >> 3 & 7) | (s->rex & REX_X ? 8 : 0));
		base = (uint8_t)((sib & 7) | (s->rex & REX_B ? 8 : 0));
		s->complex |= index != 4;
		none = mod == 0 && (sib & 7) == 5;
	}
	size_t size = mod == 1 ? 1 : mod == 2 || none ? 4 : 0;
	if (!take(s, size))
		return false;
	const uint8_t *d = s->p + s->at - size;
	s->out->disp = size == 1 ? (int8_t)d[0] : size == 4 ? (int32_t)load32(d, false) : 0;
	if (!none)
		s->out->base = base;
	else if (!relative)
		s->complex = true;
	return true;
}

/* Once the length is known. */
static void place_operand(struct scan *s)
{
	struct insn *o = s->out;
	if (s->mem && o->base == CODE_NOREG && !s->complex && o->op == INSN_OTHER)
		o->addr = s->pc + s->at + (uint64_t)o->disp;
}

static uint32_t rm_written(const struct scan *s)
{
	return s->mem ? 0 : BIT(s->rm);
}

/* A write to r/m of so many bytes. */
static void write_rm(struct scan *s, uint16_t bytes)
{
	s->out->clobbers |= rm_written(s);
	if (s->mem)
		s->out->spoils = bytes;
}

static uint16_t operand_bytes(const struct scan *s, bool byte)
{
	return byte ? 1 : s->rex & REX_W ? 8 : s->opsize ? 2 : 4;
}

/* ---- one-byte opcodes ---- */

/* One letter for each opcode: what follows it (take_form()). */
static const char forms[] =
	"MMMMbzxxMMMMbzxx"
	"MMMMbzxxMMMMbzxx"
	"MMMMbzxxMMMMbzxx"
	"MMMMbzxxMMMMbzxx"
	"xxxxxxxxxxxxxxxx"
	"................"
	"xxxMxxxxzZbm...."
	"rrrrrrrrrrrrrrrr"
	"mZxmMMMMMMMMMMMM"
	"..........x....."
	"oooo....bz......"
	"bbbbbbbbvvvvvvvv"
	"mmw.xxmZx.xx.bxx"
	"MMMMxxxxMMMMMMMM"
	"rrrrxxxxRRxrxxxx"
	"xxxx..MM......MM";

/* And what it does (one_byte()). */
static const char effects[] =
	"AAAAAAAAAAAAAAAA"
	"AAAAAAAAAAAAAAAA"
	"AAAAAAAAAAAAAAAA"
	"AAAAAAAAAAAAAAAA"
	"----------------"
	"ppppppppPPPPPPPP"
	"---R----pRpR----"
	"jjjjjjjjjjjjjjjj"
	"ii-i--XXeERRER-!"
	"nnnnnnnnad--pQ-a"
	"aa--ssss--ssssss"
	"llllllllllllllll"
	"eESS--eE-!--S---"
	"eEeE----77777777"
	"jjjj----CJ-J----"
	"----S-33------GG";

/*
 * M: ModRM; m: ModRM and a byte; Z: ModRM and an immediate of four bytes, two with the operand size prefix; z: such an
 * immediate; v: of eight bytes with REX.W; b: a byte; w: two; o: an address; r, R: a distance; .: nothing; x: no
 * opcode.
 */
static bool take_form(struct scan *s, char form)
{
	size_t imm = s->opsize ? 2 : 4;
	switch (form) {
	case '.': return true;
	case 'b': case 'r': return take(s, 1);
	case 'w': return take(s, 2);
	case 'z': return take(s, imm);
	case 'v': return take(s, s->rex & REX_W ? 8 : imm);
	case 'R': return take(s, 4);
	case 'M': return scan_modrm(s);
	case 'm': return scan_modrm(s) && take(s, 1);
	case 'Z': return scan_modrm(s) && take(s, imm);
	case 'o': return take(s, 8);
	default: return false;
	}
}

static uint64_t branch_target(const struct scan *s, char form)
{
	const uint8_t *end = s->p + s->at;
	int64_t rel = form == 'r' ? (int8_t)end[-1] : (int32_t)load32(end - 4, false);
	return s->pc + s->at + (uint64_t)rel;
}

/* mov r/m, r and mov r, r/m of words, lea. */
static bool word_move(struct scan *s, uint8_t op)
{
	struct insn *o = s->out;
	bool store = op == 0x89;
	if (!(s->rex & REX_W) || s->complex)
		return false;
	if (op == 0x8d) {
		o->op = o->base == CODE_NOREG ? INSN_CONST : INSN_ADD;
	} else if (!s->mem) {
		o->op = INSN_ADD;
		o->base = store ? s->reg : s->rm;
		o->disp = 0;
	} else {
		o->op = store ? INSN_STORE : INSN_LOAD;
	}
	o->reg = store && !s->mem ? s->rm : s->reg;
	return true;
}

/* add, sub and others with an immediate. */
static void immediate_arithmetic(struct scan *s, uint8_t op)
{
	struct insn *o = s->out;
	uint8_t what = s->modrm >> 3 & 7;
	const uint8_t *end = s->p + s->at;
	if (what == 7) /* cmp */
		return;
	if ((what != 0 && what != 5) || s->mem || !(s->rex & REX_W) || op == 0x80) {
		write_rm(s, operand_bytes(s, op == 0x80));
		return;
	}
	int64_t v = op == 0x83 ? (int8_t)end[-1] : (int32_t)load32(end - 4, false);
	o->op = INSN_ADD;
	o->reg = o->base = s->rm;
	o->disp = what == 5 ? -v : v;
}

static void group_ff(struct scan *s, uint8_t op)
{
	struct insn *o = s->out;
	switch (s->modrm >> 3 & 7) {
	case 0: case 1: write_rm(s, operand_bytes(s, op == 0xfe)); break;
	case 2: case 3: o->op = INSN_CALL; o->addr = 0; break;
	case 4: case 5: o->op = INSN_JUMP; o->addr = 0; break;
	case 6: *o = (struct insn){.op = INSN_ADD, .reg = RSP, .base = RSP, .reg2 = CODE_NOREG, .disp = -8}; break;
	default: break;
	}
}

static void stack_move(struct scan *s, int64_t by)
{
	s->out->op = INSN_ADD;
	s->out->reg = s->out->base = RSP;
	s->out->disp = by;
}

static void string_op(struct scan *s, uint8_t op)
{
	s->out->clobbers = BIT(RSI) | BIT(RDI) | (s->rep ? BIT(RCX) : 0);
	if (op == 0xac || op == 0xad)
		s->out->clobbers |= BIT(RAX);
}

/* add, or, adc, sbb, and, sub, xor, cmp of two operands. */
static void arithmetic(struct scan *s, uint8_t op)
{
	struct insn *o = s->out;
	if (op >= 0x38)
		return;
	if ((op & 7) >= 4)
		o->clobbers = BIT(RAX);
	else if ((op & 7) >= 2)
		o->clobbers = BIT(s->reg);
	else
		write_rm(s, operand_bytes(s, !(op & 1)));
	/* A register cleared. */
	if ((op == 0x31 || op == 0x33) && !s->mem && s->reg == s->rm)
		*o = (struct insn){.op = INSN_CONST, .reg = s->reg, .base = CODE_NOREG, .reg2 = CODE_NOREG};
}

static void control(struct scan *s, enum insn_op op, char form)
{
	s->out->op = (uint8_t)op;
	s->out->addr = branch_target(s, form);
}

static void effect(struct scan *s, uint8_t op, char what, char form)
{
	struct insn *o = s->out;
	uint8_t low = (uint8_t)((op & 7) | (s->rex & REX_B ? 8 : 0)), group = s->modrm >> 3 & 7;
	switch (what) {
	case 'A': arithmetic(s, op); break;
	case 'i': immediate_arithmetic(s, op); break;
	case 'p': stack_move(s, -8); break;
	case 'P': o->clobbers = BIT(low); /* fall through */
	case 'Q': stack_move(s, 8); break;
	case 'R': o->clobbers = BIT(s->reg); break;
	case 'l': o->clobbers = BIT(low); break;
	case 'a': o->clobbers = BIT(RAX); break;
	case 'd': o->clobbers = BIT(RDX); break;
	case 'e': write_rm(s, 1); break;
	case 'E': write_rm(s, operand_bytes(s, false)); break;
	case 'V': o->spoils = s->mem ? 16 : 0; break;
	case 'X': case 'y': /* exchanges: with a register, or adding */
		write_rm(s, operand_bytes(s, op == 0x86 || what == 'y'));
		o->clobbers |= BIT(s->reg);
		break;
	case 'x': /* compare and exchange */
		write_rm(s, 16);
		o->clobbers |= BIT(RAX) | BIT(RDX);
		break;
	case 'n':
		if (low != RAX)
			o->clobbers = BIT(RAX) | BIT(low);
		break;
	case 's': string_op(s, op); break;
	case '3': /* test, not, neg, mul, div */
		if (group >= 4)
			o->clobbers = BIT(RAX) | BIT(RDX);
		else if (group >= 2)
			write_rm(s, operand_bytes(s, op == 0xf6));
		break;
	case '4': o->clobbers = BIT(RAX) | BIT(RBX) | BIT(RCX) | BIT(RDX); break;
	case '5': o->clobbers = BIT(RAX) | BIT(RCX) | BIT(11); break;
	case '7': /* between general registers and others */
		if (s->rep != 0xf3)
			write_rm(s, 10);
		o->clobbers |= BIT(RAX);
		break;
	case 'j': control(s, INSN_BRANCH, form); break;
	case 'J': control(s, INSN_JUMP, form); break;
	case 'C': control(s, INSN_CALL, form); break;
	case 'S': o->op = INSN_STOP; break;
	case 'G': group_ff(s, op); break;
	case '!': o->clobbers = ~UINT32_C(0); break; /* pop to memory, leave: not in Go's code */
	default: break; /* '-': nothing of interest */
	}
}

static void one_byte(struct scan *s, uint8_t op)
{
	place_operand(s);
	if ((op == 0x89 || op == 0x8b || op == 0x8d) && word_move(s, op))
		return;
	effect(s, op, effects[op], forms[op]);
}

/* ---- two-byte opcodes ---- */

/* The same for opcodes behind 0f. */
static const char forms_0f[] =
	"MMMMx..x..x.xMxx"
	"MMMMMMMMMMMMMMMM"
	"MMMMxxxxMMMMMMMM"
	"....xxxxxxxxxxxx"
	"MMMMMMMMMMMMMMMM"
	"MMMMMMMMMMMMMMMM"
	"MMMMMMMMMMMMMMMM"
	"mmmmMMM.MMxxMMMM"
	"RRRRRRRRRRRRRRRR"
	"MMMMMMMMMMMMMMMM"
	"...MmMxx...MmMMM"
	"MMMMMMMMMMmMMMMM"
	"MMmMmmmM........"
	"MMMMMMMMMMMMMMMM"
	"MMMMMMMMMMMMMMMM"
	"MMMMMMMMMMMMMMMM";

/* '-' is also what moves between vector registers, or into one. */
static const char effects_0f[] =
	"-4RR-5-----S----"
	"-V-V---V--------"
	"---------V-VRR--"
	"-444------------"
	"RRRRRRRRRRRRRRRR"
	"R---------------"
	"----------------"
	"--------------7V"
	"jjjjjjjjjjjjjjjj"
	"eeeeeeeeeeeeeeee"
	"--4-EE-----EEE-R"
	"xx-E--RRR-EERRRR"
	"yX-V-R-xllllllll"
	"------VR--------"
	"-------V--------"
	"----------------";

/* ---- vector encodings ---- */

/* C4, C5 and 62: how long they are; general registers may be written by any of them. */
static bool vex(struct scan *s, uint8_t first)
{
	size_t n = first == 0xc5 ? 1 : first == 0xc4 ? 2 : 3;
	if (!take(s, n + 1))
		return false;
	const uint8_t *p = s->p + s->at - n - 1;
	uint8_t map = first == 0xc5 ? 1 : first == 0xc4 ? p[0] & 31 : p[0] & 7, op = p[n];
	uint8_t last = first == 0x62 ? p[1] : p[n - 1];
	s->vvvv = ~last >> 3 & 15;
	s->rex = (uint8_t)((p[0] & 0x80 ? 0 : REX_R) |
	                   (first == 0xc5 ? 0 : (p[0] & 0x40 ? 0 : REX_X) | (p[0] & 0x20 ? 0 : REX_B)));
	if (map == 1 && op == 0x77) /* vzeroupper */
		return true;
	if (map == 0 || (map > 3 && first != 0x62) || !scan_modrm(s))
		return false;
	bool imm = map == 3 || (map == 1 && ((op >= 0x70 && op <= 0x73) || op == 0xc2 || (op >= 0xc4 && op <= 0xc6)));
	if (imm && !take(s, 1))
		return false;
	place_operand(s);
	s->out->clobbers = BIT(s->reg) | BIT(s->vvvv) | rm_written(s);
	s->out->spoils = s->mem ? 64 : 0;
	return true;
}

static bool escaped(struct scan *s)
{
	if (!take(s, 1))
		return false;
	uint8_t op = s->p[s->at - 1];
	if (op == 0x38 || op == 0x3a) {
		if (!take(s, 1) || !scan_modrm(s) || (op == 0x3a && !take(s, 1)))
			return false;
		place_operand(s);
		s->out->clobbers = BIT(s->reg) | rm_written(s);
		s->out->spoils = s->mem ? 16 : 0;
		return true;
	}
	if (!take_form(s, forms_0f[op]))
		return false;
	place_operand(s);
	effect(s, op, effects_0f[op], 'R');
	return true;
}

bool amd64_decode(const uint8_t *code, size_t n, uint64_t pc, struct insn *ret)
{
	struct scan s = {.p = code, .n = n < 15 ? n : 15, .pc = pc, .out = ret};
	*ret = (struct insn){.base = CODE_NOREG, .reg = CODE_NOREG, .reg2 = CODE_NOREG};
	uint8_t b = 0;
	for (;;) {
		if (!take(&s, 1))
			return false;
		b = code[s.at - 1];
		if (b == 0x66)
			s.opsize = true;
		else if (b == 0xf2 || b == 0xf3)
			s.rep = b;
		else if (b == 0x64 || b == 0x65)
			s.complex = true;
		else if (b != 0x2e && b != 0x36 && b != 0x3e && b != 0x26 && b != 0x67 && b != 0xf0)
			break;
	}
	if ((b & 0xf0) == 0x40) {
		s.rex = b & 15;
		if (!take(&s, 1))
			return false;
		b = code[s.at - 1];
	}
	bool ok;
	if (b == 0x0f) {
		ok = escaped(&s);
	} else if (b == 0xc4 || b == 0xc5 || b == 0x62) {
		ok = vex(&s, b);
	} else {
		ok = take_form(&s, forms[b]);
		if (ok && (b == 0xf6 || b == 0xf7) && (s.modrm >> 3 & 7) < 2)
			ok = take(&s, b == 0xf6 ? 1 : s.opsize ? 2 : 4);
		if (ok)
			one_byte(&s, b);
	}
	/* Not at a register and an offset: nothing is known of where it is, but for arrays on the stack. */
	if (s.mem && s.complex && ret->op == INSN_OTHER) {
		if (ret->base == RSP && ret->spoils)
			ret->spoils = UINT16_MAX;
		else
			ret->base = CODE_NOREG;
	}
	ret->len = (uint8_t)s.at;
	return ok;
}
