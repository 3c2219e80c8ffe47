/* SPDX-License-Identifier: MIT */
#include "writers/goroutines.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_INLINED = 64 };

uint64_t *goroutines_retained(const struct hc_snapshot *s)
{
	uint32_t n = hc_goroutine_count(s);
	uint64_t *retained = calloc((size_t)n + 1, sizeof(*retained));
	for (uint32_t i = 0; retained && i < hc_root_count(s); i++) {
		struct hc_root root = hc_root_at(s, i);
		if (root.kind == HC_ROOT_GOROUTINE && root.goroutine < n)
			retained[root.goroutine] = hc_retained(s, root.node);
	}
	return retained;
}

uint64_t goroutine_waited(const struct hc_goroutine *g, uint64_t now)
{
	return g->wait_since && g->wait_since < now ? (now - g->wait_since) / 1000000000 : 0;
}

static const char *function_at(const struct hc_snapshot *s, uint64_t pc, struct hc_line *at)
{
	struct hc_line line[MAX_INLINED];
	size_t n = pc ? hc_pc_lines(s, pc, line, MAX_INLINED) : 0;
	if (at && n)
		*at = line[0];
	return n ? line[n - 1].function : "";
}

/* "main.serve.gowrap1": made by the compiler for `go serve(x)`, to call serve with what x was. */
static bool is_wrapper(const char *name)
{
	const char *last = strrchr(name, '.');
	return last && strncmp(last, ".gowrap", 7) == 0;
}

const char *goroutine_function(const struct hc_snapshot *s, const struct hc_goroutine *g)
{
	const char *name = function_at(s, g->start_pc, NULL);
	/* Heap dumps do not say where goroutines start: there it is the outermost call. */
	for (uint32_t i = g->frame_count; (!*name || is_wrapper(name)) && i-- > 0;) {
		const char *called = hc_frame_at(s, g->first_frame + i).function;
		if (*called && strcmp(called, "runtime.goexit") != 0 && !is_wrapper(called))
			return called;
	}
	return name;
}

const char *goroutine_creator(const struct hc_snapshot *s, const struct hc_goroutine *g, struct hc_line *at)
{
	return function_at(s, g->created_pc ? g->created_pc - 1 : 0, at);
}
