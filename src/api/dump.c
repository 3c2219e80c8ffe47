/* SPDX-License-Identifier: MIT */
/* hc_dump(): one printer per layer, for developers. The only place outside the layers that looks inside them. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/dump.h"

HC_PRINTF(2, 3)
static void say(struct printer *p, const char *fmt, ...)
{
	char line[2048];
	va_list ap;
	if (p->stopped)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	p->stopped = !p->out(p->ctx, line);
}

static void dump_segments(struct printer *p)
{
	static const char *const source[] = {"core", "file", "absent"};
	const struct proc *proc = p->s->proc;
	for (size_t i = 0; i < proc->nsegs && !p->stopped; i++) {
		const struct segment *g = &proc->segs[i];
		say(p, "%016" PRIx64 " %016" PRIx64 " %12" PRIu64 " %c%c%c %-6s %s", g->addr, g->addr + g->size, g->size,
		    g->flags & 4 ? 'r' : '-', g->flags & 2 ? 'w' : '-', g->flags & 1 ? 'x' : '-', source[g->source],
		    g->file ? proc->files[g->file - 1].path : "");
	}
}

static void dump_notes(struct printer *p)
{
	const struct proc *proc = p->s->proc;
	say(p, "producer %s, %s, pid %" PRIu64 ", signal %d, command %s", proc->producer,
	    arch_name(proc->arch, proc->be), proc->pid, proc->signo, proc->psargs ? proc->psargs : "");
	say(p, "auxv: entry %#" PRIx64 ", phdr %#" PRIx64 ", page size %" PRIu64, proc->entry, proc->phdr, proc->pagesz);
	for (size_t i = 0; i < proc->nthreads; i++) {
		const struct thread *t = &proc->threads[i];
		say(p, "thread %" PRIu64 ": pc %#" PRIx64 " sp %#" PRIx64 " fp %#" PRIx64 " tls %#" PRIx64 " g %#" PRIx64
		    " signal %d", t->tid, t->pc, t->sp, t->fp, t->tls, t->greg, t->signo);
	}
	for (size_t i = 0; i < proc->nfiles && !p->stopped; i++) {
		const struct mapped_file *f = &proc->files[i];
		say(p, "file %016" PRIx64 " %016" PRIx64 " +%#" PRIx64 " %s%s", f->start, f->end, f->offset, f->path,
		    f->deleted ? " (deleted)" : "");
	}
}

static void dump_images(struct printer *p)
{
	const struct proc *proc = p->s->proc;
	say(p, "go version %s, main package %s, experiments %s", proc->build.version ? proc->build.version : "?",
	    proc->build.main_path ? proc->build.main_path : "?", proc->build.experiments ? proc->build.experiments : "");
	say(p, "in the snapshot: path %s, go build id %s, gnu build id %s", proc->exe_path ? proc->exe_path : "",
	    proc->go_build_id ? proc->go_build_id : "", proc->gnu_build_id ? proc->gnu_build_id : "");
	for (size_t i = 0; i < proc->nmodules; i++) {
		const struct module_file *m = &proc->modules[i];
		say(p, "%s: bias %#" PRIx64 ", %s, dwarf %s, symbols %zu, go build id %s, gnu build id %s", m->exe->path, m->bias,
		    m->exe->pie ? "pie" : "fixed", m->exe->has_dwarf ? "yes" : "no", m->exe->nsymbols, m->exe->go_build_id,
		    m->exe->gnu_build_id);
	}
}

static void dump_types(struct printer *p)
{
	const struct types *t = p->s->types;
	for (uint32_t i = 0; i < t->n && !p->stopped; i++) {
		const struct type *ty = &t->t[i];
		say(p, "%u %s kind %u size %" PRIu64 " pointers %" PRIu64 " rtype %#" PRIx64 " elem %d key %d storage %d flags %#x pkg %s", i,
		    ty->name, ty->kind, ty->size, ty->ptr_words, ty->rtype, (int)ty->elem, (int)ty->key, (int)ty->storage, ty->flags,
		    ty->pkg ? ty->pkg : "");
		for (uint32_t f = 0; f < ty->nfields && !p->stopped; f++)
			say(p, "    %" PRIu64 " %s %s", ty->fields[f].offset, ty->fields[f].name,
			    ty->fields[f].type < t->n ? t->t[ty->fields[f].type].name : "?");
	}
	for (size_t i = 0; i < t->nglobals && !p->stopped; i++)
		say(p, "global %#" PRIx64 " %" PRIu64 " %s %s", t->globals[i].addr, t->globals[i].size, t->globals[i].name,
		    t->globals[i].type < t->n ? t->t[t->globals[i].type].name : "?");
}

static void dump_spans(struct printer *p)
{
	const struct heap *h = p->s->heap;
	static const char *const mask[] = {"none", "2bit", "1bit", "span", "header", "large", "dump"};
	for (uint32_t i = 0; i < h->nspans && !p->stopped; i++) {
		const struct span *s = &h->spans[i];
		const struct span_info *in = &h->info[i];
		uint32_t n = 0;
		for (uint32_t id = s->first; id < s->first + s->nelems; id++)
			n += bit_get(h->alloc, id);
		say(p, "%016" PRIx64 " pages %" PRIu64 " class %u %s slot %" PRIu64 " slots %u allocated %u first id %u mask %s%s%s",
		    s->base, in->npages, in->spanclass >> 1, in->spanclass & 1 ? "noscan" : "scan", span_slot_size(h, i), s->nelems, n,
		    s->first, mask[in->maskkind], s->flags & SPAN_HOLES ? " holes" : "", in->specials ? " specials" : "");
	}
}

static void dump_objects(struct printer *p)
{
	const struct hc_snapshot *s = p->s;
	static const char *const origin[] = {"unknown", "exact", "propagated", "inferred"};
	for (hc_node n = hc_object_next(s, 0, false); n != HC_NODE_NONE && !p->stopped; n = hc_object_next(s, n + 1, false)) {
		struct hc_object o;
		char name[1024];
		hc_object_get(s, n, &o);
		hc_object_type_name(s, &o, name, sizeof(name));
		uint64_t slot = span_slot_addr(&s->heap->spans[heap_span_of(s->heap, n)], n);
		say(p, "%#" PRIx64 " %" PRIu64 " %s%s at %#" PRIx64 " used %" PRIu64 " count %" PRIu64 " retained %" PRIu64 " %s %s", slot, o.slot_size,
		    o.flags & HC_OBJ_LIVE ? "live" : "garbage", o.flags & HC_OBJ_NOSCAN ? " noscan" : "", o.addr, o.used, o.count,
		    s->graph->vtx ? hc_retained(s, n) : 0, origin[o.origin], name);
	}
}

static void dump_roots(struct printer *p)
{
	static const char *const kind[] = {"all", "group", "package", "global", "goroutine", "frame", "local", "registers", "defer",
	                                   "panic", "finalizer", "finqueue", "cleanup", "weakhandle", "other"};
	const struct heap *h = p->s->heap;
	for (uint32_t i = 0; i < h->nroots && !p->stopped; i++) {
		const struct root *r = &h->roots[i];
		say(p, "%u %s parent %u %s at %#" PRIx64 " size %" PRIu64 " type %s%s%s%s", i, kind[r->kind], r->parent, r->name, r->addr,
		    r->size, r->type < p->s->types->n ? p->s->types->t[r->type].name : "?",
		    r->flags & ROOT_F_CONSERVATIVE ? " conservative" : "", r->flags & ROOT_F_STATIC ? " static" : "",
		    r->flags & ROOT_F_IF_DEAD ? " if-dead" : "");
		for (uint64_t e = r->first_edge; e < r->first_edge + r->nedges && !p->stopped; e++)
			say(p, "    +%u -> %#" PRIx64, h->root_edges[e].offset, h->root_edges[e].value);
	}
}

static void dump_goroutines(struct printer *p)
{
	const struct hc_snapshot *s = p->s;
	for (uint32_t i = 0; i < hc_goroutine_count(s) && !p->stopped; i++) {
		struct hc_goroutine g = hc_goroutine_at(s, i);
		say(p, "goroutine %" PRIu64 " [%s%s%s]%s%s g %#" PRIx64 " created by goroutine %" PRIu64 " stack %" PRIu64, g.id, g.state,
		    *g.wait_reason ? ", " : "", g.wait_reason, g.system ? " system" : "", g.truncated ? " truncated" : "", g.addr,
		    g.parent_id, g.stack_bytes);
		for (uint32_t f = g.first_frame; f < g.first_frame + g.frame_count && !p->stopped; f++) {
			struct hc_line lines[16];
			struct hc_frame fr = hc_frame_at(s, f);
			size_t n = hc_frame_lines(s, f, lines, 16);
			for (size_t k = 0; k < n; k++)
				say(p, "    %s %s:%d%s", lines[k].function, lines[k].file, lines[k].line, lines[k].inlined ? " (inlined)" : "");
			if (!n)
				say(p, "    %s pc %#" PRIx64, *fr.function ? fr.function : "?", fr.pc);
			const struct frame *in = &s->heap->frames[f];
			say(p, "        sp %#" PRIx64 " cfa %#" PRIx64 " pc %#" PRIx64 "%s%s", in->sp, frame_cfa(in), in->pc,
			    in->conservative ? " conservative" : "", in->dead ? " dead" : "");
		}
	}
}

static void dump_stats(struct printer *p)
{
	const struct hc_snapshot *s = p->s;
	const struct hc_info *i = hc_snapshot_info(s);
	say(p, "objects %" PRIu64 " bytes %" PRIu64 " live %" PRIu64 " bytes %" PRIu64, i->objects, i->object_bytes, i->live_objects,
	    i->live_bytes);
	say(p, "spans %u slots %u roots %u root references %" PRIu64 " references %" PRIu64 " inner nodes %u", s->heap->nspans,
	    s->heap->nslots, s->heap->nroots, s->heap->nroot_edges, s->graph->nedges, s->graph->ninner);
	uint32_t sampled = 0;
	for (uint32_t k = 0; k < s->heap->nspecials; k++)
		sampled += s->heap->specials[k].kind == SPECIAL_PROFILE;
	say(p, "allocation sites %u sampled objects %u", s->heap->nsites, sampled);
	say(p, "types %u classes %u conflicts %" PRIu64 " rejected %" PRIu64, s->types->n, s->nclasses, s->graph->type_conflicts,
	    s->graph->type_rejected);
	say(p, "recorded types: propagation agrees %" PRIu64 " differs %" PRIu64 " silent %" PRIu64,
	    s->graph->typing.hidden_agree, s->graph->typing.hidden_differ, s->graph->typing.hidden_silent);
	say(p, "condemned %" PRIu64 " gcphase %u missing bytes %" PRIu64 " lost bytes %" PRIu64 " stale bytes %" PRIu64,
	    s->heap->totals.condemned_objects, s->heap->gcphase, s->heap->totals.missing_bytes, s->proc->lost_bytes,
	    s->proc->stale_bytes);
	for (size_t k = 0; k < hc_ledger_count(s); k++) {
		struct hc_ledger_row r = hc_ledger_at(s, k);
		say(p, "ledger %s %" PRIu64 " %" PRIu64, r.name, r.bytes, r.objects);
	}
	for (size_t k = 0; k < hc_check_count(s); k++) {
		struct hc_check c = hc_check_at(s, k);
		say(p, "check %s ours %" PRIu64 " runtime %" PRIu64 " difference %" PRId64, c.name, c.ours, c.runtime,
		    (int64_t)(c.ours - c.runtime));
	}
}

struct hc_error *hc_dump(const struct hc_snapshot *s, const char *layer, hc_line_fn *out, void *ctx)
{
	static const struct {
		const char *name;
		void (*print)(struct printer *);
		enum hc_stage stage;
	} layers[] = {
		{"segments", dump_segments, HC_STAGE_PROCESS}, {"notes", dump_notes, HC_STAGE_PROCESS},
		{"images", dump_images, HC_STAGE_PROCESS},     {"types", dump_types, HC_STAGE_HEAP},
		{"spans", dump_spans, HC_STAGE_HEAP},          {"objects", dump_objects, HC_STAGE_TYPES},
		{"roots", dump_roots, HC_STAGE_HEAP},          {"goroutines", dump_goroutines, HC_STAGE_HEAP},
		{"stats", dump_stats, HC_STAGE_TYPES},         {"records", dump_records, HC_STAGE_PROCESS},
	};
	struct printer p = {s, out, ctx, false};
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		if (strcmp(layers[i].name, layer) != 0)
			continue;
		if ((layers[i].stage >= HC_STAGE_HEAP && !s->heap) || (layers[i].stage >= HC_STAGE_TYPES && !s->graph))
			return err_new(HC_E_ARG, "layer '%s' needs the snapshot opened further", layer);
		if (layers[i].print == dump_records && !s->proc->dump)
			return err_new(HC_E_ARG, "%s: has no records: it is not a heap dump", s->proc->blob->path);
		layers[i].print(&p);
		return NULL;
	}
	return err_new(HC_E_ARG, "unknown layer '%s' for --dump; there are: segments notes images types spans objects roots "
	               "goroutines records stats", layer);
}
