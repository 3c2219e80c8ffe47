#!/bin/sh
# SPDX-License-Identifier: MIT
# Static analysis of the library and the programs, as TAP: gcc's analyzer, cppcheck, clang's warnings, clang-tidy with
# clang's analyzer. What is not installed is skipped by name. Run by `make lint`; CI leaves out the last, which takes minutes.
set -u
LINT=${LINT:-gcc cppcheck clang clang-tidy}
wanted() { case " $LINT " in *" $1 "*) command -v "$1" >/dev/null ;; *) false ;; esac }
BUILD=${BUILD:-build/release}
jobs=$(nproc 2>/dev/null || echo 2)
flags="-std=c11 -D_FILE_OFFSET_BITS=64 -I. -Iinclude -Isrc -I$BUILD/gen"
pkg-config --exists libdwarf 2>/dev/null && flags="$flags $(pkg-config --cflags libdwarf)" || flags="$flags -I/usr/include/libdwarf"
files=$(find src cmd -name '*.c' | sort)
n=0

# each WHAT COMMAND...: the command over every file, a few at once; output is a finding
each() {
	what=$1
	shift
	n=$((n + 1))
	out=$(echo "$files" | xargs -P "$jobs" -n 1 "$@" 2>&1)
	if [ -z "$out" ]; then
		echo "ok $n - $what: $(echo "$files" | wc -l) files"
	else
		echo "not ok $n - $what"
		echo "$out" | sed 's/^/# /'
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# Off, because GCC 12 finds nothing but ghosts with them: it does not follow ownership into structs, takes no notice of
# returns_nonnull, and mistakes structs that functions return for uninitialised ones. Tests under the address sanitizer
# (leaks), clang's analyzer (NULL) and valgrind (uninitialised) look for the same.
off="-Wno-analyzer-malloc-leak -Wno-analyzer-null-dereference -Wno-analyzer-null-argument
	-Wno-analyzer-possible-null-dereference -Wno-analyzer-possible-null-argument -Wno-analyzer-use-of-uninitialized-value"
if wanted gcc; then
	each "gcc -fanalyzer" gcc $flags -O1 -fanalyzer $off -c -o /dev/null
else
	skip "gcc -fanalyzer" "not installed, or not in LINT"
fi

if wanted cppcheck; then
	# returnDanglingLifetime: it takes every result of a call for a pointer into the call's arguments. internalAstError: it
	# does not understand compound literals behind a question mark. duplicateAssignExpression: two numbers that begin equal.
	each cppcheck cppcheck --enable=warning,portability,performance --std=c11 --quiet --inline-suppr \
		--suppress=returnDanglingLifetime --suppress=internalAstError \
		--suppress=duplicateAssignExpression --suppress=missingIncludeSystem -I. -Iinclude -Isrc "-I$BUILD/gen"
else
	skip cppcheck "not installed, or not in LINT"
fi

if wanted clang; then
	each "clang's warnings" clang $flags -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wswitch-enum \
		-Wmissing-prototypes -fsyntax-only
else
	skip "clang's warnings" "not installed, or not in LINT"
fi

if wanted clang-tidy; then
	# mode=shallow: a third of the time
	tidy() {
		each "clang-tidy" sh -c 'clang-tidy --quiet --extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang \
			--extra-arg=mode=shallow "$1" -- '"$flags"' 2>/dev/null' sh
	}
	tidy
else
	skip clang-tidy "not installed, or not in LINT"
fi
