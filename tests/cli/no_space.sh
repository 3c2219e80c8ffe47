#!/bin/sh
# SPDX-License-Identifier: MIT
# Disks that are full, files that may not grow: one line, status 1, and no output appears or changes.
. tests/cli/lib.sh

core=$(unpack testdata/snapshots/leak-1.26.core.gz)
exe=$(unpack testdata/snapshots/leak-1.26.exe.gz)
mkdir "$T/out"

# refused WHAT REGEX: the last run's status and message; $T/out holds old.hprof alone, as it was
refused() {
	left=$(ls -A "$T/out" | tr '\n' ' ')
	if [ "$status" -ne 1 ] || [ "$(wc -l < "$T/err")" -ne 1 ] || ! grep -qE -- "$2" "$T/err"; then
		flunk "$1" "status $status" "$(cat "$T/err")"
	elif [ "$left" != "old.hprof " ] || [ "$(cat "$T/out/old.hprof")" != old ]; then
		flunk "$1" "in the directory: $left"
	else
		pass "$1"
	fi
}

echo old > "$T/out/old.hprof"
for f in hprof hprof.gz pb.gz csv dot txt; do
	# ulimit -f counts 512 bytes
	(ulimit -f 1 && exec "$HEAPCONV" -q "$core" -e "$exe" -o "$T/out/new.$f") 2> "$T/err"
	status=$?
	refused "a file that may not grow: $f" 'new\..*write failed.*File too large'
done
(ulimit -f 20 && exec "$HEAPCONV" -q "$core" -e "$exe" -o "$T/out/old.hprof") 2> "$T/err"
status=$?
refused "a file that is to be replaced stays" 'old\.hprof.*File too large'
(ulimit -f 100 && exec "$HEAPCONV" -q "$core" -e "$exe" -o "$T/out/a.pb.gz" -o "$T/out/old.hprof" -o "$T/out/types.csv") 2> "$T/err"
status=$?
refused "none of several outputs appears when one fails" 'old\.hprof.*File too large'

if [ -w /dev/full ]; then
	for f in pprof hprof csv dot folded text; do
		"$HEAPCONV" -q "$core" -e "$exe" --format=$f -o - > /dev/full 2> "$T/err"
		status=$?
		refused "standard output is full: $f" 'standard output: write failed.*No space'
	done
	"$HEAPCONV" -q "$core" -e "$exe" > /dev/full 2> "$T/err"
	status=$?
	refused "standard output is full: the page" 'standard output.*No space'
	for layer in segments objects records; do
		"$HEAPCONV" -q "$core" -e "$exe" --dump=$layer > /dev/full 2> "$T/err"
		status=$?
		refused "standard output is full: --dump=$layer" '.'
	done
	for o in --help --version; do
		"$HEAPCONV" $o > /dev/full 2> "$T/err"
		status=$?
		refused "standard output is full: $o" 'standard output.*No space'
	done
else
	skip "standard output is full" "no /dev/full"
fi

# A file system of its own, too small for the output but not for its first blocks.
mkdir "$T/small"
cat > "$T/in_small.sh" <<-'EOF'
	mount -t tmpfs -o size=96k none "$1" 2>/dev/null || exit 77
	cp "$5" "$1/old.hprof"
	"$2" -q "$3" -e "$4" -o "$1/old.hprof" 2> "$6"
	echo "status $? $(ls -A "$1" | tr '\n' ' ') $(cat "$1/old.hprof")"
EOF
if got=$(unshare -m sh "$T/in_small.sh" "$T/small" "$HEAPCONV" "$core" "$exe" "$T/out/old.hprof" "$T/err" 2>/dev/null); then
	is "a full file system" "$got" "status 1 old.hprof  old"
	like "a full file system: the line" "$(cat "$T/err")" 'write failed after [0-9]+ bytes: No space left.*free some space'
else
	skip "a full file system" "no right to mount one"
fi
