# SPDX-License-Identifier: MIT
# The same snapshot with two executables: with debug information, and without (a stripped copy).
#   awk -f levels.awk -v name=1.24 WITH WITHOUT
# Both are outputs of --dump=objects. Prints TAP lines without numbers, and "# coverage BYTES OBJECTS" in per mille of
# the live ones. Names that differ but mean the same:
# - blocks of the tiny allocator hold several values; which one names the block is a matter of what is known of them;
# - runtime.hmap and the like are the runtime's own names for maps of which the element types are not known;
# - one value in a row of one;
# - "go.shape." stands for type arguments in shared code: the debug information may know the shape only.

function weak(t) { return t == "runtime.hmap" || t == "internal/runtime/maps.Map" || t == "internal/runtime/maps.table" || t == "runtime.bmap" }
function elem(t) { sub(/^\[\]/, "", t); return t }
function part(t) { sub(/ \((bucket|group)s\)$/, " (part)", t); sub(/ \((bucket|group)\)$/, " (part)", t); return t }
function same(a, b, size, noscan) {
	if (a == b || elem(a) == elem(b) || part(a) == part(b)) return 1
	if (noscan && size == 16) return 1
	if (a ~ /go\.shape\./ || weak(b)) return 1
	return 0
}
{
	p = 4; noscan = $p == "noscan"; p += noscan
	type = $(p + 9); for (i = p + 10; i <= NF; i++) type = type " " $i
}
FNR == NR { size[$1] = $2; state[$1] = $3; addr[$1] = $(p + 1); origin[$1] = $(p + 8); t0[$1] = type; n++; next }
{
	m++
	if (!($1 in state) || state[$1] != $3 || size[$1] != $2 || addr[$1] != $(p + 1)) { other++; if (other < 6) print "# only without: " $0; next }
	if ($3 == "live") {
		live++; bytes += $2
		if ($(p + 8) != "unknown") { known++; kbytes += $2 }
	}
	if ($(p + 8) == "unknown" || origin[$1] == "unknown") next
	both++
	if (!same(t0[$1], type, $2, noscan)) { wrong++; if (wrong < 20) print "# " $1 ": " t0[$1] " (" origin[$1] ") is " type " (" $(p + 8) ")" }
}
END {
	printf "%s - %s: the same %d objects, live and garbage\n", n && n == m && !other ? "ok" : "not ok", name, n
	printf "%s - %s: no object has another type (%d known to both)\n", wrong || !both ? "not ok" : "ok", name, both
	printf "# coverage %d %d\n", bytes ? kbytes * 1000 / bytes : 0, live ? known * 1000 / live : 0
}
