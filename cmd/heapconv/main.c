/* SPDX-License-Identifier: MIT */
/* The command: opens the snapshot once, writes every output asked for, says what was missing. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/heapconv/options.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_PARTIAL = 3 };

struct chatter {
	const struct options *o;
	bool progress, shown;
	struct timespec start;
	uint64_t warnings;
};

static void progress_clear(struct chatter *c)
{
	if (c->shown)
		fputs("\r\033[K", stderr);
	c->shown = false;
}

static void log_line(void *ctx, enum hc_severity sev, const char *message)
{
	struct chatter *c = ctx;
	if (sev == HC_SEV_WARNING)
		c->warnings++;
	if (sev == HC_SEV_WARNING ? c->o->quiet : c->o->verbose < (sev == HC_SEV_INFO ? 1 : 2))
		return;
	progress_clear(c);
	fprintf(stderr, "heapconv: %s%s\n", sev == HC_SEV_WARNING ? "warning: " : "", message);
}

/* Work of less than a second goes unannounced. */
static void show_progress(void *ctx, const char *what, double fraction)
{
	struct chatter *c = ctx;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	double seconds = (double)(now.tv_sec - c->start.tv_sec) + (double)(now.tv_nsec - c->start.tv_nsec) / 1e9;
	if (!c->progress || (seconds < 1 && c->o->progress != WHEN_ALWAYS))
		return;
	progress_clear(c);
	if (fraction >= 0)
		fprintf(stderr, "%3.0f %% %s", fraction * 100, what);
	else
		fprintf(stderr, "      %s", what);
	c->shown = true;
	fflush(stderr);
}

static int fail(struct chatter *c, struct hc_error *err)
{
	progress_clear(c);
	fprintf(stderr, "heapconv: %s\n", hc_error_message(err));
	hc_error_free(err);
	return EXIT_FAILED;
}

static bool print_line(void *ctx, const char *line)
{
	FILE *f = ctx;
	return fputs(line, f) >= 0 && putc('\n', f) != EOF;
}

/* Leaves the sink to be closed when all outputs are written: either all files appear, or none. */
static struct hc_error *write_output(const struct hc_snapshot *s, const struct options *o, const struct output *out,
                                     struct chatter *c, struct hc_sink **ret)
{
	struct hc_write_opts opts = o->write;
	opts.view = out->view;
	opts.log = log_line;
	opts.log_ctx = c;
	struct hc_sink *sink;
	struct hc_error *err = hc_sink_file(out->path, out->compression, &sink);
	if (err)
		return err;
	err = hc_write(s, out->format, &opts, sink);
	if (!err)
		err = hc_sink_finish(sink);
	if (err) {
		hc_sink_abort(sink);
		return err;
	}
	*ret = sink;
	return NULL;
}

static struct hc_error *write_all(const struct hc_snapshot *s, const struct options *o, struct chatter *c)
{
	static const struct output page = {"-", NULL, "summary", HC_PLAIN};
	struct hc_error *err = NULL;
	struct hc_sink *written[MAX_OUTPUTS];
	int n = 0;
	if (o->dump) {
		err = hc_dump(s, o->dump, print_line, stdout);
	} else if (!o->noutputs) {
		struct output out = page;
		out.format = hc_format_named("text");
		if (o->write.target)
			out.view = "object";
		err = write_output(s, o, &out, c, &written[n]);
		n += !err;
	}
	for (int i = 0; !err && i < o->noutputs; i++) {
		show_progress(c, o->outputs[i].path, -1);
		err = write_output(s, o, &o->outputs[i], c, &written[n]);
		n += !err;
	}
	for (int i = 0; i < n; i++) {
		if (err)
			hc_sink_abort(written[i]);
		else
			err = hc_sink_close(written[i]);
	}
	return err;
}

static enum hc_stage stage_needed(const struct options *o)
{
	static const char *const process[] = {"segments", "notes", "images", "records"};
	for (size_t i = 0; o->dump && i < sizeof(process) / sizeof(process[0]); i++)
		if (strcmp(o->dump, process[i]) == 0 && !o->noutputs)
			return HC_STAGE_PROCESS;
	return HC_STAGE_ALL;
}

static int run(const struct options *o)
{
	struct chatter c = {.o = o, .progress = !o->quiet && (o->progress == WHEN_ALWAYS ||
	                    (o->progress == WHEN_AUTO && isatty(STDERR_FILENO)))};
	clock_gettime(CLOCK_MONOTONIC, &c.start);
	const struct hc_open_opts opts = {
		.size = sizeof(opts),
		.path = o->snapshot,
		.exe = o->exe,
		.debug_file = o->debug_file,
		.sysroots = o->sysroots,
		.search = o->search,
		.force = o->force,
		.oids = o->oids,
		.stage = stage_needed(o),
		.log = log_line,
		.log_ctx = &c,
		.progress = show_progress,
		.progress_ctx = &c,
	};
	struct hc_snapshot *s;
	struct hc_error *err = hc_open(&opts, &s);
	if (err)
		return fail(&c, err);
	if (o->strict && c.warnings) {
		progress_clear(&c);
		fprintf(stderr, "heapconv: %s: %llu warnings, and --strict makes them errors: nothing was written\n", o->snapshot,
		        (unsigned long long)c.warnings);
		hc_close(s);
		return EXIT_FAILED;
	}
	err = write_all(s, o, &c);
	progress_clear(&c);
	int status = err ? fail(&c, err) : c.warnings || hc_snapshot_info(s)->warnings ? EXIT_PARTIAL : EXIT_OK;
	hc_close(s);
	return status;
}

/* The snapshot is mapped: if its file shrinks or its disk fails meanwhile, the kernel says so with SIGBUS. */
static void on_sigbus(int sig)
{
	static const char text[] = "heapconv: the snapshot could not be read while it was being analysed (it shrank, or its disk "
	                           "failed); copy it to a local disk and try again\n";
	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_FAILED);
	_exit(EXIT_FAILED);
}

int main(int argc, char **argv)
{
	static struct options o;
	struct sigaction bus = {.sa_handler = on_sigbus};
	sigaction(SIGBUS, &bus, NULL);
	/* A closed pipe, and a file beyond `ulimit -f`, are errors of that output, with its name. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	int status = EXIT_OK;
	switch (options_parse(&o, argc, argv)) {
	case PARSED_DONE: break; /* help and version are output, too */
	case PARSED_USAGE: return EXIT_USAGE;
	case PARSED_RUN: status = run(&o); break;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (status != EXIT_FAILED)
			fprintf(stderr, "heapconv: standard output: %s\n", strerror(errno));
		status = EXIT_FAILED;
	}
	return status;
}
