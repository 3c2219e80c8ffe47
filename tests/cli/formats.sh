#!/bin/sh
# SPDX-License-Identifier: MIT
# Compressed snapshots, whole and cut; and files that are no snapshot: one line that says what to do.
. tests/cli/lib.sh

core=$(unpack testdata/snapshots/leak-1.26.core.gz)
exe=$(unpack testdata/snapshots/leak-1.26.exe.gz)
"$HEAPCONV" -q "$core" -e "$exe" --dump=stats > "$T/plain"

for method in gzip zstd xz lz4 bzip2; do
	if ! command -v $method > /dev/null; then
		skip "$method" "the program $method is not installed"
		continue
	fi
	$method -1 -c "$core" > "$T/core.packed" 2>/dev/null
	"$HEAPCONV" -q "$T/core.packed" -e "$exe" --dump=stats > "$T/stats" 2> "$T/err"
	is "$method: exit status" $? 0
	ok "$method: the same answer" cmp "$T/plain" "$T/stats"
	# The metadata of the heap is in the last third: a cut stream is a cut core.
	size=$(wc -c < "$T/core.packed")
	head -c $((size * 9 / 10)) "$T/core.packed" > "$T/cut"
	"$HEAPCONV" "$T/cut" -e "$exe" > "$T/out" 2> "$T/err"
	is "$method, cut: exit status" $? 3
	like "$method, cut: said" "$(cat "$T/err")" "the $method stream is damaged or cut short; using the [0-9]+ bytes before that"
	like "$method, cut: the lost memory is counted" "$(cat "$T/err")" 'the core is cut: the file has [0-9]+ of [0-9]+ bytes'
	# Nothing at all comes out.
	{ head -c 6 "$T/core.packed"; head -c 100 "$exe" | tail -c 90; } > "$T/damaged"
	"$HEAPCONV" "$T/damaged" -e "$exe" > "$T/out" 2> "$T/err"
	is "$method, damaged from the start: refused in one line" "$? $(grep -vc 'warning: ' "$T/err")" "1 1"
	[ $method = gzip ] && continue
	mkdir -p "$T/nothing"
	PATH=$T/nothing "$HEAPCONV" "$T/core.packed" -e "$exe" > "$T/out" 2> "$T/err"
	is "$method, without the program: exit status" $? 1
	like "$method, without the program: the package is named" "$(cat "$T/err")" "apt install $method|apt install xz-utils"
done
TMPDIR=/nowhere "$HEAPCONV" testdata/snapshots/leak-1.26.core.gz -e "$exe" > "$T/out" 2> "$T/err"
is "no place to decompress to: exit status" $? 1
like "no place to decompress to: what to do" "$(cat "$T/err")" 'set TMPDIR'

# refused WHAT REGEX FILE [OPTION]...
refused() {
	what=$1 regex=$2
	shift 2
	"$HEAPCONV" "$@" > "$T/out" 2> "$T/err"
	is "$what: exit status" $? 1
	is "$what: one line" "$(wc -l < "$T/err")" 1
	like "$what: what to do" "$(cat "$T/err")" "$regex"
}

printf 'PK\003\004rest' > "$T/core.zip"
refused "zip archive" 'unzip' "$T/core.zip"
printf 'ProblemType: Crash\nCoreDump: base64\n' > "$T/x.crash"
refused "apport report" 'apport-unpack' "$T/x.crash"
printf 'MDMP\223\247\000\000' > "$T/x.dmp"
refused "Windows minidump" 'dlv attach' "$T/x.dmp"
printf '\317\372\355\376\007\000\000\001' > "$T/macho"
refused "Mach-O core" 'dlv attach' "$T/macho"
printf 'KDUMP   \006' > "$T/kdump"
refused "kernel dump" 'core of one process' "$T/kdump"
printf 'JAVA PROFILE 1.0.2\000' > "$T/x.hprof"
refused "Java heap dump" 'Eclipse MAT' "$T/x.hprof"
mkdir "$T/tar" "$T/abrt"
echo x > "$T/tar/x"
tar -cf "$T/x.tar" -C "$T/tar" x
refused "tar archive" 'tar -xf' "$T/x.tar"
cp "$exe" "$T/abrt/executable"
: > "$T/abrt/coredump"
refused "directory of a crash reporter" 'give the core in it: .*/abrt/coredump' "$T/abrt"
refused "executable as snapshot" 'with --exe' "$exe"
if [ "$(id -u)" = 0 ]; then
	skip "unreadable core" "root reads everything"
else
	cp "$core" "$T/secret"
	chmod 000 "$T/secret"
	refused "unreadable core" 'sudo' "$T/secret"
fi
# ABRT keeps the executable beside the core.
cp --sparse=always "$core" "$T/abrt/coredump"
"$HEAPCONV" -q "$T/abrt/coredump" --dump=stats > "$T/stats" 2> "$T/err"
ok "executable beside the core, under ABRT's name" cmp "$T/plain" "$T/stats"
# A full disk: a file system of its own, where that is allowed.
mkdir "$T/small"
if unshare -m mount -t tmpfs -o size=256k none "$T/small" 2>/dev/null; then
	for f in testdata/snapshots/leak-1.26.core.gz "$T/core.packed"; do
		unshare -m sh -c 'mount -t tmpfs -o size=256k none "$1" && TMPDIR=$1 exec "$2" "$3" -e "$4"' sh "$T/small" \
			"$HEAPCONV" "$f" "$exe" > "$T/out" 2> "$T/err"
		is "full disk, $(basename "$f"): exit status" $? 1
		like "full disk, $(basename "$f"): what to do" "$(cat "$T/err")" "in $T/small, after [0-9]+ bytes: No space left .*set TMPDIR"
	done
else
	skip "full disk while decompressing" "no file system may be mounted here"
fi
