/* SPDX-License-Identifier: MIT */
/*
 * Contract of the reader layer: the bytes of a dead process by address, its threads, and the executable files it
 * was made of. Knows ELF, core notes and files; knows nothing of Go's heap (only enough of Go to name the build).
 */
#ifndef READER_READER_H
#define READER_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/vec.h"

/* ---- formats ---- */

enum file_kind {
	FILE_UNKNOWN,
	FILE_ELF_CORE,
	FILE_ELF_OTHER, /* an executable, a library, an object */
	FILE_GO_HEAPDUMP,
	FILE_GZIP,
	FILE_ZSTD,
	FILE_XZ,
	FILE_LZ4,
	FILE_BZIP2,
	FILE_ZIP,
	FILE_MINIDUMP,
	FILE_MACHO,
	FILE_PE,
	FILE_KDUMP,
	FILE_APPORT,
	FILE_JAVA,
	FILE_TAR,
	FILE_EMPTY,
};

/* By content only. `data` is the start of the file. */
enum file_kind file_identify(const uint8_t *data, size_t size);

/* ---- whole files as bytes ---- */

/* A file mapped read-only, or decompressed into an unlinked temporary file and mapped. */
struct blob {
	char *path; /* as the user gave it */
	const uint8_t *data;
	size_t size;
	bool cut; /* a compressed stream ended early: what came before it is here */
	void *map;
	size_t map_size;
};

struct hc_error *blob_open(const char *path, struct diag *diag, struct blob **ret) HC_MUST_CHECK;
/* A pipe (/dev/stdin, a shell's <(...)) is read to its end first. For paths that the user gave, never for others. */
struct hc_error *blob_open_or_pipe(const char *path, struct diag *diag, struct blob **ret) HC_MUST_CHECK;
/* Bytes that the caller owns and keeps alive: for tests and fuzzing. */
struct hc_error *blob_from_memory(const char *name, const void *data, size_t size, struct blob **ret) HC_MUST_CHECK;
void blob_close(struct blob *b);

/* ---- ELF files on disk: executables, libraries, debug files ---- */

enum arch {
	ARCH_NONE,
	ARCH_AMD64,
	ARCH_ARM64,
	ARCH_386,
	ARCH_ARM,
	ARCH_PPC64,
	ARCH_RISCV64,
	ARCH_S390X,
	ARCH_LOONG64,
	ARCH_MIPS64,
	ARCH_MIPS,
};
/* GOARCH spelling ("amd64", "arm64", ...); be tells ppc64 from ppc64le and so on. */
const char *arch_name(enum arch arch, bool be);

struct exe_section {
	const char *name;
	uint64_t addr, offset, size; /* size in the file (compressed size where compressed) */
	bool alloc, nobits, compressed;
};

struct exe_segment {
	uint64_t vaddr, offset, filesz, memsz;
	uint32_t flags; /* PF_* */
};

struct exe_symbol {
	const char *name;
	uint64_t value, size;
	uint8_t type; /* STT_* */
};

struct exe {
	struct blob *blob;
	char *path;
	enum arch arch;
	bool be, pie;
	uint8_t word;   /* bytes of a pointer */
	uint16_t machine; /* e_machine */
	uint64_t entry;
	struct exe_section *sections;
	size_t nsections;
	struct exe_segment *segments; /* PT_LOAD only */
	size_t nsegments;
	struct exe_symbol *symbols; /* sorted by (value, name); functions and objects only */
	size_t nsymbols;
	uint32_t *by_name; /* hash table: index of a symbol + 1, 0 empty */
	uint32_t by_name_mask;
	char *go_build_id;  /* "" when there is none */
	char *gnu_build_id; /* lower-case hex, "" when there is none */
	bool has_dwarf, has_symtab;
	/* A file that holds the DWARF which this one lacks; NULL: none. Symbols, if it alone has them, are above already. */
	struct exe *debug;
	struct arena arena;
};

struct hc_error *exe_open(const char *path, struct diag *diag, struct exe **ret) HC_MUST_CHECK;
/* Takes ownership of the blob, also when it fails. */
struct hc_error *exe_parse(struct blob *blob, struct diag *diag, struct exe **ret) HC_MUST_CHECK;
void exe_close(struct exe *exe);
const struct exe_section *exe_section(const struct exe *exe, const char *name); /* NULL: none */
const struct exe_symbol *exe_symbol(const struct exe *exe, const char *name);   /* NULL: none */
/* The symbol that covers a file address (size 0 counts as reaching to the next symbol); NULL: none. */
const struct exe_symbol *exe_symbol_at(const struct exe *exe, uint64_t vaddr);
/* File bytes at a file address (vaddr without bias); NULL when none. *avail: bytes until the end of the segment's file part. */
const uint8_t *exe_view(const struct exe *exe, uint64_t vaddr, uint64_t *avail);
/* The file to take DWARF from: itself or its debug file; NULL: there is none. Addresses are the same in both. */
const struct exe *exe_dwarf(const struct exe *exe);
/* Raw bytes of a section in the file; NULL for NOBITS or out of range. Not decompressed. */
const uint8_t *exe_section_data(const struct exe *exe, const struct exe_section *s, uint64_t *size);

/* ---- Go build information ---- */

struct buildinfo {
	char *version; /* "go1.24.4", with any "X:exp,..." suffix; "" unknown */
	char *main_path; /* package path of main, "" unknown */
	char *module;  /* "module@version" of the main module, "" unknown */
	int minor;     /* 24 for go1.24.4; -1 unknown */
	int patch;     /* 4; 0 for development versions */
	char *experiments; /* "nogreenteagc,..." */
};
/* Parses "go1.24.4 X:foo", "go1.27.3-X:foo", "devel go1.28-abcdef ...". Strings live in the arena. */
bool buildinfo_parse_version(struct arena *a, const char *text, size_t len, struct buildinfo *ret);

