#!/bin/sh
# SPDX-License-Identifier: MIT
# `make bench`: time and memory per stage on heaps of about ten million objects, from a core and from a heap dump. Needs Go
# and gdb's gcore; skipped by name without them. Ratios between runs on one machine mean something; single figures do not.
set -u
BUILD=${BUILD:-build/release}
N=${N:-10000000}
dir=${BENCH_DIR:-$BUILD/bench}
for tool in go gcore; do
	command -v $tool >/dev/null || { echo "skipped: bench ($tool is not installed)"; exit 0; }
done
mkdir -p "$dir"
for shape in ${SHAPES:-svc ast}; do
	core=$dir/$shape-$N.core
	dump=$dir/$shape-$N.heapdump
	if [ ! -s "$core" ] || [ ! -s "$dump" ]; then
		if [ ! -x "$dir/bench" ]; then
			mkdir -p "$dir/src" && cp testdata/src/bench/main.go testdata/src/truth/truth.go "$dir/src/"
			(cd "$dir/src" && GO111MODULE=off GOFLAGS= go build -o ../bench .) || exit 1
		fi
		"$dir/bench" $shape "$N" /dev/null "$dump" > "$dir/$shape.out" 2>&1 &
		pid=$!
		until grep -q ready "$dir/$shape.out" 2>/dev/null; do
			kill -0 $pid 2>/dev/null || { cat "$dir/$shape.out"; exit 1; }
			sleep 1
		done
		gcore -o "$dir/tmp" $pid >/dev/null 2>&1
		kill $pid
		mv "$dir/tmp.$pid" "$core"
		cp "$dir/bench" "$core.exe"
	fi
	for snapshot in "$core" "$dump"; do
		cat "$snapshot" >/dev/null # into the page cache
		echo "== $(basename "$snapshot"): $(stat -c %s "$snapshot") bytes"
		/usr/bin/time -f "whole run: %e s, %U s user, peak %M KiB" \
			"$BUILD/heapconv" -vv "$snapshot" --exe "$core.exe" -o "$dir/$shape.pb.gz" > "$dir/$shape.log" 2>&1
		grep -E 'stage|whole|objects' "$dir/$shape.log" || true
		# Records are parsed once to find them and once to fill the spans, the second time by all threads.
		[ "$snapshot" = "$core" ] || awk -v bytes="$(stat -c %s "$dump")" '/stage files/ { parse = $4 } /stage heap/ { heap = $4 }
			END { printf "records: %.2f GB/s to find them, %.2f with the heap made of them\n", bytes / parse / 1e9,
				bytes / (parse + heap) / 1e9 }' "$dir/$shape.log"
		ls -l "$dir/$shape.pb.gz" | awk '{print "pprof file: " $5 " bytes"}'
	done
	# The object graph for Java's heap tools: at least 300 MB for each second of CPU.
	for suffix in hprof hprof.gz; do
		/usr/bin/time -f "whole run: %e s, %U s user, peak %M KiB" \
			"$BUILD/heapconv" -vv "$core" --exe "$core.exe" -o "$dir/$shape.$suffix" > "$dir/$shape.log" 2>&1
		grep -E 'stage hprof|whole' "$dir/$shape.log" || true
		ls -l "$dir/$shape.$suffix" | awk -v s="$suffix" '{print s " file: " $5 " bytes"}'
		rm -f "$dir/$shape.$suffix"
	done
done
