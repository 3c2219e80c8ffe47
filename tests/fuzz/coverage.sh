#!/bin/sh
# SPDX-License-Identifier: MIT
# `make fuzz-coverage`: lines of each layer, and of the whole, that the inputs of each fuzz target reach: those of the tree,
# and those that `make fuzz-run` found. Needs clang's llvm-profdata and llvm-cov.
set -u
BIN=${BIN:-build/cover/fuzz}
RUN=${RUN:-build/fuzz/run}
out=$BIN/../profiles
rm -rf "$out"
mkdir -p "$out"
lib=src/base\ src/reader\ src/types\ src/heap\ src/graph\ src/api\ src/writers

report() { # name profile program: percentages of lines, by layer
	printf '| %-10s |' "$1"
	for layer in $lib src; do
		llvm-cov report "$3" -instr-profile="$2" $(find $layer -name '*.c') 2>/dev/null |
			awk '$1 == "TOTAL" { printf " %s |", $10 } END { if (!NR) printf " - |" }'
	done
	echo
}

printf '| target     |'
for layer in $lib src; do printf ' %s |' "${layer#src/}"; done
echo
echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- |'
for program in "$BIN"/replay_*; do
	case $program in *.d) continue ;; esac
	t=${program##*/replay_}
	more=
	[ ! -d "$RUN/corpus/$t" ] || more=$RUN/corpus/$t
	LLVM_PROFILE_FILE=$out/$t.raw "$program" -n 16 "tests/fuzz/corpus/$t" $more >/dev/null 2>&1
	llvm-profdata merge -o "$out/$t.prof" "$out/$t.raw" && report "$t" "$out/$t.prof" "$program"
done
if [ -d "$RUN/snap" ]; then
	for core in "$RUN"/snap/*.core; do
		LLVM_PROFILE_FILE=$out/memory.%p.raw "$BIN/fuzz_memory" "$core" "${core%.core}.exe" 1 20 60 >/dev/null 2>&1
	done
	llvm-profdata merge -o "$out/memory.prof" "$out"/memory.*.raw && report memory "$out/memory.prof" "$BIN/fuzz_memory"
	rm -f "$out"/memory.*.raw
fi
# All together, seen through a program that has everything in it.
llvm-profdata merge -o "$out/all.prof" "$out"/*.prof && report all "$out/all.prof" "$BIN/fuzz_memory"
