/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without a fuzzer: on the files and folders named, as they are, cut short, and with some bytes changed
 * in a reproducible way.
 *
 *     replay_TARGET [-n CHANGED] FILE|FOLDER...
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static unsigned changed = 64;
static unsigned long runs, files;

/* A copy of its own size, so that reads behind its end are seen. */
static void run_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	runs++;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void run_data(uint8_t *data, size_t size)
{
	uint64_t rng = 0x9e3779b97f4a7c15 ^ size;
	run_copy(data, size);
	for (unsigned i = 0; size && i < changed; i++) {
		uint8_t old[4];
		size_t at[4];
		unsigned n = 1 + (unsigned)(next_random(&rng) % 4);
		for (unsigned k = 0; k < n; k++) {
			at[k] = (size_t)(next_random(&rng) % size);
			old[k] = data[at[k]];
			data[at[k]] = (uint8_t)next_random(&rng);
		}
		run_copy(data, next_random(&rng) % 4 ? size : (size_t)(next_random(&rng) % size));
		while (n-- > 0)
			data[at[n]] = old[n];
	}
}

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	if (!f || fstat(fileno(f), &st) != 0) {
		perror(path);
		exit(2);
	}
	uint8_t *data = malloc((size_t)st.st_size + 1);
	if (!data || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		perror(path);
		exit(2);
	}
	fclose(f);
	run_data(data, (size_t)st.st_size);
	free(data);
	files++;
}

static void run_path(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	if (n < 0) {
		run_file(path);
		return;
	}
	for (int i = 0; i < n; i++) {
		char name[4096];
		int len = snprintf(name, sizeof(name), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && len > 0 && (size_t)len < sizeof(name))
			run_file(name);
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	int i = 1;
	if (argc > 2 && strcmp(argv[1], "-n") == 0) {
		changed = (unsigned)strtoul(argv[2], NULL, 10);
		i = 3;
	}
	if (i == argc)
		run_copy((const uint8_t *)"", 0);
	for (; i < argc; i++)
		run_path(argv[i]);
	printf("%lu runs of %lu files\n", runs, files);
	return 0;
}
