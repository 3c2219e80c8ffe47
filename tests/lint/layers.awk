# Include direction: a file may include its own layer and the ones before it, nothing else. Writers and cmd see only the
# public headers (and base, for writers). Each third-party library is included by one .c file.
BEGIN {
	n = split("base reader types heap graph api writers", order, " ")
	for (i = 1; i <= n; i++) rank[order[i]] = i
	owner["libdwarf"] = "src/types/dwarf.c"; owner["dwarf"] = "src/types/dwarf.c"
	owner["gelf"] = "src/reader/elf.c"; owner["libelf"] = "src/reader/elf.c"
	owner["zlib"] = "src/base/gz.c"
	owner["profile.pb-c"] = "src/writers/pprof.c"; owner["protobuf-c/protobuf-c"] = "src/writers/pprof.c"
	bad = 0
}
function complain(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; bad = 1 }
/^[ \t]*#[ \t]*include/ {
	line = $0
	sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
	quoted = substr(line, 1, 1) == "\""
	gsub(/["<>]/, "", line); sub(/[ \t].*/, "", line)
	base = line; sub(/\.h$/, "", base)
	short = base; sub(/^.*libdwarf\//, "", short)
	if (base in owner && FILENAME != owner[base]) complain("only " owner[base] " may include " line)
	else if (short in owner && FILENAME != owner[short]) complain("only " owner[short] " may include " line)
	if (!quoted) next
	split(line, part, "/")
	to = part[1]
	split(FILENAME, path, "/")
	if (path[1] == "include") { if (to != "heapconv") complain("public headers include public headers only, not " line); next }
	if (path[1] == "cmd") { if (to != "heapconv" && line !~ /^cmd\//) complain("cmd may include heapconv/*.h only, not " line); next }
	from = path[2]
	if (to == "heapconv" || line == "golayout.inc" || line ~ /pb-c\.h$/) {
		if (to == "heapconv" && from != "api" && from != "writers" && line != "heapconv/error.h" && line != "heapconv/write.h")
			complain(from " may include heapconv/error.h only, not " line)
		next
	}
	if (!(to in rank)) { complain("unknown layer in " line); next }
	if (from == "writers" && to != "writers" && to != "base") complain("writers may include heapconv/*.h and base only, not " line)
	else if (rank[to] > rank[from]) complain(from " may not include " line)
}
END { exit bad }
