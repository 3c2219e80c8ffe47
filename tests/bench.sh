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

# ---- the budgets, a row each ----

# row WHAT BUDGET COMMAND...: the best of three runs in seconds (wall, and of processors), and the memory that it took
# beyond the mapped files, in MiB. A machine with other work to do says more in the second figure than in the first.
row() {
	what=$1 budget=$2
	shift 2
	wall=999999 cpu=999999 mem=0
	for _ in 1 2 3; do
		"$@" >/dev/null 2>&1 & # for its memory
		pid=$!
		while kill -0 $pid 2>/dev/null; do
			anon=$(sed -n 's/^RssAnon: *\([0-9]*\).*/\1/p' /proc/$pid/status 2>/dev/null)
			[ "${anon:-0}" -gt $mem ] && mem=$anon
			sleep 0.02
		done
		t=$(/usr/bin/time -f '%e %U %S' "$@" 2>&1 >/dev/null | tail -n 1)
		wall=$(echo "$t $wall" | awk '{ print $1 < $4 ? $1 : $4 }')
		cpu=$(echo "$t $cpu" | awk '{ print $2 + $3 < $4 ? $2 + $3 : $4 }')
	done
	printf '| %-44s | %8.2f | %8.2f | %8d | %-32s |\n' "$what" "$wall" "$cpu" $((mem / 1024)) "$budget"
}

snap() { # prints the path of a committed snapshot, unpacked
	[ -s "$dir/$1" ] || gzip -dc "testdata/snapshots/$1.gz" | dd of="$dir/$1" bs=64k conv=sparse 2>/dev/null
	echo "$dir/$1"
}

echo "| what | wall s | processors s | memory MiB | budget |"
echo "| --- | --- | --- | --- | --- |"
for s in leak-1.26 zoo-1.22 zoo-1.27; do
	row "$s.core, 50 MB, pprof" "0.25 s, 96 MiB" "$BUILD/heapconv" -q "$(snap $s.core)" -e "$(snap $s.exe)" -o "$dir/x.pb.gz"
done
if command -v zstd >/dev/null; then
	zeros=$dir/zeros.gcore
	[ -s "$zeros" ] || zstd -qdc testdata/snapshots/zoo-1.19.gcore.zst | dd of="$zeros" bs=64k conv=sparse 2>/dev/null
	row "a gcore of $(($(stat -c %s "$zeros") >> 20)) MiB, nearly all zeros" "0.3 s, 96 MiB" \
		"$BUILD/heapconv" -q "$zeros" -e "$(snap zoo-1.19.exe)" -o "$dir/x.pb.gz"
fi
for shape in ${SHAPES:-svc ast}; do
	core=$dir/$shape-$N.core
	objects=$(sed -n 's/^HeapObjects \([0-9]*\).*/\1/p' "$dir/$shape.out")
	full="$(awk "BEGIN { printf \"%.1f s, %d MiB\", $objects * 1.8e-7, $objects * 48 / 1048576 + 96 }")"
	types="$(awk "BEGIN { printf \"%.2f s\", $objects / 15e6 }") for types and liveness alone"
	row "$shape, $objects objects, pprof" "$full" "$BUILD/heapconv" -q "$core" -e "$core.exe" -o "$dir/x.pb.gz"
	row "$shape, types.csv" "$types" "$BUILD/heapconv" -q "$core" -e "$core.exe" -o "$dir/types.csv"
	for out in nodes.csv edges.csv hprof; do
		row "$shape, also $out" "20 M rows/s, 300 MB/s more" "$BUILD/heapconv" -q "$core" -e "$core.exe" -o "$dir/$out" --view="$(echo $out | sed 's/.csv//; s/hprof/objects/')"
	done
done
