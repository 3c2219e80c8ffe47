/* SPDX-License-Identifier: MIT */
#include "cmd/heapconv/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/heapconv/help.h"

enum {
	OPT_FORMAT = 256, OPT_VIEW, OPT_SYSROOT, OPT_SEARCH, OPT_DEBUG_FILE, OPT_TOP, OPT_DEPTH, OPT_MAX_SAMPLES, OPT_GARBAGE,
	OPT_FORCE, OPT_STRICT, OPT_PROGRESS, OPT_DUMP, OPT_VERSION, OPT_TYPES_DIR, OPT_OID,
	OPT_TARGET,
	OPT_HPROF_CONTENTS, OPT_HPROF_STRINGS, OPT_HPROF_LOCALS,
};

static const struct option longs[] = {
	{"format", required_argument, NULL, OPT_FORMAT},
	{"view", required_argument, NULL, OPT_VIEW},
	{"exe", required_argument, NULL, 'e'},
	{"debug-file", required_argument, NULL, OPT_DEBUG_FILE},
	{"sysroot", required_argument, NULL, OPT_SYSROOT},
	{"search", required_argument, NULL, OPT_SEARCH},
	{"top", required_argument, NULL, OPT_TOP},
	{"depth", required_argument, NULL, OPT_DEPTH},
	{"max-samples", required_argument, NULL, OPT_MAX_SAMPLES},
	{"types-dir", required_argument, NULL, OPT_TYPES_DIR},
	{"target", required_argument, NULL, OPT_TARGET},
	{"garbage", no_argument, NULL, OPT_GARBAGE},
	{"hprof-contents", required_argument, NULL, OPT_HPROF_CONTENTS},
	{"hprof-strings", required_argument, NULL, OPT_HPROF_STRINGS},
	{"hprof-locals", required_argument, NULL, OPT_HPROF_LOCALS},
	{"oid", required_argument, NULL, OPT_OID},
	{"force", no_argument, NULL, OPT_FORCE},
	{"strict", no_argument, NULL, OPT_STRICT},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"progress", optional_argument, NULL, OPT_PROGRESS},
	{"dump", required_argument, NULL, OPT_DUMP},
	{"output", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

HC_PRINTF(1, 2)
static enum parsed usage(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("heapconv: ", stderr);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("; see heapconv --help\n", stderr);
	return PARSED_USAGE;
}

static bool number(const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || v == 0)
		return false;
	*ret = v;
	return true;
}

static bool word_in(const char *words, const char *word, size_t len)
{
	for (const char *p = words; *p;) {
		size_t n = strcspn(p, " ");
		if (n == len && strncmp(p, word, n) == 0)
			return true;
		p += n;
		while (*p == ' ')
			p++;
	}
	return false;
}

/* types.csv asks for the view "types": a stem that is a view of the format names it. */
static const char *view_of_stem(const char *path, const struct hc_format *format, char *buf, size_t size)
{
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	size_t len = strcspn(base, ".");
	if (len == 0 || len >= size || !word_in(format->views, base, len))
		return NULL;
	memcpy(buf, base, len);
	buf[len] = '\0';
	return buf;
}

static enum parsed add_output(struct options *o, const char *path, const struct hc_format *format, const char *view)
{
	static char stems[MAX_OUTPUTS][32];
	if (o->noutputs == MAX_OUTPUTS)
		return usage("more than %d outputs", MAX_OUTPUTS);
	struct output *out = &o->outputs[o->noutputs];
	enum hc_compression compression = HC_PLAIN;
	const struct hc_format *by_suffix = hc_format_for_path(path, &compression);
	out->path = path;
	out->format = format ? format : by_suffix;
	if (!out->format) {
		if (strcmp(path, "-") == 0)
			return usage("-o - needs --format=NAME before it, to say what to write");
		return usage("the suffix of '%s' names no format; use --format=NAME before it", path);
	}
	out->compression = by_suffix ? compression : HC_PLAIN;
	if (format && !by_suffix && strcmp(format->name, "pprof") == 0)
		out->compression = HC_GZIP;
	out->view = view ? view : view_of_stem(path, out->format, stems[o->noutputs], sizeof(stems[0]));
	if (out->view && !word_in(out->format->views, out->view, strlen(out->view)))
		return usage("format %s has no view '%s' (it has: %s)", out->format->name, out->view, out->format->views);
	o->noutputs++;
	return PARSED_RUN;
}

static enum parsed add_dir(const char **dirs, const char *dir, const char *name)
{
	int n = 0;
	while (dirs[n])
		n++;
	if (n == MAX_DIRS)
		return usage("more than %d --%s", MAX_DIRS, name);
	dirs[n] = dir;
	return PARSED_RUN;
}

static enum parsed parse_when(const char *text, enum when *ret)
{
	if (!text || strcmp(text, "always") == 0)
		*ret = WHEN_ALWAYS;
	else if (strcmp(text, "never") == 0)
		*ret = WHEN_NEVER;
	else if (strcmp(text, "auto") == 0)
		*ret = WHEN_AUTO;
	else
		return usage("--progress takes auto, always or never, not '%s'", text);
	return PARSED_RUN;
}

