/* SPDX-License-Identifier: MIT */
/* proc_open() for heap dumps: what a core says in headers and notes, from records. */
#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reader/dump.h"
#include "reader/priv.h"

static struct hc_error *take_params(struct proc *p)
{
	struct hd_record r;
	if (!dump_first(p->dump, HD_PARAMS, &r))
		return err_new(HC_E_TRUNCATED, "%s: the heap dump ends after %zu bytes, before its parameters; take it again",
		               p->blob->path, p->blob->size);
	if (r.n[1] != 4 && r.n[1] != 8)
		return err_new(HC_E_FORMAT, "%s: heap dump parameters at offset %" PRIu64 ": pointers of %" PRIu64
		               " bytes, expected 4 or 8", p->blob->path, r.at, r.n[1]);
	p->be = r.n[0] != 0;
	p->word = (uint8_t)r.n[1];
	const struct arch_info *ai = arch_named((const char *)r.text[0], (size_t)r.text_len[0], p->word);
	p->arch = ai ? ai->arch : ARCH_NONE;
	p->machine = ai ? ai->machine : 0;
	struct buildinfo named = p->build;
	bool known = buildinfo_parse_version(&p->arena, (const char *)r.text[1], (size_t)r.text_len[1], &named);
	if (!named.version || !named.experiments)
		return err_nomem();
	if (known) /* until Go 1.16 it is the list of experiments */
		p->build = named;
	return NULL;
}

static struct hc_error *take_threads(struct proc *p)
{
	size_t n = p->dump->records[HD_THREAD].len;
	p->threads = calloc(n + 1, sizeof(*p->threads));
	if (!p->threads)
		return err_nomem();
	for (; p->nthreads < n; p->nthreads++) {
		struct hd_record r;
		dump_record(p->dump, p->dump->records[HD_THREAD].data[p->nthreads], &r);
		p->threads[p->nthreads].tid = r.n[2];
	}
	return NULL;
}

/* Package variables: their records are all that there is of them. */
static bool take_variables(struct opening *o)
{
	static const struct {
		enum hd_tag tag;
		const char *name;
	} kinds[] = {{HD_DATA, "(data)"}, {HD_BSS, "(bss)"}};
	struct proc *p = o->p;
	bool rows = !p->nfiles;
	if (rows)
		p->files = calloc(2, sizeof(*p->files));
	if (!p->files)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		struct hd_record r;
		if (!dump_first(p->dump, kinds[i].tag, &r) || !r.mem_len || r.mem_len > UINT64_MAX - r.n[0])
			continue;
		struct piece pc = {r.n[0], r.n[0] + r.mem_len - 1, r.mem, RANK_CORE, PF_R | PF_W};
		if (!vec_push(&o->pieces, pc))
			return false;
		if (rows && (!p->nfiles || r.n[0] >= p->files[p->nfiles - 1].end))
			p->files[p->nfiles++] = (struct mapped_file){pc.addr, r.n[0] + r.mem_len, 0, kinds[i].name, false};
	}
	return true;
}

struct hc_error *dump_open(struct opening *o)
{
	struct proc *p = o->p;
	p->dump = calloc(1, sizeof(*p->dump));
	if (!p->dump)
		return err_nomem();
	p->producer = "debug.WriteHeapDump";
	struct hc_error *err = dump_index(p, o->opts->force);
	if (!err)
		err = take_params(p);
	if (!err)
		err = take_threads(p);
	if (!err)
		err = dump_exe(o);
	if (!err && !take_variables(o))
		err = err_nomem();
	if (!err)
		err = memory_build(p, o->pieces.data, o->pieces.len);
	/* Until Go 1.16 the parameters name no release, and until 1.12 executables have no build information. */
	if (!err && !*p->build.version && p->nmodules)
		(void)gobuild_from_module(p, &p->modules[0], &p->build);
	return err;
}
