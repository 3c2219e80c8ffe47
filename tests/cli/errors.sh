#!/bin/sh
# SPDX-License-Identifier: MIT
# What can go wrong gives one clear line, the right exit status, and never a half-written file.
. tests/cli/lib.sh

core=$(unpack testdata/snapshots/leak-1.26.core.gz)
exe=$(unpack testdata/snapshots/leak-1.26.exe.gz)
other=$(unpack testdata/snapshots/zoo-1.27.exe.gz)

# fails WHAT STATUS REGEX ARGS...: exit status, one line on stderr that matches, nothing on stdout, no output file
fails() {
	what=$1 status=$2 regex=$3
	shift 3
	rm -rf "$T/out" && mkdir "$T/out"
	"$HEAPCONV" "$@" > "$T/stdout" 2> "$T/stderr"
	got=$?
	lines=$(grep -vc '^heapconv: warning: ' "$T/stderr")
	if [ $got -ne "$status" ]; then
		flunk "$what" "status $got, expected $status" "$(cat "$T/stderr")"
	elif [ "$lines" -ne 1 ]; then
		flunk "$what" "$lines lines on stderr, expected 1" "$(cat "$T/stderr")"
	elif ! grep -qE -- "$regex" "$T/stderr"; then
		flunk "$what" "no match for $regex in: $(cat "$T/stderr")"
	elif [ -s "$T/stdout" ]; then
		flunk "$what" "wrote to standard output: $(head -n 2 "$T/stdout")"
	elif [ -n "$(ls -A "$T/out")" ]; then
		flunk "$what" "left files behind: $(ls -A "$T/out")"
	else
		pass "$what"
	fi
}

fails "no snapshot" 2 'no snapshot given'
fails "two snapshots" 2 'more than one snapshot' a b
fails "unknown option" 2 "nonsense.*see heapconv --help" --nonsense
fails "unknown format" 2 "unknown format 'x'" --format=x -o y "$core"
fails "suffix without a format" 2 "names no format" -o "$T/out/x.unknown" "$core"
fails "standard output without a format" 2 'needs --format' -o - "$core"
fails "unknown view" 2 "no view 'nodes'" --view=nodes -o "$T/out/x.pb.gz" "$core"
fails "bad number" 2 'positive number' --top=-3 "$core"
fails "file that does not exist" 1 'does-not-exist.*No such file' "$T/does-not-exist"
mkdir -p "$T/dir"
fails "directory" 1 'dir: is a directory; give the core file in it' "$T/dir"
: > "$T/empty"
fails "empty file" 1 'empty' "$T/empty"
echo "this is a text file, not a core" > "$T/text"
fails "text file" 1 'text: .*expected an ELF core' "$T/text"
fails "executable instead of core" 1 'executable' "$exe"
fails "core given as executable" 1 'core' -e "$core" "$core"
fails "wrong executable" 1 'build id.*--force' -e "$other" "$core" -o "$T/out/x.pb.gz"
fails "executable that does not exist" 1 'nowhere' -e "$T/nowhere" "$core"
head -c 200 "$core" > "$T/headers"
fails "core cut inside its headers" 1 'not in the snapshot.*again' "$T/headers" -e "$exe" -o "$T/out/x.pb.gz"
fails "unwritable output" 1 'no/such/dir' -q "$core" -e "$exe" -o "$T/no/such/dir/x.pb.gz"
if [ -w /dev/full ]; then
	fails "full disk" 1 '/dev/full.*No space' -q "$core" -e "$exe" --format=pprof -o /dev/full
else
	skip "full disk" "no /dev/full"
fi
# A core of a process that has no Go in it.
if command -v gcore >/dev/null && sleep 30 & then
	pid=$!
	if gcore -o "$T/sleep" $pid >/dev/null 2>&1; then
		fails "core of a program that is not Go" 1 '[Gg]o' "$T/sleep.$pid"
	else
		skip "core of a program that is not Go" "gcore may not attach here"
	fi
	kill $pid
else
	skip "core of a program that is not Go" "gcore is not installed"
fi

# Damage that leaves something: exit status 3, and the loss is said.
size=$(wc -c < "$core")
for part in 95 80 60 40 20; do
	head -c $((size * part / 100)) "$core" > "$T/cut"
	"$HEAPCONV" "$T/cut" -e "$exe" -o "$T/out/cut.pb.gz" > "$T/stdout" 2> "$T/stderr"
	got=$?
	case $got in
	3) ok "core cut at $part %: status 3 and the loss is said" grep -qiE 'cut|missing|not in the snapshot|lost' "$T/stderr" ;;
	1) if [ "$(wc -l < "$T/stderr")" -ge 1 ] && [ ! -e "$T/out/cut.pb.gz" ]; then pass "core cut at $part %: refused, no file"
	   else flunk "core cut at $part %" "$(cat "$T/stderr")"; fi ;;
	*) flunk "core cut at $part %" "status $got" "$(cat "$T/stderr")" ;;
	esac
	rm -f "$T/out/cut.pb.gz"
done
"$HEAPCONV" --strict "$T/cut" -e "$exe" -o "$T/out/strict.pb.gz" >/dev/null 2>&1
is "--strict writes nothing when something is missing" "$? $(ls "$T/out")" "1 "
