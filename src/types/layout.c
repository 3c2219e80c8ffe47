/* SPDX-License-Identifier: MIT */
/* Where the runtime of this release keeps its fields: from DWARF, else from the table compiled in from golayout.tsv. */
#include "types/types.h"

/* The columns of the table, oldest first. */
static const struct release {
	int minor, patch;
} releases[] = {
#define LAYOUT_RELEASES
#include "golayout.inc"
#undef LAYOUT_RELEASES
};
enum { RELEASES = sizeof(releases) / sizeof(releases[0]) };

static const struct row {
	const char *arch, *strct, *field;
	struct {
		int32_t off;
		uint32_t size;
	} at[RELEASES];
} table[] = {
#include "golayout.inc"
};

static const struct {
	const char *strct, *field;
} wanted[] = {
#define LAYOUT(id, structs, field) [id] = {structs, field},
#include "types/layout_fields.h"
#undef LAYOUT
};

/* ---- the table ---- */

/* Rows of amd64 hold for all 64-bit architectures and 386's for 32-bit ones, unless the architecture has its own. */
static const struct row *table_row(enum layout_field f, const char *arch, const char *family)
{
	const struct row *common = NULL;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct row *r = &table[i];
		if (strcmp(r->strct, wanted[f].strct) != 0 || strcmp(r->field, wanted[f].field) != 0)
			continue;
		if (strcmp(r->arch, arch) == 0)
			return r;
		if (strcmp(r->arch, family) == 0)
			common = r;
	}
	return common;
}

/* The column of a release; -1: not in the table. */
static int table_column(const struct buildinfo *build)
{
	int column = -1;
	for (int i = 0; i < RELEASES; i++) {
		if (releases[i].minor == build->minor && (releases[i].patch <= build->patch || column < 0))
			column = i;
	}
	return column;
}

static void table_fill(struct layout *l, int column, const char *arch, uint8_t word)
{
	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		const struct row *r = table_row((enum layout_field)i, arch, word == 8 ? "amd64" : "386");
		l->f[i].off = r ? r->at[column].off : -1;
		l->f[i].size = r ? r->at[column].size : 0;
	}
}

/* ---- DWARF ---- */

/* Takes the next of the alternatives in "a|b|c" into buf; false at the end. */
static bool next_name(const char **list, char *buf, size_t size)
{
	size_t len = strcspn(*list, "|");
	if (len == 0 || len >= size)
		return false;
	memcpy(buf, *list, len);
	buf[len] = '\0';
	*list += len + ((*list)[len] == '|');
	return true;
}

/* *known: DWARF describes the struct, so that a field it lacks does not exist. */
static bool dwarf_lookup(struct dwarf *d, enum layout_field f, int32_t *off, uint32_t *size, bool *known)
{
	char strct[96], field[64];
	for (const char *s = wanted[f].strct; next_name(&s, strct, sizeof(strct));) {
		uint64_t whole;
		*known = *known || dwarf_struct_size(d, strct, &whole);
		for (const char *n = wanted[f].field; next_name(&n, field, sizeof(field));) {
			if (dwarf_field(d, strct, field, off, size))
				return true;
		}
	}
	return false;
}

/* Overwrites what the table said; structs that the linker left out of DWARF, being unused, keep it. */
static void dwarf_fill(struct layout *l, struct dwarf *d, bool have_table, struct diag *diag)
{
	unsigned differ = 0;
	const char *first = NULL;
	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		int32_t off = -1;
		uint32_t size = 0;
		bool known = false;
		if (!dwarf_lookup(d, (enum layout_field)i, &off, &size, &known)) {
			if (!known)
				continue;
			off = -1;
			size = 0;
		}
		if (l->f[i].off != off || l->f[i].size != size) {
			differ++;
			first = first ? first : wanted[i].field;
		}
		l->f[i].off = off;
		l->f[i].size = size;
	}
	if (have_table && differ)
		diag_add(diag, HC_SEV_DEBUG, "%u runtime fields are not where Go 1.%d has them (the first is %s); the executable's "
		         "debug information was believed", differ, l->minor, first);
}

/* ---- choosing ---- */

static struct hc_error *unsupported(const struct buildinfo *build)
{
	const char *version = build->version && *build->version ? build->version : "an unknown version of Go";
	int oldest = releases[0].minor, newest = releases[RELEASES - 1].minor;
	if (build->minor >= 0 && build->minor < oldest)
		return err_new(HC_E_UNSUPPORTED, "the program was built by %s, but Go 1.%d is the oldest release that can be read",
		               version, oldest);
	return err_new(HC_E_UNSUPPORTED, "the program was built by %s, and without debug information only Go 1.%d to 1.%d can be "
	               "read; give an executable that is not stripped with --exe, or use a newer heapconv", version, oldest,
	               newest);
}

struct hc_error *layout_init(struct layout *l, const struct buildinfo *build, enum arch arch, uint8_t word,
                             struct dwarf *dwarf, struct diag *diag)
{
	int32_t off;
	uint32_t size;
	int column = table_column(build);
	bool in_dwarf = dwarf && dwarf_field(dwarf, "runtime.mspan", "startAddr", &off, &size);
	bool too_old = build->minor >= 0 && build->minor < releases[0].minor;
	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		l->f[i].off = -1;
		l->f[i].size = 0;
	}
	l->minor = build->minor;
	l->from_dwarf = in_dwarf;
	if (too_old || (column < 0 && !in_dwarf))
		return unsupported(build);
	if (column >= 0)
		table_fill(l, column, arch_name(arch, false), word);
	if (in_dwarf)
		dwarf_fill(l, dwarf, column >= 0, diag);
	return NULL;
}

bool layout_read(const struct layout *l, const struct proc *p, uint64_t base, enum layout_field f, uint64_t *ret)
{
	uint32_t size = l->f[f].size;
	if (l->f[f].off < 0 || (size != 1 && size != 2 && size != 4 && size != 8))
		return false;
	return proc_uint(p, layout_addr(l, base, f), size, ret);
}
