/* SPDX-License-Identifier: MIT */
#include "writers/listing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/strtab.h"
#include "writers/listing_rows.h"
#include "writers/names.h"
#include "writers/sink.h"

enum { FIRST_LINE = 4, PATH_MAX_BYTES = 3000, PART_MAX_BYTES = 200, NAME_COLUMN_MAX = 24, TYPE_COLUMN_MAX = 44 };

struct package {
	const char *file; /* "net/http/types.go"; NULL: not asked for yet */
	uint32_t first, count; /* in order[] */
	bool numbered;
};

struct listing {
	const struct hc_snapshot *s;
	struct strtab packages; /* import path -> index in package[] */
	struct package *package;
	uint32_t *package_of; /* by type */
	uint32_t *line;       /* by type: where it begins, 0 while its package is not numbered */
	uint32_t *order;      /* types by package; within a numbered package by name */
	struct arena arena;
};

/* ---- types by package ---- */

static bool index_packages(struct listing *l)
{
	uint32_t n = hc_type_count(l->s), none;
	if (!strtab_add(&l->packages, "", 0, &none))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		const char *p = hc_type_package(l->s, hc_type_at(l->s, i));
		if (!strtab_add(&l->packages, p, strlen(p), &l->package_of[i]))
			return false;
	}
	l->package = calloc(l->packages.strings.len, sizeof(*l->package));
	if (!l->package)
		return false;
	for (uint32_t i = 0; i < n; i++)
		l->package[l->package_of[i]].count++;
	uint32_t at = 0;
	for (size_t p = 0; p < l->packages.strings.len; p++) {
		l->package[p].first = at;
		at += l->package[p].count;
		l->package[p].count = 0;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct package *p = &l->package[l->package_of[i]];
		l->order[p->first + p->count++] = i;
	}
	return true;
}

struct hc_error *listing_new(const struct hc_snapshot *s, struct listing **ret)
{
	struct listing *l = calloc(1, sizeof(*l));
	if (!l)
		return err_nomem();
	l->s = s;
	size_t n = (size_t)hc_type_count(s) + 1;
	l->package_of = calloc(n, sizeof(*l->package_of));
	l->line = calloc(n, sizeof(*l->line));
	l->order = calloc(n, sizeof(*l->order));
	if (!l->package_of || !l->line || !l->order || !index_packages(l)) {
		listing_free(l);
		return err_nomem();
	}
	*ret = l;
	return NULL;
}

void listing_free(struct listing *l)
{
	if (!l)
		return;
	free(l->package_of);
	free(l->line);
	free(l->order);
	free(l->package);
	strtab_free(&l->packages);
	arena_free(&l->arena);
	free(l);
}

/* ---- files ---- */

/*
 * A package's path as a relative path that stays below the directory it is joined to, whatever the snapshot says:
 * no "..", no empty parts, no control characters, of bounded length.
 */
static bool package_path(const char *package, struct name *ret)
{
	size_t out = 0;
	if (!name_clean(ret, package))
		return false;
	if (ret->len > PATH_MAX_BYTES)
		ret->len = PATH_MAX_BYTES;
	for (size_t i = 0; i < ret->len;) {
		size_t end = i;
		while (end < ret->len && ret->text[end] != '/')
			end++;
		size_t n = end - i < PART_MAX_BYTES ? end - i : PART_MAX_BYTES;
		bool dots = n > 0 && n <= 2 && ret->text[i] == '.' && ret->text[i + n - 1] == '.';
		if (n > 0) {
			if (out > 0)
				ret->text[out++] = '/';
			memmove(ret->text + out, ret->text + i, n);
			if (dots)
				memset(ret->text + out, '_', n);
			out += n;
		}
		i = end + 1;
	}
	ret->len = out;
	ret->text[out] = '\0';
	return true;
}

static bool name_file(struct listing *l, uint32_t p)
{
	struct name path = {0};
	if (l->package[p].file)
		return true;
	if (package_path(strtab_text(&l->packages, p), &path))
		/* "builtin" is where Go itself documents the types without a package. */
		l->package[p].file = arena_printf(&l->arena, "%s/types.go", path.len ? path.text : "builtin");
	name_free(&path);
	return l->package[p].file != NULL;
}

