#!/bin/sh
# SPDX-License-Identifier: MIT
# The README's commands run, and print what the README says that they print.
. tests/cli/lib.sh

cp "$(unpack testdata/snapshots/leak-1.26.core.gz)" "$T/core"
cp "$(unpack testdata/snapshots/leak-1.26.exe.gz)" "$T/leak"
cp "$T/leak" "$T/server"
cp "$(unpack testdata/snapshots/zoo-1.22.heapdump.gz)" "$T/app.heapdump"
cp "$(unpack testdata/snapshots/zoo-1.22.exe.gz)" "$T/app"
case $HEAPCONV in /*) bin=$HEAPCONV ;; *) bin=$PWD/$HEAPCONV ;; esac
mkdir "$T/bin" "$T/block" && ln -s "$bin" "$T/bin/heapconv"
in_demo() { (cd "$T" && PATH=$T/bin:$PATH && eval "$1"); }

# ---- commands without output: indented lines that begin with heapconv or go tool pprof ----

sed -n '/^    \(heapconv\|go tool pprof\) /{s/^    //; s/  *#.*//; p;}' README.md |
	grep -vE 'http=|diff_base|sysroot|app.heapdump --(oid|dump)' | sort -u > "$T/all"
{ grep '^heapconv' "$T/all"; grep -v '^heapconv' "$T/all"; } > "$T/commands"
ok "the README has commands to run" test "$(wc -l < "$T/commands")" -ge 4
while IFS= read -r line; do
	case $line in
	"go "*) command -v go > /dev/null || { skip "README: $line" "go is not installed"; continue; } ;;
	esac
	ok "README: $line" in_demo "$line"
done < "$T/commands"

# ---- commands with output: "    $ command", what it prints, "    ..." where lines are left out ----

awk -v dir="$T/block" '
	/^    \$ / { out = sprintf("%s/%02d", dir, ++n); print substr($0, 7) > (out ".command"); next }
	/^    / && out { print substr($0, 5) > (out ".expected"); next }
	/^$/ && out { print > (out ".expected"); next }
	{ out = "" }' README.md
# Every expected line, in order; others between them only where "..." stands.
compare='
	NR == FNR { if ($0 == "...") gap[n + 1] = 1; else want[++n] = $0; next }
	{ got[++m] = $0 }
	END {
		while (n && want[n] == "") n--
		for (i = j = 1; i <= n; i++) {
			from = j
			while (gap[i] && j <= m && got[j] != want[i]) j++
			if (j > m || got[j] != want[i]) { print "no: " want[i]; print "got: " got[from]; exit 1 }
			j++
		}
		while (m && got[m] == "") m--
		if (j <= m && !gap[n + 1]) { print "more: " got[j]; exit 1 }
	}'
# The page: the same lines, whatever the figures are.
words='{ gsub(/[0-9][0-9,.]*( ([KMG]i)?B)?/, ""); gsub(/ +/, " "); print }'
for command in "$T"/block/*.command; do
	line=$(cat "$command") expected=${command%.command}.expected
	case $line in
	"heapconv core")
		in_demo "$line" 2>&1 | awk "$words" > "$T/got"
		awk "$words" "$expected" > "$T/want"
		is "README: \$ $line: its lines are on the page" "$(grep -vxFf "$T/got" "$T/want")" ""
		;;
	heapconv*)
		in_demo "$line" > "$T/got" 2> "$T/err"
		ok "README: \$ $line prints what is written there" awk "$compare" "$expected" "$T/got"
		;;
	"go tool pprof"*)
		command -v go > /dev/null || { skip "README: \$ $line" "go is not installed"; continue; }
		in_demo "$line" > "$T/got" 2> "$T/err"
		awk "$words" "$T/got" > "$T/got.words"
		awk "$words" "$expected" | grep -v '^ *\.\.\.$' > "$T/want"
		is "README: \$ $line prints what is written there" "$(grep -vxFf "$T/got.words" "$T/want")" ""
		;;
	*) flunk "README: \$ $line" "what is this?" ;;
	esac
done
ok "the README shows outputs" test "$(ls "$T"/block/*.command | wc -l)" -ge 8