/* ---- the process ---- */

enum segment_source {
	SEG_CORE,  /* bytes saved in the snapshot */
	SEG_FILE,  /* bytes of a mapped file that the snapshot left out */
	SEG_ABSENT /* known to be mapped; the bytes are nowhere */
};

struct segment {
	uint64_t addr, size;
	const uint8_t *data; /* NULL when absent */
	enum segment_source source;
	uint32_t flags; /* PF_R, PF_W, PF_X of the mapping */
	uint32_t file;  /* index + 1 in proc.files; 0 = anonymous or unknown */
};

struct mapped_file {
	uint64_t start, end, offset;
	const char *path; /* as the kernel wrote it, without " (deleted)" */
	bool deleted;
};

enum { MAX_REGS = 33 };

struct thread {
	uint64_t tid;
	uint64_t pc, sp, fp, lr; /* lr 0 where the architecture has none */
	uint64_t tls;            /* amd64: fs_base; else 0 */
	uint64_t greg;           /* the register that holds g in Go code; 0 where there is none */
	uint64_t regs[MAX_REGS]; /* the integer registers */
	unsigned nregs;
	int signo;
};

/* A file that was mapped, opened and verified, with where it was loaded. */
struct module_file {
	struct exe *exe;
	uint64_t bias; /* address in the process = address in the file + bias */
	bool main;
};

struct proc_opts {
	const char *path;
	const char *exe; /* NULL: find it */
	const char *debug_file; /* NULL: find it */
	const char *const *sysroots;
	size_t nsysroots;
	const char *const *search;
	size_t nsearch;
	bool force;
};

struct proc {
	struct diag *diag;
	struct blob *blob;
	enum arch arch;
	bool be;
	uint8_t word;
	uint16_t machine; /* e_machine */
	struct segment *segs; /* sorted by address, not overlapping */
	size_t nsegs;
	uint64_t *seg_starts; /* addresses of segs, for the search */
	struct thread *threads; /* as in the core: the one that crashed is first in kernel cores */
	size_t nthreads;
	struct mapped_file *files;
	size_t nfiles;            /* sorted by address */
	struct module_file *modules; /* the main executable first, if it was found */
	size_t nmodules;
	uint64_t entry, phdr, pagesz; /* auxv; 0 = unknown */
	uint64_t pac_mask; /* arm64: bits of return addresses that C code signs them with; 0 none */
	char *exe_path;    /* what the snapshot says, "" unknown */
	char *execfn;
	char *fname, *psargs;
	uint64_t pid;
	int signo;
	struct buildinfo build;
	char *go_build_id, *gnu_build_id; /* as found in the snapshot's copy of the executable's first page */
	const char *producer; /* "kernel", "gcore", "dlv", "qemu-user", "debug.WriteHeapDump", "unknown" */
	uint64_t file_size, need_size; /* need > size: truncated */
	uint64_t lost_bytes;           /* of segments that were to be saved, beyond the end of the file */
	uint64_t stale_bytes;          /* writable file pages taken from the file because the core has none */
	struct dump *dump;             /* reader/dump.h: the snapshot is a heap dump; NULL: a core */
	struct arena arena;
};

/*
 * Opens a core: program headers, notes, threads, the executable (found, compared, or refused), and the map of
 * addresses. Absent bytes stay absent: they never read as zero. Opens a heap dump: one pass over its records.
 */
struct hc_error *proc_open(const struct proc_opts *opts, struct diag *diag, struct proc **ret) HC_MUST_CHECK;
/* The same from a blob already opened (owned by proc from here on, also on failure). */
struct hc_error *proc_open_blob(struct blob *blob, const struct proc_opts *opts, struct diag *diag,
                                struct proc **ret) HC_MUST_CHECK;
void proc_close(struct proc *p);

/* How many bytes of the process can be read: what is in the snapshot is bounded by it. */
uint64_t proc_bytes(const struct proc *p);
/* The segment that covers addr; NULL when nothing is mapped there. */
const struct segment *proc_segment(const struct proc *p, uint64_t addr);
/* Bytes at addr, and how many follow contiguously; NULL when absent or unmapped. Thread-safe. */
const uint8_t *proc_view(const struct proc *p, uint64_t addr, uint64_t *avail);
/* True only when all n bytes are there. May cross segments. */
bool proc_read(const struct proc *p, uint64_t addr, void *buf, size_t n);
/* Are all n bytes there? Asked before memory is allocated for a length that comes out of the snapshot. */
bool proc_readable(const struct proc *p, uint64_t addr, uint64_t n);
bool proc_u8(const struct proc *p, uint64_t addr, uint8_t *ret);
bool proc_u16(const struct proc *p, uint64_t addr, uint16_t *ret);
bool proc_u32(const struct proc *p, uint64_t addr, uint32_t *ret);
bool proc_u64(const struct proc *p, uint64_t addr, uint64_t *ret);
/* A pointer-sized word of the process. */
bool proc_word(const struct proc *p, uint64_t addr, uint64_t *ret);
/* An unsigned integer of 1, 2, 4 or 8 bytes. */
bool proc_uint(const struct proc *p, uint64_t addr, unsigned size, uint64_t *ret);
/* A NUL-terminated string of at most max bytes, copied into the arena; NULL when unreadable. */
char *proc_cstring(const struct proc *p, struct arena *a, uint64_t addr, size_t max);
/* A Go string header at addr, its text copied into the arena; NULL when unreadable or longer than max. */
char *proc_gostring(const struct proc *p, struct arena *a, uint64_t addr, size_t max);

#endif
