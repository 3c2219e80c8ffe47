#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the test program with the Go release that is installed (or those named in GO_RELEASES), dumps it in every way,
# and compares: with what the program wrote down, with an independent marker of the heap dump of the same moment, and
# debug level against stripped level.
. tests/cli/lib.sh

command -v go >/dev/null || { skip "live snapshots" "go is not installed"; exit 0; }
command -v gcore >/dev/null || { skip "live snapshots" "gcore (package gdb) is not installed"; exit 0; }
case $(cat /proc/sys/kernel/core_pattern) in
/*|"|"*) kinds="gcore" ;;
*) kinds="gcore crash quit" ;;
esac
ok "the heap dump marker builds" ${CC:-cc} -O2 -o "$T/heapdump-live" tests/tools/heapdump-live.c
local_release=$(go env GOVERSION 2>/dev/null | sed -n 's/^go\([0-9][0-9.]*\).*/\1/p')

# compare NAME EXE SNAPSHOT LEVEL
compare() {
	"$HEAPCONV" -q "$3" -e "$2" --dump=objects > "$T/objects" 2> "$T/err"
	is "$1: exit status" "$?" 0
	awk -v name="$1" -v level="$4" -f tests/cli/truth.awk "$3.truth" "$T/objects" > "$T/tap"
	while IFS= read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) flunk "${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done < "$T/tap"
	is "$1: the ledger agrees with the runtime's counters" \
		"$("$HEAPCONV" -q "$3" -e "$2" --dump=stats | awk '/^check/ && ($NF > 8 || $NF < -8)')" ""
	# What the dump's roots reach must be alive here too: stacks are more precise in a core, never less.
	"$T/heapdump-live" "$3.heapdump" | awk '$3 == "live" { print $1 }' | sort > "$T/dump.live"
	awk '$3 == "live" { print $1 }' "$T/objects" | sort > "$T/core.live"
	awk '{ print $1 }' "$T/objects" | sort > "$T/core.all"
	comm -12 "$T/dump.live" "$T/core.all" > "$T/both"
	is "$1: nothing that the heap dump reaches counts as garbage" "$(comm -23 "$T/both" "$T/core.live" | wc -l)" 0
}

for release in ${GO_RELEASES:-$local_release}; do
	for variant in plain stripped; do
		out=$T/$release-$variant
		if ! GO=$release PROGRAM=zoo VARIANT=$variant KINDS="$kinds" OUT="$out" RUNDIR="$T/run" \
			bash testdata/gen.sh > "$T/gen.log" 2>&1; then
			skip "go $release $variant" "its snapshots could not be made: $(tail -n 1 "$T/gen.log")"
			continue
		fi
		for core in "$out"/zoo.gcore "$out"/zoo.core.*; do
			case $core in *.truth|*.heapdump) continue ;; esac
			[ -e "$core" ] || continue
			level=L0
			[ $variant = plain ] || level=L2
			compare "go $release $variant $(basename "$core")" "$out/zoo" "$core" $level
		done
		rm -rf "$out"
	done
done
