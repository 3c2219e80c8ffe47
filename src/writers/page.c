/* SPDX-License-Identifier: MIT */
/* The answer on one page: what the process was, where its memory went, of which types, kept by whom. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "writers/gather.h"
#include "writers/goroutines.h"
#include "writers/query.h"
#include "writers/retainers.h"
#include "writers/shared.h"
#include "writers/tables.h"
#include "writers/text.h"
#include "writers/typesums.h"

enum { TOP_TYPES = 15, TOP_RETAINERS = 12, TOP_SHARED = 6, INDENT = 2, VALUE_AT = 16, PATH_WIDTH = 48 };
enum { SHARED_SHARE = 20, ROW_SHARE = 100 }; /* parts of the live bytes that are worth lines, or one, of the page */

/* ---- the process ---- */

static const char *signal_name(int signal)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {{3, "SIGQUIT"}, {4, "SIGILL"}, {5, "SIGTRAP"}, {6, "SIGABRT"}, {7, "SIGBUS"}, {8, "SIGFPE"},
		     {9, "SIGKILL"}, {11, "SIGSEGV"}, {15, "SIGTERM"}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == signal)
			return names[i].name;
	return "signal";
}

/* text_fit(), with its failure noted. */
static const char *fit(struct hc_sink *k, struct arena *a, const char *text, size_t width)
{
	const char *ret = text_fit(a, text, width);
	if (ret)
		return ret;
	sink_fail(k, ENOMEM);
	return "?";
}

/* A line "  label   value", the value cut to the page. */
static void put_fact(struct hc_sink *k, const char *label, const char *value)
{
	struct arena a = {0};
	const char *text = fit(k, &a, value, TEXT_WIDTH - VALUE_AT);
	size_t len = strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	if (len)
		sink_printf(k, "  %-*s%.*s\n", VALUE_AT - INDENT, label, (int)len, text);
	arena_free(&a);
}

struct state {
	const char *name;
	uint64_t count;
};

static int by_count(const void *a, const void *b)
{
	const struct state *x = a, *y = b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* "2,041 (2,000 chan receive, 30 IO wait, 11 others)" */
static void put_goroutines(const struct hc_snapshot *s, struct hc_sink *k)
{
	struct state states[64] = {{NULL, 0}};
	char text[512], number[TEXT_NUMBER];
	uint64_t n = hc_goroutine_count(s), others = 0;
	size_t len = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct hc_goroutine g = hc_goroutine_at(s, i);
		const char *name = *g.wait_reason ? g.wait_reason : g.state;
		size_t j = 0;
		while (j < len && strcmp(states[j].name, name) != 0)
			j++;
		if (j == len && len < sizeof(states) / sizeof(states[0]))
			states[len++] = (struct state){name, 0};
		if (j < len)
			states[j].count++;
		else
			others++;
	}
	qsort(states, len, sizeof(states[0]), by_count);
	size_t at = (size_t)snprintf(text, sizeof(text), "%s", text_count(number, n));
	for (size_t i = 0; i < len; i++) {
		char state[96];
		int add = snprintf(state, sizeof(state), "%s%s %.60s", i ? ", " : " (",
		                   text_count(number, states[i].count), states[i].name);
		/* Room for ", 18,446 others)" */
		if (others || add < 0 || at + (size_t)add + 18 > TEXT_WIDTH - VALUE_AT) {
			others += states[i].count;
			continue;
		}
		memcpy(text + at, state, (size_t)add + 1);
		at += (size_t)add;
	}
	if (others)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ", %s others", text_count(number, others));
	if (len)
		snprintf(text + at, sizeof(text) - at, ")");
	put_fact(k, "goroutines", text);
}

