/* SPDX-License-Identifier: MIT */
/* The command line. */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>

#include "heapconv/heapconv.h"

enum { MAX_OUTPUTS = 64, MAX_DIRS = 64 };

struct output {
	const char *path;
	const struct hc_format *format;
	const char *view; /* NULL: the format's default */
	enum hc_compression compression;
};

enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

struct options {
	const char *snapshot, *exe, *debug_file, *oids, *dump;
	const char *sysroots[MAX_DIRS + 1], *search[MAX_DIRS + 1];
	struct output outputs[MAX_OUTPUTS];
	int noutputs;
	struct hc_write_opts write;
	bool force, strict, quiet;
	int verbose;
	enum when progress;
};

enum parsed { PARSED_RUN, PARSED_DONE, PARSED_USAGE };

/* Parses argv; prints help, version and complaints itself. */
enum parsed options_parse(struct options *o, int argc, char **argv);

#endif
