# SPDX-License-Identifier: MIT
# Java heap dumps of real snapshots: every rule of the format, and the same graph as heapconv's.
. tests/cli/lib.sh

tools=tests/tools
CC=${CC:-cc}
san=
case $BUILD in *address*) san="-fsanitize=address,undefined" ;; esac
# The third program links the library.
if ! $CC -std=c11 -O1 $san -o "$T/check" $tools/hprof-check.c $tools/hprof_file.c $tools/hprof_rules.c 2>"$T/log" ||
	! $CC -std=c11 -O1 $san -Iinclude -o "$T/compare" $tools/hprof-compare.c $tools/hprof_file.c $tools/hprof_rules.c \
		"$BUILD/libheapconv.a" -lprotobuf-c -ldwarf -lelf -lz -lpthread 2>>"$T/log"; then
	flunk "the tools compile" "$(cat "$T/log")"
	exit 1
fi

# all SNAPSHOT EXE: "ok" when the dump and the snapshot agree
agree() {
	"$HEAPCONV" -q "$1" --exe "$2" -o "$T/h.hprof" >"$T/log" 2>&1 || [ $? -eq 3 ] || { cat "$T/log"; return 1; }
	"$T/compare" "$1" "$2" "$T/h.hprof" >"$T/log" 2>&1 || { grep -v '^ok' "$T/log"; return 1; }
}

seen=
for gz in testdata/snapshots/*.core.gz; do
	name=$(basename "$gz" .core.gz)
	[ -e "testdata/snapshots/$name.exe.gz" ] || continue
	core=$(unpack "$gz") exe=$(unpack "testdata/snapshots/$name.exe.gz")
	ok "$name: rules, objects, sizes, references and retained sizes agree" agree "$core" "$exe"
	seen="$seen $name"
done
case $seen in *zoo*) ;; *) skip "the rest" "there are no snapshots"; exit 0 ;; esac

name=$(for n in $seen; do case $n in zoo-1.*) echo "$n" ;; esac; done | tail -n 1)
core=$(unpack "testdata/snapshots/$name.core.gz") exe=$(unpack "testdata/snapshots/$name.exe.gz")
dump() { "$HEAPCONV" -q "$core" --exe "$exe" "$@" || [ $? -eq 3 ]; }
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH

# What -v announces is what a reader counts.
"$HEAPCONV" -v "$core" --exe "$exe" -o "$T/h.hprof" 2>"$T/said" || [ $? -eq 3 ]
"$T/check" -v --classes --threads --roots "$T/h.hprof" > "$T/checked"
announced() { sed -n "s/.*[ :]\([0-9]*\) in $1[,:].*/\1/p" "$T/said" | head -n 1; }
counted() { awk -F'\t' -v k="size in $1" '$1 == "summary" && $2 == k { print $3 }' "$T/checked"; }
for reader in "Eclipse MAT" VisualVM shark; do
	is "-v announces the total of $reader" "$(announced "$reader")" "$(counted "$reader")"
done

# Classes against the histogram by type.
"$HEAPCONV" -q "$core" --exe "$exe" -o "$T/types.csv" 2>/dev/null
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
	$1 ~ /^main\.[A-Za-z0-9]+$/ { print $col["TypeName"], $col["Count"], $col["Size"] }' "$T/types.csv" 2>/dev/null |
	LC_ALL=C sort > "$T/ours"
awk -F'\t' '$1 == "class" && $2 ~ /^main\.[A-Za-z0-9]+( \{[0-9]+\})?$/ {
		sub(/ \{.*/, "", $2); n[$2] += $3; size[$2] += $4 }
	END { for (k in n) print k, n[k], size[k] }' "$T/checked" | LC_ALL=C sort > "$T/theirs"
if [ -s "$T/ours" ]; then
	is "instances and bytes of each class are those of types.csv" \
		"$(LC_ALL=C join "$T/ours" "$T/theirs" | awk '$2 != $4 || $3 != $5' | head -n 3)" ""
else
	skip "instances and bytes of each class are those of types.csv" "this build writes no types.csv"
fi

# Goroutines that are not dead are threads, and their names say what they do.
is "threads" "$(grep -c '^thread' "$T/checked")" "$(awk -F'\t' '$1 == "root" && $2 == "THREAD_OBJ" { print $3 }' "$T/checked")"
like "a thread's name" "$(grep '^thread' "$T/checked")" 'goroutine [0-9]+ \[chan receive\] main\.'
like "a thread's frames" "$(grep '^frame' "$T/checked")" 'main\.main.*main\.go:[0-9]+'

