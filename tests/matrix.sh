#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes every kind of snapshot that can be made on this machine, converts it, and holds the answer against what the
# program wrote down and what the runtime counted.
#
#   tests/matrix.sh [SECTION...]      TAP lines on standard output
#   TABLE=docs/snapshots.md tests/matrix.sh     and the table (`make matrix`); sections not named are as they were
#
# Needs Go (it fetches the releases), gdb; better with dlv, qemu-user-static, upx, clang, and as root.
cd "$(dirname "$0")/.." || exit 1
. tests/matrix/lib.sh
. tests/matrix/producers.sh
. tests/matrix/builds.sh
. tests/matrix/states.sh
. tests/matrix/files.sh

have go || { skip "snapshots of every kind" "go is not installed"; exit 0; }
case $(cat /proc/sys/kernel/core_pattern) in
/* | "|"*) skip "snapshots of every kind" "core_pattern is not a plain relative name"; exit 0 ;;
esac
GO=${GO:-1.26}

sections="producers states linkings experiments releases split_files compressed damaged others"
for sect in ${*:-$sections}; do
	[ $sect = quick ] || { ROWS=$KEEP/$sect.new; : > "$ROWS"; }
	case $sect in
	producers)
		section "Who wrote it, and where" "The same program, dumped in every way."
		kernel_cores $GO
		filtered_cores $GO
		debugger_cores $GO
		sorted_core $GO
		places $GO
		many_segments $GO
		emulated $GO
		packed $GO
		;;
	states)
		section "What the process was doing" "Caught in passing, or killed by its own runtime."
		states $GO
		;;
	linkings)
		section "How it was built" "The same program, linked in every way."
		linkings $GO
		modules $GO
		;;
	experiments)
		section "Experiments" "Settings of the toolchain and the runtime that change layouts."
		experiments
		;;
	quick)
		kernel_cores $GO
		built right "-race" $GO FLAGS=-race
		modules $GO
		state close "collecting garbage, SIGQUIT" $GO mark:quit
		state close "marked, not yet swept" $GO unswept:dies
		state right "deadlock" $GO deadlock:dies
		;;
	releases)
		section "Releases" "Each release of Go."
		releases
		;;
	*) $sect $GO ;;
	esac
	[ $sect = quick ] || mv "$ROWS" "$KEEP/$sect"
done
if [ -n "${TABLE:-}" ]; then
	{
		cat tests/matrix/head.md
		for sect in $sections; do
			[ ! -e "$KEEP/$sect" ] || cat "$KEEP/$sect"
		done
	} > "$TABLE"
fi
