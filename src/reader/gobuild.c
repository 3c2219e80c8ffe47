/* SPDX-License-Identifier: MIT */
/* Is it a Go process, and which Go built it? */
#include <elf.h>
#include <string.h>

#include "reader/priv.h"

static bool exe_read_fn(const void *ctx, uint64_t vaddr, void *buf, size_t n)
{
	uint64_t avail;
	const uint8_t *d = exe_view(ctx, vaddr, &avail);
	if (!d || avail < n)
		return false;
	memcpy(buf, d, n);
	return true;
}

bool gobuild_from_exe(struct proc *p, const struct exe *exe, struct buildinfo *ret)
{
	const struct exe_section *s = exe_section(exe, ".go.buildinfo");
	return s && buildinfo_decode(&p->arena, exe_read_fn, exe, s->addr, p->be, ret);
}

static bool from_segment(struct proc *p, const struct segment *s, struct buildinfo *ret)
{
	enum { HEAD = 16 };
	uint64_t skew = -s->addr & (BUILDINFO_ALIGN - 1);
	for (uint64_t at = skew; at < s->size && s->size - at >= HEAD; at += BUILDINFO_ALIGN)
		if (s->data[at] == 0xff && buildinfo_magic(s->data + at) &&
		    buildinfo_decode(&p->arena, proc_read_fn, p, s->addr + at, p->be, ret))
			return true;
	return false;
}

/*
 * The block is in the program's first writable segment, which every core has. Mapped files come first: the heap may hold
 * copies (of programs that look at programs).
 */
bool gobuild_from_memory(struct proc *p, struct buildinfo *ret)
{
	enum { SEGMENT_MAX = 64 << 20, TOTAL_MAX = 1 << 30 };
	for (int files = 1; files >= 0; files--) {
		uint64_t total = 0;
		for (size_t i = 0; i < p->nsegs && total < TOTAL_MAX; i++) {
			const struct segment *s = &p->segs[i];
			if (!s->data || !(s->flags & PF_W) || s->size > SEGMENT_MAX || (s->file != 0) != files)
				continue;
			total += s->size;
			if (from_segment(p, s, ret))
				return true;
		}
	}
	return false;
}

static bool from_symbol(struct proc *p, const struct module_file *m, struct buildinfo *ret)
{
	enum { VERSION_MAX = 256 };
	const struct exe_symbol *s = exe_symbol(m->exe, "runtime.buildVersion");
	char *text = s ? proc_gostring(p, &p->arena, s->value + m->bias, VERSION_MAX) : NULL;
	return text && *text && buildinfo_parse_version(&p->arena, text, strlen(text), ret);
}

/* The block that the section of a file names: as the process had it, else as the file has it. */
bool gobuild_from_module(struct proc *p, const struct module_file *m, struct buildinfo *ret)
{
	const struct exe_section *s = exe_section(m->exe, ".go.buildinfo");
	return (s && buildinfo_decode(&p->arena, proc_read_fn, p, s->addr + m->bias, p->be, ret)) ||
		gobuild_from_exe(p, m->exe, ret) || from_symbol(p, m, ret);
}

static bool emulator(const struct proc *p)
{
	const char *slash = strrchr(p->exe_path, '/');
	return !*p->go_build_id && !strncmp(slash ? slash + 1 : p->exe_path, "qemu-", 5);
}

/* The stub of UPX has its mark near the start of the file. */
static bool packed(const struct exe *exe)
{
	enum { HEAD = 1024 };
	size_t n = exe->blob->size < HEAD ? exe->blob->size : HEAD;
	for (size_t i = 0; i + 4 <= n; i += 4)
		if (!memcmp(exe->blob->data + i, "UPX!", 4))
			return true;
	return false;
}

static struct hc_error *not_go(const struct proc *p)
{
	const char *path = *p->exe_path ? p->exe_path : "an unknown program";
	if (p->nmodules && packed(p->modules[0].exe))
		return err_new(HC_E_EXE, "%s: the executable %s is packed with UPX; unpack a copy of it with `upx -d` and give that "
		               "with --exe", p->blob->path, p->modules[0].exe->path);
	if (emulator(p))
		return err_new(HC_E_NOT_GO, "%s: core of the emulator %s; give the file qemu_*.core that it wrote for the program "
		               "inside", p->blob->path, path);
	return err_new(HC_E_NOT_GO, "%s: core of %s, which is not a Go program (no build information, no Go build id); give "
	               "the core of the Go process", p->blob->path, path);
}

struct hc_error *gobuild_find(struct proc *p)
{
	bool go = *p->go_build_id;
	/* An emulator maps the program's file, too, but its threads' registers are not the program's. */
	if (emulator(p))
		return not_go(p);
	for (size_t i = 0; i < p->nmodules; i++) {
		if (gobuild_from_module(p, &p->modules[i], &p->build))
			return NULL;
		go |= *p->modules[i].exe->go_build_id || exe_section(p->modules[i].exe, ".gopclntab");
	}
	/* Memory of a program that is known not to be Go proves nothing: it may emulate, debug or hold one. */
	if ((go || !p->nmodules) && gobuild_from_memory(p, &p->build))
		return NULL;
	if (!go)
		return not_go(p);
	if (p->nmodules) /* else that is what was said already */
		diag_add(p->diag, HC_SEV_WARNING, "%s: the version of Go is neither in the snapshot nor in %s", p->blob->path,
		         p->modules[0].exe->path);
	return NULL;
}
