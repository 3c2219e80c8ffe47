/* SPDX-License-Identifier: MIT */
/* Cores: program headers, notes, the map of addresses, the search for an executable's image and build information. */
#include "reader/priv.h"
#include "tests/fuzz/fuzz.h"

static void check_segments(const struct proc *p)
{
	for (size_t i = 0; i < p->nsegs; i++) {
		const struct segment *s = &p->segs[i];
		uint64_t avail = 0;
		FUZZ_EXPECT(s->size && s->addr + (s->size - 1) >= s->addr);
		FUZZ_EXPECT(!i || s[-1].addr + (s[-1].size - 1) < s->addr);
		FUZZ_EXPECT(p->seg_starts[i] == s->addr);
		FUZZ_EXPECT(!s->data == (s->source == SEG_ABSENT));
		if (s->source == SEG_CORE)
			FUZZ_EXPECT(s->data >= p->blob->data && s->size <= p->blob->size &&
			            s->data <= p->blob->data + p->blob->size - s->size);
		FUZZ_EXPECT(proc_segment(p, s->addr) == s && proc_segment(p, s->addr + (s->size - 1)) == s);
		FUZZ_EXPECT(!s->data || (proc_view(p, s->addr, &avail) == s->data && avail >= s->size));
		FUZZ_EXPECT(!s->data || proc_readable(p, s->addr, s->size));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob *blob;
	struct proc *p = NULL;
	struct diag diag;
	const struct proc_opts opts = {.path = "fuzz", .exe = "/dev/null", .force = true};
	const struct proc_opts alone = {.path = "fuzz"};
	bool with_exe = fuzz_take(&data, &size) & 1;
	diag_init(&diag, NULL, NULL);
	if (file_identify(data, size) == FILE_GO_HEAPDUMP)
		return 0; /* has a target of its own */
	struct hc_error *err = blob_from_memory("fuzz", data, size, &blob);
	if (!err)
		err = proc_open_blob(blob, with_exe ? &opts : &alone, &diag, &p);
	if (!err) {
		check_segments(p);
		for (size_t i = 0; i < p->nfiles; i++)
			FUZZ_EXPECT(p->files[i].path && p->files[i].start < p->files[i].end);
		for (size_t i = 0; i < p->nthreads; i++)
			FUZZ_EXPECT(p->threads[i].nregs <= MAX_REGS);
		FUZZ_EXPECT(p->nthreads <= size && p->nfiles <= size);
		proc_close(p);
	}
	fuzz_error(err);
	diag_flush(&diag);
	diag_deinit(&diag);
	return 0;
}
