#!/bin/sh
# SPDX-License-Identifier: MIT
# Cores of other machines than the one this runs on: the test program is built for each port, runs under an emulator (386:
# as it is), dumps core in the ways that a program can, and is held against what it wrote down, against an independent
# marker of its heap dump, and stripped against debug level. The README's table of ports has to say what comes out here.
#
# GO_ARCHES says which ports (all of them: "arm64 386 s390x arm mips mipsle mips64 mips64le ppc64 ppc64le riscv64
# loong64"), GO_RELEASES with which releases of Go.
. tests/cli/lib.sh

command -v go >/dev/null || { skip "ports" "go is not installed"; exit 0; }
ok "the heap dump marker builds" ${CC:-cc} -O2 -o "$T/heapdump-live" tests/tools/heapdump-live.c
local_release=$(go env GOVERSION 2>/dev/null | sed -n 's/^go\([0-9][0-9.]*\).*/\1/p')

# claim ARCH COLUMN: what the README says
claim() {
	awk -F' *[|] *' -v port="linux/$1" -v column="$2" '
		$2 == "port" { for (i = 2; i < NF; i++) if ($i == column) at = i }
		at && index("," $2 ",", port) { print $at; exit }' README.md
}

# The collector takes each word of a preempted goroutine's saved registers for a pointer, and so do we, and the registers of
# threads that were stopped anywhere. What only such words keep, and the program lost, is for the truth as good as garbage.
forget_registers() { # OBJECTS TRUTH EXE SNAPSHOT
	"$HEAPCONV" -q "$4" -e "$3" --dump=roots 2>/dev/null | awk '/ conservative/ { print "r:" $1 }' > "$T/conservative"
	"$HEAPCONV" -q "$4" -e "$3" --view=edges --format=csv -o - 2>/dev/null | cut -d, -f 1,2 > "$T/edges"
	awk -F'[, ]' 'FILENAME == ARGV[1] { skip[$1] = 1; next }
		FILENAME == ARGV[2] { if (!($1 in skip) && !($2 in skip)) to[$1] = to[$1] " " $2; next }
		!ready { ready = 1; seen["ROOT"] = 1; queue[n++] = "ROOT"
			for (i = 0; i < n; i++) { k = split(to[queue[i]], next_, " ")
				for (j = 1; j <= k; j++) if (!(next_[j] in seen)) { seen[next_[j]] = 1; queue[n++] = next_[j] } } }
		FILENAME == ARGV[3] { if (/ (state=live|live=1)/) for (i = 2; i <= NF; i++) if ($i ~ /^addr=/) wanted[substr($i, 6)] = 1; next }
		$3 == "live" { at = $1; for (i = 4; i < NF; i++) if ($i == "at") at = $(i + 1)
			if (!(at in seen) && !(at in wanted)) { $3 = "garbage"; print "# kept by words of registers alone: " at > "/dev/stderr" } }
		{ print }' "$T/conservative" "$T/edges" "$2" "$1" 2> "$T/forgotten"
}

# truth NAME EXE SNAPSHOT LEVEL
truth() {
	"$HEAPCONV" -q "$3" -e "$2" --dump=objects > "$T/objects" 2> "$T/err"
	is "$1: exit status" "$? $(head -n 1 "$T/err")" "0 "
	forget_registers "$T/objects" "$3.truth" "$2" "$3" > "$T/program"
	awk -v name="$1" -v level="$4" -f tests/cli/truth.awk "$3.truth" "$T/program" > "$T/tap"
	head -n 5 "$T/forgotten"
	while IFS= read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) flunk "${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done < "$T/tap"
	"$HEAPCONV" -q "$3" -e "$2" --dump=stats > "$T/stats" 2>/dev/null
	is "$1: six of the runtime's counters agree with the ledger" \
		"$(awk '/^check/ && $NF <= 8 && $NF >= -8' "$T/stats" | wc -l | tr -d ' ')" 6
	case $3 in *busy) return ;; esac # by then goroutines may have run that the dump has
	"$T/heapdump-live" "$3.heapdump" | awk '$3 == "live" { print $1 }' | sort > "$T/dump.live"
	awk '$3 == "live" { print $1 }' "$T/objects" | sort > "$T/core.live"
	awk '{ print $1 }' "$T/objects" | sort > "$T/core.all"
	comm -12 "$T/dump.live" "$T/core.all" > "$T/both"
	is "$1: nothing that the heap dump reaches counts as garbage" \
		"$(comm -23 "$T/both" "$T/core.live" | wc -l | tr -d ' ')" 0
}

