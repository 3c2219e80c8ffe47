/* SPDX-License-Identifier: MIT */
/* Records of heap dumps, and the heap model that is made of them. */
#include "reader/dump.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/dumpbuild.h"
#include "tests/support/dumpopen.h"

static void check_record(const struct hd_record *r, const uint8_t *data, size_t size)
{
	uint64_t offset, last = 0;
	FUZZ_EXPECT(r->tag < HD_NTAGS && r->at < size);
	FUZZ_EXPECT(!r->mem_len || (r->mem >= data && r->mem_len <= size && r->mem + r->mem_len <= data + size));
	for (unsigned i = 0; i < 2; i++)
		FUZZ_EXPECT(!r->text_len[i] || (r->text[i] >= data && r->text[i] + r->text_len[i] <= data + size));
	for (const uint8_t *at = r->fields; at && hd_field_next(&at, &offset);)
		last = offset;
	(void)last;
}

static void check_records(const uint8_t *data, size_t size)
{
	struct hd_reader r;
	struct hd_record rec;
	uint64_t n = 0;
	if (!hd_open(&r, data, size))
		return;
	while (hd_next(&r, &rec)) {
		check_record(&rec, data, size);
		FUZZ_EXPECT(++n <= size);
	}
	FUZZ_EXPECT(r.at <= size);
}

static void check_heap(const struct heap *h)
{
	for (uint32_t i = 0; i < h->nspans; i++) {
		FUZZ_EXPECT(h->spans[i].base < h->spans[i].limit);
		FUZZ_EXPECT(!i || h->spans[i - 1].limit <= h->spans[i].base);
	}
	for (uint32_t i = 1; i < h->nroots; i++)
		FUZZ_EXPECT(h->roots[i].parent < i);
	for (uint64_t i = 0; i < h->nroot_edges; i++)
		FUZZ_EXPECT(h->root_edges[i].target < h->nslots && bit_get(h->alloc, h->root_edges[i].target));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_take(&data, &size);
	struct dumpbuild b = {0};
	struct opened o;
	if (how & 2) { /* a sample with changes */
		hdb_init(&b, how & 4 ? 4 : 8, how & 8);
		hdb_sample(&b, how & 4 ? "386" : how & 8 ? "s390x" : "amd64", how & 16 ? "go1.17.1" : "go1.26.0");
		fuzz_patch(b.out.data, b.out.len, data, size);
		data = b.out.data, size = b.out.len;
	}
	check_records(data, size);
	if (file_identify(data, size) == FILE_GO_HEAPDUMP) {
		struct hc_error *err = open_bytes(&o, data, size, how & 1);
		if (!err)
			check_heap(o.heap);
		fuzz_error(err);
		close_all(&o);
	}
	if (b.out.data)
		hdb_free(&b);
	return 0;
}