static void put_process(const struct hc_snapshot *s, struct hc_sink *k)
{
	static const char *const levels[] = {
		[HC_LEVEL_DWARF] = "L0: has debug information",
		[HC_LEVEL_SYMTAB] = "L1: symbols, no debug information",
		[HC_LEVEL_STRIPPED] = "L2: stripped",
		[HC_LEVEL_NO_EXE] = "L3: no executable; give it with --exe for names of types",
	};
	const struct hc_info *info = hc_snapshot_info(s);
	const char *slash = strrchr(info->exe_path, '/');
	const char *exe = slash && slash[1] ? slash + 1 : info->exe_path;
	char text[4096], number[TEXT_NUMBER];
	struct arena a = {0};
	sink_puts(k, fit(k, &a, *exe ? exe : "a Go program", 48));
	arena_free(&a);
	sink_printf(k, ", %.40s %.20s", *info->go_version ? info->go_version : "Go of an unknown version",
	            info->goarch);
	if (info->pid)
		sink_printf(k, ", pid %" PRIu64, info->pid);
	if (info->signal)
		sink_printf(k, ", ended by %s (%d)", signal_name(info->signal), info->signal);
	sink_puts(k, "\n\n");
	put_fact(k, "command", info->command);
	put_fact(k, "module", info->main_module);
	snprintf(text, sizeof(text), "%s%s(%s)", info->exe_used, *info->exe_used ? " " : "", levels[info->level]);
	put_fact(k, "executable", text);
	size_t at = (size_t)snprintf(text, sizeof(text), "%s", text_bytes(number, info->file_size));
	if (*info->producer)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ", %.100s", info->producer);
	if (info->missing_bytes)
		snprintf(text + at, sizeof(text) - at, "; %s of memory is missing in it",
		         text_bytes(number, info->missing_bytes));
	put_fact(k, "snapshot", text);
	put_goroutines(s, k);
}

/* ---- memory ---- */

/* What the classes of memory are, in the fewest words; by name. */
static const char *ledger_about(const char *name)
{
	static const char *const about[][2] = {
		{"heap", "Go's heap: all pages of its arenas"},
		{"heap.live", "what the collector would keep"},
		{"heap.live.exact", "type recorded by the runtime or a variable"},
		{"heap.live.propagated", "type told by a typed pointer to it"},
		{"heap.live.inferred", "the only type that fits"},
		{"heap.live.unknown", "type not known"},
		{"heap.slack", "what size classes add to live objects"},
		{"heap.garbage", "what the collector would free now"},
		{"heap.free", "free slots among objects"},
		{"heap.tails", "ends of spans, too short for an object"},
		{"heap.idle", "free pages"},
		{"heap.released", "free pages, given back to the system"},
		{"stacks", "stacks of goroutines"},
		{"runtime", "Go's runtime"},
		{"runtime.work", "buffers of the collector"},
		{"runtime.metadata", "tables of the allocator and scheduler"},
		{"files", "executable and libraries: code and data"},
		{"other", "other mappings: not Go's, or reserved by it"},
	};
	for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		if (strcmp(about[i][0], name) == 0)
			return about[i][1];
	return "";
}

static struct hc_error *put_ledger(const struct hc_snapshot *s, struct hc_sink *k)
{
	struct table t;
	uint64_t total = 0;
	for (size_t i = 0; i < hc_ledger_count(s); i++)
		total += hc_ledger_at(s, i).depth ? 0 : hc_ledger_at(s, i).bytes;
	static const char *const head[] = {"Memory", "bytes", "%", "objects", ""};
	table_init(&t, "<>>><", INDENT);
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		table_cell(&t, head[i]);
	for (size_t i = 0; i < hc_ledger_count(s); i++) {
		struct hc_ledger_row row = hc_ledger_at(s, i);
		char name[128];
		const char *dot = strrchr(row.name, '.');
		if (!row.bytes)
			continue;
		snprintf(name, sizeof(name), "%*s%s", 2 + 2 * (int)row.depth, "", dot ? dot + 1 : row.name);
		table_cell(&t, name);
		table_bytes(&t, row.bytes);
		table_percent(&t, row.bytes, total);
		if (row.objects)
			table_count(&t, row.objects);
		else
			table_cell(&t, "");
		table_cell(&t, ledger_about(row.name));
	}
	table_cell(&t, "  mapped");
	table_bytes(&t, total);
	table_percent(&t, total, total);
	table_cell(&t, "");
	table_cell(&t, "");
	sink_puts(k, "\n");
	return table_end(&t, k);
}

