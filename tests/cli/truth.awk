# SPDX-License-Identifier: MIT
# Holds a snapshot's objects against what the program itself wrote down.
#   awk -f truth.awk -v name=1.24 TRUTH OBJECTS
# OBJECTS is the output of --dump=objects. Prints TAP lines without numbers: "ok - ...", "not ok - ...", "# detail".
# In truth files blanks inside values are underscores; types of backing arrays are "[]" and the element type.

function norm(t) { gsub(/_/, " ", t); return t }
# "main.T[string,*main.U]" and "main.T[string,*main.U]" with blanks after commas are one type.
function canon(t) { gsub(/[ _]/, "", t); return t }

FNR == NR {
	kind = $1
	delete v
	for (i = 2; i <= NF; i++) { eq = index($i, "="); v[substr($i, 1, eq - 1)] = substr($i, eq + 1) }
	if (kind == "memstats") heap_objects = v["HeapObjects"]
	if (kind == "object") {
		a = v["addr"]; want_state[a] = v["state"]; want_type[a] = v["type"]; want_name[a] = v["name"]; want_size[a] = v["size"]
		note[a] = $0
		objects++
	}
	if (kind == "array" || kind == "string") {
		a = v["addr"]; want_state[a] = v["live"] == "0" ? "dead" : "live"; want_name[a] = v["name"]
		if (v["state"] != "") want_state[a] = v["state"]
		want_type[a] = kind == "array" ? "[]" v["elem"] : "string"; want_size[a] = v["size"]; note[a] = $0
		objects++
	}
	if (kind == "count") { count_live[v["type"]] = v["live"]; count_dead[v["type"]] = v["dead"] }
	next
}
{
	# 0xSLOT SIZE live|garbage [noscan] at 0xADDR used N count N retained N ORIGIN TYPE...
	state = $3
	p = 4; if ($p == "noscan") p++
	addr = $(p + 1); used = $(p + 3); cnt = $(p + 5); origin = $(p + 8)
	type = $(p + 9); for (i = p + 10; i <= NF; i++) type = type " " $i
	seen[addr] = 1; got_state[addr] = state; got_type[addr] = type; got_used[addr] = used; got_count[addr] = cnt; got_origin[addr] = origin
	slot[addr] = $2
	total++
	c = canon(type)
	if (state == "live") n_live[c]++; else n_garbage[c]++
}
END {
	for (a in want_state) {
		if (want_size[a] + 0 == 0) continue
		if (!(a in seen)) {
			# inside an object: tiny values, substrings, fields
			inner++
			continue
		}
		checked++
		w = want_state[a] == "live" ? "live" : "garbage"
		# A collector that scans a frame conservatively keeps what stale slots point to: either state is right then.
		# Where the heap's bookkeeping is lost (partial=1), what nothing known leads to is garbage as far as one can see.
		if (partial && w == "live") w = got_state[a]
		if (got_state[a] != w && note[a] !~ / (stale|late)=/) { wrong_state++; detail[++nd] = "state of " note[a] ": " got_state[a] }
		if (got_origin[a] == "unknown") { untyped++; unk[++nu] = note[a] }
		else {
			t = canon(want_type[a]); g = canon(got_type[a])
			# "[]T" are elements in a row; a []T that is an object itself is called a header.
			if (want_name[a] == "box.slice") sub(/\(header\)$/, "", g)
			# Since Go 1.23 time.Timer is a view of the runtime's timeTimer, which is what is allocated.
			if (t == "time.Timer" && g == "runtime.timeTimer") { typed++; continue }
			# Tiny blocks hold several values: what they hold is not one type.
			if (g == "(tinyvalues)" && want_size[a] + 0 < 16) { untyped++; continue }
			if (t == "string" && (g == "string(bytes)")) { typed++; continue }
			if (t == g) typed++
			else { wrong_type++; dt[++ndt] = "type of " note[a] ": " got_type[a] " (" got_origin[a] ")" }
		}
	}
	for (t in count_live) {
		c = canon(t); counts++
		# Objects of unknown type are missing from the counts, which is no error; too many of a type is one.
		if (n_live[c] + 0 < count_live[t] + 0) { fewer++; few = few " " t ":" n_live[c] + 0 "/" count_live[t]; continue }
		if (n_live[c] + 0 != count_live[t] + 0) { wrong_count++; dc[++ndc] = "live " t ": " n_live[c] + 0 " objects, expected " count_live[t] }
	}
	printf "%s - %s: %d objects are live or garbage as the program says (%d inside others)\n", wrong_state ? "not ok" : "ok", name, checked, inner
	for (i = 1; i <= nd; i++) print "# " detail[i]
	printf "%s - %s: no object has a wrong type (%d right, %d unknown)\n", wrong_type ? "not ok" : "ok", name, typed, untyped
	for (i = 1; i <= ndt; i++) print "# " dt[i]
	if (verbose) print "# known in part:" few
	if (verbose) for (i = 1; i <= nu; i++) print "# untyped: " unk[i]
	printf "%s - %s: no type has more live objects than the program made (%d types%s)\n", wrong_count ? "not ok" : "ok", name, counts,
		fewer ? ", " fewer " known in part" : ""
	for (i = 1; i <= ndc; i++) print "# " dc[i]
}
