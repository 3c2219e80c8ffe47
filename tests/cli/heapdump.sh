#!/bin/sh
# SPDX-License-Identifier: MIT
# Heap dumps: against what the program wrote down, against the core of the same run, against an independent marker; without
# the executable; cut, damaged, with the wrong file.
. tests/cli/lib.sh

tap() { # FILE: the lines of truth.awk, numbered
	while IFS= read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) flunk "${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done < "$1"
}

# Dumps of Go 1.25 and later lack cleanups and weak handles: what only these keep.
differences() { # CORE_OBJECTS DUMP_OBJECTS: objects of both, with what differs
	awk 'function read() { p = $4 == "noscan" ? 5 : 4; retained = $(p + 7); type = $(p + 9)
			for (i = p + 10; i <= NF; i++) type = type " " $i }
		FNR == NR { read(); state[$1] = $3; kept[$1] = retained; name[$1] = type; next }
		{ read() }
		!($1 in state) { gone++; next }
		state[$1] != $3 { $3 == "live" ? more++ : fewer++; next }
		$3 == "live" && name[$1] != type && name[$1] !~ /atomic.Uintptr/ { types++ }
		$3 == "live" && kept[$1] != retained { sizes++ }
		END { printf "gone %d more %d fewer %d types %d sizes %s\n", gone, more, fewer, types, (sizes > 30 ? sizes : "few") }' "$@"
}

marker=${CC:-cc}
$marker -O2 -o "$T/heapdump-live" tests/tools/heapdump-live.c 2> "$T/err" ||
	flunk "the heap dump marker builds" "$(cat "$T/err")"

for name in zoo-1.22 zoo-1.27; do
	gz=testdata/snapshots/$name.heapdump.gz
	dump=$(unpack $gz)
	exe=$(unpack testdata/snapshots/$name.exe.gz)
	"$HEAPCONV" "$gz" -e "$exe" --dump=objects > "$T/objects" 2> "$T/err"
	is "$name: exit status and complaints" "$?$(cat "$T/err")" 0
	# Cleanups are not in a heap dump, nor what only they keep.
	grep -v 'root=cleanup' testdata/snapshots/$name.truth > "$T/truth"
	awk -v name="$name" -v level=L0 -f tests/cli/truth.awk "$T/truth" "$T/objects" > "$T/tap"
	tap "$T/tap"

	"$HEAPCONV" -q "$dump" -e "$exe" --dump=stats > "$T/stats"
	is "$name: the ledger agrees with the dumped MemStats" "$(awk '/^check/ { print $2, $NF }' "$T/stats" | tr '\n' ' ')" \
		"HeapObjects 0 HeapAlloc 0 "
	is "$name: classes of the ledger add up" "$(awk '/^ledger heap\./ && $2 !~ /heap\..*\./ { s += $3 } /^ledger heap / { h = $3 }
		END { print s - h }' "$T/stats")" 0
	is "$name: at least 98 % of the live bytes have types" "$(awk '/^ledger heap.live / { b = $3 }
		/^ledger heap.live.unknown/ { print ($3 * 50 <= b ? "yes" : $3 " of " b) }' "$T/stats")" yes

	"$HEAPCONV" -q testdata/snapshots/$name.core.gz -e "$exe" --dump=objects > "$T/core"
	lost=0
	[ $name = zoo-1.27 ] && lost=37
	is "$name: as in the core of the same run" "$(differences "$T/core" "$T/objects")" \
		"gone 0 more 0 fewer $lost types 0 sizes few"

	"$HEAPCONV" -q testdata/snapshots/$name.core.gz -e "$exe" --dump=stats > "$T/core.stats"
	sums='/^ledger (stacks|runtime|heap.idle|heap.released|heap.tails) / { print $2, $3 }'
	is "$name: stacks, free memory and the runtime's own as in the core" "$(awk "$sums" "$T/stats")" \
		"$(awk "$sums" "$T/core.stats")"

	"$T/heapdump-live" "$dump" | awk '$3 == "live" { print $1 }' | sort > "$T/marked"
	awk '$3 == "live" { print $1 }' "$T/objects" | sort > "$T/live"
	is "$name: alive is what the marker finds, and what only stack maps know" \
		"$(comm -23 "$T/marked" "$T/live" | wc -l) $(comm -13 "$T/marked" "$T/live" | wc -l)" "0 9"

	# Without the executable the graph is the same, as far as the records go.
	"$HEAPCONV" "$dump" --dump=objects > "$T/bare" 2> "$T/err"
	is "$name without executable: exit status" "$?" 3
	like "$name without executable: says so" "$(cat "$T/err")" 'holds no types: .*--exe'
	awk '$3 == "live" { print $1 }' "$T/bare" | sort > "$T/live"
	ok "$name without executable: alive is what the marker finds" cmp "$T/marked" "$T/live"
	is "$name without executable: the same objects" "$(awk '{ print $1, $2 }' "$T/bare" | cksum)" \
		"$(awk '{ print $1, $2 }' "$T/objects" | cksum)"
	like "$name without executable: frames have names" "$("$HEAPCONV" -q "$dump" --dump=goroutines)" 'main\.gorRecv'

	"$HEAPCONV" -q "$dump" --dump=records > "$T/records" 2>&1
	is "$name: a record of each kind, and the end" "$(awk '{ print $2 }' "$T/records" | sort -u | tr '\n' ' ')" \
		"bss data defer end finalizer frame goroutine itab memstats object panic params queuedfinalizer sample site thread type "
	like "$name: records begin with the parameters" "$(sed -n 1p "$T/records")" \
		'^16 params bigendian=0 pointersize=8 .* arch="amd64" version="go1.2[27]'
	is "$name: phantoms are records and not objects" \
		"$(($(grep -c ' object ' "$T/records") - $(wc -l < "$T/objects") > 100))" 1