struct hc_error *listing_file(struct listing *l, const char *package, const char **file)
{
	uint32_t p;
	if (strtab_find(&l->packages, package, strlen(package), &p)) {
		if (!name_file(l, p))
			return err_nomem();
		*file = l->package[p].file;
		return NULL;
	}
	struct name path = {0};
	bool ok = package_path(package, &path);
	const char *name = ok ? arena_printf(&l->arena, "%s/types.go", path.len ? path.text : "builtin") : NULL;
	name_free(&path);
	if (!name)
		return err_nomem();
	*file = name;
	return NULL;
}

/* ---- lines ---- */

struct named {
	const char *name;
	uint32_t type;
	bool synthetic;
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	if (x->synthetic != y->synthetic)
		return x->synthetic ? 1 : -1;
	int c = strcmp(x->name, y->name);
	return c ? c : x->type < y->type ? -1 : x->type > y->type;
}

/*
 * Sorts the types of a package and gives each its line; only packages that somebody asks for pay for it. Types that were
 * made while objects got theirs come last: which ones there are depends on the heap, and must not move the others.
 */
static bool number_package(struct listing *l, uint32_t index)
{
	struct package *p = &l->package[index];
	uint32_t *order = l->order + p->first, line = FIRST_LINE;
	if (p->numbered)
		return true;
	struct named *named = malloc(((size_t)p->count + 1) * sizeof(*named));
	if (!named)
		return false;
	for (uint32_t i = 0; i < p->count; i++) {
		const struct hc_type *t = hc_type_at(l->s, order[i]);
		named[i] = (struct named){hc_type_name(t), order[i], hc_type_synthetic(t)};
	}
	qsort(named, p->count, sizeof(*named), by_name);
	for (uint32_t i = 0; i < p->count; i++) {
		struct rows r;
		struct row row;
		order[i] = named[i].type;
		l->line[order[i]] = line;
		rows_begin(&r, l->s, hc_type_at(l->s, order[i]), HC_VIA_SEVERAL);
		while (rows_next(&r, &row))
			;
		line += r.line;
	}
	free(named);
	p->numbered = true;
	return true;
}

struct hc_error *listing_type(struct listing *l, const struct hc_type *t, const char **file, uint32_t *line)
{
	uint32_t i = hc_type_number(l->s, t);
	if (i >= hc_type_count(l->s)) { /* a type that hc_type_at() does not have is not listed */
		*line = 0;
		return listing_file(l, hc_type_package(l->s, t), file);
	}
	uint32_t p = l->package_of[i];
	if (!name_file(l, p) || !number_package(l, p))
		return err_nomem();
	*file = l->package[p].file;
	*line = l->line[i];
	return NULL;
}

uint32_t listing_field(const struct listing *l, const struct hc_type *t, uint64_t offset)
{
	struct rows r;
	struct row row;
	uint32_t found = 0, several = 0;
	rows_begin(&r, l->s, t, offset);
	for (;;) {
		uint32_t line = r.line;
		if (!rows_next(&r, &row))
			break;
		if ((row.kind == ROW_FIELD || row.kind == ROW_OPEN) && row.covers)
			found = line;
		if (row.kind == ROW_SEVERAL)
			several = line;
		if (row.kind == ROW_FIELD && row.covers)
			break;
	}
	return found ? found : several;
}

/* ---- text ---- */

/* Widths that make the fields of one type line up. */
static void measure(const struct listing *l, const struct hc_type *t, size_t *name_width, size_t *type_width)
{
	struct rows r;
	struct row row;
	*name_width = *type_width = 0;
	rows_begin(&r, l->s, t, HC_VIA_SEVERAL);
	while (rows_next(&r, &row)) {
		if (row.kind != ROW_FIELD)
			continue;
		size_t n = strlen(row.field.name) + 4 * row.level;
		size_t m = row.field.type ? strlen(hc_type_name(row.field.type)) : 0;
		if (n > *name_width)
			*name_width = n < NAME_COLUMN_MAX ? n : NAME_COLUMN_MAX;
		if (m > *type_width)
			*type_width = m < TYPE_COLUMN_MAX ? m : TYPE_COLUMN_MAX;
	}
}

static void put_padded(struct hc_sink *k, const char *text, size_t width)
{
	size_t n = strlen(text);
	sink_puts(k, text);
	for (; n < width; n++)
		sink_put(k, " ", 1);
}

static const char *clean(struct hc_sink *k, struct name *n, const char *text)
{
	if (name_clean(n, text))
		return n->text;
	sink_fail(k, ENOMEM);
	return "?";
}

