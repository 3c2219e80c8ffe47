# SPDX-License-Identifier: MIT
# For tests/matrix.sh: makes snapshots, converts them, holds the answers against what the programs wrote down, and keeps
# a line of the table for each.
HEAPCONV=${HEAPCONV:-build/release/heapconv}
export LC_ALL=C
n=0
W=$(mktemp -d "${TMPDIR:-/tmp}/heapconv-matrix.XXXXXX") || exit 1
trap 'rm -rf "$W"' EXIT
KEEP=${MATRIX_ROWS:-build/matrix} # the rows of each section, from run to run
mkdir -p "$KEEP"
ROWS=/dev/null
cp "$HEAPCONV" "$W/heapconv" && HEAPCONV=$W/heapconv # a rebuild meanwhile does no harm

pass() { n=$((n + 1)); echo "ok $n - $1"; }
flunk() { n=$((n + 1)); echo "not ok $n - $1"; shift; for l in "$@"; do echo "$l" | sed 's/^/# /'; done; }
skip() { # WHAT WHY
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
	echo "| $1 | | | | | | | not made here: $2 |" >> "$ROWS"
}
have() { command -v "$1" >/dev/null 2>&1; }
section() { # TITLE WHAT
	printf '\n## %s\n\n%s\n\n' "$1" "$2" >> "$ROWS"
	printf '| snapshot | Go | level | exit | counters | as the program says | types known | said |\n' >> "$ROWS"
	printf '| --- | --- | --- | --- | --- | --- | --- | --- |\n' >> "$ROWS"
}

# make OUT NAME=VALUE...: testdata/gen.sh into $W/OUT; false, with the reason in $why, when that does not work
make_it() {
	local d=$W/$1
	shift
	env OUT="$d" RUNDIR="$W/run" "$@" bash testdata/gen.sh > "$W/gen.log" 2>&1 && return 0
	why=$(grep -v '^+' "$W/gen.log" | tail -n 1 | cut -c 1-120)
	return 1
}

# The sum of what the six counters of the runtime differ by from ours.
counters() { # STATS
	awk '/^check/ { n++; d = $NF < 0 ? -$NF : $NF; if (d) s = s (s ? ", " : "") $2 " " ($NF > 0 ? "+" : "") $NF }
		/^check HeapObjects/ { o = $4 " of " $6 " objects" }
		END { print n == 6 ? (s ? s : "equal") : o ? o : n ? n " of 6 known" : "none" }' "$1"
}

# row WANT KIND GO SNAPSHOT TRUTH [OPTION]...
#   WANT: right     exit status 0, the counters equal, all as the program says
#         close     the same, but the runtime's counters are of a moment before or after
#         labelled  exit status 3 and one line or more that say what is missing; nothing contradicts the program
#         refused   exit status 1, one line
# TRUTH: a file, or - for none.
row() {
	local want=$1 kind=$2 go=$3 snap=$4 truth=$5
	shift 5
	timeout 120 "$HEAPCONV" --progress=never "$snap" "$@" > "$W/page" 2> "$W/err" < /dev/null
	status=$?
	level=$(sed -n 's/.*(\(L[0-3]\)[:)].*/\1/p' "$W/page" | head -n 1)
	typed=$(sed -n 's/.*Types known for \([0-9.]*\) %.*/\1 %/p' "$W/page" | head -n 1)
	# What refuses, else what tells most of a loss, else the first line.
	{ grep -v '^heapconv: warning: ' "$W/err"; grep 'descriptors are not' "$W/err"; cat "$W/err"; } > "$W/said"
	said=$(sed -e 's/^heapconv: //' -e "s|$W/[^ :,;]*/||g; s|$W/||g" "$W/said" | head -n 1 | cut -c 1-300 | tr '`|' "'/")
	lines=$(wc -l < "$W/err")
	counts= says= bad=
	if [ $status -eq 0 ] || [ $status -eq 3 ]; then
		timeout 120 "$HEAPCONV" -q "$snap" "$@" --dump=stats > "$W/stats" 2>/dev/null < /dev/null
		counts=$(counters "$W/stats")
		if [ "$truth" != - ]; then
			timeout 120 "$HEAPCONV" -q "$snap" "$@" --dump=objects > "$W/objects" 2>/dev/null < /dev/null
			awk -v name=x -v partial=$([ $want = labelled ] && echo 1) -f tests/cli/truth.awk "$truth" "$W/objects" > "$W/tap"
			if grep -q '^not ok' "$W/tap"; then
				says="no: $(sed -n 's/^not ok - x: //p' "$W/tap" | head -n 1)"
			else
				says=$(sed -n 's/^ok - x: no object has a wrong type (\([0-9]*\) right, \([0-9]*\) unknown)/\1 right, \2 untyped/p' "$W/tap")
			fi
		fi
	fi
	case $want in
	right) [ $status -eq 0 ] && [ "$counts" = equal ] || bad="wanted status 0 and equal counters" ;;
	close) [ $status -eq 0 ] || bad="wanted status 0" ;;
	labelled) [ $status -eq 3 ] && [ "$lines" -ge 1 ] || bad="wanted status 3 and a line that says why" ;;
	refused) [ $status -eq 1 ] && [ "$(grep -vc '^heapconv: warning: ' "$W/err")" -eq 1 ] || bad="wanted status 1 and one line" ;;
	esac
	case $says in no:*) bad="$bad; not as the program says" ;; esac
	[ $want != refused ] || says=
	[ -z "$said" ] || said="\`$said\`"
	if [ -z "$bad" ]; then
		pass "$kind${go:+, go $go}"
	else
		flunk "$kind${go:+, go $go}: ${bad#; }" "status $status, counters $counts" "$(head -n 4 "$W/err")" \
			"$([ ! -s "$W/tap" ] || grep -A 3 '^not ok' "$W/tap")"
	fi
	echo "| $kind | $go | $level | $status | $counts | $says | $typed | $said |" >> "$ROWS"
	rm -f "$W/tap"
}
