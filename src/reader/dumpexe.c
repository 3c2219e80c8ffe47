/* SPDX-License-Identifier: MIT */
/* The executable of a heap dump: the dump does not name it, so it is the user's word, checked against the records. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "reader/dump.h"
#include "reader/priv.h"

enum { PAGE_MASK = 4095 };

struct candidate {
	struct exe *exe;
	uint8_t **images; /* of its segments, relocated; NULL where the file is good as it is */
	uint64_t bias;
	bool placed;      /* the bias is known */
	char why[512];    /* it is not the one */
};

static const uint8_t *segment_bytes(const struct candidate *c, size_t i)
{
	const struct exe_segment *s = &c->exe->segments[i];
	if (c->images[i])
		return c->images[i];
	return in_range(s->offset, s->filesz, c->exe->blob->size) ? c->exe->blob->data + s->offset : NULL;
}

/*
 * runtime.moduledata has {data, edata, bss, ebss} in this order in all releases: four words whose differences are the
 * sizes of the two records tell where the linker put the variables. Neither symbols nor sections are needed.
 */
static bool find_variables(const struct candidate *c, const struct hd_record *data, const struct hd_record *bss,
                           uint64_t *bias)
{
	const struct exe *exe = c->exe;
	uint64_t w = exe->word;
	for (size_t i = 0; i < exe->nsegments; i++) {
		const struct exe_segment *s = &exe->segments[i];
		const uint8_t *d = segment_bytes(c, i);
		for (uint64_t at = 0; d && at + 4 * w <= s->filesz; at += w) {
			uint64_t v[4];
			for (unsigned k = 0; k < 4; k++)
				v[k] = load_uint(d + at + k * w, (unsigned)w, exe->be);
			*bias = data->n[0] - v[0];
			if (v[0] && v[1] - v[0] == data->mem_len && v[3] - v[2] == bss->mem_len && bss->n[0] - v[2] == *bias &&
			    !(*bias & PAGE_MASK) && (exe->pie || !*bias))
				return true;
		}
	}
	return false;
}

/* A type record says how large the values of the descriptor at its address are; so does the descriptor. */
static bool types_agree(const struct proc *p, const struct candidate *c, uint64_t *bad)
{
	const struct exe *exe = c->exe;
	for (size_t i = 0; i < p->dump->records[HD_TYPE].len; i++) {
		struct hd_record rec;
		dump_record(p->dump, p->dump->records[HD_TYPE].data[i], &rec);
		*bad = rec.n[0];
		for (size_t k = 0; k < exe->nsegments; k++) {
			const struct exe_segment *s = &exe->segments[k];
			uint64_t off = rec.n[0] - c->bias - s->vaddr;
			const uint8_t *d = segment_bytes(c, k);
			if (d && in_range(off, exe->word, s->filesz) && load_uint(d + off, exe->word, exe->be) != rec.n[1])
				return false;
		}
	}
	return true;
}

/* Compares what can be compared; the reason for a refusal is in c->why. */
static bool candidate_fits(struct proc *p, struct candidate *c)
{
	const struct exe *exe = c->exe;
	struct hd_record data, bss;
	struct buildinfo build;
	uint64_t bad;
	if (exe->arch != p->arch || exe->word != p->word || exe->be != p->be) {
		snprintf(c->why, sizeof(c->why), "it is for %s, the dump is of a program for %s", arch_name(exe->arch, exe->be),
		         arch_name(p->arch, p->be));
		return false;
	}
	if (gobuild_from_exe(p, exe, &build)) {
		if (*build.version && *p->build.version && strcmp(build.version, p->build.version) != 0) {
			snprintf(c->why, sizeof(c->why), "it was built by %s, the program that made the dump by %s", build.version,
			         p->build.version);
			return false;
		}
		if (!*p->build.version)
			p->build = build;
		p->build.main_path = build.main_path;
		p->build.module = build.module;
	}
	if (!dump_first(p->dump, HD_DATA, &data) || !dump_first(p->dump, HD_BSS, &bss)) {
		c->placed = !exe->pie; /* cut before them */
		return true;
	}
	if (!find_variables(c, &data, &bss, &c->bias)) {
		bool go = *exe->go_build_id || exe_section(exe, ".gopclntab") || exe_section(exe, ".go.buildinfo");
		snprintf(c->why, sizeof(c->why), "%sits variables are elsewhere, or have other sizes than the %" PRIu64 " and %" PRIu64
		         " bytes of the dump's data and bss", go ? "" : "it shows no sign of Go, and ", data.mem_len, bss.mem_len);
		return false;
	}
	c->placed = true;
	if (!types_agree(p, c, &bad)) {
		snprintf(c->why, sizeof(c->why), "its type at 0x%" PRIx64 " has another size than the dump says", bad);
		return false;
	}
	return true;
}

