/* SPDX-License-Identifier: MIT */
/* hc_open(): the pipeline as a table of contents. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "api/api.h"
#include "base/pool.h"

struct opening {
	struct hc_snapshot *s;
	const struct hc_open_opts *opts;
	unsigned threads;
	struct timespec last, last_cpu;
};

static void progress(const struct opening *o, const char *what, double fraction)
{
	if (o->opts->progress)
		o->opts->progress(o->opts->progress_ctx, what, fraction);
}

static double between(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) + (double)(to->tv_nsec - from->tv_nsec) / 1e9;
}

/* For -vv and the benchmark: what each stage cost. Peak memory counts the touched part of the mapped snapshot too. */
static void stage_done(struct opening *o, const char *stage)
{
	struct timespec now, cpu;
	struct rusage use;
	clock_gettime(CLOCK_MONOTONIC, &now);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	getrusage(RUSAGE_SELF, &use);
	diag_say(&o->s->diag, HC_SEV_DEBUG, "stage %s: %.3f s, %.3f s of processors, peak %ld MiB", stage, between(&o->last, &now),
	         between(&o->last_cpu, &cpu), use.ru_maxrss / 1024);
	o->last = now;
	o->last_cpu = cpu;
}

static size_t list_len(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

static struct hc_error *open_process(struct opening *o)
{
	const struct hc_open_opts *in = o->opts;
	const struct proc_opts opts = {
		.path = in->path,
		.exe = in->exe,
		.debug_file = in->debug_file,
		.sysroots = in->sysroots,
		.nsysroots = list_len(in->sysroots),
		.search = in->search,
		.nsearch = list_len(in->search),
		.force = in->force,
	};
	progress(o, "reading the snapshot", 0);
	struct hc_error *err = proc_open(&opts, &o->s->diag, &o->s->proc);
	stage_done(o, "files");
	return err;
}

static struct hc_error *open_heap(struct opening *o)
{
	struct hc_snapshot *s = o->s;
	progress(o, "reading types", 0.05);
	struct hc_error *err = types_open(s->proc, &s->diag, &s->types);
	if (!err)
		err = program_open(s->proc, &s->types->layout, s->types, &s->diag, &s->prog);
	if (err)
		return err;
	s->types->prog = s->prog;
	if (s->prog->nmodules && !types_set_rtype_base(s->types, s->prog->modules[0].types))
		return err_nomem();
	stage_done(o, "types");
	progress(o, "reading the heap", 0.1);
	err = heap_open(s->proc, s->types, s->prog, o->threads, &s->diag, &s->heap);
	stage_done(o, "heap");
	return err;
}

/* Dominators need references only, typing needs the type table only: they run side by side. */
struct side {
	struct graph *g;
	struct hc_error *err;
};

static void *side_dominators(void *arg)
{
	struct side *side = arg;
	side->err = graph_dominators(side->g);
	return NULL;
}

static struct hc_error *type_and_dominate(struct opening *o)
{
	struct hc_snapshot *s = o->s;
	struct side side = {s->graph, NULL};
	pthread_t thread;
	bool dominators = s->stage == HC_STAGE_ALL || s->stage >= HC_STAGE_GRAPH;
	bool beside = dominators && o->threads > 1 && pthread_create(&thread, NULL, side_dominators, &side) == 0;
	struct hc_error *err = graph_type(s->graph, s->types, &s->diag);
	if (!err && s->planted.len)
		err = graph_name_planted(s->graph, s->types, s->planted.data, s->planted.len);
	if (beside)
		pthread_join(thread, NULL);
	else if (dominators && !err)
		side_dominators(&side);
	if (err) {
		hc_error_free(side.err);
		return err;
	}
	return side.err;
}

static struct hc_error *open_graph(struct opening *o)
{
	struct hc_snapshot *s = o->s;
	progress(o, "following references", 0.3);
	struct hc_error *err = graph_open(s->heap, o->threads, &s->graph);
	if (!err)
		err = graph_edges(s->graph);
	stage_done(o, "references");
	if (!err)
		err = graph_mark(s->graph);
	stage_done(o, "liveness");
	progress(o, "finding types and dominators", 0.5);
	if (!err)
		err = type_and_dominate(o);
	stage_done(o, "typing and dominators");
	if (!err)
		err = api_classes(s);
	stage_done(o, "classes");
	return err;
}

static const char *text(const char *s)
{
	return s ? s : "";
}

static void describe(struct hc_snapshot *s)
{
	struct hc_info *i = &s->info;
	const struct proc *p = s->proc;
	const struct exe *exe = p->nmodules ? p->modules[0].exe : NULL;
	i->go_version = text(p->build.version);
	i->goarch = arch_name(p->arch, p->be);
	i->producer = text(p->producer);
	i->exe_path = text(p->exe_path);
	i->exe_used = exe ? text(exe->path) : "";
	i->go_build_id = exe && exe->go_build_id && *exe->go_build_id ? exe->go_build_id : text(p->go_build_id);
	i->gnu_build_id = exe && exe->gnu_build_id && *exe->gnu_build_id ? exe->gnu_build_id : text(p->gnu_build_id);
	i->command = text(p->psargs);
	i->main_module = text(p->build.main_path);
	i->pid = p->pid;
	i->signal = p->signo;
	i->pointer_size = p->word;
	i->big_endian = p->be;
	bool in_c = exe && !*exe->go_build_id && s->types && s->types->plugins.len; /* the Go part is a library with DWARF */
	i->level = !exe ? HC_LEVEL_NO_EXE
	         : in_c || (s->types && s->types->dwarf) ? HC_LEVEL_DWARF
	         : exe->has_symtab ? HC_LEVEL_SYMTAB : HC_LEVEL_STRIPPED;
	i->threads = p->nthreads;
	i->file_size = p->blob->size;
	i->missing_bytes = p->lost_bytes;
	if (s->heap) {
		i->goroutines = s->heap->ngoroutines;
		i->gc_running = s->heap->gcphase != 0;
		if (s->heap->totals.missing_bytes > i->missing_bytes)
			i->missing_bytes = s->heap->totals.missing_bytes;
	}
	if (s->graph)
		i->type_conflicts = s->graph->type_conflicts;
}

struct hc_error *hc_open(const struct hc_open_opts *opts, struct hc_snapshot **ret)
{
	struct hc_open_opts full;
	if (!opts || opts->size < offsetof(struct hc_open_opts, exe) || !opts->path)
		return err_new(HC_E_ARG, "hc_open: opts.size and opts.path must be set");
	memset(&full, 0, sizeof(full));
	memcpy(&full, opts, opts->size < sizeof(full) ? opts->size : sizeof(full));
	struct hc_snapshot *s = calloc(1, sizeof(*s));
	if (!s)
		return err_nomem();
	s->stage = full.stage;
	diag_init(&s->diag, full.log, full.log_ctx);
	struct opening o = {.s = s, .opts = &full, .threads = full.threads ? full.threads : pool_threads()};
	clock_gettime(CLOCK_MONOTONIC, &o.last);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &o.last_cpu);
	enum hc_stage stage = full.stage == HC_STAGE_ALL ? HC_STAGE_GRAPH : full.stage;
	struct hc_error *err = full.oids ? api_oids(s, full.oids) : NULL;
	if (!err)
		err = open_process(&o);
	if (!err && stage >= HC_STAGE_HEAP)
		err = open_heap(&o);
	if (!err && stage >= HC_STAGE_TYPES)
		err = open_graph(&o);
	if (!err && s->heap)
		err = api_ledger(s);
	diag_flush(&s->diag);
	if (err) {
		hc_close(s);
		return err;
	}
	describe(s);
	s->info.warnings = s->diag.warnings;
	progress(&o, "done", 1);
	*ret = s;
	return NULL;
}

void hc_close(struct hc_snapshot *s)
{
	if (!s)
		return;
	graph_close(s->graph);
	heap_close(s->heap);
	program_close(s->prog);
	types_close(s->types);
	proc_close(s->proc);
	vec_free(&s->planted);
	vec_free(&s->ledger);
	vec_free(&s->checks);
	free(s->classes);
	free(s->class_of);
	arena_free(&s->arena);
	diag_deinit(&s->diag);
	free(s);
}

const struct hc_info *hc_snapshot_info(const struct hc_snapshot *s)
{
	return &s->info;
}

bool hc_read_memory(const struct hc_snapshot *s, uint64_t addr, void *buf, size_t n)
{
	return proc_read(s->proc, addr, buf, n);
}
