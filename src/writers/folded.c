/* SPDX-License-Identifier: MIT */
/* Folded stacks, "root;owner;type bytes": what flame graph tools read. No lines: a function is one frame. */
#include <stdlib.h>

#include "writers/gather.h"

enum { DEFAULT_STACKS = 50000, MAX_FRAMES = 4096 + 8 };

/* Names as the format can hold them, by function; made when first needed. */
struct folded {
	struct gathered g;
	uint32_t *name; /* by function: index in names + 1 */
	struct strtab names;
	bool failed;
};

static const char *folded_name(struct folded *f, uint32_t function)
{
	const struct frames *fr = &f->g.st.frames;
	if (!f->name[function]) {
		struct name n = {0};
		uint32_t id = 0;
		f->failed |= !name_clean(&n, strtab_text(&fr->strings, fr->functions.data[function].name));
		if (!f->failed) {
			name_replace(&n, ";", ',');
			f->failed |= !strtab_add(&f->names, n.text, n.len, &id);
		}
		name_free(&n);
		if (f->failed)
			return "?";
		f->name[function] = id + 1;
	}
	return strtab_text(&f->names, f->name[function] - 1);
}

static void put_stack(struct folded *f, struct hc_sink *k, uint32_t node)
{
	const struct stacks *st = &f->g.st;
	uint32_t path[MAX_FRAMES];
	size_t n = 0;
	uint64_t weight = stack_weight(st, node);
	for (; node && n < MAX_FRAMES; node = st->nodes.data[node].parent)
		path[n++] = place_function(&st->frames, st->nodes.data[node].place);
	while (n > 0) {
		sink_puts(k, folded_name(f, path[--n]));
		sink_put(k, n ? ";" : " ", 1);
	}
	sink_printf(k, "%llu\n", (unsigned long long)weight);
}

static struct hc_error *write_folded(const struct job *job, gather_fn *gather)
{
	struct folded f = {0};
	struct stacks_pruned cut;
	uint32_t *order = NULL;
	size_t n = 0;
	struct hc_error *err = gather(job, false, &f.g);
	if (err)
		return err;
	err = stacks_prune(&f.g.st, job->opts.max_samples ? job->opts.max_samples : DEFAULT_STACKS, &cut);
	if (!err)
		err = stacks_order(&f.g.st, &order, &n);
	f.name = calloc(f.g.st.frames.functions.len, sizeof(*f.name));
	if (!err && !f.name)
		err = err_nomem();
	for (size_t i = 0; !err && i < n && !f.failed && !sink_failed(job->sink); i++)
		if (stack_weight(&f.g.st, order[i]))
			put_stack(&f, job->sink, order[i]);
	if (!err && f.failed)
		err = err_nomem();
	free(order);
	free(f.name);
	strtab_free(&f.names);
	gathered_free(&f.g);
	return err;
}

static struct hc_error *folded_retained(const struct job *job)
{
	return write_folded(job, gather_retained);
}

static struct hc_error *folded_paths(const struct job *job)
{
	return write_folded(job, gather_paths);
}

static struct hc_error *folded_goroutines(const struct job *job)
{
	return write_folded(job, gather_goroutines);
}

static struct hc_error *folded_allocs(const struct job *job)
{
	return write_folded(job, gather_allocs);
}

static const struct view views[] = {
	{"retained", folded_retained},
	{"paths", folded_paths},
	{"goroutines", folded_goroutines},
	{"allocs", folded_allocs},
	{NULL, NULL},
};

const struct format format_folded = {
	{"folded", ".folded", "retained paths goroutines allocs", "folded stacks for flame graph tools"},
	views,
};