/* "[8]struct {" of the type of a field that is opened up. */
static void put_opened(struct hc_sink *k, const char *type, struct name *n)
{
	const char *text = clean(k, n, type);
	const char *brace = strstr(text, "struct {");
	const char *array = strchr(text, '[');
	if (brace && array && array < brace)
		sink_put(k, array, strcspn(array, "ns")); /* "[8]", or several, before "noalg." or "struct" */
	sink_puts(k, "struct {");
}

static void put_row(struct hc_sink *k, const struct hc_type *t, const struct row *row, const size_t w[2],
                    struct name *n)
{
	int in = 4 * (int)row->level + 4;
	size_t nested = 4 * (size_t)row->level;
	const struct hc_type *ft = row->field.type;
	switch (row->kind) {
	case ROW_HEAD:
		sink_puts(k, "type ");
		put_padded(k, clean(k, n, hc_type_name(t)), rows_has_fields(t) ? 0 : TYPE_COLUMN_MAX);
		sink_printf(k, "%s // %" PRIu64 " bytes\n", rows_has_fields(t) ? " struct {" : "", hc_type_size(t));
		break;
	case ROW_FIELD:
	case ROW_OPEN:
		sink_printf(k, "%*s", in, "");
		put_padded(k, clean(k, n, row->field.name), row->kind == ROW_FIELD && w[0] > nested ? w[0] - nested : 0);
		sink_puts(k, " ");
		if (row->kind == ROW_OPEN)
			put_opened(k, hc_type_name(ft), n);
		else
			put_padded(k, clean(k, n, ft ? hc_type_name(ft) : "?"), w[1]);
		sink_printf(k, " // %" PRIu64 " + %" PRIu64 "\n", row->field.offset, ft ? hc_type_size(ft) : 0);
		break;
	case ROW_CLOSE:
		sink_printf(k, "%*s}\n", in, "");
		break;
	case ROW_SEVERAL:
		sink_puts(k, "    // reached through several fields\n");
		break;
	case ROW_END:
		sink_puts(k, "}\n\n");
		break;
	}
}

static void put_package(struct listing *l, uint32_t p, struct hc_sink *k)
{
	struct name n = {0};
	const char *path = strtab_text(&l->packages, p);
	sink_puts(k, "// Types of ");
	sink_puts(k, *path ? "package " : "no package");
	sink_puts(k, clean(k, &n, path));
	sink_puts(k, ", listed by heapconv. Not Go source: names are those of the program's type information.\n"
	             "// Behind each field: its offset + its size, in bytes.\n\n");
	for (uint32_t i = 0; i < l->package[p].count && !sink_failed(k); i++) {
		const struct hc_type *t = hc_type_at(l->s, l->order[l->package[p].first + i]);
		struct rows r;
		struct row row;
		size_t w[2];
		measure(l, t, &w[0], &w[1]);
		rows_begin(&r, l->s, t, HC_VIA_SEVERAL);
		while (rows_next(&r, &row))
			put_row(k, t, &row, w, &n);
	}
	name_free(&n);
}

/* Makes the directories of a path, up to its last slash. */
static struct hc_error *make_directories(char *path)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0777) != 0 && errno != EEXIST) {
			struct hc_error *err = err_new(HC_E_IO, "%s: can't make the directory: %s", path,
			                               strerror(errno));
			*p = '/';
			return err;
		}
		*p = '/';
	}
	return NULL;
}

static struct hc_error *write_package(struct listing *l, const char *dir, uint32_t p)
{
	struct hc_sink *k = NULL;
	if (!name_file(l, p) || !number_package(l, p))
		return err_nomem();
	size_t size = strlen(dir) + strlen(l->package[p].file) + 2;
	char *path = malloc(size);
	if (!path)
		return err_nomem();
	snprintf(path, size, "%s/%s", dir, l->package[p].file);
	struct hc_error *err = make_directories(path);
	if (!err)
		err = hc_sink_file(path, HC_PLAIN, &k);
	if (!err) {
		put_package(l, p, k);
		err = hc_sink_close(k);
	}
	free(path);
	return err;
}

struct hc_error *listing_write(struct listing *l, const char *dir)
{
	for (uint32_t p = 0; p < l->packages.strings.len; p++) {
		struct hc_error *err = l->package[p].count ? write_package(l, dir, p) : NULL;
		if (err)
			return err_wrap(err, "type listing");
	}
	return NULL;
}
