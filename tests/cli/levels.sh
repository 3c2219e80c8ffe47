#!/bin/sh
# SPDX-License-Identifier: MIT
# Snapshots whose executables have debug information, opened again with copies that have less: the same objects are alive,
# none has another type, and nearly all have one.
. tests/cli/lib.sh

command -v strip >/dev/null || { skip "stripped copies" "strip (package binutils) is not installed"; exit 0; }

for name in zoo-1.22 zoo-1.27 leak-1.26; do
	core=testdata/snapshots/$name.core.gz
	[ -e "$core" ] && [ -e "testdata/snapshots/$name.exe.gz" ] || continue
	core=$(unpack "$core")
	exe=$(unpack "testdata/snapshots/$name.exe.gz")
	strip -g -o "$T/$name.g" "$exe" && levels $name "$core" "$exe" L1 "$T/$name.g" 970
	strip -s -o "$T/$name.s" "$exe" && levels $name "$core" "$exe" L2 "$T/$name.s" 970
done

# Without section headers, as packers and sstrip leave it: the program headers must do.
name=zoo-1.27
core=$(unpack testdata/snapshots/$name.core.gz)
cp "$T/$name.s" "$T/$name.h"
for field in 40:8 58:2 60:2 62:2; do # e_shoff, e_shentsize, e_shnum, e_shstrndx
	dd if=/dev/zero of="$T/$name.h" bs=1 seek="${field%:*}" count="${field#*:}" conv=notrunc 2>/dev/null
done
levels "$name without sections" "$core" "$(unpack testdata/snapshots/$name.exe.gz)" L2 "$T/$name.h" 970

# Without the executable little is known, but nothing wrong.
"$HEAPCONV" -q "$core" -e "$(unpack testdata/snapshots/$name.exe.gz)" --dump=objects > "$T/with"
mkdir "$T/alone"
cp "$core" "$T/alone/core"
"$HEAPCONV" -q "$T/alone/core" --dump=objects > "$T/without" 2> /dev/null
like "$name L3: the page says so" "$("$HEAPCONV" -q "$T/alone/core" 2> /dev/null)" "\\(L3: "
like "$name L3: no object has another type" "$(awk -v name=L3 -f tests/cli/levels.awk "$T/with" "$T/without")" \
	"^ok - L3: no object has another type"
