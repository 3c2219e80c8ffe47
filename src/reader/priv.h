/* SPDX-License-Identifier: MIT */
/* What the files of the reader share among themselves. */
#ifndef READER_PRIV_H
#define READER_PRIV_H

#include "reader/reader.h"

/* ---- identify.c ---- */

/* "zstd", "a Windows minidump", ... for messages. */
const char *file_kind_name(enum file_kind kind);
/* What to do with a file of this kind that is not read as it is: the end of an error message; NULL for none. */
const char *file_kind_advice(enum file_kind kind);
/* Program that decompresses standard input to standard output with -dc; NULL when the kind is not a compression. */
const char *file_kind_decompressor(enum file_kind kind);
/* Debian's package with that program. */
const char *file_kind_package(enum file_kind kind);

/* ---- arch.c ---- */

/* Where NT_PRSTATUS keeps things: byte offsets from the start of the note's contents; 0 = the machine has none. */
struct prstatus_layout {
	uint16_t size;
	uint16_t pc, sp, fp, lr, tls, greg;
	uint16_t regs, nregs; /* a run of word-sized integer registers */
};

struct arch_info {
	enum arch arch;
	uint16_t machine; /* e_machine */
	uint8_t word;
	const char *le_name, *be_name; /* GOARCH; NULL: no such Go port */
	struct prstatus_layout prstatus;
};

/* NULL: not a machine that Go runs on. */
const struct arch_info *arch_find(uint16_t machine, unsigned word);
/* By GOARCH; NULL: none, or one without a Go port to ELF systems. */
const struct arch_info *arch_named(const char *goarch, size_t len, unsigned word);

/* ---- notes.c ---- */

enum {
	NOTE_PRSTATUS = 1,
	NOTE_PRPSINFO = 3,
	NOTE_AUXV = 6,
	NOTE_SIGINFO = 0x53494749,
	NOTE_ARM_PAC_MASK = 0x406, /* name "LINUX": {data, code}: which bits of addresses hold their signature */
	NOTE_FILE = 0x46494c45,
	NOTE_DELVE_HEADER = 0x444c5645,
	NOTE_DELVE_THREAD = 0x444c5654,
	NOTE_GNU_BUILD_ID = 3, /* name "GNU" */
	NOTE_GO_BUILD_ID = 4,  /* name "Go" */
};

struct note {
	const char *name; /* not terminated */
	size_t namesz;    /* without trailing NULs */
	uint32_t type;
	const uint8_t *desc;
	size_t descsz;
};

struct note_iter {
	const uint8_t *data;
	size_t size, pos;
	unsigned align; /* 4 or 8 */
	bool be;
	bool cut; /* the last note did not fit */
};

/* False at the end, or at the first note that does not fit. */
bool note_next(struct note_iter *it, struct note *ret);
bool note_named(const struct note *n, const char *name);

/* Build ids among notes; each stays as it is when there is none. Strings live in the arena. False: out of memory. */
bool notes_build_ids(struct arena *a, const uint8_t *data, size_t size, unsigned align, bool be, char **go_id,
                     char **gnu_id);

/* What core notes say, collected over all PT_NOTE segments. */
struct core_notes {
	VEC(struct thread) threads;
	VEC(struct mapped_file) files;
	uint64_t entry, phdr, phent, phnum, pagesz, execfn; /* auxv */
	bool has_auxv, has_files, has_siginfo, has_gdb, has_delve, cut;
	uint64_t file_unit; /* page size of NT_FILE */
	const char *goos;   /* from a dlv header, "" else */
};

struct hc_error *core_notes_parse(struct proc *p, struct core_notes *cn, const uint8_t *data, size_t size,
                                  unsigned align) HC_MUST_CHECK;

/* ---- memory.c ---- */

/* A claim that some bytes are at some addresses. Where claims overlap, the highest rank counts, then the later one. */
enum piece_rank {
	RANK_ABSENT, /* mapped, not saved */
	RANK_FILE,   /* from a mapped file */
	RANK_LOST,   /* writable, saved, but cut off with the end of the snapshot: the file's bytes would be wrong */
	RANK_CORE,
};

struct piece {
	uint64_t addr, last; /* last: inclusive, so that the end of the address space has a number */
	const uint8_t *data;
	enum piece_rank rank;
	uint32_t flags;
};

/* Replaces p->segs with what follows from the pieces. */
struct hc_error *memory_build(struct proc *p, const struct piece *pieces, size_t n) HC_MUST_CHECK;

/* ---- core.c ---- */

struct load {
	uint64_t vaddr, memsz, filesz, offset;
	uint32_t flags;
};

/* State of proc_open(). */
struct opening {
	struct proc *p;
	const struct proc_opts *opts;
	struct core_notes notes;
	uint64_t note_bytes; /* read so far */
	VEC(struct load) loads;
	VEC(struct piece) pieces;
};

/* ---- buildinfo.c ---- */

typedef bool read_fn(const void *ctx, uint64_t addr, void *buf, size_t n);
/*
 * Decodes the build information block at addr, in either of its forms. `be` is the byte order of the program. False when
 * it is not one.
 */
bool buildinfo_decode(struct arena *a, read_fn *read, const void *ctx, uint64_t addr, bool be, struct buildinfo *ret);
enum { BUILDINFO_ALIGN = 16 };
/* Is this the start of a build information block? data has 16 bytes. */
bool buildinfo_magic(const uint8_t *data);

