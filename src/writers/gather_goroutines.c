/* SPDX-License-Identifier: MIT */
/* The goroutine profile: what /debug/pprof/goroutine would have said, and what each goroutine waits for and keeps. */
#include <inttypes.h>
#include <stdio.h>

#include "writers/gather.h"
#include "writers/goroutines.h"
#include "writers/roots.h"

enum { MAX_LABELS = 64, LABEL_TEXT = 1024 };

static const char *const values[STACK_VALUES][2] = {
	{"goroutine", "count"}, {"stack_space", "bytes"}, {"inuse_space", "bytes"}};

/* Sets of labels that were seen: the texts of one, each with its NUL, make the key. */
struct sets {
	struct gathered *g;
	struct strtab seen;
	VEC(uint32_t) place; /* by number in `seen` */
	struct name key, text;
	bool failed;
};

/* Graphviz, behind pprof's graph, does not stand what quotes and backslashes do in labels. */
static uint32_t string(struct sets *s, const char *text)
{
	uint32_t id = 0;
	if (!name_clean(&s->text, text)) {
		s->failed = true;
		return 0;
	}
	name_cut(&s->text, LABEL_TEXT);
	name_replace(&s->text, "\"", '\'');
	name_replace(&s->text, "\\", '/');
	if (!strtab_add(&s->g->st.frames.strings, s->text.text, s->text.len, &id))
		s->failed = true;
	return id;
}

static uint32_t process_string(struct sets *s, struct hc_text t)
{
	char text[LABEL_TEXT + 1];
	size_t len = t.len < LABEL_TEXT ? t.len : LABEL_TEXT;
	memcpy(text, t.bytes, len);
	text[len] = '\0';
	return string(s, text);
}

static void add(struct sets *s, struct sample_label l)
{
	const struct strtab *strings = &s->g->st.frames.strings;
	char number[32];
	snprintf(number, sizeof(number), "%" PRId64, l.number);
	const char *text = l.text ? strtab_text(strings, l.text) : number;
	const char *key = strtab_text(strings, l.key);
	if (!l.key)
		return;
	s->failed |= !name_append(&s->key, key, strlen(key) + 1) || !name_append(&s->key, text, strlen(text) + 1) ||
	             !vec_push(&s->g->labels, l);
}

/* The frame that stands for a goroutine's labels. */
static uint32_t labels_place(struct sets *s, uint32_t index, const struct hc_goroutine *go, uint64_t now)
{
	struct hc_label label[MAX_LABELS];
	struct frames *f = &s->g->st.frames;
	size_t first = s->g->labels.len, n = hc_goroutine_labels(s->g->classes.s, index, label, MAX_LABELS);
	uint64_t waited = goroutine_waited(go, now);
	uint32_t id = 0, before = (uint32_t)s->seen.strings.len;
	const char *state = *go->wait_reason ? go->wait_reason : go->state;
	s->key.len = 0;
	add(s, (struct sample_label){.key = string(s, "state"), .text = string(s, state)});
	if (waited)
		add(s, (struct sample_label){.key = string(s, "wait"), .unit = string(s, "seconds"), .number = (int64_t)waited});
	for (size_t i = 0; i < n; i++)
		add(s, (struct sample_label){.key = process_string(s, label[i].key), .text = process_string(s, label[i].value)});
	s->failed |= !strtab_add(&s->seen, s->key.text ? s->key.text : "", s->key.len, &id);
	if (s->failed)
		return 0;
	if (id < before) {
		s->g->labels.len = first;
		return s->place.data[id];
	}
	uint32_t function = frames_class(f, FRAME_NO_CLASS, state, ""), place = frames_place(f, function, 0);
	s->failed |= !vec_push(&s->g->labels, (struct sample_label){0}) || !vec_push(&s->place, place) ||
	             !map_put(&s->g->label_sets, function, (uint32_t)first);
	return place;
}

/* What a goroutine is doing, as a frame: "(chan receive)", "(running)". */
static uint32_t state_place(struct gathered *g, const struct hc_goroutine *go)
{
	char text[128];
	snprintf(text, sizeof(text), "(%s)", *go->wait_reason ? go->wait_reason : go->state);
	return frames_named(&g->st.frames, text);
}

static void add_goroutines(struct sets *s, struct roots *roots, const uint64_t *retained)
{
	struct gathered *g = s->g;
	const struct hc_snapshot *snap = g->classes.s;
	uint64_t now = hc_monotonic_time(snap);
	for (uint32_t i = 0; i < hc_goroutine_count(snap) && !s->failed; i++) {
		struct hc_goroutine go = hc_goroutine_at(snap, i);
		if (go.system)
			continue;
		uint32_t place = g->profile ? labels_place(s, i, &go, now) : state_place(g, &go);
		uint32_t end = roots_call_stack(roots, stacks_push(&g->st, 0, place), &go);
		struct stack_node *node = &g->st.nodes.data[end];
		node->count++;
		node->value[0] += go.stack_bytes;
		node->value[1] += retained[i];
	}
}

struct hc_error *gather_goroutines(const struct job *job, bool profile, struct gathered *g)
{
	struct roots roots;
	struct hc_error *err = gather_init(job, profile, g);
	if (err)
		return err;
	g->values = values;
	g->nvalues = 3;
	g->period = values[0];
	g->st.weight = 0;
	g->st.as_called = true;
	g->about = "goroutines but the runtime's own, by call stack; inuse_space: heap that each alone keeps (retained)";
	err = roots_init(&roots, job->s, &g->st, g->classes.listing);
	if (err)
		return gather_end(g, err);
	struct sets sets = {.g = g};
	uint64_t *retained = goroutines_retained(job->s);
	if (retained)
		add_goroutines(&sets, &roots, retained);
	err = retained && !sets.failed ? NULL : err_nomem();
	free(retained);
	strtab_free(&sets.seen);
	vec_free(&sets.place);
	name_free(&sets.key);
	name_free(&sets.text);
	roots_deinit(&roots);
	return gather_end(g, err);
}
