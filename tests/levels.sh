#!/bin/sh
# SPDX-License-Identifier: MIT
# `make levels`: how much of the live heap has a type without debug information, by release of Go: the table in the README.
# Builds and dumps the test programs with each release in GO_RELEASES (the go command fetches them); needs go, strip, and
# leave to dump core.
set -u
BUILD=${BUILD:-build/release}
HEAPCONV=${HEAPCONV:-$BUILD/heapconv}
RELEASES=${GO_RELEASES:-1.17 1.18 1.19 1.20 1.21 1.22 1.23 1.24 1.25 1.26 1.27}
T=$(mktemp -d "${TMPDIR:-/tmp}/heapconv-levels.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT
export LC_ALL=C

# row CORE EXE: "98.7 97.1" of bytes and objects with a type
row() {
	"$HEAPCONV" -q "$1" -e "$2" --dump=stats | awk '
		/^ledger heap.live / { b = $3; n = $4 }
		/^ledger heap.live.unknown/ { printf "%.1f, %.1f", 100 - 100 * $3 / b, 100 - 100 * $4 / n }'
}

# Objects whose type with COPY is another one than with EXE.
wrong() {
	"$HEAPCONV" -q "$1" -e "$2" --dump=objects > "$T/with"
	"$HEAPCONV" -q "$1" -e "$3" --dump=objects > "$T/without"
	awk -f tests/cli/levels.awk -v name=x "$T/with" "$T/without" | awk '
		/^not ok/ { bad = 1 } /^# 0x/ { n++ } END { print bad && !n ? "?" : n + 0 }'
}

echo "| program | Go | L0 | L1 | L2 | other types at L1, L2 |"
echo "| --- | --- | --- | --- | --- | --- |"
for program in ${PROGRAMS:-zoo web}; do
	for release in $RELEASES; do
		out=$T/$program-$release
		GO=$release PROGRAM=$program VARIANT=plain KINDS=quit OUT="$out" RUNDIR="$T/run" \
			bash testdata/gen.sh > "$T/gen.log" 2>&1 || { echo "| $program | $release | $(tail -n 1 "$T/gen.log") |"; continue; }
		core=$out/$program.core.quit exe=$out/$program
		strip -g -o "$exe.g" "$exe" && strip -s -o "$exe.s" "$exe"
		echo "| $program | $release | $(row "$core" "$exe") | $(row "$core" "$exe.g") | $(row "$core" "$exe.s") |" \
			"$(wrong "$core" "$exe" "$exe.g"), $(wrong "$core" "$exe" "$exe.s") |"
		rm -rf "$out"
	done
done