done

dump=$(unpack testdata/snapshots/zoo-1.22.heapdump.gz)
exe=$(unpack testdata/snapshots/zoo-1.22.exe.gz)

# ---- the executable ----

fails() { # WHAT REGEX ARGS...
	what=$1 regex=$2
	shift 2
	"$HEAPCONV" "$@" > "$T/stdout" 2> "$T/err"
	is "$what: exit status" "$?" 1
	like "$what: message" "$(cat "$T/err")" "$regex"
}
fails "executable of another release" 'built by go1.27.3, .* by go1.22.12; give the one' "$dump" \
	-e "$(unpack testdata/snapshots/zoo-1.27.exe.gz)"
fails "a core is no executable" 'exe' "$dump" -e "$(unpack testdata/snapshots/zoo-1.22.core.gz)"
fails "executable of no Go program" 'it shows no sign of Go, and its variables are elsewhere' "$dump" -e "$(command -v ls)"
printf '\317\372\355\376 and so on' > "$T/macho"
printf 'MZ and so on' > "$T/pe"
fails "Mach-O executable" 'is a Mach-O file; types are read from ELF executables only: leave --exe out' "$dump" -e "$T/macho"
fails "PE executable" 'is a Windows executable; types are read from ELF executables only' "$dump" -e "$T/pe"
fails "records of a core" 'has no records: it is not a heap dump' "$(unpack testdata/snapshots/zoo-1.22.core.gz)" --dump=records

# ---- names planted in objects ----

# The first list node of the truth: its record says where its contents are.
node=$(sed -n 's/^object name=list.node.0 addr=\(0x[0-9a-f]*\) .*/\1/p' testdata/snapshots/zoo-1.22.truth)
at=$("$HEAPCONV" -q "$dump" --dump=records | sed -n "s/^\([0-9]*\) object addr=$node .*/\1/p")
word=$(od -An -tx8 -j $((at + 8)) -N 8 "$dump" | tr -d ' ')
printf '# a comment\n\n0x%s  the first node \n12 never\n' "$word" > "$T/oids"
like "--oid names objects by their first word" "$("$HEAPCONV" -q "$dump" --oid="$T/oids" --dump=objects | grep "^$node ")" \
	'inferred the first node$'
like "--oid leaves what has a type" "$("$HEAPCONV" -q "$dump" -e "$exe" --oid="$T/oids" --dump=objects | grep "^$node ")" \
	'main.ListNode$'
printf '0x10 Good\nNode 0x10\n' > "$T/oids"
fails "bad line in the file of --oid" "oids:2: 'Node 0x10' is not a number and a name" "$dump" --oid="$T/oids"
fails "no file for --oid" 'nothing: No such file' "$dump" --oid="$T/nothing"

# ---- cut and damaged ----

size=$(wc -c < "$dump")
for part in 3 10 50 90 99; do
	head -c $((size * part / 100)) "$dump" > "$T/cut"
	objects=$("$HEAPCONV" "$T/cut" -e "$exe" --dump=objects 2> "$T/err" | wc -l)
	"$HEAPCONV" -q "$T/cut" -e "$exe" > /dev/null
	is "cut at $part %: exit status" "$?" 3
	like "cut at $part %: says where" "$(cat "$T/err")" 'the heap dump is cut: the file ends after [0-9]+ bytes'
	like "cut at $part %: what came before is there ($objects objects)" "$objects" '^[1-9]'
done
like "cut before the roots: says that nothing tells what is alive" "$(head -c 1000000 "$dump" > "$T/cut"
	"$HEAPCONV" "$T/cut" -e "$exe" 2>&1 > /dev/null)" 'without roots'
head -c 100000 testdata/snapshots/zoo-1.22.heapdump.gz > "$T/cut.gz"
"$HEAPCONV" "$T/cut.gz" -e "$exe" > /dev/null 2> "$T/err"
is "cut gzip stream: exit status" "$?" 3
head -c 40 "$dump" > "$T/cut"
fails "cut in the parameters" 'before its parameters' "$T/cut"
head -c 300 "$dump" > "$T/cut"
fails "cut before the first object" 'holds no objects' "$T/cut"

