/* SPDX-License-Identifier: MIT */
/*
 * A check of your own in a hundred lines, on the public API only: fails when a snapshot holds more live objects of a type
 * than it should, and says who keeps the biggest of them.
 *
 *     leakcheck SNAPSHOT TYPE MAX [EXE]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heapconv/heapconv.h"

/* The chain of dominators, from the object up to the root. */
static void print_owners(const struct hc_snapshot *s, hc_node node)
{
	hc_node limit = hc_object_limit(s);
	for (int depth = 0; node != HC_NODE_NONE && depth < 20; depth++, node = hc_dominator(s, node)) {
		if (node >= limit) {
			printf("    %12" PRIu64 "  %s\n", hc_retained(s, node), hc_root_at(s, node - limit).name);
			continue;
		}
		struct hc_object o;
		char name[256];
		hc_object_get(s, node, &o);
		hc_object_type_name(s, &o, name, sizeof(name));
		printf("    %12" PRIu64 "  %s at %#" PRIx64 "\n", hc_retained(s, node), name, o.addr);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fputs("usage: leakcheck SNAPSHOT TYPE MAX [EXE]\n", stderr);
		return 2;
	}
	struct hc_open_opts opts = {.size = sizeof(opts), .path = argv[1], .exe = argc > 4 ? argv[4] : NULL};
	struct hc_snapshot *s;
	struct hc_error *err = hc_open(&opts, &s);
	if (err) {
		fprintf(stderr, "leakcheck: %s\n", hc_error_message(err));
		hc_error_free(err);
		return 1;
	}
	uint64_t count = 0, most = 0, max = strtoull(argv[3], NULL, 10);
	hc_node worst = HC_NODE_NONE;
	for (hc_node n = hc_object_next(s, 0, true); n != HC_NODE_NONE; n = hc_object_next(s, n + 1, true)) {
		struct hc_object o;
		char name[256];
		hc_object_get(s, n, &o);
		hc_object_type_name(s, &o, name, sizeof(name));
		if (strcmp(name, argv[2]) != 0)
			continue;
		count++;
		if (hc_retained(s, n) > most) {
			most = hc_retained(s, n);
			worst = n;
		}
	}
	printf("%" PRIu64 " live %s, at most %" PRIu64 " expected\n", count, argv[2], max);
	if (count > max) {
		puts("the biggest of them, and what keeps it (retained bytes):");
		print_owners(s, worst);
	}
	hc_close(s);
	return count > max;
}
