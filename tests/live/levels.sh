#!/bin/sh
# SPDX-License-Identifier: MIT
# A web server of the standard library under load, dumped, and opened with its executable and with stripped copies, for
# the Go release that is installed (or those named in GO_RELEASES).
. tests/cli/lib.sh

for tool in go strip; do
	command -v $tool >/dev/null || { skip "levels of a web server" "$tool is not installed"; exit 0; }
done
case $(cat /proc/sys/kernel/core_pattern) in
/*|"|"*) skip "levels of a web server" "kernel.core_pattern is not a plain name"; exit 0 ;;
esac
local_release=$(go env GOVERSION 2>/dev/null | sed -n 's/^go\([0-9][0-9.]*\).*/\1/p')

for release in ${GO_RELEASES:-$local_release}; do
	out=$T/$release
	if ! GO=$release PROGRAM=web VARIANT=plain KINDS=quit OUT="$out" RUNDIR="$T/run" \
		bash testdata/gen.sh > "$T/gen.log" 2>&1; then
		skip "go $release" "its snapshots could not be made: $(tail -n 1 "$T/gen.log")"
		continue
	fi
	strip -g -o "$T/web.g" "$out/web" && levels "web, go $release" "$out/web.core.quit" "$out/web" L1 "$T/web.g" 950
	strip -s -o "$T/web.s" "$out/web" && levels "web, go $release" "$out/web.core.quit" "$out/web" L2 "$T/web.s" 950
	rm -rf "$out"
done
