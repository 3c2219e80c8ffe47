/* SPDX-License-Identifier: MIT */
/*
 * The DWARF sections of an executable. Go compressed them as ".zdebug_*" through 1.18 and with SHF_COMPRESSED since. The
 * object interface of older libdwarf has no section flags, so the second form is rewritten into the first, which every
 * libdwarf decompresses by name.
 */
#include "types/dwarf_priv.h"

enum { ZDEBUG_HEADER = 12, CH_TYPE_ZLIB = 1 /* ELFCOMPRESS_ZLIB */ };

static const struct spelling {
	const char *plain, *z;
} wanted[] = {
	{".debug_info", ".zdebug_info"},
	{".debug_abbrev", ".zdebug_abbrev"},
	{".debug_addr", ".zdebug_addr"},
	{".debug_loc", ".zdebug_loc"},
	{".debug_loclists", ".zdebug_loclists"},
	{".debug_ranges", ".zdebug_ranges"},
	{".debug_rnglists", ".zdebug_rnglists"},
	{".debug_str", ".zdebug_str"},
	{".debug_line_str", ".zdebug_line_str"},
	{".debug_str_offsets", ".zdebug_str_offsets"},
};

/* Replaces an Elf32_Chdr or Elf64_Chdr by "ZLIB" and the full size as 8 big-endian bytes. */
static struct hc_error *section_rewrite(const struct exe *exe, const char *zname, struct dwarf_section *s)
{
	size_t skip = exe->word == 8 ? 24 : 12, stream = (size_t)s->size - skip;
	uint64_t full = exe->word == 8 ? load64(s->data + 8, exe->be) : load32(s->data + 4, exe->be);
	s->own = malloc(ZDEBUG_HEADER + stream);
	if (!s->own)
		return err_nomem();
	memcpy(s->own, "ZLIB", 4);
	for (unsigned i = 0; i < 8; i++)
		s->own[4 + i] = (uint8_t)(full >> (56 - 8 * i));
	memcpy(s->own + ZDEBUG_HEADER, s->data + skip, stream);
	s->name = zname;
	s->data = s->own;
	s->size = ZDEBUG_HEADER + stream;
	return NULL;
}

static struct hc_error *section_add(const struct exe *exe, const struct exe_section *from, const struct spelling *name,
                                    struct diag *diag, dwarf_sections *ret)
{
	struct dwarf_section s = {.name = from->name, .addr = from->addr};
	s.data = exe_section_data(exe, from, &s.size);
	if (!s.data || s.size == 0)
		return NULL;
	if (from->compressed && strcmp(from->name, name->plain) == 0) {
		uint32_t type = s.size > 24 ? load32(s.data, exe->be) : 0;
		if (type != CH_TYPE_ZLIB) {
			diag_add(diag, HC_SEV_WARNING, "%s: section %s is compressed in a way other than zlib (type %u) and was not "
			         "read; `objcopy --decompress-debug-sections` helps", exe->path, from->name, type);
			return NULL;
		}
		struct hc_error *err = section_rewrite(exe, name->z, &s);
		if (err)
			return err;
	}
	if (!vec_push(ret, s)) {
		free(s.own);
		return err_nomem();
	}
	return NULL;
}

struct hc_error *dwarf_sections_find(const struct exe *exe, struct diag *diag, dwarf_sections *ret)
{
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const struct exe_section *from = exe_section(exe, wanted[i].plain);
		if (!from)
			from = exe_section(exe, wanted[i].z);
		struct hc_error *err = from ? section_add(exe, from, &wanted[i], diag, ret) : NULL;
		if (err)
			return err;
	}
	return NULL;
}

void dwarf_sections_free(dwarf_sections *s)
{
	for (size_t i = 0; i < s->len; i++)
		free(s->data[i].own);
	vec_free(s);
}
