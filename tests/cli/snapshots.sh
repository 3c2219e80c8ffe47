#!/bin/sh
# SPDX-License-Identifier: MIT
# Every committed core, held against what its program wrote down: liveness, types, counts, the runtime's counters.
. tests/cli/lib.sh

for truth in testdata/snapshots/zoo-*.truth; do
	name=$(basename "$truth" .truth)
	core=testdata/snapshots/$name.core.gz
	[ -e "$core" ] || continue
	exe=$(unpack "testdata/snapshots/$name.exe.gz")
	"$HEAPCONV" -q "$core" -e "$exe" --dump=objects > "$T/objects" 2> "$T/err"
	status=$?
	# Level L0 has debug information; below it some names are unknown, but none may be wrong.
	level=$("$HEAPCONV" -q "$core" -e "$exe" | sed -n 's/.*(\(L[0-3]\).*/\1/p' | head -n 1)
	is "$name ($level): exit status" "$status" 0
	awk -v name="$name ($level)" -v level="$level" -f tests/cli/truth.awk "$truth" "$T/objects" > "$T/tap"
	while IFS= read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) flunk "${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done < "$T/tap"
	"$HEAPCONV" -q "$core" -e "$exe" --dump=stats > "$T/stats"
	is "$name ($level): the ledger agrees with the runtime's counters" \
		"$(awk '/^check/ && $NF != 0' "$T/stats")" ""
	is "$name ($level): six counters were compared" "$(grep -c '^check' "$T/stats")" 6
	is "$name ($level): top classes of the ledger add up" "$(awk '/^ledger heap\./ && $2 !~ /heap\..*\./ { s += $3 }
		/^ledger heap / { h = $3 } END { print s - h }' "$T/stats")" 0
	# With debug information at most 2 % of the live bytes and 5 % of the live objects may be without a name.
	[ "$level" != L0 ] || is "$name ($level): coverage of types" "$(awk '/^ledger heap.live / { b = $3; n = $4 }
		/^ledger heap.live.unknown/ { print ($3 * 50 <= b && $4 * 20 <= n) ? "enough" : "unknown " $3 " of " b " bytes" }' \
		"$T/stats")" enough
	is "$name ($level): no goroutine's stack is cut short" \
		"$("$HEAPCONV" -q "$core" -e "$exe" --dump=goroutines | grep -c truncated)" 0
done