static struct hc_error *put_checks(const struct hc_snapshot *s, struct hc_sink *k)
{
	struct table t;
	if (!hc_check_count(s))
		return NULL;
	table_init(&t, "<>><", INDENT);
	table_cell(&t, "Counter");
	table_cell(&t, "the runtime's");
	table_cell(&t, "heapconv's");
	table_cell(&t, "");
	for (size_t i = 0; i < hc_check_count(s); i++) {
		struct hc_check c = hc_check_at(s, i);
		uint64_t off = c.ours > c.runtime ? c.ours - c.runtime : c.runtime - c.ours;
		char name[64], verdict[256], number[TEXT_NUMBER];
		snprintf(name, sizeof(name), "  %s", c.name);
		table_cell(&t, name);
		table_count(&t, c.runtime);
		table_count(&t, c.ours);
		if (off == 0)
			snprintf(verdict, sizeof(verdict), "equal");
		else
			snprintf(verdict, sizeof(verdict), "%s %s%s%s", off > c.tolerance ? "WRONG by" : "differs by",
			         text_count(number, off), c.why && *c.why ? ": " : "", c.why ? c.why : "");
		table_cell(&t, verdict);
	}
	sink_puts(k, "\n");
	return table_end(&t, k);
}

/* ---- types ---- */

static void put_coverage(const struct hc_snapshot *s, struct hc_sink *k)
{
	static const char *const origins[] = {"exact", "propagated", "inferred", "unknown"};
	uint64_t bytes[4] = {0}, live = 0;
	char a[TEXT_NUMBER], b[TEXT_NUMBER], c[TEXT_NUMBER], d[TEXT_NUMBER], e[TEXT_NUMBER];
	for (size_t i = 0; i < hc_ledger_count(s); i++) {
		struct hc_ledger_row row = hc_ledger_at(s, i);
		for (size_t o = 0; o < 4; o++) {
			char name[32];
			snprintf(name, sizeof(name), "heap.live.%s", origins[o]);
			if (strcmp(row.name, name) == 0) {
				bytes[o] = row.bytes;
				live += row.bytes;
			}
		}
	}
	if (live)
		sink_printf(k, "\n  Types known for %s %% of live bytes: %s exact, %s propagated, %s inferred; "
		            "%s unknown\n",
		            text_percent(a, live - bytes[3], live), text_percent(b, bytes[0], live),
		            text_percent(c, bytes[1], live),
		            text_percent(d, bytes[2], live), text_percent(e, bytes[3], live));
}

static struct hc_error *put_types(const struct job *job, const struct gathered *g)
{
	static const char *const head[] = {"retained", "%", "objects", "bytes", "%", "Types by what their objects keep alive"};
	uint32_t n, used = 0, *same = type_sums_of_maps(job->s);
	uint64_t live = hc_snapshot_info(job->s)->live_bytes, top = job->opts.top ? job->opts.top : TOP_TYPES;
	struct type_sum *rows;
	struct table t;
	struct hc_error *err = same ? type_sums(g, same, &rows, &n) : err_nomem();
	free(same);
	if (err)
		return err;
	type_sums_sort_retained(rows, n);
	table_init(&t, ">>>>><", INDENT);
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		table_cell(&t, head[i]);
	for (uint32_t i = 0; i < n && rows[i].objects; i++) {
		if (used++ >= top)
			continue;
		table_bytes(&t, rows[i].retained);
		table_percent(&t, rows[i].retained, live);
		table_count(&t, rows[i].objects);
		table_bytes(&t, rows[i].bytes);
		table_percent(&t, rows[i].bytes, live);
		bool known = rows[i].class < hc_class_count(job->s);
		table_cell(&t, known ? hc_class_at(job->s, rows[i].class).name : "(unknown)");
	}
	free(rows);
	sink_puts(job->sink, "\n");
	err = table_end(&t, job->sink);
	if (used > top)
		sink_printf(job->sink, "  and %" PRIu64 " other types; -o types.csv has all\n", used - top);
	return err;
}

/* ---- who keeps it ---- */

static struct hc_error *put_retainers(const struct job *job, struct retainers *r)
{
	uint32_t *order;
	size_t n;
	uint64_t live = hc_snapshot_info(job->s)->live_bytes, top = job->opts.top ? job->opts.top : TOP_RETAINERS;
	struct table t;
	struct hc_error *err = retainers_select(r, &order, &n);
	if (err)
		return err;
	table_init(&t, ">>><<", INDENT);
	table_cell(&t, "retained");
	table_cell(&t, "%");
	table_cell(&t, "objects");
	table_cell(&t, "Kept by");
	table_cell(&t, "");
	for (size_t i = 0; i < n && i < top; i++) {
		char path[1024];
		struct arena a = {0};
		retainers_path(r, order[i], path, sizeof(path));
		table_bytes(&t, r->found.data[order[i]].retained);
		table_percent(&t, r->found.data[order[i]].retained, live);
		table_count(&t, hc_retained_objects(job->s, r->found.data[order[i]].node));
		table_cell(&t, fit(job->sink, &a, path, PATH_WIDTH));
		table_cell(&t, retainers_what(r, order[i]));
		arena_free(&a);
	}
	free(order);
	sink_puts(job->sink, "\n");
	return table_end(&t, job->sink);
}

