# SPDX-License-Identifier: MIT
# For the shell tests: numbered TAP lines, a scratch folder, unpacked snapshots.
n=0
T=$(mktemp -d "${TMPDIR:-/tmp}/heapconv-test.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT
BUILD=${BUILD:-build/release}
HEAPCONV=${HEAPCONV:-$BUILD/heapconv}
SNAP=$BUILD/snap
export LC_ALL=C

pass() { n=$((n + 1)); echo "ok $n - $1"; }
flunk() { n=$((n + 1)); echo "not ok $n - $1"; shift; for l in "$@"; do echo "$l" | sed 's/^/# /'; done; }
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }
# ok WHAT COMMAND...: passes when the command succeeds
ok() { what=$1; shift; if out=$("$@" 2>&1); then pass "$what"; else flunk "$what" "$out"; fi; }
# is WHAT GOT EXPECTED
is() { if [ "$2" = "$3" ]; then pass "$1"; else flunk "$1" "got:      $2" "expected: $3"; fi; }
# like WHAT TEXT REGEX
like() { if printf '%s\n' "$2" | grep -qE -- "$3"; then pass "$1"; else flunk "$1" "no match for $3 in:" "$2"; fi; }

# unpack FILE.gz: prints the path of the unpacked file, made once; holes stay holes
unpack() {
	u=$SNAP/$(basename "$1" .gz)
	if [ ! -s "$u" ]; then
		mkdir -p "$SNAP"
		gzip -dc "$1" | dd of="$u.$$" bs=64k conv=sparse 2>/dev/null && mv "$u.$$" "$u"
		case $u in *.exe) chmod +x "$u" ;; esac
	fi
	echo "$u"
}
