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

# levels NAME CORE EXE LEVEL COPY LEAST: CORE with EXE, which has debug information, and with COPY, a copy that has less:
# the same objects must be alive, none may have another type, LEAST per mille of the live bytes must have one
levels() {
	"$HEAPCONV" -q "$2" -e "$3" --dump=objects > "$T/with" 2> "$T/err"
	"$HEAPCONV" -q "$2" -e "$5" --dump=objects > "$T/without" 2> "$T/err"
	is "$1 $4: exit status" "$?" 0
	like "$1 $4: the page says so" "$("$HEAPCONV" -q "$2" -e "$5")" "\\($4: "
	awk -v name="$1 $4" -f tests/cli/levels.awk "$T/with" "$T/without" > "$T/tap"
	while IFS= read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) flunk "${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done < "$T/tap"
	is "$1 $4: live bytes with a type" \
		"$(awk -v least="$6" '/^# coverage/ { print ($3 >= least ? "enough" : $3 " per mille") }' "$T/tap")" enough
	"$HEAPCONV" -q "$2" -e "$3" --view=nodes -o "$T/with.csv"
	"$HEAPCONV" -q "$2" -e "$5" --view=nodes -o "$T/without.csv"
	# objects have addresses, roots numbers
	for f in with without; do
		grep -o '^"\{0,1\}0x[0-9a-f]*' "$T/$f.csv" | tr -d '"' | sort > "$T/$f.ids"
	done
	is "$1 $4: nodes.csv has the same addresses" "$(comm -3 "$T/with.ids" "$T/without.ids" | head -n 3)" ""
}
