/* SPDX-License-Identifier: MIT */
/*
 * pprof profiles. A protobuf message may come in pieces: the concatenation of messages is their merger, so each sample,
 * location, function and string is packed as a Profile of its own, and the file is never held in memory. Only this file
 * knows protobuf-c.
 *
 * One mapping, which no location refers to: pprof then shows the program's name and build id, tries no symbolization,
 * and `-focus=main` does not match everything just because the program is called that. The period is that of runtime
 * heap profiles, so that the two can be compared with -diff_base.
 */
#include <stdarg.h>
#include <stdio.h>

#include "profile.pb-c.h"
#include "writers/gather.h"

enum { DEFAULT_SAMPLES = 50000, MAX_PATH = 4096 + 8, MAX_COMMENTS = 8, MAX_LABELS = 66 };

typedef Perftools__Profiles__Profile profile;
typedef Perftools__Profiles__ValueType value_type;

struct pprof {
	ProtobufCBuffer buffer; /* first: protobuf-c hands it back */
	const struct job *job;
	struct gathered g;
	uint32_t *location; /* by place: its number in the file, dense from 1 in order of appearance; 0: not used */
	VEC(uint32_t) places;    /* by location */
	uint32_t *function; /* likewise */
	VEC(uint32_t) functions;
	uint64_t max_nodes; /* of stacks, before any were cut */
	int64_t comments[MAX_COMMENTS];
	size_t ncomments;
	bool failed;
};

static void buffer_append(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
	struct pprof *p = (struct pprof *)buffer;
	sink_put(p->job->sink, data, len);
}

static void emit(struct pprof *p, const profile *piece)
{
	protobuf_c_message_pack_to_buffer(&piece->base, &p->buffer);
}

static int64_t string(struct pprof *p, const char *text)
{
	uint32_t id = 0;
	struct name *n = &p->g.st.frames.scratch;
	if (!name_clean(n, text) || !strtab_add(&p->g.st.frames.strings, n->text, n->len, &id))
		p->failed = true;
	return id;
}

/* Shown in the header of every report of pprof, except for those that begin with '#'. */
static void comment(struct pprof *p, const char *fmt, ...) HC_PRINTF(2, 3);
static void comment(struct pprof *p, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (p->ncomments < MAX_COMMENTS)
		p->comments[p->ncomments++] = string(p, text);
}

