/* SPDX-License-Identifier: MIT */
/* ELF notes: of cores (threads, auxiliary vector, mapped files, identity) and of executables (build ids). */
#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"
#include "reader/priv.h"

bool note_next(struct note_iter *it, struct note *ret)
{
	enum { HEAD = 12 };
	size_t left = it->size - it->pos;
	if (left < HEAD) {
		it->cut |= left != 0;
		return false;
	}
	const uint8_t *p = it->data + it->pos;
	uint64_t namesz = load32(p, it->be), descsz = load32(p + 4, it->be);
	uint64_t name_end, desc_at, desc_end, next;
	/* The header is 12 bytes also where padding is to 8; the name is padded so that the contents start aligned. */
	if (!ckd_add(HEAD, namesz, &name_end) || !ckd_align(name_end, it->align, &desc_at) ||
	    !ckd_add(desc_at, descsz, &desc_end) || !ckd_align(desc_end, it->align, &next) || desc_end > left) {
		it->cut = true;
		return false;
	}
	ret->name = (const char *)p + HEAD;
	ret->namesz = (size_t)namesz;
	while (ret->namesz && !ret->name[ret->namesz - 1])
		ret->namesz--;
	ret->type = load32(p + 8, it->be);
	ret->desc = p + desc_at;
	ret->descsz = (size_t)descsz;
	it->pos += next < left ? (size_t)next : left;
	return true;
}

bool note_named(const struct note *n, const char *name)
{
	return n->namesz == strlen(name) && !memcmp(n->name, name, n->namesz);
}

static char *hex(struct arena *a, const uint8_t *data, size_t n)
{
	char *s = arena_alloc(a, 2 * n + 1);
	for (size_t i = 0; s && i < n; i++) {
		s[2 * i] = "0123456789abcdef"[data[i] >> 4];
		s[2 * i + 1] = "0123456789abcdef"[data[i] & 15];
	}
	return s;
}

bool notes_build_ids(struct arena *a, const uint8_t *data, size_t size, unsigned align, bool be, char **go_id,
                     char **gnu_id)
{
	enum { ID_MAX = 256 };
	struct note_iter it = {.data = data, .size = size, .align = align, .be = be};
	for (struct note n; note_next(&it, &n);) {
		if (!n.descsz || n.descsz > ID_MAX)
			continue;
		if (n.type == NOTE_GO_BUILD_ID && note_named(&n, "Go") &&
		    !(*go_id = arena_strndup(a, (const char *)n.desc, n.descsz)))
			return false;
		if (n.type == NOTE_GNU_BUILD_ID && note_named(&n, "GNU") && !(*gnu_id = hex(a, n.desc, n.descsz)))
			return false;
	}
	return true;
}

/* ---- core notes ---- */

static struct hc_error *add_thread(struct proc *p, struct core_notes *cn, const struct note *n)
{
	const struct arch_info *ai = arch_find(p->machine, p->word);
	const struct prstatus_layout *l = &ai->prstatus;
	if (n->descsz < l->size) {
		diag_add(p->diag, HC_SEV_WARNING, "%s: NT_PRSTATUS note of %zu bytes, expected %u for %s; thread left out",
		         p->blob->path, n->descsz, l->size, arch_name(p->arch, p->be));
		return NULL;
	}
	const uint8_t *d = n->desc;
	unsigned w = p->word;
	struct thread t = {
		.signo = load16(d + 12, p->be),
		.tid = load32(d + (w == 8 ? 32 : 24), p->be),
		.pc = load_uint(d + l->pc, w, p->be),
		.sp = load_uint(d + l->sp, w, p->be),
		.fp = l->fp ? load_uint(d + l->fp, w, p->be) : 0,
		.lr = l->lr ? load_uint(d + l->lr, w, p->be) : 0,
		.tls = l->tls ? load_uint(d + l->tls, w, p->be) : 0,
		.greg = l->greg ? load_uint(d + l->greg, w, p->be) : 0,
		.nregs = l->nregs,
	};
	for (unsigned i = 0; i < l->nregs; i++)
		t.regs[i] = load_uint(d + l->regs + i * w, w, p->be);
	return vec_push(&cn->threads, t) ? NULL : err_nomem();
}

