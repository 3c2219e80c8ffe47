/* SPDX-License-Identifier: MIT */
/*
 * The time on the process's monotonic clock. No core has it: but the runtime notes it here and there, and the latest of
 * these is the time of the snapshot, or not long before.
 */
#include "heap/heap.h"

static void later(uint64_t *latest, uint64_t t)
{
	if (t > *latest && t <= INT64_MAX)
		*latest = t;
}

uint64_t heap_monotonic_time(const struct heap *h)
{
	const struct layout *l = &h->types->layout;
	uint64_t latest = 0, t, sched = types_global_addr(h->types, "runtime.sched");
	uint64_t stats = types_global_addr(h->types, "runtime.memstats");
	for (uint32_t i = 0; i < h->ngoroutines; i++)
		later(&latest, h->goroutines[i].waitsince);
	if (stats && layout_read(l, h->proc, stats, L_MSTATS_LASTGCNANOTIME, &t))
		later(&latest, t);
	/* When the network was last polled, to the 10 ms: sysmon does it if nobody else does. 0 while somebody does. */
	if (sched && layout_read(l, h->proc, sched, L_SCHED_LASTPOLL, &t))
		later(&latest, t);
	return latest;
}