static void add_comments(struct pprof *p, const struct stacks_pruned *cut)
{
	const struct hc_info *info = hc_snapshot_info(p->job->s);
	const struct stacks *st = &p->g.st;
	const char *unit = st->weight ? "bytes" : "";
	comment(p, "heapconv %s, view %s: %s", HEAPCONV_VERSION, p->job->view, p->g.about);
	if (cut->threshold)
		comment(p, "%llu stacks of %llu %s lighter than %llu %s were cut to (small)",
		        (unsigned long long)cut->stacks, (unsigned long long)cut->weight, unit,
		        (unsigned long long)cut->threshold, unit);
	if (cut->deep_stacks)
		comment(p, "%llu stacks of %llu %s, of more than %u frames or beyond the first %llu, "
		        "were cut to (deep)",
		        (unsigned long long)cut->deep_stacks, (unsigned long long)cut->deep_weight, unit,
		        (unsigned)st->max_depth, (unsigned long long)p->max_nodes);
	if (p->job->opts.types_dir)
		comment(p, "fields: go tool pprof -source_path=%s -list TYPE", p->job->opts.types_dir);
	if (info->warnings)
		comment(p, "inexact: %llu findings about the snapshot, see heapconv's warnings",
		        (unsigned long long)info->warnings);
	comment(p, "# %s of pid %llu, %llu objects of %llu bytes, %llu live of %llu bytes", info->go_version,
	        (unsigned long long)info->pid, (unsigned long long)info->objects,
	        (unsigned long long)info->object_bytes, (unsigned long long)info->live_objects,
	        (unsigned long long)info->live_bytes);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

/* Everything that is not repeated per stack. */
static void emit_header(struct pprof *p)
{
	const struct hc_info *info = hc_snapshot_info(p->job->s);
	profile head = PERFTOOLS__PROFILES__PROFILE__INIT;
	value_type types[STACK_VALUES], period = PERFTOOLS__PROFILES__VALUE_TYPE__INIT, *refs[STACK_VALUES];
	Perftools__Profiles__Mapping mapping = PERFTOOLS__PROFILES__MAPPING__INIT, *mappings[] = {&mapping};
	for (unsigned i = 0; i < p->g.nvalues; i++) {
		perftools__profiles__value_type__init(&types[i]);
		types[i].type = string(p, p->g.values[i][0]);
		types[i].unit = string(p, p->g.values[i][1]);
		refs[i] = &types[i];
	}
	mapping.id = 1;
	mapping.filename = string(p, *info->exe_path ? base_name(info->exe_path) : "(unknown executable)");
	mapping.build_id = string(p, *info->gnu_build_id ? info->gnu_build_id : info->go_build_id);
	mapping.has_functions = mapping.has_filenames = mapping.has_line_numbers = mapping.has_inline_frames = true;
	period.type = string(p, p->g.period[0]);
	period.unit = string(p, p->g.period[1]);
	head.sample_type = refs;
	head.n_sample_type = p->g.nvalues;
	head.mapping = mappings;
	head.n_mapping = 1;
	head.period_type = &period;
	head.period = p->g.period_value && p->g.period_value <= INT64_MAX ? (int64_t)p->g.period_value : 1;
	head.default_sample_type = types[p->g.st.weight ? p->g.nvalues - 1 : 0].type;
	head.comment = p->comments;
	head.n_comment = p->ncomments;
	emit(p, &head);
}

static uint32_t location_of(struct pprof *p, uint32_t place)
{
	if (!p->location[place]) {
		uint32_t function = place_function(&p->g.st.frames, place);
		if (!vec_push(&p->places, place) || (!p->function[function] && !vec_push(&p->functions, function))) {
			p->failed = true;
			return 1;
		}
		p->location[place] = (uint32_t)p->places.len;
		if (!p->function[function])
			p->function[function] = (uint32_t)p->functions.len;
	}
	return p->location[place];
}

typedef Perftools__Profiles__Label label_type;

/* The labels that a stack's outermost frame stands for. */
static size_t sample_labels(const struct pprof *p, uint32_t place, label_type *label)
{
	uint32_t first;
	size_t n = 0;
	if (!map_get(&p->g.label_sets, place_function(&p->g.st.frames, place), &first))
		return 0;
	for (const struct sample_label *l = &p->g.labels.data[first]; l->key && n < MAX_LABELS; l++, n++) {
		perftools__profiles__label__init(&label[n]);
		label[n].key = l->key;
		label[n].str = l->text;
		label[n].num = l->number;
		label[n].num_unit = l->unit;
	}
	return n;
}

static void emit_sample(struct pprof *p, uint32_t node)
{
	const struct stack_node *n = &p->g.st.nodes.data[node];
	uint64_t path[MAX_PATH];
	label_type label[MAX_LABELS], *labels[MAX_LABELS];
	int64_t values[STACK_VALUES] = {n->count};
	profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Sample sample = PERFTOOLS__PROFILES__SAMPLE__INIT, *samples[] = {&sample};
	for (unsigned v = 1; v < STACK_VALUES; v++)
		values[v] = n->value[v - 1] <= INT64_MAX ? (int64_t)n->value[v - 1] : INT64_MAX;
	sample.location_id = path;
	for (; node && sample.n_location_id < MAX_PATH; node = p->g.st.nodes.data[node].parent) {
		uint32_t place = p->g.st.nodes.data[node].place;
		if (p->g.labels.len && !p->g.st.nodes.data[node].parent)
			sample.n_label = sample_labels(p, place, label);
		else
			path[sample.n_location_id++] = location_of(p, place);
	}
	for (size_t i = 0; i < sample.n_label; i++)
		labels[i] = &label[i];
	sample.label = labels;
	sample.value = values;
	sample.n_value = p->g.nvalues;
	piece.sample = samples;
	piece.n_sample = 1;
	emit(p, &piece);
}

static void emit_location(struct pprof *p, uint32_t id)
{
	const struct frame_place *at = &p->g.st.frames.places.data[p->places.data[id - 1]];
	profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Location location = PERFTOOLS__PROFILES__LOCATION__INIT, *locations[] = {&location};
	Perftools__Profiles__Line line = PERFTOOLS__PROFILES__LINE__INIT, *lines[] = {&line};
	line.function_id = p->function[at->function];
	line.line = at->line;
	location.id = id;
	location.line = lines;
	location.n_line = 1;
	piece.location = locations;
	piece.n_location = 1;
	emit(p, &piece);
}

static void emit_function(struct pprof *p, uint32_t id)
{
	const struct frame_function *fn = &p->g.st.frames.functions.data[p->functions.data[id - 1]];
	profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Function function = PERFTOOLS__PROFILES__FUNCTION__INIT, *functions[] = {&function};
	function.id = id;
	function.name = fn->name;
	function.system_name = fn->system_name;
	function.filename = fn->file;
	piece.function = functions;
	piece.n_function = 1;
	emit(p, &piece);
}

static void emit_strings(struct pprof *p)
{
	const struct strtab *t = &p->g.st.frames.strings;
	for (uint32_t i = 0; i < t->strings.len; i++) {
		profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
		char *text[1];
		memcpy(text, &t->strings.data[i].text, sizeof(text)); /* protobuf-c has no const; it does not write */
		piece.string_table = text;
		piece.n_string_table = 1;
		emit(p, &piece);
	}
}

static struct hc_error *emit_all(struct pprof *p)
{
	uint32_t *order;
	size_t n;
	struct hc_error *err = stacks_order(&p->g.st, &order, &n);
	if (err)
		return err;
	p->location = calloc(p->g.st.frames.places.len, sizeof(*p->location));
	p->function = calloc(p->g.st.frames.functions.len, sizeof(*p->function));
	p->failed |= !p->location || !p->function;
	if (!p->failed)
		emit_header(p);
	for (size_t i = 0; i < n && !p->failed && !sink_failed(p->job->sink); i++)
		emit_sample(p, order[i]);
	for (uint32_t i = 1; i <= p->places.len && !p->failed; i++)
		emit_location(p, i);
	for (uint32_t i = 1; i <= p->functions.len && !p->failed; i++)
		emit_function(p, i);
	if (!p->failed)
		emit_strings(p);
	free(order);
	free(p->location);
	free(p->function);
	vec_free(&p->places);
	vec_free(&p->functions);
	return p->failed ? err_nomem() : NULL;
}

static struct hc_error *write_profile(const struct job *job, gather_fn *gather)
{
	struct pprof p = {.buffer = {.append = buffer_append}, .job = job};
	struct stacks_pruned cut;
	uint64_t max = job->opts.max_samples ? job->opts.max_samples : DEFAULT_SAMPLES;
	struct hc_error *err = gather(job, true, &p.g);
	if (err)
		return err;
	p.max_nodes = p.g.st.max_nodes;
	err = stacks_prune(&p.g.st, max, &cut);
	if (!err && job->opts.types_dir)
		err = listing_write(p.g.classes.listing, job->opts.types_dir);
	if (!err) {
		add_comments(&p, &cut);
		err = emit_all(&p);
	}
	if (!err && (cut.threshold || cut.deep_stacks))
		job_say(job, HC_SEV_INFO,
			"%s: %llu light stacks cut to (small), %llu deep ones to (deep); see --max-samples, --depth",
		        job->view, (unsigned long long)cut.stacks, (unsigned long long)cut.deep_stacks);
	gathered_free(&p.g);
	return err;
}

static struct hc_error *pprof_retained(const struct job *job)
{
	return write_profile(job, gather_retained);
}

static struct hc_error *pprof_paths(const struct job *job)
{
	return write_profile(job, gather_paths);
}

static struct hc_error *pprof_types(const struct job *job)
{
	return write_profile(job, gather_types);
}

static struct hc_error *pprof_goroutines(const struct job *job)
{
	struct job no_types = *job; /* there are none in call stacks */
	no_types.opts.types_dir = NULL;
	return write_profile(&no_types, gather_goroutines);
}

static struct hc_error *pprof_allocs(const struct job *job)
{
	return write_profile(job, gather_allocs);
}

static const struct view views[] = {
	{"retained", pprof_retained},
	{"paths", pprof_paths},
	{"types", pprof_types},
	{"goroutines", pprof_goroutines},
	{"allocs", pprof_allocs},
	{NULL, NULL},
};

const struct format format_pprof = {
	{"pprof", ".pb.gz .pb", "retained paths types goroutines allocs",
	 "profile for go tool pprof: who keeps the memory, by dominator path"},
	views,
};
