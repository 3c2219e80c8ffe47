/* SPDX-License-Identifier: MIT */
/*
 * Damages what a valid core says, a little and reproducibly, and runs everything on it: opening, the layers' dumps, every
 * view of every format. Random bytes of a file seldom reach far; changed words of spans, goroutines, type descriptors,
 * module tables, stacks and objects under an intact frame do.
 *
 *     fuzz_memory CORE EXE [FIRST [COUNT [SECONDS [VIEWS]]]]
 *
 * Each seed runs in a process of its own, which must end by itself within SECONDS (20), without a finding of the
 * sanitizers, and within a multiple of the memory that the undamaged core takes. Seeds that did not are named; the
 * status is 1 then. VIEWS 0: opening only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "api/api.h"
#include "heap/priv.h"
#include "tests/fuzz/everything.h"

enum { MAX_CHANGES = 64, MAX_OUTPUT_FACTOR = 64 };

/* Bytes of the core (file 0) or the executable (file 1) that are worth damaging. */
struct region {
	uint64_t at, size;
	int file;
};
enum area { A_HEAD, A_SPANS, A_GOROUTINES, A_STACKS, A_RUNTIME, A_TYPES, A_SPECIALS, A_DATA, A_OBJECTS, A_CORE, A_EXE, AREAS };
static const char *const area_name[AREAS] = {"headers", "spans", "goroutines", "stacks", "runtime", "types", "specials",
                                             "data", "objects", "core", "exe"};

struct input {
	int fd[2];
	uint8_t *map[2];
	uint64_t size[2];
	char path[2][64];
};

struct fuzz {
	struct input in;
	VEC(struct region) areas[AREAS];
	unsigned seconds;
	bool views;
	long rss; /* KiB that the undamaged core takes */
	unsigned bad, opened, refused, by_area[AREAS];
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A copy in memory that has a path of its own. */
static void load(struct input *in, int which, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0)
		die(path);
	in->size[which] = (uint64_t)st.st_size;
	in->fd[which] = memfd_create("fuzz", 0);
	if (in->fd[which] < 0 || ftruncate(in->fd[which], st.st_size) != 0)
		die("memfd");
	void *m = mmap(NULL, in->size[which], PROT_READ | PROT_WRITE, MAP_SHARED, in->fd[which], 0);
	if (m == MAP_FAILED)
		die("mmap");
	in->map[which] = m;
	for (off_t at = 0; at < st.st_size;) { /* holes stay holes */
		off_t from = lseek(fd, at, SEEK_DATA), to;
		if (from < 0)
			break;
		to = lseek(fd, from, SEEK_HOLE);
		while (from < to) {
			ssize_t n = pread(fd, in->map[which] + from, (size_t)(to - from), from);
			if (n <= 0)
				die(path);
			from += n;
		}
		at = to;
	}
	close(fd);
	snprintf(in->path[which], sizeof(in->path[which]), "/proc/self/fd/%d", in->fd[which]);
}

/* ---- what is where ---- */

static void area_add(struct fuzz *f, enum area area, int file, uint64_t at, uint64_t size)
{
	struct region r = {at, size, file};
	if (size && at < f->in.size[file] && !vec_push(&f->areas[area], r))
		die("memory");
}

/* By address in the process. */
static void area_add_addr(struct fuzz *f, const struct proc *p, enum area area, uint64_t addr, uint64_t size)
{
	uint64_t avail;
	const uint8_t *at = addr ? proc_view(p, addr, &avail) : NULL;
	if (!at)
		return;
	const struct blob *exe = p->nmodules ? p->modules[0].exe->blob : NULL;
	if (size > avail)
		size = avail;
	if (at >= p->blob->data && at < p->blob->data + p->blob->size)
		area_add(f, area, 0, (uint64_t)(at - p->blob->data), size);
	else if (exe && at >= exe->data && at < exe->data + exe->size)
		area_add(f, area, 1, (uint64_t)(at - exe->data), size);
}

