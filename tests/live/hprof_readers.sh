# SPDX-License-Identifier: MIT
# Java's own readers open our heap dumps, and agree with the checker (and so with heapconv, tests/cli/hprof.sh) on classes,
# instances, sizes, roots, threads with frames and locals, strings, and on what the biggest objects retain: Eclipse MAT's
# parser and dominator tree, VisualVM's heap library and its queries, LeakCanary's shark, and hprof-slurp if it is installed.
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
ok "the readers' programs compile" javac -nowarn -d "$T/classes" -cp "$CLASSPATH_READERS" tests/interop/src/main/java/*.java
[ -e "$T/classes/HprofReaders.class" ] || exit 1
ok "the checker compiles" "${CC:-cc}" -std=c11 -O1 -o "$T/check" tests/tools/hprof-check.c tests/tools/hprof_file.c tests/tools/hprof_rules.c

read_with() { # READER DUMP OUTPUT
	java -Dfile.encoding=UTF-8 -Xmx2g -cp "$T/classes:$CLASSPATH_READERS" HprofReaders "$1" "$2" > "$3" 2>"$T/log" || { cat "$T/log"; return 1; }
}
mat() { # DUMP SIZES OUTPUT
	java -Dfile.encoding=UTF-8 -Xmx2g -cp "$T/classes:$CLASSPATH_READERS" MatReader "$1" "$2" > "$3" 2>"$T/log" || { cat "$T/log"; return 1; }
}
oql() { # DUMP, the query on standard input
	java -Dfile.encoding=UTF-8 -Xmx2g -cp "$T/classes:$CLASSPATH_READERS" OqlReader "$1" 2>"$T/log" || cat "$T/log"
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

	"$HEAPCONV" -q "$(unpack "$gz")" --exe "$(unpack "testdata/snapshots/$name.exe.gz")" --dump=objects > "$T/objects"
	sed -n 's/^0x[0-9a-f]* \([0-9]*\) live.* at \(0x[0-9a-f]*\) .*/\2 \1/p' "$T/objects" > "$T/sizes"
	sed -n 's/^0x[0-9a-f]* [0-9]* live.* at \(0x[0-9a-f]*\) .* retained \([0-9]*\) .*/\1 \2/p' "$T/objects" > "$T/retained"

	# The checker's last column is MAT 1.4's view; MAT adds the classes' objects, and a class loader.
	ok "$name: MAT opens it" mat "$dump" "$T/sizes" "$T/mat"
	is "$name: MAT: no warnings" "$(grep '^message' "$T/mat" | grep -v 'INFO.*\(Wrote threads\|contains .* objects\)' | head -n 3)" ""
	is "$name: MAT: instances and bytes by class" "$(grep '^class' "$T/mat" | grep -v 'java.lang.Class\(Loader\)\?	' | sorted)" \
		"$(awk -F'\t' -v OFS='\t' '$1 == "class" { print $1, $2, $3, $7 }' "$T/ours" | sorted)"
	is "$name: MAT: all references lead somewhere" "$(awk -F'\t' '$1 == "walked" { print $4 }' "$T/mat")" 0
	is "$name: MAT: nothing was unreachable" "$(awk -F'\t' '$1 == "dominated" { print $2 - $3 }' "$T/mat")" 0
	is "$name: MAT: threads and names" "$(awk -F'\t' '$1 == "thread" { print $2, $3 }' "$T/mat" | sorted)" \
		"$(awk -F'\t' '$1 == "thread" { print $3, $4 }' "$T/ours" | sorted)"
	is "$name: MAT: frames" "$(awk -F'\t' '$1 == "frame" { print $3, $4 }' "$T/mat" | sorted)" \
		"$(awk -F'\t' '$1 == "frame" { sub(/:-1$/, "", $5); if ($5 == "") $5 = "Unknown Source"
			print $3, "at " $4 "() (" $5 ")" }' "$T/ours" | sorted)"
	# The very numbers of heapconv, where MAT counts the bytes that Go has; threads keep what their stacks keep, see docs.
	awk -F'\t' 'NR == FNR { split($0, w, " "); ours[w[1]] = w[2]; next }
		$1 == "retained" && $5 !~ /^runtime/ { n++; if ($4 != ours[$2]) print $2, $5, $4, "not", ours[$2] }
		END { if (n < 10) print "only", n + 0 }' "$T/retained" "$T/mat" > "$T/differ"
	is "$name: MAT: what the biggest objects retain" "$(head -n 5 "$T/differ")" ""

	# Retained sizes by two more. Readers charge headers for arrays, and shark the bytes of strings for each of them.
	for reader in visualvm shark; do
		awk -F'\t' 'NR == FNR { split($0, w, " "); ours[w[1]] = w[2]; next }
			$1 == "retained" && $2 in ours { n++; d = $3 - ours[$2]; if (d < -ours[$2] / 4 || d > ours[$2]) print $2, $3, "not", ours[$2] }
			END { if (n < 10) print "only", n + 0, "in common" }' "$T/retained" "$T/$reader" > "$T/differ"
		is "$name: $reader agrees on what the biggest objects retain" "$(head -n 5 "$T/differ")" ""
	done
done

# The queries of docs/hprof.md, for VisualVM as they stand there; MAT's by the names of their classes and fields.
query() { # N: the Nth block of JavaScript in the page
	awk -v n="$1" '/^```/ { if (on) exit; on = $0 == "```js" && ++k == n; next } on' docs/hprof.md
}
leak=$(ls "$T"/leak-*.hprof 2>/dev/null | head -n 1)
if [ -e "$leak" ]; then
	like "query: the biggest maps" "$(query 1 | oql "$leak" | head -n 1)" '^[0-9]+ bytes, [0-9]+ entries: map\[string\]\*main·Page$'
	like "query: goroutines by what they retain" "$(query 2 | oql "$leak" | head -n 1)" '^[0-9]+ bytes: goroutine [0-9]+ \['
	like "query: texts that are there several times" "$(query 3 | oql "$leak" | head -n 1)" '^[0-9]+ bytes in [0-9]+ copies of '
fi

# MAT's queries cannot be run here: the classes and fields that they speak of are there. The README's screens are MAT's.
if [ -e "$leak" ]; then
	"$T/check" --classes "$leak" > "$T/ours"
	like "MAT's query: maps" "$(cat "$T/ours")" '^class	map\[string\]\*main·Page	1	'
	map=$(sed -n 's/^retained	\(0x[0-9a-f]*\)	.*	map\[string\]\*main·Page$/\1/p' "$T/mat" | head -n 1)
	like "MAT's query: their entries" "$("$T/check" --object="$map" "$leak")" '^field	used	long	[1-9]'
	java -Dfile.encoding=UTF-8 -cp "$T/classes:$CLASSPATH_READERS" MatReader "$leak" --screens > "$T/screens" 2>"$T/log"
	sed -n '/^## In Eclipse MAT/,/^## Views/s/^    //p' README.md | grep -v '^SELECT\|^\.\.\.$' > "$T/wanted"
	is "the README's screens are what MAT shows" "$(grep -vxFf "$T/screens" "$T/wanted" | head -n 3)" ""
fi

if command -v hprof-slurp >/dev/null; then
	for dump in "$T"/*.hprof; do
		ok "$(basename "$dump"): hprof-slurp reads it" sh -c 'hprof-slurp "$1" > "$2" 2>&1' - "$dump" "$T/log"
	done
else
	skip "hprof-slurp" "it is not installed"
fi
