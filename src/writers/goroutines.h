/* SPDX-License-Identifier: MIT */
/* What the views of goroutines share. */
#ifndef WRITERS_GOROUTINES_H
#define WRITERS_GOROUTINES_H

#include "heapconv/heapconv.h"

/* Bytes that each goroutine alone keeps, by index; the caller's to free. NULL when memory ran out. */
uint64_t *goroutines_retained(const struct hc_snapshot *s);
/* For how many whole seconds it has waited, as far as the runtime noted; now: hc_monotonic_time(). 0: not, or not known. */
uint64_t goroutine_waited(const struct hc_goroutine *g, uint64_t now);

#endif
