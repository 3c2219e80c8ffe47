# SPDX-License-Identifier: MIT
# Holds what heapconv says of a heap dump against what it says of a core of the same moment.
#   awk -f same_moment.awk -v name=N -v need=PERCENT CORE/nodes.csv CORE/edges.csv DUMP/nodes.csv
# A dump lacks weak handles, cleanups, pins and the vector registers of preempted goroutines: what only these roots reach is
# garbage in it, and dominators differ at most for what they reach. Without debug information a core knows the type of an
# object with a span of its own from the span, which a dump lacks: such an object, and what it leads to, may be of unknown
# type. Everything else must be equal, object by object. Prints TAP lines without numbers.

# Fields of a CSV line into f[]; returns their number.
function csv(line,    n, i, c, quoted, cell) {
	if (index(line, "\"") == 0) return split(line, f, ",")
	for (i = 1; i <= length(line); i++) {
		c = substr(line, i, 1)
		if (quoted && c == "\"" && substr(line, i + 1, 1) == "\"") { cell = cell c; i++ }
		else if (c == "\"") quoted = !quoted
		else if (c == "," && !quoted) { f[++n] = cell; cell = "" }
		else cell = cell c
	}
	f[++n] = cell
	return n
}
function report(ok, what) { print (ok ? "ok" : "not ok") " - " name ": " what }
function differs(what, id, a, b) { if (++shown <= 10) print "# " what " of " id ": " a " in the core, " b " in the dump" }
# What can be reached from list[1..n].
function mark(list, n, reached,    k, to, m) {
	while (n) {
		m = split(out[list[n--]], to, " ")
		for (k = 1; k <= m; k++)
			if (!(to[k] in reached)) { reached[to[k]] = 1; list[++n] = to[k] }
	}
}
function untyped(t) { return t ~ /^\((unknown|tiny values)/ }

FNR == 1 { file++; next }
{ csv($0) }
file == 1 || file == 3 {
	w = file == 1 ? "core" : "dump"
	# Numbers of roots are a matter of each snapshot; names are not.
	label[w, f[1]] = f[1] ~ /^r:/ ? f[14] " " f[2] : f[1]
	idom[w, f[1]] = f[13]
	if (f[3] == "object") {
		live[w, f[1]] = 1; type[w, f[1]] = f[4]; value[w, f[1]] = f[6] " * " f[4]; size[w, f[1]] = f[7]
		retained[w, f[1]] = f[8]; ids[f[1]] = 1
		if (file == 1) own_span[f[1]] = f[11] == 0
	} else if (file == 1 && (f[14] ~ /^(weak|cleanup|pin)/ || f[2] == "(vector registers)")) {
		special[f[1]] = 1; list1[++n1] = f[1]
		weak[f[1]] = f[14] ~ /^weak/
	}
	next
}
file == 2 { out[f[1]] = out[f[1]] " " f[2]; if (weak[f[1]]) box[f[2]] = 1 }
END {
	mark(list1, n1, by_special)
	for (i in special) plain[i] = 1
	plain["ROOT"] = 1; list2[1] = "ROOT"
	mark(list2, 1, plain)
	for (i in ids)
		if (own_span[i] && live["core", i] && untyped(type["dump", i]) && !untyped(type["core", i])) list3[++n3] = i
	large = n3
	for (k = 1; k <= n3; k++) by_large[list3[k]] = 1
	mark(list3, n3, by_large)
	for (i in ids) {
		if (!live["dump", i]) {
			if (i in plain) { fewer++; differs("state", i, "live", "garbage") } else only_special++
			continue
		}
		if (!live["core", i]) { more++; differs("state", i, "garbage", "live"); continue }
		both++
		bytes += size["dump", i]
		if (!untyped(type["dump", i])) typed += size["dump", i]
		# A dump knows no weak handle and so cannot name its box.
		if (!(i in box)) {
			if (value["core", i] != value["dump", i]) {
				if (stripped && (i in by_large) && untyped(type["dump", i])) unknown++
				else { wrong++; differs("type", i, value["core", i], value["dump", i]) }
			} else if (size["core", i] != size["dump", i]) {
				wrong++; differs("size", i, size["core", i], size["dump", i])
			}
		} else if (value["core", i] != value["dump", i]) {
			boxes++
		}
		if (retained["core", i] != retained["dump", i]) kept++
		x = label["core", idom["core", i]]; y = label["dump", idom["dump", i]]
		if (x != y) {
			if (i in by_special) moved++
			else { away++; differs("dominator", i, x, y) }
		}
	}
	report(both > 1000 && !fewer && !more, sprintf("the same objects are live: %d, and %d that only what a dump lacks keeps", both,
		only_special))
	report(!wrong, sprintf("they have the same types and sizes, but for %d boxes of weak handles%s", boxes, stripped ? \
		sprintf(" and %d objects that lost their type with %d large ones", unknown, large) : ""))
	report(!away, sprintf("they have the same dominators, but for %d that such roots reach (%d retained sizes)", moved, kept))
	percent = bytes ? 100 * typed / bytes : 0
	report(percent >= need, sprintf("types are known for %.1f %% of the live bytes", percent))
}
