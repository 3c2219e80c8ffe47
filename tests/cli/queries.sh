#!/bin/sh
# SPDX-License-Identifier: MIT
# Questions about certain objects: --target. Against what the programs wrote down, and against each other.
. tests/cli/lib.sh

# ---- every zoo core: the roots that the truth names are among those that are found ----

for truth in testdata/snapshots/zoo-*.truth; do
	name=$(basename "$truth" .truth)
	core=testdata/snapshots/$name.core.gz
	[ -e "$core" ] || continue
	core=$(unpack "$core")
	exe=$(unpack "testdata/snapshots/$name.exe.gz")
	level=$("$HEAPCONV" -q "$core" -e "$exe" | sed -n 's/.*(\(L[0-3]\).*/\1/p' | head -n 1)
	# Below L0 variables on stacks have no names.
	awk -v level="$level" '$1 == "object" {
			for (i = 2; i <= NF; i++) { eq = index($i, "="); v[substr($i, 1, eq - 1)] = substr($i, eq + 1) }
			if (v["state"] == "live" && v["root"] ~ (level == "L0" ? "^(global|stack):" : "^global:") && ++n % 20 == 0)
				print v["addr"], v["root"]
		}' "$truth" > "$T/wanted"
	: > "$T/lost"
	while read -r addr root; do
		"$HEAPCONV" -q "$core" -e "$exe" --target="$addr" --format=csv --view=paths -o - > "$T/paths.csv" 2> "$T/err" ||
			echo "$addr: $(cat "$T/err")" >> "$T/lost"
		# Stripped programs have no names of variables: there just some root must be found.
		case $level in L0 | L1) name_of=${root#*:} ;; *) name_of= ;; esac
		awk -F, -v root="$name_of" '$1 == "root" && index($5, root) == 1 { found = 1 } END { exit !found }' \
			"$T/paths.csv" || echo "$addr is not reached from $root" >> "$T/lost"
		awk -F, '$1 ~ /^[0-9]+$/ && $2 == 0 && $4 == "object" { bad = 1 } END { exit bad }' "$T/paths.csv" ||
			echo "$addr: a path that begins at an object" >> "$T/lost"
	done < "$T/wanted"
	is "$name ($level): $(wc -l < "$T/wanted" | tr -d ' ') objects are reached from the roots that the truth names" "$(cat "$T/lost")" ""
	garbage=$(awk '/state=dead/ { for (i = 2; i <= NF; i++) if ($i ~ /^addr=/) { print substr($i, 6); exit } }' "$truth")
	[ -z "$garbage" ] || like "$name: garbage is called garbage" \
		"$("$HEAPCONV" -q "$core" -e "$exe" --target="$garbage" 2>&1)" 'garbage, which no root reaches|no object or variable is there'
done

# ---- one core closely ----

core=$(unpack testdata/snapshots/leak-1.26.core.gz)
exe=$(unpack testdata/snapshots/leak-1.26.exe.gz)
truth=testdata/snapshots/leak-1.26.truth
run() { "$HEAPCONV" -q "$core" -e "$exe" "$@"; }
view() { run --format="$1" --view="$2" --target="$3" -o -; }
server=$(sed -n 's/^object name=server addr=\(0x[0-9a-f]*\) .*/\1/p' $truth)
sessions=$(sed -n 's/^map name=main.server.sessions addr=\(0x[0-9a-f]*\) .*/\1/p' $truth)

object=$(run --target="$server")
like "object: address and type" "$object" "^$server main\.Server\$"
like "object: a map with its length" "$object" "sessions map\[string\]\*main\.Session +len 20 $sessions\$"
like "object: entries of the map" "$object" '\["session-[0-9]+"\] +0x[0-9a-f]+ main\.Session$'
like "object: an interface with its dynamic type" "$object" '\["/post/"\] +\(\*main\.logged\) 0x'
like "object: a channel" "$object" 'jobs chan main\.Job +0x[0-9a-f]+, holds [0-9]+ of 16'
like "object: the bytes" "$object" '^ +0   00 00 00 00'
like "object: its owners" "$object" 'main\.server +\(package variable\)'
variable=$(run --target=main.server)
like "object: what a variable points to" "$variable" 'started time\.Time +2023-11-14 22:13:20 UTC$'
like "object: a time" "$object" 'started time\.Time +2023-11-14 22:13:20 UTC$'
like "object: a variable that keeps nothing alone" "$variable" 'retains +nothing alone: others'
like "object: a string" "$(run --target=main.Session)" 'string +"'
is "an address inside of the object is the object's" "$(run --target="$(printf '0x%x' $((server + 17)))")" "$object"
is "a variable's field leads to the object that it points to" \
	"$(run --target=main.server.sessions | head -n 1)" "$server main.Server"
like "paths: from the variable by the field" "$(view text paths "$sessions")" '^ +\.sessions +'"$sessions"
like "paths: a map's entry by its key" "$(view text paths main.Session)" '^ +\["session-[0-9]+"\] +0x'
like "paths: paths that look alike are counted" "$(view text paths main.Page)" 'more by the same types and fields'
like "paths: a local variable with goroutine and line" "$(view text paths main.Session)" \
	'local variable, goroutine [0-9]+ .*main\.go:[0-9]+|local vari'
like "owners: the types that hold it" "$(view text owners main.Session)" 'main\.Request\.Session$'
is "an exact name is no regular expression" "$(view text paths main.Page | head -n 1 | cut -d' ' -f1)" "1,179"
ok "a regular expression over types" sh -c "[ $(view text paths 'main\.(Page|Session)$' | head -n 1 | cut -d' ' -f1 | tr -d ,) -gt 1179 ]"

# What dies without the only reference to an object is what it retains.
retained=$(view csv paths "$sessions" | awk -F, -v id="$sessions" '$3 == id { print $8 < 1024 ? $8 " B" : sprintf("%.1f KiB", $8 / 1024); exit }')
like "without the only pointer to it, what it retains is freed" "$(run --target="$server.sessions")" \
	"Without $server\.sessions: $retained would be garbage"
like "without one of several pointers nothing is freed" "$(run --target=main.server+0)" 'nothing would be freed'
like "a number is no pointer" "$(run --target="$server.expired")" 'nothing would change'

for bad in '0x1' 'no.such.name' '(' "$server.nothing" "$server+3" '0xzz'; do
	out=$(run --target="$bad" 2>&1)
	is "--target='$bad' is refused" "$? $(printf '%s' "$out" | grep -c '^heapconv: --target=')" "1 1"
done
out=$(run --format=text --view=paths -o - 2>&1)
is "a query without --target says what to do" "$? $(printf '%s' "$out" | grep -c -- '--target=ADDRESS')" "1 1"

# ---- CSV and DOT ----

columns() { awk -F'"' '{ line = ""; for (i = 1; i <= NF; i += 2) line = line $i; print gsub(",", ",", line) }' | sort -u | tr '\n' ' '; }
is "paths.csv has the same columns in all rows" "$(view csv paths main.Session | columns)" "12 "
is "owners.csv has the same columns in all rows" "$(view csv owners main.Session | columns)" "11 "

run --target=main.Session -o "$T/retained.dot" -o "$T/types.dot" -o "$T/paths.dot" -o "$T/owners.dot"
is "four graphs by the stems of their names" "$?" 0
mkdir "$T/again"
run --target=main.Session -o "$T/again/retained.dot" -o "$T/again/types.dot" -o "$T/again/paths.dot" -o "$T/again/owners.dot"
for v in retained types paths owners; do
	ok "the same bytes on a second run ($v.dot)" cmp "$T/$v.dot" "$T/again/$v.dot"
	if command -v dot > /dev/null; then
		ok "dot lays out $v.dot in seconds" timeout 20 dot -Tsvg -o "$T/$v.svg" "$T/$v.dot"
		ok "without a complaint" sh -c "[ -z \"\$(dot -Tsvg '$T/$v.dot' 2>&1 > /dev/null)\" ]"
	else
		skip "dot lays out $v.dot in seconds" "no dot (package graphviz)"
	fi
done
grep -q 'shape=hexagon' "$T/paths.dot" && pass "variables are hexagons" || flunk "variables are hexagons"

# Other programs, with and without names of types and variables, and a heap dump.
for name in zoo-1.21.core zoo-1.27.core zoo-1.22.heapdump; do
	exe2=$(unpack "testdata/snapshots/${name%.*}.exe.gz")
	"$HEAPCONV" -q "$(unpack testdata/snapshots/$name.gz)" -e "$exe2" --target='^main\.|unknown' -o "$T/retained.dot" \
		-o "$T/types.dot" -o "$T/paths.dot" -o "$T/owners.dot" 2> "$T/err"
	for v in retained types paths owners; do
		if command -v dot > /dev/null; then
			ok "dot lays out $v.dot of $name in seconds" timeout 30 dot -Tsvg -o "$T/$v.svg" "$T/$v.dot"
		else
			skip "dot lays out $v.dot of $name" "no dot (package graphviz)"
		fi
	done
done

# ---- tables of targets ----

run -o "$T/nodes.csv" -o "$T/edges.csv" -o "$T/types.csv"
mkdir "$T/of"
run --target=main.Session -o "$T/of/nodes.csv" -o "$T/of/edges.csv" -o "$T/of/types.csv"
is "nodes of a type" "$(cat "$T/of/nodes.csv")" "$(grep -E '^Id|,main.Session,object,' "$T/nodes.csv")"
is "types of a type" "$(cat "$T/of/types.csv")" "$(grep -E '^TypeName|^main.Session,' "$T/types.csv")"
is "edges from and to a type's objects" "$(cat "$T/of/edges.csv")" "$(awk -F, 'NR == FNR { is[$1] = 1; next }
	FNR == 1 || is[$1] || is[$2]' "$T/of/nodes.csv" "$T/edges.csv")"
like "in and out edges as text" "$(view text edges main.Session | grep User | head -n 3)" 'main\.Session +User +0x[0-9a-f]+ +main\.User$'
is "a view without -o is text on standard output" "$(run --view=types --top=3)" "$(run --format=text --view=types --top=3 -o -)"
is "a format without -o, too" "$(run --format=csv --view=types)" "$(cat "$T/types.csv")"
out=$(run -o "$T/late.csv" --view=types 2>&1)
is "a view behind the last -o is refused" "$? $(ls "$T/late.csv" 2> /dev/null)" "2 "

zoo=$(unpack testdata/snapshots/zoo-1.26.core.gz)
zooexe=$(unpack testdata/snapshots/zoo-1.26.exe.gz)
zooview() { "$HEAPCONV" -q "$zoo" -e "$zooexe" --format="$1" --view="$2" --target="$3" -o -; }
funcs=$("$HEAPCONV" -q "$(unpack testdata/snapshots/zoo-1.27.core.gz)" -e "$(unpack testdata/snapshots/zoo-1.27.exe.gz)" \
	--target=main.gFuncs)
like "elements of a variable that is a slice, functions by name" "$funcs" '\[2\] func\(\) int64 +main\.staticFunc$'
queued=$(sed -n 's/^object name=fin.queued.0 addr=\(0x[0-9a-f]*\) .*/\1/p' testdata/snapshots/zoo-1.26.truth)
cleanup=$(sed -n 's/^object name=cleanup.arg addr=\(0x[0-9a-f]*\) .*/\1/p' testdata/snapshots/zoo-1.26.truth)
like "an object that only a queued finalizer keeps" "$(zooview csv paths "$queued")" "^1,1,$queued,.*,finalizer\$"
like "the same in DOT" "$(zooview dot paths "$queued")" "\"o$queued\" .*color=red"
like "an object that only a cleanup keeps" "$(zooview csv paths "$cleanup")" "^1,[0-9]+,$cleanup,.*,cleanup\$"

