/* SPDX-License-Identifier: MIT */
/* One pass over a heap dump: where everything is. Objects are kept as runs, of which a page has one or a few. */
#include <inttypes.h>
#include <string.h>

#include "reader/dump.h"
#include "reader/priv.h"

enum { PAGE_SHIFT = 13 };

/* Does the object continue the run? */
static bool run_takes(const struct hd_run *r, const struct hd_record *rec, uint64_t previous)
{
	return rec->mem_len == r->size && rec->n[0] > previous && rec->n[0] >> PAGE_SHIFT == r->addr >> PAGE_SHIFT &&
	       r->n < UINT32_MAX;
}

static struct hc_error *damage(const struct proc *p, const struct hd_reader *r)
{
	return err_new(HC_E_FORMAT, "%s: heap dump is damaged: %s at offset %" PRIu64 ", in the record at offset %" PRIu64
	               "; take the dump again, or use what comes before with --force", p->blob->path, r->damage, r->bad_at, r->at);
}

struct hc_error *dump_index(struct proc *p, bool force)
{
	struct dump *d = p->dump;
	struct hd_reader r;
	struct hd_record rec;
	struct hd_run *run = NULL;
	uint64_t previous = 0;
	bool ok = hd_open(&r, p->blob->data, p->blob->size);
	d->data = p->blob->data;
	while (ok && hd_next(&r, &rec)) {
		if (rec.tag == HD_OBJECT) {
			d->nobjects++;
			if (!run || !run_takes(run, &rec, previous)) {
				struct hd_run first = {rec.at, rec.n[0], rec.mem_len, 0, false};
				ok = vec_push(&d->runs, first);
				run = ok ? &d->runs.data[d->runs.len - 1] : NULL;
			}
			if (run) {
				run->n++;
				run->pointers |= *rec.fields != 0;
			}
			previous = rec.n[0];
			continue;
		}
		run = NULL;
		if (rec.tag == HD_FRAME)
			d->nframes++;
		else if (rec.tag != HD_DEFER && rec.tag != HD_PANIC)
			ok = vec_push(&d->records[rec.tag], rec.at);
	}
	if (!ok)
		return err_nomem();
	d->end = r.at;
	d->cut = r.cut || r.damage || p->blob->cut;
	if (r.damage && !force)
		return damage(p, &r);
	if (r.damage)
		diag_add(p->diag, HC_SEV_WARNING, "%s: heap dump is damaged: %s at offset %" PRIu64 "; what follows the record at "
		         "offset %" PRIu64 " is left out", p->blob->path, r.damage, r.bad_at, r.at);
	else if (r.cut)
		diag_add(p->diag, HC_SEV_WARNING, "%s: the heap dump is cut: the file ends after %zu bytes, inside the record at "
		         "offset %" PRIu64 "; what follows is missing", p->blob->path, p->blob->size, r.at);
	return NULL;
}

void dump_free(struct dump *d)
{
	if (!d)
		return;
	vec_free(&d->runs);
	for (unsigned i = 0; i < HD_NTAGS; i++)
		vec_free(&d->records[i]);
	free(d);
}

struct hd_reader dump_reader(const struct dump *d, uint64_t at)
{
	struct hd_reader r = {.data = d->data, .size = d->end, .at = at};
	return r;
}

void dump_record(const struct dump *d, uint64_t at, struct hd_record *ret)
{
	struct hd_reader r = dump_reader(d, at);
	if (!hd_next(&r, ret))
		memset(ret, 0, sizeof(*ret)); /* not for offsets that the pass found */
}

bool dump_first(const struct dump *d, enum hd_tag tag, struct hd_record *ret)
{
	if (!d->records[tag].len)
		return false;
	dump_record(d, d->records[tag].data[0], ret);
	return true;
}
