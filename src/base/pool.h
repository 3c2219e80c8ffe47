/* SPDX-License-Identifier: MIT */
/* Data-parallel loops with deterministic results: jobs are numbered, and write only to places of their own. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void pool_fn(void *ctx, size_t job, unsigned worker);

/*
 * Runs fn for every job in [0, njobs) on up to nthreads threads (the caller's among them); `worker` is below
 * nthreads. Falls back to fewer threads when the system gives no more.
 */
void pool_run(unsigned nthreads, size_t njobs, pool_fn *fn, void *ctx);

/* As many threads as the machine has processors, at most 8. */
unsigned pool_threads(void);

/* Zeroed memory for big arrays, on huge pages where the system has them; NULL when there is none. */
void *big_alloc(uint64_t size);
void big_free(void *p, uint64_t size);

#endif
