#!/bin/sh
# SPDX-License-Identifier: MIT
# Under the thread sanitizer (SAN=thread): snapshots of each kind are opened and written in the formats whose work is
# shared among threads. A race ends the program with a status of its own.
. tests/cli/lib.sh
export TSAN_OPTIONS="exitcode=66 halt_on_error=1${TSAN_OPTIONS:+ $TSAN_OPTIONS}"
# Addresses that newer kernels hand out are beyond what the sanitizer of GCC 12 expects.
fixed=
setarch -R true 2>/dev/null && fixed="setarch -R"

if ! $fixed "$HEAPCONV" --version >/dev/null 2>&1; then
	skip "threads" "this build does not run here"
	exit 0
fi
for snap in leak-1.26.core zoo-1.19.core zoo-1.22.core zoo-1.27.core zoo-1.22.heapdump; do
	file=$(unpack "testdata/snapshots/$snap.gz")
	exe=$(unpack "testdata/snapshots/${snap%.*}.exe.gz")
	$fixed "$HEAPCONV" -q "$file" -e "$exe" -o "$T/a.pb.gz" -o "$T/a.hprof" -o "$T/nodes.csv" -o "$T/edges.csv" \
		-o "$T/a.folded" > "$T/out" 2>&1
	status=$?
	if [ $status -eq 0 ] || [ $status -eq 3 ]; then
		pass "threads: $snap"
	else
		flunk "threads: $snap" "status $status" "$(head -n 30 "$T/out")"
	fi
done