/* dlv's own thread note, for systems whose NT_PRSTATUS it does not know. Always little-endian. */
static struct hc_error *add_delve_thread(struct core_notes *cn, const struct note *n)
{
	struct bytes b = bytes_of(n->desc, n->descsz, false);
	struct thread t = {0};
	uint64_t bp, has_g, count;
	if (!bytes_uint(&b, 8, &t.tid) || !bytes_uint(&b, 8, &t.pc) || !bytes_uint(&b, 8, &t.sp) ||
	    !bytes_uint(&b, 8, &bp) || !bytes_uint(&b, 8, &t.tls) || !bytes_uint(&b, 1, &has_g) ||
	    !bytes_uint(&b, 8, &t.greg) || !bytes_uint(&b, 4, &count)) {
		cn->cut = true;
		return NULL;
	}
	t.fp = bp;
	for (uint64_t i = 0; i < count && t.nregs < MAX_REGS; i++) {
		uint64_t len;
		const uint8_t *value;
		if (!bytes_uint(&b, 2, &len) || !bytes_skip(&b, len) || !bytes_uint(&b, 2, &len) ||
		    !bytes_take(&b, (size_t)len, &value))
			break;
		if (len == 8)
			t.regs[t.nregs++] = load64(value, false);
	}
	if (!has_g)
		t.greg = 0;
	return vec_push(&cn->threads, t) ? NULL : err_nomem();
}

/* "linux/amd64\nVersion: ...\nTarget Pid: N\nEntry Point: 0x...\n" */
static struct hc_error *add_delve_header(struct proc *p, struct core_notes *cn, const struct note *n)
{
	static const char entry[] = "Entry Point: 0x";
	char *text = arena_strndup(&p->arena, (const char *)n->desc, n->descsz);
	if (!text)
		return err_nomem();
	cn->has_delve = true;
	const char *e = strstr(text, entry);
	if (e)
		cn->entry = strtoull(e + sizeof(entry) - 1, NULL, 16);
	char *slash = strchr(text, '/');
	if (slash) {
		*slash = 0;
		cn->goos = text;
	}
	return NULL;
}

static char *fixed_string(struct arena *a, const uint8_t *data, size_t n)
{
	const uint8_t *end = memchr(data, 0, n);
	return arena_strndup(a, (const char *)data, end ? (size_t)(end - data) : n);
}

/* The sizes differ by machine, but the last fields do not: pr_fname[16], pr_psargs[80]. */
static struct hc_error *add_psinfo(struct proc *p, const struct note *n)
{
	enum { FNAME = 16, PSARGS = 80, TAIL = FNAME + PSARGS, IDS = 16 };
	if (n->descsz < TAIL + IDS)
		return NULL;
	/* Before them: pid, ppid, pgrp, sid, of 4 bytes each. */
	const uint8_t *tail = n->desc + n->descsz - TAIL;
	p->pid = load32(tail - IDS, p->be);
	p->fname = fixed_string(&p->arena, tail, FNAME);
	p->psargs = fixed_string(&p->arena, tail + FNAME, PSARGS);
	return p->fname && p->psargs ? NULL : err_nomem();
}

static void add_auxv(struct proc *p, struct core_notes *cn, const struct note *n)
{
	struct bytes b = bytes_of(n->desc, n->descsz, p->be);
	uint64_t key, value;
	cn->has_auxv = true;
	while (bytes_uint(&b, p->word, &key) && bytes_uint(&b, p->word, &value) && key) {
		switch (key) {
		case 3: cn->phdr = value; break;
		case 4: cn->phent = value; break;
		case 5: cn->phnum = value; break;
		case 6: cn->pagesz = value; break;
		case 9: cn->entry = value; break;
		case 31: cn->execfn = value; break;
		default: break;
		}
	}
}