cp "$dump" "$T/damaged"
at=$("$HEAPCONV" -q "$dump" --dump=records | awk '$2 == "goroutine" && !n++ { print $1 }')
printf '\377\377\377\377\377\377\377\377\377\377\377' | dd of="$T/damaged" bs=1 seek=$((at + 1)) conv=notrunc 2> /dev/null
fails "damaged number" "more than 64 bits at offset $((at + 1)), in the record at offset $at" "$T/damaged" -e "$exe"
"$HEAPCONV" -q "$T/damaged" -e "$exe" --force > /dev/null
is "damaged, with --force: exit status" "$?" 3
printf '\377\377\377\377\377\377\377\377\017' | dd of="$T/damaged" bs=1 seek=$((at + 1)) conv=notrunc 2> /dev/null
printf '\001\010\200\200\200\200\200\200\200\200\020' | dd of="$T/damaged" bs=1 seek="$at" conv=notrunc 2> /dev/null
fails "a length of 2^60" "impossible length at offset $((at + 2))" "$T/damaged" -e "$exe"

# ---- every output ----

mkdir "$T/out"
"$HEAPCONV" "$dump" -e "$exe" -o "$T/out/heap.pb.gz" -o "$T/out/heap.hprof" -o "$T/out/heap.folded" > /dev/null 2> "$T/err"
is "all outputs: exit status" "$?$(cat "$T/err")" 0
is "all outputs: none is empty" "$(find "$T/out" -type f -size +1k | wc -l)" 3
"$HEAPCONV" -q "$dump" -o "$T/out/bare.pb.gz" -o "$T/out/bare.hprof" -o "$T/out/bare.folded"
is "all outputs without executable: exit status" "$?" 3
is "all outputs without executable: none is empty" "$(find "$T/out" -name 'bare*' -size +1k | wc -l)" 3

# ---- where objects were allocated ----

# Each of zoo's profiled nodes was sampled; of the server's objects, some: what they stand for is what is there, about.
"$HEAPCONV" -q "$dump" -e "$exe" --view=allocs -o "$T/out/a.folded"
like "allocs: the calls, then the type" "$(cat "$T/out/a.folded")" \
	'^runtime.goexit;runtime.main;main.main;main.buildProfiled;main.profAlloc;main.ProfNode [0-9]+$'
"$HEAPCONV" -q "$dump" --view=allocs -o "$T/out/b.folded"
is "allocs without executable: the same calls" "$(sed 's/;[^;]*$//' "$T/out/b.folded")" "$(sed 's/;[^;]*$//' "$T/out/a.folded")"
at=$("$HEAPCONV" -q "$dump" --dump=records | awk '$2 == "sample" { print $1; exit }')
head -c "$at" "$dump" > "$T/cut.samples"
leak=testdata/snapshots/leak-1.26
for stripped in "" stripped; do # which has no name for the profile's rate: it is estimated
	gzip -dc $leak.exe.gz > "$T/leak"
	[ -z "$stripped" ] || strip -s "$T/leak" 2> /dev/null || continue
	"$HEAPCONV" -q $leak.core.gz -e "$T/leak" --view=allocs -o "$T/out/leak.folded" --format=pprof -o "$T/out/leak.pb"
	live=$("$HEAPCONV" -q $leak.core.gz -e "$T/leak" --dump=stats | awk '/^ledger heap.(live|slack) / { n += $3 } END { print n }')
	is "allocs $stripped: sampled objects stand for the live bytes, to 20 %" \
		"$(awk -v live="$live" '{ n += $NF } END { print (n > live * .8 && n < live * 1.2 ? "yes" : n " of " live) }' "$T/out/leak.folded")" yes
	like "allocs $stripped: what allocates most" "$(sed -n 1p "$T/out/leak.folded")" 'PageCache..render;.*;..uint8 [0-9]+$'
done
"$HEAPCONV" "$T/cut.samples" -e "$exe" --view=allocs -o "$T/out/none.folded" 2> "$T/err"
is "allocs without samples: exit status" "$?" 3
like "allocs without samples: says why there are none" "$(cat "$T/err")" 'no object is sampled: .*import runtime/pprof'

# ---- through a pipe ----

is "from a pipe" "$("$HEAPCONV" -q /dev/stdin -e "$exe" --dump=objects < /dev/null 2> /dev/null | wc -l; cat "$dump" |
	"$HEAPCONV" -q /dev/stdin -e "$exe" --dump=objects | cksum)" "0
$("$HEAPCONV" -q "$dump" -e "$exe" --dump=objects | cksum)"
gzip -dc testdata/snapshots/zoo-1.22.heapdump.gz | gzip -c | "$HEAPCONV" -q /dev/stdin -e "$exe" > /dev/null
is "gzip'd from a pipe" "$?" 0