static void areas_find(struct fuzz *f, const struct hc_snapshot *s)
{
	const struct proc *p = s->proc;
	const struct heap *h = s->heap;
	uint64_t first = f->in.size[0];
	for (size_t i = 0; i < p->nsegs; i++)
		if (p->segs[i].source == SEG_CORE && p->segs[i].data) {
			uint64_t at = (uint64_t)(p->segs[i].data - p->blob->data);
			first = at < first ? at : first;
		}
	area_add(f, A_HEAD, 0, 0, first);
	for (uint32_t i = 0; i < h->nspans; i++)
		area_add_addr(f, p, A_SPANS, h->info[i].mspan, 160);
	for (uint32_t i = 0; i < h->ngoroutines; i++) {
		const struct goroutine *g = &h->goroutines[i];
		area_add_addr(f, p, A_GOROUTINES, g->addr, 448);
		for (uint32_t k = 0; k < g->nframes; k++)
			area_add_addr(f, p, A_STACKS, h->frames[g->first_frame + k].sp, h->frames[g->first_frame + k].size);
	}
	for (size_t i = 0; i < s->prog->nmodules; i++) {
		const struct module *m = &s->prog->modules[i];
		area_add_addr(f, p, A_RUNTIME, m->addr, 640);
		area_add_addr(f, p, A_RUNTIME, m->pclntab, 128);
		area_add_addr(f, p, A_RUNTIME, m->pclntab, UINT64_MAX);
		area_add_addr(f, p, A_DATA, m->data, m->edata - m->data);
		area_add_addr(f, p, A_DATA, m->bss, m->ebss - m->bss);
		area_add_addr(f, p, A_DATA, m->noptrdata, m->enoptrdata - m->noptrdata);
		area_add_addr(f, p, A_DATA, m->noptrbss, m->enoptrbss - m->noptrbss);
		area_add_addr(f, p, A_TYPES, m->types, m->etypes - m->types);
	}
	for (size_t i = 0; i < h->priv->narenas; i++)
		area_add_addr(f, p, A_RUNTIME, h->priv->arenas[i].addr, 1 << 17);
	area_add_addr(f, p, A_RUNTIME, h->priv->mheap, 1 << 16);
	for (uint32_t i = 0; i < s->types->n; i++)
		area_add_addr(f, p, A_TYPES, s->types->t[i].rtype, 80);
	for (uint32_t i = 0; i < h->nspecials; i++)
		area_add_addr(f, p, A_SPECIALS, h->specials[i].addr, 48);
	for (uint32_t i = 0; i < h->nspans; i++)
		area_add_addr(f, p, A_OBJECTS, h->spans[i].base, h->spans[i].limit - h->spans[i].base);
	area_add(f, A_CORE, 0, 0, f->in.size[0]);
	area_add(f, A_EXE, 1, 0, f->in.size[1]);
	area_add(f, A_EXE, 1, 0, 4096);
}

/* ---- one run ---- */

static int run(const struct fuzz *f, unsigned threads)
{
	const struct hc_open_opts opts = {.size = sizeof(opts), .path = f->in.path[0], .exe = f->in.path[1], .force = true,
	                                  .threads = threads};
	return fuzz_everything(&opts, f->views, MAX_OUTPUT_FACTOR * (f->in.size[0] + f->in.size[1])) ? 0 : 3;
}

/* ---- seeds ---- */

struct change {
	uint64_t at, old;
	int file;
};

static uint64_t new_word(const struct fuzz *f, const struct region *r, uint64_t old, uint64_t *rng)
{
	uint64_t x = next_random(rng), word, at = (r->at + (x >> 8) % r->size) & ~UINT64_C(7);
	switch (x % 12) {
	case 0: return 0;
	case 1: return UINT64_MAX;
	case 2: return old + 8;
	case 3: return old - 8;
	case 4: return old ^ UINT64_C(1) << (x >> 16) % 64;
	case 5: return UINT64_C(1) << (x >> 16) % 64;
	case 6: return (x >> 16) % 1024;
	case 7: return old << 32 | old >> 32;
	case 8: return old ^ (UINT64_C(0xff) & x >> 16) << 8 * ((x >> 32) % 8);
	case 9: return x;
	default: /* another word of the same area, most often a valid pointer */
		if (at + 8 > f->in.size[r->file])
			return old + 1;
		memcpy(&word, f->in.map[r->file] + at, 8);
		return word;
	}
}

static size_t damage(struct fuzz *f, uint64_t seed, struct change *changes)
{
	uint64_t rng = seed;
	unsigned area = (unsigned)(next_random(&rng) % AREAS);
	while (!f->areas[area].len)
		area = (area + 1) % AREAS;
	f->by_area[area]++;
	size_t n = (size_t)1 << next_random(&rng) % 7;
	for (size_t i = 0; i < n; i++) {
		const struct region *r = &f->areas[area].data[next_random(&rng) % f->areas[area].len];
		uint64_t at = r->at + next_random(&rng) % r->size;
		if (next_random(&rng) % 8)
			at &= ~UINT64_C(7);
		if (at + 8 > f->in.size[r->file])
			at = f->in.size[r->file] - 8;
		uint8_t *p = f->in.map[r->file] + at;
		changes[i] = (struct change){.at = at, .file = r->file};
		memcpy(&changes[i].old, p, 8);
		uint64_t word = new_word(f, r, changes[i].old, &rng);
		memcpy(p, &word, 8);
	}
	return n;
}

