#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every test and ends with the totals. Called by `make check` with BUILD, CC and MAKE set.
#
# ONLY says which kinds run, "unit cli live" without it; the totals name the kinds left out. "lint" is static analysis,
# "threads" is for SAN=thread.
#
# A test is a program or script that prints TAP lines: "ok N - what", "not ok N - what", "ok N - what # SKIP why".
set -u
BUILD=${BUILD:-build/release}
export BUILD
ONLY=${ONLY:-unit cli live}
HEAPCONV=$BUILD/heapconv
export HEAPCONV
logs=$BUILD/logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0

# Counts the TAP lines of one log; a program that died counts as a failure of its own.
tally() { # name status log
	p=$(grep -c '^ok' "$3")
	s=$(grep -ci '^ok.*# *skip' "$3")
	f=$(grep -c '^not ok' "$3")
	p=$((p - s))
	if [ "$f" -eq 0 ] && { [ "$2" -ne 0 ] || [ $((p + s)) -eq 0 ]; }; then
		f=1
		echo "not ok - $1 ended with status $2 after $((p + s)) tests"
		tail -n 15 "$3"
	fi
	grep '^not ok' "$3" | sed "s|^|$1: |"
	[ "$f" -eq 0 ] || grep '^#' "$3" | head -n 40
	grep -i '^ok.*# *skip' "$3" | sed "s|^ok *[0-9]* *-* *|  skipped: |"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-28s %4d passed %3d failed %3d skipped\n' "$1" "$p" "$f" "$s"
}

run() { # name command...
	name=$1
	shift
	log=$logs/$(echo "$name" | tr '/ ' '__').log
	CMOCKA_MESSAGE_OUTPUT=TAP "$@" >"$log" 2>&1
	tally "$name" $? "$log"
}

# A check without TAP output of its own: status 0 is a pass.
check() { # name command...
	name=$1
	shift
	log=$logs/$(echo "$name" | tr '/ ' '__').log
	if "$@" >"$log" 2>&1; then
		echo "ok 1 - $name" >>"$log"
	else
		cat "$log"
		echo "not ok 1 - $name" >>"$log"
	fi
	tally "$name" 0 "$log"
}

check "include direction" ${MAKE:-make} -s check-layers
check "headers stand alone" ${MAKE:-make} -s check-headers
check "banned functions" sh tests/lint/banned.sh
wanted() { # unit, cli, live, lint or threads
	case " $ONLY " in *" $1 "*) return 0 ;; esac
	case $1 in unit | cli | live) echo "tests of kind $1 are left out: ONLY=\"$ONLY\"" ;; esac
	return 1
}

wanted unit && for t in "$BUILD"/tests/test_*; do
	[ -x "$t" ] && [ -f "$t" ] || continue
	case $t in *.d|*.o) continue ;; esac
	run "unit/$(basename "$t")" "$t"
done
wanted cli && for t in tests/cli/*.sh; do
	[ "$(basename "$t")" = lib.sh ] || run "cli/$(basename "$t" .sh)" sh "$t"
done
wanted live && for t in tests/live/*.sh; do
	[ -e "$t" ] && run "live/$(basename "$t" .sh)" sh "$t"
done
wanted lint && run "lint/static" sh tests/lint/static.sh
wanted threads && run "lint/threads" sh tests/lint/threads.sh
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
