#!/bin/sh
# SPDX-License-Identifier: MIT
# Debug information in a file of its own: found by build id, by .gnu_debuglink, in debuginfod's cache, or named; a wrong
# one is refused. The answer is the one of the whole executable.
. tests/cli/lib.sh

if ! command -v objcopy >/dev/null; then
	skip "debug files" "objcopy (package binutils) is not installed"
	exit 0
fi
core=$(unpack testdata/snapshots/zoo-1.27.core.gz)
whole=$(unpack testdata/snapshots/zoo-1.27.exe.gz)
other=$(unpack testdata/snapshots/leak-1.26.exe.gz)
"$HEAPCONV" -q "$core" -e "$whole" --dump=stats > "$T/whole"
mkdir -p "$T/a" "$T/b" "$T/c" "$T/d/.debug" "$T/none"
export HOME="$T/none" XDG_CACHE_HOME="$T/none"

# same WHAT OPTION...: the whole executable's answer
same() {
	what=$1
	shift
	"$HEAPCONV" -q "$core" "$@" --dump=stats > "$T/stats" 2> "$T/err"
	is "$what: exit status" $? 0
	ok "$what: the same answer" cmp "$T/whole" "$T/stats"
}
level() { "$HEAPCONV" -q "$core" "$@" | sed -n 's/.*(\(L[0-3]\):.*/\1/p' | head -n 1; }

objcopy --only-keep-debug "$whole" "$T/a/zoo.debug" 2>/dev/null
objcopy --strip-all "$whole" "$T/b/zoo" 2>/dev/null
same "--debug-file of objcopy" -e "$T/b/zoo" --debug-file="$T/a/zoo.debug"
same "--debug-file: the executable before it was stripped" -e "$T/b/zoo" --debug-file="$whole"
objcopy --compress-debug-sections=zlib-gnu "$T/a/zoo.debug" "$T/a/gnu.debug" 2>/dev/null &&
	same "--debug-file with .zdebug sections" -e "$T/b/zoo" --debug-file="$T/a/gnu.debug"
objcopy --decompress-debug-sections "$T/a/zoo.debug" "$T/a/flat.debug" 2>/dev/null &&
	same "--debug-file with plain sections" -e "$T/b/zoo" --debug-file="$T/a/flat.debug"
is "without it: level" "$(level -e "$T/b/zoo")" L2
if command -v eu-strip >/dev/null; then
	eu-strip -f "$T/c/eu.debug" -o "$T/c/zoo" "$whole"
	same "eu-strip, found by .gnu_debuglink" -e "$T/c/zoo"
	same "eu-strip, --debug-file" -e "$T/c/zoo" --debug-file="$T/c/eu.debug"
else
	skip "eu-strip" "elfutils is not installed"
fi

# By the link: beside the executable, in .debug, in a directory of --search, below the sysroot's /usr/lib/debug.
(cd "$T/a" && cp zoo.debug "$T/d/" && cp "$T/b/zoo" "$T/d/zoo" && objcopy --add-gnu-debuglink=zoo.debug "$T/d/zoo")
same "debug link, beside" -e "$T/d/zoo"
mv "$T/d/zoo.debug" "$T/d/.debug/"
same "debug link, in .debug" -e "$T/d/zoo"
mkdir -p "$T/root/usr/lib/debug$T/d"
mv "$T/d/.debug/zoo.debug" "$T/root/usr/lib/debug$T/d/"
is "debug link, not there: level" "$(level -e "$T/d/zoo")" L2
like "debug link, not there: -v says what was tried" "$("$HEAPCONV" -v "$core" -e "$T/d/zoo" 2>&1 >/dev/null)" \
	"looked for at .*$T/d/zoo.debug, $T/d/.debug/zoo.debug, /usr/lib/debug$T/d/zoo.debug.*--debug-file"
same "debug link, below the sysroot" -e "$T/d/zoo" --sysroot="$T/root"
same "debug link, --search" -e "$T/d/zoo" --search="$T/a"
# A file of that name that is not the one.
cp "$other" "$T/d/zoo.debug"
"$HEAPCONV" "$core" -e "$T/d/zoo" > "$T/out" 2> "$T/err"
is "wrong file behind the link: exit status" $? 3
like "wrong file behind the link: refused" "$(cat "$T/err")" 'zoo.debug is not used: .*build ids differ'
rm "$T/d/zoo.debug"
# Without build ids the checksum decides.
objcopy --strip-all -R .note.go.buildid -R .note.gnu.build-id "$whole" "$T/d/bare" 2>/dev/null
objcopy -R .note.go.buildid -R .note.gnu.build-id "$T/a/zoo.debug" "$T/d/bare.debug" 2>/dev/null
(cd "$T/d" && objcopy --add-gnu-debuglink=bare.debug bare)
is "no build ids, the checksum fits: level" "$(level --force -e "$T/d/bare")" L0
printf x >> "$T/d/bare.debug"
is "no build ids, the checksum does not fit: level" "$(level --force -e "$T/d/bare")" L2
like "no build ids, the checksum does not fit: said" "$("$HEAPCONV" --force "$core" -e "$T/d/bare" 2>&1 >/dev/null)" 'checksum'

# By build id.
id=$("$HEAPCONV" "$core" -e "$whole" --dump=images | sed -n 's/.*GNU build id \([0-9a-f]*\).*/\1/p' | head -n 1)
[ -n "$id" ] || id=$(readelf -n "$whole" 2>/dev/null | sed -n 's/.*Build ID: *//p')
two=$(echo "$id" | cut -c 1-2) rest=$(echo "$id" | cut -c 3-)
mkdir -p "$T/root/usr/lib/debug/.build-id/$two" "$T/cache/$id" "$T/none/debuginfod_client/$id"
cp "$T/a/zoo.debug" "$T/root/usr/lib/debug/.build-id/$two/$rest.debug"
same "build id, below the sysroot" -e "$T/b/zoo" --sysroot="$T/root"
cp "$T/a/zoo.debug" "$T/cache/$id/debuginfo"
DEBUGINFOD_CACHE_PATH=$T/cache same "DEBUGINFOD_CACHE_PATH" -e "$T/b/zoo"
cp "$T/a/zoo.debug" "$T/none/debuginfod_client/$id/debuginfo"
same "debuginfod's cache" -e "$T/b/zoo"
rm "$T/none/debuginfod_client/$id/debuginfo"
cp "$whole" "$T/cache/$id/executable"
DEBUGINFOD_CACHE_PATH=$T/cache same "the executable, too"

# Refused.
"$HEAPCONV" "$core" -e "$T/b/zoo" --debug-file="$other" > "$T/out" 2> "$T/err"
is "wrong --debug-file: exit status" $? 1
like "wrong --debug-file: both ids" "$(cat "$T/err")" 'debug file has build id [^ ]+, .* has [^ ]+; give the one that was split off'
"$HEAPCONV" "$core" -e "$T/b/zoo" --debug-file="$T/b/zoo" > "$T/out" 2> "$T/err"
is "stripped --debug-file: exit status" $? 1
like "stripped --debug-file: what to give" "$(cat "$T/err")" 'neither debug information nor symbols; .*only-keep-debug'
"$HEAPCONV" "$core" -e "$T/b/zoo" --debug-file="$T/nowhere" > "$T/out" 2> "$T/err"
is "missing --debug-file: exit status" $? 1
like "missing --debug-file: said" "$(cat "$T/err")" 'nowhere: No such file'