static void undo(const struct fuzz *f, const struct change *changes, size_t n)
{
	while (n-- > 0)
		memcpy(f->in.map[changes[n].file] + changes[n].at, &changes[n].old, 8);
}

/* A sanitizer with handle_abort=1 then tells where the time went. */
static void on_alarm(int sig)
{
	(void)sig;
	abort();
}

/* Runs in a child; what it came to. */
static int run_child(const struct fuzz *f, unsigned threads, long *rss, double *seconds)
{
	struct timespec from, to;
	struct rusage use;
	int status;
	fflush(NULL);
	clock_gettime(CLOCK_MONOTONIC, &from);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGALRM, on_alarm);
		alarm(f->seconds);
		exit(run(f, threads));
	}
	if (pid < 0)
		die("fork");
	while (wait4(pid, &status, 0, &use) < 0)
		if (errno != EINTR)
			die("wait");
	clock_gettime(CLOCK_MONOTONIC, &to);
	*seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	*rss = use.ru_maxrss;
	return status;
}

static void run_seed(struct fuzz *f, uint64_t seed)
{
	struct change changes[MAX_CHANGES];
	unsigned before[AREAS], area = 0;
	long rss;
	double seconds;
	memcpy(before, f->by_area, sizeof(before));
	size_t n = damage(f, seed, changes);
	while (f->by_area[area] == before[area])
		area++;
	int status = run_child(f, seed % 4 ? 1 : 2, &rss, &seconds);
	undo(f, changes, n);
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	f->opened += code == 0;
	f->refused += code == 3;
	const char *what = code != 0 && code != 3 && seconds >= f->seconds ? "takes too long"
	                 : code != 0 && code != 3 ? "died"
	                 : rss > 3 * f->rss + (256 << 10) ? "takes too much memory" : NULL;
	if (what) {
		f->bad++;
		printf("seed %" PRIu64 " (%s, %zu changes) %s: %.1f s, %ld MiB, status %#x\n", seed, area_name[area], n, what,
		       seconds, rss >> 10, (unsigned)status);
	} else if (getenv("FUZZ_VERBOSE")) {
		printf("seed %" PRIu64 " (%s, %zu changes): %.2f s, %ld MiB, %s\n", seed, area_name[area], n, seconds, rss >> 10,
		       code ? "refused" : "opened");
	}
}

static uint64_t number(int argc, char **argv, int i, uint64_t otherwise)
{
	return argc > i ? strtoull(argv[i], NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	struct fuzz f = {.seconds = (unsigned)number(argc, argv, 5, 20), .views = number(argc, argv, 6, 1) != 0};
	uint64_t first = number(argc, argv, 3, 1), count = number(argc, argv, 4, 10);
	if (argc < 3) {
		fputs("usage: fuzz_memory CORE EXE [FIRST [COUNT [SECONDS [VIEWS]]]]\n", stderr);
		return 2;
	}
	load(&f.in, 0, argv[1]);
	load(&f.in, 1, argv[2]);
	struct hc_open_opts opts = {.size = sizeof(opts), .path = f.in.path[0], .exe = f.in.path[1], .force = true, .threads = 1};
	struct hc_snapshot *s = NULL;
	double seconds;
	int status = run_child(&f, 1, &f.rss, &seconds);
	struct hc_error *err = hc_open(&opts, &s);
	if (err || status) {
		printf("%s: the undamaged core does not pass: %s\n", argv[1], err ? hc_error_message(err) : "see above");
		return 2;
	}
	areas_find(&f, s);
	hc_close(s);
	for (uint64_t i = 0; i < count; i++)
		run_seed(&f, first + i);
	printf("%s: %" PRIu64 " seeds from %" PRIu64 ", %u opened, %u refused, %u findings; undamaged %.2f s, %ld MiB\n", argv[1],
	       count, first, f.opened, f.refused, f.bad, seconds, f.rss >> 10);
	for (unsigned i = 0; i < AREAS; i++) {
		printf("%s %u%s", area_name[i], f.by_area[i], i + 1 < AREAS ? ", " : "\n");
		vec_free(&f.areas[i]);
	}
	return f.bad != 0;
}
