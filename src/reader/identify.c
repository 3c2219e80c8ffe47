/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "reader/priv.h"

struct kind_row {
	enum file_kind kind;
	uint8_t magic_len;
	const char *magic;
	const char *name;
	const char *decompressor, *package;
	const char *advice;
};

/* Rows without magic are told apart by code; the last one is for all that is left. */
static const struct kind_row kinds[] = {
	{FILE_GO_HEAPDUMP, 16, "go1.7 heap dump\n", "a Go heap dump", NULL, NULL, NULL},
	{FILE_GZIP, 2, "\x1f\x8b", "gzip", NULL, NULL, NULL},
	{FILE_ZSTD, 4, "\x28\xb5\x2f\xfd", "zstd", "zstd", "zstd", NULL},
	{FILE_XZ, 6, "\xfd" "7zXZ\0", "xz", "xz", "xz-utils", NULL},
	{FILE_LZ4, 4, "\x04\x22\x4d\x18", "lz4", "lz4", "lz4", NULL},
	{FILE_BZIP2, 3, "BZh", "bzip2", "bzip2", "bzip2", NULL},
	{FILE_ZIP, 4, "PK\3\4", "a zip archive", NULL, NULL, "unpack it with `unzip` and give the core in it"},
	{FILE_MINIDUMP, 4, "MDMP", "a minidump", NULL, NULL,
	 "it does not hold the heap in ELF form; `dlv attach PID` then `dump FILE` makes a core that is read here"},
	{FILE_MACHO, 4, "\xcf\xfa\xed\xfe", "a Mach-O file", NULL, NULL,
	 "`dlv attach PID` then `dump FILE` makes an ELF core on macOS too"},
	{FILE_MACHO, 4, "\xce\xfa\xed\xfe", "a Mach-O file", NULL, NULL,
	 "`dlv attach PID` then `dump FILE` makes an ELF core on macOS too"},
	{FILE_PE, 2, "MZ", "a Windows executable", NULL, NULL,
	 "`dlv attach PID` then `dump FILE` makes an ELF core on Windows too"},
	{FILE_KDUMP, 8, "KDUMP   ", "a kernel crash dump", NULL, NULL,
	 "it is the memory of a kernel; give the core of one process"},
	{FILE_APPORT, 12, "ProblemType:", "an apport report", NULL, NULL,
	 "unpack it with `apport-unpack FILE DIR` and give DIR/CoreDump"},
	{FILE_JAVA, 12, "JAVA PROFILE", "a heap dump of Java", NULL, NULL,
	 "open it in Eclipse MAT or VisualVM; heapconv makes such files from cores of Go processes"},
	{FILE_TAR, 0, NULL, "a tar archive", NULL, NULL, "unpack it with `tar -xf` and give the core in it"},
	{FILE_EMPTY, 0, NULL, "an empty file", NULL, NULL,
	 "the dump was not written: look at `ulimit -c` and at the free space of the disk"},
	{FILE_ELF_CORE, 0, NULL, "an ELF core", NULL, NULL, NULL},
	{FILE_ELF_OTHER, 0, NULL, "an ELF executable or library", NULL, NULL,
	 "give the core file, and this file with --exe"},
	{FILE_UNKNOWN, 0, NULL, "of unknown format", NULL, NULL,
	 "expected an ELF core or a file of runtime/debug.WriteHeapDump"},
};

enum { NKINDS = sizeof(kinds) / sizeof(kinds[0]), ELF_TYPE_CORE = 4, TAR_MAGIC = 257 };

static const struct kind_row *kind_row(enum file_kind kind)
{
	size_t i = 0;
	while (i < NKINDS - 1 && kinds[i].kind != kind)
		i++;
	return &kinds[i];
}

enum file_kind file_identify(const uint8_t *data, size_t size)
{
	if (!size)
		return FILE_EMPTY;
	if (size >= 18 && !memcmp(data, "\177ELF", 4))
		return load16(data + 16, data[5] == 2) == ELF_TYPE_CORE ? FILE_ELF_CORE : FILE_ELF_OTHER;
	for (size_t i = 0; i < NKINDS; i++)
		if (kinds[i].magic && size >= kinds[i].magic_len && !memcmp(data, kinds[i].magic, kinds[i].magic_len))
			return kinds[i].kind;
	if (size >= TAR_MAGIC + 5 && !memcmp(data + TAR_MAGIC, "ustar", 5))
		return FILE_TAR;
	return FILE_UNKNOWN;
}

const char *file_kind_name(enum file_kind kind)
{
	return kind_row(kind)->name;
}

const char *file_kind_advice(enum file_kind kind)
{
	return kind_row(kind)->advice;
}

const char *file_kind_decompressor(enum file_kind kind)
{
	return kind_row(kind)->decompressor;
}

const char *file_kind_package(enum file_kind kind)
{
	return kind_row(kind)->package;
}