/* Much that hangs on several variables is in none of the lines above. */
static struct hc_error *put_shared(const struct job *job)
{
	struct shared sh;
	struct table t;
	uint64_t live = hc_snapshot_info(job->s)->live_bytes, top = job->opts.top ? job->opts.top : TOP_SHARED;
	struct hc_error *err = shared_find(job->s, live / SHARED_SHARE + 1, &sh);
	if (err || !sh.sums.len)
		return err;
	table_init(&t, ">>><", INDENT);
	table_cell(&t, "bytes");
	table_cell(&t, "%");
	table_cell(&t, "objects");
	table_cell(&t, "Kept by several at once; by the nearest of them");
	for (size_t i = 0; i < sh.sums.len && i < top && sh.sums.data[i].bytes >= live / ROW_SHARE; i++) {
		table_bytes(&t, sh.sums.data[i].bytes);
		table_percent(&t, sh.sums.data[i].bytes, live);
		table_count(&t, sh.sums.data[i].objects);
		table_cell(&t, hc_root_at(job->s, sh.sums.data[i].root).name);
	}
	table_bytes(&t, sh.bytes);
	table_percent(&t, sh.bytes, live);
	table_count(&t, sh.objects);
	table_cell(&t, "(all)");
	shared_free(&sh);
	sink_puts(job->sink, "\n");
	return table_end(&t, job->sink);
}

static void put_notes(const struct hc_snapshot *s, struct hc_sink *k)
{
	const struct hc_info *info = hc_snapshot_info(s);
	char number[TEXT_NUMBER];
	if (info->warnings || info->gc_running || info->type_conflicts)
		sink_puts(k, "\n");
	if (info->warnings)
		sink_printf(k, "  %s findings make these figures inexact; they are among the warnings.\n",
		            text_count(number, info->warnings));
	if (info->gc_running)
		sink_puts(k, "  A garbage collection was under way.\n");
	if (info->type_conflicts)
		sink_printf(k, "  %s objects were given different types by different fields; -v names some.\n",
		            text_count(number, info->type_conflicts));
}

static void visit(void *ctx, const struct hc_dom_step *step)
{
	retainers_step(ctx, step);
}

static struct hc_error *text_summary(const struct job *job)
{
	struct gathered g;
	struct retainers r;
	retainers_init(&r, job->s);
	struct hc_error *err = gather_dominators(job, false, visit, &r, &g);
	if (!err) {
		put_process(job->s, job->sink);
		err = put_ledger(job->s, job->sink);
		if (!err)
			err = put_checks(job->s, job->sink);
		put_coverage(job->s, job->sink);
		if (!err)
			err = put_types(job, &g);
		if (!err)
			err = page_goroutines(job);
		if (!err)
			err = put_retainers(job, &r);
		if (!err)
			err = put_shared(job);
		put_notes(job->s, job->sink);
		sink_puts(job->sink, "\n  To look closer: -o heap.pb.gz, then `go tool pprof -http=: heap.pb.gz`; "
		                     "heapconv --help has more.\n");
		gathered_free(&g);
	}
	retainers_deinit(&r);
	return err;
}

static const struct view views[] = {
	{"summary", text_summary},
	{"retained", text_retained},
	{"object", text_object},
	{"paths", text_paths},
	{"owners", text_owners},
	{"types", text_types},
	{"roots", text_roots},
	{"goroutines", text_goroutines},
	{"memory", text_memory},
	{"nodes", text_nodes},
	{"edges", text_edges},
	{NULL, NULL},
};

const struct format format_text = {
	{"text", ".txt", "summary retained object paths owners types roots goroutines memory nodes edges",
	 "text for people: one page of answers, or a table"},
	views,
};
