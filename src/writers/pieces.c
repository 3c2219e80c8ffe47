/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "writers/pieces.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/pool.h"

enum { FIRST_ROOM = 1 << 20, MAX_THREADS = 8 };

struct pieces {
	const struct job *job;
	piece_fn *fn;
	void *ctx;
	struct piece piece[MAX_THREADS]; /* by worker */
	pthread_mutex_t lock; /* of all below, and of the sink */
	pthread_cond_t written;
	size_t turn; /* pieces that were written */
	bool failed, stop;
};

char *piece_grow(struct piece *p, size_t n)
{
	size_t cap = p->cap ? p->cap : FIRST_ROOM;
	if (p->failed || n > SIZE_MAX / 4 || p->len > SIZE_MAX / 4) {
		p->failed = true;
		return NULL;
	}
	while (cap - p->len < n)
		cap *= 2;
	char *data = realloc(p->data, cap);
	if (!data) {
		p->failed = true;
		return NULL;
	}
	p->data = data;
	p->cap = cap;
	return data + p->len;
}

static void make(void *ctx, size_t i, unsigned worker)
{
	struct pieces *all = ctx;
	struct piece *p = &all->piece[worker];
	pthread_mutex_lock(&all->lock);
	bool stop = all->stop;
	pthread_mutex_unlock(&all->lock);
	p->len = 0;
	if (!stop)
		all->fn(all->ctx, i, p);
	pthread_mutex_lock(&all->lock);
	while (all->turn != i)
		pthread_cond_wait(&all->written, &all->lock);
	all->failed |= p->failed;
	if (!all->failed && p->len)
		sink_put(all->job->sink, p->data, p->len);
	all->stop = all->failed || sink_failed(all->job->sink);
	all->turn++;
	pthread_cond_broadcast(&all->written);
	pthread_mutex_unlock(&all->lock);
}

struct hc_error *pieces_write(const struct job *job, size_t n, piece_fn *fn, void *ctx)
{
	struct pieces all = {.job = job, .fn = fn, .ctx = ctx, .lock = PTHREAD_MUTEX_INITIALIZER,
	                     .written = PTHREAD_COND_INITIALIZER};
	unsigned threads = job->opts.threads ? job->opts.threads : pool_threads();
	pool_run(threads < MAX_THREADS ? threads : MAX_THREADS, n, make, &all);
	for (size_t i = 0; i < MAX_THREADS; i++)
		free(all.piece[i].data);
	pthread_mutex_destroy(&all.lock);
	pthread_cond_destroy(&all.written);
	return all.failed ? err_nomem() : NULL;
}
