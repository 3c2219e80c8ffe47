#!/bin/sh
# SPDX-License-Identifier: MIT
# `make bench`: time and memory per stage on heaps of about ten million objects. Needs Go and gdb's gcore; skipped by name
# without them. Ratios between runs on one machine mean something; single figures do not.
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
	if [ ! -s "$core" ]; then
		if [ ! -x "$dir/bench" ]; then
			mkdir -p "$dir/src" && cp testdata/src/bench/main.go testdata/src/truth/truth.go "$dir/src/"
			(cd "$dir/src" && GO111MODULE=off GOFLAGS= go build -o ../bench .) || exit 1
		fi
		"$dir/bench" $shape "$N" > "$dir/$shape.out" 2>&1 &
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
	cat "$core" >/dev/null # into the page cache
	echo "== $shape, $N objects asked for"
	/usr/bin/time -f "whole run: %e s, %U s user, peak %M KiB" \
		"$BUILD/heapconv" -vv "$core" --exe "$core.exe" -o "$dir/$shape.pb.gz" 2>&1 | grep -E 'stage|whole|objects' || true
	ls -l "$dir/$shape.pb.gz" | awk '{print "pprof file: " $5 " bytes"}'
done
