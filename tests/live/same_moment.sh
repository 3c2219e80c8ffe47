#!/bin/sh
# SPDX-License-Identifier: MIT
# A heap dump and a core of the same moment: gdb stops the program inside of WriteHeapDump, when the world stands still and
# the first record is about to be written, and saves a core before it lets it go on. With the Go release that is installed
# (or those named in GO_RELEASES), with debug information and without.
. tests/cli/lib.sh

for tool in go gdb strip; do
	command -v $tool >/dev/null || { skip "a dump and a core of the same moment" "$tool is not installed"; exit 0; }
done
local_release=$(go env GOVERSION 2>/dev/null | sed -n 's/^go\([0-9][0-9.]*\).*/\1/p')

build() { # RELEASE: $T/b/zoo and $T/b/stripped
	rm -rf "$T/b" && mkdir "$T/b" || return 1
	cp testdata/src/truth/*.go testdata/src/zoo/* "$T/b/"
	printf 'module heapconv.test/zoo\n\ngo %s\n' "$(echo "$1" | cut -d. -f1,2)" > "$T/b/go.mod"
	(cd "$T/b" && GOENV=off GOFLAGS='' GOTOOLCHAIN=go$1 CGO_ENABLED=0 go build -trimpath -o zoo . &&
		strip -s -o stripped zoo) > "$T/build.log" 2>&1
}

# The program waits for a reader of its heap dump, which comes when the breakpoint is set.
run() { # $T/b/core and $T/b/heapdump
	mkfifo "$T/b/pipe" || return 1
	(cd "$T/b" && exec env GOMAXPROCS=3 ./zoo wait truth pipe < /dev/null > out 2>&1) &
	pid=$!
	for i in $(seq 200); do
		[ -e "$T/b/truth" ] && break
		sleep 0.1
	done
	(cd "$T/b" && timeout 120 gdb -q -batch -nx -p $pid -ex 'handle SIGURG nostop noprint pass' \
		-ex 'break runtime.dumpparams' -ex 'shell cat pipe > heapdump &' -ex continue \
		-ex 'generate-core-file core' -ex delete -ex detach) > "$T/gdb.log" 2>&1
	for i in $(seq 200); do
		[ "$(tail -n 1 "$T/b/truth" 2> /dev/null)" = end ] && break
		kill -0 $pid 2> /dev/null || break
		sleep 0.1
	done
	kill -KILL $pid 2> /dev/null
	wait $pid 2> /dev/null
	[ -s "$T/b/core" ] && [ -s "$T/b/heapdump" ]
}

tables() { # SNAPSHOT EXE
	at=$T/of.$1
	mkdir -p "$at"
	"$HEAPCONV" -q "$T/b/$1" -e "$T/b/$2" -o "$at/nodes.csv" -o "$at/edges.csv" -o "$at/goroutines.csv" \
		-o "$at/roots.csv" -o "$at/memory.csv" 2> "$T/err"
	is "$name: $1: exit status" "$?$(cat "$T/err")" 0
	awk -F, '$1 ~ /^heap\.(live|slack|garbage)$/ { objects += $3; bytes += $2 }
		$1 ~ /^(heap|heap\.(free|tails|idle|released)|stacks|runtime)$/ { print $1, $2 }
		END { print "objects", objects, bytes }' "$at/memory.csv" > "$at/ledger"
	# Waiting times go by what the scheduler last noted, and what a goroutine retains by dominators.
	cut -d, -f1-3,5-10 "$at/goroutines.csv" | sort > "$at/goroutines"
	awk -F, '$1 == "global" { print $1, $2, $3 }' "$at/roots.csv" | sort > "$at/globals"
}

compare() { # EXE
	tables core "$1"
	tables heapdump "$1"
	awk -f tests/live/same_moment.awk -v name="$name" -v need=95 -v stripped=$([ "$1" = stripped ] && echo 1 || echo 0) \
		"$T/of.core/nodes.csv" "$T/of.core/edges.csv" "$T/of.heapdump/nodes.csv" > "$T/tap"
	while IFS= read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) flunk "${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done < "$T/tap"
	is "$name: the same goroutines, states, functions, frames: $(wc -l < "$T/of.core/goroutines")" \
		"$(diff "$T/of.core/goroutines" "$T/of.heapdump/goroutines")" ""
	is "$name: the same variables of the same types: $(wc -l < "$T/of.core/globals")" \
		"$(diff "$T/of.core/globals" "$T/of.heapdump/globals")" ""
	is "$name: the same bytes in objects, free memory, stacks and the runtime" \
		"$(diff "$T/of.core/ledger" "$T/of.heapdump/ledger")" ""
}

for release in ${GO_RELEASES:-$local_release}; do
	if ! build "$release"; then
		skip "go $release" "it could not be built: $(tail -n 1 "$T/build.log")"
	elif ! run; then
		skip "go $release" "gdb made no core: $(tail -n 1 "$T/gdb.log")"
	else
		for exe in zoo stripped; do
			name="go $release $exe"
			compare $exe
		done
	fi
done