/* One of two words: whether it is the second. */
static enum parsed choice(const char *option, const char *text, const char *first, const char *second, bool *ret)
{
	*ret = strcmp(text, second) == 0;
	return *ret || strcmp(text, first) == 0 ? PARSED_RUN : usage("--%s takes %s or %s, not '%s'", option, first, second, text);
}

/* What --format and --view said last: they hold for the -o options that follow. */
struct pending {
	const struct hc_format *format;
	const char *view;
	bool used;
};

/* argv_at: the word that c came from, for complaints. */
static enum parsed parse_one(struct options *o, int c, const char *argv_at, struct pending *next)
{
	switch (c) {
	case 'o':
		next->used = true;
		return add_output(o, optarg, next->format, next->view);
	case OPT_FORMAT:
		next->format = hc_format_named(optarg);
		return next->format ? PARSED_RUN : usage("unknown format '%s'", optarg);
	case OPT_VIEW:
		next->view = optarg;
		next->used = false;
		return PARSED_RUN;
	case 'e':
		o->exe = optarg;
		return PARSED_RUN;
	case OPT_DEBUG_FILE:
		o->debug_file = optarg;
		return PARSED_RUN;
	case OPT_SYSROOT:
		return add_dir(o->sysroots, optarg, "sysroot");
	case OPT_SEARCH:
		return add_dir(o->search, optarg, "search");
	case OPT_TOP:
		return number(optarg, &o->write.top) ? PARSED_RUN : usage("--top takes a positive number, not '%s'", optarg);
	case OPT_DEPTH:
		return number(optarg, &o->write.depth) ? PARSED_RUN : usage("--depth takes a positive number, not '%s'", optarg);
	case OPT_MAX_SAMPLES:
		return number(optarg, &o->write.max_samples) ? PARSED_RUN
		                                             : usage("--max-samples takes a positive number, not '%s'", optarg);
	case OPT_TYPES_DIR:
		o->write.types_dir = optarg;
		return PARSED_RUN;
	case OPT_TARGET:
		o->write.target = optarg;
		return PARSED_RUN;
	case OPT_GARBAGE:
		o->write.garbage = true;
		return PARSED_RUN;
	case OPT_HPROF_CONTENTS:
		return choice("hprof-contents", optarg, "all", "none", &o->write.hprof_no_contents);
	case OPT_HPROF_STRINGS:
		return choice("hprof-strings", optarg, "objects", "raw", &o->write.hprof_raw_strings);
	case OPT_HPROF_LOCALS:
		return choice("hprof-locals", optarg, "objects", "refs", &o->write.hprof_bare_locals);
	case OPT_OID:
		o->oids = optarg;
		return PARSED_RUN;
	case OPT_FORCE:
		o->force = true;
		return PARSED_RUN;
	case OPT_STRICT:
		o->strict = true;
		return PARSED_RUN;
	case 'q':
		o->quiet = true;
		return PARSED_RUN;
	case 'v':
		o->verbose++;
		return PARSED_RUN;
	case OPT_PROGRESS:
		return parse_when(optarg, &o->progress);
	case OPT_DUMP:
		o->dump = optarg;
		return PARSED_RUN;
	case 'h':
		help_print();
		return PARSED_DONE;
	case OPT_VERSION:
		printf("heapconv %s\n", hc_version());
		return PARSED_DONE;
	case ':':
		return usage("option '%s' needs a value", argv_at);
	default:
		return usage("unknown option '%s'", argv_at);
	}
}

/* --view and --format without -o: to standard output, as text if nothing else is said. */
static enum parsed finish_outputs(struct options *o, const struct pending *next)
{
	const struct hc_format *format = next->format ? next->format : hc_format_named("text");
	if (o->noutputs && !next->used)
		return usage("--view=%s has to come before the -o that it is for", next->view);
	if (o->noutputs || (!next->view && !next->format))
		return PARSED_RUN;
	if ((strcmp(format->name, "pprof") == 0 || strcmp(format->name, "hprof") == 0) && isatty(STDOUT_FILENO))
		return usage("%s is nothing for a terminal: say -o FILE", format->name);
	return add_output(o, "-", format, next->view);
}

enum parsed options_parse(struct options *o, int argc, char **argv)
{
	struct pending next = {NULL, NULL, true};
	memset(o, 0, sizeof(*o));
	o->write.size = sizeof(o->write);
	opterr = 0;
	for (int c, at; at = optind, (c = getopt_long(argc, argv, ":o:e:qvh", longs, NULL)) != -1;) {
		enum parsed p = parse_one(o, c, argv[optind > at ? optind - 1 : at], &next);
		if (p != PARSED_RUN)
			return p;
	}
	if (optind == argc)
		return usage("no snapshot given");
	if (argc - optind > 1)
		return usage("more than one snapshot given ('%s' and '%s')", argv[optind], argv[optind + 1]);
	o->snapshot = argv[optind];
	return o->dump ? PARSED_RUN : finish_outputs(o, &next);
}
