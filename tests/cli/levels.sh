#!/bin/sh
# SPDX-License-Identifier: MIT
# Snapshots whose executables have debug information, opened again with copies that have less: the same objects are alive,
# none has another type, and nearly all have one.
. tests/cli/lib.sh

command -v strip >/dev/null || { skip "stripped copies" "strip (package binutils) is not installed"; exit 0; }

# levels NAME CORE EXE LEVEL COPY LEAST: LEAST per mille of the live bytes must have a type
levels() {
	"$HEAPCONV" -q "$2" -e "$3" --dump=objects > "$T/with" 2> "$T/err"
	"$HEAPCONV" -q "$2" -e "$5" --dump=objects > "$T/without" 2> "$T/err"
	is "$1 $4: exit status" "$?" 0
	like "$1 $4: the page says so" "$("$HEAPCONV" -q "$2" -e "$5")" "\\($4: "
	awk -v name="$1 $4" -f tests/cli/levels.awk "$T/with" "$T/without" > "$T/tap"
	while IFS= read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) flunk "${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done < "$T/tap"
	is "$1 $4: live bytes with a type" \
		"$(awk -v least="$6" '/^# coverage/ { print ($3 >= least ? "enough" : $3 " per mille") }' "$T/tap")" enough
	"$HEAPCONV" -q "$2" -e "$3" --view=nodes -o "$T/with.csv"
	"$HEAPCONV" -q "$2" -e "$5" --view=nodes -o "$T/without.csv"
	# objects have addresses, roots numbers
	for f in with without; do
		grep -o '^"\{0,1\}0x[0-9a-f]*' "$T/$f.csv" | tr -d '"' | sort > "$T/$f.ids"
	done
	is "$1 $4: nodes.csv has the same addresses" "$(comm -3 "$T/with.ids" "$T/without.ids" | head -n 3)" ""
}

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
