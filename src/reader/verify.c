/* SPDX-License-Identifier: MIT */
/* Is this file the one that the process was made of, and where was it loaded? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reader/priv.h"

/*
 * A packer's stub put the program's image into memory: the auxiliary vector tells of the stub, but where the file's
 * first page is to be, there it is.
 */
static bool unpacked_head(const struct proc *p, struct arena *a, const struct exe *exe, struct head *h)
{
	if (exe->pie || !exe->nsegments || exe->segments[0].offset)
		return false;
	return head_read(p, a, proc_read_fn, p, exe->segments[0].vaddr, h) && (*h->go_id || *h->gnu_id);
}

static void compare_ids(struct comparison *c, const char *kind, const char *file, const char *core)
{
	bool same = !strcmp(file, core);
	if (same)
		snprintf(c->text, sizeof(c->text), "same %s build id %s", kind, core);
	else
		snprintf(c->text, sizeof(c->text), "it has %s build id %s, the core has %s", kind, file, core);
	c->verdict = same ? VERDICT_SAME : VERDICT_DIFFERENT;
}

/* Nothing of the file's first page is in the core: what the kernel told the process, and the version of Go. */
static void compare_weakly(const struct opening *o, const struct exe *exe, const struct head *file,
                           struct comparison *c)
{
	enum { PAGE_MASK = 4095 };
	struct proc *p = o->p;
	struct buildinfo ours, theirs;
	uint64_t diff = p->entry ^ exe->entry;
	c->verdict = VERDICT_DIFFERENT;
	if (p->entry && (exe->pie ? diff & PAGE_MASK : diff)) {
		snprintf(c->text, sizeof(c->text), "its entry point is 0x%" PRIx64 ", the process started at 0x%" PRIx64,
		         exe->entry, p->entry);
	} else if (o->notes.phnum && o->notes.phnum != file->nphdrs) {
		snprintf(c->text, sizeof(c->text), "it has %u program headers, the process had %" PRIu64, file->nphdrs,
		         o->notes.phnum);
	} else if (gobuild_from_memory(p, &theirs) && gobuild_from_exe(p, exe, &ours) &&
	           (strcmp(ours.version, theirs.version) != 0 || strcmp(ours.module, theirs.module) != 0 ||
	            strcmp(ours.main_path, theirs.main_path) != 0)) {
		snprintf(c->text, sizeof(c->text), "it is %s %s built by %s, the core has %s %s built by %s", ours.main_path,
		         ours.module, ours.version, theirs.main_path, theirs.module, theirs.version);
	} else {
		snprintf(c->text, sizeof(c->text), "the core holds no build id to compare with");
		c->verdict = VERDICT_UNKNOWN;
	}
}

void verify_exe(const struct opening *o, const struct head *core, const struct exe *exe, struct comparison *c)
{
	const struct proc *p = o->p;
	struct arena scratch = {0};
	struct head file, placed;
	if (exe->machine != p->machine || exe->word != p->word || exe->be != p->be) {
		snprintf(c->text, sizeof(c->text), "it is for %s, the core is for %s", arch_name(exe->arch, exe->be),
		         arch_name(p->arch, p->be));
		c->verdict = VERDICT_DIFFERENT;
	} else if (*exe->gnu_build_id && *p->gnu_build_id) {
		compare_ids(c, "GNU", exe->gnu_build_id, p->gnu_build_id);
	} else if (*exe->go_build_id && *p->go_build_id) {
		compare_ids(c, "Go", exe->go_build_id, p->go_build_id);
	} else if (!head_read(p, &scratch, blob_read_fn, exe->blob, 0, &file)) {
		snprintf(c->text, sizeof(c->text), "its program headers cannot be read");
		c->verdict = VERDICT_DIFFERENT;
	} else if (!core->found && unpacked_head(p, &scratch, exe, &placed) && (*exe->gnu_build_id || *exe->go_build_id)) {
		bool gnu = *exe->gnu_build_id && *placed.gnu_id;
		compare_ids(c, gnu ? "GNU" : "Go", gnu ? exe->gnu_build_id : exe->go_build_id, gnu ? placed.gnu_id : placed.go_id);
	} else if (!core->found) {
		compare_weakly(o, exe, &file, c);
	} else {
		/* Stripping changes the place of the section headers, which is in the first page, and nothing else there. */
		bool same = core->entry == file.entry && core->phdrs_size == file.phdrs_size &&
			!memcmp(core->phdrs, file.phdrs, file.phdrs_size);
		snprintf(c->text, sizeof(c->text), "its program headers are %sthose in the core", same ? "" : "not ");
		c->verdict = same ? VERDICT_SAME : VERDICT_DIFFERENT;
	}
	arena_free(&scratch);
}

uint64_t verify_bias(struct opening *o, const struct head *core, const struct exe *exe)
{
	struct proc *p = o->p;
	struct head file;
	struct arena scratch = {0};
	bool have = head_read(p, &scratch, blob_read_fn, exe->blob, 0, &file);
	uint64_t by_phdr = have && p->phdr ? p->phdr - file.phoff - file.slide : 0;
	uint64_t by_entry = p->entry ? p->entry - exe->entry : by_phdr;
	if (!exe->pie) {
		struct head placed;
		if (by_entry && unpacked_head(p, &scratch, exe, &placed))
			diag_say(p->diag, HC_SEV_INFO, "%s was started by a packer's stub (upx)", p->blob->path);
		else if (by_entry)
			diag_add(p->diag, HC_SEV_WARNING, "%s: the process started at 0x%" PRIx64 ", not at 0x%" PRIx64
			         " as %s says (was it packed with upx?)", p->blob->path, p->entry, exe->entry, exe->path);
		arena_free(&scratch);
		return 0;
	}
	arena_free(&scratch);
	if (!p->entry && !p->phdr)
		return have && core->found ? core->addr - file.slide : 0;
	if (have && p->phdr && by_entry != by_phdr)
		diag_add(p->diag, HC_SEV_WARNING, "%s: %s: load address by AT_ENTRY 0x%" PRIx64 ", by AT_PHDR 0x%" PRIx64
		         "; using the first", p->blob->path, exe->path, by_entry, by_phdr);
	return by_entry;
}
