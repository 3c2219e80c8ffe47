#!/bin/sh
# SPDX-License-Identifier: MIT
# Heap dumps of programs for other machines: 32 bits, the other byte order, link registers. Each is built with the Go
# release that is installed (or those named in GO_RELEASES) and run under qemu's user emulation, then held against what the
# program wrote down and against an independent marker.
. tests/cli/lib.sh

command -v go >/dev/null || { skip "heap dumps of other machines" "go is not installed"; exit 0; }
ok "the heap dump marker builds" ${CC:-cc} -O2 -o "$T/heapdump-live" tests/tools/heapdump-live.c
local_release=$(go env GOVERSION 2>/dev/null | sed -n 's/^go\([0-9][0-9.]*\).*/\1/p')

# The command that runs programs of a machine, empty for none; nothing where there is none.
runner() { # GOARCH
	case $1 in
	386) [ "$(uname -m)" = x86_64 ] && echo env || command -v qemu-i386-static ;;
	arm64) command -v qemu-aarch64-static ;;
	mips) command -v qemu-mips-static ;;
	*) command -v "qemu-$1-static" ;;
	esac
}

build() { # RELEASE GOARCH: zoo in $T/b
	rm -rf "$T/b" && mkdir "$T/b" || return 1
	cp testdata/src/truth/*.go testdata/src/zoo/* "$T/b/"
	printf 'module heapconv.test/zoo\n\ngo %s\n' "$(echo "$1" | cut -d. -f1,2)" > "$T/b/go.mod"
	(cd "$T/b" && GOENV=off GOFLAGS='' GOTOOLCHAIN=go$1 GOARCH=$2 GOOS=linux CGO_ENABLED=0 go build -trimpath -o zoo .) \
		> "$T/build.log" 2>&1
}

run() { # RUNNER: until the truth is written
	(cd "$T/b" && exec timeout 120 "$1" ./zoo wait truth heapdump < /dev/null > out 2>&1) &
	pid=$!
	for i in $(seq 600); do
		[ "$(tail -n 1 "$T/b/truth" 2> /dev/null)" = end ] && break
		kill -0 $pid 2> /dev/null || break
		sleep 0.2
	done
	sleep 0.5
	kill $pid 2> /dev/null
	wait $pid 2> /dev/null
	[ "$(tail -n 1 "$T/b/truth" 2> /dev/null)" = end ] && [ -s "$T/b/heapdump" ]
}

# The collector takes the saved registers of a preempted goroutine for pointers, whatever they are. Where heaps lie low, a
# number may be an object's address: 0x800000 is a bit of the floating-point status of a mips and where a large object of
# zoo lies. What only such registers keep, and the program lost, is for the truth as good as garbage.
forget_registers() { # OBJECTS TRUTH
	"$T/heapdump-live" "$T/b/heapdump" | awk '$3 == "live" { print $1 }' | sort > "$T/marked"
	"$T/heapdump-live" "$T/b/heapdump" --no-preempted | awk '$3 == "live" { print $1 }' | sort > "$T/marked.less"
	comm -23 "$T/marked" "$T/marked.less" > "$T/registers"
	awk 'FILENAME == ARGV[1] { only[$1] = 1; next }
		FILENAME == ARGV[2] { if (/ (state=live|live=1)/) for (i = 2; i <= NF; i++) if ($i ~ /^addr=/) wanted[substr($i, 6)] = 1; next }
		$3 == "live" && $1 in only && !($1 in wanted) { $3 = "garbage" }
		{ print }' "$T/registers" "$2" "$1"
}

check() { # NAME
	"$HEAPCONV" -q "$T/b/heapdump" -e "$T/b/zoo" --dump=objects > "$T/objects" 2> "$T/err"
	is "$1: exit status" "$?$(cat "$T/err")" 0
	grep -v 'root=cleanup' "$T/b/truth" > "$T/truth"
	# Go 1.17 passes arguments of go statements on the stack where there is no register ABI (and no return address) yet:
	# above the outermost frame, where no record has them.
	case $1 in
	"go 1.17"*" 386") ;;
	"go 1.17"*) sed -i '/name=go\.\(arg\|cap\) /s/$/ stale=arguments/' "$T/truth" ;;
	esac
	forget_registers "$T/objects" "$T/truth" > "$T/program"
	awk '$3 == "live" { print $1 }' "$T/objects" | sort > "$T/live"
	is "$1: what the records' pointers reach is alive" "$(comm -23 "$T/marked" "$T/live" | wc -l)" 0
	awk -v name="$1" -v level=L0 -f tests/cli/truth.awk "$T/truth" "$T/program" > "$T/tap"
	while IFS= read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) flunk "${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done < "$T/tap"
	"$HEAPCONV" -q "$T/b/heapdump" -e "$T/b/zoo" --dump=stats > "$T/stats"
	is "$1: the ledger agrees with the dumped MemStats" "$(awk '/^check/ { print $2, $NF }' "$T/stats" | tr '\n' ' ')" \
		"HeapObjects 0 HeapAlloc 0 "
	is "$1: at least 95 % of the live bytes have types" "$(awk '/^ledger heap.live / { b = $3 }
		/^ledger heap.live.unknown/ { print ($3 * 20 <= b ? "yes" : $3 " of " b) }' "$T/stats")" yes
}

for release in ${GO_RELEASES:-$local_release}; do
	for arch in 386 s390x arm64 mips; do
		name="go $release $arch"
		with=$(runner $arch)
		if [ -z "$with" ]; then
			skip "$name" "the emulator (package qemu-user-static) is not installed"
		elif ! build "$release" $arch; then
			skip "$name" "it could not be built: $(tail -n 1 "$T/build.log")"
		elif ! run "$with"; then
			skip "$name" "the program did not run: $(tail -n 1 "$T/b/out")"
		else
			check "$name"
		fi
	done
done
