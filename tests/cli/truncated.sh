#!/bin/sh
# SPDX-License-Identifier: MIT
# Cores that were cut: what is left is told, nothing of it contradicts the program, and the loss is said.
. tests/cli/lib.sh

# part NAME PERCENT: the first part of a core, holes kept
part() {
	core=$(unpack "testdata/snapshots/$1.core.gz")
	size=$(wc -c < "$core")
	cp --sparse=always "$core" "$T/cut"
	truncate -s $((size * $2 / 100)) "$T/cut"
}

# With names and types, most of the heap is found although the spans' descriptors, at the highest addresses, are lost.
for what in "zoo-1.22 99 4000" "zoo-1.22 90 4000" "zoo-1.22 15 3500" "zoo-1.22 2 200" "zoo-1.27 90 5000" "zoo-1.27 15 2000"; do
	set -- $what
	name=$1 percent=$2 least=$3
	part "$name" "$percent"
	exe=$(unpack "testdata/snapshots/$name.exe.gz")
	"$HEAPCONV" "$T/cut" -e "$exe" -o "$T/nodes.csv" > "$T/out" 2> "$T/err"
	is "$name cut at $percent %: exit status" $? 3
	like "$name cut at $percent %: the lost bytes are counted" "$(cat "$T/err")" \
		'the core is cut: the file has [0-9]+ of [0-9]+ bytes; [0-9]+ bytes of memory are missing, from address 0x'
	like "$name cut at $percent %: and the lost descriptors" "$(cat "$T/err")" \
		'[0-9]+ of [0-9]+ span descriptors are not in the snapshot: [0-9]+ spans are known, [0-9]+ more were found'
	"$HEAPCONV" -q "$T/cut" -e "$exe" --dump=objects > "$T/objects" 2>/dev/null
	live=$(awk '$3 == "live"' "$T/objects" | wc -l)
	ok "$name cut at $percent %: $live live objects are found" [ "$live" -ge "$least" ]
	awk -v name=x -v partial=1 -f tests/cli/truth.awk "testdata/snapshots/$name.truth" "$T/objects" > "$T/tap"
	is "$name cut at $percent %: none contradicts the program" "$(grep -A 5 '^not ok' "$T/tap")" ""
done

# Without names there is nothing to begin with: one line says what would help.
part zoo-1.25 90
"$HEAPCONV" "$T/cut" -e "$(unpack testdata/snapshots/zoo-1.25.exe.gz)" -o "$T/out.pb.gz" > "$T/out" 2> "$T/err"
is "stripped and cut: exit status" $? 1
like "stripped and cut: what to do" "$(tail -n 1 "$T/err")" 'cut before .*--debug-file .*make the dump again'
is "stripped and cut: no file" "$(ls "$T/out.pb.gz" 2>/dev/null)" ""

# The snapshot shrinks while it is read: the executable comes through a program that cuts it.
core=$(unpack testdata/snapshots/zoo-1.27.core.gz)
mkdir "$T/bin"
cp --sparse=always "$core" "$T/shrinks"
printf '#!/bin/sh\ntruncate -s 8192 "%s"\ncat "%s"\n' "$T/shrinks" "$(cd "$(dirname "$core")" && pwd)/zoo-1.27.exe" > "$T/bin/zstd"
chmod +x "$T/bin/zstd"
unpack testdata/snapshots/zoo-1.27.exe.gz > /dev/null
printf '\050\265\057\375' > "$T/exe.zst"
PATH=$T/bin:$PATH "$HEAPCONV" "$T/shrinks" -e "$T/exe.zst" -o "$T/shrunk.pb.gz" > "$T/out" 2> "$T/err"
is "a core that shrinks while it is read: exit status" $? 1
like "a core that shrinks while it is read: one line" "$(cat "$T/err")" 'could not be read while it was being analysed'
is "a core that shrinks while it is read: no file" "$(ls "$T/shrunk.pb.gz" 2>/dev/null)" ""
