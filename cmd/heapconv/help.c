/* SPDX-License-Identifier: MIT */
#include "cmd/heapconv/help.h"

#include <stdio.h>

#include "heapconv/heapconv.h"

static const char intro[] =
	"heapconv: what holds the memory of a Go process\n"
	"\n"
	"usage: heapconv [OPTION]... SNAPSHOT\n"
	"\n"
	"SNAPSHOT is an ELF core of a Go 1.17 to 1.27 process: from the kernel (GOTRACEBACK=crash and ulimit -c unlimited),\n"
	"gcore PID, or delve's dump; or what runtime/debug.WriteHeapDump wrote, on any system, with --exe. Either may be gzip'd.\n"
	"Without -o, a page of text answers: what the process was, where its memory is, which types it holds, and what keeps\n"
	"them.\n"
	"\n"
	"  heapconv core                                 the page\n"
	"  heapconv core -o heap.pb.gz                   then: go tool pprof -http=: heap.pb.gz\n"
	"  heapconv core -o heap.pb.gz --types-dir=types then: go tool pprof -source_path=types -list main.Cache heap.pb.gz\n"
	"  heapconv core -o heap.folded                  for flame graph tools\n"
	"  heapconv core --view=types                    a table on the terminal: of types, roots, goroutines, nodes, memory\n"
	"  heapconv core --target=main.Session           one object, its fields, who holds it and by which paths\n"
	"  heapconv core --target=main.Session --view=paths   by which references it is kept alive\n"
	"  heapconv core -o nodes.csv -o edges.csv       the whole graph, for DuckDB, Gephi, Python\n"
	"  heapconv core --exe ./server --sysroot /mnt   when the executable is not where the core says\n"
	"  heapconv app.heapdump --exe ./app             a heap dump does not name its executable\n"
	"  heapconv core --view=allocs -o allocs.pb.gz   who allocated what is live, by the memory profile's samples\n"
	"\n"
	"outputs\n"
	"  -o FILE             write FILE (repeatable; - is standard output); the suffix names the format, or:\n"
	"  --format=NAME       the format of the -o options that follow\n"
	"  --view=NAME         the view of the -o options that follow; else the file's stem where that is a view (types.csv);\n"
	"                      without any -o, the view is written to standard output, as text or as --format says\n"
	"  --target=WHAT       what the views object, paths and owners speak of, and nodes, edges and types are of: an address\n"
	"                      anywhere inside of it, the name of a variable or type, a regular expression over types' names;\n"
	"                      0xc000010000.next or main.cache.items: what would be freed if that pointer were nil\n"
	"  --types-dir=DIR     write the program's types as a listing that pprof -list annotates\n"
	"  --top=N, --depth=N, --max-samples=N\n"
	"                      bounds on what is written; the output says what it left out\n"
	"  --garbage           include unreachable objects where the view leaves them out\n"
	"  --hprof-contents=none  zeros instead of the program's data: for a dump to pass on\n"
	"  --hprof-strings=raw    strings as references to their bytes: a smaller dump, without texts in most tools\n"
	"  --hprof-locals=refs    below stack frames only what local variables point to, without their names\n"
	"\n";

static const char rest[] =
	"\n"
	"inputs\n"
	"  -e, --exe=FILE      the executable (default: found through the core, compared by build id; a heap dump needs it)\n"
	"  --debug-file=FILE   where the executable's debug information is, if not in itself\n"
	"  --sysroot=DIR       look for the core's paths under DIR (repeatable)\n"
	"  --search=DIR        look for the executable's name in DIR (repeatable)\n"
	"  --oid=FILE          names of objects by the number in their first 8 bytes: lines `0x6e6f6465 Node`\n"
	"  --force             go on in spite of a mismatched executable, or damage in a heap dump\n"
	"\n"
	"chatter\n"
	"  -q, -v              less, more\n"
	"  --strict            warnings are errors: nothing is written\n"
	"  --progress=WHEN     auto (on a terminal), always, never\n"
	"  --dump=LAYER        what one stage sees: segments notes images types spans objects roots goroutines records stats\n"
	"  -h, --help  --version\n"
	"\n"
	"exit status: 0 complete; 3 written, but something was missing or inexact (said on standard error);\n"
	"1 failed, no output file touched; 2 wrong usage.\n";

void help_print(void)
{
	fputs(intro, stdout);
	puts("formats");
	for (size_t i = 0; i < hc_format_count(); i++) {
		const struct hc_format *f = hc_format_at(i);
		printf("  %-9s %-18s %s\n            views: %s\n", f->name, f->suffixes, f->help, f->views);
	}
	fputs(rest, stdout);
}