# The server that leaks: who keeps what is told in the program's own names.
leak=$(ls testdata/snapshots/leak-*.core.gz 2>/dev/null | head -n 1)
if [ -e "$leak" ]; then
	"$HEAPCONV" -q "$(unpack "$leak")" --exe "$(unpack "${leak%.core.gz}.exe.gz")" -o "$T/leak.hprof" || [ $? -eq 3 ]
	"$T/check" --classes --threads "$T/leak.hprof" > "$T/leak.txt"
	like "a variable's value" "$(cat "$T/leak.txt")" '^class	main\.PageCache \(static\)	1	'
	like "a map's directory" "$(cat "$T/leak.txt")" '^class	map directory\[string\]\*main·Page\{[0-9]+\}	1	'
	like "go f(x) is f" "$(cat "$T/leak.txt")" '^thread.*goroutine [0-9]+ \[chan receive\] main\.\(\*Server\)\.worker	'
	is "and not the compiler's wrapper" "$(grep -c '^thread.*gowrap' "$T/leak.txt")" 0
fi

# The same bytes every time; to a pipe; compressed.
dump -o "$T/a.hprof" && dump --format=hprof -o - > "$T/b.hprof"
ok "the same bytes every time, and through a pipe" cmp "$T/a.hprof" "$T/b.hprof"
dump -o "$T/c.hprof.gz" && gzip -dc "$T/c.hprof.gz" > "$T/c.hprof"
ok "compressed" cmp "$T/a.hprof" "$T/c.hprof"
like "compressed in blocks, for Eclipse MAT" "$(head -c 40 "$T/c.hprof.gz" | tr -cd '[:print:]')" 'HPROF BLOCKSIZE=262144'
dump --garbage -o "$T/g.hprof"
ok "--garbage keeps the rules" "$T/check" "$T/g.hprof"
dump --hprof-contents=none -o "$T/n.hprof"
ok "--hprof-contents=none keeps the rules" "$T/check" "$T/n.hprof"
is "and has no text of the program's" "$(grep -ac 'tag-of-the-tree' "$T/a.hprof" | sed 's/^[1-9].*/some/') $(grep -ac 'tag-of-the-tree' "$T/n.hprof")" "some 0"
dump --hprof-strings=raw -o "$T/r.hprof"
ok "--hprof-strings=raw keeps the rules" "$T/check" "$T/r.hprof"
dump --hprof-locals=refs -o "$T/r.hprof"
"$T/check" --classes --roots "$T/r.hprof" > "$T/bare"
is "--hprof-locals=refs keeps the rules, and has no objects for frames" "$? $(grep -c '(locals)' "$T/bare")" "0 0"
like "but what is below them" "$(cat "$T/bare")" '^root	JAVA_FRAME	[1-9]'

# The checker finds what is wrong: it would be worth nothing otherwise.
size=$(wc -c < "$T/a.hprof")
broken() { # WHAT RULE: t.hprof must break the rule
	if "$T/check" -v "$T/t.hprof" > "$T/log"; then
		flunk "the checker sees $1" "no complaint"
	else
		like "the checker sees $1" "$(cat "$T/log")" "^rule	$2"
	fi
}
patch_at() { printf "$2" | dd of="$T/t.hprof" bs=1 seek="$1" conv=notrunc 2>/dev/null; }
head -c $((size - 9)) "$T/a.hprof" > "$T/t.hprof"; broken "a missing end" no-end
head -c $((size - 100)) "$T/a.hprof" > "$T/t.hprof"; broken "a cut record" past-end
cp "$T/a.hprof" "$T/t.hprof"; patch_at 0 X; broken "a wrong header" header
cp "$T/a.hprof" "$T/t.hprof"; patch_at 22 '\004'; broken "short identifiers" header
cp "$T/a.hprof" "$T/t.hprof"; patch_at 32 '\001'; broken "a record's time" time
cp "$T/a.hprof" "$T/t.hprof"; patch_at 47 '\000'; broken "a name with id 0" string-id
cp "$T/a.hprof" "$T/t.hprof"; patch_at $((size - 9)) '\014'; broken "an empty record" empty-record
(cat "$T/a.hprof"; tail -c 9 "$T/a.hprof") > "$T/t.hprof"; broken "two ends" after-end
(head -c $((size - 9)) "$T/a.hprof"; tail -c +32 "$T/a.hprof") > "$T/t.hprof"; broken "two dumps in one file" id-duplicate
