/* SPDX-License-Identifier: MIT */
/*
 * The DWARF sections of an executable. Go compressed them as ".zdebug_*" through 1.18 and with SHF_COMPRESSED since, both
 * with zlib. Sections are decompressed here rather than by libdwarf: only those that are needed, when they are.
 */
#include "base/ckd.h"
#include "base/gz.h"
#include "types/dwarf_priv.h"

enum {
	ZDEBUG_HEADER = 12, /* "ZLIB" and the full size as 8 big-endian bytes */
	CH_TYPE_ZLIB = 1,   /* ELFCOMPRESS_ZLIB */
	ZLIB_RATIO = 1032,  /* zlib makes nothing smaller than this part of it */
	WORK_FACTOR = 16    /* how often on average a byte may be looked at; programs of Go need less than 2 */
};

/* The two spellings of a name. */
static const struct {
	const char *plain, *z;
} names[SEC_COUNT] = {
	[SEC_INFO] = {".debug_info", ".zdebug_info"},
	[SEC_ABBREV] = {".debug_abbrev", ".zdebug_abbrev"},
	[SEC_ADDR] = {".debug_addr", ".zdebug_addr"},
	[SEC_STR] = {".debug_str", ".zdebug_str"},
	[SEC_LINE_STR] = {".debug_line_str", ".zdebug_line_str"},
	[SEC_STR_OFFSETS] = {".debug_str_offsets", ".zdebug_str_offsets"},
	[SEC_LOC] = {".debug_loc", ".zdebug_loc"},
	[SEC_LOCLISTS] = {".debug_loclists", ".zdebug_loclists"},
	[SEC_RANGES] = {".debug_ranges", ".zdebug_ranges"},
	[SEC_RNGLISTS] = {".debug_rnglists", ".zdebug_rnglists"},
};

const char *dwarf_section_name(enum dwarf_section_id id)
{
	return names[id].plain;
}

/* What a compressed section says of itself. */
struct packed {
	const uint8_t *stream;
	uint64_t size, full;
	uint32_t type; /* ELFCOMPRESS_* */
};

static bool packed_zdebug(const uint8_t *data, uint64_t size, struct packed *ret)
{
	if (size < ZDEBUG_HEADER || memcmp(data, "ZLIB", 4) != 0)
		return false;
	*ret = (struct packed){data + ZDEBUG_HEADER, size - ZDEBUG_HEADER, load64(data + 4, true), CH_TYPE_ZLIB};
	return true;
}

/* Elf32_Chdr or Elf64_Chdr. */
static bool packed_elf(const struct exe *exe, const uint8_t *data, uint64_t size, struct packed *ret)
{
	unsigned word = exe->word, header = word == 8 ? 24 : 12;
	if (size < header)
		return false;
	*ret = (struct packed){data + header, size - header, load_uint(data + word, word, exe->be), load32(data, exe->be)};
	return true;
}

static struct hc_error *section_unpack(struct dwarf *d, const struct packed *p, const char *name, struct dwarf_section *s)
{
	size_t full;
	if (p->type != CH_TYPE_ZLIB) {
		diag_add(d->diag, HC_SEV_WARNING, "%s: section %s is compressed in a way other than zlib (type %u) and was not read; "
		         "`objcopy --decompress-debug-sections` helps", d->exe->path, name, p->type);
		return NULL;
	}
	if (p->full / ZLIB_RATIO > p->size || !ckd_size(p->full, &full)) {
		diag_add(d->diag, HC_SEV_WARNING, "%s: section %s claims %llu bytes for %llu compressed ones and was not read",
		         d->exe->path, name, (unsigned long long)p->full, (unsigned long long)p->size);
		return NULL;
	}
	uint8_t *own = malloc(full ? full : 1);
	if (!own)
		return err_nomem();
	if (!gz_zlib(p->stream, (size_t)p->size, own, full)) {
		diag_add(d->diag, HC_SEV_WARNING, "%s: section %s is damaged (its zlib stream) and was not read", d->exe->path, name);
		free(own);
		return NULL;
	}
	s->own = own;
	s->data = own;
	s->size = full;
	return NULL;
}

static struct hc_error *section_load(struct dwarf *d, enum dwarf_section_id id, struct dwarf_section *s)
{
	const struct exe_section *plain = exe_section(d->exe, names[id].plain);
	const struct exe_section *from = plain ? plain : exe_section(d->exe, names[id].z);
	struct packed packed;
	uint64_t size = 0;
	const uint8_t *data = from ? exe_section_data(d->exe, from, &size) : NULL;
	if (!data || size == 0)
		return NULL;
	if (!from->compressed) {
		s->data = data;
		s->size = size;
		return NULL;
	}
	if (plain ? packed_elf(d->exe, data, size, &packed) : packed_zdebug(data, size, &packed))
		return section_unpack(d, &packed, from->name, s);
	diag_add(d->diag, HC_SEV_WARNING, "%s: section %s has no valid header of compression and was not read", d->exe->path,
	         from->name);
	return NULL;
}

struct hc_error *dwarf_section(struct dwarf *d, enum dwarf_section_id id, const struct dwarf_section **ret)
{
	struct dwarf_section *s = &d->sections[id];
	if (!s->loaded) {
		struct hc_error *err = section_load(d, id, s);
		if (err)
			return err;
		s->loaded = true;
		d->work += s->size * WORK_FACTOR;
	}
	*ret = s;
	return NULL;
}

bool dwarf_work(struct dwarf *d, uint64_t n)
{
	if (n <= d->work) {
		d->work -= n;
		return true;
	}
	d->work = 0;
	diag_add(d->diag, HC_SEV_WARNING, "%s: debug information is damaged: it refers to the same bytes time and again; what "
	         "comes later is left out", d->exe->path);
	return false;
}

void dwarf_sections_free(struct dwarf *d)
{
	for (unsigned i = 0; i < SEC_COUNT; i++)
		free(d->sections[i].own);
}
