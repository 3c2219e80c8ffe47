/* SPDX-License-Identifier: MIT */
/* What the views of goroutines share. */
#ifndef WRITERS_GOROUTINES_H
#define WRITERS_GOROUTINES_H

#include "heapconv/heapconv.h"
#include "writers/writer.h"

/* Bytes that each goroutine alone keeps, by index; the caller's to free. NULL when memory ran out. */
uint64_t *goroutines_retained(const struct hc_snapshot *s);
/* For how many whole seconds it has waited, as far as the runtime noted; now: hc_monotonic_time(). 0: not, or not known. */
uint64_t goroutine_waited(const struct hc_goroutine *g, uint64_t now);
/* The function that the go statement calls, itself and not what was inlined into it; "" unknown. */
const char *goroutine_function(const struct hc_snapshot *s, const struct hc_goroutine *g);
/* The function whose go statement started it; where that stands, if at is not NULL. */
const char *goroutine_creator(const struct hc_snapshot *s, const struct hc_goroutine *g, struct hc_line *at);

/* On the page: goroutines by what they run, what started them, and what they wait for; the most memory first. */
struct hc_error *page_goroutines(const struct job *job) HC_MUST_CHECK;

#endif
