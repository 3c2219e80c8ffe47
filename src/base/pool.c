/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_THREADS = 64 };

struct pool {
	atomic_size_t next;
	size_t njobs;
	pool_fn *fn;
	void *ctx;
};

struct worker {
	struct pool *pool;
	unsigned id;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	for (;;) {
		size_t job = atomic_fetch_add(&w->pool->next, 1);
		if (job >= w->pool->njobs)
			return NULL;
		w->pool->fn(w->pool->ctx, job, w->id);
	}
}

void pool_run(unsigned nthreads, size_t njobs, pool_fn *fn, void *ctx)
{
	struct pool pool = {.njobs = njobs, .fn = fn, .ctx = ctx};
	struct worker workers[MAX_THREADS];
	pthread_t threads[MAX_THREADS];
	unsigned started = 1;
	if (nthreads > MAX_THREADS)
		nthreads = MAX_THREADS;
	if (nthreads > njobs)
		nthreads = (unsigned)njobs;
	atomic_init(&pool.next, 0);
	workers[0] = (struct worker){&pool, 0};
	for (; started < nthreads; started++) {
		workers[started] = (struct worker){&pool, started};
		if (pthread_create(&threads[started], NULL, work, &workers[started]) != 0)
			break;
	}
	work(&workers[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(threads[i], NULL);
}

unsigned pool_threads(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	return cpus > 8 ? 8 : cpus > 0 ? (unsigned)cpus : 1;
}

void *big_alloc(uint64_t size)
{
	if (size == 0)
		size = 1;
	if (size > SIZE_MAX)
		return NULL;
	void *p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (size >= UINT64_C(8) << 20)
		madvise(p, (size_t)size, MADV_HUGEPAGE);
	return p;
}

void big_free(void *p, uint64_t size)
{
	if (p)
		munmap(p, (size_t)(size ? size : 1));
}
