#!/bin/sh
# SPDX-License-Identifier: MIT
# `make bench-types`: how much of real programs' memory has names. Builds the programs of testdata/src/real from their
# modules, with the Go release that is installed or those in GO_RELEASES, lets them work, dumps them while they do, and
# prints a table of the live bytes and objects by the origin of their types. Programs that cannot be had are skipped by
# name. PROGRAMS limits the list; snapshots stay in BENCH_DIR and are used again.
set -u
BUILD=${BUILD:-build/release}
heapconv=$(cd "$BUILD" && pwd)/heapconv
src=$(cd testdata/src/real && pwd)
mkdir -p "${BENCH_DIR:-$BUILD/bench-types}"
dir=$(cd "${BENCH_DIR:-$BUILD/bench-types}" && pwd)
for tool in go gcore; do
	command -v $tool >/dev/null || { echo "skipped: bench-types ($tool is not installed)"; exit 0; }
done

skip() { echo "skipped: $1 ($2)" >&2; }

# build PROGRAM RELEASE EXE
build() {
	m=$dir/module
	rm -rf "$m" && mkdir -p "$m" && cp "$src/$1/main.go" "$m/" || return 1
	(
		cd "$m" || exit 1
		# The module demands this very release: language version and the defaults of GODEBUG follow from it.
		printf 'module bench.test/%s\n\ngo %s\n' "$1" "$(echo "$2" | cut -d. -f1,2)" > go.mod
		export GOENV=off GOFLAGS=-mod=mod GOTOOLCHAIN="go$2" GO111MODULE=on
		needs=$(sed -n 's|^//	needs ||p' main.go)
		[ -z "$needs" ] || go get $needs || exit 1
		nice go build -o "$3" .
	) > "$3.log" 2>&1
}

# snapshot PROGRAM EXE CORE
snapshot() {
	rm -rf "$dir/run" && mkdir -p "$dir/run"
	(cd "$dir/run" && TMPDIR=$dir/run exec "$2" > "$3.log" 2>&1) &
	pid=$!
	tries=0
	until grep -q '^ready$' "$3.log" 2>/dev/null; do
		tries=$((tries + 1))
		if [ $tries -gt 600 ] || ! kill -0 $pid 2>/dev/null; then
			kill $pid 2>/dev/null
			return 1
		fi
		sleep 0.5
	done
	sleep 1
	gcore -o "$dir/tmp" $pid >/dev/null 2>&1
	kill -KILL $pid
	wait $pid 2>/dev/null
	cp --sparse=always "$dir/tmp.$pid" "$3"
	rm -rf "$dir/tmp.$pid" "$dir/run"
	[ -s "$3" ]
}

# row PROGRAM RELEASE EXE CORE
row() {
	"$heapconv" -q "$4" -e "$3" --dump=stats | awk -v name="$1" -v release="$2" '
		/^ledger heap.live/ { bytes[$2] = $3; objects[$2] = $4 }
		/^recorded types/ { agree = $5; differ = $7; silent = $9 }
		function part(what) { return sprintf("%.1f / %.1f", 100 * bytes["heap.live." what] / bytes["heap.live"],
			100 * objects["heap.live." what] / objects["heap.live"]) }
		END {
			known = sprintf("%.2f / %.2f", 100 - 100 * bytes["heap.live.unknown"] / bytes["heap.live"],
				100 - 100 * objects["heap.live.unknown"] / objects["heap.live"])
			hidden = agree + differ ? sprintf("%.2f %% of %d", 100 * agree / (agree + differ), agree + differ) : "-"
			printf "| %s | %s | %.1f | %d | %s | %s | %s | %s | %s |\n", name, release, bytes["heap.live"] / 1048576,
				objects["heap.live"], known, part("exact"), part("propagated"), part("inferred"), hidden
		}'
}

echo "| program | Go | live MiB | objects | named, % of bytes / objects | exact | propagated | inferred | header hidden |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
for release in ${GO_RELEASES:-$(go env GOVERSION | sed -n 's/^go\([0-9][0-9.]*\).*/\1/p')}; do
	for program in ${PROGRAMS:-$(ls "$src")}; do
		exe=$dir/$program-$release core=$dir/$program-$release.core
		if [ ! -x "$exe" ] && ! build "$program" "$release" "$exe"; then
			skip "$program, go $release" "does not build: $(tail -n 1 "$exe.log")"
			continue
		fi
		if [ ! -s "$core" ] && ! snapshot "$program" "$exe" "$core"; then
			skip "$program, go $release" "does not get ready: $(tail -n 1 "$core.log")"
			continue
		fi
		row "$program" "$release" "$exe" "$core"
	done
done