/* ---- head.c ---- */

/* The ELF header and program headers of an image, in memory or in a file. */
struct head {
	bool found;
	uint64_t addr; /* of the ELF header; 0 in a file */
	uint64_t entry, phoff;
	uint64_t slide; /* vaddr - offset of the first PT_LOAD: addr - slide is the bias */
	uint8_t phdrs[7168]; /* 128 of 56 bytes */
	size_t phdrs_size;
	unsigned nphdrs;
	char *go_id, *gnu_id; /* "" when there is none; in the arena */
};

bool proc_read_fn(const void *ctx, uint64_t addr, void *buf, size_t n); /* ctx: struct proc */
bool blob_read_fn(const void *ctx, uint64_t addr, void *buf, size_t n); /* ctx: struct blob; addr: offset */
/* False: at addr there is no ELF image for the process's machine, or it cannot be read. */
bool head_read(const struct proc *p, struct arena *a, read_fn *read, const void *ctx, uint64_t addr, struct head *h);
/* The executable's, in memory: where the auxiliary vector says, else by the mapped files. h->found tells. */
void head_find_main(struct proc *p, struct head *h);
/* The row of NT_FILE that covers addr; NULL for none, and for addr 0. */
const struct mapped_file *proc_file_at(const struct proc *p, uint64_t addr);

/* ---- verify.c ---- */

enum verdict { VERDICT_SAME, VERDICT_DIFFERENT, VERDICT_UNKNOWN };

struct comparison {
	enum verdict verdict;
	char text[768]; /* "it has Go build id X, the core has Y" */
};

/* By build id, else by the program headers, else by what little there is. */
void verify_exe(const struct opening *o, const struct head *core, const struct exe *exe, struct comparison *c);
/* Address in the process - address in the file. */
uint64_t verify_bias(struct opening *o, const struct head *core, const struct exe *exe);

/* ---- paths.c ---- */

/* Places to look at, in order, without repetition. All functions: false when memory ran out. */
struct paths {
	VEC(char *) list;
	struct arena arena;
};

void paths_free(struct paths *ps);
bool paths_add(struct paths *ps, const char *dir, const char *path);
/* A path of the process: under every sysroot, then as it is. */
bool paths_add_rooted(struct paths *ps, const struct proc_opts *opts, const char *path);
/* Its last component in every --search directory. */
bool paths_add_searched(struct paths *ps, const struct proc_opts *opts, const char *path);
bool paths_add_build_id(struct paths *ps, const struct proc_opts *opts, const char *gnu_id, const char *suffix);
bool paths_add_debuginfod(struct paths *ps, const char *gnu_id, const char *what); /* "debuginfo", "executable" */
/* The list for a message; NULL: out of memory. */
char *paths_text(struct paths *ps);
/* Where the executable may be. */
bool paths_of_exe(struct paths *ps, const struct proc *p, const struct proc_opts *opts);
char *first_word(struct arena *a, const char *s);
char *dir_name(struct arena *a, const char *path); /* with the slash */

/* ---- debugfile.c ---- */

/* Sets exe->debug; `given`: the user's choice, which must fit; else found by build id or debug link, or left out. */
struct hc_error *debugfile_find(struct opening *o, struct exe *exe, const char *given) HC_MUST_CHECK;

/* ---- unpack.c ---- */

/* Decompresses fd (whole) by the method into an unlinked temporary file; *cut: the stream ended early. */
struct hc_error *unpack(const struct blob *b, enum file_kind kind, int *fd, uint64_t *size, bool *cut) HC_MUST_CHECK;
/* Copies what comes out of a pipe. */
struct hc_error *unpack_pipe(int in, int *fd, uint64_t *size) HC_MUST_CHECK;

/* ---- dump.c, dumpindex.c, dumpexe.c: proc_open() for heap dumps ---- */

struct hc_error *dump_open(struct opening *o) HC_MUST_CHECK;
/* One pass over the file; fills p->dump. force: damage ends the dump as a cut would. */
struct hc_error *dump_index(struct proc *p, bool force) HC_MUST_CHECK;
/* The executable that the user names; adds its pieces. */
struct hc_error *dump_exe(struct opening *o) HC_MUST_CHECK;
void dump_free(struct dump *d);

/* ---- relocate.c ---- */

/*
 * The file part of each segment that has words with addresses, as it is after loading at the bias; others stay NULL.
 * images has nsegments entries; what an earlier call put there is overwritten. False: out of memory.
 */
bool relocate(struct arena *a, const struct exe *exe, uint64_t bias, uint8_t **images) HC_MUST_CHECK;

/* ---- image.c ---- */

/* Identifies the executable from the snapshot alone, finds and compares the file, and adds RANK_FILE pieces. */
struct hc_error *image_find(struct opening *o) HC_MUST_CHECK;

/* ---- gobuild.c ---- */

/* Build information in the snapshot's own bytes, without knowing the executable. */
bool gobuild_from_memory(struct proc *p, struct buildinfo *ret);
/* Build information in the bytes of a file. */
bool gobuild_from_exe(struct proc *p, const struct exe *exe, struct buildinfo *ret);
/* The same as the process had it; also from the variable that holds the version. */
bool gobuild_from_module(struct proc *p, const struct module_file *m, struct buildinfo *ret);
/* Fills p->build; HC_E_NOT_GO when nothing speaks for Go. */
struct hc_error *gobuild_find(struct proc *p) HC_MUST_CHECK;

#endif