static struct hc_error *file_name(struct proc *p, struct bytes *names, struct mapped_file *f)
{
	static const char deleted[] = " (deleted)";
	const char *s = (const char *)names->data + names->pos;
	size_t left = bytes_left(names);
	const char *end = left ? memchr(s, 0, left) : NULL;
	size_t len = end ? (size_t)(end - s) : left;
	bytes_skip(names, end ? len + 1 : len);
	size_t tail = sizeof(deleted) - 1;
	if (len > tail && !memcmp(s + len - tail, deleted, tail)) {
		f->deleted = true;
		len -= tail;
	}
	f->path = arena_strndup(&p->arena, s, len);
	return f->path ? NULL : err_nomem();
}

/* count, unit, count x {start, end, offset in units}, then the names. */
static struct hc_error *add_files(struct proc *p, struct core_notes *cn, const struct note *n)
{
	struct bytes b = bytes_of(n->desc, n->descsz, p->be);
	uint64_t count, unit;
	unsigned w = p->word;
	if (!bytes_uint(&b, w, &count) || !bytes_uint(&b, w, &unit))
		return NULL;
	cn->has_files = true;
	cn->file_unit = unit;
	if (count > bytes_left(&b) / (3 * w)) {
		diag_add(p->diag, HC_SEV_WARNING, "%s: NT_FILE note says %llu mapped files but has room for %zu", p->blob->path,
		         (unsigned long long)count, bytes_left(&b) / (3 * w));
		count = bytes_left(&b) / (3 * w);
	}
	struct bytes names = b;
	if (!bytes_skip(&names, count * 3 * w))
		return NULL;
	for (uint64_t i = 0; i < count; i++) {
		struct mapped_file f = {0};
		uint64_t units;
		if (!bytes_uint(&b, w, &f.start) || !bytes_uint(&b, w, &f.end) || !bytes_uint(&b, w, &units))
			break;
		struct hc_error *err = file_name(p, &names, &f);
		if (err)
			return err;
		if (f.start >= f.end || !ckd_mul(units, unit, &f.offset))
			continue;
		if (!vec_push(&cn->files, f))
			return err_nomem();
	}
	return NULL;
}

static struct hc_error *add_note(struct proc *p, struct core_notes *cn, const struct note *n)
{
	switch (n->type) {
	case NOTE_DELVE_HEADER: return add_delve_header(p, cn, n);
	case NOTE_DELVE_THREAD: return add_delve_thread(cn, n);
	default: break;
	}
	if (note_named(n, "GDB"))
		cn->has_gdb = true;
	/* dlv leaves the names of the standard notes empty. */
	if (n->namesz && !note_named(n, "CORE") && !note_named(n, "LINUX"))
		return NULL;
	switch (n->type) {
	case NOTE_PRSTATUS: return add_thread(p, cn, n);
	case NOTE_PRPSINFO: return add_psinfo(p, n);
	case NOTE_AUXV: add_auxv(p, cn, n); return NULL;
	case NOTE_SIGINFO: cn->has_siginfo = true; return NULL;
	case NOTE_ARM_PAC_MASK:
		if (p->arch == ARCH_ARM64 && n->descsz >= 16)
			p->pac_mask = load64(n->desc + 8, p->be);
		return NULL;
	case NOTE_FILE: return add_files(p, cn, n);
	default: return NULL;
	}
}

struct hc_error *core_notes_parse(struct proc *p, struct core_notes *cn, const uint8_t *data, size_t size,
                                  unsigned align)
{
	struct note_iter it = {.data = data, .size = size, .align = align, .be = p->be};
	for (struct note n; note_next(&it, &n);) {
		struct hc_error *err = add_note(p, cn, &n);
		if (err)
			return err;
	}
	cn->cut |= it.cut;
	return NULL;
}
