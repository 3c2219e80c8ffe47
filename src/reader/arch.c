/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "reader/priv.h"

/*
 * Linux's struct elf_prstatus per machine, and the register in which Go keeps g (amd64: since Go 1.17; 386 keeps it in
 * thread-local storage only). Register runs leave out what is no integer register.
 */
static const struct arch_info arches[] = {
	{ARCH_AMD64, 62, 8, "amd64", NULL,
	 {.size = 336, .pc = 240, .sp = 264, .fp = 144, .tls = 280, .greg = 120, .regs = 112, .nregs = 15}},
	{ARCH_ARM64, 183, 8, "arm64", "arm64be",
	 {.size = 392, .pc = 368, .sp = 360, .fp = 344, .lr = 352, .greg = 336, .regs = 112, .nregs = 31}},
	{ARCH_386, 3, 4, "386", NULL, {.size = 144, .pc = 120, .sp = 132, .fp = 92, .regs = 72, .nregs = 7}},
	{ARCH_ARM, 40, 4, "arm", "armbe",
	 {.size = 148, .pc = 132, .sp = 124, .lr = 128, .greg = 112, .regs = 72, .nregs = 15}},
	{ARCH_PPC64, 21, 8, "ppc64le", "ppc64",
	 {.size = 504, .pc = 368, .sp = 120, .lr = 400, .greg = 352, .regs = 112, .nregs = 32}},
	{ARCH_RISCV64, 243, 8, "riscv64", NULL,
	 {.size = 376, .pc = 112, .sp = 128, .lr = 120, .greg = 328, .regs = 120, .nregs = 31}},
	{ARCH_S390X, 22, 8, NULL, "s390x",
	 {.size = 336, .pc = 120, .sp = 248, .lr = 240, .greg = 232, .regs = 128, .nregs = 16}},
	{ARCH_LOONG64, 258, 8, "loong64", NULL,
	 {.size = 480, .pc = 376, .sp = 136, .lr = 120, .greg = 288, .regs = 112, .nregs = 32}},
	{ARCH_MIPS64, 8, 8, "mips64le", "mips64",
	 {.size = 480, .pc = 384, .sp = 344, .lr = 360, .greg = 352, .regs = 112, .nregs = 32}},
	{ARCH_MIPS, 8, 4, "mipsle", "mips",
	 {.size = 256, .pc = 232, .sp = 212, .lr = 220, .greg = 216, .regs = 96, .nregs = 32}},
};

enum { NARCHES = sizeof(arches) / sizeof(arches[0]) };

const struct arch_info *arch_find(uint16_t machine, unsigned word)
{
	for (size_t i = 0; i < NARCHES; i++)
		if (arches[i].machine == machine && arches[i].word == word)
			return &arches[i];
	return NULL;
}

static bool same_text(const char *name, const char *text, size_t len)
{
	return name && strlen(name) == len && !memcmp(name, text, len);
}

const struct arch_info *arch_named(const char *goarch, size_t len, unsigned word)
{
	for (size_t i = 0; i < NARCHES; i++)
		if (arches[i].word == word &&
		    (same_text(arches[i].le_name, goarch, len) || same_text(arches[i].be_name, goarch, len)))
			return &arches[i];
	return NULL;
}

const char *arch_name(enum arch arch, bool be)
{
	for (size_t i = 0; i < NARCHES; i++) {
		if (arches[i].arch != arch)
			continue;
		const char *name = be ? arches[i].be_name : arches[i].le_name;
		return name ? name : be ? arches[i].le_name : arches[i].be_name;
	}
	return "unknown";
}
