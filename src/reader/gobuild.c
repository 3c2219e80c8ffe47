/* SPDX-License-Identifier: MIT */
/* Is it a Go process, and which Go built it? */
#include <elf.h>
#include <string.h>

#include "reader/priv.h"

static bool read_proc(const void *ctx, uint64_t addr, void *buf, size_t n)
{
	return proc_read(ctx, addr, buf, n);
}

static bool read_exe(const void *ctx, uint64_t vaddr, void *buf, size_t n)
{
	uint64_t avail;
	const uint8_t *d = exe_view(ctx, vaddr, &avail);
	if (!d || avail < n)
		return false;
	memcpy(buf, d, n);
	return true;
}

/* The block that the section of an executable names: as the process had it, else as the file has it. */
static bool from_exe(struct proc *p, const struct module_file *m)
{
	const struct exe_section *s = exe_section(m->exe, ".go.buildinfo");
	return s && (buildinfo_decode(&p->arena, read_proc, p, s->addr + m->bias, p->be, &p->build) ||
	             buildinfo_decode(&p->arena, read_exe, m->exe, s->addr, p->be, &p->build));
}

/* Without the file: the block is in the first writable segment of the program, which the core has. */
static bool from_memory(struct proc *p)
{
	enum { SCAN_MAX = 64 << 20, HEAD = 16 };
	for (size_t i = 0; i < p->nsegs; i++) {
		const struct segment *s = &p->segs[i];
		if (!s->data || !(s->flags & PF_W) || s->size > SCAN_MAX)
			continue;
		uint64_t skew = -s->addr & (BUILDINFO_ALIGN - 1);
		for (uint64_t at = skew; at + HEAD <= s->size; at += BUILDINFO_ALIGN)
			if (s->data[at] == 0xff && buildinfo_magic(s->data + at) &&
			    buildinfo_decode(&p->arena, read_proc, p, s->addr + at, p->be, &p->build))
				return true;
	}
	return false;
}

static bool from_symbol(struct proc *p, const struct module_file *m)
{
	enum { VERSION_MAX = 256 };
	const struct exe_symbol *s = exe_symbol(m->exe, "runtime.buildVersion");
	char *text = s ? proc_gostring(p, &p->arena, s->value + m->bias, VERSION_MAX) : NULL;
	return text && *text && buildinfo_parse_version(&p->arena, text, strlen(text), &p->build);
}

static struct hc_error *not_go(const struct proc *p)
{
	const char *path = *p->exe_path ? p->exe_path : *p->fname ? p->fname : "an unknown program";
	const char *slash = strrchr(path, '/');
	if (!strncmp(slash ? slash + 1 : path, "qemu-", 5))
		return err_new(HC_E_NOT_GO, "%s: core of the emulator %s; give the file qemu_*.core that it wrote for the program "
		               "inside", p->blob->path, path);
	return err_new(HC_E_NOT_GO, "%s: core of %s, which is not a Go program: no build information, no Go build id; give the "
	               "core of the Go process (a shell or init may have started it)", p->blob->path, path);
}

struct hc_error *gobuild_find(struct proc *p)
{
	bool go = *p->go_build_id;
	for (size_t i = 0; i < p->nmodules; i++) {
		if (from_exe(p, &p->modules[i]) || from_symbol(p, &p->modules[i]))
			return NULL;
		go |= *p->modules[i].exe->go_build_id || exe_section(p->modules[i].exe, ".gopclntab");
	}
	if (from_memory(p))
		return NULL;
	if (!go)
		return not_go(p);
	diag_add(p->diag, HC_SEV_WARNING, "%s: the version of Go is not in the snapshot%s", p->blob->path,
	         p->nmodules ? "" : " and the executable was not found");
	return NULL;
}
