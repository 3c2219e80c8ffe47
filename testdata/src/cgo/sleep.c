#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "_cgo_export.h"
#include "sleep.h"

void heapconv_sleep(void)
{
	for (;;)
		pause();
}

void heapconv_sleep_with(void *p)
{
	void *volatile keep = p;

	for (;;)
		pause();
	(void)keep;
}

void heapconv_call_back(int id)
{
	goBack(id);
}

static void *run(void *p)
{
	goBack((int)(size_t)p);
	return NULL;
}

void heapconv_thread(int id)
{
	pthread_t t;

	if (pthread_create(&t, NULL, run, (void *)(size_t)id) != 0)
		abort();
}

void *heapconv_memory(size_t n)
{
	void *p = malloc(n);

	if (p != NULL)
		memset(p, 0x5a, n);
	return p;
}
