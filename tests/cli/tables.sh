#!/bin/sh
# SPDX-License-Identifier: MIT
# The tables of every committed snapshot, read again by a program that shares no code with heapconv: dominators, retained
# sizes, depths and all sums computed a second time; the pprof and folded files hold what the tables hold.
. tests/cli/lib.sh

check() { # name snapshot executable [option]
	name=$1 snapshot=$2 exe=$3
	shift 3
	mkdir -p "$T/tables"
	o=$T/tables
	"$HEAPCONV" -q "$snapshot" -e "$exe" "$@" -o "$o/nodes.csv" -o "$o/edges.csv" -o "$o/types.csv" -o "$o/memory.csv" \
		-o "$o/roots.csv" -o "$o/goroutines.csv" -o "$o/heap.pb" -o "$o/heap.folded" 2> "$o/err"
	case $? in 0 | 3) ;; *) flunk "$name: tables are written" "$(cat "$o/err")"; return ;; esac
	is "$name: tables computed again are the same $*" "$(python3 tests/tools/tables-check.py "$o" "$@" 2>&1)" ""
}

if ! command -v python3 > /dev/null; then
	skip "tables computed again" "no python3"
	exit 0
fi
for file in testdata/snapshots/*.core.gz testdata/snapshots/*.heapdump.gz testdata/snapshots/*.gcore.zst; do
	name=$(basename "${file%.*}")
	exe=$(unpack "testdata/snapshots/${name%.*}.exe.gz")
	case $file in
	*.zst)
		command -v zstd > /dev/null || { skip "$name: tables computed again" "no zstd"; continue; }
		check "$name" "$file" "$exe" --garbage
		;;
	*)
		check "$name" "$(unpack "$file")" "$exe" --garbage
		;;
	esac
done
# Questions about single objects, on three of them.
for name in leak-1.26 zoo-1.21 zoo-1.27; do
	core=$(unpack testdata/snapshots/$name.core.gz) exe=$(unpack testdata/snapshots/$name.exe.gz)
	"$HEAPCONV" -q "$core" -e "$exe" -o "$T/nodes.csv" -o "$T/edges.csv"
	is "$name: paths, roots and what would be freed are as brute force has them" \
		"$(python3 tests/tools/target-check.py "$HEAPCONV" "$core" "$exe" "$T" 2>&1)" ""
done
check leak-1.26.core "$(unpack testdata/snapshots/leak-1.26.core.gz)" "$(unpack testdata/snapshots/leak-1.26.exe.gz)"
