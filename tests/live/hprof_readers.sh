# SPDX-License-Identifier: MIT
# Java's own readers open our heap dumps, and agree with the checker (and so with heapconv, tests/cli/hprof.sh) on classes,
# instances, sizes, roots, threads with frames and locals, strings, and on what the biggest objects retain.
# Needs a JDK and Maven with the artifacts of tests/interop/pom.xml, or CLASSPATH_READERS with their jars.
. tests/cli/lib.sh

command -v javac >/dev/null && command -v java >/dev/null || { skip "readers of Java heap dumps" "there is no JDK"; exit 0; }
if [ -z "${CLASSPATH_READERS:-}" ]; then
	command -v mvn >/dev/null || { skip "readers of Java heap dumps" "Maven is not installed"; exit 0; }
	mkdir -p "$BUILD/interop"
	[ -s "$BUILD/interop/classpath" ] || timeout 120 mvn -q -B -f tests/interop/pom.xml dependency:build-classpath \
		-Dmdep.outputFile="$(cd "$BUILD/interop" && pwd)/classpath" >"$T/log" 2>&1
	[ -s "$BUILD/interop/classpath" ] || { skip "readers of Java heap dumps" "their artifacts cannot be had"; exit 0; }
	CLASSPATH_READERS=$(cat "$BUILD/interop/classpath")
fi
mkdir "$T/classes"
ok "the readers' program compiles" javac -nowarn -d "$T/classes" -cp "$CLASSPATH_READERS" tests/interop/src/main/java/HprofReaders.java
[ -e "$T/classes/HprofReaders.class" ] || exit 1
ok "the checker compiles" "${CC:-cc}" -std=c11 -O1 -o "$T/check" tests/tools/hprof-check.c tests/tools/hprof_file.c tests/tools/hprof_rules.c

read_with() { # READER DUMP OUTPUT
	java -Xmx2g -cp "$T/classes:$CLASSPATH_READERS" HprofReaders "$1" "$2" > "$3" 2>"$T/log" || { cat "$T/log"; return 1; }
}
roots_of() { awk -F'\t' '$1 == "root" { print $3 }' "$1" | sort -n | tr '\n' ' '; }
sorted() { LC_ALL=C sort; }

for gz in testdata/snapshots/zoo-1.2[147].core.gz testdata/snapshots/leak-*.core.gz; do
	[ -e "$gz" ] || continue
	name=$(basename "$gz" .core.gz)
	dump=$T/$name.hprof
	"$HEAPCONV" -q "$(unpack "$gz")" --exe "$(unpack "testdata/snapshots/$name.exe.gz")" -o "$dump" || [ $? -eq 3 ]
	"$T/check" --classes --roots --threads "$dump" > "$T/ours"

	# This library charges a header of 24 bytes for arrays, without alignment.
	ok "$name: VisualVM's library opens it" read_with visualvm "$dump" "$T/visualvm"
	is "$name: VisualVM: instances and bytes by class" "$(grep '^class' "$T/visualvm" | sorted | head -c 1000000)" \
		"$(awk -F'\t' -v OFS='\t' '$1 == "class" { size = $4; if ($2 ~ /\[\]$/) size += 24 * $3; print $1, $2, $3, size }' "$T/ours" |
			sorted)"
	is "$name: VisualVM: roots" "$(roots_of "$T/visualvm")" "$(roots_of "$T/ours")"
	is "$name: VisualVM: threads, names and locals" \
		"$(awk -F'\t' '$1 == "thread" { print $2, $3, $4, $5 }' "$T/visualvm" | sorted)" \
		"$(awk -F'\t' '$1 == "thread" { print $3, $4, $5, "" }' "$T/ours" | sorted)"
	is "$name: VisualVM: frames" "$(awk -F'\t' '$1 == "frame" { print $3, $4, $5 }' "$T/visualvm" | sorted)" \
		"$(awk -F'\t' '$1 == "frame" { print $3, $4, $5 }' "$T/ours" | sorted)"
	is "$name: VisualVM: all instances are walked" "$(awk -F'\t' '$1 == "total" { print $2 - $4 }' "$T/visualvm")" 0
	is "$name: VisualVM: the biggest objects have paths to roots" "$(grep '^retained' "$T/visualvm" | grep -c 'no path')" 0

	ok "$name: shark opens it" read_with shark "$dump" "$T/shark"
	is "$name: shark: instances and bytes by class" "$(grep '^class' "$T/shark" | sorted)" \
		"$(awk -F'\t' -v OFS='\t' '$1 == "class" { print $1, $2, $3, $4 }' "$T/ours" | sorted)"
	is "$name: shark: roots" "$(roots_of "$T/shark")" "$(roots_of "$T/ours")"
	is "$name: shark: all strings are readable" "$(awk -F'\t' '$1 == "strings" { print $2 }' "$T/shark")" \
		"$(awk -F'\t' '$2 == "java.lang.String" { print $3 }' "$T/ours")"

	# Retained sizes by three programs. Readers charge headers for arrays, and shark the bytes of strings for each of them.
	"$HEAPCONV" -q "$(unpack "$gz")" --exe "$(unpack "testdata/snapshots/$name.exe.gz")" --dump=objects > "$T/objects"
	sed -n 's/^0x[0-9a-f]* [0-9]* live.* at \(0x[0-9a-f]*\) .* retained \([0-9]*\) .*/\1 \2/p' "$T/objects" > "$T/retained"
	for reader in visualvm shark; do
		awk -F'\t' 'NR == FNR { split($0, w, " "); ours[w[1]] = w[2]; next }
			$1 == "retained" && $2 in ours { n++; d = $3 - ours[$2]; if (d < -ours[$2] / 4 || d > ours[$2]) print $2, $3, "not", ours[$2] }
			END { if (n < 10) print "only", n + 0, "in common" }' "$T/retained" "$T/$reader" > "$T/differ"
		is "$name: $reader agrees on what the biggest objects retain" "$(head -n 5 "$T/differ")" ""
	done
done
