#!/bin/sh
# SPDX-License-Identifier: MIT
# The corpora of all fuzz targets, each input also cut and changed; then damaged memory of a valid core. See tests/fuzz.
. tests/cli/lib.sh

for target in "$BUILD"/fuzz/replay_*; do
	case $target in *.d | *.o | *'*') continue ;; esac
	name=${target##*/replay_}
	corpus=tests/fuzz/corpus/$name
	if [ ! -d "$corpus" ]; then
		flunk "$name: there is no corpus" "$corpus"
		continue
	fi
	if out=$("$target" -n 64 "$corpus" 2>&1); then
		pass "$name: $out"
	else
		flunk "$name: $corpus" "$out"
	fi
done

for snap in leak-1.26 zoo-1.22; do
	core=$(unpack "testdata/snapshots/$snap.core.gz")
	exe=$(unpack "testdata/snapshots/$snap.exe.gz")
	if out=$("$BUILD/fuzz/fuzz_memory" "$core" "$exe" 1 25 60 2>&1); then
		pass "memory of $snap: $(echo "$out" | sed -n 's/.*: \([0-9]* seeds.*findings\).*/\1/p')"
	else
		flunk "memory of $snap" "$out"
	fi
done