# What the README's table says of the port, measured on a dump whose main goroutine was running.
table() { # ARCH NAME EXE SNAPSHOT
	"$HEAPCONV" -q "$4" -e "$3" --dump=goroutines > "$T/goroutines"
	"$HEAPCONV" -q "$4" -e "$3" --dump=roots > "$T/roots"
	"$HEAPCONV" -q "$4" -e "$3" --dump=stats > "$T/stats"
	is "$2: registers say where the running goroutine is" "$(awk '/^goroutine/ { on = /^goroutine 1 \[running/ }
		on && main && / conservative/ { print "yes" } { main = / main\.finish / }' "$T/goroutines")" "$(claim "$1" registers)"
	is "$2: no stack is cut short" "$(grep -c truncated "$T/goroutines")" "$(claim "$1" frames | sed 's/^yes$/0/')"
	is "$2: locals have names and types" "$(grep -q ' main\.gorSelect\.[a-z]* .*type \*\?main\.' "$T/roots" && echo yes)" \
		"$(claim "$1" locals)"
	is "$2: types of live bytes and objects" "$(awk '/^ledger heap.live / { b = $3; n = $4 }
		/^ledger heap.live.unknown/ { print ($3 * 50 <= b && $4 * 20 <= n) ? "yes" : "unknown: " $3 " of " b ", " $4 " of " n }
		' "$T/stats")" "$(claim "$1" types)"
	is "$2: liveness" "$(claim "$1" liveness)" exact
}

for arch in ${GO_ARCHES:-arm64 386 s390x}; do
	for release in ${GO_RELEASES:-$local_release}; do
		for variant in plain stripped; do
			name="$arch go $release $variant"
			out=$T/$arch-$release-$variant
			kinds="crash busy" # the second with a running goroutine, whose registers lie in a signal's context
			[ $variant = plain ] || kinds="quit abort"
			if ! GOARCH=$arch GO=$release PROGRAM=zoo VARIANT=$variant KINDS="$kinds" OUT="$out" RUNDIR="$T/run" \
				bash testdata/gen.sh > "$T/gen.log" 2>&1; then
				skip "$name" "its snapshots could not be made: $(tail -n 1 "$T/gen.log")"
				continue
			fi
			# While main writes the truth, a slow machine may let the goroutines run that were not to.
			[ ! -e "$out/zoo.core.busy.truth" ] || sed -i '/root=stack:main\.startRunnable/d' "$out/zoo.core.busy.truth"
			for kind in $kinds; do
				level=L0
				[ $variant = plain ] || level=L2
				truth "$name $kind" "$out/zoo" "$out/zoo.core.$kind" $level
			done
			if [ $variant = plain ]; then
				table "$arch" "$name" "$out/zoo" "$out/zoo.core.busy"
				# The table of layouts, which stripped programs are read with, says what the debug information does.
				is "$name: layouts" "$("$HEAPCONV" -vv "$out/zoo.core.crash" -e "$out/zoo" -o "$T/memory.csv" 2>&1 |
					grep 'runtime fields')" ""
			else
				is "$name: stripped" yes "$(claim "$arch" stripped)"
			fi
			rm -rf "$out"
		done
	done
done