static struct hc_error *exe_load(struct opening *o, struct exe **ret)
{
	struct blob *blob = NULL;
	struct hc_error *err = blob_open(o->opts->exe, o->p->diag, &blob);
	if (err)
		return err_wrap(err, "--exe");
	enum file_kind kind = file_identify(blob->data, blob->size);
	if (kind == FILE_MACHO || kind == FILE_PE) {
		err = err_new(HC_E_UNSUPPORTED, "--exe: %s: is %s; types are read from ELF executables only: leave --exe out to get "
		              "the graph without types, with names from --oid", o->opts->exe, file_kind_name(kind));
		blob_close(blob);
		return err;
	}
	err = exe_parse(blob, o->p->diag, ret);
	return err && hc_error_code(err) != HC_E_NOMEM ? err_wrap(err, "--exe") : err;
}

/* The rows say which addresses belong to the file, and the pieces have its bytes; the records outrank them. */
static struct hc_error *map_file(struct opening *o, const struct candidate *c)
{
	struct proc *p = o->p;
	p->files = calloc(c->exe->nsegments + 1, sizeof(*p->files));
	if (!p->files)
		return err_nomem();
	for (size_t i = 0; i < c->exe->nsegments; i++) {
		const struct exe_segment *s = &c->exe->segments[i];
		uint64_t addr = s->vaddr + c->bias, end;
		const uint8_t *d = segment_bytes(c, i);
		if (!s->memsz || !ckd_add(addr, s->memsz, &end) || (p->nfiles && addr < p->files[p->nfiles - 1].end))
			continue;
		p->files[p->nfiles++] = (struct mapped_file){addr, end, s->offset, c->exe->path, false};
		struct piece pc = {addr, addr + s->filesz - 1, d, RANK_FILE, s->flags};
		if (d && s->filesz && s->filesz <= s->memsz && !vec_push(&o->pieces, pc))
			return err_nomem();
		struct piece rest = {addr + s->filesz, end - 1, NULL, RANK_ABSENT, s->flags};
		if (s->filesz < s->memsz && !vec_push(&o->pieces, rest))
			return err_nomem();
	}
	return NULL;
}

static struct hc_error *take(struct opening *o, struct candidate *c)
{
	struct proc *p = o->p;
	if (!relocate(&p->arena, c->exe, c->bias, c->images))
		return err_nomem();
	p->modules = calloc(1, sizeof(*p->modules));
	if (!p->modules)
		return err_nomem();
	p->modules[p->nmodules++] = (struct module_file){c->exe, c->bias, true};
	p->exe_path = c->exe->path;
	p->go_build_id = c->exe->go_build_id;
	p->gnu_build_id = c->exe->gnu_build_id;
	c->exe = NULL;
	struct hc_error *err = debugfile_find(o, p->modules[0].exe, o->opts->debug_file);
	struct candidate placed = *c;
	placed.exe = p->modules[0].exe;
	return err ? err : map_file(o, &placed);
}

struct hc_error *dump_exe(struct opening *o)
{
	struct proc *p = o->p;
	struct candidate c = {0};
	if (!o->opts->exe) {
		diag_add(p->diag, HC_SEV_WARNING, "a heap dump holds no types: name the executable that made it with --exe=FILE");
		return NULL;
	}
	struct hc_error *err = exe_load(o, &c.exe);
	if (err)
		return err;
	c.images = arena_alloc(&p->arena, (c.exe->nsegments + 1) * sizeof(*c.images));
	bool ok = c.images && relocate(&p->arena, c.exe, 0, c.images);
	bool fits = ok && candidate_fits(p, &c);
	if (!ok)
		err = err_nomem();
	else if (!fits && !(o->opts->force && (c.placed || !c.exe->pie)))
		err = err_new(HC_E_EXE, "%s: is not the executable of %s: %s; give the one that made the dump with --exe%s",
		              c.exe->path, p->blob->path, c.why, c.exe->pie ? "" : ", or --force to use this one all the same");
	else if (!fits)
		diag_add(p->diag, HC_SEV_WARNING, "%s: used because of --force, but is not the executable of %s: %s", c.exe->path,
		         p->blob->path, c.why);
	else if (!c.placed)
		diag_add(p->diag, HC_SEV_WARNING, "%s: not used: the dump was cut before the variables, which say where the "
		         "executable was loaded", c.exe->path);
	if (!err && (!fits || c.placed))
		err = take(o, &c);
	exe_close(c.exe);
	return err;
}
